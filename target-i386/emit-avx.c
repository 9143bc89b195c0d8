/* SPDX-License-Identifier: MIT */
/*
 * AVX, AVX2, FMA and F16C (Intel SDM vol. 2, chapter 2.3 and the VEX rows of appendix A). A YMM register is two
 * IR values: the XMM register, which SSE code uses as ever, and its upper half. 128-bit forms are the SSE
 * emitters with VEX.vvvv as first source and a cleared upper half; 256-bit forms do the row of vec.def once per
 * half, and whole registers meet only in loads and stores. VAES and VPCLMULQDQ come along. Not here: AVX-512.
 */
#include "emit-avx.h"
#include "helper.h"

static IRVal cpu_ymm_high[16];

typedef struct YMM { IRVal lo, hi; } YMM;

void x86_avx_init(void)
{
    static const char *const names[16] = {
        "ymmh0", "ymmh1", "ymmh2", "ymmh3", "ymmh4", "ymmh5", "ymmh6", "ymmh7",
        "ymmh8", "ymmh9", "ymmh10", "ymmh11", "ymmh12", "ymmh13", "ymmh14", "ymmh15",
    };
    for (unsigned i = 0; i < 16; i++)
        cpu_ymm_high[i] = ir_global(IR_V128, X86_OFFSET(xmm[i].q[2]), names[i], 0);
}

/* ---- Operands ---- */

static IRVal vtemp(DisasContext *s) { return ir_temp(s->ir, IR_V128); }
static YMM ymm(unsigned n) { return (YMM){ cpu_xmm[n], cpu_ymm_high[n] }; }
static YMM ymm_temp(DisasContext *s) { return (YMM){ vtemp(s), vtemp(s) }; }

static void vzero(DisasContext *s, IRVal v)
{
    ir_emit(s->ir, IR_VZERO, IR_V128)->out[0] = v;
}

static void vmov(DisasContext *s, IRVal dst, IRVal src)
{
    if (dst != src)
        ir_op1(s->ir, IR_VMOV, IR_V128, dst, src);
}

static IRVal vop(DisasContext *s, unsigned row, IRVal a, IRVal b, uint8_t imm)
{
    IRVal t = vtemp(s);
    ir_vop(s->ir, row, t, a, b, IR_NONE, imm);
    return t;
}

static YMM load_256(DisasContext *s, MemOp align)
{
    IRVal whole = ir_temp(s->ir, IR_V256);
    YMM v = ymm_temp(s);

    if (align && x86_checks_segment(s, s->ea_seg, false))
        x86_check_alignment(s, s->ea, s->ea_seg, 32);
    x86_ld(s, IR_V256, whole, x86_ea_linear(s, 32, false), MO_256 | align);
    ir_v_half(s->ir, v.lo, whole, 0);
    ir_v_half(s->ir, v.hi, whole, 1);
    return v;
}

static void store_256(DisasContext *s, YMM v, MemOp align)
{
    IRVal whole = ir_temp(s->ir, IR_V256);

    ir_v_join(s->ir, whole, v.lo, v.hi);
    if (align && x86_checks_segment(s, s->ea_seg, true))
        x86_check_alignment(s, s->ea, s->ea_seg, 32);
    x86_st(s, IR_V256, whole, x86_ea_linear(s, 32, true), MO_256 | align);
}

static YMM ymm_rm(DisasContext *s) { return s->mod == 3 ? ymm(s->rm) : load_256(s, (MemOp)0); }

/* The register, or so many bytes of memory with zeros above. */
static IRVal xmm_rm(DisasContext *s, MemOp mem)
{
    IRVal t;

    if (s->mod == 3)
        return cpu_xmm[s->rm];
    t = vtemp(s);
    if (mem >= MO_32) {
        x86_ld(s, IR_V128, t, x86_ea_linear(s, memop_bytes(mem), false), mem);
    } else {
        IRVal i = ir_temp(s->ir, IR_I32);
        x86_ld(s, IR_I32, i, x86_ea_linear(s, memop_bytes(mem), false), mem);
        ir_v_from_int(s->ir, t, i);
    }
    return t;
}

static void write_128(DisasContext *s, unsigned n, IRVal v)
{
    vmov(s, cpu_xmm[n], v);
    vzero(s, cpu_ymm_high[n]);
}

static void write_256(DisasContext *s, unsigned n, YMM v)
{
    vmov(s, cpu_xmm[n], v.lo);
    vmov(s, cpu_ymm_high[n], v.hi);
}

static uint8_t fetch_imm8(DisasContext *s)
{
    return (uint8_t)x86_fetch_imm(s, MO_8);
}

/* ---- A row on both halves ---- */

/* The immediate of the upper half, where it is not the same. */
static uint8_t high_imm(unsigned row, uint8_t imm)
{
    switch (row) {
    case VEC_BLENDI32: return imm >> 4;
    case VEC_BLENDI64: case VEC_SHUFPD: return imm >> 2;
    case VEC_MPSADBW: return imm >> 3;
    default: return imm;
    }
}

