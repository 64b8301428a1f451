//! The same messages, right and mutated, to our device and to a live Open vSwitch: the answers and the
//! state afterwards must be equal, or differ by a rule of `rules.txt`.

mod explain;
mod make;
mod state;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rumpswitch_tests::contract::HELLO;
use rumpswitch_tests::random::Random;
use rumpswitch_tests::wire::*;

use crate::answer::describe;
use crate::bytes::{ANY, entries, u32_at};
use crate::ours::Ours;
use crate::ovs::Ovs;
use crate::peer::{Heard, Peer};

/// What is there before each message: groups 1 and 2, meter 1, two entries.
fn before() -> Vec<u8> {
    let simple = bucket(0, ANY, ANY, &[output(1)]);
    let weighted = bucket(1, ANY, ANY, &[output(2)]);
    let entry = FlowMod { cookie: 0x10, flags: 1, ..FlowMod::default() };
    [
        group_mod(1, 0, 0, 1, &[simple]),
        group_mod(1, 0, 1, 2, &[weighted]),
        meter_mod(1, 0, 5, 1, &[band(1, 1000, 77, &[0; 4])]),
        entry.message(1, &matching(&[oxm(0, &[0, 0, 0, 1])]), &[apply(&[output(2)])]),
        FlowMod { table: 1, ..entry }.message(1, &matching(&[]), &[tlv(6, &[0, 0, 0, 1])]),
    ]
    .concat()
}

/// What a packet, a deletion or a port causes may come late, so it is not compared.
fn is_asynchronous(message: &[u8]) -> bool {
    matches!(message[1], 10..=12)
}

/// Makes a switch hold what is there before, and nothing else.
fn begin<P: Peer>(peer: &mut P) {
    let ready = peer.say(&before());
    let is_ready = ready.messages.iter().all(|message| is_asynchronous(message));
    assert!(is_ready && !ready.is_closed, "{ready:02x?}");
}

/// An answer in words; of requests for entries how many they select, since switches differ in what
/// they keep of an entry that does nothing.
fn words(heard: &Heard) -> String {
    let Some(reply) = heard.messages.first().filter(|message| message[1] == 19) else {
        return describe(heard);
    };
    match reply[9] {
        1 => {
            let parts = heard.messages.iter().map(|part| entries(&part[16..]).len());
            format!("multipart 1, {} entries", parts.sum::<usize>())
        }
        2 => format!("multipart 2, {} entries", u32_at(reply, 32)),
        _ => describe(heard),
    }
}

/// What a switch says to a message, and what it holds then.
fn outcome<P: Peer>(peer: &mut P, message: &[u8]) -> (String, Vec<String>) {
    let mut heard = peer.say(message);
    heard.messages.retain(|message| !is_asynchronous(message));
    let answer = words(&heard);
    if heard.is_closed {
        peer.connect(&HELLO);
    }
    (answer, state::of(peer))
}

/// A number of the environment.
fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// What two switches that gave the same answer, or both refused, hold otherwise.
fn differences(ours: &[String], theirs: &[String]) -> String {
    let only = |one: &[String], other: &[String]| {
        one.iter().filter(|line| !other.contains(line)).cloned().collect::<Vec<_>>()
    };
    format!("we hold {:?}, Open vSwitch {:?}", only(ours, theirs), only(theirs, ours))
}

#[test]
fn mutated_messages_are_answered_as_by_a_live_open_vswitch_or_by_a_rule() {
    let version = Ovs::version();
    if !version.is_empty() && !version.starts_with("3.1.") {
        println!("SKIP message differential: the rules are about Open vSwitch 3.1, not {version}");
        return;
    }
    let mut ovs = match Ovs::start("mutations") {
        Ok(ovs) => ovs,
        Err(error) => {
            println!("SKIP message differential: {error}");
            return;
        }
    };
    let seed = setting("SEED").unwrap_or(1);
    let limit = Duration::from_secs(setting("CONFORMANCE_SECONDS").unwrap_or(15));
    let most = setting("CONFORMANCE_MESSAGES").unwrap_or(20_000);
    let mut random = Random::new(seed);
    let mut ours = Ours::new();
    let start = Instant::now();
    let mut wrong: BTreeMap<String, (usize, String)> = BTreeMap::new();
    let mut rules: BTreeMap<u32, usize> = BTreeMap::new();
    let (mut count, mut equal, mut accepted, mut is_apart) = (0, 0, 0, true);
    // A message that ends the other switch compares nothing.
    let mut ends = 0;
    while start.elapsed() < limit && count < most {
        let message = make::mutated(&mut random);
        // They go on from what they hold, until they hold different things or no more than before.
        if is_apart || random.chance(10) {
            ours.empty();
            ovs.reset(false);
            begin(&mut ours);
            begin(&mut ovs);
        }
        let (our_answer, our_state) = outcome(&mut ours, &message);
        let (their_answer, their_state) = outcome(&mut ovs, &message);
        let hex: String = message.iter().map(|byte| format!("{byte:02x}")).collect();
        if let Some(end) = ovs.take_end() {
            println!("{end}, after {count} messages and {hex}");
            (ends, is_apart) = (ends + 1, true);
            continue;
        }
        count += 1;
        accepted += u64::from(our_answer == "accepted");
        is_apart = our_answer != their_answer || our_state != their_state || message[1] == 24;
        let mut fail = |what: String| {
            wrong.entry(what).or_insert((0, hex.clone())).0 += 1;
        };
        let is_refused = |answer: &str| !answer.starts_with("accepted");
        if our_answer == their_answer || is_refused(&our_answer) && is_refused(&their_answer) {
            let rule = explain::states(&message).filter(|_| our_state != their_state);
            if let Some(rule) = rule {
                *rules.entry(rule).or_default() += 1;
            } else if our_state != their_state {
                fail(format!("{our_answer}: {}", differences(&our_state, &their_state)));
            }
        }
        if our_answer == their_answer {
            equal += 1;
        } else if let Some(rule) = explain::answers(&message, &our_answer, &their_answer) {
            *rules.entry(rule).or_default() += 1;
        } else {
            fail(format!("type {}: {our_answer}, Open vSwitch {their_answer}", message[1]));
        }
    }
    println!(
        "seed {seed}: {count} messages, {equal} answered alike, {accepted} accepted; by rule {rules:?}"
    );
    let lines = wrong.iter().map(|(what, (count, hex))| format!("{count} times {what}: {hex}"));
    let lines: Vec<String> = lines.collect();
    assert!(lines.is_empty(), "{} differences without a rule:\n{}", lines.len(), lines.join("\n"));
    assert!(ends <= 3, "Open vSwitch ended {ends} times");
    assert!(count > 200 && accepted > count / 20, "{count} messages, {accepted} accepted");
}
