//! A switch of the network: a device, and the host that it runs in. The host's transmit puts a
//! frame into an outbox; the network empties it into the links after each call, so the device is
//! never entered from inside its own hypercall.

use std::collections::BTreeMap;

use datapath::{PortConfig, QueueConfig, Switch};
use hypercall::{Frame, Hypercall, Meta, Nanos, Port, Sent, VecFrame};
use ofp_codec::{HwAddr, OfpError, PortFeatures, PortState};
use shaper::{QueueRates, Shaper, ShaperConfig};
use switch_dev::{Device, DeviceConfig, FailMode};

use crate::SwitchId;
use crate::event::{Event, EventQueue};
use crate::link::{Direction, LinkConfig, LinkId};

/// A switch as it is added to a network.
#[derive(Clone, Debug, Default)]
pub struct SwitchConfig {
    /// What people call it; its ports are called after it, as `s1-eth2`.
    pub name: String,
    /// Datapath id and limits. A seed of 0 is replaced by one drawn from the network's.
    pub datapath: datapath::SwitchConfig,
    /// Limits of its channels.
    pub device: DeviceConfig,
    /// What it does while no controller is there.
    pub fail_mode: FailMode,
}

impl SwitchConfig {
    /// The switch `s`*n* with the datapath id *n*.
    pub fn numbered(n: u64) -> SwitchConfig {
        let datapath = datapath::SwitchConfig { datapath_id: n, ..Default::default() };
        SwitchConfig { name: format!("s{n}"), datapath, ..SwitchConfig::default() }
    }
}

/// The host of one switch: what its device is given as `&mut impl Hypercall`.
#[derive(Debug, Default)]
pub struct SwitchHost {
    ports: BTreeMap<u32, Attachment>,
    outbox: Vec<(LinkId, Direction, VecFrame)>,
    /// Ports that are shaped.
    shaped: Vec<u32>,
}

#[derive(Debug)]
struct Attachment {
    link: LinkId,
    direction: Direction,
    up: bool,
    /// What waits for the link, on a port with queues.
    shaper: Option<Box<Shaper<VecFrame>>>,
}

impl Hypercall for SwitchHost {
    type Frame = VecFrame;

    fn transmit(&mut self, port: Port, meta: &Meta, frame: VecFrame) -> Sent {
        match self.ports.get_mut(&port.0).filter(|attachment| attachment.up) {
            Some(Attachment { shaper: Some(shaper), .. }) => {
                match shaper.push(meta.queue_id, frame.len(), frame) {
                    Ok(()) => Sent::Sent,
                    Err(_) => Sent::Dropped,
                }
            }
            Some(Attachment { link, direction, .. }) => {
                self.outbox.push((*link, *direction, frame));
                Sent::Sent
            }
            None => Sent::Dropped,
        }
    }

    fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        Some(frame.clone())
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        Some(VecFrame::zeroed(len))
    }
}

impl SwitchHost {
    /// # Panics
    ///
    /// When the port already has a link.
    pub(crate) fn attach(&mut self, port: u32, link: LinkId, direction: Direction) {
        let attachment = Attachment { link, direction, up: true, shaper: None };
        let taken = self.ports.insert(port, attachment).is_some();
        assert!(!taken, "port {port} already has a link");
    }

    /// What waits for a link that goes down is lost: the queues of the lost frames.
    pub(crate) fn set_up(&mut self, port: u32, up: bool) -> Vec<u32> {
        let Some(attachment) = self.ports.get_mut(&port) else { return Vec::new() };
        attachment.up = up;
        match &mut attachment.shaper {
            Some(shaper) if !up => shaper.drain().map(|(queue, _)| queue).collect(),
            _ => Vec::new(),
        }
    }

    /// The link that a port is at.
    pub(crate) fn link(&self, port: u32) -> Option<LinkId> {
        self.ports.get(&port).map(|attachment| attachment.link)
    }

    /// Shapes a port that sends at `bps`. The queues of the frames that lost their queue.
    pub(crate) fn shape(&mut self, port: u32, bps: u64, queues: &[QueueConfig]) -> Vec<u32> {
        let Some(attachment) = self.ports.get_mut(&port) else { return Vec::new() };
        self.shaped.retain(|shaped| *shaped != port);
        let rates = queues.iter().map(|queue| QueueRates {
            id: queue.id,
            min_bps: queue.min_bps(bps),
            max_bps: queue.max_bps(bps),
        });
        let config = ShaperConfig::new(bps, rates.collect::<Vec<_>>());
        let lost = match &mut attachment.shaper {
            Some(shaper) if queues.is_empty() => {
                let lost = shaper.drain().map(|(queue, _)| queue).collect();
                attachment.shaper = None;
                return lost;
            }
            None if queues.is_empty() => return Vec::new(),
            Some(shaper) => shaper.reconfigure(config),
            place => {
                *place = Some(Box::new(Shaper::new(config)));
                Vec::new()
            }
        };
        self.shaped.push(port);
        lost.into_iter().map(|(queue, _)| queue).collect()
    }

