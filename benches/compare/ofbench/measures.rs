//! The measures.

use std::io;
use std::time::{Duration, Instant};

use crate::channel::Channel;
use crate::figures::{Better, Figures};
use crate::messages::{self, Addresses, CONTROLLER, Command, TABLE};
use crate::process;

/// Echo requests, and packet-outs and packet-ins, of one repetition.
const PIPELINED: u32 = 30_000;
/// Round trips of one run.
const ROUND_TRIPS: u32 = 2_000;
/// How long frames that were sent may take to come back by another port.
const QUIET: Duration = Duration::from_secs(1);
/// Packet-ins that are waited for at once.
const OUTSTANDING: u32 = 64;

/// What to measure, and how often.
pub(crate) struct Settings {
    pid: Option<u32>,
    measures: Vec<String>,
    flows: Vec<u32>,
    masks: Vec<u32>,
    repeat: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        let measures = ["echo", "barrier", "flows", "packets"].map(String::from).into();
        Settings {
            pid: None,
            measures,
            flows: vec![10_000, 100_000],
            masks: vec![1, 512],
            repeat: 3,
        }
    }
}

impl Settings {
    /// Takes an option.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let number = |text: &str| {
            text.parse::<u32>().ok().filter(|number| *number > 0).ok_or(format!("{name}: {text}?"))
        };
        let list = || value.split(',').map(number).collect::<Result<Vec<u32>, String>>();
        match name {
            "--pid" => self.pid = Some(number(value)?),
            "--measure" => self.measures = value.split(',').map(String::from).collect(),
            "--flows" => self.flows = list()?,
            "--masks" => self.masks = list()?,
            "--repeat" => self.repeat = number(value)?,
            _ => return Err(format!("{name}?")),
        }
        Ok(())
    }

    /// Measures all that was asked for.
    pub(crate) fn measure(&self, channel: &mut Channel, figures: &mut Figures) -> io::Result<()> {
        wipe(channel)?;
        for measure in &self.measures {
            match &measure[..] {
                "echo" => self.echo(channel, figures)?,
                "barrier" => barrier(channel, figures)?,
                "memory" => self.memory(channel, figures)?,
                "flows" => {
                    for &count in &self.flows {
                        for &masks in &self.masks {
                            self.flows(channel, figures, count, masks)?;
                        }
                    }
                }
                "packets" => self.packets(channel, figures)?,
                _ => return Err(io::Error::other(format!("no measure is named {measure}"))),
            }
        }
        figures.finish(channel.error_count);
        Ok(())
    }

    fn echo(&self, channel: &mut Channel, figures: &mut Figures) -> io::Result<()> {
        let mut bytes = Vec::new();
        for _ in 0..ROUND_TRIPS {
            let xid = channel.xid();
            bytes.clear();
            messages::empty(&mut bytes, messages::ECHO_REQUEST, xid);
            let start = Instant::now();
            channel.send(&bytes)?;
            channel.wait(messages::ECHO_REPLY, xid)?;
            figures.add("echo round trip", "us", Better::Less, 1e6 * start.elapsed().as_secs_f64());
        }
        for _ in 0..self.repeat {
            let (mut bytes, mut last) = (Vec::new(), 0);
            for _ in 0..PIPELINED {
                last = channel.xid();
                messages::empty(&mut bytes, messages::ECHO_REQUEST, last);
            }
            let start = Instant::now();
            let sender = channel.send_beside(bytes)?;
            channel.wait(messages::ECHO_REPLY, last)?;
            figures.rate("echo pipelined", PIPELINED, start);
            sender.join().expect("all was sent");
        }
        Ok(())
    }

    fn flows(
        &self,
        channel: &mut Channel,
        figures: &mut Figures,
        count: u32,
        masks: u32,
    ) -> io::Result<()> {
        let name = |what: &str| format!("{what} {count} x {masks} masks");
        for _ in 0..self.repeat {
            for (what, command, port) in [
                ("flow-add", Command::Add, 1),
                ("flow-modify-strict", Command::ModifyStrict, 2),
                ("flow-delete-strict", Command::DeleteStrict, 2),
                ("", Command::Add, 1),
            ] {
                let bytes = flow_mods(channel, command, count, masks, port);
                let cpu = self.pid.map(process::cpu);
                let start = Instant::now();
                channel.send(&bytes)?;
                channel.barrier()?;
                if what.is_empty() {
                    continue;
                }
                figures.rate(&name(what), count, start);
                if let (Some(before), Some(pid)) = (cpu, self.pid) {
                    let each = 1e6 * (process::cpu(pid) - before) / f64::from(count);
                    figures.add(&name(&format!("cpu of {what}")), "us", Better::Less, each);
                }
            }
            let start = Instant::now();
            wipe(channel)?;
            figures.rate(&name("flow-delete-all"), count, start);
        }
        Ok(())
    }

    fn memory(&self, channel: &mut Channel, figures: &mut Figures) -> io::Result<()> {
        let Some(pid) = self.pid else { return Err(io::Error::other("memory of which --pid?")) };
        let count = self.flows.iter().copied().max().unwrap_or(1);
        let before = process::resident(pid);
        for from in (0..count).step_by(100_000) {
            let part = from..count.min(from + 100_000);
            let bytes = flow_mods_of(channel, Command::Add, part, 1, 1);
            channel.send(&bytes)?;
            channel.barrier()?;
        }
        let each = (process::resident(pid) - before) / f64::from(count);
        figures.add(&format!("memory of a flow entry, of {count}"), "B", Better::Less, each);
        wipe(channel)
    }

    fn packets(&self, channel: &mut Channel, figures: &mut Figures) -> io::Result<()> {
        let mut bytes = Vec::new();
        // Before there is a table-miss flow entry: what a port brings back is dropped.
        for (name, port) in [("packet-out, no action", None), ("packet-out to a port", Some(1))] {
            for _ in 0..self.repeat {
                bytes.clear();
                for _ in 0..PIPELINED {
                    let xid = channel.xid();
                    messages::packet_out(&mut bytes, xid, port, &messages::frame(1));
                }
                let start = Instant::now();
                channel.send(&bytes)?;
                channel.barrier()?;
                figures.rate(name, PIPELINED, start);
            }
        }
        // What ports bring back is on its way for a while.
        std::thread::sleep(QUIET);
        bytes.clear();
        let xid = channel.xid();
        messages::flow_mod(&mut bytes, xid, Command::Add, 0, None, Some(CONTROLLER));
        channel.send(&bytes)?;
        channel.barrier()?;
        for n in 0..ROUND_TRIPS {
            bytes.clear();
            let xid = channel.xid();
            messages::packet_out(&mut bytes, xid, Some(TABLE), &messages::frame(n));
            let start = Instant::now();
            channel.send(&bytes)?;
            channel.wait_for(messages::PACKET_IN)?;
            let micros = 1e6 * start.elapsed().as_secs_f64();
            figures.add("packet-out to packet-in", "us", Better::Less, micros);
        }
        for _ in 0..self.repeat {
            let (mut sent, mut heard) = (0, 0);
            let start = Instant::now();
            while heard < PIPELINED {
                bytes.clear();
                while sent < PIPELINED && sent - heard < OUTSTANDING {
                    let xid = channel.xid();
                    messages::packet_out(&mut bytes, xid, Some(TABLE), &messages::frame(sent));
                    sent += 1;
                }
                channel.send(&bytes)?;
                // Half of them are let come before more are sent.
                let enough = if sent == PIPELINED { sent } else { sent - OUTSTANDING / 2 };
                while heard < enough {
                    channel.wait_for(messages::PACKET_IN)?;
                    heard += 1;
                }
            }
            figures.rate("packet-in, 64 outstanding", PIPELINED, start);
        }
        wipe(channel)
    }
}

