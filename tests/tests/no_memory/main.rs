//! Memory that runs short: nothing aborts, what was refused was not done, and afterwards all goes on.
//!
//! A script does everything that controllers, hosts and network hosts can do. Its steps are done again
//! and again, with the first allocation refused, the second, the third and so on, until a step asks for
//! none that was refused. Whatever the switch then says is held against what it does with all memory:
//!
//! * an error: its state is what it was before, to the byte, and the step is done again;
//! * a hang-up of a channel (`HangUp::NoMemory`): its state is the one before or the one after;
//! * nothing: its state is the one after, and what it answered is what it answers else.
//!
//! The exhaustive forms are ignored in everyday's tests: `cargo test --release -p rumpswitch-tests --test
//! no_memory -- --ignored may_fail` takes some minutes on an idle core. `NO_MEMORY_SCALE=N` makes tables larger.
//!
//! A failed allocation that nobody expected aborts the process, so the steps are done in a process of
//! their own, which says where it is; the parent shows the backtrace of a refusal that ended it, and goes
//! on behind it.

mod allocator;
mod bed;
mod script;

use std::io::Write;
use std::process::{Command, Output};

use allocator::{Refuse, refused};
use bed::{Bed, Outcome, Step};

/// Where the child begins: step and allocation.
const FROM: &str = "NO_MEMORY_FROM";
/// Whether it does this one alone and shows where the allocation is.
const ALONE: &str = "NO_MEMORY_ALONE";
/// Whether the allocations of the step behind the refused one are refused, too.
const LASTING: &str = "NO_MEMORY_LASTING";
/// How large tables become: 0 in everyday's tests.
const SCALE: &str = "NO_MEMORY_SCALE";

