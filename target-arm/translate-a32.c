/* SPDX-License-Identifier: MIT */
/*
 * AArch32 instructions: fetching, conditions, IT blocks, and which decoder sees what. Arm ARM ARMv7-A/R chapters A5 and A6,
 * ARMv8-A chapters F3 and F4.
 *
 * A conditional instruction is jumped over. When it ends the TB, the TB may go on behind it: then only the jump leads there, and
 * what was known of the flags before still holds.
 */
#include "translate-a32.h"

#include "translate-m.h"

/* ---- Functions that the decoders call for arguments ---- */

/* rotation:4, value:8 */
static int a32_expand_imm(DisasContext *s, int x)
{
    uint32_t imm = (uint32_t)x & 0xff;
    unsigned rot = ((unsigned)x >> 8 & 15) * 2;
    return (int)(rot ? imm >> rot | imm << (32 - rot) : imm);
}

/* P and W of a load or store: post-indexed with W is as in User mode. */
static int a32_unprivileged(DisasContext *s, int pw)
{
    return pw == 1;
}

/* Size of an exclusive access in A32. */
static int ex_size(DisasContext *s, int x)
{
    static const uint8_t sizes[4] = { MO_32, MO_64, MO_8, MO_16 };
    return sizes[x];
}

/* i:imm3:imm8 */
static int t32_expand_imm(DisasContext *s, int x)
{
    uint32_t imm = (uint32_t)x & 0xff, rotated = imm | 0x80;
    unsigned how = (unsigned)x >> 7 & 31;

    switch (x >> 8 & 15) {
    case 0: return (int)imm;
    case 1: return (int)(imm * 0x00010001);
    case 2: return (int)(imm * 0x01000100);
    case 3: return (int)(imm * 0x01010101);
    }
    return (int)(rotated >> how | rotated << (32 - how));
}

static int t32_imm_rotates(DisasContext *s, int x)
{
    return x >> 10 != 0;
}

/* S:J1:J2:imm: the two bits below the sign are J inverted where the sign is 0. */
static int t32_branch(DisasContext *s, int x)
{
    uint32_t v = (uint32_t)x;
    if (!(v >> 23 & 1))
        v ^= 0x00600000;
    return (int)(v << 8) >> 7;
}

/* U and the two bits below, to the prefix as A32 encodes it; 0 when there is none. */
static int t32_par_sign(DisasContext *s, int x)
{
    static const uint8_t signs[8] = { 1, 2, 3, 0, 5, 6, 7, 0 };
    return signs[x];
}

/* Rn and the list of LDMIA: a base that is loaded is not written back. */
static int t16_ldm_writeback(DisasContext *s, int x)
{
    return !(x & 0xff & 1 << (x >> 8));
}

#define DECODE_BODY_a32
#define DECODE_BODY_a32_uncond
#define DECODE_BODY_t32
#define DECODE_BODY_t16
#include "target-arm/a32.decode.inc"
#include "target-arm/a32-uncond.decode.inc"
#include "target-arm/t32.decode.inc"
#include "target-arm/t16.decode.inc"

/* ---- Conditional execution ---- */

/* What was known of the flags in front of the instruction, and the slots used. */
typedef struct Condition {
    uint8_t cc_op, slots;
    bool cc_op_dirty, cmp_carry, cc_whole;
    IRVal cmp_a, cmp_b, fcmp;
    unsigned cmp_mark;
    ARMTest test;       /* when to skip it */
    unsigned first_op;  /* its IR starts here, behind the branch */
} Condition;

static Condition begin_condition(DisasContext *s)
{
    Condition c = { .cc_op = s->cc_op, .slots = s->slots, .cc_op_dirty = s->cc_op_dirty, .cmp_carry = s->cmp_carry,
                    .cc_whole = s->cc_whole, .cmp_a = s->cmp_a, .cmp_b = s->cmp_b, .fcmp = s->fcmp, .cmp_mark = s->cmp_mark };

    if (s->cond >= 14)
        return c;
    s->cond_label = ir_new_label(s->ir);
    c.test = arm_test(s, s->cond ^ 1u);
    ir_brcond(s->ir, c.test.cond, c.test.type, c.test.a, c.test.b, s->cond_label);
    c.first_op = s->ir->nops;
    s->cond_jump = true;
    return c;
}

