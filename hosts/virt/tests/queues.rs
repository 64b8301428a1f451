//! Ports that shape: what queues let through, in virtual time, under load from all sides.

use std::time::Duration;

use datapath::DropReason;
use hypercall::{Frame, Nanos, Port, VecFrame};
use ofp_codec::multipart::{QueueStats, QueueStatsRequest};
use ofp_codec::text::{NoNames, parse_flow};
use ofp_codec::{Action, FlowModCommand, NO_BUFFER, PacketOut, PortNo, QUEUE_ALL};
use rumpswitch_virt::{LinkConfig, LinkId, Network, ProbeId, QueueConfig, SwitchConfig, SwitchId};

const MBIT: u64 = 1_000_000;

/// A switch with a fast probe on port 1 and a listener behind the shaped port 2.
struct Bed {
    network: Network,
    switch: SwitchId,
    source: ProbeId,
    sink: ProbeId,
    link: LinkId,
}

impl Bed {
    /// Port 2 sends at `rate`, by these queues. Frames of VLAN n go by queue n, others by none.
    fn new(rate: u64, queues: &[QueueConfig]) -> Bed {
        let mut network = Network::new(1);
        let switch = network.add_switch(SwitchConfig::numbered(1));
        let [source, sink] = [network.add_probe(), network.add_probe()];
        let fast = LinkConfig { rate: None, queue: 1 << 20, ..LinkConfig::default() };
        network.connect(source, (switch, 1), fast);
        let slow = LinkConfig { rate: Some(rate), ..LinkConfig::default() };
        let link = network.connect((switch, 2), sink, slow);
        network.set_queues(switch, 2, queues).unwrap();
        let mut bed = Bed { network, switch, source, sink, link };
        bed.flow("priority=1,actions=output:2");
        for queue in queues.iter().filter(|queue| queue.id < 4096) {
            let id = queue.id;
            bed.flow(&format!("priority=2,dl_vlan={id},actions=set_queue:{id},output:2"));
        }
        bed
    }

    fn flow(&mut self, text: &str) {
        let now = self.network.now();
        let (device, _) = self.network.switch_parts(self.switch);
        let flow = parse_flow(text, FlowModCommand::Add, &NoNames).unwrap();
        device.switch_mut().tables.flow_mod(now, &flow).unwrap();
    }

    /// Sends for a while: each stream is a VLAN (0 for none), a length and an offered rate. What
    /// arrived of each, in bits per second.
    fn run(&mut self, span: Duration, streams: &[(u16, usize, u64)]) -> Vec<f64> {
        let start = self.network.now().0;
        let end = start + span.as_nanos() as u64;
        let mut next: Vec<u64> = (0..streams.len() as u64).map(|n| start + n).collect();
        loop {
            let (at, time) = (0..next.len()).map(|n| (n, next[n])).min_by_key(|n| n.1).unwrap();
            if time >= end {
                break;
            }
            let (vlan, len, rate) = streams[at];
            self.network.run_until(Nanos(time));
            assert!(self.network.probe_send(self.source, frame(vlan, len)));
            next[at] = time + (len as u64 * 8 * 1_000_000_000).div_ceil(rate);
        }
        self.network.run_until(Nanos(end));
        let arrived = self.network.probe_take(self.sink);
        let bits = |vlan: u16| {
            let of_vlan = arrived.iter().filter(|(_, frame)| vlan_of(frame) == vlan);
            of_vlan.map(|(_, frame)| frame.len() as u64 * 8).sum::<u64>()
        };
        streams.iter().map(|s| bits(s.0) as f64 / span.as_secs_f64()).collect()
    }

    fn stats(&self, queue_id: u32) -> Vec<QueueStats> {
        let tables = &self.network.device(self.switch).switch().tables;
        let request = QueueStatsRequest { port_no: PortNo(2), queue_id };
        tables.queue_stats(request, self.network.now()).unwrap()
    }

    /// Frames that wait in the queues, as long as the link takes no more than one at a time.
    fn waiting(&self) -> u64 {
        let sent: u64 = self.stats(QUEUE_ALL).iter().map(|stats| stats.tx_packets).sum();
        sent - self.network.link_stats(self.link)[0].delivered
    }
}

fn frame(vlan: u16, len: usize) -> VecFrame {
    let mut bytes = vec![0x22; len];
    bytes[..12].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
    bytes[12..14].copy_from_slice(&[0x88, 0xb5]);
    if vlan != 0 {
        let [high, low] = vlan.to_be_bytes();
        bytes[12..18].copy_from_slice(&[0x81, 0, high, low, 0x88, 0xb5]);
    }
    VecFrame::from_bytes(&bytes)
}

fn vlan_of(frame: &VecFrame) -> u16 {
    match frame.headers() {
        [_, _, _, _, _, _, _, _, _, _, _, _, 0x81, 0, high, low, ..] => {
            u16::from_be_bytes([*high, *low])
        }
        _ => 0,
    }
}

