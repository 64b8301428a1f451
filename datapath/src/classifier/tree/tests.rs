//! The tree beside a list that is searched from end to end.

use alloc::vec::Vec;

use ofp_codec::OxmField as F;
use ofp_codec::memory::TryBox;

use super::*;
use crate::classifier::Rank;
use crate::classifier::compiled::Unsuited;
use crate::key::MaskedKey;

/// SplitMix64.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize]
    }
}

fn prefix(len: u32, width: u32) -> u128 {
    let ones = (1u128 << width) - 1;
    ones & !(ones >> len)
}

/// One class of rules: source and destination lengths, masks of the ports, protocols (0: any).
type Shape = (&'static [u32], &'static [u32], &'static [u16], &'static [u16], &'static [u8]);

const ACL: &[Shape] = &[
    (&[32, 24, 28, 0], &[32, 32, 24, 27], &[0], &[0xffff, 0xffff, 0, 0xfff0], &[6, 17]),
    (&[0], &[32, 24, 30], &[0], &[0xffff, 0xff00], &[6, 17]),
    (&[24, 16, 32], &[24, 32], &[0], &[0, 0xfc00], &[0, 6, 1]),
];
const FW: &[Shape] = &[
    (&[0, 32, 24, 16], &[32, 0, 24], &[0, 0xf800, 0xfc00], &[0xffff, 0xfff8, 0], &[6, 17]),
    (&[0], &[32, 24, 16, 8], &[0x8000, 0xc000, 0], &[0xffff, 0xf000], &[6, 17]),
    (&[32, 24, 16, 8], &[0], &[0], &[0, 0xffff, 0xfc00], &[0, 6, 17]),
    (&[32, 26, 20], &[32, 26, 20], &[0xffff, 0xff00], &[0xffff, 0x8000], &[6, 17]),
];
const IPC: &[Shape] = &[
    (&[32, 24, 27, 16], &[32, 24, 27, 16], &[0, 0xffff], &[0, 0xffff], &[6, 17, 1]),
    (&[32], &[32], &[0, 0xffff], &[0, 0xffff], &[6, 17]),
    (&[0, 8], &[32, 24], &[0, 0xe000], &[0xffff, 0xffc0], &[6, 17]),
    (&[20, 22, 23], &[20, 22, 23], &[0], &[0], &[0, 6]),
];

/// A match as the rule sets of access lists, firewalls and IP chains have them.
fn rule(dice: &mut Dice, shapes: &[Shape]) -> MaskedKey {
    let (from, to, source, target, protocols) = dice.pick(shapes);
    let mut key = MaskedKey::ANY;
    key.name(F::EthType, 0x800, None);
    for (field, lens) in [(F::Ipv4Src, from), (F::Ipv4Dst, to)] {
        let net = dice.below(40) * 0x0101 + 0x0a00_0000;
        let address = u128::from(net << 8 & 0xffff_ff00 | dice.below(256)) & 0xffff_ffff;
        key.name(field, address, Some(prefix(dice.pick(lens), 32)));
    }
    let protocol = dice.pick(protocols);
    if protocol != 0 {
        key.name(F::IpProto, protocol.into(), None);
    }
    let (tp_src, tp_dst) = match protocol {
        6 => (F::TcpSrc, F::TcpDst),
        17 => (F::UdpSrc, F::UdpDst),
        _ => return key,
    };
    for (field, masks) in [(tp_src, source), (tp_dst, target)] {
        let port = dice.pick(&[80, 443, 22, 53, 8080, 1024, 40000, dice.0 as u16]);
        key.name(field, port.into(), Some(dice.pick(masks).into()));
    }
    key
}

/// A key that `matching` matches, other bits at random; every so often one bit is changed.
fn key_of(dice: &mut Dice, matching: &MaskedKey) -> Key {
    let mut key = Key::default();
    for at in 0..16 {
        let (value, mask) = (matching.value().word(at), matching.mask().word(at));
        key.set_word(at, dice.next() & !mask | value);
    }
    if dice.below(4) == 0 {
        let at = dice.pick(&[0, 3, 3, 3, 4, 4]);
        key.set_word(at, key.word(at) ^ 1 << dice.below(64));
    }
    key
}

/// Entries in no order.
type List = Vec<(MaskedKey, Hit)>;

fn linear(list: &List, key: &Key) -> Hit {
    let hits = list.iter().filter(|(matching, _)| matching.matches(key));
    hits.map(|(_, hit)| *hit).max_by_key(|hit| hit.rank).unwrap_or(Hit::NONE)
}

fn union(list: &List) -> Key {
    let mut union = Key::default();
    for (matching, _) in list {
        (0..16).for_each(|at| union.set_word(at, union.word(at) | matching.mask().word(at)));
    }
    union
}

fn build(list: &List) -> Result<TryBox<Tree>, Unsuited> {
    let mut builder = Builder::with(HashKey::new(7), &union(list), list.len(), list.len())?;
    for (matching, hit) in list {
        assert!(builder.add(matching, *hit)?, "there is room");
    }
    loop {
        if let Some(tree) = builder.step(3)? {
            return Ok(tree);
        }
    }
}

fn compare(tree: &Tree, list: &List, keys: &[Key]) {
    let wanted: Vec<Hit> = keys.iter().map(|key| linear(list, key)).collect();
    assert_eq!(tree.entry_count(), list.len());
    for (keys, wanted) in keys.chunks(BATCH).zip(wanted.chunks(BATCH)) {
        let refs: Vec<&Key> = keys.iter().collect();
        let mut hits = [Hit::NONE; BATCH];
        tree.find_batch(&refs, u32::MAX, &mut hits);
        let mut some = [Hit::NONE; BATCH];
        tree.find_batch(&refs, 0x5a5a_a5a5, &mut some);
        for (at, (key, wanted)) in keys.iter().zip(wanted).enumerate() {
            assert_eq!(tree.find(key), *wanted, "{key:?}");
            assert_eq!(hits[at], *wanted, "in a batch: {key:?}");
            let of_some = if 0x5a5a_a5a5u32 >> at & 1 != 0 { *wanted } else { Hit::NONE };
            assert_eq!(some[at], of_some, "of some keys of a batch");
            assert!(tree.probe_count(key) > 0 || tree.entry_count() == 0);
        }
    }
}

fn hit(priority: u16, number: usize) -> Hit {
    Hit { rank: Rank::new(priority, number as u64 + 1), slot: number as u32 }
}

/// `count` different matches at priorities below `priorities`.
fn entries(
    dice: &mut Dice,
    count: usize,
    priorities: u64,
    mut make: impl FnMut(&mut Dice) -> MaskedKey,
) -> List {
    let mut list = List::new();
    for number in 0..count {
        let matching = make(dice);
        let hit = hit(dice.below(priorities) as u16, number);
        if !matching.is_any() {
            list.push((matching, hit));
        }
    }
    list
}

fn keys(dice: &mut Dice, list: &List, count: usize) -> Vec<Key> {
    (0..count)
        .map(|_| {
            let (matching, _) = dice.pick(list);
            key_of(dice, &matching)
        })
        .collect()
}

#[test]
fn rule_sets_of_every_shape_give_what_the_list_gives() {
    for (seed, shapes) in [ACL, FW, IPC].into_iter().enumerate() {
        for count in [1, 2, 9, 40, 2000] {
            let dice = &mut Dice(seed as u64);
            let list = entries(dice, count, 60_000, |dice| rule(dice, shapes));
            let tree = build(&list).expect("the template suits");
            let keys = keys(dice, &list, 320);
            compare(&tree, &list, &keys);
        }
    }
}

#[test]
fn entries_of_equal_priority_are_told_by_age() {
    let dice = &mut Dice(11);
    let list = entries(dice, 2000, 2, |dice| rule(dice, FW));
    let tree = build(&list).expect("the template suits");
    let keys = keys(dice, &list, 320);
    compare(&tree, &list, &keys);
}

#[test]
fn changes_in_place_give_what_the_list_gives() {
    for (seed, shapes) in [ACL, FW, IPC].into_iter().enumerate() {
        let dice = &mut Dice(100 + seed as u64);
        let mut list = entries(dice, 1500, 1000, |dice| rule(dice, shapes));
        let mut tree = build(&list).expect("the template suits");
        let (mut taken, mut refused) = (0, 0);
        for round in 0..40 {
            for step in 0..40 {
                let number = 10_000 + round * 100 + step;
                match dice.below(4) {
                    0 => {
                        let at = dice.below(list.len() as u64) as usize;
                        let (matching, hit) = list.swap_remove(at);
                        assert!(tree.remove(&matching, hit));
                        assert!(!tree.remove(&matching, hit), "removed twice");
                    }
                    1 => {
                        let at = dice.below(list.len() as u64) as usize;
                        let (matching, old) = list[at];
                        let new = hit(old.rank.priority(), number);
                        assert!(tree.replace(&matching, old, new));
                        assert!(!tree.replace(&matching, old, new), "replaced twice");
                        list[at].1 = new;
                    }
                    _ => {
                        let matching = rule(dice, shapes);
                        let hit = hit(dice.below(1200) as u16, number);
                        if matching.is_any() {
                            continue;
                        }
                        if tree.insert(&matching, hit) == Ok(true) {
                            taken += 1;
                            list.push((matching, hit));
                        } else {
                            refused += 1;
                        }
                    }
                }
            }
            let keys = keys(dice, &list, 64);
            compare(&tree, &list, &keys);
        }
        assert!(taken > refused, "{taken} taken, {refused} refused");
    }
}

#[test]
fn an_entry_that_looks_at_other_words_is_refused() {
    let dice = &mut Dice(5);
    let list = entries(dice, 500, 1000, |dice| rule(dice, IPC));
    let mut tree = build(&list).expect("the template suits");
    let mut other = MaskedKey::ANY;
    other.name(F::Metadata, 7, None);
    assert_eq!(tree.insert(&other, hit(1, 501)), Ok(false));
    assert!(!tree.remove(&other, hit(1, 501)));
    assert!(!tree.replace(&other, hit(1, 501), hit(1, 502)));
    let keys = keys(dice, &list, 200);
    compare(&tree, &list, &keys);
}

#[test]
fn a_tree_that_was_emptied_takes_entries_again() {
    let dice = &mut Dice(6);
    let mut list = entries(dice, 800, 1000, |dice| rule(dice, ACL));
    let mut tree = build(&list).expect("the template suits");
    let all = list.clone();
    for (matching, hit) in list.drain(..) {
        assert!(tree.remove(&matching, hit));
    }
    let keys = keys(dice, &all, 100);
    compare(&tree, &list, &keys);
    for (matching, hit) in all {
        if tree.insert(&matching, hit) == Ok(true) {
            list.push((matching, hit));
        }
    }
    assert!(list.len() > 700, "{}", list.len());
    compare(&tree, &list, &keys);
}

/// Any bits of any field, ranges of presence that no packet has included.
fn anything(dice: &mut Dice) -> MaskedKey {
    let mut key = MaskedKey::ANY;
    for _ in 0..1 + dice.below(4) {
        let field = dice.pick(&F::ALL);
        let (value, mask) = (dice.next() & dice.next(), dice.next() | dice.next());
        let wide = |x: u64| u128::from(x) << 64 | u128::from(x.rotate_left(17));
        let mask = if dice.below(2) == 0 { None } else { Some(wide(mask)) };
        if !key.names(field) {
            key.name(field, wide(value & 3), mask);
        }
    }
    key
}

#[test]
fn arbitrary_masks_over_all_fields_suit_or_are_refused() {
    let mut suited = 0;
    for seed in 0..30 {
        let dice = &mut Dice(seed);
        let list = entries(dice, 200, 50, anything);
        let Ok(tree) = build(&list) else { continue };
        suited += 1;
        let keys = keys(dice, &list, 200);
        compare(&tree, &list, &keys);
    }
    assert!(suited > 10, "{suited}");
}

#[test]
fn ipv6_prefixes_and_ports_suit() {
    let dice = &mut Dice(77);
    let list = entries(dice, 3000, 60_000, |dice| {
        let mut key = MaskedKey::ANY;
        key.name(F::EthType, 0x86dd, None);
        for field in [F::Ipv6Src, F::Ipv6Dst] {
            let len = dice.pick(&[0, 32, 48, 64, 128]);
            let net = 0x2001_0db8u128 << 96 | u128::from(dice.below(50)) << 64;
            key.name(
                field,
                net | u128::from(dice.below(20)),
                Some(!(u128::MAX.checked_shr(len).unwrap_or(0))),
            );
        }
        key.name(F::IpProto, 6, None);
        key.name(F::TcpDst, u128::from(dice.below(30)), None);
        key
    });
    let tree = build(&list).expect("the template suits");
    let keys = keys(dice, &list, 320);
    compare(&tree, &list, &keys);
}

#[test]
fn ten_thousand_masks_suit_and_few_steps_find() {
    let dice = &mut Dice(8);
    let list = entries(dice, 10_000, 65_535, |dice| {
        let mut key = MaskedKey::ANY;
        key.name(F::EthType, 0x800, None);
        key.name(F::IpProto, 17, None);
        for (field, width, least) in [(F::Ipv4Src, 32, 8), (F::Ipv4Dst, 32, 8), (F::UdpDst, 16, 1)]
        {
            let len = least + dice.below(u64::from(width - least + 1)) as u32;
            key.name(field, u128::from(dice.next()) & ((1 << width) - 1), Some(prefix(len, width)));
        }
        key
    });
    let tree = build(&list).expect("the template suits");
    assert!(tree.worst_count() < 40, "{}", tree.worst_count());
    let keys = keys(dice, &list, 300);
    compare(&tree, &list, &keys);
}

/// All entries match one packet: no cut can tell them apart.
#[test]
fn entries_that_all_overlap_keep_the_ceiling_or_are_refused() {
    let nested = |count: u32| {
        let mut list = List::new();
        for number in 0..count {
            let (from, to, port) = (number % 33, number / 33 % 33, number / 33 / 33 % 17);
            let mut key = MaskedKey::ANY;
            key.name(F::EthType, 0x800, None);
            key.name(F::IpProto, 6, None);
            key.name(F::Ipv4Src, 0x0a0a_0a0a, Some(prefix(from, 32)));
            key.name(F::Ipv4Dst, 0x0a0a_0a0a, Some(prefix(to, 32)));
            key.name(F::TcpDst, 80, Some(prefix(port, 16)));
            list.push((key, hit(number as u16, number as usize)));
        }
        list
    };
    for count in [100, 500] {
        let list = nested(count);
        let tree = build(&list).expect("within the ceiling");
        assert!(tree.worst_count() <= WORST_OF_FEW);
        let dice = &mut Dice(9);
        let keys = keys(dice, &list, 300);
        compare(&tree, &list, &keys);
    }
    assert_eq!(build(&nested(1_100)).map(|_| ()).unwrap_err(), Unsuited);
    assert_eq!(build(&nested(18_000)).map(|_| ()).unwrap_err(), Unsuited);
}

#[test]
fn the_work_of_a_step_is_bounded_by_its_budget() {
    let dice = &mut Dice(10);
    let list = entries(dice, 5000, 60_000, |dice| rule(dice, ACL));
    let mut builder =
        Builder::with(HashKey::new(7), &union(&list), list.len(), list.len()).expect("memory");
    for (matching, hit) in &list {
        builder.add(matching, *hit).expect("memory");
    }
    let mut steps = 0;
    while builder.step(1).expect("the template suits").is_none() {
        steps += 1;
    }
    assert!(steps > 1000, "{steps} steps");
    assert_eq!(builder.add(&list[0].0, hit(1, 1)), Ok(false), "no entry after the first step");
}
