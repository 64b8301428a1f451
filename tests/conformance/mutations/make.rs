//! Messages for both switches: right ones of every type, made from parts, where now and then a part is
//! wrong; and what is done to the bytes of others.

use rumpswitch_tests::contract::{message, multipart};
use rumpswitch_tests::random::Random;
use rumpswitch_tests::wire::*;

use crate::bytes::{ANY, CONTROLLER};
use crate::fields::FIELDS;

/// Numbers at which something begins or ends, for fields of 32 bits.
const EDGES: [u32; 18] = [
    0,
    1,
    2,
    3,
    4,
    77,
    0xfeff,
    0xff00,
    0x1_0000,
    0xffff_0000,
    0xffff_0001,
    0xffff_ff00,
    0xffff_ff01,
    0xffff_fff8,
    0xffff_fff9,
    0xffff_fffc,
    CONTROLLER,
    ANY,
];
const BYTES: [u8; 14] = [0, 1, 2, 3, 4, 5, 8, 16, 24, 0x7f, 0x80, 0xfe, 0xff, 0x45];

fn edge(random: &mut Random) -> u32 {
    random.pick(&EDGES)
}

/// A message of any type, xid 5.
pub(crate) fn message_of_any_type(random: &mut Random) -> Vec<u8> {
    let kinds = [40, 12, 8, 10, 10, 3, 2, 2, 2, 2, 2, 2, 2];
    match random.weighted(&kinds) {
        0 => flow_mod(random),
        1 => group_mod_of(random),
        2 => meter_mod_of(random),
        3 => packet_out_of(random),
        4 => multipart_of(random),
        5 => {
            let number = random.pick(&[1, 1, 2, 3, 77, 0, ANY, 0xffff_fffe]);
            let hw = [2, 0, 0, 0, 0, random.pick(&[1, 1, 2, 3])];
            let bit = random.pick(&[0, 4, 0x20, 0x40, 0x64]);
            port_mod(
                5,
                number,
                hw,
                bit,
                random.pick(&[0, 0x20, 0x64]),
                random.pick(&[0, 0, 0x20, 0x840]),
            )
        }
        6 => table_mod(
            5,
            random.pick(&[0, 1, 200, 253, 255]),
            random.pick(&[0, 1, 3, 4, 0x8000_0000]),
        ),
        7 => set_config(
            5,
            random.pick(&[0, 0, 1, 2, 3, 4]),
            random.pick(&[0, 128, 0xffe5, 0xffe6, 0xffff]),
        ),
        // The generation id is kept over all: it stays 0.
        8 => role(5, random.pick(&[0, 1, 1, 2, 3, 4, ANY]), 0),
        9 => set_async(5, [edge(random), 0, 7, edge(random), 0x1f, 0]),
        10 => {
            message(22, 5, &[random.pick(&[1, 77, ANY, CONTROLLER]).to_be_bytes(), [0; 4]].concat())
        }
        11 => experimenter(5, random.pick(&[0x4f4e_4600, 0x12_3456, 0]), edge(random), &[0; 8]),
        _ => {
            let kind = random.pick(&[2, 3, 5, 7, 20, 26, 1, 6, 10, 12, 19, 30, 0x80, 0xff]);
            let len = random.pick(&[0, 0, 0, 1, 4, 8, 24]);
            message(kind, 5, &random.list(len, |random| random.pick(&BYTES)))
        }
    }
}

/// A field, its prerequisites before it, of a value that can be; at times of one that cannot.
fn match_fields(random: &mut Random) -> Vec<Vec<u8>> {
    let mut tlvs: Vec<Vec<u8>> = Vec::new();
    let mut numbers = Vec::new();
    for _ in 0..random.pick(&[0, 1, 1, 2, 3]) {
        let field = &FIELDS[random.below(FIELDS.len())];
        for (number, value) in field.needs {
            if !numbers.contains(number) {
                numbers.push(*number);
                tlvs.push(oxm(*number, value));
            }
        }
        if numbers.contains(&field.number) && random.chance(90) {
            continue;
        }
        numbers.push(field.number);
        let bits = if random.chance(5) { field.len as u32 * 8 } else { field.bits };
        let mut value: Vec<u8> = match random.below(4) {
            0 => field.value(bits),
            1 => field.value(1),
            _ => field.value(bits).iter().map(|byte| byte & random.bits() as u8).collect(),
        };
        if field.number == 0 {
            value = random.pick(&EDGES).to_be_bytes().to_vec();
        }
        if random.chance(if field.may_be_masked { 40 } else { 4 }) {
            let full = field.value(field.bits);
            let mask: Vec<u8> = match random.below(3) {
                0 => full,
                1 => full.iter().map(|byte| byte & random.bits() as u8).collect(),
                _ => vec![0; field.len],
            };
            if random.chance(90) {
                value.iter_mut().zip(&mask).for_each(|(value, mask)| *value &= mask);
            }
            tlvs.push(oxm_masked(field.number, &value, &mask));
        } else {
            tlvs.push(oxm(field.number, &value));
        }
    }
    tlvs
}

