//! The command line: what the machine is to be. A word that is not understood is refused by name, for a
//! switch that quietly runs otherwise than it was told is worse than none.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::Ipv4Addr;

use crate::MAX_CONTROLLERS;

/// What the command line asks for.
///
/// ```
/// use metal_host::Setup;
///
/// let line = "dpid=0x2a port=1,52:54:00:00:00:01,uplink control=52:54:00:00:00:99,10.0.2.15/24 listen";
/// let setup = Setup::parse(line).unwrap();
/// assert_eq!((setup.datapath_id, setup.ports[0].number), (42, 1));
/// assert_eq!(setup.listen, Some(6653));
/// assert!(Setup::parse("controler=tcp:10.0.2.2").is_err());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// `dpid=`: the datapath id, decimal or with `0x`. 0 asks for one made of the first port's address.
    pub datapath_id: u64,
    /// `name=`: what people call the switch.
    pub name: String,
    /// `port=NUMBER,MAC[,NAME]`: the cards that are ports. Empty: all but the channel's, by address.
    pub ports: Vec<PortSetup>,
    /// `control=MAC,ADDRESS/PREFIX[,GATEWAY]`: the card of the OpenFlow channel.
    pub control: Option<ControlSetup>,
    /// `listen[=PORT]`: the TCP port that controllers and tools may connect to.
    pub listen: Option<u16>,
    /// `controller=tcp:ADDRESS[:PORT]`: whom the switch connects to.
    pub controllers: Vec<(Ipv4Addr, u16)>,
    /// `fail=standalone` or `fail=secure`.
    pub is_standalone: bool,
    /// `mtu=`: payload bytes of the longest frame; 0 stands for 1500.
    pub mtu: u16,
    /// `seed=`: for hashes and sequence numbers, where a run is to be repeated exactly.
    pub seed: Option<u64>,
    /// `tables=`: flow tables.
    pub tables: Option<u8>,
    /// `entries=`: flow entries in each table; by default what memory there is decides.
    pub entries: Option<u32>,
    /// `groups=`.
    pub groups: Option<u32>,
    /// `meters=`.
    pub meters: Option<u32>,
    /// `time=`: the switch's time stands there, in nanoseconds, until the console moves it; for tests. The
    /// network goes on meanwhile.
    pub time: Option<u64>,
    /// `panic`: the machine panics when it is ready; for tests of what happens then.
    pub panics: bool,
    /// `virtio_mmio.device=LEN@ADDRESS:INTERRUPT`: devices, as the machine monitor tells of them.
    pub devices: Vec<(u64, u32)>,
}

/// A card that is a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortSetup {
    /// Its number as a port.
    pub number: u32,
    /// Its Ethernet address, by which it is found.
    pub mac: [u8; 6],
    /// Its name.
    pub name: String,
}

/// The card of the OpenFlow channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlSetup {
    /// Its Ethernet address, by which it is found.
    pub mac: [u8; 6],
    /// The switch's own address.
    pub address: Ipv4Addr,
    /// Bits of the network's part.
    pub prefix: u8,
    /// Who takes what is for another network.
    pub gateway: Option<Ipv4Addr>,
}

/// A word of the command line that cannot be followed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupError(pub String);

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The port of OpenFlow.
const OPENFLOW: u16 = 6653;

