//! What is counted: per flow entry, port, table, group, bucket, meter and band, and one counter for
//! each way in which a packet can end unsent.
//!
//! Every worker has its own set of cells, so that a counter has a single writer: forwarding adds by
//! a relaxed load and a relaxed store and needs no exclusive access to the tables. Readers sum over
//! the workers. Cells live in pages of 256, indexed by the slot of what they count; pages are added
//! when a slot is handed out, never while forwarding.

use alloc::boxed::Box;
use alloc::vec::Vec;

use hypercall::Nanos;

use crate::lead::Lead;
use crate::shared::Share;
use crate::sync::{AtomicU64, Ordering::Relaxed};

pub(crate) use ofp_codec::memory::NoMemory;

/// Why a packet, or a copy of it, ended unsent. Not an error: an outcome that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// It came from a port that the switch does not have.
    IngressUnknown,
    /// It came from a port that is administratively down (`OFPPC_PORT_DOWN`).
    IngressDown,
    /// It came from a port that receives nothing (`OFPPC_NO_RECV`).
    IngressNoRecv,
    /// It was shorter than an Ethernet header.
    Runt,
    /// It was a fragment and the switch drops fragments (`OFPC_FRAG_DROP`).
    Fragment,
    /// A table held no entry for it, not even a table-miss flow entry.
    TableMiss,
    /// Its entries sent it nowhere: no output and no group.
    NoOutput,
    /// A meter's drop band took it.
    Meter,
    /// Its time to live would have become 0.
    InvalidTtl,
    /// The host had no room for a header to be pushed.
    NoRoom,
    /// The host had no memory for a copy.
    NoMemory,
    /// It was sent to a port that the switch does not have now.
    EgressUnknown,
    /// It was sent to a port that is down or without a link.
    EgressDown,
    /// It was sent to a port that forwards nothing (`OFPPC_NO_FWD`).
    EgressNoFwd,
    /// It was sent to the port that it came from without saying `OFPP_IN_PORT`.
    EgressIsIngress,
    /// It was longer than the egress port takes.
    TooLong,
    /// The host took no frame for the egress port.
    HostRefused,
    /// A group had no bucket to send it through.
    GroupEmpty,
    /// A group had no live bucket.
    GroupNotLive,
    /// Groups were chained deeper than the switch follows.
    GroupDepth,
    /// It had been copied as often as the switch copies one packet.
    CopyLimit,
    /// NORMAL found its destination where it came from, or nowhere to flood to.
    NormalFiltered,
    /// NORMAL keeps frames to the reserved link-local group addresses to the link.
    NormalReserved,
    /// The queue of packet-ins was full.
    PuntQueueFull,
    /// A virtual meter kept it from the controllers.
    PuntMetered,
    /// Its ingress port keeps table misses from the controllers (`OFPPC_NO_PACKET_IN`).
    PuntNoPacketIn,
}

impl DropReason {
    /// Every reason, in the order of the packet's way.
    pub const ALL: [DropReason; 26] = [
        DropReason::IngressUnknown,
        DropReason::IngressDown,
        DropReason::IngressNoRecv,
        DropReason::Runt,
        DropReason::Fragment,
        DropReason::TableMiss,
        DropReason::NoOutput,
        DropReason::Meter,
        DropReason::InvalidTtl,
        DropReason::NoRoom,
        DropReason::NoMemory,
        DropReason::EgressUnknown,
        DropReason::EgressDown,
        DropReason::EgressNoFwd,
        DropReason::EgressIsIngress,
        DropReason::TooLong,
        DropReason::HostRefused,
        DropReason::GroupEmpty,
        DropReason::GroupNotLive,
        DropReason::GroupDepth,
        DropReason::CopyLimit,
        DropReason::NormalFiltered,
        DropReason::NormalReserved,
        DropReason::PuntQueueFull,
        DropReason::PuntMetered,
        DropReason::PuntNoPacketIn,
    ];

