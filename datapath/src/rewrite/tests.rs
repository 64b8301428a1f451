use alloc::vec::Vec;
use alloc::{format, vec};

use hypercall::{Frame, Gso, GsoKind, Meta, Offload, Port, VecFrame};
use ofp_codec::OxmField;
use proptest::prelude::*;

use super::*;
use crate::checksum::internet_checksum;
use crate::extract::extract;
use crate::fields::place;
use crate::key::{Depth, Presence};
use crate::program::Op;
use crate::samples::{
    self, Scattered, assert_checksums, ethernet, ipv4, ipv6, labels, packet, tagged, tcp, udp,
};

/// The key and headers say what the bytes say.
fn assert_true(packet: &Packet<VecFrame>, what: &str) {
    let mut fresh = packet.clone();
    extract(&mut fresh);
    assert_eq!(packet.key, fresh.key, "{what}");
    assert_eq!(packet.headers, fresh.headers, "{what}");
}

/// A value for a field that leaves the packet parsable as what it is.
fn value_for(field: OxmField, seed: u128) -> u128 {
    match field {
        OxmField::EthType => 0x88b5,
        OxmField::VlanVid => 0x1000 | (seed & 0xfff),
        _ => seed & place(field).ones(),
    }
}

#[test]
fn set_field_then_extract_gives_the_value_on_every_frame() {
    for (name, bytes) in samples::all() {
        let before = packet(&bytes);
        assert_checksums(&before, &name);
        for field in OxmField::ALL {
            let what = format!("{name}, {field:?}");
            let mut packet = before.clone();
            let value = value_for(field, 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c834);
            set_field(&mut packet, field, value).unwrap();
            assert_true(&packet, &what);
            assert_eq!(packet.frame.len(), bytes.len(), "{what}");
            let settable =
                !matches!(field, OxmField::InPort | OxmField::InPhyPort | OxmField::Ipv6Exthdr);
            let was_there = before.key.get(field).is_some()
                && (field != OxmField::VlanVid || before.key.has(Presence::TAG))
                && (field != OxmField::EthType || before.headers.eth_type != 0);
            if settable && was_there {
                let mut fresh = packet.clone();
                extract(&mut fresh);
                // An unknown ICMPv6 type takes neighbour discovery's fields with it, no others.
                assert_eq!(fresh.key.get(field), Some(value), "{what}");
            } else {
                assert_eq!(packet.frame, before.frame, "{what}: no header, no change");
            }
            if field != OxmField::IpProto {
                assert_checksums(&packet, &what);
            }
        }
    }
}

#[test]
fn ip_proto_keeps_the_checksum_of_the_transport_that_was_there() {
    for v6 in [false, true] {
        let bytes = match v6 {
            false => ethernet(0x0800, &ipv4(6, 0, &[], &tcp(false, b"abc"))),
            true => ethernet(0x86dd, &ipv6(6, &tcp(true, b"abc"))),
        };
        let mut packet = packet(&bytes);
        set_field(&mut packet, OxmField::IpProto, 200).unwrap();
        assert_true(&packet, "protocol 200");
        // Add up as if it still were TCP, with the new number in the pseudo-header.
        let frame = packet.frame.headers();
        let (start, addresses) = if v6 { (54, 22..54) } else { (34, 26..34) };
        let mut covered = frame[addresses].to_vec();
        covered.extend(((frame.len() - start) as u32).to_be_bytes());
        covered.extend([0, 0, 0, 200]);
        covered.extend(&frame[start..]);
        assert_eq!(internet_checksum(&covered), 0);
    }
}

#[test]
fn a_udp_checksum_of_zero_stays_and_a_computed_zero_is_all_ones() {
    let mut bytes = ethernet(0x0800, &ipv4(17, 0, &[], &udp(false, b"abcd")));
    bytes[40..42].fill(0);
    let mut packet = packet(&bytes);
    set_field(&mut packet, OxmField::UdpDst, 1).unwrap();
    set_field(&mut packet, OxmField::Ipv4Dst, 1).unwrap();
    assert_eq!(packet.frame.headers()[40..42], [0, 0]);

    // Find the source port that makes the sum zero.
    let bytes = ethernet(0x0800, &ipv4(17, 0, &[], &udp(false, b"abcd")));
    let mut seen = false;
    for port in 0..=u16::MAX {
        let mut packet = samples::packet(&bytes);
        set_field(&mut packet, OxmField::UdpSrc, port.into()).unwrap();
        assert_ne!(packet.frame.headers()[40..42], [0, 0], "port {port}");
        seen |= packet.frame.headers()[40..42] == [0xff, 0xff];
    }
    assert!(seen);
}

