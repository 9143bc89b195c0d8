/* SPDX-License-Identifier: MIT */
/*
 * Far transfers: JMP, CALL, RET and IRET to another segment, through call gates and task gates, in
 * every mode, and the system-call instructions. Checks come in the order of the instruction pages of
 * Intel SDM vol. 2; where AMD differs (SYSCALL and SYSRET outside 64-bit mode, SYSENTER in long mode) the
 * model's vendor decides.
 */
#include "helper.h"
#include "sys.h"

static bool in_protected_mode(const X86CPU *env)
{
    return (env->hflags & (HF_PE | HF_VM)) == HF_PE;
}

static uint64_t size_mask(unsigned size)
{
    return size == 8 ? ~0ull : size == 4 ? 0xffffffffull : 0xffffull;
}

static _Noreturn void gp(X86CPU *env, uint32_t selector, uintptr_t ra)
{
    raise_exception_err(env, EXCP0D_GPF, selector & 0xfffc, ra);
}

/* ---- Code segments ---- */

/* Reads the descriptor of a far transfer's target; null or outside its table: #GP. */
static Descriptor read_target(X86CPU *env, uint32_t selector, uintptr_t ra)
{
    Descriptor d;
    if (!(selector & 0xfffc))
        gp(env, 0, ra);
    if (!desc_read(env, selector, &d, ra))
        gp(env, selector, ra);
    return d;
}

static bool is_code64(const X86CPU *env, Descriptor d)
{
    return x86_long_mode(env) && d.hi & DESC_L;
}

/* In long mode a code segment may not have both L and D. */
static bool bad_long_code(const X86CPU *env, Descriptor d)
{
    return is_code64(env, d) && d.hi & DESC_B;
}

/* Type and privilege of a code segment entered directly, staying at the CPL. */
static void check_direct_code(X86CPU *env, uint32_t selector, Descriptor d, uintptr_t ra)
{
    unsigned cpl = x86_cpl(env), dpl = desc_dpl(d);
    bool ok = d.hi & DESC_C ? dpl <= cpl : (selector & 3) <= cpl && dpl == cpl;
    if (!ok || bad_long_code(env, d))
        gp(env, selector, ra);
    if (!desc_present(d))
        raise_exception_err(env, EXCP0B_NOSEG, selector & 0xfffc, ra);
}

static void check_target_eip(X86CPU *env, Descriptor d, uint64_t eip, uintptr_t ra)
{
    if (is_code64(env, d) ? !x86_canonical(env, eip) : eip > desc_limit(d))
        gp(env, 0, ra);
}

/* Last step of a transfer: CS at the given CPL and EIP. SS has been loaded if the CPL changes. */
static void enter_code(X86CPU *env, uint32_t selector, Descriptor d, unsigned cpl, uint64_t eip)
{
    seg_set_desc(&env->segs[R_CS], (selector & 0xfffc) | cpl, d);
    env->eip = eip;
    env->eflags &= ~(uint32_t)RF_MASK;
    cpu_x86_update_hflags(env);
}

/* ---- Call gates ---- */

typedef struct CallGate {
    uint32_t selector;
    uint64_t offset;
    unsigned size, params; /* bytes per push, and parameters of that size */
    Descriptor code;
} CallGate;

/* Checks gate and target; privilege of the target is the caller's affair (CALL may go inward). */
static void read_call_gate(X86CPU *env, uint32_t selector, Descriptor d, CallGate *g, uintptr_t ra)
{
    unsigned cpl = x86_cpl(env), type = desc_type(d);
    if (desc_dpl(d) < cpl || desc_dpl(d) < (selector & 3))
        gp(env, selector, ra);
    if (!desc_present(d))
        raise_exception_err(env, EXCP0B_NOSEG, selector & 0xfffc, ra);
    *g = (CallGate){
        .selector = gate_selector(d), .offset = gate_offset(d), .size = type == SYS_CALL ? 4 : 2, .params = d.hi & 31
    };
    if (x86_long_mode(env)) {
        uint64_t va;
        if (!desc_address(env, selector, 16, &va))
            gp(env, selector, ra);
        uint64_t high = cpu_ldq(&env->parent, va + 8, x86_implicit_mode(env), ra);
        if (high >> 40 & 0x1f)
            gp(env, selector, ra);
        g->offset |= high << 32;
        g->size = 8;
        g->params = 0;
    } else if (type == SYS_CALL16) {
        g->offset &= 0xffff;
    }
    g->code = read_target(env, g->selector, ra);
    if (!desc_is_code(g->code) || desc_dpl(g->code) > cpl ||
        (x86_long_mode(env) && (!is_code64(env, g->code) || g->code.hi & DESC_B)))
        gp(env, g->selector, ra);
}

