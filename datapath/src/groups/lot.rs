//! What a bucket of a SELECT group draws for a flow: the bucket with the least lot takes it.
//!
//! # What
//!
//! Weighted rendezvous hashing. Each bucket has a number of its own in the group. From the flow's hash
//! and that number comes a uniform random number `u` in (0, 1), and the bucket's lot is
//! `-log2(u) / weight`: exponentially distributed with the weight as rate, so that the bucket whose
//! lot is the least is each bucket with the probability of its share of the weights.
//!
//! # Design
//!
//! No lot depends on another bucket. So when a bucket goes, only its flows move, to whoever drew the
//! next lot, and by their weights; when it comes back exactly they return; a bucket that is added
//! takes its share from each of the others and moves no flow between them.
//!
//! The logarithm is a polynomial in fixed point (binary point at bit 32) that is right at both ends of
//! an octave, in value and in slope, and within 0.0005 between: shares are right to 0.2 % of
//! themselves. The division is by a reciprocal that is computed when the bucket is made.
//!
//! Where all weights are one the least lot is the greatest random number, so nobody takes a logarithm.
//! Whether a bucket is live is asked of the one that wins; only if it is not are those that are not
//! live left out from the beginning.
//!
//! # What it costs
//!
//! Three words a bucket; a bucket and packet costs some ten instructions where all weights are one, else
//! some forty, without a load beyond the three words.

use alloc::boxed::Box;
use alloc::vec::Vec;

use ofp_codec::memory::try_boxed;

use crate::counters::NoMemory;
use crate::mac_table::mix;

/// The lots of a group's buckets.
#[derive(Debug, Default)]
pub(super) struct Lots {
    lots: Box<[Lot]>,
    /// Whether all weights are one.
    are_even: bool,
}

impl Lots {
    /// Those of buckets with these numbers and weights, in their order.
    pub(super) fn new(
        buckets: impl ExactSizeIterator<Item = (u16, u16)>,
    ) -> Result<Lots, NoMemory> {
        let mut lots: Vec<Lot> = Vec::new();
        lots.try_reserve_exact(buckets.len()).map_err(|_| NoMemory)?;
        lots.extend(
            (0..).zip(buckets).filter_map(|(at, (number, weight))| Lot::new(at, number, weight)),
        );
        let are_even =
            lots.windows(2).all(|two| matches!(two, [a, b] if a.reciprocal == b.reciprocal));
        // Those of weight 0 draw no lot, so it may not be full.
        Ok(Lots { lots: try_boxed(lots)?, are_even })
    }

    /// The place of the live bucket that draws the least lot for a flow with this hash.
    #[inline(always)]
    pub(super) fn least(&self, hash: u64, mut is_live: impl FnMut(usize) -> bool) -> Option<usize> {
        let winner = match self.are_even {
            true => self.greatest(hash)?,
            false => self.least_of(hash, |_| true)?,
        };
        if is_live(winner) { Some(winner) } else { self.least_of(hash, is_live) }
    }

    /// The least lot where all weights are one.
    #[inline(always)]
    fn greatest(&self, hash: u64) -> Option<usize> {
        // Whose it is stands in the low bits: the greatest is found without a branch, which nobody could
        // predict.
        let (mut greatest, mut number) = (0, 0_u64);
        for lot in &self.lots {
            greatest = greatest.max((lot.random(hash) & !NUMBERS) | number);
            number = number.wrapping_add(1);
        }
        self.lots.get((greatest & NUMBERS) as usize).map(|lot| lot.at as usize)
    }

    /// Only a bucket that would win is asked whether it is live: few of many are.
    #[inline(never)]
    fn least_of(&self, hash: u64, mut is_live: impl FnMut(usize) -> bool) -> Option<usize> {
        let mut least: Option<((u128, u64), usize)> = None;
        for lot in &self.lots {
            let (drawn, at) = (lot.draw(hash), lot.at as usize);
            if least.is_none_or(|(least, _)| drawn < least) && is_live(at) {
                least = Some((drawn, at));
            }
        }
        least.map(|(_, at)| at)
    }
}

/// Bits for the number of a lot: a group has fewer buckets.
const NUMBERS: u64 = 0xffff;

/// What a bucket draws with.
#[derive(Clone, Copy, Debug)]
struct Lot {
    mark: u64,
    /// 2^64 by the weight.
    reciprocal: u64,
    /// The bucket's place in the group.
    at: u32,
}

