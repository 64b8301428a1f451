//! Where stations were seen: the memory of NORMAL.
//!
//! A set-associative table of fixed size, keyed by VLAN and address with a hash seeded at
//! construction, since the hosts on the network choose the keys. A full set gives up an aged entry,
//! else the least recently seen entry of the port that brings the new one, else the least recently
//! seen one: a port that floods addresses displaces its own first. The memory (24 bytes an entry) is
//! taken when the first address is learned; learning then never allocates.

use alloc::vec::Vec;

use hypercall::{Nanos, Port};

const WAYS: usize = 4;
/// Marks a key as used: no VLAN or address reaches this bit.
const VALID: u64 = 1 << 63;

/// Stations by VLAN and Ethernet address.
#[derive(Clone, Debug)]
pub(crate) struct MacTable {
    entries: Vec<Station>,
    set_count: usize,
    ageing: u64,
    seed: u64,
    moves: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Station {
    key: u64,
    seen: Nanos,
    port: Port,
}

impl MacTable {
    /// A table of about `len` entries that forgets a station `ageing` nanoseconds after its last
    /// frame.
    pub(crate) fn new(len: u32, ageing: u64, seed: u64) -> MacTable {
        let set_count = (len as usize / WAYS).max(1).checked_next_power_of_two().unwrap_or(1);
        MacTable { entries: Vec::new(), set_count, ageing, seed, moves: 0 }
    }

    /// Notes that `address` was seen on `port`; whether that is news. Without memory for the table
    /// nothing is learned.
    pub(crate) fn learn(&mut self, vlan: u16, address: u64, port: Port, now: Nanos) -> bool {
        if self.entries.is_empty() {
            let len = self.set_count.saturating_mul(WAYS);
            if self.entries.try_reserve_exact(len).is_err() {
                return false;
            }
            self.entries.resize(len, Station::default());
        }
        let key = key(vlan, address);
        let ageing = self.ageing;
        let Some(set) = self.set(key) else { return false };
        if let Some(station) = set.iter_mut().find(|station| station.key == key) {
            let news = station.port != port || now.since(station.seen) >= ageing;
            let moved = station.port != port;
            *station = Station { key, seen: now, port };
            self.moves = self.moves.wrapping_add(u64::from(moved));
            return news;
        }
        // Lower is given up first.
        let worth = |station: &Station| {
            let aged = station.key == 0 || now.since(station.seen) >= ageing;
            (!aged, station.port != port, station.seen)
        };
        if let Some(victim) = set.iter_mut().min_by_key(|station| worth(station)) {
            *victim = Station { key, seen: now, port };
        }
        true
    }

    /// The port where `address` was last seen, if not too long ago.
    pub(crate) fn find(&self, vlan: u16, address: u64, now: Nanos) -> Option<Port> {
        let key = key(vlan, address);
        let start = self.set_start(key);
        let set = self.entries.get(start..start.saturating_add(WAYS))?;
        let station = set.iter().find(|station| station.key == key)?;
        (now.since(station.seen) < self.ageing).then_some(station.port)
    }

    /// Stations known at `now`: VLAN, address, port and nanoseconds since the last frame.
    pub(crate) fn iter(&self, now: Nanos) -> impl Iterator<Item = (u16, u64, Port, u64)> + '_ {
        self.entries.iter().filter(|station| station.key != 0).filter_map(move |station| {
            let age = now.since(station.seen);
            let vlan = u16::try_from((station.key >> 48) & 0xfff).unwrap_or(0);
            (age < self.ageing).then_some((vlan, station.key & 0xffff_ffff_ffff, station.port, age))
        })
    }

    /// Forgets every station.
    pub(crate) fn clear(&mut self) {
        self.entries.fill(Station::default());
    }

    fn set(&mut self, key: u64) -> Option<&mut [Station]> {
        let start = self.set_start(key);
        self.entries.get_mut(start..start.saturating_add(WAYS))
    }

    fn set_start(&self, key: u64) -> usize {
        let hash = mix(key ^ self.seed, 0x9e37_79b9_7f4a_7c15 ^ self.seed.rotate_left(32));
        (hash as usize & (self.set_count - 1)).saturating_mul(WAYS)
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
        let mut table = MacTable::new(64, 300 * SECOND, 7);
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
        let mut table = MacTable::new(64, 300 * SECOND, 7);
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
        assert!(known(&table) >= before - 64 / WAYS, "{} of {before}", known(&table));
        assert_eq!(table.iter(Nanos(100_000)).count(), 64);
    }
}
