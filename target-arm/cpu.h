/* SPDX-License-Identifier: MIT */
/*
 * State of one Arm vCPU, A and M profile, AArch32 and AArch64. Arm ARM (DDI 0487), DDI 0406 for v7-A, DDI 0403 and
 * DDI 0553 for M profile; names are the manual's, lower case. IR globals are marked (G): generated code owns them inside a
 * TB, C code sees them in helpers without HF_NO_GLOBALS.
 *
 * AArch32 registers share storage with AArch64's: r0-r14 of the current mode are x[0]-x[14], always zero-extended.
 * Copies of banked registers are outside (excp.c moves them when the mode changes; the X15-X30 view that an AArch64 exception level
 * has of them is made at the change of execution state). r15 is pc: the address of the current instruction.
 */
#ifndef TARGET_ARM_CPU_H
#define TARGET_ARM_CPU_H

#include "cpu-regs.h"
#include "hw/device.h"
#include "target.h"
#include "util/timer.h"

typedef enum ARMFeature {
#define FEATURE(name) ARM_FEATURE_##name,
#include "features.def"
#undef FEATURE
    ARM_FEATURES,
} ARMFeature;

/* Exceptions: CPUState.exception_index. */
enum {
    EXCP_UDEF = 1, EXCP_SWI /* SVC */, EXCP_PREFETCH_ABORT, EXCP_DATA_ABORT, EXCP_IRQ, EXCP_FIQ, EXCP_VIRQ, EXCP_VFIQ,
    EXCP_SERROR, EXCP_VSERROR, EXCP_BKPT, EXCP_HVC, EXCP_SMC, EXCP_HYP_TRAP, EXCP_MON_TRAP, EXCP_SEMIHOST,
    EXCP_PC_ALIGN, EXCP_DEBUG_BREAK /* breakpoint register */, EXCP_DEBUG_WATCH, EXCP_SOFT_STEP, EXCP_ILLEGAL,
    /* M profile */
    EXCP_M_USAGE = 32, EXCP_M_BUS, EXCP_M_MEM, EXCP_M_RETURN, EXCP_M_SECURE, EXCP_M_NSC /* fetch from a callable region */,
    EXCP_M_LOCKUP,
};

/* Input lines of a core: arm_cpu_line(). The bits in interrupt_request. */
typedef enum ARMLine { ARM_LINE_IRQ, ARM_LINE_FIQ, ARM_LINE_VIRQ, ARM_LINE_VFIQ, ARM_LINE_VSERR, ARM_LINES } ARMLine;
#define CPU_INTERRUPT_FIQ CPU_INTERRUPT_TGT0
#define CPU_INTERRUPT_VIRQ CPU_INTERRUPT_TGT1
#define CPU_INTERRUPT_VFIQ CPU_INTERRUPT_TGT2
#define CPU_INTERRUPT_VSERR CPU_INTERRUPT_TGT3

/* Generic timers: gt[] and gt_out[]. GT_SEC is CNTPS, GT_HYPVIRT CNTHV. */
typedef enum ARMGenericTimer { GT_PHYS, GT_VIRT, GT_HYP, GT_SEC, GT_HYPVIRT, GT_TIMERS } ARMGenericTimer;

/*
 * MMU modes (TLB tables) of the current translation regime. Regimes themselves (EL1&0, EL2, EL2&0, EL3, Secure, with VMID)
 * are told apart by the bank: see arm_update_tlb_key() in mmu.c.
 */
enum { ARM_MMU_USER, ARM_MMU_PRIV /* PAN clear */, ARM_MMU_PAN /* privileged, PAN set */, ARM_MMU_MODES };

/*
 * TB state flags (TBState.flags): everything translation depends on. Kept in env->hflags by arm_rebuild_hflags(), but for
 * those marked *, which arm_tb_state() adds.
 */
