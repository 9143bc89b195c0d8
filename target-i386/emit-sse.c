/* SPDX-License-Identifier: MIT */
/*
 * SSE to SSE4.2, AES, PCLMULQDQ and SHA on XMM registers: IR for each row of emit-sse-tables.c. Almost all are
 * one load and one vector operation whose host encoding is the same instruction. With HF_FPEXACT, operations
 * that touch MXCSR go through a helper that raises #XM. The 128-bit VEX forms are here too, but for the upper halves
 * (emit-avx.c): VEX.vvvv is then the first source.
 */
#include "emit-avx.h"
#include "emit-x87.h"
#include "helper.h"

IRVal cpu_xmm[16];

static const struct { uint8_t word, bit; } sse_features[FEAT_COUNT] = {
    [FEAT_MMX] = { FW_1_EDX, 23 }, [FEAT_MMXEXT] = { FW_1_EDX, 25 }, [FEAT_SSE] = { FW_1_EDX, 25 },
    [FEAT_SSE2] = { FW_1_EDX, 26 }, [FEAT_SSE3] = { FW_1_ECX, 0 }, [FEAT_SSSE3] = { FW_1_ECX, 9 },
    [FEAT_SSE41] = { FW_1_ECX, 19 }, [FEAT_SSE42] = { FW_1_ECX, 20 }, [FEAT_AES] = { FW_1_ECX, 25 },
    [FEAT_PCLMUL] = { FW_1_ECX, 1 }, [FEAT_SHA] = { FW_7_0_EBX, 29 }, [FEAT_FXSR] = { FW_1_EDX, 24 },
    [FEAT_XSAVE] = { FW_1_ECX, 26 }, [FEAT_XSAVEOPT] = { FW_D_1_EAX, 0 }, [FEAT_XSAVEC] = { FW_D_1_EAX, 1 },
    [FEAT_XSAVES] = { FW_D_1_EAX, 3 }, [FEAT_CLFLUSH] = { FW_1_EDX, 19 }, [FEAT_CLFLUSHOPT] = { FW_7_0_EBX, 23 },
    [FEAT_CLWB] = { FW_7_0_EBX, 24 }, [FEAT_AVX] = { FW_1_ECX, 28 }, [FEAT_AVX2] = { FW_7_0_EBX, 5 },
    [FEAT_FMA] = { FW_1_ECX, 12 }, [FEAT_F16C] = { FW_1_ECX, 29 }, [FEAT_VAES] = { FW_7_0_ECX, 9 },
    [FEAT_VPCLMUL] = { FW_7_0_ECX, 10 }, [FEAT_SSE4A] = { FW_8000_0001_ECX, 6 },
};

void x86_sse_init(void)
{
    static const char *const names[16] = {
        "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
        "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15",
    };
    for (unsigned i = 0; i < 16; i++)
        cpu_xmm[i] = ir_global(IR_V128, X86_OFFSET(xmm[i]), names[i], 0);
    sse_index_init();
    x86_avx_init();
}

bool sse_check_feature(DisasContext *s, SSEFeature feature)
{
    if (x86_feature(s->env, (FeatureWord)sse_features[feature].word, sse_features[feature].bit))
        return true;
    x86_gen_illegal(s);
    return false;
}

/* SDM vol. 3, 13.1 and table 22-2. */
bool sse_check_class(DisasContext *s, unsigned cls)
{
    if (cls == SSE_CLASS_NONE)
        return true;
    if (s->flags & HF_EM || (cls != SSE_CLASS_MMX && !(s->flags & HF_OSFXSR))) {
        x86_gen_illegal(s);
        return false;
    }
    if (s->flags & HF_TS) {
        x86_gen_exception(s, EXCP07_PREX);
        return false;
    }
    if (cls != SSE_CLASS_XMM)
        x86_x87_to_env(s);
    if (cls != SSE_CLASS_XMM && s->flags & HF_FPEXACT)
        ir_call(s->ir, &helper_info_fwait, IR_NONE, NULL, 0);
    return true;
}

