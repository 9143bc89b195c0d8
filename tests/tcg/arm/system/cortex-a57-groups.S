/* SPDX-License-Identifier: MIT */
/*
 * Proves as what a GICv3 with two Security states signals interrupts: Secure and Non-secure Group 1 seen from EL3, Secure and
 * Non-secure EL1, Group 0 always as FIQ. Expected: IHI 0069 4.6.2. FIQs go to EL3, IRQs stay at EL1.
 */
// options: -M virt,secure=on,gic-version=3 -device loader,file=PROGRAM,cpu-num=0
#include "a64-program.h"
.arch armv8-a
.global _start
.equ GICD, 0x08000000
.equ SGIS, 0x080b0000               // the redistributor's second frame
.equ FIQ, 2
.equ IRQ, 1
.macro pend bit
    mov w0, #1 << \bit
    str w0, [x9, #0x200]
    dsb sy
.endm
// run WHERE SCR BIT EXPECTED: at EL1 with the interrupt pending, until it was taken
.macro run scr, bit, expected, code
    mov x10, #\code
    mov x19, #0
    ldr x0, =\scr
    msr scr_el3, x0
    isb
    pend \bit
    adr x0, loop
    msr elr_el3, x0
    mov x0, #0x305                  // EL1h, IRQ and FIQ unmasked
    msr spsr_el3, x0
    adr x28, 9f
    eret
9:  cmp x19, #\expected
    b.ne fail
.endm
_start:
    ldr x0, =stack
    mov sp, x0
    ldr x0, =vectors3
    msr vbar_el3, x0
    ldr x0, =vectors1
    msr vbar_el1, x0
    ldr x8, =GICD
    ldr x9, =SGIS
    mov w0, #0x37
    str w0, [x8]                    // all groups, affinity routing
    mov w0, #2                      // SGI 1: Non-secure group 1
    str w0, [x9, #0x80]
    mov w0, #4                      // SGI 2: Secure group 1; SGI 3: group 0
    str w0, [x9, #0xd00]
    mov w0, #0x40404040
    str w0, [x9, #0x400]
    mov w0, #14
    str w0, [x9, #0x100]
    mov x0, #0xf
    msr s3_6_c12_c12_5, x0          // ICC_SRE_EL3
    isb
    mov x0, #0xff
    msr s3_0_c4_c6_0, x0            // ICC_PMR
    mov x0, #1
    msr s3_0_c12_c12_6, x0          // ICC_IGRPEN0
    mov x0, #3
    msr s3_6_c12_c12_7, x0          // ICC_IGRPEN1_EL3
    ldr x0, =0x434                  // FIQ to EL3
    msr scr_el3, x0
    ldr x0, =0x30d00800
    msr sctlr_el1, x0
    isb
    // at EL3: FIQ, whatever group
    .irp bit, 1, 2, 3
    mov x10, #\bit
    mov x19, #0
    pend \bit
    msr daifclr, #3
    isb
    msr daifset, #3
    cmp x19, #FIQ
    b.ne fail
    .endr
    // Non-secure EL1
    run 0x435, 1, IRQ, 4
    run 0x435, 2, FIQ, 5
    run 0x435, 3, FIQ, 6
    // Secure EL1
    run 0x434, 1, FIQ, 7
    run 0x434, 2, IRQ, 8
    run 0x434, 3, FIQ, 9
    mov x10, #0
fail:
    mov x3, x10
    exit_with_x3
loop:
    b loop
clear:                              // what is pending; x20: how it came
    mov x19, x20
    mov w0, #14
    str w0, [x9, #0x280]
    dsb sy
    ret
here:                               // taken at EL3 from EL3
    mov x20, #FIQ
    bl clear
    eret
lower:                              // taken at EL3 from EL1
    mov x20, #FIQ
    bl clear
    br x28
irq1:                               // taken at EL1: on to EL3
    mov x20, #IRQ
    smc #0
called:
    bl clear
    br x28
wrong:
    add x10, x10, #100
    b fail
    .ltorg
.macro vector target
    b \target
    .balign 128
.endm
    .balign 2048
vectors3:
    .irp target, wrong, wrong, wrong, wrong, wrong, wrong, here, wrong, called, wrong, lower, wrong, wrong, wrong, wrong, wrong
    vector \target
    .endr
vectors1:
    .irp target, wrong, wrong, wrong, wrong, wrong, irq1, wrong, wrong, wrong, wrong, wrong, wrong, wrong, wrong, wrong, wrong
    vector \target
    .endr
    program_memory
