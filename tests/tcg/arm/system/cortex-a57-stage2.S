/* SPDX-License-Identifier: MIT */
/*
 * Proves what ESR_EL2 and HPFAR_EL2 say about data aborts of stage 2: the access that a hypervisor has to emulate (ISV, SAS, SSE, SRT, SF,
 * AR, WnR), for A64, A32 and T32 guests at EL1, and that forms with writeback, pairs and exclusives have none. Expected values: Arm ARM
 * DDI 0487 D19.2.40, and G1.20.1 for the registers of AArch32 modes.
 */
// options: -M virt,virtualization=on
#include "a64-program.h"
.arch armv8-a
.global _start
.equ TABLE, 0x40200000
_start:
    ldr x0, =stack
    mov sp, x0
    ldr x0, =vectors
    msr vbar_el2, x0
    // stage 2: 0-1 GiB nothing, 1-2 GiB as it is
    ldr x0, =TABLE
    str xzr, [x0]
    ldr x1, =0x40000000 + 0x7fd
    str x1, [x0, #8]
    msr vttbr_el2, x0
    ldr x0, =0x80023559         // 4 KiB granule, 39 bits, from level 1
    msr vtcr_el2, x0
    ldr x0, =0x80000001         // EL1 is AArch64; stage 2
    msr hcr_el2, x0
    tlbi vmalls12e1
    dsb sy
    isb
    mov x19, #0
    ldr x0, =0x30d00800
    msr sctlr_el1, x0
    ldr x0, =guest
    msr elr_el2, x0
    mov x0, #0x3c5
    msr spsr_el2, x0
    ldr x1, =0x0a0b0c10
    mov x2, #8
    mov x3, #0
    eret

guest:
    ldr x5, [x1]
    strb w7, [x1, #1]
    ldrsh x9, [x1, #2]
    ldrsb w10, [x1]
    ldar w11, [x1]
    str wzr, [x1, x2]
    ldr x5, [x1], #8
    ldp x5, x6, [x1]
    ldtrh w3, [x1]
    stlrb w4, [x1]
    ldrsw x12, [x1, w3, uxtw]
    ldxr w5, [x1]
    hvc #0
guest32:
    .inst 0xe5915000            // ldr r5, [r1]
    .inst 0xe1c1e0b0            // strh lr, [r1]
    .inst 0xe19120d3            // ldrsb r2, [r1, r3]
    .inst 0xe591d000            // ldr sp, [r1]
    .inst 0xe4915004            // ldr r5, [r1], #4
    .inst 0xe1c120d0            // ldrd r2, r3, [r1]
    .inst 0xe28f0001            // add r0, pc, #1
    .inst 0xe12fff10            // bx r0
    .hword 0x680d               // ldr r5, [r1]
    .hword 0x5ecc               // ldrsh r4, [r1, r3]
    .hword 0xf891, 0x9004       // ldrb.w r9, [r1, #4]
    .hword 0xf851, 0x2c04       // ldr.w r2, [r1, #-4]
    .hword 0xf841, 0x2f04       // str.w r2, [r1, #4]!
    .hword 0xdf00               // svc #0

    .balign 8
expected:                       // ESR, bytes to go on
    .quad 0x93c58005, 4, 0x93070045, 4, 0x93698005, 4, 0x932a0005, 4, 0x938b4005, 4, 0x939f0045, 4
    .quad 0x92000005, 4, 0x92000005, 4, 0x93430005, 4, 0x93044045, 4, 0x93ac8005, 4, 0x92000005, 4
    .equ A64, 12
    .quad 0x93850005, 4, 0x93520045, 4, 0x93220005, 4, 0x93930005, 4, 0x92000005, 4, 0x92000005, 4
    .quad 0x91850005, 2, 0x91640005, 2, 0x93090005, 4, 0x93820005, 4, 0x92000045, 4
    .equ ALL, 23

sync:
    mrs x21, esr_el2
    lsr x22, x21, #26
    cmp x22, #0x16              // HVC of the 64-bit guest
    b.eq next
    cmp x19, #ALL
    b.hs fail
    ldr x20, =expected
    add x20, x20, x19, lsl #4
    ldr x22, [x20]
    cmp x21, x22
    b.ne fail
    mrs x21, hpfar_el2
    ldr x22, =0xa0b00
    cmp x21, x22
    b.ne fail
    mrs x21, elr_el2
    ldr x22, [x20, #8]
    add x21, x21, x22
    msr elr_el2, x21
    add x19, x19, #1
    cmp x19, #ALL
    b.eq pass
    eret
next:
    cmp x19, #A64
    b.ne fail
    mov x0, #1                  // EL1 is AArch32
    msr hcr_el2, x0
    ldr x0, =guest32
    msr elr_el2, x0
    mov x0, #0x1d3              // Supervisor mode
    msr spsr_el2, x0
    ldr x0, =0x00c50838
    msr sctlr_el1, x0
    mov x3, #0
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
    .rept 3
    mov x3, #101
    b out
    .balign 128
    .endr
    b sync
    .balign 128
    .rept 3
    mov x3, #102
    b out
    .balign 128
    .endr
    program_memory
