/* SPDX-License-Identifier: MIT */
/* State of the GICv3, shared by its files: distributor, redistributors, CPU interfaces, LPIs. What
 * is not a property is protected by GICv3.lock. */
#ifndef RHEA_HW_INTC_GICV3_H
#define RHEA_HW_INTC_GICV3_H

#include "hw/arm/gic.h"
#include "hw/intc/gic-lock.h"
#include "hw/intc/gic-word.h"
#include "target-arm/cpu.h"

#define GICV3_WORDS 32
#define GICV3_IRQS (32 * GICV3_WORDS)
#define GICV3_PRIORITY_BITS 5
#define GICV3_PRIORITY_MASK 0xf8u
#define GICV3_LPI_FIRST 8192
#define GICV3_LPI_END 65536           /* 16 bits of interrupt number */
#define GICV3_LPI_WORDS ((GICV3_LPI_END - GICV3_LPI_FIRST) / 64)
enum { GICV3_IDLE = 0x100, GICV3_SPURIOUS = 1023 };

typedef enum GICGroup { GIC_G0, GIC_G1S, GIC_G1NS, GIC_GROUPS } GICGroup;
enum { GICD_EN_G0 = 1, GICD_EN_G1NS = 2, GICD_EN_G1S = 4, GICD_ARE_S = 0x10, GICD_ARE_NS = 0x20, GICD_DS = 0x40 };
enum { ICC_CBPR = 1, ICC_EOIMODE = 2 };
enum { GICR_ENABLE_LPIS = 1 };

typedef struct GICv3 GICv3;
/* A vCPU's redistributor and CPU interface. */
typedef struct GICv3CPU {
    Device dev;
    GICv3 *gic;
    ARMCPU *cpu;                  /* NULL until connected (tests) */
    unsigned index;
    uint64_t affinity;            /* as in MPIDR */
    /* redistributor */
    uint32_t ctlr, waker, nsacr;
    uint64_t propbaser, pendbaser;
    GICWord local;
    uint8_t priority[32];
    uint32_t lpis;                /* pending */
    uint64_t lpi_pending[GICV3_LPI_WORDS];
    /* physical CPU interface; [group] */
    uint8_t pmr, bpr[GIC_GROUPS], enabled[GIC_GROUPS];
    uint32_t icc_ctlr[2];         /* Secure, Non-secure: CBPR, EOImode */
    uint32_t active[GIC_GROUPS];  /* a bit per priority level in service */
    /* virtual CPU interface */
    uint64_t ich_hcr, ich_vmcr, ich_lr[16];
    uint32_t ich_active[2];
    /* computed */
    uint16_t best;                /* highest priority pending interrupt or GICV3_SPURIOUS */
    uint8_t best_priority;
    GICGroup best_group;
    uint8_t as_fiq;               /* groups that the vCPU's Security state has signalled as FIQ: bits */
    uint8_t shown[GIC_OUTS];      /* of the outputs */
} GICv3CPU;

struct GICv3 {
    Device dev;
    GRecMutex lock;
    uint32_t ncpu, nirq;
    bool security, lpi, start_nonsecure; /* start_nonsecure: reset as secure firmware would leave it, all in group 1 */
    uint32_t first_region;        /* redistributors in region 1; the others are in region 2 */
    MemoryRegion dist, redist, redist2;
    uint32_t ctlr;
    GICWord spi[GICV3_WORDS];     /* [0] is unused */
    uint8_t priority[GICV3_IRQS];
    uint64_t router[GICV3_IRQS];
    uint16_t target[GICV3_IRQS];  /* vCPU the router names, or ncpu */
    GICv3CPU **cpu;               /* [ncpu] */
    Bus bus;
};

/* gicv3.c */
GICGroup gicv3_group(const GICv3 *s, const GICWord *w, unsigned bit);
GICWord *gicv3_word(GICv3CPU *c, unsigned irq);
uint8_t *gicv3_priority(GICv3CPU *c, unsigned irq);
/* Brings a vCPU's (each vCPU's) best interrupt and outputs up to date. */
void gicv3_update_cpu(GICv3CPU *c);
void gicv3_update(GICv3 *s);
/* Makes an SGI pending at one vCPU for a requested group, if the sender may. */
void gicv3_send_sgi(GICv3CPU *to, unsigned sgi, GICGroup group, bool from_non_secure);
GICv3CPU *gicv3_find_affinity(GICv3 *s, uint64_t affinity);

/* gicv3-cpuif.c */
void gicv3_cpuif_reset(GICv3CPU *c);
/* Outputs, from best and the interface's state. */
void gicv3_cpuif_update(GICv3CPU *c);
void gicv3_cpuif_connect(GICv3CPU *c);

/* gicv3-virt.c: the virtual CPU interface */
bool gicv3_virt_read(GICv3CPU *c, uint32_t reg, uint64_t *value);
bool gicv3_virt_write(GICv3CPU *c, uint32_t reg, uint64_t value);
ARMAccess gicv3_ich_read(GICv3CPU *c, uint32_t reg, uint64_t *value);
ARMAccess gicv3_ich_write(GICv3CPU *c, uint32_t reg, uint64_t value);
void gicv3_virt_update(GICv3CPU *c);
void gicv3_virt_reset(GICv3CPU *c);

/* gicv3-lpi.c */
/* Considers the pending LPIs for best. Those who change LPIs call gicv3_update_cpu() when done. */
void gicv3_lpi_best(GICv3CPU *c);
void gicv3_lpi_set(GICv3CPU *c, unsigned lpi, bool pending);
bool gicv3_lpi_pending(const GICv3CPU *c, unsigned lpi);
/* EnableLPIs was set: takes the pending table from memory. */
void gicv3_lpi_enable(GICv3CPU *c);
void gicv3_lpi_move_all(GICv3CPU *from, GICv3CPU *to);

#endif
