//! Queues (§7.2.2), which a controller may only read (§7.3.6).

use alloc::vec::Vec;

use crate::wire::{BAD_LEN, EncodeError, Reader, Writer};
use crate::{BadRequestCode, DecodeError, OfpError, PortNo};

/// Bytes of a queue before its properties.
const QUEUE_LEN: usize = 16;
/// Bytes of a property before its content.
const PROPERTY_LEN: usize = 8;

/// All queues; in requests only.
#[doc(alias = "OFPQ_ALL")]
pub const QUEUE_ALL: u32 = 0xffff_ffff;

/// A property of a queue.
#[doc(alias = "ofp_queue_prop_header")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueProperty {
    /// Guaranteed rate in 1/1000 of the port's; above 1000 not configured.
    #[doc(alias = "OFPQT_MIN_RATE")]
    MinRate(u16),
    /// Highest rate in 1/1000 of the port's; above 1000 not configured.
    #[doc(alias = "OFPQT_MAX_RATE")]
    MaxRate(u16),
    /// An extension's property.
    #[doc(alias = "OFPQT_EXPERIMENTER")]
    Experimenter {
        /// Who defines it.
        experimenter: u32,
        /// What follows, a multiple of 8 bytes.
        data: Vec<u8>,
    },
}

/// A queue of a port.
#[doc(alias = "ofp_packet_queue")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketQueue {
    /// Its number on the port.
    pub queue_id: u32,
    /// The port.
    pub port: PortNo,
    /// Its properties.
    pub properties: Vec<QueueProperty>,
}

/// The queues of a port, or of all.
#[doc(alias = "OFPT_QUEUE_GET_CONFIG_REPLY")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueConfig {
    /// As asked for.
    pub port: PortNo,
    /// The queues.
    pub queues: Vec<PacketQueue>,
}

impl QueueProperty {
    /// Reads a property.
    fn read(reader: &mut Reader<'_>) -> Result<QueueProperty, DecodeError> {
        let (number, len) = reader.peek_pair()?;
        let len = usize::from(len);
        if len < 2 * PROPERTY_LEN || len % 8 != 0 {
            return Err(reader.short());
        }
        let mut body = reader.sub(len, "queue property", BAD_LEN)?;
        body.skip(PROPERTY_LEN)?;
        let property = match number {
            1 => QueueProperty::MinRate(body.u16()?),
            2 => QueueProperty::MaxRate(body.u16()?),
            0xffff => {
                let experimenter = body.u32()?;
                body.skip(4)?;
                let data = body.rest_to_vec()?;
                return Ok(QueueProperty::Experimenter { experimenter, data });
            }
            _ => return Err(body.error(OfpError::BadRequest(BadRequestCode::BadType))),
        };
        body.skip(6)?;
        body.finish()?;
        Ok(property)
    }

    /// Writes a property.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        let (number, rate) = match self {
            QueueProperty::MinRate(rate) => (1, Some(*rate)),
            QueueProperty::MaxRate(rate) => (2, Some(*rate)),
            QueueProperty::Experimenter { .. } => (0xffff, None),
        };
        writer.u16(number);
        writer.zeros(6);
        if let Some(rate) = rate {
            writer.u16(rate);
            writer.zeros(6);
        }
        if let QueueProperty::Experimenter { experimenter, data } = self {
            writer.u32(*experimenter);
            writer.zeros(4);
            writer.aligned(data)?;
        }
        writer.set_len(start, 2)
    }
}

impl PacketQueue {
    /// Reads a queue.
    fn read(reader: &mut Reader<'_>) -> Result<PacketQueue, DecodeError> {
        let mut ahead = reader.clone();
        ahead.skip(8)?;
        let len = usize::from(ahead.u16()?);
        if len < QUEUE_LEN || len % 8 != 0 {
            return Err(reader.short());
        }
        let mut body = reader.sub(len, "queue", BAD_LEN)?;
        let queue_id = body.u32()?;
        let port = PortNo(body.u32()?);
        body.skip(8)?;
        let mut properties = Vec::new();
        while !body.is_empty() {
            let property = QueueProperty::read(&mut body)?;
            body.push(&mut properties, property)?;
        }
        Ok(PacketQueue { queue_id, port, properties })
    }

    /// Writes a queue.
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        let start = writer.position();
        writer.u32(self.queue_id);
        writer.u32(self.port.0);
        writer.zeros(8);
        self.properties.iter().try_for_each(|property| property.write(writer))?;
        writer.set_len(start, 8)
    }
}

impl QueueConfig {
    /// Reads the body of a QUEUE_GET_CONFIG_REPLY.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<QueueConfig, DecodeError> {
        let port = PortNo(reader.u32()?);
        reader.skip(4)?;
        let mut queues = Vec::new();
        while !reader.is_empty() {
            let queue = PacketQueue::read(reader)?;
            reader.push(&mut queues, queue)?;
        }
        Ok(QueueConfig { port, queues })
    }

    /// Writes the body of a QUEUE_GET_CONFIG_REPLY.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u32(self.port.0);
        writer.zeros(4);
        self.queues.iter().try_for_each(|queue| queue.write(writer))
    }
}
