//! Ports and statistics print as `ovs-ofctl ofp-print` of Open vSwitch 3.1 printed the same numbers.

use rumpswitch_ofp_codec::multipart::{
    AggregateStats, BandStats, BucketCounter, GroupStats, MeterStats, PortStats,
};
use rumpswitch_ofp_codec::{
    GroupId, HwAddr, MeterId, PortConfig, PortDesc, PortFeatures, PortNo, PortState,
};

#[test]
fn ports() {
    let port = PortDesc {
        port_no: PortNo(1),
        hw_addr: HwAddr::from_u64(0x0200_0000_0001),
        name: "p1".into(),
        state: PortState::LIVE,
        curr: PortFeatures::FD_10GB | PortFeatures::COPPER,
        curr_speed: 10_000_000,
        ..PortDesc::default()
    };
    assert_eq!(
        port.to_string(),
        " 1(p1): addr:02:00:00:00:00:01\n     config:     0\n     state:      LIVE\n     \
         current:    10GB-FD COPPER\n     speed: 10000 Mbps now, 0 Mbps max"
    );
    let port = PortDesc {
        port_no: PortNo(3),
        hw_addr: HwAddr::from_u64(0x0200_0000_0003),
        name: "eth2".into(),
        config: PortConfig::from_bits_retain(0x65),
        state: PortState::from_bits_retain(7),
        curr: PortFeatures::from_bits_retain(0xffff),
        advertised: PortFeatures::from_bits_retain(0x2820),
        supported: PortFeatures::from_bits_retain(0x1000),
        peer: PortFeatures::from_bits_retain(0xc000),
        curr_speed: 1_234_567,
        max_speed: 999,
    };
    assert_eq!(
        port.to_string(),
        " 3(eth2): addr:02:00:00:00:00:03\n     \
         config:     PORT_DOWN NO_RECV NO_FWD NO_PACKET_IN\n     \
         state:      LINK_DOWN BLOCKED LIVE\n     \
         current:    10MB-HD 10MB-FD 100MB-HD 100MB-FD 1GB-HD 1GB-FD 10GB-FD 40GB-FD 100GB-FD \
         1TB-FD OTHER COPPER FIBER AUTO_NEG AUTO_PAUSE AUTO_PAUSE_ASYM\n     \
         advertised: 1GB-FD COPPER AUTO_NEG\n     \
         supported:  FIBER\n     \
         peer:       AUTO_PAUSE AUTO_PAUSE_ASYM\n     \
         speed: 1234 Mbps now, 0 Mbps max"
    );
    let local = PortDesc {
        port_no: PortNo::LOCAL,
        hw_addr: HwAddr::from_u64(0x0200_0000_0002),
        name: "br0".into(),
        config: PortConfig::PORT_DOWN,
        state: PortState::LINK_DOWN,
        ..PortDesc::default()
    };
    assert_eq!(
        local.to_string(),
        " LOCAL(br0): addr:02:00:00:00:00:02\n     config:     PORT_DOWN\n     \
         state:      LINK_DOWN\n     speed: 0 Mbps now, 0 Mbps max"
    );
}

#[test]
fn port_statistics() {
    let stats = PortStats {
        port_no: PortNo(1),
        rx_packets: 1,
        tx_packets: 2,
        rx_bytes: 3,
        tx_bytes: 4,
        rx_dropped: 5,
        tx_dropped: 6,
        rx_errors: 7,
        tx_errors: 8,
        rx_frame_err: 9,
        rx_over_err: 10,
        rx_crc_err: 11,
        collisions: 12,
        duration_sec: 7,
        duration_nsec: 8_000_000,
    };
    assert_eq!(
        stats.to_string(),
        "  port  1: rx pkts=1, bytes=3, drop=5, errs=7, frame=9, over=10, crc=11\n           \
         tx pkts=2, bytes=4, drop=6, errs=8, coll=12\n           duration=7.008s"
    );
    let local = PortStats {
        port_no: PortNo::LOCAL,
        rx_frame_err: u64::MAX,
        rx_over_err: u64::MAX,
        rx_crc_err: u64::MAX,
        collisions: u64::MAX,
        duration_nsec: 0,
        ..stats
    };
    assert_eq!(
        local.to_string(),
        "  port LOCAL: rx pkts=1, bytes=3, drop=5, errs=7, frame=?, over=?, crc=?\n           \
         tx pkts=2, bytes=4, drop=6, errs=8, coll=?\n           duration=7s"
    );
}

#[test]
fn group_meter_and_aggregate_statistics() {
    let bucket = |packet_count, byte_count| BucketCounter { packet_count, byte_count };
    let group = GroupStats {
        group_id: GroupId(1),
        ref_count: 2,
        packet_count: 3,
        byte_count: 4,
        duration_sec: 5,
        duration_nsec: 6_000_000,
        buckets: vec![bucket(10, 20), bucket(30, 40)],
    };
    assert_eq!(
        group.to_string(),
        " group_id=1,duration=5.006s,ref_count=2,packet_count=3,byte_count=4,\
         bucket0:packet_count=10,byte_count=20,bucket1:packet_count=30,byte_count=40"
    );
    let band =
        |packet_band_count, byte_band_count| BandStats { packet_band_count, byte_band_count };
    let meter = MeterStats {
        meter_id: MeterId::CONTROLLER,
        flow_count: 3,
        packet_in_count: 10,
        byte_in_count: 20,
        duration_sec: 5,
        duration_nsec: 6_000_000,
        bands: vec![band(1, 2), band(3, 4)],
    };
    assert_eq!(
        meter.to_string(),
        "meter:controller flow_count:3 packet_in_count:10 byte_in_count:20 duration:5.006s bands:\n\
         0: packet_count:1 byte_count:2\n1: packet_count:3 byte_count:4"
    );
    let sum = AggregateStats { packet_count: 1, byte_count: 2, flow_count: 3 };
    assert_eq!(sum.to_string(), "packet_count=1 byte_count=2 flow_count=3");
}