fn queue(id: u32, min_rate: u16, max_rate: u16) -> QueueConfig {
    QueueConfig { id, min_rate, max_rate }
}

const UNSET: u16 = QueueConfig::NOT_CONFIGURED;

#[track_caller]
fn close(got: &[f64], wanted: &[f64]) {
    for (got, wanted) in got.iter().zip(wanted) {
        assert!((got / wanted - 1.0).abs() < 0.01, "{got} bit/s is not {wanted}");
    }
}

#[test]
fn max_rate_holds_within_1_percent() {
    for max in [10, 250, 990] {
        let mut bed = Bed::new(10 * MBIT, &[queue(7, UNSET, max)]);
        let span = Duration::from_secs(if max < 100 { 30 } else { 3 });
        let got = bed.run(span, &[(7, 700, if max < 100 { MBIT } else { 20 * MBIT })]);
        close(&got, &[f64::from(max) * 10_000.0]);
        bed.network.run_until(bed.network.now().plus(100_000_000_000));
        let late = bed.network.probe_take(bed.sink);
        assert!(late.len() <= 257, "what waits, and one under way: {}", late.len());
    }
}

#[test]
fn min_rate_holds_within_1_percent_under_overload() {
    for min in [50, 300, 800] {
        let queues = [queue(1, min, UNSET), queue(2, UNSET, UNSET), queue(3, UNSET, UNSET)];
        let mut bed = Bed::new(10 * MBIT, &queues);
        let flood = [(1, 500, 12 * MBIT), (2, 1514, 30 * MBIT), (3, 250, 12 * MBIT)];
        let got = bed.run(Duration::from_secs(3), &flood);
        let own = f64::from(min) * 10_000.0;
        let level = 10e6 / 3.0;
        let wanted =
            if own < level { [level; 3] } else { [own, (10e6 - own) / 2.0, (10e6 - own) / 2.0] };
        close(&got, &wanted);
    }
}

#[test]
fn two_queues_share_what_a_guaranteed_one_leaves() {
    let queues = [queue(1, 500, 500), queue(2, UNSET, UNSET), queue(3, UNSET, UNSET)];
    let mut bed = Bed::new(10 * MBIT, &queues);
    let all = [(1, 1000, 20 * MBIT), (2, 1000, 20 * MBIT), (3, 300, 20 * MBIT)];
    close(&bed.run(Duration::from_secs(3), &all), &[5e6, 2.5e6, 2.5e6]);
    // The first sends less than it may: the rest is more.
    let some = [(1, 1000, MBIT), (2, 1000, 20 * MBIT), (3, 300, 20 * MBIT)];
    bed.run(Duration::from_secs(1), &some);
    close(&bed.run(Duration::from_secs(3), &some), &[1e6, 4.5e6, 4.5e6]);
}

#[test]
fn unmarked_frames_share_as_the_default_queue() {
    let mut bed = Bed::new(10 * MBIT, &[queue(5, 700, UNSET)]);
    let got = bed.run(Duration::from_secs(3), &[(5, 1000, 20 * MBIT), (0, 1000, 20 * MBIT)]);
    close(&got, &[7e6, 3e6]);
    let mut bed = Bed::new(10 * MBIT, &[queue(0, UNSET, 100), queue(5, UNSET, UNSET)]);
    let got = bed.run(Duration::from_secs(3), &[(5, 1000, 20 * MBIT), (0, 1000, 20 * MBIT)]);
    close(&got, &[9e6, 1e6]);
}

#[test]
fn a_gigabit_port_is_shaped_as_exactly() {
    let mut bed = Bed::new(1_000 * MBIT, &[queue(1, 1, 1), queue(2, UNSET, 600)]);
    let streams = [(1, 60, 5 * MBIT), (2, 1514, 1_000 * MBIT)];
    close(&bed.run(Duration::from_millis(200), &streams), &[1e6, 600e6]);
}

#[test]
fn each_frame_is_sent_or_an_error_of_its_queue() {
    let mut bed = Bed::new(MBIT, &[queue(1, UNSET, 500), queue(2, UNSET, UNSET)]);
    for _ in 0..3 {
        bed.run(Duration::from_millis(900), &[(1, 1000, 5 * MBIT), (2, 1000, 3 * MBIT)]);
        let tables = &bed.network.device(bed.switch).switch().tables;
        let port = tables.port_stats(PortNo(2), bed.network.now()).unwrap()[0];
        let rows = bed.stats(QUEUE_ALL);
        let sum = |read: fn(&QueueStats) -> u64| rows.iter().map(read).sum::<u64>();
        assert_eq!(sum(|row| row.tx_packets), port.tx_packets);
        assert_eq!(sum(|row| row.tx_bytes), port.tx_bytes);
        assert_eq!(sum(|row| row.tx_errors), port.tx_dropped);
        let rx = tables.port_stats(PortNo(1), bed.network.now()).unwrap()[0].rx_packets;
        assert_eq!(port.tx_packets + port.tx_dropped, rx);
        assert_eq!(tables.drop_count(DropReason::HostRefused), port.tx_dropped);
        assert!(rows.iter().all(|row| row.tx_errors > 0), "both overran: {rows:?}");
    }
    // What waited is sent, and nothing else.
    bed.network.run_until(bed.network.now().plus(20_000_000_000));
    assert_eq!(bed.waiting(), 0);
}

