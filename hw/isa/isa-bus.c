/* SPDX-License-Identifier: MIT */
/*
 * The ISA bus of a PC (IEEE P996 as far as software sees it): a port space and sixteen interrupt lines.
 * Not modelled: DMA requests (a DMA controller wires those itself), bus memory below 16 MiB as a
 * separate space, plug and play.
 */
#include "hw/isa.h"
#include "util/error.h"
#include <glib.h>
#include <string.h>

ISABus *isa_bus;

ISABus *isa_bus_new(Device *owner, MemoryRegion *io, const IRQLine irqs[ISA_IRQS])
{
    ISABus *isa = g_new0(ISABus, 1);
    bus_init(&isa->bus, BUS_ISA, "isa.0", owner);
    isa->io = io;
    if (irqs)
        memcpy(isa->irqs, irqs, sizeof(isa->irqs));
    isa_bus = isa;
    return isa;
}

IRQLine isa_irq(unsigned n)
{
    return isa_bus && n < ISA_IRQS ? isa_bus->irqs[n] : (IRQLine){ 0 };
}

void isa_register_ioport(Device *dev, MemoryRegion *mr, uint16_t port)
{
    device_add_region(dev, mr);
    if (isa_bus && isa_bus->io)
        memory_region_add(isa_bus->io, port, mr);
}

bool isa_connect_irq(Device *dev, unsigned output, uint32_t irq, Error **errp)
{
    if (irq >= ISA_IRQS) {
        error_setg(errp, "%s: interrupt %u does not exist, ISA has 0 to 15", dev->type->name, irq);
        return false;
    }
    connect_line(dev, output, isa_irq(irq));
    return true;
}