enum {
    TBF_AARCH64 = 1 << 0,
    TBF_EL_SHIFT = 1, TBF_EL = 3 << 1,
    TBF_MMU_SHIFT = 3, TBF_MMU = 3 << 3, /* ARM_MMU_* of ordinary accesses */
    TBF_USER = 1 << 5,          /* EL0 (TargetOps.user_flags) */
    TBF_FPEL_SHIFT = 6, TBF_FPEL = 3 << 6, /* FP and SIMD trap: to this EL; 0 = enabled */
    TBF_SS_ACTIVE = 1 << 8,     /* software step armed */
    TBF_PSTATE_SS = 1 << 9,     /* * PSTATE.SS */
    TBF_BE_DATA = 1 << 10,      /* CPSR.E, SCTLR_ELx.EE/E0E */
    TBF_ALIGN = 1 << 11,        /* SCTLR.A: unaligned accesses fault */
    TBF_IL = 1 << 12,           /* PSTATE.IL */
    TBF_FP_SHIFT = 13, TBF_FP = 7 << 13, /* what FP translation depends on: TBF_FP_* below, from FPCR */
    /* AArch64 */
    TBF_PAUTH = 1 << 16,        /* some SCTLR_ELx.EnXX is set: PAC* and AUT* are not NOPs */
    TBF_BTYPE_SHIFT = 17, TBF_BTYPE = 3 << 17, /* * PSTATE.BTYPE */
    TBF_BT = 1 << 19,           /* SCTLR_ELx.BT: PACIxSP is no landing pad for BTYPE 3 */
    TBF_BTI = 1 << 20,          /* guarded pages have been seen: keep BTYPE */
    TBF_UNPRIV = 1 << 21,       /* LDTR and STTR act as EL0 */
    TBF_TRAP_ERET = 1 << 22,
    TBF_E2H = 1 << 23,          /* at EL2 with HCR_EL2.E2H: EL1 register names mean EL2's */
    /* AArch32 */
    TBF_THUMB = 1 << 16,        /* * */
    TBF_IT_SHIFT = 17, TBF_IT = 0xff << 17, /* * condexec: IT[7:0] as in the CPSR, 0 outside IT blocks */
    TBF_VFPEN = 1 << 25,        /* FPEXC.EN */
    TBF_VECLEN_SHIFT = 26, TBF_VECLEN = 7 << 26,       /* FPSCR.LEN */
    TBF_VECSTRIDE_SHIFT = 29, TBF_VECSTRIDE = 1 << 29, /* FPSCR.STRIDE is 3 */
    TBF_SCTLR_B = 1 << 30,      /* BE-32 */
    TBF_M = 1u << 31,           /* M profile; TBF_EL is 0 for unprivileged, 1 for privileged code */
    /* M profile, in place of the last ones before TBF_M */
    TBF_M_SECURE = 1 << 25, TBF_M_HANDLER = 1 << 26,
    TBF_M_FP_PREPARE = 1 << 27, /* an FP instruction first saves or creates a context */
    TBF_M_DIV0 = 1 << 29,       /* CCR.DIV_0_TRP */
    TBF_M_SPLIM = 1 << 28,      /* the stack pointer has a limit */
};
/* Bits within TBF_FP, set by arm_fp_hflags() (helper-fp.c). */
enum {
    TBF_FP_EXACT = 1 << 13,     /* an FP exception is unmasked, or a mode the host lacks: use the reference path */
    TBF_FP_NONZERO_ROUND = 1 << 14, TBF_FP_SPARE = 1 << 15,
};

/*
 * Lazy condition flags. N and Z come from cc_nz, C and V as cc_op says from cc_nz or cc_a and cc_b. The 32-bit forms use the
 * low half of each; cc_nz is then zero-extended, so that Z depends on cc_op for CC_NZCV and CC_FCMP only.
 *   CC_NZCV    all four are bits 31-28 of cc_a; cc_nz means nothing
 *   CC_ADD*    cc_nz = result of (result - cc_b) + cc_b
 *   CC_SUB*    cc_nz = result of (result + cc_b) - cc_b; C is "no borrow"
 *   CC_LOGIC*  C = V = 0
 *   CC_CV*     C and V are bits 29 and 28 of cc_a
 *   CC_NZ_ADD* C and V of the sum cc_a + cc_b
 *   CC_NZ_SUB* C and V of the difference cc_a - cc_b
 *   CC_FCMP    a floating-point comparison: cc_a holds the host's flags of it (arm_fcmp_nzcv); AArch64 only
 * CC_CV*, CC_NZ_ADD* and CC_NZ_SUB* keep C and V apart from the result: AArch32 instructions that set only N and Z, ADCS, CCMP.
 */
