//! The messages of the golden list: built here, one case each, with what must be there before; what
//! Open vSwitch answered to them is in `golden.txt`. Channel, flow-mods, matches and requests here;
//! what stands in an entry in `entries.rs`, groups, meters, packet-outs and roles in `state.rs`.

use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;

/// One message of the list.
pub(crate) struct Case {
    /// The heading it stands under.
    pub(crate) section: &'static str,
    /// What it is, unique under its heading.
    pub(crate) name: String,
    /// The hello with which the channel begins.
    pub(crate) hello: Vec<u8>,
    /// What is sent before, and accepted.
    pub(crate) before: Vec<Vec<u8>>,
    /// The message.
    pub(crate) message: Vec<u8>,
}

/// Cases under one heading.
pub(crate) struct Section {
    name: &'static str,
    pub(crate) cases: Vec<Case>,
}

impl Section {
    pub(crate) fn new(name: &'static str) -> Section {
        Section { name, cases: Vec::new() }
    }

    /// A message that needs nothing.
    pub(crate) fn one(&mut self, name: &str, message: Vec<u8>) {
        self.after(name, &[], message);
    }

    /// A message after others.
    pub(crate) fn after(&mut self, name: &str, before: &[&[u8]], message: Vec<u8>) {
        let before = before.iter().map(|message| message.to_vec()).collect();
        self.push(name, HELLO.to_vec(), before, message);
    }

    /// A channel that begins with this.
    fn hello(&mut self, name: &str, hello: Vec<u8>) {
        self.push(name, hello, Vec::new(), echo(5, b"well"));
    }

    fn push(&mut self, name: &str, hello: Vec<u8>, before: Vec<Vec<u8>>, message: Vec<u8>) {
        let name = name.to_owned();
        self.cases.push(Case { section: self.name, name, hello, before, message });
    }
}

/// Every case, in the order of the file.
pub(crate) fn all() -> Vec<Case> {
    let sections = [
        basic(),
        hellos(),
        flow_mods(),
        matches(),
        super::entries::instructions(),
        super::entries::actions(),
        super::state::groups(),
        super::state::meters(),
        multiparts(),
        settings(),
        super::state::packet_outs(),
        super::state::roles(),
    ];
    sections.into_iter().flat_map(|section| section.cases).collect()
}

fn basic() -> Section {
    let mut s = Section::new("basic");
    s.one("FEATURES", features(5));
    s.one("GET_CONFIG", message(7, 5, &[]));
    s.one("GET_ASYNC", message(26, 5, &[]));
    s.one("ROLE nochange", role(5, 0, 0));
    s.one("ECHO 5 bytes", echo(5, b"12345"));
    s.one("BARRIER with 4-byte body", message(20, 5, &[0; 4]));
    s.one("type 30", message(30, 5, &[]));
    s.one("type 200", message(200, 5, &[]));
    s.one("HELLO again", HELLO.to_vec());
    s.one("packet-in sent by a controller", message(10, 5, &[0; 40]));
    s.one("features reply sent by a controller", message(6, 5, &[0; 24]));
    s.one("experimenter unknown", experimenter(5, 0x12_3456, 1, &[]));
    s.one("experimenter ONF, unknown type", experimenter(5, 0x4f4e_4600, 1, &[]));
    s.one("experimenter short", message(4, 5, &[0; 4]));
    s.one("FEATURES with extra 4 bytes", message(5, 5, &[0; 4]));
    s.one("SET_CONFIG short", message(9, 5, &[0; 2]));
    s.one("SET_CONFIG flags 0x10", set_config(5, 0x10, 0));
    s.one("SET_CONFIG drop", set_config(5, 1, 128));
    s.one("SET_CONFIG flags 3", set_config(5, 3, 0));
    s.one("SET_CONFIG reasm", set_config(5, 2, 0));
    s.one("SET_CONFIG miss_send_len 0xffff", set_config(5, 0, 0xffff));
    s.one("SET_CONFIG miss_send_len 0xfff0", set_config(5, 0, 0xfff0));
    s.one("echo of version 1", vec![1, 2, 0, 8, 0, 0, 0, 5]);
    s.one("echo of version 5", vec![5, 2, 0, 8, 0, 0, 0, 5]);
    s.one("ERROR of 8 bytes", message(1, 5, &[]));
    s.one("ERROR", message(1, 5, &[0, 1, 0, 1]));
    s.one("length 7", vec![4, 2, 0, 7, 0, 0, 0, 5]);
    s
}

