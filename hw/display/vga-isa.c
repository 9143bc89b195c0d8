/* SPDX-License-Identifier: MIT */
/*
 * ISA VGA card "isa-vga": the VGA core with the legacy window and ports, and the Bochs VBE frame buffer at the
 * fixed address 0xe0000000. The machine's firmware finds its BIOS through fw_cfg.
 */
#include "hw/fw_cfg.h"
#include "hw/isa.h"
#include "hw/loader.h"
#include "hw/vga.h"
#include "util/error.h"
#include "vga.h"
#include "vl.h"

#include <glib.h>

#define FRAME_BUFFER 0xe0000000u
#define VIDEO_BIOS "vgabios-stdvga.bin"

typedef struct ISAVGA {
    Device dev;
    VGAState vga;
    uint32_t memory_mb;
} ISAVGA;

static ISAVGA *isa_card;

VGAState *vga_isa_state(void)
{
    return isa_card ? &isa_card->vga : NULL;
}

static void load_bios(VGAState *s)
{
    Device *fw_cfg = fw_cfg_find();
    g_autofree char *path = data_file_find(VIDEO_BIOS);
    Blob rom;
    if (!path || !blob_read(path, MiB, &rom, NULL))
        return;
    s->bios = rom.data;
    s->bios_len = rom.len;
    if (fw_cfg)
        fw_cfg_add_file(fw_cfg, "vgaroms/" VIDEO_BIOS, rom.data, rom.len);
}

static bool isa_vga_realize(Device *dev, Error **errp)
{
    ISAVGA *c = (ISAVGA *)dev;
    MemoryRegion *memory = isa_bus ? isa_bus->memory : NULL;
    if (vga_present()) {
        error_setg(errp, "Device '%s' can only be created once, and not beside another VGA card", dev->type->name);
        return false;
    }
    if (!vga_init(&c->vga, dev, c->memory_mb, 0, errp))
        return false;
    isa_card = c;
    if (memory) {
        vga_map_legacy(&c->vga, memory, isa_bus->io);
        memory_region_add_overlap(memory, FRAME_BUFFER, &c->vga.vram, 0);
    }
    load_bios(&c->vga);
    return true;
}

static void isa_vga_unrealize(Device *dev)
{
    ISAVGA *c = (ISAVGA *)dev;
    if (isa_card == c)
        isa_card = NULL;
    vga_exit(&c->vga);
}

static void isa_vga_reset(Device *dev)
{
    vga_reset(&((ISAVGA *)dev)->vga);
}

static void isa_vga_loaded(Device *dev)
{
    vga_loaded(&((ISAVGA *)dev)->vga);
}

static const Property isa_vga_props[] = { PROP_U32("vgamem_mb", ISAVGA, memory_mb, 8), {} };
static const SavedField isa_vga_saved[] = { SAVED_STRUCT(ISAVGA, vga, vga_saved), SAVED_END() };
static const DeviceType isa_vga_type = {
    .name = "isa-vga", .bus = BUS_ISA, .category = "Display devices", .size = sizeof(ISAVGA), .props = isa_vga_props,
    .saved = isa_vga_saved, .realize = isa_vga_realize, .unrealize = isa_vga_unrealize, .reset = isa_vga_reset,
    .post_load = isa_vga_loaded,
};
device_type(isa_vga_type);
