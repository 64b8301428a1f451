//! What a switch of some shape refuses, with the standard's errors: matches, instructions, actions.

use ofp_codec::{
    Action, ActionType, BadActionCode, BadInstructionCode, BadMatchCode, BadRequestCode,
    Instruction, Match, OfpError, Oxm, OxmField, OxmFormat, PortNo, Prerequisite,
};

use super::{
    ActionTypeSet, EntryShape, Features, FieldSet, Instructions, Personality, Quirks, TableShape,
};

const fn bad_match(code: BadMatchCode) -> OfpError {
    OfpError::BadMatch(code)
}

const fn bad_action(code: BadActionCode) -> OfpError {
    OfpError::BadAction(code)
}

const fn bad_instruction(code: BadInstructionCode) -> OfpError {
    OfpError::BadInstruction(code)
}

/// The actions that may stand somewhere, and the fields that they may set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    pub(crate) actions: ActionTypeSet,
    pub(crate) fields: FieldSet,
}

impl EntryShape {
    /// What Write-Actions may hold.
    pub(crate) const fn write(&self) -> Allowed {
        Allowed { actions: self.write_actions, fields: self.write_fields }
    }

    /// What Apply-Actions may hold.
    pub(crate) const fn apply(&self) -> Allowed {
        Allowed { actions: self.apply_actions, fields: self.apply_fields }
    }

    /// Whether there is such an instruction; metadata bits too, not what is in lists of actions nor
    /// where a Goto-Table leads.
    pub(crate) fn check(
        &self,
        instruction: &Instruction,
        metadata_write: u64,
    ) -> Result<(), OfpError> {
        let bit = Instructions::of(instruction);
        if !self.instructions.contains(bit) {
            return Err(bad_instruction(BadInstructionCode::UnsupInst));
        }
        match instruction {
            Instruction::WriteMetadata { value, .. } if value & !metadata_write != 0 => {
                Err(bad_instruction(BadInstructionCode::UnsupMetadata))
            }
            Instruction::WriteMetadata { mask, .. } if mask & !metadata_write != 0 => {
                Err(bad_instruction(BadInstructionCode::UnsupMetadataMask))
            }
            _ => Ok(()),
        }
    }
}

impl TableShape {
    /// What a flow entry may do: the table-miss flow entry, or another.
    pub(crate) const fn of(&self, is_miss: bool) -> &EntryShape {
        if is_miss { &self.miss } else { &self.entry }
    }

    /// Checks the fields of a match and their masks, from left to right.
    pub(crate) fn check_match(&self, matching: &Match) -> Result<(), OfpError> {
        matching.fields().iter().try_for_each(|oxm| {
            if !self.fields.contains(oxm.field) {
                return Err(bad_match(BadMatchCode::BadField));
            }
            self.check_mask(oxm)
        })
    }

    fn check_mask(&self, oxm: &Oxm) -> Result<(), OfpError> {
        if oxm.mask.is_none() && oxm.field != OxmField::Metadata {
            return Ok(());
        }
        let all_ones = oxm.field.all_ones();
        let mask = oxm.effective_mask() & all_ones;
        let is_beyond =
            oxm.field == OxmField::Metadata && mask & !u128::from(self.metadata_match) != 0;
        // All ones are no mask, all zeros no field: any switch can do that (§7.2.3.5).
        let is_partial = mask != all_ones && mask != 0;
        let low = all_ones & !mask;
        let is_prefix = low & low.wrapping_add(1) == 0;
        let lacks = is_partial
            && (!self.masks.contains(oxm.field)
                || (self.prefixes.contains(oxm.field) && !is_prefix));
        match lacks || is_beyond {
            true => Err(bad_match(mask_error(oxm.field))),
            false => Ok(()),
        }
    }

    /// Checks that a flow entry's match leaves out only what may be left out.
    pub(crate) fn check_required(&self, matching: &Match) -> Result<(), OfpError> {
        match self.required.is_empty()
            || self.required.iter().all(|field| matching.get(field).is_some())
        {
            true => Ok(()),
            false => Err(bad_match(BadMatchCode::BadWildcards)),
        }
    }
}

