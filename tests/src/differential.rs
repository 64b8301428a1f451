//! The datapath beside the oracle: the same steps to both, and everything that leaves the switch and
//! everything that it counts must be the same.

mod shrink;
mod state;

pub use shrink::shrink;

use std::collections::BTreeMap;

use datapath::{Batch, Ingress, News, PortConfig, QueueConfig, Switch, SwitchConfig};
use hypercall::fake::Recorder;
use hypercall::{Frame, Meta, Nanos, Port, VecFrame};
use ofp_codec::{ConfigFlags, FlowRemoved, GroupId, OxmField, PortMod, PortNo, PortStatus};

use crate::generate::case::{Case, Step};
use crate::generate::{PORTS, TABLES};
use crate::oracle::{Chooser, Coverage, Load, Oracle, Outcome, Received};

/// Where the two went different ways.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The step, from 0.
    pub step: usize,
    /// What differed.
    pub what: String,
}

impl Difference {
    /// What kind of thing differed.
    pub fn kind(&self) -> &str {
        self.what.split(['\n', ';']).next().unwrap_or_default()
    }
}

/// What a run that went well has met.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Frames and packet-outs.
    pub packets: u64,
    /// What the oracle met.
    pub coverage: Coverage,
    /// Why packets ended unsent.
    pub drops: BTreeMap<&'static str, u64>,
}

impl Report {
    /// Adds another run's.
    pub fn add(&mut self, other: &Report) {
        self.packets += other.packets;
        self.coverage.add(&other.coverage);
        for (reason, count) in &other.drops {
            *self.drops.entry(reason).or_default() += count;
        }
    }
}

/// Runs a case.
///
/// # Errors
///
/// The first difference.
pub fn run(case: &Case) -> Result<Report, Difference> {
    let mut pair = Pair::new(case.seed);
    for (step, what) in case.steps.iter().enumerate() {
        let at = |what: String| Difference { step, what };
        pair.step(what).map_err(at)?;
        pair.compare_news().map_err(at)?;
        // All counters after changes of what counts, and now and then.
        if !matches!(what, Step::Frames(_) | Step::PacketOut(_)) && step % 4 == 0 {
            state::compare(&pair.switch, &pair.oracle).map_err(at)?;
        }
    }
    let last = case.steps.len();
    state::compare(&pair.switch, &pair.oracle).map_err(|what| Difference { step: last, what })?;
    Ok(Report {
        packets: case.packet_count(),
        coverage: pair.oracle.coverage,
        drops: pair.oracle.drops,
    })
}

/// `Ok` when both are the same.
fn same<T: PartialEq + std::fmt::Debug>(name: &str, switch: T, oracle: T) -> Result<(), String> {
    match switch == oracle {
        true => Ok(()),
        false => Err(format!("{name}\n  switch: {switch:?}\n  oracle: {oracle:?}")),
    }
}

/// The two, side by side.
struct Pair {
    switch: Switch,
    host: Recorder,
    oracle: Oracle,
}

/// A port as its host describes it: port 3 takes no long frames, ports 1 and 2 have queues.
fn port_config(number: u32) -> PortConfig {
    let max_frame = if number == 3 { 150 } else { u32::MAX };
    let queues: &[u32] = match number {
        1 => &[1, 2],
        2 => &[0, 2],
        _ => &[],
    };
    let queues = queues.iter().map(|id| QueueConfig::new(*id)).collect();
    PortConfig { max_frame, queues, ..PortConfig::new(Port(number), &format!("p{number}")) }
}

impl Pair {
    fn new(seed: u64) -> Pair {
        let config = SwitchConfig {
            seed,
            punt_queue_count: 1 << 16,
            punt_queue_bytes: 1 << 28,
            n_tables: TABLES,
            ..SwitchConfig::default()
        };
        let (switch, host) = (Switch::new(config), Recorder::default());
        let mut pair = Pair { switch, host, oracle: Oracle::new() };
        for port in PORTS.into_iter().chain([PortNo::LOCAL.0]) {
            pair.port_add(port);
        }
        pair
    }

    fn now(&self) -> Nanos {
        Nanos(self.oracle.now)
    }

