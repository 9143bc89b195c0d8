/* SPDX-License-Identifier: MIT */
/*
 * The VGA core: its registers at 0x3b4-0x3df (IBM PS/2 Hardware Interface Technical Reference, video subsystem, 1992).
 * Every standard register is there; memory is in vga-mem.c, the Bochs VBE interface in vga-vbe.c, drawing in vga-draw.c.
 * Not modelled: the light pen, the vertical retrace interrupt, monitor sensing.
 */
#include "vga.h"
#include "util/error.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

enum { STATUS_NOT_DISPLAYED = 1, STATUS_RETRACE = 8 };
enum { CR_PROTECT = 0x80, OVERFLOW_LINE_COMPARE = 0x10 };

/* Bits that exist. */
static const uint8_t sr_bits[SR_COUNT] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e, 0, 0, 0xff };
static const uint8_t gr_bits[GR_COUNT] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
static const uint8_t ar_bits[AR_COUNT] = {
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f,
};

/* ---- Where the beam is ---- */

/* Frame time from the dot clock and the totals; an unprogrammed card runs at 60 Hz. */
static int64_t frame_ns(const VGAState *s, unsigned lines)
{
    unsigned dots = s->sr[SR_CLOCKING] & SR_CLOCKING_8DOT ? 8 : 9, hz = (s->misc >> 2 & 3) == 1 ? 28322000 : 25175000;
    int64_t per_line = (int64_t)(s->cr[CR_H_TOTAL] + 5) * dots << (s->sr[SR_CLOCKING] & SR_CLOCKING_HALF ? 1 : 0);
    int64_t ns = per_line * lines * NS_PER_SEC / hz;
    return s->cr[CR_H_TOTAL] && lines > 100 && ns > NS_PER_SEC / 200 ? ns : NS_PER_SEC / 60;
}

static uint8_t input_status_1(const VGAState *s)
{
    unsigned total = MAX(vga_v_total(s), 2u);
    int64_t frame = frame_ns(s, total), at = clock_ns(CLOCK_VIRTUAL) % frame;
    unsigned line = (unsigned)(at * total / frame);
    int64_t line_start = frame * line / total, line_ns = frame / total;
    unsigned retrace = MIN(vga_v_retrace_start(s), total - 2), width = (s->cr[CR_V_RETRACE_END] - retrace) & 15;
    unsigned displayed = s->cr[CR_H_DISPLAY_END] + 1u, h_total = s->cr[CR_H_TOTAL] + 5u;
    bool h_blank = (at - line_start) * h_total >= line_ns * MIN(displayed, h_total - 1);
    if (line >= retrace && line < retrace + MAX(width, 2u))
        return STATUS_RETRACE | STATUS_NOT_DISPLAYED;
    return line >= MIN(vga_display_lines(s), retrace) || h_blank ? STATUS_NOT_DISPLAYED : 0;
}

/* ---- Palette ---- */

static void dac_write(VGAState *s, uint8_t value)
{
    s->dac_pending[s->dac_part] = value;
    if (++s->dac_part < 3)
        return;
    memcpy(s->dac + 3 * s->dac_index, s->dac_pending, 3);
    s->dac_part = 0;
    s->dac_index++;
    s->redraw = true;
}

static uint8_t dac_read(VGAState *s)
{
    uint8_t v = s->dac[3 * s->dac_index + s->dac_part];
    if (++s->dac_part == 3) {
        s->dac_part = 0;
        s->dac_index++;
    }
    return v;
}

static void dac_select(VGAState *s, uint8_t entry, bool reading)
{
    s->dac_index = entry;
    s->dac_part = 0;
    s->dac_reading = reading;
}

/* ---- Registers behind an index ---- */

static void write_attribute(VGAState *s, uint8_t value)
{
    unsigned n = s->ar_index & 0x1f;
    bool data = s->ar_data;
    s->ar_data = !data;
    if (!data) {
        s->redraw |= (s->ar_index ^ value) & AR_INDEX_SCREEN_ON;
        s->ar_index = value & 0x3f;
    } else if (n < AR_COUNT) {
        s->ar[n] = value & ar_bits[n];
        s->redraw = true;
    }
}

