/* SPDX-License-Identifier: MIT */
/*
 * Proves that a breakpoint and a watchpoint linked to a context fire in that context and not in another, and that a link to a breakpoint
 * that is off, is not context-aware or has another type never fires. Arm ARM DDI 0487 D2.8.3, D2.9.5; the Cortex-A57 has six breakpoints, of
 * which 4 and 5 are context-aware.
 */
#include "a64-program.h"
.arch armv8-a
.global _start
.macro context n
    mov x0, #\n
    msr contextidr_el1, x0
    isb
.endm
.macro expect n, code
    mov x10, #\code
    cmp x19, #\n
    b.ne fail
.endm
_start:
    ldr x0, =stack
    mov sp, x0
    ldr x0, =vectors
    msr vbar_el1, x0
    mov x19, #0                     // debug exceptions
    msr oslar_el1, xzr
    mov x0, #0xa000                 // MDE, KDE
    msr mdscr_el1, x0
    msr daifclr, #8
    // breakpoint 0 at target, linked to 4, which is context 42
    adr x0, target
    msr dbgbvr0_el1, x0
    ldr x0, =0x1401e3               // BT 1, LBN 4, BAS, EL1, on
    msr dbgbcr0_el1, x0
    mov x0, #42
    msr dbgbvr4_el1, x0
    ldr x0, =0x3001e7
    msr dbgbcr4_el1, x0
    context 42
    bl target
    expect 1, 1
    context 43
    bl target
    expect 1, 2
    context 42
    bl target
    expect 2, 3
    // linked to one that is off
    msr dbgbcr4_el1, xzr
    isb
    bl target
    expect 2, 4
    // to one of another type
    ldr x0, =0x0001e7
    msr dbgbcr4_el1, x0
    isb
    bl target
    expect 2, 5
    // to one that knows no contexts
    mov x0, #42
    msr dbgbvr3_el1, x0
    ldr x0, =0x3001e7
    msr dbgbcr3_el1, x0
    ldr x0, =0x1301e3
    msr dbgbcr0_el1, x0
    isb
    bl target
    expect 2, 6
    msr dbgbcr0_el1, xzr
    // watchpoint 0, linked to 5
    ldr x1, =block
    msr dbgwvr0_el1, x1
    ldr x0, =0x151ffb               // WT, LBN 5, BAS, loads and stores, EL1, on
    msr dbgwcr0_el1, x0
    mov x0, #7
    msr dbgbvr5_el1, x0
    ldr x0, =0x3001e7
    msr dbgbcr5_el1, x0
    context 8
    ldr x2, [x1]
    expect 2, 7
    context 7
    ldr x2, [x1]
    expect 3, 8
    context 8
    str x2, [x1]
    expect 3, 9
    mov x10, #0
fail:
    mov x3, x10
    msr dbgwcr0_el1, xzr
    isb
    exit_with_x3

target:
    ret

// a breakpoint is left by a return, a watchpoint by going on behind the load
sync:
    add x19, x19, #1
    mrs x20, esr_el1
    lsr x20, x20, #26
    cmp x20, #0x31
    b.ne 1f
    msr elr_el1, x30
    eret
1:  cmp x20, #0x35
    mov x10, #100
    b.ne fail
    mrs x20, elr_el1
    add x20, x20, #4
    msr elr_el1, x20
    eret
    .ltorg

    .balign 2048
vectors:
    .rept 4
    mov x10, #101
    b fail
    .balign 128
    .endr
    b sync
    .balign 128
    .rept 11
    mov x10, #102
    b fail
    .balign 128
    .endr
    program_memory
