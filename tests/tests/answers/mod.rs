//! Lines of messages and answers.
#![allow(dead_code, unused_imports, reason = "each test file uses a part of it")]

use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;

use crate::embodiment::InProcess;

/// What comes before the barrier's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing.
    Accepted,
    /// OFPT_ERROR of this type and code.
    Error(u16, u16),
    /// OFPT_ERROR of an experimenter.
    Experimenter(u16),
    /// Messages of this type, the first of this length.
    Reply(u8, usize),
}
pub(crate) use Answer::{Accepted, Error, Experimenter, Reply};

pub(crate) const BAD_REQUEST: u16 = 1;
pub(crate) const BAD_ACTION: u16 = 2;
pub(crate) const BAD_INSTRUCTION: u16 = 3;
pub(crate) const BAD_MATCH: u16 = 4;
pub(crate) const FLOW_MOD: u16 = 5;
pub(crate) const GROUP_MOD: u16 = 6;
pub(crate) const PORT_MOD: u16 = 7;
pub(crate) const TABLE_MOD: u16 = 8;
pub(crate) const QUEUE_OP: u16 = 9;
pub(crate) const SWITCH_CONFIG: u16 = 10;
pub(crate) const ROLE_REQUEST: u16 = 11;
pub(crate) const METER_MOD: u16 = 12;
pub(crate) const TABLE_FEATURES: u16 = 13;

/// What it is, the messages, and the answer to the last of them.
pub(crate) type Line = (&'static str, Vec<Vec<u8>>, Answer);

/// Sends each line's messages to a fresh device and compares.
pub(crate) fn check(lines: Vec<Line>) {
    let mut wrong = Vec::new();
    for (name, messages, expected) in lines {
        let mut device = InProcess::with_ports(3);
        let channel = connect(&mut device);
        let (last, before) = messages.split_last().expect("a message");
        for message in before {
            let answers = split(&converse(&mut device, channel, message));
            assert!(answers.iter().all(|answer| answer[1] != 1), "{name}: {answers:?}");
        }
        let [_, _, _, _, xid @ ..] = &last[..8] else { unreachable!() };
        let xid = u32::from_be_bytes(xid.try_into().unwrap());
        let stream = [last.clone(), barrier(0xbad)].concat();
        let mut answers = split(&converse(&mut device, channel, &stream));
        assert_eq!(answers.pop().map(|reply| header(&reply)), Some((21, 8, 0xbad)), "{name}");
        let answer = match answers.first() {
            None => Accepted,
            Some(error) if error[1] == 1 => {
                assert_eq!(answers.len(), 1, "{name}: one error");
                assert_eq!(header(error).2, xid, "{name}: the xid of the request");
                let at = if error[8..10] == [0xff; 2] { 16 } else { 12 };
                assert_eq!(error[at..], last[..last.len().min(65_535 - 16)], "{name}: the quote");
                let word = |at: usize| u16::from_be_bytes([error[at], error[at + 1]]);
                if word(8) == 0xffff { Experimenter(word(10)) } else { Error(word(8), word(10)) }
            }
            Some(reply) => Reply(reply[1], reply.len()),
        };
        if answer != expected {
            wrong.push(format!("{name}: {answer:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// A line of one message.
pub(crate) fn one(name: &'static str, message: Vec<u8>, answer: Answer) -> Line {
    (name, vec![message], answer)
}

/// A flow-mod that matches everything.
pub(crate) fn flow(flow_mod: FlowMod) -> Vec<u8> {
    flow_mod.message(5, &matching(&[]), &[])
}

/// A flow-mod with any match.
pub(crate) fn with_raw_match(kind: u16, len: u16, content: &[u8]) -> Vec<u8> {
    FlowMod::default().message(5, &matching_raw(kind, len, content), &[])
}
