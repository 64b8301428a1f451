//! Scripted controllers: their sessions, their clock, the stream between them and a switch.

use std::time::Duration;

use ofp_codec::{Message, SwitchFeatures};
use rumpswitch_virt::{
    Controller, ControllerOut, Nanos, Network, Recorder, SwitchConfig, SwitchId, Topology,
};
use switch_dev::{DeviceConfig, DeviceError};

const LATENCY: Duration = Duration::from_millis(3);

/// Keeps a diary, and asks to be woken a second after each session came up.
#[derive(Default)]
struct Diary(Vec<(Nanos, &'static str)>);

impl Controller for Diary {
    fn connected(&mut self, _: SwitchId, now: Nanos, _: &SwitchFeatures, out: &mut ControllerOut) {
        self.0.push((now, "connected"));
        out.wake_at(now.plus(2 * Nanos::PER_SECOND));
        out.wake_at(now.plus(Nanos::PER_SECOND));
    }
    fn message(&mut self, _: SwitchId, now: Nanos, _: &Message, _: &mut ControllerOut) {
        self.0.push((now, "message"));
    }
    fn disconnected(&mut self, _: SwitchId, now: Nanos, _: &mut ControllerOut) {
        self.0.push((now, "disconnected"));
    }
    fn tick(&mut self, now: Nanos, _: &mut ControllerOut) {
        self.0.push((now, "tick"));
    }
}

#[test]
fn a_session_takes_its_time_and_ends() {
    let mut network = Network::new(1);
    let switch = network.add_switch(SwitchConfig::numbered(1));
    let controller = network.add_controller(Diary::default(), LATENCY);
    network.control(controller, switch).unwrap();
    network.run_until(Nanos::from_secs(5));
    network.controller_send(controller, switch, &Message::BarrierRequest).unwrap();
    network.run_until(Nanos::from_secs(6));
    network.disconnect(controller, switch);
    assert!(network.controller_send(controller, switch, &Message::BarrierRequest).is_none());
    network.run_until(Nanos::from_secs(7));
    assert!(network.controller::<Recorder>(controller).is_none(), "it is another script");
    let diary = &network.controller::<Diary>(controller).unwrap().0;
    let expected = [
        // The switch's hello, the request for its features, their way back: 3 ms each.
        (Nanos::from_millis(9), "connected"),
        (Nanos::from_millis(1009), "tick"),
        (Nanos::from_millis(5006), "message"),
        (Nanos::from_millis(6000), "disconnected"),
    ];
    assert_eq!(diary[..], expected);
}

#[test]
fn a_session_can_come_back() {
    let mut network = Network::new(1);
    let switch = network.add_switch(SwitchConfig::numbered(1));
    let controller = network.add_controller(Recorder::default(), LATENCY);
    for session in 1..=3 {
        network.control(controller, switch).unwrap();
        network.run_until(network.now().plus(Nanos::PER_SECOND));
        assert!(network.is_connected(controller, switch));
        // Something is under way when it ends.
        network.controller_send(controller, switch, &Message::BarrierRequest).unwrap();
        network.disconnect(controller, switch);
        assert!(!network.is_connected(controller, switch));
        let recorder = network.controller::<Recorder>(controller).unwrap();
        assert_eq!(recorder.sessions().len(), session);
    }
    network.run_until(network.now().plus(Nanos::PER_SECOND));
    let recorder = network.controller::<Recorder>(controller).unwrap();
    assert!(recorder.records().is_empty(), "what was under way is lost");
    assert_eq!(network.device(switch).channels().count(), 0);
}

#[test]
fn a_switch_takes_as_many_controllers_as_its_device_does() {
    let mut network = Network::new(1);
    let mut config = SwitchConfig::numbered(1);
    config.device.max_channels = 1;
    let switch = network.add_switch(config);
    let first = network.add_controller(Recorder::default(), LATENCY);
    let second = network.add_controller(Recorder::default(), LATENCY);
    assert_eq!(network.control(first, switch), Ok(()));
    assert_eq!(network.control(second, switch), Err(DeviceError::Busy));
}

#[test]
fn nothing_is_lost_when_a_channel_stops_reading() {
    let mut network = Network::new(1);
    let mut config = SwitchConfig::numbered(1);
    // Each answer fills the channel: the switch stops reading after each request.
    config.device = DeviceConfig::default();
    config.device.reply_len_soft = 64;
    let switch = network.add_switch(config);
    let controller = network.add_controller(Recorder::default(), LATENCY);
    network.control(controller, switch).unwrap();
    network.run_until(Nanos::from_secs(1));
    let mut xids = Vec::new();
    for n in 0..500_u32 {
        let request = if n % 2 == 0 {
            Message::EchoRequest(vec![n as u8; 1000])
        } else {
            Message::GetConfigRequest
        };
        xids.extend(network.controller_send(controller, switch, &request));
    }
    network.run_until(Nanos::from_secs(3));
    let recorder = network.controller::<Recorder>(controller).unwrap();
    let heard: Vec<_> = recorder.records().iter().map(|record| record.xid).collect();
    assert_eq!(heard, xids);
    assert_eq!(network.channel_errors(), []);
}

#[test]
fn one_controller_has_many_switches() {
    let mut network = Topology::tree(7, 0).build(1);
    let controller = network.add_controller(Recorder::default(), LATENCY);
    network.control_all(controller).unwrap();
    network.run_until(Nanos::from_secs(1));
    let sessions = network.controller::<Recorder>(controller).unwrap().sessions().to_vec();
    let ids: Vec<_> = sessions.iter().map(|(_, features)| features.datapath_id).collect();
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(sessions.iter().map(|(switch, _)| *switch).collect::<Vec<_>>(), {
        network.switches().collect::<Vec<_>>()
    });
}
