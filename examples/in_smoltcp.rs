//! A switch inside a smoltcp program: two stacks, each behind a port of a switch in the same process,
//! send each other datagrams through it. For who has a user-space stack and wants more than one wire.
//!
//! A stack's interface is a pair of queues. What the stack transmits goes into the switch as a batch; what
//! the switch transmits goes into the queue of the stack behind that port: `Ports` is the whole host.
//!
//! `cargo run --example in_smoltcp` prints:
//!
//! ```text
//! 10.0.0.2 hears "hello" from 10.0.0.1:7
//! 10.0.0.1 hears "HELLO" from 10.0.0.2:7
//! port 1: 2 frames in, 2 out
//! port 2: 2 frames in, 2 out
//! ```

use std::collections::VecDeque;
use std::error::Error;
use std::net::Ipv4Addr;

use rumpswitch::ofp_codec::{FlowModCommand::Add, text::NoNames, text::parse_flow};
use rumpswitch::{
    Batch, Frame, Hypercall, Ingress, Meta, Nanos, Port, PortConfig, Sent, Switch, SwitchConfig,
    VecFrame,
};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{self, DeviceCapabilities, Medium};
use smoltcp::socket::udp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpCidr, IpEndpoint};

fn main() -> Result<(), Box<dyn Error>> {
    let mut switch = Switch::new(SwitchConfig::default());
    for number in [1, 2] {
        switch.tables.port_add(Nanos(0), PortConfig::new(Port(number), "stack"))?;
    }
    // Every frame to where its station was heard: the switch learns by itself.
    switch.tables.flow_mod(Nanos(0), &parse_flow("actions=NORMAL", Add, &NoNames)?)?;

    let (mut stacks, mut ports) = ([Stack::new(1), Stack::new(2)], Ports::default());
    let far = IpEndpoint::new(stacks[1].address.into(), ECHO);
    stacks[0].say("hello", far);
    for millis in 0..10 {
        let now = Nanos::from_millis(millis);
        for (stack, nic) in stacks.iter_mut().zip(&mut ports.0) {
            stack.interface.poll(instant(now), nic, &mut stack.sockets);
            while let Some((text, from)) = stack.hear() {
                println!("{} hears {text:?} from {from}", stack.address);
                if text == "hello" {
                    stack.say("HELLO", from);
                }
            }
        }
        ports.carry(&mut switch, now);
    }

    for number in [1, 2] {
        if let Some(stats) = switch.tables.port_counters(Port(number), Nanos::from_millis(10)) {
            println!("port {number}: {} frames in, {} out", stats.rx_packets, stats.tx_packets);
        }
    }
    Ok(())
}

/// A stack with one UDP socket.
struct Stack {
    address: Ipv4Addr,
    interface: Interface,
    sockets: SocketSet<'static>,
    socket: SocketHandle,
}

/// The port that both stacks speak by.
const ECHO: u16 = 7;

impl Stack {
    /// The stack of 10.0.0.`number`.
    fn new(number: u8) -> Stack {
        let address = Ipv4Addr::new(10, 0, 0, number);
        let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, number]).into());
        let mut interface = Interface::new(config, &mut Nic::default(), instant(Nanos(0)));
        interface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(address.into(), 24)).expect("room for one");
        });
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 4], vec![0; 512]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(ECHO).expect("a port that is not 0");
        let mut sockets = SocketSet::new(Vec::new());
        let socket = sockets.add(socket);
        Stack { address, interface, sockets, socket }
    }

    fn say(&mut self, text: &str, to: IpEndpoint) {
        let socket: &mut udp::Socket<'_> = self.sockets.get_mut(self.socket);
        socket.send_slice(text.as_bytes(), to).expect("room for a datagram");
    }

    fn hear(&mut self) -> Option<(String, IpEndpoint)> {
        let socket: &mut udp::Socket<'_> = self.sockets.get_mut(self.socket);
        let (bytes, from) = socket.recv().ok()?;
        Some((String::from_utf8_lossy(bytes).into_owned(), from.endpoint))
    }
}

/// A stack's interface.
#[derive(Default)]
struct Nic {
    received: VecDeque<VecFrame>,
    transmitted: VecDeque<VecFrame>,
}

/// The host of the switch: port 1 and 2 have an interface each.
#[derive(Default)]
struct Ports([Nic; 2]);

impl Ports {
    /// Takes what the stacks have transmitted through the switch.
    fn carry(&mut self, switch: &mut Switch, now: Nanos) {
        let mut batch = Batch::new();
        for (nic, number) in self.0.iter_mut().zip(1..) {
            let ingress = |frame| Ingress { port: Port(number), meta: Meta::default(), frame };
            batch.extend(nic.transmitted.drain(..).map(ingress));
        }
        switch.process(self, now, &mut batch);
    }
}

impl Hypercall for Ports {
    type Frame = VecFrame;

    fn transmit(&mut self, port: Port, _: &Meta, frame: VecFrame) -> Sent {
        let nic = port.0.checked_sub(1).and_then(|at| self.0.get_mut(at as usize));
        let Some(nic) = nic else { return Sent::Dropped };
        nic.received.push_back(frame);
        Sent::Sent
    }

    fn duplicate(&mut self, frame: &VecFrame) -> Option<VecFrame> {
        Some(frame.clone())
    }

    fn allocate(&mut self, len: usize) -> Option<VecFrame> {
        Some(VecFrame::zeroed(len))
    }
}

impl phy::Device for Nic {
    type RxToken<'a> = Received;
    type TxToken<'a> = Transmit<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Transmit<'_>)> {
        let frame = self.received.pop_front()?;
        Some((Received(frame), Transmit(&mut self.transmitted)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Transmit<'_>> {
        Some(Transmit(&mut self.transmitted))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

struct Received(VecFrame);

impl phy::RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, read: F) -> R {
        read(self.0.headers())
    }
}

struct Transmit<'a>(&'a mut VecDeque<VecFrame>);

impl phy::TxToken for Transmit<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        let mut frame = VecFrame::zeroed(len);
        let result = write(frame.headers_mut());
        self.0.push_back(frame);
        result
    }
}

fn instant(now: Nanos) -> Instant {
    Instant::from_micros((now.0 / 1_000) as i64)
}
