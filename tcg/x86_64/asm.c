/* SPDX-License-Identifier: MIT */
/* x86-64 instruction encoder: see asm.h. Intel SDM volume 2, 2.1 to 2.3 (prefixes, ModRM, SIB, VEX). */
#include "tcg/x86_64/asm.h"

#include <string.h>

static bool fits8(int64_t v) { return v == (int8_t)v; }
static bool fits32(int64_t v) { return v == (int32_t)v; }

/* Instructions are written through a pointer of their own: one in *a, which bytes may alias, would be stored and loaded for each byte. */
static uint8_t *put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
    return p + 4;
}

/* ModRM, SIB and displacement. */
static inline uint8_t *operand_bytes(uint8_t *p, int reg, Operand rm)
{
    unsigned field = (reg & 7) << 3, mod;
    bool sib;

    if (rm.reg >= 0) {
        *p++ = (uint8_t)(0xc0 | field | (rm.reg & 7));
        return p;
    }
    if (rm.base < 0) { /* absolute or index * scale + disp32 */
        *p++ = (uint8_t)(field | 4);
        *p++ = (uint8_t)(rm.scale << 6 | (rm.index < 0 ? 4 : rm.index & 7) << 3 | 5);
        return put32(p, (uint32_t)rm.disp);
    }
    mod = rm.disp == 0 && (rm.base & 7) != RBP ? 0 : fits8(rm.disp) ? 1 : 2;
    sib = rm.index >= 0 || (rm.base & 7) == RSP;
    *p++ = (uint8_t)(mod << 6 | field | (sib ? 4 : rm.base & 7));
    if (sib) {
        *p++ = (uint8_t)(rm.scale << 6 | (rm.index < 0 ? 4 : rm.index & 7) << 3 | (rm.base & 7));
    }
    if (mod == 1) {
        *p++ = (uint8_t)rm.disp;
    } else if (mod == 2) {
        p = put32(p, (uint32_t)rm.disp);
    }
    return p;
}

/* REX.X and REX.B bits of an operand. */
static unsigned rex_xb(Operand rm)
{
    if (rm.reg >= 0) {
        return rm.reg >> 3 & 1;
    }
    return (rm.index >= 0 ? (rm.index >> 3 & 1) << 1 : 0) | (rm.base >= 0 ? rm.base >> 3 & 1 : 0);
}

void asm_rm(Asm *a, unsigned op, int reg, Operand rm)
{
    static const uint8_t prefix[4] = { 0, 0x66, 0xf3, 0xf2 };
    unsigned pp = (op & X_PP) >> 10, map = (op & X_MAP) >> 8;
    unsigned rex = (op & X_W ? 8 : 0) | (reg >> 3 & 1) << 2 | rex_xb(rm);
    uint8_t *p = a->p;

    if (op & X_LOCK) {
        *p++ = 0xf0;
    }
    if (op & X_GS) {
        *p++ = 0x65;
    }
    if (pp) {
        *p++ = prefix[pp];
    }
    if (rex || (op & X_REG8 && reg >= RSP) || (op & X_RM8 && rm.reg >= RSP)) {
        *p++ = (uint8_t)(0x40 | rex);
    }
    if (map) {
        *p++ = 0x0f;
    }
    if (map > 1) {
        *p++ = map == 2 ? 0x38 : 0x3a;
    }
    *p++ = op & 0xff;
    a->p = operand_bytes(p, reg, rm);
}

void asm_vex(Asm *a, unsigned op, int reg, int vvvv, Operand rm)
{
    unsigned pp = (op & X_PP) >> 10, map = (op & X_MAP) >> 8, xb = rex_xb(rm);
    unsigned low = (~vvvv & 15) << 3 | (op & X_L ? 4 : 0) | pp;
    unsigned r = reg & 8 ? 0 : 0x80;
    uint8_t *p = a->p;

    if (op & X_GS) {
        *p++ = 0x65;
    }
    if (map == 1 && !(op & X_W) && xb == 0) {
        *p++ = 0xc5;
        *p++ = (uint8_t)(r | low);
    } else {
        *p++ = 0xc4;
        *p++ = (uint8_t)(r | (~xb & 3) << 5 | map);
        *p++ = (uint8_t)((op & X_W ? 0x80 : 0) | low);
    }
    *p++ = op & 0xff;
    a->p = operand_bytes(p, reg, rm);
}

void asm_mov(Asm *a, bool w, int dst, int src)
{
    if (dst != src || !w) {
        asm_rr(a, MOV_LD | X_SIZE(w), dst, src);
    }
}

void asm_mov_imm(Asm *a, int dst, uint64_t value)
{
    if (value <= UINT32_MAX) {
        if (dst & 8) {
            asm_byte(a, 0x41);
        }
        asm_byte(a, 0xb8 | (dst & 7));
        asm_u32(a, (uint32_t)value);
    } else if (fits32((int64_t)value)) {
        asm_rr(a, MOV_IMM | X_W, 0, dst);
        asm_u32(a, (uint32_t)value);
    } else {
        asm_byte(a, 0x48 | (dst >> 3 & 1));
        asm_byte(a, 0xb8 | (dst & 7));
        asm_u64(a, value);
    }
}

