/* SPDX-License-Identifier: MIT */
/*
 * Proves that random user-level x86 sequences leave the same registers, flags, x87/SSE state, memory and exception
 * under Rhea as on the host CPU (the oracle processes of oracle.c). Differences are shrunk and printed with the
 * seed that makes them again.
 *
 * x86-diff [--bits 16|32|64] [--classes a,b] [--count N] [--seed S] [--engine NAME] [--max-insns N] [--keep-going N]
 *          [--oracle interp]
 * --oracle interp: the oracle is Rhea's interpreter in a process of its own, for hosts that cannot run the code. It shows only that
 * both engines agree.
 */
#include "generate.h"

#include "exec/memory.h"
#include "exec/tb.h"
#include "tcg/backend.h"
#include "target-i386/cpu.h"
#include "util/error.h"
#include <glib.h>
#include "util/log.h"
#include "util/main-loop.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define EFLAGS_COMPARED (CC_ALL | DF_MASK | TF_MASK | AC_MASK | ID_MASK | NT_MASK)
/* Not P: something of the host kernel's may be mapped there. */
#define PF_COMPARED (PG_ERROR_W | PG_ERROR_U | PG_ERROR_I)
#define PAGE_TABLES 0x100000u

static Shared *shared;
static int oracle_in, oracle_out;
static pid_t oracle_pid;
static X86CPU *env;
static TargetOps ops;
static Outcome *recording;
static unsigned opt_hot; /* entries of a TB before it becomes a region; 0: at once */
static char oracle_path[4096];
static bool oracle_is_interp;
static unsigned opt_bits = 64;

/* ---- The oracle process ---- */

