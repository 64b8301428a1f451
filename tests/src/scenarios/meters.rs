//! Meters: rates in virtual time, bands, the virtual meters, deletion.

use super::prelude::*;
use ofp_codec::{
    Band, FlowModFlags, FlowRemovedReason, MeterFlags, MeterId, MeterMod, MeterModCommand,
    MeterModFailedCode,
};

cases! { "meters":
    a_drop_band_lets_its_rate_pass: TIME | BULK | PACE,
    of_several_bands_the_highest_rate_below_the_measured_one_acts: TIME | BULK | PACE,
    kilobits_are_thousands_of_bits: TIME | BULK | PACE,
    remarking_raises_the_drop_precedence_of_assured_forwarding,
    remarking_knows_ipv6_and_leaves_what_is_not_ip_alone,
    a_later_table_sees_the_new_code_point: ORDER,
    modify_replaces_bands_and_keeps_the_meter: TIME,
    the_flow_count_follows_the_entries,
    deletion_takes_the_entries_along,
    the_virtual_meters_limit_packet_ins: TIME | BULK | PACE,
    the_controller_meter_remarks_packet_ins,
    all_meters_are_also_the_virtual_ones,
    nonsense_is_refused: SETUP,
    a_meter_passes_rate_times_time_within_a_percent_plus_its_depth: TIME | BULK | PACE,
    a_meter_of_long_frames_passes_rate_times_time_too: TIME | BULK | PACE | PORTS,
    without_the_burst_flag_a_meter_holds_its_rate_from_the_first_packet: TIME | BULK | PACE,
    the_depth_is_the_burst_size_or_a_tenth_of_a_second: TIME | BULK,
}

fn meter(id: u32, flags: MeterFlags, bands: Vec<Band>) -> MeterMod {
    MeterMod { command: MeterModCommand::Add, flags, meter_id: MeterId(id), bands }
}

fn drop(rate: u32) -> Band {
    Band::Drop { rate, burst_size: 0 }
}

fn metered(id: u32) -> Vec<Instruction> {
    vec![Instruction::ApplyActions(vec![output(2)]), Instruction::Meter(MeterId(id))]
}

/// What a stream of equal frames meets: how many pass, and how many of those with DSCP 12.
fn stream(bed: &mut Bed<'_>, frame: &[u8], every: u64, span: u64) -> (u64, u64) {
    let (mut passed, mut remarked) = (0, 0);
    let count = usize::try_from(span.div_ceil(every)).unwrap();
    bed.stream(1, every, std::iter::repeat_n(frame.to_vec(), count), |_, frame| {
        passed += 1;
        remarked += u64::from(frame[15] >> 2 == 12);
    });
    (passed, remarked)
}

/// A datagram of `len` bytes in AF11.
fn af11(len: usize) -> Vec<u8> {
    let mut frame = udp(1, 2, 53);
    frame[15] = 10 << 2;
    frame.resize(len, 0);
    frame
}

/// A switch with meter 1 on everything from port 1.
fn bed_with<'w>(world: &'w World<'w>, flags: MeterFlags, bands: Vec<Band>) -> Bed<'w> {
    let mut bed = world.bed();
    bed.meter(meter(1, flags, bands));
    bed.add(entry(1, &[(OxmField::EthType, 0x0800)], metered(1)));
    bed
}

fn a_drop_band_lets_its_rate_pass(world: &World<'_>) {
    let mut bed = bed_with(world, MeterFlags::PKTPS, vec![drop(100)]);
    // 10 s at 1000 packets a second.
    let (passed, _) = stream(&mut bed, &udp(1, 2, 53), 1_000_000, 10 * SECOND);
    assert!((1_009..=1_010).contains(&passed), "{passed}: ten seconds' worth and the full bucket");
    let stats = &bed.meter_stats(MeterId(1)).unwrap()[0];
    assert_eq!(
        (stats.flow_count, stats.packet_in_count, stats.byte_in_count),
        (1, 10_000, 600_000)
    );
    assert_eq!(stats.bands[0].packet_band_count, 10_000 - passed);
    assert_eq!(stats.bands[0].byte_band_count, 60 * (10_000 - passed));
    assert_eq!(stats.duration_sec, 10);
    bed.assert_drops(&[(DropReason::Meter, 10_000 - passed)]);
    assert_eq!(bed.flows()[0].packet_count, 10_000, "metered packets matched");
}

