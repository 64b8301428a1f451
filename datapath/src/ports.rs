//! The ports of the switch: what the host said of them, what controllers configured, and whether
//! one takes a frame now (§4, §7.2.1).

mod gate;
mod renumber;

use alloc::string::String;
use alloc::vec::Vec;

use hashbrown::HashMap;
use hypercall::{Nanos, Port};
use ofp_codec::memory::{TryClone, try_collect, try_one, try_push};
use ofp_codec::multipart::{PortStats, QueueStats, QueueStatsRequest};
use ofp_codec::{
    HwAddr, OfpError, PacketQueue, PortConfig as ConfigFlags, PortDesc, PortFeatures, PortMod,
    PortModFailedCode, PortNo, PortReason, PortState, PortStatus, QUEUE_ALL, QueueOpFailedCode,
};

use crate::counters::{Counters, NoMemory};
use crate::queues::{self, DEFAULT_QUEUE, QueueCells, QueueConfig, Queues};
use crate::slab::{NONE, Slab};

pub(crate) use gate::{Gate, GateFlags};

/// Port numbers below this are found by index, others by hash.
const DENSE: usize = 4096;

const BAD_QUEUE_PORT: OfpError = OfpError::QueueOpFailed(QueueOpFailedCode::BadPort);

/// A port as the host describes it.
///
/// ```
/// use hypercall::Port;
/// use rumpswitch_datapath::PortConfig;
///
/// let port = PortConfig { max_frame: 1514, ..PortConfig::new(Port(1), "tap0") };
/// assert_eq!(port.number, Port(1));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortConfig {
    /// Its number: 1 to 0xffffff00, or [`Port::LOCAL`].
    pub number: Port,
    /// Its name; 15 bytes of it are shown.
    pub name: String,
    /// Its Ethernet address.
    pub hw_addr: HwAddr,
    /// What the administrator asks of it at first; controllers change it by port-mods.
    pub config: ConfigFlags,
    /// LINK_DOWN and BLOCKED as the host sees them; LIVE is the switch's own conclusion.
    pub state: PortState,
    /// Current features.
    pub curr: PortFeatures,
    /// Features that it advertises.
    pub advertised: PortFeatures,
    /// Features that it supports.
    pub supported: PortFeatures,
    /// Features that its link peer advertises.
    pub peer: PortFeatures,
    /// Current rate in kbit/s.
    pub curr_speed: u32,
    /// Highest rate in kbit/s.
    pub max_speed: u32,
    /// Bytes of the longest untagged frame that it sends, from the destination address to the end
    /// of the payload; one VLAN tag is not counted.
    pub max_frame: u32,
    /// Its queues; see [`Tables::set_queues`](crate::Tables::set_queues) to change them.
    pub queues: Vec<QueueConfig>,
}

impl PortConfig {
    /// A port that is up, of unknown speed, that takes frames of any length.
    pub fn new(number: Port, name: &str) -> PortConfig {
        PortConfig {
            number,
            name: String::from(name),
            hw_addr: HwAddr::default(),
            config: ConfigFlags::empty(),
            state: PortState::empty(),
            curr: PortFeatures::empty(),
            advertised: PortFeatures::empty(),
            supported: PortFeatures::empty(),
            peer: PortFeatures::empty(),
            curr_speed: 0,
            max_speed: 0,
            max_frame: u32::MAX,
            queues: Vec::new(),
        }
    }
}

/// Errors that the host's device counted on a port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortErrors {
    /// Receive errors of all kinds.
    pub rx_errors: u64,
    /// Transmit errors of all kinds.
    pub tx_errors: u64,
    /// Frame alignment errors.
    pub rx_frame_err: u64,
    /// Overruns.
    pub rx_over_err: u64,
    /// CRC errors.
    pub rx_crc_err: u64,
    /// Collisions.
    pub collisions: u64,
    /// Frames that the host dropped before the switch saw them.
    pub rx_dropped: u64,
}

