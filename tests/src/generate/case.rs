//! A whole run: ports, frames that will come, and steps of every kind in any order.

use ofp_codec::{
    Action, Bucket, FlowMod, GroupId, GroupMod, GroupModCommand, GroupType, Instruction, MeterId,
    MeterMod, MeterModCommand, NO_BUFFER, PacketOut, PortConfig, PortNo, PortState, TableId,
};

use super::{GROUPS, METERS, PORTS, TABLES, actions, flows, frames};
use crate::oracle::Received;
use crate::random::Random;

/// One step of a run.
#[derive(Clone, Debug)]
pub enum Step {
    /// A flow-mod.
    Flow(FlowMod),
    /// A group-mod.
    Group(GroupMod),
    /// A meter-mod.
    Meter(MeterMod),
    /// A packet-out.
    PacketOut(PacketOut),
    /// Frames come in, in one batch if the choices that they cause can be told apart.
    Frames(Vec<Received>),
    /// Nanoseconds pass.
    Wait(u64),
    /// A port-mod.
    PortConfig(u32, PortConfig),
    /// The host tells of a link.
    PortState(u32, PortState),
    /// A port goes.
    PortRemove(u32),
    /// A port comes.
    PortAdd(u32),
    /// Fragments are dropped, or not.
    Fragments(bool),
    /// Packets with an invalid TTL are offered to the controllers, or not.
    InvalidTtl(bool),
    /// The switch forwards as NORMAL, or by its tables.
    Standalone(bool),
    /// The host takes no frame for a port.
    Refuse(Option<u32>),
}

/// A run.
#[derive(Clone, Debug)]
pub struct Case {
    /// The seed of the switch's hashes.
    pub seed: u64,
    /// What happens.
    pub steps: Vec<Step>,
}

impl Case {
    /// The run of a seed.
    pub fn of_seed(seed: u64) -> Case {
        let random = &mut Random::new(seed);
        if random.below(150) == 0 { Case::tower(random) } else { Case::random(random) }
    }

    /// Any run.
    pub fn random(random: &mut Random) -> Case {
        let seed = random.below(3) as u64;
        let count = 2 + random.below(7);
        let pool = random.list(count, received);
        let mut steps = Vec::new();
        for id in 0..GROUPS {
            if random.chance(75) {
                steps.push(Step::Group(flows::group_mod(random, GroupModCommand::Add, id)));
            }
        }
        for id in 1..=METERS {
            if random.chance(75) {
                let meter = flows::meter_mod(random, MeterModCommand::Add, MeterId(id));
                steps.push(Step::Meter(meter));
            }
        }
        for table in 0..TABLES - 1 {
            if random.chance(80) {
                steps.push(Step::Flow(flows::let_on(random, table)));
            }
        }
        let (count, mut added) = (3 + random.below(15), Vec::new());
        steps.extend(
            random.list(count, |random| Step::Flow(flows::flow_mod(random, &pool, &mut added))),
        );
        let count = 10 + random.below(40);
        steps.extend(random.list(count, |random| step(random, &pool, &mut added)));
        steps.push(Step::Frames(pool));
        Case { seed, steps }
    }

    /// Groups as deep and as wide as the switch follows them, and beyond.
    fn tower(random: &mut Random) -> Case {
        let (levels, width) = random.pick(&[(40, 1), (34, 1), (7, 4), (3, 20)]);
        let mut steps = Vec::new();
        for level in 0..levels {
            let action = match level {
                0 => Action::output(PortNo(random.pick(&[2, 3]))),
                level => Action::Group(GroupId(level - 1)),
            };
            let buckets = vec![Bucket::new(vec![action]); width];
            steps.push(Step::Group(GroupMod {
                command: GroupModCommand::Add,
                group_type: GroupType::All,
                group_id: GroupId(level),
                buckets,
            }));
        }
        let list = vec![Action::Group(GroupId(levels - 1)), actions::output(random)];
        let instructions = vec![Instruction::ApplyActions(list)];
        steps.push(Step::Flow(FlowMod { instructions, ..FlowMod::default() }));
        steps.push(Step::Frames(random.list(2, received)));
        Case { seed: 0, steps }
    }

