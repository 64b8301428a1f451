//! Requests for a device under fuzz: right ones, changed ones, and bytes in a frame.

use ofp_codec::multipart::{FlowStatsRequest, MultipartRequest, MultipartRequestBody};
use ofp_codec::{
    FlowMod, GroupModCommand, Message, MessageType, MeterModCommand, NO_BUFFER, PacketOut, PortNo,
    TableId,
};

use crate::contract::{echo, message, multipart};
use crate::generate::{GROUPS, actions, flows, frames, matches};
use crate::oracle::Received;
use crate::random::Random;
use crate::wire::{experimenter, port_mod, role, set_async, set_config, table_mod};

/// ONF's number, under which bundles and flow monitors go.
const ONF: u32 = 0x4f4e_4600;

/// The bytes of a request with this transaction id: most often a right one.
pub(super) fn request(random: &mut Random, xid: u32) -> Vec<u8> {
    let mut bytes = match random.weighted(&[70, 30]) {
        0 => right(random, xid),
        _ => {
            let kind = random.below(32) as u8;
            let len = random.below(80);
            message(kind, xid, &random.list(len, |random| random.below(256) as u8))
        }
    };
    if random.chance(25) {
        mutate(random, &mut bytes);
    }
    bytes
}

/// Changes bytes behind the header; the length stays true.
fn mutate(random: &mut Random, bytes: &mut Vec<u8>) {
    for _ in 0..1 + random.below(3) {
        if bytes.len() <= 8 {
            bytes.extend([0; 8]);
        }
        let at = 8 + random.below(bytes.len() - 8);
        match random.below(5) {
            0 => bytes[at] = random.below(256) as u8,
            1 => bytes[at] ^= 1 << random.below(8),
            2 => bytes[at] = random.pick(&[0, 1, 4, 8, 16, 0x7f, 0x80, 0xfe, 0xff]),
            3 => bytes.truncate(at),
            _ => {
                let more = random.list(8, |random| random.below(256) as u8);
                bytes.extend(more);
            }
        }
    }
    let len = bytes.len() as u16;
    bytes[2..4].copy_from_slice(&len.to_be_bytes());
}

fn encoded(message: Message, xid: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    match message.encode(xid, &mut bytes) {
        Ok(()) => bytes,
        Err(_) => echo(xid, &[]),
    }
}

fn right(random: &mut Random, xid: u32) -> Vec<u8> {
    match random.weighted(&[30, 12, 8, 12, 14, 10, 8, 4, 6]) {
        0 => encoded(Message::FlowMod(flow_mod(random)), xid),
        1 => {
            let command = random.pick(&[
                GroupModCommand::Add,
                GroupModCommand::Add,
                GroupModCommand::Modify,
                GroupModCommand::Delete,
            ]);
            let id = random.below(GROUPS as usize) as u32;
            let mut group = flows::group_mod(random, command, id);
            if command == GroupModCommand::Delete {
                group.buckets.clear();
            }
            encoded(Message::GroupMod(group), xid)
        }
        2 => {
            let command = random.pick(&[
                MeterModCommand::Add,
                MeterModCommand::Modify,
                MeterModCommand::Delete,
            ]);
            let id = flows::meter_id(random);
            encoded(Message::MeterMod(flows::meter_mod(random, command, id)), xid)
        }
        3 => {
            let count = random.below(4);
            let mut actions = random.list(count, actions::action);
            if random.chance(40) {
                actions.push(ofp_codec::Action::output(PortNo::TABLE));
            }
            let in_port = PortNo(random.pick(&[1, 2, 3, PortNo::CONTROLLER.0]));
            let mut data = frames::frame(random);
            data.resize(data.len().max(14), 0);
            let out = PacketOut { buffer_id: NO_BUFFER, in_port, actions, data };
            encoded(Message::PacketOut(out), xid)
        }
        4 => ask_statistics(random, xid),
        5 => onf(random, xid),
        6 => configure(random, xid),
        7 => echo(xid, &[0xec; 40][..random.below(40)]),
        _ => message(random.pick(&[5, 7, 20, 26, 0, 3]), xid, &[]),
    }
}

