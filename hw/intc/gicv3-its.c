/* SPDX-License-Identifier: MIT */
/*
 * GICv3 interrupt translation service (IHI 0069 ch. 5 and 12.19): messages of (device, event) become LPIs by tables in
 * guest memory that the command queue fills. Region 0: control and translation frames (128 KiB). its_connect() ties
 * it to a controller and a PCI bus. Entries of all tables are 8 bytes; 16 bits of device, event and collection.
 * Tables and commands are guest data: indices are checked, a command that makes no sense is dropped.
 * Not modelled: virtual LPIs, collections inside the service, table caching.
 */
#include "hw/arm/its.h"
#include "hw/fdt.h"
#include "hw/intc/gicv3.h"
#include "hw/pci.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>

enum { R_CTLR = 0x00, R_IIDR = 0x04, R_TYPER = 0x08, R_CBASER = 0x80, R_CWRITER = 0x88, R_CREADR = 0x90, R_BASER = 0x100,
       R_IDS = 0xffd0, R_TRANSLATER = 0x10040 };
enum { CTLR_ENABLED = 1, TABLES = 2, FRAME = 0x10000, COMMAND = 32 };
enum { TABLE_DEVICES, TABLE_COLLECTIONS };
enum { CMD_MOVI = 0x01, CMD_INT = 0x03, CMD_CLEAR = 0x04, CMD_SYNC = 0x05, CMD_MAPD = 0x08, CMD_MAPC = 0x09, CMD_MAPTI = 0x0a,
       CMD_MAPI = 0x0b, CMD_INV = 0x0c, CMD_INVALL = 0x0d, CMD_MOVALL = 0x0e, CMD_DISCARD = 0x0f };
#define VALID (1ull << 63)
#define INDIRECT (1ull << 62)
#define ENTRY 8ull
#define TYPER_VALUE (1ull | (ENTRY - 1) << 4 | 15ull << 8 | 15ull << 13)
#define CBASER_MASK 0xf8fffffffffffcffull
#define BASER_MASK 0xf8e0ffffffffffffull
#define QUEUE_MASK 0xfffe0ull
/* Fields of our table entries */
#define DTE_SIZE_SHIFT 53
#define ADDRESS_52_8 0x000fffffffffff00ull
#define ITE_LPI_SHIFT 16

typedef struct ITS {
    Device dev;
    GICv3 *gic;
    MemoryRegion frames;
    uint32_t ctlr;
    uint64_t cbaser, cwriter, creadr, baser[TABLES];
} ITS;

/* ---- Memory ---- */

static uint64_t load(hwaddr addr)
{
    uint8_t b[8] = { 0 };
    uint64_t v = 0;
    address_space_read(address_space_memory, addr, b, 8);
    for (int i = 7; i >= 0; i--)
        v = v << 8 | b[i];
    return v;
}

static void store(hwaddr addr, uint64_t value)
{
    uint8_t b[8];
    for (int i = 0; i < 8; i++)
        b[i] = (uint8_t)(value >> (8 * i));
    address_space_write(address_space_memory, addr, b, 8);
}

static uint64_t table_page(uint64_t baser)
{
    static const uint32_t sizes[] = { 4096, 16384, 65536, 65536 };
    return sizes[baser >> 8 & 3];
}

static hwaddr table_base(uint64_t baser)
{
    if (table_page(baser) < 65536)
        return baser & 0xfffffffff000ull;
    return (baser & 0xffffffff0000ull) | (baser & 0xf000) << 36;
}

/* Address of an entry, or 0 when the table does not reach it. */
static hwaddr table_entry(const ITS *s, unsigned table, uint32_t index)
{
    uint64_t baser = s->baser[table], page = table_page(baser);
    uint64_t size = ((baser & 0xff) + 1) * page, per_page = page / ENTRY;
    if (!(baser & VALID))
        return 0;
    if (!(baser & INDIRECT))
        return index < size / ENTRY ? table_base(baser) + index * ENTRY : 0;
    if (index / per_page >= size / ENTRY)
        return 0;
    uint64_t level1 = load(table_base(baser) + index / per_page * ENTRY);
    return level1 & VALID ? (level1 & 0xffffffffff000ull & ~(page - 1)) + index % per_page * ENTRY : 0;
}

