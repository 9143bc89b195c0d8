/* SPDX-License-Identifier: MIT */
/*
 * VGA: registers, memory modes, the Bochs VBE interface, pictures. Oracle: the IBM PS/2 Hardware Interface Technical
 * Reference (graphics controller data path, CRT controller), Bochs' VBE documentation; written out bit by bit here.
 */
#include "dev-test.h"
#include "hw/edid.h"
#include "hw/vga.h"
#include "ui/console.h"

#define LFB 0xe0000000u

static Device *card;

static void seq(uint8_t index, uint8_t value)
{
    outb(0x3c4, index);
    outb(0x3c5, value);
}

static void crtc(uint8_t index, uint8_t value)
{
    outb(0x3d4, index);
    outb(0x3d5, value);
}

static void gfx(uint8_t index, uint8_t value)
{
    outb(0x3ce, index);
    outb(0x3cf, value);
}

static void attr(uint8_t index, uint8_t value)
{
    inb(0x3da);
    outb(0x3c0, index);
    outb(0x3c0, value);
}

static void screen_on(void)
{
    inb(0x3da);
    outb(0x3c0, 0x20);
}

static void dac(uint8_t index, uint8_t r, uint8_t g, uint8_t b)
{
    outb(0x3c8, index);
    outb(0x3c9, r);
    outb(0x3c9, g);
    outb(0x3c9, b);
}

static void vbe(uint16_t index, uint16_t value)
{
    address_space_st(address_space_io, 0x1ce, index, 2);
    address_space_st(address_space_io, 0x1d0, value, 2);
}

static uint16_t vbe_get(uint16_t index)
{
    address_space_st(address_space_io, 0x1ce, index, 2);
    return (uint16_t)address_space_ld(address_space_io, 0x1cf, 2, NULL);
}

static void poke(uint32_t addr, uint8_t v)
{
    address_space_st(address_space_memory, addr, v, 1);
}

static uint8_t peek(uint32_t addr)
{
    return (uint8_t)address_space_ld(address_space_memory, addr, 1, NULL);
}

static void fresh(void)
{
    if (card)
        device_unrealize(card);
    card = create("isa-vga");
    device_reset(card);
    outb(0x3c2, 0x67);
}

/* Sixteen colours, planes apart: what a 640x480 mode sets, for a smaller picture. */
static void planar_mode(unsigned columns, unsigned lines)
{
    seq(1, 0x01);
    seq(2, 0x0f);
    seq(4, 0x06);
    gfx(5, 0x00);
    gfx(6, 0x05);
    gfx(8, 0xff);
    gfx(7, 0x0f);
    crtc(0x11, 0);
    crtc(0x01, columns - 1);
    crtc(0x12, (lines - 1) & 0xff);
    crtc(0x07, ((lines - 1) >> 8 & 1) << 1 | 0x10);
    crtc(0x09, 0x40);
    crtc(0x18, 0xff);
    crtc(0x13, columns / 2);
    crtc(0x17, 0xe3);
    attr(0x12, 0x0f);
    for (unsigned i = 0; i < 16; i++) {
        attr(i, i);
        dac(i, i, 2 * i, 3 * i);
    }
    screen_on();
}

static uint32_t color(unsigned i) /* of planar_mode */
{
    unsigned r = i, g = 2 * i, b = 3 * i;
    return (r << 2 | (r & 1) * 3) << 16 | (g << 2 | (g & 1) * 3) << 8 | (b << 2 | (b & 1) * 3);
}

static uint32_t pixel(unsigned x, unsigned y)
{
    return surface_row(console_surface(console_first()), y)[x] & 0xffffff;
}

static void assert_size(unsigned width, unsigned height)
{
    console_update(console_first());
    g_assert_cmpuint(surface_width(console_surface(console_first())), ==, width);
    g_assert_cmpuint(surface_height(console_surface(console_first())), ==, height);
}

/* ---- Registers ---- */

