/* SPDX-License-Identifier: MIT */
/*
 * EDID 1.4 base block: a digital monitor with one detailed timing for the preferred mode (VESA CVT 1.2, reduced
 * blanking), the established and standard timings that fit, range limits and a name.
 */
#include "hw/edid.h"

#include <glib.h>
#include <string.h>

enum { DEFAULT_XRES = 1280, DEFAULT_YRES = 800, DEFAULT_REFRESH = 60000, DPI = 100, SIDE_MAX = 4095 };
/* CVT reduced blanking: dots and lines, vertical blanking of at least 460 µs. */
enum { H_BLANK = 160, H_FRONT = 48, H_SYNC = 32, V_FRONT = 3, V_BACK_MIN = 6, V_BLANK_MIN_US = 460 };
enum { MANUFACTURER = ('R' - '@') << 10 | ('H' - '@') << 5 | ('E' - '@') };

typedef struct Timing {
    unsigned width, height, v_sync, v_blank, clock_10khz;
} Timing;

/* Lines of vertical sync tell the aspect ratio. */
static unsigned v_sync_lines(unsigned width, unsigned height)
{
    static const struct { uint8_t x, y, lines; } aspects[] = { { 4, 3, 4 }, { 16, 9, 5 }, { 16, 10, 6 }, { 5, 4, 7 }, { 15, 9, 7 } };
    for (unsigned i = 0; i < G_N_ELEMENTS(aspects); i++)
        if (width * aspects[i].y == height * aspects[i].x)
            return aspects[i].lines;
    return 10;
}

static Timing reduced_blanking(unsigned width, unsigned height, uint32_t refresh_mhz)
{
    Timing t = { .width = width, .height = height, .v_sync = v_sync_lines(width, height) };
    uint64_t frame_us = 1000000000ull / refresh_mhz;
    uint64_t visible_us = frame_us > 2 * V_BLANK_MIN_US ? frame_us - V_BLANK_MIN_US : frame_us / 2;
    t.v_blank = (unsigned)(V_BLANK_MIN_US * (uint64_t)height / visible_us) + 1;
    t.v_blank = MAX(t.v_blank, V_FRONT + t.v_sync + V_BACK_MIN);
    uint64_t clock = (uint64_t)(width + H_BLANK) * (height + t.v_blank) * refresh_mhz / 1000 / 10000;
    t.clock_10khz = (unsigned)CLAMP(clock, 1, 0xffff);
    return t;
}

/* E-EDID 3.10.2: eighteen bytes. */
static void detailed_timing(uint8_t *d, const Timing *t)
{
    unsigned width_mm = t->width * 254 / (10 * DPI), height_mm = t->height * 254 / (10 * DPI);
    unsigned v_blank = MIN(t->v_blank, 4095u);
    d[0] = (uint8_t)t->clock_10khz;
    d[1] = (uint8_t)(t->clock_10khz >> 8);
    d[2] = (uint8_t)t->width;
    d[3] = H_BLANK;
    d[4] = (uint8_t)(t->width >> 8 << 4);
    d[5] = (uint8_t)t->height;
    d[6] = (uint8_t)v_blank;
    d[7] = (uint8_t)(t->height >> 8 << 4 | v_blank >> 8);
    d[8] = H_FRONT;
    d[9] = H_SYNC;
    d[10] = (uint8_t)(V_FRONT << 4 | t->v_sync);
    d[12] = (uint8_t)width_mm;
    d[13] = (uint8_t)height_mm;
    d[14] = (uint8_t)(width_mm >> 8 << 4 | height_mm >> 8);
    d[17] = 0x1a; /* separate digital sync, horizontal positive, vertical negative */
}

static void text_descriptor(uint8_t *d, uint8_t tag, const char *text)
{
    size_t n = MIN(strlen(text), 13u);
    d[3] = tag;
    memset(d + 5, ' ', 13);
    memcpy(d + 5, text, n);
    if (n < 13)
        d[5 + n] = '\n';
}

