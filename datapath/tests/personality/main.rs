//! What a switch looks like: that it announces what it accepts, refuses the rest with the standard's
//! errors, and can be reshaped by a controller.

mod announced;
mod refused;
mod reshaped;

use hypercall::{Nanos, Port};
use ofp_codec::multipart::{ActionId, InstructionId, OxmId, TableFeatureProperty, TableFeatures};
use ofp_codec::{
    Action, ActionType, Bucket, FlowMod, GroupId, GroupMod, GroupModCommand, GroupType,
    Instruction, Match, OfpError, Oxm, OxmField, PortNo, Prerequisite, TableId,
};
use rumpswitch_datapath::{Personality, PortConfig, SwitchConfig, Tables};

pub(crate) const NOW: Nanos = Nanos::from_secs(1);

/// The tables of a switch with port 1.
pub(crate) fn tables(personality: Personality) -> Tables {
    let mut tables = Tables::new(SwitchConfig {
        personality: Some(personality.into()),
        ..SwitchConfig::default()
    });
    tables.port_add(NOW, PortConfig::new(Port(1), "one")).unwrap();
    tables
}

/// Every preset, and one of three tables in which much is different from table to table.
pub(crate) fn personalities() -> Vec<Personality> {
    let presets = Personality::PRESETS.iter().map(|name| Personality::preset(name).unwrap());
    presets.chain([uneven()]).collect()
}

/// The tables of every personality, and some that a controller has reshaped by chance.
pub(crate) fn switches() -> Vec<(String, Tables)> {
    let made = personalities().into_iter();
    let mut switches: Vec<_> =
        made.map(|personality| (personality.name.clone(), tables(personality))).collect();
    for seed in 0..6_u64 {
        let base = if seed % 2 == 0 { uneven() } else { Personality::full().with_table_count(5) };
        let mut tables = tables(base);
        let mut chance = seed;
        // Half of the items of each list go; what was there is one table of three.
        let mut keeps = || {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(0x1405_7b7e_f767);
            chance >> 60 >= 8
        };
        let ids: Vec<TableId> = tables.table_ids().collect();
        let mut wanted: Vec<_> =
            ids.into_iter().map(|id| tables.table_features(id).unwrap()).collect();
        for table in &mut wanted {
            table.properties.iter_mut().for_each(|property| thin(property, &mut keeps));
        }
        tables.set_table_features(NOW, &wanted).unwrap();
        switches.push((format!("reshaped {seed}"), tables));
    }
    switches
}

/// Takes items from a property's list, but for what a table cannot do without.
fn thin(property: &mut TableFeatureProperty, keeps: &mut impl FnMut() -> bool) {
    use TableFeatureProperty as P;
    match property {
        P::Instructions(list) | P::InstructionsMiss(list) => list.retain(|_| keeps()),
        P::NextTables(list) | P::NextTablesMiss(list) => list.retain(|_| keeps()),
        P::WriteActions(list) | P::WriteActionsMiss(list) => list.retain(|_| keeps()),
        P::ApplyActions(list) | P::ApplyActionsMiss(list) => list.retain(|_| keeps()),
        P::WriteSetfield(list) | P::WriteSetfieldMiss(list) => list.retain(|_| keeps()),
        P::ApplySetfield(list) | P::ApplySetfieldMiss(list) => list.retain(|_| keeps()),
        // Prerequisites stay, so that the other fields can be tried.
        P::Match(list) => list.retain(|id| {
            let field = field(id).0;
            let stays = [
                OxmField::InPort,
                OxmField::EthType,
                OxmField::VlanVid,
                OxmField::IpProto,
                OxmField::Icmpv6Type,
            ];
            stays.contains(&field) || keeps()
        }),
        P::Wildcards(_) | P::Experimenter { .. } => {}
    }
}

/// Three tables: the first must match IN_PORT and has masks by prefix, the second lacks what costs a
/// copy, the third's table-miss flow entry can only send.
pub(crate) fn uneven() -> Personality {
    use rumpswitch_datapath::personality::{FieldSet, Instructions};
    Personality::full().named("uneven").with_table_count(3).map_tables(|id, mut table| {
        match id.0 {
            0 => {
                table.required = FieldSet::NONE.with(OxmField::InPort);
                table.prefixes = table.masks;
                table.max_entries = 2;
                table.metadata_match = 0xff;
            }
            1 => {
                table = table
                    .without_actions([ActionType::Group, ActionType::DecNwTtl])
                    .without_fields([OxmField::EthSrc, OxmField::TcpDst])
                    .without_instructions(Instructions::METER);
                table.metadata_write = 0xff00;
            }
            _ => {
                table.miss.instructions = Instructions::APPLY_ACTIONS;
                table.miss.apply_actions = [ActionType::Output].into_iter().collect();
            }
        }
        table
    })
}

