/* SPDX-License-Identifier: MIT */
/* State of 32 interrupts, a bit each, as the registers of Arm interrupt controllers show it. */
#ifndef RHEA_HW_INTC_GIC_WORD_H
#define RHEA_HW_INTC_GIC_WORD_H

#include "hw/device.h"

typedef struct GICWord {
    uint32_t enabled;
    uint32_t pending;  /* latched: an edge, or set by software */
    uint32_t active, level /* of the inputs */, edge /* triggered, else by level */, group, modifier;
} GICWord;

static inline uint32_t gic_pending(const GICWord *w)
{
    return w->pending | (w->level & ~w->edge);
}

static inline void gic_word_input(GICWord *w, uint32_t bit, int level)
{
    if (level && !(w->level & bit) && (w->edge & bit))
        w->pending |= bit;
    w->level = level ? w->level | bit : w->level & ~bit;
}

/* Configuration registers: two bits each, of which the upper says edge; half selects 16 of the 32. */
static inline uint32_t gic_read_config(const GICWord *w, unsigned half, uint32_t visible)
{
    uint32_t bits = (w->edge & visible) >> (16 * half), v = 0;
    for (unsigned i = 0; i < 16; i++)
        v |= (bits >> i & 1) << (2 * i + 1);
    return v;
}

static inline void gic_write_config(GICWord *w, unsigned half, uint32_t lanes, uint32_t value, uint32_t visible)
{
    for (unsigned i = 0; i < 16; i++) {
        uint32_t bit = 1u << (16 * half + i) & visible;
        if (lanes >> (2 * i + 1) & 1)
            w->edge = value >> (2 * i + 1) & 1 ? w->edge | bit : w->edge & ~bit;
    }
}

extern const SavedField gic_word_saved[];

#endif
