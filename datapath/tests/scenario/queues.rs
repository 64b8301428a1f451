//! Queues: which of them a frame goes by, what they count, what is refused.

use crate::*;
use ofp_codec::multipart::{QueueStats, QueueStatsRequest};
use ofp_codec::{
    BadActionCode, Bucket, GroupId, GroupMod, GroupModCommand, GroupType, NO_BUFFER, QUEUE_ALL,
    QueueOpFailedCode, QueueProperty,
};
use rumpswitch_datapath::QueueConfig;

const FAR: u32 = 0xffff_fffe;

fn queues(ids: &[u32]) -> Vec<QueueConfig> {
    ids.iter().map(|id| QueueConfig::new(*id)).collect()
}

/// A bed with queues 1, 7 and 0xfffffffe on port 2, and 1 and 9 on port 3.
fn bed() -> Bed {
    let mut bed = Bed::new();
    bed.queues(2, &[7, FAR, 1]);
    bed.queues(3, &[9, 1]);
    bed
}

fn op_failed(code: QueueOpFailedCode) -> OfpError {
    OfpError::QueueOpFailed(code)
}

impl Bed {
    fn queues(&mut self, port: u32, ids: &[u32]) {
        self.switch.tables.set_queues(self.now, Port(port), &queues(ids)).unwrap();
    }

    /// One frame in; ports and marks out.
    fn marks(&mut self, port: u32) -> Vec<(u32, Option<u32>)> {
        let mut batch = Batch::new();
        // A mark from outside is not taken over.
        let meta = Meta { queue_id: Some(7), ..Meta::default() };
        batch.push(Ingress { port: Port(port), meta, frame: VecFrame::from_bytes(&udp(1, 2, 53)) });
        self.switch.process(&mut self.host, self.now, &mut batch);
        self.marks_sent()
    }

    fn marks_sent(&mut self) -> Vec<(u32, Option<u32>)> {
        self.host.take().into_iter().map(|sent| (sent.port.0, sent.meta.queue_id)).collect()
    }

    fn queue_stats(&self, port: PortNo, queue_id: u32) -> Result<Vec<QueueStats>, OfpError> {
        self.switch.tables.queue_stats(QueueStatsRequest { port_no: port, queue_id }, self.now)
    }

    /// Port, queue, packets, bytes and errors of the queues that have counted something.
    fn counted(&self) -> Vec<(u32, u32, u64, u64, u64)> {
        let stats = self.queue_stats(PortNo::ANY, QUEUE_ALL).unwrap().into_iter();
        let row = |s: QueueStats| (s.port_no.0, s.queue_id, s.tx_packets, s.tx_bytes, s.tx_errors);
        stats.map(row).filter(|row| row.2 + row.4 > 0).collect()
    }
}

#[test]
fn set_queue_lasts_for_the_following_outputs() {
    let mut bed = bed();
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
    let marks = [(4, None), (2, Some(7)), (3, Some(7)), (3, Some(9)), (2, Some(0))];
    assert_eq!(bed.marks(1), marks);
    // Port 3 has no queue 7, and no queue 0 that counts.
    assert_eq!(bed.counted(), [(2, 7, 1, 60, 0), (3, 9, 1, 60, 0)]);
    bed.assert_drops(&[]);
}

#[test]
fn set_queue_lasts_from_table_to_table_and_into_the_action_set() {
    let mut bed = bed();
    let goto = Instruction::GotoTable(ofp_codec::TableId(1));
    let first = [apply([Action::SetQueue(7)]), write([output(2)]), vec![goto]].concat();
    bed.add(entry(1, &[], first));
    let next = FlowMod { table_id: ofp_codec::TableId(1), ..entry(1, &[], apply([output(3)])) };
    bed.add(next);
    assert_eq!(bed.marks(1), [(3, Some(7)), (2, Some(7))]);
}

#[test]
fn the_action_set_sets_the_queue_before_it_outputs() {
    let mut bed = bed();
    bed.add(entry(1, &[], write([output(2), Action::SetQueue(FAR)])));
    assert_eq!(bed.marks(1), [(2, Some(FAR))]);
    assert_eq!(bed.counted(), [(2, FAR, 1, 60, 0)]);
}

