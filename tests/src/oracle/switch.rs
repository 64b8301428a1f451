//! The pipeline as the standard tells it (§5): a list of entries for each table, searched from end to
//! end; an action set that is a list; a copy of the frame for every output.

use std::collections::BTreeMap;

use ofp_codec::{
    Action, ActionType, Bucket, FlowMod, FlowModCommand, FlowModFlags, GroupId, GroupMod,
    GroupModCommand, GroupType, Instruction, Match, NO_COOKIE, Oxm, OxmField, PacketInReason,
    PortNo,
};

use super::fields::{Layout, read};
use super::rewrite;

/// What the oracle says leaves the switch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A frame out of a port.
    Sent {
        /// The port.
        port: u32,
        /// Its bytes.
        frame: Vec<u8>,
    },
    /// A packet-in.
    PacketIn {
        /// The reason's number.
        reason: u8,
        /// The table.
        table: u8,
        /// The entry's cookie, or all ones.
        cookie: u64,
        /// The metadata at that moment.
        metadata: u64,
        /// Its bytes.
        frame: Vec<u8>,
    },
}

/// A flow entry and what it counted.
#[derive(Clone, Debug)]
pub struct Entry {
    /// As it was added.
    pub flow: FlowMod,
    /// Packets that it matched.
    pub packets: u64,
    order: u64,
}

/// Lookups and matches of one table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TableCount {
    /// Packets looked up.
    pub lookups: u64,
    /// Packets that matched.
    pub matched: u64,
}

/// A switch, naively.
#[derive(Clone, Debug, Default)]
pub struct Oracle {
    /// Its ports.
    pub ports: Vec<u32>,
    /// Its entries, by table.
    pub tables: BTreeMap<u8, Vec<Entry>>,
    /// What its tables counted.
    pub counts: BTreeMap<u8, TableCount>,
    groups: BTreeMap<u32, (GroupType, Vec<Bucket>)>,
    order: u64,
}

/// A packet on its way.
#[derive(Clone)]
struct Packet {
    frame: Vec<u8>,
    in_port: u32,
    metadata: u64,
    tunnel_id: u64,
    popped: bool,
}

/// Who is sending: what a packet-in will say.
#[derive(Clone, Copy)]
struct Sender {
    table: u8,
    cookie: u64,
    reason: PacketInReason,
}

/// The packet goes no further.
struct Stop;

impl Oracle {
    /// A switch with these ports and empty tables.
    pub fn new(ports: &[u32]) -> Oracle {
        Oracle { ports: ports.to_vec(), ..Oracle::default() }
    }

    /// Carries out a flow-mod that the standard allows.
    pub fn flow_mod(&mut self, flow: &FlowMod) {
        self.order += 1;
        let order = self.order;
        match flow.command {
            FlowModCommand::Add => {
                let entries = self.tables.entry(flow.table_id.0).or_default();
                let old = entries.iter().position(|entry| identical(&entry.flow, flow));
                let packets = match old.map(|index| entries.remove(index)) {
                    Some(old) if !flow.flags.contains(FlowModFlags::RESET_COUNTS) => old.packets,
                    _ => 0,
                };
                entries.push(Entry { flow: flow.clone(), packets, order });
            }
            FlowModCommand::Modify | FlowModCommand::ModifyStrict => {
                let entries = self.tables.entry(flow.table_id.0).or_default();
                for entry in entries.iter_mut().filter(|entry| selects(flow, &entry.flow)) {
                    entry.flow.instructions = flow.instructions.clone();
                    if flow.flags.contains(FlowModFlags::RESET_COUNTS) {
                        entry.packets = 0;
                    }
                }
            }
            FlowModCommand::Delete | FlowModCommand::DeleteStrict => {
                for (table, entries) in &mut self.tables {
                    if flow.table_id.0 == 255 || flow.table_id.0 == *table {
                        entries.retain(|entry| {
                            !(selects(flow, &entry.flow) && filtered(flow, &entry.flow))
                        });
                    }
                }
            }
        }
    }

