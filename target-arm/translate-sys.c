/* SPDX-License-Identifier: MIT */
/*
 * System registers in generated code: MRS, MSR, SYS of A64, MCR, MRC, MCRR and MRRC of A32 and T32. What is a plain field for this
 * CPU and exception level is loaded and stored in place; the rest goes through helpers that know the table row.
 */
#include "helper.h"
#include "sysreg.h"
#include "translate-a64.h"
#include "util/log.h"

/* ---- PSTATE fields by immediate ---- */

void arm_change_pstate(DisasContext *s, uint32_t clear, uint32_t set)
{
    IRVal v = arm_tmp(s);

    ir_ld(s->ir, IR_LD32U, IR_I64, v, ARM_OFFSET(pstate));
    ir_op2i(s->ir, IR_AND, IR_I64, v, v, (uint32_t)~clear);
    ir_op2i(s->ir, IR_OR, IR_I64, v, v, set);
    ir_st(s->ir, IR_ST32, IR_I64, v, ARM_OFFSET(pstate));
}

void arm_check_interrupts(DisasContext *s)
{
    IRVal pending = arm_tmp(s);
    unsigned on = ir_new_label(s->ir);

    arm_sync_cc_op(s);
    ir_ld(s->ir, IR_LD32U, IR_I64, pending, (uint32_t)offsetof(CPUState, interrupt_request));
    ir_brcond(s->ir, IR_EQ, IR_I64, pending, ir_i64(s->ir, 0), on);
    arm_store_pc(s, arm_next_pc(s));
    ir_exit_tb(s->ir, IR_EXIT_NORMAL);
    ir_label(s->ir, on);
}

static bool msr_daif(DisasContext *s, bool clear, unsigned bits)
{
    if (s->el == 0) {
        arm_sync_cc_op(s);
        ARM_CALL(s, a64_msr_imm, IR_NONE, ir_i32(s->ir, 3u << 3 | (clear ? 7 : 6)), ir_i32(s->ir, bits));
        arm_end_lookup(s);
        return true;
    }
    arm_change_pstate(s, clear ? bits << 6 : 0, clear ? 0 : bits << 6);
    if (s->step || s->flags & TBF_BTYPE)
        arm_end_lookup(s);
    else if (clear)
        arm_check_interrupts(s);
    return true;
}

static void flip_carry(DisasContext *s)
{
    IRVal f = arm_cc_get_nzcv(s);

    ir_op2i(s->ir, IR_XOR, IR_I64, f, f, PSTATE_C);
    arm_cc_nzcv(s, f);
}

/* XAFLAG and AXFLAG: between Arm's and the other form of FP comparison results. */
static void convert_flags(DisasContext *s, bool to_arm)
{
    IRVal out = arm_tmp(s), f = arm_cc_get_nzcv(s);

    if (to_arm)
        ARM_CALL(s, a64_xaflag, out, f);
    else
        ARM_CALL(s, a64_axflag, out, f);
    arm_cc_nzcv(s, out);
}

bool trans_MSR_imm(DisasContext *s, arg_MSR_imm *a)
{
    unsigned op = (unsigned)(a->op1 << 3 | a->op2), crm = (unsigned)a->crm;
    ARMFeature need;

    switch (op) {
    case 0: case 1: case 2:
        if (!arm_feature(s->env, op ? ARM_FEATURE_FLAGM2 : ARM_FEATURE_FLAGM))
            return false;
        if (op == 0)
            flip_carry(s);
        else
            convert_flags(s, op == 1);
        return true;
    case 030 | 6: case 030 | 7:
        return msr_daif(s, op & 1, crm);
    case 3: need = ARM_FEATURE_UAO; break;
    case 4: need = ARM_FEATURE_PAN; break;
    case 5: need = ARM_FEATURE_AARCH64; break;
    case 030 | 1: need = ARM_FEATURE_SSBS2; break;
    case 030 | 2: need = ARM_FEATURE_DIT; break;
    default: return false;
    }
    if (!arm_feature(s->env, need) || (op < 8 && s->el == 0))
        return false;
    arm_sync_cc_op(s);
    ARM_CALL(s, a64_msr_imm, IR_NONE, ir_i32(s->ir, op), ir_i32(s->ir, crm));
    arm_end_lookup(s);
    return true;
}

