//! The action set: executed in the standard's order, whatever the order it was written in (§5.10).

use ofp_codec::{Action, FlowMod, GroupId, Instruction, Oxm, OxmField, TableId};

use crate::bench::{Bench, entry, matching, output};
use crate::frames::carriers;
use crate::stack::Layer::*;
use crate::stack::Stack;

/// Every order of `rest`, behind `front`.
fn orders(front: &mut Vec<Action>, rest: &[Action], visit: &mut impl FnMut(&[Action])) {
    if rest.is_empty() {
        return visit(front);
    }
    for at in 0..rest.len() {
        let mut others = rest.to_vec();
        front.push(others.remove(at));
        orders(front, &others, visit);
        front.pop();
    }
}

fn tagged_label() -> (Vec<u8>, Vec<u8>) {
    let from = carriers().into_iter().find(|carrier| carrier.name == "tag/label/ipv4/udp").unwrap();
    // Copy inwards: IP gets 9. Pop: the tag goes. Push: a copy of the label, then a tag of no priority,
    // since none is left to copy. Copy outwards: 9. Decrement: 8. Set: the label.
    let layers = from.stack.0.clone();
    let [ethernet, _, label, ip, rest @ ..] = layers.as_slice() else { panic!() };
    let (mut ip, mut pushed) = (ip.clone(), label.clone());
    let Ipv4 { ttl, .. } = &mut ip else { panic!() };
    *ttl = 9;
    let Mpls { label: number, ttl, .. } = &mut pushed else { panic!() };
    (*number, *ttl) = (77, 8);
    let tag = Vlan { kind: 0x88a8, pcp: 0, vid: 0 };
    let front = [ethernet.clone(), tag, pushed, label.clone(), ip];
    (from.stack.bytes(), Stack([&front[..], rest].concat()).bytes())
}

fn actions() -> Vec<Action> {
    vec![
        Action::DecMplsTtl,
        Action::CopyTtlOut,
        Action::PushVlan(0x88a8),
        Action::PushMpls(0x8847),
        Action::PopVlan,
        Action::CopyTtlIn,
    ]
}

#[test]
fn an_action_set_runs_in_the_standards_order_whatever_order_it_was_written_in() {
    let (frame, expected) = tagged_label();
    let set = Action::SetField(Oxm::new(OxmField::MplsLabel, 77));
    let mut bench = Bench::new();
    let mut count = 0;
    orders(&mut vec![output(2)], &actions(), &mut |written| {
        let written = [&[set.clone()][..], written].concat();
        bench.clear();
        let fields = matching([Oxm::new(OxmField::EthType, 0x8847)]);
        bench.add(&entry(fields, vec![Instruction::WriteActions(written.clone())])).unwrap();
        assert_eq!(bench.send(&frame), [(2, expected.clone())], "{written:?}");
        count += 1;
    });
    assert_eq!(count, 720);
}

/// A bucket is an action set, too.
#[test]
fn a_bucket_runs_in_the_same_order() {
    let (frame, expected) = tagged_label();
    let mut bench = Bench::new();
    let mut written =
        [actions(), vec![Action::SetField(Oxm::new(OxmField::MplsLabel, 77))]].concat();
    for turn in 0..written.len() {
        written.rotate_left(1);
        bench.clear();
        bench.group([vec![output(2)], written.clone()].concat()).unwrap();
        let group = Instruction::ApplyActions(vec![Action::Group(GroupId(1))]);
        bench.add(&entry(matching([]), vec![group])).unwrap();
        assert_eq!(bench.send(&frame), [(2, expected.clone())], "turn {turn}");
    }
}

/// Of each type the set holds the action written last, of set-field one a field; clearing empties it;
/// with a group in it an output is not done.
#[test]
fn later_writes_replace_earlier_ones_of_their_type_across_tables() {
    let mut bench = Bench::new();
    let carrier = carriers().into_iter().find(|carrier| carrier.name == "tag/ipv4/tcp").unwrap();
    let frame = carrier.stack.bytes();
    let set = |field, value| Action::SetField(Oxm::new(field, value));
    let tcp = || {
        let fields = [(OxmField::EthType, 0x0800), (OxmField::IpProto, 6)];
        matching(fields.map(|(field, value)| Oxm::new(field, value)))
    };
    let table =
        |table, instructions| FlowMod { table_id: TableId(table), ..entry(tcp(), instructions) };
    let goto = |table| Instruction::GotoTable(TableId(table));
    let first =
        vec![set(OxmField::TcpDst, 1), set(OxmField::TcpSrc, 5), Action::SetNwTtl(7), output(2)];
    let second = vec![set(OxmField::TcpDst, 2), Action::SetNwTtl(8), output(3)];
    bench.add(&table(0, vec![Instruction::WriteActions(first), goto(1)])).unwrap();
    bench.add(&table(1, vec![Instruction::WriteActions(second), goto(2)])).unwrap();
    let mut expected = carrier.stack.with(OxmField::TcpDst, 2).with(OxmField::TcpSrc, 5);
    let Some(Ipv4 { ttl, .. }) = expected.0.get_mut(2) else { panic!() };
    *ttl = 8;
    bench.add(&table(2, vec![])).unwrap();
    assert_eq!(bench.send(&frame), [(3, expected.bytes())]);
    // A group takes the place of the output.
    bench.group(vec![output(2)]).unwrap();
    let group = Action::Group(GroupId(1));
    bench.add(&table(2, vec![Instruction::WriteActions(vec![group.clone()])])).unwrap();
    assert_eq!(bench.send(&frame), [(2, expected.bytes())]);
    // Cleared, and written anew by the same entry: clear comes first.
    let anew = vec![Instruction::WriteActions(vec![output(2)]), Instruction::ClearActions];
    bench.add(&table(2, anew)).unwrap();
    assert_eq!(bench.send(&frame), [(2, frame.clone())]);
    bench.add(&table(2, vec![Instruction::ClearActions])).unwrap();
    assert_eq!(bench.send(&frame), []);
}
