/* SPDX-License-Identifier: MIT */
/*
 * Proves that the passes keep the meaning of IR, and that the builder survives full tables.
 * Random programs (all integer operations, partial widths, branches, a loop, guest memory, helpers that
 * read, write or leave) run in the interpreter as built, after the passes, and after the passes with
 * every value overwritten by garbage where tcg_liveness says that it dies; on x86-64 hosts also as host
 * code. Guest registers, memory, and what helpers saw must be the same: the program as built is the oracle.
 * "ir-test N [SEED]" runs N programs.
 */
#include "target.h"
#include "tcg/backend.h"
#include "tcg/vec.h"
#include "util/error.h"
#include <glib.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define NREGS 8
#define NSMALL 2
#define NVECS 2
#define GUEST_PAGE 0x5000ull
#define CODE_SIZE (1u << 20)

typedef struct Machine {
    CPUState cpu;
    uint64_t pc;
    /* compared between runs, from here on */
    uint64_t reg[NREGS];
    uint32_t small[NSMALL];
    uint8_t vec[NVECS][16] __attribute__((aligned(16)));
    uint64_t hash;      /* of all that helpers saw */
    bool left;          /* by the helper that faults */
    uint8_t ram[PAGE_SIZE_];
} Machine;
#define COMPARED_SIZE (sizeof(Machine) - offsetof(Machine, reg))

static TargetOps fake_target = { .name = "test", .pc_offset = offsetof(Machine, pc) };
static TLBEntry tlb[TLB_SIZE];
static Machine *start, *built, *passed;
static jmp_buf fault;

/* ---- Random numbers ---- */

static uint64_t rng_state;

