/* SPDX-License-Identifier: MIT */
/*
 * Task state segments: hardware task switches (16- and 32-bit TSS), the stacks of inner privilege
 * levels, and the I/O permission bitmap. Intel SDM vol. 3 chapter 7 and vol. 1 section 18.5.
 */
#include "helper.h"
#include "sys.h"

/* Where the fields of a TSS lie; all from SDM figures 7-2 and 7-10. */
typedef struct TSSLayout {
    uint8_t size;        /* bytes of a general register field */
    uint8_t seg_step;
    uint8_t eip, eflags, regs, segs, ldt;
    uint8_t nsegs, limit;
} TSSLayout;
static const TSSLayout tss16 = { 2, 2, 0x0e, 0x10, 0x12, 0x22, 0x2a, 4, 0x2b };
static const TSSLayout tss32 = { 4, 4, 0x20, 0x24, 0x28, 0x48, 0x60, 6, 0x67 };
enum { TSS32_CR3 = 0x1c, TSS32_TRAP = 0x64, TSS_IOMAP = 0x66, TSS64_STACKS = 4 };

static const TSSLayout *layout_of(uint32_t flags)
{
    return flags & 8 << DESC_TYPE_SHIFT ? &tss32 : &tss16;
}

/* ---- Access to TSS fields ---- */

static uint32_t tss_ld(X86CPU *env, const SegmentCache *tss, unsigned offset, unsigned size, uintptr_t ra)
{
    return (uint32_t)cpu_ld(&env->parent, tss->base + offset,
                            MEMOPIDX(size == 4 ? MO_32 : MO_16, x86_implicit_mode(env)), ra);
}

static void tss_st(X86CPU *env, const SegmentCache *tss, unsigned offset, unsigned size, uint32_t value, uintptr_t ra)
{
    cpu_st(&env->parent, tss->base + offset, value, MEMOPIDX(size == 4 ? MO_32 : MO_16, x86_implicit_mode(env)), ra);
}

/* Faults now, before anything has changed, if a page of the TSS is not there. */
static void tss_touch(X86CPU *env, const SegmentCache *tss, AccessType access, uintptr_t ra)
{
    unsigned limit = layout_of(tss->flags)->limit, mode = x86_implicit_mode(env);
    tlb_probe(&env->parent, tss->base, 1, access, mode, false, NULL, ra);
    tlb_probe(&env->parent, tss->base + limit, 1, access, mode, false, NULL, ra);
}

/* ---- Stacks of inner levels ---- */

uint64_t x86_tss64_stack(X86CPU *env, unsigned n, unsigned ext, uintptr_t ra)
{
    unsigned offset = TSS64_STACKS + 8 * n;
    if (offset + 7 > env->tr.limit)
        raise_exception_err(env, EXCP0A_TSS, (env->tr.selector & 0xfffc) | ext, ra);
    uint64_t rsp = cpu_ldq(&env->parent, env->tr.base + offset, x86_implicit_mode(env), ra);
    if (!x86_canonical(env, rsp))
        raise_exception_err(env, EXCP0C_STACK, ext, ra);
    return rsp;
}

void x86_tss_stack(X86CPU *env, unsigned dpl, unsigned ext, SegmentCache *ss, uint64_t *esp, uintptr_t ra)
{
    unsigned size = layout_of(env->tr.flags)->size;
    unsigned offset = size == 4 ? 4 + 8 * dpl : 2 + 4 * dpl;
    if (offset + size + 1 > env->tr.limit)
        raise_exception_err(env, EXCP0A_TSS, (env->tr.selector & 0xfffc) | ext, ra);
    *esp = tss_ld(env, &env->tr, offset, size, ra);
    uint32_t selector = tss_ld(env, &env->tr, offset + size, 2, ra), error = (selector & 0xfffc) | ext;
    Descriptor d;
    if (!(selector & 0xfffc) || !desc_read(env, selector, &d, ra) || (selector & 3) != dpl ||
        !desc_is_writable_data(d) || desc_dpl(d) != dpl)
        raise_exception_err(env, EXCP0A_TSS, error, ra);
    if (!desc_present(d))
        raise_exception_err(env, EXCP0C_STACK, error, ra);
    desc_set_accessed(env, selector, &d, ra);
    seg_set_desc(ss, selector, d);
}

/* ---- Task switch ---- */

/* What a TSS holds. */
typedef struct TaskState {
    uint32_t cr3, eip, eflags, regs[8], segs[6], ldt;
    bool trap;
} TaskState;

