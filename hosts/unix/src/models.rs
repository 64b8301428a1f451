//! How threads of a switch hand things to each other, in every order in which they can: models for
//! loom. `debug/run.sh loom` runs them, and no other test of this crate, for locks are loom's then.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use hypercall::{Frame, Meta, VecFrame};
use loom::sync::{Condvar, Mutex as Plain};
use loom::{model::Builder, thread};

use crate::flag::Flag;
use crate::pair::PairPort;
use crate::pool::Pool;
use crate::port::{Accepts, Outgoing, PortIo};
use crate::relay::{Inbox, Relay};
use crate::sync::Mutex;
use crate::turns::Turns;
use crate::waker::Waker;

/// What an event descriptor is to a thread that waits in epoll.
#[derive(Default)]
pub(crate) struct Bell {
    rings: Plain<bool>,
    rung: Condvar,
}

impl Bell {
    pub(crate) fn ring(&self) {
        *self.rings.lock().unwrap() = true;
        self.rung.notify_one();
    }

    pub(crate) fn rest(&self) {
        *self.rings.lock().unwrap() = false;
    }

    /// Sleeps until it has been rung.
    fn wait(&self) {
        let mut rings = self.rings.lock().unwrap();
        while !*rings {
            rings = self.rung.wait(rings).unwrap();
        }
    }
}

/// All orders with up to `preemptions` changes of thread where none has to be.
fn play(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    let orders = Arc::new(AtomicUsize::new(0));
    let played = Arc::clone(&orders);
    builder.check(move || {
        played.fetch_add(1, Relaxed);
        model();
    });
    let orders = orders.load(Relaxed);
    println!("{orders} orders");
    assert!(orders >= 10, "a model of {orders} orders shows nothing");
}

/// The harness itself: a flag that is lowered after its thread has looked loses what came between,
/// and the thread sleeps for ever.
#[test]
#[should_panic = "deadlock"]
fn loom_finds_a_wake_that_is_lost() {
    play(3, || {
        look_for_two(|flag, queue| {
            let found = mem::take(&mut *queue.lock()).len();
            flag.lower();
            found
        })
    });
}

/// What workers put where control finds it before they raise their flag is found, whenever control
/// looks: it sleeps only when nothing waits.
#[test]
fn what_a_flag_stands_for_is_found() {
    play(3, || {
        look_for_two(
            |flag, queue| {
                if flag.lower() { mem::take(&mut *queue.lock()).len() } else { 0 }
            },
        )
    });
}

/// A worker leaves two things, one after the other; `look` is what control does when it is woken, as
/// `Crew::collect` does.
fn look_for_two(look: impl Fn(&Flag, &Mutex<Vec<u8>>) -> usize) {
    let control = Waker::new().unwrap();
    let shared = Arc::new((control, Flag::new(), Mutex::new(Vec::new())));
    let workers = Arc::clone(&shared);
    let worker = thread::spawn(move || {
        let (control, flag, queue) = &*workers;
        for thing in 0..2 {
            queue.lock().push(thing);
            flag.raise(control);
        }
    });
    let (control, flag, queue) = &*shared;
    let mut found = 0;
    while found < 2 {
        control.bell.wait();
        control.rest();
        found += look(flag, queue);
    }
    worker.join().unwrap();
}

/// Two workers send by a port that a third owns: every frame reaches it, in each sender's order,
/// though only who finds the inbox empty wakes it.
#[test]
fn frames_for_an_owner_wake_it() {
    play(2, || {
        let owner = Arc::new(Waker::new().unwrap());
        let (mut io, _far) = PairPort::new().unwrap();
        let inbox = Arc::new(Inbox::new(&mut io, Arc::clone(&owner)));
        let send = |frames: &'static [&'static [u8]]| {
            let inbox = Arc::clone(&inbox);
            move || {
                let mut relay = Relay { inbox, accepts: Accepts::ALL };
                for bytes in frames {
                    let frame = VecFrame::from_bytes(bytes);
                    let mut frames = vec![Outgoing { frame, meta: Meta::default() }];
                    assert_eq!(relay.transmit(&mut Pool::default(), &mut frames).unwrap(), 0);
                }
            }
        };
        let workers = [thread::spawn(send(&[b"one", b"two"])), thread::spawn(send(&[b"another"]))];
        let (mut arrived, mut taken) = (Vec::new(), Vec::new());
        while arrived.len() < 3 {
            owner.bell.wait();
            owner.rest();
            inbox.take(&mut taken);
            arrived.extend(taken.drain(..).map(|out| out.frame));
        }
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        let place = |bytes: &[u8]| arrived.iter().position(|frame| frame.headers() == bytes);
        assert!(place(b"another").is_some());
        assert!(place(b"one").unwrap() < place(b"two").unwrap());
    });
}

/// Control changes two numbers that workers see equal, and nobody is counted as waiting in the end.
#[test]
fn workers_see_a_change_whole() {
    play(3, || {
        let turns = Arc::new(Turns::new((0, 0)));
        let look = |turns: &Turns<(u32, u32)>| {
            let seen = turns.read();
            assert_eq!(seen.0, seen.1);
            seen.0
        };
        let workers = [0, 1].map(|_| {
            let turns = Arc::clone(&turns);
            thread::spawn(move || look(&turns))
        });
        {
            let mut change = turns.write();
            change.0 += 1;
            thread::yield_now();
            change.1 += 1;
        }
        assert_eq!(look(&turns), 1);
        workers.into_iter().for_each(|worker| assert!(worker.join().unwrap() <= 1));
        assert_eq!(turns.waiting(), 0);
    });
}