/* ---- Registers ---- */

/* A table row as a helper argument. */
static IRVal row_arg(DisasContext *s, const ARMSysReg *r)
{
    return ir_i64(s->ir, (uintptr_t)r);
}

/* Whether every access from here must be checked when it happens. */
static bool needs_check(const DisasContext *s, const ARMSysReg *r, bool read)
{
    if (r->access)
        return true;
    return (read ? r->trap_r : r->trap_w) && s->el <= 1 && arm_feature(s->env, ARM_FEATURE_EL2);
}

static bool is_plain(const ARMSysReg *r, bool read)
{
    return (r->offset || r->flags & (SR_CONST | SR_NOP)) && !(r->flags & (SR_BANKED | SR_HIGH | SR_GIC)) &&
           !(read ? (void *)r->read : (void *)r->write);
}

static void gen_read(DisasContext *s, const ARMSysReg *r, IRVal dst, uint32_t syndrome)
{
    if (!is_plain(r, true)) {
        arm_sync_cc_op(s);
        ARM_CALL(s, sys_read, dst, row_arg(s, r), ir_i32(s->ir, syndrome));
        return;
    }
    if (needs_check(s, r, true))
        ARM_CALL(s, sys_check, IR_NONE, row_arg(s, r), ir_i32(s->ir, syndrome));
    if (r->flags & SR_NOP)
        ir_movi(s->ir, dst, 0);
    else if (r->flags & SR_CONST)
        ir_movi(s->ir, dst, r->value);
    else if (r->flags & SR_32)
        ir_ld(s->ir, IR_LD32U, IR_I64, dst, r->offset);
    else
        ir_ld(s->ir, IR_LD, IR_I64, dst, r->offset);
}

/* True when the TB must end. */
static bool gen_write(DisasContext *s, const ARMSysReg *r, IRVal src, uint32_t syndrome)
{
    if (!is_plain(r, false)) {
        arm_sync_cc_op(s);
        ARM_CALL(s, sys_write, IR_NONE, row_arg(s, r), ir_i32(s->ir, syndrome), src);
        return !(r->flags & SR_CONTINUE);
    }
    if (needs_check(s, r, false))
        ARM_CALL(s, sys_check, IR_NONE, row_arg(s, r), ir_i32(s->ir, syndrome));
    if (!(r->flags & (SR_NOP | SR_CONST)))
        ir_st(s->ir, r->flags & SR_32 ? IR_ST32 : IR_ST, IR_I64, src, r->offset);
    return !(r->flags & (SR_RAW | SR_NOP | SR_CONST));
}

/* HCR_EL2.E2H at EL2: names of EL1 registers mean EL2's, names ending in _EL12 and _EL02 those of EL1 and EL0. */
static uint32_t vhe_key(const DisasContext *s, uint32_t key)
{
    unsigned op1 = key >> 11 & 7, crn = key >> 7 & 15, rest = key & 0x7f;

    if (!(s->flags & TBF_E2H) || key >> 14 != 3)
        return key;
    if (op1 == 5)
        return (key & ~(7u << 11)) | (crn == 14 && rest >> 3 >= 2 ? 3u << 11 : 0);
    bool moves = (crn == 1 && (rest == 0 || rest == 2)) || (crn == 2 && rest <= 2) || (crn == 4 && rest <= 1) ||
                 (crn == 5 && (rest >> 3 == 1 || rest >> 3 == 2)) || (crn == 6 && rest == 0) ||
                 (crn == 10 && (rest == 0x10 || rest == 0x18)) || (crn == 12 && rest == 0) || (crn == 13 && rest == 1) ||
                 (crn == 14 && rest == 8);
    if (op1 == 0 && moves)
        return crn == 1 && rest == 2 ? A64_SYSREG(3, 4, 1, 1, 2) /* CPACR: CPTR_EL2 */ : key | 4u << 11;
    if (op1 == 3 && crn == 14 && (rest >> 3 == 2 || rest >> 3 == 3)) /* CNTP_*_EL0: CNTHP; CNTV_*_EL0: CNTHV */
        return A64_SYSREG(3, 4, 14, rest >> 3, rest & 7);
    return key;
}

