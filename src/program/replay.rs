//! `rumpswitch replay`: frames from captures through a flow table, as fast as it goes.
//!
//! Frames are copied into a fresh buffer each time round, as a receive would. The switch's time is
//! the captures': meters and timeouts act as they would have when the frames came, however fast they
//! are played, and a run repeated gives the same counters.

use std::fs::File;
use std::io::BufWriter;
use std::process::ExitCode;
use std::time::Instant;

use rumpswitch::datapath::{Batch, DropReason, Ingress, Switch};
use rumpswitch::hypercall::{Frame, Hypercall, Meta, Nanos, Port, Sent, VecFrame};
use rumpswitch::ofp_codec::PortNo;
use rumpswitch::ofp_codec::multipart::{FlowStats, FlowStatsRequest};
use rumpswitch::unix_host::{clock, pcap};
use serde_json::json;

use super::args::{PortFile, Replay};
use super::{Failure, table_files};
use crate::program::out::say;

/// Runs the command.
pub(crate) fn run(args: &Replay) -> Result<ExitCode, Failure> {
    let trace = Trace::read(&args.input)?;
    let ports = args.input.iter().chain(&args.output).map(|file| file.port);
    let mut switch = table_files::load(&args.tables, ports)?;
    let mut host = Host::create(&args.output)?;

    let rounds = match args.seconds {
        Some(seconds) if seconds > 0.0 => Rounds::Until(Instant::now(), seconds),
        Some(_) => return Err(Failure::setup("--seconds wants a positive number")),
        None => Rounds::Count(args.repeat.max(1)),
    };
    let result = play(&trace, &mut switch, &mut host, rounds);
    host.finish()?;
    match args.json {
        true => say!("{:#}", report_json(&switch, &trace, &result)),
        false => report_text(&switch, &trace, &result),
    }
    Ok(ExitCode::SUCCESS)
}

/// The frames of all captures in the order of their time.
struct Trace {
    frames: Vec<TraceFrame>,
    bytes: Vec<u8>,
    /// From the first frame of a round to the first of the next.
    period: u64,
}

struct TraceFrame {
    time: Nanos,
    port: Port,
    start: usize,
    len: usize,
}

impl Trace {
    fn read(inputs: &[PortFile]) -> Result<Trace, Failure> {
        let mut frames = Vec::new();
        let mut bytes = Vec::new();
        let mut frame = Vec::new();
        for input in inputs {
            let failed = |error| Failure::setup(format!("{}: {error}", input.file.display()));
            let mut reader = pcap::Reader::open(&input.file).map_err(Failure::setup)?;
            while let Some(record) = reader.next_into(&mut frame).map_err(failed)? {
                let time = Nanos(record.time.as_nanos().try_into().unwrap_or(u64::MAX));
                let (start, len) = (bytes.len(), frame.len());
                frames.push(TraceFrame { time, port: Port(input.port), start, len });
                bytes.extend_from_slice(&frame);
            }
        }
        frames.sort_by_key(|frame| frame.time);
        let first =
            frames.first().ok_or_else(|| Failure::setup("the captures hold no frame"))?.time;
        for frame in &mut frames {
            frame.time = Nanos(frame.time.since(first));
        }
        let last = frames.last().map_or(0, |frame| frame.time.0);
        let period = last + (last / frames.len() as u64).max(1);
        Ok(Trace { frames, bytes, period })
    }
}

/// How often the captures are played.
enum Rounds {
    Count(u64),
    Until(Instant, f64),
}

/// What was measured.
struct Measured {
    rounds: u64,
    packets: u64,
    bytes: u64,
    punts: u64,
    cpu_nanos: u64,
    wall_nanos: u64,
    /// The switch's time at the end.
    end: Nanos,
}

