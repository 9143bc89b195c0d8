/* SPDX-License-Identifier: MIT */
/*
 * Proves that the x86 decoder finds the length of instructions in 16-, 32- and 64-bit code, and which of them
 * are #UD or #GP: prefixes in any order, address forms, immediates, LOCK, REX, VEX, mode restrictions and
 * the 15-byte limit. Expected lengths and validity come from Intel SDM volume 2 (appendices A and B).
 */
#include "exec/translator.h"
#include "target-i386/helper.h"
#include <glib.h>
#include <string.h>

enum { OK = -1, UD = EXCP06_ILLOP, GP = EXCP0D_GPF };

typedef struct Case {
    const char *bytes;  /* hex */
    unsigned length;    /* not looked at when it faults */
    int vector;         /* raised instead of executing; OK = none */
} Case;

static CPUState *cpu;

static const Case cases64[] = {
    { "90", 1, OK }, { "f390", 2, OK }, { "4190", 2, OK }, { "0f1f440000", 5, OK },
    { "48b8efcdab8967452301", 10, OK }, { "b878563412", 5, OK }, { "66b83412", 4, OK }, { "b012", 2, OK },
    { "48c7c078563412", 7, OK }, { "4801d8", 3, OK }, { "488b04251000 0000", 8, OK }, { "488b05 10000000", 7, OK },
    { "48a1 8877665544332211", 10, OK }, { "6748a1 44332211", 7, OK }, { "8b84 c8 44332211", 7, OK },
    { "8b44 c8 11", 4, OK }, { "8b04 c8", 3, OK }, { "8b04 cd 44332211", 7, OK }, { "678b 4008", 4, OK },
    { "6a7f", 2, OK }, { "68 44332211", 5, OK }, { "66 68 2211", 4, OK }, { "c8 100001", 4, OK }, { "c2 0800", 3, OK },
    { "e8 44332211", 5, OK }, { "0f84 44332211", 6, OK }, { "eb fe", 2, OK }, { "e3 10", 2, OK },
    { "69c0 44332211", 6, OK }, { "6669c0 2211", 5, OK }, { "6bc0 11", 3, OK }, { "f7c0 44332211", 6, OK },
    { "f6c0 11", 3, OK }, { "f7d0", 2, OK }, { "81c0 44332211", 6, OK }, { "83c0 11", 3, OK }, { "0fba e0 05", 4, OK },
    { "0fa4 c8 03", 4, OK }, { "f0 0fb10f", 4, OK }, { "f0 480fc70f", 5, OK }, { "f0 ff07", 3, OK }, { "f0 8707", 3, OK },
    { "2e 66 f2 64 90", 5, OK }, { "48 66 01d8", 4, OK }, { "f2 480f38f1c8", 6, OK }, { "0f38f0 07", 4, OK },
    { "c4e2 78f2c1", 5, OK }, { "c4e2 7bf7c1", 5, OK }, { "c4e3 7bf0c1 05", 6, OK }, { "63c1", 2, OK }, { "4863c1", 3, OK },
    /* LOCK on registers, on instructions without it, and on sources */
    { "f0 01d8", 0, UD }, { "f0 8b07", 0, UD }, { "f0 3907", 0, UD }, { "f0 0fa307", 0, UD }, { "f0 8907", 0, UD },
    { "f0 90", 0, UD }, { "f0 0fafc1", 0, UD }, { "f0 c4e278f207", 0, UD },
    /* not in 64-bit mode */
    { "06", 0, UD }, { "27", 0, UD }, { "37", 0, UD }, { "60", 0, UD }, { "61", 0, UD }, { "62c0", 0, UD }, { "82c011", 0, UD },
    { "ce", 0, UD }, { "d40a", 0, UD }, { "d50a", 0, UD }, { "d6", 0, UD },
    /* register forms of memory operands, unassigned group members, VEX after other prefixes */
    { "8dc0", 0, UD }, { "8fc8", 0, UD }, { "c6c811", 0, UD }, { "feff", 0, UD }, { "ffff", 0, UD }, { "0fc3c0", 0, UD },
    { "0fbac005", 0, UD }, { "0fc7c8", 0, UD }, { "66 c4e278f2c1", 0, UD }, { "48 c4e278f2c1", 0, UD },
    { "f3 c4e278f2c1", 0, UD }, { "66 0fc307", 0, UD }, { "c4e2 7cf2c1", 0, UD }, { "8cf8", 0, UD },
    /* 15 bytes are the limit */
    { "66666666666666666666666666 01d8", 15, OK }, { "6666666666666666666666666666 01d8", 0, GP },
    { "666666666666666666666666666666666690", 0, GP },
};

static const Case cases32[] = {
    { "40", 1, OK }, { "6640", 2, OK }, { "06", 1, OK }, { "60", 1, OK }, { "27", 1, OK }, { "d40a", 2, OK }, { "ce", 1, OK },
    { "82c011", 3, OK }, { "a1 44332211", 5, OK }, { "67a1 2211", 4, OK }, { "8b05 44332211", 6, OK },
    { "67 8b06 2211", 5, OK }, { "67 8b4711", 4, OK }, { "67 8b87 2211", 5, OK }, { "678b07", 3, OK },
    { "66 b8 2211", 4, OK }, { "e8 44332211", 5, OK }, { "66 e8 2211", 4, OK }, { "0f84 44332211", 6, OK },
    { "66 0f84 2211", 5, OK }, { "c4e2 78f2c1", 5, OK }, { "6207", 2, OK }, { "d40 0", 2, EXCP00_DIVZ }, { "62c0", 0, UD },
    { "f0 40", 0, UD }, { "0fa2", 2, OK },
};

