/* SPDX-License-Identifier: MIT */
/* Nested vectored interrupt controller of M-profile cores, with the system control space around it. */
#include "hw/arm/armv7m-nvic.h"

#include "target-arm/cpu.h"
#include "util/error.h"

typedef struct NVIC {
    Device dev;
    ARMCPU *cpu;
    uint32_t num_irq, prio_bits;
    uint64_t sysclk_hz, refclk_hz;
    MemoryRegion scs, scs_ns, ppb;
} NVIC;

void nvic_set_cpu(Device *dev, ARMCPU *cpu)
{
    ((NVIC *)dev)->cpu = cpu;
    cpu->v7m.nvic = dev;
}

ARMCPU *nvic_cpu(const Device *dev)
{
    return ((const NVIC *)dev)->cpu;
}

void nvic_set_clocks(Device *dev, uint64_t sysclk_hz, uint64_t refclk_hz)
{
    ((NVIC *)dev)->sysclk_hz = sysclk_hz;
    ((NVIC *)dev)->refclk_hz = refclk_hz;
}

static void set_input(void *opaque, int n, int level)
{
}

static bool nvic_realize(Device *dev, Error **errp)
{
    NVIC *s = (NVIC *)dev;
    if (!s->num_irq || s->num_irq > 480) {
        error_setg(errp, "num-irq %u is not between 1 and 480", s->num_irq);
        return false;
    }
    memory_region_init(&s->scs, dev, "nvic_sysregs", 0x1000);
    memory_region_init(&s->scs_ns, dev, "nvic_sysregs_ns", 0x1000);
    memory_region_init(&s->ppb, dev, "ppb", 0x100000);
    device_add_region(dev, &s->scs);
    device_add_region(dev, &s->scs_ns);
    device_add_region(dev, &s->ppb);
    device_init_in(dev, set_input, s->num_irq + 1);
    device_init_out(dev, 1);
    return true;
}

static const Property nvic_props[] = { PROP_U32("num-irq", NVIC, num_irq, 64), PROP_U32("num-prio-bits", NVIC, prio_bits, 8), {} };
static const DeviceType nvic_type = {
    .name = "armv7m_nvic", .desc = "NVIC and system control space of M-profile cores", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(NVIC), .props = nvic_props, .realize = nvic_realize,
};
device_type(nvic_type)
