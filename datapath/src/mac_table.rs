//! Where stations were seen: the memory of NORMAL, one for all workers.
//!
//! # What
//!
//! A set-associative table of fixed size, keyed by VLAN and address with a hash seeded at
//! construction, since the hosts on the network choose the keys. A full set gives up an aged entry,
//! else the least recently seen entry of the port that brings the new one, else the least recently
//! seen one: a port that floods addresses displaces its own first.
//!
//! # Design
//!
//! A station that one worker hears is known to all at once: they share the table. A set of three
//! stations is one cache line, all atomic words: keys and ports, which change only when something
//! is learned, and the moments at which the stations were last heard. A worker that learns (a new
//! station, or one that moved) takes the set's turn by one compare-and-swap; who looks something up
//! takes nothing and looks again if the turn changed meanwhile (a sequence lock), so that a station
//! is never seen with another one's port. Somebody else's turn lasts some ten loads and stores; after
//! a bounded wait for it the address is not learned, or not known, this once.
//!
//! The three keys are compared without a branch between: which of them it is nobody could predict.
//!
//! With one worker each frame writes the moment of its station. With several the line would go to
//! and fro between cores, so they write it again only when it is more than 1/256 of the ageing time
//! old: a second or so, by which a station may be forgotten too soon.
//!
//! # What it costs
//!
//! 21 bytes a station, taken when the first address is learned; learning then never allocates. A frame
//! between stations that are known takes two lines. With several workers a frame that brings no news
//! writes nothing (`workers` bench, `normal`).

use alloc::boxed::Box;
use alloc::vec::Vec;

use hypercall::{Nanos, Port};
use ofp_codec::memory::try_one;
use once_cell::race::OnceBox;

use crate::sync::Ordering::{Acquire, Relaxed, Release};
use crate::sync::{AtomicU32, AtomicU64, fence, spin_loop};

/// Stations of a set: as many as one cache line holds.
const WAYS: usize = 3;
/// Marks a key as used: no VLAN or address reaches this bit.
const VALID: u64 = 1 << 63;
/// Looks at a set whose turn is another worker's: microseconds.
const LOOKS_MAX: u32 = if cfg!(loom) { 2 } else { 256 };
/// The part of the ageing time that several workers do not write down.
const SLACK: u64 = 256;

/// Stations by VLAN and Ethernet address.
#[derive(Debug)]
pub(crate) struct MacTable {
    /// One list: an array of one, since a box of it can be had with an error instead of an abort.
    sets: OnceBox<[Vec<Set>; 1]>,
    set_count: usize,
    ageing: u64,
    seed: u64,
    /// How old a moment has to be to be written again.
    slack: AtomicU64,
}

/// Stations whose keys have one hash.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Set {
    /// Odd while a worker changes keys or ports.
    turn: AtomicU32,
    ports: [AtomicU32; WAYS],
    keys: [AtomicU64; WAYS],
    /// When the stations were last heard.
    seen: [AtomicU64; WAYS],
}

/// Another worker has the set's turn.
struct Changing;

/// A station's place in a set.
struct Station<'a> {
    key: &'a AtomicU64,
    port: &'a AtomicU32,
    seen: &'a AtomicU64,
}

impl Station<'_> {
    fn port(&self) -> Port {
        Port(self.port.load(Relaxed))
    }

    fn age(&self, now: Nanos) -> u64 {
        now.since(Nanos(self.seen.load(Relaxed)))
    }
}

impl Set {
    fn stations(&self) -> impl Iterator<Item = Station<'_>> {
        let places = self.keys.iter().zip(&self.ports).zip(&self.seen);
        places.map(|((key, port), seen)| Station { key, port, seen })
    }

    #[inline(always)]
    fn station(&self, key: u64) -> Option<Station<'_>> {
        let [first, second, third] = &self.keys;
        let is_it =
            |place: &AtomicU64, way: u32| u32::from(place.load(Relaxed) == key).wrapping_shl(way);
        let found = is_it(first, 0) | is_it(second, 1) | is_it(third, 2);
        let way = found.trailing_zeros() as usize;
        Some(Station {
            key: self.keys.get(way)?,
            port: self.ports.get(way)?,
            seen: self.seen.get(way)?,
        })
    }

    /// The port of a station and how long ago it was heard there.
    #[inline(always)]
    fn look(&self, key: u64, now: Nanos) -> Result<Option<(Port, u64)>, Changing> {
        let turn = self.turn.load(Acquire);
        let station = self.station(key).map(|station| (station.port(), station.age(now)));
        fence(Acquire);
        match turn & 1 == 0 && self.turn.load(Relaxed) == turn {
            true => Ok(station),
            false => Err(Changing),
        }
    }

    /// [`look`](Self::look) until no worker changes the set; after a bounded wait nothing is known.
    #[cold]
    #[inline(never)]
    fn look_again(&self, key: u64, now: Nanos) -> Option<(Port, u64)> {
        for _ in 1..LOOKS_MAX {
            spin_loop();
            if let Ok(station) = self.look(key, now) {
                return station;
            }
        }
        None
    }

    /// Takes the turn to change keys and ports; what [`end_turn`](Self::end_turn) wants to know.
    fn take_turn(&self) -> Option<u32> {
        for _ in 0..LOOKS_MAX {
            let turn = self.turn.load(Relaxed);
            let odd = turn.wrapping_add(1);
            if turn & 1 == 0 && self.turn.compare_exchange(turn, odd, Acquire, Relaxed).is_ok() {
                // What is changed now is not seen before the turn is.
                fence(Release);
                return Some(turn);
            }
            spin_loop();
        }
        None
    }

    fn end_turn(&self, turn: u32) {
        self.turn.store(turn.wrapping_add(2), Release);
    }
}

