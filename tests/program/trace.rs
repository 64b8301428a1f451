//! `rumpswitch trace`.

use serde_json::json;

use crate::frames::{self, udp};
use crate::{Folder, Outcome, rumpswitch};

const FLOWS: &str = "\
# two tables
table=0,priority=10,ip,nw_dst=10.0.0.0/24,cookie=0x7,actions=goto_table:1

table=0,priority=5,in_port=2,dl_vlan=5,actions=pop_vlan,output:2
table=1,priority=2,tcp,tp_dst=80,actions=set_field:10.9.9.9->ip_dst,dec_ttl,output:2,output:3
table=1,priority=1,icmp,actions=drop
table=1,priority=1,sctp,actions=CONTROLLER:65535
";

fn trace(flows: &str, more: &[&str]) -> Outcome {
    let folder = Folder::new();
    let flows = folder.write("flows.txt", flows);
    rumpswitch(["trace", "--flows", &flows].iter().chain(more))
}

/// The steps alone.
fn steps(outcome: &Outcome) -> Vec<&str> {
    assert_eq!((outcome.code, &outcome.stderr[..]), (Some(0), ""));
    let (_, steps) = outcome.stdout.split_once("\n\n").unwrap();
    steps.lines().take_while(|line| !line.is_empty()).collect()
}

#[test]
fn tells_a_packets_way() {
    let fields = "in_port=1,tcp,nw_src=10.0.0.1,nw_dst=10.0.0.2,tp_dst=80";
    let outcome = trace(FLOWS, &[fields]);
    assert_eq!(
        steps(&outcome),
        [
            "table 0: priority=10,ip,nw_dst=10.0.0.0/24 cookie=0x7",
            "table 1: priority=2,tcp,tp_dst=80 cookie=0x0",
            "    set_field:10.9.9.9->ip_dst",
            "    dec_ttl",
            "    output:2",
            "    -> out of port 2, 60 bytes",
            "    output:3",
            "    -> out of port 3, 60 bytes",
        ]
    );
    let flow = "Flow: tcp,in_port=1,dl_src=00:00:00:00:00:00,dl_dst=00:00:00:00:00:00,\
                nw_src=10.0.0.1,nw_dst=10.0.0.2,nw_tos=0,nw_ecn=0,tp_src=0,tp_dst=80\n";
    assert!(outcome.stdout.starts_with(flow), "{}", outcome.stdout);
    for port in [2, 3] {
        let last = format!("\nFinal flow, port {port}: ");
        let (_, last) = outcome.stdout.split_once(&last).unwrap();
        assert!(last.contains(",nw_dst=10.9.9.9,"), "{last}");
        // Without options: version, length, TTL and checksum as they leave.
        assert!(last.contains("080045000028000000003f06"), "{last}");
    }
}

#[test]
fn names_the_nearest_miss_and_its_field() {
    let outcome = trace(FLOWS, &["in_port=1,tcp,nw_dst=10.0.0.2,tp_dst=81"]);
    assert_eq!(
        steps(&outcome)[1..],
        [
            "table 1: no match; closest: priority=2,tcp,tp_dst=80 cookie=0x0; tcp_dst is 81, not 80",
            "    -> dropped: table_miss",
        ]
    );
    let outcome = trace(FLOWS, &["in_port=1,tcp,nw_dst=10.0.1.2"]);
    assert_eq!(
        steps(&outcome),
        [
            "table 0: no match; closest: priority=10,ip,nw_dst=10.0.0.0/24 cookie=0x7; \
         ipv4_dst is 10.0.1.2, not 10.0.0.0/24",
            "    -> dropped: table_miss",
        ]
    );
    let outcome = trace("arp,arp_op=1,actions=drop\n", &["in_port=1,arp,arp_op=2"]);
    assert!(steps(&outcome)[0].ends_with("; arp_op is 2, not 1"), "{}", outcome.stdout);
    let outcome = trace("dl_vlan=9,actions=drop\n", &["in_port=1,ip"]);
    assert!(steps(&outcome)[0].contains("; vlan_vid is 0, not 4105"), "{}", outcome.stdout);
    let outcome = trace("tcp,tp_dst=9,actions=drop\n", &["in_port=1,dl_type=0x1234"]);
    assert!(steps(&outcome)[0].contains("; eth_type is 0x1234, not 0x0800"), "{}", outcome.stdout);
    let outcome = trace("\n", &["in_port=1"]);
    assert_eq!(steps(&outcome)[0], "table 0: no match (the table is empty)");
}

