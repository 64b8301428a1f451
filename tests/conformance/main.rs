//! The proof that the switch is an OpenFlow 1.3.5 switch, for anyone to run:
//!
//! * `sentences`: every normative sentence that we found, by chapter, with the tests that prove it;
//! * `golden`: hand-made messages, Open vSwitch's answer to each as recorded, ours as it is now, and
//!   the rule that explains each difference;
//! * `mutations`: thousands of mutated messages to our device and to a live Open vSwitch.
//!
//! The other files here are tests that no other folder has a place for.

#[path = "../tests/embodiment/mod.rs"]
mod embodiment;

#[path = "../tests/bed/mod.rs"]
mod bed;

mod answer;
mod bytes;
mod channels;
mod errors;
mod fields;
mod flow_mods;
mod framing;
mod golden;
mod groups;
mod messages;
mod meters;
mod multiparts;
mod mutations;
mod order;
mod ours;
mod ovs;
mod peer;
mod pipeline;
mod ports;
mod rules;
mod sentences;
