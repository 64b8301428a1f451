//! The OpenFlow channel of the machine.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use ofp_codec::{Message, PortState};

use crate::controller::Controller;
use crate::machine::{CONTROL, Machine, PATIENCE, Plan};

#[test]
fn ovs_ofctl_shows_it_and_changes_it() {
    let Some(machine) = Machine::boot(&Plan::listening()) else { return };
    if Command::new("ovs-ofctl").arg("--version").output().is_err() {
        eprintln!("SKIP: there is no ovs-ofctl");
        return;
    }
    let target = format!("tcp:{}", machine.address());
    let ofctl = |arguments: &[&str]| {
        let mut command = Command::new("ovs-ofctl");
        command.args(["-O", "OpenFlow13", "-t", "20", arguments[0], &target]).args(&arguments[1..]);
        let output = command.output().expect("ovs-ofctl runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {text}{output:?}");
        text
    };
    let shown = ofctl(&["show"]);
    assert!(shown.contains("dpid:000000000000002a"), "{shown}");
    assert!(shown.contains("1(port1): addr:52:54:00:00:00:01"), "{shown}");
    ofctl(&["add-flow", "in_port=1,actions=output:2"]);
    machine.send(1, &[0x5a; 60]);
    assert_eq!(machine.receive(2), [0x5a; 60]);
    let flows = ofctl(&["dump-flows"]);
    assert!(flows.contains("n_packets=1, n_bytes=60"), "{flows}");
    let ports = ofctl(&["dump-ports", "2"]);
    assert!(ports.contains("tx pkts=1, bytes=60, drop=0, errs=0"), "{ports}");
    machine.power_off();
}

#[test]
fn several_connections_are_served_at_once() {
    let Some(machine) = Machine::boot(&Plan::listening()) else { return };
    let mut controllers: Vec<_> = (0..10).map(|_| Controller::greet(machine.connect())).collect();
    // Long answers, and all questions before the first answer.
    for (at, controller) in controllers.iter_mut().enumerate() {
        controller.send(&Message::EchoRequest(vec![at as u8; 60_000]));
    }
    for (at, controller) in controllers.iter_mut().enumerate() {
        assert_eq!(controller.next(), Message::EchoReply(vec![at as u8; 60_000]));
    }
    // Places are used again, many times over.
    for _ in 0..40 {
        controllers.remove(0);
        let mut controller = Controller::greet(machine.connect());
        assert_eq!(controller.ask(&Message::BarrierRequest), Message::BarrierReply);
        controllers.push(controller);
    }
    machine.power_off();
}

#[test]
fn it_connects_to_its_controller_and_again_when_that_is_gone() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its number").port();
    let plan =
        Plan { words: format!("{CONTROL} controller=tcp:10.0.2.2:{port}"), ..Plan::listening() };
    let Some(machine) = Machine::boot(&plan) else { return };
    for _ in 0..2 {
        let (stream, _) = listener.accept().expect("the switch connects");
        let mut controller = Controller::greet(stream);
        controller.install(&["priority=0,actions=controller"]);
        // It is the switch's own controller, and need not ask for packets.
        machine.send(2, &[0x3c; 60]);
        let packet = controller.wait_for(|message| match message {
            Message::PacketIn(packet) => Some(packet.data.clone()),
            _ => None,
        });
        assert_eq!(packet, [0x3c; 60]);
    }
    machine.power_off();
}

#[test]
fn a_connection_without_a_hello_is_closed() {
    use std::io::Read;
    let Some(machine) = Machine::boot(&Plan::listening()) else { return };
    let mut stream = machine.connect();
    stream.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let mut heard = Vec::new();
    let began = Instant::now();
    // The switch's hello, and then the end.
    let _ = stream.read_to_end(&mut heard);
    assert_eq!(heard[..2], [4, 0]);
    assert!((3..15).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    machine.power_off();
}

#[test]
fn a_cable_that_is_pulled_is_told_to_the_controller() {
    let Some(machine) = Machine::boot(&Plan::listening()) else { return };
    let mut controller = Controller::greet(machine.connect());
    controller.send(&Message::SetConfig(ofp_codec::Config {
        flags: ofp_codec::ConfigFlags::default(),
        miss_send_len: 128,
    }));
    controller.barrier();
    for is_up in [false, true] {
        machine.set_link(2, is_up);
        let (number, state) = controller.wait_for(|message| match message {
            Message::PortStatus(status) => Some((status.desc.port_no.0, status.desc.state)),
            _ => None,
        });
        assert_eq!((number, state.contains(PortState::LINK_DOWN)), (2, !is_up));
    }
    machine.power_off();
}

#[test]
fn entries_run_out_by_the_clock_of_the_outside() {
    let Some(machine) = Machine::boot(&Plan::listening()) else { return };
    let mut controller = Controller::greet(machine.connect());
    controller.send(&Message::SetConfig(ofp_codec::Config {
        flags: ofp_codec::ConfigFlags::default(),
        miss_send_len: 128,
    }));
    let began = Instant::now();
    controller.install(&["hard_timeout=2,send_flow_rem,actions=drop"]);
    let told = controller.wait_for(|message| match message {
        Message::FlowRemoved(removed) => {
            Some(Duration::new(removed.duration_sec.into(), removed.duration_nsec))
        }
        _ => None,
    });
    let took = began.elapsed();
    println!("a timeout of two seconds: {told:?} by the switch's clock, {took:?} by ours");
    assert!(told >= Duration::from_secs(2) && told < Duration::from_millis(2500), "{told:?}");
    // Its second is ours, give or take what a busy machine adds on our side.
    assert!(took > Duration::from_millis(1950), "{took:?}");
    machine.power_off();
}
