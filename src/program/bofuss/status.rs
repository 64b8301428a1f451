//! What `dpctl status` asks and `ofprotocol` answers: the status messages of the first OpenFlow
//! switch, an experimenter's request with nothing in it and a reply of `name=value` lines.

use rumpswitch::ofp_codec::Message;

/// Nicira's experimenter id.
const EXPERIMENTER: u32 = 0x2320;
const REQUEST: u32 = 0;
const REPLY: u32 = 1;

/// The question.
pub(super) fn request() -> Message {
    Message::Experimenter { experimenter: EXPERIMENTER, exp_type: REQUEST, data: Vec::new() }
}

/// Whether these bytes are the question.
pub(super) fn is_request(bytes: &[u8]) -> bool {
    matches!(
        Message::decode(bytes),
        Ok((_, Message::Experimenter { experimenter: EXPERIMENTER, exp_type: REQUEST, .. }))
    )
}

/// The answer.
pub(super) fn reply(text: String) -> Message {
    let data = text.into_bytes();
    Message::Experimenter { experimenter: EXPERIMENTER, exp_type: REPLY, data }
}

/// The text of the answer, when it is one.
pub(super) fn text(message: &Message) -> Option<String> {
    match message {
        Message::Experimenter { experimenter: EXPERIMENTER, exp_type: REPLY, data } => {
            Some(String::from_utf8_lossy(data).into_owned())
        }
        _ => None,
    }
}
