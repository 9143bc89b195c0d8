/* SPDX-License-Identifier: MIT */
/*
 * REP MOVS, STOS, LODS, SCAS, CMPS, INS and OUTS in bulk. Work goes in runs of elements that stay in one
 * page of source and destination (and do not wrap the address size), on host memory. Registers and flags
 * are updated after each run, so a fault, or an interrupt between runs, finds the state of a completed element.
 * Elements that cross pages, pages without host memory (MMIO, code, watchpoints) and segments with odd
 * limits go one element at a time. Order within a run is the architecture's: overlapping copies propagate.
 */
#include "helper-int.h"
#include "helper.h"
#include "exec/icount.h"
#include "string-op.h"
#include "exec/tlb.h"
#include <string.h>

typedef struct StringOp {
    X86CPU *env;
    CPUState *cpu;
    uintptr_t ra;
    uint64_t mask;      /* of the address size */
    unsigned size;      /* bytes of an element */
    unsigned mode;      /* MMU mode */
    MemOpIdx oi;
    int source;         /* segment of SI */
    int step;           /* size or -size */
    bool once, single;  /* no REP; or at most one element for another reason */
    bool repnz;
} StringOp;

static StringOp string_begin(CPUState *cpu, uint32_t arg, uintptr_t ra)
{
    X86CPU *env = x86_cpu(cpu);
    unsigned at = arg >> STRING_ADDR_SHIFT & 3, size = 1u << (arg & 3), mode = x86_mmu_mode(env);
    MemOp align = env->hflags & HF_ALIGN ? MO_ALIGN : 0;

    return (StringOp){
        .env = env, .cpu = cpu, .ra = ra, .mask = at == MO_64 ? ~0ull : (1ull << (8 << at)) - 1, .size = size,
        .mode = mode, .oi = MEMOPIDX((arg & 3) | align, mode), .source = arg >> STRING_SEG_SHIFT & 7,
        .step = env->df < 0 ? -(int)size : (int)size, .once = arg & STRING_ONCE,
        .single = arg & (STRING_ONCE | STRING_STEP) || cpu->watchpoint_hit, .repnz = arg & STRING_REPNZ,
    };
}

/* ---- Registers ---- */

static uint64_t offset_of(const StringOp *o, unsigned reg)
{
    return o->env->regs[reg] & o->mask;
}

static void set_offset(const StringOp *o, unsigned reg, uint64_t v)
{
    uint64_t *r = &o->env->regs[reg];

    *r = o->mask == 0xffff ? (*r & ~0xffffull) | (v & 0xffff) : v & o->mask;
}

static uint64_t count_of(const StringOp *o)
{
    return o->once ? 1 : offset_of(o, R_ECX);
}

static void move(const StringOp *o, unsigned reg, uint64_t elements)
{
    set_offset(o, reg, o->env->regs[reg] + (uint64_t)((int64_t)elements * o->step));
}

static void count_down(const StringOp *o, uint64_t elements)
{
    if (!o->once)
        set_offset(o, R_ECX, o->env->regs[R_ECX] - elements);
}

/* More to do, and nobody asks for the vCPU? Under -icount an instruction may not end where the host happens to ask. */
static bool goes_on(const StringOp *o)
{
    if (icount_enabled())
        return !o->single && count_of(o);
    return !o->single && count_of(o) && !atomic_load_explicit(&o->cpu->exit_request, memory_order_relaxed);
}

/* What a helper returns: finished, or to be resumed. What comes between iterations finds RF set (SDM vol. 3, 17.3.1.1). */
static bool finished(const StringOp *o)
{
    X86CPU *env = o->env;

    if (o->once || !count_of(o))
        return true;
    env->eflags |= RF_MASK;
    env->hflags |= HF_RF;
    o->cpu->icount_left += icount_enabled(); /* counts when it has finished, in however many parts */
    return false;
}

/* ---- Memory ---- */

static uint64_t linear_of(const StringOp *o, int seg, uint64_t offset)
{
    const X86CPU *env = o->env;

    if (env->hflags & HF_CS64)
        return seg >= R_FS ? offset + env->segs[seg].base : offset;
    return (uint32_t)(offset + env->segs[seg].base);
}

static bool segment_ok(const StringOp *o, int seg, uint64_t offset, uint64_t bytes, bool write)
{
    return (o->env->hflags & HF_CS64) || x86_seg_access_ok(o->env, seg, offset, bytes, write);
}

/* The elements from an index register's position, in order of increasing address. */
typedef struct Run {
    uint64_t linear;  /* of the first element processed */
    uint8_t *host;    /* of the lowest byte; NULL: element by element */
    uint64_t count;
} Run;

