//! Groups of all types, chained, watched, counted, deleted.

use super::prelude::*;
use ofp_codec::{
    BadActionCode, FlowModFlags, FlowRemovedReason, GroupId, GroupMod, GroupModCommand,
    GroupModFailedCode, GroupType, MaxLen,
};

cases! { "groups":
    all_gives_every_bucket_its_own_copy: TIME | ORDER,
    a_bucket_is_an_action_set,
    fast_failover_takes_the_first_live_bucket: LINKS | MEMBERS,
    deleting_a_group_deletes_the_entries_that_use_it,
    loops_chains_and_nonsense_are_refused,
    a_group_has_as_many_buckets_as_its_statistics_can_tell,
    chains_deeper_than_the_switch_follows_are_cut,
    every_group_of_a_chain_works_on_a_copy_of_its_own: ORDER,
    copies_are_bounded,
    all_sends_nothing_back_unless_it_says_in_port,
    a_description_is_what_was_sent,
    references_are_entries_and_groups,
    modify_keeps_the_group_and_its_entries: TIME | ORDER,
    deleting_all_groups_minds_no_chains,
    buckets_check_no_prerequisites,
}

fn all_gives_every_bucket_its_own_copy(world: &World<'_>) {
    let mut bed = world.bed();
    bed.looks_at_order();
    let buckets = vec![
        bucket([output(2)]),
        bucket([output(3), set(OxmField::EthDst, 7)]),
        bucket([output(4)]),
        bucket([output(1)]),
        bucket([]),
    ];
    bed.group(add(GroupType::All, 1, buckets));
    bed.add(entry(1, &[], apply([Action::Group(GroupId(1)), set(OxmField::EthDst, 8), output(2)])));
    let sent = bed.send(1, &udp(1, 2, 53));
    let dst: Vec<(u32, u8)> = sent.iter().map(|(port, frame)| (*port, frame[5])).collect();
    assert_eq!(dst, [(2, 2), (3, 7), (4, 2), (2, 8)]);
    bed.assert_drops(&[(DropReason::NoOutput, 1), (DropReason::EgressIsIngress, 1)]);
    bed.pass(SECOND + 5);
    let stats = &bed.group_stats(GroupId(1))[0];
    assert_eq!((stats.ref_count, stats.packet_count, stats.byte_count), (1, 1, 60));
    assert_eq!((stats.duration_sec, stats.duration_nsec), (1, 5));
    assert_eq!(stats.buckets.iter().map(|b| b.packet_count).collect::<Vec<_>>(), [1; 5]);
}

fn a_bucket_is_an_action_set(world: &World<'_>) {
    let mut bed = world.bed();
    let actions = [output(2), set(OxmField::VlanVid, 0x1005), Action::PushVlan(0x8100)];
    bed.group(add(GroupType::Indirect, 1, vec![bucket(actions)]));
    bed.add(entry(1, &[], write([Action::Group(GroupId(1)), output(3)])));
    assert_eq!(bed.send(1, &udp(1, 2, 53)), [(2, tagged(5, &udp(1, 2, 53)))], "group hides output");
}

fn fast_failover_takes_the_first_live_bucket(world: &World<'_>) {
    let mut bed = world.bed();
    bed.group(add(GroupType::FastFailover, 9, vec![watching(4)]));
    let watches_group = Bucket { watch_group: GroupId(9), ..bucket([Action::Group(GroupId(9))]) };
    bed.group(add(GroupType::FastFailover, 1, vec![watching(2), watching(3), watches_group]));
    bed.via(1);
    let frame = udp(1, 2, 53);
    assert_eq!(bed.ports(1, &frame), [2]);
    bed.link(2, false);
    assert_eq!(bed.ports(1, &frame), [3]);
    assert!(bed.port_remove(3));
    assert_eq!(bed.ports(1, &frame), [4]);
    bed.link(4, false);
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::GroupNotLive, 1)]);
    bed.link(2, true);
    assert_eq!(bed.ports(1, &frame), [2]);
    bed.group(group(GroupModCommand::Modify, GroupType::All, 1, vec![]));
    assert_eq!(bed.ports(1, &frame), []);
    bed.assert_drops(&[(DropReason::GroupEmpty, 1)]);
}

