//! The demo's network in real time, its switches connected to real controllers and tools.

use std::time::{Duration, Instant};

use rumpswitch::hypercall::Nanos;
use rumpswitch::switchd::{Connections, Local, NewsEvent};
use rumpswitch::unix_host::Signals;
use rumpswitch::virt_host::{Network, PingConfig, Scenario, SwitchId};
use rustix::event::epoll::{self, Event, EventData, EventFlags};

use super::{Demo, report};
use crate::program::Failure;
use crate::program::out::say;

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
    /// Which switches have had a session: a tool's may be over by now.
    has_been_up: Vec<bool>,
    /// Whether to say who comes and goes.
    is_talkative: bool,
    /// What was said last of each switch's controllers: a refusal is told once.
    said: Vec<String>,
    is_stopped: bool,
}

/// Runs the scenario with the controllers that the arguments name; with `--stay`, again and again
/// until a signal. Tells whether all was well the last time.
pub(super) fn run(args: &Demo, network: &mut Network) -> Result<bool, Failure> {
    let mut live = Live::new()?;
    live.is_talkative = !args.json;
    for switch in network.switches() {
        live.connect(args, network, switch)?;
    }
    let deadline = Instant::now() + PATIENCE;
    while !live.all_have_been_up() && !live.is_stopped && (args.stay || Instant::now() < deadline) {
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
            say!("{summary}");
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
    say!("staying until a signal");
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
        // In real time somebody waits; where no ping came through nothing else will.
        transfer_limit: Duration::from_secs(10),
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
            has_been_up: Vec::new(),
            is_talkative: false,
            said: Vec::new(),
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
                say!("{}: {verb} {taken}", network.switch_name(switch));
            }
        }
        self.connections.push((switch, connections));
        self.has_been_up.push(false);
        self.said.push(String::new());
        Ok(())
    }

    fn all_have_been_up(&self) -> bool {
        self.has_been_up.iter().all(|up| *up)
    }

    /// Takes note of sessions; those of controllers that were asked for are worth a line.
    fn hear_news(&mut self, network: &Network) {
        for (index, (switch, connections)) in self.connections.iter_mut().enumerate() {
            while let Some(news) = connections.next_news() {
                self.has_been_up[index] |= matches!(news.event, NewsEvent::Up);
                let line = format!("{}: {news}", network.switch_name(*switch));
                if self.is_talkative && !news.target.is_passive() && line != self.said[index] {
                    say!("{line}");
                    self.said[index] = line;
                }
            }
        }
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
        self.hear_news(network);
        network.run_until(now);
    }

    fn close(&mut self, network: &mut Network) {
        for (switch, connections) in &mut self.connections {
            let (device, host) = network.switch_parts(*switch);
            connections.close(&mut Local { device, host });
        }
    }
}