fn hellos() -> Section {
    let hello = |version: u8, body: &[u8]| {
        let mut bytes = message(0, 1, body);
        bytes[0] = version;
        bytes
    };
    let bitmap = |word: u32| [&[0, 1, 0, 8][..], &word.to_be_bytes()].concat();
    let mut s = Section::new("hello");
    s.hello("version 1, no bitmap", hello(1, &[]));
    s.hello("version 4, no bitmap", hello(4, &[]));
    s.hello("version 5, no bitmap", hello(5, &[]));
    s.hello("version 6, no bitmap", hello(6, &[]));
    s.hello("version 6, bitmap {1}", hello(6, &bitmap(1 << 1)));
    s.hello("version 5, bitmap {4}", hello(5, &bitmap(1 << 4)));
    s.hello("version 6, bitmap {4}", hello(6, &bitmap(1 << 4)));
    s.hello("version 4, bitmap {1, 4, 6}", hello(4, &bitmap(1 << 1 | 1 << 4 | 1 << 6)));
    s.hello("unknown element", hello(4, &[0, 9, 0, 8, 1, 2, 3, 4]));
    s.hello(
        "unknown element, then bitmap",
        hello(4, &[&[0, 9, 0, 4, 0, 0, 0, 0][..], &bitmap(0x10)].concat()),
    );
    s.hello("element of length 0", hello(4, &[0, 1, 0, 0]));
    s.hello("first message is no hello", features(5));
    s
}

fn flow(flow_mod: FlowMod) -> Vec<u8> {
    flow_mod.message(5, &matching(&[]), &[])
}

fn flow_mods() -> Section {
    let add = FlowMod::default();
    let mut s = Section::new("flow mod");
    s.one("ADD ok", flow(add));
    s.one("ADD table 253", flow(FlowMod { table: 253, ..add }));
    s.one("ADD table 254", flow(FlowMod { table: 254, ..add }));
    s.one("ADD table ALL", flow(FlowMod { table: 255, ..add }));
    s.one("MODIFY table ALL", flow(FlowMod { table: 255, command: 1, ..add }));
    s.one("DELETE table ALL", flow(FlowMod { table: 255, command: 3, ..add }));
    s.one("DELETE table 200 (empty)", flow(FlowMod { table: 200, command: 3, ..add }));
    s.one("MODIFY none", flow(FlowMod { command: 1, ..add }));
    s.one("DELETE_STRICT none", flow(FlowMod { command: 4, ..add }));
    s.one("command 5", flow(FlowMod { command: 5, ..add }));
    s.one("flags 0x20", flow(FlowMod { flags: 0x20, ..add }));
    s.one("flags 0x8000", flow(FlowMod { flags: 0x8000, ..add }));
    s.one("buffer_id 5", flow(FlowMod { buffer_id: 5, ..add }));
    s.one("short flow mod (40)", message(14, 5, &[0; 32]));
    let base = add.message(4, &matching(&[oxm(0, &[0, 0, 0, 1])]), &[]);
    let over = |priority| {
        FlowMod { flags: 2, priority, ..add }.message(5, &matching(&[oxm(5, &[8, 0])]), &[])
    };
    s.after("overlap, same priority, CHECK", &[&base], over(100));
    s.after("overlap, other priority, CHECK", &[&base], over(7));
    s.after("identical, CHECK", &[&flow(add)], flow(FlowMod { flags: 2, ..add }));
    let (mut cookie_mask, mut padding) = (flow(add), flow(add));
    cookie_mask[16..24].fill(0xff);
    padding[46..48].fill(0xff);
    let group = apply(&[tlv(22, &[0, 0, 0, 9])]);
    let modify = FlowMod { command: 1, ..add };
    s.one("MODIFY none, group missing", modify.message(5, &matching(&[]), &[group]));
    let pop = apply(&[tlv(18, &[0; 4])]);
    let delete = FlowMod { command: 3, ..add };
    s.one("DELETE, pop_vlan without a tag", delete.message(5, &matching(&[]), &[pop]));
    let unknown = matching(&[oxm(40, &[0])]);
    s.one(
        "command 5 and an unknown field",
        FlowMod { command: 5, ..add }.message(5, &unknown, &[]),
    );
    s.one("cookie_mask set on ADD", cookie_mask);
    s.one("non-zero pad", padding);
    s
}

