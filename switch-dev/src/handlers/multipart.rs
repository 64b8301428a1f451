//! OFPT_MULTIPART_REQUEST (§7.3.5): parts are put together, then the request is answered, at once
//! or, where the answer is a list, part by part as the reader makes room ([`Dump`]).

use core::fmt::Write;

use datapath::personality::Features;
use ofp_codec::memory::{NoMemory, try_string};
use ofp_codec::multipart::{Desc, TableFeatures};
use ofp_codec::{
    BadRequestCode, HEADER_LEN, Header, Message, MultipartFlags, MultipartReply,
    MultipartReplyBody, MultipartRequestBody, MultipartType, OfpError,
};

use crate::assembly::{Part, Progress};
use crate::device::Core;
use crate::dispatch::{Turn, bad_request, word_at};
use crate::dump::Dump;
use crate::handlers::{experimenter, monitor};
use crate::quirks;

/// Bytes before the body of a request or reply.
pub(crate) const FIXED_LEN: usize = 16;
/// Bytes that an experimenter's multipart has before its body besides, in each of its parts.
pub(crate) const EXPERIMENTER_LEN: usize = 8;

pub(crate) fn request<H: ?Sized>(turn: &mut Turn<'_, H>) -> Result<(), OfpError> {
    let bad_len = bad_request(BadRequestCode::BadLen);
    let header = Header::peek(turn.bytes).ok_or(bad_len)?;
    let kind = word_at(turn.bytes, HEADER_LEN).and_then(MultipartType::from_number);
    let fixed_len = match kind {
        Some(MultipartType::Experimenter) => FIXED_LEN + EXPERIMENTER_LEN,
        _ => FIXED_LEN,
    };
    let (fixed, body) = turn.bytes.split_at_checked(fixed_len).ok_or(bad_len)?;
    let (_, prefix) = fixed.split_at_checked(HEADER_LEN).ok_or(bad_len)?;
    let flags = MultipartFlags::from_bits_retain(word_at(prefix, 2).unwrap_or(0));
    let answered = turn.core.switch.tables.personality().multiparts;
    let kind = kind.filter(|kind| answered.has(*kind));
    let part = Part {
        xid: turn.xid,
        kind: kind.ok_or(bad_request(BadRequestCode::BadMultipart))?,
        more: flags.contains(MultipartFlags::MORE),
        prefix,
        body,
        message: turn.bytes,
    };
    let message = match turn.channel.assembly.take(&turn.core.config, turn.now, part)? {
        Progress::Waiting => return Ok(()),
        Progress::Single => {
            let personality = turn.core.switch.tables.personality();
            let decoded = Message::decode(turn.bytes);
            decoded.map_err(|found| quirks::translate(personality, turn.bytes, found))?.1
        }
        Progress::Complete(bytes) => Message::decode_body(header, &bytes)?,
    };
    match message {
        Message::MultipartRequest(request) => match request.body {
            MultipartRequestBody::TableFeatures(wanted) if !wanted.is_empty() => {
                set_tables(turn, &wanted)
            }
            asked => answer(turn, asked),
        },
        _ => Err(bad_request(BadRequestCode::BadType)),
    }
}

/// Makes the tables what TABLE_FEATURES with a body asks for.
#[inline(never)]
fn set_tables<H: ?Sized>(turn: &mut Turn<'_, H>, wanted: &[TableFeatures]) -> Result<(), OfpError> {
    // The answer first: what has been done cannot be refused any more.
    let dump = Dump::of_tables(turn.xid, wanted.iter().map(|table| table.table_id))?;
    turn.core.switch.tables.set_table_features(turn.now, wanted)?;
    turn.channel.dump = Some(dump);
    Ok(())
}

#[inline(never)] // what it has in hand is on the stack only while it works
fn answer<H: ?Sized>(turn: &mut Turn<'_, H>, asked: MultipartRequestBody) -> Result<(), OfpError> {
    use MultipartReplyBody as Reply;
    use MultipartRequestBody as Asked;
    let tables = &turn.core.switch.tables;
    let body = match asked {
        Asked::Desc => Reply::Desc(desc(turn.core)?),
        Asked::GroupFeatures => Reply::GroupFeatures(tables.group_features()),
        Asked::MeterFeatures => Reply::MeterFeatures(tables.meter_features()),
        Asked::FlowMonitor(_)
            if !tables.personality().features.contains(Features::EXPERIMENTERS) =>
        {
            return Err(bad_request(BadRequestCode::BadExperimenter));
        }
        Asked::FlowMonitor(requests) => return monitor::request(turn, &requests),
        Asked::Experimenter { experimenter, .. } => {
            return experimenter::unknown(turn.core, experimenter);
        }
        list => {
            let dump = Dump::new(turn.core, turn.now, turn.xid, list)?;
            turn.channel.dump = Some(dump);
            return Ok(());
        }
    };
    let reply = MultipartReply { flags: MultipartFlags::empty(), body };
    turn.reply(1072, &Message::MultipartReply(reply));
    Ok(())
}

/// Who made the switch (§7.3.5.1).
fn desc(core: &Core) -> Result<Desc, NoMemory> {
    let looks = core.switch.tables.personality();
    let or = |given: &str, own: &str| try_string(if given.is_empty() { own } else { given });
    let software = match &*core.config.software {
        "" => concat!("rumpswitch ", env!("CARGO_PKG_VERSION")),
        software => software,
    };
    let mut serial_num = try_string("0123456789abcdef")?;
    serial_num.clear();
    let datapath_id = core.switch.tables.config().datapath_id;
    write!(serial_num, "{datapath_id:016x}").map_err(|_| NoMemory)?;
    Ok(Desc {
        mfr_desc: or(&looks.manufacturer, "rumpswitch")?,
        hw_desc: or(&looks.hardware, "anykernel")?,
        sw_desc: or(&looks.software, software)?,
        serial_num,
        dp_desc: try_string(&core.config.description)?,
    })
}
