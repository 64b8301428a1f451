//! Ports: what the host says of them, and what was counted.

use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_int;

use datapath::{PortConfig, QueueConfig};
use hypercall::{Nanos, Port};
use ofp_codec::{
    HwAddr, OfpError, PortConfig as ConfigFlags, PortFeatures, PortState, QueueOpFailedCode,
};

use crate::abi::{self, Place, PortCounters};
use crate::error::{Error, answer, of_port};
use crate::handle::{Entered, Handle};

/// What the host may say of a port's state; whether it is live is the switch's conclusion.
const STATES: u32 = abi::LINK_DOWN | abi::BLOCKED;

/// Whether a port may have this number.
pub(crate) fn check_number(number: u32) -> Result<(), Error> {
    let is_ordinary = (1..=abi::PORT_MAX).contains(&number);
    if is_ordinary || number == abi::PORT_LOCAL { Ok(()) } else { Err(Error::BadPort) }
}

impl Entered<'_> {
    pub(crate) fn has_port(&mut self, number: u32) -> bool {
        self.inner().device.switch().tables.port(Port(number)).is_some()
    }

    /// Tells channels and host what has become of the ports.
    pub(crate) fn tell_ports(&mut self, now: u64) {
        let (inner, mut host) = self.parts();
        inner.device.tick(Nanos(now), &mut host);
        self.tell();
    }
}

/// `rumpswitch_port_add`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_port_add(
    sw: *mut Handle,
    now: u64,
    port: *const abi::Port,
) -> c_int {
    // SAFETY: the caller points to a port, or to nothing.
    let given = unsafe { abi::read(port) };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let given = given?;
        check_number(given.number)?;
        if entered.has_port(given.number) {
            return Err(Error::PortExists);
        }
        let port = describe(&given)?;
        let tables = &mut entered.inner().device.switch_mut().tables;
        tables.port_add(Nanos(now), port).map_err(of_port)?;
        entered.tell_ports(now);
        Ok(())
    }))
}

/// `rumpswitch_port_change`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_port_change(
    sw: *mut Handle,
    now: u64,
    port: *const abi::Port,
) -> c_int {
    // SAFETY: the caller points to a port, or to nothing.
    let given = unsafe { abi::read(port) };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let given = given?;
        if !entered.has_port(given.number) {
            return Err(Error::NoPort);
        }
        let port = describe(&given)?;
        entered.inner().device.switch_mut().tables.port_change(port).map_err(of_port)?;
        entered.tell_ports(now);
        Ok(())
    }))
}

/// `rumpswitch_port_remove`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_port_remove(sw: *mut Handle, now: u64, number: u32) -> c_int {
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let tables = &mut entered.inner().device.switch_mut().tables;
        tables.port_remove(Port(number)).map_err(|_| Error::NoPort)?;
        entered.tell_ports(now);
        Ok(())
    }))
}

/// `rumpswitch_port_get`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_port_get(
    sw: *mut Handle,
    number: u32,
    port: *mut abi::Port,
) -> c_int {
    // SAFETY: the caller points to room for it, or to nothing.
    let place = unsafe { Place::new(port) };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let place = place?;
        let tables = &entered.inner().device.switch().tables;
        let (desc, max_frame) = tables.port(Port(number)).ok_or(Error::NoPort)?;
        let mut name = [0; 16];
        for (to, from) in name.iter_mut().take(15).zip(desc.name.bytes()) {
            *to = from;
        }
        place.set(abi::Port {
            number,
            name,
            hw_addr: desc.hw_addr.0,
            pad: [0; 2],
            config: desc.config.bits(),
            state: desc.state.bits() & STATES,
            curr: desc.curr.bits(),
            advertised: desc.advertised.bits(),
            supported: desc.supported.bits(),
            peer: desc.peer.bits(),
            curr_speed: desc.curr_speed,
            max_speed: desc.max_speed,
            max_frame,
        });
        Ok(())
    }))
}

/// `rumpswitch_port_counters`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_port_counters(
    sw: *mut Handle,
    number: u32,
    counters: *mut PortCounters,
) -> c_int {
    // SAFETY: the caller points to room for them, or to nothing.
    let place = unsafe { Place::new(counters) };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        let place = place?;
        let tables = &entered.inner().device.switch().tables;
        let stats = tables.port_counters(Port(number), Nanos(0)).ok_or(Error::NoPort)?;
        place.set(PortCounters {
            rx_frames: stats.rx_packets,
            tx_frames: stats.tx_packets,
            rx_bytes: stats.rx_bytes,
            tx_bytes: stats.tx_bytes,
            rx_dropped: stats.rx_dropped,
            tx_dropped: stats.tx_dropped,
        });
        Ok(())
    }))
}

/// `rumpswitch_port_queues`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_port_queues(
    sw: *mut Handle,
    now: u64,
    number: u32,
    queues: *const abi::Queue,
    count: usize,
) -> c_int {
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| {
        // SAFETY: the caller points to so many queues.
        let queues = unsafe { queues_at(queues, count) }?;
        let tables = &mut entered.inner().device.switch_mut().tables;
        tables.set_queues(Nanos(now), Port(number), &queues).map_err(|error| match error {
            OfpError::QueueOpFailed(QueueOpFailedCode::BadPort) => Error::NoPort,
            OfpError::QueueOpFailed(QueueOpFailedCode::BadQueue) => Error::BadArgument,
            _ => Error::NoMemory,
        })
    }))
}

/// The queues that a host means.
///
/// # Safety
///
/// `given` is NULL, misaligned, or has `count` queues.
unsafe fn queues_at(given: *const abi::Queue, count: usize) -> Result<Vec<QueueConfig>, Error> {
    if count > 0 && (given.is_null() || !given.is_aligned()) {
        return Err(Error::BadArgument);
    }
    let mut queues = Vec::new();
    if count > QueueConfig::MAX_COUNT || queues.try_reserve_exact(count).is_err() {
        return Err(Error::NoMemory);
    }
    for at in 0..count {
        // SAFETY: it is one of the caller's.
        let queue = unsafe { given.wrapping_add(at).read() };
        let (min_rate, max_rate) = (queue.min_rate, queue.max_rate);
        queues.push(QueueConfig { id: queue.id, min_rate, max_rate });
    }
    Ok(queues)
}

/// The port that a host means.
fn describe(given: &abi::Port) -> Result<PortConfig, Error> {
    let len = given.name.iter().position(|byte| *byte == 0).ok_or(Error::BadArgument)?;
    let name = given.name.get(..len).and_then(|name| core::str::from_utf8(name).ok());
    let mut owned = String::new();
    owned.try_reserve_exact(len).map_err(|_| Error::NoMemory)?;
    owned.push_str(name.ok_or(Error::BadArgument)?);
    Ok(PortConfig {
        name: owned,
        hw_addr: HwAddr(given.hw_addr),
        config: ConfigFlags::from_bits_retain(given.config),
        state: PortState::from_bits_retain(given.state & STATES),
        curr: PortFeatures::from_bits_retain(given.curr),
        advertised: PortFeatures::from_bits_retain(given.advertised),
        supported: PortFeatures::from_bits_retain(given.supported),
        peer: PortFeatures::from_bits_retain(given.peer),
        curr_speed: given.curr_speed,
        max_speed: given.max_speed,
        max_frame: if given.max_frame == 0 { abi::MAX_FRAME } else { given.max_frame },
        ..PortConfig::new(Port(given.number), "")
    })
}
