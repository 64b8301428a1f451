//! Frames that are cut, fragmented, tagged and chained beyond reason, or long.

use std::collections::BTreeSet;

use datapath::SwitchConfig;
use hypercall::Nanos;
use ofp_codec::{Action, FlowMod, Instruction, Match, Message, Oxm, OxmField, PortNo, TableId};
use proptest::collection::vec;
use proptest::prelude::*;
use rumpswitch_tests::counters::Snapshot;
use rumpswitch_tests::generate::frames::frame;
use rumpswitch_tests::oracle::fields;
use rumpswitch_tests::plain::{self, ethernet, ipv4, ipv6, padded, tagged, tcp, udp};
use rumpswitch_tests::random::Random;
use switch_dev::DeviceConfig;

use crate::bed::{Bed, bytes};

/// Frames of every kind whose headers are read, each whole.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    let datagram = udp(1000, 53, b"payload!");
    let segment = tcp(1000, 80, b"payload!");
    let v6 = |chain: &[u8], next: u8, payload: &[u8]| {
        ethernet(0x86dd, &ipv6(next, &[chain, payload].concat()))
    };
    let sctp = [3, 0xe8, 0, 22, 0, 0, 0, 1, 0, 0, 0, 0];
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let in_snap = [&snap[..], &ipv4(17, 0, &datagram)].concat();
    let options = {
        let mut packet = ipv4(6, 0, &[&[1, 1, 1, 0][..], &segment].concat());
        packet[0] = 0x46;
        packet[10..12].fill(0);
        let sum = plain::checksum(&packet[..24]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet
    };
    let double =
        tagged(0x88a8, 0x2064, &tagged(0x8100, 5, &ethernet(0x0800, &ipv4(6, 0, &segment))));
    let pbb = [&[0x20, 0, 0, 7][..], &tagged(0x8100, 5, &ethernet(0x0806, &plain::arp()))].concat();
    let chain = [
        &[43, 0, 1, 4, 0, 0, 0, 0][..],
        &[60, 0, 0, 0, 0, 0, 0, 0],
        &[51, 0, 1, 4, 0, 0, 0, 0],
        &[6, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1],
    ]
    .concat();
    vec![
        ("ARP", ethernet(0x0806, &plain::arp())),
        ("UDP", ethernet(0x0800, &ipv4(17, 0, &datagram))),
        ("TCP with IPv4 options", ethernet(0x0800, &options)),
        ("SCTP", ethernet(0x0800, &ipv4(132, 0, &sctp))),
        ("ICMP", ethernet(0x0800, &ipv4(1, 0, &[8, 0, 0, 0, 0, 1, 0, 1]))),
        ("first fragment", ethernet(0x0800, &ipv4(17, 0x2000, &datagram))),
        ("later fragment", ethernet(0x0800, &ipv4(17, 0x2001, &datagram))),
        ("two tags", double),
        ("tag over IPv6", tagged(0x8100, 0xa005, &v6(&[], 17, &datagram))),
        ("extension headers", v6(&chain, 0, &segment)),
        ("IPv6 first fragment", v6(&[17, 0, 0, 1, 0, 0, 0, 9], 44, &datagram)),
        ("IPv6 later fragment", v6(&[17, 0, 0, 9, 0, 0, 0, 9], 44, &datagram)),
        ("solicitation", v6(&[], 58, &plain::neighbour(135, &[1, 1, 2, 0, 0, 0, 0, 7]))),
        ("advertisement", v6(&[], 58, &plain::neighbour(136, &[2, 1, 2, 0, 0, 0, 0, 7]))),
        ("labels", ethernet(0x8847, &[0, 1, 2, 64, 0, 3, 0x45, 64, 0x45, 0, 0, 20])),
        ("PBB", ethernet(0x88e7, &pbb)),
        ("SNAP", ethernet(in_snap.len() as u16, &in_snap)),
        ("LLC", ethernet(20, &[0x42; 20])),
        ("unknown type", ethernet(0x88cc, &[7; 20])),
    ]
}

