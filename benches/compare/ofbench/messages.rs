//! The few messages of OpenFlow 1.3 that are sent, byte by byte: the client shares nothing with the
//! switches that it measures.

pub(crate) const HELLO: u8 = 0;
pub(crate) const ERROR: u8 = 1;
pub(crate) const ECHO_REQUEST: u8 = 2;
pub(crate) const ECHO_REPLY: u8 = 3;
pub(crate) const FEATURES_REQUEST: u8 = 5;
pub(crate) const FEATURES_REPLY: u8 = 6;
pub(crate) const PACKET_IN: u8 = 10;
const PACKET_OUT: u8 = 13;
const FLOW_MOD: u8 = 14;
pub(crate) const BARRIER_REQUEST: u8 = 20;
pub(crate) const BARRIER_REPLY: u8 = 21;

/// The port that stands for the flow tables.
pub(crate) const TABLE: u32 = 0xffff_fff9;
/// The port that stands for the controllers.
pub(crate) const CONTROLLER: u32 = 0xffff_fffd;
const ANY: u32 = 0xffff_ffff;

/// What a flow-mod does.
#[derive(Clone, Copy)]
pub(crate) enum Command {
    Add = 0,
    ModifyStrict = 2,
    Delete = 3,
    DeleteStrict = 4,
}

/// IPv4 source and destination, each with its mask.
pub(crate) type Addresses = [(u32, u32); 2];

/// Type, length and transaction of the message that `bytes` begin with.
pub(crate) fn header(bytes: &[u8]) -> Option<(u8, usize, u32)> {
    let &[_, kind, high, low, a, b, c, d, ..] = bytes else { return None };
    Some((kind, usize::from(u16::from_be_bytes([high, low])), u32::from_be_bytes([a, b, c, d])))
}

/// A message of nothing but a header.
pub(crate) fn empty(out: &mut Vec<u8>, kind: u8, xid: u32) {
    let start = begin(out, kind, xid);
    end(out, start);
}

/// A flow-mod of table 0 (a deletion: of all tables) with an output.
pub(crate) fn flow_mod(
    out: &mut Vec<u8>,
    xid: u32,
    command: Command,
    priority: u16,
    addresses: Option<Addresses>,
    port: Option<u32>,
) {
    let start = begin(out, FLOW_MOD, xid);
    out.extend([0; 16]);
    let table_id = if matches!(command, Command::Delete) { 0xff } else { 0 };
    out.extend([table_id, command as u8, 0, 0, 0, 0]);
    out.extend(priority.to_be_bytes());
    // Neither buffer nor filter by port or group.
    out.extend([0xff; 12]);
    out.extend([0; 4]);
    let match_start = out.len();
    out.extend([0, 1, 0, 0]);
    if let Some([source, destination]) = addresses {
        out.extend([0x80, 0, 0x0a, 2, 8, 0]);
        address(out, 11, source);
        address(out, 12, destination);
    }
    let len = (out.len() - match_start) as u16;
    out[match_start + 2..match_start + 4].copy_from_slice(&len.to_be_bytes());
    out.resize(match_start + usize::from(len).next_multiple_of(8), 0);
    if let Some(port) = port {
        out.extend([0, 4, 0, 24, 0, 0, 0, 0]);
        output(out, port);
    }
    end(out, start);
}

/// A packet-out of a frame from the controller, to a port or nowhere.
pub(crate) fn packet_out(out: &mut Vec<u8>, xid: u32, port: Option<u32>, frame: &[u8]) {
    let start = begin(out, PACKET_OUT, xid);
    out.extend(ANY.to_be_bytes());
    out.extend(CONTROLLER.to_be_bytes());
    out.extend([0, if port.is_some() { 16 } else { 0 }, 0, 0, 0, 0, 0, 0]);
    if let Some(port) = port {
        output(out, port);
    }
    out.extend_from_slice(frame);
    end(out, start);
}

/// A UDP frame of 60 bytes from 10.0.0.0 plus `source`.
pub(crate) fn frame(source: u32) -> [u8; 60] {
    let mut frame = [0; 60];
    frame[..14].copy_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
    frame[14..26].copy_from_slice(&[0x45, 0, 0, 46, 0, 0, 0x40, 0, 64, 17, 0, 0]);
    frame[26..30].copy_from_slice(&(0x0a00_0000 + source).to_be_bytes());
    frame[30..34].copy_from_slice(&[10, 0, 0, 2]);
    frame[34..42].copy_from_slice(&[0, 9, 0, 9, 0, 26, 0, 0]);
    frame
}

fn begin(out: &mut Vec<u8>, kind: u8, xid: u32) -> usize {
    let start = out.len();
    out.extend([4, kind, 0, 0]);
    out.extend(xid.to_be_bytes());
    start
}

fn end(out: &mut [u8], start: usize) {
    let len = (out.len() - start) as u16;
    out[start + 2..start + 4].copy_from_slice(&len.to_be_bytes());
}

fn address(out: &mut Vec<u8>, field: u8, (address, mask): (u32, u32)) {
    if mask == u32::MAX {
        out.extend([0x80, 0, field << 1, 4]);
        out.extend(address.to_be_bytes());
    } else {
        out.extend([0x80, 0, field << 1 | 1, 8]);
        out.extend((address & mask).to_be_bytes());
        out.extend(mask.to_be_bytes());
    }
}

fn output(out: &mut Vec<u8>, port: u32) {
    out.extend([0, 0, 0, 16]);
    out.extend(port.to_be_bytes());
    out.extend([0xff, 0xff, 0, 0, 0, 0, 0, 0]);
}
