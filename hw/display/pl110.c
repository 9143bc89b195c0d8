/* SPDX-License-Identifier: MIT */
/*
 * Arm PrimeCell color LCD controllers PL110 (ARM DDI 0161) and PL111 (DDI 0293). Region 0 (4 KiB); output 0 = interrupt; type
 * pl110_versatile is Versatile's PL110, with LCDIMSC and LCDCONTROL the other way round and an input for the board's pixel multiplexer
 * (DUI 0225, SYS_CLCD: 0 = 8:8:8, 1 = 5:5:5:1, 2 = 5:6:5 red lowest, 3 = 5:6:5 blue lowest). Frames come 60 times a second
 * whatever the timing registers say. Not modelled: STN panels (dithering, dual panels), hardware cursor.
 */
#include "hw/primecell.h"
#include "ui/console.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

#define FRAME_NS (NS_PER_SEC / 60)
#define WIDTH_MAX 1024
#define HEIGHT_MAX 1024
enum { R_TIMING0, R_TIMING1, R_TIMING2, R_TIMING3, R_UPBASE, R_LPBASE, R_IMSC, R_CONTROL, R_RIS, R_MIS, R_ICR, R_UPCURR, R_LPCURR };
enum { CTRL_ENABLE = 1, CTRL_BGR = 0x100, CTRL_BEBO = 0x200, CTRL_BEPO = 0x400, CTRL_POWER = 0x800 };
enum { INT_BASE = 4, INT_VCOMP = 8, INT_ALL = 0x1e };
typedef enum PixelFormat { PIX_1, PIX_2, PIX_4, PIX_8, PIX_5551, PIX_888, PIX_565, PIX_444, PIX_565_RED_LOW, PIX_565_BLUE_LOW } PixelFormat;

typedef struct PL110 {
    Device dev;
    Console *con;
    Timer *frame;           /* the next frame's end, while someone waits for its interrupt */
    int64_t frame_start;    /* of the frames' grid; -1: off */
    MemoryRegion page, palette_io;
    uint32_t palette[128];
    uint8_t mux, redraw, swapped;
    unsigned width, height;
    uint8_t *shown;         /* the frame buffer's bytes as they were last drawn */
    size_t shown_size;
} PL110;

/* LCDCONTROL and LCDIMSC in the order of PL110, wherever they are. */
static uint32_t control(const PL110 *s)
{
    return s->dev.regs[s->swapped ? R_IMSC : R_CONTROL];
}

static uint32_t imsc(const PL110 *s)
{
    return s->dev.regs[s->swapped ? R_CONTROL : R_IMSC] & INT_ALL;
}

static bool is_on(const PL110 *s)
{
    return (control(s) & (CTRL_ENABLE | CTRL_POWER)) == (CTRL_ENABLE | CTRL_POWER);
}

/* ---- Frames and interrupts ---- */

static void update_irq(PL110 *s)
{
    irq_set(&s->dev.out[0], (s->dev.regs[R_RIS] & imsc(s)) != 0);
}

/* A timer waits for the frame's end only when an interrupt is enabled. */
static void schedule(PL110 *s)
{
    if (s->frame_start >= 0 && imsc(s) & (INT_BASE | INT_VCOMP))
        timer_mod(s->frame, s->frame_start + FRAME_NS);
    else
        timer_del(s->frame);
    update_irq(s);
}

/* Frames that have ended leave their interrupts. */
static void catch_up(PL110 *s)
{
    int64_t now = clock_ns(CLOCK_VIRTUAL);
    if (s->frame_start >= 0 && now - s->frame_start >= FRAME_NS) {
        s->dev.regs[R_RIS] |= INT_BASE | INT_VCOMP;
        s->frame_start = now - (now - s->frame_start) % FRAME_NS;
    }
    schedule(s);
}

static void frame_end(void *opaque)
{
    catch_up(opaque);
}

/* ---- Drawing ---- */

