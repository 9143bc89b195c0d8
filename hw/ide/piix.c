/* SPDX-License-Identifier: MIT */
/*
 * IDE function of the PIIX3 (Intel 82371SB datasheet, order 290550, sections 2.3 and 3): two channels at the legacy ports with interrupts 14 and 15,
 * and the bus master registers behind BAR 4. Scatter/gather per "Programming Interface for Bus Master IDE Controller" 1.0.
 * Interface: outputs 0 and 1 = interrupts of the channels; the board connects them. Ports are mapped by the device.
 * Not modelled: timing registers beyond storage. Unlike on the chip, decoding is on after reset: kernels that are booted without
 * firmware look at those bits.
 */
#include "hw/ide.h"
#include "hw/isa.h"
#include "hw/pc.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>

enum { BM_START = 1, BM_TO_MEMORY = 8 };                     /* command */
enum { BM_ACTIVE = 1, BM_ERROR = 2, BM_IRQ = 4, BM_KEEP = 0x60 }; /* status */
enum { REG_IDETIM = 0x40 };
#define PRD_END 0x80000000u

typedef struct PIIXChannel {
    struct PIIXIDE *owner;
    unsigned n;
    IDEChannel ide;
    uint8_t command, status;
    uint32_t table;                 /* physical address of the descriptors */
    uint32_t next;                  /* descriptor to read next */
    uint32_t piece, piece_left;     /* of the current one */
    bool last;                      /* it carries the end mark */
    MemoryRegion data, control;
} PIIXChannel;

typedef struct PIIXIDE {
    PCIDevice pci;
    PIIXChannel channel[2];
    MemoryRegion bm;
} PIIXIDE;

/* ---- For the channel ---- */

static void channel_irq(void *opaque, int level)
{
    PIIXChannel *c = opaque;
    if (level)
        c->status |= BM_IRQ;
    irq_set(&c->owner->pci.dev.out[c->n], level);
}

/* The next descriptor; false past the end or where there is no memory. */
static bool next_piece(PIIXChannel *c)
{
    uint32_t d[2];
    if (c->last || pci_dma_rw(&c->owner->pci, c->next, d, sizeof(d), false) != MEMTX_OK)
        return false;
    c->piece = GUINT32_FROM_LE(d[0]) & ~1u;
    c->piece_left = GUINT32_FROM_LE(d[1]) & 0xfffe;
    c->piece_left = c->piece_left ? c->piece_left : 0x10000;
    c->last = GUINT32_FROM_LE(d[1]) & PRD_END;
    c->next += 8;
    return true;
}

static bool channel_dma(void *opaque, void *buf, uint32_t len, bool to_guest)
{
    PIIXChannel *c = opaque;
    uint8_t *p = buf;
    while (len) {
        if (!c->piece_left && !next_piece(c))
            return false;
        uint32_t n = MIN(len, c->piece_left);
        if (pci_dma_rw(&c->owner->pci, c->piece, p, n, to_guest) != MEMTX_OK)
            return false;
        c->piece += n;
        c->piece_left -= n;
        p += n;
        len -= n;
    }
    return true;
}

static void channel_dma_ready(void *opaque)
{
    PIIXChannel *c = opaque;
    if (c->command & BM_START)
        ide_dma_start(&c->ide);
}

static void channel_dma_done(void *opaque, bool error)
{
    PIIXChannel *c = opaque;
    if (error)
        c->status |= BM_ERROR;
    if (c->last && !c->piece_left) /* more room than data leaves the engine active (1.1, table of states) */
        c->status &= (uint8_t)~BM_ACTIVE;
}

static const IDEHostOps host_ops = {
    .irq = channel_irq, .dma = channel_dma, .dma_ready = channel_dma_ready, .dma_done = channel_dma_done,
};

/* ---- Bus master registers: 8 bytes a channel ---- */

static uint64_t bm_read(void *opaque, hwaddr offset, unsigned size)
{
    PIIXIDE *s = opaque;
    const PIIXChannel *c = &s->channel[offset >> 3 & 1];
    unsigned reg = offset & 7;
    if (reg == 0)
        return c->command;
    if (reg == 2)
        return c->status;
    return reg >= 4 ? c->table >> 8 * (reg - 4) & 0xff : 0;
}

static void command_write(PIIXChannel *c, uint8_t v)
{
    bool was = c->command & BM_START, now = v & BM_START;
    c->command = v & (BM_START | BM_TO_MEMORY);
    if (!was && now) {
        c->next = c->table;
        c->piece_left = 0;
        c->last = false;
        c->status |= BM_ACTIVE;
        ide_dma_start(&c->ide);
    } else if (was && !now) {
        ide_dma_stop(&c->ide);
        c->status &= (uint8_t)~BM_ACTIVE;
    }
}

