/* SPDX-License-Identifier: MIT */
/*
 * Draws what a VGA shows, line by line, when somebody looks. A line is skipped while neither registers nor its
 * pages of video memory changed; of the lines that are drawn, those that came out the same are not damage.
 */
#include "vga.h"

#include <glib.h>
#include <string.h>

#define PAGE 4096u

/* ---- Colours ---- */

/* A 6-bit component with its lowest bit repeated, as the peers' cards show it. */
static uint8_t widen(const VGAState *s, uint8_t v)
{
    if (s->vbe[VBE_ENABLE] & VBE_8BIT_DAC)
        return v;
    v &= 0x3f;
    return (uint8_t)(v << 2 | (v & 1) * 3);
}

uint32_t vga_dac_pixel(const VGAState *s, uint8_t entry)
{
    const uint8_t *p = s->dac + 3 * (entry & s->dac_mask);
    return (uint32_t)widen(s, p[0]) << 16 | widen(s, p[1]) << 8 | widen(s, p[2]);
}

uint32_t vga_attribute_pixel(const VGAState *s, unsigned attribute)
{
    uint8_t v = s->ar[attribute & 15] & 0x3f, select = s->ar[AR_COLOR_SELECT];
    if (s->ar[AR_MODE] & AR_MODE_P54S)
        v = (uint8_t)((select & 15) << 4 | (v & 15));
    else
        v = (uint8_t)((select & 12) << 4 | v);
    return vga_dac_pixel(s, v);
}

typedef struct Painter {
    const VGAState *s;
    VGAMode m;
    const uint8_t *vram;
    uint32_t palette[256]; /* DAC entries, or the 16 attributes in the planar modes */
    uint32_t *line;        /* a line, with room for what panning cuts off */
} Painter;

static void load_palette(Painter *p)
{
    bool attributes = p->m.kind == VGA_PLANAR || p->m.kind == VGA_CGA4;
    for (unsigned i = 0; i < 256; i++)
        p->palette[i] = attributes ? vga_attribute_pixel(p->s, i & 15) : vga_dac_pixel(p->s, (uint8_t)i);
}

/* ---- Lines ---- */

static const uint8_t *bytes_at(const Painter *p, uint32_t address)
{
    return p->vram + (address & (p->m.wrap - 1));
}

static uint32_t *put(uint32_t *out, uint32_t pixel, unsigned dots)
{
    *out++ = pixel;
    if (dots > 1)
        *out++ = pixel;
    if (dots > 2) {
        *out++ = pixel;
        *out++ = pixel;
    }
    return out;
}

static void draw_planar(const Painter *p, uint32_t address, uint32_t *out)
{
    uint8_t enabled = p->s->ar[AR_PLANE_ENABLE] & 15;
    for (unsigned x = 0; x < p->m.width / p->m.dots + 8; x += 8, address += 4) {
        const uint8_t *b = bytes_at(p, address & ~3u);
        for (int bit = 7; bit >= 0; bit--) {
            unsigned v = (b[0] >> bit & 1) | (b[1] >> bit & 1) << 1 | (b[2] >> bit & 1) << 2 | (b[3] >> bit & 1) << 3;
            out = put(out, p->palette[v & enabled], p->m.dots);
        }
    }
}

/* Planes 0 and 1 one after the other give the low two bits of four pixels each, planes 2 and 3 the high ones. */
static void draw_cga4(const Painter *p, uint32_t address, uint32_t *out)
{
    uint8_t enabled = p->s->ar[AR_PLANE_ENABLE] & 15;
    for (unsigned x = 0; x < p->m.width / p->m.dots + 8; x += 8, address += 4) {
        const uint8_t *b = bytes_at(p, address & ~3u);
        for (unsigned i = 0; i < 8; i++) {
            unsigned shift = 6 - 2 * (i & 3), v = (b[i >> 2] >> shift & 3) | (b[2 + (i >> 2)] >> shift & 3) << 2;
            out = put(out, p->palette[v & enabled], p->m.dots);
        }
    }
}

static void draw_indexed(const Painter *p, uint32_t address, uint32_t *out)
{
    unsigned pixels = p->m.width / p->m.dots + (p->m.dots > 1 ? 4 : 0);
    for (unsigned x = 0; x < pixels; x++, address++)
        out = put(out, p->palette[*bytes_at(p, address)], p->m.dots);
}

static unsigned pixel_bytes(VGAModeKind kind)
{
    return kind == VGA_RGB32 ? 4 : kind == VGA_RGB24 ? 3 : 2;
}

/* A component of so many bits in 8, its highest bits repeated below. */
static uint32_t component(uint32_t v, unsigned shift, unsigned bits)
{
    v = v >> shift & ((1u << bits) - 1);
    return v << (8 - bits) | v >> (2 * bits - 8);
}

static uint32_t to_pixel(VGAModeKind kind, uint32_t v)
{
    switch (kind) {
    case VGA_RGB15: return component(v, 10, 5) << 16 | component(v, 5, 5) << 8 | component(v, 0, 5);
    case VGA_RGB16: return component(v, 11, 5) << 16 | component(v, 5, 6) << 8 | component(v, 0, 5);
    default: return v & 0xffffff;
    }
}

static void draw_rgb(const Painter *p, uint32_t address, uint32_t *out)
{
    unsigned bytes = pixel_bytes(p->m.kind);
    for (unsigned x = 0; x < p->m.width; x++, address += bytes) {
        uint32_t v = 0;
        for (unsigned i = 0; i < bytes; i++)
            v |= (uint32_t)*bytes_at(p, address + (p->s->big_endian ? bytes - 1 - i : i)) << 8 * i;
        *out++ = to_pixel(p->m.kind, v);
    }
}