void asm_alu_imm(Asm *a, unsigned alu, bool w, Operand rm, int32_t imm)
{
    asm_rm(a, (fits8(imm) ? ALU_IMM8 : ALU_IMM32) | X_SIZE(w), (int)alu, rm);
    if (fits8(imm)) {
        asm_byte(a, (uint8_t)imm);
    } else {
        asm_u32(a, (uint32_t)imm);
    }
}

void asm_shift_imm(Asm *a, unsigned digit, bool w, int reg, unsigned count)
{
    if (count) {
        asm_rr(a, SHIFT_IMM | X_SIZE(w), (int)digit, reg);
        asm_byte(a, count);
    }
}

void asm_test_imm(Asm *a, bool w, Operand rm, int32_t imm)
{
    if (imm >= 0 && imm < 0x100 && (rm.reg < 0 || rm.reg < RSP)) {
        asm_rm(a, 0xf6, G3_TEST, rm);
        asm_byte(a, (uint8_t)imm);
        return;
    }
    /* A mask without sign needs no 64-bit operation. */
    asm_rm(a, GROUP3 | X_SIZE(w && imm < 0), G3_TEST, rm);
    asm_u32(a, (uint32_t)imm);
}

void asm_store_imm(Asm *a, unsigned bytes, Operand mem, int32_t imm)
{
    if (bytes == 1) {
        asm_rm(a, MOV_IMM8, 0, mem);
        asm_byte(a, (uint8_t)imm);
    } else if (bytes == 2) {
        asm_rm(a, MOV_IMM16, 0, mem);
        asm_byte(a, (uint8_t)imm);
        asm_byte(a, (uint8_t)(imm >> 8));
    } else {
        asm_rm(a, MOV_IMM | X_SIZE(bytes == 8), 0, mem);
        asm_u32(a, (uint32_t)imm);
    }
}

void asm_bswap(Asm *a, bool w, int reg)
{
    unsigned rex = (w ? 8 : 0) | (reg >> 3 & 1);

    if (rex) {
        asm_byte(a, 0x40 | rex);
    }
    asm_byte(a, 0x0f);
    asm_byte(a, 0xc8 | (reg & 7));
}

void asm_push(Asm *a, int reg)
{
    if (reg & 8) {
        asm_byte(a, 0x41);
    }
    asm_byte(a, 0x50 | (reg & 7));
}

void asm_pop(Asm *a, int reg)
{
    if (reg & 8) {
        asm_byte(a, 0x41);
    }
    asm_byte(a, 0x58 | (reg & 7));
}

void asm_ret(Asm *a) { asm_byte(a, 0xc3); }

/* Distance from the end of an instruction of len bytes placed here. */
static int64_t distance(const Asm *a, const void *target, unsigned len)
{
    return (const uint8_t *)target - (a->p + a->exec + len);
}

void asm_jmp(Asm *a, const void *target)
{
    int64_t d = distance(a, target, 2);

    if (fits8(d)) {
        asm_byte(a, 0xeb);
        asm_byte(a, (uint8_t)d);
    } else {
        d = distance(a, target, 5);
        asm_byte(a, 0xe9);
        asm_u32(a, (uint32_t)d);
    }
}

void asm_jcc(Asm *a, unsigned cc, const void *target)
{
    int64_t d = distance(a, target, 2);

    if (fits8(d)) {
        asm_byte(a, 0x70 | cc);
        asm_byte(a, (uint8_t)d);
    } else {
        d = distance(a, target, 6);
        asm_byte(a, 0x0f);
        asm_byte(a, 0x80 | cc);
        asm_u32(a, (uint32_t)d);
    }
}

void asm_call(Asm *a, const void *target)
{
    int64_t d = distance(a, target, 5);

    if (fits32(d)) {
        asm_byte(a, 0xe8);
        asm_u32(a, (uint32_t)d);
    } else {
        asm_mov_imm(a, RAX, (uintptr_t)target);
        asm_rr(a, GROUP5, 2, RAX);
    }
}

uint8_t *asm_jmp_forward(Asm *a)
{
    asm_byte(a, 0xe9);
    asm_u32(a, 0);
    return a->p - 4;
}

uint8_t *asm_jcc_forward(Asm *a, unsigned cc)
{
    asm_byte(a, 0x0f);
    asm_byte(a, 0x80 | cc);
    asm_u32(a, 0);
    return a->p - 4;
}

void asm_nops(Asm *a, unsigned bytes)
{
    static const uint8_t nop[4][3] = { { 0 }, { 0x90 }, { 0x66, 0x90 }, { 0x0f, 0x1f, 0x00 } };

    for (unsigned n; bytes; bytes -= n) {
        n = bytes < 3 ? bytes : 3;
        __builtin_memcpy(a->p, nop[n], n);
        a->p += n;
    }
}
