//! The unikernel: the machine beneath `metal_host`. It boots, reads its command line, finds its network
//! cards, and runs turns until it is told to power off; it halts when there is nothing to do.
//!
//! One processor, no interrupts while anything runs, one thing after the other: see `machine.rs` for why
//! that makes it sound.
#![no_std]
#![no_main]

extern crate alloc;

mod boot;
mod clock;
mod console;
mod dma;
mod heap;
mod machine;
mod memory;
mod start_info;
mod traps;
mod unpack;
mod virtio_nic;

use alloc::vec::Vec;
use core::fmt;
use core::panic::PanicInfo;
use core::ptr::NonNull;

use clock::Clock;
use console::{Console, line};
use hypercall::Nanos;
use machine::Exit;
use metal_host::{Nic, Setup, Unikernel};
use start_info::StartInfo;
use virtio_drivers::transport::mmio::{MmioTransport, VirtIOHeader};
use virtio_drivers::transport::{DeviceType, Transport};
use virtio_nic::{RING, VirtioNic};

/// Where QEMU's microvm has its devices when the command line does not say: how many, how far apart, and
/// the interrupt of the first.
const DEVICES: usize = 0xfeb0_0000;
const DEVICE_COUNT: usize = 24;
const DEVICE_LEN: usize = 512;
const FIRST_INTERRUPT: u32 = 24;

/// The longest halt: whatever may be wrong with interrupts, the machine looks after its devices then.
const LONGEST_HALT: u64 = Nanos::PER_SECOND;

/// Turns with work between two looks at the console.
const CONSOLE_TURNS: u32 = 256;

/// The first Rust code, called by `boot.rs`.
#[unsafe(no_mangle)]
extern "C" fn metal_start(start_info: usize) -> ! {
    machine::start_interrupts();
    machine::start_serial();
    // SAFETY: it is what the first instruction got, and low memory is mapped until below.
    let Some(info) = (unsafe { StartInfo::read(start_info) }) else {
        refuse(format_args!("no start information of PVH, version 1"));
    };
    // SAFETY: as above. The range is behind the image, and nobody has used it yet.
    let memory = unsafe { info.memory().filter(|(address, len)| heap::claim(*address, *len)) };
    let Some((_, memory)) = memory else {
        refuse(format_args!("no memory behind the image"));
    };
    // SAFETY: as above.
    let command_line = unsafe { info.command_line() };
    machine::forget_low_memory();
    traps::install();
    run(&command_line, memory)
}

fn run(command_line: &str, memory: usize) -> ! {
    let clock = Clock::start();
    let setup = Setup::parse(command_line).unwrap_or_else(|error| refuse(format_args!("{error}")));
    let nics = find_nics(&setup);
    let found = nics.len();
    let seed = setup.seed.or_else(machine::random).unwrap_or_else(jitter);
    let made = Unikernel::new(&setup, nics, seed, memory as u64, RING, clock.now());
    let mut unikernel = made.unwrap_or_else(|error| refuse(format_args!("{error}")));
    for (port, [a, b, c, d, e, f], is_up) in unikernel.ports().list() {
        let link = if is_up { "up" } else { "down" };
        line(format_args!("port {port}: {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}, {link}"));
    }
    line(format_args!(
        "ready: datapath {:#018x}, {} ports, {found} cards, {} MiB",
        unikernel.device().switch().tables.config().datapath_id,
        unikernel.ports().count(),
        memory >> 20,
    ));
    if setup.panics {
        panic!("the command line asks for it");
    }
    turns(&mut unikernel, clock)
}

/// The rest of the machine's life.
fn turns(unikernel: &mut Unikernel<VirtioNic>, clock: Clock) -> ! {
    let mut console = Console::default();
    let mut since_console = 0u32;
    loop {
        let has_worked = unikernel.turn(&mut || clock.now(), &mut |text| line(text));
        since_console += 1;
        if has_worked && since_console < CONSOLE_TURNS {
            continue;
        }
        since_console = 0;
        console.read(|word| obey(word, unikernel, clock.now()));
        let now = clock.now();
        if let Some(until) = unikernel.arm(now, &mut |text| line(text)) {
            let nanos = until.since(now).clamp(1000, LONGEST_HALT);
            machine::set_timer(u32::try_from(nanos).unwrap_or(u32::MAX));
            machine::halt();
            unikernel.disarm();
        }
    }
}

