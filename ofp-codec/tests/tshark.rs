//! Our bytes before Wireshark's dissector: no random message of any type may be malformed to it.
//! Skipped where there is no `tshark`.

mod generate;

use std::path::Path;
use std::process::Command;

use generate::messages::message;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rumpswitch_ofp_codec::*;

/// Random messages, always the same.
fn messages(count: usize) -> Vec<Message> {
    let mut runner = TestRunner::deterministic();
    let one = message();
    (0..count).filter_map(|_| tame(one.new_tree(&mut runner).unwrap().current())).collect()
}

/// The message with contents in it that make sense to a dissector, which goes on into frames and
/// into requests that an error quotes; `None` for what Wireshark 4.0 itself reads past its end: the
/// experimenters' multipart replies (Open vSwitch's own flow updates, too) and meter bands.
fn tame(mut message: Message) -> Option<Message> {
    let frame = [&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5][..], &[0; 46]].concat();
    match &mut message {
        Message::PacketIn(packet_in) => packet_in.data = frame,
        Message::PacketOut(packet_out) => packet_out.data = frame,
        Message::Error(error) if error.error_type == 0 => error.data = b"no".to_vec(),
        Message::Error(error) => error.data = vec![4, 20, 0, 8, 0, 0, 0, 1],
        Message::MultipartReply(reply) => match &mut reply.body {
            MultipartReplyBody::Experimenter { .. } | MultipartReplyBody::FlowMonitor(_) => {
                return None;
            }
            MultipartReplyBody::MeterConfig(meters) => {
                for meter in meters {
                    meter.bands.retain(|band| !matches!(band, Band::Experimenter { .. }));
                }
            }
            _ => {}
        },
        _ => {}
    }
    Some(message)
}

/// A capture with each message in a TCP segment of its own.
fn capture(messages: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(0xa1b2_c3d4_u32.to_le_bytes());
    out.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    out.extend(0x40000_u32.to_le_bytes());
    out.extend(1_u32.to_le_bytes());
    let mut sequence = 1_u32;
    for (number, message) in (0_u32..).zip(messages) {
        let len = u32::try_from(54 + message.len()).unwrap();
        for field in [number, 0, len, len] {
            out.extend(field.to_le_bytes());
        }
        out.extend([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0]);
        let total = u16::try_from(40 + message.len()).unwrap();
        out.extend([0x45, 0]);
        out.extend(total.to_be_bytes());
        out.extend([0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        out.extend([0x9c, 0x40]);
        out.extend(6653_u16.to_be_bytes());
        out.extend(sequence.to_be_bytes());
        out.extend([0, 0, 0, 1, 0x50, 0x10, 0xff, 0xff, 0, 0, 0, 0]);
        out.extend(message);
        sequence += u32::try_from(message.len()).unwrap();
    }
    out
}

/// What tshark says about each frame: its number, and what is wrong with it.
fn complaints(file: &Path) -> Option<Vec<(usize, String)>> {
    let output = Command::new("tshark")
        .args(["-n", "-d", "tcp.port==6653,openflow", "-o", "tcp.check_checksum:FALSE", "-r"])
        .arg(file)
        // Warnings and errors; notes are about what the dissector does not show.
        .args([
            "-Y",
            "_ws.malformed || _ws.expert.severity >= 0x00600000 || !openflow_v4",
            "-T",
            "fields",
        ])
        .args(["-e", "frame.number", "-e", "_ws.malformed", "-e", "_ws.expert.message"])
        .output()
        .ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        let (number, what) = line.split_once('\t').unwrap_or((line, ""));
        (number.parse().unwrap(), what.trim().to_string())
    };
    Some(text.lines().map(line).collect())
}

#[test]
fn no_message_is_malformed_to_wireshark() {
    let messages = messages(2000);
    let bytes: Vec<Vec<u8>> = messages
        .iter()
        .map(|message| {
            let mut bytes = Vec::new();
            message.encode(1, &mut bytes).unwrap();
            bytes
        })
        .collect();
    let file = std::env::temp_dir().join(format!("ofp-codec-{}.pcap", std::process::id()));
    std::fs::write(&file, capture(&bytes)).unwrap();
    let found = complaints(&file);
    std::fs::remove_file(&file).unwrap();
    let Some(found) = found else {
        println!("skipped: there is no tshark");
        return;
    };
    for (number, what) in &found {
        println!("frame {number}: {what}: {:?}", messages[number - 1]);
    }
    assert!(found.is_empty(), "{} complaints", found.len());
}