typedef enum ARMCCOp {
    CC_DYNAMIC, /* translator only */
    CC_NZCV,
    CC_ADD32 = 2, CC_ADD64, CC_SUB32, CC_SUB64, CC_LOGIC32, CC_LOGIC64, CC_CV32, CC_CV64, CC_NZ_ADD32, CC_NZ_ADD64,
    CC_NZ_SUB32, CC_NZ_SUB64, CC_FCMP,
    CC_OPS,
} ARMCCOp;
/* NZCV, bits 31-28, from {CF, PF, ZF} of COMIS (bits 0, 2, 6): unordered 3, less 8, equal 6, greater 2. */
enum { FP_NZCV_HOST = 8 };
static inline uint32_t arm_fcmp_nzcv(uint32_t flags) { return 0x30000682u >> ((flags << 2 | flags >> 3) & 0x1c) << 28; }

typedef union ARMVReg { /* Qn; AArch32: Dm = d[m & 1] of v[m >> 1], Sm = s[m & 3] of v[m >> 2] */
    uint8_t b[16];
    uint16_t h[8];
    uint32_t s[4];
    uint64_t d[2];
} __attribute__((aligned(16))) ARMVReg;

/* AArch32 register banks. */
typedef enum ARMBank { BANK_USR, BANK_SVC, BANK_ABT, BANK_UND, BANK_IRQ, BANK_FIQ, BANK_HYP, BANK_MON, ARM_BANKS } ARMBank;

typedef struct ARMTimerState {
    uint64_t cval, ctl; /* CNTx_CTL: enable, imask; ISTATUS is computed */
    Timer *timer;
    bool level;
} ARMTimerState;

/* ---- How GICs and boards take part (set before the vCPU runs) ---- */

/* What a system-register access gives; the traps carry on with the instruction's syndrome. */
typedef enum ARMAccess { ACCESS_OK, ACCESS_UNDEF, ACCESS_TRAP_EL1, ACCESS_TRAP_EL2, ACCESS_TRAP_EL3 } ARMAccess;

/*
 * The GICv3 CPU interface: ICC_*, ICV_* and ICH_* registers (S3_x_C12_C8..C12 and S3_x_C4_C6, AArch32 views included). The
 * core has checked the EL in the encoding; the interface does SRE enables, HCR_EL2.{IMO,FMO}, ICH_HCR traps and SCR_EL3
 * routing, and redirects ICC to ICV itself. reg is A64_SYSREG(op0, op1, crn, crm, op2), for AArch32 accesses that of
 * the AArch64 register it maps to. Called on the vCPU's thread without the machine lock.
 */
typedef struct ARMGICCpuIf {
    ARMAccess (*read)(void *opaque, ARMCPU *cpu, uint32_t reg, uint64_t *value);
    ARMAccess (*write)(void *opaque, ARMCPU *cpu, uint32_t reg, uint64_t value);
    void (*reset)(void *opaque, ARMCPU *cpu);
    void (*state_changed)(void *opaque, ARMCPU *cpu); /* EL3 or the Security state was entered or left */
} ARMGICCpuIf;

/*
 * M profile, as armv7m_create() asks: [0] Non-secure (or only) and [1] Secure vector table at reset. The IDAU says of an address whether it is
 * exempt from security checks, Non-secure, Non-secure callable, and the region's number.
 */
