/* SPDX-License-Identifier: MIT */
/*
 * A64 data processing: rows of a64.decode up to MULH. Arm ARM DDI 0487, C4.1.92-93 and C6. An instruction's function returns false
 * when the encoding is unallocated or its feature missing.
 */
#include "helper.h"
#include "translate-a64.h"

#define DECODE_BODY_a64
#include "target-arm/a64.decode.inc"

bool a64_insn(DisasContext *s, uint32_t insn)
{
    if (UNLIKELY(s->flags & TBF_BTYPE) && s->base.insn_pc == s->base.state.pc)
        a64_check_landing_pad(s, insn);
    switch (insn >> 25 & 15) {
    case 4: case 12:
        return a64_load_store_insn(s, insn);
    case 6: case 7: case 14: case 15:
        if ((insn & 0x3f200c00) == 0x1d000400) /* CPYP and its kin */
            return a64_load_store_insn(s, insn);
        return a64_simd_insn(s, insn);
    default:
        return decode_a64(s, insn);
    }
}

/* ---- Immediate ---- */

bool trans_ADR(DisasContext *s, arg_ADR *a)
{
    ir_movi(s->ir, a64_dest(s, a->rd), arm_pc(s) + (int64_t)a->imm);
    return true;
}

bool trans_ADRP(DisasContext *s, arg_ADRP *a)
{
    ir_movi(s->ir, a64_dest(s, a->rd), (arm_pc(s) & ~0xfffull) + ((int64_t)a->imm << 12));
    return true;
}

/* d: register number, 31 = none with flags, SP without when sp. */
static void add_sub(DisasContext *s, IRType t, bool sub, bool flags, unsigned d, bool sp, IRVal a, IRVal b)
{
    IROpcode op = sub ? IR_SUB : IR_ADD;

    if (!flags) {
        ir_op2(s->ir, op, t, sp ? a64_reg_sp(s, d) : a64_dest(s, d), a, b);
        return;
    }
    IRVal r = IR_NONE;
    if (d != 31) {
        r = arm_tmp(s);
        ir_op2(s->ir, op, t, r, a, b);
    }
    if (sub)
        arm_cc_sub(s, t, r, a, b);
    else
        arm_cc_add(s, t, r, a, b);
    if (d != 31)
        ir_mov(s->ir, cpu_x[d], r);
}

bool trans_ADDSUB_imm(DisasContext *s, arg_ADDSUB_imm *a)
{
    IRType t = arm_type(a->sf);

    add_sub(s, t, a->sub, a->setflags, (unsigned)a->rd, true, a64_reg_sp(s, (unsigned)a->rn),
            ir_const(s->ir, t, (uint64_t)a->imm << (a->shift ? 12 : 0)));
    return true;
}

bool a64_bitmask(uint64_t *out, unsigned n, unsigned imms, unsigned immr)
{
    unsigned pattern = n << 6 | (~imms & 0x3f);
    if (pattern < 2)
        return false;
    unsigned len = 31u - (unsigned)__builtin_clz(pattern), size = 1u << len, ones = imms & (size - 1), rotate = immr & (size - 1);

    if (ones == size - 1)
        return false;
    uint64_t mask = ~0ull >> (64 - size), v = ~0ull >> (63 - ones);
    if (rotate)
        v = (v >> rotate | v << (size - rotate)) & mask;
    for (; size < 64; size *= 2)
        v |= v << size;
    *out = v;
    return true;
}

static const uint8_t logic_ops[4] = { IR_AND, IR_OR, IR_XOR, IR_AND };

bool trans_LOGIC_imm(DisasContext *s, arg_LOGIC_imm *a)
{
    IRType t = arm_type(a->sf);
    uint64_t imm;

    if ((a->n && !a->sf) || !a64_bitmask(&imm, (unsigned)a->n, (unsigned)a->imms, (unsigned)a->immr))
        return false;
    IRVal b = ir_const(s->ir, t, imm), src = a64_reg(s, (unsigned)a->rn);
    if (a->opc != 3) {
        ir_op2(s->ir, logic_ops[a->opc], t, a64_reg_sp(s, (unsigned)a->rd), src, b);
        return true;
    }
    IRVal r = arm_tmp(s);
    ir_op2(s->ir, IR_AND, t, r, src, b);
    arm_cc_logic(s, t, r);
    ir_mov(s->ir, a64_dest(s, (unsigned)a->rd), r);
    return true;
}

