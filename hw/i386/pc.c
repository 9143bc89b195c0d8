/* SPDX-License-Identifier: MIT */
/*
 * What boards with PCI and an I/O APIC share: options, vCPUs, memory, interrupt controllers, reset. RAM fills the space below the
 * chipset's hole, the rest follows at 4 GiB. Every ISA interrupt reaches the 8259 pair and the I/O APIC, interrupt 0 as pin 2 there.
 * Not modelled: parallel ports.
 */
#include "hw/apic.h"
#include "hw/fw_cfg.h"
#include "hw/i8259.h"
#include "hw/isa.h"
#include "hw/pc-board.h"
#include "hw/pc-north.h"
#include "hw/vga.h"
#include "target-i386/cpu.h"
#include "util/error.h"
#include "util/options.h"
#include <glib.h>
#include <string.h>

#define RAM_MIN (2 * MiB)

/* ---- Options ---- */

#define OPTION(n, k, d) { .name = n, .kind = k, .desc = d }
const Property pc_props[] = {
    OPTION("acpi", PK_BOOL, "Enable ACPI"),
    OPTION("dump-guest-core", PK_BOOL, "Include guest memory in a core dump"),
    OPTION("graphics", PK_BOOL, "Set on/off to enable/disable graphics emulation"),
    OPTION("hpet", PK_BOOL, "Enable/disable high precision event timer emulation"),
    OPTION("i8042", PK_BOOL, "Enable/disable the keyboard controller"),
    OPTION("kernel-irqchip", PK_STRING, "Accepted for compatibility; interrupt controllers are always emulated"),
    OPTION("max-ram-below-4g", PK_SIZE, "Maximum ram below the 4G boundary (32bit boundary)"),
    OPTION("mem-merge", PK_BOOL, "Enable/disable memory merge support"),
    OPTION("pflash0", PK_STRING, "Node name or ID of backend to use as backing file of the first flash"),
    OPTION("pflash1", PK_STRING, "Node name or ID of backend to use as backing file of the second flash"),
    OPTION("pit", PK_BOOL, "Enable i8254 PIT"),
    OPTION("sata", PK_BOOL, "Enable/disable Serial ATA bus"),
    OPTION("smbus", PK_BOOL, "Enable/disable system management bus"),
    OPTION("smm", PK_BOOL, "Enable SMM"),
    OPTION("usb", PK_BOOL, "Set on/off to enable/disable usb"),
    OPTION("vmport", PK_BOOL, "Enable vmport (pc & q35)"),
    {},
};

/* A switch that also takes "auto", which keeps the default. */
static bool get_switch(OptGroup *o, const char *key, bool *out, Error **errp)
{
    const char *text = opts_get(o, key);
    return !text || !strcmp(text, "auto") || opts_get_bool(o, key, out, errp);
}

static bool read_options(MachineState *m, PCBoard *b, uint64_t *low_max, Error **errp)
{
    static const char *const accepted[] = { "kernel-irqchip", NULL };
    OptGroup *o = m->options;
    bool unused = false, usb = false;
    b->acpi = b->hpet = b->cmos = b->pit = b->i8042 = b->sata = b->smbus = b->smm = true;
    b->graphics = !m->nographic;
    if (!o)
        return true;
    for (unsigned i = 0; accepted[i]; i++)
        opts_get(o, accepted[i]);
    for (unsigned i = 0; i < PC_FLASHES; i++) {
        const char key[] = { 'p', 'f', 'l', 'a', 's', 'h', (char)('0' + i), 0 };
        b->flash_node[i] = opts_get(o, key);
    }
    const struct { const char *key; bool *value; } switches[] = {
        { "acpi", &b->acpi }, { "hpet", &b->hpet }, { "pit", &b->pit }, { "i8042", &b->i8042 }, { "smm", &b->smm },
        { "sata", &b->sata }, { "smbus", &b->smbus },
        { "vmport", &b->vmport }, { "usb", &usb }, { "graphics", &b->graphics }, { "dump-guest-core", &unused },
        { "mem-merge", &unused },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(switches); i++)
        if (!get_switch(o, switches[i].key, switches[i].value, errp))
            return false;
    if (usb)
        warn_report("machine option usb=on: this machine has no USB controller of its own");
    if (!opts_get_size(o, "max-ram-below-4g", low_max, errp))
        return false;
    if (*low_max < MiB || *low_max > 4 * GiB - 64 * MiB) {
        error_setg(errp, "max-ram-below-4g must be between 1 MiB and 4032 MiB");
        return false;
    }
    const char *valid[ARRAY_SIZE(pc_props)];
    for (unsigned i = 0; i < ARRAY_SIZE(pc_props); i++)
        valid[i] = pc_props[i].name;
    return opts_check_unused(o, valid, errp);
}

