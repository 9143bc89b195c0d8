/* SPDX-License-Identifier: MIT */
/*
 * PCI functions and their bus (PCI Local Bus Specification 3.0): type 0 configuration space, base address
 * registers, INTx routing, option ROM, bus-master DMA. The host bridge of a board turns its ports into
 * pci_config_read/write, its ECAM window into pci_ecam_read/write. Buses behind bridges are in pci-bridge.c. Not modelled:
 * capabilities in extended configuration space (zeros; ones where a function has none of it), power management beyond what
 * a device's own capability stores.
 */
#include "hw/pci.h"
#include "monitor.h"
#include "util/error.h"
#include "util/log.h"
#include "vl.h"

#include <glib.h>
#include <string.h>

enum {
    PCI_VENDOR_ID = 0x00, PCI_DEVICE_ID = 0x02, PCI_COMMAND = 0x04, PCI_STATUS = 0x06, PCI_REVISION = 0x08,
    PCI_CLASS = 0x09, PCI_CACHE_LINE = 0x0c, PCI_LATENCY = 0x0d, PCI_HEADER_TYPE = 0x0e, PCI_BAR0 = 0x10,
    PCI_SUBSYSTEM_VENDOR = 0x2c, PCI_SUBSYSTEM = 0x2e, PCI_ROM_ADDRESS = 0x30, PCI_CAPABILITIES = 0x34,
    PCI_INTERRUPT_LINE = 0x3c, PCI_INTERRUPT_PIN = 0x3d, PCI_FIRST_CAP = 0x40,
    PCI_SECONDARY_BUS = 0x19, PCI_SUBORDINATE_BUS = 0x1a,
};
enum { COMMAND_IO = 1, COMMAND_MEMORY = 2, COMMAND_MASTER = 4, COMMAND_PARITY = 0x40, COMMAND_SERR = 0x100,
       COMMAND_INTX_DISABLE = 0x400 };
enum { STATUS_INTERRUPT = 0x08, STATUS_CAPABILITIES = 0x10, STATUS_W1C = 0xf900 };
enum { ROM_ENABLE = 1 };
#define UNMAPPED (~0ull)
#define ROM_MAX (16 * MiB)

PCIBus *pci_root_bus;

const Property pci_common_props[] = {
    PROP_PCI_ADDR("addr", PCIDevice, addr),
    PROP_BOOL("multifunction", PCIDevice, multifunction, false),
    PROP_U32("rombar", PCIDevice, rombar, 1),
    PROP_STRING("romfile", PCIDevice, romfile),
    {},
};

static uint32_t get_le(const uint8_t *p, unsigned size)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)p[i] << (8 * i);
    return v;
}

