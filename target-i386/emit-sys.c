/* SPDX-License-Identifier: MIT */
/*
 * Translation of system instructions. Most only check mode and privilege here and call a helper; what
 * kernels do often (CLI, STI, CLAC, STAC, SWAPGS, RDTSC, FS and GS base) stays in the TB. Far transfers and
 * system calls end the TB with a lookup in generated code. Intel SDM volume 2; AMD APM volume 3.
 */
#include "decode.h"
#include "sys.h"

#define H(name) (&helper_info_##name)

/* ---- Conditions ---- */

static bool protected_mode(const DisasContext *s)
{
    return (s->flags & (HF_PE | HF_VM)) == HF_PE;
}

/* True when the instruction has become #GP(0) because the CPL is not 0. */
static bool refused(DisasContext *s)
{
    if (s->cpl == 0)
        return false;
    x86_gen_exception_err(s, EXCP0D_GPF, 0);
    return true;
}

/* True when UMIP hides the instruction. */
static bool umip_refused(DisasContext *s)
{
    if (!(s->flags & HF_UMIP) || s->cpl == 0)
        return false;
    x86_gen_exception_err(s, EXCP0D_GPF, 0);
    return true;
}

static bool feature(const DisasContext *s, FeatureWord w, unsigned bit)
{
    return x86_feature(s->env, w, bit);
}

static bool illegal(DisasContext *s)
{
    x86_gen_illegal(s);
    return true;
}

/* ---- Pieces ---- */

