//! `rumpswitch trace`: what a flow table does to one frame, step by step.

mod frame;

use std::fmt::Write;
use std::path::Path;
use std::process::ExitCode;

use rumpswitch::datapath::extract::extract;
use rumpswitch::datapath::packet::Packet;
use rumpswitch::datapath::{Switch, TraceStep};
use rumpswitch::hypercall::{Meta, Nanos, Port, VecFrame};
use rumpswitch::ofp_codec::text::{NoNames, parse_match};
use rumpswitch::ofp_codec::{Match, Oxm, OxmField, PortNo};
use rumpswitch::unix_host::pcap;
use serde_json::{Value, json};

use super::args::Trace;
use super::{Failure, table_files};
use crate::program::out::{say, say_part};
use frame::Described;

/// Runs the command.
pub(crate) fn run(args: &Trace) -> Result<ExitCode, Failure> {
    let described = match (&args.fields, &args.pcap, args.frame) {
        (Some(fields), ..) => describe(fields).map_err(Failure::setup)?,
        (None, Some(file), Some(number)) => from_capture(file, number, args.in_port)?,
        _ => return Err(Failure::setup("a frame is wanted: fields, or --pcap and --frame")),
    };
    let switch = table_files::load(&args.tables, [described.in_port.0])?;
    let steps = steps(&switch, &described, Nanos(0));
    match args.json {
        true => say!("{:#}", as_json(&described, &steps)),
        false => say_part!("{}", as_text(&described, &steps)),
    }
    Ok(ExitCode::SUCCESS)
}

/// The way of the frame that `fields` describe, through a switch as it is.
pub(crate) fn explain(switch: &Switch, fields: &str, now: Nanos) -> Result<String, String> {
    let described = describe(fields)?;
    Ok(as_text(&described, &steps(switch, &described, now)))
}

fn describe(fields: &str) -> Result<Described, String> {
    let fields = parse_match(fields, &NoNames).map_err(|error| error.to_string())?;
    frame::build(&fields)
}

fn from_capture(file: &Path, number: u64, in_port: u32) -> Result<Described, Failure> {
    let failed = |error| Failure::setup(format!("{}: {error}", file.display()));
    let mut reader = pcap::Reader::open(file).map_err(Failure::setup)?;
    let mut bytes = Vec::new();
    for count in 0..number {
        bytes.clear();
        if reader.next_into(&mut bytes).map_err(failed)?.is_none() {
            let line = format!("{}: holds {count} frames, not {number}", file.display());
            return Err(Failure::setup(line));
        }
    }
    Ok(Described { in_port: Port(in_port), meta: Meta::default(), bytes })
}

fn steps(switch: &Switch, described: &Described, now: Nanos) -> Vec<TraceStep> {
    switch.trace(now, described.in_port, described.meta, &described.bytes)
}

/// The fields of a frame, in ovs-ofctl's form.
fn fields_of(in_port: Port, meta: Meta, bytes: &[u8]) -> Match {
    let mut packet = Packet::new(VecFrame::from_bytes(bytes), in_port, meta);
    extract(&mut packet);
    let mut fields = Match::any();
    for field in OxmField::ALL {
        let is_told = match field {
            // 0 says nothing here (no tag, for the VLAN), and the physical port only when it is
            // another.
            OxmField::Metadata | OxmField::TunnelId | OxmField::Ipv6Exthdr | OxmField::VlanVid => {
                packet.key.get(field) != Some(0)
            }
            OxmField::InPhyPort => meta.in_phy_port != Port::NONE,
            _ => true,
        };
        if let Some(value) = packet.key.get(field).filter(|_| is_told) {
            // A field whose prerequisite was not read is left out.
            let _ = fields.push(Oxm::new(field, value));
        }
    }
    fields
}

/// A step that begins a new part of the way stands at the margin, what it leads to below it.
fn indent(step: &TraceStep) -> &'static str {
    match step {
        TraceStep::Table { .. } | TraceStep::ActionSet | TraceStep::Normal => "",
        TraceStep::Output { .. } | TraceStep::PacketIn(_) | TraceStep::Dropped(_) => "    -> ",
        _ => "    ",
    }
}

fn as_text(described: &Described, steps: &[TraceStep]) -> String {
    let Described { in_port, meta, bytes } = described;
    let mut text = format!("Flow: {}\n\n", fields_of(*in_port, *meta, bytes));
    for step in steps {
        let _ = writeln!(text, "{}{step}", indent(step));
    }
    for step in steps {
        if let TraceStep::Output { port, frame } = step {
            let fields = fields_of(*in_port, *meta, frame);
            let _ = writeln!(text, "\nFinal flow, port {}: {fields}", PortNo(port.0));
            let _ = writeln!(text, "{}", hex(frame));
        }
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn as_json(described: &Described, steps: &[TraceStep]) -> Value {
    let Described { in_port, meta, bytes } = described;
    json!({
        "in_port": in_port.0,
        "flow": fields_of(*in_port, *meta, bytes).to_string(),
        "frame": hex(bytes),
        "steps": steps.iter().map(|step| step_json(step, *in_port, *meta)).collect::<Vec<_>>(),
    })
}

fn step_json(step: &TraceStep, in_port: Port, meta: Meta) -> Value {
    let text = step.to_string();
    match step {
        TraceStep::Table { table_id, entry, nearest } => json!({
            "step": "table",
            "table_id": table_id.0,
            "entry": entry.as_ref().map(|entry| entry.to_string().trim().to_owned()),
            "nearest": nearest.as_ref().map(|nearest| json!({
                "entry": nearest.entry.to_string().trim(),
                "failed_field": nearest.failed.field.info().name,
                "text": nearest.to_string(),
            })),
            "text": text,
        }),
        TraceStep::Output { port, frame } => json!({
            "step": "output",
            "port": port.0,
            "flow": fields_of(in_port, meta, frame).to_string(),
            "frame": hex(frame),
            "text": text,
        }),
        TraceStep::PacketIn(reason) => {
            json!({ "step": "packet_in", "reason": *reason as u8, "text": text })
        }
        TraceStep::Dropped(reason) => {
            json!({ "step": "dropped", "reason": reason.name(), "text": text })
        }
        TraceStep::Normal => json!({ "step": "normal", "text": text }),
        TraceStep::ActionSet => json!({ "step": "action_set", "text": text }),
        TraceStep::Bucket { group_id, bucket } => {
            json!({ "step": "bucket", "group_id": group_id.0, "bucket": bucket, "text": text })
        }
        TraceStep::Meter(id) => json!({ "step": "meter", "meter_id": id.0, "text": text }),
        _ => json!({ "step": "action", "text": text }),
    }
}
