//! Defects of reading, changing and sending frames.

use ofp_codec::{FlowModCommand, GroupModCommand, Oxm, OxmField, PacketInReason};
use rumpswitch_tests::plain::{self, ethernet, ipv4, ipv6, padded, tagged, tcp, udp};
use rumpswitch_tests::wire::*;

use crate::bed::Bed;
use crate::embodiment::FRAME;

const BAD_ACTION: u16 = 2;

fn udp_frame(destination: u16) -> Vec<u8> {
    padded(ethernet(0x0800, &ipv4(17, 0, &udp(1000, destination, b"0123456789abcdef"))))
}

/// A set-field needs the header's prerequisites in the match (BAD_ACTION/MATCH_INCONSISTENT), and a
/// packet whose header is cut off all the same goes on as it is (§7.2.5).
#[test]
fn c02_set_field_on_a_header_that_is_not_there() {
    let mut bed = Bed::new();
    let set = [set_field(&oxm(14, &[0, 80])), output(2)];
    let arp = [oxm(5, &[8, 6])];
    for tlvs in [&[][..], &arp] {
        for instruction in [apply(&set), write(&set)] {
            let request = FlowMod::default().message(5, &matching(tlvs), &[instruction]);
            assert_eq!(bed.refused(&request), (BAD_ACTION, 10), "{tlvs:02x?}");
        }
    }
    bed.add("priority=7,tcp,actions=set_field:81->tcp_dst,output:2");
    bed.add("priority=6,arp,actions=set_field:10.9.9.9->arp_tpa,output:2");
    bed.add("priority=5,icmp6,actions=set_field:1->icmpv6_code,output:2");
    bed.add("priority=4,vlan_tci=0x1000/0x1000,actions=set_field:4097->vlan_vid,output:2");
    bed.add(
        "table=0,priority=3,udp,actions=write_actions(set_field:9->udp_dst,output:2),goto_table:1",
    );
    bed.add("table=1,actions=push_mpls:0x8847");
    bed.settle();
    let segment = tcp(1, 2, &[]);
    for len in 0..20 {
        let frame = ethernet(0x0800, &ipv4(6, 0, &segment[..len]));
        assert_eq!(bed.frame(1, &frame), [(2, frame)], "{len} bytes of TCP");
    }
    for len in 0..28 {
        let frame = ethernet(0x0806, &plain::arp()[..len]);
        assert_eq!(bed.frame(1, &frame), [(2, frame)], "{len} bytes of ARP");
    }
    for len in 0..4 {
        let frame = ethernet(0x86dd, &ipv6(58, &[128, 0, 0, 0][..len]));
        assert_eq!(bed.frame(1, &frame), [(2, frame)], "{len} bytes of ICMPv6");
    }
    let sent: usize = (20 + 34..20 + 54).sum::<usize>() - 20 * 20
        + (14..42).sum::<usize>()
        + (54..58).sum::<usize>();
    let count = 20 + 28 + 4;
    bed.assert_moved(&[
        &format!("port 1 rx {count}/{sent}"),
        &format!("port 2 tx {count}/{sent}"),
        &format!("table 0 lookups {count}"),
        &format!("table 0 matches {count}"),
        &format!("entry 0/7/0 20/{}", (34..54).sum::<usize>()),
        &format!("entry 0/6/0 28/{}", (14..42).sum::<usize>()),
        &format!("entry 0/5/0 4/{}", (54..58).sum::<usize>()),
    ]);
    // The action set runs behind a push that hid the header.
    let sent = bed.frame(1, &udp_frame(53));
    let [(2, frame)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(frame[12..14], [0x88, 0x47]);
    assert_eq!(frame[18..], udp_frame(53)[14..], "what is beneath the label is as it was");
}

/// Entries that name METADATA are compared like any others, by ADD, MODIFY and DELETE, strict and
/// not (§6.4).
#[test]
fn c03_entries_that_match_metadata() {
    let mut bed = Bed::new();
    for _ in 0..2 {
        bed.add("table=1,priority=5,metadata=0x1,actions=output:1");
        bed.add("table=1,priority=5,metadata=0x2,actions=output:1");
        bed.add("table=1,priority=5,metadata=0x10/0xf0,actions=output:1");
    }
    assert_eq!(bed.flows().len(), 3, "identical ones are replaced");
    bed.flow_mod("table=1,metadata=0x2,actions=output:2", FlowModCommand::Modify);
    bed.flow_mod("table=1,priority=5,metadata=0x1,actions=output:3", FlowModCommand::ModifyStrict);
    bed.add("priority=1,in_port=1,actions=write_metadata:0x2,goto_table:1");
    bed.add("priority=1,in_port=2,actions=write_metadata:0x1,goto_table:1");
    bed.add("priority=1,in_port=3,actions=write_metadata:0x12,goto_table:1");
    let ports = |sent: Vec<(u32, Vec<u8>)>| sent.into_iter().map(|sent| sent.0).collect::<Vec<_>>();
    assert_eq!(ports(bed.frame(1, &FRAME)), [2]);
    assert_eq!(ports(bed.frame(2, &FRAME)), [3]);
    assert_eq!(ports(bed.frame(3, &FRAME)), [1]);
    bed.flow_mod("table=1,priority=5,metadata=0x2", FlowModCommand::DeleteStrict);
    assert_eq!(bed.flows().len(), 5);
    bed.flow_mod("table=1,metadata=0x10/0x10", FlowModCommand::Delete);
    assert_eq!(bed.flows().len(), 4);
    bed.flow_mod("table=1", FlowModCommand::Delete);
    assert_eq!(bed.flows().len(), 3);
}

/// Nothing recurses without bound: TABLE is no output of a flow entry, groups don't form loops, and
/// chains are followed to a fixed depth (§6.5, §7.2.5).
#[test]
fn c05_no_recursion() {
    let mut bed = Bed::new();
    let to_table = FlowMod::default().message(5, &matching(&[]), &[apply(&[output(0xffff_fff9)])]);
    assert_eq!(bed.refused(&to_table), (BAD_ACTION, 4));
    let chained = "group_id=1,type=all,bucket=actions=group:";
    let itself = Bed::group_bytes(&format!("{chained}1"), GroupModCommand::Add);
    assert_eq!(bed.refused(&itself), (6, 7), "LOOP, though it does not exist yet");
    bed.add_group("group_id=0,type=indirect,bucket=actions=output:2");
    for id in 1..=40 {
        bed.add_group(&format!("group_id={id},type=all,bucket=actions=group:{}", id - 1));
    }
    for target in [1, 2, 40] {
        let modify = Bed::group_bytes(&format!("{chained}{target}"), GroupModCommand::Modify);
        assert_eq!(bed.refused(&modify), (6, 7), "LOOP through {target}");
    }
    bed.add("priority=5,in_port=1,actions=group:20");
    bed.add("priority=5,in_port=3,actions=group:40");
    bed.settle();
    assert_eq!(bed.frame(1, &FRAME), [(2, FRAME.to_vec())]);
    let mut moved = vec![
        "port 1 rx 1/60".to_owned(),
        "port 2 tx 1/60".to_owned(),
        "table 0 lookups 1".to_owned(),
        "table 0 matches 1".to_owned(),
        "entry 0/5/0 1/60".to_owned(),
    ];
    for id in 0..=20 {
        moved.extend([format!("group {id} 1/60"), format!("group {id} bucket 0 1/60")]);
    }
    bed.assert_moved(&moved.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(bed.frame(3, &FRAME), []);
    let mut moved = vec![
        "port 3 rx 1/60".to_owned(),
        "table 0 lookups 1".to_owned(),
        "table 0 matches 1".to_owned(),
        "entry 0/5/0 1/60".to_owned(),
        "drop group_depth 1".to_owned(),
    ];
    for id in 9..=40 {
        moved.extend([format!("group {id} 1/60"), format!("group {id} bucket 0 1/60")]);
    }
    bed.assert_moved(&moved.iter().map(String::as_str).collect::<Vec<_>>());
}

/// CLEAR_ACTIONS, which has no list, empties the action set (§5.9).
#[test]
fn c10_clear_actions_clears_all() {
    let mut bed = Bed::new();
    bed.add("priority=5,actions=write_actions(set_field:02:00:00:00:00:09->eth_dst,output:2),goto_table:1");
    bed.add("table=1,priority=5,in_port=1,actions=clear_actions");
    bed.add("table=1,priority=5,in_port=3,actions=clear_actions,write_actions(output:4)");
    bed.settle();
    assert_eq!(bed.frame(1, &FRAME), []);
    bed.assert_moved(&[
        "port 1 rx 1/60",
        "table 0 lookups 1",
        "table 0 matches 1",
        "entry 0/5/0 1/60",
        "table 1 lookups 1",
        "table 1 matches 1",
        "entry 1/5/0 1/60",
        "drop no_output 1",
    ]);
    assert_eq!(bed.frame(3, &FRAME), [(4, FRAME.to_vec())], "what is written afterwards stays");
}

/// What apply-actions changes is there for the next table's match (§5.9).
#[test]
fn c11_set_field_is_seen_by_the_next_table() {
    let mut bed = Bed::new();
    bed.add("priority=5,udp,actions=set_field:10.0.0.99->ip_dst,set_field:99->udp_dst,push_vlan:0x8100,set_field:4196->vlan_vid,goto_table:1");
    bed.add(
        "table=1,priority=5,dl_vlan=100,udp,nw_dst=10.0.0.99,tp_dst=99,actions=pop_vlan,output:3",
    );
    bed.add("table=1,priority=4,actions=output:4");
    bed.settle();
    let sent = bed.frame(1, &udp_frame(53));
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].0, 3);
    assert!(plain::checksums_hold(&sent[0].1));
    bed.assert_moved(&[
        "port 1 rx 1/60",
        "table 0 lookups 1",
        "table 0 matches 1",
        "entry 0/5/0 1/60",
        "table 1 lookups 1",
        "table 1 matches 1",
        "entry 1/5/0 1/64",
        "port 3 tx 1/60",
    ]);
}