static void put_le(uint8_t *p, uint32_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint16_t command(const PCIDevice *pci)
{
    return (uint16_t)get_le(pci->config + PCI_COMMAND, 2);
}

/* ---- Bus ---- */

PCIBus *pci_bus_new(Device *owner, const char *name, MemoryRegion *memory, MemoryRegion *io)
{
    PCIBus *bus = g_new0(PCIBus, 1);
    bus_init(&bus->bus, BUS_PCI, name, owner);
    bus->memory = memory;
    bus->io = io;
    bus->dma = address_space_memory;
    if (!pci_root_bus)
        pci_root_bus = bus;
    return bus;
}

unsigned pci_bus_number(const PCIBus *bus)
{
    return bus->bridge ? bus->bridge->config[PCI_SECONDARY_BUS] : 0;
}

/* The function with this number, on the host's bus or on those that bridges lead to. */
static PCIDevice *function_at(PCIBus *bus, uint32_t bdf)
{
    unsigned number = bdf >> 8;
    while (bus && number != pci_bus_number(bus)) {
        PCIBus *below = NULL;
        for (unsigned i = 0; i < ARRAY_SIZE(bus->functions) && !below; i++) {
            PCIDevice *f = bus->functions[i];
            if (f && f->secondary && number >= f->config[PCI_SECONDARY_BUS] && number <= f->config[PCI_SUBORDINATE_BUS] &&
                f->config[PCI_SECONDARY_BUS] > pci_bus_number(bus)) /* numbers grow downwards: the search ends */
                below = f->secondary;
        }
        bus = below;
    }
    return bus ? bus->functions[bdf & 0xff] : NULL;
}

uint16_t pci_requester_id(const PCIDevice *pci)
{
    return (uint16_t)(pci_bus_number(pci->bus) << 8 | (unsigned)pci->addr);
}

/* ---- Base address registers ---- */

static unsigned bar_offset(unsigned n)
{
    return n == PCI_ROM_BAR ? PCI_ROM_ADDRESS : PCI_BAR0 + 4 * n;
}

static bool bar_is_64(const PCIBar *bar)
{
    return !(bar->type & PCI_BAR_IO) && (bar->type & PCI_BAR_64);
}

/* Where a BAR's value and the command register put it, or UNMAPPED. */
static uint64_t bar_address(const PCIDevice *pci, unsigned n)
{
    const PCIBar *bar = &pci->bars[n];
    unsigned off = bar_offset(n);
    bool io = bar->type & PCI_BAR_IO;
    uint64_t addr = get_le(pci->config + off, 4), size = bar->region->size;
    uint64_t top = io ? 0xffff : bar_is_64(bar) ? ~0ull : ~0u;
    if (!(command(pci) & (io ? COMMAND_IO : COMMAND_MEMORY)))
        return UNMAPPED;
    if (n == PCI_ROM_BAR && !(addr & ROM_ENABLE))
        return UNMAPPED;
    if (bar_is_64(bar))
        addr |= (uint64_t)get_le(pci->config + off + 4, 4) << 32;
    addr &= ~(size - 1);
    /* Zero is "not set up"; a window at the very top is a size probe. */
    if (!addr || addr > top || addr + size - 1 >= top)
        return UNMAPPED;
    return addr;
}

static void bar_update(PCIDevice *pci, unsigned n)
{
    PCIBar *bar = &pci->bars[n];
    MemoryRegion *space = bar->type & PCI_BAR_IO ? pci->bus->io : pci->bus->memory;
    uint64_t addr = bar_address(pci, n);
    if (addr == bar->mapped || !space)
        return;
    if (bar->mapped != UNMAPPED)
        memory_region_del(space, bar->region);
    if (addr != UNMAPPED)
        memory_region_add_overlap(space, addr, bar->region, 1);
    bar->mapped = addr;
}

static void update_mappings(PCIDevice *pci)
{
    memory_transaction_begin();
    for (unsigned n = 0; n < PCI_BARS; n++)
        if (pci->bars[n].region)
            bar_update(pci, n);
    memory_transaction_commit();
}

void pci_register_bar(PCIDevice *pci, unsigned n, uint8_t type, MemoryRegion *mr)
{
    g_assert(n < PCI_BARS && !pci->bars[n].region);
    g_assert(mr->size && !(mr->size & (mr->size - 1)));
    PCIBar *bar = &pci->bars[n];
    *bar = (PCIBar){ mr, type, UNMAPPED };
    unsigned off = bar_offset(n);
    uint64_t mask = ~(mr->size - 1);
    put_le(pci->config + off, n == PCI_ROM_BAR ? 0 : type, 4);
    put_le(pci->writable + off, (uint32_t)mask | (n == PCI_ROM_BAR ? ROM_ENABLE : 0), 4);
    if (bar_is_64(bar))
        put_le(pci->writable + off + 4, (uint32_t)(mask >> 32), 4);
}

/* ---- Interrupt pin ---- */

/* One more or one less request on the line that this pin (0-3) reaches. Lines are shared: they count requests. */
void pci_pin_changed(PCIDevice *pci, int pin, int delta)
{
    PCIBus *bus = pci->bus;
    int n = bus->map_irq ? bus->map_irq(pci, pin) : ((pci->addr >> 3) + pin) & 3;
    if (n < 0 || n >= (int)ARRAY_SIZE(bus->lines))
        return;
    bus->line_count[n] += delta;
    irq_set(&bus->lines[n], bus->line_count[n] > 0);
}

/* Brings the bus line in step with request and disable bit. */
static void update_intx(PCIDevice *pci)
{
    uint8_t pin = pci->config[PCI_INTERRUPT_PIN];
    int level = pci->irq_level && !(command(pci) & COMMAND_INTX_DISABLE);
    if (level == pci->irq_shown || !pin || pin > 4)
        return;
    int delta = level - pci->irq_shown;
    pci->irq_shown = level;
    pci_pin_changed(pci, pin - 1, delta);
}

void pci_set_irq(PCIDevice *pci, int level)
{
    pci->irq_level = !!level;
    uint8_t *status = &pci->config[PCI_STATUS];
    *status = (uint8_t)((*status & ~STATUS_INTERRUPT) | (level ? STATUS_INTERRUPT : 0));
    update_intx(pci);
}

/* ---- Configuration space ---- */

static uint32_t function_read(PCIDevice *pci, unsigned reg, unsigned size)
{
    if (pci && pci->express_cap && reg >= sizeof(pci->config))
        return 0;
    if (!pci || reg + size > sizeof(pci->config))
        return ~0u >> (32 - 8 * size);
    if (pci->config_read)
        pci->config_read(pci, reg, size);
    return get_le(pci->config + reg, size);
}

uint32_t pci_config_read(PCIBus *bus, uint32_t bdf_reg, unsigned size)
{
    return function_read(function_at(bus, bdf_reg >> 8), bdf_reg & 0xff, size);
}

uint32_t pci_ecam_read(PCIBus *bus, uint32_t offset, unsigned size)
{
    return function_read(function_at(bus, offset >> 12), offset & 0xfff, size);
}

static bool touches(uint32_t reg, unsigned size, unsigned first, unsigned len)
{
    return reg < first + len && first < reg + size;
}

static void function_write(PCIDevice *pci, unsigned reg, uint32_t value, unsigned size)
{
    if (!pci || reg + size > sizeof(pci->config))
        return;
    for (unsigned i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)(value >> (8 * i)), w = pci->writable[reg + i];
        uint8_t *c = &pci->config[reg + i];
        *c = (uint8_t)((*c & ~w) | (byte & w));
        *c &= (uint8_t)~(byte & pci->w1c[reg + i]);
    }
    if (touches(reg, size, PCI_COMMAND, 2))
        update_intx(pci);
    if (touches(reg, size, PCI_COMMAND, 2) || touches(reg, size, PCI_BAR0, 24) ||
        touches(reg, size, PCI_ROM_ADDRESS, 4))
        update_mappings(pci);
    pci_msi_config_written(pci, reg, size);
    if (pci->config_write)
        pci->config_write(pci, reg, value, size);
}