    /// The name that tools show.
    pub const fn name(self) -> &'static str {
        match self {
            DropReason::IngressUnknown => "ingress_unknown",
            DropReason::IngressDown => "ingress_down",
            DropReason::IngressNoRecv => "ingress_no_recv",
            DropReason::Runt => "runt",
            DropReason::Fragment => "fragment",
            DropReason::TableMiss => "table_miss",
            DropReason::NoOutput => "no_output",
            DropReason::Meter => "meter",
            DropReason::InvalidTtl => "invalid_ttl",
            DropReason::NoRoom => "no_room",
            DropReason::NoMemory => "no_memory",
            DropReason::EgressUnknown => "egress_unknown",
            DropReason::EgressDown => "egress_down",
            DropReason::EgressNoFwd => "egress_no_fwd",
            DropReason::EgressIsIngress => "egress_is_ingress",
            DropReason::TooLong => "too_long",
            DropReason::HostRefused => "host_refused",
            DropReason::GroupEmpty => "group_empty",
            DropReason::GroupNotLive => "group_not_live",
            DropReason::GroupDepth => "group_depth",
            DropReason::CopyLimit => "copy_limit",
            DropReason::NormalFiltered => "normal_filtered",
            DropReason::NormalReserved => "normal_reserved",
            DropReason::PuntQueueFull => "punt_queue_full",
            DropReason::PuntMetered => "punt_metered",
            DropReason::PuntNoPacketIn => "punt_no_packet_in",
        }
    }
}

/// One counter with one writer.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Adds `n`; wraps without notice (§5.8).
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    pub(crate) fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What one frame adds to packet and byte counters: a frame with segmentation left to do counts as
/// the segments that it stands for on the wire, headers repeated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) packets: u64,
    pub(crate) bytes: u64,
}

impl Load {
    /// Adds another's.
    #[inline]
    pub(crate) fn add(&mut self, other: Load) {
        self.packets = self.packets.wrapping_add(other.packets);
        self.bytes = self.bytes.wrapping_add(other.bytes);
    }

    #[inline]
    pub(crate) fn of(frame_len: usize, meta: &hypercall::Meta) -> Load {
        match meta.offload.gso {
            None => Load { packets: 1, bytes: frame_len as u64 },
            Some(gso) => Load::of_segments(frame_len, meta, u64::from(gso.header_len)),
        }
    }

    #[cold]
    #[inline(never)]
    fn of_segments(frame_len: usize, meta: &hypercall::Meta, header_len: u64) -> Load {
        let packets = u64::from(meta.offload.segment_count(frame_len));
        let repeated = packets.saturating_sub(1).saturating_mul(header_len);
        Load { packets, bytes: (frame_len as u64).saturating_add(repeated) }
    }
}

/// Packets and bytes of a group, bucket, meter or band.
#[derive(Debug, Default)]
pub(crate) struct Cell {
    pub(crate) packets: Count,
    pub(crate) bytes: Count,
}

/// Packets, bytes and the last use of a flow entry, and what it does, as long as it is there: all that most
/// packets need of it, in one line of memory.
#[derive(Debug, Default)]
#[repr(align(32))] // two to a line, none across two
pub(crate) struct EntryCell {
    pub(crate) packets: Count,
    pub(crate) bytes: Count,
    pub(crate) used: Count,
    /// The same for each worker; control writes it.
    pub(crate) lead: Lead,
}

/// What a port received and sent.
#[derive(Debug, Default)]
pub(crate) struct PortCell {
    pub(crate) rx: Cell,
    pub(crate) tx: Cell,
    pub(crate) rx_dropped: Count,
    pub(crate) tx_dropped: Count,
}

/// Lookups and matches of a table.
#[derive(Debug, Default)]
pub(crate) struct TableCell {
    pub(crate) lookups: Count,
    pub(crate) matches: Count,
}

impl Cell {
    pub(crate) fn add(&self, load: Load) {
        self.packets.add(load.packets);
        self.bytes.add(load.bytes);
    }

    fn reset(&self) {
        self.packets.set(0);
        self.bytes.set(0);
    }
}

impl EntryCell {
    pub(crate) fn add(&self, load: Load, now: Nanos) {
        self.packets.add(load.packets);
        self.bytes.add(load.bytes);
        self.used.set(now.0);
    }
}

const PAGE_BITS: u32 = 8;
const PAGE_LEN: usize = 1 << PAGE_BITS;

