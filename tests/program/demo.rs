//! `rumpswitch demo`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::{Folder, PATIENCE, Running, frames, rumpswitch};

#[test]
fn without_arguments_all_is_well() {
    let outcome = rumpswitch([""; 0]);
    assert_eq!((outcome.code, &outcome.stderr[..]), (Some(0), ""), "{}", outcome.stdout);
    let text = &outcome.stdout;
    assert!(text.starts_with("2 switches (Linear), 4 hosts, seed 1\n"), "{text}");
    for part in [
        "pings: 24 of 24 answered",
        "TCP: 1048576 bytes arrived whole",
        "\ns1: ovs-ofctl -O OpenFlow13 dump-flows\n cookie=0x0, duration=",
        "\ns2: ovs-ofctl -O OpenFlow13 dump-flows\n cookie=0x0, duration=",
        "priority=0 actions=CONTROLLER:65535\n",
        // The first host hangs from port 2 of its switch, behind the way to the next switch.
        "\none packet's way at s1:\nFlow: icmp,in_port=2,dl_src=02:00:00:00:00:01,",
        "\n    output:1\n    -> out of port 1, 60 bytes\n",
        "\nall well in ",
    ] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    assert!(!text.contains("FAILED"));
    // The same with its name.
    let again = rumpswitch(["demo"]);
    let but_the_last = |text: &str| text.trim_end().rsplit_once('\n').unwrap().0.to_owned();
    assert_eq!(but_the_last(text), but_the_last(&again.stdout));
}

