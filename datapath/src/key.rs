//! The canonical key of a packet: what its headers say, packed into two cache lines that every flow
//! table compares, and the masked key that a flow entry's match becomes.
//!
//! # What
//!
//! [`Key`] is sixteen 64-bit words. The first line (words 0-7) holds ports, Ethernet, VLAN, IPv4 or
//! ARP addresses, transport ports, metadata and tunnel; the second (words 8-15) holds IPv6 addresses,
//! neighbour discovery and ARP's hardware addresses, and is touched only by masks that name them.
//! Where a field lies is [`fields`](crate::fields)' table.
//!
//! # Design
//!
//! Fields that no packet can have at once share bits: TCP, UDP and SCTP ports; ICMPv4's and ICMPv6's
//! type and code; IPv4 addresses, ARP's protocol addresses and IPv6's flow label and extension
//! headers; ARP's hardware addresses and neighbour discovery's; the MPLS label stack entry and the
//! I-SID. The [`Presence`] bits beside the ingress port tell whose they are. A match that names a
//! field compares the presence bits of its header, too, so a header that is cut off, or that a later
//! fragment does not have, never matches, not even with the value 0.
//!
//! # What it does not do
//!
//! It holds no TTL, no fragment state and no inner headers: nothing in OpenFlow 1.3 matches them.

use bitflags::bitflags;
use hypercall::Port;
use ofp_codec::{Match, OxmField};

use crate::fields::place;

/// Words of a key.
pub const KEY_WORDS: usize = 16;
/// The word that is the metadata.
pub(crate) const METADATA_WORD: u8 = 5;
/// Words of the first cache line: what most tables match.
pub const FIRST_LINE_WORDS: usize = 8;

bitflags! {
    /// Which headers a packet really has, with all the bytes that their fields need.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Presence: u32 {
        /// An Ethernet header.
        const ETH = 1 << 0;
        /// It is known whether there is a VLAN tag: not when the tag is cut.
        const TAG_KNOWN = 1 << 1;
        /// A VLAN tag.
        const TAG = 1 << 2;
        /// The type behind all VLAN tags.
        const ETH_TYPE = 1 << 3;
        /// An IPv4 or IPv6 header.
        const IP = 1 << 4;
        /// An IPv4 header.
        const IPV4 = 1 << 5;
        /// An IPv6 header.
        const IPV6 = 1 << 6;
        /// The protocol above IP: not when a chain of extension headers is cut.
        const IP_PROTO = 1 << 7;
        /// A TCP header.
        const TCP = 1 << 8;
        /// A UDP header.
        const UDP = 1 << 9;
        /// An SCTP header.
        const SCTP = 1 << 10;
        /// An ICMP header over IPv4.
        const ICMPV4 = 1 << 11;
        /// An ICMPv6 header over IPv6.
        const ICMPV6 = 1 << 12;
        /// A neighbour solicitation or advertisement.
        const ND = 1 << 13;
        /// A solicitation's source link-layer address.
        const ND_SLL = 1 << 14;
        /// An advertisement's target link-layer address.
        const ND_TLL = 1 << 15;
        /// ARP for IPv4 over Ethernet.
        const ARP = 1 << 16;
        /// An MPLS label stack entry.
        const MPLS = 1 << 17;
        /// A PBB I-TAG.
        const PBB = 1 << 18;
    }
}

/// What a packet's headers say, in the form that tables compare.
///
/// ```
/// use rumpswitch_datapath::key::Key;
/// use ofp_codec::OxmField;
///
/// let mut key = Key::default();
/// key.set(OxmField::Metadata, 7);
/// assert_eq!(key.get(OxmField::Metadata), Some(7));
/// assert_eq!(key.get(OxmField::TcpDst), None, "no TCP header was seen");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(align(64))]
pub struct Key {
    words: [u64; KEY_WORDS],
}

impl Key {
    /// The key of a packet whose bytes have not been looked at.
    #[inline]
    pub(crate) const fn beside(
        in_port: Port,
        in_phy_port: Port,
        metadata: u64,
        tunnel_id: u64,
    ) -> Key {
        let (in_port, in_phy_port) = ((in_port.0 as u64) << 32, (in_phy_port.0 as u64) << 32);
        let words = [in_port, 0, 0, 0, 0, metadata, tunnel_id, in_phy_port, 0, 0, 0, 0, 0, 0, 0, 0];
        Key { words }
    }