/* Address of the event's translation entry, or 0. */
static hwaddr event_entry(const ITS *s, uint32_t device, uint32_t event)
{
    hwaddr at = table_entry(s, TABLE_DEVICES, device);
    uint64_t dte = at ? load(at) : 0;
    if (!(dte & VALID) || event >= 2ull << (dte >> DTE_SIZE_SHIFT & 31))
        return 0;
    return (dte & ADDRESS_52_8) + event * ENTRY;
}

static GICv3CPU *collection_cpu(const ITS *s, uint32_t collection)
{
    hwaddr at = table_entry(s, TABLE_COLLECTIONS, collection);
    uint64_t cte = at ? load(at) : 0;
    return cte & VALID && (cte & 0xffffffff) < s->gic->ncpu ? s->gic->cpu[cte & 0xffffffff] : NULL;
}

/* ---- Translation ---- */

static void set_event(ITS *s, uint32_t device, uint32_t event, bool pending)
{
    hwaddr at = event_entry(s, device, event);
    uint64_t ite = at ? load(at) : 0;
    GICv3CPU *c = ite & VALID ? collection_cpu(s, ite & 0xffff) : NULL;
    if (!c) {
        guest_error("its: no translation for device 0x%x event %u\n", device, event);
        return;
    }
    GIC_LOCKED(&s->gic->lock);
    if (c->ctlr & GICR_ENABLE_LPIS)
        gicv3_lpi_set(c, ite >> ITE_LPI_SHIFT & 0xffff, pending);
}

static void update_gic(ITS *s)
{
    GIC_LOCKED(&s->gic->lock);
    gicv3_update(s->gic);
}

static void message(void *opaque, uint16_t requester, uint64_t address, uint32_t data)
{
    ITS *s = opaque;
    if (s->frames.container && address == s->frames.addr + R_TRANSLATER) {
        if (s->ctlr & CTLR_ENABLED) {
            set_event(s, requester, data, true);
            update_gic(s);
        }
        return;
    }
    address_space_st(address_space_memory, address, data, 4);
}

/* ---- Commands ---- */

static void map_device(ITS *s, uint32_t device, const uint64_t *dw)
{
    hwaddr at = table_entry(s, TABLE_DEVICES, device);
    if (at)
        store(at, dw[2] & VALID ? VALID | (dw[1] & 31) << DTE_SIZE_SHIFT | (dw[2] & ADDRESS_52_8) : 0);
}

static void map_collection(ITS *s, const uint64_t *dw)
{
    hwaddr at = table_entry(s, TABLE_COLLECTIONS, dw[2] & 0xffff);
    if (at)
        store(at, dw[2] & VALID ? VALID | (dw[2] >> 16 & 0xffffffff) : 0);
}

static void map_event(ITS *s, uint32_t device, uint32_t event, uint64_t lpi, uint32_t collection)
{
    hwaddr at = event_entry(s, device, event);
    if (at && lpi >= GICV3_LPI_FIRST && lpi < GICV3_LPI_END)
        store(at, VALID | lpi << ITE_LPI_SHIFT | collection);
}

static void discard_event(ITS *s, uint32_t device, uint32_t event)
{
    set_event(s, device, event, false);
    hwaddr at = event_entry(s, device, event);
    if (at)
        store(at, 0);
}

