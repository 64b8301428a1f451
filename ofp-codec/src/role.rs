//! Controller roles (§6.3.5, §7.3.9).

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
