//! `lpm` beside a list searched from end to end.

use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::classifier::Rank;

/// What an `lpm` table is compared with.
#[derive(Default)]
struct Linear {
    entries: Vec<(MaskedKey, Hit)>,
}

impl Linear {
    fn at(&self, matching: &MaskedKey, priority: u16) -> Option<usize> {
        self.entries.iter().position(|(m, hit)| m == matching && hit.rank.priority() == priority)
    }

    fn find(&self, key: &Key) -> Hit {
        let hits = self.entries.iter().filter(|(matching, _)| matching.matches(key));
        hits.fold(Hit::NONE, |best, &(_, hit)| best.or_better(hit))
    }
}

fn entry(field: OxmField, bits: u128, len: u32) -> MaskedKey {
    let width = u32::from(crate::fields::place(field).bits);
    let mut matching = MaskedKey::ANY;
    let presence = if field == OxmField::Ipv6Dst { 0x86dd } else { 0x0800 };
    matching.name(OxmField::EthType, presence, None);
    let mask = if len == 0 { 0 } else { u128::MAX << (width - len) };
    matching.name(field, bits, Some(mask));
    if len == 0 {
        // As if another field of the same header were compared.
        let (mut value, mut mask) = (*matching.value(), *matching.mask());
        let presence = crate::fields::place(field).presence;
        value.set_presence(value.presence() | presence);
        mask.set_presence(mask.presence() | presence);
        return MaskedKey::from_parts(value, mask);
    }
    matching
}

fn key_of(field: OxmField, bits: u128) -> Key {
    let mut key = *entry(field, bits, u32::from(crate::fields::place(field).bits)).value();
    key.set(OxmField::TcpDst, 80);
    key
}

/// One table and the list beside it, driven together.
struct Pair {
    field: OxmField,
    lpm: TryBox<Lpm>,
    list: Linear,
    sequence: u64,
}

impl Pair {
    fn new(field: OxmField, entry_count: usize) -> Pair {
        let lpm = Lpm::new(field, &entry(field, 0, 8), entry_count).unwrap().unwrap();
        Pair { field, lpm, list: Linear::default(), sequence: 0 }
    }

    fn add(&mut self, bits: u128, len: u32, priority: u16) {
        let matching = entry(self.field, bits, len);
        self.sequence += 1;
        let hit = Hit { rank: Rank::new(priority, self.sequence), slot: self.sequence as u32 };
        match self.list.at(&matching, priority) {
            Some(at) => {
                let old = self.list.entries[at].1;
                assert!(self.lpm.replace(&matching, old, hit));
                self.list.entries[at].1 = hit;
            }
            None => {
                assert!(self.lpm.insert(&matching, hit).unwrap());
                self.list.entries.push((matching, hit));
            }
        }
    }

    fn remove(&mut self, at: usize) {
        let (matching, hit) = self.list.entries.swap_remove(at);
        assert!(self.lpm.remove(&matching, hit));
        assert!(!self.lpm.remove(&matching, hit), "it has gone");
    }

    fn check(&self, addresses: &[u128]) {
        let keys: Vec<Key> = addresses.iter().map(|&bits| key_of(self.field, bits)).collect();
        for keys in keys.chunks(BATCH) {
            let keys: Vec<&Key> = keys.iter().collect();
            let mut hits = [Hit::NONE; BATCH];
            self.lpm.find_batch(&keys, u32::MAX, &mut hits);
            for (key, hit) in keys.iter().zip(hits) {
                let wanted = self.list.find(key);
                assert_eq!(self.lpm.find(key), wanted, "{key:?}");
                assert_eq!(hit, wanted, "in a batch: {key:?}");
            }
            self.check_slots(&keys);
        }
        assert_eq!(self.lpm.entry_count(), self.list.entries.len());
    }