bool x86_emit_sse(DisasContext *s)
{
    const SSEInsn *in;
    unsigned cls;

    if (s->vex)
        return x86_emit_avx(s);
    if (s->opcode == 0x1ae || s->opcode == 0x1c7)
        return x86_emit_fp_state(s);
    in = sse_lookup(s->opcode, s->prefix & PREFIX_REPZ ? PP_F3 : s->prefix & PREFIX_REPNZ ? PP_F2 :
                    s->prefix & PREFIX_DATA ? PP_66 : PP_NONE);
    if (!in)
        return false;
    /* CVTPI2PS and CVTPI2PD from memory do not touch the x87. */
    cls = in->cls == SSE_CLASS_BOTH && in->opcode == 0x12a && s->mod != 3 ? SSE_CLASS_XMM : in->cls;
    if (s->prefix & PREFIX_LOCK)
        x86_gen_illegal(s);
    else if (sse_check_feature(s, (SSEFeature)in->feature) && sse_check_class(s, cls))
        in->emit(s, in);
    return true;
}

/* ---- Operands ---- */

static bool memory_only(DisasContext *s)
{
    if (s->mod == 3)
        x86_gen_illegal(s);
    return s->mod != 3;
}

static bool register_only(DisasContext *s)
{
    if (s->mod != 3)
        x86_gen_illegal(s);
    return s->mod == 3;
}

static IRVal xmm_reg(DisasContext *s) { return cpu_xmm[s->reg]; }
/* The first source of instructions that SSE has in two-operand form. */
static IRVal xmm_src(DisasContext *s) { return cpu_xmm[s->vex ? s->vex_v : s->reg]; }

static uint8_t fetch_imm8(DisasContext *s)
{
    return (uint8_t)x86_fetch_imm(s, MO_8);
}

/* Where the operand is: outside flat segments its alignment is checked before its limit. */
static IRVal vector_linear(DisasContext *s, MemOp mem, bool write)
{
    if (mem & MO_ALIGN && x86_checks_segment(s, s->ea_seg, write))
        x86_check_alignment(s, s->ea, s->ea_seg, memop_bytes(mem));
    return x86_ea_linear(s, memop_bytes(mem), write);
}

/* Loads from the ModRM memory operand into the low lane of dst, rest zero. */
static void load_vector(DisasContext *s, IRVal dst, MemOp mem)
{
    IRVal linear = vector_linear(s, mem, false);

    if ((mem & MO_SIZE) >= MO_32) {
        x86_ld(s, IR_V128, dst, linear, mem);
    } else {
        IRVal t = ir_temp(s->ir, IR_I32);
        x86_ld(s, IR_I32, t, linear, mem);
        ir_v_from_int(s->ir, dst, t);
    }
}

static IRVal xmm_rm(DisasContext *s, const SSEInsn *in)
{
    IRVal t;

    if (s->mod == 3)
        return cpu_xmm[s->rm];
    t = ir_temp(s->ir, IR_V128);
    load_vector(s, t, (MemOp)in->mem);
    return t;
}

/* General register or memory as an integer of the given size. */
static IRVal int_rm(DisasContext *s, MemOp mem)
{
    IRVal t;

    if (s->mod == 3)
        return cpu_regs[s->rm];
    t = ir_temp(s->ir, mem == MO_64 ? IR_I64 : IR_I32);
    x86_ld(s, (IRType)ir_type(s->ir, t), t, x86_ea_linear(s, memop_bytes(mem), false), mem);
    return t;
}

static void store_vector(DisasContext *s, IRVal src, MemOp mem)
{
    x86_st(s, IR_V128, src, vector_linear(s, mem, true), mem);
}

/* ---- Vector operations ---- */