    /// The words, in the order of the lines.
    pub const fn words(&self) -> &[u64; KEY_WORDS] {
        &self.words
    }

    /// Word `index`; 0 beyond the last.
    #[inline]
    pub fn word(&self, index: u8) -> u64 {
        self.words.get(usize::from(index)).copied().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn set_word(&mut self, index: u8, value: u64) {
        if let Some(word) = self.words.get_mut(usize::from(index)) {
            *word = value;
        }
    }

    /// Which headers were there.
    #[inline]
    pub fn presence(&self) -> Presence {
        let [first, ..] = self.words;
        Presence::from_bits_retain((first & PRESENCE_MASK) as u32)
    }

    #[inline]
    pub(crate) fn set_presence(&mut self, presence: Presence) {
        let [first, ..] = &mut self.words;
        *first = (*first & !PRESENCE_MASK) | u64::from(presence.bits());
    }

    /// Whether all of `presence` was there.
    #[inline]
    pub fn has(&self, presence: Presence) -> bool {
        self.presence().contains(presence)
    }

    /// The value of `field` as OXM writes it; `None` when its header is not there.
    ///
    /// An untagged packet has the VLAN_VID 0 (`OFPVID_NONE`) and no VLAN_PCP.
    pub fn get(&self, field: OxmField) -> Option<u128> {
        let place = place(field);
        self.has(place.presence).then(|| place.read(&self.words))
    }

    /// Writes the value of `field`, leaving presence as it is.
    ///
    /// Bits beyond the field's width are ignored.
    pub fn set(&mut self, field: OxmField, value: u128) {
        place(field).write(&mut self.words, value);
    }
}

impl core::fmt::Debug for Key {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut map = f.debug_map();
        for field in OxmField::ALL {
            if let Some(value) = self.get(field) {
                map.entry(&field, &format_args!("{value:#x}"));
            }
        }
        map.finish()
    }
}

/// The bits of word 0 that hold [`Presence`].
pub(crate) const PRESENCE_MASK: u64 = 0xffff_ffff;

/// A match in canonical form: the bits that are compared, and what they have to be.
///
/// Two matches are identical for flow-mod (§6.4) when their masked keys are equal, whatever the
/// order of their fields and whether an all-ones mask was written out.
///
/// ```
/// use rumpswitch_datapath::key::{Key, MaskedKey};
/// use ofp_codec::OxmField;
///
/// let mut any = MaskedKey::ANY;
/// assert!(any.matches(&Key::default()));
/// any.name(OxmField::InPort, 3, None);
/// assert_eq!(any.first_difference(&Key::default()), Some(OxmField::InPort));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct MaskedKey {
    value: Key,
    mask: Key,
}

impl MaskedKey {
    /// The match without fields: every packet.
    pub const ANY: MaskedKey =
        MaskedKey { value: Key { words: [0; KEY_WORDS] }, mask: Key { words: [0; KEY_WORDS] } };

    /// The canonical form of `matching`, presence bits included.
    ///
    /// Validity (prerequisites, impossible values) is the codec's business.
    pub fn from_match(matching: &Match) -> MaskedKey {
        let mut key = MaskedKey::ANY;
        for oxm in matching.fields() {
            key.name(oxm.field, oxm.value, oxm.mask);
        }
        key
    }

    /// Adds a field; without a mask all its bits are compared. A mask of zeros adds nothing.
    pub fn name(&mut self, field: OxmField, value: u128, mask: Option<u128>) {
        let place = place(field);
        let mask = mask.unwrap_or(u128::MAX) & place.ones();
        if mask == 0 {
            return;
        }
        let mask = mask | place.read(&self.mask.words);
        place.write(&mut self.mask.words, mask);
        place.write(&mut self.value.words, value & mask);
        self.mask.set_presence(self.mask.presence() | place.presence);
        self.value.set_presence(self.value.presence() | place.presence);
    }

    /// What compared bits have to be; other bits are 0.
    pub const fn value(&self) -> &Key {
        &self.value
    }

    /// The bits that are compared.
    pub const fn mask(&self) -> &Key {
        &self.mask
    }

