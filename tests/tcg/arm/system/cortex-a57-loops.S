/* SPDX-License-Identifier: MIT */
/*
 * Proves what loops that are closed inside one translation must still do: leave for an interrupt, give a fault its registers and flags,
 * see that their code was changed, follow calls and returns (also returns to elsewhere). Expected values: counted by hand from the code.
 * Exit status: number of the first check that failed.
 */
.arch armv8-a
.global _start
.equ GICD, 0x08000000
.equ GICC, 0x08010000
.equ NOTHING, 0x0b000000        // the board has nothing there
.macro check number, reg, value
    ldr x9, =\value
    mov x28, \number
    cmp \reg, x9
    b.ne fail
.endm
_start:
    ldr x0, =stack
    mov sp, x0
    ldr x0, =vectors
    msr vbar_el1, x0
    isb

    // 1: branches out of a loop, both ways, and three conditions on one comparison
    mov x0, #0
    mov x1, #0
    mov x2, #0
1:  and x3, x0, #3
    cmp x3, #2
    b.eq 2f
    b.lo 3f
    add x2, x2, #16
    b 4f
2:  add x2, x2, #1
    b 4f
3:  add x1, x1, #1
4:  add x0, x0, #1
    cmp x0, #4000
    b.lo 1b
    check #1, x1, 2000
    check #2, x2, (1000 * 17)

    // 3: nested loops with a call in the inner one; the callee lies behind
    mov x0, #0
    mov x1, #100
5:  mov x2, #50
6:  bl add_three
    subs x2, x2, #1
    b.ne 6b
    subs x1, x1, #1
    b.ne 5b
    check #3, x0, 15000

    // 4: a callee that returns elsewhere once
    mov x0, #0
    mov x2, #3000
7:  bl sometimes_skips
    add x0, x0, #1
    add x0, x0, #1              // skipped once
    subs x2, x2, #1
    b.ne 7b
    check #4, x0, 5999

    // 5: recursion
    mov x0, #0
    mov x2, #200
8:  mov x1, #10
    bl recurse
    subs x2, x2, #1
    b.ne 8b
    check #5, x0, 2200

    // 6: a load faults in round 4000; flags are those of the comparison in front of it
    mov x19, #0
    mov x0, #0
    ldr x4, =NOTHING
    adr x5, data
9:  cmp x0, #4000
    csel x6, x4, x5, eq
faults_at:
    ldr x7, [x6]
    add x0, x0, #1
    cmp x0, #4090
    b.ne 9b
    check #6, x19, 1
    check #7, x20, 4000
    check #8, x21, faults_at
    and x22, x22, #0xf0000000
    check #9, x22, 0x60000000

    // 10: the loop's own code changes in round 2000, by a store in it
    mov x0, #0
    mov x1, #0
    adr x2, patched
    ldr w3, =0x91000821         // add x1, x1, #2
10: cmp x0, #2000
    b.ne patched
    str w3, [x2]
    dc cvau, x2
    dsb ish
    ic ivau, x2
    dsb ish
    isb
patched:
    add x1, x1, #1
    add x0, x0, #1
    cmp x0, #4000
    b.ne 10b
    check #10, x1, 6000

    // 11: the timer ends loops that wait for it
    ldr x0, =GICD
    mov w1, #1
    str w1, [x0]
    mov w1, #1 << 27
    str w1, [x0, #0x100]
    ldr x0, =GICC
    mov w1, #0xff
    str w1, [x0, #4]
    mov w1, #1
    str w1, [x0]
    mov x23, #0                 // interrupts
    mov x24, #50                // times
11: mov x25, #0
    bl start_timer
12: cbz x25, 12b
    add x26, x23, #1
    bl start_timer
13: add x27, x27, #1
    cmp x23, x26
    b.lo 13b
    subs x24, x24, #1
    b.ne 11b
    check #11, x23, 100

    // 12: the first branch of a loop mostly goes the other way, from the first round on; what the two ways set differs
    mov x0, #1
    mov x12, #5
    mov x13, #7
    mov x14, #0
    mov x15, #0
    mov x1, #3 << 20
    msr cpacr_el1, x1
    isb
    fmov d0, #1.0
    fmov d1, #2.0
    fmov d2, #0.5
14: tst x0, #7
    b.ne 15f
    mov x12, #9
    mov x13, x14
    fmul d1, d0, d2
    .rept 6
    fmul d1, d1, d2
    .endr
    b 16f
15: add x14, x14, x12
    eor x13, x13, x0
    fsub d1, d1, d2
16: add x15, x15, x13
    fmadd d0, d0, d2, d1
    add x0, x0, #1
    cmp x0, #4001
    b.ne 14b
    fmov x16, d0
    check #12, x12, 9
    check #13, x13, 31472
    check #14, x14, 31472
    check #15, x15, 62984913
    check #16, x16, 0xc008e431663986bc
    mov x28, #0
fail:
    ldr x1, =block
    ldr x0, =0x20026            // ADP_Stopped_ApplicationExit
    str x0, [x1]
    str x28, [x1, #8]
    mov w0, #0x18
    hlt #0xf000
    b .

start_timer:
    mov x9, #2000
    msr cntv_tval_el0, x9
    mov x9, #1
    msr cntv_ctl_el0, x9
    msr daifclr, #2
    ret

add_three:
    add x0, x0, #3
    ret

sometimes_skips:
    cmp x2, #100
    b.ne 1f
    add x30, x30, #4
1:  ret

recurse:                        // x0 += x1 + 1
    add x0, x0, #1
    cbz x1, 1f
    str x30, [sp, #-16]!
    sub x1, x1, #1
    bl recurse
    ldr x30, [sp], #16
1:  ret

abort:
    add x19, x19, #1
    mov x20, x0
    mrs x21, elr_el1
    mrs x22, spsr_el1
    add x8, x21, #4
    msr elr_el1, x8
    eret

interrupt:
    str x9, [sp, #-16]!
    str x10, [sp, #8]
    msr cntv_ctl_el0, xzr
    isb
    ldr x9, =GICC
    ldr w10, [x9, #0xc]
    str w10, [x9, #0x10]
    add x23, x23, #1
    mov x25, #1
    ldr x10, [sp, #8]
    ldr x9, [sp], #16
    eret

    .ltorg
    .balign 2048
vectors:
    .rept 4
    .balign 128
    mov x28, #100
    b fail
    .endr
    .balign 128
    b abort
    .balign 128
    b interrupt
    .rept 10
    .balign 128
    mov x28, #101
    b fail
    .endr

    .data
    .balign 16
data: .quad 1, 2
block: .quad 0, 0
    .skip 4096
stack:
