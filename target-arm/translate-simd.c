/* SPDX-License-Identifier: MIT */
/*
 * Vector operations for the translators of AdvSIMD, Neon and VFP: host instructions where x86 has the like, C functions
 * (simd.h) where it has not. Floating point runs on the host under the guest's rounding mode; a VecCall's check sends
 * doubtful results to the exact function. With flush to zero (TBF_FP_EXACT), half precision and Neon's standard mode it is the function
 * at once.
 */
#include "translate-simd.h"

/* ---- Small things ---- */

IRVal simd_zero(DisasContext *s)
{
    return ir_const(s->ir, IR_V128, 0);
}

uint64_t simd_repeat(unsigned esz, uint64_t element)
{
    static const uint64_t ones[4] = { 0x0101010101010101, 0x0001000100010001, 0x0000000100000001, 1 };
    unsigned bits = 8u << esz;
    return (element & (~0ull >> (64 - bits))) * ones[esz];
}

void simd_set_low(DisasContext *s, IRVal dst, uint64_t value)
{
    if (!value)
        ir_mov(s->ir, dst, simd_zero(s));
    else
        ir_v_from_int(s->ir, dst, value >> 32 ? ir_i64(s->ir, value) : ir_i32(s->ir, (uint32_t)value));
}

/* A temp with the value below and zero above. */
static IRVal low_const(DisasContext *s, uint64_t value)
{
    IRVal v = arm_tmpv(s);

    simd_set_low(s, v, value);
    return v;
}

IRVal simd_const(DisasContext *s, uint64_t value)
{
    IRVal low, v;

    if (!value)
        return simd_zero(s);
    low = low_const(s, value);
    v = arm_tmpv(s);
    simd_row(s, VEC_UNPCKL64, v, low, low);
    return v;
}

void simd_zero_above(DisasContext *s, IRVal dst, IRVal v, unsigned bytes)
{
    switch (bytes) {
    case 16: ir_mov(s->ir, dst, v); break;
    case 8: ir_vop(s->ir, VEC_MOVQ, dst, v, IR_NONE, IR_NONE, 0); break;
    case 4: ir_vop(s->ir, VEC_INSERTPS, dst, v, v, IR_NONE, 0x0e); break;
    default: simd_row(s, VEC_AND, dst, v, low_const(s, bytes == 1 ? 0xff : 0xffff)); break;
    }
}

void simd_dup_element(DisasContext *s, unsigned esz, unsigned bytes, IRVal dst, IRVal v, unsigned index)
{
    IRFunc *f = s->ir;
    IRVal t = arm_tmpv(s);

    switch (esz) {
    case E8:
        if (index)
            ir_vop(f, VEC_SRLBYTES, t, v, IR_NONE, IR_NONE, (uint8_t)index);
        else
            ir_mov(f, t, v);
        simd_row(s, VEC_PSHUFB, t, t, simd_zero(s));
        break;
    case E16:
        ir_vop(f, index < 4 ? VEC_SHUFLO16 : VEC_SHUFHI16, t, v, IR_NONE, IR_NONE, (uint8_t)((index & 3) * 0x55));
        if (index < 4)
            simd_row(s, VEC_UNPCKL64, t, t, t);
        else
            simd_row(s, VEC_UNPCKH64, t, t, t);
        break;
    case E32:
        ir_vop(f, VEC_SHUF32, t, v, IR_NONE, IR_NONE, (uint8_t)(index * 0x55));
        break;
    default:
        simd_row(s, index ? VEC_UNPCKH64 : VEC_UNPCKL64, t, v, v);
        break;
    }
    simd_zero_above(s, dst, t, bytes);
}

void simd_dup_int(DisasContext *s, unsigned esz, unsigned bytes, IRVal dst, IRVal value)
{
    IRVal t = arm_tmpv(s);
    ir_v_from_int(s->ir, t, value);
    simd_dup_element(s, esz, bytes, dst, t, 0);
}

void simd_extract(DisasContext *s, unsigned esz, bool is_signed, IRVal dst, IRVal v, unsigned index)
{
    static const uint16_t row[4] = { VEC_EXTRACT8, VEC_EXTRACT16, VEC_EXTRACT32, VEC_EXTRACT64 };
    IRFunc *f = s->ir;

    if (index == 0 && esz >= E32) {
        IRVal t = esz == E32 ? arm_tmp32(s) : dst;
        ir_v_to_int(f, t, v);
        if (esz == E32)
            ir_op1(f, is_signed ? IR_EXT_I32_I64S : IR_EXT_I32_I64U, IR_I64, dst, t);
        return;
    }
    if (esz == E64) {
        ir_vop(f, row[esz], dst, v, IR_NONE, IR_NONE, (uint8_t)index);
        return;
    }
    IRVal t = arm_tmp32(s);
    ir_vop(f, row[esz], t, v, IR_NONE, IR_NONE, (uint8_t)index);
    ir_op1(f, IR_EXT_I32_I64U, IR_I64, dst, t);
    if (is_signed)
        ir_extract(f, IR_SEXTRACT, IR_I64, dst, dst, 0, 8u << esz);
}

void simd_insert(DisasContext *s, unsigned esz, IRVal dst, IRVal v, IRVal value, unsigned index)
{
    static const uint16_t row[4] = { VEC_INSERT8, VEC_INSERT16, VEC_INSERT32, VEC_INSERT64 };
    ir_vop(s->ir, row[esz], dst, v, value, IR_NONE, (uint8_t)index);
}

/* ---- Integers ---- */

void simd_op(DisasContext *s, const SimdOp *op, unsigned esz, unsigned bytes, IRVal dst, IRVal a, IRVal b, IRVal c)
{
    IRVal t = bytes == 16 ? dst : arm_tmpv(s);

    if (op->row[esz]) {
        if (op->swap)
            simd_row(s, op->row[esz] - 1u, t, b, a);
        else
            simd_row(s, op->row[esz] - 1u, t, a, b);
    } else if (!op->emit || !op->emit(s, esz, bytes, t, a, b, c)) {
        simd_call(s, op->call, VI(bytes, esz, 0, 0), dst, a, b, c);
        return;
    }
    if (bytes != 16)
        simd_zero_above(s, dst, t, bytes);
}

static const uint16_t rows_add[4] = { VEC_ADD8, VEC_ADD16, VEC_ADD32, VEC_ADD64 };
static const uint16_t rows_sub[4] = { VEC_SUB8, VEC_SUB16, VEC_SUB32, VEC_SUB64 };
static const uint16_t rows_cmpeq[4] = { VEC_CMPEQ8, VEC_CMPEQ16, VEC_CMPEQ32, VEC_CMPEQ64 };
static const uint16_t rows_cmpgt[4] = { VEC_CMPGT8S, VEC_CMPGT16S, VEC_CMPGT32S, VEC_CMPGT64S };
static const uint16_t rows_smax[3] = { VEC_MAX8S, VEC_MAX16S, VEC_MAX32S }, rows_smin[3] = { VEC_MIN8S, VEC_MIN16S, VEC_MIN32S };
static const uint16_t rows_umax[3] = { VEC_MAX8U, VEC_MAX16U, VEC_MAX32U }, rows_umin[3] = { VEC_MIN8U, VEC_MIN16U, VEC_MIN32U };

#define EMIT(name) static bool name(DisasContext *s, unsigned esz, unsigned bytes, IRVal dst, IRVal a, IRVal b, IRVal c)
#define UNUSED (void)esz, (void)bytes, (void)a, (void)b, (void)c

static void complement(DisasContext *s, IRVal dst, IRVal a)
{
    simd_row(s, VEC_XOR, dst, a, simd_const(s, ~0ull));
}

EMIT(emit_not) { UNUSED; complement(s, dst, a); return true; }
EMIT(emit_cmge)
{
    IRVal t = arm_tmpv(s);
    UNUSED;
    simd_row(s, rows_cmpgt[esz], t, b, a);
    complement(s, dst, t);
    return true;
}
EMIT(emit_cmhs)
{
    IRVal t = arm_tmpv(s);
    UNUSED;
    if (esz == E64)
        return false;
    simd_row(s, rows_umax[esz], t, a, b);
    simd_row(s, rows_cmpeq[esz], dst, t, a);
    return true;
}
EMIT(emit_cmhi)
{
    IRVal t = arm_tmpv(s);
    if (!emit_cmhs(s, esz, bytes, t, b, a, c))
        return false;
    complement(s, dst, t);
    return true;
}
EMIT(emit_cmtst)
{
    IRVal t = arm_tmpv(s);
    UNUSED;
    simd_row(s, VEC_AND, t, a, b);
    simd_row(s, rows_cmpeq[esz], t, t, simd_zero(s));
    complement(s, dst, t);
    return true;
}
static bool emit_muladd(DisasContext *s, unsigned esz, const uint16_t *rows, IRVal dst, IRVal a, IRVal b, IRVal c)
{
    IRVal t = arm_tmpv(s);
    if (esz != E16 && esz != E32)
        return false;
    simd_row(s, esz == E16 ? VEC_MULLO16 : VEC_MULLO32, t, a, b);
    simd_row(s, rows[esz], dst, c, t);
    return true;
}
EMIT(emit_mla) { UNUSED; return emit_muladd(s, esz, rows_add, dst, a, b, c); }
EMIT(emit_mls) { UNUSED; return emit_muladd(s, esz, rows_sub, dst, a, b, c); }
static bool emit_difference(DisasContext *s, unsigned esz, bool is_signed, bool accumulate, IRVal dst, IRVal a, IRVal b, IRVal c)
{
    IRVal max = arm_tmpv(s), min = arm_tmpv(s);
    if (esz == E64)
        return false;
    simd_row(s, (is_signed ? rows_smax : rows_umax)[esz], max, a, b);
    simd_row(s, (is_signed ? rows_smin : rows_umin)[esz], min, a, b);
    simd_row(s, rows_sub[esz], accumulate ? max : dst, max, min);
    if (accumulate)
        simd_row(s, rows_add[esz], dst, c, max);
    return true;
}
EMIT(emit_sabd) { UNUSED; return emit_difference(s, esz, true, false, dst, a, b, c); }
EMIT(emit_uabd) { UNUSED; return emit_difference(s, esz, false, false, dst, a, b, c); }
EMIT(emit_saba) { UNUSED; return emit_difference(s, esz, true, true, dst, a, b, c); }
EMIT(emit_uaba) { UNUSED; return emit_difference(s, esz, false, true, dst, a, b, c); }
EMIT(emit_abs)
{
    static const uint16_t rows[3] = { VEC_ABS8, VEC_ABS16, VEC_ABS32 };
    UNUSED;
    if (esz == E64)
        return false;
    ir_vop(s->ir, rows[esz], dst, a, IR_NONE, IR_NONE, 0);
    return true;
}
EMIT(emit_neg) { UNUSED; simd_row(s, rows_sub[esz], dst, simd_zero(s), a); return true; }
/* Rows work on 16 bytes: the 8-byte forms of the permutations are others. */
EMIT(emit_zip2)
{
    static const uint16_t rows[4] = { VEC_UNPCKH8, VEC_UNPCKH16, VEC_UNPCKH32, VEC_UNPCKH64 };
    static const uint16_t low[3] = { VEC_UNPCKL8, VEC_UNPCKL16, VEC_UNPCKL32 };
    UNUSED;
    if (bytes == 16) {
        simd_row(s, rows[esz], dst, a, b);
    } else {
        simd_row(s, low[esz], dst, a, b);
        ir_vop(s->ir, VEC_SRLBYTES, dst, dst, IR_NONE, IR_NONE, 8);
    }
    return true;
}
static bool emit_pick(DisasContext *s, unsigned esz, unsigned bytes, bool odd, IRVal dst, IRVal a, IRVal b)
{
    if (bytes != 16 || esz < E32)
        return false;
    if (esz == E64)
        simd_row(s, odd ? VEC_UNPCKH64 : VEC_UNPCKL64, dst, a, b);
    else
        ir_vop(s->ir, VEC_SHUFPS, dst, a, b, IR_NONE, odd ? 0xdd : 0x88);
    return true;
}
EMIT(emit_uzp1) { UNUSED; return emit_pick(s, esz, bytes, false, dst, a, b); }
EMIT(emit_uzp2) { UNUSED; return emit_pick(s, esz, bytes, true, dst, a, b); }
EMIT(emit_trn1) { UNUSED; return esz == E64 && emit_pick(s, esz, bytes, false, dst, a, b); }
EMIT(emit_trn2) { UNUSED; return esz == E64 && emit_pick(s, esz, bytes, true, dst, a, b); }
/* Neighbours of bytes or halfwords: the odd ones are shifted onto the even ones, and the results packed. */
static bool emit_pairs(DisasContext *s, unsigned esz, unsigned bytes, unsigned row, IRVal dst, IRVal a, IRVal b)
{
    IRVal mask, t[2], v[2] = { a, b };

    if (bytes != 16 || esz > E16)
        return false;
    mask = simd_const(s, simd_repeat(esz + 1, esz == E8 ? 0xff : 0xffff));
    for (unsigned i = 0; i < 2; i++) {
        t[i] = arm_tmpv(s);
        ir_vop(s->ir, esz == E8 ? VEC_SRLI16 : VEC_SRLI32, t[i], v[i], IR_NONE, IR_NONE, (uint8_t)(8u << esz));
        simd_row(s, row, t[i], t[i], v[i]);
        simd_row(s, VEC_AND, t[i], t[i], mask);
    }
    simd_row(s, esz == E8 ? VEC_PACKUS16 : VEC_PACKUS32, dst, t[0], t[1]);
    return true;
}
EMIT(emit_umaxp) { UNUSED; return esz < E32 && emit_pairs(s, esz, bytes, rows_umax[esz], dst, a, b); }
EMIT(emit_uminp) { UNUSED; return esz < E32 && emit_pairs(s, esz, bytes, rows_umin[esz], dst, a, b); }
EMIT(emit_smaxp) { UNUSED; return esz < E32 && emit_pairs(s, esz, bytes, rows_smax[esz], dst, a, b); }
EMIT(emit_sminp) { UNUSED; return esz < E32 && emit_pairs(s, esz, bytes, rows_smin[esz], dst, a, b); }

EMIT(emit_addp)
{
    IRVal t = arm_tmpv(s), u = arm_tmpv(s);
    UNUSED;
    if (esz == E8)
        return emit_pairs(s, esz, bytes, VEC_ADD8, dst, a, b);
    if (bytes != 16)
        return false;
    if (esz != E64) {
        simd_row(s, esz == E16 ? VEC_PHADDW : VEC_PHADDD, dst, a, b);
        return true;
    }
    simd_row(s, VEC_UNPCKL64, t, a, b);
    simd_row(s, VEC_UNPCKH64, u, a, b);
    simd_row(s, VEC_ADD64, dst, t, u);
    return true;
}

