/* SPDX-License-Identifier: MIT */
/*
 * Arm GICv3 (ARM IHI 0069): distributor and redistributors with affinity routing always on. Regions: 0 = distributor
 * (64 KiB), 1 = the first redistributors (128 KiB each), 2 = the others, if any. Lines: hw/arm/gic.h. The CPU
 * interface (gicv3-cpuif.c) is reached through system registers. Properties: num-cpu, num-irq, has-lpi,
 * has-security-extensions, redist-region-count (how many are in region 1; 0 = all).
 * 32 priority levels. Not modelled: legacy operation, extended SPI and PPI ranges, direct LPIs by GICR_SETLPIR,
 * sleeping of redistributors (interrupts are always forwarded).
 */
#include "hw/intc/gicv3.h"
#include "hw/fdt.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

#define CPUS_MAX 512
#define FRAME 0x10000u
#define REDIST_SIZE (2 * FRAME)

static unsigned words(const GICv3 *s)
{
    return s->nirq / 32;
}

GICWord *gicv3_word(GICv3CPU *c, unsigned irq)
{
    return irq < 32 ? &c->local : &c->gic->spi[irq / 32];
}

uint8_t *gicv3_priority(GICv3CPU *c, unsigned irq)
{
    return irq < 32 ? &c->priority[irq] : &c->gic->priority[irq];
}

GICGroup gicv3_group(const GICv3 *s, const GICWord *w, unsigned bit)
{
    if (w->group >> bit & 1)
        return GIC_G1NS;
    return !(s->ctlr & GICD_DS) && (w->modifier >> bit & 1) ? GIC_G1S : GIC_G0;
}

/* With DS set (or without the security extensions) all accesses have the one, secure view. */
static bool non_secure(const GICv3 *s)
{
    return !(s->ctlr & GICD_DS) && !(gic_secure_access && gic_secure_access());
}

/* ---- Which interrupt ---- */

/* Interrupts whose group the distributor and this CPU interface let through. */
static uint32_t enabled_groups(const GICv3CPU *c, const GICWord *w)
{
    uint32_t ctlr = c->gic->ctlr, g1s = ctlr & GICD_DS ? 0 : w->modifier & ~w->group;
    uint32_t g0 = ~(w->group | g1s), bits = 0;
    if ((ctlr & GICD_EN_G0) && c->enabled[GIC_G0])
        bits |= g0;
    if ((ctlr & GICD_EN_G1NS) && c->enabled[GIC_G1NS])
        bits |= w->group;
    if ((ctlr & GICD_EN_G1S) && c->enabled[GIC_G1S])
        bits |= g1s;
    return bits;
}

static void consider(GICv3CPU *c, const GICWord *w, unsigned first, unsigned *best_priority)
{
    const GICv3 *s = c->gic;
    uint32_t bits = w->enabled & gic_pending(w) & ~w->active & enabled_groups(c, w);
    for (; bits; bits &= bits - 1) {
        unsigned bit = (unsigned)__builtin_ctz(bits), irq = first + bit;
        unsigned priority = *gicv3_priority(c, irq);
        if (priority >= *best_priority || (first && s->target[irq] != c->index))
            continue;
        *best_priority = priority;
        c->best = (uint16_t)irq;
        c->best_priority = (uint8_t)priority;
        c->best_group = gicv3_group(s, w, bit);
    }
}

void gicv3_update_cpu(GICv3CPU *c)
{
    unsigned priority = GICV3_IDLE;
    c->best = GICV3_SPURIOUS;
    c->best_priority = 0xff;
    consider(c, &c->local, 0, &priority);
    for (unsigned w = 1; w < words(c->gic); w++)
        consider(c, &c->gic->spi[w], 32 * w, &priority);
    gicv3_lpi_best(c);
    gicv3_cpuif_update(c);
}

void gicv3_update(GICv3 *s)
{
    for (unsigned i = 0; i < s->ncpu; i++)
        gicv3_update_cpu(s->cpu[i]);
}

static void update_irq(GICv3 *s, unsigned irq)
{
    if (s->target[irq] < s->ncpu)
        gicv3_update_cpu(s->cpu[s->target[irq]]);
}

/* ---- Inputs and routing ---- */

