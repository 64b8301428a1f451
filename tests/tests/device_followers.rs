//! Whoever follows the flow entries by a monitor knows the tables, however slowly it reads and whatever
//! changes them: random changes by several controllers, time, groups and bundles; readers of every
//! pace; and at the end what each has been told against what is there.

mod embodiment;

use std::collections::BTreeMap;

use datapath::{Eviction, SwitchConfig};
use embodiment::{InProcess, read};
use ofp_codec::multipart::*;
use ofp_codec::{
    Match, Message, MultipartFlags, MultipartReply, MultipartReplyBody, MultipartRequest,
    MultipartRequestBody, PortNo, TableId,
};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::{ChannelId, DeviceConfig};

/// A reproducible stream of numbers (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 40) as u32 % bound
    }
}

type Key = (u8, u16, Vec<u8>);
/// Cookie, timeouts and instructions.
type Value = (u64, u16, u16, String);

/// A reader and what it knows.
struct Follower {
    channel: ChannelId,
    known: BTreeMap<Key, Value>,
    stream: Vec<u8>,
    pauses: u32,
    /// Of this table only, or of all.
    table: u8,
}

fn key(table: TableId, priority: u16, matching: &Match) -> Key {
    let mut bytes = Vec::new();
    matching.encode(&mut bytes).unwrap();
    (table.0, priority, bytes)
}

impl Follower {
    fn join(device: &mut InProcess, table: u8) -> Follower {
        let channel = connect(device);
        let monitor = FlowMonitorRequest {
            id: 1,
            flags: FlowMonitorFlags::from_bits_retain(0x3f),
            out_port: PortNo::ANY,
            table_id: TableId(table),
            matching: Match::any(),
        };
        let body = MultipartRequestBody::FlowMonitor(vec![monitor]);
        let request = MultipartRequest { flags: MultipartFlags::empty(), body };
        let mut bytes = Vec::new();
        Message::MultipartRequest(request).encode(7, &mut bytes).unwrap();
        write_all(device, channel, &bytes);
        Follower { channel, known: BTreeMap::new(), stream: Vec::new(), pauses: 0, table }
    }