/// One band acts on a packet, the one of the highest rate below the measured one, wherever it stands
/// in the list; every band's share is its own.
fn of_several_bands_the_highest_rate_below_the_measured_one_acts(world: &World<'_>) {
    let remark = Band::DscpRemark { rate: 100, burst_size: 1, prec_level: 1 };
    let cut = Band::Drop { rate: 200, burst_size: 1 };
    let flags = MeterFlags::PKTPS | MeterFlags::BURST;
    for bands in [vec![remark.clone(), cut.clone()], vec![cut, remark]] {
        let at = |kind: fn(&Band) -> bool| bands.iter().position(kind).unwrap();
        let remark_at = at(|band| matches!(band, Band::DscpRemark { .. }));
        let cut_at = 1 - remark_at;
        for (offered, alone, remarked, dropped) in
            [(90, 900, 0, 0), (150, 1_000, 500, 0), (300, 1_000, 1_000, 1_000)]
        {
            let mut bed = bed_with(world, flags, bands.clone());
            let (passed, got) = stream(&mut bed, &af11(60), SECOND / offered, 10 * SECOND);
            let near = |a: u64, b: u64| a.abs_diff(b) <= 3;
            let stats = &bed.meter_stats(MeterId(1)).unwrap()[0];
            let cut_count = stats.packet_in_count - passed;
            let name = format!("{offered} offered: {passed} passed, {got} of them remarked");
            assert!(near(passed - got, alone) && near(got, remarked), "{name}");
            assert!(near(cut_count, dropped), "{name}");
            assert_eq!(stats.bands[remark_at].packet_band_count, got);
            assert_eq!(stats.bands[cut_at].packet_band_count, cut_count);
            assert_eq!(stats.bands[cut_at].byte_band_count, 60 * cut_count);
        }
    }
}

fn kilobits_are_thousands_of_bits(world: &World<'_>) {
    let mut bed = world.bed();
    let band = Band::Drop { rate: 48, burst_size: 1 };
    bed.meter(meter(1, MeterFlags::KBPS | MeterFlags::BURST, vec![band]));
    bed.add(entry(1, &[], metered(1)));
    // 60 bytes are 480 bits: 48 kbit/s are 100 frames a second.
    let (passed, _) = stream(&mut bed, &udp(1, 2, 53), 1_000_000, 10 * SECOND);
    assert!((1_000..=1_003).contains(&passed), "{passed}");
}

/// Sends two frames through a meter that remarks the second by `prec_level`.
fn remarked_by(world: &World<'_>, prec_level: u8, frame: &[u8]) -> Vec<u8> {
    let mut bed = world.bed();
    let band = Band::DscpRemark { rate: 1, burst_size: 1, prec_level };
    bed.meter(meter(1, MeterFlags::PKTPS | MeterFlags::BURST, vec![band]));
    bed.add(entry(1, &[], metered(1)));
    assert_eq!(bed.send(1, frame)[0].1, frame, "below the rate");
    let sent = bed.send(1, frame).remove(0).1;
    let stats = &bed.meter_stats(MeterId(1)).unwrap()[0];
    assert_eq!(stats.bands[0].packet_band_count, 1);
    sent
}

/// The one's complement sum of a right IPv4 header is all ones.
fn header_sum(header: &[u8]) -> u32 {
    let sum = header[..20].chunks(2).map(|c| u32::from(c[0]) << 8 | u32::from(c[1])).sum::<u32>();
    (sum & 0xffff) + (sum >> 16)
}