impl MacTable {
    /// A table of about `len` entries that forgets a station `ageing` nanoseconds after its last
    /// frame.
    pub(crate) fn new(len: u32, ageing: u64, seed: u64) -> MacTable {
        let set_count = (len as usize / WAYS).max(1).checked_next_power_of_two().unwrap_or(1);
        MacTable { sets: OnceBox::new(), set_count, ageing, seed, slack: AtomicU64::new(0) }
    }

    /// Several workers use it from now on.
    pub(crate) fn share(&self) {
        self.slack.store(self.ageing / SLACK, Relaxed);
    }

    /// Notes that `address` was seen on `port`; whether that is news. Without memory for the table
    /// nothing is learned.
    #[inline]
    pub(crate) fn learn(&self, vlan: u16, address: u64, port: Port, now: Nanos) -> bool {
        let key = key(vlan, address);
        // Between these looks the place may become another station's, which is heard now, too.
        let station = self.set(key).and_then(|set| set.station(key));
        match station.filter(|station| station.port() == port) {
            Some(station) => {
                let age = station.age(now);
                if age >= self.slack.load(Relaxed) {
                    station.seen.store(now.0, Relaxed);
                }
                age >= self.ageing
            }
            None => self.learn_anew(key, port, now),
        }
    }

    /// Notes a station that is new or has moved.
    #[cold]
    #[inline(never)]
    fn learn_anew(&self, key: u64, port: Port, now: Nanos) -> bool {
        let Some(set) = self.set(key).or_else(|| self.make(key)) else { return false };
        let Some(turn) = set.take_turn() else { return false };
        let known = set.station(key);
        // Lower is given up first.
        let worth = |station: &Station<'_>| {
            let aged = station.key.load(Relaxed) == 0 || station.age(now) >= self.ageing;
            (!aged, station.port() != port, station.seen.load(Relaxed))
        };
        if let Some(place) = known.or_else(|| set.stations().min_by_key(worth)) {
            place.key.store(key, Relaxed);
            place.port.store(port.0, Relaxed);
            place.seen.store(now.0, Relaxed);
        }
        set.end_turn(turn);
        true
    }

    /// The port where `address` was last seen, if not too long ago.
    #[inline]
    pub(crate) fn find(&self, vlan: u16, address: u64, now: Nanos) -> Option<Port> {
        let key = key(vlan, address);
        let set = self.set(key)?;
        let seen = match set.look(key, now) {
            Ok(seen) => seen,
            Err(Changing) => set.look_again(key, now),
        };
        let (port, age) = seen?;
        (age < self.ageing).then_some(port)
    }

    /// Stations known at `now`: VLAN, address, port and nanoseconds since the last frame.
    pub(crate) fn iter(&self, now: Nanos) -> impl Iterator<Item = (u16, u64, Port, u64)> + '_ {
        let stations = self.sets.get().into_iter().flatten().flatten().flat_map(Set::stations);
        stations.filter_map(move |station| {
            let key = station.key.load(Relaxed);
            let age = station.age(now);
            let vlan = u16::try_from((key >> 48) & 0xfff).unwrap_or(0);
            let is_known = key != 0 && age < self.ageing;
            is_known.then_some((vlan, key & 0xffff_ffff_ffff, station.port(), age))
        })
    }

    /// Forgets every station that was learned before.
    pub(crate) fn clear(&self) {
        let stations = self.sets.get().into_iter().flatten().flatten().flat_map(Set::stations);
        stations.for_each(|station| station.key.store(0, Relaxed));
    }

    #[inline]
    fn set(&self, key: u64) -> Option<&Set> {
        let hash = mix(key ^ self.seed, 0x9e37_79b9_7f4a_7c15 ^ self.seed.rotate_left(32));
        let [sets] = self.sets.get()?;
        sets.get(hash as usize & (self.set_count - 1))
    }

    /// Takes the memory of the table.
    #[cold]
    fn make(&self, key: u64) -> Option<&Set> {
        let made = self.sets.get_or_try_init(|| -> Result<Box<[Vec<Set>; 1]>, ()> {
            let mut sets = Vec::new();
            sets.try_reserve_exact(self.set_count).map_err(|_| ())?;
            sets.resize_with(self.set_count, Set::default);
            try_one(sets).map_err(|_| ())?.into_boxed_slice().try_into().map_err(|_| ())
        });
        made.ok().and_then(|_| self.set(key))
    }
}