static void write_sequencer(VGAState *s, uint8_t value)
{
    s->sr[s->sr_index] = value & sr_bits[s->sr_index];
    s->redraw |= s->sr_index != SR_MAP_MASK;
    vga_update_window(s);
}

static void write_graphics(VGAState *s, uint8_t value)
{
    s->gr[s->gr_index] = value & gr_bits[s->gr_index];
    s->redraw |= s->gr_index == GR_MODE || s->gr_index == GR_MISC;
    vga_update_window(s);
}

/* Bit 7 of register 0x11 protects 0-7, except the line compare bit. */
static void write_crtc(VGAState *s, uint8_t value)
{
    unsigned n = s->cr_index;
    if (n >= CR_COUNT)
        return;
    if (n <= CR_OVERFLOW && s->cr[CR_V_RETRACE_END] & CR_PROTECT) {
        if (n != CR_OVERFLOW)
            return;
        value = (s->cr[n] & ~OVERFLOW_LINE_COMPARE) | (value & OVERFLOW_LINE_COMPARE);
    }
    s->redraw |= s->cr[n] != value;
    s->cr[n] = value;
}

/* ---- Ports ---- */

/* 0x3b4-0x3bb answer in monochrome setups, 0x3d4-0x3db in colour ones. */
static bool port_answers(const VGAState *s, uint16_t port)
{
    bool color = s->misc & MISC_COLOR;
    return port >= 0x3c0 && port <= 0x3cf ? true : port >= 0x3d0 ? color : !color;
}

uint8_t vga_port_read(VGAState *s, uint16_t port)
{
    if (!port_answers(s, port))
        return 0xff;
    switch (port) {
    case 0x3c0: return s->ar_data ? 0 : s->ar_index;
    case 0x3c1: return (s->ar_index & 0x1f) < AR_COUNT ? s->ar[s->ar_index & 0x1f] : 0;
    case 0x3c2: return 0;
    case 0x3c4: return s->sr_index;
    case 0x3c5: return s->sr[s->sr_index];
    case 0x3c6: return s->dac_mask;
    case 0x3c7: return s->dac_reading ? 3 : 0;
    case 0x3c8: return s->dac_index;
    case 0x3c9: return dac_read(s);
    case 0x3ca: return s->feature;
    case 0x3cc: return s->misc;
    case 0x3ce: return s->gr_index;
    case 0x3cf: return s->gr[s->gr_index];
    case 0x3b4: case 0x3d4: return s->cr_index;
    case 0x3b5: case 0x3d5: return s->cr_index < CR_COUNT ? s->cr[s->cr_index] : 0;
    case 0x3ba: case 0x3da:
        s->ar_data = false;
        return input_status_1(s);
    default: return 0;
    }
}

void vga_port_write(VGAState *s, uint16_t port, uint8_t value)
{
    if (!port_answers(s, port))
        return;
    switch (port) {
    case 0x3c0: write_attribute(s, value); break;
    case 0x3c2:
        s->misc = value & ~0x10;
        vga_update_window(s);
        break;
    case 0x3c4: s->sr_index = value & (SR_COUNT - 1); break;
    case 0x3c5: write_sequencer(s, value); break;
    case 0x3c6:
        s->redraw |= s->dac_mask != value;
        s->dac_mask = value;
        break;
    case 0x3c7: dac_select(s, value, true); break;
    case 0x3c8: dac_select(s, value, false); break;
    case 0x3c9: dac_write(s, value); break;
    case 0x3ce: s->gr_index = value & (GR_COUNT - 1); break;
    case 0x3cf: write_graphics(s, value); break;
    case 0x3b4: case 0x3d4: s->cr_index = value; break;
    case 0x3b5: case 0x3d5: write_crtc(s, value); break;
    case 0x3ba: case 0x3da: s->feature = value & 0x10; break;
    default: break;
    }
}

static uint64_t ports_read(void *opaque, hwaddr offset, unsigned size)
{
    VGAPorts *p = opaque;
    return vga_port_read(p->vga, (uint16_t)(p->base + offset));
}

static void ports_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    VGAPorts *p = opaque;
    vga_port_write(p->vga, (uint16_t)(p->base + offset), (uint8_t)value);
}

