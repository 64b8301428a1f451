//! Which rule of `rules.txt` explains that two switches answered otherwise: a rule goes with what one
//! of them said and with what is in the message.

use crate::bytes::{u16_at, u32_at};

/// Whether these bytes stand in the body at a multiple of 4, which is where structures begin.
fn has(message: &[u8], bytes: &[u8]) -> bool {
    (8..message.len()).step_by(4).any(|at| message[at..].starts_with(bytes))
}

/// Whether an action or instruction of this type may be there, of any length.
fn has_kind(message: &[u8], kind: u16) -> bool {
    has(message, &kind.to_be_bytes())
}

/// Whether a match or a set-field has this field.
fn has_field(message: &[u8], number: u8) -> bool {
    let of_class = |mask: u8| [0x80, 0, number << 1 | mask];
    message.windows(3).any(|bytes| bytes == of_class(0) || bytes == of_class(1))
}

/// Whether a match has a field of fewer bits than its bytes have.
fn has_spare_bits(message: &[u8]) -> bool {
    [6, 7, 8, 9, 28, 34, 35, 36, 39].iter().any(|field| has_field(message, *field))
}

/// The fields of a match that stands where flow-mods and requests for entries have it: header and
/// payload of each.
fn fields(message: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut fields = Vec::new();
    let mut rest = message.get(52..).unwrap_or_default();
    while let Some((header, after)) = rest.split_at_checked(4) {
        let Some((payload, after)) = after.split_at_checked(usize::from(header[3])) else { break };
        fields.push((header, payload));
        rest = after;
    }
    fields
}

/// Whether a match has a field of the classes NXM_0 and NXM_1.
fn has_old_class(message: &[u8]) -> bool {
    fields(message).iter().any(|(header, _)| matches!(header, [0, 0 | 1, ..]))
}

/// Whether a match has a field whose mask is all zeros.
fn has_zero_mask(message: &[u8]) -> bool {
    let is_zero = |(header, payload): &(&[u8], &[u8])| {
        header[2] & 1 == 1 && payload[payload.len() / 2..].iter().all(|byte| *byte == 0)
    };
    fields(message).iter().any(is_zero)
}

/// Whether a port is named that is none for a switch of 16-bit ports.
fn has_wide_port(message: &[u8]) -> bool {
    let is_wide = |at: usize| {
        message.len() >= at + 4 && (0xff00..=0xffff_ff00).contains(&u32_at(message, at))
    };
    // Of the message itself, by its type; then of outputs and of IN_PORT in a match.
    let places: &[usize] = match message[1] {
        13 => &[12],
        14 => &[36],
        18 => &[16, 20],
        22 => &[8],
        _ => &[],
    };
    let is_before = |at: &usize| {
        let head = &message[*at..*at + 4];
        *head == [0, 0, 0, 16] || matches!(head, [0x80, 0, 0, 4] | [0x80, 0, 1, 8])
    };
    let mut ports = (8..message.len().saturating_sub(7)).filter(is_before).map(|at| at + 4);
    let is_watched = message[1] == 15 && (16..message.len()).step_by(4).any(is_wide);
    places.iter().any(|at| is_wide(*at)) || ports.any(is_wide) || is_watched
}

fn is_any(answer: &str, of: &[&str]) -> bool {
    of.iter().any(|prefix| answer.starts_with(prefix))
}

