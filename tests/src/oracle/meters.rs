//! Meters (§5.7): every band has a bucket of tokens that fills at the band's rate.
//!
//! Of the bands whose rate is exceeded the one with the highest rate acts; what it acts on is not
//! offered to lower ones. A bucket is as deep as the burst size, or without one 100 ms of the rate but
//! at least one frame of 1518 bytes or one packet. A packet passes when the bucket holds its cost, or
//! all that it can hold; and since packets come when they come, a bucket too shallow for two of them
//! keeps what comes in while it waits for one, up to less than one more.

use ofp_codec::{
    Band, FlowRemovedReason, Instruction, MeterFlags, MeterId, MeterMod, MeterModCommand,
    MeterModFailedCode, OfpError, OxmField,
};

use super::coverage::Met;
use super::fields::read;
use super::walk::{Packet, Stop};
use super::{Load, Oracle, SECOND, rewrite};

/// A meter and what it counted.
#[derive(Clone, Debug)]
pub struct OracleMeter {
    /// As it was given.
    pub given: MeterMod,
    /// When it was added.
    pub created: u64,
    /// What passed it.
    pub load: Load,
    /// What its bands acted on.
    pub bands: Vec<Load>,
    /// Tokens of each band: billionths of packets, or billionths of kilobits.
    tokens: Vec<i128>,
    filled: u64,
}

impl OracleMeter {
    fn new(given: &MeterMod, now: u64) -> OracleMeter {
        OracleMeter {
            given: given.clone(),
            created: now,
            load: Load::default(),
            bands: vec![Load::default(); given.bands.len()],
            tokens: given.bands.iter().map(|band| depth(given.flags, band)).collect(),
            filled: now,
        }
    }

    fn is_pktps(&self) -> bool {
        self.given.flags.contains(MeterFlags::PKTPS)
    }

    /// Measures a packet: the band that acts on it, and how many were exceeded.
    fn measure(&mut self, len: usize, now: u64) -> (Option<usize>, usize) {
        self.load.add(len);
        let cost = if self.is_pktps() { 1_000_000_000 } else { len as i128 * 8_000_000 };
        let elapsed = i128::from(now - self.filled);
        self.filled = now;
        let mut needs = Vec::new();
        for (band, tokens) in self.given.bands.iter().zip(&mut self.tokens) {
            let depth = depth(self.given.flags, band);
            let need = cost.min(depth);
            let brim = depth.max(need + cost - 1).max(*tokens);
            *tokens = (*tokens + elapsed * i128::from(band.rate())).min(brim);
            needs.push(need);
        }
        let mut order: Vec<usize> = (0..needs.len()).collect();
        order.sort_by_key(|at| std::cmp::Reverse(self.given.bands[*at].rate()));
        let exceeded = order.iter().filter(|at| self.tokens[**at] < needs[**at]).count();
        for at in order {
            if self.tokens[at] < needs[at] {
                self.bands[at].add(len);
                return (Some(at), exceeded);
            }
            self.tokens[at] -= cost;
        }
        (None, 0)
    }
}

/// What a band's bucket holds.
fn depth(flags: MeterFlags, band: &Band) -> i128 {
    if flags.contains(MeterFlags::BURST) {
        return i128::from(band.burst_size()) * 1_000_000_000;
    }
    let frame = if flags.contains(MeterFlags::PKTPS) { 1_000_000_000 } else { 1518 * 8_000_000 };
    frame.max(i128::from(band.rate()) * i128::from(SECOND / 10))
}