/// The match on a field as the frame has it, with what it needs.
fn match_on(layout: &fields::Layout, field: OxmField) -> Match {
    use OxmField::*;
    let chains: [&[OxmField]; 5] =
        [&[], &[VlanVid], &[EthType], &[EthType, IpProto], &[EthType, IpProto, Icmpv6Type]];
    let exact = |field: &OxmField| Some(Oxm::new(*field, layout.get(*field)?));
    chains
        .iter()
        .filter(|chain| !chain.contains(&field))
        .filter_map(|chain| chain.iter().chain([&field]).map(exact).collect::<Option<Vec<_>>>())
        .find_map(|oxms| Match::new(oxms).ok())
        .unwrap_or_else(|| panic!("{field:?} of a frame without what it needs"))
}

/// Tables that ask about one field each and note in the metadata whether it is there with the value
/// that the whole frame has; the packet-in at the end tells. The matches, in the order of the bits.
fn questions(bed: &mut Bed, whole: &[u8]) -> Vec<Match> {
    let layout = fields::read(whole);
    let matches: Vec<Match> =
        layout.fields.iter().map(|(field, _)| match_on(&layout, *field)).collect();
    for (bit, matching) in matches.iter().enumerate() {
        let next = Instruction::GotoTable(TableId(bit as u8 + 1));
        let noted = Instruction::WriteMetadata { value: 1 << bit, mask: 1 << bit };
        let table_id = TableId(bit as u8);
        let hit = FlowMod {
            table_id,
            matching: matching.clone(),
            instructions: vec![noted, next.clone()],
            ..FlowMod::default()
        };
        let miss =
            FlowMod { table_id, priority: 0, instructions: vec![next], ..FlowMod::default() };
        bed.accept(&bytes(&Message::FlowMod(hit), 5));
        bed.accept(&bytes(&Message::FlowMod(miss), 5));
    }
    let end = Instruction::ApplyActions(vec![Action::controller(), Action::output(PortNo(2))]);
    let table_id = TableId(matches.len() as u8);
    let end = FlowMod { table_id, instructions: vec![end], ..FlowMod::default() };
    bed.accept(&bytes(&Message::FlowMod(end), 5));
    matches
}

/// The first `len` bytes; with `shorter`, IP's own length says so, too.
fn cut(whole: &[u8], len: usize, shorter: bool) -> Vec<u8> {
    let mut cut = whole[..len].to_vec();
    let layout = fields::read(whole);
    let (at, rest) = match (layout.ipv4, layout.ipv6) {
        (Some((ip, _)), _) => (ip + 2, len.saturating_sub(ip)),
        (_, Some(ip)) => (ip + 4, len.saturating_sub(ip + 40)),
        _ => return cut,
    };
    if shorter && at + 2 <= len {
        cut[at..at + 2].copy_from_slice(&(rest as u16).to_be_bytes());
    }
    cut
}

/// Each frame, cut behind each of its bytes, with IP's length as it was and as it is then: shorter
/// than an Ethernet header it is dropped as a runt, otherwise it is forwarded byte for byte, and
/// matched by exactly the fields that the oracle reads in what is left (§7.2.3.8: a field whose
/// header is missing does not match).
#[test]
fn frames_cut_behind_each_byte() {
    for (name, whole) in samples() {
        let mut bed = Bed::new();
        let matches = questions(&mut bed, &whole);
        assert!(matches.len() >= 3, "{name}");
        for (len, shorter) in (0..=whole.len()).flat_map(|len| [(len, false), (len, true)]) {
            let cut = cut(&whole, len, shorter);
            bed.settle();
            let sent = bed.frame(1, &cut);
            if len < 14 {
                assert_eq!(sent, [], "{name}, {len} bytes");
                let rx = match len {
                    0 => "port 1 rx 1".to_owned(),
                    len => format!("port 1 rx 1/{len}"),
                };
                bed.assert_moved(&[&rx, "port 1 rx dropped 1", "drop runt 1"]);
                assert_eq!(bed.packet_ins(), []);
                continue;
            }
            assert_eq!(sent, [(2, cut.clone())], "{name}, {len} bytes");
            let packet_ins = bed.packet_ins();
            let [packet_in] = &packet_ins[..] else { panic!("{name}, {len}: {packet_ins:?}") };
            assert_eq!(packet_in.data, cut);
            let noted = packet_in.matching.exact(OxmField::Metadata).unwrap_or(0);
            let layout = fields::read(&cut);
            for (bit, matching) in matches.iter().enumerate() {
                let holds = |oxm: &Oxm| layout.get(oxm.field) == Some(oxm.value);
                let expected = matching.fields().iter().all(holds);
                let is_noted = noted >> bit & 1 == 1;
                assert_eq!(is_noted, expected, "{name}, {len} bytes, {shorter}: {matching:?}");
            }
        }
    }
}

