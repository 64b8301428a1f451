//! Several workers beside one: the same random pipelines, the same frames dealt by their flow to one,
//! two and three workers on threads of their own, flow-mods, groups, ports and time in between. All
//! that leaves the switch and all that it counts must be the same.
//!
//! Meters are left out: `datapath/src/shared.rs` says within what they differ, and its tests show it.
//! Where NORMAL learns, who is heard first matters, so that frames go one by one there, each to its
//! worker; what one has learned the others have to know.
//!
//! `PACKETS=N` plays until so many have passed, `SEED=N` one pipeline alone.

use std::hash::{DefaultHasher, Hash, Hasher};

use datapath::key::Depth;
use datapath::packet::Packet;
use datapath::{BATCH, Batch, Ingress, PortConfig, Switch, SwitchConfig, Worker};
use hypercall::fake::Recorder;
use hypercall::{Frame, Meta, Nanos, Port, VecFrame};
use ofp_codec::multipart::{FlowStatsRequest, QueueStatsRequest};
use ofp_codec::{ConfigFlags, GroupId, OxmField, PortMod, PortNo, QUEUE_ALL};
use rumpswitch_tests::generate::case::{Case, Step};
use rumpswitch_tests::generate::{PORTS, TABLES};
use rumpswitch_tests::oracle::Received;

/// What left: by port, or to the controllers; in an order that does not matter.
type Sent = Vec<(u32, Vec<u8>, String)>;

/// A switch with workers.
struct Crew {
    switch: Switch,
    /// Beside the switch's own.
    more: Vec<Worker>,
    hosts: Vec<Recorder>,
    now: Nanos,
    /// How often several forwarded at the same time.
    together: u64,
}

fn port_config(number: u32) -> PortConfig {
    PortConfig::new(Port(number), &format!("p{number}"))
}

/// What keeps a flow, and the fragments of a packet, together.
fn deal(received: &Received, count: usize) -> usize {
    let frame = VecFrame::from_bytes(&received.frame);
    let mut hasher = DefaultHasher::new();
    if frame.len() >= 14 {
        let mut packet = Packet::new(frame, Port(1), Meta::default());
        packet.ensure(Depth::Whole);
        let fields = [OxmField::Ipv4Src, OxmField::Ipv4Dst, OxmField::Ipv6Src, OxmField::Ipv6Dst];
        let addresses = fields.map(|field| packet.key.get(field));
        match addresses.iter().any(Option::is_some) {
            true => addresses.hash(&mut hasher),
            false => packet.key.get(OxmField::EthSrc).hash(&mut hasher),
        }
    }
    hasher.finish() as usize % count
}

impl Crew {
    fn new(seed: u64, count: usize) -> Crew {
        let config = SwitchConfig {
            seed,
            punt_queue_count: 1 << 16,
            punt_queue_bytes: 1 << 28,
            n_tables: TABLES,
            ..SwitchConfig::default()
        };
        let mut switch = Switch::new(config);
        let more = (1..count).map(|_| switch.tables.add_worker().unwrap()).collect();
        let hosts = (0..count).map(|_| Recorder::default()).collect();
        for port in PORTS.into_iter().chain([PortNo::LOCAL.0]) {
            switch.tables.port_add(Nanos(0), port_config(port)).unwrap();
        }
        Crew { switch, more, hosts, now: Nanos(0), together: 0 }
    }

    fn step(&mut self, step: &Step, one_by_one: bool) -> Result<(), String> {
        let (now, tables) = (self.now, &mut self.switch.tables);
        let told = match step {
            Step::Flow(flow) => tables.flow_mod(now, flow),
            Step::Group(group) => tables.group_mod(now, group),
            Step::Meter(_) => Ok(()),
            Step::PacketOut(out) => {
                let worker = &mut self.switch.worker;
                worker.packet_out(&self.switch.tables, &mut self.hosts[0], now, out).map(drop)
            }
            Step::Frames(frames) => {
                let size = if one_by_one { 1 } else { frames.len().max(1) };
                frames.chunks(size).for_each(|frames| self.frames(frames));
                Ok(())
            }
            Step::Wait(nanos) => {
                self.wait(*nanos);
                Ok(())
            }
            Step::PortConfig(port, config) => {
                let Some(desc) = tables.port_desc(Port(*port)) else { return Ok(()) };
                tables.port_mod(&PortMod {
                    port_no: PortNo(*port),
                    hw_addr: desc.hw_addr,
                    config: *config,
                    mask: ofp_codec::PortConfig::from_bits_retain(0x65),
                    advertise: ofp_codec::PortFeatures::empty(),
                })
            }
            Step::PortState(port, state) => {
                tables.port_change(PortConfig { state: *state, ..port_config(*port) })
            }
            Step::PortRemove(port) => tables.port_remove(Port(*port)),
            Step::PortAdd(port) => tables.port_add(now, port_config(*port)),
            Step::Fragments(drops) => {
                let mode = if *drops { ConfigFlags::FRAG_DROP } else { ConfigFlags::empty() };
                tables.set_fragments(mode);
                Ok(())
            }
            Step::InvalidTtl(wanted) => {
                tables.set_invalid_ttl_to_controller(*wanted);
                Ok(())
            }
            Step::Standalone(is_standalone) => {
                tables.set_standalone(*is_standalone);
                Ok(())
            }
            Step::Refuse(port) => {
                self.hosts.iter_mut().for_each(|host| host.refused = port.map(Port));
                Ok(())
            }
        };
        told.map_err(|error| format!("{error:?}"))
    }

