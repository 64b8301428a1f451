//! What is refused, and with which words.

use std::fmt::Write as _;

use rumpswitch_ofp_codec::text::{
    NoNames, parse_actions, parse_flow, parse_flows, parse_groups, parse_match, parse_meters,
};
use rumpswitch_ofp_codec::{FlowModCommand, OxmField, PortNo};

/// `data/refused.golden`: a line, and the error behind `! `, or what a line was read as. Most of
/// these ovs-ofctl refuses, too; the others it sends as its own extensions, or widens with a
/// warning. The ones that are read are beyond it.
#[test]
fn flows_that_cannot_be_expressed() {
    let mut wrong = String::new();
    let golden: Vec<&str> = include_str!("../data/refused.golden").lines().collect();
    for record in golden.chunks_exact(2) {
        let found = match parse_flow(record[0], FlowModCommand::Add, &NoNames) {
            Ok(flow) => format!("? read as {flow}"),
            Err(error) => format!("! {error}"),
        };
        if found != record[1] {
            writeln!(wrong, "{}\n{found}", record[0]).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn errors_have_line_column_and_word() {
    let file =
        "# ports\nin_port=1,actions=2\n\n  ip,nw_dst=10.0.0.1,actions=output:3,learn(table=1)\n";
    let error = parse_flows(file, &NoNames).unwrap_err();
    assert_eq!((error.line, error.column), (4, 39));
    assert_eq!(error.word, "learn(table=1)");
    assert_eq!(
        error.to_string(),
        "line 4: \"learn(table=1)\": learn is an action of Open vSwitch only, OpenFlow 1.3 has no such action"
    );
    let error = parse_flow("é,actions=1", FlowModCommand::Add, &NoNames).unwrap_err();
    assert_eq!((error.line, error.column, error.word.as_str()), (0, 1, "é"));
    let error = parse_flow("in_port=1", FlowModCommand::Add, &NoNames).unwrap_err();
    assert_eq!(error.to_string(), "actions= is missing");
    let long = format!("in_port={},actions=1", "x".repeat(500));
    let error = parse_flow(&long, FlowModCommand::Add, &NoNames).unwrap_err();
    assert!(error.to_string().len() < 200);
}

#[test]
fn commands_have_their_own_words() {
    for (text, word) in [
        ("delete priority=5", "priority=5"),
        ("delete send_flow_rem", "send_flow_rem"),
        ("delete in_port=1,actions=2", "2"),
        ("delete cookie=5", "cookie=5"),
        ("modify cookie=5,actions=1", "cookie=5"),
        ("modify out_port=5,actions=1", "out_port=5"),
        ("add cookie=1/1,actions=1", "cookie=1/1"),
    ] {
        assert_eq!(parse_flows(text, &NoNames).unwrap_err().word, word, "{text}");
    }
}

#[test]
fn groups_and_meters_that_cannot_be() {
    for text in [
        "type=all,bucket=1",
        "group_id=1,bucket=1",
        "group_id=1",
        "group_id=4294967041,type=all",
        "group_id=all,type=all",
        "group_id=1,type=round",
        "group_id=1,type=indirect,bucket=1,bucket=2",
        "group_id=1,type=ff,bucket=1",
        "group_id=1,type=all,bucket=weight:1,actions=1",
        "group_id=1,type=select,bucket=weight:65536,actions=1",
        "group_id=1,type=all,bucket=",
        "group_id=1,type=all,bucket=resubmit(,1)",
        "group_id=1,type=all,bucket=goto_table:2",
        "group_id=1,type=all,bucket=drop,output:1",
        "group_id=1,type=select,selection_method=hash,bucket=1",
        "group_id=1,type=all,nonsense,bucket=1",
        "insert_bucket group_id=1,command_bucket_id=1,bucket=1",
        "delete group_id=1,type=all,bucket=1",
    ] {
        assert!(parse_groups(text, &NoNames).is_err(), "{text}");
    }
    for text in [
        "kbps bands=type=drop rate=1",
        "meter=0 kbps bands=type=drop rate=1",
        "meter=4294901761 kbps bands=type=drop rate=1",
        "meter=all kbps bands=type=drop rate=1",
        "meter=1 bands=type=drop rate=1",
        "meter=1 kbps pktps bands=type=drop rate=1",
        "meter=1 kbps",
        "meter=1 kbps bands=",
        "meter=1 kbps bands=rate=1",
        "meter=1 kbps bands=type=drop",
        "meter=1 kbps bands=type=color rate=1",
        "meter=1 kbps burst bands=type=drop rate=1",
        "meter=1 kbps bands=type=drop rate=1 burst_size=1",
        "meter=1 kbps bands=type=dscp_remark rate=1",
        "meter=1 kbps nonsense bands=type=drop rate=1",
    ] {
        assert!(parse_meters(text).is_err(), "{text}");
    }
}

#[test]
fn table_is_for_packet_outs() {
    assert!(parse_actions("output:TABLE", &NoNames).is_ok());
    for line in ["actions=table", "actions=write_actions(output:TABLE)", "actions=output:0"] {
        assert!(parse_flow(line, FlowModCommand::Add, &NoNames).is_err(), "{line}");
    }
    assert!(parse_groups("group_id=1,type=all,bucket=table", &NoNames).is_err());
}

#[test]
fn ports_by_name() {
    let ports = |name: &str| match name {
        "eth0" => Some(PortNo(7)),
        "br-lan,1" => Some(PortNo(8)),
        "drop" => Some(PortNo(9)),
        _ => None,
    };
    let flow = parse_flow(
        "in_port=eth0,actions=eth0,output:eth0,output:\"drop\",\"br-lan,1\"",
        FlowModCommand::Add,
        &ports,
    );
    assert_eq!(flow.unwrap().to_string(), "in_port=7 actions=output:7,output:7,output:9,output:8");
    let matching = parse_match("in_port=eth0", &ports).unwrap();
    assert_eq!(matching.exact(OxmField::InPort), Some(7));
    assert!(parse_match("in_port=eth1", &ports).is_err());
    assert!(parse_match("priority=1,in_port=eth0", &ports).is_err());
}

/// What OpenFlow 1.3 has and Open vSwitch lacks.
#[test]
fn beyond_ovs() {
    for line in [
        "in_phy_port=3,in_port=2 actions=output:1",
        "dl_type=0x88e7,pbb_isid=0x123456 actions=pop_pbb,output:1",
        "dl_type=0x88e7,pbb_isid=0x12/0xff actions=set_field:0x1->pbb_isid,output:1",
        "ipv6,ipv6_exthdr=0x3/0x7 actions=copy_ttl_out,copy_ttl_in,output:100000",
        "actions=push_pbb:0x88e7,output:0xfffe",
        "dl_vlan=5,dl_vlan_pcp=3 actions=output:4294967040",
        "vlan_tci=0x5005/0xdfff actions=drop",
    ] {
        let flow = parse_flow(line, FlowModCommand::Add, &NoNames).unwrap();
        let printed = flow.to_string();
        let again = parse_flow(&printed, FlowModCommand::Add, &NoNames).unwrap();
        assert_eq!(again, flow, "{line}: {printed}");
    }
    let vlan = |text: &str| parse_match(text, &NoNames).unwrap();
    assert_eq!(vlan("vlan"), vlan("vlan_vid=0x1000/0x1000"));
    assert_eq!(vlan("OXM_OF_ETH_TYPE=0x800,ipv4_dst=10.0.0.0/8"), vlan("ip,nw_dst=10.0.0.0/8"));
    let bare =
        parse_flow("actions=apply_actions(output:1),goto_table:1", FlowModCommand::Add, &NoNames);
    assert_eq!(bare.unwrap().to_string(), "actions=output:1,goto_table:1");
    let queue = parse_flow("actions=enqueue:1:2", FlowModCommand::Add, &NoNames).unwrap();
    assert_eq!(queue.to_string(), "actions=set_queue:2,output:1");
    for line in ["actions=enqueue:1:2,output:3", "actions=enqueue(1,2),goto_table:3"] {
        assert!(parse_flow(line, FlowModCommand::Add, &NoNames).is_err(), "{line}");
    }
    assert!(parse_flow("actions=enqueue:1:2,enqueue:2:3", FlowModCommand::Add, &NoNames).is_ok());
}

/// Each push gives a pop what it needs, and no pop more than that.
#[test]
fn tags_are_counted() {
    let reads = |text: &str| parse_flow(text, FlowModCommand::Add, &NoNames).is_ok();
    let pushes = "push_vlan:0x8100,push_vlan:0x88a8,set_field:4097->vlan_vid";
    assert!(reads(&format!("actions={pushes},pop_vlan,pop_vlan,output:2")));
    assert!(!reads(&format!("actions={pushes},pop_vlan,pop_vlan,pop_vlan,output:2")));
    assert!(reads(&format!("dl_vlan=5,actions={pushes},pop_vlan,pop_vlan,pop_vlan,output:2")));
    assert!(!reads("dl_vlan=5,actions=mod_vlan_vid:6,pop_vlan,pop_vlan,output:2"));
}
