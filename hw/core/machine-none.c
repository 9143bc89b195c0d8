/* SPDX-License-Identifier: MIT */
/*
 * The empty machine: no board, for probing with the monitor. It has vCPUs and RAM only when -cpu or -m
 * ask for them.
 */
#include "hw/boards.h"
#include "hw/loader.h"
#include "target.h"
#include "util/error.h"

static bool none_init(MachineState *m, Error **errp)
{
    if (m->kernel) {
        error_setg(errp, "The -kernel parameter is not supported by machine 'none'");
        return false;
    }
    if (m->ram_size) {
        static MemoryRegion ram; /* there is one machine */
        if (!memory_region_init_ram(&ram, NULL, "ram", m->ram_size, errp))
            return false;
        memory_region_add(system_memory, 0, &ram);
    }
    if (m->cpu_model) {
        CPUState *cpu = current_target->cpu_create(m->cpu_model, errp);
        if (!cpu)
            return false;
        cpu_register(cpu);
    }
    return true;
}

/* Only -device loader starts the vCPU. */
static void none_reset(MachineState *m)
{
    (void)m;
    CPU_FOREACH(cpu)
        cpu->halted = true;
    roms_write();
}

static const MachineType none_type = {
    .name = "none", .desc = "empty machine", .max_cpus = 1, .init = none_init, .reset = none_reset,
};
machine_type(none_type);
