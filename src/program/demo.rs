//! `rumpswitch demo`: switches, hosts and a controller in this process.
//!
//! All hosts ping each other and one sends another a mebibyte. With the built-in controller this
//! happens in virtual time, as fast as it goes; with real controllers or tools (`--controller`,
//! `--listen`) in theirs, and the built-in one stays out.

mod live;
mod report;

use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rumpswitch::virt_host::{
    CaptureId, LearningSwitch, Network, Progress, Scenario, Shape, Topology as Plan,
};

use super::Failure;
use super::args::{Demo, Topology, check_targets};
use super::personality;

/// Seconds for which entries of the built-in controller outlive their traffic.
const IDLE_TIMEOUT: u16 = 60;

/// Runs the command.
pub(crate) fn run(args: &Demo) -> Result<ExitCode, Failure> {
    check_targets(&args.controller, &args.listen)?;
    let shape = match args.topology {
        Topology::Linear => Shape::Linear,
        Topology::Star => Shape::Star,
        Topology::Tree => Shape::Tree,
    };
    let mut plan = Plan::new(shape, usize::from(args.switches), usize::from(args.hosts));
    // One for all of them, given or not.
    let personality = personality::of_option(args.personality.as_deref())?;
    plan.switch.datapath.personality = Some(personality.unwrap_or_default());
    let mut network = plan.build(args.seed);
    let captures = match &args.pcap {
        Some(folder) => start_captures(&mut network, folder)?,
        None => Vec::new(),
    };
    if !args.json {
        report::print_network(&network, args);
    }
    let is_external = !args.controller.is_empty() || !args.listen.is_empty();
    let success = if is_external {
        live::run(args, &mut network)?
    } else {
        let controller =
            network.add_controller(LearningSwitch::new(IDLE_TIMEOUT), Duration::from_millis(1));
        network.control_all(controller).map_err(|error| Failure::failed(format!("{error:?}")))?;
        let started = Instant::now();
        let mut display = ProgressDisplay::new(args);
        let result = Scenario::default().run_with(
            &mut network,
            |network, until| network.run_until(until),
            |progress| display.show(progress),
        );
        display.clear();
        report::print(&network, args, &result, started.elapsed());
        if args.stay {
            live::stay(&mut network)?;
        }
        result.is_success()
    };
    for capture in captures {
        network.finish_capture(capture).map_err(Failure::failed)?;
    }
    Ok(if success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A capture for every link, named after its ends.
fn start_captures(network: &mut Network, folder: &Path) -> Result<Vec<CaptureId>, Failure> {
    let wrong =
        |path: &Path, error: io::Error| Failure::setup(format!("{}: {error}", path.display()));
    fs::create_dir_all(folder).map_err(|error| wrong(folder, error))?;
    let mut captures = Vec::new();
    for link in network.links() {
        let [one, other] = network.link_ends(link).map(|end| network.endpoint_name(end));
        let path = folder.join(format!("{one}_{other}.pcap").replace([':', '/'], "-"));
        let file = fs::File::create(&path).map_err(|error| wrong(&path, error))?;
        let capture = network.capture(Some(link), BufWriter::new(file));
        captures.push(capture);
    }
    Ok(captures)
}

/// How far the scenario has got, on a terminal.
struct ProgressDisplay {
    is_shown: bool,
    last: Option<Instant>,
}

impl ProgressDisplay {
    fn new(args: &Demo) -> ProgressDisplay {
        ProgressDisplay { is_shown: !args.json && io::stderr().is_terminal(), last: None }
    }

    fn show(&mut self, progress: Progress) {
        let now = Instant::now();
        let is_due =
            self.last.is_none_or(|last| now.duration_since(last) > Duration::from_millis(50));
        if self.is_shown && is_due {
            self.last = Some(now);
            let Progress { pings_done, ping_count, bytes_done, byte_count } = progress;
            eprint!(
                "\r\x1b[Kpings {pings_done}/{ping_count}, TCP {}/{} KiB",
                bytes_done >> 10,
                byte_count >> 10
            );
            let _ = io::stderr().flush();
        }
    }

    fn clear(&mut self) {
        if self.last.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
