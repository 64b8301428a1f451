//! Bounded reading and writing of message bytes: the only place that touches raw offsets.
//!
//! A [`Reader`] never goes beyond the bytes that it was made of, knows where in the message it
//! stands, and knows the error that running short means. A structure with an inner length is read by
//! a reader of exactly those bytes. A [`Writer`] appends to a buffer and fills lengths in afterwards,
//! from what was written.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::memory::{self, NoMemory};
use crate::{BadRequestCode, DecodeError, OfpError};

/// The error of a message whose lengths do not add up.
pub(crate) const BAD_LEN: OfpError = OfpError::BadRequest(BadRequestCode::BadLen);

/// Bytes of padding behind `len` bytes.
pub(crate) const fn padding(len: usize) -> usize {
    len.wrapping_neg() & 7
}

/// Which rules hold for what is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rules {
    /// What a controller asks for entries, groups and meters: everything is checked, and
    /// experimenters' actions, instructions and bands are refused, for none is known.
    Request,
    /// A packet-out's actions: as a request, but output to TABLE is allowed.
    PacketOut,
    /// What a switch tells of itself: only what cannot be kept is refused, so that a foreign
    /// switch's extensions pass.
    Report,
}

impl Rules {
    /// Whether the rules for controllers hold.
    pub(crate) fn strict(self) -> bool {
        self != Rules::Report
    }
}

/// Reads big-endian values from a part of a message.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
    what: &'static str,
    short: OfpError,
}

impl<'a> Reader<'a> {
    /// A reader of `bytes`, which stand `offset` bytes from the start of the message.
    pub(crate) fn new(bytes: &'a [u8], offset: usize, what: &'static str, short: OfpError) -> Self {
        Reader { rest: bytes, offset, what, short }
    }

    /// Where the next byte stands in the message.
    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes that are left.
    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// An error at this place.
    pub(crate) fn error(&self, error: OfpError) -> DecodeError {
        self.error_at(self.offset, error)
    }

    /// An error of what is read here, at another place.
    pub(crate) fn error_at(&self, offset: usize, error: OfpError) -> DecodeError {
        DecodeError { error, what: self.what, offset }
    }

    /// The error of lengths that do not add up, at this place.
    pub(crate) fn short(&self) -> DecodeError {
        self.error(self.short)
    }

    /// The error of a structure for which memory is short, at this place.
    #[cold]
    pub(crate) fn no_memory(&self) -> DecodeError {
        self.error(memory::no_room(self.short))
    }

    /// Adds to a list of what is read here.
    pub(crate) fn push<T>(&self, list: &mut Vec<T>, item: T) -> Result<(), DecodeError> {
        memory::try_push(list, item).map_err(|NoMemory| self.no_memory())
    }

    /// A copy of all bytes that are left.
    pub(crate) fn rest_to_vec(&mut self) -> Result<Vec<u8>, DecodeError> {
        self.take_to_vec(self.remaining())
    }

    /// A copy of the next `len` bytes.
    pub(crate) fn take_to_vec(&mut self, len: usize) -> Result<Vec<u8>, DecodeError> {
        let bytes = self.take(len)?;
        memory::try_list(bytes).map_err(|NoMemory| self.no_memory())
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(len) else {
            return Err(self.short());
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(len);
        Ok(taken)
    }

    /// All bytes that are left.
    pub(crate) fn take_rest(&mut self) -> &'a [u8] {
        let taken = self.rest;
        self.rest = &[];
        self.offset = self.offset.saturating_add(taken.len());
        taken
    }

    /// A reader of the next `len` bytes, which are a structure of their own.
    pub(crate) fn sub(
        &mut self,
        len: usize,
        what: &'static str,
        short: OfpError,
    ) -> Result<Reader<'a>, DecodeError> {
        let offset = self.offset;
        match self.take(len) {
            Ok(bytes) => Ok(Reader::new(bytes, offset, what, short)),
            Err(_) => Err(DecodeError { error: short, what, offset }),
        }
    }

    /// The next two 16-bit values, which stay unread: mostly a type and a length.
    pub(crate) fn peek_pair(&self) -> Result<(u16, u16), DecodeError> {
        match *self.rest {
            [a, b, c, d, ..] => Ok((u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))),
            _ => Err(self.short()),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.short());
        };
        self.rest = rest;
        self.offset = self.offset.saturating_add(N);
        Ok(*taken)
    }

    /// A byte.
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A 16-bit value.
    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_be_bytes)
    }

    /// A 32-bit value.
    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_be_bytes)
    }

    /// A 64-bit value.
    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_be_bytes)
    }

    /// A value of `len` bytes, at most 16.
    pub(crate) fn uint(&mut self, len: u8) -> Result<u128, DecodeError> {
        match len {
            2 => self.u16().map(u128::from),
            4 => self.u32().map(u128::from),
            8 => self.u64().map(u128::from),
            16 => self.array().map(u128::from_be_bytes),
            len => {
                let bytes = self.take(usize::from(len))?;
                Ok(bytes.iter().fold(0, |value, byte| value << 8 | u128::from(*byte)))
            }
        }
    }

    /// A MAC address.
    pub(crate) fn mac(&mut self) -> Result<crate::HwAddr, DecodeError> {
        self.array().map(crate::HwAddr)
    }

    /// Passes over `len` bytes of padding, whatever they hold.
    pub(crate) fn skip(&mut self, len: usize) -> Result<(), DecodeError> {
        self.take(len).map(|_| ())
    }

    /// Passes over the padding behind a structure of `len` bytes.
    pub(crate) fn skip_padding(&mut self, len: usize) -> Result<(), DecodeError> {
        self.skip(padding(len))
    }

    /// A text in a field of `len` bytes, which ends at its first NUL, at the latest in the last
    /// byte. A byte that is no UTF-8 becomes a question mark, so that the text never grows.
    pub(crate) fn text(&mut self, len: usize) -> Result<String, DecodeError> {
        let (_, field) = self.take(len)?.split_last().unwrap_or((&0, &[]));
        let bytes = field.split(|byte| *byte == 0).next().unwrap_or(&[]);
        let mut text = String::new();
        text.try_reserve_exact(bytes.len()).map_err(|_| self.no_memory())?;
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            text.extend(chunk.invalid().iter().map(|_| '?'));
        }
        Ok(text)
    }

    /// Checks that nothing is left.
    pub(crate) fn finish(&self) -> Result<(), DecodeError> {
        if self.is_empty() { Ok(()) } else { Err(self.short()) }
    }
}