static void call0(DisasContext *s, const HelperInfo *h)
{
    x86_sync_cc_op(s);
    x86_call(s, h, IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
}

static void call1(DisasContext *s, const HelperInfo *h, IRVal a)
{
    x86_sync_cc_op(s);
    x86_call(s, h, IR_NONE, a, IR_NONE, IR_NONE, IR_NONE);
}

static IRVal i32(DisasContext *s, uint32_t v) { return ir_i32(s->ir, v); }
static IRVal next_eip(DisasContext *s) { return ir_i64(s->ir, x86_next_eip(s)); }
static unsigned bytes_of(MemOp size) { return 1u << size; }

/* Ends the TB after a helper that has set EIP and perhaps everything else. */
static void end_far(DisasContext *s)
{
    if (s->step)
        x86_call(s, H(single_step), IR_NONE, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    ir_goto_lookup(s->ir);
    s->base.stop = true;
}

/* Ew as source, zero-extended. */
static IRVal load_ew(DisasContext *s)
{
    if (s->mod == 3)
        return x86_extend(s, cpu_regs[s->rm], MO_16, IR_I64, false);
    IRVal v = x86_tmp(s);
    x86_ld(s, IR_I64, v, x86_ea_linear(s, 2, false), MO_16);
    return v;
}

/* Stores a 16-bit value: memory takes 16 bits, a register the operand size. */
static void store_ew(DisasContext *s, IRVal v)
{
    if (s->mod == 3)
        x86_put_reg(s, s->ot, s->rm, false, v);
    else
        x86_st(s, IR_I32, v, x86_ea_linear(s, 2, true), MO_16);
}

/* ---- Segment registers ---- */

/* MOV and POP to SS hold interrupts and the single-step trap back until the next instruction is done, so that it can
 * load ESP (SDM vol. 3, 6.8.3). Of several in a row only the first does. */
static void hold_back(DisasContext *s)
{
    IRFunc *ir = s->ir;
    IRVal f = x86_tmp(s);
    if (s->flags & HF_INHIBIT_IRQ)
        return;
    ir_ld(ir, IR_LD32U, IR_I64, f, X86_OFFSET(hflags));
    ir_op2i(ir, IR_OR, IR_I64, f, f, HF_INHIBIT_IRQ);
    ir_st(ir, IR_ST32, IR_I64, f, X86_OFFSET(hflags));
    s->step = false;
}

/* After a load that may have changed what the TB was translated for. 64-bit code does not depend on data
 * segments; elsewhere the usual case is that the flags are what they were. */
static void after_segment_load(DisasContext *s, unsigned seg)
{
    IRFunc *ir = s->ir;
    if (seg == R_SS) {
        x86_end_tb_lookup(s);
        return;
    }
    if (s->code64)
        return;
    if (s->step || s->state_changed) {
        x86_end_tb_lookup(s);
        return;
    }
    unsigned same = ir_new_label(ir);
    IRVal f = x86_tmp(s);
    x86_sync_cc_op(s);
    ir_ld(ir, IR_LD32U, IR_I64, f, X86_OFFSET(hflags));
    ir_brcond(ir, IR_EQ, IR_I32, f, i32(s, s->flags), same);
    x86_store_eip(s, x86_next_eip(s));
    ir_goto_lookup(ir);
    ir_label(ir, same);
}

static void load_segment(DisasContext *s, unsigned seg, IRVal selector)
{
    x86_sync_cc_op(s);
    x86_call(s, H(load_seg), IR_NONE, i32(s, seg), selector, IR_NONE, IR_NONE);
}

static bool mov_to_segment(DisasContext *s)
{
    unsigned seg = s->modrm >> 3 & 7;
    if (seg == R_CS || seg > R_GS)
        return illegal(s);
    load_segment(s, seg, load_ew(s));
    if (seg == R_SS)
        hold_back(s);
    after_segment_load(s, seg);
    return true;
}

static bool pop_segment(DisasContext *s, unsigned seg)
{
    MemOp size = s->code64 && s->ot != MO_16 ? MO_64 : s->ot;
    if (s->code64 && seg < R_FS)
        return illegal(s);
    load_segment(s, seg, x86_gen_pop(s, size));
    x86_set_sp(s, x86_sp_plus(s, (int64_t)bytes_of(size)));
    if (seg == R_SS)
        hold_back(s);
    after_segment_load(s, seg);
    return true;
}

/* A far pointer in memory: the offset has the operand size, the selector follows. */
static IRVal load_far_pointer(DisasContext *s, IRVal *offset)
{
    unsigned bytes = bytes_of(s->ot);
    IRVal linear = x86_ea_linear(s, bytes + 2, false), at = x86_tmp(s), selector = x86_tmp(s);
    *offset = x86_tmp(s);
    x86_ld(s, IR_I64, *offset, linear, s->ot);
    ir_op2i(s->ir, IR_ADD, s->code64 ? IR_I64 : IR_I32, at, linear, bytes);
    x86_ld(s, IR_I64, selector, at, MO_16);
    return selector;
}

static bool load_pointer(DisasContext *s, unsigned seg)
{
    IRVal offset;
    if (s->mod == 3)
        return illegal(s);
    IRVal selector = load_far_pointer(s, &offset);
    load_segment(s, seg, selector);
    x86_put_reg(s, s->ot, s->reg, false, offset);
    after_segment_load(s, seg);
    return true;
}

/* ---- Far transfers ---- */

static bool far_transfer(DisasContext *s, const HelperInfo *h, IRVal selector, IRVal offset)
{
    x86_sync_cc_op(s);
    x86_call(s, h, IR_NONE, selector, offset, i32(s, bytes_of(s->ot)), next_eip(s));
    end_far(s);
    return true;
}

static bool far_immediate(DisasContext *s, const HelperInfo *h)
{
    if (s->code64)
        return illegal(s);
    uint64_t offset = x86_fetch_imm(s, s->ot), selector = x86_fetch_imm(s, MO_16);
    return far_transfer(s, h, i32(s, selector & 0xffff), ir_i64(s->ir, offset & size_mask(s->ot)));
}

static bool far_indirect(DisasContext *s, const HelperInfo *h)
{
    IRVal offset;
    if (s->mod == 3)
        return illegal(s);
    IRVal selector = load_far_pointer(s, &offset);
    return far_transfer(s, h, selector, offset);
}

static bool far_return(DisasContext *s)
{
    uint32_t addend = s->opcode == 0xca ? (uint32_t)x86_fetch_imm(s, MO_16) & 0xffff : 0;
    x86_sync_cc_op(s);
    x86_call(s, H(far_ret), IR_NONE, i32(s, bytes_of(s->ot)), i32(s, addend), IR_NONE, IR_NONE);
    end_far(s);
    return true;
}

/* Ends the TB after a helper that has set EIP, the TB state and the key. */
static void end_with_key(DisasContext *s)
{
    IRVal eip = x86_tmp(s);
    ir_ld(s->ir, IR_LD, IR_I64, eip, X86_OFFSET(eip));
    x86_goto_by_key(s, eip);
}

static bool interrupt_return(DisasContext *s)
{
    x86_sync_cc_op(s);
    x86_call(s, H(iret), IR_NONE, i32(s, bytes_of(s->ot)), next_eip(s), IR_NONE, IR_NONE);
    if (s->step)
        end_far(s);
    else
        end_with_key(s);
    return true;
}

/* SYSCALL and SYSRET handle TF themselves: no step after them. */
static bool system_call(DisasContext *s, const HelperInfo *h, IRVal arg)
{
    if (arg == IR_NONE)
        call0(s, h);
    else
        call1(s, h, arg);
    end_with_key(s);
    return true;
}

/* ---- Interrupt flag ---- */

static void change_eflags(DisasContext *s, uint32_t clear, uint32_t set)
{
    IRVal f = x86_tmp(s);
    ir_ld(s->ir, IR_LD32U, IR_I64, f, X86_OFFSET(eflags));
    if (clear)
        ir_op2i(s->ir, IR_AND, IR_I32, f, f, ~clear);
    if (set)
        ir_op2i(s->ir, IR_OR, IR_I32, f, f, set);
    ir_st(s->ir, IR_ST32, IR_I64, f, X86_OFFSET(eflags));
}

static bool may_change_if(const DisasContext *s)
{
    return !(s->flags & HF_PE) || s->cpl <= s->iopl;
}

static bool clear_interrupts(DisasContext *s)
{
    if (may_change_if(s))
        change_eflags(s, IF_MASK, 0);
    else
        call0(s, H(cli_vme));
    return true;
}

/*
 * The instruction after STI runs before any interrupt. The TB does not poll before it ends, so it simply
 * goes on; only when an interrupt waits already does it leave, with the shadow in hflags.
 */
static bool set_interrupts(DisasContext *s)
{
    IRFunc *ir = s->ir;
    if (!may_change_if(s)) {
        call0(s, H(sti_vme));
        x86_end_tb_exit(s);
        return true;
    }
    change_eflags(s, 0, IF_MASK);
    IRVal f = x86_tmp(s);
    unsigned go_on = ir_new_label(ir);
    bool ends = s->step || s->state_changed;
    if (!ends) {
        IRVal pending = x86_tmp(s);
        x86_sync_cc_op(s);
        ir_ld(ir, IR_LD32U, IR_I64, pending, offsetof(CPUState, interrupt_request));
        ir_brcond(ir, IR_EQ, IR_I32, pending, i32(s, 0), go_on);
    }
    ir_ld(ir, IR_LD32U, IR_I64, f, X86_OFFSET(hflags));
    ir_op2i(ir, IR_OR, IR_I64, f, f, HF_INHIBIT_IRQ);
    ir_st(ir, IR_ST32, IR_I64, f, X86_OFFSET(hflags));
    if (ends) {
        x86_end_tb_exit(s);
        return true;
    }
    x86_store_eip(s, x86_next_eip(s));
    ir_exit_tb(ir, IR_EXIT_NORMAL);
    ir_label(ir, go_on);
    return true;
}

static bool halt(DisasContext *s)
{
    if (refused(s))
        return true;
    call1(s, H(hlt), next_eip(s));
    ir_exit_tb(s->ir, IR_EXIT_NORMAL);
    s->base.stop = true;
    return true;
}

/* RSM; #UD outside SMM. */
static bool resume(DisasContext *s)
{
    call0(s, H(rsm));
    ir_exit_tb(s->ir, IR_EXIT_NORMAL);
    s->base.stop = true;
    return true;
}

/* A store to a port may have raised an SMI, which comes before the next instruction; other interrupts wait for the end of the TB. */
void x86_leave_if_smi(DisasContext *s)
{
    IRVal pending = x86_tmp(s);
    unsigned go_on = ir_new_label(s->ir);
    x86_sync_cc_op(s);
    ir_ld(s->ir, IR_LD32U, IR_I64, pending, offsetof(CPUState, interrupt_request));
    ir_brcond(s->ir, IR_TSTEQ, IR_I32, pending, i32(s, CPU_INTERRUPT_SMI), go_on);
    x86_store_eip(s, x86_next_eip(s));
    ir_exit_tb(s->ir, IR_EXIT_NORMAL);
    ir_label(s->ir, go_on);
}

/*
 * CLAC and STAC choose the MMU mode of what follows: no need to leave the TB. With SMAP off both modes
 * mean the same.
 */
static bool access_flag(DisasContext *s, bool set)
{
    if (s->cpl || !(s->flags & HF_PE) || !feature(s, FW_7_0_EBX, 20))
        return illegal(s);
    change_eflags(s, set ? 0 : AC_MASK, set ? AC_MASK : 0);
    s->flags = (s->flags & ~(uint32_t)(HF_AC | HF_INHIBIT_IRQ | HF_RF)) | (set ? HF_AC : 0);
    s->mmu_mode = set ? MMU_KERNEL_AC : MMU_KERNEL;
    ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, s->flags), X86_OFFSET(hflags));
    ir_st(s->ir, IR_ST32, IR_I64, ir_i64(s->ir, s->flags), offsetof(CPUState, jc_key));
    return true;
}