/* The event's LPI moves with what is pending. */
static void move_event(ITS *s, uint32_t device, uint32_t event, uint32_t collection)
{
    hwaddr at = event_entry(s, device, event);
    uint64_t ite = at ? load(at) : 0;
    GICv3CPU *from = ite & VALID ? collection_cpu(s, ite & 0xffff) : NULL, *to = collection_cpu(s, collection);
    unsigned lpi = ite >> ITE_LPI_SHIFT & 0xffff;
    if (!from || !to)
        return;
    store(at, (ite & ~0xffffull) | collection);
    GIC_LOCKED(&s->gic->lock);
    if (gicv3_lpi_pending(from, lpi)) {
        gicv3_lpi_set(from, lpi, false);
        gicv3_lpi_set(to, lpi, true);
    }
}

static void run_command(ITS *s, const uint64_t *dw)
{
    uint32_t device = (uint32_t)(dw[0] >> 32), event = (uint32_t)dw[1], collection = dw[2] & 0xffff;
    switch (dw[0] & 0xff) {
    case CMD_MAPD: map_device(s, device, dw); break;
    case CMD_MAPC: map_collection(s, dw); break;
    case CMD_MAPTI: map_event(s, device, event, dw[1] >> 32, collection); break;
    case CMD_MAPI: map_event(s, device, event, event, collection); break;
    case CMD_MOVI: move_event(s, device, event, collection); break;
    case CMD_INT: set_event(s, device, event, true); break;
    case CMD_CLEAR: set_event(s, device, event, false); break;
    case CMD_DISCARD: discard_event(s, device, event); break;
    case CMD_MOVALL: {
        uint64_t from = dw[2] >> 16 & 0xffffffff, to = dw[3] >> 16 & 0xffffffff;
        GIC_LOCKED(&s->gic->lock);
        if (from < s->gic->ncpu && to < s->gic->ncpu)
            gicv3_lpi_move_all(s->gic->cpu[from], s->gic->cpu[to]);
        break;
    }
    case CMD_INV: case CMD_INVALL: case CMD_SYNC: break; /* nothing is cached */
    default: guest_error("its: unknown command 0x%x\n", (unsigned)(dw[0] & 0xff));
    }
}

static void run_queue(ITS *s)
{
    uint64_t size = ((s->cbaser & 0xff) + 1) * 4096;
    if (!(s->ctlr & CTLR_ENABLED) || !(s->cbaser & VALID) || s->cwriter >= size)
        return;
    while (s->creadr != s->cwriter) {
        uint64_t dw[4];
        for (unsigned i = 0; i < 4; i++)
            dw[i] = load((s->cbaser & 0xffffffffff000ull) + s->creadr + 8 * i);
        run_command(s, dw);
        s->creadr = (s->creadr + COMMAND) % size;
    }
    update_gic(s);
}

/* ---- Registers ---- */

static uint64_t read64(const ITS *s, unsigned offset)
{
    static const uint8_t ids[] = { 0x44, 0, 0, 0, 0x94, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1 };
    switch (offset) {
    case R_CTLR: return s->ctlr | 1u << 31 | (uint64_t)0x0000043b << 32; /* always quiescent */
    case R_TYPER: return TYPER_VALUE;
    case R_CBASER: return s->cbaser;
    case R_CWRITER: return s->cwriter;
    case R_CREADR: return s->creadr;
    case R_BASER ... R_BASER + 8 * TABLES - 1: return s->baser[(offset - R_BASER) / 8];
    case R_IDS ... FRAME - 8: return ids[(offset - R_IDS) / 4] | (uint64_t)ids[(offset - R_IDS) / 4 + 1] << 32;
    default: return 0;
    }
}

static uint64_t its_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return offset < FRAME ? read64(opaque, (unsigned)offset & ~7u) >> (8 * (offset & 4)) : 0;
}

static uint64_t deposit(uint64_t old, hwaddr offset, unsigned size, uint64_t value)
{
    return size == 8 ? value : offset & 4 ? (old & 0xffffffff) | value << 32 : (old & ~0xffffffffull) | value;
}

