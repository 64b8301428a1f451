//! PACKET_OUT (§7.3.7): a packet from the controller.

use alloc::vec::Vec;

use crate::wire::{EncodeError, Reader, Rules, Writer};
use crate::{Action, BadActionCode, BadRequestCode, DecodeError, NO_BUFFER, OfpError, PortNo};

/// Bytes of the shortest frame: an Ethernet header.
const MIN_FRAME_LEN: usize = 14;

/// A packet from the controller.
#[doc(alias = "OFPT_PACKET_OUT")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketOut {
    /// Where the packet is buffered, or [`NO_BUFFER`](crate::NO_BUFFER).
    pub buffer_id: u32,
    /// The port that it is taken to have come in by.
    pub in_port: PortNo,
    /// What to do with it.
    pub actions: Vec<Action>,
    /// Its bytes.
    pub data: Vec<u8>,
}

impl PacketOut {
    /// Reads a packet-out's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<PacketOut, DecodeError> {
        let bad = |at, code| DecodeError {
            error: OfpError::BadRequest(code),
            what: "packet-out",
            offset: at,
        };
        let buffer_id = reader.u32()?;
        let port_at = reader.offset();
        let in_port = PortNo(reader.u32()?);
        let len_at = reader.offset();
        let actions_len = usize::from(reader.u16()?);
        reader.skip(6)?;
        if actions_len % 8 != 0 || actions_len > reader.remaining() {
            return Err(bad(len_at, BadRequestCode::BadLen));
        }
        if !may_be_in_port(in_port) {
            return Err(bad(port_at, BadRequestCode::BadPort));
        }
        let bad_len = OfpError::BadAction(BadActionCode::BadLen);
        let mut list = reader.sub(actions_len, "action", bad_len)?;
        let actions = Action::read_list(&mut list, Rules::PacketOut)?;
        let data_at = reader.offset();
        let data = reader.rest_to_vec()?;
        if buffer_id == NO_BUFFER && data.len() < MIN_FRAME_LEN {
            return Err(bad(data_at, BadRequestCode::BadPacket));
        }
        Ok(PacketOut { buffer_id, in_port, actions, data })
    }

    /// Writes a packet-out's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u32(self.buffer_id);
        writer.u32(self.in_port.0);
        writer.zeros(8);
        let actions_at = writer.position();
        Action::write_list(&self.actions, writer)?;
        let actions_len = writer.position().saturating_sub(actions_at);
        let actions_len = u16::try_from(actions_len).map_err(|_| EncodeError::TooLong)?;
        writer.set_u16(start.saturating_add(8), actions_len);
        writer.bytes(&self.data);
        Ok(())
    }
}

/// Whether a packet may be said to have come in by this port; ANY is what ovs-ofctl and others send
/// for "none".
fn may_be_in_port(port: PortNo) -> bool {
    port.is_ordinary() || [PortNo::CONTROLLER, PortNo::LOCAL, PortNo::ANY].contains(&port)
}
