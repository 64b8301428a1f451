//! OpenFlow as people write it: flows, groups and meters in the syntax of ovs-ofctl(8),
//! ovs-fields(7) and ovs-actions(7), both ways.
//!
//! Reading: [`parse_flow`], [`parse_flows`], [`parse_match`], [`parse_actions`],
//! [`parse_instructions`], [`parse_group`], [`parse_groups`], [`parse_meter`], [`parse_meters`].
//! Old names and OpenFlow 1.0's actions become what `ovs-ofctl -O OpenFlow13` sends for them, byte
//! for byte. Printing: `Display` of the types themselves, in the form of dump-flows, dump-groups
//! and dump-meters; what is printed can be read again, here and by ovs-ofctl.
//!
//! Beyond ovs-ofctl: what OpenFlow 1.3 has and Open vSwitch lacks (PBB, copies of TTLs, IPV6_EXTHDR,
//! IN_PHY_PORT, 32-bit ports), the standard's names of all fields, `vlan` for any tag, and
//! `apply_actions(...)`. `enqueue:P:Q` is a set_queue and an output, without Open vSwitch's pop_queue
//! behind them; so nothing else may be sent after it.
//!
//! Stricter than ovs-ofctl on purpose: a field that it would drop with a warning because its
//! protocol is missing, a value that it would cut to the field's width, a new cookie in a
//! modification (which OpenFlow 1.3 cannot carry) and the decimal numbers 65528 to 65535 for ports
//! (OpenFlow 1.0's reserved ones there) are errors. What only Open vSwitch has (registers,
//! `resubmit`, masked set-field and so on) is refused by name.
//!
//! For programs: what is read and why it was refused is kept in plain lists and strings, which abort
//! without memory. No kernel links any of it.

mod action_parse;
mod action_print;
mod action_words;
mod error;
mod field_value;
mod flow_parse;
mod flow_print;
mod group_parse;
mod group_print;
mod instruction_parse;
mod lines;
mod match_parse;
mod match_print;
mod meter_parse;
mod names;
mod ports;
mod scan;
mod stats_print;
mod value;

use alloc::vec::Vec;

pub use error::TextError;
pub use flow_parse::{parse_flow, parse_flows, parse_match};
pub use group_parse::{parse_group, parse_groups};
pub use meter_parse::{parse_meter, parse_meters};
pub use ports::{NoNames, PortNames};

use crate::{Action, Instruction};

/// Reads a list of actions by itself, as of a packet-out: no flow is known, so nothing is refused
/// for its sake.
///
/// ```
/// use rumpswitch_ofp_codec::text::{NoNames, parse_actions};
/// use rumpswitch_ofp_codec::{Action, PortNo};
///
/// let actions = parse_actions("push_vlan:0x8100,output:2", &NoNames).unwrap();
/// assert_eq!(actions, [Action::PushVlan(0x8100), Action::output(PortNo(2))]);
/// ```
///
/// # Errors
/// The first word that is wrong, or that OpenFlow 1.3 cannot express.
pub fn parse_actions(text: &str, ports: &dyn PortNames) -> Result<Vec<Action>, TextError> {
    let context = action_parse::Context { is_packet_out: true, ..Default::default() };
    match action_parse::parse(text, context, ports) {
        Ok(actions) => Ok(actions.list),
        Err(fault) => Err(fault.at(0, text)),
    }
}

/// Reads what may stand behind `actions=` in a flow by itself.
///
/// ```
/// use rumpswitch_ofp_codec::text::{NoNames, parse_instructions};
///
/// let instructions = parse_instructions("meter:1,dec_ttl,goto_table:2", &NoNames).unwrap();
/// assert_eq!(instructions.len(), 3);
/// assert_eq!(instructions[1].to_string(), "dec_ttl");
/// ```
///
/// # Errors
/// The first word that is wrong, or that OpenFlow 1.3 cannot express.
pub fn parse_instructions(
    text: &str,
    ports: &dyn PortNames,
) -> Result<Vec<Instruction>, TextError> {
    instruction_parse::parse(text, action_parse::Context::default(), ports)
        .map_err(|fault| fault.at(0, text))
}
