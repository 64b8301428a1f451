//! The first message of a channel, both ways: which versions the other side speaks (§6.3.1, §7.5.1).

use ofp_codec::{HEADER_LEN, VERSION};

/// Our hello: version 1.3, and a bitmap that says that it is the only one.
pub(crate) const HELLO: [u8; 16] = [
    VERSION, 0, 0, 16, 0, 0, 0, 0, // header
    0, 1, 0, 8, 0, 0, 0, 0x10, // OFPHET_VERSIONBITMAP {1 << 4}
];

/// What an incompatible peer is told, as `ovs-vsctl` would show it in a log.
pub(crate) const INCOMPATIBLE: &[u8] = b"this switch speaks OpenFlow 1.3 only (version 0x04)";

const VERSION_BITMAP: u16 = 1;

/// Whether 1.3 can be spoken with the sender of this hello. `message` is whole; nothing else about
/// it need be right: elements of unknown type or broken length end the search, no more.
pub(crate) fn is_compatible(message: &[u8]) -> bool {
    let Some((header, elements)) = message.split_at_checked(HEADER_LEN) else { return false };
    match version_bitmap(elements) {
        Some(bitmap) => bitmap & (1 << VERSION) != 0,
        // Without a bitmap it speaks all versions up to the one that it names.
        None => header.first().is_some_and(|&version| version >= VERSION),
    }
}

/// The first word of the first version bitmap that names a version at all.
fn version_bitmap(mut elements: &[u8]) -> Option<u32> {
    while let Some((&[kind_high, kind_low, len_high, len_low], _)) = elements.split_first_chunk() {
        let kind = u16::from_be_bytes([kind_high, kind_low]);
        let len = usize::from(u16::from_be_bytes([len_high, len_low]));
        let content = elements.get(4..len)?;
        if kind == VERSION_BITMAP {
            // Version 0 does not exist; later words hold versions from 32 on.
            let word = content.first_chunk().map_or(0, |word| u32::from_be_bytes(*word)) & !1;
            if word != 0 {
                return Some(word);
            }
        }
        elements = elements.get(len.next_multiple_of(8)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn hello(version: u8, elements: &[u8]) -> Vec<u8> {
        let len = (8 + elements.len()) as u16;
        let mut message = alloc::vec![version, 0, (len >> 8) as u8, len as u8, 0, 0, 0, 9];
        message.extend_from_slice(elements);
        message
    }

    fn bitmap(word: u32) -> Vec<u8> {
        let mut element = alloc::vec![0, 1, 0, 8];
        element.extend_from_slice(&word.to_be_bytes());
        element
    }

    #[test]
    fn speaks_to_itself() {
        assert!(is_compatible(&HELLO));
    }

    #[test]
    fn without_a_bitmap_the_smaller_version_counts() {
        for version in 0..=255 {
            assert_eq!(is_compatible(&hello(version, &[])), version >= 4, "{version}");
        }
    }

    #[test]
    fn a_bitmap_decides_alone() {
        for version in [1, 4, 5, 6] {
            assert!(is_compatible(&hello(version, &bitmap(0x10))), "{version}");
            assert!(is_compatible(&hello(version, &bitmap(0x72))), "{version}");
            assert!(!is_compatible(&hello(version, &bitmap(0x2))), "{version}");
            assert!(!is_compatible(&hello(version, &bitmap(0x60))), "{version}");
        }
    }

    #[test]
    fn an_empty_bitmap_is_none() {
        assert!(is_compatible(&hello(6, &bitmap(0))));
        assert!(is_compatible(&hello(6, &bitmap(1))));
        assert!(is_compatible(&hello(6, &[0, 1, 0, 4, 0, 0, 0, 0])));
        assert!(!is_compatible(&hello(1, &bitmap(0))));
    }

    #[test]
    fn unknown_and_broken_elements_are_skipped() {
        let unknown = [0, 77, 0, 5, 1, 0, 0, 0];
        assert!(is_compatible(&hello(4, &unknown)));
        let mut both = unknown.to_vec();
        both.extend_from_slice(&bitmap(0x2));
        assert!(!is_compatible(&hello(4, &both)), "the bitmap behind it counts");
        assert!(is_compatible(&hello(4, &[0, 1, 0, 0, 0, 0, 0, 0])), "length 0");
        assert!(is_compatible(&hello(4, &[0, 1, 0xff, 0xff, 0, 0, 0, 0])), "length beyond the end");
        assert!(is_compatible(&hello(4, &[0, 1])), "cut");
    }
}