/* ---- Control and debug registers ---- */

static bool mov_control(DisasContext *s, bool write)
{
    unsigned n = s->reg;
    if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8)
        return illegal(s);
    if (refused(s))
        return true;
    if (!write) {
        IRVal v = x86_tmp(s);
        if (n == 8)
            x86_call(s, H(read_cr), v, i32(s, n), IR_NONE, IR_NONE, IR_NONE);
        else
            ir_ld(s->ir, IR_LD, IR_I64, v, X86_OFFSET(cr) + 8 * n);
        x86_put_reg(s, s->code64 ? MO_64 : MO_32, s->rm, false, v);
        return true;
    }
    IRVal v = x86_extend(s, cpu_regs[s->rm], s->code64 ? MO_64 : MO_32, IR_I64, false);
    x86_sync_cc_op(s);
    x86_call(s, H(write_cr), IR_NONE, i32(s, n), v, IR_NONE, IR_NONE);
    if (n != 2 && n != 8)
        x86_end_tb_lookup(s);
    return true;
}

static bool mov_debug(DisasContext *s, bool write)
{
    MemOp size = s->code64 ? MO_64 : MO_32;
    if (s->reg > 7)
        return illegal(s);
    if (refused(s))
        return true;
    x86_sync_cc_op(s);
    if (write) {
        x86_call(s, H(write_dr), IR_NONE, i32(s, s->reg), x86_extend(s, cpu_regs[s->rm], size, IR_I64, false), IR_NONE,
                 IR_NONE);
        x86_end_tb_lookup(s);
    } else {
        IRVal v = x86_tmp(s);
        x86_call(s, H(read_dr), v, i32(s, s->reg), IR_NONE, IR_NONE, IR_NONE);
        x86_put_reg(s, size, s->rm, false, v);
    }
    return true;
}

