/* SPDX-License-Identifier: MIT */
/*
 * What every M-profile board starts with: a vCPU and its NVIC on the private peripheral bus, bit-band aliases, the program of
 * -kernel, and the start from the vector table. Armv7-M ARM (DDI 0403) B1.5.5, B3.1.
 */
#include "hw/arm/armv7m.h"

#include "hw/arm/armv7m-nvic.h"
#include "hw/boards.h"
#include "hw/loader.h"
#include "target-arm/cpu.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>

#define SCS_BASE 0xe000e000
#define SCS_NS_BASE 0xe002e000
#define PPB_BASE 0xe0000000
#define PROGRAM_MAX (256 * MiB)

/* ---- Creating ---- */

static ARMCPU *create_cpu(const ARMv7MConfig *c, Error **errp)
{
    const char *model = c->cpu ? c->cpu : c->only_cpu;
    size_t len = strcspn(model, ",");
    if (c->only_cpu && (strlen(c->only_cpu) != len || strncmp(model, c->only_cpu, len))) {
        error_setg(errp, "This board can only be used with CPU %s", c->only_cpu);
        return NULL;
    }
    CPUState *cpu = current_target->cpu_create(model, errp);
    if (!cpu)
        return NULL;
    if (!arm_feature(arm_cpu(cpu), ARM_FEATURE_M)) {
        error_setg(errp, "This board needs a CPU of M profile, which '%.*s' is not", (int)len, model);
        return NULL;
    }
    return arm_cpu(cpu);
}

static bool create_bitband(Error **errp)
{
    static const uint32_t bases[] = { 0x20000000, 0x40000000 };
    for (unsigned i = 0; i < ARRAY_SIZE(bases); i++) {
        Device *dev = device_new("ARM-bitband-memory");
        device_set_u32(dev, "base", bases[i]);
        if (!device_realize(dev, errp))
            return false;
        map_region(system_memory, bases[i] + 0x2000000, dev, 0);
    }
    return true;
}

static void system_reset(void *opaque, int n, int level)
{
    if (level)
        system_reset_request(SHUTDOWN_GUEST_RESET);
}

Device *armv7m_create(const ARMv7MConfig *c, Error **errp)
{
    ARMCPU *cpu = create_cpu(c, errp);
    if (!cpu)
        return NULL;
    bool main_profile = arm_feature(cpu, ARM_FEATURE_M_MAIN);
    const ARMMConfig config = { .vtor = { c->vtor_ns, c->vtor }, .idau = c->idau, .idau_opaque = c->idau_opaque,
                                .start_powered_off = c->start_powered_off };
    arm_m_configure(cpu, &config);
    Device *nvic = device_new("armv7m_nvic");
    device_set_u32(nvic, "num-irq", c->num_irq);
    device_set_u32(nvic, "num-prio-bits", c->prio_bits ? c->prio_bits : main_profile ? 8 : 2);
    nvic_set_cpu(nvic, cpu);
    if (!device_realize(nvic, errp))
        return NULL;
    memory_region_add_overlap(system_memory, PPB_BASE, nvic->regions[NVIC_REGION_PPB], -1);
    map_region(system_memory, SCS_BASE, nvic, NVIC_REGION_SCS);
    if (arm_feature(cpu, ARM_FEATURE_M_SECURITY))
        map_region(system_memory, SCS_NS_BASE, nvic, NVIC_REGION_SCS_NS);
    connect_line(nvic, 0, (IRQLine){ .handler = system_reset });
    armv7m_set_clocks(nvic, c->sysclk_hz, c->refclk_hz);
    cpu_register(&cpu->parent);
    if (c->bitband && !create_bitband(errp))
        return NULL;
    return nvic;
}

IRQLine armv7m_irq(Device *core, unsigned n)
{
    return device_input(core, n);
}

IRQLine armv7m_nmi(Device *core)
{
    return device_input(core, core->nin - 1);
}

void armv7m_set_clocks(Device *core, uint64_t sysclk_hz, uint64_t refclk_hz)
{
    nvic_set_clocks(core, sysclk_hz, refclk_hz);
}

/* ---- Program ---- */

static bool load_elf(const char *name, Blob file, Error **errp)
{
    ELFImage elf;
    if (!elf_parse(file, &elf, errp))
        return false;
    if (elf.machine != ELF_MACHINE_ARM) {
        error_setg(errp, "it is an ELF file for another machine (%u), not for Arm", elf.machine);
        return false;
    }
    return elf_add_roms(&elf, name, 0, 1ull << 32, errp);
}

bool armv7m_load(MachineState *m, hwaddr base, uint64_t size, Error **errp)
{
    Blob file;
    bool ok;
    if (m->bios) {
        error_setg(errp, "-bios: this board has no firmware; give a program with -kernel");
        return false;
    }
    if (!m->kernel)
        return true;
    ok = blob_read(m->kernel, PROGRAM_MAX, &file, errp);
    if (ok && elf_is(file)) {
        ok = load_elf(m->kernel, file, errp);
    } else if (ok && (!file.len || file.len > size)) {
        error_setg(errp, file.len ? "the file is larger than the board's memory for it (%llu bytes)" : "the file is empty",
                   (unsigned long long)size);
        ok = false;
    } else if (ok) {
        rom_add(m->kernel, base, file, file.len);
    }
    if (!ok)
        error_prepend(errp, "could not load kernel '%s': ", m->kernel);
    return ok;
}

void armv7m_start(Device *core)
{
    roms_write();
    arm_m_start(nvic_cpu(core));
}
