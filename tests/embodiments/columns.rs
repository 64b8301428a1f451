//! The embodiments, how each is made, and what says that one is there.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rumpswitch_tests::embodiment::{
    Abilities, Embodiment, InProcess, Remote, Setup, Unikernel, serve,
};

type Make = dyn Fn(&Setup) -> io::Result<Box<dyn Embodiment>> + Send + Sync;

/// An embodiment that is there.
pub(crate) struct Given {
    pub(crate) abilities: Abilities,
    pub(crate) make: Box<Make>,
}

/// Whether an embodiment is there.
pub(crate) enum Offer {
    Given(Given),
    /// Why not.
    Missing(String),
}

/// One embodiment.
pub(crate) struct Column {
    pub(crate) letter: char,
    pub(crate) name: &'static str,
    pub(crate) offer: Offer,
}

impl Column {
    pub(crate) fn is_given(&self) -> bool {
        matches!(self.offer, Offer::Given(_))
    }
}

/// What is tried when nobody says what.
const DEFAULT: &str = "a p b s c";

/// What rump kernels do: descriptors, cables, a LOCAL port that is always there.
const RUMP_KERNEL: Abilities = Abilities::SHARED
    .union(Abilities::EXACT)
    .union(Abilities::LINKS)
    .union(Abilities::MEMBERS)
    .union(Abilities::BULK);

/// The same on a clock that stands, whose callouts are due at its ticks.
const STAND_IN_KERNEL: Abilities = RUMP_KERNEL.union(Abilities::TIME).union(Abilities::PACE);

/// Why the embodiments of these letters cannot do a thing.
const REASONS: [(&str, Abilities, &str); 13] = [
    ("ce", Abilities::SETUP, "the component has the sizes that it has: no request sets them"),
    (
        "ce",
        Abilities::PORTS,
        "a port is an interface: its address, features and longest frame are its own",
    ),
    ("ce", Abilities::ORDER, "each interface has its own queue: between two there is no order"),
    ("ce", Abilities::DEADLINE, "callouts of the kernel do what is due, at its ticks"),
    ("ce", Abilities::BLANK, "LOCAL, the host's own interface, is always there"),
    ("ce", Abilities::QUEUES, "the component gives interfaces no queues"),
    ("e", Abilities::TIME.union(Abilities::PACE), "the kernel's clock is the machine's"),
    ("d", Abilities::EXACT, "a TCP connection is between, with a readiness of its own"),
    (
        "d",
        Abilities::PORTS,
        "a port is a card: its address, features and longest frame are its own",
    ),
    ("d", Abilities::MEMBERS, "QEMU's microvm plugs in no card while it runs"),
    ("d", Abilities::ORDER, "each card has its own ring: between two there is no order"),
    ("d", Abilities::QUEUES, "a card has one queue"),
    ("d", Abilities::PACE, "the clock is moved at the console, some ten milliseconds each time"),
];

/// Why an embodiment cannot do these things.
pub(crate) fn reasons(letter: char, lacks: Abilities) -> Vec<&'static str> {
    let given = REASONS
        .iter()
        .filter(|(letters, ability, _)| letters.contains(letter) && lacks.intersects(*ability));
    given.map(|(.., reason)| *reason).collect()
}

/// The embodiments that `EMBODIMENTS` names.
pub(crate) fn chosen() -> Vec<Column> {
    let names = std::env::var("EMBODIMENTS").unwrap_or_else(|_| DEFAULT.to_owned());
    let known = names.chars().filter(|letter| letter.is_alphabetic());
    known
        .map(|letter| match letter {
            'a' => Column { letter, name: "rust", offer: in_process() },
            'p' => Column { letter, name: "protocol", offer: served() },
            'b' => {
                Column { letter, name: "c", offer: driven(c_driver("capi"), Abilities::all(), &[]) }
            }
            's' => {
                let scattered = [("DRIVER_HEAD", "17")];
                Column {
                    letter,
                    name: "c-mbufs",
                    offer: driven(c_driver("capi"), Abilities::all(), &scattered),
                }
            }
            'c' => {
                let offer = driven(c_driver("mock"), STAND_IN_KERNEL, &[]);
                Column { letter, name: "mock-rump", offer }
            }
            'e' => Column { letter, name: "rump", offer: rump_kernel() },
            'd' => Column { letter, name: "unikernel", offer: unikernel() },
            other => panic!("there is no embodiment {other}"),
        })
        .collect()
}

