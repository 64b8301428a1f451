//! Tables, instructions, action sets and lists, as seen from outside.

use rumpswitch_tests::wire::*;

use crate::bed::Bed;
use crate::bytes::*;

const FRAME: [u8; 60] = [0x0a; 60];

/// An Ethernet frame with an IPv4 header of this TTL.
fn ipv4(ttl: u8) -> Vec<u8> {
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, ttl, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    let sum = rumpswitch_tests::plain::checksum(&frame[14..34]);
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame.resize(60, 0);
    frame
}

/// Ports that a frame from port 1 leaves by, in order.
fn ports(bed: &mut Bed, frame: &[u8]) -> Vec<u32> {
    bed.frame(1, frame).into_iter().map(|(port, _)| port).collect()
}

/// Active, lookup and matched counts of a table.
fn table(bed: &mut Bed, number: u8) -> (u32, u64, u64) {
    let told = statistics(bed, 3, &[]);
    let table = told.chunks(24).find(|table| table[0] == number).expect("the table");
    (u32_at(table, 4), u64_at(table, 8), u64_at(table, 16))
}

#[test]
fn a_miss_counts_a_lookup_and_a_table_miss_entry_a_match() {
    let mut bed = Bed::new();
    assert_eq!(ports(&mut bed, &FRAME), []);
    assert_eq!(table(&mut bed, 0), (0, 1, 0));
    assert_eq!(bed.heard(), Vec::<Vec<u8>>::new(), "no packet-in");
    bed.add("priority=0,actions=drop");
    assert_eq!(ports(&mut bed, &FRAME), []);
    assert_eq!(table(&mut bed, 0), (1, 2, 1));
    bed.add("priority=1,actions=goto_table:7");
    ports(&mut bed, &FRAME);
    assert_eq!((table(&mut bed, 0), table(&mut bed, 7)), ((2, 3, 2), (0, 1, 0)));
}

#[test]
fn the_table_miss_entry_is_an_entry_like_others() {
    let mut bed = Bed::new();
    bed.add("table=3,priority=0,hard_timeout=5,send_flow_rem,actions=output:2");
    bed.add("priority=1,actions=goto_table:3");
    assert_eq!(ports(&mut bed, &FRAME), [2]);
    bed.device.advance(5_000_000_000);
    assert_eq!(only(bed.heard())[1], 11, "it times out and is told");
    assert_eq!(ports(&mut bed, &FRAME), []);
    // With clear-actions it drops what earlier tables wrote.
    bed.add("priority=1,actions=write_actions(output:2),goto_table:3");
    bed.add("table=3,priority=0,actions=write_actions(output:4)");
    assert_eq!(ports(&mut bed, &FRAME), [4]);
    bed.add("table=3,priority=0,actions=clear_actions");
    assert_eq!(ports(&mut bed, &FRAME), []);
}

#[test]
fn the_highest_priority_that_matches_wins() {
    let mut bed = Bed::new();
    bed.add("priority=1,in_port=1,actions=output:2");
    bed.add("priority=65535,dl_type=0x9999,actions=output:3");
    bed.add("priority=2,actions=output:4");
    assert_eq!(ports(&mut bed, &FRAME), [4]);
}

#[test]
fn goto_carries_metadata_set_and_packet_to_a_later_table() {
    let mut bed = Bed::new();
    bed.add(
        "actions=set_field:02:00:00:00:00:07->eth_dst,write_actions(output:2),write_metadata:0x5,\
         goto_table:9",
    );
    bed.add("table=9,metadata=0x5,dl_dst=02:00:00:00:00:07,actions=write_actions(set_field:02:00:00:00:00:08->eth_src)");
    bed.add("table=9,priority=1,actions=clear_actions");
    let sent = bed.frame(1, &FRAME);
    assert_eq!(sent.len(), 1);
    assert_eq!((sent[0].0, sent[0].1[5], sent[0].1[11]), (2, 7, 8));
}

#[test]
fn write_metadata_changes_the_bits_of_its_mask() {
    for (old, value, mask) in [
        (0x1234_5678_9abc_def0_u64, 0xffff_u64, 0x00ff_u64),
        (u64::MAX, 0, 0xf0f0_f0f0_0000_0000),
        (7, u64::MAX, u64::MAX),
        (7, 0, 0),
    ] {
        let mut bed = Bed::new();
        bed.add(&format!("actions=write_metadata:{old:#x},goto_table:1"));
        bed.add(&format!("table=1,actions=write_metadata:{value:#x}/{mask:#x},goto_table:2"));
        let expected = (old & !mask) | (value & mask);
        bed.add(&format!("table=2,metadata={expected:#x},actions=output:2"));
        assert_eq!(ports(&mut bed, &FRAME), [2], "{old:#x} {value:#x}/{mask:#x}");
    }
}

