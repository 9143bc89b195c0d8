/* SPDX-License-Identifier: MIT */
/*
 * PIIX3 PCI-to-ISA bridge (Intel 82371SB datasheet, order 290550): routes PIRQA-D to ISA interrupts,
 * holds the reset control register at 0xcf9, function 01.0.
 *
 * Interface: inputs 0-3 = PIRQ lines; they are joined with what ISA devices drive, so the board connects
 * outputs 0-15 (wired-or of PIRQs routed to that interrupt) beside the ISA lines.
 * Not modelled: ISA timing, DMA aliases, X-bus chip selects (plain storage).
 */
#include "hw/isa.h"
#include "hw/pc-north.h"
#include "hw/pc.h"
#include "util/error.h"
#include <string.h>

enum { REG_PIRQ = 0x60, PIRQ_DISABLED = 0x80, PIRQS = 4 };

typedef struct PIIX3 {
    PCIDevice pci;
    ResetControl reset_control;
    uint8_t pirq_level;   /* bit per PIRQ */
    uint16_t irq_level;   /* outputs driven */
} PIIX3;

static void piix3_update(PIIX3 *s)
{
    uint16_t level = 0;
    for (unsigned n = 0; n < PIRQS; n++) {
        uint8_t route = s->pci.config[REG_PIRQ + n];
        if ((s->pirq_level >> n & 1) && !(route & PIRQ_DISABLED))
            level |= 1u << (route & 15);
    }
    uint16_t changed = level ^ s->irq_level;
    s->irq_level = level;
    for (unsigned n = 0; changed; n++, changed >>= 1)
        if (changed & 1)
            irq_set(&s->pci.dev.out[n], level >> n & 1);
}

static void piix3_pirq(void *opaque, int n, int level)
{
    PIIX3 *s = opaque;
    s->pirq_level = (s->pirq_level & ~(1u << n)) | (level != 0) << n;
    piix3_update(s);
}

static void piix3_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    (void)value;
    if (addr < REG_PIRQ + PIRQS && addr + size > REG_PIRQ)
        piix3_update((PIIX3 *)pci);
}

static void piix3_reset(Device *dev)
{
    PIIX3 *s = (PIIX3 *)dev;
    uint8_t *config = s->pci.config;
    memset(config + REG_PIRQ, PIRQ_DISABLED, PIRQS);
    config[0x04] = 7; /* I/O, memory, bus master */
    config[0x4c] = 0x4d;
    config[0x4e] = 0x03;
    config[0x69] = 0x02;
    config[0x70] = 0x80;
    config[0x82] = 0x02;
    s->reset_control.value = 0;
    s->pirq_level = 0;
    piix3_update(s);
}

static bool piix3_realize(Device *dev, Error **errp)
{
    PIIX3 *s = (PIIX3 *)dev;
    (void)errp;
    reset_control_init(&s->reset_control, dev);
    device_init_in(dev, piix3_pirq, PIRQS);
    device_init_out(dev, ISA_IRQS);
    memset(s->pci.writable + 0x40, 0xff, 0x60);
    for (unsigned n = 0; n < PIRQS; n++)
        s->pci.writable[REG_PIRQ + n] = 0x8f;
    s->pci.config_write = piix3_config_write;
    return true;
}

static void piix3_post_load(Device *dev)
{
    PIIX3 *s = (PIIX3 *)dev;
    s->pirq_level &= (1u << PIRQS) - 1;
    piix3_update(s);
}

static const SavedField piix3_saved[] = {
    SAVED_INT(PIIX3, reset_control.value), SAVED_INT(PIIX3, pirq_level), SAVED_INT(PIIX3, irq_level), SAVED_END(),
};
static const PCIClass piix3_class = {
    .vendor = 0x8086, .device = 0x7000, .subsystem_vendor = 0x1af4, .subsystem = 0x1100, .class_code = 0x060100,
    .header_type = 0x80,
};
static const DeviceType piix3_type = {
    .name = "PIIX3", .desc = "ISA bridge", .bus = BUS_PCI, .category = "Bridge devices", .size = sizeof(PIIX3),
    .internal = true, .class_data = &piix3_class, .saved = piix3_saved, .realize = piix3_realize,
    .reset = piix3_reset, .post_load = piix3_post_load,
};
device_type(piix3_type);

Device *piix3_new(bool smm, Error **errp)
{
    (void)smm; /* function 01.3 raises SMIs */
    Device *dev = device_new("PIIX3");
    device_set_str(dev, "addr", "1");
    if (!device_realize(dev, errp))
        return NULL;
    pci_set_reset_control(dev->regions[0]);
    for (unsigned n = 0; n < PIRQS; n++)
        pci_root_bus->lines[n] = device_input(dev, n);
    return dev;
}
