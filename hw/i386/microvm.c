/* SPDX-License-Identifier: MIT */
/*
 * The "microvm" board: a PC without PCI whose devices sit on virtio-mmio transports, for short-lived guests that know what they run on.
 * Addresses, interrupt numbers and options are those of QEMU's board of this name. With ACPI (the default) the tables list the
 * transports that have a device, and the Generic Event Device powers off and resets; without, the kernel's command line lists them.
 * Not modelled: PCI Express, USB.
 */
#include "hw/i386/microvm.h"
#include "block/block.h"
#include "hw/acpi-ged.h"
#include "target-i386/cpu.h"
#include "util/error.h"
#include "util/options.h"
#include <glib.h>
#include <string.h>

#define LOW_RAM_MAX (3 * GiB)
#define RAM_MIN (2 * MiB)

/* ---- Options ---- */

#define OPTION(n, k, d) { .name = n, .kind = k, .desc = d }
#define SWITCH(n, d) { .name = n, .kind = PK_ENUM, .names = on_off_auto, .desc = d }
static const Property microvm_props[] = {
    SWITCH("acpi", "Enable ACPI"),
    OPTION("auto-kernel-cmdline", PK_BOOL, "Set off to disable adding virtio-mmio devices to the kernel cmdline"),
    OPTION("dump-guest-core", PK_BOOL, "Include guest memory in a core dump"),
    OPTION("graphics", PK_BOOL, "Set on/off to enable/disable graphics emulation"),
    SWITCH("ioapic2", "Enable second IO-APIC"),
    OPTION("isa-serial", PK_BOOL, "Set off to disable the instantiation an ISA serial port"),
    OPTION("kernel-irqchip", PK_STRING, "Accepted for compatibility; interrupt controllers are always emulated"),
    OPTION("mem-merge", PK_BOOL, "Enable/disable memory merge support"),
    SWITCH("pcie", "Enable PCIe"),
    SWITCH("pic", "Enable i8259 PIC"),
    SWITCH("pit", "Enable i8254 PIT"),
    SWITCH("rtc", "Enable MC146818 RTC"),
    SWITCH("smm", "Enable SMM"),
    OPTION("usb", PK_BOOL, "Set on/off to enable/disable usb"),
    OPTION("x-option-roms", PK_BOOL, "Set off to disable loading option ROMs"),
    {},
};

static bool refuse_missing(bool pcie, bool usb, Error **errp)
{
    if (pcie || usb)
        error_setg(errp, "machine option %s: this machine has none", pcie ? "pcie=on" : "usb=on");
    return !pcie && !usb;
}

static bool read_options(MachineState *m, MicrovmBoard *b, Error **errp)
{
    OptGroup *o = m->options;
    bool unused = false, pcie = false, usb = false, smm = false, option_roms = true, ioapic2 = true;
    b->pc.acpi = b->pc.cmos = b->pc.pit = b->pic = b->isa_serial = b->auto_cmdline = true;
    if (o) {
        const struct { const char *key; bool *value, is_auto; } switches[] = {
            { "acpi", &b->pc.acpi, true }, { "ioapic2", &ioapic2, true }, { "pcie", &pcie, true }, { "pic", &b->pic, true },
            { "pit", &b->pc.pit, true }, { "rtc", &b->pc.cmos, true }, { "smm", &smm, true },
            { "auto-kernel-cmdline", &b->auto_cmdline, false }, { "dump-guest-core", &unused, false }, { "graphics", &unused, false },
            { "isa-serial", &b->isa_serial, false }, { "mem-merge", &unused, false }, { "usb", &usb, false },
            { "x-option-roms", &option_roms, false },
        };
        opts_get(o, "kernel-irqchip");
        for (unsigned i = 0; i < ARRAY_SIZE(switches); i++)
            if (!(switches[i].is_auto ? opts_get_on_off_auto : opts_get_bool)(o, switches[i].key, switches[i].value, errp))
                return false;
        const char *valid[ARRAY_SIZE(microvm_props)];
        for (unsigned i = 0; i < ARRAY_SIZE(microvm_props); i++)
            valid[i] = microvm_props[i].name;
        if (!opts_check_unused(o, valid, errp))
            return false;
    }
    if (smm)
        warn_report("machine option smm=on: there is no system management mode, firmware is told so");
    b->pc.no_option_roms = !option_roms;
    b->second_ioapic = b->pc.acpi && ioapic2;
    return refuse_missing(pcie, usb, errp);
}

/* ---- Memory and chips ---- */

/* RAM is whole below 3 GiB and goes on at 4 GiB. */
static bool create_memory(MachineState *m, PCBoard *b, Error **errp)
{
    static MemoryRegion below, above;
    const X86CPU *env = x86_cpu(first_cpu);
    b->ram_below = MIN(m->ram_size, LOW_RAM_MAX);
    b->ram_above = m->ram_size - b->ram_below;
    b->pci_low = (PCIWindow){ LOW_RAM_MAX, PC_ABOVE_4G };
    if (m->ram_size < RAM_MIN) {
        error_setg(errp, "-m: this machine needs at least 2 MiB of memory");
        return false;
    }
    if (b->ram_above && PC_ABOVE_4G + b->ram_above > 1ull << env->phys_bits) {
        error_setg(errp, "-m %llu MiB: the CPU addresses only %u bits of physical memory",
                   (unsigned long long)(m->ram_size / MiB), env->phys_bits);
        return false;
    }
    if (!memory_region_init_ram(&b->ram, NULL, "microvm.ram", m->ram_size, errp))
        return false;
    memory_region_init_alias(&below, NULL, "ram-below-4g", &b->ram, 0, b->ram_below);
    memory_region_add(system_memory, 0, &below);
    if (b->ram_above) {
        memory_region_init_alias(&above, NULL, "ram-above-4g", &b->ram, b->ram_below, b->ram_above);
        memory_region_add(system_memory, PC_ABOVE_4G, &above);
    }
    return true;
}

