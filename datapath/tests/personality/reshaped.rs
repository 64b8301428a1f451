//! TABLE_FEATURES written: checked whole, given as asked, taken back as easily.

use crate::*;
use TableFeatureProperty as P;
use ofp_codec::multipart::FlowStatsRequest;
use ofp_codec::{
    BadActionCode, BadInstructionCode, BadMatchCode, BadRequestCode, FlowModFailedCode,
    FlowModFlags, FlowRemovedReason, TableFeaturesFailedCode as Code, TableMod, TableModFailedCode,
};
use rumpswitch_datapath::News;
use rumpswitch_datapath::personality::Features;

fn full() -> Tables {
    tables(Personality::full().with_table_count(8))
}

fn features(tables: &Tables, id: u8) -> TableFeatures {
    tables.table_features(TableId(id)).unwrap()
}

/// Changes the one property that `pick` is true of.
fn change(
    features: &mut TableFeatures,
    pick: impl Fn(&TableFeatureProperty) -> bool,
    property: TableFeatureProperty,
) {
    let place = features.properties.iter_mut().find(|property| pick(property)).unwrap();
    *place = property;
}

#[track_caller]
fn refused(tables: &mut Tables, wanted: &[TableFeatures], code: Code) {
    let ids: Vec<TableId> = tables.table_ids().collect();
    let before: Vec<_> = ids.iter().map(|id| tables.table_features(*id)).collect();
    let entries = tables.entry_count();
    let result = tables.set_table_features(NOW, wanted);
    assert_eq!(result, Err(OfpError::TableFeaturesFailed(code)));
    let after: Vec<_> = ids.iter().map(|id| tables.table_features(*id)).collect();
    assert!(before == after && tables.entry_count() == entries, "nothing has changed");
}

#[test]
fn what_was_read_can_be_written_and_changes_nothing() {
    for personality in personalities() {
        if !personality.features.contains(Features::TABLE_FEATURES_WRITE) {
            continue;
        }
        let name = personality.name.clone();
        let mut tables = tables(personality);
        let ids: Vec<TableId> = tables.table_ids().collect();
        let read: Vec<_> = ids.iter().map(|id| tables.table_features(*id).unwrap()).collect();
        let entry = FlowMod { priority: 0, ..FlowMod::default() };
        tables.flow_mod(NOW, &entry).unwrap();
        assert_eq!(tables.set_table_features(NOW, &read), Ok(()), "{name}");
        let again: Vec<_> = ids.iter().map(|id| tables.table_features(*id).unwrap()).collect();
        assert!(again == read, "{name}");
        assert_eq!(tables.entry_count(), 1, "{name}: flow entries of unchanged tables stay");
    }
}

#[test]
fn tables_that_are_not_named_vanish_and_come_back() {
    let mut tables = full();
    let all: Vec<_> = (0..8).map(|id| features(&tables, id)).collect();
    let wanted = [all[5].clone(), all[0].clone(), all[2].clone()];
    tables.set_table_features(NOW, &wanted).unwrap();
    let ids: Vec<u8> = tables.table_ids().map(|id| id.0).collect();
    assert_eq!(ids, [0, 2, 5]);
    assert_eq!(tables.table_stats().count(), 3);
    let flow = |id| FlowMod { table_id: TableId(id), priority: 0, ..FlowMod::default() };
    let bad = Err(OfpError::FlowModFailed(FlowModFailedCode::BadTableId));
    assert_eq!(tables.flow_mod(NOW, &flow(1)), bad);
    assert_eq!(tables.flow_mod(NOW, &flow(2)), Ok(()));
    let question = FlowStatsRequest { table_id: TableId(1), ..FlowStatsRequest::default() };
    let bad = OfpError::BadRequest(BadRequestCode::BadTableId);
    assert_eq!(tables.flow_stats(&question).map(drop), Err(bad));
    let bad = Err(OfpError::TableModFailed(TableModFailedCode::BadTable));
    assert_eq!(tables.table_mod(&TableMod { table_id: TableId(1), config: 0 }), bad);
    let [announced, _] = Announced::read(&features(&tables, 0));
    assert_eq!(announced.next, [TableId(2), TableId(5)]);
    let goto = |to| vec![Instruction::GotoTable(TableId(to))];
    let nowhere = Err(OfpError::BadInstruction(BadInstructionCode::BadTableId));
    assert_eq!(add(&mut tables, TableId(0), Match::any(), goto(1)), nowhere);
    assert_eq!(add(&mut tables, TableId(0), Match::any(), goto(5)), Ok(()));
    assert_eq!(tables.set_table_features(NOW, &all), Ok(()), "the largest shape is still there");
    assert_eq!(tables.table_ids().count(), 8);
    assert_eq!(features(&tables, 0), all[0]);
}

