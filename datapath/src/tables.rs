//! What controllers configured: flow tables, groups, meters and ports, with what they counted.
//!
//! [`Tables`] is read while forwarding and changed by one caller at a time. Its operations are the
//! standard's messages; each checks everything before it changes anything and answers with the
//! standard's own error. The operations on flow entries are in [`flow_mod`](crate::flow_mod), the
//! questions in [`read`](crate::read).

use alloc::alloc::{Layout, handle_alloc_error};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use hypercall::{Nanos, Port};
use ofp_codec::memory::try_one;
use ofp_codec::{
    ConfigFlags, FlowModFlags, FlowRemoved, GroupId, GroupMod, GroupModCommand, GroupModFailedCode,
    MeterId, MeterMod, MeterModCommand, MeterModFailedCode, OfpError, PortMod, PortModFailedCode,
    PortNo, PortStatus, TableId, TableMod, TableModFailedCode,
};

use crate::actions;
use crate::config::SwitchConfig;
use crate::counters::{Counters, DropReason, NoMemory};
use crate::flow_entry::{FlowEntry, Gone};
use crate::flow_table::FlowTable;
use crate::fullness::VacancyEvents;
use crate::groups::{self, Groups};
use crate::job::Job;
use crate::journal::{Journal, Undo};
use crate::mac_table::{MacTable, mix};
use crate::meters::Meters;
use crate::personality::{Features, Quirks, Shape};
use crate::ports::{PortConfig, PortErrors, Ports};
use crate::program::{Op, Program};
use crate::queues::QueueConfig;
use crate::rewrite::Recipes;
use crate::slab::Slab;
use crate::stirred::Stirred;
use crate::timeouts::Timeouts;
use crate::watch::Watch;
use crate::worker::Worker;

/// Something that controllers may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// A flow entry that asked for it is gone (§7.4.2).
    FlowRemoved(FlowRemoved),
    /// A port came, went or changed (§7.4.3).
    PortStatus(PortStatus),
}

/// The tables of a switch.
pub struct Tables {
    pub(crate) config: SwitchConfig,
    pub(crate) shape: Shape,
    pub(crate) ports: Ports,
    pub(crate) tables: Vec<FlowTable>,
    /// Flow tables that may have to be compiled.
    pub(crate) stirred: Stirred,
    pub(crate) entries: Slab<FlowEntry>,
    /// What entries share of their programs.
    pub(crate) recipes: Recipes,
    pub(crate) groups: Groups,
    pub(crate) meters: Meters,
    pub(crate) timeouts: Timeouts,
    pub(crate) counters: Counters,
    /// Of NORMAL, for all workers.
    pub(crate) stations: MacTable,
    pub(crate) invalid_ttl_to_controller: bool,
    pub(crate) drops_fragments: bool,
    pub(crate) is_standalone: bool,
    /// Grows with each insertion of a flow entry.
    pub(crate) sequence: u64,
    /// When the last flow-mod came.
    pub(crate) changed_at: Nanos,
    /// Bytes that entries hold outside their places.
    pub(crate) held: u64,
    gone: VecDeque<Gone>,
    port_news: VecDeque<PortStatus>,
    lost_news: u64,
    pub(crate) journal: Option<Journal>,
    pub(crate) watch: Option<Watch>,
    pub(crate) eviction_count: u64,
    pub(crate) vacancy_events: VacancyEvents,
    /// A change of many entries that is under way, and how one ended that was hurried.
    pub(crate) job: Option<Job>,
    pub(crate) job_end: Option<Result<(), OfpError>>,
    /// Room in which flow entries are put together.
    pub(crate) scratch: Scratch,
    /// Entries freed, or what they held, since the allocator was last made to join what is free.
    pub(crate) freed_count: u8,
}

/// Room that the next flow-mod uses again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) ops: Vec<Op>,
    pub(crate) bytes: Vec<u8>,
}

/// A moment in the row of news.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewsMark {
    port_news_count: usize,
    lost_news: u64,
}