/// A field that was set stays set for every output behind it, checksums and all (§5.10).
#[test]
fn c12_every_output_behind_a_set_field_sends_it() {
    let mut bed = Bed::new();
    bed.add("priority=5,udp,actions=set_field:10.0.0.99->ip_dst,output:2,output:3,output:4");
    bed.add("priority=5,ipv6,actions=set_field:2001:db8::99->ipv6_dst,output:2,output:3,output:4");
    let mut v4 = udp_frame(53);
    let sent = bed.frame(1, &v4);
    assert_eq!(sent.iter().map(|sent| sent.0).collect::<Vec<_>>(), [2, 3, 4]);
    v4[33] = 99;
    for (_, frame) in &sent {
        assert!(plain::checksums_hold(frame));
        assert_eq!((&frame[..24], &frame[26..40]), (&v4[..24], &v4[26..40]));
        assert_eq!(frame[42..], v4[42..]);
        assert_eq!(*frame, sent[0].1);
    }
    bed.add("priority=6,in_port=2,udp,actions=output:3,set_field:10.0.0.99->ip_dst,output:4");
    let before = udp_frame(53);
    let expected = [(3, before.clone()), (4, sent[0].1.clone())];
    assert_eq!(bed.frame(2, &before), expected, "an output before it sends what was");
    let mut v6 = padded(ethernet(0x86dd, &ipv6(59, &[7; 20])));
    let sent = bed.frame(1, &v6);
    v6[53] = 0x99;
    assert_eq!(sent, [(2, v6.clone()), (3, v6.clone()), (4, v6)]);
}

