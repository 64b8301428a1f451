//! The queues of a port: what the host configured of them and what they sent (§7.2.2, §7.3.6). A
//! set-queue action marks a packet; here a mark finds its counters, in the host it finds its place.
//!
//! # What
//!
//! A port has any number of queues, each with an id of the host's choice and a lowest and a highest
//! rate. Only the host configures them; controllers read. Shaping is the host's work too: it gets
//! the mark as [`Meta::queue_id`](hypercall::Meta::queue_id) with the frame.
//!
//! # Design
//!
//! Queue 0 is the default queue of every port: frames that no set-queue action marked go by it, and
//! frames that are marked for a queue which the port lacks. So `set_queue:0` is accepted everywhere,
//! and takes a mark back. A port may configure queue 0 like any other; one that does not still has it,
//! without a guarantee and without counters. Any other id that no port has is BAD_QUEUE.
//!
//! All queues of a switch together are few enough that one QUEUE_GET_CONFIG_REPLY, which cannot be cut,
//! holds them.
//!
//! # What it costs
//!
//! A port without queues: one branch a frame. One with queues: a binary search by id, and two cells
//! of counters a queue.

use alloc::vec::Vec;

use hypercall::Nanos;
use ofp_codec::memory::try_collect;
use ofp_codec::multipart::QueueStats;
use ofp_codec::{OfpError, PacketQueue, PortNo, QUEUE_ALL, QueueOpFailedCode, QueueProperty};

use crate::counters::{Counters, NoMemory};
use crate::flow_entry::duration;

/// The queue of frames that no set-queue action marked.
pub(crate) const DEFAULT_QUEUE: u32 = 0;

/// A queue of a port as the host configures it.
///
/// ```
/// use rumpswitch_datapath::QueueConfig;
///
/// let queue = QueueConfig { min_rate: 250, ..QueueConfig::new(7) };
/// assert_eq!(queue.min_bps(10_000_000), 2_500_000);
/// assert_eq!(queue.max_bps(10_000_000), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// Its number on the port: any below 0xffffffff. 0 is the port's default queue.
    pub id: u32,
    /// The rate that it gets when it has so much to send, in 1/1000 of the port's; above 1000 it is
    /// not configured.
    pub min_rate: u16,
    /// The rate that it never exceeds, in 1/1000 of the port's; above 1000 it is not configured.
    pub max_rate: u16,
}

impl QueueConfig {
    /// A rate that is not configured (`OFPQ_MIN_RATE_UNCFG`, `OFPQ_MAX_RATE_UNCFG`).
    pub const NOT_CONFIGURED: u16 = 0xffff;
    /// The highest rate that is one: all of the port's.
    pub const WHOLE: u16 = 1000;
    /// Queues that all ports of a switch have together, at most: as many as one reply to
    /// QUEUE_GET_CONFIG holds, with room to spare.
    pub const MAX_COUNT: usize = 1024;

    /// A queue without a guarantee and without a limit of its own.
    pub const fn new(id: u32) -> QueueConfig {
        QueueConfig { id, min_rate: Self::NOT_CONFIGURED, max_rate: Self::NOT_CONFIGURED }
    }

    /// Bits per second that it is guaranteed on a port of `port_bps`; 0 when not configured.
    pub fn min_bps(&self, port_bps: u64) -> u64 {
        share(self.min_rate, port_bps).unwrap_or(0)
    }

    /// Bits per second that it never exceeds on a port of `port_bps`; `None` when not configured.
    pub fn max_bps(&self, port_bps: u64) -> Option<u64> {
        share(self.max_rate, port_bps)
    }

    fn describe(&self, port: PortNo) -> Result<PacketQueue, NoMemory> {
        let properties =
            [QueueProperty::MinRate(self.min_rate), QueueProperty::MaxRate(self.max_rate)];
        Ok(PacketQueue { queue_id: self.id, port, properties: try_collect(properties)? })
    }
}

/// `rate` thousandths of `port_bps`.
fn share(rate: u16, port_bps: u64) -> Option<u64> {
    let whole = u128::from(QueueConfig::WHOLE);
    let bps = u128::from(port_bps).saturating_mul(u128::from(rate)).div_euclid(whole);
    (rate <= QueueConfig::WHOLE).then(|| u64::try_from(bps).unwrap_or(u64::MAX))
}

