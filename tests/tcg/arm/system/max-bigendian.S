/* SPDX-License-Identifier: MIT */
/*
 * Proves exclusives and LSE atomics on big-endian data (SCTLR_EL1.EE): each leaves the big-endian image of the result, which is read
 * as bytes, and returns the value that was there. Expected values: Arm ARM DDI 0487 B2.6.3, C6.2 of each instruction.
 */
.arch armv8.1-a
.global _start

.macro number reg, value
    mov \reg, #(\value & 0xffff)
    movk \reg, #(\value >> 16 & 0xffff), lsl #16
.endm

// word at x0 must be `value` byte by byte, most significant first, and w5 `old`
.macro check old, value
    add x19, x19, #1
    number w6, \old
    cmp w5, w6
    b.ne fail
    ldrb w5, [x0]
    cmp w5, #(\value >> 24 & 0xff)
    b.ne fail
    ldrb w5, [x0, #3]
    cmp w5, #(\value & 0xff)
    b.ne fail
.endm

_start:
    mov x19, #0
    number w0, 0x40200000
    mrs x1, sctlr_el1
    orr x1, x1, #(1 << 25)
    msr sctlr_el1, x1
    isb
    number w1, 0x11223344
    str w1, [x0]
    mov w5, w1
    check 0x11223344, 0x11223344        // 1
    number w2, 0x55667788
1:  ldxr w5, [x0]
    stxr w3, w2, [x0]
    cbnz w3, 1b
    check 0x11223344, 0x55667788        // 2
    number w2, 0x0000ff01
    ldadd w2, w5, [x0]
    check 0x55667788, 0x55677689        // 3
    number w2, 0x7f000000
    ldsmax w2, w5, [x0]
    check 0x55677689, 0x7f000000        // 4
    number w2, 0x000000ff
    ldset w2, w5, [x0]
    check 0x7f000000, 0x7f0000ff        // 5
    number w2, 0x12345678
    swp w2, w5, [x0]
    check 0x7f0000ff, 0x12345678        // 6
    number w5, 0x12345678
    number w2, 0xa0b0c0d0
    cas w5, w2, [x0]
    check 0x12345678, 0xa0b0c0d0        // 7
    number w5, 1
    cas w5, w2, [x0]
    check 0xa0b0c0d0, 0xa0b0c0d0        // 8
    mov w2, #2
    ldaddh w2, w5, [x0]                 // the upper halfword
    number w6, 0xa0b0
    add x19, x19, #1                    // 9
    cmp w5, w6
    b.ne fail
    ldrh w5, [x0]
    number w6, 0xa0b2
    cmp w5, w6
    b.ne fail
    mov x3, #0
    b out
fail:
    mov x3, x19
out:
    mrs x1, sctlr_el1
    bic x1, x1, #(1 << 25)
    msr sctlr_el1, x1
    isb
    number w1, 0x40201000
    number w2, 0x20026
    str x2, [x1]
    str x3, [x1, #8]
    mov x0, #0x18
    hlt #0xf000
