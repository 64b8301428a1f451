//! A switch with three ports, driven by values.

use datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig};
use hypercall::fake::Recorder;
use hypercall::{Frame, Meta, Nanos, Port, VecFrame};
use ofp_codec::OxmField::{self, *};
use ofp_codec::{
    Action, Bucket, FlowMod, FlowModCommand, GroupId, GroupMod, GroupModCommand, GroupType,
    Instruction, Match, MaxLen, OfpError, Oxm, PacketIn, PacketOut, PortNo, Prerequisite, TableId,
};

use crate::stack::Stack;

pub(crate) struct Bench {
    pub(crate) switch: Switch,
    host: Recorder,
}

pub(crate) fn output(port: u32) -> Action {
    Action::Output { port: PortNo(port), max_len: MaxLen(0) }
}

pub(crate) fn controller() -> Action {
    Action::Output { port: PortNo::CONTROLLER, max_len: MaxLen::NO_BUFFER }
}

/// A flow entry of table 0.
pub(crate) fn entry(matching: Match, instructions: Vec<Instruction>) -> FlowMod {
    FlowMod { matching, instructions, ..FlowMod::default() }
}

impl Bench {
    pub(crate) fn new() -> Bench {
        let mut switch = Switch::new(SwitchConfig::default());
        for number in 1..=3 {
            switch.tables.port_add(Nanos(0), PortConfig::new(Port(number), "port")).unwrap();
        }
        Bench { switch, host: Recorder::default() }
    }

    pub(crate) fn add(&mut self, given: &FlowMod) -> Result<(), OfpError> {
        self.switch.tables.flow_mod(Nanos(0), given)
    }

    pub(crate) fn clear(&mut self) {
        let command = FlowModCommand::Delete;
        let all = FlowMod { command, table_id: TableId::ALL, ..FlowMod::default() };
        self.add(&all).unwrap();
    }

    /// Makes group 1 anew, of one bucket.
    pub(crate) fn group(&mut self, actions: Vec<Action>) -> Result<(), OfpError> {
        let group = |command, buckets| GroupMod {
            command,
            group_type: GroupType::Indirect,
            group_id: GroupId(1),
            buckets,
        };
        self.switch.tables.group_mod(Nanos(0), &group(GroupModCommand::Delete, Vec::new()))?;
        let buckets = vec![Bucket::new(actions)];
        self.switch.tables.group_mod(Nanos(0), &group(GroupModCommand::Add, buckets))
    }

    /// Sends a frame in by port 1: what comes out, by port.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> Vec<(u32, Vec<u8>)> {
        let mut batch = Batch::new();
        let frame = VecFrame::from_bytes(bytes);
        batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
        self.switch.process(&mut self.host, Nanos(0), &mut batch);
        self.sent()
    }

    /// The same by a packet-out's own actions.
    pub(crate) fn packet_out(&mut self, bytes: &[u8], actions: Vec<Action>) -> Vec<(u32, Vec<u8>)> {
        let given = PacketOut {
            buffer_id: ofp_codec::NO_BUFFER,
            in_port: PortNo::CONTROLLER,
            actions,
            data: bytes.to_vec(),
        };
        self.switch.packet_out(&mut self.host, Nanos(0), &given).unwrap();
        self.sent()
    }

    fn sent(&mut self) -> Vec<(u32, Vec<u8>)> {
        let sent = self.host.take();
        sent.iter().map(|sent| (sent.port.0, sent.frame.headers().to_vec())).collect()
    }

    pub(crate) fn packet_in(&mut self) -> Option<PacketIn> {
        self.switch.worker.next_punt().map(|punt| punt.packet_in)
    }
}

/// What a match has to say before `field`, as the frame has it: `None` when the frame's own headers
/// contradict that.
pub(crate) fn before(field: OxmField, stack: &Stack) -> Option<Vec<Oxm>> {
    let exact = |field| stack.get(field).map(|value| Oxm::new(field, value));
    let eth_type = stack.get(EthType)?;
    let typed =
        |types: &[u128]| types.contains(&eth_type).then(|| vec![Oxm::new(EthType, eth_type)]);
    let proto = |types: &[u128], proto: u128| {
        let mut fields = typed(types)?;
        (stack.get(IpProto) == Some(proto)).then(|| fields.push(Oxm::new(IpProto, proto)))?;
        Some(fields)
    };
    let nd = |kinds: &[u128]| {
        let mut fields = proto(&[0x86dd], 58)?;
        fields.push(exact(Icmpv6Type).filter(|oxm| kinds.contains(&oxm.value))?);
        Some(fields)
    };
    match field.info().prerequisite {
        Prerequisite::None => Some(Vec::new()),
        Prerequisite::InPort => Some(vec![Oxm::new(InPort, 1)]),
        Prerequisite::VlanPresent => {
            exact(VlanVid).filter(|oxm| oxm.value != 0).map(|oxm| vec![oxm])
        }
        Prerequisite::Ip => typed(&[0x0800, 0x86dd]),
        Prerequisite::Ipv4 => typed(&[0x0800]),
        Prerequisite::Ipv6 => typed(&[0x86dd]),
        Prerequisite::Arp => typed(&[0x0806]),
        Prerequisite::Mpls => typed(&[0x8847, 0x8848]),
        Prerequisite::Pbb => typed(&[0x88e7]),
        Prerequisite::Tcp => proto(&[0x0800, 0x86dd], 6),
        Prerequisite::Udp => proto(&[0x0800, 0x86dd], 17),
        Prerequisite::Sctp => proto(&[0x0800, 0x86dd], 132),
        Prerequisite::Icmpv4 => proto(&[0x0800], 1),
        Prerequisite::Icmpv6 => proto(&[0x86dd], 58),
        Prerequisite::NdAny => nd(&[135, 136]),
        Prerequisite::NdSolicit => nd(&[135]),
        Prerequisite::NdAdvert => nd(&[136]),
    }
}

/// A match of `fields`.
pub(crate) fn matching(fields: impl IntoIterator<Item = Oxm>) -> Match {
    Match::new(fields).unwrap()
}
