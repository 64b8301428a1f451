//! The network's only source of chance: a small generator, one for each link, all drawn from the
//! network's seed, so that one link's luck does not depend on what another link carries.

/// xorshift64* over a state that is never zero.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The generator number `stream` of `seed`.
    pub(crate) fn new(seed: u64, stream: u64) -> Rng {
        let mixed = mix(mix(seed) ^ stream.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Rng(if mixed == 0 { 0x2545_f491_4f6c_dd1d } else { mixed })
    }

    /// The next 64 bits.
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// True for `ppm` of a million draws, in the long run. A chance of 0 draws nothing.
    pub(crate) fn chance(&mut self, ppm: u32) -> bool {
        // The high bits are the good ones; a bias of 2^-44 is nothing to a million.
        ppm > 0 && (self.next_u64() >> 20) % 1_000_000 < u64::from(ppm)
    }
}

/// The finaliser of splitmix64: seeds that differ in one bit give states that differ in half.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chance_is_what_was_asked_for() {
        let mut rng = Rng::new(1, 0);
        let hits = (0..100_000).filter(|_| rng.chance(10_000)).count();
        assert!((900..1100).contains(&hits), "{hits} of 100000 at 1 %");
        assert!((0..1000).all(|_| rng.chance(1_000_000)));
        assert!(!(0..1000).any(|_| rng.chance(0)));
    }

    #[test]
    fn streams_differ_and_repeat() {
        let draw = |seed, stream| Rng::new(seed, stream).next_u64();
        assert_eq!(draw(7, 1), draw(7, 1));
        assert_ne!(draw(7, 1), draw(7, 2));
        assert_ne!(draw(7, 1), draw(8, 1));
        assert_ne!(draw(0, 0), 0);
    }
}
