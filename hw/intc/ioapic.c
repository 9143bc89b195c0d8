/* SPDX-License-Identifier: MIT */
/*
 * I/O APIC with 24 pins (Intel 82093AA datasheet; version 0x20 with the EOI register, as in ICH).
 *
 * Interface: region 0 (4 KiB at 0xfec00000), inputs 0-23 as asserted/negated (polarity bits are kept but
 * mean nothing here). Messages leave through apic_bus_send; EOIs of level-triggered vectors come back
 * through apic_connect_eoi, which realize claims. Own lock: neither needs the machine lock.
 * Not modelled: ExtINT pins, arbitration.
 */
#include "hw/apic.h"
#include "util/error.h"
#include "util/log.h"
#include <pthread.h>

#define PINS 24
enum { REG_ID, REG_VERSION, REG_ARBITRATION, REG_TABLE = 0x10 };
enum { IOREGSEL = 0x00, IOWIN = 0x10, IOEOI = 0x40 };
enum { /* redirection entry */
    RTE_LOGICAL = 1 << 11, RTE_STATUS = 1 << 12, RTE_REMOTE_IRR = 1 << 14, RTE_LEVEL = 1 << 15,
    RTE_MASKED = 1 << 16, RTE_READ_ONLY = RTE_STATUS | RTE_REMOTE_IRR, RTE_RESET = RTE_MASKED,
};

typedef struct IOAPIC {
    Device dev;
    MemoryRegion region;
    pthread_mutex_t lock; /* protects everything below; taken before the APICs' locks */
    uint8_t select;
    uint32_t id;
    uint32_t level;       /* inputs asserted */
    uint64_t rte[PINS];
} IOAPIC;

/* Sends the pin's message. Lock held. */
static void pin_deliver(IOAPIC *s, unsigned n)
{
    uint64_t e = s->rte[n];
    APICMessage msg = {
        .dest = e >> 56,
        .logical = e & RTE_LOGICAL,
        .mode = e >> 8 & 7,
        .vector = e & 0xff,
        .level = e & RTE_LEVEL,
    };
    apic_bus_send(&msg);
}

/* An asserted level-triggered pin sends once and then waits for its EOI. Lock held. */
static void pin_update(IOAPIC *s, unsigned n)
{
    uint64_t e = s->rte[n];
    if (!(e & RTE_LEVEL) || (e & (RTE_MASKED | RTE_REMOTE_IRR)) || !(s->level >> n & 1))
        return;
    s->rte[n] |= RTE_REMOTE_IRR;
    pin_deliver(s, n);
}

static void ioapic_input(void *opaque, int n, int level)
{
    IOAPIC *s = opaque;
    pthread_mutex_lock(&s->lock);
    bool rising = level && !(s->level >> n & 1);
    s->level = (s->level & ~(1u << n)) | (level != 0) << n;
    uint64_t e = s->rte[n];
    if (e & RTE_LEVEL)
        pin_update(s, n);
    else if (rising && !(e & RTE_MASKED))
        pin_deliver(s, n);
    pthread_mutex_unlock(&s->lock);
}

static void ioapic_eoi(void *opaque, uint8_t vector)
{
    IOAPIC *s = opaque;
    pthread_mutex_lock(&s->lock);
    for (unsigned n = 0; n < PINS; n++)
        if ((s->rte[n] & RTE_LEVEL) && (s->rte[n] & 0xff) == vector) {
            s->rte[n] &= ~(uint64_t)RTE_REMOTE_IRR;
            pin_update(s, n);
        }
    pthread_mutex_unlock(&s->lock);
}

static uint32_t register_read(IOAPIC *s)
{
    unsigned n = (s->select - REG_TABLE) / 2u;
    switch (s->select) {
    case REG_ID:
    case REG_ARBITRATION:
        return s->id;
    case REG_VERSION:
        return (PINS - 1) << 16 | 0x20;
    default:
        return s->select >= REG_TABLE && n < PINS ? s->rte[n] >> (s->select & 1) * 32 : 0;
    }
}