/// Does what was typed.
fn obey(word: &str, unikernel: &mut Unikernel<VirtioNic>, now: Nanos) {
    if let Some(time) = word.strip_prefix("time ") {
        return hold(time, unikernel);
    }
    match word {
        "poweroff" => {
            line(format_args!("powered off after {} ms", now.0 / 1_000_000));
            machine::exit(Exit::PoweredOff);
        }
        "panic" => panic!("somebody typed it"),
        "fault" => machine::fault(),
        "overflow" => line(format_args!("overflow: {}", overflow(1))),
        "memory" => {
            let (used, free) = heap::usage();
            line(format_args!("memory: {used} bytes used, {free} free"));
        }
        "status" => line(format_args!(
            "status: {} ms, {} channels, {:?}",
            now.0 / 1_000_000,
            unikernel.device().channels().count(),
            unikernel.device().counters(),
        )),
        other => line(format_args!(
            "{other}: one of poweroff, memory, status, time, panic, fault, overflow"
        )),
    }
}

/// Moves the time of a switch whose time stands.
fn hold(time: &str, unikernel: &mut Unikernel<VirtioNic>) {
    let Ok(time) = time.parse().map(Nanos) else {
        return line(format_args!("time {time}: no nanoseconds"));
    };
    match unikernel.hold(time) {
        Ok(Some(due)) => line(format_args!("time {}: due {}", time.0, due.0)),
        Ok(None) => line(format_args!("time {}: due never", time.0)),
        Err(_) => line(format_args!("time {}: it passes by itself", time.0)),
    }
}

/// Uses more stack than there is, for tests of what happens then.
#[allow(unconditional_recursion, reason = "it is meant to")]
fn overflow(depth: u64) -> u64 {
    let place = core::hint::black_box([depth; 64]);
    overflow(depth + 1).wrapping_add(place[0])
}

/// All network cards that can be used; what is wrong with others is said.
fn find_nics(setup: &Setup) -> Vec<VirtioNic> {
    let scanned = (0..DEVICE_COUNT).map(|at| {
        let interrupt = u32::try_from(at).map_or(u32::MAX, |at| FIRST_INTERRUPT + at);
        ((DEVICES + at * DEVICE_LEN) as u64, interrupt)
    });
    let places: Vec<(u64, u32)> =
        if setup.devices.is_empty() { scanned.collect() } else { setup.devices.clone() };
    let mut nics = Vec::new();
    for (address, interrupt) in places {
        let header = NonNull::new(address as usize as *mut VirtIOHeader);
        let is_device = (3 << 30..4 << 30).contains(&address) && address.is_multiple_of(512);
        let Some(header) = header.filter(|_| is_device) else {
            refuse(format_args!("virtio_mmio.device: {address:#x} is no place of a device"));
        };
        // SAFETY: it is in the quarter of the map that holds devices, aligned, and named or known as the
        // place of one; each place is taken once, for a place that is named twice has two transports
        // whose registers, but no memory, are shared. Reading where nothing is gives ones.
        let transport = unsafe { MmioTransport::new(header, DEVICE_LEN) };
        let Ok(transport) = transport else { continue };
        if transport.device_type() != DeviceType::Network {
            continue;
        }
        match VirtioNic::start(transport) {
            Ok(nic) => {
                machine::route(interrupt);
                nics.push(nic);
            }
            Err(reason) => line(format_args!("card at {address:#x}: {reason}")),
        }
    }
    nics.sort_by_key(Nic::mac);
    nics
}

/// A seed from how long things take, for a processor that makes no random numbers: a weak one.
fn jitter() -> u64 {
    line(format_args!("no random numbers from the processor: the seed comes from timing"));
    (0..64u32).fold(0, |seed: u64, _| {
        let before = machine::time_stamp();
        let count = u64::from(machine::timer());
        let took = machine::time_stamp().wrapping_sub(before);
        (seed ^ took ^ count).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) ^ before
    })
}

/// Ends a machine that cannot be what it was told to be.
fn refuse(reason: fmt::Arguments<'_>) -> ! {
    line(format_args!("refused: {reason}"));
    machine::exit(Exit::Refused)
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    line(format_args!("panic: {info}"));
    machine::exit(Exit::Panic)
}
