/* SPDX-License-Identifier: MIT */
/*
 * The interpreter's loop: runs encoded TBs until the main loop is needed. It keeps the contract of
 * generated host code: it chains, probes the jump cache, polls exit_request at backward jumps and
 * indirect branches, and gives everything it calls a return address inside the TB's records.
 */
#include "interp.h"
#include "exec/tlb.h"
#include "tcg/vec.h"
#include <stdalign.h>
#include <string.h>

__thread uintptr_t interp_return_address;

static const uint8_t exit_marker[1];

const void *interp_exit_address(void)
{
    return exit_marker;
}

/* ---- Operands ---- */

static inline void *place_of(uint8_t *const *base, uint32_t arg)
{
    return base[arg & 3] + (arg >> ARG_SHIFT);
}

static inline uint64_t read_arg(uint8_t *const *base, uint32_t arg)
{
    uint64_t v;
    uint32_t w;

    if (arg & ARG_IS_32) {
        memcpy(&w, place_of(base, arg), 4);
        return w;
    }
    memcpy(&v, place_of(base, arg), 8);
    return v;
}

static inline void write_arg(uint8_t *const *base, uint32_t arg, uint64_t v)
{
    memcpy(place_of(base, arg), &v, arg & ARG_IS_32 ? 4 : 8);
}

static inline unsigned vector_bytes(const InterpRec *rec)
{
    return rec->type == IR_V256 ? 32 : 16;
}

/* ---- Guest memory ---- */

/* Host address of a plain access that the first-level TLB allows, else NULL. */
static inline void *fast_host(CPUState *cpu, uint64_t va, MemOpIdx oi, AccessType access)
{
    const TLBEntry *entry = (const TLBEntry *)cpu->bank + memopidx_mode(oi) * TLB_SIZE + tlb_index(va);
    MemOp op = memopidx_op(oi);
    unsigned size = memop_bytes(op);

    if (entry->tag[access] != (va & PAGE_MASK) || (va & ~PAGE_MASK) + size > PAGE_SIZE_ ||
        (op & MO_ALIGN && va & (size - 1))) {
        return NULL;
    }
    return (void *)(uintptr_t)(va + entry->addend);
}

static uint64_t byte_swap(uint64_t v, unsigned bytes)
{
    return bytes == 1 ? v : __builtin_bswap64(v) >> (64 - 8 * bytes);
}

static uint64_t extend(uint64_t v, MemOp op)
{
    unsigned bits = 8 * memop_bytes(op);

    return op & MO_SIGN ? (uint64_t)sextract64(v, 0, bits) : extract64(v, 0, bits);
}

static uint64_t load_int(CPUState *cpu, uint64_t va, MemOpIdx oi, uintptr_t retaddr)
{
    MemOp op = memopidx_op(oi);
    const void *host = fast_host(cpu, va, oi, ACCESS_READ);
    uint64_t v = 0;

    if (!host) {
        return extend(tlb_slow_ld(cpu, va, oi, retaddr), op);
    }
    switch (op & MO_SIZE) { /* constant sizes: one host access each */
    case MO_8: memcpy(&v, host, 1); break;
    case MO_16: memcpy(&v, host, 2); break;
    case MO_32: memcpy(&v, host, 4); break;
    default: memcpy(&v, host, 8); break;
    }
    return extend(op & MO_BE ? byte_swap(v, memop_bytes(op)) : v, op);
}

static void store_int(CPUState *cpu, uint64_t va, uint64_t v, MemOpIdx oi, uintptr_t retaddr)
{
    MemOp op = memopidx_op(oi);
    void *host = fast_host(cpu, va, oi, ACCESS_WRITE);

    if (!host) {
        tlb_slow_st(cpu, va, extend(v, op & MO_SIZE), oi, retaddr);
        return;
    }
    if (op & MO_BE) {
        v = byte_swap(v, memop_bytes(op));
    }
    switch (op & MO_SIZE) {
    case MO_8: memcpy(host, &v, 1); break;
    case MO_16: memcpy(host, &v, 2); break;
    case MO_32: memcpy(host, &v, 4); break;
    default: memcpy(host, &v, 8); break;
    }
}

