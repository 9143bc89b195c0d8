/* SPDX-License-Identifier: MIT */
/*
 * PCI VGA card "VGA" (QEMU's "QEMU Standard VGA" specification), 1234:1111 revision 2: BAR 0 the frame buffer,
 * BAR 2 4 KiB of registers: a monitor's EDID at 0, the VGA's ports 0x3c0-0x3df at 0x400, the Bochs VBE registers at
 * 0x500, byte order of pixels at 0x600; the video BIOS in its ROM. The legacy window and ports belong to the first
 * card of a machine.
 */
#include "hw/edid.h"
#include "hw/pci.h"
#include "hw/vga.h"
#include "ui/console.h"
#include "vga.h"

#include <glib.h>

enum { MMIO_SIZE = 4096, MMIO_PORTS = 0x400, MMIO_VBE = 0x500, MMIO_EXTENDED = 0x600, EXTENDED_SIZE = 8 };
enum { ENDIAN_IS_BIG = 0xbebebebe, ENDIAN_IS_LITTLE = 0x1e1e1e1e };

typedef struct VGACard {
    PCIDevice pci;
    VGAState vga;
    MemoryRegion mmio;
    uint32_t memory_mb;
    bool with_mmio, with_extended, with_edid;
    EDIDInfo edid;
    uint8_t edid_data[EDID_SIZE];
} VGACard;

static VGACard *legacy_owner;

/* ---- Registers in memory ---- */

static uint8_t read_mmio_byte(VGACard *c, unsigned at)
{
    if (at < EDID_SIZE)
        return c->with_edid ? c->edid_data[at] : 0xff;
    if (at >= MMIO_PORTS && at < MMIO_PORTS + 0x20)
        return vga_port_read(&c->vga, (uint16_t)(0x3c0 + at - MMIO_PORTS));
    if (at >= MMIO_VBE && at < MMIO_VBE + 2 * VBE_COUNT)
        return (uint8_t)(vga_vbe_read(&c->vga, (at - MMIO_VBE) / 2) >> 8 * (at & 1));
    if (c->with_extended && at >= MMIO_EXTENDED && at < MMIO_EXTENDED + EXTENDED_SIZE) {
        uint32_t v = at < MMIO_EXTENDED + 4 ? EXTENDED_SIZE : c->vga.big_endian ? ENDIAN_IS_BIG : ENDIAN_IS_LITTLE;
        return (uint8_t)(v >> 8 * (at & 3));
    }
    return at >= MMIO_EXTENDED ? 0xff : 0;
}

static uint64_t mmio_read(void *opaque, hwaddr offset, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t)read_mmio_byte(opaque, (unsigned)offset + i) << 8 * i;
    return v;
}

static void mmio_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    VGACard *c = opaque;
    unsigned at = (unsigned)offset;
    if (at >= MMIO_PORTS && at < MMIO_PORTS + 0x20) {
        for (unsigned i = 0; i < size; i++)
            vga_port_write(&c->vga, (uint16_t)(0x3c0 + at + i - MMIO_PORTS), (uint8_t)(value >> 8 * i));
    } else if (at >= MMIO_VBE && at < MMIO_VBE + 2 * VBE_COUNT && size >= 2) {
        for (unsigned i = 0; i < size; i += 2)
            vga_vbe_write(&c->vga, (at + i - MMIO_VBE) / 2, (uint16_t)(value >> 8 * i));
    } else if (c->with_extended && at == MMIO_EXTENDED + 4 && size == 4) {
        if (value == ENDIAN_IS_BIG || value == ENDIAN_IS_LITTLE) {
            c->vga.big_endian = value == ENDIAN_IS_BIG;
            c->vga.redraw = true;
        }
    }
}

static const MemoryRegionOps mmio_ops = { .read = mmio_read, .write = mmio_write, .impl_min = 1, .impl_max = 4 };

/* ---- The card ---- */

