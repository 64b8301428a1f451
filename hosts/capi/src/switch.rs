//! A switch: made, given frames and the time, ended.

use alloc::alloc::{alloc, dealloc};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::ffi::{c_char, c_int, c_void};
use core::ptr::{self, NonNull};

use datapath::{BATCH, Batch, Ingress, Switch, SwitchConfig, SwitchParts};
use hypercall::{Nanos, Port};
use ofp_codec::memory::NoMemory;
use switch_dev::{Device, DeviceConfig, FailMode};

use crate::abi::{self, Config, Hypercalls, Place};
use crate::error::{Error, answer};
use crate::frame::{HostFrame, is_whole};
use crate::handle::{Handle, Inner};
use crate::host::{Calls, Table, from_raw};
use crate::platform;

/// Bytes of `dp_desc` that are kept.
const DESCRIPTION_LEN: usize = 255;

/// `rumpswitch_version`.
#[unsafe(no_mangle)]
pub extern "C" fn rumpswitch_version() -> *const c_char {
    const VERSION: &str = concat!("rumpswitch ", env!("CARGO_PKG_VERSION"), "\0");
    VERSION.as_ptr().cast()
}

/// `rumpswitch_revision`.
#[unsafe(no_mangle)]
pub extern "C" fn rumpswitch_revision() -> u32 {
    abi::REVISION
}

/// `rumpswitch_config_default`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_config_default(config: *mut Config) -> c_int {
    // SAFETY: the caller points to room for it, or to nothing.
    let place = unsafe { Place::new(config) };
    answer(place.map(|place| place.set(default())))
}

/// The core's defaults, as numbers.
fn default() -> Config {
    Config {
        revision: abi::REVISION,
        size: size_of::<Config>() as u32,
        datapath_id: 0,
        seed: 0,
        n_tables: 255,
        max_entries_per_table: 1 << 20,
        max_groups: 1 << 16,
        max_meters: 1 << 16,
        max_channels: 32,
        mac_table_count: 8192,
        standalone: 0,
        pad: 0,
        description: ptr::null(),
    }
}

/// `rumpswitch_create`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_create(
    config: *const Config,
    hypercalls: *const Hypercalls,
    host: *mut c_void,
    result: *mut *mut Handle,
) -> c_int {
    // SAFETY: the caller points to structures that begin with revision and size, or to nothing.
    let given = unsafe { (abi::read_revised(config), abi::read_revised(hypercalls)) };
    // SAFETY: the caller points to room for it, or to nothing.
    let place = unsafe { Place::new(result) };
    answer((|| {
        let (config, hypercalls) = (given.0?, given.1?);
        let place = place?;
        let calls = Calls { host, table: Table::new(&hypercalls)? };
        if !platform::is_named() {
            return Err(Error::BadArgument);
        }
        // SAFETY: the description is NULL or ends with a NUL.
        let inner = unsafe { make(&config) }?;
        place.set(put(|| Handle::new(calls, inner))?.as_ptr());
        Ok(())
    })())
}

/// Makes what is behind a handle.
///
/// # Safety
///
/// `config.description` is NULL or ends with a NUL.
#[inline(never)]
unsafe fn make(config: &Config) -> Result<Inner, Error> {
    let n_tables = u8::try_from(config.n_tables).ok().filter(|count| *count > 0);
    if config.max_channels == 0 {
        return Err(Error::BadArgument);
    }
    let switch = SwitchConfig {
        datapath_id: config.datapath_id,
        seed: config.seed,
        n_tables: n_tables.ok_or(Error::BadArgument)?,
        max_entries_per_table: config.max_entries_per_table,
        max_groups: config.max_groups,
        max_meters: config.max_meters,
        mac_table_count: config.mac_table_count,
        ..SwitchConfig::default()
    };
    let settings = DeviceConfig {
        max_channels: config.max_channels as usize,
        // SAFETY: by the contract above.
        description: unsafe { text(config.description) }?,
        ..DeviceConfig::default()
    };
    let parts = SwitchParts::try_new(switch).map_err(|NoMemory| Error::NoMemory)?;
    let mut device = put_device(settings, parts)?;
    if config.standalone != 0 {
        device.set_fail_mode(FailMode::Standalone);
    }
    let batch = put(Batch::new)?;
    // SAFETY: it was allocated as a box is.
    let batch = unsafe { Box::from_raw(batch.as_ptr()) };
    Ok(Inner { device, batch, channels: Vec::new(), is_going: false })
}

/// A call of its own: whatever of a device is on the stack before it is in its place is gone when this returns.
#[inline(never)]
fn put_device(settings: DeviceConfig, parts: SwitchParts) -> Result<Box<Device>, Error> {
    let device = put(|| Device::new(settings, Switch::from(parts)))?;
    // SAFETY: it was allocated as a box is.
    Ok(unsafe { Box::from_raw(device.as_ptr()) })
}

/// Makes a value in memory of its own, as a box would, but says when there is none. It is made there, not
/// on the stack: a batch is larger than a kernel's stack likes.
#[inline(always)]
fn put<T>(make: impl FnOnce() -> T) -> Result<NonNull<T>, Error> {
    let layout = Layout::new::<T>();
    // SAFETY: none of what is put is without size.
    let place = NonNull::new(unsafe { alloc(layout) }.cast::<T>()).ok_or(Error::NoMemory)?;
    // SAFETY: it is new memory of the value's layout.
    unsafe { place.write(make()) };
    Ok(place)
}

