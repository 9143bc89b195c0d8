/* SPDX-License-Identifier: MIT */
/*
 * The NVIC as the core of target-arm sees it: exceptions by number (1-15 the architecture's, 16 and up external), pending, active
 * and priorities. Banked exceptions have an instance per Security state; `secure` chooses it and means nothing for the others.
 * The vCPU calls these with the machine lock.
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

void nvic_set_cpu(Device *nvic, struct ARMCPU *cpu); /* before realize */
struct ARMCPU *nvic_cpu(const Device *nvic);
void nvic_set_clocks(Device *nvic, uint64_t sysclk_hz, uint64_t refclk_hz);

#endif