fn remarking_raises_the_drop_precedence_of_assured_forwarding(world: &World<'_>) {
    for (before, level, after) in
        [(10, 1, 12), (10, 2, 14), (10, 9, 14), (28, 1, 30), (38, 1, 38), (0, 1, 0), (46, 1, 46)]
    {
        for tags in 0..3 {
            let mut frame = udp(1, 2, 53);
            frame[15] = before << 2 | 1;
            frame[24..26].copy_from_slice(&[0; 2]);
            let sum = !header_sum(&frame[14..]) as u16;
            frame[24..26].copy_from_slice(&sum.to_be_bytes());
            (0..tags).for_each(|tag| frame = tagged(5 + tag, &frame));
            let sent = remarked_by(world, level, &frame);
            let ip = &sent[14 + 4 * usize::from(tags)..];
            assert_eq!((ip[1] >> 2, ip[1] & 3), (after, 1), "{before} by {level}, {tags} tags");
            assert_eq!(header_sum(ip), 0xffff);
            assert_eq!(sent.len(), frame.len());
        }
    }
}

fn remarking_knows_ipv6_and_leaves_what_is_not_ip_alone(world: &World<'_>) {
    for tags in 0..2 {
        let mut frame = vec![0; 12];
        frame.extend([0x86, 0xdd, 0x62, 0x95, 0x67, 0x89, 0, 6, 59, 64]);
        frame.resize(70, 9);
        (0..tags).for_each(|tag| frame = tagged(5 + tag, &frame));
        let at = 14 + 4 * usize::from(tags);
        let sent = remarked_by(world, 1, &frame);
        assert_eq!(sent[at..at + 4], [0x63, 0x15, 0x67, 0x89], "AF12");
        frame[at..at + 4].copy_from_slice(&sent[at..at + 4]);
        assert_eq!(sent, frame, "nothing else changed");
    }
    for ethertype in [[0x08, 0x06], [0x88, 0x47], [0x12, 0x34], [0x00, 0x2e]] {
        let mut frame = af11(60);
        frame[12..14].copy_from_slice(&ethertype);
        assert_eq!(remarked_by(world, 1, &frame), frame, "{ethertype:?}");
    }
}

/// A later table matches what the meter wrote, and what was sent before is not touched.
fn a_later_table_sees_the_new_code_point(world: &World<'_>) {
    let mut bed = world.bed();
    bed.looks_at_order();
    let band = Band::DscpRemark { rate: 1, burst_size: 1, prec_level: 1 };
    bed.meter(meter(1, MeterFlags::PKTPS | MeterFlags::BURST, vec![band]));
    let goto = |table| Instruction::GotoTable(ofp_codec::TableId(table));
    let in_table = |table, flow: FlowMod| FlowMod { table_id: ofp_codec::TableId(table), ..flow };
    bed.add(entry(1, &[], vec![apply([output(4)]).remove(0), goto(1)]));
    bed.add(in_table(1, entry(1, &[], vec![Instruction::Meter(MeterId(1)), goto(2)])));
    for (dscp, port) in [(10, 2), (12, 3)] {
        let fields = [(OxmField::EthType, 0x0800), (OxmField::IpDscp, dscp)];
        bed.add(in_table(2, entry(1, &fields, apply([output(port)]))));
    }
    let frame = af11(60);
    assert_eq!(bed.send(1, &frame), [(4, frame.clone()), (2, frame.clone())]);
    let sent = bed.send(1, &frame);
    assert_eq!((sent[0].0, &sent[0].1), (4, &frame));
    assert_eq!((sent[1].0, sent[1].1[15] >> 2), (3, 12));
}

/// MODIFY replaces flags and bands, whose counters and buckets begin anew; the meter's own counters,
/// its flow entries and its age stay.
fn modify_replaces_bands_and_keeps_the_meter(world: &World<'_>) {
    let mut bed = bed_with(world, MeterFlags::PKTPS, vec![drop(10)]);
    bed.pass(1_500_000_000);
    for _ in 0..5 {
        bed.send(1, &af11(60));
    }
    let bands = vec![drop(7), Band::DscpRemark { rate: 3, burst_size: 4, prec_level: 2 }];
    let flags = MeterFlags::PKTPS | MeterFlags::BURST | MeterFlags::STATS;
    let given = MeterMod { command: MeterModCommand::Modify, ..meter(1, flags, bands.clone()) };
    bed.meter(given);
    let config = &bed.meter_configs(MeterId(1))[0];
    assert_eq!((config.flags, &config.bands), (flags, &bands));
    let stats = &bed.meter_stats(MeterId(1)).unwrap()[0];
    assert_eq!((stats.flow_count, stats.packet_in_count, stats.byte_in_count), (1, 5, 300));
    assert_eq!((stats.duration_sec, stats.duration_nsec), (1, 500_000_000));
    let counts: Vec<u64> = stats.bands.iter().map(|band| band.packet_band_count).collect();
    assert_eq!(counts, [0, 0]);
    // The new bands act: the bucket of drop(7) is 0 deep, and full.
    assert_eq!(bed.send(1, &af11(60)).len(), 1);
    assert_eq!(bed.send(1, &af11(60)).len(), 0);
}

