//! `rumpswitch replay`.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};

use crate::frames::{self, Captured, udp};
use crate::{Folder, rumpswitch};

/// A folder with a capture and tables.
struct Bed {
    folder: Folder,
    args: Vec<String>,
}

impl Bed {
    /// The frames come at port 1.
    fn new(flows: &str, frames: &[Captured]) -> Bed {
        let folder = Folder::new();
        frames::write(&folder.path("in.pcap"), frames);
        let flows = folder.write("flows.txt", flows);
        let input = format!("1={}", folder.arg("in.pcap"));
        let args = ["replay", "--flows", &flows, "--in", &input].map(str::to_owned).into();
        Bed { folder, args }
    }

    fn with(mut self, option: &str, file: &str, text: &str) -> Bed {
        self.args.extend([option.to_owned(), self.folder.write(file, text)]);
        self
    }

    fn outcome(&self, more: &[&str]) -> crate::Outcome {
        rumpswitch(self.args.iter().map(String::as_str).chain(more.iter().copied()))
    }

    fn json(&self, more: &[&str]) -> Value {
        self.outcome(&[more, &["--json"]].concat()).json()
    }
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Packets of each entry, in the order in which they are told.
fn counts(json: &Value) -> Vec<u64> {
    let flows = json["flows"].as_array().unwrap().iter();
    flows.map(|flow| flow["packet_count"].as_u64().unwrap()).collect()
}

#[test]
fn what_leaves_is_written_byte_for_byte() {
    let start = Duration::new(1_700_000_000, 5_000);
    let frames: Vec<Captured> = (0..100)
        .map(|n| (start + millis(n), udp([10, 0, 0, (n % 4) as u8], 1000 + n as u16)))
        .collect();
    let bed = Bed::new(
        "priority=2,ip,nw_dst=10.0.0.1,actions=output:2\n\
         priority=2,ip,nw_dst=10.0.0.2,actions=push_vlan:0x8100,set_field:4101->vlan_vid,output:2\n\
         priority=2,ip,nw_dst=10.0.0.3,actions=output:3,output:2\n",
        &frames,
    );
    let out = |port: u32| format!("{port}={}", bed.folder.arg(&format!("{port}.pcap")));
    let json = bed.json(&["--out", &out(2), "--out", &out(3), "--out", &out(4), "--repeat", "3"]);

    let mut expected = Vec::new();
    for (time, frame) in &frames {
        let mut frame = frame.clone();
        match frame[33] {
            0 => continue,
            2 => drop(frame.splice(12..12, [0x81, 0, 0, 5])),
            _ => {}
        }
        expected.push((*time, frame));
    }
    assert_eq!(frames::read(&bed.folder.path("2.pcap")), expected, "one round, tags and times");
    expected.retain(|(_, frame)| frame[33] == 3);
    assert_eq!(frames::read(&bed.folder.path("3.pcap")), expected);
    assert_eq!(frames::read(&bed.folder.path("4.pcap")), []);

    assert_eq!(json["rounds"], 3);
    assert_eq!(json["frames_per_round"], 100);
    assert_eq!((&json["packets"], &json["bytes"]), (&json!(300), &json!(18_000)));
    assert_eq!(json["packet_ins"], 0);
    assert!(json["cpu_ns_per_packet"].as_f64().unwrap() > 0.0);
    assert!(json["wall_seconds"].as_f64().unwrap() > 0.0);
    let port = |number: u32| {
        let ports = json["ports"].as_array().unwrap().iter();
        ports.clone().find(|port| port["port_no"] == number).unwrap().clone()
    };
    assert_eq!((&port(1)["rx_packets"], &port(1)["rx_bytes"]), (&json!(300), &json!(18_000)));
    assert_eq!((&port(2)["tx_packets"], &port(2)["tx_bytes"]), (&json!(225), &json!(13_800)));
    assert_eq!((&port(3)["tx_packets"], &port(4)["tx_packets"]), (&json!(75), &json!(0)));
    assert_eq!(json["drops"], json!({ "table_miss": 75 }));
    let table = &json["tables"][0];
    let memory = table["memory_len"].as_u64().unwrap();
    assert!(memory > 0);
    let expected = json!([{
        "table_id": 0, "active_count": 3, "lookup_count": 300, "matched_count": 225,
        "template": "fixed", "mask_count": 1, "overlay_count": 0, "memory_len": memory,
        "probes_per_lookup": table["probes_per_lookup"],
    }]);
    assert_eq!(json["tables"], expected);
    let probes = table["probes_per_lookup"].as_f64().unwrap();
    assert!((1.0..=3.0).contains(&probes), "{probes} of three entries compared");
    assert_eq!(counts(&json), [75, 75, 75]);
    let text = json["flows"][0]["text"].as_str().unwrap();
    let end = "n_packets=75, n_bytes=4500, priority=2,ip,nw_dst=10.0.0.1 actions=output:2";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn the_same_in_text() {
    let frames = [(millis(0), udp([10, 0, 0, 1], 53)), (millis(1), udp([10, 0, 0, 2], 53))];
    let bed = Bed::new("priority=1,udp,nw_dst=10.0.0.1,actions=output:2,CONTROLLER\n", &frames);
    let outcome = bed.outcome(&[]);
    assert_eq!((outcome.code, &outcome.stderr[..]), (Some(0), ""));
    let (first, rest) = outcome.stdout.split_once('\n').unwrap();
    assert!(first.starts_with("2 packets (2 in 1 rounds), 120 bytes: "), "{first}");
    assert!(first.contains(" ns of CPU a packet, "), "{first}");
    let lines: Vec<_> = rest.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "port 1: rx pkts=2 bytes=120 drop=0, tx pkts=0 bytes=0 drop=0",
            "port 2: rx pkts=0 bytes=0 drop=0, tx pkts=1 bytes=60 drop=0",
            "to the controller: 1",
        ]
    );
    assert!(lines[3].starts_with("table 0: fixed, 1 entries in "), "{}", lines[3]);
    assert_eq!(lines[4], "dropped, table_miss: 1");
    assert!(
        lines[5].starts_with(" cookie=0x0, duration=0.001s, table=0, n_packets=1, n_bytes=60,")
    );
    assert_eq!(lines.len(), 6);
}

