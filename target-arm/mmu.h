/* SPDX-License-Identifier: MIT */
/* Address translation, for the core's own files: mmu.c, mmu-short.c, mmu-long.c, tlbi.c. */
#ifndef TARGET_ARM_MMU_H
#define TARGET_ARM_MMU_H

#include "cpu.h"

/* A translation regime and who accesses. */
typedef struct Regime {
    uint8_t el;          /* 1: EL1&0; 2: EL2 or EL2&0; 3: EL3 (AArch32: Secure PL1&0) */
    bool two_ranges;     /* TTBR0 and TTBR1, privileged and unprivileged */
    bool aa64, secure, stage2; /* stage2: stage 1 results go through it */
} Regime;

typedef enum FaultType {
    FAULT_NONE = -1, FAULT_ADDRESS_SIZE = 0, FAULT_TRANSLATION = 4, FAULT_ACCESS_FLAG = 8, FAULT_PERMISSION = 12,
    FAULT_EXTERNAL = 16, FAULT_EXTERNAL_WALK = 20, FAULT_ALIGNMENT = 33, FAULT_DOMAIN = 64, FAULT_TLB_CONFLICT = 48,
} FaultType;

/* What a walk found or why it failed. */
typedef struct Walk {
    FaultType fault;
    uint8_t level, domain;
    bool s1ptw, stage2;  /* the fault is stage 2's; for a descriptor of stage 1 */
    bool read, write, exec;
    bool global, ns, guarded, device;
    uint8_t attr;        /* MAIR byte; PAR_EL1 */
    uint8_t sh;
    uint64_t pa, page_size; /* after a translation fault: how much around the address has none; 0: no range has the address */
    uint64_t ipa;        /* of a stage 2 fault */
} Walk;

typedef struct WalkRequest {
    uint64_t va;
    AccessType access;
    bool user, pan;      /* unprivileged; PSTATE.PAN acts */
    bool debug;          /* no side effects in memory */
} WalkRequest;

Regime arm_regime(const ARMCPU *env, unsigned el);
/* Translates through all stages that are on. */
void arm_walk(ARMCPU *env, const Regime *r, const WalkRequest *q, Walk *w);
void arm_walk_long(ARMCPU *env, const Regime *r, const WalkRequest *q, Walk *w);
void arm_walk_short(ARMCPU *env, const Regime *r, const WalkRequest *q, Walk *w);
void arm_walk_stage2(ARMCPU *env, const Regime *r, uint64_t ipa, const WalkRequest *q, Walk *w);
/* Calls fn for each mapping of the current regime, in the order of addresses, until it returns false (debuggers' view). */
void arm_foreach_mapping(CPUState *cpu, bool (*fn)(void *opaque, uint64_t va, hwaddr pa, uint64_t size), void *opaque);
/* Reads and updates a descriptor at an (intermediate) physical address; false: *w says which fault. */
bool arm_read_descriptor(ARMCPU *env, const Regime *r, uint64_t pa, unsigned size, bool debug, uint64_t *out, uint64_t *host_pa, Walk *w);

/* The bank of a regime's context. */
TLBKey arm_tlb_key(const ARMCPU *env, const Regime *r, uint32_t asid);

/* target-arm/syndrome.c: a stage 2 data abort's syndrome with what the instruction at pc transfers, when that can be said. */
uint32_t arm_isv_syndrome(ARMCPU *env, uint32_t syndrome);

/* Syndrome status codes: ISS.{D,I}FSC, and the short and long formats of DFSR and IFSR. */
uint32_t arm_fault_status_long(const Walk *w);
uint32_t arm_fault_status_short(const Walk *w);

#endif
