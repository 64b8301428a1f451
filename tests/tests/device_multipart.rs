//! Requests and replies in several messages: cut between entries, put together within bounds, and
//! never there as a whole.

mod embodiment;

use embodiment::{InProcess, ask, error_of, read, types};
use hypercall::Nanos;
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::Readiness;

fn parts(messages: &[Vec<u8>], xid: u32, kind: u8) -> usize {
    let count = messages.len();
    for (at, part) in messages.iter().enumerate() {
        assert_eq!((header(part).0, header(part).2, part[9]), (19, xid, kind));
        assert_eq!(part[11], u8::from(at + 1 < count), "MORE on all but the last");
    }
    count
}

#[test]
fn a_long_reply_is_cut_between_entries_and_ends_before_the_barrier() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    let count = 5_000u32;
    let adds: Vec<u8> = (0..count).flat_map(|n| flow_add(n, 0, n as u16)).collect();
    assert_eq!(converse(&mut device, channel, &adds), []);
    let all = flow_request(255, &matching(&[]));
    let request = [multipart(7, 1, 0, &all), barrier(8), echo(9, b"")].concat();
    let mut answers = split(&converse(&mut device, channel, &request));
    assert_eq!(types(&answers[answers.len() - 2..]), [21, 3]);
    answers.truncate(answers.len() - 2);
    assert!(parts(&answers, 7, 1) > 4);
    let mut seen = vec![false; count as usize];
    for part in &answers {
        assert!(part.len() <= 61_000);
        let mut entries = &part[16..];
        while !entries.is_empty() {
            let len = usize::from(u16::from_be_bytes([entries[0], entries[1]]));
            assert_eq!(len, 56);
            let priority = usize::from(u16::from_be_bytes([entries[12], entries[13]]));
            assert!(!seen[priority], "each once");
            seen[priority] = true;
            entries = &entries[len..];
        }
    }
    assert!(seen.iter().all(|seen| *seen));
}

#[test]
fn a_long_reply_is_never_there_as_a_whole() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    let adds: Vec<u8> =
        (0..30_000u32).flat_map(|n| flow_add(n, (n >> 14) as u8, n as u16 & 0x3fff)).collect();
    assert_eq!(converse(&mut device, channel, &adds), []);
    let all = flow_request(255, &matching(&[]));
    write_all(&mut device, channel, &multipart(7, 1, 0, &all));
    assert!(!device.readiness(channel).contains(Readiness::WRITABLE));
    let (mut total, mut most) = (0, 0);
    let mut buffer = vec![0; 1000];
    while device.readiness(channel).contains(Readiness::READABLE) {
        most = most.max(device.pending(channel));
        total += device.read(channel, &mut buffer).unwrap();
    }
    assert!(total > 30_000 * 56, "{total}");
    assert!(most < 400 * 1024, "{most}");
    assert!(device.readiness(channel).contains(Readiness::WRITABLE));
}

#[test]
fn a_selective_question_about_many_entries_is_answered() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    let adds: Vec<u8> = (0..80_000u32)
        .flat_map(|n| {
            let cookie = u64::from(n == 79_000) + 1;
            let entry = FlowMod {
                table: (n >> 14) as u8,
                priority: n as u16 & 0x3fff,
                cookie,
                ..FlowMod::default()
            };
            entry.message(n, &matching(&[]), &[])
        })
        .collect();
    assert_eq!(converse(&mut device, channel, &adds), []);
    let mut all = flow_request(255, &matching(&[]));
    all[23] = 2; // cookie
    all[24..32].fill(0xff); // cookie_mask
    let answers = split(&converse(&mut device, channel, &multipart(7, 1, 0, &all)));
    parts(&answers, 7, 1);
    assert_eq!(answers.iter().map(|part| part.len() - 16).sum::<usize>(), 56);
}

#[test]
fn table_features_describe_every_table() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    let answers = split(&converse(&mut device, channel, &multipart(7, 12, 0, &[])));
    assert!(parts(&answers, 7, 12) > 1);
    let mut ids = Vec::new();
    for part in &answers {
        let mut entries = &part[16..];
        while !entries.is_empty() {
            let len = usize::from(u16::from_be_bytes([entries[0], entries[1]]));
            assert_eq!(len % 8, 0);
            ids.push(entries[2]);
            let mut properties = &entries[64..len];
            let mut kinds = Vec::new();
            while !properties.is_empty() {
                kinds.push(u16::from_be_bytes([properties[0], properties[1]]));
                let len = usize::from(u16::from_be_bytes([properties[2], properties[3]]));
                assert!(len >= 4);
                properties = &properties[len.next_multiple_of(8)..];
            }
            for required in [0, 2, 4, 6, 8, 10, 12, 14] {
                assert_eq!(kinds.iter().filter(|kind| **kind == required).count(), 1);
            }
            entries = &entries[len..];
        }
    }
    assert_eq!(ids, (0..255).collect::<Vec<u8>>());
}

#[test]
fn requests_come_in_parts_too() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    ask(&mut device, channel, &flow_add(1, 0, 1));
    let body = flow_request(255, &matching(&[]));
    assert_eq!(ask(&mut device, channel, &multipart(7, 2, 1, &body[..10])).len(), 0);
    assert_eq!(ask(&mut device, channel, &multipart(7, 2, 1, &[])).len(), 0);
    let other = ask(&mut device, channel, &multipart(8, 0, 0, &[]));
    assert_eq!((header(&other[0]).2, other[0].len()), (8, 1072), "another one meanwhile");
    let answer = ask(&mut device, channel, &multipart(7, 2, 0, &body[10..]));
    assert_eq!(answer[0][32..36], [0, 0, 0, 1], "one flow entry");

    write_all(&mut device, channel, &multipart(7, 2, 1, &body));
    write_all(&mut device, channel, &multipart(7, 1, 0, &[]));
    assert_eq!(error_of(&read(&mut device, channel)[0]), (1, 2), "a part of another type");
}

#[test]
fn unfinished_requests_are_bounded() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    let part = multipart(7, 12, 1, &[0; 65_000]);
    let mut sent = 0;
    let error = loop {
        write_all(&mut device, channel, &part);
        sent += 65_000;
        if let [error, ..] = &read(&mut device, channel)[..] {
            break error_of(error);
        }
        assert!(sent < 8 << 20);
    };
    assert_eq!(error, (1, 13), "MULTIPART_BUFFER_OVERFLOW");
    assert!(sent > 4 << 20);
    for xid in 0..8 {
        ask(&mut device, channel, &multipart(xid, 1, 1, &[]));
    }
    write_all(&mut device, channel, &multipart(8, 1, 1, &[]));
    assert_eq!(error_of(&read(&mut device, channel)[0]), (1, 13));
}

#[test]
fn an_unfinished_request_times_out() {
    let mut device = InProcess::with_ports(1);
    let channel = connect(&mut device);
    ask(&mut device, channel, &multipart(7, 1, 1, &[]));
    assert_eq!(device.device.next_deadline(), Some(Nanos::from_secs(1)));
    device.advance(999_999_999);
    assert_eq!(device.pending(channel), 0);
    device.advance(1);
    let said = read(&mut device, channel);
    assert_eq!((error_of(&said[0]), header(&said[0]).2), ((0xffff, 2640), 7));
    assert_eq!(said[0][12..16], [0x4f, 0x4e, 0x46, 0x00]);
    assert_eq!(device.device.next_deadline(), None);
}
