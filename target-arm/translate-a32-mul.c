/* SPDX-License-Identifier: MIT */
/*
 * A32 and Thumb multiplication, division, saturation, parallel arithmetic, extension, bit fields, reversal, CRC. Arm ARM ARMv7-A/R
 * sections A4.4, A8.8; ARMv8-A chapter F5. Signed sums are made in 64 bits, where they cannot overflow; Q is set when the 32-bit
 * result differs.
 */
#include "translate-a32.h"
#include "translate-m.h"

/* ---- Pieces ---- */

static bool any_pc(unsigned a, unsigned b, unsigned c)
{
    return a == 15 || b == 15 || c == 15;
}

static IRVal extended(DisasContext *s, IRVal v)
{
    IRVal t = arm_tmp(s);
    ir_op1(s->ir, IR_EXT_I32_I64S, IR_I64, t, v);
    return t;
}

/* Halfword 0 or 1 of a register, signed. */
static IRVal half(DisasContext *s, IRVal v, bool high)
{
    IRVal t = arm_tmp(s);
    ir_extract(s->ir, IR_SEXTRACT, IR_I64, t, v, high ? 16 : 0, 16);
    return t;
}

static IRVal op64(DisasContext *s, IROpcode opc, IRVal a, IRVal b)
{
    IRVal t = arm_tmp(s);
    ir_op2(s->ir, opc, IR_I64, t, a, b);
    return t;
}

/* Q |= bit */
static void or_q(DisasContext *s, IRVal bit)
{
    IRVal q = arm_tmp32(s);
    ir_ld(s->ir, IR_LD, IR_I32, q, ARM_OFFSET(qf));
    ir_op2(s->ir, IR_OR, IR_I32, q, q, bit);
    ir_st(s->ir, IR_ST, IR_I32, q, ARM_OFFSET(qf));
}

/* rd = low half of sum; Q when the sum does not fit. */
static void put_checked(DisasContext *s, unsigned rd, IRVal sum)
{
    IRVal overflow = arm_tmp32(s);
    ir_setcond(s->ir, IR_NE, IR_I64, overflow, sum, extended(s, sum));
    or_q(s, overflow);
    ir_op1(s->ir, IR_EXT_I32_I64U, IR_I64, cpu_x[rd], sum);
}

static void put_pair(DisasContext *s, unsigned lo, unsigned hi, IRVal v)
{
    ir_op1(s->ir, IR_EXT_I32_I64U, IR_I64, cpu_x[lo], v);
    ir_op2i(s->ir, IR_SHR, IR_I64, cpu_x[hi], v, 32);
}

static IRVal get_pair(DisasContext *s, unsigned lo, unsigned hi)
{
    IRVal t = arm_tmp(s);
    ir_op2i(s->ir, IR_SHL, IR_I64, t, cpu_x[hi], 32);
    ir_op2(s->ir, IR_OR, IR_I64, t, t, cpu_x[lo]);
    return t;
}

/* v limited to [min, max], in 64 bits; Q when that changed it. */
static IRVal saturated(DisasContext *s, IRVal v, int64_t min, int64_t max)
{
    IRVal r = arm_tmp(s), changed = arm_tmp32(s), lo = ir_i64(s->ir, (uint64_t)min), hi = ir_i64(s->ir, (uint64_t)max);
    ir_movcond(s->ir, IR_LT, IR_I64, r, IR_I64, v, lo, lo, v);
    ir_movcond(s->ir, IR_GT, IR_I64, r, IR_I64, r, hi, hi, r);
    ir_setcond(s->ir, IR_NE, IR_I64, changed, r, v);
    or_q(s, changed);
    return r;
}

static void put_low(DisasContext *s, unsigned rd, IRVal v)
{
    ir_op1(s->ir, IR_EXT_I32_I64U, IR_I64, cpu_x[rd], v);
}

static bool has_dsp(const DisasContext *s)
{
    return s->m_profile ? a32_has(s, ARM_FEATURE_M_DSP) : a32_has(s, ARM_FEATURE_V5TE);
}

/* The media instructions of v6. */
static bool has_media(const DisasContext *s)
{
    return s->m_profile ? a32_has(s, ARM_FEATURE_M_DSP) : a32_has(s, ARM_FEATURE_V6);
}

/* ---- Multiplication ---- */

