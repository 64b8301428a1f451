//! A packet's way through the tables (§5.1, §5.9), its actions and its action set (§5.10, §5.12).

use ofp_codec::{
    Action, ActionType, Instruction, NO_COOKIE, Oxm, OxmField, PacketInReason, PacketOut,
    PortConfig, PortNo,
};

use super::coverage::Met;
use super::entries::constraints;
use super::fields::{Layout, read};
use super::{Oracle, Outcome, rewrite, tags};

/// A frame that a host received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The port that it came in by.
    pub port: u32,
    /// The physical port beneath it, or 0.
    pub phy_port: u32,
    /// The key of its tunnel, or 0.
    pub tunnel_id: u64,
    /// Its bytes.
    pub frame: Vec<u8>,
}

/// A packet on its way.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) frame: Vec<u8>,
    pub(super) in_port: u32,
    pub(super) in_phy_port: u32,
    pub(super) metadata: u64,
    pub(super) tunnel_id: u64,
    pub(super) queue_id: Option<u32>,
    /// Whether a header was taken off it.
    pub(super) popped: bool,
}

/// On whose behalf actions run: what a packet-in will say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sender {
    pub(super) table: u8,
    pub(super) cookie: u64,
    pub(super) reason: PacketInReason,
    pub(super) is_packet_out: bool,
}

/// The packet goes no further.
pub(super) struct Stop;

impl Oracle {
    /// Takes a frame from a host.
    pub fn receive(&mut self, received: &Received) {
        let Received { port, phy_port, tunnel_id, ref frame } = *received;
        self.begin();
        if !self.enter(port, frame) {
            return;
        }
        let mut packet = Packet {
            frame: frame.clone(),
            in_port: port,
            in_phy_port: if phy_port == 0 { port } else { phy_port },
            metadata: 0,
            tunnel_id,
            queue_id: None,
            popped: false,
        };
        self.forward(&mut packet);
    }

    /// Carries out a packet-out that the standard allows.
    pub fn packet_out(&mut self, given: &PacketOut) {
        self.begin();
        let mut packet = Packet {
            frame: given.data.clone(),
            in_port: given.in_port.0,
            in_phy_port: given.in_port.0,
            metadata: 0,
            tunnel_id: 0,
            queue_id: None,
            popped: false,
        };
        let sender = Sender {
            table: 0,
            cookie: NO_COOKIE,
            reason: PacketInReason::Action,
            is_packet_out: true,
        };
        for action in &given.actions {
            if self.act(action, &mut packet, sender, 0).is_err() {
                break;
            }
        }
        if self.fates == 0 {
            self.dropped("no_output");
        }
    }

    fn begin(&mut self) {
        self.fates = 0;
        self.outputs = 0;
    }

    /// Through the tables, or past them while the switch stands alone.
    fn forward(&mut self, packet: &mut Packet) {
        match self.is_standalone {
            true => self.normal(packet),
            false => {
                let _ = self.walk(packet);
            }
        }
    }

    fn walk(&mut self, packet: &mut Packet) -> Result<(), Stop> {
        self.fates = 0;
        let mut set: Vec<Action> = Vec::new();
        // An output in the set keeps the reason of the entry that wrote it.
        let mut output_reason = PacketInReason::Action;
        let mut table = 0;
        loop {
            self.coverage.note(Met::Table(table));
            let (sender, instructions) = self.look_up(table, packet)?;
            let mut next = None;
            for number in [6, 4, 5, 3, 2, 1] {
                let of_number = |one: &&Instruction| one.number() == number;
                let Some(instruction) = instructions.iter().find(of_number) else { continue };
                match instruction {
                    Instruction::Meter(id) => self.measure(id.0, packet)?,
                    Instruction::ApplyActions(list) => {
                        for action in list {
                            self.act(action, packet, sender, 0)?;
                        }
                    }
                    Instruction::ClearActions => {
                        if !set.is_empty() {
                            self.coverage.note(Met::Cleared);
                        }
                        set.clear();
                    }
                    Instruction::WriteActions(list) => {
                        list.iter().for_each(|action| merge(&mut set, action));
                        if list.iter().any(|action| matches!(action, Action::Output { .. })) {
                            output_reason = sender.reason;
                        }
                    }
                    Instruction::WriteMetadata { value, mask } => {
                        let old = packet.metadata;
                        packet.metadata = old & !mask | value & mask;
                        if old != packet.metadata {
                            self.coverage.note(Met::Metadata);
                        }
                    }
                    Instruction::GotoTable(id) => next = Some(id.0),
                    Instruction::Experimenter { .. } => (),
                }
            }
            match next {
                Some(next) => table = next,
                None => break,
            }
        }
        let reason = output_reason;
        let sender = Sender { table, cookie: NO_COOKIE, reason, is_packet_out: false };
        let done = self.act_set(&set, packet, sender, 0);
        // Nothing at all has become of it: no output, or a flood that found no port.
        if self.fates == 0 {
            self.dropped("no_output");
        }
        done
    }

