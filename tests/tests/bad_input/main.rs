//! Bad input, from the network and from controllers: cut, overlong and absurd frames go their way by
//! rule; changed, cut and mixed messages are answered by an error or taken whole, and leave the
//! stream and the state sound.

#[path = "../bed/mod.rs"]
mod bed;
#[path = "../embodiment/mod.rs"]
mod embodiment;

mod frames;
mod mutations;

use proptest::test_runner::{Config, RngSeed, TestRunner};

/// A runner that does the same in each run, and ten times as much when NIGHTLY=1. The seed is printed;
/// it is `SEED` or, if that is not set, `default`.
pub(crate) fn runner(default: u64, cases: u32) -> TestRunner {
    let seed = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(default);
    let nightly = std::env::var("NIGHTLY").is_ok_and(|value| value == "1");
    let cases = if nightly { cases * 10 } else { cases };
    println!("SEED={seed}, {cases} cases");
    TestRunner::new(Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        ..Config::default()
    })
}
