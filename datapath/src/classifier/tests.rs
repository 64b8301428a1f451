use alloc::vec;
use alloc::vec::Vec;
use std::time::Instant;

use ofp_codec::{Match, Oxm, OxmField};
use proptest::prelude::*;

use super::compiled::Kind;
use super::sorted;
use super::*;
use crate::key::{Depth, Presence};
use crate::samples::cpu_nanos;

/// What a classifier is compared with: a list, searched from end to end.
#[derive(Default)]
struct Linear {
    entries: Vec<(MaskedKey, u16, u32, u64)>,
    sequence: u64,
}

impl Linear {
    fn insert(&mut self, key: &MaskedKey, priority: u16, slot: u32) -> Option<u32> {
        self.sequence += 1;
        let old = self.remove(key, priority);
        self.entries.push((*key, priority, slot, self.sequence));
        old
    }

    fn remove(&mut self, key: &MaskedKey, priority: u16) -> Option<u32> {
        let at = self.entries.iter().position(|e| e.0 == *key && e.1 == priority)?;
        Some(self.entries.remove(at).2)
    }

    fn get(&self, key: &MaskedKey, priority: u16) -> Option<u32> {
        self.entries.iter().find(|e| e.0 == *key && e.1 == priority).map(|e| e.2)
    }

    fn find(&self, key: &Key) -> Option<u32> {
        let hits = self.entries.iter().filter(|e| e.0.matches(key));
        hits.max_by_key(|e| (e.1, e.3)).map(|e| e.2)
    }

    fn overlaps(&self, key: &MaskedKey, priority: u16) -> bool {
        self.entries.iter().any(|e| e.1 == priority && e.0 != *key && e.0.overlaps(key))
    }

    fn mask_count(&self) -> usize {
        let mut masks: Vec<Key> = Vec::new();
        for (key, ..) in self.entries.iter().filter(|e| !e.0.is_any()) {
            if !masks.contains(key.mask()) {
                masks.push(*key.mask());
            }
        }
        masks.len()
    }

    fn needs(&self) -> Needs {
        self.entries.iter().fold(Needs::default(), |needs, e| needs.union(e.0.needs()))
    }
}

const FIELDS: [OxmField; 7] = [
    OxmField::InPort,
    OxmField::EthDst,
    OxmField::VlanVid,
    OxmField::Ipv4Dst,
    OxmField::TcpDst,
    OxmField::UdpDst,
    OxmField::Ipv6Dst,
];

/// A match of a few fields with values and masks of few bits, so that matches meet.
fn matching() -> impl Strategy<Value = MaskedKey> {
    let masks = prop::sample::select(vec![None, Some(0), Some(1), Some(2), Some(6)]);
    let field = (prop::sample::select(FIELDS.to_vec()), 0u128..4, masks);
    prop::collection::vec(field, 0..3).prop_map(|fields| {
        let mut key = MaskedKey::ANY;
        for (field, value, mask) in fields {
            if !key.names(field) {
                key.name(field, value, mask);
            }
        }
        key
    })
}

fn key() -> impl Strategy<Value = Key> {
    (prop::collection::vec(0u128..4, FIELDS.len()), any::<u32>()).prop_map(|(values, presence)| {
        let mut key = Key::default();
        for (field, value) in FIELDS.into_iter().zip(values) {
            key.set(field, value);
        }
        key.set_presence(Presence::from_bits_truncate(presence | presence >> 7));
        key
    })
}

#[derive(Clone, Debug)]
enum Step {
    Insert(MaskedKey, u16),
    Remove(prop::sample::Index),
    RemoveAbsent(MaskedKey, u16),
    Refresh(prop::sample::Index),
    Work(usize),
    Rest,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (matching(), 0u16..4).prop_map(|(key, priority)| Step::Insert(key, priority)),
        3 => any::<prop::sample::Index>().prop_map(Step::Remove),
        1 => (matching(), 0u16..4).prop_map(|(key, priority)| Step::RemoveAbsent(key, priority)),
        1 => any::<prop::sample::Index>().prop_map(Step::Refresh),
        2 => (0usize..50).prop_map(Step::Work),
        1 => Just(Step::Rest),
    ]
}