static void gic_input(void *dev, int n, int level)
{
    GICv3 *s = dev;
    GIC_LOCKED(&s->lock);
    unsigned spis = s->nirq - 32, at = (unsigned)n;
    if (at < spis) {
        gic_word_input(&s->spi[(at + 32) / 32], 1u << at % 32, level);
        update_irq(s, at + 32);
        return;
    }
    GICv3CPU *c = s->cpu[(at - spis) / 32];
    gic_word_input(&c->local, 1u << (at - spis) % 32, level);
    gicv3_update_cpu(c);
}

GICv3CPU *gicv3_find_affinity(GICv3 *s, uint64_t affinity)
{
    for (unsigned i = 0; i < s->ncpu; i++)
        if (s->cpu[i]->affinity == affinity)
            return s->cpu[i];
    return NULL;
}

enum { ROUTER_ANY = 1u << 31 };
#define AFFINITY_BITS 0xff00ffffffull

/* "Any participating PE" is the first. */
static void route(GICv3 *s, unsigned irq)
{
    GICv3CPU *c = s->router[irq] & ROUTER_ANY ? s->cpu[0] : gicv3_find_affinity(s, s->router[irq] & AFFINITY_BITS);
    s->target[irq] = (uint16_t)(c ? c->index : s->ncpu);
}

void gicv3_send_sgi(GICv3CPU *to, unsigned sgi, GICGroup group, bool from_non_secure)
{
    GICGroup have = gicv3_group(to->gic, &to->local, sgi);
    bool allowed = group == have || (group == GIC_G1S && have == GIC_G0 && !from_non_secure);
    if (from_non_secure && have != GIC_G1NS) {
        unsigned access = to->nsacr >> (2 * sgi) & 3; /* 1: Group 0 too, 2: any Secure */
        allowed = (have == GIC_G0 && access >= 1) || (have == GIC_G1S && access >= 2);
    }
    if (allowed) {
        to->local.pending |= 1u << sgi;
        gicv3_update_cpu(to);
    }
}

/* ---- What distributor and redistributor frames have in common ---- */

enum { R_GROUP = 0x080, R_SET_ENABLE = 0x100, R_CLEAR_ENABLE = 0x180, R_SET_PENDING = 0x200, R_CLEAR_PENDING = 0x280,
       R_SET_ACTIVE = 0x300, R_CLEAR_ACTIVE = 0x380, R_PRIORITY = 0x400, R_TARGETS = 0x800, R_CONFIG = 0xc00,
       R_MODIFIER = 0xd00, R_NSACR = 0xe00, R_ROUTER = 0x6000, R_IDS = 0xffd0 };

static uint32_t visible(const GICWord *w, bool ns)
{
    return ns ? w->group : ~0u;
}

/* The word a bitmap register of any block shows; *block is its first register's offset. */
static uint32_t read_bits(const GICWord *w, unsigned block, bool ns)
{
    switch (block) {
    case R_GROUP: return ns ? 0 : w->group;
    case R_SET_ENABLE: case R_CLEAR_ENABLE: return w->enabled & visible(w, ns);
    case R_SET_PENDING: case R_CLEAR_PENDING: return gic_pending(w) & visible(w, ns);
    case R_SET_ACTIVE: case R_CLEAR_ACTIVE: return w->active & visible(w, ns);
    default: return ns ? 0 : w->modifier;
    }
}

static void write_bits(GICWord *w, unsigned block, uint32_t lanes, uint32_t value, bool ns)
{
    uint32_t set = value & lanes & visible(w, ns);
    switch (block) {
    case R_GROUP:
        if (!ns)
            w->group = (w->group & ~lanes) | (value & lanes);
        break;
    case R_SET_ENABLE: w->enabled |= set; break;
    case R_CLEAR_ENABLE: w->enabled &= ~set; break;
    case R_SET_PENDING: w->pending |= set; break;
    case R_CLEAR_PENDING: w->pending &= ~set; break;
    case R_SET_ACTIVE: w->active |= set; break;
    case R_CLEAR_ACTIVE: w->active &= ~set; break;
    default:
        if (!ns)
            w->modifier = (w->modifier & ~lanes) | (value & lanes);
        break;
    }
}

/* The block of bitmap registers at this offset, or 0. */
static unsigned bit_block(unsigned offset)
{
    if (offset >= R_GROUP && offset < R_PRIORITY)
        return offset & ~0x7fu;
    return offset >= R_MODIFIER && offset < R_MODIFIER + 0x80 ? R_MODIFIER : 0;
}