/* ---- vCPUs ---- */

static unsigned bits_for(unsigned count)
{
    return count > 1 ? 32 - __builtin_clz(count - 1) : 0;
}

/* Initial APIC ID: thread, core, die and socket number, each in the bits its count needs. */
uint32_t pc_apic_id(const MachineState *m, unsigned n)
{
    unsigned thread = n % m->threads, core = n / m->threads % m->cores;
    unsigned die = n / m->threads / m->cores % m->dies, socket = n / m->threads / m->cores / m->dies;
    unsigned core_shift = bits_for(m->threads), die_shift = core_shift + bits_for(m->cores);
    return thread | core << core_shift | die << die_shift | socket << (die_shift + bits_for(m->dies));
}

bool pc_create_cpus(MachineState *m, Error **errp)
{
    const char *model = m->cpu_model ? m->cpu_model : m->type->default_cpu ? m->type->default_cpu : current_target->default_model();
    for (unsigned i = 0; i < m->cpus; i++) {
        CPUState *cpu = current_target->cpu_create(model, errp);
        if (!cpu)
            return false;
        x86_cpu_set_topology(x86_cpu(cpu), pc_apic_id(m, i), m->dies, m->cores, m->threads);
        cpu_register(cpu);
        if (!apic_new(cpu, errp))
            return false;
    }
    memory_region_add_overlap(system_memory, APIC_DEFAULT_BASE, apic_region(), 4096);
    return true;
}

/* ---- Memory ---- */

static bool create_memory(MachineState *m, PCBoard *b, uint64_t low_max, Error **errp)
{
    const PCChipset *c = b->chipset;
    b->ram_below = m->ram_size;
    if (m->ram_size >= low_max)
        b->ram_below = MIN(low_max, low_max == c->low_ram_max ? c->low_ram_split : low_max);
    b->ram_above = m->ram_size - b->ram_below;
    const X86CPU *env = x86_cpu(first_cpu);
    if (m->ram_size < RAM_MIN) {
        error_setg(errp, "-m: this machine needs at least 2 MiB of memory");
        return false;
    }
    b->pci_low = (PCIWindow){ MAX(c->pci_start, b->ram_below > c->pci_start ? c->low_ram_max : 0), PC_IOAPIC_BASE };
    b->pci_high.end = 1ull << MIN(env->phys_bits, 38);
    b->pci_high.start = MIN(MAX(PC_ABOVE_4G + b->ram_above, 16 * GiB), b->pci_high.end);
    if (b->ram_above && PC_ABOVE_4G + b->ram_above > 1ull << env->phys_bits) {
        error_setg(errp, "-m %llu MiB: the CPU addresses only %u bits of physical memory",
                   (unsigned long long)(m->ram_size / MiB), env->phys_bits);
        return false;
    }
    return memory_region_init_ram(&b->ram, NULL, "pc.ram", m->ram_size, errp) && c->north(&b->ram, b->ram_below, b->smm, errp);
}

/* ---- Interrupts ---- */

static void drive_interrupt(PCBoard *b, int n)
{
    int level = (b->isa_level | b->pirq_level) >> n & 1;
    if (n < ISA_IRQS)
        irq_set(&b->pic[n], level);
    if (n != 2 && b->ioapic && b->ioapic->in)
        b->ioapic->in(b->ioapic, n ? n : 2, level);
}

static void isa_interrupt(void *opaque, int n, int level)
{
    PCBoard *b = opaque;
    b->isa_level = (b->isa_level & ~(1u << n)) | (level != 0) << n;
    drive_interrupt(b, n);
}

IRQLine pc_interrupt(PCBoard *b, unsigned n)
{
    return (IRQLine){ isa_interrupt, b, (int)n };
}

/* Outputs of the south bridge: interrupts that ISA knows, and pins of the I/O APIC beyond. */
static void pirq_interrupt(void *opaque, int n, int level)
{
    PCBoard *b = opaque;
    b->pirq_level = (b->pirq_level & ~(1u << n)) | (level != 0) << n;
    drive_interrupt(b, n);
}

