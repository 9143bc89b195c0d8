/* SPDX-License-Identifier: MIT */
/*
 * A32 and Thumb branches, exceptions, status registers, hints, barriers, coprocessors 14 and 15. Arm ARM ARMv7-A/R sections A4.3,
 * B9; ARMv8-A chapter F5.
 */
#include "target-arm/semihost.h"
#include "translate-a32.h"
#include "translate-m.h"

/* ---- Writing r15 ---- */

void a32_set_reg(DisasContext *s, unsigned n, IRVal val)
{
    IRVal t;

    if (n == 13 && s->m_profile) { /* a stack pointer is a multiple of 4 */
        ir_op2i(s->ir, IR_AND, IR_I32, cpu_x[13], val, ~3u);
    } else if (n != 15) {
        ir_mov(s->ir, cpu_x[n], val);
    } else if (!s->thumb && a32_has(s, ARM_FEATURE_V7)) {
        a32_goto_interwork(s, val);
    } else {
        t = arm_tmp(s);
        ir_op2i(s->ir, IR_AND, IR_I32, t, val, s->thumb ? ~1u : ~3u);
        arm_goto_value(s, t);
    }
}

void a32_set_reg_load(DisasContext *s, unsigned n, IRVal val)
{
    if (n == 15 && a32_has(s, ARM_FEATURE_V5))
        a32_goto_interwork(s, val);
    else
        a32_set_reg(s, n, val);
}

void a32_exception_return(DisasContext *s, IRVal pc, IRVal cpsr)
{
    arm_sync_cc_op(s);
    ARM_CALL(s, a32_eret, IR_NONE, pc, cpsr);
    arm_forget_cc(s);
    arm_goto_by_key(s);
}

/* ---- Branches ---- */

static uint32_t pc_value(const DisasContext *s)
{
    return (uint32_t)arm_pc(s) + (s->thumb ? 4 : 8);
}

static void link(DisasContext *s)
{
    ir_movi(s->ir, cpu_x[14], (uint32_t)arm_next_pc(s) | s->thumb);
}

bool a32_trans_B(DisasContext *s, arg_B *a)
{
    uint32_t target = pc_value(s) + (uint32_t)a->imm;

    if (!arm_follow(s, target))
        arm_goto(s, target);
    return true;
}

bool a32_trans_BL(DisasContext *s, arg_BL *a)
{
    uint32_t target = pc_value(s) + (uint32_t)a->imm;

    link(s);
    if (translator_visited(&s->base, target) || !arm_follow(s, target))
        arm_goto(s, target);
    return true;
}

bool a32_trans_BLX_imm(DisasContext *s, arg_BLX_imm *a)
{
    if (!a32_has(s, ARM_FEATURE_V5) || s->m_profile)
        return false;
    link(s);
    a32_goto_other(s, (pc_value(s) & (s->thumb ? ~3u : ~0u)) + (uint32_t)a->imm);
    return true;
}

bool a32_trans_BX(DisasContext *s, arg_BX *a)
{
    if (!a32_has(s, ARM_FEATURE_V4T))
        return false;
    a32_goto_interwork(s, a32_reg(s, a->rm));
    return true;
}

/* Without Jazelle: as BX. */
bool a32_trans_BXJ(DisasContext *s, arg_BXJ *a)
{
    if (!a32_has(s, ARM_FEATURE_V5TE) || s->m_profile)
        return false;
    a32_goto_interwork(s, a32_reg(s, a->rm));
    return true;
}

bool a32_trans_BLX_reg(DisasContext *s, arg_BLX_reg *a)
{
    IRVal target = arm_tmp(s);

    if (!a32_has(s, ARM_FEATURE_V5) || a->rm == 15)
        return false;
    ir_mov(s->ir, target, cpu_x[a->rm]);
    link(s);
    a32_goto_interwork(s, target);
    return true;
}

/* Of the Security Extension of M profile. */
bool a32_trans_BXNS(DisasContext *s, arg_BXNS *a)
{
    return m_bxns(s, (unsigned)a->rm, false);
}

