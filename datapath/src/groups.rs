//! Groups (§5.6): their buckets, compiled, and which bucket a packet takes.
//!
//! A bucket is an action set and is compiled to a list in the order of execution. SELECT takes the
//! live bucket whose [lot](lot::Lots) for the packet's flow is the least: flows fall by weight, and the
//! failure or the coming of one bucket moves no flow between the others.
//! Liveness is asked when a packet comes; it follows watched groups, but not for ever: chains of
//! watched groups that need more than a bounded number of looks count as not live.

mod bucket;
mod flow_hash;
mod lot;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cell::Cell;

use hashbrown::HashMap;
use hypercall::Nanos;
use ofp_codec::memory::{TryClone, try_collect, try_push};
use ofp_codec::multipart::{BucketCounter, GroupDesc, GroupStats};
use ofp_codec::{
    Action, GroupId, GroupMod, GroupModFailedCode as Code, GroupType, OfpError, PortNo,
};

pub(crate) use bucket::{GroupBucket, Way, list};

use crate::counters::{Counters, NoMemory};
use crate::flow_entry::duration;
use crate::fragments::Transport;
use crate::key::Key;
use crate::program::{Act, boxed, groups};
use crate::slab::Slab;
use crate::tables::Tables;
use bucket::{buckets, can_be_told};
use flow_hash::FlowHash;
use lot::Lots;

/// Looks at groups that one choice of a bucket may cost.
const LOOKS_MAX: u32 = 1024;
/// Groups that a chain of watched groups may have.
const WATCH_DEPTH_MAX: u32 = 16;

/// Buckets of one group: its statistics, 40 bytes and 16 for each, have to fit a message.
const GROUP_BUCKETS_MAX: usize = (65_535 - 16 - 40) / 16;

/// What is left of a question about liveness.
struct Looks {
    left: Cell<u32>,
}

impl Looks {
    fn new() -> Looks {
        Looks { left: Cell::new(LOOKS_MAX) }
    }

    /// Whether one more look may be taken.
    fn take(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left != 0
    }
}

/// One group.
#[derive(Debug)]
pub(crate) struct Group {
    id: GroupId,
    group_type: GroupType,
    buckets: Box<[GroupBucket]>,
    /// What buckets draw flows with, in a SELECT group.
    lots: Lots,
    /// Whether all buckets are [ways](GroupBucket::way), and not many.
    fans_out: bool,
    /// The groups that the buckets use, each once.
    children: Box<[u32]>,
    created: Nanos,
    cell: u32,
    /// Flow entries that use it.
    pub(crate) entry_count: u32,
    /// Groups that use it.
    group_count: u32,
}

/// Which buckets a packet takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    All,
    One(usize),
    NoBucket,
    NotLive,
}

/// What a modification replaces.
#[derive(Debug)]
pub(crate) struct Replaced {
    group_type: GroupType,
    buckets: Box<[GroupBucket]>,
    lots: Lots,
    children: Box<[u32]>,
}

impl Replaced {
    /// Gives its buckets' cells back.
    pub(crate) fn free(self, counters: &mut Counters) {
        self.buckets.iter().for_each(|bucket| counters.free_cell(bucket.cell()));
    }
}

/// All groups.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    groups: Slab<Group>,
    by_id: HashMap<u32, u32, foldhash::fast::FixedState>,
    /// Those that a bundle has removed and that may come back: there is room for their ids.
    away_count: usize,
    bucket_count: u32,
    /// Groups of each type, by its number.
    type_counts: [u32; 4],
}

impl Group {
    /// Gives its cells back.
    pub(crate) fn free(self, counters: &mut Counters) {
        self.buckets.iter().for_each(|bucket| counters.free_cell(bucket.cell()));
        counters.free_cell(self.cell);
    }

    pub(crate) fn id(&self) -> GroupId {
        self.id
    }

    pub(crate) fn cell(&self) -> u32 {
        self.cell
    }

    pub(crate) fn buckets(&self) -> &[GroupBucket] {
        &self.buckets
    }

    /// Whether all buckets are [ways](GroupBucket::way), so few that no packet is copied too often.
    #[inline]
    pub(crate) fn fans_out(&self) -> bool {
        self.fans_out
    }