/// The queues of one port, by id.
#[derive(Debug, Default)]
pub(crate) struct Queues {
    queues: Vec<Queue>,
}

#[derive(Clone, Copy, Debug)]
struct Queue {
    config: QueueConfig,
    added: Nanos,
    cells: QueueCells,
    /// Frames that the host took and dropped later.
    late_drops: u64,
}

/// Where a queue's counters are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueCells {
    pub(crate) tx: u32,
    pub(crate) errors: u32,
}

impl QueueCells {
    fn take(counters: &mut Counters) -> Result<QueueCells, NoMemory> {
        let tx = counters.take_cell()?;
        match counters.take_cell() {
            Ok(errors) => Ok(QueueCells { tx, errors }),
            Err(NoMemory) => {
                counters.free_cell(tx);
                Err(NoMemory)
            }
        }
    }

    fn free(self, counters: &mut Counters) {
        counters.free_cell(self.tx);
        counters.free_cell(self.errors);
    }
}

/// Whether these can be the queues of one port of a switch whose other ports have `others`.
///
/// # Errors
///
/// QUEUE_OP_FAILED: BAD_QUEUE for an id that is none or there twice, EPERM when there are too many.
pub(crate) fn check(configs: &[QueueConfig], others: usize) -> Result<(), OfpError> {
    let fail = |code| Err(OfpError::QueueOpFailed(code));
    if configs.len().saturating_add(others) > QueueConfig::MAX_COUNT {
        return fail(QueueOpFailedCode::Eperm);
    }
    for (index, config) in configs.iter().enumerate() {
        let is_taken = configs.iter().take(index).any(|earlier| earlier.id == config.id);
        if config.id == QUEUE_ALL || is_taken {
            return fail(QueueOpFailedCode::BadQueue);
        }
    }
    Ok(())
}

impl Queues {
    /// Takes over what the host configures; queues that stay keep their counters. The configuration
    /// has been [checked](check).
    pub(crate) fn set(
        &mut self,
        now: Nanos,
        configs: &[QueueConfig],
        counters: &mut Counters,
    ) -> Result<(), NoMemory> {
        let mut queues: Vec<Queue> = Vec::new();
        queues.try_reserve_exact(configs.len()).map_err(|_| NoMemory)?;
        for config in configs {
            let kept = self.get(config.id).map(|queue| Queue { config: *config, ..*queue });
            let queue = kept.map_or_else(
                || {
                    let cells = QueueCells::take(counters)?;
                    Ok(Queue { config: *config, added: now, cells, late_drops: 0 })
                },
                Ok,
            );
            match queue {
                Ok(queue) => queues.push(queue),
                Err(NoMemory) => {
                    let new = queues.iter().filter(|queue| self.get(queue.config.id).is_none());
                    new.for_each(|queue| queue.cells.free(counters));
                    return Err(NoMemory);
                }
            }
        }
        let has = |id| configs.iter().any(|config| config.id == id);
        let gone = self.queues.iter().filter(|queue| !has(queue.config.id));
        gone.for_each(|queue| queue.cells.free(counters));
        queues.sort_unstable_by_key(|queue| queue.config.id);
        self.queues = queues;
        Ok(())
    }

    /// Gives the counters back.
    pub(crate) fn free(self, counters: &mut Counters) {
        self.queues.into_iter().for_each(|queue| queue.cells.free(counters));
    }

    pub(crate) fn count(&self) -> usize {
        self.queues.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.queues.iter().map(|queue| queue.config.id)
    }

    fn get(&self, id: u32) -> Option<&Queue> {
        let place = self.queues.binary_search_by_key(&id, |queue| queue.config.id).ok()?;
        self.queues.get(place)
    }

    /// The queue that a frame with this mark goes by; `None` for a default queue that is not
    /// configured.
    fn by_mark(&self, mark: Option<u32>) -> Option<&Queue> {
        self.get(mark.unwrap_or(DEFAULT_QUEUE)).or_else(|| self.get(DEFAULT_QUEUE))
    }

    /// The counters of the queue that a frame with this mark goes by.
    pub(crate) fn cells(&self, mark: Option<u32>) -> Option<QueueCells> {
        self.by_mark(mark).map(|queue| queue.cells)
    }

