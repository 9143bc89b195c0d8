/* SPDX-License-Identifier: MIT */
/*
 * A vCPU: the part every target shares. A target's state struct embeds CPUState first. Generated
 * code addresses everything through a register that points CPU_ENV_BIAS bytes past its start: between
 * the last fields here and the target's first ones, so that a byte of displacement reaches both.
 */
#ifndef RHEA_CPU_H
#define RHEA_CPU_H

#include "typedefs.h"
#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>

#define CPU_ENV_BIAS ((int32_t)sizeof(struct CPUState) + 96)
#define JUMP_CACHE_BITS 14
#define JUMP_CACHE_SIZE (1u << JUMP_CACHE_BITS)
/* Slot of a linear pc in the jump cache; generated code computes the same. */
static inline unsigned jump_cache_slot(uint64_t pc)
{
    return (unsigned)(pc ^ (pc >> JUMP_CACHE_BITS)) & (JUMP_CACHE_SIZE - 1);
}
/* Under this pc the jump cache has the TB without guards for pc: an address that no instruction has. */
static inline uint64_t careful_pc(uint64_t pc) { return pc ^ 1ull << 62; }
typedef struct JumpCacheEntry {
    uint64_t pc;      /* linear, or careful_pc() of it */
    uint64_t key;     /* CPUState.jc_key when entered; 0 never matches */
    const void *code; /* host address of the TB's entry */
    TranslationBlock *tb;
} JumpCacheEntry;

/* Return-address stack: pairs of guest return pc and the TB expected there. Private to the back end
 * and cpu-exec; a wrong entry costs time, never correctness. */
#define RAS_SIZE 16

/* Counts of entries of TBs, by a hash of their code's address: a TB whose count falls below 0 is hot. */
#define HEAT_BITS 11
#define HEAT_SIZE (1u << HEAT_BITS)
static inline unsigned heat_slot(const void *code)
{
    return (unsigned)((uintptr_t)code >> 6 ^ (uintptr_t)code >> (6 + HEAT_BITS)) & (HEAT_SIZE - 1);
}

/* Bits of CPUState.interrupt_request. */
enum {
    CPU_INTERRUPT_HARD = 1 << 0,   /* level: the interrupt controller has something */
    CPU_INTERRUPT_NMI = 1 << 1,
    CPU_INTERRUPT_SMI = 1 << 2,
    CPU_INTERRUPT_INIT = 1 << 3,
    CPU_INTERRUPT_SIPI = 1 << 4,
    CPU_INTERRUPT_DEBUG = 1 << 5,
    CPU_INTERRUPT_EXITTB = 1 << 6, /* nothing but leave generated code */
    CPU_INTERRUPT_TGT0 = 1 << 8,   /* target's own */
    CPU_INTERRUPT_TGT1 = 1 << 9,
    CPU_INTERRUPT_TGT2 = 1 << 10,
    CPU_INTERRUPT_TGT3 = 1 << 11,
};

/* Why cpu_exec returned to the vCPU thread; exceptions of the engine, above any guest vector. */
enum {
    EXCP_NONE = -1,
    EXCP_INTERRUPT = 0x10000, /* asked to leave */
    EXCP_HLT,                 /* halted, waits for an interrupt */
    EXCP_DEBUG,               /* breakpoint, watchpoint or single step for the debugger */
    EXCP_YIELD,
};

struct CPUState {
    /* -- vCPU thread only -- */
    int32_t exception_index;       /* EXCP_NONE, a guest vector, or EXCP_* */
    bool in_exec;                  /* inside cpu_exec's setjmp */
    bool in_code;                  /* inside a TB, perhaps in C code it called */
    bool can_do_io;
    bool fp_entered;               /* the host's FP control register holds the guest's state */
    uint8_t singlestep;            /* debugger: one instruction per TB, then EXCP_DEBUG */
    bool skip_breakpoint;          /* the next instruction runs although a breakpoint is on it */
    bool one_insn;                 /* the next TB is one instruction, made for this once */
    bool careful;                  /* the next TB is one without guards */
    bool breakpoint_hit;           /* EXCP_DEBUG came from a TB that is a breakpoint */
    uint8_t debug_stop;            /* DEBUG_STOP_*, when cpu_exec returned EXCP_DEBUG */
    uint64_t step_start, step_end; /* singlestep goes on while pc is in [start, end) */
    bool exclusive;                /* inside cpus_run_exclusive's callback */
    /* Odd inside cpu_exec, and moved on by 2 at each point where the thread holds no pointer to a TB and
     * is in no TB's code: others wait for that before they reuse code memory. */
    _Atomic uint32_t exec_seq;
    /* The same for stores: odd while a checked store may be under way. Even also during waits in C. */
    _Atomic uint32_t store_seq;
    const void *return_address;    /* scratch of the back end: out of line MMIO */
    jmp_buf jmp_env;
    const TargetOps *target;
    AddressSpace *memory;          /* physical memory as it sees it, NULL = address_space_memory: tlb_set_memory() */
    bool secure;                   /* devices may ask: its accesses are those of system management mode */
    bool woken;                    /* it was halted until now: for exec_interrupt */
    struct CPUTLB *tlb;            /* banks, second level; cputlb.c */
    IRFunc *ir;
    uint64_t icount_budget;
    uint64_t mem_fault_addr;       /* virtual, for TargetOps.bus_error */

