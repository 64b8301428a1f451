//! What is played: the frames of all captures in the order of their time, cut into bursts.
//!
//! Each frame lies in a buffer of its own, as in the ring of a driver that plays captures: what a
//! receive costs then is a copy from memory that no prefetcher has guessed, not a walk through one
//! dense array.

use std::ops::Range;
use std::time::Duration;

use rumpswitch::datapath::BATCH;
use rumpswitch::hypercall::{Nanos, Port};
use rumpswitch::unix_host::{deal, pcap, prefer_huge_pages, prefetch};

use super::frame::LINE;
use crate::program::Failure;
use crate::program::args::PortFile;

/// Frames that came within this time are one burst, with one time, as one look at a port's queue
/// would have found them. Meters and timeouts are exact to this.
const BURST_SPAN: u64 = 100_000;

/// From one frame's buffer to the next: room for an ordinary frame, and an odd number of cache lines,
/// so that the frames' heads do not compete for the same few sets of a cache.
const BUFFER: usize = 37 * 64;

/// Frames in buffers of their own at most; more than these lie line by line.
const BUFFERS_MAX: usize = 1 << 18;

/// How many frames ahead of the one that is received memory is asked for: those of the next full burst.
const AHEAD: usize = BATCH;

/// The frames of all captures in the order of their time.
pub(super) struct Trace {
    frames: Vec<TraceFrame>,
    bursts: Vec<Burst>,
    memory: Vec<u8>,
    byte_count: u64,
    /// When the first frame was captured, from 1970 on.
    pub(super) start: Duration,
    /// From the first frame of a round to the first of the next.
    pub(super) period: u64,
}

/// Where a frame lies, and the port that it comes in by.
struct TraceFrame {
    offset: usize,
    len: u32,
    port: Port,
}

/// Where a frame lies.
#[derive(Clone, Copy)]
pub(super) struct FrameMemory<'a> {
    /// From its first byte on: all of the lines that it lies in.
    pub(super) bytes: &'a [u8],
    /// Bytes in the frame.
    pub(super) len: usize,
}

/// Frames that are received together.
pub(super) struct Burst {
    /// When the last of them came, from the first frame of the round on.
    pub(super) time: Nanos,
    frames: Range<usize>,
}

impl Trace {
    /// Reads the captures.
    ///
    /// A burst is at most `burst_max` frames.
    pub(super) fn read(inputs: &[PortFile], burst_max: usize) -> Result<Trace, Failure> {
        let mut records = Vec::new();
        let mut bytes = Vec::new();
        for input in inputs {
            read_capture(input, &mut records, &mut bytes)?;
        }
        // Frames of one time stay in the order of the arguments.
        records.sort_by_key(|record| record.time);
        let first = records.first().map(|record| record.time);
        let first = first.ok_or_else(|| Failure::setup("the captures hold no frame"))?;
        for record in &mut records {
            record.time = Nanos(record.time.since(first));
        }
        let last = records.last().map_or(0, |record| record.time.0);
        let period = last + (last / records.len() as u64).max(1);
        let (frames, memory) = lay_out(&records, &bytes);
        Ok(Trace {
            bursts: bursts(&records, burst_max),
            frames,
            memory,
            byte_count: bytes.len() as u64,
            start: Duration::from_nanos(first.0),
            period,
        })
    }

    /// The frames by worker, a flow's all to the same one.
    pub(super) fn deal(&self, count: usize, burst_max: usize) -> Vec<Trace> {
        let mut records: Vec<Vec<Record>> = Vec::new();
        records.resize_with(count, Vec::new);
        for burst in &self.bursts {
            for frame in &self.frames[burst.frames.clone()] {
                let bytes = frame.offset..frame.offset + frame.len as usize;
                let worker = deal(&self.memory[bytes.clone()], count);
                records[worker].push(Record { time: burst.time, port: frame.port, bytes });
            }
        }
        let dealt = records.iter().map(|records| {
            let (frames, memory) = lay_out(records, &self.memory);
            let byte_count = records.iter().map(|record| record.bytes.len() as u64).sum();
            let bursts = bursts(records, burst_max);
            let Trace { start, period, .. } = *self;
            Trace { bursts, frames, memory, byte_count, start, period }
        });
        dealt.collect()
    }

