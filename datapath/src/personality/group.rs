//! The shape of groups: which types, how many, what their buckets may do (§5.6, §7.3.5.11).

use ofp_codec::multipart::{GroupCapabilities, GroupFeatures};
use ofp_codec::{Action, ActionType, GroupMod, GroupModFailedCode as Code, GroupType, OfpError};

use super::{ActionTypeSet, FieldSet};

/// What groups can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupShape {
    /// Groups of each type, in the order of the types' numbers; 0 for a type that there is not:
    /// GROUP_MOD_FAILED/BAD_TYPE. One more is OUT_OF_GROUPS.
    pub max_groups: [u32; 4],
    /// Weights (else WEIGHT_UNSUPPORTED for unequal ones), liveness in SELECT (else
    /// WATCH_UNSUPPORTED), chains (else CHAINING_UNSUPPORTED).
    pub capabilities: GroupCapabilities,
    /// The actions of the buckets of each type; others are BAD_ACTION/BAD_TYPE.
    pub actions: [ActionTypeSet; 4],
    /// The fields that buckets may set; others are BAD_ACTION/BAD_SET_TYPE. Not announced.
    pub fields: FieldSet,
}

impl GroupShape {
    /// Every type, with everything that the standard has.
    pub fn full() -> GroupShape {
        GroupShape {
            max_groups: [1 << 16; 4],
            capabilities: GroupCapabilities::SELECT_WEIGHT
                | GroupCapabilities::SELECT_LIVENESS
                | GroupCapabilities::CHAINING
                | GroupCapabilities::CHAINING_CHECKS,
            actions: [ActionTypeSet::all(); 4],
            fields: FieldSet::SETTABLE,
        }
    }

    /// No groups at all.
    pub fn none() -> GroupShape {
        GroupShape {
            max_groups: [0; 4],
            capabilities: GroupCapabilities::empty(),
            actions: [ActionTypeSet::NONE; 4],
            fields: FieldSet::NONE,
        }
    }

    /// Groups of a type that there may be.
    pub const fn max(&self, group_type: GroupType) -> u32 {
        let [all, select, indirect, fast_failover] = self.max_groups;
        match group_type {
            GroupType::All => all,
            GroupType::Select => select,
            GroupType::Indirect => indirect,
            GroupType::FastFailover => fast_failover,
        }
    }

    /// Actions of the buckets of a type.
    pub const fn actions(&self, group_type: GroupType) -> ActionTypeSet {
        let [all, select, indirect, fast_failover] = self.actions;
        match group_type {
            GroupType::All => all,
            GroupType::Select => select,
            GroupType::Indirect => indirect,
            GroupType::FastFailover => fast_failover,
        }
    }

    /// Whether there are no groups at all.
    pub(super) fn is_none(&self) -> bool {
        self.max_groups == [0; 4]
    }

    pub(super) fn consistent(mut self) -> GroupShape {
        self.fields = self.fields.intersection(FieldSet::SETTABLE);
        let is_chaining = self.capabilities.contains(GroupCapabilities::CHAINING);
        for (actions, max) in self.actions.iter_mut().zip(self.max_groups) {
            if max == 0 {
                *actions = ActionTypeSet::NONE;
            }
            if !is_chaining {
                *actions = actions.without(ActionType::Group);
            }
            if self.fields.is_empty() {
                *actions = actions.without(ActionType::SetField);
            }
        }
        if self.max(GroupType::Select) == 0 {
            self.capabilities -= GroupCapabilities::SELECT_WEIGHT;
            self.capabilities -= GroupCapabilities::SELECT_LIVENESS;
        }
        if !is_chaining {
            self.capabilities -= GroupCapabilities::CHAINING_CHECKS;
        }
        self
    }

    /// The words of a GROUP_FEATURES reply.
    pub(crate) fn features(&self) -> GroupFeatures {
        let types = (0..).zip(self.max_groups).filter(|(_, max)| *max != 0);
        GroupFeatures {
            types: types.fold(0, |bits, (number, _)| bits | 1u32 << number),
            capabilities: self.capabilities,
            max_groups: self.max_groups,
            actions: self.actions.map(ActionTypeSet::bits),
        }
    }

    /// Checks what a group-mod asks for, its actions aside but for chains.
    pub(crate) fn check(&self, given: &GroupMod) -> Result<(), OfpError> {
        let fail = |code| Err(OfpError::GroupModFailed(code));
        if self.max(given.group_type) == 0 {
            return fail(Code::BadType);
        }
        let lacks = |capability| !self.capabilities.contains(capability);
        if given.group_type == GroupType::Select {
            let mut weights = given.buckets.iter().map(|bucket| bucket.weight);
            let first = weights.next();
            let is_uneven = weights.any(|weight| Some(weight) != first);
            if is_uneven && lacks(GroupCapabilities::SELECT_WEIGHT) {
                return fail(Code::WeightUnsupported);
            }
            let watches = given.buckets.iter().any(ofp_codec::Bucket::watches);
            if watches && lacks(GroupCapabilities::SELECT_LIVENESS) {
                return fail(Code::WatchUnsupported);
            }
        }
        let mut actions = given.buckets.iter().flat_map(|bucket| &bucket.actions);
        let chains = actions.any(|action| matches!(action, Action::Group(_)));
        if chains && lacks(GroupCapabilities::CHAINING) {
            return fail(Code::ChainingUnsupported);
        }
        Ok(())
    }
}
