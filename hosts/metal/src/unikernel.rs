//! The whole machine but its hardware: a device, its ports, its channel, and what is done in a turn.
//!
//! A turn takes one burst of at most 32 frames from each port, lets the channel move what it can, and
//! looks after time. When nothing is left, [`arm`](Unikernel::arm) says until when the machine
//! may halt.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{Ordering, fence};

use datapath::{Batch, Events, Switch, SwitchConfig};
use hypercall::Nanos;
use ofp_codec::OfpError;
use smoltcp::wire::{IpAddress, IpEndpoint};
use switch_dev::{Device, DeviceConfig, FailMode};

use crate::{Control, ControlError, Nic, PortSetup, Ports, RingFrame, Setup, Wire};

/// Where lines for people go.
pub type Say<'a> = &'a mut dyn FnMut(fmt::Arguments<'_>);

/// Why there is no switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnikernelError {
    /// No card has this address.
    NoCard([u8; 6]),
    /// The switch refuses a port.
    Port(u32, OfpError),
    /// The channel's card cannot be set up.
    Control(ControlError),
}

impl fmt::Display for UnikernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnikernelError::NoCard([a, b, c, d, e, g]) => {
                write!(f, "no network card is {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
            }
            UnikernelError::Port(number, error) => write!(f, "port {number}: {error:?}"),
            UnikernelError::Control(error) => write!(f, "control: {error}"),
        }
    }
}

/// The device's time passes by itself and cannot be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimePasses;

/// A switch with ports and channels.
pub struct Unikernel<N> {
    device: Device,
    ports: Ports<N>,
    control: Option<Control<N>>,
    batch: Box<Batch<RingFrame>>,
    /// When the channel is to be looked after though nothing happened.
    control_due: Option<Nanos>,
    /// The device's time, where it stands until it is moved.
    held: Option<Nanos>,
}

impl<N: fmt::Debug> fmt::Debug for Unikernel<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unikernel")
            .field("device", &self.device)
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}

impl<N: Nic> Unikernel<N> {
    /// Makes the switch that the command line asks for out of the cards that there are. `memory` is
    /// what it may come to use, in bytes; `buffers` what each card may receive into.
    ///
    /// # Errors
    /// When a card that was named is not there, or the switch refuses a port.
    pub fn new(
        setup: &Setup,
        mut nics: Vec<N>,
        seed: u64,
        memory: u64,
        buffers: usize,
        now: Nanos,
    ) -> Result<Unikernel<N>, UnikernelError> {
        let mut take = |mac: [u8; 6]| {
            let at = nics.iter().position(|nic| nic.mac() == mac);
            at.map(|at| nics.swap_remove(at)).ok_or(UnikernelError::NoCard(mac))
        };
        let control_nic = setup.control.as_ref().map(|control| take(control.mac)).transpose()?;
        let mut members = Vec::new();
        for port in &setup.ports {
            members.push((port.clone(), take(port.mac)?));
        }
        if setup.ports.is_empty() {
            nics.sort_by_key(Nic::mac);
            let numbered = (1..).zip(nics).map(|(number, nic)| {
                let name = alloc::format!("port{number}");
                (PortSetup { number, mac: nic.mac(), name }, nic)
            });
            members.extend(numbered);
        }

        let first = members.iter().map(|(port, _)| port.mac).min().unwrap_or_default();
        let mut device = device(setup, first, seed, memory);
        let held = setup.time.map(Nanos);
        let mut ports = Ports::new(setup.mtu());
        for (port, nic) in members {
            let tables = &mut device.switch_mut().tables;
            let added = ports.add(held.unwrap_or(now), tables, &port, nic, buffers);
            added.map_err(|error| UnikernelError::Port(port.number, error))?;
        }
        let control = match (&setup.control, control_nic) {
            (Some(control), Some(nic)) => {
                let made = Control::new(control, Wire::new(nic, buffers), seed, now);
                let mut control = made.map_err(UnikernelError::Control)?;
                for (address, port) in &setup.controllers {
                    control.connect(IpEndpoint::new(IpAddress::Ipv4(*address), *port));
                }
                if let Some(port) = setup.listen {
                    control.listen(port);
                }
                Some(control)
            }
            _ => None,
        };
        let batch = Box::new(Batch::new());
        Ok(Unikernel { device, ports, control, batch, control_due: Some(now), held })
    }

    /// The device, its tables and its channels.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The cards that are ports.
    pub fn ports(&self) -> &Ports<N> {
        &self.ports
    }

