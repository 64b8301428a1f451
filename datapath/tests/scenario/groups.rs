//! Groups of all types, chained, watched, counted, deleted.

use crate::*;
use ofp_codec::{
    BadActionCode, Bucket, FlowModFlags, FlowRemovedReason, GroupId, GroupMod, GroupModCommand,
    GroupModFailedCode, GroupType, PortState,
};
use rumpswitch_datapath::News;

fn group(
    command: GroupModCommand,
    group_type: GroupType,
    id: u32,
    buckets: Vec<Bucket>,
) -> GroupMod {
    GroupMod { command, group_type, group_id: GroupId(id), buckets }
}

fn add(group_type: GroupType, id: u32, buckets: Vec<Bucket>) -> GroupMod {
    group(GroupModCommand::Add, group_type, id, buckets)
}

fn bucket(actions: impl Into<Vec<Action>>) -> Bucket {
    Bucket::new(actions.into())
}

fn watching(port: u32) -> Bucket {
    Bucket { watch_port: PortNo(port), ..bucket([output(port)]) }
}

impl Bed {
    fn group(&mut self, given: GroupMod) {
        self.switch.tables.group_mod(self.now, &given).unwrap();
    }

    fn link(&mut self, port: u32, is_up: bool) {
        let state = if is_up { PortState::empty() } else { PortState::LINK_DOWN };
        let port = PortConfig { state, ..PortConfig::new(Port(port), "p") };
        self.switch.tables.port_change(port).unwrap();
        while self.switch.tables.next_news().is_some() {}
    }

    fn via(&mut self, id: u32) {
        self.add(entry(1, &[], apply([Action::Group(GroupId(id))])));
    }
}

#[test]
fn all_gives_every_bucket_its_own_copy() {
    let mut bed = Bed::new();
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
    bed.now = bed.now.plus(SECOND + 5);
    let stats = &bed.switch.tables.group_stats(GroupId(1), bed.now)[0];
    assert_eq!((stats.ref_count, stats.packet_count, stats.byte_count), (1, 1, 60));
    assert_eq!((stats.duration_sec, stats.duration_nsec), (1, 5));
    assert_eq!(stats.buckets.iter().map(|b| b.packet_count).collect::<Vec<_>>(), [1; 5]);
}

#[test]
fn a_bucket_is_an_action_set() {
    let mut bed = Bed::new();
    let actions = [output(2), set(OxmField::VlanVid, 0x1005), Action::PushVlan(0x8100)];
    bed.group(add(GroupType::Indirect, 1, vec![bucket(actions)]));
    bed.add(entry(1, &[], write([Action::Group(GroupId(1)), output(3)])));
    assert_eq!(bed.send(1, &udp(1, 2, 53)), [(2, tagged(5, &udp(1, 2, 53)))], "group hides output");
}

#[test]
fn select_follows_weights_and_leaves_live_flows_where_they_are() {
    let mut bed = Bed::new();
    let weighted = |port, weight| Bucket { weight, ..watching(port) };
    bed.group(add(GroupType::Select, 1, vec![weighted(2, 1), weighted(3, 2), weighted(4, 1)]));
    bed.via(1);
    let choose = |bed: &mut Bed| -> Vec<u32> {
        (0..1_000).flat_map(|port| bed.ports(1, &udp(1, 2, port))).collect()
    };
    let before = choose(&mut bed);
    assert_eq!(before, choose(&mut bed), "a flow keeps its bucket");
    let share = |ports: &[u32], port| ports.iter().filter(|p| **p == port).count();
    assert!((430..570).contains(&share(&before, 3)), "{}", share(&before, 3));
    assert!((190..310).contains(&share(&before, 2)), "{}", share(&before, 2));
    bed.link(3, false);
    let after = choose(&mut bed);
    assert_eq!(share(&after, 3), 0);
    let moved = before.iter().zip(&after).filter(|(b, a)| **b != 3 && b != a).count();
    assert_eq!(moved, 0);
    assert!(share(&after, 2) > share(&before, 2) + 150);
    for port in [2, 4] {
        bed.link(port, false);
    }
    assert_eq!(choose(&mut bed), []);
    bed.assert_drops(&[(DropReason::GroupNotLive, 1_000)]);
}

/// What a congested router marks, a meter remarks or a sender cuts to pieces is the same flow.
#[test]
fn select_keeps_a_flow_whose_marks_change_and_its_fragments_together() {
    let mut bed = Bed::new();
    let weighted = |port| Bucket { weight: 1, ..watching(port) };
    bed.group(add(GroupType::Select, 1, vec![weighted(2), weighted(3), weighted(4)]));
    bed.via(1);
    for n in 0..100 {
        let plain = udp(1, 2, n);
        let bucket = bed.ports(1, &plain);
        for tos in [1, 2, 3, 10 << 2, 14 << 2 | 3] {
            let mut marked = plain.clone();
            marked[15] = tos;
            assert_eq!(bed.ports(1, &marked), bucket, "flow {n}, type of service {tos}");
        }
    }
    for n in 0..100 {
        let mut first = udp(1, n, 53);
        first[20] = 0x20;
        let bucket = bed.ports(1, &first);
        for (offset, payload) in [(0x2004_u16, 7), (0x0008, 9)] {
            let mut later = udp(1, n, 53);
            later[20..22].copy_from_slice(&offset.to_be_bytes());
            later[34..].fill(payload);
            assert_eq!(bed.ports(1, &later), bucket, "datagram {n}, fragment {offset:#x}");
        }
    }
}

