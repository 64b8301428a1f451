//! OpenFlow by hand: pieces of messages that a test puts together, right or wrong on purpose.

use crate::contract::message;

/// An OXM TLV of the basic class.
pub fn oxm(field: u8, value: &[u8]) -> Vec<u8> {
    oxm_class(0x8000, field, false, value)
}

/// An OXM TLV of the basic class with a mask.
pub fn oxm_masked(field: u8, value: &[u8], mask: &[u8]) -> Vec<u8> {
    oxm_class(0x8000, field, true, &[value, mask].concat())
}

/// An OXM TLV of any class.
pub fn oxm_class(class: u16, field: u8, has_mask: bool, payload: &[u8]) -> Vec<u8> {
    let mut tlv = class.to_be_bytes().to_vec();
    tlv.push(field << 1 | u8::from(has_mask));
    tlv.push(payload.len() as u8);
    tlv.extend_from_slice(payload);
    tlv
}

/// A match of these TLVs, padded.
pub fn matching(tlvs: &[Vec<u8>]) -> Vec<u8> {
    let content = tlvs.concat();
    matching_raw(1, 4 + content.len() as u16, &content)
}

/// A match with any type and length.
pub fn matching_raw(kind: u16, len: u16, content: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes
}

/// A structure of type, length and content, whose length is right: an action or an instruction.
pub fn tlv(kind: u16, content: &[u8]) -> Vec<u8> {
    tlv_len(kind, 4 + content.len() as u16, content)
}

/// The same with any length in it.
pub fn tlv_len(kind: u16, len: u16, content: &[u8]) -> Vec<u8> {
    let mut bytes = kind.to_be_bytes().to_vec();
    bytes.extend_from_slice(&len.to_be_bytes());
    bytes.extend_from_slice(content);
    bytes
}

/// OFPAT_OUTPUT.
pub fn output(port: u32) -> Vec<u8> {
    let mut content = port.to_be_bytes().to_vec();
    content.extend_from_slice(&[0xff, 0xff, 0, 0, 0, 0, 0, 0]);
    tlv(0, &content)
}

/// OFPAT_SET_FIELD of one TLV.
pub fn set_field(oxm: &[u8]) -> Vec<u8> {
    let mut content = oxm.to_vec();
    content.resize((4 + oxm.len()).next_multiple_of(8) - 4, 0);
    tlv(25, &content)
}

/// OFPIT_APPLY_ACTIONS.
pub fn apply(actions: &[Vec<u8>]) -> Vec<u8> {
    tlv(4, &[vec![0; 4], actions.concat()].concat())
}

/// OFPIT_WRITE_ACTIONS.
pub fn write(actions: &[Vec<u8>]) -> Vec<u8> {
    tlv(3, &[vec![0; 4], actions.concat()].concat())
}

/// OFPIT_GOTO_TABLE.
pub fn goto(table: u8) -> Vec<u8> {
    tlv(1, &[table, 0, 0, 0])
}

/// A flow-mod before its match: what stands in front.
#[derive(Clone, Copy, Debug)]
pub struct FlowMod {
    /// The table.
    pub table: u8,
    /// The command.
    pub command: u8,
    /// The priority.
    pub priority: u16,
    /// The flags.
    pub flags: u16,
    /// The buffer.
    pub buffer_id: u32,
    /// The cookie.
    pub cookie: u64,
}

impl Default for FlowMod {
    fn default() -> FlowMod {
        FlowMod { table: 0, command: 0, priority: 100, flags: 0, buffer_id: u32::MAX, cookie: 1 }
    }
}

impl FlowMod {
    /// The message, with this match and these instructions.
    pub fn message(&self, xid: u32, matching: &[u8], instructions: &[Vec<u8>]) -> Vec<u8> {
        let mut body = self.cookie.to_be_bytes().to_vec();
        body.extend_from_slice(&[0; 8]);
        body.extend_from_slice(&[self.table, self.command, 0, 0, 0, 0]);
        body.extend_from_slice(&self.priority.to_be_bytes());
        body.extend_from_slice(&self.buffer_id.to_be_bytes());
        body.extend_from_slice(&[0xff; 8]);
        body.extend_from_slice(&self.flags.to_be_bytes());
        body.extend_from_slice(&[0; 2]);
        body.extend_from_slice(matching);
        body.extend_from_slice(&instructions.concat());
        message(14, xid, &body)
    }
}

/// A bucket with the right length.
pub fn bucket(weight: u16, watch_port: u32, watch_group: u32, actions: &[Vec<u8>]) -> Vec<u8> {
    let actions = actions.concat();
    bucket_len(16 + actions.len() as u16, weight, watch_port, watch_group, &actions)
}

