//! The fuzz targets without a fuzzer: on every saved input of `fuzz/corpus`, and on thousands of random
//! ones. `FUZZ=N` sets their number, `FUZZ_SECONDS=N` the time that each target goes on beyond them.

use std::path::Path;
use std::time::{Duration, Instant};

use rumpswitch_tests::fuzz;
use rumpswitch_tests::random::Random;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|number| number.parse().ok()).unwrap_or(default)
}

/// Runs a target on its corpus, then on random bytes of all lengths up to `longest`.
fn replay(name: &str, target: fn(&[u8]), count: u64, longest: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(name);
    let mut saved = 0;
    for entry in std::fs::read_dir(&folder).expect("every target has a corpus") {
        let path = entry.expect("a readable folder").path();
        // Shown only when it fails.
        println!("{}", path.display());
        target(&std::fs::read(&path).expect("a readable file"));
        saved += 1;
    }
    assert!(saved > 0, "{} is empty", folder.display());
    let end = Instant::now() + Duration::from_secs(number("FUZZ_SECONDS", 0));
    let mut seed = number("SEED", 0);
    let last = seed + number("FUZZ", count);
    while seed < last || Instant::now() < end {
        let random = &mut Random::new(seed);
        let len = random.below(longest);
        let bytes = random.list(len, |random| random.below(256) as u8);
        let done = std::panic::catch_unwind(|| target(&bytes));
        assert!(done.is_ok(), "SEED={seed} FUZZ=1: {} bytes", bytes.len());
        seed += 1;
    }
    println!("{name}: {saved} saved, {seed} random inputs");
}

#[test]
fn a_device_keeps_its_word_whatever_comes() {
    replay("device", fuzz::device, 800, 3000);
}

#[test]
fn a_device_gives_back_all_memory() {
    for seed in 0..100 {
        let random = &mut Random::new(seed);
        let bytes = random.list(2000, |random| random.below(256) as u8);
        let used = allocation_counter::measure(|| fuzz::device(&bytes));
        assert_eq!(used.bytes_current, 0, "SEED={seed} leaves memory behind");
        assert!(used.bytes_max < 16 << 20, "SEED={seed} takes {} bytes", used.bytes_max);
    }
}

#[test]
fn messages_mean_what_they_mean_for_good() {
    replay("codec", fuzz::codec, 20_000, 300);
}

#[test]
fn text_prints_as_something_that_reads_the_same() {
    replay("text", fuzz::text, 5000, 200);
}

#[test]
fn frames_are_read_and_rewritten_as_by_the_oracle() {
    replay("frames", fuzz::frames, 10_000, 200);
}

#[test]
fn pipelines_do_as_the_oracle_does() {
    replay("pipeline", fuzz::pipeline, 30, 4000);
}