/// Cut frames under every rewrite: whatever the action finds missing it leaves alone, lengths stay
/// what they should be, and no byte is read that is not there.
#[test]
fn rewrites_of_cut_frames() {
    let rewrites = [
        ("ip", "set_field:10.9.9.9->ip_dst,set_field:63->ip_dscp,dec_ttl"),
        ("ipv6", "set_field:2001:db8::99->ipv6_src,set_field:5->ipv6_label,dec_ttl"),
        ("tcp", "set_field:81->tcp_dst,set_field:82->tcp_src"),
        ("udp", "set_field:81->udp_dst"),
        ("sctp", "set_field:81->sctp_dst"),
        ("udp6", "set_field:81->udp_src"),
        ("tcp6", "set_field:81->tcp_src"),
        ("icmp", "set_field:3->icmp_type"),
        ("icmp6", "set_field:1->icmpv6_code"),
        (
            "icmp6,icmp_type=135",
            "set_field:2001:db8::77->nd_target,set_field:02:00:00:00:00:77->nd_sll",
        ),
        ("icmp6,icmp_type=136", "set_field:02:00:00:00:00:77->nd_tll"),
        (
            "arp",
            "set_field:2->arp_op,set_field:10.9.9.9->arp_spa,set_field:02:00:00:00:00:77->arp_sha",
        ),
        ("mpls", "set_field:7->mpls_label,set_mpls_ttl:9"),
        ("vlan_tci=0x1000/0x1000", "set_field:4099->vlan_vid,set_field:3->vlan_pcp"),
    ];
    for (name, whole) in samples() {
        for (matching, actions) in rewrites {
            let mut bed = Bed::new();
            bed.add(&format!("priority=5,{matching},actions={actions},output:2"));
            bed.add("priority=1,actions=output:3");
            for (len, shorter) in (14..=whole.len()).flat_map(|len| [(len, false), (len, true)]) {
                let cut = cut(&whole, len, shorter);
                let sent = bed.frame(1, &cut);
                let [(port, frame)] = &sent[..] else { panic!("{name}, {len}: {sent:?}") };
                assert_eq!(frame.len(), len, "{name}, {matching}, {len} bytes");
                assert!(*port == 2 || *frame == cut, "{name}, {len} bytes");
            }
        }
        // A label goes outermost, and its pop puts back the type that it names: not a tag's, nor the
        // length of an 802.3 frame.
        let structural = [
            ("", "push_vlan:0x8100,push_vlan:0x88a8,set_field:4097->vlan_vid,pop_vlan,pop_vlan"),
            ("", "push_pbb:0x88e7,pop_pbb"),
            (
                "dl_vlan=0xffff,ip",
                "push_mpls:0x8847,push_mpls:0x8847,pop_mpls:0x8847,pop_mpls:0x0800",
            ),
            ("dl_vlan=0xffff,ipv6", "push_mpls:0x8848,pop_mpls:0x86dd"),
        ];
        for (matching, actions) in structural {
            if name == "SNAP" && actions.contains("mpls") {
                continue;
            }
            let mut bed = Bed::new();
            bed.add(&format!("priority=5,{matching},actions={actions},output:2"));
            bed.add("priority=1,actions=output:2");
            for len in 14..=whole.len() {
                let cut = cut(&whole, len, true);
                let expected = padded(cut.clone());
                let sent = bed.frame(1, &cut);
                let [(2, frame)] = &sent[..] else { panic!("{name}, {len}: {sent:?}") };
                // What was pushed and popped again is as it was, but for a pop's padding.
                assert_eq!(frame[..len], cut, "{name}, {actions}, {len} bytes");
                assert!(frame.len() == len || *frame == expected, "{name}, {actions}, {len} bytes");
            }
        }
    }
}