static void test_indexed(void)
{
    fresh();
    static const uint8_t sr_bits[5] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
    static const uint8_t gr_bits[9] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
    for (unsigned i = 0; i < 5; i++) {
        seq(i, 0xff);
        g_assert_cmphex(inb(0x3c5), ==, sr_bits[i]);
    }
    for (unsigned i = 0; i < 9; i++) {
        gfx(i, 0xff);
        g_assert_cmphex(inb(0x3cf), ==, gr_bits[i]);
    }
    for (unsigned i = 0; i < 0x19; i++) {
        crtc(i, i + 0x20);
        g_assert_cmphex(inb(0x3d5), ==, i + 0x20);
    }
    crtc(0x30, 5);
    g_assert_cmphex(inb(0x3d5), ==, 0);
    for (unsigned i = 0; i < 0x15; i++) {
        attr(i, 0x0a);
        inb(0x3da);
        outb(0x3c0, i);
        g_assert_cmphex(inb(0x3c1), ==, 0x0a);
    }
    /* 16-bit writes set index and data. */
    address_space_st(address_space_io, 0x3ce, 0x5a08, 2);
    g_assert_cmphex(inb(0x3cf), ==, 0x5a);
}

static void test_protect(void)
{
    fresh();
    crtc(0x11, 0);
    crtc(0x00, 0x5f);
    crtc(0x07, 0x00);
    crtc(0x11, 0x80);
    crtc(0x00, 0x11);
    crtc(0x07, 0xff);
    outb(0x3d4, 0);
    g_assert_cmphex(inb(0x3d5), ==, 0x5f);
    outb(0x3d4, 7);
    g_assert_cmphex(inb(0x3d5), ==, 0x10); /* only the line compare bit */
}

static void test_attribute_flip_flop(void)
{
    fresh();
    inb(0x3da);
    outb(0x3c0, 0x11);
    outb(0x3c0, 0x3c);
    outb(0x3c0, 0x12); /* an index again */
    outb(0x3c0, 0x05);
    outb(0x3c0, 0x11);
    g_assert_cmphex(inb(0x3c1), ==, 0x3c);
    inb(0x3da); /* the next write is an index whatever came before */
    outb(0x3c0, 0x12);
    g_assert_cmphex(inb(0x3c1), ==, 0x05);
    outb(0x3c0, 0x07);
    g_assert_cmphex(inb(0x3c1), ==, 0x07);
}

static void test_dac(void)
{
    fresh();
    outb(0x3c8, 0xfe);
    for (unsigned i = 0; i < 9; i++) /* three entries, past the end to 0 */
        outb(0x3c9, i + 1);
    outb(0x3c7, 0xff);
    g_assert_cmphex(inb(0x3c7), ==, 3);
    for (unsigned i = 3; i < 9; i++)
        g_assert_cmphex(inb(0x3c9), ==, i + 1);
    g_assert_cmphex(inb(0x3c8), ==, 1);
    outb(0x3c8, 5); /* two of three parts: the entry keeps what it had */
    outb(0x3c9, 9);
    outb(0x3c9, 9);
    g_assert_cmphex(inb(0x3c7), ==, 0);
    outb(0x3c7, 5);
    g_assert_cmphex(inb(0x3c9), ==, 0);
    outb(0x3c6, 0x0f);
    g_assert_cmphex(inb(0x3c6), ==, 0x0f);
}

static void test_mono_addresses(void)
{
    fresh();
    outb(0x3c2, 0x66);
    g_assert_cmphex(inb(0x3cc), ==, 0x66);
    outb(0x3b4, 0x0e);
    outb(0x3b5, 0x12);
    g_assert_cmphex(inb(0x3b5), ==, 0x12);
    g_assert_cmphex(inb(0x3d5), ==, 0xff);
    outb(0x3c2, 0x67);
    g_assert_cmphex(inb(0x3b5), ==, 0xff);
    g_assert_cmphex(inb(0x3d5), ==, 0x12);
    outb(0x3da, 0x10);
    g_assert_cmphex(inb(0x3ca), ==, 0x10);
}

/* 449 lines of 900 dots at 28.322 MHz: 70.09 Hz, retrace for two of them. */
static void test_retrace(void)
{
    fresh();
    vga_start_text();
    unsigned frames = 0, retrace = 0, hidden = 0, steps = 100000;
    bool before = false;
    for (unsigned i = 0; i < steps; i++) {
        uint8_t v = inb(0x3da);
        bool now = v & 8;
        frames += now && !before;
        retrace += now;
        hidden += v & 1;
        before = now;
        advance(10 * US);
    }
    g_assert_cmpuint(frames, >=, 69);
    g_assert_cmpuint(frames, <=, 71);
    g_assert_cmpuint(retrace, >=, steps * 2 / 449 / 2);
    g_assert_cmpuint(retrace, <=, steps * 2 / 449 * 2);
    /* 400 of 449 lines show 720 of 900 dots. */
    g_assert_cmpuint(hidden, >=, steps * 27 / 100);
    g_assert_cmpuint(hidden, <=, steps * 30 / 100);
}

