//! What workers share, in every order in which they can reach it: models for loom, which stand beside
//! the tests with threads as all orders stand beside some. `debug/run.sh loom` runs them, and no other
//! test of this crate, for atomic words are loom's then.
//!
//! They are small, since orders grow with every look at a shared word: two workers, a handful of steps.
//! The first thread runs before the others unless something speaks against it, and loom takes a store
//! for independent of another thread's loads if its own thread has loaded the word since. So who
//! changes words comes first in these models, and who looks at them last; `play` sees to it that more
//! than a few orders were played, and a fault was planted once for every model.

use alloc::vec::Vec;
use core::sync::atomic::AtomicUsize;

use hypercall::{Nanos, Port};
use loom::{model::Builder, sync::Arc, thread};

use crate::counters::Count;
use crate::mac_table::MacTable;
use crate::meters::Filled;
use crate::shared::Share;
use crate::sync::{AtomicU64, Ordering::Relaxed};
use crate::token_bucket::TokenBucket;

/// All orders with up to `preemptions` changes of thread where none has to be.
fn play(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    let orders = std::sync::Arc::new(AtomicUsize::new(0));
    let played = std::sync::Arc::clone(&orders);
    builder.check(move || {
        played.fetch_add(1, Relaxed);
        model();
    });
    let orders = orders.load(Relaxed);
    std::println!("{orders} orders");
    assert!(orders >= 10, "a model of {orders} orders shows nothing");
}

/// The port of a station in these models.
fn port_of(address: u64) -> Port {
    Port(100 + address as u32)
}

/// A table of one set in which the stations 1 to `count` were heard, 1 first.
fn stations(count: u64) -> Arc<MacTable> {
    let table = MacTable::new(3, u64::MAX, 7);
    for address in 1..=count {
        assert!(table.learn(0, address, port_of(address), Nanos(address)));
    }
    table.share();
    Arc::new(table)
}

fn known(table: &MacTable) -> Vec<u64> {
    let mut known: Vec<u64> = table
        .iter(Nanos(100))
        .map(|(_, address, port, _)| {
            assert_eq!(port, port_of(address));
            address
        })
        .collect();
    known.sort_unstable();
    known
}

/// The harness itself: two threads that add to a word with one writer lose an addition, and loom says so.
#[test]
#[should_panic = "an addition is lost"]
fn loom_finds_a_second_writer_of_a_counter() {
    play(2, || {
        let count = Arc::new(Count::default());
        let other = Arc::clone(&count);
        let thread = thread::spawn(move || other.add(1));
        count.add(1);
        thread.join().unwrap();
        assert_eq!(count.get(), 2, "an addition is lost");
    });
}

/// Control sums what workers count: it never sees more than there was, nor less than it saw before.
#[test]
fn a_counter_is_read_while_its_worker_counts() {
    play(3, || {
        let counts = Arc::new([Count::default(), Count::default()]);
        let (workers, controls) = (Arc::clone(&counts), Arc::clone(&counts));
        let worker = thread::spawn(move || (0..2).for_each(|_| workers[1].add(1)));
        let control = thread::spawn(move || {
            let sum = || controls[0].get() + controls[1].get();
            let (before, after) = (sum(), sum());
            assert!(before <= after && after <= 4, "{before}, {after}");
        });
        (0..2).for_each(|_| counts[0].add(1));
        worker.join().unwrap();
        control.join().unwrap();
        assert_eq!(counts[0].get() + counts[1].get(), 4);
    });
}

/// While one worker gives the place of the oldest station to a new one, another looks both up: what
/// it finds is the port of the address that it asked for.
#[test]
fn no_station_is_seen_with_another_ones_port() {
    play(3, || {
        let table = stations(3);
        let other = Arc::clone(&table);
        let worker = thread::spawn(move || {
            for address in [1, 4] {
                let found = other.find(0, address, Nanos(10));
                assert!(found.is_none_or(|port| port == port_of(address)), "{address}: {found:?}");
            }
        });
        assert!(table.learn(0, 4, port_of(4), Nanos(9)));
        worker.join().unwrap();
        assert_eq!(known(&table), [2, 3, 4]);
    });
}

