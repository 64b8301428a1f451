//! What a replay tells at its end: costs, ports, drop reasons, entries.

use rumpswitch::datapath::{DropReason, Switch};
use rumpswitch::hypercall::Nanos;
use rumpswitch::ofp_codec::PortNo;
use rumpswitch::ofp_codec::multipart::{FlowStats, FlowStatsRequest};
use serde_json::json;

use super::{Measured, Trace};
use crate::program::out::say;

/// Prints it.
pub(super) fn print(switch: &Switch, trace: &Trace, measured: &Measured, as_json: bool) {
    match as_json {
        true => say!("{:#}", report_json(switch, trace, measured)),
        false => report_text(switch, trace, measured),
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
