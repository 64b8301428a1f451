//! Frames at the edges: shorter than Ethernet allows, with a length for a type, SNAP, fragments.

use ofp_codec::{Action, FlowMod, Instruction, Oxm, OxmField, TableId};

use crate::bench::{Bench, controller, entry, matching, output};
use crate::frames::{ETHERNET, carriers};
use crate::stack::Layer::*;
use crate::stack::Stack;

/// What a pop leaves below 60 bytes is padded with zeros where it leaves the switch, and only there:
/// tables and byte counters see what it is without.
#[test]
fn what_a_pop_leaves_short_is_padded_as_it_leaves_and_counted_as_it_was() {
    let tag = Vlan { kind: 0x8100, pcp: 1, vid: 5 };
    for body in [20, 41, 42, 43, 46, 50] {
        let data = Data(0x88cc, vec![0xa5; body]);
        let tagged = Stack(vec![ETHERNET, tag.clone(), data.clone()]).bytes();
        let mut expected = Stack(vec![ETHERNET, data]).bytes();
        let bare = expected.len() as u64;
        expected.resize(expected.len().max(60), 0);
        let mut bench = Bench::new();
        let fields = matching([Oxm::masked(OxmField::VlanVid, 0x1000, 0x1000)]);
        let apply = Instruction::ApplyActions(vec![Action::PopVlan, output(2), controller()]);
        bench.add(&entry(fields, vec![apply, Instruction::GotoTable(TableId(1))])).unwrap();
        let next = vec![Instruction::ApplyActions(vec![output(3)])];
        bench.add(&FlowMod { table_id: TableId(1), ..entry(matching([]), next) }).unwrap();
        assert_eq!(bench.send(&tagged), [(2, expected.clone()), (3, expected.clone())]);
        let packet_in = bench.packet_in().unwrap();
        assert_eq!(
            usize::from(packet_in.total_len),
            expected.len(),
            "total_len counts the padding"
        );
        assert_eq!(packet_in.data, expected);
        let port = |number| {
            bench.switch.tables.port_stats(ofp_codec::PortNo(number), hypercall::Nanos(0)).unwrap()
        };
        assert_eq!(port(2)[0].tx_bytes, bare, "byte counters do not");
        assert_eq!(port(1)[0].rx_bytes, tagged.len() as u64);
    }
}

/// A frame that came short goes as it came: a host whose link is no Ethernet sends what it likes.
#[test]
fn a_frame_that_came_short_goes_as_it_came() {
    let mut bench = Bench::new();
    bench.add(&entry(matching([]), vec![Instruction::ApplyActions(vec![output(2)])])).unwrap();
    for len in 14..60 {
        let frame = vec![2; len];
        assert_eq!(bench.send(&frame), [(2, frame.clone())]);
    }
}

/// A type below 0x0600 is a length: the frame has the type of its SNAP header when its organisation is
/// 0, and 0x05ff else; whether the length is right is nobody's business.
#[test]
fn a_length_for_a_type_is_05ff_unless_snap_names_one() {
    let cases: [(&[u8], u128); 6] = [
        (&[0x42, 0x42, 3], 0x05ff),
        (&[0xaa, 0xaa, 3, 0, 0, 0, 0x08, 0x06], 0x0806),
        (&[0xaa, 0xaa, 3, 0, 0, 0, 0x88, 0xcc], 0x88cc),
        (&[0xaa, 0xaa, 3, 0, 0, 0xf8, 0x08, 0x00], 0x05ff),
        (&[0xaa, 0xaa, 3, 0, 0, 0, 0x01, 0x00], 0x05ff),
        (&[], 0x05ff),
    ];
    let mut bench = Bench::new();
    for (llc, eth_type) in cases {
        for length in [0u16, 3, 46, 1500, 0x05ff] {
            for tags in [&[][..], &[0x81, 0, 0x30, 5][..], &[0x88, 0xa8, 0, 1, 0x81, 0, 0, 2][..]] {
                let mut frame = Stack(vec![ETHERNET, Data(0, vec![])]).bytes();
                frame.truncate(12);
                frame.extend(tags);
                frame.extend(length.to_be_bytes());
                frame.extend(llc);
                frame.resize(64, 0);
                for asked in [0x05ff, 0x0806, 0x88cc, u128::from(length)] {
                    bench.clear();
                    let apply = vec![Instruction::ApplyActions(vec![output(2)])];
                    let fields = matching([Oxm::new(OxmField::EthType, asked)]);
                    bench.add(&entry(fields, apply)).unwrap();
                    let sent = bench.send(&frame);
                    assert_eq!(
                        !sent.is_empty(),
                        asked == eth_type,
                        "{asked:#x} of {llc:x?} {length}"
                    );
                    assert!(sent.iter().all(|(_, bytes)| *bytes == frame), "unchanged");
                }
            }
        }
    }
}

/// UDP in a fragment of either IP, by the bits that IPv4 and IPv6 keep it in: whether it is a later one.
fn fragments() -> Vec<(Stack, bool)> {
    let of =
        |name: &str| carriers().into_iter().find(|carrier| carrier.name == name).unwrap().stack;
    let mut all = Vec::new();
    for (flags, is_later) in
        [(0u16, false), (0x4000, false), (0x2000, false), (0x2001, true), (0x00b9, true)]
    {
        let mut v4 = of("ipv4/udp");
        let Ipv4 { fragment, .. } = &mut v4.0[1] else { panic!() };
        *fragment = flags;
        let mut v6 = of("ipv6/udp");
        let word = ((flags & 0x1fff) << 3) | (flags >> 13 & 1);
        let [high, low] = word.to_be_bytes();
        v6.0.insert(2, Extension { kind: 44, rest: vec![0, high, low, 1, 2, 3, 4] });
        all.extend([(v4, is_later), (v6, is_later)]);
    }
    all
}

/// A first fragment has its transport header, a later one has none: an entry that names ports matches
/// the first alone, one that names the protocol matches both, and a rewrite of an address leaves a
/// later fragment's bytes as they are.
#[test]
fn later_fragments_have_no_ports_and_keep_their_bytes() {
    let mut bench = Bench::new();
    for (stack, is_later) in fragments() {
        let frame = stack.bytes();
        let eth_type = stack.get(OxmField::EthType).unwrap();
        let proto = [(OxmField::EthType, eth_type), (OxmField::IpProto, 17)];
        let proto = proto.map(|(field, value)| Oxm::new(field, value));
        for (more, hits) in [
            (None, true),
            (Some(Oxm::new(OxmField::UdpDst, 2222)), !is_later),
            (Some(Oxm::new(OxmField::UdpDst, 0)), false),
            // The extension header FRAG and no other, where there are extension headers.
            (Some(Oxm::new(OxmField::Ipv6Exthdr, 0x10)).filter(|_| eth_type == 0x86dd), true),
        ] {
            bench.clear();
            let apply = vec![Instruction::ApplyActions(vec![output(2)])];
            bench.add(&entry(matching(proto.into_iter().chain(more)), apply)).unwrap();
            assert_eq!(!bench.send(&frame).is_empty(), hits, "{more:?} of {stack:?}");
        }
        bench.clear();
        let (field, value) = match eth_type {
            0x0800 => (OxmField::Ipv4Dst, 0x0102_0304),
            _ => (OxmField::Ipv6Dst, 0x0102_0304),
        };
        let set = Action::SetField(Oxm::new(field, value));
        let apply = vec![Instruction::ApplyActions(vec![set, output(2)])];
        bench.add(&entry(matching(proto), apply)).unwrap();
        let mut expected = stack.with(field, value).bytes();
        if is_later {
            // What looks like a transport header is payload of another frame's.
            let udp = frame.len() - 8 - 27;
            expected[udp..].copy_from_slice(&frame[udp..]);
        }
        assert_eq!(bench.send(&frame), [(2, expected)], "{stack:?}");
    }
}
