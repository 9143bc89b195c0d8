/* SPDX-License-Identifier: MIT */
/*
 * x87 instructions that run as they are on the host's x87, which then holds the guest's state (X87Hooks in
 * target.h): nearly all, as long as every exception is masked, none is pending and alignment is not checked. Results,
 * flags, stack faults, rounding and tags are the processor's own. The others, the interpreter's
 * and those with unmasked exceptions go through the helpers of emit-fpu.c.
 */
#include "emit-x87.h"
#include "helper.h"
#include "tcg/backend.h"

IRVal cpu_fpip, cpu_fpdp, cpu_fpop;

void x86_x87_init(void)
{
    cpu_fpip = ir_global(IR_I64, X86_OFFSET(fpip), "fpip", 0);
    cpu_fpdp = ir_global(IR_I64, X86_OFFSET(fpdp), "fpdp", 0);
    cpu_fpop = ir_global(IR_I32, X86_OFFSET(fpop), "fpop", 0);
}

/* ---- Where the state is ---- */

static bool host_has_x87(void)
{
    const TCGBackend *backend = tcg_backend();

    return backend && backend->x87;
}

/* What is known of the place stays known up to a label, where other paths may come in. */
static bool known(const DisasContext *s, unsigned place)
{
    if (s->x87_place != place)
        return false;
    for (unsigned i = s->x87_mark; i < s->ir->nops; i++) {
        if (s->ir->ops[i].opc == IR_LABEL)
            return false;
    }
    return true;
}

static void guard(DisasContext *s, unsigned place)
{
    if (!host_has_x87())
        return;
    if (!known(s, place))
        ir_x87_guard(s->ir, place == X87_ON_HOST);
    s->x87_place = (uint8_t)place;
    s->x87_mark = s->ir->nops;
}

void x86_x87_to_env(DisasContext *s)
{
    guard(s, X87_IN_ENV);
}

void x86_x87_forget(DisasContext *s)
{
    s->x87_place = X87_UNKNOWN;
}

/* ---- Instruction and operand pointers ---- */

static void store_selector(DisasContext *s, unsigned seg, uint32_t offset)
{
    IRVal t = ir_temp(s->ir, IR_I32);
    uint32_t selector = X86_OFFSET(segs) + seg * (uint32_t)sizeof(SegmentCache) + (uint32_t)offsetof(SegmentCache, selector);

    ir_ld(s->ir, IR_LD16U, IR_I32, t, selector);
    ir_st(s->ir, IR_ST16, IR_I32, t, offset);
}

/* FIP, FCS, FOP, and with a memory operand FDP, FDS. After everything that may fault. A TB ends where segment registers are loaded. */
void x86_x87_pointers(DisasContext *s)
{
    IRFunc *f = s->ir;

    ir_movi(f, cpu_fpip, x86_cur_eip(s));
    ir_movi(f, cpu_fpop, (s->opcode & 7u) << 8 | s->modrm);
    if (!s->x87_cs_stored)
        store_selector(s, R_CS, X86_OFFSET(fpcs));
    s->x87_cs_stored = true;
    if (s->mod == 3)
        return;
    ir_mov(f, cpu_fpdp, s->ea);
    if (s->x87_ds != s->ea_seg)
        store_selector(s, (unsigned)s->ea_seg, X86_OFFSET(fpds));
    s->x87_ds = s->ea_seg;
}

/* ---- Instructions ---- */

typedef enum Direct { DIRECT_NO, DIRECT_LD, DIRECT_ST, DIRECT_FLDCW, DIRECT_FNSTCW, DIRECT_FNSTSW } Direct;
typedef struct DirectMemory { uint8_t how, bytes; } DirectMemory;

#define ROW_LD(n) { { DIRECT_LD, n }, { DIRECT_LD, n }, { DIRECT_LD, n }, { DIRECT_LD, n },                             \
                    { DIRECT_LD, n }, { DIRECT_LD, n }, { DIRECT_LD, n }, { DIRECT_LD, n } }
/* By opcode and digit. Not here: environments, state images and decimal numbers. */
static const DirectMemory direct_memory[8][8] = {
    [0] = ROW_LD(4), [2] = ROW_LD(4), [4] = ROW_LD(8), [6] = ROW_LD(2),
    [1] = { [0] = { DIRECT_LD, 4 }, [2] = { DIRECT_ST, 4 }, [3] = { DIRECT_ST, 4 }, [5] = { DIRECT_FLDCW, 2 },
            [7] = { DIRECT_FNSTCW, 2 } },
    [3] = { [0] = { DIRECT_LD, 4 }, [1] = { DIRECT_ST, 4 }, [2] = { DIRECT_ST, 4 }, [3] = { DIRECT_ST, 4 },
            [5] = { DIRECT_LD, 10 }, [7] = { DIRECT_ST, 10 } },
    [5] = { [0] = { DIRECT_LD, 8 }, [1] = { DIRECT_ST, 8 }, [2] = { DIRECT_ST, 8 }, [3] = { DIRECT_ST, 8 },
            [7] = { DIRECT_FNSTSW, 2 } },
    [7] = { [0] = { DIRECT_LD, 2 }, [1] = { DIRECT_ST, 2 }, [2] = { DIRECT_ST, 2 }, [3] = { DIRECT_ST, 2 },
            [5] = { DIRECT_LD, 8 }, [7] = { DIRECT_ST, 8 } },
};

static MemOp memop_of(unsigned bytes)
{
    return bytes == 2 ? MO_16 : bytes == 4 ? MO_32 : MO_64;
}