/// Eight VLAN tags: the outermost is matched and changed, the others are payload (§7.2.3.8).
#[test]
fn eight_vlan_tags() {
    let mut frame = padded(ethernet(0x0800, &ipv4(17, 0, &udp(1, 53, &[]))));
    for vid in 1..=8 {
        frame = tagged(if vid % 2 == 0 { 0x88a8 } else { 0x8100 }, vid, &frame);
    }
    let mut bed = Bed::new();
    bed.add("priority=9,in_port=1,dl_vlan=8,udp,tp_dst=53,actions=output:2");
    bed.add("priority=9,in_port=2,dl_vlan=8,actions=pop_vlan,output:3");
    bed.add(
        "priority=9,in_port=3,dl_vlan=8,actions=push_vlan:0x8100,set_field:4105->vlan_vid,output:4",
    );
    bed.add("priority=1,actions=drop");
    assert_eq!(bed.frame(1, &frame), [(2, frame.clone())], "the type behind all tags is IPv4");
    let popped = [&frame[..12], &frame[16..]].concat();
    assert_eq!(bed.frame(2, &frame), [(3, popped)]);
    let pushed = tagged(0x8100, 9, &frame);
    assert_eq!(bed.frame(3, &frame), [(4, pushed)]);
    assert_eq!(bed.frame(1, &frame[..44]), [], "the last type is cut off: it is no UDP");
}

/// 300 MPLS labels: the outermost is matched and changed, the others are payload.
#[test]
fn three_hundred_labels() {
    let entry =
        |n: u32, ttl: u8| (n << 12 | u32::from(n == 300) << 8 | u32::from(ttl)).to_be_bytes();
    let stack = |from: u32| (from..=300).flat_map(|n| entry(n, 64)).collect::<Vec<u8>>();
    let frame = |from: u32| ethernet(0x8847, &[stack(from), vec![0x45; 40]].concat());
    let mut bed = Bed::new();
    let label = "priority=9,mpls,mpls_label=1,mpls_bos=0";
    bed.add(&format!("{label},in_port=1,actions=output:2"));
    bed.add(&format!("{label},in_port=2,actions=pop_mpls:0x8847,output:3"));
    bed.add(&format!("{label},in_port=3,actions=dec_mpls_ttl,output:4"));
    bed.add("priority=9,mpls,mpls_label=1,in_port=4,actions=push_mpls:0x8848,output:1");
    bed.add("priority=8,ip,actions=output:1");
    assert_eq!(bed.frame(1, &frame(1)), [(2, frame(1))]);
    assert_eq!(bed.frame(2, &frame(1)), [(3, frame(2))]);
    let mut older = frame(1);
    older[17] = 63;
    assert_eq!(bed.frame(3, &frame(1)), [(4, older)]);
    let mut pushed = [&frame(1)[..12], &[0x88, 0x48], &entry(1, 64), &frame(1)[14..]].concat();
    pushed[16] &= !1;
    assert_eq!(bed.frame(4, &frame(1)), [(1, pushed)]);
}