#[test]
fn a_table_does_what_was_asked_and_no_more() {
    let mut tables = full();
    let mut wanted = features(&tables, 0);
    wanted.name = "access".into();
    wanted.metadata_match = 0xff;
    wanted.metadata_write = 0xff00;
    let header = |field: OxmField, mask| OxmId::Header(field.header(mask));
    let fields = [
        header(OxmField::InPort, false),
        header(OxmField::Metadata, true),
        header(OxmField::EthDst, true),
        header(OxmField::EthSrc, false),
    ];
    change(&mut wanted, |p| matches!(p, P::Match(_)), P::Match(fields.to_vec()));
    let free = [OxmField::Metadata, OxmField::EthDst, OxmField::EthSrc];
    let free = free.map(|field| header(field, false)).to_vec();
    change(&mut wanted, |p| matches!(p, P::Wildcards(_)), P::Wildcards(free));
    let instructions = [2, 3, 4].map(InstructionId::Standard).to_vec();
    change(&mut wanted, |p| matches!(p, P::Instructions(_)), P::Instructions(instructions));
    let actions = [0, 25].map(ActionId::Standard).to_vec();
    change(&mut wanted, |p| matches!(p, P::ApplyActions(_)), P::ApplyActions(actions.clone()));
    change(
        &mut wanted,
        |p| matches!(p, P::WriteActions(_)),
        P::WriteActions(actions[..1].to_vec()),
    );
    let set = vec![header(OxmField::EthDst, false)];
    change(&mut wanted, |p| matches!(p, P::ApplySetfield(_)), P::ApplySetfield(set));
    change(&mut wanted, |p| matches!(p, P::WriteSetfield(_)), P::WriteSetfield(vec![]));
    change(&mut wanted, |p| matches!(p, P::NextTables(_)), P::NextTables(vec![]));
    wanted.max_entries = 17;
    tables.set_table_features(NOW, &[wanted.clone()]).unwrap();
    wanted.max_entries = 1 << 20;
    assert_eq!(features(&tables, 0), wanted, "as asked, but for what is read-only");

    let zero = TableId(0);
    let port = Oxm::new(OxmField::InPort, 1);
    let with = |oxm| Match::new([port, oxm]).unwrap();
    let bad_match = |code| Err(OfpError::BadMatch(code));
    let mut try_match = |matching| add(&mut tables, zero, matching, vec![]);
    assert_eq!(try_match(with(Oxm::masked(OxmField::EthDst, 1, 1))), Ok(()));
    let dl_mask = bad_match(BadMatchCode::BadDlAddrMask);
    assert_eq!(try_match(with(Oxm::masked(OxmField::EthSrc, 1, 1))), dl_mask);
    let type_only = with(Oxm::new(OxmField::EthType, 0x0800));
    assert_eq!(try_match(type_only), bad_match(BadMatchCode::BadField));
    assert_eq!(try_match(with(Oxm::masked(OxmField::Metadata, 1, 0xff))), Ok(()));
    let metadata = with(Oxm::masked(OxmField::Metadata, 1, 0x1ff));
    assert_eq!(try_match(metadata), bad_match(BadMatchCode::BadMask));
    assert_eq!(try_match(Match::any()), bad_match(BadMatchCode::BadWildcards));

    let mut try_it = |instruction| {
        let matching = Match::new([port]).unwrap();
        add(&mut tables, zero, matching, vec![instruction])
    };
    let set = |field| Action::SetField(Oxm::new(field, 1));
    let bad_action = |code| Err(OfpError::BadAction(code));
    let unsupported = Err(OfpError::BadInstruction(BadInstructionCode::UnsupInst));
    assert_eq!(try_it(Instruction::ApplyActions(vec![set(OxmField::EthDst)])), Ok(()));
    let source = Instruction::ApplyActions(vec![set(OxmField::EthSrc)]);
    assert_eq!(try_it(source), bad_action(BadActionCode::BadSetType));
    let written = Instruction::WriteActions(vec![set(OxmField::EthDst)]);
    assert_eq!(try_it(written), bad_action(BadActionCode::BadType));
    assert_eq!(try_it(Instruction::ClearActions), unsupported);
    assert_eq!(try_it(Instruction::WriteMetadata { value: 0x100, mask: 0xff00 }), Ok(()));
    let beyond = Instruction::WriteMetadata { value: 0, mask: 0xff };
    let code = BadInstructionCode::UnsupMetadataMask;
    assert_eq!(try_it(beyond), Err(OfpError::BadInstruction(code)));
}

