//! Groups (§5.6, §6.5): a copy of the packet for every bucket that is taken.
//!
//! Which live bucket a SELECT group takes is the switch's own choice. The oracle asks its chooser,
//! and whoever compares tries the choices that there are; but a flow that has been seen keeps its
//! bucket as long as that is live, unless a bucket has come back to life since, and when the same
//! buckets are live as once before it takes the bucket that it took then.

use std::collections::BTreeMap;

use ofp_codec::{
    Action, Bucket, FlowRemovedReason, GroupId, GroupMod, GroupModCommand, GroupModFailedCode,
    GroupType, OfpError, OxmField, PacketInReason, PortNo,
};

use super::coverage::Met;
use super::entries::actions;
use super::fields::read;
use super::walk::{Packet, Sender, merge};
use super::{Load, Oracle};

/// Groups that one packet passes on its way through chained groups.
const DEPTH_MAX: u32 = 32;
/// Outputs of one packet, and buckets that it goes through.
const OUTPUTS_MAX: u32 = 4096;
/// Groups that a chain of watched groups may have.
const WATCH_DEPTH_MAX: u32 = 16;

/// What the headers of a flow's packets say, and the state that they bring along.
type FlowKey = Vec<(OxmField, u128)>;

/// A group and what it counted.
#[derive(Clone, Debug)]
pub struct OracleGroup {
    /// As it was given.
    pub given: GroupMod,
    /// When it was added.
    pub created: u64,
    /// What it counted.
    pub load: Load,
    /// What its buckets counted.
    pub buckets: Vec<Load>,
    /// SELECT: which buckets a flow has taken, and which were live then; the last one last.
    taken: BTreeMap<FlowKey, Vec<(usize, Vec<usize>)>>,
}

impl OracleGroup {
    /// Whether it takes one of its buckets by the switch's own choice.
    pub fn is_select(&self) -> bool {
        self.given.group_type == GroupType::Select
    }
}

/// Choices of the switch's own: a script that is tried, and how many answers each question had.
#[derive(Clone, Debug, Default)]
pub struct Chooser {
    script: Vec<usize>,
    counts: Vec<usize>,
    at: usize,
    /// What each bucket of a group is still to count.
    left: BTreeMap<(u32, usize), Load>,
}

impl Chooser {
    /// The same script, to be followed within what the switch's buckets counted.
    #[must_use]
    pub fn guided(self, took: &BTreeMap<(u32, usize), Load>) -> Chooser {
        Chooser { left: took.clone(), ..self }
    }

    /// Whether every bucket has been taken by as many packets and bytes as it counted.
    pub fn is_consumed(&self) -> bool {
        self.left.values().all(|left| *left == Load::default())
    }

    /// One of the buckets of a group that are still to be taken.
    fn choose(&mut self, group: u32, live: &[usize]) -> usize {
        let is_open =
            |index: &usize| self.left.get(&(group, *index)).is_some_and(|left| left.packets > 0);
        let open: Vec<usize> = live.iter().copied().filter(is_open).collect();
        if open.is_empty() {
            return live[0];
        }
        if self.at == self.script.len() {
            self.script.push(0);
        }
        self.counts.truncate(self.at);
        self.counts.push(open.len());
        self.at += 1;
        open[self.script[self.at - 1].min(open.len() - 1)]
    }

    fn took(&mut self, group: u32, index: usize, len: usize) {
        let left = self.left.entry((group, index)).or_default();
        left.packets = left.packets.wrapping_sub(1);
        left.bytes = left.bytes.wrapping_sub(len as u64);
    }

    /// The script after this one, or `None` when all have been tried.
    #[must_use]
    pub fn next(mut self) -> Option<Chooser> {
        self.script.truncate(self.counts.len());
        while let (Some(choice), Some(count)) = (self.script.pop(), self.counts.pop()) {
            if choice + 1 < count {
                self.script.push(choice + 1);
                return Some(Chooser { script: self.script, ..Chooser::default() });
            }
        }
        None
    }
}