fn deleting_a_group_deletes_the_entries_that_use_it(world: &World<'_>) {
    let mut bed = world.bed();
    for id in [1, 2] {
        bed.group(add(GroupType::All, id, vec![bucket([output(2)])]));
        let actions = [Action::Group(GroupId(id))];
        let fields = [(OxmField::InPort, u128::from(id))];
        let list = if id == 1 { apply(actions) } else { write(actions) };
        let flags = FlowModFlags::SEND_FLOW_REM;
        bed.add(FlowMod { flags, cookie: id.into(), ..entry(1, &fields, list) });
    }
    bed.group(group(GroupModCommand::Delete, GroupType::All, 7, vec![]));
    bed.group(group(GroupModCommand::Delete, GroupType::All, 1, vec![]));
    let message = bed.flow_removed().expect("it is told");
    assert_eq!((message.cookie, message.reason), (1, FlowRemovedReason::GroupDelete));
    assert_eq!(bed.flows().len(), 1);
    bed.group(group(GroupModCommand::Delete, GroupType::All, GroupId::ALL.0, vec![]));
    assert_eq!(bed.flows().len(), 0);
    assert_eq!(bed.group_descs(), []);
}

fn loops_chains_and_nonsense_are_refused(world: &World<'_>) {
    let mut bed = world.bed();
    let chain = |id: u32| vec![bucket([Action::Group(GroupId(id))])];
    bed.group(add(GroupType::Indirect, 1, vec![bucket([output(2)])]));
    bed.group(add(GroupType::Indirect, 2, chain(1)));
    bed.group(add(GroupType::Indirect, 3, chain(2)));
    bed.via(3);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    let before = bed.group_descs();
    let failed = |code| OfpError::GroupModFailed(code);
    let add_error = |given: GroupMod| (given, GroupModCommand::Add);
    let all = |id, buckets| add_error(add(GroupType::All, id, buckets));
    let modify = |buckets| (add(GroupType::Indirect, 1, buckets), GroupModCommand::Modify);
    let weighted = Bucket { weight: 1, ..bucket([]) };
    let unwatched = add_error(add(GroupType::FastFailover, 4, vec![bucket([output(2)])]));
    let no_weight = add_error(add(GroupType::Select, 4, vec![bucket([output(2)])]));
    let bad_watch = Bucket { watch_port: PortNo(0), ..bucket([]) };
    let bad_watch = add_error(add(GroupType::FastFailover, 4, vec![bad_watch]));
    let missing = (add(GroupType::All, 77, vec![]), GroupModCommand::Modify);
    use GroupModFailedCode as Code;
    let cases = [
        (modify(chain(1)), failed(Code::Loop)),
        (modify(chain(3)), failed(Code::Loop)),
        ((add(GroupType::All, 1, vec![]), GroupModCommand::Delete), failed(Code::ChainedGroup)),
        (
            (add(GroupType::All, 1, vec![bucket([])]), GroupModCommand::Delete),
            failed(Code::InvalidGroup),
        ),
        (all(1, vec![]), failed(Code::GroupExists)),
        (missing, failed(Code::UnknownGroup)),
        (all(0xffff_ff01, vec![]), failed(Code::InvalidGroup)),
        (all(4, vec![weighted]), failed(Code::InvalidGroup)),
        (all(4, vec![watching(2)]), failed(Code::WatchUnsupported)),
        (add_error(add(GroupType::Indirect, 4, vec![])), failed(Code::InvalidGroup)),
        (unwatched, failed(Code::InvalidGroup)),
        (no_weight, failed(Code::InvalidGroup)),
        (bad_watch, failed(Code::BadWatch)),
        (all(4, chain(77)), OfpError::BadAction(BadActionCode::BadOutGroup)),
        (all(4, chain(4)), failed(Code::Loop)),
        (all(4, vec![bucket([output(0)])]), OfpError::BadAction(BadActionCode::BadOutPort)),
    ];
    for ((given, command), error) in cases {
        let given = GroupMod { command, ..given };
        assert_eq!(bed.group_mod(given.clone()), Err(error), "{given:?}");
        assert_eq!(bed.group_descs(), before);
    }
    let stats = bed.group_stats(GroupId::ALL);
    assert_eq!(stats.iter().map(|s| s.ref_count).collect::<Vec<_>>(), [1, 1, 1]);
    bed.group(group(GroupModCommand::Delete, GroupType::All, 3, vec![]));
    bed.group(group(GroupModCommand::Delete, GroupType::All, 2, vec![]));
    bed.group(group(GroupModCommand::Delete, GroupType::All, 1, vec![]));
    assert_eq!(bed.group_stats(GroupId::ALL), []);
}