/* The row through scratch registers and a helper that raises #XM before anything is written. */
static void vop_exact(DisasContext *s, unsigned row, IRVal dst, IRVal a, IRVal b, uint8_t imm)
{
    IRFunc *f = s->ir;
    IRVal arg = ir_i32(f, row | (uint32_t)imm << 16);

    if (a != IR_NONE)
        ir_st(f, IR_ST, IR_V128, a, X86_OFFSET(scratch[0]));
    if (b != IR_NONE) {
        bool g32 = vec_info[row].shape == VS_VG && !(vec_info[row].flags & VFL_G64);
        ir_st(f, IR_ST, g32 ? IR_I32 : ir_type(f, b), b, X86_OFFSET(scratch[1]));
    }
    ir_call(f, &helper_info_sse_exact, IR_NONE, &arg, 1);
    ir_ld(f, IR_LD, ir_type(f, dst), dst, X86_OFFSET(scratch[3]));
}

void sse_vop(DisasContext *s, unsigned row, IRVal dst, IRVal a, IRVal b, uint8_t imm)
{
    if (vec_info[row].flags & VFL_FP && s->flags & HF_FPEXACT)
        vop_exact(s, row, dst, a, b, imm);
    else
        ir_vop(s->ir, row, dst, a, b, IR_NONE, imm);
}

void emit_V_VW(DisasContext *s, const SSEInsn *in)
{
    IRVal src = xmm_rm(s, in);
    sse_vop(s, in->row, xmm_reg(s), xmm_src(s), src, 0);
}

void emit_V_W(DisasContext *s, const SSEInsn *in)
{
    IRVal src = xmm_rm(s, in);
    sse_vop(s, in->row, xmm_reg(s), src, IR_NONE, 0);
}

void emit_V_VWI(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    IRVal src = xmm_rm(s, in);
    sse_vop(s, in->row, xmm_reg(s), xmm_src(s), src, in->opcode == 0x1c2 ? imm & (s->vex ? 31 : 7) : imm);
}

void emit_V_WI(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    IRVal src = xmm_rm(s, in);
    sse_vop(s, in->row, xmm_reg(s), src, IR_NONE, imm);
}

void emit_V_VW_xmm0(DisasContext *s, const SSEInsn *in)
{
    IRVal src = xmm_rm(s, in);
    ir_vop(s->ir, in->row, xmm_reg(s), xmm_reg(s), src, cpu_xmm[0], 0);
}

void emit_flags_VW(DisasContext *s, const SSEInsn *in)
{
    IRVal src = xmm_rm(s, in), t = ir_temp(s->ir, IR_I32);
    sse_vop(s, in->row, t, xmm_reg(s), src, 0);
    ir_mov(s->ir, cpu_cc_src, t);
    x86_set_cc_op(s, CC_OP_EFLAGS);
}

void emit_G_U(DisasContext *s, const SSEInsn *in)
{
    if (register_only(s))
        ir_vop(s->ir, in->row, cpu_regs[s->reg], cpu_xmm[s->rm], IR_NONE, IR_NONE, 0);
}

void emit_G_W(DisasContext *s, const SSEInsn *in)
{
    IRVal src = xmm_rm(s, in), t = ir_temp(s->ir, s->rex_w ? IR_I64 : IR_I32);
    sse_vop(s, in->row + !!s->rex_w, t, src, IR_NONE, 0);
    ir_mov(s->ir, cpu_regs[s->reg], t);
}

void emit_V_VE(DisasContext *s, const SSEInsn *in)
{
    IRVal src = int_rm(s, s->rex_w ? MO_64 : MO_32);
    sse_vop(s, in->row + !!s->rex_w, xmm_reg(s), xmm_src(s), src, 0);
}

void emit_V_VEI(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    bool wide = s->rex_w && in->row == VEC_INSERT32;
    IRVal src = int_rm(s, wide ? MO_64 : (MemOp)in->mem);
    ir_vop(s->ir, in->row + wide, xmm_reg(s), xmm_src(s), src, IR_NONE, imm);
}

void emit_E_VI(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    bool wide = s->rex_w && in->opcode == 0x316;
    MemOp mem = wide ? MO_64 : (MemOp)in->mem;

    if (s->mod == 3) {
        ir_vop(s->ir, in->row + wide, cpu_regs[s->rm], xmm_reg(s), IR_NONE, IR_NONE, imm);
    } else {
        IRVal t = ir_temp(s->ir, wide ? IR_I64 : IR_I32);
        ir_vop(s->ir, in->row + wide, t, xmm_reg(s), IR_NONE, IR_NONE, imm);
        x86_st(s, (IRType)ir_type(s->ir, t), t, x86_ea_linear(s, memop_bytes(mem), true), mem);
    }
}

