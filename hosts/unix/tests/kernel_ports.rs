//! Tap and packet ports against the kernel's own stack, in namespaces of the test's own: TCP and
//! UDP between hosts whose interfaces have all their offloads on, through a host that forwards
//! between its ports.

mod namespace;

use etherparse::{IpHeaders, Ipv4Header, PacketBuilder};
use hypercall::{Frame, Hypercall, Meta, Port, VecFrame};
use namespace::{configure, inside, role, run, until_done, veth_host};
use rumpswitch_unix::{
    Error, OpenPort, Opener, Outgoing, PacketOptions, PacketPort, PortIo, PortSpec, Received,
    TapPort, UnixHost,
};
use rustix::event::{PollFd, Timespec, poll};

const MIB: usize = 1 << 20;

#[test]
fn play() {
    namespace::play();
}

/// Two ports that are one another's other end.
struct Patch {
    host: UnixHost,
    batch: Vec<Received>,
    /// The longest frame that passed.
    longest: usize,
    /// Whether the second port is a trunk: frames are tagged on their way there.
    trunk: bool,
}

impl Patch {
    fn new(ports: Vec<OpenPort>) -> Patch {
        assert_eq!(ports.len(), 2);
        Patch { host: UnixHost::new(ports), batch: Vec::new(), longest: 0, trunk: false }
    }

    fn open(opener: &mut Opener, specs: [&str; 2]) -> Patch {
        let specs = specs.map(|spec| spec.parse::<PortSpec>().unwrap());
        Patch::new(opener.open(&specs).unwrap())
    }

    /// Passes on what is there; tells how many frames.
    fn pass(&mut self) -> usize {
        self.host.resume();
        let mut count = 0;
        for (from, to) in [(Port(1), Port(2)), (Port(2), Port(1))] {
            count += self.host.receive(from, &mut self.batch).unwrap();
            for mut received in self.batch.drain(..) {
                if self.trunk {
                    retag(&mut received, to == Port(2));
                }
                let Received { frame, meta } = received;
                self.longest = self.longest.max(frame.len());
                self.host.transmit(to, &meta, frame);
            }
        }
        self.host.flush();
        count
    }
}

