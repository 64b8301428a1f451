//! The golden list: groups, meters, packet-outs and roles.

#![allow(clippy::cloned_ref_to_slice_refs, reason = "each line says what it sends")]

use rumpswitch_tests::contract::{message, multipart};
use rumpswitch_tests::wire::*;

use super::cases::Section;

const ANY: u32 = u32::MAX;
const CONTROLLER: u32 = 0xffff_fffd;
const TABLE: u32 = 0xffff_fff9;

fn to_group(id: u32) -> Vec<u8> {
    tlv(22, &id.to_be_bytes())
}

/// A bucket of no weight that watches nothing.
fn plain(actions: &[Vec<u8>]) -> Vec<u8> {
    bucket(0, ANY, ANY, actions)
}

fn word(word: u32) -> Vec<u8> {
    [word.to_be_bytes(), [0; 4]].concat()
}

pub(super) fn groups() -> Section {
    let simple = plain(&[output(1)]);
    let add = |kind, buckets: &[Vec<u8>]| group_mod(5, 0, kind, 1, buckets);
    let existing = |id: u32| group_mod(4, 0, 0, id, &[plain(&[output(1)])]);
    let mut s = Section::new("groups");
    s.one("ADD all", add(0, &[simple.clone(), simple.clone()]));
    s.after("ADD twice", &[&existing(1)], add(0, &[simple.clone()]));
    s.one("MODIFY missing", group_mod(5, 1, 0, 1, &[simple.clone()]));
    s.one("DELETE missing", group_mod(5, 2, 0, 1, &[]));
    s.after("DELETE with buckets", &[&existing(1)], group_mod(5, 2, 0, 1, &[simple.clone()]));
    s.one("command 3", group_mod(5, 3, 0, 1, &[]));
    s.one("command 0x8000", group_mod(5, 0x8000, 0, 1, &[simple.clone()]));
    s.one("type 4", add(4, &[simple.clone()]));
    s.one("type 200", add(200, &[simple.clone()]));
    s.one("id 0", group_mod(5, 0, 0, 0, &[simple.clone()]));
    s.one("id MAX", group_mod(5, 0, 0, 0xffff_ff00, &[simple.clone()]));
    s.one("id MAX + 1", group_mod(5, 0, 0, 0xffff_ff01, &[simple.clone()]));
    s.one("id ALL, ADD", group_mod(5, 0, 0, 0xffff_fffc, &[simple.clone()]));
    s.one("id ANY, DELETE", group_mod(5, 2, 0, ANY, &[]));
    s.one("indirect, no bucket", add(2, &[]));
    s.one("indirect", add(2, &[simple.clone()]));
    s.one("indirect, two buckets", add(2, &[simple.clone(), simple.clone()]));
    s.one("all, no bucket", add(0, &[]));
    s.one("select, no bucket", add(1, &[]));
    s.one("ff without watch", add(3, &[simple.clone()]));
    s.one("ff, port", add(3, &[bucket(0, 1, ANY, &[output(1)])]));
    s.one("ff, missing port 77", add(3, &[bucket(0, 77, ANY, &[output(1)])]));
    s.one("ff, missing group", add(3, &[bucket(0, ANY, 9, &[output(1)])]));
    s.one("ff, port IN_PORT", add(3, &[bucket(0, 0xffff_fff8, ANY, &[output(1)])]));
    s.one("all with watch", add(0, &[bucket(0, 1, ANY, &[output(1)])]));
    s.one("all with weight", add(0, &[bucket(1, ANY, ANY, &[output(1)])]));
    s.one("select, weight 0", add(1, &[simple.clone()]));
    let weight = |weight| bucket(weight, ANY, ANY, &[output(1)]);
    s.one("select, weights 1 and 65535", add(1, &[weight(1), weight(65535)]));
    s.one("bucket of length 8", add(0, &[bucket_len(8, 0, ANY, ANY, &[])]));
    s.one("bucket of length 20", add(0, &[bucket_len(20, 0, ANY, ANY, &[0; 4])]));
    let odd = [bucket_len(20, 0, ANY, ANY, &[]), vec![0; 8]].concat();
    s.one("bucket of length 20 in whole words", add(0, &[odd]));
    s.one("bucket beyond the end", add(0, &[bucket_len(64, 0, ANY, ANY, &[])]));
    s.one("bucket, bad action", add(0, &[plain(&[tlv(28, &[0; 4])])]));
    s.one("bucket, output ANY", add(0, &[plain(&[output(ANY)])]));
    s.one("bucket to a missing group", add(0, &[plain(&[to_group(9)])]));
    let chained = group_mod(5, 0, 0, 2, &[plain(&[to_group(1)])]);
    s.after("bucket to a group", &[&existing(1)], chained.clone());
    s.one("to itself", add(0, &[plain(&[to_group(1)])]));
    let back = group_mod(5, 1, 0, 1, &[plain(&[to_group(2)])]);
    s.after("a loop of two", &[&existing(1), &chained], back);
    s.after("MODIFY to another type", &[&existing(1)], group_mod(5, 1, 2, 1, &[simple.clone()]));
    s.after("DELETE one that another uses", &[&existing(1), &chained], group_mod(5, 2, 0, 1, &[]));
    let flagged = FlowMod { flags: 1, ..FlowMod::default() };
    let entry = flagged.message(4, &matching(&[]), &[apply(&[to_group(1)])]);
    s.after("DELETE one that an entry uses", &[&existing(1), &entry], group_mod(5, 2, 0, 1, &[]));
    s.after("GROUP_DESC", &[&existing(1)], multipart(5, 7, 0, &[]));
    s.after("GROUP ALL", &[&existing(1)], multipart(5, 6, 0, &word(0xffff_fffc)));
    s.one("GROUP missing 777", multipart(5, 6, 0, &word(777)));
    s.one("GROUP_FEATURES", multipart(5, 8, 0, &[]));
    s
}

