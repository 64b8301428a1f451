//! Meters: rates in virtual time, bands, the virtual meters, deletion.

use crate::*;
use ofp_codec::{
    Band, FlowModFlags, FlowRemovedReason, MeterFlags, MeterId, MeterMod, MeterModCommand,
    MeterModFailedCode,
};
use rumpswitch_datapath::News;

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

#[test]
fn a_drop_band_lets_its_rate_pass() {
    let mut bed = Bed::new();
    bed.meter(meter(1, MeterFlags::PKTPS, vec![drop(100)]));
    bed.add(entry(1, &[], metered(1)));
    let mut passed = 0;
    // 10 s at 1000 packets a second.
    for _ in 0..10_000 {
        passed += bed.ports(1, &udp(1, 2, 53)).len();
        bed.now = bed.now.plus(1_000_000);
    }
    assert!((1_099..=1_101).contains(&passed), "{passed}: ten seconds' worth and the full bucket");
    let stats = &bed.switch.tables.meter_stats(MeterId(1), bed.now).unwrap()[0];
    assert_eq!(
        (stats.flow_count, stats.packet_in_count, stats.byte_in_count),
        (1, 10_000, 600_000)
    );
    assert_eq!(stats.bands[0].packet_band_count, 10_000 - passed as u64);
    assert_eq!(stats.duration_sec, 10);
    bed.assert_drops(&[(DropReason::Meter, 10_000 - passed as u64)]);
    assert_eq!(bed.all_flows()[0].packet_count, 10_000, "metered packets matched");
}

#[test]
fn kilobits_are_thousands_of_bits() {
    let mut bed = Bed::new();
    let band = Band::Drop { rate: 48, burst_size: 1 };
    bed.meter(meter(1, MeterFlags::KBPS | MeterFlags::BURST, vec![band]));
    bed.add(entry(1, &[], metered(1)));
    let mut passed = 0;
    // 60 bytes are 480 bits: 48 kbit/s are 100 frames a second.
    for _ in 0..10_000 {
        passed += bed.ports(1, &udp(1, 2, 53)).len();
        bed.now = bed.now.plus(1_000_000);
    }
    assert!((1_000..=1_003).contains(&passed), "{passed}");
}

#[test]
fn remarking_raises_the_drop_precedence() {
    let mut bed = Bed::new();
    let band = Band::DscpRemark { rate: 1, burst_size: 1, prec_level: 1 };
    bed.meter(meter(1, MeterFlags::PKTPS | MeterFlags::BURST, vec![band]));
    bed.add(entry(1, &[(OxmField::EthType, 0x0800)], metered(1)));
    let mut frame = udp(1, 2, 53);
    frame[15] = 10 << 2;
    assert_eq!(bed.send(1, &frame)[0].1[15] >> 2, 10, "below the rate");
    assert_eq!(bed.send(1, &frame)[0].1[15] >> 2, 12, "AF11 became AF12");
}

#[test]
fn deletion_takes_the_entries_along() {
    let mut bed = Bed::new();
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
    let Some(News::FlowRemoved(message)) = bed.switch.tables.next_news() else { panic!() };
    assert_eq!((message.cookie, message.reason), (2, FlowRemovedReason::MeterDelete));
    bed.meter(delete(MeterId::ALL.0));
    assert_eq!(bed.all_flows(), []);
    assert_eq!(bed.switch.tables.meter_configs(MeterId::ALL), Ok(vec![]));
    let unknown = Err(OfpError::MeterModFailed(MeterModFailedCode::UnknownMeter));
    assert_eq!(bed.switch.tables.meter_stats(MeterId(1), bed.now), unknown);
}

#[test]
fn the_controller_meter_limits_packet_ins() {
    let mut bed = Bed::new();
    bed.meter(meter(MeterId::CONTROLLER.0, MeterFlags::PKTPS, vec![drop(10)]));
    bed.add(entry(0, &[], apply([Action::controller(), output(2)])));
    for _ in 0..25 {
        assert_eq!(bed.ports(1, &udp(1, 2, 53)), [2]);
    }
    assert_eq!(bed.switch.worker.punt_count(), 10);
    bed.assert_drops(&[(DropReason::PuntMetered, 15)]);
}

#[test]
fn nonsense_is_refused() {
    let mut bed = Bed::with(SwitchConfig { max_meters: 2, ..SwitchConfig::default() });
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
    let before = bed.switch.tables.meter_configs(MeterId::ALL).unwrap();
    for (given, code) in cases {
        let refused = bed.switch.tables.meter_mod(bed.now, &given);
        assert_eq!(refused, Err(OfpError::MeterModFailed(code)), "{given:?}");
    }
    assert_eq!(bed.switch.tables.meter_configs(MeterId::ALL).unwrap(), before);
    bed.meter(meter(2, MeterFlags::PKTPS, vec![drop(1)]));
    let third = bed.switch.tables.meter_mod(bed.now, &meter(3, MeterFlags::PKTPS, vec![drop(1)]));
    assert_eq!(third, Err(OfpError::MeterModFailed(Code::OutOfMeters)));
    bed.meter(modify(meter(2, MeterFlags::KBPS, vec![drop(7), drop(9)])));
    assert_eq!(bed.switch.tables.meter_configs(MeterId(2)).unwrap()[0].bands, [drop(7), drop(9)]);
}