typedef struct ARMMConfig {
    uint32_t vtor[2];
    void (*idau)(void *opaque, uint32_t address, bool *exempt, bool *non_secure, bool *callable, uint8_t *region);
    void *idau_opaque;
    bool start_powered_off;
} ARMMConfig;

/* A blocked access reads as zero and is ignored: it goes to ARM_M_BLOCKED, where the board puts such a place. */
typedef enum ARMMBusAnswer { ARM_M_BUS_ALLOW, ARM_M_BUS_FAULT, ARM_M_BUS_BLOCK } ARMMBusAnswer;
#define ARM_M_BLOCKED (1ull << 32)

typedef enum ARMConduit { PSCI_NONE, PSCI_SMC, PSCI_HVC } ARMConduit;

struct ARMCPU {
    CPUState parent;

    /* IR globals; short displacements reach about x22. */
    uint64_t pc;            /* TargetOps.pc_offset */
    uint64_t cc_nz, cc_a, cc_b;                         /* (G) I64 */
    uint32_t cc_op;                                     /* (G) I32: ARMCCOp */
    uint32_t hflags;        /* TBF_*, without those marked * */
    uint64_t x[32];         /* (G) I64. [31] is the current SP in AArch64 */

    uint32_t pstate;        /* current PSTATE, laid out as in the SPSR of the current execution state (PSTATE_*, CPSR_*);
                               fields held elsewhere are zero: NZCV; AArch32: Q, GE, IT, T. Bit 4 set: AArch32 */
    uint32_t thumb;         /* AArch32: CPSR.T, 0 or 1 */
    uint32_t condexec;      /* AArch32: IT[7:0] */
    uint32_t ge;            /* AArch32: GE[3:0] */
    uint32_t qf;            /* AArch32: CPSR.Q, 0 or 1 */
    uint32_t btype;         /* AArch64: PSTATE.BTYPE */
    bool unpriv_exclusive;

    /* Exclusive monitor: virtual address and value of the last load-exclusive; address -1: open. exclusive.c has the rest. */
    uint64_t exclusive_addr, exclusive_val, exclusive_high;
    uint32_t exclusive_count;
    _Atomic uint32_t *exclusive_claim;
    uint64_t scratch64[4];  /* helper results */

    /* FP and SIMD. FPSCR is FPCR | FPSR. Sticky flags: cpu_fp_get() of the host's control register as well. */
    ARMVReg v[32] __attribute__((aligned(16)));
    ARMVReg vscratch[6];    /* helper arguments */
    uint32_t fpcr, fpsr;
    uint32_t fpexc, fpsid, mvfr[3], fpinst[2];
    uint32_t fp_nzcv;       /* AArch32 FPSCR.NZCV, bits 31-28; or FP_NZCV_HOST and the host's flags (arm_fcmp_nzcv) */

    /* Banked registers that are not current. */
    uint64_t sp_el[4], elr_el[4];
    uint32_t spsr[ARM_BANKS];       /* SPSR_EL1 is [BANK_SVC], SPSR_EL2 [BANK_HYP], SPSR_EL3 [BANK_MON] */
    uint32_t bank_r13[ARM_BANKS], bank_r14[ARM_BANKS]; /* bank_r14[BANK_HYP] is unused: Hyp has the user LR */
    uint32_t usr_r8_12[5], fiq_r8_12[5];

