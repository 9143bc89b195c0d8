/* SPDX-License-Identifier: MIT */
/*
 * Proves that the x86-64 back end does what the IR says. Random programs over pinned and unpinned globals,
 * temps and constants (all operations, branches, loops, guest memory, atomics, helpers, vectors) run as host
 * code and in the interpreter, which is the oracle. Each runs with TLB hits and with every access on the
 * slow path; there the guest registers in CPUState must be what an observing helper, put before each
 * access, sees in the interpreter (that is what a fault would see). Also with random register choice
 * and with host features taken away. Leaving TBs is tested by hand-made cases. "x86-64-backend-test N [FIRST]" runs N programs.
 */
#include "exec/tb.h"
#include "target.h"
#include "tcg/backend.h"
#include "tcg/vec.h"
#include "tcg/x86_64/jit.h"
#include "util/error.h"
#include <glib.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define NREGS 16
#define NSMALL 3
#define NVECS 4
#define RAM_SIZE 0x2000u
#define GUEST_BASE 0x7fff5000ull
#define CACHE_SIZE (1u << 20)
#define SEEN_MAX 4096

typedef struct Machine {
    CPUState cpu;
    uint64_t reg[NREGS];
    uint32_t small[NSMALL];
    uint64_t pc;
    uint8_t vec[NVECS][16] __attribute__((aligned(16)));
    uint8_t field[64];
    uint64_t hash;     /* of all that helpers saw and got */
    bool left;         /* by the helper that faults */
    unsigned nseen;    /* not compared from here on */
    uint64_t seen[SEEN_MAX];
    uint8_t ram[RAM_SIZE] __attribute__((aligned(4096)));
} Machine;

static TargetOps fake_target = { .name = "test", .pc_offset = offsetof(Machine, pc), .longest_insn = 15 };
static TLBEntry tlb[2 * TLB_SIZE] __attribute__((aligned(32)));
static Machine *start, *oracle, *tested;
static jmp_buf fault;
static uint8_t *cache;
static size_t prologue_size;

/* ---- Random numbers ---- */

static uint64_t rng_state;