void pci_config_write(PCIBus *bus, uint32_t bdf_reg, uint32_t value, unsigned size)
{
    function_write(function_at(bus, bdf_reg >> 8), bdf_reg & 0xff, value, size);
}

void pci_ecam_write(PCIBus *bus, uint32_t offset, uint32_t value, unsigned size)
{
    function_write(function_at(bus, offset >> 12), offset & 0xfff, value, size);
}

uint8_t pci_add_capability(PCIDevice *pci, uint8_t id, uint8_t len)
{
    unsigned at = pci->cap_end ? pci->cap_end : PCI_FIRST_CAP;
    if (at + len > sizeof(pci->config) - 4)
        return 0;
    pci->cap_end = (uint8_t)((at + len + 3) & ~3u);
    pci->config[at] = id;
    pci->config[at + 1] = pci->config[PCI_CAPABILITIES];
    pci->config[PCI_CAPABILITIES] = (uint8_t)at;
    pci->config[PCI_STATUS] |= STATUS_CAPABILITIES;
    return (uint8_t)at;
}

static void init_config(PCIDevice *pci)
{
    const PCIClass *c = pci->dev.type->class_data;
    uint8_t *cfg = pci->config;
    put_le(cfg + PCI_VENDOR_ID, c->vendor, 2);
    put_le(cfg + PCI_DEVICE_ID, c->device, 2);
    cfg[PCI_REVISION] = c->revision;
    put_le(cfg + PCI_CLASS, c->class_code, 3);
    cfg[PCI_HEADER_TYPE] = c->header_type | (pci->multifunction ? 0x80 : 0);
    if (!pci_is_bridge(pci)) {
        put_le(cfg + PCI_SUBSYSTEM_VENDOR, c->subsystem_vendor ? c->subsystem_vendor : 0x1af4, 2);
        put_le(cfg + PCI_SUBSYSTEM, c->subsystem ? c->subsystem : 0x1100, 2);
    }
    cfg[PCI_INTERRUPT_PIN] = c->interrupt_pin;
    put_le(pci->writable + PCI_COMMAND,
           COMMAND_IO | COMMAND_MEMORY | COMMAND_MASTER | COMMAND_PARITY | COMMAND_SERR | COMMAND_INTX_DISABLE, 2);
    put_le(pci->w1c + PCI_STATUS, STATUS_W1C, 2);
    pci->writable[PCI_CACHE_LINE] = 0xff;
    pci->writable[PCI_LATENCY] = 0xff;
    pci->writable[PCI_INTERRUPT_LINE] = 0xff;
}

