//! For every preset, every field, mask, action, set-field, instruction and next table: it is accepted
//! if and only if it is announced.

use crate::*;
use ofp_codec::multipart::GroupCapabilities;
use ofp_codec::{
    BadActionCode, BadInstructionCode, BadMatchCode, Band, GroupModFailedCode, MeterFlags, MeterId,
    MeterMod, MeterModCommand, MeterModFailedCode, OxmFormat, TableMod,
};
use rumpswitch_datapath::personality::{Personality, Quirks};

const APPLY: u16 = 4;
const WRITE: u16 = 3;

/// Calls `check` for the first, the second and the last table of every personality, and of some that
/// were reshaped.
fn for_some_tables(mut check: impl FnMut(&mut Tables, TableId, &str)) {
    for (name, mut tables) in switches() {
        let count = tables.table_ids().count() as u8;
        for id in [0, 1, count - 1] {
            check(&mut tables, TableId(id), &format!("{name}, table {id}"));
        }
    }
}

fn mask_error(field: OxmField) -> OfpError {
    OfpError::BadMatch(match field.info().format {
        _ if !field.info().maskable_by_text => BadMatchCode::BadMask,
        OxmFormat::Mac => BadMatchCode::BadDlAddrMask,
        OxmFormat::Ipv4 | OxmFormat::Ipv6 => BadMatchCode::BadNwAddrMask,
        _ => BadMatchCode::BadMask,
    })
}

#[test]
fn a_field_can_be_matched_if_and_only_if_it_is_announced() {
    let mut refused = 0;
    for_some_tables(|tables, id, place| {
        let features = tables.table_features(id).unwrap();
        let [announced, _] = Announced::read(&features);
        let required = announced.required();
        for field in OxmField::ALL {
            let known = announced.fields.iter().find(|(other, _)| *other == field);
            let oxm = match field {
                OxmField::Metadata => {
                    let mask = u128::from(features.metadata_match);
                    Oxm::masked(field, 1, if mask == 0 { 1 } else { mask })
                }
                _ => Oxm::new(field, value(field)),
            };
            let exact = add(tables, id, matching(&required, Some(oxm)), vec![]);
            let wanted = match known {
                Some(_) => Ok(()),
                None => Err(OfpError::BadMatch(BadMatchCode::BadField)),
            };
            assert_eq!(exact, wanted, "{place}: {field:?}");
            refused += usize::from(known.is_none());
        }
    });
    assert!(refused > 20, "{refused}");
}

#[test]
fn a_field_can_be_masked_if_and_only_if_it_is_announced_with_a_mask() {
    let mut refused = 0;
    for_some_tables(|tables, id, place| {
        let features = tables.table_features(id).unwrap();
        let [announced, _] = Announced::read(&features);
        let required = announced.required();
        // Every mask bit but the lowest: a prefix of the field.
        for field in OxmField::ALL.into_iter().filter(|field| field.info().bits > 1) {
            let Some((_, can_mask)) = announced.fields.iter().find(|(other, _)| *other == field)
            else {
                continue;
            };
            let mut mask = field.all_ones() & !1;
            if field == OxmField::Metadata {
                mask &= u128::from(features.metadata_match);
            }
            let oxm = Oxm::masked(field, value(field) & mask, mask);
            if oxm.check().is_err() {
                assert!(!can_mask, "{place}: {field:?} has no mask anywhere");
                continue;
            }
            let masked = add(tables, id, matching(&required, Some(oxm)), vec![]);
            let wanted = if *can_mask { Ok(()) } else { Err(mask_error(field)) };
            assert_eq!(masked, wanted, "{place}: {field:?}");
            refused += usize::from(!can_mask);
            // All ones are no mask and all zeros no field, whatever a table can do.
            if field != OxmField::Metadata {
                for mask in [field.all_ones(), 0] {
                    let oxm = Oxm::masked(field, value(field) & mask, mask);
                    let result = add(tables, id, matching(&required, Some(oxm)), vec![]);
                    assert_eq!(result, Ok(()), "{place}: {field:?} under {mask:#x}");
                }
            }
        }
    });
    assert!(refused > 20, "{refused}");
}

#[test]
fn a_field_can_be_left_out_if_and_only_if_it_is_among_the_wildcards() {
    for_some_tables(|tables, id, place| {
        let [announced, _] = Announced::read(&tables.table_features(id).unwrap());
        let required = announced.required();
        let result = add(tables, id, Match::any(), vec![]);
        let bad = Err(OfpError::BadMatch(BadMatchCode::BadWildcards));
        assert_eq!(result, if required.is_empty() { Ok(()) } else { bad }, "{place}");
        let miss = FlowMod { table_id: id, priority: 0, ..FlowMod::default() };
        assert_eq!(tables.flow_mod(NOW, &miss), Ok(()), "{place}: the table-miss flow entry");
    });
}