/// An action; most of them can be carried out on any packet.
fn action(random: &mut Random) -> Vec<u8> {
    let bare = |kind: u16| tlv(kind, &[0; 4]);
    let push = |kind: u16, eth_type: u16| {
        let [high, low] = eth_type.to_be_bytes();
        tlv(kind, &[high, low, 0, 0])
    };
    match random.weighted(&[30, 6, 4, 3, 10, 3, 3, 3, 3, 2, 2]) {
        0 => output(random.pick(&[
            1,
            2,
            3,
            3,
            2,
            1,
            77,
            0xffff_fff8,
            0xffff_fffb,
            0xffff_fffc,
            CONTROLLER,
        ])),
        1 => output(edge(random)),
        2 => tlv(22, &random.pick(&[1_u32, 2, 1, 9, ANY]).to_be_bytes()),
        3 => tlv(21, &random.pick(&[0_u32, 1, 5]).to_be_bytes()),
        4 => {
            let field = &FIELDS[random.below(FIELDS.len())];
            let value =
                field.value(if random.chance(8) { field.len as u32 * 8 } else { field.bits });
            let value: Vec<u8> = if field.number == 6 { vec![0x10, 7] } else { value };
            set_field(&if random.chance(4) {
                oxm_masked(field.number, &value, &value)
            } else {
                oxm(field.number, &value)
            })
        }
        5 => push(17, random.pick(&[0x8100, 0x88a8, 0x0800])),
        6 => push(19, random.pick(&[0x8847, 0x8848, 0x0800])),
        7 => push(20, 0x0800),
        8 => bare(random.pick(&[18, 24, 16, 11, 12, 27])),
        9 => tlv(random.pick(&[15, 23]), &[64, 0, 0, 0]),
        _ => push(26, random.pick(&[0x88e7, 0x88e7, 0x0800])),
    }
}

fn actions(random: &mut Random) -> Vec<Vec<u8>> {
    let count = random.pick(&[0, 1, 1, 2, 3]);
    random.list(count, action)
}

fn flow_mod(random: &mut Random) -> Vec<u8> {
    let head = FlowMod {
        table: random.pick(&[0, 0, 0, 1, 7, 200, 253, 255]),
        command: random.pick(&[0, 0, 0, 0, 0, 1, 2, 3, 4]),
        priority: random.pick(&[0, 100, 100, 0xffff]),
        flags: random.pick(&[0, 0, 0, 1, 2, 4, 0x18, 0x1f]),
        buffer_id: if random.chance(3) { 7 } else { ANY },
        cookie: random.pick(&[0, 1, 0x1234_5678]),
    };
    let tlvs = match_fields(random);
    let mut instructions = Vec::new();
    for kind in [6, 4, 5, 3, 2, 1] {
        if !random.chance(if kind == 4 { 60 } else { 20 }) {
            continue;
        }
        instructions.push(match kind {
            1 => goto(random.pick(&[1, 2, 8, 201, 254, 0, 253])),
            2 => tlv(
                2,
                &[&[0; 4][..], &random.bits().to_be_bytes(), &random.bits().to_be_bytes()].concat(),
            ),
            3 => write(&actions(random)),
            4 => apply(&actions(random)),
            5 => tlv(5, &[0; 4]),
            _ => tlv(6, &random.pick(&[1_u32, 1, 2, 0, ANY]).to_be_bytes()),
        });
    }
    if random.chance(20) && instructions.len() > 1 {
        let (one, other) = (random.below(instructions.len()), random.below(instructions.len()));
        instructions.swap(one, other);
    }
    head.message(5, &matching(&tlvs), &instructions)
}

fn group_mod_of(random: &mut Random) -> Vec<u8> {
    let kind = random.pick(&[0, 0, 1, 1, 2, 3, 3, 4]);
    let command = random.pick(&[0, 0, 0, 1, 1, 2]);
    let count = if command == 2 && random.chance(80) { 0 } else { random.pick(&[1, 1, 2, 0, 3]) };
    let buckets = random.list(count, |random| {
        let weight = random.pick(&[0, 1, 7]);
        let weight = if kind == 1 || random.chance(10) { weight } else { 0 };
        let watches = kind == 3 || random.chance(5);
        let watch_port = if watches { random.pick(&[1, 2, 77, ANY]) } else { ANY };
        let watch_group =
            if watches && watch_port == ANY { random.pick(&[1, 2, 9, ANY]) } else { ANY };
        bucket(weight, watch_port, watch_group, &actions(random))
    });
    let id = random.pick(&[1, 2, 3, 9, 9, 9, 9, 0, 0xffff_ff00, 0xffff_ff01, 0xffff_fffc, ANY]);
    group_mod(5, command, kind, id, &buckets)
}