/* Kinds of system descriptor a far JMP or CALL may name. */
static bool is_call_gate(const X86CPU *env, Descriptor d)
{
    unsigned type = desc_type(d);
    return !(d.hi & DESC_S) && (type == SYS_CALL || (type == SYS_CALL16 && !x86_long_mode(env)));
}

/* Task gates and available TSSs: switches and returns true. */
static bool far_to_task(X86CPU *env, uint32_t selector, Descriptor d, TaskSwitch why, uint64_t next_eip, uintptr_t ra)
{
    unsigned type = desc_type(d), dpl = desc_dpl(d);
    bool tss = type == SYS_TSS_AVAIL || type == SYS_TSS16_AVAIL;
    if (d.hi & DESC_S || x86_long_mode(env) || (!tss && type != SYS_TASK_GATE))
        return false;
    if (dpl < x86_cpl(env) || dpl < (selector & 3) || (tss && selector & 4))
        gp(env, selector, ra);
    if (!desc_present(d))
        raise_exception_err(env, EXCP0B_NOSEG, selector & 0xfffc, ra);
    if (tss)
        x86_task_switch(env, selector, d, why, next_eip, -1, ra);
    else
        x86_task_gate(env, d, why, next_eip, 0, -1, ra);
    return true;
}

/* ---- JMP ---- */

void x86_far_jump(X86CPU *env, uint32_t selector, uint64_t eip, unsigned size, uint64_t next_eip, uintptr_t ra)
{
    selector &= 0xffff;
    eip &= size_mask(size);
    if (!in_protected_mode(env)) {
        if (eip > env->segs[R_CS].limit)
            gp(env, 0, ra);
        env->eip = eip;
        env->eflags &= ~(uint32_t)RF_MASK;
        cpu_x86_load_seg_real(env, R_CS, selector);
        return;
    }
    Descriptor d = read_target(env, selector, ra);
    if (is_call_gate(env, d)) {
        CallGate g;
        read_call_gate(env, selector, d, &g, ra);
        if (!(g.code.hi & DESC_C) && desc_dpl(g.code) != x86_cpl(env))
            gp(env, g.selector, ra);
        if (!desc_present(g.code))
            raise_exception_err(env, EXCP0B_NOSEG, g.selector & 0xfffc, ra);
        selector = g.selector;
        d = g.code;
        eip = g.offset;
    } else if (desc_is_code(d)) {
        check_direct_code(env, selector, d, ra);
    } else {
        if (!far_to_task(env, selector, d, TASK_JMP, next_eip, ra))
            gp(env, selector, ra);
        return;
    }
    check_target_eip(env, d, eip, ra);
    desc_set_accessed(env, selector, &d, ra);
    enter_code(env, selector, d, x86_cpl(env), eip);
}

void helper_far_jump(CPUState *cpu, uint32_t selector, uint64_t eip, uint32_t size, uint64_t next_eip)
{
    x86_far_jump(x86_cpu(cpu), selector, eip, size, next_eip, HELPER_RETADDR());
}

/* ---- CALL ---- */

static void call_real(X86CPU *env, uint32_t selector, uint64_t eip, unsigned size, uint64_t next_eip, uintptr_t ra)
{
    X86Stack st;
    x86_stack_current(&st, env, ra);
    x86_push(&st, size, env->segs[R_CS].selector);
    x86_push(&st, size, next_eip);
    if (eip > env->segs[R_CS].limit)
        gp(env, 0, ra);
    x86_stack_commit(&st);
    env->eip = eip;
    env->eflags &= ~(uint32_t)RF_MASK;
    cpu_x86_load_seg_real(env, R_CS, selector);
}

/* CALL to the same level: return address on the current stack. */
static void call_same_level(X86CPU *env, uint32_t selector, Descriptor d, uint64_t eip, unsigned size,
                            uint64_t next_eip, uintptr_t ra)
{
    X86Stack st;
    x86_stack_current(&st, env, ra);
    x86_push(&st, size, env->segs[R_CS].selector);
    x86_push(&st, size, next_eip);
    check_target_eip(env, d, eip, ra);
    desc_set_accessed(env, selector, &d, ra);
    x86_stack_commit(&st);
    enter_code(env, selector, d, x86_cpl(env), eip);
}

