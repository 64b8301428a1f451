//! Ports with rates and queues on a real clock: what leaves them, what is counted, what is refused.
//! Machines that run tests are busy: time in which the process did not run counts for nothing.

use std::time::{Duration, Instant};

use datapath::{QueueConfig, Switch, SwitchConfig};
use hypercall::{Frame, Hypercall, Meta, Port, Sent, VecFrame};
use ofp_codec::multipart::{QueueStats, QueueStatsRequest};
use ofp_codec::text::{NoNames, parse_flow};
use ofp_codec::{FlowModCommand, PortFeatures, PortNo, QUEUE_ALL};
use rumpswitch_unix::{EventLoop, Opener, PortSpec, QueueSpec, RateSpec, UnixHost, clock};
use switch_dev::{Device, DeviceConfig};

/// Bytes of a frame.
const LEN: usize = 1000;
/// Bytes a second of 8 Mbit/s.
const RATE: f64 = 1_000_000.0;
/// What a turn may come late without losing anything.
const LATE: Duration = Duration::from_millis(15);

fn specs(texts: &[&str]) -> Vec<QueueSpec> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn open(opener: &mut Opener, ports: &[&str]) -> UnixHost {
    let ports: Vec<PortSpec> = ports.iter().map(|port| port.parse().unwrap()).collect();
    UnixHost::new(opener.open(&ports).unwrap())
}

/// A switch between two cables, port 2 of which shapes; the far ends of the cables.
struct Bed {
    event_loop: EventLoop,
    far: UnixHost,
}

impl Bed {
    /// Frames of VLAN n go by queue n.
    fn new(rate: &str, queues: &[&str]) -> Bed {
        let mut opener = Opener::default();
        let mut host = open(&mut opener, &["pair:in", "pair:out"]);
        let far = open(&mut opener, &["pair:in", "pair:out"]);
        opener.finish().unwrap();
        host.shape(&[rate.parse().unwrap()], &specs(queues)).unwrap();
        let mut switch = Switch::new(SwitchConfig { datapath_id: 1, ..SwitchConfig::default() });
        host.attach(clock::now(), &mut switch.tables).unwrap();
        let mut flows = vec!["priority=1,actions=output:2".to_owned()];
        let ids = switch.tables.queues(PortNo(2)).unwrap().into_iter().map(|q| q.queue_id);
        let of_queue = |id| format!("priority=2,dl_vlan={id},actions=set_queue:{id},output:2");
        flows.extend(ids.map(of_queue));
        for flow in flows {
            let flow = parse_flow(&flow, FlowModCommand::Add, &NoNames).unwrap();
            switch.tables.flow_mod(clock::now(), &flow).unwrap();
        }
        let mut event_loop = EventLoop::without_signals().unwrap();
        let device = Device::new(DeviceConfig::default(), switch);
        event_loop.add("one", device, host, &[]).unwrap();
        Bed { event_loop, far }
    }

    /// Sends frames of these VLANs as fast as they are taken, for a while; the bytes that came of
    /// each.
    fn flood(&mut self, span: Duration, vlans: &[u16]) -> Flood {
        let start = Instant::now();
        let mut got = vec![0.0; vlans.len()];
        let mut received = Vec::new();
        let mut last = start;
        let mut awake = Duration::ZERO;
        while awake < span && start.elapsed() < 10 * span {
            awake += last.elapsed().min(LATE);
            last = Instant::now();
            for vlan in vlans.iter().cycle().take(4 * vlans.len()) {
                let sent = self.far.transmit(Port(1), &Meta::default(), frame(*vlan));
                assert_eq!(sent, Sent::Sent);
            }
            self.far.flush();
            self.event_loop.turn(Some(500_000)).unwrap();
            while self.far.receive(Port(2), &mut received).unwrap() > 0 {}
            for out in received.drain(..) {
                let vlan = u16::from_be_bytes([out.frame.headers()[14], out.frame.headers()[15]]);
                let at = vlans.iter().position(|other| *other == vlan).unwrap();
                got[at] += out.frame.len() as f64;
                self.far.recycle(out.frame);
            }
        }
        Flood { got, awake: awake.as_secs_f64(), all: start.elapsed().as_secs_f64() }
    }

    fn stats(&mut self) -> Vec<QueueStats> {
        let (_, device, _, _) = self.event_loop.switches().next().unwrap();
        let request = QueueStatsRequest { port_no: PortNo(2), queue_id: QUEUE_ALL };
        device.switch().tables.queue_stats(request, clock::now()).unwrap()
    }
}

/// What came through, in seconds in which the loop ran and in seconds on the clock.
struct Flood {
    got: Vec<f64>,
    awake: f64,
    all: f64,
}

