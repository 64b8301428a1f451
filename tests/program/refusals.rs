//! What cannot be begun: a line on standard error for each reason, exit code 2, nothing left behind.

use std::net::TcpListener;

use crate::{Folder, frames, rumpswitch};

#[test]
fn tls_is_refused_in_one_line() {
    for args in [
        &["demo", "--controller", "ssl:127.0.0.1:6653"][..],
        &["demo", "--listen", "pssl:6653"],
        &["run", "--port", "pair:a", "--port", "pair:a", "--controller", "ssl:127.0.0.1"],
        &["run", "--port", "pair:a", "--port", "pair:a", "--listen", "pssl:"],
    ] {
        let outcome = rumpswitch(args);
        assert_eq!((outcome.code, &outcome.stdout[..]), (Some(2), ""), "{args:?}");
        assert_eq!(outcome.stderr.lines().count(), 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("TLS is not built in"), "{}", outcome.stderr);
    }
}

#[test]
fn ports_that_cannot_be_had() {
    let run = |specs: &[&str], line: &str| {
        let ports = specs.iter().flat_map(|spec| ["--port", spec]);
        rumpswitch(["run"].into_iter().chain(ports)).refused(&[line]);
    };
    run(&["1:packet:rs-absent"], "rumpswitch: rs-absent: no such interface");
    run(
        &["1:tun:x"],
        "rumpswitch: port '1:tun:x': unknown kind 'tun' \
         (known: tap, packet, dgram, pair, pcap, local)",
    );
    run(&["eth0"], "rumpswitch: port 'eth0': expected [NUMBER:]KIND:NAME");
    run(&["0:tap:t"], "rumpswitch: port '0:tap:t': number 0 is not one of 1 to 4294967040");
    run(&["4:pair:a", "4:pair:b"], "rumpswitch: port '4:pair:b': number 4 is taken by '4:pair:a'");
    run(&["pair:a"], "rumpswitch: port 'pair:a': the other end of the pair is missing");
    run(
        &["pcap:/nonexistent.pcap"],
        "rumpswitch: /nonexistent.pcap: No such file or directory (os error 2)",
    );
}

#[test]
fn a_busy_address_leaves_nothing_behind() {
    let folder = Folder::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = format!("ptcp:{}", listener.local_addr().unwrap().port());
    let dgram = format!("1:dgram:{},{}", folder.arg("a"), folder.arg("b"));
    let management = format!("punix:{}", folder.arg("mgmt"));
    let args = ["run", "--port", &dgram, "--listen", &management, "--listen", &busy];
    let line = format!("rumpswitch: {busy}:127.0.0.1: Address already in use (os error 98)");
    rumpswitch(args).refused(&[&line]);
    assert!(folder.names().is_empty(), "{:?}", folder.names());

    let outcome =
        rumpswitch(["demo", "--listen", &management.replace("mgmt", "%d"), "--listen", &busy]);
    assert_eq!((outcome.code, outcome.stderr.trim_end()), (Some(2), &line[..]));
    assert!(folder.names().is_empty(), "{:?}", folder.names());
    // What another program listens on stays its own.
    let path = folder.path("theirs");
    let _theirs = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let theirs = format!("punix:{}", path.display());
    let line = format!("rumpswitch: {theirs}: Address already in use (os error 98)");
    rumpswitch(["run", "--port", &dgram, "--listen", &theirs]).refused(&[&line]);
    assert_eq!(folder.names(), ["theirs"]);
}

