//! `ofdatapath`: a switch on interfaces that others reach through a socket. It is `rumpswitch run`
//! with another command line.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use rumpswitch::switchd::Target;

use crate::program::Failure;
use crate::program::args::{self, Args, Command};
use crate::program::run;

/// A switch on network interfaces, reached by ofprotocol and tools through a socket.
#[derive(Debug, Parser)]
#[command(name = "ofdatapath", version)]
struct Ofdatapath {
    /// The interfaces, which become the ports 1, 2, ... (or ports as `rumpswitch run` knows them:
    /// tap:NAME, pair:NAME)
    #[arg(short, long, value_name = "NAME[,NAME]...", value_delimiter = ',', required = true)]
    interfaces: Vec<String>,
    /// Where to wait for ofprotocol and tools (punix:PATH or ptcp:[PORT][:HOST])
    #[arg(value_name = "LISTEN", required = true)]
    listen: Vec<Target>,
    /// The datapath id, up to 16 hexadecimal digits
    #[arg(short, long, value_name = "HEX", value_parser = args::parse_datapath_id)]
    datapath_id: Option<u64>,
    /// Make an interface of this name, which is the LOCAL port
    #[arg(short = 'L', long, value_name = "NAME")]
    local_port: Option<String>,
    /// No LOCAL port (there is none without --local-port)
    #[arg(long, conflicts_with = "local_port")]
    no_local_port: bool,
    /// Leave the interfaces' own queues alone (they are always left alone)
    #[arg(long)]
    no_slicing: bool,
    /// Taken and ignored
    #[arg(short, long, value_name = "WHAT", num_args = 0..=1, require_equals = true)]
    verbose: Vec<Option<String>>,
}

/// Runs it.
pub(super) fn main(arguments: &[OsString]) -> Result<Result<ExitCode, Failure>, clap::Error> {
    let asked = Ofdatapath::try_parse_from(arguments)?;
    let mut words = vec!["rumpswitch".to_owned(), "run".to_owned()];
    let mut option = |name: &str, value: String| words.extend([format!("--{name}"), value]);
    for (number, name) in (1..).zip(asked.interfaces.iter().filter(|name| !name.is_empty())) {
        let kind = if name.contains(':') { "" } else { "packet:" };
        option("port", format!("{number}:{kind}{name}"));
    }
    if let Some(name) = &asked.local_port {
        option("port", format!("local:{name}"));
    }
    for target in &asked.listen {
        option("listen", target.to_string());
    }
    if let Some(id) = asked.datapath_id {
        option("datapath-id", format!("{id:016x}"));
    }
    Ok(match Args::try_parse_from(words)?.command {
        Some(Command::Run(args)) => run::run(&args),
        _ => Err(Failure::setup("no switch was asked for")),
    })
}
