//! What a switch looks like, over its channels: which messages and questions it knows, what it
//! announces, and TABLE_FEATURES written.

mod embodiment;

use datapath::personality::{Features, Messages, Multiparts};
use datapath::{Personality, SwitchConfig};
use embodiment::{InProcess, ask, error_of, read, types};
use ofp_codec::multipart::TableFeatures;
use ofp_codec::{
    Message, MultipartFlags, MultipartReplyBody, MultipartRequest, MultipartRequestBody, TableId,
};
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::{ChannelId, DeviceConfig};

const TABLE_FEATURES: u16 = 12;

fn device(personality: Personality) -> (InProcess, ChannelId) {
    let config = SwitchConfig { personality: Some(personality.into()), ..SwitchConfig::default() };
    let mut device = InProcess::with_switch(DeviceConfig::default(), config, 1);
    let channel = connect(&mut device);
    (device, channel)
}

/// The one error that a message is answered with.
#[track_caller]
fn refusal(device: &mut InProcess, channel: ChannelId, message: &[u8]) -> (u16, u16) {
    write_all(device, channel, message);
    let answers = read(device, channel);
    assert_eq!(types(&answers), [1], "{answers:02x?}");
    error_of(&answers[0])
}

/// The tables of a TABLE_FEATURES reply, of all its parts.
fn tables(answers: &[Vec<u8>]) -> Vec<TableFeatures> {
    let mut tables = Vec::new();
    for answer in answers {
        match Message::decode(answer).expect("a reply").1 {
            Message::MultipartReply(reply) => match reply.body {
                MultipartReplyBody::TableFeatures(part) => tables.extend(part),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }
    tables
}

fn read_tables(device: &mut InProcess, channel: ChannelId) -> Vec<TableFeatures> {
    tables(&ask(device, channel, &multipart(7, TABLE_FEATURES, 0, &[])))
}

/// The request that writes tables, cut into parts of so many tables.
fn write_tables(xid: u32, wanted: &[TableFeatures], part: usize) -> Vec<Vec<u8>> {
    let count = wanted.chunks(part).count();
    let message = |(at, tables): (usize, &[TableFeatures])| {
        let more = if at + 1 < count { MultipartFlags::MORE } else { MultipartFlags::empty() };
        let body = MultipartRequestBody::TableFeatures(tables.to_vec());
        let mut bytes = Vec::new();
        let request = MultipartRequest { flags: more, body };
        Message::MultipartRequest(request).encode(xid, &mut bytes).expect("it fits");
        bytes
    };
    wanted.chunks(part).enumerate().map(message).collect()
}

#[test]
fn a_message_that_a_switch_lacks_is_a_bad_type() {
    let examples = [
        (Messages::EXPERIMENTER, experimenter(5, 0x4f4e_4600, 2300, &[0; 8])),
        (Messages::GROUP_MOD, group_mod(5, 2, 0, 9, &[])),
        (Messages::PORT_MOD, port_mod(5, 1, InProcess::hw_addr(1), 0, 0, 0)),
        (Messages::TABLE_MOD, table_mod(5, 0, 0)),
        (Messages::QUEUE_GET_CONFIG, message(22, 5, &[0, 0, 0, 1, 0, 0, 0, 0])),
        (Messages::ROLE_REQUEST, role(5, 0, 0)),
        (Messages::GET_ASYNC, message(26, 5, &[])),
        (Messages::SET_ASYNC, set_async(5, [0; 6])),
        (Messages::METER_MOD, meter_mod(5, 2, 1, 9, &[])),
    ];
    assert_eq!(examples.len(), Messages::all().iter().count());
    for (bit, bytes) in examples {
        let mut personality = Personality::full();
        personality.messages.remove(bit);
        let (mut device, channel) = device(personality);
        assert_eq!(refusal(&mut device, channel, &bytes), (1, 1), "{bit:?}");
        // Its length does not matter, since the type comes first.
        assert_eq!(refusal(&mut device, channel, &message(bytes[1], 5, &[])), (1, 1), "{bit:?}");
    }
}

#[test]
fn a_question_that_a_switch_lacks_is_a_bad_multipart() {
    for number in 0..=13 {
        let bit = Multiparts::from_bits_retain(1 << number);
        let mut personality = Personality::full();
        personality.multiparts.remove(bit);
        let (mut device, channel) = device(personality);
        let request = multipart(5, number, 0, &[]);
        assert_eq!(refusal(&mut device, channel, &request), (1, 2), "{bit:?}");
    }
}

#[test]
fn capabilities_are_those_of_the_questions_that_are_answered() {
    for personality in Personality::PRESETS.map(|name| Personality::preset(name).unwrap()) {
        let name = personality.name.clone();
        let multiparts = personality.multiparts;
        let count = personality.tables.len();
        let (mut device, channel) = device(personality);
        let answers = ask(&mut device, channel, &features(5));
        let reply = &answers[0];
        assert_eq!(usize::from(reply[20]), count, "{name}");
        let word = u32::from_be_bytes(reply[24..28].try_into().unwrap());
        for (bit, kind) in [(0, 1), (1, 3), (2, 4), (3, 6), (6, 5)] {
            let announced = word >> bit & 1 != 0;
            assert_eq!(announced, multiparts.bits() >> kind & 1 != 0, "{name}: bit {bit}");
            let body = match kind {
                1 => flow_request(255, &matching(&[])),
                4 => vec![0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
                5 => vec![0xff; 8],
                6 => vec![0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0],
                _ => vec![],
            };
            write_all(&mut device, channel, &multipart(6, kind, 0, &body));
            let answers = read(&mut device, channel);
            assert_eq!(answers[0][1] == 19, announced, "{name}: multipart {kind}");
        }
        assert_eq!(word & !0x4f, 0, "{name}: no reassembly, no blocked ports");
    }
}

#[test]
fn a_switch_says_who_made_it() {
    let texts = |personality| {
        let (mut device, channel) = device(personality);
        let answers = ask(&mut device, channel, &multipart(5, 0, 0, &[]));
        let text = |at: usize| {
            let field = &answers[0][16 + at..16 + at + 256];
            let len = field.iter().position(|byte| *byte == 0).expect("a NUL");
            String::from_utf8(field[..len].to_vec()).unwrap()
        };
        [0, 256, 512].map(text)
    };
    assert_eq!(texts(Personality::ovs()), ["Nicira, Inc.", "Open vSwitch", "3.1.0"]);
    assert_eq!(texts(Personality::full())[..2], ["rumpswitch", "anykernel"]);
    let long = "x".repeat(300);
    let long = Personality::full().made_by(&long, "", &long);
    assert_eq!(texts(long), [&"x".repeat(255), "anykernel", &"x".repeat(255)]);
}

#[test]
fn features_that_a_switch_lacks_have_errors_of_their_own() {
    let lacking = |features| device(Personality::full().without(features));
    let (mut device, channel) = lacking(Features::ROLES);
    assert_eq!(refusal(&mut device, channel, &role(5, 2, 1)), (11, 1), "ROLE_REQUEST_FAILED/UNSUP");
    let (mut device, channel) = lacking(Features::FRAGMENT_DROP);
    assert_eq!(refusal(&mut device, channel, &set_config(5, 1, 64)), (10, 0), "BAD_FLAGS");
    assert_eq!(ask(&mut device, channel, &set_config(5, 0, 64)), Vec::<Vec<u8>>::new());
    let (mut device, channel) = lacking(Features::EXPERIMENTERS);
    let open = [&[0, 0, 0, 9, 0, 0, 0, 3][..]].concat();
    let open = experimenter(5, 0x4f4e_4600, 2300, &open);
    assert_eq!(refusal(&mut device, channel, &open), (1, 3), "BAD_EXPERIMENTER");
    let (mut device, channel) = lacking(Features::TABLE_FEATURES_WRITE);
    let all = read_tables(&mut device, channel);
    let request = write_tables(5, &all[..1], 1).concat();
    assert_eq!(refusal(&mut device, channel, &request), (13, 5), "EPERM");
}

#[test]
fn written_table_features_are_told_in_the_order_of_the_request() {
    let (mut device, channel) = device(Personality::full());
    let all = read_tables(&mut device, channel);
    assert_eq!(all.len(), 255);
    let mut wanted: Vec<_> = [9, 0, 4].map(|id: usize| all[id].clone()).into();
    for (table, name) in wanted.iter_mut().zip(["egress", "access", "routes"]) {
        table.name = name.into();
    }
    let request = write_tables(5, &wanted, 3).concat();
    let given = tables(&ask(&mut device, channel, &request));
    let told: Vec<(u8, &str)> =
        given.iter().map(|table| (table.table_id.0, table.name.as_str())).collect();
    assert_eq!(told, [(9, "egress"), (0, "access"), (4, "routes")]);
    let later = read_tables(&mut device, channel);
    let ids: Vec<TableId> = later.iter().map(|table| table.table_id).collect();
    assert_eq!(ids, [TableId(0), TableId(4), TableId(9)], "the order of packets");
    assert_eq!(later[0].name, "access");
    let features = ask(&mut device, channel, &features(6));
    assert_eq!(features[0][20], 255, "so many tables there may be");
}

#[test]
fn a_request_in_many_parts_is_one_request() {
    let (mut device, channel) = device(Personality::full());
    let all = read_tables(&mut device, channel);
    let mut wanted = all[..254].to_vec();
    for table in &mut wanted {
        table.name = format!("t{}", table.table_id.0);
    }
    let parts = write_tables(5, &wanted, 10);
    assert!(parts.len() > 20);
    let (last, before) = parts.split_last().unwrap();
    for part in before {
        assert!(ask(&mut device, channel, part).is_empty());
    }
    assert_eq!(read_tables(&mut device, channel), all, "nothing has changed by then");
    let given = tables(&ask(&mut device, channel, last));
    assert_eq!(given.len(), 254);
    assert_eq!(given[253].name, "t253");
    assert_eq!(read_tables(&mut device, channel), given);
    // One that is wrong in its last part changes nothing.
    let mut wrong = all.clone();
    wrong[254].table_id = TableId(3);
    let parts = write_tables(6, &wrong, 10);
    let (last, before) = parts.split_last().unwrap();
    for part in before {
        assert!(ask(&mut device, channel, part).is_empty());
    }
    assert_eq!(refusal(&mut device, channel, last), (13, 0), "BAD_TABLE");
    assert_eq!(read_tables(&mut device, channel), given);
}

#[test]
fn removed_entries_are_told_to_those_who_asked() {
    let (mut device, channel) = device(Personality::full());
    let told = device_flow(3, 1);
    assert!(ask(&mut device, channel, &told).is_empty());
    let all = read_tables(&mut device, channel);
    let answers = ask(&mut device, channel, &write_tables(5, &all[..2], 2).concat());
    let mut kinds = types(&answers);
    kinds.sort_unstable();
    assert_eq!(kinds, [11, 19]);
    let removed = answers.iter().find(|answer| answer[1] == 11).unwrap();
    assert_eq!((removed[18], removed[19]), (2, 3), "OFPRR_DELETE, table 3");
}

/// An entry of a table that asks to be told of.
fn device_flow(table: u8, flags: u16) -> Vec<u8> {
    flow_mod(4, table, 0, 7, flags)
}

#[test]
fn slaves_and_bundles_do_not_write_table_features() {
    let (mut device, channel) = device(Personality::full());
    let all = read_tables(&mut device, channel);
    let request = write_tables(5, &all[..1], 1).concat();
    let open = experimenter(4, 0x4f4e_4600, 2300, &[0, 0, 0, 9, 0, 0, 0, 3]);
    ask(&mut device, channel, &open);
    let add = [&[0, 0, 0, 9, 0, 0, 0, 3][..], &request].concat();
    let add = experimenter(5, 0x4f4e_4600, 2301, &add);
    write_all(&mut device, channel, &add);
    let answers = read(&mut device, channel);
    // ONFBFC_MSG_UNSUP of the extension.
    assert_eq!(error_of(&answers[0]), (0xffff, 2310));
    let slave = [&3_u32.to_be_bytes()[..], &[0; 12]].concat();
    ask(&mut device, channel, &message(24, 6, &slave));
    assert_eq!(refusal(&mut device, channel, &request), (1, 10), "IS_SLAVE");
    assert_eq!(read_tables(&mut device, channel).len(), 255);
}

#[test]
fn a_dump_goes_on_when_tables_vanish_under_it() {
    let config = DeviceConfig { reply_len_soft: 64 * 1024, ..DeviceConfig::default() };
    let mut device = InProcess::new(config, 1);
    let channel = connect(&mut device);
    let writer = connect(&mut device);
    let all = read_tables(&mut device, channel);
    write_all(&mut device, channel, &multipart(7, TABLE_FEATURES, 0, &[]));
    let few: Vec<_> = [0, 254].map(|id: usize| all[id].clone()).into();
    ask(&mut device, writer, &write_tables(5, &few, 2).concat());
    let rest = tables(&read(&mut device, channel));
    assert_eq!(rest.last().map(|table| table.table_id), Some(TableId(254)), "to its end");
    assert!(rest.len() < 255);
}
