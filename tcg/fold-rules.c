/* SPDX-License-Identifier: MIT */
/*
 * The rules of the fold pass, one per operation or family. A rule sees inputs already replaced by
 * constants and copies; it may rewrite the operation and says in Fold.maybe which bits of the first
 * output may be 1.
 */
#include "fold.h"
#include <string.h>

static unsigned width(const IROp *op)
{
    return op->type == IR_I32 ? 32 : 64;
}

static uint64_t type_mask(const IROp *op)
{
    return op->type == IR_I32 ? UINT32_MAX : ~0ull;
}

static bool is_const(const Fold *s, IRVal v)
{
    return s->f->vals[v].kind == IRK_CONST;
}

static uint64_t value(const Fold *s, IRVal v)
{
    return s->f->vals[v].value;
}

/* Bits of in[n] that may be 1, as the operation's type sees them. */
static uint64_t maybe_in(const Fold *s, const IROp *op, unsigned n)
{
    return fold_maybe(s, op->in[n]) & type_mask(op);
}

static int64_t as_signed(uint64_t v, IRType t)
{
    return t == IR_I32 ? (int32_t)v : (int64_t)v;
}

static void set_const_in(Fold *s, IROp *op, unsigned n, uint64_t v)
{
    op->in[n] = ir_const(s->f, op->type, v);
}

/* Turns op into opc with its first input and a constant second one. */
static void become(Fold *s, IROp *op, IROpcode opc, uint64_t second)
{
    op->opc = opc;
    op->aux = 0;
    op->imm = 0;
    set_const_in(s, op, 1, second);
}

static void become_unary(IROp *op, IROpcode opc)
{
    op->opc = opc;
    op->aux = 0;
    op->imm = 0;
    op->in[1] = IR_NONE;
}

/* ---- Arithmetic on two constants ---- */

static uint64_t rotate_left(uint64_t v, unsigned n, unsigned bits)
{
    v = bits == 32 ? (uint32_t)v : v;
    n &= bits - 1;
    return n ? v << n | v >> (bits - n) : v;
}

/* Inputs are zero-extended from the type; the result is truncated by the caller. False: not folded. */
static bool eval2(IROpcode opc, IRType t, uint64_t a, uint64_t b, uint64_t *out)
{
    unsigned bits = t == IR_I32 ? 32 : 64;
    int64_t sa = as_signed(a, t), sb = as_signed(b, t);

    switch (opc) {
    case IR_ADD: *out = a + b; break;
    case IR_SUB: *out = a - b; break;
    case IR_MUL: *out = a * b; break;
    case IR_AND: *out = a & b; break;
    case IR_OR: *out = a | b; break;
    case IR_XOR: *out = a ^ b; break;
    case IR_ANDC: *out = a & ~b; break;
    case IR_SHL: *out = a << (b & (bits - 1)); break;
    case IR_SHR: *out = a >> (b & (bits - 1)); break;
    case IR_SAR: *out = sa >> (b & (bits - 1)); break;
    case IR_ROTL: *out = rotate_left(a, b, bits); break;
    case IR_ROTR: *out = rotate_left(a, -b, bits); break;
    case IR_CLZ: *out = a ? (unsigned)__builtin_clzll(a) - (64 - bits) : b; break;
    case IR_CTZ: *out = a ? (unsigned)__builtin_ctzll(a) : b; break;
    case IR_DIVU: case IR_REMU:
        if (b == 0) {
            return false;
        }
        *out = opc == IR_DIVU ? a / b : a % b;
        break;
    case IR_DIVS: case IR_REMS:
        if (sb == 0 || sb == -1) {
            return false;
        }
        *out = opc == IR_DIVS ? sa / sb : sa % sb;
        break;
    default:
        return false;
    }
    return true;
}

static bool fold_two_constants(Fold *s, IROp *op)
{
    uint64_t result;

    if (!is_const(s, op->in[0]) || !is_const(s, op->in[1]) ||
        !eval2(op->opc, op->type, value(s, op->in[0]), value(s, op->in[1]), &result)) {
        return false;
    }
    fold_to_const(s, op, result);
    return true;
}