    fn port_add(&mut self, number: u32) {
        let config = port_config(number);
        let max_frame = config.max_frame;
        let queues: Vec<u32> = config.queues.iter().map(|queue| queue.id).collect();
        if self.switch.tables.port_add(self.now(), config).is_ok() {
            let desc = self.switch.tables.port_desc(Port(number)).expect("it was added");
            self.oracle.port_add(desc, max_frame, &queues);
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), String> {
        let now = self.now();
        let tables = &mut self.switch.tables;
        match step {
            Step::Flow(flow) => {
                same("flow-mod", tables.flow_mod(now, flow), self.oracle.flow_mod(flow))
            }
            Step::Group(group) => {
                same("group-mod", tables.group_mod(now, group), self.oracle.group_mod(group))
            }
            Step::Meter(meter) => {
                same("meter-mod", tables.meter_mod(now, meter), self.oracle.meter_mod(meter))
            }
            Step::PacketOut(out) => self.packet_out(out),
            Step::Frames(frames) => self.frames(frames),
            Step::Wait(nanos) => self.wait(*nanos),
            Step::PortConfig(port, config) => {
                let Some(desc) = tables.port_desc(Port(*port)) else { return Ok(()) };
                let given = PortMod {
                    port_no: PortNo(*port),
                    hw_addr: desc.hw_addr,
                    config: *config,
                    mask: ofp_codec::PortConfig::from_bits_retain(0x65),
                    advertise: ofp_codec::PortFeatures::empty(),
                };
                self.oracle.port_config(*port, *config);
                same("port-mod", tables.port_mod(&given), Ok(()))
            }
            Step::PortState(port, state) => {
                let _ = tables.port_change(PortConfig { state: *state, ..port_config(*port) });
                self.oracle.port_state(*port, *state);
                Ok(())
            }
            Step::PortRemove(port) => {
                let _ = tables.port_remove(Port(*port));
                self.oracle.port_remove(*port);
                Ok(())
            }
            Step::PortAdd(port) => {
                self.port_add(*port);
                Ok(())
            }
            Step::Fragments(drops) => {
                let mode = if *drops { ConfigFlags::FRAG_DROP } else { ConfigFlags::empty() };
                tables.set_fragments(mode);
                self.oracle.drops_fragments = *drops;
                Ok(())
            }
            Step::InvalidTtl(wanted) => {
                tables.set_invalid_ttl_to_controller(*wanted);
                self.oracle.invalid_ttl_to_controller = *wanted;
                Ok(())
            }
            Step::Standalone(is_standalone) => {
                tables.set_standalone(*is_standalone);
                self.oracle.is_standalone = *is_standalone;
                Ok(())
            }
            Step::Refuse(port) => {
                self.host.refused = port.map(Port);
                self.oracle.refused = *port;
                Ok(())
            }
        }
    }

    /// Time passes, and the switch is called at each moment that it asks for and no other.
    fn wait(&mut self, nanos: u64) -> Result<(), String> {
        let until = self.oracle.now + nanos;
        while let Some(deadline) = self.switch.tables.next_deadline().filter(|at| at.0 <= until) {
            let now = deadline.0.max(self.oracle.now);
            if self.oracle.next_expiry().is_some_and(|expiry| expiry < now) {
                return Err(format!("an entry expired before {now}, and nobody was told"));
            }
            self.switch.tables.tick(Nanos(now));
            self.oracle.wait_until(now);
        }
        let before = self.oracle.removed.len();
        self.oracle.wait_until(until);
        same("entries that expired unseen", 0, self.oracle.removed.len() - before)
    }

    fn frames(&mut self, frames: &[Received]) -> Result<(), String> {
        let size = if self.oracle.has_choices() { 1 } else { datapath::BATCH };
        for frames in frames.chunks(size) {
            let mut batch: Batch<VecFrame> = Batch::new();
            for Received { port, phy_port, tunnel_id, frame } in frames {
                let in_phy_port = Port(*phy_port);
                let meta = Meta { in_phy_port, tunnel_id: *tunnel_id, ..Meta::default() };
                let frame = VecFrame::from_bytes(frame);
                batch.push(Ingress { port: Port(*port), meta, frame });
            }
            let now = self.now();
            self.follow(
                |switch, host| {
                    switch.process(host, now, &mut batch);
                },
                |oracle| frames.iter().for_each(|frame| oracle.receive(frame)),
            )?;
        }
        Ok(())
    }

    fn packet_out(&mut self, out: &ofp_codec::PacketOut) -> Result<(), String> {
        let checked = out.actions.iter().try_for_each(|action| self.oracle.check(action));
        let (now, mut done) = (self.now(), Ok(()));
        let is_wrong = checked.is_err();
        self.follow(
            |switch, host| {
                done = switch.worker.packet_out(&switch.tables, host, now, out).map(drop);
            },
            |oracle| {
                if !is_wrong {
                    oracle.packet_out(out);
                }
            },
        )?;
        same("packet-out", done, checked)
    }

    /// Lets both do the same. Where the switch chooses, the oracle tries the choices that fit what
    /// the buckets counted, until one leads to what the switch did.
    fn follow(
        &mut self,
        switch: impl FnOnce(&mut Switch, &mut Recorder),
        oracle: impl Fn(&mut Oracle),
    ) -> Result<(), String> {
        const ATTEMPTS: u32 = 3000;
        let has_choices = self.oracle.has_choices();
        let before = if has_choices { self.bucket_counts() } else { BTreeMap::new() };
        switch(&mut self.switch, &mut self.host);
        let outcomes = outcomes(&mut self.switch, &mut self.host);
        if !has_choices {
            oracle(&mut self.oracle);
            return same("outcomes", outcomes, self.oracle.take_outcomes());
        }
        let mut took = self.bucket_counts();
        for (bucket, load) in &mut took {
            let before = before.get(bucket).copied().unwrap_or_default();
            load.packets -= before.packets;
            load.bytes -= before.bytes;
        }
        let mut chooser = Some(Chooser::default());
        let mut first = None;
        for _ in 0..ATTEMPTS {
            let Some(script) = chooser.take() else { break };
            let mut attempt = self.oracle.clone();
            attempt.chooser = script.guided(&took);
            oracle(&mut attempt);
            let theirs = attempt.take_outcomes();
            let chosen = std::mem::take(&mut attempt.chooser);
            if theirs == outcomes && chosen.is_consumed() {
                self.oracle = attempt;
                return Ok(());
            }
            first.get_or_insert(theirs);
            chooser = chosen.next();
        }
        took.retain(|_, load| load.packets > 0);
        Err(format!(
            "no choice of buckets explains the outcomes\n  switch: {outcomes:?}\n  buckets: {took:?}\n  \
             oracle, at first: {first:?}"
        ))
    }

    /// What every bucket of SELECT groups counted.
    fn bucket_counts(&self) -> BTreeMap<(u32, usize), Load> {
        let mut counts = BTreeMap::new();
        for group in self.switch.tables.group_stats(GroupId::ALL, self.now()) {
            let id = group.group_id.0;
            if !self.oracle.groups.get(&id).is_some_and(|group| group.is_select()) {
                continue;
            }
            for (index, bucket) in group.buckets.iter().enumerate() {
                let load = Load { packets: bucket.packet_count, bytes: bucket.byte_count };
                counts.insert((id, index), load);
            }
        }
        counts
    }

    /// What controllers are told of entries and ports.
    fn compare_news(&mut self) -> Result<(), String> {
        let (mut removed, mut changed) = (Vec::new(), Vec::new());
        while let Some(news) = self.switch.tables.next_news() {
            match news {
                News::FlowRemoved(news) => removed.push(news),
                News::PortStatus(news) => changed.push(news),
            }
        }
        let in_order = |mut news: Vec<FlowRemoved>| {
            news.sort_by_key(|news| format!("{news:?}"));
            news
        };
        let theirs = std::mem::take(&mut self.oracle.removed);
        same("FLOW_REMOVED", in_order(removed), in_order(theirs))?;
        let theirs: Vec<PortStatus> = std::mem::take(&mut self.oracle.port_news);
        same("PORT_STATUS", changed, theirs)
    }
}

/// What the switch sent since the last call, in an order that does not matter.
fn outcomes(switch: &mut Switch, host: &mut Recorder) -> Vec<Outcome> {
    let sent = host.take().into_iter().map(|sent| Outcome::Sent {
        port: sent.port.0,
        frame: sent.frame.headers().to_vec(),
        tunnel_id: sent.meta.tunnel_id,
        queue_id: sent.meta.queue_id,
    });
    let mut all: Vec<_> = sent.collect();
    while let Some(punt) = switch.worker.next_punt() {
        let packet = punt.packet_in;
        let context = packet.matching.fields().iter().map(|oxm| (oxm.field, oxm.value));
        let context: Vec<(OxmField, u128)> = context.collect();
        assert_eq!(usize::from(packet.total_len), packet.data.len(), "unbuffered, so all of it");
        assert_eq!(packet.buffer_id, ofp_codec::NO_BUFFER);
        all.push(Outcome::PacketIn {
            reason: packet.reason as u8,
            table: packet.table_id.0,
            cookie: packet.cookie,
            context,
            frame: packet.data,
        });
    }
    all.sort();
    all
}
