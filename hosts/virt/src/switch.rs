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
use crate::link::{Direction, LinkConfig, LinkId, Parcel};

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
    /// Logical ports, and the physical ports beneath.
    logical: BTreeMap<u32, u32>,
    outbox: Vec<(LinkId, Direction, Parcel)>,
    /// Ports that are shaped.
    shaped: Vec<u32>,
}

#[derive(Debug)]
struct Attachment {
    link: LinkId,
    direction: Direction,
    up: bool,
    /// What waits for the link, on a port with queues.
    shaper: Option<Box<Shaper<Parcel>>>,
    /// The logical port that is over this one.
    logical: Option<u32>,
}

impl Hypercall for SwitchHost {
    type Frame = VecFrame;

    fn transmit(&mut self, port: Port, meta: &Meta, frame: VecFrame) -> Sent {
        let over = self.logical.get(&port.0);
        let parcel = Parcel { frame, tunnel: over.map(|_| meta.tunnel_id) };
        let port = over.copied().unwrap_or(port.0);
        match self.ports.get_mut(&port).filter(|attachment| attachment.up) {
            Some(Attachment { shaper: Some(shaper), .. }) => {
                match shaper.push(meta.queue_id, parcel.frame.len(), parcel) {
                    Ok(()) => Sent::Sent,
                    Err(_) => Sent::Dropped,
                }
            }
            Some(Attachment { link, direction, .. }) => {
                self.outbox.push((*link, *direction, parcel));
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
        let attachment = Attachment { link, direction, up: true, shaper: None, logical: None };
        let taken = self.ports.insert(port, attachment).is_some();
        assert!(!taken, "port {port} already has a link");
    }

    /// Whether frames pass; what waits for a link that goes down is lost: its queues.
    pub(crate) fn set_up(&mut self, port: u32, up: bool) -> Vec<u32> {
        let Some(attachment) = self.ports.get_mut(&port) else { return Vec::new() };
        attachment.up = up;
        match &mut attachment.shaper {
            Some(shaper) if !up => shaper.drain().map(|(queue, _)| queue).collect(),
            _ => Vec::new(),
        }
    }

    /// The link that a port is at, and which way it sends.
    pub(crate) fn link(&self, port: u32) -> Option<(LinkId, Direction)> {
        self.ports.get(&port).map(|attachment| (attachment.link, attachment.direction))
    }

    /// Puts a logical port over a physical one.
    ///
    /// # Panics
    ///
    /// When there is no such physical port, or one over it already.
    pub(crate) fn attach_logical(&mut self, port: u32, over: u32) {
        let attachment = self.ports.get_mut(&over);
        let attachment = attachment.unwrap_or_else(|| panic!("port {over} has no link"));
        assert!(attachment.logical.is_none(), "port {over} has a logical port already");
        attachment.logical = Some(port);
        self.logical.insert(port, over);
    }

    /// The logical port over a port.
    pub(crate) fn logical(&self, port: u32) -> Option<u32> {
        self.ports.get(&port)?.logical
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
    pub(crate) fn release(&mut self, now: Nanos) -> Option<(LinkId, Direction, Parcel)> {
        self.shaped.iter().find_map(|port| {
            let Attachment { link, direction, shaper, .. } = self.ports.get_mut(port)?;
            let (_, parcel) = shaper.as_mut()?.pop(now)?;
            Some((*link, *direction, parcel))
        })
    }

    /// When a shaped port may send.
    pub(crate) fn next_release(&self) -> Option<Nanos> {
        let shaper = |port: &u32| self.ports.get(port)?.shaper.as_ref()?.next_deadline();
        self.shaped.iter().filter_map(shaper).min()
    }

    /// What was transmitted since the last call. Give the emptied vector back for reuse.
    pub(crate) fn take_outbox(&mut self) -> Vec<(LinkId, Direction, Parcel)> {
        std::mem::take(&mut self.outbox)
    }

    pub(crate) fn has_transmitted(&self) -> bool {
        !self.outbox.is_empty()
    }

    pub(crate) fn reuse_outbox(&mut self, outbox: Vec<(LinkId, Direction, Parcel)>) {
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

    /// A logical port appears over a physical one, as up as that.
    ///
    /// # Errors
    ///
    /// What the switch has against its number.
    pub(crate) fn add_logical(&mut self, now: Nanos, port: u32, over: u32) -> Result<(), OfpError> {
        let state = self.ports.get(&over).map_or(PortState::empty(), |config| config.state);
        let config = PortConfig {
            hw_addr: self.port_address(port),
            state,
            curr: PortFeatures::OTHER,
            ..PortConfig::new(Port(port), &format!("{}-tun{port}", self.name))
        };
        self.device.switch_mut().tables.port_add(now, config.clone())?;
        self.ports.insert(port, config);
        self.device.tick(now, &mut self.host);
        Ok(())
    }

    /// A port's carrier comes or goes, and that of the logical port over it.
    pub(crate) fn set_port_up(&mut self, now: Nanos, port: u32, up: bool) {
        for port in [Some(port), self.host.logical(port)].into_iter().flatten() {
            let Some(config) = self.ports.get_mut(&port) else { continue };
            config.state.set(PortState::LINK_DOWN, !up);
            // It fails only for a port that the switch does not have: a caller has removed it.
            let _ = self.device.switch_mut().tables.port_change(config.clone());
        }
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
