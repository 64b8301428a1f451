//! A port that shapes: frames wait in its queues and are handed to it as their rates allow.

use datapath::QueueConfig;
use hypercall::{Frame, Meta, Nanos, VecFrame};
use shaper::{QueueRates, Shaper, ShaperConfig};

/// How far a late turn of the loop is made up for: what a busy machine keeps a process from running.
const CATCH_UP: u64 = 20_000_000;

/// The queues of one port.
pub(crate) struct PortShaper {
    shaper: Shaper<(Meta, VecFrame)>,
    pub(crate) queues: Vec<QueueConfig>,
    /// The rate that was asked for; without it the link's counts.
    pub(crate) kbps: Option<u32>,
    /// Queues of frames that were taken and then lost, until somebody asked.
    lost: Vec<u32>,
}

fn config(kbps: u32, queues: &[QueueConfig]) -> ShaperConfig {
    let bps = u64::from(kbps) * 1000;
    let rates = queues.iter().map(|queue| QueueRates {
        id: queue.id,
        min_bps: queue.min_bps(bps),
        max_bps: queue.max_bps(bps),
    });
    ShaperConfig { catch_up: CATCH_UP, ..ShaperConfig::new(bps, rates.collect::<Vec<_>>()) }
}

impl PortShaper {
    /// The queues of a port whose rate is `kbps` or else `speed`; `None` when nothing says it.
    pub(crate) fn new(
        kbps: Option<u32>,
        speed: Option<u32>,
        queues: Vec<QueueConfig>,
    ) -> Option<PortShaper> {
        let shaper = Shaper::new(config(kbps.or(speed)?, &queues));
        Some(PortShaper { shaper, queues, kbps, lost: Vec::new() })
    }

    /// Takes over the speed of the link, where no rate was asked for.
    pub(crate) fn set_speed(&mut self, speed: u32) {
        if self.kbps.is_none() {
            self.shaper.reconfigure(config(speed, &self.queues));
        }
    }

    /// Queues a frame.
    ///
    /// # Errors
    /// The frame, when there is no room.
    pub(crate) fn push(&mut self, meta: &Meta, frame: VecFrame) -> Result<(), VecFrame> {
        // What a train of segments takes on the wire.
        let repeated = meta.offload.segment_count(frame.len()) as usize - 1;
        let header_len = meta.offload.gso.map_or(0, |gso| usize::from(gso.header_len));
        let len = frame.len() + repeated * header_len;
        self.shaper.push(meta.queue_id, len, (*meta, frame)).map_err(|(_, frame)| frame)
    }

    pub(crate) fn pop(&mut self, now: Nanos) -> Option<(Meta, VecFrame)> {
        self.shaper.pop(now).map(|(_, out)| out)
    }

    pub(crate) fn next_deadline(&self) -> Option<Nanos> {
        self.shaper.next_deadline()
    }

    /// Gives up what waits; each frame goes to `take`.
    pub(crate) fn lose(&mut self, mut take: impl FnMut(VecFrame)) {
        for (queue, (_, frame)) in self.shaper.drain() {
            self.lost.push(queue);
            take(frame);
        }
    }

    /// The queues of the frames that were lost since the last call.
    pub(crate) fn take_lost(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.lost)
    }
}
