//! Text as lines of ovs-ofctl: it is refused, or prints as something that reads as the same.

use ofp_codec::text::{
    NoNames, TextError, parse_actions, parse_flow, parse_flows, parse_group, parse_groups,
    parse_match, parse_meter, parse_meters,
};
use ofp_codec::{FlowModCommand, GroupModCommand, MeterModCommand};

/// Takes the bytes as each kind of line, and as files of them.
pub fn text(bytes: &[u8]) {
    let text = &String::from_utf8_lossy(bytes);
    for command in [FlowModCommand::Add, FlowModCommand::DeleteStrict] {
        // What is printed says its command, as lines of a file do.
        let read = |line: &str| parse_flow(line, command, &NoNames);
        let again = |line: &str| Ok(parse_flows(line, &NoNames)?.remove(0));
        prints_as_itself(text, read, again);
    }
    let matching = |line: &str| parse_match(line, &NoNames);
    prints_as_itself(text, matching, matching);
    let _ = parse_group(text, GroupModCommand::Add, &NoNames);
    let _ = parse_meter(text, MeterModCommand::Modify);
    let _ = parse_actions(text, &NoNames);
    let _ = parse_flows(text, &NoNames);
    let _ = parse_groups(text, &NoNames);
    let _ = parse_meters(text);
}

fn prints_as_itself<T: std::fmt::Display>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, TextError>,
    parse_again: impl Fn(&str) -> Result<T, TextError>,
) {
    let Ok(read) = parse(text) else { return };
    let printed = read.to_string();
    let again =
        parse_again(&printed).unwrap_or_else(|error| panic!("{text:?} is {printed:?}: {error}"));
    assert_eq!(again.to_string(), printed, "{text:?}");
}
