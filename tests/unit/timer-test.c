/* SPDX-License-Identifier: MIT */
/*
 * Proves clocks, timers and the main loop: order of deadlines, re-arming, deletion, a stopped virtual
 * clock, work and timers posted from other threads, the set clock of tests, quitting. Expected values
 * follow from util/timer.h and util/main-loop.h; times have generous upper bounds.
 */
#include "util/main-loop.h"
#include "util/timer.h"

#include <glib.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static char order[16];

static void note(void *opaque)
{
    strcat(order, opaque);
}

static void stop(void *opaque)
{
    main_loop_quit(GPOINTER_TO_INT(opaque));
}

static void test_order(void)
{
    int64_t now = clock_ns(CLOCK_REALTIME_HOST);
    Timer *a = timer_new(CLOCK_REALTIME_HOST, note, "a"), *b = timer_new(CLOCK_REALTIME_HOST, note, "b");
    Timer *c = timer_new(CLOCK_REALTIME_HOST, note, "c"), *d = timer_new(CLOCK_REALTIME_HOST, note, "d");
    Timer *end = timer_new(CLOCK_REALTIME_HOST, stop, GINT_TO_POINTER(3));
    order[0] = 0;
    timer_mod(c, now + 3000000);
    timer_mod(a, now + 1000000);
    timer_mod(d, now + 2500000);
    timer_mod(b, now + 9000000);
    timer_mod(b, now + 2000000); /* moved nearer */
    timer_mod(end, now + 5000000);
    timer_del(d);
    g_assert_false(timer_pending(d));
    g_assert_cmpint(timer_expire_ns(b), ==, now + 2000000);
    g_assert_cmpint(timers_next_deadline(CLOCK_REALTIME_HOST), ==, now + 1000000);
    g_assert_cmpint(main_loop_run(), ==, 3);
    g_assert_cmpstr(order, ==, "abc");
    int64_t took = clock_ns(CLOCK_REALTIME_HOST) - now;
    g_assert_cmpint(took, >=, 5000000);
    g_assert_cmpint(took, <, 1000000000);
    timer_free(a);
    timer_free(b);
    timer_free(c);
    timer_free(d);
    timer_free(end);
    timer_free(NULL);
}

static Timer *periodic;
static unsigned ticks;

static void tick(void *opaque)
{
    if (++ticks == 50)
        main_loop_quit(0);
    else
        timer_mod(periodic, timers_next_deadline(CLOCK_VIRTUAL)); /* -1: in the past, so at once */
}

static void test_virtual_stops(void)
{
    int64_t at = clock_ns(CLOCK_VIRTUAL);
    usleep(3000);
    g_assert_cmpint(clock_ns(CLOCK_VIRTUAL), ==, at); /* stopped at start */
    clock_virtual_enable(true);
    usleep(2000);
    g_assert_cmpint(clock_ns(CLOCK_VIRTUAL), >=, at + 2000000);
    clock_virtual_enable(false);
    at = clock_ns(CLOCK_VIRTUAL);
    periodic = timer_new(CLOCK_VIRTUAL, tick, NULL);
    timer_mod(periodic, at);
    g_assert_cmpint(timers_run(), ==, -1); /* nothing runs while stopped */
    g_assert_cmpuint(ticks, ==, 0);
    clock_virtual_enable(true);
    main_loop_run();
    g_assert_cmpuint(ticks, ==, 50);
    timer_free(periodic);
    clock_virtual_enable(false);
}

static void *poster(void *opaque)
{
    usleep(2000);
    main_loop_run_soon(note, "x");
    Timer *t = opaque;
    timer_mod(t, clock_ns(CLOCK_REALTIME_HOST) + 1000000); /* wakes the poll, which has no deadline */
    return NULL;
}

static void test_other_thread(void)
{
    pthread_t thread;
    Timer *t = timer_new(CLOCK_REALTIME_HOST, stop, GINT_TO_POINTER(7));
    order[0] = 0;
    pthread_create(&thread, NULL, poster, t);
    g_assert_cmpint(main_loop_run(), ==, 7);
    g_assert_cmpstr(order, ==, "x");
    pthread_join(thread, NULL);
    timer_free(t);
}

static gboolean from_glib(gpointer opaque)
{
    g_assert_true(machine_lock_held());
    main_loop_quit(9);
    return G_SOURCE_REMOVE;
}

static void test_glib_source(void)
{
    g_timeout_add(2, from_glib, NULL);
    g_assert_cmpint(main_loop_run(), ==, 9);
}

static int64_t seen[3];
static unsigned nseen;

static void see(void *opaque)
{
    seen[nseen++] = clock_ns(CLOCK_VIRTUAL);
}

/* Last: the clock stays set. */
static void test_set_clock(void)
{
    Timer *a = timer_new(CLOCK_VIRTUAL, see, NULL), *b = timer_new(CLOCK_VIRTUAL, see, NULL);
    clock_virtual_set(100);
    timer_mod(a, 150);
    timer_mod(b, 300);
    clock_virtual_set(200);
    g_assert_cmpuint(nseen, ==, 1);
    g_assert_cmpint(seen[0], ==, 150);
    g_assert_cmpint(clock_ns(CLOCK_VIRTUAL), ==, 200);
    timer_mod(a, 250);
    clock_virtual_set(1000);
    g_assert_cmpuint(nseen, ==, 3);
    g_assert_cmpint(seen[1], ==, 250);
    g_assert_cmpint(seen[2], ==, 300);
    timer_free(a);
    timer_free(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_lock();
    g_test_add_func("/timer/order", test_order);
    g_test_add_func("/timer/virtual-stops", test_virtual_stops);
    g_test_add_func("/timer/other-thread", test_other_thread);
    g_test_add_func("/timer/glib-source", test_glib_source);
    g_test_add_func("/timer/set-clock", test_set_clock);
    int r = g_test_run();
    machine_unlock();
    return r;
}
