//! ofbench: a controller that measures the control path of any OpenFlow 1.3 switch, so that two of them
//! can be told apart by one client. Standard library only.
//!
//! `ofbench LISTEN [--pid PID] [--measure WHAT,..] [--flows N,..] [--masks N,..] [--repeat N]` waits at
//! LISTEN (such as 127.0.0.1:6653) for the switch to connect, measures, and prints a line for each
//! figure: name, unit, whether more is better, minimum and median of the repetitions.
//! `ofbench --ratios PEER.. -- OURS..` reads such lines from files and prints both sides with their
//! ratios; with `--json FILE` it writes them there, too. `compare/control.sh` does all of it.
//!
//! | measure | what |
//! | --- | --- |
//! | `echo` | round trip of an echo request; echoes a second, pipelined |
//! | `barrier` | round trip of one flow-mod and a barrier |
//! | `flows` | N flow-mods of IPv4 addresses and a barrier: added, modified strictly, deleted strictly, added again and deleted all at once |
//! | `memory` | resident memory of process PID for each of the entries, the largest N, a switch that has had none before |
//! | `packets` | packet-outs a second; from a packet-out to the table to its packet-in, alone and 64 at a time |

mod channel;
mod figures;
mod measures;
mod messages;
mod process;

use std::net::TcpListener;
use std::process::ExitCode;

use channel::Channel;
use figures::Figures;
use measures::Settings;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("ofbench: {why}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    if arguments.first().is_some_and(|first| first == "--ratios") {
        return ratios(&arguments[1..]);
    }
    let Some(address) = arguments.first().filter(|first| !first.starts_with('-')) else {
        return Err("usage: ofbench LISTEN [--pid PID] [--measure WHAT,..] [--flows N,..] \
                    [--masks N,..] [--repeat N] | ofbench --ratios PEER.. -- OURS.. [--json FILE]"
            .into());
    };
    let mut settings = Settings::default();
    for pair in arguments[1..].chunks(2) {
        let [name, value] = pair else { return Err(format!("{} wants a value", pair[0])) };
        settings.set(name, value)?;
    }
    let listener = TcpListener::bind(address).map_err(|error| format!("{address}: {error}"))?;
    let (socket, _) = listener.accept().map_err(|error| format!("{address}: {error}"))?;
    let mut channel = Channel::open(socket).map_err(|error| format!("the channel: {error}"))?;
    let mut figures = Figures::default();
    let measured = settings.measure(&mut channel, &mut figures);
    measured.map_err(|error| format!("the channel: {error}"))
}

fn ratios(arguments: &[String]) -> Result<(), String> {
    let (mut sides, mut side) = ([Figures::default(), Figures::default()], 0);
    let (mut json, mut rest) = (None, arguments.iter());
    while let Some(argument) = rest.next() {
        match &argument[..] {
            "--" => side = 1,
            "--json" => json = rest.next(),
            file => {
                let text = std::fs::read_to_string(file);
                sides[side].read(&text.map_err(|error| format!("{file}: {error}"))?);
            }
        }
    }
    let [peer, ours] = sides;
    print!("{}", figures::table(&peer, &ours));
    match json {
        Some(file) => std::fs::write(file, figures::json(&peer, &ours))
            .map_err(|error| format!("{file}: {error}")),
        None => Ok(()),
    }
}