/// The text at `given`, cut to what is kept; NULL is none.
///
/// # Safety
///
/// `given` is NULL or ends with a NUL.
unsafe fn text(given: *const c_char) -> Result<String, Error> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(DESCRIPTION_LEN).map_err(|_| Error::NoMemory)?;
    for at in 0..DESCRIPTION_LEN {
        // SAFETY: no NUL has been met before.
        let byte = if given.is_null() { 0 } else { unsafe { given.add(at).read() } };
        if byte == 0 {
            break;
        }
        bytes.push(byte as u8);
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        Err(error) => {
            // What was cut in the middle of a character ends before it.
            let valid = error.utf8_error().valid_up_to();
            let mut bytes = error.into_bytes();
            bytes.truncate(valid);
            String::from_utf8(bytes).map_err(|_| Error::BadArgument)
        }
    }
}

/// `rumpswitch_hang_up`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_hang_up(sw: *mut Handle) -> c_int {
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.map(|mut entered| {
        let inner = entered.inner();
        inner.device.hang_up();
        inner.is_going = true;
        entered.tell();
    }))
}

/// `rumpswitch_destroy`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_destroy(sw: *mut Handle) -> c_int {
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.map(|entered| {
        entered.end();
        // SAFETY: `put` made it by this layout, and no call on it begins any more.
        unsafe {
            ptr::drop_in_place(sw);
            dealloc(sw.cast(), Layout::new::<Handle>());
        }
    }))
}

/// `rumpswitch_process`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_process(
    sw: *mut Handle,
    now: u64,
    batch: *mut abi::Ingress,
    count: usize,
) -> c_int {
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let calls = entered.calls();
        // SAFETY: the caller gives `count` frames.
        unsafe { check(batch, count, calls.table.copy_out.is_some()) }?;
        let (inner, mut host) = entered.parts();
        let mut left = count;
        while left > 0 {
            let some = left.min(BATCH);
            let first = batch.wrapping_add(count.wrapping_sub(left));
            // SAFETY: they were checked, and the caller gives them away.
            unsafe { take(&mut inner.batch, first, some, NonNull::from(calls)) };
            inner.device.process(Nanos(now), &mut host, &mut inner.batch);
            left = left.wrapping_sub(some);
        }
        entered.tell();
        Ok(())
    }))
}

/// Takes frames into a batch. A call of its own: what it has in hand is on the stack only while it works.
///
/// # Safety
///
/// There are `count` frames, which were checked and are given away; `calls` lives as long as they do.
#[inline(never)]
unsafe fn take(
    batch: &mut Batch<HostFrame>,
    first: *const abi::Ingress,
    count: usize,
    calls: NonNull<Calls>,
) {
    for index in 0..count {
        // SAFETY: it is one of the caller's frames.
        let given = unsafe { first.wrapping_add(index).read() };
        // It was checked.
        let meta = from_raw(&given.meta).unwrap_or_default();
        // SAFETY: it was checked, and the caller gives it away.
        let frame = unsafe { HostFrame::new(given.frame, calls) };
        batch.push(Ingress { port: Port(given.port), meta, frame });
    }
}

/// Whether all frames are frames.
///
/// # Safety
///
/// `batch` is NULL, misaligned or has `count` frames whose `rest` says what it has.
#[inline(never)] // what it has in hand is on the stack only while it works
unsafe fn check(batch: *const abi::Ingress, count: usize, has_copy_out: bool) -> Result<(), Error> {
    let is_possible = count <= isize::MAX as usize / size_of::<abi::Ingress>();
    if batch.is_null() || !batch.is_aligned() || !is_possible {
        return Err(Error::BadArgument);
    }
    for index in 0..count {
        // SAFETY: it is one of them.
        let given = unsafe { &*batch.wrapping_add(index) };
        from_raw(&given.meta)?;
        // SAFETY: by the contract above.
        if !unsafe { is_whole(&given.frame, has_copy_out) } {
            return Err(Error::BadArgument);
        }
    }
    Ok(())
}

/// `rumpswitch_tick`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_tick(
    sw: *mut Handle,
    now: u64,
    next_deadline: *mut u64,
) -> c_int {
    // SAFETY: the caller points to room for it, or to nothing.
    let place = unsafe { Place::new(next_deadline) };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let place = place?;
        let (inner, mut host) = entered.parts();
        inner.device.tick(Nanos(now), &mut host);
        place.set(inner.next_deadline());
        entered.tell();
        Ok(())
    }))
}

/// `rumpswitch_next_deadline`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_next_deadline(
    sw: *mut Handle,
    next_deadline: *mut u64,
) -> c_int {
    // SAFETY: the caller points to room for it, or to nothing.
    let place = unsafe { Place::new(next_deadline) };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        place?.set(entered.inner().next_deadline());
        Ok(())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_cores() {
        let (ours, switch, device) = (default(), SwitchConfig::default(), DeviceConfig::default());
        assert_eq!((ours.datapath_id, ours.seed), (switch.datapath_id, switch.seed));
        assert_eq!(ours.n_tables, u32::from(switch.n_tables));
        assert_eq!(ours.max_entries_per_table, switch.max_entries_per_table);
        assert_eq!((ours.max_groups, ours.max_meters), (switch.max_groups, switch.max_meters));
        assert_eq!(ours.mac_table_count, switch.mac_table_count);
        assert_eq!(ours.max_channels as usize, device.max_channels);
    }
}