/* Copies the parameters of a call gate from the caller's stack, deepest first. */
static void copy_parameters(X86Stack *from, X86Stack *to, unsigned size, unsigned count)
{
    uint64_t sp = from->sp;
    for (unsigned i = count; i-- > 0;) {
        from->sp = sp + i * size;
        x86_push(to, size, x86_pop(from, size));
    }
    from->sp = sp;
}

/* CALL through a gate to an inner level: new stack from the TSS. */
static void call_inner(X86CPU *env, const CallGate *g, uint64_t next_eip, uintptr_t ra)
{
    unsigned dpl = desc_dpl(g->code);
    SegmentCache ss;
    X86Stack old, st;
    x86_stack_current(&old, env, ra);
    st = old;
    if (g->size == 8) {
        st.sp = x86_tss64_stack(env, dpl, 0, ra);
        st.ss = NULL;
        st.mask = ~0ull;
        seg_set(&ss, dpl, 0, 0, dpl << DESC_DPL_SHIFT);
    } else {
        x86_tss_stack(env, dpl, 0, &ss, &st.sp, ra);
        st.ss = &ss;
        st.mask = ss.flags & DESC_B ? 0xffffffff : 0xffff;
        st.error = ss.selector & 0xfffc;
    }
    st.mode = x86_mode_at_cpl(env, dpl);
    x86_push(&st, g->size, env->segs[R_SS].selector);
    x86_push(&st, g->size, env->regs[R_ESP]);
    copy_parameters(&old, &st, g->size, g->params);
    x86_push(&st, g->size, env->segs[R_CS].selector);
    x86_push(&st, g->size, next_eip);
    check_target_eip(env, g->code, g->offset, ra);
    Descriptor d = g->code;
    desc_set_accessed(env, g->selector, &d, ra);
    env->segs[R_SS] = ss;
    x86_stack_commit(&st);
    enter_code(env, g->selector, d, dpl, g->offset);
}

void x86_far_call(X86CPU *env, uint32_t selector, uint64_t eip, unsigned size, uint64_t next_eip, uintptr_t ra)
{
    selector &= 0xffff;
    eip &= size_mask(size);
    if (!in_protected_mode(env)) {
        call_real(env, selector, eip, size, next_eip, ra);
        return;
    }
    Descriptor d = read_target(env, selector, ra);
    if (is_call_gate(env, d)) {
        CallGate g;
        read_call_gate(env, selector, d, &g, ra);
        if (!desc_present(g.code))
            raise_exception_err(env, EXCP0B_NOSEG, g.selector & 0xfffc, ra);
        if (!(g.code.hi & DESC_C) && desc_dpl(g.code) < x86_cpl(env))
            call_inner(env, &g, next_eip, ra);
        else
            call_same_level(env, g.selector, g.code, g.offset, g.size, next_eip, ra);
    } else if (desc_is_code(d)) {
        check_direct_code(env, selector, d, ra);
        call_same_level(env, selector, d, eip, size, next_eip, ra);
    } else if (!far_to_task(env, selector, d, TASK_CALL, next_eip, ra)) {
        gp(env, selector, ra);
    }
}

void helper_far_call(CPUState *cpu, uint32_t selector, uint64_t eip, uint32_t size, uint64_t next_eip)
{
    x86_far_call(x86_cpu(cpu), selector, eip, size, next_eip, HELPER_RETADDR());
}

/* ---- RET and IRET ---- */

/* Checks the CS a return goes to, with RPL >= CPL. */
static Descriptor check_return_code(X86CPU *env, uint32_t selector, uintptr_t ra)
{
    Descriptor d = read_target(env, selector, ra);
    unsigned rpl = selector & 3, dpl = desc_dpl(d);
    if (!desc_is_code(d) || rpl < x86_cpl(env) || (d.hi & DESC_C ? dpl > rpl : dpl != rpl) || bad_long_code(env, d))
        gp(env, selector, ra);
    if (!desc_present(d))
        raise_exception_err(env, EXCP0B_NOSEG, selector & 0xfffc, ra);
    return d;
}

