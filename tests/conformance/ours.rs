//! Our side of a comparison: a `Device` in this process.

use std::sync::Arc;

use datapath::{Personality, SwitchConfig};
use hypercall::{Nanos, Port};
use ofp_codec::HwAddr;
use rumpswitch_tests::contract::{DeviceUnderTest, HELLO, barrier, drain, header, split};
use switch_dev::{ChannelId, ChannelKind, DeviceConfig, DeviceError, Readiness};

use crate::embodiment::InProcess;
use crate::peer::{Heard, Peer};

/// Nobody else uses this xid.
const BARRIER: u32 = 0xbad0_bad0;

/// The device and the channel to it.
pub(crate) struct Ours {
    pub(crate) device: InProcess,
    channel: Option<ChannelId>,
    personality: Arc<Personality>,
}

impl Ours {
    pub(crate) fn new() -> Ours {
        Ours::looking_like(Arc::default())
    }

    /// A switch of some shape.
    pub(crate) fn looking_like(personality: Arc<Personality>) -> Ours {
        let config =
            SwitchConfig { personality: Some(Arc::clone(&personality)), ..SwitchConfig::default() };
        let mut device = InProcess::with_switch(DeviceConfig::default(), config, 3);
        let mut local = datapath::PortConfig::new(Port(0xffff_fffe), "br0");
        local.hw_addr = HwAddr([2, 0, 0, 0, 0, 9]);
        device.device.switch_mut().tables.port_add(Nanos(0), local).expect("LOCAL");
        device.advance(0);
        Ours { device, channel: None, personality }
    }

    /// Removes what was configured and keeps the device.
    pub(crate) fn empty(&mut self) {
        self.connect(&HELLO);
        let heard = self.say(&crate::ovs::emptying());
        let is_error = heard.messages.iter().any(|message| message[1] == 1);
        assert!(!is_error && !heard.is_closed, "a switch that can be emptied: {heard:02x?}");
    }

    fn write(&mut self, channel: ChannelId, mut bytes: &[u8]) -> Vec<u8> {
        let mut stream = Vec::new();
        while !bytes.is_empty() {
            match self.device.write(channel, bytes) {
                Ok(taken) => bytes = &bytes[taken..],
                Err(DeviceError::WouldBlock) => {
                    stream.extend(drain(&mut self.device, channel, 1 << 16))
                }
                Err(_) => break,
            }
        }
        stream.extend(drain(&mut self.device, channel, 1 << 16));
        stream
    }
}

impl Peer for Ours {
    fn reset(&mut self, _: bool) {
        *self = Ours::looking_like(Arc::clone(&self.personality));
    }

    fn connect(&mut self, hello: &[u8]) {
        if let Some(channel) = self.channel.take() {
            self.device.close(channel);
        }
        let channel = self.device.open(ChannelKind::Active).expect("a free channel");
        let greeting = drain(&mut self.device, channel, 1 << 16);
        assert_eq!(header(&greeting).0, 0, "the first message is a hello");
        // Whatever it says to that comes with the first answer.
        let _ = self.device.write(channel, hello);
        self.channel = Some(channel);
    }

    fn say(&mut self, bytes: &[u8]) -> Heard {
        let channel = self.channel.expect("a channel");
        let stream = [bytes, &barrier(BARRIER)].concat();
        let mut messages = split(&self.write(channel, &stream));
        let is_closed = self.device.readiness(channel).contains(Readiness::HANGUP);
        if !is_closed {
            let last = messages.pop().expect("the barrier is answered");
            assert_eq!(header(&last), (21, 8, BARRIER), "after {messages:02x?}");
        }
        Heard { messages, is_closed }
    }
}