    /// Which buckets every packet takes; `None` where that is told by its flow.
    pub(crate) fn common(&self, tables: &Tables) -> Option<Choice> {
        match self.group_type {
            GroupType::Select => None,
            GroupType::All => Some(Choice::All),
            GroupType::Indirect => Some(match self.buckets.is_empty() {
                true => Choice::NoBucket,
                false => Choice::One(0),
            }),
            GroupType::FastFailover => {
                let looks = Looks::new();
                let live = self.buckets.iter().position(|b| b.is_live(tables, &looks, 0));
                Some(live.map_or(self.nothing(), Choice::One))
            }
        }
    }

    /// What chooses a bucket of a SELECT group for each packet.
    #[inline(always)]
    pub(crate) fn selector<'a>(&'a self, tables: &'a Tables) -> Selector<'a> {
        Selector { group: self, tables, hash: FlowHash::new(tables.seed(), self.id) }
    }

    fn nothing(&self) -> Choice {
        if self.buckets.is_empty() { Choice::NoBucket } else { Choice::NotLive }
    }

    fn stats(&self, now: Nanos, counters: &Counters) -> Result<GroupStats, NoMemory> {
        let load = counters.cell(self.cell);
        let (duration_sec, duration_nsec) = duration(self.created, now);
        let buckets = self.buckets.iter().map(|bucket| {
            let load = counters.cell(bucket.cell());
            BucketCounter { packet_count: load.packets, byte_count: load.bytes }
        });
        Ok(GroupStats {
            group_id: self.id,
            ref_count: self.entry_count.saturating_add(self.group_count),
            packet_count: load.packets,
            byte_count: load.bytes,
            duration_sec,
            duration_nsec,
            buckets: try_collect(buckets)?,
        })
    }

    fn desc(&self) -> Result<GroupDesc, NoMemory> {
        let mut buckets = Vec::new();
        buckets.try_reserve_exact(self.buckets.len()).map_err(|_| NoMemory)?;
        for bucket in &self.buckets {
            buckets.push(bucket.given.try_clone()?);
        }
        Ok(GroupDesc { group_type: self.group_type, group_id: self.id, buckets })
    }
}

/// A SELECT group, with what is the same for all packets made once.
pub(crate) struct Selector<'a> {
    group: &'a Group,
    tables: &'a Tables,
    hash: FlowHash,
}

impl Selector<'_> {
    /// Which bucket a packet with this key and transport takes: the live one with the least lot for its
    /// flow.
    #[inline(always)]
    pub(crate) fn choose(&self, key: &Key, transport: Transport) -> Choice {
        let Selector { group, tables, hash } = self;
        let looks = Looks::new();
        let is_live = |at| {
            let bucket = group.buckets.get(at);
            bucket.is_some_and(|bucket: &GroupBucket| bucket.is_live(tables, &looks, 0))
        };
        let least = group.lots.least(hash.of(key, transport), is_live);
        least.map_or(group.nothing(), Choice::One)
    }
}

