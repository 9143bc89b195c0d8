/* SPDX-License-Identifier: MIT */
/*
 * Breakpoints and watchpoints, of the debugger and of guest debug registers. A breakpoint is translated:
 * the TB at its address does nothing but stop, and no other TB runs over it. A watchpoint sends accesses
 * to its page through the slow path; a hit runs the instruction alone and stops after it.
 */
#include "cpu.h"
#include "exec/memory.h"
#include "exec/tb-internal.h"
#include "exec/tlb.h"

#include <glib.h>
#include <string.h>

/* ---- Breakpoints ---- */

/*
 * TBs are shared by all vCPUs, so the translator stops at the points of each. The TB lock covers the lists, because
 * translation reads those of other vCPUs.
 */
static uint64_t *debugger_pcs; /* ascending. Changes under TB lock with all vCPUs stopped */
static unsigned debugger_npcs;

/* First of the debugger's addresses that is not below pc. */
static unsigned debugger_index(uint64_t pc)
{
    unsigned first = 0;
    for (unsigned end = debugger_npcs; first < end;) {
        unsigned mid = (first + end) / 2;
        if (debugger_pcs[mid] < pc)
            first = mid + 1;
        else
            end = mid;
    }
    return first;
}

bool debugger_has_breakpoint(uint64_t pc)
{
    unsigned i = debugger_index(pc);
    return i < debugger_npcs && debugger_pcs[i] == pc;
}

void debugger_set_breakpoints(const uint64_t *pcs, unsigned n)
{
    uint64_t *changed = g_new(uint64_t, n + debugger_npcs + 1);
    unsigned nchanged = 0, i = 0, j = 0;
    while (i < n || j < debugger_npcs) { /* what is in one of the two sets only */
        if (j == debugger_npcs || (i < n && pcs[i] < debugger_pcs[j])) {
            changed[nchanged++] = pcs[i++];
        } else if (i == n || debugger_pcs[j] < pcs[i]) {
            changed[nchanged++] = debugger_pcs[j++];
        } else {
            i++;
            j++;
        }
    }
    if (nchanged) {
        tb_lock(current_cpu);
        g_free(debugger_pcs);
        debugger_pcs = n ? g_memdup2(pcs, n * sizeof(*pcs)) : NULL;
        debugger_npcs = n;
        tb_invalidate_pcs(changed, nchanged);
        tb_unlock();
    }
    g_free(changed);
}

uint64_t breakpoint_next(uint64_t pc)
{
    unsigned i = debugger_index(pc);
    uint64_t next = i < debugger_npcs ? debugger_pcs[i] : UINT64_MAX;
    CPU_FOREACH(cpu)
    {
        for (const struct Breakpoint *b = cpu->breakpoints; b; b = b->next) {
            if (b->pc >= pc && b->pc < next)
                next = b->pc;
        }
    }
    return next;
}

void cpu_breakpoint_insert(CPUState *cpu, uint64_t pc, int flags)
{
    struct Breakpoint *b = g_new(struct Breakpoint, 1);
    *b = (struct Breakpoint){ .pc = pc, .flags = flags, .next = cpu->breakpoints };
    tb_lock(current_cpu);
    cpu->breakpoints = b;
    tb_invalidate_pcs(&pc, 1);
    tb_unlock();
}

bool cpu_breakpoint_remove(CPUState *cpu, uint64_t pc, int flags)
{
    for (struct Breakpoint **p = &cpu->breakpoints; *p; p = &(*p)->next) {
        struct Breakpoint *b = *p;
        if (b->pc == pc && b->flags == flags) {
            tb_lock(current_cpu);
            *p = b->next;
            tb_invalidate_pcs(&pc, 1);
            tb_unlock();
            g_free(b);
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
    if (mask & BP_GDB && debugger_has_breakpoint(pc))
        return true;
    for (const struct Breakpoint *b = cpu->breakpoints; b; b = b->next) {
        if (b->pc == pc && b->flags & mask)
            return true;
    }
    return false;
}

/* ---- Memory ---- */

bool cpu_memory_rw_debug(CPUState *cpu, uint64_t va, void *buf, uint64_t len, bool write)
{
    for (uint64_t n; len; len -= n, va += n, buf = (char *)buf + n) {
        hwaddr pa;
        n = MIN(len, PAGE_SIZE_ - (va & ~PAGE_MASK));
        if (!cpu->target->debug_translate(cpu, va, &pa))
            return false;
        AddressSpace *as = cpu_memory(cpu);
        MemTxResult r = write ? address_space_write_rom(as, pa, buf, n) : address_space_read(as, pa, buf, n);
        if (r != MEMTX_OK)
            return false;
    }
    return true;
}

/* ---- Watchpoints ---- */

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