static uint8_t read_priority(uint8_t priority, bool hidden, bool ns)
{
    return hidden ? 0 : ns ? (uint8_t)(priority << 1) : priority;
}

static void write_priority(uint8_t *priority, uint8_t value, bool hidden, bool ns)
{
    if (!hidden)
        *priority = (ns ? 0x80 | value >> 1 : value) & GICV3_PRIORITY_MASK;
}

/* Peripheral and component identification; every frame has it. */
static uint32_t read_id(unsigned offset, uint8_t part)
{
    const uint8_t ids[] = { 0x44, 0, 0, 0, part, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1 };
    return ids[(offset - R_IDS) / 4];
}

static uint64_t lane_mask(unsigned offset, unsigned size)
{
    return (size == 8 ? ~0ull : (1ull << (8 * size)) - 1) << (8 * (offset & 7));
}

static uint64_t deposit_lanes(uint64_t old, unsigned offset, unsigned size, uint64_t value)
{
    uint64_t mask = lane_mask(offset, size);
    return (old & ~mask) | ((value << (8 * (offset & 7))) & mask);
}

/* ---- Distributor ---- */

enum { D_CTLR = 0x00, D_TYPER = 0x04, D_IIDR = 0x08, D_SETSPI_NS = 0x40, D_CLRSPI_NS = 0x48, D_SETSPI_S = 0x50,
       D_CLRSPI_S = 0x58 };

static uint32_t read_dist_ctlr(const GICv3 *s, bool ns)
{
    if (!ns)
        return s->ctlr;
    return (s->ctlr & GICD_EN_G1NS) | (s->ctlr & GICD_ARE_NS ? GICD_ARE_S : 0);
}

static void write_dist_ctlr(GICv3 *s, uint32_t value, bool ns)
{
    uint32_t mask = ns ? GICD_EN_G1NS : s->ctlr & GICD_DS ? GICD_EN_G0 | GICD_EN_G1NS
                                                          : GICD_EN_G0 | GICD_EN_G1NS | GICD_EN_G1S;
    s->ctlr = (s->ctlr & ~mask) | (value & mask);
    if (!ns && s->security && (value & GICD_DS)) {
        s->ctlr |= GICD_DS; /* for good */
        s->ctlr &= ~(uint32_t)GICD_EN_G1S;
    }
}

static uint32_t dist_typer(const GICv3 *s)
{
    return (words(s) - 1) | (uint32_t)(s->security && !(s->ctlr & GICD_DS)) << 10 | 1u << 16 | (uint32_t)s->lpi << 17 |
           (s->lpi ? 15u : 9u) << 19 | 1u << 24 | 1u << 25;
}

/* Message-based SPIs: the interrupt named in the value. */
static void message_spi(GICv3 *s, unsigned irq, bool set, bool ns)
{
    if (irq < 32 || irq >= s->nirq)
        return;
    GICWord *w = &s->spi[irq / 32];
    uint32_t bit = 1u << irq % 32 & visible(w, ns);
    w->pending = set ? w->pending | bit : w->pending & ~bit;
}

static bool is_hidden(const GICv3 *s, const GICWord *w, unsigned irq, bool ns)
{
    return ns && gicv3_group(s, w, irq % 32) != GIC_G1NS;
}

static uint64_t dist_read_word(GICv3 *s, unsigned offset, bool ns)
{
    unsigned block = bit_block(offset), w = (offset & 0x7f) / 4;
    if (block)
        return w && w < words(s) ? read_bits(&s->spi[w], block, ns) : 0;
    if (offset >= R_CONFIG && offset < R_CONFIG + 0x100) {
        unsigned n = (offset - R_CONFIG) / 4;
        return n >= 2 && n / 2 < words(s) ? gic_read_config(&s->spi[n / 2], n % 2, visible(&s->spi[n / 2], ns)) : 0;
    }
    switch (offset) {
    case D_CTLR: return read_dist_ctlr(s, ns);
    case D_TYPER: return dist_typer(s);
    case D_IIDR: return 0x0000043b;
    case R_IDS ... FRAME - 4: return read_id(offset, 0x92);
    default: return 0;
    }
}

