//! The device contract and the scenarios: what a controller sees and what frames meet, said over the
//! wire alone, so that one source holds for every [`Embodiment`]. `tests/embodiments/main.rs` runs them.
//!
//! A case is a function over a [`World`], which makes fresh switches for it. What it needs beyond what
//! every embodiment can is in its file's list; where the switch in this process is tried, a case that
//! uses more than it says, or says more than it uses, fails.

mod actions;
mod bed;
mod contract;
mod dynamics;
mod errors;
mod flows;
mod groups;
mod liveness;
mod meters;
mod normal;
mod notation;
mod ports;
mod prelude;
mod punts;
mod queues;
mod select;
mod stats;
mod timing;

use std::cell::Cell;
use std::io;

use switch_dev::{ChannelKind, DeviceError, Readiness};

use crate::contract::DeviceUnderTest;
use crate::embodiment::{Abilities, Embodiment, Setup};

use bed::Bed;

/// Something that is promised, and how to see that it holds.
pub struct Case {
    /// What it is about.
    pub group: &'static str,
    /// The promise.
    pub name: &'static str,
    /// What it needs of an embodiment.
    pub needs: Abilities,
    /// Panics where the promise is broken.
    pub run: fn(&World<'_>),
}

/// Makes a list of cases of a file: each name, and behind a colon what it needs.
macro_rules! cases {
    ($group:literal: $($name:ident $(: $($need:ident)|+)?),* $(,)?) => {
        pub(super) const CASES: &[$crate::scenarios::Case] = &[$($crate::scenarios::Case {
            group: $group,
            name: stringify!($name),
            needs: $crate::embodiment::Abilities::empty()
                $($(.union($crate::embodiment::Abilities::$need))+)?,
            run: $name,
        }),*];
    };
}
use cases;

/// All cases, in the order of the matrix.
pub fn all() -> impl Iterator<Item = &'static Case> {
    let files: [&'static [Case]; _] = [
        contract::CASES,
        errors::CASES,
        flows::CASES,
        actions::CASES,
        groups::CASES,
        select::CASES,
        liveness::CASES,
        normal::CASES,
        punts::CASES,
        ports::CASES,
        queues::CASES,
        meters::CASES,
        stats::CASES,
        dynamics::CASES,
        timing::CASES,
    ];
    files.into_iter().flatten()
}

/// Makes a switch.
pub type Make<'a> = dyn Fn(&Setup) -> io::Result<Box<dyn Embodiment>> + 'a;

/// Where a case runs: it makes as many switches as it likes.
pub struct World<'a> {
    make: &'a Make<'a>,
    abilities: Abilities,
    used: Cell<Abilities>,
}

impl<'a> World<'a> {
    /// A world whose embodiments have these abilities.
    pub fn new(make: &'a Make<'a>, abilities: Abilities) -> World<'a> {
        World { make, abilities, used: Cell::new(Abilities::empty()) }
    }

    /// What was made use of so far.
    pub fn used(&self) -> Abilities {
        self.used.get()
    }

    /// Notes that a case needs this.
    #[track_caller]
    fn uses(&self, ability: Abilities) {
        self.used.set(self.used.get() | ability);
        assert!(
            self.abilities.contains(ability),
            "the case does not say that it needs {ability:?}"
        );
    }

    fn embodiment(&self, setup: &Setup) -> Box<dyn Embodiment> {
        if !setup.is_default() {
            self.uses(Abilities::SETUP);
        }
        (self.make)(setup).unwrap_or_else(|error| panic!("no switch can be made: {error}"))
    }

    /// A device, nobody on it.
    fn device(&self) -> Opened<'_> {
        self.device_with(&Setup::DEFAULT)
    }

    fn device_with(&self, setup: &Setup) -> Opened<'_> {
        Opened { inner: self.embodiment(setup), world: self, open_count: 0 }
    }

    /// A switch with a controller on it.
    fn bed(&self) -> Bed<'_> {
        self.bed_with(&Setup::DEFAULT)
    }

    fn bed_with(&self, setup: &Setup) -> Bed<'_> {
        Bed::new(self, self.embodiment(setup))
    }
}

/// A device that says when it has several channels open.
struct Opened<'a> {
    inner: Box<dyn Embodiment>,
    world: &'a World<'a>,
    open_count: usize,
}

impl DeviceUnderTest for Opened<'_> {
    type Channel = u64;

    fn open(&mut self, kind: ChannelKind) -> Result<u64, DeviceError> {
        self.open_count += 1;
        if self.open_count > 1 {
            self.world.uses(Abilities::SHARED);
        }
        self.inner.open(kind)
    }

    fn close(&mut self, channel: u64) {
        self.open_count = self.open_count.saturating_sub(1);
        self.inner.close(channel);
    }

    fn read(&mut self, channel: u64, into: &mut [u8]) -> Result<usize, DeviceError> {
        self.inner.read(channel, into)
    }

    fn write(&mut self, channel: u64, bytes: &[u8]) -> Result<usize, DeviceError> {
        self.inner.write(channel, bytes)
    }

    fn pending(&mut self, channel: u64) -> usize {
        self.inner.pending(channel)
    }

    fn readiness(&mut self, channel: u64) -> Readiness {
        self.world.uses(Abilities::EXACT);
        self.inner.readiness(channel)
    }

    fn max_channels(&mut self) -> usize {
        self.inner.max_channels()
    }

    fn go_on(&mut self) -> bool {
        self.inner.go_on()
    }
}
