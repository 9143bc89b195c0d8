/* SPDX-License-Identifier: MIT */
/*
 * FXSAVE and XSAVE images: Intel SDM vol. 1 chapters 10.5 and 13, AMD APM vol. 2 11.5. Components x87, SSE,
 * AVX (upper halves) and PKRU as far as XCR0 enables them. The modified optimisation of XSAVEOPT and
 * XSAVES writes everything that is in use. No supervisor components: XSS is 0.
 */
#include "helper.h"
#include <string.h>

enum { XSTATE_X87 = 1, XSTATE_SSE = 2, XSTATE_AVX = 4, XSTATE_PKRU = 1 << 9 };
enum { XSAVE_PLAIN, XSAVE_OPT, XSAVE_COMPACT, XSAVE_SUPERVISOR, XSAVE_KIND = 3, XSAVE_REXW = 0x100 };
enum { XSAVE_HEADER = 512, XSAVE_EXTENDED = 576, XSAVE_MAX = 4096, MXCSR_VALID = 0xffff };
#define XCOMP_COMPACTED (1ull << 63)

bool x86_xsave_component(unsigned n, uint32_t *size, uint32_t *offset)
{
    static const struct { uint8_t n; uint16_t size, offset; } components[] = { { 2, 256, 576 }, { 9, 8, 2688 } };

    for (unsigned i = 0; i < ARRAY_SIZE(components); i++) {
        if (components[i].n == n) {
            *size = components[i].size;
            *offset = components[i].offset;
            return true;
        }
    }
    return false;
}

static void put(uint8_t *image, unsigned at, uint64_t value, unsigned bytes)
{
    memcpy(image + at, &value, bytes);
}

static uint64_t get(const uint8_t *image, unsigned at, unsigned bytes)
{
    uint64_t value = 0;

    memcpy(&value, image + at, bytes);
    return value;
}

/* ---- The legacy region ---- */

/* AMD processors write zeros for the pointers unless an exception is pending. */
static bool has_pointers(const X86CPU *env)
{
    return env->cpuid_vendor[0] != 'A' || env->fpus & 0x80;
}

static void x87_to_image(const X86CPU *env, uint8_t *image, bool rexw)
{
    bool pointers = has_pointers(env);
    uint8_t valid = 0;

    for (unsigned i = 0; i < 8; i++)
        valid |= (uint8_t)(!env->fptags[i] << i);
    put(image, 0, env->fpuc, 2);
    put(image, 2, cpu_x86_get_fpus(env), 2);
    put(image, 4, valid, 2);
    put(image, 6, pointers ? env->fpop : 0, 2);
    if (!pointers) {
        memset(image + 8, 0, 16);
    } else if (rexw) {
        put(image, 8, env->fpip, 8);
        put(image, 16, env->fpdp, 8);
    } else {
        put(image, 8, (uint32_t)env->fpip | (uint64_t)env->fpcs << 32, 8);
        put(image, 16, (uint32_t)env->fpdp | (uint64_t)env->fpds << 32, 8);
    }
    for (unsigned i = 0; i < 8; i++) {
        const FPReg *r = &env->fpregs[(env->fpstt + i) & 7];
        put(image, 32 + 16 * i, r->mant, 8);
        put(image, 40 + 16 * i, r->exp, 8);
    }
}

static void x87_from_image(X86CPU *env, const uint8_t *image, bool rexw)
{
    uint8_t valid = image[4];

    cpu_x86_set_fpuc(env, (uint16_t)get(image, 0, 2));
    cpu_x86_set_fpus(env, (uint16_t)get(image, 2, 2));
    for (unsigned i = 0; i < 8; i++)
        env->fptags[i] = !(valid >> i & 1);
    env->fpop = get(image, 6, 2) & 0x7ff;
    env->fpip = get(image, 8, rexw ? 8 : 4);
    env->fpdp = get(image, 16, rexw ? 8 : 4);
    env->fpcs = rexw ? 0 : (uint16_t)get(image, 12, 2);
    env->fpds = rexw ? 0 : (uint16_t)get(image, 20, 2);
    for (unsigned i = 0; i < 8; i++) {
        FPReg *r = &env->fpregs[(env->fpstt + i) & 7];
        r->mant = get(image, 32 + 16 * i, 8);
        r->exp = (uint16_t)get(image, 40 + 16 * i, 2);
    }
}