static uint64_t rng(void)
{
    rng_state += 0x9e3779b97f4a7c15ull;
    uint64_t z = rng_state;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static unsigned below(unsigned n)
{
    return rng() % n;
}

static uint64_t interesting(void)
{
    static const uint64_t v[] = {
        0, 1, 2, 7, 8, 31, 32, 63, 64, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000,
        0xffffffff, 0x100000000, 0x7fffffffffffffff, 0x8000000000000000, ~0ull, ~0ull - 7, 0xff00,
    };
    unsigned i = below(ARRAY_SIZE(v) + 4);

    return i < ARRAY_SIZE(v) ? v[i] : rng() >> below(64);
}

/* ---- Helpers ---- */

static void observe(Machine *m)
{
    for (unsigned i = 0; i < NREGS; i++) {
        m->hash = (m->hash ^ m->reg[i]) * 0x100000001b3ull;
    }
    for (unsigned i = 0; i < NSMALL; i++) {
        m->hash = (m->hash ^ m->small[i]) * 0x100000001b3ull;
    }
}

static void helper_observe(CPUState *cpu)
{
    observe(container_of(cpu, Machine, cpu));
}

static uint64_t helper_pure(uint64_t a, uint32_t b)
{
    return a * 3 + b;
}

static uint32_t helper_scramble(CPUState *cpu, uint64_t x)
{
    Machine *m = container_of(cpu, Machine, cpu);

    m->reg[x % NREGS] ^= x;
    m->small[x % NSMALL] += (uint32_t)x;
    return (uint32_t)(x >> 7);
}

static void helper_fault(CPUState *cpu, uint64_t x)
{
    if (x % 8 == 3) {
        container_of(cpu, Machine, cpu)->left = true;
        longjmp(fault, 1);
    }
}

/* Told as never returning. */
static void helper_raise(CPUState *cpu, uint64_t x)
{
    Machine *m = container_of(cpu, Machine, cpu);

    m->hash = (m->hash ^ x) * 0x100000001b3ull;
    m->left = true;
    longjmp(fault, 1);
}

static const HelperInfo
    info_raise = { "raise", helper_raise, HF_NO_RETURN | HF_NO_WRITE, HARG_NONE, { HARG_ENV, HARG_I64 } },
    info_observe = { "observe", helper_observe, HF_NO_WRITE | HF_NO_FAULT, HARG_NONE, { HARG_ENV } },
    info_pure = { "pure", helper_pure, HF_PURE, HARG_I64, { HARG_I64, HARG_I32 } },
    info_scramble = { "scramble", helper_scramble, HF_NO_FAULT, HARG_I32, { HARG_ENV, HARG_I64 } },
    info_fault = { "fault", helper_fault, HF_NO_GLOBALS, HARG_NONE, { HARG_ENV, HARG_I64 } };

/* ---- Random programs ---- */

#define NWIDE 14
#define NNARROW 7
static IRVal wide[NWIDE], narrow[NNARROW], vectors[4]; /* globals first */
static IRFunc *f;
static unsigned pending[8], npending, ways_out[8], nways_out;

static void define_globals(void)
{
    static const char *const names[NREGS] = { "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7" };
    static const char *const small[NSMALL] = { "s0", "s1" }, *const vec[NVECS] = { "v0", "v1" };

    for (unsigned i = 0; i < NREGS; i++) {
        wide[i] = ir_global(IR_I64, offsetof(Machine, reg) + 8 * i, names[i], i < 6 ? 9 - i : 0);
    }
    for (unsigned i = 0; i < NSMALL; i++) {
        narrow[i] = ir_global(IR_I32, offsetof(Machine, small) + 4 * i, small[i], i);
    }
    for (unsigned i = 0; i < NVECS; i++) {
        vectors[i] = ir_global(IR_V128, offsetof(Machine, vec) + 16 * i, vec[i], 0);
    }
}

static IRVal any_wide(void)
{
    return below(5) == 0 ? ir_i64(f, interesting()) : wide[below(NWIDE)];
}

/* Something an I32 operation may read. */
static IRVal any_narrow(void)
{
    return below(5) == 0 ? ir_i32(f, interesting()) : below(2) ? wide[below(NWIDE)] : narrow[below(NNARROW)];
}

static IRVal any(IRType t)
{
    return t == IR_I64 ? any_wide() : any_narrow();
}

static IRVal dst(IRType t)
{
    return t == IR_I64 || below(2) ? wide[below(NWIDE)] : narrow[below(NNARROW)];
}

static IRType int_type(void)
{
    return below(2) ? IR_I64 : IR_I32;
}

static IRCond cond(void)
{
    return below(IR_CONDS);
}

static void gen_unary(void)
{
    static const uint8_t ops[] = {
        IR_MOV, IR_MOV, IR_MOV, IR_EXT8S, IR_EXT8U, IR_EXT16S, IR_EXT16U, IR_NEG, IR_NOT, IR_BSWAP16, IR_BSWAP32, IR_POPCNT,
    };
    IRType t = int_type();

    ir_op1(f, ops[below(ARRAY_SIZE(ops))], t, dst(t), any(t));
}

static void gen_binary(void)
{
    static const uint8_t ops[] = {
        IR_ADD, IR_SUB, IR_MUL, IR_AND, IR_AND, IR_OR, IR_XOR, IR_ANDC, IR_SHL, IR_SHR, IR_SAR, IR_ROTL, IR_ROTR, IR_CLZ, IR_CTZ,
    };
    IRType t = int_type();
    IRVal a = any(t);

    ir_op2(f, ops[below(ARRAY_SIZE(ops))], t, dst(t), a, below(8) ? any(t) : a);
}

static void gen_division(void)
{
    static const uint8_t ops[] = { IR_DIVU, IR_DIVS, IR_REMU, IR_REMS };
    IRType t = int_type();
    IRVal d = ir_temp(f, t);

    if (below(3) == 0) {
        ir_movi(f, d, 1ull << below(20));
    } else {
        ir_op2i(f, IR_AND, t, d, any(t), 0x7fff);
        ir_op2i(f, IR_OR, t, d, d, 1);
    }
    ir_op2(f, ops[below(4)], t, dst(t), any(t), d);
}

static void gen_conversion(void)
{
    switch (below(5)) {
    case 0: ir_op1(f, IR_EXT_I32_I64S, IR_I64, dst(IR_I64), any_narrow()); break;
    case 1: ir_op1(f, IR_EXT_I32_I64U, IR_I64, dst(IR_I64), any_narrow()); break;
    case 2: ir_op1(f, IR_TRUNC, IR_I32, dst(IR_I32), any_wide()); break;
    case 3: ir_op1(f, IR_TRUNC_HI, IR_I32, dst(IR_I32), any_wide()); break;
    case 4: ir_op1(f, IR_BSWAP64, IR_I64, dst(IR_I64), any_wide()); break;
    }
}

static void gen_field(void)
{
    IRType t = int_type();
    unsigned width = t == IR_I32 ? 32 : 64;
    unsigned pos = below(3) ? 8 * below(width / 8) : below(width);
    unsigned len = below(2) && pos + 8 <= width ? 8 : 1 + below(width - pos);

    switch (below(4)) {
    case 0: ir_deposit(f, t, dst(t), any(t), any(t), pos, len); break;
    case 1: ir_extract(f, IR_EXTRACT, t, dst(t), any(t), pos, len); break;
    case 2: ir_extract(f, IR_SEXTRACT, t, dst(t), any(t), pos, len); break;
    case 3: ir_extract2(f, t, dst(t), any(t), any(t), pos); break;
    }
}

static void gen_double(void)
{
    IRType t = int_type();
    IRVal lo = dst(t), hi = dst(t);

    if (lo == hi) {
        hi = ir_temp(f, t);
    }
    if (below(2)) {
        ir_mul2(f, below(2) ? IR_MULU2 : IR_MULS2, t, lo, hi, any(t), any(t));
    } else {
        ir_addsub2(f, below(2) ? IR_ADD2 : IR_SUB2, t, lo, hi, any(t), any(t), any(t), any(t));
    }
}

static void gen_condition(void)
{
    IRType t = int_type(), moved = int_type();
    IRVal a = any(t), b = below(8) ? any(t) : a;

    switch (below(3)) {
    case 0: ir_setcond(f, cond(), t, dst(IR_I32), a, b); break;
    case 1: ir_negsetcond(f, cond(), t, dst(IR_I32), a, b); break;
    case 2: ir_movcond(f, cond(), moved, dst(moved), t, a, b, any(moved), any(moved)); break;
    }
}

static void gen_memory(void)
{
    IRType t = int_type();
    IRVal addr = ir_temp(f, below(2) ? IR_I64 : IR_I32);
    MemOp op = below(t == IR_I64 ? 4 : 3) | (below(2) ? MO_SIGN : 0) | (below(4) ? 0 : MO_BE);

    ir_op2i(f, IR_AND, ir_type(f, addr), addr, any(ir_type(f, addr)), 0xff8);
    ir_op2i(f, IR_OR, ir_type(f, addr), addr, addr, GUEST_PAGE);
    if (below(2)) {
        ir_guest_ld(f, t, dst(t), addr, op, 0);
    } else {
        ir_guest_st(f, t, any(t), addr, op & ~MO_SIGN, 0);
    }
}

static void gen_env(void)
{
    static const uint8_t loads[] = { IR_LD8U, IR_LD8S, IR_LD16U, IR_LD16S };
    IRType t = int_type();
    uint32_t offset = offsetof(Machine, ram) + 8 * below(8);

    switch (below(3)) {
    case 0: ir_ld(f, loads[below(4)], t, dst(t), offset); break;
    case 1: ir_st(f, IR_ST8 + below(3), t, any(t), offset); break;
    case 2: ir_ld(f, IR_LD, t, dst(t), offset); break;
    }
}

static void gen_call(void)
{
    IRVal a = any_wide(), args[2] = { a, any_narrow() };

    switch (below(4)) {
    case 0: ir_call(f, &info_observe, IR_NONE, NULL, 0); break;
    case 1: ir_call(f, &info_pure, dst(IR_I64), args, 2); break;
    case 2: ir_call(f, &info_scramble, narrow[below(NNARROW)], args, 1); break;
    case 3: ir_call(f, &info_fault, IR_NONE, args, 1); break;
    }
}

static void gen_discard(void)
{
    IRVal g = wide[below(NREGS)], v = any_wide();

    if (v != g) {
        ir_discard(f, g);
        ir_mov(f, g, v);
    }
}

static void gen_vector(void)
{
    IRVal d = vectors[below(4)], a = vectors[below(4)];

    switch (below(5)) {
    case 0: ir_mov(f, d, a); break;
    case 1: ir_v_from_int(f, d, below(2) ? wide[below(NWIDE)] : narrow[below(NNARROW)]); break;
    case 2: ir_v_to_int(f, below(2) ? wide[below(NWIDE)] : narrow[below(NNARROW)], a); break;
    case 3: ir_vop(f, VEC_ADD8, d, a, vectors[below(4)], IR_NONE, 0); break;
    case 4: ir_movi(f, d, below(2) ? 0 : interesting()); break;
    }
}

/* Checks something and raises. */
static void gen_check(void)
{
    IRType t = int_type();
    unsigned label = ir_new_label(f);
    IRVal arg = ir_temp(f, IR_I64);

    ir_brcond(f, cond(), t, any(t), any(t), label);
    ir_op2i(f, IR_ADD, IR_I64, arg, any_wide(), 3);
    ir_call(f, &info_raise, IR_NONE, &arg, 1);
    if (below(4) == 0) {
        ir_exit_tb(f, 0);
    }
    ir_label(f, label);
}

static void gen_branch(void)
{
    IRType t = int_type();

    if (npending < ARRAY_SIZE(pending) && below(2)) {
        pending[npending] = ir_new_label(f);
        ir_brcond(f, cond(), t, any(t), any(t), pending[npending++]);
        if (below(6) == 0) {
            ir_brcond(f, cond(), t, any(t), any(t), pending[npending - 1]);
        }
    } else if (npending > 0) {
        if (below(6) == 0) {
            ir_exit_tb(f, 0);
        } else if (below(6) == 0) {
            ir_br(f, pending[below(npending)]);
        }
        ir_label(f, pending[--npending]);
    }
}

/* A way out, whose code follows the program's end. */
static void gen_way_out(void)
{
    IRType t = int_type();

    if (nways_out < ARRAY_SIZE(ways_out)) {
        ways_out[nways_out] = ir_new_label(f);
        ir_brcond(f, cond(), t, any(t), any(t), ways_out[nways_out++]);
    }
}

static void (*const generators[])(void) = {
    gen_unary, gen_unary, gen_unary, gen_binary, gen_binary, gen_binary, gen_division, gen_conversion, gen_field,
    gen_double, gen_condition, gen_memory, gen_env, gen_call, gen_discard, gen_vector, gen_branch, gen_branch,
    gen_check, gen_way_out, gen_way_out,
};

static void gen_program(unsigned length)
{
    unsigned loop = IR_MAX_LABELS, loop_end = 0;
    IRVal count;

    ir_func_begin(f, NULL);
    npending = nways_out = 0;
    for (unsigned i = NREGS; i < NWIDE; i++) {
        wide[i] = ir_temp(f, IR_I64);
        ir_mov(f, wide[i], wide[i - NREGS]);
    }
    for (unsigned i = NSMALL; i < NNARROW; i++) {
        narrow[i] = ir_temp(f, IR_I32);
        ir_mov(f, narrow[i], wide[i - NSMALL]);
    }
    for (unsigned i = NVECS; i < 4; i++) {
        vectors[i] = ir_temp(f, IR_V128);
        ir_mov(f, vectors[i], vectors[i - NVECS]);
    }
    count = ir_temp(f, IR_I64);
    ir_movi(f, count, 3);
    for (unsigned i = 0; i < length; i++) {
        if (below(20) == 0) {
            ir_insn_start(f, 0x1000 + i, 0);
        }
        if (loop == IR_MAX_LABELS && below(length) == 0) {
            loop = ir_new_label(f);
            ir_label(f, loop);
            loop_end = i + 1 + below(length - i);
        } else if (i == loop_end && loop != IR_MAX_LABELS) {
            ir_op2i(f, IR_SUB, IR_I64, count, count, 1);
            ir_brcond(f, IR_NE, IR_I64, count, ir_i64(f, 0), loop);
        }
        generators[below(ARRAY_SIZE(generators))]();
    }
    while (npending > 0) {
        ir_label(f, pending[--npending]);
    }
    ir_exit_tb(f, 0);
    for (unsigned i = 0, n = nways_out; i < n; i++) {
        ir_label(f, ways_out[i]);
        for (unsigned k = below(4); k > 0; k--) {
            generators[below(5)]();
        }
        ir_exit_tb(f, 0);
    }
}

/* ---- Running ---- */

static uint8_t *code; /* stubs of the host back end, then the TB */
static size_t stubs_size;

static const TCGBackend *host_backend(void)
{
#ifdef __x86_64__
    return &tcg_backend_x86_64;
#else
    return NULL;
#endif
}

static void start_engines(void)
{
    code = mmap(NULL, CODE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(code != MAP_FAILED);
    current_target = &fake_target;
    if (host_backend()) {
        stubs_size = host_backend()->init(code, code, CODE_SIZE, NULL);
        stubs_size = (stubs_size + 63) & ~(size_t)63;
    }
}

static void run(const TCGBackend *engine, Machine *m)
{
    uint8_t *at = code + stubs_size;
    TranslationBlock tb = { .state.pc = 0x1000, .insns = 1, .code = at };
    volatile uintptr_t exit = 0;

    memcpy(&m->reg, &start->reg, COMPARED_SIZE);
    g_assert_cmpuint(engine->emit(f, &tb, at, tb.code, CODE_SIZE - stubs_size), >, 0);
    tlb[tlb_index(GUEST_PAGE)] = (TLBEntry){
        .tag = { GUEST_PAGE, GUEST_PAGE, GUEST_PAGE }, .addend = (uintptr_t)m->ram - GUEST_PAGE,
    };
    m->cpu.target = &fake_target;
    m->cpu.bank = (TLBBank *)tlb;
    if (setjmp(fault) == 0) {
        exit = engine->exec(&m->cpu, &tb);
        g_assert_cmphex(exit, ==, (uintptr_t)&tb | TB_EXIT_LOOKUP);
    }
    interp_return_address = 0;
    observe(m);
}

static void randomise(Machine *m)
{
    for (unsigned i = 0; i < NREGS; i++) {
        m->reg[i] = interesting();
    }
    for (unsigned i = 0; i < NSMALL; i++) {
        m->small[i] = interesting();
    }
    for (unsigned i = 0; i < sizeof(m->vec); i++) {
        m->vec[i / 16][i % 16] = rng();
    }
    for (unsigned i = 0; i < sizeof(m->ram); i++) {
        m->ram[i] = rng();
    }
}

static void check(const char *what, uint64_t seed)
{
    if (memcmp(built->reg, passed->reg, COMPARED_SIZE) == 0) {
        return;
    }
    ir_print(f, stderr);
    for (unsigned i = 0; i < NREGS; i++) {
        if (built->reg[i] != passed->reg[i]) {
            g_printerr("r%u: %#" PRIx64 " became %#" PRIx64 "\n", i, built->reg[i], passed->reg[i]);
        }
    }
    g_error("seed %" PRIu64 ": differs after %s", seed, what);
}

static void verify(const char *what, uint64_t seed)
{
    Error *err = NULL;

    if (!ir_verify(f, &err)) {
        ir_print(f, stderr);
        g_error("seed %" PRIu64 ": wrong IR after %s: %s", seed, what, error_get_pretty(err));
    }
}

static bool assigns(const IROp *op, IRVal v)
{
    return op->out[0] == v || op->out[1] == v;
}

/* Overwrites values where they die, and assignments that nobody reads. */
static void poison(void)
{
    static IROp ops[IR_MAX_OPS];
    unsigned nops = f->nops;

    memcpy(ops, f->ops, nops * sizeof(ops[0]));
    f->nops = 0;
    for (unsigned i = 0; i < nops; i++) {
        const IROp *op = &ops[i];
        bool ends = ir_op_info[op->opc].flags & IRF_TB_END;
        *ir_emit(f, op->opc, op->type) = *op;
        for (unsigned n = 0; n < HELPER_MAX_ARGS && !ends; n++) {
            if (op->life & IR_DIES(n) && !assigns(op, op->in[n])) {
                ir_movi(f, op->in[n], 0xdeadbeefdeadbeef);
            }
        }
        for (unsigned n = 0; n < 2; n++) {
            if (op->life & IR_UNREAD(n) || (n == 0 && op->opc == IR_DISCARD)) {
                ir_movi(f, op->out[n], 0xdeadbeefdeadbeef);
            }
        }
    }
}

static unsigned sunk; /* programs in which something was */

static void test_passes(uint64_t seed)
{
    rng_state = seed;
    gen_program(20 + below(120));
    g_assert_false(f->overflow);
    randomise(start);
    verify("building", seed);
    run(&tcg_backend_interp, built);
    tcg_outline(f);
    verify("outline", seed);
    run(&tcg_backend_interp, passed);
    check("outline", seed);
    tcg_fold(f);
    verify("fold", seed);
    run(&tcg_backend_interp, passed);
    check("fold", seed);
    tcg_liveness(f);
    verify("liveness", seed);
    run(&tcg_backend_interp, passed);
    check("liveness", seed);
    if (host_backend()) {
        run(host_backend(), passed);
        check("the host back end", seed);
    }
    if (tcg_sink(f)) {
        sunk++;
        verify("sink", seed);
        run(&tcg_backend_interp, passed);
        check("sink", seed);
        tcg_liveness(f);
        verify("liveness after sink", seed);
        if (host_backend()) {
            run(host_backend(), passed);
            check("the host back end after sink", seed);
        }
    }
    poison();
    run(&tcg_backend_interp, passed);
    check("poisoning dead values", seed);
}

/* ---- The builder ---- */

static void test_constants(void)
{
    IRVal a, b;

    ir_func_begin(f, NULL);
    a = ir_i64(f, 5);
    b = ir_i32(f, 5);
    g_assert_cmpuint(a, !=, b);
    g_assert_cmpuint(a, ==, ir_i64(f, 5));
    g_assert_cmpuint(ir_i32(f, 1), ==, ir_const(f, IR_I32, 0x100000001ull));
    for (unsigned i = 0; i < 1000; i++) {
        g_assert_cmpuint(f->vals[ir_i64(f, i * 0x10001)].value, ==, i * 0x10001);
    }
    ir_func_begin(f, NULL);
    g_assert_cmpuint(f->nvals, ==, f->nglobals);
    ir_i64(f, 7);
    g_assert_cmpuint(f->nvals, ==, f->nglobals + 1);
}

/* Every table fills up: the flag is set and nothing is written out of bounds (run under sanitizers too). */
static void test_overflow(void)
{
    ir_func_begin(f, NULL);
    for (unsigned i = 0; i < IR_MAX_OPS + 10; i++) {
        IRVal t = ir_temp(f, i % IR_VOID);
        g_assert_cmpuint(ir_type(f, t), ==, i % IR_VOID);
        ir_mov(f, wide[0], ir_i64(f, i));
        ir_call(f, &info_observe, IR_NONE, NULL, 0);
        ir_insn_start(f, i, i);
        ir_label(f, ir_new_label(f));
    }
    g_assert_true(f->overflow);
    g_assert_cmpuint(f->nops, <, IR_MAX_OPS);
    ir_func_begin(f, NULL);
    g_assert_false(f->overflow);
}

/* ---- Speed: not a check ---- */

static void report_speed(void)
{
    struct timespec a, b;
    unsigned ops = 0;
    uint64_t ns = 0;

    for (unsigned i = 0; i < 2000; i++) {
        rng_state = i;
        gen_program(100);
        ops += f->nops;
        clock_gettime(CLOCK_MONOTONIC, &a);
        tcg_outline(f);
        tcg_fold(f);
        tcg_liveness(f);
        clock_gettime(CLOCK_MONOTONIC, &b);
        ns += (b.tv_sec - a.tv_sec) * 1000000000ll + (b.tv_nsec - a.tv_nsec);
    }
    printf("# passes: %.1f ns per operation\n", (double)ns / ops);
}

int main(int argc, char **argv)
{
    uint64_t programs = argc > 1 ? strtoull(argv[1], NULL, 0) : 20000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

    start = calloc(1, sizeof(Machine));
    built = calloc(1, sizeof(Machine));
    passed = calloc(1, sizeof(Machine));
    memset(tlb, 0xff, sizeof(tlb));
    ir_globals_reset();
    define_globals();
    f = ir_func_new();
    start_engines();
    test_constants();
    test_overflow();
    for (uint64_t seed = first; seed < first + programs; seed++) {
        test_passes(seed);
    }
    report_speed();
    printf("ok: %" PRIu64 " programs, %u with something to sink\n", programs, sunk);
    g_assert_cmpuint(sunk, >, programs / 20);
    ir_func_free(f);
    free(start);
    free(built);
    free(passed);
    return 0;
}
