//! Meters (§5.7): what they measure packets with, and their place in the switch.
//!
//! Each band has an exact token bucket. Bands are asked from the highest rate to the lowest, and the
//! first whose bucket holds too few tokens acts: the highest rate below the measured one, as the
//! standard has it. A packet that a band acts on takes nothing from the buckets of lower bands, so
//! that each band's share of the traffic is its own: of 3,000 packets/s, bands at 1,000 and 2,000
//! leave 1,000 alone, the lower acts on 1,000 and the higher on 1,000.
//!
//! A bucket is as deep as the burst size says; without the BURST flag, [`FRAME_LEN`] bytes or one
//! packet, or 100 ms of the rate, whichever is more. What is measured is the Ethernet frame without
//! its check sequence, as all byte counters count it.
//!
//! Several workers settle their packets with each other batch by batch; `shared.rs` says how exact
//! that is.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::cmp::Reverse;

use hashbrown::HashMap;
use hypercall::{Frame, Nanos};
use ofp_codec::memory::{TryClone, try_collect, try_one, try_push};
use ofp_codec::multipart::{BandStats, MeterConfig, MeterStats};
use ofp_codec::{
    Band, MeterFlags, MeterId, MeterMod, MeterModFailedCode as Code, OfpError, OxmField,
};

use crate::counters::{Counters, Load, NoMemory, Pages, WorkerCells};
use crate::flow_entry::duration;
use crate::key::Depth;
use crate::packet::Packet;
use crate::personality::MeterShape;
use crate::shared::Share;
use crate::slab::Slab;
use crate::sync::{AtomicU64, Ordering::Relaxed};
use crate::token_bucket::TokenBucket;

/// Bytes of an Ethernet frame that a bucket holds whatever its rate.
const FRAME_LEN: u64 = 1_518;

/// What a meter says of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Pass,
    Drop,
    /// Raise the drop precedence by so many levels.
    Remark(u8),
}

/// One meter.
#[derive(Debug)]
pub(crate) struct Meter {
    id: MeterId,
    flags: MeterFlags,
    bands: Bands,
    filled: Filled,
    created: Nanos,
    cell: u32,
    /// Flow entries that use it.
    pub(crate) flow_count: u32,
}

/// When tokens were added to the buckets of a meter last. Written by one worker by relaxed load and
/// store, or by several as they claim the time.
#[derive(Debug)]
pub(crate) struct Filled(AtomicU64);

impl Filled {
    pub(crate) fn new(now: Nanos) -> Filled {
        Filled(AtomicU64::new(now.0))
    }

    /// The nanoseconds until `now`, by one worker.
    fn advance(&self, now: Nanos) -> u64 {
        let filled = Nanos(self.0.load(Relaxed));
        self.0.store(now.max(filled).0, Relaxed);
        now.since(filled)
    }

    /// The nanoseconds until `now` that no worker has claimed before: each is one's alone.
    pub(crate) fn claim(&self, now: Nanos) -> u64 {
        let mut filled = self.0.load(Relaxed);
        while filled < now.0 {
            match self.0.compare_exchange_weak(filled, now.0, Relaxed, Relaxed) {
                Ok(_) => return now.since(Nanos(filled)),
                Err(other) => filled = other,
            }
        }
        0
    }
}

/// The bands of one meter.
#[derive(Debug)]
struct Bands {
    /// As they were given.
    list: Box<[MeterBand]>,
    /// Places in `list`, from the highest rate to the lowest.
    by_rate: Box<[u8]>,
}

#[derive(Debug)]
struct MeterBand {
    given: Band,
    bucket: TokenBucket,
    cell: u32,
}

impl MeterBand {
    /// Acts on a packet.
    #[cold]
    fn act(&self, cells: &WorkerCells, load: Load) -> Verdict {
        if let Some(cell) = cells.cells.get(self.cell) {
            cell.add(load);
        }
        match self.given {
            Band::DscpRemark { prec_level, .. } => Verdict::Remark(prec_level),
            _ => Verdict::Drop,
        }
    }
}

