/* SPDX-License-Identifier: MIT */
/*
 * Proves that random user-level Arm sequences leave the same registers, flags, FP state, memory and kind of exception under Rhea as
 * under the user-mode emulator qemu-arm or qemu-aarch64 (the oracle of oracle.c). Differences are shrunk and printed with the seed
 * that makes them again.
 *
 * arm-diff --isa a32|t32|a64 [--classes a,b] [--count N] [--seed S] [--engine NAME] [--max-insns N] [--keep-going N]
 *          [--cpu MODEL] [--oracle-cpu MODEL] [--emulator PROGRAM]
 */
#include "generate.h"

#include "exec/memory.h"
#include "exec/tb.h"
#include "target-arm/m-profile.h"
#include "tcg/backend.h"
#include "util/error.h"
#include "util/log.h"
#include "util/main-loop.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* N Z C V Q, GE, IT, T; NZCV */
#define PSR_COMPARED32 0xfe0ffc20u
#define PSR_COMPARED64 0xf0000000u

static Shared *shared;
static int oracle_in, oracle_out, oracle_shm;
static pid_t oracle_pid;
static ARMCPU *env;
static TargetOps ops;
static Outcome *recording;
static unsigned fault_kind;
static char oracle_path[4096];
static const ISA *isa = &isa_a32;
static const char *opt_cpu = "max", *opt_oracle_cpu, *opt_emulator;
static unsigned opt_hot; /* entries of a TB before it becomes a region; 0: at once */

/* ---- The oracle process ---- */

static void start_oracle(void)
{
    int to[2], from[2];
    char fd[16];
    if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC)) /* or the oracle would keep its own input open */
        exit(2);
    snprintf(fd, sizeof(fd), "%d", oracle_shm);
    oracle_pid = fork();
    if (oracle_pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        /* With SVE, signal frames would hold the vector registers twice. */
        const char *cpu = opt_oracle_cpu ? opt_oracle_cpu : opt_cpu;
        bool sve = isa->aarch64 && !strcmp(cpu, "max");
        execlp(opt_emulator, opt_emulator, "-cpu", sve ? "max,sve=off,sme=off" : cpu, oracle_path, fd, (char *)NULL);
        _exit(127);
    }
    close(to[0]);
    close(from[1]);
    oracle_in = to[1];
    oracle_out = from[0];
}

static bool run_native(void)
{
    char c = 'r';
    return write(oracle_in, &c, 1) == 1 && read(oracle_out, &c, 1) == 1;
}

/* ---- Rhea's side: one vCPU in user mode over a flat map, exceptions recorded instead of delivered ---- */

static bool in_areas(uint64_t a)
{
    return (a >= CODE_BASE && a < CODE_BASE + CODE_SIZE) || (a >= DATA_BASE && a < DATA_BASE + DATA_SIZE) ||
           (a >= STACK_BASE && a < STACK_BASE + STACK_SIZE);
}

static bool flat_tlb_fill(CPUState *cpu, uint64_t va, unsigned size, AccessType access, unsigned mode, bool probe, uintptr_t ra)
{
    /* As Linux sets TCR_EL1.TBI0 for programs: tags of data addresses are ignored. */
    uint64_t a = isa->aarch64 && access != ACCESS_FETCH && !(va >> 55 & 1) ? va & ~0ull >> 8 : va;
    if (in_areas(a)) {
        Translation t = { .pa = a, .page_size = PAGE_SIZE_, .read = true, .write = true, .exec = true };
        tlb_set(cpu, va, mode, &t);
        return true;
    }
    if (probe)
        return false;
    fault_kind = END_SEGV;
    arm_cpu(cpu)->exception.vaddr = va;
    arm_raise(arm_cpu(cpu), access == ACCESS_FETCH ? EXCP_PREFETCH_ABORT : EXCP_DATA_ABORT, 0, 1, ra);
}

static _Noreturn void flat_unaligned(CPUState *cpu, uint64_t va, AccessType access, unsigned mode, uintptr_t ra)
{
    fault_kind = END_BUS;
    arm_raise(arm_cpu(cpu), EXCP_DATA_ABORT, 0, 1, ra);
}