    /* System registers by EL; [0] unused unless said. AArch32: [1] Non-secure (or only), [3] Secure, [2] Hyp. */
    uint64_t sctlr_el[4], actlr_el[4], cptr_el[4], ttbr0_el[4], ttbr1_el[4], tcr_el[4], mair_el[4], amair_el[4];
    uint64_t vbar_el[4], esr_el[4], far_el[4], afsr0_el[4], afsr1_el[4], par_el[4], contextidr_el[4];
    uint64_t tpidr_el[4], tpidrro_el0;
    uint64_t dacr[4], dfsr[4], ifsr[4], dfar[4], ifar[4], fcseidr[4]; /* AArch32 */
    uint64_t csselr[4], cpacr, mvbar, nsacr, teecr, teehbr, c15_dummy[8];
    uint64_t hcr_el2, scr_el3, hstr_el2, hpfar_el2, vttbr_el2, vtcr_el2, vpidr_el2, vmpidr_el2, vsesr_el2, hcrx_el2;
    uint64_t mdscr_el1, mdcr_el2, mdcr_el3, oslsr, osdlr, dbgclaim, mdccint, osdtrrx, osdtrtx, oseccr;
    uint64_t dbgbvr[16], dbgbcr[16], dbgwvr[16], dbgwcr[16];
    uint64_t disr_el1, gcr_el1, rgsr_el1, scxtnum_el[4], sder32, dbgvcr32, cntkctl, cnthctl, cntvoff, cntpoff;
    uint64_t apkey[5][2];   /* IA IB DA DB GA; {low, high} */
    uint64_t lor[4];
    uint64_t fgt[8];
    uint64_t cntfrq;        /* the register: software may write anything */
    uint64_t pmcr, pmcnten, pmuserenr, pmselr, pminten, pmovs, pmccfiltr, pmccntr, pmevtyper[31], pmevcntr[31];
    uint64_t pmcc_start, pminst_start; /* clock and instructions when the counters were last made exact */
    uint64_t vdisr_el2;

    /* Syndrome of the exception being raised. */
    struct { uint32_t syndrome, fsr; uint64_t vaddr; uint8_t target_el; } exception;

    /* Translation regime: what arm_update_tlb_key() last chose. */
    uint32_t regime_context;
    uint64_t asid_seen;
    uint64_t va_tags[4];    /* top bytes under which pages were entered in the TLB: bitmap */
    bool guarded_seen;      /* TBF_BTI */

    /* Lines, timers, interfaces */
    uint32_t line_level;    /* bit n: ARMLine n is high. Atomic, any thread */
    pthread_mutex_t gt_lock;
    ARMTimerState gt[GT_TIMERS]; /* gt_lock; the vCPU may read without */
    IRQLine gt_out[GT_TIMERS], pmu_out, maintenance_out;
    Timer *pmu_timer;       /* the next overflow */
    bool pmu_level;         /* of pmu_out. Machine lock */
    bool pmu_filtered;      /* some counter counts only at some exception levels */
    const ARMGICCpuIf *gic;
    void *gic_opaque;
    ARMConduit psci_conduit;
    atomic_bool psci_powered_off; /* changed under the machine lock, or by the vCPU itself */
    bool start_powered_off;
    bool wfi_halt;          /* halted by WFI/WFE: an interrupt wakes it even when masked */
    atomic_bool event_register; /* SEV of any vCPU sets it */
    uint64_t boot_pc, boot_x0; /* PSCI CPU_ON */

    /* M profile; [0] Non-secure or only, [1] Secure */
    struct ARMv7M {
        uint32_t control[2];    /* nPRIV, SPSEL; FPCA and SFPA in that of the highest Security state */
        uint32_t primask[2], faultmask[2], basepri[2];
        uint32_t sp[2][2];      /* main and process stack pointers that are not current */
        uint32_t splim[2][2];
        uint32_t exception, secure;
        uint32_t vecbase[2], ccr[2], cfsr[2], hfsr, dfsr, afsr, sfsr, mmfar[2], bfar, sfar, scr[2], demcr;
        uint32_t aircr, prigroup[2]; /* AIRCR: PRIS, BFHFNMINS, SYSRESETREQS */
        uint32_t mpu_ctrl[2], mpu_rnr[2], mpu_rbar[2][16], mpu_rasr[2][16] /* v8: RLAR */, mair[2][2];
        uint32_t sau_ctrl, sau_rnr, sau_rbar[8], sau_rlar[8];
        uint32_t fpcar[2], fpccr[2], fpdscr[2], cpacr[2], nsacr;
        uint32_t negative;      /* priority below 0, by Security state: bits */
        uint32_t locked_up;
    } v7m;
    ARMMConfig m_config;
    Device *nvic;
    /* v8-M buses: what a transaction of this Security state meets at this address; *whole_page: anywhere in its page. NULL: nothing. */
    ARMMBusAnswer (*m_bus_check)(void *opaque, uint32_t address, bool secure, bool *whole_page);
    void *m_bus_opaque;