fn key(vlan: u16, address: u64) -> u64 {
    VALID | (u64::from(vlan & 0xfff) << 48) | (address & 0xffff_ffff_ffff)
}

/// The two halves of a product, folded.
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let product = u128::from(a).wrapping_mul(u128::from(b | 1));
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = Nanos::PER_SECOND;

    #[test]
    fn learns_moves_and_ages() {
        let table = MacTable::new(64, 300 * SECOND, 7);
        assert_eq!(table.find(0, 5, Nanos(0)), None);
        assert!(table.learn(0, 5, Port(1), Nanos(0)));
        assert!(!table.learn(0, 5, Port(1), Nanos(SECOND)));
        assert_eq!(table.find(0, 5, Nanos(2 * SECOND)), Some(Port(1)));
        assert_eq!(table.find(9, 5, Nanos(2 * SECOND)), None, "another VLAN");
        assert!(table.learn(0, 5, Port(2), Nanos(2 * SECOND)), "it moved");
        assert_eq!(table.find(0, 5, Nanos(302 * SECOND - 1)), Some(Port(2)));
        assert_eq!(table.find(0, 5, Nanos(302 * SECOND)), None, "aged");
    }

    #[test]
    fn a_flooding_port_displaces_its_own() {
        let table = MacTable::new(64, 300 * SECOND, 7);
        for address in 0..32 {
            table.learn(0, address, Port(1), Nanos(address));
        }
        let known = |table: &MacTable| {
            (0..32).filter(|a| table.find(0, *a, Nanos(100)) == Some(Port(1))).count()
        };
        let before = known(&table);
        for address in 1000..100_000 {
            table.learn(0, address, Port(2), Nanos(address));
        }
        // Port 2 takes free places and at most one entry of a set that was all port 1's.
        let left = known(&table);
        assert!(left >= before - table.set_count, "{left} of {before}");
        assert_eq!(table.iter(Nanos(100_000)).count(), table.set_count * WAYS);
    }

    /// What several workers hear is refreshed rarely enough to leave the line alone, and often enough
    /// to keep a station that speaks.
    #[test]
    fn a_shared_station_is_written_once_in_a_while() {
        let table = MacTable::new(64, 256 * SECOND, 7);
        table.share();
        assert!(table.learn(0, 5, Port(1), Nanos(0)));
        assert!(!table.learn(0, 5, Port(1), Nanos(SECOND - 1)));
        assert_eq!(table.iter(Nanos(SECOND)).next().unwrap().3, SECOND, "not written");
        assert!(!table.learn(0, 5, Port(1), Nanos(SECOND)));
        assert_eq!(table.iter(Nanos(SECOND)).next().unwrap().3, 0, "written");
        assert_eq!(table.find(0, 5, Nanos(257 * SECOND - 1)), Some(Port(1)));
        assert_eq!(table.find(0, 5, Nanos(257 * SECOND)), None);
        assert!(table.learn(0, 5, Port(2), Nanos(SECOND + 1)), "a move is told at once");
        assert_eq!(table.find(0, 5, Nanos(SECOND + 1)), Some(Port(2)));
    }

    /// Two threads learn into one set all the time, a third looks up: whatever it finds is
    /// the port of the address that it asked for, and no address is there twice.
    #[test]
    fn no_station_is_seen_with_another_ones_port() {
        const ROUNDS: u64 = if cfg!(miri) { 200 } else { 50_000 };
        let table = MacTable::new(4, u64::MAX, 7);
        let port_of = |address: u64| Port(address as u32 + 100);
        std::thread::scope(|scope| {
            let writers = [0, 1].map(|writer| {
                let table = &table;
                scope.spawn(move || {
                    for round in 0..ROUNDS {
                        let address = (round * 7 + writer) % 11;
                        table.learn(0, address, port_of(address), Nanos(round));
                    }
                })
            });
            for round in 0..ROUNDS {
                let address = round % 11;
                let found = table.find(0, address, Nanos(round));
                assert!(found.is_none_or(|port| port == port_of(address)), "{address}: {found:?}");
            }
            // ThreadSanitizer sees a thread end by its join alone.
            writers.into_iter().for_each(|writer| writer.join().unwrap());
        });
        let mut known: Vec<u64> =
            table.iter(Nanos(ROUNDS)).map(|(_, address, ..)| address).collect();
        known.sort_unstable();
        known.dedup();
        assert_eq!(known.len(), WAYS, "each once");
        assert!(table.iter(Nanos(ROUNDS)).all(|(_, address, port, _)| port == port_of(address)));
    }
}
