/* SPDX-License-Identifier: MIT */
/* What the A64 programs share: how they end, and the memory behind them. */
#ifndef TESTS_TCG_ARM_SYSTEM_A64_PROGRAM_H
#define TESTS_TCG_ARM_SYSTEM_A64_PROGRAM_H

/* Ends by semihosting (SYS_EXIT, ADP_Stopped_ApplicationExit) with the status in x3; writes x0 to x2. */
.macro exit_with_x3
    ldr x1, =block
    mov w2, #0x26
    movk w2, #2, lsl #16
    str x2, [x1]
    str x3, [x1, #8]
    mov x0, #0x18
    hlt #0xf000
.endm

/* Last in the program: the exit's arguments, and a stack. */
.macro program_memory
    .bss
    .balign 16
block:
    .skip 16
    .skip 4096
stack:
.endm

#endif
