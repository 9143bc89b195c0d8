/* SPDX-License-Identifier: MIT */
/*
 * Power management and watchdog of the BCM2835 (registers as Linux drivers/watchdog/bcm2835_wdt.c names them). Region 0 (512
 * bytes). A full reset that names partition 63 halts the board: the machine shuts down. Not modelled: power domains.
 */
#include "hw/boards.h"
#include "hw/countdown.h"

enum { R_RSTC = 0x1c, R_RSTS = 0x20, R_WDOG = 0x24, REGION = 0x200 };
enum { PASSWORD = 0x5a, RSTC_RESET_VALUE = 0x102, RSTC_MODE = 0x30, RSTC_FULL_RESET = 0x20, RSTS_HALT = 0x555, WDOG_TICKS = 0xfffff };
#define WDOG_HZ 65536 /* 16 us */

typedef struct BCMPM {
    Device dev;
    MemoryRegion io;
    uint32_t reg[REGION / 4];
    Countdown watchdog;
} BCMPM;

static void fire(void *opaque)
{
    BCMPM *s = opaque;
    if ((s->reg[R_RSTC / 4] & RSTC_MODE) != RSTC_FULL_RESET)
        return;
    if ((s->reg[R_RSTS / 4] & RSTS_HALT) == RSTS_HALT)
        system_shutdown_request(SHUTDOWN_GUEST);
    else
        system_reset_request(SHUTDOWN_GUEST);
}

static uint64_t pm_read(void *opaque, hwaddr offset, unsigned size)
{
    const BCMPM *s = opaque;
    (void)size;
    return offset == R_WDOG ? countdown_value(&s->watchdog) : s->reg[offset / 4];
}

static void pm_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    BCMPM *s = opaque;
    (void)size;
    if (value >> 24 != PASSWORD)
        return;
    s->reg[offset / 4] = value & 0xffffff;
    if (offset != R_RSTC && offset != R_WDOG)
        return;
    if ((s->reg[R_RSTC / 4] & RSTC_MODE) == RSTC_FULL_RESET) {
        countdown_set_value(&s->watchdog, s->reg[R_WDOG / 4] & WDOG_TICKS);
        countdown_run(&s->watchdog, false);
    } else {
        countdown_stop(&s->watchdog);
    }
}

static const MemoryRegionOps pm_ops = { .read = pm_read, .write = pm_write, .impl_min = 4, .impl_max = 4 };

static void pm_reset(Device *dev)
{
    BCMPM *s = (BCMPM *)dev;
    for (unsigned i = 0; i < ARRAY_SIZE(s->reg); i++)
        s->reg[i] = 0;
    s->reg[R_RSTC / 4] = RSTC_RESET_VALUE;
    s->reg[R_RSTS / 4] = 0x1000;
    countdown_reset(&s->watchdog);
    countdown_set_hz(&s->watchdog, WDOG_HZ);
}

static bool pm_realize(Device *dev, Error **errp)
{
    BCMPM *s = (BCMPM *)dev;
    (void)errp;
    memory_region_init_io(&s->io, dev, &pm_ops, s, "bcm2835-powermgt", REGION);
    device_add_region(dev, &s->io);
    countdown_init(&s->watchdog, fire, s);
    pm_reset(dev);
    return true;
}

static void pm_unrealize(Device *dev)
{
    countdown_exit(&((BCMPM *)dev)->watchdog);
}

static void pm_post_load(Device *dev)
{
    countdown_post_load(&((BCMPM *)dev)->watchdog);
}

static const SavedField pm_saved[] = {
    SAVED_ARRAY(BCMPM, reg), SAVED_STRUCT(BCMPM, watchdog, countdown_saved), SAVED_END(),
};
static const DeviceType pm_type = {
    .name = "bcm2835-powermgt", .desc = "BCM2835 power management and watchdog", .bus = BUS_SYSTEM,
    .category = "Misc devices", .internal = true, .size = sizeof(BCMPM), .saved = pm_saved, .realize = pm_realize,
    .unrealize = pm_unrealize, .reset = pm_reset, .post_load = pm_post_load,
};
device_type(pm_type)
