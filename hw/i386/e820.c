/* SPDX-License-Identifier: MIT */
/* The PC's memory map: rows in the order of their addresses. */
#include "hw/e820.h"
#include <glib.h>

void e820_add(E820Table *t, uint64_t start, uint64_t size, E820Type type)
{
    if (!size)
        return;
    g_assert(t->count < E820_MAX);
    unsigned at = t->count++;
    for (; at && t->rows[at - 1].start > start; at--)
        t->rows[at] = t->rows[at - 1];
    t->rows[at] = (E820Entry){ start, size, type };
}

uint64_t e820_ram_between(const E820Table *t, uint64_t start, uint64_t end)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < t->count; i++) {
        const E820Entry *e = &t->rows[i];
        uint64_t from = MAX(e->start, start), to = MIN(e->start + e->size, end);
        if (e->type == E820_RAM && from < to)
            sum += to - from;
    }
    return sum;
}