static void constant_second(Fold *s, IROp *op)
{
    if (is_const(s, op->in[0])) {
        IRVal a = op->in[0];
        op->in[0] = op->in[1];
        op->in[1] = a;
    }
}

static bool second_is(const Fold *s, const IROp *op, uint64_t v)
{
    return is_const(s, op->in[1]) && value(s, op->in[1]) == (v & type_mask(op));
}

static void rule_add(Fold *s, IROp *op)
{
    if (fold_two_constants(s, op)) {
        return;
    }
    constant_second(s, op);
    if (second_is(s, op, 0)) {
        fold_to_move(s, op, op->in[0]);
    }
}

static void rule_sub(Fold *s, IROp *op)
{
    if (fold_two_constants(s, op)) {
        return;
    }
    if (op->in[0] == op->in[1]) {
        fold_to_const(s, op, 0);
    } else if (second_is(s, op, 0)) {
        fold_to_move(s, op, op->in[0]);
    } else if (is_const(s, op->in[1])) {
        become(s, op, IR_ADD, -value(s, op->in[1]));
    } else if (is_const(s, op->in[0]) && value(s, op->in[0]) == 0) {
        op->in[0] = op->in[1];
        become_unary(op, IR_NEG);
    }
}

static void rule_shift(Fold *s, IROp *op);

static void rule_mul(Fold *s, IROp *op)
{
    uint64_t c;

    if (fold_two_constants(s, op)) {
        return;
    }
    constant_second(s, op);
    if (!is_const(s, op->in[1])) {
        return;
    }
    c = value(s, op->in[1]);
    if (c == 0) {
        fold_to_const(s, op, 0);
    } else if ((c & (c - 1)) == 0) {
        become(s, op, IR_SHL, __builtin_ctzll(c));
        rule_shift(s, op);
    }
}

static void rule_mul2(Fold *s, IROp *op)
{
    constant_second(s, op);
}

static void rule_and(Fold *s, IROp *op);

static void rule_div(Fold *s, IROp *op)
{
    uint64_t c;

    if (fold_two_constants(s, op) || !is_const(s, op->in[1])) {
        return;
    }
    c = value(s, op->in[1]);
    if (c == 0 || (c & (c - 1)) != 0) {
        return;
    }
    if (op->opc == IR_DIVU) {
        become(s, op, IR_SHR, __builtin_ctzll(c));
        rule_shift(s, op);
    } else if (op->opc == IR_REMU) {
        become(s, op, IR_AND, c - 1);
        rule_and(s, op);
    }
}

/* ---- Logic ---- */

static void rule_ext(Fold *s, IROp *op);

/* The extension that keeps just these low bits, or IR_NOP. */
static IROpcode ext_for_mask(uint64_t mask, IRType t)
{
    return mask == 0xff ? IR_EXT8U : mask == 0xffff ? IR_EXT16U :
           mask == UINT32_MAX && t == IR_I64 ? IR_EXT_I32_I64U : IR_NOP;
}

static void rule_and(Fold *s, IROp *op)
{
    uint64_t mask, maybe;

    if (fold_two_constants(s, op)) {
        return;
    }
    constant_second(s, op);
    maybe = maybe_in(s, op, 0);
    mask = maybe_in(s, op, 1);
    s->maybe = maybe & mask;
    if (s->maybe == 0) {
        fold_to_const(s, op, 0);
    } else if (op->in[0] == op->in[1] || (is_const(s, op->in[1]) && (maybe & ~mask) == 0)) {
        fold_to_move(s, op, op->in[0]);
    } else if (is_const(s, op->in[1]) && ext_for_mask(mask, op->type) != IR_NOP) {
        become_unary(op, ext_for_mask(mask, op->type));
        rule_ext(s, op);
    }
}

static void rule_or(Fold *s, IROp *op)
{
    if (fold_two_constants(s, op)) {
        return;
    }
    constant_second(s, op);
    s->maybe = maybe_in(s, op, 0) | maybe_in(s, op, 1);
    if (second_is(s, op, ~0ull)) {
        fold_to_const(s, op, ~0ull);
    } else if (second_is(s, op, 0) || op->in[0] == op->in[1]) {
        fold_to_move(s, op, op->in[0]);
    }
}

