//! One contract, every embodiment: runs the device contract and the scenarios over each embodiment of the
//! switch that there is, as tests, and prints the matrix.
//!
//! `cargo test -p rumpswitch-tests --test embodiments [FILTER]...` tries the switch in this process, the
//! same behind the driver's protocol, and C where a compiler is found. `EMBODIMENTS="a b c d e"` chooses
//! others; `run.sh` here builds what they need and sets what they are found by.

mod columns;
mod matrix;

use std::any::Any;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rumpswitch_tests::embodiment::Abilities;
use rumpswitch_tests::scenarios::{Case, World, all};

use columns::{Column, Offer};
use matrix::{Cell, Matrix};

thread_local! {
    /// What the panic of this thread said, with its place.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

fn main() -> ExitCode {
    let arguments = Arguments::of(std::env::args().skip(1));
    let columns = columns::chosen();
    let cases: Vec<(&Column, &'static Case)> = columns
        .iter()
        .flat_map(|column| all().map(move |case| (column, case)))
        .filter(|(column, case)| arguments.takes(&name_of(column, case)))
        .collect();
    if arguments.list {
        cases.iter().for_each(|(column, case)| println!("{}: test", name_of(column, case)));
        return ExitCode::SUCCESS;
    }
    std::panic::set_hook(Box::new(|info| {
        SAID.with_borrow_mut(|said| *said = info.to_string());
    }));
    let started = Instant::now();
    let outcomes = run(&cases, arguments.threads);
    let mut matrix = Matrix::new(&columns);
    let mut failures = Vec::new();
    for ((column, case), outcome) in cases.iter().zip(outcomes) {
        if let Cell::Failed(said) = &outcome {
            failures.push(format!("---- {}\n{said}", name_of(column, case)));
        }
        matrix.put(column, case, outcome);
    }
    println!("\n{matrix}");
    for column in &columns {
        if let Offer::Missing(why) = &column.offer {
            println!("{} {}: not given: {why}", column.letter, column.name);
        }
    }
    match matrix.reasons() {
        Ok(lines) => lines.iter().for_each(|line| println!("{line}")),
        Err(unsaid) => failures.push(unsaid),
    }
    println!("{} in {:.1} s", matrix.totals(), started.elapsed().as_secs_f64());
    if failures.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\n{}\n\n{} failed", failures.join("\n\n"), failures.len());
    ExitCode::FAILURE
}

fn name_of(column: &Column, case: &Case) -> String {
    format!("{}::{}::{}", column.name, case.group, case.name)
}

/// Runs the cases on some threads; outcomes in the order of the cases.
fn run(cases: &[(&Column, &'static Case)], threads: usize) -> Vec<Cell> {
    let next = AtomicUsize::new(0);
    let outcomes: Vec<Mutex<Cell>> = cases.iter().map(|_| Mutex::new(Cell::NotGiven)).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((column, case)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let started = Instant::now();
                    let outcome = try_case(column, case);
                    tell(&name_of(column, case), &outcome, started.elapsed());
                    let at = cases
                        .iter()
                        .position(|(r, c)| r.name == column.name && c.name == case.name);
                    *outcomes[at.expect("one of them")].lock().expect("no thread panics") = outcome;
                }
            });
        }
    });
    outcomes.into_iter().map(|cell| cell.into_inner().expect("no thread panics")).collect()
}

fn tell(name: &str, outcome: &Cell, took: Duration) {
    let slow = if took.as_secs() > 2 { format!(" ({} s)", took.as_secs()) } else { String::new() };
    match outcome {
        Cell::Passed => println!("test {name} ... ok{slow}"),
        Cell::Failed(_) => println!("test {name} ... FAILED{slow}"),
        Cell::NotApplicable(lacks) => println!("test {name} ... ignored, n/a: {lacks:?}"),
        Cell::NotGiven => {}
    }
}

fn try_case(column: &Column, case: &'static Case) -> Cell {
    let Offer::Given(offer) = &column.offer else { return Cell::NotGiven };
    let lacks = case.needs.difference(offer.abilities);
    if !lacks.is_empty() {
        return Cell::NotApplicable(lacks);
    }
    let make = |setup: &_| (offer.make)(setup);
    let world = World::new(&make, case.needs);
    match catch_unwind(AssertUnwindSafe(|| (case.run)(&world))) {
        Err(panic) => Cell::Failed(said(&*panic)),
        // Here everything is possible, so what a case asks for can be seen.
        Ok(()) if offer.abilities == Abilities::all() && world.used() != case.needs => {
            Cell::Failed(format!("it needs {:?} and says {:?}", world.used(), case.needs))
        }
        Ok(()) => Cell::Passed,
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let said = SAID.take();
    if said.is_empty() { format!("a panic without words: {:?}", panic.type_id()) } else { said }
}

/// What `cargo test` hands to the tests of any target.
struct Arguments {
    filters: Vec<String>,
    exact: bool,
    list: bool,
    threads: usize,
}

impl Arguments {
    fn of(arguments: impl Iterator<Item = String>) -> Arguments {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut this = Arguments { filters: Vec::new(), exact: false, list: false, threads };
        let mut arguments = arguments.peekable();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--exact" => this.exact = true,
                "--list" => this.list = true,
                "--test-threads" => {
                    let count = arguments.next().and_then(|count| count.parse().ok());
                    this.threads = count.unwrap_or(threads).max(1);
                }
                // Kept for the harness that other tests have.
                "--format" | "--color" | "--skip" => drop(arguments.next()),
                option if option.starts_with('-') => {}
                filter => this.filters.push(filter.to_owned()),
            }
        }
        this
    }

    fn takes(&self, name: &str) -> bool {
        let matches = |filter: &String| {
            if self.exact { name == filter } else { name.contains(filter.as_str()) }
        };
        self.filters.is_empty() || self.filters.iter().any(matches)
    }
}
