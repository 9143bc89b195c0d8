/* SPDX-License-Identifier: MIT */
/* Proves that memory copy and set instructions move overlapping blocks in both directions and leave the registers that option A
 * promises. Expected values: Arm ARM DDI 0487 C6.2, CPYP and SETP. */
#include "a64-program.h"

.arch armv8.8-a+mops
.global _start
_start:
 ldr x1, =stack
 mov sp, x1
 // fill src with pattern
 ldr x0, =buf
 mov x1, #0
1: strb w1, [x0, x1]
 add x1, x1, #1
 mov x9, #9000
 cmp x1, x9
 b.lo 1b
 // backward copy: dst = buf+100, src = buf, n=8000
 ldr x0, =buf+100
 ldr x1, =buf
 mov x2, #8000
 cpyp [x0]!,[x1]!,x2!
 cpym [x0]!,[x1]!,x2!
 cpye [x0]!,[x1]!,x2!
 cbnz x2, fail
 ldr x0, =buf
 mov x1, #0
2: add x3, x1, #100
 ldrb w4, [x0, x3]
 and w5, w1, #255
 cmp w4, w5
 b.ne fail
 add x1, x1, #1
 mov x9, #8000
 cmp x1, x9
 b.lo 2b
 // forward: dst = buf, src=buf+100, n=8000
 ldr x0, =buf
 ldr x1, =buf+100
 mov x2, #8000
 cpyp [x0]!,[x1]!,x2!
 cpym [x0]!,[x1]!,x2!
 cpye [x0]!,[x1]!,x2!
 ldr x3, =buf+8000
 cmp x0, x3
 b.ne fail
 ldr x0, =buf
 mov x1, #0
3: ldrb w4, [x0, x1]
 and w5, w1, #255
 cmp w4, w5
 b.ne fail
 add x1, x1, #1
 mov x9, #8000
 cmp x1, x9
 b.lo 3b
 ldr x0, =buf+5
 mov x1, #5000
 mov x2, #0x5a
 setp [x0]!, x1!, x2
 setm [x0]!, x1!, x2
 sete [x0]!, x1!, x2
 cbnz x1, fail
 ldr x0, =buf
 ldrb w3,[x0,#4]
 cmp w3,#4
 b.ne fail
 ldrb w3,[x0,#5]
 cmp w3,#0x5a
 b.ne fail
 mov x4,#5004
 ldrb w3,[x0,x4]
 cmp w3,#0x5a
 b.ne fail
 mov x4,#5005
 ldrb w3,[x0,x4]
 cmp w3,#141
 b.ne fail
 mov x3, #0
 b out
fail: mov x3, #1
out: exit_with_x3
 .ltorg
 program_memory
buf: .skip 16384