/* ---- Plugging ---- */

bool pci_is_bridge(const PCIDevice *pci)
{
    return (((const PCIClass *)pci->dev.type->class_data)->header_type & 0x7f) == 1;
}

static bool slot_in_use(const PCIBus *bus, int slot)
{
    for (int fn = 0; fn < 8; fn++)
        if (bus->functions[slot << 3 | fn])
            return true;
    return false;
}

static bool choose_addr(PCIBus *bus, PCIDevice *pci, Error **errp)
{
    const char *name = pci->dev.type->name;
    int slots = bus->bridge && bus->express ? 1 : 32; /* a link has one device at its other end */
    if (pci->addr < 0) {
        int slot = 0;
        while (slot < slots && slot_in_use(bus, slot))
            slot++;
        if (slot == slots) {
            error_setg(errp, "PCI: no slot/function available for %s, all in use or reserved", name);
            return false;
        }
        pci->addr = slot << 3;
        return true;
    }
    if (pci->addr <= 255 && pci->addr >> 3 >= slots) {
        error_setg(errp, "PCI: slot %d is not valid for %s, parent device only allows plugging into slot 0.", pci->addr >> 3, name);
        return false;
    }
    PCIDevice *other = pci->addr <= 255 ? bus->functions[pci->addr] : NULL;
    if (pci->addr > 255 || other) {
        error_setg(errp, "PCI: slot %d function %d not available for %s, in use by %s,id=%s", pci->addr >> 3,
                   pci->addr & 7, name, other ? other->dev.type->name : "(none)",
                   other && other->dev.id ? other->dev.id : "(null)");
        return false;
    }
    PCIDevice *first = bus->functions[pci->addr & ~7];
    if ((pci->addr & 7) && first && !(first->config[PCI_HEADER_TYPE] & 0x80)) {
        error_setg(errp, "PCI: single function device can't be populated in function %x.%x", pci->addr >> 3,
                   pci->addr & 7);
        return false;
    }
    return true;
}

/* The image of the "romfile" property, or of the type, as a read-only BAR. */
static bool add_rom(PCIDevice *pci, Error **errp)
{
    const char *name = pci->romfile ? pci->romfile : ((const PCIClass *)pci->dev.type->class_data)->romfile;
    if (!pci->rombar || !name || !*name)
        return true;
    g_autofree char *path = data_file_find(name);
    char *data;
    size_t len, size = 2048;
    if (!path || !g_file_get_contents(path, &data, &len, NULL)) {
        if (!pci->romfile)
            return true; /* the type's own, whose package is not installed */
        error_setg(errp, "failed to find romfile \"%s\"", name);
        return false;
    }
    bool ok = len && len <= ROM_MAX;
    if (!ok)
        error_setg(errp, "romfile \"%s\" is %s", name, len ? "too large" : "empty");
    while (size < len)
        size *= 2;
    pci->rom = g_new0(MemoryRegion, 1);
    ok = ok && memory_region_init_rom(pci->rom, &pci->dev, "pci.rom", size, errp);
    if (ok) {
        memcpy(memory_region_ram_ptr(pci->rom), data, len);
        pci_register_bar(pci, PCI_ROM_BAR, PCI_BAR_MEM, pci->rom);
    } else {
        g_free(pci->rom);
        pci->rom = NULL;
    }
    g_free(data);
    return ok;
}

bool pci_device_plug(PCIBus *bus, PCIDevice *pci, Error **errp)
{
    if (!choose_addr(bus, pci, errp))
        return false;
    pci->bus = bus;
    bus->functions[pci->addr] = pci;
    init_config(pci);
    if (add_rom(pci, errp)) {
        if (bus->changed)
            bus->changed(bus);
        return true;
    }
    pci_device_unplug(pci);
    return false;
}

