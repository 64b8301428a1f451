//! The standard's errors: every control operation of the switch that fails, fails with one of these,
//! and the device sends it as it is (§7.4.4). [`DecodeError`] adds where in the message it was seen.

use core::fmt;

/// Defines the code enum of one error type.
macro_rules! codes {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $value:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum $name {
            $($(#[$vmeta])* $variant = $value,)*
        }

        impl $name {
            /// The code with this number.
            pub const fn from_code(code: u16) -> Option<$name> {
                match code {
                    $($value => Some($name::$variant),)*
                    _ => None,
                }
            }

            /// The number on the wire.
            pub const fn code(self) -> u16 {
                self as u16
            }
        }
    };
}

codes! {
    /// Codes of [`OfpError::HelloFailed`].
    HelloFailedCode {
        /// No common version.
        #[doc(alias = "OFPHFC_INCOMPATIBLE")]
        Incompatible = 0,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPHFC_EPERM")]
        Eperm = 1,
    }
}

codes! {
    /// Codes of [`OfpError::BadRequest`].
    BadRequestCode {
        /// A version other than the negotiated one.
        #[doc(alias = "OFPBRC_BAD_VERSION")]
        BadVersion = 0,
        /// Unknown or unsupported type.
        #[doc(alias = "OFPBRC_BAD_TYPE")]
        BadType = 1,
        /// Unknown multipart type.
        #[doc(alias = "OFPBRC_BAD_MULTIPART")]
        BadMultipart = 2,
        /// Unknown experimenter.
        #[doc(alias = "OFPBRC_BAD_EXPERIMENTER")]
        BadExperimenter = 3,
        /// Unknown type of a known experimenter.
        #[doc(alias = "OFPBRC_BAD_EXP_TYPE")]
        BadExpType = 4,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPBRC_EPERM")]
        Eperm = 5,
        /// Wrong length.
        #[doc(alias = "OFPBRC_BAD_LEN")]
        BadLen = 6,
        /// The buffer was used already.
        #[doc(alias = "OFPBRC_BUFFER_EMPTY")]
        BufferEmpty = 7,
        /// No such buffer.
        #[doc(alias = "OFPBRC_BUFFER_UNKNOWN")]
        BufferUnknown = 8,
        /// No such table.
        #[doc(alias = "OFPBRC_BAD_TABLE_ID")]
        BadTableId = 9,
        /// A slave may not do this.
        #[doc(alias = "OFPBRC_IS_SLAVE")]
        IsSlave = 10,
        /// No such port.
        #[doc(alias = "OFPBRC_BAD_PORT")]
        BadPort = 11,
        /// The frame of a packet-out cannot be used.
        #[doc(alias = "OFPBRC_BAD_PACKET")]
        BadPacket = 12,
        /// A multipart request beyond what is buffered.
        #[doc(alias = "OFPBRC_MULTIPART_BUFFER_OVERFLOW")]
        MultipartBufferOverflow = 13,
    }
}

codes! {
    /// Codes of [`OfpError::BadAction`].
    BadActionCode {
        /// Unknown or unsupported type.
        #[doc(alias = "OFPBAC_BAD_TYPE")]
        BadType = 0,
        /// Wrong length.
        #[doc(alias = "OFPBAC_BAD_LEN")]
        BadLen = 1,
        /// Unknown experimenter.
        #[doc(alias = "OFPBAC_BAD_EXPERIMENTER")]
        BadExperimenter = 2,
        /// Unknown type of a known experimenter.
        #[doc(alias = "OFPBAC_BAD_EXP_TYPE")]
        BadExpType = 3,
        /// A port that can never be an output.
        #[doc(alias = "OFPBAC_BAD_OUT_PORT")]
        BadOutPort = 4,
        /// An argument out of range.
        #[doc(alias = "OFPBAC_BAD_ARGUMENT")]
        BadArgument = 5,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPBAC_EPERM")]
        Eperm = 6,
        /// More than can be handled.
        #[doc(alias = "OFPBAC_TOO_MANY")]
        TooMany = 7,
        /// No such queue.
        #[doc(alias = "OFPBAC_BAD_QUEUE")]
        BadQueue = 8,
        /// No such group.
        #[doc(alias = "OFPBAC_BAD_OUT_GROUP")]
        BadOutGroup = 9,
        /// The match does not ensure what the action needs.
        #[doc(alias = "OFPBAC_MATCH_INCONSISTENT")]
        MatchInconsistent = 10,
        /// The list cannot be run in this order.
        #[doc(alias = "OFPBAC_UNSUPPORTED_ORDER")]
        UnsupportedOrder = 11,
        /// A tag that is not supported.
        #[doc(alias = "OFPBAC_BAD_TAG")]
        BadTag = 12,
        /// A field that cannot be set.
        #[doc(alias = "OFPBAC_BAD_SET_TYPE")]
        BadSetType = 13,
        /// A set-field value of wrong length.
        #[doc(alias = "OFPBAC_BAD_SET_LEN")]
        BadSetLen = 14,
        /// A set-field value out of range.
        #[doc(alias = "OFPBAC_BAD_SET_ARGUMENT")]
        BadSetArgument = 15,
    }
}

codes! {
    /// Codes of [`OfpError::BadInstruction`].
    BadInstructionCode {
        /// Unknown instruction.
        #[doc(alias = "OFPBIC_UNKNOWN_INST")]
        UnknownInst = 0,
        /// The table does not support the instruction.
        #[doc(alias = "OFPBIC_UNSUP_INST")]
        UnsupInst = 1,
        /// No such table.
        #[doc(alias = "OFPBIC_BAD_TABLE_ID")]
        BadTableId = 2,
        /// Metadata bits that are not supported.
        #[doc(alias = "OFPBIC_UNSUP_METADATA")]
        UnsupMetadata = 3,
        /// Metadata mask bits that are not supported.
        #[doc(alias = "OFPBIC_UNSUP_METADATA_MASK")]
        UnsupMetadataMask = 4,
        /// Unknown experimenter.
        #[doc(alias = "OFPBIC_BAD_EXPERIMENTER")]
        BadExperimenter = 5,
        /// Unknown type of a known experimenter.
        #[doc(alias = "OFPBIC_BAD_EXP_TYPE")]
        BadExpType = 6,
        /// Wrong length.
        #[doc(alias = "OFPBIC_BAD_LEN")]
        BadLen = 7,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPBIC_EPERM")]
        Eperm = 8,
    }
}

codes! {
    /// Codes of [`OfpError::BadMatch`].
    BadMatchCode {
        /// Unknown or unsupported type.
        #[doc(alias = "OFPBMC_BAD_TYPE")]
        BadType = 0,
        /// Wrong length.
        #[doc(alias = "OFPBMC_BAD_LEN")]
        BadLen = 1,
        /// A tag that is not supported.
        #[doc(alias = "OFPBMC_BAD_TAG")]
        BadTag = 2,
        /// A MAC mask that is not supported.
        #[doc(alias = "OFPBMC_BAD_DL_ADDR_MASK")]
        BadDlAddrMask = 3,
        /// An IP mask that is not supported.
        #[doc(alias = "OFPBMC_BAD_NW_ADDR_MASK")]
        BadNwAddrMask = 4,
        /// A value bit outside the mask, or a field that may not be left out.
        #[doc(alias = "OFPBMC_BAD_WILDCARDS")]
        BadWildcards = 5,
        /// Unknown match field.
        #[doc(alias = "OFPBMC_BAD_FIELD")]
        BadField = 6,
        /// A value out of range.
        #[doc(alias = "OFPBMC_BAD_VALUE")]
        BadValue = 7,
        /// A mask where none may be.
        #[doc(alias = "OFPBMC_BAD_MASK")]
        BadMask = 8,
        /// A prerequisite is missing.
        #[doc(alias = "OFPBMC_BAD_PREREQ")]
        BadPrereq = 9,
        /// A field twice.
        #[doc(alias = "OFPBMC_DUP_FIELD")]
        DupField = 10,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPBMC_EPERM")]
        Eperm = 11,
    }
}

codes! {
    /// Codes of [`OfpError::FlowModFailed`].
    FlowModFailedCode {
        /// Any other reason.
        #[doc(alias = "OFPFMFC_UNKNOWN")]
        Unknown = 0,
        /// No room in the table.
        #[doc(alias = "OFPFMFC_TABLE_FULL")]
        TableFull = 1,
        /// No such table.
        #[doc(alias = "OFPFMFC_BAD_TABLE_ID")]
        BadTableId = 2,
        /// Overlaps another entry.
        #[doc(alias = "OFPFMFC_OVERLAP")]
        Overlap = 3,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPFMFC_EPERM")]
        Eperm = 4,
        /// A timeout that is not supported.
        #[doc(alias = "OFPFMFC_BAD_TIMEOUT")]
        BadTimeout = 5,
        /// Unknown command.
        #[doc(alias = "OFPFMFC_BAD_COMMAND")]
        BadCommand = 6,
        /// Unknown or contradicting flags.
        #[doc(alias = "OFPFMFC_BAD_FLAGS")]
        BadFlags = 7,
    }
}

codes! {
    /// Codes of [`OfpError::GroupModFailed`].
    GroupModFailedCode {
        /// The group exists already.
        #[doc(alias = "OFPGMFC_GROUP_EXISTS")]
        GroupExists = 0,
        /// The group is not possible.
        #[doc(alias = "OFPGMFC_INVALID_GROUP")]
        InvalidGroup = 1,
        /// Unequal weights are not supported.
        #[doc(alias = "OFPGMFC_WEIGHT_UNSUPPORTED")]
        WeightUnsupported = 2,
        /// No room for a group.
        #[doc(alias = "OFPGMFC_OUT_OF_GROUPS")]
        OutOfGroups = 3,
        /// No room for buckets.
        #[doc(alias = "OFPGMFC_OUT_OF_BUCKETS")]
        OutOfBuckets = 4,
        /// Groups in buckets are not supported.
        #[doc(alias = "OFPGMFC_CHAINING_UNSUPPORTED")]
        ChainingUnsupported = 5,
        /// This group cannot watch.
        #[doc(alias = "OFPGMFC_WATCH_UNSUPPORTED")]
        WatchUnsupported = 6,
        /// Groups would form a loop.
        #[doc(alias = "OFPGMFC_LOOP")]
        Loop = 7,
        /// No such group.
        #[doc(alias = "OFPGMFC_UNKNOWN_GROUP")]
        UnknownGroup = 8,
        /// Another group points to it.
        #[doc(alias = "OFPGMFC_CHAINED_GROUP")]
        ChainedGroup = 9,
        /// Unknown or unsupported type.
        #[doc(alias = "OFPGMFC_BAD_TYPE")]
        BadType = 10,
        /// Unknown command.
        #[doc(alias = "OFPGMFC_BAD_COMMAND")]
        BadCommand = 11,
        /// A malformed bucket.
        #[doc(alias = "OFPGMFC_BAD_BUCKET")]
        BadBucket = 12,
        /// Nothing to watch there.
        #[doc(alias = "OFPGMFC_BAD_WATCH")]
        BadWatch = 13,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPGMFC_EPERM")]
        Eperm = 14,
    }
}

codes! {
    /// Codes of [`OfpError::PortModFailed`].
    PortModFailedCode {
        /// No such port.
        #[doc(alias = "OFPPMFC_BAD_PORT")]
        BadPort = 0,
        /// Not the port's address.
        #[doc(alias = "OFPPMFC_BAD_HW_ADDR")]
        BadHwAddr = 1,
        /// Unknown configuration bits.
        #[doc(alias = "OFPPMFC_BAD_CONFIG")]
        BadConfig = 2,
        /// Unknown feature bits.
        #[doc(alias = "OFPPMFC_BAD_ADVERTISE")]
        BadAdvertise = 3,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPPMFC_EPERM")]
        Eperm = 4,
    }
}

codes! {
    /// Codes of [`OfpError::TableModFailed`].
    TableModFailedCode {
        /// No such table.
        #[doc(alias = "OFPTMFC_BAD_TABLE")]
        BadTable = 0,
        /// Unknown configuration bits.
        #[doc(alias = "OFPTMFC_BAD_CONFIG")]
        BadConfig = 1,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPTMFC_EPERM")]
        Eperm = 2,
    }
}

codes! {
    /// Codes of [`OfpError::QueueOpFailed`].
    QueueOpFailedCode {
        /// No such port.
        #[doc(alias = "OFPQOFC_BAD_PORT")]
        BadPort = 0,
        /// No such queue.
        #[doc(alias = "OFPQOFC_BAD_QUEUE")]
        BadQueue = 1,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPQOFC_EPERM")]
        Eperm = 2,
    }
}

codes! {
    /// Codes of [`OfpError::SwitchConfigFailed`].
    SwitchConfigFailedCode {
        /// Unknown or contradicting flags.
        #[doc(alias = "OFPSCFC_BAD_FLAGS")]
        BadFlags = 0,
        /// Wrong length.
        #[doc(alias = "OFPSCFC_BAD_LEN")]
        BadLen = 1,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPSCFC_EPERM")]
        Eperm = 2,
    }
}

codes! {
    /// Codes of [`OfpError::RoleRequestFailed`].
    RoleRequestFailedCode {
        /// The generation id is older than the one kept.
        #[doc(alias = "OFPRRFC_STALE")]
        Stale = 0,
        /// Roles are not supported.
        #[doc(alias = "OFPRRFC_UNSUP")]
        Unsup = 1,
        /// Unknown role.
        #[doc(alias = "OFPRRFC_BAD_ROLE")]
        BadRole = 2,
    }
}

codes! {
    /// Codes of [`OfpError::MeterModFailed`].
    MeterModFailedCode {
        /// Any other reason.
        #[doc(alias = "OFPMMFC_UNKNOWN")]
        Unknown = 0,
        /// The meter exists already.
        #[doc(alias = "OFPMMFC_METER_EXISTS")]
        MeterExists = 1,
        /// A meter id that cannot be.
        #[doc(alias = "OFPMMFC_INVALID_METER")]
        InvalidMeter = 2,
        /// No such meter.
        #[doc(alias = "OFPMMFC_UNKNOWN_METER")]
        UnknownMeter = 3,
        /// Unknown command.
        #[doc(alias = "OFPMMFC_BAD_COMMAND")]
        BadCommand = 4,
        /// Unknown or contradicting flags.
        #[doc(alias = "OFPMMFC_BAD_FLAGS")]
        BadFlags = 5,
        /// A rate that is not supported.
        #[doc(alias = "OFPMMFC_BAD_RATE")]
        BadRate = 6,
        /// A burst size that is not supported.
        #[doc(alias = "OFPMMFC_BAD_BURST")]
        BadBurst = 7,
        /// A band type that is not supported.
        #[doc(alias = "OFPMMFC_BAD_BAND")]
        BadBand = 8,
        /// A band value that is not supported.
        #[doc(alias = "OFPMMFC_BAD_BAND_VALUE")]
        BadBandValue = 9,
        /// No room for a meter.
        #[doc(alias = "OFPMMFC_OUT_OF_METERS")]
        OutOfMeters = 10,
        /// No room for bands.
        #[doc(alias = "OFPMMFC_OUT_OF_BANDS")]
        OutOfBands = 11,
    }
}

codes! {
    /// Codes of [`OfpError::TableFeaturesFailed`].
    TableFeaturesFailedCode {
        /// No such table.
        #[doc(alias = "OFPTFFC_BAD_TABLE")]
        BadTable = 0,
        /// Metadata bits that are not supported.
        #[doc(alias = "OFPTFFC_BAD_METADATA")]
        BadMetadata = 1,
        /// Unknown or unsupported type.
        #[doc(alias = "OFPTFFC_BAD_TYPE")]
        BadType = 2,
        /// Wrong length.
        #[doc(alias = "OFPTFFC_BAD_LEN")]
        BadLen = 3,
        /// An argument out of range.
        #[doc(alias = "OFPTFFC_BAD_ARGUMENT")]
        BadArgument = 4,
        /// Not allowed (a proxy's or hypervisor's answer).
        #[doc(alias = "OFPTFFC_EPERM")]
        Eperm = 5,
    }
}

/// Why a request failed, in the standard's words: a type and a code (§7.4.4).
#[doc(alias = "ofp_error_msg")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OfpError {
    /// `OFPET_HELLO_FAILED`.
    #[doc(alias = "OFPET_HELLO_FAILED")]
    HelloFailed(HelloFailedCode),
    /// `OFPET_BAD_REQUEST`.
    #[doc(alias = "OFPET_BAD_REQUEST")]
    BadRequest(BadRequestCode),
    /// `OFPET_BAD_ACTION`.
    #[doc(alias = "OFPET_BAD_ACTION")]
    BadAction(BadActionCode),
    /// `OFPET_BAD_INSTRUCTION`.
    #[doc(alias = "OFPET_BAD_INSTRUCTION")]
    BadInstruction(BadInstructionCode),
    /// `OFPET_BAD_MATCH`.
    #[doc(alias = "OFPET_BAD_MATCH")]
    BadMatch(BadMatchCode),
    /// `OFPET_FLOW_MOD_FAILED`.
    #[doc(alias = "OFPET_FLOW_MOD_FAILED")]
    FlowModFailed(FlowModFailedCode),
    /// `OFPET_GROUP_MOD_FAILED`.
    #[doc(alias = "OFPET_GROUP_MOD_FAILED")]
    GroupModFailed(GroupModFailedCode),
    /// `OFPET_PORT_MOD_FAILED`.
    #[doc(alias = "OFPET_PORT_MOD_FAILED")]
    PortModFailed(PortModFailedCode),
    /// `OFPET_TABLE_MOD_FAILED`.
    #[doc(alias = "OFPET_TABLE_MOD_FAILED")]
    TableModFailed(TableModFailedCode),
    /// `OFPET_QUEUE_OP_FAILED`.
    #[doc(alias = "OFPET_QUEUE_OP_FAILED")]
    QueueOpFailed(QueueOpFailedCode),
    /// `OFPET_SWITCH_CONFIG_FAILED`.
    #[doc(alias = "OFPET_SWITCH_CONFIG_FAILED")]
    SwitchConfigFailed(SwitchConfigFailedCode),
    /// `OFPET_ROLE_REQUEST_FAILED`.
    #[doc(alias = "OFPET_ROLE_REQUEST_FAILED")]
    RoleRequestFailed(RoleRequestFailedCode),
    /// `OFPET_METER_MOD_FAILED`.
    #[doc(alias = "OFPET_METER_MOD_FAILED")]
    MeterModFailed(MeterModFailedCode),
    /// `OFPET_TABLE_FEATURES_FAILED`.
    #[doc(alias = "OFPET_TABLE_FEATURES_FAILED")]
    TableFeaturesFailed(TableFeaturesFailedCode),
    /// `OFPET_EXPERIMENTER`: an error that an extension defines.
    #[doc(alias = "OFPET_EXPERIMENTER")]
    Experimenter {
        /// Who defines it.
        experimenter: u32,
        /// Its number there.
        exp_type: u16,
    },
}

