//! Prints groups as `dump-groups` and meters as `dump-meters` do, and both as lines that load
//! again.

use core::fmt;

use super::action_print::Actions;
use super::ports::PortText;
use crate::multipart::{GroupDesc, MeterConfig};
use crate::{
    Band, Bucket, GroupId, GroupMod, GroupModCommand, GroupType, MeterFlags, MeterId, MeterMod,
    MeterModCommand, PortNo,
};

impl fmt::Display for GroupDesc {
    /// As dump-groups prints it, with its space in front.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(" ")?;
        write_group(f, self.group_id, self.group_type, &self.buckets)
    }
}

impl fmt::Display for GroupMod {
    /// As a line of a group file, with a command in front unless it is an addition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.command {
            GroupModCommand::Add => {}
            GroupModCommand::Modify => f.write_str("modify ")?,
            GroupModCommand::Delete if self.group_id == GroupId::ALL => {
                return f.write_str("delete group_id=all");
            }
            GroupModCommand::Delete => return write!(f, "delete group_id={}", self.group_id.0),
        }
        write_group(f, self.group_id, self.group_type, &self.buckets)
    }
}

fn write_group(
    f: &mut fmt::Formatter<'_>,
    id: GroupId,
    kind: GroupType,
    buckets: &[Bucket],
) -> fmt::Result {
    let name = match kind {
        GroupType::All => "all",
        GroupType::Select => "select",
        GroupType::Indirect => "indirect",
        GroupType::FastFailover => "ff",
    };
    write!(f, "group_id={},type={name}", id.0)?;
    for bucket in buckets {
        f.write_str(",bucket=")?;
        if bucket.weight != u16::from(kind == GroupType::Select) {
            write!(f, "weight:{},", bucket.weight)?;
        }
        if bucket.watch_port != PortNo::ANY {
            write!(f, "watch_port:{},", PortText(bucket.watch_port))?;
        }
        if bucket.watch_group != GroupId::ANY {
            write!(f, "watch_group:{},", bucket.watch_group.0)?;
        }
        write!(f, "actions={}", Actions(&bucket.actions))?;
    }
    Ok(())
}

impl fmt::Display for MeterConfig {
    /// As dump-meters prints it: a line for the meter and one for each band, without the last
    /// line's end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_meter(f, self.meter_id, self.flags)?;
        for band in &self.bands {
            f.write_str("\n")?;
            write_band(f, band, self.flags)?;
        }
        Ok(())
    }
}

impl fmt::Display for MeterMod {
    /// As a line of a meter file, with a command in front unless it is an addition.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.command {
            MeterModCommand::Add => {}
            MeterModCommand::Modify => f.write_str("modify ")?,
            MeterModCommand::Delete => return write!(f, "delete meter={}", self.meter_id),
        }
        write_meter(f, self.meter_id, self.flags)?;
        for (i, band) in self.bands.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { " " })?;
            write_band(f, band, self.flags)?;
        }
        Ok(())
    }
}

fn write_meter(f: &mut fmt::Formatter<'_>, id: MeterId, flags: MeterFlags) -> fmt::Result {
    write!(f, "meter={id} ")?;
    for (name, flag) in [
        ("kbps ", MeterFlags::KBPS),
        ("pktps ", MeterFlags::PKTPS),
        ("burst ", MeterFlags::BURST),
        ("stats ", MeterFlags::STATS),
    ] {
        if flags.contains(flag) {
            f.write_str(name)?;
        }
    }
    f.write_str("bands=")
}

fn write_band(f: &mut fmt::Formatter<'_>, band: &Band, flags: MeterFlags) -> fmt::Result {
    let name = match band {
        Band::Drop { .. } => "drop",
        Band::DscpRemark { .. } => "dscp_remark",
        Band::Experimenter { .. } => "experimenter",
    };
    write!(f, "type={name} rate={}", band.rate())?;
    if flags.contains(MeterFlags::BURST) {
        write!(f, " burst_size={}", band.burst_size())?;
    }
    if let Band::DscpRemark { prec_level, .. } = band {
        write!(f, " prec_level={prec_level}")?;
    }
    Ok(())
}
