//! `dpctl`: the few commands of it that scripts rely on. For all others there is ovs-ofctl.

use std::ffi::OsString;
use std::process::ExitCode;

use rumpswitch::ofp_codec::multipart::FlowStatsRequest;
use rumpswitch::ofp_codec::text::{self, NoNames};
use rumpswitch::ofp_codec::{
    FlowMod, FlowModCommand, GroupId, Message, MeterId, MultipartFlags, MultipartReplyBody,
    MultipartRequest, MultipartRequestBody, PortNo,
};
use rumpswitch::switchd::Target;

use super::{status, talk};
use crate::program::Failure;
use crate::program::out::say;

const USAGE: &str = "\
Usage: dpctl SWITCH COMMAND [ARGUMENT]    (the switch may also stand behind the command)

  SWITCH is unix:PATH or tcp:HOST:PORT, where ofprotocol or ofdatapath listens

  status                   whether controllers are connected (asked of ofprotocol)
  features, show           the switch and its ports
  stats-desc, port-desc, stats-port, stats-table, stats-aggr, stats-group, stats-meter
  stats-flow, dump-flows   its flow entries
  add-flow FLOW, mod-flows FLOW, del-flows [FLOW]
                           changes them; FLOW as in ovs-ofctl: in_port=1,actions=output:2

  ovs-ofctl -O OpenFlow13 COMMAND SWITCH has all others";

/// Runs it.
pub(super) fn main(arguments: &[OsString]) -> Result<Result<ExitCode, Failure>, clap::Error> {
    let words: Vec<String> =
        arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        say!("{USAGE}");
        return Ok(Ok(ExitCode::SUCCESS));
    }
    Ok(command(&words))
}

/// What is asked of which switch.
fn command(words: &[String]) -> Result<ExitCode, Failure> {
    let words = words.iter().filter(|word| !word.starts_with('-'));
    let (targets, rest): (Vec<_>, Vec<_>) =
        words.partition(|word| word.parse().is_ok_and(|target: Target| !target.is_passive()));
    let (Some(target), Some((command, arguments))) = (targets.first(), rest.split_first()) else {
        return Err(Failure::setup("dpctl: a switch and a command are needed; see dpctl --help"));
    };
    let target: Target = target.parse().map_err(Failure::setup)?;
    let argument = arguments.first().map(|word| word.as_str());
    let messages = requests(command, argument)?;
    let answers = talk::transact(&target, &messages)
        .map_err(|error| Failure::setup(format!("dpctl: {target}: {error}")))?;
    let mut is_refused = false;
    for answer in &answers {
        is_refused |= print(answer);
    }
    if command.as_str() == "status" && !answers.iter().any(|answer| status::text(answer).is_some())
    {
        return Err(Failure::failed(format!("dpctl: {target} is no ofprotocol: it has no status")));
    }
    Ok(ExitCode::from(u8::from(is_refused)))
}

/// The messages that a command consists of.
fn requests(command: &str, argument: Option<&str>) -> Result<Vec<Message>, Failure> {
    use MultipartRequestBody as Body;
    let multipart =
        |body| Message::MultipartRequest(MultipartRequest { flags: MultipartFlags::empty(), body });
    let wrong = |error| Failure::setup(format!("dpctl: {command}: {error}"));
    let parse =
        |kind| text::parse_flow(argument.unwrap_or_default(), kind, &NoNames).map_err(wrong);
    let flows = || match argument {
        None => Ok(FlowStatsRequest::default()),
        Some(text) => {
            let flow = text::parse_flow(text, FlowModCommand::Delete, &NoNames).map_err(wrong)?;
            let FlowMod { table_id, out_port, out_group, cookie, cookie_mask, matching, .. } = flow;
            Ok(FlowStatsRequest { table_id, out_port, out_group, cookie, cookie_mask, matching })
        }
    };
    Ok(match command {
        "status" => vec![status::request()],
        "features" | "show" => vec![Message::FeaturesRequest, multipart(Body::PortDesc)],
        "stats-desc" => vec![multipart(Body::Desc)],
        "port-desc" => vec![multipart(Body::PortDesc)],
        "stats-port" | "dump-ports" => vec![multipart(Body::PortStats(PortNo::ANY))],
        "stats-table" | "dump-tables" => vec![multipart(Body::Table)],
        "stats-aggr" | "dump-aggregate" => vec![multipart(Body::Aggregate(flows()?))],
        "stats-group" => vec![multipart(Body::Group(GroupId::ALL))],
        "stats-meter" => vec![multipart(Body::Meter(MeterId::ALL))],
        "stats-flow" | "dump-flows" => vec![multipart(Body::Flow(flows()?))],
        "add-flow" => vec![Message::FlowMod(parse(FlowModCommand::Add)?)],
        "mod-flows" => vec![Message::FlowMod(parse(FlowModCommand::Modify)?)],
        "del-flows" => vec![Message::FlowMod(parse(FlowModCommand::Delete)?)],
        _ => {
            return Err(Failure::setup(format!(
                "dpctl: {command} is not among the commands of this dpctl; \
                 use ovs-ofctl -O OpenFlow13 (see dpctl --help)"
            )));
        }
    })
}

/// Prints an answer; true when it is a refusal.
fn print(answer: &Message) -> bool {
    fn each<T: std::fmt::Display>(items: &[T]) {
        items.iter().for_each(|item| say!("{item}"));
    }
    match answer {
        Message::Error(error) => {
            match error.error() {
                Some(error) => say!("refused: {error}"),
                None => say!("refused: {}/{}", error.error_type, error.code),
            }
            return true;
        }
        Message::FeaturesReply(features) => say!(
            "dpid:{:016x} n_tables:{} n_buffers:{}",
            features.datapath_id,
            features.n_tables,
            features.n_buffers
        ),
        Message::MultipartReply(reply) => match &reply.body {
            MultipartReplyBody::Desc(desc) => {
                say!("manufacturer: {}\nhardware: {}", desc.mfr_desc, desc.hw_desc);
                say!("software: {}\nserial number: {}", desc.sw_desc, desc.serial_num);
                say!("datapath: {}", desc.dp_desc);
            }
            MultipartReplyBody::Flow(flows) => each(flows),
            MultipartReplyBody::Aggregate(sums) => say!("{sums}"),
            MultipartReplyBody::Table(tables) => {
                for table in tables.iter().filter(|table| table.lookup_count > 0) {
                    say!(
                        "table {}: active={}, lookup={}, matched={}",
                        table.table_id.0,
                        table.active_count,
                        table.lookup_count,
                        table.matched_count
                    );
                }
            }
            MultipartReplyBody::PortStats(ports) => each(ports),
            MultipartReplyBody::Group(groups) => each(groups),
            MultipartReplyBody::Meter(meters) => each(meters),
            MultipartReplyBody::PortDesc(ports) => each(ports),
            _ => {}
        },
        other => {
            if let Some(text) = status::text(other) {
                text.lines().for_each(|line| say!("{line}"));
            }
        }
    }
    false
}