/* Checks the SS of a return to rpl and fills *ss. Null is allowed when returning to 64-bit mode below 3. */
static void check_return_stack(X86CPU *env, uint32_t selector, unsigned rpl, bool to64, SegmentCache *ss, uintptr_t ra)
{
    Descriptor d;
    if (!(selector & 0xfffc)) {
        if (!to64 || rpl == 3 || (selector & 3) != rpl)
            gp(env, 0, ra);
        seg_set(ss, selector, 0, 0, rpl << DESC_DPL_SHIFT);
        return;
    }
    if (!desc_read(env, selector, &d, ra) || (selector & 3) != rpl || !desc_is_writable_data(d) || desc_dpl(d) != rpl)
        gp(env, selector, ra);
    if (!desc_present(d))
        raise_exception_err(env, EXCP0C_STACK, selector & 0xfffc, ra);
    desc_set_accessed(env, selector, &d, ra);
    seg_set_desc(ss, selector, d);
}

/* A far return's stack image. */
typedef struct ReturnFrame {
    uint64_t eip, esp;
    uint32_t cs, eflags, ss;
} ReturnFrame;

/* Finishes a return to an outer level: stack, code, data segments. */
static void return_outer(X86CPU *env, const ReturnFrame *f, Descriptor d, SegmentCache *ss, unsigned addend)
{
    unsigned cpl = f->cs & 3;
    env->segs[R_SS] = *ss;
    enter_code(env, f->cs, d, cpl, f->eip);
    x86_drop_inner_segments(env, cpl);
    X86Stack st;
    x86_stack_current(&st, env, 0);
    st.sp = f->esp + addend;
    x86_stack_commit(&st);
    cpu_x86_update_hflags(env);
}

static void ret_real(X86CPU *env, unsigned size, unsigned addend, uintptr_t ra)
{
    X86Stack st;
    x86_stack_current(&st, env, ra);
    uint64_t eip = x86_pop(&st, size);
    uint32_t cs = x86_pop(&st, size) & 0xffff;
    if (eip > env->segs[R_CS].limit)
        gp(env, 0, ra);
    st.sp += addend;
    x86_stack_commit(&st);
    env->eip = eip;
    env->eflags &= ~(uint32_t)RF_MASK;
    cpu_x86_load_seg_real(env, R_CS, cs);
}

void x86_far_ret(X86CPU *env, unsigned size, unsigned addend, uintptr_t ra)
{
    if (!in_protected_mode(env)) {
        ret_real(env, size, addend, ra);
        return;
    }
    X86Stack st;
    ReturnFrame f;
    SegmentCache ss;
    x86_stack_current(&st, env, ra);
    f.eip = x86_pop(&st, size);
    f.cs = x86_pop(&st, size) & 0xffff;
    Descriptor d = check_return_code(env, f.cs, ra);
    bool outer = (f.cs & 3) > x86_cpl(env);
    st.sp += addend;
    if (outer) {
        f.esp = x86_pop(&st, size);
        f.ss = x86_pop(&st, size) & 0xffff;
        check_return_stack(env, f.ss, f.cs & 3, is_code64(env, d), &ss, ra);
    }
    check_target_eip(env, d, f.eip, ra);
    desc_set_accessed(env, f.cs, &d, ra);
    if (outer) {
        return_outer(env, &f, d, &ss, addend);
    } else {
        x86_stack_commit(&st);
        enter_code(env, f.cs, d, x86_cpl(env), f.eip);
    }
}

void helper_far_ret(CPUState *cpu, uint32_t size, uint32_t addend)
{
    x86_far_ret(x86_cpu(cpu), size, addend, HELPER_RETADDR());
}

/* EFLAGS bits IRET may change at a CPL and IOPL, other than VM. */
static uint32_t iret_mask(const X86CPU *env, unsigned size, unsigned cpl)
{
    uint32_t mask = CC_ALL | TF_MASK | DF_MASK | NT_MASK | RF_MASK | AC_MASK | ID_MASK;
    if (cpl == 0)
        mask |= IOPL_MASK | VIF_MASK | VIP_MASK;
    if (cpl <= x86_iopl(env))
        mask |= IF_MASK;
    return size == 2 ? mask & 0xffff : mask;
}

