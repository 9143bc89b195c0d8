/* SPDX-License-Identifier: MIT */
/*
 * Breakpoints and watchpoints, of the debugger and of guest debug registers. A breakpoint is translated:
 * the TB at its address does nothing but stop, and no other TB runs over it. A watchpoint sends accesses
 * to its page through the slow path; a hit runs the instruction alone and stops after it.
 */
#include "cpu.h"
#include "exec/tb-internal.h"
#include "exec/tlb.h"

#include <glib.h>

void cpu_breakpoint_insert(CPUState *cpu, uint64_t pc, int flags)
{
    struct Breakpoint *b = g_new(struct Breakpoint, 1);
    *b = (struct Breakpoint){ .pc = pc, .flags = flags, .next = cpu->breakpoints };
    cpu->breakpoints = b;
    tb_invalidate_pc(pc);
}

bool cpu_breakpoint_remove(CPUState *cpu, uint64_t pc, int flags)
{
    for (struct Breakpoint **p = &cpu->breakpoints; *p; p = &(*p)->next) {
        struct Breakpoint *b = *p;
        if (b->pc == pc && b->flags == flags) {
            *p = b->next;
            g_free(b);
            tb_invalidate_pc(pc);
            return true;
        }
    }
    return false;
}

void cpu_breakpoint_remove_all(CPUState *cpu, int mask)
{
    for (struct Breakpoint *b = cpu->breakpoints, *next; b; b = next) {
        next = b->next;
        if (b->flags & mask)
            cpu_breakpoint_remove(cpu, b->pc, b->flags);
    }
}

bool cpu_breakpoint_at(const CPUState *cpu, uint64_t pc, int mask)
{
    for (const struct Breakpoint *b = cpu->breakpoints; b; b = b->next) {
        if (b->pc == pc && b->flags & mask)
            return true;
    }
    return false;
}

/* First-level entries learn of watchpoints when they are filled. */
static void flush_watched(CPUState *cpu, void *opaque)
{
    tlb_flush_all(cpu);
}

static void refill_tlb(CPUState *cpu)
{
    if (cpu->tlb)
        cpu_run_on_async(cpu, flush_watched, NULL);
}

void cpu_watchpoint_insert(CPUState *cpu, uint64_t vaddr, uint64_t len, int flags)
{
    struct Watchpoint *w = g_new(struct Watchpoint, 1);
    *w = (struct Watchpoint){ .vaddr = vaddr, .len = len ? len : 1, .flags = flags, .next = cpu->watchpoints };
    cpu->watchpoints = w;
    refill_tlb(cpu);
}

static void free_watchpoint(CPUState *cpu, struct Watchpoint *w)
{
    if (cpu->watchpoint_hit == w)
        cpu->watchpoint_hit = NULL;
    g_free(w);
}

bool cpu_watchpoint_remove(CPUState *cpu, uint64_t vaddr, uint64_t len, int flags)
{
    for (struct Watchpoint **p = &cpu->watchpoints; *p; p = &(*p)->next) {
        struct Watchpoint *w = *p;
        if (w->vaddr == vaddr && w->len == len && (w->flags & ~(BP_HIT_READ | BP_HIT_WRITE)) == flags) {
            *p = w->next;
            free_watchpoint(cpu, w);
            refill_tlb(cpu);
            return true;
        }
    }
    return false;
}

void cpu_watchpoint_remove_all(CPUState *cpu, int mask)
{
    for (struct Watchpoint **p = &cpu->watchpoints; *p;) {
        struct Watchpoint *w = *p;
        if (w->flags & mask) {
            *p = w->next;
            free_watchpoint(cpu, w);
        } else {
            p = &w->next;
        }
    }
    refill_tlb(cpu);
}

void cpu_check_watchpoints(CPUState *cpu, uint64_t va, uint64_t len, int access, uintptr_t retaddr)
{
    if (cpu->one_insn || !cpu->in_code)
        return; /* this is the instruction that was stopped at, or no instruction */
    for (struct Watchpoint *w = cpu->watchpoints; w; w = w->next) {
        if (!(w->flags & access) || va > w->vaddr + w->len - 1 || va + len - 1 < w->vaddr)
            continue;
        w->flags &= ~(BP_HIT_READ | BP_HIT_WRITE);
        w->flags |= access & BP_MEM_WRITE ? BP_HIT_WRITE : BP_HIT_READ;
        w->hit_addr = va > w->vaddr ? va : w->vaddr;
        cpu->watchpoint_hit = w;
        cpu->one_insn = true;
        cpu_loop_exit_restore(cpu, retaddr);
    }
}
