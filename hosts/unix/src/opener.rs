//! Opening ports from their specifications, for all switches of a process: all of them or none.

use std::{collections::HashMap, path::Path};

use hypercall::Port;

use crate::{
    DgramPort, Error, PacketPort, PairPort, PcapPort, PortKind, PortSpec, TapPort, pcap,
    port::PortIo,
};

/// An open port with its number and name.
pub struct OpenPort {
    /// The number: as asked for, or the lowest free one from 1 on.
    pub number: Port,
    /// The name in OpenFlow, at most 15 bytes.
    pub name: String,
    /// The specification.
    pub spec: PortSpec,
    /// The port itself.
    pub io: Box<dyn PortIo>,
}

/// Opens the ports of the switches of a process and keeps account of what is used.
///
/// ```
/// use rumpswitch_unix::{Opener, PortSpec};
///
/// let mut opener = Opener::default();
/// let specs: Vec<PortSpec> = vec!["pair:patch".parse()?, "9:pair:patch".parse()?];
/// let ports = opener.open(&specs)?;
/// opener.finish()?;
/// assert_eq!(ports.iter().map(|port| port.number.0).collect::<Vec<_>>(), [1, 9]);
/// # Ok::<(), rumpswitch_unix::Error>(())
/// ```
#[derive(Default)]
pub struct Opener {
    /// Interface, socket path or output file, and the specification that uses it.
    used: HashMap<String, String>,
    /// Ends of pairs that wait for their other end.
    lonely: HashMap<String, (PairPort, String)>,
}

impl Opener {
    /// Opens the ports of one switch. When one cannot be opened those that were are closed again.
    ///
    /// # Errors
    /// Two ports with one number or one interface, and what opening each can say.
    pub fn open(&mut self, specs: &[PortSpec]) -> Result<Vec<OpenPort>, Error> {
        let numbers = number(specs)?;
        for spec in specs {
            self.claim(spec)?;
        }
        // Files to be written replace what was there: made last, when nothing else can fail.
        for spec in specs {
            if let PortKind::Pcap { input: Some(input), .. } = &spec.kind {
                pcap::Reader::open(input)?;
            }
        }
        let is_capture = |spec: &PortSpec| matches!(spec.kind, PortKind::Pcap { .. });
        let mut ports = Vec::with_capacity(specs.len());
        for captures in [false, true] {
            for (spec, number) in specs.iter().zip(&numbers) {
                if is_capture(spec) == captures {
                    ports.push(OpenPort {
                        number: *number,
                        name: spec.name(),
                        spec: spec.clone(),
                        io: self.open_one(spec)?,
                    });
                }
            }
        }
        ports.sort_by_key(|port| port.number);
        Ok(ports)
    }

    /// Ends the opening: every pair has two ends.
    ///
    /// # Errors
    /// [`Error::LonelyPair`].
    pub fn finish(self) -> Result<(), Error> {
        match self.lonely.into_values().next() {
            Some((_, spec)) => Err(Error::LonelyPair { spec }),
            None => Ok(()),
        }
    }

    fn open_one(&mut self, spec: &PortSpec) -> Result<Box<dyn PortIo>, Error> {
        Ok(match &spec.kind {
            PortKind::Tap { interface } => Box::new(TapPort::open(interface)?),
            PortKind::Packet { interface } => Box::new(PacketPort::open(interface)?),
            PortKind::Dgram { local, remote } => Box::new(DgramPort::open(local, remote)?),
            PortKind::Pcap { input, output } => {
                Box::new(PcapPort::open(input.as_deref(), output.as_deref())?)
            }
            PortKind::Pair { name } => match self.lonely.remove(name) {
                Some((end, _)) => Box::new(end),
                None => {
                    let (end, other) = PairPort::new()?;
                    self.lonely.insert(name.clone(), (other, spec.text.clone()));
                    Box::new(end)
                }
            },
        })
    }

