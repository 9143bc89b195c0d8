/* SPDX-License-Identifier: MIT */
/*
 * System registers and system instructions as tables: one row per encoding, with the feature it needs as a column. Arm ARM DDI
 * 0487 D17-D19 and G8. AArch64 rows are found by A64_SYSREG(), AArch32 ones by A32_CP() and A32_CP64().
 */
#ifndef TARGET_ARM_SYSREG_H
#define TARGET_ARM_SYSREG_H

#include "cpu.h"

/* Bits 31:30 keep the three kinds of keys apart. */
#define A32_CP(cp, opc1, crn, crm, opc2) \
    (1u << 30 | (uint32_t)(cp) << 16 | (uint32_t)(crn) << 11 | (uint32_t)(crm) << 7 | (uint32_t)(opc1) << 3 | (uint32_t)(opc2))
#define A32_CP64(cp, opc1, crm) (2u << 30 | (uint32_t)(cp) << 16 | (uint32_t)(crm) << 7 | (uint32_t)(opc1) << 3)

/* Who may access: bit 2 * EL reads, the next writes. */
enum {
    P0_RW = 0xff, P0_R = 0x55, P0_W = 0xaa, P1_RW = 0xfc, P1_R = 0x54, P1_W = 0xa8, P2_RW = 0xf0, P2_R = 0x50, P2_W = 0xa0,
    P3_RW = 0xc0, P3_R = 0x40, P3_W = 0x80,
    P0_R_P1_W = P0_R | P1_W, P0_R_P3_W = P0_R | P3_W,
};
enum {
    SR_CONST = 1,      /* reads as .value, writes are ignored */
    SR_RAW = 2,        /* a plain field: writes change nothing else, so that the TB goes on */
    SR_32 = 4,         /* the field has 32 bits */
    SR_BANKED = 8,     /* AArch32: offset is that of element [0] of an array by arm_s_index() */
    SR_NOP = 16,       /* does nothing */
    SR_CONTINUE = 32,  /* the write callback changes nothing that translation depends on */
    SR_HIGH = 64,      /* AArch32: the high half of the 64-bit field; else a 32-bit view of one is its low half */
    SR_GIC = 128,      /* of the GIC's CPU interface; .value is the A64 key */
    SR_CURRENT = 256,  /* DC ZVA: accesses memory, see arm_sysreg_write_at() */
};

typedef struct ARMSysReg ARMSysReg;
typedef ARMAccess ARMAccessFunc(ARMCPU *env, const ARMSysReg *r, bool write);
struct ARMSysReg {
    const char *name;
    uint32_t key;
    uint8_t perm;
    uint16_t flags;
    uint8_t feature;      /* ARM_FEATURE_* + 1; 0 = always there */
    uint32_t offset;      /* in ARMCPU; 0 = none */
    uint64_t value;       /* SR_CONST; else an argument of the callbacks */
    uint64_t trap_r, trap_w; /* HCR_EL2 bits that trap EL1 (and EL0) accesses to EL2 */
    ARMAccessFunc *access;
    uint64_t (*read)(ARMCPU *env, const ARMSysReg *r);
    void (*write)(ARMCPU *env, const ARMSysReg *r, uint64_t value);
};
#define NEED(feature_) .feature = ARM_FEATURE_##feature_ + 1

/* Tables; each ends with a row without name. */
extern const ARMSysReg arm_sysregs_a64[], arm_sysregs_id[], arm_sysregs_cache[], arm_sysregs_tlb[], arm_sysregs_timer[],
    arm_sysregs_debug[], arm_sysregs_pmu[], arm_sysregs_cp15[], arm_sysregs_cp14[], arm_sysregs_gic[];

/* NULL when unallocated for this CPU. Permissions are not looked at. */
const ARMSysReg *arm_sysreg_find(const ARMCPU *env, uint32_t key);
/* Whether the EL may make the access at all (else UNDEFINED). */
static inline bool arm_sysreg_permits(const ARMSysReg *r, unsigned el, bool read)
{
    return r->perm >> (2 * el + !read) & 1;
}
/* Checks beyond that: traps. */
ARMAccess arm_sysreg_check(ARMCPU *env, const ARMSysReg *r, bool write);
/* For debuggers and boards, too: no checks. */
uint64_t arm_sysreg_read(ARMCPU *env, const ARMSysReg *r);
void arm_sysreg_write(ARMCPU *env, const ARMSysReg *r, uint64_t value);
/* For SR_CURRENT rows: the callback's access to guest memory may fault (DC ZVA). */
void arm_sysreg_write_at(ARMCPU *env, const ARMSysReg *r, uint64_t value, uintptr_t retaddr);

/* ---- Side effects that several tables share ---- */
void arm_write_ttbr(ARMCPU *env, const ARMSysReg *r, uint64_t value);   /* plain field, then arm_update_tlb_key() */
void arm_write_tcr(ARMCPU *env, const ARMSysReg *r, uint64_t value);    /* the same after a flush */
void arm_write_sctlr(ARMCPU *env, const ARMSysReg *r, uint64_t value);
void arm_write_hflags(ARMCPU *env, const ARMSysReg *r, uint64_t value); /* plain field, then arm_rebuild_hflags() */
void arm_write_hcr(ARMCPU *env, const ARMSysReg *r, uint64_t value);
void arm_write_scr(ARMCPU *env, const ARMSysReg *r, uint64_t value);
void arm_tlb_flush_local(ARMCPU *env);
void arm_write_nothing(ARMCPU *env, const ARMSysReg *r, uint64_t value);
uint64_t arm_read_l2ctlr(ARMCPU *env, const ARMSysReg *r);
/* A field by its offset, banked and halved as the row says. */
void arm_sysreg_set_field(ARMCPU *env, const ARMSysReg *r, uint64_t value);
ARMAccess arm_access_el0_sctlr(ARMCPU *env, uint64_t bit);              /* EL0 needs this SCTLR bit */
/* Recomputes the engine's breakpoints and watchpoints from DBGB*, DBGW*. debug.c */
void arm_debug_update(ARMCPU *env);

#endif
