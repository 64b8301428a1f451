//! Why frames were not sent: the reasons, their names, and how often each was met.

use core::ffi::{c_char, c_int};
use core::ptr;

use datapath::DropReason;

use crate::abi::Place;
use crate::error::{Error, answer};
use crate::handle::Handle;

/// Bytes of the longest name, its NUL counted.
const NAME_LEN: usize = 24;

/// The core's names, each with a NUL behind it.
static NAMES: [[u8; NAME_LEN]; DropReason::ALL.len()] = names();

const fn names() -> [[u8; NAME_LEN]; DropReason::ALL.len()] {
    let mut names = [[0; NAME_LEN]; DropReason::ALL.len()];
    let mut number = 0;
    while number < names.len() {
        let name = DropReason::ALL[number].name().as_bytes();
        assert!(name.len() < NAME_LEN, "a NUL is left");
        let mut at = 0;
        while at < name.len() {
            names[number][at] = name[at];
            at += 1;
        }
        number += 1;
    }
    names
}

/// `rumpswitch_drop_reason_count`.
#[unsafe(no_mangle)]
pub extern "C" fn rumpswitch_drop_reason_count() -> u32 {
    DropReason::ALL.len() as u32
}

/// `rumpswitch_drop_reason_name`.
#[unsafe(no_mangle)]
pub extern "C" fn rumpswitch_drop_reason_name(reason: u32) -> *const c_char {
    let name = usize::try_from(reason).ok().and_then(|reason| NAMES.get(reason));
    name.map_or(ptr::null(), |name| name.as_ptr().cast())
}

/// `rumpswitch_drop_count`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_drop_count(
    sw: *mut Handle,
    reason: u32,
    count: *mut u64,
) -> c_int {
    // SAFETY: the caller points to room for it, or to nothing.
    let place = unsafe { Place::new(count) };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let place = place?;
        let reason = usize::try_from(reason).ok().and_then(|at| DropReason::ALL.get(at));
        let tables = &entered.inner().device.switch().tables;
        place.set(tables.drop_count(*reason.ok_or(Error::BadArgument)?));
        Ok(())
    }))
}