    /// Reads at most `len` bytes, and learns from the messages that are whole.
    fn read(&mut self, device: &mut InProcess, len: usize) {
        let mut buffer = vec![0; len];
        if let Ok(len) = device.read(self.channel, &mut buffer) {
            self.stream.extend_from_slice(&buffer[..len]);
        }
        while self.stream.len() >= 8 && self.stream.len() >= header(&self.stream).1 {
            let message: Vec<u8> = self.stream.drain(..header(&self.stream).1).collect();
            match Message::decode(&message).unwrap().1 {
                Message::MultipartReply(MultipartReply {
                    body: MultipartReplyBody::FlowMonitor(updates),
                    ..
                }) => updates.into_iter().for_each(|update| self.learn(update)),
                Message::FlowMonitorPaused => self.pauses += 1,
                Message::FlowMonitorResumed | Message::FlowRemoved(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn learn(&mut self, update: FlowUpdate) {
        let FlowUpdate::Full {
            event,
            priority,
            idle_timeout,
            hard_timeout,
            table_id,
            cookie,
            matching,
            instructions,
            ..
        } = update
        else {
            panic!("in full, as was asked for")
        };
        let key = key(table_id, priority, &matching);
        match event {
            FlowUpdateEvent::Deleted => drop(self.known.remove(&key)),
            FlowUpdateEvent::Modified => {
                assert!(self.known.contains_key(&key), "what changes has been told before");
                self.known
                    .insert(key, (cookie, idle_timeout, hard_timeout, format!("{instructions:?}")));
            }
            FlowUpdateEvent::Added => {
                self.known
                    .insert(key, (cookie, idle_timeout, hard_timeout, format!("{instructions:?}")));
            }
        }
    }
}

/// What is there.
fn tables(device: &mut InProcess, channel: ChannelId, table: u8) -> BTreeMap<Key, Value> {
    write_all(device, channel, &multipart(9, 1, 0, &flow_request(table, &matching(&[]))));
    let mut entries = BTreeMap::new();
    for message in read(device, channel) {
        let Message::MultipartReply(MultipartReply {
            body: MultipartReplyBody::Flow(flows), ..
        }) = Message::decode(&message).unwrap().1
        else {
            continue;
        };
        for flow in flows {
            let value = (
                flow.cookie,
                flow.idle_timeout,
                flow.hard_timeout,
                format!("{:?}", flow.instructions),
            );
            entries.insert(key(flow.table_id, flow.priority, &flow.matching), value);
        }
    }
    entries
}

fn flow(random: &mut Random, xid: u32) -> Vec<u8> {
    let fields = match random.below(4) {
        0 => vec![],
        1 => vec![oxm_masked(3, &[0x0a, 0, 0, 0, 0, 0], &[0xff, 0, 0, 0, 0, 0])],
        _ => vec![oxm(0, &random.below(40).to_be_bytes())],
    };
    let instructions = match random.below(5) {
        0 => vec![],
        1 => vec![apply(&[tlv(22, &(1 + random.below(2)).to_be_bytes())])],
        _ => vec![apply(&[output(1 + random.below(3))])],
    };
    let entry = FlowMod {
        table: random.below(3) as u8,
        command: [0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 4][random.below(12) as usize],
        priority: random.below(30) as u16,
        flags: random.below(2) as u16,
        cookie: u64::from(random.below(5)),
        ..FlowMod::default()
    };
    let mut message = entry.message(xid, &matching(&fields), &instructions);
    // The timeouts, in seconds.
    message[27] = [0, 0, 1][random.below(3) as usize];
    message[29] = [0, 0, 2][random.below(3) as usize];
    message
}

fn group(random: &mut Random, xid: u32) -> Vec<u8> {
    let id = 1 + random.below(2);
    match random.below(4) {
        0 => group_mod(xid, 2, 0, id, &[]),
        _ => group_mod(xid, 0, 0, id, &[bucket(0, u32::MAX, u32::MAX, &[output(1)])]),
    }
}

/// A bundle from open to commit.
fn bundle(messages: &[Vec<u8>]) -> Vec<u8> {
    let control =
        |xid, kind: u8| experimenter(xid, 0x4f4e_4600, 2300, &[0, 0, 0, 9, 0, kind, 0, 3]);
    let adds: Vec<u8> = messages
        .iter()
        .flat_map(|message| {
            let body = [&[0, 0, 0, 9, 0, 0, 0, 3][..], message].concat();
            experimenter(header(message).2, 0x4f4e_4600, 2301, &body)
        })
        .collect();
    [control(1, 0), adds, control(2, 4)].concat()
}

fn change(random: &mut Random, device: &mut InProcess, author: ChannelId) {
    match random.below(40) {
        0 => device.advance(u64::from(random.below(2500)) * 1_000_000),
        1..4 => {
            let message = group(random, 5);
            converse(device, author, &message);
        }
        4..8 => {
            let messages: Vec<Vec<u8>> =
                (0..random.below(20)).map(|xid| flow(random, 100 + xid)).collect();
            converse(device, author, &bundle(&messages));
        }
        8 => {
            let all = FlowMod { table: 255, command: 3, ..FlowMod::default() };
            converse(device, author, &all.message(5, &matching(&[]), &[]));
        }
        _ => {
            let message = flow(random, 5);
            converse(device, author, &message);
        }
    }
    read(device, author);
}

#[test]
fn a_follower_knows_the_tables_however_slowly_it_reads() {
    let mut pauses = 0;
    for round in 1..=16u64 {
        let mut random = Random(round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let config = DeviceConfig { reply_len_soft: 1500, ..DeviceConfig::default() };
        let limits = SwitchConfig {
            max_entries_per_table: 60,
            eviction: [Eviction::Refuse, Eviction::Any][(round % 2) as usize],
            ..SwitchConfig::default()
        };
        let mut device = InProcess::with_switch(config, limits, 3);
        let authors = [connect(&mut device), connect(&mut device)];
        let mut followers = Vec::new();
        for step in 0..400 {
            if step % 80 == 20 {
                let table = [255, 1][random.below(2) as usize];
                followers.push(Follower::join(&mut device, table));
            }
            let author = authors[random.below(2) as usize];
            change(&mut random, &mut device, author);
            for (pace, follower) in (0..).zip(&mut followers) {
                // From all at once to a few bytes now and then.
                if random.below(1 + pace * 8) == 0 {
                    let len = [100_000, 3000, 700, 90][random.below(4) as usize];
                    follower.read(&mut device, len);
                }
            }
        }
        for follower in &mut followers {
            while device.pending(follower.channel) > 0 {
                follower.read(&mut device, 50);
            }
            assert_eq!(device.device.status(follower.channel).unwrap().hang_up, None);
            let there = tables(&mut device, authors[0], follower.table);
            assert_eq!(follower.known, there, "round {round}");
            pauses += follower.pauses;
        }
    }
    assert!(pauses > 40, "{pauses} pauses");
}