/// A meter at the packets of one batch, one after the other: the clock is read once, and what came is
/// counted when it is dropped.
pub(crate) struct Gauge<'a> {
    meter: &'a Meter,
    cells: &'a WorkerCells,
    now: Nanos,
    /// Since the packet before; `None` where workers share the meter.
    elapsed: Option<u64>,
    load: Load,
}

impl Gauge<'_> {
    /// Whether every band holds what the next `count` packets take together, so that all of them pass; then
    /// they have. `first` is what the first of them counts as, `load` what they all do.
    ///
    /// Packets that are measured one by one afterwards find the buckets as they would have anyway.
    #[inline]
    pub(crate) fn pass_all(&mut self, count: usize, first: Load, load: Load) -> bool {
        let Some(elapsed) = &mut self.elapsed else {
            return self.pass_all_shared(count, first, load);
        };
        let bands = &self.meter.bands;
        bands.fill(core::mem::take(elapsed), self.meter.cost(first));
        let cost = self.meter.cost(load);
        if !bands.list.iter().all(|band| band.bucket.holds(cost)) {
            return false;
        }
        bands.list.iter().for_each(|band| _ = band.bucket.take(cost));
        self.load.add(load);
        true
    }

    /// The same, by one of several workers: of what it knows of the bands.
    #[inline(never)]
    fn pass_all_shared(&mut self, count: usize, first: Load, load: Load) -> bool {
        let Gauge { meter, cells: WorkerCells { shares, .. }, now, .. } = *self;
        let Some(share) = shares.get(meter.cell) else { return false };
        if share.is_due(now, count as u64) {
            meter.bands.settle(shares, meter.filled.claim(now), meter.cost(first));
        }
        let cost = meter.cost(load);
        let known = || meter.bands.list.iter().map(|band| shares.get(band.cell));
        let Ok(cost) = i64::try_from(cost) else { return false };
        if !known().all(|share| share.is_some_and(|share| share.tokens() >= cost)) {
            return false;
        }
        known().flatten().for_each(|share| share.take(cost));
        self.load.add(load);
        true
    }

    /// What the meter says of the next packet.
    #[inline]
    pub(crate) fn measure(&mut self, load: Load) -> Verdict {
        let Some(elapsed) = &mut self.elapsed else {
            return self.meter.measure(self.cells, load, self.now);
        };
        let elapsed = core::mem::take(elapsed);
        self.load.add(load);
        match self.meter.bands.acting(elapsed, self.meter.cost(load)) {
            None => Verdict::Pass,
            Some(band) => band.act(self.cells, load),
        }
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        if let Some(cell) = self.cells.cells.get(self.meter.cell) {
            cell.add(self.load);
        }
    }
}

/// The bands and flags that a meter had, with what was in their buckets.
#[derive(Debug)]
pub(crate) struct Former {
    bands: Bands,
    flags: MeterFlags,
    filled: Filled,
}

impl Former {
    /// Gives the counters of its bands back.
    pub(crate) fn free(self, counters: &mut Counters) {
        self.bands.list.iter().for_each(|band| counters.free_cell(band.cell));
    }
}

/// All meters.
#[derive(Debug, Default)]
pub(crate) struct Meters {
    meters: Slab<Meter>,
    by_id: HashMap<u32, u32, foldhash::fast::FixedState>,
    /// Those that a bundle has removed and that may come back: there is room for their ids.
    away_count: usize,
    /// The virtual meters that packet-ins pass.
    slow_path: Option<u32>,
    controller: Option<u32>,
}

impl Bands {
    /// Adds to the buckets what `elapsed` ns bring until a packet of `cost`.
    #[inline]
    fn fill(&self, elapsed: u64, cost: u64) {
        if elapsed != 0 {
            self.list.iter().for_each(|band| band.bucket.fill(elapsed, cost));
        }
    }

