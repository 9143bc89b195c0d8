/* SPDX-License-Identifier: MIT */
/*
 * A32 and Thumb data processing: the sixteen operations (and ORN) with immediate, shifted-register and register-shifted-register
 * operands, wide moves, address generation. Arm ARM ARMv7-A/R sections A5.2, A8.4; ARMv8-A chapter F5.
 */
#include "translate-a32.h"
#include "translate-m.h"

enum { OP_AND, OP_EOR, OP_SUB, OP_RSB, OP_ADD, OP_ADC, OP_SBC, OP_RSC, OP_TST, OP_TEQ, OP_CMP, OP_CMN, OP_ORR, OP_MOV, OP_BIC, OP_MVN, OP_ORN };

/* ---- The barrel shifter ---- */

static IRVal bit_of(DisasContext *s, IRVal v, unsigned n)
{
    IRVal t = arm_tmp(s);
    ir_extract(s->ir, IR_EXTRACT, IR_I32, t, v, n, 1);
    return t;
}

static A32Shifted rrx(DisasContext *s, IRVal rm, bool want_carry)
{
    IRVal t = arm_tmp(s), c = arm_cc_carry(s);
    ir_op2i(s->ir, IR_SHR, IR_I32, t, rm, 1);
    ir_deposit(s->ir, IR_I32, t, t, c, 31, 1);
    return (A32Shifted){ t, want_carry ? bit_of(s, rm, 0) : IR_NONE };
}

A32Shifted a32_shift_imm(DisasContext *s, IRVal rm, unsigned type, unsigned imm, bool want_carry)
{
    static const uint8_t ops[4] = { IR_SHL, IR_SHR, IR_SAR, IR_ROTR };
    unsigned carry_bit;

    if (imm == 0) {
        if (type == 0)
            return (A32Shifted){ rm, IR_NONE };
        if (type == 3)
            return rrx(s, rm, want_carry);
        imm = 32;
    }
    carry_bit = type == 0 ? 32 - imm : imm - 1;
    IRVal c = want_carry ? bit_of(s, rm, carry_bit) : IR_NONE, t;
    if (imm == 32 && type == 1)
        return (A32Shifted){ ir_i64(s->ir, 0), c };
    t = arm_tmp(s);
    ir_op2i(s->ir, ops[type], IR_I32, t, rm, imm == 32 ? 31 : imm);
    return (A32Shifted){ t, c };
}

/* min(amount, 63) of an amount up to 255. */
static IRVal clamp_amount(DisasContext *s, IRVal amount)
{
    IRVal t = arm_tmp(s), max = ir_i64(s->ir, 63);
    ir_movcond(s->ir, IR_LTU, IR_I64, t, IR_I64, amount, max, amount, max);
    return t;
}

/* In 64 bits the bit shifted out last stays next to the result. */
static A32Shifted shift_wide(DisasContext *s, IRVal rm, unsigned type, IRVal amount, bool want_carry)
{
    static const uint8_t ops[3] = { IR_SHL, IR_SHR, IR_SAR };
    IRVal n = clamp_amount(s, amount), wide = rm, t = arm_tmp(s), r = arm_tmp(s), c = IR_NONE;

    if (type == 2) {
        wide = arm_tmp(s);
        ir_op1(s->ir, IR_EXT_I32_I64S, IR_I64, wide, rm);
    }
    ir_op2(s->ir, ops[type], IR_I64, t, wide, n);
    ir_op1(s->ir, IR_EXT_I32_I64U, IR_I64, r, t);
    if (want_carry) {
        c = arm_tmp(s);
        if (type == 0) {
            ir_extract(s->ir, IR_EXTRACT, IR_I64, c, t, 32, 1);
        } else {
            ir_op2(s->ir, IR_ADD, IR_I64, c, wide, wide);
            ir_op2(s->ir, ops[type], IR_I64, c, c, n);
            ir_op2i(s->ir, IR_AND, IR_I64, c, c, 1);
        }
    }
    return (A32Shifted){ r, c };
}

/* Amounts 0-255; 0 leaves C alone. */
static A32Shifted shift_reg(DisasContext *s, IRVal rm, unsigned type, IRVal rs, bool want_carry)
{
    IRVal amount = arm_tmp(s);
    A32Shifted r;

    ir_op1(s->ir, IR_EXT8U, IR_I32, amount, rs);
    if (type == 3) {
        r.val = arm_tmp(s);
        ir_op2(s->ir, IR_ROTR, IR_I32, r.val, rm, amount);
        r.carry = want_carry ? bit_of(s, r.val, 31) : IR_NONE;
    } else {
        r = shift_wide(s, rm, type, amount, want_carry);
    }
    if (want_carry)
        ir_movcond(s->ir, IR_NE, IR_I64, r.carry, IR_I64, amount, ir_i64(s->ir, 0), r.carry, arm_cc_carry(s));
    return r;
}

/* ---- The operations ---- */

static bool is_logical(unsigned op)
{
    return op <= OP_EOR || op == OP_TST || op == OP_TEQ || op >= OP_ORR;
}

