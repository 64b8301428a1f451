//! OpenFlow tables and forwarding: the core of the switch, without channels and without a host.
//!
//! A packet's way, and the files in which it happens:
//!
//! 1. The host fills a [`Batch`] and calls [`Worker::process`] with the time (`worker.rs`).
//! 2. Each frame is admitted by its port (`ports.rs`) and counted (`counters.rs`).
//! 3. Its headers become a [key](key::Key), as deep as the tables look ([`extract`]).
//! 4. The first table's [classifier] finds the entries of the whole batch.
//! 5. The walk (`pipeline.rs`) runs each entry's program (`program.rs`): meter (`meters.rs`), actions
//!    on the spot, the action set, metadata, on to the next table.
//! 6. Actions (`execute.rs`) rewrite in place ([`rewrite`]), send through groups (`groups.rs`), learn
//!    and flood as NORMAL (`normal.rs`), punt to the controllers (`punt.rs`), transmit.
//! 7. Whatever ends unsent is counted under a [`DropReason`].
//!
//! Controllers change the [`Tables`] by the standard's messages ([`Tables::flow_mod`] and its
//! likes, compiled by `actions.rs`), entries expire by [`Tables::tick`], statistics are read in
//! `read.rs`. The core reads no clock, holds no lock, and allocates nothing for a packet that it
//! forwards.
//!
//! # Memory that runs short
//!
//! Whatever a controller, a host or a network host can drive asks for memory with `try_reserve` or
//! through `ofp_codec::memory`, before anything is changed; no failed allocation aborts there:
//!
//! | what lacks memory | what it becomes |
//! | --- | --- |
//! | a flow-mod, its match or instructions | FLOW_MOD_FAILED/TABLE_FULL; a list of actions BAD_ACTION/TOO_MANY |
//! | a group-mod | GROUP_MOD_FAILED/OUT_OF_GROUPS or OUT_OF_BUCKETS |
//! | a meter-mod | METER_MOD_FAILED/OUT_OF_METERS, OUT_OF_BANDS or UNKNOWN |
//! | a port-mod; a port that the host adds or changes | PORT_MOD_FAILED/EPERM |
//! | queues | QUEUE_OP_FAILED/EPERM |
//! | TABLE_FEATURES | TABLE_FEATURES_FAILED/EPERM |
//! | any other request | BAD_REQUEST/MULTIPART_BUFFER_OVERFLOW; a flow monitor BAD_REQUEST/EPERM |
//! | a packet-in, a packet-out's frame, a copy of a frame | dropped and counted |
//! | a table's compiled form | left out: its directory answers |
//! | the error that says so | 64 bytes are quoted, not all; a channel without room for it takes nothing until it has been read |
//! | what has to be told (port-status, flow-removed, updates, replies begun) | the channel hangs up |
//! | a frame's way that is told ([`Tables::trace`]) | cut |
//! | a call on the device | ENOMEM |
//!
//! A refused operation has changed nothing; neither a deletion outside a bundle nor the undoing of a bundle
//! needs memory. [`Switch::new`], [`Tables::new`] and [`Worker::new`] abort without memory; their `try_new`
//! and [`Tables::add_worker`] say so. What a program in Rust makes itself may abort, too: a [`Personality`]
//! other than the default one, a `PortConfig`, `VecFrame::from_bytes`, copies, and the text forms of
//! `ofp_codec::text`. No other call that aborts is in the core: `tests/tests/fallible.rs` searches its sources.
//!
//! Two ports, one flow entry, one frame:
//!
//! ```
//! use hypercall::{Meta, Nanos, Port, VecFrame, fake::Recorder};
//! use ofp_codec::{Action, FlowMod, Instruction, Match, Oxm, OxmField, PortNo};
//! use rumpswitch_datapath::{Batch, Ingress, PortConfig, Switch, SwitchConfig};
//!
//! let now = Nanos::from_secs(1);
//! let mut switch = Switch::new(SwitchConfig::default());
//! switch.tables.port_add(now, PortConfig::new(Port(1), "left"))?;
//! switch.tables.port_add(now, PortConfig::new(Port(2), "right"))?;
//! switch.tables.flow_mod(now, &FlowMod {
//!     matching: Match::new([Oxm::new(OxmField::InPort, 1)])?,
//!     instructions: vec![Instruction::ApplyActions(vec![Action::output(PortNo(2))])],
//!     ..FlowMod::default()
//! })?;
//!
//! let mut host = Recorder::default();
//! let mut batch = Batch::new();
//! let frame = VecFrame::from_bytes(&[0x02; 60]);
//! batch.push(Ingress { port: Port(1), meta: Meta::default(), frame });
//! switch.process(&mut host, now, &mut batch);
//! assert_eq!(host.take()[0].port, Port(2));
//! # Ok::<(), ofp_codec::OfpError>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::todo,
        clippy::unimplemented
    )
)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod actions;
mod batch;
pub mod checksum;
mod chunks;
pub mod classifier;
mod config;
mod counters;
mod echo;
mod execute;
pub mod extract;
pub mod fields;
pub mod flow_cache;
mod flow_entry;
mod flow_mod;
mod flow_table;
mod fragments;
mod fullness;
mod groups;
mod job;
mod journal;
pub mod key;
mod lead;
mod mac_table;
mod meters;
#[cfg(all(test, loom))]
mod models;
mod normal;
mod observer;
pub mod packet;
pub mod personality;
mod pipeline;
mod ports;
mod program;
mod punt;
mod queues;
mod read;
pub mod rewrite;
#[cfg(test)]
mod samples;
mod shared;
mod slab;
mod stirred;
mod switch;
mod sync;
mod table_features;
mod tables;
mod timeouts;
mod together;
mod token_bucket;
mod trace;
mod watch;
mod worker;

pub use batch::{BATCH, Batch, Ingress};
pub use config::SwitchConfig;
pub use counters::DropReason;
pub use fullness::{Eviction, FullnessError, Vacancy, VacancyEvent};
pub use personality::Personality;
pub use ports::{PortConfig, PortErrors};
pub use punt::Punt;
pub use queues::QueueConfig;
pub use read::FlowCursor;
pub use switch::{Switch, SwitchParts};
pub use tables::{News, Tables};
pub use trace::{Nearest, TraceStep};
pub use watch::{FlowChange, FlowChangeKind, FlowFilter};
pub use worker::{Events, Worker};