static const MemoryRegionOps port_ops = {
    .read = ports_read, .write = ports_write, .valid_max = 2, .impl_min = 1, .impl_max = 1, .unaligned = true,
};
static const struct { uint16_t base, count; } port_ranges[VGA_PORT_RANGES] = {
    { 0x3b4, 2 }, { 0x3ba, 1 }, { 0x3c0, 16 }, { 0x3d4, 2 }, { 0x3da, 1 },
};

/* ---- Life ---- */

bool vga_init(VGAState *s, Device *dev, uint32_t memory_mb, unsigned head, Error **errp)
{
    if (memory_mb < 1 || memory_mb > 512) {
        error_setg(errp, "vgamem_mb: %u MiB of video memory, it must be between 1 and 512", memory_mb);
        return false;
    }
    s->dev = dev;
    s->vram_size = MiB;
    while (s->vram_size < memory_mb * MiB)
        s->vram_size *= 2;
    if (!memory_region_init_ram(&s->vram, dev, "vga.vram", s->vram_size, errp))
        return false;
    memory_region_init_io(&s->window, dev, &vga_window_ops, s, "vga-lowmem", VGA_WINDOW_SIZE);
    memory_region_init_alias(&s->direct, dev, "vga.direct", &s->vram, 0, 64 * KiB);
    s->direct.enabled = false;
    memory_region_init_io(&s->vbe_ports, dev, &vga_vbe_port_ops, s, "vbe", 4);
    for (unsigned i = 0; i < VGA_PORT_RANGES; i++) {
        s->ports[i].vga = s;
        s->ports[i].base = port_ranges[i].base;
        memory_region_init_io(&s->ports[i].io, dev, &port_ops, &s->ports[i], "vga", port_ranges[i].count);
    }
    /* They go in this order: what looks into the memory before the memory. */
    device_add_region(dev, &s->direct);
    device_add_region(dev, &s->window);
    device_add_region(dev, &s->vbe_ports);
    for (unsigned i = 0; i < VGA_PORT_RANGES; i++)
        device_add_region(dev, &s->ports[i].io);
    device_add_region(dev, &s->vram);
    s->con = console_new(dev, head, &vga_console_ops, s);
    return true;
}

void vga_map_legacy(VGAState *s, MemoryRegion *memory, MemoryRegion *io)
{
    memory_transaction_begin();
    memory_region_add_overlap(memory, VGA_WINDOW_BASE, &s->window, 1);
    memory_region_add_overlap(memory, VGA_WINDOW_BASE, &s->direct, 2);
    for (unsigned i = 0; i < VGA_PORT_RANGES; i++)
        memory_region_add_overlap(io, s->ports[i].base, &s->ports[i].io, 1);
    memory_region_add_overlap(io, 0x1ce, &s->vbe_ports, 1);
    s->windowed = true;
    memory_transaction_commit();
}

void vga_exit(VGAState *s)
{
    console_free(s->con);
    g_free(s->page_dirty);
}

void vga_reset(VGAState *s)
{
    s->misc = s->feature = 0;
    s->sr_index = s->gr_index = s->cr_index = s->ar_index = 0;
    memset(s->sr, 0, sizeof(s->sr));
    memset(s->cr, 0, sizeof(s->cr));
    memset(s->gr, 0, sizeof(s->gr));
    memset(s->ar, 0, sizeof(s->ar));
    memset(s->dac, 0, sizeof(s->dac));
    s->dac_mask = 0xff;
    s->ar_data = false;
    dac_select(s, 0, false);
    memset(s->dac_pending, 0, sizeof(s->dac_pending));
    s->latch = 0;
    s->big_endian = false;
    vga_vbe_reset(s);
    vga_update_window(s);
    s->redraw = true;
}

const SavedField vga_saved[] = {
    SAVED_INT(VGAState, misc), SAVED_INT(VGAState, feature), SAVED_INT(VGAState, sr_index), SAVED_BYTES(VGAState, sr),
    SAVED_INT(VGAState, cr_index), SAVED_BYTES(VGAState, cr), SAVED_INT(VGAState, gr_index), SAVED_BYTES(VGAState, gr),
    SAVED_INT(VGAState, ar_index), SAVED_BYTES(VGAState, ar), SAVED_INT(VGAState, ar_data), SAVED_BYTES(VGAState, dac),
    SAVED_INT(VGAState, dac_mask), SAVED_INT(VGAState, dac_index), SAVED_INT(VGAState, dac_part),
    SAVED_BYTES(VGAState, dac_pending), SAVED_INT(VGAState, dac_reading), SAVED_INT(VGAState, latch),
    SAVED_INT(VGAState, vbe_index), SAVED_ARRAY(VGAState, vbe), SAVED_INT(VGAState, big_endian), SAVED_END(),
};