pub(super) fn meters() -> Section {
    let drop = band(1, 1000, 100, &[0; 4]);
    let add = |flags, id, bands: &[Vec<u8>]| meter_mod(5, 0, flags, id, bands);
    let existing = meter_mod(4, 0, 1, 1, &[drop.clone()]);
    let one = |band: Vec<u8>| add(1, 1, &[band]);
    let mut s = Section::new("meters");
    s.one("ADD kbps", one(drop.clone()));
    s.after("ADD twice", &[&existing], one(drop.clone()));
    s.one("MODIFY missing", meter_mod(5, 1, 1, 1, &[drop.clone()]));
    s.one("DELETE missing", meter_mod(5, 2, 1, 1, &[]));
    s.one("id 0", add(1, 0, &[drop.clone()]));
    s.one("id MAX", add(1, 0xffff_0000, &[drop.clone()]));
    s.one("id MAX + 1", add(1, 0xffff_0001, &[drop.clone()]));
    s.one("id SLOWPATH", add(2, 0xffff_fffd, &[drop.clone()]));
    s.one("id CONTROLLER", add(2, 0xffff_fffe, &[drop.clone()]));
    s.one("id ALL, ADD", add(1, ANY, &[drop.clone()]));
    s.one("command 3", meter_mod(5, 3, 1, 1, &[]));
    s.one("flags KBPS and PKTPS", add(3, 1, &[drop.clone()]));
    s.one("flags 0", add(0, 1, &[drop.clone()]));
    s.one("flags 0x10", add(0x10, 1, &[drop.clone()]));
    s.one("no bands", add(1, 1, &[]));
    s.one("two bands", add(1, 1, &[drop.clone(), band(1, 9, 0, &[0; 4])]));
    s.one("rate 0", one(band(1, 0, 0, &[0; 4])));
    s.one("burst without the flag", one(band(1, 1000, 7, &[0; 4])));
    s.one("burst 0 with the flag", add(5, 1, &[band(1, 1000, 0, &[0; 4])]));
    s.one("dscp_remark", one(band(2, 1000, 0, &[1, 0, 0, 0])));
    s.one("band of type 9", one(band(9, 1, 1, &[0; 4])));
    s.one("band of an experimenter", one(band(0xffff, 1, 1, &[0; 4])));
    s.one("band of length 12", one(band(1, 1, 1, &[])));
    s.one("band of length 24", one(band(1, 1, 1, &[0; 12])));
    let flagged = FlowMod { flags: 1, ..FlowMod::default() };
    let entry = flagged.message(4, &matching(&[]), &[tlv(6, &[0, 0, 0, 1])]);
    s.after("an entry that uses it", &[&existing], entry.clone());
    s.after("DELETE one that an entry uses", &[&existing, &entry], meter_mod(5, 2, 0, 1, &[]));
    s.after("METER ALL", &[&existing], multipart(5, 9, 0, &word(ANY)));
    s.one("METER missing 777", multipart(5, 9, 0, &word(777)));
    s.after("METER_CONFIG 1", &[&existing], multipart(5, 10, 0, &word(1)));
    s.one("METER_FEATURES", multipart(5, 11, 0, &[]));
    s
}

