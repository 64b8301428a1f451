//! Personalities to start from.

use alloc::string::String;
use alloc::vec::Vec;

use ofp_codec::memory::{NoMemory, try_collect, try_string};
use ofp_codec::multipart::GroupCapabilities;
use ofp_codec::{ActionType, FlowModFlags, MeterFlags, OxmField, PortConfig, PortNo, TableId};

use super::{
    ActionTypeSet, EntryShape, Features, FieldSet, GroupShape, Instructions, Messages, MeterShape,
    Multiparts, Outputs, Personality, Quirks, TableIdSet, TableShape,
};

/// The name of what has everything.
const FULL: &str = "full";
/// Tables of the largest switch.
const TABLE_COUNT: usize = 255;

/// What Open vSwitch's userspace datapath lacks.
const OVS_LACKS: [ActionType; 4] =
    [ActionType::CopyTtlOut, ActionType::CopyTtlIn, ActionType::PushPbb, ActionType::PopPbb];

/// What OpenBSD's switch(4) can do to packets.
const OPENBSD_ACTIONS: [ActionType; 5] = [
    ActionType::Output,
    ActionType::PushVlan,
    ActionType::PopVlan,
    ActionType::Group,
    ActionType::SetField,
];

/// The fields that Faucet's pipelines and access lists match.
const FAUCET_FIELDS: [OxmField; 28] = [
    OxmField::InPort,
    OxmField::Metadata,
    OxmField::EthDst,
    OxmField::EthSrc,
    OxmField::EthType,
    OxmField::VlanVid,
    OxmField::VlanPcp,
    OxmField::IpDscp,
    OxmField::IpEcn,
    OxmField::IpProto,
    OxmField::Ipv4Src,
    OxmField::Ipv4Dst,
    OxmField::TcpSrc,
    OxmField::TcpDst,
    OxmField::UdpSrc,
    OxmField::UdpDst,
    OxmField::SctpSrc,
    OxmField::SctpDst,
    OxmField::Icmpv4Type,
    OxmField::Icmpv4Code,
    OxmField::ArpOp,
    OxmField::ArpSpa,
    OxmField::ArpTpa,
    OxmField::Ipv6Src,
    OxmField::Ipv6Dst,
    OxmField::Icmpv6Type,
    OxmField::Icmpv6Code,
    OxmField::Ipv6NdTarget,
];

/// The fields that may be masked by the text.
fn masked_by_text() -> FieldSet {
    OxmField::ALL.into_iter().filter(|field| field.info().maskable_by_text).collect()
}

fn full_tables() -> impl Iterator<Item = TableShape> {
    let ids = (0..=u8::MAX).map(TableId).take(TABLE_COUNT);
    ids.map(|id| TableShape::full(TableIdSet::later(id, TABLE_COUNT)))
}

impl Personality {
    /// The names of the presets, which [`preset`](Self::preset) knows.
    pub const PRESETS: [&str; 5] = [FULL, "strict", "ovs", "openbsd", "faucet-generic"];

    /// The preset of a name.
    ///
    /// ```
    /// use rumpswitch_datapath::Personality;
    ///
    /// assert_eq!(Personality::preset("ovs").unwrap().tables.len(), 254);
    /// assert_eq!(Personality::preset("nobody's"), None);
    /// ```
    pub fn preset(name: &str) -> Option<Personality> {
        Some(match name {
            FULL => Personality::full(),
            "strict" => Personality::strict(),
            "ovs" => Personality::ovs(),
            "openbsd" => Personality::openbsd(),
            "faucet-generic" => Personality::faucet_generic(),
            _ => return None,
        })
    }

    /// Everything that the switch can do: 255 tables, each with every field, action and instruction.
    pub fn full() -> Personality {
        Personality::with_everything(String::from(FULL), full_tables().collect())
    }

    /// [`full`](Self::full), which fails when memory is short.
    pub(crate) fn try_full() -> Result<Personality, NoMemory> {
        Ok(Personality::with_everything(try_string(FULL)?, try_collect(full_tables())?))
    }

    fn with_everything(name: String, tables: Vec<TableShape>) -> Personality {
        Personality {
            name,
            manufacturer: String::new(),
            hardware: String::new(),
            software: String::new(),
            tables,
            groups: GroupShape::full(),
            meters: MeterShape::full(),
            features: Features::all(),
            messages: Messages::all(),
            multiparts: Multiparts::all(),
            flow_flags: FlowModFlags::all(),
            outputs: Outputs::all(),
            max_port: PortNo::MAX,
            port_config: PortConfig::PORT_DOWN
                | PortConfig::NO_RECV
                | PortConfig::NO_FWD
                | PortConfig::NO_PACKET_IN,
            max_actions: u16::MAX,
            max_vlan_tags: u16::MAX,
            quirks: Quirks::empty(),
        }
    }

    /// Nothing beyond the text: masks only where the text has them, no extensions.
    pub fn strict() -> Personality {
        let masks = masked_by_text();
        Personality::full()
            .named("strict")
            .without(Features::EXPERIMENTERS)
            .map_tables(|_, table| TableShape { masks, ..table })
            .consistent()
    }

