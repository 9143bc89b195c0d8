/* SPDX-License-Identifier: MIT */
/* Helpers of A64 integer instructions: CRC32, bit reversal, 128-bit compare and swap, branch target identification. Arm ARM DDI 0487 C6. */
#include "helper.h"
#include "mmu.h"

#include <string.h>

uint64_t helper_a64_rbit(uint64_t v)
{
    v = (v >> 1 & 0x5555555555555555ull) | (v & 0x5555555555555555ull) << 1;
    v = (v >> 2 & 0x3333333333333333ull) | (v & 0x3333333333333333ull) << 2;
    v = (v >> 4 & 0x0f0f0f0f0f0f0f0full) | (v & 0x0f0f0f0f0f0f0f0full) << 4;
    return __builtin_bswap64(v);
}

/* Reflected CRC of the low `bytes` bytes of v, bit by bit in nibbles. */
static uint32_t crc(uint32_t acc, uint64_t v, unsigned bytes, const uint32_t table[16])
{
    for (unsigned i = 0; i < bytes; i++, v >>= 8) {
        acc ^= (uint8_t)v;
        acc = acc >> 4 ^ table[acc & 15];
        acc = acc >> 4 ^ table[acc & 15];
    }
    return acc;
}

uint64_t helper_a64_crc32(uint64_t acc, uint64_t v, uint32_t bytes)
{
    static const uint32_t table[16] = { /* 0xedb88320 */
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
        0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    return crc((uint32_t)acc, v, bytes, table);
}

uint64_t helper_a64_crc32c(uint64_t acc, uint64_t v, uint32_t bytes)
{
    static const uint32_t table[16] = { /* 0x82f63b78 */
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
        0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
    };
    return crc((uint32_t)acc, v, bytes, table);
}

uint64_t helper_a64_xaflag(uint64_t nzcv)
{
    bool z = nzcv & PSTATE_Z, c = nzcv & PSTATE_C;

    return (!c && !z ? PSTATE_N : 0) | (z && c ? PSTATE_Z : 0) | (c || z ? PSTATE_C : 0) | (!c && z ? PSTATE_V : 0);
}

uint64_t helper_a64_axflag(uint64_t nzcv)
{
    bool z = nzcv & PSTATE_Z, c = nzcv & PSTATE_C, v = nzcv & PSTATE_V;

    return (z || v ? PSTATE_Z : 0) | (c && !v ? PSTATE_C : 0);
}

/* ---- 16 bytes at once ---- */

static bool swap16(ARMCPU *env, uint64_t addr, uint64_t cmp[2], const uint64_t val[2], uintptr_t ra)
{
    unsigned mode = arm_current_mmu_mode(&env->parent, false);

    if (addr & 15)
        env->parent.target->unaligned_access(&env->parent, addr, ACCESS_WRITE, mode, ra);
    if (!(env->hflags & TBF_BE_DATA))
        return cpu_cmpxchg16(&env->parent, addr, cmp, val, mode, ra);
    uint64_t c[2] = { __builtin_bswap64(cmp[0]), __builtin_bswap64(cmp[1]) };
    const uint64_t v[2] = { __builtin_bswap64(val[0]), __builtin_bswap64(val[1]) };
    bool done = cpu_cmpxchg16(&env->parent, addr, c, v, mode, ra);
    cmp[0] = __builtin_bswap64(c[0]);
    cmp[1] = __builtin_bswap64(c[1]);
    return done;
}

void helper_a64_casp(CPUState *cpu, uint64_t addr, uint64_t c0, uint64_t c1, uint64_t v0, uint64_t v1)
{
    ARMCPU *env = arm_cpu(cpu);
    uint64_t cmp[2] = { c0, c1 };
    const uint64_t val[2] = { v0, v1 };

    swap16(env, addr, cmp, val, HELPER_RETADDR());
    memcpy(env->scratch64, cmp, sizeof cmp);
}

void helper_a64_check_align16(CPUState *cpu, uint64_t addr)
{
    if (addr & 15)
        cpu->target->unaligned_access(cpu, addr, ACCESS_READ, arm_current_mmu_mode(cpu, false), HELPER_RETADDR());
}

uint32_t helper_a64_stxp(CPUState *cpu, uint64_t addr, uint64_t lo, uint64_t hi)
{
    ARMCPU *env = arm_cpu(cpu);
    uint64_t cmp[2] = { env->exclusive_val, env->exclusive_high };
    const uint64_t val[2] = { lo, hi };
    bool ours = env->exclusive_addr == addr;

    if (ours && arm_exclusive_claim(env, addr))
        ours = swap16(env, addr, cmp, val, HELPER_RETADDR());
    else
        ours = false;
    arm_exclusive_abandon(env);
    env->exclusive_addr = ~0ull;
    return !ours;
}

/* ---- Branch target identification ---- */

static bool page_is_guarded(ARMCPU *env, uint64_t pc)
{
    Regime r = arm_regime(env, arm_current_el(env));
    WalkRequest q = { .va = pc, .access = ACCESS_FETCH, .user = arm_current_el(env) == 0, .debug = true };
    Walk w;

    arm_walk(env, &r, &q, &w);
    return w.fault == FAULT_NONE && w.guarded;
}

void helper_a64_bti_check(CPUState *cpu, uint32_t btype)
{
    ARMCPU *env = arm_cpu(cpu);
    int32_t left = cpu->icount_left;

    cpu_restore_state(cpu, HELPER_RETADDR());
    if (page_is_guarded(env, env->pc))
        arm_raise(env, EXCP_UDEF, ARM_SYNDROME(EC_BTI, 1, btype), 0, 0);
    cpu->icount_left = left; /* the TB goes on */
}

uint32_t helper_a64_jump_btype(CPUState *cpu)
{
    ARMCPU *env = arm_cpu(cpu);
    int32_t left = cpu->icount_left;

    cpu_restore_state(cpu, HELPER_RETADDR());
    cpu->icount_left = left;
    return page_is_guarded(env, env->pc) ? 3 : 1;
}
