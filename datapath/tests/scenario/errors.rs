//! What is refused, with which error, and that nothing changes.

use crate::*;
use ofp_codec::{BadMatchCode, FlowModCommand, FlowModFailedCode};

#[test]
fn matches_are_validated() {
    let unsound = FlowMod { matching: Match::any(), ..entry(1, &[], vec![]) };
    let mut bed = Bed::new();
    assert_eq!(bed.flow_mod(unsound), Ok(()));
    let prereq = Match::new([Oxm::new(OxmField::TcpDst, 1)]);
    assert_eq!(prereq, Err(OfpError::BadMatch(BadMatchCode::BadPrereq)));
}

/// One message of 64 kB may be about a million entries: what all entries hold is bounded, by bundles
/// too, and what goes is given back.
#[test]
fn a_long_list_in_many_entries_is_bounded_and_leaves_all_as_they_were() {
    let config = SwitchConfig { max_entry_bytes: 1 << 20, ..SwitchConfig::default() };
    let mut bed = Bed::with(config);
    let list = |count| apply(vec![output(2); count]);
    for n in 0..100 {
        bed.add(entry(1, &[(OxmField::EthDst, n)], list(2)));
    }
    let modify = |fields: &[_], count| FlowMod {
        command: FlowModCommand::Modify,
        ..entry(0, fields, list(count))
    };
    let full = Err(OfpError::FlowModFailed(FlowModFailedCode::TableFull));
    let before = bed.all_flows();
    assert_eq!(bed.flow_mod(modify(&[], 400)), full);
    assert_eq!(bed.all_flows(), before);
    // Five fit, of 48 bytes for an action; again and again, as the old ones go.
    for _ in 0..20 {
        for n in 0..5 {
            assert_eq!(bed.flow_mod(modify(&[(OxmField::EthDst, n)], 4_000)), Ok(()));
        }
        assert_eq!(bed.flow_mod(modify(&[(OxmField::EthDst, 5)], 4_000)), full);
        assert_eq!(bed.flow_mod(modify(&[], 1)), Ok(()));
    }
    // A bundle keeps what it may have to put back.
    bed.switch.tables.begin();
    for _ in 0..5 {
        assert_eq!(bed.flow_mod(modify(&[(OxmField::EthDst, 1)], 4_000)), Ok(()));
    }
    assert_eq!(bed.flow_mod(modify(&[(OxmField::EthDst, 1)], 4_000)), full);
    bed.switch.tables.roll_back();
    for n in 0..5 {
        assert_eq!(bed.flow_mod(modify(&[(OxmField::EthDst, n)], 4_000)), Ok(()));
    }
    let delete = FlowMod { command: FlowModCommand::Delete, ..entry(0, &[], vec![]) };
    for _ in 0..20 {
        bed.add(delete.clone());
        bed.add(entry(1, &[], list(4_000)));
        bed.add(entry(1, &[], list(4_000)));
    }
}
