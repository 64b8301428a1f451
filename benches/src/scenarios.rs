//! What the fast path is measured on: flow tables and the frames that go through them. The criterion
//! bench `fastpath` and the instruction counts take the same ones.

use crate::frames::{tagged, udp, udp_between, udp_to};
use crate::random::Random;
use crate::rules::{Rules, acl, masks};

/// A switch's tables as text, and frames for them.
#[derive(Clone, Debug, Default)]
pub struct Scenario {
    /// Flow entries, in flow text.
    pub flows: Vec<String>,
    /// Groups, in group text.
    pub groups: Vec<String>,
    /// Meters, in meter text.
    pub meters: Vec<String>,
    /// Frames, received by port 1 in turn.
    pub frames: Vec<Vec<u8>>,
    /// Frames that port 2 received before.
    pub answers: Vec<Vec<u8>>,
}

/// Names of the scenarios.
pub const NAMES: [&str; 18] = [
    "drop",
    "port",
    "l2-10",
    "l2-1000",
    "l2-100000",
    "normal",
    "normal-known",
    "pipe3",
    "setfield",
    "vlan-push",
    "vlan-pop",
    "route",
    "lpm-1000",
    "masks-100",
    "acl-1000",
    "meter",
    "group-select",
    "group-all",
];

/// The scenario of that name.
pub fn scenario(name: &str) -> Option<Scenario> {
    Some(match name {
        "drop" => Scenario::flow("in_port=1,actions=drop"),
        "port" => Scenario::flow("in_port=1,actions=output:2"),
        "l2-10" => l2(10),
        "l2-1000" => l2(1_000),
        "l2-100000" => l2(100_000),
        "normal" => {
            Scenario { frames: (0..1_000).map(udp).collect(), ..Scenario::flow("actions=normal") }
        }
        "normal-known" => Scenario {
            frames: (0..1_000).map(|station| udp_between(station, 1_000_000 + station)).collect(),
            answers: (0..1_000).map(|station| udp_between(1_000_000 + station, station)).collect(),
            ..Scenario::flow("actions=normal")
        },
        "pipe3" => pipe3(),
        "setfield" => Scenario::flow(
            "in_port=1,udp,actions=set_field:02:00:00:00:aa:01->eth_src,\
             set_field:02:00:00:00:bb:01->eth_dst,set_field:10.9.8.7->ip_dst,\
             set_field:4321->udp_dst,dec_ttl,output:2",
        ),
        "vlan-push" => {
            Scenario::flow("in_port=1,actions=push_vlan:0x8100,set_field:4196->vlan_vid,output:2")
        }
        "vlan-pop" => Scenario {
            frames: vec![tagged(udp(1), 100)],
            ..Scenario::flow("in_port=1,dl_vlan=100,actions=pop_vlan,output:2")
        },
        "route" => Scenario::flow(&format!("ip,actions={}", hop(9))),
        "lpm-1000" => lpm(1_000),
        "masks-100" => remembered(masks(100, 1_000)),
        "acl-1000" => remembered(acl(1_000)),
        "meter" => Scenario {
            meters: vec![
                "meter=1,pktps,burst,band=type=drop,rate=4000000000,burst_size=4000000".into(),
            ],
            ..Scenario::flow("in_port=1,actions=meter:1,output:2")
        },
        "group-select" => group("select", "weight:1,"),
        "group-all" => group("all", ""),
        _ => return None,
    })
}

impl Scenario {
    fn flow(flow: &str) -> Scenario {
        Scenario { flows: vec![flow.into()], frames: vec![udp(1)], ..Scenario::default() }
    }
}

/// What a router does to a packet for its `hop`th neighbour.
fn hop(hop: u32) -> String {
    let [_, _, high, low] = hop.to_be_bytes();
    format!(
        "dec_ttl,set_field:02:00:00:00:aa:01->eth_src,\
         set_field:02:00:00:02:{high:02x}:{low:02x}->eth_dst,output:2"
    )
}

/// One entry for each station's MAC address.
fn l2(count: u32) -> Scenario {
    let entry = |station: u32| {
        let [a, b, c, d] = station.to_be_bytes();
        format!("dl_dst=02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x},actions=output:2")
    };
    Scenario {
        flows: (0..count).map(entry).collect(),
        frames: (0..count).map(udp).collect(),
        ..Scenario::default()
    }
}

/// Ports to metadata, a few refused services, 1,000 hosts.
fn pipe3() -> Scenario {
    let mut flows = vec!["in_port=1,actions=write_metadata:0x11,goto_table:1".to_string()];
    for service in [23, 135, 139, 445, 1433] {
        for protocol in ["tcp", "udp"] {
            flows.push(format!("table=1,priority=20,{protocol},tp_dst={service},actions=drop"));
        }
    }
    flows.push("table=1,priority=1,actions=goto_table:2".into());
    for station in 0..1_000_u32 {
        let [_, b, c, d] = station.to_be_bytes();
        let hop = hop(station);
        flows.push(format!("table=2,metadata=0x11,ip,nw_dst=10.{b}.{c}.{d},actions={hop}"));
    }
    Scenario { flows, frames: (0..1_000).map(udp).collect(), ..Scenario::default() }
}

/// Prefixes of 8 to 28 bits, longer ones first, and packets into them.
fn lpm(count: usize) -> Scenario {
    let mut scenario = Scenario::default();
    for (index, (address, len)) in prefixes(count).into_iter().enumerate() {
        let [a, b, c, d] = address.to_be_bytes();
        let (priority, hop) = (100 + len, hop(index as u32));
        scenario
            .flows
            .push(format!("priority={priority},ip,nw_dst={a}.{b}.{c}.{d}/{len},actions={hop}"));
        let [_, _, _, last] = (address | 5).to_be_bytes();
        scenario.frames.push(udp_to([a, b, c, last], [2, 0, 0, 0, 0, 9]));
    }
    scenario
}

/// A table whose lookup is dear, and packets of a hundred flows, whose answers are remembered.
fn remembered(rules: Rules) -> Scenario {
    let flow = |(priority, matching)| format!("priority={priority},{matching},actions=output:2");
    Scenario {
        flows: rules.matches.into_iter().map(flow).collect(),
        frames: rules.frames.into_iter().take(100).collect(),
        ..Scenario::default()
    }
}

/// Different IPv4 prefixes.
pub(crate) fn prefixes(count: usize) -> Vec<(u32, u32)> {
    let mut random = Random::new(1);
    let mut prefixes = std::collections::BTreeSet::new();
    while prefixes.len() < count {
        let len = [8, 16, 16, 20, 22, 23, 24, 24, 24, 24, 24, 28][random.below(12)];
        let address = random.next() as u32 & (u32::MAX << (32 - len));
        prefixes.insert((address, len));
    }
    prefixes.into_iter().collect()
}

/// Four buckets, each with a next hop of its own.
fn group(kind: &str, weight: &str) -> Scenario {
    let bucket = |number| {
        format!(",bucket={weight}actions=set_field:02:00:00:00:bb:0{number}->eth_dst,output:2")
    };
    let buckets: String = (0..4).map(bucket).collect();
    Scenario {
        groups: vec![format!("group_id=1,type={kind}{buckets}")],
        frames: (0..64).map(udp).collect(),
        ..Scenario::flow("in_port=1,actions=group:1")
    }
}
