/* SPDX-License-Identifier: MIT */
/*
 * System management mode: entering it by SMI, the state save area, RSM. Processors with long mode have the save area of the AMD64 Architecture
 * Programmer's Manual vol. 2 chapter 10 (revision 0x20064), others that of the Intel SDM vol. 3 chapter "System Management Mode" (revision 0x20000);
 * what that one calls reserved is laid out as on the P6. SMBASE can be relocated. In SMM a vCPU sees address_space_smm.
 * Left out: restart of I/O instructions (the revision says so), the two-monitor treatment.
 */
#include "exec/memory.h"
#include "helper.h"
#include "sys.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>

/* Offsets are from SMBASE, as in the manuals. */
enum { AREA_START = 0xfe00, AREA_SIZE = 0x200, ENTRY_POINT = 0x8000 };
enum { REVISION_32 = 0x20000, REVISION_64 = 0x20064, AREA_REVISION = 0xfefc };

typedef struct Area {
    uint8_t b[AREA_SIZE];
} Area;

static uint64_t get(const Area *a, unsigned at, unsigned bytes)
{
    uint64_t v = 0;
    memcpy(&v, a->b + (at - AREA_START), bytes);
    return v;
}

static void put(Area *a, unsigned at, unsigned bytes, uint64_t v)
{
    memcpy(a->b + (at - AREA_START), &v, bytes);
}

/* ---- Layouts ---- */

/* Registers of 64 bits in the state. CR0, CR4, EFER, EFLAGS, DR6 and DR7 are not written back as they stand: see Layout. */
typedef struct Slot {
    uint16_t at;
    uint32_t field;
} Slot;

/* A segment or table register: where its parts are, 0 = nowhere. */
typedef struct SegmentSlot {
    uint32_t field;
    uint16_t selector, attributes, limit, base;
} SegmentSlot;

typedef struct Layout {
    uint32_t revision;
    uint8_t bytes; /* of a register */
    uint16_t smbase, cr0, cr4, efer, eflags, dr6, dr7, auto_halt, nslots;
    const Slot *slots;
    const SegmentSlot *segments; /* SEGMENTS of them */
} Layout;

#define GENERAL(n) (X86_OFFSET(regs) + 8 * (n))
#define SEGMENT(n) (X86_OFFSET(segs) + (n) * (uint32_t)sizeof(SegmentCache))
#define CR(n) (X86_OFFSET(cr) + 8 * (n))

static const Slot slots64[] = {
    { 0xfff8, GENERAL(R_EAX) }, { 0xfff0, GENERAL(R_ECX) }, { 0xffe8, GENERAL(R_EDX) }, { 0xffe0, GENERAL(R_EBX) },
    { 0xffd8, GENERAL(R_ESP) }, { 0xffd0, GENERAL(R_EBP) }, { 0xffc8, GENERAL(R_ESI) }, { 0xffc0, GENERAL(R_EDI) },
    { 0xffb8, GENERAL(8) }, { 0xffb0, GENERAL(9) }, { 0xffa8, GENERAL(10) }, { 0xffa0, GENERAL(11) },
    { 0xff98, GENERAL(12) }, { 0xff90, GENERAL(13) }, { 0xff88, GENERAL(14) }, { 0xff80, GENERAL(15) },
    { 0xff78, X86_OFFSET(eip) }, { 0xff50, CR(3) },
};
static const Slot slots32[] = {
    { 0xfff8, CR(3) }, { 0xfff0, X86_OFFSET(eip) }, { 0xffec, GENERAL(R_EDI) }, { 0xffe8, GENERAL(R_ESI) },
    { 0xffe4, GENERAL(R_EBP) }, { 0xffe0, GENERAL(R_ESP) }, { 0xffdc, GENERAL(R_EBX) }, { 0xffd8, GENERAL(R_EDX) },
    { 0xffd4, GENERAL(R_ECX) }, { 0xffd0, GENERAL(R_EAX) },
};

#define AMD64(field, at) { field, at, (at) + 2, (at) + 4, (at) + 8 }
static const SegmentSlot segments64[] = {
    AMD64(SEGMENT(R_ES), 0xfe00), AMD64(SEGMENT(R_CS), 0xfe10), AMD64(SEGMENT(R_SS), 0xfe20), AMD64(SEGMENT(R_DS), 0xfe30),
    AMD64(SEGMENT(R_FS), 0xfe40), AMD64(SEGMENT(R_GS), 0xfe50), AMD64(X86_OFFSET(ldt), 0xfe70), AMD64(X86_OFFSET(tr), 0xfe90),
    { X86_OFFSET(gdt), 0, 0, 0xfe64, 0xfe68 }, { X86_OFFSET(idt), 0, 0, 0xfe84, 0xfe88 },
};
#define P6(field, selector, at) { field, selector, at, (at) + 4, (at) + 8 }
static const SegmentSlot segments32[] = {
    P6(SEGMENT(R_ES), 0xffa8, 0xff84), P6(SEGMENT(R_CS), 0xffac, 0xff90), P6(SEGMENT(R_SS), 0xffb0, 0xff9c), P6(SEGMENT(R_DS), 0xffb4, 0xff2c),
    P6(SEGMENT(R_FS), 0xffb8, 0xff38), P6(SEGMENT(R_GS), 0xffbc, 0xff44), P6(X86_OFFSET(ldt), 0xffc0, 0xff78), P6(X86_OFFSET(tr), 0xffc4, 0xff5c),
    { X86_OFFSET(gdt), 0, 0, 0xff70, 0xff74 }, { X86_OFFSET(idt), 0, 0, 0xff54, 0xff58 },
};
enum { SEGMENTS = ARRAY_SIZE(segments64) };
_Static_assert(ARRAY_SIZE(segments64) == ARRAY_SIZE(segments32), "one row for each register");

