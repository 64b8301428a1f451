//! All counters of a switch at one moment, so that a test can say which of them moved and that no
//! other did.

use std::collections::BTreeMap;

use datapath::Tables;
use hypercall::Nanos;
use ofp_codec::multipart::FlowStatsRequest;
use ofp_codec::{GroupId, MeterId, PortNo};
use switch_dev::Device;

/// Counts of things and of bytes, by what they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot(BTreeMap<String, (u64, u64)>);

impl Snapshot {
    /// Reads every counter of the device: drop reasons, ports, tables, flow entries (named by table,
    /// priority and cookie), groups, meters, channels.
    pub fn of_device(device: &Device, now: Nanos) -> Snapshot {
        let mut snapshot = Snapshot::of_tables(&device.switch().tables, now);
        let counters = device.counters();
        snapshot.add("too slow", counters.too_slow, 0);
        snapshot.add("unwanted packet-ins", counters.unwanted_packet_ins, 0);
        for (index, channel) in device.channels().enumerate() {
            let Some(status) = device.status(channel) else { continue };
            snapshot.add(format!("channel {index} errors"), status.counters.errors, 0);
            snapshot.add(format!("channel {index} packet-ins"), status.counters.packet_ins, 0);
            let dropped = status.counters.packet_ins_dropped;
            snapshot.add(format!("channel {index} packet-ins dropped"), dropped, 0);
        }
        snapshot
    }

    /// Reads every counter of the tables.
    pub fn of_tables(tables: &Tables, now: Nanos) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (reason, count) in tables.drops() {
            snapshot.add(format!("drop {}", reason.name()), count, 0);
        }
        for port in tables.port_stats(PortNo::ANY, now).expect("statistics of all ports") {
            let name = |what: &str| format!("port {} {what}", port.port_no.0);
            snapshot.add(name("rx"), port.rx_packets, port.rx_bytes);
            snapshot.add(name("tx"), port.tx_packets, port.tx_bytes);
            snapshot.add(name("rx dropped"), port.rx_dropped, 0);
            snapshot.add(name("tx dropped"), port.tx_dropped, 0);
            snapshot.add(name("errors"), port.rx_errors + port.tx_errors, 0);
        }
        for table in tables.table_stats() {
            let id = table.table_id.0;
            snapshot.add(format!("table {id} lookups"), table.lookup_count, 0);
            snapshot.add(format!("table {id} matches"), table.matched_count, 0);
        }
        snapshot.add_flows(tables, now);
        for group in tables.group_stats(GroupId::ALL, now) {
            let id = group.group_id.0;
            snapshot.add(format!("group {id}"), group.packet_count, group.byte_count);
            for (index, bucket) in group.buckets.iter().enumerate() {
                let name = format!("group {id} bucket {index}");
                snapshot.add(name, bucket.packet_count, bucket.byte_count);
            }
        }
        for meter in tables.meter_stats(MeterId::ALL, now).expect("statistics of all meters") {
            let id = meter.meter_id.0;
            snapshot.add(format!("meter {id}"), meter.packet_in_count, meter.byte_in_count);
            for (index, band) in meter.bands.iter().enumerate() {
                let name = format!("meter {id} band {index}");
                snapshot.add(name, band.packet_band_count, band.byte_band_count);
            }
        }
        snapshot
    }

    fn add_flows(&mut self, tables: &Tables, now: Nanos) {
        let mut cursor = tables.flow_stats(&FlowStatsRequest::default()).expect("all entries");
        while !cursor.is_done() {
            while let Some(flow) = tables.next_flow_stats(&mut cursor, now, &mut 1000) {
                let name = format!("entry {}/{}/{}", flow.table_id.0, flow.priority, flow.cookie);
                self.add(name, flow.packet_count, flow.byte_count);
            }
        }
    }

    fn add(&mut self, name: impl Into<String>, count: u64, bytes: u64) {
        let sum = self.0.entry(name.into()).or_default();
        *sum = (sum.0.wrapping_add(count), sum.1.wrapping_add(bytes));
    }

    /// A counter's value, 0 when there is none of that name.
    pub fn count(&self, name: &str) -> u64 {
        self.0.get(name).map_or(0, |(count, _)| *count)
    }

    /// The sum of the counters whose name begins so.
    pub fn sum(&self, prefix: &str) -> u64 {
        let with_prefix = self.0.iter().filter(|(name, _)| name.starts_with(prefix));
        with_prefix.map(|(_, (count, _))| count).sum()
    }

    /// What moved since an earlier snapshot, as `name count` or `name count/bytes`, sorted by name.
    /// What has gone since is left out, what came counts from 0.
    pub fn moved_since(&self, earlier: &Snapshot) -> Vec<String> {
        let mut moved = Vec::new();
        for (name, (count, bytes)) in &self.0 {
            let before = earlier.0.get(name).copied().unwrap_or_default();
            let count = count.wrapping_sub(before.0);
            match bytes.wrapping_sub(before.1) {
                0 if count == 0 => {}
                0 => moved.push(format!("{name} {count}")),
                bytes => moved.push(format!("{name} {count}/{bytes}")),
            }
        }
        moved
    }
}