#[test]
fn a_bucket_sets_the_queue_of_its_own_copy() {
    let mut bed = bed();
    let bucket = |queue, port| Bucket::new(vec![output(port), Action::SetQueue(queue)]);
    let buckets = vec![bucket(7, 2), bucket(9, 3), Bucket::new(vec![output(4)])];
    let group = GroupMod {
        command: GroupModCommand::Add,
        group_type: GroupType::All,
        group_id: GroupId(1),
        buckets,
    };
    bed.switch.tables.group_mod(bed.now, &group).unwrap();
    bed.add(entry(1, &[], apply([Action::Group(GroupId(1)), output(2)])));
    let marks = [(2, Some(7)), (3, Some(9)), (4, None), (2, None)];
    assert_eq!(bed.marks(1), marks, "what follows the group is not marked");
    bed.add(entry(2, &[], apply([Action::SetQueue(1), Action::Group(GroupId(1))])));
    let marks = [(2, Some(7)), (3, Some(9)), (4, Some(1))];
    assert_eq!(bed.marks(1), marks, "a bucket without a queue keeps the packet's");
}

#[test]
fn a_packet_out_sets_the_queue_also_for_the_tables() {
    let mut bed = bed();
    bed.add(entry(1, &[], apply([output(3)])));
    let actions = vec![Action::SetQueue(1), output(2), output(PortNo::TABLE.0)];
    let given = PacketOut {
        buffer_id: NO_BUFFER,
        in_port: PortNo::CONTROLLER,
        actions,
        data: udp(1, 2, 53),
    };
    bed.packet_out(&given).unwrap();
    assert_eq!(bed.marks_sent(), [(2, Some(1)), (3, Some(1))]);
    assert_eq!(bed.counted(), [(2, 1, 1, 60, 0), (3, 1, 1, 60, 0)]);
}

#[test]
fn queue_0_is_the_default_queue_of_every_port() {
    let mut bed = Bed::new();
    bed.add(entry(1, &[], apply([Action::SetQueue(0), output(2)])));
    assert_eq!(bed.marks(1), [(2, Some(0))], "accepted without any queue");
    assert_eq!(bed.counted(), [], "and not counted");
    let absent = Err(op_failed(QueueOpFailedCode::BadQueue));
    assert_eq!(bed.queue_stats(PortNo(2), 0), absent, "nor listed");
    bed.queues(2, &[0, 5]);
    bed.marks(1);
    bed.add(entry(2, &[], apply([output(2), Action::SetQueue(5), output(2)])));
    bed.marks(1);
    assert_eq!(bed.counted(), [(2, 0, 2, 120, 0), (2, 5, 1, 60, 0)], "unmarked frames too");
}

#[test]
fn a_queue_that_the_port_lacks_is_its_default_queue() {
    let mut bed = bed();
    bed.queues(2, &[0]);
    bed.add(entry(1, &[], apply([Action::SetQueue(9), output(2), output(4)])));
    assert_eq!(bed.marks(1), [(2, Some(9)), (4, Some(9))]);
    assert_eq!(bed.counted(), [(2, 0, 1, 60, 0)]);
    bed.queues(3, &[]);
    assert_eq!(bed.marks(1).len(), 2, "entries stay when the last port with the queue loses it");
}

#[test]
fn a_queue_that_no_port_has_is_bad_queue_everywhere() {
    let mut bed = bed();
    let bad = OfpError::BadAction(BadActionCode::BadQueue);
    for queue in [2, 8, QUEUE_ALL] {
        let actions = vec![Action::SetQueue(queue), output(2)];
        assert_eq!(bed.flow_mod(entry(1, &[], apply(actions.clone()))), Err(bad));
        assert_eq!(bed.flow_mod(entry(1, &[], write(actions.clone()))), Err(bad));
        let group = GroupMod {
            command: GroupModCommand::Add,
            group_type: GroupType::Indirect,
            group_id: GroupId(1),
            buckets: vec![Bucket::new(actions.clone())],
        };
        assert_eq!(bed.switch.tables.group_mod(bed.now, &group), Err(bad));
        let data = udp(1, 2, 53);
        let given = PacketOut { buffer_id: NO_BUFFER, in_port: PortNo::CONTROLLER, actions, data };
        assert_eq!(bed.packet_out(&given), Err(bad));
    }
    assert_eq!(bed.marks_sent(), []);
    bed.switch.tables.port_remove(Port(2)).unwrap();
    let gone = entry(1, &[], apply([Action::SetQueue(FAR), output(2)]));
    assert_eq!(bed.flow_mod(gone), Err(bad), "its queues went with the port");
    let kept = entry(1, &[], apply([Action::SetQueue(1), output(2)]));
    assert_eq!(bed.flow_mod(kept), Ok(()), "port 3 has a queue 1 too");
}