/// A packet-in carries the frame and its full length: the default miss_send_len is 128, and a switch
/// without buffers sends the whole frame whatever max_len says (§7.4.1).
#[test]
fn c15_packet_ins_are_whole() {
    let mut bed = Bed::new();
    let config = bed.say(&rumpswitch_tests::contract::message(7, 5, &[]));
    assert_eq!(config[0][8..12], [0, 0, 0, 128]);
    let features = bed.say(&rumpswitch_tests::contract::features(5));
    assert_eq!(features[0][16..20], [0; 4], "n_buffers");
    let frame: Vec<u8> = (0..1514_u32).map(|n| n as u8).collect();
    for max_len in [0_u16, 20, 128, 1513, 0xffe5, 0xffff] {
        let mut action = output(0xffff_fffd);
        action[8..10].copy_from_slice(&max_len.to_be_bytes());
        for priority in [0, 100] {
            let miss = FlowMod { priority, ..FlowMod::default() };
            bed.accept(&miss.message(5, &matching(&[]), &[apply(&[action.clone()])]));
            bed.settle();
            assert_eq!(bed.frame(1, &frame), []);
            let [packet_in] = &bed.packet_ins()[..] else { panic!("one packet-in") };
            assert_eq!(packet_in.total_len, 1514);
            assert_eq!(packet_in.buffer_id, u32::MAX);
            assert_eq!(packet_in.data, frame, "max_len {max_len}");
            let reason =
                if priority == 0 { PacketInReason::NoMatch } else { PacketInReason::Action };
            assert_eq!(packet_in.reason, reason);
            bed.assert_moved(&[
                "port 1 rx 1/1514",
                "table 0 lookups 1",
                "table 0 matches 1",
                &format!("entry 0/{priority}/1 1/1514"),
                "channel 0 packet-ins 1",
            ]);
            bed.flow_mod("", FlowModCommand::Delete);
        }
    }
    bed.accept(&set_config(5, 0, 0));
    bed.add("priority=0,actions=controller");
    bed.frame(1, &frame);
    assert_eq!(bed.packet_ins()[0].data, frame, "miss_send_len is of buffered packets");
}