#[test]
fn a_routing_header_with_segments_left_takes_the_destination_out_of_the_checksum() {
    let mut chain = vec![6, 2, 0, 1, 0, 0, 0, 0];
    chain.extend(samples::V6_DST);
    chain.extend(tcp(true, b"via"));
    let mut packet = packet(&ethernet(0x86dd, &ipv6(43, &chain)));
    let checksum = packet.frame.headers()[78 + 16..78 + 18].to_vec();
    set_field(&mut packet, OxmField::Ipv6Dst, 1).unwrap();
    assert_eq!(packet.frame.headers()[78 + 16..78 + 18], checksum);
    set_field(&mut packet, OxmField::Ipv6Src, 1).unwrap();
    assert_ne!(packet.frame.headers()[78 + 16..78 + 18], checksum);
}

/// A TCP frame as a host with checksum offload sends it.
fn partial(v6: bool) -> Packet<VecFrame> {
    let mut bytes = match v6 {
        false => ethernet(0x0800, &ipv4(6, 0, &[], &tcp(false, b"partial"))),
        true => ethernet(0x86dd, &ipv6(6, &tcp(true, b"partial"))),
    };
    let (start, addresses) = if v6 { (54, 22..54) } else { (34, 26..34) };
    let mut pseudo = bytes[addresses].to_vec();
    pseudo.extend(((bytes.len() - start) as u32).to_be_bytes());
    pseudo.extend([0, 0, 0, 6]);
    let sum = !internet_checksum(&pseudo);
    bytes[start + 16..start + 18].copy_from_slice(&sum.to_be_bytes());
    let gso = Some(Gso { kind: GsoKind::TcpV4, segment_len: 1000, header_len: start as u16 + 20 });
    let offload = Offload { csum_start: start as u16, csum_offset: 16, gso };
    let meta = Meta { offload, ..Meta::default() };
    Packet::new(VecFrame::from_bytes(&bytes), Port(1), meta)
}

#[test]
fn a_partial_checksum_follows_addresses_and_tags_and_is_completed() {
    for (v6, src) in [(false, OxmField::Ipv4Src), (true, OxmField::Ipv6Src)] {
        let mut packet = partial(v6);
        set_field(&mut packet, src, 0x0a01_0203).unwrap();
        set_field(&mut packet, OxmField::TcpDst, 8080).unwrap();
        push_vlan(&mut packet, 0x8100).unwrap();
        push_mpls(&mut packet, 0x8847).unwrap();
        push_pbb(&mut packet, 0x88e7).unwrap();
        let start = if v6 { 54 } else { 34 };
        assert_eq!(packet.meta.offload.csum_start, start + 26);
        assert_eq!(packet.meta.offload.gso.unwrap().header_len, start + 46);
        pop_pbb(&mut packet).unwrap();
        pop_mpls(&mut packet, 0x8100).unwrap();
        pop_vlan(&mut packet).unwrap();
        assert_eq!(packet.meta.offload.csum_start, start);
        complete_checksum(&mut packet).unwrap();
        assert!(!packet.meta.offload.is_partial());
        assert_true(&packet, "completed");
        assert_checksums(&packet, "completed");
        assert_eq!(packet.key.get(OxmField::TcpDst), Some(8080));
    }
}

#[test]
fn a_partial_sctp_checksum_ends_where_ip_ends() {
    let bytes = ethernet(0x0800, &ipv4(132, 0, &[], &samples::sctp(b"data")));
    let mut packet = packet(&bytes);
    pad_to(&mut packet, 60).unwrap();
    packet.meta.offload = Offload { csum_start: 34, csum_offset: 8, gso: None };
    set_field(&mut packet, OxmField::SctpSrc, 7).unwrap();
    assert_eq!(packet.frame.headers()[42..46], bytes[42..46], "still to be done");
    complete_checksum(&mut packet).unwrap();
    assert_checksums(&packet, "SCTP");
}