/* A privileged instruction without operands; the TB ends when it may change the TB state. */
static bool privileged(DisasContext *s, const HelperInfo *h, bool ends)
{
    if (refused(s))
        return true;
    if (h)
        call0(s, h);
    if (ends)
        x86_end_tb_lookup(s);
    return true;
}

/* ---- Descriptor tables ---- */

static bool store_selector(DisasContext *s, uint32_t offset)
{
    IRVal v = x86_tmp(s);
    if (umip_refused(s))
        return true;
    ir_ld(s->ir, IR_LD32U, IR_I64, v, offset);
    store_ew(s, v);
    return true;
}

static bool load_selector(DisasContext *s, const HelperInfo *h)
{
    if (refused(s))
        return true;
    call1(s, h, load_ew(s));
    return true;
}

/* ZF = bit 0 of v; the other flags stay. */
static void set_zf(DisasContext *s, IRVal v)
{
    IRVal z = x86_tmp(s);
    ir_op2i(s->ir, IR_SHL, IR_I64, z, v, 6);
    x86_cc_override(s, CC_OVR_Z, z);
}

static bool verify(DisasContext *s, bool write)
{
    IRVal ok = x86_tmp(s), selector = load_ew(s);
    x86_sync_cc_op(s);
    x86_call(s, H(verify), ok, selector, i32(s, write), IR_NONE, IR_NONE);
    set_zf(s, ok);
    return true;
}

