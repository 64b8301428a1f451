//! The programs of `examples/`: each prints what its head says that it prints.

#![allow(missing_docs)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// The program, built from what stands there now: `cargo test` has done so, unless it was told to build
/// this test alone.
fn program(name: &str, source: &Path) -> io::Result<PathBuf> {
    // This test is in the profile's folder `deps`, beside `examples`.
    let folder = env::current_exe()?.parent().and_then(Path::parent).map(Path::to_owned);
    let folder = folder.expect("a test has a folder");
    let program = folder.join("examples").join(name);
    let built = fs::metadata(&program).and_then(|program| program.modified());
    if built.is_ok_and(|built| fs::metadata(source).is_ok_and(|s| s.modified().unwrap() <= built)) {
        return Ok(program);
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--quiet", "--example", name]).current_dir(env!("CARGO_MANIFEST_DIR"));
    if folder.ends_with("release") {
        build.arg("--release");
    }
    assert!(build.status()?.success(), "cannot build the example {name}");
    Ok(program)
}

/// What the head of a program says that it prints.
fn promise(source: &str) -> String {
    let lines = source.lines().skip_while(|line| *line != "//! ```text").skip(1);
    let lines = lines.take_while(|line| *line != "//! ```");
    let lines = lines.map(|line| line.strip_prefix("//! ").unwrap_or_default());
    lines.map(|line| line.to_owned() + "\n").collect()
}

fn prints_what_its_head_says(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let source = folder.join(name.to_owned() + ".rs");
    let output = Command::new(program(name, &source).unwrap()).output().unwrap();
    let promise = promise(&fs::read_to_string(source).unwrap());
    assert!(!promise.is_empty(), "the head of {name} shows no output");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), promise, "{errors}");
}

#[test]
fn ten_lines_send_a_frame() {
    prints_what_its_head_says("ten_lines");
}

#[test]
fn a_firewall_says_what_passes_and_counts() {
    prints_what_its_head_says("firewall");
}

#[test]
fn stacks_of_smoltcp_talk_through_a_switch() {
    prints_what_its_head_says("in_smoltcp");
}

#[test]
fn a_controller_is_tested_in_virtual_time() {
    prints_what_its_head_says("controller_test");
}