static void write_baser(ITS *s, unsigned n, hwaddr offset, unsigned size, uint64_t value)
{
    static const uint64_t fixed[] = { 1ull << 56 | (ENTRY - 1) << 48, 4ull << 56 | (ENTRY - 1) << 48 };
    uint64_t v = deposit(s->baser[n], offset, size, value) & BASER_MASK;
    if (n == TABLE_COLLECTIONS)
        v &= ~INDIRECT;
    s->baser[n] = v | fixed[n];
}

static void its_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    ITS *s = opaque;
    bool enabled = s->ctlr & CTLR_ENABLED;
    switch (offset & ~7ull) {
    case R_CTLR:
        if (!(offset & 4))
            s->ctlr = value & CTLR_ENABLED;
        run_queue(s);
        break;
    case R_CBASER:
        if (!enabled) {
            s->cbaser = deposit(s->cbaser, offset, size, value) & CBASER_MASK;
            s->creadr = s->cwriter = 0;
        }
        break;
    case R_CWRITER:
        s->cwriter = deposit(s->cwriter, offset, size, value) & QUEUE_MASK;
        run_queue(s);
        break;
    case R_BASER ... R_BASER + 8 * TABLES - 1:
        if (!enabled)
            write_baser(s, (unsigned)(offset - R_BASER) / 8, offset, size, value);
        break;
    case R_BASER + 8 * TABLES ... R_BASER + 63: break; /* tables that there are not */
    case R_TRANSLATER:
        message(s, 0, s->frames.addr + R_TRANSLATER, (uint32_t)value); /* a vCPU's store: device 0 */
        break;
    default:
        guest_error("its: write of unknown register 0x%x\n", (unsigned)offset);
    }
}

static const MemoryRegionOps its_ops = { .read = its_read, .write = its_write, .valid_min = 4, .valid_max = 8,
                                         .impl_min = 4, .impl_max = 8 };

/* ---- Device ---- */

static void its_reset(Device *dev)
{
    ITS *s = (ITS *)dev;
    s->ctlr = 0;
    s->cbaser = s->cwriter = s->creadr = 0;
    for (unsigned i = 0; i < TABLES; i++) {
        s->baser[i] = 0;
        write_baser(s, i, 0, 8, 0);
    }
}

static bool its_realize(Device *dev, Error **errp)
{
    ITS *s = (ITS *)dev;
    if (!s->gic) {
        error_setg(errp, "arm-gicv3-its: it is not connected to an interrupt controller");
        return false;
    }
    memory_region_init_io(&s->frames, dev, &its_ops, s, "gicv3_its", 2 * FRAME);
    device_add_region(dev, &s->frames);
    its_reset(dev);
    return true;
}

void its_connect(Device *its, Device *gic)
{
    ((ITS *)its)->gic = (GICv3 *)gic;
}

void its_serve_pci(Device *its, PCIBus *bus)
{
    bus->msi = message;
    bus->msi_opaque = its;
}

static void its_post_load(Device *dev)
{
    ITS *s = (ITS *)dev;
    s->cwriter &= QUEUE_MASK;
    s->creadr &= QUEUE_MASK;
    s->creadr %= ((s->cbaser & 0xff) + 1) * 4096;
}

static void its_describe(Device *dev, void *builder)
{
    const DTPlace *p = builder;
    (void)dev;
    g_autofree char *path = dt_device_node(p, "its", "arm,gic-v3-its");
    dt_empty(p->tree, path, "msi-controller");
    dt_cells(p->tree, path, "#msi-cells", 1);
}

static const SavedField its_saved[] = {
    SAVED_INT(ITS, ctlr), SAVED_INT(ITS, cbaser), SAVED_INT(ITS, cwriter), SAVED_INT(ITS, creadr), SAVED_ARRAY(ITS, baser),
    SAVED_END(),
};
static const DeviceType its_type = {
    .name = "arm-gicv3-its", .desc = "GICv3 interrupt translation service", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(ITS), .saved = its_saved, .realize = its_realize, .reset = its_reset,
    .post_load = its_post_load, .describe = its_describe,
};
device_type(its_type)