/// Cells by slot.
#[derive(Debug)]
pub(crate) struct Pages<C> {
    pages: Vec<Box<[C; PAGE_LEN]>>,
}

impl<C> Default for Pages<C> {
    fn default() -> Self {
        Pages { pages: Vec::new() }
    }
}

impl<C: Default> Pages<C> {
    #[inline]
    pub(crate) fn get(&self, slot: u32) -> Option<&C> {
        self.pages.get((slot >> PAGE_BITS) as usize)?.get(slot as usize & (PAGE_LEN - 1))
    }

    fn get_mut(&mut self, slot: u32) -> Option<&mut C> {
        self.pages.get_mut((slot >> PAGE_BITS) as usize)?.get_mut(slot as usize & (PAGE_LEN - 1))
    }

    fn iter(&self) -> impl Iterator<Item = &C> {
        self.pages.iter().flat_map(|page| page.iter())
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut C> {
        self.pages.iter_mut().flat_map(|page| page.iter_mut())
    }

    /// As many cells as `other` has.
    fn ensure_like(&mut self, other: &Pages<impl Sized>) -> Result<(), NoMemory> {
        match (other.pages.len() as u32).checked_sub(1) {
            Some(last) => self.ensure(last << PAGE_BITS),
            None => Ok(()),
        }
    }

    fn ensure(&mut self, slot: u32) -> Result<(), NoMemory> {
        while self.pages.len() <= (slot >> PAGE_BITS) as usize {
            self.pages.try_reserve(1).map_err(|_| NoMemory)?;
            let mut page = Vec::new();
            page.try_reserve_exact(PAGE_LEN).map_err(|_| NoMemory)?;
            page.resize_with(PAGE_LEN, C::default);
            self.pages.push(page.try_into().map_err(|_| NoMemory)?);
        }
        Ok(())
    }
}

/// The cells of one worker, on lines of their own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct WorkerCells {
    pub(crate) entries: Pages<EntryCell>,
    pub(crate) cells: Pages<Cell>,
    pub(crate) ports: Pages<PortCell>,
    pub(crate) tables: Pages<TableCell>,
    /// What it knows of meters and bands, by their cells; empty while there is no other worker.
    pub(crate) shares: Pages<Share>,
    drops: DropCells,
}

#[derive(Debug)]
struct DropCells([Count; DropReason::ALL.len()]);

impl Default for DropCells {
    fn default() -> Self {
        DropCells(core::array::from_fn(|_| Count::default()))
    }
}

impl WorkerCells {
    pub(crate) fn dropped(&self, reason: DropReason, packets: u64) {
        if let Some(count) = self.drops.0.get(reason as usize) {
            count.add(packets);
        }
    }
}

/// The cells of all workers.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    workers: Vec<WorkerCells>,
    free_cells: Vec<u32>,
    cell_count: u32,
}

impl Counters {
    /// The cells of one worker, those of the tables among them.
    pub(crate) fn new(table_count: u8) -> Result<Counters, NoMemory> {
        let mut counters = Counters::default();
        counters.add_worker()?;
        if let Some(cells) = counters.workers.first_mut() {
            cells.tables.ensure(u32::from(table_count))?;
        }
        Ok(counters)
    }

    /// A set of cells for one more worker, and its number.
    pub(crate) fn add_worker(&mut self) -> Result<usize, NoMemory> {
        let index = self.workers.len();
        let mut new = WorkerCells::default();
        self.workers.try_reserve(1).map_err(|_| NoMemory)?;
        if let Some(first) = self.workers.first() {
            new.entries.ensure_like(&first.entries)?;
            let both = new.entries.iter_mut().zip(first.entries.iter());
            both.for_each(|(new, cell)| new.lead = cell.lead);
            new.cells.ensure_like(&first.cells)?;
            new.ports.ensure_like(&first.ports)?;
            new.tables.ensure_like(&first.tables)?;
            new.shares.ensure_like(&first.cells)?;
            self.workers.iter_mut().try_for_each(|w| w.shares.ensure_like(&w.cells))?;
        }
        self.workers.push(new);
        Ok(index)
    }

    pub(crate) fn worker_count(&self) -> usize {
        self.workers.len()
    }

