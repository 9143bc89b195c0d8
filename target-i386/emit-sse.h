/* SPDX-License-Identifier: MIT */
/* The MMX/SSE decode table and the emitters its rows name. Private to emit-sse*.c and emit-mmx.c. */
#ifndef TARGET_I386_EMIT_SSE_H
#define TARGET_I386_EMIT_SSE_H

#include "translate.h"

typedef struct SSEInsn SSEInsn;
typedef void SSEEmit(DisasContext *s, const SSEInsn *in);

/* Mandatory prefix. */
enum { PP_NONE, PP_66, PP_F3, PP_F2, PP_COUNT };
/* What must hold before the instruction executes: checks of CR0, CR4 and pending x87 exceptions. */
enum { SSE_CLASS_XMM, SSE_CLASS_MMX, SSE_CLASS_BOTH, SSE_CLASS_NONE };
/* CPUID features, rows of sse_features[]. */
typedef enum SSEFeature {
    FEAT_MMX, FEAT_MMXEXT /* SSE's additions to MMX */, FEAT_SSE, FEAT_SSE2, FEAT_SSE3, FEAT_SSSE3, FEAT_SSE41,
    FEAT_SSE42, FEAT_AES, FEAT_PCLMUL, FEAT_SHA, FEAT_FXSR, FEAT_XSAVE, FEAT_XSAVEOPT, FEAT_XSAVEC, FEAT_XSAVES,
    FEAT_CLFLUSH, FEAT_CLFLUSHOPT, FEAT_CLWB, FEAT_AVX, FEAT_AVX2, FEAT_FMA, FEAT_F16C, FEAT_VAES,
    FEAT_VPCLMUL, FEAT_SSE4A, FEAT_COUNT,
} SSEFeature;

struct SSEInsn {
    uint16_t opcode;   /* as in DisasContext */
    uint8_t pp, cls, feature;
    uint8_t mem;       /* MemOp of a memory source */
    uint16_t row;      /* of vec.def, where the emitter wants one */
    SSEEmit *emit;
};

/* The row for an opcode and PP_*; NULL when there is none. */
const SSEInsn *sse_lookup(uint16_t opcode, unsigned pp);
void sse_index_init(void);

/*
 * Emitters. Operands in the manual's order: V is the xmm register of ModRM.reg, W the xmm register or memory
 * of ModRM.rm; P and Q are the same for MMX; G and E general registers; I an imm8.
 */
SSEEmit
    emit_V_VW,        /* V = row(V, W) */
    emit_V_W,         /* V = row(W) */
    emit_V_VWI, emit_V_WI,
    emit_V_VW_xmm0,   /* third operand XMM0 */
    emit_flags_VW,    /* EFLAGS = row(V, W) */
    emit_G_U,         /* G = row(register W) */
    emit_G_W,         /* G = row(W); row + 1 is the 64-bit form */
    emit_V_VE,        /* V = row(V, E); row + 1 is the 64-bit form */
    emit_V_VEI,       /* PINSRx */
    emit_E_VI,        /* PEXTRx, map 0F3A */
    emit_G_UI,        /* PEXTRW, map 0F */
    emit_insertps,
    emit_shift_imm,   /* groups 12-14 on xmm */
    emit_mov_load, emit_mov_store, emit_mov_scalar_load, emit_mov_scalar_store,
    emit_movlps_load, emit_movhps_load, emit_movlps_store, emit_movhps_store,
    emit_movq_load, emit_movq_store, emit_movd_load, emit_movd_store, emit_movnti,
    emit_maskmovdqu, emit_pcmpstr,
    emit_extrq_imm, emit_extrq, emit_insertq_imm, emit_insertq,
    emit_P_PQ,        /* P = row(P, Q), lanes alone */
    emit_P_Q, emit_P_QI, emit_P_PQ_low32, emit_P_pack, emit_P_unpckh, emit_P_pshufb, emit_P_palignr,
    emit_mmx_shift_imm, emit_G_N, emit_pinsrw_mmx, emit_pextrw_mmx, emit_movntq, emit_maskmovq,
    emit_movd_load_mmx, emit_movd_store_mmx, emit_movq_load_mmx, emit_movq_store_mmx, emit_movq2dq, emit_movdq2q,
    emit_cvtpi2ps, emit_cvtpi2pd, emit_cvtps2pi, emit_cvtpd2pi, emit_emms;

/* CPUID and CR0/CR4 checks; false after emitting the fault. */
bool sse_check_feature(DisasContext *s, SSEFeature feature);
bool sse_check_class(DisasContext *s, unsigned cls);
/* A vector operation that may raise #XM: through the exact helper under HF_FPEXACT. */
void sse_vop(DisasContext *s, unsigned row, IRVal dst, IRVal a, IRVal b, uint8_t imm);
/* Linear address DS:rDI of MASKMOVQ and MASKMOVDQU. */
IRVal sse_mask_move_address(DisasContext *s, unsigned bytes);
/* FXSAVE, XSAVE, MXCSR, fences, cache lines: 0F AE, and XSAVEC/XSAVES/XRSTORS of 0F C7. */
bool x86_emit_fp_state(DisasContext *s);

#endif