    /// Does what there is to do; `false` when there was nothing. `clock` is read once for each burst.
    pub fn turn(&mut self, clock: &mut dyn FnMut() -> Nanos, say: Say<'_>) -> bool {
        let mut has_news = false;
        let mut has_worked = false;
        for slot in 0..self.ports.count() {
            self.ports.receive(slot, &mut self.batch);
            if !self.batch.is_empty() {
                let time = self.held.unwrap_or_else(&mut *clock);
                let events = self.device.process(time, &mut self.ports, &mut self.batch);
                has_news |= events != Events::default();
                has_worked = true;
            }
        }
        self.ports.reclaim();
        // The buffers that the receive rings got are told of with what was sent, or here.
        hypercall::Hypercall::flush(&mut self.ports);
        let now = clock();
        let time = self.held.unwrap_or(now);
        if self.device.next_deadline().is_some_and(|deadline| deadline <= time) {
            self.tick(time);
            has_news = true;
        }
        let is_due = self.control_due.is_some_and(|due| due <= now);
        let control = self.control.as_mut();
        if let Some(control) = control.filter(|control| has_news || is_due || control.is_due()) {
            self.control_due = control.poll(now, time, &mut self.device, &mut self.ports, say);
            has_worked = true;
        }
        has_worked
    }

    fn tick(&mut self, time: Nanos) {
        self.ports.tell_errors(&mut self.device.switch_mut().tables);
        self.device.tick(time, &mut self.ports);
    }

    /// Moves the time of a device whose time stands, and does what it brings; when there is something to do
    /// again, or an error where time passes by itself.
    ///
    /// # Errors
    /// [`TimePasses`].
    pub fn hold(&mut self, time: Nanos) -> Result<Option<Nanos>, TimePasses> {
        self.held = Some(self.held.map(|_| time).ok_or(TimePasses)?);
        while self.device.next_deadline().is_some_and(|deadline| deadline <= time) {
            self.tick(time);
        }
        // Its controllers are told in the next turn.
        self.control_due = Some(Nanos(0));
        Ok(self.device.next_deadline())
    }

    /// Prepares to halt: asks for interrupts and looks once more. Answers until when the machine may
    /// halt, or `None` when there is something to do after all. [`disarm`](Self::disarm) when it wakes.
    pub fn arm(&mut self, now: Nanos, say: Say<'_>) -> Option<Nanos> {
        self.ports.listen(true);
        if let Some(control) = &mut self.control {
            control.listen_for_interrupts(true);
        }
        // What is asked for must be seen by the cards before their rings are looked at once more.
        fence(Ordering::SeqCst);
        let changed = self.ports.acknowledge(&mut self.device.switch_mut().tables);
        if let Some((port, is_up)) = changed {
            say(format_args!("port {port}: link {}", if is_up { "up" } else { "down" }));
        }
        self.control.iter_mut().for_each(Control::acknowledge);
        let is_due = self.control.as_ref().is_some_and(Control::is_due);
        let deadline = self.deadline();
        let is_past = deadline.is_some_and(|deadline| deadline <= now);
        if is_due || is_past || self.ports.has_received() {
            self.disarm();
            return None;
        }
        Some(deadline.unwrap_or(Nanos(u64::MAX)))
    }

    /// Says that no interrupts are wanted: rings are looked at anyway.
    pub fn disarm(&mut self) {
        self.ports.listen(false);
        if let Some(control) = &mut self.control {
            control.listen_for_interrupts(false);
        }
    }

    fn deadline(&self) -> Option<Nanos> {
        let control = self.control.as_ref().and(self.control_due);
        let device = self.device.next_deadline().map(|deadline| match self.held {
            None => deadline,
            Some(time) if deadline <= time => Nanos(0),
            // It is not by waiting that it comes.
            Some(_) => Nanos(u64::MAX),
        });
        device.into_iter().chain(control).min()
    }
}

/// A device whose limits follow from the memory that there is.
fn device(setup: &Setup, first: [u8; 6], seed: u64, memory: u64) -> Device {
    let [a, b, c, d, e, f] = first;
    let datapath_id = match setup.datapath_id {
        0 => u64::from_be_bytes([0, 0, a, b, c, d, e, f]),
        id => id,
    };
    let part = |of: u64| usize::try_from(memory / of).unwrap_or(usize::MAX);
    let limits = SwitchConfig::default();
    // Frames, answers and other tables need memory beside what one table can fill.
    let most = u32::try_from(memory / 1024).unwrap_or(u32::MAX);
    let switch = SwitchConfig {
        datapath_id,
        seed,
        n_tables: setup.tables.unwrap_or(limits.n_tables),
        max_entries_per_table: setup.entries.unwrap_or(limits.max_entries_per_table.min(most)),
        max_groups: setup.groups.unwrap_or(limits.max_groups),
        max_meters: setup.meters.unwrap_or(limits.max_meters),
        max_entry_bytes: limits.max_entry_bytes.min(memory / 4),
        ..limits
    };
    let limits = DeviceConfig::default();
    let config = DeviceConfig {
        max_channels: 16,
        reply_len_hard: limits.reply_len_hard.min(part(32)),
        reply_len_soft: limits.reply_len_soft.min(part(128)),
        packet_in_len: limits.packet_in_len.min(part(128)),
        assembly_len: limits.assembly_len.min(part(64)),
        bundle_len: limits.bundle_len.min(part(16)),
        software: String::from(concat!("rumpswitch-metal ", env!("CARGO_PKG_VERSION"))),
        description: setup.name.clone(),
        ..limits
    };
    let mut device = Device::new(config, Switch::new(switch));
    device.set_fail_mode(match setup.is_standalone {
        true => FailMode::Standalone,
        false => FailMode::Secure,
    });
    device
}