#[test]
fn drops_and_packet_ins_have_reasons() {
    let outcome = trace(FLOWS, &["in_port=1,icmp,nw_dst=10.0.0.2"]);
    assert_eq!(steps(&outcome).last(), Some(&"    -> dropped: no_output"));
    let outcome = trace(FLOWS, &["in_port=1,sctp,nw_dst=10.0.0.2"]);
    assert_eq!(steps(&outcome)[2..], ["    CONTROLLER:65535", "    -> packet-in, reason action",]);
    let outcome = trace("priority=0,actions=CONTROLLER:65535\n", &["in_port=1"]);
    assert_eq!(steps(&outcome).last(), Some(&"    -> packet-in, reason no_match"));
    let outcome = trace("actions=output:IN_PORT,output:1\n", &["in_port=1"]);
    assert_eq!(steps(&outcome).last(), Some(&"    -> dropped: egress_is_ingress"));
}

#[test]
fn the_same_in_json() {
    let fields = "in_port=1,tcp,nw_dst=10.0.0.2,tp_dst=80";
    let json = trace(FLOWS, &[fields, "--json"]).json();
    assert_eq!(json["in_port"], 1);
    assert_eq!(json["frame"].as_str().unwrap().len(), 120);
    let steps = json["steps"].as_array().unwrap();
    let kinds: Vec<_> = steps.iter().map(|step| step["step"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["table", "table", "action", "action", "action", "output", "action", "output"]
    );
    assert_eq!(steps[0]["table_id"], 0);
    let entry = steps[0]["entry"].as_str().unwrap();
    assert!(entry.ends_with("priority=10,ip,nw_dst=10.0.0.0/24 actions=goto_table:1"), "{entry}");
    assert_eq!(steps[5]["port"], 2);
    assert!(steps[5]["flow"].as_str().unwrap().contains("nw_dst=10.9.9.9"));
    assert_eq!(steps[5]["frame"].as_str().unwrap()[60..68], *"0a090909");

    let json = trace(FLOWS, &["in_port=1,tcp,nw_dst=10.0.0.2,tp_dst=81", "--json"]).json();
    let miss = &json["steps"][1];
    assert_eq!(miss["entry"], json!(null));
    assert_eq!(miss["nearest"]["failed_field"], "tcp_dst");
    let entry = miss["nearest"]["entry"].as_str().unwrap();
    assert!(entry.contains("priority=2,tcp,tp_dst=80"), "{entry}");
    assert_eq!(json["steps"][2]["step"], "dropped");
    assert_eq!(json["steps"][2]["reason"], "table_miss");
}

#[test]
fn a_frame_of_a_capture() {
    let folder = Folder::new();
    let frames: Vec<_> =
        [1, 2, 3].map(|last| (Default::default(), udp([10, 0, 0, last], 53))).into();
    frames::write(&folder.path("in.pcap"), &frames);
    let capture = folder.arg("in.pcap");
    let at = |number: &str, more: &[&str]| {
        let args = ["--pcap", &capture, "--frame", number];
        trace("in_port=6,udp,nw_dst=10.0.0.3,actions=output:2\n", &[&args, more].concat())
    };
    let json = at("3", &["--in-port", "6", "--json"]).json();
    let hex: String = frames[2].1.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(json["frame"], hex);
    assert_eq!(json["steps"][2]["frame"], hex);
    let outcome = at("2", &["--in-port", "6"]);
    assert!(steps(&outcome)[0].ends_with("; ipv4_dst is 10.0.0.2, not 10.0.0.3"));
    let outcome = at("3", &[]);
    assert!(steps(&outcome)[0].ends_with("; in_port is 1, not 6"), "{}", outcome.stdout);
    at("4", &[]).refused(&[&format!("rumpswitch: {capture}: holds 3 frames, not 4")]);
}

#[test]
fn descriptions_that_describe_no_frame() {
    let refused = |fields: &str, line: &str| trace(FLOWS, &[fields]).refused(&[line]);
    refused("in_port=1,foo=2", "rumpswitch: \"foo=2\": unknown field");
    refused("metadata=3", "rumpswitch: metadata is 0 when a packet enters the switch");
}