impl OfpError {
    /// The error type's number.
    ///
    /// ```
    /// use rumpswitch_ofp_codec::{BadMatchCode, OfpError};
    /// let error = OfpError::BadMatch(BadMatchCode::BadPrereq);
    /// assert_eq!((error.error_type(), error.code()), (4, 9));
    /// ```
    pub const fn error_type(self) -> u16 {
        match self {
            OfpError::HelloFailed(_) => 0,
            OfpError::BadRequest(_) => 1,
            OfpError::BadAction(_) => 2,
            OfpError::BadInstruction(_) => 3,
            OfpError::BadMatch(_) => 4,
            OfpError::FlowModFailed(_) => 5,
            OfpError::GroupModFailed(_) => 6,
            OfpError::PortModFailed(_) => 7,
            OfpError::TableModFailed(_) => 8,
            OfpError::QueueOpFailed(_) => 9,
            OfpError::SwitchConfigFailed(_) => 10,
            OfpError::RoleRequestFailed(_) => 11,
            OfpError::MeterModFailed(_) => 12,
            OfpError::TableFeaturesFailed(_) => 13,
            OfpError::Experimenter { .. } => 0xffff,
        }
    }

    /// The error code's number; an experimenter's type.
    pub const fn code(self) -> u16 {
        match self {
            OfpError::HelloFailed(code) => code.code(),
            OfpError::BadRequest(code) => code.code(),
            OfpError::BadAction(code) => code.code(),
            OfpError::BadInstruction(code) => code.code(),
            OfpError::BadMatch(code) => code.code(),
            OfpError::FlowModFailed(code) => code.code(),
            OfpError::GroupModFailed(code) => code.code(),
            OfpError::PortModFailed(code) => code.code(),
            OfpError::TableModFailed(code) => code.code(),
            OfpError::QueueOpFailed(code) => code.code(),
            OfpError::SwitchConfigFailed(code) => code.code(),
            OfpError::RoleRequestFailed(code) => code.code(),
            OfpError::MeterModFailed(code) => code.code(),
            OfpError::TableFeaturesFailed(code) => code.code(),
            OfpError::Experimenter { exp_type, .. } => exp_type,
        }
    }