/// Adding, replacing, modifying and removing entries keeps the count of those that use a meter.
fn the_flow_count_follows_the_entries(world: &World<'_>) {
    let mut bed = world.bed();
    bed.meter(meter(1, MeterFlags::PKTPS, vec![drop(10)]));
    let count = |bed: &mut Bed<'_>| bed.meter_stats(MeterId(1)).unwrap()[0].flow_count;
    for port in [1, 2, 3] {
        bed.add(entry(1, &[(OxmField::InPort, port)], metered(1)));
    }
    bed.add(entry(1, &[(OxmField::InPort, 3)], metered(1)));
    assert_eq!(count(&mut bed), 3, "an entry that is replaced counts once");
    bed.add(entry(1, &[(OxmField::InPort, 3)], apply([output(1)])));
    assert_eq!(count(&mut bed), 2);
    let modify = |fields: &[_], instructions| FlowMod {
        command: ofp_codec::FlowModCommand::Modify,
        ..entry(1, fields, instructions)
    };
    bed.add(modify(&[], metered(1)));
    assert_eq!(count(&mut bed), 3);
    bed.add(modify(&[(OxmField::InPort, 1)], vec![]));
    assert_eq!(count(&mut bed), 2);
    let delete = FlowMod { command: ofp_codec::FlowModCommand::Delete, ..FlowMod::default() };
    bed.add(delete);
    assert_eq!(count(&mut bed), 0);
}

fn deletion_takes_the_entries_along(world: &World<'_>) {
    let mut bed = world.bed();
    bed.hear_all();
    for id in [1, 2] {
        bed.meter(meter(id, MeterFlags::KBPS, vec![drop(1)]));
        let fields = [(OxmField::InPort, u128::from(id))];
        let flags = FlowModFlags::SEND_FLOW_REM;
        bed.add(FlowMod { flags, cookie: id.into(), ..entry(1, &fields, metered(id)) });
    }
    let delete =
        |id| MeterMod { command: MeterModCommand::Delete, ..meter(id, MeterFlags::KBPS, vec![]) };
    bed.meter(delete(77));
    bed.meter(delete(2));
    let message = bed.flow_removed().expect("it is told");
    assert_eq!((message.cookie, message.reason), (2, FlowRemovedReason::MeterDelete));
    bed.meter(delete(MeterId::ALL.0));
    assert_eq!(bed.flows(), []);
    assert_eq!(bed.meter_configs(MeterId::ALL), []);
    let unknown = Err(OfpError::MeterModFailed(MeterModFailedCode::UnknownMeter));
    assert_eq!(bed.meter_stats(MeterId(1)), unknown);
}

/// CONTROLLER and SLOWPATH limit packet-ins, whatever their reason, and nothing else.
fn the_virtual_meters_limit_packet_ins(world: &World<'_>) {
    for id in [MeterId::CONTROLLER, MeterId::SLOWPATH] {
        let mut bed = world.bed();
        bed.hear_all();
        bed.meter(meter(id.0, MeterFlags::PKTPS, vec![drop(100)]));
        bed.add(entry(0, &[], apply([Action::controller(), output(2)])));
        let fields = [(OxmField::EthType, 0x0800), (OxmField::Ipv4Dst, 0x0a00_0009)];
        bed.add(entry(5, &fields, apply([Action::DecNwTtl, output(2)])));
        let mut spent = udp(1, 9, 53);
        spent[22] = 1;
        for round in 0..25 {
            match round % 2 {
                0 => assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]),
                _ => assert_eq!(bed.ports(1, &spent), []),
            }
        }
        assert_eq!(bed.packet_in_count(), 10, "a tenth of a second's worth");
        bed.assert_drops(&[(DropReason::InvalidTtl, 12), (DropReason::PuntMetered, 15)]);
        bed.sends_much();
        bed.moves_much();
        for _ in 0..10 * 300 {
            bed.pass(SECOND / 300);
            bed.ports(1, &udp(1, 2, 53));
            bed.packet_in();
        }
        let stats = &bed.meter_stats(id).unwrap()[0];
        assert_eq!((stats.meter_id, stats.packet_in_count, stats.flow_count), (id, 3_025, 0));
        let passed = stats.packet_in_count - stats.bands[0].packet_band_count;
        assert!((1_009..=1_010).contains(&passed), "{passed}");
    }
}