/// Passes frames until the children are done.
fn pass_until_done(patches: &mut [Patch], children: Vec<std::process::Child>) {
    until_done(children, || {
        let mut count = 0;
        for patch in &mut *patches {
            count += patch.pass();
        }
        if count == 0 {
            let nothing: &mut [PollFd<'_>] = &mut [];
            let _ = poll(nothing, Some(&Timespec { tv_sec: 0, tv_nsec: 200_000 }));
        }
    });
}

/// TCP of `count` bytes and a little UDP from h1 to h2, over IPv4 and IPv6.
fn converse(patches: &mut [Patch], count: usize) {
    for (any, address) in [("0.0.0.0:5001", "10.0.0.2:5001"), ("[::]:5002", "[fd00::2]:5002")] {
        let children = vec![
            role(2, &format!("serve {any} {count}")),
            role(1, &format!("send {address} {count}")),
        ];
        pass_until_done(patches, children);
        let children =
            vec![role(2, &format!("echo {any} 5")), role(1, &format!("ask {address} 5"))];
        pass_until_done(patches, children);
    }
    flood(patches, 1, 2);
}

/// Datagrams one behind the other, of which each arrives once and in order, joined on their way or not.
fn flood(patches: &mut [Patch], from: u32, to: u32) {
    for (any, host) in [("0.0.0.0", format!("10.0.0.{to}")), ("[::]", format!("[fd00::{to}]"))] {
        let children = vec![
            role(to, &format!("collect {any}:5003 150")),
            role(from, &format!("flood {host}:5003 150")),
        ];
        pass_until_done(patches, children);
    }
}

fn open(number: u32, io: impl PortIo + 'static) -> OpenPort {
    let spec: PortSpec = "pair:test".parse().unwrap();
    OpenPort { number: Port(number), name: format!("p{number}"), spec, io: Box::new(io) }
}

#[test]
fn packet_to_packet_keeps_large_segments() {
    inside("packet_to_packet_keeps_large_segments", || {
        veth_host(1);
        veth_host(2);
        let mut patch = Patch::open(&mut Opener::default(), ["packet:v1", "packet:v2"]);
        let told: Vec<_> =
            patch.host.ports().map(|(_, name, info)| (name.to_owned(), info)).collect();
        assert_eq!(told[0].0, "v1");
        assert_eq!((told[0].1.max_frame, told[0].1.speed_kbps), (1514, Some(10_000_000)));
        assert!(told[0].1.hw_addr.is_some());
        converse(std::slice::from_mut(&mut patch), 16 * MIB);
        assert!(patch.longest > 20_000, "longest frame {}", patch.longest);
        for port in [Port(1), Port(2)] {
            assert_eq!(patch.host.counters(port).unwrap().refused, 0);
        }
    });
}

#[test]
fn without_virtio_headers_checksums_are_completed() {
    inside("without_virtio_headers_checksums_are_completed", || {
        veth_host(1);
        veth_host(2);
        let options = PacketOptions { offloads: false };
        let ports = ["v1", "v2"].map(|name| PacketPort::open_with(name, options).unwrap());
        let [one, two] = ports;
        let mut patch = Patch::new(vec![open(1, one), open(2, two)]);
        converse(std::slice::from_mut(&mut patch), 2 * MIB);
        assert!(patch.longest > 2000, "large segments came: {}", patch.longest);
    });
}

#[test]
fn large_segments_are_cut_for_plain_ports() {
    inside("large_segments_are_cut_for_plain_ports", || {
        veth_host(1);
        veth_host(2);
        let mut opener = Opener::default();
        let near = Patch::open(&mut opener, ["packet:v1", "dgram:/run/a,/run/b"]);
        let far = Patch::open(&mut opener, ["dgram:/run/b,/run/a", "packet:v2"]);
        let mut patches = [near, far];
        converse(&mut patches, 4 * MIB);
        assert!(patches[0].longest > 10_000, "large ones came in: {}", patches[0].longest);
    });
}

#[test]
fn tap_to_packet() {
    inside("tap_to_packet", || {
        veth_host(2);
        let tap = match TapPort::open("tap1") {
            Ok(tap) => tap,
            Err(Error::Permission { .. }) => {
                println!("tap_to_packet: skipped: no access to /dev/net/tun");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        match TapPort::open("tap1") {
            Err(error) => assert_eq!(error.to_string(), "tap1: in use by another program"),
            Ok(_) => panic!("opened twice"),
        }
        let error = TapPort::open("v2").map(drop).unwrap_err();
        assert_eq!(error.to_string(), "v2: exists and is not a tap interface");
        run("ip netns add h1");
        run("ip link set tap1 netns h1");
        configure(1, "tap1");
        let mut patch = Patch::new(vec![open(1, tap), open(2, PacketPort::open("v2").unwrap())]);
        converse(std::slice::from_mut(&mut patch), 16 * MIB);
        flood(std::slice::from_mut(&mut patch), 2, 1);
        assert!(patch.longest > 20_000, "longest frame {}", patch.longest);
    });
}

/// Both ends of a cable on which the kernel's own stack says nothing.
fn cable(options: PacketOptions) -> [PacketPort; 2] {
    run("ip link add t1 type veth peer name t2");
    for end in ["t1", "t2"] {
        std::fs::write(format!("/proc/sys/net/ipv6/conf/{end}/disable_ipv6"), "1").unwrap();
        run(&format!("ip link set {end} mtu 9000 up"));
    }
    ["t1", "t2"].map(|end| PacketPort::open_with(end, options).unwrap())
}

/// Datagrams of `flows` flows in turn, with all checksums.
fn datagrams(flows: u16, count: u16) -> Vec<Vec<u8>> {
    let datagram = |i: u16| {
        let mut ip = Ipv4Header::new(0, 64, 17.into(), [10, 0, 0, 1], [10, 0, 0, 2]).unwrap();
        ip.identification = i / flows;
        let builder = PacketBuilder::ethernet2([2; 6], [4; 6])
            .ip(IpHeaders::Ipv4(ip, Default::default()))
            .udp(1000 + i % flows, 2000);
        let mut frame = Vec::new();
        builder.write(&mut frame, &[i as u8; 18]).unwrap();
        frame
    };
    (0..count).map(datagram).collect()
}

/// What comes out of the far end of a cable when `frames` go into the near one.
fn through(ports: &mut [PacketPort; 2], frames: &[Vec<u8>]) -> Vec<Received> {
    let out =
        |frame: &Vec<u8>| Outgoing { frame: VecFrame::from_bytes(frame), meta: Meta::default() };
    let mut queue: Vec<_> = frames.iter().map(out).collect();
    let mut pool = rumpswitch_unix::Pool::default();
    let [near, far] = ports;
    assert_eq!(near.transmit(&mut pool, &mut queue).unwrap(), 0);
    assert_eq!(queue.len(), 0);
    let mut received = Vec::new();
    while far.receive(&mut pool, &mut received).unwrap() > 0 {}
    received
}

#[test]
fn datagrams_of_one_flow_leave_as_one_train() {
    inside("datagrams_of_one_flow_leave_as_one_train", || {
        let mut ports = cable(PacketOptions::default());
        let frames = datagrams(1, 40);
        let trains = through(&mut ports, &frames);
        // Where the kernel does not know such trains each datagram came alone.
        if trains.len() == frames.len() {
            println!("datagrams_of_one_flow_leave_as_one_train: skipped: Linux before 6.2");
        } else {
            assert_eq!(trains.len(), 2, "a burst, and the rest");
        }
        let mut cut = Vec::new();
        for Received { frame, meta } in trains {
            let mut pool = rumpswitch_unix::Pool::default();
            let add = |frame: VecFrame| cut.push(frame.headers().to_vec());
            match meta.offload.gso {
                Some(_) => {
                    let segment = rumpswitch_unix::segment::segment;
                    segment(frame.headers(), &meta.offload, &mut pool, add).unwrap();
                }
                None => cut.push(frame.headers().to_vec()),
            }
        }
        assert_eq!(cut, frames);
        // Flows that alternate are left alone.
        let frames = datagrams(2, 40);
        let alone = through(&mut ports, &frames);
        let alone: Vec<_> = alone.iter().map(|received| received.frame.headers()).collect();
        assert_eq!(alone, frames);
    });
}

#[test]
fn without_virtio_headers_datagrams_leave_alone() {
    inside("without_virtio_headers_datagrams_leave_alone", || {
        let mut ports = cable(PacketOptions { offloads: false });
        let frames = datagrams(1, 40);
        let alone = through(&mut ports, &frames);
        let alone: Vec<_> = alone.iter().map(|received| received.frame.headers()).collect();
        assert_eq!(alone, frames);
    });
}

/// Frame `i` of those that only order tells apart.
fn numbered(i: usize, len: usize) -> Vec<u8> {
    let mut frame = vec![2; len];
    frame[12..14].copy_from_slice(&[0x88, 0xb5]);
    frame[14..22].copy_from_slice(&(i as u64).to_be_bytes());
    frame
}

#[test]
fn long_frames_and_short_ones_come_in_order() {
    inside("long_frames_and_short_ones_come_in_order", || {
        for options in [PacketOptions::default(), PacketOptions { offloads: false }] {
            let mut ports = cable(options);
            let lens = [60, 9014, 1514, 1999, 2000, 2048, 3000, 8000, 8000, 60, 60];
            let frames: Vec<_> = (0..300).map(|i| numbered(i, lens[i * i % 11])).collect();
            // No more at once than the kernel keeps.
            for frames in frames.chunks(100) {
                let received = through(&mut ports, frames);
                let received: Vec<_> = received.iter().map(|r| r.frame.headers()).collect();
                assert!(received == frames, "{} of {}", received.len(), frames.len());
            }
            run("ip link del t1");
        }
    });
}

#[test]
fn what_the_kernel_cannot_keep_is_lost_and_what_follows_comes() {
    inside("what_the_kernel_cannot_keep_is_lost_and_what_follows_comes", || {
        let mut ports = cable(PacketOptions::default());
        let flood: Vec<_> = (0..40_000).map(|i| numbered(i, 60 + i % 2 * 3000)).collect();
        let first = through(&mut ports, &flood);
        assert!(first.len() < flood.len(), "{}", first.len());
        let came = |received: &[Received]| -> Vec<_> {
            received.iter().map(|received| received.frame.headers().to_vec()).collect()
        };
        for frame in came(&first) {
            let i = u64::from_be_bytes(frame[14..22].try_into().unwrap()) as usize;
            assert_eq!(frame, flood[i], "none is cut short");
        }
        let behind: Vec<_> = (0..50).map(|i| numbered(i, 60 + i % 3 * 2500)).collect();
        assert_eq!(came(&through(&mut ports, &behind)), behind);
    });
}

/// Puts a VLAN tag into a frame as a switch's push does, or takes it out.
fn retag(received: &mut Received, is_push: bool) {
    const TAG: [u8; 4] = [0x81, 0, 0x60, 5];
    let Received { frame, meta } = received;
    let shift = if is_push {
        assert!(frame.grow_front(4));
        frame.headers_mut().copy_within(4..16, 0);
        frame.headers_mut()[12..16].copy_from_slice(&TAG);
        4
    } else {
        assert_eq!(frame.headers()[12..16], TAG, "the tag is back");
        frame.headers_mut().copy_within(0..12, 4);
        assert!(frame.shrink_front(4));
        -4
    };
    if meta.offload.is_partial() {
        meta.offload.csum_start = meta.offload.csum_start.wrapping_add_signed(shift);
    }
    if let Some(gso) = &mut meta.offload.gso {
        gso.header_len = gso.header_len.wrapping_add_signed(shift);
    }
}

/// The kernel takes the tag out of each frame that it receives: what a packet socket sees is
/// without, and the switch must not notice. Tagged on a trunk between two switches, in large
/// segments with partial checksums.
#[test]
fn vlan_tags_are_put_back() {
    inside("vlan_tags_are_put_back", || {
        veth_host(1);
        veth_host(2);
        run("ip link add t1 type veth peer name t2");
        for trunk in ["t1", "t2"] {
            // The kernel's own stack has nothing to say on the trunk.
            let switch = format!("/proc/sys/net/ipv6/conf/{trunk}/disable_ipv6");
            std::fs::write(switch, "1").unwrap();
            run(&format!("ip link set {trunk} up"));
        }
        let mut opener = Opener::default();
        let near = Patch::open(&mut opener, ["packet:v1", "packet:t1"]);
        let far = Patch::open(&mut opener, ["packet:v2", "packet:t2"]);
        let mut patches = [Patch { trunk: true, ..near }, Patch { trunk: true, ..far }];
        converse(&mut patches, 8 * MIB);
        let longest = patches[1].longest;
        assert!(longest > 20_000, "longest frame on the trunk {longest}");
        drop(patches);
        // Without virtio-net headers, all of it by parsing.
        let options = PacketOptions { offloads: false };
        let mut patches = [("v1", "t1"), ("v2", "t2")].map(|(host, trunk)| {
            let ports = [host, trunk].map(|name| PacketPort::open_with(name, options).unwrap());
            let [one, two] = ports;
            Patch { trunk: true, ..Patch::new(vec![open(1, one), open(2, two)]) }
        });
        converse(&mut patches, MIB);
    });
}

/// Waits until a port's link is as it should be: the kernel tells of a carrier a moment late.
fn wait_for_link(port: &mut PacketPort, link: bool) {
    let start = std::time::Instant::now();
    while port.info().link != link {
        assert!(start.elapsed() < namespace::PATIENCE, "link {link}");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_link_that_goes_down_is_seen() {
    inside("a_link_that_goes_down_is_seen", || {
        veth_host(1);
        let mut port = PacketPort::open("v1").unwrap();
        wait_for_link(&mut port, true);
        run("ip -n h1 link set eth0 down");
        wait_for_link(&mut port, false);
        run("ip -n h1 link set eth0 up");
        wait_for_link(&mut port, true);
        run("ip link set v1 down");
        let mut received = Vec::new();
        let mut pool = rumpswitch_unix::Pool::default();
        for _ in 0..3 {
            assert_eq!(port.receive(&mut pool, &mut received).unwrap(), 0);
        }
        run("ip link del v1");
        wait_for_link(&mut port, false);
        // Another one of the same name.
        run("ip link add v1 type veth peer name w1");
        run("ip link set v1 up");
        run("ip link set w1 up");
        wait_for_link(&mut port, true);
        let mut other = PacketPort::open("w1").unwrap();
        let out = Outgoing { frame: VecFrame::from_bytes(&[0xff; 60]), meta: Meta::default() };
        assert_eq!(other.transmit(&mut pool, &mut vec![out]).unwrap(), 0);
        assert!(port.receive(&mut pool, &mut received).unwrap() >= 1);
    });
}

#[test]
fn only_ethernet_and_only_what_exists() {
    inside("only_ethernet_and_only_what_exists", || {
        let error = |name| PacketPort::open(name).map(drop).unwrap_err().to_string();
        assert_eq!(error("lo"), "lo: not an Ethernet interface");
        assert_eq!(error("none"), "none: no such interface");
    });
}

#[test]
fn a_missing_capability_is_named() {
    inside("a_missing_capability_is_named", || {
        // The hosts' namespaces belong to us; without capabilities the calls are refused.
        veth_host(1);
        let output = std::process::Command::new("setpriv")
            .args(["--bounding-set=-all", "--inh-caps=-all", "--reuid=65534", "--clear-groups"])
            .arg(std::env::current_exe().unwrap())
            .args(["as_nobody", "--exact", "--nocapture", "--ignored"])
            .output();
        match output {
            Ok(output) if output.status.success() => {
                let told = String::from_utf8_lossy(&output.stdout);
                assert!(
                    told.contains("v1: open a packet socket: not permitted, it takes CAP_NET_RAW"),
                    "{told}"
                );
            }
            _ => println!("a_missing_capability_is_named: skipped: setpriv cannot drop them"),
        }
    });
}

#[test]
#[ignore = "run by a_missing_capability_is_named without capabilities"]
fn as_nobody() {
    match PacketPort::open("v1") {
        Err(error) => println!("{error}"),
        Ok(_) => println!("opened"),
    }
    match TapPort::open("tap9") {
        Err(error) => println!("{error}"),
        Ok(_) => println!("opened"),
    }
}