/// A bucket with any length in it.
pub fn bucket_len(
    len: u16,
    weight: u16,
    watch_port: u32,
    watch_group: u32,
    actions: &[u8],
) -> Vec<u8> {
    let mut bytes = len.to_be_bytes().to_vec();
    bytes.extend_from_slice(&weight.to_be_bytes());
    bytes.extend_from_slice(&watch_port.to_be_bytes());
    bytes.extend_from_slice(&watch_group.to_be_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(actions);
    bytes
}

/// OFPT_GROUP_MOD.
pub fn group_mod(xid: u32, command: u16, kind: u8, id: u32, buckets: &[Vec<u8>]) -> Vec<u8> {
    let mut body = command.to_be_bytes().to_vec();
    body.extend_from_slice(&[kind, 0]);
    body.extend_from_slice(&id.to_be_bytes());
    body.extend_from_slice(&buckets.concat());
    message(15, xid, &body)
}

/// OFPT_METER_MOD.
pub fn meter_mod(xid: u32, command: u16, flags: u16, id: u32, bands: &[Vec<u8>]) -> Vec<u8> {
    let mut body = command.to_be_bytes().to_vec();
    body.extend_from_slice(&flags.to_be_bytes());
    body.extend_from_slice(&id.to_be_bytes());
    body.extend_from_slice(&bands.concat());
    message(29, xid, &body)
}

/// A meter band.
pub fn band(kind: u16, rate: u32, burst: u32, rest: &[u8]) -> Vec<u8> {
    tlv(kind, &[&rate.to_be_bytes()[..], &burst.to_be_bytes(), rest].concat())
}

/// OFPT_PACKET_OUT.
pub fn packet_out(
    xid: u32,
    buffer_id: u32,
    in_port: u32,
    actions: &[Vec<u8>],
    frame: &[u8],
) -> Vec<u8> {
    let actions = actions.concat();
    packet_out_len(xid, buffer_id, in_port, actions.len() as u16, &actions, frame)
}

/// OFPT_PACKET_OUT with any `actions_len`.
pub fn packet_out_len(
    xid: u32,
    buffer_id: u32,
    in_port: u32,
    actions_len: u16,
    actions: &[u8],
    frame: &[u8],
) -> Vec<u8> {
    let mut body = buffer_id.to_be_bytes().to_vec();
    body.extend_from_slice(&in_port.to_be_bytes());
    body.extend_from_slice(&actions_len.to_be_bytes());
    body.extend_from_slice(&[0; 6]);
    body.extend_from_slice(actions);
    body.extend_from_slice(frame);
    message(13, xid, &body)
}

/// OFPT_ROLE_REQUEST.
pub fn role(xid: u32, role: u32, generation_id: u64) -> Vec<u8> {
    let mut body = role.to_be_bytes().to_vec();
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&generation_id.to_be_bytes());
    message(24, xid, &body)
}

/// OFPT_SET_ASYNC: packet-in, port-status and flow-removed masks, each for master/equal and slave.
pub fn set_async(xid: u32, masks: [u32; 6]) -> Vec<u8> {
    message(28, xid, &masks.map(u32::to_be_bytes).concat())
}

/// OFPT_SET_CONFIG.
pub fn set_config(xid: u32, flags: u16, miss_send_len: u16) -> Vec<u8> {
    message(9, xid, &[flags.to_be_bytes(), miss_send_len.to_be_bytes()].concat())
}

/// OFPT_PORT_MOD.
pub fn port_mod(
    xid: u32,
    port: u32,
    hw_addr: [u8; 6],
    config: u32,
    mask: u32,
    advertise: u32,
) -> Vec<u8> {
    let mut body = port.to_be_bytes().to_vec();
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&hw_addr);
    body.extend_from_slice(&[0; 2]);
    for word in [config, mask, advertise, 0] {
        body.extend_from_slice(&word.to_be_bytes());
    }
    message(16, xid, &body)
}

/// OFPT_TABLE_MOD.
pub fn table_mod(xid: u32, table: u8, config: u32) -> Vec<u8> {
    let mut body = vec![table, 0, 0, 0];
    body.extend_from_slice(&config.to_be_bytes());
    message(17, xid, &body)
}

/// OFPT_EXPERIMENTER.
pub fn experimenter(xid: u32, experimenter: u32, kind: u32, body: &[u8]) -> Vec<u8> {
    message(4, xid, &[&experimenter.to_be_bytes()[..], &kind.to_be_bytes(), body].concat())
}

/// The body of OFPMP_FLOW and OFPMP_AGGREGATE.
pub fn flow_request(table: u8, matching: &[u8]) -> Vec<u8> {
    let mut body = vec![table, 0, 0, 0];
    body.extend_from_slice(&[0xff; 8]);
    body.extend_from_slice(&[0; 20]);
    body.extend_from_slice(matching);
    body
}
