/* SPDX-License-Identifier: MIT */
/*
 * The oracle: runs cases of the shared memory on the host CPU. Built twice, for 64- and 32-bit code. Each case
 * is entered by returning from a signal handler with the wanted registers, and ends in a trap whose signal frame
 * holds the result. 16-bit cases run in an LDT code segment based at the code area.
 * Protocol: for each byte on stdin the batch is run and a byte is written to stdout.
 */
#define _GNU_SOURCE
#include "diff.h"

#include <asm/ldt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

static Shared *shared;
static volatile int current;     /* case now running, -1 before the first */
static volatile int finished;
static ucontext_t home;

#ifdef __x86_64__
static const int gpr_index[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                   REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };
#define NREGS 16
#define IP REG_RIP
static uint8_t *fx_area(ucontext_t *uc) { return (uint8_t *)uc->uc_mcontext.fpregs; }
#else
static const int gpr_index[8] = { REG_EAX, REG_ECX, REG_EDX, REG_EBX, REG_ESP, REG_EBP, REG_ESI, REG_EDI };
#define NREGS 8
#define IP REG_EIP
/* The 32-bit frame has a 112-byte FSAVE part before the FXSAVE image. */
static uint8_t *fx_area(ucontext_t *uc) { return (uint8_t *)uc->uc_mcontext.fpregs + 112; }
#endif
#define FL REG_EFL

static unsigned short code16, data16;
static greg_t flat_cs, flat_ss;

#ifndef __x86_64__
/* The FSAVE part is what a 32-bit sigreturn takes the x87 state's words from; keep it equal to the FXSAVE image. */
static void fsave_from_fx(ucontext_t *uc, const uint8_t *fx)
{
    uint32_t *env = (uint32_t *)uc->uc_mcontext.fpregs;
    uint16_t fsw = (uint16_t)(fx[2] | fx[3] << 8), tags = 0;
    uint8_t *st = (uint8_t *)uc->uc_mcontext.fpregs + 28;
    env[0] = 0xffff0000u | fx[0] | fx[1] << 8;
    env[1] = 0xffff0000u | fsw;
    for (int i = 0; i < 8; i++) {
        const uint8_t *r = fx + 32 + 16 * ((i - (fsw >> 11)) & 7);
        uint16_t e = (uint16_t)((r[8] | r[9] << 8) & 0x7fff);
        uint64_t m;
        memcpy(&m, r, 8);
        unsigned tag = !(fx[4] >> i & 1) ? 3 : e == 0x7fff ? 2 : e == 0 ? (m ? 2 : 1) : m >> 63 ? 0 : 2;
        tags |= (uint16_t)(tag << (2 * i));
    }
    env[2] = 0xffff0000u | tags;
    for (int i = 0; i < 8; i++)
        memcpy(st + 10 * i, fx + 32 + 16 * i, 10);
}
#endif

/* The upper halves of the YMM registers are in the XSAVE area behind the FXSAVE image, where there is one. */
static uint8_t *ymm_area(uint8_t *fx)
{
    uint32_t magic;
    memcpy(&magic, fx + 464, 4);
    return magic == 0x46505853 /* FP_XSTATE_MAGIC1 */ ? fx + 576 : 0;
}

static void enter(ucontext_t *uc, Case *c)
{
    greg_t *g = uc->uc_mcontext.gregs;
    for (int i = 0; i < NREGS; i++)
        g[gpr_index[i]] = (greg_t)c->in.gpr[i];
    g[IP] = (greg_t)(CODE_BASE + c->code_offset);
#ifndef __x86_64__
    g[REG_UESP] = g[REG_ESP];
    if (shared->bits == 16) {
        g[REG_CS] = code16;
        g[REG_DS] = g[REG_ES] = g[REG_SS] = data16;
        g[IP] = (greg_t)(c->code_offset & 0xffff);
    } else {
        g[REG_CS] = flat_cs;
        g[REG_DS] = g[REG_ES] = g[REG_SS] = flat_ss;
    }
#endif
    g[FL] = (greg_t)c->in.rflags;
    uint8_t *fx = fx_area(uc);
    memcpy(fx, c->in.fx, 28);          /* control words; MXCSR_MASK at 28 stays */
    memcpy(fx + 32, c->in.fx + 32, NREGS == 16 ? 384 : 256);
    uint8_t *ymm = ymm_area(fx);
    if (ymm) {
        fx[512] |= 7; /* XSTATE_BV */
        memcpy(ymm, c->in.ymmh, NREGS == 16 ? 256 : 128);
    }
#ifndef __x86_64__
    fsave_from_fx(uc, c->in.fx);
#endif
    memset((void *)DATA_BASE, 0, DATA_SIZE);
    memset((void *)STACK_BASE, 0, STACK_SIZE);
    memcpy((uint8_t *)DATA_BASE + CASE_MEM_OFFSET, c->data, CASE_MEM);
    memcpy((uint8_t *)STACK_BASE + CASE_MEM_OFFSET, c->stack, CASE_MEM);
}