#[test]
fn an_action_is_accepted_if_and_only_if_it_is_announced() {
    let mut refused = 0;
    for_some_tables(|tables, id, place| {
        let all = GroupType::All;
        let _ = add_group(tables, all, vec![Bucket::new(vec![Action::output(PortNo(1))])]);
        let both = Announced::read(&tables.table_features(id).unwrap());
        let required = both[0].required();
        for action in ActionType::ALL {
            let (example, oxm) = example(action);
            let knows = |oxm: &Oxm| both[0].fields.iter().any(|(field, _)| *field == oxm.field);
            if oxm.is_some_and(|oxm| !knows(&oxm)) {
                continue;
            }
            let [others, _] = &both;
            for (number, list, fields) in [
                (WRITE, &others.write_actions, &others.write_fields),
                (APPLY, &others.apply_actions, &others.apply_fields),
            ] {
                // The example sets ETH_DST.
                let is_settable = fields.is_empty() || fields.contains(&OxmField::EthDst);
                if action == ActionType::SetField && !is_settable {
                    continue;
                }
                let instruction = match number {
                    WRITE => Instruction::WriteActions(vec![example.clone()]),
                    _ => Instruction::ApplyActions(vec![example.clone()]),
                };
                let wanted = if !both[0].instructions.contains(&number) {
                    Err(OfpError::BadInstruction(BadInstructionCode::UnsupInst))
                } else if !list.contains(&(action as u16)) {
                    Err(OfpError::BadAction(BadActionCode::BadType))
                } else {
                    Ok(())
                };
                let result = add(tables, id, matching(&required, oxm), vec![instruction]);
                assert_eq!(result, wanted, "{place}: {action:?} in instruction {number}");
                refused += usize::from(wanted.is_err());
            }
        }
    });
    assert!(refused > 20, "{refused}");
}

#[test]
fn a_field_can_be_set_if_and_only_if_it_is_announced() {
    let mut refused = 0;
    for_some_tables(|tables, id, place| {
        let quirky = tables.personality().quirks.contains(Quirks::SET_FIELD_ERRORS);
        let [announced, _] = Announced::read(&tables.table_features(id).unwrap());
        let required = announced.required();
        for field in OxmField::ALL {
            // The field itself in the match says that its header is there.
            let oxm = Oxm::new(field, value(field));
            let knows = |field| announced.fields.iter().any(|(other, _)| *other == field);
            let before = match field {
                OxmField::VlanVid => vec![oxm],
                _ => before(field),
            };
            if before.iter().any(|oxm| !knows(oxm.field)) {
                continue;
            }
            for (number, fields, list) in [
                (WRITE, &announced.write_fields, &announced.write_actions),
                (APPLY, &announced.apply_fields, &announced.apply_actions),
            ] {
                let can_set = list.contains(&(ActionType::SetField as u16));
                let actions = vec![Action::SetField(oxm)];
                let instruction = match number {
                    WRITE => Instruction::WriteActions(actions),
                    _ => Instruction::ApplyActions(actions),
                };
                let matching = matching_all(&required, before.clone());
                let result = add(tables, id, matching, vec![instruction]);
                let wanted = if !announced.instructions.contains(&number) {
                    Err(OfpError::BadInstruction(BadInstructionCode::UnsupInst))
                } else if !can_set {
                    assert!(fields.is_empty(), "{place}: nothing can be set");
                    Err(OfpError::BadAction(BadActionCode::BadType))
                } else if fields.contains(&field) {
                    Ok(())
                } else if quirky && knows(field) {
                    Err(OfpError::BadAction(BadActionCode::BadSetArgument))
                } else if quirky {
                    Err(OfpError::BadAction(BadActionCode::BadSetLen))
                } else {
                    Err(OfpError::BadAction(BadActionCode::BadSetType))
                };
                assert_eq!(result, wanted, "{place}: {field:?} in instruction {number}");
                refused += usize::from(wanted.is_err());
            }
        }
    });
    assert!(refused > 20, "{refused}");
}