#[test]
fn fast_failover_takes_the_first_live_bucket() {
    let mut bed = Bed::new();
    bed.group(add(GroupType::FastFailover, 9, vec![watching(4)]));
    let watches_group = Bucket { watch_group: GroupId(9), ..bucket([Action::Group(GroupId(9))]) };
    bed.group(add(GroupType::FastFailover, 1, vec![watching(2), watching(3), watches_group]));
    bed.via(1);
    let frame = udp(1, 2, 53);
    assert_eq!(bed.ports(1, &frame), [2]);
    bed.link(2, false);
    assert_eq!(bed.ports(1, &frame), [3]);
    bed.switch.tables.port_remove(Port(3)).unwrap();
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

#[test]
fn deleting_a_group_deletes_the_entries_that_use_it() {
    let mut bed = Bed::new();
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
    let Some(News::FlowRemoved(message)) = bed.switch.tables.next_news() else { panic!() };
    assert_eq!((message.cookie, message.reason), (1, FlowRemovedReason::GroupDelete));
    assert_eq!(bed.all_flows().len(), 1);
    bed.group(group(GroupModCommand::Delete, GroupType::All, GroupId::ALL.0, vec![]));
    assert_eq!(bed.all_flows().len(), 0);
    assert_eq!(bed.switch.tables.group_descs(), []);
}

#[test]
fn loops_chains_and_nonsense_are_refused() {
    let mut bed = Bed::new();
    let chain = |id: u32| vec![bucket([Action::Group(GroupId(id))])];
    bed.group(add(GroupType::Indirect, 1, vec![bucket([output(2)])]));
    bed.group(add(GroupType::Indirect, 2, chain(1)));
    bed.group(add(GroupType::Indirect, 3, chain(2)));
    bed.via(3);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    let before = bed.switch.tables.group_descs();
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
        (all(4, chain(4)), OfpError::BadAction(BadActionCode::BadOutGroup)),
        (all(4, vec![bucket([output(0)])]), OfpError::BadAction(BadActionCode::BadOutPort)),
    ];
    for ((given, command), error) in cases {
        let given = GroupMod { command, ..given };
        assert_eq!(bed.switch.tables.group_mod(bed.now, &given), Err(error), "{given:?}");
        assert_eq!(bed.switch.tables.group_descs(), before);
    }
    let stats = bed.switch.tables.group_stats(GroupId::ALL, bed.now);
    assert_eq!(stats.iter().map(|s| s.ref_count).collect::<Vec<_>>(), [1, 1, 1]);
    bed.group(group(GroupModCommand::Delete, GroupType::All, 3, vec![]));
    bed.group(group(GroupModCommand::Delete, GroupType::All, 2, vec![]));
    bed.group(group(GroupModCommand::Delete, GroupType::All, 1, vec![]));
    assert_eq!(bed.switch.tables.group_stats(GroupId::ALL, bed.now), []);
}

#[test]
fn limits_are_kept_and_given_back() {
    let config = SwitchConfig { max_groups: 2, max_buckets: 3, ..SwitchConfig::default() };
    let mut bed = Bed::with(config);
    let two = || vec![bucket([output(2)]), bucket([output(3)])];
    bed.group(add(GroupType::All, 1, two()));
    let failed = |code| Err(OfpError::GroupModFailed(code));
    let refused = bed.switch.tables.group_mod(bed.now, &add(GroupType::All, 2, two()));
    assert_eq!(refused, failed(GroupModFailedCode::OutOfBuckets));
    bed.group(add(GroupType::All, 2, vec![bucket([output(2)])]));
    let refused = bed.switch.tables.group_mod(bed.now, &add(GroupType::All, 3, vec![]));
    assert_eq!(refused, failed(GroupModFailedCode::OutOfGroups));
    bed.group(group(GroupModCommand::Modify, GroupType::All, 1, vec![]));
    bed.group(group(GroupModCommand::Modify, GroupType::All, 2, two()));
}

/// What a group counted has to fit a message: 40 bytes and 16 for each bucket (§7.3.5.9).
#[test]
fn a_group_has_as_many_buckets_as_its_statistics_can_tell() {
    let mut bed = Bed::new();
    bed.group(add(GroupType::All, 1, vec![bucket([]); 4_092]));
    let refused =
        bed.switch.tables.group_mod(bed.now, &add(GroupType::All, 2, vec![bucket([]); 4_093]));
    assert_eq!(refused, Err(OfpError::GroupModFailed(GroupModFailedCode::OutOfBuckets)));
    let stats = bed.switch.tables.group_stats(GroupId::ALL, bed.now);
    let body = ofp_codec::MultipartReplyBody::Group(stats);
    let flags = ofp_codec::MultipartFlags::empty();
    let reply = ofp_codec::Message::MultipartReply(ofp_codec::MultipartReply { flags, body });
    let mut bytes = Vec::new();
    reply.encode(1, &mut bytes).unwrap();
    assert_eq!(bytes.len(), 16 + 40 + 16 * 4_092);
}

#[test]
fn chains_deeper_than_the_switch_follows_are_cut() {
    let mut bed = Bed::new();
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

#[test]
fn copies_are_bounded() {
    let mut bed = Bed::new();
    let fan = |id: u32| vec![bucket([Action::Group(GroupId(id))]); 10];
    bed.group(add(GroupType::All, 0, vec![bucket([set(OxmField::EthDst, 1), output(2)]); 10]));
    for id in 1..12 {
        bed.group(add(GroupType::All, id, fan(id - 1)));
    }
    // 10^12 copies were they all made.
    bed.via(11);
    let sent = bed.ports(1, &udp(1, 2, 53)).len();
    assert!((1_000..=4_096).contains(&sent), "{sent}");
    assert!(bed.switch.tables.drop_count(DropReason::CopyLimit) > 0);
}
