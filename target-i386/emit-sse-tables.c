/* SPDX-License-Identifier: MIT */
/*
 * The MMX and SSE opcode map (Intel SDM vol. 2, appendix A) as one row per opcode and mandatory prefix:
 * which emitter, which vector row, what it needs. Emitters are in emit-sse.c and emit-mmx.c.
 */
#include "emit-sse.h"

#define A128 (MO_128 | MO_ALIGN)
/* X: an xmm instruction of map 0F; X38, X3A of the other maps. P: a 64-bit MMX instruction. */
#define X(op, pp, feat, mem, emit, row) { 0x100 | (op), PP_##pp, SSE_CLASS_XMM, FEAT_##feat, mem, VEC_##row, emit_##emit }
#define X38(op, pp, feat, mem, emit, row) { 0x200 | (op), PP_##pp, SSE_CLASS_XMM, FEAT_##feat, mem, VEC_##row, emit_##emit }
#define X3A(op, pp, feat, mem, emit, row) { 0x300 | (op), PP_##pp, SSE_CLASS_XMM, FEAT_##feat, mem, VEC_##row, emit_##emit }
#define P(op, feat, emit, row) { 0x100 | (op), PP_NONE, SSE_CLASS_MMX, FEAT_##feat, MO_64, VEC_##row, emit_##emit }
#define P38(op, feat, emit, row) { 0x200 | (op), PP_NONE, SSE_CLASS_MMX, FEAT_##feat, MO_64, VEC_##row, emit_##emit }
#define MIXED(op, pp, feat, mem, emit, row) { 0x100 | (op), PP_##pp, SSE_CLASS_BOTH, FEAT_##feat, mem, VEC_##row, emit_##emit }
/* Rows that need no vector row. */
#define VEC_NO_ROW 0
/* The same operation on MMX (no prefix) and XMM (66) registers, two-operand. */
#define PX(op, pfeat, xfeat, row) P(op, pfeat, P_PQ, row), X(op, 66, xfeat, A128, V_VW, row)
#define PX38(op, emit, row) P38(op, SSSE3, emit, row), X38(op, 66, SSSE3, A128, V_VW, row)
/* The four widths of a floating-point operation. */
#define FP4(op, row)                                                                \
    X(op, NONE, SSE, A128, V_VW, row##PS), X(op, 66, SSE2, A128, V_VW, row##PD),    \
    X(op, F3, SSE, MO_32, V_VW, row##SS), X(op, F2, SSE2, MO_64, V_VW, row##SD)

static const SSEInsn sse_insns[] = {
    /* 0F 10-17: moves */
    X(0x10, NONE, SSE, MO_128, mov_load, NO_ROW), X(0x10, 66, SSE2, MO_128, mov_load, NO_ROW),
    X(0x10, F3, SSE, MO_32, mov_scalar_load, MOVSS), X(0x10, F2, SSE2, MO_64, mov_scalar_load, MOVSD),
    X(0x11, NONE, SSE, MO_128, mov_store, NO_ROW), X(0x11, 66, SSE2, MO_128, mov_store, NO_ROW),
    X(0x11, F3, SSE, MO_32, mov_scalar_store, MOVSS), X(0x11, F2, SSE2, MO_64, mov_scalar_store, MOVSD),
    X(0x12, NONE, SSE, MO_64, movlps_load, MOVHLPS), X(0x12, 66, SSE2, MO_64, movlps_load, NO_ROW),
    X(0x12, F3, SSE3, A128, V_W, MOVSLDUP), X(0x12, F2, SSE3, MO_64, V_W, MOVDDUP),
    X(0x13, NONE, SSE, MO_64, movlps_store, NO_ROW), X(0x13, 66, SSE2, MO_64, movlps_store, NO_ROW),
    X(0x14, NONE, SSE, A128, V_VW, UNPCKLPS), X(0x14, 66, SSE2, A128, V_VW, UNPCKLPD),
    X(0x15, NONE, SSE, A128, V_VW, UNPCKHPS), X(0x15, 66, SSE2, A128, V_VW, UNPCKHPD),
    X(0x16, NONE, SSE, MO_64, movhps_load, MOVLHPS), X(0x16, 66, SSE2, MO_64, movhps_load, NO_ROW),
    X(0x16, F3, SSE3, A128, V_W, MOVSHDUP),
    X(0x17, NONE, SSE, MO_64, movhps_store, NO_ROW), X(0x17, 66, SSE2, MO_64, movhps_store, NO_ROW),
    /* 0F 28-2F: moves, conversions with integers, compares */
    X(0x28, NONE, SSE, A128, mov_load, NO_ROW), X(0x28, 66, SSE2, A128, mov_load, NO_ROW),
    X(0x29, NONE, SSE, A128, mov_store, NO_ROW), X(0x29, 66, SSE2, A128, mov_store, NO_ROW),
    MIXED(0x2a, NONE, SSE, MO_64, cvtpi2ps, CVTDQ2PS), MIXED(0x2a, 66, SSE2, MO_64, cvtpi2pd, CVTDQ2PD),
    X(0x2a, F3, SSE, MO_32, V_VE, CVTSI2SS), X(0x2a, F2, SSE2, MO_32, V_VE, CVTSI2SD),
    X(0x2b, F3, SSE4A, MO_32, mov_store, NO_ROW), X(0x2b, F2, SSE4A, MO_64, mov_store, NO_ROW),
    X(0x2b, NONE, SSE, A128, mov_store, NO_ROW), X(0x2b, 66, SSE2, A128, mov_store, NO_ROW),
    MIXED(0x2c, NONE, SSE, MO_64, cvtps2pi, CVTTPS2DQ), MIXED(0x2c, 66, SSE2, A128, cvtpd2pi, CVTTPD2DQ),
    X(0x2c, F3, SSE, MO_32, G_W, CVTTSS2SI), X(0x2c, F2, SSE2, MO_64, G_W, CVTTSD2SI),
    MIXED(0x2d, NONE, SSE, MO_64, cvtps2pi, CVTPS2DQ), MIXED(0x2d, 66, SSE2, A128, cvtpd2pi, CVTPD2DQ),
    X(0x2d, F3, SSE, MO_32, G_W, CVTSS2SI), X(0x2d, F2, SSE2, MO_64, G_W, CVTSD2SI),
    X(0x2e, NONE, SSE, MO_32, flags_VW, UCOMISS), X(0x2e, 66, SSE2, MO_64, flags_VW, UCOMISD),
    X(0x2f, NONE, SSE, MO_32, flags_VW, COMISS), X(0x2f, 66, SSE2, MO_64, flags_VW, COMISD),
    /* 0F 50-5F: floating point */
    X(0x50, NONE, SSE, A128, G_U, MOVMSK32), X(0x50, 66, SSE2, A128, G_U, MOVMSK64),
    X(0x51, NONE, SSE, A128, V_W, SQRTPS), X(0x51, 66, SSE2, A128, V_W, SQRTPD),
    X(0x51, F3, SSE, MO_32, V_VW, SQRTSS), X(0x51, F2, SSE2, MO_64, V_VW, SQRTSD),
    X(0x52, NONE, SSE, A128, V_W, RSQRTPS), X(0x52, F3, SSE, MO_32, V_VW, RSQRTSS),
    X(0x53, NONE, SSE, A128, V_W, RCPPS), X(0x53, F3, SSE, MO_32, V_VW, RCPSS),
    X(0x54, NONE, SSE, A128, V_VW, ANDPS), X(0x54, 66, SSE2, A128, V_VW, ANDPS),
    X(0x55, NONE, SSE, A128, V_VW, ANDNPS), X(0x55, 66, SSE2, A128, V_VW, ANDNPS),
    X(0x56, NONE, SSE, A128, V_VW, ORPS), X(0x56, 66, SSE2, A128, V_VW, ORPS),
    X(0x57, NONE, SSE, A128, V_VW, XORPS), X(0x57, 66, SSE2, A128, V_VW, XORPS),
    FP4(0x58, ADD), FP4(0x59, MUL), FP4(0x5c, SUB), FP4(0x5d, MIN), FP4(0x5e, DIV), FP4(0x5f, MAX),
    X(0x5a, NONE, SSE2, MO_64, V_W, CVTPS2PD), X(0x5a, 66, SSE2, A128, V_W, CVTPD2PS),
    X(0x5a, F3, SSE2, MO_32, V_VW, CVTSS2SD), X(0x5a, F2, SSE2, MO_64, V_VW, CVTSD2SS),
    X(0x5b, NONE, SSE2, A128, V_W, CVTDQ2PS), X(0x5b, 66, SSE2, A128, V_W, CVTPS2DQ),
    X(0x5b, F3, SSE2, A128, V_W, CVTTPS2DQ),
    /* 0F 60-6F */
    P(0x60, MMX, P_PQ_low32, UNPCKL8), X(0x60, 66, SSE2, A128, V_VW, UNPCKL8),
    P(0x61, MMX, P_PQ_low32, UNPCKL16), X(0x61, 66, SSE2, A128, V_VW, UNPCKL16),
    P(0x62, MMX, P_PQ_low32, UNPCKL32), X(0x62, 66, SSE2, A128, V_VW, UNPCKL32),
    P(0x63, MMX, P_pack, PACKSS16), X(0x63, 66, SSE2, A128, V_VW, PACKSS16),
    PX(0x64, MMX, SSE2, CMPGT8S), PX(0x65, MMX, SSE2, CMPGT16S), PX(0x66, MMX, SSE2, CMPGT32S),
    P(0x67, MMX, P_pack, PACKUS16), X(0x67, 66, SSE2, A128, V_VW, PACKUS16),
    P(0x68, MMX, P_unpckh, UNPCKL8), X(0x68, 66, SSE2, A128, V_VW, UNPCKH8),
    P(0x69, MMX, P_unpckh, UNPCKL16), X(0x69, 66, SSE2, A128, V_VW, UNPCKH16),
    P(0x6a, MMX, P_unpckh, UNPCKL32), X(0x6a, 66, SSE2, A128, V_VW, UNPCKH32),
    P(0x6b, MMX, P_pack, PACKSS32), X(0x6b, 66, SSE2, A128, V_VW, PACKSS32),
    X(0x6c, 66, SSE2, A128, V_VW, UNPCKL64), X(0x6d, 66, SSE2, A128, V_VW, UNPCKH64),
    P(0x6e, MMX, movd_load_mmx, NO_ROW), X(0x6e, 66, SSE2, MO_32, movd_load, NO_ROW),
    P(0x6f, MMX, movq_load_mmx, NO_ROW), X(0x6f, 66, SSE2, A128, mov_load, NO_ROW),
    X(0x6f, F3, SSE2, MO_128, mov_load, NO_ROW),
    /* 0F 70-7F */
    P(0x70, MMXEXT, P_QI, SHUFLO16), X(0x70, 66, SSE2, A128, V_WI, SHUF32),
    X(0x70, F3, SSE2, A128, V_WI, SHUFHI16), X(0x70, F2, SSE2, A128, V_WI, SHUFLO16),
    P(0x71, MMX, mmx_shift_imm, NO_ROW), X(0x71, 66, SSE2, A128, shift_imm, NO_ROW),
    P(0x72, MMX, mmx_shift_imm, NO_ROW), X(0x72, 66, SSE2, A128, shift_imm, NO_ROW),
    P(0x73, MMX, mmx_shift_imm, NO_ROW), X(0x73, 66, SSE2, A128, shift_imm, NO_ROW),
    PX(0x74, MMX, SSE2, CMPEQ8), PX(0x75, MMX, SSE2, CMPEQ16), PX(0x76, MMX, SSE2, CMPEQ32),
    P(0x77, MMX, emms, NO_ROW),
    X(0x78, 66, SSE4A, MO_64, extrq_imm, NO_ROW), X(0x78, F2, SSE4A, MO_64, insertq_imm, NO_ROW),
    X(0x79, 66, SSE4A, MO_64, extrq, NO_ROW), X(0x79, F2, SSE4A, MO_64, insertq, NO_ROW),
    X(0x7c, 66, SSE3, A128, V_VW, HADDPD), X(0x7c, F2, SSE3, A128, V_VW, HADDPS),
    X(0x7d, 66, SSE3, A128, V_VW, HSUBPD), X(0x7d, F2, SSE3, A128, V_VW, HSUBPS),
    P(0x7e, MMX, movd_store_mmx, NO_ROW), X(0x7e, 66, SSE2, MO_32, movd_store, NO_ROW),
    X(0x7e, F3, SSE2, MO_64, movq_load, MOVQ),
    P(0x7f, MMX, movq_store_mmx, NO_ROW), X(0x7f, 66, SSE2, A128, mov_store, NO_ROW),
    X(0x7f, F3, SSE2, MO_128, mov_store, NO_ROW),
    /* 0F C2-C6 */
    X(0xc2, NONE, SSE, A128, V_VWI, CMPPS), X(0xc2, 66, SSE2, A128, V_VWI, CMPPD),
    X(0xc2, F3, SSE, MO_32, V_VWI, CMPSS), X(0xc2, F2, SSE2, MO_64, V_VWI, CMPSD),
    { 0x1c3, PP_NONE, SSE_CLASS_NONE, FEAT_SSE2, MO_32, 0, emit_movnti },
    P(0xc4, MMXEXT, pinsrw_mmx, INSERT16), X(0xc4, 66, SSE2, MO_16, V_VEI, INSERT16),
    P(0xc5, MMXEXT, pextrw_mmx, EXTRACT16), X(0xc5, 66, SSE2, A128, G_UI, EXTRACT16),
    X(0xc6, NONE, SSE, A128, V_VWI, SHUFPS), X(0xc6, 66, SSE2, A128, V_VWI, SHUFPD),
    /* 0F D0-FE: integer */
    X(0xd0, 66, SSE3, A128, V_VW, ADDSUBPD), X(0xd0, F2, SSE3, A128, V_VW, ADDSUBPS),
    PX(0xd1, MMX, SSE2, SRL16), PX(0xd2, MMX, SSE2, SRL32), PX(0xd3, MMX, SSE2, SRL64), PX(0xd4, SSE2, SSE2, ADD64),
    PX(0xd5, MMX, SSE2, MULLO16), X(0xd6, 66, SSE2, MO_64, movq_store, MOVQ),
    MIXED(0xd6, F3, SSE2, MO_64, movq2dq, NO_ROW), MIXED(0xd6, F2, SSE2, MO_64, movdq2q, NO_ROW),
    P(0xd7, MMXEXT, G_N, MOVMSK8), X(0xd7, 66, SSE2, A128, G_U, MOVMSK8),
    PX(0xd8, MMX, SSE2, SUBSAT8U), PX(0xd9, MMX, SSE2, SUBSAT16U), PX(0xda, MMXEXT, SSE2, MIN8U), PX(0xdb, MMX, SSE2, AND),
    PX(0xdc, MMX, SSE2, ADDSAT8U), PX(0xdd, MMX, SSE2, ADDSAT16U), PX(0xde, MMXEXT, SSE2, MAX8U), PX(0xdf, MMX, SSE2, ANDN),
    PX(0xe0, MMXEXT, SSE2, AVG8U), PX(0xe1, MMX, SSE2, SRA16), PX(0xe2, MMX, SSE2, SRA32), PX(0xe3, MMXEXT, SSE2, AVG16U),
    PX(0xe4, MMXEXT, SSE2, MULHI16U), PX(0xe5, MMX, SSE2, MULHI16S),
    X(0xe6, F3, SSE2, MO_64, V_W, CVTDQ2PD), X(0xe6, F2, SSE2, A128, V_W, CVTPD2DQ), X(0xe6, 66, SSE2, A128, V_W, CVTTPD2DQ),
    P(0xe7, MMXEXT, movntq, NO_ROW), X(0xe7, 66, SSE2, A128, mov_store, NO_ROW),
    PX(0xe8, MMX, SSE2, SUBSAT8S), PX(0xe9, MMX, SSE2, SUBSAT16S), PX(0xea, MMXEXT, SSE2, MIN16S), PX(0xeb, MMX, SSE2, OR),
    PX(0xec, MMX, SSE2, ADDSAT8S), PX(0xed, MMX, SSE2, ADDSAT16S), PX(0xee, MMXEXT, SSE2, MAX16S), PX(0xef, MMX, SSE2, XOR),
    X(0xf0, F2, SSE3, MO_128, mov_load, NO_ROW),
    PX(0xf1, MMX, SSE2, SLL16), PX(0xf2, MMX, SSE2, SLL32), PX(0xf3, MMX, SSE2, SLL64), PX(0xf4, SSE2, SSE2, MULEVEN32U),
    PX(0xf5, MMX, SSE2, PMADDWD), PX(0xf6, MMXEXT, SSE2, PSADBW),
    P(0xf7, MMXEXT, maskmovq, NO_ROW), X(0xf7, 66, SSE2, A128, maskmovdqu, NO_ROW),
    PX(0xf8, MMX, SSE2, SUB8), PX(0xf9, MMX, SSE2, SUB16), PX(0xfa, MMX, SSE2, SUB32), PX(0xfb, SSE2, SSE2, SUB64),
    PX(0xfc, MMX, SSE2, ADD8), PX(0xfd, MMX, SSE2, ADD16), PX(0xfe, MMX, SSE2, ADD32),

    /* 0F 38 */
    PX38(0x00, P_pshufb, PSHUFB), PX38(0x01, P_pack, PHADDW), PX38(0x02, P_pack, PHADDD), PX38(0x03, P_pack, PHADDSW),
    PX38(0x04, P_PQ, PMADDUBSW), PX38(0x05, P_pack, PHSUBW), PX38(0x06, P_pack, PHSUBD), PX38(0x07, P_pack, PHSUBSW),
    PX38(0x08, P_PQ, SIGN8), PX38(0x09, P_PQ, SIGN16), PX38(0x0a, P_PQ, SIGN32), PX38(0x0b, P_PQ, MULHRS16),
    X38(0x10, 66, SSE41, A128, V_VW_xmm0, BLENDV8), X38(0x14, 66, SSE41, A128, V_VW_xmm0, BLENDV32),
    X38(0x15, 66, SSE41, A128, V_VW_xmm0, BLENDV64), X38(0x17, 66, SSE41, A128, flags_VW, PTEST),
    P38(0x1c, SSSE3, P_Q, ABS8), X38(0x1c, 66, SSSE3, A128, V_W, ABS8),
    P38(0x1d, SSSE3, P_Q, ABS16), X38(0x1d, 66, SSSE3, A128, V_W, ABS16),
    P38(0x1e, SSSE3, P_Q, ABS32), X38(0x1e, 66, SSSE3, A128, V_W, ABS32),
    X38(0x20, 66, SSE41, MO_64, V_W, SEXT8TO16), X38(0x21, 66, SSE41, MO_32, V_W, SEXT8TO32),
    X38(0x22, 66, SSE41, MO_16, V_W, SEXT8TO64), X38(0x23, 66, SSE41, MO_64, V_W, SEXT16TO32),
    X38(0x24, 66, SSE41, MO_32, V_W, SEXT16TO64), X38(0x25, 66, SSE41, MO_64, V_W, SEXT32TO64),
    X38(0x28, 66, SSE41, A128, V_VW, MULEVEN32S), X38(0x29, 66, SSE41, A128, V_VW, CMPEQ64),
    X38(0x2a, 66, SSE41, A128, mov_load, NO_ROW), X38(0x2b, 66, SSE41, A128, V_VW, PACKUS32),
    X38(0x30, 66, SSE41, MO_64, V_W, ZEXT8TO16), X38(0x31, 66, SSE41, MO_32, V_W, ZEXT8TO32),
    X38(0x32, 66, SSE41, MO_16, V_W, ZEXT8TO64), X38(0x33, 66, SSE41, MO_64, V_W, ZEXT16TO32),
    X38(0x34, 66, SSE41, MO_32, V_W, ZEXT16TO64), X38(0x35, 66, SSE41, MO_64, V_W, ZEXT32TO64),
    X38(0x37, 66, SSE42, A128, V_VW, CMPGT64S),
    X38(0x38, 66, SSE41, A128, V_VW, MIN8S), X38(0x39, 66, SSE41, A128, V_VW, MIN32S), X38(0x3a, 66, SSE41, A128, V_VW, MIN16U),
    X38(0x3b, 66, SSE41, A128, V_VW, MIN32U), X38(0x3c, 66, SSE41, A128, V_VW, MAX8S), X38(0x3d, 66, SSE41, A128, V_VW, MAX32S),
    X38(0x3e, 66, SSE41, A128, V_VW, MAX16U), X38(0x3f, 66, SSE41, A128, V_VW, MAX32U),
    X38(0x40, 66, SSE41, A128, V_VW, MULLO32), X38(0x41, 66, SSE41, A128, V_W, PHMINPOSUW),
    /* SHA does not ask for alignment on AMD processors */
    X38(0xc8, NONE, SHA, MO_128, V_VW, SHA1NEXTE), X38(0xc9, NONE, SHA, MO_128, V_VW, SHA1MSG1),
    X38(0xca, NONE, SHA, MO_128, V_VW, SHA1MSG2), X38(0xcb, NONE, SHA, MO_128, V_VW_xmm0, SHA256RNDS2),
    X38(0xcc, NONE, SHA, MO_128, V_VW, SHA256MSG1), X38(0xcd, NONE, SHA, MO_128, V_VW, SHA256MSG2),
    X38(0xdb, 66, AES, A128, V_W, AESIMC), X38(0xdc, 66, AES, A128, V_VW, AESENC), X38(0xdd, 66, AES, A128, V_VW, AESENCLAST),
    X38(0xde, 66, AES, A128, V_VW, AESDEC), X38(0xdf, 66, AES, A128, V_VW, AESDECLAST),

    /* 0F 3A */
    X3A(0x08, 66, SSE41, A128, V_WI, ROUNDPS), X3A(0x09, 66, SSE41, A128, V_WI, ROUNDPD),
    X3A(0x0a, 66, SSE41, MO_32, V_VWI, ROUNDSS), X3A(0x0b, 66, SSE41, MO_64, V_VWI, ROUNDSD),
    X3A(0x0c, 66, SSE41, A128, V_VWI, BLENDI32), X3A(0x0d, 66, SSE41, A128, V_VWI, BLENDI64), X3A(0x0e, 66, SSE41, A128, V_VWI, BLENDI16),
    { 0x30f, PP_NONE, SSE_CLASS_MMX, FEAT_SSSE3, MO_64, VEC_PALIGNR, emit_P_palignr }, X3A(0x0f, 66, SSSE3, A128, V_VWI, PALIGNR),
    X3A(0x14, 66, SSE41, MO_8, E_VI, EXTRACT8), X3A(0x15, 66, SSE41, MO_16, E_VI, EXTRACT16),
    X3A(0x16, 66, SSE41, MO_32, E_VI, EXTRACT32), X3A(0x17, 66, SSE41, MO_32, E_VI, EXTRACT32),
    X3A(0x20, 66, SSE41, MO_8, V_VEI, INSERT8), X3A(0x21, 66, SSE41, MO_32, insertps, INSERTPS), X3A(0x22, 66, SSE41, MO_32, V_VEI, INSERT32),
    X3A(0x40, 66, SSE41, A128, V_VWI, DPPS), X3A(0x41, 66, SSE41, A128, V_VWI, DPPD), X3A(0x42, 66, SSE41, A128, V_VWI, MPSADBW),
    X3A(0x44, 66, PCLMUL, A128, V_VWI, PCLMULQDQ),
    X3A(0x60, 66, SSE42, MO_128, pcmpstr, NO_ROW), X3A(0x61, 66, SSE42, MO_128, pcmpstr, NO_ROW),
    X3A(0x62, 66, SSE42, MO_128, pcmpstr, NO_ROW), X3A(0x63, 66, SSE42, MO_128, pcmpstr, NO_ROW),
    X3A(0xcc, NONE, SHA, MO_128, V_VWI, SHA1RNDS4), X3A(0xdf, 66, AES, A128, V_WI, AESKEYGENASSIST),
};

static uint16_t sse_index[3][PP_COUNT][256]; /* map - 1, prefix, opcode: row + 1 */

void sse_index_init(void)
{
    for (unsigned i = 0; i < ARRAY_SIZE(sse_insns); i++) {
        const SSEInsn *in = &sse_insns[i];
        sse_index[(in->opcode >> 8) - 1][in->pp][in->opcode & 0xff] = (uint16_t)(i + 1);
    }
}

const SSEInsn *sse_lookup(uint16_t opcode, unsigned pp)
{
    unsigned map = opcode >> 8, row;

    if (map < 1 || map > 3)
        return NULL;
    row = sse_index[map - 1][pp][opcode & 0xff];
    return row ? &sse_insns[row - 1] : NULL;
}