/* Real mode, and v8086 mode with IOPL 3 (or, 16-bit, with VME). */
static void iret_real(X86CPU *env, unsigned size, uintptr_t ra)
{
    X86Stack st;
    bool vm = env->eflags & VM_MASK;
    bool vme = vm && x86_iopl(env) < 3;
    if (vme && (!(env->cr[4] & CR4_VME) || size != 2))
        gp(env, 0, ra);
    x86_stack_current(&st, env, ra);
    uint64_t eip = x86_pop(&st, size);
    uint32_t cs = x86_pop(&st, size) & 0xffff, eflags = (uint32_t)x86_pop(&st, size);
    uint32_t mask = CC_ALL | TF_MASK | IF_MASK | DF_MASK | NT_MASK;
    if (!vm)
        mask |= IOPL_MASK;
    if (size == 4)
        mask |= RF_MASK | AC_MASK | ID_MASK;
    if (vme) { /* IF stands for VIF */
        if (eflags & TF_MASK || (eflags & IF_MASK && env->eflags & VIP_MASK))
            gp(env, 0, ra);
        eflags |= eflags & IF_MASK ? VIF_MASK : 0;
        mask = (mask & ~(uint32_t)IF_MASK) | VIF_MASK;
    }
    if (eip > env->segs[R_CS].limit)
        gp(env, 0, ra);
    x86_stack_commit(&st);
    env->eip = eip;
    env->eflags &= ~(uint32_t)RF_MASK;
    cpu_x86_load_seg_real(env, R_CS, cs);
    cpu_load_eflags(env, eflags, mask);
}

/* IRET at CPL 0 to an image with VM set: the rest of the frame is SP, SS, ES, DS, FS, GS. */
static void iret_to_v86(X86CPU *env, X86Stack *st, const ReturnFrame *f)
{
    static const uint8_t order[] = { R_ES, R_DS, R_FS, R_GS };
    uint64_t esp = x86_pop(st, 4);
    uint32_t ss = x86_pop(st, 4) & 0xffff, sel[4];
    for (unsigned i = 0; i < 4; i++)
        sel[i] = x86_pop(st, 4) & 0xffff;
    cpu_load_eflags(env, f->eflags, iret_mask(env, 4, 0) | IF_MASK | VM_MASK);
    for (unsigned i = 0; i < 4; i++)
        cpu_x86_load_seg_real(env, order[i], sel[i]);
    cpu_x86_load_seg_real(env, R_SS, ss);
    cpu_x86_load_seg_real(env, R_CS, f->cs);
    env->regs[R_ESP] = (uint32_t)esp;
    env->eip = f->eip & 0xffff;
}

/* NT set: back to the task in the link field of the current TSS. */
static void iret_from_task(X86CPU *env, uint64_t next_eip, uintptr_t ra)
{
    uint32_t link = cpu_lduw(&env->parent, env->tr.base, x86_implicit_mode(env), ra);
    Descriptor d;
    if (x86_long_mode(env))
        gp(env, 0, ra);
    if (link & 4 || !desc_read(env, link, &d, ra) || d.hi & DESC_S ||
        (desc_type(d) != SYS_TSS_BUSY && desc_type(d) != SYS_TSS16_BUSY))
        raise_exception_err(env, EXCP0A_TSS, link & 0xfffc, ra);
    x86_task_switch(env, link, d, TASK_IRET, next_eip, -1, ra);
}

/* Pops the frame; in 64-bit mode SS:RSP are always part of it. The usual frame is read in one go. */
static void pop_iret_frame(X86Stack *st, unsigned size, ReturnFrame *f)
{
    if (size == 8 && !st->ss && x86_canonical(st->env, st->sp) && x86_canonical(st->env, st->sp + 39)) {
        uint64_t q[5];
        cpu_ld_bytes(&st->env->parent, st->sp, q, sizeof q, st->mode, st->ra);
        st->sp += sizeof q;
        *f = (ReturnFrame){
            .eip = q[0], .cs = q[1] & 0xffff, .eflags = (uint32_t)q[2], .esp = q[3], .ss = q[4] & 0xffff
        };
        return;
    }
    f->eip = x86_pop(st, size);
    f->cs = x86_pop(st, size) & 0xffff;
    f->eflags = (uint32_t)x86_pop(st, size);
    if (!st->ss) {
        f->esp = x86_pop(st, size);
        f->ss = x86_pop(st, size) & 0xffff;
    }
}