fn raw_match(kind: u16, len: u16, content: &[u8]) -> Vec<u8> {
    FlowMod::default().message(5, &matching_raw(kind, len, content), &[])
}

fn matches() -> Section {
    let ipv4 = oxm(5, &[0x08, 0x00]);
    let ipv6 = oxm(5, &[0x86, 0xdd]);
    let proto = |proto: u8| oxm(10, &[proto]);
    let of = |eth_type: u16, tlv: Vec<u8>| vec![oxm(5, &eth_type.to_be_bytes()), tlv];
    let mut s = Section::new("match");
    s.one("type 0", raw_match(0, 4, &[]));
    s.one("type 2", raw_match(2, 4, &[]));
    s.one("length 2", raw_match(1, 2, &[]));
    s.one("length 0xff", raw_match(1, 0xff, &[]));
    s.one("cut TLV", raw_match(1, 10, &[0x80, 0, 0, 4, 0, 0]));
    s.one("non-zero padding", raw_match(1, 4, &[1, 2, 3, 4]));
    let mut m = |name: &str, tlvs: &[Vec<u8>]| {
        s.one(name, FlowMod::default().message(5, &matching(tlvs), &[]));
    };
    m("unknown field 40", &[oxm(40, &[0])]);
    m("unknown class 0x8001", &[oxm_class(0x8001, 0, false, &[0; 4])]);
    m("class 0x0002", &[oxm_class(2, 0, false, &[0; 4])]);
    m("unknown experimenter", &[oxm_class(0xffff, 0, false, &[0, 0, 1, 2, 3])]);
    m("in_port of 2 bytes", &[oxm(0, &[0, 1])]);
    m("eth_dst of 5 bytes", &[oxm(3, &[0; 5])]);
    m("field twice", &[ipv4.clone(), ipv4.clone()]);
    m("tcp without ip", &[oxm(13, &[0, 1])]);
    m("ip_proto before eth_type", &[proto(6), ipv4.clone()]);
    m("ipv4 without eth_type", &[oxm(11, &[0; 4])]);
    m("tcp_dst with proto udp", &[ipv4.clone(), proto(17), oxm(14, &[0, 1])]);
    m("tcp ok", &[ipv4.clone(), proto(6), oxm(14, &[0, 1])]);
    m("value bits outside mask", &of(0x0800, oxm_masked(11, &[10, 0, 0, 1], &[255, 255, 255, 0])));
    m("mask all-zero ipv4", &of(0x0800, oxm_masked(11, &[0; 4], &[0; 4])));
    m("mask all-ones ipv4", &of(0x0800, oxm_masked(11, &[10, 0, 0, 1], &[255; 4])));
    m("mask with holes, ipv4", &of(0x0800, oxm_masked(11, &[10, 0, 0, 1], &[255, 0, 255, 255])));
    m("mask with holes, eth", &[oxm_masked(3, &[1, 0, 0, 0, 0, 1], &[1, 0, 0xf0, 0, 0, 0xff])]);
    m("masked in_port, all ones", &[oxm_masked(0, &[0, 0, 0, 1], &[255; 4])]);
    m("masked eth_type, all ones", &[oxm_masked(5, &[8, 0], &[255; 2])]);
    m("masked ip_proto, all ones", &of(0x0800, oxm_masked(10, &[6], &[255])));
    m("masked eth_type, partial", &[oxm_masked(5, &[8, 0], &[0xff, 0])]);
    m("masked tcp_dst", &[ipv4.clone(), proto(6), oxm_masked(14, &[0, 0], &[0xff, 0])]);
    m("in_port 0", &[oxm(0, &[0; 4])]);
    m("in_port ANY", &[oxm(0, &[255; 4])]);
    m("in_port CONTROLLER", &[oxm(0, &[255, 255, 255, 0xfd])]);
    m("in_port 77, absent", &[oxm(0, &[0, 0, 0, 77])]);
    m("in_port 0x10000", &[oxm(0, &[0, 1, 0, 0])]);
    m("in_phy_port", &[oxm(0, &[0, 0, 0, 1]), oxm(1, &[0, 0, 0, 1])]);
    m("in_phy_port alone", &[oxm(1, &[0, 0, 0, 1])]);
    m("vlan_vid 0x2005", &[oxm(6, &[0x20, 5])]);
    m("vlan_vid 0", &[oxm(6, &[0, 0])]);
    m("vlan_vid 5 without PRESENT", &[oxm(6, &[0, 5])]);
    m("vlan_vid 0x1005", &[oxm(6, &[0x10, 5])]);
    m("vlan_vid any", &[oxm_masked(6, &[0x10, 0], &[0x10, 0])]);
    m("pcp without vid", &[oxm(7, &[1])]);
    m("pcp with vid none", &[oxm(6, &[0, 0]), oxm(7, &[1])]);
    m("pcp with any vid", &[oxm_masked(6, &[0x10, 0], &[0x10, 0]), oxm(7, &[1])]);
    m("pcp 8", &[oxm(6, &[0x10, 5]), oxm(7, &[8])]);
    m("dscp 64", &of(0x0800, oxm(8, &[64])));
    m("ecn 4", &of(0x0800, oxm(9, &[4])));
    m("flabel of 21 bits", &of(0x86dd, oxm(28, &[0, 0x10, 0, 0])));
    m("flabel masked", &of(0x86dd, oxm_masked(28, &[0, 0, 0, 1], &[0, 0, 0, 0xff])));
    m("mpls label of 21 bits", &of(0x8847, oxm(34, &[0, 0x10, 0, 0])));
    m("mpls bos 2", &of(0x8847, oxm(36, &[2])));
    m("mpls_bos with the mask of its bit", &of(0x8847, oxm_masked(36, &[1], &[1])));
    m("experimenter field of 1 byte", &[oxm_class(0xffff, 1, false, &[0])]);
    m("class NXM_0", &[oxm_class(0, 0, false, &[0, 1])]);
    m("pbb_isid", &of(0x88e7, oxm(37, &[0, 0, 1])));
    m("ipv6_exthdr", &of(0x86dd, oxm(39, &[0, 1])));
    m("arp_op 256", &of(0x0806, oxm(21, &[1, 0])));
    m("arp_sha masked", &of(0x0806, oxm_masked(24, &[0; 6], &[255, 0, 0, 0, 0, 0])));
    let nd = |icmp: u8| vec![ipv6.clone(), proto(58), oxm(29, &[icmp]), oxm(32, &[0; 6])];
    m("nd_sll of type 136", &nd(136));
    m("nd_sll of type 135", &nd(135));
    m("tunnel_id", &[oxm(38, &[0, 0, 0, 0, 0, 0, 0, 9])]);
    let low = [0, 0, 0, 0, 0, 0, 0, 15];
    m("metadata masked", &[oxm_masked(2, &[0, 0, 0, 0, 0, 0, 0, 9], &low)]);
    m("eth_type 0x8100", &[oxm(5, &[0x81, 0])]);
    m("eth_type 0x05ff", &[oxm(5, &[0x05, 0xff])]);
    s
}