bool a32_trans_BLXNS(DisasContext *s, arg_BLXNS *a)
{
    return m_bxns(s, (unsigned)a->rm, true);
}

/* To the target if t, else on. */
void a32_branch_if(DisasContext *s, ARMTest t, uint32_t imm)
{
    uint32_t target = pc_value(s) + imm;
    unsigned taken;

    arm_sync_cc_op(s); /* once for both ways */
    if (arm_follow_branch(s, t, target))
        return;
    taken = ir_new_label(s->ir);
    ir_brcond(s->ir, t.cond, t.type, t.a, t.b, taken);
    arm_goto(s, arm_next_pc(s));
    ir_label(s->ir, taken);
    arm_goto(s, target);
}

static bool branch_on_flags(DisasContext *s, unsigned cond, uint32_t imm)
{
    if (cond >= 14 || a32_in_it(s))
        return false;
    a32_branch_if(s, arm_test(s, cond), imm);
    return true;
}

bool a32_trans_T16_Bcc(DisasContext *s, arg_T16_Bcc *a)
{
    return branch_on_flags(s, (unsigned)a->cond, (uint32_t)a->imm);
}

bool a32_trans_T32_Bcc(DisasContext *s, arg_T32_Bcc *a)
{
    return (a32_has(s, ARM_FEATURE_V6T2)) && branch_on_flags(s, (unsigned)a->cond, (uint32_t)a->imm);
}

bool a32_trans_CBZ(DisasContext *s, arg_CBZ *a)
{
    if (!a32_has(s, ARM_FEATURE_V6T2) || a32_in_it(s))
        return false;
    a32_branch_if(s, (ARMTest){ a->n ? IR_NE : IR_EQ, IR_I32, cpu_x[a->rn], ir_i32(s->ir, 0) }, (uint32_t)a->imm);
    return true;
}

/* ---- Exceptions ---- */

static uint32_t call_syndrome(const DisasContext *s, unsigned ec, uint32_t imm)
{
    return ARM_SYNDROME(ec, s->insn_bytes == 4, imm & 0xffff);
}

bool a32_trans_SVC(DisasContext *s, arg_SVC *a)
{
    if (a->imm == (s->thumb ? 0xab : 0x123456) && !s->m_profile && arm_gen_semihosting(s))
        return true;
    arm_sync_cc_op(s);
    arm_store_pc(s, arm_next_pc(s));
    ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, s->condexec), ARM_OFFSET(condexec));
    if (s->m_profile)
        ARM_CALL0(s, m_svc, IR_NONE);
    else
        ARM_CALL(s, svc, IR_NONE, ir_i32(s->ir, call_syndrome(s, EC_SVC32, (uint32_t)a->imm)));
    arm_forget_cc(s);
    if (s->m_profile)
        arm_end_lookup_here(s);
    else
        arm_goto_by_key(s);
    return true;
}

bool a32_trans_HVC(DisasContext *s, arg_HVC *a)
{
    if (!a32_has(s, ARM_FEATURE_V7) || s->m_profile || !a32_privileged(s) ||
        (!a32_has(s, ARM_FEATURE_EL2) && s->env->psci_conduit != PSCI_HVC))
        return false;
    arm_sync_cc_op(s);
    arm_store_pc(s, arm_next_pc(s));
    ARM_CALL(s, hvc, IR_NONE, ir_i32(s->ir, call_syndrome(s, EC_HVC32, (uint32_t)a->imm)));
    arm_forget_cc(s);
    arm_end_lookup_here(s);
    return true;
}

bool a32_trans_SMC(DisasContext *s, arg_SMC *a)
{
    if (!a32_has(s, ARM_FEATURE_V6K) || s->m_profile || !a32_privileged(s) ||
        (!a32_has(s, ARM_FEATURE_EL3) && s->env->psci_conduit != PSCI_SMC))
        return false;
    arm_sync_cc_op(s);
    arm_store_pc(s, arm_next_pc(s));
    ARM_CALL(s, smc, IR_NONE, ir_i32(s->ir, ARM_SYNDROME(EC_SMC32, 1, 0)));
    arm_forget_cc(s);
    arm_end_lookup_here(s);
    return true;
}