static void st_scratch(DisasContext *s, unsigned n, IRVal lo, IRVal hi)
{
    if (lo != IR_NONE)
        ir_st(s->ir, IR_ST, IR_V128, lo, X86_OFFSET(scratch[n]));
    if (hi != IR_NONE)
        ir_st(s->ir, IR_ST, IR_V128, hi, X86_OFFSET(scratch[n].q[2]));
}

static bool exact(const DisasContext *s, unsigned row)
{
    return vec_info[row].flags & VFL_FP && s->flags & HF_FPEXACT;
}

/* All halves there are through the helper that raises #XM; hi halves IR_NONE: 128 bits. */
static YMM vop_exact(DisasContext *s, unsigned row, YMM a, YMM b, YMM c, uint8_t imm)
{
    bool wide = a.hi != IR_NONE;
    IRVal arg = ir_i32(s->ir, row | (uint32_t)imm << 16 | (uint32_t)wide << 24);
    YMM d = ymm_temp(s);

    st_scratch(s, 0, a.lo, a.hi);
    st_scratch(s, 1, b.lo, b.hi);
    st_scratch(s, 2, c.lo, c.hi);
    ir_call(s->ir, &helper_info_sse_exact, IR_NONE, &arg, 1);
    ir_ld(s->ir, IR_LD, IR_V128, d.lo, X86_OFFSET(scratch[3]));
    if (wide)
        ir_ld(s->ir, IR_LD, IR_V128, d.hi, X86_OFFSET(scratch[3].q[2]));
    return d;
}

static const YMM none = { IR_NONE, IR_NONE };

static YMM vop_256(DisasContext *s, unsigned row, YMM a, YMM b, YMM c, uint8_t imm)
{
    YMM d;

    if (exact(s, row))
        return vop_exact(s, row, a, b, c, imm);
    d = ymm_temp(s);
    ir_vop(s->ir, row, d.lo, a.lo, b.lo, c.lo, imm);
    if (a.hi != IR_NONE)
        ir_vop(s->ir, row, d.hi, a.hi, b.hi, c.hi, high_imm(row, imm));
    return d;
}

/* ---- 256-bit forms of SSE rows ---- */

typedef void AVXForm(DisasContext *s, const SSEInsn *in);

static void wide_V_HW(DisasContext *s, const SSEInsn *in)
{
    YMM src = ymm_rm(s);

    /* Shifts take their count from an XMM register or 16 bytes. */
    write_256(s, s->reg, vop_256(s, in->row, ymm(s->vex_v), src, none, 0));
}

static void wide_shift_by_xmm(DisasContext *s, const SSEInsn *in)
{
    IRVal count = xmm_rm(s, MO_128);

    write_256(s, s->reg, vop_256(s, in->row, ymm(s->vex_v), (YMM){ count, count }, none, 0));
}

static void wide_V_HWI(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    YMM src = ymm_rm(s);

    write_256(s, s->reg, vop_256(s, in->row, ymm(s->vex_v), src, none, in->opcode == 0x1c2 ? imm & 31 : imm));
}

/* Rows that widen take that many bytes for each half. */
static unsigned widening_bytes(unsigned row)
{
    switch (row) {
    case VEC_CVTPS2PD: case VEC_CVTDQ2PD: case VEC_CVTPH2PS: case VEC_SEXT8TO16: case VEC_SEXT16TO32: case VEC_SEXT32TO64:
    case VEC_ZEXT8TO16: case VEC_ZEXT16TO32: case VEC_ZEXT32TO64:
        return 8;
    case VEC_SEXT8TO32: case VEC_SEXT16TO64: case VEC_ZEXT8TO32: case VEC_ZEXT16TO64:
        return 4;
    case VEC_SEXT8TO64: case VEC_ZEXT8TO64:
        return 2;
    default:
        return 0;
    }
}

static void wide_widening(DisasContext *s, const SSEInsn *in)
{
    unsigned bytes = widening_bytes(in->row);
    IRVal src = xmm_rm(s, bytes == 8 ? MO_128 : bytes == 4 ? MO_64 : MO_32);
    YMM halves = { src, vop(s, VEC_SRLBYTES, src, IR_NONE, (uint8_t)bytes) };

    write_256(s, s->reg, vop_256(s, in->row, halves, none, none, 0));
}

static bool is_narrowing(unsigned row)
{
    return row == VEC_CVTPD2PS || row == VEC_CVTPD2DQ || row == VEC_CVTTPD2DQ;
}

static void wide_narrowing(DisasContext *s, const SSEInsn *in)
{
    YMM d = vop_256(s, in->row, ymm_rm(s), none, none, 0);

    write_128(s, s->reg, vop(s, VEC_UNPCKL64, d.lo, d.hi, 0));
}

static void wide_V_W(DisasContext *s, const SSEInsn *in)
{
    if (widening_bytes(in->row))
        wide_widening(s, in);
    else if (is_narrowing(in->row))
        wide_narrowing(s, in);
    else
        write_256(s, s->reg, vop_256(s, in->row, ymm_rm(s), none, none, 0));
}

static void wide_V_WI(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);

    write_256(s, s->reg, vop_256(s, in->row, ymm_rm(s), none, none, imm));
}

