//! Lookup against first match: hundreds of rules with many masks, as an access list has them, each
//! with a priority of its own, and ten thousand packets. The oracle reads the list from the top; the
//! counters of every entry must be what it says.

use datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig};
use hypercall::{Meta, Nanos, Port, VecFrame, fake::Recorder};
use ofp_codec::multipart::FlowStatsRequest;
use ofp_codec::{Action, FlowMod, FlowModCommand, Instruction, Match, Oxm, OxmField, PortNo};

const RULES: usize = 400;
const PACKETS: usize = 10_000;

/// splitmix64: the same numbers everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// What a rule looks at, and what a packet has there.
const FIELDS: usize = 5;

/// Source, destination, protocol, source and destination port.
type Header = [u32; FIELDS];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    value: Header,
    mask: Header,
}

impl Rule {
    fn matches(&self, header: &Header) -> bool {
        (0..FIELDS).all(|at| header[at] & self.mask[at] == self.value[at])
    }

    fn matching(&self) -> Match {
        let [_, _, proto, ..] = self.value;
        let (source, destination) = match proto {
            6 => (OxmField::TcpSrc, OxmField::TcpDst),
            _ => (OxmField::UdpSrc, OxmField::UdpDst),
        };
        let fields = [
            (OxmField::Ipv4Src, u32::MAX),
            (OxmField::Ipv4Dst, u32::MAX),
            (OxmField::IpProto, 0xff),
            (source, 0xffff),
            (destination, 0xffff),
        ];
        let mut matching = Match::any();
        matching.push(Oxm::new(OxmField::EthType, 0x0800)).unwrap();
        for (at, (field, full)) in fields.into_iter().enumerate() {
            let (value, mask) = (self.value[at].into(), self.mask[at]);
            match mask {
                0 => continue,
                mask if mask == full => matching.push(Oxm::new(field, value)).unwrap(),
                mask => matching.push(Oxm::masked(field, value, mask.into())).unwrap(),
            }
        }
        matching
    }
}

fn prefix(len: u32) -> u32 {
    u32::MAX.checked_shl(32 - len).unwrap_or(0)
}

/// Rules over a few networks, so that they nest and overlap; the more specific mostly come first.
fn rules(random: &mut Random) -> Vec<Rule> {
    let networks: Vec<u32> = (0..12)
        .map(|n| 0x0a00_0000 | (n % 3) << 16 | (n % 4) << 8)
        .chain([0xc0a8_0000, 0xc0a8_0100])
        .collect();
    let mut rules: Vec<Rule> = Vec::new();
    while rules.len() < RULES {
        let lens = [0, 0, 8, 12, 16, 20, 22, 24, 24, 27, 28, 30, 32, 32];
        let address = |random: &mut Random| random.pick(&networks) | random.below(256) as u32;
        let port = |random: &mut Random| random.pick(&[22, 53, 80, 443, 1024, 5000, 8080, 40_000]);
        let mut value =
            [address(random), address(random), random.pick(&[6, 17]), port(random), port(random)];
        let mut mask = [
            prefix(random.pick(&lens)),
            prefix(random.pick(&lens)),
            random.pick(&[0, 0xff, 0xff, 0xff]),
            random.pick(&[0, 0, 0, 0xffff, 0xfc00, 0x8000]),
            random.pick(&[0, 0xffff, 0xffff, 0xff00, 0xfff0, 0xf000]),
        ];
        if mask[2] == 0 {
            // Ports have no meaning then.
            (mask[3], mask[4]) = (0, 0);
        }
        (0..FIELDS).for_each(|at| value[at] &= mask[at]);
        let rule = Rule { value, mask };
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    let bits = |rule: &Rule| rule.mask.iter().map(|mask| mask.count_ones()).sum::<u32>();
    let mut keyed: Vec<_> =
        rules.into_iter().map(|rule| (bits(&rule) + random.below(24) as u32, rule)).collect();
    keyed.sort_by_key(|(bits, _)| std::cmp::Reverse(*bits));
    keyed.into_iter().map(|(_, rule)| rule).collect()
}

/// A header in one of the rules, at random where the rule does not look.
fn header(random: &mut Random, rules: &[Rule]) -> Header {
    let Rule { value, mask } = &rules[random.below(rules.len())];
    let noise = [
        random.next() as u32,
        random.next() as u32,
        random.pick(&[6, 17]),
        random.below(1 << 16) as u32,
        random.below(1 << 16) as u32,
    ];
    std::array::from_fn(|at| value[at] | noise[at] & !mask[at])
}

fn frame(header: &Header) -> VecFrame {
    let [src, dst, proto, src_port, dst_port] = *header;
    let mut bytes = vec![2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0];
    bytes.extend([0x45, 0, 0, 46, 0, 0, 0, 0, 64, proto as u8, 0, 0]);
    bytes.extend(src.to_be_bytes());
    bytes.extend(dst.to_be_bytes());
    bytes.extend((src_port as u16).to_be_bytes());
    bytes.extend((dst_port as u16).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 0, 0, 0, 0, 0x50, 0]);
    bytes.resize(60, 0);
    VecFrame::from_bytes(&bytes)
}

