/* SPDX-License-Identifier: MIT */
/*
 * A64 branches, exception-generating instructions, hints, barriers, pointer authentication. Arm ARM DDI 0487, C4.1.93-94, D8.10 (pointer
 * authentication), D8.4.6 (branch target identification).
 */
#include "helper.h"
#include "pauth.h"
#include "target-arm/semihost.h"
#include "translate-a64.h"

/* ---- Direct branches ---- */

static uint64_t branch_target(const DisasContext *s, int imm)
{
    return arm_pc(s) + (uint64_t)((int64_t)imm * 4);
}

static void write_link(DisasContext *s)
{
    ir_movi(s->ir, cpu_x[30], arm_next_pc(s));
}

/* To the target if t, else on. */
static void branch_if(DisasContext *s, ARMTest t, int imm)
{
    arm_sync_cc_op(s);
    if (arm_follow_branch(s, t, branch_target(s, imm)))
        return;
    unsigned taken = ir_new_label(s->ir);
    ir_brcond(s->ir, t.cond, t.type, t.a, t.b, taken);
    arm_goto(s, arm_next_pc(s));
    ir_label(s->ir, taken);
    arm_goto(s, branch_target(s, imm));
}

bool trans_B(DisasContext *s, arg_B *a)
{
    uint64_t target = branch_target(s, a->imm);

    if (a->link)
        write_link(s);
    if ((a->link && translator_visited(&s->base, target)) || !arm_follow(s, target))
        arm_goto(s, target);
    return true;
}

bool trans_CBZ(DisasContext *s, arg_CBZ *a)
{
    IRType t = arm_type(a->sf);

    branch_if(s, (ARMTest){ a->nonzero ? IR_NE : IR_EQ, t, a64_reg(s, (unsigned)a->rt), ir_const(s->ir, t, 0) }, a->imm);
    return true;
}

bool trans_TBZ(DisasContext *s, arg_TBZ *a)
{
    IRType t = arm_type(a->bit >= 32);

    branch_if(s, (ARMTest){ a->nonzero ? IR_TSTNE : IR_TSTEQ, t, a64_reg(s, (unsigned)a->rt), ir_const(s->ir, t, 1ull << a->bit) },
              a->imm);
    return true;
}

bool trans_BCOND(DisasContext *s, arg_BCOND *a)
{
    if (a->c)
        return false; /* BC.cond */
    if (a->cond < 14)
        branch_if(s, arm_test(s, (unsigned)a->cond), a->imm);
    else if (!arm_follow(s, branch_target(s, a->imm)))
        arm_goto(s, branch_target(s, a->imm));
    return true;
}

/* ---- Indirect branches ---- */

enum { BTYPE_JUMP_X16 = 1, BTYPE_CALL = 2, BTYPE_JUMP = 3 };

static void set_btype(DisasContext *s, unsigned btype)
{
    if (!(s->flags & TBF_BTI))
        return;
    IRVal v = arm_tmp32(s);
    if (btype == BTYPE_JUMP)
        ARM_CALL0(s, a64_jump_btype, v);
    else
        ir_movi(s->ir, v, btype);
    ir_st(s->ir, IR_ST32, IR_I32, v, ARM_OFFSET(btype));
    s->btype_set = true;
    s->state_changed = true;
}

static void jump(DisasContext *s, IRVal target, bool link)
{
    IRVal t = target;

    if (link) {
        t = arm_tmp(s);
        ir_mov(s->ir, t, target);
        write_link(s);
    }
    arm_goto_value(s, t);
}

static unsigned jump_btype(int rn)
{
    return rn == 16 || rn == 17 ? BTYPE_JUMP_X16 : BTYPE_JUMP;
}

bool trans_BR(DisasContext *s, arg_BR *a)
{
    set_btype(s, jump_btype(a->rn));
    jump(s, a64_reg(s, (unsigned)a->rn), false);
    return true;
}

bool trans_BLR(DisasContext *s, arg_BLR *a)
{
    set_btype(s, BTYPE_CALL);
    jump(s, a64_reg(s, (unsigned)a->rn), true);
    return true;
}

bool trans_RET(DisasContext *s, arg_RET *a)
{
    jump(s, a64_reg(s, (unsigned)a->rn), false);
    return true;
}

void a64_check_landing_pad(DisasContext *s, uint32_t insn)
{
    unsigned btype = (s->flags & TBF_BTYPE) >> TBF_BTYPE_SHIFT;

    if ((insn & 0xffffff3f) == 0xd503241f) { /* BTI: bit 6 accepts calls, bit 7 jumps; BTI alone nothing */
        bool c = insn & 0x40, j = insn & 0x80;
        if (btype == BTYPE_CALL ? c : btype == BTYPE_JUMP ? j : c || j)
            return;
    } else if ((insn & 0xffffffbf) == 0xd503233f) { /* PACIASP, PACIBSP */
        if (btype != BTYPE_JUMP || !(s->flags & TBF_BT))
            return;
    } else if ((insn & 0xffe0001f) == 0xd4200000 || (insn & 0xffe0001f) == 0xd4400000) { /* BRK, HLT */
        return;
    }
    ARM_CALL(s, a64_bti_check, IR_NONE, ir_i32(s->ir, btype));
}

