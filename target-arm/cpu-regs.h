/* SPDX-License-Identifier: MIT */
/* Fields of Arm system registers and syndromes. Arm ARM DDI 0487, chapters C5, D17 and G8. */
#ifndef TARGET_ARM_CPU_REGS_H
#define TARGET_ARM_CPU_REGS_H

#include "typedefs.h"

typedef struct ARMCPU ARMCPU;

/* A system register's encoding as the instruction holds it: bits 19:5 of MRS/MSR, op0 without its top bit. */
#define A64_SYSREG(op0, op1, crn, crm, op2) \
    ((uint32_t)((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2)))

/* PSTATE and SPSR, AArch64 layout */
enum {
    PSTATE_SP = 1 << 0, PSTATE_EL_SHIFT = 2, PSTATE_NRW = 1 << 4,
    PSTATE_F = 1 << 6, PSTATE_I = 1 << 7, PSTATE_A = 1 << 8, PSTATE_D = 1 << 9, PSTATE_DAIF = 15 << 6,
    PSTATE_BTYPE_SHIFT = 10, PSTATE_BTYPE = 3 << 10, PSTATE_SSBS = 1 << 12, PSTATE_IL = 1 << 20, PSTATE_SS = 1 << 21,
    PSTATE_PAN = 1 << 22, PSTATE_UAO = 1 << 23, PSTATE_DIT = 1 << 24, PSTATE_TCO = 1 << 25,
    PSTATE_V = 1 << 28, PSTATE_C = 1 << 29, PSTATE_Z = 1 << 30,
};
#define PSTATE_N (1u << 31)
#define PSTATE_NZCV 0xf0000000u
/* CPSR and SPSR, AArch32 layout (F, I, A, IL, SS, PAN, DIT and NZCV as above) */
enum {
    CPSR_M = 0x1f, CPSR_T = 1 << 5, CPSR_F = 1 << 6, CPSR_I = 1 << 7, CPSR_A = 1 << 8, CPSR_E = 1 << 9,
    CPSR_IT_2_7 = 0x3f << 10, CPSR_GE = 15 << 16, CPSR_IL = 1 << 20, CPSR_DIT = 1 << 21, CPSR_PAN = 1 << 22, CPSR_SSBS = 1 << 23,
    CPSR_J = 1 << 24, CPSR_IT_0_1 = 3 << 25, CPSR_Q = 1 << 27,
    CPSR_IT = CPSR_IT_2_7 | CPSR_IT_0_1,
};
enum {
    MODE_USR = 0x10, MODE_FIQ = 0x11, MODE_IRQ = 0x12, MODE_SVC = 0x13, MODE_MON = 0x16, MODE_ABT = 0x17, MODE_HYP = 0x1a,
    MODE_UND = 0x1b, MODE_SYS = 0x1f,
};

/* SCTLR: AArch32 and AArch64 */
#define SCTLR_M (1ull << 0)
#define SCTLR_A (1ull << 1)
#define SCTLR_C (1ull << 2)
#define SCTLR_SA (1ull << 3)
#define SCTLR_SA0 (1ull << 4)
#define SCTLR_CP15BEN (1ull << 5)
#define SCTLR_NAA (1ull << 6)   /* LSE2 */
#define SCTLR_B (1ull << 7)     /* up to v6 */
#define SCTLR_ITD (1ull << 7)   /* v8 */
#define SCTLR_S (1ull << 8)     /* up to v6: system protection */
#define SCTLR_SED (1ull << 8)
#define SCTLR_R (1ull << 9)     /* up to v6: ROM protection */
#define SCTLR_UMA (1ull << 9)
#define SCTLR_ENRCTX (1ull << 10)
#define SCTLR_Z (1ull << 11)
#define SCTLR_I (1ull << 12)
#define SCTLR_ENDB (1ull << 13)
#define SCTLR_V (1ull << 13)    /* AArch32: high vectors */
#define SCTLR_DZE (1ull << 14)
#define SCTLR_UCT (1ull << 15)
#define SCTLR_NTWI (1ull << 16)
#define SCTLR_NTWE (1ull << 18)
#define SCTLR_WXN (1ull << 19)
#define SCTLR_UWXN (1ull << 20) /* AArch32 */
#define SCTLR_FI (1ull << 21)   /* v7 */
#define SCTLR_TSCXT (1ull << 20)
#define SCTLR_U (1ull << 22)    /* v6: unaligned accesses work */
#define SCTLR_XP (1ull << 23)   /* v6: extended page tables */
#define SCTLR_SPAN (1ull << 23)
#define SCTLR_VE (1ull << 24)
#define SCTLR_E0E (1ull << 24)
#define SCTLR_EE (1ull << 25)
#define SCTLR_UCI (1ull << 26)
#define SCTLR_ENDA (1ull << 27)
#define SCTLR_TRE (1ull << 28)
#define SCTLR_AFE (1ull << 29)
#define SCTLR_TE (1ull << 30)
#define SCTLR_ENIB (1ull << 30)
#define SCTLR_ENIA (1ull << 31)
#define SCTLR_MSCEN (1ull << 33)
#define SCTLR_BT0 (1ull << 35)
#define SCTLR_BT1 (1ull << 36)
#define SCTLR_DSSBS (1ull << 44)
#define SCTLR_TIDCP (1ull << 63)