/// A rule about what Open vSwitch refuses: whatever we say then.
fn theirs(message: &[u8], answer: &str) -> Option<u32> {
    let is = |of: &[&str]| is_any(answer, of);
    let kind = message[1];
    let changes_ttl_or_pbb = [11, 12, 26, 27].iter().any(|kind| has_kind(message, *kind));
    let settable = [5, 10, 36].iter().any(|field| has_field(message, *field));
    let unknown_to_them = [1, 37, 39].iter().any(|field| has_field(message, *field));
    if is(&["BAD_MATCH/BAD_FIELD"]) && unknown_to_them
        || is(&["BAD_MATCH/BAD_VALUE", "BAD_ACTION/BAD_SET_ARGUMENT"]) && has_field(message, 21)
    {
        return Some(8);
    }
    let is_discovery = has_field(message, 30) && (31..=33).any(|field| has_field(message, field));
    if is(&["BAD_MATCH/BAD_PREREQ", "BAD_ACTION/MATCH_INCONSISTENT"]) && is_discovery {
        return Some(8);
    }
    if is(&["experimenter 0x00002320/"]) && has_old_class(message) {
        return Some(13);
    }
    if is(&["experimenter 0x4f4e4600/2600"]) {
        return Some(9);
    }
    if is(&["experimenter 0x4f4e4600/4250"]) && has_kind(message, 25) {
        return Some(18);
    }
    let out_of_range =
        ["BAD_ACTION/BAD_OUT_PORT", "BAD_MATCH/BAD_VALUE", "GROUP_MOD_FAILED/BAD_WATCH"];
    if is(&out_of_range) && has_wide_port(message) {
        return Some(7);
    }
    if is(&["BAD_ACTION/BAD_TYPE"]) && changes_ttl_or_pbb {
        return Some(16);
    }
    if is(&["BAD_ACTION/BAD_TAG"]) && has_kind(message, 17) {
        return Some(17);
    }
    if is(&["BAD_ACTION/BAD_SET_ARGUMENT"]) && settable
        || is(&["BAD_ACTION/BAD_SET_LEN"]) && has_field(message, 37)
    {
        return Some(19);
    }
    if is(&["METER_MOD_FAILED/BAD_BAND"]) && has(message, &[0, 2, 0, 16]) {
        return Some(24);
    }
    if is(&["BAD_REQUEST/EPERM", "TABLE_MOD_FAILED/EPERM"]) && message.contains(&254) {
        return Some(4);
    }
    // In a packet-out the frame is in hand; a deletion carries nothing out.
    let is_deletion = kind == 14 && message.len() > 25 && message[25] >= 3;
    if is(&["BAD_ACTION/MATCH_INCONSISTENT"]) && kind == 13 {
        return Some(36);
    }
    if is(&["BAD_ACTION/MATCH_INCONSISTENT", "BAD_INSTRUCTION/BAD_TABLE_ID", "BAD_ACTION/BAD_TAG"])
        && is_deletion
    {
        return Some(37);
    }
    if is(&["BAD_MATCH/BAD_MASK"]) && has_spare_bits(message) {
        return Some(38);
    }
    (is(&["BAD_REQUEST/BAD_PORT"]) && kind == 13).then_some(29)
}

/// A rule about what we refuse: whatever they say then.
fn ours(message: &[u8], answer: &str) -> Option<u32> {
    let is = |of: &[&str]| is_any(answer, of);
    let kind = message[1];
    Some(match kind {
        9 if is(&["SWITCH_CONFIG_FAILED/BAD_FLAGS"]) && message[9] & 2 != 0 => 1,
        9 if is(&["SWITCH_CONFIG_FAILED/BAD_LEN"]) && u16_at(message, 10) > 0xffe5 => 2,
        13..=15
            if is(&["BAD_ACTION/BAD_OUT_PORT"]) && has(message, &0xffff_fff9_u32.to_be_bytes()) =>
        {
            12
        }
        13..=15
            if is(&["BAD_ACTION/BAD_OUT_PORT"]) && has(message, &[0, 0, 0, 0x10, 0, 0, 0, 0]) =>
        {
            14
        }
        13..=15 if is(&["BAD_ACTION/BAD_QUEUE"]) && has_kind(message, 21) => 15,
        13..=15 if is(&["BAD_ACTION/BAD_TYPE"]) && (1..=14).any(|kind| has_kind(message, kind)) => {
            13
        }
        13..=15 if is(&["BAD_ACTION/BAD_SET_TYPE"]) && has_kind(message, 25) => 18,
        14 if is(&["BAD_INSTRUCTION/BAD_TABLE_ID"]) && has(message, &[0, 1, 0, 8, 255]) => 10,
        14 | 18 if is(&["BAD_MATCH/BAD_MASK"]) && has_spare_bits(message) => 38,
        14 if is(&["METER_MOD_FAILED/UNKNOWN_METER"]) => 11,
        14 if is(&["BAD_ACTION/BAD_OUT_GROUP"]) && message[25] != 0 => 37,
        14 if is(&["BAD_ACTION/MATCH_INCONSISTENT"]) && has_kind(message, 3) => 37,
        15 if is(&["GROUP_MOD_FAILED/BAD_COMMAND"]) => 20,
        15 if is(&["GROUP_MOD_FAILED/INVALID_GROUP"]) && message[10] == 1 => 21,
        15 if is(&["GROUP_MOD_FAILED/BAD_WATCH"]) => 39,
        15 if is(&[
            "GROUP_MOD_FAILED/LOOP",
            "GROUP_MOD_FAILED/CHAINED",
            "BAD_ACTION/BAD_OUT_GROUP",
        ]) =>
        {
            23
        }
        18 if is(&["BAD_REQUEST/BAD_PORT"]) && message[9] == 4 => 25,
        16 if is(&["PORT_MOD_FAILED/BAD_CONFIG", "PORT_MOD_FAILED/BAD_ADVERTISE"]) => 26,
        17 if is(&["TABLE_MOD_FAILED/BAD_CONFIG"]) => 26,
        13 if is(&["BAD_REQUEST/BAD_PORT"]) => 29,
        13 if is(&["BAD_REQUEST/BAD_PACKET"]) => 30,
        _ => return None,
    })
}

