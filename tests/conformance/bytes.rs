//! Reading replies where the standard says the bytes are.

use rumpswitch_tests::contract::multipart;
use rumpswitch_tests::wire::{FlowMod, matching};

use crate::bed::Bed;

pub(crate) const ANY: u32 = u32::MAX;
pub(crate) const CONTROLLER: u32 = 0xffff_fffd;

pub(crate) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes(bytes[at..at + 2].try_into().unwrap())
}

pub(crate) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub(crate) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// A 32-bit integer and four bytes of padding: the body of many requests.
pub(crate) fn word(value: u32) -> Vec<u8> {
    [value.to_be_bytes(), [0; 4]].concat()
}

/// A flow-mod of this match and these instructions.
pub(crate) fn entry(tlvs: &[Vec<u8>], instructions: &[Vec<u8>]) -> Vec<u8> {
    FlowMod::default().message(5, &matching(tlvs), instructions)
}

/// The only answer.
#[track_caller]
pub(crate) fn only(mut answers: Vec<Vec<u8>>) -> Vec<u8> {
    assert_eq!(answers.len(), 1, "{answers:02x?}");
    answers.remove(0)
}

/// The body of a multipart reply of one part.
#[track_caller]
pub(crate) fn statistics(bed: &mut Bed, kind: u16, body: &[u8]) -> Vec<u8> {
    let answer = only(bed.say(&multipart(9, kind, 0, body)));
    assert_eq!(
        (answer[1], u16_at(&answer, 8), u16_at(&answer, 10)),
        (19, kind, 0),
        "{answer:02x?}"
    );
    answer[16..].to_vec()
}

/// Entries that begin with their length in 16 bits.
pub(crate) fn entries(mut body: &[u8]) -> Vec<&[u8]> {
    let mut entries = Vec::new();
    while !body.is_empty() {
        let (entry, rest) = body.split_at(usize::from(u16_at(body, 0)));
        entries.push(entry);
        body = rest;
    }
    entries
}