/* ---- Memory ---- */

/* The data path of the manual, one bit of one plane at a time. */
static unsigned expected_bit(const uint8_t gr[9], uint8_t byte, uint8_t latch, unsigned plane, unsigned bit)
{
    unsigned mode = gr[5] & 3, count = gr[3] & 7, old = latch >> bit & 1;
    unsigned rotated = byte >> ((bit + count) & 7) & 1, data;
    bool masked = gr[8] >> bit & 1;
    if (mode == 1)
        return old;
    if (mode == 0)
        data = gr[1] >> plane & 1 ? gr[0] >> plane & 1 : rotated;
    else if (mode == 2)
        data = byte >> plane & 1;
    else {
        data = gr[0] >> plane & 1;
        masked = masked && rotated;
    }
    switch (gr[3] >> 3 & 3) {
    case 1: data &= old; break;
    case 2: data |= old; break;
    case 3: data ^= old; break;
    }
    return masked ? data : old;
}

static void set_plane_bytes(const uint8_t v[4])
{
    gfx(5, 0);
    gfx(1, 0);
    gfx(3, 0);
    gfx(8, 0xff);
    for (unsigned p = 0; p < 4; p++) {
        seq(2, 1 << p);
        poke(0xa0100, v[p]);
    }
}

static uint8_t plane_byte(unsigned p)
{
    gfx(5, 0);
    gfx(4, p);
    return peek(0xa0100);
}

static void test_write_modes(void)
{
    fresh();
    planar_mode(80, 100);
    for (unsigned round = 0; round < 4000; round++) {
        uint8_t gr[9], old[4], byte = (uint8_t)g_test_rand_int(), mask = (uint8_t)g_test_rand_int() & 15;
        for (unsigned i = 0; i < 9; i++)
            gr[i] = (uint8_t)g_test_rand_int();
        gr[5] = round & 3;
        gr[3] &= 0x1f;
        for (unsigned p = 0; p < 4; p++)
            old[p] = (uint8_t)g_test_rand_int();
        set_plane_bytes(old);
        seq(2, mask);
        peek(0xa0100); /* fills the latches */
        static const uint8_t used[] = { 0, 1, 3, 5, 8 };
        for (unsigned i = 0; i < sizeof(used); i++)
            gfx(used[i], gr[used[i]]);
        poke(0xa0100, byte);
        for (unsigned p = 0; p < 4; p++) {
            uint8_t want = 0;
            for (unsigned bit = 0; bit < 8; bit++)
                want |= expected_bit(gr, byte, old[p], p, bit) << bit;
            g_assert_cmphex(plane_byte(p), ==, mask >> p & 1 ? want : old[p]);
        }
    }
}

static void test_read_mode_1(void)
{
    fresh();
    planar_mode(80, 100);
    for (unsigned round = 0; round < 500; round++) {
        uint8_t v[4], want = 0, compare = (uint8_t)g_test_rand_int() & 15, care = (uint8_t)g_test_rand_int() & 15;
        for (unsigned p = 0; p < 4; p++)
            v[p] = (uint8_t)g_test_rand_int();
        set_plane_bytes(v);
        for (unsigned bit = 0; bit < 8; bit++) {
            bool equal = true;
            for (unsigned p = 0; p < 4; p++)
                equal = equal && (!(care >> p & 1) || (v[p] >> bit & 1) == (compare >> p & 1));
            want |= equal << bit;
        }
        gfx(2, compare);
        gfx(7, care);
        gfx(5, 8);
        g_assert_cmphex(peek(0xa0100), ==, want);
    }
}

static void test_windows(void)
{
    fresh();
    planar_mode(80, 100);
    static const struct { uint8_t map; uint32_t first, last; } maps[] = {
        { 0, 0xa0000, 0xbffff }, { 1, 0xa0000, 0xaffff }, { 2, 0xb0000, 0xb7fff }, { 3, 0xb8000, 0xbffff },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(maps); i++) {
        gfx(6, 1 | maps[i].map << 2);
        gfx(4, 0);
        poke(maps[i].first, 0x11 + i);
        poke(maps[i].last, 0x21 + i);
        g_assert_cmphex(peek(maps[i].first), ==, 0x11 + i);
        g_assert_cmphex(peek(maps[i].last), ==, 0x21 + i);
        g_assert_cmphex(peek(LFB), ==, 0x11 + i); /* all begin at byte 0 */
        g_assert_cmphex(peek(LFB + 4 * (maps[i].last - maps[i].first)), ==, 0x21 + i);
        if (maps[i].first > 0xa0000)
            g_assert_cmphex(peek(maps[i].first - 1), ==, 0xff);
        if (maps[i].last < 0xbffff)
            g_assert_cmphex(peek(maps[i].last + 1), ==, 0xff);
    }
    outb(0x3c2, 0x65); /* memory off */
    g_assert_cmphex(peek(0xb8000), ==, 0xff);
}