static unsigned xmm_count(const X86CPU *env)
{
    return env->hflags & HF_CS64 ? 16 : 8;
}

static void xmm_to_image(const X86CPU *env, uint8_t *image)
{
    for (unsigned i = 0; i < xmm_count(env); i++)
        memcpy(image + 160 + 16 * i, &env->xmm[i], 16);
}

static void xmm_from_image(X86CPU *env, const uint8_t *image)
{
    for (unsigned i = 0; i < xmm_count(env); i++)
        memcpy(&env->xmm[i], image + 160 + 16 * i, 16);
}

/* ---- FXSAVE, FXRSTOR ---- */

static void check_aligned(X86CPU *env, uint64_t va, unsigned align, uintptr_t ra)
{
    if (va & (align - 1))
        raise_exception_err(env, EXCP0D_GPF, 0, ra);
}

/* AMD's FFXSR: at CPL 0 in 64-bit mode the XMM registers are left out. */
static bool fxsave_has_xmm(const X86CPU *env)
{
    bool fast = (env->efer & EFER_FFXSR) && (env->hflags & (HF_CS64 | HF_CPL)) == HF_CS64;

    return (env->cr[4] & CR4_OSFXSR) && !fast;
}

void helper_fxsave(CPUState *cpu, uint64_t va, uint32_t rexw)
{
    X86CPU *env = x86_cpu(cpu);
    unsigned len = fxsave_has_xmm(env) ? 160 + 16 * xmm_count(env) : 160;
    uint8_t image[416];

    cpu_x86_sync_x87(env);
    check_aligned(env, va, 16, HELPER_RETADDR());
    x87_to_image(env, image, rexw);
    put(image, 24, cpu_x86_get_mxcsr(env), 4);
    put(image, 28, MXCSR_VALID, 4);
    xmm_to_image(env, image);
    cpu_st_bytes(cpu, va, image, len, x86_mmu_mode(env), HELPER_RETADDR());
}

void helper_fxrstor(CPUState *cpu, uint64_t va, uint32_t rexw)
{
    X86CPU *env = x86_cpu(cpu);
    uint8_t image[416];
    uint32_t mxcsr;

    cpu_x86_sync_x87(env);
    check_aligned(env, va, 16, HELPER_RETADDR());
    cpu_ld_bytes(cpu, va, image, sizeof(image), x86_mmu_mode(env), HELPER_RETADDR());
    mxcsr = (uint32_t)get(image, 24, 4);
    if (env->cr[4] & CR4_OSFXSR && mxcsr & ~(uint32_t)MXCSR_VALID)
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    x87_from_image(env, image, rexw);
    if (env->cr[4] & CR4_OSFXSR)
        cpu_x86_set_mxcsr(env, mxcsr);
    if (fxsave_has_xmm(env))
        xmm_from_image(env, image);
}

/* ---- XSAVE ---- */

/* Which components are not in their initial state (XINUSE). */
static uint64_t xsave_in_use(const X86CPU *env)
{
    uint64_t used = 0, low = 0, high = 0;
    bool x87 = env->fpuc != 0x37f || env->fpus || env->fpstt || env->fpip || env->fpdp || env->fpop;

    for (unsigned i = 0; i < 8; i++)
        x87 |= !env->fptags[i] || env->fpregs[i].mant || env->fpregs[i].exp;
    for (unsigned i = 0; i < xmm_count(env); i++) {
        low |= env->xmm[i].q[0] | env->xmm[i].q[1];
        high |= env->xmm[i].q[2] | env->xmm[i].q[3];
    }
    used |= x87 ? XSTATE_X87 : 0;
    used |= low ? XSTATE_SSE : 0;
    used |= high ? XSTATE_AVX : 0;
    return used | (env->pkru ? XSTATE_PKRU : 0);
}