static void register_write(IOAPIC *s, uint32_t value)
{
    unsigned n = (s->select - REG_TABLE) / 2u;
    if (s->select == REG_ID) {
        s->id = value & 0x0f000000;
    } else if (s->select >= REG_TABLE && n < PINS) {
        uint64_t *e = &s->rte[n];
        if (s->select & 1)
            *e = (uint32_t)*e | (uint64_t)value << 32;
        else
            *e = (*e & (~0xffffffffull | RTE_READ_ONLY)) | (value & 0x1ffff & ~RTE_READ_ONLY);
        if (!(*e & RTE_LEVEL))
            *e &= ~(uint64_t)RTE_REMOTE_IRR;
        pin_update(s, n);
    } else {
        guest_error("ioapic: write of 0x%x to register 0x%x\n", value, s->select);
    }
}

static uint64_t ioapic_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    IOAPIC *s = opaque;
    pthread_mutex_lock(&s->lock);
    uint64_t value = offset == IOREGSEL ? s->select : offset == IOWIN ? register_read(s) : 0;
    pthread_mutex_unlock(&s->lock);
    return value;
}

static void ioapic_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)size;
    IOAPIC *s = opaque;
    if (offset == IOEOI) {
        ioapic_eoi(s, value & 0xff);
        return;
    }
    pthread_mutex_lock(&s->lock);
    if (offset == IOREGSEL)
        s->select = value;
    else if (offset == IOWIN)
        register_write(s, value);
    pthread_mutex_unlock(&s->lock);
}

static const MemoryRegionOps ioapic_ops = {
    .read = ioapic_read, .write = ioapic_write, .valid_min = 1, .valid_max = 8, .impl_min = 4, .impl_max = 4,
    .lockless = true,
};

static void ioapic_reset(Device *dev)
{
    IOAPIC *s = (IOAPIC *)dev;
    pthread_mutex_lock(&s->lock);
    s->select = 0;
    s->id = 0;
    for (unsigned n = 0; n < PINS; n++)
        s->rte[n] = RTE_RESET;
    pthread_mutex_unlock(&s->lock);
}

static bool ioapic_realize(Device *dev, Error **errp)
{
    IOAPIC *s = (IOAPIC *)dev;
    if (!apic_connect_eoi(ioapic_eoi, s)) {
        error_setg(errp, "ioapic: there are two already");
        return false;
    }
    pthread_mutex_init(&s->lock, NULL);
    memory_region_init_io(&s->region, dev, &ioapic_ops, s, "ioapic", 0x1000);
    device_add_region(dev, &s->region);
    device_init_in(dev, ioapic_input, PINS);
    ioapic_reset(dev);
    return true;
}

static void ioapic_unrealize(Device *dev)
{
    IOAPIC *s = (IOAPIC *)dev;
    apic_disconnect_eoi(s);
    pthread_mutex_destroy(&s->lock);
}

static void ioapic_info(Device *dev, FILE *out)
{
    IOAPIC *s = (IOAPIC *)dev;
    for (unsigned n = 0; n < PINS; n++)
        fprintf(out, "    pin %-2u 0x%016llx dest=%u vec=%u %s%s%s%s\n", n, (unsigned long long)s->rte[n],
                (unsigned)(s->rte[n] >> 56), (unsigned)(s->rte[n] & 0xff),
                s->rte[n] & RTE_LEVEL ? "level" : "edge", s->rte[n] & RTE_MASKED ? " masked" : "",
                s->rte[n] & RTE_REMOTE_IRR ? " remote-irr" : "", s->level >> n & 1 ? " asserted" : "");
}

static const SavedField ioapic_saved[] = {
    SAVED_INT(IOAPIC, select), SAVED_INT(IOAPIC, id), SAVED_INT(IOAPIC, level), SAVED_ARRAY(IOAPIC, rte),
    SAVED_END(),
};

static const DeviceType ioapic_type = {
    .name = "ioapic", .desc = "I/O APIC", .bus = BUS_SYSTEM, .size = sizeof(IOAPIC), .internal = true,
    .saved = ioapic_saved, .realize = ioapic_realize, .unrealize = ioapic_unrealize, .reset = ioapic_reset,
    .info = ioapic_info,
};
device_type(ioapic_type);
