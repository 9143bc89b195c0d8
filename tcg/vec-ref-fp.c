/* SPDX-License-Identifier: MIT */
/*
 * Reference functions of the floating-point rows of vec.def on x86-64 hosts: the instruction itself under
 * the live MXCSR, so that rounding, FTZ/DAZ, sticky flags and NaN choice are exact (a compiler may swap
 * the operands of an addition, inline assembly may not). Rows beyond SSE2 need the host feature of their
 * row. vec-ref-portable.c is the version for other hosts.
 */
#include "vec-ref.h"

#if defined(__x86_64__) && !defined(VEC_REF_PORTABLE)

#define REF_FP1(name, insn) REF(name, __asm__ volatile(insn " %1, %0" : "=x"(r.v) : "x"(a.v));)
#define REF_FP2(name, insn) REF(name, __asm__ volatile(insn " %1, %0" : "+x"(r.v) : "x"(b.v));)

#define REF_FP_ALL(name, insn)    \
    REF_FP2(name##PS, insn "ps")  \
    REF_FP2(name##PD, insn "pd")  \
    REF_FP2(name##SS, insn "ss")  \
    REF_FP2(name##SD, insn "sd")
REF_FP_ALL(ADD, "add")
REF_FP_ALL(MUL, "mul")
REF_FP_ALL(SUB, "sub")
REF_FP_ALL(MIN, "min")
REF_FP_ALL(DIV, "div")
REF_FP_ALL(MAX, "max")

REF_FP1(SQRTPS, "sqrtps")
REF_FP1(SQRTPD, "sqrtpd")
REF_FP2(SQRTSS, "sqrtss")
REF_FP2(SQRTSD, "sqrtsd")
REF_FP1(RSQRTPS, "rsqrtps")
REF_FP2(RSQRTSS, "rsqrtss")
REF_FP1(RCPPS, "rcpps")
REF_FP2(RCPSS, "rcpss")
REF_FP2(ADDSUBPS, "addsubps")
REF_FP2(ADDSUBPD, "addsubpd")
REF_FP2(HADDPS, "haddps")
REF_FP2(HADDPD, "haddpd")
REF_FP2(HSUBPS, "hsubps")
REF_FP2(HSUBPD, "hsubpd")

REF_FP1(CVTPS2PD, "cvtps2pd")
REF_FP1(CVTPD2PS, "cvtpd2ps")
REF_FP2(CVTSS2SD, "cvtss2sd")
REF_FP2(CVTSD2SS, "cvtsd2ss")
REF_FP1(CVTDQ2PS, "cvtdq2ps")
REF_FP1(CVTPS2DQ, "cvtps2dq")
REF_FP1(CVTTPS2DQ, "cvttps2dq")
REF_FP1(CVTDQ2PD, "cvtdq2pd")
REF_FP1(CVTPD2DQ, "cvtpd2dq")
REF_FP1(CVTTPD2DQ, "cvttpd2dq")

#define REF_FROM_INT(name, insn, type) \
    REF_VG(name, __asm__ volatile(insn " %1, %0" : "+x"(r.v) : "r"((type)g));)
REF_FROM_INT(CVTSI2SS, "cvtsi2ssl", uint32_t)
REF_FROM_INT(CVTSI2SSQ, "cvtsi2ssq", uint64_t)
REF_FROM_INT(CVTSI2SD, "cvtsi2sdl", uint32_t)
REF_FROM_INT(CVTSI2SDQ, "cvtsi2sdq", uint64_t)

#define REF_TO_INT(name, insn, type) \
    REF_GV(name, type i; __asm__ volatile(insn " %1, %0" : "=r"(i) : "x"(a.v)); g = i;)
REF_TO_INT(CVTSS2SI, "cvtss2si", uint32_t)
REF_TO_INT(CVTSS2SIQ, "cvtss2si", uint64_t)
REF_TO_INT(CVTSD2SI, "cvtsd2si", uint32_t)
REF_TO_INT(CVTSD2SIQ, "cvtsd2si", uint64_t)
REF_TO_INT(CVTTSS2SI, "cvttss2si", uint32_t)
REF_TO_INT(CVTTSS2SIQ, "cvttss2si", uint64_t)
REF_TO_INT(CVTTSD2SI, "cvttsd2si", uint32_t)
REF_TO_INT(CVTTSD2SIQ, "cvttsd2si", uint64_t)

#define REF_COMPARE(name, insn)                                                           \
    REF_GV(name, bool zf, pf, cf;                                                         \
           __asm__ volatile(insn " %4, %3" : "=@ccz"(zf), "=@ccp"(pf), "=@ccc"(cf) : "x"(a.v), "x"(b.v)); \
           g = (uint64_t)(zf << 6 | pf << 2 | cf);)
REF_COMPARE(UCOMISS, "ucomiss")
REF_COMPARE(UCOMISD, "ucomisd")
REF_COMPARE(COMISS, "comiss")
REF_COMPARE(COMISD, "comisd")

/* Immediates are part of the instruction: one case each. */
#define IMM_CASE(insn, n) \
    case n: __asm__ volatile(insn " $" #n ", %1, %0" : "+x"(r.v) : "x"(src.v)); break;
#define IMM_CASES_8(insn)                                                                 \
    IMM_CASE(insn, 0) IMM_CASE(insn, 1) IMM_CASE(insn, 2) IMM_CASE(insn, 3)               \
    IMM_CASE(insn, 4) IMM_CASE(insn, 5) IMM_CASE(insn, 6) IMM_CASE(insn, 7)
#define IMM_CASES_16(insn)                                                                \
    IMM_CASES_8(insn)                                                                     \
    IMM_CASE(insn, 8) IMM_CASE(insn, 9) IMM_CASE(insn, 10) IMM_CASE(insn, 11)             \
    IMM_CASE(insn, 12) IMM_CASE(insn, 13) IMM_CASE(insn, 14) IMM_CASE(insn, 15)
/* The predicates from 8 on are AVX's. */
#define VEX_CASE(insn, n) \
    case n: __asm__ volatile("v" insn " $" #n ", %1, %0, %0" : "+x"(r.v) : "x"(src.v)); break;
#define VEX_CASES_8_TO_31(insn)                                                           \
    VEX_CASE(insn, 8) VEX_CASE(insn, 9) VEX_CASE(insn, 10) VEX_CASE(insn, 11)             \
    VEX_CASE(insn, 12) VEX_CASE(insn, 13) VEX_CASE(insn, 14) VEX_CASE(insn, 15)           \
    VEX_CASE(insn, 16) VEX_CASE(insn, 17) VEX_CASE(insn, 18) VEX_CASE(insn, 19)           \
    VEX_CASE(insn, 20) VEX_CASE(insn, 21) VEX_CASE(insn, 22) VEX_CASE(insn, 23)           \
    VEX_CASE(insn, 24) VEX_CASE(insn, 25) VEX_CASE(insn, 26) VEX_CASE(insn, 27)           \
    VEX_CASE(insn, 28) VEX_CASE(insn, 29) VEX_CASE(insn, 30) VEX_CASE(insn, 31)
#define REF_CMP(name, insn) \
    REF(name, Lane128 src = b; switch (imm & 31) { IMM_CASES_8(insn) VEX_CASES_8_TO_31(insn) })
#define REF_ROUND(name, insn, from) REF(name, Lane128 src = from; switch (imm & 15) { IMM_CASES_16(insn) })
REF_CMP(CMPPS, "cmpps")
REF_CMP(CMPPD, "cmppd")
REF_CMP(CMPSS, "cmpss")
REF_CMP(CMPSD, "cmpsd")
REF_ROUND(ROUNDPS, "roundps", a)
REF_ROUND(ROUNDPD, "roundpd", a)
REF_ROUND(ROUNDSS, "roundss", b)
REF_ROUND(ROUNDSD, "roundsd", b)

/* Dot products: products and sums are the rounded operations of the same width. Lanes that the immediate
 * leaves out are +0. */
REF_PROTO(DPPS)
{
    (void)pc;
    for (unsigned off = 0; off < bytes; off += 16) {
        Lane128 a = lane_load(pa, off), b = lane_load(pb, off), x, y;
        for (int i = 0; i < 4; i++)
            if (!(imm >> (4 + i) & 1))
                a.u32[i] = b.u32[i] = 0;
        __asm__ volatile("mulps %1, %0" : "+x"(a.v) : "x"(b.v));
        x = (Lane128){ .u32 = { a.u32[0], a.u32[2] } };
        y = (Lane128){ .u32 = { a.u32[1], a.u32[3] } };
        __asm__ volatile("addps %1, %0" : "+x"(x.v) : "x"(y.v));
        y = (Lane128){ .u32 = { x.u32[1] } };
        __asm__ volatile("addss %1, %0" : "+x"(x.v) : "x"(y.v));
        for (int i = 0; i < 4; i++)
            y.u32[i] = imm >> i & 1 ? x.u32[0] : 0;
        memcpy((char *)out + off, &y, 16);
    }
}

REF(DPPD, {
    for (int i = 0; i < 2; i++)
        if (!(imm >> (4 + i) & 1))
            a.u64[i] = b.u64[i] = 0;
    __asm__ volatile("mulpd %1, %0" : "+x"(a.v) : "x"(b.v));
    b.u64[0] = a.u64[1];
    __asm__ volatile("addsd %1, %0" : "+x"(a.v) : "x"(b.v));
    for (int i = 0; i < 2; i++)
        r.u64[i] = imm >> i & 1 ? a.u64[0] : 0;
})

#define REF_FMA(name, insn) REF(name, __asm__ volatile(insn " %2, %1, %0" : "+x"(r.v) : "x"(b.v), "x"(c.v));)
REF_FMA(FMADDPS, "vfmadd213ps")
REF_FMA(FMADDPD, "vfmadd213pd")
REF_FMA(FMADDSS, "vfmadd213ss")
REF_FMA(FMADDSD, "vfmadd213sd")
REF_FMA(FNMADDPS, "vfnmadd213ps")
REF_FMA(FNMADDPD, "vfnmadd213pd")
REF_FMA(FNMADDSS, "vfnmadd213ss")
REF_FMA(FNMADDSD, "vfnmadd213sd")
REF_FMA(FMSUBPS, "vfmsub213ps")
REF_FMA(FMSUBPD, "vfmsub213pd")
REF_FMA(FMSUBSS, "vfmsub213ss")
REF_FMA(FMSUBSD, "vfmsub213sd")
REF_FMA(FNMSUBPS, "vfnmsub213ps")
REF_FMA(FNMSUBPD, "vfnmsub213pd")
REF_FMA(FNMSUBSS, "vfnmsub213ss")
REF_FMA(FNMSUBSD, "vfnmsub213sd")
REF_FMA(FMADDSUBPS, "vfmaddsub213ps")
REF_FMA(FMADDSUBPD, "vfmaddsub213pd")
REF_FMA(FMSUBADDPS, "vfmsubadd213ps")
REF_FMA(FMSUBADDPD, "vfmsubadd213pd")

REF(CVTPH2PS, __asm__ volatile("vcvtph2ps %1, %0" : "=x"(r.v) : "x"(a.v));)
#define HALF_CASE(n) case n: __asm__ volatile("vcvtps2ph $" #n ", %1, %0" : "=x"(r.v) : "x"(a.v)); break;
REF(CVTPS2PH, switch (imm & 7) { HALF_CASE(0) HALF_CASE(1) HALF_CASE(2) HALF_CASE(3)
                                 HALF_CASE(4) HALF_CASE(5) HALF_CASE(6) HALF_CASE(7) })

#endif
