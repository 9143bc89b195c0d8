/* SPDX-License-Identifier: MIT */
/* What the x87 helper files share: the status word, the register stack, stack faults. Intel SDM vol. 1 chapter 8. */
#ifndef TARGET_I386_FPU_H
#define TARGET_I386_FPU_H

#include "helper.h"
#include "x87-host.h"

enum {
    FPUS_IE = 0x01, FPUS_DE = 0x02, FPUS_ZE = 0x04, FPUS_OE = 0x08, FPUS_UE = 0x10, FPUS_PE = 0x20,
    FPUS_FLAGS = 0x3f, FPUS_SF = 0x40, FPUS_ES = 0x80, FPUS_B = 0x8000,
    FPUS_C0 = 0x100, FPUS_C1 = 0x200, FPUS_C2 = 0x400, FPUS_C3 = 0x4000,
    FPUS_CC = FPUS_C0 | FPUS_C1 | FPUS_C2 | FPUS_C3,
    FPUS_PRE = FPUS_IE | FPUS_DE | FPUS_ZE, /* found before the operation: unmasked, they prevent it */
};

static inline unsigned x87_index(const X86CPU *env, unsigned i) { return (env->fpstt + i) & 7; }
static inline FPReg *x87_st(X86CPU *env, unsigned i) { return &env->fpregs[x87_index(env, i)]; }
static inline bool x87_empty(const X86CPU *env, unsigned i) { return env->fptags[x87_index(env, i)]; }

static inline bool x87_either_empty(const X86CPU *env, unsigned i, unsigned j)
{
    return env->fptags[x87_index(env, i)] | env->fptags[x87_index(env, j)];
}

/* In two parts, as the x87 stores and loads its registers: one wide load would wait for the stores. */
static inline void x87_copy(FPReg *d, const FPReg *s)
{
    uint64_t mant = s->mant;
    uint16_t exp = s->exp;
    d->mant = mant;
    d->exp = exp;
}
static inline void x87_set(FPReg *d, uint16_t exp, uint64_t mant)
{
    d->mant = mant;
    d->exp = exp;
}
static inline void x87_set_indefinite(FPReg *d) { x87_set(d, 0xffff, 0xc000000000000000ull); }

static inline void x87_pop(X86CPU *env)
{
    env->fptags[env->fpstt & 7] = 1;
    env->fpstt = (env->fpstt + 1) & 7;
}
/* Makes a new top, valid; the caller has checked for overflow. */
static inline FPReg *x87_push(X86CPU *env)
{
    env->fpstt = (env->fpstt - 1) & 7;
    env->fptags[env->fpstt] = 0;
    return &env->fpregs[env->fpstt];
}
static inline void x87_clear_c1(X86CPU *env) { env->fpus &= (uint16_t)~FPUS_C1; }

/*
 * Takes over flags, C1 and the condition codes of mask cc from the status word of a host operation.
 * Returns false when an unmasked exception says that operands stay and results are not written.
 */
static inline bool x87_merge(X86CPU *env, uint16_t sw, uint16_t cc)
{
    cc |= FPUS_C1;
    env->fpus = (uint16_t)((env->fpus & ~cc) | (sw & (FPUS_FLAGS | cc)));
    if (LIKELY(!(sw & FPUS_ES)))
        return true;
    env->fpus |= FPUS_ES | FPUS_B;
    return !(sw & ~env->fpuc & FPUS_PRE);
}

/* Two bits per physical register: valid, zero, special, empty (fpu-env.c). */
uint16_t x87_full_tags(const X86CPU *env);

/* Stack overflow (c1 = FPUS_C1) or underflow (0): true when masked, so that the indefinite is the result. */
bool x87_stack_fault(X86CPU *env, uint16_t c1);
/* ST(i) lacks a value that an operation wants: masked, it becomes the indefinite. True if the instruction
 * completes. */
bool x87_underflow_to(X86CPU *env, unsigned i);
/* Pushes the indefinite after a masked overflow; for instructions that push one value. */
void x87_push_overflow(X86CPU *env);

/*
 * Runs call (an x87_host_* function taking cw and a destination) on register d, respecting unmasked
 * exceptions and taking over the condition codes of mask cc; true when d was written. Arguments after d
 * may name d's old value.
 */
#define X87_DO_CC(env, d, cc, call, ...)                                                  \
    ({                                                                                    \
        bool done_ = true;                                                                \
        if (LIKELY((env)->fpuc == X87_CW_DEFAULT)) {                                      \
            x87_merge(env, call(X87_CW_DEFAULT, d, ##__VA_ARGS__), cc);                   \
        } else {                                                                          \
            FPReg result_ = *(d);                                                         \
            done_ = x87_merge(env, call((env)->fpuc, &result_, ##__VA_ARGS__), cc);       \
            if (done_)                                                                    \
                x87_copy(d, &result_);                                                    \
        }                                                                                 \
        done_;                                                                            \
    })
#define X87_DO(env, d, call, ...) X87_DO_CC(env, d, 0, call, ##__VA_ARGS__)

#endif