    /// Carries out a group-mod that the standard allows.
    pub fn group_mod(&mut self, group: &GroupMod) {
        match group.command {
            GroupModCommand::Add | GroupModCommand::Modify => {
                self.groups.insert(group.group_id.0, (group.group_type, group.buckets.clone()));
            }
            GroupModCommand::Delete => {
                let gone = |id: &u32| group.group_id == GroupId::ALL || *id == group.group_id.0;
                self.groups.retain(|id, _| !gone(id));
                for entries in self.tables.values_mut() {
                    entries.retain(|entry| {
                        let uses =
                            |action: &Action| matches!(action, Action::Group(id) if gone(&id.0));
                        !actions(&entry.flow).any(uses)
                    });
                }
            }
        }
    }

    /// Sends a frame through the tables; one without an Ethernet header is no frame.
    pub fn receive(&mut self, in_port: u32, frame: &[u8]) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        if frame.len() < 14 {
            return outcomes;
        }
        let mut packet =
            Packet { frame: frame.to_vec(), in_port, metadata: 0, tunnel_id: 0, popped: false };
        let _ = self.walk(&mut packet, &mut outcomes);
        outcomes
    }

    fn walk(&mut self, packet: &mut Packet, outcomes: &mut Vec<Outcome>) -> Result<(), Stop> {
        let mut set: Vec<Action> = Vec::new();
        let mut table = 0;
        // An output in the set keeps the reason of the entry that wrote it.
        let mut output_reason = PacketInReason::Action;
        let table = loop {
            let count = self.counts.entry(table).or_default();
            count.lookups += 1;
            let layout = read(&packet.frame);
            let found = self.tables.entry(table).or_default().iter_mut().filter(|entry| {
                entry.flow.matching.fields().iter().all(|oxm| holds(oxm, packet, &layout))
            });
            let Some(entry) = found.max_by_key(|entry| (entry.flow.priority, entry.order)) else {
                return Err(Stop);
            };
            count.matched += 1;
            entry.packets += 1;
            let flow = entry.flow.clone();
            let miss = flow.priority == 0 && constraints(&flow.matching).is_empty();
            let reason = if miss { PacketInReason::NoMatch } else { PacketInReason::Action };
            let sender = Sender { table, cookie: flow.cookie, reason };
            let mut next = None;
            for number in [6, 4, 5, 3, 2, 1] {
                let Some(instruction) =
                    flow.instructions.iter().find(|instruction| instruction.number() == number)
                else {
                    continue;
                };
                match instruction {
                    Instruction::ApplyActions(list) => {
                        for action in list {
                            self.act(action, packet, sender, outcomes, 0)?;
                        }
                    }
                    Instruction::ClearActions => set.clear(),
                    Instruction::WriteActions(list) => {
                        list.iter().for_each(|action| merge(&mut set, action));
                        if list.iter().any(|action| matches!(action, Action::Output { .. })) {
                            output_reason = reason;
                        }
                    }
                    Instruction::WriteMetadata { value, mask } => {
                        packet.metadata = packet.metadata & !mask | value & mask;
                    }
                    Instruction::GotoTable(id) => next = Some(id.0),
                    Instruction::Meter(_) | Instruction::Experimenter { .. } => (),
                }
            }
            match next {
                Some(next) => table = next,
                None => break table,
            }
        };
        let sender = Sender { table, cookie: NO_COOKIE, reason: output_reason };
        self.act_set(&set, packet, sender, outcomes, 0)
    }

    /// Runs an action set in the standard's order (§5.10).
    fn act_set(
        &self,
        set: &[Action],
        packet: &mut Packet,
        sender: Sender,
        outcomes: &mut Vec<Outcome>,
        depth: usize,
    ) -> Result<(), Stop> {
        // Without output and group the packet is dropped; what else would be done to it shows nowhere.
        let sends = |action: &Action| {
            matches!(action.action_type(), ActionType::Output | ActionType::Group)
        };
        if !set.iter().any(sends) {
            return Err(Stop);
        }
        let has_group = set.iter().any(|action| action.action_type() == ActionType::Group);
        let mut ordered: Vec<&Action> = set.iter().collect();
        ordered.sort_by_key(|action| place(action));
        for action in ordered {
            if has_group && action.action_type() == ActionType::Output {
                continue;
            }
            self.act(action, packet, sender, outcomes, depth)?;
        }
        Ok(())
    }

    fn act(
        &self,
        action: &Action,
        packet: &mut Packet,
        sender: Sender,
        outcomes: &mut Vec<Outcome>,
        depth: usize,
    ) -> Result<(), Stop> {
        let decrement = |ttl: u8| if ttl > 1 { Some(ttl - 1) } else { None };
        let valid = match action {
            Action::Output { port, .. } => {
                self.output(*port, packet, sender, outcomes);
                Some(())
            }
            Action::Group(id) => {
                self.group(id.0, packet, sender, outcomes, depth + 1);
                Some(())
            }
            Action::PushVlan(kind) => {
                rewrite::push_vlan(&mut packet.frame, *kind);
                Some(())
            }
            Action::PopVlan => {
                let before = packet.frame.len();
                rewrite::pop_vlan(&mut packet.frame);
                packet.popped |= packet.frame.len() < before;
                Some(())
            }
            Action::SetField(Oxm { field: OxmField::TunnelId, value, .. }) => {
                packet.tunnel_id = *value as u64;
                Some(())
            }
            Action::SetField(oxm) => {
                rewrite::set_field(&mut packet.frame, oxm.field, oxm.value);
                Some(())
            }
            Action::SetNwTtl(ttl) => rewrite::nw_ttl(&mut packet.frame, |_| Some(*ttl)),
            Action::DecNwTtl => rewrite::nw_ttl(&mut packet.frame, decrement),
            Action::SetMplsTtl(ttl) => rewrite::mpls_ttl(&mut packet.frame, |_| Some(*ttl)),
            Action::DecMplsTtl => rewrite::mpls_ttl(&mut packet.frame, decrement),
            _ => Some(()),
        };
        if valid.is_none() {
            let reason = PacketInReason::InvalidTtl;
            self.output(PortNo::CONTROLLER, packet, Sender { reason, ..sender }, outcomes);
            return Err(Stop);
        }
        Ok(())
    }

    fn group(
        &self,
        id: u32,
        packet: &Packet,
        sender: Sender,
        outcomes: &mut Vec<Outcome>,
        depth: usize,
    ) {
        let Some((group_type, buckets)) = self.groups.get(&id).filter(|_| depth < 32) else {
            return;
        };
        let chosen: Vec<&Bucket> = match group_type {
            GroupType::All | GroupType::Indirect => buckets.iter().collect(),
            GroupType::Select => {
                buckets.iter().filter(|bucket| bucket.weight > 0).take(1).collect()
            }
            GroupType::FastFailover => {
                buckets.iter().filter(|bucket| self.is_live(bucket)).take(1).collect()
            }
        };
        for bucket in chosen {
            let sender = Sender { cookie: NO_COOKIE, reason: PacketInReason::Action, ..sender };
            let mut set = Vec::new();
            bucket.actions.iter().for_each(|action| merge(&mut set, action));
            let _ = self.act_set(&set, &mut packet.clone(), sender, outcomes, depth);
        }
    }

    fn is_live(&self, bucket: &Bucket) -> bool {
        let port = self.ports.contains(&bucket.watch_port.0);
        let group = self
            .groups
            .get(&bucket.watch_group.0)
            .is_some_and(|(_, buckets)| buckets.iter().any(|bucket| self.is_live(bucket)));
        port || group
    }

    fn output(&self, port: PortNo, packet: &Packet, sender: Sender, outcomes: &mut Vec<Outcome>) {
        let mut frame = packet.frame.clone();
        if packet.popped && frame.len() < 60 {
            frame.resize(60, 0);
        }
        let mut send = |port: u32| outcomes.push(Outcome::Sent { port, frame: frame.clone() });
        match port {
            PortNo::CONTROLLER => outcomes.push(Outcome::PacketIn {
                reason: sender.reason as u8,
                table: sender.table,
                cookie: sender.cookie,
                metadata: packet.metadata,
                frame,
            }),
            PortNo::IN_PORT => send(packet.in_port),
            PortNo::ALL | PortNo::FLOOD => {
                self.ports
                    .iter()
                    .filter(|port| **port != packet.in_port)
                    .for_each(|port| send(*port));
            }
            PortNo(number) if self.ports.contains(&number) && number != packet.in_port => {
                send(number)
            }
            _ => (),
        }
    }
}