/// What a group counted has to fit a message: 40 bytes and 16 for each bucket (§7.3.5.9).
fn a_group_has_as_many_buckets_as_its_statistics_can_tell(world: &World<'_>) {
    let mut bed = world.bed();
    bed.group(add(GroupType::All, 1, vec![bucket([]); 4_092]));
    let refused = bed.group_mod(add(GroupType::All, 2, vec![bucket([]); 4_093]));
    assert_eq!(refused, Err(OfpError::GroupModFailed(GroupModFailedCode::OutOfBuckets)));
    let stats = bed.group_stats(GroupId::ALL);
    let body = ofp_codec::MultipartReplyBody::Group(stats);
    let flags = ofp_codec::MultipartFlags::empty();
    let reply = ofp_codec::Message::MultipartReply(ofp_codec::MultipartReply { flags, body });
    let mut bytes = Vec::new();
    reply.encode(1, &mut bytes).unwrap();
    assert_eq!(bytes.len(), 16 + 40 + 16 * 4_092);
}

fn chains_deeper_than_the_switch_follows_are_cut(world: &World<'_>) {
    let mut bed = world.bed();
    bed.group(add(GroupType::Indirect, 0, vec![bucket([output(2)])]));
    for id in 1..100 {
        bed.group(add(GroupType::Indirect, id, vec![bucket([Action::Group(GroupId(id - 1))])]));
    }
    bed.via(31);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    bed.via(32);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
    bed.assert_drops(&[(DropReason::GroupDepth, 1)]);
}

/// What an inner group does to its copy is not seen by the buckets that follow it, however deep it is; the
/// same when a packet-out sends the packet to the tables.
fn every_group_of_a_chain_works_on_a_copy_of_its_own(world: &World<'_>) {
    let mut bed = world.bed();
    bed.looks_at_order();
    for id in 0..32_u32 {
        let way = id.checked_sub(1).map_or(output(2), |inner| Action::Group(GroupId(inner)));
        let inner = bucket([set(OxmField::EthSrc, id.into()), way]);
        bed.group(add(GroupType::All, id, vec![inner, bucket([output(2)])]));
    }
    bed.via(31);
    let frame = udp(1, 2, 53);
    let expected: Vec<u8> = (0..32).chain([frame[11]]).collect();
    let sources = |sent: Vec<(u32, Vec<u8>)>| -> Vec<u8> {
        sent.iter().map(|(_, frame)| frame[11]).collect()
    };
    assert_eq!(sources(bed.send(1, &frame)), expected);
    bed.packet_out(&PacketOut {
        buffer_id: ofp_codec::NO_BUFFER,
        in_port: PortNo(1),
        actions: vec![Action::output(PortNo::TABLE)],
        data: frame,
    })
    .unwrap();
    assert_eq!(sources(bed.sent()), expected);
}

fn copies_are_bounded(world: &World<'_>) {
    let mut bed = world.bed();
    let fan = |id: u32| vec![bucket([Action::Group(GroupId(id))]); 10];
    bed.group(add(GroupType::All, 0, vec![bucket([set(OxmField::EthDst, 1), output(2)]); 10]));
    for id in 1..12 {
        bed.group(add(GroupType::All, id, fan(id - 1)));
    }
    // 10^12 copies were they all made.
    bed.via(11);
    let sent = bed.ports(1, &udp(1, 2, 53)).len();
    // A kernel's own queue before a port may be as short as a ring of 256.
    assert!((256..=4_096).contains(&sent), "{sent}");
}