    /// The slots alone, where they may be asked for; of nothing the other that there is.
    fn check_slots(&self, keys: &[&Key]) {
        for other in [None, Some(0xfeed)].into_iter().filter(|_| self.lpm.is_above(Hit::NONE)) {
            for key in keys {
                assert_eq!(self.lpm.find_slot(key), self.list.find(key).slot());
            }
            let mut found = [Some(0xdead); BATCH];
            self.lpm.find_slots(keys, other, &mut found);
            for (at, found) in found.into_iter().enumerate() {
                let wanted = keys.get(at).map(|key| self.list.find(key).slot().or(other));
                assert_eq!(found, wanted.unwrap_or(Some(0xdead)), "key {at} of {}", keys.len());
            }
        }
    }

    /// Addresses at and beside the ends of every prefix.
    fn ends(&self) -> Vec<u128> {
        let width = u32::from(crate::fields::place(self.field).bits);
        let all = u128::MAX >> (128 - width);
        let ends = self.list.entries.iter().flat_map(|(matching, _)| {
            let first = matching.value().get(self.field).unwrap_or(0);
            let free = !matching.mask().get(self.field).unwrap_or(0) & all;
            let last = first | free;
            [first, last, first.wrapping_sub(1) & all, last.wrapping_add(1) & all]
        });
        ends.collect()
    }
}

/// A generator of pseudo-random numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let x = self.0 ^ (self.0 >> 33);
        x.wrapping_mul(0xff51_afd7_ed55_8ccd) ^ (x >> 29)
    }

    fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 16) % limit
    }
}

/// Bits of which few differ, so that prefixes nest and meet; sometimes all of them.
fn bits(random: &mut Random, width: u32) -> u128 {
    let wide = (u128::from(random.next()) << 64) | u128::from(random.next());
    let mask = match random.below(4) {
        0 => u128::MAX,
        1 => 0x0301_0000_0103_0000_0001_0000_8000_0103,
        2 => 0x8000_0000_0000_0100_0000_0000_0300_0001,
        _ => 0x0000_0000_0000_0000_0000_0000_0000_00ff,
    };
    (wide & mask) & (u128::MAX >> (128 - width))
}

fn drive(
    field: OxmField,
    root: usize,
    seed: u64,
    steps: usize,
    priority: impl Fn(u32, u64) -> u16,
) {
    let width = u32::from(crate::fields::place(field).bits);
    let mut random = Random(seed);
    let mut pair = Pair::new(field, root);
    for step in 0..steps {
        // Growing, then shrinking, then growing again.
        let grow = if (step / 150) % 2 == 0 { 3 } else { 1 };
        if random.below(4) < grow || pair.list.entries.is_empty() {
            let len = random.below(u64::from(width) + 1) as u32;
            let address = bits(&mut random, width);
            let priority = priority(len, random.next());
            pair.add(address, len, priority);
        } else {
            let at = random.below(pair.list.entries.len() as u64) as usize;
            pair.remove(at);
        }
        if step % 61 == 0 {
            let mut addresses: Vec<u128> = (0..64).map(|_| bits(&mut random, width)).collect();
            addresses.extend(pair.ends());
            pair.check(&addresses);
        }
    }
    while !pair.list.entries.is_empty() {
        let at = random.below(pair.list.entries.len() as u64) as usize;
        pair.remove(at);
        if pair.list.entries.len() % 64 == 0 {
            pair.check(&pair.ends());
        }
    }
    pair.check(&(0..32).map(|_| bits(&mut random, width)).collect::<Vec<_>>());
}

const FIELDS: [OxmField; 3] = [OxmField::Ipv4Dst, OxmField::Ipv6Dst, OxmField::Ipv4Src];

#[test]
fn short_prefixes_tell_what_painting_half_the_root_takes() {
    let mut pair = Pair::new(OxmField::Ipv4Dst, 1_000);
    pair.add(0, 24, 1);
    assert_eq!(pair.lpm.take_effort(), 0, "its own node alone");
    pair.add(0, 1, 2);
    pair.add(1 << 31, 1, 2);
    assert_eq!(pair.lpm.take_effort(), 2 * (1 << 15) / 32);
    assert_eq!(pair.lpm.take_effort(), 0, "told once");
    pair.remove(1);
    assert_eq!(pair.lpm.take_effort(), (1 << 15) / 32);
}