/// A band of a virtual meter remarks the packet-in, not the packet.
fn the_controller_meter_remarks_packet_ins(world: &World<'_>) {
    let mut bed = world.bed();
    for id in [MeterId::CONTROLLER, MeterId::SLOWPATH] {
        let band = Band::DscpRemark { rate: 1, burst_size: 1, prec_level: 1 };
        bed.meter(meter(id.0, MeterFlags::PKTPS | MeterFlags::BURST, vec![band]));
    }
    bed.add(entry(0, &[], apply([Action::controller(), output(2)])));
    for dscp in [10, 14] {
        assert_eq!(bed.send(1, &af11(60)), [(2, af11(60))]);
        let message = bed.packet_in().unwrap();
        assert_eq!(message.data[15] >> 2, dscp);
    }
}

/// ALL means the virtual meters, too: in statistics, configurations and deletion; and no entry can
/// name one.
fn all_meters_are_also_the_virtual_ones(world: &World<'_>) {
    let mut bed = world.bed();
    let ids = [MeterId(1), MeterId::MAX, MeterId::SLOWPATH, MeterId::CONTROLLER];
    for id in ids.iter().rev() {
        bed.meter(meter(id.0, MeterFlags::PKTPS, vec![drop(1)]));
    }
    for id in [MeterId::SLOWPATH, MeterId::CONTROLLER, MeterId::ALL] {
        let refused = bed.flow_mod(entry(1, &[], metered(id.0)));
        let unknown = OfpError::MeterModFailed(MeterModFailedCode::UnknownMeter);
        assert_eq!(refused, Err(unknown), "{id:?}");
    }
    let stats = bed.meter_stats(MeterId::ALL).unwrap();
    assert_eq!(stats.iter().map(|stats| stats.meter_id).collect::<Vec<_>>(), ids);
    let configs = bed.meter_configs(MeterId::ALL);
    assert_eq!(configs.iter().map(|config| config.meter_id).collect::<Vec<_>>(), ids);
    let delete = meter(MeterId::ALL.0, MeterFlags::empty(), vec![]);
    bed.meter(MeterMod { command: MeterModCommand::Delete, ..delete });
    assert_eq!(bed.meter_stats(MeterId::ALL), Ok(vec![]));
    bed.add(entry(0, &[], apply([Action::controller()])));
    for _ in 0..100 {
        bed.send(1, &udp(1, 2, 53));
    }
    assert_eq!(bed.packet_in_count(), 100, "they limit nothing any more");
}

