//! Queues as the host has them: how it sets them, what it tells of them, what it marks. What controllers and
//! frames see of them is in `tests/src/scenarios/queues.rs`.

use crate::*;
use ofp_codec::multipart::{QueueStats, QueueStatsRequest};
use ofp_codec::{QUEUE_ALL, QueueOpFailedCode, QueueProperty};
use rumpswitch_datapath::QueueConfig;

const FAR: u32 = 0xffff_fffe;

fn queues(ids: &[u32]) -> Vec<QueueConfig> {
    ids.iter().map(|id| QueueConfig::new(*id)).collect()
}

/// A bed with queues 1, 7 and 0xfffffffe on port 2, and 1 and 9 on port 3.
fn bed() -> Bed {
    let mut bed = Bed::new();
    for (port, ids) in [(2, &[7, FAR, 1][..]), (3, &[9, 1])] {
        bed.switch.tables.set_queues(bed.now, Port(port), &queues(ids)).unwrap();
    }
    bed
}

fn op_failed(code: QueueOpFailedCode) -> OfpError {
    OfpError::QueueOpFailed(code)
}

impl Bed {
    /// One frame in, with a mark; ports and marks out.
    fn marks(&mut self, port: u32) -> Vec<(u32, Option<u32>)> {
        let mut batch = Batch::new();
        let meta = Meta { queue_id: Some(7), ..Meta::default() };
        batch.push(Ingress { port: Port(port), meta, frame: VecFrame::from_bytes(&udp(1, 2, 53)) });
        self.switch.process(&mut self.host, self.now, &mut batch);
        self.host.take().into_iter().map(|sent| (sent.port.0, sent.meta.queue_id)).collect()
    }

    fn queue_stats(&self, port: PortNo, queue_id: u32) -> Result<Vec<QueueStats>, OfpError> {
        self.switch.tables.queue_stats(QueueStatsRequest { port_no: port, queue_id }, self.now)
    }
}

#[test]
fn a_mark_from_outside_is_not_taken_over() {
    let mut bed = bed();
    bed.add(entry(1, &[], apply([output(2), Action::SetQueue(1), output(3)])));
    assert_eq!(bed.marks(1), [(2, None), (3, Some(1))]);
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
