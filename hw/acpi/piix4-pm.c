/* SPDX-License-Identifier: MIT */
/*
 * PIIX4 power management function 01.3 (Intel 82371AB datasheet, order 290562; ACPI 6.4 ch. 4.8): PM1
 * event and control, PM timer, GPE0, the SMI command port, SMBus host.
 *
 * Interface: output 0 = SCI. PM registers appear where PMBA (0x40) says once PMREGMISC (0x80) enables
 * them; GPE0 is fixed at 0xafe0, the SMI command at 0xb2. S5 (SLP_TYP 0) ends the machine.
 * Not modelled: S3, device activity monitors, SMBus slaves (every transfer ends with "no such device").
 */
#include "cpu.h"
#include "hw/pc.h"
#include "util/error.h"
#include "util/log.h"
#include "util/timer.h"
#include <string.h>

#define PM_TIMER_HZ 3579545
#define PM_TIMER_HALF (1 << 23) /* TMR_STS is set when bit 23 changes */

enum { REG_PMBA = 0x40, REG_DEVACTB = 0x58, REG_PMREGMISC = 0x80, REG_SMBBA = 0x90, REG_SMBHSTCFG = 0xd2 };
enum { APMC_SMI = 1 << 25 }; /* in DEVACTB */
enum { /* PM1_STS and PM1_EN */
    PM1_TIMER = 1 << 0, PM1_GLOBAL = 1 << 5, PM1_POWER_BUTTON = 1 << 8, PM1_RTC = 1 << 10, PM1_WAKE = 1 << 15,
    PM1_EVENTS = PM1_TIMER | PM1_GLOBAL | PM1_POWER_BUTTON | PM1_RTC,
};
enum { PM1_SCI_ENABLE = 1, PM1_CONTROL_BITS = 0x1c07, PM1_SLEEP = 1 << 13 };
enum { SLEEP_S5 = 0 };
enum { SMB_STATUS, SMB_CONTROL = 2, SMB_COMMAND, SMB_ADDRESS, SMB_DATA0, SMB_DATA1, SMB_BLOCK, SMB_REGS };
enum { SMB_INTERRUPT = 2, SMB_DEVICE_ERROR = 4, SMB_CLEARABLE = 0x1e, SMB_START = 0x40 };

typedef struct PIIX4PM {
    PCIDevice pci;
    MemoryRegion pm, event, control, timer, gpe0, apm, smbus;
    Timer *overflow_timer;
    bool smm;
    uint16_t pm1_status, pm1_enable, pm1_control;
    int64_t overflow;        /* PM timer count (64 bits) at which TMR_STS is next set */
    uint16_t gpe_status, gpe_enable;
    uint8_t apm_regs[2];
    uint8_t smb[SMB_REGS];
} PIIX4PM;

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

static void update_timer_status(PIIX4PM *s)
{
    if (pm_ticks() >= s->overflow)
        s->pm1_status |= PM1_TIMER;
}

static void pm_update(PIIX4PM *s)
{
    bool sci = (s->pm1_status & s->pm1_enable & PM1_EVENTS) || (s->gpe_status & s->gpe_enable);
    irq_set(&s->pci.dev.out[0], sci);
    if ((s->pm1_enable & PM1_TIMER) && !(s->pm1_status & PM1_TIMER))
        timer_mod(s->overflow_timer, ticks_to_ns(s->overflow));
    else
        timer_del(s->overflow_timer);
}

static void overflow_expired(void *opaque)
{
    PIIX4PM *s = opaque;
    update_timer_status(s);
    pm_update(s);
}

/* Clears status bits; a cleared TMR_STS is set again at the next change of bit 23. */
static void clear_status(PIIX4PM *s, uint16_t bits)
{
    update_timer_status(s);
    if (bits & s->pm1_status & PM1_TIMER)
        s->overflow = (pm_ticks() / PM_TIMER_HALF + 1) * PM_TIMER_HALF;
    s->pm1_status &= ~bits;
}

static uint64_t event_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    PIIX4PM *s = opaque;
    update_timer_status(s);
    uint32_t both = s->pm1_status | (uint32_t)s->pm1_enable << 16;
    return both >> offset * 8 & 0xff;
}

static void event_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)size;
    PIIX4PM *s = opaque;
    unsigned shift = (offset & 1) * 8;
    if (offset < 2)
        clear_status(s, value << shift);
    else
        s->pm1_enable = ((s->pm1_enable & ~(0xff << shift)) | value << shift) & PM1_EVENTS;
    pm_update(s);
}

