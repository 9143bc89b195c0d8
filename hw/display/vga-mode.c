/* SPDX-License-Identifier: MIT */
/* What a VGA's registers say is to be shown: kind of mode, size, addresses (IBM PS/2 Hardware Interface Technical
 * Reference, CRT controller). Sizes are those of the monitor's picture: a 320x200 mode has 640x400. */
#include "vga.h"

#include <glib.h>

static unsigned overflow_bits(const VGAState *s, unsigned low, unsigned bit8, unsigned bit9)
{
    uint8_t o = s->cr[CR_OVERFLOW];
    return s->cr[low] | (o >> bit8 & 1) << 8 | (o >> bit9 & 1) << 9;
}

unsigned vga_display_lines(const VGAState *s)
{
    return overflow_bits(s, CR_V_DISPLAY_END, 1, 6) + 1;
}

unsigned vga_v_retrace_start(const VGAState *s)
{
    return overflow_bits(s, CR_V_RETRACE_START, 2, 7);
}

unsigned vga_v_total(const VGAState *s)
{
    return overflow_bits(s, CR_V_TOTAL, 0, 5) + 2;
}

static VGAModeKind linear_kind(unsigned depth)
{
    switch (depth) {
    case 4: return VGA_PLANAR;
    case 15: return VGA_RGB15;
    case 16: return VGA_RGB16;
    case 24: return VGA_RGB24;
    case 32: return VGA_RGB32;
    default: return VGA_INDEXED;
    }
}

static VGAMode vbe_mode(const VGAState *s)
{
    unsigned depth = vga_vbe_depth(s), x = s->vbe[VBE_X_OFFSET];
    uint32_t across = depth == 4 ? x / 8 * 4 : x * ((depth + 7) / 8);
    return (VGAMode){
        .kind = linear_kind(depth), .width = s->vbe[VBE_XRES], .height = s->vbe[VBE_YRES], .dots = 1, .row_lines = 1,
        .pitch = vga_vbe_pitch(s), .start = s->vbe[VBE_Y_OFFSET] * vga_vbe_pitch(s) + across, .wrap = s->vram_size,
        .line_compare = ~0u,
    };
}

static VGAModeKind standard_kind(const VGAState *s)
{
    uint8_t mode = s->gr[GR_MODE];
    if (!(s->gr[GR_MISC] & GR_MISC_GRAPHICS))
        return VGA_TEXT;
    return mode & GR_MODE_SHIFT_256 ? VGA_INDEXED : mode & GR_MODE_SHIFT_CGA ? VGA_CGA4 : VGA_PLANAR;
}

/* Dots to the left by which the picture is shifted. */
static unsigned panning(const VGAState *s, VGAModeKind kind, bool nine)
{
    unsigned n = s->ar[AR_PEL_PANNING];
    if (kind == VGA_TEXT && nine)
        return n < 8 ? n + 1 : 0;
    return kind == VGA_INDEXED ? n >> 1 & 3 : n & 7;
}

VGAMode vga_mode(const VGAState *s)
{
    bool on = s->ar_index & AR_INDEX_SCREEN_ON && !(s->sr[SR_CLOCKING] & SR_CLOCKING_OFF);
    if (on && vga_vbe_enabled(s))
        return vbe_mode(s);
    VGAModeKind kind = standard_kind(s);
    bool nine = !(s->sr[SR_CLOCKING] & SR_CLOCKING_8DOT);
    VGAMode m = {
        .kind = on ? kind : VGA_BLANK, .dots = s->sr[SR_CLOCKING] & SR_CLOCKING_HALF ? 2 : 1, .char_width = nine ? 9 : 8,
        .row_lines = (s->cr[CR_MAX_SCAN_LINE] & 0x1f) + 1u, .double_scan = s->cr[CR_MAX_SCAN_LINE] & 0x80,
        .pitch = s->cr[CR_OFFSET] * 8u, .wrap = MIN(s->vram_size, (uint32_t)VGA_PLANES_SIZE),
        .preset_row = s->cr[CR_PRESET_ROW_SCAN] & 0x1f, .panning = panning(s, kind, nine), .height = vga_display_lines(s),
    };
    unsigned byte_panning = s->cr[CR_PRESET_ROW_SCAN] >> 5 & 3, columns = s->cr[CR_H_DISPLAY_END] + 1u;
    m.start = ((s->cr[CR_START_HIGH] << 8 | s->cr[CR_START_LOW]) + byte_panning) * 4u;
    m.line_compare = s->cr[CR_LINE_COMPARE] | (s->cr[CR_OVERFLOW] & 0x10) << 4 | (s->cr[CR_MAX_SCAN_LINE] & 0x40) << 3;
    if (kind == VGA_INDEXED) /* two dots make a pixel of 8 bits */
        m.dots *= 2;
    m.width = kind == VGA_TEXT ? columns * m.char_width * m.dots : columns * 8 * (kind == VGA_INDEXED ? m.dots / 2 : m.dots);
    return m;
}