    /// `value` under `mask`; `value` has no bit that `mask` has not.
    pub(crate) const fn from_parts(value: Key, mask: Key) -> MaskedKey {
        MaskedKey { value, mask }
    }

    /// Whether nothing is compared.
    pub fn is_any(&self) -> bool {
        self.mask.words.iter().all(|&word| word == 0)
    }

    /// Whether `key` has every field as this match wants it.
    #[inline]
    pub fn matches(&self, key: &Key) -> bool {
        self.triples(key).all(|(value, mask, word)| word & mask == value)
    }

    /// Whether `other` is this match or a more specific one: what a non-strict modify, delete or
    /// statistics request with this match selects (§6.4).
    pub fn contains(&self, other: &MaskedKey) -> bool {
        self.mask.words.iter().zip(&other.mask.words).all(|(mine, its)| mine & !its == 0)
            && self.triples(&other.value).all(|(value, mask, word)| word & mask == value)
    }

    /// Whether some packet could match both (§6.4, CHECK_OVERLAP).
    pub fn overlaps(&self, other: &MaskedKey) -> bool {
        self.triples(&other.value)
            .zip(&other.mask.words)
            .all(|((value, mask, word), its)| (value ^ word) & mask & its == 0)
    }

    /// The first field, in the order of OXM numbers, in which `key` differs or which it does not
    /// have; `None` when it matches.
    pub fn first_difference(&self, key: &Key) -> Option<OxmField> {
        self.fields().find(|&field| {
            let place = place(field);
            let mask = place.read(&self.mask.words);
            let wanted = place.read(&self.value.words);
            !key.has(place.presence) || place.read(&key.words) & mask != wanted
        })
    }

    /// The fields that are compared, in the order of OXM numbers.
    pub fn fields(&self) -> impl Iterator<Item = OxmField> + '_ {
        OxmField::ALL.into_iter().filter(|&field| self.names(field))
    }

    /// Whether `field` is compared.
    pub fn names(&self, field: OxmField) -> bool {
        let place = place(field);
        self.mask.has(place.presence) && place.read(&self.mask.words) != 0
    }

    /// How much of a packet this match looks at.
    pub fn needs(&self) -> Needs {
        Needs::of_mask(&self.mask)
    }

    #[inline]
    fn triples<'a>(&'a self, key: &'a Key) -> impl Iterator<Item = (u64, u64, u64)> + 'a {
        self.value
            .words
            .iter()
            .zip(&self.mask.words)
            .zip(&key.words)
            .map(|((&value, &mask), &word)| (value, mask, word))
    }
}

impl core::fmt::Debug for MaskedKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut map = f.debug_map();
        for field in self.fields() {
            let value = place(field).read(&self.value.words);
            let mask = place(field).read(&self.mask.words);
            map.entry(&field, &format_args!("{value:#x}/{mask:#x}"));
        }
        map.finish()
    }
}

/// How far into a packet matches look, so that a pipeline parses no more than it matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// How deep headers have to be parsed.
    pub depth: Depth,
    /// Whether a word of the second cache line is compared.
    pub second_line: bool,
}

/// How deep a frame has been, or has to be, parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Not at all: ports, metadata and tunnel ride beside the bytes.
    #[default]
    Nothing,
    /// Ethernet, VLAN tags and the type behind them.
    Link,
    /// Every header that has match fields.
    Whole,
}

impl Needs {
    /// What a mask looks at.
    pub fn of_mask(mask: &Key) -> Needs {
        const LINK: Presence =
            Presence::ETH.union(Presence::TAG_KNOWN).union(Presence::TAG).union(Presence::ETH_TYPE);
        let presence = mask.presence();
        let depth = if presence.is_empty() {
            Depth::Nothing
        } else if LINK.contains(presence) {
            Depth::Link
        } else {
            Depth::Whole
        };
        let second_line = mask.words.iter().skip(FIRST_LINE_WORDS).any(|&word| word != 0);
        Needs { depth, second_line }
    }

    /// What either looks at.
    #[must_use]
    pub fn union(self, other: Needs) -> Needs {
        Needs {
            depth: self.depth.max(other.depth),
            second_line: self.second_line || other.second_line,
        }
    }
}
