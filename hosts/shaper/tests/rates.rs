//! What the rates come to, in virtual time: each within 1 % of what was asked for.

use hypercall::Nanos;
use rumpswitch_shaper::{QueueRates, Shaper, ShaperConfig};

const SECOND: u64 = Nanos::PER_SECOND;

/// A source that always has something to send into a queue: frames of these lengths in turn.
struct Source {
    queue: u32,
    lens: Vec<usize>,
    next: usize,
    sent: u64,
}

impl Source {
    fn new(queue: u32, lens: &[usize]) -> Source {
        Source { queue, lens: lens.to_vec(), next: 0, sent: 0 }
    }
}

fn queue(id: u32, min_bps: u64, max_bps: Option<u64>) -> QueueRates {
    QueueRates { id, min_bps, max_bps }
}

/// Frames in flight hold their source and their length.
type Port = Shaper<(usize, usize)>;

fn fill(shaper: &mut Port, at: usize, source: &mut Source) {
    let len = source.lens[source.next % source.lens.len()];
    if shaper.push(Some(source.queue), len, (at, len)).is_ok() {
        source.next += 1;
    }
}

/// Runs a port from `from` to `until` with sources that never run dry; what each sent in bits per
/// second is returned.
fn run(shaper: &mut Port, sources: &mut [Source], from: u64, until: u64) -> Vec<f64> {
    for source in sources.iter_mut() {
        source.sent = 0;
    }
    for (at, source) in sources.iter_mut().enumerate() {
        (0..3).for_each(|_| fill(shaper, at, source));
    }
    let mut now = from;
    loop {
        while let Some((id, (at, len))) = shaper.pop(Nanos(now)) {
            assert_eq!(id, sources[at].queue);
            sources[at].sent += len as u64;
            fill(shaper, at, &mut sources[at]);
        }
        let next = shaper.next_deadline().expect("sources never run dry").0;
        assert!(next > now, "time goes on");
        if next >= until {
            break;
        }
        now = next;
    }
    let seconds = (until - from) as f64 / SECOND as f64;
    sources.iter().map(|source| source.sent as f64 * 8.0 / seconds).collect()
}

#[track_caller]
fn close(got: f64, wanted: f64) {
    assert!((got / wanted - 1.0).abs() < 0.01, "{got} bit/s is not {wanted}");
}

#[track_caller]
fn close_all(got: &[f64], wanted: &[f64]) {
    assert_eq!(got.len(), wanted.len());
    got.iter().zip(wanted).for_each(|(got, wanted)| close(*got, *wanted));
}

#[test]
fn the_rate_of_the_port_holds_from_10_kbit_to_100_gbit() {
    for bps in [10_000, 1_000_000, 999_999_999, 10_000_000_000, 100_000_000_000] {
        let mut shaper = Port::new(ShaperConfig::new(bps, []));
        let mut sources = [Source::new(0, &[60, 1514, 64, 594])];
        // About 1000 frames or more.
        let until = 5_000_000 * SECOND / bps;
        let rates = run(&mut shaper, &mut sources, 0, until);
        close(rates[0], bps as f64);
    }
}

#[test]
fn no_queue_exceeds_its_highest_rate_and_none_falls_short_of_it() {
    for max in [8_000, 1_000_000, 33_333_333, 999_000_000] {
        let mut shaper = Port::new(ShaperConfig::new(1_000_000_000, [queue(3, 0, Some(max))]));
        let mut sources = [Source::new(3, &[1514, 60, 700])];
        let seconds = if max < 100_000 { 100 } else { 1 };
        let rates = run(&mut shaper, &mut sources, 0, seconds * SECOND);
        close(rates[0], max as f64);
        let most = max * seconds + 8 * 1514;
        assert!(sources[0].sent * 8 <= most, "{} bits in {seconds} s", sources[0].sent * 8);
    }
}

#[test]
fn a_highest_rate_holds_over_any_span() {
    let max = 1_000_000;
    let mut shaper = Port::new(ShaperConfig::new(1_000_000_000, [queue(3, 0, Some(max))]));
    for idle in [0, 5, 20] {
        let start = idle * SECOND;
        (0..100).for_each(|n| shaper.push(Some(3), 1250, (0, n)).unwrap());
        let mut left = Vec::new();
        let mut now = Nanos(start);
        while let Some((_, (_, n))) = shaper.pop(now) {
            assert_eq!(n, left.len(), "in order");
            left.push(now);
            now = shaper.next_deadline().unwrap_or(now);
        }
        for (n, at) in left.iter().enumerate() {
            let allowed = start + n as u64 * 10_000_000;
            assert_eq!(at.0, allowed, "10 ms each, and no burst after {idle} s without a frame");
        }
    }
}

