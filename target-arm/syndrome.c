/* SPDX-License-Identifier: MIT */
/*
 * The instruction-specific part of a stage 2 data abort's syndrome (Arm ARM DDI 0487 D19.2.40, ISV to AR): which register an
 * instruction that loads or stores a single general-purpose register without writeback would have transferred. Hypervisors emulate
 * devices by it. The instruction is read again when the fault is taken, so translation pays nothing for it.
 */
#include "mmu.h"

#define ISV (1u << 24)
enum { SAS_SHIFT = 22, SSE_SHIFT = 21, SRT_SHIFT = 16, SF_SHIFT = 15, AR_SHIFT = 14 };

/* size: log2 of the bytes; sf: the register is 64 bits wide. */
static uint32_t access_of(unsigned size, bool sign, unsigned reg, bool sf, bool ordered)
{
    return ISV | size << SAS_SHIFT | (uint32_t)sign << SSE_SHIFT | reg << SRT_SHIFT | (uint32_t)sf << SF_SHIFT | (uint32_t)ordered << AR_SHIFT;
}

/* ---- A64 ---- */

/* The size and opc fields that most loads and stores have. */
static uint32_t sized_access(uint32_t insn, bool ordered)
{
    unsigned size = insn >> 30, opc = insn >> 22 & 3;

    if (opc >= 2 && size + opc > 4)
        return 0; /* prefetches, and what is not allocated */
    return access_of(size, opc >= 2, insn & 31, opc == 2 || (opc < 2 && size == 3), ordered);
}

static uint32_t isv_a64(uint32_t insn)
{
    if ((insn & 0x3f000000) == 0x39000000) /* unsigned offset */
        return sized_access(insn, false);
    if ((insn & 0x3f200400) == 0x38000000) /* unscaled offset, unprivileged */
        return sized_access(insn, false);
    if ((insn & 0x3f200c00) == 0x38200800) /* register offset */
        return sized_access(insn, false);
    if ((insn & 0x3f200c00) == 0x19000000) /* LDAPUR, STLUR */
        return sized_access(insn, true);
    if ((insn & 0xff200c00) == 0xf8200400) /* LDRAA, LDRAB */
        return access_of(3, false, insn & 31, true, false);
    if ((insn & 0x3fa00000) == 0x08800000) /* LDAR, LDLAR, STLR, STLLR */
        return access_of(insn >> 30, false, insn & 31, insn >> 30 == 3, true);
    if ((insn & 0x3ffffc00) == 0x38bfc000) /* LDAPR */
        return access_of(insn >> 30, false, insn & 31, insn >> 30 == 3, true);
    if ((insn & 0x3f000000) == 0x18000000 && insn >> 30 != 3) /* literals */
        return access_of(insn >> 30 == 1 ? 3 : 2, insn >> 30 == 2, insn & 31, insn >> 30 != 0, false);
    return 0;
}

/* ---- A32 and T32 ---- */

/* A register as AArch64 numbers it: those of other modes have numbers of their own. */
static unsigned register_view(const ARMCPU *env, unsigned reg)
{
    static const struct { uint8_t mode, r13, r14; } banked[] = {
        { MODE_IRQ, 17, 16 }, { MODE_SVC, 19, 18 }, { MODE_ABT, 21, 20 }, { MODE_UND, 23, 22 }, { MODE_FIQ, 29, 30 },
    };
    uint32_t mode = env->pstate & CPSR_M;

    if (!arm_el_is_aa64(env, 2))
        return reg;
    if (mode == MODE_FIQ && reg >= 8 && reg <= 12)
        return reg + 16;
    for (unsigned i = 0; i < ARRAY_SIZE(banked); i++)
        if (mode == banked[i].mode && (reg == 13 || reg == 14))
            return reg == 13 ? banked[i].r13 : banked[i].r14;
    return reg;
}

static uint32_t access_a32(const ARMCPU *env, unsigned size, bool sign, unsigned reg, bool ordered)
{
    return reg == 15 ? 0 : access_of(size, sign, register_view(env, reg), false, ordered);
}