bool trans_MOVWIDE(DisasContext *s, arg_MOVWIDE *a)
{
    IRType t = arm_type(a->sf);
    unsigned pos = (unsigned)a->hw * 16;
    IRVal dst = a64_dest(s, (unsigned)a->rd);
    uint64_t v = (uint64_t)a->imm << pos;

    if (a->opc == 1 || (!a->sf && a->hw > 1))
        return false;
    if (a->opc == 3)
        ir_deposit(s->ir, t, dst, a64_reg(s, (unsigned)a->rd), ir_const(s->ir, t, (uint64_t)a->imm), pos, 16);
    else
        ir_movi(s->ir, dst, (a->opc ? v : ~v) & (a->sf ? ~0ull : 0xffffffff));
    return true;
}

bool trans_BITFIELD(DisasContext *s, arg_BITFIELD *a)
{
    IRFunc *ir = s->ir;
    IRType t = arm_type(a->sf);
    unsigned width = a->sf ? 64 : 32, r = (unsigned)a->immr, e = (unsigned)a->imms;
    IRVal dst = a64_dest(s, (unsigned)a->rd), src = a64_reg(s, (unsigned)a->rn);

    if (a->opc == 3 || a->n != a->sf || r >= width || e >= width)
        return false;
    bool right = e >= r;
    unsigned len = right ? e - r + 1 : e + 1, pos = right ? 0 : width - r;
    if (a->opc == 1) {
        IRVal field = src, base = a64_reg(s, (unsigned)a->rd);
        if (right && r) {
            field = arm_tmp(s);
            ir_op2i(ir, IR_SHR, t, field, src, r);
        }
        if (len == width)
            ir_op1(ir, IR_MOV, t, dst, field);
        else
            ir_deposit(ir, t, dst, base, field, pos, len);
        return true;
    }
    IROpcode extract = a->opc ? IR_EXTRACT : IR_SEXTRACT;
    if (right && len == width) {
        ir_op1(ir, IR_MOV, t, dst, src);
    } else if (right) {
        ir_extract(ir, extract, t, dst, src, r, len);
    } else if (pos + len == width) {
        ir_op2i(ir, IR_SHL, t, dst, src, pos);
    } else {
        IRVal field = arm_tmp(s);
        ir_extract(ir, extract, t, field, src, 0, len);
        ir_op2i(ir, IR_SHL, t, dst, field, pos);
    }
    return true;
}

bool trans_EXTR(DisasContext *s, arg_EXTR *a)
{
    IRType t = arm_type(a->sf);
    IRVal dst = a64_dest(s, (unsigned)a->rd), hi = a64_reg(s, (unsigned)a->rn), lo = a64_reg(s, (unsigned)a->rm);

    if (a->n != a->sf || (!a->sf && a->imms > 31))
        return false;
    if (a->imms == 0)
        ir_op1(s->ir, IR_MOV, t, dst, lo);
    else if (a->rn == a->rm)
        ir_op2i(s->ir, IR_ROTR, t, dst, lo, (uint64_t)a->imms);
    else
        ir_extract2(s->ir, t, dst, lo, hi, (unsigned)a->imms);
    return true;
}

/* ---- Register ---- */

static IRVal shifted(DisasContext *s, IRType t, unsigned rm, unsigned kind, unsigned amount)
{
    static const uint8_t ops[4] = { IR_SHL, IR_SHR, IR_SAR, IR_ROTR };
    IRVal v = a64_reg(s, rm);

    if (amount) {
        IRVal out = arm_tmp(s);
        ir_op2i(s->ir, ops[kind], t, out, v, amount);
        v = out;
    }
    return v;
}

IRVal a64_extended(DisasContext *s, unsigned rm, unsigned option, unsigned amount)
{
    static const uint8_t ops[8] = { IR_EXT8U, IR_EXT16U, IR_EXT_I32_I64U, IR_MOV, IR_EXT8S, IR_EXT16S, IR_EXT_I32_I64S, IR_MOV };
    IRVal v = a64_reg(s, rm), out;

    if ((option & 3) == 3 && !amount)
        return v;
    out = arm_tmp(s);
    if ((option & 3) == 2 && rm == 31)
        ir_movi(s->ir, out, 0);
    else
        ir_op1(s->ir, ops[option], IR_I64, out, v);
    if (amount)
        ir_op2i(s->ir, IR_SHL, IR_I64, out, out, amount);
    return out;
}

