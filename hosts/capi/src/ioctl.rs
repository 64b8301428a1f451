//! Requests on the device: what switch(4) had as ioctls.

use core::ffi::{c_int, c_void};

use hypercall::Port;

use crate::abi::{self, Renumber};
use crate::error::{Error, answer, of_port};
use crate::handle::{Entered, Handle};
use crate::ports::check_number;

/// What a request's argument points to.
struct Argument {
    place: *mut c_void,
    len: usize,
}

impl Argument {
    /// Whether there is room for a `T`.
    fn check<T>(&self) -> Result<*mut T, Error> {
        match self.place.is_null() || self.len < size_of::<T>() {
            true => Err(Error::BadArgument),
            false => Ok(self.place.cast()),
        }
    }

    fn get<T: Copy>(&self) -> Result<T, Error> {
        let place = self.check::<T>()?;
        // SAFETY: the caller says that so many bytes are there; they need not be aligned.
        Ok(unsafe { place.read_unaligned() })
    }

    fn set<T>(&self, value: T) -> Result<(), Error> {
        let place = self.check::<T>()?;
        // SAFETY: as above.
        unsafe { place.write_unaligned(value) };
        Ok(())
    }
}

/// `rumpswitch_ioctl`.
///
/// # Safety
///
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn rumpswitch_ioctl(
    sw: *mut Handle,
    channel: u64,
    now: u64,
    request: u32,
    argument: *mut c_void,
    len: usize,
) -> c_int {
    let argument = Argument { place: argument, len };
    // SAFETY: the caller gives a switch of ours, or what says that it is none.
    let entered = unsafe { Handle::enter(sw) };
    answer(entered.and_then(|mut entered| match request {
        abi::GET_PENDING => {
            let inner = entered.inner();
            argument.check::<u32>()?;
            let pending = inner.device.pending(inner.channel(channel)?);
            argument.set(u32::try_from(pending).unwrap_or(u32::MAX))
        }
        abi::GET_DATAPATH_ID => {
            argument.set(entered.inner().device.switch().tables.config().datapath_id)
        }
        abi::SET_DATAPATH_ID => {
            let datapath_id = argument.get()?;
            entered.inner().device.switch_mut().tables.set_datapath_id(datapath_id);
            Ok(())
        }
        abi::GET_MAX_FLOW => {
            argument.set(entered.inner().device.switch().tables.config().max_entries_per_table)
        }
        abi::GET_MAX_GROUP => {
            argument.set(entered.inner().device.switch().tables.config().max_groups)
        }
        abi::SET_PORT_NUMBER => renumber(&mut entered, now, argument.get()?),
        #[cfg(feature = "debug-panic")]
        abi::PANIC => panic!("asked for"),
        _ => Err(Error::BadRequest),
    }))
}

fn renumber(entered: &mut Entered<'_>, now: u64, asked: Renumber) -> Result<(), Error> {
    let Renumber { from, to } = asked;
    check_number(to)?;
    if !entered.has_port(from) {
        return Err(Error::NoPort);
    }
    if entered.has_port(to) {
        return Err(Error::PortExists);
    }
    let tables = &mut entered.inner().device.switch_mut().tables;
    tables.port_renumber(Port(from), Port(to)).map_err(of_port)?;
    entered.tell_ports(now);
    Ok(())
}