#[test]
fn every_topology_in_json() {
    for (topology, switches) in [("tree", 5), ("star", 5), ("linear", 1)] {
        let switches_text = switches.to_string();
        let args = [
            "demo",
            "--switches",
            &switches_text,
            "--hosts",
            "8",
            "--topology",
            topology,
            "--json",
        ];
        let json = rumpswitch(args).json();
        assert_eq!(json["success"], true, "{topology}");
        assert_eq!((&json["pings_sent"], &json["pings_answered"]), (&112.into(), &112.into()));
        assert_eq!(json["round_trip_seconds"].as_array().unwrap().len(), 112);
        assert_eq!(json["transfer"]["bytes"], 1 << 20);
        assert_eq!(json["transfer"]["complete"], true);
        assert_eq!(json["failures"], Value::Array(Vec::new()));
        let told = json["switches"].as_array().unwrap();
        assert_eq!(told.len(), switches, "{topology}");
        for (index, switch) in told.iter().enumerate() {
            assert_eq!(switch["name"], format!("s{}", index + 1));
            let flows = switch["flows"].as_array().unwrap();
            assert!(flows.len() > 1, "{topology}: a switch learned nothing");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed: &str| rumpswitch(["demo", "--json", "--seed", seed]);
    let first = run("7");
    assert_eq!(first.json()["success"], true);
    assert_eq!(first.stdout, run("7").stdout);
}

#[test]
fn captures_of_every_link() {
    let folder = Folder::new();
    // The folder is made.
    let outcome = rumpswitch(["demo", "--pcap", &folder.arg("a/b"), "--json"]);
    assert_eq!(outcome.json()["success"], true);
    let names = crate::names_in(&folder.path("a/b"));
    assert_eq!(names.len(), 5, "two hosts at each switch, and a link between them: {names:?}");
    for name in &names {
        let frames = frames::read(&folder.path("a/b").join(name));
        assert!(frames.len() > 20, "{name}: {}", frames.len());
        assert!(frames.iter().all(|(_, frame)| frame.len() >= 42), "{name}");
        assert!(frames.is_sorted_by_key(|(time, _)| *time), "{name}");
    }
    // A mebibyte went from the first host to the last, each way past its captures.
    let large = |name: &str| {
        let frames = frames::read(&folder.path("a/b").join(name));
        frames.iter().map(|(_, frame)| frame.len()).sum::<usize>() > 1 << 20
    };
    assert_eq!(names.iter().filter(|name| large(name)).count(), 3, "{names:?}");
}

/// A version 1.3 header.
fn message(kind: u8, xid: u32) -> [u8; 8] {
    let [a, b, c, d] = xid.to_be_bytes();
    [4, kind, 0, 8, a, b, c, d]
}

/// Greets a switch and asks for its features; gives the datapath id.
fn datapath_id(stream: &mut (impl Read + Write)) -> u64 {
    stream.write_all(&message(0, 1)).unwrap();
    stream.write_all(&message(5, 0x1234)).unwrap();
    loop {
        let mut header = [0; 8];
        stream.read_exact(&mut header).unwrap();
        let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let mut body = vec![0; len - 8];
        stream.read_exact(&mut body).unwrap();
        assert_eq!(header[0], 4);
        if header[1] == 6 {
            assert_eq!(header[4..], [0, 0, 0x12, 0x34]);
            return u64::from_be_bytes(body[..8].try_into().unwrap());
        }
        assert_eq!(header[1], 0, "nothing but HELLO comes before");
    }
}

fn connect(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The first of `count` ports in a row that were free a moment ago.
fn free_ports(count: u16) -> u16 {
    let bind = |port| TcpListener::bind(("127.0.0.1", port)).ok();
    for _ in 0..100 {
        let first = bind(0).unwrap();
        let port = first.local_addr().unwrap().port();
        let others: Option<Vec<_>> =
            (1..count).map(|more| port.checked_add(more).and_then(bind)).collect();
        if others.is_some() {
            return port;
        }
    }
    panic!("no {count} free ports in a row");
}

#[test]
fn every_switch_listens_on_a_port_of_its_own() {
    let port = free_ports(3);
    let mut demo = Running::start([
        "demo",
        "--switches",
        "3",
        "--hosts",
        "2",
        "--stay",
        "--listen",
        &format!("ptcp:{port}"),
    ]);
    let lines = demo.wait_for("s3: listening on");
    for (index, name) in ["s1", "s2", "s3"].into_iter().enumerate() {
        let port = port + index as u16;
        let line = format!("{name}: listening on ptcp:{port}:127.0.0.1");
        assert!(lines.contains(&line), "no {line:?} in {lines:?}");
        assert_eq!(datapath_id(&mut connect(port)), index as u64 + 1);
    }
    assert_eq!(demo.terminate(), Some(0));
}

#[test]
fn paths_to_listen_on_are_numbered_and_removed() {
    let folder = Folder::new();
    let target = format!("punix:{}", folder.arg("s%d.mgmt"));
    let mut demo =
        Running::start(["demo", "--switches", "2", "--hosts", "2", "--stay", "--listen", &target]);
    demo.wait_for("s2: listening on");
    assert_eq!(folder.names(), ["s0.mgmt", "s1.mgmt"]);
    for (index, name) in folder.names().iter().enumerate() {
        let mut stream = UnixStream::connect(folder.path(name)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(datapath_id(&mut stream), index as u64 + 1);
    }
    assert_eq!(demo.terminate(), Some(0));
    assert!(folder.names().is_empty(), "{:?}", folder.names());
}

#[test]
fn fails_when_the_network_does() {
    // A controller that greets and then does nothing: without entries no ping gets through.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("tcp:{}", listener.local_addr().unwrap());
    let idle = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(&message(0, 1)).unwrap();
        // Until the demo goes.
        drop(stream.read_to_end(&mut Vec::new()));
    });
    let outcome = rumpswitch(["demo", "--switches", "1", "--hosts", "2", "--controller", &target]);
    assert_eq!((outcome.code, &outcome.stderr[..]), (Some(1), ""), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("pings: 0 of 4 answered"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("\nFAILED "), "{}", outcome.stdout);
    assert!(outcome.stdout.contains(" dropped, table_miss: "), "{}", outcome.stdout);
    idle.join().unwrap();
}