static void load_vector(CPUState *cpu, const InterpRec *rec, void *out, uint64_t va, uintptr_t retaddr)
{
    unsigned size = memop_bytes(memopidx_op(check_oi(rec->imm)));
    uint8_t v[32] = { 0 };
    const void *host = fast_host(cpu, va, check_oi(rec->imm), ACCESS_READ);

    if (size <= 8) {
        uint64_t low = load_int(cpu, va, check_oi(rec->imm), retaddr);
        memcpy(v, &low, 8);
    } else if (host) {
        memcpy(v, host, size);
    } else {
        tlb_slow_ldv(cpu, va, check_oi(rec->imm), retaddr, v);
    }
    memcpy(out, v, vector_bytes(rec));
}

static void store_vector(CPUState *cpu, const InterpRec *rec, const void *in, uint64_t va, uintptr_t retaddr)
{
    unsigned size = memop_bytes(memopidx_op(check_oi(rec->imm)));
    void *host = fast_host(cpu, va, check_oi(rec->imm), ACCESS_WRITE);

    if (size <= 8) {
        uint64_t low;
        memcpy(&low, in, 8);
        store_int(cpu, va, low, check_oi(rec->imm), retaddr);
    } else if (host) {
        memcpy(host, in, size);
    } else {
        tlb_slow_stv(cpu, va, in, check_oi(rec->imm), retaddr);
    }
}

/* Of GUEST_LDC and GUEST_STC. */
static uint64_t checked_address(uint8_t *const *base, const InterpRec *rec)
{
    uint64_t va = read_arg(base, rec->arg[1]) + (uint64_t)(int64_t)check_disp(rec->imm);

    return rec->imm & CHK_NARROW ? (uint32_t)va : va;
}

static void run_guest_ld(CPUState *cpu, uint8_t *const *base, const InterpRec *rec, uint64_t va)
{
    uintptr_t retaddr = (uintptr_t)rec + 1;

    if (rec->type >= IR_V128) {
        load_vector(cpu, rec, place_of(base, rec->arg[0]), va, retaddr);
    } else {
        uint64_t v = load_int(cpu, va, check_oi(rec->imm), retaddr);
        write_arg(base, rec->arg[0], rec->type == IR_I32 ? (uint32_t)v : v);
    }
}

static void run_guest_st(CPUState *cpu, uint8_t *const *base, const InterpRec *rec, uint64_t va)
{
    uintptr_t retaddr = (uintptr_t)rec + 1;

    if (rec->type >= IR_V128) {
        store_vector(cpu, rec, place_of(base, rec->arg[0]), va, retaddr);
    } else {
        store_int(cpu, va, read_arg(base, rec->arg[0]), check_oi(rec->imm), retaddr);
    }
}

static void run_atomic(CPUState *cpu, uint8_t *const *base, const InterpRec *rec)
{
    IROpcode opc = rec->opc / 2;
    MemOp op = memopidx_op(rec->imm);
    uint64_t va = read_arg(base, rec->arg[1]), val = read_arg(base, rec->arg[2]), expected = 0, old;

    if (opc == IR_ATOMIC_CMPXCHG) {
        expected = extract64(val, 0, 8 * memop_bytes(op));
        val = read_arg(base, rec->arg[3]);
    }
    old = cpu_atomic(cpu, opc, va, val, expected, rec->imm, (uintptr_t)rec + 1);
    old = extend(old, op);
    if (rec->arg[0] != ARG_NONE) {
        write_arg(base, rec->arg[0], rec->type == IR_I32 ? (uint32_t)old : old);
    }
}

/* ---- Calls and vectors ---- */

