//! The names of BOFUSS, the switch that Mininet calls `user`: under `ofdatapath`, `ofprotocol` and
//! `dpctl` this program takes the command lines of those three, so that `mn --switch user` and
//! scripts written for them work unchanged.
//!
//! # How the two halves work together
//! `ofdatapath` is the switch: ports on interfaces, and a Unix (or TCP) socket on which it speaks
//! OpenFlow. `ofprotocol` connects that socket to controllers: each controller gets a channel of
//! its own to the switch, and the messages are passed on as they are. Tools that connect to
//! `ofprotocol`'s own sockets are passed on in the same way, but for a question that `ofprotocol`
//! answers itself: `dpctl status`. When no controller is there and `--fail=open` was said,
//! `ofprotocol` has the switch forward by itself with one flow entry that outputs to NORMAL.

mod dpctl;
mod ofdatapath;
mod ofprotocol;
mod relay;
mod status;
mod stream;
mod talk;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::ExitCode;

use super::Failure;
use super::out::say;

/// The names by which the program is asked to be one of the three.
const NAMES: [&str; 3] = ["ofdatapath", "ofprotocol", "dpctl"];

/// Runs the command that the program's own name asks for; `None` when it is called by its own.
pub(crate) fn by_name(args: &[OsString]) -> Option<Result<ExitCode, clap::Error>> {
    let name = Path::new(args.first()?).file_name()?.to_str()?;
    let result = match name {
        "ofdatapath" => ofdatapath::main(args),
        "ofprotocol" => ofprotocol::main(args),
        "dpctl" => dpctl::main(args),
        _ => return None,
    };
    Some(result.map(|done| done.unwrap_or_else(Failure::report)))
}

/// Makes the three names in a folder: links to this program.
///
/// # Errors
/// A name that is taken by something else than such a link, or what the system says.
pub(crate) fn install(folder: &Path) -> Result<ExitCode, Failure> {
    let program = std::env::current_exe().map_err(Failure::setup)?;
    for name in NAMES {
        let link = folder.join(name);
        let failed = |error| Failure::setup(format!("{}: {error}", link.display()));
        match fs::symlink_metadata(&link) {
            Ok(there) if there.is_symlink() => fs::remove_file(&link).map_err(failed)?,
            Ok(_) => {
                let line = format!("{}: is there and is no link; left as it is", link.display());
                return Err(Failure::setup(line));
            }
            Err(_) => {}
        }
        symlink(&program, &link).map_err(failed)?;
        say!("{} -> {}", link.display(), program.display());
    }
    Ok(ExitCode::SUCCESS)
}
