use std::vec;

use ofp_codec::OxmField;
use ofp_codec::memory::TryBox;
use proptest::prelude::*;

use super::*;
use crate::classifier::compiled::Unsuited;
use crate::classifier::hash::HashKey;
use crate::key::Presence;

/// What the form is compared with: a list, searched from end to end.
#[derive(Default)]
struct Linear {
    entries: Vec<(MaskedKey, Hit)>,
}

impl Linear {
    fn find(&self, key: &Key) -> Hit {
        let hits = self.entries.iter().filter(|(matching, _)| matching.matches(key));
        hits.fold(Hit::NONE, |best, (_, hit)| best.or_better(*hit))
    }
}

fn hit(priority: u16, sequence: u64) -> Hit {
    Hit { rank: Rank::new(priority, sequence), slot: sequence as u32 ^ 0x55 }
}

fn build(entries: &[(MaskedKey, Hit)], budget: usize) -> Result<TryBox<BitVec>, Unsuited> {
    let mut builder = Builder::empty(HashKey::new(5))?;
    for (matching, hit) in entries {
        assert!(builder.add(matching, *hit)?);
    }
    loop {
        if let Some(form) = builder.step(budget)? {
            return Ok(form);
        }
    }
}

/// Compares one by one and in batches, of which only some are wanted and some have better hits.
fn compare(form: &BitVec, linear: &Linear, keys: &[Key]) {
    for (number, keys) in keys.chunks(BATCH).enumerate() {
        let refs: Vec<&Key> = keys.iter().collect();
        let wanted = (number as u32).wrapping_mul(0x9e37_79b9) | 1 << (number % 32);
        let better = hit(3, 1 << 40);
        let mut hits = [Hit::NONE; BATCH];
        for hit in hits.iter_mut().step_by(5) {
            *hit = better;
        }
        let before = hits;
        form.find_batch(&refs, wanted, &mut hits);
        let mut all = [Hit::NONE; BATCH];
        form.find_batch(&refs, u32::MAX, &mut all);
        for (at, key) in keys.iter().enumerate() {
            let expected = linear.find(key);
            assert_eq!(form.find(key), expected, "{key:?}");
            assert_eq!(all[at], expected, "in a batch: {key:?}");
            let improved = match wanted >> at & 1 {
                0 => before[at],
                _ => before[at].or_better(expected),
            };
            assert_eq!(hits[at], improved, "one that may be wanted: {key:?}");
        }
    }
}

/// Numbers that are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, count: u64) -> u64 {
        (self.next() >> 11) % count
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// Shapes of rule sets.
#[derive(Clone, Copy, Debug)]
enum Set {
    /// Addresses of a few sites, exact or by prefix, ports exact, by range or any.
    Firewall,
    /// Every mask another one.
    Masks,
    /// Prefixes of every length, one within the other.
    Nested,
    /// Four fields of the OXM table, this one and every seventh that follows, under any masks.
    Anything(usize),
    /// One field of the OXM table under any masks.
    Field(OxmField),
}

fn prefix(width: u32, len: u32) -> u128 {
    u128::MAX.checked_shl(width - len).unwrap_or(0) & (u128::MAX >> (128 - width))
}

impl Set {
    fn entry(self, random: &mut Random) -> MaskedKey {
        let mut key = MaskedKey::ANY;
        match self {
            Set::Firewall => {
                key.name(OxmField::EthType, 0x0800, None);
                for field in [OxmField::Ipv4Src, OxmField::Ipv4Dst] {
                    let len = random.of(&[0u32, 8, 16, 20, 24, 24, 26, 32, 32, 32]);
                    let address = random.below(6) << 24 | random.below(4) << 14 | random.below(300);
                    key.name(field, address.into(), Some(prefix(32, len)));
                }
                let (proto, source, destination) = random.of(&[
                    (6, OxmField::TcpSrc, OxmField::TcpDst),
                    (17, OxmField::UdpSrc, OxmField::UdpDst),
                    (0, OxmField::UdpSrc, OxmField::UdpDst),
                ]);
                if proto != 0 {
                    key.name(OxmField::IpProto, proto, None);
                    for field in [source, destination] {
                        let len = random.of(&[0u32, 0, 4, 9, 16, 16]);
                        key.name(field, random.below(2000).into(), Some(prefix(16, len)));
                    }
                }
            }
            Set::Masks => {
                key.name(OxmField::EthType, 0x0800, None);
                key.name(OxmField::IpProto, 17, None);
                for (field, width) in
                    [(OxmField::Ipv4Src, 32), (OxmField::Ipv4Dst, 32), (OxmField::UdpDst, 16)]
                {
                    let len = 1 + random.below(u64::from(width)) as u32;
                    key.name(field, random.next().into(), Some(prefix(width, len)));
                }
            }
            Set::Nested => {
                let len = random.below(65) as u32;
                key.name(OxmField::Metadata, 0, Some(prefix(64, len)));
                let len = random.below(49) as u32;
                key.name(OxmField::EthDst, 0, Some(prefix(48, len)));
                let len = random.below(129) as u32;
                key.name(OxmField::Ipv6Src, 0, Some(prefix(128, len)));
            }
            Set::Anything(first) => {
                for _ in 0..1 + random.below(3) {
                    let at = first + random.below(4) as usize * 7;
                    let field = OxmField::ALL[at % OxmField::ALL.len()];
                    if key.names(field) {
                        continue;
                    }
                    let few = random.below(4);
                    let mask = match random.below(4) {
                        0 => None,
                        1 => Some(1 << random.below(8)),
                        2 => Some(u128::from(random.next()) << 64 | u128::from(random.next())),
                        _ => Some(u128::MAX << random.below(16)),
                    };
                    key.name(field, u128::from(few) << 62 | u128::from(few), mask);
                }
            }
            Set::Field(field) => {
                let mut number = || u128::from(random.next()) << 64 | u128::from(random.next());
                let (value, mask) = (number(), number());
                let mask = mask | (value & 1).wrapping_neg();
                key.name(field, value, Some(mask));
            }
        }
        key
    }