static bool card_realize(Device *dev, Error **errp)
{
    VGACard *c = (VGACard *)dev;
    if (!vga_init(&c->vga, dev, c->memory_mb, 0, errp))
        return false;
    if (c->pci.rom) {
        c->vga.bios = memory_region_ram_ptr(c->pci.rom);
        c->vga.bios_len = c->pci.rom->size;
    }
    edid_make(&c->edid, c->edid_data);
    memory_region_init_io(&c->mmio, dev, &mmio_ops, c, "vga.mmio", MMIO_SIZE);
    device_add_region(dev, &c->mmio);
    pci_register_bar(&c->pci, 0, PCI_BAR_MEM | PCI_BAR_PREFETCH, &c->vga.vram);
    if (c->with_mmio)
        pci_register_bar(&c->pci, 2, PCI_BAR_MEM, &c->mmio);
    if (!legacy_owner && c->pci.bus->memory && c->pci.bus->io) {
        legacy_owner = c;
        vga_map_legacy(&c->vga, c->pci.bus->memory, c->pci.bus->io);
    }
    return true;
}

static void card_unrealize(Device *dev)
{
    VGACard *c = (VGACard *)dev;
    if (legacy_owner == c)
        legacy_owner = NULL;
    vga_exit(&c->vga);
}

static void card_reset(Device *dev)
{
    vga_reset(&((VGACard *)dev)->vga);
}

static void card_loaded(Device *dev)
{
    vga_loaded(&((VGACard *)dev)->vga);
}

static const Property card_props[] = {
    PROP_U32("vgamem_mb", VGACard, memory_mb, 16),
    PROP_BOOL("mmio", VGACard, with_mmio, true),
    PROP_BOOL("qemu-extended-regs", VGACard, with_extended, true),
    PROP_BOOL("edid", VGACard, with_edid, true),
    PROP_U32("xres", VGACard, edid.xres, 0),
    PROP_U32("yres", VGACard, edid.yres, 0),
    PROP_U32("xmax", VGACard, edid.xmax, 0),
    PROP_U32("ymax", VGACard, edid.ymax, 0),
    PROP_U32("refresh_rate", VGACard, edid.refresh_rate, 0),
    {},
};
static const SavedField card_saved[] = { SAVED_STRUCT(VGACard, vga, vga_saved), SAVED_END() };
static const PCIClass card_class = {
    .vendor = 0x1234, .device = 0x1111, .subsystem_vendor = 0x1af4, .subsystem = 0x1100, .revision = 2,
    .class_code = 0x030000, .romfile = "vgabios-stdvga.bin",
};
static const DeviceType card_type = {
    .name = "VGA", .bus = BUS_PCI, .category = "Display devices", .size = sizeof(VGACard), .class_data = &card_class,
    .props = card_props, .saved = card_saved, .realize = card_realize, .unrealize = card_unrealize, .reset = card_reset,
    .post_load = card_loaded,
};
device_type(card_type);

static VGAState *legacy_vga(void)
{
    return legacy_owner ? &legacy_owner->vga : vga_isa_state();
}

bool vga_present(void)
{
    return legacy_vga() != NULL;
}

/* Any VGA BIOS holds the 8x16 font of code page 437; its second glyph, a face, tells where. */
static const uint8_t *find_font(const uint8_t *rom, size_t len)
{
    static const uint8_t face[32] = { [18] = 0x7e, 0x81, 0xa5, 0x81, 0x81, 0xbd, 0x99, 0x81, 0x81, 0x7e };
    const uint8_t *at = memmem(rom, len, face, sizeof(face));
    return at && (size_t)(at - rom) + 256 * 16 <= len ? at : NULL;
}

void vga_start_text(void)
{
    VGAState *s = legacy_vga();
    if (s)
        vga_set_text_mode(s, s->bios ? find_font(s->bios, s->bios_len) : NULL);
}