bool trans_LOGIC_reg(DisasContext *s, arg_LOGIC_reg *a)
{
    IRType t = arm_type(a->sf);
    IRVal dst = a64_dest(s, (unsigned)a->rd), src = a64_reg(s, (unsigned)a->rn), b;

    if (!a->sf && a->amount > 31)
        return false;
    b = shifted(s, t, (unsigned)a->rm, (unsigned)a->shift, (unsigned)a->amount);
    if (a->opc == 1 && a->rn == 31) { /* MOV, MVN */
        ir_op1(s->ir, a->n ? IR_NOT : IR_MOV, t, dst, b);
        return true;
    }
    bool andc = a->n && (a->opc == 0 || a->opc == 3);
    if (a->n && !andc) {
        IRVal inverted = arm_tmp(s);
        ir_op1(s->ir, IR_NOT, t, inverted, b);
        b = inverted;
    }
    IROpcode op = andc ? IR_ANDC : logic_ops[a->opc];
    if (a->opc != 3) {
        ir_op2(s->ir, op, t, dst, src, b);
        return true;
    }
    IRVal r = arm_tmp(s);
    ir_op2(s->ir, op, t, r, src, b);
    arm_cc_logic(s, t, r);
    ir_mov(s->ir, dst, r);
    return true;
}

bool trans_ADDSUB_reg(DisasContext *s, arg_ADDSUB_reg *a)
{
    IRType t = arm_type(a->sf);

    if (a->shift == 3 || (!a->sf && a->amount > 31))
        return false;
    IRVal b = shifted(s, t, (unsigned)a->rm, (unsigned)a->shift, (unsigned)a->amount);
    add_sub(s, t, a->sub, a->setflags, (unsigned)a->rd, false, a64_reg(s, (unsigned)a->rn), b);
    return true;
}

bool trans_ADDSUB_ext(DisasContext *s, arg_ADDSUB_ext *a)
{
    if (a->amount > 4)
        return false;
    IRVal b = a64_extended(s, (unsigned)a->rm, (unsigned)a->option, (unsigned)a->amount);
    add_sub(s, arm_type(a->sf), a->sub, a->setflags, (unsigned)a->rd, true, a64_reg_sp(s, (unsigned)a->rn), b);
    return true;
}

bool trans_ADC(DisasContext *s, arg_ADC *a)
{
    IRType t = arm_type(a->sf);
    IRVal n = a64_reg(s, (unsigned)a->rn), m = a64_reg(s, (unsigned)a->rm), dst = a64_dest(s, (unsigned)a->rd);

    if (a->sub) {
        IRVal inverted = arm_tmp(s);
        ir_op1(s->ir, IR_NOT, t, inverted, m);
        m = inverted;
    }
    if (a->setflags) {
        arm_cc_adc(s, t, dst, n, m, IR_NONE);
        return true;
    }
    IRVal sum = arm_tmp(s), carry = arm_cc_carry(s);
    ir_op2(s->ir, IR_ADD, t, sum, n, m);
    ir_op2(s->ir, IR_ADD, t, dst, sum, carry);
    return true;
}

/* Replaces the flags of a mask (bits 3-0) by bits 31-28 of value. */
static void merge_nzcv(DisasContext *s, IRVal value, unsigned mask)
{
    IRVal old = arm_cc_get_nzcv(s), new = arm_tmp(s), kept = arm_tmp(s);

    ir_op2i(s->ir, IR_AND, IR_I64, new, value, (uint64_t)mask << 28);
    ir_op2i(s->ir, IR_AND, IR_I64, kept, old, (uint64_t)(~mask & 15) << 28);
    ir_op2(s->ir, IR_OR, IR_I64, new, new, kept);
    arm_cc_nzcv(s, new);
}

bool trans_RMIF(DisasContext *s, arg_RMIF *a)
{
    if (!arm_feature(s->env, ARM_FEATURE_FLAGM))
        return false;
    IRVal v = arm_tmp(s);
    ir_op2i(s->ir, IR_ROTR, IR_I64, v, a64_reg(s, (unsigned)a->rn), ((unsigned)a->imm + 36) & 63); /* bits 3-0 to 31-28 */
    merge_nzcv(s, v, (unsigned)a->mask);
    return true;
}

