//! Queues: which of them a frame goes by, what they count, what is refused.

use super::prelude::*;
use ofp_codec::multipart::QueueStats;
use ofp_codec::{
    BadActionCode, GroupId, GroupType, NO_BUFFER, QUEUE_ALL, QueueOpFailedCode, QueueProperty,
    TableId,
};

cases! { "queues":
    set_queue_lasts_for_the_following_outputs: QUEUES,
    set_queue_lasts_from_table_to_table_and_into_the_action_set: QUEUES,
    the_action_set_sets_the_queue_before_it_outputs: QUEUES,
    a_bucket_sets_the_queue_of_its_own_copy: QUEUES,
    a_packet_out_sets_the_queue_also_for_the_tables: QUEUES,
    queue_0_is_there_without_any_queue,
    queue_0_is_the_default_queue_of_every_port: QUEUES,
    a_queue_that_the_port_lacks_is_its_default_queue: QUEUES,
    a_queue_is_bad_queue_where_no_port_has_any,
    a_queue_that_no_port_has_is_bad_queue_everywhere: QUEUES | MEMBERS,
    queue_statistics_are_asked_by_port_and_queue: QUEUES | BLANK,
    ports_without_queues_have_no_queue_statistics,
    queues_count_from_the_moment_when_they_came: QUEUES | TIME,
    queues_without_rates_say_so: QUEUES,
    port_changes_leave_the_queues_alone: QUEUES | PORTS,
}

const FAR: u32 = 0xffff_fffe;

/// A bed with queues 1, 7 and 0xfffffffe on port 2, and 1 and 9 on port 3.
fn bed<'w>(world: &'w World<'w>) -> Bed<'w> {
    let mut bed = world.bed();
    bed.set_queues(2, &[7, FAR, 1]);
    bed.set_queues(3, &[9, 1]);
    bed
}

fn op_failed(code: QueueOpFailedCode) -> OfpError {
    OfpError::QueueOpFailed(code)
}

/// One frame in by port 1; ports and marks out, by port.
fn marks(bed: &mut Bed<'_>) -> Vec<(u32, Option<u32>)> {
    bed.frame(1, &udp(1, 2, 53));
    bed.marks()
}

/// Port, queue, packets, bytes and errors of the queues that have counted something.
fn counted(bed: &mut Bed<'_>) -> Vec<(u32, u32, u64, u64, u64)> {
    let stats = bed.queue_stats(PortNo::ANY, QUEUE_ALL).unwrap().into_iter();
    let row = |s: QueueStats| (s.port_no.0, s.queue_id, s.tx_packets, s.tx_bytes, s.tx_errors);
    stats.map(row).filter(|row| row.2 + row.4 > 0).collect()
}

fn set_queue_lasts_for_the_following_outputs(world: &World<'_>) {
    let mut bed = bed(world);
    let actions = [
        output(4),
        Action::SetQueue(7),
        output(2),
        output(3),
        Action::SetQueue(9),
        output(3),
        Action::SetQueue(0),
        output(2),
    ];
    bed.add(entry(1, &[], apply(actions)));
    let expected = [(2, Some(7)), (2, Some(0)), (3, Some(7)), (3, Some(9)), (4, None)];
    assert_eq!(marks(&mut bed), expected);
    // Port 3 has no queue 7, and no queue 0 that counts.
    assert_eq!(counted(&mut bed), [(2, 7, 1, 60, 0), (3, 9, 1, 60, 0)]);
    bed.assert_drops(&[]);
}

fn set_queue_lasts_from_table_to_table_and_into_the_action_set(world: &World<'_>) {
    let mut bed = bed(world);
    let goto = Instruction::GotoTable(TableId(1));
    let first = [apply([Action::SetQueue(7)]), write([output(2)]), vec![goto]].concat();
    bed.add(entry(1, &[], first));
    bed.add(FlowMod { table_id: TableId(1), ..entry(1, &[], apply([output(3)])) });
    assert_eq!(marks(&mut bed), [(2, Some(7)), (3, Some(7))]);
}

fn the_action_set_sets_the_queue_before_it_outputs(world: &World<'_>) {
    let mut bed = bed(world);
    bed.add(entry(1, &[], write([output(2), Action::SetQueue(FAR)])));
    assert_eq!(marks(&mut bed), [(2, Some(FAR))]);
    assert_eq!(counted(&mut bed), [(2, FAR, 1, 60, 0)]);
}

