/* SPDX-License-Identifier: MIT */
/*
 * What a smoke test finds out by itself: Linux's messages of panics, oopses, bugs and lockups in the console's lines,
 * and vCPUs that can never go on. On failure: registers and stacks, with names where symbols are known.
 */
#include "smoke-internal.h"
#include "symbols.h"
#include "target.h"
#include "exec/memory.h"
#include "util/timer.h"

#include <string.h>
#include <time.h>

#define STACK_WORDS 256
#define LOOP_BYTES 64       /* a loop that small, with interrupts off, in every sample … */
#define LOOP_SAMPLES 10     /* … of at least that many … */
#define LOOP_CPU_NS 2500000000ll /* … while the vCPU's thread, not the host's clock, ran so long */
#define HALT_SAMPLES 3

/* In the order they are tried: "BUG: soft lockup" is a lockup, "BUG: unable to handle" an oops. */
static const struct {
    unsigned bit;
    const char *words, *what;
} messages[] = {
    { DETECT_PANIC, "Kernel panic - not syncing", "kernel panic" },
    { DETECT_LOCKUP, "BUG: soft lockup", "soft lockup" },
    { DETECT_LOCKUP, "Watchdog detected hard LOCKUP", "hard lockup" },
    { DETECT_LOCKUP, "watchdog: BUG: ", "watchdog lockup" },
    { DETECT_LOCKUP, "detected stall on CPU", "RCU stall" },
    { DETECT_LOCKUP, "self-detected stall", "RCU stall" },
    { DETECT_LOCKUP, "detected stalls on CPU", "RCU stall" },
    { DETECT_LOCKUP, "blocked for more than", "hung task" },
    { DETECT_OOPS, "BUG: unable to handle", "kernel oops" },
    { DETECT_OOPS, "BUG: kernel NULL pointer dereference", "kernel oops" },
    { DETECT_OOPS, "Oops: ", "kernel oops" },
    { DETECT_OOPS, "Internal error: Oops", "kernel oops" },
    { DETECT_OOPS, "Unable to handle kernel ", "kernel oops" },
    { DETECT_OOPS, "general protection fault, ", "kernel oops" },
    { DETECT_BUG, "kernel BUG at ", "kernel BUG" },
    { DETECT_BUG, "BUG: ", "kernel BUG" },
};

/* The kernel's own lines: "[    1.234567] text", with or without the level in front. */
static const char *kernel_text(const char *line)
{
    while (*line == ' ')
        line++;
    if (*line == '<' && g_ascii_isdigit(line[1]))
        line += strcspn(line, ">") + (strchr(line, '>') != NULL);
    if (*line == '[') {
        const char *close = strchr(line, ']');
        if (close && strspn(line + 1, " 0123456789.TC") == (size_t)(close - line - 1))
            line = close + 1;
    }
    return line + strspn(line, " ");
}

unsigned smoke_watch_line(const char *line, const char **what)
{
    const char *text = kernel_text(line);
    for (unsigned i = 0; i < ARRAY_SIZE(messages); i++) {
        const char *found = strstr(text, messages[i].words);
        /* At the start, or after "watchdog: ", "rcu: INFO: …", "INFO: task x:1 …" of the same line. */
        bool here = found == text || (found && (messages[i].bit == DETECT_LOCKUP || text != line));
        if (here) {
            *what = messages[i].what;
            return messages[i].bit;
        }
    }
    return 0;
}

bool smoke_watch_last_line(const char *line)
{
    const char *text = kernel_text(line);
    return g_str_has_prefix(text, "---[ end Kernel panic") || g_str_has_prefix(text, "---[ end trace");
}

/* ---- vCPUs ---- */

static unsigned halts, loops;
static uint64_t loop_pc, loop_registers;
static int64_t loop_start; /* CPU time of the vCPU's thread */

void smoke_watch_reset(void)
{
    halts = loops = 0;
    loop_pc = 0;
}

static bool deaf(const CPUState *cpu)
{
    return cpu->target->interrupts_off && cpu->target->interrupts_off(cpu);
}

static bool all_halted(void)
{
    CPU_FOREACH(cpu)
        if (!cpu->halted || !deaf(cpu) || (cpu->interrupt_request & ~(unsigned)CPU_INTERRUPT_HARD))
            return false;
    return first_cpu;
}

typedef struct Sample {
    uint64_t pc;
    int64_t cpu_ns; /* CPU time of the thread: a starved host is no dead guest */
    uint64_t registers; /* a hash of all but pc: a loop in which they change gets somewhere */
    bool deaf;
} Sample;

static uint64_t hash_registers(const CPUState *cpu)
{
    uint64_t h = 0, v;
    for (const RegisterDesc *r = cpu->target->registers; r && r->name; r++) {
        if (r->offset == cpu->target->pc_offset || r->bits > 64)
            continue;
        v = 0;
        memcpy(&v, (const char *)cpu + r->offset, r->bits / 8u);
        h = (h ^ v) * 0x9e3779b97f4a7c15ull;
        h ^= h >> 29;
    }
    return h;
}