#[test]
fn an_instruction_is_accepted_if_and_only_if_it_is_announced() {
    for_some_tables(|tables, id, place| {
        let meter = MeterMod {
            command: MeterModCommand::Add,
            flags: MeterFlags::KBPS,
            meter_id: MeterId(1),
            bands: vec![Band::Drop { rate: 1, burst_size: 0 }],
        };
        let _ = tables.meter_mod(NOW, &meter);
        let there: Vec<TableId> = tables.table_ids().collect();
        let features = tables.table_features(id).unwrap();
        let unsupported = Err(OfpError::BadInstruction(BadInstructionCode::UnsupInst));
        let bad_table = Err(OfpError::BadInstruction(BadInstructionCode::BadTableId));
        for (priority, announced) in [7, 0].into_iter().zip(Announced::read(&features)) {
            let required = if priority == 0 { vec![] } else { announced.required() };
            let mut try_it = |instruction: Instruction| {
                let matching = matching(&required, None);
                let instructions = vec![instruction];
                let table_id = id;
                let flow =
                    FlowMod { table_id, priority, matching, instructions, ..FlowMod::default() };
                tables.flow_mod(NOW, &flow)
            };
            let mask = features.metadata_write & 0xff_ffff;
            for (number, instruction) in [
                (2, Instruction::WriteMetadata { value: mask, mask }),
                (3, Instruction::WriteActions(vec![])),
                (4, Instruction::ApplyActions(vec![])),
                (5, Instruction::ClearActions),
                (6, Instruction::Meter(MeterId(1))),
            ] {
                let has = announced.instructions.contains(&number);
                let wanted = if has { Ok(()) } else { unsupported };
                assert_eq!(try_it(instruction), wanted, "{place}, {priority}: {number}");
            }
            for next in (0..=255).map(TableId) {
                let wanted = if announced.next.contains(&next) {
                    Ok(())
                } else if next > id && there.contains(&next) && !announced.instructions.contains(&1)
                {
                    unsupported
                } else {
                    bad_table
                };
                let result = try_it(Instruction::GotoTable(next));
                assert_eq!(result, wanted, "{place}, {priority}: goto {}", next.0);
            }
            if !announced.instructions.contains(&2) || features.metadata_write == u64::MAX {
                continue;
            }
            let beyond = !features.metadata_write;
            for (value, code) in [
                (beyond, BadInstructionCode::UnsupMetadata),
                (0, BadInstructionCode::UnsupMetadataMask),
            ] {
                let result = try_it(Instruction::WriteMetadata { value, mask: beyond });
                assert_eq!(result, Err(OfpError::BadInstruction(code)), "{place}");
            }
        }
    });
}

#[test]
fn the_table_miss_flow_entry_does_what_is_announced_for_it() {
    let mut tables = tables(uneven());
    let [others, miss] = Announced::read(&tables.table_features(TableId(2)).unwrap());
    assert_eq!((&miss.instructions[..], &miss.apply_actions[..]), (&[4][..], &[0][..]));
    assert!(others.instructions.contains(&5) && others.apply_actions.contains(&25));
    let mut add = |priority, instruction: Instruction| {
        let instructions = vec![instruction];
        let flow = FlowMod { table_id: TableId(2), priority, instructions, ..FlowMod::default() };
        tables.flow_mod(NOW, &flow)
    };
    let unsupported = OfpError::BadInstruction(BadInstructionCode::UnsupInst);
    assert_eq!(add(1, Instruction::ClearActions), Ok(()));
    assert_eq!(add(0, Instruction::ClearActions), Err(unsupported));
    let push = Instruction::ApplyActions(vec![Action::PushVlan(0x8100)]);
    assert_eq!(add(1, push.clone()), Ok(()));
    assert_eq!(add(0, push), Err(OfpError::BadAction(BadActionCode::BadType)));
    assert_eq!(add(0, Instruction::ApplyActions(vec![Action::controller()])), Ok(()));
    // A modification of several entries may do to each what that one may do.
    let modify = |instructions| FlowMod {
        table_id: TableId(2),
        command: ofp_codec::FlowModCommand::Modify,
        instructions,
        ..FlowMod::default()
    };
    let clear = modify(vec![Instruction::ClearActions]);
    assert_eq!(tables.flow_mod(NOW, &clear), Err(unsupported));
    let send = modify(vec![Instruction::ApplyActions(vec![Action::output(PortNo(1))])]);
    assert_eq!(tables.flow_mod(NOW, &send), Ok(()));
}