    /* Model */
    uint64_t features[2];
    uint64_t midr, mpidr, revidr, ctr, clidr, ccsidr[16], dczid_bs, reset_sctlr, reset_auxcr, cbar, rvbar;
    uint64_t id_aa64pfr[2], id_aa64dfr[2], id_aa64isar[3], id_aa64mmfr[4], id_aa64zfr0;
    uint32_t id_pfr[3], id_dfr[2], id_afr0, id_mmfr[6], id_isar[7], dbgdidr, dbgdevid, pmceid[4];
    unsigned pa_bits;
    uint64_t affinity;      /* MPIDR affinity fields, set by the board */
    uint64_t cntfrq_hz;     /* of the counter; kept over resets */
    const struct ARMModel *model;
    const struct TargetOps *ops;
};

static inline ARMCPU *arm_cpu(CPUState *c) { return (ARMCPU *)c; }
#define ARM_OFFSET(field) ((uint32_t)offsetof(ARMCPU, field))
#define ARM_VREG_OFFSET(n) (ARM_OFFSET(v) + 16 * (uint32_t)(n))
#define ARM_DREG_OFFSET(n) (ARM_OFFSET(v) + 8 * (uint32_t)(n))  /* AArch32 Dn */
#define ARM_SREG_OFFSET(n) (ARM_OFFSET(v) + 4 * (uint32_t)(n))  /* AArch32 Sn */

static inline bool arm_feature(const ARMCPU *env, ARMFeature f) { return env->features[f / 64] >> (f % 64) & 1; }
static inline void arm_set_feature(ARMCPU *env, ARMFeature f) { env->features[f / 64] |= 1ull << (f % 64); }
static inline void arm_clear_feature(ARMCPU *env, ARMFeature f) { env->features[f / 64] &= ~(1ull << (f % 64)); }

/* ---- State ---- */
static inline bool arm_is_aa64(const ARMCPU *env) { return !(env->pstate & PSTATE_NRW); }
unsigned arm_current_el(const ARMCPU *env);
bool arm_is_secure_below_el3(const ARMCPU *env);
bool arm_is_secure(const ARMCPU *env);
bool arm_el_is_aa64(const ARMCPU *env, unsigned el);
/* HCR_EL2 as it acts: zero where EL2 is off in the current Security state, TGE/E2H applied. */
uint64_t arm_hcr(const ARMCPU *env);
/* [1] or [3] for AArch32 banked system registers in the current Security state. */
unsigned arm_s_index(const ARMCPU *env);
/* Architectural NZCV (bits 31-28) from the lazy form; and the other way. */
uint32_t arm_get_nzcv(const ARMCPU *env);
void arm_set_nzcv(ARMCPU *env, uint32_t nzcv);
/* PSTATE as SPSR_ELx would hold it (AArch64), CPSR (AArch32). */
uint32_t arm_get_pstate(const ARMCPU *env);
uint32_t arm_get_cpsr(const ARMCPU *env);
/* Sets the bits of mask in the CPSR, changing mode and banks as needed; checks nothing. excp.c */
void arm_set_cpsr(ARMCPU *env, uint32_t value, uint32_t mask);
/* Moves banked registers for a change of AArch32 mode; does not touch pstate. */
void arm_switch_mode(ARMCPU *env, unsigned from_mode, unsigned to_mode);
ARMBank arm_bank_of_mode(unsigned mode);
/* Recomputes hflags after any change to what TBF_* describe. */
void arm_rebuild_hflags(ARMCPU *env);
/* Tells an interrupt controller that shows interrupts by Security state. After a change to or from EL3, or of SCR_EL3.NS. */
void arm_security_changed(ARMCPU *env);
/* SPSel: the SP of this EL or SP_EL0 becomes the current one. */
void arm_select_sp(ARMCPU *env, unsigned spsel);
/* Brings interrupt_request up to date with the input lines and HCR_EL2.{VI,VF,VSE}. Any thread. */
void arm_lines_update(ARMCPU *env);
/* Exclusives count (several vCPUs): translated code calls the helpers of exclusive.c. Set before anything runs. */
extern atomic_bool arm_exclusive_counting;
/* Around the store of a store-exclusive; false: it fails. Abandoning does nothing where nothing is claimed. */
bool arm_exclusive_claim(ARMCPU *env, uint64_t addr);
void arm_exclusive_abandon(ARMCPU *env);
/* The regime, ASID, VMID or Security state may have changed: makes their TLB bank current. */
void arm_update_tlb_key(ARMCPU *env);