bool a32_trans_BKPT(DisasContext *s, arg_BKPT *a)
{
    if (!a32_has(s, ARM_FEATURE_V5))
        return false;
    if (a->imm == 0xab && s->m_profile && arm_gen_semihosting(s))
        return true;
    arm_gen_exception(s, EXCP_BKPT, call_syndrome(s, EC_BKPT32, (uint32_t)a->imm), 0);
    return true;
}

/* Halting debug is not there; one number is semihosting's. */
bool a32_trans_HLT(DisasContext *s, arg_HLT *a)
{
    return a->imm == (s->thumb ? 0x3c : 0xf000) && arm_gen_semihosting(s);
}

bool a32_trans_UDF(DisasContext *s, arg_UDF *a)
{
    return false;
}

/* From Hyp mode to ELR_hyp, else as MOVS pc, lr. */
static bool eret(DisasContext *s, uint32_t offset)
{
    IRVal pc = arm_tmp(s), spsr = arm_tmp32(s);

    if (!a32_privileged(s) || s->m_profile)
        return false;
    if (s->el == 2)
        ir_ld(s->ir, IR_LD32U, IR_I64, pc, ARM_OFFSET(elr_el[2]));
    else
        ir_op2i(s->ir, IR_SUB, IR_I32, pc, cpu_x[14], offset);
    ARM_CALL0(s, spsr_read, spsr);
    a32_exception_return(s, pc, spsr);
    return true;
}

bool a32_trans_ERET(DisasContext *s, arg_ERET *a)
{
    return a32_has(s, ARM_FEATURE_V7VE) && eret(s, 0);
}

bool a32_trans_T32_ERET(DisasContext *s, arg_T32_ERET *a)
{
    return (s->el != 2 || a->imm == 0) && eret(s, (uint32_t)a->imm);
}

/* Stores LR and SPSR of this mode on the stack of another. */
bool a32_trans_SRS(DisasContext *s, arg_SRS *a)
{
    IRVal sp = arm_tmp(s), addr = arm_tmp(s), spsr = arm_tmp(s), mode = ir_i32(s->ir, (uint32_t)a->mode);
    uint32_t first = a->u ? (a->p ? 4 : 0) : (a->p ? -8u : -4u);

    if (!a32_has(s, ARM_FEATURE_V6) || s->m_profile || !a32_privileged(s) || s->el == 2)
        return false;
    ARM_CALL(s, mode_r13_read, sp, mode);
    ARM_CALL0(s, spsr_read, spsr);
    ir_op2i(s->ir, IR_ADD, IR_I32, addr, sp, first);
    ir_guest_st(s->ir, IR_I32, cpu_x[14], addr, arm_memop(s, MO_32) | MO_ALIGN, s->mmu_mode);
    ir_op2i(s->ir, IR_ADD, IR_I32, addr, addr, 4);
    ir_guest_st(s->ir, IR_I32, spsr, addr, arm_memop(s, MO_32) | MO_ALIGN, s->mmu_mode);
    if (a->w) {
        ir_op2i(s->ir, IR_ADD, IR_I32, sp, sp, a->u ? 8 : -8u);
        ARM_CALL(s, mode_r13_write, IR_NONE, mode, sp);
    }
    return true;
}