const SimdOp simd_add = { .row = ROW4(ADD8, ADD16, ADD32, ADD64) };
const SimdOp simd_sub = { .row = ROW4(SUB8, SUB16, SUB32, SUB64) };
const SimdOp simd_and = { .row = ROW4(AND, AND, AND, AND) };
const SimdOp simd_or = { .row = ROW4(OR, OR, OR, OR) };
const SimdOp simd_xor = { .row = ROW4(XOR, XOR, XOR, XOR) };
const SimdOp simd_bic = { .row = ROW4(ANDN, ANDN, ANDN, ANDN), .swap = true };
const SimdOp simd_cmeq = { .row = ROW4(CMPEQ8, CMPEQ16, CMPEQ32, CMPEQ64) };
const SimdOp simd_cmgt = { .row = ROW4(CMPGT8S, CMPGT16S, CMPGT32S, CMPGT64S) };
const SimdOp simd_cmge = { .emit = emit_cmge, .call = &vc_cmge };
const SimdOp simd_cmhi = { .emit = emit_cmhi, .call = &vc_cmhi };
const SimdOp simd_cmhs = { .emit = emit_cmhs, .call = &vc_cmhs };
const SimdOp simd_cmtst = { .emit = emit_cmtst, .call = &vc_cmtst };
const SimdOp simd_smax = { .row = ROW3(MAX8S, MAX16S, MAX32S), .call = &vc_smax };
const SimdOp simd_smin = { .row = ROW3(MIN8S, MIN16S, MIN32S), .call = &vc_smin };
const SimdOp simd_umax = { .row = ROW3(MAX8U, MAX16U, MAX32U), .call = &vc_umax };
const SimdOp simd_umin = { .row = ROW3(MIN8U, MIN16U, MIN32U), .call = &vc_umin };
const SimdOp simd_mul = { .row = { 0, VEC_MULLO16 + 1, VEC_MULLO32 + 1, 0 }, .call = &vc_mul };
const SimdOp simd_mla = { .emit = emit_mla, .call = &vc_mla };
const SimdOp simd_mls = { .emit = emit_mls, .call = &vc_mls };
const SimdOp simd_sabd = { .emit = emit_sabd, .call = &vc_sabd };
const SimdOp simd_uabd = { .emit = emit_uabd, .call = &vc_uabd };
const SimdOp simd_saba = { .emit = emit_saba, .call = &vc_saba };
const SimdOp simd_uaba = { .emit = emit_uaba, .call = &vc_uaba };
const SimdOp simd_urhadd = { .row = { VEC_AVG8U + 1, VEC_AVG16U + 1, 0, 0 }, .call = &vc_urhadd };
const SimdOp simd_abs = { .emit = emit_abs, .call = &vc_abs };
const SimdOp simd_neg = { .emit = emit_neg };
const SimdOp simd_not = { .emit = emit_not };
const SimdOp simd_zip1 = { .row = ROW4(UNPCKL8, UNPCKL16, UNPCKL32, UNPCKL64) };
const SimdOp simd_zip2 = { .emit = emit_zip2 };
const SimdOp simd_uzp1 = { .emit = emit_uzp1, .call = &vc_uzp1 };
const SimdOp simd_uzp2 = { .emit = emit_uzp2, .call = &vc_uzp2 };
const SimdOp simd_trn1 = { .emit = emit_trn1, .call = &vc_trn1 };
const SimdOp simd_trn2 = { .emit = emit_trn2, .call = &vc_trn2 };
const SimdOp simd_umaxp = { .emit = emit_umaxp, .call = &vc_umaxp };
const SimdOp simd_uminp = { .emit = emit_uminp, .call = &vc_uminp };
const SimdOp simd_smaxp = { .emit = emit_smaxp, .call = &vc_smaxp };
const SimdOp simd_sminp = { .emit = emit_sminp, .call = &vc_sminp };
const SimdOp simd_addp = { .emit = emit_addp, .call = &vc_addp };

void simd_logic(DisasContext *s, unsigned which, unsigned bytes, IRVal d, IRVal n, IRVal m)
{
    IRVal t = arm_tmpv(s), mask;

    switch (which) {
    case 0: simd_row(s, VEC_AND, t, n, m); break;
    case 1: simd_row(s, VEC_ANDN, t, m, n); break;
    case 2: simd_row(s, VEC_OR, t, n, m); break;
    case 3:
        simd_op(s, &simd_not, E64, 16, t, m, IR_NONE, IR_NONE);
        simd_row(s, VEC_OR, t, n, t);
        break;
    case 4: simd_row(s, VEC_XOR, t, n, m); break;
    default: /* x ^ ((x ^ y) & mask) */
        mask = which == 5 ? d : m;
        simd_row(s, VEC_XOR, t, which == 5 ? m : d, n);
        simd_row(s, which == 7 ? VEC_ANDN : VEC_AND, t, which == 7 ? mask : t, which == 7 ? t : mask);
        simd_row(s, VEC_XOR, t, which == 5 ? m : d, t);
        break;
    }
    simd_zero_above(s, d, t, bytes);
}

