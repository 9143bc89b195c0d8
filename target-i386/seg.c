/* SPDX-License-Identifier: MIT */
/*
 * Segments: descriptor caches, the translation flags that follow from them, loading selectors with the
 * checks of Intel SDM vol. 3 chapter 5, the stack accesses of supervisor transitions, and the helpers
 * LAR, LSL, VERR, VERW, LLDT, LTR. Far transfers are in far.c, task switches in tss.c.
 */
#include "helper.h"
#include "sys.h"

/* A 4 GiB segment that may be read and written everywhere: accesses need no check. */
static bool seg_is_flat_data(const SegmentCache *s)
{
    return s->limit == 0xffffffff &&
           (s->flags & (DESC_P | DESC_S | DESC_CS | DESC_E | DESC_W)) == (DESC_P | DESC_S | DESC_W);
}

/* Same for CS; in real mode its cache has a data type. */
static bool seg_is_flat_cs(const SegmentCache *s)
{
    if (s->limit != 0xffffffff || !(s->flags & DESC_P))
        return false;
    return s->flags & DESC_CS ? s->flags & DESC_R : !(s->flags & DESC_E);
}

static uint32_t segment_hflags(const X86CPU *env, bool paged_segments)
{
    const SegmentCache *s = env->segs;
    uint32_t f = 0;
    if (s[R_CS].base)
        f |= HF_CSBASE;
    if (!paged_segments || s[R_DS].base | s[R_ES].base | s[R_SS].base)
        f |= HF_ADDSEG;
    if (!seg_is_flat_cs(&s[R_CS]) || !seg_is_flat_data(&s[R_DS]) || !seg_is_flat_data(&s[R_ES]) ||
        !seg_is_flat_data(&s[R_SS]))
        f |= HF_SEGCHECK;
    if (seg_is_flat_data(&s[R_FS]) && seg_is_flat_data(&s[R_GS]))
        f |= HF_FSGSFLAT;
    return f;
}

/* CR4.OSXSAVE and XCR0 decide over AVX. */
static uint32_t vector_hflags(const X86CPU *env)
{
    uint64_t cr4 = env->cr[4];
    uint32_t f = 0;
    if (cr4 & CR4_OSFXSR)
        f |= HF_OSFXSR;
    if (cr4 & CR4_OSXSAVE) {
        f |= HF_OSXSAVE;
        if ((env->xcr0 & 6) == 6)
            f |= HF_AVX;
    }
    return f;
}

enum { EFLAGS_HFLAGS = HF_CPL | HF_IOPL | HF_TF | HF_RF | HF_AC | HF_ALIGN };

/* The EFLAGS_HFLAGS bits. */
static uint32_t eflags_hflags(const X86CPU *env, unsigned cpl)
{
    uint32_t eflags = env->eflags, f = cpl | (eflags & IOPL_MASK) >> IOPL_SHIFT << 8;

    if (eflags & TF_MASK)
        f |= HF_TF;
    if (eflags & RF_MASK)
        f |= HF_RF;
    if (!(env->cr[4] & CR4_SMAP) || eflags & AC_MASK)
        f |= HF_AC;
    if (env->cr[0] & CR0_AM && eflags & AC_MASK && cpl == 3)
        f |= HF_ALIGN;
    return f;
}

void cpu_x86_update_hflags64(X86CPU *env, unsigned cpl)
{
    env->hflags = (env->hflags & ~(uint32_t)EFLAGS_HFLAGS) | eflags_hflags(env, cpl);
}

/*
 * The CPL is DPL of SS, as in every place where hardware keeps it: all transitions load SS so that this
 * holds (real mode: 0, v8086 mode: 3).
 */