#[test]
fn a_wrong_sctp_checksum_is_not_made_right_by_setting_what_is_set() {
    let mut bytes = ethernet(0x0800, &ipv4(132, 0, &[], &samples::sctp(b"data")));
    bytes[42] ^= 1;
    let mut packet = packet(&bytes);
    let port = packet.key.get(OxmField::SctpSrc).unwrap();
    set_field(&mut packet, OxmField::SctpSrc, port).unwrap();
    assert_eq!(packet.frame.headers(), bytes);
}

#[test]
fn push_vlan_copies_the_outermost_tag_and_pop_takes_it_off() {
    let bytes = tagged(&[(0x8100, 0x600a)], 0x0800, &ipv4(6, 0, &[], &tcp(false, b"")));
    let mut packet = packet(&bytes);
    push_vlan(&mut packet, 0x88a8).unwrap();
    assert_eq!(packet.frame.headers()[..20], {
        let pushed = [samples::DST.as_slice(), &samples::SRC, &[0x88, 0xa8, 0x60, 0x0a]].concat();
        [pushed.as_slice(), &[0x81, 0, 0x60, 0x0a]].concat()
    });
    set_field(&mut packet, OxmField::VlanVid, 0x1fff).unwrap();
    assert_true(&packet, "two tags");
    pop_vlan(&mut packet).unwrap();
    assert_eq!(packet.frame.headers(), bytes);
    pop_vlan(&mut packet).unwrap();
    pop_vlan(&mut packet).unwrap();
    assert_eq!(packet.key.get(OxmField::VlanVid), Some(0));
    assert_eq!(packet.frame.len(), bytes.len() - 4, "no tag, no change");
    push_vlan(&mut packet, 0x8100).unwrap();
    assert_eq!(packet.key.get(OxmField::VlanVid), Some(0x1000), "a tag of zeros");
}

#[test]
fn push_mpls_takes_label_class_and_ttl_from_the_outermost_else_ttl_from_ip() {
    for (eth_type, body) in
        [(0x0800, ipv4(6, 0, &[], &tcp(false, b""))), (0x86dd, ipv6(6, &tcp(true, b"")))]
    {
        let bytes = ethernet(eth_type, &body);
        let mut packet = packet(&bytes);
        push_mpls(&mut packet, 0x8847).unwrap();
        assert_eq!(packet.frame.headers()[12..18], [0x88, 0x47, 0, 0, 1, 64]);
        set_field(&mut packet, OxmField::MplsLabel, 0xabcde).unwrap();
        set_field(&mut packet, OxmField::MplsTc, 5).unwrap();
        set_mpls_ttl(&mut packet, 33).unwrap();
        push_mpls(&mut packet, 0x8848).unwrap();
        let stack = labels(&[(0xabcde, 5, 33), (0xabcde, 5, 33)]);
        assert_eq!(packet.frame.headers()[12..14], [0x88, 0x48]);
        assert_eq!(packet.frame.headers()[14..22], stack);
        assert_true(&packet, "two labels");
        pop_mpls(&mut packet, 0x8847).unwrap();
        pop_mpls(&mut packet, eth_type).unwrap();
        assert_eq!(packet.frame.headers(), bytes);
    }
    let mut packet = packet(&ethernet(0x0806, &samples::arp()));
    push_mpls(&mut packet, 0x8847).unwrap();
    assert_eq!(packet.frame.headers()[14..18], [0, 0, 1, 0], "label and TTL 0 over ARP");
}

#[test]
fn push_mpls_goes_before_vlan_tags_and_pop_brings_them_back() {
    let bytes = tagged(&[(0x8100, 5)], 0x0800, &ipv4(6, 0, &[], &tcp(false, b"")));
    let mut packet = packet(&bytes);
    push_mpls(&mut packet, 0x8847).unwrap();
    assert_eq!(packet.key.get(OxmField::VlanVid), Some(0), "the tag is beneath");
    assert_eq!(packet.frame.headers()[12..20], [0x88, 0x47, 0, 0, 1, 64, 0, 5]);
    pop_mpls(&mut packet, 0x8100).unwrap();
    assert_eq!(packet.frame.headers(), bytes);
}