static void dist_write_word(GICv3 *s, unsigned offset, uint32_t lanes, uint32_t value, bool ns)
{
    unsigned block = bit_block(offset), w = (offset & 0x7f) / 4;
    if (block) {
        if (w && w < words(s))
            write_bits(&s->spi[w], block, lanes, value, ns);
    } else if (offset >= R_CONFIG && offset < R_CONFIG + 0x100) {
        unsigned n = (offset - R_CONFIG) / 4;
        if (n >= 2 && n / 2 < words(s))
            gic_write_config(&s->spi[n / 2], n % 2, lanes, value, visible(&s->spi[n / 2], ns));
    } else if (offset == D_CTLR) {
        write_dist_ctlr(s, value, ns);
    } else if (offset == D_SETSPI_NS || offset == D_CLRSPI_NS) {
        message_spi(s, value & 0x3ff, offset == D_SETSPI_NS, ns);
    } else if ((offset == D_SETSPI_S || offset == D_CLRSPI_S) && !ns) {
        message_spi(s, value & 0x3ff, offset == D_SETSPI_S, false);
    } else {
        guest_error("gicv3: write of unknown distributor register 0x%x\n", offset);
    }
}

static bool is_router(const GICv3 *s, unsigned offset)
{
    return offset >= R_ROUTER + 32 * 8 && offset < R_ROUTER + s->nirq * 8;
}

static uint64_t dist_read(void *opaque, hwaddr offset, unsigned size)
{
    GICv3 *s = opaque;
    GIC_LOCKED(&s->lock);
    unsigned at = (unsigned)offset;
    bool ns = non_secure(s);
    if (is_router(s, at)) {
        unsigned irq = (at - R_ROUTER) / 8;
        return is_hidden(s, &s->spi[irq / 32], irq, ns) ? 0 : s->router[irq] >> (8 * (at & 7));
    }
    if (at < R_PRIORITY || at >= R_TARGETS)
        return dist_read_word(s, at & ~3u, ns) >> (8 * (at & 3));
    uint32_t v = 0;
    for (unsigned i = 0, irq = at - R_PRIORITY; i < size && i < 4 && irq + i < s->nirq; i++)
        if (irq + i >= 32)
            v |= (uint32_t)read_priority(s->priority[irq + i], is_hidden(s, &s->spi[(irq + i) / 32], irq + i, ns), ns)
                 << (8 * i);
    return v;
}

static void dist_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    GICv3 *s = opaque;
    GIC_LOCKED(&s->lock);
    unsigned at = (unsigned)offset;
    bool ns = non_secure(s);
    if (is_router(s, at)) {
        unsigned irq = (at - R_ROUTER) / 8;
        if (!is_hidden(s, &s->spi[irq / 32], irq, ns)) {
            s->router[irq] = deposit_lanes(s->router[irq], at, size, value) & (AFFINITY_BITS | ROUTER_ANY);
            route(s, irq);
        }
    } else if (at >= R_PRIORITY && at < R_TARGETS) {
        for (unsigned i = 0, irq = at - R_PRIORITY; i < size && irq + i < s->nirq; i++)
            if (irq + i >= 32)
                write_priority(&s->priority[irq + i], (uint8_t)(value >> (8 * i)),
                               is_hidden(s, &s->spi[(irq + i) / 32], irq + i, ns), ns);
    } else if (at >= R_TARGETS && at < R_CONFIG) {
        return; /* no meaning with affinity routing */
    } else {
        uint64_t lanes = lane_mask(at & 3, MIN(size, 4));
        dist_write_word(s, at & ~3u, (uint32_t)lanes, (uint32_t)(value << (8 * (at & 3))), ns);
    }
    gicv3_update(s);
}

static const MemoryRegionOps dist_ops = {
    .read = dist_read, .write = dist_write, .valid_min = 1, .valid_max = 8, .impl_min = 1, .impl_max = 8,
    .lockless = true,
};

/* ---- Redistributors: frame 0 (control, LPIs), frame 1 (SGIs and PPIs) ---- */

enum { R_CTLR = 0x00, R_IIDR = 0x04, R_TYPER = 0x08, R_WAKER = 0x14, R_PROPBASER = 0x70, R_PENDBASER = 0x78,
       R_INVLPIR = 0xa0, R_INVALLR = 0xb0, R_SYNCR = 0xc0 };