static bool create_interrupt_controllers(MicrovmBoard *b, Error **errp)
{
    if (!pc_create_ioapic(&b->pc, errp))
        return false;
    if (b->second_ioapic) {
        b->ioapic2 = device_new("ioapic");
        if (!device_realize(b->ioapic2, errp))
            return false;
        map_region(system_memory, MICROVM_IOAPIC2, b->ioapic2, 0);
    }
    pc_create_isa_bus(&b->pc, NULL);
    return !b->pic || pc_create_pic(&b->pc, errp);
}

/* Interrupt n of the whole machine: the second I/O APIC follows the first. */
static IRQLine interrupt(MicrovmBoard *b, unsigned n)
{
    return n < MICROVM_IOAPIC_PINS ? pc_interrupt(&b->pc, n) : device_input(b->ioapic2, (int)(n - MICROVM_IOAPIC_PINS));
}

/* The last comes first: it gets the first device. */
static bool create_transports(MicrovmBoard *b, Error **errp)
{
    b->transports = b->ioapic2 ? MICROVM_TRANSPORTS : MICROVM_FEW_TRANSPORTS;
    b->first_irq = b->ioapic2 ? MICROVM_IOAPIC_PINS : b->pc.acpi ? 16 : 5;
    for (unsigned n = b->transports; n-- > 0;) {
        Device *dev = b->transport[n] = device_new("virtio-mmio");
        device_set_u32(dev, "index", n);
        if (!device_realize(dev, errp))
            return false;
        map_region(system_memory, MICROVM_VIRTIO + n * MICROVM_TRANSPORT_SIZE, dev, 0);
        connect_line(dev, 0, interrupt(b, b->first_irq + n));
    }
    return true;
}

static bool create_event_device(MicrovmBoard *b, Error **errp)
{
    if (!b->pc.acpi)
        return true;
    b->ged = device_new("acpi-ged");
    if (!device_realize(b->ged, errp))
        return false;
    map_region(system_memory, MICROVM_GED, b->ged, 0);
    map_region(system_memory, MICROVM_GED_CONTROL, b->ged, 1);
    connect_line(b->ged, 0, interrupt(b, MICROVM_GED_IRQ));
    return true;
}

static bool create_devices(MachineState *m, MicrovmBoard *b, Error **errp)
{
    return pc_create_fw_cfg(&b->pc, errp) && pc_create_timers(m, &b->pc, errp) && (!b->isa_serial || pc_create_serial(m, 1, errp)) &&
           pc_create_debugcon(m, errp) && create_event_device(b, errp) && create_transports(b, errp);
}

/* ---- The machine ---- */

static bool microvm_init(MachineState *m, Error **errp)
{
    MicrovmBoard *b = g_new0(MicrovmBoard, 1);
    m->board = b;
    if (!read_options(m, b, errp))
        return false;
    b->pc.default_bios = b->pc.acpi ? "bios-microvm.bin" : "qboot.rom";
    b->pc.build_acpi = microvm_build_acpi;
    b->pc.late_acpi = true;
    return pc_create_cpus(m, errp) && create_memory(m, &b->pc, errp) && create_interrupt_controllers(b, errp) && create_devices(m, b, errp) &&
           (m->kernel && !m->bios ? pc_load_kernel(m, errp) : pc_load_firmware(m, errp)) && pc_fill_fw_cfg(m, errp);
}

/* Where the kernel finds its devices: its driver's parameter (Documentation/admin-guide/kernel-parameters.txt). */
static char *describe_transports(const MicrovmBoard *b)
{
    GString *s = g_string_new(NULL);
    for (unsigned n = b->transports; n-- > 0;)
        if (microvm_used(b, n))
            g_string_append_printf(s, " virtio_mmio.device=%u@0x%x:%u", (unsigned)MICROVM_TRANSPORT_SIZE,
                                   MICROVM_VIRTIO + n * MICROVM_TRANSPORT_SIZE, b->first_irq + n);
    return g_string_free(s, FALSE);
}

static void microvm_reset(MachineState *m)
{
    MicrovmBoard *b = m->board;
    if (m->kernel && b->auto_cmdline && !b->pc.acpi) {
        g_free(b->pc.more_cmdline);
        b->pc.more_cmdline = describe_transports(b);
    }
    pc_reset(m);
}

static void microvm_powerdown(MachineState *m)
{
    MicrovmBoard *b = m->board;
    if (b->ged)
        acpi_ged_event(b->ged, ACPI_GED_POWER_BUTTON);
}

static const MachineType microvm_type = {
    .name = "microvm", .desc = "microvm (i386)", .target = "x86", .default_ram = 128 * MiB, .max_cpus = 255, .default_drive = DRIVE_NONE,
    .props = microvm_props, .init = microvm_init, .reset = microvm_reset, .powerdown = microvm_powerdown, .nmi = pc_nmi,
    .set_boot_order = pc_set_boot_order,
};
machine_type(microvm_type);