/* How many elements, at most limit, lie in one page and one piece of the address space; at least 1. */
static uint64_t run_length(const StringOp *o, uint64_t linear, uint64_t offset, uint64_t limit)
{
    uint64_t in_page = linear & ~PAGE_MASK, n, wrap;

    if (in_page + o->size > PAGE_SIZE_)
        return 1;
    if (o->step > 0) {
        n = (PAGE_SIZE_ - in_page) / o->size;
        wrap = (o->mask - offset) / o->size;
    } else {
        n = in_page / o->size + 1;
        wrap = offset / o->size;
    }
    if (n > wrap)
        n = wrap ? wrap : 1;
    return n < limit ? n : limit;
}

/* A run of at most limit elements for an access. Raises the fault of its first element. */
static Run string_run(const StringOp *o, int seg, unsigned reg, uint64_t limit, AccessType access)
{
    uint64_t offset = offset_of(o, reg), linear = linear_of(o, seg, offset), n = run_length(o, linear, offset, limit);
    bool write = access == ACCESS_WRITE, down = o->step < 0;
    uint64_t below = down ? (n - 1) * o->size : 0;

    if (!segment_ok(o, seg, offset - below, n * o->size, write)) {
        if (!segment_ok(o, seg, offset, o->size, write))
            x86_raise_seg_fault(o->env, seg, o->ra);
        return (Run){ linear, NULL, 1 };
    }
    if ((linear & ~PAGE_MASK) + o->size > PAGE_SIZE_ || ((o->oi & MO_ALIGN) && (linear & (o->size - 1))))
        return (Run){ linear, NULL, 1 };
    bool fault = false;
    uint8_t *host = tlb_probe(o->cpu, linear - below, n * o->size, access, o->mode, true, &fault, o->ra);
    if (fault) /* at the first element, which may be the highest */
        host = tlb_probe(o->cpu, linear, o->size, access, o->mode, false, NULL, o->ra);
    return (Run){ linear, host, fault ? 1 : n };
}

/* Where the element at an index register lies; for those handled one at a time. */
static uint64_t element_linear(const StringOp *o, int seg, unsigned reg, bool write)
{
    uint64_t offset = offset_of(o, reg);

    if (!segment_ok(o, seg, offset, o->size, write))
        x86_raise_seg_fault(o->env, seg, o->ra);
    return linear_of(o, seg, offset);
}

static void shorten(const StringOp *o, Run *r, uint64_t n)
{
    if (r->host && o->step < 0)
        r->host += (r->count - n) * o->size;
    r->count = n;
}

/* Element i of a run in processing order. */
static uint8_t *element(const StringOp *o, const Run *r, uint64_t i)
{
    return r->host + (o->step > 0 ? i : r->count - 1 - i) * o->size;
}

/* Elements may lie at any address; a memcpy of constant size is one move. */
static uint64_t load(const StringOp *o, const uint8_t *p)
{
    uint64_t v = 0;

    switch (o->size) {
    case 1:
        return *p;
    case 2:
        memcpy(&v, p, 2);
        return v;
    case 4:
        memcpy(&v, p, 4);
        return v;
    default:
        memcpy(&v, p, 8);
        return v;
    }
}

static void store(const StringOp *o, uint8_t *p, uint64_t v)
{
    switch (o->size) {
    case 1:
        *p = (uint8_t)v;
        break;
    case 2:
        memcpy(p, &v, 2);
        break;
    case 4:
        memcpy(p, &v, 4);
        break;
    default:
        memcpy(p, &v, 8);
    }
}

/* ---- MOVS ---- */

/* True when copying everything at once differs from copying element by element in order. */
static bool propagates(const StringOp *o, const uint8_t *dst, const uint8_t *src, uint64_t bytes)
{
    return o->step > 0 ? dst > src && dst < src + bytes : dst < src && src < dst + bytes;
}

static void copy_run(const StringOp *o, const Run *src, const Run *dst)
{
    uint64_t bytes = src->count * o->size;

    if (!propagates(o, dst->host, src->host, bytes)) {
        memmove(dst->host, src->host, bytes);
        return;
    }
    for (uint64_t i = 0; i < src->count; i++)
        store(o, element(o, dst, i), load(o, element(o, src, i)));
}