fn flow_mod(command: FlowModCommand, priority: usize, rule: &Rule) -> FlowMod {
    FlowMod {
        command,
        priority: priority as u16,
        matching: rule.matching(),
        instructions: vec![Instruction::ApplyActions(vec![Action::output(PortNo(2))])],
        ..FlowMod::default()
    }
}

fn send(switch: &mut Switch, host: &mut Recorder, headers: &[Header]) {
    for headers in headers.chunks(32) {
        let mut batch = Batch::new();
        for header in headers {
            let (port, meta) = (Port(1), Meta::default());
            batch.push(Ingress { port, meta, frame: frame(header) });
        }
        switch.process(host, Nanos(0), &mut batch);
    }
}

/// Packets of each entry, by priority.
fn counts(switch: &Switch) -> Vec<(u16, u64)> {
    let mut cursor = switch.tables.flow_stats(&FlowStatsRequest::default()).unwrap();
    let next = || switch.tables.next_flow_stats(&mut cursor, Nanos(0), &mut u32::MAX.clone());
    let mut counts: Vec<_> =
        std::iter::from_fn(next).map(|flow| (flow.priority, flow.packet_count)).collect();
    counts.sort();
    counts
}

#[test]
fn the_first_rule_of_a_list_takes_the_packet() {
    let mut random = Random(0x5eed);
    let rules = rules(&mut random);
    let masks: std::collections::HashSet<_> = rules.iter().map(|rule| rule.mask).collect();
    assert!(masks.len() > 200, "{} masks", masks.len());

    let mut switch = Switch::new(SwitchConfig::default());
    for port in [1, 2] {
        switch.tables.port_add(Nanos(0), PortConfig::new(Port(port), "port")).unwrap();
    }
    let mut host = Recorder::default();
    // The top of the list has the highest priority. Added in an order that has nothing to do with
    // it.
    let priority = |place: usize| RULES - place;
    let mut order: Vec<usize> = (0..RULES).collect();
    (1..RULES).for_each(|at| order.swap(at, random.below(at + 1)));
    for place in &order {
        let add = flow_mod(FlowModCommand::Add, priority(*place), &rules[*place]);
        switch.tables.flow_mod(Nanos(0), &add).unwrap();
    }
    let mut is_there = vec![true; RULES];
    let mut expected = vec![0; RULES];
    // A third of the packets, then half of the rules go, then they come back with counters at 0.
    for round in 0..3 {
        let changed = if round == 0 { &[] } else { &order[..RULES / 2] };
        for place in changed {
            let command = match round {
                1 => FlowModCommand::DeleteStrict,
                _ => FlowModCommand::Add,
            };
            let change = flow_mod(command, priority(*place), &rules[*place]);
            switch.tables.flow_mod(Nanos(0), &change).unwrap();
            is_there[*place] = round == 2;
            expected[*place] = 0;
        }
        let headers: Vec<Header> = (0..PACKETS / 3).map(|_| header(&mut random, &rules)).collect();
        send(&mut switch, &mut host, &headers);
        let mut hits = 0;
        for header in &headers {
            let first = (0..RULES).find(|place| is_there[*place] && rules[*place].matches(header));
            if let Some(place) = first {
                expected[place] += 1;
                hits += 1;
            }
        }
        assert_eq!(host.take().len(), hits, "round {round}");
        let there = (0..RULES).rev().filter(|place| is_there[*place]);
        let there: Vec<_> = there.map(|place| (priority(place) as u16, expected[place])).collect();
        assert_eq!(counts(&switch), there, "round {round}");
        let hit = expected.iter().filter(|count| **count > 0).count();
        assert!(hit > RULES / 4, "only {hit} rules were hit in round {round}");
    }
}
