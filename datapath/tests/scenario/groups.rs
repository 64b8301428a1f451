//! Limits of groups that no embodiment sets.

use crate::*;
use ofp_codec::{GroupMod, GroupModCommand, GroupModFailedCode, GroupType};

impl Bed {
    fn group(&mut self, given: GroupMod) {
        self.switch.tables.group_mod(self.now, &given).unwrap();
    }
}

#[test]
fn limits_are_kept_and_given_back() {
    let config = SwitchConfig { max_groups: 2, max_buckets: 3, ..SwitchConfig::default() };
    let mut bed = Bed::with(config);
    let two = || vec![bucket([output(2)]), bucket([output(3)])];
    bed.group(add(GroupType::All, 1, two()));
    let failed = |code| Err(OfpError::GroupModFailed(code));
    let refused = bed.switch.tables.group_mod(bed.now, &add(GroupType::All, 2, two()));
    assert_eq!(refused, failed(GroupModFailedCode::OutOfBuckets));
    bed.group(add(GroupType::All, 2, vec![bucket([output(2)])]));
    let refused = bed.switch.tables.group_mod(bed.now, &add(GroupType::All, 3, vec![]));
    assert_eq!(refused, failed(GroupModFailedCode::OutOfGroups));
    bed.group(group(GroupModCommand::Modify, GroupType::All, 1, vec![]));
    bed.group(group(GroupModCommand::Modify, GroupType::All, 2, two()));
}
