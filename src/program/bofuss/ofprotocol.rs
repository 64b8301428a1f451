//! `ofprotocol`: connects a switch (`ofdatapath`) to controllers, and lets tools through to it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::{Parser, ValueEnum};
use rumpswitch::ofp_codec::{
    Action, FlowMod, FlowModCommand, Instruction, Message, PortNo, TableId,
};
use rumpswitch::switchd::Target;
use rumpswitch::unix_host::Signals;
use rustix::event::{PollFd, PollFlags, poll};

use super::relay::{Peer, relay};
use super::stream::Stream;
use super::talk;
use crate::program::Failure;
use crate::program::out::say;

/// Tools that are let through at a time.
const TOOLS: usize = 64;

/// How soon a switch that is not there yet is looked for again.
const SWITCH_RETRY: Duration = Duration::from_millis(100);

/// How long controllers may be away before the switch is told to forward by itself.
const GRACE: Duration = Duration::from_secs(3);

/// Marks the entry of fail-open: "failopen".
const FAIL_OPEN: u64 = 0x6661_696c_6f70_656e;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Fail {
    /// Forward as a learning switch
    Open,
    /// Go by the flow entries that are there
    Closed,
}

/// Connects a switch to controllers, and lets tools through to it.
#[derive(Debug, Parser)]
#[command(name = "ofprotocol", version)]
struct Ofprotocol {
    /// The switch: where ofdatapath listens
    #[arg(value_name = "DATAPATH")]
    datapath: Target,
    /// The controllers
    #[arg(value_name = "CONTROLLER[,CONTROLLER]...", value_delimiter = ',')]
    controllers: Vec<Target>,
    /// What to do while no controller is there
    #[arg(short = 'F', long, value_enum, default_value = "open", value_name = "MODE")]
    fail: Fail,
    /// Where to wait for dpctl and other tools (repeatable)
    #[arg(short, long, value_name = "TARGET")]
    listen: Vec<Target>,
    /// Seconds of a controller's silence after which it is asked for a sign of life
    #[arg(long, value_name = "SECONDS", default_value_t = 15,
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    inactivity_probe: u64,
    /// Seconds between tries to reach a controller, at most
    #[arg(long, value_name = "SECONDS", default_value_t = 8,
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    max_backoff: u64,
    /// Controllers are reached past the switch (they always are)
    #[arg(long)]
    out_of_band: bool,
    /// Taken and ignored
    #[arg(short, long, value_name = "WHAT", num_args = 0..=1, require_equals = true)]
    verbose: Vec<Option<String>>,
}

/// A controller and how it is doing.
struct Controller {
    target: Target,
    is_connected: AtomicBool,
}

/// What all threads know.
struct Shared {
    datapath: Target,
    controllers: Vec<Controller>,
    silence: Duration,
    max_backoff: Duration,
    tools: AtomicUsize,
}

/// Runs it.
pub(super) fn main(arguments: &[OsString]) -> Result<Result<ExitCode, Failure>, clap::Error> {
    Ofprotocol::try_parse_from(arguments).map(|asked| run(&asked))
}

fn run(asked: &Ofprotocol) -> Result<ExitCode, Failure> {
    for target in std::iter::once(&asked.datapath).chain(&asked.controllers) {
        if target.is_passive() {
            return Err(Failure::setup(format!(
                "{target}: is a place to listen, not to connect to"
            )));
        }
    }
    let controller = |target: &Target| Controller {
        target: target.clone(),
        is_connected: AtomicBool::new(false),
    };
    let shared = Arc::new(Shared {
        datapath: asked.datapath.clone(),
        controllers: asked.controllers.iter().map(controller).collect(),
        silence: Duration::from_secs(asked.inactivity_probe),
        max_backoff: Duration::from_secs(asked.max_backoff),
        tools: AtomicUsize::new(0),
    });
    // Before the threads, which are to leave the signals to this one.
    let signals = Signals::new().map_err(Failure::setup)?;
    let mut paths = Vec::new();
    for target in &asked.listen {
        let failed = |error| Failure::setup(format!("{target}: {error}"));
        let (path, listener) = Listener::new(target).map_err(failed)?;
        paths.extend(path);
        say!("listening on {target}");
        let shared = Arc::clone(&shared);
        thread::spawn(move || let_tools_in(&listener, &shared));
    }
    for index in 0..shared.controllers.len() {
        let shared = Arc::clone(&shared);
        thread::spawn(move || keep_connected(&shared, &shared.controllers[index]));
    }
    if asked.fail == Fail::Open {
        let shared = Arc::clone(&shared);
        thread::spawn(move || fail_open(&shared));
    }
    while signals.next_stop().is_none() {
        let mut ready = [PollFd::new(&signals, PollFlags::IN)];
        match poll(&mut ready, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(Failure::failed(errno)),
        }
    }
    for path in &paths {
        let _ = fs::remove_file(path);
    }
    Ok(ExitCode::SUCCESS)
}

