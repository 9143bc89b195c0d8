/* SPDX-License-Identifier: MIT */
/*
 * Random x86 instruction sequences, run natively by an oracle process and by Rhea, must leave the same
 * state. This header is the shared memory between the two; it has one layout for 32- and 64-bit builds.
 */
#ifndef TESTS_TCG_I386_DIFF_H
#define TESTS_TCG_I386_DIFF_H

#include <stdint.h>

/* The same guest and native addresses, so that pushed return addresses and RIP-relative operands agree. */
typedef uint64_t __attribute__((aligned(8))) u64;

#define CODE_BASE 0x10000000u
#define CODE_SIZE 0x00400000u
#define DATA_BASE 0x20000000u /* one page; the pages around it are unmapped */
#define DATA_SIZE 0x1000u
#define STACK_BASE 0x30000000u
#define STACK_SIZE 0x1000u
#define CASE_CODE_MAX 240
#define CASE_CODE_SLOT 256
#define CASE_MEM 512          /* bytes of data and of stack that are set before and compared after */
#define CASE_MEM_OFFSET 0x700
#define BATCH 256
#define MAX_INSNS 24

typedef struct __attribute__((aligned(16))) CPURegs {
    u64 gpr[16];
    u64 rip, rflags;
    uint8_t fx[512];          /* FXSAVE image */
    uint8_t ymmh[256];        /* upper halves of the YMM registers */
} CPURegs;

typedef struct __attribute__((aligned(16))) Outcome {
    CPURegs regs;
    uint32_t vector;          /* exception that ended the sequence; 3 = the INT3 behind it */
    uint32_t error_code;
    u64 fault_address;
    uint8_t data[CASE_MEM], stack[CASE_MEM];
} Outcome;

typedef struct __attribute__((aligned(16))) Case {
    CPURegs in;
    uint8_t data[CASE_MEM], stack[CASE_MEM];
    uint32_t code_offset;     /* in the code area */
    uint32_t code_len;
    uint8_t code[CASE_CODE_SLOT];
    Outcome native, ours;
    uint32_t insns;
    uint16_t start[MAX_INSNS + 1];
    uint32_t classes;
} Case;

typedef struct Shared {
    uint32_t count, bits;     /* cases in this batch; 16, 32 or 64 */
    uint32_t pad[2];
    Case cases[BATCH];
} Shared;

#endif
