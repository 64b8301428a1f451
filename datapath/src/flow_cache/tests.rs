use std::vec::Vec;

use ofp_codec::OxmField;
use proptest::prelude::*;

use super::*;
use crate::key::MaskedKey;

/// An entry under one of very many masks.
fn matching(number: u32) -> MaskedKey {
    let mut key = MaskedKey::ANY;
    let (bit, other) = (number % 40, number / 40 % 40);
    key.name(OxmField::Metadata, 1 << bit, Some((1 << bit) | (1 << other)));
    key
}

fn table(entry_count: u32) -> Classifier {
    let mut table = Classifier::new(3);
    for number in 0..entry_count {
        table.insert(&matching(number), number as u16 % 7, number).unwrap();
    }
    table
}

fn key(metadata: u64) -> Key {
    let mut key = Key::default();
    key.set(OxmField::Metadata, metadata.into());
    key
}

fn ask(cache: &mut FlowCache, table: &Classifier, table_id: u8, keys: &[Key]) -> Vec<Option<u32>> {
    let keys: Vec<&Key> = keys.iter().collect();
    let mut found = std::vec![Some(u32::MAX); keys.len()];
    cache.find_batch(table, table_id, &keys, &mut found);
    found
}

#[derive(Clone, Debug)]
enum Step {
    Insert(u32),
    Remove(u32),
    Refresh(u32),
    Compile,
    /// A batch of keys to one of the tables.
    Ask(u8, Vec<u64>),
}