static bool multiply(DisasContext *s, const arg_mul *a, IROpcode with_ra)
{
    IRVal r;

    if (any_pc(a->rd, a->rn, a->rm) || (with_ra != IR_NOP && a->ra == 15))
        return false;
    r = arm_tmp(s);
    ir_op2(s->ir, IR_MUL, IR_I32, r, cpu_x[a->rn], cpu_x[a->rm]);
    if (with_ra == IR_ADD)
        ir_op2(s->ir, IR_ADD, IR_I32, r, r, cpu_x[a->ra]);
    else if (with_ra == IR_SUB)
        ir_op2(s->ir, IR_SUB, IR_I32, r, cpu_x[a->ra], r);
    if (a32_sets_flags(s, a->s))
        a32_cc_nz(s, r);
    ir_mov(s->ir, cpu_x[a->rd], r);
    return true;
}

bool a32_trans_MUL(DisasContext *s, arg_MUL *a)
{
    return multiply(s, a, IR_NOP);
}

bool a32_trans_MLA(DisasContext *s, arg_MLA *a)
{
    return multiply(s, a, IR_ADD);
}

bool a32_trans_MLS(DisasContext *s, arg_MLS *a)
{
    return (a32_has(s, ARM_FEATURE_V6T2) || s->m_profile) && multiply(s, a, IR_SUB);
}

static bool multiply_long(DisasContext *s, const arg_mull *a, bool is_signed, bool accumulate)
{
    IRVal n, m, r;

    if (any_pc(a->rdlo, a->rdhi, a->rn) || a->rm == 15 || a->rdlo == a->rdhi)
        return false;
    n = is_signed ? extended(s, cpu_x[a->rn]) : cpu_x[a->rn];
    m = is_signed ? extended(s, cpu_x[a->rm]) : cpu_x[a->rm];
    r = op64(s, IR_MUL, n, m);
    if (accumulate)
        r = op64(s, IR_ADD, r, get_pair(s, a->rdlo, a->rdhi));
    put_pair(s, a->rdlo, a->rdhi, r);
    if (a->s) { /* N is that of the high word; Z needs both */
        IRVal nz = arm_tmp(s);
        ir_setcond(s->ir, IR_NE, IR_I64, nz, cpu_x[a->rdlo], ir_i64(s->ir, 0));
        ir_op2(s->ir, IR_OR, IR_I32, nz, nz, cpu_x[a->rdhi]);
        a32_cc_nz(s, nz);
    }
    return true;
}

bool a32_trans_UMULL(DisasContext *s, arg_UMULL *a)
{
    return multiply_long(s, a, false, false);
}

bool a32_trans_UMLAL(DisasContext *s, arg_UMLAL *a)
{
    return multiply_long(s, a, false, true);
}

bool a32_trans_SMULL(DisasContext *s, arg_SMULL *a)
{
    return multiply_long(s, a, true, false);
}

bool a32_trans_SMLAL(DisasContext *s, arg_SMLAL *a)
{
    return multiply_long(s, a, true, true);
}

bool a32_trans_UMAAL(DisasContext *s, arg_UMAAL *a)
{
    if (!has_media(s) || any_pc(a->rdlo, a->rdhi, a->rn) || a->rm == 15 || a->rdlo == a->rdhi)
        return false;
    IRVal r = op64(s, IR_MUL, cpu_x[a->rn], cpu_x[a->rm]);
    r = op64(s, IR_ADD, r, cpu_x[a->rdlo]);
    r = op64(s, IR_ADD, r, cpu_x[a->rdhi]);
    put_pair(s, a->rdlo, a->rdhi, r);
    return true;
}

enum { DSP_SMLAXY, DSP_SMLAWY, DSP_SMULWY, DSP_SMLALXY, DSP_SMULXY };

bool a32_trans_DSPMUL(DisasContext *s, arg_DSPMUL *a)
{
    bool word = a->op == DSP_SMLAWY || a->op == DSP_SMULWY;
    IRVal p;

    if (!has_dsp(s) || any_pc(a->rd, a->rn, a->rm) || a->ra == 15 || (a->op == DSP_SMLALXY && a->rd == a->ra))
        return false;
    p = op64(s, IR_MUL, word ? extended(s, cpu_x[a->rn]) : half(s, cpu_x[a->rn], a->x), half(s, cpu_x[a->rm], a->y));
    if (word)
        ir_op2i(s->ir, IR_SAR, IR_I64, p, p, 16);
    if (a->op == DSP_SMULWY || a->op == DSP_SMULXY)
        put_low(s, a->rd, p);
    else if (a->op == DSP_SMLALXY)
        put_pair(s, a->ra, a->rd, op64(s, IR_ADD, p, get_pair(s, a->ra, a->rd)));
    else
        put_checked(s, a->rd, op64(s, IR_ADD, p, extended(s, cpu_x[a->ra])));
    return true;
}

