//! One bucket of a group, compiled, and the number by which a SELECT group's flows find it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::BuildHasher;

use hypercall::Port;
use ofp_codec::memory::TryClone;
use ofp_codec::{Bucket, GroupId, GroupMod, GroupModFailedCode as Code, OfpError, PortNo};

use super::Looks;
use crate::counters::{Counters, NoMemory};
use crate::program::{Act, Output, boxed};
use crate::rewrite::Recipe;
use crate::tables::Tables;

/// A bucket that changes the packet and sends it to a port.
#[derive(Clone, Copy)]
pub(crate) struct Way<'a>(&'a GroupBucket);

impl<'a> Way<'a> {
    /// The port that the packet is sent to when it has been changed.
    #[inline(always)]
    pub(crate) fn port(self) -> Port {
        self.0.port
    }

    /// What the changes begin with, fused.
    #[inline(always)]
    pub(crate) fn recipe(self) -> &'a Recipe {
        &self.0.recipe
    }

    /// Whether the recipe is all of them.
    #[inline(always)]
    pub(crate) fn is_fused(self) -> bool {
        self.0.is_fused
    }

    pub(crate) fn changes(self) -> &'a [Act] {
        self.0.acts.split_last().map_or(&[], |(_, changes)| changes)
    }
}

/// One bucket, compiled.
#[derive(Debug)]
pub(crate) struct GroupBucket {
    acts: Box<[Act]>,
    changes: bool,
    sends: bool,
    cell: u32,
    /// Its own in the group, and kept as long as it is.
    number: u16,
    /// The port that its last action sends to, where the others change the packet, or [`Port::NONE`].
    port: Port,
    /// What it begins with, fused.
    recipe: Recipe,
    /// Whether the recipe is all but the last action.
    is_fused: bool,
    pub(super) given: Bucket,
}

impl GroupBucket {
    pub(crate) fn acts(&self) -> &[Act] {
        &self.acts
    }

    /// Whether it changes the packet, so that it needs a copy.
    pub(crate) fn changes(&self) -> bool {
        self.changes
    }

    /// Whether it sends its copy anywhere.
    pub(crate) fn sends(&self) -> bool {
        self.sends
    }

    pub(crate) fn cell(&self) -> u32 {
        self.cell
    }

    /// Its number in the group, and its weight.
    pub(super) fn number(&self) -> (u16, u16) {
        (self.number, self.given.weight)
    }

    /// Where it is nothing else: changes, and the port that the packet is sent to then.
    #[inline]
    pub(crate) fn way(&self) -> Option<Way<'_>> {
        (self.port != Port::NONE).then_some(Way(self))
    }

    /// Whether it watches nothing, or something that is live (§6.5).
    #[inline]
    pub(super) fn is_live(&self, tables: &Tables, looks: &Looks, depth: u32) -> bool {
        let (port, group) = (self.given.watch_port, self.given.watch_group);
        if port == PortNo::ANY && group == GroupId::ANY {
            return true;
        }
        self.watches_live(tables, looks, depth)
    }

    #[inline(never)]
    fn watches_live(&self, tables: &Tables, looks: &Looks, depth: u32) -> bool {
        let (port, group) = (self.given.watch_port, self.given.watch_group);
        (port != PortNo::ANY && tables.ports.is_live(Port(port.0)))
            || (group != GroupId::ANY && tables.groups.is_live(tables, group, looks, depth))
    }

    /// Stands for what it does and watches; its weight aside.
    fn content(&self) -> u64 {
        let watched = (self.given.watch_port.0, self.given.watch_group.0);
        foldhash::fast::FixedState::with_seed(0).hash_one((watched, &self.acts))
    }
}

/// The buckets of a group-mod; what the group had before tells which of them it has already.
pub(super) fn buckets(
    given: &GroupMod,
    lists: Vec<Box<[Act]>>,
    before: &[GroupBucket],
    counters: &mut Counters,
) -> Result<Box<[GroupBucket]>, NoMemory> {
    let mut buckets: Vec<GroupBucket> = Vec::new();
    buckets.try_reserve_exact(given.buckets.len()).map_err(|_| NoMemory)?;
    for (bucket, acts) in given.buckets.iter().zip(lists) {
        let new = bucket.try_clone().and_then(|copy| Ok((counters.take_cell()?, copy)));
        let Ok((cell, copy)) = new else {
            buckets.iter().for_each(|bucket| counters.free_cell(bucket.cell));
            return Err(NoMemory);
        };
        let sends = |act: &Act| matches!(act, Act::Output(_) | Act::Group { .. });
        let recipe = Recipe::new(acts.iter());
        buckets.push(GroupBucket {
            changes: acts.iter().any(|act| !sends(act)),
            sends: acts.iter().any(sends),
            port: port_of(&acts).unwrap_or(Port::NONE),
            is_fused: recipe.act_count() == acts.len().saturating_sub(1),
            recipe,
            acts,
            cell,
            number: 0,
            given: copy,
        });
    }
    let Ok(numbers) = numbers(&buckets, before) else {
        buckets.iter().for_each(|bucket| counters.free_cell(bucket.cell));
        return Err(NoMemory);
    };
    for (bucket, number) in buckets.iter_mut().zip(numbers) {
        bucket.number = number;
    }
    Ok(buckets.into_boxed_slice())
}