/* The usual end of IRET in long mode: from 64-bit code to 64-bit code, with a stack. The mask has all arithmetic flags and DF. */
static void return_in_64(X86CPU *env, const ReturnFrame *f, Descriptor d, const SegmentCache *ss, uint32_t mask)
{
    unsigned cpl = f->cs & 3;
    uint32_t kept = env->eflags & ~(uint32_t)RF_MASK & ~mask;
    env->segs[R_SS] = *ss;
    seg_set_desc(&env->segs[R_CS], (f->cs & 0xfffc) | cpl, d);
    env->eip = f->eip;
    env->regs[R_ESP] = f->esp;
    if (cpl)
        x86_drop_inner_segments(env, cpl);
    cpu_set_eflags(env, kept | (f->eflags & mask));
    cpu_x86_update_hflags64(env, cpl);
}

static void iret_protected(X86CPU *env, unsigned size, uintptr_t ra)
{
    unsigned cpl = x86_cpl(env);
    X86Stack st;
    ReturnFrame f;
    SegmentCache ss;
    x86_stack_current(&st, env, ra);
    pop_iret_frame(&st, size, &f);
    if (f.eflags & VM_MASK && size == 4 && cpl == 0 && !x86_long_mode(env)) {
        iret_to_v86(env, &st, &f);
        return;
    }
    Descriptor d = check_return_code(env, f.cs, ra);
    bool stack = !st.ss || (f.cs & 3) > cpl;
    if (stack) {
        if (st.ss) {
            f.esp = x86_pop(&st, size);
            f.ss = x86_pop(&st, size) & 0xffff;
        }
        check_return_stack(env, f.ss, f.cs & 3, is_code64(env, d), &ss, ra);
    }
    check_target_eip(env, d, f.eip, ra);
    desc_set_accessed(env, f.cs, &d, ra);
    uint32_t mask = iret_mask(env, size, cpl);
    if (stack && env->hflags & HF_CS64 && is_code64(env, d)) {
        return_in_64(env, &f, d, &ss, mask);
        return;
    }
    if (stack) {
        return_outer(env, &f, d, &ss, 0);
    } else {
        x86_stack_commit(&st);
        enter_code(env, f.cs, d, cpl, f.eip);
    }
    cpu_load_eflags(env, f.eflags, mask);
}

void x86_iret(X86CPU *env, unsigned size, uint64_t next_eip, uintptr_t ra)
{
    if (!in_protected_mode(env))
        iret_real(env, size, ra);
    else if (env->eflags & NT_MASK)
        iret_from_task(env, next_eip, ra);
    else
        iret_protected(env, size, ra);
    env->nmi_masked = false;
}

/* Generated code goes on by the key (x86_goto_by_key). */
static void update_key(X86CPU *env)
{
    env->parent.jc_key = (uint64_t)tlb_code_epoch(&env->parent, env->hflags) << 32 | env->hflags;
}

void helper_iret(CPUState *cpu, uint32_t size, uint64_t next_eip)
{
    x86_iret(x86_cpu(cpu), size, next_eip, HELPER_RETADDR());
    update_key(x86_cpu(cpu));
}

/* ---- SYSCALL, SYSRET, SYSENTER, SYSEXIT ---- */

enum { FLAT_ACCESS = DESC_G | DESC_P | DESC_S | DESC_A | DESC_W, CODE_ACCESS = FLAT_ACCESS | DESC_CS };

/* The flat code and stack segments these instructions load without looking at descriptors. */
static void set_flat_cs_ss(X86CPU *env, uint32_t cs, uint32_t ss, unsigned cpl, uint32_t code_size)
{
    uint32_t dpl = cpl << DESC_DPL_SHIFT;
    seg_set(&env->segs[R_CS], (cs & 0xfffc) | cpl, 0, 0xffffffff, CODE_ACCESS | dpl | code_size);
    seg_set(&env->segs[R_SS], (ss & 0xfffc) | cpl, 0, 0xffffffff, FLAT_ACCESS | DESC_B | dpl);
}

void helper_syscall(CPUState *cpu, uint64_t next_eip)
{
    X86CPU *env = x86_cpu(cpu);
    bool code64 = env->hflags & HF_CS64;
    if (!(env->efer & EFER_SCE) || (!code64 && !x86_is_amd(env)))
        raise_exception(env, EXCP06_ILLOP, HELPER_RETADDR());
    uint32_t cs = env->star >> 32 & 0xffff;
    if (x86_long_mode(env)) {
        uint32_t eflags = cpu_compute_eflags(env);
        env->regs[R_ECX] = next_eip;
        env->regs[11] = eflags & ~(uint32_t)RF_MASK;
        set_flat_cs_ss(env, cs, cs + 8, 0, DESC_L);
        env->eip = code64 ? env->lstar : env->cstar;
        cpu_set_eflags(env, eflags & ~(uint32_t)(env->fmask | RF_MASK));
        if (code64)
            cpu_x86_update_hflags64(env, 0);
        else
            cpu_x86_update_hflags(env);
    } else {
        env->regs[R_ECX] = (uint32_t)next_eip;
        set_flat_cs_ss(env, cs, cs + 8, 0, DESC_B);
        env->eip = (uint32_t)env->star;
        cpu_load_eflags(env, 0, IF_MASK | RF_MASK | VM_MASK);
    }
    update_key(env);
}

