//! The keyed hash over masked words.

/// Secrets of one table's hash, made from the switch's seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashKey {
    start: u64,
    step: u64,
    finish: u64,
}

impl HashKey {
    pub(crate) fn new(seed: u64) -> HashKey {
        // SplitMix64: any seed, 0 too, gives three unrelated numbers.
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        HashKey { start: next(), step: next() | 1, finish: next() | 1 }
    }

    /// Folded multiplication for each word: one multiplication and two exclusive ors.
    #[inline]
    pub(crate) fn hash(self, words: impl Iterator<Item = u64>) -> u32 {
        let state = words.fold(self.start, |state, word| fold(state ^ word, self.step));
        fold(state, self.finish) as u32
    }

    /// A hash of words, of which any bits may be used: each depends on all words. One multiplication
    /// for two words.
    #[inline(always)]
    pub(crate) fn mix(self, words: &[u64]) -> u64 {
        let (mut state, mut left) = (self.start, words);
        while let [first, second, rest @ ..] = left {
            state = fold(state ^ first, self.finish ^ second);
            left = rest;
        }
        match left {
            [last, ..] => fold(state ^ last, self.step),
            [] => state,
        }
    }
}

#[inline(always)]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a).wrapping_mul(u128::from(b));
    (product as u64) ^ ((product >> 64) as u64)
}