/* ZF and CF say something of all bits. */
static void wide_flags(DisasContext *s, const SSEInsn *in)
{
    YMM src = ymm_rm(s), a = ymm(s->reg);
    IRVal lo = ir_temp(s->ir, IR_I32), hi = ir_temp(s->ir, IR_I32);

    ir_vop(s->ir, in->row, lo, a.lo, src.lo, IR_NONE, 0);
    ir_vop(s->ir, in->row, hi, a.hi, src.hi, IR_NONE, 0);
    ir_op2(s->ir, IR_AND, IR_I32, lo, lo, hi);
    ir_mov(s->ir, cpu_cc_src, lo);
    x86_set_cc_op(s, CC_OP_EFLAGS);
}

static void wide_movmsk(DisasContext *s, const SSEInsn *in)
{
    IRVal lo = ir_temp(s->ir, IR_I32), hi = ir_temp(s->ir, IR_I32);
    unsigned bits = in->row == VEC_MOVMSK8 ? 16 : in->row == VEC_MOVMSK32 ? 4 : 2;

    if (s->mod != 3) {
        x86_gen_illegal(s);
        return;
    }
    ir_vop(s->ir, in->row, lo, cpu_xmm[s->rm], IR_NONE, IR_NONE, 0);
    ir_vop(s->ir, in->row, hi, cpu_ymm_high[s->rm], IR_NONE, IR_NONE, 0);
    ir_op2i(s->ir, IR_SHL, IR_I32, hi, hi, bits);
    ir_op2(s->ir, IR_OR, IR_I32, lo, lo, hi);
    ir_mov(s->ir, cpu_regs[s->reg], lo);
}

static void wide_shift_imm(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    unsigned row = sse_shift_row(in->opcode, s->reg & 7);

    if (!row || s->mod != 3)
        x86_gen_illegal(s);
    else
        write_256(s, s->vex_v, vop_256(s, row, ymm(s->rm), none, none, imm));
}

static void wide_mov_load(DisasContext *s, const SSEInsn *in)
{
    bool memory_only = in->opcode == 0x22a || in->opcode == 0x1f0;

    if (s->mod == 3 && memory_only)
        x86_gen_illegal(s);
    else
        write_256(s, s->reg, s->mod == 3 ? ymm(s->rm) : load_256(s, (MemOp)(in->mem & MO_ALIGN)));
}

static void wide_mov_store(DisasContext *s, const SSEInsn *in)
{
    bool memory_only = in->opcode == 0x12b || in->opcode == 0x1e7;

    if (s->mod != 3)
        store_256(s, ymm(s->reg), (MemOp)(in->mem & MO_ALIGN));
    else if (memory_only)
        x86_gen_illegal(s);
    else
        write_256(s, s->rm, ymm(s->reg));
}

/* ---- How SSE rows become VEX instructions ---- */

enum { DST_NONE, DST_REG, DST_RM, DST_VVVV, DST_XMM0 };
enum { NDS_NO, NDS_YES, NDS_REGISTER /* of the register form only */ };
typedef struct Form {
    SSEEmit *sse;
    AVXForm *wide; /* NULL: 128 bits only */
    uint8_t nds, dst;
} Form;
static const Form forms[] = {
    { emit_V_VW, wide_V_HW, NDS_YES, DST_REG },
    { emit_V_W, wide_V_W, NDS_NO, DST_REG },
    { emit_V_VWI, wide_V_HWI, NDS_YES, DST_REG },
    { emit_V_WI, wide_V_WI, NDS_NO, DST_REG },
    { emit_flags_VW, wide_flags, NDS_NO, DST_NONE },
    { emit_G_U, wide_movmsk, NDS_NO, DST_NONE },
    { emit_G_W, NULL, NDS_NO, DST_NONE },
    { emit_V_VE, NULL, NDS_YES, DST_REG },
    { emit_V_VEI, NULL, NDS_YES, DST_REG },
    { emit_E_VI, NULL, NDS_NO, DST_NONE },
    { emit_G_UI, NULL, NDS_NO, DST_NONE },
    { emit_insertps, NULL, NDS_YES, DST_REG },
    { emit_shift_imm, wide_shift_imm, NDS_YES, DST_VVVV },
    { emit_mov_load, wide_mov_load, NDS_NO, DST_REG },
    { emit_mov_store, wide_mov_store, NDS_NO, DST_RM },
    { emit_mov_scalar_load, NULL, NDS_REGISTER, DST_REG },
    { emit_mov_scalar_store, NULL, NDS_REGISTER, DST_RM },
    { emit_movlps_load, NULL, NDS_YES, DST_REG },
    { emit_movhps_load, NULL, NDS_YES, DST_REG },
    { emit_movlps_store, NULL, NDS_NO, DST_NONE },
    { emit_movhps_store, NULL, NDS_NO, DST_NONE },
    { emit_movq_load, NULL, NDS_NO, DST_REG },
    { emit_movq_store, NULL, NDS_NO, DST_RM },
    { emit_movd_load, NULL, NDS_NO, DST_REG },
    { emit_movd_store, NULL, NDS_NO, DST_NONE },
    { emit_maskmovdqu, NULL, NDS_NO, DST_NONE },
    { emit_pcmpstr, NULL, NDS_NO, DST_XMM0 },
};