#[test]
fn queues_count_packets_bytes_errors_and_time() {
    let mut bed = bed();
    bed.add(entry(1, &[], apply([Action::SetQueue(7), output(2)])));
    bed.marks(1);
    bed.host.refused = Some(Port(2));
    bed.marks(1);
    bed.marks(1);
    bed.assert_drops(&[(DropReason::HostRefused, 2)]);
    bed.switch.tables.queue_dropped(Port(2), Some(7), 5);
    bed.now = bed.now.plus(3 * SECOND + 4);
    let expected = QueueStats {
        port_no: PortNo(2),
        queue_id: 7,
        tx_bytes: 60,
        tx_packets: 1,
        tx_errors: 7,
        duration_sec: 3,
        duration_nsec: 4,
    };
    assert_eq!(bed.queue_stats(PortNo(2), 7), Ok(vec![expected]));
    let port = bed.switch.tables.port_stats(PortNo(2), bed.now).unwrap()[0];
    assert_eq!((port.tx_packets, port.tx_dropped), (1, 7));
}

#[test]
fn queue_statistics_are_asked_by_port_and_queue() {
    let bed = bed();
    let ids = |port, queue| {
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
        let config = bed.switch.tables.queues(port);
        assert_eq!(config, Err(op_failed(QueueOpFailedCode::BadPort)));
    }
}

#[test]
fn rates_are_told_as_they_were_configured() {
    let mut bed = Bed::new();
    let config = QueueConfig { id: 3, min_rate: 125, max_rate: QueueConfig::NOT_CONFIGURED };
    bed.switch.tables.set_queues(bed.now, Port(1), &[config]).unwrap();
    let told = bed.switch.tables.queues(PortNo::ANY).unwrap();
    assert_eq!((told[0].port, told[0].queue_id), (PortNo(1), 3));
    let rates = [QueueProperty::MinRate(125), QueueProperty::MaxRate(0xffff)];
    assert_eq!(told[0].properties, rates);
}

#[test]
fn what_cannot_be_the_queues_of_a_port_changes_nothing() {
    let mut bed = bed();
    let before = bed.queue_stats(PortNo::ANY, QUEUE_ALL);
    let set = |bed: &mut Bed, port, ids: &[u32]| {
        bed.switch.tables.set_queues(bed.now, Port(port), &queues(ids))
    };
    let bad_queue = Err(op_failed(QueueOpFailedCode::BadQueue));
    assert_eq!(set(&mut bed, 2, &[QUEUE_ALL]), bad_queue);
    assert_eq!(set(&mut bed, 2, &[4, 5, 4]), bad_queue);
    assert_eq!(set(&mut bed, 77, &[]), Err(op_failed(QueueOpFailedCode::BadPort)));
    let many: Vec<u32> = (0..QueueConfig::MAX_COUNT as u32).collect();
    let eperm = Err(op_failed(QueueOpFailedCode::Eperm));
    assert_eq!(set(&mut bed, 4, &many[5..]), Ok(()), "all ports together");
    assert_eq!(set(&mut bed, 4, &many[4..]), eperm);
    let port = PortConfig { queues: queues(&[1]), ..PortConfig::new(Port(9), "nine") };
    assert_eq!(bed.switch.tables.port_add(bed.now, port.clone()), eperm);
    assert_eq!(set(&mut bed, 4, &[]), Ok(()));
    assert_eq!(bed.queue_stats(PortNo::ANY, QUEUE_ALL), before);
    assert_eq!(bed.switch.tables.port_add(bed.now, port), Ok(()), "a port comes with its queues");
    assert_eq!(bed.queue_stats(PortNo(9), QUEUE_ALL).unwrap().len(), 1);
}

#[test]
fn port_changes_leave_the_queues_alone() {
    let mut bed = bed();
    bed.switch.tables.port_change(PortConfig::new(Port(2), "renamed")).unwrap();
    assert_eq!(bed.queue_stats(PortNo(2), QUEUE_ALL).unwrap().len(), 3);
}
