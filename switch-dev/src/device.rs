//! The device: a switch and the channels that are open on it. Bytes come in by
//! [`write`](Device::write) and go out by [`read`](Device::read); frames come in by
//! [`process`](Device::process); what both cause for third parties (packet-ins, removed entries,
//! changed ports) is handed to the channels that want it before the call returns.

use alloc::vec::Vec;
use core::fmt;

use datapath::{Batch, Events, Switch};
use hypercall::{Hypercall, Nanos};
use ofp_codec::{
    FlowMod, HEADER_LEN, Header, HelloFailedCode, MessageType, ONF_EXPERIMENTER, OfpError,
    PacketInReason, Role, VERSION,
};

use crate::async_filter::Notice;
use crate::channel::{Auxiliary, Channel, ChannelCounters, Phase, message_len};
use crate::dispatch::{self, Turn};
use crate::flow_updates::Author;
use crate::generation::Generation;
use crate::slices::Pending;
use crate::{
    ChannelId, ChannelKind, DeviceConfig, DeviceError, FailMode, HangUp, Readiness, hello,
};

/// ONF error of a multipart request whose parts stopped coming.
const MULTIPART_REQUEST_TIMEOUT: u16 = 2640;

/// `/dev/switchN`: a switch, and the OpenFlow channels to it.
///
/// ```
/// use hypercall::{Nanos, fake::Recorder};
/// use datapath::{Switch, SwitchConfig};
/// use rumpswitch_switch_dev::{ChannelKind, Device, DeviceConfig};
///
/// let switch = Switch::new(SwitchConfig::default());
/// let mut device = Device::new(DeviceConfig::default(), switch);
/// let (now, mut host) = (Nanos(0), Recorder::default());
///
/// let channel = device.open(now, ChannelKind::Active)?;
/// device.write(channel, now, &mut host, &[4, 0, 0, 8, 0, 0, 0, 1])?; // hello
/// device.write(channel, now, &mut host, &[4, 2, 0, 9, 0, 0, 0, 2, 42])?; // echo request
///
/// let mut stream = [0; 64];
/// let len = device.read(channel, now, &mut stream)?;
/// assert_eq!(stream[..16], [4, 0, 0, 16, 0, 0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0x10]); // hello
/// assert_eq!(stream[16..len], [4, 3, 0, 9, 0, 0, 0, 2, 42]); // echo reply
/// # Ok::<(), rumpswitch_switch_dev::DeviceError>(())
/// ```
pub struct Device {
    pub(crate) core: Core,
    pub(crate) channels: Vec<Channel>,
    next_id: u64,
    fail_mode: FailMode,
    /// Whose slice is next: a channel's, or behind the last one the tables'.
    pub(crate) turn: usize,
}

/// What all channels share.
pub(crate) struct Core {
    pub(crate) config: DeviceConfig,
    pub(crate) switch: Switch,
    pub(crate) generation: Generation,
    /// An encoded notice, on its way to several channels.
    pub(crate) notice: Vec<u8>,
    /// The flow-mod that was executed last, whose memory the next one takes.
    pub(crate) flow_mod: FlowMod,
    /// The change of the tables that is under way.
    pub(crate) pending: Option<Pending>,
    /// News that the tables had lost when it was last looked at.
    pub(crate) lost_news: u64,
    pub(crate) counters: DeviceCounters,
}

/// What a device has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceCounters {
    /// Channels opened.
    pub opened: u64,
    /// Channels hung up because what they had to be told could not be kept ([`HangUp::TooSlow`],
    /// [`HangUp::NoMemory`]): it is lost to them, and they know it by the hang-up.
    pub too_slow: u64,
    /// Punted packets that no channel wanted.
    pub unwanted_packet_ins: u64,
}