static bool group_0f00(DisasContext *s)
{
    if (!protected_mode(s))
        return illegal(s);
    switch (s->modrm >> 3 & 7) {
    case 0:
        return store_selector(s, X86_OFFSET(ldt.selector));
    case 1:
        return store_selector(s, X86_OFFSET(tr.selector));
    case 2:
        return load_selector(s, H(lldt));
    case 3:
        return load_selector(s, H(ltr));
    case 4: case 5:
        return verify(s, s->modrm >> 3 & 1);
    default:
        return illegal(s);
    }
}

/* LAR and LSL: the helper's result has ZF in bit 32; without it the register stays. */
static bool inspect_selector(DisasContext *s, const HelperInfo *h)
{
    IRFunc *ir = s->ir;
    if (!protected_mode(s))
        return illegal(s);
    IRVal r = x86_tmp(s), z = x86_tmp(s), v = x86_tmp(s), selector = load_ew(s);
    x86_sync_cc_op(s);
    x86_call(s, h, r, selector, IR_NONE, IR_NONE, IR_NONE);
    ir_op2i(ir, IR_SHR, IR_I64, z, r, 32);
    ir_op1(ir, IR_MOV, IR_I32, r, r);
    ir_movcond(ir, IR_NE, IR_I64, v, IR_I32, z, i32(s, 0), r, cpu_regs[s->reg]);
    x86_put_reg(s, s->ot == MO_16 ? MO_16 : MO_64, s->reg, false, v);
    set_zf(s, z);
    return true;
}

static bool adjust_rpl(DisasContext *s)
{
    IRFunc *ir = s->ir;
    if (!protected_mode(s))
        return illegal(s);
    IRVal dst = load_ew(s), d = x86_tmp(s), r = x86_tmp(s), raised = x86_tmp(s), lower = x86_tmp(s);
    ir_op2i(ir, IR_AND, IR_I64, d, dst, 3);
    ir_op2i(ir, IR_AND, IR_I64, r, cpu_regs[s->reg], 3);
    ir_setcond(ir, IR_LTU, IR_I64, lower, d, r);
    ir_op2i(ir, IR_AND, IR_I64, raised, dst, ~3ull);
    ir_op2(ir, IR_OR, IR_I64, raised, raised, r);
    ir_movcond(ir, IR_NE, IR_I64, raised, IR_I64, lower, ir_i64(ir, 0), raised, dst);
    if (s->mod == 3)
        x86_put_reg(s, MO_16, s->rm, false, raised);
    else
        x86_st(s, IR_I32, raised, x86_ea_linear(s, 2, true), MO_16);
    set_zf(s, lower);
    return true;
}

static IRVal table_base_address(DisasContext *s, IRVal linear)
{
    IRVal at = x86_tmp(s);
    ir_op2i(s->ir, IR_ADD, s->code64 ? IR_I64 : IR_I32, at, linear, 2);
    return at;
}

static bool store_table(DisasContext *s, uint32_t table)
{
    IRVal limit = x86_tmp(s), base = x86_tmp(s);
    if (umip_refused(s))
        return true;
    IRVal linear = x86_ea_linear(s, s->code64 ? 10 : 6, true);
    ir_ld(s->ir, IR_LD32U, IR_I64, limit, table + offsetof(SegmentCache, limit));
    ir_ld(s->ir, IR_LD, IR_I64, base, table + offsetof(SegmentCache, base));
    x86_st(s, IR_I32, limit, linear, MO_16);
    x86_st(s, s->code64 ? IR_I64 : IR_I32, base, table_base_address(s, linear), s->code64 ? MO_64 : MO_32);
    return true;
}

static bool load_table(DisasContext *s, unsigned which)
{
    IRVal limit = x86_tmp(s), base = x86_tmp(s);
    if (refused(s))
        return true;
    IRVal linear = x86_ea_linear(s, s->code64 ? 10 : 6, false);
    x86_ld(s, IR_I64, limit, linear, MO_16);
    x86_ld(s, IR_I64, base, table_base_address(s, linear), s->code64 ? MO_64 : MO_32);
    if (s->ot == MO_16 && !s->code64)
        ir_op2i(s->ir, IR_AND, IR_I64, base, base, 0xffffff);
    x86_sync_cc_op(s);
    x86_call(s, H(load_table), IR_NONE, i32(s, which), limit, base, IR_NONE);
    return true;
}