/* Copies what it can at once and returns how many elements that was. */
static uint64_t move_some(const StringOp *o, uint64_t limit)
{
    Run src = string_run(o, o->source, R_ESI, limit, ACCESS_READ), dst;

    if (!src.host) {
        uint64_t v = cpu_ld(o->cpu, src.linear, o->oi, o->ra);
        cpu_st(o->cpu, element_linear(o, R_ES, R_EDI, true), v, o->oi, o->ra);
        return 1;
    }
    dst = string_run(o, R_ES, R_EDI, src.count, ACCESS_WRITE);
    if (!dst.host) {
        cpu_st(o->cpu, dst.linear, load(o, element(o, &src, 0)), o->oi, o->ra);
        return 1;
    }
    shorten(o, &src, dst.count);
    copy_run(o, &src, &dst);
    return dst.count;
}

uint32_t helper_rep_movs(CPUState *cpu, uint32_t arg)
{
    StringOp o = string_begin(cpu, arg, HELPER_RETADDR());

    while (count_of(&o)) {
        uint64_t n = move_some(&o, o.single ? 1 : count_of(&o));

        move(&o, R_ESI, n);
        move(&o, R_EDI, n);
        count_down(&o, n);
        if (!goes_on(&o))
            break;
    }
    return finished(&o);
}

/* ---- STOS, LODS ---- */

static void fill_run(const StringOp *o, const Run *r, uint64_t v)
{
    bool bytewise = (v & 0xff) * (~0ull / 255 >> (64 - 8 * o->size)) == v;

    if (bytewise) {
        memset(r->host, (int)(v & 0xff), r->count * o->size);
        return;
    }
    for (uint64_t i = 0; i < r->count; i++)
        store(o, r->host + i * o->size, v);
}

uint32_t helper_rep_stos(CPUState *cpu, uint32_t arg)
{
    StringOp o = string_begin(cpu, arg, HELPER_RETADDR());
    uint64_t v = o.env->regs[R_EAX] & (~0ull >> (64 - 8 * o.size));

    while (count_of(&o)) {
        Run dst = string_run(&o, R_ES, R_EDI, o.single ? 1 : count_of(&o), ACCESS_WRITE);
        uint64_t n = dst.host ? dst.count : 1;

        if (dst.host)
            fill_run(&o, &dst, v);
        else
            cpu_st(cpu, dst.linear, v, o.oi, o.ra);
        move(&o, R_EDI, n);
        count_down(&o, n);
        if (!goes_on(&o))
            break;
    }
    return finished(&o);
}

static void set_accumulator(const StringOp *o, uint64_t v)
{
    uint64_t *a = &o->env->regs[R_EAX];
    uint64_t mask = o->size >= 4 ? 0 : ~0ull << (8 * o->size);

    *a = (*a & mask) | v;
}

uint32_t helper_rep_lods(CPUState *cpu, uint32_t arg)
{
    StringOp o = string_begin(cpu, arg, HELPER_RETADDR());

    while (count_of(&o)) {
        Run src = string_run(&o, o.source, R_ESI, o.single ? 1 : count_of(&o), ACCESS_READ);
        uint64_t n = src.host ? src.count : 1;

        set_accumulator(&o, src.host ? load(&o, element(&o, &src, n - 1)) : cpu_ld(cpu, src.linear, o.oi, o.ra));
        move(&o, R_ESI, n);
        count_down(&o, n);
        if (!goes_on(&o))
            break;
    }
    return finished(&o);
}

/* ---- SCAS, CMPS ---- */

static void set_compare_flags(const StringOp *o, uint64_t a, uint64_t b)
{
    X86CPU *env = o->env;

    env->cc_dst = a - b;
    env->cc_src = b;
    env->cc_op = CC_OP_SUBB + (unsigned)__builtin_ctz(o->size);
}

/* Elements of a run up to and including the one that ends REPE (a difference) or REPNE (a match). */
static uint64_t scan_run(const StringOp *o, const Run *r, uint64_t a, bool *hit)
{
    if (o->size == 1 && o->step > 0 && o->repnz) {
        const uint8_t *p = memchr(r->host, (int)(a & 0xff), r->count);
        *hit = p;
        return p ? (uint64_t)(p - r->host) + 1 : r->count;
    }
    for (uint64_t i = 0; i < r->count; i++) {
        if ((load(o, element(o, r, i)) == a) == o->repnz) {
            *hit = true;
            return i + 1;
        }
    }
    return r->count;
}

