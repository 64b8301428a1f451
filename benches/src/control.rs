//! Streams of OpenFlow messages, as controllers send them, for the benches of the device.

use datapath::{PortConfig, Switch, SwitchConfig};
use hypercall::{Nanos, Port};
use ofp_codec::{
    Action, FlowMod, FlowModCommand, Instruction, Match, Message, NO_BUFFER, Oxm, OxmField,
    PacketOut, PortNo,
};
use switch_dev::{ChannelId, ChannelKind, Device, DeviceConfig, DeviceError};

use crate::Recycler;

/// A device with four ports, and a channel that is up.
pub fn device() -> (Device, ChannelId, Recycler) {
    let mut switch = Switch::new(SwitchConfig::default());
    for port in 1..=4 {
        let config = PortConfig::new(Port(port), "port");
        switch.tables.port_add(Nanos(0), config).expect("the ports are new");
    }
    let (mut device, mut host) =
        (Device::new(DeviceConfig::default(), switch), Recycler::default());
    let channel = device.open(Nanos(0), ChannelKind::Active).expect("the first one");
    write(&mut device, channel, &mut host, &encoded([Message::Hello(Default::default())]));
    (device, channel, host)
}

/// Writes all of `bytes` in pieces as a socket gives them, reading what the device has to say;
/// returns bytes read.
pub fn write(device: &mut Device, channel: ChannelId, host: &mut Recycler, bytes: &[u8]) -> usize {
    let (mut read, mut buffer) = (0, vec![0; PIECE_LEN]);
    for piece in bytes.chunks(PIECE_LEN) {
        let mut rest = piece;
        while !rest.is_empty() {
            match device.write(channel, Nanos(1), host, rest) {
                Ok(len) => rest = &rest[len..],
                Err(DeviceError::WouldBlock) => device.tick(Nanos(1), host),
                Err(error) => panic!("{error:?}"),
            }
            while let Ok(len @ 1..) = device.read(channel, Nanos(1), &mut buffer) {
                read += len;
            }
        }
    }
    read
}

/// Bytes that the connections of a process read in one go.
const PIECE_LEN: usize = 68 * 1024;

/// Messages one behind the other.
pub fn encoded(messages: impl IntoIterator<Item = Message>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (xid, message) in (1..).zip(messages) {
        message.encode(xid, &mut bytes).expect("short enough");
    }
    bytes
}

/// Flow-mods about `count` entries with IPv4 addresses in `mask_count` different masks.
pub fn flow_mods(command: FlowModCommand, count: u32, mask_count: u32) -> Vec<u8> {
    encoded((0..count).map(|n| Message::FlowMod(flow_mod(command, n, mask_count, 2))))
}

/// The `n`th of [`flow_mods`], which sends to `port`.
pub fn flow_mod(command: FlowModCommand, n: u32, mask_count: u32, port: u32) -> FlowMod {
    let kind = n % mask_count;
    let (source, destination) = match mask_count {
        1 => (u32::MAX, u32::MAX),
        _ => (u32::MAX << (kind % 32 / 2), u32::MAX << (kind / 32)),
    };
    let field = |field, value: u32, mask: u32| match mask {
        u32::MAX => Oxm::new(field, value.into()),
        mask => Oxm::masked(field, (value & mask).into(), mask.into()),
    };
    let matching = Match::new([
        Oxm::new(OxmField::EthType, 0x0800),
        field(OxmField::Ipv4Src, n.wrapping_mul(0x9e37_79b1), source),
        field(OxmField::Ipv4Dst, 0x0b00_0000_u32.wrapping_add(n << 9), destination),
    ]);
    FlowMod {
        command,
        priority: 100,
        matching: matching.expect("with what it needs"),
        instructions: vec![Instruction::ApplyActions(vec![Action::output(PortNo(port))])],
        ..FlowMod::default()
    }
}

/// `count` packet-outs of 60 bytes to a port, or with no action.
pub fn packet_outs(count: usize, port: Option<PortNo>) -> Vec<u8> {
    let message = PacketOut {
        buffer_id: NO_BUFFER,
        in_port: PortNo::CONTROLLER,
        actions: port.into_iter().map(Action::output).collect(),
        data: crate::udp(7),
    };
    encoded((0..count).map(|_| Message::PacketOut(message.clone())))
}