bool simd_shift_left(DisasContext *s, unsigned esz, IRVal dst, IRVal a, unsigned n)
{
    static const uint16_t row[4] = { VEC_SLLI16, VEC_SLLI16, VEC_SLLI32, VEC_SLLI64 };

    ir_vop(s->ir, row[esz], dst, a, IR_NONE, IR_NONE, (uint8_t)n);
    if (esz == E8)
        simd_row(s, VEC_AND, dst, dst, simd_const(s, simd_repeat(E8, 0xff << n)));
    return true;
}

bool simd_shift_right(DisasContext *s, unsigned esz, bool is_signed, IRVal dst, IRVal a, unsigned n)
{
    static const uint16_t logical[4] = { VEC_SRLI16, VEC_SRLI16, VEC_SRLI32, VEC_SRLI64 };
    static const uint16_t arithmetic[4] = { 0, VEC_SRAI16, VEC_SRAI32, 0 };

    if (is_signed) {
        if (!arithmetic[esz])
            return false;
        ir_vop(s->ir, arithmetic[esz], dst, a, IR_NONE, IR_NONE, (uint8_t)n);
        return true;
    }
    ir_vop(s->ir, logical[esz], dst, a, IR_NONE, IR_NONE, (uint8_t)n);
    if (esz == E8)
        simd_row(s, VEC_AND, dst, dst, simd_const(s, simd_repeat(E8, 0xffu >> n)));
    return true;
}

/* The bits that the shifted value leaves free keep those of d. */
static void shift_insert(DisasContext *s, bool left, unsigned esz, IRVal t, IRVal v, unsigned n, IRVal d)
{
    unsigned bits = 8u << esz, rest = bits - n;
    IRVal keep = arm_tmpv(s);

    if (left) {
        simd_shift_left(s, esz, keep, d, rest);
        simd_shift_right(s, esz, false, keep, keep, rest);
        simd_shift_left(s, esz, t, v, n);
    } else {
        simd_shift_right(s, esz, false, keep, d, rest);
        simd_shift_left(s, esz, keep, keep, rest);
        simd_shift_right(s, esz, false, t, v, n);
    }
    simd_row(s, VEC_OR, t, t, keep);
}

bool simd_shift_same(DisasContext *s, bool u, unsigned op, unsigned esz, IRVal t, IRVal v, unsigned n, IRVal d)
{
    static const uint16_t add[4] = { VEC_ADD8, VEC_ADD16, VEC_ADD32, VEC_ADD64 };

    if (op == 5 && !u)
        return simd_shift_left(s, esz, t, v, n);
    if (u && n && n < 8u << esz && (op == 4 || op == 5)) {
        shift_insert(s, op == 5, esz, t, v, n, d);
        return true;
    }
    if (op > 1 || !simd_shift_right(s, esz, !u, t, v, n))
        return false;
    if (op == 1)
        simd_row(s, add[esz], t, d, t);
    return true;
}

void simd_table(DisasContext *s, IRVal t, const IRVal *parts, unsigned bytes, IRVal index, IRVal old)
{
    IRVal part = arm_tmpv(s);

    for (unsigned i = 0; 16 * i < bytes; i++) { /* what is no index of this part becomes negative: PSHUFB gives 0 */
        IRVal to = i ? part : t, in = index;
        if (i) {
            simd_row(s, VEC_SUB8, part, index, simd_const(s, simd_repeat(E8, 16 * i)));
            in = part;
        }
        simd_row(s, VEC_ADDSAT8U, to, in, simd_const(s, simd_repeat(E8, 0x70)));
        simd_row(s, VEC_PSHUFB, to, parts[i], to);
        if (i)
            simd_row(s, VEC_OR, t, t, part);
    }
    if (old != IR_NONE) {
        simd_row(s, VEC_MIN8U, part, index, simd_const(s, simd_repeat(E8, bytes - 1)));
        simd_row(s, VEC_CMPEQ8, part, part, index); /* within the table */
        simd_row(s, VEC_AND, t, t, part);
        simd_row(s, VEC_ANDN, part, part, old);
        simd_row(s, VEC_OR, t, t, part);
    }
}

void simd_narrow(DisasContext *s, unsigned esz, unsigned n, bool upper, IRVal dst, IRVal a, IRVal old)
{
    IRVal t = arm_tmpv(s);

    if (n)
        simd_shift_right(s, esz + 1, false, t, a, n);
    else
        ir_mov(s->ir, t, a);
    if (esz == E32) {
        ir_vop(s->ir, VEC_SHUF32, t, t, IR_NONE, IR_NONE, 0x08);
    } else {
        simd_row(s, VEC_AND, t, t, simd_const(s, simd_repeat(esz + 1, esz == E8 ? 0xff : 0xffff)));
        simd_row(s, esz == E8 ? VEC_PACKUS16 : VEC_PACKUS32, t, t, t);
    }
    if (upper)
        simd_row(s, VEC_UNPCKL64, dst, old, t);
    else
        simd_zero_above(s, dst, t, 8);
}

