/* SPDX-License-Identifier: MIT */
/* The ISA devices that every PC board has: clock, timers, DMA, floppy and serial ports, keyboard, fw_cfg; what the
 * CMOS tells firmware about them. */
#include "block/block.h"
#include "hw/fdc.h"
#include "hw/isa.h"
#include "hw/mc146818rtc.h"
#include "hw/pc-board.h"
#include <glib.h>

#define IOAPIC_PINS 24
#define HPET_ROUTES 0xff0104 /* I/O APIC pins its timers may use: 2, 8, 16-23 */

static Device *isa_create(const char *type, Error **errp)
{
    Device *dev = device_new(type);
    return device_realize(dev, errp) ? dev : NULL;
}

static void cmos_set(Device *rtc, unsigned addr, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++)
        rtc_set_memory(rtc, addr + i, value >> 8 * i);
}

/* Boot order letters (a floppy, c disk, d CD-ROM, n network) as the BIOS codes them. */
static unsigned boot_code(char letter)
{
    return letter == 'a' ? 1 : letter == 'c' ? 2 : letter == 'd' ? 3 : letter == 'n' ? 4 : 0;
}

void pc_cmos_boot_order(Device *rtc, const char *order)
{
    unsigned codes[3] = { 0 };
    for (unsigned i = 0; i < 3 && order[i]; i++)
        codes[i] = boot_code(order[i]);
    cmos_set(rtc, 0x38, 1, codes[2] << 4 | 1); /* no floppy signature check */
    cmos_set(rtc, 0x3d, 1, codes[1] << 4 | codes[0]);
}

/* Sizes and boot order where the BIOS looks for them. */
static void fill_cmos(const MachineState *m, const PCBoard *b, Device *rtc)
{
    pc_cmos_boot_order(rtc, m->boot_once ? m->boot_once : m->boot_order ? m->boot_order : "cad");
    uint64_t above_1m = b->ram_below > MiB ? b->ram_below - MiB : 0;
    uint64_t above_16m = b->ram_below > 16 * MiB ? b->ram_below - 16 * MiB : 0;
    cmos_set(rtc, 0x14, 1, 0x06); /* FPU, PS/2 mouse */
    cmos_set(rtc, 0x15, 2, 640);
    cmos_set(rtc, 0x17, 2, MIN(above_1m / KiB, 0xffffu));
    cmos_set(rtc, 0x30, 2, MIN(above_1m / KiB, 0xffffu));
    cmos_set(rtc, 0x34, 2, MIN(above_16m / (64 * KiB), 0xffffu));
    cmos_set(rtc, 0x5b, 3, b->ram_above / (64 * KiB));
    cmos_set(rtc, 0x5f, 1, m->cpus - 1);
}

/* HPET sits in front of the PIT and the clock: in legacy replacement mode it takes their interrupts. */
static bool create_hpet(PCBoard *b, Device *pit, Device *rtc, Error **errp)
{
    Device *hpet = device_new("hpet");
    device_set_u32(hpet, "hpet-intcap", HPET_ROUTES);
    if (!device_realize(hpet, errp))
        return false;
    map_region(system_memory, PC_HPET_BASE, hpet, 0);
    for (unsigned n = 0; n < IOAPIC_PINS; n++)
        connect_line(hpet, n, n != 2 ? pc_interrupt(b, n) : device_input(b->ioapic, n));
    connect_irq(rtc, 0, hpet, 1);
    if (pit) {
        connect_irq(pit, 0, hpet, 0);
        connect_irq(hpet, 32, pit, 0);
    }
    return true;
}

bool pc_create_timers(MachineState *m, PCBoard *b, Error **errp)
{
    Device *rtc = NULL, *pit = NULL;
    if (b->cmos) {
        rtc = isa_create("mc146818rtc", errp);
        if (!rtc)
            return false;
        b->rtc = rtc;
        fill_cmos(m, b, rtc);
    }
    if (b->pit) {
        pit = isa_create("isa-pit", errp);
        if (!pit || !isa_create("isa-pcspk", errp))
            return false;
    }
    return !b->hpet || create_hpet(b, pit, rtc, errp);
}

bool pc_create_serial(MachineState *m, unsigned ports, Error **errp)
{
    for (unsigned i = 0; i < ports; i++) {
        if (!m->serial[i])
            continue;
        Device *dev = device_new("isa-serial");
        device_set_u32(dev, "index", i);
        device_set_chardev(dev, "chardev", m->serial[i]);
        if (!device_realize(dev, errp))
            return false;
    }
    return true;
}

/* The controller is there also without a drive, as on the board. CMOS: types at 0x10, how many at 0x14. */
static bool create_floppy(MachineState *m, PCBoard *b, Error **errp)
{
    static const char *const names[2] = { "driveA", "driveB" };
    if (!isa_create("i8257", errp))
        return false;
    Device *dev = device_new("isa-fdc");
    for (int unit = 0; unit < 2; unit++) {
        Drive *d = drive_get(DRIVE_FLOPPY, 0, unit);
        if (!d)
            continue;
        d->used = true;
        device_set_drive(dev, names[unit], d->blk);
    }
    if (!device_realize(dev, errp))
        return false;
    uint8_t types = fdc_cmos_types(dev);
    unsigned drives = (types >> 4 != 0) + ((types & 15) != 0);
    cmos_set(b->rtc, 0x10, 1, types);
    if (drives)
        cmos_set(b->rtc, 0x14, 1, 0x07 | (drives - 1) << 6);
    return true;
}

static bool create_keyboard(PCBoard *b, Error **errp)
{
    Device *dev = b->i8042 ? isa_create("i8042", errp) : NULL;
    if (dev)
        connect_line(dev, 2, a20_line());
    return dev || !b->i8042;
}

bool pc_create_debugcon(MachineState *m, Error **errp)
{
    if (!m->debugcon)
        return true;
    Device *dev = device_new("isa-debugcon");
    device_set_chardev(dev, "chardev", m->debugcon);
    return device_realize(dev, errp);
}

bool pc_create_fw_cfg(PCBoard *b, Error **errp)
{
    b->fw_cfg = isa_create("fw_cfg_io", errp);
    return b->fw_cfg != NULL;
}

bool pc_create_isa_devices(MachineState *m, PCBoard *b, Error **errp)
{
    return pc_create_fw_cfg(b, errp) && pc_create_timers(m, b, errp) && create_floppy(m, b, errp) &&
           pc_create_serial(m, ARRAY_SIZE(m->serial), errp) && a20_new(&b->ram, errp) && create_keyboard(b, errp) &&
           pc_create_debugcon(m, errp);
}
