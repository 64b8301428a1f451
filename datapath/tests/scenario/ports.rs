//! Ports: configuration, state, limits, counters.

use crate::*;
use hypercall::{Gso, GsoKind, Offload};
use ofp_codec::{
    HwAddr, PortConfig as Flags, PortFeatures, PortMod, PortModFailedCode, PortReason, PortStatus,
};
use rumpswitch_datapath::{News, PortErrors};

const ADDRESS: HwAddr = HwAddr([2, 0, 0, 0, 0, 0x99]);

fn port_mod(port: u32, config: Flags, mask: Flags) -> PortMod {
    PortMod {
        port_no: PortNo(port),
        hw_addr: HwAddr::default(),
        config,
        mask,
        advertise: PortFeatures::empty(),
    }
}

impl Bed {
    pub(crate) fn configure(&mut self, port: u32, config: Flags) {
        self.switch.tables.port_mod(&port_mod(port, config, Flags::all())).unwrap_or_else(|_| {
            let known = Flags::PORT_DOWN | Flags::NO_RECV | Flags::NO_FWD | Flags::NO_PACKET_IN;
            self.switch.tables.port_mod(&port_mod(port, config, known)).unwrap();
        });
    }

    fn status(&mut self) -> Option<PortStatus> {
        match self.switch.tables.next_news()? {
            News::PortStatus(status) => Some(status),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn frames_longer_than_a_port_takes_are_dropped() {
    let mut bed = Bed::new();
    let port = PortConfig { max_frame: 1514, ..PortConfig::new(Port(2), "p2") };
    bed.switch.tables.port_change(port).unwrap();
    bed.add(entry(1, &[], apply([output(2)])));
    let frame = |len: usize| [udp(1, 2, 53), vec![0; len - 60]].concat();
    assert_eq!(bed.ports(1, &frame(1514)), [2]);
    assert_eq!(bed.ports(1, &frame(1515)), []);
    assert_eq!(bed.ports(1, &tagged(5, &frame(1514))), [2], "a tag is not counted");
    assert_eq!(bed.ports(1, &tagged(5, &frame(1515))), []);
    bed.assert_drops(&[(DropReason::TooLong, 2)]);
    let gso = |segment_len| {
        let gso = Some(Gso { kind: GsoKind::Udp, segment_len, header_len: 42 });
        Meta { offload: Offload { gso, ..Offload::NONE }, ..Meta::default() }
    };
    assert_eq!(bed.send_with(1, gso(1472), &frame(60_000)).len(), 1, "the host cuts it");
    assert_eq!(bed.send_with(1, gso(1473), &frame(60_000)).len(), 0);
    bed.assert_drops(&[(DropReason::TooLong, 41)]);
}

#[test]
fn counters_count_each_way() {
    let mut bed = Bed::new();
    bed.add(entry(1, &[(OxmField::InPort, 1)], apply([output(2), output(3)])));
    bed.host.refused = Some(Port(3));
    for _ in 0..3 {
        bed.send(1, &udp(1, 2, 53));
    }
    bed.send(2, &[udp(1, 2, 53), vec![0; 40]].concat());
    bed.assert_drops(&[(DropReason::TableMiss, 1), (DropReason::HostRefused, 3)]);
    let errors = PortErrors { rx_errors: 4, rx_crc_err: 3, ..PortErrors::default() };
    bed.switch.tables.port_errors(Port(1), errors);
    bed.now = bed.now.plus(7 * SECOND);
    let stats = bed.switch.tables.port_stats(PortNo::ANY, bed.now).unwrap();
    let row = |index: usize| {
        let s = &stats[index];
        (
            s.port_no.0,
            s.rx_packets,
            s.rx_bytes,
            s.tx_packets,
            s.tx_bytes,
            s.rx_dropped,
            s.tx_dropped,
        )
    };
    assert_eq!(row(0), (1, 3, 180, 0, 0, 0, 0));
    assert_eq!(row(1), (2, 1, 100, 3, 180, 0, 0));
    assert_eq!(row(2), (3, 0, 0, 0, 0, 0, 3));
    assert_eq!((stats[0].rx_errors, stats[0].rx_crc_err, stats[0].duration_sec), (4, 3, 7));
    let one = bed.switch.tables.port_stats(PortNo(2), bed.now).unwrap();
    assert_eq!(one, [stats[1]]);
    let bad = Err(OfpError::BadRequest(ofp_codec::BadRequestCode::BadPort));
    assert_eq!(bed.switch.tables.port_stats(PortNo(77), bed.now), bad);
}

/// What a port-mod alone cannot bring back: features advertised before that were none, or that the
/// port does not list as supported.
#[test]
fn undone_port_mods_leave_no_trace() {
    let mut bed = Bed::new();
    let supported = PortFeatures::from_bits_retain(0x20);
    for (number, advertised) in [(7, 0), (8, 0x840)] {
        let advertised = PortFeatures::from_bits_retain(advertised);
        let port = PortConfig { supported, advertised, ..PortConfig::new(Port(number), "p") };
        bed.switch.tables.port_add(bed.now, port).unwrap();
        while bed.switch.tables.next_news().is_some() {}
        let before = bed.switch.tables.port_desc(Port(number)).unwrap();
        bed.switch.tables.begin();
        for advertise in [0x20, 0] {
            let change = PortMod {
                port_no: PortNo(number),
                hw_addr: before.hw_addr,
                config: Flags::PORT_DOWN | Flags::NO_FWD,
                mask: Flags::PORT_DOWN,
                advertise: PortFeatures::from_bits_retain(advertise),
            };
            bed.switch.tables.port_mod(&change).unwrap();
        }
        assert_ne!(bed.switch.tables.port_desc(Port(number)).unwrap(), before);
        bed.switch.tables.roll_back();
        assert_eq!(bed.switch.tables.port_desc(Port(number)).unwrap(), before);
        assert_eq!(bed.switch.tables.next_news(), None);
    }
}

#[test]
fn the_host_is_told_once_of_each_port_that_goes_down_or_up() {
    let mut bed = Bed::new();
    let told = |bed: &mut Bed| {
        let mut told = Vec::new();
        while let Some((port, is_down)) = bed.switch.tables.next_port_down() {
            told.push((port.0, is_down));
        }
        told.sort_unstable();
        told
    };
    assert_eq!(told(&mut bed), []);
    bed.configure(1, Flags::PORT_DOWN);
    bed.configure(2, Flags::PORT_DOWN | Flags::NO_FWD);
    bed.configure(3, Flags::NO_RECV);
    assert_eq!(told(&mut bed), [(1, true), (2, true)]);
    bed.configure(1, Flags::empty());
    bed.configure(1, Flags::PORT_DOWN);
    bed.configure(2, Flags::NO_FWD);
    assert_eq!(told(&mut bed), [(2, false)], "there and back is no change");
    bed.switch.tables.begin();
    bed.configure(3, Flags::PORT_DOWN);
    bed.switch.tables.roll_back();
    assert_eq!(told(&mut bed), [], "nor is what was undone");
    bed.configure(4, Flags::PORT_DOWN);
    bed.switch.tables.port_remove(Port(4)).unwrap();
    let down = PortConfig { config: Flags::PORT_DOWN, ..PortConfig::new(Port(5), "five") };
    bed.switch.tables.port_add(bed.now, down).unwrap();
    assert_eq!(told(&mut bed), [(5, true)], "a port may come down");
}

#[test]
fn a_port_that_gets_another_number_keeps_what_it_counted() {
    let mut bed = Bed::new();
    let port = PortConfig { hw_addr: ADDRESS, max_frame: 900, ..PortConfig::new(Port(9), "nine") };
    bed.switch.tables.port_add(bed.now, port).unwrap();
    bed.status();
    let bad = Err(OfpError::PortModFailed(PortModFailedCode::BadPort));
    let tables = &mut bed.switch.tables;
    let before = tables.port_counters(Port(9), Nanos(5)).unwrap();
    for (from, to) in [(8, 7), (9, 9), (9, 0), (9, 0xffff_ff01), (9, PortNo::CONTROLLER.0), (9, 1)]
    {
        assert_eq!(tables.port_renumber(Port(from), Port(to)), bad, "{from} to {to}");
    }
    assert!(!tables.has_port_status(), "nothing has changed");
    // To a number that is found by hash, and back to one that is found by index.
    for (from, to) in [(9, 70_000), (70_000, 0xffff_fffe), (0xffff_fffe, 9)] {
        tables.port_renumber(Port(from), Port(to)).unwrap();
        assert!(tables.port(Port(from)).is_none());
        let (desc, max_frame) = tables.port(Port(to)).unwrap();
        assert_eq!((desc.port_no, &*desc.name, max_frame), (PortNo(to), "nine", 900));
        let told = [tables.next_port_status().unwrap(), tables.next_port_status().unwrap()];
        assert_eq!(
            told.map(|status| (status.reason, status.desc.port_no)),
            [(PortReason::Delete, PortNo(from)), (PortReason::Add, PortNo(to))]
        );
    }
    assert_eq!(tables.port_counters(Port(9), Nanos(5)), Some(before));
}

/// Received and sent, packets and bytes, of each port, beside what frames one by one give.
#[test]
fn frames_of_several_ports_in_one_batch_count_for_their_ports() {
    type Counts = Vec<(u64, u64, u64, u64, u64)>;
    let counts = |bed: &Bed| -> Counts {
        let stats = bed.switch.tables.port_stats(PortNo::ANY, bed.now).unwrap();
        let of = |port: &ofp_codec::multipart::PortStats| {
            (port.rx_packets, port.rx_bytes, port.tx_packets, port.tx_bytes, port.rx_dropped)
        };
        stats.iter().map(of).collect()
    };
    for order in [&[1, 2][..], &[2, 1, 1], &[1, 1, 2, 2, 2], &[3, 1, 2], &[4, 9, 1], &[1, 1, 9]] {
        for closed in [None, Some(1), Some(2)] {
            let mut beds = [Bed::new(), Bed::new()];
            for bed in &mut beds {
                for (port, out) in [(1, 2), (2, 1), (3, 4), (4, 3)] {
                    let fields = [(OxmField::InPort, port)];
                    bed.add(entry(1, &fields, apply([output(out)])));
                }
                if let Some(port) = closed {
                    bed.configure(port, Flags::NO_RECV);
                }
            }
            let [together, alone] = &mut beds;
            for is_short in [false, true] {
                let mut batch = Batch::new();
                for (at, &port) in order.iter().cycle().take(31).enumerate() {
                    let mut frame = [udp(1, 2, 53), vec![0; at]].concat();
                    if is_short && at % 7 == 3 {
                        frame.truncate(13);
                    }
                    alone.send(port, &frame);
                    let frame = VecFrame::from_bytes(&frame);
                    batch.push(Ingress { port: Port(port), meta: Meta::default(), frame });
                }
                together.switch.process(&mut together.host, together.now, &mut batch);
                assert_eq!(counts(together), counts(alone), "{order:?}, {closed:?}, {is_short}");
                let drops = |bed: &Bed| bed.switch.tables.drops().collect::<Vec<_>>();
                assert_eq!(drops(together), drops(alone), "{order:?}, {closed:?}, {is_short}");
            }
        }
    }
}
