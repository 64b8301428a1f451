//! Which asynchronous messages a controller wants (§7.3.10).

use crate::DecodeError;
use crate::wire::{Reader, Writer};

/// A mask for masters and equals, and one for slaves; bit `n` stands for reason `n`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AsyncMask {
    /// While master or equal.
    pub master: u32,
    /// While slave.
    pub slave: u32,
}

/// Which asynchronous messages a controller wants.
#[doc(alias = "OFPT_SET_ASYNC")]
#[doc(alias = "OFPT_GET_ASYNC_REPLY")]
#[doc(alias = "ofp_async_config")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsyncConfig {
    /// By [`PacketInReason`](crate::PacketInReason).
    pub packet_in: AsyncMask,
    /// By [`PortReason`](crate::PortReason).
    pub port_status: AsyncMask,
    /// By [`FlowRemovedReason`](crate::FlowRemovedReason).
    pub flow_removed: AsyncMask,
}

impl Default for AsyncConfig {
    /// What a controller gets that never asked (§6.3.6): all that every controller knows, and as a
    /// slave only port changes.
    fn default() -> AsyncConfig {
        AsyncConfig {
            packet_in: AsyncMask { master: 0x3, slave: 0 },
            port_status: AsyncMask { master: 0x7, slave: 0x7 },
            flow_removed: AsyncMask { master: 0xf, slave: 0 },
        }
    }
}

impl AsyncConfig {
    /// Reads the body of a SET_ASYNC or GET_ASYNC_REPLY.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<AsyncConfig, DecodeError> {
        let mut mask = || Ok(AsyncMask { master: reader.u32()?, slave: reader.u32()? });
        Ok(AsyncConfig { packet_in: mask()?, port_status: mask()?, flow_removed: mask()? })
    }

    /// Writes the body of a SET_ASYNC or GET_ASYNC_REPLY.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        for mask in [self.packet_in, self.port_status, self.flow_removed] {
            writer.u32(mask.master);
            writer.u32(mask.slave);
        }
    }
}
