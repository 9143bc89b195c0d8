/* SPDX-License-Identifier: MIT */
/*
 * x87 loads, stores, arithmetic, comparisons and control. Intel SDM vol. 1 chapter 8, vol. 2. Each helper
 * performs one instruction; the operation itself is the host's (x87-host.h), stack faults are decided here.
 * The instruction, operand and opcode pointers are stored by generated code. Transcendental functions
 * are in fpu-transcendental.c, state images in fpu-env.c and xsave.c.
 */
#include "fpu.h"
#include "x87-live.h"
#include <string.h>

/* ---- State ---- */

static void update_fp_exact(X86CPU *env)
{
    env->hflags = (env->hflags & ~(uint32_t)HF_FPEXACT) | (x86_fp_exact(env) ? HF_FPEXACT : 0);
}

void cpu_x86_set_mxcsr(X86CPU *env, uint32_t mxcsr)
{
    env->mxcsr = mxcsr;
    cpu_fp_set(&env->parent, mxcsr | 0x1f80);
    update_fp_exact(env);
}

uint32_t cpu_x86_get_mxcsr(const X86CPU *env)
{
    CPUState *cpu = (CPUState *)(uintptr_t)&env->parent;

    return (env->mxcsr & ~0x3fu) | (cpu_fp_get(cpu) & 0x3f);
}

/* ES and B follow from flags and masks. */
static void update_summary(X86CPU *env)
{
    bool pending = env->fpus & ~env->fpuc & FPUS_FLAGS;

    env->fpus = (uint16_t)((env->fpus & ~(FPUS_ES | FPUS_B)) | (pending ? FPUS_ES | FPUS_B : 0));
    update_fp_exact(env);
}

void cpu_x86_set_fpuc(X86CPU *env, uint16_t fcw)
{
    env->fpuc = (fcw & 0x1f3f) | 0x40;
    update_summary(env);
}

void cpu_x86_set_fpus(X86CPU *env, uint16_t fsw)
{
    env->fpstt = fsw >> 11 & 7;
    env->fpus = fsw & ~0x3800;
    update_summary(env);
    x87_host_clear();
}

void cpu_x86_fpu_reset(X86CPU *env)
{
    cpu_x86_sync_x87(env);
    x87_host_clear();
    memset(env->fpregs, 0, sizeof(env->fpregs));
    memset(env->xmm, 0, sizeof(env->xmm));
    memset(env->fptags, 0, sizeof(env->fptags));
    env->fpip = env->fpdp = 0;
    env->fpcs = env->fpds = 0;
    env->fpop = 0;
    env->fpuc = 0x40;
    env->fpus = 0;
    env->fpstt = 0;
    cpu_x86_set_mxcsr(env, 0x1f80);
}

void cpu_x86_sync_x87(X86CPU *env)
{
    if (env->x87_live)
        x87_leave_host(env);
}

void x86_exec_exit(CPUState *cpu)
{
    cpu_x86_sync_x87(x86_cpu(cpu));
    x87_host_clear();
}

bool x87_stack_fault(X86CPU *env, uint16_t c1)
{
    env->fpus = (uint16_t)((env->fpus & ~FPUS_C1) | FPUS_IE | FPUS_SF | c1);
    if (env->fpuc & FPUS_IE)
        return true;
    env->fpus |= FPUS_ES | FPUS_B;
    return false;
}

void x87_push_overflow(X86CPU *env)
{
    if (x87_stack_fault(env, FPUS_C1))
        x87_set_indefinite(x87_push(env));
}

bool x87_underflow_to(X86CPU *env, unsigned i)
{
    if (!x87_stack_fault(env, 0))
        return false;
    x87_set_indefinite(x87_st(env, i));
    env->fptags[x87_index(env, i)] = 0;
    return true;
}

/* A pending unmasked exception: #MF, or FERR# and on, as CR0.NE says. */
void helper_fwait(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);

    if (!(env->fpus & FPUS_ES))
        return;
    if (env->cr[0] & CR0_NE)
        raise_exception(env, EXCP10_COPR, HELPER_RETADDR());
    x86_set_ferr(env, 1);
}

