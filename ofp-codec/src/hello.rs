//! HELLO (§7.5.1): which versions a side speaks.

use alloc::vec::Vec;

/// What a side speaks.
#[doc(alias = "OFPT_HELLO")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// Its elements, in order.
    pub elements: Vec<HelloElement>,
}

/// One element of a hello.
#[doc(alias = "ofp_hello_elem_header")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HelloElement {
    /// Bit `n` of word `w`: version `32 * w + n` is spoken.
    #[doc(alias = "OFPHET_VERSIONBITMAP")]
    VersionBitmap(Vec<u32>),
    /// Any other element, which receivers skip.
    Unknown {
        /// Its type.
        element_type: u16,
        /// Its content.
        data: Vec<u8>,
    },
}

impl Hello {
    /// The hello of a side that speaks version 1.3 alone.
    pub fn version_1_3() -> Hello {
        Hello { elements: alloc::vec![HelloElement::VersionBitmap(alloc::vec![1 << 4])] }
    }

    /// Whether the sender speaks `version`, by its bitmap; `None` without a bitmap.
    pub fn speaks(&self, version: u8) -> Option<bool> {
        self.elements.iter().find_map(|element| match element {
            HelloElement::VersionBitmap(words) => {
                let word = words.get(usize::from(version / 32)).copied().unwrap_or(0);
                Some(word >> (version % 32) & 1 == 1)
            }
            HelloElement::Unknown { .. } => None,
        })
    }
}
