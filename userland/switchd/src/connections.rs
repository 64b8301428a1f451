//! The connections between one switch device and its controllers: who is connected, who is to be
//! tried again and when. Sans thread and sans clock: the loop that owns the descriptors' epoll set
//! reports what is ready and calls [`Connections::pump`] once a turn.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

use hypercall::Nanos;
use rustix::event::epoll::{self, EventData, EventFlags};
use switch_dev::{ChannelId, ChannelKind};

use crate::backoff::Backoff;
use crate::session::{BUFFER_LEN, Closed, Limits, Session};
use crate::socket::{self, ListeningSocket};
use crate::{DeviceAccess, Target};

/// Connections accepted in one turn of one listening socket.
const ACCEPTS_PER_TURN: usize = 16;

/// How long a listening socket rests when descriptors have run out.
const ACCEPT_PAUSE: u64 = Nanos::PER_SECOND;

/// News kept for whoever asks; older ones give way.
const NEWS_KEPT: usize = 64;

/// Something that happened to a connection.
#[derive(Debug)]
pub struct News {
    /// The target it belongs to.
    pub target: Target,
    /// Which auxiliary connection to it, 0 for the main one.
    pub auxiliary_id: u8,
    /// What happened.
    pub event: NewsEvent,
}

/// What happened to a connection.
#[derive(Debug)]
pub enum NewsEvent {
    /// The hellos agree: the session is up.
    Up,
    /// The session, or the try for one, ended.
    Down(Closed),
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.auxiliary_id {
            0 => write!(f, "{}: ", self.target)?,
            id => write!(f, "{}: auxiliary connection {id}: ", self.target)?,
        }
        match &self.event {
            NewsEvent::Up => f.write_str("connected"),
            NewsEvent::Down(why) => write!(f, "{why}"),
        }
    }
}

/// A target that is tried again and again.
struct Active {
    target: Target,
    /// The place of the main connection, and the id, where it is an auxiliary one.
    main: Option<(usize, u8)>,
    backoff: Backoff,
    attempt: usize,
    link: Link,
}

/// How far an active target has got.
enum Link {
    Waiting { until: Nanos },
    Connecting { socket: OwnedFd, since: Nanos },
    Up(Session),
}

/// A socket that listens, and who came.
struct Listener {
    target: Target,
    socket: OwnedFd,
    path: Option<PathBuf>,
    paused_until: Option<Nanos>,
    sessions: Vec<Option<Session>>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Whose descriptor a token names.
#[derive(Clone, Copy)]
enum Owner {
    Active(usize),
    Listener(usize),
    Passive(usize, usize),
}

impl Owner {
    const SESSIONS: usize = 1 << 12;

    /// Token offsets: 12 bits of session, then the owner, then which of the three.
    fn encode(self) -> u64 {
        let (kind, index, session) = match self {
            Owner::Active(index) => (0, index, 0),
            Owner::Listener(index) => (1, index, 0),
            Owner::Passive(index, session) => (2, index, session),
        };
        kind << 28 | (index as u64) << 12 | session as u64
    }

    fn decode(token: u64) -> Option<Owner> {
        let index = (token >> 12 & 0xffff) as usize;
        let session = (token & 0xfff) as usize;
        match token >> 28 {
            0 => Some(Owner::Active(index)),
            1 => Some(Owner::Listener(index)),
            2 => Some(Owner::Passive(index, session)),
            _ => None,
        }
    }
}

/// All connections of one device.
///
/// The epoll set belongs to the caller, who passes every event whose token lies in
/// `token_base .. token_base + Connections::TOKENS` to [`handle`](Self::handle).
pub struct Connections {
    epoll: OwnedFd,
    token_base: u64,
    limits: Limits,
    /// Sessions that one listening socket may have at once.
    passive_limit: usize,
    active: Vec<Active>,
    listeners: Vec<Listener>,
    news: VecDeque<News>,
    scratch: Vec<u8>,
    seed: u64,
}

impl Active {
    fn news(&self, event: NewsEvent) -> News {
        let auxiliary_id = self.main.map_or(0, |(_, id)| id);
        News { target: self.target.clone(), auxiliary_id, event }
    }
}

impl Connections {
    /// How many tokens a set of connections takes.
    pub const TOKENS: u64 = 1 << 30;