#[test]
fn meters_act_in_the_captures_time() {
    // 100 packets a second for 4 s through a meter for 10, which starts full.
    let frames: Vec<Captured> =
        (0..400).map(|n| (millis(10 * n), udp([10, 0, 0, 1], n as u16))).collect();
    let bed = Bed::new("ip,actions=meter:7,output:2\n", &frames).with(
        "--meters",
        "meters.txt",
        "meter=7,pktps,burst,band=type=drop,rate=10,burst_size=10\n",
    );
    let json = bed.json(&[]);
    let sent = json["ports"][1]["tx_packets"].as_u64().unwrap();
    assert!((48..=52).contains(&sent), "{sent} of 400 at 10 a second in 4 s, and a burst of 10");
    assert_eq!(json["drops"], json!({ "meter": 400 - sent }));
    assert_eq!(counts(&json), [400]);
    // Faster than they came, again and again: as if each round followed the other in its time.
    let again = bed.json(&["--repeat", "10"]);
    let sent = again["ports"][1]["tx_packets"].as_u64().unwrap();
    assert!((405..=415).contains(&sent), "{sent} of 4000");
    let mut once_more = bed.json(&["--repeat", "10"]);
    for key in ["cpu_ns_per_packet", "wall_seconds", "cost", "workers"] {
        once_more[key] = again[key].clone();
    }
    assert_eq!(once_more, again, "repeated exactly");
}

#[test]
fn timeouts_act_in_the_captures_time() {
    let frames: Vec<Captured> =
        [0, 900, 1800, 2700, 4500].map(|time| (millis(time), udp([10, 0, 0, 1], 53))).into();
    let bed = Bed::new(
        "priority=3,hard_timeout=2,udp,actions=output:2\n\
         priority=2,idle_timeout=1,udp,actions=output:3\n\
         priority=1,udp,actions=output:4\n",
        &frames,
    );
    // The second entry waits behind the first, idle, and is gone before its turn.
    let json = bed.json(&[]);
    assert_eq!(counts(&json), [2], "{json}");
    let sent: Vec<_> = json["ports"].as_array().unwrap().iter().skip(1).collect();
    let sent: Vec<_> = sent.iter().map(|port| port["tx_packets"].as_u64().unwrap()).collect();
    assert_eq!(sent, [3, 0, 2]);
    // Alone it lives as long as packets come within a second of each other.
    let bed = Bed::new(
        "priority=2,idle_timeout=1,udp,actions=output:3\npriority=1,udp,actions=output:4\n",
        &frames,
    );
    assert_eq!(counts(&bed.json(&[])), [1]);
}

