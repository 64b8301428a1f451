//! Captures of every form, byte by byte, and broken ones.

use std::time::Duration;

use rumpswitch_unix::pcap::{Reader, Record};

fn bytes(is_big: bool, words: &[u32]) -> Vec<u8> {
    let word = |word: &u32| if is_big { word.to_be_bytes() } else { word.to_le_bytes() };
    words.iter().flat_map(word).collect()
}

/// A classic capture of one frame of five bytes.
fn classic(is_big: bool, magic: u32, link: u32) -> Vec<u8> {
    let version = if is_big { 0x0002_0004 } else { 0x0004_0002 };
    let mut file = bytes(is_big, &[magic, version, 0, 0, 65_535, link]);
    file.extend(bytes(is_big, &[7, 123_456, 5, 99]));
    file.extend_from_slice(b"frame");
    file
}

fn read(file: &[u8]) -> std::io::Result<(Record, Vec<u8>)> {
    let mut reader = Reader::new(file)?;
    let mut frame = Vec::new();
    let record = reader.next_into(&mut frame)?.expect("a record");
    assert!(reader.next_into(&mut Vec::new())?.is_none());
    Ok((record, frame))
}

#[test]
fn both_byte_orders_and_both_units() {
    for is_big in [false, true] {
        for (magic, nanos) in [(0xa1b2_c3d4, 123_456_000), (0xa1b2_3c4d, 123_456)] {
            let (record, frame) = read(&classic(is_big, magic, 1)).unwrap();
            assert_eq!(record, Record { time: Duration::new(7, nanos), original_len: 99 });
            assert_eq!(frame, b"frame");
        }
    }
}

#[test]
fn a_check_sequence_is_taken_off() {
    let (_, frame) = read(&classic(false, 0xa1b2_c3d4, 2 << 28 | 1 << 26 | 1)).unwrap();
    assert_eq!(frame, b"f");
}

/// A pcapng block.
fn block(is_big: bool, kind: u32, body: &[u8]) -> Vec<u8> {
    let len = 12 + body.len().next_multiple_of(4) as u32;
    let mut block = bytes(is_big, &[kind, len]);
    block.extend_from_slice(body);
    block.resize(len as usize - 4, 0);
    block.extend(bytes(is_big, &[len]));
    block
}

#[test]
fn pcapng_of_both_byte_orders() {
    for is_big in [false, true] {
        let pair = |a: u16, b: u16| {
            let (a, b) = (u32::from(a), u32::from(b));
            if is_big { a << 16 | b } else { b << 16 | a }
        };
        let mut file = block(is_big, 0x0a0d_0d0a, &bytes(is_big, &[0x1a2b_3c4d, 1, !0, !0]));
        // An interface of another link type, one in nanoseconds, a block that nobody knows.
        file.extend(block(is_big, 1, &bytes(is_big, &[pair(101, 0), 0])));
        let mut options = bytes(is_big, &[pair(1, 0), 0, pair(9, 1)]);
        options.extend_from_slice(&[9, 0, 0, 0, 0, 0, 0, 0]);
        file.extend(block(is_big, 1, &options));
        file.extend(block(is_big, 0xbad, &[1, 2, 3]));
        for interface in [0, 1] {
            let time = 3_000_000_005u64;
            let mut packet = bytes(is_big, &[interface, (time >> 32) as u32, time as u32, 5, 1514]);
            packet.extend_from_slice(b"frame");
            file.extend(block(is_big, 6, &packet));
        }
        let (record, frame) = read(&file).unwrap();
        assert_eq!(record, Record { time: Duration::new(3, 5), original_len: 1514 });
        assert_eq!(frame, b"frame");
    }
}

#[test]
fn what_is_no_capture_is_refused() {
    let reason = |file: &[u8]| Reader::new(file).map(drop).unwrap_err().to_string();
    assert_eq!(reason(b""), "not a capture: too short");
    assert_eq!(reason(b"#!/bin/sh\n"), "not a capture (neither pcap nor pcapng)");
    assert_eq!(reason(&classic(true, 0xa1b2_c3d4, 113)), "link type 113 is not Ethernet");
    assert_eq!(reason(&classic(true, 0xa1b2_c3d4, 1)[..20]), "the capture's header is cut");
}

#[test]
fn a_cut_capture_ends_and_a_broken_one_is_refused() {
    let whole = classic(false, 0xa1b2_c3d4, 1);
    for len in 24..whole.len() {
        let mut reader = Reader::new(&whole[..len]).unwrap();
        let mut frame = vec![1];
        assert!(reader.next_into(&mut frame).unwrap().is_none(), "{len}");
        assert_eq!(frame, [1]);
    }
    let mut broken = whole;
    broken[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut reader = Reader::new(&broken[..]).unwrap();
    assert!(reader.next_into(&mut Vec::new()).is_err());
}