#[test]
fn flow_entries_of_tables_that_change_or_vanish_are_removed_and_told() {
    let mut tables = full();
    let flow = |id, cookie, flags| FlowMod {
        table_id: TableId(id),
        cookie,
        flags,
        priority: 0,
        ..FlowMod::default()
    };
    for id in 0..4 {
        let told = FlowModFlags::SEND_FLOW_REM;
        tables.flow_mod(NOW, &flow(id, u64::from(id) + 1, told)).unwrap();
        let quiet = FlowMod { priority: 1, ..flow(id, 0, FlowModFlags::empty()) };
        tables.flow_mod(NOW, &quiet).unwrap();
    }
    // Table 0 stays but for its name, 1 loses a field, 2 is gone, 3 leads to all of 4 to 7 as before.
    let mut wanted: Vec<_> = [0, 1, 3, 4, 5, 6, 7].map(|id| features(&tables, id)).into();
    wanted[0].name = "zero".into();
    change(
        &mut wanted[0],
        |p| matches!(p, P::NextTables(_)),
        P::NextTables((1..8).map(TableId).collect()),
    );
    change(
        &mut wanted[1],
        |p| matches!(p, P::ApplyActions(_)),
        P::ApplyActions(vec![ActionId::Standard(0)]),
    );
    tables.set_table_features(NOW, &wanted).unwrap();
    let mut removed = Vec::new();
    while let Some(news) = tables.next_news() {
        match news {
            News::FlowRemoved(flow) => {
                assert_eq!(flow.reason, FlowRemovedReason::Delete);
                removed.push(flow.cookie);
            }
            News::PortStatus(_) => {}
        }
    }
    // Table 0 led to table 2 as well, which vanished: it changed.
    assert_eq!(removed, [1, 2, 3]);
    assert_eq!(tables.entry_count(), 2, "those of table 3");
    let again: Vec<_> = tables.table_ids().map(|id| features(&tables, id.0)).collect();
    tables.flow_mod(NOW, &flow(0, 9, FlowModFlags::empty())).unwrap();
    let mut renamed = again;
    renamed[0].name = "first".into();
    tables.set_table_features(NOW, &renamed).unwrap();
    assert_eq!(tables.entry_count(), 3, "a name is nothing that flow entries do");
}

