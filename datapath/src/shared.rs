//! Several workers over one set of tables: who writes what.
//!
//! # What
//!
//! [`Tables`](crate::Tables) are read through `&` while forwarding and changed through `&mut`, so the
//! borrow checker says what every design of shared tables has to say somehow: nobody forwards while
//! they change. A [`Worker`](crate::Worker) is one core's own. Whatever forwarding writes is the
//! worker's, or an atomic word with one writer, or one of the few below that have several. Nothing
//! waits for a lock, and no shared line is written per frame while nothing changes.
//!
//! # Design
//!
//! | what | whose | how |
//! | --- | --- | --- |
//! | entries, groups, ports, programs, liveness | control | read through `&` |
//! | counters, moments of last use | a set of cells for each worker | relaxed load and store; readers sum, or take the newest |
//! | what an entry does, in a word beside its counters | control, in each worker's cells | read through `&` |
//! | action set, punt queue, first fragments | the worker's own | `&mut` |
//! | stations of NORMAL | all workers' | `mac_table.rs`: atomic words, one compare-and-swap to learn |
//! | tokens of meters | all workers' | here: one compare-and-swap for each batch, meter and band |
//!
//! Results are one worker's in every counter and every frame: each frame finds the same entries, and
//! each counter is a sum. SELECT hashes the flow with the tables' seed, and liveness is in the tables,
//! so that buckets are the same ones. It takes that a flow's frames go to one worker: they keep their
//! order then, and a later fragment finds its first one in the worker's memory. A host deals by a hash of the flow that leaves the ports of fragments out,
//! as network cards and `PACKET_FANOUT_HASH` do. `tests/tests/workers.rs` plays random pipelines by one,
//! two and three workers. Frames of different flows that come at the same time have no order: what
//! depends on it (which of two new stations NORMAL hears first) may differ, as it may between two runs.
//!
//! # Meters
//!
//! One worker measures exactly. Several would have to take turns for each packet; instead each takes
//! note of what a band's bucket holds, measures its packets against that, and settles with the others
//! when its batch is over or it has measured [`SHARE_MAX`] packets: it takes from the bucket what its
//! packets took, adds the tokens of the time that nobody has added before, and notes what there is
//! now. Nothing is lost and nothing is given twice, so the long-term rate is exact. At any moment what
//! has passed is more than one worker would have let pass by at most [`SHARE_MAX`] packets for each
//! other worker; a worker that falls silent brings its debt when it comes back. A bucket that is
//! shallower than a batch of each worker may run over before a debt is settled, and lose: half a
//! percent of the rate in the test below. While only one of them measures with a meter it is exact,
//! again.
//!
//! # What it costs
//!
//! One worker: a look at an empty list for each metered packet. Several: 32 bytes for each cell of
//! groups and meters and each worker, 32 for each flow entry and worker, and the settling, one atomic
//! operation on the meter and on each band in 32 packets (`workers` bench), which are then measured at once
//! when the buckets hold what all of them take.
//!
//! # What it does not do
//!
//! Let control change tables while others read: hosts keep them apart (`hosts/unix/src/crew.rs` says
//! how and at what price), for flow-mods are bounded work. A second copy of the tables, changed
//! while workers read the first, would spare the workers that wait and cost the memory twice.

use hypercall::Nanos;

use crate::counters::Count;
use crate::sync::{AtomicI64, Ordering::Relaxed};

/// Packets that a worker measures before it settles with the others.
pub(crate) const SHARE_MAX: u64 = 32;

/// What one of several workers knows of a meter, or of a band. It alone writes it.
#[derive(Debug, Default)]
pub(crate) struct Share {
    /// Of a meter: the moment of the batch that was settled last, and packets until the next time.
    moment: Count,
    left: Count,
    /// Of a band: what the bucket holds for this worker, and what of it was taken and not settled.
    tokens: AtomicI64,
    taken: AtomicI64,
}

impl Share {
    /// Notes that `count` packets, no more than a batch has, of the batch at `now` are going to be measured;
    /// whether the worker has to settle before.
    pub(crate) fn is_due(&self, now: Nanos, count: u64) -> bool {
        let left = self.left.get();
        let is_due = left < count || self.moment.get() != now.0;
        self.moment.set(now.0);
        self.left.set(if is_due { SHARE_MAX } else { left }.saturating_sub(count));
        is_due
    }

    /// What the worker has taken since it settled last.
    pub(crate) fn taken(&self) -> i64 {
        self.taken.load(Relaxed)
    }

    /// The worker has settled, and the bucket holds `tokens`.
    pub(crate) fn settled(&self, tokens: i64) {
        self.tokens.store(tokens, Relaxed);
        self.taken.store(0, Relaxed);
    }

    pub(crate) fn tokens(&self) -> i64 {
        self.tokens.load(Relaxed)
    }

    pub(crate) fn take(&self, cost: i64) {
        self.tokens.store(self.tokens().saturating_sub(cost), Relaxed);
        self.taken.store(self.taken().saturating_add(cost), Relaxed);
    }

