//! Ports that need no privilege: datagrams, patch cables, captures; and what the host does for a
//! port that takes only finished frames.

use std::{fs, path::PathBuf};

use hypercall::{Frame, Gso, GsoKind, Hypercall, Meta, Offload, Port, Sent, VecFrame};
use rumpswitch_unix::{
    Accepts, DgramPort, Error, OpenPort, PairPort, PcapPort, PortIo, PortSpec, Received, UnixHost,
    Wait, pcap,
};

/// A folder of this test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("rumpswitch-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn open(number: u32, io: impl PortIo + 'static) -> OpenPort {
    let spec: PortSpec = "pair:test".parse().unwrap();
    OpenPort { number: Port(number), name: format!("p{number}"), spec, io: Box::new(io) }
}

fn receive(host: &mut UnixHost, port: u32) -> Vec<Received> {
    let mut received = Vec::new();
    host.receive(Port(port), &mut received).unwrap();
    received
}

/// Ethernet, IPv4, UDP with a partial checksum, `payload` bytes in datagrams of `segment_len`.
fn udp(payload: usize, segment_len: Option<u16>) -> (VecFrame, Meta) {
    let mut bytes = vec![2; 12];
    bytes.extend_from_slice(&[8, 0, 0x45, 0]);
    bytes.extend_from_slice(&((28 + payload) as u16).to_be_bytes());
    bytes.extend_from_slice(&[0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    let (header, _) = etherparse::Ipv4Header::from_slice(&bytes[14..]).unwrap();
    bytes[24..26].copy_from_slice(&header.calc_header_checksum().to_be_bytes());
    bytes.extend_from_slice(&[0, 7, 0, 9]);
    bytes.extend_from_slice(&((8 + payload) as u16).to_be_bytes());
    let pseudo = 0x0a00u32 * 2 + 1 + 2 + 17 + 8 + payload as u32;
    bytes.extend_from_slice(&(pseudo as u16).to_be_bytes());
    bytes.extend((0..payload).map(|i| i as u8));
    let gso =
        segment_len.map(|segment_len| Gso { kind: GsoKind::Udp, segment_len, header_len: 42 });
    let offload = Offload { csum_start: 34, csum_offset: 6, gso };
    (VecFrame::from_bytes(&bytes), Meta { offload, ..Meta::default() })
}

/// Whether the UDP checksum over the whole of a frame is right, as a receiver computes it.
fn is_valid_udp(frame: &[u8]) -> bool {
    let parsed = etherparse::SlicedPacket::from_ethernet(frame).unwrap();
    let Some(etherparse::TransportSlice::Udp(udp)) = parsed.transport else { return false };
    let Some(etherparse::NetSlice::Ipv4(ip)) = parsed.net else { return false };
    let computed =
        udp.to_header().calc_checksum_ipv4(&ip.header().to_header(), udp.payload()).unwrap();
    ip.header().header_checksum() == ip.header().to_header().calc_header_checksum()
        && udp.checksum() == computed
}

#[test]
fn datagrams_go_both_ways_and_leave_nothing_behind() {
    let folder = Folder::new("dgram");
    let (a, b) = (folder.path("a"), folder.path("b"));
    {
        let mut host = UnixHost::new(vec![
            open(1, DgramPort::open(&a, &b).unwrap()),
            open(2, DgramPort::open(&b, &a).unwrap()),
        ]);
        for i in 0..5u8 {
            let frame = VecFrame::from_bytes(&[i; 60]);
            assert_eq!(host.transmit(Port(1), &Meta::default(), frame), Sent::Sent);
        }
        assert!(receive(&mut host, 2).is_empty(), "nothing is sent before the batch ends");
        host.flush();
        let frames = receive(&mut host, 2);
        let told: Vec<_> = frames.iter().map(|received| received.frame.headers()[0]).collect();
        assert_eq!(told, [0, 1, 2, 3, 4]);
        host.transmit(Port(2), &Meta::default(), VecFrame::zeroed(1514));
        host.flush();
        assert_eq!(receive(&mut host, 1)[0].frame.len(), 1514);
    }
    assert_eq!(fs::read_dir(&folder.0).unwrap().count(), 0);
}

#[test]
fn a_stale_socket_is_replaced_and_a_living_one_is_not() {
    let folder = Folder::new("stale");
    let (a, b) = (folder.path("a"), folder.path("b"));
    // Dropped without removing the file.
    drop(std::os::unix::net::UnixDatagram::bind(&a).unwrap());
    assert!(a.exists());
    let port = DgramPort::open(&a, &b).unwrap();
    match DgramPort::open(&a, &b) {
        Err(Error::Busy { name }) => assert_eq!(name, a.display().to_string()),
        other => panic!("{:?}", other.err()),
    }
    assert!(a.exists());
    drop(port);
    assert!(!a.exists());
    fs::write(&a, "not a socket").unwrap();
    assert!(DgramPort::open(&a, &b).is_err());
    assert!(a.exists(), "a file of somebody's is left alone");
}

#[test]
fn frames_to_nobody_are_counted() {
    let folder = Folder::new("nobody");
    let port = DgramPort::open(&folder.path("a"), &folder.path("b")).unwrap();
    let mut host = UnixHost::new(vec![open(1, port)]);
    for _ in 0..3 {
        host.transmit(Port(1), &Meta::default(), VecFrame::zeroed(60));
    }
    host.flush();
    assert_eq!(host.counters(Port(1)).unwrap().lost, 3);
    let sent = host.transmit(Port(9), &Meta::default(), VecFrame::zeroed(60));
    assert_eq!(sent, Sent::Dropped, "no such port");
}

#[test]
fn a_full_queue_drops_and_says_so() {
    let folder = Folder::new("full");
    let (a, b) = (folder.path("a"), folder.path("b"));
    let mut host = UnixHost::new(vec![
        open(1, DgramPort::open(&a, &b).unwrap()),
        open(2, DgramPort::open(&b, &a).unwrap()),
    ]);
    let mut sent_count = 0;
    for _ in 0..20_000 {
        let sent = host.transmit(Port(1), &Meta::default(), VecFrame::zeroed(1514));
        sent_count += usize::from(sent == Sent::Sent);
    }
    host.flush();
    assert!(sent_count < 20_000, "the peer's queue and ours are bounded");
    let mut received_count = 0;
    loop {
        let count = receive(&mut host, 2).len();
        received_count += count;
        if count == 0 {
            break;
        }
    }
    assert!(received_count > 0 && received_count <= sent_count);
    assert_eq!(host.counters(Port(1)).unwrap().lost, 0, "what was taken waits");
}

#[test]
fn a_pair_keeps_offloads_and_a_plain_one_does_not() {
    let (near, far) = PairPort::new().unwrap();
    let mut host = UnixHost::new(vec![open(1, near), open(2, far)]);
    let (frame, meta) = udp(250, Some(100));
    host.transmit(Port(1), &meta, frame.clone());
    host.flush();
    let frames = receive(&mut host, 2);
    assert_eq!((frames.len(), frames[0].meta), (1, meta));
    assert_eq!(frames[0].frame, frame);

    let (near, far) = PairPort::with(Accepts::NOTHING).unwrap();
    let mut host = UnixHost::new(vec![open(1, near), open(2, far)]);
    host.transmit(Port(1), &meta, frame);
    let (frame, meta) = udp(33, None);
    host.transmit(Port(1), &meta, frame);
    host.flush();
    let frames = receive(&mut host, 2);
    let lens: Vec<_> = frames.iter().map(|received| received.frame.len()).collect();
    assert_eq!(lens, [142, 142, 92, 75]);
    for received in &frames {
        assert_eq!(received.meta, Meta::default());
        assert!(is_valid_udp(received.frame.headers()));
    }
}

#[test]
fn a_pair_without_its_other_end_has_no_link() {
    let (mut near, far) = PairPort::new().unwrap();
    assert!(near.info().link);
    drop(far);
    assert!(!near.info().link);
}

#[test]
fn a_pair_wakes_and_calms_down() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let (near, mut far) = PairPort::new().unwrap();
    let mut host = UnixHost::new(vec![open(1, near)]);
    let is_readable = |port: &PairPort| {
        let mut fds = [PollFd::from_borrowed_fd(port.descriptor().unwrap(), PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).unwrap() == 1
    };
    assert!(!is_readable(&far));
    for _ in 0..40 {
        host.transmit(Port(1), &Meta::default(), VecFrame::zeroed(60));
    }
    host.flush();
    let mut received = Vec::new();
    let mut pool = rumpswitch_unix::Pool::default();
    assert!(is_readable(&far));
    assert_eq!(far.receive(&mut pool, &mut received).unwrap(), 32);
    assert!(is_readable(&far));
    assert_eq!(far.receive(&mut pool, &mut received).unwrap(), 8);
    assert!(!is_readable(&far));
}

#[test]
fn captures_in_and_out() {
    let folder = Folder::new("pcap");
    let (input, output) = (folder.path("in.pcap"), folder.path("out.pcap"));
    let mut writer = pcap::Writer::create(&input).unwrap();
    for i in 0..40u8 {
        writer.write(std::time::Duration::from_secs(i.into()), &[i; 60]).unwrap();
    }
    writer.finish().unwrap();
    let port = PcapPort::open(Some(&input), Some(&output)).unwrap();
    assert_eq!(port.wait(), Wait::Moment);
    let mut host = UnixHost::new(vec![open(1, port)]);
    let mut all = receive(&mut host, 1);
    assert_eq!(all.len(), 32);
    all.extend(receive(&mut host, 1));
    assert_eq!(all.len(), 40);
    assert!(receive(&mut host, 1).is_empty());
    for Received { frame, meta } in all {
        host.transmit(Port(1), &meta, frame);
    }
    host.finish().unwrap();
    let mut reader = pcap::Reader::open(&output).unwrap();
    for i in 0..40u8 {
        let mut frame = Vec::new();
        reader.next_into(&mut frame).unwrap().unwrap();
        assert_eq!(frame, [i; 60]);
    }
    assert!(reader.next_into(&mut Vec::new()).unwrap().is_none());
}

#[test]
fn no_frame_costs_a_buffer_in_steady_state() {
    let (near, far) = PairPort::with(Accepts::NOTHING).unwrap();
    let mut host = UnixHost::new(vec![open(1, near), open(2, far)]);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..100 {
        let frame = host.allocate(60).unwrap();
        seen.insert(frame.headers().as_ptr() as usize);
        let copy = host.duplicate(&frame).unwrap();
        seen.insert(copy.headers().as_ptr() as usize);
        host.transmit(Port(1), &Meta::default(), frame);
        host.transmit(Port(1), &Meta::default(), copy);
        host.flush();
        for received in receive(&mut host, 2) {
            host.recycle(received.frame);
        }
    }
    assert_eq!(seen.len(), 2, "the same two buffers all the time");
}
