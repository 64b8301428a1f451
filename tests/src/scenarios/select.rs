//! SELECT groups: shares, and which flows stay where they are.

use super::prelude::*;
use ofp_codec::{GroupId, GroupModCommand, GroupType, Message};

cases! { "select":
    select_spreads_1e5_flows_within_two_points_of_its_weights: BULK,
    select_spreads_what_is_not_ip_by_its_addresses: BULK,
    a_dead_bucket_moves_its_own_flows_only_and_gets_them_back: BULK | LINKS,
    modify_moves_the_flows_of_what_it_changes_only: BULK,
    a_modify_that_is_rolled_back_moves_no_flow: BULK,
    select_keeps_a_flow_whose_marks_change_and_its_fragments_together: BULK,
    select_keeps_the_fragments_of_a_flow_with_its_whole_packets: BULK,
}

fn weighted(port: u32, weight: u16) -> Bucket {
    Bucket { weight, ..watching(port) }
}

/// A bucket without a watch, told from others by the address that it writes.
fn marking(mark: u32, weight: u16) -> Bucket {
    Bucket { weight, ..bucket([set(OxmField::EthSrc, mark.into()), output(2)]) }
}

/// Where frames that differ in their UDP port go: the port and the last byte of the source address.
fn choices(bed: &mut Bed<'_>, count: u16) -> Vec<Option<(u32, u8)>> {
    let mut choices = vec![None; usize::from(count)];
    bed.stream(1, 0, (0..count).map(|port| udp(1, 2, port)), |port, frame| {
        let at = usize::from(u16::from_be_bytes([frame[36], frame[37]]));
        assert_eq!(choices[at].replace((port, frame[11])), None, "one bucket for a packet");
    });
    choices
}

/// A bed with group 1 of these buckets on everything.
fn bed_with<'w>(world: &'w World<'w>, buckets: Vec<Bucket>) -> Bed<'w> {
    let mut bed = world.bed();
    bed.group(add(GroupType::Select, 1, buckets));
    bed.via(1);
    bed
}

fn modify(bed: &mut Bed<'_>, buckets: Vec<Bucket>) {
    bed.group(group(GroupModCommand::Modify, GroupType::Select, 1, buckets));
}

/// What the buckets of group 1 counted.
fn counts(bed: &mut Bed<'_>) -> Vec<u64> {
    let stats = bed.group_stats(GroupId(1)).remove(0);
    stats.buckets.iter().map(|bucket| bucket.packet_count).collect()
}

fn select_spreads_1e5_flows_within_two_points_of_its_weights(world: &World<'_>) {
    // The last has its extremes: none, hardly any, all but all.
    for (weights, flow_count) in [(&[1, 2, 3, 4][..], 100_000), (&[65_535, 0, 1, 65_535], 20_000)] {
        let buckets = (1..).zip(weights).map(|(mark, weight)| marking(mark, *weight)).collect();
        let mut bed = bed_with(world, buckets);
        for source in [1, 3] {
            let ports = 0..(flow_count / 2) as u16;
            bed.stream(1, 0, ports.map(|port| udp(source, 2, port)), |_, _| {});
        }
        let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        for (count, weight) in counts(&mut bed).into_iter().zip(weights) {
            let share = flow_count * u64::from(*weight) / sum;
            assert!(
                count.abs_diff(share) <= flow_count / 50,
                "{count}, not {share}, of {weights:?}"
            );
            assert!(*weight != 0 || count == 0, "a weight of 0 is never taken");
        }
    }
}

/// Frames that are not IP are told apart by their Ethernet addresses, ARP by the protocol's, too.
fn select_spreads_what_is_not_ip_by_its_addresses(world: &World<'_>) {
    let other = |n: u8, at: usize| {
        let mut frame = udp(1, 2, 53);
        frame[12..14].copy_from_slice(&[0x88, 0xb5]);
        frame[at] = n;
        frame
    };
    let arp = |n: u8, at: usize| {
        let mut frame = udp(1, 2, 53);
        frame[12..14].copy_from_slice(&[0x08, 0x06]);
        frame[14..22].copy_from_slice(&[0, 1, 8, 0, 6, 4, 0, 1]);
        frame[at] = n;
        frame
    };
    // The last bytes of source and destination; of ARP's sender and target, hardware and protocol.
    let spreads = |frame: &dyn Fn(u8) -> Vec<u8>| {
        let mut passed = 0;
        let mut bed = bed_with(world, vec![marking(1, 1), marking(2, 1)]);
        bed.stream(1, 0, (0..200).map(frame), |_, _| passed += 1);
        assert_eq!(passed, 200);
        counts(&mut bed).iter().all(|count| (60..=140).contains(count))
    };
    for at in [11, 5] {
        assert!(spreads(&|n| other(n, at)), "byte {at}");
    }
    for at in [11, 27, 31, 37, 41] {
        assert!(spreads(&|n| arp(n, at)), "byte {at} of an ARP frame");
    }
}