    /// The band that acts on a packet of `cost`, the last one having been `elapsed` ns ago.
    #[inline]
    fn acting(&self, elapsed: u64, cost: u64) -> Option<&MeterBand> {
        self.fill(elapsed, cost);
        match &*self.list {
            [band] => (!band.bucket.take(cost)).then_some(band),
            _ => self.acting_of_several(cost),
        }
    }

    #[inline(never)]
    fn acting_of_several(&self, cost: u64) -> Option<&MeterBand> {
        let mut bands = self.by_rate.iter().filter_map(|at| self.list.get(usize::from(*at)));
        bands.find(|band| !band.bucket.take(cost))
    }

    /// One of several workers settles with the others before a packet of `cost`.
    fn settle(&self, shares: &Pages<Share>, elapsed: u64, cost: u64) {
        let bands = self.list.iter().filter_map(|band| Some((band, shares.get(band.cell)?)));
        bands.for_each(|(band, share)| band.bucket.settle(share, elapsed, cost));
    }

    /// The same, by one of several workers; `elapsed` is set if it has to settle before.
    fn acting_shared(
        &self,
        shares: &Pages<Share>,
        elapsed: Option<u64>,
        cost: u64,
    ) -> Option<&MeterBand> {
        let share = |band: &MeterBand| shares.get(band.cell);
        if let Some(elapsed) = elapsed {
            self.settle(shares, elapsed, cost);
        }
        let mut bands = self.by_rate.iter().filter_map(|at| self.list.get(usize::from(*at)));
        bands.find(|band| !share(band).is_some_and(|share| band.bucket.take_shared(share, cost)))
    }
}

impl Meter {
    /// Gives its counters back.
    pub(crate) fn free(self, counters: &mut Counters) {
        self.bands.list.iter().for_each(|band| counters.free_cell(band.cell));
        counters.free_cell(self.cell);
    }

    /// Takes over bands and flags; returns those that it had.
    fn exchange(&mut self, other: Former) -> Former {
        Former {
            bands: core::mem::replace(&mut self.bands, other.bands),
            flags: core::mem::replace(&mut self.flags, other.flags),
            filled: core::mem::replace(&mut self.filled, other.filled),
        }
    }

    /// What a packet takes, in the units of `TokenBucket`: millionths of bits, or billionths of packets.
    #[inline]
    fn cost(&self, load: Load) -> u64 {
        match self.flags.contains(MeterFlags::PKTPS) {
            true => load.packets.saturating_mul(1_000_000_000),
            false => bits(load.bytes),
        }
    }

    fn measure(&self, cells: &WorkerCells, load: Load, now: Nanos) -> Verdict {
        if let Some(cell) = cells.cells.get(self.cell) {
            cell.add(load);
        }
        let cost = self.cost(load);
        let band = match cells.shares.get(self.cell) {
            None => self.bands.acting(self.filled.advance(now), cost),
            Some(share) => {
                let elapsed = share.is_due(now, 1).then(|| self.filled.claim(now));
                self.bands.acting_shared(&cells.shares, elapsed, cost)
            }
        };
        band.map_or(Verdict::Pass, |band| band.act(cells, load))
    }

    fn stats(&self, now: Nanos, counters: &Counters) -> Result<MeterStats, NoMemory> {
        let load = counters.cell(self.cell);
        let (duration_sec, duration_nsec) = duration(self.created, now);
        let bands = self.bands.list.iter().map(|band| {
            let load = counters.cell(band.cell);
            BandStats { packet_band_count: load.packets, byte_band_count: load.bytes }
        });
        Ok(MeterStats {
            meter_id: self.id,
            flow_count: self.flow_count,
            packet_in_count: load.packets,
            byte_in_count: load.bytes,
            duration_sec,
            duration_nsec,
            bands: try_collect(bands)?,
        })
    }

