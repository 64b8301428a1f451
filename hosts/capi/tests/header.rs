//! The header and the Rust side agree: a C compiler is given the header and, for everything that
//! `abi.rs` has, what Rust thinks of it.

use std::fmt::Write as _;
use std::mem::offset_of;
use std::path::Path;
use std::process::Command;

use rumpswitch_capi::{Error, abi};

const HEADER: &str = include_str!("../include/rumpswitch.h");
const SOURCES: [&str; 7] = [
    include_str!("../src/device.rs"),
    include_str!("../src/drops.rs"),
    include_str!("../src/error.rs"),
    include_str!("../src/ioctl.rs"),
    include_str!("../src/platform.rs"),
    include_str!("../src/ports.rs"),
    include_str!("../src/switch.rs"),
];

macro_rules! structure {
    ($out:ident, $rust:ident is $c:literal { $($field:ident),* $(,)? }) => {
        let (size, align) = (size_of::<abi::$rust>(), align_of::<abi::$rust>());
        let mut end = 0;
        writeln!($out, "CLAIM(sizeof(struct {}) == {size});", $c).unwrap();
        writeln!($out, "CLAIM(__alignof__(struct {}) == {align});", $c).unwrap();
        $(
            let at = offset_of!(abi::$rust, $field);
            let len = field_len(|value: &abi::$rust| size_of_val(&value.$field));
            writeln!($out, "CLAIM(offsetof(struct {}, {}) == {at});", $c, stringify!($field)).unwrap();
            writeln!($out, "CLAIM(sizeof(((struct {} *)0)->{}) == {len});", $c, stringify!($field))
                .unwrap();
            assert_eq!(end, at, "{} has a field that is not named here, or a hole", $c);
            end = at + len;
        )*
        assert_eq!(end, size, "{} has a field that is not named here, or a hole", $c);
    };
}

/// What `len` says of a value that need not be one.
fn field_len<T>(len: impl Fn(&T) -> usize) -> usize {
    let value = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: all bits zero is a value of each of the interface's structures: numbers, pointers, and
    // functions that are there or not.
    len(unsafe { value.assume_init_ref() })
}

fn structures() -> String {
    let mut out = String::new();
    structure!(out, Platform is "rumpswitch_platform" { revision, size, context, allocate, release, panic });
    structure!(out, Slice is "rumpswitch_slice" { base, len });
    structure!(out, Frame is "rumpswitch_frame" {
        handle, head, head_len, len, rest, rest_count, headroom, tailroom
    });
    structure!(out, Meta is "rumpswitch_meta" {
        tunnel_id, in_phy_port, queue_id, csum_start, csum_offset, gso_segment_len, gso_header_len, gso,
        pad
    });
    structure!(out, Ingress is "rumpswitch_ingress" { port, pad, meta, frame });
    structure!(out, Hypercalls is "rumpswitch_hypercalls" {
        revision, size, transmit, discard, flush, duplicate, allocate, pull, grow, copy_out, wake
    });
    structure!(out, Config is "rumpswitch_config" {
        revision, size, datapath_id, seed, n_tables, max_entries_per_table, max_groups, max_meters,
        max_channels, mac_table_count, standalone, pad, description
    });
    structure!(out, Port is "rumpswitch_port" {
        number, name, hw_addr, pad, config, state, curr, advertised, supported, peer, curr_speed,
        max_speed, max_frame
    });
    structure!(out, PortCounters is "rumpswitch_port_counters" {
        rx_frames, tx_frames, rx_bytes, tx_bytes, rx_dropped, tx_dropped
    });
    structure!(out, Queue is "rumpswitch_queue" { id, min_rate, max_rate });
    structure!(out, Renumber is "rumpswitch_renumber" { from, to });
    out
}

