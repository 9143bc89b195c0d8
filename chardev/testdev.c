/* SPDX-License-Identifier: MIT */
/*
 * Character device "testdev", through which test programs without other means tell how they went: decimal digits, then
 * a letter for the command. "q" ends the emulator with status (number << 1) | 1, as isa-debug-exit does.
 */
#include "internal.h"
#include "hw/boards.h"

typedef struct TestDev {
    uint32_t number;
} TestDev;

static bool testdev_open(Chardev *chr, OptGroup *opts, Error **errp)
{
    chr->state = g_new0(TestDev, 1);
    return true;
}

static size_t testdev_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    TestDev *s = chr->state;
    g_mutex_lock(&chr->out_lock);
    for (size_t i = 0; i < len; i++) {
        if (g_ascii_isdigit(buf[i])) {
            s->number = s->number * 10 + (uint32_t)(buf[i] - '0');
            continue;
        }
        if (buf[i] == 'q')
            system_exit_request((int)(s->number << 1 | 1));
        s->number = 0; /* other letters mean nothing */
    }
    g_mutex_unlock(&chr->out_lock);
    return len;
}

static void testdev_close(Chardev *chr)
{
    g_free(chr->state);
}

const ChardevKind chardev_kind_testdev = {
    .name = "testdev", .open = testdev_open, .write = testdev_write, .close = testdev_close,
    .keys = (const char *const[]){ "id", "mux", "logfile", "logappend", NULL },
};