void cpu_x86_update_hflags(X86CPU *env)
{
    const SegmentCache *cs = &env->segs[R_CS], *ss = &env->segs[R_SS];
    uint64_t cr0 = env->cr[0], cr4 = env->cr[4];
    bool pe = cr0 & CR0_PE, vm = pe && (env->eflags & VM_MASK);
    unsigned cpl = !pe ? 0 : vm ? 3 : ss->flags >> DESC_DPL_SHIFT & 3;
    uint32_t f = (env->hflags & (HF_FPEXACT | HF_INHIBIT_IRQ | HF_BPIO)) | eflags_hflags(env, cpl);

    if (pe)
        f |= HF_PE;
    if (vm)
        f |= HF_VM;
    if (env->efer & EFER_LMA)
        f |= HF_LMA | (cr4 & CR4_LA57 ? (uint32_t)HF_LA57 : 0);
    if (env->efer & EFER_LMA && cs->flags & DESC_L && !vm) {
        f |= HF_CS64 | HF_CS32 | HF_SS32;
    } else {
        if (cs->flags & DESC_B)
            f |= HF_CS32;
        if (ss->flags & DESC_B)
            f |= HF_SS32;
        f |= segment_hflags(env, pe && !vm);
    }
    f |= (cr0 & CR0_TS ? HF_TS : 0) | (cr0 & CR0_EM ? HF_EM : 0) | (cr0 & CR0_MP ? HF_MP : 0) |
         (cr0 & CR0_WP ? HF_WP : 0);
    f |= (cr4 & CR4_UMIP ? HF_UMIP : 0) | (cr4 & CR4_FSGSBASE ? HF_FSGSBASE : 0) | (cr4 & CR4_TSD ? HF_TSD : 0);
    env->hflags = f | vector_hflags(env);
}

void cpu_x86_load_seg_cache(X86CPU *env, int seg, uint32_t selector, uint64_t base, uint32_t limit, uint32_t flags)
{
    seg_set(&env->segs[seg], selector, base, limit, flags);
    cpu_x86_update_hflags(env);
}

/*
 * Real mode changes selector and base only: a limit left over from protected mode stays ("unreal mode").
 * v8086 mode sets all attributes, with DPL 3.
 */
void cpu_x86_load_seg_real(X86CPU *env, int seg, uint32_t selector)
{
    SegmentCache *s = &env->segs[seg];
    uint32_t access = DESC_P | DESC_S | DESC_W | DESC_A;
    selector &= 0xffff;
    if (env->eflags & VM_MASK)
        seg_set(s, selector, selector << 4, 0xffff, access | 3 << DESC_DPL_SHIFT);
    else
        seg_set(s, selector, selector << 4, s->limit, (s->flags & (DESC_B | DESC_G)) | access);
    cpu_x86_update_hflags(env);
}

bool seg_range_ok(const SegmentCache *s, uint32_t offset, unsigned bytes)
{
    uint64_t last = (uint64_t)offset + bytes - 1;
    if ((s->flags & (DESC_CS | DESC_E)) == DESC_E && s->flags & DESC_S)
        return offset > s->limit && last <= (s->flags & DESC_B ? 0xffffffffu : 0xffffu);
    return last <= s->limit;
}

/* ---- Descriptor tables ---- */

bool desc_address(const X86CPU *env, uint32_t selector, unsigned bytes, uint64_t *va)
{
    const SegmentCache *table = selector & 4 ? &env->ldt : &env->gdt;
    uint32_t offset = selector & 0xfff8;
    if (offset + bytes - 1 > table->limit || (selector & 4 && !(table->flags & DESC_P)))
        return false;
    *va = table->base + offset;
    if (!x86_long_mode(env))
        *va = (uint32_t)*va;
    return true;
}

bool desc_read(X86CPU *env, uint32_t selector, Descriptor *d, uintptr_t ra)
{
    uint64_t va;
    if (!desc_address(env, selector, 8, &va))
        return false;
    uint64_t q = cpu_ldq(&env->parent, va, x86_implicit_mode(env), ra);
    *d = (Descriptor){ (uint32_t)q, (uint32_t)(q >> 32) };
    return true;
}