static void take_sample(CPUState *cpu, void *opaque)
{
    Sample *s = opaque;
    struct timespec ts;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    *s = (Sample){ cpu->target->tb_state(cpu).pc, ts.tv_sec * NS_PER_SEC + ts.tv_nsec, hash_registers(cpu), deaf(cpu) };
}

/* The one vCPU that runs has long done so in a few bytes, with the same registers and deaf to interrupts; the others are halted and deaf. */
static bool in_tiny_loop(void)
{
    CPUState *busy = NULL;
    Sample s = { 0 };
    CPU_FOREACH(cpu) {
        if (cpu->halted ? !deaf(cpu) : busy != NULL) {
            loops = 0;
            return false;
        }
        busy = cpu->halted ? busy : cpu;
    }
    if (!busy)
        return false;
    cpu_run_on(busy, take_sample, &s);
    if (!s.deaf || !loops || s.pc - loop_pc + LOOP_BYTES > 2 * LOOP_BYTES || s.registers != loop_registers) {
        loop_pc = s.pc;
        loop_registers = s.registers;
        loop_start = s.cpu_ns;
        loops = s.deaf;
        return false;
    }
    return ++loops >= LOOP_SAMPLES && s.cpu_ns - loop_start >= LOOP_CPU_NS;
}

const char *smoke_watch_cpus(unsigned detect, bool console_quiet)
{
    halts = detect & DETECT_HALT && all_halted() ? halts + 1 : 0;
    if (halts >= HALT_SAMPLES)
        return "guest halted with interrupts off";
    if (!(detect & DETECT_LOOP) || !console_quiet) {
        loops = 0;
        return NULL;
    }
    return in_tiny_loop() ? "no progress: a loop with interrupts off" : NULL;
}

/* ---- State on failure ---- */

/* Linux says how far KASLR moved it: "Kernel Offset: 0x1a000000 from 0xffffffff81000000". */
static void find_kernel_offset(const char *console)
{
    const char *last = NULL;
    for (const char *p = console; (p = strstr(p, "Kernel Offset: 0x")); p++)
        last = p;
    if (last)
        symbols_set_offset(g_ascii_strtoull(last + strlen("Kernel Offset: "), NULL, 16));
}

static bool read_register(CPUState *cpu, const char *const *names, uint64_t *value)
{
    for (; *names; names++)
        for (const RegisterDesc *r = cpu->target->registers; r && r->name; r++)
            if (!strcmp(r->name, *names)) {
                *value = 0;
                memcpy(value, (const char *)cpu + r->offset, r->bits / 8u);
                return true;
            }
    return false;
}

static char *name_address(uint64_t addr, bool text_only)
{
    uint64_t distance;
    const char *name = symbols_find(addr, text_only, &distance);
    return name ? g_strdup_printf("%s+0x%llx", name, (unsigned long long)distance) : NULL;
}

static bool read_word(CPUState *cpu, uint64_t va, unsigned size, uint64_t *value)
{
    hwaddr pa;
    if (!cpu->target->debug_translate(cpu, va, &pa))
        return false;
    MemTxResult r;
    *value = address_space_ld(address_space_memory, pa, size, &r);
    return r == MEMTX_OK;
}

/* The words above the stack pointer; with symbols only those that point into functions. */
static void add_stack(CPUState *cpu, json_t *list)
{
    static const char *const names[] = { "rsp", "esp", "sp", "r13", NULL };
    uint64_t sp, word;
    char line[64];
    unsigned size = cpu->target->address_bits > 32 ? 8 : 4;
    uint64_t pc = cpu->target->tb_state(cpu).pc;
    char *name = name_address(pc, true);
    g_snprintf(line, sizeof(line), "pc 0x%llx", (unsigned long long)pc);
    json_array_append_new(list, json_pack("{s:s,s:s}", "at", line, "symbol", name ? name : "?"));
    g_free(name);
    if (!read_register(cpu, names, &sp))
        return;
    for (unsigned i = 0; i < STACK_WORDS && read_word(cpu, sp + i * size, size, &word); i++) {
        name = name_address(word, true);
        g_snprintf(line, sizeof(line), "sp+0x%x 0x%0*llx", i * size, (int)size * 2, (unsigned long long)word);
        if (name)
            json_array_append_new(list, json_pack("{s:s,s:s}", "at", line, "symbol", name));
        else if (!symbols_known() && i < 32)
            json_array_append_new(list, json_pack("{s:s}", "at", line));
        g_free(name);
    }
}

json_t *smoke_watch_state(const char *console)
{
    char *text = NULL;
    size_t len = 0;
    json_t *stack = json_array();
    FILE *f = open_memstream(&text, &len);
    find_kernel_offset(console);
    CPU_FOREACH(cpu) {
        fprintf(f, "CPU#%d\n", cpu->index);
        cpu->target->dump_state(cpu, f, false);
        add_stack(cpu, stack);
    }
    fclose(f);
    json_t *state = json_pack("{s:s,s:o}", "registers", text, "stack", stack);
    free(text);
    return state;
}
