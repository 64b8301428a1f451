//! The text form against Open vSwitch 3.1: golden records of what ovs-ofctl sends and prints for a
//! corpus of lines (`data/record.py` made them), round trips over generated flows, and ovs-ofctl
//! itself where it is installed.

mod generated;
mod golden;
mod ovs;
mod refused;
mod statistics;