static const Form *find_form(const SSEInsn *in)
{
    for (unsigned i = 0; i < ARRAY_SIZE(forms); i++) {
        if (forms[i].sse == in->emit)
            return &forms[i];
    }
    return NULL;
}

/* Aligned moves still ask for alignment; nothing else does. */
static bool wants_alignment(uint16_t opcode, unsigned pp)
{
    switch (opcode) {
    case 0x128: case 0x129: case 0x12b: case 0x1e7: case 0x22a: return true;
    case 0x16f: case 0x17f: return pp == PP_66;
    default: return false;
    }
}

/* Is the 256-bit form one of AVX2? */
static bool is_avx2(uint16_t opcode)
{
    unsigned op = opcode & 0xff;

    if (opcode >> 8 == 1)
        return (op >= 0x60 && op <= 0x6d) || (op >= 0x70 && op <= 0x76) || (op >= 0xd1 && op != 0xd6 && op != 0xe6 && op != 0xe7 && op != 0xf0);
    if (opcode >> 8 == 2)
        return op != 0x17;
    return op == 0x0e || op == 0x0f || op == 0x42;
}

/* AES and PCLMULQDQ have CPUID bits of their own, and others for 256 bits. */
static int crypto_feature(const SSEInsn *in, bool wide)
{
    switch (in->feature) {
    case FEAT_AES: return wide ? FEAT_VAES : FEAT_AES;
    case FEAT_PCLMUL: return wide ? FEAT_VPCLMUL : FEAT_PCLMUL;
    default: return -1;
    }
}

static bool has_no_wide_form(const SSEInsn *in)
{
    return in->row == VEC_PHMINPOSUW || in->row == VEC_DPPD || in->row == VEC_AESIMC || in->row == VEC_AESKEYGENASSIST;
}

static bool shifts_by_xmm(const SSEInsn *in)
{
    switch (in->row) {
    case VEC_SLL16: case VEC_SLL32: case VEC_SLL64: case VEC_SRL16: case VEC_SRL32: case VEC_SRL64: case VEC_SRA16: case VEC_SRA32:
        return in->emit == emit_V_VW;
    default:
        return false;
    }
}

static void clear_high(DisasContext *s, const Form *f, const SSEInsn *in)
{
    switch (f->dst) {
    case DST_REG: vzero(s, cpu_ymm_high[s->reg]); break;
    case DST_VVVV: vzero(s, cpu_ymm_high[s->vex_v]); break;
    case DST_XMM0:
        if (!(in->opcode & 1)) /* PCMPxSTRM */
            vzero(s, cpu_ymm_high[0]);
        break;
    case DST_RM:
        if (s->mod == 3)
            vzero(s, cpu_ymm_high[s->rm]);
        break;
    }
}

/* XMM and YMM instructions need the state enabled; CR0.EM does not count. */
static bool state_enabled(DisasContext *s)
{
    if (!(s->flags & HF_AVX) || s->prefix & PREFIX_LOCK) {
        x86_gen_illegal(s);
        return false;
    }
    if (s->flags & HF_TS) {
        x86_gen_exception(s, EXCP07_PREX);
        return false;
    }
    return true;
}

static bool vvvv_valid(const DisasContext *s, unsigned nds)
{
    return s->vex_v == 0 || nds == NDS_YES || (nds == NDS_REGISTER && s->mod == 3);
}

static bool emit_sse_row(DisasContext *s, const SSEInsn *row, unsigned pp)
{
    const Form *f = row->cls == SSE_CLASS_XMM && row->feature != FEAT_SHA && row->feature != FEAT_SSE4A ? find_form(row) : NULL;
    SSEInsn in = *row;
    bool scalar = row->row && vec_info[row->row].flags & VFL_SCALAR, wide = s->vex_l && !scalar;
    int crypto;

    if (!s->code64 && s->vex_w && (row->opcode == 0x316 || row->opcode == 0x322)) /* VPEXTRQ, VPINSRQ */
        return false;
    if (!f || !vvvv_valid(s, f->nds) || (wide && (!f->wide || has_no_wide_form(row))))
        return false;
    crypto = crypto_feature(row, wide);
    if (!sse_check_feature(s, wide && crypto < 0 && is_avx2(row->opcode) ? FEAT_AVX2 : FEAT_AVX) ||
        (crypto >= 0 && !sse_check_feature(s, (SSEFeature)crypto)) || !state_enabled(s))
        return true;
    if (!wants_alignment(in.opcode, pp))
        in.mem &= (uint8_t)~MO_ALIGN;
    if (!wide) {
        in.emit(s, &in);
        if (!s->base.stop) /* not a form that is #UD */
            clear_high(s, f, &in);
    } else if (shifts_by_xmm(&in)) {
        wide_shift_by_xmm(s, &in);
    } else {
        f->wide(s, &in);
    }
    return true;
}

/* ---- Instructions that only AVX has ---- */

typedef struct AVXInsn AVXInsn;
typedef void AVXEmit(DisasContext *s, const AVXInsn *in);
struct AVXInsn {
    uint16_t opcode;   /* all with prefix 66 */
    uint8_t feature, flags;
    uint16_t row;
    AVXEmit *emit;
};
enum { L0 = 1, L1 = 2, W0 = 4, W1 = 8, NDS = 16, MEM = 32, REG = 64, AVX2_L1 = 128 /* the 256-bit form is AVX2's */ };