/* Sum or difference of the two products of halfwords. */
static IRVal dual_product(DisasContext *s, const arg_dual *a, bool subtract)
{
    IRVal lo = op64(s, IR_MUL, half(s, cpu_x[a->rn], false), half(s, cpu_x[a->rm], a->m));
    IRVal hi = op64(s, IR_MUL, half(s, cpu_x[a->rn], true), half(s, cpu_x[a->rm], !a->m));
    return op64(s, subtract ? IR_SUB : IR_ADD, lo, hi);
}

/* Ra 15: without accumulation. */
static bool dual_word(DisasContext *s, const arg_dual *a, bool subtract)
{
    IRVal r;

    if (!has_media(s) || any_pc(a->rd, a->rn, a->rm))
        return false;
    r = dual_product(s, a, subtract);
    if (a->ra != 15)
        r = op64(s, IR_ADD, r, extended(s, cpu_x[a->ra]));
    put_checked(s, a->rd, r);
    return true;
}

static bool dual_long(DisasContext *s, const arg_dual *a, bool subtract)
{
    if (!has_media(s) || any_pc(a->rd, a->rn, a->rm) || a->ra == 15 || a->rd == a->ra)
        return false;
    put_pair(s, a->ra, a->rd, op64(s, IR_ADD, dual_product(s, a, subtract), get_pair(s, a->ra, a->rd)));
    return true;
}

bool a32_trans_SMLAD(DisasContext *s, arg_SMLAD *a)
{
    return dual_word(s, a, false);
}

bool a32_trans_SMLSD(DisasContext *s, arg_SMLSD *a)
{
    return dual_word(s, a, true);
}

bool a32_trans_SMLALD(DisasContext *s, arg_SMLALD *a)
{
    return dual_long(s, a, false);
}

bool a32_trans_SMLSLD(DisasContext *s, arg_SMLSLD *a)
{
    return dual_long(s, a, true);
}

/* The high word of a product, rounded if m. Ra 15: SMMUL. */
static bool most_significant(DisasContext *s, const arg_dual *a, IROpcode opc)
{
    IRVal p, acc = arm_tmp(s);

    if (!has_media(s) || any_pc(a->rd, a->rn, a->rm) || (opc == IR_SUB && a->ra == 15))
        return false;
    p = op64(s, IR_MUL, extended(s, cpu_x[a->rn]), extended(s, cpu_x[a->rm]));
    if (a->ra != 15) {
        ir_op2i(s->ir, IR_SHL, IR_I64, acc, cpu_x[a->ra], 32);
        p = op64(s, opc, acc, p);
    }
    if (a->m)
        ir_op2i(s->ir, IR_ADD, IR_I64, p, p, 1u << 31);
    ir_op2i(s->ir, IR_SHR, IR_I64, cpu_x[a->rd], p, 32);
    return true;
}

bool a32_trans_SMMLA(DisasContext *s, arg_SMMLA *a)
{
    return most_significant(s, a, IR_ADD);
}

bool a32_trans_SMMLS(DisasContext *s, arg_SMMLS *a)
{
    return most_significant(s, a, IR_SUB);
}

/* ---- Division: by zero gives zero. In 64 bits the quotient of the least number and -1 fits. ---- */

static bool divide(DisasContext *s, const arg_rrr *a, bool is_signed)
{
    IRFunc *ir = s->ir;
    IRVal zero = ir_i64(ir, 0), d = cpu_x[a->rm], n = cpu_x[a->rn], by = arm_tmp(s), q = arm_tmp(s);

    if (!a32_has(s, s->thumb ? ARM_FEATURE_THUMB_DIV : ARM_FEATURE_ARM_DIV) || any_pc(a->rd, a->rn, a->rm))
        return false;
    if (is_signed) {
        n = extended(s, n);
        d = extended(s, d);
    }
    if (s->m_profile)
        m_check_divisor(s, cpu_x[a->rm]);
    ir_movcond(ir, IR_EQ, IR_I64, by, IR_I64, d, zero, ir_i64(ir, 1), d);
    ir_op2(ir, is_signed ? IR_DIVS : IR_DIVU, is_signed ? IR_I64 : IR_I32, q, n, by);
    ir_movcond(ir, IR_EQ, IR_I64, q, IR_I64, d, zero, zero, q);
    put_low(s, a->rd, q);
    return true;
}