/* The one register that the instruction writes, by a few operations that may as well be done for nothing; else IR_NONE. */
static IRVal only_result(const IRFunc *f, const Condition *c)
{
    IRVal result = IR_NONE;

    if (f->nops - c->first_op > 5)
        return IR_NONE;
    for (const IROp *op = f->ops + c->first_op; op < f->ops + f->nops; op++) {
        const IROpInfo *info = &ir_op_info[op->opc];
        bool divides = op->opc == IR_DIVU || op->opc == IR_DIVS || op->opc == IR_REMU || op->opc == IR_REMS;
        if (info->flags != IRF_INT && info->flags != (IRF_INT | IRF_COMMUTES))
            return IR_NONE;
        if (info->outs != 1 || divides || (result != IR_NONE && op->out[0] == result))
            return IR_NONE;
        if (op->out[0] >= f->nglobals)
            continue;
        if (result != IR_NONE || op->out[0] < cpu_x[0] || op->out[0] > cpu_x[14])
            return IR_NONE;
        result = op->out[0];
    }
    return result;
}

static bool reads(const IROp *op, IRVal v)
{
    for (unsigned n = 0; n < ir_op_info[op->opc].ins; n++) {
        if (op->in[n] == v)
            return true;
    }
    return false;
}

static bool writes(const IROp *op, IRVal v)
{
    return op->out[0] == v || op->out[1] == v;
}

/* The selection of result just before under the opposite condition, as in "if then else", where only this one has looked at it; or NULL. */
static IROp *other_half(IRFunc *f, const Condition *c, IRVal result)
{
    for (IROp *op = f->ops + c->first_op; op < f->ops + f->nops; op++) {
        if (reads(op, result))
            return NULL;
    }
    for (unsigned i = c->first_op - 1, n = 0; i-- > 0 && n < 12; n++) {
        IROp *op = &f->ops[i];
        const ARMTest *t = &c->test;
        if (op->opc == IR_MOVCOND && op->out[0] == result && op->in[3] == result)
            return (op->aux & 0xff) == t->cond && !(op->aux & 0x100) == (t->type == IR_I32) && op->in[0] == t->a && op->in[1] == t->b &&
                   t->a != result && t->b != result ? op : NULL;
        if ((op->opc != IR_NOP && op->opc != IR_INSN_START && !(ir_op_info[op->opc].flags & IRF_INT)) || reads(op, result) ||
            writes(op, result) || writes(op, t->a) || writes(op, t->b))
            return NULL;
    }
    return NULL;
}

/* Instead of a branch around it: the result is made in any case, and taken if the condition holds. */
static bool select_result(DisasContext *s, const Condition *c)
{
    IRFunc *f = s->ir;
    IRVal result = only_result(f, c), made, otherwise = result;

    if (result == IR_NONE)
        return false;
    IROp *half = other_half(f, c, result);
    if (half) {
        otherwise = half->in[2];
        half->opc = IR_NOP;
    }
    made = arm_tmp(s);
    for (IROp *op = f->ops + c->first_op, *writer = NULL; op < f->ops + f->nops; op++) {
        for (unsigned n = 0; writer && n < ir_op_info[op->opc].ins; n++)
            op->in[n] = op->in[n] == result ? made : op->in[n];
        if (op->out[0] == result) {
            writer = op;
            op->out[0] = made;
        }
    }
    f->ops[c->first_op - 1].opc = IR_NOP;
    ir_movcond(f, ir_cond_negate(c->test.cond), IR_I64, result, c->test.type, c->test.a, c->test.b, made, otherwise);
    return true;
}

/* The last operation leaves the TB, or never returns. */
static bool path_has_ended(const IRFunc *ir)
{
    const IROp *op = &ir->ops[ir->nops - 1];

    if (op->opc == IR_CALL)
        return ir->calls[op->imm]->flags & HF_NO_RETURN;
    return ir_op_info[op->opc].flags & IRF_TB_END;
}

