//! When to try again: from 0.1 s, doubling to 8 s, each wait shortened by up to a quarter at random
//! so that many switches do not return in step. A successful session starts it over.

/// The waits between tries of one target.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    next: u64,
    random: u64,
}

impl Backoff {
    const FIRST: u64 = 100_000_000;
    const LONGEST: u64 = 8_000_000_000;

    /// Waits that differ from those of other seeds.
    pub(crate) fn new(seed: u64) -> Backoff {
        Backoff { next: Self::FIRST, random: seed | 1 }
    }

    /// Nanoseconds to wait before the next try.
    pub(crate) fn wait(&mut self) -> u64 {
        let wait = self.next;
        self.next = wait.saturating_mul(2).min(Self::LONGEST);
        // xorshift64: jitter needs no better randomness
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        wait - self.random % (wait / 4)
    }

    /// A session came about: the next wait is the shortest again.
    pub(crate) fn reset(&mut self) {
        self.next = Self::FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_with_jitter_to_a_bound() {
        let mut backoff = Backoff::new(7);
        let mut nominal = Backoff::FIRST;
        for _ in 0..10 {
            let wait = backoff.wait();
            assert!(wait <= nominal && wait >= nominal - nominal / 4, "{wait} of {nominal}");
            nominal = (nominal * 2).min(Backoff::LONGEST);
        }
        backoff.reset();
        assert!(backoff.wait() <= Backoff::FIRST);
        assert_ne!(Backoff::new(1).wait(), Backoff::new(99).wait());
    }
}