void vga_loaded(VGAState *s)
{
    s->sr_index &= SR_COUNT - 1;
    s->gr_index &= GR_COUNT - 1;
    s->ar_index &= 0x3f;
    s->dac_part %= 3;
    s->ar_data = *(uint8_t *)&s->ar_data & 1;
    s->dac_reading = *(uint8_t *)&s->dac_reading & 1;
    s->big_endian = *(uint8_t *)&s->big_endian & 1;
    for (unsigned i = 0; i < SR_COUNT; i++)
        s->sr[i] &= sr_bits[i];
    for (unsigned i = 0; i < GR_COUNT; i++)
        s->gr[i] &= gr_bits[i];
    for (unsigned i = 0; i < AR_COUNT; i++)
        s->ar[i] &= ar_bits[i];
    vga_vbe_fix(s);
    vga_update_window(s);
    s->redraw = true;
}

/* ---- What the card's BIOS would have set: mode 3 (IBM PS/2 BIOS Interface Technical Reference) ---- */

static void load_indexed(VGAState *s, uint16_t port, const uint8_t *values, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        vga_port_write(s, port, (uint8_t)i);
        vga_port_write(s, port + 1, values[i]);
    }
}

/* The 64 colours of an EGA: two bits for each of red, green, blue. */
static void load_ega_palette(VGAState *s)
{
    vga_port_write(s, 0x3c8, 0);
    for (unsigned i = 0; i < 64; i++)
        for (unsigned part = 0; part < 3; part++) {
            unsigned high = i >> (2 - part) & 1, low = i >> (5 - part) & 1;
            vga_port_write(s, 0x3c9, (uint8_t)(high * 42 + low * 21));
        }
}

static void load_font(VGAState *s, const uint8_t *font)
{
    uint8_t *vram = memory_region_ram_ptr(&s->vram);
    for (unsigned c = 0; c < 256; c++)
        for (unsigned line = 0; line < 16; line++)
            vram[4 * (32 * c + line) + 2] = font[16 * c + line];
    ram_written(s->vram.ram, 0, 4 * 32 * 256);
}

void vga_set_text_mode(VGAState *s, const uint8_t *font)
{
    static const uint8_t sr[] = { 3, 0, 3, 0, 2 };
    static const uint8_t cr[] = { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 13, 14, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f, 40,
                                  0x1f, 0x96, 0xb9, 0xa3, 0xff };
    static const uint8_t gr[] = { 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff };
    static const uint8_t ar[] = { 0, 1, 2, 3, 4, 5, 20, 7, 56, 57, 58, 59, 60, 61, 62, 63, 0x0c, 0, 15, 8, 0 };
    vga_vbe_write(s, VBE_ENABLE, 0);
    vga_port_write(s, 0x3c2, 0x67);
    s->cr[CR_V_RETRACE_END] &= ~CR_PROTECT;
    load_indexed(s, 0x3c4, sr, sizeof(sr));
    load_indexed(s, 0x3d4, cr, sizeof(cr));
    load_indexed(s, 0x3ce, gr, sizeof(gr));
    vga_port_read(s, 0x3da);
    for (unsigned i = 0; i < sizeof(ar); i++) {
        vga_port_write(s, 0x3c0, (uint8_t)i);
        vga_port_write(s, 0x3c0, ar[i]);
    }
    vga_port_write(s, 0x3c6, 0xff);
    load_ega_palette(s);
    if (font)
        load_font(s, font);
    uint32_t *cells = (uint32_t *)memory_region_ram_ptr(&s->vram);
    for (unsigned i = 0; i < 0x4000; i++) /* 32 KiB of blanks, grey on black; the font stays */
        cells[i] = (cells[i] & 0xffff0000) | 0x0720;
    ram_written(s->vram.ram, 0, 0x10000);
    vga_port_write(s, 0x3c0, AR_INDEX_SCREEN_ON);
}