static void test_odd_even_and_chain4(void)
{
    fresh();
    seq(2, 3);
    seq(4, 2);
    gfx(5, 0x10);
    gfx(6, 0x0e);
    gfx(8, 0xff);
    poke(0xb8000 + 2 * 80, 'A');
    poke(0xb8000 + 2 * 80 + 1, 0x1f);
    g_assert_cmphex(peek(LFB + 4 * 80), ==, 'A');
    g_assert_cmphex(peek(LFB + 4 * 80 + 1), ==, 0x1f);
    g_assert_cmphex(peek(LFB + 4 * 80 + 2), ==, 0); /* the font's plane */
    g_assert_cmphex(peek(0xb8000 + 2 * 80), ==, 'A');
    g_assert_cmphex(peek(0xb8000 + 2 * 80 + 1), ==, 0x1f);

    /* Chain-4, in the short way and through the graphics controller. */
    seq(2, 15);
    seq(4, 0x0e);
    gfx(5, 0x40);
    gfx(6, 0x05);
    FlatRange r;
    g_assert_true(address_space_find(address_space_memory, 0xa0000, &r) && r.mr->ram);
    for (unsigned i = 0; i < 16; i++)
        poke(0xa1000 + i, 0x40 + i);
    seq(2, 5);
    g_assert_true(address_space_find(address_space_memory, 0xa0000, &r) && !r.mr->ram);
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(peek(0xa1000 + i), ==, 0x40 + i);
        poke(0xa1000 + i, 0x80 + i);
        g_assert_cmphex(peek(LFB + 0x1000 + i), ==, (i & 1 ? 0x40 : 0x80) + i);
    }
}

/* ---- Pictures ---- */

static void test_planar_picture(void)
{
    fresh();
    planar_mode(80, 16);
    for (unsigned p = 0; p < 4; p++) { /* colours 0-15 in sixteen pixels */
        seq(2, 1 << p);
        uint16_t bits = 0;
        for (unsigned x = 0; x < 16; x++)
            bits |= (x >> p & 1) << (15 - x);
        poke(0xa0000 + 80 * 3 + 1, bits >> 8);
        poke(0xa0000 + 80 * 3 + 2, bits & 0xff);
    }
    assert_size(640, 16);
    for (unsigned x = 0; x < 16; x++)
        g_assert_cmphex(pixel(8 + x, 3), ==, color(x));
    g_assert_cmphex(pixel(24, 3), ==, 0);
    attr(0x12, 0x05); /* two planes */
    screen_on();
    crtc(0x0d, 1);    /* eight pixels to the left */
    attr(0x13, 3);    /* three more */
    screen_on();
    console_update(console_first());
    for (unsigned x = 3; x < 16; x++)
        g_assert_cmphex(pixel(x - 3, 3), ==, color(x & 5));
    crtc(0x18, 9);    /* split: the line after is address 0 again */
    crtc(0x07, 0);
    crtc(0x09, 0);
    console_update(console_first());
    for (unsigned x = 3; x < 16; x++)
        g_assert_cmphex(pixel(8 + x - 3, 10 + 3), ==, color(x & 5));
    seq(1, 0x21);     /* screen off */
    console_update(console_first());
    g_assert_cmphex(pixel(5, 3), ==, 0);
}

static void test_dots_doubled(void)
{
    fresh();
    planar_mode(40, 32);
    seq(1, 0x09);
    crtc(0x09, 0xc0); /* 320x16 shown as 640x32 */
    seq(2, 15);
    poke(0xa0000 + 40, 0x80);
    assert_size(640, 32);
    for (unsigned x = 0; x < 4; x++)
        for (unsigned y = 0; y < 6; y++)
            g_assert_cmphex(pixel(x, y), ==, x < 2 && y / 2 == 1 ? color(15) : 0);
}

