//! Frames and captures.

use std::path::Path;
use std::time::Duration;

use rumpswitch::unix_host::pcap::{Reader, Writer};

/// Seconds and nanoseconds, and the frame.
pub(crate) type Captured = (Duration, Vec<u8>);

/// A UDP frame of 60 bytes from 10.0.0.1 to `dst`, without checksums.
pub(crate) fn udp(dst: [u8; 4], port: u16) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    frame.extend_from_slice(&[0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1]);
    frame.extend_from_slice(&dst);
    frame.extend_from_slice(&[0x10, 0x92]);
    frame.extend_from_slice(&port.to_be_bytes());
    frame.extend_from_slice(&[0, 26, 0, 0]);
    frame.resize(60, 0xa5);
    frame
}

/// Writes a capture.
pub(crate) fn write(path: &Path, frames: &[Captured]) {
    let mut writer = Writer::create(path).unwrap();
    for (time, frame) in frames {
        writer.write(*time, frame).unwrap();
    }
    writer.finish().unwrap();
}

/// Reads a whole capture.
pub(crate) fn read(path: &Path) -> Vec<Captured> {
    let mut reader = Reader::open(path).unwrap();
    let mut frames = Vec::new();
    let mut frame = Vec::new();
    while let Some(record) = reader.next_into(&mut frame).unwrap() {
        frames.push((record.time, std::mem::take(&mut frame)));
    }
    frames
}
