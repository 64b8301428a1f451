//! Entries that end: when, why, and what is told of it (§5.5, §7.4.2).

use hypercall::Nanos;
use ofp_codec::{
    AsyncConfig, FlowModCommand, FlowRemoved, FlowRemovedReason as Reason, GroupModCommand,
    Message, MeterModCommand,
};
use virt_host::ControllerId;

use crate::{LATENCY, LATENESS, Net, SECOND, between};

/// What a controller heard of removed entries: when the switch said so, and what.
fn removals(net: &mut Net, controller: ControllerId) -> Vec<(Nanos, FlowRemoved)> {
    let removal = |record: virt_host::Record| match record.message {
        Message::FlowRemoved(removed) => (Nanos(record.at.0 - LATENCY), removed),
        other => panic!("{other:?}"),
    };
    net.heard(controller).into_iter().map(removal).collect()
}

/// Never early, at most 10 ms late, and the duration that is told is what passed.
#[track_caller]
fn assert_on_time(added: Nanos, due: Nanos, removal: &(Nanos, FlowRemoved)) {
    let (at, removed) = removal;
    assert!(*at >= due, "early: {at:?} for {due:?}");
    assert!(at.since(due) <= LATENESS, "late: {at:?} for {due:?}");
    let duration = u64::from(removed.duration_sec) * SECOND + u64::from(removed.duration_nsec);
    assert_eq!(duration, at.since(added), "the duration");
}

/// Hard timeouts from 1 to 65,535 s run out on time, traffic or not.
#[test]
fn hard_timeouts() {
    let mut net = Net::new(2);
    let controller = net.controller();
    let mut added = Vec::new();
    for timeout in [1_u16, 2, 7, 59, 3600, 65_535] {
        let flow = format!(
            "cookie={timeout},priority={timeout},in_port=1,hard_timeout={timeout},\
             send_flow_rem,actions=output:2"
        );
        added.push((timeout, net.add(controller, &flow)));
        net.run(123_456_789);
    }
    for (timeout, added) in added {
        let due = added.plus(u64::from(timeout) * SECOND);
        // The highest priority is the last to go: it takes the traffic.
        let quiet = due.since(net.now()) / 3;
        for _ in 0..2 {
            net.run(quiet);
            assert_eq!(net.frame(1, &between(1, 2)), [2]);
        }
        net.network.run_until(due.plus(LATENESS + LATENCY));
        let removals = removals(&mut net, controller);
        let [removal] = &removals[..] else { panic!("{timeout} s: {removals:?}") };
        assert_on_time(added, due, removal);
        let removed = &removal.1;
        assert_eq!((removed.cookie, removed.reason), (u64::from(timeout), Reason::HardTimeout));
        assert_eq!((removed.hard_timeout, removed.idle_timeout), (timeout, 0));
        assert_eq!(removed.packet_count, if timeout == 65_535 { 12 } else { 0 });
    }
    assert_eq!(net.flows(controller), []);
}

/// An idle timeout counts from the last packet that matched, however often it is put off.
#[test]
fn idle_timeouts() {
    let mut net = Net::new(3);
    let controller = net.controller();
    let flow = "priority=5,in_port=1,idle_timeout=3,send_flow_rem,actions=output:2";
    let added = net.add(controller, flow);
    let unused =
        net.add(controller, "priority=5,in_port=3,idle_timeout=3,send_flow_rem,actions=drop");
    let mut last = added;
    for pause in [2_999, 1, 500, 2_998, 1_500, 2_999, 2_999] {
        net.network.run_until(last.plus(pause * SECOND / 1000));
        last = net.now().plus(100);
        assert_eq!(net.frame(1, &between(1, 2)), [2], "it is there after {pause} ms");
    }
    let due = last.plus(3 * SECOND);
    net.network.run_until(due.plus(LATENESS + LATENCY));
    let removals = removals(&mut net, controller);
    let [first, second] = &removals[..] else { panic!("{removals:?}") };
    assert_on_time(unused, unused.plus(3 * SECOND), first);
    assert_eq!((first.1.reason, first.1.packet_count), (Reason::IdleTimeout, 0));
    assert_on_time(added, due, second);
    assert_eq!(
        (second.1.reason, second.1.packet_count, second.1.byte_count),
        (Reason::IdleTimeout, 7, 420)
    );
    assert_eq!(net.frame(1, &between(1, 2)), [] as [u32; 0]);
}

/// The longest idle timeout: 18 hours of silence are one second too few.
#[test]
fn an_idle_timeout_of_65535_seconds() {
    let mut net = Net::new(2);
    let controller = net.controller();
    let flow = "priority=5,idle_timeout=65535,send_flow_rem,actions=output:2";
    let added = net.add(controller, flow);
    net.network.run_until(added.plus(65_534 * SECOND));
    let last = net.now().plus(100);
    assert_eq!(net.frame(1, &between(1, 2)), [2]);
    net.network.run_until(last.plus(65_535 * SECOND - 1));
    assert_eq!(net.flows(controller).len(), 0, "asking takes longer than it has left");
    let removals = removals(&mut net, controller);
    let [removal] = &removals[..] else { panic!("{removals:?}") };
    assert_on_time(added, last.plus(65_535 * SECOND), removal);
}

