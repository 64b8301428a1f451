//! The host of a replay: takes what the switch sends, into captures in the first round, nowhere
//! later.

use std::fs::File;
use std::io::BufWriter;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rumpswitch::datapath::{Batch, Ingress};
use rumpswitch::hypercall::{Frame, Hypercall, Meta, Nanos, Port, Sent};
use rumpswitch::unix_host::pcap;

use super::frame::{Store, StoredFrame};
use super::trace::{Burst, FrameMemory, Trace};
use crate::program::Failure;
use crate::program::args::Replay;

/// The captures that are written, by port.
type Outputs = Mutex<Vec<(Port, pcap::Writer<BufWriter<File>>)>>;

/// Takes what the switch sends by one worker.
pub(super) struct Host {
    /// The switch's time.
    pub(super) now: Nanos,
    /// The capture's time when the switch's was 0.
    start: Duration,
    store: Store,
    /// All workers write to the same ones.
    outputs: Arc<Outputs>,
    /// Whether what leaves is written to the outputs.
    is_recording: bool,
    failure: Option<Failure>,
}

impl Host {
    /// Makes the captures that the arguments ask for, and a host for each worker.
    pub(super) fn create(args: &Replay, start: Duration) -> Result<Vec<Host>, Failure> {
        for (index, output) in args.output.iter().enumerate() {
            let others = args.output.iter().take(index);
            if others.clone().any(|other| other.port == output.port) {
                let line = format!("--out: port {} is there twice", output.port);
                return Err(Failure::setup(line));
            }
            if others.chain(&args.input).any(|other| other.file == output.file) {
                let line = format!("--out: {} is there twice", output.file.display());
                return Err(Failure::setup(line));
            }
        }
        let mut outputs = Vec::new();
        for output in &args.output {
            let writer = pcap::Writer::create(&output.file).map_err(Failure::setup)?;
            outputs.push((Port(output.port), writer));
        }
        let outputs = Arc::new(Mutex::new(outputs));
        let hosts = (0..args.workers).map(|_| Host {
            now: Nanos(0),
            start,
            store: Store::default(),
            outputs: Arc::clone(&outputs),
            is_recording: !args.output.is_empty(),
            failure: None,
        });
        Ok(hosts.collect())
    }

    /// Copies a burst in, each frame into a buffer that was used before if there is one.
    pub(super) fn receive(&mut self, trace: &Trace, burst: &Burst, batch: &mut Batch<StoredFrame>) {
        batch.extend(trace.frames_of(burst).filter_map(|(port, FrameMemory { bytes, len })| {
            // Captures hold no frame that would be too long for a buffer.
            let frame = self.store.copy(bytes, len)?;
            Some(Ingress { port, meta: Meta::default(), frame })
        }));
    }

    pub(super) fn end_round(&mut self) {
        self.is_recording = false;
    }

    /// Writes out what is still kept back by all.
    pub(super) fn finish(hosts: impl Iterator<Item = Host>) -> Result<(), Failure> {
        for host in hosts {
            // The last one that has them.
            if let Some(outputs) = Arc::into_inner(host.outputs) {
                for (_, writer) in outputs.into_inner().unwrap_or_else(PoisonError::into_inner) {
                    writer.finish().map_err(Failure::failed)?;
                }
            }
            host.failure.map_or(Ok(()), Err)?;
        }
        Ok(())
    }

    /// Out of line: rounds that are measured do not record.
    #[cold]
    fn record(&mut self, port: Port, frame: &StoredFrame) {
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = outputs.iter_mut().find(|(named, _)| *named == port);
        let Some((_, writer)) = writer else { return };
        let time = self.start + Duration::from_nanos(self.now.0);
        if let Err(error) = writer.write(time, frame.headers()) {
            self.failure = Some(Failure::failed(format!("port {port}: {error}")));
        }
    }
}

impl Hypercall for Host {
    type Frame = StoredFrame;

    #[inline(always)] // else frames would be laid down to be handed on
    fn transmit(&mut self, port: Port, _: &Meta, frame: StoredFrame) -> Sent {
        if self.is_recording {
            self.record(port, &frame);
        }
        self.store.give(frame);
        Sent::Sent
    }

    #[inline(always)]
    fn discard(&mut self, frame: StoredFrame) {
        self.store.give(frame);
    }

    #[inline]
    fn duplicate(&mut self, frame: &StoredFrame) -> Option<StoredFrame> {
        self.store.duplicate(frame)
    }

    fn allocate(&mut self, len: usize) -> Option<StoredFrame> {
        self.store.zeroed(len)
    }
}
