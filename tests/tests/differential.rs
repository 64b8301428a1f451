//! The datapath against the oracle: the same flow-mods, groups, meters, ports, frames and moments to
//! both, and every output, packet-in, notice and counter must be the same.
//!
//! The test goes through pipelines until 150,000 packets have passed, with `NIGHTLY=1` 10,000,000, or
//! `PACKETS=N`. A pipeline that fails is made small and printed with its seed; `SEED=N` runs that one
//! alone. At the end it says how often each field, action, group, band and reason was met, and fails
//! when one never was.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use datapath::DropReason;
use rumpswitch_tests::differential::{Report, run, shrink};
use rumpswitch_tests::generate::case::Case;

/// Reasons that a switch with enough memory does not meet, with the test that does.
const ELSEWHERE: [(DropReason, &str); 3] = [
    (DropReason::NoRoom, "datapath rewrite::tests"),
    (DropReason::NoMemory, "datapath --test scenario"),
    (DropReason::PuntQueueFull, "datapath --test scenario"),
];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|number| number.parse().ok())
}

fn fail(seed: u64) {
    let case = Case::of_seed(seed);
    let Err(first) = run(&case) else { return };
    // Another way to fail is another story.
    let fails = |case: &Case| run(case).is_err_and(|found| found.kind() == first.kind());
    let case = shrink(case, Duration::from_secs(60), fails);
    let Err(difference) = run(&case) else { return };
    for (at, step) in case.steps.iter().enumerate() {
        println!("{at}: {step:?}");
    }
    println!("SEED={seed}: step {}: {}", difference.step, difference.what);
}

#[test]
fn datapath_equals_oracle() {
    if let Some(seed) = number("SEED") {
        if run(&Case::of_seed(seed)).is_err() {
            fail(seed);
            panic!("the switch and the oracle differ");
        }
        return;
    }
    let nightly = std::env::var("NIGHTLY").is_ok_and(|value| value == "1");
    let wanted = number("PACKETS").unwrap_or(if nightly { 10_000_000 } else { 150_000 });
    let (next, packets) = (AtomicU64::new(0), AtomicU64::new(0));
    let (failed, report) = (AtomicBool::new(false), Mutex::new(Report::default()));
    let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(8));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut mine = Report::default();
                while packets.load(Relaxed) < wanted && !failed.load(Relaxed) {
                    let seed = next.fetch_add(1, Relaxed);
                    match run(&Case::of_seed(seed)) {
                        Ok(report) => {
                            packets.fetch_add(report.packets, Relaxed);
                            mine.add(&report);
                        }
                        Err(_) if failed.swap(true, Relaxed) => (),
                        Err(_) => fail(seed),
                    }
                }
                report.lock().unwrap().add(&mine);
            });
        }
    });
    assert!(!failed.load(Relaxed), "the switch and the oracle differ");
    let Report { packets, coverage, drops } = report.into_inner().unwrap();
    println!("{packets} packets through {} pipelines, {threads} threads", next.into_inner());
    print!("{coverage}");
    print_drops(&drops);
    let missing = coverage.missing();
    assert!(missing.is_empty(), "never met: {missing:?}");
    let never = DropReason::ALL.into_iter().filter(|reason| {
        !ELSEWHERE.iter().any(|(other, _)| other == reason) && !drops.contains_key(reason.name())
    });
    let never: Vec<DropReason> = never.collect();
    assert!(never.is_empty(), "never met: {never:?}");
}

fn print_drops(drops: &BTreeMap<&str, u64>) {
    for (reason, count) in drops {
        println!("{count:>10}  dropped: {reason}");
    }
}