void emit_G_UI(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    if (register_only(s))
        ir_vop(s->ir, in->row, cpu_regs[s->reg], cpu_xmm[s->rm], IR_NONE, IR_NONE, imm);
}

void emit_insertps(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    IRVal src = xmm_rm(s, in);
    ir_vop(s->ir, in->row, xmm_reg(s), xmm_src(s), src, IR_NONE, s->mod == 3 ? imm : imm & 0x3f);
}

/* Groups 12, 13, 14: row by opcode and ModRM digit; 0 where there is none. */
static const uint16_t shift_rows[3][8] = {
    { [2] = VEC_SRLI16, [4] = VEC_SRAI16, [6] = VEC_SLLI16 },
    { [2] = VEC_SRLI32, [4] = VEC_SRAI32, [6] = VEC_SLLI32 },
    { [2] = VEC_SRLI64, [3] = VEC_SRLBYTES, [6] = VEC_SLLI64, [7] = VEC_SLLBYTES },
};

unsigned sse_shift_row(uint16_t opcode, unsigned digit)
{
    return shift_rows[opcode - 0x171][digit];
}

void emit_shift_imm(DisasContext *s, const SSEInsn *in)
{
    uint8_t imm = fetch_imm8(s);
    unsigned row = shift_rows[in->opcode - 0x171][s->reg & 7];
    if (!row)
        x86_gen_illegal(s);
    else if (register_only(s))
        ir_vop(s->ir, row, cpu_xmm[s->vex ? s->vex_v : s->rm], cpu_xmm[s->rm], IR_NONE, IR_NONE, imm);
}

/* ---- Moves ---- */

void emit_mov_load(DisasContext *s, const SSEInsn *in)
{
    if (s->mod != 3)
        load_vector(s, xmm_reg(s), (MemOp)in->mem);
    else if (in->opcode == 0x22a || in->opcode == 0x1f0) /* MOVNTDQA, LDDQU */
        x86_gen_illegal(s);
    else
        ir_op1(s->ir, IR_VMOV, IR_V128, xmm_reg(s), cpu_xmm[s->rm]);
}

void emit_mov_store(DisasContext *s, const SSEInsn *in)
{
    if (s->mod != 3)
        store_vector(s, xmm_reg(s), (MemOp)in->mem);
    else if (in->opcode == 0x12b || in->opcode == 0x1e7) /* MOVNTPS, MOVNTDQ */
        x86_gen_illegal(s);
    else
        ir_op1(s->ir, IR_VMOV, IR_V128, cpu_xmm[s->rm], xmm_reg(s));
}

void emit_mov_scalar_load(DisasContext *s, const SSEInsn *in)
{
    if (s->mod == 3)
        ir_vop(s->ir, in->row, xmm_reg(s), xmm_src(s), cpu_xmm[s->rm], IR_NONE, 0);
    else
        load_vector(s, xmm_reg(s), (MemOp)in->mem);
}

void emit_mov_scalar_store(DisasContext *s, const SSEInsn *in)
{
    if (s->mod == 3)
        ir_vop(s->ir, in->row, cpu_xmm[s->rm], cpu_xmm[s->vex ? s->vex_v : s->rm], xmm_reg(s), IR_NONE, 0);
    else
        store_vector(s, xmm_reg(s), (MemOp)in->mem);
}

/* MOVLPS, MOVLPD; register form (if the row names it) MOVHLPS. */
void emit_movlps_load(DisasContext *s, const SSEInsn *in)
{
    if (s->mod == 3 && in->row)
        ir_vop(s->ir, in->row, xmm_reg(s), xmm_src(s), cpu_xmm[s->rm], IR_NONE, 0);
    else if (memory_only(s))
        ir_vop(s->ir, VEC_MOVSD, xmm_reg(s), xmm_src(s), xmm_rm(s, in), IR_NONE, 0);
}

