//! Flow-mods: what each command selects, changes, keeps and refuses.

use datapath::SwitchConfig;
use ofp_codec::{FlowModCommand as Command, Message};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::DeviceConfig;

use crate::bed::{Bed, bytes, flow_mod_of};
use crate::bytes::*;

const FRAME: [u8; 60] = [0x0a; 60];

/// Cookies of the entries that are there, sorted.
fn cookies(bed: &mut Bed) -> Vec<u64> {
    let mut cookies: Vec<u64> = bed.flows().iter().map(|flow| flow.cookie).collect();
    cookies.sort_unstable();
    cookies
}

/// Types of the asynchronous messages since the last question.
fn heard(bed: &mut Bed) -> Vec<u8> {
    bed.heard().iter().map(|message| message[1]).collect()
}

/// The only entry, as statistics tell it.
fn told(bed: &mut Bed) -> Vec<u8> {
    let told = statistics(bed, 1, &flow_request(255, &matching(&[])));
    assert_eq!(usize::from(u16_at(&told, 0)), told.len(), "one entry");
    told
}

#[test]
fn statistics_tell_an_entry_as_it_was_given() {
    let mut bed = Bed::new();
    bed.add(
        "table=7,cookie=0x1122334455667788,priority=77,idle_timeout=60,hard_timeout=70,send_flow_rem,\
         check_overlap,reset_counts,no_packet_counts,no_byte_counts,in_port=3,actions=output:2",
    );
    bed.device.advance(3_000_000_009);
    let told = told(&mut bed);
    assert_eq!((told[2], u32_at(&told, 4), u32_at(&told, 8)), (7, 3, 9));
    let words: Vec<u16> = (12..20).step_by(2).map(|at| u16_at(&told, at)).collect();
    assert_eq!(words, [77, 60, 70, 0x1f], "priority, time-outs, flags");
    assert_eq!(u64_at(&told, 24), 0x1122_3344_5566_7788);
    assert_eq!(
        told[48..],
        [&matching(&[oxm(0, &[0, 0, 0, 3])])[..], &{
            let mut output = output(2);
            output[8..10].fill(0);
            apply(&[output])
        }]
        .concat()
    );
}

#[test]
fn an_add_over_an_identical_entry_replaces_all_of_it_but_its_counters() {
    let mut bed = Bed::new();
    bed.add("cookie=1,idle_timeout=10,send_flow_rem,in_port=1,actions=output:2");
    bed.frame(1, &FRAME);
    bed.device.advance(5_000_000_000);
    bed.add("cookie=2,hard_timeout=20,in_port=1,actions=output:3");
    assert_eq!(heard(&mut bed), [], "no FLOW_REMOVED for the one replaced");
    let entry = told(&mut bed);
    assert_eq!(
        (u64_at(&entry, 24), u16_at(&entry, 14), u16_at(&entry, 16), u16_at(&entry, 18)),
        (2, 0, 20, 0)
    );
    assert_eq!((u32_at(&entry, 4), u64_at(&entry, 32), u64_at(&entry, 40)), (0, 1, 60));
    assert_eq!(bed.frame(1, &FRAME)[0].0, 3);
    bed.add("reset_counts,in_port=1,actions=output:3");
    let entry = told(&mut bed);
    assert_eq!((u64_at(&entry, 32), u64_at(&entry, 40)), (0, 0), "RESET_COUNTS");
}

#[test]
fn another_priority_or_another_mask_is_another_entry() {
    let mut bed = Bed::new();
    bed.add("cookie=1,priority=1,dl_dst=02:00:00:00:00:00,actions=drop");
    bed.add("cookie=2,priority=2,dl_dst=02:00:00:00:00:00,actions=drop");
    bed.add("cookie=3,priority=1,dl_dst=02:00:00:00:00:00/ff:ff:ff:ff:ff:fe,actions=drop");
    bed.add("cookie=4,table=1,priority=1,dl_dst=02:00:00:00:00:00,actions=drop");
    assert_eq!(cookies(&mut bed), [1, 2, 3, 4]);
}

