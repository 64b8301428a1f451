//! `rumpswitch replay`: frames from captures through a flow table, as fast as it goes.
//!
//! Frames are copied into a fresh buffer each time round, as a receive would. The switch's time is
//! the captures': meters and timeouts act as they would have when the frames came, however fast they
//! are played, and a run repeated gives the same counters.
//!
//! What is measured is the playing alone, in this thread's processor time: captures and tables are
//! read before, and whatever the tables still have to compile is compiled before. A repetition is
//! whole rounds. With `--paced` somebody else says when each repetition begins, so that runs of
//! several programs can take turns on one core (`benches/compare`).
//!
//! Several workers (`crew.rs`) are dealt the frames by flow; they count what one would.

mod cost;
mod crew;
mod frame;
mod host;
mod player;
mod report;
mod trace;

use std::io::BufRead;
use std::process::ExitCode;

use rumpswitch::datapath::BATCH;
use rumpswitch::unix_host::clock::{TickRate, cpu_time};

use super::args::Replay;
use super::out::say;
use super::{Failure, table_files};
use cost::{Cost, Setup};
use crew::Crew;
use host::Host;
use player::{Player, Rounds};
use trace::Trace;

/// Runs the command.
pub(crate) fn run(args: &Replay) -> Result<ExitCode, Failure> {
    let rounds = match args.seconds {
        Some(seconds) if seconds > 0.0 && seconds.is_finite() => Rounds::Seconds(seconds),
        Some(_) => return Err(Failure::setup("--seconds wants a positive number")),
        None => Rounds::Count(args.repeat),
    };
    let rate = TickRate::begin();
    let trace = Trace::read(&args.input, BATCH)?;
    let begun = cpu_time();
    let ports = args.input.iter().chain(&args.output).map(|file| file.port);
    let mut switch = table_files::load(&args.tables, ports)?;
    let loaded = cpu_time();
    switch.tables.settle();
    let setup =
        Setup { load_nanos: loaded.since(begun), compile_nanos: cpu_time().since(loaded), rate };
    let hosts = Host::create(args, trace.start)?;
    let (cost, played) = match <[Host; 1]>::try_from(hosts) {
        Ok([host]) => {
            let mut player = Player::new(&trace, &mut switch, host);
            let cost = repeat(args, || match args.floor {
                true => player.play_floor(rounds),
                false => player.play(rounds),
            })?;
            (cost, player.finish()?)
        }
        Err(hosts) => {
            let mut crew = Crew::new(&trace, &mut switch, hosts)?;
            (repeat(args, || crew.play(rounds))?, crew.finish()?)
        }
    };
    report::print(&switch, &trace, &played, &cost, &setup, args.json);
    Ok(ExitCode::SUCCESS)
}

/// All repetitions.
fn repeat(args: &Replay, mut one: impl FnMut() -> cost::Repetition) -> Result<Cost, Failure> {
    match args.paced {
        true => paced(&mut one),
        false => Ok(Cost { repetitions: (0..args.reps).map(|_| one()).collect() }),
    }
}

/// A repetition for each line that comes, until there is none.
fn paced(repeat: &mut dyn FnMut() -> cost::Repetition) -> Result<Cost, Failure> {
    let mut cost = Cost::default();
    say!("ready");
    for line in std::io::stdin().lock().lines() {
        line.map_err(Failure::failed)?;
        let repetition = repeat();
        say!("{}", repetition.json());
        cost.repetitions.push(repetition);
    }
    Ok(cost)
}