bool a32_trans_SDIV(DisasContext *s, arg_SDIV *a)
{
    return divide(s, a, true);
}

bool a32_trans_UDIV(DisasContext *s, arg_UDIV *a)
{
    return divide(s, a, false);
}

/* ---- Saturation ---- */

static bool saturating(DisasContext *s, const arg_rrr *a, IROpcode opc, bool doubled)
{
    IRVal n, r;

    if (!has_dsp(s) || any_pc(a->rd, a->rn, a->rm))
        return false;
    n = extended(s, cpu_x[a->rn]);
    if (doubled)
        n = saturated(s, op64(s, IR_ADD, n, n), INT32_MIN, INT32_MAX);
    r = saturated(s, op64(s, opc, extended(s, cpu_x[a->rm]), n), INT32_MIN, INT32_MAX);
    put_low(s, a->rd, r);
    return true;
}

bool a32_trans_QADD(DisasContext *s, arg_QADD *a)
{
    return saturating(s, a, IR_ADD, false);
}

bool a32_trans_QSUB(DisasContext *s, arg_QSUB *a)
{
    return saturating(s, a, IR_SUB, false);
}

bool a32_trans_QDADD(DisasContext *s, arg_QDADD *a)
{
    return saturating(s, a, IR_ADD, true);
}

bool a32_trans_QDSUB(DisasContext *s, arg_QDSUB *a)
{
    return saturating(s, a, IR_SUB, true);
}

static IRVal saturated_to(DisasContext *s, IRVal v, bool is_unsigned, unsigned sat)
{
    int64_t top = 1ll << sat;
    return saturated(s, v, is_unsigned ? 0 : -top, top - 1);
}

bool a32_trans_SAT(DisasContext *s, arg_SAT *a)
{
    if (!(has_media(s) || a32_has(s, ARM_FEATURE_M_MAIN)) || a->rd == 15 || a->rn == 15)
        return false;
    A32Shifted v = a32_shift_imm(s, cpu_x[a->rn], a->sh ? 2 : 0, (unsigned)a->imm, false);
    put_low(s, a->rd, saturated_to(s, extended(s, v.val), a->u, (unsigned)a->sat));
    return true;
}

bool a32_trans_SAT16(DisasContext *s, arg_SAT16 *a)
{
    IRVal lo, hi, r;

    if (!has_media(s) || a->rd == 15 || a->rn == 15)
        return false;
    lo = saturated_to(s, half(s, cpu_x[a->rn], false), a->u, (unsigned)a->sat);
    hi = saturated_to(s, half(s, cpu_x[a->rn], true), a->u, (unsigned)a->sat);
    r = arm_tmp(s);
    ir_deposit(s->ir, IR_I32, r, lo, hi, 16, 16);
    put_low(s, a->rd, r);
    return true;
}

/* ---- Parallel arithmetic ---- */

bool a32_trans_PARALLEL(DisasContext *s, arg_PARALLEL *a)
{
    bool known_sign = (a->sign & 3) != 0, known_op = a->op <= 4 || a->op == 7;
    IRVal r;

    if (!has_media(s) || any_pc(a->rd, a->rn, a->rm) || !known_sign || !known_op)
        return false;
    r = arm_tmp(s);
    ARM_CALL(s, a32_parallel, r, cpu_x[a->rn], cpu_x[a->rm], ir_i32(s->ir, (uint32_t)(a->sign << 3 | a->op)));
    if ((a->sign & 3) == 1) { /* S and U: GE comes above the result */
        IRVal ge = arm_tmp(s);
        ir_op2i(s->ir, IR_SHR, IR_I64, ge, r, 32);
        ir_st(s->ir, IR_ST32, IR_I64, ge, ARM_OFFSET(ge));
    }
    put_low(s, a->rd, r);
    return true;
}