/// What empty tables have memory for. It is made first, and is small: who puts tables together of it can do
/// so where they stay, and no stack has to hold them while memory is asked for.
pub(crate) struct TablesParts {
    pub(crate) config: SwitchConfig,
    shape: Shape,
    tables: Vec<FlowTable>,
    counters: Counters,
}

impl TablesParts {
    pub(crate) fn new(config: SwitchConfig) -> Result<TablesParts, NoMemory> {
        let mut config = config;
        let shape = Shape::new(&config)?;
        config.n_tables = shape.table_count();
        let tables = flow_tables(&config)?;
        let counters = Counters::new(config.n_tables)?;
        Ok(TablesParts { config, shape, tables, counters })
    }
}

/// Empty flow tables, made where they stay: they are large.
#[inline(never)]
fn flow_tables(config: &SwitchConfig) -> Result<Vec<FlowTable>, NoMemory> {
    let (base, eviction, vacancy) = (config.seed, config.eviction, config.vacancy);
    let mut tables = Vec::new();
    tables.try_reserve_exact(usize::from(config.n_tables)).map_err(|_| NoMemory)?;
    let seeds = (0..config.n_tables).map(|id| mix(base, u64::from(id) | 1 << 32));
    tables.extend(seeds.map(|seed| FlowTable::new(seed, eviction, vacancy)));
    Ok(tables)
}

impl From<TablesParts> for Tables {
    #[inline]
    fn from(parts: TablesParts) -> Tables {
        let TablesParts { config, shape, tables, counters } = parts;
        let ageing = u64::from(config.mac_ageing_secs).saturating_mul(Nanos::PER_SECOND);
        Tables {
            tables,
            stirred: Stirred::default(),
            ports: Ports::default(),
            entries: Slab::default(),
            recipes: Recipes::default(),
            groups: Groups::new(mix(config.seed, 1 << 33)),
            meters: Meters::new(mix(config.seed, 1 << 34)),
            timeouts: Timeouts::default(),
            counters,
            stations: MacTable::new(config.mac_table_count, ageing, config.seed),
            invalid_ttl_to_controller: true,
            drops_fragments: false,
            is_standalone: false,
            sequence: 0,
            changed_at: Nanos(0),
            held: 0,
            gone: VecDeque::new(),
            port_news: VecDeque::new(),
            lost_news: 0,
            journal: None,
            watch: None,
            eviction_count: 0,
            vacancy_events: Vec::new(),
            job: None,
            job_end: None,
            scratch: Scratch::default(),
            freed_count: 0,
            shape,
            config,
        }
    }
}

impl Tables {
    /// Empty tables.
    ///
    /// Aborts when memory is short; [`try_new`](Self::try_new) does not.
    pub fn new(config: SwitchConfig) -> Tables {
        Tables::try_new(config)
            .unwrap_or_else(|NoMemory| handle_alloc_error(Layout::new::<Tables>()))
    }

    /// [`new`](Self::new), which fails when memory is short.
    ///
    /// # Errors
    ///
    /// [`NoMemory`].
    pub fn try_new(config: SwitchConfig) -> Result<Tables, NoMemory> {
        TablesParts::new(config).map(Tables::from)
    }

