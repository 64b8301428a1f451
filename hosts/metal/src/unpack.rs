//! The packed image's first instructions. `pack` puts the image behind them, compressed as an LZ4 block,
//! and fills in the five words at the head; the image unpacks itself to where it was linked and goes on at
//! its own entry, in the state that it would have been entered in.
//!
//! In the image as it is linked these instructions are there for `pack` to take, and are never run.

use core::arch::global_asm;

global_asm!(
    r#"
    .section .unpack, "awx", @progbits
    .code32
    unpack_from:  .long 0
    unpack_until: .long 0
    unpack_to:    .long 0
    unpack_zero:  .long 0
    unpack_enter: .long 0
    .balign 32
    .global unpack_start
    unpack_start:
        cli
        cld
        mov esi, dword ptr [unpack_from]
        mov edi, dword ptr [unpack_to]
        // A token: the count of literal bytes above, of matching bytes less four below.
    2:  lodsb
        movzx edx, al
        mov ecx, edx
        shr ecx, 4
        cmp ecx, 15
        jne 4f
    3:  movzx eax, byte ptr [esi]
        inc esi
        add ecx, eax
        cmp al, 255
        je 3b
    4:  rep movsb
        // The last sequence has no match.
        cmp esi, dword ptr [unpack_until]
        jae 8f
        movzx ebp, word ptr [esi]
        add esi, 2
        mov ecx, edx
        and ecx, 15
        cmp ecx, 15
        jne 6f
    5:  movzx eax, byte ptr [esi]
        inc esi
        add ecx, eax
        cmp al, 255
        je 5b
    6:  add ecx, 4
        mov edx, esi
        mov esi, edi
        sub esi, ebp
        rep movsb
        mov esi, edx
        jmp 2b
        // What follows the image in memory begins as zero.
    8:  mov ecx, dword ptr [unpack_zero]
        sub ecx, edi
        xor eax, eax
        rep stosb
        jmp dword ptr [unpack_enter]
    .code64
"#
);
