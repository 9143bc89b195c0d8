/* SPDX-License-Identifier: MIT */
/*
 * Random Arm instruction sequences, run by an oracle process (under a user-mode emulator) and by Rhea, must leave the same state.
 * This header is the memory the two share; it has one layout for 32- and 64-bit builds.
 */
#ifndef TESTS_TCG_ARM_DIFF_H
#define TESTS_TCG_ARM_DIFF_H

#include <stdint.h>

typedef uint64_t __attribute__((aligned(8))) u64;

/* The same addresses on both sides, so that pc-relative results agree. */
#define CODE_BASE 0x10000000u
#define CODE_SIZE 0x00100000u
#define DATA_BASE 0x20000000u /* one page; the pages around it are unmapped */
#define DATA_SIZE 0x1000u
#define STACK_BASE 0x30000000u
#define STACK_SIZE 0x1000u
#define CASE_CODE_MAX 224
#define CASE_CODE_SLOT 256
#define CASE_MEM 512          /* bytes of data and of stack that are set before and compared after */
#define CASE_MEM_OFFSET 0x700
#define BATCH 256
#define MAX_INSNS 32

/* How a sequence ended: what the kernel would make of it. */
enum { END_NONE, END_ILL, END_SEGV, END_BUS, END_TRAP, END_OTHER, END_TIMEOUT };

typedef struct __attribute__((aligned(16))) ArmRegs {
    u64 x[32];                /* AArch32: r0-r14; AArch64: x0-x30, sp */
    u64 pc;
    uint32_t psr;             /* AArch32: CPSR; AArch64: PSTATE */
    uint32_t fpcr, fpsr;      /* AArch32: FPSCR in fpsr */
    uint32_t pad;
    u64 v[32][2];             /* AArch32: d0-d31 in v[0]-v[15] */
} ArmRegs;

typedef struct __attribute__((aligned(16))) Outcome {
    ArmRegs regs;
    uint32_t end, pad;
    u64 fault;                /* ours: the address of a memory fault */
    uint8_t data[CASE_MEM], stack[CASE_MEM];
} Outcome;

typedef struct __attribute__((aligned(16))) Case {
    ArmRegs in;
    uint8_t data[CASE_MEM], stack[CASE_MEM];
    uint32_t code_offset;     /* in the code area */
    uint32_t code_len;
    uint8_t code[CASE_CODE_SLOT];
    Outcome native, ours;
    uint32_t insns;
    uint16_t start[MAX_INSNS + 1];
} Case;

typedef struct Shared {
    uint32_t count, pad[3];   /* cases in this batch */
    u64 image[2];             /* the oracle's program: accesses there fault on our side only */
    Case cases[BATCH];
} Shared;

#endif