static YMM vvvv(const DisasContext *s) { return ymm(s->vex_v); }
static YMM low_only(YMM v) { return (YMM){ v.lo, IR_NONE }; }

/* 128 or 256 bits of the r/m operand, and the result written at that width. */
static YMM operand(DisasContext *s)
{
    return s->vex_l ? ymm_rm(s) : (YMM){ xmm_rm(s, MO_128), IR_NONE };
}
static YMM sized(const DisasContext *s, YMM v) { return s->vex_l ? v : low_only(v); }
static void write_sized(DisasContext *s, unsigned n, YMM v)
{
    if (s->vex_l)
        write_256(s, n, v);
    else
        write_128(s, n, v.lo);
}

static void avx_binary(DisasContext *s, const AVXInsn *in)
{
    unsigned row = in->row + (s->vex_w && (in->row == VEC_SLLV32 || in->row == VEC_SRLV32));

    write_sized(s, s->reg, vop_256(s, row, sized(s, vvvv(s)), operand(s), none, 0));
}

static void avx_flags(DisasContext *s, const AVXInsn *in)
{
    SSEInsn row = { .row = in->row };

    if (s->vex_l) {
        wide_flags(s, &row);
        return;
    }
    IRVal t = ir_temp(s->ir, IR_I32), src = xmm_rm(s, MO_128);
    ir_vop(s->ir, in->row, t, cpu_xmm[s->reg], src, IR_NONE, 0);
    ir_mov(s->ir, cpu_cc_src, t);
    x86_set_cc_op(s, CC_OP_EFLAGS);
}

/* VPERMILPS and VPERMILPD by immediate are shuffles of the operand with itself. */
static void avx_permil_imm(DisasContext *s, const AVXInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    YMM src = operand(s);

    write_sized(s, s->reg, vop_256(s, in->row, src, in->row == VEC_SHUFPD ? src : none, none, imm));
}

static void avx_broadcast(DisasContext *s, const AVXInsn *in)
{
    static const uint8_t sizes[] = { [0x58 - 0x58] = MO_32, [0x59 - 0x58] = MO_64, [0x78 - 0x58] = MO_8, [0x79 - 0x58] = MO_16 };
    unsigned op = in->opcode & 0xff;
    MemOp size = op == 0x18 ? MO_32 : op == 0x19 ? MO_64 : (MemOp)sizes[op - 0x58];
    IRVal src = xmm_rm(s, size), v;

    if (size == MO_64) {
        v = vop(s, VEC_UNPCKL64, src, src, 0);
    } else if (size == MO_32) {
        v = vop(s, VEC_SHUF32, src, IR_NONE, 0);
    } else if (size == MO_16) {
        v = vop(s, VEC_SHUF32, vop(s, VEC_SHUFLO16, src, IR_NONE, 0), IR_NONE, 0);
    } else {
        IRVal zero = vtemp(s);
        vzero(s, zero);
        v = vop(s, VEC_PSHUFB, src, zero, 0);
    }
    write_sized(s, s->reg, (YMM){ v, v });
}

static void avx_broadcast_128(DisasContext *s, const AVXInsn *in)
{
    IRVal v = xmm_rm(s, MO_128);

    (void)in;
    write_256(s, s->reg, (YMM){ v, v });
}

static void avx_insert_128(DisasContext *s, const AVXInsn *in)
{
    bool high = fetch_imm8(s) & 1;
    IRVal v = xmm_rm(s, MO_128);
    YMM a = vvvv(s);

    (void)in;
    if (high && s->mod == 3 && s->rm == s->reg) { /* read before the lower half is written */
        IRVal t = vtemp(s);
        vmov(s, t, v);
        v = t;
    }
    write_256(s, s->reg, high ? (YMM){ a.lo, v } : (YMM){ v, a.hi });
}

static void avx_extract_128(DisasContext *s, const AVXInsn *in)
{
    YMM a = ymm(s->reg);
    IRVal v = fetch_imm8(s) & 1 ? a.hi : a.lo;

    (void)in;
    if (s->mod != 3) {
        x86_st(s, IR_V128, v, x86_ea_linear(s, 16, true), MO_128);
        return;
    }
    write_128(s, s->rm, v);
}

static void avx_perm2_128(DisasContext *s, const AVXInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    YMM b = ymm_rm(s), a = vvvv(s), d = ymm_temp(s);
    const IRVal halves[4] = { a.lo, a.hi, b.lo, b.hi };

    (void)in;
    if (imm & 8)
        vzero(s, d.lo);
    else
        vmov(s, d.lo, halves[imm & 3]);
    if (imm & 0x80)
        vzero(s, d.hi);
    else
        vmov(s, d.hi, halves[imm >> 4 & 3]);
    write_256(s, s->reg, d);
}

