/* SPDX-License-Identifier: MIT */
/*
 * The NVIC as the core of target-arm sees it: exceptions by number (1-15 the architecture's, 16 and up external), pending, active
 * and priorities. Banked exceptions have an instance per Security state; `secure` chooses it and means nothing for the others.
 * Machine lock.
 */
#ifndef RHEA_HW_ARM_ARMV7M_NVIC_H
#define RHEA_HW_ARM_ARMV7M_NVIC_H

#include "hw/device.h"

struct ARMCPU;
enum { NVIC_REGION_SCS, NVIC_REGION_SCS_NS, NVIC_REGION_PPB };

enum {
    M_EXCP_RESET = 1, M_EXCP_NMI, M_EXCP_HARD, M_EXCP_MEM, M_EXCP_BUS, M_EXCP_USAGE, M_EXCP_SECURE, M_EXCP_SVC = 11, M_EXCP_DEBUG,
    M_EXCP_PENDSV = 14, M_EXCP_SYSTICK, M_EXCP_EXTERNAL,
};
#define NVIC_PRIORITY_NONE 0x100 /* of thread code with nothing active or masked */

/* ---- For armv7m_create() ---- */
void nvic_set_cpu(Device *nvic, struct ARMCPU *cpu); /* before realize */
struct ARMCPU *nvic_cpu(const Device *nvic);
void nvic_set_clocks(Device *nvic, uint64_t sysclk_hz, uint64_t refclk_hz);

/* ---- For the core ---- */
void nvic_pend(Device *nvic, unsigned exc, bool secure);
/*
 * A synchronous exception (fault, SVC, BKPT) has happened: it is pended, or what it escalates to when its priority is too low here
 * or it is not enabled. False: not even HardFault can be taken, which is lockup.
 */
bool nvic_pend_sync(Device *nvic, unsigned exc, bool secure);
/* What runs: active exceptions with PRIMASK, FAULTMASK and BASEPRI. */
int nvic_exec_priority(const Device *nvic);
int nvic_active_priority(const Device *nvic); /* of the exceptions alone */
/* The exception that would be taken next; false: nothing is pending with a priority above the current one. */
bool nvic_next(const Device *nvic, unsigned *exc, bool *secure);
/* The same without PRIMASK: what ends WFI. */
bool nvic_would_wake(const Device *nvic);
/* What nvic_next() found becomes active. */
void nvic_acknowledge(Device *nvic);
/* Exception return: no longer active. False: it was not (the integrity checks fail). */
bool nvic_complete(Device *nvic, unsigned exc, bool secure);
bool nvic_is_active(const Device *nvic, unsigned exc, bool secure);
/* Number of active exceptions, for returns to Thread mode. */
unsigned nvic_active_count(const Device *nvic);
/* The exception of this number that is active targets Secure state. */
bool nvic_targets_secure(const Device *nvic, unsigned exc, bool secure);
/* It could be taken now without escalation (FPCCR.*RDY). */
bool nvic_is_ready(const Device *nvic, unsigned exc, bool secure);
/* Masks or priorities have changed. */
void nvic_update(Device *nvic);

#endif
