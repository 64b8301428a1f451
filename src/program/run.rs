//! `rumpswitch run`: switches on real ports until a signal.

use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;

use rumpswitch::datapath::{Switch, SwitchConfig};
use rumpswitch::ofp_codec::{HwAddr, PortNo};
use rumpswitch::switch_dev::{Device, DeviceConfig, FailMode};
use rumpswitch::switchd::Target;
use rumpswitch::unix_host::{self, EventLoop, Opener, UnixHost, clock};

use super::Failure;
use super::args::{self, Run};
use super::config::{self, SwitchSettings};
use super::personality;
use crate::program::out::say;

/// Runs the command.
pub(crate) fn run(args: &Run) -> Result<ExitCode, Failure> {
    let settings = match &args.config {
        Some(file) => {
            args::check_targets(&[], &args.listen)?;
            config::read(file)?
        }
        None => vec![of_arguments(args)?],
    };
    // All ports are opened before any switch listens: what fails leaves nothing half-made.
    let mut opener = Opener::default();
    let mut hosts = Vec::new();
    for settings in &settings {
        let mut host = UnixHost::new(opener.open(&settings.ports).map_err(Failure::setup)?);
        host.shape(&settings.rates, &settings.queues).map_err(Failure::setup)?;
        hosts.push(host);
    }
    opener.finish().map_err(Failure::setup)?;

    let mut event_loop = EventLoop::new().map_err(Failure::setup)?;
    let quiet = args.quiet;
    for (index, (settings, host)) in settings.iter().zip(hosts).enumerate() {
        add_switch(&mut event_loop, index, settings, host, quiet, &args.listen)?;
    }
    if !quiet {
        event_loop.report_to(|report| say!("{report}"));
        say!("running");
    }
    event_loop.run().map_err(Failure::failed)?;
    Ok(ExitCode::SUCCESS)
}

/// The one switch of the command line.
fn of_arguments(args: &Run) -> Result<SwitchSettings, Failure> {
    args::check_targets(&args.controller, &args.listen)?;
    let ports = args.port.iter().map(|spec| spec.parse()).collect::<Result<_, _>>();
    Ok(SwitchSettings {
        name: None,
        datapath_id: args.datapath_id,
        ports: ports.map_err(|error: unix_host::Error| Failure::setup(error))?,
        controllers: args.controller.clone(),
        // Given to the switch by its place below, as for the switches of a file.
        listen: Vec::new(),
        fail_mode: args.fail_mode,
        personality: personality::of_option(args.personality.as_deref())?,
        rates: args.rate.clone(),
        queues: args.queue.clone(),
        eviction: args.eviction.unwrap_or_default(),
        vacancy: args.vacancy,
        workers: Some(args.workers),
    })
}

fn add_switch(
    event_loop: &mut EventLoop,
    index: usize,
    settings: &SwitchSettings,
    host: UnixHost,
    quiet: bool,
    listen: &[Target],
) -> Result<(), Failure> {
    let name = settings.name.clone().unwrap_or_else(|| format!("s{}", index + 1));
    let datapath_id = settings.datapath_id.unwrap_or_else(|| datapath_id(&host, index));
    let personality = settings.personality.clone();
    let seed = random();
    let (eviction, vacancy) = (settings.eviction, settings.vacancy);
    let config = SwitchConfig {
        datapath_id,
        seed,
        personality,
        eviction,
        vacancy,
        ..SwitchConfig::default()
    };
    let mut switch = Switch::new(config);
    host.attach(clock::now(), &mut switch.tables)
        .map_err(|error| Failure::setup(format!("{name}: {error}")))?;
    let config = DeviceConfig { description: name.clone(), ..DeviceConfig::default() };
    let mut device = Device::new(config, switch);
    device.set_fail_mode(match settings.fail_mode {
        args::FailMode::Secure => FailMode::Secure,
        args::FailMode::Standalone => FailMode::Standalone,
    });

    let mut targets = settings.controllers.clone();
    targets.extend(settings.listen.iter().cloned());
    let place = u16::try_from(index).map_err(Failure::setup)?;
    for target in listen {
        targets.push(target.for_switch(place).map_err(Failure::setup)?);
    }
    let ports: Vec<String> =
        host.ports().map(|(number, name, _)| format!("{}:{name}", PortNo(number.0))).collect();
    let workers = usize::from(settings.workers.unwrap_or(1));
    let targets = event_loop
        .add_with_workers(&name, device, host, &targets, workers)
        .map_err(Failure::setup)?;
    if !quiet {
        say!("{name}: datapath {datapath_id:016x}, ports {}", ports.join(" "));
        for target in targets {
            let verb = if target.is_passive() { "listening on" } else { "connecting to" };
            say!("{name}: {verb} {target}");
        }
    }
    Ok(())
}

/// A datapath id that stays the same as long as the first port does: its address, else a number drawn
/// by chance.
fn datapath_id(host: &UnixHost, index: usize) -> u64 {
    let address = host.ports().find_map(|(_, _, info)| info.hw_addr);
    match address {
        Some(address) => HwAddr(address).to_u64(),
        None => random() & 0xffff_ffff_ffff ^ index as u64,
    }
}

/// A number that others cannot foretell: hosts and controllers choose what is hashed.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}