    /* -- Any thread -- */
    _Atomic uint32_t interrupt_request;
    _Atomic bool halted;
    int index;
    pthread_t thread;
    int thread_id;                 /* of the kernel, for "info cpus" */

    /* -- Machine lock -- */
    _Atomic bool stop;             /* cpu_wanted() looks without the lock */
    bool stopped, unplug, created;
    bool held;                     /* the debugger lets others run, but not this one */
    struct VCPUThread *vthread;
    CPUState *next;
    struct CPUWork *work_first, *work_last;
    Device *apic;                  /* x86: local interrupt controller; others: NULL */
    struct Breakpoint *breakpoints;
    struct Watchpoint *watchpoints;
    struct Watchpoint *watchpoint_hit;

    /* -- Jump cache and return stack: vCPU thread (others only clear through epochs) -- */
    JumpCacheEntry ras[RAS_SIZE];
    bool heat_ready;
    int32_t heat[HEAT_SIZE];
    JumpCacheEntry jump_cache[JUMP_CACHE_SIZE];

    /* -- Read and written by generated code: last, so that short displacements reach these
     * and the target registers that follow -- */
    _Atomic uint32_t exit_request; /* nonzero: leave at the next poll. Any thread */
    int32_t icount_left;           /* under -icount: instructions until the next event */
    uint64_t jc_key;               /* (bank code epoch << 32) | TB state flags; see cpu_update_key */
    TLBBank *bank;                 /* current; the host's TLB base register mirrors it */
    uint32_t ras_top;
    uint32_t host_fpcsr;           /* MXCSR (or FPCR) the guest's state asks for while in generated code */
};

/* Debugger (gdb) and guest debug registers (cpu) use the same points. */
enum {
    BP_MEM_READ = 1, BP_MEM_WRITE = 2, BP_MEM_ACCESS = 3,
    BP_GDB = 16, BP_CPU = 32,
    BP_ANY = BP_GDB | BP_CPU,
    BP_HIT_READ = 64, BP_HIT_WRITE = 128, /* set in watchpoint_hit->flags by a hit */
};
struct Breakpoint {
    uint64_t pc; /* linear */
    int flags;
    struct Breakpoint *next;
};
struct Watchpoint {
    uint64_t vaddr, len;
    uint64_t hit_addr;
    int flags;
    struct Watchpoint *next;
};

/* CPUState.singlestep: the debugger's step, without interrupts, with CLOCK_VIRTUAL standing. */
enum { SSTEP_ENABLE = 1, SSTEP_NOIRQ = 2, SSTEP_NOTIMER = 4 };
/* Why the debugger got a vCPU. */
enum { DEBUG_STOP_STEP, DEBUG_STOP_BREAKPOINT, DEBUG_STOP_WATCHPOINT };

extern CPUState *first_cpu; /* list in index order; grows under the machine lock only at start */
#define CPU_FOREACH(c) for (CPUState *c = first_cpu; c; c = c->next)
extern __thread CPUState *current_cpu; /* of the calling vCPU thread, else NULL */

/* ---- cpus.c ---- */
/* Registers a created vCPU (its state reset by the target); the thread starts with the machine. */
void cpu_register(CPUState *cpu);
void cpus_start(void);          /* creates the vCPU threads, stopped. Machine lock */
void cpus_resume(void);         /* lets all run. Machine lock */
void cpus_pause(void);          /* returns when all have stopped. Machine lock */
void cpus_shutdown(void);       /* ends all threads. Machine lock */
/* Sets interrupt bits and makes the vCPU notice, also out of halt. Any thread. */
void cpu_interrupt(CPUState *cpu, uint32_t mask);
void cpu_reset_interrupt(CPUState *cpu, uint32_t mask);
/* Whether some vCPU has not yet taken an interrupt that its controller presents: another edge of a line might merge
 * with it. Machine lock. */