static void test_256_picture(void)
{
    fresh();
    planar_mode(80, 400);
    seq(4, 0x0e);
    gfx(5, 0x40);
    crtc(0x13, 40);
    crtc(0x09, 0x41);
    for (unsigned i = 0; i < 256; i++)
        dac(i, i & 63, i >> 2, 63 - (i & 63));
    for (unsigned i = 0; i < 256; i++)
        poke(0xa0000 + 320 * 7 + i, i);
    assert_size(640, 400);
    for (unsigned i = 0; i < 256; i++)
        for (unsigned k = 0; k < 4; k++) {
            unsigned c[3] = { i & 63, i >> 2, 63 - (i & 63) }, want = 0;
            for (unsigned j = 0; j < 3; j++)
                want = want << 8 | c[j] << 2 | (c[j] & 1) << 1 | (c[j] & 1);
            g_assert_cmphex(pixel(2 * i + (k & 1), 14 + k / 2), ==, want);
        }
    outb(0x3c6, 0x0f); /* the mask: only 16 entries */
    console_update(console_first());
    g_assert_cmphex(pixel(2 * 0x35, 14), ==, pixel(2 * 0x05, 14));
}

static void test_cga_picture(void)
{
    fresh();
    planar_mode(40, 400);
    seq(1, 0x09);
    seq(2, 0x03);
    seq(4, 0x02);
    gfx(5, 0x30);
    gfx(6, 0x0f);
    crtc(0x09, 0xc1);
    crtc(0x13, 20);
    crtc(0x17, 0xa2);
    poke(0xb8000 + 80 + 1, 0x1b); /* line 2, pixels 4-7: colours 0 1 2 3 */
    poke(0xb8000 + 0x2000 + 3, 0xe4); /* line 1, pixels 12-15: 3 2 1 0 */
    assert_size(640, 400);
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmphex(pixel(2 * (4 + i), 2 * 2), ==, color(i));
        g_assert_cmphex(pixel(2 * (12 + i) + 1, 2 * 1 + 1), ==, color(3 - i));
    }
}

static void put_cell(unsigned n, uint8_t code, uint8_t attribute)
{
    poke(0xb8000 + 2 * n, code);
    poke(0xb8000 + 2 * n + 1, attribute);
}

/* A glyph with one line that is not blank. */
static void put_glyph(uint32_t set, uint8_t code, unsigned line, uint8_t dots)
{
    for (unsigned i = 0; i < 16; i++)
        poke(LFB + 4 * (set + 32 * code + i) + 2, i == line ? dots : 0);
}

static void test_text_picture(void)
{
    fresh();
    vga_start_text();
    put_glyph(0, 'X', 3, 0xa5);
    put_glyph(0, 0xc4, 5, 0xff);
    put_glyph(0x4000, 'X', 3, 0x0f);
    put_cell(81, 'X', 0x1e);  /* yellow on blue, row 1 column 1 */
    put_cell(82, 0xc4, 0x07); /* a line: the ninth dot is joined */
    assert_size(720, 400);
    static const uint8_t dots[9] = { 1, 0, 1, 0, 0, 1, 0, 1, 0 };
    for (unsigned x = 0; x < 9; x++) {
        g_assert_cmphex(pixel(9 + x, 19), ==, dots[x] ? 0xffff57 : 0x0000a8);
        g_assert_cmphex(pixel(9 + x, 18), ==, 0x0000a8);
        g_assert_cmphex(pixel(18 + x, 21), ==, 0xa8a8a8);
    }
    seq(3, 0x04); /* attribute bit 3 selects the set at 0x4000 */
    console_update(console_first());
    g_assert_cmphex(pixel(9, 19), ==, 0x0000a8);
    g_assert_cmphex(pixel(9 + 4, 19), ==, 0xffff57);
    seq(1, 1); /* eight dots */
    assert_size(640, 400);
    /* The cursor: lines 13 and 14 of its cell. */
    crtc(0x0e, 0);
    crtc(0x0f, 83);
    console_update(console_first());
    g_assert_cmphex(pixel(3 * 8, 16 + 13), ==, 0xa8a8a8);
    g_assert_cmphex(pixel(3 * 8, 16 + 12), ==, 0);
    crtc(0x0a, 0x2d);
    console_update(console_first());
    g_assert_cmphex(pixel(3 * 8, 16 + 13), ==, 0);
}