#[test]
fn push_pbb_copies_macs_and_priority_and_pop_gives_the_customer_frame_back() {
    let bytes = tagged(&[(0x8100, 0xa005)], 0x0800, &ipv4(6, 0, &[], &tcp(false, b"")));
    let mut packet = packet(&bytes);
    push_pbb(&mut packet, 0x88e7).unwrap();
    let mut expected = [samples::DST, samples::SRC].concat();
    expected.extend([0x88, 0xe7, 0xa0, 0, 0, 0]);
    expected.extend(&bytes);
    assert_eq!(packet.frame.headers(), expected);
    set_field(&mut packet, OxmField::PbbIsid, 0x123456).unwrap();
    set_field(&mut packet, OxmField::EthDst, 1).unwrap();
    push_pbb(&mut packet, 0x88e7).unwrap();
    assert_eq!(packet.key.get(OxmField::PbbIsid), Some(0x123456), "copied");
    push_vlan(&mut packet, 0x88a8).unwrap();
    assert_true(&packet, "a B-TAG before the I-TAG");
    pop_pbb(&mut packet).unwrap();
    assert_eq!(packet.frame.headers()[12..18], [0x88, 0xa8, 0, 0, 0x88, 0xe7], "the B-TAG stays");
    pop_vlan(&mut packet).unwrap();
    pop_pbb(&mut packet).unwrap();
    assert_eq!(packet.frame.headers(), bytes);
    pop_pbb(&mut packet).unwrap();
    assert_eq!(packet.frame.headers(), bytes, "no I-TAG, no change");
}

#[test]
fn a_decrement_to_zero_is_invalid_and_changes_nothing() {
    for (name, bytes) in samples::all() {
        for ttl in [0, 1, 2, 255] {
            let mut packet = packet(&bytes);
            set_nw_ttl(&mut packet, ttl).unwrap();
            set_mpls_ttl(&mut packet, ttl).unwrap();
            assert_checksums(&packet, &name);
            let before = packet.frame.clone();
            let is_ip = packet.key.has(Presence::IP);
            let is_mpls = packet.key.has(Presence::MPLS);
            let wanted = |applies| match applies && ttl < 2 {
                true => Err(RewriteError::InvalidTtl),
                false => Ok(()),
            };
            assert_eq!(dec_nw_ttl(&mut packet), wanted(is_ip), "{name}");
            assert_eq!(dec_mpls_ttl(&mut packet), wanted(is_mpls), "{name}");
            assert_checksums(&packet, &name);
            assert_true(&packet, &name);
            let changed = (is_ip || is_mpls) && ttl >= 2;
            assert_eq!(packet.frame != before, changed, "{name}");
        }
    }
}

#[test]
fn ttl_is_copied_between_the_two_outermost_headers() {
    let inner = ipv4(17, 0, &[], &udp(false, b"in"));
    let mut packet = packet(&ethernet(0x8847, &[labels(&[(1, 0, 7), (2, 0, 9)]), inner].concat()));
    copy_ttl_out(&mut packet).unwrap();
    assert_eq!(packet.frame.headers()[17], 9, "MPLS to MPLS");
    set_mpls_ttl(&mut packet, 33).unwrap();
    copy_ttl_in(&mut packet).unwrap();
    assert_eq!(packet.frame.headers()[21], 33);
    pop_mpls(&mut packet, 0x8847).unwrap();
    copy_ttl_in(&mut packet).unwrap();
    assert_eq!(packet.frame.headers()[26], 33, "MPLS to IPv4");
    set_mpls_ttl(&mut packet, 1).unwrap();
    copy_ttl_out(&mut packet).unwrap();
    assert_eq!(packet.frame.headers()[17], 33, "IPv4 to MPLS");
    pop_mpls(&mut packet, 0x0800).unwrap();
    assert_checksums(&packet, "IPv4 beneath MPLS");
    let before = packet.frame.clone();
    copy_ttl_in(&mut packet).unwrap();
    copy_ttl_out(&mut packet).unwrap();
    assert_eq!(packet.frame, before, "one TTL: no-op");

    let six = ipv6(17, &udp(true, b"in"));
    for (proto, inner, at) in [(4, before.headers()[14..].to_vec(), 42), (41, six, 41)] {
        let mut packet = samples::packet(&ethernet(0x0800, &ipv4(proto, 0, &[], &inner)));
        set_nw_ttl(&mut packet, 99).unwrap();
        copy_ttl_in(&mut packet).unwrap();
        assert_eq!(packet.frame.headers()[at], 99, "IP to IP");
        let inner =
            ethernet(if proto == 4 { 0x0800 } else { 0x86dd }, &packet.frame.headers()[34..]);
        assert_checksums(&samples::packet(&inner), "the inner header");
    }
}