    /// One more worker, with counters of its own. `None` when memory is short.
    ///
    /// Workers forward at the same time, each on a thread of its own, all by `&Tables`; what changes
    /// tables waits until none of them does. Results are those of one worker (`shared.rs` says of
    /// what, and how meters differ) as long as the frames of a flow, its fragments among them, go to
    /// the same one.
    ///
    /// ```
    /// use hypercall::{Meta, Nanos, Port, VecFrame, fake::Recorder};
    /// use ofp_codec::PortNo;
    /// use rumpswitch_datapath::{Batch, Ingress, PortConfig, SwitchConfig, Tables, Worker};
    ///
    /// let mut tables = Tables::new(SwitchConfig::default());
    /// tables.port_add(Nanos(0), PortConfig::new(Port(1), "left"))?;
    /// tables.set_standalone(true);
    /// let workers = [Worker::new(&tables), tables.add_worker().unwrap()];
    /// std::thread::scope(|scope| {
    ///     for mut worker in workers {
    ///         let tables = &tables;
    ///         scope.spawn(move || {
    ///             let frame = VecFrame::from_bytes(&[2; 60]);
    ///             let mut batch = Batch::new();
    ///             batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
    ///             worker.process(tables, &mut Recorder::default(), Nanos(0), &mut batch);
    ///         });
    ///     }
    /// });
    /// assert_eq!(tables.port_stats(PortNo(1), Nanos(0))?[0].rx_packets, 2);
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn add_worker(&mut self) -> Option<Worker> {
        let worker = Worker::with_index(&self.config, self.counters.worker_count()).ok()?;
        self.counters.add_worker().ok()?;
        self.stations.share();
        Some(worker)
    }