    /// Frames and packet-outs in it.
    pub fn packet_count(&self) -> u64 {
        let count = |step: &Step| match step {
            Step::Frames(frames) => frames.len(),
            Step::PacketOut(_) => 1,
            _ => 0,
        };
        self.steps.iter().map(count).sum::<usize>() as u64
    }
}

/// A frame and how it comes in.
fn received(random: &mut Random) -> Received {
    let port = if random.chance(3) { 77 } else { port(random) };
    Received {
        port,
        // Port 4 is a logical one.
        phy_port: if port == 4 { random.pick(&[0, 40, 41]) } else { 0 },
        tunnel_id: if port == 4 { random.below(4) as u64 } else { 0 },
        frame: frames::frame(random),
    }
}

fn port(random: &mut Random) -> u32 {
    if random.chance(5) { PortNo::LOCAL.0 } else { random.pick(&PORTS) }
}

/// Any step.
fn step(random: &mut Random, pool: &[Received], added: &mut Vec<FlowMod>) -> Step {
    match random.weighted(&[30, 34, 8, 9, 5, 4, 4, 5, 2, 1, 1, 1, 1]) {
        0 => Step::Flow(flows::flow_mod(random, pool, added)),
        1 => {
            let count = 1 + random.below(20);
            Step::Frames(random.list(count, |random| match random.chance(90) {
                true => pool[random.below(pool.len())].clone(),
                false => received(random),
            }))
        }
        2 => Step::PacketOut(packet_out(random, pool)),
        3 => Step::Wait(random.pick(&[
            1,
            1_000_000,
            33_333_333,
            250_000_000,
            1_000_000_000,
            1_700_000_001,
            400_000_000_000,
        ])),
        4 => Step::Group(group_mod(random)),
        5 => Step::Meter(meter_mod(random)),
        6 => {
            let mut config = PortConfig::empty();
            for flag in [
                PortConfig::PORT_DOWN,
                PortConfig::NO_RECV,
                PortConfig::NO_FWD,
                PortConfig::NO_PACKET_IN,
            ] {
                config.set(flag, random.chance(20));
            }
            Step::PortConfig(port(random), config)
        }
        7 => {
            let mut state = PortState::empty();
            state.set(PortState::LINK_DOWN, random.chance(50));
            state.set(PortState::BLOCKED, random.chance(25));
            let port = if random.chance(75) { random.pick(&[1, 2, 3]) } else { port(random) };
            Step::PortState(port, state)
        }
        8 if random.chance(30) => Step::PortRemove(port(random)),
        8 => Step::PortAdd(port(random)),
        9 => Step::Fragments(random.chance(50)),
        10 => Step::InvalidTtl(random.chance(50)),
        11 => Step::Standalone(random.chance(40)),
        _ => Step::Refuse(random.chance(50).then(|| port(random))),
    }
}

fn group_mod(random: &mut Random) -> GroupMod {
    let id = random.below(GROUPS as usize) as u32;
    match random.weighted(&[35, 40, 22, 3]) {
        0 => flows::group_mod(random, GroupModCommand::Add, id),
        1 => flows::group_mod(random, GroupModCommand::Modify, id),
        other => GroupMod {
            command: GroupModCommand::Delete,
            group_type: GroupType::All,
            group_id: if other == 2 { GroupId(id) } else { GroupId::ALL },
            buckets: Vec::new(),
        },
    }
}

fn meter_mod(random: &mut Random) -> MeterMod {
    let id = flows::meter_id(random);
    match random.weighted(&[40, 30, 27, 3]) {
        0 => flows::meter_mod(random, MeterModCommand::Add, id),
        1 => flows::meter_mod(random, MeterModCommand::Modify, id),
        other => MeterMod {
            command: MeterModCommand::Delete,
            flags: ofp_codec::MeterFlags::empty(),
            meter_id: if other == 2 { id } else { MeterId::ALL },
            bands: Vec::new(),
        },
    }
}