/* Where an extended component lies, given the format. */
static uint32_t component_offset(unsigned n, bool compacted, uint64_t xcomp, uint32_t *size)
{
    uint32_t offset = 0, at = XSAVE_EXTENDED, len;

    x86_xsave_component(n, size, &offset);
    if (!compacted)
        return offset;
    for (unsigned i = 2; i < n; i++) {
        if (xcomp >> i & 1 && x86_xsave_component(i, &len, &offset))
            at += len;
    }
    return at;
}

static void avx_to_image(const X86CPU *env, uint8_t *p)
{
    for (unsigned i = 0; i < xmm_count(env); i++)
        memcpy(p + 16 * i, &env->xmm[i].q[2], 16);
}

/* p NULL: initial state. */
static void avx_from_image(X86CPU *env, const uint8_t *p)
{
    for (unsigned i = 0; i < xmm_count(env); i++) {
        if (p)
            memcpy(&env->xmm[i].q[2], p + 16 * i, 16);
        else
            memset(&env->xmm[i].q[2], 0, 16);
    }
}

/* Writes the extended components of `components` after the header. */
static void xsave_extended(X86CPU *env, uint64_t va, uint64_t components, bool compacted, uint64_t xcomp, uintptr_t ra)
{
    uint8_t buf[256];
    uint32_t size, offset;

    if (components & XSTATE_AVX) {
        offset = component_offset(2, compacted, xcomp, &size);
        avx_to_image(env, buf);
        cpu_st_bytes(&env->parent, va + offset, buf, 16 * xmm_count(env), x86_mmu_mode(env), ra);
    }
    if (components & XSTATE_PKRU) {
        offset = component_offset(9, compacted, xcomp, &size);
        cpu_stq(&env->parent, va + offset, env->pkru, x86_mmu_mode(env), ra);
    }
}

/* The parts of the legacy region that the components own. */
static void xsave_legacy(X86CPU *env, uint64_t va, uint64_t components, bool mxcsr, bool rexw, uintptr_t ra)
{
    CPUState *cpu = &env->parent;
    unsigned mode = x86_mmu_mode(env);
    uint8_t image[416];

    if (components & XSTATE_X87) {
        x87_to_image(env, image, rexw);
        cpu_st_bytes(cpu, va, image, 24, mode, ra);
        cpu_st_bytes(cpu, va + 32, image + 32, 128, mode, ra);
    }
    if (mxcsr)
        cpu_stq(cpu, va + 24, cpu_x86_get_mxcsr(env) | (uint64_t)MXCSR_VALID << 32, mode, ra);
    if (components & XSTATE_SSE) {
        xmm_to_image(env, image);
        cpu_st_bytes(cpu, va + 160, image + 160, 16 * xmm_count(env), mode, ra);
    }
}

void helper_xsave(CPUState *cpu, uint64_t va, uint64_t mask, uint32_t how)
{
    X86CPU *env = x86_cpu(cpu);
    unsigned kind = how & XSAVE_KIND, mode = x86_mmu_mode(env);
    uintptr_t ra = HELPER_RETADDR();
    uint64_t rfbm = mask & env->xcr0, used, save, bv;
    bool compact = kind >= XSAVE_COMPACT, mxcsr = rfbm & (XSTATE_SSE | XSTATE_AVX);

    check_aligned(env, va, 64, ra);
    cpu_x86_sync_x87(env);
    used = xsave_in_use(env);
    save = kind == XSAVE_PLAIN ? rfbm : rfbm & used;
    if (compact) {
        /* MXCSR other than initial counts as SSE state in use */
        if (rfbm & XSTATE_SSE && cpu_x86_get_mxcsr(env) != 0x1f80)
            save |= XSTATE_SSE, used |= XSTATE_SSE;
        mxcsr = save & XSTATE_SSE;
        bv = used & rfbm;
    } else {
        bv = (cpu_ldq(cpu, va + XSAVE_HEADER, mode, ra) & ~rfbm) | (used & rfbm);
    }
    xsave_legacy(env, va, save, mxcsr, how & XSAVE_REXW, ra);
    xsave_extended(env, va, save, compact, rfbm, ra);
    cpu_stq(cpu, va + XSAVE_HEADER, bv, mode, ra);
    if (compact)
        cpu_stq(cpu, va + XSAVE_HEADER + 8, rfbm | XCOMP_COMPACTED, mode, ra);
}