bool a32_trans_RFE(DisasContext *s, arg_RFE *a)
{
    IRVal addr = arm_tmp(s), pc = arm_tmp(s), cpsr = arm_tmp(s);
    uint32_t first = a->u ? (a->p ? 4 : 0) : (a->p ? -8u : -4u);

    if (!a32_has(s, ARM_FEATURE_V6) || s->m_profile || !a32_privileged(s) || s->el == 2 || a->rn == 15)
        return false;
    ir_op2i(s->ir, IR_ADD, IR_I32, addr, cpu_x[a->rn], first);
    ir_guest_ld(s->ir, IR_I32, pc, addr, arm_memop(s, MO_32) | MO_ALIGN, s->mmu_mode);
    ir_op2i(s->ir, IR_ADD, IR_I32, addr, addr, 4);
    ir_guest_ld(s->ir, IR_I32, cpsr, addr, arm_memop(s, MO_32) | MO_ALIGN, s->mmu_mode);
    if (a->w)
        ir_op2i(s->ir, IR_ADD, IR_I32, cpu_x[a->rn], cpu_x[a->rn], a->u ? 8 : -8u);
    a32_exception_return(s, pc, cpsr);
    return true;
}

/* ---- Status registers ---- */

bool a32_trans_MRS(DisasContext *s, arg_MRS *a)
{
    IRVal t = arm_tmp(s);

    if (a->rd == 15 || s->m_profile || (a->r && !a32_privileged(s)))
        return false;
    if (a->r) {
        ARM_CALL0(s, spsr_read, t);
    } else {
        arm_sync_cc_op(s);
        ARM_CALL0(s, cpsr_read, t);
    }
    ir_mov(s->ir, cpu_x[a->rd], t);
    return true;
}

/* The flags alone, without a helper. */
static void write_flags(DisasContext *s, IRVal val, bool ge)
{
    IRVal t = arm_tmp(s);

    ir_extract(s->ir, IR_EXTRACT, IR_I32, t, val, 27, 1);
    ir_st(s->ir, IR_ST32, IR_I64, t, ARM_OFFSET(qf));
    if (ge) {
        IRVal g = arm_tmp(s);
        ir_extract(s->ir, IR_EXTRACT, IR_I32, g, val, 16, 4);
        ir_st(s->ir, IR_ST32, IR_I64, g, ARM_OFFSET(ge));
    }
    t = arm_tmp(s);
    ir_op2i(s->ir, IR_AND, IR_I32, t, val, PSTATE_NZCV);
    arm_cc_nzcv(s, t);
}

static void write_cpsr(DisasContext *s, IRVal val, uint32_t mask)
{
    arm_sync_cc_op(s);
    ARM_CALL(s, cpsr_write, IR_NONE, val, ir_i32(s->ir, mask));
    arm_forget_cc(s);
    arm_end_lookup(s);
}

/* The I bit alone changes without leaving the TB, where nothing else ends it. */
static bool interrupt_mask_inline(const DisasContext *s)
{
    return s->el && !s->m_profile && !s->step && !s->cond_jump && !s->condexec && !(s->thumb && s->flags & TBF_IT);
}

/* MSR CPSR_c, as kernels restore the interrupt mask: another mode or another bit goes to the helper. */
static void write_control(DisasContext *s, IRVal val)
{
    IRVal pstate = arm_tmp(s), change = arm_tmp(s);
    unsigned same = ir_new_label(s->ir);

    arm_sync_cc_op(s);
    ir_ld(s->ir, IR_LD32U, IR_I64, pstate, ARM_OFFSET(pstate));
    ir_op2(s->ir, IR_XOR, IR_I64, change, pstate, val);
    ir_op2i(s->ir, IR_AND, IR_I64, change, change, CPSR_I | CPSR_F | CPSR_M);
    ir_brcond(s->ir, IR_TSTEQ, IR_I64, change, ir_i64(s->ir, CPSR_F | CPSR_M), same);
    ARM_CALL(s, cpsr_write, IR_NONE, val, ir_i32(s->ir, 0xff));
    arm_store_pc(s, arm_next_pc(s));
    ir_goto_lookup(s->ir);
    ir_label(s->ir, same);
    ir_op2(s->ir, IR_XOR, IR_I64, pstate, pstate, change);
    ir_st(s->ir, IR_ST32, IR_I64, pstate, ARM_OFFSET(pstate));
    arm_check_interrupts(s);
}