static uint64_t call_helper(const void *func, const uint64_t *a, unsigned n)
{
#define U uint64_t
    switch (n) {
    case 0: return ((U(*)(void))func)();
    case 1: return ((U(*)(U))func)(a[0]);
    case 2: return ((U(*)(U, U))func)(a[0], a[1]);
    case 3: return ((U(*)(U, U, U))func)(a[0], a[1], a[2]);
    case 4: return ((U(*)(U, U, U, U))func)(a[0], a[1], a[2], a[3]);
    case 5: return ((U(*)(U, U, U, U, U))func)(a[0], a[1], a[2], a[3], a[4]);
    default: return ((U(*)(U, U, U, U, U, U))func)(a[0], a[1], a[2], a[3], a[4], a[5]);
    }
#undef U
}

static void run_call(CPUState *cpu, uint8_t *const *base, const InterpRec *rec)
{
    const HelperInfo *h = (const HelperInfo *)(uintptr_t)rec->imm;
    uint64_t args[HELPER_MAX_ARGS], result;
    const uint32_t *arg = &rec->arg[1];
    unsigned n = 0;

    for (; n < HELPER_MAX_ARGS && h->args[n] != HARG_NONE; n++) {
        uint64_t v = h->args[n] == HARG_ENV ? (uintptr_t)cpu : read_arg(base, *arg++);
        args[n] = h->args[n] == HARG_I32 ? (uint32_t)v : v;
    }
    interp_return_address = (uintptr_t)rec + 1;
    result = call_helper(h->func, args, n);
    if (rec->arg[0] != ARG_NONE) {
        write_arg(base, rec->arg[0], h->ret == HARG_I32 ? (uint32_t)result : result);
    }
}

static const void *optional_place(uint8_t *const *base, uint32_t arg)
{
    return arg == ARG_NONE ? NULL : place_of(base, arg);
}

static void run_vop(uint8_t *const *base, const InterpRec *rec)
{
    const VecInfo *info = &vec_info[rec->imm & 0xffff];
    const void *a = optional_place(base, rec->arg[1]), *b = optional_place(base, rec->arg[2]);
    const void *c = optional_place(base, rec->arg[3]);
    bool int_in = info->shape == VS_VG || info->shape == VS_VGI;
    bool int_out = info->shape == VS_GV || info->shape == VS_GVI || info->shape == VS_FLAGS;
    uint64_t g;

    if (int_in) {
        g = read_arg(base, rec->arg[2]);
        b = &g;
    }
    if (int_out) {
        info->ref(&g, a, b, c, rec->imm >> 16, vector_bytes(rec));
        write_arg(base, rec->arg[0], g);
    } else {
        info->ref(place_of(base, rec->arg[0]), a, b, c, rec->imm >> 16, vector_bytes(rec));
    }
}

/* An input of a VecCallFunc, which may read those it does not use. */
static const void *vcall_input(uint8_t *const *base, uint32_t arg)
{
    static const uint8_t zero[32];
    const void *v = optional_place(base, arg);

    return v ? v : zero;
}

/* The function alone: it is what the row, if there is one, is measured by. */
static void run_vcall(CPUState *cpu, uint8_t *const *base, const InterpRec *rec)
{
    const VecCall *call = (const VecCall *)(uintptr_t)rec->imm;

    call->func(cpu, place_of(base, rec->arg[0]), vcall_input(base, rec->arg[1]), vcall_input(base, rec->arg[2]),
               vcall_input(base, rec->arg[3]), rec->aux);
}

static void run_v_from_int(uint8_t *const *base, const InterpRec *rec)
{
    uint64_t v = read_arg(base, rec->arg[1]);
    uint8_t *out = place_of(base, rec->arg[0]);

    if (rec->aux == IR_I32) {
        v = (uint32_t)v;
    }
    memset(out, 0, vector_bytes(rec));
    memcpy(out, &v, 8);
}