/// What is to be known of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelStatus {
    /// On whose wish it was opened.
    pub kind: ChannelKind,
    /// Which auxiliary connection it is (§6.3.5), 0 for a main one.
    pub auxiliary_id: u8,
    /// Whether both sides have said hello and speak the same version.
    pub negotiated: bool,
    /// Why it is over, once it is.
    pub hang_up: Option<HangUp>,
    /// Its role.
    pub role: Role,
    /// What it has seen.
    pub counters: ChannelCounters,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Device")
            .field("fail_mode", &self.fail_mode)
            .field("counters", &self.core.counters)
            .field("channels", &self.channels)
            .finish_non_exhaustive()
    }
}

impl Device {
    /// A device without channels over `switch`, in [`FailMode::Secure`]. Allocates nothing.
    pub fn new(config: DeviceConfig, switch: Switch) -> Device {
        let core = Core {
            config,
            switch,
            generation: Generation::default(),
            notice: Vec::new(),
            flow_mod: FlowMod::default(),
            pending: None,
            lost_news: 0,
            counters: DeviceCounters::default(),
        };
        Device { core, channels: Vec::new(), next_id: 1, fail_mode: FailMode::Secure, turn: 0 }
    }

    /// The switch behind the device.
    pub fn switch(&self) -> &Switch {
        &self.core.switch
    }

    /// The switch behind the device, for ports and settings. News that this causes reaches the
    /// channels with the next [`tick`](Device::tick), which is due at once then.
    pub fn switch_mut(&mut self) -> &mut Switch {
        &mut self.core.switch
    }

    /// The device's settings.
    pub fn config(&self) -> &DeviceConfig {
        &self.core.config
    }

    /// What the device has seen.
    pub fn counters(&self) -> DeviceCounters {
        self.core.counters
    }

    /// Says what happens while no controller is there.
    pub fn set_fail_mode(&mut self, fail_mode: FailMode) {
        self.fail_mode = fail_mode;
        self.settle();
    }

    /// Opens a channel; its hello is pending at once.
    ///
    /// # Errors
    ///
    /// [`DeviceError::Busy`] when as many are open as the settings allow, [`DeviceError::NoMemory`].
    pub fn open(&mut self, _now: Nanos, kind: ChannelKind) -> Result<ChannelId, DeviceError> {
        if self.channels.len() >= self.core.config.max_channels {
            return Err(DeviceError::Busy);
        }
        self.channels.try_reserve(1).map_err(|_| DeviceError::NoMemory)?;
        let id = ChannelId(self.next_id);
        self.channels.push(Channel::new(id, kind)?);
        self.next_id = self.next_id.wrapping_add(1);
        self.core.counters.opened = self.core.counters.opened.wrapping_add(1);
        Ok(id)
    }

    /// Opens an auxiliary connection of the controller that has negotiated on `main` (§6.3.5). Its
    /// hello is pending at once, and it ends with the main one.
    ///
    /// The controller's role, its asynchronous masks and its `miss_send_len` are those of all its
    /// connections. Replies go where the request came from. Removed entries and changed ports are told
    /// on the main connection; packet-ins are told on the auxiliary ones while there are any, those of
    /// one ingress port always on the same one, so that they keep their order.
    ///
    /// # Errors
    ///
    /// [`DeviceError::BadChannel`] when `main` has not negotiated or is auxiliary itself,
    /// [`DeviceError::Busy`] when the id is 0 or taken, and those of [`open`](Device::open).
    pub fn open_auxiliary(
        &mut self,
        now: Nanos,
        main: ChannelId,
        auxiliary_id: u8,
    ) -> Result<ChannelId, DeviceError> {
        let channel = self.channel(main).ok_or(DeviceError::BadChannel)?;
        if channel.auxiliary.is_some() || channel.phase != Phase::Up {
            return Err(DeviceError::BadChannel);
        }
        let (kind, shared) = (channel.kind, channel.shared());
        let mut ids = self.channels.iter().filter(|channel| channel.main_id() == main);
        if ids.any(|channel| channel.auxiliary_id() == auxiliary_id) {
            return Err(DeviceError::Busy);
        }
        let id = self.open(now, kind)?;
        if let Some(channel) = self.channels.last_mut() {
            channel.auxiliary = Some(Auxiliary { main, id: auxiliary_id });
            channel.take_over(shared);
        }
        Ok(id)
    }

