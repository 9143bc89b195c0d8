/* SPDX-License-Identifier: MIT */
/* M profile, for the core's own files (m-*.c, translate-m.c) and the NVIC: status bits, stack pointers, checked accesses. */
#ifndef TARGET_ARM_M_PROFILE_H
#define TARGET_ARM_M_PROFILE_H

#include "cpu.h"

/* CFSR: MMFSR, BFSR, UFSR. */
enum {
    CFSR_IACCVIOL = 1 << 0, CFSR_DACCVIOL = 1 << 1, CFSR_MUNSTKERR = 1 << 3, CFSR_MSTKERR = 1 << 4, CFSR_MLSPERR = 1 << 5,
    CFSR_MMARVALID = 1 << 7, CFSR_IBUSERR = 1 << 8, CFSR_PRECISERR = 1 << 9, CFSR_UNSTKERR = 1 << 11, CFSR_STKERR = 1 << 12,
    CFSR_LSPERR = 1 << 13, CFSR_BFARVALID = 1 << 15, CFSR_UNDEFINSTR = 1 << 16, CFSR_INVSTATE = 1 << 17, CFSR_INVPC = 1 << 18,
    CFSR_NOCP = 1 << 19, CFSR_STKOF = 1 << 20, CFSR_UNALIGNED = 1 << 24, CFSR_DIVBYZERO = 1 << 25,
    CFSR_BUS = 0xff00,
};
enum { HFSR_VECTTBL = 1 << 1, HFSR_FORCED = 1 << 30 };
#define HFSR_DEBUGEVT (1u << 31)
enum { DFSR_HALTED = 1, DFSR_BKPT = 2, DFSR_DWTTRAP = 4 };
enum {
    SFSR_INVEP = 1, SFSR_INVIS = 2, SFSR_INVER = 4, SFSR_AUVIOL = 8, SFSR_INVTRAN = 16, SFSR_LSPERR = 32, SFSR_SFARVALID = 64,
    SFSR_LSERR = 128,
};
enum { CONTROL_NPRIV = 1, CONTROL_SPSEL = 2, CONTROL_FPCA = 4, CONTROL_SFPA = 8 };
enum { CCR_NONBASETHRDENA = 1, CCR_USERSETMPEND = 2, CCR_UNALIGN_TRP = 8, CCR_DIV_0_TRP = 16, CCR_BFHFNMIGN = 256, CCR_STKALIGN = 512,
       CCR_STKOFHFNMIGN = 1024 };
enum { SCR_SLEEPONEXIT = 2, SCR_SLEEPDEEP = 4, SCR_SLEEPDEEPS = 8, SCR_SEVONPEND = 16 };
enum { AIRCR_SYSRESETREQS = 1 << 3, AIRCR_BFHFNMINS = 1 << 13, AIRCR_PRIS = 1 << 14 };
#define DEMCR_MON_EN (1u << 16)
#define DEMCR_MON_PEND (1u << 17)
#define DEMCR_SDME (1u << 20)
#define FPCCR_ASPEN (1u << 31)
#define FPCCR_LSPEN (1u << 30)
enum { FPCCR_LSPACT = 1, FPCCR_USER = 2, FPCCR_S = 4, FPCCR_THREAD = 8, FPCCR_HFRDY = 16, FPCCR_MMRDY = 32, FPCCR_BFRDY = 64,
       FPCCR_SFRDY = 128, FPCCR_MONRDY = 256, FPCCR_SPLIMVIOL = 512, FPCCR_UFRDY = 1024, FPCCR_TS = 1 << 26,
       FPCCR_CLRONRETS = 1 << 27, FPCCR_CLRONRET = 1 << 28, FPCCR_LSPENS = 1 << 29 };
/* FPCCR fields with a copy per Security state; the rest is in [0] (with the Security Extension [1]) alone: m_fpccr(). */
#define FPCCR_BANKED (FPCCR_LSPACT | FPCCR_USER | FPCCR_THREAD | FPCCR_MMRDY | FPCCR_SPLIMVIOL | FPCCR_UFRDY | FPCCR_ASPEN)
enum { MPU_ENABLE = 1, MPU_HFNMIENA = 2, MPU_PRIVDEFENA = 4 };
enum { EXCRET_ES = 1, EXCRET_SPSEL = 4, EXCRET_MODE = 8, EXCRET_FTYPE = 16, EXCRET_DCRS = 32, EXCRET_S = 64 };
#define EXCRET_MIN 0xff000000u
#define FNC_RETURN 0xfefffffeu /* bit 0 ignored */