#[test]
fn a_guarantee_holds_while_others_overload_the_port() {
    for share in [1, 10, 50, 90] {
        let port = 10_000_000;
        let min = port * share / 100;
        let mut shaper = Port::new(ShaperConfig::new(port, [queue(1, min, None)]));
        // 40 queues' worth of load in one, and tiny frames against large ones.
        let mut sources = vec![Source::new(1, &[64])];
        sources.extend((0..40).map(|_| Source::new(0, &[1514])));
        let rates = run(&mut shaper, &mut sources, 0, 10 * SECOND);
        let least = min as f64 * 0.99;
        assert!(rates[0] >= least, "{} of {min} bit/s", rates[0]);
        close(rates.iter().sum(), port as f64);
    }
}

#[test]
fn a_guaranteed_queue_gets_its_rate_and_two_others_share_the_rest() {
    let port = 10_000_000;
    let queues = [queue(1, 6_000_000, None), queue(2, 0, None), queue(3, 0, None)];
    let mut shaper = Port::new(ShaperConfig::new(port, queues));
    let mut sources =
        [Source::new(1, &[1514]), Source::new(2, &[60, 594]), Source::new(3, &[1514])];
    let rates = run(&mut shaper, &mut sources, 0, 20 * SECOND);
    close_all(&rates, &[6_000_000.0, 2_000_000.0, 2_000_000.0]);
}

#[test]
fn what_a_guaranteed_queue_leaves_is_the_others() {
    let queues = [queue(1, 6_000_000, None), queue(2, 0, None), queue(3, 0, None)];
    let mut shaper = Port::new(ShaperConfig::new(10_000_000, queues));
    let mut sources = [Source::new(2, &[300]), Source::new(3, &[1514])];
    let rates = run(&mut shaper, &mut sources, 0, 20 * SECOND);
    close_all(&rates, &[5_000_000.0, 5_000_000.0]);
}

/// Shares the port's rate equally, within each queue's bounds.
fn water_level(port: f64, queues: &[QueueRates]) -> Vec<f64> {
    let rates = |level: f64| -> Vec<f64> {
        let max = |q: &QueueRates| q.max_bps.map_or(port, |max| max as f64);
        queues.iter().map(|q| level.max(q.min_bps as f64).min(max(q))).collect()
    };
    let (mut low, mut high) = (0.0, port);
    for _ in 0..100 {
        let level = (low + high) / 2.0;
        match rates(level).iter().sum::<f64>() < port {
            true => low = level,
            false => high = level,
        }
    }
    rates(low)
}

#[test]
fn any_mix_of_queues_shares_the_port_equally_within_their_bounds() {
    let mut state = 7_u64;
    let mut chance = |n: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % n
    };
    for round in 0..60 {
        let port = [1_000_000, 10_000_000, 1_000_000_000][round % 3];
        let count = 1 + chance(8);
        let queues: Vec<QueueRates> = (1..=count)
            .map(|id| {
                // Guarantees fit the port: the condition for keeping them.
                let min = [0, port / count * chance(101) / 100][chance(2) as usize];
                let max = (chance(2) == 0).then(|| (min + chance(port)).clamp(port / 50, port));
                queue(id as u32, min, max)
            })
            .collect();
        let wanted = water_level(port as f64, &queues);
        let mut shaper = Port::new(ShaperConfig::new(port, queues.clone()));
        let lens = |n: u64| [&[60_usize, 1514, 333][..], &[1514], &[64]][n as usize];
        let mut sources: Vec<Source> =
            queues.iter().map(|q| Source::new(q.id, lens(chance(3)))).collect();
        // Long enough for 1000 of the longest frames.
        let until = 1_000 * 1514 * 8 * SECOND / port * count;
        let got = run(&mut shaper, &mut sources, 0, until);
        for (got, wanted) in got.iter().zip(&wanted) {
            let is_close = (got - wanted).abs() <= wanted * 0.01 + port as f64 * 0.000_5;
            assert!(is_close, "round {round}: {got} is not {wanted}: {queues:?}");
        }
    }
}

