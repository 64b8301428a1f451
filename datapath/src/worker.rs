//! What one core needs to forward, and the whole fast path on one screen.

use alloc::alloc::{Layout, handle_alloc_error};
use alloc::vec::Vec;

use bitflags::bitflags;
use hypercall::{Frame, Hypercall, Meta, Nanos, Port};
use ofp_codec::memory::try_collect;
use ofp_codec::{
    BadRequestCode, NO_BUFFER, NO_COOKIE, OfpError, PacketInReason, PacketOut, PortNo,
};

use crate::actions::compile_packet_out;
use crate::batch::{Arrived, BATCH, Batch};
use crate::config::SwitchConfig;
use crate::counters::{DropReason, Load, NoMemory, PortCell, WorkerCells};
use crate::execute::{Carrier, Departures, Flow, Origin, Room, Run};
use crate::flow_cache::{FlowCache, FlowCacheCounts};
use crate::fragments::Fragments;
use crate::key::Depth;
use crate::observer::{Observer, Unobserved};
use crate::packet::Packet;
use crate::ports::{Gate, GateFlags};
use crate::program::{Act, ActionSet};
use crate::punt::{Punt, PuntQueue};
use crate::tables::Tables;

bitflags! {
    /// What a call leaves for the host to do.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Events: u32 {
        /// A packet for the controllers waits: see [`Worker::next_punt`].
        const PUNTED = 1 << 0;
    }
}

/// What one core needs to forward.
pub struct Worker {
    index: usize,
    /// One for each packet of a batch.
    sets: Vec<ActionSet>,
    punts: PuntQueue,
    pub(crate) fragments: Fragments,
    cache: FlowCache,
}

impl Worker {
    /// The first worker of `tables`. For more of them see [`Tables::add_worker`]: no two may be the
    /// first, or they would take each other's counts for their own.
    ///
    /// Aborts when memory is short; [`try_new`](Self::try_new) does not.
    pub fn new(tables: &Tables) -> Worker {
        Worker::try_new(tables)
            .unwrap_or_else(|NoMemory| handle_alloc_error(Layout::new::<Worker>()))
    }

