/* SPDX-License-Identifier: MIT */
/*
 * Graphic consoles: what display devices show, for whoever looks (screendump, smoke tests, windows). A device
 * draws only when it is asked to (ConsoleOps.update): nobody looking costs nothing. Machine lock.
 */
#ifndef RHEA_UI_CONSOLE_H
#define RHEA_UI_CONSOLE_H

#include "ui/surface.h"

/* A character cell of a text screen. */
typedef struct TextCell {
    uint32_t code;     /* Unicode */
    uint32_t fg, bg;   /* 0x00RRGGBB */
} TextCell;
typedef struct TextScreen {
    unsigned columns, rows;
    int cursor_x, cursor_y; /* -1: not shown */
    TextCell *cells;        /* row by row; g_free by the caller */
} TextScreen;
#define TEXT_CELLS_MAX (256u * 256u)

typedef struct ConsoleOps {
    /* Brings the surface up to date: console_resize when the mode changed, then console_damage for each
     * rectangle that was drawn. NULL: the device draws by itself. */
    void (*update)(void *opaque);
    /* The next update draws everything. */
    void (*invalidate)(void *opaque);
    /* The screen as text. False: it shows graphics (out is untouched). NULL: never text. */
    bool (*text)(void *opaque, TextScreen *out);
} ConsoleOps;

/* ---- Devices ---- */
/* In realize. head counts the screens of one device from 0. Until the device draws, 640x480 black. */
Console *console_new(Device *dev, unsigned head, const ConsoleOps *ops, void *opaque);
/* In unrealize. NULL is allowed. Listeners are told and dropped. */
void console_free(Console *con);
/* Gives the console a surface of this size: a new black one unless it has that size already. */
DisplaySurface *console_resize(Console *con, unsigned width, unsigned height);
DisplaySurface *console_surface(const Console *con);
/* These pixels changed. */
void console_damage(Console *con, unsigned x, unsigned y, unsigned width, unsigned height);

/* ---- Those who look ---- */
typedef struct ConsoleListenerOps {
    void (*resized)(void *opaque, DisplaySurface *s); /* also at once when added */
    void (*damaged)(void *opaque, unsigned x, unsigned y, unsigned width, unsigned height);
    void (*gone)(void *opaque);                       /* the console is being freed, the listener with it */
} ConsoleListenerOps; /* each may be NULL */

Console *console_first(void);
Console *console_next(const Console *con); /* NULL after the last; in the order they were made */
Console *console_find(const Device *dev, unsigned head);
Device *console_device(const Console *con);
unsigned console_head(const Console *con);
/* Lets the device draw what changed; listeners are told. */
void console_update(Console *con);
void console_invalidate(Console *con);
/* The screen as text; false when it shows graphics. out->cells is the caller's. */
bool console_text(Console *con, TextScreen *out);
/* The same as UTF-8, a line per row without trailing blanks; NULL when it shows graphics. Caller frees. */
char *console_text_utf8(Console *con);
ConsoleListener *console_add_listener(Console *con, const ConsoleListenerOps *ops, void *opaque);
void console_remove_listener(Console *con, ConsoleListener *l);

/* What a character of the IBM PC's code page 437 is in Unicode. Control codes are their pictures. */
uint32_t cp437_to_unicode(uint8_t c);

/* ui/screendump.c: updates a console and writes its surface. con NULL: the first one. */
bool console_screendump(Console *con, const char *path, bool png, Error **errp);

#endif