/* PSTATE fields that kernels touch often: DAIF above EL0, CurrentEL. */
static bool inline_pstate(DisasContext *s, uint32_t key, bool read, IRVal reg)
{
    if (s->el == 0 || s->step || s->flags & TBF_BTYPE)
        return false;
    if (key == A64_SYSREG(3, 0, 4, 2, 2) && read) {
        ir_movi(s->ir, reg, (uint64_t)s->el << 2);
        return true;
    }
    if (key != A64_SYSREG(3, 3, 4, 2, 1))
        return false;
    IRVal v = arm_tmp(s);
    ir_ld(s->ir, IR_LD32U, IR_I64, v, ARM_OFFSET(pstate));
    if (read) {
        ir_op2i(s->ir, IR_AND, IR_I64, reg, v, PSTATE_DAIF);
        return true;
    }
    IRVal bits = arm_tmp(s);
    ir_op2i(s->ir, IR_AND, IR_I64, v, v, (uint32_t)~PSTATE_DAIF);
    ir_op2i(s->ir, IR_AND, IR_I64, bits, reg, PSTATE_DAIF);
    ir_op2(s->ir, IR_OR, IR_I64, v, v, bits);
    ir_st(s->ir, IR_ST32, IR_I64, v, ARM_OFFSET(pstate));
    arm_check_interrupts(s);
    return true;
}

/* DC ZVA as stores; false where it may be trapped to EL2, or the block is larger than a group of stores. */
static bool zero_block(DisasContext *s, const ARMSysReg *r, IRVal addr, uint32_t syndrome)
{
    IRFunc *ir = s->ir;
    unsigned bytes = 4u << s->env->dczid_bs;
    IRVal base = arm_tmp(s), t;

    if (bytes < 16 || bytes > 64 || (s->el <= 1 && arm_feature(s->env, ARM_FEATURE_EL2)))
        return false;
    if (s->el == 0) {
        unsigned allowed = ir_new_label(ir);
        t = arm_tmp(s);
        ir_ld(ir, IR_LD, IR_I64, t, ARM_OFFSET(sctlr_el[1]));
        ir_brcond(ir, IR_TSTNE, IR_I64, t, ir_i64(ir, SCTLR_DZE), allowed);
        ARM_CALL(s, sys_check, IR_NONE, row_arg(s, r), ir_i32(ir, syndrome));
        ir_label(ir, allowed);
    }
    ir_op2i(ir, IR_AND, IR_I64, base, addr, ~(uint64_t)(bytes - 1));
    for (unsigned i = 0; i < bytes; i += 16) {
        t = arm_tmp(s);
        ir_op2i(ir, IR_ADD, IR_I64, t, base, i);
        ir_guest_st(ir, IR_V128, ir_const(ir, IR_V128, 0), t, MO_128, s->mmu_mode);
    }
    return true;
}

bool trans_SYSREG(DisasContext *s, arg_SYSREG *a)
{
    uint32_t key = vhe_key(s, A64_SYSREG((uint32_t)a->op0, (uint32_t)a->op1, (uint32_t)a->crn, (uint32_t)a->crm, (uint32_t)a->op2));
    const ARMSysReg *r = arm_sysreg_find(s->env, key);
    IRVal reg = a->read ? a64_dest(s, (unsigned)a->rt) : a64_reg(s, (unsigned)a->rt);

    if (key == A64_SYSREG(3, 3, 4, 2, 0)) { /* NZCV */
        if (a->read)
            ir_mov(s->ir, reg, arm_cc_get_nzcv(s));
        else
            arm_cc_nzcv(s, reg);
        return true;
    }
    if (inline_pstate(s, key, a->read, reg))
        return true;
    if (!r) {
        log_printf(LOG_UNIMP, "%s access to unsupported AArch64 system register op0:%d op1:%d crn:%d crm:%d op2:%d\n",
                   a->read ? "read" : "write", a->op0, a->op1, a->crn, a->crm, a->op2);
        return false;
    }
    if (!arm_sysreg_permits(r, s->el, a->read))
        return false;
    if ((key == A64_SYSREG(3, 3, 4, 4, 0) || key == A64_SYSREG(3, 3, 4, 4, 1)) && !arm_fp_check(s))
        return true;
    uint32_t syndrome = ARM_SYNDROME(EC_SYSREG, 1, (uint32_t)(a->op0 << 20 | a->op2 << 17 | a->op1 << 14 | a->crn << 10 |
                                                              a->rt << 5 | a->crm << 1 | a->read));
    if (a->read)
        gen_read(s, r, reg, syndrome);
    else if (r->flags & SR_CURRENT && zero_block(s, r, reg, syndrome))
        return true;
    else if (gen_write(s, r, reg, syndrome))
        arm_end_lookup(s);
    return true;
}

