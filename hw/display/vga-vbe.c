/* SPDX-License-Identifier: MIT */
/*
 * The Bochs VBE interface (Bochs' "VBE DISPI interface" documentation): ID 0xb0c5, index at port 0x1ce, data at
 * 0x1cf and 0x1d0, or all registers side by side in the PCI card's memory. Modes of 4, 8, 15, 16, 24 and 32 bits up
 * to 16000x12000, virtual screens, banks of 64 KiB. A mode also sets the standard registers that describe it.
 */
#include "vga.h"

#include <glib.h>
#include <string.h>

unsigned vga_vbe_depth(const VGAState *s)
{
    unsigned bpp = s->vbe[VBE_BPP];
    return bpp == 4 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32 ? bpp : 8;
}

static uint32_t pixels_to_bytes(const VGAState *s, uint32_t pixels)
{
    unsigned depth = vga_vbe_depth(s);
    return depth == 4 ? pixels / 8 * 4 : pixels * ((depth + 7) / 8);
}

uint32_t vga_vbe_pitch(const VGAState *s)
{
    return pixels_to_bytes(s, s->vbe[VBE_VIRT_WIDTH]);
}

static uint64_t end_of_picture(const VGAState *s, uint32_t pitch)
{
    return pixels_to_bytes(s, s->vbe[VBE_X_OFFSET]) + ((uint64_t)s->vbe[VBE_Y_OFFSET] + s->vbe[VBE_YRES]) * pitch;
}

void vga_vbe_fix(VGAState *s)
{
    uint16_t *r = s->vbe;
    uint32_t banks = s->vram_size >> 16;
    r[VBE_BANK] &= (uint16_t)(banks - 1);
    if (!vga_vbe_enabled(s))
        return;
    r[VBE_BPP] = (uint16_t)vga_vbe_depth(s);
    r[VBE_XRES] = CLAMP(r[VBE_XRES], 8, VBE_MAX_XRES) & ~7u;
    r[VBE_VIRT_WIDTH] = CLAMP(r[VBE_VIRT_WIDTH], r[VBE_XRES], VBE_MAX_XRES) & ~7u;
    uint32_t pitch = vga_vbe_pitch(s), lines = MIN(s->vram_size / pitch, UINT16_MAX);
    r[VBE_YRES] = CLAMP(r[VBE_YRES], 1, MIN(lines, VBE_MAX_YRES));
    r[VBE_VIRT_HEIGHT] = (uint16_t)lines;
    /* A start may lie anywhere, as long as the last line does not leave the memory. */
    r[VBE_X_OFFSET] = MIN(r[VBE_X_OFFSET], VBE_MAX_XRES);
    if (end_of_picture(s, pitch) > s->vram_size)
        r[VBE_Y_OFFSET] = 0;
    if (end_of_picture(s, pitch) > s->vram_size)
        r[VBE_X_OFFSET] = 0;
}

/* The standard registers that a mode of this geometry has. */
static void describe_mode(VGAState *s)
{
    unsigned width = s->vbe[VBE_XRES], height = s->vbe[VBE_YRES] - 1u;
    bool planar = vga_vbe_depth(s) == 4;
    s->gr[GR_MISC] = (s->gr[GR_MISC] & ~0x0c) | 0x04 | GR_MISC_GRAPHICS;
    s->gr[GR_MODE] = (s->gr[GR_MODE] & ~0x60) | (planar ? 0 : GR_MODE_SHIFT_256);
    s->cr[CR_MODE_CONTROL] |= CR_MODE_CGA_ROWS | CR_MODE_HERCULES_ROWS;
    s->cr[CR_OFFSET] = (uint8_t)(vga_vbe_pitch(s) >> 3);
    s->cr[CR_H_DISPLAY_END] = (uint8_t)((width >> 3) - 1);
    s->cr[CR_V_DISPLAY_END] = (uint8_t)height;
    s->cr[CR_OVERFLOW] = (s->cr[CR_OVERFLOW] & ~0x42) | (height >> 7 & 2) | (height >> 3 & 0x40);
    s->cr[CR_LINE_COMPARE] = 0xff;
    s->cr[CR_OVERFLOW] |= 0x10;
    s->cr[CR_MAX_SCAN_LINE] = 0x40;
    s->sr[SR_CLOCKING] &= ~SR_CLOCKING_HALF;
    s->sr[SR_MAP_MASK] |= 15;
    s->sr[SR_MEMORY_MODE] |= SR_MEMORY_SEQUENTIAL;
    if (planar)
        s->sr[SR_MEMORY_MODE] &= ~SR_MEMORY_CHAIN4;
    else
        s->sr[SR_MEMORY_MODE] |= SR_MEMORY_CHAIN4;
}

