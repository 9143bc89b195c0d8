/* SPDX-License-Identifier: MIT */
/* ACPI and SMBIOS tables of the pc board, and their places when there is no firmware to choose them. */
#include "hw/pc-board.h"
#include "target-i386/cpu.h"
#include "util/error.h"
#include <glib.h>
#include <string.h>

/* In the BIOS area, which kernels search on 16-byte boundaries. */
enum { RSDP_AT = 0xf0100, SMBIOS21_AT = 0xf0140, SMBIOS30_AT = 0xf0160, SMBIOS_TABLES_AT = 0xf0200 };
enum { NO_IDT_AT = 0xf0130, RESET_VECTOR = 0xffff0 };
enum { LATE_TABLES_ROOM = 32 * KiB };

/* PCI memory below 4 GiB: all that is not RAM, without the flat configuration window. Without firmware the board chose. */
static void find_holes(const PCBoard *b, ACPIConfig *c)
{
    c->hole[0].start = b->pci_low.start;
    c->hole[0].end = b->pci_low.end;
    if (b->direct_boot || !c->chipset.q35)
        return;
    c->hole[0].start = (b->ram_below + MiB - 1) & ~(MiB - 1);
    if (c->ecam_size && c->ecam_base >= c->hole[0].start && c->ecam_base + c->ecam_size <= c->hole[0].end) {
        c->hole[1].start = c->ecam_base + c->ecam_size;
        c->hole[1].end = c->hole[0].end;
        c->hole[0].end = c->ecam_base;
    }
}

ACPITables *pc_build_acpi(const MachineState *m)
{
    const PCBoard *b = m->board;
    g_autofree uint32_t *ids = g_new(uint32_t, m->cpus);
    for (unsigned i = 0; i < m->cpus; i++)
        ids[i] = pc_apic_id(m, i);
    ACPIConfig c = {
        .apic_ids = ids, .cpus = m->cpus, .hpet = b->hpet, .i8042 = b->i8042,
        .high_start = b->pci_high.start, .high_end = b->pci_high.end, .chipset = b->chipset->acpi,
    };
    c.ecam_base = q35_ecam(&c.ecam_size);
    if (c.chipset.q35 && b->direct_boot) {
        c.ecam_base = Q35_ECAM_BASE;
        c.ecam_size = Q35_ECAM_SIZE;
    }
    find_holes(b, &c);
    for (unsigned i = 0; i < ARRAY_SIZE(m->serial); i++)
        c.serial_ports |= (m->serial[i] != NULL) << i;
    return acpi_build(&c);
}

SMBIOSTables *pc_build_smbios(const MachineState *m, uint32_t address)
{
    const PCBoard *b = m->board;
    X86CPU *env = x86_cpu(first_cpu);
    E820Table ram = { .count = 0 };
    e820_add(&ram, 0, b->ram_below, E820_RAM);
    e820_add(&ram, PC_ABOVE_4G, b->ram_above, E820_RAM);
    SMBIOSConfig c = {
        .product = m->type->desc, .version = m->type->name, .cpu_name = env->cpuid_model_name,
        .sockets = m->sockets, .cores = m->cores * m->dies, .threads = m->threads,
        .cpu_signature = env->cpuid_version, .cpu_features = env->features[FW_1_EDX],
        .ram_size = m->ram_size, .ram = &ram,
    };
    memcpy(c.uuid, m->uuid, sizeof(c.uuid));
    return smbios_build(&c, address);
}

static void place_smbios(const MachineState *m)
{
    SMBIOSTables *t = pc_build_smbios(m, SMBIOS_TABLES_AT);
    if (t->tables->len <= MiB - SMBIOS_TABLES_AT) {
        rom_add_copy("smbios/tables", SMBIOS_TABLES_AT, t->tables->data, t->tables->len);
        rom_add_copy("smbios/entry", SMBIOS21_AT, t->entry21, sizeof(t->entry21));
        rom_add_copy("smbios/entry3", SMBIOS30_AT, t->entry30, sizeof(t->entry30));
    }
    smbios_free(t);
}

/* Where the BIOS restarts the machine, to which some kernels jump: a breakpoint without an interrupt table shuts the processor down. */
static void place_reset_vector(void)
{
    static const uint8_t no_idt[6] = { 0 }, code[] = {
        0xb8, 0x00, 0xf0,                           /* mov $0xf000, %ax */
        0x8e, 0xd8,                                 /* mov %ax, %ds */
        0x0f, 0x01, 0x1e, NO_IDT_AT & 0xff, NO_IDT_AT >> 8 & 0xff, /* lidt */
        0xcc,                                       /* int3 */
    };
    rom_add_copy("bios/no-idt", NO_IDT_AT, no_idt, sizeof(no_idt));
    rom_add_copy("bios/reset", RESET_VECTOR, code, sizeof(code));
}

uint64_t pc_place_tables(const MachineState *m, uint64_t *rsdp)
{
    PCBoard *b = m->board;
    place_reset_vector();
    place_smbios(m);
    if (!b->acpi)
        return b->ram_below;
    *rsdp = RSDP_AT;
    if (b->late_acpi) {
        b->tables_at = (b->ram_below - LATE_TABLES_ROOM) & ~0xfffull;
        return b->tables_at;
    }
    ACPITables *t = b->build_acpi(m);
    uint64_t at = (b->ram_below - t->blob->len) & ~0xfffull;
    acpi_place(t, at);
    rom_add_copy("acpi/tables", at, t->blob->data, t->blob->len);
    rom_add_copy("acpi/rsdp", RSDP_AT, t->rsdp->data, t->rsdp->len);
    acpi_free(t);
    return at;
}

void pc_write_late_tables(const MachineState *m)
{
    const PCBoard *b = m->board;
    ACPITables *t = b->build_acpi(m);
    acpi_place(t, b->tables_at);
    if (t->blob->len <= LATE_TABLES_ROOM) {
        address_space_write(address_space_memory, b->tables_at, t->blob->data, t->blob->len);
        address_space_write(address_space_memory, RSDP_AT, t->rsdp->data, t->rsdp->len);
    } else {
        warn_report("ACPI tables of %u bytes do not fit: the guest gets none", t->blob->len);
    }
    acpi_free(t);
}