/* Each GE bit chooses a byte. */
bool a32_trans_SEL(DisasContext *s, arg_SEL *a)
{
    IRFunc *ir = s->ir;
    IRVal mask = arm_tmp(s), r = arm_tmp(s);

    if (!has_media(s) || any_pc(a->rd, a->rn, a->rm))
        return false;
    ir_ld(ir, IR_LD32U, IR_I64, mask, ARM_OFFSET(ge));
    ir_op2i(ir, IR_MUL, IR_I64, mask, mask, 0x00204081); /* bit n to byte n */
    ir_op2i(ir, IR_AND, IR_I64, mask, mask, 0x01010101);
    ir_op2i(ir, IR_MUL, IR_I64, mask, mask, 255);
    ir_op2(ir, IR_AND, IR_I64, r, cpu_x[a->rn], mask);
    ir_op2(ir, IR_ANDC, IR_I64, mask, cpu_x[a->rm], mask);
    ir_op2(ir, IR_OR, IR_I64, cpu_x[a->rd], r, mask);
    return true;
}

bool a32_trans_USADA8(DisasContext *s, arg_USADA8 *a)
{
    IRVal r = arm_tmp32(s);

    if (!has_media(s) || any_pc(a->rd, a->rn, a->rm))
        return false;
    ARM_CALL(s, a32_usad8, r, cpu_x[a->rn], cpu_x[a->rm]);
    if (a->ra != 15)
        ir_op2(s->ir, IR_ADD, IR_I32, r, r, cpu_x[a->ra]);
    ir_mov(s->ir, cpu_x[a->rd], r);
    return true;
}

/* ---- Packing, extension, bit fields ---- */

bool a32_trans_PKH(DisasContext *s, arg_PKH *a)
{
    IRVal r;

    if (!has_media(s) || any_pc(a->rd, a->rn, a->rm))
        return false;
    A32Shifted m = a32_shift_imm(s, cpu_x[a->rm], a->tb ? 2 : 0, (unsigned)a->imm, false);
    r = arm_tmp(s);
    if (a->tb)
        ir_deposit(s->ir, IR_I32, r, cpu_x[a->rn], m.val, 0, 16);
    else
        ir_deposit(s->ir, IR_I32, r, m.val, cpu_x[a->rn], 0, 16);
    put_low(s, a->rd, r);
    return true;
}

/* Bytes 0 and 2, each to a halfword. */
static void extend_bytes(DisasContext *s, bool is_unsigned, IRVal r, IRVal v)
{
    if (is_unsigned) {
        ir_op2i(s->ir, IR_AND, IR_I32, r, v, 0x00ff00ff);
    } else {
        IRVal hi = arm_tmp(s);
        ir_extract(s->ir, IR_SEXTRACT, IR_I32, hi, v, 16, 8);
        ir_op1(s->ir, IR_EXT8S, IR_I32, r, v);
        ir_deposit(s->ir, IR_I32, r, r, hi, 16, 16);
    }
}

/* Halfwords added without a carry between them. */
static void add_halves(DisasContext *s, IRVal r, IRVal a)
{
    IRVal hi = arm_tmp(s), t = arm_tmp(s);
    ir_op2i(s->ir, IR_AND, IR_I32, hi, r, 0xffff0000);
    ir_op2(s->ir, IR_ADD, IR_I32, hi, hi, a);
    ir_op2(s->ir, IR_ADD, IR_I32, t, r, a);
    ir_deposit(s->ir, IR_I32, r, hi, t, 0, 16);
}

bool a32_trans_EXTEND(DisasContext *s, arg_EXTEND *a)
{
    static const uint8_t ops[2][4] = { { 0, 0, IR_EXT8S, IR_EXT16S }, { 0, 0, IR_EXT8U, IR_EXT16U } };
    bool plain = a->rn == 15 && a->op != 0;
    IRVal v = cpu_x[a->rm], r = arm_tmp(s);

    if (a->rd == 15 || a->rm == 15)
        return false;
    if (s->m_profile ? !plain && !a32_has(s, ARM_FEATURE_M_DSP) : !a32_has(s, ARM_FEATURE_V6))
        return false;
    if (a->rot) {
        v = arm_tmp(s);
        ir_op2i(s->ir, IR_ROTR, IR_I32, v, cpu_x[a->rm], 8u * (unsigned)a->rot);
    }
    if (a->op == 0)
        extend_bytes(s, a->u, r, v);
    else
        ir_op1(s->ir, ops[a->u][a->op], IR_I32, r, v);
    if (a->rn != 15) {
        if (a->op == 0)
            add_halves(s, r, cpu_x[a->rn]);
        else
            ir_op2(s->ir, IR_ADD, IR_I32, r, r, cpu_x[a->rn]);
    }
    ir_mov(s->ir, cpu_x[a->rd], r);
    return true;
}