    pub(super) fn frame_count(&self) -> usize {
        self.frames.len()
    }

    /// The bytes of all frames, counted.
    pub(super) fn byte_count(&self) -> u64 {
        self.byte_count
    }

    /// The frames as a receive loop would find them.
    pub(super) fn bursts(&self) -> &[Burst] {
        &self.bursts
    }

    /// The ports of a burst's frames, and where these lie. Each that is taken has the first line of one of
    /// the next burst on its way to the processor, as drivers do: none has been seen since the last round.
    #[inline]
    pub(super) fn frames_of(&self, burst: &Burst) -> impl Iterator<Item = (Port, FrameMemory<'_>)> {
        let frames = &self.frames[burst.frames.clone()];
        let ahead = self.frames.get(burst.frames.start + AHEAD..).unwrap_or_default();
        let ahead = ahead.iter().map(Some).chain(std::iter::repeat(None));
        frames.iter().zip(ahead).map(|(&TraceFrame { offset, len, port }, ahead)| {
            if let Some(ahead) = ahead {
                prefetch(&self.memory[ahead.offset..]);
            }
            let len = len as usize;
            let whole_lines = len.wrapping_add(LINE - 1) & !(LINE - 1);
            let bytes = &self.memory[offset..][..whole_lines];
            (port, FrameMemory { bytes, len })
        })
    }
}

/// A frame as its capture has it.
struct Record {
    time: Nanos,
    port: Port,
    bytes: Range<usize>,
}

fn read_capture(
    input: &PortFile,
    records: &mut Vec<Record>,
    bytes: &mut Vec<u8>,
) -> Result<(), Failure> {
    let mut reader = pcap::Reader::open(&input.file).map_err(Failure::setup)?;
    for number in 1.. {
        let start = bytes.len();
        let failed = |what: &dyn std::fmt::Display| {
            Failure::setup(format!("{}: record {number}: {what}", input.file.display()))
        };
        match reader.next_into(bytes) {
            Ok(Some(record)) => records.push(Record {
                time: Nanos(record.time.as_nanos().try_into().unwrap_or(u64::MAX)),
                port: Port(input.port),
                bytes: start..bytes.len(),
            }),
            Ok(None) if reader.is_cut() => return Err(failed(&"cut short by the end of the file")),
            Ok(None) => break,
            Err(error) => return Err(failed(&error)),
        }
    }
    Ok(())
}

/// Puts each frame where it stays.
fn lay_out(records: &[Record], bytes: &[u8]) -> (Vec<TraceFrame>, Vec<u8>) {
    let step = if records.len() <= BUFFERS_MAX { BUFFER } else { LINE };
    let room = |record: &Record| record.bytes.len().next_multiple_of(step).max(step);
    // Zeroed by the kernel, page by page, as they are first touched.
    let mut memory = vec![0; records.iter().map(room).sum::<usize>() + LINE];
    prefer_huge_pages(&mut memory);
    let mut offset = memory.as_ptr().align_offset(LINE).min(LINE);
    let mut frames = Vec::with_capacity(records.len());
    for record in records {
        let from = &bytes[record.bytes.clone()];
        memory[offset..][..from.len()].copy_from_slice(from);
        frames.push(TraceFrame { offset, len: from.len() as u32, port: record.port });
        offset += room(record);
    }
    (frames, memory)
}

fn bursts(records: &[Record], most: usize) -> Vec<Burst> {
    let mut bursts = Vec::new();
    let mut start = 0;
    while let Some(rest) = records.get(start..).filter(|rest| !rest.is_empty()) {
        let end = rest[0].time.plus(BURST_SPAN);
        let count = rest.iter().take(most).take_while(|record| record.time < end).count().max(1);
        bursts.push(Burst { time: rest[count - 1].time, frames: start..start + count });
        start += count;
    }
    bursts
}