void desc_set_accessed(X86CPU *env, uint32_t selector, Descriptor *d, uintptr_t ra)
{
    uint64_t va;
    if (d->hi & DESC_A || !desc_address(env, selector, 8, &va))
        return;
    cpu_atomic(&env->parent, IR_ATOMIC_OR, va + 5, DESC_A >> 8, 0, MEMOPIDX(MO_8, x86_implicit_mode(env)), ra);
    d->hi |= DESC_A;
}

void desc_set_busy(X86CPU *env, uint32_t selector, bool busy, uintptr_t ra)
{
    uint64_t va;
    uint8_t bit = DESC_TSS_BUSY >> 8;
    MemOpIdx oi = MEMOPIDX(MO_8, x86_implicit_mode(env));
    if (!desc_address(env, selector, 8, &va))
        return;
    if (busy)
        cpu_atomic(&env->parent, IR_ATOMIC_OR, va + 5, bit, 0, oi, ra);
    else
        cpu_atomic(&env->parent, IR_ATOMIC_AND, va + 5, (uint8_t)~bit, 0, oi, ra);
}

/* ---- Loading selectors ---- */

/* A null selector in a data segment register makes it unusable; SS takes one in 64-bit mode below CPL 3. */
static void load_null(X86CPU *env, unsigned seg, uint32_t selector, uintptr_t ra)
{
    unsigned cpl = x86_cpl(env);
    if (seg != R_SS) {
        seg_set(&env->segs[seg], selector, 0, 0, 0);
        return;
    }
    if (!(env->hflags & HF_CS64) || cpl == 3 || (selector & 3) != cpl)
        raise_exception_err(env, EXCP0D_GPF, 0, ra);
    seg_set(&env->segs[seg], selector, 0, 0, cpl << DESC_DPL_SHIFT);
}

static void check_data_segment(X86CPU *env, unsigned seg, uint32_t selector, Descriptor d, uintptr_t ra)
{
    unsigned cpl = x86_cpl(env), rpl = selector & 3, dpl = desc_dpl(d);
    uint32_t error = selector & 0xfffc;
    bool ok;
    if (seg == R_SS) {
        ok = desc_is_writable_data(d) && rpl == cpl && dpl == cpl;
    } else {
        bool code = d.hi & DESC_CS;
        ok = d.hi & DESC_S && (!code || d.hi & DESC_R);
        if (!code || !(d.hi & DESC_C))
            ok = ok && rpl <= dpl && cpl <= dpl;
    }
    if (!ok)
        raise_exception_err(env, EXCP0D_GPF, error, ra);
    if (!desc_present(d))
        raise_exception_err(env, seg == R_SS ? EXCP0C_STACK : EXCP0B_NOSEG, error, ra);
}

void x86_load_segment(X86CPU *env, unsigned seg, uint32_t selector, uintptr_t ra)
{
    selector &= 0xffff;
    if (!(env->hflags & HF_PE) || env->hflags & HF_VM) {
        cpu_x86_load_seg_real(env, (int)seg, selector);
        return;
    }
    if (!(selector & 0xfffc)) {
        load_null(env, seg, selector, ra);
    } else {
        Descriptor d;
        if (!desc_read(env, selector, &d, ra))
            raise_exception_err(env, EXCP0D_GPF, selector & 0xfffc, ra);
        check_data_segment(env, seg, selector, d, ra);
        desc_set_accessed(env, selector, &d, ra);
        seg_set_desc(&env->segs[seg], selector, d);
    }
    cpu_x86_update_hflags(env);
}

void x86_drop_inner_segments(X86CPU *env, unsigned cpl)
{
    static const uint8_t data[] = { R_ES, R_DS, R_FS, R_GS };
    for (unsigned i = 0; i < ARRAY_SIZE(data); i++) {
        SegmentCache *s = &env->segs[data[i]];
        bool conforming = (s->flags & (DESC_CS | DESC_C)) == (DESC_CS | DESC_C);
        if (s->flags & DESC_P && !conforming && (s->flags >> DESC_DPL_SHIFT & 3) < cpl)
            seg_set(s, 0, 0, 0, 0);
    }
}