fn nonsense_is_refused(world: &World<'_>) {
    let mut bed = world.bed_with(&Setup { max_meters: Some(2), ..Setup::DEFAULT });
    bed.meter(meter(1, MeterFlags::KBPS, vec![drop(5)]));
    use MeterModFailedCode as Code;
    let modify = |given: MeterMod| MeterMod { command: MeterModCommand::Modify, ..given };
    let experimenter = Band::Experimenter { rate: 1, burst_size: 0, experimenter: 1, data: vec![] };
    let cases = [
        (meter(1, MeterFlags::KBPS, vec![drop(1)]), Code::MeterExists),
        (modify(meter(2, MeterFlags::KBPS, vec![drop(1)])), Code::UnknownMeter),
        (meter(0, MeterFlags::KBPS, vec![drop(1)]), Code::InvalidMeter),
        (meter(0xffff_0001, MeterFlags::KBPS, vec![drop(1)]), Code::InvalidMeter),
        (meter(0xffff_ffff, MeterFlags::KBPS, vec![drop(1)]), Code::InvalidMeter),
        (meter(2, MeterFlags::KBPS | MeterFlags::PKTPS, vec![drop(1)]), Code::BadFlags),
        (meter(2, MeterFlags::empty(), vec![drop(1)]), Code::BadFlags),
        (meter(2, MeterFlags::KBPS, vec![]), Code::OutOfBands),
        (meter(2, MeterFlags::KBPS, vec![drop(1); 9]), Code::OutOfBands),
        (meter(2, MeterFlags::KBPS, vec![drop(0)]), Code::BadRate),
        (meter(2, MeterFlags::KBPS, vec![experimenter]), Code::BadBand),
        (modify(meter(1, MeterFlags::KBPS, vec![drop(0)])), Code::BadRate),
    ];
    let before = bed.meter_configs(MeterId::ALL);
    for (given, code) in cases {
        let refused = bed.meter_mod(given.clone());
        assert_eq!(refused, Err(OfpError::MeterModFailed(code)), "{given:?}");
    }
    assert_eq!(bed.meter_configs(MeterId::ALL), before);
    bed.meter(meter(2, MeterFlags::PKTPS, vec![drop(1)]));
    let third = bed.meter_mod(meter(3, MeterFlags::PKTPS, vec![drop(1)]));
    assert_eq!(third, Err(OfpError::MeterModFailed(Code::OutOfMeters)));
    bed.meter(modify(meter(2, MeterFlags::KBPS, vec![drop(7), drop(9)])));
    assert_eq!(bed.meter_configs(MeterId(2))[0].bands, [drop(7), drop(9)]);
}

/// Flags, rate, thousandths of a packet or bits of a frame, frame, span in ms, depth without BURST.
type Offered = (MeterFlags, u32, u64, usize, u64, u64);

/// Offered hardly more than the rate or several times as much, at even and at odd spacings: rate times
/// time within 1 %, plus the depth.
fn passes_rate_times_time<'w>(make: impl Fn(MeterFlags, u32) -> Bed<'w>, offered: Offered) {
    let (flags, rate, cost, len, millis, depth) = offered;
    let (rate_milli, span) = (u64::from(rate) * 1_000, millis * 1_000_000);
    for (percent, jitter) in [(101, 0), (143, 1), (400, 1)] {
        let every = cost * SECOND * 100 / (rate_milli * percent) + jitter;
        let mut bed = make(flags, rate);
        let (passed, _) = stream(&mut bed, &af11(len), every, span);
        let (passed, expected) = (passed * cost, u64::from(rate) * millis);
        let least = expected * 99 / 100 - cost.min(expected / 100);
        let most = expected * 101 / 100 + depth * 1_000 + cost;
        let name = format!("{flags:?} {rate}, {percent} % offered: {passed} of {expected}");
        assert!((least..=most).contains(&passed), "{name}");
    }
}

/// From 1 packet/s to 100,000 and 1 Mbit/s.
fn a_meter_passes_rate_times_time_within_a_percent_plus_its_depth(world: &World<'_>) {
    let (pktps, kbps) = (MeterFlags::PKTPS, MeterFlags::KBPS);
    for offered in [
        (pktps, 1, 1_000, 60, 400_000, 1),
        (pktps, 3, 1_000, 60, 200_000, 1),
        (pktps, 10, 1_000, 60, 100_000, 1),
        (pktps, 1_234, 1_000, 60, 5_000, 123),
        (pktps, 100_000, 1_000, 60, 60, 10_000),
        (kbps, 1, 480, 60, 400_000, 12),
        (kbps, 64, 12_000, 1_500, 60_000, 12),
        (kbps, 1_000, 12_000, 1_500, 20_000, 100),
    ] {
        passes_rate_times_time(|flags, rate| bed_with(world, flags, vec![drop(rate)]), offered);
    }
}

/// A bed with meter 1 on everything, whose ports take frames of 9,000 bytes.
fn long_bed<'w>(world: &'w World<'w>, flags: MeterFlags, bands: Vec<Band>) -> Bed<'w> {
    let mut bed = bed_with(world, flags, bands);
    for number in [1, 2] {
        assert!(bed.port_change(&PortConfig { max_frame: 9_018, ..Setup::port(number) }));
    }
    bed
}

