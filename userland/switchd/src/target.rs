//! Where a switch and its controllers meet, written as Open vSwitch's users write it:
//! `tcp:HOST[:PORT]` and `unix:PATH` connect, `ptcp:[PORT][:HOST]` and `punix:PATH` listen. With `,aux=N`
//! behind it one that connects does so again, N times, for auxiliary connections (§6.3.5).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// OpenFlow's port at IANA.
pub const DEFAULT_PORT: u16 = 6653;

/// One place to meet.
///
/// ```
/// use rumpswitch_switchd::Target;
///
/// let listen: Target = "ptcp:6653".parse().unwrap();
/// assert_eq!(listen.to_string(), "ptcp:6653:127.0.0.1");
/// assert!("ssl:controller:6653".parse::<Target>().is_err(), "never plaintext in its place");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Connect to a TCP port. A name is resolved at each try.
    Tcp {
        /// An address or a name.
        host: String,
        /// The port.
        port: u16,
    },
    /// Connect to a Unix stream socket.
    Unix(PathBuf),
    /// Connect, and once that is up connect again for auxiliary connections.
    Auxiliaries {
        /// Where to, for the main connection and for the others.
        main: Box<Target>,
        /// How many others, with the ids from 1 on.
        count: u8,
    },
    /// Listen on a TCP port: on loopback unless an address was named. Port 0 takes a free one.
    PassiveTcp(SocketAddr),
    /// Listen on a Unix stream socket.
    PassiveUnix(PathBuf),
}

/// A target that cannot be understood, in one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetError(String);

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TargetError {}

impl Target {
    /// Whether the switch waits for others to connect.
    pub fn is_passive(&self) -> bool {
        matches!(self, Target::PassiveTcp(_) | Target::PassiveUnix(_))
    }

    /// The target for the `index`th of several switches: a TCP port counts up (a free one stays
    /// free), `%d` in a path becomes the index.
    ///
    /// # Errors
    /// A listening path without `%d` serves one switch only; ports end at 65535.
    pub fn for_switch(&self, index: u16) -> Result<Target, TargetError> {
        let path_for = |path: &Path| {
            let text = path.to_string_lossy();
            if index > 0 && !text.contains("%d") {
                return Err(TargetError(format!(
                    "{self}: several switches cannot share one path; write %d where the number goes"
                )));
            }
            Ok(PathBuf::from(text.replace("%d", &index.to_string())))
        };
        Ok(match self {
            Target::PassiveTcp(address) if address.port() != 0 => {
                let port = address.port().checked_add(index).ok_or_else(|| {
                    TargetError(format!("{self}: no port is left for switch {index}"))
                })?;
                Target::PassiveTcp(SocketAddr::new(address.ip(), port))
            }
            Target::PassiveUnix(path) => Target::PassiveUnix(path_for(path)?),
            Target::Unix(path) if path.to_string_lossy().contains("%d") => {
                Target::Unix(path_for(path)?)
            }
            Target::Auxiliaries { main, count } => {
                Target::Auxiliaries { main: Box::new(main.for_switch(index)?), count: *count }
            }
            other => other.clone(),
        })
    }