#[test]
fn targets_in_the_wrong_place() {
    let dgram = ["run", "--port", "dgram:/nonexistent/a,/nonexistent/b"];
    let with = |more: [&'static str; 2]| rumpswitch(dgram.into_iter().chain(more));
    let listening = "rumpswitch: ptcp:6653:127.0.0.1: a place to listen belongs under --listen";
    let connecting =
        "rumpswitch: tcp:h:6653: a controller to connect to belongs under --controller";
    with(["--controller", "ptcp:6653"]).refused(&[listening]);
    with(["--listen", "tcp:h"]).refused(&[connecting]);
    rumpswitch(["demo", "--controller", "ptcp:6653"]).refused(&[listening]);
    rumpswitch(["demo", "--listen", "tcp:h"]).refused(&[connecting]);
}

#[test]
fn everything_wrong_in_a_configuration_has_its_line() {
    let folder = Folder::new();
    let file = folder.write(
        "switches.toml",
        "[[switch]]\n\
         name = 7\n\
         datapath-id = \"xyz\"\n\
         ports = [\n  \"1:tun:x\",\n  \"2:pair:a\",\n  \"2:pair:a\",\n]\n\
         controllers = [\"ptcp:1\", \"ssl:h\"]\n\
         listen = \"ptcp:1\"\n\
         fail-mode = \"open\"\n\
         colour = \"red\"\n\
         [[switch]]\n\
         name = \"no ports\"\n\
         [bridge]\n",
    );
    let wrongs = [
        (2, "a string is wanted, not integer"),
        (3, "\"xyz\" is not a datapath id: 1 to 16 hexadecimal digits"),
        (5, "port '1:tun:x': unknown kind 'tun' (known: tap, packet, dgram, pair, pcap, local)"),
        (7, "port '2:pair:a': number 2 is taken by '2:pair:a'"),
        (9, "ptcp:1: a place to listen belongs under listen"),
        (9, "ssl:h: TLS is not built in yet, and plain TCP will not stand in for it"),
        (10, "a list of strings is wanted, not string"),
        (11, "\"open\" is no fail mode: secure or standalone"),
        (12, "unknown key colour"),
        (13, "a switch without ports"),
        (15, "unknown key bridge"),
    ];
    let lines = wrongs.map(|(line, what)| format!("rumpswitch: {file}:{line}: {what}"));
    rumpswitch(["run", "--config", &file]).refused(&lines.each_ref().map(|line| &line[..]));

    let file = folder.write("broken.toml", "[[switch]]\nports = [\n");
    let outcome = rumpswitch(["run", "--config", &file]);
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(2), 1), "{}", outcome.stderr);
    assert!(outcome.stderr.starts_with(&format!("rumpswitch: {file}:")), "{}", outcome.stderr);

    let file = folder.arg("absent.toml");
    let line = format!("rumpswitch: {file}: No such file or directory (os error 2)");
    rumpswitch(["run", "--config", &file]).refused(&[&line]);
}

#[test]
fn tables_that_cannot_be_filled() {
    let folder = Folder::new();
    let capture = folder.path("in.pcap");
    frames::write(&capture, &[(Default::default(), frames::udp([10, 0, 0, 2], 53))]);
    let input = format!("1={}", capture.display());
    let replay = |flows: &str, more: &[&str]| {
        let flows = folder.write("flows.txt", flows);
        let args = ["replay", "--flows", &flows, "--in", &input];
        (flows.clone(), rumpswitch(args.iter().chain(more)))
    };
    // What cannot be read, by its line and word.
    let (flows, outcome) =
        replay("actions=drop\n\n# a comment\nnw_dts=1.2.3.4,actions=drop\n", &[]);
    outcome.refused(&[&format!("rumpswitch: {flows}: line 4: \"nw_dts=1.2.3.4\": unknown field")]);
    let (_, outcome) = replay("actions=learn(table=1)\n", &[]);
    assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(2), 1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("line 1") && outcome.stderr.contains("learn"));
    // What the switch refuses, by its line and error.
    let (flows, outcome) = replay("# none\nactions=drop\nactions=group:5\n", &[]);
    outcome.refused(&[&format!("rumpswitch: {flows}:3: refused: BadAction/BadOutGroup")]);
    // Captures.
    let (_, outcome) = replay("actions=drop\n", &["--in", "2=/nonexistent.pcap"]);
    outcome.refused(&["rumpswitch: /nonexistent.pcap: No such file or directory (os error 2)"]);
    let text = folder.write("text", "this is no capture, however long it may be");
    let (_, outcome) = replay("actions=drop\n", &["--in", &format!("2={text}")]);
    outcome.refused(&[&format!("rumpswitch: {text}: not a capture (neither pcap nor pcapng)")]);
    let out = format!("2={}", folder.arg("out.pcap"));
    let other = format!("2={}", folder.arg("other.pcap"));
    let (_, outcome) = replay("actions=drop\n", &["--out", &out, "--out", &other]);
    outcome.refused(&["rumpswitch: --out: port 2 is there twice"]);
    let (_, outcome) = replay("actions=drop\n", &["--out", &input]);
    outcome.refused(&[&format!("rumpswitch: --out: {} is there twice", capture.display())]);
    assert!(!folder.path("out.pcap").exists());
    assert_eq!(frames::read(&capture).len(), 1, "the input is as it was");
    for value in [&["--repeat", "0"], &["--seconds", "0"], &["--seconds", "x"]] {
        let (_, outcome) = replay("actions=drop\n", value);
        assert_eq!((outcome.code, outcome.stderr.lines().count()), (Some(2), 1), "{value:?}");
    }
}

