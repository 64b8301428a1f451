//! How the bits of a key that a table compares are put into as few words as may be: what the flow cache
//! hashes, compares and keeps. Flow tables work it out when their masks change, not for packets.

use arrayvec::ArrayVec;

use crate::key::{KEY_WORDS, Key};

/// Packed words that there can be.
const COLUMNS_MAX: u8 = KEY_WORDS as u8;

/// One word of a key on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// Which word.
    pub(crate) word: u8,
    /// How far its bits are rotated to the left.
    pub(crate) rotation: u8,
    /// The packed word that they become part of.
    pub(crate) column: u8,
    /// Whether it is the first of that packed word, and so is not rotated.
    pub(crate) is_first: bool,
}

/// Where the compared bits of each word go: no two into the same place, so that keys with the same packed
/// words agree in all compared bits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packing {
    /// In the order of columns.
    sources: ArrayVec<Source, KEY_WORDS>,
    column_count: u8,
}

impl Packing {
    /// Nothing is compared.
    pub(crate) const fn new() -> Packing {
        Packing { sources: ArrayVec::new_const(), column_count: 0 }
    }

    /// The packing of the bits in `compared`: the word with most of them first, each into the first packed
    /// word that has the places free, rotated as need be.
    pub(crate) fn of(compared: &[u64; KEY_WORDS]) -> Packing {
        let mut left: ArrayVec<u8, KEY_WORDS> =
            (0u8..).zip(compared).filter(|(_, mask)| **mask != 0).map(|(at, _)| at).collect();
        let mask = |word: u8| compared.get(usize::from(word)).copied().unwrap_or(0);
        left.sort_unstable_by_key(|&word| (core::cmp::Reverse(mask(word).count_ones()), word));
        let mut packing = Packing::new();
        // Column by column: what does not fit waits for the next.
        for column in 0..COLUMNS_MAX {
            let mut taken = 0u64;
            left.retain(|word| {
                let mask = mask(*word);
                let fits = |rotation: &u32| mask.rotate_left(*rotation) & taken == 0;
                let Some(rotation) = (0..u64::BITS).find(fits) else { return true };
                let is_first = taken == 0;
                taken |= mask.rotate_left(rotation);
                let rotation = rotation as u8;
                let source = Source { word: *word, rotation, column, is_first };
                // There is a place for each word.
                let _ = packing.sources.try_push(source);
                false
            });
            if taken != 0 {
                packing.column_count = column.saturating_add(1);
            }
        }
        packing
    }

    /// The words of a key that have compared bits.
    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// How many packed words there are.
    #[inline]
    pub(crate) fn column_count(&self) -> usize {
        usize::from(self.column_count)
    }

    /// The packed words of `key`, of whose words the bits in `compared` are.
    #[inline]
    pub(crate) fn pack<const WORDS: usize>(
        &self,
        compared: &[u64; KEY_WORDS],
        key: &Key,
    ) -> [u64; WORDS] {
        let mut packed = [0; WORDS];
        for source in &self.sources {
            let mask = compared.get(usize::from(source.word)).copied().unwrap_or(0);
            if let Some(packed) = packed.get_mut(usize::from(source.column)) {
                *packed |= (key.word(source.word) & mask).rotate_left(u32::from(source.rotation));
            }
        }
        packed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::MaskedKey;
    use ofp_codec::OxmField;
    use proptest::prelude::*;

    fn compared(fields: &[OxmField]) -> [u64; KEY_WORDS] {
        let mut matching = MaskedKey::ANY;
        fields.iter().for_each(|&field| matching.name(field, 0, None));
        *matching.mask().words()
    }

    #[test]
    fn addresses_protocol_and_ports_of_ipv4_are_two_words_and_three_with_the_port_of_entry() {
        use OxmField::{
            EthType, InPort, IpProto, Ipv4Dst, Ipv4Src, TcpDst, TcpSrc, UdpDst, UdpSrc,
        };
        let tuple = [EthType, IpProto, Ipv4Src, Ipv4Dst, TcpSrc, TcpDst, UdpSrc, UdpDst];
        assert_eq!(Packing::of(&compared(&tuple)).column_count(), 2);
        let with_port = [&tuple[..], &[InPort]].concat();
        assert_eq!(Packing::of(&compared(&with_port)).column_count(), 3);
        assert_eq!(Packing::of(&[0; KEY_WORDS]).column_count(), 0);
        assert_eq!(Packing::of(&[u64::MAX; KEY_WORDS]).column_count(), KEY_WORDS);
    }

    fn masks() -> impl Strategy<Value = [u64; KEY_WORDS]> {
        let mask = prop_oneof![
            3 => Just(0u64),
            1 => Just(u64::MAX),
            3 => (0u32..64, 0u32..64).prop_map(|(a, b)| (u64::MAX >> a) & (u64::MAX << b)),
            1 => any::<u64>(),
        ];
        prop::array::uniform(mask)
    }

    proptest! {
        #[test]
        fn keys_that_differ_in_one_compared_bit_differ_when_packed_and_others_do_not(
            compared in masks(),
            words in prop::array::uniform::<_, KEY_WORDS>(any::<u64>()),
            word in 0u8..KEY_WORDS as u8,
            bit in 0u32..64,
        ) {
            let packing = Packing::of(&compared);
            let mut key = Key::default();
            (0u8..).zip(words).for_each(|(at, word)| key.set_word(at, word));
            let mut other = key;
            other.set_word(word, key.word(word) ^ 1 << bit);
            let is_compared = compared[usize::from(word)] >> bit & 1 == 1;
            let pack = |key: &Key| packing.pack::<KEY_WORDS>(&compared, key);
            prop_assert_eq!(pack(&key) != pack(&other), is_compared);
            let of = |words: [u64; KEY_WORDS]| words.iter().map(|word| word.count_ones()).sum::<u32>();
            let mut all = Key::default();
            (0u8..KEY_WORDS as u8).for_each(|at| all.set_word(at, u64::MAX));
            prop_assert_eq!(of(pack(&all)), of(compared), "each bit has a place of its own");
        }
    }
}