/* ---- Pointer authentication ---- */

/* out = what the instruction makes of the pointer; false: the keys are off, and it does nothing. */
static bool pointer_auth(DisasContext *s, IRVal out, IRVal pointer, IRVal modifier, unsigned key, bool aut)
{
    if (!(s->flags & TBF_PAUTH))
        return false;
    if (aut)
        ARM_CALL(s, a64_aut, out, pointer, modifier, ir_i32(s->ir, key));
    else
        ARM_CALL(s, a64_pac, out, pointer, modifier, ir_i32(s->ir, key));
    return true;
}

bool trans_PAC(DisasContext *s, arg_PAC *a)
{
    unsigned key = (unsigned)(a->data << 1 | a->b);

    if (!arm_feature(s->env, ARM_FEATURE_PAUTH))
        return false;
    IRVal modifier = a->z ? ir_i64(s->ir, 0) : a64_reg_sp(s, (unsigned)a->rn);
    pointer_auth(s, a64_dest(s, (unsigned)a->rd), a64_reg(s, (unsigned)a->rd), modifier, key, a->aut);
    return true;
}

bool trans_XPAC(DisasContext *s, arg_XPAC *a)
{
    if (!arm_feature(s->env, ARM_FEATURE_PAUTH))
        return false;
    ARM_CALL(s, a64_xpac, a64_dest(s, (unsigned)a->rd), a64_reg(s, (unsigned)a->rd), ir_i32(s->ir, (uint32_t)a->data));
    return true;
}

bool trans_PACGA(DisasContext *s, arg_PACGA *a)
{
    if (!arm_feature(s->env, ARM_FEATURE_PAUTH_GENERIC))
        return false;
    ARM_CALL(s, a64_pacga, a64_dest(s, (unsigned)a->rd), a64_reg(s, (unsigned)a->rn), a64_reg_sp(s, (unsigned)a->rm));
    return true;
}

static IRVal authenticated(DisasContext *s, IRVal pointer, IRVal modifier, bool b)
{
    IRVal out = arm_tmp(s);

    return pointer_auth(s, out, pointer, modifier, b ? PAC_IB : PAC_IA, true) ? out : pointer;
}

bool trans_BRA(DisasContext *s, arg_BRA *a)
{
    bool zero = !(s->insn >> 24 & 1);

    if (!arm_feature(s->env, ARM_FEATURE_PAUTH) || (zero && a->rm != 31))
        return false;
    IRVal modifier = zero ? ir_i64(s->ir, 0) : a64_reg_sp(s, (unsigned)a->rm);
    IRVal target = authenticated(s, a64_reg(s, (unsigned)a->rn), modifier, a->b);
    set_btype(s, a->link ? BTYPE_CALL : jump_btype(a->rn));
    jump(s, target, a->link);
    return true;
}

bool trans_RETA(DisasContext *s, arg_RETA *a)
{
    if (!arm_feature(s->env, ARM_FEATURE_PAUTH))
        return false;
    jump(s, authenticated(s, cpu_x[30], cpu_x[31], a->b), false);
    return true;
}

/* ---- Exceptions ---- */

static bool exception_return(DisasContext *s, int key)
{
    if (s->el == 0)
        return false;
    if (s->flags & TBF_TRAP_ERET) {
        arm_gen_exception(s, EXCP_HYP_TRAP, ARM_SYNDROME(EC_ERET, 1, key < 0 ? 0 : 2 | key), 2);
        return true;
    }
    arm_sync_cc_op(s);
    ARM_CALL(s, a64_eret, IR_NONE, ir_i32(s->ir, (uint32_t)key));
    arm_goto_by_key(s);
    return true;
}

bool trans_ERET(DisasContext *s, arg_ERET *a)
{
    (void)a;
    return exception_return(s, -1);
}

bool trans_ERETA(DisasContext *s, arg_ERETA *a)
{
    return arm_feature(s->env, ARM_FEATURE_PAUTH) && exception_return(s, a->b);
}

bool trans_DRPS(DisasContext *s, arg_DRPS *a)
{
    (void)s, (void)a;
    return false; /* only in Debug state */
}