fn compare(table: &Classifier, linear: &Linear, keys: &[Key]) {
    assert_eq!(table.entry_count(), linear.entries.len());
    assert_eq!(table.needs(), linear.needs());
    match table.template() {
        Template::Exact => assert_eq!(linear.mask_count(), 1),
        _ => assert_eq!(table.mask_count(), linear.mask_count()),
    }
    let refs: Vec<&Key> = keys.iter().collect();
    let mut found = vec![None; keys.len()];
    table.find_batch(&refs, &mut found);
    for (key, batched) in keys.iter().zip(found) {
        assert_eq!(table.find(key), linear.find(key), "{key:?}");
        assert_eq!(batched, linear.find(key), "in a batch: {key:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_a_linear_search_finds(
        steps in prop::collection::vec(step(), 1..120),
        keys in prop::collection::vec(key(), 1..40),
        probe in matching(),
        seed in any::<u64>(),
        kinds in prop::sample::select(vec![Kind::LADDER, &[Kind::Tree], &[Kind::BitVec], &[Kind::Sorted]]),
    ) {
        let mut table = Classifier::new(seed);
        table.ladder.set_kinds(kinds);
        let mut linear = Linear::default();
        for (slot, step) in (0u32..).zip(steps) {
            let pick = |index: prop::sample::Index| match linear.entries.is_empty() {
                true => (MaskedKey::ANY, 9),
                false => {
                    let entry = index.get(&linear.entries);
                    (entry.0, entry.1)
                }
            };
            match step {
                Step::Insert(key, priority) => {
                    let replaced = table.insert(&key, priority, slot).unwrap();
                    prop_assert_eq!(replaced, linear.insert(&key, priority, slot));
                }
                Step::Remove(index) => {
                    let (key, priority) = pick(index);
                    prop_assert_eq!(table.remove(&key, priority), linear.remove(&key, priority));
                }
                Step::RemoveAbsent(key, priority) => {
                    prop_assert_eq!(table.remove(&key, priority), linear.remove(&key, priority));
                }
                Step::Refresh(index) => {
                    let (key, priority) = pick(index);
                    let slot = linear.get(&key, priority);
                    prop_assert_eq!(table.refresh(&key, priority), slot.is_some());
                    if let Some(slot) = slot {
                        linear.insert(&key, priority, slot);
                    }
                }
                Step::Work(budget) => {
                    table.step(budget);
                }
                Step::Rest => table.rest(),
            }
            for (key, priority, slot, _) in &linear.entries {
                prop_assert_eq!(table.get(key, *priority), Some(*slot));
            }
            compare(&table, &linear, &keys);
            for priority in 0..4 {
                let overlap = table.overlapping(&probe, priority);
                prop_assert_eq!(overlap.is_some(), linear.overlaps(&probe, priority));
            }
        }
    }
}

/// A match of one IPv4 destination.
fn host(address: u32) -> MaskedKey {
    let fields = [Oxm::new(OxmField::EthType, 0x0800), Oxm::new(OxmField::Ipv4Dst, address.into())];
    MaskedKey::from_match(&Match::new(fields).unwrap())
}

fn packet_to(address: u32) -> Key {
    let mut key = Key::default();
    key.set(OxmField::EthType, 0x0800);
    key.set(OxmField::Ipv4Dst, address.into());
    key.set_presence(Presence::ETH | Presence::ETH_TYPE | Presence::IP | Presence::IPV4);
    key
}

#[test]
fn templates_follow_the_masks() {
    let mut table = Classifier::new(1);
    table.insert(&MaskedKey::ANY, 0, 99).unwrap();
    for address in 0..8 {
        table.insert(&host(address), 5, address).unwrap();
    }
    assert_eq!(table.template(), Template::Fixed, "the table-miss flow entry takes no place");
    table.insert(&host(8), 5, 8).unwrap();
    assert_eq!(table.template(), Template::Exact);
    let mut port = MaskedKey::ANY;
    port.name(OxmField::InPort, 1, None);
    table.insert(&port, 6, 50).unwrap();
    assert_eq!((table.template(), table.mask_count()), (Template::Tuples, 2));
    assert_eq!(table.find(&packet_to(8)), Some(8));
    assert_eq!(table.find(&packet_to(9)), Some(99));
    assert_eq!(table.remove(&port, 6), Some(50));
    assert_eq!(table.template(), Template::Exact);
    for address in 0..5 {
        assert_eq!(table.remove(&host(address), 5), Some(address));
    }
    assert_eq!(table.template(), Template::Fixed);
    assert_eq!(table.find(&packet_to(8)), Some(8));
}

#[test]
fn an_entry_without_match_fields_wins_over_prefixes_where_it_outranks() {
    let mut table = Classifier::new(5);
    for (slot, len) in (0..).zip(8..=28) {
        let mut prefix = MaskedKey::ANY;
        prefix.name(OxmField::EthType, 0x0800, None);
        prefix.name(OxmField::Ipv4Dst, 0x0a00_0000, Some((1 << 32) - (1 << (32 - len))));
        table.insert(&prefix, len, slot).unwrap();
    }
    while table.step(1000) {}
    assert_eq!(table.template(), Template::Lpm);
    let keys: Vec<Key> = [0x0a00_0001, 0x0aff_0000, 0x0b00_0000].map(packet_to).to_vec();
    let keys: Vec<&Key> = keys.iter().cycle().take(BATCH + 1).collect();
    for (priority, expected) in [
        (0, [Some(20), Some(0), Some(900)]),
        (7, [Some(20), Some(0), Some(900)]),
        // The newer one wins among equals.
        (8, [Some(20), Some(900), Some(900)]),
        (27, [Some(20), Some(900), Some(900)]),
        (28, [Some(900); 3]),
    ] {
        table.insert(&MaskedKey::ANY, priority, 900).unwrap();
        let mut found = vec![None; keys.len()];
        table.find_batch(&keys, &mut found);
        assert!(found.iter().eq(expected.iter().cycle().take(keys.len())), "{priority}: {found:?}");
        table.remove(&MaskedKey::ANY, priority).unwrap();
    }
}

#[test]
fn an_entry_without_match_fields_wins_in_a_hash_table_where_it_outranks() {
    let mut table = Classifier::new(5);
    for address in 0..100 {
        table.insert(&host(address), if address < 50 { 5 } else { 6 }, address).unwrap();
    }
    assert_eq!(table.template(), Template::Exact);
    let keys: Vec<Key> = [3, 60, 200].map(packet_to).to_vec();
    let keys: Vec<&Key> = keys.iter().cycle().take(BATCH).collect();
    // The newer one wins among equals.
    for (priority, expected) in [
        (None, [Some(3), Some(60), None]),
        (Some(0), [Some(3), Some(60), Some(900)]),
        (Some(4), [Some(3), Some(60), Some(900)]),
        (Some(5), [Some(900), Some(60), Some(900)]),
        (Some(6), [Some(900); 3]),
        (Some(9), [Some(900); 3]),
    ] {
        if let Some(priority) = priority {
            table.insert(&MaskedKey::ANY, priority, 900).unwrap();
        }
        for count in [3, BATCH] {
            let mut found = vec![None; count];
            table.find_batch(&keys[..count], &mut found);
            let expected = expected.iter().copied().cycle().take(count);
            assert!(found.iter().copied().eq(expected), "{priority:?}: {found:?}");
        }
        if let Some(priority) = priority {
            table.remove(&MaskedKey::ANY, priority).unwrap();
        }
    }
}

#[test]
fn needs_say_how_deep_and_which_line() {
    let mut table = Classifier::new(1);
    table.insert(&MaskedKey::ANY, 0, 0).unwrap();
    assert_eq!(table.needs(), Needs { depth: Depth::Nothing, second_line: false });
    let mut key = MaskedKey::ANY;
    key.name(OxmField::InPort, 1, None);
    key.name(OxmField::Metadata, 1, None);
    table.insert(&key, 1, 1).unwrap();
    assert_eq!(table.needs().depth, Depth::Nothing);
    let mut vlan = MaskedKey::ANY;
    vlan.name(OxmField::VlanVid, 0x1005, None);
    table.insert(&vlan, 1, 2).unwrap();
    assert_eq!(table.needs().depth, Depth::Link);
    table.insert(&host(1), 1, 3).unwrap();
    assert_eq!(table.needs(), Needs { depth: Depth::Whole, second_line: false });
    let mut six = MaskedKey::ANY;
    six.name(OxmField::Ipv6Dst, 1, None);
    table.insert(&six, 1, 4).unwrap();
    assert!(table.needs().second_line);
    table.remove(&six, 1);
    table.remove(&host(1), 1);
    assert_eq!(table.needs(), Needs { depth: Depth::Link, second_line: false });
}

#[test]
fn priorities_stop_the_search_and_presence_filters_it() {
    let mut table = Classifier::new(1);
    table.ladder.set_kinds(&[]);
    for bit in 0..32 {
        let mut key = MaskedKey::ANY;
        key.name(OxmField::ArpTpa, 0, Some(1 << bit));
        table.insert(&key, 5, bit).unwrap();
    }
    for address in 0..10 {
        table.insert(&host(address), 7, 100 + address).unwrap();
    }
    assert_eq!(table.mask_count(), 33);
    assert_eq!(table.probe_count(&packet_to(3)), 1, "outranks all others");
    assert_eq!(table.probe_count(&packet_to(77)), 1, "no ARP header, no ARP masks");
}

#[test]
fn one_bucket_chain_survives_growth_and_removal_in_any_order() {
    let mut table = Classifier::new(7);
    let count = 50_000;
    for address in 0..count {
        table.insert(&host(address), (address % 3) as u16, address).unwrap();
    }
    for address in (0..count).step_by(3) {
        assert_eq!(table.remove(&host(address), (address % 3) as u16), Some(address));
    }
    for address in 0..count {
        let expected = (address % 3 != 0).then_some(address);
        assert_eq!(table.find(&packet_to(address)), expected);
    }
    for address in (0..count).rev() {
        table.remove(&host(address), (address % 3) as u16);
    }
    assert_eq!(table.entry_count(), 0);
    assert!(table.memory_len() < 4096, "all of it is freed");
}

#[test]
fn many_priorities_of_one_match_are_one_chain() {
    let mut table = Classifier::new(7);
    for other in 1..20 {
        table.insert(&host(other), 1, other).unwrap();
    }
    let order = (0..200u16).map(|i| i * 37 % 200);
    for priority in order.clone() {
        table.insert(&host(0), priority, priority.into()).unwrap();
    }
    assert_eq!(table.template(), Template::Exact);
    let mut left: Vec<u16> = (0..200).collect();
    for priority in order {
        assert_eq!(table.find(&packet_to(0)), left.last().map(|&top| top.into()));
        assert_eq!(table.remove(&host(0), priority), Some(priority.into()));
        left.retain(|&other| other != priority);
    }
    assert_eq!(table.find(&packet_to(0)), None);
}

/// Masks of one bit more each, so that a table of them has as many masks as entries.
fn ladder_of_masks(entry_count: u32) -> Classifier {
    let mut table = Classifier::new(9);
    table.ladder.set_kinds(&[Kind::Sorted]);
    for number in 0..entry_count {
        table.insert(&bits(number), 1, number).unwrap();
    }
    table
}

fn bits(number: u32) -> MaskedKey {
    let mut key = MaskedKey::ANY;
    key.name(OxmField::Metadata, u128::MAX, Some(u128::from(number) + 1));
    key
}

#[test]
fn a_table_of_many_masks_is_compiled_and_given_up_in_slices() {
    let mut table = ladder_of_masks(30);
    assert!(!table.is_settled());
    let mut slices = 0;
    while table.step(1) {
        slices += 1;
    }
    assert!(slices > 20, "{slices}");
    assert!(table.is_settled() && table.ladder.is_compiled());
    assert!(table.overlay_count() > 0 && table.overlay_count() < 30);
    let generation = table.generation();
    for number in 0..27 {
        assert_eq!(table.remove(&bits(number), 1), Some(number));
    }
    assert_eq!(table.generation(), generation + 27);
    while table.step(1) {}
    assert!(!table.ladder.is_compiled());
    assert_eq!((table.template(), table.entry_count()), (Template::Fixed, 3));
}

#[test]
fn a_form_that_does_not_suit_leaves_the_table_to_its_directory() {
    let mut table = ladder_of_masks(sorted::LIMIT as u32 + 5);
    while table.step(3) {}
    assert!(table.is_settled());
    assert_eq!(table.template(), Template::Tuples);
    let mut key = Key::default();
    key.set(OxmField::Metadata, u128::MAX);
    assert_eq!(table.find(&key), Some(sorted::LIMIT as u32 + 4), "the newest");
}

#[test]
fn a_heavy_overlay_is_compiled_into_the_form() {
    let mut table = ladder_of_masks(20);
    while table.step(100) {}
    let before = table.overlay_count();
    for number in 1000..1010 {
        table.insert(&bits(number), 2, number).unwrap();
    }
    let mut heaviest = 0;
    for number in 2000..2020 {
        table.insert(&bits(number), 2, number).unwrap();
        heaviest = table.overlay_count().max(heaviest);
    }
    while table.step(100) {}
    assert!(table.ladder.is_compiled() && table.is_settled(), "{before} {heaviest}");
}

#[test]
fn a_table_at_rest_has_nothing_beside_its_form_but_what_that_refuses() {
    let mut table = ladder_of_masks(20);
    while table.step(100) {}
    for number in 1000..1009 {
        table.insert(&bits(number), 2, number).unwrap();
    }
    while table.step(100) {}
    assert!(table.is_loose());
    let before = table.overlay_count();
    table.rest();
    while table.step(100) {}
    assert!(table.is_settled() && !table.is_loose() && table.overlay_count() < before);
    table.rest();
    assert!(table.is_settled(), "what is refused is not offered for ever");
}

#[test]
fn a_large_table_that_empties_is_freed_in_slices() {
    let mut table = Classifier::new(3);
    for address in 0..20_000 {
        table.insert(&host(address), 1, address).unwrap();
    }
    for address in 4..20_000 {
        table.remove(&host(address), 1);
    }
    assert_eq!(table.template(), Template::Exact, "four are left among 20,000 places");
    for address in 0..4 {
        assert_eq!(table.find(&packet_to(address)), Some(address));
        table.remove(&host(address), 1);
    }
    assert_eq!(table.template(), Template::Fixed);
    while table.step(1) {}
    assert!(table.memory_len() < 4096);
}

/// Hundreds of masks, as many priorities as there are, prefixes that overlap: whatever the forms, while
/// they are made and after, the table answers as a list does.
#[test]
fn hostile_sets_are_compiled_and_answer_as_a_list_does() {
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as u32
    };
    let kinds: [&[Kind]; 5] =
        [Kind::LADDER, &[Kind::BitVec], &[Kind::Tree], &[Kind::Lpm, Kind::BitVec], &[]];
    for (seed, kinds) in (0u64..).zip(kinds) {
        let mut table = Classifier::new(seed);
        table.ladder.set_kinds(kinds);
        let mut linear = Linear::default();
        for slot in 0..600u32 {
            let mut key = host(0x0a00_0000 | random() & 0xffff);
            if slot % 3 != 0 {
                key = MaskedKey::ANY;
                let ones = u128::from(u32::MAX << (random() % 32));
                key.name(
                    OxmField::Ipv4Dst,
                    u128::from(0x0a00_0000 | random() & 0xffff),
                    Some(ones),
                );
                if slot % 3 == 1 {
                    let mask = u128::from(random() & 0xffff);
                    key.name(OxmField::UdpDst, u128::from(random() & 0xffff), Some(mask));
                }
            }
            let priority = (random() & 0xffff) as u16;
            assert_eq!(table.insert(&key, priority, slot), Ok(linear.insert(&key, priority, slot)));
            if slot % 4 == 3 {
                let at = random() as usize % linear.entries.len();
                let (key, priority) = (linear.entries[at].0, linear.entries[at].1);
                assert_eq!(table.remove(&key, priority), linear.remove(&key, priority));
            }
            if slot % 50 == 0 {
                let mut packet = packet_to(0x0a00_0000 | random() & 0xffff);
                packet.set_presence(packet.presence() | Presence::UDP | Presence::IP_PROTO);
                packet.set(OxmField::UdpDst, u128::from(random() & 0xffff));
                compare(&table, &linear, &[packet; 33]);
            }
            if slot == 400 {
                while table.step(1000) {}
            }
        }
        while table.step(1000) {}
        let packets: Vec<Key> = (0..300)
            .map(|_| {
                let mut packet = packet_to(0x0a00_0000 | random() & 0xffff);
                packet.set_presence(packet.presence() | Presence::UDP | Presence::IP_PROTO);
                packet.set(OxmField::UdpDst, u128::from(random() & 0xffff));
                packet
            })
            .collect();
        compare(&table, &linear, &packets);
    }
}

