//! ONF's bundles for 1.3 (EXT-230): several messages that take effect together.

use alloc::vec::Vec;

use bitflags::bitflags;

/// The Open Networking Foundation's experimenter id.
pub const ONF_EXPERIMENTER: u32 = 0x4f4e_4600;
/// The experimenter type of [`BundleControl`].
pub const ONF_BUNDLE_CONTROL: u32 = 2300;
/// The experimenter type of [`BundleAdd`].
pub const ONF_BUNDLE_ADD: u32 = 2301;

/// What is asked of a bundle, or answered.
#[doc(alias = "onf_bundle_ctrl_type")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum BundleControlType {
    /// Open it.
    OpenRequest = 0,
    /// It is open.
    OpenReply = 1,
    /// Close it: no more will be added.
    CloseRequest = 2,
    /// It is closed.
    CloseReply = 3,
    /// Let it take effect.
    CommitRequest = 4,
    /// It has taken effect.
    CommitReply = 5,
    /// Forget it.
    DiscardRequest = 6,
    /// It is forgotten.
    DiscardReply = 7,
}

bitflags! {
    /// What a bundle promises.
    #[doc(alias = "onf_bundle_flags")]
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct BundleFlags: u16 {
        /// All or nothing.
        const ATOMIC = 1 << 0;
        /// In the order added.
        const ORDERED = 1 << 1;
        const _ = !0;
    }
}

/// Opens, closes, commits or discards a bundle, or answers that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleControl {
    /// The bundle.
    pub bundle_id: u32,
    /// What is asked or answered.
    pub control: BundleControlType,
    /// What it promises.
    pub flags: BundleFlags,
    /// Properties as they came.
    pub properties: Vec<u8>,
}

/// Adds a message to a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleAdd {
    /// The bundle.
    pub bundle_id: u32,
    /// What it promises.
    pub flags: BundleFlags,
    /// The message, with its header; its transaction id is that of the outer one.
    pub message: Vec<u8>,
    /// Properties as they came.
    pub properties: Vec<u8>,
}
