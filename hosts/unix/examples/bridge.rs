//! A learning switch on the ports that are named, until Ctrl-C:
//! `cargo run --example bridge -- packet:veth0 packet:veth1 local:br0`.

use datapath::{Switch, SwitchConfig};
use rumpswitch_unix::{Error, EventLoop, Opener, PortSpec, UnixHost, clock};
use switch_dev::{Device, DeviceConfig, FailMode};

fn run() -> Result<(), Error> {
    let specs = std::env::args().skip(1).map(|spec| spec.parse()).collect::<Result<Vec<_>, _>>()?;
    let specs: Vec<PortSpec> = specs;
    let mut opener = Opener::default();
    let host = UnixHost::new(opener.open(&specs)?);
    opener.finish()?;
    for (number, name, info) in host.ports() {
        println!("port {number} {name}: link {}", if info.link { "up" } else { "down" });
    }

    let mut switch = Switch::new(SwitchConfig { datapath_id: 1, ..SwitchConfig::default() });
    if let Err(error) = host.attach(clock::now(), &mut switch.tables) {
        println!("a port was refused: {error}");
    }
    let mut device = Device::new(DeviceConfig::default(), switch);
    device.set_fail_mode(FailMode::Standalone);

    let mut event_loop = EventLoop::new()?;
    event_loop.report_to(|report| println!("{report}"));
    event_loop.add("bridge", device, host, &[])?;
    event_loop.run()?;
    for (_, _, host, _) in event_loop.switches() {
        let ports: Vec<_> =
            host.ports().map(|(number, name, _)| (number, name.to_owned())).collect();
        for (number, name) in ports {
            println!("{name}: {:?}", host.counters(number));
        }
    }
    Ok(())
}

fn main() {
    if let Err(error) = run() {
        eprintln!("bridge: {error}");
        std::process::exit(2);
    }
}