static void store_regs(ArmRegs *g)
{
    for (unsigned i = 0; i < 32; i++)
        g->x[i] = isa->aarch64 ? env->x[i] : i < 15 ? (uint32_t)env->x[i] : 0;
    g->pc = env->pc;
    g->psr = isa->aarch64 ? arm_get_nzcv(env) : arm_get_cpsr(env);
    g->fpcr = arm_get_fpcr(env);
    g->fpsr = isa->aarch64 ? arm_get_fpsr(env) : arm_get_fpscr(env);
    for (unsigned i = 0; i < 32; i++)
        memcpy(g->v[i], env->v[i].b, 16);
}

static void load_regs(const ArmRegs *g)
{
    for (unsigned i = 0; i < 32; i++)
        env->x[i] = isa->aarch64 ? g->x[i] : (uint32_t)g->x[i];
    env->pc = g->pc;
    for (unsigned i = 0; i < 32; i++)
        memcpy(env->v[i].b, g->v[i], 16);
    if (isa->aarch64) {
        arm_set_nzcv(env, g->psr & PSTATE_NZCV);
        arm_set_fpcr(env, g->fpcr);
        arm_set_fpsr(env, g->fpsr);
    } else {
        arm_set_cpsr(env, g->psr, PSTATE_NZCV | CPSR_Q | CPSR_GE | CPSR_T | CPSR_IT);
        arm_set_fpscr(env, g->fpsr);
    }
    env->exclusive_addr = ~0ull;
}

/* Delivery of any exception ends the case: the state is copied out and the vCPU halted. */
static void record_exception(CPUState *cpu)
{
    Outcome *o = recording;
    if (o->end == END_NONE) {
        switch (cpu->exception_index) {
        case EXCP_UDEF: case EXCP_ILLEGAL: o->end = END_ILL; break;
        case EXCP_DATA_ABORT: case EXCP_PREFETCH_ABORT:
            o->end = fault_kind;
            o->fault = env->exception.vaddr;
            break;
        case EXCP_PC_ALIGN: o->end = END_BUS; break;
        case EXCP_M_USAGE: o->end = env->exception.syndrome & CFSR_UNALIGNED ? END_BUS : END_ILL; break;
        case EXCP_BKPT: o->end = END_TRAP; break;
        default: o->end = END_OTHER;
        }
        store_regs(&o->regs);
    }
    cpu->exception_index = EXCP_HLT;
    cpu->halted = true;
    cpu_exit(cpu);
}

static void add_ram(const char *name, hwaddr addr, uint64_t size)
{
    Error *err = NULL;
    MemoryRegion *mr = g_malloc0(sizeof(*mr));
    if (!memory_region_init_ram(mr, NULL, name, size, &err)) {
        error_report_err(err);
        exit(2);
    }
    memory_region_add(system_memory, addr, mr);
}

static void start_machine(const TCGBackend *engine)
{
    Error *err = NULL;
    /* The 64-bit models have AArch32 at EL0. */
    const TargetOps *base = target_find(isa->aarch64 || !strcmp(opt_cpu, "max") ? "aarch64" : "arm");
    ops = *base;
    ops.do_exception = record_exception;
    ops.tlb_fill = flat_tlb_fill;
    ops.unaligned_access = flat_unaligned;
    current_target = base;
    machine_lock();
    memory_init();
    ops.init();
    TCGOptions t = { .engine = engine, .tb_size = 64 * MiB, .hot = opt_hot };
    CPUState *cpu = tcg_init(&t, &err) ? ops.cpu_create(opt_cpu, &err) : NULL;
    if (!cpu) {
        error_report_err(err);
        exit(2);
    }
    cpu->target = &ops;
    cpu_register(cpu);
    current_cpu = cpu;
    env = arm_cpu(cpu);
    ops.reset(cpu);
    add_ram("code", CODE_BASE, CODE_SIZE);
    add_ram("data", DATA_BASE, DATA_SIZE);
    add_ram("stack", STACK_BASE, STACK_SIZE);
    machine_unlock();
    /* EL0 with FP and SIMD */
    env->cpacr = isa->aarch64 ? 3u << 20 : 0xfu << 20;
    env->v7m.cpacr[0] = 0xf << 20; /* M profile: no automatic FP contexts */
    env->v7m.fpccr[0] = 0;
    env->cptr_el[2] = env->cptr_el[3] = 0;
    env->nsacr = 3u << 10;
    env->fpexc = FPEXC_EN;
    env->sctlr_el[1] &= ~(SCTLR_A | SCTLR_M);
    if (isa->aarch64)
        env->sctlr_el[1] |= SCTLR_UCT | SCTLR_UCI | SCTLR_DZE | SCTLR_ENIA | SCTLR_ENIB | SCTLR_ENDA | SCTLR_ENDB;
    env->scr_el3 |= SCR_NS | (isa->aarch64 ? SCR_RW : 0) | SCR_APK | SCR_API;
    env->hcr_el2 |= (isa->aarch64 ? HCR_RW : 0) | HCR_APK | HCR_API;
    if (isa->aarch64)
        env->pstate = 0;
    else
        env->pstate = MODE_USR;
    env->psci_powered_off = false;
    cpu->halted = false;
}