static const Layout layout64 = {
    .revision = REVISION_64, .bytes = 8, .smbase = 0xff00, .cr0 = 0xff58, .cr4 = 0xff48, .efer = 0xfed0, .eflags = 0xff70, .dr6 = 0xff68,
    .dr7 = 0xff60, .auto_halt = 0xfec9, .slots = slots64, .nslots = ARRAY_SIZE(slots64), .segments = segments64,
};
/* EFER, which has NXE on some of these, is in a reserved field. */
static const Layout layout32 = {
    .revision = REVISION_32, .bytes = 4, .smbase = 0xfef8, .cr0 = 0xfffc, .cr4 = 0xff14, .efer = 0xff18, .eflags = 0xfff4, .dr6 = 0xffcc,
    .dr7 = 0xffc8, .auto_halt = 0xff02, .slots = slots32, .nslots = ARRAY_SIZE(slots32), .segments = segments32,
};

static const Layout *layout_of(const X86CPU *env)
{
    return x86_feature(env, FW_8000_0001_EDX, 29) ? &layout64 : &layout32;
}

/* ---- Saving ---- */

static void save_segment(const X86CPU *env, const Layout *l, const SegmentSlot *slot, Area *a)
{
    SegmentCache s;
    memcpy(&s, (const char *)env + slot->field, sizeof s);
    unsigned narrow = l == &layout64 ? 2 : 4; /* selector and attributes */
    if (slot->selector) {
        put(a, slot->selector, narrow, s.selector);
        put(a, slot->attributes, narrow, s.flags >> 8 & 0xf0ff);
    }
    put(a, slot->limit, 4, s.limit);
    put(a, slot->base, l->bytes, s.base);
}

static void save_state(const X86CPU *env, Area *a)
{
    const Layout *l = layout_of(env);
    unsigned n = l->bytes;
    for (unsigned i = 0; i < l->nslots; i++)
        put(a, l->slots[i].at, n, *(const uint64_t *)((const char *)env + l->slots[i].field));
    for (unsigned i = 0; i < SEGMENTS; i++)
        save_segment(env, l, &l->segments[i], a);
    put(a, l->cr0, n, env->cr[0]);
    put(a, l->cr4, n, env->cr[4]);
    put(a, l->efer, n, env->efer);
    put(a, l->eflags, n, cpu_compute_eflags(env));
    put(a, l->dr6, n, env->dr[6]);
    put(a, l->dr7, n, env->dr[7]);
    put(a, l->smbase, 4, env->smbase);
    put(a, AREA_REVISION, 4, l->revision);
}

/* ---- Entry ---- */

void x86_smm_update_view(X86CPU *env)
{
    CPUState *cpu = &env->parent;
    cpu->secure = env->smm;
    tlb_set_memory(cpu, env->smm ? address_space_smm : NULL);
}

/* After the general state of either side is in place. */
static void switch_side(X86CPU *env, bool smm)
{
    env->smm = smm;
    cpu_x86_update_hflags(env);
    tlb_switch(&env->parent, x86_tlb_key(env));
    x86_smm_update_view(env);
}

static void set_entry_state(X86CPU *env)
{
    const uint32_t data = DESC_G | DESC_P | DESC_S | DESC_W | DESC_A;
    for (unsigned i = 0; i < 6; i++)
        seg_set(&env->segs[i], 0, 0, 0xffffffff, data);
    seg_set(&env->segs[R_CS], (uint32_t)env->smbase >> 4 & 0xffff, env->smbase, 0xffffffff, data);
    for (unsigned i = 0; i < 8; i++)
        env->regs[i] = (uint32_t)env->regs[i]; /* no upper halves outside long mode */
    env->eip = ENTRY_POINT;
    cpu_set_eflags(env, 2);
    env->cr[0] &= ~(uint64_t)(CR0_PE | CR0_EM | CR0_TS | CR0_PG);
    env->cr[4] = 0;
    env->efer = 0;
    cpu_x86_update_dr7(env, 0);
}

