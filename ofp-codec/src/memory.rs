//! Memory that may be short: what the standard library does only with an abort, done with an error.
//!
//! The core crates allocate through these and `try_reserve` alone wherever a controller, a host or a
//! network host can make them allocate.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::{Deref, DerefMut};

use crate::OfpError;
use crate::error::{
    BadActionCode, BadRequestCode, FlowModFailedCode, GroupModFailedCode, MeterModFailedCode,
};

/// Memory is short; nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of memory")
    }
}

impl core::error::Error for NoMemory {}

/// What a request that asks for more than there is room for is told: BAD_REQUEST /
/// MULTIPART_BUFFER_OVERFLOW, "request overflowed the assigned buffer" (§7.4.4).
impl From<NoMemory> for OfpError {
    fn from(_: NoMemory) -> OfpError {
        OfpError::BadRequest(BadRequestCode::MultipartBufferOverflow)
    }
}

/// The error of a structure for which there is no room, by the one for its lengths: what the standard has
/// nearest.
pub(crate) fn no_room(structure: OfpError) -> OfpError {
    match structure {
        OfpError::BadAction(_) => OfpError::BadAction(BadActionCode::TooMany),
        OfpError::BadInstruction(_) | OfpError::BadMatch(_) | OfpError::FlowModFailed(_) => {
            OfpError::FlowModFailed(FlowModFailedCode::TableFull)
        }
        OfpError::GroupModFailed(_) => OfpError::GroupModFailed(GroupModFailedCode::OutOfBuckets),
        OfpError::MeterModFailed(_) => OfpError::MeterModFailed(MeterModFailedCode::OutOfBands),
        _ => NoMemory.into(),
    }
}

/// A copy that memory may be short for.
pub trait TryClone: Sized {
    /// A copy.
    ///
    /// # Errors
    /// [`NoMemory`].
    fn try_clone(&self) -> Result<Self, NoMemory>;
}

impl<T: TryClone> TryClone for Vec<T> {
    fn try_clone(&self) -> Result<Vec<T>, NoMemory> {
        let mut copy = Vec::new();
        copy.try_reserve_exact(self.len()).map_err(|_| NoMemory)?;
        for item in self {
            copy.push(item.try_clone()?);
        }
        Ok(copy)
    }
}

impl TryClone for String {
    fn try_clone(&self) -> Result<String, NoMemory> {
        try_string(self)
    }
}

impl TryClone for u8 {
    fn try_clone(&self) -> Result<u8, NoMemory> {
        Ok(*self)
    }
}

/// A list of copies.
///
/// # Errors
/// [`NoMemory`].
pub fn try_list<T: Copy>(items: &[T]) -> Result<Vec<T>, NoMemory> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(items.len()).map_err(|_| NoMemory)?;
    copy.extend_from_slice(items);
    Ok(copy)
}

/// A list of one.
///
/// # Errors
/// [`NoMemory`].
pub fn try_one<T>(item: T) -> Result<Vec<T>, NoMemory> {
    let mut list = Vec::new();
    list.try_reserve_exact(1).map_err(|_| NoMemory)?;
    list.push(item);
    Ok(list)
}

/// Adds to a list.
///
/// # Errors
/// [`NoMemory`]: the list is as before.
#[inline]
pub fn try_push<T>(list: &mut Vec<T>, item: T) -> Result<(), NoMemory> {
    list.try_reserve(1).map_err(|_| NoMemory)?;
    list.push(item);
    Ok(())
}

/// A list of all items.
///
/// # Errors
/// [`NoMemory`].
///
/// ```
/// use rumpswitch_ofp_codec::memory::try_collect;
/// assert_eq!(try_collect(1..4), Ok(vec![1, 2, 3]));
/// ```
pub fn try_collect<T>(items: impl IntoIterator<Item = T>) -> Result<Vec<T>, NoMemory> {
    let items = items.into_iter();
    let mut list = Vec::new();
    list.try_reserve_exact(items.size_hint().0).map_err(|_| NoMemory)?;
    for item in items {
        try_push(&mut list, item)?;
    }
    Ok(list)
}

/// A list as a boxed slice. One that is full stays where it lies; another one is copied, for to shrink it
/// may need memory, too, and the standard library aborts without it.
///
/// # Errors
/// [`NoMemory`].
pub fn try_boxed<T>(list: Vec<T>) -> Result<Box<[T]>, NoMemory> {
    let mut list = list;
    if list.len() != list.capacity() {
        let mut full = Vec::new();
        full.try_reserve_exact(list.len()).map_err(|_| NoMemory)?;
        full.append(&mut list);
        list = full;
    }
    Ok(list.into_boxed_slice())
}

/// A text.
///
/// # Errors
/// [`NoMemory`].
pub fn try_string(text: &str) -> Result<String, NoMemory> {
    let mut copy = String::new();
    copy.try_reserve_exact(text.len()).map_err(|_| NoMemory)?;
    copy.push_str(text);
    Ok(copy)
}

/// A value in memory of its own: `Box` with a constructor that fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TryBox<T>(Box<[T; 1]>);

impl<T> TryBox<T> {
    /// Puts a value there.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn new(value: T) -> Result<TryBox<T>, NoMemory> {
        // A list that is full becomes a boxed array where it is.
        try_one(value)?.into_boxed_slice().try_into().map(TryBox).map_err(|_| NoMemory)
    }
}

impl<T: fmt::Display> fmt::Display for TryBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T> Deref for TryBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        let [value] = &*self.0;
        value
    }
}

impl<T> DerefMut for TryBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        let [value] = &mut *self.0;
        value
    }
}