static void run_ours(Case *c)
{
    static const uint8_t zero[DATA_SIZE];
    CPUState *cpu = &env->parent;
    Outcome *o = &c->ours;
    memset(o, 0, sizeof(*o));
    recording = o;
    machine_lock();
    address_space_write(address_space_memory, CODE_BASE + c->code_offset, c->code, CASE_CODE_SLOT);
    address_space_write(address_space_memory, DATA_BASE, zero, DATA_SIZE);
    address_space_write(address_space_memory, STACK_BASE, zero, STACK_SIZE);
    address_space_write(address_space_memory, DATA_BASE + CASE_MEM_OFFSET, c->data, CASE_MEM);
    address_space_write(address_space_memory, STACK_BASE + CASE_MEM_OFFSET, c->stack, CASE_MEM);
    machine_unlock();
    load_regs(&c->in);
    arm_rebuild_hflags(env);
    cpu->exception_index = EXCP_NONE;
    cpu->halted = false;
    cpu_update_key(cpu);
    for (int tries = 0; o->end == END_NONE && tries < 100000; tries++)
        cpu_exec(cpu);
    address_space_read(address_space_memory, DATA_BASE + CASE_MEM_OFFSET, o->data, CASE_MEM);
    address_space_read(address_space_memory, STACK_BASE + CASE_MEM_OFFSET, o->stack, CASE_MEM);
}

/* ---- Comparing ---- */

static uint32_t insn_at(const Case *c, uint64_t pc)
{
    uint64_t at = pc - CODE_BASE - c->code_offset;
    uint32_t v = 0;
    if (at < CASE_CODE_SLOT - 4)
        memcpy(&v, c->code + at, 4);
    return v;
}

/* Transfers of several registers may stop half-way: which registers and words have been transferred is not defined. */
static bool partial(const Case *c)
{
    uint32_t insn = insn_at(c, c->native.regs.pc);
    if (c->native.end != END_SEGV && c->native.end != END_BUS)
        return false;
    if (isa->aarch64) /* pairs and SIMD structures; MOPS */
        return (insn & 0x3a000000) == 0x28000000 || (insn & 0xbe000000) == 0x0c000000 || (insn & 0x3b200c00) == 0x19000400;
    if (isa->thumb)
        return (insn & 0xf600) == 0xb400 || (insn & 0xf000) == 0xc000 || (insn & 0xfe00) == 0xe800 || (insn & 0xfe00) == 0xec00 ||
               (insn & 0xff10) == 0xf900;
    return (insn & 0x0e000000) == 0x08000000 || (insn & 0x0e0000d0) == 0x000000d0 || (insn & 0x0e000000) == 0x0c000000 ||
           (insn & 0xff100000) == 0xf4000000;
}

/* FP and SIMD that is UNPREDICTABLE, in A32 form: registers that run past the last one, exchanges of a register with itself,
 * more fraction bits than there are; and what the oracle does not leave UNDEFINED although the model lacks it. */
