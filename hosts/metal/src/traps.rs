//! Exceptions end the machine with their name; interrupts do nothing but wake it.

use alloc::boxed::Box;
use alloc::vec;
use core::arch::{asm, global_asm};

use crate::machine::{self, Exit};

/// Exceptions come on a stack of their own, since the stack may be what they are about.
const STACK_LEN: usize = 16 * 1024;

/// Selectors of the code and of the task state in the table below.
const CODE: u16 = 8;
const TASK: u16 = 24;

global_asm!(
    r#"
    .section .text.traps, "ax", @progbits
    .global trap_exceptions
    .balign 16
    trap_exceptions:
    .set vector, 0
    .rept 32
        .balign 16
        // Those for which the processor pushes no error code of its own.
        .if vector != 8 && vector != 10 && vector != 11 && vector != 12 && vector != 13 && vector != 14 && vector != 17 && vector != 21
        push 0
        .endif
        push vector
        jmp trap_common
        .set vector, vector + 1
    .endr
    trap_common:
        cld
        mov rdi, [rsp]
        mov rsi, [rsp + 8]
        mov rdx, [rsp + 16]
        mov rcx, cr2
        and rsp, -16
        call metal_exception
        ud2

    .global trap_wake
    .balign 16
    trap_wake:
        push rax
        mov eax, 0xfee000b0
        mov dword ptr [rax], 0
        pop rax
        iretq

    .global trap_spurious
    .balign 16
    trap_spurious:
        iretq
"#
);

unsafe extern "C" {
    static trap_exceptions: [[u8; 16]; 32];
    static trap_wake: u8;
    static trap_spurious: u8;
}

#[repr(C, packed)]
struct TablePointer {
    limit: u16,
    address: u64,
}

/// Installs the handlers.
pub(crate) fn install() {
    let stack: &'static mut [u128] = Box::leak(vec![0u128; STACK_LEN / 16].into_boxed_slice());
    let top = stack.as_mut_ptr_range().end as u64;
    // 104 bytes of a task state; the first of the seven stacks for interrupts is at byte 36.
    let mut task = [0u32; 26];
    task[9] = top as u32;
    task[10] = (top >> 32) as u32;
    task[25] = 104 << 16;
    let task: &'static [u32; 26] = Box::leak(Box::new(task));
    let at = task.as_ptr() as u64;
    let low = 103 | (at & 0xff_ffff) << 16 | 0x89 << 40 | (at >> 24 & 0xff) << 56;
    let segments: &'static [u64; 5] =
        Box::leak(Box::new([0, 0x00af_9a00_0000_ffff, 0x00cf_9200_0000_ffff, low, at >> 32]));

    let mut handlers = vec![[0u64; 2]; 256];
    for (vector, handler) in handlers.iter_mut().enumerate() {
        *handler = match vector {
            0..32 => gate(&raw const trap_exceptions as u64 + 16 * vector as u64, 1),
            255 => gate(&raw const trap_spurious as u64, 0),
            _ => gate(&raw const trap_wake as u64, 0),
        };
    }
    let handlers: &'static mut [[u64; 2]] = Box::leak(handlers.into_boxed_slice());

    let segments = TablePointer { limit: 39, address: segments.as_ptr() as u64 };
    let handlers = TablePointer { limit: 4095, address: handlers.as_ptr() as u64 };
    // SAFETY: the tables live for ever and have the form that the processor asks for; code and data have
    // the selectors that they had before.
    unsafe {
        asm!(
            "lgdt [{}]", "lidt [{}]", "ltr {:x}",
            in(reg) &raw const segments, in(reg) &raw const handlers, in(reg) TASK,
        );
    }
}

/// An interrupt gate to `address`, on the given stack for interrupts, 0 for the one in use.
fn gate(address: u64, stack: u64) -> [u64; 2] {
    let low = address & 0xffff
        | u64::from(CODE) << 16
        | stack << 32
        | 0x8e << 40
        | (address >> 16 & 0xffff) << 48;
    [low, address >> 32]
}

/// Where all exceptions end.
#[unsafe(no_mangle)]
extern "C" fn metal_exception(vector: u64, error: u64, at: u64, address: u64) -> ! {
    let name = match vector {
        0 => "division",
        6 => "invalid instruction",
        8 => "double fault",
        13 => "protection",
        14 => "page fault",
        _ => "exception",
    };
    crate::console::line(format_args!(
        "{name}: vector {vector}, error {error:#x}, at {at:#x}, address {address:#x}"
    ));
    machine::exit(Exit::Exception)
}