static void rule_xor(Fold *s, IROp *op)
{
    if (fold_two_constants(s, op)) {
        return;
    }
    constant_second(s, op);
    s->maybe = maybe_in(s, op, 0) | maybe_in(s, op, 1);
    if (op->in[0] == op->in[1]) {
        fold_to_const(s, op, 0);
    } else if (second_is(s, op, 0)) {
        fold_to_move(s, op, op->in[0]);
    } else if (second_is(s, op, ~0ull)) {
        become_unary(op, IR_NOT);
    }
}

static void rule_andc(Fold *s, IROp *op)
{
    if (fold_two_constants(s, op)) {
        return;
    }
    s->maybe = maybe_in(s, op, 0);
    if (is_const(s, op->in[1])) {
        become(s, op, IR_AND, ~value(s, op->in[1]));
        rule_and(s, op);
    } else if (op->in[0] == op->in[1] || s->maybe == 0) {
        fold_to_const(s, op, 0);
    }
}

static void rule_neg(Fold *s, IROp *op)
{
    if (is_const(s, op->in[0])) {
        fold_to_const(s, op, -value(s, op->in[0]));
    }
}

static void rule_not(Fold *s, IROp *op)
{
    if (is_const(s, op->in[0])) {
        fold_to_const(s, op, ~value(s, op->in[0]));
    }
}

/* ---- Shifts ---- */

static void rule_shift(Fold *s, IROp *op)
{
    unsigned bits = width(op), n;
    uint64_t maybe = maybe_in(s, op, 0);

    if (fold_two_constants(s, op)) {
        return;
    }
    if (maybe == 0) {
        fold_to_const(s, op, 0);
        return;
    }
    if (op->opc == IR_SAR && !(maybe >> (bits - 1))) {
        op->opc = IR_SHR;
    }
    if (!is_const(s, op->in[1])) {
        return;
    }
    n = value(s, op->in[1]) & (bits - 1);
    if (n == 0) {
        s->maybe = maybe;
        fold_to_move(s, op, op->in[0]);
        return;
    }
    set_const_in(s, op, 1, n);
    if (op->opc == IR_SHL) {
        s->maybe = maybe << n;
    } else if (op->opc == IR_SHR) {
        s->maybe = maybe >> n;
    }
    if ((s->maybe & type_mask(op)) == 0) {
        fold_to_const(s, op, 0);
    }
}

static void rule_bit_count(Fold *s, IROp *op)
{
    if (op->opc == IR_POPCNT) {
        s->maybe = 0x7f;
        if (is_const(s, op->in[0])) {
            fold_to_const(s, op, __builtin_popcountll(value(s, op->in[0])));
        }
    } else {
        s->maybe = 0x7f | maybe_in(s, op, 1);
        fold_two_constants(s, op);
    }
}

/* ---- Extensions and fields ---- */

static void rule_ext(Fold *s, IROp *op)
{
    bool is_signed = op->opc == IR_EXT8S || op->opc == IR_EXT16S;
    unsigned bits = op->opc == IR_EXT8S || op->opc == IR_EXT8U ? 8 :
                    op->opc == IR_EXT16S || op->opc == IR_EXT16U ? 16 : 32;
    uint64_t maybe = fold_maybe(s, op->in[0]), field;

    if (op->opc == IR_EXT_I32_I64S || op->opc == IR_EXT_I32_I64U) {
        is_signed = op->opc == IR_EXT_I32_I64S;
    }
    field = ~0ull >> (64 - bits);
    if (is_const(s, op->in[0])) {
        uint64_t v = value(s, op->in[0]);
        fold_to_const(s, op, is_signed ? (uint64_t)sextract64(v, 0, bits) : v & field);
        return;
    }
    if (is_signed && !(maybe >> (bits - 1) & 1)) {
        op->opc = bits == 8 ? IR_EXT8U : bits == 16 ? IR_EXT16U : IR_EXT_I32_I64U;
        is_signed = false;
    }
    if (is_signed) {
        return;
    }
    s->maybe = maybe & field;
    if ((maybe & type_mask(op) & ~field) == 0 && (op->type == IR_I32 || ir_type(s->f, op->in[0]) == IR_I64)) {
        fold_to_move(s, op, op->in[0]);
    }
}