static void read_task(X86CPU *env, const SegmentCache *tss, TaskState *t, uintptr_t ra)
{
    const TSSLayout *l = layout_of(tss->flags);
    *t = (TaskState){ .eip = tss_ld(env, tss, l->eip, l->size, ra),
                      .eflags = tss_ld(env, tss, l->eflags, l->size, ra) };
    for (unsigned i = 0; i < 8; i++)
        t->regs[i] = tss_ld(env, tss, l->regs + i * l->size, l->size, ra) | (l->size == 2 ? 0xffff0000 : 0);
    for (unsigned i = 0; i < l->nsegs; i++)
        t->segs[i] = tss_ld(env, tss, l->segs + i * l->seg_step, 2, ra);
    t->ldt = tss_ld(env, tss, l->ldt, 2, ra);
    if (l->size == 4) {
        t->cr3 = tss_ld(env, tss, TSS32_CR3, 4, ra);
        t->trap = tss_ld(env, tss, TSS32_TRAP, 2, ra) & 1;
    }
}

static void save_task(X86CPU *env, const SegmentCache *tss, uint32_t eip, uint32_t eflags, uintptr_t ra)
{
    const TSSLayout *l = layout_of(tss->flags);
    tss_st(env, tss, l->eip, l->size, eip, ra);
    tss_st(env, tss, l->eflags, l->size, eflags, ra);
    for (unsigned i = 0; i < 8; i++)
        tss_st(env, tss, l->regs + i * l->size, l->size, (uint32_t)env->regs[i], ra);
    for (unsigned i = 0; i < l->nsegs; i++)
        tss_st(env, tss, l->segs + i * l->seg_step, 2, env->segs[i].selector, ra);
}

static void load_task_ldt(X86CPU *env, uint32_t selector)
{
    seg_set(&env->ldt, selector, 0, 0, 0);
    if (!(selector & 0xfffc))
        return;
    Descriptor d;
    if (selector & 4 || !desc_read(env, selector, &d, 0) || d.hi & DESC_S || desc_type(d) != SYS_LDT ||
        !desc_present(d))
        raise_exception_err(env, EXCP0A_TSS, selector & 0xfffc, 0);
    seg_set_desc(&env->ldt, selector, d);
}

/* Loads one segment of the new task; faults are the new task's. */
static void load_task_segment(X86CPU *env, unsigned seg, uint32_t selector, unsigned cpl)
{
    uint32_t error = selector & 0xfffc;
    unsigned rpl = selector & 3;
    Descriptor d;
    bool ok, code;
    if (!error) {
        if (seg == R_CS || seg == R_SS)
            raise_exception_err(env, EXCP0A_TSS, 0, 0);
        return;
    }
    if (!desc_read(env, selector, &d, 0) || !(d.hi & DESC_S))
        raise_exception_err(env, EXCP0A_TSS, error, 0);
    code = desc_is_code(d);
    if (seg == R_CS)
        ok = code && (d.hi & DESC_C ? desc_dpl(d) <= rpl : desc_dpl(d) == rpl);
    else if (seg == R_SS)
        ok = desc_is_writable_data(d) && desc_dpl(d) == cpl && rpl == cpl;
    else
        ok = (!code || d.hi & DESC_R) && ((code && d.hi & DESC_C) || (desc_dpl(d) >= cpl && desc_dpl(d) >= rpl));
    if (!ok)
        raise_exception_err(env, EXCP0A_TSS, error, 0);
    if (!desc_present(d))
        raise_exception_err(env, seg == R_SS ? EXCP0C_STACK : EXCP0B_NOSEG, error, 0);
    desc_set_accessed(env, selector, &d, 0);
    seg_set_desc(&env->segs[seg], selector, d);
    cpu_x86_update_hflags(env);
}

static void load_task_segments(X86CPU *env, const TaskState *t)
{
    static const uint8_t order[] = { R_CS, R_SS, R_ES, R_DS, R_FS, R_GS };
    for (unsigned i = 0; i < 6; i++) {
        /* unusable until its descriptor has been checked; the CPL is the new one already */
        unsigned dpl = i == R_SS ? t->segs[R_CS] & 3 : 0;
        seg_set(&env->segs[i], t->segs[i], 0, 0, dpl << DESC_DPL_SHIFT);
        if (t->eflags & VM_MASK)
            cpu_x86_load_seg_real(env, (int)i, t->segs[i]);
    }
    cpu_x86_update_hflags(env);
    load_task_ldt(env, t->ldt);
    if (!(t->eflags & VM_MASK))
        for (unsigned i = 0; i < 6; i++)
            load_task_segment(env, order[i], t->segs[order[i]], t->segs[R_CS] & 3);
    if (t->eip > env->segs[R_CS].limit)
        raise_exception_err(env, EXCP0D_GPF, 0, 0);
}

static void push_error_code(X86CPU *env, unsigned size, uint32_t error_code)
{
    X86Stack st;
    x86_stack_current(&st, env, 0);
    x86_push(&st, size, error_code);
    x86_stack_commit(&st);
}

