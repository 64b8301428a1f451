//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use rumpswitch::datapath::{Eviction, Vacancy};
use rumpswitch::switchd::Target;
use rumpswitch::unix_host::{QueueSpec, RateSpec};

use super::Failure;

/// An OpenFlow 1.3.5 switch: in a virtual network, on real ports, on captures.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Switches, hosts and a controller in this process: no root, no network (the default)
    Demo(Demo),
    /// A switch on real ports until a signal
    Run(Run),
    /// Frames from captures through a flow table, as fast as it goes
    Replay(Replay),
    /// What a flow table does to one frame, step by step
    Trace(Trace),
    /// A personality as TOML, to start one's own from; without a name, the names there are
    Personality(Personality),
    /// Links to this program named ofdatapath, ofprotocol and dpctl, for `mn --switch user`
    InstallBofussNames(InstallBofussNames),
}

impl Default for Command {
    fn default() -> Command {
        Command::Demo(Demo::default())
    }
}

/// The shape of the demo's network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Topology {
    /// Switches in a row
    #[default]
    Linear,
    /// One switch in the middle
    Star,
    /// Every switch has two below it
    Tree,
}

#[derive(Clone, Debug, ClapArgs)]
pub(crate) struct Demo {
    /// How many switches
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub(crate) switches: u16,
    /// How many hosts, spread over the switches
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(2..=250))]
    pub(crate) hosts: u16,
    /// How the switches are joined
    #[arg(long, value_enum, default_value_t)]
    pub(crate) topology: Topology,
    /// Write a capture of every link to this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) pcap: Option<PathBuf>,
    /// Go on after the demo, until a signal
    #[arg(long)]
    pub(crate) stay: bool,
    /// Connect every switch to this controller in place of the built-in one (repeatable)
    #[arg(long, value_name = "TARGET")]
    pub(crate) controller: Vec<Target>,
    /// Wait here for OpenFlow controllers and tools; switch i listens on port + i, or where %d
    /// stands in a path (repeatable)
    #[arg(long, value_name = "TARGET")]
    pub(crate) listen: Vec<Target>,
    /// What the switches look like to controllers: a preset, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) personality: Option<String>,
    /// What chance is drawn from: the same seed, the same run
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print the results as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Default for Demo {
    fn default() -> Demo {
        Demo {
            switches: 2,
            hosts: 4,
            topology: Topology::Linear,
            pcap: None,
            stay: false,
            controller: Vec::new(),
            listen: Vec::new(),
            personality: None,
            seed: 1,
            json: false,
        }
    }
}

/// What the switch does while no controller is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailMode {
    /// Go by the flow entries that are there
    #[default]
    Secure,
    /// Act as a learning switch
    Standalone,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    /// A port: [NUMBER:]KIND:NAME with KIND one of packet, tap, dgram, pcap; local:NAME attaches
    /// this machine's own stack (repeatable)
    #[arg(long, value_name = "[N:]KIND:NAME", required_unless_present = "config")]
    pub(crate) port: Vec<String>,
    /// A controller to connect to; with ",aux=N" behind it by N auxiliary connections, too
    /// (repeatable)
    #[arg(long, value_name = "TARGET")]
    pub(crate) controller: Vec<Target>,
    /// Where to wait for OpenFlow controllers and tools (repeatable)
    #[arg(long, value_name = "TARGET")]
    pub(crate) listen: Vec<Target>,
    /// The datapath id, up to 16 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = parse_datapath_id)]
    pub(crate) datapath_id: Option<u64>,
    /// What to do while no controller is there
    #[arg(long, value_enum, default_value_t, value_name = "M")]
    pub(crate) fail_mode: FailMode,
    /// What a port sends at most, in bits per second: 64k, 10M, 1G (repeatable)
    #[arg(long, value_name = "PORT=RATE")]
    pub(crate) rate: Vec<RateSpec>,
    /// A queue of a port, with shares of its rate: 2:7:min=10%,max=50% (repeatable)
    #[arg(long, value_name = "PORT:ID[:min=P%][,max=P%]")]
    pub(crate) queue: Vec<QueueSpec>,
    /// What the switch looks like to controllers: a preset, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) personality: Option<String>,
    /// What a new flow entry does when its table is full: refuse (be refused), timed (take the place
    /// of the one that expires first), any (or of the oldest)
    #[arg(long, value_name = "HOW")]
    pub(crate) eviction: Option<Eviction>,
    /// Say when the room of a table falls to DOWN percent, and when it has risen to UP again
    #[arg(long, value_name = "DOWN,UP")]
    pub(crate) vacancy: Option<Vacancy>,
    /// Forward with N threads beside one for the controllers; 1 is one thread for everything
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: u16,
    /// Read one or several switches from this TOML file instead
    #[arg(long, value_name = "FILE",
        conflicts_with_all = ["port", "controller", "datapath_id", "rate", "queue", "personality",
            "eviction", "vacancy", "workers"])]
    pub(crate) config: Option<PathBuf>,
    /// Say no more than errors
    #[arg(long, short)]
    pub(crate) quiet: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Personality {
    /// A preset, or a TOML file
    #[arg(value_name = "NAME|FILE")]
    pub(crate) name: Option<String>,
}