static void pic_output(void *opaque, int n, int level)
{
    apic_set_extint(level);
}

static int acknowledge_pic(void *opaque)
{
    return pic_read_irq(opaque);
}

bool pc_create_pic(PCBoard *b, Error **errp)
{
    Device *pic = device_new("isa-i8259");
    if (!device_realize(pic, errp))
        return false;
    for (int n = 0; n < ISA_IRQS; n++)
        b->pic[n] = device_input(pic, n);
    connect_line(pic, 0, (IRQLine){ pic_output, NULL, 0 });
    apic_connect_pic(acknowledge_pic, pic);
    x86_ferr_line = isa_irq(13);
    return true;
}

bool pc_create_ioapic(PCBoard *b, Error **errp)
{
    b->ioapic = device_new("ioapic");
    if (!device_realize(b->ioapic, errp))
        return false;
    map_region(system_memory, PC_IOAPIC_BASE, b->ioapic, 0);
    return true;
}

void pc_create_isa_bus(PCBoard *b, Device *bridge)
{
    IRQLine irqs[ISA_IRQS];
    for (int n = 0; n < ISA_IRQS; n++)
        irqs[n] = pc_interrupt(b, (unsigned)n);
    isa_bus_new(bridge, system_io, irqs);
    isa_bus->memory = pci_root_bus ? pc_pci_memory() : system_memory;
}

static bool create_interrupt_controllers(PCBoard *b, Error **errp)
{
    if (!pc_create_ioapic(b, errp))
        return false;
    b->south = b->chipset->south(b->smm, errp);
    if (!b->south)
        return false;
    for (unsigned n = 0; n < b->south->nout; n++)
        connect_line(b->south, n, (IRQLine){ pirq_interrupt, b, (int)n });
    pc_create_isa_bus(b, b->south);
    return pc_create_pic(b, errp);
}

bool pc_create_vga(const MachineState *m, const char *type, Error **errp)
{
    return !strcmp(m->vga ? m->vga : "none", "none") || device_realize(device_new(type), errp);
}

/* ---- The machine ---- */

bool pc_init(MachineState *m, const PCChipset *chipset, Error **errp)
{
    PCBoard *b = g_new0(PCBoard, 1);
    uint64_t low_max = chipset->low_ram_max;
    m->board = b;
    b->chipset = chipset;
    b->default_bios = "bios-256k.bin";
    b->build_acpi = pc_build_acpi;
    if (!read_options(m, b, &low_max, errp) || !pc_create_cpus(m, errp) || !create_memory(m, b, low_max, errp) ||
        !create_interrupt_controllers(b, errp) || !pc_create_isa_devices(m, b, errp) || !pc_create_vga(m, "VGA", errp) ||
        !chipset->functions(b, errp))
        return false;
    bool direct = m->kernel && !m->bios && !pc_has_flash(b);
    return (direct ? pc_load_kernel(m, errp) : pc_load_firmware(m, errp)) && pc_fill_fw_cfg(m, errp);
}

/* One reset line: every time-stamp counter starts from the same instant. */
static void synchronize_tscs(void)
{
    CPU_FOREACH(cpu)
        x86_cpu(cpu)->tsc_offset = x86_cpu(first_cpu)->tsc_offset;
}

void pc_reset(MachineState *m)
{
    PCBoard *b = m->board;
    synchronize_tscs();
    if (b->rtc && b->started && m->boot_once)
        pc_cmos_boot_order(b->rtc, m->boot_order ? m->boot_order : "cad");
    b->started = true;
    b->tables_read = false;
    pc_update_boot_order(m);
    pc_update_fw_cfg(m);
    if (b->direct_boot)
        pc_start_kernel(m);
    else
        roms_write();
    /* Firmware then talks to the first serial port. */
    fw_cfg_add_i16(b->fw_cfg, FW_CFG_NOGRAPHIC, !b->graphics || !vga_present());
}

void pc_powerdown(MachineState *m)
{
    PCBoard *b = m->board;
    b->chipset->power_button(b);
}

void pc_set_boot_order(MachineState *m, const char *order)
{
    const PCBoard *b = m->board;
    if (b->rtc)
        pc_cmos_boot_order(b->rtc, order);
}

void pc_nmi(MachineState *m)
{
    apic_nmi();
}