#[test]
fn guarantees_that_do_not_fit_the_port_share_it() {
    let queues = [queue(1, 8_000_000, None), queue(2, 8_000_000, None), queue(3, 0, None)];
    let mut shaper = Port::new(ShaperConfig::new(10_000_000, queues));
    let mut sources = [1, 2].map(|id| Source::new(id, &[1000]));
    let rates = run(&mut shaper, &mut sources, 0, 10 * SECOND);
    close_all(&rates, &[5_000_000.0, 5_000_000.0]);
}

#[test]
fn a_queue_that_wakes_up_is_served_at_once() {
    let mut shaper = Port::new(ShaperConfig::new(10_000_000, [queue(1, 1_000_000, None)]));
    let mut bulk = [Source::new(0, &[1250])];
    for second in 0..50 {
        run(&mut shaper, &mut bulk, second * SECOND, (second + 1) * SECOND);
        // The port is busy with one frame of a millisecond, and this one is 100 us long.
        shaper.push(Some(1), 125, (9, 125)).unwrap();
        let at = shaper.next_deadline().unwrap();
        assert!(at.0 <= (second + 1) * SECOND + 1_000_000);
        assert_eq!(shaper.pop(at), Some((1, (9, 125))));
    }
}

#[test]
fn more_than_its_share_is_not_held_against_a_queue_later() {
    let queues = [queue(1, 4_000_000, None), queue(2, 0, None), queue(3, 0, None)];
    let mut shaper = Port::new(ShaperConfig::new(10_000_000, queues));
    let mut crowd = [1, 2, 3].map(|id| Source::new(id, &[1000]));
    let rates = run(&mut shaper, &mut crowd, 0, 100 * SECOND);
    close_all(&rates, &[4_000_000.0, 3_000_000.0, 3_000_000.0]);
    // Queue 3 falls silent; queue 1 had more than queue 2 for 100 s.
    while shaper.pop(shaper.next_deadline().unwrap_or_default()).is_some() {}
    let mut two = [1, 2].map(|id| Source::new(id, &[1000]));
    let rates = run(&mut shaper, &mut two, 101 * SECOND, 103 * SECOND);
    close_all(&rates, &[5_000_000.0, 5_000_000.0]);
    // A silent one comes back: it is not given what it missed.
    while shaper.pop(shaper.next_deadline().unwrap_or_default()).is_some() {}
    let mut back = [2, 3].map(|id| Source::new(id, &[1000]));
    let rates = run(&mut shaper, &mut back, 103 * SECOND, 105 * SECOND);
    close_all(&rates, &[5_000_000.0, 5_000_000.0]);
}

#[test]
fn a_queue_at_its_highest_rate_saves_nothing_up() {
    let queues = [queue(1, 0, Some(1_000_000)), queue(2, 0, None)];
    let mut shaper = Port::new(ShaperConfig::new(10_000_000, queues));
    let mut sources = [1, 2].map(|id| Source::new(id, &[1000]));
    let rates = run(&mut shaper, &mut sources, 0, 100 * SECOND);
    close_all(&rates, &[1_000_000.0, 9_000_000.0]);
    let queues = [queue(1, 0, None), queue(2, 0, None)];
    assert_eq!(shaper.reconfigure(ShaperConfig::new(10_000_000, queues)), []);
    let rates = run(&mut shaper, &mut sources, 100 * SECOND, 101 * SECOND);
    close_all(&rates, &[5_000_000.0, 5_000_000.0]);
}

/// A host that looks only each `step`, at best.
fn run_late(catch_up: u64, step: u64) -> f64 {
    let config = ShaperConfig {
        catch_up,
        ..ShaperConfig::new(1_000_000_000, [queue(1, 0, Some(10_000_000))])
    };
    let mut shaper: Shaper<()> = Shaper::new(config);
    let mut sent = 0;
    for turn in 0..5 * SECOND / step {
        while shaper.push(Some(1), 1000, ()).is_ok() {}
        while shaper.pop(Nanos(turn * step)).is_some() {
            sent += 8_000;
        }
    }
    sent as f64 / 5.0
}

#[test]
fn a_late_host_catches_up_as_far_as_it_may() {
    close(run_late(2_000_000, 1_100_000), 10_000_000.0);
    close(run_late(5_000_000, 4_300_000), 10_000_000.0);
    // A frame takes 800 us: without catching up it is one each turn.
    close(run_late(0, 1_100_000), 8_000.0 / 0.0011);
}