uint32_t helper_rep_scas(CPUState *cpu, uint32_t arg)
{
    StringOp o = string_begin(cpu, arg, HELPER_RETADDR());
    uint64_t a = o.env->regs[R_EAX] & (~0ull >> (64 - 8 * o.size)), last;
    bool hit = false;

    while (count_of(&o)) {
        Run r = string_run(&o, R_ES, R_EDI, o.single ? 1 : count_of(&o), ACCESS_READ);
        uint64_t n = 1;

        if (r.host) {
            n = scan_run(&o, &r, a, &hit);
            last = load(&o, element(&o, &r, n - 1));
        } else {
            last = cpu_ld(cpu, r.linear, o.oi, o.ra);
            hit = (last == a) == o.repnz;
        }
        move(&o, R_EDI, n);
        count_down(&o, n);
        set_compare_flags(&o, a, last);
        if (hit || !goes_on(&o))
            break;
    }
    return hit || finished(&o);
}

static uint64_t compare_run(const StringOp *o, const Run *x, const Run *y, bool *hit)
{
    uint64_t i = 0;

    if (o->step > 0 && !o->repnz) { /* whole words that are equal */
        uint64_t bytes = x->count * o->size, at = 0;
        while (at + 8 <= bytes && !memcmp(x->host + at, y->host + at, 8))
            at += 8;
        i = at / o->size;
    }
    for (; i < x->count; i++) {
        if ((load(o, element(o, x, i)) == load(o, element(o, y, i))) == o->repnz) {
            *hit = true;
            return i + 1;
        }
    }
    return x->count;
}

/* Compares one element that has no host memory on one side: DI is read first. */
static uint64_t compare_one(const StringOp *o, uint64_t y, bool *hit)
{
    uint64_t b = cpu_ld(o->cpu, y, o->oi, o->ra);
    uint64_t a = cpu_ld(o->cpu, element_linear(o, o->source, R_ESI, false), o->oi, o->ra);

    set_compare_flags(o, a, b);
    *hit = (a == b) == o->repnz;
    return 1;
}

static uint64_t compare_some(const StringOp *o, uint64_t limit, bool *hit)
{
    Run y = string_run(o, R_ES, R_EDI, limit, ACCESS_READ), x;
    uint64_t n;

    if (!y.host)
        return compare_one(o, y.linear, hit);
    x = string_run(o, o->source, R_ESI, y.count, ACCESS_READ);
    if (!x.host)
        return compare_one(o, y.linear, hit);
    shorten(o, &y, x.count);
    n = compare_run(o, &x, &y, hit);
    set_compare_flags(o, load(o, element(o, &x, n - 1)), load(o, element(o, &y, n - 1)));
    return n;
}

uint32_t helper_rep_cmps(CPUState *cpu, uint32_t arg)
{
    StringOp o = string_begin(cpu, arg, HELPER_RETADDR());
    bool hit = false;

    while (count_of(&o)) {
        uint64_t n = compare_some(&o, o.single ? 1 : count_of(&o), &hit);

        move(&o, R_ESI, n);
        move(&o, R_EDI, n);
        count_down(&o, n);
        if (hit || !goes_on(&o))
            break;
    }
    return hit || finished(&o);
}

/* ---- INS, OUTS ---- */

uint32_t helper_rep_ins(CPUState *cpu, uint32_t arg)
{
    StringOp o = string_begin(cpu, arg, HELPER_RETADDR());
    uint16_t port = (uint16_t)o.env->regs[R_EDX];

    while (count_of(&o)) {
        Run r = string_run(&o, R_ES, R_EDI, o.single ? 1 : count_of(&o), ACCESS_WRITE);
        uint64_t n = r.host ? r.count : 1;

        for (uint64_t i = 0; i < n; i++) {
            uint64_t v = x86_io_read(port, o.size);
            if (r.host)
                store(&o, element(&o, &r, i), v);
            else
                cpu_st(cpu, r.linear, v, o.oi, o.ra);
        }
        move(&o, R_EDI, n);
        count_down(&o, n);
        if (!goes_on(&o))
            break;
    }
    return finished(&o);
}

uint32_t helper_rep_outs(CPUState *cpu, uint32_t arg)
{
    StringOp o = string_begin(cpu, arg, HELPER_RETADDR());
    uint16_t port = (uint16_t)o.env->regs[R_EDX];

    while (count_of(&o)) {
        Run r = string_run(&o, o.source, R_ESI, o.single ? 1 : count_of(&o), ACCESS_READ);
        uint64_t n = r.host ? r.count : 1;

        for (uint64_t i = 0; i < n; i++) {
            uint64_t v = r.host ? load(&o, element(&o, &r, i)) : cpu_ld(cpu, r.linear, o.oi, o.ra);
            x86_io_write(port, (uint32_t)v, o.size);
        }
        move(&o, R_ESI, n);
        count_down(&o, n);
        if (!goes_on(&o))
            break;
    }
    return finished(&o);
}