void pci_device_unplug(PCIDevice *pci)
{
    PCIBus *bus = pci->bus;
    pci_set_irq(pci, 0);
    for (unsigned n = 0; n < PCI_BARS; n++) {
        PCIBar *bar = &pci->bars[n];
        if (bar->region && bar->mapped != UNMAPPED)
            memory_region_del(bar->type & PCI_BAR_IO ? bus->io : bus->memory, bar->region);
        bar->region = NULL;
    }
    pci_msi_free(pci);
    if (pci->rom)
        memory_region_destroy(pci->rom);
    g_free(pci->rom);
    pci->rom = NULL;
    bus->functions[pci->addr] = NULL;
    if (bus->changed)
        bus->changed(bus);
}

void pci_device_reset_common(PCIDevice *pci)
{
    pci_set_irq(pci, 0);
    for (unsigned i = 0; i < PCI_FIRST_CAP; i++)
        pci->config[i] &= (uint8_t)~(pci->writable[i] | pci->w1c[i]);
    pci_msi_reset(pci);
    update_mappings(pci);
}

void pci_device_loaded(PCIDevice *pci)
{
    /* The pin is wired, not the image's to choose. */
    pci->config[PCI_INTERRUPT_PIN] = ((const PCIClass *)pci->dev.type->class_data)->interrupt_pin;
    pci_set_irq(pci, pci->irq_level);
    update_mappings(pci);
}

/* ---- Bus mastering ---- */

MemTxResult pci_dma_rw(PCIDevice *pci, hwaddr addr, void *buf, uint64_t len, bool write)
{
    bool master = true;
    for (const PCIDevice *f = pci; f; f = f->bus->bridge)
        master = master && (command(f) & COMMAND_MASTER);
    if (master)
        return address_space_rw(pci->bus->dma, addr, buf, len, write);
    guest_error("%s: DMA while bus mastering is off\n", pci->dev.type->name);
    if (!write)
        memset(buf, 0xff, len);
    return MEMTX_ERROR;
}

/* ---- info pci, info qtree ---- */

/* Class and subclass (0xff: any) as the monitor names them. */
static const struct {
    uint8_t class, subclass;
    const char *name;
} class_names[] = {
    { 0x01, 0x00, "SCSI controller" },     { 0x01, 0x01, "IDE controller" },     { 0x01, 0x06, "SATA controller" },
    { 0x01, 0x08, "Non-Volatile memory controller" },                            { 0x01, 0xff, "Storage controller" },
    { 0x02, 0x00, "Ethernet controller" }, { 0x02, 0xff, "Network controller" }, { 0x03, 0x00, "VGA controller" },
    { 0x03, 0xff, "Display controller" },  { 0x04, 0x01, "Audio controller" },   { 0x04, 0xff, "Multimedia controller" },
    { 0x05, 0x00, "RAM controller" },      { 0x05, 0xff, "Memory controller" },  { 0x06, 0x00, "Host bridge" },
    { 0x06, 0x01, "ISA bridge" },          { 0x06, 0x04, "PCI bridge" },         { 0x06, 0xff, "Bridge" },
    { 0x07, 0x00, "Serial port" },         { 0x09, 0xff, "Input device" },       { 0x0c, 0x03, "USB controller" },
    { 0x0c, 0x05, "SMBus" },
};

char *pci_class_text(const PCIDevice *pci)
{
    uint8_t class = pci->config[PCI_CLASS + 2], sub = pci->config[PCI_CLASS + 1];
    for (unsigned i = 0; i < ARRAY_SIZE(class_names); i++)
        if (class_names[i].class == class && (class_names[i].subclass == sub || class_names[i].subclass == 0xff))
            return g_strdup(class_names[i].name);
    return g_strdup_printf("Class %04x", class << 8 | sub);
}

static unsigned config16(const PCIDevice *pci, unsigned reg)
{
    return get_le(pci->config + reg, 2);
}

void pci_print_device(PCIDevice *pci, FILE *out, int indent)
{
    char *class = pci_class_text(pci);
    bool sub = !pci_is_bridge(pci);
    fprintf(out, "%*sclass %s, addr %02x:%02x.%x, pci id %04x:%04x (sub %04x:%04x)\n", indent, "", class, pci_bus_number(pci->bus),
            (unsigned)pci->addr >> 3, (unsigned)pci->addr & 7, config16(pci, PCI_VENDOR_ID), config16(pci, PCI_DEVICE_ID),
            sub ? config16(pci, PCI_SUBSYSTEM_VENDOR) : 0, sub ? config16(pci, PCI_SUBSYSTEM) : 0);
    g_free(class);
    for (unsigned n = 0; n < PCI_BARS; n++) {
        const PCIBar *bar = &pci->bars[n];
        if (bar->region)
            fprintf(out, "%*sbar %u: %s at 0x%" G_GINT64_MODIFIER "x [0x%" G_GINT64_MODIFIER "x]\n", indent, "", n,
                    bar->type & PCI_BAR_IO ? "i/o" : "mem", bar->mapped, bar->mapped + bar->region->size - 1);
    }
}