/// The port that a list sends to, if that is its end and all else changes the packet.
fn port_of(acts: &[Act]) -> Option<Port> {
    match acts {
        [changes @ .., Act::Output(Output::Port(port))] if changes.iter().all(Act::is_change) => {
            Some(Port(*port))
        }
        _ => None,
    }
}

/// A number for each of `buckets`: that of the same one `before`, wherever in the list it was; else
/// that of the one in its place, which it then replaces; else a new one. So flows stay where they
/// are when buckets come, go, change places or are pointed somewhere else.
fn numbers(buckets: &[GroupBucket], before: &[GroupBucket]) -> Result<Vec<u16>, NoMemory> {
    /// None yet: there are fewer buckets than numbers.
    const OPEN: u16 = u16::MAX;
    let mut numbers = filled(buckets.len(), OPEN)?;
    let mut is_taken = filled(before.len(), false)?;
    let (new, old) = (by_content(buckets)?, by_content(before)?);
    let mut old = old.into_iter().peekable();
    for (content, at) in new {
        while old.next_if(|(other, _)| *other < content).is_some() {}
        let Some((_, same)) = old.next_if(|(other, _)| *other == content) else { continue };
        if let (Some(number), Some(bucket), Some(taken)) =
            (numbers.get_mut(at), before.get(same), is_taken.get_mut(same))
        {
            (*number, *taken) = (bucket.number, true);
        }
    }
    for ((number, bucket), taken) in numbers.iter_mut().zip(before).zip(&mut is_taken) {
        if *number == OPEN && !*taken {
            (*number, *taken) = (bucket.number, true);
        }
    }
    let mut used = filled(buckets.len(), false)?;
    for number in &numbers {
        if let Some(used) = used.get_mut(usize::from(*number)) {
            *used = true;
        }
    }
    // As many numbers are free below the count of buckets as are needed, at least.
    let free = (0_u16..).zip(used).filter(|(_, used)| !used).map(|(number, _)| number);
    let open = numbers.iter_mut().filter(|number| **number == OPEN);
    open.zip(free).for_each(|(number, free)| *number = free);
    Ok(numbers)
}

/// What each bucket stands for, and where it is, in order.
fn by_content(buckets: &[GroupBucket]) -> Result<Vec<(u64, usize)>, NoMemory> {
    let mut list = Vec::new();
    list.try_reserve_exact(buckets.len()).map_err(|_| NoMemory)?;
    list.extend(buckets.iter().enumerate().map(|(at, bucket)| (bucket.content(), at)));
    sort(&mut list);
    Ok(list)
}

/// Sorts by a heap: no part is left for a call within the call, which a kernel's stack would have to hold.
fn sort(list: &mut [(u64, usize)]) {
    (0..list.len() / 2).rev().for_each(|at| sink(list, at));
    for end in (1..list.len()).rev() {
        list.swap(0, end);
        sink(list.get_mut(..end).unwrap_or_default(), 0);
    }
}

/// Moves the item at `at` down to where nothing below it is greater.
fn sink(heap: &mut [(u64, usize)], at: usize) {
    let mut at = at;
    loop {
        let left = at.saturating_mul(2).saturating_add(1);
        let right = left.saturating_add(1);
        let child = if heap.get(right) > heap.get(left) { right } else { left };
        // Nothing there is less than anything.
        if heap.get(child) <= heap.get(at) {
            return;
        }
        heap.swap(at, child);
        at = child;
    }
}

fn filled<T: Clone>(len: usize, value: T) -> Result<Vec<T>, NoMemory> {
    let mut list = Vec::new();
    list.try_reserve_exact(len).map_err(|_| NoMemory)?;
    list.resize(len, value);
    Ok(list)
}

/// Whether a group with these buckets fits the message that describes it, 8 bytes and its buckets
/// behind 16 (§7.3.5.10).
pub(super) fn can_be_told(buckets: &[Bucket]) -> bool {
    const LEN_MAX: usize = 65_535 - 16 - 8;
    // No action is longer than 24 bytes, so that most groups need no measuring.
    let len = |bucket: &Bucket| bucket.actions.len().saturating_mul(24).saturating_add(16);
    if buckets.iter().map(len).fold(0, usize::saturating_add) <= LEN_MAX {
        return true;
    }
    let mut bytes = Vec::new();
    Bucket::encode_list(buckets, &mut bytes).is_ok() && bytes.len() <= LEN_MAX
}

/// A bucket's list in memory of its own.
pub(crate) fn list(acts: &[Act]) -> Result<Box<[Act]>, OfpError> {
    boxed(acts).map_err(|NoMemory| OfpError::GroupModFailed(Code::OutOfBuckets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_sorted_whatever_its_order_was() {
        let mut state = 1u64;
        for len in (0..70).chain([1000]) {
            let mut list: Vec<(u64, usize)> = (0..len)
                .map(|at| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 60, at)
                })
                .collect();
            let mut sorted = list.clone();
            sorted.sort();
            sort(&mut list);
            assert_eq!(list, sorted);
            sort(&mut list);
            assert_eq!(list, sorted);
        }
    }
}
