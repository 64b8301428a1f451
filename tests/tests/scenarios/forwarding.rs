//! What a switch knows of its surroundings: stations, links, rates.

use datapath::DropReason;
use ofp_codec::{GroupModCommand, MeterModCommand};
use virt_host::{LinkConfig, SwitchConfig};

use crate::{MILLISECOND, Net, SECOND, between};

const NONE: [u32; 0] = [];

/// NORMAL learns stations, forgets those that are silent for its ageing time, and follows one that
/// moves with its first frame (IEEE 802.1D; §7.2.5 leaves NORMAL to the switch).
#[test]
fn normal_learns_ages_and_follows() {
    let ageing = 300 * SECOND;
    let mut net = Net::new(4);
    let controller = net.controller();
    net.add(controller, "priority=5,actions=normal");
    net.settle();
    assert_eq!(net.frame(1, &between(1, 2)), [2, 3, 4], "unknown: flooded");
    assert_eq!(net.frame(2, &between(2, 1)), [1], "learned");
    assert_eq!(net.frame(1, &between(1, 2)), [2]);
    assert_eq!(net.frame(1, &between(1, 0xff)), [2, 3, 4], "broadcast");
    // One that is behind the port that it is asked for at.
    assert_eq!(net.frame(2, &between(9, 2)), NONE);
    net.assert_moved(&[
        "port 1 rx 3/180",
        "port 2 rx 2/120",
        "table 0 lookups 5",
        "table 0 matches 5",
        "entry 0/5/0 5/300",
        "port 1 tx 1/60",
        "port 2 tx 3/180",
        "port 3 tx 2/120",
        "port 4 tx 2/120",
        "drop normal_filtered 1",
    ]);
    // Station 2 speaks, then is silent. Others don't keep it known by asking for it.
    net.frame(2, &between(2, 1));
    let spoke = net.now();
    net.network.run_until(spoke.plus(ageing - SECOND));
    assert_eq!(net.frame(1, &between(1, 2)), [2], "not yet");
    net.network.run_until(spoke.plus(ageing + SECOND));
    assert_eq!(net.frame(1, &between(1, 2)), [2, 3, 4], "forgotten");
    assert_eq!(net.frame(2, &between(2, 1)), [1]);
    // It moves, twice.
    for port in [3, 4, 2] {
        assert_eq!(net.frame(port, &between(2, 1)), [1]);
        assert_eq!(net.frame(1, &between(1, 2)), [port]);
    }
    // Its port's link fails: known, but not there any more.
    net.network.set_link_up(net.links[1], false);
    net.settle();
    assert!(!net.frame(1, &between(1, 2)).contains(&2));
    net.network.set_link_up(net.links[1], true);
    assert_eq!(net.frame(2, &between(2, 1)), [1]);
    assert_eq!(net.frame(1, &between(1, 2)), [2]);
}

/// Learning in two switches, each by itself; a station that moves from one end to
/// the other is followed as soon as it is heard.
#[test]
fn normal_follows_across_switches() {
    let mut net = Net::new(2);
    let second = net.network.add_switch(SwitchConfig::numbered(2));
    let far = [net.network.add_probe(), net.network.add_probe()];
    let wire = LinkConfig { delay: LinkConfig::MIN_DELAY, rate: None, ..LinkConfig::default() };
    net.network.connect((net.switch, 9), (second, 9), wire);
    net.network.connect((second, 1), far[0], wire);
    net.network.connect((second, 2), far[1], wire);
    let controller = net.controller();
    net.network.control(controller, second).unwrap();
    net.run(SECOND);
    let normal = ofp_codec::text::parse_flow(
        "actions=normal",
        ofp_codec::FlowModCommand::Add,
        &ofp_codec::text::NoNames,
    );
    let normal = ofp_codec::Message::FlowMod(normal.unwrap());
    for switch in [net.switch, second] {
        net.network.controller_send(controller, switch, &normal).unwrap();
    }
    net.run(SECOND);
    let reached = |net: &mut Net| {
        net.run(10_000);
        let near = [net.probes[0], net.probes[1]];
        [near[0], near[1], far[0], far[1]].map(|probe| net.network.probe_take(probe).len())
    };
    let from = |net: &mut Net, probe, source, destination| {
        let frame = virt_host::VecFrame::from_bytes(&between(source, destination));
        assert!(net.network.probe_send(probe, frame));
    };
    let near = net.probes[0];
    from(&mut net, near, 1, 2);
    assert_eq!(reached(&mut net), [0, 1, 1, 1]);
    from(&mut net, far[1], 2, 1);
    assert_eq!(reached(&mut net), [1, 0, 0, 0]);
    from(&mut net, near, 1, 2);
    assert_eq!(reached(&mut net), [0, 0, 0, 1]);
    // Station 2 is plugged in beside station 1.
    let beside = net.probes[1];
    from(&mut net, beside, 2, 1);
    assert_eq!(reached(&mut net), [1, 0, 0, 0]);
    from(&mut net, near, 1, 2);
    assert_eq!(reached(&mut net), [0, 1, 0, 0]);
    // The far switch has not heard of it, until it sends something that goes there.
    from(&mut net, far[0], 3, 2);
    assert_eq!(reached(&mut net)[3], 1, "sent where it was");
    from(&mut net, beside, 2, 0xff);
    assert_eq!(reached(&mut net), [1, 0, 1, 1]);
    from(&mut net, far[0], 3, 2);
    assert_eq!(reached(&mut net), [0, 1, 0, 0]);
}

