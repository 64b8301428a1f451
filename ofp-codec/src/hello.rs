//! HELLO (§7.5.1): which versions a side speaks.

use alloc::vec::Vec;

use crate::DecodeError;
use crate::memory::{NoMemory, try_collect, try_list};
use crate::wire::{EncodeError, Reader, Writer};

/// The element type of [`HelloElement::VersionBitmap`].
#[doc(alias = "OFPHET_VERSIONBITMAP")]
const VERSION_BITMAP: u16 = 1;
/// Bytes in an element's header.
const ELEMENT_HEADER_LEN: usize = 4;

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

impl Hello {
    /// Reads a hello's body. A hello must be readable whatever a later version put into it: what
    /// cannot be an element ends the list and is no error.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Hello, DecodeError> {
        let mut elements = Vec::new();
        while let Ok((element_type, len)) = reader.peek_pair() {
            let len = usize::from(len);
            if len < ELEMENT_HEADER_LEN || len > reader.remaining() {
                break;
            }
            let data = reader.take(len)?.get(ELEMENT_HEADER_LEN..).unwrap_or(&[]);
            // The last element's padding may be missing.
            if reader.skip_padding(len).is_err() {
                reader.take_rest();
            }
            let no_memory = |NoMemory| reader.no_memory();
            let element = match element_type {
                VERSION_BITMAP => {
                    HelloElement::VersionBitmap(try_collect(words(data)).map_err(no_memory)?)
                }
                _ => {
                    let data = try_list(data).map_err(no_memory)?;
                    HelloElement::Unknown { element_type, data }
                }
            };
            reader.push(&mut elements, element)?;
        }
        reader.take_rest();
        Ok(Hello { elements })
    }

    /// Writes a hello's body.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) -> Result<(), EncodeError> {
        for element in &self.elements {
            let start = writer.position();
            match element {
                HelloElement::VersionBitmap(words) => {
                    writer.u16(VERSION_BITMAP);
                    writer.u16(0);
                    words.iter().for_each(|word| writer.u32(*word));
                }
                HelloElement::Unknown { element_type, data } => {
                    writer.u16(*element_type);
                    writer.u16(0);
                    writer.bytes(data);
                }
            }
            writer.set_len(start, 2)?;
            writer.pad(start);
        }
        Ok(())
    }
}

/// The whole 32-bit words in `bytes`.
fn words(bytes: &[u8]) -> impl Iterator<Item = u32> + '_ {
    let whole = bytes.chunks_exact(4);
    whole.filter_map(|word| word.try_into().ok().map(u32::from_be_bytes))
}
