/* SPDX-License-Identifier: MIT */
/*
 * Consoles and surfaces: listeners see what a device draws, screens read as text, images written to files are those
 * of the PPM and PNG formats (oracle: the PPM page of Netpbm; libpng reading back).
 */
#include "ui/console.h"
#include "util/error.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#ifdef CONFIG_PNG
#include <png.h>
#endif

typedef struct Screen {
    Console *con;
    unsigned updates, invalidations;
    bool text;
} Screen;

static void screen_update(void *opaque)
{
    Screen *s = opaque;
    s->updates++;
    DisplaySurface *surface = console_resize(s->con, 8, 4);
    surface_row(surface, 1)[2] = 0x123456;
    console_damage(s->con, 2, 1, 1, 1);
}

static void screen_invalidate(void *opaque)
{
    ((Screen *)opaque)->invalidations++;
}

static bool screen_text(void *opaque, TextScreen *out)
{
    Screen *s = opaque;
    static const uint8_t chars[2][4] = { { 'H', 'i', 0, ' ' }, { 0xc9, 0xcd, 0xff, ' ' } };
    if (!s->text)
        return false;
    *out = (TextScreen){ .columns = 4, .rows = 2, .cursor_x = -1, .cursor_y = -1, .cells = g_new0(TextCell, 8) };
    for (unsigned i = 0; i < 8; i++)
        out->cells[i].code = cp437_to_unicode(chars[i / 4][i % 4]);
    return true;
}

static const ConsoleOps screen_ops = { screen_update, screen_invalidate, screen_text };

typedef struct Seen {
    unsigned width, height, resizes, damages, x, y, gone;
} Seen;

static void seen_resized(void *opaque, DisplaySurface *s)
{
    Seen *seen = opaque;
    seen->resizes++;
    seen->width = surface_width(s);
    seen->height = surface_height(s);
}

static void seen_damaged(void *opaque, unsigned x, unsigned y, unsigned width, unsigned height)
{
    Seen *seen = opaque;
    g_assert_cmpuint(width, ==, 1);
    g_assert_cmpuint(height, ==, 1);
    seen->damages++;
    seen->x = x;
    seen->y = y;
}

static void seen_gone(void *opaque)
{
    ((Seen *)opaque)->gone++;
}

static const ConsoleListenerOps seen_ops = { seen_resized, seen_damaged, seen_gone };

static void test_listeners(void)
{
    Screen s = { 0 };
    Seen a = { 0 }, b = { 0 };
    s.con = console_new(NULL, 0, &screen_ops, &s);
    g_assert_true(console_first() == s.con && !console_next(s.con));
    console_add_listener(s.con, &seen_ops, &a);
    ConsoleListener *second = console_add_listener(s.con, &seen_ops, &b);
    g_assert_cmpuint(a.width, ==, 640);
    console_update(s.con);
    console_update(s.con);
    g_assert_cmpuint(s.updates, ==, 2);
    g_assert_cmpuint(a.width * 100 + a.height, ==, 804);
    g_assert_cmpuint(a.resizes, ==, 2); /* when added, and once for the new size */
    g_assert_cmpuint(a.damages, ==, 2);
    g_assert_cmpuint(a.x * 10 + a.y, ==, 21);
    console_remove_listener(s.con, second);
    console_update(s.con);
    g_assert_cmpuint(b.damages, ==, 2);
    console_invalidate(s.con);
    g_assert_cmpuint(s.invalidations, ==, 1);
    console_free(s.con);
    g_assert_cmpuint(a.gone, ==, 1);
    g_assert_cmpuint(b.gone, ==, 0);
    g_assert_null(console_first());
}

static void test_several(void)
{
    Device *one = (Device *)0x10, *two = (Device *)0x20; /* only compared */
    Console *a = console_new(one, 0, &screen_ops, NULL), *b = console_new(two, 0, &screen_ops, NULL);
    Console *c = console_new(two, 1, &screen_ops, NULL);
    g_assert_true(console_find(two, 1) == c && console_find(two, 0) == b && console_find(one, 0) == a);
    g_assert_null(console_find(one, 1));
    console_free(b);
    g_assert_true(console_next(a) == c && !console_next(c));
    console_free(a);
    console_free(c);
    console_free(NULL);
}