static IRVal inverted(DisasContext *s, IRVal v)
{
    IRVal t = arm_tmp(s);
    ir_op1(s->ir, IR_NOT, IR_I32, t, v);
    return t;
}

static void logical(DisasContext *s, unsigned op, IRVal r, IRVal a, IRVal b)
{
    static const uint8_t ops[17] = { [OP_AND] = IR_AND, [OP_TST] = IR_AND, [OP_EOR] = IR_XOR, [OP_TEQ] = IR_XOR,
                                     [OP_ORR] = IR_OR, [OP_BIC] = IR_ANDC };
    if (op == OP_MOV)
        ir_op1(s->ir, IR_MOV, IR_I32, r, b);
    else if (op == OP_MVN)
        ir_op1(s->ir, IR_NOT, IR_I32, r, b);
    else if (op == OP_ORN)
        ir_op2(s->ir, IR_OR, IR_I32, r, a, inverted(s, b));
    else
        ir_op2(s->ir, ops[op], IR_I32, r, a, b);
}

/* ADC, SBC, RSC: x + y + C, y inverted for the subtractions. */
static void with_carry(DisasContext *s, unsigned op, IRVal r, IRVal a, IRVal b, bool set)
{
    IRVal x = op == OP_RSC ? b : a, y = op == OP_ADC ? b : inverted(s, op == OP_RSC ? a : b), c;

    if (set) {
        arm_cc_adc(s, IR_I32, r, x, y, IR_NONE);
        return;
    }
    c = arm_cc_carry(s);
    ir_op2(s->ir, IR_ADD, IR_I32, r, x, y);
    ir_op2(s->ir, IR_ADD, IR_I32, r, r, c);
}

static void arithmetic(DisasContext *s, unsigned op, IRVal r, IRVal a, IRVal b, bool set)
{
    switch (op) {
    case OP_ADD: case OP_CMN:
        ir_op2(s->ir, IR_ADD, IR_I32, r, a, b);
        if (set)
            arm_cc_add(s, IR_I32, r, a, b);
        break;
    case OP_RSB:
        ir_op2(s->ir, IR_SUB, IR_I32, r, b, a);
        if (set)
            arm_cc_sub(s, IR_I32, r, b, a);
        break;
    case OP_SUB: case OP_CMP:
        ir_op2(s->ir, IR_SUB, IR_I32, r, a, b);
        if (set)
            arm_cc_sub(s, IR_I32, r, a, b);
        break;
    default:
        with_carry(s, op, r, a, b, set);
    }
}

/* MOVS pc, lr and friends: the result and SPSR become pc and CPSR. */
static bool exception_return(DisasContext *s, IRVal pc)
{
    IRVal spsr = arm_tmp32(s);

    if (!a32_privileged(s) || s->el == 2 || s->m_profile)
        return false;
    ARM_CALL0(s, spsr_read, spsr);
    a32_exception_return(s, pc, spsr);
    return true;
}

/* Arithmetic on the stack pointer is checked against its limit. */
static void check_stack(DisasContext *s, unsigned op, unsigned rd, IRVal a, IRVal r)
{
    if (rd == 13 && s->m_profile && (op == OP_ADD || op == OP_SUB) && a == cpu_x[13])
        m_check_splim(s, r);
}

static bool data_op(DisasContext *s, unsigned op, bool set, unsigned rd, IRVal a, A32Shifted b)
{
    bool compares = op >= OP_TST && op <= OP_CMN;
    bool returns = set && rd == 15 && !compares && !s->thumb, flags = set && !returns;
    /* Flags look at operands after the operation, so they must not be overwritten by it. */
    IRVal r = compares || flags || rd == 15 || (rd == 13 && s->m_profile) ? arm_tmp(s) : a32_dest(s, rd);

    if (op == OP_MOV && !set && rd == 15) {
        a32_set_reg(s, rd, b.val);
        return true;
    }
    if (is_logical(op)) {
        logical(s, op, r, a, b.val);
        if (flags && b.carry != IR_NONE)
            a32_cc_nzc(s, r, b.carry);
        else if (flags)
            a32_cc_nz(s, r);
    } else {
        arithmetic(s, op, r, a, b.val, flags);
    }
    if (returns)
        return exception_return(s, r);
    check_stack(s, op, rd, a, r);
    if (!compares && r != cpu_x[rd])
        a32_set_reg(s, rd, r);
    return true;
}

static bool reads_rn(unsigned op)
{
    return op != OP_MOV && op != OP_MVN;
}

static IRVal first_operand(DisasContext *s, unsigned op, unsigned rn)
{
    return reads_rn(op) ? a32_reg(s, rn) : IR_NONE;
}

/* A32: fields that an operation does not use are zero. */
static bool bad_fields(const DisasContext *s, unsigned op, unsigned rd, unsigned rn)
{
    return !s->thumb && ((!reads_rn(op) && rn) || (op >= OP_TST && op <= OP_CMN && rd));
}