    /// Stations that NORMAL has learned from any worker: VLAN, address, port, and nanoseconds since it
    /// was heard.
    pub fn stations(&self, now: Nanos) -> impl Iterator<Item = (u16, u64, Port, u64)> + '_ {
        self.stations.iter(now)
    }

    /// Forgets the stations that NORMAL has learned.
    pub fn forget_stations(&self) {
        self.stations.clear();
    }

    /// How many workers the tables count for.
    pub fn worker_count(&self) -> usize {
        self.counters.worker_count()
    }

    /// What the switch was told at construction.
    pub fn config(&self) -> &SwitchConfig {
        &self.config
    }

    pub(crate) fn seed(&self) -> u64 {
        self.config.seed
    }

    /// Adds, modifies or deletes groups (§6.5).
    ///
    /// # Errors
    ///
    /// GROUP_MOD_FAILED, or BAD_ACTION for a bucket's action; nothing has changed then.
    pub fn group_mod(&mut self, now: Nanos, given: &GroupMod) -> Result<(), OfpError> {
        self.begin_group_mod(now, given)?;
        self.complete(now)
    }

    /// Checks a group-mod and does it, or leaves a deletion as a [`Job`].
    #[inline(never)]
    pub(crate) fn start_group_mod(&mut self, now: Nanos, given: &GroupMod) -> Result<(), OfpError> {
        let fail = |code| Err(OfpError::GroupModFailed(code));
        if given.command == GroupModCommand::Delete {
            return self.group_delete(now, given);
        }
        let slot = self.groups.slot(given.group_id);
        match (given.command, slot) {
            (GroupModCommand::Add, Some(_)) => return fail(GroupModFailedCode::GroupExists),
            (GroupModCommand::Modify, None) if given.group_id <= GroupId::MAX => {
                return fail(GroupModFailedCode::UnknownGroup);
            }
            _ => groups::check(given)?,
        }
        self.personality().groups.check(given)?;
        let out_of_groups = OfpError::GroupModFailed(GroupModFailedCode::OutOfGroups);
        let mut lists = Vec::new();
        lists.try_reserve_exact(given.buckets.len()).map_err(|_| out_of_groups)?;
        for bucket in &given.buckets {
            lists.push(actions::compile_bucket(self, given.group_type, &bucket.actions)?);
        }
        let limits = self.group_limits();
        self.reserve_undo(1).map_err(|_| out_of_groups)?;
        match slot {
            Some(slot) => {
                let replaced =
                    self.groups.modify(slot, given, lists, limits, &mut self.counters)?;
                match self.journal.is_some() {
                    true => self.note_undo(|| Undo::GroupModified(slot, replaced)),
                    false => replaced.free(&mut self.counters),
                }
            }
            None => {
                let slot = self.groups.add(now, given, lists, limits, &mut self.counters)?;
                self.note_undo(|| Undo::GroupAdded(slot));
            }
        }
        Ok(())
    }

    fn group_delete(&mut self, now: Nanos, given: &GroupMod) -> Result<(), OfpError> {
        let fail = |code| Err(OfpError::GroupModFailed(code));
        if !given.buckets.is_empty() {
            return fail(GroupModFailedCode::InvalidGroup);
        }
        let no_memory = |NoMemory| OfpError::GroupModFailed(GroupModFailedCode::OutOfGroups);
        let (only, left, used) = match given.group_id {
            // All their entries in one pass, then groups that no entry uses.
            GroupId::ALL => {
                (None, self.groups.use_count(), self.groups.slots().map_err(no_memory)?)
            }
            id => {
                let Some(slot) = self.groups.slot(id) else { return Ok(()) };
                if self.groups.is_chained(slot) {
                    return fail(GroupModFailedCode::ChainedGroup);
                }
                let left = self.groups.get(slot).map_or(0, |group| group.entry_count);
                (Some(slot), left, try_one(slot).map_err(no_memory)?)
            }
        };
        let left = left.min(self.entries.count());
        self.reserve_undo((left as usize).saturating_add(used.len())).map_err(no_memory)?;
        if self.journal.is_some() {
            self.groups.reserve_ids(used.len()).map_err(no_memory)?;
        }
        self.job = Some(Job::groups(now, only, left, used));
        Ok(())
    }

    pub(crate) fn group_limits(&self) -> groups::Limits {
        groups::Limits {
            groups: self.config.max_groups,
            by_type: self.personality().groups.max_groups,
            buckets: self.config.max_buckets,
        }
    }

    /// Adds, modifies or deletes meters (§6.6).
    ///
    /// # Errors
    ///
    /// METER_MOD_FAILED; nothing has changed then.
    pub fn meter_mod(&mut self, now: Nanos, given: &MeterMod) -> Result<(), OfpError> {
        self.begin_meter_mod(now, given)?;
        self.complete(now)
    }

    /// Checks a meter-mod and does it, or leaves a deletion as a [`Job`].
    #[inline(never)]
    pub(crate) fn start_meter_mod(&mut self, now: Nanos, given: &MeterMod) -> Result<(), OfpError> {
        let is_virtual =
            given.meter_id == MeterId::SLOWPATH || given.meter_id == MeterId::CONTROLLER;
        if is_virtual && !self.personality().features.contains(Features::VIRTUAL_METERS) {
            return Err(OfpError::MeterModFailed(MeterModFailedCode::InvalidMeter));
        }
        // Without a journal nothing here needs memory.
        let no_memory = |_: NoMemory| OfpError::MeterModFailed(MeterModFailedCode::Unknown);
        self.reserve_undo(1).map_err(no_memory)?;
        let shape = &self.shape.largest().meters;
        match given.command {
            MeterModCommand::Add => {
                let slot = self.meters.add(now, given, shape, &mut self.counters)?;
                self.note_undo(|| Undo::MeterAdded(slot));
            }
            MeterModCommand::Modify => {
                let (slot, former) = self.meters.modify(now, given, shape, &mut self.counters)?;
                match self.journal.is_some() {
                    true => self.note_undo(|| Undo::MeterModified(slot, former)),
                    false => former.free(&mut self.counters),
                }
            }
            MeterModCommand::Delete => {
                let used = self.meters.selected(given.meter_id).map_err(no_memory)?;
                let (only, left) = match (given.meter_id, &used[..]) {
                    // All their entries in one pass, then meters that no entry uses.
                    (MeterId::ALL, _) => (None, self.meters.use_count()),
                    (_, [slot, ..]) => (Some(*slot), self.meters.flow_count(*slot)),
                    (_, []) => return Ok(()),
                };
                let left = left.min(self.entries.count());
                self.reserve_undo((left as usize).saturating_add(used.len())).map_err(no_memory)?;
                if self.journal.is_some() {
                    self.meters.reserve_ids(used.len()).map_err(no_memory)?;
                }
                self.job = Some(Job::meters(now, only, left, used));
            }
        }
        Ok(())
    }

    /// Whether a table is the switch's own, behind those that controllers have.
    pub(crate) fn is_hidden(&self, table_id: TableId) -> bool {
        self.personality().quirks.contains(Quirks::HIDDEN_TABLE)
            && table_id.0 == self.shape.table_count()
    }

    /// Configures a table (§7.3.3): 1.3 has nothing to configure.
    ///
    /// # Errors
    ///
    /// TABLE_MOD_FAILED.
    pub fn table_mod(&mut self, given: &TableMod) -> Result<(), OfpError> {
        /// The miss bits of earlier versions (`OFPTC_DEPRECATED_MASK`).
        const DEPRECATED: u32 = 3;
        let fail = |code| Err(OfpError::TableModFailed(code));
        if given.table_id != TableId::ALL && !self.shape.has_table(given.table_id) {
            return fail(match self.is_hidden(given.table_id) {
                true => TableModFailedCode::Eperm,
                false => TableModFailedCode::BadTable,
            });
        }
        if given.config & !DEPRECATED != 0 {
            return fail(TableModFailedCode::BadConfig);
        }
        Ok(())
    }

    /// Configures a port (§7.3.4.3). A change becomes [`News::PortStatus`].
    ///
    /// # Errors
    ///
    /// PORT_MOD_FAILED; nothing has changed then.
    pub fn port_mod(&mut self, given: &PortMod) -> Result<(), OfpError> {
        let eperm = OfpError::PortModFailed(PortModFailedCode::Eperm);
        self.reserve_undo(1).map_err(|_| eperm)?;
        let port = Port(given.port_no.0);
        let before = self.ports.configured(port);
        let desc = self.ports.desc(port).filter(|desc| desc.hw_addr == given.hw_addr);
        if desc.is_some() && !self.personality().port_config.contains(given.mask) {
            return Err(OfpError::PortModFailed(PortModFailedCode::BadConfig));
        }
        let status = self.ports.modify(given)?;
        if let Some(before) = before {
            self.note_undo(|| Undo::Port(port, before));
        }
        self.tell_port(status);
        Ok(())
    }

    /// Adds a port.
    ///
    /// # Errors
    ///
    /// PORT_MOD_FAILED/BAD_PORT when the number is no port's or taken, EPERM when memory is short;
    /// those of [`set_queues`](Self::set_queues) for its queues.
    pub fn port_add(&mut self, now: Nanos, port: PortConfig) -> Result<(), OfpError> {
        let number = PortNo(port.number.0);
        if number != PortNo::LOCAL && number > self.personality().max_port {
            return Err(OfpError::PortModFailed(PortModFailedCode::BadPort));
        }
        let status = self.ports.add(now, port, &mut self.counters)?;
        self.tell_port(Some(status));
        Ok(())
    }

    /// Takes over what the host says of a port that it has added before: everything but `config`,
    /// which stays as controllers left it, as do the features that one told it to advertise, and but
    /// `queues`, which [`set_queues`](Self::set_queues) changes.
    ///
    /// # Errors
    ///
    /// PORT_MOD_FAILED/BAD_PORT when there is no such port.
    pub fn port_change(&mut self, port: PortConfig) -> Result<(), OfpError> {
        let status = self.ports.change(port)?;
        self.tell_port(status);
        Ok(())
    }

    /// Removes a port. Flow entries and groups that name it stay, and drop what they send to it.
    ///
    /// # Errors
    ///
    /// PORT_MOD_FAILED/BAD_PORT when there is no such port.
    pub fn port_remove(&mut self, port: Port) -> Result<(), OfpError> {
        let status = self.ports.remove(port, &mut self.counters)?;
        self.tell_port(Some(status));
        Ok(())
    }

    /// Gives a port another number: it keeps its counters, its queues and what controllers configured,
    /// and is told as one that went and one that came. Flow entries and groups that name a number name
    /// it still; NORMAL learns anew where stations are.
    ///
    /// # Errors
    ///
    /// PORT_MOD_FAILED/BAD_PORT when there is no port `from`, or `to` is no port's number or taken; EPERM
    /// when memory is short; nothing has changed then.
    ///
    /// ```
    /// use hypercall::{Nanos, Port};
    /// use rumpswitch_datapath::{PortConfig, SwitchConfig, Tables};
    ///
    /// let mut tables = Tables::new(SwitchConfig::default());
    /// tables.port_add(Nanos(0), PortConfig::new(Port(1), "left"))?;
    /// tables.port_renumber(Port(1), Port(7))?;
    /// assert!(tables.port_desc(Port(1)).is_none());
    /// assert_eq!(tables.port_desc(Port(7)).unwrap().name, "left");
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn port_renumber(&mut self, from: Port, to: Port) -> Result<(), OfpError> {
        let number = PortNo(to.0);
        if number != PortNo::LOCAL && number > self.personality().max_port {
            return Err(OfpError::PortModFailed(PortModFailedCode::BadPort));
        }
        let [gone, come] = self.ports.renumber(from, to)?;
        self.stations.clear();
        self.tell_port(Some(gone));
        self.tell_port(Some(come));
        Ok(())
    }

    /// Gives the switch another datapath id: FEATURES_REPLY tells it from now on.
    pub fn set_datapath_id(&mut self, datapath_id: u64) {
        self.config.datapath_id = datapath_id;
    }

    /// Takes over what the host's device counted on a port since it was added.
    pub fn port_errors(&mut self, port: Port, errors: PortErrors) {
        self.ports.set_errors(port, errors);
    }

    /// Configures the queues of a port, in place of those that it had; one that stays keeps its
    /// counters. Set-queue actions that name a queue which is gone send by the default queue.
    ///
    /// # Errors
    ///
    /// QUEUE_OP_FAILED: BAD_PORT when there is no such port, BAD_QUEUE when an id is 0xffffffff or
    /// there twice, EPERM when the ports would have more than [`QueueConfig::MAX_COUNT`] queues
    /// together or memory is short; nothing has changed then.
    ///
    /// ```
    /// use hypercall::{Nanos, Port};
    /// use rumpswitch_datapath::{PortConfig, QueueConfig, SwitchConfig, Tables};
    ///
    /// let mut tables = Tables::new(SwitchConfig::default());
    /// tables.port_add(Nanos(0), PortConfig::new(Port(1), "left"))?;
    /// tables.set_queues(Nanos(0), Port(1), &[QueueConfig { max_rate: 500, ..QueueConfig::new(9) }])?;
    /// assert_eq!(tables.queues(ofp_codec::PortNo(1))?[0].queue_id, 9);
    /// # Ok::<(), ofp_codec::OfpError>(())
    /// ```
    pub fn set_queues(
        &mut self,
        now: Nanos,
        port: Port,
        queues: &[QueueConfig],
    ) -> Result<(), OfpError> {
        self.ports.set_queues(now, port, queues, &mut self.counters)
    }

    /// Counts frames that the host took for a queue and dropped before they were sent: in the
    /// queue's tx_errors and the port's tx_dropped. They stay counted as transmitted, since
    /// counters do not go back; a host that can should answer
    /// [`Sent::Dropped`](hypercall::Sent::Dropped) instead.
    pub fn queue_dropped(&mut self, port: Port, queue: Option<u32>, frames: u64) {
        self.ports.queue_dropped(port, queue, frames);
    }

    /// The next port that is administratively down (`OFPPC_PORT_DOWN`) and was not when the host last
    /// asked, or the other way round: `true` for down. For hosts that can take the link down with
    /// the port; the switch sends and receives nothing there in any case.
    pub fn next_port_down(&mut self) -> Option<(Port, bool)> {
        self.ports.next_down()
    }

    fn tell_port(&mut self, status: Option<PortStatus>) {
        let Some(status) = status else { return };
        match self.port_news.try_reserve(1) {
            Ok(()) => self.port_news.push_back(status),
            Err(_) => self.lost_news = self.lost_news.saturating_add(1),
        }
    }

    /// What there is to tell of ports, and what was lost.
    pub(crate) fn news_mark(&self) -> NewsMark {
        NewsMark { port_news_count: self.port_news.len(), lost_news: self.lost_news }
    }

    /// Forgets the port news since then.
    pub(crate) fn forget_news(&mut self, since: NewsMark) {
        self.port_news.truncate(since.port_news_count);
        self.lost_news = since.lost_news;
    }

    /// Keeps an entry that is gone, if it asked for that, until it is asked for.
    pub(crate) fn tell_gone(&mut self, gone: Gone) {
        let mut gone = gone;
        if !gone.entry.flags().contains(FlowModFlags::SEND_FLOW_REM) {
            return;
        }
        // What is told is who it was, not what it did.
        gone.entry.set_program(Program::Empty);
        gone.entry.echo.forget_instructions();
        match self.gone.try_reserve(1) {
            Ok(()) => self.gone.push_back(gone),
            Err(_) => self.lost_news = self.lost_news.saturating_add(1),
        }
    }

    /// The next thing that controllers may want to know; ports before flow entries.
    ///
    /// News waits until it is asked for: ask after every operation and every tick.
    pub fn next_news(&mut self) -> Option<News> {
        if let Some(status) = self.port_news.pop_front() {
            return Some(News::PortStatus(status));
        }
        self.next_flow_removed().map(News::FlowRemoved)
    }

    /// The next port that came, went or changed; for those that keep ports and flow entries apart.
    pub fn next_port_status(&mut self) -> Option<PortStatus> {
        self.port_news.pop_front()
    }

    /// Whether a port's coming, going or change waits to be asked for.
    pub fn has_port_status(&self) -> bool {
        !self.port_news.is_empty()
    }

    /// The next flow entry that is gone. What memory is too short to tell of is lost, and counted.
    pub fn next_flow_removed(&mut self) -> Option<FlowRemoved> {
        loop {
            match self.gone.pop_front()?.message() {
                Ok(removed) => return Some(removed),
                Err(NoMemory) => self.lost_news = self.lost_news.saturating_add(1),
            }
        }
    }

    /// Flow entries that are gone and have not been asked for.
    pub fn flow_removed_count(&self) -> usize {
        self.gone.len()
    }

    /// Whether news waits.
    pub fn has_news(&self) -> bool {
        !self.port_news.is_empty() || !self.gone.is_empty()
    }

    /// News that was lost because memory was short.
    pub fn lost_news_count(&self) -> u64 {
        self.lost_news
    }

    /// Makes the switch act as NORMAL above all entries, as fail-standalone asks, or not. Entries
    /// stay and age (§6.4).
    pub fn set_standalone(&mut self, is_standalone: bool) {
        self.is_standalone = is_standalone;
    }

    /// Whether the switch acts as NORMAL above all entries.
    pub fn is_standalone(&self) -> bool {
        self.is_standalone
    }

    /// Sets what happens to IP fragments (§7.3.2): DROP drops them, every other mode forwards them.
    pub fn set_fragments(&mut self, mode: ConfigFlags) {
        self.drops_fragments = mode == ConfigFlags::FRAG_DROP;
    }

    /// What happens to IP fragments.
    pub fn fragments(&self) -> ConfigFlags {
        if self.drops_fragments { ConfigFlags::FRAG_DROP } else { ConfigFlags::empty() }
    }

    /// Whether packets whose TTL would become 0 are offered to the controllers, which is so at
    /// first; the channels' masks decide which of them see one.
    pub fn set_invalid_ttl_to_controller(&mut self, wanted: bool) {
        self.invalid_ttl_to_controller = wanted;
    }

    /// Packets that ended for `reason`, of all workers.
    pub fn drop_count(&self, reason: DropReason) -> u64 {
        self.counters.drops(reason)
    }

    /// Every reason and how often it was met.
    pub fn drops(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.into_iter().map(|reason| (reason, self.drop_count(reason)))
    }

    /// Whether a meter of flow entries or a virtual one has this number.
    pub fn has_meter(&self, id: MeterId) -> bool {
        self.meters.has(id)
    }
}
