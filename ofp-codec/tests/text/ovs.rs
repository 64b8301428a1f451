//! ovs-ofctl, where it is installed: it reads what we print, and understands it as it understands
//! the original.

use std::process::Command;

use rumpswitch_ofp_codec::FlowModCommand;

use crate::golden;

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
    for golden in golden::flows() {
        let flow = golden::flow(golden.line);
        if flow.command == FlowModCommand::Add {
            // parse-flows knows no command words.
            original.push(golden.line.trim_start_matches("add ").to_string());
            printed.push(flow.to_string());
        }
    }
    let Some(of_original) = parse_flows("original", &original) else { return };
    let Some(of_printed) = parse_flows("printed", &printed) else { return };
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
