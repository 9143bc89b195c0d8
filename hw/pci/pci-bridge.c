/* SPDX-License-Identifier: MIT */
/*
 * PCI-to-PCI bridges (PCI-to-PCI Bridge Architecture Specification 1.2): the secondary bus, the windows of memory and I/O that
 * pass to it, interrupts and configuration accesses between the two. Not modelled: VGA and ISA bits of the control register,
 * bus masters behind a bridge whose own master bit is off (devices that map memory directly do not ask), subtractive decoding.
 */
#include "hw/pci.h"

#include <glib.h>
#include <string.h>

enum {
    PCI_COMMAND = 0x04, COMMAND_IO = 1, COMMAND_MEMORY = 2, PRIMARY_BUS = 0x18, SECONDARY_STATUS = 0x1e, IO_BASE = 0x1c,
    MEMORY_BASE = 0x20, PREFETCH_BASE = 0x24, PREFETCH_BASE_HIGH = 0x28, PREFETCH_LIMIT_HIGH = 0x2c, IO_BASE_HIGH = 0x30,
    BRIDGE_CONTROL = 0x3e, CONTROL_RESET = 0x40,
};

static uint32_t get(const PCIDevice *pci, unsigned at, unsigned size)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)pci->config[at + i] << 8 * i;
    return v;
}

PCIWindowRange pci_bridge_window(const PCIDevice *pci, PCIWindowKind kind)
{
    if (kind == PCI_WINDOW_IO)
        return (PCIWindowRange){ (get(pci, IO_BASE, 1) & 0xf0) << 8, (get(pci, IO_BASE + 1, 1) & 0xf0) << 8 | 0xfff };
    unsigned at = kind == PCI_WINDOW_MEMORY ? MEMORY_BASE : PREFETCH_BASE;
    PCIWindowRange w = { (uint64_t)(get(pci, at, 2) & 0xfff0) << 16, (uint64_t)(get(pci, at + 2, 2) & 0xfff0) << 16 | 0xfffff };
    if (kind == PCI_WINDOW_PREFETCH) {
        w.start |= (uint64_t)get(pci, PREFETCH_BASE_HIGH, 4) << 32;
        w.last |= (uint64_t)get(pci, PREFETCH_LIMIT_HIGH, 4) << 32;
    }
    return w;
}

/* Puts each window where the registers say. */
static void update_windows(PCIBridge *b)
{
    static const char *const names[PCI_WINDOWS] = { "pci_bridge_io", "pci_bridge_mem", "pci_bridge_pref_mem" };
    unsigned command = get(&b->pci, PCI_COMMAND, 2);
    memory_transaction_begin();
    for (unsigned k = 0; k < PCI_WINDOWS; k++) {
        bool io = k == PCI_WINDOW_IO;
        MemoryRegion *space = io ? b->pci.bus->io : b->pci.bus->memory, *below = io ? &b->io : &b->memory;
        PCIWindowRange w = pci_bridge_window(&b->pci, k);
        bool on = space && (command & (io ? COMMAND_IO : COMMAND_MEMORY)) && w.last > w.start;
        if (b->mapped[k]) {
            memory_region_del(space, &b->window[k]);
            memory_region_destroy(&b->window[k]);
        }
        b->mapped[k] = on;
        if (on) {
            memory_region_init_alias(&b->window[k], &b->pci.dev, names[k], below, w.start, w.last - w.start + 1);
            memory_region_add_overlap(space, w.start, &b->window[k], 1);
        }
    }
    memory_transaction_commit();
}

/* A pin of the secondary bus appears as the bridge's own (the swizzle was done below). */
static void secondary_line(void *opaque, int n, int level)
{
    PCIBridge *b = opaque;
    if ((b->pins >> n & 1) == level)
        return;
    b->pins ^= 1u << n;
    pci_pin_changed(&b->pci, n, level ? 1 : -1);
}

static int secondary_map_irq(PCIDevice *dev, int pin)
{
    return ((dev->addr >> 3) + pin) & 3;
}

void pci_bridge_init(PCIBridge *b, const char *bus_name, bool express)
{
    PCIDevice *pci = &b->pci;
    memory_region_init(&b->memory, &pci->dev, "pci_bridge_pci", UINT64_MAX);
    memory_region_init(&b->io, &pci->dev, "pci_bridge_io", 64 * KiB);
    bus_init(&b->bus.bus, BUS_PCI, bus_name, &pci->dev);
    b->bus.memory = &b->memory;
    b->bus.io = &b->io;
    b->bus.dma = pci->bus->dma;
    b->bus.msi = pci->bus->msi;
    b->bus.msi_opaque = pci->bus->msi_opaque;
    b->bus.map_irq = secondary_map_irq;
    b->bus.bridge = pci;
    b->bus.express = express;
    for (int n = 0; n < 4; n++)
        b->bus.lines[n] = (IRQLine){ secondary_line, b, n };
    pci->secondary = &b->bus;
    memset(pci->writable + PRIMARY_BUS, 0xff, 4);
    static const uint8_t windows[] = { 0xf0, 0xf0, 0, 0, 0xf0, 0xff, 0xf0, 0xff, 0xf0, 0xff, 0xf0, 0xff };
    memcpy(pci->writable + IO_BASE, windows, sizeof(windows));
    memset(pci->writable + PREFETCH_BASE_HIGH, 0xff, 8);
    pci->writable[BRIDGE_CONTROL] = 0x5f;
    memset(pci->w1c + SECONDARY_STATUS, 0, 2);
    pci->w1c[SECONDARY_STATUS + 1] = 0xf9;
    pci->config[PREFETCH_BASE] = pci->config[PREFETCH_BASE + 2] = 1; /* 64 bits */
}

void pci_bridge_exit(PCIBridge *b)
{
    memory_transaction_begin();
    for (unsigned k = 0; k < PCI_WINDOWS; k++) {
        if (!b->mapped[k])
            continue;
        memory_region_del(k == PCI_WINDOW_IO ? b->pci.bus->io : b->pci.bus->memory, &b->window[k]);
        memory_region_destroy(&b->window[k]);
    }
    memory_region_destroy(&b->memory);
    memory_region_destroy(&b->io);
    memory_transaction_commit();
}

void pci_bridge_reset(PCIBridge *b)
{
    b->pci.config[PREFETCH_BASE] = b->pci.config[PREFETCH_BASE + 2] = 1;
    update_windows(b);
}

static void reset_secondary(PCIBridge *b)
{
    for (unsigned i = 0; i < ARRAY_SIZE(b->bus.functions); i++)
        if (b->bus.functions[i])
            device_reset(&b->bus.functions[i]->dev);
}

void pci_bridge_config_written(PCIBridge *b, uint32_t addr, unsigned size)
{
    if ((addr < PCI_COMMAND + 2 && addr + size > PCI_COMMAND) || (addr < IO_BASE_HIGH + 4 && addr + size > IO_BASE))
        update_windows(b);
    if (addr <= BRIDGE_CONTROL && addr + size > BRIDGE_CONTROL && (b->pci.config[BRIDGE_CONTROL] & CONTROL_RESET))
        reset_secondary(b);
}

void pci_bridge_loaded(PCIBridge *b)
{
    update_windows(b);
}
