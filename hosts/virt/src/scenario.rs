//! A scenario to see that a network works: every host pings every other, over IPv4 and IPv6, and
//! the first sends the last a mebibyte, compared by content.

use std::net::IpAddr;
use std::time::Duration;

use hypercall::Nanos;

use crate::{HostId, Network, PingConfig, PingId, PingState, TransferState};

/// What to do.
///
/// ```
/// use std::time::Duration;
/// use rumpswitch_virt::{LearningSwitch, Scenario, Topology};
///
/// let mut network = Topology::linear(2, 4).build(1);
/// let controller = network.add_controller(LearningSwitch::default(), Duration::from_millis(1));
/// network.control_all(controller)?;
/// let report = Scenario::default().run(&mut network);
/// assert!(report.is_success(), "{:?}", report.failures(&network));
/// assert_eq!(report.pings.len(), 4 * 3 * 2);
/// # Ok::<(), switch_dev::DeviceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Virtual time before the first ping: for controllers to have set up their switches.
    pub settle: Duration,
    /// How each ping is done. A host sends its next one when the last is answered or given up.
    pub ping: PingConfig,
    /// Bytes of the TCP transfer; 0 for none.
    pub transfer_len: usize,
    /// Virtual time that the transfer may take.
    pub transfer_limit: Duration,
}

impl Default for Scenario {
    /// 100 ms to settle, pings of 56 bytes with 5 s of patience, 1 MiB within 60 s.
    fn default() -> Scenario {
        Scenario {
            settle: Duration::from_millis(100),
            ping: PingConfig::default(),
            transfer_len: 1 << 20,
            transfer_limit: Duration::from_secs(60),
        }
    }
}

/// What came of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Every ping, in the order in which they were sent.
    pub pings: Vec<PingReport>,
    /// The TCP transfer; `None` with fewer than two hosts, or when none was asked for.
    pub transfer: Option<TransferReport>,
    /// How long it took, in virtual time.
    pub duration: Duration,
    /// Events that the network handled for it.
    pub event_count: u64,
}

/// One ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingReport {
    /// The host that pinged.
    pub from: HostId,
    /// The host that was pinged.
    pub to: HostId,
    /// The address that was pinged.
    pub address: IpAddr,
    /// What came of it.
    pub state: PingState,
}

/// The TCP transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferReport {
    /// The host that sent.
    pub from: HostId,
    /// The host that received.
    pub to: HostId,
    /// Bytes that were to be sent.
    pub len: usize,
    /// What came of it.
    pub state: TransferState,
    /// How long it took, in virtual time, from the call to the receiver's close.
    pub duration: Duration,
}

/// How far a scenario has come, for a display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Pings that were answered or given up.
    pub pings_done: usize,
    /// All pings.
    pub ping_count: usize,
    /// Bytes that have arrived, all of them right.
    pub bytes_done: usize,
    /// All bytes.
    pub byte_count: usize,
}

impl Report {
    /// How many pings were answered.
    pub fn answered(&self) -> usize {
        self.round_trips().count()
    }

    /// The round-trip times of the answered pings.
    pub fn round_trips(&self) -> impl Iterator<Item = Duration> {
        self.pings.iter().filter_map(|ping| match ping.state {
            PingState::Answered(time) => Some(time),
            _ => None,
        })
    }

    /// Whether every ping was answered and the transfer is complete and right.
    pub fn is_success(&self) -> bool {
        self.answered() == self.pings.len()
            && self.transfer.as_ref().is_none_or(|transfer| transfer.state == TransferState::Done)
    }

    /// What failed in that network, one line each.
    pub fn failures(&self, network: &Network) -> Vec<String> {
        let name = |host: HostId| network.host(host).name();
        let pings = self.pings.iter().filter_map(|ping| {
            let outcome = match ping.state {
                PingState::Answered(_) => return None,
                PingState::NoAddress => "no address to ping from",
                PingState::TimedOut | PingState::Pending => "no answer",
            };
            let (from, to) = (name(ping.from), name(ping.to));
            Some(format!("ping {from} -> {to} ({}): {outcome}", ping.address))
        });
        let transfer = self.transfer.iter().filter_map(|transfer| {
            let outcome = match transfer.state {
                TransferState::Done => return None,
                TransferState::Running(at) => format!("out of time after {at} bytes"),
                TransferState::Broken(at) => format!("connection broken after {at} bytes"),
                TransferState::Corrupt(at) => format!("wrong byte at {at}"),
            };
            Some(format!("transfer {} -> {}: {outcome}", name(transfer.from), name(transfer.to)))
        });
        pings.chain(transfer).collect()
    }
}

impl Scenario {
    /// Runs in virtual time, as fast as it goes.
    pub fn run(&self, network: &mut Network) -> Report {
        self.run_with(network, |network, until| network.run_until(until), |_| {})
    }

