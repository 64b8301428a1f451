//! Everything that can be asked of the two: entries, counters, descriptions.

use std::collections::BTreeMap;

use datapath::Switch;
use hypercall::Nanos;
use ofp_codec::multipart::{
    BandStats, BucketCounter, FlowStats, FlowStatsRequest, GroupStats, MeterStats, PortStats,
    QueueStats, QueueStatsRequest,
};
use ofp_codec::{GroupId, MeterId, PortNo, QUEUE_ALL, TableId};

use super::same;
use crate::oracle::{Oracle, duration};

/// Compares all of it.
pub(super) fn compare(switch: &Switch, oracle: &Oracle) -> Result<(), String> {
    let now = Nanos(oracle.now);
    compare_flows(switch, oracle)?;
    for table in switch.tables.table_stats() {
        let count = oracle.counts.get(&table.table_id.0).copied().unwrap_or_default();
        let active = oracle.tables.get(&table.table_id.0).map_or(0, Vec::len);
        let name = format!("table {}: active, lookups, matches", table.table_id);
        let counts = (table.active_count as usize, table.lookup_count, table.matched_count);
        same(&name, counts, (active, count.lookups, count.matched))?;
    }
    let drops: BTreeMap<&str, u64> = switch
        .tables
        .drops()
        .filter(|(_, count)| *count > 0)
        .map(|(reason, count)| (reason.name(), count))
        .collect();
    let theirs: BTreeMap<&str, u64> = oracle.drops.iter().map(|(name, n)| (*name, *n)).collect();
    same("drops", drops, theirs)?;
    for (ours, theirs) in each(switch.tables.group_stats(GroupId::ALL, now), groups(oracle))? {
        same("group", ours, theirs)?;
    }
    let given = oracle.groups.values().map(|group| &group.given);
    for (ours, theirs) in each(switch.tables.group_descs(), given.collect())? {
        let description = (theirs.group_id, theirs.group_type, &theirs.buckets);
        same("group desc", (ours.group_id, ours.group_type, &ours.buckets), description)?;
    }
    let meter_stats = switch.tables.meter_stats(MeterId::ALL, now).map_err(|e| e.to_string())?;
    for (ours, theirs) in each(meter_stats, meters(oracle))? {
        same("meter", ours, theirs)?;
    }
    let configs = switch.tables.meter_configs(MeterId::ALL).map_err(|e| e.to_string())?;
    let given = oracle.meters.values().map(|meter| &meter.given);
    for (ours, theirs) in each(configs, given.collect())? {
        let config = (theirs.meter_id, theirs.flags, &theirs.bands);
        same("meter config", (ours.meter_id, ours.flags, &ours.bands), config)?;
    }
    compare_ports(switch, oracle)
}

/// Pairs, when there are equally many.
fn each<A, B>(ours: Vec<A>, theirs: Vec<B>) -> Result<Vec<(A, B)>, String> {
    let name = std::any::type_name::<A>();
    same(&format!("count of {name}"), ours.len(), theirs.len())?;
    Ok(ours.into_iter().zip(theirs).collect())
}

fn compare_flows(switch: &Switch, oracle: &Oracle) -> Result<(), String> {
    let request = FlowStatsRequest::default();
    let mut cursor = switch.tables.flow_stats(&request).map_err(|error| error.to_string())?;
    let mut flows: Vec<FlowStats> = Vec::new();
    while let Some(flow) =
        switch.tables.next_flow_stats(&mut cursor, Nanos(oracle.now), &mut u32::MAX.clone())
    {
        flows.push(flow);
    }
    let theirs: Vec<FlowStats> =
        oracle.tables.values().flatten().map(|entry| entry.stats(oracle.now)).collect();
    for (ours, theirs) in each(flows, theirs)? {
        same("flow entry", ours, theirs)?;
    }
    // Sums over what a request selects: each table, each cookie, each output.
    let mut requests: Vec<FlowStatsRequest> = oracle
        .tables
        .keys()
        .map(|table| FlowStatsRequest { table_id: TableId(*table), ..request.clone() })
        .collect();
    requests.push(FlowStatsRequest { cookie: 1, cookie_mask: 1, ..request.clone() });
    requests.push(FlowStatsRequest { out_port: PortNo(2), ..request.clone() });
    requests.push(FlowStatsRequest { out_group: GroupId(1), ..request.clone() });
    let some = oracle.tables.values().flatten().last();
    let within = some.map(|entry| entry.flow.matching.clone()).unwrap_or_default();
    requests.push(FlowStatsRequest { matching: within, ..request });
    for request in requests {
        let sum = switch.tables.aggregate(&request).map_err(|error| error.to_string())?;
        let ours = (sum.packet_count, sum.byte_count, sum.flow_count);
        same("aggregate", ours, oracle.aggregate(&request))?;
    }
    Ok(())
}