/* ---- Loads ---- */

/* Unlike elsewhere, an unmasked denormal operand does not prevent the load. */
#define FLD_MEMORY(name, type)                                            \
    void helper_fld_##name(CPUState *cpu, type m)                         \
    {                                                                     \
        X86CPU *env = x86_cpu(cpu);                                       \
        uint16_t sw;                                                      \
        FPReg r;                                                          \
        if (UNLIKELY(!x87_empty(env, 7))) {                               \
            x87_push_overflow(env);                                       \
        } else if (LIKELY(env->fpuc == X87_CW_DEFAULT)) {                 \
            x87_merge(env, x87_host_ld_##name(X87_CW_DEFAULT, x87_push(env), m), 0); \
        } else {                                                          \
            sw = x87_host_ld_##name(env->fpuc, &r, m);                    \
            x87_merge(env, sw, 0);                                        \
            if (!(sw & ~env->fpuc & FPUS_IE))                             \
                x87_copy(x87_push(env), &r);                              \
        }                                                                 \
    }
FLD_MEMORY(f32, uint32_t)
FLD_MEMORY(f64, uint64_t)

void helper_fild(CPUState *cpu, uint64_t m)
{
    X86CPU *env = x86_cpu(cpu);

    if (UNLIKELY(!x87_empty(env, 7))) {
        x87_push_overflow(env);
        return;
    }
    x87_clear_c1(env);
    x87_host_ld_i64(x87_push(env), (int64_t)m);
}

void helper_fld_sti(CPUState *cpu, uint32_t i)
{
    X86CPU *env = x86_cpu(cpu);

    if (UNLIKELY(x87_empty(env, i))) {
        if (x87_stack_fault(env, 0))
            x87_set_indefinite(x87_push(env));
    } else if (UNLIKELY(!x87_empty(env, 7))) {
        x87_push_overflow(env);
    } else {
        const FPReg *s = x87_st(env, i);
        x87_clear_c1(env);
        x87_copy(x87_push(env), s);
    }
}

/* FLD1 FLDL2T FLDL2E FLDPI FLDLG2 FLDLN2 FLDZ: significands truncated and what each rounding adds (SDM
 * vol. 1, 8.3.8). Rounding is by RC alone: 0 nearest, 1 down, 2 up, 3 truncate. */
static const struct { uint64_t mant; uint16_t exp; uint8_t nearest, up; } x87_constants[7] = {
    { 0x8000000000000000, 0x3fff, 0, 0 }, { 0xd49a784bcd1b8afe, 0x4000, 0, 1 }, { 0xb8aa3b295c17f0bb, 0x3fff, 1, 1 },
    { 0xc90fdaa22168c234, 0x4000, 1, 1 }, { 0x9a209a84fbcff798, 0x3ffd, 1, 1 }, { 0xb17217f7d1cf79ab, 0x3ffe, 1, 1 },
    { 0, 0, 0, 0 },
};

void helper_fld_const(CPUState *cpu, uint32_t n)
{
    X86CPU *env = x86_cpu(cpu);
    unsigned rc = env->fpuc >> 10 & 3;

    if (UNLIKELY(!x87_empty(env, 7))) {
        x87_push_overflow(env);
        return;
    }
    x87_clear_c1(env);
    x87_set(x87_push(env), x87_constants[n].exp,
            x87_constants[n].mant + (rc == 0 ? x87_constants[n].nearest : rc == 2 ? x87_constants[n].up : 0));
}

void helper_fld_f80(CPUState *cpu, uint64_t va)
{
    x87_load_f80(x86_cpu(cpu), va, HELPER_RETADDR());
}

void x87_load_f80(X86CPU *env, uint64_t va, uintptr_t ra)
{
    uint8_t image[10];
    FPReg r = { 0 };

    cpu_ld_bytes(&env->parent, va, image, 10, x86_mmu_mode(env), ra);
    memcpy(&r, image, 10);
    if (!x87_empty(env, 7)) {
        x87_push_overflow(env);
    } else {
        x87_clear_c1(env);
        x87_copy(x87_push(env), &r);
    }
}

void helper_fbld(CPUState *cpu, uint64_t va)
{
    X86CPU *env = x86_cpu(cpu);
    uint8_t image[10];

    cpu_ld_bytes(cpu, va, image, 10, x86_mmu_mode(env), HELPER_RETADDR());
    if (!x87_empty(env, 7)) {
        x87_push_overflow(env);
    } else {
        x87_clear_c1(env);
        x87_host_ld_bcd(x87_push(env), image);
    }
}

/* ---- Stores. The status word, the pop and the store itself happen afterwards, so that a page fault finds
 * the old state: generated code writes memory, then takes fpus from scratch[0].w[2] and pops ---- */

static void store_deferred(X86CPU *env, uint16_t old, bool allowed)
{
    env->scratch[0].l[0] = allowed;
    env->scratch[0].w[2] = env->fpus;
    env->fpus = old;
}

/* To memory, overflow and underflow prevent the store too. */
static bool store_merge(X86CPU *env, uint16_t sw)
{
    return x87_merge(env, sw, 0) && !(sw & FPUS_ES && sw & ~env->fpuc & (FPUS_OE | FPUS_UE));
}

#define FST_MEMORY(name, type, indefinite)                                        \
    type helper_fst_##name(CPUState *cpu)                                         \
    {                                                                             \
        X86CPU *env = x86_cpu(cpu);                                               \
        uint16_t old = env->fpus;                                                 \
        type m = indefinite;                                                      \
        bool allowed;                                                             \
        if (UNLIKELY(x87_empty(env, 0)))                                          \
            allowed = x87_stack_fault(env, 0);                                    \
        else                                                                      \
            allowed = store_merge(env, x87_host_st_##name(env->fpuc, x87_st(env, 0), &m)); \
        store_deferred(env, old, allowed);                                        \
        return m;                                                                 \
    }
FST_MEMORY(f32, uint32_t, 0xffc00000)
FST_MEMORY(f64, uint64_t, 0xfff8000000000000ull)

uint64_t helper_fist(CPUState *cpu, uint32_t how)
{
    X86CPU *env = x86_cpu(cpu);
    const FPReg *a = x87_st(env, 0);
    uint16_t cw = env->fpuc | (how & 0x100 ? 0xc00 : 0), m16 = 0x8000, old = env->fpus, sw;
    uint32_t m32 = 0x80000000;
    uint64_t m64 = 0x8000000000000000ull;
    bool allowed;

    if (UNLIKELY(x87_empty(env, 0))) {
        allowed = x87_stack_fault(env, 0);
    } else {
        switch (how & 0xff) {
        case MO_16: sw = x87_host_st_i16(cw, a, &m16); break;
        case MO_32: sw = x87_host_st_i32(cw, a, &m32); break;
        default: sw = x87_host_st_i64(cw, a, &m64); break;
        }
        allowed = store_merge(env, sw);
    }
    store_deferred(env, old, allowed);
    return (how & 0xff) == MO_16 ? m16 : (how & 0xff) == MO_32 ? m32 : m64;
}

/* Stores ten bytes, completes what store_deferred put off, pops. */
static void store_ten_bytes(X86CPU *env, uint64_t va, const void *m, uintptr_t ra)
{
    bool allowed = env->scratch[0].l[0];

    if (allowed)
        cpu_st_bytes(&env->parent, va, m, 10, x86_mmu_mode(env), ra);
    else
        x86_probe_write(env, va, 10, ra);
    env->fpus = env->scratch[0].w[2];
    if (allowed)
        x87_pop(env);
}

void helper_fstp_f80(CPUState *cpu, uint64_t va)
{
    x87_store_f80(x86_cpu(cpu), va, HELPER_RETADDR());
}

void x87_store_f80(X86CPU *env, uint64_t va, uintptr_t ra)
{
    uint16_t old = env->fpus;
    bool allowed = true;
    FPReg r;

    x87_copy(&r, x87_st(env, 0));
    if (x87_empty(env, 0)) {
        allowed = x87_stack_fault(env, 0);
        x87_set_indefinite(&r);
    } else {
        x87_clear_c1(env);
    }
    store_deferred(env, old, allowed);
    store_ten_bytes(env, va, &r, ra);
}

void helper_fbstp(CPUState *cpu, uint64_t va)
{
    X86CPU *env = x86_cpu(cpu);
    X87Image m = { 0xc000000000000000ull, 0xffff };
    uint16_t old = env->fpus;
    bool allowed;

    if (x87_empty(env, 0))
        allowed = x87_stack_fault(env, 0);
    else
        allowed = store_merge(env, x87_host_st_bcd(env->fpuc, x87_st(env, 0), &m));
    store_deferred(env, old, allowed);
    store_ten_bytes(env, va, &m, HELPER_RETADDR());
}

void helper_fst_sti(CPUState *cpu, uint32_t i, uint32_t pop)
{
    X86CPU *env = x86_cpu(cpu);
    FPReg *d = x87_st(env, i);

    if (UNLIKELY(x87_empty(env, 0))) {
        if (!x87_stack_fault(env, 0))
            return;
        x87_set_indefinite(d);
    } else {
        x87_clear_c1(env);
        x87_copy(d, x87_st(env, 0));
    }
    env->fptags[x87_index(env, i)] = 0;
    if (pop)
        x87_pop(env);
}

void helper_probe_write(CPUState *cpu, uint64_t va, uint32_t bytes)
{
    x86_probe_write(x86_cpu(cpu), va, bytes, HELPER_RETADDR());
}

/* Undocumented D9 D8: FSTP that does not mind an empty register; then only the pop is left. */
void helper_fstpnce(CPUState *cpu, uint32_t i)
{
    X86CPU *env = x86_cpu(cpu);

    x87_clear_c1(env);
    if (!x87_empty(env, 0)) {
        x87_copy(x87_st(env, i), x87_st(env, 0));
        env->fptags[x87_index(env, i)] = 0;
    }
    x87_pop(env);
}

/* ---- Arithmetic ---- */

#define ARITH_MEMORY(op, name, type, arg)                                 \
    void helper_f##op##_##name(CPUState *cpu, arg m)                      \
    {                                                                     \
        X86CPU *env = x86_cpu(cpu);                                       \
        if (UNLIKELY(x87_empty(env, 0)))                                  \
            x87_underflow_to(env, 0);                                         \
        else                                                              \
            X87_DO(env, x87_st(env, 0), x87_host_##op##_##name, (type)m); \
    }
#define ARITH(op)                                                         \
    ARITH_MEMORY(op, f32, uint32_t, uint32_t)                             \
    ARITH_MEMORY(op, f64, uint64_t, uint64_t)                             \
    ARITH_MEMORY(op, i16, uint16_t, uint32_t)                             \
    ARITH_MEMORY(op, i32, uint32_t, uint32_t)                             \
    void helper_f##op##_st0(CPUState *cpu, uint32_t i)                    \
    {                                                                     \
        X86CPU *env = x86_cpu(cpu);                                       \
        FPReg *d = x87_st(env, 0), *s = x87_st(env, i);                   \
        if (UNLIKELY(x87_either_empty(env, 0, i)))              \
            x87_underflow_to(env, 0);                                         \
        else                                                              \
            X87_DO(env, d, x87_host_##op, d, s);                          \
    }                                                                     \
    void helper_f##op##_sti(CPUState *cpu, uint32_t i, uint32_t pop)      \
    {                                                                     \
        X86CPU *env = x86_cpu(cpu);                                       \
        FPReg *d = x87_st(env, i), *s = x87_st(env, 0);                   \
        bool done;                                                        \
        if (UNLIKELY(x87_either_empty(env, 0, i)))              \
            done = x87_underflow_to(env, i);                                  \
        else                                                              \
            done = X87_DO(env, d, x87_host_##op, d, s);                   \
        if (pop && done)                                                  \
            x87_pop(env);                                                 \
    }
ARITH(add)
ARITH(mul)
ARITH(sub)
ARITH(subr)
ARITH(div)
ARITH(divr)

#define ONE_REGISTER(name)                                                \
    void helper_f##name(CPUState *cpu)                                    \
    {                                                                     \
        X86CPU *env = x86_cpu(cpu);                                       \
        if (UNLIKELY(x87_empty(env, 0)))                                  \
            x87_underflow_to(env, 0);                                         \
        else                                                              \
            X87_DO(env, x87_st(env, 0), x87_host_##name);                 \
    }
ONE_REGISTER(sqrt)
ONE_REGISTER(rndint)

#define SIGN_OPERATION(name, expr)                                        \
    void helper_##name(CPUState *cpu)                                     \
    {                                                                     \
        X86CPU *env = x86_cpu(cpu);                                       \
        uint16_t exp = x87_st(env, 0)->exp;                               \
        if (UNLIKELY(x87_empty(env, 0))) {                                \
            x87_underflow_to(env, 0);                                         \
            return;                                                       \
        }                                                                 \
        x87_clear_c1(env);                                                \
        x87_st(env, 0)->exp = (uint16_t)(expr);                           \
    }
SIGN_OPERATION(fchs, exp ^ 0x8000)
SIGN_OPERATION(fabs, exp & 0x7fff)

/* ---- Comparisons ---- */

/* The result of a comparison whose status word is sw, or that lacks an operand. */
static void compared(X86CPU *env, uint16_t sw, bool missing, unsigned pops)
{
    bool done;

    if (UNLIKELY(missing)) {
        done = x87_stack_fault(env, 0);
        env->fpus |= FPUS_C0 | FPUS_C2 | FPUS_C3;
    } else {
        done = x87_merge(env, sw, FPUS_CC);
    }
    for (; done && pops; pops--)
        x87_pop(env);
}

#define FCOM_MEMORY(name, type, arg)                                      \
    void helper_fcom_##name(CPUState *cpu, arg m, uint32_t pops)          \
    {                                                                     \
        X86CPU *env = x86_cpu(cpu);                                       \
        bool missing = x87_empty(env, 0);                                 \
        uint16_t sw = missing ? 0 : x87_host_com_##name(env->fpuc, x87_st(env, 0), (type)m); \
        compared(env, sw, missing, pops);                                 \
    }
FCOM_MEMORY(f32, uint32_t, uint32_t)
FCOM_MEMORY(f64, uint64_t, uint64_t)
FCOM_MEMORY(i16, uint16_t, uint32_t)
FCOM_MEMORY(i32, uint32_t, uint32_t)

#define FCOM_REGISTER(name)                                               \
    void helper_f##name##_sti(CPUState *cpu, uint32_t i, uint32_t pops)   \
    {                                                                     \
        X86CPU *env = x86_cpu(cpu);                                       \
        bool missing = x87_either_empty(env, 0, i);             \
        uint16_t sw = missing ? 0 : x87_host_##name(env->fpuc, x87_st(env, 0), x87_st(env, i)); \
        compared(env, sw, missing, pops);                                 \
    }
FCOM_REGISTER(com)
FCOM_REGISTER(ucom)

void helper_ftst(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    bool missing = x87_empty(env, 0);

    compared(env, missing ? 0 : x87_host_tst(env->fpuc, x87_st(env, 0)), missing, 0);
}

/* FCOMI and FUCOMI: ZF PF CF from C3 C2 C0, also with an unmasked exception; the condition codes stay. */
uint64_t helper_fcomi(CPUState *cpu, uint32_t i, uint32_t how)
{
    X86CPU *env = x86_cpu(cpu);
    uint16_t sw = FPUS_C0 | FPUS_C2 | FPUS_C3, c1 = env->fpus & FPUS_C1;
    bool done;

    if (UNLIKELY(x87_either_empty(env, 0, i))) {
        done = x87_stack_fault(env, 0);
    } else {
        const FPReg *a = x87_st(env, 0), *b = x87_st(env, i);
        sw = how & 1 ? x87_host_ucom(env->fpuc, a, b) : x87_host_com(env->fpuc, a, b);
        done = x87_merge(env, sw, 0);
        env->fpus |= c1;
    }
    if (done && how & 2)
        x87_pop(env);
    return (uint64_t)((sw & FPUS_C0 ? CC_C : 0) | (sw & FPUS_C2 ? CC_P : 0) | (sw & FPUS_C3 ? CC_Z : 0));
}

void helper_fxam(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    uint16_t cc = x87_host_xam(x87_st(env, 0)) & FPUS_CC;

    if (x87_empty(env, 0))
        cc = (cc & FPUS_C1) | FPUS_C0 | FPUS_C3;
    env->fpus = (uint16_t)((env->fpus & ~FPUS_CC) | cc);
}

/* ---- Stack ---- */

void helper_fxch(CPUState *cpu, uint32_t i)
{
    X86CPU *env = x86_cpu(cpu);
    FPReg *a = x87_st(env, 0), *b = x87_st(env, i), t;

    if (UNLIKELY(x87_either_empty(env, 0, i))) {
        if (!x87_stack_fault(env, 0))
            return;
        if (x87_empty(env, 0))
            x87_set_indefinite(a);
        if (x87_empty(env, i))
            x87_set_indefinite(b);
        env->fptags[x87_index(env, 0)] = env->fptags[x87_index(env, i)] = 0;
    } else {
        x87_clear_c1(env);
    }
    x87_copy(&t, a);
    x87_copy(a, b);
    x87_copy(b, &t);
}

void helper_fcmov(CPUState *cpu, uint32_t i, uint32_t holds)
{
    X86CPU *env = x86_cpu(cpu);

    if (UNLIKELY(x87_either_empty(env, 0, i)))
        x87_underflow_to(env, 0);
    else if (holds)
        x87_copy(x87_st(env, 0), x87_st(env, i));
}

void helper_ffree(CPUState *cpu, uint32_t i, uint32_t pop)
{
    X86CPU *env = x86_cpu(cpu);

    x87_clear_c1(env);
    env->fptags[x87_index(env, i)] = 1;
    if (pop)
        x87_pop(env);
}

void helper_fincstp(CPUState *cpu, uint32_t amount)
{
    X86CPU *env = x86_cpu(cpu);

    x87_clear_c1(env);
    env->fpstt = x87_index(env, amount);
}

/* ---- Control ---- */

static void release_ferr(X86CPU *env)
{
    if (env->fpus & FPUS_ES && !(env->cr[0] & CR0_NE))
        x86_set_ferr(env, 0);
}

void helper_fninit(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);

    memset(env->fptags, 1, sizeof(env->fptags));
    env->fpip = env->fpdp = 0;
    env->fpcs = env->fpds = 0;
    env->fpop = 0;
    env->fpuc = 0x37f;
    release_ferr(env);
    cpu_x86_set_fpus(env, 0);
}

void helper_fnclex(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);

    release_ferr(env);
    env->fpus &= (uint16_t)~(FPUS_FLAGS | FPUS_SF | FPUS_ES | FPUS_B);
    update_fp_exact(env);
    x87_host_clear();
}

uint32_t helper_fnstsw(CPUState *cpu)
{
    return cpu_x86_get_fpus(x86_cpu(cpu));
}

void helper_fldcw(CPUState *cpu, uint32_t fcw)
{
    cpu_x86_set_fpuc(x86_cpu(cpu), (uint16_t)fcw);
}

/* FLDCW of a word that unmasks exceptions, from code made for masked ones: goes on behind it in other code. */
void helper_fldcw_unmask(CPUState *cpu, uint32_t fcw, uint64_t next_eip)
{
    X86CPU *env = x86_cpu(cpu);

    cpu_restore_state(cpu, HELPER_RETADDR());
    cpu_x86_sync_x87(env);
    cpu_x86_set_fpuc(env, (uint16_t)fcw);
    env->eip = next_eip;
    cpu_loop_exit(cpu);
}