/// One port.
#[derive(Debug)]
pub(crate) struct PortEntry {
    config: ConfigFlags,
    state: PortState,
    max_frame: u32,
    number: Port,
    added: Nanos,
    errors: PortErrors,
    /// Frames that the host took and dropped later.
    late_drops: u64,
    queues: Queues,
    /// What the host says that it advertises.
    offered: PortFeatures,
    /// What a port-mod told it to advertise instead; empty for nothing.
    asked: PortFeatures,
    /// Whether the host was last told that the port is administratively down.
    told_down: bool,
    desc: PortDesc,
}

/// Why a port does not take a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Unknown,
    Down,
    NoFwd,
    TooLong,
}

/// A port that a flood reaches.
#[derive(Clone, Copy, Debug)]
struct Flooded {
    port: Port,
    gate: Gate,
    /// Whether FLOOD and NORMAL leave it out.
    is_blocked: bool,
}

/// All ports.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    ports: Slab<PortEntry>,
    dense: Vec<Gate>,
    others: HashMap<u32, Gate, foldhash::fast::FixedState>,
    /// Those that a flood reaches, by slot; there is room for all.
    floods: Vec<Flooded>,
    /// The ids of all queues of all ports, in order.
    queue_ids: Vec<u32>,
    /// Ports that may have gone up or down since the host was last told; there is room for all.
    untold: Vec<Port>,
}

/// What controllers configured of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Configured {
    config: ConfigFlags,
    asked: PortFeatures,
}

impl PortEntry {
    fn is_down(&self) -> bool {
        self.config.contains(ConfigFlags::PORT_DOWN) || self.state.contains(PortState::LINK_DOWN)
    }

    /// What it looks like.
    pub(crate) fn desc(&self) -> &PortDesc {
        &self.desc
    }

    /// The longest untagged frame that it sends.
    pub(crate) fn max_frame(&self) -> u32 {
        self.max_frame
    }

    /// What frames meet.
    fn gate(&self, slot: u32) -> Gate {
        let mut flags = GateFlags::empty();
        flags.set(GateFlags::PORT_DOWN, self.config.contains(ConfigFlags::PORT_DOWN));
        flags.set(GateFlags::NO_RECV, self.config.contains(ConfigFlags::NO_RECV));
        flags.set(GateFlags::NO_FWD, self.config.contains(ConfigFlags::NO_FWD));
        flags.set(GateFlags::LINK_DOWN, self.state.contains(PortState::LINK_DOWN));
        flags.set(GateFlags::QUEUES, !self.queues.is_empty());
        Gate::new(slot, flags, self.max_frame)
    }

    /// Keeps LIVE true to its definition and the description true to the port.
    fn refresh(&mut self) {
        let live = !self.is_down();
        self.state.set(PortState::LIVE, live);
        self.desc.config = self.config;
        self.desc.state = self.state;
        self.desc.advertised = if self.asked.is_empty() { self.offered } else { self.asked };
    }
}

impl Ports {
    /// What a frame that comes from or goes to `port` meets.
    #[inline]
    pub(crate) fn gate(&self, port: Port) -> Option<Gate> {
        let number = port.0;
        let gate = match (number as usize) < DENSE {
            true => self.dense.get(number as usize),
            false => self.others.get(&number),
        };
        gate.copied().filter(|gate| gate.slot != NONE)
    }

    #[inline]
    pub(crate) fn slot(&self, port: Port) -> Option<u32> {
        self.gate(port).map(|gate| gate.slot)
    }

    #[inline]
    pub(crate) fn get(&self, port: Port) -> Option<&PortEntry> {
        self.ports.get(self.slot(port)?)
    }

    fn get_mut(&mut self, port: Port) -> Option<&mut PortEntry> {
        let slot = self.slot(port)?;
        self.ports.get_mut(slot)
    }

    /// Whether table misses of packets received from `port` may become packet-ins.
    pub(crate) fn punts(&self, port: Port) -> bool {
        self.get(port).is_none_or(|entry| !entry.config.contains(ConfigFlags::NO_PACKET_IN))
    }

    /// Whether `port` is live for fast failover (§6.5.1).
    pub(crate) fn is_live(&self, port: Port) -> bool {
        self.get(port).is_some_and(|entry| entry.state.contains(PortState::LIVE))
    }