    /// Finds the entry of a table that a packet hits, and counts.
    fn look_up(&mut self, table: u8, packet: &Packet) -> Result<(Sender, Vec<Instruction>), Stop> {
        let now = self.now;
        let count = self.counts.entry(table).or_default();
        count.lookups += 1;
        let layout = read(&packet.frame);
        let mut best: Option<&mut super::Entry> = None;
        for entry in self.tables.entry(table).or_default() {
            let fields = entry.flow.matching.fields();
            let mut misses = fields.iter().filter(|oxm| !holds(oxm, packet, &layout)).peekable();
            if misses.peek().is_some() {
                misses.for_each(|oxm| self.coverage.note(Met::Missed(oxm.field)));
                continue;
            }
            let order = (entry.flow.priority, entry.order);
            if best.as_ref().is_none_or(|best| order > (best.flow.priority, best.order)) {
                best = Some(entry);
            }
        }
        let Some(entry) = best else {
            if self.fates == 0 {
                self.dropped("table_miss");
            }
            return Err(Stop);
        };
        count.matched += 1;
        entry.packets += 1;
        entry.bytes += packet.frame.len() as u64;
        entry.used = now;
        for oxm in entry.flow.matching.fields() {
            match oxm.effective_mask() & oxm.field.all_ones() {
                0 => (),
                mask if mask == oxm.field.all_ones() => {
                    self.coverage.note(Met::Matched(oxm.field));
                }
                _ => self.coverage.note(Met::MatchedMasked(oxm.field)),
            }
        }
        let flow = &entry.flow;
        let is_miss = flow.priority == 0 && constraints(&flow.matching).is_empty();
        let reason = if is_miss { PacketInReason::NoMatch } else { PacketInReason::Action };
        let sender = Sender { table, cookie: flow.cookie, reason, is_packet_out: false };
        Ok((sender, flow.instructions.clone()))
    }

    /// Runs an action set in the standard's order (§5.10). One without output and group sends its
    /// packet nowhere, and what else would be done to it shows nowhere.
    pub(super) fn act_set(
        &mut self,
        set: &[Action],
        packet: &mut Packet,
        sender: Sender,
        depth: u32,
    ) -> Result<(), Stop> {
        let kinds = |kind: ActionType| set.iter().any(|action| action.action_type() == kind);
        let has_group = kinds(ActionType::Group);
        if !has_group && !kinds(ActionType::Output) {
            return Ok(());
        }
        let mut ordered: Vec<&Action> = set.iter().collect();
        ordered.sort_by_key(|action| place(action));
        for action in ordered {
            if has_group && action.action_type() == ActionType::Output {
                continue;
            }
            self.act(action, packet, sender, depth)?;
        }
        Ok(())
    }

    /// Does one action.
    pub(super) fn act(
        &mut self,
        action: &Action,
        packet: &mut Packet,
        sender: Sender,
        depth: u32,
    ) -> Result<(), Stop> {
        match action {
            Action::Output { port, .. } => {
                self.coverage.note(Met::Act(ActionType::Output));
                self.output(*port, packet, sender);
                return Ok(());
            }
            Action::Group(id) => {
                self.coverage.note(Met::Act(ActionType::Group));
                self.group(id.0, packet, sender, depth);
                return Ok(());
            }
            Action::SetQueue(queue) => {
                self.coverage.note(Met::Act(ActionType::SetQueue));
                packet.queue_id = Some(*queue);
                return Ok(());
            }
            Action::SetField(Oxm { field: OxmField::TunnelId, value, .. }) => {
                if packet.tunnel_id != *value as u64 {
                    self.coverage.note(Met::Set(OxmField::TunnelId));
                }
                packet.tunnel_id = *value as u64;
                return Ok(());
            }
            _ => (),
        }
        let before = packet.frame.clone();
        let valid = change(action, &mut packet.frame);
        if packet.frame != before {
            self.coverage.note(Met::Act(action.action_type()));
            if let Action::SetField(oxm) = action {
                self.coverage.note(Met::Set(oxm.field));
            }
        }
        packet.popped |= packet.frame.len() < before.len();
        if valid.is_some() {
            return Ok(());
        }
        if self.invalid_ttl_to_controller {
            let reason = PacketInReason::InvalidTtl;
            self.packet_in(packet, Sender { reason, ..sender });
        }
        self.dropped("invalid_ttl");
        Err(Stop)
    }