/* ---- Floating point ---- */

#define HOSTS(name) { &vc_host_##name##_s, &vc_host_##name##_d, &vc_host_##name##_4s, &vc_host_##name##_2d }
const FpOp fp_op_add = { &vc_fadd, HOSTS(fadd), false };
const FpOp fp_op_sub = { &vc_fsub, HOSTS(fsub), false };
const FpOp fp_op_mul = { &vc_fmul, HOSTS(fmul), false };
const FpOp fp_op_div = { &vc_fdiv, HOSTS(fdiv), true };
const FpOp fp_op_sqrt = { &vc_fsqrt, HOSTS(fsqrt), false };
const FpOp fp_op_fma = { &vc_fmla, HOSTS(fmla), false };
const FpOp fp_op_fms = { &vc_fmls, HOSTS(fmls), false };
const FpOp fp_op_fnma = { &vc_fnmla, HOSTS(fnmla), false };
const FpOp fp_op_fnms = { &vc_fnmls, HOSTS(fnmls), false };
const FpOp fp_op_add_negated = { &vc_fadd_neg, HOSTS(fadd_neg), false };
const FpOp fp_op_sub_negated = { &vc_fsub_neg, HOSTS(fsub_neg), false };

/* Single precision or double on the host: which column of FpOp.host, or -1. */
static int host_column(DisasContext *s, unsigned esz, unsigned bytes, bool standard)
{
    if (standard || esz < E32 || simd_fp_exact(s))
        return -1;
    return bytes == 1u << esz ? (int)esz - E32 : (int)esz;
}

/* The low 8 bytes of v: the other lanes of the host's operation must raise nothing. */
static IRVal low_half(DisasContext *s, IRVal v)
{
    IRVal t;

    if (v == IR_NONE)
        return v;
    t = arm_tmpv(s);
    simd_zero_above(s, t, v, 8);
    return t;
}

/* An operation that leaves the bits above a scalar result as they are in its first operand. */
static bool is_host_scalar(const IROp *op, unsigned bytes)
{
    const VecCall *call = (const VecCall *)(uintptr_t)op->imm;

    return op->opc == IR_VCALL && call->row && (call->check == VCHK_F64 || (call->check == VCHK_F32 && bytes == 4));
}

/* What is above the low `bytes` of v is known to be zero: its assignments are sought backwards. */
static bool zero_above(const DisasContext *s, IRVal v, unsigned bytes)
{
    const IRFunc *f = s->ir;
    enum { FAR = 48 };

    for (unsigned i = f->nops, n = 0; i-- > 0 && n < FAR; n++) {
        const IROp *op = &f->ops[i];

        if (op->opc == IR_LABEL || op->opc == IR_CALL)
            return false;
        if (op->out[0] != v)
            continue;
        if (op->opc == IR_MOV || is_host_scalar(op, bytes))
            v = op->in[0];
        else if (op->opc == IR_VOP)
            return (op->imm & 0xffff) == VEC_MOVQ && bytes == 8;
        else if (op->opc == IR_GUEST_LD)
            return memop_bytes(memopidx_op((uint32_t)op->imm)) <= bytes;
        else
            return op->opc == IR_V_FROM_INT && (bytes == 8 || op->aux == IR_I32);
        if (ir_is_const(f, v))
            return bytes == 8 || !(f->vals[v].value >> 32);
    }
    return false;
}

void simd_fp_lane(DisasContext *s, const FpOp *op, unsigned esz, IRVal dst, IRVal a, IRVal b, IRVal c)
{
    int column = host_column(s, esz, 1u << esz, false);

    simd_call(s, column < 0 ? op->call : op->host[column], VI(1u << esz, esz, false, 0), dst, a, b, c);
}

void simd_fp(DisasContext *s, const FpOp *op, unsigned esz, unsigned bytes, bool standard, IRVal dst, IRVal a, IRVal b, IRVal c)
{
    int column = host_column(s, esz, bytes, standard);
    bool scalar = bytes == 1u << esz;
    uint16_t imm = VI(bytes, esz, standard, 0);
    IRVal t;

    if (column < 0 || !op->host[column] || (bytes == 8 && !scalar && op->whole)) {
        simd_call(s, op->call, imm, dst, a, b, c);
        return;
    }
    if (bytes == 16 || (scalar && zero_above(s, a, bytes))) {
        simd_call(s, op->host[column], imm, dst, a, b, c);
        return;
    }
    if (!scalar) {
        a = low_half(s, a);
        b = low_half(s, b);
        c = low_half(s, c);
    }
    t = arm_tmpv(s);
    simd_call(s, op->host[column], imm, t, a, b, c);
    simd_zero_above(s, dst, t, bytes); /* 0 - 0 may be -0 */
}

void simd_fp_abs(DisasContext *s, unsigned esz, unsigned bytes, IRVal dst, IRVal a)
{
    uint64_t mask = simd_repeat(esz, ~0ull >> (64 - (8u << esz)) >> 1);

    if (bytes <= 8)
        simd_row(s, VEC_AND, dst, a, low_const(s, bytes == 8 ? mask : mask & ((1ull << 8 * bytes) - 1)));
    else
        simd_row(s, VEC_AND, dst, a, simd_const(s, mask));
}