static bool write_status(DisasContext *s, bool r, unsigned fields, IRVal val)
{
    uint32_t mask = 0;

    for (unsigned i = 0; i < 4; i++)
        mask |= fields >> i & 1 ? 0xffu << 8 * i : 0;
    if (s->m_profile || !fields || (r && !a32_privileged(s)))
        return false;
    if (r)
        ARM_CALL(s, spsr_write, IR_NONE, val, ir_i32(s->ir, mask));
    else if (fields == 8 || (fields == 12 && s->el == 0))
        write_flags(s, val, fields == 12 && a32_has(s, ARM_FEATURE_V6));
    else if (fields == 1 && interrupt_mask_inline(s))
        write_control(s, val);
    else
        write_cpsr(s, val, mask);
    return true;
}

bool a32_trans_MSR_reg(DisasContext *s, arg_MSR_reg *a)
{
    return a->rn != 15 && write_status(s, a->r, (unsigned)a->mask, cpu_x[a->rn]);
}

bool a32_trans_MSR_imm(DisasContext *s, arg_MSR_imm *a)
{
    return write_status(s, a->r, (unsigned)a->mask, ir_i64(s->ir, (uint32_t)a->imm));
}

bool a32_trans_MRS_bank(DisasContext *s, arg_MRS_bank *a)
{
    IRVal t = arm_tmp(s);

    if (!a32_has(s, ARM_FEATURE_V7VE) || !a32_privileged(s) || a->rd == 15)
        return false;
    ARM_CALL(s, banked_read, t, ir_i32(s->ir, (uint32_t)(a->sysm | a->r << 5)));
    ir_mov(s->ir, cpu_x[a->rd], t);
    return true;
}

bool a32_trans_MSR_bank(DisasContext *s, arg_MSR_bank *a)
{
    if (!a32_has(s, ARM_FEATURE_V7VE) || !a32_privileged(s) || a->rn == 15)
        return false;
    ARM_CALL(s, banked_write, IR_NONE, ir_i32(s->ir, (uint32_t)(a->sysm | a->r << 5)), cpu_x[a->rn]);
    return true;
}

/* Privileged bits of the CPSR; nothing happens in User mode. */
bool a32_trans_CPS(DisasContext *s, arg_CPS *a)
{
    uint32_t mask = 0, val = 0;

    if (s->m_profile)
        return s->insn_bytes == 2 && m_cps(s, a->imod == 3, (unsigned)a->aif);
    if (!a32_has(s, ARM_FEATURE_V6) || a->imod == 1 || (a->imod >= 2) != (a->aif != 0) || (!a->imod && !a->m))
        return false;
    if (!a32_privileged(s))
        return true;
    if (a->imod >= 2)
        mask = (uint32_t)a->aif << 6;
    if (a->imod == 3)
        val = mask;
    if (a->m) {
        mask |= CPSR_M;
        val |= (uint32_t)a->mode;
    }
    if (mask == CPSR_I && interrupt_mask_inline(s)) {
        arm_change_pstate(s, val ^ CPSR_I, val);
        if (!val)
            arm_check_interrupts(s);
        return true;
    }
    write_cpsr(s, ir_i64(s->ir, val), mask);
    return true;
}

bool a32_trans_SETEND(DisasContext *s, arg_SETEND *a)
{
    if (!a32_has(s, ARM_FEATURE_V6) || s->m_profile)
        return false;
    ARM_CALL0(s, setend_check, IR_NONE);
    if ((a->imm != 0) != s->be_data)
        write_cpsr(s, ir_i64(s->ir, a->imm ? CPSR_E : 0), CPSR_E);
    return true;
}

bool a32_trans_SETPAN(DisasContext *s, arg_SETPAN *a)
{
    if (!a32_has(s, ARM_FEATURE_PAN) || s->m_profile)
        return false;
    if (a32_privileged(s))
        write_cpsr(s, ir_i64(s->ir, a->imm ? CPSR_PAN : 0), CPSR_PAN);
    return true;
}

/* ---- Hints and barriers ---- */

