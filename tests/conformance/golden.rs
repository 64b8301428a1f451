//! The golden list: hand-made messages of every kind, right and wrong, each sent to a switch that has
//! only what the case needs. `golden.txt` holds what Open vSwitch 3.1 answers, recorded; our answer is
//! asked for when the test runs. Where they differ the file says what ours is and which rule of
//! `rules.txt` explains it.
//!
//! `GOLDEN_RECORD=golden.txt cargo test -p rumpswitch-tests --test conformance golden` writes the list
//! anew from the Open vSwitch at hand, and keeps what is explained.

pub(crate) mod cases;
mod entries;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use cases::Case;

use crate::answer::describe;
use crate::ours::Ours;
use crate::ovs::Ovs;
use crate::peer::Peer;
use crate::rules;

/// What the file says of a case.
#[derive(Clone, Debug)]
struct Line {
    theirs: String,
    /// Where it differs: our answer, and the rule's number.
    ours: Option<(String, u32)>,
}

/// The file: by section and name.
fn file() -> BTreeMap<(String, String), Line> {
    let mut lines = BTreeMap::new();
    let mut section = String::new();
    for line in include_str!("golden.txt").lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = name.to_owned();
            continue;
        }
        let columns: Vec<&str> = line.split(" | ").map(str::trim).collect();
        let (name, theirs, ours) = match columns[..] {
            [name, theirs] => (name, theirs, None),
            [name, theirs, ours, rule] => {
                let rule = rule.strip_prefix("rule ").and_then(|number| number.parse().ok());
                (name, theirs, Some((ours.to_owned(), rule.unwrap_or_else(|| panic!("{line}")))))
            }
            _ => panic!("two or four columns: {line}"),
        };
        let line = Line { theirs: theirs.to_owned(), ours };
        let old = lines.insert((section.clone(), name.to_owned()), line);
        assert!(old.is_none(), "[{section}] {name} is there twice");
    }
    lines
}

/// What a switch says to the message of a case.
fn answer<P: Peer>(peer: &mut P, case: &Case) -> String {
    peer.reset(case.section == "roles");
    peer.connect(&case.hello);
    for message in &case.before {
        let heard = peer.say(message);
        let refused = heard.messages.iter().any(|message| message[1] == 1);
        assert!(!refused && !heard.is_closed, "{}: before it: {}", case.name, describe(&heard));
    }
    describe(&peer.say(&case.message))
}

fn key(case: &Case) -> (String, String) {
    (case.section.to_owned(), case.name.clone())
}

#[test]
fn every_golden_message_is_answered_as_by_open_vswitch_or_by_a_rule() {
    let file = file();
    let rules = rules::all();
    let cases = cases::all();
    let mut wrong = String::new();
    let mut used = BTreeSet::new();
    let mut ours = Ours::new();
    for case in &cases {
        let Some(line) = file.get(&key(case)) else {
            if std::env::var_os("GOLDEN_RECORD").is_none() {
                let _ = writeln!(wrong, "[{}] {}: not in golden.txt", case.section, case.name);
            }
            continue;
        };
        let got = answer(&mut ours, case);
        let (expected, reason) = match &line.ours {
            None => (&line.theirs, String::new()),
            Some((expected, rule)) => {
                used.insert(*rule);
                let rule = rules.iter().find(|known| known.number == *rule);
                let Some(rule) = rule else {
                    panic!("[{}] {}: no such rule", case.section, case.name)
                };
                assert_ne!(*expected, line.theirs, "{}: a rule where nothing differs", case.name);
                (expected, format!(" | {} ({})", rule.sentence, rule.clause))
            }
        };
        println!("[{}] {} | {} | {got}{reason}", case.section, case.name, line.theirs);
        if got != *expected {
            let _ = writeln!(
                wrong,
                "[{}] {}: {got}, not {expected} (Open vSwitch: {})",
                case.section, case.name, line.theirs
            );
        }
    }
    let known: BTreeSet<_> = cases.iter().map(key).collect();
    for gone in file.keys().filter(|key| !known.contains(*key)) {
        let _ = writeln!(wrong, "{gone:?}: in golden.txt and nowhere else");
    }
    for rule in rules.iter().filter(|rule| !used.contains(&rule.number)) {
        let _ = writeln!(wrong, "rule {} explains nothing", rule.number);
    }
    println!(
        "{} messages, {} differ by {} rules",
        cases.len(),
        file.values().filter(|line| line.ours.is_some()).count(),
        used.len()
    );
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(cases.len() >= 230, "{} cases", cases.len());
}