#[test]
fn a_request_is_refused_whole() {
    let mut tables = full();
    let entry = FlowMod { priority: 0, ..FlowMod::default() };
    tables.flow_mod(NOW, &entry).unwrap();
    let good = features(&tables, 0);
    let with = |edit: &dyn Fn(&mut TableFeatures)| {
        let mut wanted = [good.clone(), features(&full(), 1)];
        edit(&mut wanted[1]);
        wanted
    };
    type Case<'a> = (&'a str, Code, &'a dyn Fn(&mut TableFeatures));
    let cases: [Case<'_>; 14] = [
        ("a table that is not there", Code::BadTable, &|f| f.table_id = TableId(8)),
        ("a table twice", Code::BadTable, &|f| f.table_id = TableId(0)),
        ("a property missing", Code::BadType, &|f| drop(f.properties.pop())),
        ("a property twice", Code::BadType, &|f| f.properties.push(P::Match(vec![]))),
        ("an experimenter's property", Code::BadType, &|f| {
            f.properties.push(P::Experimenter {
                miss: false,
                experimenter: 1,
                exp_type: 1,
                data: vec![],
            });
        }),
        ("an unknown action", Code::BadArgument, &|f| {
            let list = P::WriteActions(vec![ActionId::Standard(1)]);
            change(f, |p| matches!(p, P::WriteActions(_)), list);
        }),
        ("an experimenter's action", Code::BadArgument, &|f| {
            let list = P::ApplyActions(vec![ActionId::Experimenter(7)]);
            change(f, |p| matches!(p, P::ApplyActions(_)), list);
        }),
        ("an unknown instruction", Code::BadArgument, &|f| {
            let list = P::Instructions(vec![InstructionId::Standard(7)]);
            change(f, |p| matches!(p, P::Instructions(_)), list);
        }),
        ("an unknown field", Code::BadArgument, &|f| {
            let list = P::Match(vec![OxmId::Header(0x8000_5004)]);
            change(f, |p| matches!(p, P::Match(_)), list);
        }),
        ("a field of another class", Code::BadArgument, &|f| {
            let list = P::Wildcards(vec![OxmId::Header(0x0001_0004)]);
            change(f, |p| matches!(p, P::Wildcards(_)), list);
        }),
        ("a mask that no table has", Code::BadArgument, &|f| {
            let list = P::Match(vec![OxmId::Header(OxmField::InPort.header(true))]);
            change(f, |p| matches!(p, P::Match(_)), list);
        }),
        ("a field that cannot be set", Code::BadArgument, &|f| {
            let list = P::ApplySetfield(vec![OxmId::Header(OxmField::InPort.header(false))]);
            change(f, |p| matches!(p, P::ApplySetfield(_)), list);
        }),
        ("a next table before it", Code::BadArgument, &|f| {
            let list = P::NextTables(vec![TableId(0)]);
            change(f, |p| matches!(p, P::NextTables(_)), list);
        }),
        ("a configuration that 1.3 has not", Code::BadArgument, &|f| f.config = 4),
    ];
    for (name, code, edit) in cases {
        println!("{name}");
        refused(&mut tables, &with(edit), code);
    }
    let mut small = crate::tables(uneven());
    for edit in
        [(|f| f.metadata_match = 0x100) as fn(&mut TableFeatures), |f| f.metadata_match = u64::MAX]
    {
        let mut wanted = features(&small, 0);
        edit(&mut wanted);
        refused(&mut small, &[wanted], Code::BadMetadata);
    }
    let mut wanted = features(&small, 1);
    wanted.metadata_write = 1;
    refused(&mut small, &[wanted], Code::BadMetadata);
}

