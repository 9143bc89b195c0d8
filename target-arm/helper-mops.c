/* SPDX-License-Identifier: MIT */
/*
 * FEAT_MOPS: memory copy and set. Arm ARM DDI 0487 C6.2 (CPYP and SETP). Option A: the prologue leaves the size negated and the addresses
 * at the end of the blocks (or, copying backwards, all as they are); the main part does the work, page by page on host memory, and can be
 * interrupted and resumed between pages.
 */
#include "helper.h"
#include "exec/icount.h"

#include <glib.h>
#include <string.h>

#define SET_LIMIT 0x7fffffffffffffffull
#define COPY_LIMIT 0x007fffffffffffffull
enum { STAGE_PROLOGUE, STAGE_MAIN, STAGE_EPILOGUE };

typedef struct Mops {
    ARMCPU *env;
    CPUState *cpu;
    uint64_t *d, *s, *n;      /* registers: destination, source or data, size */
    unsigned stage, options;
    unsigned write_mode, read_mode;
    bool set, forward_only;
    uint32_t arg;
    uintptr_t ra;
} Mops;

static Mops unpack(CPUState *cpu, uint32_t arg, bool set, uintptr_t ra)
{
    static const uint64_t mask = 31;
    ARMCPU *env = arm_cpu(cpu);
    Mops m = { .env = env, .cpu = cpu, .d = &env->x[arg & mask], .s = &env->x[arg >> 5 & mask], .n = &env->x[arg >> 10 & mask],
               .stage = arg >> 15 & 3, .options = arg >> 17 & 15, .set = set, .forward_only = arg >> 21 & 1, .arg = arg, .ra = ra };
    unsigned mode = arm_current_mmu_mode(cpu, false), unpriv = env->hflags & TBF_UNPRIV ? ARM_MMU_USER : mode;

    m.write_mode = m.options & 1 ? unpriv : mode;
    m.read_mode = m.options & 2 && !set ? unpriv : mode;
    return m;
}

/* EL0 may be kept from these; the parts must come in order and with the option of our prologue. */
static void check(const Mops *m)
{
    ARMCPU *env = m->env;
    bool host = (arm_hcr(env) & (HCR_E2H | HCR_TGE)) == (HCR_E2H | HCR_TGE);

    if (arm_current_el(env) == 0 && !(env->sctlr_el[host ? 2 : 1] & SCTLR_MSCEN))
        arm_raise_undef(env, m->ra);
    if (m->stage == STAGE_PROLOGUE || !(arm_get_nzcv(env) & PSTATE_C))
        return;
    arm_raise(env, EXCP_UDEF,
              ARM_SYNDROME(EC_MOPS, 1, (uint32_t)m->set << 24 | m->options << 19 | (m->stage == STAGE_EPILOGUE) << 18 | 1u << 17 |
                                           1u << 16 | (m->arg & 31) << 10 | (m->arg >> 5 & 31) << 5 | (m->arg >> 10 & 31)),
              0, m->ra);
}

/* Between pages: an interrupt restarts the instruction with what is left (under -icount it comes after it). */
static void poll(const Mops *m)
{
    if (!icount_enabled() && atomic_load_explicit(&m->cpu->exit_request, memory_order_relaxed))
        cpu_loop_exit_restore(m->cpu, m->ra);
}

static uint64_t to_page_end(uint64_t va)
{
    return PAGE_SIZE_ - (va & ~PAGE_MASK);
}

static void set_bytes(const Mops *m, uint64_t va, uint8_t value, uint64_t len)
{
    bool fault;
    void *p = tlb_probe(m->cpu, va, len, ACCESS_WRITE, m->write_mode, false, &fault, m->ra);
    uint8_t buf[PAGE_SIZE_];

    if (p) {
        memset(p, value, len);
        return;
    }
    memset(buf, value, len);
    cpu_st_bytes(m->cpu, va, buf, len, m->write_mode, m->ra);
}

/* len bytes that cross no page on either side. */
static void copy_bytes(const Mops *m, uint64_t to, uint64_t from, uint64_t len)
{
    uint8_t buf[PAGE_SIZE_];

    cpu_ld_bytes(m->cpu, from, buf, len, m->read_mode, m->ra);
    cpu_st_bytes(m->cpu, to, buf, len, m->write_mode, m->ra);
}

void helper_a64_mops_set(CPUState *cpu, uint32_t arg)
{
    Mops m = unpack(cpu, arg, true, HELPER_RETADDR());
    uint8_t value = (arg >> 5 & 31) == 31 ? 0 : (uint8_t)*m.s; /* 31 is XZR here */

    check(&m);
    if (m.stage == STAGE_PROLOGUE) {
        uint64_t size = MIN(*m.n, SET_LIMIT);
        *m.d += size;
        *m.n = -size;
        arm_set_nzcv(m.env, 0);
        return;
    }
    while ((int64_t)*m.n < 0) {
        uint64_t va = *m.d + *m.n, len = MIN(to_page_end(va), -*m.n);
        set_bytes(&m, va, value, len);
        *m.n += len;
        if (*m.n)
            poll(&m);
    }
}

static void prologue_copy(Mops *m)
{
    const uint64_t address = ~0ull >> 8;
    uint64_t size = MIN(*m->n, COPY_LIMIT), gap = (*m->d - *m->s) & address;

    *m->n = size;
    arm_set_nzcv(m->env, 0);
    if (!m->forward_only && gap && gap < size)
        return; /* the destination begins inside the source: backwards */
    *m->d += size;
    *m->s += size;
    *m->n = -size;
}

void helper_a64_mops_cpy(CPUState *cpu, uint32_t arg)
{
    Mops m = unpack(cpu, arg, false, HELPER_RETADDR());

    check(&m);
    if (m.stage == STAGE_PROLOGUE) {
        prologue_copy(&m);
        return;
    }
    while ((int64_t)*m.n < 0) {
        uint64_t to = *m.d + *m.n, from = *m.s + *m.n, len = MIN(MIN(to_page_end(to), to_page_end(from)), -*m.n);
        copy_bytes(&m, to, from, len);
        *m.n += len;
        if (*m.n)
            poll(&m);
    }
    while (*m.n) {
        uint64_t to = *m.d + *m.n, from = *m.s + *m.n; /* ends */
        uint64_t len = MIN(MIN(((to - 1) & ~PAGE_MASK) + 1, ((from - 1) & ~PAGE_MASK) + 1), *m.n);
        copy_bytes(&m, to - len, from - len, len);
        *m.n -= len;
        if (*m.n)
            poll(&m);
    }
}