/// The fields that must stand before `field`.
pub(crate) fn before(field: OxmField) -> Vec<Oxm> {
    let exact = |pairs: &[(OxmField, u128)]| {
        pairs.iter().map(|(field, value)| Oxm::new(*field, *value)).collect::<Vec<_>>()
    };
    use OxmField as F;
    match field.info().prerequisite {
        Prerequisite::None => vec![],
        Prerequisite::InPort => exact(&[(F::InPort, 1)]),
        Prerequisite::VlanPresent => exact(&[(F::VlanVid, 0x1005)]),
        Prerequisite::Ip | Prerequisite::Ipv4 => exact(&[(F::EthType, 0x0800)]),
        Prerequisite::Ipv6 => exact(&[(F::EthType, 0x86dd)]),
        Prerequisite::Arp => exact(&[(F::EthType, 0x0806)]),
        Prerequisite::Mpls => exact(&[(F::EthType, 0x8847)]),
        Prerequisite::Pbb => exact(&[(F::EthType, 0x88e7)]),
        Prerequisite::Tcp => exact(&[(F::EthType, 0x0800), (F::IpProto, 6)]),
        Prerequisite::Udp => exact(&[(F::EthType, 0x0800), (F::IpProto, 17)]),
        Prerequisite::Sctp => exact(&[(F::EthType, 0x0800), (F::IpProto, 132)]),
        Prerequisite::Icmpv4 => exact(&[(F::EthType, 0x0800), (F::IpProto, 1)]),
        Prerequisite::Icmpv6 => exact(&[(F::EthType, 0x86dd), (F::IpProto, 58)]),
        Prerequisite::NdAny | Prerequisite::NdSolicit => {
            exact(&[(F::EthType, 0x86dd), (F::IpProto, 58), (F::Icmpv6Type, 135)])
        }
        Prerequisite::NdAdvert => {
            exact(&[(F::EthType, 0x86dd), (F::IpProto, 58), (F::Icmpv6Type, 136)])
        }
    }
}

/// A match of `oxm` and what must stand before it, with what a table insists on in front.
pub(crate) fn matching(required: &[OxmField], oxm: Option<Oxm>) -> Match {
    let before = oxm.map_or(vec![], |oxm| before(oxm.field));
    matching_all(required, before.into_iter().chain(oxm).collect())
}

/// A match of a list, with what a table insists on in front.
pub(crate) fn matching_all(required: &[OxmField], mut list: Vec<Oxm>) -> Match {
    for field in required {
        if list.iter().all(|oxm| oxm.field != *field) {
            list.insert(0, Oxm::new(*field, 1));
        }
    }
    Match::new(list).unwrap()
}

/// A value of a field that every switch takes.
pub(crate) fn value(field: OxmField) -> u128 {
    match field {
        OxmField::VlanVid => 0x1004,
        OxmField::EthType => 0x0800,
        _ => 1,
    }
}

/// An action of a type, and a match under which it makes sense.
pub(crate) fn example(action: ActionType) -> (Action, Option<Oxm>) {
    let mpls = Some(Oxm::new(OxmField::EthType, 0x8847));
    let ip = Some(Oxm::new(OxmField::EthType, 0x0800));
    match action {
        ActionType::Output => (Action::output(PortNo(1)), None),
        ActionType::CopyTtlOut => (Action::CopyTtlOut, mpls),
        ActionType::CopyTtlIn => (Action::CopyTtlIn, mpls),
        ActionType::SetMplsTtl => (Action::SetMplsTtl(7), mpls),
        ActionType::DecMplsTtl => (Action::DecMplsTtl, mpls),
        ActionType::PushVlan => (Action::PushVlan(0x8100), None),
        ActionType::PopVlan => (Action::PopVlan, Some(Oxm::new(OxmField::VlanVid, 0x1005))),
        ActionType::PushMpls => (Action::PushMpls(0x8847), None),
        ActionType::PopMpls => (Action::PopMpls(0x0800), mpls),
        ActionType::SetQueue => (Action::SetQueue(0), None),
        ActionType::Group => (Action::Group(GroupId(1)), None),
        ActionType::SetNwTtl => (Action::SetNwTtl(7), ip),
        ActionType::DecNwTtl => (Action::DecNwTtl, ip),
        ActionType::SetField => (Action::SetField(Oxm::new(OxmField::EthDst, 1)), None),
        ActionType::PushPbb => (Action::PushPbb(0x88e7), None),
        ActionType::PopPbb => (Action::PopPbb, Some(Oxm::new(OxmField::EthType, 0x88e7))),
        ActionType::Experimenter => unreachable!("not the standard's"),
    }
}