bool trans_SETF(DisasContext *s, arg_SETF *a)
{
    unsigned bits = a->half ? 16 : 8;
    IRVal v = arm_tmp(s), z = arm_tmp(s), o = arm_tmp(s), src = a64_reg(s, (unsigned)a->rn);

    if (!arm_feature(s->env, ARM_FEATURE_FLAGM))
        return false;
    ir_op2i(s->ir, IR_SHL, IR_I64, v, src, 32 - bits); /* sign bit to N */
    ir_op2i(s->ir, IR_AND, IR_I64, v, v, PSTATE_N);
    ir_op2i(s->ir, IR_SHL, IR_I64, o, src, 1);
    ir_op2(s->ir, IR_XOR, IR_I64, o, o, src);
    ir_op2i(s->ir, IR_SHL, IR_I64, o, o, 28 - bits);
    ir_op2i(s->ir, IR_AND, IR_I64, o, o, PSTATE_V);
    ir_op2(s->ir, IR_OR, IR_I64, v, v, o);
    ir_extract(s->ir, IR_EXTRACT, IR_I64, z, src, 0, bits);
    ir_setcond(s->ir, IR_EQ, IR_I64, z, z, ir_i64(s->ir, 0));
    ir_op2i(s->ir, IR_SHL, IR_I64, z, z, 30);
    ir_op2(s->ir, IR_OR, IR_I64, v, v, z);
    merge_nzcv(s, v, 13);
    return true;
}

bool trans_CCMP(DisasContext *s, arg_CCMP *a)
{
    IRType t = arm_type(a->sf);
    IRVal n = a64_reg(s, (unsigned)a->rn);
    IRVal b = a->imm ? ir_const(s->ir, t, (uint64_t)a->rm) : a64_reg(s, (unsigned)a->rm);
    ARMTest test = arm_test(s, (unsigned)a->cond);

    arm_cc_conditional(s, &test, t, n, b, !a->sub, (unsigned)a->nzcv);
    return true;
}

bool trans_CSEL(DisasContext *s, arg_CSEL *a)
{
    IRType t = arm_type(a->sf);
    IRVal dst = a64_dest(s, (unsigned)a->rd), n = a64_reg(s, (unsigned)a->rn), m = a64_reg(s, (unsigned)a->rm);
    ARMTest test = arm_test(s, (unsigned)a->cond);

    if (a->rn == 31 && a->rm == 31 && a->inv != a->inc) { /* CSET, CSETM */
        IRCond not = ir_cond_negate(test.cond);
        if (a->inc) {
            ir_setcond(s->ir, not, test.type, dst, test.a, test.b);
        } else {
            IRVal mask = arm_tmp(s);
            ir_negsetcond(s->ir, not, test.type, mask, test.a, test.b);
            ir_op1(s->ir, IR_MOV, t, dst, mask);
        }
        return true;
    }
    if (a->inv || a->inc) {
        IRVal changed = arm_tmp(s);
        if (!a->inv)
            ir_op2i(s->ir, IR_ADD, t, changed, m, 1);
        else
            ir_op1(s->ir, a->inc ? IR_NEG : IR_NOT, t, changed, m);
        m = changed;
    }
    ir_movcond(s->ir, test.cond, t, dst, test.type, test.a, test.b, n, m);
    return true;
}

bool trans_DIV(DisasContext *s, arg_DIV *a)
{
    IRFunc *ir = s->ir;
    IRType t = arm_type(a->sf);
    IRVal n = a64_reg(s, (unsigned)a->rn), m = a64_reg(s, (unsigned)a->rm), dst = a64_dest(s, (unsigned)a->rd);
    IRVal d = arm_tmp(s), q = arm_tmp(s), special = arm_tmp(s), one = ir_const(ir, t, 1);

    if (a->signed_) { /* by 0 and -1: the result is divisor & -dividend */
        IRVal alt = arm_tmp(s);
        ir_op2i(ir, IR_ADD, t, special, m, 1);
        ir_op1(ir, IR_NEG, t, alt, n);
        ir_op2(ir, IR_AND, t, alt, alt, m);
        ir_movcond(ir, IR_LEU, t, d, t, special, one, one, m);
        ir_op2(ir, IR_DIVS, t, q, n, d);
        ir_movcond(ir, IR_LEU, t, dst, t, special, one, alt, q);
        return true;
    }
    IRVal zero = ir_const(ir, t, 0);
    ir_op1(ir, IR_MOV, t, special, m);
    ir_movcond(ir, IR_EQ, t, d, t, special, zero, one, special);
    ir_op2(ir, IR_DIVU, t, q, n, d);
    ir_movcond(ir, IR_EQ, t, dst, t, special, zero, zero, q);
    return true;
}

