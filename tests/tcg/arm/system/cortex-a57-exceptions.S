/* SPDX-License-Identifier: MIT */
/*
 * Proves exception entry and return between EL1 and EL0, what ESR, ELR, FAR and SPSR hold, and 4 KiB stage 1 translation with
 * permissions: DC ZVA, supervisor call, undefined instruction, data abort on an unmapped and on a read-only page, external abort, instruction
 * abort on a page that EL0 may not execute. Expected values: Arm ARM DDI 0487 D1, D8 and the syndrome tables of D19.2.40.
 */
#include "a64-program.h"
.arch armv8-a
.global _start
.equ L1, 0x40200000
.equ L2, 0x40201000
.equ L3, 0x40202000
_start:
    ldr x0, =stack
    mov sp, x0
    ldr x0, =vectors
    msr vbar_el1, x0
    // level 1: 0-1 GiB device block, 1-2 GiB table
    ldr x0, =L1
    mov x1, #0x401
    str x1, [x0]
    ldr x1, =L2 + 3
    str x1, [x0, #8]
    // level 2: 0x40000000 2 MiB EL1 only; 0x40200000 same; 0x40400000 table
    ldr x0, =L2
    ldr x1, =0x40000000 + 0x701 + (1 << 11)
    str x1, [x0]
    ldr x1, =0x40200000 + 0x701
    str x1, [x0, #8]
    ldr x1, =L3 + 3
    str x1, [x0, #16]
    // level 3 at 0x40400000: 0 = user code (read only), 1 = user data, 2 = unmapped, 3 = user read-only data not executable,
    // 4 = user data where the board has nothing
    ldr x0, =L3
    ldr x1, =0x40400000 + 0x7c3
    str x1, [x0]
    ldr x2, =0x0060000000000000 + 0x40401000 + 0x743
    str x2, [x0, #8]
    ldr x2, =0x0060000000000000 + 0x40403000 + 0x7c3
    str x2, [x0, #24]
    ldr x2, =0x0060000000000000 + 0x0b000000 + 0x743
    str x2, [x0, #32]
    // the user's program goes there while the MMU is off
    ldr x0, =0x40400000
    adr x1, user
    adr x2, user_end
1:  ldr w3, [x1], #4
    str w3, [x0], #4
    cmp x1, x2
    b.lo 1b
    mov x0, #0xff
    msr mair_el1, x0
    ldr x0, =0x0000000200803519
    msr tcr_el1, x0
    ldr x0, =L1
    msr ttbr0_el1, x0
    isb
    mrs x0, sctlr_el1
    orr x0, x0, #1
    msr sctlr_el1, x0
    isb
    // DC ZVA: 64 bytes around the address, and no other
    ldr x0, =0x40300000
    mov x1, #-1
    mov x2, #32
1:  str x1, [x0], #8
    subs x2, x2, #1
    b.ne 1b
    sub x0, x0, #256 - 64 - 27
    dc zva, x0
    ldr x0, =0x40300000
    mov x19, #100
    mov x2, #32
2:  ldr x3, [x0], #8
    sub x4, x2, #17             // 17 to 24 are left when these 8 are read
    cmp x4, #8
    csel x5, xzr, x1, lo
    cmp x3, x5
    b.ne fail
    subs x2, x2, #1
    b.ne 2b
    // to EL0
    mov x19, #0                 // exceptions seen
    ldr x0, =0x40400000
    msr elr_el1, x0
    mov x0, #0x60000000
    msr spsr_el1, x0
    ldr x0, =0x40401ff0
    msr sp_el0, x0
    eret

user:
    svc #0x123                  // +0
    .word 0                     // +4
    ldr x1, =0x40402008         // +8
    ldr x2, [x1]                // +12: unmapped
    ldr x1, =0x40403010         // +16
    str x2, [x1]                // +20: read only
    ldr x1, =0x40404018         // +24
    ldr w2, [x1]                // +28: external abort
    dc zva, x1                  // +32: SCTLR_EL1.DZE is 0
    sub sp, sp, #16             // +36
    ldr x1, =0x40401000         // +40
    str x19, [x1, #8]           // +44: fine
    br x1                       // +48: not executable
    .ltorg
user_end:

// what each exception must be: ESR, ELR - base, FAR or 0, where to go on
    .balign 8
expected:
    .quad 0x56000123, 4, 0, 4
    .quad 0x02000000, 4, 0, 8
    .quad 0x92000007, 12, 0x40402008, 16
    .quad 0x9200004f, 20, 0x40403010, 24
    .quad 0x92000010, 28, 0x40404018, 32
    .quad 0x6212dc28, 32, 0, 36
    .quad 0x8200000f, 0x1000, 0x40401000, 0
    .equ COUNT, 7

sync:
    ldr x20, =expected
    add x20, x20, x19, lsl #5
    mrs x21, esr_el1
    ldr x22, [x20]
    cmp x21, x22
    b.ne fail
    mrs x21, elr_el1
    ldr x23, =0x40400000
    sub x21, x21, x23
    ldr x22, [x20, #8]
    cmp x21, x22
    b.ne fail
    ldr x22, [x20, #16]
    cbz x22, 2f
    mrs x21, far_el1
    cmp x21, x22
    b.ne fail
2:  mrs x21, spsr_el1
    and x21, x21, #0x1f
    cbnz x21, fail
    mrs x21, currentel
    cmp x21, #4
    b.ne fail
    ldr x22, [x20, #24]
    add x22, x22, x23
    msr elr_el1, x22
    add x19, x19, #1
    cmp x19, #COUNT
    b.eq pass
    eret
pass:
    mov x3, #0
    b out
fail:
    add x3, x19, #1
out:
    exit_with_x3
    .ltorg

    .balign 2048
vectors:
    .rept 8
    mov x3, #100
    b out
    .balign 128
    .endr
    b sync
    .balign 128
    .rept 7
    mov x3, #101
    b out
    .balign 128
    .endr
    program_memory