enum { WAKER_SLEEP = 2, WAKER_CHILDREN = 4 };
#define PROPBASER_MASK 0x070fffffffffff9full
#define PENDBASER_MASK 0x470fffffffff0f80ull

static uint64_t redist_typer(const GICv3CPU *c)
{
    const GICv3 *s = c->gic;
    uint64_t a = c->affinity;
    bool last = c->index + 1 == s->ncpu || c->index + 1 == s->first_region;
    return ((a >> 32 & 0xff) << 24 | (a & 0xffffff)) << 32 | (uint64_t)c->index << 8 | (uint64_t)last << 4 | s->lpi;
}

static uint64_t control_read(GICv3CPU *c, unsigned offset)
{
    switch (offset & ~7u) {
    case R_CTLR: return c->ctlr | (uint64_t)0x0000043b << 32;
    case R_TYPER: return redist_typer(c);
    case R_WAKER & ~7u: return (uint64_t)c->waker << 32;
    case R_PROPBASER: return c->propbaser;
    case R_PENDBASER: return c->pendbaser & ~(1ull << 62);
    case R_IDS ... FRAME - 8: {
        unsigned at = offset & ~7u;
        return read_id(at, 0x93) | (uint64_t)read_id(at + 4, 0x93) << 32;
    }
    default: return 0;
    }
}

static void control_write(GICv3CPU *c, unsigned offset, unsigned size, uint64_t value)
{
    bool lpis_on = c->ctlr & GICR_ENABLE_LPIS;
    switch (offset & ~3u) {
    case R_CTLR:
        if (!c->gic->lpi)
            break;
        c->ctlr = value & GICR_ENABLE_LPIS;
        if (c->ctlr && !lpis_on)
            gicv3_lpi_enable(c);
        break;
    case R_WAKER:
        c->waker = value & WAKER_SLEEP ? WAKER_SLEEP | WAKER_CHILDREN : 0;
        break;
    case R_PROPBASER: case R_PROPBASER + 4:
        if (!lpis_on)
            c->propbaser = deposit_lanes(c->propbaser, offset, size, value) & PROPBASER_MASK;
        break;
    case R_PENDBASER: case R_PENDBASER + 4:
        if (!lpis_on)
            c->pendbaser = deposit_lanes(c->pendbaser, offset, size, value) & PENDBASER_MASK;
        break;
    case R_INVLPIR: case R_INVLPIR + 4: case R_INVALLR: case R_INVALLR + 4:
        break; /* configuration is read anew at each update */
    default:
        guest_error("gicv3: write of unknown redistributor register 0x%x\n", offset);
    }
}

static uint32_t private_read_word(GICv3CPU *c, unsigned offset, bool ns)
{
    unsigned block = bit_block(offset);
    if (block)
        return offset & 0x7f ? 0 : read_bits(&c->local, block, ns);
    if (offset == R_CONFIG || offset == R_CONFIG + 4)
        return gic_read_config(&c->local, offset == R_CONFIG + 4, visible(&c->local, ns));
    if (offset == R_NSACR)
        return ns ? 0 : c->nsacr;
    return 0;
}

static void private_write_word(GICv3CPU *c, unsigned offset, uint32_t lanes, uint32_t value, bool ns)
{
    unsigned block = bit_block(offset);
    if (block && !(offset & 0x7f))
        write_bits(&c->local, block, lanes, value, ns);
    else if (offset == R_CONFIG + 4)
        gic_write_config(&c->local, 1, lanes, value, visible(&c->local, ns));
    else if (offset == R_NSACR && !ns)
        c->nsacr = (c->nsacr & ~lanes) | (value & lanes);
}

static uint64_t private_read(GICv3CPU *c, unsigned at, unsigned size, bool ns)
{
    if (at < R_PRIORITY || at >= R_PRIORITY + 32)
        return private_read_word(c, at & ~3u, ns) >> (8 * (at & 3));
    uint32_t v = 0;
    for (unsigned i = 0, irq = at - R_PRIORITY; i < size && i < 4 && irq + i < 32; i++)
        v |= (uint32_t)read_priority(c->priority[irq + i], is_hidden(c->gic, &c->local, irq + i, ns), ns) << (8 * i);
    return v;
}