/// Where a check stands in our order: header, fields of the message, match, instructions, actions,
/// consistency, state; the later, the higher.
fn stage(answer: &str, message: &[u8]) -> Option<u32> {
    let (kind, code) = answer.split_once('/')?;
    let is_whole = message.len() >= 24;
    Some(match (kind, code) {
        ("BAD_REQUEST", "BAD_VERSION") => 0,
        ("BAD_REQUEST", "BAD_TYPE") => 10,
        ("BAD_REQUEST", "BAD_MULTIPART") => 11,
        ("BAD_REQUEST", "BAD_LEN") => match message[1] {
            // The list of a packet-out; buckets and bands.
            13 if is_whole => 40,
            15 | 29 if message.len() > 16 => 69,
            _ => 20,
        },
        ("BAD_REQUEST", "BAD_EXPERIMENTER") => 30,
        ("BAD_REQUEST", "BUFFER_UNKNOWN") => 100,
        ("BAD_REQUEST", _) => 45,
        (_, "BAD_COMMAND") => 40,
        ("FLOW_MOD_FAILED" | "METER_MOD_FAILED", "BAD_FLAGS") => 41,
        ("FLOW_MOD_FAILED", "BAD_TABLE_ID") => 42,
        ("GROUP_MOD_FAILED", "BAD_TYPE") => 43,
        ("GROUP_MOD_FAILED", "INVALID_GROUP") => 44,
        ("METER_MOD_FAILED", "INVALID_METER") if message[1] == 29 => 44,
        ("BAD_MATCH", "BAD_TYPE") => 50,
        ("BAD_MATCH", "BAD_LEN") => 51,
        ("BAD_MATCH", "BAD_FIELD") => 52,
        ("BAD_MATCH", "BAD_WILDCARDS" | "BAD_MASK") => 53,
        ("BAD_MATCH", _) => 54,
        ("BAD_INSTRUCTION", "BAD_LEN") => 60,
        ("BAD_INSTRUCTION", _) => 61,
        ("GROUP_MOD_FAILED", "BAD_BUCKET") => 62,
        ("METER_MOD_FAILED", "BAD_RATE" | "BAD_BURST") => 63,
        ("METER_MOD_FAILED", "BAD_BAND") => 64,
        ("BAD_ACTION", "BAD_LEN") => 70,
        ("BAD_ACTION", "MATCH_INCONSISTENT" | "BAD_OUT_GROUP") => 80,
        ("BAD_ACTION", _) => 71,
        ("GROUP_MOD_FAILED", "BAD_WATCH" | "WATCH_UNSUPPORTED") => 90,
        ("PORT_MOD_FAILED", "BAD_CONFIG" | "BAD_ADVERTISE") => 40,
        (_, "BAD_PORT" | "BAD_HW_ADDR") => 41,
        ("FLOW_MOD_FAILED" | "GROUP_MOD_FAILED" | "METER_MOD_FAILED", _) => 100,
        _ => return None,
    })
}

