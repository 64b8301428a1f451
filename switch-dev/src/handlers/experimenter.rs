//! OFPT_EXPERIMENTER (§7.5.4). Bundles and flow monitors are the only extensions that are known;
//! they are handled in [`bundle`](super::bundle) and [`monitor`](super::monitor).

use ofp_codec::{BadRequestCode, ONF_EXPERIMENTER, OfpError};

use crate::dispatch::bad_request;

/// The error for a message of an extension that the switch does not have.
pub(crate) fn unknown(experimenter: u32) -> Result<(), OfpError> {
    Err(bad_request(if experimenter == ONF_EXPERIMENTER {
        BadRequestCode::BadExpType
    } else {
        BadRequestCode::BadExperimenter
    }))
}
