/* SPDX-License-Identifier: MIT */
/*
 * GICv2 virtualization extensions of one vCPU (ARM IHI 0048B ch. 5): list registers that a hypervisor fills through GICH, and the
 * virtual CPU interface GICV that its guest sees. The interrupt controller's lock.
 */
#ifndef RHEA_HW_INTC_GICV2_VIRT_H
#define RHEA_HW_INTC_GICV2_VIRT_H

#include "hw/device.h"

enum { GICV2_LIST_REGISTERS = 4 };

typedef struct GICv2Virt {
    uint32_t hcr, apr, lr[GICV2_LIST_REGISTERS];
    uint32_t ctlr;           /* of GICV: enables, AckCtl, FIQEn, CBPR, EOImode */
    uint8_t pmr, bpr, abpr;
    uint8_t virq, vfiq, maintenance; /* what the outputs show */
} GICv2Virt;
extern const SavedField gicv2_virt_saved[];

void gicv2_virt_reset(GICv2Virt *v);     /* keeps what the outputs show */
void gicv2_virt_post_load(GICv2Virt *v);

/* GICH, offsets 0 to 0xfff. */
uint32_t gicv2_hyp_read(GICv2Virt *v, unsigned offset);
void gicv2_hyp_write(GICv2Virt *v, unsigned offset, uint32_t value);
/* GICV, offsets 0 to 0x1fff. The write returns the physical interrupt that it deactivates, or -1. */
uint32_t gicv2_vcpu_read(GICv2Virt *v, unsigned offset);
int gicv2_vcpu_write(GICv2Virt *v, unsigned offset, uint32_t value);

/* Levels of the outputs now. */
typedef struct GICv2VirtLevels {
    bool virq, vfiq, maintenance;
} GICv2VirtLevels;
GICv2VirtLevels gicv2_virt_levels(const GICv2Virt *v);

#endif