static PixelFormat pixel_format(const PL110 *s)
{
    static const PixelFormat by_mux[] = { PIX_565, PIX_5551, PIX_565_RED_LOW, PIX_565_BLUE_LOW };
    unsigned bpp = control(s) >> 1 & 7;
    bool pl111 = !strcmp(s->dev.type->name, "pl111");
    if (bpp == PIX_5551 && s->swapped && !pl111)
        return by_mux[s->mux & 3];
    return !pl111 && bpp > PIX_888 ? PIX_888 : (PixelFormat)bpp;
}

static unsigned bits_per_pixel(PixelFormat f)
{
    static const uint8_t bits[] = { 1, 2, 4, 8, 16, 32, 16, 16, 16, 16 };
    return bits[f];
}

/* Components of `bits` bits each at these positions, as a pixel of a surface. */
static uint32_t rgb(uint32_t v, unsigned r, unsigned g, unsigned b, unsigned bits, unsigned green_bits)
{
    uint32_t red = v >> r & ((1u << bits) - 1), green = v >> g & ((1u << green_bits) - 1), blue = v >> b & ((1u << bits) - 1);
    return red << (24 - bits) | green << (16 - green_bits) | blue << (8 - bits);
}

static uint32_t pixel(const PL110 *s, PixelFormat f, uint32_t v)
{
    bool bgr = control(s) & CTRL_BGR;
    if (f <= PIX_8) {
        v = s->palette[v / 2] >> (v & 1 ? 16 : 0) & 0xffff;
        f = PIX_5551;
    }
    switch (f) {
    case PIX_565_RED_LOW: return rgb(v, 0, 5, 11, 5, 6);
    case PIX_565_BLUE_LOW: return rgb(v, 11, 5, 0, 5, 6);
    case PIX_565: return bgr ? rgb(v, 11, 5, 0, 5, 6) : rgb(v, 0, 5, 11, 5, 6);
    case PIX_444: return bgr ? rgb(v, 8, 4, 0, 4, 4) : rgb(v, 0, 4, 8, 4, 4);
    case PIX_888: return bgr ? v & 0xffffff : rgb(v, 0, 8, 16, 8, 8);
    default: return bgr ? rgb(v, 10, 5, 0, 5, 5) : rgb(v, 0, 5, 10, 5, 5);
    }
}

/* Pixel x of a line: bits of 32-bit words, in the byte and pixel order of LCDCONTROL. */
static uint32_t fetch(const PL110 *s, const uint8_t *line, unsigned x, unsigned bits)
{
    unsigned per_word = 32 / bits, place = x % per_word * bits;
    uint32_t word;
    memcpy(&word, line + x / per_word * 4, 4);
    word = GUINT32_FROM_LE(word);
    if (control(s) & CTRL_BEBO)
        place = 32 - bits - place; /* the leftmost pixel is in the highest bits */
    else if (control(s) & CTRL_BEPO && bits < 8)
        place = (place & ~7u) + 8 - bits - (place & 7);
    return bits == 32 ? word : word >> place & ((1u << bits) - 1);
}

static void draw_line(PL110 *s, unsigned y, const uint8_t *line)
{
    PixelFormat f = pixel_format(s);
    unsigned bits = bits_per_pixel(f);
    uint32_t *out = surface_row(console_surface(s->con), y);
    for (unsigned x = 0; x < s->width; x++)
        out[x] = pixel(s, f, fetch(s, line, x, bits));
}

/* The panel's size; false while there is no picture. */
static bool set_size(PL110 *s)
{
    unsigned width = 16 * ((s->dev.regs[R_TIMING0] >> 2 & 63) + 1), height = (s->dev.regs[R_TIMING1] & 0x3ff) + 1;
    if (!is_on(s))
        return false;
    if (width != s->width || height != s->height) {
        s->width = width;
        s->height = height;
        s->redraw = 1;
    }
    console_resize(s->con, width, height);
    return true;
}

