//! Two hosts on one wire, without a switch: the stacks, the links and the clock.

mod memory_file;

use std::time::Duration;

use hypercall::{Frame, VecFrame};
use memory_file::MemoryFile;
use rumpswitch_virt::{
    HostConfig, HostId, LinkConfig, LinkId, Nanos, Network, PingConfig, PingState, StreamState,
    TransferState,
};

fn pair(seed: u64, link: LinkConfig) -> (Network, HostId, HostId, LinkId) {
    let mut network = Network::new(seed);
    let mut host = |n: u8| {
        let ipv6 = format!("fd00::{n}").parse().unwrap();
        network.add_host(&format!("h{n}"), [2, 0, 0, 0, 0, n], [10, 0, 0, n].into(), ipv6)
    };
    let (a, b) = (host(1), host(2));
    let link = network.connect(a, b, link);
    (network, a, b, link)
}

fn content(len: usize) -> Vec<u8> {
    (0..len as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

#[test]
fn pings_take_two_delays_and_two_transmissions() {
    let config = LinkConfig {
        delay: Duration::from_millis(5),
        rate: Some(1_000_000),
        ..LinkConfig::default()
    };
    let (mut network, a, _, _) = pair(1, config);
    let v4 = network.ping(a, [10, 0, 0, 2]);
    network.run_until(Nanos::from_secs(5));
    // 14 + 20 + 8 + 56 bytes are 98, and 784 us at 1 Mbit/s.
    let expected = Duration::from_micros(2 * (5_000 + 784));
    assert_eq!(network.ping_state(v4), PingState::Answered(expected));
    let v6 = network.ping(a, "fd00::2".parse::<std::net::IpAddr>().unwrap());
    network.run_until(Nanos::from_secs(10));
    let expected = Duration::from_micros(2 * (5_000 + 944));
    assert_eq!(network.ping_state(v6), PingState::Answered(expected));
}

#[test]
fn a_ping_to_nobody_times_out() {
    let (mut network, a, _, _) = pair(1, LinkConfig::default());
    let config = PingConfig { timeout: Duration::from_secs(2), ..PingConfig::default() };
    let ping = network.ping_with(a, [10, 0, 0, 99], &config);
    network.run_until(Nanos(1_999_999_999));
    assert_eq!(network.ping_state(ping), PingState::Pending);
    network.run_until(Nanos::from_secs(2));
    assert_eq!(network.ping_state(ping), PingState::TimedOut);
}

#[test]
fn a_transfer_is_checked() {
    let (mut network, a, b, link) = pair(1, LinkConfig::default());
    let transfer = network.tcp_transfer(a, b, 5001, content(1 << 20));
    assert_eq!(network.run_transfer(transfer, Nanos::from_secs(60)), TransferState::Done);
    let [there, back] = network.link_stats(link);
    assert!(there.delivered_bytes > 1 << 20, "{there:?}");
    assert!(back.delivered > 100, "{back:?}");
    assert_eq!(there.lost + there.overflowed + back.lost + back.overflowed, 0);
}

#[test]
fn a_transfer_over_a_lossy_link_is_right_all_the_same() {
    let (mut network, a, b, link) =
        pair(3, LinkConfig { loss_ppm: 10_000, ..LinkConfig::default() });
    let transfer = network.tcp_transfer(a, b, 5001, content(1 << 20));
    assert_eq!(network.run_transfer(transfer, Nanos::from_secs(600)), TransferState::Done);
    assert!(network.link_stats(link)[0].lost > 0);
}

#[test]
fn a_transfer_is_bounded_by_the_rate() {
    let config = LinkConfig { rate: Some(10_000_000), ..LinkConfig::default() };
    let (mut network, a, b, _) = pair(1, config);
    let transfer = network.tcp_transfer(a, b, 5001, content(1 << 20));
    assert_eq!(network.run_transfer(transfer, Nanos::from_secs(60)), TransferState::Done);
    let seconds = network.now().0 as f64 / 1e9;
    assert!((0.83..1.2).contains(&seconds), "8.4 Mbit at 10 Mbit/s took {seconds} s");
}

#[test]
fn streams_go_both_ways_and_close() {
    let (mut network, a, b, _) = pair(1, LinkConfig::default());
    let listener = network.tcp_listen(b, 80);
    let client = network.tcp_connect(a, "fd00::2".parse::<std::net::IpAddr>().unwrap(), 80);
    network.tcp_send(client, b"GET");
    network.run_until(Nanos::from_secs(1));
    let server = network.tcp_accept(listener).expect("the stream was accepted");
    assert_eq!(network.tcp_accept(listener), None);
    assert_eq!(network.tcp_take(server), b"GET");
    network.tcp_send(server, b"200");
    network.tcp_close(server);
    network.run_until(Nanos::from_secs(2));
    assert_eq!(network.tcp_received(client), b"200");
    assert_eq!(network.tcp_state(client), StreamState::PeerClosed);
    network.tcp_close(client);
    network.run_until(Nanos::from_secs(30));
    assert_eq!(network.tcp_state(client), StreamState::Closed);
    assert_eq!(network.tcp_state(server), StreamState::Closed);
}

#[test]
fn a_closed_port_refuses() {
    let (mut network, a, _, _) = pair(1, LinkConfig::default());
    let stream = network.tcp_connect(a, [10, 0, 0, 2], 81);
    network.run_until(Nanos::from_secs(2));
    assert_eq!(network.tcp_state(stream), StreamState::Broken);
}

#[test]
fn datagrams_arrive_with_their_sender() {
    let (mut network, a, b, _) = pair(1, LinkConfig::default());
    let (client, server) = (network.udp_bind(a, 1000), network.udp_bind(b, 53));
    assert!(network.udp_send(client, [10, 0, 0, 2], 53, b"who?"));
    network.run_until(Nanos::from_secs(2));
    let datagram = network.udp_receive(server).expect("a datagram");
    assert_eq!(datagram.bytes, b"who?");
    assert_eq!(datagram.from.to_string(), "10.0.0.1:1000");
    assert_eq!(network.udp_receive(server), None);
}

#[test]
fn a_link_can_become_lossy_and_sound_again() {
    let (mut network, a, _, link) = pair(1, LinkConfig::default());
    let answered = |network: &mut Network| {
        let ping = network.ping(a, [10, 0, 0, 2]);
        network.run_until(network.now().plus(6 * Nanos::PER_SECOND));
        matches!(network.ping_state(ping), PingState::Answered(_))
    };
    assert!(answered(&mut network));
    network.set_link_loss(link, 1_000_000);
    assert!(!answered(&mut network));
    network.set_link_loss(link, 0);
    assert!(answered(&mut network));
    assert_eq!(network.link_stats(link)[0].lost, 1);
}

#[test]
fn what_is_elsewhere_goes_to_the_gateway() {
    let mut network = Network::new(1);
    let host = network.add_host_with(HostConfig {
        name: "h1".to_owned(),
        mac: [2, 0, 0, 0, 0, 1],
        ipv4: Some(([10, 0, 0, 1].into(), 24)),
        ipv6: None,
        gateway_v4: Some([10, 0, 0, 254].into()),
        gateway_v6: None,
    });
    let probe = network.add_probe();
    network.connect(host, probe, LinkConfig::default());
    network.ping(host, [192, 168, 7, 7]);
    network.run_until(Nanos::from_secs(1));
    let asked = network.probe_take(probe);
    let asked = asked[0].1.headers();
    assert_eq!(asked[12..14], [0x08, 0x06], "ARP");
    assert_eq!(asked[38..42], [10, 0, 0, 254], "for the gateway's address");
    let v6 = network.ping(host, "fd00::9".parse::<std::net::IpAddr>().unwrap());
    assert_eq!(network.ping_state(v6), PingState::NoAddress);
    let nobody = network.ping(host, [0, 0, 0, 0]);
    assert_eq!(network.ping_state(nobody), PingState::NoAddress);
}

#[test]
fn probes_send_and_keep_frames() {
    let mut network = Network::new(1);
    let (a, b) = (network.add_probe(), network.add_probe());
    network.connect(a, b, LinkConfig { rate: None, ..LinkConfig::default() });
    assert!(network.probe_send(a, VecFrame::from_bytes(&[7; 60])));
    network.run_until(Nanos::from_secs(1));
    let received = network.probe_take(b);
    assert_eq!(received.len(), 1);
    assert_eq!(received[0].0, Nanos(10_000));
    assert_eq!(received[0].1.headers(), [7; 60]);
}

/// A capture of a run that has some of everything.
fn captured(seed: u64) -> Vec<u8> {
    let (mut network, a, b, _) =
        pair(seed, LinkConfig { loss_ppm: 20_000, ..LinkConfig::default() });
    let file = MemoryFile::default();
    let capture = network.capture(None, file.clone());
    network.ping(a, [10, 0, 0, 2]);
    network.ping(b, "fd00::1".parse::<std::net::IpAddr>().unwrap());
    let transfer = network.tcp_transfer(b, a, 7, content(100_000));
    assert_eq!(network.run_transfer(transfer, Nanos::from_secs(300)), TransferState::Done);
    network.finish_capture(capture).unwrap();
    file.bytes()
}

#[test]
fn a_seed_repeats_a_run_to_the_byte() {
    let first = captured(11);
    assert!(first.len() > 100_000);
    assert!(first == captured(11), "the same seed, the same bytes at the same times");
    assert!(first != captured(12), "another seed, another run");
}
