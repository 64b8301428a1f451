//! Matches.

use rumpswitch_ofp_codec::BadMatchCode::*;

use crate::bytes::*;
use crate::{Accepted, expect};

const IPV4: &str = "80000a02 0800";
const IPV6: &str = "80000a02 86dd";

/// A flow-mod whose match has these bytes.
fn raw(text: &str) -> Vec<u8> {
    flow_mod_match(&hex(text))
}

/// A flow-mod whose match has these fields.
fn fields(fields: &[Vec<u8>]) -> Vec<u8> {
    flow_mod_match(&matching(&fields.concat()))
}

#[test]
fn type_and_lengths() {
    expect("match type 0", &raw("0000 0004 00000000"), BadType);
    expect("match type 2", &raw("0002 0004 00000000"), BadType);
    expect("match len 2", &raw("0001 0002 00000000"), BadLen);
    expect("match len 0", &raw("0001 0000 00000000"), BadLen);
    expect("match len 0xff", &raw("0001 00ff 00000000"), BadLen);
    expect("match padding cut off", &raw("0001 0009 00000000"), BadLen);
    expect("truncated tlv", &raw("0001 000a 80000004 0000 00000000 0000"), BadLen);
    expect("tlv header cut", &raw("0001 0006 8000 0000"), BadLen);
    expect("bad length in_port 2", &fields(&[oxm(0, "0001")]), BadLen);
    expect("bad length eth_dst 5", &fields(&[oxm(3, "0102030405")]), BadLen);
    expect("masked of one width", &fields(&[masked(3, "010203", "ffffff")]), BadLen);
    expect("length 0", &fields(&[oxm(0, "")]), BadLen);
    expect("nonzero padding", &raw("0001 0004 01020304"), Accepted);
}

#[test]
fn unknown_fields() {
    expect("unknown field 40", &fields(&[oxm(40, "00000001")]), BadField);
    expect("unknown field 127", &fields(&[oxm(127, "")]), BadField);
    expect("class 0x8001", &fields(&[hex("80010004 00000001")]), BadField);
    expect("class 0x0002", &fields(&[hex("00020004 00000001")]), BadField);
    expect("class 0, as nxm", &fields(&[hex("00000602 0800")]), BadField);
    expect("experimenter", &fields(&[hex("ffff0008 00002320 00000001")]), BadField);
    expect("experimenter of 4 bytes", &fields(&[hex("ffff0004 00002320")]), BadField);
    expect("experimenter of 0 bytes", &fields(&[hex("ffff0000")]), BadLen);
    let error_at_first = fields(&[oxm(40, ""), oxm(0, "0001")]);
    expect("left to right", &error_at_first, BadField);
}

#[test]
fn values_and_masks() {
    let ipv4 = |more: Vec<u8>| fields(&[hex(IPV4), more]);
    expect("value bits outside mask", &ipv4(masked(12, "0a000001", "ff000000")), BadWildcards);
    expect("vlan_vid 0x2005", &fields(&[oxm(6, "2005")]), BadValue);
    expect("pcp 8", &fields(&[oxm(6, "1005"), oxm(7, "08")]), BadValue);
    expect("dscp 64", &ipv4(oxm(8, "40")), BadValue);
    expect("ecn 4", &ipv4(oxm(9, "04")), BadValue);
    expect("flabel 21 bits", &fields(&[hex(IPV6), oxm(28, "00100000")]), BadValue);
    expect("exthdr 10 bits", &fields(&[hex(IPV6), oxm(39, "0200")]), BadValue);
    let mpls = |more: Vec<u8>| fields(&[hex("80000a02 8847"), more]);
    expect("mpls label 21 bits", &mpls(oxm(34, "00100000")), BadValue);
    expect("mpls tc 8", &mpls(oxm(35, "08")), BadValue);
    expect("mpls bos 2", &mpls(oxm(36, "02")), BadValue);
    expect(
        "flabel mask 21 bits",
        &fields(&[hex(IPV6), masked(28, "00000000", "00100000")]),
        BadMask,
    );
    expect("partial mask on in_port", &fields(&[masked(0, "00000001", "0000ffff")]), BadMask);
    expect("partial mask on eth_type", &fields(&[masked(5, "0800", "ff00")]), BadMask);
    expect("partial mask on ip_proto", &ipv4(masked(10, "04", "0c")), BadMask);
    expect("partial mask on dscp", &ipv4(masked(8, "01", "01")), BadMask);
}

#[test]
fn masks_that_are_accepted() {
    let ipv4 = |more: Vec<u8>| fields(&[hex(IPV4), more]);
    expect("all-zero ipv4", &ipv4(masked(12, "00000000", "00000000")), Accepted);
    expect("all-ones ipv4", &ipv4(masked(12, "0a000001", "ffffffff")), Accepted);
    expect("noncontiguous ipv4", &ipv4(masked(12, "0a000001", "ff0000ff")), Accepted);
    expect("noncontiguous eth", &fields(&[masked(3, "010000000001", "0100000000ff")]), Accepted);
    expect("all-ones in_port", &fields(&[masked(0, "00000001", "ffffffff")]), Accepted);
    expect("all-ones eth_type", &fields(&[masked(5, "0800", "ffff")]), Accepted);
    expect("all-ones ip_proto", &ipv4(masked(10, "06", "ff")), Accepted);
    expect("all-ones dscp in wire width", &ipv4(masked(8, "01", "ff")), Accepted);
    let tcp = oxm(10, "06");
    expect("partial tcp_dst", &fields(&[hex(IPV4), tcp, masked(14, "0050", "fff0")]), Accepted);
    expect("vlan any", &fields(&[masked(6, "1000", "1000")]), Accepted);
    expect("flabel", &fields(&[hex(IPV6), masked(28, "00000001", "000000ff")]), Accepted);
    expect("metadata", &fields(&[masked(2, "0000000000000001", "00000000000000ff")]), Accepted);
    let arp = hex("80000a02 0806");
    expect("arp_sha", &fields(&[arp, masked(24, "010000000000", "ff0000000000")]), Accepted);
}