impl Oracle {
    /// Adds, modifies or deletes meters.
    ///
    /// # Errors
    ///
    /// METER_MOD_FAILED, as the standard says.
    pub fn meter_mod(&mut self, given: &MeterMod) -> Result<(), OfpError> {
        let fail = |code| Err(OfpError::MeterModFailed(code));
        let id = given.meter_id;
        match (given.command, self.meters.get_mut(&id.0)) {
            (MeterModCommand::Add, Some(_)) => return fail(MeterModFailedCode::MeterExists),
            (MeterModCommand::Modify, None) => return fail(MeterModFailedCode::UnknownMeter),
            (MeterModCommand::Add | MeterModCommand::Modify, _) if given.bands.is_empty() => {
                return fail(MeterModFailedCode::OutOfBands);
            }
            (MeterModCommand::Add, None) => {
                self.meters.insert(id.0, OracleMeter::new(given, self.now));
            }
            (MeterModCommand::Modify, Some(meter)) => {
                let (created, load) = (meter.created, meter.load);
                *meter = OracleMeter { created, load, ..OracleMeter::new(given, self.now) };
            }
            (MeterModCommand::Delete, _) => {
                let is_gone = |number: u32| id == MeterId::ALL || number == id.0;
                self.meters.retain(|number, _| !is_gone(*number));
                self.remove_entries(FlowRemovedReason::MeterDelete, |entry| {
                    meter_of(&entry.flow.instructions).is_some_and(is_gone)
                });
            }
        }
        Ok(())
    }

    /// Flow entries that use a meter.
    pub fn metered(&self, id: u32) -> u32 {
        let entries = self.tables.values().flatten();
        entries.filter(|entry| meter_of(&entry.flow.instructions) == Some(id)).count() as u32
    }

    /// Sends a packet through a meter.
    pub(super) fn measure(&mut self, id: u32, packet: &mut Packet) -> Result<(), Stop> {
        match self.ask(id, packet.frame.len()) {
            None => Ok(()),
            Some(Band::DscpRemark { prec_level, .. }) => {
                remark(&mut packet.frame, prec_level);
                Ok(())
            }
            Some(_) => {
                self.dropped("meter");
                Err(Stop)
            }
        }
    }

    /// The band of a meter that acts on a packet.
    fn ask(&mut self, id: u32, len: usize) -> Option<Band> {
        let meter = self.meters.get_mut(&id)?;
        let (band, exceeded) = meter.measure(len, self.now);
        let Some(band) = band else {
            self.coverage.note(Met::Conformed);
            return None;
        };
        if exceeded > 1 {
            self.coverage.note(Met::HighestBand);
        }
        let flags = meter.given.flags - MeterFlags::STATS;
        let band = meter.given.bands[band].clone();
        let kind = if matches!(band, Band::Drop { .. }) { 1 } else { 2 };
        self.coverage.note(Met::Band(kind, flags.bits()));
        Some(band)
    }

    /// What the virtual meters make of a packet-in: `None` when they keep it from the controllers,
    /// else the frame, its drop precedence raised as they say.
    pub(super) fn metered_packet_in(&mut self, frame: &[u8]) -> Option<Vec<u8>> {
        let mut levels = 0_u8;
        for id in [MeterId::SLOWPATH, MeterId::CONTROLLER] {
            match self.ask(id.0, frame.len()) {
                None => (),
                Some(Band::DscpRemark { prec_level, .. }) => {
                    levels = levels.saturating_add(prec_level);
                }
                Some(_) => return None,
            }
        }
        let mut frame = frame.to_vec();
        remark(&mut frame, levels);
        Some(frame)
    }
}

/// The meter that instructions name.
fn meter_of(instructions: &[Instruction]) -> Option<u32> {
    instructions.iter().find_map(|instruction| match instruction {
        Instruction::Meter(id) => Some(id.0),
        _ => None,
    })
}

/// Raises the drop precedence of an assured forwarding class (RFC 2597) by so many levels, to at most
/// the highest. AFxy is the code point 8x + 2y.
fn remark(frame: &mut [u8], levels: u8) {
    let Some(dscp) = read(frame).get(OxmField::IpDscp) else { return };
    for class in 1..=4 {
        for precedence in 1..=3u8 {
            if dscp == 8 * class + 2 * u128::from(precedence) {
                let raised = precedence.saturating_add(levels).min(3);
                let dscp = 8 * class + 2 * u128::from(raised);
                return rewrite::set_field(frame, OxmField::IpDscp, dscp);
            }
        }
    }
}