static void test_text_as_text(void)
{
    fresh();
    vga_start_text();
    const char *hello = "Hello, console";
    for (unsigned i = 0; hello[i]; i++)
        put_cell(2 * 80 + 5 + i, hello[i], 0x07);
    put_cell(24 * 80 + 79, 0xdb, 0x4f);
    crtc(0x0f, 2 * 80 + 19);
    TextScreen t;
    g_assert_true(console_text(console_first(), &t));
    g_assert_cmpuint(t.columns * 100 + t.rows, ==, 8025);
    g_assert_cmpint(t.cursor_x, ==, 19);
    g_assert_cmpint(t.cursor_y, ==, 2);
    g_assert_cmphex(t.cells[24 * 80 + 79].code, ==, 0x2588);
    g_assert_cmphex(t.cells[24 * 80 + 79].fg, ==, 0xffffff);
    g_assert_cmphex(t.cells[24 * 80 + 79].bg, ==, 0xa80000);
    g_free(t.cells);
    g_autofree char *text = console_text_utf8(console_first());
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_assert_cmpstr(lines[0], ==, "");
    g_assert_cmpstr(lines[2], ==, "     Hello, console");
    crtc(0x0d, 80); /* scrolled by a line */
    g_autofree char *scrolled = console_text_utf8(console_first());
    g_assert_true(g_str_has_prefix(scrolled, "\n     Hello, console\n"));
    planar_mode(80, 100);
    g_assert_null(console_text_utf8(console_first()));
}

/* ---- Bochs VBE ---- */

static void test_vbe_registers(void)
{
    fresh();
    g_assert_cmphex(vbe_get(0), ==, 0xb0c5);
    vbe(0, 0xb0c2);
    g_assert_cmphex(vbe_get(0), ==, 0xb0c2);
    vbe(0, 0x1234);
    g_assert_cmphex(vbe_get(0), ==, 0xb0c2);
    g_assert_cmpuint(vbe_get(10), ==, 8 * 16); /* 8 MiB in units of 64 KiB */
    vbe(4, 2);
    g_assert_cmpuint(vbe_get(1), ==, 16000);
    g_assert_cmpuint(vbe_get(2), ==, 12000);
    g_assert_cmpuint(vbe_get(3), ==, 32);
    vbe(4, 0);
    vbe(1, 800);
    vbe(2, 600);
    vbe(3, 16);
    vbe(4, 0x41);
    g_assert_cmpuint(vbe_get(6), ==, 800);
    g_assert_cmpuint(vbe_get(7), ==, 8 * MiB / 1600);
    vbe(6, 1024);
    vbe(8, 300); /* further than the line has room for: into the next one */
    vbe(9, 10);
    g_assert_cmpuint(vbe_get(6), ==, 1024);
    g_assert_cmpuint(vbe_get(8), ==, 300);
    g_assert_cmpuint(vbe_get(9), ==, 10);
    vbe(9, 4000); /* past the memory's end */
    g_assert_cmpuint(vbe_get(9), ==, 0);
    g_assert_cmpuint(vbe_get(8), ==, 300);
    vbe(2, 20000); /* cut to what fits */
    g_assert_cmpuint(vbe_get(2), ==, 8 * MiB / 2048);
    g_assert_cmpuint(vbe_get(99), ==, 0);
}

static void vbe_mode(unsigned width, unsigned height, unsigned bpp, unsigned flags)
{
    vbe(4, 0);
    vbe(1, width);
    vbe(2, height);
    vbe(3, bpp);
    vbe(4, 0x41 | flags);
    screen_on();
}

static void test_vbe_pictures(void)
{
    static const struct { unsigned bpp, bytes; uint32_t raw, want; } modes[] = {
        { 8, 1, 0x21, 0x84c8fc }, { 15, 2, 0x7c1f, 0xff00ff }, { 15, 2, 0x0210, 0x008484 }, { 16, 2, 0x07e0, 0x00ff00 },
        { 16, 2, 0x8410, 0x848284 }, { 24, 3, 0x123456, 0x123456 }, { 32, 4, 0xff654321, 0x654321 },
    };
    fresh();
    dac(0x21, 0x21 - 0x21 % 2 + 1, 0x32, 0x3f);
    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
        unsigned pitch = 64 * modes[i].bytes;
        vbe_mode(64, 40, modes[i].bpp, 0);
        assert_size(64, 40);
        g_assert_cmphex(pixel(3, 2), ==, 0);
        address_space_write(address_space_memory, LFB + 2 * pitch + 3 * modes[i].bytes, &modes[i].raw, modes[i].bytes);
        console_update(console_first());
        uint32_t want = modes[i].bpp == 8 ? 0x87c8ff : modes[i].want;
        g_assert_cmphex(pixel(3, 2), ==, want);
        g_assert_cmphex(pixel(4, 2), ==, 0);
        vbe(6, 128);
        vbe(8, 1);
        vbe(9, 1);
        console_update(console_first());
        g_assert_cmphex(pixel(2, 0), ==, want); /* pitch doubled: line 2 became line 1 */
    }
    vbe(3, 8); /* 8-bit components */
    vbe_mode(64, 40, 8, 0x20);
    dac(1, 0x12, 0x34, 0xff);
    poke(LFB, 1);
    console_update(console_first());
    g_assert_cmphex(pixel(0, 0), ==, 0x1234ff);
}

