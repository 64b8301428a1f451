//! What is played: the frames of all captures in the order of their time.

use std::time::Duration;

use rumpswitch::hypercall::{Nanos, Port};
use rumpswitch::unix_host::pcap;

use crate::program::Failure;
use crate::program::args::PortFile;

/// Frames that came within this time are one burst, with one time, as one look at a port's queue
/// would have found them. Meters and timeouts are exact to this.
const BURST_SPAN: u64 = 100_000;

/// The frames of all captures in the order of their time.
pub(super) struct Trace {
    pub(super) frames: Vec<TraceFrame>,
    bytes: Vec<u8>,
    /// When the first frame was captured, from 1970 on.
    pub(super) start: Duration,
    /// From the first frame of a round to the first of the next.
    pub(super) period: u64,
}

/// One frame.
pub(super) struct TraceFrame {
    /// From the first frame on.
    pub(super) time: Nanos,
    pub(super) port: Port,
    offset: usize,
    len: usize,
}

impl Trace {
    pub(super) fn read(inputs: &[PortFile]) -> Result<Trace, Failure> {
        let mut frames = Vec::new();
        let mut bytes = Vec::new();
        for input in inputs {
            let failed = |error| Failure::setup(format!("{}: {error}", input.file.display()));
            let mut reader = pcap::Reader::open(&input.file).map_err(Failure::setup)?;
            loop {
                let offset = bytes.len();
                let Some(record) = reader.next_into(&mut bytes).map_err(failed)? else { break };
                let time = Nanos(record.time.as_nanos().try_into().unwrap_or(u64::MAX));
                let len = bytes.len() - offset;
                frames.push(TraceFrame { time, port: Port(input.port), offset, len });
            }
        }
        // Frames of one time stay in the order of the arguments.
        frames.sort_by_key(|frame| frame.time);
        let first =
            frames.first().ok_or_else(|| Failure::setup("the captures hold no frame"))?.time;
        for frame in &mut frames {
            frame.time = Nanos(frame.time.since(first));
        }
        let last = frames.last().map_or(0, |frame| frame.time.0);
        let period = last + (last / frames.len() as u64).max(1);
        Ok(Trace { frames, bytes, start: Duration::from_nanos(first.0), period })
    }

    pub(super) fn bytes_of(&self, frame: &TraceFrame) -> &[u8] {
        &self.bytes[frame.offset..][..frame.len]
    }

    /// The bytes of all frames, counted.
    pub(super) fn byte_count(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The frames as a receive loop would find them: at most `most` at a time.
    pub(super) fn bursts(&self, most: usize) -> impl Iterator<Item = &[TraceFrame]> {
        let mut rest = &self.frames[..];
        std::iter::from_fn(move || {
            let end = rest.first()?.time.plus(BURST_SPAN);
            let count = rest.iter().take(most).take_while(|frame| frame.time < end).count();
            let (burst, behind) = rest.split_at(count);
            rest = behind;
            Some(burst)
        })
    }
}
