//! What the program says of itself.

use crate::rumpswitch;

#[test]
fn every_command_explains_itself() {
    let all = [
        (&["--help"][..], &["demo", "run", "replay", "trace", "personality"][..]),
        (
            &["demo", "--help"],
            &[
                "--switches",
                "--hosts",
                "--topology",
                "--pcap",
                "--stay",
                "--controller",
                "--listen",
                "--seed",
                "--json",
            ],
        ),
        (
            &["run", "--help"],
            &[
                "--port",
                "--controller",
                "--listen",
                "--datapath-id",
                "--fail-mode",
                "--rate",
                "--queue",
                "--config",
                "--personality",
                "--quiet",
            ],
        ),
        (
            &["replay", "--help"],
            &[
                "--flows",
                "--groups",
                "--meters",
                "--in",
                "--out",
                "--repeat",
                "--seconds",
                "--json",
            ],
        ),
        (
            &["trace", "--help"],
            &["--flows", "--groups", "--meters", "--pcap", "--frame", "--in-port", "--json"],
        ),
    ];
    for (args, words) in all {
        let outcome = rumpswitch(args);
        assert_eq!((outcome.code, &outcome.stderr[..]), (Some(0), ""), "{args:?}");
        for word in words {
            assert!(outcome.stdout.contains(word), "{args:?}: no {word} in {}", outcome.stdout);
        }
    }
}

#[test]
fn says_its_version() {
    let outcome = rumpswitch(["--version"]);
    assert_eq!(outcome.code, Some(0));
    assert_eq!(outcome.stdout.trim(), concat!("rumpswitch ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn unknown_arguments_are_a_matter_of_usage() {
    for args in [&["fly"][..], &["demo", "--colour"], &["run"], &["replay"], &["trace"]] {
        let outcome = rumpswitch(args);
        assert_eq!((outcome.code, &outcome.stdout[..]), (Some(2), ""), "{args:?}");
        assert!(outcome.stderr.starts_with("error: "), "{args:?}: {}", outcome.stderr);
    }
}