static bool store_msw(DisasContext *s)
{
    IRVal v = x86_tmp(s);
    if (umip_refused(s))
        return true;
    ir_ld(s->ir, IR_LD, IR_I64, v, X86_OFFSET(cr));
    store_ew(s, v);
    return true;
}

static bool load_msw(DisasContext *s)
{
    if (refused(s))
        return true;
    call1(s, H(lmsw), load_ew(s));
    x86_end_tb_lookup(s);
    return true;
}

static bool invalidate_page(DisasContext *s)
{
    if (refused(s))
        return true;
    /* the segment's limit does not matter */
    IRVal va = s->ea;
    if (!s->code64 || s->ea_seg >= R_FS) {
        va = x86_tmp(s);
        ir_ld(s->ir, IR_LD, IR_I64, va,
              X86_OFFSET(segs) + (uint32_t)s->ea_seg * sizeof(SegmentCache) + offsetof(SegmentCache, base));
        ir_op2(s->ir, IR_ADD, s->code64 ? IR_I64 : IR_I32, va, va, s->ea);
    } else if (ir_type(s->ir, va) == IR_I32) {
        va = x86_tmp(s);
        ir_op1(s->ir, IR_EXT_I32_I64U, IR_I64, va, s->ea);
    }
    call1(s, H(invlpg), va);
    x86_end_tb_lookup(s);
    return true;
}

/* ---- Time ---- */

static void put_edx_eax(DisasContext *s, IRVal v)
{
    IRVal high = x86_tmp(s);
    ir_op2i(s->ir, IR_SHR, IR_I64, high, v, 32);
    x86_put_reg(s, MO_32, R_EAX, false, v);
    x86_put_reg(s, MO_32, R_EDX, false, high);
}