/* ---- State ---- */
static inline bool m_security(const ARMCPU *env) { return arm_feature(env, ARM_FEATURE_M_SECURITY); }
static inline bool m_handler(const ARMCPU *env) { return env->v7m.exception != 0; }
/* Index of what is not banked but belongs to Secure state where there is one. */
static inline unsigned m_top(const ARMCPU *env) { return m_security(env); }
/* The stack pointer of a Security state: the process one or the main one. The current one is in r13. */
uint32_t m_sp(const ARMCPU *env, bool secure, bool process);
void m_set_sp(ARMCPU *env, bool secure, bool process, uint32_t value);
bool m_uses_psp(const ARMCPU *env); /* in the current mode and Security state */
/* Around changes of what decides which stack pointer is current (exception, CONTROL.SPSEL, Security state). */
void m_leave_sp(ARMCPU *env);
void m_enter_sp(ARMCPU *env);
/* The limit that holds for a stack pointer; 0 without limits. */
uint32_t m_splim(const ARMCPU *env, bool secure, bool process);
uint32_t arm_m_xpsr(const ARMCPU *env);
void arm_m_set_xpsr(ARMCPU *env, uint32_t value, uint32_t mask);
#define XPSR_IT 0x0600fc00u
#define XPSR_GE 0x000f0000u
#define XPSR_T (1u << 24)
#define XPSR_Q (1u << 27)
#define XPSR_EXCP 0x1ffu
#define XPSR_SPREALIGN (1u << 9)
#define XPSR_SFPA (1u << 20)
uint32_t m_fpccr(const ARMCPU *env, bool secure);
/* After any change to what the flags of TBs, the MMU context and pending interrupts depend on. */
void arm_m_state_changed(ARMCPU *env);
/* Interrupts may have been unmasked: the vCPU looks at the next opportunity. */
void arm_m_check_interrupts(ARMCPU *env);

/* ---- Access checks (m-mpu.c) ---- */
/* Who accesses: Security state, privilege, and whether at a negative priority (HardFault, NMI, FAULTMASK). */
typedef struct MContext {
    bool secure, priv, negative;
} MContext;
typedef enum MFault { MFAULT_NONE, MFAULT_MPU, MFAULT_BUS, MFAULT_SECURE, MFAULT_NSC /* fetch from a callable region */ } MFault;
typedef struct MAccess {
    MFault fault;
    bool non_secure;        /* the transaction on the bus */
    bool blocked;           /* it goes nowhere: reads as zero */
    bool read, write, exec; /* what this context may do there */
    bool whole_page;        /* and anywhere in the 4 KiB page */
} MAccess;
MContext arm_m_context(const ARMCPU *env, unsigned mmu_mode);
MAccess arm_m_check(ARMCPU *env, uint32_t address, unsigned size, AccessType access, const MContext *c);
/* Security attribution alone. */
typedef struct MAttribution {
    bool ns, nsc, sau_valid, idau_valid, whole_page;
    uint8_t sau_region, idau_region;
} MAttribution;
MAttribution arm_m_attribute(ARMCPU *env, uint32_t address, bool fetch, bool secure);
/* An access of a word by the exception machinery: checked, no fault raised. */
MFault arm_m_load(ARMCPU *env, uint32_t address, uint32_t *value, const MContext *c);
MFault arm_m_store(ARMCPU *env, uint32_t address, uint32_t value, const MContext *c);
/* The same for n words in one stack frame: at once where memory is plain RAM. */
MFault arm_m_load_words(ARMCPU *env, uint32_t address, uint32_t *value, unsigned n, const MContext *c, uint32_t *fault_address);
MFault arm_m_store_words(ARMCPU *env, uint32_t address, const uint32_t *value, unsigned n, const MContext *c, uint32_t *fault_address);
/* What TT gives for an address. */
uint32_t arm_m_test_target(ARMCPU *env, uint32_t address, bool alternate, bool force_unprivileged);

/* ---- Raising ---- */
_Noreturn void arm_m_raise_usage(ARMCPU *env, uint32_t cfsr, uintptr_t retaddr);
/* ---- Stacking (m-stack.c): false when a fault was pended ---- */
bool m_push_frame(ARMCPU *env);
bool m_push_callee(ARMCPU *env, uint32_t excret, bool tail_chain);
bool m_pop_frame(ARMCPU *env, uint32_t excret);
/* Lazy state preservation and the like before an FP instruction. */
void m_fp_prepare(ARMCPU *env);
/* FP state is to be saved at this address when somebody else uses the FPU. */
void m_defer_fp(ARMCPU *env, uint32_t fpcar);
/* Pends what a failed access of the machinery means; stacking, unstacking or lazy: the CFSR bits. */
typedef enum MPurpose { M_FOR_STACK, M_FOR_UNSTACK, M_FOR_LAZY } MPurpose;
void m_pend_access_fault(ARMCPU *env, MFault f, uint32_t address, const MContext *c, MPurpose why);

#endif