static uint64_t rng(void)
{
    uint64_t z = rng_state += 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static unsigned below(unsigned n) { return rng() % n; }

static uint64_t interesting(void)
{
    unsigned shift = below(64);
    uint64_t v = below(3) == 0 ? rng() : 1ull << shift;

    switch (below(4)) {
    case 0: return v >> below(64);
    case 1: return v - 1;
    case 2: return below(70);
    default: return -v;
    }
}

/* ---- What generated code calls ---- */

static uint64_t mix(uint64_t hash, uint64_t v) { return (hash ^ v) * 0x100000001b3ull + (hash >> 29); }

static uint64_t hash_registers(const Machine *m)
{
    uint64_t h = 1;

    for (unsigned i = 0; i < NREGS; i++) {
        h = mix(h, m->reg[i]);
    }
    for (unsigned i = 0; i < NSMALL; i++) {
        h = mix(h, m->small[i]);
    }
    for (unsigned i = 0; i < NVECS; i++) {
        uint64_t v[2];
        memcpy(v, m->vec[i], 16);
        h = mix(mix(h, v[0]), v[1]);
    }
    return h;
}

static void see(Machine *m, uint64_t pc)
{
    g_assert_cmpuint(m->nseen, <, SEEN_MAX);
    m->seen[m->nseen++] = mix(hash_registers(m), pc);
}

/* Put before each access when the oracle runs; x is the pc of the instruction. */
static void helper_see(CPUState *cpu, uint64_t pc) { see((Machine *)cpu, pc); }

static void helper_observe(CPUState *cpu)
{
    Machine *m = (Machine *)cpu;
    m->hash = mix(m->hash, hash_registers(m));
}

static uint64_t helper_pure(uint64_t a, uint32_t b) { return a * 3 + b; }

/* Six arguments in all; changes registers. */
static uint32_t helper_scramble(CPUState *cpu, uint64_t a, uint32_t b, uint64_t c, uint32_t d, uint64_t e)
{
    Machine *m = (Machine *)cpu;

    m->hash = mix(m->hash, hash_registers(m));
    m->hash = mix(mix(mix(mix(mix(m->hash, a), b), c), d), e);
    for (unsigned i = 0; i < NREGS; i++) {
        m->reg[i] += i * a;
    }
    m->small[b % NSMALL] ^= d;
    m->vec[c % NVECS][e % 16]++;
    return b ^ d ^ (uint32_t)e;
}

static void helper_fault(CPUState *cpu, uint64_t x)
{
    if (x % 32 == 3) {
        ((Machine *)cpu)->left = true;
        longjmp(fault, 1);
    }
}

static const HelperInfo
    info_see = { "see", helper_see, HF_NO_WRITE | HF_NO_FAULT, HARG_NONE, { HARG_ENV, HARG_I64 } },
    info_observe = { "observe", helper_observe, HF_NO_WRITE | HF_NO_FAULT, HARG_NONE, { HARG_ENV } },
    info_pure = { "pure", helper_pure, HF_PURE, HARG_I64, { HARG_I64, HARG_I32 } },
    info_scramble = { "scramble", helper_scramble, HF_NO_FAULT, HARG_I32,
                      { HARG_ENV, HARG_I64, HARG_I32, HARG_I64, HARG_I32, HARG_I64 } },
    info_fault = { "fault", helper_fault, HF_NO_GLOBALS, HARG_NONE, { HARG_ENV, HARG_I64 } };

/* The slow paths: every address is RAM. They note what a fault would see, and where it would be. */
static TranslationBlock tb;

static void slow_see(CPUState *cpu, uintptr_t retaddr)
{
    InsnData insn = { 0 };
    uint32_t offset = (uint32_t)(retaddr - (uintptr_t)tb.code);

    if (!unwind_find(&tb, offset, &insn)) {
        g_error("no unwind record for offset %#x", offset);
    }
    see((Machine *)cpu, insn.pc);
}

static uint8_t *host_of(CPUState *cpu, uint64_t va)
{
    g_assert_cmphex(va - GUEST_BASE, <, RAM_SIZE - 31);
    return ((Machine *)cpu)->ram + (va - GUEST_BASE);
}

static uint64_t swap_bytes(uint64_t v, MemOp op)
{
    return op & MO_BE ? __builtin_bswap64(v) >> (64 - 8 * memop_bytes(op)) : v;
}

static uint64_t slow_ld(CPUState *cpu, uint64_t va, MemOpIdx oi, uintptr_t retaddr)
{
    uint64_t v = 0;

    slow_see(cpu, retaddr);
    memcpy(&v, host_of(cpu, va), memop_bytes(memopidx_op(oi)));
    return swap_bytes(v, memopidx_op(oi));
}

static void slow_st(CPUState *cpu, uint64_t va, uint64_t v, MemOpIdx oi, uintptr_t retaddr)
{
    slow_see(cpu, retaddr);
    v = swap_bytes(v, memopidx_op(oi));
    memcpy(host_of(cpu, va), &v, memop_bytes(memopidx_op(oi)));
}

static void slow_ldv(CPUState *cpu, uint64_t va, MemOpIdx oi, uintptr_t retaddr, void *out)
{
    slow_see(cpu, retaddr);
    memset(out, 0, 32);
    memcpy(out, host_of(cpu, va), memop_bytes(memopidx_op(oi)));
}

static void slow_stv(CPUState *cpu, uint64_t va, const void *in, MemOpIdx oi, uintptr_t retaddr)
{
    slow_see(cpu, retaddr);
    memcpy(host_of(cpu, va), in, memop_bytes(memopidx_op(oi)));
}

static uint64_t slow_atomic(CPUState *cpu, IROpcode opc, uint64_t va, uint64_t val, uint64_t expected, MemOpIdx oi,
                            uintptr_t retaddr)
{
    MemOp op = memopidx_op(oi);
    uint64_t old = 0, new, mask = ~0ull >> (64 - 8 * memop_bytes(op));

    slow_see(cpu, retaddr);
    memcpy(&old, host_of(cpu, va), memop_bytes(op));
    old = swap_bytes(old, op);
    switch (opc) {
    case IR_ATOMIC_XCHG: new = val; break;
    case IR_ATOMIC_ADD: new = old + val; break;
    case IR_ATOMIC_AND: new = old & val; break;
    case IR_ATOMIC_OR: new = old | val; break;
    case IR_ATOMIC_XOR: new = old ^ val; break;
    default: new = (old & mask) == (expected & mask) ? val : old; break;
    }
    new = swap_bytes(new & mask, op);
    memcpy(host_of(cpu, va), &new, memop_bytes(op));
    return op & MO_SIGN ? (uint64_t)sextract64(old, 0, 8 * (int)memop_bytes(op)) : old;
}

static const void *lookup_answer;
static unsigned lookups;

static const void *lookup(CPUState *cpu)
{
    (void)cpu;
    lookups++;
    return lookup_answer ? lookup_answer : tcg_backend_x86_64.exit_address();
}

/* ---- Random programs ---- */

#define NWIDE (NREGS + 8)
#define NNARROW (NSMALL + 6)
#define NV (NVECS + 14)
static IRVal wide[NWIDE], narrow[NNARROW], vectors[NV]; /* globals first */
static IRFunc *f;
static unsigned pending[8], npending;
static unsigned wide_used, narrow_used, vec_used; /* fewer values: more reuse */

static void define_globals(void)
{
    static char names[64][8];

    ir_globals_reset();
    for (unsigned i = 0; i < NREGS; i++) {
        sprintf(names[i], "r%u", i);
        wide[i] = ir_global(IR_I64, offsetof(Machine, reg) + 8 * i, names[i], i % 2 ? 0 : 50 - i);
    }
    for (unsigned i = 0; i < NSMALL; i++) {
        sprintf(names[20 + i], "s%u", i);
        narrow[i] = ir_global(IR_I32, offsetof(Machine, small) + 4 * i, names[20 + i], i == 0 ? 60 : 0);
    }
    for (unsigned i = 0; i < NVECS; i++) {
        sprintf(names[30 + i], "v%u", i);
        vectors[i] = ir_global(IR_V128, offsetof(Machine, vec) + 16 * i, names[30 + i], 0);
    }
}

static IRVal any_wide(void) { return below(6) == 0 ? ir_i64(f, interesting()) : wide[below(wide_used)]; }
static IRVal any_narrow(void)
{
    return below(6) == 0 ? ir_i32(f, (uint32_t)interesting()) : below(2) ? wide[below(wide_used)] : narrow[below(narrow_used)];
}
static IRVal any(IRType t) { return t == IR_I64 ? any_wide() : any_narrow(); }
static IRVal dst(IRType t) { return t == IR_I64 || below(2) ? wide[below(wide_used)] : narrow[below(narrow_used)]; }
static IRType int_type(void) { return below(2) ? IR_I64 : IR_I32; }
static IRCond cond(void) { return below(IR_CONDS); }
static IRVal any_vec(void) { return vectors[below(vec_used)]; }

static void gen_unary(void)
{
    static const uint8_t ops[] = { IR_MOV, IR_MOV, IR_MOV, IR_EXT8S, IR_EXT8U, IR_EXT16S, IR_EXT16U, IR_NEG, IR_NOT, IR_BSWAP16,
                                   IR_BSWAP32, IR_POPCNT };
    IRType t = int_type();
    ir_op1(f, ops[below(ARRAY_SIZE(ops))], t, dst(t), any(t));
}

static void gen_binary(void)
{
    static const uint8_t ops[] = { IR_ADD, IR_SUB, IR_MUL, IR_AND, IR_OR, IR_XOR, IR_ANDC, IR_SHL, IR_SHR, IR_SAR, IR_ROTL, IR_ROTR,
                                   IR_CLZ, IR_CTZ };
    IRType t = int_type();
    ir_op2(f, ops[below(ARRAY_SIZE(ops))], t, dst(t), any(t), any(t));
}

static void gen_bit_scan(void)
{
    IRType t = int_type();
    ir_op2i(f, below(2) ? IR_CLZ : IR_CTZ, t, dst(t), any(t), t == IR_I64 ? 64 : 32);
}

static void gen_division(void)
{
    static const uint8_t ops[] = { IR_DIVU, IR_DIVS, IR_REMU, IR_REMS };
    IRType t = int_type();
    IRVal d = ir_temp(f, t);

    ir_op2i(f, IR_AND, t, d, any(t), 0x7fff);
    ir_op2i(f, IR_OR, t, d, d, 1);
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
    IRVal a = any(t), b = any(t);

    switch (below(3)) {
    case 0: ir_setcond(f, cond(), t, dst(IR_I32), a, b); break;
    case 1: ir_negsetcond(f, cond(), t, dst(IR_I32), a, b); break;
    case 2: ir_movcond(f, cond(), moved, dst(moved), t, a, b, any(moved), any(moved)); break;
    }
}

/* A guest address whose access stays in RAM. */
static IRVal address(unsigned align)
{
    IRType t = int_type();
    IRVal addr = ir_temp(f, t);

    ir_op2i(f, IR_AND, t, addr, any(t), (RAM_SIZE - 32) & -align);
    ir_op2i(f, IR_ADD, t, addr, addr, GUEST_BASE);
    return addr;
}

static MemOp int_memop(IRType t)
{
    return below(t == IR_I64 ? 4 : 3) | (below(2) ? MO_SIGN : 0) | (below(4) ? 0 : MO_BE);
}

static void gen_memory(void)
{
    IRType t = int_type();
    MemOp op = int_memop(t);
    IRVal addr = address(8);

    op |= below(3) ? 0 : MO_ALIGN;
    if (below(2)) {
        ir_guest_ld(f, t, dst(t), addr, op, below(2));
    } else {
        ir_guest_st(f, t, any(t), addr, op & ~MO_SIGN, below(2));
    }
}

/* Several accesses around one base, as merged checks want them; now and then the base moves on. */
static void gen_neighbours(void)
{
    IRVal base = ir_temp(f, IR_I64);
    IRType sum = int_type();

    ir_op2i(f, IR_AND, IR_I64, base, any(IR_I64), (RAM_SIZE - 256) & -8);
    ir_op2i(f, IR_ADD, IR_I64, base, base, GUEST_BASE + 64);
    for (unsigned n = 2 + below(4); n > 0; n--) {
        IRType t = int_type();
        MemOp op = int_memop(t);
        IRVal addr = ir_temp(f, IR_I64);
        bool aligned = below(3) == 0;
        ir_op2i(f, IR_ADD, sum, addr, base, aligned ? 8 * below(6) : (uint64_t)below(48) - 16);
        op |= aligned ? MO_ALIGN : 0;
        if (below(8) == 0) {
            ir_guest_ld(f, IR_V128, any_vec(), addr, MO_32 + below(3), 0);
        } else if (below(2)) {
            ir_guest_ld(f, t, dst(t), addr, op, 0);
        } else {
            ir_guest_st(f, t, any(t), addr, op & ~MO_SIGN, 0);
        }
        if (below(6) == 0) {
            ir_op2i(f, IR_ADD, sum, base, base, 8 * ((uint64_t)below(3) - 1));
        }
    }
}

static void gen_vec_memory(void)
{
    MemOp op = MO_32 + below(3);
    IRVal addr = address(16);

    if (below(2)) {
        ir_guest_ld(f, IR_V128, any_vec(), addr, op, 0);
    } else {
        ir_guest_st(f, IR_V128, any_vec(), addr, op, 0);
    }
}

static void gen_atomic(void)
{
    IRType t = int_type();
    MemOp op = int_memop(t) & ~MO_BE;
    IRVal addr = address(8);

    if (below(3)) {
        ir_atomic(f, IR_ATOMIC_XCHG + below(5), t, dst(t), addr, any(t), op, 0);
    } else {
        ir_cmpxchg(f, t, dst(t), addr, any(t), any(t), op, 0);
    }
}

static void gen_env(void)
{
    static const uint8_t loads[] = { IR_LD8U, IR_LD8S, IR_LD16U, IR_LD16S };
    IRType t = int_type();
    uint32_t offset = offsetof(Machine, field) + 8 * below(8);

    switch (below(5)) {
    case 0: ir_ld(f, loads[below(4)], t, dst(t), offset); break;
    case 1: ir_st(f, IR_ST8 + below(3), t, any(t), offset); break;
    case 2: ir_ld(f, IR_LD, t, dst(t), offset); break;
    case 3: ir_st(f, IR_ST, t, any(t), offset); break;
    case 4: ir_ld(f, below(2) ? IR_LD32U : IR_LD32S, IR_I64, dst(IR_I64), offset); break;
    }
}

static void gen_call(void)
{
    IRVal args[5] = { any_wide(), any_narrow(), any_wide(), any_narrow(), any_wide() };

    switch (below(4)) {
    case 0: ir_call(f, &info_observe, IR_NONE, NULL, 0); break;
    case 1: ir_call(f, &info_pure, dst(IR_I64), args, 2); break;
    case 2: ir_call(f, &info_scramble, narrow[below(narrow_used)], args, 5); break;
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

static void gen_vec_move(void)
{
    IRVal d = any_vec();

    switch (below(6)) {
    case 0: ir_mov(f, d, any_vec()); break;
    case 1: ir_v_from_int(f, d, below(2) ? wide[below(wide_used)] : narrow[below(narrow_used)]); break;
    case 2: ir_v_to_int(f, below(2) ? wide[below(wide_used)] : narrow[below(narrow_used)], any_vec()); break;
    case 3: ir_movi(f, d, below(2) ? 0 : interesting()); break;
    case 4: ir_ld(f, IR_LD, IR_V128, d, offsetof(Machine, field) + 16 * below(4)); break;
    case 5: ir_st(f, IR_ST, IR_V128, d, offsetof(Machine, field) + 16 * below(4)); break;
    }
}

/* NaN payloads and denormal handling are the business of vec-ref-test: here lanes are integers. */
static void gen_vop(void)
{
    unsigned row = below(VEC_ROWS);
    const VecInfo *info = &vec_info[row];
    IRType t = info->flags & VFL_G64 ? IR_I64 : IR_I32;
    IRVal d = any_vec(), a = any_vec(), b = any_vec(), c = any_vec();
    uint8_t imm = (uint8_t)rng();

    if (info->flags & VFL_FP) {
        return;
    }
    switch (info->shape) {
    case VS_V: ir_vop(f, row, d, a, IR_NONE, IR_NONE, 0); break;
    case VS_VV: ir_vop(f, row, d, a, b, IR_NONE, 0); break;
    case VS_VVV: case VS_FMA: ir_vop(f, row, d, a, b, c, 0); break;
    case VS_VI: case VS_SHIFTI: ir_vop(f, row, d, a, IR_NONE, IR_NONE, imm); break;
    case VS_VVI: ir_vop(f, row, d, a, b, IR_NONE, imm); break;
    case VS_VG: ir_vop(f, row, d, a, any(t), IR_NONE, 0); break;
    case VS_VGI: ir_vop(f, row, d, a, any(t), IR_NONE, imm); break;
    case VS_GV: ir_vop(f, row, dst(t), a, IR_NONE, IR_NONE, 0); break;
    case VS_GVI: ir_vop(f, row, dst(t), a, IR_NONE, IR_NONE, imm); break;
    case VS_FLAGS: ir_vop(f, row, dst(IR_I32), a, b, IR_NONE, 0); break;
    }
}

static void vcall_mix(CPUState *cpu, void *out, const void *a, const void *b, const void *c, uint32_t imm)
{
    uint64_t x[2], y[2], z[2];

    (void)cpu;
    memcpy(x, a, 16);
    memcpy(y, b, 16);
    memcpy(z, c, 16);
    x[0] = x[0] * 3 + (y[1] ^ z[0]) + imm;
    x[1] = x[1] * 5 + (y[0] ^ z[1]) - imm;
    memcpy(out, x, 16);
}

static void vcall_xor(CPUState *cpu, void *out, const void *a, const void *b, const void *c, uint32_t imm)
{
    (void)cpu, (void)imm;
    vec_info[VEC_XOR].ref(out, a, b, c, 0, 16);
}

/* Rows whose result passes for floating point: the function out of line must give the same. */
static void gen_vcall(void)
{
    static const VecCall calls[] = {
        { .name = "mix", .func = vcall_mix },
        { .name = "xor", .func = vcall_xor, .row = VEC_XOR + 1 },
        { .name = "xor32", .func = vcall_xor, .row = VEC_XOR + 1, .check = VCHK_F32 },
        { .name = "xor64", .func = vcall_xor, .row = VEC_XOR + 1, .check = VCHK_F64 },
        { .name = "xor4x32", .func = vcall_xor, .row = VEC_XOR + 1, .check = VCHK_4F32 },
        { .name = "xor2x64", .func = vcall_xor, .row = VEC_XOR + 1, .check = VCHK_2F64, .pure = true },
    };
    const VecCall *call = &calls[below(ARRAY_SIZE(calls))];
    bool three = !call->row;

    ir_vcall(f, call, any_vec(), any_vec(), any_vec(), three ? any_vec() : IR_NONE, (uint16_t)rng());
}

/* What addressing modes look like: base + (index << scale) + displacement, through short-lived temps. */
static void gen_sum(void)
{
    IRType t = int_type();
    IRVal sum = ir_temp(f, t);

    switch (below(3)) {
    case 0: ir_op2i(f, IR_SHL, t, sum, any(t), below(5)); break;
    case 1: ir_op2(f, IR_ADD, t, sum, any(t), any(t)); break;
    case 2: ir_op2i(f, IR_ADD, t, sum, any(t), interesting()); break;
    }
    for (unsigned i = below(4); i; i--) {
        IRVal next = below(3) ? ir_temp(f, t) : sum;
        ir_op2(f, IR_ADD, t, next, below(2) ? sum : any(t), sum);
        sum = next;
        if (below(2)) {
            ir_op2i(f, IR_ADD, t, sum, sum, interesting());
        }
    }
    ir_mov(f, wide[below(wide_used)], sum);
}

static void gen_branch(void)
{
    IRType t = int_type();

    if (npending < ARRAY_SIZE(pending) && below(2)) {
        pending[npending] = ir_new_label(f);
        ir_brcond(f, cond(), t, any(t), any(t), pending[npending++]);
    } else if (npending > 0) {
        if (below(6) == 0) {
            ir_exit_tb(f, 0);
        } else if (below(4) == 0) {
            ir_br(f, pending[below(npending)]);
        }
        ir_label(f, pending[--npending]);
    }
}

static void (*const generators[])(void) = {
    gen_unary, gen_unary, gen_unary, gen_binary, gen_binary, gen_binary, gen_bit_scan, gen_division, gen_conversion, gen_field,
    gen_field, gen_double, gen_condition, gen_condition, gen_memory, gen_memory, gen_neighbours, gen_atomic, gen_env, gen_call,
    gen_discard,
    gen_sum, gen_vec_move, gen_vec_memory, gen_vop, gen_vop, gen_vcall, gen_branch, gen_branch,
};

static void gen_temps(void)
{
    for (unsigned i = NREGS; i < NWIDE; i++) {
        wide[i] = ir_temp(f, IR_I64);
        ir_mov(f, wide[i], wide[i % NREGS]);
    }
    for (unsigned i = NSMALL; i < NNARROW; i++) {
        narrow[i] = ir_temp(f, IR_I32);
        ir_mov(f, narrow[i], wide[i]);
    }
    for (unsigned i = NVECS; i < NV; i++) {
        vectors[i] = ir_temp(f, IR_V128);
        ir_mov(f, vectors[i], vectors[i % NVECS]);
    }
}

static void gen_program(unsigned length)
{
    unsigned loop = IR_MAX_LABELS, loop_end = 0, out;
    bool head = below(2);
    IRVal count;

    ir_func_begin(f, NULL);
    npending = 0;
    wide_used = 1 + below(NWIDE);
    narrow_used = 1 + below(NNARROW);
    vec_used = 1 + below(NV);
    ir_insn_start(f, 0x1000, 0);
    gen_temps();
    count = ir_temp(f, IR_I64);
    ir_movi(f, count, 3);
    for (unsigned i = 0; i < length; i++) {
        if (below(5) == 0) {
            ir_insn_start(f, 0x1001 + i, 0);
        }
        if (loop == IR_MAX_LABELS && below(length) == 0) {
            loop = ir_new_label(f);
            ir_label(f, loop);
            loop_end = i + 1 + below(length - i);
        } else if (i == loop_end && loop != IR_MAX_LABELS) {
            ir_op2i(f, IR_SUB, IR_I64, count, count, 1);
            if (head) { /* values stay in registers across the way back */
                out = ir_new_label(f);
                ir_brcond(f, IR_EQ, IR_I64, count, ir_i64(f, 0), out);
                ir_br(f, loop);
                ir_label(f, out);
            } else {
                ir_brcond(f, IR_NE, IR_I64, count, ir_i64(f, 0), loop);
            }
        }
        generators[below(ARRAY_SIZE(generators))]();
    }
    while (npending > 0) {
        ir_label(f, pending[--npending]);
    }
    ir_exit_tb(f, 0);
}

/* ---- Running ---- */

static void fill_tlb(Machine *m, bool hits)
{
    memset(tlb, 0xff, sizeof(tlb));
    for (uint64_t va = GUEST_BASE; hits && va < GUEST_BASE + RAM_SIZE; va += PAGE_SIZE_) {
        for (unsigned mode = 0; mode < 2; mode++) {
            tlb[mode * TLB_SIZE + tlb_index(va)] = (TLBEntry){
                .tag = { va, va, va }, .addend = (uintptr_t)m->ram - GUEST_BASE,
            };
        }
    }
}

static void run(const TCGBackend *backend, Machine *m, bool hits)
{
    uint8_t *code = cache + (backend->host_code ? prologue_size : CACHE_SIZE / 2);
    volatile uintptr_t exit = 0;

    tb = (TranslationBlock){ .state.pc = 0x1000, .insns = 1, .code = code };
    memcpy(&m->reg, &start->reg, sizeof(*m) - offsetof(Machine, reg));
    fill_tlb(m, hits);
    m->cpu.target = &fake_target;
    m->cpu.bank = (TLBBank *)tlb;
    g_assert_cmpuint(backend->emit(f, &tb, code, code, CACHE_SIZE / 2 - 65536), >, 0);
    if (setjmp(fault) == 0) {
        exit = backend->exec(&m->cpu, &tb);
        g_assert_cmphex(exit, ==, (uintptr_t)&tb | TB_EXIT_LOOKUP);
    }
}

static void randomise(Machine *m)
{
    for (unsigned i = 0; i < NREGS; i++) {
        m->reg[i] = interesting();
    }
    for (unsigned i = 0; i < NSMALL; i++) {
        m->small[i] = (uint32_t)interesting();
    }
    for (unsigned i = 0; i < sizeof(m->vec); i++) {
        m->vec[i / 16][i % 16] = (uint8_t)rng();
    }
    for (unsigned i = 0; i < sizeof(m->ram); i++) {
        m->ram[i] = (uint8_t)rng();
    }
}

static void print_difference(uint64_t seed, const char *what)
{
    ir_print(f, stderr);
    tcg_backend_x86_64.disas(stderr, &tb);
    for (unsigned i = 0; i < NREGS; i++) {
        if (oracle->reg[i] != tested->reg[i]) {
            g_printerr("r%u: %#" PRIx64 ", not %#" PRIx64 "\n", i, tested->reg[i], oracle->reg[i]);
        }
    }
    for (unsigned i = 0; i < NSMALL; i++) {
        if (oracle->small[i] != tested->small[i]) {
            g_printerr("s%u: %#x, not %#x\n", i, tested->small[i], oracle->small[i]);
        }
    }
    for (unsigned i = 0; i < NVECS; i++) {
        if (memcmp(oracle->vec[i], tested->vec[i], 16)) {
            g_printerr("v%u differs\n", i);
        }
    }
    g_error("seed %" PRIu64 ": differs from the interpreter, %s", seed, what);
}

static void compare(uint64_t seed, const char *what)
{
    if (memcmp(oracle->reg, tested->reg, offsetof(Machine, nseen) - offsetof(Machine, reg)) ||
        memcmp(oracle->ram, tested->ram, RAM_SIZE)) {
        print_difference(seed, what);
    }
}

static void compare_seen(uint64_t seed)
{
    for (unsigned i = 0; i < MAX(oracle->nseen, tested->nseen); i++) {
        if (oracle->seen[i] != tested->seen[i] || oracle->nseen != tested->nseen) {
            g_printerr("access %u of %u, %u\n", i, oracle->nseen, tested->nseen);
            print_difference(seed, "in what an access sees");
        }
    }
}

/* Inserts the observing helper before each guest access of the finished IR. */
static void insert_observers(void)
{
    static IROp ops[IR_MAX_OPS];
    unsigned nops = f->nops;
    uint64_t pc = 0;

    memcpy(ops, f->ops, nops * sizeof(ops[0]));
    f->nops = 0;
    for (unsigned i = 0; i < nops; i++) {
        if (ops[i].opc == IR_INSN_START) {
            pc = ops[i].imm;
        }
        if (ir_op_info[ops[i].opc].flags & IRF_FAULTS) {
            IRVal arg = ir_i64(f, pc);
            ir_call(f, &info_see, IR_NONE, &arg, 1);
        }
        *ir_emit(f, ops[i].opc, ops[i].type) = ops[i];
    }
}

/* The oracle runs what was there before checks were merged. */
static void merge_checks(void)
{
    static IROp ops[IR_MAX_OPS];
    unsigned nops = f->nops;

    memcpy(ops, f->ops, nops * sizeof(ops[0]));
    tcg_liveness(f);
    run(&tcg_backend_interp, oracle, true);
    memcpy(f->ops, ops, nops * sizeof(ops[0]));
    f->nops = nops;
    tcg_merge_checks(f);
    tcg_liveness(f);
}

static void test_program(uint64_t seed)
{
    rng_state = seed;
    gen_program(1 + below(100));
    if (f->overflow) {
        return;
    }
    randomise(start);
    if (below(2)) {
        tcg_fold(f);
        merge_checks();
    } else {
        tcg_liveness(f);
        run(&tcg_backend_interp, oracle, true);
    }
    run(&tcg_backend_x86_64, tested, true);
    compare(seed, "TLB hits");
    run(&tcg_backend_x86_64, tested, false);
    compare(seed, "slow paths");
    if (below(4) == 0) {
        insert_observers();
        run(&tcg_backend_interp, oracle, true);
        tcg_liveness(f);
        for (unsigned i = 0; i < f->nops; i++) { /* the tested code has none */
            if (f->ops[i].opc == IR_CALL && f->calls[f->ops[i].imm] == &info_see) {
                f->ops[i].opc = IR_NOP;
            }
        }
        run(&tcg_backend_x86_64, tested, false);
        compare_seen(seed);
    }
}

/* ---- Hosts with less ---- */

static HostInfo detected;

static void use_features(uint64_t seed)
{
    tcg_x86_64_random_alloc = seed % 2;
    host = detected;
    if (seed % 4 == 1) {
        host.bmi1 = host.bmi2 = host.lzcnt = host.popcnt = host.movbe = false;
    }
    if (seed % 8 == 3) {
        host.avx = false;
        host.vec_features &= ~(1u << VF_AVX | 1u << VF_AVX2 | 1u << VF_FMA | 1u << VF_F16C);
    }
    if (seed % 8 == 5) {
        host.vec_features = 0;
    }
    if (seed % 16 >= 8) {
        host.bank_seg = 0;
    }
}

static void start_up(void)
{
    define_globals();
    current_target = &fake_target;
    engine_calls = (EngineCalls){ .lookup = lookup, .lookup_careful = lookup, .slow = { slow_ld, slow_st, slow_ldv, slow_stv, slow_atomic } };
    cache = mmap(NULL, CACHE_SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(cache != MAP_FAILED);
    prologue_size = tcg_backend_x86_64.init(cache, cache, CACHE_SIZE, NULL);
    prologue_size = (prologue_size + 63) & ~63ull;
    detected = host;
    start = aligned_alloc(4096, sizeof(Machine));
    oracle = aligned_alloc(4096, sizeof(Machine));
    tested = aligned_alloc(4096, sizeof(Machine));
    memset(start, 0, sizeof(*start));
    memset(oracle, 0, sizeof(*oracle));
    memset(tested, 0, sizeof(*tested));
    f = ir_func_new();
}

/* ---- Leaving a TB: expected exits follow from ir.h and exec/tb.h ---- */

static uint8_t *next_code;

/* Finishes the TB that was built in f; code of several TBs lies side by side. */
static void compile(TranslationBlock *t, uint64_t pc, unsigned flags)
{
    size_t size;

    *t = (TranslationBlock){ .state.pc = pc, .insns = 3, .flags = (uint16_t)flags, .code = next_code };
    tcg_liveness(f);
    size = tcg_backend_x86_64.emit(f, t, next_code, next_code, 65536);
    g_assert_cmpuint(size, >, 0);
    next_code += (size + 15) & ~15ull;
}

static void compile_goto(TranslationBlock *t, uint64_t pc, uint64_t dest, unsigned flags)
{
    ir_func_begin(f, NULL);
    ir_insn_start(f, pc, 0);
    ir_op2i(f, IR_ADD, IR_I64, wide[0], wide[0], 1);
    ir_op2i(f, IR_ADD, IR_I64, wide[1], wide[1], 1);
    ir_goto_tb(f, 1, dest, dest + 0x100);
    compile(t, pc, flags);
}

static void compile_goto_ptr(TranslationBlock *t, uint64_t pc)
{
    ir_func_begin(f, NULL);
    ir_insn_start(f, pc, 0);
    ir_op2i(f, IR_ADD, IR_I64, wide[1], wide[1], 1);
    ir_goto_ptr(f, wide[2]);
    compile(t, pc, 0);
}

static uintptr_t execute(TranslationBlock *t)
{
    tested->cpu.bank = (TLBBank *)tlb;
    tested->cpu.target = &fake_target;
    tested->reg[0] = tested->reg[1] = 0;
    lookups = 0;
    return tcg_backend_x86_64.exec(&tested->cpu, t);
}

#define EXIT(t, why) ((uintptr_t)(t) | (why))

static void test_chaining(void)
{
    TranslationBlock a, b;

    compile_goto(&a, 0x1000, 0x1010, 0);
    compile_goto(&b, 0x1010, 0x1800, 0);
    g_assert_cmphex(execute(&a), ==, EXIT(&a, TB_EXIT_SLOT1));
    g_assert_cmphex(tested->pc, ==, 0x1110);
    g_assert_cmpuint(tested->reg[1], ==, 1);
    tcg_backend_x86_64.patch(&a, 1, &b);
    g_assert_cmphex(execute(&a), ==, EXIT(&b, TB_EXIT_SLOT1));
    g_assert_cmphex(tested->pc, ==, 0x1900);
    g_assert_cmpuint(tested->reg[0], ==, 2);
    g_assert_cmpuint(tested->reg[1], ==, 2);
    tcg_backend_x86_64.patch(&a, 1, NULL);
    g_assert_cmphex(execute(&a), ==, EXIT(&a, TB_EXIT_SLOT1));
    compile_goto(&a, 0x1000, 0x1ff1, 0); /* ends with the page */
    g_assert_cmphex(execute(&a), ==, EXIT(&a, TB_EXIT_SLOT1));
    compile_goto(&a, 0x1000, 0x1ff2, 0); /* may go on on the next page: jump cache */
    g_assert_cmphex(a.jump[1].patch, ==, ~0u);
    compile_goto(&a, 0x1000, 0x1010, TB_NOCHAIN);
    g_assert_cmphex(execute(&a), ==, EXIT(&a, TB_EXIT_LOOKUP));
    g_assert_cmphex(tested->pc, ==, 0x1110);
    g_assert_cmphex(a.jump[1].patch, ==, ~0u);
}

static void test_polling(void)
{
    TranslationBlock a;

    compile_goto(&a, 0x1000, 0x1000, 0);
    tcg_backend_x86_64.patch(&a, 1, &a);
    tested->cpu.exit_request = 1;
    g_assert_cmphex(execute(&a), ==, EXIT(&a, TB_EXIT_POLL));
    g_assert_cmphex(tested->pc, ==, 0x1100);
    compile_goto_ptr(&a, 0x1000);
    g_assert_cmphex(execute(&a), ==, EXIT(NULL, TB_EXIT_POLL));
    tested->cpu.exit_request = 0;
    compile_goto(&a, 0x1000, 0x1000, TB_ICOUNT);
    tcg_backend_x86_64.patch(&a, 1, &a);
    tested->cpu.icount_left = 10;
    g_assert_cmphex(execute(&a), ==, EXIT(&a, TB_EXIT_POLL));
    g_assert_cmphex(tested->pc, ==, 0x1000);
    g_assert_cmpint(tested->cpu.icount_left, ==, 1);
    g_assert_cmpuint(tested->reg[1], ==, 3);
}

static JumpCacheEntry *cache_entry(uint64_t pc)
{
    return &tested->cpu.jump_cache[jump_cache_slot(pc)];
}

/* A jump from a leads to b (which ends in its own slot): through the cache on a hit, by lookup on a miss. */
static void check_cache(TranslationBlock *a, TranslationBlock *b, uint64_t dest)
{
    JumpCacheEntry *e = cache_entry(dest);

    *e = (JumpCacheEntry){ 0 };
    tested->cpu.jc_key = 0x500000003;
    lookup_answer = NULL;
    g_assert_cmphex(execute(a), ==, EXIT(NULL, TB_EXIT_LOOKUP));
    g_assert_cmpuint(lookups, ==, 1);
    lookup_answer = b->code;
    g_assert_cmphex(execute(a), ==, EXIT(b, TB_EXIT_SLOT1));
    g_assert_cmpuint(lookups, ==, 1);
    *e = (JumpCacheEntry){ .pc = dest, .key = 0x500000003, .code = b->code, .tb = b };
    g_assert_cmphex(execute(a), ==, EXIT(b, TB_EXIT_SLOT1));
    g_assert_cmpuint(lookups, ==, 0);
    g_assert_cmpuint(tested->reg[1], ==, 2);
    e->key++;
    execute(a);
    g_assert_cmpuint(lookups, ==, 1);
    e->key--;
    e->pc ^= 1ull << 40;
    execute(a);
    g_assert_cmpuint(lookups, ==, 1);
    lookup_answer = NULL;
}

static void test_jump_cache(void)
{
    static const uint64_t dests[] = { 0x7000, 0x7fff12345678, 0xffffffff81000010 };
    TranslationBlock a, b;

    for (unsigned i = 0; i < ARRAY_SIZE(dests); i++) {
        compile_goto(&b, dests[i], dests[i] + 1, 0);
        compile_goto(&a, 0x1000, dests[i], 0);
        check_cache(&a, &b, dests[i]);
        g_assert_cmphex(a.jump[1].patch, ==, ~0u);
        compile_goto_ptr(&a, 0x1000);
        tested->reg[2] = dests[i];
        check_cache(&a, &b, dests[i]);
    }
    ir_func_begin(f, NULL);
    ir_insn_start(f, 0x1000, 0);
    ir_goto_lookup(f);
    compile(&a, 0x1000, 0);
    lookup_answer = b.code;
    g_assert_cmphex(execute(&a), ==, EXIT(&b, TB_EXIT_SLOT1));
    lookup_answer = NULL;
}

/* With too little room emit fails and stays inside it. */
static void test_room(void)
{
    uint8_t *code = cache + CACHE_SIZE / 2;
    TranslationBlock t;

    rng_state = 77;
    gen_program(60);
    tcg_liveness(f);
    for (size_t room = 0; room < 20000; room += 61) {
        memset(code + room, 0xa5, 4096);
        t = (TranslationBlock){ .state.pc = 0x1000, .insns = 1, .code = code };
        g_assert_cmpuint(tcg_backend_x86_64.emit(f, &t, code, code, room), <=, room);
        for (unsigned i = 0; i < 4096; i++) {
            g_assert_cmphex(code[room + i], ==, 0xa5);
        }
    }
    g_assert_cmpuint(t.code_size, >, 0);
}

static void test_exits(void)
{
    next_code = cache + prologue_size;
    test_chaining();
    test_polling();
    test_jump_cache();
    test_room();
}

int main(int argc, char **argv)
{
    uint64_t programs = argc > 1 ? strtoull(argv[1], NULL, 0) : 10000;
    uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;

    start_up();
    test_exits();
    for (uint64_t seed = first; seed < first + programs; seed++) {
        use_features(seed);
        tcg_x86_64_random_seed = (uint32_t)seed;
        test_program(seed);
    }
    printf("ok: %" PRIu64 " programs\n", programs);
    ir_func_free(f);
    free(start);
    free(oracle);
    free(tested);
    return 0;
}