    /// Makes every worker settle before it measures with the meter of this cell again.
    pub(crate) fn reset_share(&self, cell: u32) {
        self.workers.iter().filter_map(|w| w.shares.get(cell)).for_each(Share::reset);
    }

    pub(crate) fn worker(&self, index: usize) -> Option<&WorkerCells> {
        self.workers.get(index)
    }

    pub(crate) fn drops(&self, reason: DropReason) -> u64 {
        self.sum(|cells| cells.drops.0.get(reason as usize).map_or(0, Count::get))
    }

    /// Sums `read` over the workers.
    pub(crate) fn sum(&self, read: impl Fn(&WorkerCells) -> u64) -> u64 {
        self.workers.iter().map(read).fold(0, u64::wrapping_add)
    }

    /// Packets and bytes of a flow entry.
    pub(crate) fn entry(&self, slot: u32) -> Load {
        Load {
            packets: self.sum(|w| w.entries.get(slot).map_or(0, |cell| cell.packets.get())),
            bytes: self.sum(|w| w.entries.get(slot).map_or(0, |cell| cell.bytes.get())),
        }
    }

    /// When a flow entry was last used by any worker.
    pub(crate) fn entry_used(&self, slot: u32) -> Nanos {
        let used = |w: &WorkerCells| w.entries.get(slot).map_or(0, |cell| cell.used.get());
        Nanos(self.workers.iter().map(used).max().unwrap_or(0))
    }

    /// Packets and bytes of a group, bucket, meter or band.
    pub(crate) fn cell(&self, cell: u32) -> Load {
        Load {
            packets: self.sum(|w| w.cells.get(cell).map_or(0, |cell| cell.packets.get())),
            bytes: self.sum(|w| w.cells.get(cell).map_or(0, |cell| cell.bytes.get())),
        }
    }

    pub(crate) fn ensure_entry(&mut self, slot: u32) -> Result<(), NoMemory> {
        self.workers.iter_mut().try_for_each(|w| w.entries.ensure(slot))
    }

    pub(crate) fn ensure_port(&mut self, slot: u32) -> Result<(), NoMemory> {
        self.workers.iter_mut().try_for_each(|w| w.ports.ensure(slot))
    }

    /// What a flow entry does, as workers are told.
    pub(crate) fn lead(&self, slot: u32) -> Lead {
        let cell = self.workers.first().and_then(|w| w.entries.get(slot));
        cell.map_or(Lead::NONE, |cell| cell.lead)
    }

    /// Tells every worker what a flow entry does.
    pub(crate) fn set_lead(&mut self, slot: u32, lead: Lead) {
        for cell in self.workers.iter_mut().filter_map(|w| w.entries.get_mut(slot)) {
            cell.lead = lead;
        }
    }

    /// Sets a flow entry's packets and bytes to 0.
    pub(crate) fn reset_entry(&self, slot: u32) {
        for cell in self.workers.iter().filter_map(|w| w.entries.get(slot)) {
            cell.packets.set(0);
            cell.bytes.set(0);
        }
    }

    /// Sets a flow entry's packets and bytes to what they were.
    pub(crate) fn restore_entry(&self, slot: u32, load: Load) {
        self.reset_entry(slot);
        if let Some(cell) = self.workers.first().and_then(|w| w.entries.get(slot)) {
            cell.packets.set(load.packets);
            cell.bytes.set(load.bytes);
        }
    }

    /// Takes `now` as a flow entry's last use, by every worker.
    pub(crate) fn touch_entry(&self, slot: u32, now: Nanos) {
        for cell in self.workers.iter().filter_map(|w| w.entries.get(slot)) {
            cell.used.set(now.0);
        }
    }

    pub(crate) fn reset_port(&self, slot: u32) {
        for cell in self.workers.iter().filter_map(|w| w.ports.get(slot)) {
            cell.rx.reset();
            cell.tx.reset();
            cell.rx_dropped.set(0);
            cell.tx_dropped.set(0);
        }
    }