#[test]
fn routes_whose_priority_follows_their_length_are_found_as_in_a_list() {
    for (seed, field) in (1..).zip(FIELDS) {
        for root in [0, 100_000] {
            drive(field, root, seed, 500, |len, _| 100 + len as u16);
        }
    }
}

#[test]
fn entries_of_any_priority_are_found_as_in_a_list() {
    for (seed, field) in (10..).zip(FIELDS) {
        for root in [0, 100_000] {
            drive(field, root, seed, 500, |_, random| (random % 7) as u16);
        }
    }
}

#[test]
fn inverted_priorities_are_found_as_in_a_list() {
    for (seed, field) in (20..).zip(FIELDS) {
        drive(field, 0, seed, 500, |len, _| 200 - len as u16);
    }
}

#[test]
fn equal_priorities_are_decided_by_age() {
    for (seed, field) in (30..).zip(FIELDS) {
        drive(field, 0, seed, 500, |_, _| 7);
    }
}

#[test]
fn one_prefix_with_many_priorities_is_one_chain() {
    for reverse in [false, true] {
        let mut pair = Pair::new(OxmField::Ipv4Dst, 0);
        for at in 0..200u16 {
            let priority = if reverse { 200 - at } else { at };
            pair.add(0x0a01_0000, 17, priority);
            pair.add(0x0a01_0000, 8, priority);
        }
        pair.check(&[0x0a01_0001, 0x0a01_8000, 0x0aff_0000, 0x0b00_0000]);
        let mut random = Random(3);
        while !pair.list.entries.is_empty() {
            let at = random.below(pair.list.entries.len() as u64) as usize;
            pair.remove(at);
            pair.check(&[0x0a01_0001, 0x0a01_8000, 0x0aff_0000, 0x0b00_0000]);
        }
    }
}