/* Both ways meet with an unknown cc_op, which must be in its global on each. */
static void merge_flags(DisasContext *s, const Condition *before)
{
    unsigned end = ir_new_label(s->ir);

    arm_sync_cc_op(s);
    if (!before->cc_op_dirty) {
        ir_label(s->ir, s->cond_label);
    } else {
        ir_br(s->ir, end);
        ir_label(s->ir, s->cond_label);
        ir_movi(s->ir, arm_flag_op, before->cc_op);
        ir_label(s->ir, end);
    }
    arm_forget_cc(s);
}

/* Only the way around the instruction goes on. */
static void restore_flags(DisasContext *s, const Condition *before)
{
    s->cc_op = before->cc_op;
    s->cc_op_dirty = before->cc_op_dirty;
    s->cmp_carry = before->cmp_carry;
    s->cc_whole = before->cc_whole;
    s->cmp_a = before->cmp_a;
    s->cmp_b = before->cmp_b;
    s->fcmp = before->fcmp;
    s->cmp_mark = before->cmp_mark;
}

static void end_condition(DisasContext *s, const Condition *before)
{
    if (!s->cond_jump)
        return;
    s->cond_jump = false;
    if (select_result(s, before))
        return;
    if (path_has_ended(s->ir)) {
        ir_label(s->ir, s->cond_label);
        restore_flags(s, before);
        if (s->slots != before->slots && !arm_follow(s, arm_next_pc(s))) /* the second slot is for this end */
            arm_goto(s, arm_next_pc(s));
    } else if (s->cc_op != before->cc_op || s->cc_op == CC_DYNAMIC) {
        merge_flags(s, before);
    } else {
        ir_label(s->ir, s->cond_label);
        s->cc_op_dirty |= before->cc_op_dirty;
        s->cc_whole &= before->cc_whole;
        if (s->cmp_a != before->cmp_a || s->cmp_b != before->cmp_b || s->cmp_mark != before->cmp_mark)
            s->cmp_a = s->cmp_b = IR_NONE;
        if (s->fcmp != before->fcmp)
            s->fcmp = IR_NONE;
    }
}

/* ---- A32 ---- */

static bool is_coprocessor(uint32_t insn)
{
    return (insn >> 24 & 15) >= 12 && (insn >> 24 & 15) < 15;
}

/* Coprocessors 10 and 11. */
static bool is_vfp(uint32_t insn)
{
    return is_coprocessor(insn) && ((insn & 0xe00) == 0xa00 || (insn & 0xf00) == 0x900); /* 9: half precision */
}

/* The unconditional space has SIMD in coprocessors 8 to 13. */
static bool is_uncond_vfp(uint32_t insn)
{
    return is_coprocessor(insn) && insn & 0x800 && (insn & 0xe00) != 0xe00;
}
static bool a32_unconditional(DisasContext *s, uint32_t insn)
{
    if ((insn >> 25 & 7) == 1 || (insn & 0xff100000) == 0xf4000000)
        return a32_neon_insn(s, insn);
    if (is_uncond_vfp(insn))
        return a32_vfp_uncond_insn(s, insn);
    return decode_a32_uncond(s, insn);
}

void a32_translate_insn(DisasContext *s)
{
    uint32_t insn = translator_fetch32(&s->base);
    bool done;

    s->insn = insn;
    s->insn_bytes = 4;
    s->cond = (uint8_t)(insn >> 28);
    if (s->cond == 15) {
        s->cond = 14;
        done = a32_unconditional(s, insn);
        if (!done)
            arm_gen_undef(s);
        return;
    }
    if (s->cond < 14 && (insn & 0x0f000000) == 0x0a000000) { /* B */
        a32_branch_if(s, arm_test(s, s->cond), (uint32_t)((int32_t)(insn << 8) >> 6));
        return;
    }
    if (s->cond < 14 && (insn & 0x0f000000) == 0x0b000000)
        arm_sync_cc_op(s); /* BL: once for both ways */
    Condition c = begin_condition(s);
    done = is_vfp(insn) ? a32_vfp_insn(s, insn) : decode_a32(s, insn);
    if (!done)
        arm_gen_undef(s);
    end_condition(s, &c);
}

/* ---- Thumb ---- */

bool a32_trans_IT(DisasContext *s, arg_IT *a)
{
    unsigned first = (unsigned)a->imm >> 4;

    if (!a32_has(s, ARM_FEATURE_V6T2) || a32_in_it(s) || first == 15)
        return false;
    s->condexec = (uint8_t)a->imm;
    return true;
}