fn scale() -> u32 {
    std::env::var(SCALE).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// What a step does when all memory is there.
struct Clean {
    outcome: Outcome,
    state: Vec<Vec<u8>>,
    answers: Vec<(usize, Vec<u8>)>,
}

fn clean(script: &[Step]) -> (Vec<Vec<u8>>, Vec<Clean>) {
    let mut bed = Bed::new();
    let first = bed.state();
    let cleans = script.iter().map(|step| {
        let outcome = bed.run(step);
        bed.settle(step);
        Clean { outcome, answers: bed.answers(), state: bed.state() }
    });
    let cleans = cleans.collect();
    (first, cleans)
}

/// One step with its n-th allocation refused; whether the next one is to be tried on the same bed.
fn attempt(bed: &mut Bed, step: &Step, refuse: Refuse, before: &[Vec<u8>], clean: &Clean) -> Tried {
    allocator::set(refuse);
    let outcome = bed.run(step);
    let is_refused = refused() > 0;
    allocator::set(Refuse::None);
    bed.settle(step);
    let (answers, state) = (bed.answers(), bed.state());
    if !is_refused {
        assert_eq!(outcome, clean.outcome, "nothing was refused");
        assert_same(&state, &clean.state, "nothing was refused");
        assert_eq!(answers, clean.answers, "nothing was refused");
        return Tried::Done;
    }
    match outcome {
        Outcome::Refused(_) | Outcome::Failed(_) => {
            assert_same(&state, before, "a refused step changed the switch");
            let is_spoilt = clean.outcome == outcome || step.is_one_of_several();
            if is_spoilt { Tried::Spoilt } else { Tried::Refused }
        }
        Outcome::HungUp => {
            let is_same = match step.may_lose_packets() {
                true => |one: &[Vec<u8>], other: &[Vec<u8>]| configured(one) == configured(other),
                false => |one: &[Vec<u8>], other: &[Vec<u8>]| one == other,
            };
            let is_whole = is_same(&state, before) || is_same(&state, &clean.state);
            assert!(is_whole, "half done before the hang-up");
            Tried::Spoilt
        }
        Outcome::Done => {
            if step.may_lose_packets() {
                let (state, expected) = (configured(&state), configured(&clean.state));
                assert_same(&state, &expected, "configured otherwise");
            } else {
                assert_same(&state, &clean.state, "done otherwise");
                assert!(answers == clean.answers, "answered otherwise");
            }
            Tried::Spoilt
        }
    }
}

/// Asserts that two states are one, and says what differs if they are not.
fn assert_same(state: &[Vec<u8>], expected: &[Vec<u8>], what: &str) {
    let differs = state.iter().zip(expected).find(|(one, other)| one != other);
    assert!(state == expected, "{what}: {:02x?} {} {}", differs, state.len(), expected.len());
}

/// The part of a state that knows no packets: flow entries, descriptions of groups, meters, tables and
/// ports, and the configuration.
fn configured(state: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let is_told =
        |message: &&Vec<u8>| message[1] != 19 || matches!(message[9], 1 | 7 | 10 | 12 | 13);
    let mut told: Vec<Vec<u8>> = state.iter().filter(is_told).cloned().collect();
    for message in told.iter_mut().filter(|message| (message[1], message[9]) == (19, 1)) {
        let mut entries = &mut message[16..];
        while !entries.is_empty() {
            let len = usize::from(u16::from_be_bytes([entries[0], entries[1]]));
            let (entry, behind) = entries.split_at_mut(len);
            // Packets and bytes.
            entry[32..48].fill(0);
            entries = behind;
        }
    }
    told
}

/// What an attempt leaves behind.
enum Tried {
    /// The step, done; none of its allocations was refused.
    Done,
    /// The state before.
    Refused,
    /// Something else.
    Spoilt,
}

/// Where the child is.
fn say(at: usize, n: u64) {
    let _ = writeln!(std::io::stdout().lock(), "\nat {at} {n}");
}

fn pair(text: &str) -> (usize, u64) {
    let mut words = text.split(' ');
    let mut word = || words.next().and_then(|word| word.parse().ok()).expect("two numbers");
    (word() as usize, word())
}

/// The steps, in the process of their own.
#[test]
#[ignore = "run by the test of allocations that fail one by one"]
fn child() {
    let (start, mut n) = pair(&std::env::var(FROM).expect("where to begin"));
    let is_alone = std::env::var(ALONE).is_ok();
    let is_lasting = std::env::var(LASTING).is_ok();
    let script = script::script(scale());
    let (first, cleans) = clean(&script);
    let mut bed = Bed::after(&script[..start]);
    let mut tries = 0u64;
    for at in start..script.len() {
        let before = if at == 0 { &first } else { &cleans[at - 1].state };
        loop {
            say(at, n);
            if is_alone {
                allocator::show();
                eprintln!("step {at}: {:?}", script[at]);
            }
            tries += 1;
            let refuse = if is_lasting { Refuse::From(n) } else { Refuse::Nth(n) };
            match attempt(&mut bed, &script[at], refuse, before, &cleans[at]) {
                Tried::Done => break,
                Tried::Refused => {}
                Tried::Spoilt => bed = Bed::after(&script[..at]),
            }
            if is_alone {
                return;
            }
            n += 1;
        }
        n = 1;
    }
    let _ = writeln!(std::io::stdout().lock(), "\ndone {} {tries}", script.len());
}

/// Runs of the whole script in which allocations fail by chance: the switch ends as one that was asked
/// only for what this one has done.
#[test]
fn allocations_may_fail_by_chance() {
    let script = script::script(scale());
    for (seed, one_of) in (1..).zip([3, 10, 10, 30, 30, 100, 300]) {
        allocator::seed(seed);
        let (mut bed, mut model) = (Bed::new(), Bed::new());
        let mut is_exact = true;
        for (at, step) in script.iter().enumerate() {
            allocator::set(Refuse::OneOf(one_of));
            let outcome = bed.run(step);
            allocator::set(Refuse::None);
            bed.settle(step);
            if outcome == Outcome::HungUp {
                let states = [model.state(), after(&mut model, step)];
                let state = configured(&bed.state());
                assert!(states.iter().any(|other| configured(other) == state), "{seed} {at}");
                break;
            }
            // What cannot be done at all is not done by the model either.
            if outcome == Outcome::Done || matches!(step, Step::Tick(_)) {
                model.run(step);
                model.settle(step);
            }
            is_exact &= !step.may_lose_packets();
            let (state, expected) = (bed.state(), model.state());
            let what = format!("seed {seed}, step {at}, {outcome:?}, {step:?}");
            match is_exact {
                true => assert_same(&state, &expected, &what),
                false => assert_same(&configured(&state), &configured(&expected), &what),
            }
        }
    }
}

/// Whatever is refused for want of memory is refused with an error, even when there is none for the
/// error itself: a channel that is read is never hung up for it, and one that is not is asked to wait.
#[test]
fn an_error_needs_no_memory() {
    let script = script::script(0);
    let mut bed = Bed::after(&script[..40]);
    let flow = script::flow_add("table=7,priority=9,udp,nw_src=10.1.2.3,actions=output:1,output:2");
    let errors_in = |said: &[Vec<u8>]| {
        for message in said {
            let (kind, error, len) = (message[1], &message[8..12], message.len());
            assert_eq!((kind, error), (1, &[0, 2, 0, 7][..]), "BAD_ACTION/TOO_MANY");
            assert!(len >= 12 + 64, "64 bytes are quoted");
        }
        said.len()
    };
    let before = bed.state();
    allocator::set(Refuse::From(1));
    // One by one, read in between.
    for _ in 0..100 {
        assert_eq!(bed.write(&flow), Ok(flow.len()));
        let (said, is_writable) = bed.read();
        assert_eq!((errors_in(&said), is_writable), (1, true));
    }
    // In one go: as many as there is room for answers to, and the others later.
    let many = flow.repeat(1000);
    let (mut sent, mut answered, mut turns) = (0, 0, 0);
    while sent < many.len() {
        let taken = bed.write(&many[sent..]).expect("some are taken");
        assert!(taken > 0 && taken.is_multiple_of(flow.len()));
        sent += taken;
        turns += 1;
        if sent < many.len() {
            assert_eq!(bed.write(&many[sent..]), Err(switch_dev::DeviceError::WouldBlock));
        }
        let (said, is_writable) = bed.read();
        assert!(is_writable);
        answered += errors_in(&said);
    }
    assert_eq!(answered, 1000);
    assert!(turns > 1, "there was no end of room");
    allocator::set(Refuse::None);
    assert_same(&bed.state(), &before, "a refused flow-mod changed the switch");
    assert_eq!(bed.write(&flow), Ok(flow.len()));
    assert_eq!(bed.read().0.len(), 0, "with memory it is taken");
}

/// The model's state after a step.
fn after(model: &mut Bed, step: &Step) -> Vec<Vec<u8>> {
    model.run(step);
    model.settle(step);
    model.state()
}

fn run_child(from: (usize, u64), is_lasting: bool, is_alone: bool) -> Output {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "child", "--ignored", "--nocapture", "--test-threads=1"]);
    command.env(FROM, format!("{} {}", from.0, from.1)).env("RUST_BACKTRACE", "0");
    if is_lasting {
        command.env(LASTING, "1");
    }
    if is_alone {
        command.env(ALONE, "1");
    }
    command.output().expect("a process")
}

