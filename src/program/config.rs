//! The configuration file of `rumpswitch run`: one `[[switch]]` table for each switch.
//!
//! ```toml
//! [[switch]]
//! name = "s1"                            # shown in dp_desc
//! datapath-id = "00000000000000a1"
//! ports = ["1:packet:veth0", "2:tap:tap0"]
//! controllers = ["tcp:127.0.0.1:6653"]
//! listen = ["ptcp:6654"]
//! fail-mode = "standalone"               # or "secure"
//! rates = ["2=10M"]                      # what port 2 sends at most
//! queues = ["2:1:min=10%,max=50%"]       # its queue 1, and shares of that rate
//! personality = "ovs"                    # what it looks like: a preset, or a file beside this one
//! eviction = "timed"                     # what an entry does that finds no room; or "any", "refuse"
//! vacancy = "20,50"                      # say when a table's room falls to 20 %, and is 50 % again
//! workers = 2                            # threads that forward
//! ```
//!
//! Everything that is wrong is told at once, each with its line.

use std::collections::HashMap;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use clap::ValueEnum;
use rumpswitch::datapath::{Eviction, FullnessError, Personality, Vacancy};
use rumpswitch::hypercall::Port;
use rumpswitch::switchd::Target;
use rumpswitch::unix_host::{self, PortSpec, QueueSpec, RateSpec};
use toml::Spanned;
use toml::de::DeValue;

use super::Failure;
use super::args::{FailMode, parse_datapath_id};
use super::personality;
use super::toml_reader::{Reader, Wrong, read_file};

/// One switch to be run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SwitchSettings {
    pub(crate) name: Option<String>,
    pub(crate) datapath_id: Option<u64>,
    pub(crate) ports: Vec<PortSpec>,
    pub(crate) controllers: Vec<Target>,
    pub(crate) listen: Vec<Target>,
    pub(crate) fail_mode: FailMode,
    pub(crate) rates: Vec<RateSpec>,
    pub(crate) queues: Vec<QueueSpec>,
    pub(crate) personality: Option<Arc<Personality>>,
    pub(crate) eviction: Eviction,
    pub(crate) vacancy: Option<Vacancy>,
    /// Threads that forward; none given is one.
    pub(crate) workers: Option<u16>,
}

/// Reads the switches of a file.
pub(crate) fn read(path: &Path) -> Result<Vec<SwitchSettings>, Failure> {
    let folder = path.parent().unwrap_or(Path::new(""));
    read_file(path, |text| parse(text, folder))
}

fn parse(text: &str, folder: &Path) -> Result<Vec<SwitchSettings>, Vec<Wrong>> {
    let (mut reader, root) = Reader::new(text, folder);
    let mut switches = Vec::new();
    for (key, value) in root.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("switch", DeValue::Array(tables)) => {
                switches.extend(tables.iter().map(|table| reader.switch(table)));
            }
            ("switch", DeValue::Table(_)) => switches.push(reader.switch(value)),
            ("switch", _) => reader.wrong(value.span(), "switch is a table: [[switch]]"),
            (other, _) => reader.wrong(key.span(), format!("unknown key {other}")),
        }
    }
    if switches.is_empty() && reader.is_well() {
        reader.wrong(0..0, "no [[switch]]");
    }
    reader.finish(switches)
}

impl Reader<'_> {
    fn switch(&mut self, value: &Spanned<DeValue<'_>>) -> SwitchSettings {
        let mut settings = SwitchSettings::default();
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong(value.span(), "switch is a table: [[switch]]");
            return settings;
        };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "name" => settings.name = self.text(value).map(str::to_owned),
                "datapath-id" => {
                    settings.datapath_id = self.parsed(value, parse_datapath_id);
                }
                "ports" => settings.ports = self.ports(value),
                "controllers" => settings.controllers = self.list(value, parse_controller),
                "listen" => settings.listen = self.list(value, parse_listen),
                "fail-mode" => {
                    settings.fail_mode = self.parsed(value, parse_fail_mode).unwrap_or_default();
                }
                "rates" => settings.rates = self.list(value, parse_shape),
                "personality" => settings.personality = self.personality(value),
                "queues" => settings.queues = self.list(value, parse_shape),
                "eviction" => {
                    settings.eviction = self.parsed(value, parse_fullness).unwrap_or_default();
                }
                "vacancy" => settings.vacancy = self.parsed(value, parse_fullness),
                "workers" => settings.workers = self.workers(value),
                other => self.wrong(key.span(), format!("unknown key {other}")),
            }
        }
        if settings.ports.is_empty() && !table.contains_key("ports") {
            self.wrong(value.span(), "a switch without ports");
        }
        settings
    }

    fn workers(&mut self, value: &Spanned<DeValue<'_>>) -> Option<u16> {
        let number = match value.get_ref() {
            DeValue::Integer(number) => u16::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        let workers = number.filter(|number| (1..=64).contains(number));
        if workers.is_none() {
            self.wrong(value.span(), "workers is a number from 1 to 64");
        }
        workers
    }

    /// A preset, or a file beside this one; what is wrong in that file is told with its own lines.
    fn personality(&mut self, value: &Spanned<DeValue<'_>>) -> Option<Arc<Personality>> {
        let name = self.text(value)?;
        match personality::find(name, self.folder()) {
            Ok(personality) => Some(personality),
            Err(failure) => {
                failure.lines().iter().for_each(|line| self.wrong(value.span(), line));
                None
            }
        }
    }

    /// The ports of one switch; two with one number are told here, where the lines are known.
    fn ports(&mut self, value: &Spanned<DeValue<'_>>) -> Vec<PortSpec> {
        let mut taken: HashMap<Port, String> = HashMap::new();
        self.list(value, |text| {
            let spec: PortSpec =
                text.parse().map_err(|error: unix_host::Error| error.to_string())?;
            let first = spec.number.and_then(|port| taken.insert(port, text.into()));
            match (first, spec.number) {
                (Some(first), Some(number)) => {
                    Err(format!("port '{text}': number {number} is taken by '{first}'"))
                }
                _ => Ok(spec),
            }
        })
    }
}