/// Refused by Open vSwitch because of what other versions of OpenFlow say; ours is the error of a
/// switch that has only 1.3.
const OTHER_VERSIONS: [(&str, &str); 2] = [("actions", "type 1"), ("groups", "command 3")];

/// Rules about how a switch goes through a message, which no personality changes.
const OWN_WAYS: [u32; 5] = [33, 34, 36, 37, 38];

/// A switch that looks like Open vSwitch refuses what that refuses, in its words.
#[test]
fn the_personality_ovs_refuses_what_open_vswitch_refuses() {
    let file = file();
    let mut ours = Ours::looking_like(datapath::Personality::ovs().into());
    let mut wrong = String::new();
    let mut count = 0;
    for case in &cases::all() {
        let Some(line) = file.get(&key(case)).filter(|line| is_refusal(&line.theirs)) else {
            continue;
        };
        if line.ours.as_ref().is_some_and(|(_, rule)| OWN_WAYS.contains(rule)) {
            continue;
        }
        count += 1;
        let got = answer(&mut ours, case);
        let is_of_others = OTHER_VERSIONS.contains(&(case.section, case.name.as_str()));
        if is_of_others {
            assert!(is_refusal(&got), "{}: {got}", case.name);
        } else if got != line.theirs {
            let place = format!("[{}] {}", case.section, case.name);
            let _ = writeln!(wrong, "{place}: {got}, not {}", line.theirs);
        }
    }
    println!("{count} refusals");
    assert!(wrong.is_empty() && count > 100, "{count}\n{wrong}");
}

/// Whether an answer is an error.
fn is_refusal(answer: &str) -> bool {
    ["_FAILED/", "BAD_", "experimenter "].iter().any(|word| answer.contains(word))
}

/// The recorded answers are Open vSwitch's: asked again where one of that version is installed.
#[test]
fn the_golden_answers_of_open_vswitch_are_what_it_says() {
    let record = std::env::var_os("GOLDEN_RECORD");
    let version = Ovs::version();
    if record.is_none() && !version.starts_with("3.1.") {
        println!("SKIP golden answers of Open vSwitch 3.1: version {version:?} is installed");
        return;
    }
    let mut ovs = match Ovs::start("golden") {
        Ok(ovs) => ovs,
        Err(error) => {
            println!("SKIP golden answers of Open vSwitch: {error}");
            return;
        }
    };
    let file = file();
    let mut text = format!(
        "# Messages and Open vSwitch {version}'s answers; where ours differs: our answer, and the rule.\n\
         # The messages are built in golden/*.rs; golden.rs says how to record this again.\n"
    );
    let mut wrong = String::new();
    let mut section = "";
    for case in &cases::all() {
        let line = file.get(&key(case));
        let mut got = String::new();
        // On a busy machine its asynchronous messages take longer.
        for patience in [3, 30, 300] {
            ovs.patience = Duration::from_millis(patience);
            got = answer(&mut ovs, case);
            if line.is_some_and(|line| line.theirs == got) {
                break;
            }
        }
        if line.is_none_or(|line| line.theirs != got) {
            let _ = writeln!(wrong, "[{}] {}: {got}, not {line:?}", case.section, case.name);
        }
        if section != case.section {
            section = case.section;
            let _ = writeln!(text, "\n[{section}]");
        }
        let ours = match line.and_then(|line| line.ours.as_ref()) {
            Some((ours, rule)) => format!(" | {ours} | rule {rule}"),
            None => String::new(),
        };
        let _ = writeln!(text, "{} | {got}{ours}", case.name);
    }
    match record {
        Some(path) => std::fs::write(path, text).expect("a file that can be written"),
        None => assert!(wrong.is_empty(), "\n{wrong}"),
    }
}