#[test]
fn modify_changes_instructions_only_of_what_is_equal_or_more_specific() {
    let mut bed = Bed::new();
    bed.add(
        "cookie=1,priority=9,idle_timeout=60,send_flow_rem,ip,nw_dst=10.0.0.0/8,actions=output:2",
    );
    bed.add("cookie=2,priority=8,ip,nw_dst=10.1.0.0/16,actions=output:2");
    bed.add("cookie=3,priority=7,ip,nw_dst=11.0.0.0/8,actions=output:2");
    bed.add("cookie=4,priority=6,ip,actions=output:2");
    bed.device.advance(2_000_000_000);
    let mut modify = flow_mod_of(
        "priority=1,hard_timeout=5,ip,nw_dst=10.0.0.0/8,actions=output:3",
        Command::Modify,
    );
    modify.cookie = 99;
    bed.accept(&bytes(&Message::FlowMod(modify), 5));
    for flow in bed.flows() {
        let is_changed = format!("{:?}", flow.instructions).contains("PortNo(3)");
        assert_eq!(is_changed, flow.cookie <= 2, "{flow:?}");
        assert_eq!((flow.hard_timeout, flow.duration_sec), (0, 2), "kept");
        assert_eq!(flow.flags.bits(), u16::from(flow.cookie == 1), "kept");
    }
    assert_eq!(cookies(&mut bed), [1, 2, 3, 4], "cookies are kept");
    bed.flow_mod("priority=1,tcp,actions=output:3", Command::Modify);
    assert_eq!(cookies(&mut bed), [1, 2, 3, 4], "it never adds");
    assert_eq!(heard(&mut bed), []);
}

#[test]
fn modify_strict_wants_the_identical_match_and_priority() {
    let mut bed = Bed::new();
    bed.add("cookie=1,priority=9,ip,nw_dst=10.0.0.0/8,actions=output:2");
    bed.add("cookie=2,priority=8,ip,nw_dst=10.0.0.0/8,actions=output:2");
    bed.add("cookie=3,priority=9,ip,nw_dst=10.1.0.0/16,actions=output:2");
    bed.flow_mod("priority=9,ip,nw_dst=10.0.0.0/8,actions=output:3", Command::ModifyStrict);
    for flow in bed.flows() {
        let is_changed = format!("{:?}", flow.instructions).contains("PortNo(3)");
        assert_eq!(is_changed, flow.cookie == 1);
    }
    bed.flow_mod("priority=5,actions=output:3", Command::ModifyStrict);
    assert_eq!(cookies(&mut bed), [1, 2, 3], "it never adds");
}

#[test]
fn modify_resets_counters_only_when_told() {
    let mut bed = Bed::new();
    bed.add("actions=output:2");
    bed.frame(1, &FRAME);
    bed.flow_mod("actions=output:3", Command::Modify);
    assert_eq!(u64_at(&told(&mut bed), 32), 1);
    bed.flow_mod("reset_counts,actions=output:3", Command::Modify);
    assert_eq!(u64_at(&told(&mut bed), 32), 0);
    bed.frame(1, &FRAME);
    bed.flow_mod("reset_counts,actions=output:2", Command::ModifyStrict);
    assert_eq!(u64_at(&told(&mut bed), 32), 0);
}

#[test]
fn delete_takes_what_is_equal_or_more_specific_of_any_priority() {
    let mut bed = Bed::new();
    for (cookie, priority, text) in [
        (1, 9, "ip,nw_dst=10.0.0.0/8"),
        (2, 3, "ip,nw_dst=10.1.0.0/16"),
        (3, 9, "ip"),
        (4, 9, "arp"),
    ] {
        bed.add(&format!("cookie={cookie},priority={priority},{text},actions=drop"));
    }
    bed.flow_mod("table=0,ip,nw_dst=10.0.0.0/8", Command::Delete);
    assert_eq!(cookies(&mut bed), [3, 4]);
    bed.flow_mod("table=0", Command::Delete);
    assert_eq!(cookies(&mut bed), [], "an empty match is everything");
}

