//! What the tests of connections stand on: a device with its connections, driven by hand.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::Read;
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use datapath::{Switch, SwitchConfig};
use hypercall::{Nanos, fake::Recorder};
use ofp_codec::{Hello, Message};
use rumpswitch_switchd::{Connections, Local, NewsEvent, Target};
use rustix::event::epoll::{self, Event};
use switch_dev::{Device, DeviceConfig};

/// A device with its connections, and a clock that only the test moves.
pub(crate) struct Rig {
    epoll: OwnedFd,
    pub(crate) device: Device,
    pub(crate) host: Recorder,
    pub(crate) connections: Connections,
    pub(crate) now: Nanos,
}

impl Rig {
    pub(crate) fn new() -> Rig {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
        let connections = Connections::new(epoll.as_fd(), 1000, 1).unwrap();
        let device = Device::new(DeviceConfig::default(), Switch::new(SwitchConfig::default()));
        Rig { epoll, device, host: Recorder::default(), connections, now: Nanos::from_secs(100) }
    }

    pub(crate) fn add(&mut self, target: &str) -> Target {
        self.connections.add(&target.parse().unwrap()).unwrap()
    }

    /// One turn of the loop: what is ready within 20 ms of real time.
    pub(crate) fn turn(&mut self) {
        let mut events: Vec<Event> = Vec::with_capacity(16);
        let timeout = rustix::event::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let spare = rustix::buffer::spare_capacity(&mut events);
        epoll::wait(&self.epoll, spare, Some(&timeout)).unwrap();
        let mut device = Local { device: &mut self.device, host: &mut self.host };
        for event in &events {
            assert!(self.connections.owns(event.data.u64()));
            self.connections.handle(event.data.u64(), self.now, &mut device);
        }
        self.connections.pump(self.now, &mut device);
    }

    /// Turns until `done`, for at most five seconds.
    pub(crate) fn turn_until(&mut self, mut done: impl FnMut(&mut Rig) -> bool) {
        for _ in 0..250 {
            if done(self) {
                return;
            }
            self.turn();
        }
        panic!("nothing came of it: {:?}", self.connections);
    }

    /// The next message that a peer gets.
    pub(crate) fn receive(&mut self, peer: &mut (impl Read + AsFd)) -> Message {
        let mut bytes = Vec::new();
        rustix::io::ioctl_fionbio(&*peer, true).unwrap();
        self.turn_until(|_| {
            loop {
                let wanted = match bytes.get(2..4) {
                    Some(len) => usize::from(u16::from_be_bytes([len[0], len[1]])),
                    None => 8,
                };
                if bytes.len() >= 8 && bytes.len() == wanted {
                    return true;
                }
                let mut chunk = vec![0; wanted - bytes.len()];
                match peer.read(&mut chunk) {
                    Ok(len @ 1..) => bytes.extend_from_slice(&chunk[..len]),
                    _ => return false,
                }
            }
        });
        Message::decode(&bytes).unwrap().1
    }

    pub(crate) fn down_count(&mut self) -> usize {
        let news = std::iter::from_fn(|| self.connections.next_news());
        news.filter(|news| matches!(news.event, NewsEvent::Down(_))).count()
    }
}

pub(crate) fn encode(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.encode(7, &mut bytes).unwrap();
    bytes
}

pub(crate) fn hello() -> Vec<u8> {
    encode(&Message::Hello(Hello::version_1_3()))
}

pub(crate) fn dial(target: &Target) -> TcpStream {
    let Target::PassiveTcp(address) = target else { panic!("{target}") };
    TcpStream::connect_timeout(address, Duration::from_secs(2)).unwrap()
}