    /// No connections yet; their descriptors will be added to `epoll`.
    ///
    /// `seed` varies the back-off between switches.
    ///
    /// # Errors
    /// When the epoll descriptor cannot be duplicated.
    pub fn new(epoll: BorrowedFd<'_>, token_base: u64, seed: u64) -> io::Result<Connections> {
        Ok(Connections {
            epoll: epoll.try_clone_to_owned()?,
            token_base,
            limits: Limits::default(),
            passive_limit: 64,
            active: Vec::new(),
            listeners: Vec::new(),
            news: VecDeque::new(),
            scratch: vec![0; BUFFER_LEN],
            seed,
        })
    }

    /// Changes the time limits of all sessions.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Adds a target: connects to it from the next [`pump`](Self::pump) on, or listens at once.
    /// Returns it with the port that was really taken.
    ///
    /// # Errors
    /// When listening is not possible: the address is busy, or not ours.
    pub fn add(&mut self, target: &Target) -> io::Result<Target> {
        if !target.is_passive() {
            let main = self.active.len();
            match target {
                Target::Auxiliaries { main: target, count } => {
                    self.add_active(target, None);
                    (1..=*count).for_each(|id| self.add_active(target, Some((main, id))));
                }
                target => self.add_active(target, None),
            }
            return Ok(target.clone());
        }
        let ListeningSocket { socket, path, target } = socket::listen(target)?;
        let token = self.token(Owner::Listener(self.listeners.len()));
        let listener = Listener {
            target: target.clone(),
            socket,
            path,
            paused_until: None,
            sessions: Vec::new(),
        };
        epoll::add(&self.epoll, &listener.socket, token, EventFlags::IN)?;
        self.listeners.push(listener);
        Ok(target)
    }

    fn add_active(&mut self, target: &Target, main: Option<(usize, u8)>) {
        let place = self.active.len() as u64;
        let seed = self.seed.wrapping_add(place).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.active.push(Active {
            target: target.clone(),
            main,
            backoff: Backoff::new(seed),
            attempt: 0,
            link: Link::Waiting { until: Nanos(0) },
        });
    }

    /// The channel of an active target that is up.
    fn channel(&self, index: usize) -> Option<ChannelId> {
        match &self.active.get(index)?.link {
            Link::Up(session) if session.negotiated => Some(session.channel),
            _ => None,
        }
    }

    /// Whether it is an auxiliary connection whose main one is not up.
    fn is_orphan(&self, active: &Active) -> bool {
        active.main.is_some_and(|(main, _)| self.channel(main).is_none())
    }

    /// Whether `token` is one of ours.
    pub fn owns(&self, token: u64) -> bool {
        token.checked_sub(self.token_base).is_some_and(|offset| offset < Self::TOKENS)
    }

    /// Takes an event of the epoll set. The following [`pump`](Self::pump) does the rest.
    pub fn handle(&mut self, token: u64, now: Nanos, device: &mut impl DeviceAccess) {
        let Some(owner) = token.checked_sub(self.token_base).and_then(Owner::decode) else {
            return;
        };
        match owner {
            Owner::Listener(index) => self.accept(index, now, device),
            Owner::Active(index) => self.handle_active(index, now, device),
            Owner::Passive(index, number) => {
                let session = self
                    .listeners
                    .get_mut(index)
                    .and_then(|listener| listener.sessions.get_mut(number))
                    .and_then(Option::as_mut);
                if let Some(session) = session
                    && let Err(why) = session.receive(now, device, &mut self.scratch)
                {
                    self.end_passive(index, number, why, device);
                }
            }
        }
    }