#define HCR_VM (1ull << 0)
#define HCR_SWIO (1ull << 1)
#define HCR_PTW (1ull << 2)
#define HCR_FMO (1ull << 3)
#define HCR_IMO (1ull << 4)
#define HCR_AMO (1ull << 5)
#define HCR_VF (1ull << 6)
#define HCR_VI (1ull << 7)
#define HCR_VSE (1ull << 8)
#define HCR_FB (1ull << 9)
#define HCR_DC (1ull << 12)
#define HCR_TWI (1ull << 13)
#define HCR_TWE (1ull << 14)
#define HCR_TID0 (1ull << 15)
#define HCR_TID1 (1ull << 16)
#define HCR_TID2 (1ull << 17)
#define HCR_TID3 (1ull << 18)
#define HCR_TSC (1ull << 19)
#define HCR_TIDCP (1ull << 20)
#define HCR_TACR (1ull << 21)
#define HCR_TSW (1ull << 22)
#define HCR_TPCP (1ull << 23)
#define HCR_TPU (1ull << 24)
#define HCR_TTLB (1ull << 25)
#define HCR_TVM (1ull << 26)
#define HCR_TGE (1ull << 27)
#define HCR_TDZ (1ull << 28)
#define HCR_HCD (1ull << 29)
#define HCR_TRVM (1ull << 30)
#define HCR_RW (1ull << 31)
#define HCR_CD (1ull << 32)
#define HCR_ID (1ull << 33)
#define HCR_E2H (1ull << 34)
#define HCR_TLOR (1ull << 35)
#define HCR_TERR (1ull << 36)
#define HCR_TEA (1ull << 37)
#define HCR_APK (1ull << 40)
#define HCR_API (1ull << 41)
#define HCR_TID4 (1ull << 49)
#define HCR_TICAB (1ull << 50)
#define HCR_TOCU (1ull << 52)

#define SCR_NS (1ull << 0)
#define SCR_IRQ (1ull << 1)
#define SCR_FIQ (1ull << 2)
#define SCR_EA (1ull << 3)
#define SCR_FW (1ull << 4)
#define SCR_AW (1ull << 5)
#define SCR_SMD (1ull << 7)
#define SCR_HCE (1ull << 8)
#define SCR_SIF (1ull << 9)
#define SCR_RW (1ull << 10)
#define SCR_ST (1ull << 11)
#define SCR_TWI (1ull << 12)
#define SCR_TWE (1ull << 13)
#define SCR_TLOR (1ull << 14)
#define SCR_APK (1ull << 16)
#define SCR_API (1ull << 17)

/* Exception classes of ESR_ELx, and the syndrome builder */
enum {
    EC_UNKNOWN = 0, EC_WFX = 1, EC_CP15_MCR = 3, EC_CP15_MCRR = 4, EC_CP14_MCR = 5, EC_CP14_LDC = 6, EC_FP = 7, EC_CP10 = 8,
    EC_PAUTH = 9, EC_CP14_MRRC = 0xc, EC_BTI = 0xd, EC_ILLEGAL = 0xe, EC_SVC32 = 0x11, EC_HVC32 = 0x12, EC_SMC32 = 0x13,
    EC_SVC64 = 0x15, EC_HVC64 = 0x16, EC_SMC64 = 0x17, EC_SYSREG = 0x18, EC_ERET = 0x1a, EC_FPAC = 0x1c, EC_IABT = 0x20,
    EC_IABT_SAME = 0x21, EC_PC_ALIGN = 0x22, EC_DABT = 0x24, EC_DABT_SAME = 0x25, EC_SP_ALIGN = 0x26, EC_MOPS = 0x27,
    EC_FP32 = 0x28, EC_FP64 = 0x2c, EC_SERROR = 0x2f, EC_BREAK = 0x30, EC_BREAK_SAME = 0x31, EC_STEP = 0x32,
    EC_STEP_SAME = 0x33, EC_WATCH = 0x34, EC_WATCH_SAME = 0x35, EC_BKPT32 = 0x38, EC_VECTOR32 = 0x3a, EC_BRK64 = 0x3c,
};
#define SYN_EC_SHIFT 26
#define SYN_IL (1u << 25)
#define ARM_SYNDROME(ec, il, iss) ((uint32_t)(ec) << SYN_EC_SHIFT | ((il) ? SYN_IL : 0) | (uint32_t)(iss))
/* An undefined instruction. */
#define SYN_UNCATEGORIZED ARM_SYNDROME(EC_UNKNOWN, 1, 0)
/* FP access trapped: cond 0xe, no T32 details. */
#define SYN_FP_TRAP(cv, cond) ARM_SYNDROME(EC_FP, 1, (cv) << 24 | (cond) << 20)

/* FPCR, FPSR */
enum {
    FPCR_FZ16 = 1 << 19, FPCR_RMODE_SHIFT = 22, FPCR_FZ = 1 << 24, FPCR_DN = 1 << 25, FPCR_AHP = 1 << 26,
    FPCR_TRAPS = 0x9f00, FPSR_QC = 1 << 27, FPSR_IXC = 1 << 4, FPSR_FLAGS = 0x9f,
    FPEXC_EN = 1 << 30,
};

#endif
