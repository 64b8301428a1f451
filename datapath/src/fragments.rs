//! To which flow the later fragments of a packet belong: they carry no ports, so the first one is
//! remembered. SELECT groups (`groups/flow_hash.rs`) ask, so that a flow stays on its bucket whether
//! its packets come whole or cut.
//!
//! # Design
//!
//! A fixed number of places, found by what all fragments of a packet share: the addresses, the
//! protocol and the identification. A first fragment takes its place over from whatever was there;
//! nothing expires, since an identification that comes again brings its own first fragment along.
//!
//! # What it does not do
//!
//! Fragments that overtake their first one, and those whose first one was pushed out by another
//! packet's, are told apart by their addresses alone: they stay together, but maybe not with it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::counters::NoMemory;
use crate::extract::Headers;
use crate::key::{Key, Presence};
use crate::mac_table::mix;

/// Packets that are remembered while their fragments arrive.
const PLACES: usize = 256;

/// The key's word with the protocol, the type of service and the ports.
const PORTS_WORD: u8 = 4;
const PROTO: u64 = 0xff00_0000;

/// What tells the flow of a packet above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// What its own key says.
    Own,
    /// What the first fragment's key said in the word with the ports.
    First(u64),
    /// Nothing: a fragment whose first one was not seen.
    Unknown,
}

/// The first fragments seen lately.
#[derive(Debug)]
pub(crate) struct Fragments {
    seed: u64,
    /// The packet, and its word with the ports.
    places: Box<[(u64, u64); PLACES]>,
}

impl Fragments {
    pub(crate) fn new(seed: u64) -> Result<Fragments, NoMemory> {
        let mut places = Vec::new();
        places.try_reserve_exact(PLACES).map_err(|_| NoMemory)?;
        places.resize(PLACES, (0, 0));
        let places = places.into_boxed_slice().try_into().map_err(|_| NoMemory)?;
        Ok(Fragments { seed, places })
    }

    /// A copy, for a look that leaves no mark; without memory for it, an empty one.
    pub(crate) fn try_clone(&self) -> Result<Fragments, NoMemory> {
        let mut copy = Fragments::new(self.seed)?;
        copy.places.copy_from_slice(&*self.places);
        Ok(copy)
    }

    /// Remembers a first fragment. Other packets pass.
    pub(crate) fn note(&mut self, key: &Key, headers: &Headers) {
        if !headers.is_fragment || headers.transport == 0 {
            return;
        }
        let packet = self.packet(key, headers);
        if let Some(place) = self.places.get_mut(place_of(packet)) {
            *place = (packet, key.word(PORTS_WORD));
        }
    }

    /// What tells the flow of this packet.
    pub(crate) fn transport(&self, key: &Key, headers: &Headers) -> Transport {
        if !headers.is_fragment || headers.transport != 0 {
            return Transport::Own;
        }
        let packet = self.packet(key, headers);
        match self.places.get(place_of(packet)) {
            Some((first, ports)) if *first == packet => Transport::First(*ports),
            _ => Transport::Unknown,
        }
    }

    /// The same for all fragments of a packet.
    fn packet(&self, key: &Key, headers: &Headers) -> u64 {
        let is_ipv6 = key.presence().contains(Presence::IPV6);
        // IPv6's own word has bits of the extension headers, which fragments need not share, and
        // what a later fragment says of the protocol may be such a header.
        let shared = match is_ipv6 {
            true => {
                [(3, !0xffff_ffff), (8, u64::MAX), (9, u64::MAX), (10, u64::MAX), (11, u64::MAX)]
            }
            false => [(3, u64::MAX), (PORTS_WORD, PROTO), (8, 0), (9, 0), (10, 0)],
        };
        let start = mix(self.seed ^ u64::from(headers.fragment_id), 0x2545_f491_4f6c_dd1d);
        shared.into_iter().fold(start, |hash, (index, mask)| {
            mix(hash ^ (key.word(index) & mask), 0x9e37_79b9_7f4a_7c15 ^ self.seed)
        })
    }
}

fn place_of(packet: u64) -> usize {
    (packet >> 32) as usize % PLACES
}