    /// The addresses behind a [`Target::Tcp`], in the resolver's order.
    pub(crate) fn resolve(host: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        match host.parse::<IpAddr>() {
            Ok(ip) => Ok(vec![SocketAddr::new(ip, port)]),
            Err(_) => Ok((host, port).to_socket_addrs()?.collect()),
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Target, TargetError> {
        let wrong = |why: &str| TargetError(format!("{text}: {why}"));
        if let Some((main, count)) = text.rsplit_once(",aux=") {
            let count = count.parse().map_err(|_| wrong("aux= wants a number up to 255"))?;
            let main: Target = main.parse()?;
            if main.is_passive() || matches!(main, Target::Auxiliaries { .. }) {
                return Err(wrong("aux= belongs behind tcp:HOST:PORT or unix:PATH, once"));
            }
            return Ok(match count {
                0 => main,
                count => Target::Auxiliaries { main: Box::new(main), count },
            });
        }
        let (kind, rest) = text.split_once(':').ok_or_else(|| {
            wrong("a target is tcp:HOST:PORT, unix:PATH, ptcp:PORT[:HOST] or punix:PATH")
        })?;
        match kind {
            "tcp" => {
                let (host, port) = split_host(rest).ok_or_else(|| wrong("no host after tcp:"))?;
                let port = port.map_or(Ok(DEFAULT_PORT), parse_port).map_err(|why| wrong(&why))?;
                if host.is_empty() || port == 0 {
                    return Err(wrong("tcp: wants a host and a port other than 0"));
                }
                Ok(Target::Tcp { host: host.to_owned(), port })
            }
            "ptcp" => {
                let (port, host) = match rest.split_once(':') {
                    Some((port, host)) => (port, Some(host)),
                    None => (rest, None),
                };
                let port = match port {
                    "" => DEFAULT_PORT,
                    port => parse_port(port).map_err(|why| wrong(&why))?,
                };
                let ip = match host {
                    None => IpAddr::V4(Ipv4Addr::LOCALHOST),
                    Some(host) => host
                        .trim_start_matches('[')
                        .trim_end_matches(']')
                        .parse()
                        .map_err(|_| wrong("the address to listen on is not an IP address"))?,
                };
                Ok(Target::PassiveTcp(SocketAddr::new(ip, port)))
            }
            "unix" | "punix" if rest.is_empty() => Err(wrong("no path")),
            "unix" => Ok(Target::Unix(rest.into())),
            "punix" => Ok(Target::PassiveUnix(rest.into())),
            "ssl" | "pssl" | "tls" => {
                Err(wrong("TLS is not built in yet, and plain TCP will not stand in for it"))
            }
            _ => Err(wrong("unknown kind of target; tcp, unix, ptcp and punix are known")),
        }
    }
}

/// Splits `host[:port]`, where an IPv6 host stands in brackets.
fn split_host(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return Some((host, after.strip_prefix(':')));
    }
    match text.split_once(':') {
        Some((host, port)) => Some((host, Some(port))),
        None => Some((text, None)),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("\"{text}\" is not a port number"))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Tcp { host, port } if host.contains(':') => write!(f, "tcp:[{host}]:{port}"),
            Target::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
            Target::Unix(path) => write!(f, "unix:{}", path.display()),
            Target::Auxiliaries { main, count } => write!(f, "{main},aux={count}"),
            Target::PassiveTcp(address @ SocketAddr::V4(_)) => {
                write!(f, "ptcp:{}:{}", address.port(), address.ip())
            }
            Target::PassiveTcp(address) => write!(f, "ptcp:{}:[{}]", address.port(), address.ip()),
            Target::PassiveUnix(path) => write!(f, "punix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_what_it_prints() {
        for text in [
            "tcp:10.0.0.1:6633",
            "tcp:[::1]:6653",
            "tcp:controller.example:1",
            "unix:/run/c.sock",
            "tcp:10.0.0.1:6633,aux=2",
            "unix:/run/c,s.sock,aux=255",
            "ptcp:6653:127.0.0.1",
            "ptcp:0:[::1]",
            "punix:/run/s%d.mgmt",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        assert_eq!("tcp:h".parse::<Target>().unwrap().to_string(), "tcp:h:6653");
        assert_eq!("ptcp:".parse::<Target>().unwrap().to_string(), "ptcp:6653:127.0.0.1");
    }

    #[test]
    fn says_what_is_wrong() {
        for (text, why) in [
            ("6653", "a target is"),
            ("tcp:h:x", "\"x\" is not a port"),
            ("tcp:h:0", "other than 0"),
            ("tcp::5", "wants a host"),
            ("ptcp:1:name", "not an IP address"),
            ("unix:", "no path"),
            ("tcp:h:1,aux=256", "up to 255"),
            ("tcp:h:1,aux=1,aux=1", "once"),
            ("ptcp:1,aux=1", "belongs behind"),
            ("pssl:6653", "TLS"),
            ("udp:h:1", "unknown kind"),
        ] {
            let error = text.parse::<Target>().unwrap_err().to_string();
            assert!(error.starts_with(text) && error.contains(why), "{error}");
        }
    }

    #[test]
    fn counts_up_for_several_switches() {
        let port: Target = "ptcp:7000".parse().unwrap();
        assert_eq!(port.for_switch(2).unwrap().to_string(), "ptcp:7002:127.0.0.1");
        let path: Target = "punix:/tmp/s%d".parse().unwrap();
        assert_eq!(path.for_switch(1).unwrap().to_string(), "punix:/tmp/s1");
        let aux: Target = "unix:/tmp/s%d,aux=2".parse().unwrap();
        assert_eq!(aux.for_switch(1).unwrap().to_string(), "unix:/tmp/s1,aux=2");
        assert_eq!("tcp:h:1,aux=0".parse(), "tcp:h:1".parse::<Target>());
        assert!("punix:/tmp/s".parse::<Target>().unwrap().for_switch(1).is_err());
        assert!("ptcp:65535".parse::<Target>().unwrap().for_switch(1).is_err());
    }
}
