//! What a run of the oracle has met, so that a test can tell that nothing was left out.

use std::collections::BTreeMap;
use std::fmt;

use ofp_codec::{
    ActionType, FlowModCommand, FlowRemovedReason, GroupType, MeterFlags, OxmField, PacketInReason,
    PortNo,
};

/// One thing that can be met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Met {
    /// A packet hit an entry that names this field, exactly.
    Matched(OxmField),
    /// The same, under a mask.
    MatchedMasked(OxmField),
    /// This field kept an entry from matching.
    Missed(OxmField),
    /// Set-field changed this field of a packet.
    Set(OxmField),
    /// An action of this type changed or sent a packet, in a list or in a set.
    Act(ActionType),
    /// An output to a reserved port, or to an ordinary one (0).
    Output(u32),
    /// A packet passed a group of this type.
    Group(u8),
    /// A bucket was passed over because it was not live.
    NotLive(u8),
    /// A SELECT group had several buckets to choose from.
    Choice,
    /// A flow kept its bucket though it had others to choose from.
    Stuck,
    /// Groups in groups, so deep.
    Chained(u32),
    /// A band acted: its type's number, and the meter's flags.
    Band(u16, u16),
    /// A packet passed a meter whose rates it did not exceed.
    Conformed,
    /// Of several exceeded bands the one with the highest rate acted.
    HighestBand,
    /// A packet-in for this reason.
    PacketIn(u8),
    /// A packet-in with this field beside IN_PORT.
    Context(OxmField),
    /// An entry went for this reason, and its controller was told.
    Removed(u8),
    /// A flow-mod of this command changed an entry.
    FlowMod(u8),
    /// A flow-mod of this command was refused.
    FlowModRefused,
    /// A frame shorter than Ethernet's shortest was padded.
    Padded,
    /// A packet came to this table.
    Table(u8),
    /// Write-Metadata changed the metadata.
    Metadata,
    /// Clear-Actions emptied a set that held something.
    Cleared,
}

/// How often each thing was met.
#[derive(Clone, Debug, Default)]
pub struct Coverage(BTreeMap<Met, u64>);

impl Coverage {
    /// Notes one.
    pub fn note(&mut self, met: Met) {
        *self.0.entry(met).or_default() += 1;
    }

    /// How often.
    pub fn count(&self, met: Met) -> u64 {
        self.0.get(&met).copied().unwrap_or(0)
    }

    /// Adds what another run met.
    pub fn add(&mut self, other: &Coverage) {
        for (met, count) in &other.0 {
            *self.0.entry(*met).or_default() += count;
        }
    }

    /// Everything that a thorough run meets and this one did not.
    pub fn missing(&self) -> Vec<Met> {
        Met::all().into_iter().filter(|met| self.count(*met) == 0).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (met, count) in &self.0 {
            if !matches!(met, Met::Chained(4..)) {
                writeln!(f, "{count:>10}  {met:?}")?;
            }
        }
        Ok(())
    }
}

impl Met {
    /// Everything that the oracle knows how to meet.
    pub fn all() -> Vec<Met> {
        let mut all = Vec::new();
        for field in OxmField::ALL {
            all.extend([Met::Matched(field), Met::Missed(field)]);
            if field.info().maskable {
                all.push(Met::MatchedMasked(field));
            }
            if field.info().settable {
                all.push(Met::Set(field));
            }
        }
        all.extend(ActionType::ALL.map(Met::Act));
        let reserved = [PortNo::IN_PORT, PortNo::TABLE, PortNo::NORMAL, PortNo::FLOOD, PortNo::ALL];
        let reserved = reserved.into_iter().chain([PortNo::CONTROLLER, PortNo::LOCAL, PortNo(0)]);
        all.extend(reserved.map(|port| Met::Output(port.0)));
        let types =
            [GroupType::All, GroupType::Select, GroupType::Indirect, GroupType::FastFailover];
        all.extend(types.map(|kind| Met::Group(kind as u8)));
        all.extend([Met::NotLive(GroupType::Select as u8)]);
        all.extend([Met::NotLive(GroupType::FastFailover as u8), Met::Choice, Met::Stuck]);
        all.extend([1, 2, 3].map(Met::Chained));
        for kind in [1, 2] {
            for unit in [MeterFlags::KBPS, MeterFlags::PKTPS] {
                all.push(Met::Band(kind, unit.bits()));
                all.push(Met::Band(kind, (unit | MeterFlags::BURST).bits()));
            }
        }
        all.extend([Met::Conformed, Met::HighestBand]);
        let reasons = [PacketInReason::NoMatch, PacketInReason::Action, PacketInReason::InvalidTtl];
        all.extend(reasons.map(|reason| Met::PacketIn(reason as u8)));
        let context = [OxmField::InPhyPort, OxmField::Metadata, OxmField::TunnelId];
        all.extend(context.map(Met::Context));
        let reasons = [
            FlowRemovedReason::IdleTimeout,
            FlowRemovedReason::HardTimeout,
            FlowRemovedReason::Delete,
            FlowRemovedReason::GroupDelete,
            FlowRemovedReason::MeterDelete,
        ];
        all.extend(reasons.map(|reason| Met::Removed(reason as u8)));
        let commands = [
            FlowModCommand::Add,
            FlowModCommand::Modify,
            FlowModCommand::ModifyStrict,
            FlowModCommand::Delete,
            FlowModCommand::DeleteStrict,
        ];
        all.extend(commands.map(|command| Met::FlowMod(command as u8)));
        all.extend((0..crate::generate::TABLES).map(Met::Table));
        all.extend([Met::FlowModRefused, Met::Padded, Met::Metadata, Met::Cleared]);
        all
    }
}
