/* SPDX-License-Identifier: MIT */
/*
 * The oracle: runs each case of a batch and records how it ended. Everything happens in signal handlers: returning from one
 * enters the next case with its registers, the undefined instruction behind the case ends it. Built for AArch32 and AArch64,
 * run by the user-mode emulator.
 */
#define _GNU_SOURCE
#include "diff.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

static Shared *shared;
extern char __executable_start, _end; /* the linker's */
static unsigned current;
static bool running;
static ucontext_t home;
static uint8_t alt_stack[65536];

#ifdef __aarch64__

static struct fpsimd_context *fp_context(ucontext_t *uc)
{
    return (struct fpsimd_context *)uc->uc_mcontext.__reserved; /* always first */
}

static void get_regs(ucontext_t *uc, ArmRegs *r)
{
    struct fpsimd_context *fp = fp_context(uc);
    for (unsigned i = 0; i < 31; i++)
        r->x[i] = uc->uc_mcontext.regs[i];
    r->x[31] = uc->uc_mcontext.sp;
    r->pc = uc->uc_mcontext.pc;
    r->psr = (uint32_t)uc->uc_mcontext.pstate;
    r->fpcr = fp->fpcr;
    r->fpsr = fp->fpsr;
    memcpy(r->v, fp->vregs, sizeof(r->v));
}

static void set_regs(ucontext_t *uc, const ArmRegs *r)
{
    struct fpsimd_context *fp = fp_context(uc);
    for (unsigned i = 0; i < 31; i++)
        uc->uc_mcontext.regs[i] = r->x[i];
    uc->uc_mcontext.sp = r->x[31];
    uc->uc_mcontext.pc = r->pc;
    uc->uc_mcontext.pstate = r->psr;
    fp->fpcr = r->fpcr;
    fp->fpsr = r->fpsr;
    memcpy(fp->vregs, r->v, sizeof(r->v));
}

#else

struct VFPFrame {
    uint32_t magic, size;
    uint64_t d[32];
    uint32_t fpscr;
} __attribute__((packed, aligned(8)));
#define VFP_MAGIC 0x56465001

static struct VFPFrame *fp_context(ucontext_t *uc)
{
    uint32_t *p = (uint32_t *)uc->uc_regspace;
    while (p[0] && p[0] != VFP_MAGIC)
        p += p[1] / 4;
    return (struct VFPFrame *)p;
}

static void get_regs(ucontext_t *uc, ArmRegs *r)
{
    const unsigned long *gpr = &uc->uc_mcontext.arm_r0; /* r0-r10, fp, ip, sp, lr, pc follow one another */
    struct VFPFrame *fp = fp_context(uc);
    for (unsigned i = 0; i < 15; i++)
        r->x[i] = gpr[i];
    r->pc = uc->uc_mcontext.arm_pc;
    r->psr = uc->uc_mcontext.arm_cpsr;
    r->fpsr = fp->fpscr;
    memcpy(r->v, fp->d, sizeof(fp->d));
}

static void set_regs(ucontext_t *uc, const ArmRegs *r)
{
    unsigned long *gpr = &uc->uc_mcontext.arm_r0;
    struct VFPFrame *fp = fp_context(uc);
    for (unsigned i = 0; i < 15; i++)
        gpr[i] = r->x[i];
    uc->uc_mcontext.arm_pc = r->pc;
    uc->uc_mcontext.arm_cpsr = r->psr;
    fp->fpscr = r->fpsr;
    memcpy(fp->d, r->v, sizeof(fp->d));
}

#endif

static void enter(ucontext_t *uc, const Case *c)
{
    memset((void *)(uintptr_t)DATA_BASE, 0, DATA_SIZE);
    memset((void *)(uintptr_t)STACK_BASE, 0, STACK_SIZE);
    memcpy((char *)(uintptr_t)DATA_BASE + CASE_MEM_OFFSET, c->data, CASE_MEM);
    memcpy((char *)(uintptr_t)STACK_BASE + CASE_MEM_OFFSET, c->stack, CASE_MEM);
    set_regs(uc, &c->in);
}

static void leave(ucontext_t *uc, Case *c, int sig)
{
    Outcome *o = &c->native;
    get_regs(uc, &o->regs);
    memcpy(o->data, (char *)(uintptr_t)DATA_BASE + CASE_MEM_OFFSET, CASE_MEM);
    memcpy(o->stack, (char *)(uintptr_t)STACK_BASE + CASE_MEM_OFFSET, CASE_MEM);
    o->end = sig == SIGILL ? END_ILL : sig == SIGSEGV ? END_SEGV : sig == SIGBUS ? END_BUS : sig == SIGTRAP ? END_TRAP
             : sig == SIGALRM ? END_TIMEOUT : END_OTHER;
}

static void handler(int sig, siginfo_t *info, void *ctx)
{
    ucontext_t *uc = ctx;

    if (!running) {
        if (sig != SIGUSR1) {
            if (sig != SIGALRM)
                _exit(3);
            return;
        }
        memcpy(&home, uc, sizeof(home));
        running = true;
        current = 0;
    } else {
        leave(uc, &shared->cases[current], sig);
        current++;
    }
    if (current < shared->count) {
        enter(uc, &shared->cases[current]);
    } else {
        running = false;
        memcpy(uc, &home, sizeof(home));
    }
}

static void map_at(uint32_t addr, uint32_t size, int prot)
{
    void *p = mmap((void *)(uintptr_t)addr, size, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (p != (void *)(uintptr_t)addr)
        _exit(4);
}

static void run_batch(void)
{
    struct itimerval limit = { .it_value.tv_sec = 5 }, off = { 0 };

    for (unsigned i = 0; i < shared->count; i++) {
        char *code = (char *)(uintptr_t)(CODE_BASE + shared->cases[i].code_offset);
        memcpy(code, shared->cases[i].code, CASE_CODE_SLOT);
        __builtin___clear_cache(code, code + CASE_CODE_SLOT);
    }
    setitimer(ITIMER_REAL, &limit, NULL);
    raise(SIGUSR1);
    setitimer(ITIMER_REAL, &off, NULL);
}

int main(int argc, char **argv)
{
    static const int signals[] = { SIGUSR1, SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGFPE, SIGALRM };
    struct sigaction sa = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK };
    stack_t ss = { .ss_sp = alt_stack, .ss_size = sizeof(alt_stack) };
    char c;

    if (argc != 2)
        return 2;
    shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, atoi(argv[1]), 0);
    if (shared == MAP_FAILED)
        return 2;
    shared->image[0] = (uintptr_t)&__executable_start;
    shared->image[1] = ((uintptr_t)&_end + 0x10000) & ~(uintptr_t)0xffff; /* and the heap's first page */
    map_at(CODE_BASE, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC);
    map_at(DATA_BASE, DATA_SIZE, PROT_READ | PROT_WRITE);
    map_at(STACK_BASE, STACK_SIZE, PROT_READ | PROT_WRITE);
    sigaltstack(&ss, NULL);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &sa, NULL);
    while (read(0, &c, 1) == 1) {
        run_batch();
        if (write(1, &c, 1) != 1)
            return 0;
    }
    return 0;
}