#[test]
fn a_broken_capture_is_told_by_file_and_record() {
    let folder = Folder::new();
    let whole = folder.path("whole.pcap");
    let frame = (Default::default(), frames::udp([10, 0, 0, 2], 53));
    frames::write(&whole, &[frame.clone(), frame.clone(), frame]);
    let bytes = std::fs::read(&whole).unwrap();
    let flows = folder.write("flows.txt", "actions=drop\n");
    let broken = |bytes: &[u8], what: &str| {
        let file = folder.arg("broken.pcap");
        std::fs::write(&file, bytes).unwrap();
        let line = match what.is_empty() {
            true => "rumpswitch: the captures hold no frame".to_owned(),
            false => format!("rumpswitch: {file}: {what}"),
        };
        rumpswitch(["replay", "--flows", &flows, "--in", &format!("1={file}")]).refused(&[&line]);
    };
    const HEAD: usize = 24;
    const RECORD: usize = 16 + 60;
    let cut = "cut short by the end of the file";
    broken(&bytes[..bytes.len() - 1], &format!("record 3: {cut}"));
    broken(&bytes[..HEAD + RECORD + 16], &format!("record 2: {cut}"));
    broken(&bytes[..HEAD + 5], &format!("record 1: {cut}"));
    broken(&bytes[..HEAD], "");
    broken(&bytes[..HEAD - 1], "the capture's header is cut");
    broken(&bytes[..3], "not a capture: too short");
    let mut long = bytes.clone();
    long[HEAD + RECORD + 8..][..4].copy_from_slice(&u32::MAX.to_ne_bytes());
    broken(&long, "record 2: a record is longer than any frame");
    let mut wireless = bytes;
    wireless[20..24].copy_from_slice(&105u32.to_ne_bytes());
    broken(&wireless, "link type 105 is not Ethernet");
}

#[test]
fn rates_and_queues_that_cannot_be() {
    let refused = |extra: &[&str], line: &str| {
        let ports = ["run", "--port", "1:pair:x", "--port", "2:pair:x"];
        rumpswitch([&ports[..], extra].concat()).refused(&[&format!("rumpswitch: {line}")]);
    };
    refused(&["--rate", "3=1M"], "'3=1000k': there is no such port");
    refused(
        &["--rate", "1=1M", "--queue", "2:7"],
        "'port 2': queues need a rate, and the link has none: give the port one",
    );
    refused(
        &["--rate", "1=1M", "--queue", "1:7:min=60%", "--queue", "1:8:min=41%"],
        "'port 1': its queues are guaranteed more than 100% together",
    );
    for (option, value) in [("--rate", "1=fast"), ("--queue", "1:7:most=5%")] {
        let outcome = rumpswitch(["run", "--port", "1:pair:x", option, value]);
        assert_eq!((outcome.code, &outcome.stdout[..]), (Some(2), ""));
        assert!(outcome.stderr.contains(value), "{}", outcome.stderr);
    }
    let folder = Folder::new();
    let text = "[[switch]]\nports = []\nrates = [\"1=5\"]\nqueues = [\"1\"]\n";
    let file = folder.write("switches.toml", text);
    let lines = [
        format!("rumpswitch: {file}:3: '1=5': '5' is not a rate: 64k, 10M, 1G bits per second"),
        format!("rumpswitch: {file}:4: '1': expected PORT:QUEUE[:min=P%][,max=P%]"),
    ];
    rumpswitch(["run", "--config", &file]).refused(&lines.each_ref().map(|line| &line[..]));
}
