//! `rumpswitch replay`: frames from captures through a flow table, as fast as it goes.
//!
//! Frames are copied into a fresh buffer each time round, as a receive would. The switch's time is
//! the captures': meters and timeouts act as they would have when the frames came, however fast they
//! are played, and a run repeated gives the same counters.

mod host;
mod report;
mod trace;

use std::process::ExitCode;
use std::time::Instant;

use rumpswitch::datapath::{Batch, Ingress, Switch};
use rumpswitch::hypercall::{Meta, Nanos, VecFrame};
use rumpswitch::unix_host::clock;

use super::args::Replay;
use super::{Failure, table_files};
use host::Host;
use trace::Trace;

/// Runs the command.
pub(crate) fn run(args: &Replay) -> Result<ExitCode, Failure> {
    let trace = Trace::read(&args.input)?;
    let ports = args.input.iter().chain(&args.output).map(|file| file.port);
    let mut switch = table_files::load(&args.tables, ports)?;
    let rounds = match args.seconds {
        Some(seconds) if seconds > 0.0 => Rounds::Seconds(seconds),
        Some(_) => return Err(Failure::setup("--seconds wants a positive number")),
        None => Rounds::Count(args.repeat),
    };
    let mut host = Host::create(args, trace.start)?;
    let result = play(&trace, &mut switch, &mut host, rounds);
    host.finish()?;
    report::print(&switch, &trace, &result, args.json);
    Ok(ExitCode::SUCCESS)
}

/// How often the captures are played.
enum Rounds {
    Count(u64),
    Seconds(f64),
}

/// What was measured.
struct Measured {
    rounds: u64,
    packets: u64,
    bytes: u64,
    punts: u64,
    cpu_nanos: u64,
    wall_nanos: u64,
    /// The switch's time at the end.
    end: Nanos,
}

fn play(trace: &Trace, switch: &mut Switch, host: &mut Host, rounds: Rounds) -> Measured {
    let mut batch: Batch<VecFrame> = Batch::new();
    let mut measured = Measured {
        rounds: 0,
        packets: 0,
        bytes: 0,
        punts: 0,
        cpu_nanos: 0,
        wall_nanos: 0,
        end: Nanos(0),
    };
    let wall = Instant::now();
    let cpu = clock::cpu_time();
    loop {
        let base = trace.period.saturating_mul(measured.rounds);
        for frames in trace.bursts(batch.capacity()) {
            let now = Nanos(base).plus(frames.last().map_or(0, |frame| frame.time.0));
            host.now = now;
            for frame in frames {
                let copy = host.receive(trace.bytes_of(frame));
                batch.push(Ingress { port: frame.port, meta: Meta::default(), frame: copy });
            }
            if switch.tables.next_deadline().is_some_and(|deadline| deadline <= now) {
                switch.tables.tick(now);
                while switch.tables.next_news().is_some() {}
            }
            switch.process(host, now, &mut batch);
            while let Some(punt) = switch.worker.next_punt() {
                drop(punt);
                measured.punts += 1;
            }
            measured.end = now;
        }
        measured.rounds += 1;
        measured.packets += trace.frames.len() as u64;
        measured.bytes += trace.byte_count();
        host.end_round();
        let done = match rounds {
            Rounds::Count(count) => measured.rounds >= count,
            Rounds::Seconds(seconds) => wall.elapsed().as_secs_f64() >= seconds,
        };
        if done {
            break;
        }
    }
    measured.cpu_nanos = clock::cpu_time().since(cpu);
    measured.wall_nanos = wall.elapsed().as_nanos().try_into().unwrap_or(u64::MAX);
    measured
}