/// Where tools come in.
enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens; the path is to be removed at the end.
    fn new(target: &Target) -> io::Result<(Option<PathBuf>, Listener)> {
        match target {
            Target::PassiveTcp(address) => Ok((None, Listener::Tcp(TcpListener::bind(address)?))),
            Target::PassiveUnix(path) => {
                clear(path)?;
                Ok((Some(path.clone()), Listener::Unix(UnixListener::bind(path)?)))
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "is not a place to listen")),
        }
    }

    fn accept(&self) -> io::Result<Stream> {
        match self {
            Listener::Tcp(listener) => Stream::of_tcp(listener.accept()?.0),
            Listener::Unix(listener) => Stream::of_unix(listener.accept()?.0),
        }
    }
}

/// Removes a socket file at which nobody listens any more.
fn clear(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    match UnixStream::connect(path) {
        Err(error) if is_socket && error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path)
        }
        _ => Ok(()),
    }
}

fn let_tools_in(listener: &Listener, shared: &Arc<Shared>) {
    loop {
        let Ok(tool) = listener.accept() else {
            // Out of descriptors, say: it passes.
            thread::sleep(SWITCH_RETRY);
            continue;
        };
        if shared.tools.fetch_add(1, Ordering::Relaxed) >= TOOLS {
            shared.tools.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let status = || shared.status();
            if let Ok(switch) = Stream::connect(&shared.datapath) {
                let _ = relay(&switch, &tool, Peer::Tool { status: &status });
            }
            shared.tools.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

fn keep_connected(shared: &Shared, controller: &Controller) {
    let mut wait = Duration::from_millis(250);
    let mut said = String::new();
    loop {
        // The switch first: a controller is not to see connections with nothing behind them.
        let result = match Stream::connect(&shared.datapath) {
            Err(error) => {
                tell(&mut said, format!("{}: {error}", shared.datapath));
                thread::sleep(SWITCH_RETRY);
                continue;
            }
            Ok(switch) => Stream::connect(&controller.target).and_then(|far| {
                tell(&mut said, format!("{}: connected", controller.target));
                wait = Duration::from_millis(250);
                let peer = Peer::Controller {
                    silence: shared.silence,
                    is_connected: &controller.is_connected,
                };
                let result = relay(&switch, &far, peer);
                controller.is_connected.store(false, Ordering::Relaxed);
                result
            }),
        };
        let why = result.map_or_else(|error| error.to_string(), |()| "connection closed".into());
        tell(&mut said, format!("{}: {why}", controller.target));
        thread::sleep(wait);
        wait = (wait * 2).min(shared.max_backoff);
    }
}

/// Says something once.
fn tell(said: &mut String, line: String) {
    if *said != line {
        say!("{line}");
        *said = line;
    }
}

/// Has the switch forward by itself while no controller is there.
fn fail_open(shared: &Shared) {
    let mut alone_since = Instant::now();
    let mut is_open = false;
    loop {
        let is_alone = !shared.is_connected();
        if !is_alone {
            alone_since = Instant::now();
        }
        let wanted = is_alone && alone_since.elapsed() >= GRACE;
        if wanted != is_open && set_open(&shared.datapath, wanted).is_ok() {
            is_open = wanted;
            say!("fail-open: {}", if wanted { "the switch forwards by itself" } else { "ended" });
        }
        thread::sleep(SWITCH_RETRY);
    }
}

fn set_open(datapath: &Target, is_open: bool) -> io::Result<()> {
    let flow = if is_open {
        let actions = vec![Action::output(PortNo::NORMAL)];
        let instructions = vec![Instruction::ApplyActions(actions)];
        FlowMod { priority: 0, cookie: FAIL_OPEN, instructions, ..FlowMod::default() }
    } else {
        FlowMod {
            command: FlowModCommand::Delete,
            cookie: FAIL_OPEN,
            cookie_mask: u64::MAX,
            table_id: TableId(0),
            ..FlowMod::default()
        }
    };
    match talk::transact(datapath, &[Message::FlowMod(flow)])?.is_empty() {
        true => Ok(()),
        false => Err(io::Error::other("refused")),
    }
}

impl Shared {
    fn is_connected(&self) -> bool {
        self.controllers.iter().any(|controller| controller.is_connected.load(Ordering::Relaxed))
    }

    /// The answer to `dpctl status`.
    fn status(&self) -> String {
        let is_local = Stream::connect(&self.datapath).is_ok();
        let mut text = format!(
            "remote.is-connected={}\nlocal.name={}\nlocal.is-connected={is_local}\n",
            self.is_connected(),
            self.datapath,
        );
        for (index, controller) in self.controllers.iter().enumerate() {
            let is_connected = controller.is_connected.load(Ordering::Relaxed);
            text += &format!("remote{index}.name={}\n", controller.target);
            text += &format!("remote{index}.is-connected={is_connected}\n");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::super::status;
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn is_consistent() {
        Ofprotocol::command().debug_assert();
    }

    #[test]
    fn the_status_message_is_known_on_both_ends() {
        let request = talk::encode(&status::request(), 7).unwrap();
        assert!(status::is_request(&request));
        let reply = status::reply("remote.is-connected=true\n".into());
        assert!(!status::is_request(&talk::encode(&reply, 7).unwrap()));
        assert_eq!(status::text(&reply).unwrap(), "remote.is-connected=true\n");
    }
}
