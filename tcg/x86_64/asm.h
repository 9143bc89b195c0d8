/* SPDX-License-Identifier: MIT */
/*
 * x86-64 instruction encoder (Intel SDM volume 2, chapter 2): an opcode word says prefixes, map and
 * opcode byte; an operand is a register or base + index * scale + displacement. Instructions go
 * straight into the code buffer; the caller has checked that there is room.
 */
#ifndef RHEA_TCG_X86_64_ASM_H
#define RHEA_TCG_X86_64_ASM_H

#include "typedefs.h"

/* Host registers; vector registers follow so that one number names either. */
enum {
    RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15,
    XMM0, XMM15 = XMM0 + 15, HOST_REGS, NOREG = -1,
};

/* Opcode word: low byte is the opcode, the rest how it is encoded. */
enum {
    X_0F = 1 << 8, X_0F38 = 2 << 8, X_0F3A = 3 << 8, X_MAP = 3 << 8,
    X_66 = 1 << 10, X_F3 = 2 << 10, X_F2 = 3 << 10, X_PP = 3 << 10,
    X_W = 1 << 12,
    X_REG8 = 1 << 13, /* ModRM.reg is a byte register: needs REX for spl … dil */
    X_RM8 = 1 << 14,
    X_GS = 1 << 15,
    X_LOCK = 1 << 16,
    X_L = 1 << 17,    /* VEX.256 */
};
#define X_SIZE(is64) ((is64) ? X_W : 0)

enum {
    MOV_LD = 0x8b, MOV_ST = 0x89, MOV_ST8 = 0x88 | X_REG8, MOV_ST16 = 0x89 | X_66,
    MOV_LD8 = 0x8a | X_REG8 | X_RM8, MOV_LD16 = 0x8b | X_66,
    MOV_IMM = 0xc7, MOV_IMM8 = 0xc6, MOV_IMM16 = 0xc7 | X_66,
    MOVZX8 = 0xb6 | X_0F | X_RM8, MOVZX16 = 0xb7 | X_0F,
    MOVSX8 = 0xbe | X_0F | X_RM8, MOVSX16 = 0xbf | X_0F, MOVSXD = 0x63 | X_W,
    LEA = 0x8d, TEST = 0x85, XCHG = 0x87, XADD = 0xc1 | X_0F, CMPXCHG = 0xb1 | X_0F,
    IMUL = 0xaf | X_0F, IMUL_IMM32 = 0x69, IMUL_IMM8 = 0x6b,
    ALU_IMM8 = 0x83, ALU_IMM32 = 0x81, SHIFT_IMM = 0xc1, SHIFT_CL = 0xd3, GROUP3 = 0xf7, GROUP5 = 0xff,
    SETCC = 0x90 | X_0F | X_RM8, CMOVCC = 0x40 | X_0F,
    SHRD_IMM = 0xac | X_0F, SHLD_IMM = 0xa4 | X_0F, BSF = 0xbc | X_0F, BSR = 0xbd | X_0F,
    TZCNT = 0xbc | X_0F | X_F3, LZCNT = 0xbd | X_0F | X_F3, POPCNT = 0xb8 | X_0F | X_F3,
    MOVBE_LD = 0xf0 | X_0F38, MOVBE_ST = 0xf1 | X_0F38, MOVBE_LD16 = MOVBE_LD | X_66, MOVBE_ST16 = MOVBE_ST | X_66,
    /* VEX encoded */
    ANDN = 0xf2 | X_0F38, RORX = 0xf0 | X_0F3A | X_F2,
    SHLX = 0xf7 | X_0F38 | X_66, SARX = 0xf7 | X_0F38 | X_F3, SHRX = 0xf7 | X_0F38 | X_F2,
    /* Vector moves */
    MOVUPS_LD = 0x10 | X_0F, MOVUPS_ST = 0x11 | X_0F, MOVAPS = 0x28 | X_0F,
    MOVD_LD = 0x6e | X_0F | X_66, MOVD_ST = 0x7e | X_0F | X_66,
    MOVQ_LD = 0x7e | X_0F | X_F3, MOVQ_ST = 0xd6 | X_0F | X_66,
    PXOR = 0xef | X_0F | X_66,
};
/* Numbers of the eight classic operations, and digits of the shift and F6/F7 groups. */
enum { ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP };
enum { SHIFT_ROL, SHIFT_ROR, SHIFT_SHL = 4, SHIFT_SHR, SHIFT_SAR = 7 };
enum { G3_TEST = 0, G3_NOT = 2, G3_NEG, G3_MUL, G3_IMUL, G3_DIV, G3_IDIV };
#define ALU_LD(n) ((n) * 8 + 3) /* reg op= r/m */
#define ALU_ST(n) ((n) * 8 + 1) /* r/m op= reg */

