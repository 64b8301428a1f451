//! The device in this process: the embodiment that all others are compared with.
#![allow(dead_code, reason = "each test file uses a part of it")]

use datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig};
use hypercall::fake::{Recorder, Transmitted};
use hypercall::{Meta, Nanos, Port, VecFrame};
use ofp_codec::HwAddr;
use rumpswitch_tests::contract::DeviceUnderTest;
use switch_dev::{ChannelId, ChannelKind, Device, DeviceConfig, DeviceError, Readiness};

/// A device with a recording host and a clock that stands until it is moved.
pub struct InProcess {
    pub device: Device,
    pub host: Recorder,
    pub now: Nanos,
}

impl InProcess {
    pub fn new(config: DeviceConfig, ports: u32) -> InProcess {
        let switch = Switch::new(SwitchConfig {
            datapath_id: 0x0000_00ab_cdef_0123,
            ..SwitchConfig::default()
        });
        let mut device = Device::new(config, switch);
        for number in 1..=ports {
            let mut port = PortConfig::new(Port(number), &format!("p{number}"));
            port.hw_addr = HwAddr(InProcess::hw_addr(number));
            device.switch_mut().tables.port_add(Nanos(0), port).expect("a free port number");
        }
        let mut made = InProcess { device, host: Recorder::default(), now: Nanos(0) };
        made.advance(0);
        made
    }

    /// With default settings.
    pub fn with_ports(ports: u32) -> InProcess {
        InProcess::new(DeviceConfig::default(), ports)
    }

    /// The address of port `number`.
    pub fn hw_addr(number: u32) -> [u8; 6] {
        [2, 0, 0, 0, 0, number as u8]
    }

    /// Lets time pass.
    pub fn advance(&mut self, nanos: u64) {
        self.now = self.now.plus(nanos);
        self.device.tick(self.now, &mut self.host);
    }

    /// A frame comes in; what went out is returned.
    pub fn receive(&mut self, port: u32, bytes: &[u8]) -> Vec<Transmitted> {
        self.host.take();
        let mut batch: Batch<VecFrame> = Batch::new();
        batch.push(Ingress {
            port: Port(port),
            meta: Meta::default(),
            frame: VecFrame::from_bytes(bytes),
        });
        self.device.process(self.now, &mut self.host, &mut batch);
        self.host.take()
    }
}

impl DeviceUnderTest for InProcess {
    type Channel = ChannelId;

    fn open(&mut self, kind: ChannelKind) -> Result<ChannelId, DeviceError> {
        self.device.open(self.now, kind)
    }

    fn close(&mut self, channel: ChannelId) {
        self.device.close(channel);
    }

    fn read(&mut self, channel: ChannelId, into: &mut [u8]) -> Result<usize, DeviceError> {
        self.device.read(channel, self.now, into)
    }

    fn write(&mut self, channel: ChannelId, bytes: &[u8]) -> Result<usize, DeviceError> {
        self.device.write(channel, self.now, &mut self.host, bytes)
    }

    fn pending(&mut self, channel: ChannelId) -> usize {
        self.device.pending(channel)
    }

    fn readiness(&mut self, channel: ChannelId) -> Readiness {
        self.device.readiness(channel)
    }

    fn max_channels(&self) -> usize {
        self.device.config().max_channels
    }
}