/* ---- excp.c ---- */
/* Raises an exception; pc is that of the faulting instruction (or after it for SVC, HVC, SMC). target_el 0: as routing says. */
_Noreturn void arm_raise(ARMCPU *env, int excp, uint32_t syndrome, unsigned target_el, uintptr_t retaddr);
_Noreturn void arm_raise_undef(ARMCPU *env, uintptr_t retaddr);
void arm_do_exception(CPUState *cpu);
bool arm_exec_interrupt(CPUState *cpu, uint32_t request);
bool arm_has_work(const CPUState *cpu);
bool arm_interrupts_off(const CPUState *cpu);

/* ---- mmu.c ---- */
bool arm_tlb_fill(CPUState *cpu, uint64_t va, unsigned size, AccessType access, unsigned mode, bool probe, uintptr_t retaddr);
bool arm_walk_code(CPUState *cpu, uint64_t va, Translation *out);
void arm_unaligned_access(CPUState *cpu, uint64_t va, AccessType access, unsigned mode, uintptr_t retaddr)
    __attribute__((noreturn));
void arm_bus_error(CPUState *cpu, hwaddr pa, AccessType access, uintptr_t retaddr);
bool arm_debug_translate(CPUState *cpu, uint64_t va, hwaddr *pa);
unsigned arm_current_mmu_mode(const CPUState *cpu, bool fetch);

/* ---- helper-fp.c ---- */
/* FPCR, FPSR and FPSCR with side effects: the host's control register, hflags. */
uint32_t arm_get_fpcr(ARMCPU *env);
uint32_t arm_get_fpsr(ARMCPU *env);
void arm_set_fpcr(ARMCPU *env, uint32_t value);
void arm_set_fpsr(ARMCPU *env, uint32_t value);
uint32_t arm_get_fpscr(ARMCPU *env);
void arm_set_fpscr(ARMCPU *env, uint32_t value);
/* The TBF_FP bits for the current FPCR. */
uint32_t arm_fp_hflags(const ARMCPU *env);
void arm_fp_reset(ARMCPU *env);

/* ---- timer.c ---- */
uint64_t arm_cntpct(const ARMCPU *env);
void arm_timers_init(ARMCPU *env);
void arm_timers_reset(ARMCPU *env);
void arm_pmu_init(ARMCPU *env);
void arm_pmu_reset(ARMCPU *env);
/* Around a change of the exception level, when pmu_filtered is set. */
void arm_pmu_before_el_change(ARMCPU *env);
void arm_pmu_after_el_change(ARMCPU *env);
void arm_timers_loaded(ARMCPU *env); /* after saved registers were loaded */

/* ---- cpu.c: for boards ---- */
CPUState *arm_cpu_create(const char *model, const TargetOps *ops, Error **errp);
void arm_cpu_list(FILE *out, const TargetOps *ops);
void arm_cpu_reset(CPUState *cpu);
/*
 * What a board decides; after cpu_create, before cpu_register. Each vCPU is reset afterwards.
 * el2, el3: keep the model's EL2 and EL3 (false takes them away).
 */
