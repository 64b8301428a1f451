//! What a switch in a kernel once got wrong, each as a rule of the standard: one test for each defect
//! that was found in switch(4) by reading, through the device with a controller's bytes, through the
//! tables with frames.

#[path = "../bed/mod.rs"]
mod bed;
#[path = "../embodiment/mod.rs"]
mod embodiment;

mod entries;
mod forwarding;
mod memory;
mod messages;
mod statistics;