static bool extract_field(DisasContext *s, const arg_bf *a, IROpcode opc)
{
    unsigned len = (unsigned)a->msb + 1; /* the field holds width - 1 */

    if (!a32_has(s, ARM_FEATURE_V6T2) || a->rd == 15 || a->rn == 15 || a->lsb + len > 32)
        return false;
    ir_extract(s->ir, opc, IR_I32, cpu_x[a->rd], cpu_x[a->rn], (unsigned)a->lsb, len);
    return true;
}

bool a32_trans_SBFX(DisasContext *s, arg_SBFX *a)
{
    return extract_field(s, a, IR_SEXTRACT);
}

bool a32_trans_UBFX(DisasContext *s, arg_UBFX *a)
{
    return extract_field(s, a, IR_EXTRACT);
}

/* Rn 15: BFC. */
bool a32_trans_BFI(DisasContext *s, arg_BFI *a)
{
    if (!a32_has(s, ARM_FEATURE_V6T2) || a->rd == 15 || a->msb < a->lsb)
        return false;
    IRVal field = a->rn == 15 ? ir_i64(s->ir, 0) : cpu_x[a->rn];
    ir_deposit(s->ir, IR_I32, cpu_x[a->rd], cpu_x[a->rd], field, (unsigned)a->lsb, (unsigned)(a->msb - a->lsb + 1));
    return true;
}

/* ---- Reversal, counting, CRC ---- */

static bool reversal(DisasContext *s, const arg_rr *a, ARMFeature f)
{
    return (a32_has(s, f) || s->m_profile) && a->rd != 15 && a->rm != 15;
}

bool a32_trans_REV(DisasContext *s, arg_REV *a)
{
    if (!reversal(s, a, ARM_FEATURE_V6))
        return false;
    ir_op1(s->ir, IR_BSWAP32, IR_I32, cpu_x[a->rd], cpu_x[a->rm]);
    return true;
}

bool a32_trans_REV16(DisasContext *s, arg_REV16 *a)
{
    IRVal t = arm_tmp(s);

    if (!reversal(s, a, ARM_FEATURE_V6))
        return false;
    ir_op1(s->ir, IR_BSWAP32, IR_I32, t, cpu_x[a->rm]);
    ir_op2i(s->ir, IR_ROTR, IR_I32, cpu_x[a->rd], t, 16);
    return true;
}

bool a32_trans_REVSH(DisasContext *s, arg_REVSH *a)
{
    IRVal t = arm_tmp(s);

    if (!reversal(s, a, ARM_FEATURE_V6))
        return false;
    ir_op1(s->ir, IR_BSWAP16, IR_I32, t, cpu_x[a->rm]);
    ir_op1(s->ir, IR_EXT16S, IR_I32, cpu_x[a->rd], t);
    return true;
}

bool a32_trans_RBIT(DisasContext *s, arg_RBIT *a)
{
    IRVal t = arm_tmp(s);

    if (!reversal(s, a, ARM_FEATURE_V6T2))
        return false;
    ARM_CALL(s, a64_rbit, t, cpu_x[a->rm]);
    ir_op2i(s->ir, IR_SHR, IR_I64, cpu_x[a->rd], t, 32);
    return true;
}

bool a32_trans_CLZ(DisasContext *s, arg_CLZ *a)
{
    if (!reversal(s, a, ARM_FEATURE_V5))
        return false;
    ir_op2i(s->ir, IR_CLZ, IR_I32, cpu_x[a->rd], cpu_x[a->rm], 32);
    return true;
}

bool a32_trans_CRC32(DisasContext *s, arg_CRC32 *a)
{
    IRVal bytes, r;

    if (!a32_has(s, ARM_FEATURE_CRC32) || a->sz == 3 || any_pc(a->rd, a->rn, a->rm))
        return false;
    bytes = ir_i32(s->ir, 1u << a->sz);
    r = arm_tmp(s);
    if (a->c)
        ARM_CALL(s, a64_crc32c, r, cpu_x[a->rn], cpu_x[a->rm], bytes);
    else
        ARM_CALL(s, a64_crc32, r, cpu_x[a->rn], cpu_x[a->rm], bytes);
    put_low(s, a->rd, r);
    return true;
}