static void draw(void *opaque)
{
    PL110 *s = opaque;
    if (!set_size(s)) {
        DisplaySurface *surface = console_surface(s->con);
        if (s->redraw) {
            surface_fill(surface, 0, 0, surface_width(surface), surface_height(surface), 0);
            console_damage(s->con, 0, 0, surface_width(surface), surface_height(surface));
        }
        s->redraw = 0;
        return;
    }
    size_t stride = s->width * bits_per_pixel(pixel_format(s)) / 8, size = stride * s->height;
    if (size != s->shown_size) {
        s->shown = g_realloc(s->shown, size);
        s->shown_size = size;
        s->redraw = 1;
    }
    uint8_t line[WIDTH_MAX * 4] = { 0 };
    unsigned first = s->height, last = 0;
    for (unsigned y = 0; y < s->height; y++) {
        address_space_read(address_space_memory, (s->dev.regs[R_UPBASE] & ~3u) + y * stride, line, stride);
        if (!s->redraw && !memcmp(line, s->shown + y * stride, stride))
            continue;
        memcpy(s->shown + y * stride, line, stride);
        draw_line(s, y, line);
        first = MIN(first, y);
        last = y;
    }
    s->redraw = 0;
    if (first <= last && first < s->height)
        console_damage(s->con, 0, first, s->width, last - first + 1);
}

static void invalidate(void *opaque)
{
    ((PL110 *)opaque)->redraw = 1;
}

static const ConsoleOps console_ops = { .update = draw, .invalidate = invalidate };

/* ---- Registers ---- */

static void write_mode(void *dev, unsigned index, uint32_t value)
{
    PL110 *s = dev;
    s->redraw = 1;
    if (!is_on(s))
        s->frame_start = -1;
    else if (s->frame_start < 0)
        s->frame_start = clock_ns(CLOCK_VIRTUAL);
    catch_up(s);
}

static uint32_t read_ris(void *dev, unsigned index, uint32_t value)
{
    PL110 *s = dev;
    catch_up(s);
    return s->dev.regs[R_RIS] & (index == R_MIS ? imsc(s) : ~0u);
}

static void write_icr(void *dev, unsigned index, uint32_t value)
{
    PL110 *s = dev;
    catch_up(s);
    s->dev.regs[R_RIS] &= ~value;
    update_irq(s);
}

/* Where the controller reads just now: somewhere in the frame. */
static uint32_t read_current(void *dev, unsigned index, uint32_t value)
{
    return ((Device *)dev)->regs[index == R_UPCURR ? R_UPBASE : R_LPBASE];
}

#define PL110_REGS(name6, name7, p0, p1, p2, p3)                                        \
    { "LCDTIMING0", 0x00, 4, .write = ~3u, .on_write = write_mode },                    \
    { "LCDTIMING1", 0x04, 4, .write = ~0u, .on_write = write_mode },                    \
    { "LCDTIMING2", 0x08, 4, .write = 0x07ff7fff },                                     \
    { "LCDTIMING3", 0x0c, 4, .write = 0x1007f },                                        \
    { "LCDUPBASE", 0x10, 4, .write = ~0u, .on_write = write_mode },                     \
    { "LCDLPBASE", 0x14, 4, .write = ~0u },                                             \
    { name6, 0x18, 4, .write = 0x1ffff, .on_write = write_mode },                       \
    { name7, 0x1c, 4, .write = 0x1ffff, .on_write = write_mode },                       \
    { "LCDRIS", 0x20, 4, .on_read = read_ris },                                         \
    { "LCDMIS", 0x24, 4, .on_read = read_ris },                                         \
    { "LCDICR", 0x28, 4, .on_write = write_icr },                                       \
    { "LCDUPCURR", 0x2c, 4, .on_read = read_current },                                  \
    { "LCDLPCURR", 0x30, 4, .on_read = read_current },                                  \
    PRIMECELL_IDS(p0, p1, p2, p3), {}