    fn config(&self) -> Result<MeterConfig, NoMemory> {
        let mut bands = Vec::new();
        bands.try_reserve_exact(self.bands.list.len()).map_err(|_| NoMemory)?;
        for band in &self.bands.list {
            bands.push(band.given.try_clone()?);
        }
        Ok(MeterConfig { flags: self.flags, meter_id: self.id, bands })
    }
}

impl Meters {
    /// No meters yet. Controllers choose the ids that are hashed, so the hash is keyed.
    pub(crate) fn new(seed: u64) -> Meters {
        let by_id = HashMap::with_hasher(foldhash::fast::FixedState::with_seed(seed));
        Meters { by_id, ..Meters::default() }
    }

    /// The slot of a meter that flow entries may use.
    pub(crate) fn slot(&self, id: MeterId) -> Option<u32> {
        if id > MeterId::MAX {
            return None;
        }
        self.by_id.get(&id.0).copied()
    }

    pub(crate) fn id(&self, slot: u32) -> Option<MeterId> {
        self.meters.get(slot).map(|meter| meter.id)
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Meter> {
        self.meters.get_mut(slot)
    }

    pub(crate) fn flow_count(&self, slot: u32) -> u32 {
        self.meters.get(slot).map_or(0, |meter| meter.flow_count)
    }

    /// Flow entries that use a meter.
    pub(crate) fn use_count(&self) -> u32 {
        self.meters.iter().fold(0, |sum, (_, meter)| sum.saturating_add(meter.flow_count))
    }

    /// Sends a packet through the meter in `slot`.
    pub(crate) fn measure(
        &self,
        slot: u32,
        cells: &WorkerCells,
        load: Load,
        now: Nanos,
    ) -> Verdict {
        self.meters.get(slot).map_or(Verdict::Pass, |meter| meter.measure(cells, load, now))
    }

    /// The meter in `slot`, for the packets of a batch at `now`.
    pub(crate) fn gauge<'a>(
        &'a self,
        slot: u32,
        cells: &'a WorkerCells,
        now: Nanos,
    ) -> Option<Gauge<'a>> {
        let meter = self.meters.get(slot)?;
        let elapsed = match cells.shares.get(meter.cell) {
            None => Some(meter.filled.advance(now)),
            Some(_) => None,
        };
        Some(Gauge { meter, cells, now, elapsed, load: Load::default() })
    }

    /// What the virtual meters say of a packet-in: it comes from the slow path, which every packet
    /// for the controllers takes and nothing else, and goes to the controllers (§5.7.1).
    pub(crate) fn measure_punt(&self, cells: &WorkerCells, load: Load, now: Nanos) -> Verdict {
        let mut levels = 0_u8;
        for slot in [self.slow_path, self.controller].into_iter().flatten() {
            match self.measure(slot, cells, load, now) {
                Verdict::Pass => {}
                Verdict::Remark(more) => levels = levels.saturating_add(more),
                Verdict::Drop => return Verdict::Drop,
            }
        }
        if levels == 0 { Verdict::Pass } else { Verdict::Remark(levels) }
    }

    /// Adds a meter; returns its slot.
    pub(crate) fn add(
        &mut self,
        now: Nanos,
        given: &MeterMod,
        shape: &MeterShape,
        counters: &mut Counters,
    ) -> Result<u32, OfpError> {
        let fail = |code| Err(OfpError::MeterModFailed(code));
        check_id(given.meter_id)?;
        if self.by_id.contains_key(&given.meter_id.0) {
            return fail(Code::MeterExists);
        }
        check(given, shape)?;
        if self.meters.count() >= shape.max_meters {
            return fail(Code::OutOfMeters);
        }
        let no_memory = |_: NoMemory| OfpError::MeterModFailed(Code::OutOfMeters);
        self.meters.reserve().map_err(no_memory)?;
        self.reserve_ids(1).map_err(no_memory)?;
        let cell = counters.take_cell().map_err(no_memory)?;
        let bands = match bands(given, counters) {
            Ok(bands) => bands,
            Err(short) => {
                counters.free_cell(cell);
                return Err(no_memory(short));
            }
        };
        let meter = Meter {
            id: given.meter_id,
            flags: given.flags,
            bands,
            filled: Filled::new(now),
            created: now,
            cell,
            flow_count: 0,
        };
        let slot = self.meters.insert(meter).map_err(no_memory)?;
        self.by_id.insert(given.meter_id.0, slot);
        self.set_virtual(given.meter_id, Some(slot));
        Ok(slot)
    }

    /// Replaces a meter's flags and bands, whose buckets are full then and whose counters 0; the
    /// meter's own counters, flow entries and duration go on. Returns what was replaced, and where.
    pub(crate) fn modify(
        &mut self,
        now: Nanos,
        given: &MeterMod,
        shape: &MeterShape,
        counters: &mut Counters,
    ) -> Result<(u32, Former), OfpError> {
        check_id(given.meter_id)?;
        let slot = self.by_id.get(&given.meter_id.0).copied();
        let meter = slot.and_then(|slot| Some((slot, self.meters.get_mut(slot)?)));
        let Some((slot, meter)) = meter else {
            return Err(OfpError::MeterModFailed(Code::UnknownMeter));
        };
        check(given, shape)?;
        let bands = bands(given, counters)
            .map_err(|NoMemory| OfpError::MeterModFailed(Code::OutOfBands))?;
        counters.reset_share(meter.cell);
        let former = Former { bands, flags: given.flags, filled: Filled::new(now) };
        Ok((slot, meter.exchange(former)))
    }

    /// Gives a meter the bands and flags that it had, its buckets as full as they were.
    pub(crate) fn restore(&mut self, slot: u32, former: Former, counters: &mut Counters) {
        if let Some(meter) = self.meters.get_mut(slot) {
            counters.reset_share(meter.cell);
            meter.exchange(former).free(counters);
        }
    }

    /// Whether a deletion of `id` removes one.
    pub(crate) fn has(&self, id: MeterId) -> bool {
        if id == MeterId::ALL { self.meters.count() != 0 } else { self.by_id.contains_key(&id.0) }
    }

    /// The slots that a deletion of `id` removes.
    pub(crate) fn selected(&self, id: MeterId) -> Result<Vec<u32>, NoMemory> {
        match id {
            MeterId::ALL => try_collect(self.meters.iter().map(|(slot, _)| slot)),
            id => try_collect(self.by_id.get(&id.0).copied()),
        }
    }

    pub(crate) fn remove(&mut self, slot: u32, counters: &mut Counters) {
        if let Some(meter) = self.take(slot) {
            meter.free(counters);
        }
    }

    /// Takes a meter out, its counters kept.
    pub(crate) fn take(&mut self, slot: u32) -> Option<Meter> {
        let meter = self.meters.remove(slot)?;
        self.by_id.remove(&meter.id.0);
        self.set_virtual(meter.id, None);
        Some(meter)
    }

    /// Takes a meter out that may come back.
    pub(crate) fn take_for_now(&mut self, slot: u32) -> Option<Meter> {
        let meter = self.take(slot)?;
        self.away_count = self.away_count.saturating_add(1);
        Some(meter)
    }

    /// Those that were taken for now come back no more.
    pub(crate) fn forget_away(&mut self) {
        self.away_count = 0;
    }

    /// Makes sure that so many ids more can be put in, and those of the meters that are away.
    pub(crate) fn reserve_ids(&mut self, count: usize) -> Result<(), NoMemory> {
        self.by_id.try_reserve(self.away_count.saturating_add(count)).map_err(|_| NoMemory)
    }

    /// Puts back a meter that was taken out last of all.
    pub(crate) fn put_back(&mut self, meter: Meter) {
        let id = meter.id;
        if let Ok(slot) = self.meters.insert(meter) {
            // There is room: it was kept.
            self.by_id.insert(id.0, slot);
            self.away_count = self.away_count.saturating_sub(1);
            self.set_virtual(id, Some(slot));
        }
    }

    fn set_virtual(&mut self, id: MeterId, slot: Option<u32>) {
        match id {
            MeterId::SLOWPATH => self.slow_path = slot,
            MeterId::CONTROLLER => self.controller = slot,
            _ => {}
        }
    }

    /// Meters by number: one, or all with [`MeterId::ALL`].
    fn sorted(&self, id: MeterId) -> Result<Vec<&Meter>, OfpError> {
        if id != MeterId::ALL {
            let meter = self.by_id.get(&id.0).and_then(|slot| self.meters.get(*slot));
            let meter = meter.ok_or(OfpError::MeterModFailed(Code::UnknownMeter))?;
            return Ok(try_one(meter)?);
        }
        let mut meters: Vec<&Meter> = try_collect(self.meters.iter().map(|(_, meter)| meter))?;
        meters.sort_unstable_by_key(|meter| meter.id);
        Ok(meters)
    }

    pub(crate) fn stats(
        &self,
        id: MeterId,
        now: Nanos,
        counters: &Counters,
    ) -> Result<Vec<MeterStats>, OfpError> {
        let mut list = Vec::new();
        for meter in self.sorted(id)? {
            try_push(&mut list, meter.stats(now, counters)?)?;
        }
        Ok(list)
    }

    pub(crate) fn configs(&self, id: MeterId) -> Result<Vec<MeterConfig>, OfpError> {
        let mut list = Vec::new();
        for meter in self.sorted(id)? {
            try_push(&mut list, meter.config()?)?;
        }
        Ok(list)
    }
}