/// The error for a mask that a switch cannot do: fields that have no mask by the text have no error
/// of their own.
fn mask_error(field: OxmField) -> BadMatchCode {
    let info = field.info();
    match info.format {
        _ if !info.maskable_by_text => BadMatchCode::BadMask,
        OxmFormat::Mac => BadMatchCode::BadDlAddrMask,
        OxmFormat::Ipv4 | OxmFormat::Ipv6 => BadMatchCode::BadNwAddrMask,
        _ => BadMatchCode::BadMask,
    }
}

impl Personality {
    /// Checks the values of a match that some switches do not take.
    pub(crate) fn check_values(&self, matching: &Match) -> Result<(), OfpError> {
        let exceeds =
            |field, max: u128| matching.get(field).is_some_and(|oxm: &Oxm| oxm.value > max);
        let port = matching.get(OxmField::InPort).map(|oxm| oxm.value);
        let ordinary = u128::from(self.max_port.0) + 1..=u128::from(PortNo::MAX.0);
        let arp_op = self.quirks.contains(Quirks::ARP_OP_8_BITS) && exceeds(OxmField::ArpOp, 0xff);
        match arp_op || port.is_some_and(|port| ordinary.contains(&port)) {
            true => Err(bad_match(BadMatchCode::BadValue)),
            false => Ok(()),
        }
    }

    /// Checks a list of actions: how many, which, and what they may name; from left to right.
    pub(crate) fn check_actions(
        &self,
        actions: &[Action],
        allowed: Allowed,
        mut check: impl FnMut(&Action) -> Result<(), OfpError>,
    ) -> Result<(), OfpError> {
        if actions.len() > usize::from(self.max_actions) {
            return Err(bad_action(BadActionCode::TooMany));
        }
        actions.iter().try_for_each(|action| {
            self.check_action(action, allowed)?;
            check(action)
        })
    }

    fn check_action(&self, action: &Action, allowed: Allowed) -> Result<(), OfpError> {
        let kind = action.action_type();
        // An extension's has an error of its own, found by whoever knows extensions.
        if kind != ActionType::Experimenter && !allowed.actions.contains(kind) {
            return Err(bad_action(BadActionCode::BadType));
        }
        match action {
            Action::Output { port, .. } if !self.may_output(*port) => {
                Err(bad_action(BadActionCode::BadOutPort))
            }
            Action::SetField(oxm) if !allowed.fields.contains(oxm.field) => {
                Err(bad_action(self.set_error(oxm.field)))
            }
            _ => Ok(()),
        }
    }

    /// Checks the port that a packet-out is taken to have come in by.
    pub(crate) fn check_source(&self, port: PortNo) -> Result<(), OfpError> {
        match port.is_ordinary() && port > self.max_port {
            false => Ok(()),
            true if self.quirks.contains(Quirks::PACKET_OUT_ERRORS) => {
                Err(bad_action(BadActionCode::BadOutPort))
            }
            true => Err(OfpError::BadRequest(BadRequestCode::BadPort)),
        }
    }

    fn may_output(&self, port: PortNo) -> bool {
        self.outputs.allows(port) && (!port.is_ordinary() || port <= self.max_port)
    }

    /// The error for a field that cannot be set.
    fn set_error(&self, field: OxmField) -> BadActionCode {
        let is_known = self.tables.iter().any(|table| table.fields.contains(field));
        match self.quirks.contains(Quirks::SET_FIELD_ERRORS) {
            false => BadActionCode::BadSetType,
            true if is_known => BadActionCode::BadSetArgument,
            true => BadActionCode::BadSetLen,
        }
    }

    /// Checks how many VLAN tags a list leaves on packets of a match.
    pub(crate) fn check_tags(&self, matching: &Match, actions: &[Action]) -> Result<(), OfpError> {
        let mut tags = u32::from(matching.satisfies(Prerequisite::VlanPresent));
        for action in actions {
            match action {
                Action::PushVlan(_) => tags = tags.saturating_add(1),
                Action::PopVlan => tags = tags.saturating_sub(1),
                _ => {}
            }
            if tags > u32::from(self.max_vlan_tags) {
                return Err(bad_action(BadActionCode::BadTag));
            }
        }
        Ok(())
    }

    /// Whether an output may name an ordinary port that is not there.
    pub(crate) const fn allows_absent_ports(&self) -> bool {
        self.features.contains(Features::ABSENT_PORTS)
    }
}
