//! OFPT_QUEUE_GET_CONFIG_REQUEST (§7.3.6) and OFPMP_QUEUE (§7.3.5.9). Queues are the host's: the
//! switch knows how many a port has and marks frames for them. What they sent is not counted here,
//! and says so.

use alloc::vec::Vec;

use hypercall::Port;
use ofp_codec::multipart::{QueueStats, QueueStatsRequest};
use ofp_codec::{
    Message, OfpError, PacketQueue, PortNo, QUEUE_ALL, QueueConfig, QueueOpFailedCode,
};

use crate::device::Core;
use crate::dispatch::Turn;

/// A counter that is not kept (§5.8).
const NOT_COUNTED: u64 = u64::MAX;

pub(crate) fn get_config<H: ?Sized>(turn: &mut Turn<'_, H>, port: PortNo) -> Result<(), OfpError> {
    let queues = queues(turn.core, port)?;
    let queues = queues
        .map(|(port, queue_id)| PacketQueue { queue_id, port, properties: Vec::new() })
        .collect();
    turn.reply(16, &Message::QueueGetConfigReply(QueueConfig { port, queues }));
    Ok(())
}

/// Statistics of the queues that are asked for.
pub(crate) fn stats(core: &Core, request: QueueStatsRequest) -> Result<Vec<QueueStats>, OfpError> {
    let stats: Vec<QueueStats> = queues(core, request.port_no)?
        .filter(|(_, queue_id)| request.queue_id == QUEUE_ALL || request.queue_id == *queue_id)
        .map(|(port_no, queue_id)| QueueStats {
            port_no,
            queue_id,
            tx_bytes: NOT_COUNTED,
            tx_packets: NOT_COUNTED,
            tx_errors: NOT_COUNTED,
            duration_sec: u32::MAX,
            duration_nsec: u32::MAX,
        })
        .collect();
    if stats.is_empty() && request.queue_id != QUEUE_ALL {
        return Err(OfpError::QueueOpFailed(QueueOpFailedCode::BadQueue));
    }
    Ok(stats)
}

/// The queues of a port, or of all.
fn queues(core: &Core, port: PortNo) -> Result<impl Iterator<Item = (PortNo, u32)>, OfpError> {
    let tables = &core.switch.tables;
    let ports: Vec<(PortNo, u32)> = if port == PortNo::ANY {
        let numbers = tables.port_descs().into_iter().map(|desc| desc.port_no);
        numbers.map(|port| (port, tables.queue_count(Port(port.0)).unwrap_or(0))).collect()
    } else {
        let count = tables.queue_count(Port(port.0));
        let bad_port = OfpError::QueueOpFailed(QueueOpFailedCode::BadPort);
        [(port, count.ok_or(bad_port)?)].into()
    };
    Ok(ports.into_iter().flat_map(|(port, count)| (0..count).map(move |queue| (port, queue))))
}