fn barrier(channel: &mut Channel, figures: &mut Figures) -> io::Result<()> {
    for n in 0..ROUND_TRIPS / 2 {
        let bytes = flow_mods_of(channel, Command::Add, n..n + 1, 1, 1);
        let start = Instant::now();
        channel.send(&bytes)?;
        channel.barrier()?;
        let micros = 1e6 * start.elapsed().as_secs_f64();
        figures.add("flow-mod + barrier round trip", "us", Better::Less, micros);
    }
    wipe(channel)
}

/// Deletes every flow entry.
fn wipe(channel: &mut Channel) -> io::Result<()> {
    let mut bytes = Vec::new();
    let xid = channel.xid();
    messages::flow_mod(&mut bytes, xid, Command::Delete, 0, None, None);
    channel.send(&bytes)?;
    channel.barrier()
}

fn flow_mods(
    channel: &mut Channel,
    command: Command,
    count: u32,
    masks: u32,
    port: u32,
) -> Vec<u8> {
    flow_mods_of(channel, command, 0..count, masks, port)
}

fn flow_mods_of(
    channel: &mut Channel,
    command: Command,
    numbers: std::ops::Range<u32>,
    masks: u32,
    port: u32,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(numbers.len() * 104);
    for n in numbers {
        let xid = channel.xid();
        messages::flow_mod(&mut bytes, xid, command, 100, Some(addresses(n, masks)), Some(port));
    }
    bytes
}

/// Pairs of addresses that differ in all masks: sources are spread, destinations are counted.
fn addresses(n: u32, masks: u32) -> Addresses {
    let kind = n % masks;
    let (source, destination) = match masks {
        1 => (u32::MAX, u32::MAX),
        _ => (u32::MAX << (kind % 32 / 2), u32::MAX << (kind / 32 % 32)),
    };
    [(n.wrapping_mul(0x9e37_79b1), source), (0x0b00_0000_u32.wrapping_add(n << 9), destination)]
}