enum { HINT_NOP, HINT_YIELD, HINT_WFE, HINT_WFI, HINT_SEV, HINT_SEVL };

static bool wait_for(DisasContext *s, bool event)
{
    uint32_t syndrome = ARM_SYNDROME(EC_WFX, s->insn_bytes == 4, 1u << 24 | (uint32_t)s->cond << 20 | event);

    arm_sync_cc_op(s);
    arm_store_pc(s, arm_next_pc(s));
    ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, s->condexec), ARM_OFFSET(condexec));
    if (event)
        ARM_CALL(s, wfe, IR_NONE, ir_i32(s->ir, syndrome));
    else
        ARM_CALL(s, wfi, IR_NONE, ir_i32(s->ir, syndrome));
    arm_end_exit(s);
    return true;
}

bool a32_trans_HINT(DisasContext *s, arg_HINT *a)
{
    if (!a32_has(s, ARM_FEATURE_V6K) && !a32_has(s, ARM_FEATURE_V6T2) && !s->m_profile)
        return true;
    switch (a->imm) {
    case HINT_YIELD:
        ARM_CALL0(s, yield, IR_NONE);
        break;
    case HINT_WFE:
        return wait_for(s, true);
    case HINT_WFI:
        return wait_for(s, false);
    case HINT_SEV:
        ARM_CALL(s, sev, IR_NONE, ir_i32(s->ir, 0));
        break;
    case HINT_SEVL:
        if (a32_has(s, ARM_FEATURE_V8))
            ARM_CALL(s, sev, IR_NONE, ir_i32(s->ir, 1));
        break;
    }
    return true;
}

static bool has_barriers(const DisasContext *s)
{
    return a32_has(s, ARM_FEATURE_V7) || s->m_profile;
}

bool a32_trans_DMB(DisasContext *s, arg_DMB *a)
{
    if (!has_barriers(s))
        return false;
    ir_fence(s->ir, IR_FENCE_ALL);
    return true;
}

bool a32_trans_DSB(DisasContext *s, arg_DSB *a)
{
    arg_DMB b = *a;
    return a32_trans_DMB(s, &b);
}

bool a32_trans_ISB(DisasContext *s, arg_ISB *a)
{
    if (!has_barriers(s))
        return false;
    arm_end_sync(s);
    return true;
}

bool a32_trans_SB(DisasContext *s, arg_SB *a)
{
    if (!a32_has(s, ARM_FEATURE_SB))
        return false;
    arm_end_lookup(s);
    return true;
}

bool a32_trans_CLREX(DisasContext *s, arg_CLREX *a)
{
    if (!a32_has(s, ARM_FEATURE_V6K) && !s->m_profile)
        return false;
    ir_st(s->ir, IR_ST, IR_I64, ir_i64(s->ir, ~0ull), ARM_OFFSET(exclusive_addr));
    return true;
}

/* ---- Coprocessors ---- */

bool a32_trans_MCR(DisasContext *s, arg_MCR *a)
{
    A32CoprocInsn c = { .cp = (uint8_t)a->cp, .opc1 = (uint8_t)a->opc1, .crn = (uint8_t)a->crn, .crm = (uint8_t)a->crm,
                        .opc2 = (uint8_t)a->opc2, .rt = (uint8_t)a->rt, .read = a->l };
    if ((a->cp != 14 && a->cp != 15) || s->m_profile || (a->rt == 15 && !a->l))
        return false;
    return a32_coproc_insn(s, &c);
}

bool a32_trans_MCRR(DisasContext *s, arg_MCRR *a)
{
    A32CoprocInsn c = { .cp = (uint8_t)a->cp, .opc1 = (uint8_t)a->opc1, .crm = (uint8_t)a->crm, .rt = (uint8_t)a->rt,
                        .rt2 = (uint8_t)a->rt2, .is64 = true, .read = a->l };
    if ((a->cp != 14 && a->cp != 15) || s->m_profile || a->rt == 15 || a->rt2 == 15)
        return false;
    return a32_coproc_insn(s, &c);
}
