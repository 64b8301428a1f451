//! Controller roles (§6.3.5, §7.3.9).

use crate::wire::{Reader, Writer};
use crate::{DecodeError, OfpError, RoleRequestFailedCode};

/// A controller's role.
#[doc(alias = "ofp_controller_role")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Role {
    /// In requests: tell the role and leave it.
    NoChange = 0,
    /// One of several with full access.
    #[default]
    Equal = 1,
    /// The only one with full access.
    Master = 2,
    /// May read only.
    Slave = 3,
}

/// Asks for a role, or tells it.
#[doc(alias = "OFPT_ROLE_REQUEST")]
#[doc(alias = "OFPT_ROLE_REPLY")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoleMessage {
    /// The role.
    pub role: Role,
    /// Orders the elections of masters.
    pub generation_id: u64,
}

impl Role {
    /// The role with this number.
    pub const fn from_number(number: u32) -> Option<Role> {
        Some(match number {
            0 => Role::NoChange,
            1 => Role::Equal,
            2 => Role::Master,
            3 => Role::Slave,
            _ => return None,
        })
    }
}

impl RoleMessage {
    /// Reads the body of a role request or reply.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<RoleMessage, DecodeError> {
        let unknown = reader.error(OfpError::RoleRequestFailed(RoleRequestFailedCode::BadRole));
        let role = Role::from_number(reader.u32()?).ok_or(unknown)?;
        reader.skip(4)?;
        Ok(RoleMessage { role, generation_id: reader.u64()? })
    }

    /// Writes the body of a role request or reply.
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u32(self.role as u32);
        writer.zeros(4);
        writer.u64(self.generation_id);
    }
}
