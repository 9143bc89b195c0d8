/* SPDX-License-Identifier: MIT */
/* A VGA's text modes: pixels of a scan line with the fonts of plane 2, and the cells as text. Blinking is not drawn:
 * what blinks is shown, so that pictures of the same screen are the same. */
#include "vga.h"

#include <glib.h>
#include <string.h>

enum { CURSOR_OFF = 0x20, GLYPH_STRIDE = 32 };

static const uint8_t *cell_at(const VGAState *s, const VGAMode *m, uint32_t address)
{
    return memory_region_ram_ptr((MemoryRegion *)&s->vram) + (address & (m->wrap - 1) & ~3u);
}

/* Where a character set starts in plane 2: three bits of the character map select register. */
static uint32_t font_base(unsigned set)
{
    return (set & 3) * 0x4000 + (set >> 2) * 0x2000;
}

/* The sets of characters with attribute bit 3 clear and set. */
static void font_bases(const VGAState *s, uint32_t base[2])
{
    uint8_t v = s->sr[SR_CHARACTER_MAP];
    base[0] = font_base((v & 3) | (v >> 4 & 1) << 2);
    base[1] = font_base((v >> 2 & 3) | (v >> 5 & 1) << 2);
}

static uint8_t glyph_line(const VGAState *s, uint32_t base, uint8_t code, unsigned scan)
{
    uint32_t at = base + (uint32_t)code * GLYPH_STRIDE + scan;
    return memory_region_ram_ptr((MemoryRegion *)&s->vram)[4 * at + 2];
}

static void cell_colors(const VGAState *s, uint8_t attribute, uint32_t *fg, uint32_t *bg)
{
    unsigned back = attribute >> 4 & (s->ar[AR_MODE] & AR_MODE_BLINK ? 7 : 15);
    *fg = vga_attribute_pixel(s, attribute & 15);
    *bg = vga_attribute_pixel(s, back);
}

static uint32_t cursor_address(const VGAState *s)
{
    return (s->cr[CR_CURSOR_HIGH] << 8 | s->cr[CR_CURSOR_LOW]) * 4u;
}

static bool cursor_covers(const VGAState *s, unsigned scan)
{
    unsigned first = s->cr[CR_CURSOR_START] & 0x1f, last = s->cr[CR_CURSOR_END] & 0x1f;
    return !(s->cr[CR_CURSOR_START] & CURSOR_OFF) && scan >= first && scan <= last;
}

/* Monochrome text has an underlined attribute: blue foreground on black. */
static bool underlined(const VGAState *s, uint8_t attribute, unsigned scan)
{
    return s->ar[AR_MODE] & AR_MODE_MONO && (attribute & 0x77) == 1 && scan == (s->cr[CR_UNDERLINE] & 0x1f);
}

/* The dots of a cell, leftmost in bit 8 of 9. */
static unsigned cell_dots(const VGAState *s, const uint8_t *cell, uint32_t base, unsigned scan)
{
    uint8_t dots = glyph_line(s, base, cell[0], scan);
    if (underlined(s, cell[1], scan))
        return 0x1ff;
    bool joined = s->ar[AR_MODE] & AR_MODE_LINE_GRAPHICS && (cell[0] & 0xe0) == 0xc0;
    return dots << 1 | (joined ? dots & 1 : 0);
}

void vga_draw_text_line(const VGAState *s, const VGAMode *m, uint32_t address, unsigned scan, uint32_t *out)
{
    unsigned cells = m->width / (m->char_width * m->dots) + 1;
    uint32_t base[2], cursor = cursor_address(s) & (m->wrap - 1);
    bool with_cursor = cursor_covers(s, scan);
    font_bases(s, base);
    for (unsigned i = 0; i < cells; i++, address += 4) {
        const uint8_t *cell = cell_at(s, m, address);
        uint32_t fg, bg;
        cell_colors(s, cell[1], &fg, &bg);
        unsigned dots = cell_dots(s, cell, base[cell[1] >> 3 & 1], scan);
        if (with_cursor && (address & (m->wrap - 1)) == cursor)
            dots = 0x1ff;
        for (unsigned x = 0; x < m->char_width; x++, dots <<= 1)
            for (unsigned d = 0; d < m->dots; d++)
                *out++ = dots & 0x100 ? fg : bg;
    }
}

/* ---- As text ---- */

static void place_cursor(const VGAState *s, const VGAMode *m, TextScreen *t)
{
    uint32_t from = (cursor_address(s) - m->start) & (m->wrap - 1);
    t->cursor_x = t->cursor_y = -1;
    bool shown = !(s->cr[CR_CURSOR_START] & CURSOR_OFF) && (s->cr[CR_CURSOR_START] & 0x1f) <= (s->cr[CR_CURSOR_END] & 0x1f);
    if (!shown || !m->pitch || from / m->pitch >= t->rows || from % m->pitch / 4 >= t->columns)
        return;
    t->cursor_x = (int)(from % m->pitch / 4);
    t->cursor_y = (int)(from / m->pitch);
}

bool vga_read_text(void *opaque, TextScreen *out)
{
    const VGAState *s = opaque;
    VGAMode m = vga_mode(s);
    if (m.kind != VGA_TEXT)
        return false;
    TextScreen t = { .columns = m.width / (m.char_width * m.dots), .rows = MAX(1, m.height / (m.row_lines << m.double_scan)) };
    t.rows = MIN(t.rows, TEXT_CELLS_MAX / t.columns);
    t.cells = g_new(TextCell, t.columns * t.rows);
    for (unsigned i = 0; i < t.columns * t.rows; i++) {
        const uint8_t *cell = cell_at(s, &m, m.start + i / t.columns * m.pitch + i % t.columns * 4);
        t.cells[i].code = cp437_to_unicode(cell[0]);
        cell_colors(s, cell[1], &t.cells[i].fg, &t.cells[i].bg);
    }
    place_cursor(s, &m, &t);
    *out = t;
    return true;
}