static bool unpredictable_simd(uint32_t insn)
{
    unsigned d = (insn >> 18 & 16) | (insn >> 12 & 15), m = (insn >> 1 & 16) | (insn & 15);

    if ((insn & 0xff300000) == 0xf4200000 || (insn & 0xff300000) == 0xf4000000)
        return d > 24;
    if ((insn & 0xffb30e10) == 0xf3b20000)
        return d == m;
    if ((insn & 0x0f200f00) == 0x0d000900 && !arm_feature(env, ARM_FEATURE_FP16)) /* the oracle has VLDR.16 everywhere */
        return true;
    if ((insn & 0x0fbe0f50) == 0x0eb00b40 && arm_feature(env, ARM_FEATURE_VFP_VECTORS)) /* and advances the wrong register */
        return true;
    if ((insn & 0xff800f10) == 0xf2000c10 && !arm_feature(env, ARM_FEATURE_VFP4)) /* and VFMA with Neon */
        return true;
    if ((insn & 0x0fe000d0) == 0x0c400010)
        return (insn & 0x2f) == 0x2f;
    return (insn & 0x0fba0c50) == 0x0eba0840 && !(insn & 0x80) && (insn & 15) >= 8;
}

/* Any instruction of the case. */
static bool unpredictable(const Case *c)
{
    for (unsigned i = 0; !isa->aarch64 && i < c->insns; i++) {
        uint32_t insn = insn_at(c, CODE_BASE + c->code_offset + c->start[i]);
        if (isa->thumb) {
            insn = insn << 16 | insn >> 16;
            if ((insn & 0xef000000) == 0xef000000)
                insn = 0xf2000000 | (insn >> 28 & 1) << 24 | (insn & 0xffffff);
            else if ((insn & 0xff000000) == 0xf9000000)
                insn = 0xf4000000 | (insn & 0xffffff);
        }
        if (unpredictable_simd(insn))
            return true;
    }
    return false;
}

/* Cases that tell nothing. */
static bool undecidable(const Case *c)
{
    if (unpredictable(c))
        return true;
    if (c->ours.end == END_SEGV && c->ours.fault >= shared->image[0] && c->ours.fault < shared->image[1])
        return true;
    return c->native.end == END_TIMEOUT || c->ours.end == END_NONE;
}

#define DIFF(...)                     \
    do {                              \
        different = true;             \
        if (out)                      \
            fprintf(out, __VA_ARGS__); \
    } while (0)

static bool compare_regs(const ArmRegs *n, const ArmRegs *o, FILE *out)
{
    bool different = false;
    uint64_t mask = isa->aarch64 ? ~0ull : 0xffffffff;
    for (unsigned i = 0; i < (isa->aarch64 ? 32u : 15u); i++)
        if ((n->x[i] ^ o->x[i]) & mask)
            DIFF("  r%u: oracle %#llx ours %#llx\n", i, (unsigned long long)n->x[i], (unsigned long long)o->x[i]);
    if ((n->psr ^ o->psr) & (isa->aarch64 ? PSR_COMPARED64 : PSR_COMPARED32))
        DIFF("  psr: oracle %#x ours %#x\n", n->psr, o->psr);
    if (n->fpsr != o->fpsr)
        DIFF("  %s: oracle %#x ours %#x\n", isa->aarch64 ? "fpsr" : "fpscr", n->fpsr, o->fpsr);
    if (isa->aarch64 && n->fpcr != o->fpcr)
        DIFF("  fpcr: oracle %#x ours %#x\n", n->fpcr, o->fpcr);
    for (unsigned i = 0; i < (isa->aarch64 ? 32u : 16u); i++)
        if (memcmp(n->v[i], o->v[i], 16))
            DIFF("  q%u: oracle %016llx%016llx ours %016llx%016llx\n", i, (unsigned long long)n->v[i][1],
                 (unsigned long long)n->v[i][0], (unsigned long long)o->v[i][1], (unsigned long long)o->v[i][0]);
    return different;
}

static bool compare(const Case *c, FILE *out)
{
    static const char *const ends[] = { "none", "undefined", "memory fault", "alignment fault", "trap", "other", "timeout" };
    const Outcome *n = &c->native, *o = &c->ours;
    bool different = false;
    if (n->end != o->end)
        DIFF("  end: oracle %s ours %s\n", ends[n->end], ends[o->end]);
    if (n->regs.pc != o->regs.pc)
        DIFF("  pc: oracle %#llx ours %#llx\n", (unsigned long long)n->regs.pc, (unsigned long long)o->regs.pc);
    if (!different && partial(c))
        return true;
    different |= compare_regs(&n->regs, &o->regs, out);
    for (unsigned i = 0; i < CASE_MEM; i++)
        if (n->data[i] != o->data[i] || n->stack[i] != o->stack[i]) {
            DIFF("  memory at +%#x: data was %02x oracle %02x ours %02x, stack was %02x oracle %02x ours %02x\n",
                 i + CASE_MEM_OFFSET, c->data[i], n->data[i], o->data[i], c->stack[i], n->stack[i], o->stack[i]);
            break;
        }
    return !different;
}