/// A driver, which a process of its own runs for every switch.
fn driven(
    driver: Result<PathBuf, String>,
    abilities: Abilities,
    environment: &[(&'static str, &'static str)],
) -> Offer {
    let driver = match driver {
        Ok(driver) => driver,
        Err(why) => return Offer::Missing(why),
    };
    let environment = environment.to_vec();
    let make = move |setup: &Setup| {
        let mut command = Command::new(&driver);
        command.envs(environment.iter().copied());
        let switch = Remote::start(&mut command, setup)?;
        if switch.abilities() != abilities {
            return Err(io::Error::other("a driver of other abilities"));
        }
        Ok(Box::new(switch) as Box<dyn Embodiment>)
    };
    Offer::Given(Given { abilities, make: Box::new(make) })
}

/// Builds librumpswitch and a driver over it, where there is a C compiler.
fn c_driver(name: &str) -> Result<PathBuf, String> {
    for tool in ["cc", "make", "ld", "objcopy"] {
        let mut command = Command::new(tool);
        let found = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !found.is_ok_and(|status| status.success()) {
            return Err(format!("SKIP: {tool} is not installed"));
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project's folder");
    let build = root.join("target/embodiments");
    let library = build.join("librumpswitch.a");
    println!("building librumpswitch and its driver {name} in {}", build.display());
    make(&root.join("hosts/capi"), &[&format!("BUILD={}", build.display()), text(&library)?]);
    let driver = build.join(name);
    let variables = [format!("BUILD={}", build.display()), format!("LIB={}", library.display())];
    let [build, library] = &variables;
    make(&root.join("tests/embodiments/driver"), &[build, library, text(&driver)?]);
    Ok(driver)
}

fn text(path: &Path) -> Result<&str, String> {
    path.to_str().ok_or_else(|| "a path that is no text".to_owned())
}

/// What does not build is no reason to skip.
fn make(folder: &Path, arguments: &[&str]) {
    let mut command = Command::new("make");
    command.arg("-C").arg(folder).args(arguments).stdout(Stdio::null());
    // Cargo's own jobs are none of its business.
    command.env_remove("MAKEFLAGS").env_remove("CARGO_MAKEFLAGS");
    let status = command.status().expect("make runs");
    assert!(status.success(), "make -C {} {arguments:?}: {status}", folder.display());
}

/// (a) The value in this process.
fn in_process() -> Offer {
    let make = |setup: &Setup| Ok(Box::new(InProcess::new(setup)) as Box<dyn Embodiment>);
    Offer::Given(Given { abilities: Abilities::all(), make: Box::new(make) })
}

/// The same behind the driver's protocol, which is tested by that.
fn served() -> Offer {
    let make = |setup: &Setup| {
        let (ours, mut theirs) = UnixStream::pair()?;
        std::thread::spawn(move || serve(&mut theirs));
        Ok(Box::new(Remote::over(ours, setup)?) as Box<dyn Embodiment>)
    };
    Offer::Given(Given { abilities: Abilities::all(), make: Box::new(make) })
}

/// (e) A rump kernel, where one is given.
fn rump_kernel() -> Offer {
    if ["RUMP", "NETBSDSRC"].iter().any(|name| std::env::var_os(name).is_none()) {
        return Offer::Missing("RUMP= and NETBSDSRC= name one (hosts/rump/README.md)".to_owned());
    }
    driven(c_driver("rump"), RUMP_KERNEL, &[])
}

/// (d) The unikernel, where there is an image and QEMU.
fn unikernel() -> Offer {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the project's folder");
    let image = std::env::var_os("METAL_IMAGE").map(PathBuf::from);
    let image = image.unwrap_or_else(|| root.join("hosts/metal/target/rumpswitch-metal.elf"));
    if !image.exists() {
        return Offer::Missing("SKIP: no image; hosts/metal/build.sh builds one".to_owned());
    }
    let mut qemu = Command::new("qemu-system-x86_64");
    if qemu.arg("--version").stdout(Stdio::null()).status().is_err() {
        return Offer::Missing("SKIP: qemu-system-x86_64 is not installed".to_owned());
    }
    let make =
        move |setup: &Setup| Ok(Box::new(Unikernel::boot(&image, setup)?) as Box<dyn Embodiment>);
    Offer::Given(Given { abilities: Unikernel::ABILITIES, make: Box::new(make) })
}
