//! Frames through the machine.

use ofp_codec::{Message, MultipartReplyBody, MultipartRequestBody};
use rumpswitch_tests::random::Random;

use crate::controller::Controller;
use crate::machine::{Machine, Plan};

/// Frames under way at once: fewer than a ring holds and than a socket's queue takes.
const WINDOW: usize = 64;

/// A frame of any content that is no frame of a bridge's own protocol.
fn frame(random: &mut Random) -> Vec<u8> {
    let len = 60 + random.below(1514 - 60 + 1);
    let mut frame: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
    frame[0] &= 0xfe;
    frame[12] = 0x88;
    frame[13] = 0xb5;
    frame
}

#[test]
fn ten_thousand_frames_pass_byte_identical_and_are_counted() {
    let Some(machine) = Machine::boot(&Plan::listening()) else { return };
    let mut controller = Controller::greet(machine.connect());
    controller.install(&["in_port=1,actions=output:2", "in_port=2,actions=output:1"]);
    let mut random = Random::new(1);
    let mut bytes = [0u64; 2];
    for (turn, window) in (0..10_000).collect::<Vec<_>>().chunks(WINDOW).enumerate() {
        let (from, to) = if turn % 2 == 0 { (1, 2) } else { (2, 1) };
        let frames: Vec<_> = window.iter().map(|_| frame(&mut random)).collect();
        for frame in &frames {
            machine.send(from, frame);
            bytes[from - 1] += frame.len() as u64;
        }
        for frame in &frames {
            assert!(machine.receive(to) == *frame, "turn {turn}: another frame");
        }
    }
    assert!(machine.is_silent(1) && machine.is_silent(2));

    let (one, two) = (controller.port(1), controller.port(2));
    assert_eq!(one.rx_packets + two.rx_packets, 10_000);
    assert_eq!((one.rx_bytes, two.rx_bytes), (bytes[0], bytes[1]));
    assert_eq!((one.tx_packets, two.tx_packets), (two.rx_packets, one.rx_packets));
    assert_eq!((one.tx_bytes, two.tx_bytes), (bytes[1], bytes[0]));
    for port in [one, two] {
        let lost = [port.rx_dropped, port.tx_dropped, port.rx_errors, port.tx_errors];
        assert_eq!(lost, [0; 4], "{port:?}");
    }
    let flows = MultipartRequestBody::Aggregate(Default::default());
    let MultipartReplyBody::Aggregate(sum) = controller.statistics(flows) else { panic!() };
    assert_eq!((sum.packet_count, sum.byte_count), (10_000, bytes[0] + bytes[1]));
    machine.power_off();
}

#[test]
fn a_frame_is_rewritten_and_tagged_on_its_way() {
    let Some(machine) = Machine::boot(&Plan::listening()) else { return };
    let mut controller = Controller::greet(machine.connect());
    controller.install(&[
        "in_port=1,actions=push_vlan:0x8100,set_field:4103->vlan_vid,set_field:02:00:00:00:00:01->eth_src,output:2",
    ]);
    let sent = frame(&mut Random::new(2));
    machine.send(1, &sent);
    let mut expected = sent.clone();
    expected[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
    expected.splice(12..12, [0x81, 0, 0, 7]);
    assert_eq!(machine.receive(2), expected);
    machine.power_off();
}

#[test]
fn packets_go_to_a_controller_and_come_from_it() {
    let Some(machine) = Machine::boot(&Plan::listening()) else { return };
    let mut controller = Controller::greet(machine.connect());
    // One that came by itself hears of nothing before it says that it wants to.
    controller.send(&Message::SetConfig(ofp_codec::Config {
        flags: ofp_codec::ConfigFlags::default(),
        miss_send_len: 0xffff,
    }));
    controller.install(&["priority=0,actions=controller"]);
    let sent = frame(&mut Random::new(3));
    machine.send(1, &sent);
    let packet = controller.wait_for(|message| match message {
        Message::PacketIn(packet) => Some(packet.data.clone()),
        _ => None,
    });
    assert_eq!(packet, sent);
    controller.send(&Message::PacketOut(ofp_codec::PacketOut {
        buffer_id: 0xffff_ffff,
        in_port: ofp_codec::PortNo::CONTROLLER,
        actions: ofp_codec::text::parse_actions("output:2", &ofp_codec::text::NoNames).unwrap(),
        data: packet,
    }));
    assert_eq!(machine.receive(2), sent);
    machine.power_off();
}

#[test]
fn a_machine_without_a_channel_bridges_by_itself() {
    let plan = Plan { ports: 3, ..Plan::words("fail=standalone") };
    let Some(machine) = Machine::boot(&plan) else { return };
    let mut first = frame(&mut Random::new(4));
    let mut second = frame(&mut Random::new(5));
    first[6] &= 0xfe;
    second[6] &= 0xfe;
    let (from, to) = (first[6..12].to_vec(), second[6..12].to_vec());
    first[..6].copy_from_slice(&to);
    second[..6].copy_from_slice(&from);
    machine.send(1, &first);
    assert_eq!((machine.receive(2), machine.receive(3)), (first.clone(), first));
    machine.send(2, &second);
    assert_eq!(machine.receive(1), second);
    assert!(machine.is_silent(3), "the station is known");
    machine.power_off();
}