static void rule_trunc(Fold *s, IROp *op)
{
    fold_to_move(s, op, op->in[0]);
}

static void rule_trunc_hi(Fold *s, IROp *op)
{
    s->maybe = fold_maybe(s, op->in[0]) >> 32;
    if (s->maybe == 0 || is_const(s, op->in[0])) {
        fold_to_const(s, op, is_const(s, op->in[0]) ? value(s, op->in[0]) >> 32 : 0);
    }
}

static void rule_extract(Fold *s, IROp *op)
{
    unsigned pos = op->imm, len = op->aux, bits = width(op);
    uint64_t maybe = maybe_in(s, op, 0);

    s->maybe = extract64(maybe, pos, len);
    if (is_const(s, op->in[0])) {
        fold_to_const(s, op, extract64(value(s, op->in[0]), pos, len));
    } else if (s->maybe == 0) {
        fold_to_const(s, op, 0);
    } else if (pos == 0) {
        become(s, op, IR_AND, ~0ull >> (64 - len));
        rule_and(s, op);
    } else if (pos + len == bits || maybe >> pos == s->maybe) {
        become(s, op, IR_SHR, pos);
    }
}

static void rule_sextract(Fold *s, IROp *op)
{
    unsigned pos = op->imm, len = op->aux, bits = width(op);

    if (is_const(s, op->in[0])) {
        fold_to_const(s, op, sextract64(value(s, op->in[0]), pos, len));
    } else if (!(maybe_in(s, op, 0) >> (pos + len - 1) & 1)) {
        op->opc = IR_EXTRACT;
        rule_extract(s, op);
    } else if (len == bits) {
        fold_to_move(s, op, op->in[0]);
    } else if (pos == 0 && (len == 8 || len == 16 || len == 32)) {
        become_unary(op, len == 8 ? IR_EXT8S : len == 16 ? IR_EXT16S : IR_EXT_I32_I64S);
    } else if (pos + len == bits) {
        become(s, op, IR_SAR, pos);
    }
}

static void rule_deposit(Fold *s, IROp *op)
{
    unsigned pos = op->imm, len = op->aux;
    uint64_t base = maybe_in(s, op, 0), field = maybe_in(s, op, 1);
    uint64_t mask = ~0ull >> (64 - len);

    s->maybe = deposit64(base, pos, len, field);
    if (is_const(s, op->in[0]) && is_const(s, op->in[1])) {
        fold_to_const(s, op, deposit64(value(s, op->in[0]), pos, len, value(s, op->in[1])));
    } else if (len == width(op)) {
        fold_to_move(s, op, op->in[1]);
    } else if (second_is(s, op, 0)) {
        become(s, op, IR_AND, ~(mask << pos));
        rule_and(s, op);
    } else if ((base & ~(mask << pos)) == 0 && (pos == 0 || (field & ~mask) == 0)) {
        op->in[0] = op->in[1];
        become(s, op, pos ? IR_SHL : IR_AND, pos ? pos : mask);
        (pos ? rule_shift : rule_and)(s, op);
    }
}

static void rule_extract2(Fold *s, IROp *op)
{
    unsigned pos = op->imm, bits = width(op);

    if (pos == 0 || pos == bits) {
        fold_to_move(s, op, op->in[pos != 0]);
    } else if (is_const(s, op->in[0]) && is_const(s, op->in[1])) {
        fold_to_const(s, op, value(s, op->in[0]) >> pos | value(s, op->in[1]) << (bits - pos));
    } else if (op->in[0] == op->in[1]) {
        become(s, op, IR_ROTR, pos);
    }
}