    /// Runs with the caller's hand on the clock: `advance` takes the network to the time named, or
    /// less far (it is called again), as fast as it sees fit, and may do other work between.
    /// `progress` is told of each step.
    pub fn run_with(
        &self,
        network: &mut Network,
        mut advance: impl FnMut(&mut Network, Nanos),
        mut progress: impl FnMut(Progress),
    ) -> Report {
        let start = network.now();
        let events = network.event_count();
        let settled = start.plus(crate::link::nanos(self.settle));
        while network.now() < settled {
            advance(network, settled);
        }
        let mut run = Run::new(self, network);
        while run.ping(network, &self.ping) {
            progress(run.progress());
            advance(network, next(network));
        }
        progress(run.progress());
        let transfer = run.transfer(self, network, &mut advance, &mut progress);
        Report {
            pings: run.pings,
            transfer,
            duration: Duration::from_nanos(network.now().since(start)),
            event_count: network.event_count() - events,
        }
    }
}

/// The next moment that is worth advancing to: an event's, and not nearer than 1 ms.
fn next(network: &Network) -> Nanos {
    network.next_event().unwrap_or(network.now()).max(network.now().plus(1_000_000))
}

/// A scenario under way.
struct Run {
    pings: Vec<PingReport>,
    /// For each host, what it has yet to ping, the next one last, and what it waits for.
    todo: Vec<Vec<usize>>,
    waiting: Vec<Option<(usize, PingId)>>,
    done: usize,
    progress: Progress,
}

impl Run {
    fn new(scenario: &Scenario, network: &Network) -> Run {
        let hosts: Vec<_> = network.hosts().collect();
        let mut pings = Vec::new();
        let mut todo = vec![Vec::new(); hosts.len()];
        for from in &hosts {
            for to in hosts.iter().filter(|to| *to != from) {
                let host = network.host(*to);
                let v4 = host.ipv4().map(IpAddr::V4);
                for address in v4.into_iter().chain(host.ipv6().map(IpAddr::V6)) {
                    todo[from.index()].insert(0, pings.len());
                    pings.push(PingReport {
                        from: *from,
                        to: *to,
                        address,
                        state: PingState::Pending,
                    });
                }
            }
        }
        let progress = Progress {
            pings_done: 0,
            ping_count: pings.len(),
            bytes_done: 0,
            byte_count: if hosts.len() < 2 { 0 } else { scenario.transfer_len },
        };
        Run { pings, waiting: vec![None; hosts.len()], todo, done: 0, progress }
    }

    fn progress(&self) -> Progress {
        Progress { pings_done: self.done, ..self.progress }
    }

    /// Collects answers and sends what is next. Whether anything is still open.
    fn ping(&mut self, network: &mut Network, config: &PingConfig) -> bool {
        for host in 0..self.todo.len() {
            if let Some((index, id)) = self.waiting[host] {
                let state = network.ping_state(id);
                if state == PingState::Pending {
                    continue;
                }
                self.pings[index].state = state;
                self.waiting[host] = None;
                self.done += 1;
            }
            if let Some(index) = self.todo[host].pop() {
                let ping = &self.pings[index];
                let id = network.ping_with(ping.from, ping.address, config);
                self.waiting[host] = Some((index, id));
            }
        }
        self.done < self.pings.len()
    }

    fn transfer(
        &self,
        scenario: &Scenario,
        network: &mut Network,
        advance: &mut impl FnMut(&mut Network, Nanos),
        progress: &mut impl FnMut(Progress),
    ) -> Option<TransferReport> {
        let len = scenario.transfer_len;
        let (from, to) = (network.hosts().next()?, network.hosts().next_back()?);
        if from == to || len == 0 {
            return None;
        }
        let start = network.now();
        let limit = start.plus(crate::link::nanos(scenario.transfer_limit));
        let transfer = network.tcp_transfer(from, to, PORT, content(len));
        // Content is compared at the end; until then only counted.
        while network.transfer_is_running(transfer) && network.now() < limit {
            let bytes_done = network.transfer_received(transfer);
            progress(Progress { bytes_done, ..self.progress() });
            advance(network, next(network));
        }
        let state = network.transfer_state(transfer);
        if state == TransferState::Done {
            progress(Progress { bytes_done: len, ..self.progress() });
        }
        let end = network.transfer_ended(transfer).unwrap_or(network.now());
        let duration = Duration::from_nanos(end.since(start));
        Some(TransferReport { from, to, len, state, duration })
    }
}

/// Where the transfer goes: iperf's port.
const PORT: u16 = 5001;

/// Bytes that don't repeat in any period that a switch might get wrong.
fn content(len: usize) -> Vec<u8> {
    let mut rng = crate::rng::Rng::new(0, 0);
    (0..len).map(|_| (rng.next_u64() >> 56) as u8).collect()
}