impl Oracle {
    /// Adds, modifies or deletes groups.
    ///
    /// # Errors
    ///
    /// GROUP_MOD_FAILED, or BAD_ACTION/BAD_OUT_GROUP, as the standard says.
    pub fn group_mod(&mut self, given: &GroupMod) -> Result<(), OfpError> {
        let fail = |code| Err(OfpError::GroupModFailed(code));
        let id = given.group_id;
        let exists = self.groups.contains_key(&id.0);
        match given.command {
            GroupModCommand::Add if exists => return fail(GroupModFailedCode::GroupExists),
            GroupModCommand::Modify if !exists => return fail(GroupModFailedCode::UnknownGroup),
            GroupModCommand::Delete => return self.group_delete(id),
            _ => (),
        }
        // A group that watches itself, or leads to itself before it is there.
        let is_loop = |bucket: &Bucket| {
            bucket.watch_group == id || bucket.actions.contains(&Action::Group(id))
        };
        if given.buckets.iter().any(is_loop) {
            return fail(GroupModFailedCode::Loop);
        }
        let weights: u64 = given.buckets.iter().map(|bucket| u64::from(bucket.weight)).sum();
        if given.group_type == GroupType::Select && !given.buckets.is_empty() && weights == 0 {
            return fail(GroupModFailedCode::InvalidGroup);
        }
        for action in given.buckets.iter().flat_map(|bucket| &bucket.actions) {
            self.check_action(action)?;
        }
        if exists && children(&given.buckets).any(|child| self.leads_to(child, id.0)) {
            return fail(GroupModFailedCode::Loop);
        }
        let old = self.groups.remove(&id.0);
        let group = OracleGroup {
            given: given.clone(),
            created: old.as_ref().map_or(self.now, |old| old.created),
            load: old.map_or(Load::default(), |old| old.load),
            buckets: vec![Load::default(); given.buckets.len()],
            taken: BTreeMap::new(),
        };
        self.groups.insert(id.0, group);
        Ok(())
    }

    fn group_delete(&mut self, id: GroupId) -> Result<(), OfpError> {
        let uses = |group: &OracleGroup| children(&group.given.buckets).any(|child| child == id.0);
        if id != GroupId::ALL && self.groups.values().any(uses) {
            return Err(OfpError::GroupModFailed(GroupModFailedCode::ChainedGroup));
        }
        let is_gone = |number: u32| id == GroupId::ALL || number == id.0;
        self.groups.retain(|number, _| !is_gone(*number));
        self.remove_entries(FlowRemovedReason::GroupDelete, |entry| {
            let uses = |action: &Action| matches!(action, Action::Group(id) if is_gone(id.0));
            actions(&entry.flow).any(uses)
        });
        Ok(())
    }

    /// Whether a chain of groups that begins with `from` comes to `to`.
    fn leads_to(&self, from: u32, to: u32) -> bool {
        let beneath = self.groups.get(&from).map(|group| group.given.buckets.as_slice());
        from == to || children(beneath.unwrap_or_default()).any(|child| self.leads_to(child, to))
    }

    /// Flow entries and groups that point to a group.
    pub fn references(&self, id: u32) -> u32 {
        let entries = self.tables.values().flatten().filter(|entry| {
            actions(&entry.flow).any(|action| *action == Action::Group(GroupId(id)))
        });
        let groups = self.groups.values();
        let groups = groups.filter(|group| children(&group.given.buckets).any(|child| child == id));
        (entries.count() + groups.count()) as u32
    }

    /// Whether what a SELECT group does with a packet may be the switch's own choice.
    pub fn has_choices(&self) -> bool {
        self.groups.values().any(|group| group.is_select() && group.buckets.len() > 1)
    }

    /// Whether the packet has had all the outputs and buckets that one packet gets.
    pub(super) fn is_exhausted(&mut self) -> bool {
        let is_exhausted = self.outputs >= OUTPUTS_MAX;
        if is_exhausted {
            self.dropped("copy_limit");
        }
        is_exhausted
    }

    /// Sends a packet through a group.
    pub(super) fn group(&mut self, id: u32, packet: &Packet, sender: Sender, depth: u32) {
        if depth >= DEPTH_MAX {
            return self.dropped("group_depth");
        }
        let Some(group) = self.groups.get_mut(&id) else { return self.dropped("group_empty") };
        group.load.add(packet.frame.len());
        let (kind, buckets) = (group.given.group_type, group.given.buckets.clone());
        self.coverage.note(Met::Group(kind as u8));
        if depth > 0 {
            self.coverage.note(Met::Chained(depth));
        }
        if buckets.is_empty() {
            return self.dropped("group_empty");
        }
        let chosen = match kind {
            GroupType::All => {
                for (index, bucket) in buckets.iter().enumerate() {
                    if self.is_exhausted() {
                        return;
                    }
                    self.bucket(id, index, bucket, packet, sender, depth);
                }
                return;
            }
            GroupType::Indirect => Some(0),
            GroupType::FastFailover => {
                let first = buckets.iter().position(|bucket| self.is_live(bucket, 0));
                if first != Some(0) {
                    self.coverage.note(Met::NotLive(kind as u8));
                }
                first
            }
            GroupType::Select => self.select(id, &buckets, packet),
        };
        match chosen {
            Some(index) => self.bucket(id, index, &buckets[index], packet, sender, depth),
            None => self.dropped("group_not_live"),
        }
    }