bool a32_trans_DP_rri(DisasContext *s, arg_DP_rri *a)
{
    bool set = a32_sets_flags(s, a->s);
    if (bad_fields(s, a->op, a->rd, a->rn))
        return false;
    A32Shifted b = a32_shift_imm(s, a32_reg(s, a->rm), a->type, a->imm, set && is_logical(a->op));
    return data_op(s, a->op, set, a->rd, first_operand(s, a->op, a->rn), b);
}

bool a32_trans_DP_rsr(DisasContext *s, arg_DP_rsr *a)
{
    bool set = a32_sets_flags(s, a->s);
    if ((a->rd == 15 && s->thumb) || bad_fields(s, a->op, a->rd, a->rn))
        return false;
    A32Shifted b = shift_reg(s, a32_reg(s, a->rm), a->type, a32_reg(s, a->rs), set && is_logical(a->op));
    return data_op(s, a->op, set, a->rd, first_operand(s, a->op, a->rn), b);
}

/* ADR is ADD or SUB of the word-aligned pc, also as DP_imm in A32. */
bool a32_trans_DP_imm(DisasContext *s, arg_DP_imm *a)
{
    bool set = a32_sets_flags(s, a->s);
    if (bad_fields(s, a->op, a->rd, a->rn))
        return false;
    A32Shifted b = { ir_i64(s->ir, (uint32_t)a->imm), IR_NONE };
    if (set && is_logical(a->op) && a->rot)
        b.carry = ir_i64(s->ir, (uint32_t)a->imm >> 31);
    return data_op(s, a->op, set, a->rd, first_operand(s, a->op, a->rn), b);
}

/*
 * T32 numbers the operations otherwise. Rd 15 with flags makes a comparison, Rn 15 a move; what is left of r15 is unpredictable
 * and undefined here.
 */
static bool t32_op(int op, bool set, int rn, int rd, int *out)
{
    static const int8_t ops[16] = { OP_AND, OP_BIC, OP_ORR, OP_ORN, OP_EOR, -1, -1, -1, OP_ADD, -1, OP_ADC, OP_SBC, -1, OP_SUB, OP_RSB, -1 };
    int o = ops[op];

    if (o < 0)
        return false;
    if (rn == 15 && (o == OP_ORR || o == OP_ORN))
        o = o == OP_ORR ? OP_MOV : OP_MVN;
    if (rd == 15) {
        if (!set)
            return false;
        switch (o) {
        case OP_AND: o = OP_TST; break;
        case OP_EOR: o = OP_TEQ; break;
        case OP_ADD: o = OP_CMN; break;
        case OP_SUB: o = OP_CMP; break;
        default: return false;
        }
    }
    *out = o;
    return true;
}

bool a32_trans_T32_DP_imm(DisasContext *s, arg_T32_DP_imm *a)
{
    arg_DP_imm b = *a;
    return t32_op(a->op, a->s, a->rn, a->rd, &b.op) && a32_trans_DP_imm(s, &b);
}

bool a32_trans_T32_DP_rri(DisasContext *s, arg_T32_DP_rri *a)
{
    arg_DP_rri b = *a;
    return t32_op(a->op, a->s, a->rn, a->rd, &b.op) && a32_trans_DP_rri(s, &b);
}

/* ---- Wide immediates and addresses ---- */

bool a32_trans_MOVW(DisasContext *s, arg_MOVW *a)
{
    if (!a32_has(s, ARM_FEATURE_V6T2) || a->rd == 15)
        return false;
    ir_movi(s->ir, a32_dest(s, a->rd), (uint32_t)a->imm);
    return true;
}

bool a32_trans_MOVT(DisasContext *s, arg_MOVT *a)
{
    if (!a32_has(s, ARM_FEATURE_V6T2) || a->rd == 15)
        return false;
    IRVal rd = a32_dest(s, a->rd);
    ir_deposit(s->ir, IR_I32, rd, rd, ir_i32(s->ir, (uint32_t)a->imm), 16, 16);
    return true;
}

static uint32_t aligned_pc(const DisasContext *s)
{
    return ((uint32_t)arm_pc(s) + (s->thumb ? 4 : 8)) & ~3u;
}

static bool add_wide(DisasContext *s, unsigned rd, unsigned rn, uint32_t imm)
{
    if (rd == 15)
        return false;
    if (rd == 13 && s->m_profile) {
        A32Shifted b = { ir_i64(s->ir, imm), IR_NONE };
        return data_op(s, OP_ADD, false, rd, a32_reg(s, rn), b);
    }
    if (rn == 15)
        ir_movi(s->ir, a32_dest(s, rd), aligned_pc(s) + imm);
    else
        ir_op2i(s->ir, IR_ADD, IR_I32, a32_dest(s, rd), cpu_x[rn], imm);
    return true;
}

bool a32_trans_ADDW(DisasContext *s, arg_ADDW *a)
{
    return add_wide(s, a->rd, a->rn, (uint32_t)a->imm);
}

bool a32_trans_SUBW(DisasContext *s, arg_SUBW *a)
{
    return add_wide(s, a->rd, a->rn, -(uint32_t)a->imm);
}

bool a32_trans_ADR(DisasContext *s, arg_ADR *a)
{
    return add_wide(s, a->rd, 15, (uint32_t)a->imm);
}