#[test]
fn delete_strict_takes_the_identical_one_only() {
    let mut bed = Bed::new();
    bed.add("cookie=1,priority=9,ip,actions=drop");
    bed.add("cookie=2,priority=8,ip,actions=drop");
    bed.add("cookie=3,priority=9,ip,nw_proto=6,actions=drop");
    bed.flow_mod("table=0,priority=9,ip", Command::DeleteStrict);
    assert_eq!(cookies(&mut bed), [2, 3]);
}

/// A delete or modify of everything in table 0, changed by hand.
fn selecting(command: u8, cookie: u64, mask: u64, out_port: u32, out_group: u32) -> Vec<u8> {
    let mut bytes =
        FlowMod { command, cookie, ..FlowMod::default() }.message(5, &matching(&[]), &[]);
    bytes[16..24].copy_from_slice(&mask.to_be_bytes());
    bytes[36..40].copy_from_slice(&out_port.to_be_bytes());
    bytes[40..44].copy_from_slice(&out_group.to_be_bytes());
    bytes
}

#[test]
fn a_cookie_with_its_mask_selects_entries_of_modify_and_delete() {
    for command in [1, 2, 3, 4] {
        let mut bed = Bed::new();
        for (cookie, priority) in [(0x10, 100), (0x11, 100), (0x20, 100)] {
            bed.add(&format!(
                "table={},cookie={cookie},priority={priority},actions=output:2",
                cookie & 1
            ));
        }
        let is_delete = command >= 3;
        bed.accept(&selecting(command, 0x21, 0xff, ANY, ANY));
        assert_eq!(bed.flows().len(), 2, "no such cookie: 0x20 replaced 0x10");
        let mut wanted = selecting(command, 0x2f, 0xf0, ANY, ANY);
        wanted[24] = 0;
        bed.accept(&wanted);
        let left = cookies(&mut bed);
        assert_eq!(left, if is_delete { vec![0x11] } else { vec![0x11, 0x20] });
        let changed = bed.flows().iter().filter(|flow| flow.instructions.is_empty()).count();
        assert_eq!(changed, usize::from(!is_delete));
    }
}

#[test]
fn out_port_and_out_group_select_entries_of_deletes_and_of_nothing_else() {
    let mut bed = Bed::new();
    bed.add_group("group_id=7,type=all,bucket=actions=output:4");
    bed.add("cookie=1,priority=1,actions=output:2");
    bed.add("cookie=2,priority=2,actions=write_actions(output:2)");
    bed.add("cookie=3,priority=3,actions=output:2,group:7");
    bed.add("cookie=4,priority=4,actions=write_actions(group:7)");
    bed.add("cookie=5,priority=5,actions=output:3");
    bed.accept(&selecting(1, 0, 0, 99, 99));
    assert!(bed.flows().iter().all(|flow| flow.instructions.is_empty()), "MODIFY looks at neither");
    bed.accept(&FlowMod { command: 3, ..FlowMod::default() }.message(5, &matching(&[]), &[]));
    bed.add("cookie=1,priority=1,actions=output:2");
    bed.add("cookie=2,priority=2,actions=write_actions(output:2)");
    bed.add("cookie=3,priority=3,actions=output:2,group:7");
    bed.add("cookie=4,priority=4,actions=write_actions(group:7)");
    bed.add("cookie=5,priority=5,actions=output:3");
    bed.accept(&selecting(3, 0, 0, 2, 7));
    assert_eq!(cookies(&mut bed), [1, 2, 4, 5], "both must hold");
    bed.accept(&selecting(3, 0, 0, 2, ANY));
    assert_eq!(cookies(&mut bed), [4, 5], "in apply and in write");
    bed.accept(&selecting(3, 0, 0, ANY, 7));
    assert_eq!(cookies(&mut bed), [5]);
}