    fn select(&mut self, id: u32, buckets: &[Bucket], packet: &Packet) -> Option<usize> {
        let weighed = (0..buckets.len()).filter(|index| buckets[*index].weight > 0);
        let live: Vec<usize> =
            weighed.clone().filter(|index| self.is_live(&buckets[*index], 0)).collect();
        if live.len() < weighed.count() {
            self.coverage.note(Met::NotLive(GroupType::Select as u8));
        }
        if live.is_empty() {
            return None;
        }
        let key = flow_key(packet);
        let group = self.groups.get_mut(&id)?;
        let before = group.taken.entry(key).or_default();
        let stays = before.last().filter(|(bucket, were_live)| {
            live.contains(bucket) && live.iter().all(|index| were_live.contains(index))
        });
        let stays = stays.or_else(|| before.iter().find(|(_, were_live)| *were_live == live));
        // A later fragment follows its first one, which may be another flow's from packet to packet.
        let layout = read(&packet.frame);
        let stays = stays.filter(|_| !layout.fragment || layout.transport.is_some());
        let chosen = match stays {
            Some((bucket, _)) => {
                if live.len() > 1 {
                    self.coverage.note(Met::Stuck);
                }
                *bucket
            }
            None => {
                if live.len() > 1 {
                    self.coverage.note(Met::Choice);
                }
                self.chooser.choose(id, &live)
            }
        };
        before.retain(|(_, were_live)| *were_live != live);
        before.push((chosen, live));
        self.chooser.took(id, chosen, packet.frame.len());
        Some(chosen)
    }

    fn bucket(
        &mut self,
        id: u32,
        index: usize,
        bucket: &Bucket,
        packet: &Packet,
        sender: Sender,
        depth: u32,
    ) {
        if let Some(load) = self.groups.get_mut(&id).and_then(|group| group.buckets.get_mut(index))
        {
            load.add(packet.frame.len());
        }
        let mut set = Vec::new();
        bucket.actions.iter().for_each(|action| merge(&mut set, action));
        let sends = |action: &Action| matches!(action, Action::Output { .. } | Action::Group(_));
        if !set.iter().any(sends) {
            return self.dropped("no_output");
        }
        self.outputs += 1;
        let reason = PacketInReason::Action;
        let sender = Sender { cookie: ofp_codec::NO_COOKIE, reason, ..sender };
        let _ = self.act_set(&set, &mut packet.clone(), sender, depth + 1);
    }

    /// Whether a bucket is live: it watches nothing, or a live port, or a live group.
    fn is_live(&self, bucket: &Bucket, depth: u32) -> bool {
        let (port, group) = (bucket.watch_port, bucket.watch_group);
        port == PortNo::ANY && group == GroupId::ANY
            || port != PortNo::ANY && self.is_port_live(port.0)
            || group != GroupId::ANY && self.is_group_live(group.0, depth)
    }

    fn is_group_live(&self, id: u32, depth: u32) -> bool {
        let Some(group) = self.groups.get(&id).filter(|_| depth < WATCH_DEPTH_MAX) else {
            return false;
        };
        group.given.buckets.iter().any(|bucket| self.is_live(bucket, depth + 1))
    }
}

/// The groups that buckets send to.
fn children(buckets: &[Bucket]) -> impl Iterator<Item = u32> {
    let mut all: Vec<u32> = buckets
        .iter()
        .flat_map(|bucket| &bucket.actions)
        .filter_map(|action| match action {
            Action::Group(id) => Some(id.0),
            _ => None,
        })
        .collect();
    all.dedup();
    all.into_iter()
}

/// What is the same for all packets of a flow: everything that can be read, but for what routers and
/// meters mark on the way.
fn flow_key(packet: &Packet) -> FlowKey {
    let layout = read(&packet.frame);
    let marks = [OxmField::IpDscp, OxmField::IpEcn];
    let mut key = layout.fields;
    key.retain(|(field, _)| !marks.contains(field));
    key.extend([
        (OxmField::InPort, u128::from(packet.in_port)),
        (OxmField::InPhyPort, u128::from(packet.in_phy_port)),
        (OxmField::Metadata, u128::from(packet.metadata)),
        (OxmField::TunnelId, u128::from(packet.tunnel_id)),
    ]);
    key
}