/// `N=FILE`: a port and its capture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PortFile {
    pub(crate) port: u32,
    pub(crate) file: PathBuf,
}

/// The files that fill the tables.
#[derive(Debug, ClapArgs)]
pub(crate) struct TableFiles {
    /// Flow entries, as ovs-ofctl add-flows reads them
    #[arg(long, value_name = "FILE", required = true)]
    pub(crate) flows: Vec<PathBuf>,
    /// Groups, as ovs-ofctl add-groups reads them
    #[arg(long, value_name = "FILE")]
    pub(crate) groups: Vec<PathBuf>,
    /// Meters, a line each as ovs-ofctl add-meter reads it
    #[arg(long, value_name = "FILE")]
    pub(crate) meters: Vec<PathBuf>,
    /// What the switch looks like to controllers: a preset, or a TOML file
    #[arg(long, value_name = "NAME|FILE")]
    pub(crate) personality: Option<String>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) tables: TableFiles,
    /// Frames that enter at port N (repeatable)
    #[arg(long = "in", value_name = "N=FILE.pcap", required = true, value_parser = parse_port_file)]
    pub(crate) input: Vec<PortFile>,
    /// Write what leaves by port N, in the first round (repeatable)
    #[arg(long = "out", value_name = "N=FILE.pcap", value_parser = parse_port_file)]
    pub(crate) output: Vec<PortFile>,
    /// Play the captures so often
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "seconds",
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) repeat: u64,
    /// Play the captures again and again for so long
    #[arg(long, value_name = "S")]
    pub(crate) seconds: Option<f64>,
    /// Do that so often, and tell what each repetition cost, the least and the median
    #[arg(long, value_name = "N", default_value_t = 1,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) reps: u64,
    /// Begin a repetition with each line that comes on standard input, and end it with a line of
    /// JSON on standard output
    #[arg(long, conflicts_with = "reps")]
    pub(crate) paced: bool,
    /// Share the frames among N workers by their flows, each on a thread of its own
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "floor",
        value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) workers: u16,
    /// Receive and discard the frames without a switch: what the copying itself costs
    #[arg(long)]
    pub(crate) floor: bool,
    /// Print the results as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct InstallBofussNames {
    /// Where the links go: a folder on the PATH
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Trace {
    #[command(flatten)]
    pub(crate) tables: TableFiles,
    /// The frame, described by its fields: in_port=1,ip,nw_dst=10.0.0.1
    #[arg(value_name = "FIELDS", required_unless_present = "pcap")]
    pub(crate) fields: Option<String>,
    /// Take the frame from this capture
    #[arg(long, value_name = "FILE", requires = "frame", conflicts_with = "fields")]
    pub(crate) pcap: Option<PathBuf>,
    /// Which frame of the capture, from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) frame: Option<u64>,
    /// The port at which a frame of a capture enters
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) in_port: u32,
    /// Print the steps as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Controllers are connected to, and listening is for others to connect.
pub(crate) fn check_targets(controllers: &[Target], listen: &[Target]) -> Result<(), Failure> {
    if let Some(target) = controllers.iter().find(|target| target.is_passive()) {
        return Err(Failure::setup(format!("{target}: a place to listen belongs under --listen")));
    }
    match listen.iter().find(|target| !target.is_passive()) {
        Some(target) => {
            let line = format!("{target}: a controller to connect to belongs under --controller");
            Err(Failure::setup(line))
        }
        None => Ok(()),
    }
}

/// A datapath id in hexadecimal, with or without `0x`.
pub(crate) fn parse_datapath_id(text: &str) -> Result<u64, String> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    u64::from_str_radix(digits, 16)
        .map_err(|_| format!("\"{text}\" is not a datapath id: 1 to 16 hexadecimal digits"))
}

fn parse_port_file(text: &str) -> Result<PortFile, String> {
    let (port, file) = text.split_once('=').ok_or("written N=FILE.pcap")?;
    let port = port
        .parse()
        .ok()
        .filter(|port| (1..=0xffff_ff00).contains(port))
        .ok_or_else(|| format!("\"{port}\" is not a port number"))?;
    Ok(PortFile { port, file: file.into() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn reads_values() {
        assert_eq!(parse_datapath_id("0x00a1"), Ok(0xa1));
        assert!(parse_datapath_id("12345678901234567").is_err());
        assert_eq!(parse_port_file("3=x.pcap").unwrap().port, 3);
        assert!(parse_port_file("0=x.pcap").is_err() && parse_port_file("x.pcap").is_err());
    }
}
