//! Port specifications: `[N:]KIND:NAME`, as a user writes them.

use std::{fmt, path::PathBuf, str::FromStr};

use hypercall::Port;

use crate::Error;

/// The largest number that a port may have (`OFPP_MAX`).
pub(crate) const MAX_NUMBER: u32 = 0xffff_ff00;

/// The longest name of an interface, in bytes.
const MAX_INTERFACE: usize = 15;

/// The longest name that OpenFlow has room for, in bytes.
const MAX_NAME: usize = 15;

/// What a port is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortKind {
    /// A tap interface.
    Tap {
        /// The interface.
        interface: String,
    },
    /// An existing interface.
    Packet {
        /// The interface.
        interface: String,
    },
    /// A pair of Unix datagram sockets.
    Dgram {
        /// The path to bind to.
        local: PathBuf,
        /// The path to send to.
        remote: PathBuf,
    },
    /// One end of a patch cable: the two with the same name are connected.
    Pair {
        /// The cable.
        name: String,
    },
    /// Captures.
    Pcap {
        /// The capture to read frames from.
        input: Option<PathBuf>,
        /// The capture to write frames to.
        output: Option<PathBuf>,
    },
}

/// A port as a user asks for it.
///
/// ```
/// use rumpswitch_unix::{PortKind, PortSpec};
///
/// let spec: PortSpec = "7:packet:veth0".parse()?;
/// assert_eq!(spec.number.map(|port| port.0), Some(7));
/// assert_eq!(spec.kind, PortKind::Packet { interface: "veth0".into() });
/// let error = "packet".parse::<PortSpec>().unwrap_err();
/// assert_eq!(error.to_string(), "port 'packet': expected [NUMBER:]KIND:NAME");
/// # Ok::<(), rumpswitch_unix::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortSpec {
    /// The number, when the user chose one; [`Port::LOCAL`] for `local:`.
    pub number: Option<Port>,
    /// What it is.
    pub kind: PortKind,
    /// The specification as it was written.
    pub text: String,
}

impl FromStr for PortSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<PortSpec, Error> {
        parse(text).map_err(|reason| Error::Spec { spec: text.to_owned(), reason })
    }
}

impl fmt::Display for PortSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PortSpec {
    /// The port's name in OpenFlow: at most 15 bytes.
    pub fn name(&self) -> String {
        let path = |path: &PathBuf| {
            path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
        };
        let mut name = match &self.kind {
            PortKind::Tap { interface } | PortKind::Packet { interface } => interface.clone(),
            PortKind::Dgram { local, .. } => path(local),
            PortKind::Pair { name } => name.clone(),
            PortKind::Pcap { input, output } => {
                input.as_ref().or(output.as_ref()).map(path).unwrap_or_default()
            }
        };
        while name.len() > MAX_NAME {
            name.pop();
        }
        name
    }
}

fn parse(text: &str) -> Result<PortSpec, String> {
    let mut rest = text;
    let mut number = None;
    if let Some((digits, behind)) = text.split_once(':') {
        if !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()) {
            let chosen = digits.parse().ok().filter(|n| (1..=MAX_NUMBER).contains(n));
            let Some(chosen) = chosen else {
                return Err(format!("number {digits} is not one of 1 to {MAX_NUMBER}"));
            };
            number = Some(Port(chosen));
            rest = behind;
        }
    }
    let Some((kind, name)) = rest.split_once(':') else {
        return Err("expected [NUMBER:]KIND:NAME".to_owned());
    };
    let kind = match kind {
        "tap" => PortKind::Tap { interface: interface(name)? },
        "packet" => PortKind::Packet { interface: interface(name)? },
        "local" if number.is_some() => return Err("LOCAL has a number of its own".to_owned()),
        "local" => {
            number = Some(Port::LOCAL);
            PortKind::Tap { interface: interface(name)? }
        }
        "dgram" => match name.split_once(',') {
            Some((local, remote)) if !local.is_empty() && !remote.is_empty() => {
                PortKind::Dgram { local: local.into(), remote: remote.into() }
            }
            _ => return Err("expected dgram:LOCAL_PATH,REMOTE_PATH".to_owned()),
        },
        "pair" if name.is_empty() => return Err("the pair has no name".to_owned()),
        "pair" => PortKind::Pair { name: name.to_owned() },
        "pcap" => {
            let (input, output) = name.split_once(',').unwrap_or((name, ""));
            let path = |path: &str| (!path.is_empty()).then(|| PathBuf::from(path));
            match (path(input), path(output)) {
                (None, None) => return Err("expected pcap:IN[,OUT] or pcap:,OUT".to_owned()),
                (input, output) => PortKind::Pcap { input, output },
            }
        }
        _ => {
            return Err(format!(
                "unknown kind '{kind}' (known: tap, packet, dgram, pair, pcap, local)"
            ));
        }
    };
    Ok(PortSpec { number, kind, text: text.to_owned() })
}

fn interface(name: &str) -> Result<String, String> {
    let is_odd = |c: char| c == '/' || c == ':' || c == '%' || c.is_whitespace() || c == '\0';
    match name {
        "" => Err("the interface has no name".to_owned()),
        "." | ".." => Err(format!("'{name}' is not the name of an interface")),
        _ if name.contains(is_odd) => Err(format!("'{name}' is not the name of an interface")),
        _ if name.len() > MAX_INTERFACE => {
            Err(format!("'{name}' is longer than the {MAX_INTERFACE} bytes of an interface's name"))
        }
        _ => Ok(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        text.parse::<PortSpec>().unwrap_err().to_string()
    }

    #[test]
    fn every_kind() {
        let spec: PortSpec = "local:br0".parse().unwrap();
        assert_eq!((spec.number, spec.name()), (Some(Port::LOCAL), "br0".to_owned()));
        let spec: PortSpec = "dgram:/tmp/a.sock,/tmp/b.sock".parse().unwrap();
        assert_eq!((spec.number, spec.name()), (None, "a".to_owned()));
        let spec: PortSpec = "4294967040:pcap:,/tmp/a-very-long-name.pcap".parse().unwrap();
        assert_eq!(spec.number, Some(Port(0xffff_ff00)));
        assert_eq!(spec.name(), "a-very-long-nam");
        let PortKind::Pcap { input: None, output: Some(_) } = spec.kind else { panic!() };
        let spec: PortSpec = "3:pair:x:y".parse().unwrap();
        assert_eq!(spec.kind, PortKind::Pair { name: "x:y".into() });
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(reason("tun:x").contains("unknown kind 'tun' (known: tap"));
        assert!(reason("0:tap:x").contains("number 0 is not one of 1 to 4294967040"));
        assert!(reason("4294967041:tap:x").contains("number 4294967041"));
        assert!(reason("99999999999999:tap:x").contains("number 99999999999999"));
        assert!(reason("1:local:x").contains("LOCAL has a number of its own"));
        assert!(reason("tap:").contains("no name"));
        assert!(reason("tap:a/b").contains("'a/b' is not the name"));
        assert!(reason("packet:sixteen-letters-").contains("longer than the 15 bytes"));
        assert!(reason("dgram:/a").contains("dgram:LOCAL_PATH,REMOTE_PATH"));
        assert!(reason("pcap:,").contains("pcap:IN[,OUT]"));
        assert!(reason("5:").contains("expected [NUMBER:]KIND:NAME"));
    }
}
