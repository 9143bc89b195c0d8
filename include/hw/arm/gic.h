/* SPDX-License-Identifier: MIT */
/*
 * Arm interrupt controllers as boards see them. Inputs: SPI n (interrupt 32 + n) is input n; interrupt i < 32 of vCPU c is
 * input gic_private_input(spis, c, i). Outputs: four per vCPU. Machine lock.
 */
#ifndef RHEA_HW_ARM_GIC_H
#define RHEA_HW_ARM_GIC_H

#include "hw/device.h"

enum { GIC_OUT_IRQ, GIC_OUT_FIQ, GIC_OUT_VIRQ, GIC_OUT_VFIQ, GIC_OUT_MAINTENANCE, GIC_OUTS };
#define GIC_SPECIAL_BASE 1020 /* interrupt numbers from here have meanings of their own */

static inline unsigned gic_private_input(unsigned spis, unsigned cpu, unsigned n)
{
    return spis + 32 * cpu + n;
}

/* GICv3: vCPU n takes part, with its affinity and its system registers. Before the machine runs. */
struct ARMCPU;
void gicv3_connect_cpu(Device *dev, unsigned n, struct ARMCPU *cpu);

/* Whether the register access now being made by current_cpu is a secure one. NULL: all are non-secure. */
extern bool (*gic_secure_access)(void);

#endif