    /// The next frame that a shaped port may send now.
    pub(crate) fn release(&mut self, now: Nanos) -> Option<(LinkId, Direction, VecFrame)> {
        self.shaped.iter().find_map(|port| {
            let Attachment { link, direction, shaper, .. } = self.ports.get_mut(port)?;
            let (_, frame) = shaper.as_mut()?.pop(now)?;
            Some((*link, *direction, frame))
        })
    }

    /// When a shaped port may send.
    pub(crate) fn next_release(&self) -> Option<Nanos> {
        let shaper = |port: &u32| self.ports.get(port)?.shaper.as_ref()?.next_deadline();
        self.shaped.iter().filter_map(shaper).min()
    }

    /// What was transmitted since the last call. Give the emptied vector back for reuse.
    pub(crate) fn take_outbox(&mut self) -> Vec<(LinkId, Direction, VecFrame)> {
        std::mem::take(&mut self.outbox)
    }

    pub(crate) fn has_transmitted(&self) -> bool {
        !self.outbox.is_empty()
    }

    pub(crate) fn reuse_outbox(&mut self, outbox: Vec<(LinkId, Direction, VecFrame)>) {
        if self.outbox.is_empty() {
            self.outbox = outbox;
        }
    }
}

/// A switch and its host.
pub(crate) struct SwitchNode {
    pub(crate) name: String,
    pub(crate) device: Device,
    pub(crate) host: SwitchHost,
    ports: BTreeMap<u32, PortConfig>,
    /// Places of its channels to scripted controllers.
    pub(crate) connections: Vec<usize>,
    /// The earliest timeout that is in the queue for this switch.
    pub(crate) wake: Option<Nanos>,
    /// The earliest release of a queue that is in the queue for this switch.
    pub(crate) release: Option<Nanos>,
}

impl SwitchNode {
    pub(crate) fn new(config: SwitchConfig) -> SwitchNode {
        let mut device = Device::new(config.device, Switch::new(config.datapath));
        device.set_fail_mode(config.fail_mode);
        SwitchNode {
            name: config.name,
            device,
            host: SwitchHost::default(),
            ports: BTreeMap::new(),
            connections: Vec::new(),
            wake: None,
            release: None,
        }
    }

    /// A port appears.
    ///
    /// # Errors
    ///
    /// What the switch has against its number.
    pub(crate) fn add_port(
        &mut self,
        now: Nanos,
        port: u32,
        link: &LinkConfig,
    ) -> Result<(), OfpError> {
        let speed = link.rate.map_or(0, |rate| u32::try_from(rate / 1000).unwrap_or(u32::MAX));
        let config = PortConfig {
            hw_addr: self.port_address(port),
            curr: features(link.rate),
            curr_speed: speed,
            max_speed: speed,
            ..PortConfig::new(Port(port), &self.port_name(port))
        };
        self.device.switch_mut().tables.port_add(now, config.clone())?;
        self.ports.insert(port, config);
        self.device.tick(now, &mut self.host);
        Ok(())
    }

    /// A port's carrier comes or goes.
    pub(crate) fn set_port_up(&mut self, now: Nanos, port: u32, up: bool) {
        let Some(config) = self.ports.get_mut(&port) else { return };
        config.state.set(PortState::LINK_DOWN, !up);
        // It fails only for a port that the switch does not have: a caller has removed it.
        let _ = self.device.switch_mut().tables.port_change(config.clone());
        self.device.tick(now, &mut self.host);
    }

    /// Counts frames that were lost out of the queues of a port.
    pub(crate) fn lost(&mut self, port: u32, queues: Vec<u32>) {
        let tables = &mut self.device.switch_mut().tables;
        for queue in queues {
            tables.queue_dropped(Port(port), Some(queue), 1);
        }
    }

    /// What people call a port: the local one is called as the switch is.
    pub(crate) fn port_name(&self, port: u32) -> String {
        if Port(port) == Port::LOCAL {
            return self.name.clone();
        }
        format!("{}-eth{port}", self.name)
    }

    /// A local address from the datapath id and the port's number.
    fn port_address(&self, port: u32) -> HwAddr {
        let [.., a, b] = self.device.switch().tables.config().datapath_id.to_be_bytes();
        let [.., c, d] = port.to_be_bytes();
        HwAddr([0x0e, 0, a, b, c, d])
    }

    /// Sees to it that the device is ticked at `at` or earlier.
    pub(crate) fn schedule(&mut self, id: SwitchId, at: Nanos, events: &mut EventQueue) {
        if self.wake.is_none_or(|wake| wake > at) {
            self.wake = Some(at);
            events.push(at, Event::Switch(id));
        }
    }
}

impl std::fmt::Debug for SwitchNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SwitchNode").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A link's rate as a port feature.
fn features(rate: Option<u64>) -> PortFeatures {
    match rate {
        Some(10_000_000) => PortFeatures::FD_10MB,
        Some(100_000_000) => PortFeatures::FD_100MB,
        Some(1_000_000_000) => PortFeatures::FD_1GB,
        Some(10_000_000_000) => PortFeatures::FD_10GB,
        Some(40_000_000_000) => PortFeatures::FD_40GB,
        Some(100_000_000_000) => PortFeatures::FD_100GB,
        _ => PortFeatures::OTHER,
    }
}