static void call_helper(DisasContext *s, const HelperInfo *h, uint32_t syndrome)
{
    IRVal arg = ir_i32(s->ir, syndrome);

    arm_sync_cc_op(s);
    arm_store_pc(s, arm_next_pc(s));
    if (s->flags & TBF_BTYPE)
        ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, 0), ARM_OFFSET(btype));
    ir_call(s->ir, h, IR_NONE, &arg, 1);
}

bool trans_SVC(DisasContext *s, arg_SVC *a)
{
    call_helper(s, &helper_info_svc, ARM_SYNDROME(EC_SVC64, 1, a->imm));
    arm_goto_by_key(s);
    return true;
}

bool trans_HVC(DisasContext *s, arg_HVC *a)
{
    if (s->el == 0)
        return false;
    call_helper(s, &helper_info_hvc, ARM_SYNDROME(EC_HVC64, 1, a->imm));
    arm_end_lookup_here(s);
    return true;
}

bool trans_SMC(DisasContext *s, arg_SMC *a)
{
    if (s->el == 0)
        return false;
    call_helper(s, &helper_info_smc, ARM_SYNDROME(EC_SMC64, 1, a->imm));
    arm_end_lookup_here(s);
    return true;
}

bool trans_BRK(DisasContext *s, arg_BRK *a)
{
    arm_gen_exception(s, EXCP_BKPT, ARM_SYNDROME(EC_BRK64, 1, a->imm), 0);
    return true;
}

bool trans_HLT(DisasContext *s, arg_HLT *a)
{
    return a->imm == 0xf000 && arm_gen_semihosting(s); /* halting debug is off */
}

/* ---- Hints and barriers ---- */

static void wait_for(DisasContext *s, bool event, uint32_t ti)
{
    IRVal syndrome = ir_i32(s->ir, ARM_SYNDROME(EC_WFX, 1, 1u << 24 | 14u << 20 | ti));

    arm_sync_cc_op(s);
    if (event)
        ARM_CALL(s, wfe, IR_NONE, syndrome);
    else
        ARM_CALL(s, wfi, IR_NONE, syndrome);
    arm_end_exit(s);
}

static void pac_hint(DisasContext *s, unsigned number)
{
    /* 7 XPACLRI; 8 10 PACIx1716; 12 14 AUTIx1716; 24-31 PAC/AUT IxZ, IxSP */
    if (!arm_feature(s->env, ARM_FEATURE_PAUTH))
        return;
    if (number == 7) {
        ARM_CALL(s, a64_xpac, cpu_x[30], cpu_x[30], ir_i32(s->ir, 0));
    } else if (number < 24) {
        pointer_auth(s, cpu_x[17], cpu_x[17], cpu_x[16], number & 2 ? PAC_IB : PAC_IA, number & 4);
    } else {
        IRVal modifier = number & 1 ? cpu_x[31] : ir_i64(s->ir, 0);
        pointer_auth(s, cpu_x[30], cpu_x[30], modifier, number & 2 ? PAC_IB : PAC_IA, number & 4);
    }
}

bool trans_HINT(DisasContext *s, arg_HINT *a)
{
    unsigned number = (unsigned)(a->crm << 3 | a->op2);

    switch (number) {
    case 1: /* YIELD */
        ARM_CALL0(s, yield, IR_NONE);
        break;
    case 2:
    case 3:
        wait_for(s, number == 2, number == 2);
        break;
    case 4: case 5: /* SEV, SEVL */
        ARM_CALL(s, sev, IR_NONE, ir_i32(s->ir, number == 5));
        break;
    case 7: case 8: case 10: case 12: case 14: case 24 ... 31:
        pac_hint(s, number);
        break;
    }
    return true;
}

bool trans_WFXT(DisasContext *s, arg_WFXT *a)
{
    (void)s, (void)a;
    return false; /* FEAT_WFxT: in no model */
}

bool trans_CLREX(DisasContext *s, arg_CLREX *a)
{
    (void)a;
    ir_st(s->ir, IR_ST, IR_I64, ir_i64(s->ir, ~0ull), ARM_OFFSET(exclusive_addr));
    return true;
}

bool trans_BARRIER(DisasContext *s, arg_BARRIER *a)
{
    static const uint8_t kinds[4] = { IR_FENCE_ALL, IR_FENCE_LD_LD | IR_FENCE_LD_ST, IR_FENCE_ST_ST, IR_FENCE_ALL };

    if (a->isync == 2) /* ISB: what was changed counts from the next instruction on */
        arm_end_sync(s);
    else
        ir_fence(s->ir, a->isync ? kinds[a->crm & 3] : IR_FENCE_ALL);
    return true;
}

bool trans_SB(DisasContext *s, arg_SB *a)
{
    (void)a;
    if (!arm_feature(s->env, ARM_FEATURE_SB))
        return false;
    ir_fence(s->ir, IR_FENCE_ALL);
    return true;
}