#[test]
fn an_add_looks_at_no_cookie_mask_no_out_port_and_no_out_group() {
    let mut bed = Bed::new();
    bed.accept(&selecting(0, 5, u64::MAX, 77, 77));
    assert_eq!(cookies(&mut bed), [5]);
}

#[test]
fn deletes_look_at_no_buffer() {
    let mut bed = Bed::new();
    bed.add("actions=drop");
    for command in [4, 3] {
        bed.accept(&FlowMod { command, buffer_id: 7, ..FlowMod::default() }.message(
            5,
            &matching(&[]),
            &[],
        ));
    }
    assert_eq!(cookies(&mut bed), []);
    for command in [0, 1, 2] {
        let message = FlowMod { command, buffer_id: 7, ..FlowMod::default() };
        assert_eq!(bed.refused(&message.message(5, &matching(&[]), &[])), (1, 8));
    }
}

#[test]
fn table_all_is_for_deletes() {
    let mut bed = Bed::new();
    for table in [0, 1, 100, 254] {
        bed.add(&format!("table={table},actions=drop"));
    }
    for command in [0, 1, 2] {
        let message = FlowMod { command, table: 255, ..FlowMod::default() };
        assert_eq!(bed.refused(&message.message(5, &matching(&[]), &[])), (5, 2));
    }
    bed.accept(&FlowMod { command: 3, table: 1, ..FlowMod::default() }.message(
        5,
        &matching(&[]),
        &[],
    ));
    assert_eq!(bed.flows().len(), 3, "one table");
    let strict = FlowMod { command: 4, table: 255, priority: 0x8000, ..FlowMod::default() };
    bed.accept(&strict.message(5, &matching(&[]), &[]));
    assert_eq!(bed.flows().len(), 0, "all tables");
}

#[test]
fn check_overlap_refuses_what_a_packet_could_match_as_well() {
    let check = |bed: &mut Bed, text: &str| {
        bed.say(&Bed::flow_bytes(&format!("check_overlap,{text},actions=drop"), Command::Add))
    };
    let mut bed = Bed::new();
    bed.add("priority=5,in_port=1,dl_type=0x800,actions=drop");
    for (text, overlaps) in [
        ("priority=5,in_port=1", true),
        ("priority=5,dl_dst=02:00:00:00:00:01", true),
        ("priority=5", true),
        ("priority=5,in_port=2", false),
        ("priority=5,dl_type=0x806", false),
        ("priority=6,in_port=1", false),
        ("table=1,priority=5,in_port=1", false),
        ("priority=5,in_port=1,dl_type=0x800", false),
    ] {
        let answers = check(&mut bed, text);
        let is_refused = answers.first().is_some_and(|error| error[8..12] == [0, 5, 0, 3]);
        assert_eq!(is_refused, overlaps, "{text}");
        assert_eq!(answers.is_empty(), !overlaps, "{text}");
        bed.flow_mod("in_port=2", Command::Delete);
        bed.flow_mod("dl_type=0x806", Command::Delete);
        bed.flow_mod("priority=6,in_port=1", Command::DeleteStrict);
    }
    bed.add("priority=5,dl_dst=02:00:00:00:00:01,actions=drop");
    assert!(bed.flows().len() >= 2, "without the flag it is added");
}