typedef struct ARMBoardConfig {
    bool el2, el3;
    uint64_t affinity;        /* MPIDR Aff fields */
    bool start_powered_off;   /* waits for PSCI CPU_ON or arm_cpu_power_on() */
    ARMConduit psci_conduit;
    uint64_t rvbar;           /* reset address */
    uint64_t cbar;            /* PERIPHBASE */
    uint64_t cntfrq;          /* 0: the model's */
} ARMBoardConfig;
void arm_cpu_configure(ARMCPU *cpu, const ARMBoardConfig *cfg);
/* The input line of a core; level-sensitive. Any thread, machine lock. */
IRQLine arm_cpu_line(ARMCPU *cpu, ARMLine line);
/* ---- m-*.c ---- */
void arm_m_configure(ARMCPU *cpu, const ARMMConfig *cfg);
void arm_m_reset(ARMCPU *env);
void arm_m_do_exception(ARMCPU *env, int excp);
bool arm_m_exec_interrupt(ARMCPU *env);
bool arm_m_has_work(const ARMCPU *env);
bool arm_m_tlb_fill(ARMCPU *env, uint64_t va, unsigned size, AccessType access, unsigned mode, bool probe, uintptr_t retaddr);
void arm_m_bus_error(ARMCPU *env, hwaddr pa, AccessType access, uintptr_t retaddr);
uint32_t arm_m_hflags(const ARMCPU *env);
void arm_m_update_tlb_key(ARMCPU *env);
void arm_m_post_load(ARMCPU *env);
/* SP and PC from the vector table; memory holds the program. Board's reset hook. */
void arm_m_start(ARMCPU *cpu);
/*
 * Called by the board's reset hook for a kernel started without firmware: enters at pc with x0 (r0), x1, x2, in the highest
 * implemented EL that a kernel expects: EL2 when there is one (secure: EL3 or Secure SVC), else EL1, AArch64 or AArch32 SVC/Hyp.
 */
typedef struct ARMBootState {
    uint64_t pc, r[4];
    bool aarch64, secure;
} ARMBootState;
void arm_cpu_set_boot(ARMCPU *cpu, const ARMBootState *boot);
/* Starts a powered-off vCPU, as PSCI CPU_ON does; false when it is already on. Machine lock. */
bool arm_cpu_power_on(ARMCPU *cpu, uint64_t entry, uint64_t context, unsigned el, bool aarch64);
ARMCPU *arm_cpu_by_affinity(uint64_t affinity); /* NULL when there is none */

/* ---- debug.c ---- */
void arm_debug_excp(CPUState *cpu);

/* ---- psci.c ---- */
/* True when the call in x0-x3 is ours (conduit matches) and has been done. */
bool arm_psci_call(ARMCPU *env, ARMConduit conduit);

extern const SavedField arm_saved[];
extern const RegisterDesc arm_registers[], aarch64_registers[];
extern const TargetOps arm_target_ops, aarch64_target_ops;
extern const GDBTarget arm_gdb_target;   /* gdb.c */
extern const DumpTarget arm_dump_target; /* memory-dump.c */

/* ---- translate.c ---- */
void arm_translate_init(void);
void arm_tb_start(TranslatorContext *ctx);
void arm_translate_insn(TranslatorContext *ctx);
void arm_tb_stop(TranslatorContext *ctx);
void arm_tb_side_exit(TranslatorContext *ctx, const SideExit *exit);
bool arm_guard_possible(const TranslationBlock *tb, const InsnData *data);
uint64_t arm_guard_exit(IRFunc *ir, const InsnData *data);
void arm_tb_resume(TranslatorContext *ctx, const SideExit *exit);
bool arm_tb_follow(TranslatorContext *ctx, uint64_t pc);
void arm_restore_state(CPUState *cpu, const TranslationBlock *tb, const InsnData *data);
extern const size_t arm_context_size;
TBState arm_tb_state(const CPUState *cpu);
void arm_disas(FILE *out, const CPUState *cpu, uint32_t flags, uint64_t pc, const uint8_t *bytes, size_t len);
void arm_dump_state(CPUState *cpu, FILE *out, bool fpu);

#endif
