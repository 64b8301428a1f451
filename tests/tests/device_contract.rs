//! The device contract, over the device in this process.

mod embodiment;

use embodiment::InProcess;
use rumpswitch_tests::contract;
use switch_dev::DeviceConfig;

fn make() -> InProcess {
    InProcess::with_ports(2)
}

#[test]
fn a_new_channel_says_hello() {
    contract::a_new_channel_says_hello(make());
}

#[test]
fn writes_may_be_cut_anywhere() {
    contract::writes_may_be_cut_anywhere(make);
}

#[test]
fn reads_are_aligned_and_exact() {
    contract::reads_are_aligned_and_exact(make);
}

#[test]
fn nothing_in_nothing_out() {
    contract::nothing_in_nothing_out(make());
}

#[test]
fn opens_are_limited() {
    contract::opens_are_limited(make());
}

#[test]
fn channels_are_apart() {
    contract::channels_are_apart(make());
}

#[test]
fn entries_outlive_the_channel() {
    contract::entries_outlive_the_channel(make());
}

#[test]
fn a_slow_reader_is_held_back() {
    contract::a_slow_reader_is_held_back(make());
}

#[test]
fn a_broken_stream_hangs_up() {
    contract::a_broken_stream_hangs_up(make());
}

#[test]
fn the_first_message_is_a_hello() {
    contract::the_first_message_is_a_hello(make());
}

#[test]
fn the_largest_message_passes() {
    contract::the_largest_message_passes(make());
}

#[test]
fn an_exclusive_device_has_one_channel() {
    let config = DeviceConfig { max_channels: 1, ..DeviceConfig::default() };
    contract::opens_are_limited(InProcess::new(config, 1));
}