/* A control word that unmasks something ends the TB: its exceptions are for the helpers. */
static void emit_fldcw(DisasContext *s)
{
    IRFunc *f = s->ir;
    IRVal v = ir_temp(f, IR_I32), masks = ir_temp(f, IR_I32), args[2];
    unsigned masked = ir_new_label(f);

    x86_ld(s, IR_I32, v, x86_ea_linear(s, 2, false), MO_16);
    ir_op2i(f, IR_AND, IR_I32, masks, v, 0x3f);
    ir_brcond(f, IR_EQ, IR_I32, masks, ir_i32(f, 0x3f), masked);
    args[0] = v;
    args[1] = ir_i64(f, x86_next_eip(s));
    ir_call(f, &helper_info_fldcw_unmask, IR_NONE, args, 2);
    ir_label(f, masked);
    guard(s, X87_ON_HOST);
    ir_x87_in(f, 0, X87_FLDCW, v);
}

static bool emit_memory(DisasContext *s)
{
    const DirectMemory *m = &direct_memory[s->opcode & 7][s->modrm >> 3 & 7];
    unsigned insn = (s->opcode & 0xffu) | (s->modrm & 0x38u) << 5;
    IRVal t;

    switch (m->how) {
    case DIRECT_NO:
        return false;
    case DIRECT_LD: case DIRECT_ST:
        if (m->bytes == 10 && x86_checks_segment(s, s->ea_seg, m->how == DIRECT_ST)) /* eight bytes and two */
            x86_probe_piece(s, s->ea, s->ea_seg, m->how == DIRECT_ST);
        t = x86_ea_linear(s, m->bytes, m->how == DIRECT_ST);
        guard(s, X87_ON_HOST);
        ir_x87_mem(s->ir, m->how == DIRECT_LD ? IR_X87_LD : IR_X87_ST, insn, m->bytes, t, memop_of(m->bytes), s->mmu_mode);
        return true;
    case DIRECT_FLDCW:
        emit_fldcw(s);
        return true;
    default:
        guard(s, X87_ON_HOST);
        t = ir_temp(s->ir, IR_I32);
        ir_x87_out(s->ir, 0xe0df /* FNSTSW AX */, m->how == DIRECT_FNSTSW ? X87_FSW : X87_FCW, t);
        x86_st(s, IR_I32, t, x86_ea_linear(s, 2, true), MO_16);
        return true;
    }
}

static void emit_fcmov(DisasContext *s)
{
    static const uint8_t flags[4] = { CC_C, CC_Z, CC_C | CC_Z, CC_P };
    unsigned kind = s->modrm >> 3 & 3;
    IRVal t = ir_temp(s->ir, IR_I32);

    x86_compute_eflags(s);
    ir_setcond(s->ir, s->opcode & 1 ? IR_TSTEQ : IR_TSTNE, IR_I64, t, cpu_cc_src, ir_i64(s->ir, flags[kind]));
    guard(s, X87_ON_HOST);
    ir_x87_in(s->ir, 0xda | (0xc0u | (s->modrm & 7u)) << 8, X87_CMOV, t);
}

static void emit_fninit(DisasContext *s)
{
    IRFunc *f = s->ir;

    ir_x87(f, 0xdb | 0xe3 << 8);
    ir_movi(f, cpu_fpip, 0);
    ir_movi(f, cpu_fpdp, 0);
    ir_movi(f, cpu_fpop, 0);
    ir_st(f, IR_ST16, IR_I32, ir_i32(f, 0), X86_OFFSET(fpcs));
    ir_st(f, IR_ST16, IR_I32, ir_i32(f, 0), X86_OFFSET(fpds));
    s->x87_cs_stored = false;
    s->x87_ds = -1;
}

static bool emit_register(DisasContext *s)
{
    unsigned op = s->opcode & 7, digit = s->modrm >> 3 & 7, insn = (s->opcode & 0xffu) | (unsigned)s->modrm << 8;
    IRVal t;

    if ((op == 2 || op == 3) && digit < 4) {
        emit_fcmov(s);
        return true;
    }
    guard(s, X87_ON_HOST);
    if ((op == 3 || op == 7) && (digit == 5 || digit == 6)) { /* FCOMI, FUCOMI */
        t = ir_temp(s->ir, IR_I32);
        ir_x87_out(s->ir, insn, X87_FLAGS, t);
        ir_mov(s->ir, cpu_cc_src, t);
        x86_set_cc_op(s, CC_OP_EFLAGS);
    } else if (op == 7 && s->modrm == 0xe0) {
        IRVal wide = ir_temp(s->ir, IR_I64);
        t = ir_temp(s->ir, IR_I32);
        ir_x87_out(s->ir, insn, X87_FSW, t);
        ir_mov(s->ir, wide, t);
        ir_deposit(s->ir, IR_I64, cpu_regs[R_EAX], cpu_regs[R_EAX], wide, 0, 16);
    } else if (op == 3 && s->modrm == 0xe3) {
        emit_fninit(s);
    } else {
        ir_x87(s->ir, insn);
    }
    return true;
}

bool x86_emit_x87(DisasContext *s)
{
    /* Instructions of old coprocessors that do nothing: FENI, FDISI, FSETPM. */
    bool ignored = s->mod == 3 && (s->opcode & 7) == 3 && (s->modrm & 0x38) == 0x20 && (s->modrm & 6) != 2;

    if (!host_has_x87() || s->flags & (HF_FPEXACT | HF_ALIGN) || s->step || s->state_changed || ignored)
        return false;
    return s->mod == 3 ? emit_register(s) : emit_memory(s);
}