/// 1 and 10 Gbit/s.
fn a_meter_of_long_frames_passes_rate_times_time_too(world: &World<'_>) {
    for offered in [
        (MeterFlags::KBPS, 1_000_000, 72_000, 9_000, 500, 100_000),
        (MeterFlags::KBPS, 10_000_000, 72_000, 9_000, 100, 1_000_000),
    ] {
        passes_rate_times_time(|flags, rate| long_bed(world, flags, vec![drop(rate)]), offered);
    }
    holds_its_rate(|flags, bands| long_bed(world, flags, bands), MeterFlags::KBPS, 100_000, 9_000);
}

/// From the first packet on, 20 % above the rate: dropped, or remarked.
fn holds_its_rate<'w>(
    make: impl Fn(MeterFlags, Vec<Band>) -> Bed<'w>,
    flags: MeterFlags,
    rate: u32,
    len: usize,
) {
    let cost = if flags.contains(MeterFlags::KBPS) { len as u64 * 8 } else { 1_000 };
    let every = cost * SECOND / (u64::from(rate) * 1_200);
    // The tenth of a second that passes at once is a third of a percent of it.
    let span = 30 * SECOND;
    let expected = u64::from(rate) * 30_000 / cost;
    let near = |count: u64| count.abs_diff(expected) * 100 <= expected;
    let bands = vec![Band::Drop { rate, burst_size: 77 }];
    let mut bed = make(flags, bands.clone());
    assert_eq!(bed.meter_configs(MeterId(1))[0].bands, bands);
    let (passed, remarked) = stream(&mut bed, &af11(len), every, span);
    assert!(near(passed) && remarked == 0, "{flags:?} {rate}: {passed} of {expected}");

    let mut bed = make(flags, vec![Band::DscpRemark { rate, burst_size: 0, prec_level: 1 }]);
    let (passed, remarked) = stream(&mut bed, &af11(len), every, span);
    assert!(near(passed - remarked), "{flags:?} {rate}: {remarked} of {passed} remarked");
    bed.assert_drops(&[]);
}

/// Without the BURST flag the burst size means nothing and comes back as it was sent.
fn without_the_burst_flag_a_meter_holds_its_rate_from_the_first_packet(world: &World<'_>) {
    let (pktps, kbps) = (MeterFlags::PKTPS, MeterFlags::KBPS);
    for (flags, rate, len) in
        [(pktps, 100, 60), (pktps, 1_000, 60), (kbps, 1_000, 1_500), (kbps, 10_000, 1_500)]
    {
        holds_its_rate(|flags, bands| bed_with(world, flags, bands), flags, rate, len);
    }
}

/// A burst of as many packets as the bucket is deep passes at once, and not one more.
fn the_depth_is_the_burst_size_or_a_tenth_of_a_second(world: &World<'_>) {
    let burst = MeterFlags::BURST;
    let sized = |rate, burst_size| Band::Drop { rate, burst_size };
    let cases = [
        (MeterFlags::PKTPS | burst, sized(10, 25), 60, 25),
        (MeterFlags::PKTPS, sized(1_000, 25), 60, 100),
        (MeterFlags::PKTPS, sized(5, 25), 60, 1),
        (MeterFlags::KBPS | burst, sized(10, 480), 60, 1_000),
        (MeterFlags::KBPS, sized(4_800, 0), 60, 1_000),
        (MeterFlags::KBPS, sized(1, 500), 1_500, 1),
        (MeterFlags::KBPS | burst, sized(1, 0), 1_500, 1),
    ];
    for (flags, band, len, depth) in cases {
        let mut bed = bed_with(world, flags, vec![band.clone()]);
        for idle in [0, 1_000] {
            bed.pass(idle * SECOND);
            let mut passed = 0;
            let frames = std::iter::repeat_n(af11(len), 2 * depth + 5);
            bed.stream(1, 0, frames, |_, _| passed += 1);
            assert_eq!(passed, depth, "{flags:?} {band:?} after {idle} s");
        }
    }
}
