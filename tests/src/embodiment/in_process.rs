//! The switch as a value in this process: what all other embodiments are compared with.

use std::collections::BTreeMap;

use datapath::{Batch, DropReason, Ingress, PortConfig, QueueConfig, Switch, SwitchConfig};
use hypercall::fake::Recorder;
use hypercall::{Frame, Meta, Nanos, Port, VecFrame};
use switch_dev::{ChannelId, ChannelKind, Device, DeviceConfig, DeviceError, FailMode, Readiness};

use super::{Abilities, Embodiment, PortRefused, Sent, Setup};

/// A device, a host that records, and a clock that stands.
pub struct InProcess {
    device: Device,
    host: Recorder,
    now: Nanos,
    /// All that were ever opened.
    channels: BTreeMap<u64, ChannelId>,
}

impl InProcess {
    /// Makes a switch.
    pub fn new(setup: &Setup) -> InProcess {
        let mut switch = SwitchConfig {
            datapath_id: Setup::DATAPATH_ID,
            seed: Setup::SEED,
            ..SwitchConfig::default()
        };
        let mut config = DeviceConfig::default();
        switch.n_tables = setup.n_tables.unwrap_or(switch.n_tables);
        let entries = setup.max_entries_per_table;
        switch.max_entries_per_table = entries.unwrap_or(switch.max_entries_per_table);
        switch.max_groups = setup.max_groups.unwrap_or(switch.max_groups);
        switch.max_meters = setup.max_meters.unwrap_or(switch.max_meters);
        config.max_channels = setup.max_channels.map_or(config.max_channels, |n| n as usize);
        let mut device = Device::new(config, Switch::new(switch));
        if setup.standalone {
            device.set_fail_mode(FailMode::Standalone);
        }
        for number in 1..=setup.ports {
            let port = Setup::port(number);
            device.switch_mut().tables.port_add(Setup::START, port).expect("a free number");
        }
        let mut made = InProcess {
            device,
            host: Recorder::default(),
            now: Setup::START,
            channels: BTreeMap::new(),
        };
        made.tick();
        made
    }

    fn channel(&self, channel: u64) -> Result<ChannelId, DeviceError> {
        self.channels.get(&channel).copied().ok_or(DeviceError::BadChannel)
    }
}

impl Embodiment for InProcess {
    fn abilities(&self) -> Abilities {
        Abilities::all()
    }

    fn open(&mut self, kind: ChannelKind) -> Result<u64, DeviceError> {
        let channel = self.device.open(self.now, kind)?;
        self.channels.insert(channel.get(), channel);
        Ok(channel.get())
    }

    fn close(&mut self, channel: u64) {
        if let Ok(channel) = self.channel(channel) {
            self.device.close(channel);
        }
    }

    fn read(&mut self, channel: u64, into: &mut [u8]) -> Result<usize, DeviceError> {
        self.device.read(self.channel(channel)?, self.now, into)
    }

    fn write(&mut self, channel: u64, bytes: &[u8]) -> Result<usize, DeviceError> {
        let channel = self.channel(channel)?;
        self.device.write(channel, self.now, &mut self.host, bytes)
    }

    fn pending(&mut self, channel: u64) -> usize {
        self.channel(channel).map_or(0, |channel| self.device.pending(channel))
    }

    fn readiness(&mut self, channel: u64) -> Readiness {
        self.channel(channel).map_or(Readiness::HANGUP, |channel| self.device.readiness(channel))
    }

    fn max_channels(&mut self) -> usize {
        self.device.config().max_channels
    }

    fn go_on(&mut self) -> bool {
        let is_due = self.device.next_deadline() == Some(Nanos(0));
        if is_due {
            self.tick();
        }
        is_due
    }

    fn port_add(&mut self, port: &PortConfig) -> Result<(), PortRefused> {
        let tables = &mut self.device.switch_mut().tables;
        tables.port_add(self.now, port.clone()).map_err(|_| PortRefused)
    }

    fn port_change(&mut self, port: &PortConfig) -> Result<(), PortRefused> {
        self.device.switch_mut().tables.port_change(port.clone()).map_err(|_| PortRefused)
    }

    fn port_remove(&mut self, number: u32) -> Result<(), PortRefused> {
        self.device.switch_mut().tables.port_remove(Port(number)).map_err(|_| PortRefused)
    }

    fn set_queues(&mut self, number: u32, ids: &[u32]) -> Result<(), PortRefused> {
        let queues: Vec<QueueConfig> = ids.iter().map(|id| QueueConfig::new(*id)).collect();
        let tables = &mut self.device.switch_mut().tables;
        tables.set_queues(self.now, Port(number), &queues).map_err(|_| PortRefused)
    }

    fn frame(&mut self, port: u32, bytes: &[u8]) {
        let mut batch: Batch<VecFrame> = Batch::new();
        let frame = VecFrame::from_bytes(bytes);
        batch.push(Ingress { port: Port(port), meta: Meta::default(), frame });
        self.device.process(self.now, &mut self.host, &mut batch);
    }

    fn sent(&mut self) -> Vec<Sent> {
        let sent = self.host.take().into_iter().map(|sent| Sent {
            port: sent.port.0,
            queue: sent.meta.queue_id,
            bytes: sent.frame.headers().to_vec(),
        });
        sent.collect()
    }

    fn set_time(&mut self, now: Nanos) {
        self.now = now;
    }

    fn tick(&mut self) {
        self.device.tick(self.now, &mut self.host);
    }

    fn deadline(&mut self) -> Option<Nanos> {
        self.device.next_deadline()
    }

    fn drops(&mut self) -> Option<Vec<(DropReason, u64)>> {
        Some(self.device.switch().tables.drops().collect())
    }
}