/// Why a message cannot be put on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// A structure or the whole message would be longer than its length field can say.
    TooLong,
    /// An experimenter's content is not a multiple of 8 bytes where it must be.
    Unaligned,
    /// A match field's value or mask has more bytes than the field.
    ValueTooWide,
    /// Memory is short.
    NoMemory,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            EncodeError::TooLong => "longer than 65535 bytes",
            EncodeError::Unaligned => "experimenter content is not a multiple of 8 bytes",
            EncodeError::NoMemory => "out of memory",
            EncodeError::ValueTooWide => "a match field's value is wider than the field",
        })
    }
}

impl core::error::Error for EncodeError {}

/// Appends big-endian values to a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
    /// Something was not written, for want of memory.
    is_short: bool,
}

/// Appends what `write` writes, or nothing when it fails.
pub(crate) fn append(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    let start = out.len();
    let mut writer = Writer::new(out);
    let mut written = write(&mut writer);
    if writer.is_short {
        written = Err(EncodeError::NoMemory);
    }
    if written.is_err() {
        out.truncate(start);
    }
    written
}

impl<'a> Writer<'a> {
    /// A writer that appends to `out`.
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Writer<'a> {
        Writer { out, is_short: false }
    }

    /// Where the next byte goes; only differences mean something.
    pub(crate) fn position(&self) -> usize {
        self.out.len()
    }

    /// Bytes written since `start`.
    fn since(&self, start: usize) -> usize {
        self.out.len().saturating_sub(start)
    }

    /// A byte.
    pub(crate) fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }

    /// A 16-bit value.
    pub(crate) fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// A 32-bit value.
    pub(crate) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// A 64-bit value.
    pub(crate) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// A value of `len` bytes, at most 16.
    pub(crate) fn uint(&mut self, value: u128, len: u8) -> Result<(), EncodeError> {
        if value.checked_shr(8 * u32::from(len)).unwrap_or(0) != 0 {
            return Err(EncodeError::ValueTooWide);
        }
        let bytes = value.to_be_bytes();
        let unused = bytes.len().saturating_sub(usize::from(len));
        self.bytes(bytes.get(unused..).unwrap_or(&[]));
        Ok(())
    }

    /// Bytes as they are.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        if self.has_room(bytes.len()) {
            self.out.extend_from_slice(bytes);
        }
    }

    /// Bytes whose count must be a multiple of 8.
    pub(crate) fn aligned(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        if bytes.len() % 8 != 0 {
            return Err(EncodeError::Unaligned);
        }
        self.bytes(bytes);
        Ok(())
    }

    /// Zero bytes.
    pub(crate) fn zeros(&mut self, len: usize) {
        if self.has_room(len) {
            self.out.resize(self.out.len().saturating_add(len), 0);
        }
    }

    /// Makes room for `len` bytes. Without it nothing more is written, and [`append`] takes all back.
    fn has_room(&mut self, len: usize) -> bool {
        self.is_short = self.is_short || self.out.try_reserve(len).is_err();
        !self.is_short
    }

    /// Zero bytes up to the next multiple of 8 from `start`.
    pub(crate) fn pad(&mut self, start: usize) {
        self.zeros(padding(self.since(start)));
    }

    /// A text in a field of `len` bytes, NUL at its end; what does not fit is cut off.
    pub(crate) fn text(&mut self, text: &str, len: usize) {
        let mut fits = text.len().min(len.saturating_sub(1));
        while !text.is_char_boundary(fits) {
            fits = fits.saturating_sub(1);
        }
        let (kept, _) = text.split_at_checked(fits).unwrap_or(("", ""));
        self.bytes(kept.as_bytes());
        self.zeros(len.saturating_sub(kept.len()));
    }

    /// Fills in, `field` bytes behind `start`, how many bytes were written since `start`.
    pub(crate) fn set_len(&mut self, start: usize, field: usize) -> Result<(), EncodeError> {
        let len = u16::try_from(self.since(start)).map_err(|_| EncodeError::TooLong)?;
        self.set_u16(start.saturating_add(field), len);
        Ok(())
    }

    /// Writes the 16-bit value at `from` over what stands at `to`.
    pub(crate) fn copy_u16(&mut self, from: usize, to: usize) {
        if let Some(value) = self.out.get(from..).and_then(|rest| rest.first_chunk()) {
            self.set_u16(to, u16::from_be_bytes(*value));
        }
    }

    /// Writes a 16-bit value over what stands at `position`.
    pub(crate) fn set_u16(&mut self, position: usize, value: u16) {
        let end = position.saturating_add(2);
        if let Some(place) = self.out.get_mut(position..end) {
            place.copy_from_slice(&value.to_be_bytes());
        }
    }
}