    /// Forgets everything: the worker settles with the next packet.
    pub(crate) fn reset(&self) {
        self.left.set(0);
        self.settled(0);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use ofp_codec::{Band, MeterFlags, MeterId, MeterMod, MeterModCommand};

    use super::*;
    use crate::counters::{Counters, Load};
    use crate::meters::{Meters, Verdict};
    use crate::personality::MeterShape;
    use crate::{Tables, Worker};

    const SECOND: u64 = Nanos::PER_SECOND;
    const LOAD: Load = Load { packets: 1, bytes: 60 };

    /// A meter of `rate` packets/s and a bucket of `burst`, for `count` workers; its slot.
    fn metered(count: usize, rate: u32, burst_size: u32) -> (Counters, Meters, u32) {
        let (mut counters, mut meters) = (Counters::new(1).unwrap(), Meters::default());
        (1..count).for_each(|index| assert_eq!(counters.add_worker(), Ok(index)));
        let given = MeterMod {
            command: MeterModCommand::Add,
            flags: MeterFlags::PKTPS | MeterFlags::BURST,
            meter_id: MeterId(7),
            bands: vec![Band::Drop { rate, burst_size }],
        };
        let slot = meters.add(Nanos(0), &given, &MeterShape::full(), &mut counters).unwrap();
        (counters, meters, slot)
    }

    /// A stream of numbers, each from its seed.
    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        *state >> 33
    }

    fn is_shareable<T: Send + Sync>() {}

    #[test]
    fn tables_are_shared_and_workers_move() {
        is_shareable::<Tables>();
        is_shareable::<Worker>();
    }

    /// More than the rate is offered by several workers in turns of up to a batch: at no moment have
    /// more packets passed than one worker would have let pass and 32 for each other worker. A bucket
    /// that holds a batch of each loses none; one that does not loses what runs over meanwhile.
    #[test]
    fn several_workers_meter_within_a_batch_of_each_other() {
        const RATE: u64 = 50_000;
        for (seed, workers, burst) in
            [(1, 2, 1), (2, 2, 100), (3, 3, 5_000), (4, 7, 400), (5, 2, 8)]
        {
            let (counters, meters, slot) = metered(workers, RATE as u32, burst);
            let (alone, exact, exact_slot) = metered(1, RATE as u32, burst);
            let (mut now, mut passed, mut exactly, mut state) = (0, 0, 0, seed);
            let passes = |verdict| u64::from(verdict == Verdict::Pass);
            while now < SECOND / 4 {
                let worker = counters.worker(random(&mut state) as usize % workers).unwrap();
                let batch = 1 + random(&mut state) % 32;
                for _ in 0..batch {
                    let alone = alone.worker(0).unwrap();
                    exactly += passes(exact.measure(exact_slot, alone, LOAD, Nanos(now)));
                    passed += passes(meters.measure(slot, worker, LOAD, Nanos(now)));
                }
                let others = (workers as u64 - 1) * SHARE_MAX;
                let most = u64::from(burst) + now * RATE / SECOND + 1 + others;
                assert!(passed <= most, "{passed} > {most} after {now} ns, seed {seed}");
                now += random(&mut state) % 100_000;
            }
            let lost = if burst > 32 * workers as u32 { 0 } else { exactly / 50 };
            assert!(passed + 64 + lost >= exactly, "{passed} < {exactly}, seed {seed}");
        }
    }

    /// Where only one of several workers measures, it says what a worker alone says.
    #[test]
    fn one_of_several_workers_meters_exactly() {
        let (counters, meters, slot) = metered(3, 20_000, 30);
        let (alone, exact, exact_slot) = metered(1, 20_000, 30);
        let (mut now, mut state) = (0, 5);
        for _ in 0..20_000 {
            let verdict = meters.measure(slot, counters.worker(1).unwrap(), LOAD, Nanos(now));
            let expected = exact.measure(exact_slot, alone.worker(0).unwrap(), LOAD, Nanos(now));
            assert_eq!(verdict, expected, "at {now}");
            now += random(&mut state) % 3 * random(&mut state) % 200_000;
        }
    }

    /// The same on threads: no token is lost or given twice, and all packets are counted.
    #[test]
    fn threads_settle_what_they_took() {
        const ROUNDS: u64 = if cfg!(miri) { 30 } else { 3_000 };
        const BATCH: u64 = 32;
        const WORKERS: usize = 3;
        let (counters, meters, slot) = metered(WORKERS, 1_000_000, 64);
        let passed: Vec<u64> = std::thread::scope(|scope| {
            let threads = (0..WORKERS).map(|index| {
                let (cells, meters) = (counters.worker(index).unwrap(), &meters);
                scope.spawn(move || {
                    let now = |round: u64| Nanos(round * 10_000);
                    let measure = |n| meters.measure(slot, cells, LOAD, now(n / BATCH));
                    (0..ROUNDS * BATCH).filter(|n| measure(*n) == Verdict::Pass).count() as u64
                })
            });
            let threads: Vec<_> = threads.collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        // Ten packets a round, of 96 that are offered.
        let passed: u64 = passed.iter().sum();
        let most = 64 + 10 * ROUNDS + 1 + (WORKERS as u64 - 1) * SHARE_MAX;
        assert!(passed <= most, "{passed} > {most}");
        assert!(passed + 10 >= 10 * (ROUNDS - 1), "{passed}");
        let stats = meters.stats(MeterId(7), Nanos(0), &counters).unwrap();
        let offered = WORKERS as u64 * ROUNDS * BATCH;
        assert_eq!(stats[0].packet_in_count, offered);
        assert_eq!(stats[0].bands[0].packet_band_count, offered - passed);
    }
}