    /// The error with this type and code; `None` for numbers that the standard does not name and
    /// for experimenters' errors.
    pub fn from_numbers(error_type: u16, code: u16) -> Option<OfpError> {
        Some(match error_type {
            0 => OfpError::HelloFailed(HelloFailedCode::from_code(code)?),
            1 => OfpError::BadRequest(BadRequestCode::from_code(code)?),
            2 => OfpError::BadAction(BadActionCode::from_code(code)?),
            3 => OfpError::BadInstruction(BadInstructionCode::from_code(code)?),
            4 => OfpError::BadMatch(BadMatchCode::from_code(code)?),
            5 => OfpError::FlowModFailed(FlowModFailedCode::from_code(code)?),
            6 => OfpError::GroupModFailed(GroupModFailedCode::from_code(code)?),
            7 => OfpError::PortModFailed(PortModFailedCode::from_code(code)?),
            8 => OfpError::TableModFailed(TableModFailedCode::from_code(code)?),
            9 => OfpError::QueueOpFailed(QueueOpFailedCode::from_code(code)?),
            10 => OfpError::SwitchConfigFailed(SwitchConfigFailedCode::from_code(code)?),
            11 => OfpError::RoleRequestFailed(RoleRequestFailedCode::from_code(code)?),
            12 => OfpError::MeterModFailed(MeterModFailedCode::from_code(code)?),
            13 => OfpError::TableFeaturesFailed(TableFeaturesFailedCode::from_code(code)?),
            _ => return None,
        })
    }
}