fn check_id(id: MeterId) -> Result<(), OfpError> {
    let is_virtual = id == MeterId::SLOWPATH || id == MeterId::CONTROLLER;
    if (id.0 == 0 || id > MeterId::MAX) && !is_virtual {
        return Err(OfpError::MeterModFailed(Code::InvalidMeter));
    }
    Ok(())
}

fn check(given: &MeterMod, shape: &MeterShape) -> Result<(), OfpError> {
    let fail = |code| Err(OfpError::MeterModFailed(code));
    let units = given.flags & (MeterFlags::KBPS | MeterFlags::PKTPS);
    let unknown = given.flags.bits() & !MeterFlags::all().bits();
    if units.is_empty() || units == MeterFlags::KBPS | MeterFlags::PKTPS || unknown != 0 {
        return fail(Code::BadFlags);
    }
    shape.check(given)?;
    for band in &given.bands {
        match band {
            band if band.rate() == 0 => return fail(Code::BadRate),
            _ => {}
        }
    }
    if given.bands.is_empty() || given.bands.len() > usize::from(shape.max_bands) {
        return fail(Code::OutOfBands);
    }
    Ok(())
}

/// The bands of a meter, with full buckets, and their order.
fn bands(given: &MeterMod, counters: &mut Counters) -> Result<Bands, NoMemory> {
    let mut by_rate: Vec<u8> = Vec::new();
    by_rate.try_reserve_exact(given.bands.len()).map_err(|_| NoMemory)?;
    let mut bands: Vec<MeterBand> = Vec::new();
    bands.try_reserve_exact(given.bands.len()).map_err(|_| NoMemory)?;
    for (at, band) in (0_u8..=u8::MAX).zip(&given.bands) {
        let new = band.try_clone().and_then(|band| Ok((counters.take_cell()?, band)));
        let (cell, copy) = match new {
            Ok(new) => new,
            Err(short) => {
                bands.iter().for_each(|band| counters.free_cell(band.cell));
                return Err(short);
            }
        };
        let bucket = TokenBucket::new(band.rate(), depth(given.flags, band));
        bands.push(MeterBand { given: copy, bucket, cell });
        by_rate.push(at);
    }
    let rate = |at: u8| bands.get(usize::from(at)).map_or(0, |band| band.bucket.rate());
    by_rate.sort_unstable_by_key(|at| (Reverse(rate(*at)), *at));
    Ok(Bands { list: bands.into_boxed_slice(), by_rate: by_rate.into_boxed_slice() })
}