/// The last line of the child's way that begins with `word`.
fn last_line<'a>(output: &'a str, word: &str) -> Option<&'a str> {
    output.lines().rev().find_map(|line| line.strip_prefix(word))
}

/// Where in the core's sources the refused allocation was asked for.
fn site(trace: &str) -> String {
    let is_ours = |line: &&str| {
        let rooms = ["/hypercall/src/", "/ofp-codec/src/", "/datapath/src/", "/switch-dev/src/"];
        rooms.iter().any(|room| line.contains(room)) && !line.contains("/registry/")
    };
    let line = trace.lines().map(str::trim).filter(|line| line.starts_with("at ")).find(is_ours);
    line.unwrap_or("outside the core").to_owned()
}

/// The script does what it is meant to do: it fills tables of every template.
#[test]
fn the_script_reaches_the_templates() {
    let script = script::script(scale());
    let mut bed = Bed::new();
    let mut templates = std::collections::BTreeSet::new();
    for step in &script {
        bed.run(step);
        templates.extend(bed.templates());
        bed.settle(step);
        templates.extend(bed.templates());
    }
    let expected = ["bitvec", "exact", "fixed", "lpm", "tree", "tuples"];
    assert!(templates.iter().eq(expected), "{templates:?}");
}

#[test]
#[ignore = "takes minutes"]
fn any_one_allocation_may_fail() {
    every_place(false);
}

#[test]
#[ignore = "takes minutes"]
fn from_any_allocation_on_all_may_fail() {
    every_place(true);
}

fn every_place(is_lasting: bool) {
    let mut from = (0, 1);
    let mut sites = std::collections::BTreeMap::<String, Vec<String>>::new();
    loop {
        let output = run_child(from, is_lasting, false);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            println!("steps, attempts: {}", last_line(&text, "done ").expect("its last word"));
            break;
        }
        let place = pair(last_line(&text, "at ").expect("where it ended"));
        let alone = run_child(place, is_lasting, true);
        let trace = String::from_utf8_lossy(&alone.stderr).into_owned();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let why = match said.contains("memory allocation of") {
            true => "aborts".to_owned(),
            false => {
                said.lines().skip_while(|line| !line.contains("panicked at")).take(2).collect()
            }
        };
        let step = trace.lines().find(|line| line.starts_with("step ")).unwrap_or("");
        let step: String = step.chars().take(100).collect();
        if std::env::var("NO_MEMORY_TRACE").is_ok() {
            eprintln!("{place:?} {why} {step}\n{trace}");
        }
        eprintln!("{} allocation {}: {why}; {step}", site(&trace), place.1);
        let failures = sites.entry(site(&trace)).or_default();
        failures.push(format!("step {} allocation {}: {why}; {step}", place.0, place.1));
        from = (place.0, place.1 + 1);
    }
    let count = sites.len();
    for (site, failures) in &sites {
        println!("{site}: {} times, first {}", failures.len(), failures[0]);
    }
    assert_eq!(count, 0, "places where a failed allocation does harm");
}