#[test]
fn nothing_beyond_the_largest_shape_can_be_had() {
    let mut tables = tables(uneven());
    let largest = |id| features(&tables, id);
    let everything = features(&full(), 1);
    let mut wanted = largest(1);
    change(
        &mut wanted,
        |p| matches!(p, P::ApplyActions(_)),
        P::ApplyActions(
            ActionType::ALL.iter().map(|action| ActionId::Standard(*action as u16)).collect(),
        ),
    );
    let mut free = largest(0);
    let matches = everything.properties.iter().find(|p| matches!(p, P::Match(_))).unwrap();
    let P::Match(ids) = matches else { panic!() };
    change(&mut free, |p| matches!(p, P::Wildcards(_)), P::Wildcards(ids.clone()));
    refused(&mut tables, &[wanted], Code::BadArgument);
    refused(&mut tables, &[free], Code::BadArgument);
}

#[test]
fn a_fixed_pipeline_says_eperm() {
    let mut tables = tables(Personality::full().without(Features::TABLE_FEATURES_WRITE));
    let wanted = features(&tables, 0);
    refused(&mut tables, &[wanted], Code::Eperm);
}

/// What Faucet's requests look like: lists left empty where something is needed.
#[test]
fn empty_lists_ask_for_nothing_in_particular() {
    let mut tables = full();
    let request = |instructions: &[u16], actions: &[u16]| TableFeatures {
        table_id: TableId(0),
        name: "port_acl".into(),
        metadata_match: 0,
        metadata_write: 0,
        config: 3,
        max_entries: 1_000_000,
        properties: vec![
            P::ApplyActions(actions.iter().map(|n| ActionId::Standard(*n)).collect()),
            P::Instructions(instructions.iter().map(|n| InstructionId::Standard(*n)).collect()),
            P::InstructionsMiss(vec![]),
            P::NextTables(vec![]),
            P::NextTablesMiss(vec![]),
            P::WriteActions(vec![]),
            P::WriteActionsMiss(vec![]),
            P::ApplyActionsMiss(vec![]),
            P::Match(vec![]),
            P::Wildcards(vec![]),
            P::WriteSetfield(vec![]),
            P::WriteSetfieldMiss(vec![]),
            P::ApplySetfield(vec![]),
            P::ApplySetfieldMiss(vec![]),
        ],
    };
    let last = features(&tables, 7);
    tables.set_table_features(NOW, &[request(&[1, 4], &[0, 25]), last.clone()]).unwrap();
    let reply = features(&tables, 0);
    let [announced, miss] = Announced::read(&reply);
    assert_eq!((&reply.name[..], reply.config), ("port_acl", 0));
    assert_eq!(announced.fields.len(), 39, "all but METADATA, of which no bit was asked for");
    assert_eq!(announced.wildcards.len(), 39);
    assert_eq!(
        (&announced.instructions[..], &announced.next[..]),
        (&[1, 4][..], &[TableId(7)][..])
    );
    assert_eq!(announced.apply_actions, [0, 25]);
    assert_eq!(announced.apply_fields.len(), 36, "all that can be set");
    assert!(announced.write_actions.is_empty() && announced.write_fields.is_empty());
    assert_eq!(miss.instructions, [1, 4], "the table-miss flow entry equals the others");
    let table_miss = FlowMod {
        priority: 0,
        instructions: vec![Instruction::GotoTable(TableId(7))],
        ..FlowMod::default()
    };
    assert_eq!(tables.flow_mod(NOW, &table_miss), Ok(()));

    tables.set_table_features(NOW, &[request(&[4], &[]), last.clone()]).unwrap();
    let [announced, _] = Announced::read(&features(&tables, 0));
    assert_eq!(announced.apply_actions.len(), 16, "Apply-Actions without actions: all of them");
    assert!(announced.next.is_empty(), "no Goto-Table, so no next tables");

    let mut miss_only = request(&[1, 4], &[0]);
    change(
        &mut miss_only,
        |p| matches!(p, P::InstructionsMiss(_)),
        P::InstructionsMiss(vec![InstructionId::Standard(1)]),
    );
    tables.set_table_features(NOW, &[miss_only, last.clone()]).unwrap();
    let [_, miss] = Announced::read(&features(&tables, 0));
    assert_eq!((&miss.instructions[..], &miss.next[..]), (&[1][..], &[TableId(7)][..]));
    assert!(miss.apply_actions.is_empty(), "what says something is taken at its word");

    let mut metadata = request(&[4], &[0]);
    metadata.metadata_write = 0xfff;
    tables.set_table_features(NOW, &[metadata, last]).unwrap();
    let [announced, _] = Announced::read(&features(&tables, 0));
    assert_eq!(announced.instructions, [2, 4], "metadata bits were chosen");
}