/// Fast failover takes the first live bucket, from the first frame after a link's state changed; with
/// none live it drops (§5.6.1).
#[test]
fn fast_failover_follows_the_links() {
    let mut net = Net::new(4);
    let controller = net.controller();
    let backup = "group_id=2,type=ff,bucket=watch_port:3,actions=output:3,bucket=watch_port:4,actions=output:4";
    net.group(controller, backup, GroupModCommand::Add);
    let group = "group_id=1,type=ff,bucket=watch_port:2,actions=output:2,bucket=watch_group:2,actions=group:2";
    net.group(controller, group, GroupModCommand::Add);
    net.add(controller, "priority=5,actions=group:1");
    net.settle();
    let entry = |moved: &[&'static str]| {
        let always =
            ["port 1 rx 1/60", "table 0 lookups 1", "table 0 matches 1", "entry 0/5/0 1/60"];
        [&always[..], &["group 1 1/60"], moved].concat()
    };
    let first = entry(&["group 1 bucket 0 1/60", "port 2 tx 1/60"]);
    let through_2 = entry(&["group 1 bucket 1 1/60", "group 2 1/60"]);
    let second = [&through_2[..], &["group 2 bucket 0 1/60", "port 3 tx 1/60"]].concat();
    let third = [&through_2[..], &["group 2 bucket 1 1/60", "port 4 tx 1/60"]].concat();
    let none = entry(&["drop group_not_live 1"]);
    let links = net.links.clone();
    let steps: [(usize, bool, &[u32], &[&str]); 9] = [
        (3, false, &[2], &first),
        (3, true, &[2], &first),
        (1, false, &[3], &second),
        (2, false, &[4], &third),
        (3, false, &[], &none),
        (1, true, &[2], &first),
        (1, false, &[], &none),
        (3, true, &[4], &third),
        (2, true, &[3], &second),
    ];
    for (step, (link, up, ports, moved)) in steps.iter().enumerate() {
        net.network.set_link_up(links[*link], *up);
        net.settle();
        assert_eq!(net.frame(1, &between(1, 2)), *ports, "step {step}");
        net.assert_moved(moved);
    }
    let told = net.heard(controller).len();
    net.run(SECOND);
    assert_eq!(told + net.heard(controller).len(), steps.len(), "a port-status for each");
}

/// Sends frames of these lengths in turn, one every `every` nanoseconds, for 30 s; how many of how
/// many bytes came through.
fn load(net: &mut Net, lens: &[usize], every: u64) -> (u64, u64) {
    let frames: Vec<Vec<u8>> = lens
        .iter()
        .map(|len| {
            let mut frame = between(1, 2);
            frame.resize(*len, 0);
            frame
        })
        .collect();
    let end = net.now().plus(30 * SECOND);
    let (mut count, mut bytes) = (0, 0);
    for frame in frames.iter().cycle() {
        if net.now() >= end {
            break;
        }
        assert!(net.send(1, frame));
        net.run(every);
        for (_, frame) in net.arrived() {
            count += 1;
            bytes += frame.len() as u64;
        }
    }
    (count, bytes)
}