/// Whether a packet fulfils one match field.
fn holds(oxm: &Oxm, packet: &Packet, layout: &Layout) -> bool {
    let mask = oxm.effective_mask() & oxm.field.all_ones();
    if mask == 0 {
        return true;
    }
    let value = match oxm.field {
        OxmField::InPort | OxmField::InPhyPort => Some(u128::from(packet.in_port)),
        OxmField::Metadata => Some(u128::from(packet.metadata)),
        OxmField::TunnelId => Some(u128::from(packet.tunnel_id)),
        field => layout.get(field),
    };
    value.is_some_and(|value| value & mask == oxm.value & mask)
}

/// The fields that a match really constrains.
fn constraints(matching: &Match) -> Vec<(OxmField, u128, u128)> {
    let constraint = |oxm: &Oxm| {
        let mask = oxm.effective_mask() & oxm.field.all_ones();
        (oxm.field, oxm.value & mask, mask)
    };
    let mut all: Vec<_> =
        matching.fields().iter().map(constraint).filter(|(.., mask)| *mask != 0).collect();
    all.sort();
    all
}

fn identical(entry: &FlowMod, request: &FlowMod) -> bool {
    entry.priority == request.priority
        && constraints(&entry.matching) == constraints(&request.matching)
}

/// Whether a modification or deletion means this entry (§6.4).
fn selects(request: &FlowMod, entry: &FlowMod) -> bool {
    let by_match = match request.command {
        FlowModCommand::ModifyStrict | FlowModCommand::DeleteStrict => identical(entry, request),
        _ => {
            let of_entry = constraints(&entry.matching);
            constraints(&request.matching).iter().all(|(field, value, mask)| {
                of_entry.iter().any(|(named, entry_value, entry_mask)| {
                    named == field && entry_mask & mask == *mask && entry_value & mask == *value
                })
            })
        }
    };
    by_match && (entry.cookie ^ request.cookie) & request.cookie_mask == 0
}

