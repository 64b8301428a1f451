//! A merge sort that can be left and taken up again, so that no flow-mod waits for a whole one.

use alloc::vec::Vec;

use super::super::Full;

/// Elements that are sorted at once.
const RUN: usize = 64;

/// Sorts a few items, like ones in no certain order: by insertion, since `sort_unstable` has some KiB on the
/// stack.
pub(super) fn sort_few<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    for at in 1..items.len() {
        let Some((sorted, [item, ..])) = items.split_at_checked(at) else { return };
        let its = key(item);
        let to = sorted.partition_point(|other| key(other) <= its);
        if let Some(moved) = items.get_mut(to..=at) {
            moved.rotate_right(1);
        }
    }
}

/// A sequence that is being sorted.
#[derive(Debug)]
pub(super) struct SlicedSort<T> {
    from: Vec<T>,
    to: Vec<T>,
    /// Elements in a sorted run of `from`; 0 before the first pass.
    run: usize,
    /// First elements of the two runs being merged that are not in `to` yet, and where both end.
    left: usize,
    right: usize,
    middle: usize,
    end: usize,
}

impl<T: Copy + Ord> SlicedSort<T> {
    pub(super) fn new(from: Vec<T>) -> Result<SlicedSort<T>, Full> {
        let mut to = Vec::new();
        to.try_reserve_exact(from.len())?;
        Ok(SlicedSort { from, to, run: 0, left: 0, right: 0, middle: 0, end: 0 })
    }

    /// Works on about `count` elements; gives the sorted sequence when it is ready.
    pub(super) fn step(&mut self, count: usize) -> Option<Vec<T>> {
        if self.run == 0 {
            let first = self.left;
            let last = first.saturating_add(count.max(RUN) / RUN * RUN).min(self.from.len());
            for run in self.from.get_mut(first..last).unwrap_or_default().chunks_mut(RUN) {
                sort_few(run, |item| *item);
            }
            self.left = last;
            if last == self.from.len() {
                self.run = RUN;
                self.pair(0);
            }
            return None;
        }
        if self.run >= self.from.len() {
            return Some(core::mem::take(&mut self.from));
        }
        for _ in 0..count {
            if self.left == self.middle && self.right == self.end {
                if self.end >= self.from.len() {
                    core::mem::swap(&mut self.from, &mut self.to);
                    self.to.clear();
                    self.run = self.run.saturating_mul(2);
                    self.pair(0);
                    break;
                }
                self.pair(self.end);
            }
            self.merge_one();
        }
        None
    }

    /// Begins with the two runs from `start` on.
    fn pair(&mut self, start: usize) {
        let len = self.from.len();
        self.left = start;
        self.middle = start.saturating_add(self.run).min(len);
        self.right = self.middle;
        self.end = self.middle.saturating_add(self.run).min(len);
    }

    fn merge_one(&mut self) {
        let left = self.from.get(self.left).filter(|_| self.left < self.middle);
        let right = self.from.get(self.right).filter(|_| self.right < self.end);
        match (left, right) {
            (Some(left), Some(right)) if right < left => {
                self.to.push(*right);
                self.right = self.right.wrapping_add(1);
            }
            (Some(left), _) => {
                self.to.push(*left);
                self.left = self.left.wrapping_add(1);
            }
            (None, Some(right)) => {
                self.to.push(*right);
                self.right = self.right.wrapping_add(1);
            }
            (None, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_elements_in_slices_of_any_size_comes_out_sorted() {
        for count in [0usize, 1, 63, 64, 65, 128, 129, 1000, 4097] {
            for slice in [1, 7, 64, 100_000] {
                let numbers =
                    (0..count as u64).map(|i| i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 50);
                let numbers: Vec<u64> = numbers.collect();
                let mut expected = numbers.clone();
                expected.sort_unstable();
                let mut sort = SlicedSort::new(numbers).unwrap();
                let sorted = loop {
                    if let Some(sorted) = sort.step(slice) {
                        break sorted;
                    }
                };
                assert_eq!(sorted, expected, "{count} in slices of {slice}");
            }
        }
    }
}