    /// [`new`](Self::new), which fails when memory is short.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub fn try_new(tables: &Tables) -> Result<Worker, NoMemory> {
        Worker::with_index(tables.config(), 0)
    }

    /// The worker that counts in the set of cells with this number.
    pub(crate) fn with_index(config: &SwitchConfig, index: usize) -> Result<Worker, NoMemory> {
        Ok(Worker {
            index,
            sets: try_collect((0..BATCH).map(|_| ActionSet::default()))?,
            punts: PuntQueue::new(config.punt_queue_count, config.punt_queue_bytes),
            fragments: Fragments::new(config.seed)?,
            cache: FlowCache::new(config.seed),
        })
    }

    /// Which worker of its tables it is, from 0 on.
    pub fn index(&self) -> usize {
        self.index
    }

    /// How many lookups of tables whose answers are dear its memory of answers has spared.
    pub fn flow_cache(&self) -> FlowCacheCounts {
        self.cache.counts()
    }

    /// Forwards a batch: the fast path.
    ///
    /// Takes every frame out of `batch`. Allocates nothing for a frame that is forwarded or dropped;
    /// a frame that goes to the controllers is copied into memory of its own. `now` is one reading
    /// of the clock for all of them.
    pub fn process<H: Hypercall + ?Sized>(
        &mut self,
        tables: &Tables,
        host: &mut H,
        now: Nanos,
        batch: &mut Batch<H::Frame>,
    ) -> Events {
        let Some(cells) = tables.counters.worker(self.index) else { return Events::empty() };
        let Batch { flight, copies, arrived } = batch;
        // 1. Receive: is the port there and open? Count.
        let are_in = receive(tables, cells, &arrived.take(), flight);
        let mut run = Run {
            tables,
            cells,
            host,
            observer: &mut Unobserved,
            punts: &mut self.punts,
            macs: &tables.stations,
            fragments: &mut self.fragments,
            cache: &mut self.cache,
            now,
            events: Events::empty(),
            outcomes: 0,
            outputs: 0,
            departures: Departures::default(),
            room: Room::Lent(copies),
            sets: &mut [],
        };
        // 2. Walk the tables, all packets together: extract what a table looks at, look up, count,
        //    run the entries' programs. Actions rewrite in place; copies leave at once.
        match tables.is_standalone {
            false => run.walk(&mut self.sets, flight, are_in),
            true => flight.iter_mut().filter(|carrier| carrier.is_in).for_each(|carrier| {
                run.begin();
                run.normal(carrier);
            }),
        }
        // 3. Send: each packet's last output takes the frame itself.
        for carrier in flight.drain(..) {
            run.finish(carrier);
        }
        // 4. End of the batch.
        run.departures.count();
        let events = run.events;
        host.flush();
        events
    }

    /// Does a packet-out (§7.3.7).
    ///
    /// # Errors
    ///
    /// BAD_REQUEST/BUFFER_UNKNOWN since no packet is ever buffered, BAD_PORT for an in_port that no
    /// packet can have come from, BAD_PACKET for a frame shorter than an Ethernet header, and
    /// BAD_ACTION; nothing has been sent then.
    ///
    /// ```
    /// use hypercall::{Nanos, Port, fake::Recorder};
    /// use ofp_codec::{Action, NO_BUFFER, PacketOut, PortNo};
    /// use rumpswitch_datapath::{PortConfig, Switch, SwitchConfig};
    ///
    /// let mut switch = Switch::new(SwitchConfig::default());
    /// switch.tables.port_add(Nanos(0), PortConfig::new(Port(1), "left"))?;
    /// let mut host = Recorder::default();
    /// let message = PacketOut {
    ///     buffer_id: NO_BUFFER,
    ///     in_port: PortNo::CONTROLLER,
    ///     actions: vec![Action::output(PortNo::FLOOD)],
    ///     data: vec![0xff; 60],
    /// };
    /// switch.worker.packet_out(&switch.tables, &mut host, Nanos(0), &message)?;
    /// assert_eq!(host.take()[0].port, Port(1));
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn packet_out<H: Hypercall + ?Sized>(
        &mut self,
        tables: &Tables,
        host: &mut H,
        now: Nanos,
        given: &PacketOut,
    ) -> Result<Events, OfpError> {
        let acts = Worker::compiled(tables, given)?;
        let in_port = given.in_port;
        let Some(cells) = tables.counters.worker(self.index) else { return Ok(Events::empty()) };
        let mut run = Run {
            tables,
            cells,
            host,
            observer: &mut Unobserved,
            punts: &mut self.punts,
            macs: &tables.stations,
            fragments: &mut self.fragments,
            cache: &mut self.cache,
            now,
            events: Events::empty(),
            outcomes: 0,
            outputs: 0,
            departures: Departures::default(),
            room: Room::default(),
            sets: self.sets.get_mut(..1).unwrap_or_default(),
        };
        match frame_of(run.host, &given.data) {
            Some(frame) => {
                let packet = Packet::new(frame, Port(in_port.0), Meta::default());
                run.begin();
                run.packet_out(packet, &acts);
            }
            None => cells.dropped(DropReason::NoMemory, 1),
        }
        run.departures.count();
        let events = run.events;
        host.flush();
        Ok(events)
    }

    /// Whether [`packet_out`](Self::packet_out) would be done now.
    ///
    /// # Errors
    ///
    /// Those of [`packet_out`](Self::packet_out).
    pub fn check_packet_out(&self, tables: &Tables, given: &PacketOut) -> Result<(), OfpError> {
        Worker::compiled(tables, given).map(|_| ())
    }

    /// What a packet-out does, when it may be done.
    fn compiled(tables: &Tables, given: &PacketOut) -> Result<Vec<Act>, OfpError> {
        let fail = |code| Err(OfpError::BadRequest(code));
        let in_port = given.in_port;
        let is_source = in_port.is_ordinary()
            || matches!(in_port, PortNo::CONTROLLER | PortNo::LOCAL | PortNo::ANY);
        if !is_source {
            return fail(BadRequestCode::BadPort);
        }
        tables.personality().check_source(in_port)?;
        let acts = compile_packet_out(tables, &given.actions)?;
        if given.buffer_id != NO_BUFFER {
            return fail(BadRequestCode::BufferUnknown);
        }
        if given.data.len() < ETHERNET_LEN {
            return fail(BadRequestCode::BadPacket);
        }
        Ok(acts)
    }

    /// Counts the packet of a packet-out that memory was too short for.
    pub fn lost_packet_out(&self, tables: &Tables) {
        if let Some(cells) = tables.counters.worker(self.index) {
            cells.dropped(DropReason::NoMemory, 1);
        }
    }

    /// The next packet for the controllers; ingress ports take turns.
    pub fn next_punt(&mut self) -> Option<Punt> {
        self.punts.pop()
    }

    /// Packets that wait for the controllers.
    pub fn punt_count(&self) -> usize {
        self.punts.count()
    }
}

