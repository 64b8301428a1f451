//! The five functions that compiled code calls for bytes, and two names that precompiled libraries
//! mention and nobody calls.
//!
//! Sixteen bytes at a time through SSE: string instructions, which are faster on silicon, are taken one
//! element at a time by an emulator.

use core::arch::global_asm;

global_asm!(
    r#"
    .section .text.memory, "ax", @progbits
    .global memcpy
    memcpy:
        mov rax, rdi
    memory_forwards:
        mov rcx, rdx
        shr rcx, 5
        jz 3f
    2:  movups xmm0, [rsi]
        movups xmm1, [rsi + 16]
        movups [rdi], xmm0
        movups [rdi + 16], xmm1
        add rsi, 32
        add rdi, 32
        dec rcx
        jnz 2b
    3:  test dl, 16
        jz 4f
        movups xmm0, [rsi]
        movups [rdi], xmm0
        add rsi, 16
        add rdi, 16
    4:  test dl, 8
        jz 5f
        mov rcx, [rsi]
        mov [rdi], rcx
        add rsi, 8
        add rdi, 8
    5:  and edx, 7
        jz 7f
    6:  mov cl, [rsi]
        mov [rdi], cl
        inc rsi
        inc rdi
        dec edx
        jnz 6b
    7:  ret

    .global memmove
    memmove:
        mov rax, rdi
        mov rcx, rdi
        sub rcx, rsi
        // Unsigned: a target before the source is far behind it.
        cmp rcx, rdx
        jae memory_forwards
        add rsi, rdx
        add rdi, rdx
        mov rcx, rdx
        shr rcx, 5
        jz 3f
    2:  movups xmm0, [rsi - 16]
        movups xmm1, [rsi - 32]
        movups [rdi - 16], xmm0
        movups [rdi - 32], xmm1
        sub rsi, 32
        sub rdi, 32
        dec rcx
        jnz 2b
    3:  and edx, 31
        jz 5f
    4:  dec rsi
        dec rdi
        mov cl, [rsi]
        mov [rdi], cl
        dec edx
        jnz 4b
    5:  ret

    .global memset
    memset:
        mov rax, rdi
        movzx esi, sil
        mov rcx, 0x0101010101010101
        imul rsi, rcx
        movq xmm0, rsi
        punpcklqdq xmm0, xmm0
        mov rcx, rdx
        shr rcx, 4
        jz 3f
    2:  movups [rdi], xmm0
        add rdi, 16
        dec rcx
        jnz 2b
    3:  and edx, 15
        jz 5f
    4:  mov [rdi], sil
        inc rdi
        dec edx
        jnz 4b
    5:  ret

    .global memcmp
    .global bcmp
    memcmp:
    bcmp:
        cmp rdx, 8
        jb 4f
    2:  mov rax, [rdi]
        mov rcx, [rsi]
        cmp rax, rcx
        jne 6f
        add rdi, 8
        add rsi, 8
        sub rdx, 8
        cmp rdx, 8
        jae 2b
    4:  test rdx, rdx
        jz 7f
        movzx eax, byte ptr [rdi]
        movzx ecx, byte ptr [rsi]
        inc rdi
        inc rsi
        dec rdx
        sub eax, ecx
        jz 4b
        ret
        // The first byte in memory is the lowest of the word: compare with it on top.
    6:  bswap rax
        bswap rcx
        cmp rax, rcx
        sbb eax, eax
        or eax, 1
        ret
    7:  xor eax, eax
        ret

    .global rust_eh_personality
    .global _Unwind_Resume
    rust_eh_personality:
    _Unwind_Resume:
        ud2
"#
);
