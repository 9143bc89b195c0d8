/* SPDX-License-Identifier: MIT */
/* Helpers of AArch32 integer instructions: parallel arithmetic, sums of differences, alignment faults. Arm ARM ARMv7-A/R A8.8. */
#include "helper.h"

void helper_a32_unaligned(CPUState *cpu, uint32_t addr, uint32_t write)
{
    ARMCPU *env = arm_cpu(cpu);
    unsigned mode = (env->hflags & TBF_MMU) >> TBF_MMU_SHIFT;

    cpu->target->unaligned_access(cpu, addr, write ? ACCESS_WRITE : ACCESS_READ, mode, HELPER_RETADDR());
}

/* How the prefix of a parallel instruction treats lanes. */
typedef struct Lanes {
    uint32_t prefix; /* 1 S, 2 Q, 3 SH, 5 U, 6 UQ, 7 UH */
    unsigned bits;   /* 8 or 16 */
} Lanes;

static int32_t lane(const Lanes *l, uint32_t v, unsigned pos)
{
    uint32_t x = v >> pos & ((1u << l->bits) - 1);
    return l->prefix >= 5 ? (int32_t)x : (int32_t)(x << (32 - l->bits)) >> (32 - l->bits);
}

/* GE for the S and U forms: no borrow, carry, or a result that is not negative. */
static bool lane_ge(const Lanes *l, int32_t r, bool subtract)
{
    return l->prefix == 5 && !subtract ? r >> l->bits : r >= 0;
}

static int32_t lane_finish(const Lanes *l, int32_t r)
{
    int32_t top = 1 << (l->bits - 1);

    switch (l->prefix) {
    case 2: return r < -top ? -top : r > top - 1 ? top - 1 : r;
    case 6: return r < 0 ? 0 : r > 2 * top - 1 ? 2 * top - 1 : r;
    case 3: case 7: return r >> 1;
    }
    return r;
}

/* One lane of the result at pos, and its GE bits. */
static uint64_t lane_op(const Lanes *l, int32_t a, int32_t b, bool subtract, unsigned pos)
{
    int32_t r = subtract ? a - b : a + b;
    uint64_t ge = lane_ge(l, r, subtract) ? (l->bits == 16 ? 3 : 1) : 0;
    uint32_t field = (uint32_t)lane_finish(l, r) & ((1u << l->bits) - 1);

    return (uint64_t)field << pos | ge << (32 + pos / 8);
}

uint64_t helper_a32_parallel(uint32_t n, uint32_t m, uint32_t how)
{
    enum { ADD16, ASX, SAX, SUB16, ADD8, SUB8 = 7 };
    uint32_t op = how & 7;
    Lanes l = { how >> 3, op >= ADD8 ? 8 : 16 };
    uint64_t r = 0;

    if (op >= ADD8 || op == ADD16 || op == SUB16) {
        for (unsigned pos = 0; pos < 32; pos += l.bits)
            r |= lane_op(&l, lane(&l, n, pos), lane(&l, m, pos), op == SUB8 || op == SUB16, pos);
        return r;
    }
    return lane_op(&l, lane(&l, n, 0), lane(&l, m, 16), op == ASX, 0) |
           lane_op(&l, lane(&l, n, 16), lane(&l, m, 0), op == SAX, 16);
}

uint32_t helper_a32_usad8(uint32_t n, uint32_t m)
{
    uint32_t sum = 0;

    for (unsigned pos = 0; pos < 32; pos += 8) {
        int32_t d = (int32_t)(n >> pos & 255) - (int32_t)(m >> pos & 255);
        sum += (uint32_t)(d < 0 ? -d : d);
    }
    return sum;
}