fn groups(oracle: &Oracle) -> Vec<GroupStats> {
    let stats = |(id, group): (&u32, &crate::oracle::OracleGroup)| {
        let (duration_sec, duration_nsec) = duration(group.created, oracle.now);
        let buckets = group.buckets.iter();
        GroupStats {
            group_id: GroupId(*id),
            ref_count: oracle.references(*id),
            packet_count: group.load.packets,
            byte_count: group.load.bytes,
            duration_sec,
            duration_nsec,
            buckets: buckets
                .map(|load| BucketCounter { packet_count: load.packets, byte_count: load.bytes })
                .collect(),
        }
    };
    oracle.groups.iter().map(stats).collect()
}

fn meters(oracle: &Oracle) -> Vec<MeterStats> {
    let stats = |(id, meter): (&u32, &crate::oracle::OracleMeter)| {
        let (duration_sec, duration_nsec) = duration(meter.created, oracle.now);
        let bands = meter.bands.iter();
        MeterStats {
            meter_id: MeterId(*id),
            flow_count: oracle.metered(*id),
            packet_in_count: meter.load.packets,
            byte_in_count: meter.load.bytes,
            duration_sec,
            duration_nsec,
            bands: bands
                .map(|load| BandStats {
                    packet_band_count: load.packets,
                    byte_band_count: load.bytes,
                })
                .collect(),
        }
    };
    oracle.meters.iter().map(stats).collect()
}

fn compare_ports(switch: &Switch, oracle: &Oracle) -> Result<(), String> {
    let descs: Vec<_> = oracle.ports.values().map(|port| port.desc.clone()).collect();
    same("port descriptions", switch.tables.port_descs(), descs)?;
    let stats = switch.tables.port_stats(PortNo::ANY, Nanos(oracle.now));
    let ours = stats.map_err(|error| error.to_string())?;
    let theirs = oracle.ports.values().map(|port| {
        let counts = port.counts;
        let (duration_sec, duration_nsec) = duration(port.added, oracle.now);
        PortStats {
            port_no: port.desc.port_no,
            rx_packets: counts.rx_packets,
            tx_packets: counts.tx_packets,
            rx_bytes: counts.rx_bytes,
            tx_bytes: counts.tx_bytes,
            rx_dropped: counts.rx_dropped,
            tx_dropped: counts.tx_dropped,
            duration_sec,
            duration_nsec,
            ..PortStats::default()
        }
    });
    for (ours, theirs) in each(ours, theirs.collect())? {
        same("port", ours, theirs)?;
    }
    let request = QueueStatsRequest { port_no: PortNo::ANY, queue_id: QUEUE_ALL };
    let stats = switch.tables.queue_stats(request, Nanos(oracle.now));
    let ours = stats.map_err(|error| error.to_string())?;
    let queues = oracle.ports.values().flat_map(|port| {
        let (duration_sec, duration_nsec) = duration(port.added, oracle.now);
        port.queues.iter().map(move |(id, (sent, lost))| QueueStats {
            port_no: port.desc.port_no,
            queue_id: *id,
            tx_bytes: sent.bytes,
            tx_packets: sent.packets,
            tx_errors: *lost,
            duration_sec,
            duration_nsec,
        })
    });
    same("queues", ours, queues.collect())
}