static void private_write(GICv3CPU *c, unsigned at, unsigned size, uint64_t value, bool ns)
{
    if (at >= R_PRIORITY && at < R_PRIORITY + 32) {
        for (unsigned i = 0, irq = at - R_PRIORITY; i < size && irq + i < 32; i++)
            write_priority(&c->priority[irq + i], (uint8_t)(value >> (8 * i)),
                           is_hidden(c->gic, &c->local, irq + i, ns), ns);
        return;
    }
    uint64_t lanes = lane_mask(at & 3, MIN(size, 4));
    private_write_word(c, at & ~3u, (uint32_t)lanes, (uint32_t)(value << (8 * (at & 3))), ns);
}

static uint64_t redist_read(GICv3CPU *c, hwaddr offset, unsigned size)
{
    GIC_LOCKED(&c->gic->lock);
    unsigned at = offset % REDIST_SIZE;
    if (at >= FRAME)
        return private_read(c, at - FRAME, size, non_secure(c->gic));
    return control_read(c, at) >> (8 * (at & 7));
}

static void redist_write(GICv3CPU *c, hwaddr offset, uint64_t value, unsigned size)
{
    GIC_LOCKED(&c->gic->lock);
    unsigned at = offset % REDIST_SIZE;
    if (at >= FRAME)
        private_write(c, at - FRAME, size, value, non_secure(c->gic));
    else
        control_write(c, at, size, value);
    gicv3_update_cpu(c);
}

static uint64_t redist1_read(void *opaque, hwaddr offset, unsigned size)
{
    GICv3 *s = opaque;
    return redist_read(s->cpu[offset / REDIST_SIZE], offset, size);
}

static void redist1_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    GICv3 *s = opaque;
    redist_write(s->cpu[offset / REDIST_SIZE], offset, value, size);
}

static uint64_t redist2_read(void *opaque, hwaddr offset, unsigned size)
{
    GICv3 *s = opaque;
    return redist_read(s->cpu[s->first_region + offset / REDIST_SIZE], offset, size);
}

static void redist2_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    GICv3 *s = opaque;
    redist_write(s->cpu[s->first_region + offset / REDIST_SIZE], offset, value, size);
}

static const MemoryRegionOps redist1_ops = {
    .read = redist1_read, .write = redist1_write, .valid_min = 1, .valid_max = 8, .impl_min = 1, .impl_max = 8,
    .lockless = true,
};
static const MemoryRegionOps redist2_ops = {
    .read = redist2_read, .write = redist2_write, .valid_min = 1, .valid_max = 8, .impl_min = 1, .impl_max = 8,
    .lockless = true,
};

/* ---- Device ---- */

static void cpu_reset(Device *dev)
{
    GICv3CPU *c = (GICv3CPU *)dev;
    GIC_LOCKED(&c->gic->lock);
    c->local = (GICWord){ .level = c->local.level, .edge = 0xffff, .group = c->gic->start_nonsecure ? ~0u : 0 };
    c->ctlr = c->nsacr = c->lpis = 0;
    c->waker = WAKER_SLEEP | WAKER_CHILDREN;
    c->propbaser = c->pendbaser = 0;
    memset(c->priority, 0, sizeof(c->priority));
    memset(c->lpi_pending, 0, sizeof(c->lpi_pending));
    if (c->cpu)
        c->affinity = c->cpu->affinity;
    gicv3_cpuif_reset(c);
    gicv3_update_cpu(c);
}

static void gic_reset(Device *dev)
{
    GICv3 *s = (GICv3 *)dev;
    GIC_LOCKED(&s->lock);
    s->ctlr = GICD_ARE_S | (s->security ? GICD_ARE_NS : GICD_DS);
    memset(s->priority, 0, sizeof(s->priority));
    memset(s->router, 0, sizeof(s->router));
    for (unsigned w = 0; w < GICV3_WORDS; w++)
        s->spi[w] = (GICWord){ .level = s->spi[w].level, .group = s->start_nonsecure ? ~0u : 0 };
    for (unsigned irq = 32; irq < s->nirq; irq++)
        route(s, irq);
}

static bool check_properties(const GICv3 *s, Error **errp)
{
    if (s->ncpu < 1 || s->ncpu > CPUS_MAX) {
        error_setg(errp, "arm-gicv3: num-cpu must be between 1 and %d", CPUS_MAX);
        return false;
    }
    if (s->nirq < 64 || s->nirq > GICV3_IRQS || s->nirq % 32) {
        error_setg(errp, "arm-gicv3: num-irq must be a multiple of 32 from 64 to %d", GICV3_IRQS);
        return false;
    }
    return true;
}

