use super::*;
use crate::HostId;

fn link(config: LinkConfig) -> Link {
    let ends = [Endpoint::Host(HostId(0)), Endpoint::Host(HostId(1))];
    Link::new(LinkId(0), ends, config, 42)
}

fn frame(len: usize) -> Parcel {
    VecFrame::zeroed(len).into()
}

fn set_up(link: &mut Link, up: bool) {
    link.is_whole = up;
    assert!(link.refresh());
}

fn arrival(carried: Carried) -> Option<u64> {
    match carried {
        Carried::Arrives(at) => Some(at.0),
        Carried::Lost | Carried::Refused => None,
    }
}

#[test]
fn delay_and_rate_add_up() {
    // 1250 bytes at 1 Mbit/s are 10 ms.
    let config = LinkConfig {
        delay: Duration::from_millis(3),
        rate: Some(1_000_000),
        ..LinkConfig::default()
    };
    let mut link = link(config);
    let first = link.send(Nanos(0), Direction::AToB, frame(1250));
    let second = link.send(Nanos(0), Direction::AToB, frame(1250));
    let other_way = link.send(Nanos(0), Direction::BToA, frame(125));
    assert_eq!(arrival(first), Some(13_000_000));
    assert_eq!(arrival(second), Some(23_000_000), "it waits for the first");
    assert_eq!(arrival(other_way), Some(4_000_000), "the directions share nothing");
}

#[test]
fn a_delay_is_never_zero() {
    let mut link = link(LinkConfig { delay: Duration::ZERO, rate: None, ..Default::default() });
    assert_eq!(arrival(link.send(Nanos(5), Direction::AToB, frame(60))), Some(105));
}

#[test]
fn the_queue_is_bounded_and_empties() {
    let config = LinkConfig { rate: Some(8_000), queue: 2, ..LinkConfig::default() };
    let mut link = link(config);
    // One byte a millisecond.
    for expected in [true, true, false] {
        let carried = link.send(Nanos(0), Direction::AToB, frame(100));
        assert_eq!(arrival(carried).is_some(), expected);
    }
    let later = Nanos::from_millis(100);
    assert!(arrival(link.send(later, Direction::AToB, frame(100))).is_some());
    assert_eq!(link.stats(Direction::AToB).overflowed, 1);
    assert_eq!(link.stats(Direction::BToA), LinkStats::default());
}

#[test]
fn without_a_rate_the_bound_is_on_what_is_under_way() {
    let config =
        LinkConfig { delay: Duration::from_secs(1), rate: None, queue: 3, ..Default::default() };
    let mut link = link(config);
    let taken = (0..10)
        .filter(|_| arrival(link.send(Nanos(0), Direction::AToB, frame(60))).is_some())
        .count();
    assert_eq!(taken, 3);
    assert!(arrival(link.send(Nanos::from_secs(1), Direction::AToB, frame(60))).is_some());
}

#[test]
fn loss_is_about_what_was_asked_for() {
    let mut link = link(LinkConfig { loss_ppm: 100_000, rate: None, ..Default::default() });
    for n in 0..10_000 {
        link.send(Nanos::from_millis(n), Direction::AToB, frame(60));
    }
    let lost = link.stats(Direction::AToB).lost;
    assert!((900..1100).contains(&lost), "{lost} of 10000 at 10 %");
}

#[test]
fn a_link_that_goes_down_loses_what_is_under_way() {
    let mut link = link(LinkConfig::default());
    assert!(arrival(link.send(Nanos(0), Direction::AToB, frame(60))).is_some());
    set_up(&mut link, false);
    assert!(arrival(link.send(Nanos(0), Direction::AToB, frame(60))).is_none());
    set_up(&mut link, true);
    assert!(arrival(link.send(Nanos(0), Direction::AToB, frame(61))).is_some());
    assert!(link.arrive(Direction::AToB).is_none(), "the event of the frame that was cut");
    assert_eq!(link.arrive(Direction::AToB).map(|parcel| parcel.frame.len()), Some(61));
    let stats = link.stats(Direction::AToB);
    assert_eq!((stats.cut, stats.delivered, stats.delivered_bytes), (2, 1, 61));
}