void emit_movhps_load(DisasContext *s, const SSEInsn *in)
{
    if (s->mod == 3 ? in->row : memory_only(s))
        ir_vop(s->ir, VEC_MOVLHPS, xmm_reg(s), xmm_src(s), xmm_rm(s, in), IR_NONE, 0);
    else if (s->mod == 3)
        x86_gen_illegal(s);
}

void emit_movlps_store(DisasContext *s, const SSEInsn *in)
{
    if (memory_only(s))
        store_vector(s, xmm_reg(s), (MemOp)in->mem);
}

void emit_movhps_store(DisasContext *s, const SSEInsn *in)
{
    if (memory_only(s)) {
        IRVal t = ir_temp(s->ir, IR_V128);
        ir_vop(s->ir, VEC_UNPCKHPD, t, xmm_reg(s), xmm_reg(s), IR_NONE, 0);
        store_vector(s, t, (MemOp)in->mem);
    }
}

void emit_movq_load(DisasContext *s, const SSEInsn *in)
{
    if (s->mod == 3)
        ir_vop(s->ir, VEC_MOVQ, xmm_reg(s), cpu_xmm[s->rm], IR_NONE, IR_NONE, 0);
    else
        load_vector(s, xmm_reg(s), (MemOp)in->mem);
}

void emit_movq_store(DisasContext *s, const SSEInsn *in)
{
    if (s->mod == 3)
        ir_vop(s->ir, VEC_MOVQ, cpu_xmm[s->rm], xmm_reg(s), IR_NONE, IR_NONE, 0);
    else
        store_vector(s, xmm_reg(s), (MemOp)in->mem);
}

/* MOVD and MOVQ between XMM and general registers or memory. */
void emit_movd_load(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (s->mod != 3) {
        load_vector(s, xmm_reg(s), s->rex_w ? MO_64 : MO_32);
    } else if (s->rex_w) {
        ir_v_from_int(s->ir, xmm_reg(s), cpu_regs[s->rm]);
    } else {
        IRVal t = ir_temp(s->ir, IR_I32);
        ir_op1(s->ir, IR_TRUNC, IR_I32, t, cpu_regs[s->rm]);
        ir_v_from_int(s->ir, xmm_reg(s), t);
    }
}

void emit_movd_store(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (s->mod != 3) {
        store_vector(s, xmm_reg(s), s->rex_w ? MO_64 : MO_32);
    } else if (s->rex_w) {
        ir_v_to_int(s->ir, cpu_regs[s->rm], xmm_reg(s));
    } else {
        IRVal t = ir_temp(s->ir, IR_I32);
        ir_v_to_int(s->ir, t, xmm_reg(s));
        ir_mov(s->ir, cpu_regs[s->rm], t);
    }
}

void emit_movnti(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (memory_only(s)) {
        MemOp mem = s->rex_w ? MO_64 : MO_32;
        x86_st(s, s->rex_w ? IR_I64 : IR_I32, cpu_regs[s->reg], x86_ea_linear(s, memop_bytes(mem), true), mem);
    }
}

/* DS:rDI of the mask moves, as a linear address. Sixteen bytes are written in two pieces. */
IRVal sse_mask_move_address(DisasContext *s, unsigned bytes)
{
    IRVal offset = cpu_regs[R_EDI];
    int seg = s->segment >= 0 ? s->segment : R_DS;

    if (s->at != MO_64) {
        offset = ir_temp(s->ir, IR_I64);
        ir_extract(s->ir, IR_EXTRACT, IR_I64, offset, cpu_regs[R_EDI], 0, s->at == MO_16 ? 16 : 32);
    }
    if (bytes == 16 && x86_checks_segment(s, seg, true))
        x86_probe_piece(s, offset, seg, true);
    return x86_linear(s, offset, seg, bytes, true);
}

