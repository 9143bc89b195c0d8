/* SPDX-License-Identifier: MIT */
/*
 * Vector and scalar floating-point operations: one row each in tcg/vec.def, used by IR_VOP.
 * A row has a reference function in C (tcg/vec-ref.c: the interpreter, hosts without the
 * instruction, and the oracle in tests) and its encoding on x86 hosts. Lane order is little-endian.
 * FP rows work under the host control register loaded on entry to generated code (MXCSR on x86:
 * rounding, FTZ/DAZ, sticky flags are the guest's; exceptions masked).
 */
#ifndef RHEA_TCG_VEC_H
#define RHEA_TCG_VEC_H

#include "typedefs.h"

typedef enum VShape {
    VS_V,      /* v out = op(v a) */
    VS_VV,     /* v out = op(v a, v b); x86: 66/F3/F2 NDS form; scalar rows keep the upper lanes of a */
    VS_VVV,    /* v out = op(v a, v b, v c): blendv, SHA256RNDS2 (x86: two-operand form with c in XMM0) */
    VS_VI,     /* v out = op(v a, imm8) */
    VS_VVI,    /* v out = op(v a, v b, imm8) */
    VS_SHIFTI, /* v out = a shifted by imm8; x86: opcode group, `ext` is the ModRM digit */
    VS_VG,     /* v out = op(v a, int b): cvtsi2sd (a gives the upper lanes) */
    VS_VGI,    /* v out = op(v a, int b, imm8): pinsr */
    VS_GV,     /* int out = op(v a): movmsk, cvtsd2si, cvttsd2si */
    VS_GVI,    /* int out = op(v a, imm8): pextr (register destination, zero-extended). x86: map 1 has the int
                  in ModRM.reg, map 3 has the vector in reg and the int in r/m */
    VS_FMA,    /* v out = a * b + c or c - a * b with one rounding (x86: VEX only, the 213 form) */
    VS_FLAGS,  /* int out = x86 layout CF|PF<<2|ZF<<6 of op(v a, v b): comis, ucomis, ptest */
} VShape;

/* Host features a row needs beyond SSE2. */
enum { VF_SSE2, VF_SSE3, VF_SSSE3, VF_SSE41, VF_SSE42, VF_AES, VF_PCLMUL, VF_SHA, VF_AVX, VF_AVX2, VF_FMA, VF_F16C };
/* Row flags. */
enum {
    VFL_COMMUTES = 1,
    VFL_G64 = 2,       /* the integer operand is 64 bits (REX.W) */
    VFL_FP = 4,        /* reads or writes the host FP control/status */
    VFL_SCALAR = 8,    /* lane 0 only */
    VFL_STORE = 16,    /* x86: the result is in r/m, the operand in reg */
};

/*
 * Vectors are pointers to `bytes` bytes (16, or 32 where each 128-bit lane does the same; scalar rows and
 * rows with an integer operand always have 16); out may be a, b or c. An integer operand (b of VG and VGI) is a
 * pointer to uint64_t of which rows without VFL_G64 read the low half; an integer result is a uint64_t,
 * zero-extended. Unused operands may be NULL.
 */
typedef void VecRefFunc(void *out, const void *a, const void *b, const void *c, uint8_t imm, unsigned bytes);

typedef struct VecInfo {
    const char *name;
    uint8_t shape, feature, flags;
    uint8_t pp;   /* mandatory prefix: 0, 0x66, 0xf3, 0xf2 */
    uint8_t map;  /* 1 = 0F, 2 = 0F38, 3 = 0F3A */
    uint8_t op;   /* opcode byte */
    uint8_t ext;  /* ModRM digit for VS_SHIFTI */
    VecRefFunc *ref;
} VecInfo;

typedef enum VecRow {
#define VOP(name, text, shape, feature, pp, map, op, ext, flags) VEC_##name,
#include "../../tcg/vec.def"
#undef VOP
    VEC_ROWS,
} VecRow;
extern const VecInfo vec_info[VEC_ROWS];

/*
 * A front end's own vector operation, used by IR_VCALL: a C function, and perhaps a row that gives the same result, bits
 * and sticky flags, whenever `check` holds of that result; otherwise the function computes it again from the
 * inputs (what the row has done to the sticky flags stays). The function sees no globals and raises no
 * exception. Vectors are 16 bytes; out may be a, b or c. Unused inputs point at something that can be read.
 */
typedef void VecCallFunc(CPUState *cpu, void *out, const void *a, const void *b, const void *c, uint32_t imm);
/* Results a row is trusted with: no lane a NaN, and none in the lowest binade of normal numbers, where tininess before
 * and after rounding differ. Infinities, denormals and zeros pass. */
typedef enum VecCheck { VCHK_NONE, VCHK_F32, VCHK_F64, VCHK_4F32, VCHK_2F64 } VecCheck;
typedef struct VecCall {
    const char *name;
    VecCallFunc *func;
    uint16_t row;    /* VecRow + 1, or 0: none */
    uint8_t check;   /* VecCheck */
    uint8_t imm8;    /* of the row */
    bool pure;       /* only the result counts: removable when unused */
} VecCall;

#endif