#[test]
fn a_removed_entry_is_told_to_the_last_detail() {
    let mut bed = Bed::new();
    bed.add("table=3,cookie=0x55,priority=77,idle_timeout=60,hard_timeout=70,send_flow_rem,in_port=1,actions=output:2");
    bed.add("priority=1,actions=goto_table:3");
    bed.frame(1, &FRAME);
    bed.device.advance(2_500_000_000);
    let mut answers = bed.say(&Bed::flow_bytes("table=3", Command::Delete));
    let told = answers.remove(0);
    assert_eq!((told[1], u64_at(&told, 8), u16_at(&told, 16)), (11, 0x55, 77));
    assert_eq!((told[18], told[19]), (2, 3), "DELETE, table 3");
    assert_eq!((u32_at(&told, 20), u32_at(&told, 24)), (2, 500_000_000));
    assert_eq!((u16_at(&told, 28), u16_at(&told, 30)), (60, 70));
    assert_eq!((u64_at(&told, 32), u64_at(&told, 40)), (1, 60));
    assert_eq!(told[48..], matching(&[oxm(0, &[0, 0, 0, 1])]));
}

#[test]
fn only_flagged_entries_are_told_when_they_go() {
    let mut bed = Bed::new();
    bed.add("priority=1,actions=drop");
    bed.add("priority=2,hard_timeout=1,actions=drop");
    bed.flow_mod("table=0,priority=1", Command::DeleteStrict);
    bed.device.advance(2_000_000_000);
    assert_eq!(heard(&mut bed), []);
    assert_eq!(bed.flows(), []);
}

#[test]
fn a_full_table_says_so_and_evicts_nothing() {
    let switch = SwitchConfig { max_entries_per_table: 3, ..SwitchConfig::default() };
    let mut bed = Bed::with(switch, DeviceConfig::default());
    for priority in 1..=3 {
        bed.add(&format!("cookie={priority},priority={priority},actions=drop"));
    }
    let one_more = FlowMod { priority: 4, ..FlowMod::default() };
    assert_eq!(bed.refused(&one_more.message(5, &matching(&[]), &[])), (5, 1));
    bed.add("cookie=9,priority=3,actions=output:2");
    assert_eq!(cookies(&mut bed), [1, 2, 9], "an identical one is replaced");
    bed.add("table=1,actions=drop");
}

#[test]
fn commands_and_flags_that_are_not_defined_are_refused() {
    let mut bed = Bed::new();
    for command in 5..=255 {
        let message = FlowMod { command, ..FlowMod::default() }.message(5, &matching(&[]), &[]);
        assert_eq!(bed.refused(&message), (5, 6), "command {command}");
    }
    for bit in 5..16 {
        let message =
            FlowMod { flags: 1 << bit, ..FlowMod::default() }.message(5, &matching(&[]), &[]);
        assert_eq!(bed.refused(&message), (5, 7), "bit {bit}");
    }
}

#[test]
fn a_table_that_is_not_there_is_refused() {
    let switch = SwitchConfig { n_tables: 4, ..SwitchConfig::default() };
    let mut bed = Bed::with(switch, DeviceConfig::default());
    assert_eq!(only(bed.say(&features(5)))[20], 4);
    for command in 0..5 {
        let message = FlowMod { table: 4, command, ..FlowMod::default() };
        assert_eq!(
            bed.refused(&message.message(5, &matching(&[]), &[])),
            (5, 2),
            "command {command}"
        );
    }
    assert_eq!(bed.refused(&entry(&[], &[goto(4)])), (3, 2), "nor gone to");
    let last = FlowMod { table: 3, ..FlowMod::default() };
    assert_eq!(
        bed.refused(&last.message(5, &matching(&[]), &[goto(4)])),
        (3, 2),
        "the last has no goto"
    );
    assert_eq!(statistics(&mut bed, 3, &[]).len(), 4 * 24);
}

#[test]
fn a_flow_mod_is_in_force_before_its_barrier_is_answered() {
    let mut bed = Bed::new();
    for port in [2, 3, 4, 2] {
        bed.add(&format!("actions=output:{port}"));
        assert_eq!(bed.frame(1, &FRAME)[0].0, port);
    }
}