fn packet_out(random: &mut Random, pool: &[Received]) -> PacketOut {
    let count = random.below(4);
    let mut list: Vec<Action> = random.list(count, actions::action);
    if random.chance(50) {
        let at = random.below(list.len() + 1);
        list.insert(at, Action::output(PortNo::TABLE));
    }
    let mut data = pool[random.below(pool.len())].frame.clone();
    data.resize(data.len().max(14), 0);
    PacketOut {
        buffer_id: NO_BUFFER,
        in_port: match random.weighted(&[50, 40, 10]) {
            0 => PortNo::CONTROLLER,
            1 => PortNo(port(random)),
            _ => PortNo(77),
        },
        actions: list,
        data,
    }
}

impl Step {
    /// Steps that do a little less: what a failure is shrunk by.
    pub fn simpler(&self) -> Vec<Step> {
        match self {
            Step::Flow(flow) => simpler_flows(flow).into_iter().map(Step::Flow).collect(),
            Step::Group(group) => without_each(&group.buckets)
                .into_iter()
                .chain(each_simpler(&group.buckets, |bucket| {
                    let lists = without_each(&bucket.actions).into_iter();
                    lists.map(|actions| Bucket { actions, ..bucket.clone() }).collect()
                }))
                .map(|buckets| Step::Group(GroupMod { buckets, ..group.clone() }))
                .collect(),
            Step::Meter(meter) => without_each(&meter.bands)
                .into_iter()
                .map(|bands| Step::Meter(MeterMod { bands, ..meter.clone() }))
                .collect(),
            Step::PacketOut(out) => without_each(&out.actions)
                .into_iter()
                .map(|actions| Step::PacketOut(PacketOut { actions, ..out.clone() }))
                .collect(),
            Step::Frames(frames) if frames.len() > 1 => {
                let (front, back) = frames.split_at(frames.len() / 2);
                let halves = [front.to_vec(), back.to_vec()];
                halves.into_iter().chain(without_each(frames)).map(Step::Frames).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The list without its first thing, without its second, and so on.
fn without_each<T: Clone>(list: &[T]) -> Vec<Vec<T>> {
    let without = |at: usize| [&list[..at], &list[at + 1..]].concat();
    (0..list.len()).map(without).collect()
}

/// The list with its first thing in a simpler form, and so on.
fn each_simpler<T: Clone>(list: &[T], simpler: impl Fn(&T) -> Vec<T>) -> Vec<Vec<T>> {
    let mut all = Vec::new();
    for (at, thing) in list.iter().enumerate() {
        for simple in simpler(thing) {
            let mut changed = list.to_vec();
            changed[at] = simple;
            all.push(changed);
        }
    }
    all
}

fn simpler_flows(flow: &FlowMod) -> Vec<FlowMod> {
    let mut all = Vec::new();
    for instructions in without_each(&flow.instructions) {
        all.push(FlowMod { instructions, ..flow.clone() });
    }
    let simpler = |instruction: &Instruction| match instruction {
        Instruction::ApplyActions(list) => {
            without_each(list).into_iter().map(Instruction::ApplyActions).collect()
        }
        Instruction::WriteActions(list) => {
            without_each(list).into_iter().map(Instruction::WriteActions).collect()
        }
        _ => Vec::new(),
    };
    for instructions in each_simpler(&flow.instructions, simpler) {
        all.push(FlowMod { instructions, ..flow.clone() });
    }
    for fields in without_each(flow.matching.fields()) {
        if let Ok(matching) = ofp_codec::Match::new(fields) {
            all.push(FlowMod { matching, ..flow.clone() });
        }
    }
    if !flow.flags.is_empty() {
        all.push(FlowMod { flags: ofp_codec::FlowModFlags::empty(), ..flow.clone() });
    }
    if flow.idle_timeout | flow.hard_timeout != 0 {
        all.push(FlowMod { idle_timeout: 0, hard_timeout: 0, ..flow.clone() });
    }
    if flow.table_id == TableId::ALL {
        all.push(FlowMod { table_id: TableId(0), ..flow.clone() });
    }
    all
}