    /// Counts frames that the host took and dropped later.
    pub(crate) fn dropped(&mut self, mark: Option<u32>, frames: u64) {
        let Some(id) = self.by_mark(mark).map(|queue| queue.config.id) else { return };
        if let Some(queue) = self.queues.iter_mut().find(|queue| queue.config.id == id) {
            queue.late_drops = queue.late_drops.wrapping_add(frames);
        }
    }

    pub(crate) fn describe(
        &self,
        port: PortNo,
    ) -> impl Iterator<Item = Result<PacketQueue, NoMemory>> + '_ {
        self.queues.iter().map(move |queue| queue.config.describe(port))
    }

    /// Statistics of one queue, or of all with [`QUEUE_ALL`].
    pub(crate) fn stats<'a>(
        &'a self,
        port_no: PortNo,
        queue_id: u32,
        now: Nanos,
        counters: &'a Counters,
    ) -> impl Iterator<Item = QueueStats> + 'a {
        let wanted = move |queue: &&Queue| queue_id == QUEUE_ALL || queue.config.id == queue_id;
        self.queues.iter().filter(wanted).map(move |queue| {
            let tx = counters.cell(queue.cells.tx);
            let (duration_sec, duration_nsec) = duration(queue.added, now);
            QueueStats {
                port_no,
                queue_id: queue.config.id,
                tx_bytes: tx.bytes,
                tx_packets: tx.packets,
                tx_errors: counters.cell(queue.cells.errors).packets.wrapping_add(queue.late_drops),
                duration_sec,
                duration_nsec,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_queues_as_there_can_be_fit_into_one_reply() {
        let queues = (0..QueueConfig::MAX_COUNT as u32).map(QueueConfig::new);
        let queues = queues.map(|queue| queue.describe(PortNo(1)).unwrap()).collect();
        let config = ofp_codec::QueueConfig { port: PortNo::ANY, queues };
        let mut bytes = Vec::new();
        ofp_codec::Message::QueueGetConfigReply(config).encode(1, &mut bytes).unwrap();
        assert_eq!(bytes.len(), 16 + 48 * QueueConfig::MAX_COUNT);
    }

    #[test]
    fn rates_are_thousandths_of_the_port() {
        let queue = QueueConfig { min_rate: 1, max_rate: 1000, ..QueueConfig::new(1) };
        assert_eq!(queue.min_bps(999), 0);
        assert_eq!(queue.min_bps(u64::MAX), u64::MAX / 1000);
        assert_eq!(queue.max_bps(u64::MAX), Some(u64::MAX));
        let queue = QueueConfig { min_rate: 1001, max_rate: 0, ..queue };
        assert_eq!((queue.min_bps(1_000), queue.max_bps(1_000)), (0, Some(0)));
    }

    #[test]
    fn queues_that_stay_keep_their_counters_and_cells_of_others_come_back() {
        let mut counters = Counters::new(1).unwrap();
        let mut queues = Queues::default();
        let [one, two, three] = [1, 2, 3].map(QueueConfig::new);
        queues.set(Nanos(5), &[two, one], &mut counters).unwrap();
        let cells = queues.cells(Some(2)).unwrap();
        let load = crate::counters::Load { packets: 3, bytes: 180 };
        counters.worker(0).unwrap().cells.get(cells.tx).unwrap().add(load);
        queues.dropped(Some(2), 4);
        queues.set(Nanos(9), &[two, three], &mut counters).unwrap();
        let stats: Vec<_> = queues.stats(PortNo(1), QUEUE_ALL, Nanos(10), &counters).collect();
        let row =
            |s: &QueueStats| (s.queue_id, s.tx_packets, s.tx_bytes, s.tx_errors, s.duration_nsec);
        assert_eq!(stats.iter().map(row).collect::<Vec<_>>(), [(2, 3, 180, 4, 5), (3, 0, 0, 0, 1)]);
        assert_eq!(queues.cells(Some(77)), None, "the default queue is not configured");
        queues.free(&mut counters);
        let taken: Vec<u32> = (0..6).map(|_| counters.take_cell().unwrap()).collect();
        assert_eq!(taken.iter().max(), Some(&5), "six cells were ever needed");
    }
}