/* VPERMQ, VPERMPD: each half of the result takes two of the four quadwords. */
static void avx_permq(DisasContext *s, const AVXInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    YMM src = ymm_rm(s), d;
    const IRVal halves[2] = { src.lo, src.hi };

    (void)in;
    d.lo = vop(s, VEC_SHUFPD, halves[imm >> 1 & 1], halves[imm >> 3 & 1], (imm & 1) | (imm >> 1 & 2));
    d.hi = vop(s, VEC_SHUFPD, halves[imm >> 5 & 1], halves[imm >> 7 & 1], (imm >> 4 & 1) | (imm >> 5 & 2));
    write_256(s, s->reg, d);
}

/* VPERMD, VPERMPS: bit 2 of an index chooses the half, bits 0 and 1 the lane. */
static void avx_permd(DisasContext *s, const AVXInsn *in)
{
    YMM src = ymm_rm(s), index = vvvv(s), d = ymm_temp(s);
    const IRVal indexes[2] = { index.lo, index.hi }, out[2] = { d.lo, d.hi };

    (void)in;
    for (unsigned i = 0; i < 2; i++) {
        IRVal low = vop(s, VEC_PERMILPS, src.lo, indexes[i], 0), high = vop(s, VEC_PERMILPS, src.hi, indexes[i], 0);
        ir_vop(s->ir, VEC_BLENDV32, out[i], low, high, vop(s, VEC_SLLI32, indexes[i], IR_NONE, 29), 0);
    }
    write_256(s, s->reg, d);
}

static void avx_blendd(DisasContext *s, const AVXInsn *in)
{
    uint8_t imm = fetch_imm8(s);

    write_sized(s, s->reg, vop_256(s, in->row, sized(s, vvvv(s)), operand(s), none, imm));
}

/* The mask register is in the immediate. */
static void avx_blendv(DisasContext *s, const AVXInsn *in)
{
    unsigned mask = fetch_imm8(s) >> 4 & (s->code64 ? 15 : 7);

    write_sized(s, s->reg, vop_256(s, in->row, sized(s, vvvv(s)), operand(s), sized(s, ymm(mask)), 0));
}

/* How the helper moves elements: bytes of one, how many, whether to memory, segment, address size. */
static IRVal mask_how(DisasContext *s, unsigned bytes, bool store)
{
    return ir_i32(s->ir, bytes | ((s->vex_l ? 32u : 16u) / bytes) << 8 | (uint32_t)store << 16 | (uint32_t)s->ea_seg << 20 |
                           (uint32_t)s->at << 24);
}

/* VMASKMOVPS and PD, VPMASKMOVD and Q: elements that the mask leaves out are not accessed. */
static void avx_maskmov(DisasContext *s, const AVXInsn *in)
{
    unsigned op = in->opcode & 0xff, bytes = op >= 0x80 ? (s->vex_w ? 8 : 4) : op & 1 ? 8 : 4;
    bool store = op == 0x2e || op == 0x2f || op == 0x8e;
    YMM mask = sized(s, vvvv(s)), data = sized(s, ymm(s->reg));
    IRVal args[] = { s->ea, mask_how(s, bytes, store) };

    st_scratch(s, 1, mask.lo, mask.hi);
    if (store)
        st_scratch(s, 0, data.lo, data.hi);
    ir_call(s->ir, &helper_info_vmaskmov, IR_NONE, args, 2);
    if (!store) {
        YMM d = ymm_temp(s);
        ir_ld(s->ir, IR_LD, IR_V128, d.lo, X86_OFFSET(scratch[2]));
        ir_ld(s->ir, IR_LD, IR_V128, d.hi, X86_OFFSET(scratch[2].q[2]));
        write_sized(s, s->reg, d);
    }
}

/* VGATHERxxx, VPGATHERxx: the index is a vector; the helper works on the registers, as far as memory lets it. */
static void avx_gather(DisasContext *s, const AVXInsn *in)
{
    unsigned index = s->mem_index < 0 ? 4 : (unsigned)s->mem_index;
    bool wide_index = in->opcode & 1;
    uint32_t how = (uint32_t)s->reg | s->vex_v << 4u | index << 8 | (uint32_t)s->mem_scale << 12 | (uint32_t)(s->vex_w != 0) << 14 |
                   (uint32_t)wide_index << 15 | (uint32_t)s->vex_l << 16 | (uint32_t)s->at << 20 | (uint32_t)s->ea_seg << 24;
    IRVal base = x86_tmp(s);

    if ((s->modrm & 7) != 4 || s->at == MO_16 || s->reg == s->vex_v || s->reg == index || s->vex_v == index) {
        x86_gen_illegal(s);
        return;
    }
    if (s->mem_base < 0)
        ir_movi(s->ir, base, (uint64_t)s->mem_disp);
    else
        ir_op2i(s->ir, IR_ADD, IR_I64, base, cpu_regs[s->mem_base], (uint64_t)s->mem_disp);
    IRVal args[] = { base, ir_i32(s->ir, how) };
    ir_call(s->ir, &helper_info_vgather, IR_NONE, args, 2);
}

/* ---- FMA ---- */