fn parse_controller(text: &str) -> Result<Target, String> {
    let target: Target = text.parse().map_err(|error| format!("{error}"))?;
    match target.is_passive() {
        false => Ok(target),
        true => Err(format!("{text}: a place to listen belongs under listen")),
    }
}

fn parse_listen(text: &str) -> Result<Target, String> {
    let target: Target = text.parse().map_err(|error| format!("{error}"))?;
    match target.is_passive() {
        true => Ok(target),
        false => Err(format!("{text}: a controller to connect to belongs under controllers")),
    }
}

fn parse_shape<T: FromStr<Err = unix_host::Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: unix_host::Error| error.to_string())
}

fn parse_fullness<T: FromStr<Err = FullnessError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: FullnessError| error.to_string())
}

fn parse_fail_mode(text: &str) -> Result<FailMode, String> {
    FailMode::from_str(text, false)
        .map_err(|_| format!("\"{text}\" is no fail mode: secure or standalone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_several_switches() {
        let text = r#"
            [[switch]]
            name = "s1"
            datapath-id = "a1"
            ports = ["1:packet:veth0", "tap:t0"]
            controllers = ["tcp:127.0.0.1"]
            fail-mode = "standalone"
            rates = ["1=10M"]
            queues = ["1:7:max=50%"]
            eviction = "timed"
            vacancy = "20,50"
            workers = 2
            [[switch]]
            ports = []
            listen = ["ptcp:0"]
        "#;
        let switches = parse(text, Path::new("")).unwrap();
        assert_eq!(switches.len(), 2);
        assert_eq!(switches[0].datapath_id, Some(0xa1));
        let ports: Vec<_> = switches[0].ports.iter().map(|spec| &spec.text[..]).collect();
        assert_eq!(ports, ["1:packet:veth0", "tap:t0"]);
        assert_eq!(switches[0].fail_mode, FailMode::Standalone);
        assert_eq!((switches[0].rates[0].kbps, switches[0].queues[0].queue.id), (10_000, 7));
        assert_eq!(switches[0].eviction, Eviction::Timed);
        assert_eq!(switches[0].vacancy, Some(Vacancy { down: 20, up: 50 }));
        assert_eq!((switches[1].eviction, switches[1].vacancy), (Eviction::Refuse, None));
        assert_eq!((switches[0].workers, switches[1].workers), (Some(2), None));
        assert_eq!(switches[1].listen[0].to_string(), "ptcp:0:127.0.0.1");
    }

    #[test]
    fn tells_everything_that_is_wrong_with_its_line() {
        let text = "[[switch]]\nports = [1]\ndatapath-id = \"zz\"\ncontrollers = [\"ptcp:1\"]\n\
                    colour = 1\nworkers = 0\n[[switch]]\nname = \"x\"\n[other]\n";
        let wrongs = parse(text, Path::new("")).unwrap_err();
        let lines: Vec<usize> = wrongs.iter().map(|wrong| wrong.line).collect();
        for line in [2, 3, 4, 5, 6, 7, 9] {
            assert!(lines.contains(&line), "nothing about line {line}: {wrongs:?}");
        }
        assert_eq!(lines.len(), 7, "{wrongs:?}");
        assert_eq!(parse("", Path::new("")).unwrap_err()[0].what, "no [[switch]]");
        assert_eq!(parse("x = = 1\n", Path::new("")).unwrap_err()[0].line, 1);
    }
}
