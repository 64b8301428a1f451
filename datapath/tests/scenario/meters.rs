//! Meters: rates in virtual time, bands, the virtual meters, deletion.

use crate::*;
use ofp_codec::{Band, MeterFlags, MeterId, MeterMod, MeterModCommand};

fn meter(id: u32, flags: MeterFlags, bands: Vec<Band>) -> MeterMod {
    MeterMod { command: MeterModCommand::Add, flags, meter_id: MeterId(id), bands }
}

fn drop(rate: u32) -> Band {
    Band::Drop { rate, burst_size: 0 }
}

impl Bed {
    fn meter(&mut self, given: MeterMod) {
        self.switch.tables.meter_mod(self.now, &given).unwrap();
    }
}

fn metered(id: u32) -> Vec<Instruction> {
    vec![Instruction::ApplyActions(vec![output(2)]), Instruction::Meter(MeterId(id))]
}

/// What a stream of equal frames meets: how many pass, and how many of those with DSCP 12.
fn stream(bed: &mut Bed, frame: &[u8], every: u64, span: u64) -> (u64, u64) {
    let (mut passed, mut remarked) = (0, 0);
    let end = bed.now.plus(span);
    while bed.now < end {
        let sent = bed.send(1, frame);
        passed += sent.len() as u64;
        remarked += sent.iter().filter(|(_, frame)| frame[15] >> 2 == 12).count() as u64;
        bed.now = bed.now.plus(every);
    }
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
fn bed_with(flags: MeterFlags, bands: Vec<Band>) -> Bed {
    let mut bed = Bed::new();
    bed.meter(meter(1, flags, bands));
    bed.add(entry(1, &[(OxmField::EthType, 0x0800)], metered(1)));
    bed
}

/// From 1 packet/s to 10 Gbit/s, offered hardly more or several times as much, at even and at odd
/// spacings: rate times time within 1 %, plus the depth.
#[test]
fn a_meter_passes_rate_times_time_within_a_percent_plus_its_depth() {
    let pktps = MeterFlags::PKTPS;
    let kbps = MeterFlags::KBPS;
    let frame_9000 = 9_000 * 8;
    // Flags, rate, bits or packets of a frame, frame, span in ms, depth without BURST.
    let cases = [
        (pktps, 1, 1_000, 60, 400_000, 1),
        (pktps, 3, 1_000, 60, 200_000, 1),
        (pktps, 10, 1_000, 60, 100_000, 1),
        (pktps, 1_234, 1_000, 60, 10_000, 123),
        (pktps, 100_000, 1_000, 60, 120, 10_000),
        (kbps, 1, 480, 60, 400_000, 12),
        (kbps, 64, 12_000, 1_500, 60_000, 12),
        (kbps, 1_000, 12_000, 1_500, 20_000, 100),
        (kbps, 1_000_000, frame_9000, 9_000, 1_000, 100_000),
        (kbps, 10_000_000, frame_9000, 9_000, 100, 1_000_000),
    ];
    for (flags, rate, cost, len, millis, depth) in cases {
        let (rate_milli, span) = (u64::from(rate) * 1_000, millis * 1_000_000);
        for (percent, jitter) in [(101, 0), (143, 1), (400, 1)] {
            let every = cost * SECOND * 100 / (rate_milli * percent) + jitter;
            let mut bed = bed_with(flags, vec![drop(rate)]);
            let (passed, _) = stream(&mut bed, &af11(len), every, span);
            let (passed, expected) = (passed * cost, u64::from(rate) * millis);
            let least = expected * 99 / 100 - cost.min(expected / 100);
            let most = expected * 101 / 100 + depth * 1_000 + cost;
            let name = format!("{flags:?} {rate}, {percent} % offered: {passed} of {expected}");
            assert!((least..=most).contains(&passed), "{name}");
        }
    }
}

/// Without the BURST flag the burst size means nothing and comes back as it was sent.
#[test]
fn without_the_burst_flag_a_meter_holds_its_rate_from_the_first_packet() {
    let unit = |flags, cost, len| (flags, cost, len);
    let packets = unit(MeterFlags::PKTPS, 1_000_u64, 60);
    let bits = unit(MeterFlags::KBPS, 12_000, 1_500);
    let jumbo = unit(MeterFlags::KBPS, 72_000, 9_000);
    let cases = [
        (packets, 100),
        (packets, 1_000),
        (packets, 10_000),
        (bits, 1_000),
        (bits, 10_000),
        (jumbo, 100_000),
    ];
    for ((flags, cost, len), rate) in cases {
        let every = cost * SECOND / (u64::from(rate) * 1_200);
        let bands = vec![Band::Drop { rate, burst_size: 77 }];
        let mut bed = bed_with(flags, bands.clone());
        assert_eq!(bed.switch.tables.meter_configs(MeterId(1)).unwrap()[0].bands, bands);
        let (passed, remarked) = stream(&mut bed, &af11(len), every, 30 * SECOND);
        let expected = u64::from(rate) * 30_000 / cost;
        let near = |count: u64| count.abs_diff(expected) * 100 <= expected;
        assert!(near(passed) && remarked == 0, "{flags:?} {rate}: {passed} of {expected}");

        let bands = vec![Band::DscpRemark { rate, burst_size: 0, prec_level: 1 }];
        let mut bed = bed_with(flags, bands);
        let (passed, remarked) = stream(&mut bed, &af11(len), every, 30 * SECOND);
        assert!(near(passed - remarked), "{flags:?} {rate}: {remarked} of {passed} remarked");
        bed.assert_drops(&[]);
    }
}

/// A burst of as many packets as the bucket is deep passes at once, and not one more.
#[test]
fn the_depth_is_the_burst_size_or_a_tenth_of_a_second() {
    let burst = MeterFlags::BURST;
    let sized = |rate, burst_size| Band::Drop { rate, burst_size };
    let cases = [
        (MeterFlags::PKTPS | burst, sized(10, 25), 60, 25),
        (MeterFlags::PKTPS, sized(1_000, 25), 60, 100),
        (MeterFlags::PKTPS, sized(5, 25), 60, 1),
        (MeterFlags::KBPS | burst, sized(10, 480), 60, 1_000),
        (MeterFlags::KBPS, sized(4_800, 0), 60, 1_000),
        (MeterFlags::KBPS, sized(1, 500), 1_518, 1),
        (MeterFlags::KBPS | burst, sized(1, 0), 1_518, 1),
    ];
    for (flags, band, len, depth) in cases {
        let mut bed = bed_with(flags, vec![band.clone()]);
        for idle in [0, 1_000] {
            bed.now = bed.now.plus(idle * SECOND);
            let passed = (0..2 * depth + 5).map(|_| bed.send(1, &af11(len)).len()).sum::<usize>();
            assert_eq!(passed, depth, "{flags:?} {band:?} after {idle} s");
        }
    }
}