/* A trap for TF that SYSRET itself restored comes right after it, as if SYSCALL had just completed. */
static void step_after_return(X86CPU *env)
{
    if (env->eflags & TF_MASK)
        helper_single_step(&env->parent);
}

void helper_sysret(CPUState *cpu, uint32_t size)
{
    X86CPU *env = x86_cpu(cpu);
    uintptr_t ra = HELPER_RETADDR();
    bool amd = x86_is_amd(env);
    if (!(env->efer & EFER_SCE) || (!(env->hflags & HF_CS64) && !amd))
        raise_exception(env, EXCP06_ILLOP, ra);
    if (!(env->hflags & HF_PE) || x86_cpl(env) != 0)
        gp(env, 0, ra);
    uint32_t cs = env->star >> 48 & 0xffff;
    if (x86_long_mode(env)) {
        uint64_t rip = env->regs[R_ECX];
        if (size == 8 && !amd && !x86_canonical(env, rip))
            gp(env, 0, ra);
        set_flat_cs_ss(env, size == 8 ? cs + 16 : cs, cs + 8, 3, size == 8 ? DESC_L : DESC_B);
        env->eip = size == 8 ? rip : (uint32_t)rip;
        cpu_set_eflags(env, (uint32_t)env->regs[11] & 0x3c7fd7);
        if (size == 8 && env->hflags & HF_CS64)
            cpu_x86_update_hflags64(env, 3);
        else
            cpu_x86_update_hflags(env);
    } else {
        set_flat_cs_ss(env, cs, cs + 8, 3, DESC_B);
        env->eip = (uint32_t)env->regs[R_ECX];
        cpu_load_eflags(env, IF_MASK, IF_MASK);
    }
    step_after_return(env);
    update_key(env);
}

void helper_sysenter(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    bool lma = x86_long_mode(env);
    uint32_t cs = (uint32_t)env->sysenter_cs & 0xfffc;
    if (lma && x86_is_amd(env))
        raise_exception(env, EXCP06_ILLOP, HELPER_RETADDR());
    if (!(env->hflags & HF_PE) || !cs)
        gp(env, 0, HELPER_RETADDR());
    set_flat_cs_ss(env, cs, cs + 8, 0, lma ? DESC_L : DESC_B);
    env->regs[R_ESP] = lma ? env->sysenter_esp : (uint32_t)env->sysenter_esp;
    env->eip = lma ? env->sysenter_eip : (uint32_t)env->sysenter_eip;
    cpu_load_eflags(env, 0, VM_MASK | IF_MASK | RF_MASK);
    update_key(env);
}

void helper_sysexit(CPUState *cpu, uint32_t size)
{
    X86CPU *env = x86_cpu(cpu);
    uintptr_t ra = HELPER_RETADDR();
    uint32_t cs = (uint32_t)env->sysenter_cs & 0xfffc;
    if (x86_long_mode(env) && x86_is_amd(env))
        raise_exception(env, EXCP06_ILLOP, ra);
    if (!(env->hflags & HF_PE) || x86_cpl(env) != 0 || !cs)
        gp(env, 0, ra);
    if (size == 8) {
        if (!x86_canonical(env, env->regs[R_ECX]) || !x86_canonical(env, env->regs[R_EDX]))
            gp(env, 0, ra);
        set_flat_cs_ss(env, cs + 32, cs + 40, 3, DESC_L);
        env->regs[R_ESP] = env->regs[R_ECX];
        env->eip = env->regs[R_EDX];
    } else {
        set_flat_cs_ss(env, cs + 16, cs + 24, 3, DESC_B);
        env->regs[R_ESP] = (uint32_t)env->regs[R_ECX];
        env->eip = (uint32_t)env->regs[R_EDX];
    }
    env->eflags &= ~(uint32_t)RF_MASK;
    cpu_x86_update_hflags(env);
    update_key(env);
}
