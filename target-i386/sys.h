/* SPDX-License-Identifier: MIT */
/*
 * What the files of the x86 system architecture share: descriptors, stacks that supervisor transitions
 * push to and pop from, task switches and far transfers. Intel SDM vol. 3 chapters 3, 5, 6 and 8.
 * `ra` is HELPER_RETADDR() of the helper, or 0 when the state in CPUState is already precise.
 */
#ifndef TARGET_I386_SYS_H
#define TARGET_I386_SYS_H

#include "cpu.h"

/* Types of system descriptors (S = 0). */
enum {
    SYS_TSS16_AVAIL = 1, SYS_LDT = 2, SYS_TSS16_BUSY = 3, SYS_CALL16 = 4, SYS_TASK_GATE = 5, SYS_INT16 = 6,
    SYS_TRAP16 = 7, SYS_TSS_AVAIL = 9, SYS_TSS_BUSY = 11, SYS_CALL = 12, SYS_INT = 14, SYS_TRAP = 15,
};

/* One 8-byte descriptor as it lies in memory. */
typedef struct Descriptor {
    uint32_t lo, hi;
} Descriptor;

static inline uint32_t desc_base(Descriptor d) { return d.lo >> 16 | (d.hi & 0xff) << 16 | (d.hi & 0xff000000); }
static inline uint32_t desc_limit(Descriptor d)
{
    uint32_t limit = (d.lo & 0xffff) | (d.hi & 0xf0000);
    return d.hi & DESC_G ? limit << 12 | 0xfff : limit;
}
static inline unsigned desc_dpl(Descriptor d) { return d.hi >> DESC_DPL_SHIFT & 3; }
static inline unsigned desc_type(Descriptor d) { return d.hi >> DESC_TYPE_SHIFT & 15; }
static inline bool desc_present(Descriptor d) { return d.hi & DESC_P; }
static inline bool desc_is_code(Descriptor d) { return (d.hi & (DESC_S | DESC_CS)) == (DESC_S | DESC_CS); }
static inline bool desc_is_writable_data(Descriptor d)
{
    return (d.hi & (DESC_S | DESC_CS | DESC_W)) == (DESC_S | DESC_W);
}
/* Gates: offset and selector. */
static inline uint32_t gate_offset(Descriptor d) { return (d.hi & 0xffff0000) | (d.lo & 0xffff); }
static inline uint32_t gate_selector(Descriptor d) { return d.lo >> 16; }

static inline unsigned x86_cpl(const X86CPU *env) { return env->hflags & HF_CPL; }
static inline bool x86_long_mode(const X86CPU *env) { return env->efer & EFER_LMA; }
static inline unsigned x86_iopl(const X86CPU *env) { return env->eflags >> IOPL_SHIFT & 3; }
static inline bool x86_is_amd(const X86CPU *env) { return env->cpuid_vendor[0] == 'A'; }
static inline bool x86_canonical(const X86CPU *env, uint64_t va)
{
    unsigned bits = env->cr[4] & CR4_LA57 ? 57 : 48;
    return (uint64_t)sextract64(va, 0, (int)bits) == va;
}
/* #SS for accesses relative to the stack, else #GP (mmu.c). */
_Noreturn void x86_raise_non_canonical(X86CPU *env, AccessType access, uintptr_t ra);
/* MMU mode of implicit accesses to descriptor tables and TSSs: supervisor whatever the CPL, SMAP applies. */
static inline unsigned x86_implicit_mode(const X86CPU *env)
{
    return env->cr[4] & CR4_SMAP ? MMU_KERNEL : MMU_KERNEL_AC;
}
/* MMU mode of an ordinary data access made at a given CPL. */
static inline unsigned x86_mode_at_cpl(const X86CPU *env, unsigned cpl)
{
    if (cpl == 3)
        return MMU_USER;
    return !(env->cr[4] & CR4_SMAP) || env->eflags & AC_MASK ? MMU_KERNEL_AC : MMU_KERNEL;
}

static inline void seg_set(SegmentCache *s, uint32_t selector, uint64_t base, uint32_t limit, uint32_t flags)
{
    s->selector = selector;
    s->base = base;
    s->limit = limit;
    s->flags = flags;
}
/* Fills a cache from a descriptor; the caller updates hflags. */
static inline void seg_set_desc(SegmentCache *s, uint32_t selector, Descriptor d)
{
    seg_set(s, selector, desc_base(d), desc_limit(d), d.hi);
}
/* True when bytes at offset lie in the segment (expand-down segments too). */
bool seg_range_ok(const SegmentCache *s, uint32_t offset, unsigned bytes);