    fn wait(&mut self, nanos: u64) {
        let until = self.now.plus(nanos);
        let tables = &mut self.switch.tables;
        while let Some(deadline) = tables.next_deadline().filter(|at| *at <= until) {
            self.now = self.now.max(deadline);
            tables.tick(self.now);
        }
        self.now = until;
    }

    /// Each worker forwards what it is dealt, all at the same time.
    fn frames(&mut self, frames: &[Received]) {
        let count = self.hosts.len();
        let mut dealt: Vec<Vec<&Received>> = vec![Vec::new(); count];
        frames.iter().for_each(|frame| dealt[deal(frame, count)].push(frame));
        let (now, Switch { tables, worker, .. }) = (self.now, &mut self.switch);
        let tables = &*tables;
        let workers = std::iter::once(worker).chain(&mut self.more);
        let seats =
            workers.zip(&mut self.hosts).zip(dealt).filter(|(_, frames)| !frames.is_empty());
        let mut seats: Vec<_> = seats.collect();
        let forward = |worker: &mut Worker, host: &mut Recorder, frames: &[&Received]| {
            for frames in frames.chunks(BATCH) {
                let mut batch: Batch<VecFrame> = Batch::new();
                for Received { port, phy_port, tunnel_id, frame } in frames {
                    let in_phy_port = Port(*phy_port);
                    let meta = Meta { in_phy_port, tunnel_id: *tunnel_id, ..Meta::default() };
                    let frame = VecFrame::from_bytes(frame);
                    batch.push(Ingress { port: Port(*port), meta, frame });
                }
                worker.process(tables, host, now, &mut batch);
            }
        };
        if let [((worker, host), frames)] = &mut seats[..] {
            return forward(worker, host, frames);
        }
        self.together += 1;
        std::thread::scope(|scope| {
            let threads = seats.into_iter().map(|((worker, host), frames)| {
                scope.spawn(move || forward(worker, host, &frames))
            });
            let threads: Vec<_> = threads.collect();
            // ThreadSanitizer sees a thread end by its join alone.
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }

    /// What has left since the last call.
    fn take_sent(&mut self) -> Sent {
        let mut all = Sent::new();
        for host in &mut self.hosts {
            all.extend(host.take().into_iter().map(|sent| {
                (sent.port.0, sent.frame.headers().to_vec(), format!("{:?}", sent.meta))
            }));
        }
        for worker in std::iter::once(&mut self.switch.worker).chain(&mut self.more) {
            while let Some(punt) = worker.next_punt() {
                let mut packet = punt.packet_in;
                let data = std::mem::take(&mut packet.data);
                all.push((PortNo::CONTROLLER.0, data, format!("{packet:?}")));
            }
        }
        all.sort();
        all
    }

    /// Everything that is counted, a line each.
    fn counters(&mut self) -> Vec<String> {
        let (now, tables) = (self.now, &mut self.switch.tables);
        let mut lines = Vec::new();
        let mut cursor = tables.flow_stats(&FlowStatsRequest::default()).unwrap();
        while let Some(flow) = tables.next_flow_stats(&mut cursor, now, &mut u32::MAX.clone()) {
            lines.push(format!("{flow:?}"));
        }
        lines.extend(tables.table_stats().map(|stats| format!("{stats:?}")));
        lines.extend(tables.drops().map(|drop| format!("{drop:?}")));
        lines.extend(tables.group_stats(GroupId::ALL, now).iter().map(|s| format!("{s:?}")));
        let ports = tables.port_stats(PortNo::ANY, now).unwrap();
        lines.extend(ports.iter().map(|stats| format!("{stats:?}")));
        let all = QueueStatsRequest { port_no: PortNo::ANY, queue_id: QUEUE_ALL };
        lines
            .extend(tables.queue_stats(all, now).unwrap().iter().map(|stats| format!("{stats:?}")));
        while let Some(news) = tables.next_news() {
            lines.push(format!("{news:?}"));
        }
        lines
    }
}

fn learns(step: &Step) -> bool {
    let normal = format!("{:?}", PortNo::NORMAL);
    matches!(step, Step::Standalone(true)) || format!("{step:?}").contains(&normal)
}

/// Plays a pipeline by several workers and by one; tells packets, and how often several were at work.
fn check(seed: u64, counts: &[usize]) -> (u64, u64) {
    let mut together = 0;
    let case = Case::of_seed(seed);
    let one_by_one = case.steps.iter().any(learns);
    for count in counts {
        let (mut one, mut several) = (Crew::new(case.seed, 1), Crew::new(case.seed, *count));
        for (at, step) in case.steps.iter().enumerate() {
            let told = one.step(step, one_by_one);
            let place = || format!("SEED={seed}, {count} workers, step {at}: {step:?}");
            assert_eq!(several.step(step, one_by_one), told, "{}", place());
            assert_eq!(several.take_sent(), one.take_sent(), "{}", place());
            for (ours, theirs) in several.counters().iter().zip(one.counters()) {
                assert_eq!(*ours, theirs, "{}", place());
            }
        }
        together += several.together;
    }
    (case.packet_count(), together)
}

#[test]
fn several_workers_do_what_one_does() {
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    if let Some(seed) = number("SEED") {
        check(seed, &[2, 3]);
        return;
    }
    let wanted = number("PACKETS").unwrap_or(5_000);
    let (mut packets, mut together, mut seed) = (0, 0, 0);
    while packets < wanted {
        let (more, at_once) = check(seed, &[2, 3]);
        packets += more;
        together += at_once;
        seed += 1;
    }
    println!("{packets} packets, {seed} pipelines; {together} times several workers at once");
    assert!(together > packets / 20, "{together}: they hardly ever forwarded together");
}