impl<H: Hypercall + ?Sized, O: Observer> Run<'_, H, O> {
    /// Starts with a new packet.
    pub(crate) fn begin(&mut self) {
        self.outcomes = 0;
        self.outputs = 0;
    }

    /// Runs a packet-out's list of actions.
    fn packet_out(&mut self, packet: Packet<H::Frame>, acts: &[crate::program::Act]) {
        let origin = Origin {
            table_id: 0,
            cookie: NO_COOKIE,
            reason: PacketInReason::Action,
            is_packet_out: true,
        };
        let mut carrier = Carrier::new(packet);
        let mut left = acts.len();
        for act in acts {
            left = left.saturating_sub(1);
            if self.act(&mut carrier, act, origin, 0, left == 0) == Flow::Stop {
                break;
            }
        }
        if self.outcomes == 0 {
            self.dropped(DropReason::NoOutput, &carrier.packet);
        }
        self.finish_one(carrier);
    }
}

const ETHERNET_LEN: usize = 14;

/// A frame of the host's that holds `data`.
fn frame_of<H: Hypercall + ?Sized>(host: &mut H, data: &[u8]) -> Option<H::Frame> {
    let mut frame = host.allocate(data.len())?;
    frame.headers_mut().get_mut(..data.len())?.copy_from_slice(data);
    Some(frame)
}

/// Sees to it that frames enter by ports that are there and open, and counts them; whether all are in.
#[inline]
fn receive<F: Frame>(
    tables: &Tables,
    cells: &WorkerCells,
    arrived: &Arrived,
    flight: &mut [Carrier<F>],
) -> bool {
    // Each was made as one that is in.
    if let Some(port) = arrived.port() {
        let arrivals = Arrivals { load: arrived.load, ..Arrivals::at(tables, cells, port) };
        if arrived.len_min >= arrivals.least {
            arrivals.count();
            return true;
        }
    } else if let Some(both) = receive_two(tables, cells, arrived, flight) {
        both.iter().for_each(Arrivals::count);
        return true;
    }
    receive_each(tables, cells, flight)
}

/// The same for frames that came in by two ports, in any order, as those do that a bridge hears: what came
/// in by each, if none of them has to be looked at.
#[inline(never)]
fn receive_two<'a, F>(
    tables: &Tables,
    cells: &'a WorkerCells,
    arrived: &Arrived,
    flight: &[Carrier<F>],
) -> Option<[Arrivals<'a>; 2]> {
    let first = flight.first()?.packet.in_port;
    let (mut load, mut some, mut all) = (Load::default(), 0, u32::MAX);
    for carrier in flight {
        let port = carrier.packet.in_port.0;
        // Without a branch on whose turn it is.
        let its = 0_u32.wrapping_sub(u32::from(port == first.0));
        let wide = 0_u64.wrapping_sub(u64::from(port == first.0));
        load.packets = load.packets.wrapping_add(carrier.load.packets & wide);
        load.bytes = load.bytes.wrapping_add(carrier.load.bytes & wide);
        some |= port & !its;
        all &= port | its;
    }
    if some != all {
        return None;
    }
    let packets = arrived.load.packets.wrapping_sub(load.packets);
    let rest = Load { packets, bytes: arrived.load.bytes.wrapping_sub(load.bytes) };
    let arrivals = |port, load| Arrivals { load, ..Arrivals::at(tables, cells, port) };
    let both = [arrivals(first, load), arrivals(Port(all), rest)];
    both.iter().all(|arrivals| arrived.len_min >= arrivals.least).then_some(both)
}

