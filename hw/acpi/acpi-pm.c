/* SPDX-License-Identifier: MIT */
/*
 * ACPI power management registers, see hw/acpi-pm.h. S5 (SLP_TYP 0) ends the machine. Not modelled: S3, the global lock.
 */
#include "hw/acpi-pm.h"
#include "hw/boards.h"
#include "hw/pc.h"
#include "util/log.h"
#include <string.h>

#define PM_TIMER_HZ 3579545
#define PM_TIMER_HALF (1 << 23) /* TMR_STS is set when bit 23 changes */

enum { /* PM1_STS and PM1_EN */
    PM1_TIMER = 1 << 0, PM1_GLOBAL = 1 << 5, PM1_POWER_BUTTON = 1 << 8, PM1_RTC = 1 << 10, PM1_WAKE = 1 << 15,
    PM1_EVENTS = PM1_TIMER | PM1_GLOBAL | PM1_POWER_BUTTON | PM1_RTC,
};
enum { PM1_SCI_ENABLE = 1, PM1_CONTROL_BITS = 0x1c07, PM1_SLEEP = 1 << 13 };
enum { SLEEP_S5 = 0 };
/* ---- PM timer ---- */

static int64_t pm_ticks(void)
{
    return (__int128)clock_ns(CLOCK_VIRTUAL) * PM_TIMER_HZ / NS_PER_SEC;
}

static int64_t ticks_to_ns(int64_t ticks)
{
    return (__int128)ticks * NS_PER_SEC / PM_TIMER_HZ + 1;
}

static uint64_t timer_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)opaque;
    (void)offset;
    (void)size;
    return pm_ticks() & 0xffffff;
}

static void ignore_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)opaque;
    (void)offset;
    (void)value;
    (void)size;
}

static const MemoryRegionOps timer_ops = {
    .read = timer_read, .write = ignore_write, .impl_min = 4, .impl_max = 4, .lockless = true,
};

/* ---- PM1 and the SCI ---- */

static void update_timer_status(ACPIPM *s)
{
    if (pm_ticks() >= s->overflow)
        s->pm1_status |= PM1_TIMER;
}

static void pm_update(ACPIPM *s)
{
    bool sci = (s->pm1_status & s->pm1_enable & PM1_EVENTS) || (s->gpe_status & s->gpe_enable);
    irq_set(s->sci, sci);
    if ((s->pm1_enable & PM1_TIMER) && !(s->pm1_status & PM1_TIMER))
        timer_mod(s->overflow_timer, ticks_to_ns(s->overflow));
    else
        timer_del(s->overflow_timer);
}

static void overflow_expired(void *opaque)
{
    ACPIPM *s = opaque;
    update_timer_status(s);
    pm_update(s);
}

/* Clears status bits; a cleared TMR_STS is set again at the next change of bit 23. */
static void clear_status(ACPIPM *s, uint16_t bits)
{
    update_timer_status(s);
    if (bits & s->pm1_status & PM1_TIMER)
        s->overflow = (pm_ticks() / PM_TIMER_HALF + 1) * PM_TIMER_HALF;
    s->pm1_status &= ~bits;
}

static uint64_t event_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    ACPIPM *s = opaque;
    update_timer_status(s);
    uint32_t both = s->pm1_status | (uint32_t)s->pm1_enable << 16;
    return both >> offset * 8 & 0xff;
}

static void event_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)size;
    ACPIPM *s = opaque;
    unsigned shift = (offset & 1) * 8;
    if (offset < 2)
        clear_status(s, value << shift);
    else
        s->pm1_enable = ((s->pm1_enable & ~(0xff << shift)) | value << shift) & PM1_EVENTS;
    pm_update(s);
}

static void sleep_enter(ACPIPM *s)
{
    unsigned type = s->pm1_control >> 10 & 7;
    if (type == SLEEP_S5)
        system_shutdown_request(SHUTDOWN_GUEST);
    else
        guest_error("%s: sleep type %u does not exist\n", s->name, type);
}

static uint64_t control_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return ((ACPIPM *)opaque)->pm1_control >> offset * 8 & 0xff;
}

static void control_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)size;
    ACPIPM *s = opaque;
    unsigned shift = offset * 8;
    uint16_t bits = value << shift;
    s->pm1_control = ((s->pm1_control & ~(0xff << shift)) | bits) & PM1_CONTROL_BITS;
    if (bits & PM1_SLEEP)
        sleep_enter(s);
}