    /// A key that `matching` may match, with other bits as they come and now and then one changed.
    fn key(self, random: &mut Random, matching: &MaskedKey) -> Key {
        let mut key = Key::default();
        let is_small = random.below(2) == 0;
        for word in 0..crate::key::KEY_WORDS as u8 {
            let (value, mask) = (matching.value().word(word), matching.mask().word(word));
            let noise = if is_small { random.next() & random.next() & 0x7 } else { random.next() };
            key.set_word(word, value | noise & !mask);
        }
        let presence = Presence::from_bits_truncate(random.next() as u32);
        key.set_presence(matching.value().presence() | presence);
        if random.below(4) == 0 {
            let word = random.below(8) as u8;
            key.set_word(word, key.word(word) ^ 1 << random.below(64));
        }
        key
    }
}

/// Distinct entries of a set.
fn entries(set: Set, random: &mut Random, count: usize, priorities: u64) -> Vec<(MaskedKey, Hit)> {
    let mut entries: Vec<(MaskedKey, Hit)> = Vec::new();
    let mut sequence = 0;
    while sequence < count as u64 {
        let matching = set.entry(random);
        sequence += u64::from(!matching.is_any());
        let priority = random.below(priorities) as u16;
        let is_new =
            |(other, hit): &(MaskedKey, Hit)| *other != matching || hit.rank.priority() != priority;
        if !matching.is_any() && (count > 2000 || entries.iter().all(is_new)) {
            entries.push((matching, hit(priority, sequence)));
        }
    }
    entries
}

fn keys(set: Set, random: &mut Random, entries: &[(MaskedKey, Hit)], count: usize) -> Vec<Key> {
    let mut keys = Vec::new();
    for _ in 0..count {
        let (matching, _) = random.of(entries);
        keys.push(set.key(random, &matching));
    }
    keys
}

/// Builds, compares, then removes and replaces until nothing is left, and compares on the way.
fn live_and_die(
    set: Set,
    seed: u64,
    (count, key_count): (usize, usize),
    priorities: u64,
) -> Option<TryBox<BitVec>> {
    let mut random = Random(seed);
    let entries = entries(set, &mut random, count, priorities);
    let budget = 1 + random.below(200) as usize;
    let mut form = build(&entries, budget).ok()?;
    let mut linear = Linear { entries };
    let mut keys = keys(set, &mut random, &linear.entries, key_count);
    keys.extend(linear.entries.iter().take(key_count / 2).map(|(matching, _)| *matching.value()));
    keys.push(Key::default());
    compare(&form, &linear, &keys);
    assert_eq!(form.entry_count(), linear.entries.len());
    let mut sequence = 1 << 30;
    for round in 0..6 {
        for _ in 0..linear.entries.len() / 4 {
            let at = random.below(linear.entries.len() as u64) as usize;
            let (matching, old) = linear.entries[at];
            if random.below(2) == 0 {
                sequence += 1;
                let new = hit(old.rank.priority(), sequence);
                assert!(form.replace(&matching, old, new));
                assert!(!form.replace(&matching, old, new), "the old one is not there");
                linear.entries[at].1 = new;
            } else {
                linear.entries.swap_remove(at);
                assert!(form.remove(&matching, old));
                assert!(!form.remove(&matching, old), "it is not there twice");
            }
        }
        compare(&form, &linear, &keys);
        assert_eq!(form.entry_count(), linear.entries.len(), "round {round}");
    }
    for (matching, hit) in linear.entries.drain(..) {
        assert!(form.remove(&matching, hit));
    }
    compare(&form, &linear, &keys);
    assert_eq!(form.entry_count(), 0);
    Some(form)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_a_list_finds_under_removes_and_replaces(
        set in prop_oneof![
            Just(Set::Firewall),
            Just(Set::Masks),
            Just(Set::Nested),
            (0usize..40).prop_map(Set::Anything),
        ],
        seed in 1..u64::MAX,
        count in prop::sample::select(vec![1usize, 2, 40, 64, 65, 130, 500]),
        priorities in prop::sample::select(vec![1u64, 4, 60_000]),
    ) {
        let form = live_and_die(set, seed, (count, 150), priorities);
        prop_assert!(form.is_some() || matches!(set, Set::Anything(_)), "too many fields");
    }
}

