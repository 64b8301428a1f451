//! What every file of cases uses: the words of the switch, and short ways to write what it is told.

pub(super) use datapath::{DropReason, PortConfig};
pub(super) use hypercall::{Nanos, Port};
pub(super) use ofp_codec::{
    Action, Bucket, FlowMod, Instruction, Match, OfpError, Oxm, OxmField, PacketOut, PortNo,
};

pub(super) use super::notation::*;
pub(super) use super::{Bed, World, cases};
pub(super) use crate::embodiment::Setup;

pub(super) const SECOND: u64 = Nanos::PER_SECOND;

/// A bucket that lives with its port.
pub(super) fn watching(port: u32) -> Bucket {
    Bucket { watch_port: PortNo(port), ..bucket([output(port)]) }
}