fn meter_mod_of(random: &mut Random) -> Vec<u8> {
    let count = random.pick(&[1, 1, 1, 2, 0]);
    let bands = random.list(count, |random| {
        let rate = random.pick(&[1, 1000, 1_000_000, 0, u32::MAX]);
        let kind = random.pick(&[1, 1, 1, 1, 2, 3, 0xffff]);
        band(kind, rate, random.pick(&[0, 1, 1000]), &[0; 4])
    });
    let id = random.pick(&[1, 2, 9, 9, 9, 0, 0xffff_0000, 0xffff_0001, 0xffff_fffd, ANY]);
    let flags = random.pick(&[1, 1, 2, 5, 0xd, 9, 0, 3, 0x10]);
    meter_mod(5, random.pick(&[0, 0, 0, 1, 2, 3]), flags, id, &bands)
}

fn packet_out_of(random: &mut Random) -> Vec<u8> {
    let mut list = actions(random);
    if random.chance(15) {
        list.push(output(0xffff_fff9));
    }
    let len = random.pick(&[60, 60, 60, 60, 14, 13, 0]);
    let in_port = if random.chance(70) { random.pick(&[1, 2, CONTROLLER]) } else { edge(random) };
    let buffer = if random.chance(4) { 7 } else { ANY };
    packet_out(5, buffer, in_port, &list, &vec![0x0a; len])
}

fn multipart_of(random: &mut Random) -> Vec<u8> {
    let kind = random.below(15) as u16;
    let body = match kind {
        1 | 2 => {
            let mut body =
                flow_request(random.pick(&[0, 1, 200, 255]), &matching(&match_fields(random)));
            if random.chance(30) {
                body[4..8].copy_from_slice(&edge(random).to_be_bytes());
            }
            body
        }
        4 | 6 | 9 | 10 => [edge(random).to_be_bytes(), [0; 4]].concat(),
        5 => [edge(random).to_be_bytes(), random.pick(&[0, 9, ANY]).to_be_bytes()].concat(),
        // It is long and says what each switch is.
        12 => return multipart(5, 13, 0, &[]),
        _ => Vec::new(),
    };
    multipart(5, kind, random.pick(&[0, 0, 0, 0, 2]), &body)
}

/// Places in a message where a structure says how long it is: the match and what follows it.
fn change(random: &mut Random, bytes: &mut Vec<u8>) {
    let body = bytes.len() - 8;
    if body == 0 {
        bytes.extend(random.list(4, |random| random.pick(&BYTES)));
        return;
    }
    let at = 8 + random.below(body);
    match random.weighted(&[30, 20, 12, 8, 8, 8]) {
        0 => bytes[at] = random.pick(&BYTES),
        1 => bytes[at] ^= 1 << random.below(8),
        2 => {
            let at = 8 + (at - 8) / 4 * 4;
            let value = edge(random).to_be_bytes();
            bytes.iter_mut().skip(at).zip(value).for_each(|(byte, value)| *byte = value);
        }
        3 => bytes.truncate(at),
        4 => bytes.extend(random.list(8, |random| random.pick(&BYTES))),
        _ => {
            // A piece of 8 bytes comes twice, or goes.
            let from = 8 + (at - 8) / 8 * 8;
            let to = (from + 8).min(bytes.len());
            if random.chance(50) {
                let piece = bytes[from..to].to_vec();
                bytes.splice(from..from, piece);
            } else {
                bytes.drain(from..to);
            }
        }
    }
}

/// A message of any type, its bytes changed now and then.
pub(crate) fn mutated(random: &mut Random) -> Vec<u8> {
    let mut bytes = message_of_any_type(random);
    let count = random.pick(&[0, 0, 1, 1, 1, 2, 3]);
    for _ in 0..count {
        change(random, &mut bytes);
    }
    if random.chance(3) {
        let len = random.below(64);
        bytes.truncate(8);
        bytes.extend(random.list(len, |random| random.bits() as u8));
    }
    // The stream goes on behind it, and it keeps to what may be compared.
    let len = bytes.len() as u16;
    bytes[2..4].copy_from_slice(&len.to_be_bytes());
    let more = bytes[1] == 18 && bytes.len() >= 12 && bytes[11] & 1 == 1;
    if more {
        bytes[11] &= 0xfe;
    }
    if bytes[1] == 24 && bytes.len() >= 24 {
        bytes[16..24].fill(0);
    }
    bytes
}