void x86_smm_enter(X86CPU *env)
{
    CPUState *cpu = &env->parent;
    AddressSpace *as = address_space_smm ? address_space_smm : address_space_memory;
    hwaddr at = (uint32_t)env->smbase + AREA_START;
    const Layout *l = layout_of(env);
    Area a;
    memset(&a, 0, sizeof a);
    address_space_read(as, at, &a, sizeof a);
    save_state(env, &a);
    put(&a, l->auto_halt, l == &layout64 ? 1 : 2, cpu->woken && env->in_hlt);
    address_space_write(as, at, &a, sizeof a);
    log_printf(LOG_INT, "SMM: enter from %04x:%016" PRIx64 "\n", env->segs[R_CS].selector, env->eip);
    env->smi_count++;
    env->nmi_masked_before_smm = env->nmi_masked;
    env->nmi_masked = true;
    set_entry_state(env);
    switch_side(env, true);
}

/* ---- RSM ---- */

/* What RSM answers with a shutdown (SDM, "Exiting from SMM"; APM, "Leaving SMM"). */
static bool state_is_bad(const X86CPU *env, const Layout *l, const Area *a)
{
    uint64_t cr0 = get(a, l->cr0, l->bytes), cr4 = get(a, l->cr4, l->bytes), efer = get(a, l->efer, l->bytes);
    bool pg = cr0 & CR0_PG, lma = efer & EFER_LMA;
    unsigned cs = (unsigned)get(a, l->segments[R_CS].attributes, 2) << 8;
    if (cr0 >> 32 || (pg && !(cr0 & CR0_PE)) || (cr0 & CR0_NW && !(cr0 & CR0_CD)))
        return true;
    if (cr4 & ~(uint64_t)x86_cr4_mask(env) || efer & ~(x86_efer_mask(env) | EFER_LMA))
        return true;
    if (lma != (pg && efer & EFER_LME) || (lma && !(cr4 & CR4_PAE)) || (!lma && cr4 & CR4_PCIDE))
        return true;
    return lma && ((cs & (DESC_L | DESC_B)) == (DESC_L | DESC_B) || get(a, l->eflags, 4) & VM_MASK);
}

static void load_segment(X86CPU *env, const Layout *l, const SegmentSlot *slot, const Area *a)
{
    SegmentCache s = { .limit = (uint32_t)get(a, slot->limit, 4), .base = get(a, slot->base, l->bytes) };
    if (slot->selector) {
        s.selector = (uint32_t)get(a, slot->selector, 2);
        s.flags = (uint32_t)get(a, slot->attributes, 2) << 8 & 0xf0ff00;
    } else {
        s.limit &= 0xffff;
    }
    memcpy((char *)env + slot->field, &s, sizeof s);
}

static void load_state(X86CPU *env, const Layout *l, const Area *a)
{
    unsigned n = l->bytes;
    for (unsigned i = 0; i < l->nslots; i++)
        *(uint64_t *)((char *)env + l->slots[i].field) = get(a, l->slots[i].at, n);
    for (unsigned i = 0; i < SEGMENTS; i++)
        load_segment(env, l, &l->segments[i], a);
    env->cr[0] = get(a, l->cr0, n) | CR0_ET;
    env->cr[4] = get(a, l->cr4, n);
    env->efer = get(a, l->efer, n);
    cpu_set_eflags(env, ((uint32_t)get(a, l->eflags, 4) & 0x3f7fd5) | 2);
    env->dr[6] = (get(a, l->dr6, n) & 0xe00f) | 0xffff0ff0;
    cpu_x86_update_dr7(env, (uint32_t)get(a, l->dr7, n));
    env->smbase = (uint32_t)get(a, l->smbase, 4);
}

static bool needs_pdptes(const X86CPU *env)
{
    return env->cr[0] & CR0_PG && env->cr[4] & CR4_PAE && !(env->efer & EFER_LMA);
}

void helper_rsm(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    uintptr_t ra = HELPER_RETADDR();
    const Layout *l = layout_of(env);
    Area a;
    if (!env->smm)
        raise_exception(env, EXCP06_ILLOP, ra);
    cpu_restore_state(cpu, ra);
    memset(&a, 0, sizeof a);
    address_space_read(cpu_memory(cpu), (uint32_t)env->smbase + AREA_START, &a, sizeof a);
    if (state_is_bad(env, l, &a))
        x86_shutdown(env, 0);
    load_state(env, l, &a);
    env->nmi_masked = env->nmi_masked_before_smm;
    env->hflags &= ~(uint32_t)HF_INHIBIT_IRQ;
    switch_side(env, false);
    log_printf(LOG_INT, "SMM: back to %04x:%016" PRIx64 "\n", env->segs[R_CS].selector, env->eip);
    if (needs_pdptes(env) && !x86_load_pdptes(env, env->cr[3]))
        x86_shutdown(env, 0);
    atomic_store(&cpu->exit_request, 1); /* what was held back */
    if (!(get(&a, l->auto_halt, 1) & 1))
        return;
    env->in_hlt = true;
    atomic_store(&cpu->halted, true);
    cpu->exception_index = EXCP_HLT;
    cpu_loop_exit(cpu);
}