/// IPv6 extension headers, a thousand of them, are walked to the end of the chain or of the frame:
/// the protocol behind them is matched if its header is there, and absent if it is not.
#[test]
fn a_thousand_extension_headers() {
    let chain = |count: usize, last: u8| -> Vec<u8> {
        (0..count)
            .flat_map(|n| [if n + 1 == count { last } else { 60 }, 0, 1, 4, 0, 0, 0, 0])
            .collect()
    };
    let mut bed = Bed::new();
    bed.add("priority=9,udp6,tp_dst=53,actions=output:2");
    bed.add("priority=8,ipv6,nw_proto=17,actions=output:3");
    bed.add("priority=7,ipv6,actions=output:4");
    let frame = |count: usize| {
        let payload = [chain(count, 17), udp(1, 53, b"data")].concat();
        ethernet(0x86dd, &ipv6(60, &payload))
    };
    for count in [1, 2, 8, 100, 1000, 8000] {
        let whole = frame(count);
        assert_eq!(bed.frame(1, &whole), [(2, whole.clone())], "{count} headers");
    }
    let payload = [chain(1000, 17), vec![0; 4]].concat();
    let cut = ethernet(0x86dd, &ipv6(60, &payload));
    assert_eq!(bed.frame(1, &cut), [(3, cut)], "4 bytes of UDP");
    // The chain leads out of the packet, by one header and by one that says it is 2 kB long.
    let open = ethernet(0x86dd, &ipv6(60, &chain(1000, 60)));
    assert_eq!(bed.frame(1, &open), [(4, open)]);
    let mut long = frame(3);
    long[14 + 40 + 9] = 255;
    assert_eq!(bed.frame(1, &long), [(4, long)]);
    // A chain of first fragments says nothing new; a later fragment ends it.
    let fragments = [[44, 0, 0, 0, 0, 0, 0, 0].repeat(999), vec![17, 0, 0, 0, 0, 0, 0, 0]].concat();
    let fragments = [fragments, udp(1, 53, b"data")].concat();
    let fragments = ethernet(0x86dd, &ipv6(44, &fragments));
    let sent = bed.frame(1, &fragments);
    assert_eq!(sent.iter().map(|(_, frame)| frame).collect::<Vec<_>>(), [&fragments]);
}

/// Frames of 64 KiB and more go through whole. A packet-in of one is as long as a message may be: its
/// total_len tells as much as 16 bits can.
#[test]
fn frames_of_64_kib() {
    let mut bed = Bed::new();
    bed.add("priority=5,in_port=1,udp,tp_dst=53,actions=set_field:54->udp_dst,output:2,output:3");
    bed.add("priority=5,in_port=2,actions=push_vlan:0x8100,output:3");
    bed.add("priority=5,in_port=3,actions=controller");
    let datagram = udp(1, 53, &vec![0xa5; 65_535 - 20 - 8]);
    let frame = ethernet(0x0800, &ipv4(17, 0, &datagram));
    assert_eq!(frame.len(), 65_549);
    let sent = bed.frame(1, &frame);
    assert_eq!(sent.iter().map(|(port, _)| *port).collect::<Vec<_>>(), [2, 3]);
    for (_, changed) in &sent {
        assert!(plain::checksums_hold(changed));
        assert_eq!((changed.len(), &changed[36..38]), (65_549, &[0, 54][..]));
        assert_eq!((&changed[..36], &changed[42..]), (&frame[..36], &frame[42..]));
    }
    let huge = [frame.clone(), vec![7; 200_000]].concat();
    assert_eq!(bed.frame(2, &huge), [(3, tagged(0x8100, 0, &huge))]);
    for len in [65_493, 65_494, 65_535, 65_536, 65_549, 265_549] {
        bed.settle();
        assert_eq!(bed.frame(3, &huge[..len]), []);
        let heard = bed.heard();
        let [message] = &heard[..] else { panic!("{} messages", heard.len()) };
        let (_, decoded) = Message::decode(message).expect("a message that can be read");
        let Message::PacketIn(packet_in) = decoded else { panic!("{decoded:?}") };
        assert_eq!(usize::from(packet_in.total_len), len.min(65_535));
        assert_eq!(packet_in.data[..], huge[..packet_in.data.len()]);
        let whole = len <= 65_535 - 42;
        assert!(packet_in.data.len() == len || !whole, "{} of {len}", packet_in.data.len());
        assert!(packet_in.data.len() > 65_000);
        bed.assert_moved(&[
            &format!("port 3 rx 1/{len}"),
            "table 0 lookups 1",
            "table 0 matches 1",
            &format!("entry 0/5/0 1/{len}"),
            "channel 0 packet-ins 1",
        ]);
    }
}