/* The row address with the bits that CGA and Hercules compatible modes take from the line within the row. */
static uint32_t scan_address(const Painter *p, uint32_t address, unsigned scan)
{
    uint8_t mode = p->s->cr[CR_MODE_CONTROL];
    unsigned bit = mode & CR_MODE_BYTE ? 15 : 14;
    if (vga_vbe_enabled(p->s))
        return address;
    if (!(mode & CR_MODE_CGA_ROWS))
        address = (address & ~(1u << bit)) | (scan & 1) << bit;
    if (!(mode & CR_MODE_HERCULES_ROWS))
        address = (address & ~(2u << bit)) | (scan >> 1 & 1) << (bit + 1);
    return address;
}

static const uint32_t *draw_line(Painter *p, uint32_t row, unsigned scan, unsigned panning)
{
    uint32_t address = scan_address(p, row, scan);
    switch (p->m.kind) {
    case VGA_TEXT: vga_draw_text_line(p->s, &p->m, row, scan, p->line); break;
    case VGA_PLANAR: draw_planar(p, address, p->line); break;
    case VGA_CGA4: draw_cga4(p, address, p->line); break;
    case VGA_INDEXED: draw_indexed(p, address, p->line); break;
    case VGA_BLANK: memset(p->line, 0, p->m.width * sizeof(uint32_t)); break;
    default: draw_rgb(p, address, p->line); break;
    }
    return p->line + panning * p->m.dots;
}

/* ---- What has to be drawn ---- */

static void page_is_dirty(void *opaque, hwaddr offset)
{
    ((VGAState *)opaque)->page_dirty[offset / PAGE] = 1;
}

/* Collects the dirty pages of what is shown. The standard modes are small and wind about: they are drawn whole. */
static bool collect_dirty(VGAState *s, const VGAMode *m)
{
    if (!s->page_dirty)
        s->page_dirty = g_malloc(s->vram_size / PAGE);
    memset(s->page_dirty, 0, s->vram_size / PAGE);
    hwaddr start = 0, len = m->wrap;
    if (vga_vbe_enabled(s)) {
        start = m->start;
        len = MIN((hwaddr)m->pitch * m->height + m->width * 4, s->vram_size - start);
    }
    return ram_test_and_clear_dirty(s->vram.ram, start, len, DIRTY_VGA, page_is_dirty, s);
}

static bool line_dirty(const VGAState *s, const VGAMode *m, uint32_t address)
{
    if (s->redraw || !vga_vbe_enabled(s))
        return true;
    uint32_t last = MIN(address + MAX(m->pitch, 1u) - 1, s->vram_size - 1);
    for (uint32_t page = address / PAGE; page <= last / PAGE; page++)
        if (s->page_dirty[page])
            return true;
    return false;
}

/* Copies a drawn line to the surface; false when it shows that already. */
static bool show_line(DisplaySurface *surface, unsigned y, const uint32_t *pixels)
{
    uint32_t *row = surface_row(surface, y);
    size_t len = surface_width(surface) * sizeof(uint32_t);
    if (!memcmp(row, pixels, len))
        return false;
    memcpy(row, pixels, len);
    return true;
}

/* The counters of the CRT controller that walk down the screen. */
typedef struct Beam {
    uint32_t row;
    unsigned scan, repeat, panning;
} Beam;

static void next_line(Beam *b, const Painter *p, unsigned y)
{
    const VGAMode *m = &p->m;
    if (y == m->line_compare) {
        *b = (Beam){ .panning = p->s->ar[AR_MODE] & AR_MODE_SPLIT_PANNING ? 0 : b->panning };
    } else if (m->double_scan && !b->repeat) {
        b->repeat = 1;
    } else {
        b->repeat = 0;
        if (++b->scan >= m->row_lines) {
            b->scan = 0;
            b->row += m->pitch;
        }
    }
}

static void draw_screen(Painter *p, VGAState *s, DisplaySurface *surface)
{
    Beam b = { .row = p->m.start, .scan = p->m.preset_row < p->m.row_lines ? p->m.preset_row : 0, .panning = p->m.panning };
    unsigned first = 0, run = 0, width = surface_width(surface);
    for (unsigned y = 0; y < p->m.height; next_line(&b, p, y), y++) {
        bool changed = line_dirty(s, &p->m, b.row) && show_line(surface, y, draw_line(p, b.row, b.scan, b.panning));
        if (changed && !run++)
            first = y;
        if (!changed && run) {
            console_damage(s->con, 0, first, width, run);
            run = 0;
        }
    }
    if (run)
        console_damage(s->con, 0, first, width, run);
}

static void vga_update(void *opaque)
{
    VGAState *s = opaque;
    Painter p = { .s = s, .m = vga_mode(s), .vram = memory_region_ram_ptr(&s->vram) };
    if (p.m.kind == VGA_BLANK) { /* the monitor keeps its mode */
        p.m.width = surface_width(console_surface(s->con));
        p.m.height = surface_height(console_surface(s->con));
        p.m.panning = 0;
    }
    bool dirty = collect_dirty(s, &p.m);
    DisplaySurface *before = console_surface(s->con), *surface = console_resize(s->con, p.m.width, p.m.height);
    s->redraw |= surface != before;
    if (!dirty && !s->redraw)
        return;
    load_palette(&p);
    p.line = g_new(uint32_t, p.m.width + 64);
    draw_screen(&p, s, surface);
    g_free(p.line);
    s->redraw = false;
}

static void vga_invalidate(void *opaque)
{
    ((VGAState *)opaque)->redraw = true;
}

const ConsoleOps vga_console_ops = { .update = vga_update, .invalidate = vga_invalidate, .text = vga_read_text };