pub(crate) fn add(
    tables: &mut Tables,
    table_id: TableId,
    matching: Match,
    instructions: Vec<Instruction>,
) -> Result<(), OfpError> {
    let flow = FlowMod { table_id, matching, instructions, priority: 7, ..FlowMod::default() };
    let result = tables.flow_mod(NOW, &flow);
    if result.is_ok() {
        let command = ofp_codec::FlowModCommand::Delete;
        tables.flow_mod(NOW, &FlowMod { table_id, command, ..FlowMod::default() }).unwrap();
    }
    result
}

/// Adds group 1 of a type.
pub(crate) fn add_group(
    tables: &mut Tables,
    group_type: GroupType,
    buckets: Vec<Bucket>,
) -> Result<(), OfpError> {
    let command = GroupModCommand::Add;
    tables.group_mod(NOW, &GroupMod { command, group_type, group_id: GroupId(1), buckets })
}

/// TABLE_FEATURES taken apart again, for flow entries or for the table-miss flow entry.
#[derive(Default)]
pub(crate) struct Announced {
    pub(crate) fields: Vec<(OxmField, bool)>,
    pub(crate) wildcards: Vec<OxmField>,
    pub(crate) instructions: Vec<u16>,
    pub(crate) next: Vec<TableId>,
    pub(crate) write_actions: Vec<u16>,
    pub(crate) apply_actions: Vec<u16>,
    pub(crate) write_fields: Vec<OxmField>,
    pub(crate) apply_fields: Vec<OxmField>,
}

fn field(id: &OxmId) -> (OxmField, bool) {
    let OxmId::Header(header) = id else { panic!("{id:?}") };
    let field = OxmField::from_number((header >> 9 & 0x7f) as u8).unwrap();
    let has_mask = header >> 8 & 1 != 0;
    assert_eq!(*header, field.header(has_mask), "the length too");
    (field, has_mask)
}

fn actions(ids: &[ActionId]) -> Vec<u16> {
    let number = |id: &ActionId| match id {
        ActionId::Standard(number) => *number,
        ActionId::Experimenter(_) => panic!("an extension's"),
    };
    ids.iter().map(number).collect()
}

impl Announced {
    /// What a reply says of flow entries, and of the table-miss flow entry.
    pub(crate) fn read(features: &TableFeatures) -> [Announced; 2] {
        use TableFeatureProperty as P;
        let mut both = [Announced::default(), Announced::default()];
        for (is_miss, announced) in both.iter_mut().enumerate() {
            // A property of the table-miss flow entry comes behind that of the others.
            for property in &features.properties {
                if property.number() % 2 > is_miss as u16 {
                    continue;
                }
                let fields = |ids: &[OxmId]| ids.iter().map(|id| field(id).0).collect::<Vec<_>>();
                match property {
                    P::Instructions(ids) | P::InstructionsMiss(ids) => {
                        let number = |id: &InstructionId| match id {
                            InstructionId::Standard(number) => *number,
                            InstructionId::Experimenter(_) => panic!("an extension's"),
                        };
                        announced.instructions = ids.iter().map(number).collect();
                    }
                    P::NextTables(ids) | P::NextTablesMiss(ids) => announced.next = ids.clone(),
                    P::WriteActions(ids) | P::WriteActionsMiss(ids) => {
                        announced.write_actions = actions(ids);
                    }
                    P::ApplyActions(ids) | P::ApplyActionsMiss(ids) => {
                        announced.apply_actions = actions(ids);
                    }
                    P::Match(ids) => announced.fields = ids.iter().map(field).collect(),
                    P::Wildcards(ids) => announced.wildcards = fields(ids),
                    P::WriteSetfield(ids) | P::WriteSetfieldMiss(ids) => {
                        announced.write_fields = fields(ids);
                    }
                    P::ApplySetfield(ids) | P::ApplySetfieldMiss(ids) => {
                        announced.apply_fields = fields(ids);
                    }
                    P::Experimenter { .. } => panic!("an extension's"),
                }
            }
        }
        both
    }

    /// The fields that no entry may leave out.
    pub(crate) fn required(&self) -> Vec<OxmField> {
        let fields = self.fields.iter().map(|(field, _)| *field);
        fields.filter(|field| !self.wildcards.contains(field)).collect()
    }
}
