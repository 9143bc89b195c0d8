/* SPDX-License-Identifier: MIT */
/*
 * For tests of chips: an empty machine with an ISA bus whose lines are recorded, a clock the test moves, a
 * character device that takes as many bytes as the test allows. Chips are driven through the port and memory
 * address spaces, as a guest would.
 */
#ifndef RHEA_TESTS_DEV_TEST_H
#define RHEA_TESTS_DEV_TEST_H

#include "chardev/internal.h"
#include "hw/boards.h"
#include "hw/isa.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

#define MS 1000000ll
#define US 1000ll

static int line_level[64], line_rises[64]; /* of the ISA interrupts, and of what line() makes */
static MachineState test_machine;
static const MachineType test_machine_type = { .name = "test" };

static inline void record_line(void *opaque, int n, int level)
{
    if (level && !line_level[n])
        line_rises[n]++;
    line_level[n] = level;
}

/* A line that records into slot n, low at first. */
static inline IRQLine line(int n)
{
    line_level[n] = line_rises[n] = 0;
    return (IRQLine){ record_line, NULL, n };
}

static inline void clear_lines(void)
{
    memset(line_rises, 0, sizeof(line_rises));
}

static inline void outb(uint16_t port, uint8_t v)
{
    address_space_st(address_space_io, port, v, 1);
}

static inline uint8_t inb(uint16_t port)
{
    return (uint8_t)address_space_ld(address_space_io, port, 1, NULL);
}

static inline void advance(int64_t ns)
{
    clock_virtual_set(clock_ns(CLOCK_VIRTUAL) + ns);
}

/* As advance(), but no timer runs on the way: what a process sees that got no CPU meanwhile. */
static int64_t held_up_time;

static inline int64_t held_up_source(void)
{
    return held_up_time;
}

static inline void held_up(int64_t ns)
{
    held_up_time = clock_ns(CLOCK_VIRTUAL) + ns;
    clock_virtual_set_source(held_up_source, false);
    timers_run_virtual();
    clock_virtual_set(held_up_time);
}

static inline Device *realize(Device *dev)
{
    Error *err = NULL;
    if (!device_realize(dev, &err))
        g_error("%s", error_get_pretty(err));
    return dev;
}

static inline Device *create(const char *type)
{
    return realize(device_new(type));
}

static inline void quit_main_loop(void *opaque)
{
    main_loop_quit(GPOINTER_TO_INT(opaque));
}

/* Lets the main loop do what was posted to it; returns the status it was asked to end with, or -1. */
static inline int run_posted_work(void)
{
    main_loop_run_soon(quit_main_loop, GINT_TO_POINTER(-1));
    return main_loop_run();
}

/* Saves a device, loads the image into a fresh one of its type, and returns that one; checks that images
 * of any other length are refused. */
static inline Device *save_and_reload(Device *dev)
{
    uint8_t *buf = NULL, *again = NULL;
    size_t len = 0, again_len = 0;
    const char *type = dev->type->name;
    device_save(dev, &buf, &len);
    device_unrealize(dev);
    dev = create(type);
    Error *err = NULL;
    if (len) {
        g_assert_false(device_load(dev, buf, len - 1, &err));
        g_assert_nonnull(err);
        error_free(err);
        err = NULL;
    }
    g_assert_true(device_load(dev, buf, len, &err));
    device_save(dev, &again, &again_len);
    g_assert_cmpmem(buf, len, again, again_len);
    g_free(buf);
    g_free(again);
    return dev;
}

/* Loads random images: nothing may crash or hang; the device works after its reset. */
static inline void load_garbage(Device *dev, unsigned rounds)
{
    uint8_t *buf = NULL;
    size_t len = 0;
    device_save(dev, &buf, &len);
    for (unsigned i = 0; i < rounds; i++) {
        for (size_t j = 0; j < len; j++)
            buf[j] = (uint8_t)g_random_int();
        g_assert_true(device_load(dev, buf, len, NULL));
        advance(MS);
        if (dev->type->reset)
            dev->type->reset(dev);
    }
    g_free(buf);
}

/* ---- A character device ---- */

typedef struct TestChardev {
    GByteArray *got;
    size_t accept; /* bytes it takes until told otherwise */
} TestChardev;
static TestChardev test_chardev;

static inline size_t test_chardev_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    size_t n = MIN(len, test_chardev.accept);
    g_byte_array_append(test_chardev.got, buf, (guint)n);
    test_chardev.accept -= n;
    return n;
}

static inline bool test_chardev_open(Chardev *chr, OptGroup *opts, Error **errp)
{
    return true;
}

static const ChardevKind test_chardev_kind = {
    .name = "test", .open = test_chardev_open, .write = test_chardev_write,
};

static inline Chardev *new_chardev(void)
{
    static unsigned count;
    g_autofree char *id = g_strdup_printf("chr%u", count++);
    if (!test_chardev.got)
        test_chardev.got = g_byte_array_new();
    g_byte_array_set_size(test_chardev.got, 0);
    test_chardev.accept = SIZE_MAX / 2;
    Chardev *chr = chardev_create(&test_chardev_kind, id, NULL, NULL);
    g_assert_nonnull(chr);
    return chr;
}

#define assert_got(text) g_assert_cmpmem(test_chardev.got->data, test_chardev.got->len, text, strlen(text))

static inline void dev_test_init(int *argc, char ***argv)
{
    IRQLine irqs[ISA_IRQS];
    g_test_init(argc, argv, NULL);
    memory_init();
    machine_lock();
    clock_virtual_set(NS_PER_SEC);
    test_machine.type = &test_machine_type;
    test_machine.rtc_start = INT64_MIN;
    test_machine.rtc_clock = CLOCK_VIRTUAL;
    current_machine = &test_machine;
    for (int n = 0; n < ISA_IRQS; n++)
        irqs[n] = line(n);
    isa_bus_new(NULL, system_io, irqs);
}

#endif