#[test]
fn a_later_write_of_an_action_type_replaces_the_earlier_one() {
    let mut bed = Bed::new();
    bed.add("actions=write_actions(output:2,set_field:02:00:00:00:00:01->eth_dst,set_field:02:00:00:00:00:03->eth_src),goto_table:1");
    bed.add("table=1,actions=write_actions(output:3,set_field:02:00:00:00:00:02->eth_dst)");
    let sent = bed.frame(1, &FRAME);
    assert_eq!(sent.len(), 1, "one output");
    assert_eq!((sent[0].0, sent[0].1[5], sent[0].1[11]), (3, 2, 3), "set-field by field");
}

#[test]
fn apply_actions_leave_the_action_set_alone() {
    let mut bed = Bed::new();
    bed.add("actions=write_actions(output:2),goto_table:1");
    bed.add("table=1,actions=output:3,goto_table:2");
    bed.add("table=2,actions=drop");
    assert_eq!(ports(&mut bed, &FRAME), [3, 2]);
}

#[test]
fn an_entry_without_instructions_ends_the_pipeline_and_runs_the_set() {
    let mut bed = Bed::new();
    bed.add("actions=write_actions(output:2),goto_table:1");
    bed.accept(&FlowMod { table: 1, ..FlowMod::default() }.message(5, &matching(&[]), &[]));
    assert_eq!(ports(&mut bed, &FRAME), [2]);
}

#[test]
fn a_set_without_output_or_group_drops() {
    let mut bed = Bed::new();
    bed.add("actions=write_actions(set_field:02:00:00:00:00:01->eth_dst)");
    assert_eq!(ports(&mut bed, &FRAME), []);
}

#[test]
fn a_group_in_the_set_makes_its_output_be_ignored() {
    let mut bed = Bed::new();
    bed.add_group("group_id=1,type=all,bucket=actions=output:3,bucket=actions=output:4");
    bed.add("actions=write_actions(output:2,group:1)");
    assert_eq!(ports(&mut bed, &FRAME), [3, 4]);
}

#[test]
fn a_list_runs_in_order_and_its_effects_add_up() {
    let mut bed = Bed::new();
    bed.add("ip,actions=output:2,dec_ttl,output:3,dec_ttl,output:4");
    let sent = bed.frame(1, &ipv4(64));
    let ttls: Vec<(u32, u8)> = sent.iter().map(|(port, frame)| (*port, frame[22])).collect();
    assert_eq!(ttls, [(2, 64), (3, 63), (4, 62)]);
}

#[test]
fn the_set_runs_in_its_own_order_whatever_was_written_first() {
    let mut bed = Bed::new();
    bed.add("ip,actions=write_actions(output:2,mod_nw_ttl:5,dec_ttl,push_vlan:0x8100)");
    let sent = bed.frame(1, &ipv4(64));
    assert_eq!(sent.len(), 1);
    assert_eq!((&sent[0].1[12..14], sent[0].1[26]), (&[0x81, 0][..], 5), "decremented, then set");
}

#[test]
fn a_meter_that_drops_ends_it_all() {
    let mut bed = Bed::new();
    bed.add_meter("meter=1,pktps,burst,band=type=drop,rate=1,burst_size=1");
    bed.add("actions=meter:1,output:2,write_actions(output:3)");
    assert_eq!(ports(&mut bed, &FRAME), [2, 3]);
    let mut after = Vec::new();
    for _ in 0..20 {
        after = ports(&mut bed, &FRAME);
    }
    assert_eq!(after, [], "neither list nor set");
}

#[test]
fn ttl_that_runs_out_is_told_to_whoever_asked_and_not_to_others() {
    let mut bed = Bed::new();
    bed.add("ip,actions=dec_ttl,output:2");
    for ttl in [0, 1] {
        assert_eq!(ports(&mut bed, &ipv4(ttl)), []);
        assert_eq!(bed.heard(), Vec::<Vec<u8>>::new(), "not by default");
    }
    bed.accept(&set_async(5, [7, 0, 7, 7, 15, 0]));
    assert_eq!(ports(&mut bed, &ipv4(1)), []);
    let heard = bed.packet_ins();
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].reason as u8, 2, "INVALID_TTL");
    assert_eq!(ports(&mut bed, &ipv4(2)), [2]);
}

#[test]
fn an_output_to_the_controller_sends_the_whole_packet_whatever_max_len_says() {
    for max_len in [0u16, 20, 0xffe5, 0xffff] {
        let mut bed = Bed::new();
        let [high, low] = max_len.to_be_bytes();
        let action = tlv(0, &[0xff, 0xff, 0xff, 0xfd, high, low, 0, 0, 0, 0, 0, 0]);
        bed.accept(&entry(&[], &[apply(&[action])]));
        bed.frame(1, &FRAME);
        let packet_in = only(bed.heard());
        assert_eq!((u32_at(&packet_in, 8), u16_at(&packet_in, 12)), (ANY, 60), "not buffered");
        assert_eq!(packet_in[42..], FRAME, "its frame begins at byte 42");
        let told = statistics(&mut bed, 1, &flow_request(255, &matching(&[])));
        assert_eq!(u16_at(&told, 56 + 8 + 8), max_len, "comes back as sent");
    }
}