/* Each vCPU's part is a device of its own on a bus of the controller. */
static bool create_cpus(GICv3 *s, Error **errp)
{
    s->cpu = g_new0(GICv3CPU *, s->ncpu);
    bus_init(&s->bus, BUS_NONE, "gicv3-cpus", &s->dev);
    for (unsigned i = 0; i < s->ncpu; i++) {
        GICv3CPU *c = (GICv3CPU *)device_new("arm-gicv3-cpu");
        c->gic = s;
        c->affinity = c->index = i;
        c->dev.parent = &s->bus;
        if (!device_realize(&c->dev, errp))
            return false;
        s->cpu[i] = c;
    }
    return true;
}

static bool gic_realize(Device *dev, Error **errp)
{
    GICv3 *s = (GICv3 *)dev;
    if (!check_properties(s, errp))
        return false;
    if (!s->first_region || s->first_region > s->ncpu)
        s->first_region = s->ncpu;
    g_rec_mutex_init(&s->lock);
    device_init_in(dev, gic_input, s->nirq - 32 + 32 * s->ncpu);
    device_init_out(dev, GIC_OUTS * s->ncpu);
    if (!create_cpus(s, errp))
        return false;
    memory_region_init_io(&s->dist, dev, &dist_ops, s, "gicv3_dist", FRAME);
    memory_region_init_io(&s->redist, dev, &redist1_ops, s, "gicv3_redist", (uint64_t)s->first_region * REDIST_SIZE);
    device_add_region(dev, &s->dist);
    device_add_region(dev, &s->redist);
    if (s->first_region < s->ncpu) {
        memory_region_init_io(&s->redist2, dev, &redist2_ops, s, "gicv3_redist",
                              (uint64_t)(s->ncpu - s->first_region) * REDIST_SIZE);
        device_add_region(dev, &s->redist2);
    }
    gic_reset(dev);
    for (unsigned i = 0; i < s->ncpu; i++)
        cpu_reset(&s->cpu[i]->dev);
    return true;
}

static void gic_unrealize(Device *dev)
{
    GICv3 *s = (GICv3 *)dev;
    g_free(s->cpu);
    g_rec_mutex_clear(&s->lock);
}

void gicv3_connect_cpu(Device *dev, unsigned n, ARMCPU *cpu)
{
    GICv3 *s = (GICv3 *)dev;
    g_assert(n < s->ncpu);
    s->cpu[n]->cpu = cpu;
    s->cpu[n]->affinity = cpu->affinity;
    gicv3_cpuif_connect(s->cpu[n]);
    for (unsigned irq = 32; irq < s->nirq; irq++)
        route(s, irq);
}

static void gic_pic_info(Device *dev, FILE *out)
{
    GICv3 *s = (GICv3 *)dev;
    GIC_LOCKED(&s->lock);
    fprintf(out, "arm-gicv3: ctlr=%x\n", s->ctlr);
    for (unsigned i = 0; i < s->ncpu; i++) {
        const GICv3CPU *c = s->cpu[i];
        fprintf(out, "cpu %u: pmr=%02x enabled=%u%u%u active=%x/%x/%x best=%u lpis=%u irq=%u fiq=%u\n", i, c->pmr,
                c->enabled[0], c->enabled[1], c->enabled[2], c->active[0], c->active[1], c->active[2], c->best, c->lpis,
                c->shown[GIC_OUT_IRQ], c->shown[GIC_OUT_FIQ]);
    }
    for (unsigned w = 0; w < words(s); w++) {
        const GICWord *g = w ? &s->spi[w] : &s->cpu[0]->local;
        fprintf(out, "irq %3u-%u: enabled=%08x pending=%08x active=%08x level=%08x edge=%08x group=%08x\n", 32 * w,
                32 * w + 31, g->enabled, gic_pending(g), g->active, g->level, g->edge, g->group);
    }
}

static void gic_describe(Device *dev, void *builder)
{
    const DTPlace *p = builder;
    (void)dev;
    g_autofree char *path = dt_device_node(p, "intc", "arm,gic-v3");
    dt_cells(p->tree, path, "#redistributor-regions", p->regions - 1);
    dt_cells(p->tree, path, "#interrupt-cells", 3);
    dt_empty(p->tree, path, "interrupt-controller");
    dt_cells(p->tree, path, "#address-cells", 2);
    dt_cells(p->tree, path, "#size-cells", 2);
    dt_empty(p->tree, path, "ranges");
}

