//! The device in this process: the embodiment that all others are compared with.
#![allow(dead_code, unused_imports, reason = "each test file uses a part of it")]

use datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig};
use hypercall::fake::{Recorder, Transmitted};
use hypercall::{Meta, Nanos, Port, VecFrame};
use ofp_codec::HwAddr;
use rumpswitch_tests::contract::{DeviceUnderTest, drain, split, write_all};
use switch_dev::{ChannelId, ChannelKind, Device, DeviceConfig, DeviceError, Readiness};

/// A device with a recording host and a clock that stands until it is moved.
pub(crate) struct InProcess {
    pub(crate) device: Device,
    pub(crate) host: Recorder,
    pub(crate) now: Nanos,
}

impl InProcess {
    pub(crate) fn new(config: DeviceConfig, ports: u32) -> InProcess {
        InProcess::with_switch(config, SwitchConfig::default(), ports)
    }

    /// With these limits, too.
    pub(crate) fn with_switch(config: DeviceConfig, switch: SwitchConfig, ports: u32) -> InProcess {
        let switch = SwitchConfig { datapath_id: 0x0000_00ab_cdef_0123, ..switch };
        let mut device = Device::new(config, Switch::new(switch));
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
    pub(crate) fn with_ports(ports: u32) -> InProcess {
        InProcess::new(DeviceConfig::default(), ports)
    }

    /// The address of port `number`.
    pub(crate) fn hw_addr(number: u32) -> [u8; 6] {
        [2, 0, 0, 0, 0, number as u8]
    }

    /// Lets time pass.
    pub(crate) fn advance(&mut self, nanos: u64) {
        self.now = self.now.plus(nanos);
        self.device.tick(self.now, &mut self.host);
    }

    /// A frame comes in; what went out is returned.
    pub(crate) fn receive(&mut self, port: u32, bytes: &[u8]) -> Vec<Transmitted> {
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

    fn max_channels(&mut self) -> usize {
        self.device.config().max_channels
    }

    fn go_on(&mut self) -> bool {
        let is_due = self.device.next_deadline() == Some(Nanos(0));
        if is_due {
            self.device.tick(self.now, &mut self.host);
        }
        is_due
    }
}

/// A frame that nobody has seen before.
pub(crate) const FRAME: [u8; 60] = [0x0a; 60];

/// Reads all there is.
pub(crate) fn read(device: &mut InProcess, channel: ChannelId) -> Vec<Vec<u8>> {
    split(&drain(device, channel, 1 << 16))
}

/// The type of each.
pub(crate) fn types(messages: &[Vec<u8>]) -> Vec<u8> {
    messages.iter().map(|message| message[1]).collect()
}

/// Sends the request and returns what comes back, which is no error.
pub(crate) fn ask(device: &mut InProcess, channel: ChannelId, request: &[u8]) -> Vec<Vec<u8>> {
    write_all(device, channel, request);
    let answers = read(device, channel);
    assert!(answers.iter().all(|answer| answer[1] != 1), "{answers:?}");
    answers
}

/// Error type and code.
pub(crate) fn error_of(message: &[u8]) -> (u16, u16) {
    assert_eq!(message[1], 1, "an error: {message:?}");
    let word = |at: usize| u16::from_be_bytes([message[at], message[at + 1]]);
    (word(8), word(10))
}
