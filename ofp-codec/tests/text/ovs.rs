//! ovs-ofctl, where it is installed: it reads what we print, and understands it as it understands
//! the original.

use std::process::Command;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use rumpswitch_ofp_codec::{
    Action, DEFAULT_PRIORITY, FlowMod, FlowModCommand, Instruction, OxmField,
};

use crate::{generated, golden};

/// What `ovs-ofctl parse-flows` prints for a file, or `None` when there is no ovs-ofctl.
fn parse_flows(name: &str, lines: &[String]) -> Option<String> {
    let path = std::env::temp_dir().join(format!("rumpswitch-{}-{name}.txt", std::process::id()));
    std::fs::write(&path, lines.join("\n")).unwrap();
    let run = Command::new("ovs-ofctl")
        .args(["--no-names", "-O", "OpenFlow13", "parse-flows"])
        .arg(&path)
        .output();
    std::fs::remove_file(&path).unwrap();
    let output = match run {
        Ok(output) => output,
        Err(error) => {
            println!("skipped: ovs-ofctl does not run here ({error})");
            return None;
        }
    };
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {errors}");
    assert!(!errors.contains("WARN"), "{name}: {errors}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn ovs_understands_what_we_print() {
    let mut original = Vec::new();
    let mut printed = Vec::new();
    let mut dumped = Vec::new();
    for golden in golden::flows() {
        let flow = golden::flow(golden.line);
        if flow.command == FlowModCommand::Add {
            // parse-flows knows no command words.
            original.push(golden.line.trim_start_matches("add ").to_string());
            printed.push(flow.to_string());
            dumped.push(golden::stats(flow).to_string());
        }
    }
    let Some(of_original) = parse_flows("original", &original) else { return };
    let Some(of_printed) = parse_flows("printed", &printed) else { return };
    let Some(of_dumped) = parse_flows("dumped", &dumped) else { return };
    assert_eq!(of_printed, of_dumped);
    let (of_original, of_printed) = (of_original.lines(), of_printed.lines());
    assert_eq!(of_original.clone().count(), of_printed.clone().count());
    for ((one, other), line) in of_original.zip(of_printed).skip(1).zip(&printed) {
        assert_eq!(without_xid(one), without_xid(other), "{line}");
    }
}

/// What ovs-ofctl prints of a message, without the transaction id.
fn without_xid(line: &str) -> String {
    line.split_once(": ").map_or(line, |(_, flow)| flow).to_string()
}

/// Whether ovs-ofctl 3.1 can say it: it has 16-bit ports and 8-bit ARP operations, no PBB, no copies
/// of TTLs and three fields less; it cuts masks of VLAN priorities, and does not read an IPv6 mask that
/// starts with a digit and is no prefix.
fn is_known_to_ovs(flow: &FlowMod) -> bool {
    // Its limit is two tags, those of the match included.
    let pushes = flow.to_string().matches("push_vlan").count();
    let has_few_tags = pushes <= 1;
    let is_port = |value: u128| value < 0xff00;
    has_few_tags
        && flow.matching.fields().iter().all(|oxm| match oxm.field {
            OxmField::InPort => is_port(oxm.value),
            OxmField::ArpOp => oxm.value < 0x100,
            OxmField::VlanPcp => oxm.mask.is_none(),
            OxmField::Ipv6Src | OxmField::Ipv6Dst | OxmField::Ipv6NdTarget => oxm.mask.is_none(),
            OxmField::InPhyPort | OxmField::PbbIsid | OxmField::Ipv6Exthdr => false,
            _ => true,
        })
        && flow.instructions.iter().all(|instruction| match instruction {
            Instruction::ApplyActions(list) | Instruction::WriteActions(list) => {
                list.iter().all(|action| match action {
                    Action::Output { port, .. } => {
                        is_port(port.0.into()) || port.reserved_name().is_some()
                    }
                    Action::PushPbb(_) | Action::PopPbb => false,
                    Action::CopyTtlIn | Action::CopyTtlOut => false,
                    _ => true,
                })
            }
            _ => true,
        })
}

/// Generated flows: ovs-ofctl reads our text and prints the same match and actions.
#[test]
fn ovs_prints_as_we_do() {
    let mut runner = TestRunner::deterministic();
    let strategy = generated::flow();
    let flows: Vec<FlowMod> = std::iter::repeat_with(|| strategy.new_tree(&mut runner).unwrap())
        .map(|tree| tree.current())
        .filter(is_known_to_ovs)
        .take(300)
        .collect();
    let lines: Vec<String> = flows.iter().map(ToString::to_string).collect();
    let Some(printed) = parse_flows("generated", &lines) else { return };
    let printed: Vec<&str> = printed.lines().filter(|line| line.starts_with("OFPT_")).collect();
    assert_eq!(printed.len(), flows.len());
    for (flow, ovs) in flows.iter().zip(printed) {
        let (_, ovs) = ovs.split_once(": ADD ").unwrap();
        let (ovs_before, ovs_actions) = ovs.split_once("actions=").unwrap();
        let ours = flow.to_string();
        let (_, our_actions) = ours.split_once("actions=").unwrap();
        assert_eq!(ovs_actions, our_actions, "{flow}");
        let matching = match (flow.priority, flow.matching.to_string()) {
            (DEFAULT_PRIORITY, matching) => matching,
            (priority, matching) if matching.is_empty() => format!("priority={priority}"),
            (priority, matching) => format!("priority={priority},{matching}"),
        };
        let found = ovs_before.split(' ').any(|word| word == matching);
        assert!(found, "{matching} is not in: {ovs_before}");
    }
}