static void test_vbe_banks_and_clearing(void)
{
    fresh();
    vbe_mode(640, 480, 8, 0);
    poke(0xa0005, 0x11);
    vbe(5, 3);
    poke(0xa0005, 0x33);
    g_assert_cmphex(peek(LFB + 5), ==, 0x11);
    g_assert_cmphex(peek(LFB + 0x30005), ==, 0x33);
    vbe(5, 0x8001); /* banks wrap at the memory's end */
    g_assert_cmphex(vbe_get(5), ==, 1);
    vbe_mode(640, 480, 8, 0x80);
    g_assert_cmphex(peek(LFB + 5), ==, 0x11);
    vbe_mode(640, 480, 8, 0);
    g_assert_cmphex(peek(LFB + 5), ==, 0);
    vbe(4, 0);
    g_assert_cmphex(vbe_get(5), ==, 0);
}

/* Damage covers what changed, and only lines that did. */
typedef struct Damage {
    unsigned count, top, bottom;
} Damage;

static void on_damage(void *opaque, unsigned x, unsigned y, unsigned width, unsigned height)
{
    Damage *d = opaque;
    d->top = d->count++ ? MIN(d->top, y) : y;
    d->bottom = MAX(d->bottom, y + height);
}

static void test_damage(void)
{
    static const ConsoleListenerOps ops = { .damaged = on_damage };
    Damage d = { 0 };
    fresh();
    vbe_mode(640, 480, 32, 0);
    console_update(console_first());
    ConsoleListener *l = console_add_listener(console_first(), &ops, &d);
    console_update(console_first());
    g_assert_cmpuint(d.count, ==, 0);
    address_space_st(address_space_memory, LFB + 640 * 4 * 100 + 40, 0x00ffffff, 4);
    address_space_st(address_space_memory, LFB + 640 * 4 * 300, 0, 4); /* the same as before */
    console_update(console_first());
    g_assert_cmpuint(d.count, ==, 1);
    g_assert_cmpuint(d.top, ==, 100);
    g_assert_cmpuint(d.bottom, ==, 101);
    console_remove_listener(console_first(), l);
}

/* ---- Life ---- */

static void test_save_load(void)
{
    fresh();
    vga_start_text();
    vbe_mode(800, 600, 16, 0);
    vbe(6, 1600);
    dac(7, 1, 2, 3);
    inb(0x3da);
    outb(0x3c0, 0x11); /* between index and data */
    card = save_and_reload(card);
    outb(0x3c0, 0x2a);
    g_assert_cmphex(vbe_get(6), ==, 1600);
    inb(0x3da);
    outb(0x3c0, 0x11);
    g_assert_cmphex(inb(0x3c1), ==, 0x2a);
    outb(0x3c7, 7);
    g_assert_cmphex(inb(0x3c9), ==, 1);
    screen_on();
    assert_size(800, 600);
    load_garbage(card, 300);
}

/* Whatever registers hold, drawing and reading as text stay inside the memory. */
static void test_random_programs(void)
{
    for (unsigned round = 0; round < 300; round++) {
        fresh();
        for (unsigned i = 0; i < 200; i++) {
            uint8_t v = (uint8_t)g_test_rand_int();
            switch (g_test_rand_int_range(0, 6)) {
            case 0: seq(v & 7, (uint8_t)g_test_rand_int()); break;
            case 1: crtc(v % 0x19, (uint8_t)g_test_rand_int()); break;
            case 2: gfx(v & 15, (uint8_t)g_test_rand_int()); break;
            case 3: attr(v & 0x1f, (uint8_t)g_test_rand_int()); break;
            case 4: vbe(v % 11, (uint16_t)g_test_rand_int_range(0, round & 1 ? 2000 : 65536)); break;
            default: poke(0xa0000 + (g_test_rand_int() & 0x1ffff), v); break;
            }
        }
        screen_on();
        for (unsigned i = 0; i < 2; i++) {
            g_autofree char *text = console_text_utf8(console_first());
            if (vbe_get(2) < 3000 || !(vbe_get(4) & 1)) /* keeps the test quick */
                console_update(console_first());
            vbe(4, 0);
        }
    }
}