impl Setup {
    /// Reads a command line.
    ///
    /// # Errors
    /// The first word that is unknown, or does not say what it should.
    pub fn parse(line: &str) -> Result<Setup, SetupError> {
        let mut setup = Setup::default();
        for word in line.split_ascii_whitespace() {
            let (key, value) = match word.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (word, None),
            };
            if setup.word(key, value).is_none() {
                return Err(SetupError(format!("{word}: not understood")));
            }
        }
        setup.check()?;
        Ok(setup)
    }

    /// Payload bytes of the longest frame.
    pub fn mtu(&self) -> usize {
        match self.mtu {
            0 => 1500,
            mtu => usize::from(mtu),
        }
    }

    fn word(&mut self, key: &str, value: Option<&str>) -> Option<()> {
        match (key, value) {
            ("dpid", Some(value)) => self.datapath_id = number(value)?,
            ("name", Some(value)) => self.name = value.to_string(),
            ("port", Some(value)) => self.ports.push(port(value)?),
            ("control", Some(value)) => self.control = Some(control(value)?),
            ("listen", None) => self.listen = Some(OPENFLOW),
            ("listen", Some(value)) => {
                self.listen = Some(value.parse().ok().filter(|port| *port != 0)?);
            }
            ("controller", Some(value)) => self.controllers.push(controller(value)?),
            ("fail", Some("standalone")) => self.is_standalone = true,
            ("fail", Some("secure")) => self.is_standalone = false,
            ("mtu", Some(value)) => {
                self.mtu = value.parse().ok().filter(|mtu| (1500..=9216).contains(mtu))?;
            }
            ("seed", Some(value)) => self.seed = Some(number(value)?),
            ("tables", Some(value)) => self.tables = Some(value.parse().ok().filter(|n| *n != 0)?),
            ("entries", Some(value)) => self.entries = Some(value.parse().ok()?),
            ("groups", Some(value)) => self.groups = Some(value.parse().ok()?),
            ("meters", Some(value)) => self.meters = Some(value.parse().ok()?),
            ("time", Some(value)) => self.time = Some(value.parse().ok()?),
            ("panic", None) => self.panics = true,
            ("virtio_mmio.device", Some(value)) => self.devices.push(device(value)?),
            _ => return None,
        }
        Some(())
    }

    /// What the words say together.
    fn check(&self) -> Result<(), SetupError> {
        let wants_channel = self.listen.is_some() || !self.controllers.is_empty();
        if wants_channel && self.control.is_none() {
            return Err(SetupError("listen and controller need control=MAC,ADDRESS/PREFIX".into()));
        }
        if self.controllers.len() > MAX_CONTROLLERS {
            return Err(SetupError(format!("more than {MAX_CONTROLLERS} controllers")));
        }
        for (at, port) in self.ports.iter().enumerate() {
            let mut others = self.ports.iter().take(at);
            if others.any(|other| other.number == port.number || other.mac == port.mac) {
                return Err(SetupError(format!("port {}: number or address twice", port.number)));
            }
            if self.control.as_ref().is_some_and(|control| control.mac == port.mac) {
                return Err(SetupError(format!("port {}: is the channel's card", port.number)));
            }
        }
        Ok(())
    }
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn mac(text: &str) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut mac {
        *byte = u8::from_str_radix(parts.next().filter(|part| part.len() == 2)?, 16).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

fn port(text: &str) -> Option<PortSetup> {
    let mut parts = text.splitn(3, ',');
    let number = parts.next()?.parse().ok().filter(|number| (1..=0xffff_ff00).contains(number))?;
    let mac = mac(parts.next()?)?;
    let name = parts.next().map_or_else(|| format!("port{number}"), ToString::to_string);
    Some(PortSetup { number, mac, name })
}

fn control(text: &str) -> Option<ControlSetup> {
    let mut parts = text.split(',');
    let mac = mac(parts.next()?)?;
    let (address, prefix) = parts.next()?.split_once('/')?;
    let gateway = parts.next().map(str::parse);
    let prefix = prefix.parse().ok().filter(|prefix| (1..=32).contains(prefix))?;
    parts.next().is_none().then_some(())?;
    Some(ControlSetup {
        mac,
        address: address.parse().ok()?,
        prefix,
        gateway: gateway.transpose().ok()?,
    })
}

fn controller(text: &str) -> Option<(Ipv4Addr, u16)> {
    let text = text.strip_prefix("tcp:")?;
    let (address, port) = match text.split_once(':') {
        Some((address, port)) => (address, port.parse().ok().filter(|port| *port != 0)?),
        None => (text, OPENFLOW),
    };
    Some((address.parse().ok()?, port))
}

/// `LEN@ADDRESS:INTERRUPT`, as Linux has it; a fourth part, a number of the device, is of no use here.
fn device(text: &str) -> Option<(u64, u32)> {
    let (_, place) = text.split_once('@')?;
    let mut parts = place.split(':');
    let address = number(parts.next()?)?;
    let interrupt = parts.next()?.parse().ok()?;
    Some((address, interrupt))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_understood() {
        let line = "dpid=7 name=s7 port=1,52:54:00:00:00:01 port=9,52:54:00:00:00:02,up \
                    control=52:54:00:00:00:99,10.0.2.15/24,10.0.2.2 listen=6633 \
                    controller=tcp:10.0.2.2 controller=tcp:10.0.2.3:1 fail=standalone mtu=9000 \
                    seed=0x10 tables=2 entries=3 groups=4 meters=5 time=6 panic virtio_mmio.device=512@0xfeb02e00:47";
        let setup = Setup::parse(line).unwrap();
        assert_eq!(setup.datapath_id, 7);
        assert_eq!(setup.ports[0].name, "port1");
        assert_eq!(setup.ports[1].mac, [0x52, 0x54, 0, 0, 0, 2]);
        assert_eq!((setup.ports[1].number, &setup.ports[1].name[..]), (9, "up"));
        let control = setup.control.as_ref().unwrap();
        assert_eq!((control.address, control.prefix), (Ipv4Addr::new(10, 0, 2, 15), 24));
        assert_eq!(control.gateway, Some(Ipv4Addr::new(10, 0, 2, 2)));
        assert_eq!(setup.controllers[0], (Ipv4Addr::new(10, 0, 2, 2), 6653));
        assert_eq!(setup.controllers[1], (Ipv4Addr::new(10, 0, 2, 3), 1));
        assert_eq!(setup.devices, [(0xfeb0_2e00, 47)]);
        assert_eq!((setup.listen, setup.mtu(), setup.seed), (Some(6633), 9000, Some(16)));
        assert!(setup.is_standalone && setup.panics);
        assert_eq!(setup.name, "s7");
        assert_eq!((setup.tables, setup.entries, setup.groups), (Some(2), Some(3), Some(4)));
        assert_eq!((setup.meters, setup.time), (Some(5), Some(6)));
    }

    #[test]
    fn what_is_not_understood_is_refused_by_name() {
        for word in [
            "controler=tcp:10.0.2.2",
            "dpid",
            "dpid=x",
            "port=0,52:54:00:00:00:01",
            "port=1,52:54:00:00:00",
            "port=1,52:54:00:00:00:01:02",
            "port=4294967295,52:54:00:00:00:01",
            "control=52:54:00:00:00:99,10.0.2.15",
            "control=52:54:00:00:00:99,10.0.2.15/33",
            "control=52:54:00:00:00:99,10.0.2.15/24,10.0.2.2,1",
            "listen=0",
            "controller=ssl:10.0.2.2",
            "fail=open",
            "mtu=100",
            "tables=0",
            "tables=256",
            "time=soon",
            "virtio_mmio.device=512",
        ] {
            let error = Setup::parse(word).unwrap_err();
            assert!(error.0.starts_with(word), "{error}");
        }
    }

    #[test]
    fn words_that_contradict_each_other_are_refused() {
        let port = "port=1,52:54:00:00:00:01";
        for line in [
            "listen".to_string(),
            "controller=tcp:10.0.2.2".to_string(),
            format!("{port} port=1,52:54:00:00:00:02"),
            format!("{port} port=2,52:54:00:00:00:01"),
            format!("{port} control=52:54:00:00:00:01,10.0.2.15/24"),
        ] {
            assert!(Setup::parse(&line).is_err(), "{line}");
        }
    }
}