    /// Whether some port has this queue; every port has its default queue.
    pub(crate) fn has_queue(&self, queue_id: u32) -> bool {
        queue_id == DEFAULT_QUEUE || self.queue_ids.binary_search(&queue_id).is_ok()
    }

    /// The counters of the queue by which a frame leaves the port in a slot.
    pub(crate) fn queue_cells(&self, slot: u32, queue_id: Option<u32>) -> Option<QueueCells> {
        self.ports.get(slot)?.queues.cells(queue_id)
    }

    /// The ports that a flood of a packet from `ingress` reaches, by slot.
    #[inline]
    pub(crate) fn flood(
        &self,
        ingress: Port,
        skip_blocked: bool,
    ) -> impl Iterator<Item = (Port, Gate)> + '_ {
        self.floods.iter().filter_map(move |flooded| {
            let skip = flooded.port == ingress || (skip_blocked && flooded.is_blocked);
            (!skip).then_some((flooded.port, flooded.gate))
        })
    }

    /// Ports by number.
    fn sorted(&self) -> Result<Vec<(u32, &PortEntry)>, NoMemory> {
        let mut ports = try_collect(self.ports.iter())?;
        ports.sort_unstable_by_key(|(_, entry)| entry.number);
        Ok(ports)
    }

    pub(crate) fn add(
        &mut self,
        now: Nanos,
        port: PortConfig,
        counters: &mut Counters,
    ) -> Result<PortStatus, OfpError> {
        const BAD_PORT: OfpError = OfpError::PortModFailed(PortModFailedCode::BadPort);
        let number = PortNo(port.number.0);
        if !(number.is_ordinary() || number == PortNo::LOCAL) || self.slot(port.number).is_some() {
            return Err(BAD_PORT);
        }
        queues::check(&port.queues, self.queue_ids.len())?;
        let no_memory = |_: NoMemory| OfpError::PortModFailed(PortModFailedCode::Eperm);
        let slot = self.ports.reserve().map_err(no_memory)?;
        counters.ensure_port(slot).map_err(no_memory)?;
        self.reserve_index(port.number).map_err(no_memory)?;
        self.queue_ids.try_reserve(port.queues.len()).map_err(|_| no_memory(NoMemory))?;
        let room = (self.ports.count() as usize + 1).saturating_sub(self.untold.len());
        self.untold.try_reserve(room).map_err(|_| no_memory(NoMemory))?;
        let room = (self.ports.count() as usize + 1).saturating_sub(self.floods.len());
        self.floods.try_reserve(room).map_err(|_| no_memory(NoMemory))?;
        let name = port.name.try_clone().map_err(no_memory)?;
        let mut queues = Queues::default();
        queues.set(now, &port.queues, counters).map_err(no_memory)?;
        let mut entry = PortEntry {
            config: port.config,
            state: port.state,
            max_frame: port.max_frame,
            number: port.number,
            added: now,
            errors: PortErrors::default(),
            late_drops: 0,
            queues,
            offered: PortFeatures::empty(),
            asked: PortFeatures::empty(),
            told_down: false,
            desc: PortDesc { port_no: number, ..PortDesc::default() },
        };
        describe(&mut entry, port);
        let desc = PortDesc { name, ..entry.desc };
        let status = PortStatus { reason: PortReason::Add, desc };
        let slot = self.ports.insert(entry).map_err(no_memory)?;
        counters.reset_port(slot);
        self.set_gate(Port(number.0), slot);
        self.index_queues();
        self.note_down(Port(number.0));
        Ok(status)
    }

    /// Notes that the host may have to be told that a port is down, or up again.
    fn note_down(&mut self, port: Port) {
        let Some(entry) = self.get(port) else { return };
        let is_down = entry.config.contains(ConfigFlags::PORT_DOWN);
        if is_down != entry.told_down && !self.untold.contains(&port) {
            self.untold.push(port);
        }
    }

    /// The next port that was taken down, or up again, and which of both.
    pub(crate) fn next_down(&mut self) -> Option<(Port, bool)> {
        while let Some(port) = self.untold.pop() {
            let Some(entry) = self.get_mut(port) else { continue };
            let is_down = entry.config.contains(ConfigFlags::PORT_DOWN);
            if is_down != entry.told_down {
                entry.told_down = is_down;
                return Some((port, is_down));
            }
        }
        None
    }

    /// Configures the queues of a port (§7.2.2).
    pub(crate) fn set_queues(
        &mut self,
        now: Nanos,
        port: Port,
        configs: &[QueueConfig],
        counters: &mut Counters,
    ) -> Result<(), OfpError> {
        let entry = self.get(port).ok_or(BAD_QUEUE_PORT)?;
        let others = self.queue_ids.len().saturating_sub(entry.queues.count());
        queues::check(configs, others)?;
        let no_memory = |_: NoMemory| OfpError::QueueOpFailed(QueueOpFailedCode::Eperm);
        self.queue_ids.try_reserve(configs.len()).map_err(|_| no_memory(NoMemory))?;
        if let Some(entry) = self.get_mut(port) {
            entry.queues.set(now, configs, counters).map_err(no_memory)?;
        }
        self.refresh_gate(port);
        self.index_queues();
        Ok(())
    }

    /// Keeps `queue_ids` true; room for them has been reserved.
    fn index_queues(&mut self) {
        self.queue_ids.clear();
        self.queue_ids.extend(self.ports.iter().flat_map(|(_, entry)| entry.queues.ids()));
        self.queue_ids.sort_unstable();
    }

    /// Takes over what the host says now of a port; what controllers configured stays.
    pub(crate) fn change(&mut self, port: PortConfig) -> Result<Option<PortStatus>, OfpError> {
        let entry =
            self.get_mut(port.number).ok_or(OfpError::PortModFailed(PortModFailedCode::BadPort))?;
        let no_memory = |NoMemory| OfpError::PortModFailed(PortModFailedCode::Eperm);
        let before = entry.desc.try_clone().map_err(no_memory)?;
        let name = port.name.try_clone().map_err(no_memory)?;
        let number = port.number;
        entry.state = port.state;
        entry.max_frame = port.max_frame;
        describe(entry, port);
        let desc = PortDesc { name, ..entry.desc };
        self.refresh_gate(number);
        Ok((desc != before).then_some(PortStatus { reason: PortReason::Modify, desc }))
    }

    pub(crate) fn remove(
        &mut self,
        port: Port,
        counters: &mut Counters,
    ) -> Result<PortStatus, OfpError> {
        let slot = self.slot(port);
        let entry = slot.and_then(|slot| self.ports.remove(slot));
        let entry = entry.ok_or(OfpError::PortModFailed(PortModFailedCode::BadPort))?;
        if let Some(place) = self.dense.get_mut(port.0 as usize) {
            *place = Gate::ABSENT;
        }
        self.others.remove(&port.0);
        self.floods.retain(|flooded| flooded.port != port);
        entry.queues.free(counters);
        self.untold.retain(|other| *other != port);
        self.index_queues();
        Ok(PortStatus { reason: PortReason::Delete, desc: entry.desc })
    }

    /// Does a port-mod (§7.3.4.3); the new description if something changed.
    pub(crate) fn modify(&mut self, change: &PortMod) -> Result<Option<PortStatus>, OfpError> {
        let fail = |code| Err(OfpError::PortModFailed(code));
        let known = ConfigFlags::PORT_DOWN
            | ConfigFlags::NO_RECV
            | ConfigFlags::NO_FWD
            | ConfigFlags::NO_PACKET_IN;
        let Some(entry) = self.get_mut(Port(change.port_no.0)) else {
            return fail(PortModFailedCode::BadPort);
        };
        if entry.desc.hw_addr != change.hw_addr {
            return fail(PortModFailedCode::BadHwAddr);
        }
        if (change.config | change.mask).bits() & !known.bits() != 0 {
            return fail(PortModFailedCode::BadConfig);
        }
        // 16 features are defined; a port that supports none that it knows of takes any of them.
        let supported = match entry.desc.supported.bits() {
            0 => 0xffff,
            supported => supported,
        };
        if change.advertise.bits() & !supported != 0 {
            return fail(PortModFailedCode::BadAdvertise);
        }
        let Ok(before) = entry.desc.try_clone() else {
            return fail(PortModFailedCode::Eperm);
        };
        let bits = (entry.config.bits() & !change.mask.bits())
            | (change.config.bits() & change.mask.bits());
        entry.config = ConfigFlags::from_bits_retain(bits);
        if !change.advertise.is_empty() {
            entry.asked = change.advertise;
        }
        entry.refresh();
        // Its name is not for a controller to change.
        let is_changed = entry.desc != before;
        let desc = PortDesc { name: before.name, ..entry.desc };
        self.refresh_gate(Port(change.port_no.0));
        self.note_down(Port(change.port_no.0));
        Ok(is_changed.then_some(PortStatus { reason: PortReason::Modify, desc }))
    }

    /// What controllers configured of a port.
    pub(crate) fn configured(&self, port: Port) -> Option<Configured> {
        self.get(port).map(|entry| Configured { config: entry.config, asked: entry.asked })
    }

    /// Gives a port what controllers had configured of it.
    pub(crate) fn restore(&mut self, port: Port, configured: Configured) {
        if let Some(entry) = self.get_mut(port) {
            let Configured { config, asked } = configured;
            (entry.config, entry.asked) = (config, asked);
            entry.refresh();
        }
        self.refresh_gate(port);
        self.note_down(port);
    }

    pub(crate) fn set_errors(&mut self, port: Port, errors: PortErrors) {
        if let Some(entry) = self.get_mut(port) {
            entry.errors = errors;
        }
    }

    pub(crate) fn desc(&self, port: Port) -> Option<PortDesc> {
        self.get(port).and_then(|entry| entry.desc.try_clone().ok())
    }

    pub(crate) fn descs(&self) -> Result<Vec<PortDesc>, NoMemory> {
        let mut descs = Vec::new();
        for (_, entry) in self.sorted()? {
            try_push(&mut descs, entry.desc.try_clone()?)?;
        }
        Ok(descs)
    }

    /// Counts frames that the host took for a queue and dropped later.
    pub(crate) fn queue_dropped(&mut self, port: Port, mark: Option<u32>, frames: u64) {
        if let Some(entry) = self.get_mut(port) {
            entry.late_drops = entry.late_drops.wrapping_add(frames);
            entry.queues.dropped(mark, frames);
        }
    }

    /// The ports whose queues are asked for, by number.
    fn queued(&self, port_no: PortNo) -> Result<Vec<&PortEntry>, OfpError> {
        match port_no {
            PortNo::ANY => Ok(try_collect(self.sorted()?.into_iter().map(|(_, entry)| entry))?),
            one => Ok(try_one(self.get(Port(one.0)).ok_or(BAD_QUEUE_PORT)?)?),
        }
    }

    /// The queues of one port, or of all with [`PortNo::ANY`].
    pub(crate) fn queues(&self, port_no: PortNo) -> Result<Vec<PacketQueue>, OfpError> {
        let mut queues = Vec::new();
        for entry in self.queued(port_no)? {
            for queue in entry.queues.describe(entry.desc.port_no) {
                try_push(&mut queues, queue?)?;
            }
        }
        Ok(queues)
    }

    /// Statistics of one queue or all of one port or all.
    pub(crate) fn queue_stats(
        &self,
        request: QueueStatsRequest,
        now: Nanos,
        counters: &Counters,
    ) -> Result<Vec<QueueStats>, OfpError> {
        let QueueStatsRequest { port_no, queue_id } = request;
        let ports = self.queued(port_no)?.into_iter();
        let stats =
            try_collect(ports.flat_map(|entry| {
                entry.queues.stats(entry.desc.port_no, queue_id, now, counters)
            }))?;
        if stats.is_empty() && queue_id != QUEUE_ALL {
            return Err(OfpError::QueueOpFailed(QueueOpFailedCode::BadQueue));
        }
        Ok(stats)
    }

    /// Statistics of one port, or of all with [`PortNo::ANY`].
    pub(crate) fn stats(
        &self,
        port_no: PortNo,
        now: Nanos,
        counters: &Counters,
    ) -> Result<Vec<PortStats>, NoMemory> {
        let ports = self.sorted()?.into_iter();
        let wanted =
            ports.filter(|(_, entry)| port_no == PortNo::ANY || entry.number == Port(port_no.0));
        try_collect(wanted.map(|(slot, entry)| stats(slot, entry, now, counters)))
    }

    /// Statistics of one port.
    pub(crate) fn counters(
        &self,
        port: Port,
        now: Nanos,
        counters: &Counters,
    ) -> Option<PortStats> {
        let slot = self.slot(port)?;
        self.ports.get(slot).map(|entry| stats(slot, entry, now, counters))
    }

    fn reserve_index(&mut self, port: Port) -> Result<(), NoMemory> {
        let number = port.0 as usize;
        if number >= DENSE {
            return self.others.try_reserve(1).map_err(|_| NoMemory);
        }
        let more = (number + 1).saturating_sub(self.dense.len());
        self.dense.try_reserve(more).map_err(|_| NoMemory)?;
        self.dense.resize(self.dense.len() + more, Gate::ABSENT);
        Ok(())
    }

    /// Enters a port into the index, for which room has been reserved, or again after a change.
    fn set_gate(&mut self, port: Port, slot: u32) {
        let Some(entry) = self.ports.get(slot) else { return };
        let gate = entry.gate(slot);
        let is_blocked = entry.state.contains(PortState::BLOCKED);
        let place = self.floods.binary_search_by_key(&slot, |flooded| flooded.gate.slot);
        match (place, gate.is_closed_out()) {
            (Ok(place), true) => drop(self.floods.remove(place)),
            (Ok(place), false) => {
                if let Some(flooded) = self.floods.get_mut(place) {
                    *flooded = Flooded { port, gate, is_blocked };
                }
            }
            (Err(place), false) => self.floods.insert(place, Flooded { port, gate, is_blocked }),
            (Err(_), true) => {}
        }
        match self.dense.get_mut(port.0 as usize) {
            Some(place) => *place = gate,
            // To put in what is there already would need room, too.
            None => match self.others.get_mut(&port.0) {
                Some(place) => *place = gate,
                None => {
                    self.others.insert(port.0, gate);
                }
            },
        }
    }

    /// Keeps the index true to what has changed of a port.
    fn refresh_gate(&mut self, port: Port) {
        if let Some(slot) = self.slot(port) {
            self.set_gate(port, slot);
        }
    }
}