#[test]
fn prefixes_of_all_lengths_of_one_address_nest() {
    for field in FIELDS {
        let width = u32::from(crate::fields::place(field).bits);
        let address = 0x2001_0db8_5a5a_1234_8765_4321_dead_beef_u128 & (u128::MAX >> (128 - width));
        for inverted in [false, true] {
            let mut pair = Pair::new(field, 0);
            for len in 0..=width {
                let priority = if inverted { width - len } else { len };
                pair.add(address, len, 100 + priority as u16);
                // Each prefix ends where the address differs in the bit behind it.
                let others: Vec<u128> = (0..width).map(|bit| address ^ (1 << bit)).collect();
                pair.check(&others);
            }
            while !pair.list.entries.is_empty() {
                pair.remove(pair.list.entries.len() / 2);
                pair.check(&(0..width).map(|bit| address ^ (1 << bit)).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn an_entry_of_another_shape_is_refused() {
    let mut pair = Pair::new(OxmField::Ipv4Dst, 0);
    let hit = Hit { rank: Rank::new(1, 1), slot: 1 };
    let mut port = entry(OxmField::Ipv4Dst, 0x0a00_0000, 8);
    port.name(OxmField::InPort, 1, None);
    let mut holes = entry(OxmField::Ipv4Dst, 0, 8);
    holes.name(OxmField::Ipv4Dst, 1, Some(1));
    let mut arp = MaskedKey::ANY;
    arp.name(OxmField::EthType, 0x0806, None);
    arp.name(OxmField::ArpTpa, 0x0a00_0000, None);
    for other in [port, holes, arp, entry(OxmField::Ipv4Src, 0, 8), MaskedKey::ANY] {
        assert_eq!(pair.lpm.insert(&other, hit), Ok(false), "{other:?}");
        assert!(!pair.lpm.remove(&other, hit));
        assert!(!pair.lpm.replace(&other, hit, hit));
    }
    pair.add(0x0a00_0000, 8, 1);
    let mut key = key_of(OxmField::Ipv4Dst, 0x0a00_0001);
    key.set(OxmField::EthType, 0x0806);
    assert_eq!(pair.lpm.find(&key), Hit::NONE, "what is not the prefix counts, too");
}

#[test]
fn the_field_is_the_one_in_which_masks_are_prefixes() {
    let mask = |field, len| (*entry(field, 0, len).mask(), 10);
    let field = |masks: &[(Key, usize)]| {
        shape::common_shape(masks.len(), || masks.iter().copied()).map(|(field, _)| field)
    };
    let (dst, src, v6) = (OxmField::Ipv4Dst, OxmField::Ipv4Src, OxmField::Ipv6Dst);
    assert_eq!(field(&[mask(dst, 8), mask(dst, 32)]), Some(dst));
    assert_eq!(field(&[mask(src, 24), mask(src, 1), mask(src, 9)]), Some(src));
    assert_eq!(field(&[mask(v6, 64), mask(v6, 127)]), Some(v6));
    assert_eq!(field(&[mask(dst, 8)]), None, "one mask is for a hash table");
    assert_eq!(field(&[mask(dst, 8), mask(src, 8)]), None);
    assert_eq!(field(&[mask(dst, 8), mask(v6, 8)]), None);
    let mut two = entry(dst, 0, 8);
    two.name(OxmField::InPort, 1, None);
    let two = *two.mask();
    assert_eq!(field(&[(two, 9), mask(dst, 16)]), None, "one compares the port, one does not");
    let mut holes = entry(dst, 0, 8);
    holes.name(dst, 1, Some(1));
    assert_eq!(field(&[(*holes.mask(), 9), mask(dst, 16)]), None);
    let routes = [mask(dst, 8), mask(dst, 16), mask(dst, 24), (two, 1)];
    assert_eq!(field(&routes), Some(dst), "an odd entry is for the overlay");
    let routes = [mask(dst, 8), mask(dst, 16), mask(dst, 24), (two, 9)];
    assert_eq!(field(&routes), None, "many odd entries are not");
}

#[test]
fn without_memory_for_painting_lookups_go_through_the_prefixes() {
    for field in FIELDS {
        let mut pair = Pair::new(field, 0);
        let mut random = Random(77);
        let width = u32::from(crate::fields::place(field).bits);
        for _ in 0..200 {
            let (len, priority) = (random.below(u64::from(width) + 1), random.below(5));
            let address = bits(&mut random, width);
            pair.add(address, len as u32, priority as u16);
        }
        pair.lpm.trie.make_stale();
        let hit = Hit { rank: Rank::new(1, 1 << 40), slot: 1 };
        assert_eq!(pair.lpm.insert(&entry(field, 1, width), hit), Ok(false), "no more are taken");
        while !pair.list.entries.is_empty() {
            let (matching, hit) = pair.list.entries[0];
            pair.sequence += 1;
            let new = Hit { rank: Rank::new(hit.rank.priority(), pair.sequence), slot: 9 };
            assert!(pair.lpm.replace(&matching, hit, new));
            pair.list.entries[0].1 = new;
            pair.remove(random.below(pair.list.entries.len() as u64) as usize);
            if pair.list.entries.len() % 10 == 0 {
                pair.check(&pair.ends());
            }
        }
    }
}

#[test]
fn memory_follows_prefixes_not_their_length_and_is_used_again() {
    let mut pair = Pair::new(OxmField::Ipv6Dst, 100_000);
    let mut random = Random(5);
    let mut before = 0;
    for round in 0..3 {
        let mut entries = Vec::new();
        for sequence in 0..20_000 {
            let bits = (u128::from(random.next()) << 64) | u128::from(random.next());
            let hit = Hit { rank: Rank::new(5, sequence), slot: 1 };
            let matching = entry(OxmField::Ipv6Dst, bits, 128);
            assert!(pair.lpm.insert(&matching, hit).unwrap());
            entries.push((matching, hit));
        }
        let len = pair.lpm.memory_len();
        assert!(len < 20_000 * 160 + (1 << 20), "{len} bytes for hosts without a common prefix");
        assert!(round == 0 || len < before + before / 8, "{before} bytes, then {len}");
        before = len;
        for (matching, hit) in entries {
            assert!(pair.lpm.remove(&matching, hit));
        }
    }
}

proptest! {
    #[test]
    fn any_steps_leave_what_a_list_has(
        steps in prop::collection::vec((any::<u32>(), 0u32..=32, 0u16..4, any::<bool>()), 1..60),
    ) {
        let mut pair = Pair::new(OxmField::Ipv4Dst, 0);
        for (bits, len, priority, remove) in steps {
            let bits = u128::from(bits & 0x8103_0103);
            if remove && !pair.list.entries.is_empty() {
                pair.remove(bits as usize % pair.list.entries.len());
            } else {
                pair.add(bits, len, priority);
            }
            pair.check(&pair.ends());
        }
    }
}

#[test]
fn a_short_prefix_over_many_routes_comes_and_goes() {
    let mut pair = Pair::new(OxmField::Ipv4Dst, 100_000);
    let mut random = Random(9);
    let mut routes = Vec::new();
    for sequence in 1..=50_000u32 {
        let bits = random.next() as u32 & 0xffff_ff00;
        let hit = Hit { rank: Rank::new(124, u64::from(sequence)), slot: sequence };
        let matching = entry(OxmField::Ipv4Dst, u128::from(bits), 24);
        assert!(pair.lpm.insert(&matching, hit).unwrap());
        routes.push((bits, hit));
    }
    // Below all routes, then above them.
    for priority in [1, 500] {
        let half = entry(OxmField::Ipv4Dst, 0, 1);
        let default = Hit { rank: Rank::new(priority, 1 << 40), slot: u32::MAX };
        assert!(pair.lpm.insert(&half, default).unwrap());
        let find = |bits: u32| pair.lpm.find(&key_of(OxmField::Ipv4Dst, u128::from(bits)));
        assert_eq!(find(0x7fff_ffff).slot, u32::MAX);
        for &(bits, hit) in routes.iter().rev().take(5_000) {
            let covered = bits >> 31 == 0 && priority == 500;
            let found = find(bits | 1);
            assert!(if covered { found == default } else { found.rank >= hit.rank });
        }
        assert!(pair.lpm.remove(&half, default));
        assert_ne!(pair.lpm.find(&key_of(OxmField::Ipv4Dst, 0x7fff_ffff)), default);
    }
}

#[test]
fn a_node_becomes_wide_and_narrow_again() {
    for field in [OxmField::Ipv4Dst, OxmField::Ipv6Dst] {
        let width = u32::from(crate::fields::place(field).bits);
        let mut pair = Pair::new(field, 0);
        // Every other slot of a node, which skips bytes, and one behind it.
        pair.add(0xffff_0500, width - 8, 3);
        for slot in (0..256).step_by(2) {
            pair.add(0xffff_0500 | slot, width, 4);
            pair.add(0xffff_0000 | (slot << 8), width - 9, 2);
            if !(20..=236).contains(&slot) {
                pair.check(&pair.ends());
            }
        }
        while pair.list.entries.len() > 3 {
            pair.remove(pair.list.entries.len() / 2);
            if pair.list.entries.len() < 30 {
                pair.check(&pair.ends());
            }
        }
    }
}

#[test]
fn a_large_table_answers_a_batch_as_it_answers_one() {
    for (seed, inverted) in [(41, false), (42, true)] {
        let mut pair = Pair::new(OxmField::Ipv4Dst, 100_000);
        let mut random = Random(seed);
        for sequence in 1..=12_000u32 {
            let (bits, len) = (random.next() as u32, 17 + random.below(16) as u32);
            let priority = if inverted { 100 - len } else { len };
            let hit = Hit { rank: Rank::new(priority as u16, sequence.into()), slot: sequence };
            let matching = entry(OxmField::Ipv4Dst, bits.into(), len);
            pair.lpm.insert(&matching, hit).unwrap();
            if sequence % 10 == 0 {
                pair.list.entries.push((matching, hit));
            }
        }
        assert!(pair.lpm.trie.nodes.are_far());
        let keys: Vec<Key> = pair.ends().iter().map(|&b| key_of(OxmField::Ipv4Dst, b)).collect();
        for (wanted, keys) in
            (0u32..).map(|at| at.wrapping_mul(0x9e37_79b9)).zip(keys.chunks(BATCH))
        {
            let keys: Vec<&Key> = keys.iter().collect();
            let mut hits = [Hit::NONE; BATCH];
            pair.lpm.find_batch(&keys, wanted, &mut hits);
            for (index, (key, hit)) in keys.iter().zip(hits).enumerate() {
                let one = pair.lpm.find(key);
                assert_eq!(hit, if wanted >> index & 1 == 1 { one } else { Hit::NONE });
                assert!(
                    one.rank
                        >= pair
                            .list
                            .entries
                            .iter()
                            .filter(|(m, _)| m.matches(key))
                            .map(|e| e.1.rank)
                            .max()
                            .unwrap_or(Rank(0))
                );
                assert_eq!(one, pair.lpm.trie.search(pair.lpm.shape.bits(key)));
            }
        }
    }
}

#[test]
fn packets_of_another_shape_in_a_batch_find_nothing_and_hinder_nobody() {
    for (field, entry_count) in [(OxmField::Ipv4Dst, 0), (OxmField::Ipv6Dst, 1000)] {
        let mut pair = Pair::new(field, entry_count);
        let mut random = Random(9);
        let width = u32::from(crate::fields::place(field).bits);
        for len in 0..=width {
            pair.add(bits(&mut random, width), len, len as u16);
        }
        let mut keys: Vec<Key> = pair.ends().iter().map(|&bits| key_of(field, bits)).collect();
        for key in &mut keys {
            match random.below(3) {
                0 => key.set(OxmField::EthType, 0x0806),
                1 => *key = Key::default(),
                _ => {}
            }
        }
        let keys: Vec<&Key> = keys.iter().collect();
        for count in 1..=BATCH {
            keys.chunks(count).for_each(|keys| pair.check_slots(keys));
        }
    }
}

#[test]
fn an_entry_that_prefixes_may_not_outrank_is_told_apart() {
    let mut pair = Pair::new(OxmField::Ipv4Dst, 0);
    pair.add(0x0a00_0000, 8, 7);
    pair.add(0x0a01_0000, 16, 9);
    let any = |priority| Hit { rank: Rank::new(priority, 1), slot: 1 };
    assert!(pair.lpm.is_above(Hit::NONE));
    assert!(pair.lpm.is_above(any(6)));
    assert!(!pair.lpm.is_above(any(7)), "age decides");
    assert!(!pair.lpm.is_above(any(8)));
    pair.add(0x0b00_0000, 8, 0);
    assert!(pair.lpm.is_above(Hit::NONE));
    assert!(!pair.lpm.is_above(any(0)));
    pair.lpm.trie.make_stale();
    assert!(!pair.lpm.is_above(Hit::NONE), "nothing is painted");
}

#[test]
fn a_small_root_takes_no_more_than_it_was_made_for() {
    let mut pair = Pair::new(OxmField::Ipv4Dst, 100);
    for number in 0..WORTH_ROOT as u128 {
        pair.add(number << 12, 24, 5);
    }
    let hit = Hit { rank: Rank::new(5, 9999), slot: 1 };
    assert!(!pair.lpm.insert(&entry(OxmField::Ipv4Dst, 0xffff_0000, 24), hit).unwrap());
    pair.check(&pair.ends());
}