static void test_text(void)
{
    Screen s = { 0 };
    s.con = console_new(NULL, 0, &screen_ops, &s);
    g_assert_null(console_text_utf8(s.con));
    s.text = true;
    g_autofree char *text = console_text_utf8(s.con);
    g_assert_cmpstr(text, ==, "Hi\n\u2554\u2550\n");
    console_free(s.con);
    g_assert_cmphex(cp437_to_unicode('A'), ==, 'A');
    g_assert_cmphex(cp437_to_unicode(1), ==, 0x263a);
    g_assert_cmphex(cp437_to_unicode(0x7f), ==, 0x2302);
    g_assert_cmphex(cp437_to_unicode(0xe1), ==, 0xdf);
}

static void test_sides(void)
{
    DisplaySurface *s = surface_new(0, 0);
    g_assert_cmpuint(surface_width(s) * surface_height(s), ==, 1);
    surface_free(s);
    s = surface_new(5, 3);
    surface_fill(s, 3, 2, 100, 100, 0xffffff);
    surface_fill(s, 5, 0, 1, 1, 0xff0000);
    for (unsigned i = 0; i < 15; i++)
        g_assert_cmphex(surface_row(s, i / 5)[i % 5] & 0xffffff, ==, i >= 13 ? 0xffffff : 0);
    surface_free(s);
}

static char *temporary(const char *suffix)
{
    return g_strdup_printf("%s/console-test-%d.%s", g_get_tmp_dir(), g_test_rand_int_range(0, 1 << 30), suffix);
}

static void test_ppm(void)
{
    static const char wanted[] = "P6\n2 2\n255\n\xff\x00\x00\x00\xff\x00\x00\x00\xff\x01\x02\x03";
    g_autofree char *path = temporary("ppm"), *got = NULL;
    gsize len;
    DisplaySurface *s = surface_new(2, 2);
    surface_row(s, 0)[0] = 0xff0000;
    surface_row(s, 0)[1] = 0x00ff00;
    surface_row(s, 1)[0] = 0xaa0000ff; /* the top byte means nothing */
    surface_row(s, 1)[1] = 0x010203;
    g_assert_true(surface_write_ppm(s, path, NULL));
    g_assert_true(g_file_get_contents(path, &got, &len, NULL));
    g_assert_cmpmem(got, len, wanted, sizeof(wanted) - 1);
    g_unlink(path);

    Error *err = NULL;
    g_assert_false(surface_write_ppm(s, "/nowhere/at/all.ppm", &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "failed to open file '/nowhere/at/all.ppm': No such file or directory");
    error_free(err);
    surface_free(s);
}

static void test_png(void)
{
#ifdef CONFIG_PNG
    g_autofree char *path = temporary("png");
    DisplaySurface *s = surface_new(3, 2);
    for (unsigned i = 0; i < 6; i++)
        surface_row(s, i / 3)[i % 3] = 0x102030 * i;
    g_assert_true(surface_write_png(s, path, NULL));
    png_image image = { .version = PNG_IMAGE_VERSION };
    g_assert_true(png_image_begin_read_from_file(&image, path));
    image.format = PNG_FORMAT_RGB;
    uint8_t pixels[18];
    g_assert_cmpuint(image.width * 10 + image.height, ==, 32);
    g_assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    for (unsigned i = 0; i < 6; i++)
        g_assert_cmphex(pixels[3 * i] << 16 | pixels[3 * i + 1] << 8 | pixels[3 * i + 2], ==, 0x102030 * i);
    g_unlink(path);
    surface_free(s);
#else
    g_test_skip("without libpng");
#endif
}

static void test_screendump_without_console(void)
{
    Error *err = NULL;
    g_assert_false(console_screendump(NULL, "/tmp/never", false, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "There is no console to take a screendump from");
    error_free(err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/console/listeners", test_listeners);
    g_test_add_func("/console/several", test_several);
    g_test_add_func("/console/text", test_text);
    g_test_add_func("/console/sides", test_sides);
    g_test_add_func("/console/ppm", test_ppm);
    g_test_add_func("/console/png", test_png);
    g_test_add_func("/console/no-console", test_screendump_without_console);
    return g_test_run();
}