/// Two workers hear the same new station, and each another one: it is in the table once, and who
/// had to wait too long has learned nothing.
#[test]
fn a_station_that_two_workers_hear_is_there_once() {
    play(2, || {
        let table = stations(2);
        let hear = |table: &MacTable, at: u64| {
            let mut learned = Vec::new();
            for address in [8, at] {
                if table.learn(0, address, port_of(address), Nanos(at)) {
                    learned.push(address);
                }
            }
            learned
        };
        let other = Arc::clone(&table);
        let worker = thread::spawn(move || hear(&other, 10));
        let mut learned = hear(&table, 11);
        learned.extend(worker.join().unwrap());
        learned.sort_unstable();
        learned.dedup();
        let known = known(&table);
        assert!(learned.iter().all(|address| known.contains(address)), "{learned:?}, {known:?}");
        let mut once = known.clone();
        once.dedup();
        assert_eq!(once, known);
    });
}

/// A station that moves is at its old port or at its new one, and at the new one in the end.
#[test]
fn a_station_that_moves_is_somewhere() {
    play(3, || {
        let table = stations(2);
        let other = Arc::clone(&table);
        let worker = thread::spawn(move || {
            let found = other.find(0, 1, Nanos(10));
            // None: the other worker's turn lasted longer than the looks, which are two here.
            assert!(found.is_none_or(|port| port == port_of(1) || port == Port(7)), "{found:?}");
        });
        assert!(table.learn(0, 1, Port(7), Nanos(9)));
        worker.join().unwrap();
        assert_eq!(table.find(0, 1, Nanos(10)), Some(Port(7)));
    });
}

/// The time between two moments is claimed once, whoever claims it, also by a clock that is behind.
#[test]
fn time_is_claimed_once() {
    play(3, || {
        let filled = Arc::new(Filled::new(Nanos(10)));
        let claim = |filled: &Filled, moments: [u64; 2]| -> u64 {
            moments.iter().map(|now| filled.claim(Nanos(*now))).sum()
        };
        let other = Arc::clone(&filled);
        let worker = thread::spawn(move || claim(&other, [12, 19]));
        let claimed = claim(&filled, [17, 15]);
        assert_eq!(claimed + worker.join().unwrap(), 9);
        assert_eq!(filled.claim(Nanos(20)), 1);
    });
}

/// Two workers take from a band's bucket and settle: what they took is gone, what time gave is there.
#[test]
fn settling_loses_no_token_and_gives_none_twice() {
    const DEPTH: u64 = 1_000;
    play(3, || {
        let bucket = Arc::new(TokenBucket::new(1, DEPTH));
        let taken = Arc::new(AtomicU64::new(0));
        let measure = |bucket: &TokenBucket, taken: &AtomicU64, gains: [u64; 2]| {
            let share = Share::default();
            bucket.settle(&share, 0, 1);
            for gain in gains {
                if bucket.take_shared(&share, 100) {
                    taken.fetch_add(100, Relaxed);
                }
                bucket.settle(&share, gain, 1);
            }
        };
        let (others_bucket, others_taken) = (Arc::clone(&bucket), Arc::clone(&taken));
        let worker = thread::spawn(move || measure(&others_bucket, &others_taken, [3, 5]));
        measure(&bucket, &taken, [7, 11]);
        worker.join().unwrap();
        let share = Share::default();
        bucket.settle(&share, 0, 1);
        let full = DEPTH - taken.load(Relaxed);
        let held = share.tokens() as u64;
        // The first gain runs over where nothing is settled yet.
        assert!((full..=full + 26).contains(&held), "{held} of {full}");
    });
}
