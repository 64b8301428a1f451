//! The embodiments, how each is made, and what says that one is there.

use std::io;
use std::os::unix::net::UnixStream;

use rumpswitch_tests::embodiment::{Abilities, Embodiment, InProcess, Remote, Setup, serve};

type Make = dyn Fn(&Setup) -> io::Result<Box<dyn Embodiment>> + Send + Sync;

/// An embodiment that is there.
pub(crate) struct Given {
    pub(crate) abilities: Abilities,
    pub(crate) make: Box<Make>,
}

/// Whether an embodiment is there.
pub(crate) enum Offer {
    Given(Given),
    /// Why not.
    Missing(String),
}

/// One embodiment.
pub(crate) struct Column {
    pub(crate) letter: char,
    pub(crate) name: &'static str,
    pub(crate) offer: Offer,
}

impl Column {
    pub(crate) fn is_given(&self) -> bool {
        matches!(self.offer, Offer::Given(_))
    }
}

/// The embodiments that `EMBODIMENTS` names.
pub(crate) fn chosen() -> Vec<Column> {
    let names = std::env::var("EMBODIMENTS").unwrap_or_else(|_| "a p".to_owned());
    let known = names.chars().filter(|letter| letter.is_alphabetic());
    known
        .map(|letter| match letter {
            'a' => Column { letter, name: "rust", offer: in_process() },
            'p' => Column { letter, name: "protocol", offer: served() },
            other => panic!("there is no embodiment {other}"),
        })
        .collect()
}

/// (a) The value in this process.
fn in_process() -> Offer {
    let make = |setup: &Setup| Ok(Box::new(InProcess::new(setup)) as Box<dyn Embodiment>);
    Offer::Given(Given { abilities: Abilities::all(), make: Box::new(make) })
}

/// The same behind the driver's protocol, which is tested by that.
fn served() -> Offer {
    let make = |setup: &Setup| {
        let (ours, mut theirs) = UnixStream::pair()?;
        std::thread::spawn(move || serve(&mut theirs));
        Ok(Box::new(Remote::over(ours, setup)?) as Box<dyn Embodiment>)
    };
    Offer::Given(Given { abilities: Abilities::all(), make: Box::new(make) })
}