/// A copy goes back where the packet came from only through IN_PORT.
fn all_sends_nothing_back_unless_it_says_in_port(world: &World<'_>) {
    let mut bed = world.bed();
    let in_port = Action::output(PortNo::IN_PORT);
    let buckets = vec![bucket([output(1)]), bucket([in_port]), bucket([output(2)])];
    bed.group(add(GroupType::All, 1, buckets));
    bed.via(1);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [1, 2]);
    bed.assert_drops(&[(DropReason::EgressIsIngress, 1)]);
    assert_eq!(bed.ports(2, &udp(1, 2, 53)), [1, 2]);
    bed.assert_drops(&[(DropReason::EgressIsIngress, 1)]);
}

/// A description gives back types, weights, watched ports and groups, actions and their max_len.
fn a_description_is_what_was_sent(world: &World<'_>) {
    let mut bed = world.bed();
    let controller = Action::Output { port: PortNo::CONTROLLER, max_len: MaxLen(77) };
    let to = |max_len| Action::Output { port: PortNo(2), max_len: MaxLen(max_len) };
    let given = [
        add(GroupType::All, 0, vec![bucket([controller, Action::DecNwTtl]), bucket([])]),
        add(
            GroupType::Select,
            5,
            vec![
                Bucket { weight: 65_535, watch_group: GroupId(0), ..bucket([to(0)]) },
                Bucket { weight: 0, watch_port: PortNo(77), ..bucket([to(5), to(6)]) },
            ],
        ),
        add(GroupType::Indirect, 6, vec![bucket([Action::Group(GroupId(5)), output(3)])]),
        add(
            GroupType::FastFailover,
            GroupId::MAX.0,
            vec![Bucket { watch_port: PortNo::LOCAL, watch_group: GroupId(99), ..bucket([to(0)]) }],
        ),
    ];
    given.iter().for_each(|given| bed.group(given.clone()));
    let descs = bed.group_descs();
    let told = descs.into_iter().map(|desc| add(desc.group_type, desc.group_id.0, desc.buckets));
    assert_eq!(told.collect::<Vec<_>>(), given);
}

/// Entries and groups that point to a group count once each, however often they name it.
fn references_are_entries_and_groups(world: &World<'_>) {
    let mut bed = world.bed();
    let to = |id| Action::Group(GroupId(id));
    bed.group(add(GroupType::Indirect, 1, vec![bucket([output(2)])]));
    bed.group(add(GroupType::All, 2, vec![bucket([to(1)]), bucket([to(1)])]));
    let mut instructions = apply([to(1), to(1), to(2)]);
    instructions.extend(write([to(1)]));
    bed.add(entry(1, &[], instructions.clone()));
    bed.add(entry(2, &[], instructions));
    let references = |bed: &mut Bed<'_>| -> Vec<u32> {
        let stats = bed.group_stats(GroupId::ALL);
        stats.iter().map(|stats| stats.ref_count).collect()
    };
    assert_eq!(references(&mut bed), [3, 2]);
    bed.add(entry(2, &[], apply([to(2)])));
    assert_eq!(references(&mut bed), [2, 2]);
    bed.group(group(GroupModCommand::Modify, GroupType::All, 2, vec![]));
    assert_eq!(references(&mut bed), [1, 2]);
}