static uint32_t isv_a32(const ARMCPU *env, uint32_t insn)
{
    unsigned rt = insn >> 12 & 15;
    bool offset = (insn & 0x01200000) == 0x01000000; /* P without W */

    if (insn >> 28 == 15)
        return 0;
    if ((insn & 0x0f900ff0) == 0x01900c90 || (insn & 0x0f90fff0) == 0x0180fc90) { /* load-acquire, store-release */
        static const uint8_t sizes[4] = { 2, 3, 0, 1 };
        unsigned size = sizes[insn >> 21 & 3];
        return size == 3 ? 0 : access_a32(env, size, false, insn >> 20 & 1 ? rt : insn & 15, true);
    }
    if ((insn & 0x0c000000) == 0x04000000 && (insn & 0x02000010) != 0x02000010)
        return offset ? access_a32(env, insn >> 22 & 1 ? 0 : 2, false, rt, false) : 0;
    if ((insn & 0x0e000090) == 0x00000090 && insn & 0x60 && offset) {
        bool load = insn >> 20 & 1, sign = insn & 0x40, half = insn & 0x20;
        return sign && !load ? 0 : access_a32(env, half, sign, rt, false);
    }
    return 0;
}

static uint32_t isv_t16(const ARMCPU *env, uint32_t insn)
{
    static const struct { uint8_t size, sign; } by_register[8] = {
        { 2, 0 }, { 1, 0 }, { 0, 0 }, { 0, 1 }, { 2, 0 }, { 1, 0 }, { 0, 0 }, { 1, 1 },
    };

    switch (insn >> 12) {
    case 4:
        return insn & 0x800 ? access_a32(env, 2, false, insn >> 8 & 7, false) : 0; /* literal */
    case 5:
        return access_a32(env, by_register[insn >> 9 & 7].size, by_register[insn >> 9 & 7].sign, insn & 7, false);
    case 6: case 7: case 8:
        return access_a32(env, insn >> 12 == 6 ? 2 : insn >> 12 == 7 ? 0 : 1, false, insn & 7, false);
    case 9:
        return access_a32(env, 2, false, insn >> 8 & 7, false);
    default:
        return 0;
    }
}

static uint32_t isv_t32(const ARMCPU *env, uint32_t first, uint32_t second)
{
    unsigned rt = second >> 12, size = first >> 5 & 3;
    bool load = first >> 4 & 1, sign = first >> 8 & 1;

    if ((first & 0xffe0) == 0xe8c0 && (second & 0xfc0) == 0xf80) /* load-acquire, store-release */
        return (second >> 4 & 3) == 3 ? 0 : access_a32(env, second >> 4 & 3, false, rt, true);
    if ((first & 0xfe00) != 0xf800 || size == 3 || (sign && (!load || size == 2)))
        return 0;
    bool literal = (first & 15) == 15, wide = first >> 7 & 1, by_register = !(second & 0xfc0);
    bool negative = (second & 0xf00) == 0xc00, unprivileged = (second & 0xf00) == 0xe00;
    return literal || wide || by_register || negative || unprivileged ? access_a32(env, size, sign, rt, false) : 0;
}

/* ---- The instruction at pc ---- */

static bool fetch(ARMCPU *env, uint64_t va, unsigned size, uint32_t *out)
{
    Regime r = arm_regime(env, arm_current_el(env));
    WalkRequest q = { .va = va, .access = ACCESS_FETCH, .debug = true };
    Walk w;

    arm_walk(env, &r, &q, &w);
    if (w.fault != FAULT_NONE)
        return false;
    uint32_t word = phys_ldl(&env->parent, w.pa & ~3ull);
    *out = size == 4 ? word : word >> (w.pa & 2 ? 16 : 0) & 0xffff;
    return true;
}

uint32_t arm_isv_syndrome(ARMCPU *env, uint32_t syndrome)
{
    uint32_t insn, second, isv;

    if (!env->thumb || arm_is_aa64(env)) {
        if (!fetch(env, env->pc, 4, &insn))
            return syndrome;
        return syndrome | (arm_is_aa64(env) ? isv_a64(insn) : isv_a32(env, insn));
    }
    if (!fetch(env, env->pc, 2, &insn))
        return syndrome;
    if (insn >> 11 > 28)
        return fetch(env, env->pc + 2, 2, &second) ? syndrome | isv_t32(env, insn, second) : syndrome;
    isv = isv_t16(env, insn);
    return isv ? (syndrome & ~(uint32_t)SYN_IL) | isv : syndrome;
}
