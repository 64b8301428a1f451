//! `rumpswitch personality`, `--personality` and `personality =`.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::frames::{self, udp};
use crate::{Folder, PATIENCE, Running, rumpswitch};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/three-tables.toml");

fn printed(name: &str) -> String {
    let outcome = rumpswitch(["personality", name]);
    assert_eq!((outcome.code, &outcome.stderr[..]), (Some(0), ""), "{name}");
    outcome.stdout
}

#[test]
fn every_preset_is_listed_and_printed_as_a_file_that_says_the_same() {
    let outcome = rumpswitch(["personality"]);
    let names: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(names, ["full", "strict", "ovs", "openbsd", "faucet-generic"]);
    let folder = Folder::new();
    for name in names {
        let text = printed(name);
        let file = folder.write(&format!("{name}.toml"), &text);
        assert_eq!(printed(&file), text, "{name}");
    }
}

#[test]
fn the_example_can_be_tried_with_trace_and_replay() {
    let folder = Folder::new();
    let decrement = folder.write("dec.txt", "ip,actions=dec_ttl,output:2\n");
    let set = folder.write("set.txt", "ip,actions=mod_nw_ttl:9,output:2\n");
    let refused = format!("rumpswitch: {decrement}:1: refused: BadAction/BadType");
    let trace = |flows: &str| {
        rumpswitch(["trace", "--personality", EXAMPLE, "--flows", flows, "in_port=1,ip"])
    };
    trace(&decrement).refused(&[&refused]);
    assert_eq!(trace(&set).code, Some(0));
    let frame = (Duration::ZERO, udp([10, 0, 0, 2], 53));
    frames::write(&folder.path("in.pcap"), &[frame]);
    let input = format!("1={}", folder.arg("in.pcap"));
    let replay = |flows: &str| {
        rumpswitch(["replay", "--personality", EXAMPLE, "--flows", flows, "--in", &input])
    };
    replay(&decrement).refused(&[&refused]);
    assert_eq!(replay(&set).code, Some(0));
}

#[test]
fn a_demo_runs_on_every_preset() {
    for name in ["strict", "ovs", "openbsd", "faucet-generic"] {
        let outcome = rumpswitch(["demo", "--personality", name, "--hosts", "2"]);
        assert_eq!((outcome.code, &outcome.stderr[..]), (Some(0), ""), "{name}");
    }
}

#[test]
fn what_is_wrong_is_told_with_file_and_line() {
    let folder = Folder::new();
    let mine = folder.write(
        "mine.toml",
        "from = \"full\"\ncolour = 1\n[[table]]\nids = \"0\"\nactions = [\"dance\", \"output\"]\n",
    );
    let actions = "output, copy-ttl-out, copy-ttl-in, set-mpls-ttl, dec-mpls-ttl, push-vlan, \
                   pop-vlan, push-mpls, pop-mpls, set-queue, group, set-nw-ttl, dec-nw-ttl, \
                   set-field, push-pbb, pop-pbb";
    let wrongs = [
        format!("{mine}:2: unknown key colour"),
        format!("{mine}:5: \"dance\" is no action: {actions}"),
    ];
    let lines = wrongs.clone().map(|wrong| format!("rumpswitch: {wrong}"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    rumpswitch(["personality", &mine]).refused(&lines);
    rumpswitch(["demo", "--personality", &mine]).refused(&lines);

    // A configuration names files beside itself.
    let config = folder.write("run.toml", "[[switch]]\nports = []\npersonality = \"mine.toml\"\n");
    let lines = wrongs.map(|wrong| format!("rumpswitch: {config}:3: {wrong}"));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    rumpswitch(["run", "--config", &config]).refused(&lines);
    let known = "full, strict, ovs, openbsd, faucet-generic, or a TOML file";
    let line = format!("rumpswitch: \"ovz\" is no personality: {known}");
    rumpswitch(["run", "--port", "pair:a", "--personality", "ovz"]).refused(&[&line]);
}

#[test]
fn a_configuration_gives_every_switch_its_own() {
    let folder = Folder::new();
    folder.write("three.toml", &std::fs::read_to_string(EXAMPLE).unwrap());
    let config = folder.write(
        "run.toml",
        &format!(
            "[[switch]]\nports = [\"1:pair:x\"]\nlisten = [\"punix:{}\"]\npersonality = \"ovs\"\n\
             [[switch]]\nports = [\"1:pair:x\"]\nlisten = [\"punix:{}\"]\n\
             personality = \"three.toml\"\n",
            folder.arg("one"),
            folder.arg("two"),
        ),
    );
    let mut switches = Running::start(["run", "--config", &config]);
    switches.wait_for("running");
    for (socket, tables) in [("one", 254), ("two", 3)] {
        assert_eq!(table_count(&folder.arg(socket)), tables, "{socket}");
    }
    assert_eq!(switches.terminate(), Some(0));
}

/// `n_tables` of a switch that listens.
fn table_count(socket: &str) -> u8 {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // HELLO and FEATURES_REQUEST.
    stream.write_all(&[4, 0, 0, 8, 0, 0, 0, 1, 4, 5, 0, 8, 0, 0, 0, 2]).unwrap();
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header).unwrap();
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mut body = vec![0; len - 8];
        stream.read_exact(&mut body).unwrap();
        if header[1] == 6 {
            return body[12];
        }
    }
}
