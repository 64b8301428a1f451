//! Bytes as a message: they are refused, or mean what they mean for good.

use ofp_codec::{HEADER_LEN, Header, Message, VERSION};

/// Takes the bytes as a message as they are, and, put behind a right header, as the body of a message
/// of the type that the first one names.
pub fn codec(bytes: &[u8]) {
    if let Ok((header, message)) = Message::decode(bytes) {
        there_and_back(&message, header.xid);
    }
    let Some((kind, body)) = bytes.split_first() else { return };
    let Ok(length) = u16::try_from(body.len() + HEADER_LEN) else { return };
    let header = Header { version: VERSION, kind: *kind, length, xid: 7 };
    match Message::decode_body(header, body) {
        Ok(message) => there_and_back(&message, 7),
        Err(error) => assert!(error.offset <= usize::from(length), "{error}"),
    }
}

/// What was decoded encodes to bytes that decode to the same, and encode to the same bytes.
pub(super) fn there_and_back(message: &Message, xid: u32) {
    let mut bytes = Vec::new();
    message.encode(xid, &mut bytes).expect("what came in one message fits one message");
    let (header, again) = Message::decode(&bytes).expect("what was encoded can be decoded");
    assert_eq!(usize::from(header.length), bytes.len());
    assert_eq!(&again, message);
    let mut same = Vec::new();
    again.encode(xid, &mut same).expect("it could be encoded before");
    assert_eq!(same, bytes);
}