#[test]
fn every_field_can_be_matched_under_any_mask() {
    for (at, field) in OxmField::ALL.into_iter().enumerate() {
        assert!(
            live_and_die(Set::Field(field), 77 + at as u64, (60, 60), 9).is_some(),
            "{field:?}"
        );
    }
}

#[test]
fn several_pages_find_what_a_list_finds() {
    for (set, count) in [(Set::Firewall, 8_500), (Set::Masks, 5_000), (Set::Anything(2), 5_000)] {
        let form = live_and_die(set, 11, (count, 40), 60_000).unwrap();
        assert_eq!(form.page_count, count.div_ceil(PAGE), "{set:?}");
    }
}

/// A table that would take too much is for another template.
#[test]
fn what_it_cannot_hold_does_not_suit() {
    let mut random = Random(3);
    let mut builder = Builder::empty(HashKey::new(1)).unwrap();
    for sequence in 1..=MAX_ENTRIES as u64 {
        let matching = Set::Masks.entry(&mut random);
        assert_eq!(builder.add(&matching, hit(1, sequence)), Ok(true));
    }
    let matching = Set::Masks.entry(&mut random);
    assert_eq!(builder.add(&matching, hit(1, 1 << 20)), Err(Unsuited), "one entry too many");
    // Every bit of every field under masks of its own.
    let mut entries = Vec::new();
    for sequence in 1..3000 {
        let mut matching = MaskedKey::ANY;
        for field in OxmField::ALL {
            if random.below(2) == 0 {
                let number = || u128::from(sequence).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060);
                matching.name(field, number(), Some(number().rotate_left(sequence as u32)));
            }
        }
        entries.push((matching, hit(1, sequence)));
    }
    assert!(matches!(build(&entries, 100), Err(Unsuited)), "too many fields");
}

/// Keys that were made to find every mask's edge: each entry's value with one bit changed, the worst
/// that whoever knows the entries can send.
#[test]
fn a_lookup_looks_into_few_blocks_and_no_packet_into_many() {
    for (set, count) in [(Set::Firewall, 2_000), (Set::Masks, 1_000), (Set::Masks, 8_000)] {
        let mut random = Random(21);
        let entries = entries(set, &mut random, count, 60_000);
        let form = build(&entries, 1_000).unwrap();
        let mut probes = Vec::new();
        for (matching, _) in &entries {
            probes.push(form.probe_count(&set.key(&mut random, matching)));
            for field in matching.fields() {
                let place = crate::fields::place(field);
                let mut key = set.key(&mut random, matching);
                let bit = 1u64.wrapping_shl(u32::from(place.shift) + random.below(16) as u32);
                key.set_word(place.word, key.word(place.word) ^ bit);
                probes.push(form.probe_count(&key));
            }
        }
        probes.sort_unstable();
        let (median, worst) = (probes[probes.len() / 2].max(1), probes[probes.len() - 1]);
        std::println!("{set:?} of {count}: median {median}, worst {worst} blocks");
        assert!(worst <= count.div_ceil(64));
        assert!(median <= 8 && worst <= 4 * median.max(2), "{set:?}: {median}, worst {worst}");
    }
}

/// "Allow some, deny the rest", and a trace that makes a flow cache of another switch have a mask for
/// each pair of lengths (CVE-2019-25076): the cost is the same for every packet.
#[test]
fn a_tuple_space_attack_costs_no_packet_more_than_another() {
    let mut entries = Vec::new();
    for (at, (field, value)) in [
        (OxmField::TcpDst, 80),
        (OxmField::Ipv4Src, 0x0a00_0001),
        (OxmField::TcpSrc, 12345),
        (OxmField::Ipv4Dst, 0x0a00_0002),
    ]
    .into_iter()
    .enumerate()
    {
        let mut matching = MaskedKey::ANY;
        matching.name(OxmField::EthType, 0x0800, None);
        matching.name(OxmField::IpProto, 6, None);
        matching.name(field, value, None);
        entries.push((matching, hit(30 - at as u16, 1 + at as u64)));
    }
    let form = build(&entries, 1_000).unwrap();
    for bits in 0..1 << 12 {
        let mut key = Key::default();
        let (a, b, c) = (bits % 16, bits / 16 % 16, bits / 256 % 16);
        key.set(OxmField::EthType, 0x0800);
        key.set(OxmField::IpProto, 6);
        key.set(OxmField::TcpDst, 80 ^ (1 << a));
        key.set(OxmField::TcpSrc, 12345 ^ (1 << b));
        key.set(OxmField::Ipv4Src, 0x0a00_0001 ^ (1 << (2 * c)));
        key.set_presence(Presence::all());
        assert!(form.probe_count(&key) <= 1);
    }
}