#[test]
fn a_stack_of_300_labels_and_a_tag_on_a_64_kib_frame() {
    let stack: Vec<_> = (0..300).map(|label| (label, 1, 64)).collect();
    let mut packet = packet(&ethernet(0x8847, &labels(&stack)));
    for label in 0..300 {
        assert_eq!(packet.key.get(OxmField::MplsLabel), Some(label));
        pop_mpls(&mut packet, 0x8847).unwrap();
    }
    assert_eq!(packet.key.get(OxmField::MplsLabel), None);

    let bytes = ethernet(0x0800, &ipv4(6, 0, &[], &tcp(false, &vec![7; 65_495])));
    let mut packet = samples::packet(&bytes);
    set_field(&mut packet, OxmField::Ipv4Src, 1).unwrap();
    push_vlan(&mut packet, 0x8100).unwrap();
    assert_checksums(&packet, "64 KiB");
    assert_eq!(packet.frame.len(), 65_553);
}

#[test]
fn both_mac_addresses_at_once_as_one_by_one() {
    let (src, dst) = (0x0211_2233_4455, 0x0266_7788_99aa);
    let ops = [(OxmField::EthSrc, src), (OxmField::EthDst, dst)]
        .map(|(field, value)| Op::Apply(Act::set_field(field, value)));
    for (name, bytes) in samples::all() {
        let (mut together, mut apart) = (packet(&bytes), packet(&bytes));
        assert_eq!(run(&mut together, &ops, &mut Resized::default(), Op::applied), [], "{name}");
        set_field(&mut apart, OxmField::EthSrc, src).unwrap();
        set_field(&mut apart, OxmField::EthDst, dst).unwrap();
        assert_eq!(together.frame, apart.frame, "{name}");
        assert_true(&together, &name);
    }
}

#[test]
fn without_memory_a_rewrite_is_whole_or_not_at_all() {
    let (mut refused, mut done) = (0, 0);
    for (name, bytes) in samples::all() {
        for prefix in (0..bytes.len().min(100)).step_by(3) {
            for kind in 0..52 {
                let what = format!("{name}, {kind}, {prefix} bytes contiguous");
                let seed = u128::from(kind) + 28 + 40 * 0x1234_5678_9abc;
                let mut whole = packet(&bytes);
                let wanted = rewrite(&mut whole, kind, seed);
                let frame = Scattered::new(&bytes, prefix);
                let mut packet = Packet::new(frame, Port(1), Meta::default());
                extract(&mut packet);
                let key = packet.key;
                match rewrite(&mut packet, kind, seed) {
                    Err(RewriteError::NoRoom) => {
                        refused += 1;
                        assert_eq!(packet.frame.bytes, bytes, "{what}");
                        assert_eq!(packet.key, key, "{what}");
                    }
                    result => {
                        done += 1;
                        assert_eq!(result, wanted, "{what}");
                        assert_eq!(packet.frame.bytes, whole.frame.headers(), "{what}");
                        assert_eq!(packet.key, whole.key, "{what}");
                    }
                }
            }
        }
    }
    assert!(refused > 1000 && done > 1000, "{refused} refused, {done} done");
}

/// One action, by number: two in three are such as recipes fuse.
fn action(kind: u8, seed: u128) -> Act {
    use OxmField as F;
    let fields = [
        F::EthDst,
        F::EthSrc,
        F::VlanVid,
        F::VlanPcp,
        F::Ipv4Src,
        F::Ipv4Dst,
        F::TcpSrc,
        F::TcpDst,
        F::UdpSrc,
        F::UdpDst,
        F::Ipv6Dst,
        F::IpDscp,
        F::ArpTpa,
        F::SctpDst,
    ];
    match kind {
        0 => Act::PushVlan(if seed & 1 == 0 { 0x8100 } else { 0x88a8 }),
        1 => Act::PopVlan,
        2 => Act::DecNwTtl,
        3 => Act::SetNwTtl(seed as u8),
        _ => {
            let field = fields[usize::from(kind) % fields.len()];
            Act::set_field(field, value_for(field, seed))
        }
    }
}

