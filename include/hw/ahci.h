/* SPDX-License-Identifier: MIT */
/* AHCI controllers (hw/ide/ahci.c), for boards. Machine lock. */
#ifndef RHEA_HW_AHCI_H
#define RHEA_HW_AHCI_H

#include "hw/device.h"

/* Puts the drives of -drive if=ide on the ports of an ich9-ahci: bus N, unit 0 on port N. */
bool ahci_add_drives(Device *dev, Error **errp);

#endif