    /// What Open vSwitch 3.1 refuses with its userspace datapath, and how it says so: no PBB, no TTL
    /// copies, 254 tables, 16-bit port numbers, DROP bands only.
    pub fn ovs() -> Personality {
        let unknown = [OxmField::InPhyPort, OxmField::PbbIsid, OxmField::Ipv6Exthdr];
        let unset = [OxmField::EthType, OxmField::IpProto, OxmField::MplsBos];
        let lacks = ActionTypeSet::from_iter(OVS_LACKS);
        let unset = FieldSet::from_iter(unset).union(FieldSet::from_iter(unknown));
        let narrow = |shape: EntryShape| EntryShape {
            write_fields: shape.write_fields.difference(unset),
            apply_fields: shape.apply_fields.difference(unset),
            ..shape
        };
        let full = Personality::full().named("ovs").with_table_count(254);
        let mut ovs = full.map_tables(|_, table| {
            let table = table.without_fields(unknown).without_actions(OVS_LACKS);
            TableShape { entry: narrow(table.entry), miss: narrow(table.miss), ..table }
        });
        ovs.groups.capabilities.remove(GroupCapabilities::CHAINING_CHECKS);
        ovs.groups.max_groups = [0xffff_ff00; 4];
        ovs.groups.actions = ovs.groups.actions.map(|actions| actions.difference(lacks));
        ovs.groups.fields = ovs.groups.fields.difference(unset);
        ovs.meters = MeterShape {
            max_meters: 0x4_0000,
            max_bands: 8,
            flags: MeterFlags::all(),
            has_drop: true,
            has_dscp_remark: false,
        };
        // Numbers from 0xff00 on were reserved in 1.0, and its port space is still that one.
        ovs.max_port = PortNo(0xfeff);
        ovs.max_vlan_tags = 2;
        ovs.quirks = Quirks::all();
        ovs.made_by("Nicira, Inc.", "Open vSwitch", "3.1.0").consistent()
    }

    /// What switch(4) of OpenBSD could do, without what it accepted and then dropped packets by.
    pub fn openbsd() -> Personality {
        use OxmField as F;
        let lacks = [
            F::InPhyPort,
            F::SctpSrc,
            F::SctpDst,
            F::MplsLabel,
            F::MplsTc,
            F::MplsBos,
            F::PbbIsid,
            F::Ipv6Exthdr,
        ];
        let actions = ActionTypeSet::from_iter(OPENBSD_ACTIONS);
        let (masks, fields) =
            (masked_by_text(), FieldSet::ALL.difference(lacks.into_iter().collect()));
        let set = fields.difference(FieldSet::NONE.with(F::VlanPcp));
        let narrow = |shape: EntryShape| EntryShape {
            instructions: shape.instructions - Instructions::METER,
            next_tables: shape.next_tables,
            write_actions: actions,
            apply_actions: actions,
            write_fields: set,
            apply_fields: set,
        };
        let full = Personality::full().named("openbsd").with_table_count(254);
        let mut openbsd = full.map_tables(|_, table| TableShape {
            max_entries: 10_000,
            fields,
            masks,
            entry: narrow(table.entry),
            miss: narrow(table.miss),
            ..table
        });
        openbsd.groups = GroupShape {
            max_groups: [1_000, 0, 0, 0],
            capabilities: GroupCapabilities::CHAINING,
            actions: [actions; 4],
            fields: set,
        };
        openbsd.meters = MeterShape::none();
        openbsd.features = Features::IDLE_TIMEOUT | Features::HARD_TIMEOUT;
        openbsd.messages = Messages::GROUP_MOD;
        openbsd.multiparts = Multiparts::DESC
            | Multiparts::FLOW
            | Multiparts::AGGREGATE
            | Multiparts::TABLE
            | Multiparts::PORT_STATS
            | Multiparts::GROUP_DESC
            | Multiparts::TABLE_FEATURES
            | Multiparts::PORT_DESC;
        openbsd.outputs = Outputs::all() - Outputs::ALL - Outputs::NORMAL;
        openbsd.max_vlan_tags = 2;
        openbsd.made_by("openbsd.org", "openbsd", "openbsd").consistent()
    }

    /// Hardware as Faucet wants it for its GenericTFM: a few tables that it may shape, the fields of
    /// its pipelines and access lists, no action set.
    pub fn faucet_generic() -> Personality {
        use OxmField as F;
        let actions = ActionTypeSet::from_iter(OPENBSD_ACTIONS).with(ActionType::DecNwTtl);
        let fields = FieldSet::from_iter(FAUCET_FIELDS);
        let set = [F::EthDst, F::EthSrc, F::VlanVid, F::VlanPcp, F::IpDscp, F::Ipv4Src, F::Ipv4Dst];
        let set = FieldSet::from_iter(set);
        let prefixes = [F::Ipv4Src, F::Ipv4Dst, F::ArpSpa, F::ArpTpa, F::Ipv6Src, F::Ipv6Dst];
        let narrow = |shape: EntryShape| EntryShape {
            instructions: shape.instructions - Instructions::WRITE_ACTIONS,
            apply_actions: actions,
            apply_fields: set,
            ..shape
        };
        let full = Personality::full().named("faucet-generic").with_table_count(16);
        let mut generic = full.map_tables(|_, table| TableShape {
            max_entries: 4_096,
            metadata_match: 0xffff_ffff,
            metadata_write: 0xffff_ffff,
            fields,
            masks: masked_by_text(),
            prefixes: prefixes.into_iter().collect(),
            entry: narrow(table.entry),
            miss: narrow(table.miss),
            ..table
        });
        generic.groups = GroupShape {
            max_groups: [1_024, 0, 1_024, 1_024],
            capabilities: GroupCapabilities::empty(),
            actions: [actions; 4],
            fields: set,
        };
        generic.meters =
            MeterShape { max_meters: 256, has_dscp_remark: false, ..MeterShape::full() };
        generic.multiparts -= Multiparts::QUEUE;
        generic.messages -= Messages::QUEUE_GET_CONFIG;
        generic.features -= Features::EXPERIMENTERS;
        generic.consistent()
    }
}