/// Takes over the host's description.
fn describe(entry: &mut PortEntry, port: PortConfig) {
    let desc = &mut entry.desc;
    desc.hw_addr = port.hw_addr;
    desc.name = port.name;
    desc.curr = port.curr;
    desc.supported = port.supported;
    desc.peer = port.peer;
    desc.curr_speed = port.curr_speed;
    desc.max_speed = port.max_speed;
    entry.offered = port.advertised;
    entry.refresh();
}

fn stats(slot: u32, entry: &PortEntry, now: Nanos, counters: &Counters) -> PortStats {
    let sum = |read: fn(&crate::counters::PortCell) -> u64| {
        counters.sum(|worker| worker.ports.get(slot).map_or(0, read))
    };
    let errors = &entry.errors;
    let (duration_sec, duration_nsec) = crate::flow_entry::duration(entry.added, now);
    PortStats {
        port_no: PortNo(entry.number.0),
        rx_packets: sum(|cell| cell.rx.packets.get()),
        tx_packets: sum(|cell| cell.tx.packets.get()),
        rx_bytes: sum(|cell| cell.rx.bytes.get()),
        tx_bytes: sum(|cell| cell.tx.bytes.get()),
        rx_dropped: sum(|cell| cell.rx_dropped.get()).wrapping_add(errors.rx_dropped),
        tx_dropped: sum(|cell| cell.tx_dropped.get()).wrapping_add(entry.late_drops),
        rx_errors: errors.rx_errors,
        tx_errors: errors.tx_errors,
        rx_frame_err: errors.rx_frame_err,
        rx_over_err: errors.rx_over_err,
        rx_crc_err: errors.rx_crc_err,
        collisions: errors.collisions,
        duration_sec,
        duration_nsec,
    }
}
