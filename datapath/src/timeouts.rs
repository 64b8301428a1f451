//! When flow entries expire: a binary heap of deadlines, one per entry that has a timeout, which
//! knows where each entry's deadline stands so that a removal leaves nothing behind.
//!
//! An idle timeout is armed lazily: traffic does not touch the heap. When the deadline that was
//! armed last has come, the entry's time of last use tells whether it is over or moves on, so an
//! entry expires no earlier than its timeout and as soon after it as the host calls `tick`.
//! An operation costs O(log n), and none moves the rest when there are more than there have been: both lists
//! grow in chunks; memory is 16 bytes an armed entry and 4 bytes a slot. Of a million that
//! end at one moment each costs some 0.7 us to remove, so a hundred thousand are gone within 100 ms and
//! the last of a million is late by most of a second, while packets pass between the ticks.

use hypercall::Nanos;

use crate::chunks::Chunks;
use crate::counters::NoMemory;

const ABSENT: u32 = u32::MAX;

/// Deadlines by slot.
#[derive(Debug, Default)]
pub(crate) struct Timeouts {
    heap: Chunks<Timer, { 1 << 14 }>,
    /// Where in the heap a slot's timer is, or [`ABSENT`].
    positions: Chunks<u32, { 1 << 16 }>,
}

#[derive(Clone, Copy, Debug)]
struct Timer {
    deadline: Nanos,
    slot: u32,
}

impl Timeouts {
    /// The earliest deadline and whose it is.
    pub(crate) fn first(&self) -> Option<(Nanos, u32)> {
        self.heap.get(0).map(|timer| (timer.deadline, timer.slot))
    }

    /// Makes room for a timer of `slot`, so that the next [`set`](Self::set) cannot fail.
    pub(crate) fn reserve(&mut self, slot: u32) -> Result<(), NoMemory> {
        self.heap.reserve(1)?;
        let len = slot as usize + 1;
        self.positions.extend(len.saturating_sub(self.positions.len()), ABSENT)
    }

    /// Arms `slot` for `deadline`, replacing what was armed. Room has been reserved.
    pub(crate) fn set(&mut self, slot: u32, deadline: Nanos) {
        let timer = Timer { deadline, slot };
        match self.position(slot) {
            Some(at) => {
                if let Some(place) = self.heap.get_mut(at) {
                    *place = timer;
                }
                self.settle(at);
            }
            None => {
                let at = self.heap.len();
                if self.heap.push(timer).is_err() {
                    return;
                }
                self.note(at);
                self.settle(at);
            }
        }
    }

    /// Disarms `slot`.
    pub(crate) fn remove(&mut self, slot: u32) {
        let Some(at) = self.position(slot) else { return };
        let Some(last) = self.heap.pop() else { return };
        if let Some(place) = self.heap.get_mut(at) {
            *place = last;
        }
        if let Some(position) = self.positions.get_mut(slot as usize) {
            *position = ABSENT;
        }
        if at < self.heap.len() {
            self.note(at);
            self.settle(at);
        }
    }

    fn position(&self, slot: u32) -> Option<usize> {
        let at = *self.positions.get(slot as usize)?;
        (at != ABSENT).then_some(at as usize)
    }

    /// Moves the timer at `at` up or down to where it belongs.
    fn settle(&mut self, at: usize) {
        let mut at = at;
        while at > 0 && self.deadline(at) < self.deadline((at - 1) / 2) {
            self.exchange(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let mut least = at;
            for child in [left, right] {
                if child < self.heap.len() && self.deadline(child) < self.deadline(least) {
                    least = child;
                }
            }
            if least == at {
                return;
            }
            self.exchange(at, least);
            at = least;
        }
    }

    fn deadline(&self, at: usize) -> Nanos {
        self.heap.get(at).map_or(Nanos(u64::MAX), |timer| timer.deadline)
    }

    fn exchange(&mut self, a: usize, b: usize) {
        let (Some(&first), Some(&second)) = (self.heap.get(a), self.heap.get(b)) else { return };
        for (at, timer) in [(a, second), (b, first)] {
            if let Some(place) = self.heap.get_mut(at) {
                *place = timer;
            }
        }
        self.note(a);
        self.note(b);
    }

    fn note(&mut self, at: usize) {
        if let Some(timer) = self.heap.get(at) {
            if let Some(position) = self.positions.get_mut(timer.slot as usize) {
                *position = u32::try_from(at).unwrap_or(ABSENT);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;

    /// Random arms, moves and removals against a sorted map.
    #[test]
    fn agrees_with_a_sorted_map() {
        let mut timeouts = Timeouts::default();
        let mut model: BTreeMap<u32, u64> = BTreeMap::new();
        let mut state = 0x1234_5678_u64;
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state >> 33
        };
        for _ in 0..20_000 {
            let slot = (random() % 200) as u32;
            if random() % 3 == 0 {
                timeouts.remove(slot);
                model.remove(&slot);
            } else {
                let deadline = random() % 1000;
                timeouts.reserve(slot).unwrap();
                timeouts.set(slot, Nanos(deadline));
                model.insert(slot, deadline);
            }
            let first = model.values().min().copied();
            assert_eq!(timeouts.first().map(|(deadline, _)| deadline.0), first);
            if let Some((deadline, slot)) = timeouts.first() {
                assert_eq!(model.get(&slot), Some(&deadline.0));
            }
        }
        assert_eq!(timeouts.heap.len(), model.len());
    }
}