/* Everything up to the point where the new task is the current one: a fault here is the old task's. */
static void leave_old_task(X86CPU *env, const SegmentCache *tss, TaskSwitch why, uint64_t next_eip, TaskState *t,
                           uintptr_t ra)
{
    uint32_t eflags = cpu_compute_eflags(env);
    tss_touch(env, &env->tr, ACCESS_WRITE, ra);
    tss_touch(env, tss, why == TASK_CALL ? ACCESS_WRITE : ACCESS_READ, ra);
    read_task(env, tss, t, ra);
    if (why != TASK_CALL)
        desc_set_busy(env, env->tr.selector, false, ra);
    if (why == TASK_IRET)
        eflags &= ~(uint32_t)NT_MASK;
    save_task(env, &env->tr, (uint32_t)next_eip, eflags, ra);
    if (why == TASK_CALL) {
        tss_st(env, tss, 0, 2, env->tr.selector, ra);
        t->eflags |= NT_MASK;
    }
    if (why != TASK_IRET)
        desc_set_busy(env, tss->selector, true, ra);
}

void x86_task_switch(X86CPU *env, uint32_t selector, Descriptor d, TaskSwitch why, uint64_t next_eip,
                     int64_t error_code, uintptr_t ra)
{
    SegmentCache tss;
    TaskState t;
    seg_set_desc(&tss, selector, d);
    const TSSLayout *l = layout_of(tss.flags);
    if (!desc_present(d))
        raise_exception_err(env, EXCP0B_NOSEG, selector & 0xfffc, ra);
    if (tss.limit < l->limit)
        raise_exception_err(env, EXCP0A_TSS, selector & 0xfffc, ra);
    leave_old_task(env, &tss, why, next_eip, &t, ra);
    tss.flags |= DESC_TSS_BUSY;
    env->tr = tss;
    env->cr[0] |= CR0_TS;
    if (l->size == 4 && env->cr[0] & CR0_PG)
        cpu_x86_update_cr3(env, t.cr3);
    for (unsigned i = 0; i < 8; i++)
        env->regs[i] = t.regs[i];
    env->eip = t.eip;
    cpu_load_eflags(env, t.eflags,
                    l->size == 4 ? ~0u : 0xffffu | VM_MASK | RF_MASK | AC_MASK | ID_MASK | VIF_MASK | VIP_MASK);
    if (env->dr[7] & 0x55) { /* local breakpoints belong to the old task */
        env->dr[7] &= ~0x155ull;
        cpu_x86_update_dr7(env, (uint32_t)env->dr[7]);
    }
    load_task_segments(env, &t);
    if (error_code >= 0)
        push_error_code(env, l->size, (uint32_t)error_code);
    if (t.trap) {
        env->dr[6] |= 1 << 15; /* BT */
        raise_exception(env, EXCP01_DB, 0);
    }
}

void x86_task_gate(X86CPU *env, Descriptor gate, TaskSwitch why, uint64_t next_eip, unsigned ext, int64_t error_code,
                   uintptr_t ra)
{
    uint32_t selector = gate_selector(gate), error = (selector & 0xfffc) | ext;
    Descriptor d;
    if (selector & 4 || !desc_read(env, selector, &d, ra) || d.hi & DESC_S ||
        (desc_type(d) & ~8u) != SYS_TSS16_AVAIL)
        raise_exception_err(env, EXCP0D_GPF, error, ra);
    if (!desc_present(d))
        raise_exception_err(env, EXCP0B_NOSEG, error, ra);
    x86_task_switch(env, selector, d, why, next_eip, error_code, ra);
}

/* ---- I/O permission ---- */

void helper_check_io(CPUState *cpu, uint32_t port, uint32_t bytes)
{
    X86CPU *env = x86_cpu(cpu);
    uintptr_t ra = HELPER_RETADDR();
    if (!(env->hflags & HF_PE) || (x86_cpl(env) <= x86_iopl(env) && !(env->hflags & HF_VM)))
        return;
    const SegmentCache *tr = &env->tr;
    if (!(tr->flags & DESC_P) || layout_of(tr->flags)->size != 4 || tr->limit < 0x67)
        raise_exception_err(env, EXCP0D_GPF, 0, ra);
    unsigned offset = tss_ld(env, tr, TSS_IOMAP, 2, ra) + ((port & 0xffff) >> 3);
    if (offset + 1 > tr->limit)
        raise_exception_err(env, EXCP0D_GPF, 0, ra);
    uint32_t bits = tss_ld(env, tr, offset, 2, ra) >> (port & 7);
    if (bits & ((1u << bytes) - 1))
        raise_exception_err(env, EXCP0D_GPF, 0, ra);
}