    /// Closes a channel and forgets what it had to say. What it configured stays.
    pub fn close(&mut self, id: ChannelId) {
        self.channels.retain(|channel| channel.id != id);
        self.settle();
    }

    /// Ends all channels: the switch is going away.
    pub fn hang_up(&mut self) {
        for channel in &mut self.channels {
            channel.hang_up(HangUp::Gone);
        }
        self.settle();
    }

    /// The channels that are open, oldest first.
    pub fn channels(&self) -> impl Iterator<Item = ChannelId> + '_ {
        self.channels.iter().map(|channel| channel.id)
    }

    /// Takes bytes of a channel's stream, executes the messages that become whole, and returns how
    /// many bytes were taken. It takes less than it is given when the channel has to be read first, or
    /// has to wait for a change of many entries: then [`next_deadline`](Device::next_deadline) is past.
    /// Where memory is short for what it has to say, it has to be read first, too.
    ///
    /// # Errors
    ///
    /// [`DeviceError::WouldBlock`] when nothing is taken before the channel is read or the change done,
    /// [`DeviceError::HungUp`], [`DeviceError::BadChannel`], [`DeviceError::NoMemory`].
    pub fn write<H: Hypercall + ?Sized>(
        &mut self,
        id: ChannelId,
        now: Nanos,
        host: &mut H,
        bytes: &[u8],
    ) -> Result<usize, DeviceError> {
        let at = self.position(id)?;
        if self.channels.get(at).is_some_and(|channel| channel.is_waiting) {
            self.continue_change(now);
        }
        let mut rest = bytes;
        loop {
            self.note_waiting(at, rest);
            let Some(channel) = self.channels.get_mut(at) else { break };
            if channel.is_over() && rest.len() == bytes.len() {
                return Err(DeviceError::HungUp);
            }
            if rest.is_empty() || channel.is_over() {
                break;
            }
            // An answer is sure of its room before the request is taken.
            if !channel.accepts(&self.core.config) || channel.out.keep_reserve().is_err() {
                if rest.len() == bytes.len() {
                    return Err(DeviceError::WouldBlock);
                }
                break;
            }
            let whole = message_len(rest).filter(|_| channel.input.is_empty());
            match whole.map(|len| rest.split_at_checked(len.max(HEADER_LEN))) {
                // In one piece: executed where it lies.
                Some(Some((message, behind))) => {
                    rest = behind;
                    self.execute(at, now, host, message);
                }
                _ => {
                    let taken = channel.gather(rest);
                    rest = rest.get(taken..).unwrap_or_default();
                    if channel.has_message() {
                        let message = core::mem::take(&mut channel.input);
                        self.execute(at, now, host, &message);
                        if let Some(channel) = self.channels.get_mut(at) {
                            channel.reuse(message);
                        }
                    } else if taken == 0 {
                        // Short of memory. What was taken before was taken.
                        if rest.len() == bytes.len() {
                            return Err(DeviceError::NoMemory);
                        }
                        break;
                    }
                }
            }
        }
        Ok(bytes.len().saturating_sub(rest.len()))
    }

    /// Copies out as many whole messages as fit, or a part of the first one when not even that
    /// fits; the next read goes on there. 0 bytes (for a buffer that is not empty) is the end of
    /// the stream.
    ///
    /// # Errors
    ///
    /// [`DeviceError::WouldBlock`] when there is nothing to read, [`DeviceError::BadChannel`].
    pub fn read(
        &mut self,
        id: ChannelId,
        now: Nanos,
        into: &mut [u8],
    ) -> Result<usize, DeviceError> {
        let at = self.position(id)?;
        let Some(channel) = self.channels.get_mut(at) else {
            return Err(DeviceError::BadChannel);
        };
        let copied = channel.out.read(into);
        let (is_over, is_waiting) = (channel.is_over(), channel.is_waiting);
        self.continue_dump(at, now);
        if is_waiting && copied == 0 {
            self.continue_change(now);
        }
        self.continue_backlog(at);
        self.deliver();
        match copied {
            0 if !is_over && !into.is_empty() => Err(DeviceError::WouldBlock),
            copied => Ok(copied),
        }
    }

    /// Bytes that reads return without anything else happening (`FIONREAD`); 0 for a channel that
    /// is not open.
    pub fn pending(&self, id: ChannelId) -> usize {
        self.channel(id).map_or(0, |channel| channel.out.len())
    }

    /// What poll says of a channel; [`Readiness::HANGUP`] for one that is not open.
    pub fn readiness(&self, id: ChannelId) -> Readiness {
        self.channel(id).map_or(Readiness::HANGUP, |channel| channel.readiness(&self.core.config))
    }

    /// What is to be known of a channel; `None` when it is not open.
    pub fn status(&self, id: ChannelId) -> Option<ChannelStatus> {
        self.channel(id).map(Channel::status)
    }

    /// Sends a batch of frames through the tables, and hands what that caused to the channels:
    /// events other than none say that one of them may have become readable.
    pub fn process<H: Hypercall + ?Sized>(
        &mut self,
        now: Nanos,
        host: &mut H,
        batch: &mut Batch<H::Frame>,
    ) -> Events {
        let Switch { tables, worker, .. } = &mut self.core.switch;
        let events = worker.process(tables, host, now, batch);
        self.deliver();
        events
    }

    /// What time brings: entries and unfinished requests run out, long changes and replies go on by a
    /// slice, news goes to the channels. To be called at [`next_deadline`](Device::next_deadline) at the latest.
    pub fn tick<H: Hypercall + ?Sized>(&mut self, now: Nanos, _host: &mut H) {
        self.core.switch.tables.tick(now);
        let timeout = OfpError::Experimenter {
            experimenter: ONF_EXPERIMENTER,
            exp_type: MULTIPART_REQUEST_TIMEOUT,
        };
        for channel in &mut self.channels {
            while let Some((xid, quote)) = channel.assembly.expire(&self.core.config, now) {
                channel.error(timeout, xid, &quote);
            }
        }
        self.step(now, 1);
        self.deliver();
    }

    /// The moment at which [`tick`](Device::tick) has something to do; `None` when nothing waits
    /// for time to pass.
    pub fn next_deadline(&self) -> Option<Nanos> {
        let tables = &self.core.switch.tables;
        let has_news = tables.has_port_status() || tables.has_changes();
        if has_news || self.has_slices() || self.can_tell_removed() {
            return Some(Nanos(0));
        }
        let config = &self.core.config;
        let unfinished =
            self.channels.iter().filter_map(|channel| channel.assembly.next_deadline(config));
        unfinished.chain(self.core.switch.tables.next_deadline()).min()
    }

    fn position(&self, id: ChannelId) -> Result<usize, DeviceError> {
        // Names grow, so the list is sorted by them.
        self.channels
            .binary_search_by_key(&id, |channel| channel.id)
            .map_err(|_| DeviceError::BadChannel)
    }

    fn channel(&self, id: ChannelId) -> Option<&Channel> {
        self.position(id).ok().and_then(|at| self.channels.get(at))
    }

    /// Executes one whole message of a channel.
    fn execute<H: Hypercall + ?Sized>(
        &mut self,
        at: usize,
        now: Nanos,
        host: &mut H,
        message: &[u8],
    ) {
        // What the host has changed meanwhile is nobody's doing.
        self.deliver_flow_changes(None);
        let Some(channel) = self.channels.get_mut(at) else { return };
        channel.counters.received = channel.counters.received.wrapping_add(1);
        let Some(header) = Header::peek(message) else { return };
        if usize::from(header.length) < HEADER_LEN {
            channel.hang_up(HangUp::BadFraming);
            return self.settle();
        }
        if channel.phase == Phase::Hello {
            match MessageType::from_number(header.kind) {
                Some(MessageType::Hello) if hello::is_compatible(message) => {
                    channel.phase = Phase::Up
                }
                Some(MessageType::Hello) => {
                    let error = OfpError::HelloFailed(HelloFailedCode::Incompatible);
                    // In a version that the peer may know; the layout is the same in all.
                    let version = match header.version {
                        0 => VERSION,
                        version => version.min(VERSION),
                    };
                    channel.error_message(version, error, header.xid, hello::INCOMPATIBLE);
                    channel.hang_up(HangUp::Incompatible);
                }
                _ => channel.hang_up(HangUp::NoHello),
            }
            return self.settle();
        }
        let mut turn = Turn {
            core: &mut self.core,
            channel,
            now,
            host,
            bytes: message,
            xid: header.xid,
            is_new_master: false,
            flow_mod_xid: None,
            late_reply: None,
            is_changed: false,
            is_unfinished: false,
        };
        dispatch::message(&mut turn);
        let (is_new_master, is_changed) = (turn.is_new_master, turn.is_changed);
        let author = turn.flow_mod_xid.map(|xid| Author { channel: turn.channel.id, xid });
        let late_reply = turn.late_reply.take();
        if turn.is_unfinished {
            turn.channel.is_waiting = true;
            let id = turn.channel.id;
            self.core.pending = Some(Pending::new(id, author, header.xid, message));
        }
        self.deliver_flow_changes(author);
        if let (Some(reply), Some(channel)) = (late_reply, self.channels.get_mut(at)) {
            channel.reply_message(64, header.xid, &reply);
        }
        if is_new_master {
            let main = self.channels.get(at).map(Channel::main_id);
            for channel in &mut self.channels {
                if Some(channel.main_id()) != main && channel.role == Role::Master {
                    channel.role = Role::Slave;
                }
            }
        }
        if is_changed {
            self.share(at);
            self.settle();
        }
        self.continue_dump(at, now);
        self.continue_backlog(at);
        self.deliver();
        if self.channels.get(at).is_some_and(Channel::is_over) {
            self.count_the_slow();
        }
    }

    /// Makes what a connection has said about its controller true for the controller's others.
    fn share(&mut self, at: usize) {
        let Some(channel) = self.channels.get(at) else { return };
        let (main, shared) = (channel.main_id(), channel.shared());
        for other in self.channels.iter_mut().filter(|other| other.main_id() == main) {
            other.take_over(shared);
        }
    }

    /// Hangs up auxiliary connections whose main one is over.
    fn end_auxiliaries(&mut self) {
        for at in 0..self.channels.len() {
            let Some(auxiliary) = self.channels.get(at).and_then(|channel| channel.auxiliary)
            else {
                continue;
            };
            if self.channel(auxiliary.main).is_none_or(Channel::is_over) {
                if let Some(channel) = self.channels.get_mut(at) {
                    channel.hang_up(HangUp::MainGone);
                }
            }
        }
    }

    /// After a channel came up, went away or said what it wants to hear: who is there decides about
    /// the fail mode and about what is worth a packet-in.
    pub(crate) fn settle(&mut self) {
        self.end_auxiliaries();
        let has_controller = self.channels.iter().any(|channel| {
            channel.kind == ChannelKind::Active
                && channel.auxiliary.is_none()
                && channel.phase == Phase::Up
        });
        let invalid_ttl = Notice::PacketIn(PacketInReason::InvalidTtl);
        let wants_invalid_ttl = self.channels.iter().any(|channel| channel.wants(invalid_ttl));
        let is_watched = self.channels.iter().any(|channel| !channel.monitors.is_empty());
        let tables = &mut self.core.switch.tables;
        tables.set_watched(is_watched);
        tables.set_standalone(self.fail_mode == FailMode::Standalone && !has_controller);
        tables.set_invalid_ttl_to_controller(wants_invalid_ttl);
    }
}
