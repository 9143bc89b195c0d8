/* SPDX-License-Identifier: MIT */
/* The list of graphic consoles, and what passes between devices and those who look. */
#include "ui/console.h"

#include <glib.h>

#define FIRST_WIDTH 640
#define FIRST_HEIGHT 480

struct ConsoleListener {
    const ConsoleListenerOps *ops;
    void *opaque;
    ConsoleListener *next;
};

struct Console {
    Device *dev;
    unsigned head;
    const ConsoleOps *ops;
    void *opaque;
    DisplaySurface *surface;
    ConsoleListener *listeners;
    Console *next;
};

static Console *consoles; /* in the order they were made */

Console *console_new(Device *dev, unsigned head, const ConsoleOps *ops, void *opaque)
{
    Console *con = g_new0(Console, 1), **p = &consoles;
    *con = (Console){ .dev = dev, .head = head, .ops = ops, .opaque = opaque,
                      .surface = surface_new(FIRST_WIDTH, FIRST_HEIGHT) };
    while (*p)
        p = &(*p)->next;
    *p = con;
    return con;
}

void console_free(Console *con)
{
    if (!con)
        return;
    Console **p = &consoles;
    while (*p != con)
        p = &(*p)->next;
    *p = con->next;
    while (con->listeners) {
        ConsoleListener *l = con->listeners;
        con->listeners = l->next;
        if (l->ops->gone)
            l->ops->gone(l->opaque);
        g_free(l);
    }
    surface_free(con->surface);
    g_free(con);
}

DisplaySurface *console_resize(Console *con, unsigned width, unsigned height)
{
    if (surface_width(con->surface) == width && surface_height(con->surface) == height)
        return con->surface;
    DisplaySurface *old = con->surface;
    con->surface = surface_new(width, height);
    for (ConsoleListener *l = con->listeners; l; l = l->next)
        if (l->ops->resized)
            l->ops->resized(l->opaque, con->surface);
    surface_free(old);
    return con->surface;
}

DisplaySurface *console_surface(const Console *con)
{
    return con->surface;
}

void console_damage(Console *con, unsigned x, unsigned y, unsigned width, unsigned height)
{
    for (ConsoleListener *l = con->listeners; l; l = l->next)
        if (l->ops->damaged)
            l->ops->damaged(l->opaque, x, y, width, height);
}

Console *console_first(void)
{
    return consoles;
}

Console *console_next(const Console *con)
{
    return con->next;
}

Console *console_find(const Device *dev, unsigned head)
{
    Console *con = consoles;
    while (con && (con->dev != dev || con->head != head))
        con = con->next;
    return con;
}

Device *console_device(const Console *con)
{
    return con->dev;
}

unsigned console_head(const Console *con)
{
    return con->head;
}

void console_update(Console *con)
{
    if (con->ops->update)
        con->ops->update(con->opaque);
}

void console_invalidate(Console *con)
{
    if (con->ops->invalidate)
        con->ops->invalidate(con->opaque);
}

bool console_text(Console *con, TextScreen *out)
{
    return con->ops->text && con->ops->text(con->opaque, out);
}

char *console_text_utf8(Console *con)
{
    TextScreen t;
    if (!console_text(con, &t))
        return NULL;
    GString *text = g_string_new(NULL);
    for (unsigned y = 0; y < t.rows; y++) {
        gsize end = text->len; /* after the last character that is not blank */
        for (unsigned x = 0; x < t.columns; x++) {
            uint32_t code = t.cells[y * t.columns + x].code;
            g_string_append_unichar(text, code ? code : ' ');
            if (code && code != ' ' && code != 0xa0)
                end = text->len;
        }
        g_string_truncate(text, end);
        g_string_append_c(text, '\n');
    }
    g_free(t.cells);
    return g_string_free(text, FALSE);
}

ConsoleListener *console_add_listener(Console *con, const ConsoleListenerOps *ops, void *opaque)
{
    ConsoleListener *l = g_new0(ConsoleListener, 1);
    *l = (ConsoleListener){ ops, opaque, con->listeners };
    con->listeners = l;
    if (ops->resized)
        ops->resized(opaque, con->surface);
    return l;
}

void console_remove_listener(Console *con, ConsoleListener *l)
{
    ConsoleListener **p = &con->listeners;
    while (*p != l)
        p = &(*p)->next;
    *p = l->next;
    g_free(l);
}