    /// Notes what a port uses; each thing serves one port, a pair's name two.
    fn claim(&mut self, spec: &PortSpec) -> Result<(), Error> {
        let path = |path: &Path| path.display().to_string();
        let name = match &spec.kind {
            PortKind::Tap { interface } | PortKind::Packet { interface } => {
                format!("interface {interface}")
            }
            PortKind::Dgram { local, .. } => path(local),
            PortKind::Pcap { output: Some(output), .. } => path(output),
            PortKind::Pcap { output: None, .. } => return Ok(()),
            PortKind::Pair { name } => {
                let first = format!("an end of pair {name}");
                if self.used.contains_key(&first) {
                    format!("the other end of pair {name}")
                } else {
                    first
                }
            }
        };
        let second = spec.text.clone();
        match self.used.get(&name) {
            Some(first) => Err(Error::UsedTwice { name, first: first.clone(), second }),
            None => {
                self.used.insert(name, second);
                Ok(())
            }
        }
    }
}

/// A number for each port: those that were asked for, and the lowest free ones.
fn number(specs: &[PortSpec]) -> Result<Vec<Port>, Error> {
    let mut taken: HashMap<Port, &PortSpec> = HashMap::new();
    for spec in specs {
        let Some(number) = spec.number else { continue };
        if let Some(first) = taken.insert(number, spec) {
            let (first, second) = (first.text.clone(), spec.text.clone());
            return Err(Error::DuplicateNumber { number, first, second });
        }
    }
    let mut next = 1;
    let mut numbers = Vec::with_capacity(specs.len());
    for spec in specs {
        numbers.push(match spec.number {
            Some(number) => number,
            None => {
                while taken.contains_key(&Port(next)) {
                    next += 1;
                }
                taken.insert(Port(next), spec);
                Port(next)
            }
        });
    }
    if next > 0xffff_ff00 { Err(Error::NoNumberLeft) } else { Ok(numbers) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(specs: &[&str]) -> Result<Vec<OpenPort>, String> {
        let specs: Vec<PortSpec> = specs.iter().map(|spec| spec.parse().unwrap()).collect();
        let mut opener = Opener::default();
        let ports = opener.open(&specs).map_err(|error| error.to_string())?;
        opener.finish().map_err(|error| error.to_string())?;
        Ok(ports)
    }

    fn error(specs: &[&str]) -> String {
        open(specs).map(|_| "no error".to_owned()).unwrap_or_else(|error| error)
    }

    #[test]
    fn numbers_fill_the_gaps() {
        let ports = open(&["2:pair:a", "pair:a", "pair:b", "1:pair:b"]).unwrap();
        let told: Vec<_> = ports.iter().map(|port| (port.number.0, &port.spec.text[..])).collect();
        assert_eq!(told, [(1, "1:pair:b"), (2, "2:pair:a"), (3, "pair:a"), (4, "pair:b")]);
    }

    #[test]
    fn conflicts_are_named() {
        assert_eq!(
            error(&["4:pair:a", "4:pair:a"]),
            "port '4:pair:a': number 4 is taken by '4:pair:a'"
        );
        assert_eq!(
            error(&["tap:x", "packet:x"]),
            "port 'packet:x': interface x is already used by port 'tap:x'"
        );
        assert_eq!(
            error(&["pair:a", "pair:a", "pair:a"]),
            "port 'pair:a': the other end of pair a is already used by port 'pair:a'"
        );
        assert_eq!(error(&["pair:a"]), "port 'pair:a': the other end of the pair is missing");
        assert_eq!(error(&["packet:no-such-if"]), "no-such-if: no such interface");
    }

    #[test]
    fn nothing_is_left_half_made() {
        let folder = std::env::temp_dir().join(format!("rumpswitch-opener-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = |name: &str| folder.join(name).display().to_string();
        let dgram = format!("dgram:{},{}", path("a"), path("b"));
        let output = format!("pcap:,{}", path("out.pcap"));
        let missing = format!("pcap:{}", path("missing.pcap"));
        let told = error(&[&dgram, &output, &missing]);
        assert!(told.starts_with(&path("missing.pcap")), "{told}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "no socket, no file");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