fn act<F: Frame>(packet: &mut Packet<F>, act: &Act) -> Result<(), RewriteError> {
    match *act {
        Act::PushVlan(eth_type) => push_vlan(packet, eth_type),
        Act::PopVlan => pop_vlan(packet),
        Act::DecNwTtl => dec_nw_ttl(packet),
        Act::SetNwTtl(ttl) => set_nw_ttl(packet, ttl),
        Act::SetField { field, value } => set_field(packet, field, crate::program::wide(value)),
        _ => Ok(()),
    }
}

/// Cooks a packet that has been read to a depth, and compares with what the actions do one by one.
fn assert_recipe<F: Frame>(mut packet: Packet<F>, depth: Depth, acts: &[Act], what: &str) -> usize {
    let bytes = |packet: &Packet<F>| {
        let mut bytes = vec![0; packet.frame.len()];
        assert!(packet.frame.read_at(0, &mut bytes));
        bytes
    };
    let mut frame = bytes(&packet);
    packet.ensure(depth);
    let recipe = Recipe::new(acts.iter());
    let before = packet.frame.len();
    let cooked = recipe.cook(&mut packet);
    let done = Recipe::acts_of(cooked.step_count, acts.iter());
    assert_eq!(done == recipe.act_count(), cooked.step_count == recipe.step_count(), "{what}");
    assert_eq!(packet.frame.len() as i64 - before as i64, cooked.grown, "{what}");
    let mut slow = samples::packet(&frame);
    for one in &acts[..done] {
        assert_eq!(act(&mut slow, one), Ok(()), "{what}: {one:?} is done by the recipe");
    }
    frame = slow.frame.headers().to_vec();
    assert_eq!(bytes(&packet), frame, "{what}: the first {done} of {acts:?}");
    done
}

#[test]
fn usual_lists_on_usual_frames_are_cooked_to_the_end() {
    let udp = ethernet(0x0800, &ipv4(17, 0, &[], &udp(false, b"abcd")));
    let tagged = tagged(&[(0x8100, 0x6005)], 0x0800, &udp[14..]);
    let set = |field, value| Act::set_field(field, value);
    let macs = [set(OxmField::EthSrc, 5), set(OxmField::EthDst, 6)];
    let nat = [
        set(OxmField::Ipv4Src, 7),
        set(OxmField::Ipv4Dst, 8),
        set(OxmField::UdpSrc, 9),
        set(OxmField::UdpDst, 10),
        Act::DecNwTtl,
    ];
    let tag = [Act::PushVlan(0x88a8), set(OxmField::VlanVid, 0x1064), set(OxmField::VlanPcp, 3)];
    let lists: [(&[u8], Vec<Act>, usize); 9] = [
        (&udp, macs.to_vec(), 1),
        (&udp, [&nat[4..], &macs].concat(), 1),
        (&tagged, [&nat[4..], &macs].concat(), 1),
        (&udp, [&macs[..], &nat[4..]].concat(), 2),
        (&udp, [&macs[..], &nat].concat(), 2),
        (&udp, tag.to_vec(), 1),
        (&tagged, tag.to_vec(), 1),
        (&tagged, vec![Act::PopVlan], 1),
        (&tagged, [&tag[..], &macs, &nat, &[Act::PopVlan]].concat(), 4),
    ];
    for (bytes, acts, step_count) in lists {
        assert_eq!(Recipe::new(acts.iter()).step_count(), step_count, "{acts:?}");
        for depth in [Depth::Nothing, Depth::Link, Depth::Whole] {
            let packet = samples::packet(bytes);
            assert_eq!(assert_recipe(packet, depth, &acts, "usual"), acts.len(), "{acts:?}");
        }
    }
}

