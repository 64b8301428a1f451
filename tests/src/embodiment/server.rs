//! The other side of the driver's protocol over a switch of this process: what a driver in C does,
//! and the test of the protocol itself.

use std::io::{self, Read, Write};

use datapath::PortConfig;
use hypercall::{Nanos, Port};
use ofp_codec::{HwAddr, PortConfig as ConfigFlags, PortFeatures, PortState};
use switch_dev::{ChannelKind, DeviceError};

use super::protocol::{NO_QUEUE, OPERATIONS, Operation, Parts, VERSION, receive, send, status};
use super::{Embodiment, InProcess, PortRefused, Setup};

/// Serves one test until it is done.
///
/// # Errors
///
/// Those of the stream, and requests that make no sense.
pub fn serve(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut made = None;
    loop {
        let request = receive(stream)?;
        let mut parts = Parts(&request);
        let operation = usize::from(parts.u8()?);
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "no such operation");
        let operation = *OPERATIONS.get(operation).ok_or_else(bad)?;
        let now = Nanos(parts.u64()?);
        let (status, content) = match carry_out(operation, now, parts, &mut made)? {
            Ok(content) => (status::OK, content),
            Err(status) => (status, Vec::new()),
        };
        send(stream, &[&status.to_le_bytes()[..], &content].concat())?;
        if operation == Operation::Quit {
            return Ok(());
        }
    }
}

type Answer = Result<Vec<u8>, u32>;

fn carry_out(
    operation: Operation,
    now: Nanos,
    mut parts: Parts<'_>,
    made: &mut Option<InProcess>,
) -> io::Result<Answer> {
    match operation {
        Operation::Greet => {
            parts.u32()?;
            let abilities = super::Abilities::all().bits();
            return Ok(Ok([VERSION.to_le_bytes(), abilities.to_le_bytes()].concat()));
        }
        Operation::Make => {
            let setup = setup(&mut parts)?;
            let mut switch = InProcess::new(&setup);
            let channels = switch.max_channels() as u32;
            *made = Some(switch);
            return Ok(Ok(channels.to_le_bytes().to_vec()));
        }
        Operation::Quit => return Ok(Ok(Vec::new())),
        _ => {}
    }
    let missing = || io::Error::new(io::ErrorKind::InvalidData, "no switch was made");
    let switch = made.as_mut().ok_or_else(missing)?;
    switch.set_time(now);
    Ok(match operation {
        Operation::Open => {
            let kind = if parts.u32()? == 0 { ChannelKind::Active } else { ChannelKind::Passive };
            switch.open(kind).map(|channel| channel.to_le_bytes().to_vec()).map_err(number)
        }
        Operation::Close => {
            switch.close(parts.u64()?);
            Ok(Vec::new())
        }
        Operation::Read => {
            let channel = parts.u64()?;
            let mut buffer = vec![0; parts.u32()? as usize];
            let len = switch.read(channel, &mut buffer);
            len.map(|len| buffer[..len].to_vec()).map_err(number)
        }
        Operation::Write => {
            let taken = switch.write(parts.u64()?, parts.0);
            taken.map(|taken| (taken as u32).to_le_bytes().to_vec()).map_err(number)
        }
        Operation::Poll => {
            let channel = parts.u64()?;
            let ready = u32::from(switch.readiness(channel).bits());
            let pending = switch.pending(channel) as u32;
            Ok([ready.to_le_bytes(), pending.to_le_bytes()].concat())
        }
        Operation::PortAdd => done(switch.port_add(&port(parts)?)),
        Operation::PortChange => done(switch.port_change(&port(parts)?)),
        Operation::PortRemove => done(switch.port_remove(parts.u32()?)),
        Operation::Queues => {
            let number = parts.u32()?;
            let mut ids = Vec::new();
            while !parts.0.is_empty() {
                ids.push(parts.u32()?);
            }
            done(switch.set_queues(number, &ids))
        }
        Operation::Drops => {
            let mut content = Vec::new();
            for (reason, count) in switch.drops().unwrap_or_default() {
                content.extend(count.to_le_bytes());
                content.extend((reason.name().len() as u32).to_le_bytes());
                content.extend(reason.name().as_bytes());
            }
            Ok(content)
        }
        Operation::Frame => {
            switch.frame(parts.u32()?, parts.0);
            Ok(Vec::new())
        }
        Operation::Sent => {
            let mut content = Vec::new();
            for sent in switch.sent() {
                let queue = sent.queue.unwrap_or(NO_QUEUE);
                for word in [sent.port, queue, sent.bytes.len() as u32] {
                    content.extend(word.to_le_bytes());
                }
                content.extend(sent.bytes);
            }
            Ok(content)
        }
        Operation::Tick => {
            switch.tick();
            Ok(deadline(switch))
        }
        Operation::Deadline => Ok(deadline(switch)),
        Operation::Greet | Operation::Make | Operation::Quit => Err(status::CANNOT),
    })
}

fn deadline(switch: &mut InProcess) -> Vec<u8> {
    let deadline = switch.deadline().map_or(u64::MAX, |deadline| deadline.0);
    deadline.to_le_bytes().to_vec()
}

fn done(result: Result<(), PortRefused>) -> Answer {
    result.map(|()| Vec::new()).map_err(|PortRefused| status::BAD_PORT)
}

fn number(error: DeviceError) -> u32 {
    match error {
        DeviceError::Busy => status::BUSY,
        DeviceError::WouldBlock => status::WOULD_BLOCK,
        DeviceError::HungUp => status::HUNG_UP,
        DeviceError::BadChannel => status::BAD_CHANNEL,
        DeviceError::NoMemory => status::NO_MEMORY,
        _ => status::GONE,
    }
}

fn setup(parts: &mut Parts<'_>) -> io::Result<Setup> {
    let mut word = || parts.u32().map(|word| (word != 0).then_some(word));
    Ok(Setup {
        ports: word()?.unwrap_or(0),
        n_tables: word()?.map(|count| count as u8),
        max_entries_per_table: word()?,
        max_groups: word()?,
        max_meters: word()?,
        max_channels: word()?,
        standalone: word()?.is_some(),
    })
}

fn port(mut parts: Parts<'_>) -> io::Result<PortConfig> {
    let mut words = [0; 10];
    for word in &mut words {
        *word = parts.u32()?;
    }
    let mut hw_addr = [0; 6];
    hw_addr.copy_from_slice(parts.bytes(6)?);
    let [number, config, state, curr, advertised, supported, peer, curr_speed, max_speed, max] =
        words;
    Ok(PortConfig {
        hw_addr: HwAddr(hw_addr),
        config: ConfigFlags::from_bits_retain(config),
        state: PortState::from_bits_retain(state),
        curr: PortFeatures::from_bits_retain(curr),
        advertised: PortFeatures::from_bits_retain(advertised),
        supported: PortFeatures::from_bits_retain(supported),
        peer: PortFeatures::from_bits_retain(peer),
        curr_speed,
        max_speed,
        max_frame: max,
        ..PortConfig::new(Port(number), &String::from_utf8_lossy(parts.0))
    })
}