bool trans_SHIFTV(DisasContext *s, arg_SHIFTV *a)
{
    static const uint8_t ops[4] = { IR_SHL, IR_SHR, IR_SAR, IR_ROTR };

    ir_op2(s->ir, ops[a->op], arm_type(a->sf), a64_dest(s, (unsigned)a->rd), a64_reg(s, (unsigned)a->rn),
           a64_reg(s, (unsigned)a->rm));
    return true;
}

bool trans_CRC32(DisasContext *s, arg_CRC32 *a)
{
    if (!arm_feature(s->env, ARM_FEATURE_CRC32) || a->sf != (a->size == 3))
        return false;
    IRVal out = a64_dest(s, (unsigned)a->rd), acc = a64_reg(s, (unsigned)a->rn), v = a64_reg(s, (unsigned)a->rm);
    IRVal bytes = ir_i32(s->ir, 1u << a->size);
    if (a->c)
        ARM_CALL(s, a64_crc32c, out, acc, v, bytes);
    else
        ARM_CALL(s, a64_crc32, out, acc, v, bytes);
    return true;
}

/* ---- One source ---- */

bool trans_RBIT(DisasContext *s, arg_RBIT *a)
{
    IRVal out = a64_dest(s, (unsigned)a->rd);

    ARM_CALL(s, a64_rbit, out, a64_reg(s, (unsigned)a->rn));
    if (!a->sf)
        ir_op2i(s->ir, IR_SHR, IR_I64, out, out, 32);
    return true;
}

bool trans_REV16(DisasContext *s, arg_REV16 *a)
{
    IRType t = arm_type(a->sf);
    IRVal src = a64_reg(s, (unsigned)a->rn), hi = arm_tmp(s), lo = arm_tmp(s);

    ir_op2i(s->ir, IR_SHR, t, hi, src, 8);
    ir_op2i(s->ir, IR_AND, t, hi, hi, 0x00ff00ff00ff00ff);
    ir_op2i(s->ir, IR_AND, t, lo, src, 0x00ff00ff00ff00ff);
    ir_op2i(s->ir, IR_SHL, t, lo, lo, 8);
    ir_op2(s->ir, IR_OR, t, a64_dest(s, (unsigned)a->rd), hi, lo);
    return true;
}

bool trans_REV32(DisasContext *s, arg_REV32 *a)
{
    IRVal dst = a64_dest(s, (unsigned)a->rd), src = a64_reg(s, (unsigned)a->rn);

    if (a->sf) {
        IRVal t = arm_tmp(s);
        ir_op1(s->ir, IR_BSWAP64, IR_I64, t, src);
        ir_op2i(s->ir, IR_ROTR, IR_I64, dst, t, 32);
    } else {
        ir_op1(s->ir, IR_BSWAP32, IR_I32, dst, src);
    }
    return true;
}

bool trans_REV64(DisasContext *s, arg_REV64 *a)
{
    ir_op1(s->ir, IR_BSWAP64, IR_I64, a64_dest(s, (unsigned)a->rd), a64_reg(s, (unsigned)a->rn));
    return true;
}

bool trans_CLZ(DisasContext *s, arg_CLZ *a)
{
    ir_op2i(s->ir, IR_CLZ, arm_type(a->sf), a64_dest(s, (unsigned)a->rd), a64_reg(s, (unsigned)a->rn), a->sf ? 64 : 32);
    return true;
}

bool trans_CLS(DisasContext *s, arg_CLS *a)
{
    IRType t = arm_type(a->sf);
    IRVal v = arm_tmp(s), src = a64_reg(s, (unsigned)a->rn);

    ir_op2i(s->ir, IR_SAR, t, v, src, 1);
    ir_op2(s->ir, IR_XOR, t, v, v, src);
    ir_op2i(s->ir, IR_CLZ, t, v, v, a->sf ? 64 : 32);
    ir_op2i(s->ir, IR_SUB, t, a64_dest(s, (unsigned)a->rd), v, 1);
    return true;
}