    fn handle_active(&mut self, index: usize, now: Nanos, device: &mut impl DeviceAccess) {
        let Some(active) = self.active.get_mut(index) else { return };
        let result = match &mut active.link {
            Link::Waiting { .. } => return,
            Link::Up(session) => session.receive(now, device, &mut self.scratch),
            Link::Connecting { socket, .. } => match socket::connect_result(socket) {
                Ok(()) => return self.establish(index, now, device),
                Err(error) => Err(Closed::Io(error)),
            },
        };
        if let Err(why) = result {
            self.end_active(index, why, now, device);
        }
    }

    /// Moves bytes both ways, tries targets whose time has come, and watches for silence.
    pub fn pump(&mut self, now: Nanos, device: &mut impl DeviceAccess) {
        for index in 0..self.active.len() {
            self.pump_active(index, now, device);
        }
        for index in 0..self.listeners.len() {
            self.pump_listener(index, now, device);
        }
    }

    fn pump_active(&mut self, index: usize, now: Nanos, device: &mut impl DeviceAccess) {
        let is_orphan = self.active.get(index).is_some_and(|active| self.is_orphan(active));
        let Some(active) = self.active.get_mut(index) else { return };
        if is_orphan {
            // It begins anew, and at once, when the main one is back.
            active.backoff.reset();
            match active.link {
                Link::Waiting { .. } => active.link = Link::Waiting { until: now },
                _ => self.end_active(index, Closed::MainGone, now, device),
            }
            return;
        }
        let result = match &mut active.link {
            Link::Waiting { until } if now >= *until => {
                return self.try_connect(index, now, device);
            }
            Link::Waiting { .. } => return,
            Link::Connecting { since, .. } if now.since(*since) >= self.limits.handshake => {
                Err(Closed::HandshakeTimeout)
            }
            Link::Connecting { .. } => return,
            Link::Up(session) => {
                let was_up = session.negotiated;
                let token = self.token_base + Owner::Active(index).encode();
                let result = pump_session(&self.epoll, token, session, now, &self.limits, device);
                if session.negotiated && !was_up {
                    active.backoff.reset();
                    push_news(&mut self.news, active.news(NewsEvent::Up));
                }
                result
            }
        };
        if let Err(why) = result {
            self.end_active(index, why, now, device);
        }
    }

    fn pump_listener(&mut self, index: usize, now: Nanos, device: &mut impl DeviceAccess) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        if listener.paused_until.is_some_and(|until| now >= until) {
            listener.paused_until = None;
            let token = EventData::new_u64(self.token_base + Owner::Listener(index).encode());
            let _ = epoll::add(&self.epoll, &listener.socket, token, EventFlags::IN);
        }
        let mut ended = Vec::new();
        for (number, slot) in listener.sessions.iter_mut().enumerate() {
            let Some(session) = slot else { continue };
            let was_up = session.negotiated;
            let token = self.token_base + Owner::Passive(index, number).encode();
            let result = pump_session(&self.epoll, token, session, now, &self.limits, device);
            if session.negotiated && !was_up {
                let target = listener.target.clone();
                let news = News { target, auxiliary_id: 0, event: NewsEvent::Up };
                push_news(&mut self.news, news);
            }
            if let Err(why) = result {
                ended.push((number, why));
            }
        }
        for (number, why) in ended {
            self.end_passive(index, number, why, device);
        }
    }