static void rule_bswap(Fold *s, IROp *op)
{
    uint64_t v;

    s->maybe = op->opc == IR_BSWAP16 ? 0xffff : op->opc == IR_BSWAP32 ? UINT32_MAX : ~0ull;
    if (!is_const(s, op->in[0])) {
        return;
    }
    v = value(s, op->in[0]);
    fold_to_const(s, op, op->opc == IR_BSWAP16 ? __builtin_bswap16(v) :
                         op->opc == IR_BSWAP32 ? __builtin_bswap32(v) : __builtin_bswap64(v));
}

/* ---- Conditions ---- */

static bool eval_cond(IRCond c, IRType t, uint64_t a, uint64_t b)
{
    int64_t sa = as_signed(a, t), sb = as_signed(b, t);

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

static IRCond decided(bool truth)
{
    return truth ? IR_ALWAYS : IR_NEVER;
}

/* What is known of a comparison with a constant from the bits that may be set in the other side. */
static IRCond decide_by_bits(IRCond c, uint64_t maybe, uint64_t b)
{
    switch (c) {
    case IR_EQ: case IR_NE:
        return b & ~maybe ? decided(c == IR_NE) : c;
    case IR_LTU: case IR_GEU:
        return b == 0 || maybe < b ? decided((c == IR_LTU) == (b != 0)) : c;
    case IR_LEU: case IR_GTU:
        return maybe <= b ? decided(c == IR_LEU) : c;
    default:
        return c;
    }
}

/*
 * Simplifies "in0 c in1" compared as t: puts a constant second, tries to decide it.
 * Returns the new condition, IR_ALWAYS or IR_NEVER when decided.
 */
static IRCond fold_cond(Fold *s, IROp *op, IRCond c, IRType t)
{
    uint64_t mask = t == IR_I32 ? UINT32_MAX : ~0ull;
    uint64_t maybe, b;

    if (is_const(s, op->in[0]) && is_const(s, op->in[1])) {
        return decided(eval_cond(c, t, value(s, op->in[0]), value(s, op->in[1])));
    }
    if (is_const(s, op->in[0])) {
        constant_second(s, op);
        c = ir_cond_swap(c);
    }
    if (op->in[0] == op->in[1]) {
        if (c != IR_TSTEQ && c != IR_TSTNE) {
            return decided(eval_cond(c, t, 0, 0));
        }
        op->in[1] = ir_const(s->f, t, mask);
    }
    maybe = fold_maybe(s, op->in[0]) & mask;
    b = fold_maybe(s, op->in[1]) & mask;
    if ((c == IR_TSTEQ || c == IR_TSTNE) && (maybe & b) == 0) {
        return decided(c == IR_TSTEQ);
    }
    if (!is_const(s, op->in[1])) {
        return c;
    }
    if ((c == IR_TSTEQ || c == IR_TSTNE) && (maybe & ~b) == 0) {
        op->in[1] = ir_const(s->f, t, 0);
        return c == IR_TSTEQ ? IR_EQ : IR_NE;
    }
    c = decide_by_bits(c, maybe, b);
    if (b == 1 && (c == IR_LTU || c == IR_GEU)) {
        op->in[1] = ir_const(s->f, t, 0);
        return c == IR_LTU ? IR_EQ : IR_NE;
    }
    return c;
}

static void rule_brcond(Fold *s, IROp *op)
{
    IRCond c = fold_cond(s, op, op->aux, op->type);

    op->aux = c;
    if (c == IR_NEVER) {
        s->label_uses[op->imm]--;
        op->opc = IR_NOP;
    } else if (c == IR_ALWAYS) {
        op->opc = IR_BR;
        op->type = IR_VOID;
        op->aux = 0;
        op->in[0] = op->in[1] = IR_NONE;
    }
}

static void rule_setcond(Fold *s, IROp *op)
{
    IRCond c = fold_cond(s, op, op->aux & 0xff, op->type);

    op->aux = (op->aux & 0x100) | c;
    s->maybe = op->opc == IR_SETCOND ? 1 : ~0ull;
    if (c == IR_NEVER || c == IR_ALWAYS) {
        fold_to_const(s, op, c == IR_NEVER ? 0 : op->opc == IR_SETCOND ? 1 : ~0ull);
    } else if (op->opc == IR_SETCOND && c == IR_NE && second_is(s, op, 0) && maybe_in(s, op, 0) == 1 &&
               (op->type == IR_I64 || !(op->aux & 0x100))) {
        fold_to_move(s, op, op->in[0]);
    }
}

static void rule_movcond(Fold *s, IROp *op)
{
    IRType compared = op->aux & 0x100 ? IR_I64 : IR_I32;
    IRCond c = fold_cond(s, op, op->aux & 0xff, compared);

    op->aux = (op->aux & 0x100) | c;
    s->maybe = maybe_in(s, op, 2) | maybe_in(s, op, 3);
    if (c == IR_ALWAYS || c == IR_NEVER || op->in[2] == op->in[3]) {
        fold_to_move(s, op, op->in[c == IR_NEVER ? 3 : 2]);
    } else if (is_const(s, op->in[2]) && is_const(s, op->in[3]) &&
               value(s, op->in[2]) + value(s, op->in[3]) == 1 && value(s, op->in[2]) <= 1) {
        op->opc = IR_SETCOND;
        op->aux = (value(s, op->in[2]) ? c : ir_cond_negate(c)) |
                  (ir_type(s->f, op->out[0]) == IR_I64 ? 0x100 : 0);
        op->type = compared;
        op->in[2] = op->in[3] = IR_NONE;
    }
}

/* ---- Loads ---- */

static void rule_load(Fold *s, IROp *op)
{
    s->maybe = op->opc == IR_LD8U ? 0xff : op->opc == IR_LD16U ? 0xffff : UINT32_MAX;
}

static void rule_guest_load(Fold *s, IROp *op)
{
    MemOp m = memopidx_op(op->imm);

    if (!(m & MO_SIGN) && memop_bytes(m) < 8) {
        s->maybe = ~0ull >> (64 - 8 * memop_bytes(m));
    }
}

FoldRule *const fold_rules[IR_OPCODES] = {
    [IR_BRCOND] = rule_brcond,
    [IR_EXT8S] = rule_ext, [IR_EXT8U] = rule_ext, [IR_EXT16S] = rule_ext, [IR_EXT16U] = rule_ext,
    [IR_EXT_I32_I64S] = rule_ext, [IR_EXT_I32_I64U] = rule_ext,
    [IR_TRUNC] = rule_trunc, [IR_TRUNC_HI] = rule_trunc_hi,
    [IR_ADD] = rule_add, [IR_SUB] = rule_sub, [IR_NEG] = rule_neg,
    [IR_MUL] = rule_mul, [IR_MULU2] = rule_mul2, [IR_MULS2] = rule_mul2,
    [IR_DIVU] = rule_div, [IR_DIVS] = rule_div, [IR_REMU] = rule_div, [IR_REMS] = rule_div,
    [IR_AND] = rule_and, [IR_OR] = rule_or, [IR_XOR] = rule_xor, [IR_ANDC] = rule_andc, [IR_NOT] = rule_not,
    [IR_SHL] = rule_shift, [IR_SHR] = rule_shift, [IR_SAR] = rule_shift,
    [IR_ROTL] = rule_shift, [IR_ROTR] = rule_shift,
    [IR_DEPOSIT] = rule_deposit, [IR_EXTRACT] = rule_extract, [IR_SEXTRACT] = rule_sextract,
    [IR_EXTRACT2] = rule_extract2,
    [IR_BSWAP16] = rule_bswap, [IR_BSWAP32] = rule_bswap, [IR_BSWAP64] = rule_bswap,
    [IR_CLZ] = rule_bit_count, [IR_CTZ] = rule_bit_count, [IR_POPCNT] = rule_bit_count,
    [IR_SETCOND] = rule_setcond, [IR_NEGSETCOND] = rule_setcond, [IR_MOVCOND] = rule_movcond,
    [IR_LD8U] = rule_load, [IR_LD16U] = rule_load, [IR_LD32U] = rule_load,
    [IR_GUEST_LD] = rule_guest_load,
};