fn multiparts() -> Section {
    let word = |word: u32| [word.to_be_bytes(), [0; 4]].concat();
    let queue = |port: u32, queue: u32| [port.to_be_bytes(), queue.to_be_bytes()].concat();
    let flows = |table| flow_request(table, &matching(&[]));
    let mut s = Section::new("multipart");
    s.one("DESC", multipart(5, 0, 0, &[]));
    s.one("DESC with a body", multipart(5, 0, 0, &[0; 8]));
    s.one("FLOW all", multipart(5, 1, 0, &flows(255)));
    s.after("FLOW all, one entry", &[&flow(FlowMod::default())], multipart(5, 1, 0, &flows(255)));
    s.one("FLOW empty body", multipart(5, 1, 0, &[]));
    s.one("FLOW table 200", multipart(5, 1, 0, &flows(200)));
    s.one("FLOW table 254", multipart(5, 1, 0, &flows(254)));
    let nothing = FlowMod::default().message(5, &matching(&[]), &[apply(&[])]);
    s.after("FLOW all, an empty APPLY", &[&nothing], multipart(5, 1, 0, &flows(255)));
    let behind = [flows(255), vec![0; 8]].concat();
    s.one("FLOW, bytes behind the match", multipart(5, 1, 0, &behind));
    let no_address = [oxm_masked(3, &[0; 6], &[0; 6])];
    let masked = flow_request(255, &matching(&no_address));
    let port = FlowMod::default().message(4, &matching(&[oxm(0, &[0, 0, 0, 1])]), &[]);
    s.after("FLOW by eth_dst with a mask of zeros", &[&port], multipart(5, 1, 0, &masked));
    s.one("AGGREGATE", multipart(5, 2, 0, &flows(255)));
    let bad = flow_request(0, &matching(&[oxm(13, &[0, 1])]));
    s.one("FLOW bad match", multipart(5, 1, 0, &bad));
    s.one("TABLE", multipart(5, 3, 0, &[]));
    s.one("PORT_STATS ANY", multipart(5, 4, 0, &word(u32::MAX)));
    s.one("PORT_STATS 1", multipart(5, 4, 0, &word(1)));
    s.one("PORT_STATS 77", multipart(5, 4, 0, &word(77)));
    s.one("PORT_STATS CONTROLLER", multipart(5, 4, 0, &word(0xffff_fffd)));
    s.one("QUEUE ANY", multipart(5, 5, 0, &queue(u32::MAX, u32::MAX)));
    s.one("QUEUE port 77", multipart(5, 5, 0, &queue(77, u32::MAX)));
    s.one("QUEUE port 1, queue 9", multipart(5, 5, 0, &queue(1, 9)));
    s.one("TABLE_FEATURES query", multipart(5, 12, 0, &[]));
    s.one("PORT_DESC", multipart(5, 13, 0, &[]));
    s.one("type 14", multipart(5, 14, 0, &[]));
    s.one("type 99", multipart(5, 99, 0, &[]));
    s.one("EXPERIMENTER unknown", multipart(5, 0xffff, 0, &[0, 0, 1, 2, 0, 0, 0, 1]));
    s.one("flags 2", multipart(5, 0, 2, &[]));
    s.after("PORT_DESC in two parts", &[&multipart(5, 13, 1, &[])], multipart(5, 13, 0, &[]));
    let another = multipart(5, 12, 0, &[]);
    s.after("a part of another type", &[&multipart(5, 13, 1, &[])], another);
    s.one("8 bytes short", message(18, 5, &[0, 13, 0, 0]));
    s
}