static void sleep_enter(PIIX4PM *s)
{
    unsigned type = s->pm1_control >> 10 & 7;
    if (type == SLEEP_S5)
        system_shutdown_request(SHUTDOWN_GUEST);
    else
        guest_error("piix4-pm: sleep type %u does not exist\n", type);
}

static uint64_t control_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return ((PIIX4PM *)opaque)->pm1_control >> offset * 8 & 0xff;
}

static void control_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)size;
    PIIX4PM *s = opaque;
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

void piix4_pm_power_button(Device *dev)
{
    PIIX4PM *s = (PIIX4PM *)dev;
    s->pm1_status |= PM1_POWER_BUTTON;
    pm_update(s);
}

/* ---- General purpose events: 16 status bits, then 16 enable bits ---- */

static uint64_t gpe_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    PIIX4PM *s = opaque;
    return (s->gpe_status | (uint32_t)s->gpe_enable << 16) >> offset * 8 & 0xff;
}

static void gpe_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)size;
    PIIX4PM *s = opaque;
    unsigned shift = (offset & 1) * 8;
    if (offset < 2)
        s->gpe_status &= ~(value << shift);
    else
        s->gpe_enable = (s->gpe_enable & ~(0xff << shift)) | value << shift;
    pm_update(s);
}

static const MemoryRegionOps gpe_ops = { .read = gpe_read, .write = gpe_write, .impl_min = 1, .impl_max = 1 };

/* ---- SMI command port ---- */

static uint64_t apm_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    return ((PIIX4PM *)opaque)->apm_regs[offset];
}

/* What firmware's SMI handler would do on the ACPI commands happens here. */
static void apm_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)size;
    PIIX4PM *s = opaque;
    s->apm_regs[offset] = value;
    if (offset != 0)
        return;
    if (value == PC_SMI_ACPI_ENABLE)
        s->pm1_control |= PM1_SCI_ENABLE;
    else if (value == PC_SMI_ACPI_DISABLE)
        s->pm1_control &= ~PM1_SCI_ENABLE;
    uint32_t devactb = s->pci.config[REG_DEVACTB + 3] << 24;
    if (s->smm && (devactb & APMC_SMI) && first_cpu)
        cpu_interrupt(current_cpu ? current_cpu : first_cpu, CPU_INTERRUPT_SMI);
}

static const MemoryRegionOps apm_ops = { .read = apm_read, .write = apm_write, .impl_min = 1, .impl_max = 1 };

/* ---- SMBus host: a bus without slaves ---- */

static uint64_t smbus_read(void *opaque, hwaddr offset, unsigned size)
{
    (void)size;
    PIIX4PM *s = opaque;
    return offset < SMB_REGS ? s->smb[offset] : 0;
}

static void smbus_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    (void)size;
    PIIX4PM *s = opaque;
    if (offset >= SMB_REGS)
        return;
    if (offset == SMB_STATUS) {
        s->smb[SMB_STATUS] &= ~(value & SMB_CLEARABLE);
        return;
    }
    s->smb[offset] = value;
    if (offset == SMB_CONTROL && (value & SMB_START)) {
        s->smb[SMB_CONTROL] &= ~SMB_START;
        s->smb[SMB_STATUS] |= SMB_DEVICE_ERROR;
    }
}

static const MemoryRegionOps smbus_ops = { .read = smbus_read, .write = smbus_write, .impl_min = 1, .impl_max = 1 };

/* ---- The function ---- */

static void map_block(PIIX4PM *s, MemoryRegion *mr, unsigned base_reg, bool enabled)
{
    uint16_t base = (s->pci.config[base_reg] | s->pci.config[base_reg + 1] << 8) & 0xffc0;
    memory_region_set_enabled(mr, false);
    memory_region_set_address(mr, base);
    memory_region_set_enabled(mr, enabled);
}

static void update_mapping(PIIX4PM *s)
{
    memory_transaction_begin();
    map_block(s, &s->pm, REG_PMBA, s->pci.config[REG_PMREGMISC] & 1);
    map_block(s, &s->smbus, REG_SMBBA, s->pci.config[REG_SMBHSTCFG] & 1);
    memory_transaction_commit();
}

static void pm_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    (void)value;
    (void)size;
    if (addr >= REG_PMBA)
        update_mapping((PIIX4PM *)pci);
}