bool cpus_spare_host_cpu(void);    /* the host has more processors than there are vCPU threads. Any thread */
/* A device has begun (more), or ended, something that will wake a vCPU soon: one that sleeps looks for it a moment. Any thread. */
void cpus_expect_wake(bool more);
/* Called again and again by a vCPU thread that looks for its wake-up, without locks; true when it did something. May be NULL. */
extern bool (*cpus_poll_hook)(void);
bool cpus_interrupt_waits(void);
void cpu_kick(CPUState *cpu);   /* leave generated code soon */
void cpu_exit(CPUState *cpu);
/* Called in the main loop, machine lock held, after a vCPU stopped with EXCP_DEBUG (that vCPU has stopped,
 * the others have not). Default: vm_stop(). For the debugger. */
extern void (*cpu_debug_hook)(CPUState *cpu);
/* CLOCK_VIRTUAL for a counter the guest reads (TSC, CNTVCT), in ns. Timers that are overdue (the host gave the main loop no
 * CPU) run first, on this thread: a guest that waits by the counter for a timer's ticks always sees them. vCPU thread in a helper, no
 * lock; may set interrupt requests, changes nothing else of the vCPU. */
int64_t cpu_clock_ns(CPUState *cpu);
/* Runs fn on the vCPU's thread between TBs, under the machine lock; _run waits (machine lock is dropped meanwhile). */
void cpu_run_on(CPUState *cpu, void (*fn)(CPUState *, void *), void *opaque);
void cpu_run_on_async(CPUState *cpu, void (*fn)(CPUState *, void *), void *opaque);
/* Runs fn while no vCPU executes guest code. */
void cpus_run_exclusive(CPUState *cpu, void (*fn)(CPUState *, void *), void *opaque);

/* ---- cpu-debug.c: the vCPU is stopped or this is its thread ---- */
void cpu_breakpoint_insert(CPUState *cpu, uint64_t pc, int flags);
bool cpu_breakpoint_remove(CPUState *cpu, uint64_t pc, int flags); /* false when there was none */
void cpu_breakpoint_remove_all(CPUState *cpu, int mask);           /* those with any of BP_GDB, BP_CPU in mask */
void cpu_watchpoint_insert(CPUState *cpu, uint64_t vaddr, uint64_t len, int flags);
bool cpu_watchpoint_remove(CPUState *cpu, uint64_t vaddr, uint64_t len, int flags);
void cpu_watchpoint_remove_all(CPUState *cpu, int mask);
/* True when a breakpoint with one of the flags is at pc. */
bool cpu_breakpoint_at(const CPUState *cpu, uint64_t pc, int mask);
/* The debugger's breakpoints, the same on every vCPU: replaces the whole set (ascending). Only the TBs that hold
 * an address which came or went are invalidated. All vCPUs are stopped. */
void debugger_set_breakpoints(const uint64_t *pcs, unsigned n);
bool debugger_has_breakpoint(uint64_t pc);
/* Where translation has to stop: the lowest address >= pc with a breakpoint of the debugger or of any vCPU's
 * debug registers; UINT64_MAX: none. TB lock. */
uint64_t breakpoint_next(uint64_t pc);
/* The debugger's view of memory: by virtual address without side effects on the vCPU; writes go into ROM, too.
 * False when a page is not mapped (bytes before it have been transferred). Machine lock. */
bool cpu_memory_rw_debug(CPUState *cpu, uint64_t va, void *buf, uint64_t len, bool write);
/* Stops at a watchpoint the access touches: leaves for EXCP_DEBUG after the instruction. */
void cpu_check_watchpoints(CPUState *cpu, uint64_t va, uint64_t len, int access, uintptr_t retaddr);

/* ---- cpu-exec.c ---- */
/* Executes guest code until something needs the vCPU loop: returns EXCP_*. vCPU thread, no lock. */
int cpu_exec(CPUState *cpu);
/* Leaves a helper for the main loop with exception_index set; guest state is already right. */
_Noreturn void cpu_loop_exit(CPUState *cpu);
/* As above, after rebuilding the state of the instruction that called the helper.
 * retaddr = HELPER_RETADDR() of the outermost helper, or 0 when the state is already right. */
_Noreturn void cpu_loop_exit_restore(CPUState *cpu, uintptr_t retaddr);
/* Rebuilds guest state from a host return address; false when retaddr is not in generated code. */
bool cpu_restore_state(CPUState *cpu, uintptr_t retaddr);
/* The host FP control/status register (MXCSR) around generated code: enter loads host_fpcsr, leave
 * stores it back (sticky flags) and loads the C default. get and set work in either state, so helpers
 * use these. Devices and other C code with floating point run after leave. vCPU thread. */
void cpu_fp_enter(CPUState *cpu);
void cpu_fp_leave(CPUState *cpu);
uint32_t cpu_fp_get(CPUState *cpu);
void cpu_fp_set(CPUState *cpu, uint32_t value);
/* Recomputes jc_key from TargetOps.tb_state and the bank. vCPU thread. */
void cpu_update_key(CPUState *cpu);

#endif