impl Groups {
    /// No groups yet. Controllers choose the ids that are hashed, so the hash is keyed.
    pub(crate) fn new(seed: u64) -> Groups {
        let by_id = HashMap::with_hasher(foldhash::fast::FixedState::with_seed(seed));
        Groups { by_id, ..Groups::default() }
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Group> {
        self.groups.get(slot)
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Group> {
        self.groups.get_mut(slot)
    }

    pub(crate) fn slot(&self, id: GroupId) -> Option<u32> {
        self.by_id.get(&id.0).copied()
    }

    /// A group is live when one of its buckets is (§6.5).
    fn is_live(&self, tables: &Tables, id: GroupId, looks: &Looks, depth: u32) -> bool {
        if depth >= WATCH_DEPTH_MAX || !looks.take() {
            return false;
        }
        let Some(group) = self.slot(id).and_then(|slot| self.get(slot)) else { return false };
        group.buckets.iter().any(|bucket| bucket.is_live(tables, looks, depth.saturating_add(1)))
    }

    pub(crate) fn add(
        &mut self,
        now: Nanos,
        given: &GroupMod,
        lists: Vec<Box<[Act]>>,
        limits: Limits,
        counters: &mut Counters,
    ) -> Result<u32, OfpError> {
        let fail = |code| Err(OfpError::GroupModFailed(code));
        if self.groups.count() >= limits.groups {
            return fail(Code::OutOfGroups);
        }
        self.check_type(None, given, limits)?;
        self.check_bucket_count(0, given, limits)?;
        let no_memory = |_: NoMemory| OfpError::GroupModFailed(Code::OutOfGroups);
        self.groups.reserve().map_err(no_memory)?;
        self.reserve_ids(1).map_err(no_memory)?;
        let children = children(&lists).map_err(no_memory)?;
        let cell = counters.take_cell().map_err(no_memory)?;
        let buckets = match buckets(given, lists, &[], counters) {
            Ok(buckets) => buckets,
            Err(_) => {
                counters.free_cell(cell);
                return fail(Code::OutOfBuckets);
            }
        };
        let Ok(lots) = lots(given.group_type, &buckets) else {
            counters.free_cell(cell);
            buckets.iter().for_each(|bucket| counters.free_cell(bucket.cell()));
            return fail(Code::OutOfBuckets);
        };
        let group = Group {
            id: given.group_id,
            group_type: given.group_type,
            fans_out: fans_out(&buckets),
            buckets,
            lots,
            children,
            created: now,
            cell,
            entry_count: 0,
            group_count: 0,
        };
        let slot = self.groups.insert(group).map_err(no_memory)?;
        self.by_id.insert(given.group_id.0, slot);
        self.count_references(slot, true);
        Ok(slot)
    }

    /// Replaces a group's type and buckets; what they were is returned.
    pub(crate) fn modify(
        &mut self,
        slot: u32,
        given: &GroupMod,
        lists: Vec<Box<[Act]>>,
        limits: Limits,
        counters: &mut Counters,
    ) -> Result<Replaced, OfpError> {
        let fail = |code| Err(OfpError::GroupModFailed(code));
        self.check_type(self.get(slot).map(|group| group.group_type), given, limits)?;
        let before = self.get(slot).map_or(0, |group| group.buckets.len());
        self.check_bucket_count(before, given, limits)?;
        match self.reaches(lists.iter().flatten(), slot) {
            Ok(true) => return fail(Code::Loop),
            Ok(false) => {}
            Err(NoMemory) => return fail(Code::OutOfBuckets),
        }
        let Ok(children) = children(&lists) else { return fail(Code::OutOfBuckets) };
        let before = self.get(slot).map_or(&[][..], |group| &group.buckets);
        let Ok(buckets) = buckets(given, lists, before, counters) else {
            return fail(Code::OutOfBuckets);
        };
        let Ok(lots) = lots(given.group_type, &buckets) else {
            buckets.iter().for_each(|bucket| counters.free_cell(bucket.cell()));
            return fail(Code::OutOfBuckets);
        };
        let new = Replaced { group_type: given.group_type, buckets, lots, children };
        Ok(self.exchange(slot, new))
    }

    fn exchange(&mut self, slot: u32, new: Replaced) -> Replaced {
        self.count_references(slot, false);
        let old = match self.groups.get_mut(slot) {
            Some(group) => {
                group.fans_out = fans_out(&new.buckets);
                Replaced {
                    group_type: core::mem::replace(&mut group.group_type, new.group_type),
                    buckets: core::mem::replace(&mut group.buckets, new.buckets),
                    lots: core::mem::replace(&mut group.lots, new.lots),
                    children: core::mem::replace(&mut group.children, new.children),
                }
            }
            None => new,
        };
        self.count_references(slot, true);
        old
    }

    /// Gives a group the type and buckets that it had.
    pub(crate) fn restore(&mut self, slot: u32, old: Replaced, counters: &mut Counters) {
        self.exchange(slot, old).free(counters);
    }

    /// Whether deleting the group in `slot` would leave another group's bucket dangling.
    pub(crate) fn is_chained(&self, slot: u32) -> bool {
        self.get(slot).is_some_and(|group| group.group_count != 0)
    }

    /// Uses of groups by flow entries: at least as many as entries that use one.
    pub(crate) fn use_count(&self) -> u32 {
        self.groups.iter().fold(0, |sum, (_, group)| sum.saturating_add(group.entry_count))
    }

    pub(crate) fn slots(&self) -> Result<Vec<u32>, NoMemory> {
        try_collect(self.groups.iter().map(|(slot, _)| slot))
    }

    pub(crate) fn remove(&mut self, slot: u32, counters: &mut Counters) {
        if let Some(group) = self.take(slot) {
            group.free(counters);
        }
    }

    /// Takes a group out; its cells are still its own.
    pub(crate) fn take(&mut self, slot: u32) -> Option<Group> {
        self.count_references(slot, false);
        let group = self.groups.remove(slot)?;
        self.by_id.remove(&group.id.0);
        Some(group)
    }

    /// Takes a group out that may come back.
    pub(crate) fn take_for_now(&mut self, slot: u32) -> Option<Group> {
        let group = self.take(slot)?;
        self.away_count = self.away_count.saturating_add(1);
        Some(group)
    }

    /// Those that were taken for now come back no more.
    pub(crate) fn forget_away(&mut self) {
        self.away_count = 0;
    }

    /// Makes sure that so many ids more can be put in, and those of the groups that are away.
    pub(crate) fn reserve_ids(&mut self, count: usize) -> Result<(), NoMemory> {
        self.by_id.try_reserve(self.away_count.saturating_add(count)).map_err(|_| NoMemory)
    }

    /// Puts back the group that was taken out last: it comes into the same slot.
    pub(crate) fn put_back(&mut self, group: Group) {
        let id = group.id;
        if let Ok(slot) = self.groups.insert(group) {
            // There is room: it was kept.
            self.by_id.insert(id.0, slot);
            self.away_count = self.away_count.saturating_sub(1);
            self.count_references(slot, true);
        }
    }

    /// Groups by number: one, or all with [`GroupId::ALL`].
    fn sorted(&self, id: GroupId) -> Result<Vec<&Group>, NoMemory> {
        if id != GroupId::ALL {
            return try_collect(self.slot(id).and_then(|slot| self.get(slot)));
        }
        let mut groups: Vec<&Group> = try_collect(self.groups.iter().map(|(_, group)| group))?;
        groups.sort_unstable_by_key(|group| group.id);
        Ok(groups)
    }

    pub(crate) fn stats(
        &self,
        id: GroupId,
        now: Nanos,
        counters: &Counters,
    ) -> Result<Vec<GroupStats>, NoMemory> {
        let mut list = Vec::new();
        for group in self.sorted(id)? {
            try_push(&mut list, group.stats(now, counters)?)?;
        }
        Ok(list)
    }

    pub(crate) fn descs(&self) -> Result<Vec<GroupDesc>, NoMemory> {
        let mut list = Vec::new();
        for group in self.sorted(GroupId::ALL)? {
            try_push(&mut list, group.desc()?)?;
        }
        Ok(list)
    }

    /// Whether there is room for one more of the type, unless it is the type `before` already.
    fn check_type(
        &self,
        before: Option<GroupType>,
        given: &GroupMod,
        limits: Limits,
    ) -> Result<(), OfpError> {
        let at = given.group_type as usize;
        let is_full = self.type_counts.get(at) >= limits.by_type.get(at);
        match is_full && before != Some(given.group_type) {
            true => Err(OfpError::GroupModFailed(Code::OutOfGroups)),
            false => Ok(()),
        }
    }

    fn check_bucket_count(
        &mut self,
        before: usize,
        given: &GroupMod,
        limits: Limits,
    ) -> Result<(), OfpError> {
        let count =
            (self.bucket_count as usize).saturating_sub(before).saturating_add(given.buckets.len());
        let is_long = given.buckets.len() > GROUP_BUCKETS_MAX || !can_be_told(&given.buckets);
        if count > limits.buckets as usize || is_long {
            return Err(OfpError::GroupModFailed(Code::OutOfBuckets));
        }
        Ok(())
    }

    /// Adds or takes back what the buckets of the group in `slot` count for: themselves, and
    /// references to other groups.
    fn count_references(&mut self, slot: u32, add: bool) {
        let Some(group) = self.groups.get(slot) else { return };
        let change = |count: &mut u32, by: u32| {
            *count = if add { count.saturating_add(by) } else { count.saturating_sub(by) };
        };
        let bucket_count = group.buckets.len() as u32;
        change(&mut self.bucket_count, bucket_count);
        if let Some(count) = self.type_counts.get_mut(group.group_type as usize) {
            change(count, 1);
        }
        // The list is out of its place while others' counts change.
        let children = self.swap_children(slot, Box::default());
        for child in &children {
            if let Some(child) = self.groups.get_mut(*child) {
                change(&mut child.group_count, 1);
            }
        }
        self.swap_children(slot, children);
    }

    /// Exchanges the list of the groups that a group uses.
    fn swap_children(&mut self, slot: u32, children: Box<[u32]>) -> Box<[u32]> {
        match self.groups.get_mut(slot) {
            Some(group) => core::mem::replace(&mut group.children, children),
            None => children,
        }
    }

    /// Whether chains of groups lead from `acts` to the group in `target`.
    fn reaches<'a>(
        &self,
        acts: impl Iterator<Item = &'a Act>,
        target: u32,
    ) -> Result<bool, NoMemory> {
        let mut left: Vec<u32> = try_collect(groups(acts))?;
        // A bit for each slot: a controller may chain all groups, in any order.
        let mut seen: Vec<u64> = Vec::new();
        while let Some(slot) = left.pop() {
            if slot == target {
                return Ok(true);
            }
            let (word, bit) = (slot as usize / 64, 1u64 << (slot % 64));
            if seen.len() <= word {
                let more = word.saturating_add(1).saturating_sub(seen.len());
                seen.try_reserve(more).map_err(|_| NoMemory)?;
                seen.resize(word.saturating_add(1), 0);
            }
            let Some(word) = seen.get_mut(word).filter(|word| **word & bit == 0) else { continue };
            *word |= bit;
            for child in self.get(slot).map_or(&[][..], |group| &group.children) {
                try_push(&mut left, *child)?;
            }
        }
        Ok(false)
    }
}

/// Buckets that a packet goes through without a look at how many copies it has had.
const FAN_MAX: usize = 1024;

/// Whether [`Group::fans_out`].
fn fans_out(buckets: &[GroupBucket]) -> bool {
    (1..=FAN_MAX).contains(&buckets.len()) && buckets.iter().all(|bucket| bucket.way().is_some())
}

/// What buckets draw flows with; nothing but in a SELECT group.
fn lots(group_type: GroupType, buckets: &[GroupBucket]) -> Result<Lots, NoMemory> {
    match group_type {
        GroupType::Select => Lots::new(buckets.iter().map(GroupBucket::number)),
        _ => Ok(Lots::default()),
    }
}

/// The groups that buckets use, each once.
fn children(lists: &[Box<[Act]>]) -> Result<Box<[u32]>, NoMemory> {
    let mut children = try_collect(groups(lists.iter().flatten()))?;
    children.sort_unstable();
    children.dedup();
    boxed(&children)
}

/// How many groups and buckets there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) groups: u32,
    /// Of each type, by its number.
    pub(crate) by_type: [u32; 4],
    pub(crate) buckets: u32,
}