void emit_maskmovdqu(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (register_only(s)) {
        ir_st(s->ir, IR_ST, IR_V128, xmm_reg(s), X86_OFFSET(scratch[0]));
        ir_st(s->ir, IR_ST, IR_V128, cpu_xmm[s->rm], X86_OFFSET(scratch[1]));
        IRVal args[] = { sse_mask_move_address(s, 16), ir_i32(s->ir, 16) };
        ir_call(s->ir, &helper_info_maskmov, IR_NONE, args, 2);
    }
}

/* ---- SSE4A: bit fields of the low quadword (AMD APM vol. 4); the upper one becomes zero ---- */

static IRVal low_quad(DisasContext *s, unsigned n)
{
    IRVal t = ir_temp(s->ir, IR_I64);
    ir_v_to_int(s->ir, t, cpu_xmm[n]);
    return t;
}

/* control: length in bits 0-5, position in bits 8-13 */
static void write_field(DisasContext *s, const HelperInfo *h, unsigned dst, IRVal a, IRVal b, IRVal control)
{
    IRVal args[3] = { a, b, control }, t = ir_temp(s->ir, IR_I64);
    ir_call(s->ir, h, t, args, 3);
    ir_v_from_int(s->ir, cpu_xmm[dst], t);
}

static IRVal control_imm(DisasContext *s)
{
    unsigned length = fetch_imm8(s), position = fetch_imm8(s);
    return ir_i64(s->ir, length | position << 8);
}

void emit_extrq_imm(DisasContext *s, const SSEInsn *in)
{
    IRVal control = control_imm(s), a;
    (void)in;
    if (s->reg & 7) {
        x86_gen_illegal(s);
    } else if (register_only(s)) {
        a = low_quad(s, s->rm);
        write_field(s, &helper_info_extrq, s->rm, a, a, control);
    }
}

void emit_extrq(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (register_only(s)) {
        IRVal a = low_quad(s, s->reg);
        write_field(s, &helper_info_extrq, s->reg, a, a, low_quad(s, s->rm));
    }
}

void emit_insertq_imm(DisasContext *s, const SSEInsn *in)
{
    IRVal control = control_imm(s);
    (void)in;
    if (register_only(s))
        write_field(s, &helper_info_insertq, s->reg, low_quad(s, s->reg), low_quad(s, s->rm), control);
}

void emit_insertq(DisasContext *s, const SSEInsn *in)
{
    (void)in;
    if (register_only(s)) {
        IRVal control = ir_temp(s->ir, IR_I64);
        ir_vop(s->ir, VEC_EXTRACT64, control, cpu_xmm[s->rm], IR_NONE, IR_NONE, 1);
        write_field(s, &helper_info_insertq, s->reg, low_quad(s, s->reg), low_quad(s, s->rm), control);
    }
}

/* PCMPESTRM 60, PCMPESTRI 61, PCMPISTRM 62, PCMPISTRI 63. The helper returns flags and, above, the index. */
void emit_pcmpstr(DisasContext *s, const SSEInsn *in)
{
    IRFunc *f = s->ir;
    uint8_t imm = fetch_imm8(s);
    bool implicit = in->opcode & 2, index = in->opcode & 1;
    IRVal src = xmm_rm(s, in), result = ir_temp(f, IR_I64);
    uint32_t how = imm | (uint32_t)implicit << 8 | (uint32_t)index << 9 | (uint32_t)!!s->rex_w << 10;
    IRVal args[] = { ir_i32(f, how), cpu_regs[R_EAX], cpu_regs[R_EDX] };

    ir_st(f, IR_ST, IR_V128, xmm_reg(s), X86_OFFSET(scratch[0]));
    ir_st(f, IR_ST, IR_V128, src, X86_OFFSET(scratch[1]));
    ir_call(f, &helper_info_pcmpstr, result, args, 3);
    if (index)
        ir_extract(f, IR_EXTRACT, IR_I64, cpu_regs[R_ECX], result, 32, 32);
    else
        ir_ld(f, IR_LD, IR_V128, cpu_xmm[0], X86_OFFSET(scratch[2]));
    ir_extract(f, IR_EXTRACT, IR_I64, cpu_cc_src, result, 0, 32);
    x86_set_cc_op(s, CC_OP_EFLAGS);
}