static void run_v_to_int(uint8_t *const *base, const InterpRec *rec)
{
    uint64_t v;

    memcpy(&v, place_of(base, rec->arg[1]), 8);
    write_arg(base, rec->arg[0], rec->aux == IR_I32 ? (uint32_t)v : v);
}

/* ---- Conditions ---- */

static inline bool condition(IRCond c, bool is64, uint64_t a, uint64_t b)
{
    int64_t sa = is64 ? (int64_t)a : (int32_t)a, sb = is64 ? (int64_t)b : (int32_t)b;

    if (!is64) {
        a = (uint32_t)a;
        b = (uint32_t)b;
    }
    switch (c) {
    case IR_NEVER: return false;
    case IR_ALWAYS: return true;
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    case IR_LT: return sa < sb;
    case IR_GE: return sa >= sb;
    case IR_LE: return sa <= sb;
    case IR_GT: return sa > sb;
    case IR_LTU: return a < b;
    case IR_GEU: return a >= b;
    case IR_LEU: return a <= b;
    case IR_GTU: return a > b;
    case IR_TSTEQ: return (a & b) == 0;
    case IR_TSTNE: return (a & b) != 0;
    case IR_CONDS: break;
    }
    return false;
}

/* ---- Leaving a TB ---- */

static void set_pc(CPUState *cpu, uint64_t value)
{
    memcpy((char *)cpu + cpu->target->pc_offset, &value, sizeof(value));
}

static TranslationBlock *leave(const TranslationBlock *tb, unsigned why, uintptr_t *exit)
{
    *exit = (uintptr_t)tb | why;
    return NULL;
}

static bool must_poll(CPUState *cpu)
{
    return atomic_load_explicit(&cpu->exit_request, memory_order_relaxed) != 0;
}

static TranslationBlock *lookup(CPUState *cpu, const TranslationBlock *tb, uintptr_t *exit)
{
    const void *code;

    if (must_poll(cpu)) {
        return leave(tb, TB_EXIT_POLL, exit);
    }
    code = tb->flags & TB_NOCHAIN ? exit_marker : tb_lookup_code(cpu);
    return code == exit_marker ? leave(tb, TB_EXIT_LOOKUP, exit) : ((const InterpHeader *)code)->tb;
}

static TranslationBlock *goto_ptr(CPUState *cpu, const TranslationBlock *tb, uint64_t pc, uintptr_t *exit)
{
    const JumpCacheEntry *entry = &cpu->jump_cache[jump_cache_slot(pc)];

    if (entry->pc == pc && entry->key == cpu->jc_key && !must_poll(cpu) && !(tb->flags & TB_NOCHAIN)) {
        return entry->tb;
    }
    return lookup(cpu, tb, exit);
}

static TranslationBlock *goto_careful(CPUState *cpu, const TranslationBlock *tb, uint64_t pc_value, uintptr_t *exit)
{
    set_pc(cpu, pc_value);
    cpu->careful = true;
    return leave(tb, TB_EXIT_LOOKUP, exit);
}

static TranslationBlock *goto_tb(CPUState *cpu, const TranslationBlock *tb, const InterpRec *rec,
                                 uint64_t pc_value, uintptr_t *exit)
{
    TranslationBlock *next;

    if (rec->flags & REC_BACKWARD && must_poll(cpu)) {
        set_pc(cpu, pc_value);
        return leave(tb, TB_EXIT_POLL, exit);
    }
    if (rec->flags & REC_OTHER_PAGE) {
        set_pc(cpu, pc_value);
        return goto_ptr(cpu, tb, rec->imm, exit);
    }
    next = atomic_load_explicit(interp_link(rec), memory_order_acquire);
    if (next) {
        return next;
    }
    set_pc(cpu, pc_value);
    return leave(tb, tb->flags & TB_NOCHAIN ? TB_EXIT_LOOKUP : rec->aux, exit);
}

/* ---- The loop ---- */

#define ARG(n) read_arg(base, rec->arg[n])
#define OUT(n, v) write_arg(base, rec->arg[n], v)