/* Neon and VFP have A32 encodings of their own for this. */
static bool t32_simd(DisasContext *s, uint32_t insn, bool *done)
{
    if ((insn & 0xef000000) == 0xef000000) {
        *done = a32_neon_insn(s, 0xf2000000 | (insn >> 28 & 1) << 24 | (insn & 0x00ffffff));
        return true;
    }
    if ((insn & 0xff100000) == 0xf9000000) {
        *done = a32_neon_insn(s, 0xf4000000 | (insn & 0x00ffffff));
        return true;
    }
    if (insn >> 28 == 14 ? is_vfp(insn) : is_uncond_vfp(insn)) {
        *done = insn >> 28 == 15 ? a32_vfp_uncond_insn(s, insn) : a32_vfp_insn(s, insn);
        return true;
    }
    return false;
}

/*
 * Before Thumb-2, BL and BLX were two instructions: the first leaves the upper part of the target in lr. A pair goes the way of the
 * 32-bit instruction, these are for halves that stand alone.
 */
static bool bl_prefix(DisasContext *s, uint32_t insn)
{
    uint32_t offset = (uint32_t)((int32_t)(insn << 21) >> 9);
    ir_movi(s->ir, cpu_x[14], (uint32_t)arm_pc(s) + 4 + offset);
    return true;
}

static bool bl_suffix(DisasContext *s, uint32_t insn)
{
    bool exchange = !(insn & 0x1000);
    IRVal target = arm_tmp(s);

    if (exchange && !a32_has(s, ARM_FEATURE_V5))
        return false;
    ir_op2i(s->ir, IR_ADD, IR_I32, target, cpu_x[14], (insn & 0x7ff) << 1);
    ir_op2i(s->ir, IR_AND, IR_I32, target, target, exchange ? ~3u : ~1u);
    ir_movi(s->ir, cpu_x[14], (uint32_t)arm_next_pc(s) | 1);
    if (exchange) {
        a32_goto_interwork(s, target);
    } else {
        arm_goto_value(s, target);
    }
    return true;
}

static bool is_bl_suffix(uint32_t half)
{
    return half >> 11 == 0x1f || half >> 11 == 0x1d;
}

static bool t32_insn(DisasContext *s, uint32_t insn)
{
    bool done = false;

    if (t32_simd(s, insn, &done))
        return done;
    return decode_t32(s, insn);
}

/* IT[7:0] behind an instruction. */
static uint8_t advance_it(uint8_t it)
{
    return it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0;
}

static bool t16_insn(DisasContext *s, uint32_t insn)
{
    if (insn >> 11 == 0x1e)
        return bl_prefix(s, insn);
    return is_bl_suffix(insn) ? bl_suffix(s, insn) : decode_t16(s, insn);
}

/* Whether the second halfword belongs to the instruction; fetches it then. */
static bool fetch_second(DisasContext *s, uint32_t *insn)
{
    uint32_t second;

    if (*insn >> 11 < 0x1d || (!a32_has(s, ARM_FEATURE_V6T2) && *insn >> 11 != 0x1e && !s->m_profile))
        return false;
    second = translator_fetch16(&s->base);
    if (!a32_has(s, ARM_FEATURE_V6T2) && !is_bl_suffix(second) && !s->m_profile) {
        s->base.pc -= 2;
        return false;
    }
    *insn = *insn << 16 | second;
    return true;
}

void thumb_translate_insn(DisasContext *s)
{
    uint32_t insn = translator_fetch16(&s->base);
    bool wide = fetch_second(s, &insn), done;

    s->insn = insn;
    s->insn_bytes = wide ? 4 : 2;
    s->cond = s->condexec ? s->condexec >> 4 : 14;
    if (s->condexec)
        s->condexec = advance_it(s->condexec);
    /* BKPT executes whatever the condition; an IT block has no IT. */
    if (s->cond < 14 && !wide && insn >> 8 == 0xbe)
        s->cond = 14;
    Condition c = begin_condition(s);
    if (!s->m_profile || !m_thumb_insn(s, insn, wide, &done))
        done = wide ? t32_insn(s, insn) : t16_insn(s, insn);
    if (!done)
        arm_gen_undef(s);
    end_condition(s, &c);
}