/// Prints the processor time of reading and of some rewrites.
/// `cargo test --release -p rumpswitch-datapath --lib cost -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn cost() {
    let tcp = ethernet(0x0800, &ipv4(6, 0, &[], &tcp(false, &[0; 1000])));
    let time = |what: &str, step: &mut dyn FnMut(&mut Packet<VecFrame>)| {
        let mut packet = packet(&tcp);
        let start = samples::cpu_nanos();
        for _ in 0..1_000_000 {
            step(core::hint::black_box(&mut packet));
        }
        std::println!("{what}: {:.1} ns", (samples::cpu_nanos() - start) / 1e6);
    };
    time("extract", &mut |packet| extract(packet));
    let mut address = 0;
    time("set ipv4_dst", &mut |packet| {
        address += 1;
        set_field(packet, OxmField::Ipv4Dst, address).unwrap();
    });
    time("set eth_dst", &mut |packet| {
        address += 1;
        set_field(packet, OxmField::EthDst, address).unwrap();
    });
    time("push and pop a tag", &mut |packet| {
        push_vlan(packet, 0x8100).unwrap();
        pop_vlan(packet).unwrap();
    });
    time("push and pop a label", &mut |packet| {
        push_mpls(packet, 0x8847).unwrap();
        pop_mpls(packet, 0x0800).unwrap();
    });
    time("set ttl", &mut |packet| set_nw_ttl(packet, 64).unwrap());
}

/// One rewrite, by number.
fn rewrite<F: Frame>(packet: &mut Packet<F>, kind: u8, seed: u128) -> Result<(), RewriteError> {
    let field = OxmField::ALL[(seed % 40) as usize];
    match kind {
        0 => push_vlan(packet, if seed & 1 == 0 { 0x8100 } else { 0x88a8 }),
        1 => pop_vlan(packet),
        2 => push_mpls(packet, 0x8847),
        3 => pop_mpls(packet, if seed & 1 == 0 { 0x0800 } else { 0x8848 }),
        4 => push_pbb(packet, 0x88e7),
        5 => pop_pbb(packet),
        6 => set_nw_ttl(packet, seed as u8),
        7 => dec_nw_ttl(packet),
        8 => set_mpls_ttl(packet, seed as u8),
        9 => dec_mpls_ttl(packet),
        10 => copy_ttl_in(packet),
        11 => copy_ttl_out(packet),
        // These make headers be read as what they are not.
        _ if matches!(field, OxmField::IpProto | OxmField::EthType) => Ok(()),
        _ => set_field(packet, field, value_for(field, seed)),
    }
}

proptest! {
    #[test]
    fn any_sequence_keeps_the_key_true_and_the_checksums_right(
        sample in any::<prop::sample::Index>(),
        steps in prop::collection::vec((0u8..24, any::<u128>()), 1..12),
    ) {
        let samples = samples::all();
        let (name, bytes) = sample.get(&samples);
        let mut packet = packet(bytes);
        for (kind, seed) in steps {
            // A pop may lay open what the type does not say; then there is nothing to add up.
            let lies = matches!(kind, 3);
            let _ = rewrite(&mut packet, kind, seed);
            assert_true(&packet, name);
            if lies {
                break;
            }
            assert_checksums(&packet, name);
        }
    }

    #[test]
    fn no_sequence_on_any_bytes_panics(
        bytes in prop::collection::vec(any::<u8>(), 0..120),
        eth_type in prop::sample::select(vec![
            0x0800u16, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x8847, 0x88e7, 10,
        ]),
        steps in prop::collection::vec((0u8..24, any::<u128>()), 1..12),
    ) {
        let mut bytes = bytes;
        if let Some(at) = bytes.get_mut(12..14) {
            at.copy_from_slice(&eth_type.to_be_bytes());
        }
        let mut packet = packet(&bytes);
        for (kind, seed) in steps {
            let _ = rewrite(&mut packet, kind, seed);
            assert_true(&packet, "any bytes");
        }
    }

    #[test]
    fn a_recipe_does_what_its_actions_do_one_by_one(
        sample in any::<prop::sample::Index>(),
        steps in prop::collection::vec((0u8..24, any::<u128>()), 1..8),
        depth in prop::sample::select(vec![Depth::Nothing, Depth::Link, Depth::Whole]),
        prefix in 0usize..80,
    ) {
        let samples = samples::all();
        let (name, bytes) = sample.get(&samples);
        let acts: Vec<Act> = steps.into_iter().map(|(kind, seed)| action(kind, seed)).collect();
        let packet = Packet::new(VecFrame::from_bytes(bytes), Port(1), Meta::default());
        assert_recipe(packet, depth, &acts, name);
        let frame = Scattered::new(bytes, prefix.min(bytes.len()));
        assert_recipe(Packet::new(frame, Port(1), Meta::default()), depth, &acts, name);
    }
}
