//! Messages there and back, and bytes that are no message: nothing is lost, nothing panics, and
//! everything ends.

mod generate;

use std::collections::BTreeSet;

use generate::messages::message;
use proptest::collection::vec;
use proptest::prelude::*;
use rumpswitch_ofp_codec::*;

fn encode(message: &Message, xid: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(xid, &mut bytes).unwrap();
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// What was encoded decodes to itself, and encodes to the same bytes again.
    #[test]
    fn a_message_there_and_back(message in message(), xid in any::<u32>()) {
        let bytes = encode(&message, xid);
        let (header, decoded) = Message::decode(&bytes).unwrap();
        prop_assert_eq!(header.xid, xid);
        prop_assert_eq!(usize::from(header.length), bytes.len());
        prop_assert_eq!(header.kind, message.message_type() as u8);
        prop_assert_eq!(&decoded, &message);
        prop_assert_eq!(encode(&decoded, xid), bytes);
    }

    /// A message cut anywhere is refused or ends, with its length as it was and put right.
    #[test]
    fn every_truncation_ends(message in message()) {
        let bytes = encode(&message, 1);
        for len in 0..bytes.len() {
            let mut cut = bytes[..len].to_vec();
            prop_assert!(Message::decode(&cut).is_err());
            if len >= HEADER_LEN {
                cut[2..4].copy_from_slice(&u16::try_from(len).unwrap().to_be_bytes());
                if let Err(error) = Message::decode(&cut) {
                    prop_assert!(error.offset <= len, "{error}");
                }
            }
        }
    }

    /// Changed bytes are refused, or are a message that goes there and back. An error is within
    /// the message.
    #[test]
    fn mutations_end(
        message in message(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encode(&message, 1);
        for (place, value) in changes {
            let place = place.index(bytes.len());
            if !(2..4).contains(&place) {
                bytes[place] = value;
            }
        }
        match Message::decode(&bytes) {
            Ok((header, decoded)) => {
                let again = encode(&decoded, header.xid);
                prop_assert_eq!(Message::decode(&again).unwrap().1, decoded);
            }
            Err(error) => prop_assert!(error.offset <= bytes.len(), "{error}"),
        }
    }

    /// Random bodies end, of every type.
    #[test]
    fn noise_ends(kind in 0..32_u8, body in generate::bytes(200)) {
        let len = u16::try_from(body.len() + HEADER_LEN).unwrap();
        let header = Header { version: VERSION, kind, length: len, xid: 0 };
        if let Ok(decoded) = Message::decode_body(header, &body) {
            let again = encode(&decoded, 0);
            prop_assert_eq!(Message::decode(&again).unwrap().1, decoded);
        }
    }

    /// Every inner length that is set to 0 or to its neighbours is refused or ends.
    #[test]
    fn small_inner_lengths_end(message in message(), at in any::<prop::sample::Index>(), len in 0..9_u16) {
        let mut bytes = encode(&message, 1);
        if bytes.len() >= HEADER_LEN + 2 {
            let at = HEADER_LEN + at.index(bytes.len() - HEADER_LEN - 1);
            bytes[at..at + 2].copy_from_slice(&len.to_be_bytes());
            let _ = Message::decode(&bytes);
        }
    }
}

/// The generator leaves out no type of message and no multipart type.
#[test]
fn every_type_is_generated() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let (mut types, mut requests, mut replies) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for _ in 0..3000 {
        let message = message().new_tree(&mut runner).unwrap().current();
        types.insert(message.message_type() as u8);
        match &message {
            Message::MultipartRequest(request) => {
                requests.insert(request.body.multipart_type() as u16);
            }
            Message::MultipartReply(reply) => {
                replies.insert(reply.body.multipart_type() as u16);
            }
            _ => {}
        }
    }
    assert_eq!(types, (0..30).collect());
    assert_eq!(requests, (0..14).chain([0xffff]).collect());
    assert_eq!(replies, (0..14).chain([0xffff]).collect());
}
