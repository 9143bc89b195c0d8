/* SPDX-License-Identifier: MIT */
/* Wiring of the GICv3 interrupt translation service. Before the machine runs. */
#ifndef RHEA_HW_ARM_ITS_H
#define RHEA_HW_ARM_ITS_H

#include "hw/pci.h"

/* Before its is realized: the controller whose vCPUs get the LPIs. */
void its_connect(Device *its, Device *gic);
/* Messages of the bus's functions carry their requester's number to the service. */
void its_serve_pci(Device *its, PCIBus *bus);

#endif