    fn try_connect(&mut self, index: usize, now: Nanos, device: &mut impl DeviceAccess) {
        let Some(active) = self.active.get_mut(index) else { return };
        let attempt = active.attempt;
        active.attempt = attempt.wrapping_add(1);
        let connecting = match socket::connect(&active.target, attempt) {
            Ok(connecting) => connecting,
            Err(error) => return self.end_active(index, Closed::Io(error), now, device),
        };
        let token = EventData::new_u64(self.token_base + Owner::Active(index).encode());
        let added = epoll::add(&self.epoll, &connecting.socket, token, EventFlags::OUT);
        active.link = Link::Connecting { socket: connecting.socket, since: now };
        match added {
            Ok(()) if connecting.done => self.establish(index, now, device),
            Ok(()) => (),
            Err(errno) => self.end_active(index, Closed::Io(errno.into()), now, device),
        }
    }

    /// The socket of an active target is connected: gives it a channel.
    fn establish(&mut self, index: usize, now: Nanos, device: &mut impl DeviceAccess) {
        let Some(active) = self.active.get_mut(index) else { return };
        let waiting = Link::Waiting { until: now };
        let Link::Connecting { socket, .. } = std::mem::replace(&mut active.link, waiting) else {
            return;
        };
        let token = EventData::new_u64(self.token_base + Owner::Active(index).encode());
        let opened = match active.main {
            None => device.open(now, ChannelKind::Active),
            Some((main, id)) => match self.channel(main) {
                Some(main) => device.open_auxiliary(now, main, id),
                None => return self.end_active(index, Closed::MainGone, now, device),
            },
        };
        let Some(active) = self.active.get_mut(index) else { return };
        match opened {
            Ok(channel) => {
                let session = Session::new(socket, channel, now);
                let result = epoll::modify(&self.epoll, &session.socket, token, session.watched);
                active.link = Link::Up(session);
                if let Err(errno) = result {
                    self.end_active(index, Closed::Io(errno.into()), now, device);
                }
            }
            Err(_) => self.end_active(index, Closed::Busy, now, device),
        }
    }

    fn accept(&mut self, index: usize, now: Nanos, device: &mut impl DeviceAccess) {
        for _ in 0..ACCEPTS_PER_TURN {
            let Some(listener) = self.listeners.get_mut(index) else { return };
            match socket::accept(&listener.socket) {
                Ok(None) => return,
                Ok(Some(socket)) => self.admit(index, socket, now, device),
                Err(_) => {
                    listener.paused_until = Some(now.plus(ACCEPT_PAUSE));
                    let _ = epoll::delete(&self.epoll, &listener.socket);
                    return;
                }
            }
        }
    }

    fn admit(&mut self, index: usize, socket: OwnedFd, now: Nanos, device: &mut impl DeviceAccess) {
        let limit = self.passive_limit.min(Owner::SESSIONS);
        let Some(listener) = self.listeners.get_mut(index) else { return };
        let number = match listener.sessions.iter().position(Option::is_none) {
            Some(number) => number,
            None if listener.sessions.len() < limit => {
                listener.sessions.push(None);
                listener.sessions.len() - 1
            }
            // Dropping the socket refuses the peer.
            None => return self.report(index, Closed::Busy),
        };
        let Ok(channel) = device.open(now, ChannelKind::Passive) else {
            return self.report(index, Closed::Busy);
        };
        let session = Session::new(socket, channel, now);
        let token = EventData::new_u64(self.token_base + Owner::Passive(index, number).encode());
        let added = epoll::add(&self.epoll, &session.socket, token, session.watched);
        if let Some(slot) = listener.sessions.get_mut(number) {
            *slot = Some(session);
        }
        if let Err(errno) = added {
            self.end_passive(index, number, Closed::Io(errno.into()), device);
        }
    }

    fn report(&mut self, index: usize, why: Closed) {
        if let Some(listener) = self.listeners.get(index) {
            let target = listener.target.clone();
            let news = News { target, auxiliary_id: 0, event: NewsEvent::Down(why) };
            push_news(&mut self.news, news);
        }
    }