void simd_fp_neg_lane(DisasContext *s, unsigned esz, IRVal dst, IRVal a)
{
    simd_row(s, VEC_XOR, dst, a, low_const(s, 1ull << ((8u << esz) - 1)));
}

void simd_fp_neg(DisasContext *s, unsigned esz, unsigned bytes, IRVal dst, IRVal a)
{
    IRVal t = bytes == 16 ? dst : arm_tmpv(s);

    simd_row(s, VEC_XOR, t, a, simd_const(s, simd_repeat(esz, 1ull << ((8u << esz) - 1))));
    if (bytes != 16)
        simd_zero_above(s, dst, t, bytes);
}

static IRVal low_int(DisasContext *s, unsigned esz, IRVal v)
{
    IRVal t = arm_tmp(s);
    simd_extract(s, esz, false, t, v, 0);
    return t;
}

/* As arm_fcmp_nzcv(). */
IRVal simd_fp_flags_to_nzcv(DisasContext *s, IRVal flags)
{
    IRFunc *f = s->ir;
    IRVal i = arm_tmp32(s), t = arm_tmp32(s), dst = arm_tmp(s);

    ir_op2i(f, IR_SHR, IR_I32, t, flags, 3);
    ir_op2i(f, IR_SHL, IR_I32, i, flags, 2);
    ir_op2(f, IR_OR, IR_I32, i, i, t);
    ir_op2i(f, IR_AND, IR_I32, i, i, 0x1c);
    ir_op2(f, IR_SHR, IR_I32, t, ir_i32(f, 0x30000682), i);
    ir_op2i(f, IR_SHL, IR_I32, t, t, 28);
    ir_op1(f, IR_EXT_I32_I64U, IR_I64, dst, t);
    return dst;
}

IRVal simd_fp_compare_flags(DisasContext *s, unsigned esz, IRVal a, IRVal b, bool signal_all)
{
    IRVal flags;

    if (esz < E32 || simd_fp_exact(s))
        return IR_NONE;
    flags = arm_tmp32(s);
    simd_row(s, esz == E32 ? (signal_all ? VEC_COMISS : VEC_UCOMISS) : signal_all ? VEC_COMISD : VEC_UCOMISD, flags, a, b);
    return flags;
}

IRVal simd_fp_compare(DisasContext *s, unsigned esz, IRVal a, IRVal b, bool signal_all)
{
    IRVal nzcv, flags = simd_fp_compare_flags(s, esz, a, b, signal_all);

    if (flags != IR_NONE)
        return simd_fp_flags_to_nzcv(s, flags);
    nzcv = arm_tmp(s);
    ARM_CALL(s, fp_compare, nzcv, low_int(s, esz, a), low_int(s, esz, b), ir_i32(s->ir, esz | (unsigned)signal_all << 2));
    return nzcv;
}

void simd_fp_mask(DisasContext *s, FpVecCompare how, unsigned esz, unsigned bytes, bool standard, IRVal dst, IRVal a, IRVal b)
{
    static const VecCall *const call[] = { &vc_fcmeq, &vc_fcmge, &vc_fcmgt };
    static const uint16_t row[4] = { VEC_CMPSS, VEC_CMPSD, VEC_CMPPS, VEC_CMPPD };
    int column = host_column(s, esz, bytes, standard);
    IRVal t = bytes == 16 ? dst : arm_tmpv(s);

    if (column < 0) {
        simd_call(s, call[how], VI(bytes, esz, standard, 0), dst, a, b, IR_NONE);
        return;
    }
    if (bytes == 8 && esz == E32) {
        a = low_half(s, a);
        b = low_half(s, b);
    }
    /* x86 has equal 0, less 1, less or equal 2 */
    if (how == FPV_EQ)
        ir_vop(s->ir, row[column], t, a, b, IR_NONE, 0);
    else
        ir_vop(s->ir, row[column], t, b, a, IR_NONE, how == FPV_GE ? 2 : 1);
    if (bytes != 16)
        simd_zero_above(s, dst, t, bytes);
}

void simd_fp_round(DisasContext *s, unsigned esz, unsigned bytes, bool standard, unsigned rounding, IRVal dst, IRVal a)
{
    static const VecCall *const host[6][4] = {
#define FRINT(mode) HOSTS(frint##mode)
        FRINT(n), FRINT(m), FRINT(p), FRINT(z), FRINT(i), FRINT(x),
    };
    static const int8_t column[] = { [FP_NEAREST] = 0, [FP_DOWN] = 1, [FP_UP] = 2, [FP_ZERO] = 3, [FP_AWAY] = -1, [8] = 4 };
    int which = rounding == (8 | 16) ? 5 : rounding & 16 ? -1 : column[rounding];
    int host_col = host_column(s, esz, bytes, standard);
    uint16_t imm = VI(bytes, esz, standard, rounding);
    bool scalar = bytes == 1u << esz;
    IRVal t;

    if (which < 0 || host_col < 0) {
        simd_call(s, &vc_frint, imm, dst, a, IR_NONE, IR_NONE);
        return;
    }
    if (bytes == 8 && !scalar)
        a = low_half(s, a);
    t = bytes == 16 ? dst : arm_tmpv(s);
    simd_call(s, host[which][host_col], imm, t, a, scalar ? a : IR_NONE, IR_NONE);
    if (bytes != 16)
        simd_zero_above(s, dst, t, bytes);
}