/// Every number of the header by its name.
fn numbers() -> Vec<(&'static str, u64)> {
    let mut numbers = vec![
        ("REVISION", abi::REVISION.into()),
        ("NO_QUEUE", abi::NO_QUEUE.into()),
        ("NO_RATE", abi::NO_RATE.into()),
        ("NEVER", abi::NEVER),
        ("MAX_FRAME", abi::MAX_FRAME.into()),
        ("PORT_MAX", abi::PORT_MAX.into()),
        ("PORT_LOCAL", abi::PORT_LOCAL.into()),
        ("LINK_DOWN", abi::LINK_DOWN.into()),
        ("BLOCKED", abi::BLOCKED.into()),
        ("READABLE", abi::READABLE.into()),
        ("WRITABLE", abi::WRITABLE.into()),
        ("HANGUP", abi::HANGUP.into()),
        ("ACTIVE", abi::ACTIVE as u64),
        ("PASSIVE", abi::PASSIVE as u64),
        ("GET_PENDING", abi::GET_PENDING.into()),
        ("GET_DATAPATH_ID", abi::GET_DATAPATH_ID.into()),
        ("SET_DATAPATH_ID", abi::SET_DATAPATH_ID.into()),
        ("GET_MAX_FLOW", abi::GET_MAX_FLOW.into()),
        ("GET_MAX_GROUP", abi::GET_MAX_GROUP.into()),
        ("SET_PORT_NUMBER", abi::SET_PORT_NUMBER.into()),
        ("PANIC", abi::PANIC.into()),
        ("GSO_NONE", abi::GSO_NONE.into()),
        ("GSO_TCPV4", abi::GSO_TCPV4.into()),
        ("GSO_TCPV6", abi::GSO_TCPV6.into()),
        ("GSO_UDP", abi::GSO_UDP.into()),
        ("OK", 0),
    ];
    let errors = [
        "BAD_ARGUMENT",
        "BAD_REVISION",
        "BUSY",
        "WOULD_BLOCK",
        "HUNG_UP",
        "BAD_CHANNEL",
        "NO_MEMORY",
        "GONE",
        "NO_PORT",
        "PORT_EXISTS",
        "BAD_PORT",
        "BAD_REQUEST",
    ];
    numbers.extend(errors.into_iter().zip(Error::ALL.map(|error| error as u64)));
    numbers
}

/// Names of numbers that the header defines.
fn defined() -> Vec<&'static str> {
    let mut names: Vec<&str> = HEADER
        .lines()
        .filter_map(|line| {
            let line = line.trim_start();
            let rest = line.strip_prefix("#define ").unwrap_or(line).strip_prefix("RUMPSWITCH_")?;
            let name = rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next()?;
            let behind = rest[name.len()..].trim_start();
            let is_number = line.starts_with('#') || behind.starts_with('=');
            (is_number && name != "H").then_some(name)
        })
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn structures_and_numbers_are_the_headers() {
    let Some(compiler) = ["cc", "gcc", "clang"].into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
    }) else {
        println!("SKIP: no C compiler");
        return;
    };
    let mut source = String::from(
        "#include <rumpswitch.h>\n#define CLAIM(claim) _Static_assert(claim, #claim)\n",
    );
    source += &structures();
    for (name, number) in numbers() {
        writeln!(source, "CLAIM(RUMPSWITCH_{name} == {number}u);").unwrap();
    }
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("claims.c");
    std::fs::write(&file, source).unwrap();
    let include = Path::new(env!("CARGO_MANIFEST_DIR")).join("include");
    let output = Command::new(compiler)
        .args(["-std=gnu11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I"])
        .args([&include, &file])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_number_of_the_header_is_compared() {
    let mut compared: Vec<&str> = numbers().into_iter().map(|(name, _)| name).collect();
    compared.sort_unstable();
    assert_eq!(compared, defined());
}

#[test]
fn the_functions_are_those_of_the_header() {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    let name_at = |text: &'static str| text.split(|c| !is_name(c)).next().unwrap_or_default();
    let mut ours: Vec<&str> = SOURCES
        .iter()
        .flat_map(|source| source.split("extern \"C\" fn ").skip(1).map(name_at))
        .filter(|name| name.starts_with("rumpswitch_"))
        .collect();
    let mut theirs: Vec<&str> = HEADER
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_lowercase()))
        .filter_map(|line| line.find("rumpswitch_").map(|at| &line[at..]))
        .filter(|rest| rest[name_at(rest).len()..].starts_with('('))
        .map(name_at)
        .collect();
    ours.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(ours, theirs);
    assert!(ours.len() > 20);
}
