//! Runs of bits of the key: what one field of the bit vectors looks at, and how the key is cut into
//! such runs before anything is known of the table.

use crate::key::Key;

/// Some neighbouring bits of one word of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) word: u8,
    pub(super) shift: u8,
    /// At least 1, at most 64.
    pub(super) width: u8,
}

impl Span {
    const fn new(word: u8, shift: u8, width: u8) -> Span {
        Span { word, shift, width }
    }

    /// All of its bits, right-aligned.
    pub(super) fn ones(self) -> u64 {
        u64::MAX.wrapping_shr(64u32.wrapping_sub(u32::from(self.width)))
    }

    /// Its bits of `key`, right-aligned.
    #[inline]
    pub(super) fn read(self, key: &Key) -> u64 {
        key.word(self.word).wrapping_shr(u32::from(self.shift)) & self.ones()
    }

    /// The part of it that `bits` (right-aligned, not 0) cover from their first to their last.
    pub(super) fn narrowed(self, bits: u64) -> Span {
        let low = bits.trailing_zeros() as u8;
        let high = 64u8.wrapping_sub(bits.leading_zeros() as u8);
        Span { shift: self.shift.wrapping_add(low), width: high.wrapping_sub(low).max(1), ..self }
    }

    /// It in pieces of eight bits, lowest first.
    pub(super) fn pieces(self) -> impl Iterator<Item = Span> {
        (0..self.width).step_by(8).map(move |at| Span {
            shift: self.shift.wrapping_add(at),
            width: self.width.wrapping_sub(at).min(8),
            ..self
        })
    }
}

/// The whole key, cut where match fields end (`fields.rs`), and within none that masks are put to
/// but IPv6 addresses, which are longer than a word.
pub(super) const SPANS: [Span; 28] = [
    // in_port | presence
    Span::new(0, 32, 32),
    Span::new(0, 16, 16),
    Span::new(0, 0, 16),
    // eth_dst | eth_type; eth_src | tag
    Span::new(1, 16, 48),
    Span::new(1, 0, 16),
    Span::new(2, 16, 48),
    Span::new(2, 0, 16),
    // IPv4 or ARP addresses
    Span::new(3, 32, 32),
    Span::new(3, 0, 32),
    // ports | protocol | dscp, ecn | ICMP type | code
    Span::new(4, 48, 16),
    Span::new(4, 32, 16),
    Span::new(4, 24, 8),
    Span::new(4, 16, 8),
    Span::new(4, 8, 8),
    Span::new(4, 0, 8),
    // metadata, tunnel
    Span::new(5, 0, 64),
    Span::new(6, 0, 64),
    // in_phy_port | label stack entry or I-SID
    Span::new(7, 32, 32),
    Span::new(7, 0, 32),
    // IPv6 addresses
    Span::new(8, 0, 64),
    Span::new(9, 0, 64),
    Span::new(10, 0, 64),
    Span::new(11, 0, 64),
    Span::new(12, 0, 64),
    Span::new(13, 0, 64),
    // hardware addresses | ARP's operation
    Span::new(14, 16, 48),
    Span::new(14, 0, 16),
    Span::new(15, 0, 64),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KEY_WORDS;

    #[test]
    fn the_spans_cover_every_bit_of_the_key_once() {
        let mut words = [0u64; KEY_WORDS];
        for span in SPANS {
            let bits = span.ones() << span.shift;
            assert_eq!(words[usize::from(span.word)] & bits, 0, "{span:?}");
            words[usize::from(span.word)] |= bits;
        }
        assert_eq!(words, [u64::MAX; KEY_WORDS]);
    }

    #[test]
    fn a_span_narrows_to_the_bits_and_falls_into_pieces() {
        let span = Span::new(7, 0, 32);
        assert_eq!(span.narrowed(0x00ff_fff0), Span::new(7, 4, 20));
        let pieces: std::vec::Vec<Span> = span.narrowed(0x00ff_fff0).pieces().collect();
        assert_eq!(pieces, [Span::new(7, 4, 8), Span::new(7, 12, 8), Span::new(7, 20, 4)]);
        assert_eq!(Span::new(5, 0, 64).narrowed(1 << 63), Span::new(5, 63, 1));
    }
}
