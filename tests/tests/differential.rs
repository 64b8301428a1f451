//! The datapath against the oracle: the same flow-mods, groups and frames to both, and every output,
//! packet-in and counter must be the same.
//!
//! `CASES=N` sets the number of pipelines (default 400); proptest prints the seed of a failure and
//! shrinks it.

use datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig};
use hypercall::{Frame, Meta, Nanos, Port, VecFrame, fake::Recorder};
use ofp_codec::multipart::FlowStatsRequest;
use ofp_codec::{FlowMod, GroupMod, OxmField, TableId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use rumpswitch_tests::generate::{PORTS, flows, frames};
use rumpswitch_tests::oracle::{Oracle, Outcome};

fn cases() -> u32 {
    std::env::var("CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(400)
}

fn switch() -> Switch {
    let config =
        SwitchConfig { punt_queue_count: 4096, n_tables: flows::TABLES, ..SwitchConfig::default() };
    let mut switch = Switch::new(config);
    for port in PORTS {
        let config = PortConfig::new(Port(port), &format!("p{port}"));
        switch.tables.port_add(Nanos(0), config).expect("ports are new");
    }
    while switch.tables.next_news().is_some() {}
    switch
}

/// What the switch sent since the last call, in an order that does not matter.
fn outcomes(switch: &mut Switch, host: &mut Recorder) -> Vec<Outcome> {
    let sent = host
        .take()
        .into_iter()
        .map(|sent| Outcome::Sent { port: sent.port.0, frame: sent.frame.headers().to_vec() });
    let mut all: Vec<_> = sent.collect();
    while let Some(punt) = switch.worker.next_punt() {
        let packet = punt.packet_in;
        all.push(Outcome::PacketIn {
            reason: packet.reason as u8,
            table: packet.table_id.0,
            cookie: packet.cookie,
            metadata: packet.matching.exact(OxmField::Metadata).unwrap_or(0) as u64,
            frame: packet.data,
        });
    }
    all.sort();
    all
}

/// Table, priority, cookie, match and packets of every entry.
type EntryCount = (u8, u16, u64, String, u64);

fn switch_entries(switch: &Switch) -> Vec<EntryCount> {
    let mut cursor = switch.tables.flow_stats(&FlowStatsRequest::default()).expect("valid");
    let mut all = Vec::new();
    while let Some(flow) =
        switch.tables.next_flow_stats(&mut cursor, Nanos(0), &mut u32::MAX.clone())
    {
        let matching = format!("{:?}", flow.matching);
        all.push((flow.table_id.0, flow.priority, flow.cookie, matching, flow.packet_count));
    }
    all.sort();
    all
}

fn oracle_entries(oracle: &Oracle) -> Vec<EntryCount> {
    let entries = oracle.tables.values().flatten();
    let mut all: Vec<EntryCount> = entries
        .map(|entry| {
            let FlowMod { table_id: TableId(table), priority, cookie, ref matching, .. } =
                entry.flow;
            (table, priority, cookie, format!("{matching:?}"), entry.packets)
        })
        .collect();
    all.sort();
    all
}

/// One step of a run.
#[derive(Clone, Debug)]
enum Step {
    FlowMod(flows::FlowSpec),
    /// Frames by their place in the pool.
    Frames(Vec<usize>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => flows::flow_spec().prop_map(Step::FlowMod),
        1 => vec(any::<usize>(), 1..20).prop_map(Step::Frames),
    ];
    vec(step, 1..60)
}

/// The frames of a run, each with the port that it comes in by.
fn pool() -> impl Strategy<Value = Vec<(u32, frames::FrameSpec)>> {
    vec((select(PORTS.to_vec()), frames::frame()), 1..8)
}

fn groups() -> impl Strategy<Value = Vec<GroupMod>> {
    (0..flows::GROUPS).map(flows::group).collect::<Vec<_>>()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn datapath_equals_oracle(groups in groups(), pool in pool(), steps in steps()) {
        let pool: Vec<_> = pool.iter().map(|(port, frame)| (*port, frame.bytes())).collect();
        let mut switch = switch();
        let mut oracle = Oracle::new(&PORTS);
        let mut host = Recorder::default();
        for group in &groups {
            if switch.tables.group_mod(Nanos(0), group).is_ok() {
                oracle.group_mod(group);
            }
        }
        for step in &steps {
            match step {
                Step::FlowMod(spec) => {
                    let flow = spec.resolve(&pool);
                    if switch.tables.flow_mod(Nanos(0), &flow).is_ok() {
                        oracle.flow_mod(&flow);
                    }
                    prop_assert_eq!(switch_entries(&switch), oracle_entries(&oracle));
                }
                Step::Frames(frames) => {
                    let mut batch: Batch<VecFrame> = Batch::new();
                    let mut expected = Vec::new();
                    for place in frames {
                        let (port, bytes) = &pool[place % pool.len()];
                        let frame = VecFrame::from_bytes(bytes);
                        batch.push(Ingress { port: Port(*port), meta: Meta::default(), frame });
                        expected.extend(oracle.receive(*port, bytes));
                    }
                    switch.process(&mut host, Nanos(0), &mut batch);
                    expected.sort();
                    prop_assert_eq!(outcomes(&mut switch, &mut host), expected);
                }
            }
        }
        prop_assert_eq!(switch_entries(&switch), oracle_entries(&oracle));
        for table in switch.tables.table_stats() {
            let count = oracle.counts.get(&table.table_id.0).copied().unwrap_or_default();
            prop_assert_eq!((table.lookup_count, table.matched_count), (count.lookups, count.matched));
        }
    }
}