/* Cases for both widths; U and S are the unsigned and signed type, BITS the width. */
#define WIDTH_CASE(name, bits, ...)                                  \
    case IR_##name * 2 + (bits == 64): {                             \
        typedef uint##bits##_t U __attribute__((unused));            \
        typedef int##bits##_t S __attribute__((unused));             \
        enum { BITS = bits };                                        \
        __VA_ARGS__                                                  \
        break;                                                       \
    }
#define BOTH_CASES(name, ...) WIDTH_CASE(name, 32, __VA_ARGS__) WIDTH_CASE(name, 64, __VA_ARGS__)
#define UNARY(name, expr) BOTH_CASES(name, U a = ARG(1); OUT(0, (U)(expr));)
#define BINARY(name, expr) BOTH_CASES(name, U a = ARG(1); U b = ARG(2); OUT(0, (U)(expr));)
#define CASE(name) case IR_##name * 2: case IR_##name * 2 + 1
#define LOAD_ENV(name, ctype)                                        \
    BOTH_CASES(name, ctype v; memcpy(&v, (char *)cpu + rec->imm, sizeof(v)); OUT(0, (U)v);)
#define STORE_ENV(name, ctype)                                       \
    CASE(name): {                                                    \
        ctype v = (ctype)ARG(0);                                     \
        memcpy((char *)cpu + rec->imm, &v, sizeof(v));               \
        break;                                                       \
    }
/* {out1:out0} = product or sum in twice the width */
#define DOUBLE(name, wide, expr)                                     \
    BOTH_CASES(name, wide r = (expr); OUT(0, (U)r); OUT(1, (U)(r >> BITS));)
#define PAIR(lo, hi) ((u128)(U)ARG(hi) << BITS | (U)ARG(lo))

typedef unsigned __int128 u128;
typedef __int128 s128;

static void run_vector_op(CPUState *cpu, uint8_t *const *base, const InterpRec *rec)
{
    unsigned bytes = vector_bytes(rec);

    switch (rec->opc / 2) {
    case IR_VMOV:
        memmove(place_of(base, rec->arg[0]), place_of(base, rec->arg[1]), bytes);
        break;
    case IR_VZERO:
        memset(place_of(base, rec->arg[0]), 0, bytes);
        break;
    case IR_V_JOIN: {
        uint8_t joined[32];
        memcpy(joined, place_of(base, rec->arg[1]), 16);
        memcpy(joined + 16, place_of(base, rec->arg[2]), 16);
        memcpy(place_of(base, rec->arg[0]), joined, 32);
        break;
    }
    case IR_V_HALF:
        memmove(place_of(base, rec->arg[0]), (uint8_t *)place_of(base, rec->arg[1]) + 16 * rec->imm, 16);
        break;
    case IR_V_FROM_INT:
        run_v_from_int(base, rec);
        break;
    case IR_V_TO_INT:
        run_v_to_int(base, rec);
        break;
    case IR_VOP:
        run_vop(base, rec);
        break;
    case IR_VCALL:
        run_vcall(cpu, base, rec);
        break;
    case IR_LD:
        memcpy(place_of(base, rec->arg[0]), (char *)cpu + rec->imm, bytes);
        break;
    case IR_ST:
        memcpy((char *)cpu + rec->imm, place_of(base, rec->arg[0]), bytes);
        break;
    }
}