static const Case cases16[] = {
    { "b8 2211", 3, OK }, { "66b8 44332211", 6, OK }, { "8b06 2211", 4, OK }, { "67 8b05 44332211", 7, OK },
    { "8b40 11", 3, OK }, { "8b80 2211", 4, OK }, { "67 8b4424 10", 5, OK }, { "e9 2211", 3, OK }, { "66e9 44332211", 6, OK },
    { "0f84 2211", 4, OK }, { "c8 100000", 4, OK }, { "68 2211", 3, OK }, { "a1 2211", 3, OK }, { "67a1 44332211", 6, OK },
};

/* ---- Running the decoder ---- */

static size_t parse_hex(const char *text, uint8_t *out)
{
    size_t n = 0;

    for (unsigned digits = 0; *text; text++) {
        if (!g_ascii_isxdigit(*text))
            continue;
        uint8_t v = (uint8_t)g_ascii_xdigit_value(*text);
        if (digits++ & 1)
            out[n++] |= v;
        else
            out[n] = (uint8_t)(v << 4);
    }
    return n;
}

/* Vector of a fault raised without condition: the call is the TB's only way on. */
static int unconditional_fault(const IRFunc *f)
{
    for (unsigned i = 0; i < f->nops; i++) {
        const IROp *op = &f->ops[i];
        if (op->opc == IR_BRCOND)
            return OK;
        if (op->opc == IR_CALL && (f->calls[op->imm] == &helper_info_raise_fault ||
                                   f->calls[op->imm] == &helper_info_raise_fault_err))
            return (int)f->vals[op->in[0]].value;
    }
    return OK;
}

static void check(const Case *c, uint32_t flags)
{
    static uint8_t page[4096];
    const CodePage where = { .va = 0x1000, .host = page, .pa = 0x1000 };
    TranslationBlock tb = { .state = { .pc = 0x1100, .flags = flags } };

    memset(page, 0x90, sizeof page);
    parse_hex(c->bytes, page + 0x100);
    g_assert_cmpint(translator_loop(cpu, &tb, 1, &where, NULL), ==, TRANSLATE_OK);
    int vector = unconditional_fault(cpu->ir);
    if (vector != c->vector || (vector == OK && tb.size != c->length))
        g_error("%s: vector %d length %u, expected %d %u", c->bytes, vector, tb.size, c->vector, c->length);
}

static void test_64(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases64); i++)
        check(&cases64[i], HF_PE | HF_LMA | HF_CS64 | HF_CS32 | HF_SS32);
}

static void test_32(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases32); i++)
        check(&cases32[i], HF_PE | HF_CS32 | HF_SS32 | HF_FSGSFLAT);
}

static void test_16(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases16); i++)
        check(&cases16[i], HF_PE | HF_FSGSFLAT);
}

/* Features the CPU model lacks make their instructions #UD, or another instruction. */
static void test_features(void)
{
    static const Case without[] = {
        { "0f44c1", 0, UD }, { "0f38f007", 0, UD }, { "c4e278f2c1", 0, UD }, { "f30fb8c1", 0, UD }, { "0fc7f0", 0, UD },
        { "f30fbcc1", 4, OK }, { "f30fbdc1", 4, OK },
    };
    X86CPU *env = x86_cpu(cpu);
    uint32_t saved[FEATURE_WORDS];

    memcpy(saved, env->features, sizeof saved);
    memset(env->features, 0, sizeof saved);
    for (size_t i = 0; i < G_N_ELEMENTS(without); i++)
        check(&without[i], HF_PE | HF_CS32 | HF_SS32 | HF_FSGSFLAT);
    memcpy(env->features, saved, sizeof saved);
}

/* A TB whose first instruction lies beyond CS's limit raises #GP. */
static void test_limit(void)
{
    X86CPU *env = x86_cpu(cpu);
    const Case nop = { "90", 0, GP };

    env->segs[R_CS].limit = 0x10ff;
    check(&nop, HF_PE | HF_CS32 | HF_SS32 | HF_FSGSFLAT | HF_SEGCHECK);
    env->segs[R_CS].limit = 0x1100;
    check(&(Case){ "90", 1, OK }, HF_PE | HF_CS32 | HF_SS32 | HF_FSGSFLAT | HF_SEGCHECK);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    current_target = &x86_64_target_ops;
    x86_translate_init();
    X86CPU *env = g_malloc0(sizeof *env);
    memset(env->features, 0xff, sizeof env->features);
    env->parent.target = current_target;
    env->parent.ir = ir_func_new();
    cpu = &env->parent;
    g_test_add_func("/x86/decode/64-bit", test_64);
    g_test_add_func("/x86/decode/32-bit", test_32);
    g_test_add_func("/x86/decode/16-bit", test_16);
    g_test_add_func("/x86/decode/features", test_features);
    g_test_add_func("/x86/decode/cs-limit", test_limit);
    int r = g_test_run();
    translator_exit();
    ir_func_free(cpu->ir);
    g_free(env);
    return r;
}
