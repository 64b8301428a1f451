//! Numbers that are the same everywhere: from a seed, or from the bytes that a fuzzer chose.

/// A source of numbers: the bytes that it was given first, then splitmix64.
#[derive(Clone, Debug)]
pub struct Random {
    bytes: Vec<u8>,
    at: usize,
    state: u64,
}

impl Random {
    /// Numbers from a seed.
    pub fn new(seed: u64) -> Random {
        Random { bytes: Vec::new(), at: 0, state: seed }
    }

    /// Numbers that follow these bytes as far as they go, so that a fuzzer that changes a byte
    /// changes a choice; behind them they depend on how many there were.
    pub fn of_bytes(bytes: &[u8]) -> Random {
        Random { bytes: bytes.to_vec(), at: 0, state: bytes.len() as u64 }
    }

    /// Whether all bytes that a fuzzer chose have been used.
    pub fn is_spent(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        if let Some(bytes) = self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<8>()) {
            self.at += 8;
            return u64::from_le_bytes(*bytes);
        }
        self.mixed()
    }

    fn mixed(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        if let Some(byte) = self.bytes.get(self.at).filter(|_| end <= 256) {
            self.at += 1;
            return usize::from(*byte) % end;
        }
        (self.bits() % end as u64) as usize
    }

    /// True `percent` times of a hundred.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// The index of one of these weights, each as often as it weighs.
    pub fn weighted(&mut self, weights: &[usize]) -> usize {
        let mut point = self.below(weights.iter().sum());
        for (index, weight) in weights.iter().enumerate() {
            if point < *weight {
                return index;
            }
            point -= weight;
        }
        0
    }

    /// `count` things.
    pub fn list<T>(&mut self, count: usize, mut make: impl FnMut(&mut Random) -> T) -> Vec<T> {
        (0..count).map(|_| make(self)).collect()
    }
}
