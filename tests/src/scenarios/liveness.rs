//! Which buckets are live: watched ports, watched groups, and what ports do meanwhile (§6.5.1).

use super::prelude::*;
use ofp_codec::{GroupId, GroupModCommand, GroupType, PortConfig as ConfigFlags};

cases! { "liveness":
    a_bucket_lives_and_dies_with_the_port_that_it_watches: LINKS | MEMBERS,
    failover_without_a_live_bucket_drops,
    liveness_follows_watched_groups: LINKS,
    a_ring_of_watches_is_not_live,
}

fn watching_group(id: u32, port: u32) -> Bucket {
    Bucket { watch_group: GroupId(id), ..bucket([output(port)]) }
}

/// A bucket is live while its port is there, is not administratively down and has a link; the next
/// packet sees every change.
fn a_bucket_lives_and_dies_with_the_port_that_it_watches(world: &World<'_>) {
    let mut bed = world.bed();
    bed.group(add(GroupType::FastFailover, 1, vec![watching(2), watching(3)]));
    bed.via(1);
    let frame = udp(1, 2, 53);
    assert_eq!(bed.ports(1, &frame), [2]);
    bed.link(2, false);
    assert_eq!(bed.ports(1, &frame), [3]);
    bed.link(2, true);
    assert_eq!(bed.ports(1, &frame), [2]);
    bed.configure(2, ConfigFlags::PORT_DOWN);
    assert_eq!(bed.ports(1, &frame), [3]);
    bed.configure(2, ConfigFlags::empty());
    assert_eq!(bed.ports(1, &frame), [2]);
    assert!(bed.port_remove(2));
    assert_eq!(bed.ports(1, &frame), [3]);
    bed.port_back(2);
    assert_eq!(bed.ports(1, &frame), [2]);
}

/// None live: dropped, counted by the group and by no bucket. A port that is not there is not live.
fn failover_without_a_live_bucket_drops(world: &World<'_>) {
    let mut bed = world.bed();
    bed.group(add(GroupType::FastFailover, 1, vec![watching(77), watching_group(99, 2)]));
    bed.group(add(GroupType::FastFailover, 2, vec![]));
    for (id, reason) in [(1, DropReason::GroupNotLive), (2, DropReason::GroupEmpty)] {
        bed.via(id);
        assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
        bed.assert_drops(&[(reason, 1)]);
        let stats = bed.group_stats(GroupId(id)).remove(0);
        assert_eq!(stats.packet_count, 1);
        assert!(stats.buckets.iter().all(|bucket| bucket.packet_count == 0));
    }
}

/// A group is live while one of its buckets is, a bucket that watches both a port and a group while one
/// of them is, and so on through the groups that they watch; ALL and INDIRECT are live by having a
/// bucket.
fn liveness_follows_watched_groups(world: &World<'_>) {
    let mut bed = world.bed();
    bed.group(add(GroupType::FastFailover, 10, vec![watching(3), watching(4)]));
    bed.group(add(GroupType::FastFailover, 11, vec![watching_group(10, 4)]));
    bed.group(add(GroupType::Indirect, 12, vec![bucket([])]));
    bed.group(add(GroupType::All, 13, vec![]));
    let both = Bucket { watch_port: PortNo(2), ..watching_group(11, 3) };
    for group_type in [GroupType::FastFailover, GroupType::Select] {
        let weigh = |bucket| match group_type {
            GroupType::Select => Bucket { weight: 1, ..bucket },
            _ => bucket,
        };
        bed.group(add(group_type, 1, vec![weigh(both.clone())]));
        bed.via(1);
        let frame = udp(1, 2, 53);
        for (links, lives) in [
            ([true, true, true], true),
            ([false, true, true], true),
            ([false, false, true], true),
            ([true, false, false], true),
            ([false, false, false], false),
            ([true, true, true], true),
        ] {
            (2..).zip(links).for_each(|(port, is_up)| bed.link(port, is_up));
            // Port 3 is where the bucket sends.
            let expected: &[u32] = if lives && links[1] { &[3] } else { &[] };
            assert_eq!(bed.ports(1, &frame), expected, "{group_type:?} {links:?}");
            let stats = bed.group_stats(GroupId(1)).remove(0);
            let before = stats.buckets[0].packet_count;
            bed.ports(1, &frame);
            let stats = bed.group_stats(GroupId(1)).remove(0);
            assert_eq!(stats.buckets[0].packet_count - before, u64::from(lives));
        }
        bed.group(group(GroupModCommand::Delete, GroupType::All, 1, vec![]));
    }
    for (watched, ports) in [(12, &[2][..]), (13, &[])] {
        bed.group(add(GroupType::FastFailover, 1, vec![watching_group(watched, 2)]));
        bed.via(1);
        assert_eq!(bed.ports(1, &udp(1, 2, 53)), ports);
        bed.group(group(GroupModCommand::Delete, GroupType::All, 1, vec![]));
    }
}

/// Groups that watch each other in a ring are live by nothing, and asking ends.
fn a_ring_of_watches_is_not_live(world: &World<'_>) {
    let mut bed = world.bed();
    let ring = |id: u32, next: u32| {
        add(GroupType::FastFailover, id, vec![watching_group(next, 2), watching_group(next, 2)])
    };
    (0..50).for_each(|id| bed.group(ring(id, (id + 1) % 50)));
    bed.via(0);
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), []);
    bed.assert_drops(&[(DropReason::GroupNotLive, 1)]);
    bed.group(group(GroupModCommand::Modify, GroupType::FastFailover, 1, vec![watching(3)]));
    assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2], "the next in the ring is live");
}
