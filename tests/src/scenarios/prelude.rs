//! What every file of cases uses: the words of the switch, and short ways to write flow entries and
//! frames.

pub(super) use datapath::{DropReason, PortConfig};
pub(super) use hypercall::{Nanos, Port};
pub(super) use ofp_codec::{
    Action, FlowMod, Instruction, Match, OfpError, Oxm, OxmField, PacketOut, PortNo,
};

pub(super) use super::{Bed, World, cases};
pub(super) use crate::embodiment::Setup;

pub(super) const SECOND: u64 = Nanos::PER_SECOND;

pub(super) fn matching(fields: &[(OxmField, u128)]) -> Match {
    Match::new(fields.iter().map(|(field, value)| Oxm::new(*field, *value))).unwrap()
}

pub(super) fn apply(actions: impl Into<Vec<Action>>) -> Vec<Instruction> {
    vec![Instruction::ApplyActions(actions.into())]
}

pub(super) fn write(actions: impl Into<Vec<Action>>) -> Vec<Instruction> {
    vec![Instruction::WriteActions(actions.into())]
}

pub(super) fn output(port: u32) -> Action {
    Action::output(PortNo(port))
}

pub(super) fn set(field: OxmField, value: u128) -> Action {
    Action::SetField(Oxm::new(field, value))
}

/// An entry of table 0.
pub(super) fn entry(
    priority: u16,
    fields: &[(OxmField, u128)],
    instructions: Vec<Instruction>,
) -> FlowMod {
    FlowMod { priority, matching: matching(fields), instructions, ..FlowMod::default() }
}

/// A UDP datagram over IPv4 of 60 bytes.
pub(super) fn udp(source: u8, destination: u8, port: u16) -> Vec<u8> {
    let mut frame = vec![0; 60];
    frame[..6].copy_from_slice(&[2, 0, 0, 0, 0, destination]);
    frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, source]);
    frame[12..14].copy_from_slice(&[0x08, 0x00]);
    let ip = [0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, source, 10, 0, 0, destination];
    frame[14..34].copy_from_slice(&ip);
    let sum = ip.chunks(2).map(|c| u32::from(c[0]) << 8 | u32::from(c[1])).sum::<u32>();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    frame[24..26].copy_from_slice(&sum.to_be_bytes());
    frame[34..36].copy_from_slice(&1000_u16.to_be_bytes());
    frame[36..38].copy_from_slice(&port.to_be_bytes());
    frame[38..40].copy_from_slice(&26_u16.to_be_bytes());
    frame
}

/// The frame with an 802.1Q tag.
pub(super) fn tagged(vlan: u16, frame: &[u8]) -> Vec<u8> {
    let mut bytes = frame[..12].to_vec();
    bytes.extend([0x81, 0x00]);
    bytes.extend(vlan.to_be_bytes());
    bytes.extend(&frame[12..]);
    bytes
}
