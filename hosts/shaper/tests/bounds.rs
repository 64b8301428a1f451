//! What a shaper holds, and what it does not take.

use hypercall::Nanos;
use rumpswitch_shaper::{QueueCounters, QueueRates, Shaper, ShaperConfig};

fn plain(id: u32) -> QueueRates {
    QueueRates { id, min_bps: 0, max_bps: None }
}

#[test]
fn each_queue_is_bounded_by_frames_and_bytes_and_counts_what_it_drops() {
    let config =
        ShaperConfig { max_frames: 4, max_bytes: 1000, ..ShaperConfig::new(8_000, [plain(1)]) };
    let mut shaper = Shaper::new(config);
    for n in 0..6 {
        assert_eq!(shaper.push(None, 60, n), if n < 4 { Ok(()) } else { Err(n) });
    }
    assert_eq!(shaper.push(Some(1), 5000, 10), Ok(()), "an empty queue takes any frame");
    assert_eq!(shaper.push(Some(1), 1, 11), Err(11));
    let dropped = |id| shaper.counters(id).map(|counters| counters.dropped);
    assert_eq!([dropped(0), dropped(1), dropped(2)], [Some(2), Some(1), None]);
    assert_eq!(shaper.count(), 5);
    let mut now = Nanos(0);
    while let Some(at) = shaper.next_deadline() {
        now = at;
        shaper.pop(now).unwrap();
    }
    // One byte a millisecond; the last frame starts when the others are through.
    assert!(now < Nanos::from_millis(4 * 60 + 5000), "{now:?}");
    let counters = QueueCounters { passed: 1, passed_bytes: 5000, dropped: 1 };
    assert_eq!(shaper.counters(1), Some(counters));
    assert_eq!(shaper.push(Some(1), 1000, 12), Ok(()), "there is room again");
}

#[test]
fn a_queue_that_is_not_there_is_the_default_queue() {
    let mut shaper = Shaper::new(ShaperConfig::new(1_000_000, [plain(7), plain(0xffff_fffe)]));
    for (queue, frame) in [(None, 'a'), (Some(0), 'b'), (Some(8), 'c'), (Some(0xffff_fffe), 'd')] {
        shaper.push(queue, 60, frame).unwrap();
    }
    let mut left: Vec<(u32, char)> = shaper.drain().collect();
    left.sort_unstable();
    assert_eq!(left, [(0, 'a'), (0, 'b'), (0, 'c'), (0xffff_fffe, 'd')]);
    assert_eq!((shaper.count(), shaper.next_deadline()), (0, None));
    let own = QueueRates { max_bps: Some(8_000), ..plain(0) };
    let mut shaper = Shaper::new(ShaperConfig::new(1_000_000, [own]));
    shaper.push(None, 1000, 'a').unwrap();
    shaper.push(Some(3), 1000, 'b').unwrap();
    assert_eq!(shaper.pop(Nanos(0)), Some((0, 'a')));
    assert_eq!(shaper.next_deadline(), Some(Nanos::from_secs(1)), "queue 0 has rates of its own");
}

#[test]
fn a_queue_with_a_highest_rate_of_nothing_takes_nothing() {
    let closed = QueueRates { max_bps: Some(0), ..plain(1) };
    let mut shaper = Shaper::new(ShaperConfig::new(1_000_000, [closed]));
    assert_eq!(shaper.push(Some(1), 60, 'x'), Err('x'));
    assert_eq!(shaper.next_deadline(), None);
    assert_eq!(shaper.counters(1).unwrap().dropped, 1);
}

#[test]
fn frames_outlive_another_configuration_of_their_queue() {
    let mut shaper = Shaper::new(ShaperConfig::new(8_000_000, [plain(1), plain(2)]));
    shaper.push(None, 1000, 'a').unwrap();
    assert_eq!(shaper.pop(Nanos(0)), Some((0, 'a')));
    for (queue, frame) in [(1, 'b'), (2, 'c'), (2, 'd'), (0, 'e')] {
        shaper.push(Some(queue), 1000, frame).unwrap();
    }
    let gone = shaper.reconfigure(ShaperConfig::new(8_000_000, [plain(1), plain(3)]));
    assert_eq!(gone, [(2, 'c'), (2, 'd')]);
    assert_eq!(shaper.pop(Nanos(999_999)), None, "the port is still busy with the first");
    let at = Nanos::from_millis(1);
    let mut left = vec![shaper.pop(at).unwrap()];
    left.push(shaper.pop(Nanos::from_millis(2)).unwrap());
    assert_eq!(left, [(1, 'b'), (0, 'e')], "queue 0 has sent one already");
}

#[test]
fn a_clock_that_goes_backwards_stands_still() {
    let mut shaper = Shaper::new(ShaperConfig::new(8_000_000, []));
    (0..3).for_each(|n| shaper.push(None, 1000, n).unwrap());
    assert_eq!(shaper.pop(Nanos::from_secs(5)), Some((0, 0)));
    assert_eq!(shaper.pop(Nanos::from_secs(1)), None);
    let at = shaper.next_deadline().unwrap();
    assert_eq!(at, Nanos(5_001_000_000));
    assert_eq!(shaper.pop(at), Some((0, 1)));
}

/// Lengths, rates and times at their limits neither panic nor hang.
#[test]
fn extremes() {
    let rates = [0, 1, u64::MAX];
    for port in rates {
        for min in rates {
            for max in rates {
                let queue = QueueRates { id: 1, min_bps: min, max_bps: Some(max) };
                let config = ShaperConfig {
                    max_bytes: u64::MAX,
                    catch_up: u64::MAX,
                    ..ShaperConfig::new(port, [queue])
                };
                let mut shaper = Shaper::new(config);
                for len in [0, 1, usize::MAX, usize::MAX] {
                    let _ = shaper.push(Some(1), len, ());
                    let _ = shaper.push(None, len, ());
                }
                for now in [0, 1, u64::MAX, u64::MAX, u64::MAX] {
                    let _ = shaper.pop(Nanos(now));
                    let _ = shaper.next_deadline();
                }
            }
        }
    }
}
