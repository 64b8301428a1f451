//! OFPT_EXPERIMENTER (§7.5.4). Bundles and flow monitors are the only extensions that are known;
//! they are handled in [`bundle`](super::bundle) and [`monitor`](super::monitor).

use datapath::personality::Features;
use ofp_codec::{BadRequestCode, ONF_EXPERIMENTER, OfpError};

use crate::device::Core;
use crate::dispatch::bad_request;

/// The error for a message of an extension that the switch does not have.
pub(crate) fn unknown(core: &Core, experimenter: u32) -> Result<(), OfpError> {
    let has_any = core.switch.tables.personality().features.contains(Features::EXPERIMENTERS);
    Err(bad_request(if has_any && experimenter == ONF_EXPERIMENTER {
        BadRequestCode::BadExpType
    } else {
        BadRequestCode::BadExperimenter
    }))
}
