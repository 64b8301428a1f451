//! What a switch holds, in a form that does not depend on how it says it.

use ofp_codec::multipart::{MeterConfig, MultipartReply, MultipartReplyBody as Body};
use ofp_codec::{Band, Instruction, Match, Message, MeterFlags};
use rumpswitch_tests::contract::multipart;
use rumpswitch_tests::wire::{flow_request, matching};

use crate::bytes::{ANY, word};
use crate::peer::{Heard, Peer};

/// The questions that ask for it.
fn questions() -> Vec<u8> {
    [
        multipart(1, 1, 0, &flow_request(255, &matching(&[]))),
        multipart(2, 7, 0, &[]),
        multipart(3, 10, 0, &word(ANY)),
        multipart(4, 13, 0, &[]),
    ]
    .concat()
}

/// A match by its fields in order, without masks that say nothing.
fn canonical(given: &Match) -> String {
    let mut fields: Vec<String> = Vec::new();
    for oxm in given.fields() {
        let full = oxm.field.all_ones();
        let mask = oxm.effective_mask();
        if mask != 0 {
            let mask = if mask == full { String::new() } else { format!("/{mask:#x}") };
            fields.push(format!("{:?}={:#x}{mask}", oxm.field, oxm.value));
        }
    }
    fields.sort();
    fields.join(",")
}

/// Instructions in one order. Open vSwitch does not keep those that do nothing.
fn ordered(instructions: &[Instruction]) -> Vec<String> {
    let is_empty = |instruction: &&Instruction| matches!(instruction, Instruction::ApplyActions(list) | Instruction::WriteActions(list) if list.is_empty());
    let mut instructions: Vec<String> = instructions
        .iter()
        .filter(|instruction| !is_empty(instruction))
        .map(|instruction| format!("{instruction:?}"))
        .collect();
    instructions.sort();
    instructions
}

/// A meter; a burst size counts only with its flag, and Open vSwitch puts the rate in place of none.
fn meter(meter: &MeterConfig) -> String {
    let mut meter = meter.clone();
    let has_burst = meter.flags.contains(MeterFlags::BURST);
    for band in &mut meter.bands {
        let (Band::Drop { rate, burst_size } | Band::DscpRemark { rate, burst_size, .. }) = band
        else {
            continue;
        };
        if !has_burst || burst_size == rate {
            *burst_size = 0;
        }
    }
    format!("{meter:?}")
}

/// Entries, groups, meters and port configurations, one line each, sorted.
pub(crate) fn of<P: Peer>(peer: &mut P) -> Vec<String> {
    let Heard { messages, .. } = peer.say(&questions());
    let mut lines = Vec::new();
    for message in messages {
        let body = match Message::decode(&message) {
            Ok((_, Message::MultipartReply(MultipartReply { body, .. }))) => body,
            Ok((_, Message::PacketIn(_) | Message::FlowRemoved(_) | Message::PortStatus(_))) => {
                continue;
            }
            other => {
                lines.push(format!("cannot be read: {other:?}: {message:02x?}"));
                continue;
            }
        };
        match body {
            Body::Flow(flows) => lines.extend(flows.iter().map(|flow| {
                format!(
                    "flow {} {} {:#x} {}/{} {:?} [{}] {:?}",
                    flow.table_id.0,
                    flow.priority,
                    flow.cookie,
                    flow.idle_timeout,
                    flow.hard_timeout,
                    flow.flags,
                    canonical(&flow.matching),
                    ordered(&flow.instructions)
                )
            })),
            Body::GroupDesc(groups) => {
                lines.extend(groups.iter().map(|group| format!("{group:?}")))
            }
            Body::MeterConfig(meters) => lines.extend(meters.iter().map(meter)),
            Body::PortDesc(ports) => {
                lines.extend(
                    ports.iter().map(|port| format!("port {} {:?}", port.port_no.0, port.config)),
                );
            }
            other => lines.push(format!("unexpected: {other:?}")),
        }
    }
    lines.sort();
    lines
}