static bool read_tsc(DisasContext *s, bool aux)
{
    if (!(aux ? feature(s, FW_8000_0001_EDX, 27) : feature(s, FW_1_EDX, 4)))
        return illegal(s);
    if (s->flags & HF_TSD && refused(s))
        return true;
    IRVal v = x86_tmp(s);
    x86_call(s, H(rdtsc), v, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    put_edx_eax(s, v);
    if (aux) {
        ir_ld(s->ir, IR_LD32U, IR_I64, v, X86_OFFSET(tsc_aux));
        x86_put_reg(s, MO_32, R_ECX, false, v);
    }
    return true;
}

static bool read_pid(DisasContext *s)
{
    IRVal v = x86_tmp(s);
    if (!feature(s, FW_7_0_ECX, 22))
        return illegal(s);
    ir_ld(s->ir, IR_LD32U, IR_I64, v, X86_OFFSET(tsc_aux));
    x86_put_reg(s, s->code64 ? MO_64 : MO_32, s->rm, false, v);
    return true;
}

/* ---- 0F 01 ---- */

static bool swap_gs(DisasContext *s)
{
    IRVal gs = x86_tmp(s), kernel = x86_tmp(s);
    if (!s->code64)
        return illegal(s);
    if (refused(s))
        return true;
    ir_ld(s->ir, IR_LD, IR_I64, gs, X86_OFFSET(segs[R_GS].base));
    ir_ld(s->ir, IR_LD, IR_I64, kernel, X86_OFFSET(kernel_gs_base));
    ir_st(s->ir, IR_ST, IR_I64, kernel, X86_OFFSET(segs[R_GS].base));
    ir_st(s->ir, IR_ST, IR_I64, gs, X86_OFFSET(kernel_gs_base));
    return true;
}

static bool monitor_address(DisasContext *s)
{
    if (s->cpl || !feature(s, FW_1_ECX, 3))
        return illegal(s);
    IRVal ea = x86_extend(s, cpu_regs[R_EAX], s->at, IR_I64, false);
    call1(s, H(monitor), x86_linear(s, ea, s->segment >= 0 ? s->segment : R_DS, 1, false));
    return true;
}

static bool monitor_wait(DisasContext *s)
{
    if (s->cpl || !feature(s, FW_1_ECX, 3))
        return illegal(s);
    call1(s, H(mwait), next_eip(s));
    ir_exit_tb(s->ir, IR_EXIT_NORMAL);
    s->base.stop = true;
    return true;
}

/* Instructions that exist only after the OS has switched on a CR4 bit; CR4 is read at run time because only
 * OSXSAVE is part of the TB state. */
static bool protection_keys(DisasContext *s, bool write)
{
    if (!feature(s, FW_7_0_ECX, 3))
        return illegal(s);
    unsigned on = ir_new_label(s->ir);
    IRVal cr4 = x86_tmp(s);
    x86_sync_cc_op(s);
    ir_ld(s->ir, IR_LD, IR_I64, cr4, X86_OFFSET(cr) + 32);
    ir_brcond(s->ir, IR_TSTNE, IR_I64, cr4, ir_i64(s->ir, CR4_PKE), on);
    x86_call(s, H(raise_fault), IR_NONE, i32(s, EXCP06_ILLOP), IR_NONE, IR_NONE, IR_NONE);
    ir_label(s->ir, on);
    call0(s, write ? H(wrpkru) : H(rdpkru));
    if (write)
        x86_end_tb_lookup(s);
    return true;
}

static bool extended_control(DisasContext *s, bool write)
{
    if (!(s->flags & HF_OSXSAVE))
        return illegal(s);
    if (write)
        return privileged(s, H(xsetbv), true);
    call0(s, H(xgetbv));
    return true;
}

static bool group_0f01_register(DisasContext *s)
{
    switch (s->modrm) {
    case 0xc8:
        return monitor_address(s);
    case 0xc9:
        return monitor_wait(s);
    case 0xca: case 0xcb:
        return access_flag(s, s->modrm & 1);
    case 0xd0: case 0xd1:
        return extended_control(s, s->modrm & 1);
    case 0xe0 ... 0xe7:
        return store_msw(s);
    case 0xee: case 0xef:
        return protection_keys(s, s->modrm & 1);
    case 0xf0 ... 0xf7:
        return load_msw(s);
    case 0xf8:
        return swap_gs(s);
    case 0xf9:
        return read_tsc(s, true);
    default: /* VMX, SVM, SGX … */
        return illegal(s);
    }
}

static bool group_0f01(DisasContext *s)
{
    if (s->mod == 3)
        return group_0f01_register(s);
    switch (s->modrm >> 3 & 7) {
    case 0:
        return store_table(s, X86_OFFSET(gdt));
    case 1:
        return store_table(s, X86_OFFSET(idt));
    case 2: case 3:
        return load_table(s, s->modrm >> 3 & 1);
    case 4:
        return store_msw(s);
    case 6:
        return load_msw(s);
    case 7:
        return invalidate_page(s);
    default:
        return illegal(s);
    }
}

/* ---- FS and GS base, INVPCID ---- */

static bool segment_base(DisasContext *s)
{
    unsigned n = s->modrm >> 3 & 3, seg = R_FS + (n & 1);
    uint32_t field = X86_OFFSET(segs) + seg * sizeof(SegmentCache) + offsetof(SegmentCache, base);
    MemOp size = s->ot == MO_64 ? MO_64 : MO_32;
    if (!s->code64 || !(s->flags & HF_FSGSBASE))
        return illegal(s);
    if (n < 2) {
        IRVal v = x86_tmp(s);
        ir_ld(s->ir, IR_LD, IR_I64, v, field);
        x86_put_reg(s, size, s->rm, false, v);
        return true;
    }
    IRVal v = x86_extend(s, cpu_regs[s->rm], size, IR_I64, false);
    if (size == MO_64)
        call1(s, H(check_canonical), v);
    ir_st(s->ir, IR_ST, IR_I64, v, field);
    return true;
}

static bool invalidate_pcid(DisasContext *s)
{
    if (!feature(s, FW_7_0_EBX, 10) || s->mod == 3)
        return illegal(s);
    if (refused(s))
        return true;
    IRVal type = x86_extend(s, cpu_regs[s->reg], s->code64 ? MO_64 : MO_32, IR_I64, false);
    IRVal linear = x86_ea_linear(s, 16, false), va = linear;
    if (ir_type(s->ir, linear) == IR_I32) {
        va = x86_tmp(s);
        ir_op1(s->ir, IR_EXT_I32_I64U, IR_I64, va, linear);
    }
    x86_sync_cc_op(s);
    x86_call(s, H(invpcid), IR_NONE, type, va, IR_NONE, IR_NONE);
    x86_end_tb_lookup(s);
    return true;
}

void x86_io_trap(DisasContext *s, IRVal port, unsigned bytes)
{
    if (!(s->flags & HF_BPIO))
        return;
    x86_sync_cc_op(s);
    x86_store_eip(s, x86_next_eip(s));
    x86_call(s, H(io_trap), IR_NONE, port, i32(s, bytes), IR_NONE, IR_NONE);
}

/* ---- Dispatch ---- */

static bool one_byte(DisasContext *s)
{
    switch (s->opcode) {
    case 0x07: case 0x17: case 0x1f:
        return pop_segment(s, s->opcode >> 3);
    case 0x63:
        return adjust_rpl(s);
    case 0x8e:
        return mov_to_segment(s);
    case 0x9a:
        return far_immediate(s, H(far_call));
    case 0xc4: case 0xc5:
        return load_pointer(s, s->opcode == 0xc4 ? R_ES : R_DS);
    case 0xca: case 0xcb:
        return far_return(s);
    case 0xcf:
        return interrupt_return(s);
    case 0xea:
        return far_immediate(s, H(far_jump));
    case 0xf4:
        return halt(s);
    case 0xfa:
        return clear_interrupts(s);
    case 0xfb:
        return set_interrupts(s);
    case 0xff:
        return far_indirect(s, (s->modrm >> 3 & 7) == 3 ? H(far_call) : H(far_jump));
    default:
        return false;
    }
}

static bool msr_or_time(DisasContext *s)
{
    bool msr = feature(s, FW_1_EDX, 5), sep = feature(s, FW_1_EDX, 11);
    switch (s->opcode) {
    case 0x130:
        return msr ? privileged(s, H(wrmsr), true) : illegal(s);
    case 0x131:
        return read_tsc(s, false);
    case 0x132:
        return msr ? privileged(s, H(rdmsr), false) : illegal(s);
    case 0x133:
        call0(s, H(rdpmc));
        return true;
    case 0x134:
        return sep ? system_call(s, H(sysenter), IR_NONE) : illegal(s);
    case 0x135:
        return sep ? system_call(s, H(sysexit), i32(s, s->ot == MO_64 ? 8 : 4)) : illegal(s);
    default:
        return illegal(s);
    }
}

static bool two_byte(DisasContext *s)
{
    switch (s->opcode) {
    case 0x100:
        return group_0f00(s);
    case 0x101:
        return group_0f01(s);
    case 0x102:
        return inspect_selector(s, H(lar));
    case 0x103:
        return inspect_selector(s, H(lsl));
    case 0x105:
        return system_call(s, H(syscall), next_eip(s));
    case 0x106:
        return privileged(s, H(clts), true);
    case 0x107:
        return system_call(s, H(sysret), i32(s, s->ot == MO_64 ? 8 : 4));
    case 0x108: case 0x109: /* INVD, WBINVD: no cache is modelled */
        return privileged(s, NULL, false);
    case 0x10b: case 0x1b9: case 0x1ff: /* UD2, UD1, UD0 */
        return illegal(s);
    case 0x1aa:
        return resume(s);
    case 0x120: case 0x122:
        return mov_control(s, s->opcode & 2);
    case 0x121: case 0x123:
        return mov_debug(s, s->opcode & 2);
    case 0x130 ... 0x135:
        return msr_or_time(s);
    case 0x1a1: case 0x1a9:
        return pop_segment(s, s->opcode == 0x1a1 ? R_FS : R_GS);
    case 0x1a2:
        call0(s, H(cpuid));
        return true;
    case 0x1ae:
        return s->mod == 3 && s->prefix & PREFIX_REPZ && (s->modrm & 0x20) == 0 && segment_base(s);
    case 0x1b2:
        return load_pointer(s, R_SS);
    case 0x1b4: case 0x1b5:
        return load_pointer(s, s->opcode == 0x1b4 ? R_FS : R_GS);
    case 0x1c7:
        return s->mod == 3 && s->prefix & PREFIX_REPZ && (s->modrm >> 3 & 7) == 7 && read_pid(s);
    default:
        return false;
    }
}

bool x86_emit_sys(DisasContext *s)
{
    if (s->opcode < 0x100)
        return one_byte(s);
    if (s->opcode < 0x200)
        return two_byte(s);
    return s->opcode == 0x282 && s->prefix & PREFIX_DATA && invalidate_pcid(s);
}
