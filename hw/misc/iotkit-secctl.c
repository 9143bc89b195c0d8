/* SPDX-License-Identifier: MIT */
/*
 * Security controller of the IoT kit (ARM ECM0601256 section 3.6): the Secure and Non-secure privilege control blocks. Which peripherals
 * are Non-secure, where Secure gateways may be, whether forbidden accesses fault. Regions: 0 Secure block, 1 Non-secure block.
 * Not modelled: privilege of accesses (unprivileged ones are let through), interrupts about forbidden accesses, master
 * security controllers, bridges.
 */
#include "hw/arm/tz.h"

#include "util/log.h"

#include <string.h>

#define WORDS (0x100 / 4)
#define W(offset) ((offset) / 4)
enum { SECRESPCFG = 0x10, NSCCFG = 0x14, AHBNSPPC0 = 0x50, AHBNSPPCEXP0 = 0x60, APBNSPPC0 = 0x70, APBNSPPCEXP0 = 0x80, IDS = 0xfd0 };

typedef struct SecCtl {
    Device dev;
    MemoryRegion secure, non_secure;
    uint32_t regs[WORDS], ns_regs[WORDS];
    void (*changed)(void *opaque);
    void *opaque;
} SecCtl;

/* Registers with writable bits; the others read as zero. */
typedef struct Row { uint16_t first, count; uint32_t write; } Row;
static const Row secure_rows[] = {
    { SECRESPCFG, 1, 1 }, { NSCCFG, 1, 3 }, { 0x28, 1, 0x00f000f3 }, { 0x48, 1, ~0u }, { AHBNSPPC0, 1, ~0u }, { AHBNSPPCEXP0, 4, 0xffff },
    { APBNSPPC0, 2, 0x1f }, { APBNSPPCEXP0, 4, 0xffff }, { 0x90, 1, ~0u }, { 0xa0, 4, 0xffff }, { 0xb0, 2, 0x1f }, { 0xc0, 4, 0xffff },
    { 0xd0, 1, 0xffff }, { 0 , 0, 0 },
};
static const Row ns_rows[] = { { 0x90, 1, ~0u }, { 0xa0, 4, 0xffff }, { 0xb0, 2, 0x1f }, { 0xc0, 4, 0xffff }, { 0, 0, 0 } };

static uint32_t writable(const Row *rows, hwaddr offset)
{
    for (; rows->count; rows++) {
        if (offset >= rows->first && offset < rows->first + 4u * rows->count)
            return rows->write;
    }
    return 0;
}

static uint32_t read_id(hwaddr offset, uint8_t part)
{
    static const uint8_t ids[] = { 0x04, 0, 0, 0, 0, 0xb8, 0x0b, 0, 0x0d, 0xf0, 0x05, 0xb1 };
    unsigned i = (unsigned)(offset - IDS) / 4;
    return i == 4 ? part : ids[i];
}

static uint64_t secure_read(void *opaque, hwaddr offset, unsigned size)
{
    const SecCtl *s = opaque;
    if (offset >= IDS)
        return read_id(offset, 0x52);
    return offset < sizeof(s->regs) ? s->regs[W(offset)] : 0;
}

static void secure_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    SecCtl *s = opaque;
    uint32_t mask = writable(secure_rows, offset);
    if (!mask) {
        guest_error("iotkit-secctl: write of register 0x%x\n", (unsigned)offset);
        return;
    }
    s->regs[W(offset)] = (uint32_t)value & mask;
    if (s->changed)
        s->changed(s->opaque);
}

static uint64_t ns_read(void *opaque, hwaddr offset, unsigned size)
{
    const SecCtl *s = opaque;
    if (offset >= IDS)
        return read_id(offset, 0x53);
    return offset < sizeof(s->ns_regs) ? s->ns_regs[W(offset)] : 0;
}

static void ns_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    SecCtl *s = opaque;
    uint32_t mask = writable(ns_rows, offset);
    if (mask)
        s->ns_regs[W(offset)] = (uint32_t)value & mask;
    else
        guest_error("iotkit-secctl: Non-secure write of register 0x%x\n", (unsigned)offset);
}

static const MemoryRegionOps secure_ops = { .read = secure_read, .write = secure_write, .impl_min = 4, .impl_max = 4 };
static const MemoryRegionOps ns_ops = { .read = ns_read, .write = ns_write, .impl_min = 4, .impl_max = 4 };

/* ---- What a bus asks ---- */

ARMMBusAnswer tz_ppc_check(Device *dev, TZGroup group, unsigned port, bool secure)
{
    static const uint8_t offsets[TZ_GROUPS] = {
        [TZ_APB0] = APBNSPPC0, [TZ_APB1] = APBNSPPC0 + 4, [TZ_AHB_EXP0] = AHBNSPPCEXP0, [TZ_AHB_EXP1] = AHBNSPPCEXP0 + 4,
        [TZ_APB_EXP0] = APBNSPPCEXP0, [TZ_APB_EXP1] = APBNSPPCEXP0 + 4, [TZ_APB_EXP2] = APBNSPPCEXP0 + 8,
    };
    const SecCtl *s = (const SecCtl *)dev;
    bool non_secure = s->regs[W(offsets[group])] >> port & 1;

    if (non_secure != secure)
        return ARM_M_BUS_ALLOW;
    return s->regs[W(SECRESPCFG)] & 1 ? ARM_M_BUS_FAULT : ARM_M_BUS_BLOCK;
}

unsigned tz_callable(const Device *dev)
{
    return ((const SecCtl *)dev)->regs[W(NSCCFG)] & 3;
}

void tz_ppc_on_change(Device *dev, void (*fn)(void *opaque), void *opaque)
{
    ((SecCtl *)dev)->changed = fn;
    ((SecCtl *)dev)->opaque = opaque;
}

/* ---- Device ---- */

static void secctl_reset(Device *dev)
{
    SecCtl *s = (SecCtl *)dev;
    memset(s->regs, 0, sizeof(s->regs));
    memset(s->ns_regs, 0, sizeof(s->ns_regs));
}

static bool secctl_realize(Device *dev, Error **errp)
{
    SecCtl *s = (SecCtl *)dev;
    memory_region_init_io(&s->secure, dev, &secure_ops, s, "iotkit-secctl-s-regs", 0x1000);
    memory_region_init_io(&s->non_secure, dev, &ns_ops, s, "iotkit-secctl-ns-regs", 0x1000);
    device_add_region(dev, &s->secure);
    device_add_region(dev, &s->non_secure);
    return true;
}

static const SavedField secctl_saved[] = { SAVED_ARRAY(SecCtl, regs), SAVED_ARRAY(SecCtl, ns_regs), SAVED_END() };
static const DeviceType secctl_type = {
    .name = "iotkit-secctl", .desc = "IoT kit security controller", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(SecCtl), .saved = secctl_saved, .realize = secctl_realize, .reset = secctl_reset,
};
device_type(secctl_type)
