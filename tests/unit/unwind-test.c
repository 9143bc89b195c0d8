/* SPDX-License-Identifier: MIT */
/* Proves that unwind tables give back what was written, for random records, and nothing in between. */
#include "exec/tb-internal.h"

#include <glib.h>

#define RECORDS 500

static void test_round_trip(void)
{
    static uint8_t buf[65536];
    static InsnData insns[RECORDS];
    static uint32_t offsets[RECORDS];
    static unsigned index[RECORDS];
    TranslationBlock tb = { .state.pc = 0xffffffff81000000 };
    UnwindWriter w;
    uint32_t offset = 0;

    for (unsigned i = 0; i < RECORDS; i++) {
        insns[i].pc = tb.state.pc + (uint64_t)(int64_t)g_test_rand_int_range(-5000, 5000);
        insns[i].extra = (uint32_t)g_test_rand_int();
    }
    unwind_set_first(insns);
    unwind_begin(&w, buf, sizeof(buf), &tb);
    for (unsigned i = 0; i < RECORDS; i++) {
        offset += (uint32_t)g_test_rand_int_range(2, 400);
        offsets[i] = offset;
        index[i] = (unsigned)g_test_rand_int_range(0, RECORDS); /* loops come back to earlier instructions */
        unwind_add(&w, offset, &insns[index[i]]);
    }
    g_assert_false(w.full);
    tb.unwind = buf;
    tb.unwind_size = (uint32_t)(w.p - buf);
    for (unsigned i = 0; i < RECORDS; i++) {
        InsnData d;
        unsigned n;
        g_assert_true(unwind_find_index(&tb, offsets[i], &d, &n));
        g_assert_cmphex(d.pc, ==, insns[index[i]].pc);
        g_assert_cmphex(d.extra, ==, insns[index[i]].extra);
        g_assert_cmpuint(n, ==, index[i]);
        g_assert_false(unwind_find(&tb, offsets[i] - 1, &d));
    }
    unwind_set_first(NULL);
}

static void test_full(void)
{
    uint8_t buf[8];
    TranslationBlock tb = { .state.pc = 0 };
    InsnData d = { .pc = 0x123456789abc, .extra = 7 };
    UnwindWriter w;
    unwind_begin(&w, buf, sizeof(buf), &tb);
    unwind_add(&w, 100, &d);
    unwind_add(&w, 10000, &d);
    g_assert_true(w.full);
    g_assert_true(w.p <= buf + sizeof(buf));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/unwind/round-trip", test_round_trip);
    g_test_add_func("/unwind/full", test_full);
    return g_test_run();
}
