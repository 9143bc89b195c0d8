/* SPDX-License-Identifier: MIT */
/*
 * Sources of random numbers: rng-builtin (the guest's generator, which -seed makes repeat) and rng-random (a host file such as /dev/urandom,
 * read without blocking).
 */
#include "hw/object.h"
#include "hw/rng.h"
#include "util/error.h"
#include "util/guest-random.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <string.h>
#include <unistd.h>

typedef struct RNGRandom {
    Device obj;
    char *filename;
    int fd;
    guint watch;
    GArray *waiting; /* Waiter: those that got nothing */
} RNGRandom;

typedef struct Waiter {
    void (*ready)(void *opaque);
    void *opaque;
} Waiter;

static const DeviceType builtin_type, random_type;

bool rng_is_backend(const Device *obj)
{
    return obj->type == &builtin_type || obj->type == &random_type;
}

static void forget(RNGRandom *s, const void *opaque)
{
    for (guint i = s->waiting->len; i-- > 0;) {
        if (g_array_index(s->waiting, Waiter, i).opaque == opaque)
            g_array_remove_index(s->waiting, i);
    }
}

static gboolean readable(gint fd, GIOCondition cond, gpointer opaque)
{
    RNGRandom *s = opaque;
    s->watch = 0;
    /* In turn; who gets nothing again waits behind the others. */
    for (guint n = s->waiting->len; n && s->waiting->len; n--) {
        Waiter w = g_array_index(s->waiting, Waiter, 0);
        g_array_remove_index(s->waiting, 0);
        w.ready(w.opaque);
    }
    return G_SOURCE_REMOVE;
}

static size_t random_read(RNGRandom *s, void *buf, size_t len, void (*ready)(void *opaque), void *opaque)
{
    ssize_t n = read(s->fd, buf, len);
    if (n > 0)
        return (size_t)n;
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        Waiter w = { ready, opaque };
        forget(s, opaque);
        g_array_append_val(s->waiting, w);
        if (!s->watch)
            s->watch = g_unix_fd_add(s->fd, G_IO_IN, readable, s);
    }
    return 0;
}

size_t rng_read(Device *obj, void *buf, size_t len, void (*ready)(void *opaque), void *opaque)
{
    if (obj->type == &random_type)
        return random_read((RNGRandom *)obj, buf, len, ready, opaque);
    guest_random(buf, len);
    return len;
}

void rng_forget(Device *obj, void *opaque)
{
    if (obj->type == &random_type)
        forget((RNGRandom *)obj, opaque);
}

Device *rng_default(void)
{
    static Device builtin = { .type = &builtin_type };
    return &builtin;
}

static bool random_realize(Device *obj, Error **errp)
{
    RNGRandom *s = (RNGRandom *)obj;
    s->fd = open(s->filename, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (s->fd < 0)
        error_setg_errno(errp, errno, "Could not open '%s'", s->filename);
    else
        s->waiting = g_array_new(FALSE, FALSE, sizeof(Waiter));
    return s->fd >= 0;
}

static void random_unrealize(Device *obj)
{
    RNGRandom *s = (RNGRandom *)obj;
    if (s->watch)
        g_source_remove(s->watch);
    close(s->fd);
    g_array_free(s->waiting, TRUE);
}

static const Property random_props[] = {
    { .name = "filename", .kind = PK_STRING, .offset = offsetof(RNGRandom, filename), .def_string = "/dev/urandom" }, {}
};
static const DeviceType random_type = {
    .name = "rng-random", .size = sizeof(RNGRandom), .props = random_props, .realize = random_realize, .unrealize = random_unrealize,
};
object_type(random_type)
static const DeviceType builtin_type = { .name = "rng-builtin", .size = sizeof(Device) };
object_type(builtin_type)
