/* SPDX-License-Identifier: MIT */
/* Surfaces on pixman images, and their way into PPM and PNG files. */
#include "ui/surface.h"
#include "util/error.h"

#include <errno.h>
#include <glib.h>
#include <pixman.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#ifdef CONFIG_PNG
#include <png.h>
#include <setjmp.h>
#endif

struct DisplaySurface {
    pixman_image_t *image;
};

static unsigned legal_side(unsigned n)
{
    return CLAMP(n, 1u, SURFACE_SIDE_MAX);
}

DisplaySurface *surface_new(unsigned width, unsigned height)
{
    DisplaySurface *s = g_new0(DisplaySurface, 1);
    s->image = pixman_image_create_bits(PIXMAN_x8r8g8b8, (int)legal_side(width), (int)legal_side(height), NULL, 0);
    if (!s->image)
        g_error("no memory for a screen of %ux%u", width, height);
    return s;
}

void surface_free(DisplaySurface *s)
{
    if (s)
        pixman_image_unref(s->image);
    g_free(s);
}

unsigned surface_width(const DisplaySurface *s)
{
    return (unsigned)pixman_image_get_width(s->image);
}

unsigned surface_height(const DisplaySurface *s)
{
    return (unsigned)pixman_image_get_height(s->image);
}

uint32_t *surface_row(const DisplaySurface *s, unsigned y)
{
    g_assert(y < surface_height(s));
    return pixman_image_get_data(s->image) + (size_t)y * (size_t)(pixman_image_get_stride(s->image) / 4);
}

pixman_image_t *surface_image(const DisplaySurface *s)
{
    return s->image;
}

void surface_fill(DisplaySurface *s, unsigned x, unsigned y, unsigned width, unsigned height, uint32_t pixel)
{
    unsigned w = surface_width(s), h = surface_height(s);
    if (x >= w || y >= h)
        return;
    width = MIN(width, w - x);
    height = MIN(height, h - y);
    for (unsigned row = y; row < y + height; row++)
        for (unsigned col = x; col < x + width; col++)
            surface_row(s, row)[col] = pixel;
}

/* ---- Files ---- */

static void row_to_rgb(const DisplaySurface *s, unsigned y, uint8_t *out)
{
    const uint32_t *in = surface_row(s, y);
    for (unsigned x = 0, w = surface_width(s); x < w; x++) {
        *out++ = (uint8_t)(in[x] >> 16);
        *out++ = (uint8_t)(in[x] >> 8);
        *out++ = (uint8_t)in[x];
    }
}

static FILE *open_image(const char *path, Error **errp)
{
    FILE *f = fopen(path, "wbe");
    if (!f)
        error_setg(errp, "failed to open file '%s': %s", path, strerror(errno));
    return f;
}

/* Closes; a file that was not written whole is removed. */
static bool close_image(FILE *f, const char *path, bool ok, Error **errp)
{
    int code = ok ? 0 : errno;
    if (fclose(f) && ok) {
        ok = false;
        code = errno;
    }
    if (ok)
        return true;
    unlink(path);
    error_setg(errp, "failed to write file '%s': %s", path, strerror(code ? code : EIO));
    return false;
}

bool surface_write_ppm(const DisplaySurface *s, const char *path, Error **errp)
{
    unsigned width = surface_width(s), height = surface_height(s);
    FILE *f = open_image(path, errp);
    if (!f)
        return false;
    g_autofree uint8_t *row = g_malloc(3 * width);
    bool ok = fprintf(f, "P6\n%u %u\n255\n", width, height) > 0;
    for (unsigned y = 0; ok && y < height; y++) {
        row_to_rgb(s, y, row);
        ok = fwrite(row, 3, width, f) == width;
    }
    return close_image(f, path, ok, errp);
}

#ifdef CONFIG_PNG
/* libpng leaves by longjmp: nothing here may hold what must be freed. */
static bool write_png_rows(png_structp png, png_infop info, FILE *f, const DisplaySurface *s, uint8_t *row)
{
    if (setjmp(png_jmpbuf(png)))
        return false;
    png_init_io(png, f);
    png_set_IHDR(png, info, surface_width(s), surface_height(s), 8, PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
    png_write_info(png, info);
    for (unsigned y = 0; y < surface_height(s); y++) {
        row_to_rgb(s, y, row);
        png_write_row(png, row);
    }
    png_write_end(png, NULL);
    return true;
}

bool surface_write_png(const DisplaySurface *s, const char *path, Error **errp)
{
    FILE *f = open_image(path, errp);
    if (!f)
        return false;
    g_autofree uint8_t *row = g_malloc(3 * surface_width(s));
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    bool ok = info && write_png_rows(png, info, f, s, row);
    png_destroy_write_struct(&png, &info);
    return close_image(f, path, ok, errp);
}
#else
bool surface_write_png(const DisplaySurface *s, const char *path, Error **errp)
{
    error_setg(errp, "Enable PNG support with libpng for screendump");
    return false;
}
#endif