    fn end_active(
        &mut self,
        index: usize,
        why: Closed,
        now: Nanos,
        device: &mut impl DeviceAccess,
    ) {
        let Some(active) = self.active.get_mut(index) else { return };
        let until = now.plus(active.backoff.wait());
        // Dropping the socket takes it out of the epoll set.
        if let Link::Up(session) = std::mem::replace(&mut active.link, Link::Waiting { until }) {
            device.close(session.channel);
        }
        push_news(&mut self.news, active.news(NewsEvent::Down(why)));
    }

    fn end_passive(
        &mut self,
        index: usize,
        number: usize,
        why: Closed,
        device: &mut impl DeviceAccess,
    ) {
        let session = self
            .listeners
            .get_mut(index)
            .and_then(|listener| listener.sessions.get_mut(number))
            .and_then(Option::take);
        if let Some(session) = session {
            device.close(session.channel);
            self.report(index, why);
        }
    }

    /// When [`pump`](Self::pump) is to be called though no event came; `None` when never.
    pub fn next_deadline(&self) -> Option<Nanos> {
        let of_session = |session: &Session| match session.busy {
            true => Nanos(0),
            false => session.deadline(&self.limits),
        };
        let active = self.active.iter().filter(|active| {
            // Orphans wait for the main connection; those that are still up are to be ended.
            !matches!(active.link, Link::Waiting { .. }) || !self.is_orphan(active)
        });
        let active = active.map(|active| match &active.link {
            Link::Waiting { until } => *until,
            Link::Connecting { since, .. } => since.plus(self.limits.handshake),
            Link::Up(session) => of_session(session),
        });
        let passive = self.listeners.iter().flat_map(|listener| {
            listener.sessions.iter().flatten().map(of_session).chain(listener.paused_until)
        });
        active.chain(passive).min()
    }

    /// The oldest news that nobody has asked for.
    pub fn next_news(&mut self) -> Option<News> {
        self.news.pop_front()
    }

    /// Targets that wait for controllers, with the ports really taken.
    pub fn listening(&self) -> impl Iterator<Item = &Target> {
        self.listeners.iter().map(|listener| &listener.target)
    }

    /// How many sessions are up.
    pub fn session_count(&self) -> usize {
        let active = self.active.iter().filter(|active| match &active.link {
            Link::Up(session) => session.negotiated,
            _ => false,
        });
        let passive = self.listeners.iter().flat_map(|listener| listener.sessions.iter().flatten());
        active.count() + passive.filter(|session| session.negotiated).count()
    }

    /// Ends all sessions and stops listening.
    pub fn close(&mut self, device: &mut impl DeviceAccess) {
        let active = self.active.drain(..).filter_map(|active| match active.link {
            Link::Up(session) => Some(session),
            _ => None,
        });
        let passive =
            self.listeners.iter_mut().flat_map(|listener| listener.sessions.drain(..).flatten());
        for session in active.chain(passive) {
            device.close(session.channel);
        }
        self.listeners.clear();
    }

    fn token(&self, owner: Owner) -> EventData {
        EventData::new_u64(self.token_base + owner.encode())
    }
}

impl AsFd for Connections {
    /// The epoll set that the connections' descriptors are in.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("targets", &self.active.iter().map(|active| &active.target).collect::<Vec<_>>())
            .field("listening", &self.listening().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Pumps one session and tells the epoll set what it waits for now.
fn pump_session(
    epoll: &OwnedFd,
    token: u64,
    session: &mut Session,
    now: Nanos,
    limits: &Limits,
    device: &mut impl DeviceAccess,
) -> Result<(), Closed> {
    session.pump(now, limits, device)?;
    let interest = session.interest();
    if interest != session.watched {
        epoll::modify(epoll, &session.socket, EventData::new_u64(token), interest)
            .map_err(|errno| Closed::Io(errno.into()))?;
        session.watched = interest;
    }
    Ok(())
}

fn push_news(news: &mut VecDeque<News>, item: News) {
    if news.len() == NEWS_KEPT {
        news.pop_front();
    }
    news.push_back(item);
}