/// Ports, tables and queues.
fn settings() -> Section {
    let hw = [2, 0, 0, 0, 0, 1];
    let queues = |port: u32| message(22, 5, &[port.to_be_bytes(), [0; 4]].concat());
    let no_fwd = |config| port_mod(5, 1, hw, config, 0x20, 0);
    let mut s = Section::new("misc");
    s.one("PORT_MOD missing port", port_mod(5, 77, hw, 0, 0, 0));
    s.one("PORT_MOD bad hw_addr", port_mod(5, 1, [9; 6], 0, 0, 0));
    s.one("PORT_MOD config 0x80000000", port_mod(5, 1, hw, 0x8000_0000, 0x8000_0000, 0));
    s.one("PORT_MOD NO_FWD", no_fwd(0x20));
    s.after("PORT_MOD clear", &[&no_fwd(0x20)], no_fwd(0));
    s.one("PORT_MOD nothing", port_mod(5, 1, hw, 0, 0, 0));
    s.one("PORT_MOD advertise 0x80000000", port_mod(5, 1, hw, 0, 0, 0x8000_0000));
    s.one("TABLE_MOD ok", table_mod(5, 0, 0));
    s.one("TABLE_MOD config 3", table_mod(5, 0, 3));
    s.one("TABLE_MOD config 4", table_mod(5, 0, 4));
    s.one("TABLE_MOD config 0x80", table_mod(5, 0, 0x80));
    s.one("TABLE_MOD ALL", table_mod(5, 255, 0));
    s.one("TABLE_MOD table 254", table_mod(5, 254, 0));
    s.one("queues of port 1", queues(1));
    s.one("queues of ANY", queues(u32::MAX));
    s.one("queues of port 77", queues(77));
    s.one("queues of CONTROLLER", queues(0xffff_fffd));
    s
}