/// The same for frames that have little in common.
#[inline(never)]
fn receive_each<F: Frame>(tables: &Tables, cells: &WorkerCells, flight: &mut [Carrier<F>]) -> bool {
    let mut arrivals = Arrivals::at(tables, cells, Port::NONE);
    let mut are_in = true;
    for carrier in flight.iter_mut() {
        if carrier.packet.in_port != arrivals.port {
            arrivals.count();
            arrivals = Arrivals::at(tables, cells, carrier.packet.in_port);
        }
        arrivals.load.add(carrier.load);
        if carrier.packet.frame.len() < arrivals.least {
            carrier.is_in = arrivals.examine(tables, cells, carrier);
            are_in &= carrier.is_in;
        }
    }
    arrivals.count();
    are_in
}

/// Frames that came in one after the other by one port: counted when another port's turn comes.
struct Arrivals<'a> {
    port: Port,
    gate: Option<Gate>,
    /// Bytes of the shortest frame that enters without another question.
    least: usize,
    cell: Option<&'a PortCell>,
    load: Load,
}

impl<'a> Arrivals<'a> {
    fn at(tables: &Tables, cells: &'a WorkerCells, port: Port) -> Arrivals<'a> {
        let gate = tables.ports.gate(port);
        let cell = gate.and_then(|gate| cells.ports.get(gate.slot));
        let is_open = gate.is_some_and(|gate| !gate.flags.intersects(GateFlags::CLOSED_IN));
        let is_open = is_open && !tables.drops_fragments;
        let least = if is_open { ETHERNET_LEN } else { usize::MAX };
        Arrivals { port, gate, least, cell, load: Load::default() }
    }

    /// Counts what has come in.
    fn count(&self) {
        if let Some(cell) = self.cell {
            cell.rx.add(self.load);
        }
    }

    /// Whether a frame enters; counts one that does not.
    #[inline(never)]
    fn examine<F: Frame>(
        &self,
        tables: &Tables,
        cells: &WorkerCells,
        carrier: &mut Carrier<F>,
    ) -> bool {
        match admit(self.gate, &carrier.packet.frame) {
            Ok(()) if !tables.drops_fragments => true,
            Ok(()) if !is_fragment(&mut carrier.packet) => true,
            Ok(()) => self.drop(cells, DropReason::Fragment, carrier.load),
            Err(reason) => self.drop(cells, reason, carrier.load),
        }
    }

    /// Counts a frame that does not enter the switch: `false`.
    fn drop(&self, cells: &WorkerCells, reason: DropReason, load: Load) -> bool {
        cells.dropped(reason, load.packets);
        if let Some(cell) = self.cell {
            cell.rx_dropped.add(load.packets);
        }
        false
    }
}

/// Whether a received frame passes the gate of its port, or why it does not.
#[inline]
pub(crate) fn admit<F: Frame>(gate: Option<Gate>, frame: &F) -> Result<(), DropReason> {
    match gate {
        Some(gate)
            if !gate.flags.intersects(GateFlags::CLOSED_IN) && frame.len() >= ETHERNET_LEN =>
        {
            Ok(())
        }
        _ => Err(refusal(gate)),
    }
}

#[cold]
fn refusal(gate: Option<Gate>) -> DropReason {
    match gate.map(|gate| gate.flags) {
        None => DropReason::IngressUnknown,
        Some(flags) if flags.contains(GateFlags::PORT_DOWN) => DropReason::IngressDown,
        Some(flags) if flags.contains(GateFlags::NO_RECV) => DropReason::IngressNoRecv,
        Some(_) => DropReason::Runt,
    }
}

/// Whether a packet is a fragment of an IP packet.
pub(crate) fn is_fragment<F: Frame>(packet: &mut Packet<F>) -> bool {
    packet.ensure(Depth::Whole);
    packet.headers.is_fragment
}