    fn output(&mut self, port: PortNo, packet: &Packet, sender: Sender) {
        let noted = if port.is_ordinary() { 0 } else { port.0 };
        self.coverage.note(Met::Output(noted));
        match port {
            PortNo::CONTROLLER => self.packet_in(packet, sender),
            PortNo::IN_PORT => self.send(packet.in_port, packet),
            PortNo::ALL => self.flood(packet, false),
            PortNo::FLOOD => self.flood(packet, true),
            PortNo::NORMAL => self.normal(packet),
            PortNo::TABLE if sender.is_packet_out => {
                let before = self.fates;
                self.forward(&mut packet.clone());
                self.fates += before;
            }
            PortNo(number) if number == packet.in_port => self.dropped("egress_is_ingress"),
            PortNo(number) => self.send(number, packet),
        }
    }

    /// Offers a packet to the controllers.
    fn packet_in(&mut self, packet: &Packet, sender: Sender) {
        let is_silent = |config: PortConfig| config.contains(PortConfig::NO_PACKET_IN);
        let is_kept =
            self.ports.get(&packet.in_port).is_some_and(|port| is_silent(port.desc.config));
        // The bit is about table misses (§7.2.1).
        if is_kept && sender.reason == PacketInReason::NoMatch {
            return self.dropped("punt_no_packet_in");
        }
        let Some(frame) = self.metered_packet_in(&packet.frame) else {
            return self.dropped("punt_metered");
        };
        self.fates += 1;
        self.coverage.note(Met::PacketIn(sender.reason as u8));
        let mut context = vec![(OxmField::InPort, u128::from(packet.in_port))];
        let beside = [
            (OxmField::InPhyPort, u128::from(packet.in_phy_port), u128::from(packet.in_port)),
            (OxmField::Metadata, u128::from(packet.metadata), 0),
            (OxmField::TunnelId, u128::from(packet.tunnel_id), 0),
        ];
        for (field, value, unsaid) in beside {
            if value != unsaid {
                self.coverage.note(Met::Context(field));
                context.push((field, value));
            }
        }
        let frame = self.padded(&Packet { frame, ..packet.clone() });
        self.outcomes.push(Outcome::PacketIn {
            reason: sender.reason as u8,
            table: sender.table,
            cookie: sender.cookie,
            context,
            frame,
        });
    }
}

/// Does an action that changes bytes. `None` is an invalid TTL.
pub fn change(action: &Action, frame: &mut Vec<u8>) -> Option<()> {
    let decrement = |ttl: u8| if ttl > 1 { Some(ttl - 1) } else { None };
    match action {
        Action::SetField(oxm) => rewrite::set_field(frame, oxm.field, oxm.value),
        Action::PushVlan(kind) => tags::push_vlan(frame, *kind),
        Action::PopVlan => tags::pop_vlan(frame),
        Action::PushMpls(kind) => tags::push_mpls(frame, *kind),
        Action::PopMpls(kind) => tags::pop_mpls(frame, *kind),
        Action::PushPbb(kind) => tags::push_pbb(frame, *kind),
        Action::PopPbb => tags::pop_pbb(frame),
        Action::CopyTtlOut => rewrite::copy_ttl_out(frame),
        Action::CopyTtlIn => rewrite::copy_ttl_in(frame),
        Action::SetNwTtl(ttl) => return rewrite::nw_ttl(frame, |_| Some(*ttl)),
        Action::DecNwTtl => return rewrite::nw_ttl(frame, decrement),
        Action::SetMplsTtl(ttl) => return rewrite::mpls_ttl(frame, |_| Some(*ttl)),
        Action::DecMplsTtl => return rewrite::mpls_ttl(frame, decrement),
        _ => (),
    }
    Some(())
}

/// Whether a packet fulfils one match field.
fn holds(oxm: &Oxm, packet: &Packet, layout: &Layout) -> bool {
    let mask = oxm.effective_mask() & oxm.field.all_ones();
    if mask == 0 {
        return true;
    }
    let value = match oxm.field {
        OxmField::InPort => Some(u128::from(packet.in_port)),
        OxmField::InPhyPort => Some(u128::from(packet.in_phy_port)),
        OxmField::Metadata => Some(u128::from(packet.metadata)),
        OxmField::TunnelId => Some(u128::from(packet.tunnel_id)),
        field => layout.get(field),
    };
    value.is_some_and(|value| value & mask == oxm.value & mask)
}

/// Puts an action into an action set, in place of the one of its kind.
pub(super) fn merge(set: &mut Vec<Action>, action: &Action) {
    let same_kind = |old: &Action| match (old, action) {
        (Action::SetField(old), Action::SetField(new)) => old.field == new.field,
        _ => old.action_type() == action.action_type(),
    };
    set.retain(|old| !same_kind(old));
    set.push(action.clone());
}

/// An action's place in an action set (§5.10). The standard does not order pops among themselves, nor
/// sets: pops go by their numbers, TTLs are set before fields, fields by their numbers.
fn place(action: &Action) -> (u8, u16) {
    let step = match action.action_type() {
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
    };
    let within = match action {
        Action::SetField(oxm) => 100 + u16::from(oxm.field.number()),
        other => other.action_type() as u16,
    };
    (step, within)
}