#[test]
fn duplicates_and_prerequisites() {
    let eth = || hex(IPV4);
    expect("dup field", &fields(&[oxm(0, "00000001"), oxm(0, "00000001")]), DupField);
    expect(
        "dup by mask",
        &fields(&[oxm(3, "010203040506"), masked(3, "000000000000", "000000000000")]),
        DupField,
    );
    expect("tcp without ip", &fields(&[eth(), oxm(14, "0050")]), BadPrereq);
    expect("ip_proto before eth_type", &fields(&[oxm(10, "06"), eth()]), BadPrereq);
    expect("ipv4 without eth_type", &fields(&[oxm(12, "0a000001")]), BadPrereq);
    expect("ipv4 with ipv6's type", &fields(&[hex(IPV6), oxm(12, "0a000001")]), BadPrereq);
    expect("tcp_dst with udp", &fields(&[eth(), oxm(10, "11"), oxm(14, "0050")]), BadPrereq);
    expect("in_phy_port alone", &fields(&[oxm(1, "00000001")]), BadPrereq);
    expect("pcp without vid", &fields(&[oxm(7, "01")]), BadPrereq);
    expect("pcp with vid none", &fields(&[oxm(6, "0000"), oxm(7, "01")]), BadPrereq);
    let icmpv6 = |kind: &str| vec![hex(IPV6), oxm(10, "3a"), oxm(29, kind)];
    let with = |mut fields: Vec<Vec<u8>>, more: Vec<u8>| {
        fields.push(more);
        fields
    };
    expect("nd_sll type 136", &fields(&with(icmpv6("88"), oxm(32, "010203040506"))), BadPrereq);
    expect("nd_tll type 135", &fields(&with(icmpv6("87"), oxm(33, "010203040506"))), BadPrereq);
    expect("nd_sll type 135", &fields(&with(icmpv6("87"), oxm(32, "010203040506"))), Accepted);
    let masked_out = masked(5, "0000", "0000");
    expect("eth_type masked out", &fields(&[masked_out, oxm(12, "0a000001")]), BadPrereq);
    expect("pbb_isid without pbb", &fields(&[oxm(37, "000001")]), BadPrereq);
}

#[test]
fn values_that_are_accepted() {
    for (what, match_fields) in [
        ("in_port 0", vec![oxm(0, "00000000")]),
        ("in_port ANY", vec![oxm(0, "ffffffff")]),
        ("in_port CONTROLLER", vec![oxm(0, "fffffffd")]),
        ("in_port 77", vec![oxm(0, "0000004d")]),
        ("in_port 0x10000", vec![oxm(0, "00010000")]),
        ("in_phy_port", vec![oxm(0, "00000001"), oxm(1, "00000001")]),
        ("vlan_vid 0", vec![oxm(6, "0000")]),
        ("vlan_vid 5 without PRESENT", vec![oxm(6, "0005")]),
        ("vlan_vid 0x1005, pcp", vec![oxm(6, "1005"), oxm(7, "07")]),
        ("any tag, pcp", vec![masked(6, "1000", "1000"), oxm(7, "07")]),
        ("arp_op 256", vec![hex("80000a02 0806"), oxm(21, "0100")]),
        ("tunnel_id", vec![oxm(38, "0000000000000001")]),
        ("eth_type 0x8100", vec![oxm(5, "8100")]),
        ("eth_type 0x05ff", vec![oxm(5, "05ff")]),
        ("pbb_isid", vec![oxm(5, "88e7"), oxm(37, "000001")]),
        ("ipv6_exthdr", vec![hex(IPV6), masked(39, "0001", "0001")]),
    ] {
        expect(what, &fields(&match_fields), Accepted);
    }
}

#[test]
fn a_statistics_request_has_a_match_as_well() {
    let prefix = hex("ff000000 ffffffff ffffffff 00000000 0000000000000000 0000000000000000");
    let bad = [&prefix[..], &matching(&oxm(14, "0050"))].concat();
    expect("mp FLOW bad match", &multipart(1, 0, &bad), BadPrereq);
    let good = [&prefix[..], &matching(&[])].concat();
    expect("mp FLOW", &multipart(1, 0, &good), Accepted);
    expect("mp AGGREGATE", &multipart(2, 0, &good), Accepted);
    let longer = [&good[..], &[0; 8]].concat();
    expect(
        "mp FLOW longer",
        &multipart(1, 0, &longer),
        rumpswitch_ofp_codec::BadRequestCode::BadLen,
    );
}