static const uint16_t fma_rows[16][2][2] = { /* opcode & 15, scalar aside: [scalar][W] */
    [0x6] = { { VEC_FMADDSUBPS, VEC_FMADDSUBPD } }, [0x7] = { { VEC_FMSUBADDPS, VEC_FMSUBADDPD } },
    [0x8] = { { VEC_FMADDPS, VEC_FMADDPD } }, [0x9] = { { 0, 0 }, { VEC_FMADDSS, VEC_FMADDSD } },
    [0xa] = { { VEC_FMSUBPS, VEC_FMSUBPD } }, [0xb] = { { 0, 0 }, { VEC_FMSUBSS, VEC_FMSUBSD } },
    [0xc] = { { VEC_FNMADDPS, VEC_FNMADDPD } }, [0xd] = { { 0, 0 }, { VEC_FNMADDSS, VEC_FNMADDSD } },
    [0xe] = { { VEC_FNMSUBPS, VEC_FNMSUBPD } }, [0xf] = { { 0, 0 }, { VEC_FNMSUBSS, VEC_FNMSUBSD } },
};

/* Rows are the 213 form, b = first factor: with several NaNs the first of factor, factor, addend is the result. */
static void emit_fma(DisasContext *s)
{
    unsigned op = s->opcode & 0xff, order = op >> 4; /* 9: 132, A: 213, B: 231 */
    bool scalar = (op & 15) >= 8 && op & 1;
    unsigned row = fma_rows[op & 15][scalar][s->vex_w != 0];
    YMM x = ymm(s->reg), y = vvvv(s), z, d;

    if (scalar) {
        z = (YMM){ xmm_rm(s, s->vex_w ? MO_64 : MO_32), IR_NONE };
        x = low_only(x), y = low_only(y);
    } else {
        z = operand(s);
        x = sized(s, x), y = sized(s, y);
    }
    d = order == 9 ? vop_256(s, row, z, x, y, 0) : order == 10 ? vop_256(s, row, x, y, z, 0) : vop_256(s, row, z, y, x, 0);
    if (scalar)
        write_128(s, s->reg, vop(s, s->vex_w ? VEC_MOVSD : VEC_MOVSS, x.lo, d.lo, 0));
    else
        write_sized(s, s->reg, d);
}

/* ---- Half precision ---- */

static void avx_cvtph2ps(DisasContext *s, const AVXInsn *in)
{
    SSEInsn row = { .row = in->row };

    if (s->vex_l)
        wide_widening(s, &row);
    else
        write_128(s, s->reg, vop_256(s, in->row, (YMM){ xmm_rm(s, MO_64), IR_NONE }, none, none, 0).lo);
}

static void avx_cvtps2ph(DisasContext *s, const AVXInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    unsigned bytes = s->vex_l ? 16 : 8;
    IRVal linear = IR_NONE, v;
    YMM d;

    if (s->mod != 3) { /* the store's fault goes before the conversion's flags */
        IRVal args[] = { linear = x86_ea_linear(s, bytes, true), ir_i32(s->ir, bytes) };
        ir_call(s->ir, &helper_info_probe_write, IR_NONE, args, 2);
    }
    d = vop_256(s, in->row, sized(s, ymm(s->reg)), none, none, imm);
    v = s->vex_l ? vop(s, VEC_UNPCKL64, d.lo, d.hi, 0) : d.lo;
    if (s->mod == 3)
        write_128(s, s->rm, v);
    else
        x86_st(s, IR_V128, v, linear, s->vex_l ? MO_128 : MO_64);
}