static void test_second_card(void)
{
    Error *err = NULL;
    fresh();
    g_assert_false(device_realize(device_new("isa-vga"), &err));
    g_assert_true(strstr(error_get_pretty(err), "can only be created once") != NULL);
    error_free(err);
}

static void test_memory_sizes(void)
{
    Error *err = NULL;
    device_unrealize(card);
    card = NULL;
    Device *dev = device_new("isa-vga");
    device_set_u32(dev, "vgamem_mb", 3);
    card = realize(dev);
    g_assert_cmpuint(vbe_get(10), ==, 4 * 16); /* the next power of two */
    device_unrealize(card);
    card = NULL;
    dev = device_new("isa-vga");
    device_set_u32(dev, "vgamem_mb", 1000);
    g_assert_false(device_realize(dev, &err));
    error_free(err);
}

static void test_edid(void)
{
    static const struct { unsigned x, y; } sizes[] = { { 0, 0 }, { 1920, 1080 }, { 640, 480 }, { 3840, 2160 }, { 60000, 60000 } };
    for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
        EDIDInfo info = { .xres = sizes[i].x, .yres = sizes[i].y };
        uint8_t e[EDID_SIZE], sum = 0;
        edid_make(&info, e);
        for (unsigned n = 0; n < EDID_SIZE; n++)
            sum += e[n];
        g_assert_cmphex(sum, ==, 0);
        unsigned width = e[56] | e[58] >> 4 << 8, height = e[59] | e[61] >> 4 << 8;
        g_assert_cmpuint(width, ==, i ? MIN(sizes[i].x, 4095) : 1280);
        g_assert_cmpuint(height, ==, i ? MIN(sizes[i].y, 4095) : 800);
        unsigned h_blank = e[57] | (e[58] & 15) << 8, v_blank = e[60] | (e[61] & 15) << 8, clock = e[54] | e[55] << 8;
        double hz = clock * 10000.0 / ((width + h_blank) * (double)(height + v_blank));
        if (i < 4 && clock != 0xffff)
            g_assert_cmpfloat(ABS(hz - 60), <, 0.2);
    }
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    isa_bus->memory = system_memory;
    g_test_add_func("/vga/indexed", test_indexed);
    g_test_add_func("/vga/protect", test_protect);
    g_test_add_func("/vga/attribute", test_attribute_flip_flop);
    g_test_add_func("/vga/dac", test_dac);
    g_test_add_func("/vga/mono", test_mono_addresses);
    g_test_add_func("/vga/retrace", test_retrace);
    g_test_add_func("/vga/write-modes", test_write_modes);
    g_test_add_func("/vga/read-mode-1", test_read_mode_1);
    g_test_add_func("/vga/windows", test_windows);
    g_test_add_func("/vga/odd-even-chain4", test_odd_even_and_chain4);
    g_test_add_func("/vga/planar", test_planar_picture);
    g_test_add_func("/vga/doubled", test_dots_doubled);
    g_test_add_func("/vga/256", test_256_picture);
    g_test_add_func("/vga/cga", test_cga_picture);
    g_test_add_func("/vga/text", test_text_picture);
    g_test_add_func("/vga/as-text", test_text_as_text);
    g_test_add_func("/vga/vbe-registers", test_vbe_registers);
    g_test_add_func("/vga/vbe-pictures", test_vbe_pictures);
    g_test_add_func("/vga/vbe-banks", test_vbe_banks_and_clearing);
    g_test_add_func("/vga/damage", test_damage);
    g_test_add_func("/vga/save-load", test_save_load);
    g_test_add_func("/vga/random", test_random_programs);
    g_test_add_func("/vga/second", test_second_card);
    g_test_add_func("/vga/memory-sizes", test_memory_sizes);
    g_test_add_func("/vga/edid", test_edid);
    int status = g_test_run();
    if (card)
        device_unrealize(card);
    return status;
}