/* ---- XRSTOR ---- */

/* The header's rules; SDM vol. 1, 13.8 and 13.12. */
static bool header_valid(const X86CPU *env, const uint8_t *header, bool supervisor)
{
    uint64_t bv = get(header, 0, 8), comp = get(header, 8, 8), rest = 0;

    for (unsigned i = 16; i < 64; i += 8)
        rest |= comp & XCOMP_COMPACTED || i < 24 ? get(header, i, 8) : 0;
    if (rest)
        return false;
    if (comp & XCOMP_COMPACTED)
        return x86_feature(env, FW_D_1_EAX, 1) && !(comp & ~XCOMP_COMPACTED & ~env->xcr0) && !(bv & ~comp);
    return !supervisor && !comp && !(bv & ~env->xcr0);
}

static void restore_x87(X86CPU *env, const uint8_t *image, bool rexw)
{
    static const uint8_t initial[416] = { 0x7f, 0x03 };

    x87_from_image(env, image ? image : initial, rexw);
}

void helper_xrstor(CPUState *cpu, uint64_t va, uint64_t mask, uint32_t how)
{
    X86CPU *env = x86_cpu(cpu);
    uintptr_t ra = HELPER_RETADDR();
    unsigned mode = x86_mmu_mode(env);
    uint64_t rfbm = mask & env->xcr0, bv, comp;
    uint8_t image[XSAVE_EXTENDED], avx[256];
    uint64_t pkru = 0;
    uint32_t size, mxcsr = 0x1f80;
    bool compacted, load_mxcsr;

    cpu_x86_sync_x87(env);
    check_aligned(env, va, 64, ra);
    cpu_ld_bytes(cpu, va, image, sizeof(image), mode, ra);
    if (!header_valid(env, image + XSAVE_HEADER, (how & XSAVE_KIND) == XSAVE_SUPERVISOR))
        raise_exception_err(env, EXCP0D_GPF, 0, ra);
    bv = get(image, XSAVE_HEADER, 8);
    comp = get(image, XSAVE_HEADER + 8, 8);
    compacted = comp & XCOMP_COMPACTED;
    load_mxcsr = compacted ? rfbm & XSTATE_SSE : rfbm & (XSTATE_SSE | XSTATE_AVX);
    if (load_mxcsr && (!compacted || bv & XSTATE_SSE))
        mxcsr = (uint32_t)get(image, 24, 4);
    if (mxcsr & ~(uint32_t)MXCSR_VALID)
        raise_exception_err(env, EXCP0D_GPF, 0, ra);
    if (rfbm & bv & XSTATE_AVX)
        cpu_ld_bytes(cpu, va + component_offset(2, compacted, comp, &size), avx, 16 * xmm_count(env), mode, ra);
    if (rfbm & bv & XSTATE_PKRU)
        pkru = cpu_ldq(cpu, va + component_offset(9, compacted, comp, &size), mode, ra);

    /* nothing below faults */
    if (rfbm & XSTATE_X87)
        restore_x87(env, bv & XSTATE_X87 ? image : NULL, how & XSAVE_REXW);
    if (load_mxcsr)
        cpu_x86_set_mxcsr(env, mxcsr);
    if (rfbm & XSTATE_SSE) {
        if (!(bv & XSTATE_SSE))
            memset(image + 160, 0, 256);
        xmm_from_image(env, image);
    }
    if (rfbm & XSTATE_AVX)
        avx_from_image(env, bv & XSTATE_AVX ? avx : NULL);
    if (rfbm & XSTATE_PKRU)
        cpu_x86_set_pkru(env, (uint32_t)pkru);
}