fn frame(vlan: u16) -> VecFrame {
    let mut bytes = vec![0x22; LEN];
    bytes[..12].copy_from_slice(&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
    let [high, low] = vlan.to_be_bytes();
    bytes[12..18].copy_from_slice(&[0x81, 0, high, low, 0x88, 0xb5]);
    VecFrame::from_bytes(&bytes)
}

impl Flood {
    /// Never more than a rate of bytes a second, and no less than 75 % of it while the loop ran.
    #[track_caller]
    fn about(&self, got: f64, rate: f64) {
        let bounds = rate * self.awake * 0.75..=rate * self.all * 1.03 + 25_000.0;
        assert!(bounds.contains(&got), "{got:.0} bytes are not in {bounds:.0?}");
    }

    fn sum(&self) -> f64 {
        self.got.iter().sum()
    }
}

#[test]
fn a_real_port_keeps_to_its_rate_and_its_queues_to_theirs() {
    let mut bed = Bed::new("2=8M", &["2:1:max=20%", "2:2:min=60%", "2:3"]);
    let flood = bed.flood(Duration::from_millis(1500), &[1, 2, 3]);
    flood.about(flood.sum(), RATE);
    flood.about(flood.got[0], RATE * 0.2);
    // How they share holds however late the loop was.
    let share = |queue: usize| flood.got[queue] / flood.sum();
    assert!((0.57..0.63).contains(&share(1)), "{:?}", flood.got);
    assert!((0.17..0.23).contains(&share(2)), "{:?}", flood.got);
    let stats = bed.stats();
    assert_eq!(stats.iter().map(|row| row.queue_id).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(stats.iter().all(|row| row.tx_errors > 0), "all overran: {stats:?}");
    assert!(stats.iter().all(|row| row.tx_bytes == row.tx_packets * LEN as u64));
}

#[test]
fn a_rate_alone_shapes_a_port() {
    let mut bed = Bed::new("2=4M", &[]);
    let flood = bed.flood(Duration::from_millis(700), &[9]);
    flood.about(flood.sum(), RATE / 2.0);
}

#[test]
fn what_waits_leaves_when_it_may_without_anything_else_happening() {
    let mut bed = Bed::new("2=800k", &["2:1:max=50%"]);
    for _ in 0..6 {
        bed.far.transmit(Port(1), &Meta::default(), frame(1));
    }
    bed.far.flush();
    // 20 ms each.
    let start = Instant::now();
    let mut received = Vec::new();
    let mut turns = 0;
    while received.len() < 6 && start.elapsed() < Duration::from_secs(5) {
        bed.event_loop.turn(Some(1_000_000_000)).unwrap();
        turns += 1;
        bed.far.receive(Port(2), &mut received).unwrap();
    }
    assert_eq!(received.len(), 6);
    assert!(start.elapsed() >= Duration::from_millis(94), "{:?}", start.elapsed());
    assert!(turns < 60, "it sleeps until then: {turns} turns");
}

#[test]
fn ports_tell_their_rate_and_their_queues() {
    let mut opener = Opener::default();
    let mut host = open(&mut opener, &["7:pair:x", "pair:x"]);
    host.shape(&["7=100M".parse().unwrap()], &specs(&["7:4294967294:min=10%", "7:0"])).unwrap();
    let mut switch = Switch::new(SwitchConfig::default());
    host.attach(clock::now(), &mut switch.tables).unwrap();
    let desc = switch.tables.port_desc(Port(7)).unwrap();
    assert_eq!((desc.curr, desc.curr_speed), (PortFeatures::FD_100MB, 100_000));
    let ids: Vec<u32> =
        switch.tables.queues(PortNo::ANY).unwrap().iter().map(|queue| queue.queue_id).collect();
    assert_eq!(ids, [0, 0xffff_fffe]);
}

#[test]
fn what_cannot_be_shaped_is_named() {
    let refused = |rates: &[&str], queues: &[&str]| {
        let mut opener = Opener::default();
        let mut host = open(&mut opener, &["1:pair:x", "2:pair:x"]);
        let rates: Vec<RateSpec> = rates.iter().map(|rate| rate.parse().unwrap()).collect();
        host.shape(&rates, &specs(queues)).unwrap_err().to_string()
    };
    assert_eq!(refused(&["3=1M"], &[]), "'3=1000k': there is no such port");
    assert_eq!(refused(&["1=1M", "1=2M"], &[]), "'1=2000k': the port has a rate already");
    assert_eq!(refused(&[], &["3:1"]), "'3:1': there is no such port");
    assert_eq!(refused(&["1=1M"], &["1:1", "1:1"]), "'1:1': the port has this queue already");
    let none = refused(&[], &["1:1:max=5%"]);
    assert_eq!(none, "'port 1': queues need a rate, and the link has none: give the port one");
    let much = refused(&["1=1M"], &["1:1:min=60%", "1:2:min=40.1%"]);
    assert_eq!(much, "'port 1': its queues are guaranteed more than 100% together");
    assert_eq!(QueueConfig::WHOLE, 1000);
}
