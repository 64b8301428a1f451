//! Numbers of errors, and what a message costs before it is there.

use ofp_codec::OfpError;
use rumpswitch_tests::contract::*;
use switch_dev::ChannelKind;

use crate::answer::ERRORS;
use crate::bed::Bed;
use crate::embodiment::InProcess;

/// `BAD_MATCH` as Rust writes it.
fn camel(name: &str) -> String {
    let capital = |word: &str| {
        let (first, rest) = word.split_at(1);
        first.to_owned() + &rest.to_lowercase()
    };
    name.split('_').map(capital).collect()
}

#[test]
fn every_error_has_the_number_of_its_name() {
    for (kind, (name, codes)) in (0..).zip(&ERRORS) {
        let codes: Vec<&str> = codes.split_whitespace().collect();
        for (code, word) in (0..).zip(&codes) {
            let error = OfpError::from_numbers(kind, code).expect(word);
            assert_eq!((error.error_type(), error.code()), (kind, code));
            assert_eq!(format!("{error:?}"), format!("{}({})", camel(name), camel(word)));
        }
        let beyond = codes.len() as u16;
        assert_eq!(OfpError::from_numbers(kind, beyond), None, "{name} has no code {beyond}");
    }
    assert_eq!(OfpError::from_numbers(14, 0), None, "no type 14");
}

#[test]
fn a_length_that_is_only_announced_costs_nothing() {
    let mut device = InProcess::with_ports(1);
    let channels: Vec<_> = (0..8).map(|_| device.open(ChannelKind::Active).unwrap()).collect();
    for channel in &channels {
        write_all(&mut device, *channel, &HELLO);
    }
    let cost = allocation_counter::measure(|| {
        for channel in &channels {
            write_all(&mut device, *channel, &[4, 2, 0xff, 0xff, 0, 0, 0, 9]);
        }
    });
    assert!(cost.bytes_max < 8 * 1024, "{cost:?}");
}

#[test]
fn an_entry_without_timeouts_stays_for_years() {
    let mut bed = Bed::new();
    bed.add("priority=1,actions=output:2");
    bed.add("priority=2,hard_timeout=1,actions=output:3");
    for _ in 0..100 {
        bed.device.advance(10_000_000 * 1_000_000_000);
    }
    let flows = bed.flows();
    assert_eq!(flows.len(), 1);
    assert_eq!((flows[0].priority, flows[0].duration_sec), (1, 1_000_000_000));
}