static const RegisterRow pl110_regs[] = { PL110_REGS("LCDIMSC", "LCDCONTROL", 0x10, 0x11, 0x04, 0x00) };
static const RegisterRow versatile_regs[] = { PL110_REGS("LCDCONTROL", "LCDIMSC", 0x10, 0x11, 0x04, 0x00) };
static const RegisterRow pl111_regs[] = { PL110_REGS("LCDCONTROL", "LCDIMSC", 0x11, 0x11, 0x24, 0x00) };

static uint64_t palette_read(void *opaque, hwaddr offset, unsigned size)
{
    return ((PL110 *)opaque)->palette[offset / 4];
}

static void palette_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    PL110 *s = opaque;
    s->palette[offset / 4] = (uint32_t)value;
    s->redraw = 1;
}

static const MemoryRegionOps palette_ops = { .read = palette_read, .write = palette_write, .impl_min = 4, .impl_max = 4 };

/* ---- The device ---- */

static void mux_input(void *dev, int n, int value)
{
    PL110 *s = dev;
    s->mux = (uint8_t)(value & 3);
    s->redraw = 1;
}

static void pl110_reset(Device *dev)
{
    PL110 *s = (PL110 *)dev;
    memset(s->palette, 0, sizeof(s->palette));
    s->frame_start = -1;
    s->redraw = 1;
    timer_del(s->frame);
    update_irq(s);
}

static bool pl110_realize(Device *dev, Error **errp)
{
    PL110 *s = (PL110 *)dev;
    s->swapped = dev->type->regs != pl110_regs;
    s->frame = timer_new(CLOCK_VIRTUAL, frame_end, s);
    device_init_out(dev, 1);
    device_init_in(dev, mux_input, 1);
    memory_region_init(&s->page, dev, dev->type->name, 0x1000);
    memory_region_init_io(&s->palette_io, dev, &palette_ops, s, "pl110-palette", sizeof(s->palette));
    memory_region_add(&s->page, 0, dev->regions[0]);
    memory_region_add_overlap(&s->page, 0x200, &s->palette_io, 1);
    dev->regions[1] = dev->regions[0];
    dev->regions[0] = &s->page;
    dev->nregions = 2;
    device_add_region(dev, &s->palette_io);
    s->con = console_new(dev, 0, &console_ops, s);
    pl110_reset(dev);
    return true;
}

static void pl110_unrealize(Device *dev)
{
    PL110 *s = (PL110 *)dev;
    console_free(s->con);
    timer_free(s->frame);
    g_free(s->shown);
}

static void pl110_post_load(Device *dev)
{
    PL110 *s = (PL110 *)dev;
    s->mux &= 3;
    s->redraw = 1;
    s->frame_start = is_on(s) ? CLAMP(s->frame_start, 0, clock_ns(CLOCK_VIRTUAL)) : -1;
    schedule(s);
}

static const SavedField pl110_saved[] = {
    SAVED_INT(PL110, frame_start), SAVED_ARRAY(PL110, palette), SAVED_INT(PL110, mux), SAVED_END(),
};
#define PL110_TYPE                                                                                                      \
    .bus = BUS_SYSTEM, .category = "Display devices", .internal = true, .size = sizeof(PL110), .saved = pl110_saved,     \
    .regs_size = 0x1000, .realize = pl110_realize, .unrealize = pl110_unrealize, .reset = pl110_reset,                   \
    .post_load = pl110_post_load
static const DeviceType pl110_type = { .name = "pl110", .desc = "Arm PrimeCell LCD controller", .regs = pl110_regs, PL110_TYPE };
device_type(pl110_type)
static const DeviceType versatile_type = {
    .name = "pl110_versatile", .desc = "Versatile's LCD controller", .regs = versatile_regs, PL110_TYPE,
};
device_type(versatile_type)
static const DeviceType pl111_type = { .name = "pl111", .desc = "Arm PrimeCell LCD controller", .regs = pl111_regs, PL110_TYPE };
device_type(pl111_type)