static void start_oracle(int shm)
{
    int to[2], from[2];
    char fd[16];
    if (pipe(to) || pipe(from))
        exit(2);
    snprintf(fd, sizeof(fd), "%d", shm);
    oracle_pid = fork();
    if (oracle_pid == 0) {
        dup2(to[0], 0);
        dup2(from[1], 1);
        char bits[4];
        snprintf(bits, sizeof(bits), "%u", opt_bits);
        if (oracle_is_interp)
            execl("/proc/self/exe", oracle_path, "--serve", fd, "--bits", bits, "--engine", "interp", (char *)NULL);
        else
            execl(oracle_path, oracle_path, fd, (char *)NULL);
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

/* ---- Rhea's side: one vCPU in user mode, exceptions recorded instead of delivered ---- */

static void record_exception(CPUState *cpu);

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

/* Identity mapping of the three areas with user rights; PAE and long mode share the format. */
static void make_page_tables(void)
{
    static const uint32_t areas[][2] = { { CODE_BASE, CODE_SIZE }, { DATA_BASE, DATA_SIZE }, { STACK_BASE, STACK_SIZE } };
    uint32_t pml4 = PAGE_TABLES, pdpt = PAGE_TABLES + 0x1000, pd = PAGE_TABLES + 0x2000, pt = PAGE_TABLES + 0x3000;
    uint64_t e = pdpt | 0x27;
    address_space_write(address_space_memory, pml4, &e, 8);
    /* In PAE mode the PDPT entries have no rights bits. */
    e = pd | (opt_bits == 64 ? 0x27 : 1);
    address_space_write(address_space_memory, pdpt, &e, 8);
    for (unsigned a = 0; a < 3; a++)
        for (uint32_t va = areas[a][0]; va < areas[a][0] + areas[a][1]; va += 0x1000) {
            uint32_t table = pt + 0x1000 * ((va >> 21) & 1) + 0x2000 * a;
            e = table | 0x27;
            address_space_write(address_space_memory, pd + 8 * (va >> 21), &e, 8);
            e = va | 0x67;
            address_space_write(address_space_memory, table + 8 * (va >> 12 & 511), &e, 8);
        }
}

static void set_segments(void)
{
    uint32_t data = DESC_G | DESC_B | DESC_P | 3 << DESC_DPL_SHIFT | DESC_S | DESC_W | DESC_A;
    uint32_t code = DESC_G | DESC_P | 3 << DESC_DPL_SHIFT | DESC_S | DESC_CS | DESC_R | DESC_A | (opt_bits == 64 ? DESC_L : DESC_B);
    if (opt_bits == 16) {
        data = DESC_P | 3 << DESC_DPL_SHIFT | DESC_S | DESC_W | DESC_A;
        code = DESC_P | 3 << DESC_DPL_SHIFT | DESC_S | DESC_CS | DESC_R | DESC_A;
        cpu_x86_load_seg_cache(env, R_CS, 7, CODE_BASE, 0xffff, code);
        for (int s = 0; s < 6; s++)
            if (s != R_CS)
                cpu_x86_load_seg_cache(env, s, s >= R_FS ? 0 : 15, s >= R_FS ? 0 : DATA_BASE, s >= R_FS ? 0 : 0xffff,
                                       s >= R_FS ? 0 : data);
        return;
    }
    cpu_x86_load_seg_cache(env, R_CS, opt_bits == 64 ? 0x33 : 0x23, 0, 0xffffffff, code);
    for (int s = 0; s < 6; s++)
        if (s != R_CS)
            cpu_x86_load_seg_cache(env, s, s >= R_FS ? 0 : 0x2b, 0, 0xffffffff, data);
}

static void start_machine(const TCGBackend *engine)
{
    Error *err = NULL;
    const TargetOps *base = target_find("x86_64");
    ops = *base;
    ops.do_exception = record_exception;
    current_target = &ops;
    machine_lock();
    memory_init();
    ops.init();
    TCGOptions t = { .engine = engine, .tb_size = 64 * MiB, .hot = opt_hot };
    if (!tcg_init(&t, &err)) {
        error_report_err(err);
        exit(2);
    }
    CPUState *cpu = ops.cpu_create("max", &err);
    if (!cpu) {
        error_report_err(err);
        exit(2);
    }
    cpu->target = &ops;
    cpu_register(cpu);
    current_cpu = cpu;
    env = x86_cpu(cpu);
    ops.reset(cpu);
    add_ram("tables", PAGE_TABLES, 0x10000);
    add_ram("code", CODE_BASE, CODE_SIZE);
    add_ram("data", DATA_BASE, DATA_SIZE);
    add_ram("stack", STACK_BASE, STACK_SIZE);
    make_page_tables();
    machine_unlock();
    cpu_x86_update_cr4(env, CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE);
    env->xcr0 = 7;
    cpu_x86_update_cr3(env, opt_bits == 64 ? PAGE_TABLES : PAGE_TABLES + 0x1000);
    if (opt_bits == 64)
        env->efer |= EFER_LME | EFER_SCE;
    cpu_x86_update_cr0(env, CR0_PE | CR0_PG | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_MP);
    cpu_x86_update_cr3(env, env->cr[3]); /* PAE: loads the four top entries */
    cpu->halted = false;
}

static void load_fpu(const uint8_t *fx, const uint8_t *ymmh)
{
    uint16_t sw;
    uint32_t mxcsr;
    memcpy(&env->fpuc, fx, 2);
    memcpy(&sw, fx + 2, 2);
    memcpy(&mxcsr, fx + 24, 4);
    env->fpstt = sw >> 11 & 7;
    env->fpus = sw & ~0x3800;
    /* The summary bits follow from flags and masks, as FXRSTOR leaves them. */
    if (env->fpus & ~env->fpuc & 0x3f)
        env->fpus |= 0x8080;
    else
        env->fpus &= 0x7f7f;
    for (unsigned i = 0; i < 8; i++) {
        unsigned phys = (i + env->fpstt) & 7;
        memcpy(&env->fpregs[phys].mant, fx + 32 + 16 * i, 8);
        memcpy(&env->fpregs[phys].exp, fx + 40 + 16 * i, 2);
        env->fptags[i] = !(fx[4] >> i & 1);
    }
    for (unsigned i = 0; i < 16; i++) {
        memset(&env->xmm[i], 0, sizeof(env->xmm[i]));
        memcpy(&env->xmm[i], fx + 160 + 16 * i, 16);
        memcpy(&env->xmm[i].q[2], ymmh + 16 * i, 16);
    }
    cpu_x86_set_mxcsr(env, mxcsr);
}

static void store_fpu(uint8_t *fx, uint8_t *ymmh)
{
    cpu_x86_sync_x87(env);
    uint16_t sw = (uint16_t)((env->fpus & ~0x3800) | (env->fpstt & 7) << 11);
    uint32_t mxcsr = cpu_x86_get_mxcsr(env);
    memset(fx, 0, 512);
    memcpy(fx, &env->fpuc, 2);
    memcpy(fx + 2, &sw, 2);
    memcpy(fx + 24, &mxcsr, 4);
    for (unsigned i = 0; i < 8; i++) {
        unsigned phys = (i + env->fpstt) & 7;
        memcpy(fx + 32 + 16 * i, &env->fpregs[phys].mant, 8);
        memcpy(fx + 40 + 16 * i, &env->fpregs[phys].exp, 2);
        fx[4] |= (uint8_t)(!env->fptags[i] << i);
    }
    for (unsigned i = 0; i < 16; i++) {
        memcpy(fx + 160 + 16 * i, &env->xmm[i], 16);
        memcpy(ymmh + 16 * i, &env->xmm[i].q[2], 16);
    }
}

/* Delivery of any exception ends the case: the state is copied out and the vCPU halted. */
static void record_exception(CPUState *cpu)
{
    Outcome *o = recording;
    int vector = cpu->exception_index;
    if (o->vector == 0xffff) {
        o->vector = (uint32_t)vector;
        o->error_code = env->error_code;
        o->fault_address = env->cr[2];
        for (unsigned i = 0; i < 16; i++)
            o->regs.gpr[i] = env->regs[i];
        bool after = vector == EXCP03_INT3 || (env->exception_is_int && vector != EXCP01_DB);
        o->regs.rip = after ? env->exception_next_eip : env->eip;
        o->regs.rflags = cpu_compute_eflags(env);
        store_fpu(o->regs.fx, o->regs.ymmh);
    }
    env->exception_is_int = false;
    cpu->exception_index = EXCP_HLT;
    cpu->halted = true;
    cpu_exit(cpu);
}

/* The code of a batch is there before its first case runs, as cases may read each other's. */
static void write_code(void)
{
    machine_lock();
    for (unsigned i = 0; i < shared->count; i++)
        address_space_write(address_space_memory, CODE_BASE + shared->cases[i].code_offset, shared->cases[i].code, CASE_CODE_SLOT);
    machine_unlock();
}

/* As a new oracle process has it. */
static void clear_code(void)
{
    static const uint8_t zero[CASE_CODE_SLOT];

    machine_lock();
    for (uint32_t at = 0; at < CODE_SIZE; at += CASE_CODE_SLOT)
        address_space_write(address_space_memory, CODE_BASE + at, zero, CASE_CODE_SLOT);
    machine_unlock();
}

static void run_ours(Case *c)
{
    CPUState *cpu = &env->parent;
    Outcome *o = &c->ours;
    memset(o, 0, sizeof(*o));
    o->vector = 0xffff;
    recording = o;
    machine_lock();
    static const uint8_t zero[DATA_SIZE];
    address_space_write(address_space_memory, DATA_BASE, zero, DATA_SIZE);
    address_space_write(address_space_memory, STACK_BASE, zero, STACK_SIZE);
    address_space_write(address_space_memory, DATA_BASE + CASE_MEM_OFFSET, c->data, CASE_MEM);
    address_space_write(address_space_memory, STACK_BASE + CASE_MEM_OFFSET, c->stack, CASE_MEM);
    machine_unlock();
    memcpy(env->regs, c->in.gpr, sizeof(env->regs));
    env->eip = opt_bits == 16 ? c->code_offset : CODE_BASE + c->code_offset;
    set_segments();
    load_fpu(c->in.fx, c->in.ymmh);
    cpu_load_eflags(env, (uint32_t)c->in.rflags, ~0u);
    cpu_x86_update_hflags(env);
    env->old_exception = -1;
    cpu->exception_index = EXCP_NONE;
    cpu->halted = false;
    cpu_update_key(cpu);
    for (int tries = 0; o->vector == 0xffff && tries < 100000; tries++)
        cpu_exec(cpu);
    address_space_read(address_space_memory, DATA_BASE + CASE_MEM_OFFSET, o->data, CASE_MEM);
    address_space_read(address_space_memory, STACK_BASE + CASE_MEM_OFFSET, o->stack, CASE_MEM);
}

/* The oracle's side of the pipes, when the oracle is the interpreter. */
static int serve(int shm)
{
    char c;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, shm, 0);
    if (shared == MAP_FAILED)
        return 2;
    start_machine(&tcg_backend_interp);
    while (read(0, &c, 1) == 1) {
        write_code();
        for (unsigned i = 0; i < shared->count; i++) {
            run_ours(&shared->cases[i]);
            shared->cases[i].native = shared->cases[i].ours;
        }
        if (write(1, &c, 1) != 1)
            return 1;
    }
    return 0;
}

/* ---- Comparing ---- */

static bool in_areas(uint64_t a)
{
    return (a >= CODE_BASE && a < CODE_BASE + CODE_SIZE) || (a >= DATA_BASE && a < DATA_BASE + DATA_SIZE) ||
           (a >= STACK_BASE && a < STACK_BASE + STACK_SIZE);
}

/* Which flags BSF leaves besides ZF is the host's choice: does it, as Rhea, leave them as they were? */
static bool scans_keep_flags(void)
{
    const uint64_t others = 0x895; /* OF SF AF PF CF */
    for (unsigned set = 0; set < 2; set++)
        for (uint64_t operand = 0; operand < 12; operand++) {
            uint64_t flags = set ? others : 0, out;
            __asm__ volatile("pushq %1\n\tpopfq\n\tbsfq %2, %0\n\tpushfq\n\tpopq %0" : "=&r"(out) : "r"(flags | 0x202), "r"(operand) : "cc");
            if ((out & others) != flags)
                return false;
        }
    return true;
}

/* A single step between a scan and the instructions that define its flags. */
static bool stops_behind_scan(const Case *c)
{
    static const uint8_t define[] = { 0x0f, 0x94, 0xc0, 0x84, 0xc0 };
    unsigned at = (unsigned)(c->ours.regs.rip - c->code_offset) & 0xffff;
    return define_flags_after_scans && c->native.vector == 1 && c->ours.vector == 1 && at + sizeof(define) <= c->code_len &&
           !memcmp(c->code + at, define, sizeof(define));
}

/* CMPS whose operands both fault: which of them goes first is the host's choice. */
static bool faults_in_either_order(const Case *c)
{
    const unsigned faults = 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17; /* #SS, #GP, #PF, #AC */
    if (c->native.regs.rip != c->ours.regs.rip || c->native.vector > 31 || c->ours.vector > 31 || !(faults >> c->native.vector & 1) ||
        !(faults >> c->ours.vector & 1))
        return false;
    unsigned at = (unsigned)(c->ours.regs.rip - c->code_offset) & 0xffff; /* the code's base is a multiple of 64 KiB */
    for (; at < c->code_len; at++) {
        uint8_t byte = c->code[at];
        if (byte == 0xa6 || byte == 0xa7)
            return true;
        bool prefix = byte == 0x66 || byte == 0x67 || byte == 0xf2 || byte == 0xf3 || (opt_bits == 64 && (byte & 0xf0) == 0x40);
        if (!prefix)
            return false;
    }
    return false;
}

/* Cases that tell nothing: the native run touched the oracle's own memory or looped. */
static bool undecidable(const Case *c)
{
    /* Not modelled: with alignment checks on, the wrap at 4 GiB goes before #AC. */
    if (opt_bits != 64 && (c->native.vector == 13 || c->native.vector == 12) && c->ours.vector == 17)
        return true;
    if (c->native.vector == 255 || (c->native.vector != c->ours.vector && faults_in_either_order(c)) || stops_behind_scan(c))
        return true;
    /* Ours faulted outside the areas, and the host did not fault on that page: something of the oracle's is there. */
    return c->ours.vector == 14 && !in_areas(c->ours.fault_address) &&
           (c->native.vector != 14 || c->native.regs.rip != c->ours.regs.rip ||
            (c->native.fault_address ^ c->ours.fault_address) >> 12);
}

#define DIFF(...)                     \
    do {                              \
        different = true;             \
        if (out)                      \
            fprintf(out, __VA_ARGS__); \
    } while (0)

static bool compare(const Case *c, FILE *out)
{
    static const char *const names[16] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di", "8", "9", "10", "11", "12", "13", "14", "15" };
    const Outcome *n = &c->native, *o = &c->ours;
    bool different = false;
    if (n->vector != o->vector)
        DIFF("  exception: host %u ours %u\n", n->vector, o->vector);
    if (n->vector == 14 && o->vector == 14 && (n->error_code ^ o->error_code) & PF_COMPARED)
        DIFF("  page fault error code: host %#x ours %#x\n", n->error_code, o->error_code);
    uint64_t ip_mask = opt_bits == 64 ? ~0ull : 0xffffffff;
    if ((n->regs.rip & ip_mask) != (o->regs.rip & ip_mask))
        DIFF("  ip: host %#llx ours %#llx\n", (unsigned long long)n->regs.rip, (unsigned long long)o->regs.rip);
    for (unsigned i = 0; i < (opt_bits == 64 ? 16u : 8u); i++) {
        /* The kernel's way back from a 16-bit stack does not keep the upper half of ESP. */
        uint64_t mask = opt_bits == 16 && i == 4 ? 0xffff : ip_mask;
        if ((n->regs.gpr[i] ^ o->regs.gpr[i]) & mask)
            DIFF("  r%s: host %#llx ours %#llx\n", names[i], (unsigned long long)n->regs.gpr[i], (unsigned long long)o->regs.gpr[i]);
    }
    uint64_t fl = (n->regs.rflags ^ o->regs.rflags) & EFLAGS_COMPARED;
    if (fl)
        DIFF("  flags: host %#llx ours %#llx differ %#llx\n", (unsigned long long)n->regs.rflags, (unsigned long long)o->regs.rflags,
             (unsigned long long)fl);
    if (memcmp(n->regs.fx, o->regs.fx, 5))
        DIFF("  x87 control/status/tags: host %02x%02x %02x%02x %02x ours %02x%02x %02x%02x %02x\n", n->regs.fx[1], n->regs.fx[0],
             n->regs.fx[3], n->regs.fx[2], n->regs.fx[4], o->regs.fx[1], o->regs.fx[0], o->regs.fx[3], o->regs.fx[2], o->regs.fx[4]);
    if (memcmp(n->regs.fx + 24, o->regs.fx + 24, 4))
        DIFF("  mxcsr: host %02x%02x ours %02x%02x\n", n->regs.fx[25], n->regs.fx[24], o->regs.fx[25], o->regs.fx[24]);
    for (unsigned i = 0; i < 8; i++)
        if (memcmp(n->regs.fx + 32 + 16 * i, o->regs.fx + 32 + 16 * i, 10)) {
            uint64_t a, b;
            memcpy(&a, n->regs.fx + 32 + 16 * i, 8);
            memcpy(&b, o->regs.fx + 32 + 16 * i, 8);
            DIFF("  st%u: host %02x%02x:%016llx ours %02x%02x:%016llx\n", i, n->regs.fx[41 + 16 * i], n->regs.fx[40 + 16 * i],
                 (unsigned long long)a, o->regs.fx[41 + 16 * i], o->regs.fx[40 + 16 * i], (unsigned long long)b);
        }
    for (unsigned i = 0; i < (opt_bits == 64 ? 16u : 8u); i++)
        if (memcmp(n->regs.fx + 160 + 16 * i, o->regs.fx + 160 + 16 * i, 16)) {
            uint64_t a[2], b[2];
            memcpy(a, n->regs.fx + 160 + 16 * i, 16);
            memcpy(b, o->regs.fx + 160 + 16 * i, 16);
            DIFF("  xmm%u: host %016llx%016llx ours %016llx%016llx\n", i, (unsigned long long)a[1], (unsigned long long)a[0],
                 (unsigned long long)b[1], (unsigned long long)b[0]);
        }
    for (unsigned i = 0; i < (opt_bits == 64 ? 16u : 8u); i++)
        if (memcmp(n->regs.ymmh + 16 * i, o->regs.ymmh + 16 * i, 16)) {
            uint64_t a[2], b[2];
            memcpy(a, n->regs.ymmh + 16 * i, 16);
            memcpy(b, o->regs.ymmh + 16 * i, 16);
            DIFF("  ymm%u, upper half: host %016llx%016llx ours %016llx%016llx\n", i, (unsigned long long)a[1], (unsigned long long)a[0],
                 (unsigned long long)b[1], (unsigned long long)b[0]);
        }
    for (unsigned i = 0; i < CASE_MEM; i++)
        if (n->data[i] != o->data[i] || n->stack[i] != o->stack[i]) {
            DIFF("  memory at +%#x: data was %02x host %02x ours %02x, stack was %02x host %02x ours %02x\n", i + CASE_MEM_OFFSET, c->data[i], n->data[i], o->data[i], c->stack[i],
                 n->stack[i], o->stack[i]);
            break;
        }
    return !different;
}

/* ---- Shrinking ---- */

static bool differs_alone(const Case *c)
{
    shared->count = 1;
    shared->cases[0] = *c;
    Case *s = &shared->cases[0];
    if (!run_native())
        return false;
    write_code();
    run_ours(s);
    return !undecidable(s) && !compare(s, NULL);
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
    finish_code(&s);
    return s;
}

/* False when the case does not differ when run alone: another case's wild store hit the oracle's own memory. */
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
    printf("difference, %u-bit, seed %llu%s\n", opt_bits, (unsigned long long)seed, again ? "" : " (not when alone)");
    const Case *r = again ? &shared->cases[0] : original;
    for (unsigned i = 0; i < r->insns; i++) {
        printf("   ");
        for (unsigned j = r->start[i]; j < r->start[i + 1]; j++)
            printf(" %02x", r->code[j]);
        printf("\n");
    }
    ops.disas(stdout, &env->parent, env->hflags, CODE_BASE + r->code_offset, r->code, r->code_len);
    compare(r, stdout);
    fflush(stdout);
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

int main(int argc, char **argv)
{
    unsigned classes = CLASS_ALL, max_insns = 16, keep_going = 1;
    uint64_t count = 100000, seed = 1;
    const TCGBackend *engine = &tcg_backend_x86_64;
    int serve_fd = -1;
    error_set_progname(argv[0]);
    for (int i = 1; i + 1 < argc; i += 2) {
        const char *o = argv[i], *v = argv[i + 1];
        if (!strcmp(o, "--bits")) opt_bits = (unsigned)atoi(v);
        else if (!strcmp(o, "--classes")) classes = parse_classes(v);
        else if (!strcmp(o, "--count")) count = strtoull(v, NULL, 0);
        else if (!strcmp(o, "--seed")) seed = strtoull(v, NULL, 0);
        else if (!strcmp(o, "--max-insns")) max_insns = (unsigned)atoi(v);
        else if (!strcmp(o, "--keep-going")) keep_going = (unsigned)atoi(v);
        else if (!strcmp(o, "--engine")) engine = !strcmp(v, "interp") ? &tcg_backend_interp : &tcg_backend_x86_64;
        else if (!strcmp(o, "--hot")) opt_hot = (unsigned)atoi(v);
        else if (!strcmp(o, "--oracle")) oracle_is_interp = !strcmp(v, "interp");
        else if (!strcmp(o, "--serve")) serve_fd = atoi(v);
        else if (!strcmp(o, "--log")) { Error *e = NULL; log_set_mask_from_string(v, &e); }
        else fprintf(stderr, "unknown option %s\n", o), exit(2);
    }
    if (serve_fd >= 0)
        return serve(serve_fd);
    if (max_insns > MAX_INSNS)
        max_insns = MAX_INSNS;
    define_flags_after_scans = !scans_keep_flags();
    char *slash = strrchr(argv[0], '/');
    snprintf(oracle_path, sizeof(oracle_path), "%.*sx86-oracle%s", slash ? (int)(slash - argv[0]) + 1 : 0, argv[0],
             opt_bits == 64 ? "64" : "32");
    signal(SIGPIPE, SIG_IGN);
    int shm = memfd_create("x86-diff", 0);
    if (shm < 0 || ftruncate(shm, sizeof(Shared)))
        return 2;
    shared = mmap(NULL, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED, shm, 0);
    shared->bits = opt_bits;
    start_oracle(shm);
    start_machine(engine);
    uint64_t insns = 0, cases = 0, skipped = 0, by_end[3] = { 0 };
    unsigned found = 0, deaths = 0;
    uint32_t slot = 0, slots = (opt_bits == 16 ? 0x10000 : CODE_SIZE) / CASE_CODE_SLOT;
    static Case failed[BATCH];
    while (insns < count && found < keep_going) {
        uint64_t batch_seed = seed++;
        Random r = { batch_seed };
        shared->count = BATCH;
        for (unsigned i = 0; i < BATCH; i++) {
            shared->cases[i].code_offset = slot++ % slots * CASE_CODE_SLOT;
            generate_case(&r, &shared->cases[i], opt_bits, classes, max_insns);
        }
        if (!run_native()) {
            int status = 0;
            waitpid(oracle_pid, &status, 0);
            if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
                fprintf(stderr, "cannot run %s\n", oracle_is_interp ? "/proc/self/exe" : oracle_path);
                return 2;
            }
            printf("the oracle died at seed %llu\n", (unsigned long long)batch_seed);
            if (++deaths == 10)
                return 3;
            skipped += BATCH;
            close(oracle_in);
            close(oracle_out);
            start_oracle(shm);
            clear_code();
            continue;
        }
        unsigned nfailed = 0;
        write_code();
        for (unsigned i = 0; i < BATCH; i++) {
            Case *c = &shared->cases[i];
            run_ours(c);
            cases++;
            insns += c->insns;
            by_end[c->native.vector == 3 ? 0 : c->native.vector == 14 || c->native.vector == 13 ? 1 : 2]++;
            if (undecidable(c))
                skipped++;
            else if (!compare(c, NULL))
                failed[nfailed++] = *c;
        }
        for (unsigned i = 0; i < nfailed && found < keep_going; i++) {
            if (shrink_and_report(&failed[i], batch_seed))
                found++;
            else
                skipped++;
        }
    }
    printf("%u-bit: %llu instructions in %llu cases (%llu to the end, %llu memory faults, %llu other exceptions, %llu undecidable), "
           "%u differences\n", opt_bits, (unsigned long long)insns, (unsigned long long)cases, (unsigned long long)by_end[0],
           (unsigned long long)by_end[1], (unsigned long long)by_end[2], (unsigned long long)skipped, found);
    kill(oracle_pid, SIGKILL);
    waitpid(oracle_pid, NULL, 0);
    return found ? 1 : skipped * 2 > cases ? 3 : 0;
}