/// Whether an entry passes a deletion's port and group filters.
fn filtered(request: &FlowMod, entry: &FlowMod) -> bool {
    let port = request.out_port == PortNo::ANY
        || actions(entry).any(
            |action| matches!(action, Action::Output { port, .. } if *port == request.out_port),
        );
    let group = request.out_group == GroupId::ANY
        || actions(entry)
            .any(|action| matches!(action, Action::Group(id) if *id == request.out_group));
    port && group
}

fn actions(flow: &FlowMod) -> impl Iterator<Item = &Action> {
    flow.instructions.iter().flat_map(|instruction| match instruction {
        Instruction::WriteActions(list) | Instruction::ApplyActions(list) => list.as_slice(),
        _ => &[],
    })
}

/// Puts an action into an action set, in place of the one of its kind.
fn merge(set: &mut Vec<Action>, action: &Action) {
    let same_kind = |old: &Action| match (old, action) {
        (Action::SetField(old), Action::SetField(new)) => old.field == new.field,
        _ => old.action_type() == action.action_type(),
    };
    set.retain(|old| !same_kind(old));
    set.push(action.clone());
}

/// An action's place in an action set (§5.10).
fn place(action: &Action) -> u8 {
    match action.action_type() {
        ActionType::CopyTtlIn => 1,
        ActionType::PopVlan | ActionType::PopMpls | ActionType::PopPbb => 2,
        ActionType::PushMpls => 3,
        ActionType::PushPbb => 4,
        ActionType::PushVlan => 5,
        ActionType::CopyTtlOut => 6,
        ActionType::DecMplsTtl | ActionType::DecNwTtl => 7,
        ActionType::SetField | ActionType::SetMplsTtl | ActionType::SetNwTtl => 8,
        ActionType::SetQueue => 9,
        ActionType::Group => 10,
        ActionType::Output | ActionType::Experimenter => 11,
    }
}