void simd_fp_convert(DisasContext *s, unsigned to, unsigned from, IRVal dst, IRVal a)
{
    IRVal t = arm_tmpv(s);

    if (to < E32 || from < E32 || simd_fp_exact(s)) {
        simd_call(s, &vc_fcvt, VI(1u << to, from, 0, to), dst, a, IR_NONE, IR_NONE);
        return;
    }
    simd_call(s, to == E64 ? &vc_host_fcvt_ds : &vc_host_fcvt_sd, VI(1u << to, from, 0, to), t, a, a, IR_NONE);
    simd_zero_above(s, dst, t, 1u << to);
}

void simd_fp_to_int(DisasContext *s, unsigned esz, bool sf, bool is_signed, unsigned how, IRVal dst, IRVal a)
{
    IRVal value = low_int(s, esz, a);

    if (is_signed && how == CVT_ROUND(FP_ZERO) && esz >= E32 && !simd_fp_exact(s)) {
        if (esz == E32)
            ARM_CALL(s, fp_trunc_s, dst, value, ir_i32(s->ir, sf));
        else
            ARM_CALL(s, fp_trunc_d, dst, value, ir_i32(s->ir, sf));
        return;
    }
    ARM_CALL(s, fp_to_int, dst, value, ir_i32(s->ir, esz | (unsigned)sf << 2 | (unsigned)is_signed << 3 | how << 8));
}

void simd_fp_from_int(DisasContext *s, unsigned esz, bool sf, bool is_signed, unsigned fbits, IRVal dst, IRVal value)
{
    IRFunc *f = s->ir;
    IRVal t;

    if (!fbits && esz >= E32 && (is_signed || !sf)) {
        bool wide = sf || !is_signed;
        unsigned row = esz == E32 ? (wide ? VEC_CVTSI2SSQ : VEC_CVTSI2SS) : wide ? VEC_CVTSI2SDQ : VEC_CVTSI2SD;
        IRVal zero = arm_tmpv(s), number = value;

        ir_mov(f, zero, simd_zero(s));
        if (!sf && wide) { /* an unsigned word */
            number = arm_tmp(s);
            ir_extract(f, IR_EXTRACT, IR_I64, number, value, 0, 32);
        } else if (!wide) {
            number = arm_tmp32(s);
            ir_op1(f, IR_TRUNC, IR_I32, number, value);
        }
        simd_row(s, row, dst, zero, number);
        return;
    }
    t = arm_tmp(s);
    ARM_CALL(s, fp_from_int, t, value, ir_i32(f, esz | (unsigned)sf << 2 | (unsigned)is_signed << 3 | fbits << 8));
    ir_v_from_int(f, dst, t);
}

/* ---- Immediates (Arm ARM VFPExpandImm, AdvSIMDExpandImm) ---- */

uint64_t simd_fp_expand_imm(unsigned esz, unsigned imm8)
{
    static const struct { uint8_t exp, frac; } shape[] = { { 0, 0 }, { 5, 10 }, { 8, 23 }, { 11, 52 } };
    unsigned e = shape[esz].exp, b6 = imm8 >> 6 & 1;
    uint64_t exp = (uint64_t)(b6 ^ 1) << (e - 1) | (b6 ? ((1ull << (e - 3)) - 1) << 2 : 0) | (imm8 >> 4 & 3);

    return (uint64_t)(imm8 >> 7) << (shape[esz].frac + e) | exp << shape[esz].frac | (uint64_t)(imm8 & 15) << (shape[esz].frac - 4);
}

uint64_t simd_expand_imm(unsigned cmode, unsigned op, unsigned imm8)
{
    uint64_t v = 0;

    switch (cmode >> 1) {
    case 0: case 1: case 2: case 3:
        return simd_repeat(E32, (uint64_t)imm8 << 8 * (cmode >> 1));
    case 4: case 5:
        return simd_repeat(E16, (uint64_t)imm8 << 8 * (cmode >> 1 & 1));
    case 6:
        return simd_repeat(E32, cmode & 1 ? (uint64_t)imm8 << 16 | 0xffff : (uint64_t)imm8 << 8 | 0xff);
    default:
        if (!(cmode & 1) && !op)
            return simd_repeat(E8, imm8);
        if (!(cmode & 1)) {
            for (unsigned i = 0; i < 8; i++)
                v |= imm8 >> i & 1 ? 0xffull << 8 * i : 0;
            return v;
        }
        return op ? simd_fp_expand_imm(E64, imm8) : simd_repeat(E32, simd_fp_expand_imm(E32, imm8));
    }
}