/// With both timeouts the earlier one counts: traffic holds off the idle one, never the hard one.
#[test]
fn both_timeouts() {
    let mut net = Net::new(2);
    let controller = net.controller();
    let flow = "priority=5,idle_timeout=2,hard_timeout=5,send_flow_rem,actions=output:2";
    let added = net.add(controller, flow);
    for _ in 0..4 {
        net.run(SECOND);
        assert_eq!(net.frame(1, &between(1, 2)), [2]);
    }
    net.run(2 * SECOND);
    let heard = removals(&mut net, controller);
    let [removal] = &heard[..] else { panic!("{heard:?}") };
    assert_on_time(added, added.plus(5 * SECOND), removal);
    assert_eq!(removal.1.reason, Reason::HardTimeout);
    let added = net.add(controller, flow);
    net.run(5 * SECOND);
    let heard = removals(&mut net, controller);
    let [removal] = &heard[..] else { panic!("{heard:?}") };
    assert_on_time(added, added.plus(2 * SECOND), removal);
    assert_eq!(removal.1.reason, Reason::IdleTimeout);
}

/// Two thousand entries that end within one second all end on time.
#[test]
fn many_at_once() {
    let mut net = Net::new(2);
    let controller = net.controller();
    let mut added = Vec::new();
    for n in 0..2000_u64 {
        let flow = format!(
            "cookie={n},table={},dl_dst=02:00:00:00:{:02x}:{:02x},hard_timeout=30,send_flow_rem,actions=drop",
            n % 7,
            n / 256,
            n % 256
        );
        let flow =
            ofp_codec::text::parse_flow(&flow, FlowModCommand::Add, &ofp_codec::text::NoNames)
                .unwrap();
        net.network.controller_send(controller, net.switch, &Message::FlowMod(flow)).unwrap();
        added.push(net.now().plus(LATENCY));
        if n % 2 == 0 {
            net.run(SECOND / 2000);
        }
    }
    net.run(32 * SECOND);
    let removals = removals(&mut net, controller);
    assert_eq!(removals.len(), 2000);
    for removal in &removals {
        let added = added[removal.1.cookie as usize];
        assert_on_time(added, added.plus(30 * SECOND), removal);
    }
}

/// Each way to end has its reason; replacing an entry is none, and unflagged ones end silently.
#[test]
fn reasons() {
    let mut net = Net::new(2);
    let controller = net.controller();
    let mut asked = AsyncConfig::default();
    // METER_DELETE goes to those who ask for it.
    asked.flow_removed.master = 0x1f;
    net.tell(controller, &Message::SetAsync(asked));
    net.group(controller, "group_id=5,type=all,bucket=actions=output:2", GroupModCommand::Add);
    net.meter(controller, "meter=5 kbps bands=type=drop rate=1000", MeterModCommand::Add);
    let mut added = Vec::new();
    for (cookie, ending) in [
        (0, "idle_timeout=1,actions=drop"),
        (1, "hard_timeout=2,actions=drop"),
        (2, "actions=output:2"),
        (3, "actions=group:5"),
        (4, "actions=meter:5,output:2"),
    ] {
        for flag in ["", "send_flow_rem,"] {
            let priority = 10 * cookie + flag.len();
            added.push(
                net.add(controller, &format!("cookie={cookie},priority={priority},{flag}{ending}")),
            );
            added.push(
                net.add(controller, &format!("cookie={cookie},priority={priority},{flag}{ending}")),
            );
        }
    }
    net.run(3 * SECOND);
    net.flow_mod(controller, "cookie=2/-1", FlowModCommand::Delete);
    net.group(controller, "group_id=5", GroupModCommand::Delete);
    net.meter(controller, "meter=5", MeterModCommand::Delete);
    assert_eq!(net.flows(controller), []);
    let told: Vec<_> = removals(&mut net, controller)
        .iter()
        .map(|(at, removed)| {
            let duration =
                u64::from(removed.duration_sec) * SECOND + u64::from(removed.duration_nsec);
            assert_eq!(added[removed.cookie as usize * 4 + 3].plus(duration), *at);
            (removed.cookie, removed.reason)
        })
        .collect();
    let expected = [
        (0, Reason::IdleTimeout),
        (1, Reason::HardTimeout),
        (2, Reason::Delete),
        (3, Reason::GroupDelete),
        (4, Reason::MeterDelete),
    ];
    assert_eq!(told, expected);
}