static const AVXInsn avx_insns[] = {
    { 0x20c, FEAT_AVX, W0 | NDS, VEC_PERMILPS, avx_binary }, { 0x20d, FEAT_AVX, W0 | NDS, VEC_PERMILPD, avx_binary },
    { 0x20e, FEAT_AVX, W0, VEC_TESTPS, avx_flags }, { 0x20f, FEAT_AVX, W0, VEC_TESTPD, avx_flags },
    { 0x213, FEAT_F16C, W0, VEC_CVTPH2PS, avx_cvtph2ps }, { 0x216, FEAT_AVX2, W0 | L1 | NDS, 0, avx_permd },
    { 0x236, FEAT_AVX2, W0 | L1 | NDS, 0, avx_permd },
    { 0x218, FEAT_AVX, W0, 0, avx_broadcast }, { 0x219, FEAT_AVX, W0 | L1, 0, avx_broadcast },
    { 0x21a, FEAT_AVX, W0 | L1 | MEM, 0, avx_broadcast_128 }, { 0x25a, FEAT_AVX2, W0 | L1 | MEM, 0, avx_broadcast_128 },
    { 0x258, FEAT_AVX2, W0, 0, avx_broadcast }, { 0x259, FEAT_AVX2, W0, 0, avx_broadcast },
    { 0x278, FEAT_AVX2, W0, 0, avx_broadcast }, { 0x279, FEAT_AVX2, W0, 0, avx_broadcast },
    { 0x22c, FEAT_AVX, W0 | NDS | MEM, 0, avx_maskmov }, { 0x22d, FEAT_AVX, W0 | NDS | MEM, 0, avx_maskmov },
    { 0x22e, FEAT_AVX, W0 | NDS | MEM, 0, avx_maskmov }, { 0x22f, FEAT_AVX, W0 | NDS | MEM, 0, avx_maskmov },
    { 0x28c, FEAT_AVX2, NDS | MEM, 0, avx_maskmov }, { 0x28e, FEAT_AVX2, NDS | MEM, 0, avx_maskmov },
    { 0x245, FEAT_AVX2, NDS, VEC_SRLV32, avx_binary }, { 0x246, FEAT_AVX2, W0 | NDS, VEC_SRAV32, avx_binary },
    { 0x247, FEAT_AVX2, NDS, VEC_SLLV32, avx_binary },
    { 0x290, FEAT_AVX2, NDS | MEM, 0, avx_gather }, { 0x291, FEAT_AVX2, NDS | MEM, 0, avx_gather },
    { 0x292, FEAT_AVX2, NDS | MEM, 0, avx_gather }, { 0x293, FEAT_AVX2, NDS | MEM, 0, avx_gather },
    { 0x300, FEAT_AVX2, L1, 0, avx_permq }, { 0x301, FEAT_AVX2, L1, 0, avx_permq }, /* W counts for Intel only */
    { 0x302, FEAT_AVX2, W0 | NDS, VEC_BLENDI32, avx_blendd },
    { 0x304, FEAT_AVX, W0, VEC_SHUF32, avx_permil_imm }, { 0x305, FEAT_AVX, W0, VEC_SHUFPD, avx_permil_imm },
    { 0x306, FEAT_AVX, W0 | L1 | NDS, 0, avx_perm2_128 }, { 0x346, FEAT_AVX2, W0 | L1 | NDS, 0, avx_perm2_128 },
    { 0x318, FEAT_AVX, W0 | L1 | NDS, 0, avx_insert_128 }, { 0x338, FEAT_AVX2, W0 | L1 | NDS, 0, avx_insert_128 },
    { 0x319, FEAT_AVX, W0 | L1, 0, avx_extract_128 }, { 0x339, FEAT_AVX2, W0 | L1, 0, avx_extract_128 },
    { 0x31d, FEAT_F16C, W0, VEC_CVTPS2PH, avx_cvtps2ph },
    { 0x34a, FEAT_AVX, W0 | NDS, VEC_BLENDV32, avx_blendv }, { 0x34b, FEAT_AVX, W0 | NDS, VEC_BLENDV64, avx_blendv },
    { 0x34c, FEAT_AVX, W0 | NDS | AVX2_L1, VEC_BLENDV8, avx_blendv },
};

static const AVXInsn *find_avx(uint16_t opcode)
{
    for (unsigned i = 0; i < ARRAY_SIZE(avx_insns); i++) {
        if (avx_insns[i].opcode == opcode)
            return &avx_insns[i];
    }
    return NULL;
}

static bool avx_encoding_valid(const DisasContext *s, unsigned flags)
{
    return !(flags & (s->vex_l ? L0 : L1)) && !(flags & (s->vex_w ? W0 : W1)) && !(flags & (s->mod == 3 ? MEM : REG)) &&
           (flags & NDS || s->vex_v == 0);
}

static bool is_fma(uint16_t opcode)
{
    return opcode >= 0x296 && opcode <= 0x2bf && (opcode & 15) >= 6;
}

/* VZEROUPPER and VZEROALL */
static void emit_zero(DisasContext *s)
{
    unsigned n = s->code64 ? 16 : 8;

    for (unsigned i = 0; i < n; i++) {
        if (s->vex_l)
            vzero(s, cpu_xmm[i]);
        vzero(s, cpu_ymm_high[i]);
    }
}

static bool emit_no_66(DisasContext *s)
{
    if (s->opcode == 0x177 && !s->vex_v) {
        if (sse_check_feature(s, FEAT_AVX) && state_enabled(s))
            emit_zero(s);
        return true;
    }
    if (s->opcode == 0x1ae && !s->vex_v && !s->vex_l && s->mod != 3 && (s->modrm >> 3 & 7) - 2u < 2) { /* VLDMXCSR, VSTMXCSR */
        if (sse_check_feature(s, FEAT_AVX) && state_enabled(s))
            x86_emit_fp_state(s);
        return true;
    }
    return false;
}

bool x86_emit_avx(DisasContext *s)
{
    unsigned pp = s->prefix & PREFIX_REPZ ? PP_F3 : s->prefix & PREFIX_REPNZ ? PP_F2 : s->prefix & PREFIX_DATA ? PP_66 : PP_NONE;
    const AVXInsn *in = pp == PP_66 ? find_avx(s->opcode) : NULL;
    const SSEInsn *row;

    if (pp == PP_NONE && emit_no_66(s))
        return true;
    if (pp == PP_66 && is_fma(s->opcode)) {
        if (sse_check_feature(s, FEAT_FMA) && state_enabled(s))
            emit_fma(s);
        return true;
    }
    if (in) {
        if (!avx_encoding_valid(s, in->flags))
            return false;
        if (sse_check_feature(s, s->vex_l && in->flags & AVX2_L1 ? FEAT_AVX2 : (SSEFeature)in->feature) && state_enabled(s))
            in->emit(s, in);
        return true;
    }
    row = sse_lookup(s->opcode, pp);
    return row && emit_sse_row(s, row, pp);
}