/* ---- AArch32 ---- */

static uint32_t coproc_syndrome(const DisasContext *s, const A32CoprocInsn *c)
{
    uint32_t cond = s->thumb ? 14 : s->cond > 14 ? 14 : s->cond, ec, iss = 1u << 24 | cond << 20;

    if (c->is64) {
        ec = c->cp == 14 ? EC_CP14_MRRC : EC_CP15_MCRR;
        iss |= (uint32_t)c->opc1 << 16 | (uint32_t)c->rt2 << 10;
    } else {
        ec = c->cp == 14 ? EC_CP14_MCR : EC_CP15_MCR;
        iss |= (uint32_t)c->opc2 << 17 | (uint32_t)c->opc1 << 14 | (uint32_t)c->crn << 10;
    }
    return ARM_SYNDROME(ec, s->insn_bytes == 4, iss | (uint32_t)c->rt << 5 | (uint32_t)c->crm << 1 | c->read);
}

static void coproc_read(DisasContext *s, const ARMSysReg *r, const A32CoprocInsn *c, uint32_t syndrome)
{
    IRVal v = arm_tmp(s);

    gen_read(s, r, v, syndrome);
    if (c->is64) {
        ir_extract(s->ir, IR_EXTRACT, IR_I64, cpu_x[c->rt], v, 0, 32);
        ir_op2i(s->ir, IR_SHR, IR_I64, cpu_x[c->rt2], v, 32);
    } else if (c->rt == 15) { /* MRC to APSR_nzcv */
        IRVal flags = arm_tmp(s);
        ir_op2i(s->ir, IR_AND, IR_I64, flags, v, PSTATE_NZCV);
        arm_cc_nzcv(s, flags);
    } else {
        ir_extract(s->ir, IR_EXTRACT, IR_I64, cpu_x[c->rt], v, 0, 32);
    }
}

static IRVal coproc_source(DisasContext *s, const A32CoprocInsn *c)
{
    IRVal v = a32_reg(s, c->rt);

    if (c->is64) {
        IRVal high = arm_tmp(s);
        ir_op2i(s->ir, IR_SHL, IR_I64, high, a32_reg(s, c->rt2), 32);
        ir_op2(s->ir, IR_OR, IR_I64, high, high, v);
        v = high;
    }
    return v;
}

bool a32_coproc_insn(DisasContext *s, const A32CoprocInsn *c)
{
    uint32_t key = c->is64 ? A32_CP64(c->cp, c->opc1, c->crm) : A32_CP(c->cp, c->opc1, c->crn, c->crm, c->opc2);
    const ARMSysReg *r = arm_sysreg_find(s->env, key);

    if (!r) {
        log_printf(LOG_UNIMP, "%s access to unsupported AArch32 system register cp:%d opc1:%d crn:%d crm:%d opc2:%d\n",
                   c->read ? "read" : "write", c->cp, c->opc1, c->crn, c->crm, c->opc2);
        return false;
    }
    if (!arm_sysreg_permits(r, s->el, c->read))
        return false;
    uint32_t syndrome = coproc_syndrome(s, c);
    if (c->read)
        coproc_read(s, r, c, syndrome);
    else if (gen_write(s, r, coproc_source(s, c), syndrome))
        arm_end_lookup(s);
    return true;
}
