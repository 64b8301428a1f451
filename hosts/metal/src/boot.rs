//! From the firmware to Rust: the first instructions of the machine.
//!
//! What: a virtual machine monitor that boots by the PVH protocol (QEMU with `-kernel`) finds the note
//! below, and jumps to its address in 32-bit mode with paging off and `ebx` pointing to the start
//! information. We make page tables, switch to 64-bit mode, and call [`start`](crate::start).
//!
//! Design: memory is mapped to itself up to 4 GiB in pages of 2 MiB, the last GiB uncached, for devices
//! are there. The stack is mapped apart, at [`STACK_BOTTOM`], in small pages with nothing beneath: one
//! that overflows faults instead of overwriting what lies next to it.
//!
//! What it does not do: code stays writable, and there is one core.

use core::arch::global_asm;

/// Where the stack is mapped: 4 GiB and 2 MiB and the guard page.
#[allow(dead_code, reason = "the assembly has it in its own words")]
pub(crate) const STACK_BOTTOM: u64 = 0x1_0020_1000;

global_asm!(
    r#"
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 4, 18
    .asciz "Xen"
    .long pvh_start

    .section .bss.boot, "aw", @nobits
    .balign 4096
    boot_pml4:     .skip 4096
    boot_pdpt:     .skip 4096
    .global boot_directories
    boot_directories: .skip 4 * 4096
    boot_stack_directory: .skip 4096
    boot_stack_table: .skip 4096
    .global boot_stack
    boot_stack:    .skip 64 * 4096

    .section .rodata.boot, "a", @progbits
    .balign 8
    boot_gdt:      .quad 0, 0x00af9a000000ffff, 0x00cf92000000ffff
    boot_gdtr:     .word 23
                   .long boot_gdt

    .section .text.boot, "ax", @progbits
    .code32
    .global pvh_start
    pvh_start:
        cli
        cld
        mov esi, ebx
        mov esp, offset boot_stack + 64 * 4096

        mov eax, offset boot_pdpt + 3
        mov dword ptr [boot_pml4], eax
        mov eax, offset boot_directories + 3
        mov dword ptr [boot_pdpt], eax
        add eax, 4096
        mov dword ptr [boot_pdpt + 8], eax
        add eax, 4096
        mov dword ptr [boot_pdpt + 16], eax
        add eax, 4096
        mov dword ptr [boot_pdpt + 24], eax
        mov eax, offset boot_stack_directory + 3
        mov dword ptr [boot_pdpt + 32], eax
        mov eax, offset boot_stack_table + 3
        mov dword ptr [boot_stack_directory + 8], eax

        // Present, writable, 2 MiB.
        mov edi, offset boot_directories
        mov eax, 0x83
        mov ecx, 2048
    2:  mov dword ptr [edi], eax
        add eax, 0x200000
        add edi, 8
        dec ecx
        jnz 2b
        // The last of the four is for devices: uncached.
        mov edi, offset boot_directories + 3 * 4096
        mov ecx, 512
    3:  or dword ptr [edi], 0x18
        add edi, 8
        dec ecx
        jnz 3b
        // The stack's pages, behind a page that is not there; nothing in them is executed.
        mov edi, offset boot_stack_table + 8
        mov eax, offset boot_stack + 3
        mov ecx, 64
    4:  mov dword ptr [edi], eax
        mov dword ptr [edi + 4], 0x80000000
        add eax, 4096
        add edi, 8
        dec ecx
        jnz 4b

        mov eax, offset boot_pml4
        mov cr3, eax
        // Physical address extension, SSE with its exceptions.
        mov eax, cr4
        or eax, 0x620
        mov cr4, eax
        // Long mode, no-execute.
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x900
        wrmsr
        // Paging, write protection, no emulation of the FPU.
        mov eax, cr0
        and eax, 0xfffffff3
        or eax, 0x80010023
        mov cr0, eax
        lgdt [boot_gdtr]
        push 8
        mov eax, offset boot_long
        push eax
        retf

    .code64
    boot_long:
        mov eax, 16
        mov ds, eax
        mov es, eax
        mov ss, eax
        xor eax, eax
        mov fs, eax
        mov gs, eax
        movabs rsp, 0x100241000
        xor ebp, ebp
        mov edi, esi
        call metal_start
        ud2
"#
);