fn a_bucket_sets_the_queue_of_its_own_copy(world: &World<'_>) {
    let mut bed = bed(world);
    let queued = |queue, port| bucket([output(port), Action::SetQueue(queue)]);
    let buckets = vec![queued(7, 2), queued(9, 3), bucket([output(4)])];
    bed.group(add(GroupType::All, 1, buckets));
    bed.add(entry(1, &[], apply([Action::Group(GroupId(1)), output(2)])));
    let expected = [(2, Some(7)), (2, None), (3, Some(9)), (4, None)];
    assert_eq!(marks(&mut bed), expected, "what follows the group is not marked");
    bed.add(entry(2, &[], apply([Action::SetQueue(1), Action::Group(GroupId(1))])));
    let expected = [(2, Some(7)), (3, Some(9)), (4, Some(1))];
    assert_eq!(marks(&mut bed), expected, "a bucket without a queue keeps the packet's");
}

/// A packet-out of a frame with these actions.
fn sent_out(actions: Vec<Action>) -> PacketOut {
    let data = udp(1, 2, 53);
    PacketOut { buffer_id: NO_BUFFER, in_port: PortNo::CONTROLLER, actions, data }
}

fn a_packet_out_sets_the_queue_also_for_the_tables(world: &World<'_>) {
    let mut bed = bed(world);
    bed.add(entry(1, &[], apply([output(3)])));
    let actions = vec![Action::SetQueue(1), output(2), output(PortNo::TABLE.0)];
    bed.packet_out(&sent_out(actions)).unwrap();
    assert_eq!(bed.marks(), [(2, Some(1)), (3, Some(1))]);
    assert_eq!(counted(&mut bed), [(2, 1, 1, 60, 0), (3, 1, 1, 60, 0)]);
}

fn queue_0_is_there_without_any_queue(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(entry(1, &[], apply([Action::SetQueue(0), output(2)])));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2], "accepted");
    assert_eq!(counted(&mut bed), [], "and not counted");
    let absent = Err(op_failed(QueueOpFailedCode::BadQueue));
    assert_eq!(bed.queue_stats(PortNo(2), 0), absent, "nor listed");
}

fn queue_0_is_the_default_queue_of_every_port(world: &World<'_>) {
    let mut bed = world.bed();
    bed.add(entry(1, &[], apply([Action::SetQueue(0), output(2)])));
    assert_eq!(marks(&mut bed), [(2, Some(0))]);
    bed.set_queues(2, &[0, 5]);
    marks(&mut bed);
    bed.add(entry(2, &[], apply([output(2), Action::SetQueue(5), output(2)])));
    marks(&mut bed);
    assert_eq!(counted(&mut bed), [(2, 0, 2, 120, 0), (2, 5, 1, 60, 0)], "unmarked frames too");
}

fn a_queue_that_the_port_lacks_is_its_default_queue(world: &World<'_>) {
    let mut bed = bed(world);
    bed.set_queues(2, &[0]);
    bed.add(entry(1, &[], apply([Action::SetQueue(9), output(2), output(4)])));
    assert_eq!(marks(&mut bed), [(2, Some(9)), (4, Some(9))]);
    assert_eq!(counted(&mut bed), [(2, 0, 1, 60, 0)]);
    bed.set_queues(3, &[]);
    assert_eq!(marks(&mut bed).len(), 2, "entries stay when the last port with the queue loses it");
}

/// In entries, in groups, in packet-outs.
fn is_bad_queue(bed: &mut Bed<'_>, queue: u32) {
    let bad = Err(OfpError::BadAction(BadActionCode::BadQueue));
    let actions = vec![Action::SetQueue(queue), output(2)];
    assert_eq!(bed.flow_mod(entry(1, &[], apply(actions.clone()))), bad);
    assert_eq!(bed.flow_mod(entry(1, &[], write(actions.clone()))), bad);
    assert_eq!(bed.group_mod(add(GroupType::Indirect, 1, vec![bucket(actions.clone())])), bad);
    assert_eq!(bed.packet_out(&sent_out(actions)), bad);
    assert_eq!(bed.sent(), []);
}

fn a_queue_is_bad_queue_where_no_port_has_any(world: &World<'_>) {
    let mut bed = world.bed();
    for queue in [1, FAR, QUEUE_ALL] {
        is_bad_queue(&mut bed, queue);
    }
}

