/* SPDX-License-Identifier: MIT */
/*
 * Lazy flags evaluated in C: CF PF AF ZF SF OF from cc_op and its operands (see CCOp in cpu.h), and the
 * architectural EFLAGS register. Intel SDM volume 1, 3.4.3; flags the manual leaves undefined are those
 * of current AMD processors (shifts set AF).
 */
#include "helper.h"

/* EFLAGS bits of the CC_OVR_* bits of an op. */
static uint32_t override_flags(uint32_t op)
{
    return (op & CC_OVR_C ? CC_C : 0) | (op & CC_OVR_P ? CC_P : 0) | (op & CC_OVR_A ? CC_A : 0) |
           (op & CC_OVR_Z ? CC_Z : 0) | (op & CC_OVR_S ? CC_S : 0) | (op & CC_OVR_O ? CC_O : 0);
}

typedef struct Operands {
    uint64_t dst, src, carry, sign; /* dst and src cut to the size; sign = its top bit */
} Operands;

static Operands cut(uint64_t dst, uint64_t src, uint64_t src2, unsigned size)
{
    uint64_t mask = size == 3 ? ~0ull : (1ull << (8 << size)) - 1;

    return (Operands){ dst & mask, src & mask, src2 & 1, mask ^ (mask >> 1) };
}

/* A comparison is the subtraction it did not make. */
static uint32_t subtract(uint64_t *dst, uint64_t src, uint32_t op)
{
    if ((op & 0xfc) != CC_OP_CMPB)
        return op;
    *dst -= src;
    return op - CC_OP_CMPB + CC_OP_SUBB;
}

static bool carry_of(const Operands *o, unsigned kind, uint64_t mask)
{
    switch (kind) {
    case CC_OP_ADDB:
        return o->dst < o->src;
    case CC_OP_ADCB:
        return o->carry ? o->dst <= o->src : o->dst < o->src;
    case CC_OP_SUBB:
        return ((o->dst + o->src) & mask) < o->src;
    case CC_OP_SBBB: {
        uint64_t a = (o->dst + o->src + o->carry) & mask;
        return o->carry ? a <= o->src : a < o->src;
    }
    case CC_OP_INCB: case CC_OP_DECB: case CC_OP_SARB:
        return o->src & 1;
    case CC_OP_SHLB:
        return o->src & o->sign;
    default:
        return false;
    }
}

/* AF and OF: they need the first operand of sums and differences. */
static uint32_t adjust_overflow(const Operands *o, unsigned kind)
{
    uint64_t a, over = 0, adjust = 0;

    switch (kind) {
    case CC_OP_ADDB: case CC_OP_ADCB:
        a = o->dst - o->src - (kind == CC_OP_ADCB ? o->carry : 0);
        over = (a ^ o->dst) & (o->src ^ o->dst);
        adjust = a ^ o->src ^ o->dst;
        break;
    case CC_OP_SUBB: case CC_OP_SBBB:
        a = o->dst + o->src + (kind == CC_OP_SBBB ? o->carry : 0);
        over = (a ^ o->src) & (a ^ o->dst);
        adjust = a ^ o->src ^ o->dst;
        break;
    case CC_OP_INCB:
        over = o->dst == o->sign ? o->sign : 0;
        adjust = (o->dst & 15) == 0 ? CC_A : 0;
        break;
    case CC_OP_DECB:
        over = o->dst == o->sign - 1 ? o->sign : 0;
        adjust = (o->dst & 15) == 15 ? CC_A : 0;
        break;
    case CC_OP_SHLB: case CC_OP_SARB:
        over = o->dst ^ o->src;
        adjust = CC_A;
        break;
    }
    return (over & o->sign ? CC_O : 0) | (adjust & CC_A);
}

static uint32_t compute_all(uint64_t dst, uint64_t src, uint64_t src2, uint64_t ovr, uint32_t op)
{
    op = subtract(&dst, src, op);
    unsigned base = op & 0xff, kind = base & ~3u, size = base & 3;
    uint32_t flags;

    if (base < CC_OP_ADDB) {
        flags = src & CC_ALL;
    } else {
        Operands o = cut(dst, src, src2, size);
        flags = carry_of(&o, kind, o.sign | (o.sign - 1)) | adjust_overflow(&o, kind);
        flags |= (o.dst == 0 ? CC_Z : 0) | (o.dst & o.sign ? CC_S : 0);
        flags |= __builtin_parity(o.dst & 0xff) ? 0 : CC_P;
    }
    if (op & CC_OVR_ALL) {
        uint32_t mask = override_flags(op);
        flags = (flags & ~mask) | (ovr & mask);
    }
    return flags;
}

uint64_t helper_cc_compute_all(uint64_t dst, uint64_t src, uint64_t src2, uint64_t ovr, uint32_t op)
{
    return compute_all(dst, src, src2, ovr, op);
}

uint64_t helper_cc_compute_c(uint64_t dst, uint64_t src, uint64_t src2, uint64_t ovr, uint32_t op)
{
    op = subtract(&dst, src, op);
    unsigned base = op & 0xff;

    if (op & CC_OVR_C)
        return ovr & CC_C;
    if (base < CC_OP_ADDB)
        return src & CC_C;
    Operands o = cut(dst, src, src2, base & 3);
    return carry_of(&o, base & ~3u, o.sign | (o.sign - 1));
}

uint32_t cpu_cc_compute_all(const X86CPU *env)
{
    return compute_all(env->cc_dst, env->cc_src, env->cc_src2, env->cc_ovr, env->cc_op);
}

uint32_t cpu_compute_eflags(const X86CPU *env)
{
    return env->eflags | cpu_cc_compute_all(env) | (env->df < 0 ? DF_MASK : 0) | 2;
}

void cpu_set_eflags(X86CPU *env, uint32_t flags)
{
    env->cc_src = flags & CC_ALL;
    env->cc_op = CC_OP_EFLAGS;
    env->df = flags & DF_MASK ? -1 : 1;
    env->eflags = (flags & ~(uint32_t)(CC_ALL | DF_MASK)) | 2;
}

void cpu_load_eflags(X86CPU *env, uint32_t value, uint32_t mask)
{
    const uint32_t lazy = CC_ALL | DF_MASK;
    uint32_t old = (mask & lazy) == lazy ? env->eflags : cpu_compute_eflags(env);

    cpu_set_eflags(env, (old & ~mask) | (value & mask));
    cpu_x86_update_hflags(env);
}
