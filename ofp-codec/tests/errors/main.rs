//! Malformed messages, made by hand byte by byte, and the error that each is answered with: the
//! standard's, where a message alone decides. The rows are those that Open vSwitch 3.1 was asked,
//! and those for what it does not have.

mod bytes;
mod flow_mods;
mod matches;
mod others;

use rumpswitch_ofp_codec::*;

/// The error that a message is answered with.
pub(crate) fn error_of(message: &[u8]) -> Option<OfpError> {
    Message::decode(message).err().map(|error| {
        assert!(error.offset <= message.len(), "{error}");
        error.error
    })
}

/// What a table's row expects: an error, or none.
#[track_caller]
pub(crate) fn expect(what: &str, message: &[u8], expected: impl Into<Expected>) {
    let Expected(expected) = expected.into();
    assert_eq!(error_of(message), expected, "{what}");
}

/// An error or none; made of each error type's codes.
pub(crate) struct Expected(Option<OfpError>);

/// A message that is no error.
pub(crate) struct Accepted;

impl From<Accepted> for Expected {
    fn from(_: Accepted) -> Expected {
        Expected(None)
    }
}

impl From<OfpError> for Expected {
    fn from(error: OfpError) -> Expected {
        Expected(Some(error))
    }
}

macro_rules! from_codes {
    ($($code:ident $variant:ident)*) => {
        $(impl From<$code> for Expected {
            fn from(code: $code) -> Expected {
                Expected(Some(OfpError::$variant(code)))
            }
        })*
    };
}

from_codes! {
    BadRequestCode BadRequest
    BadActionCode BadAction
    BadInstructionCode BadInstruction
    BadMatchCode BadMatch
    FlowModFailedCode FlowModFailed
    GroupModFailedCode GroupModFailed
    PortModFailedCode PortModFailed
    TableModFailedCode TableModFailed
    SwitchConfigFailedCode SwitchConfigFailed
    RoleRequestFailedCode RoleRequestFailed
    MeterModFailedCode MeterModFailed
    TableFeaturesFailedCode TableFeaturesFailed
}