/// When a bucket dies its flows go to the others by their weights and no other flow moves; when it is
/// back, so are they.
fn a_dead_bucket_moves_its_own_flows_only_and_gets_them_back(world: &World<'_>) {
    let mut bed = bed_with(world, vec![weighted(2, 1), weighted(3, 2), weighted(4, 1)]);
    let before = choices(&mut bed, 3_000);
    assert_eq!(before, choices(&mut bed, 3_000), "a flow keeps its bucket");
    let share = |list: &[Option<(u32, u8)>], port| {
        list.iter().filter(|choice| choice.is_some_and(|(p, _)| p == port)).count()
    };
    assert!((1_400..=1_600).contains(&share(&before, 3)), "{}", share(&before, 3));
    for dead in [2, 3, 4] {
        bed.link(dead, false);
        let after = choices(&mut bed, 3_000);
        assert_eq!(share(&after, dead), 0);
        for (before, after) in before.iter().zip(&after) {
            assert!(before == after || before.is_some_and(|(port, _)| port == dead));
        }
        if dead == 3 {
            let (two, four) = (share(&after, 2), share(&after, 4));
            assert!(two.abs_diff(four) < 200, "the orphans are shared by weight: {two}, {four}");
        }
        bed.link(dead, true);
        assert_eq!(choices(&mut bed, 3_000), before);
    }
    for port in [2, 3, 4] {
        bed.link(port, false);
    }
    assert_eq!(choices(&mut bed, 10), [None; 10]);
    bed.assert_drops(&[(DropReason::GroupNotLive, 10)]);
}

/// A MODIFY that adds a bucket moves flows to it and none between the others, one that takes a bucket
/// moves only its flows, and one that points a bucket somewhere else moves none.
fn modify_moves_the_flows_of_what_it_changes_only(world: &World<'_>) {
    let mut bed = bed_with(world, (1..=4).map(|mark| marking(mark, 1)).collect());
    let four = choices(&mut bed, 2_000);
    let marks = |marks: &[u32]| marks.iter().map(|mark| marking(*mark, 1)).collect::<Vec<_>>();
    // Another bucket, wherever in the list it stands.
    for list in [[1, 2, 3, 4, 9], [9, 1, 2, 3, 4], [4, 9, 2, 1, 3]] {
        modify(&mut bed, marks(&list));
        let after = choices(&mut bed, 2_000);
        let moved = |(before, after): &(_, _)| before != after;
        let moved: Vec<_> = four.iter().zip(&after).filter(moved).collect();
        assert!(moved.iter().all(|(_, after)| after.is_some_and(|(_, mark)| mark == 9)));
        assert!((320..=480).contains(&moved.len()), "a fifth: {}", moved.len());
        modify(&mut bed, marks(&[4, 3, 2, 1]));
        assert_eq!(choices(&mut bed, 2_000), four, "gone again, and changed places");
    }
    // A bucket less.
    modify(&mut bed, marks(&[4, 3, 1]));
    for (before, after) in four.iter().zip(choices(&mut bed, 2_000)) {
        assert!(*before == after || before.is_some_and(|(_, mark)| mark == 2));
    }
    modify(&mut bed, marks(&[4, 3, 1, 2]));
    assert_eq!(choices(&mut bed, 2_000), four, "it is the one that it was");
    // Another place for the flows of a bucket.
    modify(&mut bed, marks(&[4, 7, 1, 2]));
    for (before, after) in four.iter().zip(choices(&mut bed, 2_000)) {
        match before {
            Some((port, 3)) => assert_eq!(after, Some((*port, 7))),
            _ => assert_eq!(after, *before),
        }
    }
    // More weight draws flows from all others and moves none between them.
    modify(&mut bed, vec![marking(4, 1), marking(7, 3), marking(1, 1), marking(2, 1)]);
    for (before, after) in four.iter().zip(choices(&mut bed, 2_000)) {
        let stays = match before {
            Some((port, 3)) => after == Some((*port, 7)),
            _ => after == *before || after.is_some_and(|(_, mark)| mark == 7),
        };
        assert!(stays);
    }
}

/// What a bundle changes and takes back has never been: every flow is where it was, a chosen bucket of
/// its own type and weight.
fn a_modify_that_is_rolled_back_moves_no_flow(world: &World<'_>) {
    let mut bed = bed_with(world, (1..=4).map(|mark| marking(mark, mark as u16)).collect());
    let before = choices(&mut bed, 500);
    let modify = |id, group_type, buckets| {
        Message::GroupMod(group(GroupModCommand::Modify, group_type, id, buckets))
    };
    // There is no group 2, which is found when the others are done.
    let changes = [
        modify(1, GroupType::Select, vec![marking(9, 1), marking(3, 7)]),
        modify(1, GroupType::All, vec![]),
        modify(2, GroupType::All, vec![]),
    ];
    assert!(!bed.commit(&changes));
    assert_eq!(choices(&mut bed, 500), before);
    let same = (1..=4).map(|mark| marking(mark, mark as u16)).collect();
    assert!(bed.commit(&[modify(1, GroupType::All, vec![]), modify(1, GroupType::Select, same)]));
    let after = choices(&mut bed, 500);
    assert_eq!(after, before, "its buckets have the numbers of a new group");
}