    /// A zeroed cell for a group, bucket, meter or band.
    pub(crate) fn take_cell(&mut self) -> Result<u32, NoMemory> {
        let cell = match self.free_cells.pop() {
            Some(cell) => cell,
            None => {
                let cell = self.cell_count;
                // Room to give it back is reserved with it.
                let room = (cell as usize + 1).saturating_sub(self.free_cells.len());
                self.free_cells.try_reserve(room).map_err(|_| NoMemory)?;
                self.workers.iter_mut().try_for_each(|w| w.cells.ensure(cell))?;
                if self.workers.len() > 1 {
                    self.workers.iter_mut().try_for_each(|w| w.shares.ensure(cell))?;
                }
                self.cell_count = cell.checked_add(1).ok_or(NoMemory)?;
                cell
            }
        };
        for cell in self.workers.iter().filter_map(|w| w.cells.get(cell)) {
            cell.reset();
        }
        self.reset_share(cell);
        Ok(cell)
    }

    /// Gives a cell back.
    pub(crate) fn free_cell(&mut self, cell: u32) {
        self.free_cells.push(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hypercall::{Gso, GsoKind, Meta, Offload};

    #[test]
    fn reasons_have_one_place_and_one_name_each() {
        for (at, reason) in DropReason::ALL.iter().enumerate() {
            assert_eq!(*reason as usize, at);
            let same = DropReason::ALL.iter().filter(|other| other.name() == reason.name());
            assert_eq!(same.count(), 1);
        }
    }

    #[test]
    fn segments_count_as_on_the_wire() {
        let gso = Some(Gso { kind: GsoKind::TcpV4, segment_len: 1000, header_len: 54 });
        let meta = Meta { offload: Offload { gso, ..Offload::NONE }, ..Meta::default() };
        assert_eq!(Load::of(2_554, &meta), Load { packets: 3, bytes: 2_554 + 2 * 54 });
        assert_eq!(Load::of(60, &Meta::default()), Load { packets: 1, bytes: 60 });
    }

    /// A worker that comes late has a cell for everything that is there, and what it counts is added.
    #[test]
    fn a_late_worker_counts_what_is_there() {
        let mut counters = Counters::new(3).unwrap();
        let cell = counters.take_cell().unwrap();
        counters.ensure_entry(300).unwrap();
        counters.ensure_port(256).unwrap();
        let lead = Lead::out(hypercall::Port(7));
        counters.set_lead(300, lead);
        assert_eq!(counters.add_worker(), Ok(1));
        assert_eq!(counters.add_worker(), Ok(2));
        let later = counters.take_cell().unwrap();
        let load = Load { packets: 1, bytes: 60 };
        for index in 0..3 {
            let worker = counters.worker(index).unwrap();
            assert_eq!(worker.entries.get(300).unwrap().lead, lead);
            assert_eq!(worker.entries.get(301).unwrap().lead, Lead::NONE);
            worker.entries.get(300).unwrap().add(load, Nanos(10 - index as u64));
            worker.entries.get(511).unwrap();
            worker.ports.get(256).unwrap().rx.add(load);
            worker.tables.get(2).unwrap().lookups.add(1);
            worker.dropped(DropReason::TableMiss, 1);
            for cell in [cell, later] {
                worker.cells.get(cell).unwrap().add(load);
                worker.shares.get(cell).unwrap();
            }
        }
        let sum = Load { packets: 3, bytes: 180 };
        assert_eq!(
            (counters.entry(300), counters.cell(cell), counters.cell(later)),
            (sum, sum, sum)
        );
        assert_eq!(counters.entry_used(300), Nanos(10), "the newest");
        assert_eq!(counters.drops(DropReason::TableMiss), 3);
        counters.reset_entry(300);
        assert_eq!(counters.entry(300), Load::default());
    }

    #[test]
    fn cells_come_back_zeroed() {
        let mut counters = Counters::new(1).unwrap();
        let a = counters.take_cell().unwrap();
        let b = counters.take_cell().unwrap();
        assert_ne!(a, b);
        counters.worker(0).unwrap().cells.get(a).unwrap().add(Load { packets: 2, bytes: 9 });
        assert_eq!(counters.cell(a), Load { packets: 2, bytes: 9 });
        assert_eq!(counters.cell(b), Load::default());
        counters.free_cell(a);
        assert_eq!(counters.take_cell(), Ok(a));
        assert_eq!(counters.cell(a), Load::default());
    }
}