void helper_load_seg(CPUState *cpu, uint32_t seg, uint32_t selector)
{
    x86_load_segment(x86_cpu(cpu), seg, selector, HELPER_RETADDR());
}

/* Reads the descriptor of LLDT or LTR: the table must be the GDT, and in long mode it has 16 bytes. */
static uint64_t read_system_segment(X86CPU *env, uint32_t selector, Descriptor *d, uintptr_t ra)
{
    uint64_t va;
    uint32_t high = 0;
    unsigned bytes = x86_long_mode(env) ? 16 : 8;
    if (selector & 4 || !desc_address(env, selector, bytes, &va))
        raise_exception_err(env, EXCP0D_GPF, selector & 0xfffc, ra);
    desc_read(env, selector, d, ra);
    if (bytes == 16) {
        high = cpu_ldl(&env->parent, va + 8, x86_implicit_mode(env), ra);
        if (cpu_ldl(&env->parent, va + 12, x86_implicit_mode(env), ra) >> 8 & 0x1f)
            raise_exception_err(env, EXCP0D_GPF, selector & 0xfffc, ra);
    }
    uint64_t base = (uint64_t)high << 32 | desc_base(*d);
    if (!x86_canonical(env, base) && bytes == 16)
        raise_exception_err(env, EXCP0D_GPF, selector & 0xfffc, ra);
    return base;
}

void helper_lldt(CPUState *cpu, uint32_t selector)
{
    X86CPU *env = x86_cpu(cpu);
    uintptr_t ra = HELPER_RETADDR();
    selector &= 0xffff;
    if (!(selector & 0xfffc)) {
        seg_set(&env->ldt, selector, 0, 0, 0);
        return;
    }
    Descriptor d;
    uint64_t base = read_system_segment(env, selector, &d, ra);
    if (d.hi & DESC_S || desc_type(d) != SYS_LDT)
        raise_exception_err(env, EXCP0D_GPF, selector & 0xfffc, ra);
    if (!desc_present(d))
        raise_exception_err(env, EXCP0B_NOSEG, selector & 0xfffc, ra);
    seg_set(&env->ldt, selector, base, desc_limit(d), d.hi);
}

void helper_ltr(CPUState *cpu, uint32_t selector)
{
    X86CPU *env = x86_cpu(cpu);
    uintptr_t ra = HELPER_RETADDR();
    selector &= 0xffff;
    if (!(selector & 0xfffc))
        raise_exception_err(env, EXCP0D_GPF, 0, ra);
    Descriptor d;
    uint64_t base = read_system_segment(env, selector, &d, ra);
    unsigned type = desc_type(d);
    if (d.hi & DESC_S || (type != SYS_TSS_AVAIL && (type != SYS_TSS16_AVAIL || x86_long_mode(env))))
        raise_exception_err(env, EXCP0D_GPF, selector & 0xfffc, ra);
    if (!desc_present(d))
        raise_exception_err(env, EXCP0B_NOSEG, selector & 0xfffc, ra);
    desc_set_busy(env, selector, true, ra);
    seg_set(&env->tr, selector, base, desc_limit(d), d.hi | DESC_TSS_BUSY);
}

/* ---- LAR, LSL, VERR, VERW ---- */

/* Reads a descriptor for inspection and checks that the CPL and RPL may see it; false: ZF = 0. */
static bool inspect(X86CPU *env, uint32_t selector, Descriptor *d, uintptr_t ra)
{
    if (!(selector & 0xfffc) || !desc_read(env, selector, d, ra))
        return false;
    if (desc_is_code(*d) && d->hi & DESC_C)
        return true;
    unsigned rpl = selector & 3, dpl = desc_dpl(*d);
    return x86_cpl(env) <= dpl && rpl <= dpl;
}