/* ---- Shrinking ---- */

static bool differs_alone(const Case *c)
{
    shared->count = 1;
    shared->cases[0] = *c;
    if (!run_native())
        return false;
    run_ours(&shared->cases[0]);
    return !undecidable(&shared->cases[0]) && !compare(&shared->cases[0], NULL);
}

static Case without_insn(const Case *c, unsigned n)
{
    Case s = *c;
    unsigned from = c->start[n], to = c->start[n + 1], len = to - from;
    memmove(s.code + from, c->code + to, c->code_len - to);
    s.code_len -= len;
    for (unsigned i = n; i < c->insns; i++)
        s.start[i] = (uint16_t)(c->start[i + 1] - len);
    s.insns--;
    finish_code(isa, &s);
    return s;
}

static void report(const Case *r, uint64_t seed, bool again)
{
    printf("difference, %s, seed %llu%s\n", isa->name, (unsigned long long)seed, again ? "" : " (not when alone)");
    for (unsigned i = 0; i < (isa->aarch64 ? 32u : 15u); i++)
        printf(" r%u=%llx", i, (unsigned long long)r->in.x[i]);
    printf(" psr=%x fpcr=%x fpsr=%x\n", r->in.psr, r->in.fpcr, r->in.fpsr);
    for (unsigned i = 0; i < (isa->aarch64 ? 32u : 16u); i++)
        printf("q%u=%016llx%016llx%c", i, (unsigned long long)r->in.v[i][1], (unsigned long long)r->in.v[i][0], i % 4 == 3 ? '\n' : ' ');
    load_regs(&r->in);
    ops.disas(stdout, &env->parent, arm_tb_state(&env->parent).flags, CODE_BASE + r->code_offset, r->code, r->code_len);
    compare(r, stdout);
    fflush(stdout);
}

static bool shrink_and_report(const Case *original, uint64_t seed)
{
    Case c = *original;
    if (!differs_alone(&c))
        return false;
    for (unsigned n = c.insns; n-- > 0;) {
        Case s = without_insn(&c, n);
        if (differs_alone(&s))
            c = s;
    }
    bool again = differs_alone(&c);
    report(again ? &shared->cases[0] : original, seed, again);
    return true;
}

/* ---- Main ---- */

static unsigned parse_classes(const char *text)
{
    unsigned mask = 0;
    char *copy = strdup(text);
    for (char *w = strtok(copy, ","); w; w = strtok(NULL, ",")) {
        unsigned bit = 0;
        for (unsigned i = 0; class_names[i]; i++)
            if (!strcmp(class_names[i], w))
                bit = 1u << i;
        if (!bit)
            fprintf(stderr, "unknown class %s\n", w), exit(2);
        mask |= bit;
    }
    free(copy);
    return mask;
}

static void use_isa(const char *name)
{
    const ISA *all[] = { &isa_a32, &isa_t32, &isa_a64 };
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (!strcmp(all[i]->name, name)) {
            isa = all[i];
            return;
        }
    fprintf(stderr, "unknown instruction set %s\n", name);
    exit(2);
}

typedef struct Totals {
    uint64_t insns, cases, skipped, by_end[END_TIMEOUT + 1];
    unsigned found;
} Totals;

static void judge_batch(Totals *t, uint64_t seed, unsigned keep_going)
{
    static Case failed[BATCH];
    unsigned nfailed = 0;
    for (unsigned i = 0; i < BATCH; i++) {
        Case *c = &shared->cases[i];
        run_ours(c);
        t->cases++;
        t->insns += c->insns;
        t->by_end[c->native.end]++;
        if (undecidable(c))
            t->skipped++;
        else if (!compare(c, NULL))
            failed[nfailed++] = *c;
    }
    for (unsigned i = 0; i < nfailed && t->found < keep_going; i++) {
        if (shrink_and_report(&failed[i], seed))
            t->found++;
        else
            t->skipped++;
    }
}