#[track_caller]
fn assert_near(measured: u64, expected: u64) {
    assert!(measured.abs_diff(expected) * 10 <= expected, "{measured}, not {expected} within 10 %");
}

/// A drop band in packets a second lets its rate pass, of ten times as many packets as of hardly more,
/// and touches nothing that stays below (§5.7.1).
#[test]
fn meters_by_packets() {
    let mut net = Net::new(2);
    let controller = net.controller();
    net.meter(controller, "meter=1 pktps stats bands=type=drop rate=100", MeterModCommand::Add);
    net.add(controller, "priority=5,actions=meter:1,output:2");
    for every in [MILLISECOND, 3 * MILLISECOND + 333, 9 * MILLISECOND] {
        net.settle();
        let before = net.drops(DropReason::Meter);
        let sent = (30 * SECOND).div_ceil(every);
        let (count, bytes) = load(&mut net, &[60, 1500], every);
        assert_near(count, 30 * 100);
        let dropped = net.drops(DropReason::Meter) - before;
        assert_eq!(count + dropped, sent);
        let all = sent / 2 * 1560 + sent % 2 * 60;
        net.assert_moved(&[
            &format!("port 1 rx {sent}/{all}"),
            &format!("table 0 lookups {sent}"),
            &format!("table 0 matches {sent}"),
            &format!("entry 0/5/0 {sent}/{all}"),
            &format!("meter 1 {sent}/{all}"),
            &format!("meter 1 band 0 {dropped}/{}", all - bytes),
            &format!("drop meter {dropped}"),
            &format!("port 2 tx {count}/{bytes}"),
        ]);
        net.run(10 * SECOND);
    }
    let before = net.drops(DropReason::Meter);
    let (count, _) = load(&mut net, &[60], 11 * MILLISECOND);
    assert_eq!(count, (30 * SECOND).div_ceil(11 * MILLISECOND));
    assert_eq!(net.drops(DropReason::Meter), before, "below the rate nothing is dropped");
}

/// A drop band in kilobits a second counts bits, whatever the frames' lengths; two entries that name
/// one meter share it (§5.7.1).
#[test]
fn meters_by_bits() {
    for (rate, lens) in [(800_u64, &[1000_usize][..]), (800, &[60, 600, 1500]), (96, &[1500])] {
        let mut net = Net::new(2);
        let controller = net.controller();
        let meter =
            format!("meter=1 kbps burst stats bands=type=drop rate={rate} burst_size={}", rate / 4);
        net.meter(controller, &meter, MeterModCommand::Add);
        net.add(controller, "priority=5,actions=meter:1,output:2");
        net.add(controller, "priority=6,in_port=2,actions=meter:1,output:1");
        net.settle();
        // About four times the rate.
        let mean = lens.iter().sum::<usize>() as u64 / lens.len() as u64;
        let every = mean * 8 * MILLISECOND / (4 * rate);
        let (count, bytes) = load(&mut net, lens, every);
        assert_near(bytes * 8, rate * 1000 * 30);
        let sent = (30 * SECOND).div_ceil(every);
        assert_eq!(count + net.drops(DropReason::Meter), sent, "{rate} kbit/s, {lens:?}");
        let device = net.network.device(net.switch);
        let stats = device.switch().tables.meter_stats(ofp_codec::MeterId(1), net.now()).unwrap();
        assert_eq!((stats[0].flow_count, stats[0].packet_in_count), (2, sent));
        assert_eq!(stats[0].bands[0].packet_band_count, sent - count);
        // Both entries at full load get together what one got.
        let end = net.now().plus(30 * SECOND);
        let mut together = 0;
        let frame = |station: u8| {
            let mut frame = between(station, 9);
            frame.resize(mean as usize, 0);
            frame
        };
        while net.now() < end {
            assert!(net.send(1, &frame(1)) && net.send(2, &frame(2)));
            net.run(every);
            together += net.arrived().iter().map(|(_, frame)| frame.len() as u64).sum::<u64>();
        }
        assert_near(together * 8, rate * 1000 * 30);
    }
}