fn step() -> impl Strategy<Value = Step> {
    let bits = prop::sample::select(std::vec![1u64, 2, 3, 6, 12, 1 << 30 | 5, 1 << 39, 0]);
    prop_oneof![
        1 => (0u32..1600).prop_map(Step::Insert),
        1 => (0u32..1600).prop_map(Step::Remove),
        1 => (0u32..1600).prop_map(Step::Refresh),
        1 => Just(Step::Compile),
        8 => (0u8..2, prop::collection::vec(bits, 0..=32)).prop_map(|(id, bits)| Step::Ask(id, bits)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Two tables share the cache and differ in their entries and generations.
    #[test]
    fn cached_and_uncached_answers_are_the_same_while_the_tables_change(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let mut tables = [table(600), table(560)];
        let mut cache = FlowCache::new(9);
        for (at, step) in steps.into_iter().enumerate() {
            let id = at % 2;
            match step {
                Step::Insert(number) => {
                    tables[id].insert(&matching(number), number as u16 % 7, number).unwrap();
                }
                Step::Remove(number) => {
                    tables[id].remove(&matching(number), number as u16 % 7);
                }
                Step::Refresh(number) => {
                    tables[id].refresh(&matching(number), number as u16 % 7);
                }
                Step::Compile => while tables[id].step(50) {},
                Step::Ask(id, bits) => {
                    let keys: Vec<Key> = bits.into_iter().map(key).collect();
                    let table = &tables[usize::from(id)];
                    let expected: Vec<_> = keys.iter().map(|key| table.find(key)).collect();
                    prop_assert_eq!(ask(&mut cache, table, id, &keys), expected);
                }
            }
        }
    }
}

#[test]
fn the_second_time_is_a_hit_until_the_table_changes() {
    let mut table = table(600);
    let mut cache = FlowCache::new(1);
    let keys: Vec<Key> = (1..30).map(key).collect();
    ask(&mut cache, &table, 0, &keys);
    assert_eq!((cache.counts().hit_count, cache.counts().miss_count), (0, 29));
    let first = ask(&mut cache, &table, 0, &keys);
    assert_eq!((cache.counts().hit_count, cache.counts().miss_count), (29, 29));
    assert_eq!(first, keys.iter().map(|key| table.find(key)).collect::<Vec<_>>());
    ask(&mut cache, &table, 5, &keys);
    assert_eq!(cache.counts().hit_count, 29, "another table's answers are not its own");
    table.refresh(&matching(1), 1);
    ask(&mut cache, &table, 0, &keys);
    assert_eq!(cache.counts().hit_count, 29, "the table has changed");
}

#[test]
fn bits_that_no_entry_compares_make_no_other_key() {
    let table = table(600);
    let mut cache = FlowCache::new(1);
    let mut keys = [key(9); 2];
    keys[1].set(OxmField::TunnelId, 77);
    keys[1].set(OxmField::Ipv6Src, 77);
    ask(&mut cache, &table, 0, &keys[..1]);
    ask(&mut cache, &table, 0, &keys[1..]);
    assert_eq!(cache.counts().hit_count, 1);
}

#[test]
fn tables_that_answer_fast_and_those_that_compare_too_much_are_asked_directly() {
    let mut few = table(5);
    let mut cache = FlowCache::new(1);
    for _ in 0..3 {
        ask(&mut cache, &few, 0, &[key(1)]);
    }
    assert_eq!(cache.counts(), FlowCacheCounts::default());
    assert_eq!(cache.memory_len(), 0, "no memory before it is needed");
    few = table(600);
    for (at, field) in [
        OxmField::InPort,
        OxmField::EthDst,
        OxmField::EthSrc,
        OxmField::Ipv4Dst,
        OxmField::TunnelId,
        OxmField::Ipv6Src,
    ]
    .into_iter()
    .enumerate()
    {
        let mut matching = MaskedKey::ANY;
        matching.name(field, 1, None);
        few.insert(&matching, 9, 7000 + at as u32).unwrap();
    }
    for _ in 0..3 {
        ask(&mut cache, &few, 0, &[key(1)]);
    }
    assert_eq!(cache.counts().hit_count, 0);
}

#[test]
fn traffic_that_never_hits_goes_past_the_cache() {
    let mut table = table(700);
    while table.step(1000) {}
    table.rest();
    while table.step(1000) {}
    let mut cache = FlowCache::new(1);
    let mut number = 0;
    let batches = 10_000u64;
    for _ in 0..batches {
        let keys: Vec<Key> = (0..32).map(|at| key(number + at)).collect();
        number += 32;
        ask(&mut cache, &table, 0, &keys);
    }
    let counts = cache.counts();
    assert_eq!(counts.hit_count, 0);
    assert_eq!(counts.bypass_count + counts.miss_count, batches * 32);
    assert!(counts.miss_count <= u64::from(PERIOD) * 8, "{counts:?}");
    // When it pays again, that is seen.
    let keys: Vec<Key> = (0..32).map(key).collect();
    for _ in 0..batches {
        ask(&mut cache, &table, 0, &keys);
    }
    assert!(cache.counts().hit_count > 32 * 500, "{:?}", cache.counts());
}

/// An entry that looks at both IPv6 addresses, the ports and the protocol, under one of many masks.
fn wide_matching(number: u32) -> MaskedKey {
    let mut key = matching(number);
    key.name(OxmField::Ipv6Src, u128::from(number) << 64, Some(u128::MAX << (number % 60)));
    key.name(OxmField::Ipv6Dst, 7, None);
    key.name(OxmField::TcpDst, 80, None);
    key
}

fn wide_key(number: u32) -> Key {
    *wide_matching(number).value()
}

#[test]
fn tables_that_compare_addresses_of_ipv6_are_remembered_too_one_by_one_and_in_batches() {
    let mut table = Classifier::new(3);
    for number in 0..600 {
        table.insert(&wide_matching(number), number as u16 % 7, number).unwrap();
    }
    assert!((4..=WIDE).contains(&table.packing().column_count()));
    let mut cache = FlowCache::new(1);
    let keys: Vec<Key> = (0..900).step_by(29).map(wide_key).collect();
    let expected: Vec<_> = keys.iter().map(|key| table.find(key)).collect();
    assert!(expected.contains(&None) && expected.iter().flatten().count() > 10);
    for _ in 0..2 {
        assert_eq!(ask(&mut cache, &table, 0, &keys), expected);
        let one_by_one = keys.iter().map(|key| cache.find(&table, 0, key));
        assert!(one_by_one.eq(expected.iter().copied()));
    }
    let count = keys.len() as u64;
    assert_eq!((cache.counts().miss_count, cache.counts().hit_count), (count, count * 3));
    assert!(cache.wide.memory_len() > 0 && cache.narrow.memory_len() == 0);
}

#[test]
fn as_many_flows_as_are_a_third_of_the_lines_are_all_but_all_remembered() {
    let table = table(600);
    let mut cache = FlowCache::new(1);
    let keys: Vec<Key> = (0..NARROW_LINES as u64 / 3).map(key).collect();
    let mut pass = || {
        keys.chunks(32).for_each(|keys| drop(ask(&mut cache, &table, 0, keys)));
        cache.counts().hit_count
    };
    // The first ones do not pay, and the table is asked directly for some time.
    let before = (0..8).map(|_| pass()).last().unwrap();
    let hit_count = pass() - before;
    assert!(hit_count * 200 >= keys.len() as u64 * 199, "{hit_count} of {}", keys.len());
}

#[test]
fn twice_as_many_flows_as_there_are_lines_are_remembered_when_it_has_grown_and_many_more_are_not() {
    let table = table(600);
    let mut cache = FlowCache::new(1);
    let flows = |count: u64| -> Vec<Key> { (0..count).map(key).collect() };
    let keys = flows(NARROW_LINES as u64 * 2);
    // Packets of a flow come in twos, so that the cache pays from the first on.
    let mut pass = |keys: &[Key]| {
        for keys in keys.chunks(32) {
            (0..2).for_each(|_| drop(ask(&mut cache, &table, 0, keys)));
        }
        (cache.counts().hit_count, cache.memory_len())
    };
    let small = pass(&keys[..1024]).1;
    let (before, large) = (0..2).map(|_| pass(&keys)).last().unwrap();
    let hit_count = pass(&keys).0 - before;
    assert!(hit_count * 100 >= keys.len() as u64 * 196, "{hit_count} of {}", keys.len() * 2);
    assert_eq!(large - small, NARROW_LINES * (GROWTH - 1) * 32);
    assert_eq!(pass(&flows(100_000)).1, large, "it grows once");
}

#[test]
fn a_stamp_that_comes_again_finds_no_answer_of_its_first_time() {
    let mut table = table(600);
    let mut cache = FlowCache::new(1);
    assert_eq!(ask(&mut cache, &table, 0, &[key(3)]), [table.find(&key(3))]);
    let stamp = cache.stamp(&table, 0);
    cache.tables[0].epoch = EPOCHS - 2;
    for _ in 0..2 {
        table.insert(&matching(1), 60, 7_777).unwrap();
        assert_eq!(ask(&mut cache, &table, 0, &[key(3)]), [table.find(&key(3))]);
    }
    assert_eq!(cache.stamp(&table, 0), stamp, "all stamps have been used");
    assert_eq!(cache.counts().hit_count, 0);
}