/// Whether the message may have two actions, of which the first that is wrong is told; Open vSwitch
/// goes through them twice and looks at ports, groups and prerequisites last.
fn has_two_actions(message: &[u8]) -> bool {
    if message[1] == 13 {
        return message.len() > 24 && u16_at(message, 16) > 8;
    }
    let mut at = (8..message.len().saturating_sub(4)).step_by(4);
    at.any(|at| {
        let len = usize::from(u16_at(message, at + 2));
        message[at] == 0 && matches!(len, 8 | 16 | 24) && at + len < message.len()
    })
}

/// The rule by which these answers differ.
pub(crate) fn answers(message: &[u8], our: &str, their: &str) -> Option<u32> {
    let kind = message[1];
    let is_list = |kind: u8| message.len() > 9 && message[1] == 18 && message[9] == kind;
    match (our, their) {
        ("BAD_MATCH/BAD_TYPE", "BAD_MATCH/BAD_LEN") => return Some(5),
        ("BAD_MATCH/BAD_LEN", "BAD_MATCH/BAD_FIELD") => return Some(6),
        ("BAD_ACTION/BAD_SET_LEN", "BAD_ACTION/BAD_SET_TYPE") => return Some(6),
        ("BAD_MATCH/BAD_FIELD", _) if has_old_class(message) => return Some(13),
        ("GROUP_MOD_FAILED/BAD_BUCKET", "BAD_REQUEST/BAD_LEN")
        | ("BAD_ACTION/BAD_LEN" | "BAD_ACTION/BAD_SET_LEN", "BAD_MATCH/BAD_LEN") => {
            return Some(22);
        }
        (our, their) if our.starts_with("multipart 12") && their.starts_with("multipart 12") => {
            return Some(31);
        }
        ("QUEUE_OP_FAILED/BAD_PORT", "BAD_ACTION/BAD_OUT_PORT") if has_wide_port(message) => {
            return Some(7);
        }
        ("BAD_REQUEST/BAD_LEN", their)
            if their.starts_with("multipart") && (is_list(1) || is_list(2)) =>
        {
            return Some(35);
        }
        (our, their) if our.starts_with("multipart 3") && their.starts_with("multipart 3") => {
            return Some(4);
        }
        (our, "QUEUE_OP_FAILED/BAD_PORT") if our.starts_with("type 23") => return Some(32),
        (our, their) if our.starts_with("type 23") && their.starts_with("type 23") => {
            return Some(32);
        }
        (our, their)
            if is_any(our, &["multipart 1,", "multipart 2,"]) && is_any(their, &["multipart"]) =>
        {
            let is_hidden = message.get(16) == Some(&254);
            return if is_hidden { Some(4) } else { has_zero_mask(message).then_some(28) };
        }
        (_, their) if their.starts_with("multipart 5") => return Some(32),
        ("BAD_MATCH/DUP_FIELD", _) if has_zero_mask(message) => return Some(28),
        // Of a set-field.
        (our, "BAD_MATCH/BAD_LEN") if !our.starts_with("BAD_MATCH/") && has_kind(message, 25) => {
            return Some(22);
        }
        ("accepted", _) if kind == 1 => return Some(34),
        // Of buckets, bands and instructions that are cut, and of what follows a deletion's id.
        (_, "BAD_REQUEST/BAD_LEN")
            if matches!(kind, 14 | 15 | 18 | 29) && !message.len().is_multiple_of(8) =>
        {
            return Some(22);
        }
        _ => {}
    }
    if let Some(rule) = ours(message, our).or_else(|| theirs(message, their)) {
        return Some(rule);
    }
    let (first, second) = (stage(our, message)?, stage(their, message)?);
    // An action stands before the instruction behind it.
    let is_behind = is_any(our, &["BAD_ACTION/"])
        && is_any(their, &["BAD_ACTION/", "BAD_INSTRUCTION/"])
        && has_two_actions(message);
    (first < second || is_behind).then_some(33)
}

/// The rule by which two switches that took a message hold something else.
pub(crate) fn states(message: &[u8]) -> Option<u32> {
    if message[1] != 14 {
        return None;
    }
    if has_zero_mask(message) {
        return Some(28);
    }
    let is_discovery = has_field(message, 30) && (31..=33).any(|field| has_field(message, field));
    is_discovery.then_some(8)
}
