//! Makes a case that fails as small as it gets: fewer steps, then simpler steps.

use std::time::{Duration, Instant};

use crate::generate::case::Case;

/// A smaller case that still fails, found in the time given.
pub fn shrink(case: Case, time: Duration, fails: impl Fn(&Case) -> bool) -> Case {
    let end = Instant::now() + time;
    let mut best = case;
    loop {
        let before = format!("{best:?}").len();
        best = fewer_steps(best, end, &fails);
        best = simpler_steps(best, end, &fails);
        if Instant::now() > end || format!("{best:?}").len() >= before {
            return best;
        }
    }
}

fn fewer_steps(case: Case, end: Instant, fails: &impl Fn(&Case) -> bool) -> Case {
    let mut best = case;
    let mut size = best.steps.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < best.steps.len() && Instant::now() < end {
            let mut smaller = best.clone();
            smaller.steps.drain(at..(at + size).min(smaller.steps.len()));
            match fails(&smaller) {
                true => best = smaller,
                false => at += size,
            }
        }
        size /= 2;
    }
    best
}

fn simpler_steps(case: Case, end: Instant, fails: &impl Fn(&Case) -> bool) -> Case {
    let mut best = case;
    for at in 0..best.steps.len() {
        let mut goes_on = true;
        while goes_on && Instant::now() < end {
            goes_on = false;
            for step in best.steps[at].simpler() {
                let mut simpler = best.clone();
                simpler.steps[at] = step;
                if fails(&simpler) {
                    best = simpler;
                    goes_on = true;
                    break;
                }
            }
        }
    }
    best
}
