//! The datapath's reading and rewriting of frames beside the oracle's: same bytes in, same fields and
//! same bytes out. `FRAMES=N` sets the number of frames (default 20,000); a failure names its seed.

use rumpswitch_tests::fuzz::same_rewrites;
use rumpswitch_tests::generate::actions::change;
use rumpswitch_tests::generate::frames::frame;
use rumpswitch_tests::random::Random;

fn frames() -> u64 {
    std::env::var("FRAMES").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000)
}

#[test]
fn fields_are_the_oracles() {
    for seed in 0..frames() {
        let done = same_rewrites(&mut frame(&mut Random::new(seed)), &[]);
        done.unwrap_or_else(|told| panic!("seed {seed}: {told}"));
    }
}

#[test]
fn rewrites_are_the_oracles() {
    for seed in 0..frames() {
        let random = &mut Random::new(seed);
        let mut bytes = frame(random);
        let count = 1 + random.below(6);
        let list = random.list(count, change);
        let done = same_rewrites(&mut bytes, &list);
        done.unwrap_or_else(|told| panic!("seed {seed}: {told}"));
    }
}
