/* SPDX-License-Identifier: MIT */
/* Pixels of a screen: 32 bits each, 0x00RRGGBB in host order, in a pixman image. Machine lock. */
#ifndef RHEA_UI_SURFACE_H
#define RHEA_UI_SURFACE_H

#include "typedefs.h"

/* Sides a surface can have: larger modes are cut by whoever makes one. */
#define SURFACE_SIDE_MAX 16384

/* Black. Sides of 0 become 1, sides above SURFACE_SIDE_MAX are cut. */
DisplaySurface *surface_new(unsigned width, unsigned height);
void surface_free(DisplaySurface *s);
unsigned surface_width(const DisplaySurface *s);
unsigned surface_height(const DisplaySurface *s);
/* Its row y, surface_width() pixels; the top 8 bits of a pixel mean nothing. */
uint32_t *surface_row(const DisplaySurface *s, unsigned y);
/* For windows and remote displays that scale, convert and compose: a pixman_image_t. */
union pixman_image *surface_image(const DisplaySurface *s);
/* Fills a rectangle; it is cut to the surface. */
void surface_fill(DisplaySurface *s, unsigned x, unsigned y, unsigned width, unsigned height, uint32_t pixel);

/* Binary PPM (P6, 8 bits) or PNG. False with errp set, the file then is not there. */
bool surface_write_ppm(const DisplaySurface *s, const char *path, Error **errp);
bool surface_write_png(const DisplaySurface *s, const char *path, Error **errp);

#endif
