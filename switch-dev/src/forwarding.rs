//! Forwarding by several workers: what a host's threads share of a device.
//!
//! A host with one thread has [`Device::process`] and needs nothing of this. One with several gives
//! each a [`Worker`] from [`Device::add_worker`] and a copy of [`Forwarding`], which is a device seen
//! through `&`: as long as one is about, the borrow checker lets nothing change the device. How the
//! host keeps forwarding and control apart in time is its own business (a reader-writer lock, say);
//! packets for the controllers stay in the worker's queue until control [collects](Device::collect)
//! them.

use datapath::{Batch, Events, Tables, Worker};
use hypercall::{Hypercall, Nanos};

use crate::device::Device;

/// Punts that one call of [`Device::collect`] takes: a worker that floods the controllers is not
/// waited for.
const COLLECTED_MAX: usize = 32;

/// A device, seen by those that forward.
#[derive(Clone, Copy)]
pub struct Forwarding<'a> {
    tables: &'a Tables,
}

impl Forwarding<'_> {
    /// Sends a batch of frames through the tables, as [`Worker::process`] does. What was punted waits
    /// in the worker when the events say so.
    #[inline]
    pub fn process<H: Hypercall + ?Sized>(
        &self,
        worker: &mut Worker,
        now: Nanos,
        host: &mut H,
        batch: &mut Batch<H::Frame>,
    ) -> Events {
        worker.process(self.tables, host, now, batch)
    }
}

impl Device {
    /// One more worker, beside the device's own, which does packet-outs and what
    /// [`process`](Device::process) is given. `None` when memory is short.
    pub fn add_worker(&mut self) -> Option<Worker> {
        self.core.switch.tables.add_worker()
    }

    /// What the host's threads forward by.
    ///
    /// ```
    /// use datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig};
    /// use hypercall::{Meta, Nanos, Port, VecFrame, fake::Recorder};
    /// use rumpswitch_switch_dev::{Device, DeviceConfig};
    ///
    /// let mut device = Device::new(DeviceConfig::default(), Switch::new(SwitchConfig::default()));
    /// let mut worker = device.add_worker().unwrap();
    /// device.switch_mut().tables.port_add(Nanos(0), PortConfig::new(Port(1), "left")).unwrap();
    /// let mut batch = Batch::new();
    /// let frame = VecFrame::zeroed(60);
    /// batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
    /// let forwarding = device.forwarding(); // each thread has a copy
    /// forwarding.process(&mut worker, Nanos(0), &mut Recorder::default(), &mut batch);
    /// device.collect(&mut worker);
    /// ```
    pub fn forwarding(&self) -> Forwarding<'_> {
        Forwarding { tables: &self.switch().tables }
    }

    /// Hands packets that wait in a worker to the channels that want them: a bounded number, so that
    /// workers take turns, and none while no channel has room. Returns whether more could be taken at
    /// once.
    pub fn collect(&mut self, worker: &mut Worker) -> bool {
        for _ in 0..COLLECTED_MAX {
            if !self.takes_packet_ins() {
                break;
            }
            let Some(punt) = worker.next_punt() else { break };
            self.deliver_packet_in(punt);
        }
        self.count_the_slow();
        worker.punt_count() != 0 && self.takes_packet_ins()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_shareable<T: Send + Sync>() {}

    #[test]
    fn threads_share_a_device() {
        is_shareable::<Device>();
        is_shareable::<Forwarding<'_>>();
    }
}