/* Condition codes; cc ^ 1 is the negation. */
enum { CC_OF, CC_NO, CC_B, CC_AE, CC_E, CC_NE, CC_BE, CC_A, CC_SF, CC_NS, CC_PE, CC_PO, CC_LESS, CC_GE, CC_LE, CC_G };

typedef struct Operand {
    int8_t reg;         /* or NOREG: memory */
    int8_t base, index; /* NOREG = none */
    uint8_t scale;      /* shift */
    int32_t disp;
} Operand;
static inline Operand reg_operand(int reg)
{
    return (Operand){ .reg = (int8_t)reg, .base = NOREG, .index = NOREG };
}
static inline Operand mem_operand(int base, int32_t disp)
{
    return (Operand){ .reg = NOREG, .base = (int8_t)base, .index = NOREG, .disp = disp };
}
static inline Operand indexed_operand(int base, int index, unsigned scale, int32_t disp)
{
    return (Operand){ .reg = NOREG, .base = (int8_t)base, .index = (int8_t)index, .scale = (uint8_t)scale, .disp = disp };
}

/* Where the next byte goes; rx = rw + exec is where it will run. */
typedef struct Asm {
    uint8_t *p;
    intptr_t exec;
} Asm;

static inline void asm_byte(Asm *a, unsigned v) { *a->p++ = (uint8_t)v; }
static inline void asm_u32(Asm *a, uint32_t v)
{
    __builtin_memcpy(a->p, &v, 4);
    a->p += 4;
}
static inline void asm_u64(Asm *a, uint64_t v)
{
    __builtin_memcpy(a->p, &v, 8);
    a->p += 8;
}

/* One instruction with a ModRM byte. reg is a register or an opcode digit. */
void asm_rm(Asm *a, unsigned op, int reg, Operand rm);
static inline void asm_rr(Asm *a, unsigned op, int reg, int rm) { asm_rm(a, op, reg, reg_operand(rm)); }
/* With VEX prefix; vvvv is the first source (0 when the instruction has none). */
void asm_vex(Asm *a, unsigned op, int reg, int vvvv, Operand rm);

/* w: 64-bit operation */
void asm_mov(Asm *a, bool w, int dst, int src); /* nothing when both are the same and w */
void asm_mov_imm(Asm *a, int dst, uint64_t value); /* keeps flags */
void asm_alu_imm(Asm *a, unsigned alu, bool w, Operand rm, int32_t imm);
void asm_shift_imm(Asm *a, unsigned digit, bool w, int reg, unsigned count); /* nothing for 0 */
void asm_test_imm(Asm *a, bool w, Operand rm, int32_t imm);
void asm_store_imm(Asm *a, unsigned bytes, Operand mem, int32_t imm);
void asm_bswap(Asm *a, bool w, int reg);
void asm_push(Asm *a, int reg);
void asm_pop(Asm *a, int reg);
void asm_ret(Asm *a);
/* Control transfers to code at an executable address. */
void asm_jmp(Asm *a, const void *target);
void asm_jcc(Asm *a, unsigned cc, const void *target);
void asm_call(Asm *a, const void *target); /* may use rax when target is far */
/* Jumps whose 32-bit displacement is filled in later: return where it is. */
uint8_t *asm_jmp_forward(Asm *a);
uint8_t *asm_jcc_forward(Asm *a, unsigned cc);
void asm_nops(Asm *a, unsigned bytes);
static inline void asm_patch32(uint8_t *at, const uint8_t *target)
{
    int32_t d = (int32_t)(target - (at + 4));
    __builtin_memcpy(at, &d, 4);
}

#endif
