/* SPDX-License-Identifier: MIT */
/*
 * Proves the performance monitors: software increments and their overflow, a counter that counts the carry of the one below, the cycle
 * counter and cycles as an event, filters by exception level, counters that EL2 keeps, and the overflow interrupt (PPI 23 of the virt
 * board). Arm ARM DDI 0487 D13; the Cortex-A57 has six counters.
 */
// options: -M virt
#include "a64-program.h"
.arch armv8-a
.global _start
.equ GICD, 0x08000000
.equ GICC, 0x08010000
.macro check reg, value, code
    mov x10, #\code
    ldr x11, =\value
    cmp \reg, x11
    b.ne fail
.endm
_start:
    ldr x0, =stack
    mov sp, x0
    ldr x0, =vectors
    msr vbar_el1, x0
    mov x19, #0                     // interrupts
    mov x20, #0                     // exceptions
    mrs x0, pmcr_el0
    ubfx x0, x0, #11, #5
    check x0, 6, 1
    // software increments; the carry goes to the counter above
    msr pmevtyper0_el0, xzr
    mov x0, #0x1e
    msr pmevtyper1_el0, x0
    ldr x0, =0xfffffffe
    msr pmevcntr0_el0, x0
    msr pmevcntr1_el0, xzr
    mov x0, #3
    msr pmcntenset_el0, x0
    mov x0, #0x41                   // on, long cycle counter
    msr pmcr_el0, x0
    mov x1, #1
    msr pmswinc_el0, x1
    mrs x0, pmovsclr_el0
    check x0, 0, 2
    msr pmswinc_el0, x1
    mrs x0, pmovsclr_el0
    check x0, 1, 3
    mrs x0, pmevcntr0_el0
    check x0, 0, 4
    mrs x0, pmevcntr1_el0
    check x0, 1, 5
    msr pmovsclr_el0, x1
    mrs x0, pmovsset_el0
    check x0, 0, 6
    // by way of the selector
    mov x0, #5
    msr pmselr_el0, x0
    ldr x0, =0x123456789
    msr pmxevcntr_el0, x0
    mrs x0, pmevcntr5_el0
    check x0, 0x23456789, 7
    // PMCR.P clears them
    mov x0, #0x43
    msr pmcr_el0, x0
    mrs x0, pmevcntr5_el0
    check x0, 0, 8
    mrs x0, pmevcntr1_el0
    check x0, 0, 9
    // cycles, as the counter and as an event, not filtered and filtered
    mov x0, #0x11
    msr pmevtyper2_el0, x0
    ldr x0, =0x80000011
    msr pmevtyper3_el0, x0          // not at EL1
    ldr x0, =0x8000000c
    msr pmcntenset_el0, x0
    mrs x2, pmccntr_el0
1:  mrs x3, pmccntr_el0
    cmp x3, x2
    b.eq 1b
    mrs x0, pmevcntr2_el0
    mov x10, #10
    cbz x0, fail
    mrs x0, pmevcntr3_el0
    check x0, 0, 11
    // at EL0 the other one
    adr x0, user
    msr elr_el1, x0
    msr spsr_el1, xzr
    mov x0, #1
    msr pmuserenr_el0, x0
    eret
user:
    mrs x2, pmevcntr3_el0
2:  mrs x3, pmevcntr3_el0
    cmp x3, x2
    b.eq 2b
    svc #0
back:
    mov x10, #12
    cmp x20, #1
    b.ne fail
    // a counter that is not there
    mov x10, #13
    .inst 0xd53bebc0                // mrs x0, pmevcntr30_el0
    cmp x20, #2
    b.ne fail
    // overflow interrupt, of the cycle counter and of an event
    ldr x8, =GICD
    ldr x9, =GICC
    mov w0, #1
    str w0, [x8]
    str w0, [x9]
    mov w0, #0xf0
    str w0, [x9, #4]
    mov w0, #1 << 23
    str w0, [x8, #0x100]
    mov x0, #0x1e00                 // no sooner than in a while
    ldr x1, =0xffffffffffff0000
    msr pmccntr_el0, x1
    mov x0, #1 << 31
    msr pmintenset_el1, x0
    msr daifclr, #2
    mov x10, #14
3:  cbz x19, 3b
    check x19, 1, 14
    mov x0, #0xffff0000
    msr pmevcntr2_el0, x0
    mov x0, #4
    msr pmintenset_el1, x0
    mov x10, #15
4:  cmp x19, #2
    b.lo 4b
    mov x10, #0
fail:
    mov x3, x10
    exit_with_x3

irq:
    ldr w21, [x9, #0xc]
    cmp w21, #23
    mov x10, #100
    b.ne fail
    mrs x22, pmovsclr_el0
    msr pmovsclr_el0, x22
    str w21, [x9, #0x10]
    add x19, x19, #1
    eret
sync:
    add x20, x20, #1
    mrs x21, elr_el1
    add x21, x21, #4
    msr elr_el1, x21
    eret
call:
    add x20, x20, #1
    adr x21, back
    msr elr_el1, x21
    mov x21, #0x3c5
    msr spsr_el1, x21
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
    b irq
    .balign 128
    .rept 2
    mov x10, #102
    b fail
    .balign 128
    .endr
    b call
    .balign 128
    .rept 7
    mov x10, #103
    b fail
    .balign 128
    .endr
    program_memory