/// A million entries: prints the processor time of an insert and a lookup, the memory, and the
/// longest insert (the best of five runs for each, so that it is not another process's turn).
/// `cargo test --release -p rumpswitch-datapath --lib million -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn million() {
    let count = 1u32 << 20;
    let hosts: Vec<MaskedKey> = (0..count).map(|i| host(i.wrapping_mul(0x9e37_79b1))).collect();
    let mut nanos = vec![u32::MAX; hosts.len()];
    for _ in 0..5 {
        let mut table = Classifier::new(7);
        for ((slot, host), nanos) in (0u32..).zip(&hosts).zip(&mut nanos) {
            let before = Instant::now();
            table.insert(host, 1, slot).unwrap();
            *nanos = (*nanos).min(before.elapsed().as_nanos() as u32);
        }
    }
    let longest = nanos.iter().max().copied().unwrap_or(0);
    let mut table = Classifier::new(7);
    let start = cpu_nanos();
    for (slot, host) in (0u32..).zip(&hosts) {
        table.insert(host, 1, slot).unwrap();
    }
    let insert = (cpu_nanos() - start) / f64::from(count);
    let order = (0..count).map(|i| (i.wrapping_mul(7919) % count).wrapping_mul(0x9e37_79b1));
    let keys: Vec<Key> = order.map(packet_to).collect();
    let start = cpu_nanos();
    let single = keys.iter().filter(|key| table.find(key).is_some()).count();
    let find = (cpu_nanos() - start) / f64::from(count);
    let start = cpu_nanos();
    let mut batched = 0;
    let mut found = [None; BATCH];
    for keys in keys.chunks(BATCH) {
        let refs: Vec<&Key> = keys.iter().collect();
        table.find_batch(&refs, &mut found);
        batched += found.iter().flatten().count();
    }
    let batch = (cpu_nanos() - start) / f64::from(count);
    assert_eq!((single, batched), (hosts.len(), hosts.len()));
    let bytes = table.memory_len() as f64 / f64::from(count);
    std::println!(
        "insert {insert:.0} ns, longest {longest} ns; find {find:.0} ns, in batches {batch:.0} ns; \
         {bytes:.0} bytes an entry"
    );
}
