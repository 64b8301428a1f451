//! Reads meters: `meter=1 kbps burst stats bands=type=drop rate=1000 burst_size=200`.

use alloc::vec::Vec;

use super::action_parse::number;
use super::error::{Fault, Parsed, TextError};
use super::lines;
use super::scan::{Word, Words};
use crate::{Band, MeterFlags, MeterId, MeterMod, MeterModCommand};

/// Reads one meter in the syntax of ovs-ofctl(8). `command` is what to do with it; deletions need
/// only `meter=` (a number or `all`; without it, all).
///
/// ```
/// use rumpswitch_ofp_codec::text::parse_meter;
/// use rumpswitch_ofp_codec::MeterModCommand;
///
/// let line = "meter=1 pktps burst bands=type=drop rate=1000 burst_size=200";
/// let meter = parse_meter(line, MeterModCommand::Add).unwrap();
/// assert_eq!(meter.bands[0].rate(), 1000);
/// assert_eq!(meter.to_string(), line);
/// ```
///
/// # Errors
/// The first word that is wrong.
pub fn parse_meter(text: &str, command: MeterModCommand) -> Result<MeterMod, TextError> {
    meter(text, command).map_err(|fault| fault.at(0, text))
}

/// Reads a file of meters, one a line, each with or without a command before it: `add`, `modify`,
/// `delete`.
///
/// # Errors
/// The first word that is wrong, with its line.
pub fn parse_meters(text: &str) -> Result<Vec<MeterMod>, TextError> {
    lines::parse(text, |line| {
        let (word, rest) = lines::first_word(line);
        match word {
            "add" => meter(rest, MeterModCommand::Add),
            "modify" => meter(rest, MeterModCommand::Modify),
            "delete" => meter(rest, MeterModCommand::Delete),
            _ => meter(line, MeterModCommand::Add),
        }
    })
}

fn meter(text: &str, command: MeterModCommand) -> Parsed<'_, MeterMod> {
    let is_delete = command == MeterModCommand::Delete;
    let mut flags = MeterFlags::empty();
    let mut meter_id = None;
    let mut bands = Vec::new();
    for word in Words::new(text) {
        match word.key {
            "meter" => meter_id = Some(id(word, is_delete)?),
            "kbps" => flags |= MeterFlags::KBPS,
            "pktps" => flags |= MeterFlags::PKTPS,
            "burst" => flags |= MeterFlags::BURST,
            "stats" => flags |= MeterFlags::STATS,
            "bands" | "band" if word.text != word.key => {
                bands = read_bands(word, flags.contains(MeterFlags::BURST))?;
                break;
            }
            _ => return Err(Fault::new(word.text, "unknown word")),
        }
    }
    let meter_id = match meter_id {
        None if is_delete => MeterId::ALL,
        id => id.ok_or_else(|| Fault::new("", "meter= is missing"))?,
    };
    let one_unit = flags.contains(MeterFlags::KBPS) != flags.contains(MeterFlags::PKTPS);
    if !is_delete && !one_unit {
        return Err(Fault::new("", "a meter counts either kbps or pktps"));
    }
    if !is_delete && bands.is_empty() {
        return Err(Fault::new("", "bands= is missing"));
    }
    Ok(MeterMod { command, flags, meter_id, bands })
}

/// A meter number, or the name of a virtual meter.
fn id(word: Word<'_>, is_delete: bool) -> Parsed<'_, MeterId> {
    match word.value {
        "controller" => return Ok(MeterId::CONTROLLER),
        "slowpath" => return Ok(MeterId::SLOWPATH),
        "all" if is_delete => return Ok(MeterId::ALL),
        _ => {}
    }
    let id = MeterId(number(word, 32)?);
    if id.0 == 0 || id > MeterId::MAX {
        return Err(Fault::new(word.text, "a meter is 1 to 0xffff0000, controller or slowpath"));
    }
    Ok(id)
}

/// A band being read.
#[derive(Default)]
struct Draft<'t> {
    word: &'t str,
    is_remark: bool,
    rate: Option<u32>,
    burst_size: Option<u32>,
    prec_level: Option<u8>,
}

/// The bands, each from its `type=` on.
fn read_bands(bands: Word<'_>, has_burst: bool) -> Parsed<'_, Vec<Band>> {
    let mut list = Vec::new();
    let mut draft: Option<Draft<'_>> = None;
    for word in Words::new(bands.tail) {
        if word.key == "type" {
            if let Some(done) = draft.take() {
                list.push(finish(done, has_burst)?);
            }
            let is_remark = match word.value {
                "drop" => false,
                "dscp_remark" => true,
                _ => return Err(Fault::new(word.text, "a band is of type drop or dscp_remark")),
            };
            draft = Some(Draft { word: word.text, is_remark, ..Draft::default() });
            continue;
        }
        let Some(band) = &mut draft else {
            return Err(Fault::new(word.text, "a band starts with type="));
        };
        match word.key {
            "rate" => band.rate = Some(number(word, 32)?),
            "burst_size" if !has_burst => {
                return Err(Fault::new(word.text, "counts only in a meter with burst"));
            }
            "burst_size" => band.burst_size = Some(number(word, 32)?),
            "prec_level" if band.is_remark => band.prec_level = Some(number(word, 8)?),
            _ => return Err(Fault::new(word.text, "unknown word in a band")),
        }
    }
    if let Some(done) = draft {
        list.push(finish(done, has_burst)?);
    }
    Ok(list)
}

fn finish(draft: Draft<'_>, has_burst: bool) -> Parsed<'_, Band> {
    let missing = |message| Fault::new(draft.word, message);
    let rate = draft.rate.ok_or_else(|| missing("the band has no rate"))?;
    if has_burst && draft.burst_size.is_none() {
        return Err(missing("the band has no burst_size, which burst asks for"));
    }
    let burst_size = draft.burst_size.unwrap_or(0);
    if !draft.is_remark {
        return Ok(Band::Drop { rate, burst_size });
    }
    let prec_level = draft.prec_level.ok_or_else(|| missing("the band has no prec_level"))?;
    Ok(Band::DscpRemark { rate, burst_size, prec_level })
}