static void bm_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    PIIXIDE *s = opaque;
    PIIXChannel *c = &s->channel[offset >> 3 & 1];
    unsigned reg = offset & 7;
    uint8_t v = (uint8_t)value;
    if (reg == 0) {
        command_write(c, v);
    } else if (reg == 2) {
        c->status = (uint8_t)((v & BM_KEEP) | (c->status & BM_ACTIVE) | (c->status & ~v & (BM_ERROR | BM_IRQ)));
    } else if (reg >= 4) {
        unsigned shift = 8 * (reg - 4);
        c->table = ((c->table & ~(0xffu << shift)) | (uint32_t)v << shift) & ~3u;
    }
}

static const MemoryRegionOps bm_ops = { .read = bm_read, .write = bm_write, .valid_max = 4, .impl_min = 1, .impl_max = 1, .unaligned = true };

/* ---- Device ---- */

static bool piix_realize(Device *dev, Error **errp)
{
    static const uint16_t ports[2][2] = { { 0x1f0, 0x3f6 }, { 0x170, 0x376 } };
    static const char *const names[2] = { "ide.0", "ide.1" };
    PIIXIDE *s = (PIIXIDE *)dev;
    device_init_out(dev, 2);
    memory_region_init_io(&s->bm, dev, &bm_ops, s, "piix-bmdma", 16);
    pci_register_bar(&s->pci, 4, PCI_BAR_IO, &s->bm);
    memset(s->pci.writable + REG_IDETIM, 0xff, 5);
    for (unsigned i = 0; i < 2; i++) {
        PIIXChannel *c = &s->channel[i];
        c->owner = s;
        c->n = i;
        ide_channel_init(&c->ide, i, names[i], dev, &host_ops, c);
        memory_region_init_io(&c->data, dev, &ide_port_ops, &c->ide, "ide", 8);
        memory_region_init_io(&c->control, dev, &ide_control_ops, &c->ide, "ide-control", 1);
        device_add_region(dev, &c->data);
        device_add_region(dev, &c->control);
        memory_region_add(system_io, ports[i][0], &c->data);
        memory_region_add(system_io, ports[i][1], &c->control);
    }
    return true;
}

static void piix_reset(Device *dev)
{
    PIIXIDE *s = (PIIXIDE *)dev;
    s->pci.config[0x06] = 0x80;
    s->pci.config[0x07] = 0x02;
    memset(s->pci.config + REG_IDETIM, 0, 5);
    s->pci.config[REG_IDETIM + 1] = s->pci.config[REG_IDETIM + 3] = 0x80;
    for (unsigned i = 0; i < 2; i++) {
        PIIXChannel *c = &s->channel[i];
        ide_channel_reset(&c->ide);
        c->command = c->status = 0;
        c->table = c->next = c->piece = c->piece_left = 0;
        c->last = false;
    }
}

static const SavedField channel_saved[] = {
    SAVED_STRUCT(PIIXChannel, ide, ide_channel_saved), SAVED_INT(PIIXChannel, command), SAVED_INT(PIIXChannel, status),
    SAVED_INT(PIIXChannel, table), SAVED_INT(PIIXChannel, next), SAVED_INT(PIIXChannel, piece), SAVED_INT(PIIXChannel, piece_left),
    SAVED_INT(PIIXChannel, last), SAVED_END()
};
static const SavedField piix_saved[] = { SAVED_STRUCTS(PIIXIDE, channel, channel_saved), SAVED_END() };

static void piix_loaded(Device *dev)
{
    PIIXIDE *s = (PIIXIDE *)dev;
    for (unsigned i = 0; i < 2; i++) {
        s->channel[i].ide.selected &= 1;
        irq_set(&dev->out[i], s->channel[i].ide.irq_level && !(s->channel[i].ide.control & 2));
    }
}

static const PCIClass piix_class = {
    .vendor = 0x8086, .device = 0x7010, .subsystem_vendor = 0x1af4, .subsystem = 0x1100, .class_code = 0x010180,
};
static const DeviceType piix_type = {
    .name = "piix3-ide", .desc = "PIIX3 IDE controller", .bus = BUS_PCI, .category = "Storage devices", .size = sizeof(PIIXIDE),
    .internal = true, .class_data = &piix_class, .saved = piix_saved, .realize = piix_realize, .reset = piix_reset, .post_load = piix_loaded,
};
device_type(piix_type)

bool piix_ide_new(const char *addr, Error **errp)
{
    Device *dev = device_new("piix3-ide");
    device_set_str(dev, "addr", addr);
    if (!device_realize(dev, errp))
        return false;
    connect_line(dev, 0, isa_irq(14));
    connect_line(dev, 1, isa_irq(15));
    PIIXIDE *s = (PIIXIDE *)dev;
    for (int bus = 0; bus < 2; bus++) {
        for (int unit = 0; unit < 2; unit++) {
            Drive *d = drive_get(DRIVE_IDE, bus, unit);
            if (d && !ide_add_drive(&s->channel[bus].ide, (unsigned)unit, d, errp))
                return false;
        }
    }
    return true;
}