static void restart_oracle(void)
{
    kill(oracle_pid, SIGKILL);
    waitpid(oracle_pid, NULL, 0);
    close(oracle_in);
    close(oracle_out);
    start_oracle();
}

int main(int argc, char **argv)
{
    unsigned classes = CLASS_ALL, max_insns = 12, keep_going = 1, deaths = 0;
    uint64_t count = 100000, seed = 1;
    const TCGBackend *engine = &tcg_backend_x86_64;
    Totals t = { 0 };
    error_set_progname(argv[0]);
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *o = argv[i], *v = argv[i + 1];
        if (!strcmp(o, "--isa")) use_isa(v);
        else if (!strcmp(o, "--classes")) classes = parse_classes(v);
        else if (!strcmp(o, "--count")) count = strtoull(v, NULL, 0);
        else if (!strcmp(o, "--seed")) seed = strtoull(v, NULL, 0);
        else if (!strcmp(o, "--max-insns")) max_insns = (unsigned)atoi(v);
        else if (!strcmp(o, "--keep-going")) keep_going = (unsigned)atoi(v);
        else if (!strcmp(o, "--hot")) opt_hot = (unsigned)atoi(v);
        else if (!strcmp(o, "--cpu")) opt_cpu = v;
        else if (!strcmp(o, "--oracle-cpu")) opt_oracle_cpu = v;
        else if (!strcmp(o, "--emulator")) opt_emulator = v;
        else if (!strcmp(o, "--engine")) engine = !strcmp(v, "interp") ? &tcg_backend_interp : &tcg_backend_x86_64;
        else if (!strcmp(o, "--log")) { Error *e = NULL; log_set_mask_from_string(v, &e); }
        else fprintf(stderr, "unknown option %s\n", o), exit(2);
    }
    if (max_insns > MAX_INSNS)
        max_insns = MAX_INSNS;
    if (!opt_emulator)
        opt_emulator = isa->aarch64 ? "qemu-aarch64" : "qemu-arm";
    char *slash = strrchr(argv[0], '/');
    snprintf(oracle_path, sizeof(oracle_path), "%.*sarm-oracle%s", slash ? (int)(slash - argv[0]) + 1 : 0, argv[0],
             isa->aarch64 ? "64" : "32");
    signal(SIGPIPE, SIG_IGN);
    oracle_shm = memfd_create("arm-diff", 0);
    if (oracle_shm < 0 || ftruncate(oracle_shm, sizeof(Shared)))
        return 2;
    shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, oracle_shm, 0);
    start_oracle();
    start_machine(engine);
    uint32_t slot = 0, slots = CODE_SIZE / CASE_CODE_SLOT;
    while (t.insns < count && t.found < keep_going && deaths < 10) {
        uint64_t batch_seed = seed++;
        Random r = { batch_seed };
        shared->count = BATCH;
        for (unsigned i = 0; i < BATCH; i++) {
            shared->cases[i].code_offset = slot++ % slots * CASE_CODE_SLOT;
            generate_case(&r, isa, &shared->cases[i], classes, max_insns);
            if (arm_feature(env, ARM_FEATURE_VFP_VECTORS) && random_below(&r, 2)) /* FPSCR.LEN; the oracle's STRIDE is not the manual's */
                shared->cases[i].in.fpsr |= random_below(&r, 4) << 16;
        }
        if (run_native()) {
            judge_batch(&t, batch_seed, keep_going);
        } else {
            printf("the oracle died at seed %llu\n", (unsigned long long)batch_seed);
            deaths++;
            restart_oracle();
        }
    }
    printf("%s: %llu instructions in %llu cases (%llu to the end or undefined, %llu memory faults, %llu alignment faults, "
           "%llu undecidable), %u differences\n", isa->name, (unsigned long long)t.insns, (unsigned long long)t.cases,
           (unsigned long long)t.by_end[END_ILL], (unsigned long long)t.by_end[END_SEGV], (unsigned long long)t.by_end[END_BUS],
           (unsigned long long)t.skipped, t.found);
    kill(oracle_pid, SIGKILL);
    waitpid(oracle_pid, NULL, 0);
    return t.found ? 1 : deaths == 10 || t.skipped * 2 > t.cases ? 3 : 0;
}
