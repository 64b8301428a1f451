//! The device: channels opened, read, written, polled and closed.

use core::ffi::{c_int, c_void};

use hypercall::Nanos;
use switch_dev::{ChannelKind, Readiness};

use crate::abi::{self, Place};
use crate::error::{Error, answer};
use crate::handle::{Handle, Inner, Told};

/// `rumpswitch_open`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_open(
    sw: *mut Handle,
    now: u64,
    kind: c_int,
    channel: *mut u64,
) -> c_int {
    // SAFETY: the caller points to room for it, or to nothing.
    let place = unsafe { Place::new(channel) };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let place = place?;
        let kind = match kind {
            abi::ACTIVE => ChannelKind::Active,
            abi::PASSIVE => ChannelKind::Passive,
            _ => return Err(Error::BadArgument),
        };
        let Inner { device, channels, is_going, .. } = entered.inner();
        if *is_going {
            return Err(Error::Gone);
        }
        channels.try_reserve(1).map_err(|_| Error::NoMemory)?;
        let id = device.open(Nanos(now), kind)?;
        // Who opens knows what it is ready for.
        channels.push(Told { id, ready: device.readiness(id) });
        place.set(id.get());
        entered.tell();
        Ok(())
    }))
}

/// `rumpswitch_close`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_close(sw: *mut Handle, channel: u64) -> c_int {
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let inner = entered.inner();
        let id = inner.channel(channel)?;
        inner.device.close(id);
        inner.channels.retain(|told| told.id != id);
        entered.tell();
        Ok(())
    }))
}

/// `rumpswitch_read`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_read(
    sw: *mut Handle,
    channel: u64,
    now: u64,
    into: *mut c_void,
    len: usize,
    got: *mut usize,
) -> c_int {
    // SAFETY: the caller points to room for it, or to nothing.
    let place = unsafe { Place::new(got) };
    // SAFETY: the caller has room for `len` bytes, or says that there is none.
    let room = unsafe { abi::room(into, len) };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let (place, room) = (place?, room?);
        let inner = entered.inner();
        let id = inner.channel(channel)?;
        let read = inner.device.read(id, Nanos(now), room);
        // A read that finds nothing may have gone on with what it waits for.
        entered.tell();
        place.set(read?);
        Ok(())
    }))
}

/// `rumpswitch_write`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_write(
    sw: *mut Handle,
    channel: u64,
    now: u64,
    bytes: *const c_void,
    len: usize,
    taken: *mut usize,
) -> c_int {
    // SAFETY: the caller points to room for it, or to nothing.
    let place = unsafe { Place::new(taken) };
    // SAFETY: the caller gives `len` bytes, or nothing.
    let bytes = unsafe { abi::bytes(bytes, len) };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let (place, bytes) = (place?, bytes?);
        let (inner, mut host) = entered.parts();
        let id = inner.channel(channel)?;
        let written = inner.device.write(id, Nanos(now), &mut host, bytes);
        entered.tell();
        place.set(written?);
        Ok(())
    }))
}

/// `rumpswitch_poll`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_poll(sw: *mut Handle, channel: u64, ready: *mut u32) -> c_int {
    // SAFETY: the caller points to room for it, or to nothing.
    let place = unsafe { Place::new(ready) };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let place = place?;
        let inner = entered.inner();
        let ready = match inner.channel(channel) {
            Ok(id) => inner.device.readiness(id),
            Err(_) => Readiness::HANGUP,
        };
        place.set(u32::from(ready.bits()));
        Ok(())
    }))
}