fn flow_mod(random: &mut Random) -> FlowMod {
    let count = 1 + random.below(2);
    let pool = random.list(count, |random| Received {
        port: random.pick(&[1, 2, 3]),
        phy_port: 0,
        tunnel_id: 0,
        frame: frames::frame(random),
    });
    let flow = flows::flow_mod(random, &pool, &mut Vec::new());
    FlowMod { buffer_id: if random.chance(3) { 5 } else { NO_BUFFER }, ..flow }
}

fn ask_statistics(random: &mut Random, xid: u32) -> Vec<u8> {
    if random.chance(50) {
        let kind = random.pick(&[0, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 0xffff]);
        let more = u16::from(random.chance(15));
        let body = [[0xff; 4], [0; 4]].concat();
        let body = &body[..random.pick(&[0, 8, 8])];
        return multipart(xid, kind, more, body);
    }
    let request = FlowStatsRequest {
        table_id: random.pick(&[TableId::ALL, TableId(0), TableId(3)]),
        matching: matches::made_up(random),
        ..FlowStatsRequest::default()
    };
    let body = match random.chance(50) {
        true => MultipartRequestBody::Flow(request),
        false => MultipartRequestBody::Aggregate(request),
    };
    let request = MultipartRequest { flags: Default::default(), body };
    encoded(Message::MultipartRequest(request), xid)
}

/// Bundles and flow monitors.
fn onf(random: &mut Random, xid: u32) -> Vec<u8> {
    let id = random.below(3) as u32;
    match random.weighted(&[5, 5, 3]) {
        0 => {
            let kind = random.pick(&[0u16, 2, 4, 4, 6]);
            let flags = random.pick(&[0u16, 1, 2, 3]);
            let body = [&id.to_be_bytes()[..], &kind.to_be_bytes(), &flags.to_be_bytes()].concat();
            experimenter(xid, ONF, 2300, &body)
        }
        1 => {
            let inner = match random.chance(80) {
                true => encoded(Message::FlowMod(flow_mod(random)), xid),
                false => configure(random, xid),
            };
            let flags = random.pick(&[0, 1, 2, 3]);
            let body = [&id.to_be_bytes()[..], &[0, 0, 0, flags], &inner].concat();
            experimenter(xid, ONF, 2301, &body)
        }
        _ => {
            let (flags, table) = (random.pick(&[0x3f, 0x0f, 0x41]), random.pick(&[0xff, 0]));
            let mut body = [&ONF.to_be_bytes()[..], &1870u32.to_be_bytes()].concat();
            body.extend(id.to_be_bytes());
            body.extend([0, flags, 0, 4, 0xff, 0xff, 0xff, 0xff, table, 0, 0, 0]);
            body.extend([0, 1, 0, 4, 0, 0, 0, 0]);
            multipart(xid, 0xffff, 0, &body)
        }
    }
}

fn configure(random: &mut Random, xid: u32) -> Vec<u8> {
    match random.below(5) {
        0 => {
            let generation = random.below(4) as u64;
            role(xid, random.below(4) as u32, generation)
        }
        1 => set_config(xid, random.below(3) as u16, 128),
        2 => {
            let bits: Vec<u32> = random.list(6, |random| random.pick(&[0, 7, 0x1f]));
            set_async(xid, [bits[0], bits[1], bits[2], bits[3], bits[4], bits[5]])
        }
        3 => {
            let port = 1 + random.below(4) as u32;
            let config = random.pick(&[0, 1, 4, 0x20, 0x40]);
            port_mod(xid, port, [0; 6], config, 0x65, 0)
        }
        _ => table_mod(xid, random.pick(&[0, 3, 0xff]), random.below(4) as u32),
    }
}

/// The types by which a request of this type is answered, an error aside; `None` when it is not, or
/// need not be.
pub(super) fn answer_of(kind: u8) -> Option<MessageType> {
    Some(match MessageType::from_number(kind)? {
        MessageType::EchoRequest => MessageType::EchoReply,
        MessageType::FeaturesRequest => MessageType::FeaturesReply,
        MessageType::GetConfigRequest => MessageType::GetConfigReply,
        MessageType::BarrierRequest => MessageType::BarrierReply,
        MessageType::QueueGetConfigRequest => MessageType::QueueGetConfigReply,
        MessageType::RoleRequest => MessageType::RoleReply,
        MessageType::GetAsyncRequest => MessageType::GetAsyncReply,
        MessageType::MultipartRequest => MessageType::MultipartReply,
        _ => return None,
    })
}