#[test]
fn captures_of_several_ports_are_merged_by_time() {
    let at = |time, last| (millis(time), udp([10, 0, 0, last], 53));
    let bed = Bed::new("ip,actions=output:9\n", &[at(0, 1), at(20, 3), at(40, 5)]);
    frames::write(&bed.folder.path("second.pcap"), &[at(10, 2), at(30, 4)]);
    let second = format!("2={}", bed.folder.arg("second.pcap"));
    let out = format!("9={}", bed.folder.arg("out.pcap"));
    let json = bed.json(&["--in", &second, "--out", &out]);
    assert_eq!(json["ports"][1]["rx_packets"], 2);
    let order: Vec<_> =
        frames::read(&bed.folder.path("out.pcap")).iter().map(|(_, frame)| frame[33]).collect();
    assert_eq!(order, [1, 2, 3, 4, 5]);
}

#[test]
fn groups_and_normal_and_seconds() {
    let frames = [(millis(0), udp([10, 0, 0, 1], 53))];
    let bed = Bed::new("priority=1,actions=group:1\n", &frames).with(
        "--groups",
        "groups.txt",
        "group_id=1,type=all,bucket=actions=output:2,bucket=actions=set_field:10.9.8.7->ip_dst,output:3\n",
    );
    let out = format!("3={}", bed.folder.arg("out.pcap"));
    bed.json(&["--out", &out]);
    assert_eq!(frames::read(&bed.folder.path("out.pcap"))[0].1[30..34], [10, 9, 8, 7]);
    let json = bed.json(&["--seconds", "0.05"]);
    assert!(json["rounds"].as_u64().unwrap() > 1);
    assert!(json["wall_seconds"].as_f64().unwrap() >= 0.05);
    let sent = &json["ports"][1]["tx_packets"];
    assert_eq!((sent, &json["packets"]), (&json["rounds"], &json["rounds"]));
}

#[test]
fn repetitions_are_told_apart() {
    let frames = [(millis(0), udp([10, 0, 0, 1], 53)), (millis(1), udp([10, 0, 0, 2], 53))];
    let bed = Bed::new("ip,actions=output:2\n", &frames);
    let json = bed.json(&["--repeat", "4", "--reps", "3"]);
    assert_eq!((&json["rounds"], &json["packets"]), (&json!(12), &json!(24)));
    let cost = &json["cost"];
    let repetitions = cost["repetitions"].as_array().unwrap();
    let packets: Vec<_> = repetitions.iter().map(|each| each["packets"].clone()).collect();
    assert_eq!(packets, [8, 8, 8]);
    let each: Vec<_> =
        repetitions.iter().map(|each| each["cpu_ns_per_packet"].as_f64().unwrap()).collect();
    if let Some(rate) = cost["tsc_hz"].as_f64() {
        let close = |key: &str, nanos: f64| {
            let ratio = cost[key].as_f64().unwrap() / (nanos * rate / 1e9);
            assert!((0.9..1.1).contains(&ratio), "{key}: {cost}");
        };
        let mut sorted = each.clone();
        sorted.sort_by(f64::total_cmp);
        close("cycles_min", sorted[0]);
        close("cycles_median", sorted[1]);
        close("cycles_per_packet", each.iter().sum::<f64>() / 3.0);
    }
    let text = bed.outcome(&["--reps", "3"]).stdout;
    assert!(text.lines().nth(1).unwrap().starts_with("3 repetitions: "), "{text}");
}

#[test]
fn the_floor_is_the_copying_alone() {
    let bed = Bed::new("ip,actions=output:2\n", &[(millis(0), udp([10, 0, 0, 1], 53))]);
    let json = bed.json(&["--floor", "--repeat", "5"]);
    assert_eq!((&json["packets"], &json["bytes"]), (&json!(5), &json!(300)));
    assert!(json["cost"]["cpu_ns"].as_u64().unwrap() > 0);
    assert_eq!(counts(&json), [0], "no switch has seen a frame");
    assert_eq!(json["ports"][0]["rx_packets"], 0);
}