/// A packet-in tells metadata in network byte order (§7.4.1).
#[test]
fn c16_metadata_in_a_packet_in() {
    let mut bed = Bed::new();
    bed.add("priority=5,actions=write_metadata:0x0102030405060708,goto_table:1");
    bed.add("table=1,priority=5,metadata=0x0102030405060708,actions=controller");
    assert_eq!(bed.frame(3, &FRAME), []);
    let heard = bed.heard();
    let [packet_in] = &heard[..] else { panic!("{heard:?}") };
    let in_port = [0x80, 0, 0, 4, 0, 0, 0, 3];
    let metadata = [0x80, 0, 4, 8, 1, 2, 3, 4, 5, 6, 7, 8];
    let expected = [&[0, 1, 0, 24][..], &in_port, &metadata, &[0; 2], &FRAME].concat();
    assert_eq!(packet_in[24..], expected);
    let (_, message) = ofp_codec::Message::decode(packet_in).unwrap();
    let ofp_codec::Message::PacketIn(packet_in) = message else { panic!("{message:?}") };
    let metadata = Oxm::new(OxmField::Metadata, 0x0102_0304_0506_0708);
    assert!(packet_in.matching.fields().contains(&metadata));
}

/// Neighbour discovery without options (duplicate address detection) is a packet like others: its
/// target can be matched, the option's field is absent (§7.2.3.8).
#[test]
fn c22_neighbour_discovery_without_options() {
    let mut bed = Bed::new();
    let nd = |kind, options: &[u8]| ethernet(0x86dd, &ipv6(58, &plain::neighbour(kind, options)));
    let solicitation = nd(135, &[]);
    assert_eq!(solicitation.len(), 78);
    assert_eq!(bed.frame(1, &solicitation), []);
    bed.add("priority=1,actions=output:4");
    bed.add("priority=5,icmp6,icmp_type=135,nd_target=2001:db8::9,actions=output:2");
    bed.add("priority=6,icmp6,icmp_type=135,nd_sll=00:00:00:00:00:00,actions=output:3");
    bed.add("priority=5,icmp6,icmp_type=136,nd_target=2001:db8::9,actions=output:2");
    bed.add("priority=6,icmp6,icmp_type=136,nd_tll=00:00:00:00:00:00,actions=output:3");
    bed.add("priority=7,icmp6,icmp_type=135,nd_sll=02:00:00:00:00:07,actions=output:3");
    for kind in [135, 136] {
        assert_eq!(bed.frame(1, &nd(kind, &[])), [(2, nd(kind, &[]))]);
    }
    let sll = nd(135, &[1, 1, 2, 0, 0, 0, 0, 7]);
    assert_eq!(bed.frame(1, &sll), [(3, sll)]);
    // An option of length 0, one that is cut, one of another kind: the target is still there.
    for options in [&[1, 0, 2, 0, 0, 0, 0, 7][..], &[1, 1, 2, 0], &[5, 1, 0, 0, 0, 0, 5, 0]] {
        let frame = nd(135, options);
        assert_eq!(bed.frame(1, &frame), [(2, frame)], "{options:?}");
    }
}

