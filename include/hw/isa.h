/* SPDX-License-Identifier: MIT */
/*
 * The ISA bus: one per machine. ISA devices map their own ports and claim their own interrupt when
 * they are realized, from properties (iobase, irq) whose defaults are the PC's; so a board only
 * creates the bus and the devices. A board that wants a line elsewhere (HPET in front of the PIT and the
 * RTC) calls connect_line or connect_irq after device_realize. Without a bus (unit tests) an ISA
 * device still offers regions[] and outputs.
 */
#ifndef RHEA_HW_ISA_H
#define RHEA_HW_ISA_H

#include "hw/device.h"

#define ISA_IRQS 16

typedef struct ISABus {
    Bus bus;
    MemoryRegion *io;         /* where ports live: normally system_io */
    MemoryRegion *memory;     /* where cards map memory; NULL: nowhere. The board sets it */
    IRQLine irqs[ISA_IRQS];
} ISABus;

extern ISABus *isa_bus; /* NULL until isa_bus_new */

/* Creates the bus "isa.0". owner may be NULL or the bridge; irqs are the 16 lines of the interrupt
 * controllers and may be filled in later through isa_bus->irqs, before devices are realized. */
ISABus *isa_bus_new(Device *owner, MemoryRegion *io, const IRQLine irqs[ISA_IRQS]);
/* The line of interrupt n; unconnected when there is no bus or no such line. */
IRQLine isa_irq(unsigned n);
/* In realize: adds the region to dev->regions and maps it at port. */
void isa_register_ioport(Device *dev, MemoryRegion *mr, uint16_t port);
/* In realize: connects an output to interrupt irq; fails when irq > 15. */
bool isa_connect_irq(Device *dev, unsigned output, uint32_t irq, Error **errp);

#endif
