/* SPDX-License-Identifier: MIT */
/*
 * Generic Event Device (ACPI 6.4, 5.6.9) of hardware-reduced boards. Region 0 (4 bytes): the events since the last read,
 * which clears them; bit numbers are QEMU's. Output 0 pulses for each event. The DSDT node belongs to the board.
 * Not modelled: memory and processor hot plug, NVDIMM.
 */
#include "hw/acpi-ged.h"

static const RegisterRow ged_regs[] = { { "EVENTS", 0x0, 4, .rclear = ~0u }, {} };

void acpi_ged_event(Device *dev, uint32_t events)
{
    dev->regs[0] |= events & ACPI_GED_EVENTS;
    irq_pulse(&dev->out[0]);
}

static void ged_post_load(Device *dev)
{
    dev->regs[0] &= ACPI_GED_EVENTS;
}

static bool ged_realize(Device *dev, Error **errp)
{
    (void)errp;
    device_init_out(dev, 1);
    return true;
}

static const DeviceType acpi_ged_type = {
    .name = "acpi-ged", .desc = "ACPI Generic Event Device", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(Device), .regs = ged_regs, .regs_size = ACPI_GED_SIZE, .realize = ged_realize,
    .post_load = ged_post_load,
};
device_type(acpi_ged_type)