/* ---- seg.c ---- */
/* Linear address of a selector's descriptor; false when it lies beyond its table. */
bool desc_address(const X86CPU *env, uint32_t selector, unsigned bytes, uint64_t *va);
/* Reads a descriptor; false when the selector lies beyond its table. */
bool desc_read(X86CPU *env, uint32_t selector, Descriptor *d, uintptr_t ra);
/* Sets the accessed bit in memory, if it is not set, and in *d. */
void desc_set_accessed(X86CPU *env, uint32_t selector, Descriptor *d, uintptr_t ra);
/* Changes the busy bit of a TSS descriptor in memory. */
void desc_set_busy(X86CPU *env, uint32_t selector, bool busy, uintptr_t ra);
/* MOV to a segment register with all checks of the current mode. */
void x86_load_segment(X86CPU *env, unsigned seg, uint32_t selector, uintptr_t ra);
/* After a change to an outer CPL: data segments it may not see become null. */
void x86_drop_inner_segments(X86CPU *env, unsigned cpl);

/* ---- A stack being pushed to or popped from; registers change only at x86_stack_commit ---- */
typedef struct X86Stack {
    X86CPU *env;
    const SegmentCache *ss; /* NULL: 64-bit mode, flat */
    uint64_t sp, mask;      /* mask = what of SP counts */
    unsigned mode;          /* MMU mode */
    uint32_t error;         /* error code of #SS */
    uintptr_t ra;
} X86Stack;
void x86_stack_current(X86Stack *st, X86CPU *env, uintptr_t ra);
/* size = 2, 4 or 8 bytes */
void x86_push(X86Stack *st, unsigned size, uint64_t value);
uint64_t x86_pop(X86Stack *st, unsigned size);
void x86_stack_commit(const X86Stack *st); /* SP of the CPU = sp under mask */

/* ---- tss.c ---- */
typedef enum TaskSwitch { TASK_JMP, TASK_CALL, TASK_IRET } TaskSwitch;
/* Hardware task switch to a TSS descriptor. next_eip is saved in the old task. error_code < 0: none, else
 * pushed on the new stack. */
void x86_task_switch(X86CPU *env, uint32_t selector, Descriptor d, TaskSwitch why, uint64_t next_eip,
                     int64_t error_code, uintptr_t ra);
/* Checks the task gate d (read from the IDT, GDT or LDT) and switches. ext = EXT bit for error codes. */
void x86_task_gate(X86CPU *env, Descriptor gate, TaskSwitch why, uint64_t next_eip, unsigned ext,
                   int64_t error_code, uintptr_t ra);
/* Stack of an inner privilege level from the TSS, checked: fills ss and *esp. */
void x86_tss_stack(X86CPU *env, unsigned dpl, unsigned ext, SegmentCache *ss, uint64_t *esp, uintptr_t ra);
/* Qword n of the 64-bit TSS's stack table: 0-2 RSP0-2, 4-10 IST1-7. */
uint64_t x86_tss64_stack(X86CPU *env, unsigned n, unsigned ext, uintptr_t ra);

/* ---- far.c ---- */
void x86_far_jump(X86CPU *env, uint32_t selector, uint64_t eip, unsigned size, uint64_t next_eip, uintptr_t ra);
void x86_far_call(X86CPU *env, uint32_t selector, uint64_t eip, unsigned size, uint64_t next_eip, uintptr_t ra);
void x86_far_ret(X86CPU *env, unsigned size, unsigned addend, uintptr_t ra);
void x86_iret(X86CPU *env, unsigned size, uint64_t next_eip, uintptr_t ra);

/* ---- models.c ---- */
/* INIT: registers as after reset but for x87, SSE, MSRs and CR0.CD/NW; an AP then waits for SIPI. */
void x86_cpu_init_signal(X86CPU *env);

/* ---- mmu.c ---- */
/* Reads the PAE page-directory pointers at cr3; false when one has reserved bits set. */
bool x86_load_pdptes(X86CPU *env, uint64_t cr3);
/* Address bits a page table entry may not have. */
static inline uint64_t x86_phys_reserved(const X86CPU *env)
{
    return ~((1ull << env->phys_bits) - 1) & 0xfffffffffffffull;
}

/* ---- sysreg.c and msr.c: false = #GP(0) ---- */
bool x86_write_cr(X86CPU *env, unsigned n, uint64_t value);
uint64_t x86_read_cr(X86CPU *env, unsigned n);
bool x86_read_msr(X86CPU *env, uint32_t msr, uint64_t *value);
bool x86_write_msr(X86CPU *env, uint32_t msr, uint64_t value);
/* Bits of CR4, and of EFER but LMA, that this CPU model has. */
uint32_t x86_cr4_mask(const X86CPU *env);
uint64_t x86_efer_mask(const X86CPU *env);
/* XCR0 bits this CPU model has. */
uint64_t x86_xcr0_mask(const X86CPU *env);

#endif