#[test]
fn a_group_is_accepted_if_and_only_if_its_type_and_actions_are_announced() {
    let types = [GroupType::All, GroupType::Select, GroupType::Indirect, GroupType::FastFailover];
    for personality in personalities() {
        let name = personality.name.clone();
        let features = tables(personality.clone()).group_features();
        for group_type in types {
            let has = features.types >> group_type as u32 & 1 != 0;
            assert_eq!(has, features.max_groups[group_type as usize] != 0, "{name}");
            for action in ActionType::ALL {
                let mut tables = tables(personality.clone());
                let (example, _) = example(action);
                let bucket = Bucket {
                    weight: u16::from(group_type == GroupType::Select),
                    watch_port: match group_type {
                        GroupType::FastFailover => PortNo(1),
                        _ => PortNo::ANY,
                    },
                    ..Bucket::new(vec![match action {
                        ActionType::Group => Action::Group(GroupId(2)),
                        _ => example,
                    }])
                };
                let command = GroupModCommand::Add;
                let first = features.types.trailing_zeros() as usize;
                let child = GroupMod {
                    command,
                    group_type: types[first],
                    group_id: GroupId(2),
                    buckets: vec![],
                };
                tables.group_mod(NOW, &child).unwrap();
                let chains = features.capabilities.contains(GroupCapabilities::CHAINING);
                let wanted = if !has {
                    Err(OfpError::GroupModFailed(GroupModFailedCode::BadType))
                } else if action == ActionType::Group && !chains {
                    Err(OfpError::GroupModFailed(GroupModFailedCode::ChainingUnsupported))
                } else if features.actions[group_type as usize] >> action as u32 & 1 == 0 {
                    Err(OfpError::BadAction(BadActionCode::BadType))
                } else {
                    Ok(())
                };
                let result = add_group(&mut tables, group_type, vec![bucket]);
                assert_eq!(result, wanted, "{name}: {action:?} in {group_type:?}");
            }
        }
    }
}

#[test]
fn a_meter_is_accepted_if_and_only_if_its_flags_and_bands_are_announced() {
    for personality in personalities() {
        let name = personality.name.clone();
        let mut tables = tables(personality);
        let features = tables.meter_features();
        if features.max_meter == 0 {
            continue;
        }
        let bands = [
            (1, Band::Drop { rate: 9, burst_size: 9 }),
            (2, Band::DscpRemark { rate: 9, burst_size: 9, prec_level: 1 }),
        ];
        for flags in (0..16).map(MeterFlags::from_bits_retain) {
            let units = flags & (MeterFlags::KBPS | MeterFlags::PKTPS);
            if units.bits().count_ones() != 1 {
                continue;
            }
            for (number, band) in &bands {
                let mut change = |command| {
                    let (meter_id, bands) = (MeterId(1), vec![band.clone()]);
                    tables.meter_mod(NOW, &MeterMod { command, flags, meter_id, bands })
                };
                let code = if !features.capabilities.contains(flags) {
                    Err(MeterModFailedCode::BadFlags)
                } else if features.band_types >> number & 1 == 0 {
                    Err(MeterModFailedCode::BadBand)
                } else {
                    Ok(())
                };
                let result = change(MeterModCommand::Add);
                assert_eq!(result, code.map_err(OfpError::MeterModFailed), "{name}: {flags:?}");
                change(MeterModCommand::Delete).unwrap();
            }
        }
    }
}

#[test]
fn a_table_is_there_if_and_only_if_it_is_announced() {
    for personality in personalities() {
        let name = personality.name.clone();
        let mut tables = tables(personality);
        let ids: Vec<TableId> = tables.table_ids().collect();
        let stats: Vec<TableId> = tables.table_stats().map(|stats| stats.table_id).collect();
        assert_eq!(ids, stats, "{name}");
        for id in (0..255).map(TableId) {
            assert_eq!(tables.table_features(id).is_some(), ids.contains(&id), "{name}");
            let flow = FlowMod { table_id: id, priority: 0, ..FlowMod::default() };
            assert_eq!(tables.flow_mod(NOW, &flow).is_ok(), ids.contains(&id), "{name}: {}", id.0);
            let table_mod = TableMod { table_id: id, config: 0 };
            assert_eq!(tables.table_mod(&table_mod).is_ok(), ids.contains(&id), "{name}");
        }
    }
}

#[test]
fn presets_contradict_themselves_nowhere() {
    for name in Personality::PRESETS {
        let personality = Personality::preset(name).unwrap();
        assert_eq!(personality.name, name);
        assert!(personality.clone().consistent() == personality, "{name}");
    }
}

#[test]
fn the_full_switch_is_the_default() {
    let full =
        SwitchConfig { personality: Some(Personality::full().into()), ..SwitchConfig::default() };
    let (full, default) = (Tables::new(full), Tables::new(SwitchConfig::default()));
    assert_eq!(default.personality(), full.personality());
    assert_eq!(default.personality().name, "full");
}
