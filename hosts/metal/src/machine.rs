//! What is at a fixed place in the machine: serial line, exit port, interrupt controllers, time-stamp
//! counter, and the halt. The rest of the program sees safe functions.
//!
//! Interrupts are enabled while the processor is halted and at no other time: they wake it and do
//! nothing else. So no Rust code is ever interrupted, and no state is shared with a handler.

use core::arch::asm;

/// The serial line, COM1.
const SERIAL: u16 = 0x3f8;

/// Its interrupt.
const SERIAL_INTERRUPT: u32 = 4;

/// QEMU's `isa-debug-exit`.
const EXIT: u16 = 0xf4;

/// The interrupt controller of the processor, and the two of the machine, 24 inputs each.
const LOCAL_APIC: usize = 0xfee0_0000;
const IO_APICS: [usize; 2] = [0xfec0_0000, 0xfec1_0000];
const IO_APIC_INPUTS: u32 = 24;

/// The vector of whatever wakes the processor. The handler is in `traps.rs`.
pub(crate) const WAKE_VECTOR: u32 = 0x20;

/// What the program says to the outside when it ends; QEMU's status is twice as much and one.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Exit {
    /// It was asked to power off: status 1.
    PoweredOff = 0,
    /// It panicked: 3.
    Panic = 1,
    /// The command line cannot be followed: 5.
    Refused = 2,
    /// The processor met an exception: 7.
    Exception = 3,
}

/// Ends the machine.
pub(crate) fn exit(code: Exit) -> ! {
    out8(EXIT, code as u8);
    // Nobody listens there: a fault without handlers resets the machine, which ends it under
    // `-no-reboot`.
    let none = [0u8; 10];
    // SAFETY: an empty table of handlers is never used again but by the fault that follows.
    unsafe { asm!("lidt [{}]", "ud2", in(reg) none.as_ptr(), options(noreturn)) }
}

/// Prepares the serial line; input interrupts.
pub(crate) fn start_serial() {
    for (register, value) in [(1, 0), (3, 0x80), (0, 1), (1, 0), (3, 3), (2, 0), (4, 0x0b), (1, 1)]
    {
        out8(SERIAL + register, value);
    }
    route(SERIAL_INTERRUPT);
}

/// Writes a byte to the serial line when it has room; drops it when it never has.
pub(crate) fn write_serial(byte: u8) {
    for _ in 0..1_000_000 {
        if in8(SERIAL + 5) & 0x20 != 0 {
            return out8(SERIAL, byte);
        }
    }
}

/// A byte from the serial line.
pub(crate) fn read_serial() -> Option<u8> {
    (in8(SERIAL + 5) & 1 != 0).then(|| in8(SERIAL))
}

/// Prepares the local interrupt controller and its timer: one shot, a count a nanosecond.
pub(crate) fn start_interrupts() {
    for (register, value) in [
        (0x0f0, 0x1ff),       // enabled; spurious vector 255
        (0x080, 0),           // any priority
        (0x3e0, 0x0b),        // the timer's count is not divided
        (0x320, WAKE_VECTOR), // one shot
        (0x380, 0),
    ] {
        write32(LOCAL_APIC + register, value);
    }
}

/// Lets a device's interrupt wake the processor. One that no controller has is left alone: the machine
/// looks at its devices once a second anyway.
pub(crate) fn route(interrupt: u32) {
    let Some(base) = IO_APICS.get((interrupt / IO_APIC_INPUTS) as usize) else { return };
    let entry = 0x10 + 2 * (interrupt % IO_APIC_INPUTS);
    // Edge-triggered, active high, to processor 0.
    for (register, value) in [(entry + 1, 0), (entry, WAKE_VECTOR)] {
        write32(*base, register);
        write32(*base + 0x10, value);
    }
}

/// Sets the timer to wake the processor in `nanos`, 0 for never.
pub(crate) fn set_timer(nanos: u32) {
    write32(LOCAL_APIC + 0x380, nanos);
}

/// What the timer has still to count.
pub(crate) fn timer() -> u32 {
    read32(LOCAL_APIC + 0x390)
}

/// Halts until an interrupt.
pub(crate) fn halt() {
    // SAFETY: the handler (`traps.rs`) saves what it uses and touches nothing of ours. An interrupt that
    // came before is taken after `hlt` has begun, never between the two, so none is lost. The stack may
    // be used below us, for the assembler is not told otherwise.
    unsafe { asm!("sti", "hlt", "cli") }
}

/// The time-stamp counter.
pub(crate) fn time_stamp() -> u64 {
    // SAFETY: every processor of this architecture has it, and the machine lets anybody read it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// A number that cannot be foreseen, where the processor makes such.
pub(crate) fn random() -> Option<u64> {
    let has_random = core::arch::x86_64::__cpuid(1).ecx & 1 << 30 != 0;
    let (mut value, mut is_made): (u64, u8);
    for _ in 0..if has_random { 16 } else { 0 } {
        // SAFETY: the processor has just said that it knows the instruction.
        unsafe { asm!("rdrand {}", "setc {}", out(reg) value, out(reg_byte) is_made) }
        if is_made != 0 {
            return Some(value);
        }
    }
    None
}

/// Takes the first 2 MiB out of the map: what follows a null pointer faults from here on.
pub(crate) fn forget_low_memory() {
    unsafe extern "C" {
        static mut boot_directories: [u64; 512];
    }
    // SAFETY: the entry is that of the first 2 MiB (`boot.rs`), in which nothing of ours is; the image
    // begins behind them. The processor is told to forget what it had cached of the entry.
    unsafe {
        (&raw mut boot_directories).cast::<u64>().write_volatile(0);
        asm!("invlpg [{}]", in(reg) 0usize);
    }
}

/// Reads where a null pointer points, for tests of what happens then.
pub(crate) fn fault() {
    let value: u8;
    // SAFETY: nothing is there (`forget_low_memory`), so that the processor faults and nothing is read.
    unsafe { asm!("mov {}, byte ptr [{}]", out(reg_byte) value, in(reg) 8usize, options(nostack)) }
    core::hint::black_box(value);
}

fn out8(port: u16, value: u8) {
    // SAFETY: the ports are those above; what is there changes no memory.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack)) }
}

fn in8(port: u16) -> u8 {
    let value;
    // SAFETY: as for `out8`.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack)) }
    value
}

fn write32(address: usize, value: u32) {
    // SAFETY: the addresses are registers of the interrupt controllers above, mapped to themselves and
    // outside of all memory.
    unsafe { (address as *mut u32).write_volatile(value) }
}

fn read32(address: usize) -> u32 {
    // SAFETY: as for `write32`.
    unsafe { (address as *const u32).read_volatile() }
}