/// Tokens that a band's bucket holds. A kilobit in millionths of bits, as a packet in billionths of
/// packets, is 10^9.
fn depth(flags: MeterFlags, band: &Band) -> u64 {
    const UNIT: u64 = 1_000_000_000;
    if flags.contains(MeterFlags::BURST) {
        return u64::from(band.burst_size()).saturating_mul(UNIT);
    }
    let frame = if flags.contains(MeterFlags::PKTPS) { UNIT } else { bits(FRAME_LEN) };
    frame.max(u64::from(band.rate()).saturating_mul(UNIT / 10))
}

/// Bytes in millionths of bits.
fn bits(bytes: u64) -> u64 {
    bytes.saturating_mul(8 * 1_000_000)
}

/// What a packet's DSCP becomes by raising its drop precedence; `None` where it stays, as it does in
/// what is not IP.
pub(crate) fn remarked<F: Frame>(packet: &mut Packet<F>, levels: u8) -> Option<u128> {
    packet.ensure(Depth::Whole);
    let dscp = packet.key.get(OxmField::IpDscp)?;
    let remarked = u128::from(raised(dscp as u8, levels));
    (remarked != dscp).then_some(remarked)
}

/// A code point with its drop precedence raised: of the assured forwarding classes only, to at most
/// the highest (RFC 2597); every other code point stays.
fn raised(dscp: u8, levels: u8) -> u8 {
    let (class, precedence) = (dscp >> 3, dscp >> 1 & 3);
    if !(1..=4).contains(&class) || precedence == 0 || dscp & 1 != 0 {
        return dscp;
    }
    class << 3 | precedence.saturating_add(levels).min(3) << 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_assured_forwarding_is_remarked() {
        assert_eq!(raised(10, 1), 12, "AF11 to AF12");
        assert_eq!(raised(10, 9), 14, "AF11 to AF13");
        assert_eq!(raised(38, 1), 38, "AF43 stays");
        for other in [0, 8, 46, 48, 11, 63] {
            assert_eq!(raised(other, 1), other);
        }
    }

    #[test]
    fn the_highest_exceeded_rate_acts() {
        let mut counters = Counters::new(1).unwrap();
        let mut meters = Meters::default();
        let shape = MeterShape::full();
        let given = MeterMod {
            command: ofp_codec::MeterModCommand::Add,
            flags: MeterFlags::PKTPS | MeterFlags::BURST,
            meter_id: MeterId(7),
            bands: [
                Band::DscpRemark { rate: 10, burst_size: 1, prec_level: 1 },
                Band::Drop { rate: 20, burst_size: 2 },
            ]
            .into(),
        };
        meters.add(Nanos(0), &given, &shape, &mut counters).unwrap();
        let slot = meters.slot(MeterId(7)).unwrap();
        let load = Load { packets: 1, bytes: 100 };
        let cells = counters.worker(0).unwrap();
        let verdicts: Vec<Verdict> =
            (0..3).map(|_| meters.measure(slot, cells, load, Nanos(0))).collect();
        assert_eq!(verdicts, [Verdict::Pass, Verdict::Remark(1), Verdict::Drop]);
        // A tenth of a second later the lower band has one token, the higher two.
        assert_eq!(meters.measure(slot, cells, load, Nanos(100_000_000)), Verdict::Pass);
        let stats = meters.stats(MeterId(7), Nanos(2_500_000_000), &counters).unwrap();
        assert_eq!((stats[0].packet_in_count, stats[0].byte_in_count), (4, 400));
        assert_eq!(stats[0].bands[0].packet_band_count, 1);
        assert_eq!(stats[0].bands[1].byte_band_count, 100);
        assert_eq!((stats[0].duration_sec, stats[0].duration_nsec), (2, 500_000_000));
    }
}
