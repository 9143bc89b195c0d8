/* SPDX-License-Identifier: MIT */
/*
 * The VGA's memory window: how addresses become planes, and the graphics controller between the processor and
 * them (IBM PS/2 Hardware Interface Technical Reference: write modes 0-3, read modes 0 and 1). One data path serves
 * planar, odd/even and chain-4 addressing. Where it would change nothing, the window shows the memory itself.
 */
#include "vga.h"

#include <glib.h>
#include <string.h>

#define NOWHERE (~0u)

/* Four bits, one per plane, as four bytes. */
static uint32_t spread(uint8_t planes)
{
    static const uint32_t table[16] = {
        0x00000000, 0x000000ff, 0x0000ff00, 0x0000ffff, 0x00ff0000, 0x00ff00ff, 0x00ffff00, 0x00ffffff,
        0xff000000, 0xff0000ff, 0xff00ff00, 0xff00ffff, 0xffff0000, 0xffff00ff, 0xffffff00, 0xffffffff,
    };
    return table[planes & 15];
}

static uint32_t in_all_planes(uint8_t byte)
{
    return byte * 0x01010101u;
}

bool vga_chain4(const VGAState *s)
{
    return vga_vbe_enabled(s) ? vga_vbe_depth(s) > 4 : s->sr[SR_MEMORY_MODE] & SR_MEMORY_CHAIN4;
}

static unsigned memory_map(const VGAState *s)
{
    return s->gr[GR_MISC] >> 2 & 3;
}

static uint32_t bank_offset(const VGAState *s)
{
    return vga_vbe_enabled(s) ? (uint32_t)s->vbe[VBE_BANK] << 16 : 0;
}

/* The address the window's decoder makes of an offset, or NOWHERE. */
static uint32_t decode(const VGAState *s, uint32_t offset)
{
    if (!(s->misc & MISC_RAM))
        return NOWHERE;
    switch (memory_map(s)) {
    case 0: return offset;
    case 1: return offset < 0x10000 ? offset + bank_offset(s) : NOWHERE;
    case 2: return offset - 0x10000 < 0x8000 ? offset - 0x10000 : NOWHERE;
    default: return offset >= 0x18000 ? offset - 0x18000 : NOWHERE;
    }
}

/* Which four bytes an address selects, and which planes of them. False: beyond the memory. */
static bool select_planes(const VGAState *s, uint32_t address, bool odd_even, uint32_t *index, uint8_t *planes)
{
    if (vga_chain4(s)) {
        *index = address >> 2;
        *planes = 1 << (address & 3);
    } else if (odd_even) {
        *index = address >> 1;
        *planes = address & 1 ? 0xa : 0x5;
    } else {
        *index = address;
        *planes = 0xf;
    }
    return *index < s->vram_size / 4;
}

static uint8_t read_byte(VGAState *s, uint32_t offset)
{
    uint32_t index, address = decode(s, offset);
    uint8_t planes;
    if (address == NOWHERE || !select_planes(s, address, s->gr[GR_MODE] & GR_MODE_ODD_EVEN, &index, &planes))
        return 0xff;
    memcpy(&s->latch, memory_region_ram_ptr(&s->vram) + 4 * (size_t)index, 4);
    if (s->gr[GR_MODE] & GR_MODE_READ1) { /* one bit per pixel whose colour compares equal */
        uint32_t differ = (s->latch ^ spread(s->gr[GR_COLOR_COMPARE])) & spread(s->gr[GR_COLOR_DONT_CARE]);
        differ |= differ >> 16;
        return (uint8_t)~(differ | differ >> 8);
    }
    unsigned plane = s->gr[GR_READ_MAP];
    if (planes != 0xf) /* the low address bits choose: one of four, or one of an even and odd pair */
        plane = planes == 0x5 ? plane & 2 : planes == 0xa ? plane | 1 : (unsigned)__builtin_ctz(planes);
    return (uint8_t)(s->latch >> 8 * plane);
}

/* Rotator, set/reset, logical unit, bit mask: what the planes get for a byte. */
static uint32_t graphics_data(const VGAState *s, uint8_t byte)
{
    unsigned count = s->gr[GR_DATA_ROTATE] & 7;
    uint8_t rotated = (uint8_t)(byte >> count | byte << (8 - count)), mask = s->gr[GR_BIT_MASK];
    uint32_t data, bits, enable;
    switch (s->gr[GR_MODE] & 3) {
    case 0:
        enable = spread(s->gr[GR_ENABLE_SET_RESET]);
        data = (in_all_planes(rotated) & ~enable) | (spread(s->gr[GR_SET_RESET]) & enable);
        break;
    case 1:
        return s->latch;
    case 2:
        data = spread(byte);
        break;
    default:
        data = spread(s->gr[GR_SET_RESET]);
        mask &= rotated;
        break;
    }
    switch (s->gr[GR_DATA_ROTATE] >> 3) {
    case 1: data &= s->latch; break;
    case 2: data |= s->latch; break;
    case 3: data ^= s->latch; break;
    default: break;
    }
    bits = in_all_planes(mask);
    return (data & bits) | (s->latch & ~bits);
}

static void write_byte(VGAState *s, uint32_t offset, uint8_t byte)
{
    uint32_t index, old, address = decode(s, offset);
    uint8_t planes;
    if (address == NOWHERE || !select_planes(s, address, !(s->sr[SR_MEMORY_MODE] & SR_MEMORY_SEQUENTIAL), &index, &planes))
        return;
    uint32_t written = spread(planes & s->sr[SR_MAP_MASK]);
    uint8_t *at = memory_region_ram_ptr(&s->vram) + 4 * (size_t)index;
    memcpy(&old, at, 4);
    uint32_t value = (old & ~written) | (graphics_data(s, byte) & written);
    memcpy(at, &value, 4);
    ram_written(s->vram.ram, 4 * (hwaddr)index, 4);
}

static uint64_t window_read(void *opaque, hwaddr offset, unsigned size)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)read_byte(opaque, (uint32_t)offset + i) << 8 * i;
    return value;
}

static void window_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        write_byte(opaque, (uint32_t)offset + i, (uint8_t)(value >> 8 * i));
}

const MemoryRegionOps vga_window_ops = {
    .read = window_read, .write = window_write, .valid_max = 8, .impl_min = 1, .impl_max = 8, .unaligned = true,
};

/* ---- The short way ---- */

static bool controller_idle(const VGAState *s)
{
    return s->sr[SR_MAP_MASK] == 15 && !(s->gr[GR_MODE] & (GR_MODE_READ1 | 3)) && !s->gr[GR_ENABLE_SET_RESET] &&
           !s->gr[GR_DATA_ROTATE] && s->gr[GR_BIT_MASK] == 0xff;
}

/* Chain-4 through an idle graphics controller is the memory itself; in the linear VBE modes it has no say. */
static bool direct_possible(const VGAState *s)
{
    return s->misc & MISC_RAM && memory_map(s) == 1 && vga_chain4(s) && (vga_vbe_enabled(s) || controller_idle(s)) &&
           bank_offset(s) + 64 * KiB <= s->vram_size;
}

void vga_update_window(VGAState *s)
{
    bool direct = s->windowed && direct_possible(s);
    if (direct == s->direct.enabled && (!direct || s->direct.alias_offset == bank_offset(s)))
        return;
    memory_transaction_begin();
    if (direct)
        memory_region_set_alias_offset(&s->direct, bank_offset(s));
    memory_region_set_enabled(&s->direct, direct);
    memory_transaction_commit();
}
