/* SPDX-License-Identifier: MIT */
/*
 * Proves that an interrupt which is pending while masked is taken where CPS, MSR or an exception return unmasks it, not where a branch
 * happens to look. The architecture allows some delay (Arm ARM DDI 0406 B1.9.10); programs that unmask and mask again at once rely on none.
 */
// target: arm
.arch armv7-a
.arch_extension virt
.arm
.global _start
.equ GICD, 0x08000000
.equ GICC, 0x08010000
_start:
    ldr sp, =stack
    ldr r0, =vectors
    mcr p15, 0, r0, c12, c0, 0      // VBAR
    cps #0x12
    ldr sp, =stack_irq
    cps #0x13
    ldr r8, =GICD
    ldr r9, =GICC
    mov r0, #1
    str r0, [r8]                    // on
    str r0, [r8, #0x100]            // SGI 0
    str r0, [r9]
    mov r0, #0xf0
    str r0, [r9, #4]
    mov r4, #8                      // rounds: from the second on, the code that follows is known already
round:
    mov r7, #0                      // interrupts taken
    mov r6, #1                      // which case
    // CPS
    bl raise
    cpsie i
    cmp r7, #1
    bne fail
    cpsid i
    // MSR
    add r6, r6, #1
    bl raise
    mrs r0, cpsr
    bic r0, r0, #0x80
    msr cpsr_c, r0
    cmp r7, #2
    bne fail
    cpsid i
    // exception return
    add r6, r6, #1
    bl raise
    mrs r0, cpsr
    bic r0, r0, #0x80
    msr spsr_cxsf, r0
    adr lr, 1f
    movs pc, lr
1:  cmp r7, #3
    bne fail
    cpsid i
    // in Thumb
    add r6, r6, #1
    bl raise
    adr r0, 2f + 1
    bx r0
    .thumb
2:  cpsie i
    cmp r7, #4
    bne 3f
    adr r0, again
    bx r0
3:  adr r0, fail
    bx r0
    .balign 4
    .arm
again:
    cpsid i
    subs r4, r4, #1
    bne round
    mov r6, #0
fail:
    ldr r1, =block
    ldr r0, =0x20026
    str r0, [r1]
    str r6, [r1, #4]
    mov r0, #0x20                   // SYS_EXIT_EXTENDED
    svc #0x123456
    b fail

raise:                              // a software interrupt to this vCPU; waits until it is seen as pending
    ldr r0, =0x02000000
    str r0, [r8, #0xf00]
4:  ldr r0, [r8, #0x200]
    tst r0, #1
    beq 4b
    bx lr

irq:
    sub lr, lr, #4
    push {r0, lr}
    ldr r0, [r9, #0xc]
    str r0, [r9, #0x10]
    add r7, r7, #1
    pop {r0, lr}
    movs pc, lr
    .ltorg

    .balign 32
vectors:
    b wrong
    b wrong
    b wrong
    b wrong
    b wrong
    b wrong
    b irq
wrong:
    add r6, r6, #100
    b fail
    .bss
    .balign 16
block:
    .skip 16
    .skip 4096
stack:
    .skip 4096
stack_irq:
