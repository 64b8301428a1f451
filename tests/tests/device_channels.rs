//! Several channels at once: hello variants, roles, asynchronous messages, bounds, the fail mode.

mod embodiment;

use datapath::PortConfig;
use embodiment::{FRAME, InProcess, ask, error_of, read, types};
use hypercall::{Nanos, Port};
use ofp_codec::Role;
use rumpswitch_tests::contract::*;
use rumpswitch_tests::wire::*;
use switch_dev::{ChannelKind, DeviceConfig, DeviceError, FailMode, HangUp, Readiness};

const CONTROLLER: u32 = 0xffff_fffd;

/// Sends every packet that no other entry matches to the controllers, as a table-miss entry does.
fn punt_everything(device: &mut InProcess, channel: switch_dev::ChannelId) {
    let miss = FlowMod { priority: 0, ..FlowMod::default() };
    write_all(device, channel, &miss.message(1, &matching(&[]), &[apply(&[output(CONTROLLER)])]));
}

mod hello {
    use super::*;

    fn hello(version: u8, elements: &[u8]) -> Vec<u8> {
        let mut bytes = message(0, 0x11, elements);
        bytes[0] = version;
        bytes
    }

    fn bitmap(versions: u32) -> Vec<u8> {
        [&[0, 1, 0, 8][..], &versions.to_be_bytes()].concat()
    }

    #[test]
    fn versions_are_negotiated_down_and_up() {
        let many = [bitmap(0x20), bitmap(0x10)].concat();
        for (what, hello) in [
            ("1.3", hello(4, &[])),
            ("1.3 with bitmap", hello(4, &bitmap(0x10))),
            ("1.4 without bitmap", hello(5, &[])),
            ("1.5 without bitmap", hello(6, &[])),
            ("1.5 that also speaks 1.3", hello(6, &bitmap(0x72))),
            ("1.0 whose bitmap knows 1.3", hello(1, &bitmap(0x12))),
            ("unknown element", hello(4, &[0x12, 0x34, 0, 8, 1, 2, 3, 4])),
            (
                "unknown element before the bitmap",
                hello(6, &[&[0, 9, 0, 4, 0, 0, 0, 0][..], &bitmap(0x10)].concat()),
            ),
            ("element of length 0", hello(4, &[0, 1, 0, 0])),
            ("cut element", hello(4, &[0, 1, 0])),
            (
                "bitmap of two words",
                hello(6, &[0, 1, 0, 12, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0]),
            ),
        ] {
            let mut device = InProcess::with_ports(1);
            let channel = device.open(ChannelKind::Active).unwrap();
            assert!(!device.device.status(channel).unwrap().negotiated);
            write_all(&mut device, channel, &hello);
            assert!(device.device.status(channel).unwrap().negotiated, "{what}");
            write_all(&mut device, channel, &echo(3, b"?"));
            assert_eq!(types(&read(&mut device, channel)), [0, 3], "{what}");
        }
        drop(many);
    }

    #[test]
    fn without_a_common_version_the_peer_is_told_and_hung_up_on() {
        for (what, hello, version) in [
            ("1.0", hello(1, &[]), 1),
            ("1.2", hello(3, &[]), 3),
            ("0", hello(0, &[]), 4),
            ("1.5 alone", hello(6, &bitmap(0x40)), 4),
            ("1.5 that also speaks 1.0", hello(6, &bitmap(0x42)), 4),
            ("1.3 whose bitmap says 1.0", hello(4, &bitmap(0x2)), 4),
        ] {
            let mut device = InProcess::with_ports(1);
            let channel = device.open(ChannelKind::Active).unwrap();
            write_all(&mut device, channel, &hello);
            assert_eq!(device.write(channel, &echo(3, b"?")), Err(DeviceError::HungUp), "{what}");
            assert_eq!(device.readiness(channel), Readiness::READABLE, "it can still be read");
            let said = read(&mut device, channel);
            assert_eq!(types(&said), [0, 1], "{what}");
            assert_eq!(error_of(&said[1]), (0, 0), "{what}");
            assert_eq!((said[1][0], header(&said[1]).2), (version, 0x11), "{what}");
            assert!(said[1][12..].is_ascii() && said[1].len() > 20, "{what}");
            assert!(device.readiness(channel).contains(Readiness::HANGUP), "{what}");
            let status = device.device.status(channel).unwrap();
            assert_eq!(status.hang_up, Some(HangUp::Incompatible), "{what}");
        }
    }
}

mod roles {
    use super::*;

