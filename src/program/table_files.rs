//! Fills a switch from files of flow entries, groups and meters, as `replay` and `trace` do.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rumpswitch::datapath::{PortConfig, Switch, SwitchConfig, Tables};
use rumpswitch::hypercall::{Nanos, Port};
use rumpswitch::ofp_codec::text::{self, NoNames};
use rumpswitch::ofp_codec::{
    Action, Bucket, FlowMod, GroupMod, HwAddr, Instruction, OfpError, PortNo,
};

use super::Failure;
use super::args::TableFiles;
use super::personality;

/// A switch with the entries of the files, and with the ports that they or the caller name.
///
/// The files come in the order meters, groups, flow entries, so that each finds what it refers to.
pub(crate) fn load(
    files: &TableFiles,
    ports: impl IntoIterator<Item = u32>,
) -> Result<Switch, Failure> {
    let meters = read(&files.meters, text::parse_meters)?;
    let groups = read(&files.groups, |text| text::parse_groups(text, &NoNames))?;
    let flows = read(&files.flows, |text| text::parse_flows(text, &NoNames))?;

    let personality = personality::of_option(files.personality.as_deref())?;
    let mut switch = Switch::new(SwitchConfig { personality, ..SwitchConfig::default() });
    let mut numbers: BTreeSet<u32> = ports.into_iter().collect();
    numbers.extend(flows.iter().flat_map(|(_, flow)| flow_ports(flow)));
    numbers.extend(groups.iter().flat_map(|(_, group)| group_ports(group)));
    for number in numbers {
        add_port(&mut switch.tables, number)?;
    }
    let tables = &mut switch.tables;
    apply(&meters, |meter| tables.meter_mod(Nanos(0), meter))?;
    apply(&groups, |group| tables.group_mod(Nanos(0), group))?;
    apply(&flows, |flow| tables.flow_mod(Nanos(0), flow))?;
    Ok(switch)
}

fn add_port(tables: &mut Tables, number: u32) -> Result<(), Failure> {
    let config = PortConfig {
        hw_addr: HwAddr::from_u64(0x0200_0000_0000 | u64::from(number)),
        ..PortConfig::new(Port(number), &format!("p{number}"))
    };
    tables
        .port_add(Nanos(0), config)
        .map_err(|error| Failure::setup(format!("port {number}: {error:?}")))
}

/// Where a line of a file stands.
struct Place {
    file: PathBuf,
    line: usize,
}

fn read<T, E: std::fmt::Display>(
    files: &[PathBuf],
    parse: impl Fn(&str) -> Result<Vec<T>, E>,
) -> Result<Vec<(Place, T)>, Failure> {
    let mut all = Vec::new();
    for file in files {
        let text = read_text(file)?;
        let items =
            parse(&text).map_err(|error| Failure::setup(format!("{}: {error}", file.display())))?;
        // One item a line: what the switch refuses later can be shown by its line.
        let lines = text.lines().enumerate().filter(|(_, line)| {
            let line = line.split('#').next().unwrap_or_default();
            !line.trim().is_empty()
        });
        let places = lines.map(|(index, _)| Place { file: file.clone(), line: index + 1 });
        all.extend(places.zip(items));
    }
    Ok(all)
}

fn read_text(file: &Path) -> Result<String, Failure> {
    let result = match file.as_os_str() == "-" {
        true => std::io::read_to_string(std::io::stdin()),
        false => std::fs::read_to_string(file),
    };
    result.map_err(|error| Failure::setup(format!("{}: {error}", file.display())))
}

fn apply<T>(
    items: &[(Place, T)],
    mut apply: impl FnMut(&T) -> Result<(), OfpError>,
) -> Result<(), Failure> {
    for (place, item) in items {
        apply(item).map_err(|error| {
            Failure::setup(format!("{}:{}: refused: {error}", place.file.display(), place.line))
        })?;
    }
    Ok(())
}

fn flow_ports(flow: &FlowMod) -> impl Iterator<Item = u32> {
    flow.instructions.iter().flat_map(|instruction| match instruction {
        Instruction::WriteActions(actions) | Instruction::ApplyActions(actions) => {
            action_ports(actions)
        }
        _ => Vec::new(),
    })
}

fn group_ports(group: &GroupMod) -> impl Iterator<Item = u32> {
    group.buckets.iter().flat_map(|bucket: &Bucket| {
        let mut ports = action_ports(&bucket.actions);
        ports.extend(Some(bucket.watch_port.0).filter(|_| bucket.watch_port.is_ordinary()));
        ports
    })
}

fn action_ports(actions: &[Action]) -> Vec<u32> {
    let port = |action: &Action| match action {
        Action::Output { port, .. } if port.is_ordinary() || *port == PortNo::LOCAL => Some(port.0),
        _ => None,
    };
    actions.iter().filter_map(port).collect()
}