#[test]
fn a_paced_replay_waits_for_each_line() {
    let bed = Bed::new("ip,actions=output:2\n", &[(millis(0), udp([10, 0, 0, 1], 53))]);
    let args = bed.args.iter().map(String::as_str).chain(["--paced", "--repeat", "7", "--json"]);
    let mut child =
        crate::command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ready");
    for _ in 0..2 {
        writeln!(input).unwrap();
        let told: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        assert_eq!(told["packets"], 7);
    }
    drop(input);
    let rest: Vec<_> = lines.map(Result::unwrap).collect();
    let json: Value = serde_json::from_str(&rest.join("\n")).unwrap();
    assert_eq!((&json["packets"], counts(&json)), (&json!(14), vec![14]));
    assert_eq!(json["cost"]["repetitions"].as_array().unwrap().len(), 2);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_long_frame_has_room_of_its_own() {
    // Frames of three buffers, beside short ones.
    let long = |last: u8| {
        let mut frame = udp([10, 0, 0, 1], 53);
        frame.resize(6000, last);
        frame
    };
    let frames = [(millis(0), long(1)), (millis(1), udp([10, 0, 0, 1], 54)), (millis(2), long(2))];
    let bed = Bed::new("actions=output:2\n", &frames);
    let out = format!("2={}", bed.folder.arg("out.pcap"));
    bed.json(&["--out", &out]);
    assert_eq!(frames::read(&bed.folder.path("out.pcap")), frames);
}

/// Ports, tables, flow entries and drops are those of one worker, whoever plays which frames, and
/// entries run out at the same frame; each worker says what it did.
#[test]
fn several_workers_count_as_one() {
    // Flows that stay and flows that stop, a second apart.
    let frames: Vec<Captured> = (0..3_000_u64)
        .map(|n| {
            let group = (n % 7) as u8;
            let port = 1_000 + (n % 50) as u16 + if n > 2_000 { 100 } else { 0 };
            (millis(n), udp([10, 0, group, 1], port))
        })
        .collect();
    let bed = Bed::new(
        "priority=3,ip,nw_dst=10.0.1.0/24,idle_timeout=1,actions=output:2\n\
         priority=3,ip,nw_dst=10.0.2.0/24,hard_timeout=2,actions=dec_ttl,output:3\n\
         priority=3,udp,nw_dst=10.0.3.0/24,tp_dst=1120,actions=drop\n\
         priority=2,ip,nw_dst=10.0.3.1,actions=group:1\n\
         priority=2,ip,nw_dst=10.0.4.1,actions=NORMAL\n\
         priority=1,ip,nw_dst=10.0.5.1,actions=CONTROLLER\n",
        &frames,
    )
    .with("--groups", "groups.txt", "group_id=1,type=select,bucket=output:2,bucket=output:3\n");
    let (two, three) = (bed.folder.arg("2.pcap"), bed.folder.arg("3.pcap"));
    let out = [format!("2={two}"), format!("3={three}")];
    let play = |workers: &str| {
        let json =
            bed.json(&["--workers", workers, "--reps", "2", "--out", &out[0], "--out", &out[1]]);
        let sent = ["2.pcap", "3.pcap"].map(|file| {
            let mut frames = frames::read(&bed.folder.path(file));
            frames.sort();
            frames
        });
        (json, sent)
    };
    let (one, sent) = play("1");
    assert_eq!(one["workers"].as_array().unwrap().len(), 1);
    for count in ["2", "3", "7"] {
        let (json, sent_by_all) = play(count);
        for what in ["rounds", "packets", "bytes", "packet_ins", "ports", "tables", "drops"] {
            assert_eq!(json[what], one[what], "{what}, {count} workers");
        }
        assert_eq!(counts(&json), counts(&one), "{count} workers");
        let frames = |sent: &[Vec<Captured>; 2]| sent.clone().map(|frames| frames.len());
        assert_eq!(frames(&sent_by_all), frames(&sent), "{count} workers");
        let bytes = |frames: &[Captured]| {
            let mut bytes: Vec<_> = frames.iter().map(|(_, bytes)| bytes.clone()).collect();
            bytes.sort();
            bytes
        };
        assert_eq!(sent_by_all.map(|frames| bytes(&frames)), sent.clone().map(|f| bytes(&f)));
        let workers = json["workers"].as_array().unwrap();
        assert_eq!(workers.len().to_string(), count);
        let packets = |worker: &Value| worker["packets"].as_u64().unwrap();
        assert_eq!(workers.iter().map(packets).sum::<u64>(), 6_000);
        assert!(
            workers.iter().all(|worker| packets(worker) > 0 && worker["cpu_ns"].as_u64() > Some(0))
        );
    }
}