static void leave(ucontext_t *uc, Case *c)
{
    greg_t *g = uc->uc_mcontext.gregs;
    Outcome *o = &c->native;
    memset(o, 0, sizeof(*o));
    for (int i = 0; i < NREGS; i++)
        o->regs.gpr[i] = NREGS == 16 ? (uint64_t)g[gpr_index[i]] : (uint32_t)g[gpr_index[i]];
#ifndef __x86_64__
    o->regs.gpr[4] = (uint32_t)g[REG_UESP];
#endif
    o->regs.rip = NREGS == 16 ? (uint64_t)g[IP] : (uint32_t)g[IP];
    o->regs.rflags = (uint64_t)g[FL] & 0xffffffff;
    memcpy(o->regs.fx, fx_area(uc), 512);
    uint8_t *fx = fx_area(uc), *ymm = ymm_area(fx);
    if (ymm && fx[512] & 4) /* else they are zero */
        memcpy(o->regs.ymmh, ymm, NREGS == 16 ? 256 : 128);
    o->vector = (uint32_t)g[REG_TRAPNO];
    o->error_code = (uint32_t)g[REG_ERR];
#ifdef __x86_64__
    o->fault_address = (uint64_t)g[REG_CR2];
#else
    o->fault_address = uc->uc_mcontext.cr2;
#endif
    memcpy(o->data, (uint8_t *)DATA_BASE + CASE_MEM_OFFSET, CASE_MEM);
    memcpy(o->stack, (uint8_t *)STACK_BASE + CASE_MEM_OFFSET, CASE_MEM);
}

static void on_trap(int sig, siginfo_t *info, void *opaque)
{
    ucontext_t *uc = opaque;
    /* Flags that sigreturn does not restore: NT and ID would leak into the next case, AC would fault here. */
#ifdef __x86_64__
    __asm__ volatile("pushfq; andq $~0x244000, (%%rsp); popfq" ::: "memory", "cc");
#else
    __asm__ volatile("pushfl; andl $~0x244000, (%%esp); popfl" ::: "memory", "cc");
#endif
    if (sig == SIGALRM) { /* a sequence that loops for ever: reported as vector 255 */
        if (current < 0)
            return;
        uc->uc_mcontext.gregs[REG_TRAPNO] = 255;
    }
    alarm(0);
    if (current >= 0)
        leave(uc, &shared->cases[current]);
    current++;
    if (current < (int)shared->count) {
        alarm(1);
        enter(uc, &shared->cases[current]);
        return;
    }
    finished = 1;
    uint8_t *fx = fx_area(uc);
    static const uint8_t fresh[32] = { 0x7f, 3, 0, 0, 0 };
    memcpy(fx, fresh, 24);
    fx[24] = 0x80, fx[25] = 0x1f, fx[26] = fx[27] = 0;
#ifndef __x86_64__
    fsave_from_fx(uc, fx);
#endif
    greg_t *g = uc->uc_mcontext.gregs;
    for (int i = 0; i < NREGS; i++)
        g[gpr_index[i]] = home.uc_mcontext.gregs[gpr_index[i]];
    g[IP] = home.uc_mcontext.gregs[IP];
    g[FL] = 0x202;
#ifndef __x86_64__
    g[REG_UESP] = g[REG_ESP];
    g[REG_CS] = flat_cs;
    g[REG_DS] = g[REG_ES] = g[REG_SS] = flat_ss;
#endif
}

#ifndef __x86_64__
static unsigned short ldt_segment(int entry, unsigned base, int code)
{
    struct user_desc d = { .entry_number = (unsigned)entry, .base_addr = base, .limit = 0xffff, .seg_32bit = 0,
                           .contents = code ? 2 : 0, .useable = 1 };
    if (syscall(SYS_modify_ldt, 1, &d, sizeof(d)))
        perror("modify_ldt"), exit(1);
    return (unsigned short)(entry << 3 | 7);
}
#endif

static void map_area(uintptr_t base, size_t size)
{
    if (mmap((void *)base, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        MAP_FAILED)
        perror("mmap"), exit(1);
}

static void run_batch(void)
{
    for (unsigned i = 0; i < shared->count; i++) {
        Case *c = &shared->cases[i];
        memcpy((uint8_t *)(uintptr_t)(CODE_BASE + c->code_offset), c->code, CASE_CODE_SLOT);
    }
    finished = 0;
    current = -1;
    getcontext(&home);
    if (!finished)
        raise(SIGTRAP);
}

int main(int argc, char **argv)
{
    int fd = argc > 1 ? atoi(argv[1]) : -1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (shared == MAP_FAILED)
        return perror("mmap"), 1;
    map_area(CODE_BASE, CODE_SIZE);
    map_area(DATA_BASE, DATA_SIZE);
    map_area(STACK_BASE, STACK_SIZE);
    __asm__("mov %%cs, %0" : "=r"(flat_cs));
    __asm__("mov %%ss, %0" : "=r"(flat_ss));
#ifndef __x86_64__
    code16 = ldt_segment(0, CODE_BASE, 1);
    data16 = ldt_segment(1, DATA_BASE, 0);
#else
    (void)code16, (void)data16;
#endif
    static uint8_t stack[65536];
    stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
    sigaltstack(&alt, NULL);
    struct sigaction sa = { .sa_sigaction = on_trap, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };
    static const int signals[] = { SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS, SIGALRM };
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &sa, NULL);
    char c;
    while (read(0, &c, 1) == 1) {
        run_batch();
        if (write(1, &c, 1) != 1)
            return 1;
    }
    return 0;
}