impl fmt::Display for OfpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OfpError::HelloFailed(code) => write!(f, "HelloFailed/{code:?}"),
            OfpError::BadRequest(code) => write!(f, "BadRequest/{code:?}"),
            OfpError::BadAction(code) => write!(f, "BadAction/{code:?}"),
            OfpError::BadInstruction(code) => write!(f, "BadInstruction/{code:?}"),
            OfpError::BadMatch(code) => write!(f, "BadMatch/{code:?}"),
            OfpError::FlowModFailed(code) => write!(f, "FlowModFailed/{code:?}"),
            OfpError::GroupModFailed(code) => write!(f, "GroupModFailed/{code:?}"),
            OfpError::PortModFailed(code) => write!(f, "PortModFailed/{code:?}"),
            OfpError::TableModFailed(code) => write!(f, "TableModFailed/{code:?}"),
            OfpError::QueueOpFailed(code) => write!(f, "QueueOpFailed/{code:?}"),
            OfpError::SwitchConfigFailed(code) => write!(f, "SwitchConfigFailed/{code:?}"),
            OfpError::RoleRequestFailed(code) => write!(f, "RoleRequestFailed/{code:?}"),
            OfpError::MeterModFailed(code) => write!(f, "MeterModFailed/{code:?}"),
            OfpError::TableFeaturesFailed(code) => write!(f, "TableFeaturesFailed/{code:?}"),
            OfpError::Experimenter { experimenter, exp_type } => {
                write!(f, "Experimenter {experimenter:#010x}/{exp_type}")
            }
        }
    }
}

impl core::error::Error for OfpError {}

/// A message that could not be decoded: the standard's error, and where it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// What the sender is to be told.
    pub error: OfpError,
    /// The structure that is wrong.
    pub what: &'static str,
    /// Where it is, in bytes from the start of the message.
    pub offset: usize,
}

impl From<DecodeError> for OfpError {
    fn from(error: DecodeError) -> OfpError {
        error.error
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.what, self.offset, self.error)
    }
}

impl core::error::Error for DecodeError {}
