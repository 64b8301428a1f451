//! Groups of all types, chained, watched, counted, deleted.

use crate::*;
use ofp_codec::{
    Bucket, GroupId, GroupMod, GroupModCommand, GroupModFailedCode, GroupType, PortState,
};

pub(crate) fn group(
    command: GroupModCommand,
    group_type: GroupType,
    id: u32,
    buckets: Vec<Bucket>,
) -> GroupMod {
    GroupMod { command, group_type, group_id: GroupId(id), buckets }
}

pub(crate) fn add(group_type: GroupType, id: u32, buckets: Vec<Bucket>) -> GroupMod {
    group(GroupModCommand::Add, group_type, id, buckets)
}

pub(crate) fn bucket(actions: impl Into<Vec<Action>>) -> Bucket {
    Bucket::new(actions.into())
}

pub(crate) fn watching(port: u32) -> Bucket {
    Bucket { watch_port: PortNo(port), ..bucket([output(port)]) }
}

impl Bed {
    pub(crate) fn group(&mut self, given: GroupMod) {
        self.switch.tables.group_mod(self.now, &given).unwrap();
    }

    pub(crate) fn link(&mut self, port: u32, is_up: bool) {
        let state = if is_up { PortState::empty() } else { PortState::LINK_DOWN };
        let port = PortConfig { state, ..PortConfig::new(Port(port), "p") };
        self.switch.tables.port_change(port).unwrap();
        while self.switch.tables.next_news().is_some() {}
    }

    pub(crate) fn via(&mut self, id: u32) {
        self.add(entry(1, &[], apply([Action::Group(GroupId(id))])));
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