/// A fragment of a datagram from address 1 to address `n`: the word with flags and offset, what fills
/// it, its identification.
fn piece(n: u16, offset: u16, fill: u8, id: u16) -> Vec<u8> {
    let mut frame = udp(1, n as u8, 53);
    frame[18..20].copy_from_slice(&id.to_be_bytes());
    frame[20..22].copy_from_slice(&offset.to_be_bytes());
    frame[34..].fill(fill);
    frame
}

/// A fragment of 16 bytes of a datagram over IPv6.
fn piece_v6(n: u16, offset: u16, fill: u8) -> Vec<u8> {
    let mut frame = udp(1, 2, 53)[..12].to_vec();
    frame.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 44, 64]);
    frame.extend([[0xfd; 15].as_slice(), &[1], &[0xfd; 15], &[n as u8]].concat());
    frame.extend([17, 0, (offset >> 8) as u8, offset as u8, 0, 0, 0, 9]);
    frame.extend([fill; 16]);
    frame
}

/// What a congested router marks, a meter remarks or a sender cuts to pieces is the same flow.
fn select_keeps_a_flow_whose_marks_change_and_its_fragments_together(world: &World<'_>) {
    let mut bed = bed_with(world, vec![weighted(2, 1), weighted(3, 1), weighted(4, 1)]);
    bed.sends_much();
    let mut taken = Vec::new();
    for n in 0..100 {
        let plain = udp(1, 2, n);
        let bucket = bed.ports(1, &plain);
        for tos in [1, 2, 3, 10 << 2, 14 << 2 | 3] {
            let mut marked = plain.clone();
            marked[15] = tos;
            assert_eq!(bed.ports(1, &marked), bucket, "flow {n}, type of service {tos}");
        }
        let bucket = bed.ports(1, &tagged(5, &plain));
        assert_eq!(bed.ports(1, &tagged(7 << 13 | 5, &plain)), bucket, "flow {n}, priority 7");
        taken.extend(bucket);
        let labelled = |class: u8| {
            let mut frame = plain[..12].to_vec();
            frame.extend([0x88, 0x47, 0, n as u8, class << 1 | 1, 64]);
            frame.extend(&plain[14..]);
            frame
        };
        let bucket = bed.ports(1, &labelled(0));
        assert_eq!(bed.ports(1, &labelled(5)), bucket, "label {n}, traffic class 5");
        taken.extend(bucket);
    }
    // Fragments that overtake their first one have their addresses only.
    for n in 0..100 {
        let bucket = bed.ports(1, &piece(n, 0x2004, 7, n));
        assert_eq!(bed.ports(1, &piece(n, 0x0008, 9, n)), bucket, "datagram {n}");
        taken.extend(bucket);
        let bucket = bed.ports(1, &piece_v6(n, 0x11, 3));
        assert_eq!(bed.ports(1, &piece_v6(n, 0x20, 4)), bucket, "IPv6, {n}");
        taken.extend(bucket);
    }
    for port in [2, 3, 4] {
        let count = taken.iter().filter(|taken| **taken == port).count();
        assert!((80..=190).contains(&count), "{count} of {} took {port}", taken.len());
    }
}

/// Some packets of a flow come whole, some in pieces.
fn select_keeps_the_fragments_of_a_flow_with_its_whole_packets(world: &World<'_>) {
    let mut bed = bed_with(world, vec![weighted(2, 1), weighted(3, 1), weighted(4, 1)]);
    bed.sends_much();
    let mut taken = Vec::new();
    for port in 0..100 {
        let whole = udp(1, 2, port);
        let bucket = bed.ports(1, &whole);
        let mut first = whole.clone();
        first[18..22].copy_from_slice(&[0, port as u8, 0x20, 0]);
        assert_eq!(bed.ports(1, &first), bucket, "port {port}, the first fragment");
        for offset in [0x2004, 0x0008] {
            let later = piece(2, offset, 7, port);
            assert_eq!(bed.ports(1, &later), bucket, "port {port}, fragment {offset:#x}");
        }
        taken.extend(bucket);
        // Over IPv6: a datagram with the ports of its own in the first 4 bytes behind the header.
        let mut first = piece_v6(2, 1, port as u8);
        let bucket = bed.ports(1, &first);
        assert_eq!(bed.ports(1, &piece_v6(2, 0x11, 3)), bucket, "IPv6, port {port}");
        first[57] = 0;
        first[58..62].copy_from_slice(&[0, 0, 0, 8]);
        assert_eq!(bed.ports(1, &first), bucket, "IPv6, port {port}, a fragment that is whole");
        taken.extend(bucket);
    }
    for port in [2, 3, 4] {
        assert!(taken.contains(&port), "the ports spread the flows");
    }
}