#[test]
fn what_waits_when_the_link_goes_down_is_an_error_of_its_queue() {
    let mut bed = Bed::new(MBIT, &[queue(1, UNSET, UNSET), queue(2, UNSET, UNSET)]);
    for _ in 0..10 {
        bed.network.probe_send(bed.source, frame(1, 1000));
        bed.network.probe_send(bed.source, frame(2, 1000));
    }
    // 8 ms each: the fourth is being sent.
    bed.network.run_until(Nanos::from_millis(30));
    bed.network.set_link_up(bed.link, false);
    let errors: Vec<u64> = bed.stats(QUEUE_ALL).iter().map(|row| row.tx_errors).collect();
    assert_eq!(errors, [8, 8]);
    bed.network.set_link_up(bed.link, true);
    bed.network.run_until(Nanos::from_secs(1));
    assert_eq!(bed.network.probe_take(bed.sink).len(), 3);
    bed.network.probe_send(bed.source, frame(2, 1000));
    bed.network.run_until(Nanos::from_secs(2));
    assert_eq!(bed.network.probe_take(bed.sink).len(), 1, "and it works again");
}

#[test]
fn packet_outs_go_by_their_queue_too() {
    let mut bed = Bed::new(10 * MBIT, &[queue(9, UNSET, 1)]);
    let now = bed.network.now();
    let message = PacketOut {
        buffer_id: NO_BUFFER,
        in_port: PortNo::CONTROLLER,
        actions: vec![Action::SetQueue(9), Action::output(PortNo(2))],
        data: frame(0, 125).headers().to_vec(),
    };
    let (device, host) = bed.network.switch_parts(bed.switch);
    for _ in 0..3 {
        device.switch_mut().packet_out(host, now, &message).unwrap();
    }
    bed.network.run_until(Nanos::from_secs(1));
    let at: Vec<u64> =
        bed.network.probe_take(bed.sink).iter().map(|(at, _)| at.0 / 1_000_000).collect();
    assert_eq!(at, [0, 100, 200], "1000 bits at 10 kbit/s");
}

#[test]
fn queues_come_and_go_under_load() {
    let mut bed = Bed::new(10 * MBIT, &[queue(1, UNSET, 100)]);
    let load = [(1, 1000, 20 * MBIT)];
    close(&bed.run(Duration::from_secs(3), &load), &[1e6]);
    bed.network.set_queues(bed.switch, 2, &[queue(1, UNSET, 500)]).unwrap();
    close(&bed.run(Duration::from_secs(3), &load), &[5e6]);
    let before = bed.stats(1)[0];
    assert_eq!(before.duration_sec, 6, "the queue stayed");
    bed.network.set_queues(bed.switch, 2, &[]).unwrap();
    let tables = &bed.network.device(bed.switch).switch().tables;
    let port = tables.port_stats(PortNo(2), bed.network.now()).unwrap()[0];
    assert!(port.tx_dropped > before.tx_errors, "what waited is lost with the queue");
    let got = bed.run(Duration::from_secs(3), &[(1, 1000, 9 * MBIT)]);
    close(&got, &[9e6]);
}

#[test]
fn one_seed_gives_one_run_with_queues_too() {
    let arrivals = || {
        let mut bed = Bed::new(10 * MBIT, &[queue(1, 300, 700), queue(2, UNSET, UNSET)]);
        let streams = [(1, 333, 9 * MBIT), (2, 1514, 9 * MBIT), (0, 60, MBIT)];
        let got = bed.run(Duration::from_millis(300), &streams);
        (got, bed.network.event_count())
    };
    assert_eq!(arrivals(), arrivals());
}

#[test]
#[should_panic(expected = "has no rate to share")]
fn queues_need_a_rate_to_have_shares_of() {
    let mut network = Network::new(1);
    let switch = network.add_switch(SwitchConfig::numbered(1));
    let probe = network.add_probe();
    network.connect((switch, 1), probe, LinkConfig { rate: None, ..LinkConfig::default() });
    let _ = network.set_queues(switch, 1, &[queue(1, UNSET, UNSET)]);
}

#[test]
fn queues_that_cannot_be_change_nothing() {
    let mut bed = Bed::new(MBIT, &[queue(1, UNSET, UNSET)]);
    let twice = [queue(4, UNSET, UNSET), queue(4, UNSET, UNSET)];
    assert!(bed.network.set_queues(bed.switch, 2, &twice).is_err());
    let tables = &bed.network.device(bed.switch).switch().tables;
    assert_eq!(tables.queues(PortNo::ANY).unwrap().len(), 1);
    assert!(tables.port_desc(Port(2)).is_some());
}