bool trans_CTZ(DisasContext *s, arg_CTZ *a)
{
    if (!arm_feature(s->env, ARM_FEATURE_CSSC))
        return false;
    ir_op2i(s->ir, IR_CTZ, arm_type(a->sf), a64_dest(s, (unsigned)a->rd), a64_reg(s, (unsigned)a->rn), a->sf ? 64 : 32);
    return true;
}

bool trans_CNT(DisasContext *s, arg_CNT *a)
{
    if (!arm_feature(s->env, ARM_FEATURE_CSSC))
        return false;
    ir_op1(s->ir, IR_POPCNT, arm_type(a->sf), a64_dest(s, (unsigned)a->rd), a64_reg(s, (unsigned)a->rn));
    return true;
}

bool trans_ABS(DisasContext *s, arg_ABS *a)
{
    IRType t = arm_type(a->sf);
    IRVal src = a64_reg(s, (unsigned)a->rn), neg = arm_tmp(s);

    if (!arm_feature(s->env, ARM_FEATURE_CSSC))
        return false;
    ir_op1(s->ir, IR_NEG, t, neg, src);
    ir_movcond(s->ir, IR_LT, t, a64_dest(s, (unsigned)a->rd), t, src, ir_const(s->ir, t, 0), neg, src);
    return true;
}

static bool min_max(DisasContext *s, bool sf, unsigned op, unsigned rd, unsigned rn, IRVal b)
{
    static const uint8_t conds[4] = { IR_GT, IR_GTU, IR_LT, IR_LTU };
    IRType t = arm_type(sf);
    IRVal src = a64_reg(s, rn);

    if (!arm_feature(s->env, ARM_FEATURE_CSSC))
        return false;
    ir_movcond(s->ir, conds[op], t, a64_dest(s, rd), t, src, b, src, b);
    return true;
}

bool trans_MINMAX_reg(DisasContext *s, arg_MINMAX_reg *a)
{
    return min_max(s, a->sf, (unsigned)a->op, (unsigned)a->rd, (unsigned)a->rn, a64_reg(s, (unsigned)a->rm));
}

bool trans_MINMAX_imm(DisasContext *s, arg_MINMAX_imm *a)
{
    int64_t imm = a->op & 1 ? a->imm : (int8_t)a->imm;

    return min_max(s, a->sf, (unsigned)a->op, (unsigned)a->rd, (unsigned)a->rn, ir_const(s->ir, arm_type(a->sf), (uint64_t)imm));
}

/* ---- Three sources ---- */

bool trans_MADD(DisasContext *s, arg_MADD *a)
{
    IRType t = arm_type(a->sf);
    IRVal dst = a64_dest(s, (unsigned)a->rd), n = a64_reg(s, (unsigned)a->rn), m = a64_reg(s, (unsigned)a->rm);

    if (a->ra == 31 && !a->sub) {
        ir_op2(s->ir, IR_MUL, t, dst, n, m);
        return true;
    }
    IRVal product = arm_tmp(s);
    ir_op2(s->ir, IR_MUL, t, product, n, m);
    ir_op2(s->ir, a->sub ? IR_SUB : IR_ADD, t, dst, a64_reg(s, (unsigned)a->ra), product);
    return true;
}

bool trans_MADDL(DisasContext *s, arg_MADDL *a)
{
    IRVal n = a64_extended(s, (unsigned)a->rn, a->unsigned_ ? 2 : 6, 0), m = a64_extended(s, (unsigned)a->rm, a->unsigned_ ? 2 : 6, 0);
    IRVal product = arm_tmp(s);

    ir_op2(s->ir, IR_MUL, IR_I64, product, n, m);
    ir_op2(s->ir, a->sub ? IR_SUB : IR_ADD, IR_I64, a64_dest(s, (unsigned)a->rd), a64_reg(s, (unsigned)a->ra), product);
    return true;
}

bool trans_MULH(DisasContext *s, arg_MULH *a)
{
    IRVal lo = arm_tmp(s);

    ir_mul2(s->ir, a->unsigned_ ? IR_MULU2 : IR_MULS2, IR_I64, lo, a64_dest(s, (unsigned)a->rd), a64_reg(s, (unsigned)a->rn),
            a64_reg(s, (unsigned)a->rm));
    return true;
}