pub(super) fn packet_outs() -> Section {
    let frame = [0x0a; 60];
    let mut s = Section::new("packet-out");
    let mut out = |name: &str, in_port: u32, actions: &[Vec<u8>]| {
        s.one(name, packet_out(5, ANY, in_port, actions, &frame));
    };
    out("ok", CONTROLLER, &[output(1)]);
    out("in_port 77, absent", 77, &[output(1)]);
    out("in_port ANY", ANY, &[output(1)]);
    out("in_port 0", 0, &[output(1)]);
    out("in_port 0xff00", 0xff00, &[output(1)]);
    out("in_port 0x10000", 0x1_0000, &[output(1)]);
    out("in_port MAX + 1", 0xffff_ff01, &[output(1)]);
    out("in_port TABLE", TABLE, &[output(1)]);
    out("bad action", 1, &[tlv(28, &[0; 4])]);
    out("group missing", 1, &[to_group(9)]);
    out("no actions", CONTROLLER, &[]);
    out("output TABLE, no entry", 1, &[output(TABLE)]);
    out("output CONTROLLER", CONTROLLER, &[output(CONTROLLER)]);
    let lacking = [set_field(&oxm(11, &[0; 4]))];
    s.one("set_field of a header that is not there", packet_out(5, ANY, 1, &lacking, &frame));
    s.one("no data, no buffer", packet_out(5, ANY, CONTROLLER, &[output(1)], &[]));
    s.one("3 bytes of data", packet_out(5, ANY, CONTROLLER, &[output(1)], &[1, 2, 3]));
    s.one("buffer 7", packet_out(5, 7, CONTROLLER, &[output(1)], &[]));
    s.one("actions_len beyond the end", packet_out_len(5, ANY, 1, 64, &output(1), &[]));
    s.one("actions_len 12", packet_out_len(5, ANY, 1, 12, &output(1), &frame));
    s.one("actions_len 20", packet_out_len(5, ANY, 1, 20, &output(1), &frame));
    let to_table = packet_out(5, ANY, 1, &[output(TABLE)], &frame);
    let miss = FlowMod { priority: 0, ..FlowMod::default() };
    let apply_miss = miss.message(4, &matching(&[]), &[apply(&[output(CONTROLLER)])]);
    s.after("output TABLE, table-miss entry", &[&apply_miss], to_table.clone());
    let written = FlowMod { priority: 1, ..FlowMod::default() };
    let written = written.message(4, &matching(&[]), &[write(&[output(CONTROLLER)])]);
    s.after("output TABLE, action set", &[&written], to_table);
    s
}

pub(super) fn roles() -> Section {
    let slave = role(3, 3, 1);
    let master = role(3, 2, 5);
    let mut s = Section::new("roles");
    s.one("role 4", role(5, 4, 0));
    s.one("role 99", role(5, 99, 0));
    s.one("MASTER gen 5", role(5, 2, 5));
    s.after("SLAVE gen 4 after 5 (stale)", &[&master], role(5, 3, 4));
    s.after("MASTER gen 5 again", &[&master], role(5, 2, 5));
    s.after("SLAVE gen 6 after 5", &[&master], role(5, 3, 6));
    s.after("MASTER gen 5 + 2^63", &[&master], role(5, 2, 5 + (1 << 63)));
    s.after("MASTER gen 5 + 2^63 - 1", &[&master], role(5, 2, 5 + (1 << 63) - 1));
    s.after("EQUAL gen 0 after 5", &[&master], role(5, 1, 0));
    s.after("nochange as slave", &[&slave], role(5, 0, 0));
    let mut as_slave = |name: &str, message: Vec<u8>| {
        s.after(&format!("slave: {name}"), &[&slave], message);
    };
    as_slave("FLOW_MOD", FlowMod::default().message(5, &matching(&[]), &[]));
    as_slave("malformed FLOW_MOD", FlowMod::default().message(5, &matching_raw(7, 99, &[]), &[]));
    as_slave("GROUP_MOD", group_mod(5, 0, 0, 1, &[]));
    as_slave("METER_MOD", meter_mod(5, 2, 0, 1, &[]));
    as_slave("PORT_MOD", port_mod(5, 1, [2, 0, 0, 0, 0, 1], 0, 0, 0));
    as_slave("TABLE_MOD", table_mod(5, 0, 0));
    as_slave("PACKET_OUT", packet_out(5, ANY, CONTROLLER, &[output(1)], &[0x0a; 60]));
    as_slave("GET_CONFIG", message(7, 5, &[]));
    as_slave("SET_CONFIG", set_config(5, 0, 64));
    as_slave("SET_ASYNC", set_async(5, [7; 6]));
    as_slave("SET_ASYNC unknown bits", set_async(5, [ANY; 6]));
    as_slave("GET_ASYNC", message(26, 5, &[]));
    as_slave("TABLE_FEATURES query", multipart(5, 12, 0, &[]));
    as_slave("queues", message(22, 5, &word(1)));
    s
}