static const MemoryRegionOps event_ops = { .read = event_read, .write = event_write, .impl_min = 1, .impl_max = 1 };
static const MemoryRegionOps control_ops = {
    .read = control_read, .write = control_write, .impl_min = 1, .impl_max = 1,
};

void acpi_pm_power_button(ACPIPM *s)
{
    s->pm1_status |= PM1_POWER_BUTTON;
    pm_update(s);
}

/* ---- General purpose events: status bits, then as many enable bits ---- */

static uint64_t gpe_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    ACPIPM *s = opaque;
    uint64_t half = offset < s->gpe_bytes ? s->gpe_status : s->gpe_enable;
    return half >> offset % s->gpe_bytes * 8 & 0xff;
}

static void gpe_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)size;
    ACPIPM *s = opaque;
    unsigned shift = offset % s->gpe_bytes * 8;
    if (offset < s->gpe_bytes)
        s->gpe_status &= ~(value << shift);
    else
        s->gpe_enable = (s->gpe_enable & ~(0xffull << shift)) | value << shift;
    pm_update(s);
}

static const MemoryRegionOps gpe_ops = { .read = gpe_read, .write = gpe_write, .impl_min = 1, .impl_max = 1 };

/* ---- SMI command port ---- */

static uint64_t apm_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return ((ACPIPM *)opaque)->apm_regs[offset];
}

/* What firmware's SMI handler would do on the ACPI commands happens here, without an SMI. */
static void apm_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)size;
    ACPIPM *s = opaque;
    s->apm_regs[offset] = value;
    if (offset != 0)
        return;
    if (value == s->enable_command)
        s->pm1_control |= PM1_SCI_ENABLE;
    else if (value == s->disable_command)
        s->pm1_control &= ~PM1_SCI_ENABLE;
    else if (s->apm_written)
        s->apm_written(s->opaque, (uint8_t)value);
}

static const MemoryRegionOps apm_ops = { .read = apm_read, .write = apm_write, .impl_min = 1, .impl_max = 1 };

/* ---- Life ---- */

void acpi_pm_init(ACPIPM *s, Device *dev)
{
    const struct { MemoryRegion *mr; const MemoryRegionOps *ops; const char *name; uint64_t size; } blocks[] = {
        { &s->event, &event_ops, "acpi-evt", 4 },
        { &s->control, &control_ops, "acpi-cnt", 2 },
        { &s->timer, &timer_ops, "acpi-tmr", 4 },
        { &s->gpe0, &gpe_ops, "acpi-gpe0", 2 * s->gpe_bytes },
        { &s->apm, &apm_ops, "apm-io", 2 },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(blocks); i++) {
        memory_region_init_io(blocks[i].mr, dev, blocks[i].ops, s, blocks[i].name, blocks[i].size);
        device_add_region(dev, blocks[i].mr);
    }
    memory_region_add(system_io, PC_SMI_PORT, &s->apm);
    s->overflow_timer = timer_new(CLOCK_VIRTUAL, overflow_expired, s);
}

void acpi_pm_exit(ACPIPM *s)
{
    timer_free(s->overflow_timer);
}

void acpi_pm_reset(ACPIPM *s)
{
    s->pm1_status = s->pm1_enable = s->pm1_control = 0;
    s->gpe_status = s->gpe_enable = 0;
    s->overflow = (pm_ticks() / PM_TIMER_HALF + 1) * PM_TIMER_HALF;
    memset(s->apm_regs, 0, sizeof(s->apm_regs));
    pm_update(s);
}

void acpi_pm_loaded(ACPIPM *s)
{
    int64_t now = pm_ticks();
    if (s->overflow > now + 2 * PM_TIMER_HALF || s->overflow < 0)
        s->overflow = (now / PM_TIMER_HALF + 1) * PM_TIMER_HALF;
    pm_update(s);
}

const SavedField acpi_pm_saved[] = {
    SAVED_INT(ACPIPM, pm1_status), SAVED_INT(ACPIPM, pm1_enable), SAVED_INT(ACPIPM, pm1_control),
    SAVED_INT(ACPIPM, overflow), SAVED_INT(ACPIPM, gpe_status), SAVED_INT(ACPIPM, gpe_enable),
    SAVED_BYTES(ACPIPM, apm_regs), SAVED_END(),
};
