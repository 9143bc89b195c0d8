/* SPDX-License-Identifier: MIT */
/*
 * Arm system controller SP810 (ARM DDI 0254). Region 0 (4 KiB). Software uses it to choose the timers' clock; the
 * timers behind it run at their own rate whatever it chooses. Not modelled: modes, reset and interrupt control.
 */
#include "hw/primecell.h"

static const RegisterRow sp810_regs[] = {
    { "SCCTRL", 0x00, 4, .reset = 0x9, .write = ~0x78u },
    { "SCSYSSTAT", 0x04, 4, .write = ~0u },
    { "SCIMCTRL", 0x08, 4, .write = 0x7f },
    { "SCXTALCTRL", 0x10, 4, .write = ~0u },
    { "SCPLLCTRL", 0x14, 4, .write = ~0u },
    { "SCPEREN", 0x24, 4, .write = ~0u },
    { "SCPERDIS", 0x28, 4, .write = ~0u },
    PRIMECELL_IDS(0x10, 0x18, 0x04, 0x00),
    {},
};

static const DeviceType sp810_type = {
    .name = "sp810", .desc = "Arm system controller", .bus = BUS_SYSTEM, .category = "Misc devices", .internal = true,
    .size = sizeof(Device), .regs = sp810_regs, .regs_size = 0x1000,
};
device_type(sp810_type)