/// Whatever comes in, each frame ends in exactly one way: sent, told to the controller, or dropped for
/// a reason that is counted. Entries here have one output each.
#[test]
fn received_is_sent_told_or_dropped() {
    let mut runner = super::runner(0x5eed_0001, 150);
    let step = (1u32..=5, any::<u64>().prop_map(|seed| frame(&mut Random::new(seed))));
    let outcome = runner.run(&vec(step, 1..100), |steps| {
        let switch = SwitchConfig { n_tables: 4, ..SwitchConfig::default() };
        let mut bed = Bed::with(switch, DeviceConfig::default());
        bed.add_group("group_id=1,type=ff,bucket=watch_port:77,actions=output:1");
        bed.add_group("group_id=2,type=select,bucket=weight:1,actions=output:3,bucket=weight:1,actions=output:4");
        bed.add_meter("meter=1 pktps burst bands=type=drop rate=1 burst_size=2");
        for flow in [
            "priority=9,ip,nw_dst=10.0.0.2,actions=dec_ttl,output:3",
            "priority=9,ipv6,actions=dec_ttl,goto_table:2",
            "priority=8,arp,actions=meter:1,output:4",
            "priority=7,mpls,actions=dec_mpls_ttl,group:2",
            "priority=6,tcp,actions=group:2",
            "priority=6,udp,actions=group:1",
            "priority=5,dl_vlan=1,actions=controller",
            "priority=4,dl_vlan=2,actions=output:77",
            "priority=4,dl_vlan=100,actions=output:2",
            "priority=3,dl_dst=02:00:00:00:00:02,actions=in_port",
            "table=2,priority=1,tcp6,actions=output:4",
            "table=2,priority=1,udp6,actions=clear_actions",
        ] {
            bed.add(flow);
        }
        let before = Snapshot::of_device(&bed.device.device, Nanos(0));
        let (mut sent, mut told) = (0, 0);
        for (port, bytes) in &steps {
            sent += bed.frame(*port, bytes).len() as u64;
            told += bed.packet_ins().len() as u64;
        }
        let after = Snapshot::of_device(&bed.device.device, Nanos(0));
        let moved = |prefix: &str| after.sum(prefix) - before.sum(prefix);
        let unknown = steps.iter().filter(|(port, _)| *port == 5).count() as u64;
        prop_assert_eq!(moved("drop ingress_unknown"), unknown);
        prop_assert_eq!(moved("drop "), steps.len() as u64 - sent - told, "drops");
        let received: u64 = (1..=4).map(|port| moved(&format!("port {port} rx"))).sum();
        let rx_dropped: u64 = (1..=4).map(|port| moved(&format!("port {port} rx dropped"))).sum();
        prop_assert_eq!(received - rx_dropped + unknown, steps.len() as u64);
        let runts = steps.iter().filter(|(port, bytes)| *port != 5 && bytes.len() < 14).count();
        prop_assert_eq!(rx_dropped, runts as u64);
        let transmitted: u64 = (1..=4).map(|port| moved(&format!("port {port} tx"))).sum();
        let tx_dropped: u64 = (1..=4).map(|port| moved(&format!("port {port} tx dropped"))).sum();
        // What is not sent out of its ingress port is not that port's drop.
        prop_assert_eq!((transmitted, tx_dropped), (sent, 0));
        prop_assert_eq!(moved("table 0 lookups"), received - 2 * rx_dropped);
        prop_assert_eq!(
            moved("drop table_miss"),
            moved("table 0 lookups") - moved("table 0 matches") + moved("table 2 lookups")
                - moved("table 2 matches")
        );
        prop_assert_eq!(moved("channel 0 packet-ins"), told);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

/// The samples are what they are called: each has a field that no other kind has.
#[test]
fn the_samples_cover_all_fields_of_frames() {
    let beside = [OxmField::InPort, OxmField::InPhyPort, OxmField::Metadata, OxmField::TunnelId];
    let read: BTreeSet<String> = samples()
        .iter()
        .flat_map(|(_, whole)| fields::read(whole).fields)
        .map(|(field, _)| format!("{field:?}"))
        .collect();
    for field in OxmField::ALL.iter().filter(|field| !beside.contains(field)) {
        assert!(read.contains(&format!("{field:?}")), "{field:?}");
    }
}
