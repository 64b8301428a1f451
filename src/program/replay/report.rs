//! What a replay tells at its end: costs, ports, drop reasons, entries.

use rumpswitch::datapath::classifier::TableCompiled;
use rumpswitch::datapath::{DropReason, Switch};
use rumpswitch::hypercall::Nanos;
use rumpswitch::ofp_codec::PortNo;
use rumpswitch::ofp_codec::multipart::{FlowStats, FlowStatsRequest, TableStats};
use serde_json::json;

use super::cost::{Cost, Setup};
use super::player::{Played, Share};
use super::trace::Trace;
use crate::program::out::say;

/// Prints it.
pub(super) fn print(
    switch: &Switch,
    trace: &Trace,
    played: &Played,
    cost: &Cost,
    setup: &Setup,
    as_json: bool,
) {
    match as_json {
        true => say!("{:#}", report_json(switch, trace, played, cost, setup)),
        false => report_text(switch, trace, played, cost, setup),
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

/// The tables that have entries or saw packets, and how they are compiled.
fn used_tables(switch: &Switch) -> impl Iterator<Item = (TableStats, TableCompiled)> + '_ {
    let tables = switch.tables.table_stats();
    let used = tables.filter(|table| table.active_count > 0 || table.lookup_count > 0);
    used.filter_map(|table| {
        let compiled = switch.tables.compiled(table.table_id)?;
        Some((table, compiled))
    })
}

fn drops(switch: &Switch) -> impl Iterator<Item = (&'static str, u64)> + '_ {
    DropReason::ALL
        .iter()
        .map(|reason| (reason.name(), switch.tables.drop_count(*reason)))
        .filter(|(_, count)| *count > 0)
}

fn report_text(switch: &Switch, trace: &Trace, played: &Played, cost: &Cost, setup: &Setup) {
    say!(
        "{} packets ({} in {} rounds), {} bytes: {:.1} ns of CPU a packet, {:.3} s",
        played.packets,
        trace.frame_count(),
        played.rounds,
        played.bytes,
        cost.nanos_per_packet(),
        cost.wall_seconds(),
    );
    if let (2.., Some(rate)) = (cost.repetitions.len(), setup.rate.per_second()) {
        let (least, median) = cost.least_and_median();
        say!(
            "{} repetitions: {:.1} ns at least, {:.1} in the middle: {:.0} and {:.0} cycles",
            cost.repetitions.len(),
            least,
            median,
            least * rate / 1e9,
            median * rate / 1e9,
        );
    }
    for (index, worker) in played.workers.iter().enumerate() {
        let cost = worker.cpu_nanos as f64 / worker.packets.max(1) as f64;
        say!("worker {index}: {} packets, {cost:.1} ns of CPU a packet", worker.packets);
    }
    for port in switch.tables.port_stats(PortNo::ANY, played.end).unwrap_or_default() {
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
    say!("to the controller: {}", played.punts);
    for (table, compiled) in used_tables(switch) {
        say!(
            "table {}: {}, {} entries in {} bytes, {:.1} probes a lookup",
            table.table_id.0,
            compiled.template,
            table.active_count,
            compiled.memory_len,
            compiled.probes,
        );
    }
    for (name, count) in drops(switch) {
        say!("dropped, {name}: {count}");
    }
    for flow in flow_stats(switch, played.end) {
        say!("{flow}");
    }
}

fn report_json(
    switch: &Switch,
    trace: &Trace,
    played: &Played,
    cost: &Cost,
    setup: &Setup,
) -> serde_json::Value {
    let ports: Vec<_> = switch
        .tables
        .port_stats(PortNo::ANY, played.end)
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
    let flows: Vec<_> = flow_stats(switch, played.end)
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
    let tables: Vec<_> = used_tables(switch)
        .map(|(table, compiled)| {
            json!({
                "table_id": table.table_id.0,
                "active_count": table.active_count,
                "lookup_count": table.lookup_count,
                "matched_count": table.matched_count,
                "template": compiled.template.to_string(),
                "mask_count": compiled.mask_count,
                "overlay_count": compiled.overlay_count,
                "memory_len": compiled.memory_len,
                "probes_per_lookup": compiled.probes,
            })
        })
        .collect();
    let cpu_nanos = cost.repetitions.iter().map(|repetition| repetition.cpu_nanos).sum();
    let alone = [Share { packets: played.packets, cpu_nanos }];
    let workers = if played.workers.is_empty() { &alone } else { &played.workers[..] };
    let workers: Vec<_> = workers
        .iter()
        .map(|worker| json!({ "packets": worker.packets, "cpu_ns": worker.cpu_nanos }))
        .collect();
    let drops: serde_json::Map<_, _> =
        drops(switch).map(|(name, count)| (name.to_owned(), json!(count))).collect();
    let cache = switch.worker.flow_cache();
    json!({
        "flow_cache": {
            "hits": cache.hit_count,
            "misses": cache.miss_count,
            "bypasses": cache.bypass_count,
        },
        "rounds": played.rounds,
        "frames_per_round": trace.frame_count(),
        "packets": played.packets,
        "bytes": played.bytes,
        "packet_ins": played.punts,
        "cpu_ns_per_packet": cost.nanos_per_packet(),
        "wall_seconds": cost.wall_seconds(),
        "workers": workers,
        "cost": cost.json(setup),
        "ports": ports,
        "tables": tables,
        "flow_cache": {
            "hit_count": cache.hit_count,
            "miss_count": cache.miss_count,
            "bypass_count": cache.bypass_count,
        },
        "flows": flows,
        "drops": drops,
    })
}
