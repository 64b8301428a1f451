//! Short ways to write flow entries, groups and frames. Scenarios of the public interface in Rust alone
//! (`datapath/tests/scenario`) are written in the same words, out of this file.

use ofp_codec::{
    Action, Bucket, FlowMod, GroupId, GroupMod, GroupModCommand, GroupType, Instruction, Match,
    Oxm, OxmField, PortNo,
};

pub(crate) fn matching(fields: &[(OxmField, u128)]) -> Match {
    Match::new(fields.iter().map(|(field, value)| Oxm::new(*field, *value))).unwrap()
}

pub(crate) fn apply(actions: impl Into<Vec<Action>>) -> Vec<Instruction> {
    vec![Instruction::ApplyActions(actions.into())]
}

pub(crate) fn write(actions: impl Into<Vec<Action>>) -> Vec<Instruction> {
    vec![Instruction::WriteActions(actions.into())]
}

pub(crate) fn output(port: u32) -> Action {
    Action::output(PortNo(port))
}

pub(crate) fn set(field: OxmField, value: u128) -> Action {
    Action::SetField(Oxm::new(field, value))
}

/// An entry of table 0.
pub(crate) fn entry(
    priority: u16,
    fields: &[(OxmField, u128)],
    instructions: Vec<Instruction>,
) -> FlowMod {
    FlowMod { priority, matching: matching(fields), instructions, ..FlowMod::default() }
}

pub(crate) fn group(
    command: GroupModCommand,
    group_type: GroupType,
    id: u32,
    buckets: Vec<Bucket>,
) -> GroupMod {
    GroupMod { command, group_type, group_id: GroupId(id), buckets }
}

/// The group-mod that adds a group.
pub(crate) fn add(group_type: GroupType, id: u32, buckets: Vec<Bucket>) -> GroupMod {
    group(GroupModCommand::Add, group_type, id, buckets)
}

pub(crate) fn bucket(actions: impl Into<Vec<Action>>) -> Bucket {
    Bucket::new(actions.into())
}

/// A UDP datagram over IPv4 of 60 bytes.
pub(crate) fn udp(source: u8, destination: u8, port: u16) -> Vec<u8> {
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
pub(crate) fn tagged(vlan: u16, frame: &[u8]) -> Vec<u8> {
    let mut bytes = frame[..12].to_vec();
    bytes.extend([0x81, 0x00]);
    bytes.extend(vlan.to_be_bytes());
    bytes.extend(&frame[12..]);
    bytes
}
