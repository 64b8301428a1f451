//! PORT_STATS and QUEUE (§7.3.5.6, §7.3.5.8).

use super::reply::Entry;
use crate::wire::{EncodeError, Reader, Writer};
use crate::{DecodeError, PortNo};

/// What a port has counted; all ones for what it does not count.
#[doc(alias = "ofp_port_stats")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortStats {
    /// The port.
    pub port_no: PortNo,
    /// Packets received.
    pub rx_packets: u64,
    /// Packets transmitted.
    pub tx_packets: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes transmitted.
    pub tx_bytes: u64,
    /// Packets dropped on receipt.
    pub rx_dropped: u64,
    /// Packets dropped on transmission.
    pub tx_dropped: u64,
    /// Receive errors.
    pub rx_errors: u64,
    /// Transmit errors.
    pub tx_errors: u64,
    /// Frame alignment errors.
    pub rx_frame_err: u64,
    /// Overruns.
    pub rx_over_err: u64,
    /// Checksum errors.
    pub rx_crc_err: u64,
    /// Collisions.
    pub collisions: u64,
    /// Whole seconds that the port has existed.
    pub duration_sec: u32,
    /// Nanoseconds beyond them.
    pub duration_nsec: u32,
}

/// Which queues are asked for.
#[doc(alias = "ofp_queue_stats_request")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueStatsRequest {
    /// The port, or any.
    pub port_no: PortNo,
    /// The queue, or [`QUEUE_ALL`](crate::QUEUE_ALL).
    pub queue_id: u32,
}

/// What a queue has counted.
#[doc(alias = "ofp_queue_stats")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// The port.
    pub port_no: PortNo,
    /// The queue.
    pub queue_id: u32,
    /// Bytes transmitted.
    pub tx_bytes: u64,
    /// Packets transmitted.
    pub tx_packets: u64,
    /// Packets dropped by overrun.
    pub tx_errors: u64,
    /// Whole seconds that the queue has existed.
    pub duration_sec: u32,
    /// Nanoseconds beyond them.
    pub duration_nsec: u32,
}

impl PortStats {
    /// Reads an entry.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<PortStats, DecodeError> {
        let port_no = PortNo(reader.u32()?);
        reader.skip(4)?;
        Ok(PortStats {
            port_no,
            rx_packets: reader.u64()?,
            tx_packets: reader.u64()?,
            rx_bytes: reader.u64()?,
            tx_bytes: reader.u64()?,
            rx_dropped: reader.u64()?,
            tx_dropped: reader.u64()?,
            rx_errors: reader.u64()?,
            tx_errors: reader.u64()?,
            rx_frame_err: reader.u64()?,
            rx_over_err: reader.u64()?,
            rx_crc_err: reader.u64()?,
            collisions: reader.u64()?,
            duration_sec: reader.u32()?,
            duration_nsec: reader.u32()?,
        })
    }
}

impl Entry for PortStats {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u32(self.port_no.0);
        writer.zeros(4);
        let counters = [
            self.rx_packets,
            self.tx_packets,
            self.rx_bytes,
            self.tx_bytes,
            self.rx_dropped,
            self.tx_dropped,
            self.rx_errors,
            self.tx_errors,
            self.rx_frame_err,
            self.rx_over_err,
            self.rx_crc_err,
            self.collisions,
        ];
        counters.iter().for_each(|counter| writer.u64(*counter));
        writer.u32(self.duration_sec);
        writer.u32(self.duration_nsec);
        Ok(())
    }
}

impl QueueStatsRequest {
    /// Reads the request's body.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<QueueStatsRequest, DecodeError> {
        Ok(QueueStatsRequest { port_no: PortNo(reader.u32()?), queue_id: reader.u32()? })
    }

    /// Writes the request's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u32(self.port_no.0);
        writer.u32(self.queue_id);
    }
}

impl QueueStats {
    /// Reads an entry.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<QueueStats, DecodeError> {
        Ok(QueueStats {
            port_no: PortNo(reader.u32()?),
            queue_id: reader.u32()?,
            tx_bytes: reader.u64()?,
            tx_packets: reader.u64()?,
            tx_errors: reader.u64()?,
            duration_sec: reader.u32()?,
            duration_nsec: reader.u32()?,
        })
    }
}

impl Entry for QueueStats {
    fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        writer.u32(self.port_no.0);
        writer.u32(self.queue_id);
        writer.u64(self.tx_bytes);
        writer.u64(self.tx_packets);
        writer.u64(self.tx_errors);
        writer.u32(self.duration_sec);
        writer.u32(self.duration_nsec);
        Ok(())
    }
}