fn a_queue_that_no_port_has_is_bad_queue_everywhere(world: &World<'_>) {
    let mut bed = bed(world);
    for queue in [2, 8, QUEUE_ALL] {
        is_bad_queue(&mut bed, queue);
    }
    assert!(bed.port_remove(2));
    is_bad_queue(&mut bed, FAR);
    let kept = entry(1, &[], apply([Action::SetQueue(1), output(2)]));
    assert_eq!(bed.flow_mod(kept), Ok(()), "port 3 has a queue 1 too");
}

fn queue_statistics_are_asked_by_port_and_queue(world: &World<'_>) {
    let mut bed = bed(world);
    bed.counts_all_ports();
    let mut ids = |port, queue| {
        let stats = bed.queue_stats(port, queue)?;
        Ok(stats.iter().map(|s| (s.port_no.0, s.queue_id)).collect::<Vec<_>>())
    };
    let all = vec![(2, 1), (2, 7), (2, FAR), (3, 1), (3, 9)];
    assert_eq!(ids(PortNo::ANY, QUEUE_ALL), Ok(all));
    assert_eq!(ids(PortNo::ANY, 1), Ok(vec![(2, 1), (3, 1)]));
    assert_eq!(ids(PortNo(3), QUEUE_ALL), Ok(vec![(3, 1), (3, 9)]));
    assert_eq!(ids(PortNo(4), QUEUE_ALL), Ok(vec![]), "a port without queues");
    assert_eq!(ids(PortNo(2), 7), Ok(vec![(2, 7)]));
    for (port, queue) in [(PortNo(3), 7), (PortNo(4), 0), (PortNo::ANY, 2)] {
        assert_eq!(ids(port, queue), Err(op_failed(QueueOpFailedCode::BadQueue)));
    }
    for port in [PortNo(77), PortNo::CONTROLLER, PortNo::LOCAL, PortNo(0)] {
        assert_eq!(ids(port, QUEUE_ALL), Err(op_failed(QueueOpFailedCode::BadPort)));
    }
}

fn ports_without_queues_have_no_queue_statistics(world: &World<'_>) {
    let mut bed = world.bed();
    assert_eq!(bed.queue_stats(PortNo::ANY, QUEUE_ALL), Ok(vec![]));
    assert_eq!(bed.queue_configs(PortNo::ANY), Ok(vec![]));
    assert_eq!(bed.queue_stats(PortNo(4), QUEUE_ALL), Ok(vec![]));
    assert_eq!(bed.queue_configs(PortNo(4)), Ok(vec![]));
    for (port, queue) in [(PortNo(3), 7), (PortNo(4), 0)] {
        let bad = Err(op_failed(QueueOpFailedCode::BadQueue));
        assert_eq!(bed.queue_stats(port, queue), bad);
    }
    let bad = op_failed(QueueOpFailedCode::BadPort);
    for port in [PortNo(77), PortNo::CONTROLLER, PortNo(0)] {
        assert_eq!(bed.queue_stats(port, QUEUE_ALL), Err(bad));
        assert_eq!(bed.queue_configs(port), Err(bad));
    }
}

fn queues_count_from_the_moment_when_they_came(world: &World<'_>) {
    let mut bed = bed(world);
    bed.add(entry(1, &[], apply([Action::SetQueue(7), output(2)])));
    marks(&mut bed);
    bed.pass(3 * SECOND + 4);
    let expected = QueueStats {
        port_no: PortNo(2),
        queue_id: 7,
        tx_bytes: 60,
        tx_packets: 1,
        tx_errors: 0,
        duration_sec: 3,
        duration_nsec: 4,
    };
    assert_eq!(bed.queue_stats(PortNo(2), 7), Ok(vec![expected]));
}

fn queues_without_rates_say_so(world: &World<'_>) {
    let mut bed = bed(world);
    let told = bed.queue_configs(PortNo::ANY).unwrap();
    let ids: Vec<_> = told.iter().map(|queue| (queue.port.0, queue.queue_id)).collect();
    assert_eq!(ids, [(2, 1), (2, 7), (2, FAR), (3, 1), (3, 9)]);
    for queue in told {
        let rates = [QueueProperty::MinRate(0xffff), QueueProperty::MaxRate(0xffff)];
        assert_eq!(queue.properties, rates);
    }
}

fn port_changes_leave_the_queues_alone(world: &World<'_>) {
    let mut bed = bed(world);
    assert!(bed.port_change(&PortConfig::new(Port(2), "renamed")));
    assert_eq!(bed.queue_stats(PortNo(2), QUEUE_ALL).unwrap().len(), 3);
}