    #[test]
    fn a_new_master_demotes_the_old_one() {
        let mut device = InProcess::with_ports(1);
        let (one, two) = (connect(&mut device), connect(&mut device));
        let reply = ask(&mut device, one, &role(1, 2, 7));
        assert_eq!(reply[0][8..24], [0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        ask(&mut device, two, &role(2, 2, 8));
        let reply = ask(&mut device, one, &role(3, 0, 0));
        assert_eq!((reply[0][11], reply[0][23]), (3, 8), "slave, and the newer generation");
        write_all(&mut device, one, &flow_add(4, 0, 1));
        assert_eq!(error_of(&read(&mut device, one)[0]), (1, 10), "IS_SLAVE");
        ask(&mut device, two, &flow_add(5, 0, 1));
        assert_eq!(flow_count(&mut device, one), 1, "a slave may read");
    }

    #[test]
    fn the_generation_outlives_the_channels() {
        let mut device = InProcess::with_ports(1);
        let one = connect(&mut device);
        let reply = ask(&mut device, one, &role(1, 0, 0));
        assert_eq!(reply[0][16..24], [0xff; 8], "none yet");
        ask(&mut device, one, &role(1, 2, 7));
        device.close(one);
        let two = connect(&mut device);
        write_all(&mut device, two, &role(2, 2, 6));
        assert_eq!(error_of(&read(&mut device, two)[0]), (11, 0), "STALE");
        let reply = ask(&mut device, two, &role(3, 0, 0));
        assert_eq!((reply[0][11], reply[0][23]), (1, 7), "still equal");
    }

    #[test]
    fn a_slave_keeps_its_own_miss_send_len_only() {
        let mut device = InProcess::with_ports(1);
        let (slave, other) = (connect(&mut device), connect(&mut device));
        ask(&mut device, slave, &role(1, 3, 1));
        ask(&mut device, slave, &set_config(2, 1, 99));
        assert_eq!(ask(&mut device, slave, &message(7, 3, &[]))[0][8..12], [0, 0, 0, 99]);
        assert_eq!(ask(&mut device, other, &message(7, 3, &[]))[0][8..12], [0, 0, 0, 128]);
        ask(&mut device, other, &set_config(2, 1, 5));
        assert_eq!(ask(&mut device, slave, &message(7, 3, &[]))[0][8..12], [0, 1, 0, 99]);
    }
}

mod asynchronous {
    use super::*;

    #[test]
    fn every_channel_that_wants_it_gets_a_packet_in() {
        let mut device = InProcess::with_ports(2);
        let (one, two, slave) = (connect(&mut device), connect(&mut device), connect(&mut device));
        ask(&mut device, slave, &role(1, 3, 1));
        punt_everything(&mut device, one);
        device.receive(2, &FRAME);
        let at_one = read(&mut device, one);
        assert_eq!(types(&at_one), [10]);
        assert_eq!(at_one, read(&mut device, two));
        let packet_in = &at_one[0];
        assert_eq!(header(packet_in), (10, 102, 0));
        assert_eq!(packet_in[8..16], [255, 255, 255, 255, 0, 60, 0, 0], "unbuffered, NO_MATCH");
        assert_eq!(packet_in[24..40], [0, 1, 0, 12, 0x80, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 0]);
        assert_eq!(packet_in[42..], FRAME);
        assert_eq!(read(&mut device, slave), Vec::<Vec<u8>>::new());
    }

    #[test]
    fn masks_go_by_role_and_reason() {
        let mut device = InProcess::with_ports(2);
        let (one, slave) = (connect(&mut device), connect(&mut device));
        punt_everything(&mut device, one);
        // Not for table misses, but as a slave for everything.
        let masks = [0b10, 0b111, 0, 0, 0, 0];
        ask(&mut device, one, &set_async(1, masks));
        let reply = ask(&mut device, one, &message(26, 2, &[]));
        assert_eq!(reply[0][8..32], masks.map(u32::to_be_bytes).concat());
        ask(&mut device, slave, &set_async(1, masks));
        ask(&mut device, slave, &role(2, 3, 1));
        device.receive(1, &FRAME);
        assert_eq!(types(&read(&mut device, one)), [0u8; 0]);
        assert_eq!(types(&read(&mut device, slave)), [10], "masks survive a change of role");
    }

    #[test]
    fn a_passive_channel_gets_nothing_until_it_asks() {
        for ask_for in [set_config(5, 0, 0), set_async(5, [3, 0, 7, 7, 15, 0]), role(5, 1, 0)] {
            let mut device = InProcess::with_ports(2);
            let controller = connect(&mut device);
            punt_everything(&mut device, controller);
            let passive = device.open(ChannelKind::Passive).unwrap();
            write_all(&mut device, passive, &[&HELLO[..], &echo(1, b"")].concat());
            assert_eq!(types(&read(&mut device, passive)), [0, 3]);
            device.receive(1, &FRAME);
            ask(&mut device, controller, &port_mod(9, 1, InProcess::hw_addr(1), 0x20, 0x20, 0));
            assert_eq!(types(&read(&mut device, passive)), [0u8; 0], "not asked");
            write_all(&mut device, passive, &ask_for);
            read(&mut device, passive);
            device.receive(2, &FRAME);
            ask(&mut device, controller, &port_mod(9, 1, InProcess::hw_addr(1), 0, 0x20, 0));
            let mut got = types(&read(&mut device, passive));
            got.sort_unstable();
            assert_eq!(got, [10, 12], "asked");
        }
    }

    #[test]
    fn removed_entries_are_told_before_the_barrier() {
        let mut device = InProcess::with_ports(1);
        let (one, two) = (connect(&mut device), connect(&mut device));
        for priority in 1..=3 {
            ask(&mut device, one, &flow_mod(priority.into(), 0, 0, priority, 1));
        }
        write_all(&mut device, one, &[flow_mod(8, 255, 3, 0, 0), barrier(9)].concat());
        assert_eq!(types(&read(&mut device, one)), [11, 11, 11, 21]);
        let removed = read(&mut device, two);
        assert_eq!(types(&removed), [11, 11, 11]);
        assert_eq!((removed[0][18], removed[0].len()), (2, 56), "reason DELETE");
    }

    #[test]
    fn expired_entries_are_told_by_the_clock() {
        let mut device = InProcess::with_ports(1);
        let channel = connect(&mut device);
        let mut entry = flow_mod(1, 0, 0, 5, 1);
        entry[29] = 3; // hard_timeout
        ask(&mut device, channel, &entry);
        let deadline = device.device.next_deadline().expect("something runs out");
        assert!(deadline <= Nanos::from_secs(3));
        device.advance(2_900_000_000);
        assert_eq!(device.pending(channel), 0);
        device.advance(100_000_000);
        let removed = read(&mut device, channel);
        assert_eq!((types(&removed), removed[0][18]), (vec![11], 1), "reason HARD_TIMEOUT");
    }

    #[test]
    fn packet_ins_are_bounded_on_each_channel() {
        let config = DeviceConfig::default();
        let mut device = InProcess::with_ports(2);
        let (slow, quick) = (connect(&mut device), connect(&mut device));
        punt_everything(&mut device, slow);
        let mut quick_got = 0;
        for _ in 0..1000 {
            device.receive(1, &FRAME);
            quick_got += read(&mut device, quick).len();
        }
        assert_eq!(quick_got, 1000, "one that reads gets all");
        let status = device.device.status(slow).unwrap();
        assert_eq!(status.counters.packet_ins, config.packet_in_count as u64);
        assert_eq!(status.counters.packet_ins_dropped, 1000 - config.packet_in_count as u64);
        assert!(device.readiness(slow).contains(Readiness::WRITABLE), "it can still be talked to");
        write_all(&mut device, slow, &barrier(5));
        let got = read(&mut device, slow);
        assert_eq!((got.len(), got.last().unwrap()[1]), (config.packet_in_count + 1, 21));
    }

    #[test]
    fn a_port_that_flaps_takes_one_place_in_the_queue() {
        let mut device = InProcess::with_ports(1);
        let (one, slow) = (connect(&mut device), connect(&mut device));
        for turn in 0..1000u32 {
            let bits = if turn % 2 == 0 { 0x20 } else { 0 };
            ask(&mut device, one, &port_mod(turn, 1, InProcess::hw_addr(1), bits, 0x20, 0));
        }
        let status = read(&mut device, slow);
        assert_eq!(types(&status), [12]);
        assert_eq!(
            (status[0][8], &status[0][48..52]),
            (2, &[0, 0, 0, 0][..]),
            "MODIFY, as it is now"
        );
    }

    #[test]
    fn a_port_that_the_host_changes_makes_a_tick_due() {
        let mut device = InProcess::with_ports(1);
        let channel = connect(&mut device);
        assert_eq!(device.device.next_deadline(), None);
        let port = PortConfig::new(Port(7), "seven");
        device.device.switch_mut().tables.port_add(device.now, port).unwrap();
        assert!(device.device.next_deadline().is_some_and(|deadline| deadline <= device.now));
        device.advance(0);
        let status = read(&mut device, channel);
        assert_eq!((types(&status), status[0][8]), (vec![12], 0), "ADD");
        assert_eq!(device.device.next_deadline(), None);
    }

    #[test]
    fn one_that_never_reads_is_hung_up_on_and_counted() {
        let config = DeviceConfig { reply_len_hard: 512 * 1024, ..DeviceConfig::default() };
        let mut device = InProcess::new(config, 1);
        let (stuck, busy) = (connect(&mut device), connect(&mut device));
        // Removals are others' doing; each is at least 56 bytes.
        for round in 0..20_000u32 {
            let entry = flow_mod(round, 0, 0, 1, 1);
            let delete = flow_mod(round, 0, 4, 1, 0);
            ask(&mut device, busy, &entry);
            assert_eq!(types(&ask(&mut device, busy, &delete)), [11]);
            if device.device.status(stuck).unwrap().hang_up.is_some() {
                break;
            }
            assert!(device.pending(stuck) <= 512 * 1024);
        }
        assert_eq!(device.device.status(stuck).unwrap().hang_up, Some(HangUp::TooSlow));
        assert_eq!(device.device.counters().too_slow, 1);
        assert!(device.readiness(stuck).contains(Readiness::HANGUP));
        assert_eq!(device.pending(stuck), 0, "its memory is free again");
        ask(&mut device, busy, &echo(1, b""));
    }

    #[test]
    fn a_controller_is_not_hung_up_on_for_its_own_deletions() {
        let config = DeviceConfig { reply_len_hard: 512 * 1024, ..DeviceConfig::default() };
        let mut device = InProcess::new(config, 1);
        let channel = connect(&mut device);
        let count = 20_000u32;
        let adds: Vec<u8> = (0..count)
            .flat_map(|n| flow_mod(n, (n >> 14) as u8, 0, n as u16 & 0x3fff, 1))
            .collect();
        assert_eq!(converse(&mut device, channel, &adds), []);
        write_all(&mut device, channel, &flow_mod(7, 255, 3, 0, 0));
        let mut removed = 0;
        loop {
            let some = read(&mut device, channel);
            if some.is_empty() {
                break;
            }
            removed += types(&some).iter().filter(|kind| **kind == 11).count();
        }
        assert_eq!(removed, count as usize);
    }
}

mod end {
    use super::*;

    #[test]
    fn when_the_switch_goes_every_channel_is_told() {
        let mut device = InProcess::with_ports(1);
        let (one, two) = (connect(&mut device), connect(&mut device));
        write_all(&mut device, one, &echo(1, b"last words"));
        device.device.hang_up();
        assert_eq!(device.write(two, &echo(2, b"")), Err(DeviceError::HungUp));
        assert!(device.readiness(two).contains(Readiness::HANGUP));
        assert_eq!(device.readiness(one), Readiness::READABLE);
        assert_eq!(read(&mut device, one)[0][8..], *b"last words");
        assert_eq!(device.read(one, &mut [0; 8]), Ok(0));
        assert_eq!(device.device.status(one).unwrap().hang_up, Some(HangUp::Gone));
    }

    #[test]
    fn a_master_that_hung_up_is_none() {
        let mut device = InProcess::with_ports(1);
        let (one, two) = (connect(&mut device), connect(&mut device));
        ask(&mut device, one, &role(1, 2, 1));
        let _ = device.write(one, &[4, 2, 0, 3, 0, 0, 0, 0]);
        assert_ne!(device.device.status(one).unwrap().role, Role::Master);
        ask(&mut device, two, &role(2, 2, 2));
        assert_eq!(device.device.status(two).unwrap().role, Role::Master);
    }
}

mod fail_mode {
    use super::*;

    fn floods(device: &mut InProcess) -> bool {
        let mut frame = FRAME;
        frame[..6].fill(0xff);
        device.receive(1, &frame).iter().any(|sent| sent.port.0 == 2)
    }

    #[test]
    fn standalone_until_a_controller_is_there() {
        let mut device = InProcess::with_ports(2);
        assert!(!floods(&mut device), "secure by default");
        device.device.set_fail_mode(FailMode::Standalone);
        assert!(floods(&mut device));
        let passive = device.open(ChannelKind::Passive).unwrap();
        write_all(&mut device, passive, &HELLO);
        assert!(floods(&mut device), "a passive channel does not count");
        write_all(&mut device, passive, &flow_add(1, 0, 7));
        let active = device.open(ChannelKind::Active).unwrap();
        assert!(floods(&mut device), "not negotiated yet");
        write_all(&mut device, active, &HELLO);
        assert!(!floods(&mut device));
        device.close(active);
        assert!(floods(&mut device));
        let active = connect(&mut device);
        assert_eq!(flow_count(&mut device, active), 1, "entries stay");
        let _ = device.write(active, &[4, 0, 0, 0, 0, 0, 0, 0]);
        assert!(floods(&mut device), "a channel that hung up does not count");
        device.device.set_fail_mode(FailMode::Secure);
        assert!(!floods(&mut device));
    }
}