/* Runs one TB; returns the next one, or NULL with *exit set. */
static TranslationBlock *run_tb(CPUState *cpu, TranslationBlock *tb, uint8_t *temps, uintptr_t *exit)
{
    uint8_t *code = (uint8_t *)tb->code;
    uint8_t *const base[ARG_BASES] = {
        [ARG_BASE_ENV] = (uint8_t *)cpu, [ARG_BASE_TEMPS] = temps, [ARG_BASE_CODE] = code,
    };
    const InterpRec *next = (const InterpRec *)(code + ((const InterpHeader *)code)->entry);

    for (;;) {
        const InterpRec *rec = next;
        next = (const InterpRec *)((const uint64_t *)rec + rec->size);
        switch (rec->opc) {
        CASE(BR):
            next = (const InterpRec *)(code + rec->imm);
            break;
        CASE(BRCOND):
            if (condition(rec->aux, rec->type == IR_I64, ARG(0), ARG(1))) {
                next = (const InterpRec *)(code + rec->imm);
            }
            break;
        CASE(CALL):
            run_call(cpu, base, rec);
            break;
        CASE(FENCE):
            atomic_thread_fence(memory_order_seq_cst);
            break;
        CASE(PAUSE):
            break;
        CASE(GOTO_TB):
            return goto_tb(cpu, tb, rec, ARG(0), exit);
        CASE(GOTO_PTR):
            return goto_ptr(cpu, tb, ARG(0), exit);
        CASE(GOTO_PC):
            set_pc(cpu, ARG(0));
            return goto_ptr(cpu, tb, ARG(0), exit);
        CASE(GOTO_LOOKUP):
            return lookup(cpu, tb, exit);
        CASE(GOTO_CAREFUL):
            return goto_careful(cpu, tb, ARG(0), exit);
        CASE(EXIT_TB):
            return leave(tb, TB_EXIT_LOOKUP, exit);

        UNARY(MOV, a)
        UNARY(EXT8S, (int8_t)a)
        UNARY(EXT8U, (uint8_t)a)
        UNARY(EXT16S, (int16_t)a)
        UNARY(EXT16U, (uint16_t)a)
        UNARY(EXT_I32_I64S, (int32_t)a)
        UNARY(EXT_I32_I64U, (uint32_t)a)
        UNARY(TRUNC, a)
        CASE(TRUNC_HI):
            OUT(0, ARG(1) >> 32);
            break;

        BINARY(ADD, a + b)
        BINARY(SUB, a - b)
        UNARY(NEG, -a)
        BINARY(MUL, a * b)
        DOUBLE(MULU2, u128, (u128)(U)ARG(2) * (U)ARG(3))
        DOUBLE(MULS2, s128, (s128)(S)ARG(2) * (S)ARG(3))
        DOUBLE(ADD2, u128, PAIR(2, 3) + PAIR(4, 5))
        DOUBLE(SUB2, u128, PAIR(2, 3) - PAIR(4, 5))
        BINARY(DIVU, a / b)
        BINARY(DIVS, (S)a / (S)b)
        BINARY(REMU, a % b)
        BINARY(REMS, (S)a % (S)b)
        BINARY(AND, a & b)
        BINARY(OR, a | b)
        BINARY(XOR, a ^ b)
        BINARY(ANDC, a & ~b)
        UNARY(NOT, ~a)
        BINARY(SHL, a << (b & (BITS - 1)))
        BINARY(SHR, a >> (b & (BITS - 1)))
        BINARY(SAR, (S)a >> (b & (BITS - 1)))
        BINARY(ROTL, a << (b & (BITS - 1)) | a >> (-b & (BITS - 1)))
        BINARY(ROTR, a >> (b & (BITS - 1)) | a << (-b & (BITS - 1)))
        BINARY(DEPOSIT, deposit64(a, rec->imm, rec->aux, b))
        UNARY(EXTRACT, extract64(a, rec->imm, rec->aux))
        UNARY(SEXTRACT, sextract64(a, rec->imm, rec->aux))
        BINARY(EXTRACT2, ((u128)b << BITS | a) >> rec->imm)
        UNARY(BSWAP16, __builtin_bswap16(a))
        UNARY(BSWAP32, __builtin_bswap32(a))
        UNARY(BSWAP64, __builtin_bswap64(a))
        BINARY(CLZ, a ? __builtin_clzll(a) - (64 - BITS) : (long long)b)
        BINARY(CTZ, a ? __builtin_ctzll(a) : (long long)b)
        UNARY(POPCNT, __builtin_popcountll(a))
        CASE(SETCOND):
            OUT(0, condition(rec->aux & 0xff, rec->type == IR_I64, ARG(1), ARG(2)));
            break;
        CASE(NEGSETCOND):
            OUT(0, -(uint64_t)condition(rec->aux & 0xff, rec->type == IR_I64, ARG(1), ARG(2)));
            break;
        BOTH_CASES(MOVCOND, OUT(0, (U)(condition(rec->aux & 0xff, rec->aux & 0x100, ARG(1), ARG(2)) ? ARG(3) : ARG(4)));)

        LOAD_ENV(LD8U, uint8_t)
        LOAD_ENV(LD8S, int8_t)
        LOAD_ENV(LD16U, uint16_t)
        LOAD_ENV(LD16S, int16_t)
        LOAD_ENV(LD32U, uint32_t)
        LOAD_ENV(LD32S, int32_t)
        STORE_ENV(ST8, uint8_t)
        STORE_ENV(ST16, uint16_t)
        STORE_ENV(ST32, uint32_t)
        CASE(LD): {
            uint64_t v = 0;
            if (rec->type >= IR_V128) {
                run_vector_op(cpu, base, rec);
                break;
            }
            memcpy(&v, (char *)cpu + rec->imm, rec->type == IR_I32 ? 4 : 8);
            OUT(0, v);
            break;
        }
        CASE(ST): {
            uint64_t v;
            if (rec->type >= IR_V128) {
                run_vector_op(cpu, base, rec);
                break;
            }
            v = ARG(0);
            memcpy((char *)cpu + rec->imm, &v, rec->type == IR_I32 ? 4 : 8);
            break;
        }
        CASE(ENV_ADDR):
            OUT(0, (uintptr_t)cpu + rec->imm);
            break;

        CASE(GUEST_LD):
            run_guest_ld(cpu, base, rec, read_arg(base, rec->arg[1]));
            break;
        CASE(GUEST_ST):
            run_guest_st(cpu, base, rec, read_arg(base, rec->arg[1]));
            break;
        CASE(GUEST_CHECK):
            OUT(0, 0);
            break;
        CASE(GUEST_LDC):
            run_guest_ld(cpu, base, rec, checked_address(base, rec));
            break;
        CASE(GUEST_STC):
            run_guest_st(cpu, base, rec, checked_address(base, rec));
            break;
        CASE(ATOMIC_XCHG): CASE(ATOMIC_ADD): CASE(ATOMIC_AND): CASE(ATOMIC_OR): CASE(ATOMIC_XOR):
        CASE(ATOMIC_CMPXCHG):
            run_atomic(cpu, base, rec);
            break;
        CASE(VMOV): CASE(VZERO): CASE(V_JOIN): CASE(V_HALF): CASE(V_FROM_INT): CASE(V_TO_INT): CASE(VOP): CASE(VCALL):
            run_vector_op(cpu, base, rec);
            break;
        }
    }
}

/* Under -icount: takes the TB's instructions from the budget; false when they are not all in it. */
static bool enter_counted(CPUState *cpu, const TranslationBlock *tb)
{
    if (cpu->icount_left < tb->insns) {
        return false;
    }
    cpu->icount_left -= tb->insns;
    return true;
}

uintptr_t interp_exec(CPUState *cpu, TranslationBlock *tb)
{
    alignas(32) uint8_t temps[INTERP_TEMPS_SIZE];
    uintptr_t exit = 0;

    do {
        if (tb->flags & TB_ICOUNT && !enter_counted(cpu, tb)) {
            set_pc(cpu, tb->state.pc - tb->state.cs_base);
            leave(tb, TB_EXIT_POLL, &exit);
        } else {
            tb = run_tb(cpu, tb, temps, &exit);
        }
    } while (!exit);
    interp_return_address = 0;
    return exit;
}