static void dump_bar(const PCIBar *bar, unsigned n, FILE *out)
{
    uint64_t last = bar->mapped + bar->region->size - 1;
    if (bar->type & PCI_BAR_IO)
        fprintf(out, "      BAR%u: I/O at 0x%04" G_GINT64_MODIFIER "x [0x%04" G_GINT64_MODIFIER "x].\n", n, bar->mapped, last);
    else
        fprintf(out, "      BAR%u: %d bit %smemory at 0x%08" G_GINT64_MODIFIER "x [0x%08" G_GINT64_MODIFIER "x].\n", n,
                bar_is_64(bar) ? 64 : 32, bar->type & PCI_BAR_PREFETCH ? "prefetchable " : "", bar->mapped, last);
}

static void dump_window(const char *kind, PCIWindowRange w, FILE *out)
{
    fprintf(out, "      %s range [0x%0*" G_GINT64_MODIFIER "x, 0x%0*" G_GINT64_MODIFIER "x]\n", kind, kind[0] == 'I' ? 4 : 8, w.start,
            kind[0] == 'I' ? 4 : 8, w.last);
}

static void dump_bridge(const PCIDevice *pci, FILE *out)
{
    fprintf(out, "      BUS %u.\n      secondary bus %u.\n      subordinate bus %u.\n", pci->config[PCI_SECONDARY_BUS - 1],
            pci->config[PCI_SECONDARY_BUS], pci->config[PCI_SUBORDINATE_BUS]);
    dump_window("IO", pci_bridge_window(pci, PCI_WINDOW_IO), out);
    dump_window("memory", pci_bridge_window(pci, PCI_WINDOW_MEMORY), out);
    dump_window("prefetchable memory", pci_bridge_window(pci, PCI_WINDOW_PREFETCH), out);
}

static void dump_function(const PCIDevice *pci, FILE *out)
{
    char *class = pci_class_text(pci);
    fprintf(out, "  Bus %2u, device %3u, function %u:\n", pci_bus_number(pci->bus), (unsigned)pci->addr >> 3, (unsigned)pci->addr & 7);
    fprintf(out, "    %s: PCI device %04x:%04x\n", class, config16(pci, PCI_VENDOR_ID), config16(pci, PCI_DEVICE_ID));
    if (!pci_is_bridge(pci))
        fprintf(out, "      PCI subsystem %04x:%04x\n", config16(pci, PCI_SUBSYSTEM_VENDOR), config16(pci, PCI_SUBSYSTEM));
    g_free(class);
    if (pci->config[PCI_INTERRUPT_PIN])
        fprintf(out, "      IRQ %u, pin %c\n", pci->config[PCI_INTERRUPT_LINE], 'A' + pci->config[PCI_INTERRUPT_PIN] - 1);
    if (pci_is_bridge(pci))
        dump_bridge(pci, out);
    for (unsigned n = 0; n < PCI_BARS; n++)
        if (pci->bars[n].region)
            dump_bar(&pci->bars[n], n, out);
    fprintf(out, "      id \"%s\"\n", pci->dev.id ? pci->dev.id : "");
}

static void dump_bus(const PCIBus *bus, FILE *out)
{
    for (unsigned i = 0; i < ARRAY_SIZE(bus->functions); i++) {
        const PCIDevice *f = bus->functions[i];
        if (f)
            dump_function(f, out);
        if (f && f->secondary && f->config[PCI_SECONDARY_BUS])
            dump_bus(f->secondary, out);
    }
}

void pci_dump(FILE *out)
{
    if (pci_root_bus)
        dump_bus(pci_root_bus, out);
}

static void info_pci(Monitor *mon, int argc, char **argv)
{
    FILE *out = monitor_stream(mon);
    pci_dump(out);
    fclose(out);
}

static const MonitorCommand commands[] = {
    { "info pci", "", "show PCI functions", info_pci },
};
monitor_commands(commands)
