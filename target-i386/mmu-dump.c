/* SPDX-License-Identifier: MIT */
/* Every mapping of the current page tables: "info tlb", ranges of equal protection for "info mem", memory dumps. */
#include "helper.h"
#include "sys.h"

#include <inttypes.h>

/* Tables that name themselves have more mappings than anyone can list. */
#define VISITS_MAX (1u << 24)

/* Visitor of present leaves: va, entry, page size, AND of the access bits on the way. */
typedef void VisitFn(void *opaque, uint64_t va, uint64_t entry, uint64_t page_size, unsigned rights);
enum { RIGHT_P = 1, RIGHT_W = 2, RIGHT_U = 4 };

typedef struct Visit {
    X86CPU *env;
    unsigned index_bits, entry_bytes;
    bool pse, sign_extend;
    unsigned *left; /* visits */
    VisitFn *fn;
    void *opaque;
} Visit;

static void visit_table(const Visit *v, uint64_t table, unsigned level, uint64_t va, unsigned rights)
{
    unsigned shift = 12 + level * v->index_bits;
    for (uint64_t i = 0; i < 1ull << v->index_bits && *v->left; i++) {
        hwaddr pa = (table + i * v->entry_bytes) & x86_a20_mask(v->env);
        uint64_t e = v->entry_bytes == 8 ? phys_ldq(&v->env->parent, pa) : phys_ldl(&v->env->parent, pa);
        uint64_t here = va + (i << shift);
        if (!(e & 1))
            continue;
        if (level == 0 || (e & 0x80 && v->pse && level < 3)) {
            if (v->sign_extend)
                here = (uint64_t)sextract64(here, 0, v->env->cr[4] & CR4_LA57 ? 57 : 48);
            (*v->left)--;
            v->fn(v->opaque, here, e, 1ull << shift, rights & (unsigned)e);
        } else {
            visit_table(v, e & 0xffffffffff000ull, level - 1, va + (i << shift), rights & (unsigned)e);
        }
    }
}

static void visit_all(X86CPU *env, VisitFn *fn, void *opaque)
{
    unsigned left = VISITS_MAX;
    Visit v = { .env = env, .index_bits = 9, .entry_bytes = 8, .pse = true, .left = &left, .fn = fn, .opaque = opaque };
    unsigned all = RIGHT_P | RIGHT_W | RIGHT_U;
    if (env->efer & EFER_LMA) {
        v.sign_extend = true;
        visit_table(&v, env->cr[3] & 0xffffffffff000ull, env->cr[4] & CR4_LA57 ? 4 : 3, 0, all);
    } else if (env->cr[4] & CR4_PAE) {
        for (unsigned i = 0; i < 4; i++)
            if (env->pdpte[i] & 1)
                visit_table(&v, env->pdpte[i] & 0xffffffffff000ull, 1, (uint64_t)i << 30, all);
    } else {
        v.index_bits = 10;
        v.entry_bytes = 4;
        v.pse = env->cr[4] & CR4_PSE;
        visit_table(&v, env->cr[3] & 0xfffff000, 1, 0, all);
    }
}

static void print_page(void *opaque, uint64_t va, uint64_t e, uint64_t size, unsigned rights)
{
    uint64_t pa = e & 0xffffffffff000ull & ~(size - 1);
    (void)rights;
    fprintf(opaque, "%016" PRIx64 ": %016" PRIx64 " %c%c%c%c%c%c%c%c%c\n", va, pa, e >> 63 ? 'X' : '-',
            e & 0x100 ? 'G' : '-', size > PAGE_SIZE_ ? 'P' : '-', e & 0x40 ? 'D' : '-', e & 0x20 ? 'A' : '-',
            e & 0x10 ? 'C' : '-', e & 8 ? 'T' : '-', e & 4 ? 'U' : '-', e & 2 ? 'W' : '-');
}

void x86_dump_tlb(CPUState *cpu, FILE *out)
{
    X86CPU *env = x86_cpu(cpu);
    if (!(env->cr[0] & CR0_PG)) {
        fprintf(out, "PG disabled\n");
        return;
    }
    visit_all(env, print_page, out);
}

/* A run of pages with the same rights. */
typedef struct Run {
    FILE *out;
    int digits;
    uint64_t start, end;
    unsigned rights;
} Run;

static void print_run(const Run *r)
{
    if (r->rights)
        fprintf(r->out, "%0*" PRIx64 "-%0*" PRIx64 " %0*" PRIx64 " %c%c%c\n", r->digits, r->start, r->digits, r->end,
                r->digits, r->end - r->start, r->rights & RIGHT_U ? 'u' : '-', 'r', r->rights & RIGHT_W ? 'w' : '-');
}

static void extend_run(void *opaque, uint64_t va, uint64_t e, uint64_t size, unsigned rights)
{
    Run *r = opaque;
    (void)e;
    if (va != r->end || rights != r->rights) {
        print_run(r);
        r->start = va;
        r->rights = rights;
    }
    r->end = va + size;
}

void x86_dump_mem(CPUState *cpu, FILE *out)
{
    X86CPU *env = x86_cpu(cpu);
    Run r = { .out = out, .digits = env->efer & EFER_LMA ? 16 : 8 };
    if (!(env->cr[0] & CR0_PG)) {
        fprintf(out, "PG disabled\n");
        return;
    }
    visit_all(env, extend_run, &r);
    print_run(&r);
}

typedef struct MappingVisit {
    bool (*fn)(void *opaque, uint64_t va, hwaddr pa, uint64_t size);
    void *opaque;
    bool enough;
} MappingVisit;

static void tell_mapping(void *opaque, uint64_t va, uint64_t e, uint64_t size, unsigned rights)
{
    MappingVisit *m = opaque;
    m->enough = m->enough || !m->fn(m->opaque, va, e & 0xffffffffff000ull & ~(size - 1), size);
}

void x86_foreach_mapping(CPUState *cpu, bool (*fn)(void *opaque, uint64_t va, hwaddr pa, uint64_t size), void *opaque)
{
    X86CPU *env = x86_cpu(cpu);
    MappingVisit m = { fn, opaque, false };
    if (env->cr[0] & CR0_PG)
        visit_all(env, tell_mapping, &m);
}
