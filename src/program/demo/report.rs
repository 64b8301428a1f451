//! What the demo shows: the network, the pings and the transfer, the flow tables in ovs-ofctl's form,
//! drop reasons, and one packet's way.

use std::time::Duration;

use rumpswitch::datapath::DropReason;
use rumpswitch::hypercall::Nanos;
use rumpswitch::ofp_codec::multipart::{FlowStats, FlowStatsRequest};
use rumpswitch::virt_host::{Endpoint, HostId, Network, Report, SwitchId, TransferState};
use serde_json::{Value, json};

use super::Demo;
use crate::program::out::say;
use crate::program::trace;

/// Says what the network is made of.
pub(super) fn print_network(network: &Network, args: &Demo) {
    say!(
        "{} switches ({:?}), {} hosts, seed {}",
        args.switches,
        args.topology,
        args.hosts,
        args.seed
    );
    for host in network.hosts() {
        let host = network.host(host);
        let addresses = host.ipv4().map(|address| address.to_string());
        let addresses = addresses.into_iter().chain(host.ipv6().map(|address| address.to_string()));
        say!("  {}: {}", host.name(), addresses.collect::<Vec<_>>().join(", "));
    }
}

/// Prints all of it.
pub(super) fn print(network: &Network, args: &Demo, report: &Report, took: Duration) {
    match args.json {
        true => say!("{:#}", as_json(network, report)),
        false => print_text(network, report, took),
    }
}

fn print_text(network: &Network, report: &Report, took: Duration) {
    say!("{}", summary(report));
    for failure in report.failures(network) {
        say!("FAILED {failure}");
    }
    for switch in network.switches() {
        say!("\n{}: ovs-ofctl -O OpenFlow13 dump-flows", network.switch_name(switch));
        for flow in flows(network, switch) {
            say!("{flow}");
        }
        for (name, count) in drops(network, switch) {
            say!(" dropped, {name}: {count}");
        }
    }
    if let Some(text) = sample_trace(network) {
        say!("\none packet's way {}", text.trim_end());
    }
    say!(
        "\n{} in {:.2} s ({:.3} s of virtual time, {} events)",
        if report.is_success() { "all well" } else { "FAILED" },
        took.as_secs_f64(),
        report.duration.as_secs_f64(),
        report.event_count
    );
}

/// The pings and the transfer in one or two lines.
pub(super) fn summary(report: &Report) -> String {
    let mut times: Vec<Duration> = report.round_trips().collect();
    times.sort();
    let mut text = format!("pings: {} of {} answered", report.answered(), report.pings.len());
    if let (Some(first), Some(median), Some(last)) =
        (times.first(), times.get(times.len() / 2), times.last())
    {
        text += &format!(", round trip {first:?} to {last:?}, median {median:?}");
    }
    if let Some(transfer) = &report.transfer {
        let outcome = match transfer.state {
            TransferState::Done => "arrived whole".to_owned(),
            state => format!("{state:?}"),
        };
        text += &format!("\nTCP: {} bytes {outcome}, {:?}", transfer.len, transfer.duration);
    }
    text
}

fn flows(network: &Network, switch: SwitchId) -> Vec<FlowStats> {
    let tables = &network.device(switch).switch().tables;
    let Ok(mut cursor) = tables.flow_stats(&FlowStatsRequest::default()) else {
        return Vec::new();
    };
    let now: Nanos = network.now();
    std::iter::from_fn(|| tables.next_flow_stats(&mut cursor, now, &mut u32::MAX.clone())).collect()
}

fn drops(network: &Network, switch: SwitchId) -> Vec<(&'static str, u64)> {
    let tables = &network.device(switch).switch().tables;
    DropReason::ALL
        .iter()
        .map(|reason| (reason.name(), tables.drop_count(*reason)))
        .filter(|(_, count)| *count > 0)
        .collect()
}

/// A ping from the first host to the last, traced through the first host's switch.
fn sample_trace(network: &Network) -> Option<String> {
    let (first, last) = (network.hosts().next()?, network.hosts().next_back()?);
    let (switch, port) = attachment(network, first)?;
    let (first, last) = (network.host(first), network.host(last));
    let hex = |mac: [u8; 6]| mac.map(|byte| format!("{byte:02x}")).join(":");
    let fields = format!(
        "in_port={port},dl_src={},dl_dst={},icmp,nw_src={},nw_dst={},icmp_type=8",
        hex(first.mac()),
        hex(last.mac()),
        first.ipv4()?,
        last.ipv4()?
    );
    let way = trace::explain(network.device(switch).switch(), &fields, network.now()).ok()?;
    Some(format!("at {}:\n{way}", network.switch_name(switch)))
}

/// The switch that a host hangs from, and its port.
fn attachment(network: &Network, host: HostId) -> Option<(SwitchId, u32)> {
    network.links().find_map(|link| match network.link_ends(link) {
        [Endpoint::Host(end), Endpoint::Switch(switch, port)]
        | [Endpoint::Switch(switch, port), Endpoint::Host(end)]
            if end == host =>
        {
            Some((switch, port))
        }
        _ => None,
    })
}

fn as_json(network: &Network, report: &Report) -> Value {
    let switches: Vec<Value> = network
        .switches()
        .map(|switch| {
            let drops: serde_json::Map<_, _> = drops(network, switch)
                .into_iter()
                .map(|(name, count)| (name.to_owned(), json!(count)))
                .collect();
            let flows = flows(network, switch);
            json!({
                "name": network.switch_name(switch),
                "flows": flows.iter().map(|flow| flow.to_string()).collect::<Vec<_>>(),
                "drops": drops,
            })
        })
        .collect();
    let transfer = report.transfer.as_ref().map(|transfer| {
        json!({
            "bytes": transfer.len,
            "complete": transfer.state == TransferState::Done,
            "seconds": transfer.duration.as_secs_f64(),
        })
    });
    json!({
        "success": report.is_success(),
        "pings_sent": report.pings.len(),
        "pings_answered": report.answered(),
        "round_trip_seconds":
            report.round_trips().map(|time| time.as_secs_f64()).collect::<Vec<_>>(),
        "transfer": transfer,
        "failures": report.failures(network),
        "virtual_seconds": report.duration.as_secs_f64(),
        "events": report.event_count,
        "switches": switches,
    })
}