/// MODIFY replaces type and buckets, whose counters begin anew; age, counters and entries stay.
fn modify_keeps_the_group_and_its_entries(world: &World<'_>) {
    let mut bed = world.bed();
    bed.looks_at_order();
    bed.group(add(GroupType::All, 1, vec![bucket([output(2)]), bucket([output(3)])]));
    bed.via(1);
    bed.pass(2 * SECOND + 7);
    let frame = udp(1, 2, 53);
    let kinds = [
        (GroupType::Indirect, vec![bucket([output(4)])], &[4][..]),
        (GroupType::FastFailover, vec![watching(3), watching(4)], &[3]),
        (GroupType::Select, vec![Bucket { weight: 3, ..watching(2) }], &[2]),
        (GroupType::All, vec![bucket([output(4)]), bucket([output(2)])], &[4, 2]),
        (GroupType::Select, vec![], &[]),
    ];
    assert_eq!(bed.ports(1, &frame), [2, 3]);
    for (count, (group_type, buckets, ports)) in (1..).zip(kinds) {
        bed.group(group(GroupModCommand::Modify, group_type, 1, buckets.clone()));
        let stats = bed.group_stats(GroupId(1)).remove(0);
        assert_eq!((stats.ref_count, stats.packet_count, stats.byte_count), (1, count, count * 60));
        assert_eq!((stats.duration_sec, stats.duration_nsec), (2, 7));
        assert_eq!(stats.buckets.len(), buckets.len());
        assert!(stats.buckets.iter().all(|bucket| bucket.packet_count == 0));
        assert_eq!(bed.ports(1, &frame), ports, "{group_type:?}");
    }
    assert_eq!(bed.flows().len(), 1);
}

/// Deleting all of them minds no chains, and takes the entries along.
fn deleting_all_groups_minds_no_chains(world: &World<'_>) {
    let mut bed = world.bed();
    bed.group(add(GroupType::Indirect, 1, vec![bucket([output(2)])]));
    for id in 2..5 {
        bed.group(add(GroupType::Indirect, id, vec![bucket([Action::Group(GroupId(id - 1))])]));
    }
    let flags = FlowModFlags::SEND_FLOW_REM;
    bed.add(FlowMod { flags, ..entry(1, &[], write([Action::Group(GroupId(3))])) });
    bed.add(entry(2, &[(OxmField::InPort, 2)], apply([output(1)])));
    bed.group(group(GroupModCommand::Delete, GroupType::Select, GroupId::ALL.0, vec![]));
    assert_eq!(bed.group_stats(GroupId::ALL), []);
    let message = bed.flow_removed().expect("it is told");
    assert_eq!(message.reason, FlowRemovedReason::GroupDelete);
    assert_eq!(bed.flows().len(), 1, "the one that uses no group");
}

/// A bucket is checked action by action, but not for what headers its packets have: it does nothing
/// to a header that is not there.
fn buckets_check_no_prerequisites(world: &World<'_>) {
    let mut bed = world.bed();
    let actions = [
        Action::PopVlan,
        Action::PopMpls(0x0800),
        Action::DecMplsTtl,
        set(OxmField::Ipv6Dst, 5),
        set(OxmField::VlanPcp, 3),
        set(OxmField::ArpOp, 2),
        output(2),
    ];
    bed.group(add(GroupType::Indirect, 1, vec![bucket(actions)]));
    bed.via(1);
    assert_eq!(bed.send(1, &udp(1, 2, 53)), [(2, udp(1, 2, 53))]);
    let bad = [
        (output(0), BadActionCode::BadOutPort),
        (Action::Group(GroupId::ANY), BadActionCode::BadOutGroup),
        (Action::SetQueue(9), BadActionCode::BadQueue),
        (Action::PushVlan(0x0800), BadActionCode::BadArgument),
        (set(OxmField::InPort, 1), BadActionCode::BadSetType),
        (set(OxmField::IpDscp, 64), BadActionCode::BadSetArgument),
        (Action::output(PortNo::TABLE), BadActionCode::BadOutPort),
        (Action::Experimenter { experimenter: 1, data: vec![] }, BadActionCode::BadExperimenter),
    ];
    let before = bed.group_descs();
    for (action, code) in bad {
        for (command, id) in [(GroupModCommand::Add, 2), (GroupModCommand::Modify, 1)] {
            let given = group(command, GroupType::Indirect, id, vec![bucket([action.clone()])]);
            let refused = bed.group_mod(given.clone());
            assert_eq!(refused, Err(OfpError::BadAction(code)), "{given:?}");
            assert_eq!(bed.group_descs(), before);
        }
    }
}