/* Vertical 50-125 Hz, horizontal 30-160 kHz, clock in units of 10 MHz; no secondary timing formula. */
static void range_limits(uint8_t *d, unsigned clock_10khz)
{
    static const uint8_t limits[] = { 0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 0, 0x01, '\n', ' ', ' ', ' ', ' ', ' ', ' ' };
    memcpy(d, limits, sizeof(limits));
    d[9] = (uint8_t)CLAMP((clock_10khz + 999) / 1000 + 1, 17, 255);
}

static const struct { uint16_t width, height; uint8_t byte, bit; } established[] = {
    { 640, 480, 35, 0x20 }, { 800, 600, 35, 0x01 }, { 1024, 768, 36, 0x08 },
};
/* Aspect bits: 0 16:10, 1 4:3, 2 5:4, 3 16:9. */
static const struct { uint16_t width, height; uint8_t aspect; } standard[] = {
    { 1920, 1200, 0 }, { 1920, 1080, 3 }, { 1600, 1200, 1 }, { 1680, 1050, 0 }, { 1440, 900, 0 }, { 1280, 1024, 2 },
    { 1280, 960, 1 }, { 1280, 800, 0 },
};

static void add_modes(uint8_t *e, unsigned xmax, unsigned ymax)
{
    unsigned at = 38;
    for (unsigned i = 0; i < G_N_ELEMENTS(established); i++)
        if (established[i].width <= xmax && established[i].height <= ymax)
            e[established[i].byte] |= established[i].bit;
    memset(e + 38, 0x01, 16); /* unused */
    for (unsigned i = 0; i < G_N_ELEMENTS(standard); i++)
        if (standard[i].width <= xmax && standard[i].height <= ymax) {
            e[at++] = (uint8_t)(standard[i].width / 8 - 31);
            e[at++] = (uint8_t)(standard[i].aspect << 6); /* 60 Hz */
        }
}

void edid_make(const EDIDInfo *info, uint8_t out[EDID_SIZE])
{
    static const uint8_t header[8] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    /* sRGB primaries and white point */
    static const uint8_t chroma[10] = { 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54 };
    unsigned xres = MIN(info->xres ? info->xres : DEFAULT_XRES, SIDE_MAX), yres = MIN(info->yres ? info->yres : DEFAULT_YRES, SIDE_MAX);
    uint32_t refresh = CLAMP(info->refresh_rate ? info->refresh_rate : DEFAULT_REFRESH, 1000u, 1000000u);
    Timing t = reduced_blanking(xres, yres, refresh);
    uint8_t *e = out, sum = 0;
    memset(e, 0, EDID_SIZE);
    memcpy(e, header, sizeof(header));
    e[8] = MANUFACTURER >> 8;
    e[9] = MANUFACTURER & 0xff;
    e[10] = 0x34;
    e[11] = 0x12;
    e[16] = 1;    /* week and year of make */
    e[17] = 2026 - 1990;
    e[18] = 1;
    e[19] = 4;    /* EDID 1.4 */
    e[20] = 0xa5; /* digital, 8 bits per colour, DisplayPort */
    e[21] = (uint8_t)MIN(xres * 254 / (100 * DPI), 255u); /* cm */
    e[22] = (uint8_t)MIN(yres * 254 / (100 * DPI), 255u);
    e[23] = 120;  /* gamma 2.2 */
    e[24] = 0x06; /* sRGB; the first detailed timing is the native one */
    memcpy(e + 25, chroma, sizeof(chroma));
    add_modes(e, MAX(info->xmax, xres), MAX(info->ymax, yres));
    detailed_timing(e + 54, &t);
    range_limits(e + 72, t.clock_10khz);
    text_descriptor(e + 90, 0xfc, "Rhea Monitor");
    text_descriptor(e + 108, 0xfe, "");
    for (unsigned i = 0; i < EDID_SIZE - 1; i++)
        sum += e[i];
    e[127] = (uint8_t)-sum;
}
