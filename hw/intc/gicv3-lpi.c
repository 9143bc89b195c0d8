/* SPDX-License-Identifier: MIT */
/*
 * GICv3 locality-specific interrupts (IHI 0069 ch. 5.1): pending bits are kept here, a bitmap per vCPU that is
 * taken from the guest's pending table when LPIs are enabled; priority and enable are read from the guest's
 * configuration table whenever a pending LPI is considered, so nothing is cached that INV must drop. Tables that are not RAM hold nothing (gic-lock.h).
 */
#include "hw/intc/gicv3.h"
#include <string.h>

#define CONFIG_ENABLE 1

static unsigned id_bits(const GICv3CPU *c)
{
    unsigned bits = (c->propbaser & 0x1f) + 1;
    return bits > 16 ? 16 : bits;
}

/* Enable and priority of an LPI; 0 when the table does not reach it. */
static uint8_t configuration(const GICv3CPU *c, unsigned lpi)
{
    hwaddr at = (c->propbaser & 0xffffffffff000ull) + lpi - GICV3_LPI_FIRST;
    const uint8_t *byte = lpi < 1u << id_bits(c) ? address_space_map_ram(address_space_memory, at, 1, false) : NULL;
    return byte ? *byte : 0;
}

/* LPIs are Non-secure Group 1; the table's priorities are as a Non-secure access sets them. */
static unsigned priority_of(const GICv3CPU *c, uint8_t config)
{
    return c->gic->ctlr & GICD_DS ? config & 0xf8u : 0x80 | ((config & 0xfcu) >> 1 & GICV3_PRIORITY_MASK);
}

void gicv3_lpi_best(GICv3CPU *c)
{
    if (!c->lpis || !(c->ctlr & GICR_ENABLE_LPIS) || !(c->gic->ctlr & GICD_EN_G1NS) || !c->enabled[GIC_G1NS])
        return;
    unsigned best = c->best == GICV3_SPURIOUS ? GICV3_IDLE : c->best_priority;
    for (unsigned w = 0, left = c->lpis; w < GICV3_LPI_WORDS && left; w++)
        for (uint64_t bits = c->lpi_pending[w]; bits; bits &= bits - 1, left--) {
            unsigned lpi = GICV3_LPI_FIRST + 64 * w + (unsigned)__builtin_ctzll(bits);
            uint8_t config = configuration(c, lpi);
            if (!(config & CONFIG_ENABLE) || priority_of(c, config) >= best)
                continue;
            best = priority_of(c, config);
            c->best = (uint16_t)lpi;
            c->best_priority = (uint8_t)best;
            c->best_group = GIC_G1NS;
        }
}

bool gicv3_lpi_pending(const GICv3CPU *c, unsigned lpi)
{
    unsigned n = lpi - GICV3_LPI_FIRST;
    return lpi >= GICV3_LPI_FIRST && lpi < GICV3_LPI_END && (c->lpi_pending[n / 64] >> n % 64 & 1);
}

void gicv3_lpi_set(GICv3CPU *c, unsigned lpi, bool pending)
{
    unsigned n = lpi - GICV3_LPI_FIRST;
    if (lpi < GICV3_LPI_FIRST || lpi >= GICV3_LPI_END || gicv3_lpi_pending(c, lpi) == pending)
        return;
    c->lpi_pending[n / 64] ^= 1ull << n % 64;
    c->lpis += pending ? 1 : -1u;
}

void gicv3_lpi_enable(GICv3CPU *c)
{
    const uint64_t all_zero = 1ull << 62; /* the guest says the table holds nothing */
    hwaddr table = (c->pendbaser & 0xfffffffff0000ull) + GICV3_LPI_FIRST / 8;
    uint64_t size = ((1ull << id_bits(c)) - 1) / 8 + 1;
    c->lpis = 0;
    for (unsigned i = 0; i < GICV3_LPI_WORDS; i++) {
        uint64_t bits = 0;
        const void *word = !(c->pendbaser & all_zero) && GICV3_LPI_FIRST / 8 + 8 * i < size
                               ? address_space_map_ram(address_space_memory, table + 8 * i, 8, false) : NULL;
        if (word)
            memcpy(&bits, word, 8);
        c->lpi_pending[i] = bits;
        c->lpis += (uint32_t)__builtin_popcountll(bits);
    }
}

void gicv3_lpi_move_all(GICv3CPU *from, GICv3CPU *to)
{
    if (from == to)
        return;
    to->lpis = from->lpis = 0;
    for (unsigned i = 0; i < GICV3_LPI_WORDS; i++) {
        to->lpi_pending[i] |= from->lpi_pending[i];
        from->lpi_pending[i] = 0;
        to->lpis += (uint32_t)__builtin_popcountll(to->lpi_pending[i]);
    }
}