static const Property gic_props[] = {
    PROP_U32("num-cpu", GICv3, ncpu, 1), PROP_U32("num-irq", GICv3, nirq, 64),
    PROP_U32("redist-region-count", GICv3, first_region, 0), PROP_BOOL("has-lpi", GICv3, lpi, false),
    PROP_BOOL("has-security-extensions", GICv3, security, false),
    PROP_BOOL("start-nonsecure", GICv3, start_nonsecure, false), {},
};

/* ---- Saved state: the distributor's, then each vCPU's ---- */

static void gic_post_load(Device *dev)
{
    GICv3 *s = (GICv3 *)dev;
    GIC_LOCKED(&s->lock);
    s->ctlr &= GICD_EN_G0 | GICD_EN_G1NS | GICD_EN_G1S | GICD_DS;
    s->ctlr |= GICD_ARE_S | (s->security ? GICD_ARE_NS : GICD_DS);
    for (unsigned irq = 32; irq < s->nirq; irq++)
        route(s, irq);
    gicv3_update(s);
}

static void cpu_post_load(Device *dev)
{
    GICv3CPU *c = (GICv3CPU *)dev;
    GIC_LOCKED(&c->gic->lock);
    for (unsigned g = 0; g < GIC_GROUPS; g++)
        c->bpr[g] &= 7; /* binary points are three bits */
    c->as_fiq &= 1 << GIC_G0 | 1 << GIC_G1S | 1 << GIC_G1NS;
    c->lpis = 0;
    for (unsigned i = 0; i < GICV3_LPI_WORDS; i++)
        c->lpis += (uint32_t)__builtin_popcountll(c->lpi_pending[i]);
    for (unsigned i = 0; i < GIC_OUTS; i++)
        c->shown[i] = 2; /* neither level: all are shown again */
    gicv3_update_cpu(c);
}

static const SavedField gic_saved[] = {
    SAVED_INT(GICv3, ctlr), SAVED_STRUCTS(GICv3, spi, gic_word_saved), SAVED_BYTES(GICv3, priority),
    SAVED_ARRAY(GICv3, router), SAVED_END(),
};
static const SavedField cpu_saved[] = {
    SAVED_INT(GICv3CPU, ctlr), SAVED_INT(GICv3CPU, waker), SAVED_INT(GICv3CPU, nsacr), SAVED_INT(GICv3CPU, propbaser),
    SAVED_INT(GICv3CPU, pendbaser), SAVED_STRUCT(GICv3CPU, local, gic_word_saved), SAVED_BYTES(GICv3CPU, priority),
    SAVED_ARRAY(GICv3CPU, lpi_pending), SAVED_INT(GICv3CPU, pmr), SAVED_BYTES(GICv3CPU, bpr),
    SAVED_BYTES(GICv3CPU, enabled), SAVED_ARRAY(GICv3CPU, icc_ctlr), SAVED_ARRAY(GICv3CPU, active),
    SAVED_INT(GICv3CPU, ich_hcr), SAVED_INT(GICv3CPU, ich_vmcr), SAVED_ARRAY(GICv3CPU, ich_lr),
    SAVED_ARRAY(GICv3CPU, ich_active), SAVED_INT(GICv3CPU, as_fiq), SAVED_END(),
};
static const DeviceType gic_type = {
    .name = "arm-gicv3", .desc = "Arm generic interrupt controller v3", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(GICv3), .props = gic_props, .saved = gic_saved, .realize = gic_realize,
    .unrealize = gic_unrealize, .reset = gic_reset, .post_load = gic_post_load, .describe = gic_describe,
    .pic_info = gic_pic_info,
};
device_type(gic_type)
static const DeviceType cpu_type = {
    .name = "arm-gicv3-cpu", .desc = "GICv3 redistributor and CPU interface", .bus = BUS_NONE,
    .category = "Misc devices", .internal = true, .size = sizeof(GICv3CPU), .saved = cpu_saved, .reset = cpu_reset,
    .post_load = cpu_post_load,
};
device_type(cpu_type)