/* System descriptor types that LAR (bit set in lar) and LSL (in lsl) accept. */
static bool system_type_ok(const X86CPU *env, unsigned type, bool lsl)
{
    uint32_t segments = 1u << SYS_LDT | 1u << SYS_TSS_AVAIL | 1u << SYS_TSS_BUSY;
    uint32_t gates = 1u << SYS_CALL;
    if (!x86_long_mode(env)) {
        segments |= 1u << SYS_TSS16_AVAIL | 1u << SYS_TSS16_BUSY;
        gates |= 1u << SYS_CALL16 | 1u << SYS_TASK_GATE;
    }
    return (lsl ? segments : segments | gates) >> type & 1;
}

/* Result in the low half, bit 32 = ZF. */
uint64_t helper_lar(CPUState *cpu, uint32_t selector)
{
    X86CPU *env = x86_cpu(cpu);
    Descriptor d;
    if (!inspect(env, selector & 0xffff, &d, HELPER_RETADDR()))
        return 0;
    if (!(d.hi & DESC_S) && !system_type_ok(env, desc_type(d), false))
        return 0;
    return 1ull << 32 | (d.hi & 0x00f0ff00);
}

uint64_t helper_lsl(CPUState *cpu, uint32_t selector)
{
    X86CPU *env = x86_cpu(cpu);
    Descriptor d;
    if (!inspect(env, selector & 0xffff, &d, HELPER_RETADDR()))
        return 0;
    if (!(d.hi & DESC_S) && !system_type_ok(env, desc_type(d), true))
        return 0;
    return 1ull << 32 | desc_limit(d);
}

/* ZF of VERR (write = 0) and VERW. */
uint32_t helper_verify(CPUState *cpu, uint32_t selector, uint32_t write)
{
    Descriptor d;
    if (!inspect(x86_cpu(cpu), selector & 0xffff, &d, HELPER_RETADDR()) || !(d.hi & DESC_S))
        return 0;
    if (write)
        return desc_is_writable_data(d);
    return !(d.hi & DESC_CS) || d.hi & DESC_R;
}

/* ---- Stacks ---- */

void x86_stack_current(X86Stack *st, X86CPU *env, uintptr_t ra)
{
    const SegmentCache *ss = &env->segs[R_SS];
    bool flat = env->hflags & HF_CS64;
    *st = (X86Stack){ .env = env, .ss = flat ? NULL : ss, .sp = env->regs[R_ESP], .ra = ra,
                      .mask = flat ? ~0ull : ss->flags & DESC_B ? 0xffffffffull : 0xffffull,
                      .mode = x86_mode_at_cpl(env, x86_cpl(env)) };
}

/* Linear address of the top of stack, checked. */
static uint64_t stack_linear(X86Stack *st, unsigned size)
{
    uint64_t sp = st->sp & st->mask;
    if (!st->ss) {
        if (!x86_canonical(st->env, sp) || !x86_canonical(st->env, sp + size - 1))
            raise_exception_err(st->env, EXCP0C_STACK, st->error, st->ra);
        return sp;
    }
    if (!seg_range_ok(st->ss, (uint32_t)sp, size))
        raise_exception_err(st->env, EXCP0C_STACK, st->error, st->ra);
    return (uint32_t)(st->ss->base + sp);
}

static MemOp size_op(unsigned size) { return size == 8 ? MO_64 : size == 4 ? MO_32 : MO_16; }

void x86_push(X86Stack *st, unsigned size, uint64_t value)
{
    st->sp -= size;
    uint64_t va = stack_linear(st, size);
    cpu_st(&st->env->parent, va, value, MEMOPIDX(size_op(size), st->mode), st->ra);
}

uint64_t x86_pop(X86Stack *st, unsigned size)
{
    uint64_t va = stack_linear(st, size);
    st->sp += size;
    return cpu_ld(&st->env->parent, va, MEMOPIDX(size_op(size), st->mode), st->ra);
}

void x86_stack_commit(const X86Stack *st)
{
    uint64_t *esp = &st->env->regs[R_ESP];
    if (st->mask == 0xffff)
        *esp = (*esp & ~0xffffull) | (st->sp & 0xffff);
    else
        *esp = st->sp & st->mask;
}
