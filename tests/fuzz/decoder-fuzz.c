/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the x86 front end, the passes and the back ends on any bytes in any mode; nothing is executed. The
 * IR is verified after each pass, an instruction has at most 15 bytes, one instruction always fits, and a back end
 * stays inside the room it was given (a heap block, for the sanitizers).
 *
 * An input is a header of 8 bytes and code: mode; TB state flags (3); distance of the code from the end of its page,
 * in bytes (0: page start); CPU model; bytes of room / 1024 (0: plenty) | 128 for the interpreter; most instructions.
 */
#include "exec/tb-internal.h"
#include "exec/translator.h"
#include "fuzz.h"
#include "target-i386/sys.h"
#include "util/error.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define HEADER 8
#define PLENTY (512 * KiB)
#define CODE_PAGE 0x400000
#define CS_BASE 0x10000

/* What identifies a mode, and the flags that may be anything in it. */
enum { FREE_LEGACY = HF_SS32 | HF_IOPL | HF_ADDSEG | HF_SEGCHECK | HF_FSGSFLAT | HF_CSBASE,
       FREE_ANY = HF_TF | HF_TS | HF_EM | HF_MP | HF_OSFXSR | HF_OSXSAVE | HF_AC | HF_FPEXACT | HF_INHIBIT_IRQ |
                  HF_UMIP | HF_FSGSBASE | HF_TSD | HF_AVX | HF_BPIO | HF_RF | HF_WP };
static const struct { uint32_t fixed, any; } modes[] = {
    { HF_PE | HF_LMA | HF_CS64, HF_CPL | HF_IOPL | HF_SS32 | HF_ALIGN },         /* 64-bit */
    { HF_PE | HF_CS32, HF_CPL | HF_ALIGN | FREE_LEGACY },                        /* 32-bit */
    { HF_PE, HF_CPL | HF_ALIGN | FREE_LEGACY },                                  /* 16-bit protected */
    { 0, FREE_LEGACY & ~(HF_SS32 | HF_IOPL) },                                   /* real */
    { HF_PE | HF_VM | HF_CPL, HF_ALIGN | FREE_LEGACY },                          /* virtual 8086 */
    { HF_PE | HF_LMA | HF_CS32, HF_CPL | HF_ALIGN | FREE_LEGACY },               /* compatibility, 32-bit */
    { HF_PE | HF_LMA, HF_CPL | HF_ALIGN | FREE_LEGACY },                         /* compatibility, 16-bit */
};

static const char *const models[] = { "max", "qemu64", "486", "Nehalem" };
static CPUState *cpus[ARRAY_SIZE(models)];
static const uint8_t *code_cache;

static void set_up(void)
{
    Error *err = NULL;
    TCGOptions o = { .engine = &tcg_backend_x86_64, .multi_thread = true };
    size_t room;
    memory_init();
    current_target = &x86_64_target_ops;
    current_target->init();
    if (!tcg_init(&o, &err))
        g_error("%s", error_get_pretty(err));
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++) {
        cpus[i] = x86_cpu_create(models[i], &x86_64_target_ops, &err);
        if (!cpus[i])
            g_error("%s", error_get_pretty(err));
        cpus[i]->ir = ir_func_new();
    }
    code_cache_begin(&code_cache, &room);
}

static void verify(const IRFunc *ir, const char *after)
{
    Error *err = NULL;
    if (ir_verify(ir, &err))
        return;
    ir_print(ir, stderr);
    fprintf(stderr, "wrong IR after %s: %s\n", after, error_get_pretty(err));
    abort();
}

static void check(bool ok, const TranslationBlock *tb, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "%s (%u instructions, %u bytes)\n", what, tb->insns, tb->size);
    abort();
}

/* As the engine does: fewer instructions when the IR overflows, the second page when it is asked for. */
static bool translate(CPUState *cpu, TranslationBlock *tb, unsigned max_insns, const CodePage *pages)
{
    const CodePage *second = NULL;
    for (;;) {
        switch (translator_loop(cpu, tb, max_insns, &pages[0], second)) {
        case TRANSLATE_OK: return true;
        case TRANSLATE_OVERFLOW:
            check(max_insns > 1, tb, "one instruction overflows the IR");
            max_insns /= 2;
            break;
        case TRANSLATE_NEED_PAGE2:
            check(!second, tb, "the second page is asked for twice");
            second = &pages[1];
            break;
        }
    }
}

static void compile(IRFunc *ir, TranslationBlock *tb, const TCGBackend *backend, size_t room)
{
    verify(ir, "translation");
    tcg_outline(ir);
    verify(ir, "outline");
    tcg_fold(ir);
    verify(ir, "fold");
    tcg_liveness(ir);
    verify(ir, "liveness");
    if (ir->overflow) {
        check(tb->insns > 1, tb, "one instruction overflows the IR in a pass");
        return;
    }
    uint8_t *buf = g_malloc(room);
    tb->code = code_cache;
    unwind_set_first(ir->insns);
    size_t used = backend->emit(ir, tb, buf, code_cache, room);
    unwind_set_first(NULL);
    check(used <= room, tb, "more code than room");
    check(used || room < PLENTY || tb->insns > 1, tb, "the code of one instruction does not fit");
    g_free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[2 * PAGE_SIZE_];
    if (size <= HEADER)
        return 0;
    if (!cpus[0])
        set_up();
    unsigned mode = data[0] % ARRAY_SIZE(modes), offset = data[4] ? (unsigned)(PAGE_SIZE_ - data[4]) : 0;
    uint32_t flags = (data[1] | data[2] << 8 | data[3] << 16) << 6;
    flags = modes[mode].fixed | (flags & (modes[mode].any | FREE_ANY)) | (data[1] & modes[mode].any & HF_CPL);
    size_t n = MIN(size - HEADER, sizeof(bytes) - offset), room = (data[6] & 127) * KiB;
    memset(bytes, 0xf4, sizeof(bytes)); /* HLT ends a TB */
    memcpy(bytes + offset, data + HEADER, n);

    CPUState *cpu = cpus[data[5] % ARRAY_SIZE(models)];
    uint64_t cs_base = flags & HF_CSBASE ? CS_BASE : 0;
    const CodePage pages[] = { { CODE_PAGE, bytes, CODE_PAGE }, { CODE_PAGE + PAGE_SIZE_, bytes + PAGE_SIZE_, CODE_PAGE + PAGE_SIZE_ } };
    TranslationBlock tb = { .state = { CODE_PAGE + offset, cs_base, flags }, .phys_pc = CODE_PAGE + offset,
                            .phys_page2 = (hwaddr)-1, .jump = { { .patch = ~0u }, { .patch = ~0u } } };
    x86_cpu(cpu)->hflags = flags;
    x86_cpu(cpu)->segs[R_CS].base = cs_base;
    x86_cpu(cpu)->segs[R_CS].limit = flags & HF_SEGCHECK ? 0xffff : 0xffffffff;
    translate(cpu, &tb, data[7] ? data[7] : 96, pages);
    check(tb.insns && tb.size && tb.size <= 15u * tb.insns, &tb, "impossible size");
    compile(cpu->ir, &tb, data[6] & 128 ? &tcg_backend_interp : &tcg_backend_x86_64, room ? room : PLENTY);
    return 0;
}
