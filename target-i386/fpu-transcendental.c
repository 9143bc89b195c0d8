/* SPDX-License-Identifier: MIT */
/*
 * x87 functions: roots of the host's FSIN, FPATAN, F2XM1, FYL2X and kin, remainders, FSCALE and FXTRACT.
 * Intel SDM vol. 1, 8.3.6-8.3.10. Results are those of the host's x87.
 */
#include "fpu.h"

/* st0 = f(st0) */
#define FUNCTION(name, cc)                                                \
    void helper_f##name(CPUState *cpu)                                    \
    {                                                                     \
        X86CPU *env = x86_cpu(cpu);                                       \
        if (x87_empty(env, 0)) {                                          \
            env->fpus &= (uint16_t)~(cc);                                 \
            x87_underflow_to(env, 0);                                     \
        } else                                                            \
            X87_DO_CC(env, x87_st(env, 0), cc, x87_host_##name);          \
    }
FUNCTION(2xm1, 0)
FUNCTION(sin, FPUS_C2)
FUNCTION(cos, FPUS_C2)

void helper_fscale(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    FPReg *d = x87_st(env, 0);

    if (x87_either_empty(env, 0, 1))
        x87_underflow_to(env, 0);
    else
        X87_DO(env, d, x87_host_scale, d, x87_st(env, 1));
}

/* Remainders: C2 says incomplete, C0 C3 C1 are the low bits of the quotient. Without a numeric result C2 and C1
 * are cleared and the others stay. */
#define REMAINDER(name)                                                   \
    void helper_f##name(CPUState *cpu)                                    \
    {                                                                     \
        X86CPU *env = x86_cpu(cpu);                                       \
        FPReg *d = x87_st(env, 0), r = { 0 };                             \
        uint16_t sw, cc = FPUS_CC;                                        \
        if (x87_either_empty(env, 0, 1)) {                                \
            env->fpus &= (uint16_t)~FPUS_C2;                              \
            x87_underflow_to(env, 0);                                     \
            return;                                                       \
        }                                                                 \
        sw = x87_host_##name(env->fpuc, &r, d, x87_st(env, 1));           \
        if ((r.exp & 0x7fff) == 0x7fff || sw & ~env->fpuc & FPUS_PRE)     \
            cc = FPUS_C2;                                                 \
        if (x87_merge(env, sw, cc))                                       \
            x87_copy(d, &r);                                              \
    }
REMAINDER(prem)
REMAINDER(prem1)

/* st1 = f(st1, st0), pop */
#define FUNCTION_POP(name)                                                \
    void helper_f##name(CPUState *cpu)                                    \
    {                                                                     \
        X86CPU *env = x86_cpu(cpu);                                       \
        FPReg *d = x87_st(env, 1);                                        \
        bool done;                                                        \
        if (x87_either_empty(env, 0, 1))                       \
            done = x87_underflow_to(env, 1);                              \
        else                                                              \
            done = X87_DO(env, d, x87_host_##name, d, x87_st(env, 0));    \
        if (done)                                                         \
            x87_pop(env);                                                 \
    }
FUNCTION_POP(patan)
FUNCTION_POP(yl2x)
FUNCTION_POP(yl2xp1)

typedef uint16_t TwoResults(uint16_t cw, const FPReg *a, FPReg *first, FPReg *second);

/* st0 = first result, then the second is pushed. With FPUS_C2 in cc, C2 means that the operand was out of
 * range and stays. */
static inline void two_results(X86CPU *env, uint16_t cc, TwoResults *call)
{
    FPReg *d = x87_st(env, 0), first, second;
    bool missing = x87_empty(env, 0);
    uint16_t sw;

    if (missing || !x87_empty(env, 7)) {
        env->fpus &= (uint16_t)~cc;
        if (x87_stack_fault(env, missing ? 0 : FPUS_C1)) {
            env->fptags[x87_index(env, 0)] = 0;
            x87_set_indefinite(d);
            x87_set_indefinite(x87_push(env));
        }
        return;
    }
    sw = call(env->fpuc, d, &first, &second);
    if (x87_merge(env, sw, cc) && !(sw & cc & FPUS_C2)) {
        x87_copy(d, &first);
        x87_copy(x87_push(env), &second);
    }
}

void helper_fptan(CPUState *cpu)
{
    two_results(x86_cpu(cpu), FPUS_C2, x87_host_ptan);
}

void helper_fsincos(CPUState *cpu)
{
    two_results(x86_cpu(cpu), FPUS_C2, x87_host_sincos);
}

void helper_fxtract(CPUState *cpu)
{
    two_results(x86_cpu(cpu), 0, x87_host_xtract);
}