fn play(trace: &Trace, switch: &mut Switch, host: &mut Host, rounds: Rounds) -> Measured {
    let mut batch: Batch<VecFrame> = Batch::new();
    let mut measured = Measured {
        rounds: 0,
        packets: 0,
        bytes: 0,
        punts: 0,
        cpu_nanos: 0,
        wall_nanos: 0,
        end: Nanos(0),
    };
    let wall = Instant::now();
    let cpu = clock::cpu_time();
    loop {
        let base = trace.period.saturating_mul(measured.rounds);
        for frames in trace.frames.chunks(batch.capacity()) {
            let now = Nanos(base).plus(frames.last().map_or(0, |frame| frame.time.0));
            host.now = now;
            for frame in frames {
                let bytes = &trace.bytes[frame.start..frame.start + frame.len];
                let frame_bytes = host.receive(bytes);
                batch.push(Ingress { port: frame.port, meta: Meta::default(), frame: frame_bytes });
            }
            if switch.tables.next_deadline().is_some_and(|deadline| deadline <= now) {
                switch.tables.tick(now);
                while switch.tables.next_news().is_some() {}
            }
            switch.process(host, now, &mut batch);
            while let Some(punt) = switch.worker.next_punt() {
                drop(punt);
                measured.punts += 1;
            }
            measured.end = now;
        }
        measured.rounds += 1;
        measured.packets += trace.frames.len() as u64;
        measured.bytes += trace.bytes.len() as u64;
        host.end_round();
        let done = match rounds {
            Rounds::Count(count) => measured.rounds >= count,
            Rounds::Until(start, seconds) => start.elapsed().as_secs_f64() >= seconds,
        };
        if done {
            break;
        }
    }
    measured.cpu_nanos = clock::cpu_time().since(cpu);
    measured.wall_nanos = wall.elapsed().as_nanos().try_into().unwrap_or(u64::MAX);
    measured
}

/// Takes what the switch sends: into captures in the first round, nowhere later.
struct Host {
    now: Nanos,
    pool: Vec<Vec<u8>>,
    outputs: Vec<(Port, pcap::Writer<BufWriter<File>>)>,
    is_first_round: bool,
    failure: Option<Failure>,
}

impl Host {
    fn create(outputs: &[PortFile]) -> Result<Host, Failure> {
        let mut host = Host {
            now: Nanos(0),
            pool: Vec::new(),
            outputs: Vec::new(),
            is_first_round: true,
            failure: None,
        };
        for output in outputs {
            let writer = pcap::Writer::create(&output.file).map_err(Failure::setup)?;
            host.outputs.push((Port(output.port), writer));
        }
        Ok(host)
    }

    /// A frame with a copy of `bytes`, in a buffer that was used before if there is one.
    fn receive(&mut self, bytes: &[u8]) -> VecFrame {
        let mut buffer = self.pool.pop().unwrap_or_default();
        buffer.resize(VecFrame::HEADROOM, 0);
        buffer.extend_from_slice(bytes);
        VecFrame::from_buffer(buffer, VecFrame::HEADROOM)
    }

    fn end_round(&mut self) {
        self.is_first_round = false;
    }

    fn finish(self) -> Result<(), Failure> {
        for (_, writer) in self.outputs {
            writer.finish().map_err(Failure::failed)?;
        }
        self.failure.map_or(Ok(()), Err)
    }
}

impl Hypercall for Host {
    type Frame = VecFrame;

    fn transmit(&mut self, port: Port, _: &Meta, frame: VecFrame) -> Sent {
        if self.is_first_round
            && let Some((_, writer)) = self.outputs.iter_mut().find(|(named, _)| *named == port)
        {
            let time = std::time::Duration::from_nanos(self.now.0);
            if let Err(error) = writer.write(time, frame.headers()) {
                self.failure = Some(Failure::failed(format!("port {port}: {error}")));
            }
        }
        let (buffer, _) = frame.into_buffer();
        if self.pool.len() < 256 {
            self.pool.push(buffer);
        }
        Sent::Sent
    }

    fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        Some(self.receive(frame.headers()))
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        Some(VecFrame::zeroed(len))
    }
}

/// The flow entries with their counters.
fn flow_stats(switch: &Switch, now: Nanos) -> Vec<FlowStats> {
    let Ok(mut cursor) = switch.tables.flow_stats(&FlowStatsRequest::default()) else {
        return Vec::new();
    };
    std::iter::from_fn(|| switch.tables.next_flow_stats(&mut cursor, now, &mut u32::MAX.clone()))
        .collect()
}

fn drops(switch: &Switch) -> impl Iterator<Item = (&'static str, u64)> + '_ {
    DropReason::ALL
        .iter()
        .map(|reason| (reason.name(), switch.tables.drop_count(*reason)))
        .filter(|(_, count)| *count > 0)
}

fn per_packet(measured: &Measured) -> f64 {
    measured.cpu_nanos as f64 / measured.packets.max(1) as f64
}

fn report_text(switch: &Switch, trace: &Trace, measured: &Measured) {
    say!(
        "{} packets ({} in {} rounds), {} bytes: {:.1} ns of CPU a packet, {:.3} s",
        measured.packets,
        trace.frames.len(),
        measured.rounds,
        measured.bytes,
        per_packet(measured),
        measured.wall_nanos as f64 / 1e9,
    );
    for port in switch.tables.port_stats(PortNo::ANY, measured.end).unwrap_or_default() {
        say!(
            "port {}: rx pkts={} bytes={} drop={}, tx pkts={} bytes={} drop={}",
            port.port_no,
            port.rx_packets,
            port.rx_bytes,
            port.rx_dropped,
            port.tx_packets,
            port.tx_bytes,
            port.tx_dropped
        );
    }
    say!("to the controller: {}", measured.punts);
    for (name, count) in drops(switch) {
        say!("dropped, {name}: {count}");
    }
    for flow in flow_stats(switch, measured.end) {
        say!("{flow}");
    }
}

fn report_json(switch: &Switch, trace: &Trace, measured: &Measured) -> serde_json::Value {
    let ports: Vec<_> = switch
        .tables
        .port_stats(PortNo::ANY, measured.end)
        .unwrap_or_default()
        .iter()
        .map(|port| {
            json!({
                "port_no": port.port_no.0,
                "rx_packets": port.rx_packets,
                "rx_bytes": port.rx_bytes,
                "rx_dropped": port.rx_dropped,
                "tx_packets": port.tx_packets,
                "tx_bytes": port.tx_bytes,
                "tx_dropped": port.tx_dropped,
            })
        })
        .collect();
    let flows: Vec<_> = flow_stats(switch, measured.end)
        .iter()
        .map(|flow| {
            json!({
                "table_id": flow.table_id.0,
                "priority": flow.priority,
                "cookie": flow.cookie,
                "packet_count": flow.packet_count,
                "byte_count": flow.byte_count,
                "text": flow.to_string().trim(),
            })
        })
        .collect();
    let tables: Vec<_> = switch
        .tables
        .table_stats()
        .filter(|table| table.active_count > 0 || table.lookup_count > 0)
        .map(|table| {
            json!({
                "table_id": table.table_id.0,
                "active_count": table.active_count,
                "lookup_count": table.lookup_count,
                "matched_count": table.matched_count,
            })
        })
        .collect();
    let drops: serde_json::Map<_, _> =
        drops(switch).map(|(name, count)| (name.to_owned(), json!(count))).collect();
    json!({
        "rounds": measured.rounds,
        "frames_per_round": trace.frames.len(),
        "packets": measured.packets,
        "bytes": measured.bytes,
        "packet_ins": measured.punts,
        "cpu_ns_per_packet": per_packet(measured),
        "wall_seconds": measured.wall_nanos as f64 / 1e9,
        "ports": ports,
        "tables": tables,
        "flows": flows,
        "drops": drops,
    })
}
