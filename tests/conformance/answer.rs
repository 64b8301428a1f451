//! Answers in words, so that two switches can be compared and a table can be read.

use crate::peer::Heard;

/// Names of the error types and of their codes, by number.
pub(crate) const ERRORS: [(&str, &str); 14] = [
    ("HELLO_FAILED", "INCOMPATIBLE EPERM"),
    (
        "BAD_REQUEST",
        "BAD_VERSION BAD_TYPE BAD_MULTIPART BAD_EXPERIMENTER BAD_EXP_TYPE EPERM BAD_LEN BUFFER_EMPTY \
         BUFFER_UNKNOWN BAD_TABLE_ID IS_SLAVE BAD_PORT BAD_PACKET MULTIPART_BUFFER_OVERFLOW",
    ),
    (
        "BAD_ACTION",
        "BAD_TYPE BAD_LEN BAD_EXPERIMENTER BAD_EXP_TYPE BAD_OUT_PORT BAD_ARGUMENT EPERM TOO_MANY BAD_QUEUE \
         BAD_OUT_GROUP MATCH_INCONSISTENT UNSUPPORTED_ORDER BAD_TAG BAD_SET_TYPE BAD_SET_LEN \
         BAD_SET_ARGUMENT",
    ),
    (
        "BAD_INSTRUCTION",
        "UNKNOWN_INST UNSUP_INST BAD_TABLE_ID UNSUP_METADATA UNSUP_METADATA_MASK BAD_EXPERIMENTER \
         BAD_EXP_TYPE BAD_LEN EPERM",
    ),
    (
        "BAD_MATCH",
        "BAD_TYPE BAD_LEN BAD_TAG BAD_DL_ADDR_MASK BAD_NW_ADDR_MASK BAD_WILDCARDS BAD_FIELD BAD_VALUE \
         BAD_MASK BAD_PREREQ DUP_FIELD EPERM",
    ),
    (
        "FLOW_MOD_FAILED",
        "UNKNOWN TABLE_FULL BAD_TABLE_ID OVERLAP EPERM BAD_TIMEOUT BAD_COMMAND BAD_FLAGS",
    ),
    (
        "GROUP_MOD_FAILED",
        "GROUP_EXISTS INVALID_GROUP WEIGHT_UNSUPPORTED OUT_OF_GROUPS OUT_OF_BUCKETS CHAINING_UNSUPPORTED \
         WATCH_UNSUPPORTED LOOP UNKNOWN_GROUP CHAINED_GROUP BAD_TYPE BAD_COMMAND BAD_BUCKET BAD_WATCH EPERM",
    ),
    ("PORT_MOD_FAILED", "BAD_PORT BAD_HW_ADDR BAD_CONFIG BAD_ADVERTISE EPERM"),
    ("TABLE_MOD_FAILED", "BAD_TABLE BAD_CONFIG EPERM"),
    ("QUEUE_OP_FAILED", "BAD_PORT BAD_QUEUE EPERM"),
    ("SWITCH_CONFIG_FAILED", "BAD_FLAGS BAD_LEN EPERM"),
    ("ROLE_REQUEST_FAILED", "STALE UNSUP BAD_ROLE"),
    (
        "METER_MOD_FAILED",
        "UNKNOWN METER_EXISTS INVALID_METER UNKNOWN_METER BAD_COMMAND BAD_FLAGS BAD_RATE BAD_BURST BAD_BAND \
         BAD_BAND_VALUE OUT_OF_METERS OUT_OF_BANDS",
    ),
    ("TABLE_FEATURES_FAILED", "BAD_TABLE BAD_METADATA BAD_TYPE BAD_LEN BAD_ARGUMENT EPERM"),
];

fn word(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// `TYPE/CODE` of an error, or its experimenter and type.
fn error(bytes: &[u8]) -> String {
    let (kind, code) = (word(bytes, 8), word(bytes, 10));
    if kind == 0xffff {
        let experimenter = u32::from_be_bytes(bytes[12..16].try_into().unwrap());
        return format!("experimenter {experimenter:#010x}/{code}");
    }
    let name = ERRORS.get(usize::from(kind)).and_then(|(name, codes)| {
        Some(format!("{name}/{}", codes.split_whitespace().nth(usize::from(code))?))
    });
    name.unwrap_or_else(|| format!("error {kind}/{code}"))
}

/// `accepted` when nothing came, else what came in words.
pub(crate) fn describe(heard: &Heard) -> String {
    let mut words = match &heard.messages[..] {
        [] => if heard.is_closed { "nothing" } else { "accepted" }.to_owned(),
        [message, rest @ ..] => {
            let first = match message[1] {
                1 => error(message),
                19 => format!("multipart {}, {} bytes", word(message, 8), message.len()),
                kind => format!("type {kind}, {} bytes", message.len()),
            };
            match rest {
                [] => first,
                _ if message[1] == 19 && rest.iter().all(|part| part[1] == 19) => {
                    format!("{first} and more parts")
                }
                [last] if last[1] == 1 => format!("{first}, then {}", error(last)),
                _ => format!("{first} and {} more", rest.len()),
            }
        }
    };
    if heard.is_closed {
        words += ", closed";
    }
    words
}