static void geometry_changed(VGAState *s)
{
    vga_vbe_fix(s);
    if (vga_vbe_enabled(s))
        describe_mode(s);
}

static void write_enable(VGAState *s, uint16_t value)
{
    uint16_t *r = s->vbe;
    bool was = vga_vbe_enabled(s);
    r[VBE_ENABLE] = value;
    if (!(value & VBE_ENABLED)) {
        r[VBE_BANK] = 0;
        return;
    }
    if (was)
        return;
    r[VBE_VIRT_WIDTH] = r[VBE_X_OFFSET] = r[VBE_Y_OFFSET] = 0;
    geometry_changed(s);
    if (!(value & VBE_NO_CLEAR)) {
        hwaddr len = MIN((hwaddr)r[VBE_YRES] * vga_vbe_pitch(s), s->vram_size);
        memset(memory_region_ram_ptr(&s->vram), 0, len);
        ram_written(s->vram.ram, 0, len);
    }
}

uint16_t vga_vbe_read(VGAState *s, unsigned index)
{
    if (index == VBE_MEMORY_64K)
        return (uint16_t)(s->vram_size >> 16);
    if (s->vbe[VBE_ENABLE] & VBE_GETCAPS) {
        if (index == VBE_XRES)
            return VBE_MAX_XRES;
        if (index == VBE_YRES)
            return VBE_MAX_YRES;
        if (index == VBE_BPP)
            return VBE_MAX_BPP;
    }
    return index < VBE_COUNT ? s->vbe[index] : 0;
}

void vga_vbe_write(VGAState *s, unsigned index, uint16_t value)
{
    switch (index) {
    case VBE_ID:
        if (value >= VBE_ID_FIRST && value <= VBE_ID_LAST)
            s->vbe[VBE_ID] = value;
        return;
    case VBE_ENABLE:
        write_enable(s, value);
        break;
    case VBE_XRES: case VBE_YRES: case VBE_BPP: case VBE_BANK: case VBE_VIRT_WIDTH: case VBE_X_OFFSET: case VBE_Y_OFFSET:
        s->vbe[index] = value;
        geometry_changed(s);
        break;
    default:
        return;
    }
    s->redraw = true;
    vga_update_window(s);
}

void vga_vbe_reset(VGAState *s)
{
    memset(s->vbe, 0, sizeof(s->vbe));
    s->vbe[VBE_ID] = VBE_ID_LAST;
    s->vbe_index = 0;
}

/* ---- Ports 0x1ce (index), 0x1cf and 0x1d0 (data): 16 bits each ---- */

static uint64_t vbe_port_read(void *opaque, hwaddr offset, unsigned size)
{
    VGAState *s = opaque;
    return offset == 0 ? s->vbe_index : offset <= 2 ? vga_vbe_read(s, s->vbe_index) : 0xffff;
}

static void vbe_port_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    VGAState *s = opaque;
    if (offset == 0)
        s->vbe_index = (uint16_t)value;
    else if (offset <= 2)
        vga_vbe_write(s, s->vbe_index, (uint16_t)value);
}

const MemoryRegionOps vga_vbe_port_ops = {
    .read = vbe_port_read, .write = vbe_port_write, .valid_min = 2, .valid_max = 2, .impl_min = 2, .impl_max = 2, .unaligned = true,
};