/// Frames whose transport header is cut off, and later fragments, are forwarded; entries that name
/// transport fields do not match them (§7.2.3.8, §7.3.2).
#[test]
fn c23_cut_headers_and_fragments_have_no_ports() {
    let mut bed = Bed::new();
    bed.add("priority=9,udp,tp_dst=0,actions=output:3");
    bed.add("priority=9,udp,tp_dst=53,actions=output:3");
    bed.add("priority=9,tcp,tp_src=0,actions=output:3");
    bed.add("priority=8,ip,nw_dst=10.0.0.2,actions=output:2");
    let datagram = udp(1000, 53, b"payload!");
    for len in 0..8 {
        let frame = ethernet(0x0800, &ipv4(17, 0, &datagram[..len]));
        assert_eq!(bed.frame(1, &frame), [(2, frame)], "{len} bytes of UDP");
    }
    let first = padded(ethernet(0x0800, &ipv4(17, 0x2000, &datagram)));
    assert_eq!(bed.frame(1, &first), [(3, first)], "the first fragment has ports");
    for offset in [1, 5, 0x1fff] {
        for more in [0, 0x2000] {
            let later = padded(ethernet(0x0800, &ipv4(17, offset | more, &datagram)));
            assert_eq!(bed.frame(1, &later), [(2, later)], "offset {offset}");
            let later = padded(ethernet(0x0800, &ipv4(6, offset | more, &[0; 20])));
            assert_eq!(bed.frame(1, &later), [(2, later)], "offset {offset}");
        }
    }
    // Later fragments of IPv6.
    bed.add("priority=9,udp6,tp_dst=53,actions=output:3");
    bed.add("priority=8,ipv6,actions=output:2");
    let fragment = |offset: u16| {
        let [high, low] = (offset << 3 | 1).to_be_bytes();
        let packet = [&[17, 0, high, low, 0, 0, 0, 9][..], &datagram].concat();
        ethernet(0x86dd, &ipv6(44, &packet))
    };
    assert_eq!(bed.frame(1, &fragment(0)), [(3, fragment(0))]);
    assert_eq!(bed.frame(1, &fragment(4)), [(2, fragment(4))]);
    // Cut beneath a tag, too.
    let runt = tagged(0x8100, 5, &ethernet(0x0800, &ipv4(17, 0, &datagram[..6])));
    assert_eq!(bed.frame(1, &runt), [(2, runt)]);
}

/// A frame that is longer than its port takes is dropped and counted, never cut (§A.3.6 leaves it to
/// the switch; a switch is no router).
#[test]
fn c27_oversized_frames_are_dropped_whole() {
    let mut bed = Bed::new();
    let tables = &mut bed.device.device.switch_mut().tables;
    let mut port = datapath::PortConfig::new(hypercall::Port(9), "small");
    port.max_frame = 1514;
    tables.port_add(hypercall::Nanos(0), port).unwrap();
    bed.device.advance(0);
    bed.heard();
    bed.add("priority=5,actions=output:9,output:2");
    bed.settle();
    let frame = |len: usize| {
        let payload = udp(1, 2, &vec![7; len - 42]);
        ethernet(0x0800, &ipv4(17, 0, &payload))
    };
    assert_eq!(bed.frame(1, &frame(1514)), [(9, frame(1514)), (2, frame(1514))]);
    bed.settle();
    assert_eq!(bed.frame(1, &frame(1515)), [(2, frame(1515))]);
    bed.assert_moved(&[
        "port 1 rx 1/1515",
        "table 0 lookups 1",
        "table 0 matches 1",
        "entry 0/5/0 1/1515",
        "port 2 tx 1/1515",
        "port 9 tx dropped 1",
        "drop too_long 1",
    ]);
}
