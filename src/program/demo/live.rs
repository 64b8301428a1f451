//! The demo's network in real time, its switches connected to real controllers and tools.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use rumpswitch::hypercall::Nanos;
use rumpswitch::switchd::{Connections, Local};
use rumpswitch::unix_host::Signals;
use rumpswitch::virt_host::{Network, PingConfig, Scenario, SwitchId};
use rustix::event::epoll::{self, Event, EventData, EventFlags};

use super::{Demo, report};
use crate::program::Failure;

/// The token of the signals in the epoll set.
const SIGNALS: u64 = u64::MAX;

/// How long switches wait for their first session.
const PATIENCE: Duration = Duration::from_secs(15);

/// From one round of pings to the next.
const ROUND: Duration = Duration::from_secs(5);

/// The network and everything that it waits for.
struct Live {
    epoll: std::os::fd::OwnedFd,
    signals: Signals,
    started: Instant,
    connections: Vec<(SwitchId, Connections)>,
    is_stopped: bool,
}

/// Runs the scenario with the controllers that the arguments name; with `--stay`, again and again
/// until a signal. Tells whether all was well the last time.
pub(super) fn run(args: &Demo, network: &mut Network) -> Result<bool, Failure> {
    let mut live = Live::new()?;
    for switch in network.switches() {
        live.connect(args, network, switch)?;
    }
    let _ = io::stdout().flush();
    let deadline = Instant::now() + PATIENCE;
    while !live.is_connected() && !live.is_stopped && (args.stay || Instant::now() < deadline) {
        let until = Nanos(live.now().0).plus(50_000_000);
        live.turn(network, until);
    }
    let mut success = false;
    let mut last = String::new();
    while !live.is_stopped {
        let round = Instant::now();
        let result = {
            let advance = |network: &mut Network, until: Nanos| live.turn(network, until);
            scenario(args).run_with(network, advance, |_| {})
        };
        success = result.is_success();
        if !args.stay {
            report::print(network, args, &result, round.elapsed());
            return Ok(success);
        }
        let summary = format!("pings: {} of {} answered", result.answered(), result.pings.len());
        if summary != last && !live.is_stopped {
            println!("{summary}");
            last = summary;
        }
        while !live.is_stopped && round.elapsed() < ROUND {
            let until = live.now().plus(50_000_000);
            live.turn(network, until);
        }
    }
    live.close(network);
    Ok(success || args.stay)
}

/// Lets the network live on until a signal.
pub(super) fn stay(network: &mut Network) -> Result<(), Failure> {
    let mut live = Live::new()?;
    // Time goes on from where the scenario left it.
    live.started -= Duration::from_nanos(network.now().0);
    println!("staying until a signal");
    while !live.is_stopped {
        let until = live.now().plus(1_000_000_000);
        live.turn(network, until);
    }
    Ok(())
}

/// What hosts do: a controller at the other end of a socket gets time to learn.
fn scenario(args: &Demo) -> Scenario {
    let scenario = Scenario {
        settle: Duration::from_millis(500),
        ping: PingConfig { timeout: Duration::from_secs(2), ..PingConfig::default() },
        ..Scenario::default()
    };
    match args.stay {
        true => Scenario { transfer_len: 0, ..scenario },
        false => scenario,
    }
}

impl Live {
    fn new() -> Result<Live, Failure> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(Failure::setup)?;
        let signals = Signals::new().map_err(Failure::setup)?;
        epoll::add(&epoll, &signals, EventData::new_u64(SIGNALS), EventFlags::IN)
            .map_err(Failure::setup)?;
        Ok(Live {
            epoll,
            signals,
            started: Instant::now(),
            connections: Vec::new(),
            is_stopped: false,
        })
    }

    fn connect(&mut self, args: &Demo, network: &Network, switch: SwitchId) -> Result<(), Failure> {
        use std::os::fd::AsFd;
        let index = self.connections.len();
        let base = index as u64 * Connections::TOKENS;
        let mut connections =
            Connections::new(self.epoll.as_fd(), base, args.seed.wrapping_add(base))
                .map_err(Failure::setup)?;
        for target in args.controller.iter().chain(&args.listen) {
            let target = target.for_switch(index as u16).map_err(Failure::setup)?;
            let taken = connections
                .add(&target)
                .map_err(|error| Failure::setup(format!("{target}: {error}")))?;
            let verb = if taken.is_passive() { "listening on" } else { "connecting to" };
            if !args.json {
                println!("{}: {verb} {taken}", network.switch_name(switch));
            }
        }
        self.connections.push((switch, connections));
        Ok(())
    }

    fn is_connected(&self) -> bool {
        self.connections.iter().all(|(_, connections)| connections.session_count() > 0)
    }

    fn now(&self) -> Nanos {
        Nanos(self.started.elapsed().as_nanos().try_into().unwrap_or(u64::MAX))
    }

    /// Waits for a descriptor or for the network's next event, not beyond `until`, and lets
    /// everything go on up to the present.
    fn turn(&mut self, network: &mut Network, until: Nanos) {
        let now = self.now();
        let deadlines = self.connections.iter().filter_map(|(_, each)| each.next_deadline());
        let deadline = deadlines.chain(network.next_event()).chain([until]).min();
        let wait = deadline.map_or(0, |deadline| deadline.since(now));
        let timeout = rustix::event::Timespec {
            tv_sec: (wait / Nanos::PER_SECOND) as i64,
            tv_nsec: (wait % Nanos::PER_SECOND) as i64,
        };
        let mut events: Vec<Event> = Vec::with_capacity(64);
        let spare = rustix::buffer::spare_capacity(&mut events);
        let _ = epoll::wait(&self.epoll, spare, Some(&timeout));
        let now = self.now();
        network.run_until(now);
        for event in &events {
            let token = event.data.u64();
            if token == SIGNALS {
                self.is_stopped |= self.signals.next_stop().is_some();
                continue;
            }
            for (switch, connections) in &mut self.connections {
                if connections.owns(token) {
                    let (device, host) = network.switch_parts(*switch);
                    connections.handle(token, now, &mut Local { device, host });
                }
            }
        }
        for (switch, connections) in &mut self.connections {
            let (device, host) = network.switch_parts(*switch);
            connections.pump(now, &mut Local { device, host });
        }
        network.run_until(now);
    }

    fn close(&mut self, network: &mut Network) {
        for (switch, connections) in &mut self.connections {
            let (device, host) = network.switch_parts(*switch);
            connections.close(&mut Local { device, host });
        }
    }
}