static void pm_reset(Device *dev)
{
    PIIX4PM *s = (PIIX4PM *)dev;
    uint8_t *config = s->pci.config;
    memset(config + REG_PMBA, 0, 0x100 - REG_PMBA);
    config[REG_PMBA] = config[REG_SMBBA] = 1;
    if (!s->smm) /* tells firmware that its SMI handler is in place */
        config[REG_DEVACTB + 3] = APMC_SMI >> 24;
    s->pm1_status = s->pm1_enable = s->pm1_control = 0;
    s->gpe_status = s->gpe_enable = 0;
    s->overflow = (pm_ticks() / PM_TIMER_HALF + 1) * PM_TIMER_HALF;
    memset(s->apm_regs, 0, sizeof(s->apm_regs));
    memset(s->smb, 0, sizeof(s->smb));
    update_mapping(s);
    pm_update(s);
}

static void pm_post_load(Device *dev)
{
    PIIX4PM *s = (PIIX4PM *)dev;
    int64_t now = pm_ticks();
    if (s->overflow > now + 2 * PM_TIMER_HALF || s->overflow < 0)
        s->overflow = (now / PM_TIMER_HALF + 1) * PM_TIMER_HALF;
    update_mapping(s);
    pm_update(s);
}

static void init_block(PIIX4PM *s, MemoryRegion *mr, const MemoryRegionOps *ops, const char *name, uint64_t size,
                       MemoryRegion *parent, hwaddr at)
{
    memory_region_init_io(mr, &s->pci.dev, ops, s, name, size);
    memory_region_add(parent, at, mr);
    device_add_region(&s->pci.dev, mr);
}

static bool pm_realize(Device *dev, Error **errp)
{
    (void)errp;
    PIIX4PM *s = (PIIX4PM *)dev;
    memory_region_init(&s->pm, dev, "piix4-pm", 64);
    s->pm.enabled = false;
    memory_region_add(system_io, 0, &s->pm);
    init_block(s, &s->event, &event_ops, "acpi-evt", 4, &s->pm, 0);
    init_block(s, &s->control, &control_ops, "acpi-cnt", 2, &s->pm, 4);
    init_block(s, &s->timer, &timer_ops, "acpi-tmr", 4, &s->pm, 8);
    device_add_region(dev, &s->pm);
    init_block(s, &s->gpe0, &gpe_ops, "acpi-gpe0", 4, system_io, PC_GPE0_BASE);
    init_block(s, &s->apm, &apm_ops, "apm-io", 2, system_io, PC_SMI_PORT);
    init_block(s, &s->smbus, &smbus_ops, "pm-smbus", 64, system_io, 0);
    memory_region_set_enabled(&s->smbus, false);
    device_init_out(dev, 1);
    s->overflow_timer = timer_new(CLOCK_VIRTUAL, overflow_expired, s);
    memset(s->pci.writable + REG_PMBA, 0xff, 0x100 - REG_PMBA);
    memcpy(s->pci.writable + REG_PMBA, "\xc0\xff\0\0", 4);
    memcpy(s->pci.writable + REG_SMBBA, "\xc0\xff\0\0", 4);
    s->pci.config_write = pm_config_write;
    return true;
}

static void pm_unrealize(Device *dev)
{
    timer_free(((PIIX4PM *)dev)->overflow_timer);
}

static const SavedField pm_saved[] = {
    SAVED_INT(PIIX4PM, pm1_status), SAVED_INT(PIIX4PM, pm1_enable), SAVED_INT(PIIX4PM, pm1_control),
    SAVED_INT(PIIX4PM, overflow), SAVED_INT(PIIX4PM, gpe_status), SAVED_INT(PIIX4PM, gpe_enable),
    SAVED_BYTES(PIIX4PM, apm_regs), SAVED_BYTES(PIIX4PM, smb), SAVED_END(),
};
static const PCIClass pm_class = {
    .vendor = 0x8086, .device = 0x7113, .subsystem_vendor = 0x1af4, .subsystem = 0x1100, .revision = 3,
    .class_code = 0x068000, .interrupt_pin = 1,
};
static const DeviceType pm_type = {
    .name = "PIIX4_PM", .desc = "PM", .bus = BUS_PCI, .category = "Bridge devices", .size = sizeof(PIIX4PM),
    .internal = true, .class_data = &pm_class, .saved = pm_saved, .realize = pm_realize, .unrealize = pm_unrealize,
    .reset = pm_reset, .post_load = pm_post_load,
};
device_type(pm_type);

Device *piix4_pm_new(bool smm, Error **errp)
{
    Device *dev = device_new("PIIX4_PM");
    ((PIIX4PM *)dev)->smm = smm;
    device_set_str(dev, "addr", "1.3");
    return device_realize(dev, errp) ? dev : NULL;
}