impl Lot {
    /// The lot of the bucket with this number; `None` for a weight of 0, which draws nothing.
    fn new(at: u32, number: u16, weight: u16) -> Option<Lot> {
        let reciprocal = u64::MAX.checked_div(u64::from(weight))?;
        // Any constants do that have no pattern.
        let mark =
            mix(u64::from(number).wrapping_add(0x9e37_79b9_7f4a_7c15), 0xd1b5_4a32_d192_ed03);
        Some(Lot { mark, reciprocal, at })
    }

    #[inline(always)]
    fn random(&self, hash: u64) -> u64 {
        mix(hash ^ self.mark, 0x2545_f491_4f6c_dd1d)
    }

    /// What it draws for a flow with this hash; of two that the logarithm takes for one the greater
    /// random number is the lesser lot.
    #[inline]
    fn draw(&self, hash: u64) -> (u128, u64) {
        let random = self.random(hash);
        let lot = u128::from(minus_log2(random)).wrapping_mul(u128::from(self.reciprocal));
        (lot, !random)
    }
}

/// -log2 of a number that is taken as a fraction of 2^64, times 2^32.
#[inline]
fn minus_log2(random: u64) -> u64 {
    const ONE: u64 = 1 << 32;
    // 1 / ln 2 - 1, the slope at the octave's beginning, and what makes the polynomial right in the
    // middle and at the end.
    const Q0: u64 = 1_901_360_723;
    const Q1: u64 = 1_062_295_736;
    const Q2: u64 = 357_727_821;
    let random = random | 1;
    let octave = random.leading_zeros();
    let f = random.wrapping_shl(octave).wrapping_shl(1) >> 32;
    let times = |a: u64, b: u64| a.wrapping_mul(b) >> 32;
    let q = Q0.wrapping_sub(times(Q1, f)).wrapping_add(times(times(Q2, f), f));
    let log = f.wrapping_add(times(times(f, ONE.wrapping_sub(f)), q));
    u64::from(octave).wrapping_add(1).wrapping_mul(ONE).wrapping_sub(log)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn the_logarithm_is_right_to_half_a_thousandth() {
        for step in 1..4096_u64 {
            let random = step << 52;
            let right = -(random as f64 / 2_f64.powi(64)).log2();
            let ours = minus_log2(random) as f64 / 2_f64.powi(32);
            assert!((right - ours).abs() < 0.0005, "{random:#x}: {ours}, not {right}");
        }
        assert!(minus_log2(u64::MAX) < 8 && minus_log2(0) == 64 << 32);
    }

    fn lots(weights: &[u16]) -> Lots {
        let numbers: Vec<(u16, u16)> = (0..).zip(weights.iter().copied()).collect();
        Lots::new(numbers.into_iter()).unwrap()
    }

    fn flows() -> impl Iterator<Item = u64> {
        (0..100_000_u64).map(|flow| mix(flow + 1, 0x1234_5678_9abc_def1))
    }

    /// Shares of a hundred thousand flows.
    fn shares(weights: &[u16]) -> Vec<u64> {
        let lots = lots(weights);
        let mut counts: Vec<u64> = weights.iter().map(|_| 0).collect();
        flows().for_each(|flow| counts[lots.least(flow, |_| true).unwrap()] += 1);
        counts
    }

    #[test]
    fn equal_weights_draw_as_others_do() {
        let even = lots(&[7; 5]);
        assert!(even.are_even && !lots(&[7, 7, 8]).are_even);
        for flow in flows() {
            assert_eq!(even.least(flow, |_| true), even.least_of(flow, |_| true));
        }
    }

    #[test]
    fn only_the_flows_of_a_dead_bucket_move() {
        for weights in [[3; 4], [1, 2, 3, 4]] {
            let lots = lots(&weights);
            for flow in flows() {
                let before = lots.least(flow, |_| true);
                let after = lots.least(flow, |at| at != 2);
                assert!(after != Some(2) && (before == Some(2) || before == after));
            }
        }
        assert_eq!(lots(&[1, 1]).least(5, |_| false), None);
        assert_eq!(lots(&[]).least(5, |_| true), None);
    }

    #[test]
    fn lots_fall_by_weight() {
        let many: Vec<u16> = (1..=100).collect();
        let cases: [&[u16]; 7] = [
            &[1, 1],
            &[1, 2, 3, 4],
            &[9, 1],
            &[65_535, 65_535, 1],
            &[0, 3, 0, 1],
            &[100, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            &many,
        ];
        for weights in cases {
            let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
            for (count, weight) in shares(weights).into_iter().zip(weights) {
                let expected = 100_000 * u64::from(*weight) / sum;
                assert!(count.abs_diff(expected) < 600, "{count}, not {expected}: {weights:?}");
                assert!(*weight != 0 || count == 0);
            }
        }
    }
}