/// What a group-mod says of itself: type against buckets (§6.5, §7.3.4.2).
pub(crate) fn check(given: &GroupMod) -> Result<(), OfpError> {
    let fail = |code| Err(OfpError::GroupModFailed(code));
    if given.group_id > GroupId::MAX {
        return fail(Code::InvalidGroup);
    }
    if given.group_type == GroupType::Indirect && given.buckets.len() != 1 {
        return fail(Code::InvalidGroup);
    }
    for bucket in &given.buckets {
        let watches = bucket.watch_port != PortNo::ANY || bucket.watch_group != GroupId::ANY;
        if bucket.weight != 0 && given.group_type != GroupType::Select {
            return fail(Code::InvalidGroup);
        }
        match given.group_type {
            GroupType::FastFailover if !watches => return fail(Code::InvalidGroup),
            GroupType::All | GroupType::Indirect if watches => return fail(Code::WatchUnsupported),
            _ => {}
        }
        let port = bucket.watch_port;
        let port_fits = port == PortNo::ANY || port == PortNo::LOCAL || port.is_ordinary();
        let group = bucket.watch_group;
        if !port_fits || (group > GroupId::MAX && group != GroupId::ANY) {
            return fail(Code::BadWatch);
        }
        // To add a group that leads to itself is a loop, though the group is not there yet.
        let leads_back = bucket.actions.contains(&Action::Group(given.group_id));
        if group == given.group_id || leads_back {
            return fail(Code::Loop);
        }
    }
    if given.group_type == GroupType::Select && !given.buckets.is_empty() && weight(given) == 0 {
        return fail(Code::InvalidGroup);
    }
    Ok(())
}

fn weight(given: &GroupMod) -> u64 {
    given.buckets.iter().map(|bucket| u64::from(bucket.weight)).sum()
}
