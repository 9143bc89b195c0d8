/* SPDX-License-Identifier: MIT */
/* What Arm boards do alike while they create their parts. */
#include "hw/arm/board.h"

#include "util/error.h"

#include <stdlib.h>

bool board_create_cpu(MachineState *m, const char *model, const ARMBoardConfig *config, Error **errp)
{
    if (m->cpu_model)
        model = m->cpu_model;
    CPUState *cpu = current_target->cpu_create(model, errp);
    if (!cpu)
        return false;
    if (arm_feature(arm_cpu(cpu), ARM_FEATURE_M)) {
        error_setg(errp, "%s: CPU type %s is of M profile, which this board cannot have", m->type->name, model);
        free(arm_cpu(cpu)); /* nobody knows it yet */
        return false;
    }
    arm_cpu_configure(arm_cpu(cpu), config);
    cpu_register(cpu);
    return true;
}

Device *board_realize_at(Device *dev, hwaddr at, Error **errp)
{
    if (!device_realize(dev, errp))
        return NULL;
    map_region(system_memory, at, dev, 0);
    return dev;
}

Device *board_create_gap(const char *name, uint64_t size, Error **errp)
{
    Device *dev = device_new("unimplemented-device");
    device_set_str(dev, "name", name);
    device_set_u64(dev, "size", size);
    return device_realize(dev, errp) ? dev : NULL;
}

bool board_create_gaps(const BoardGap *gaps, unsigned n, Error **errp)
{
    for (unsigned i = 0; i < n; i++) {
        Device *dev = board_create_gap(gaps[i].name, gaps[i].size, errp);
        if (!dev)
            return false;
        memory_region_add_overlap(system_memory, gaps[i].at, dev->regions[0], -1000);
    }
    return true;
}

Device *board_create_or(unsigned inputs, IRQLine to, Error **errp)
{
    Device *dev = device_new("or-irq");
    device_set_u32(dev, "num-lines", inputs);
    if (!device_realize(dev, errp))
        return NULL;
    connect_line(dev, 0, to);
    return dev;
}

Device *board_create_flash(const char *name, hwaddr at, Error **errp)
{
    enum { SECTOR = 256 * KiB };
    Device *dev = device_new("cfi.pflash01");
    device_set_str(dev, "name", name);
    device_set_u32(dev, "num-blocks", BOARD_FLASH_SIZE / SECTOR);
    device_set_u64(dev, "sector-length", SECTOR);
    device_set_u32(dev, "device-width", 2);
    return board_realize_at(dev, at, errp);
}