#[test]
fn the_length_in_an_oxm_header_counts_nothing() {
    let mut tables = full();
    let mut wanted = features(&tables, 0);
    let bare = |field: OxmField| OxmId::Header(field.header(false) & !0xff);
    let ids = vec![bare(OxmField::InPort), bare(OxmField::EthDst)];
    change(&mut wanted, |p| matches!(p, P::Match(_)), P::Match(ids.clone()));
    change(&mut wanted, |p| matches!(p, P::Wildcards(_)), P::Wildcards(ids));
    tables.set_table_features(NOW, &[wanted]).unwrap();
    let [announced, _] = Announced::read(&features(&tables, 0));
    assert_eq!(announced.fields, [(OxmField::InPort, false), (OxmField::EthDst, false)]);
}

/// What packets see of it: entries of tables that stay go on, the others are gone.
#[test]
fn packets_go_by_the_tables_that_there_are() {
    use hypercall::fake::Recorder;
    use hypercall::{Meta, VecFrame};
    use rumpswitch_datapath::{Batch, DropReason, Ingress, Switch};
    let personality = Personality::full().with_table_count(4);
    let mut switch = Switch::new(SwitchConfig {
        personality: Some(personality.into()),
        ..SwitchConfig::default()
    });
    for number in [1, 2] {
        switch.tables.port_add(NOW, PortConfig::new(Port(number), "port")).unwrap();
    }
    let entry = |id, instructions| FlowMod {
        table_id: TableId(id),
        priority: 0,
        instructions,
        ..FlowMod::default()
    };
    let goto = |to| vec![Instruction::GotoTable(TableId(to))];
    let output = || vec![Instruction::ApplyActions(vec![Action::output(PortNo(2))])];
    let send = |switch: &mut Switch| {
        let (mut host, mut batch) = (Recorder::default(), Batch::new());
        let frame = VecFrame::from_bytes(&[2; 60]);
        batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
        switch.process(&mut host, NOW, &mut batch);
        host.take().len()
    };
    let all: Vec<_> = (0..4).map(|id| features(&switch.tables, id)).collect();
    for (id, instructions) in [(0, goto(2)), (2, goto(3)), (3, output())] {
        switch.tables.flow_mod(NOW, &entry(id, instructions)).unwrap();
    }
    assert_eq!(send(&mut switch), 1);
    // Without table 1, table 0 has fewer next tables: it changes, and its entry goes.
    let without_1 = [all[0].clone(), all[2].clone(), all[3].clone()];
    switch.tables.set_table_features(NOW, &without_1).unwrap();
    assert_eq!((send(&mut switch), switch.tables.entry_count()), (0, 2));
    switch.tables.flow_mod(NOW, &entry(0, goto(2))).unwrap();
    assert_eq!(send(&mut switch), 1, "tables 2 and 3 are as they were");
    // Without table 0 every packet misses.
    switch.tables.set_table_features(NOW, &all[2..]).unwrap();
    let before = switch.tables.drop_count(DropReason::TableMiss);
    assert_eq!((send(&mut switch), switch.tables.entry_count()), (0, 2));
    assert_eq!(switch.tables.drop_count(DropReason::TableMiss), before + 1);
    switch.tables.set_table_features(NOW, &all).unwrap();
    assert_eq!((send(&mut switch), switch.tables.entry_count()), (0, 2));
    switch.tables.flow_mod(NOW, &entry(0, goto(2))).unwrap();
    assert_eq!(send(&mut switch), 1);
}
