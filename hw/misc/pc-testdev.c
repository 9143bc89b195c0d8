/* SPDX-License-Identifier: MIT */
/*
 * What x86 kernels' test programs (kvm-unit-tests) expect of a PC beside real chips: type "pc-testdev". Ports 0xe0-0xe3
 * are a register that remembers what was written, 0xe8-0xeb the same register byte by byte, 0xe4 takes a page address
 * whose translations the host should forget (nothing to do here), 0x2000 + n sets interrupt line n; 64 KiB at
 * 0xff000000 are memory behind callbacks.
 */
#include "hw/isa.h"

#include <string.h>

#define IOMEM_SIZE 0x10000
enum { PORT_DATA = 0xe0, PORT_FLUSH = 0xe4, PORT_BYTES = 0xe8, PORT_IRQ = 0x2000, IRQ_LINES = 24 };
#define IOMEM_BASE 0xff000000ull

typedef struct PCTestDev {
    Device dev;
    MemoryRegion data, flush, bytes, irq, iomem;
    uint32_t value;
    uint8_t memory[IOMEM_SIZE];
} PCTestDev;

static uint64_t data_read(void *opaque, hwaddr port, unsigned size)
{
    PCTestDev *s = opaque;
    uint64_t v = 0;
    memcpy(&v, (uint8_t *)&s->value + (port & 3), size);
    return v;
}

static void data_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
    PCTestDev *s = opaque;
    memcpy((uint8_t *)&s->value + (port & 3), &value, size);
}

static uint64_t nothing_read(void *opaque, hwaddr port, unsigned size)
{
    return 0;
}

static void nothing_write(void *opaque, hwaddr port, uint64_t value, unsigned size)
{
}

typedef struct IOAPICSearch {
    Device *found;
} IOAPICSearch;

static void is_ioapic(Device *dev, void *opaque)
{
    if (!strcmp(dev->type->name, "ioapic"))
        ((IOAPICSearch *)opaque)->found = dev;
}

/* The ISA lines reach both controllers, the others the I/O APIC alone. */
static void irq_write(void *opaque, hwaddr n, uint64_t value, unsigned size)
{
    IRQLine line = isa_irq((unsigned)n);
    if (n >= ISA_IRQS) {
        IOAPICSearch s = { NULL };
        device_foreach(is_ioapic, &s);
        if (s.found && n < s.found->nin)
            line = device_input(s.found, (unsigned)n);
    }
    irq_set(&line, value != 0);
}

static uint64_t iomem_read(void *opaque, hwaddr addr, unsigned size)
{
    PCTestDev *s = opaque;
    uint64_t v = 0;
    memcpy(&v, s->memory + addr, size);
    return v;
}

static void iomem_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    PCTestDev *s = opaque;
    memcpy(s->memory + addr, &value, size);
}

static const MemoryRegionOps data_ops = { .read = data_read, .write = data_write, .impl_max = 4 };
static const MemoryRegionOps bytes_ops = {
    .read = data_read, .write = data_write, .valid_max = 4, .impl_max = 1, .unaligned = true,
};
static const MemoryRegionOps flush_ops = { .read = nothing_read, .write = nothing_write };
static const MemoryRegionOps irq_ops = { .read = nothing_read, .write = irq_write, .valid_max = 1, .impl_max = 1 };
static const MemoryRegionOps iomem_ops = { .read = iomem_read, .write = iomem_write, .valid_max = 8, .impl_max = 8 };

static void add_ports(PCTestDev *s, MemoryRegion *mr, const MemoryRegionOps *ops, const char *name, uint16_t port, unsigned n)
{
    memory_region_init_io(mr, &s->dev, ops, s, name, n);
    isa_register_ioport(&s->dev, mr, port);
}

static bool testdev_realize(Device *dev, Error **errp)
{
    PCTestDev *s = container_of(dev, PCTestDev, dev);
    add_ports(s, &s->data, &data_ops, "pc-testdev-ioport", PORT_DATA, 4);
    add_ports(s, &s->flush, &flush_ops, "pc-testdev-flush-page", PORT_FLUSH, 4);
    add_ports(s, &s->bytes, &bytes_ops, "pc-testdev-ioport-byte", PORT_BYTES, 4);
    add_ports(s, &s->irq, &irq_ops, "pc-testdev-irq-line", PORT_IRQ, IRQ_LINES);
    memory_region_init_io(&s->iomem, dev, &iomem_ops, s, "pc-testdev-iomem", IOMEM_SIZE);
    device_add_region(dev, &s->iomem);
    memory_region_add(system_memory, IOMEM_BASE, &s->iomem);
    return true;
}

static const SavedField testdev_saved[] = {
    SAVED_INT(PCTestDev, value), SAVED_BYTES(PCTestDev, memory), SAVED_END(),
};
static const DeviceType testdev_type = {
    .name = "pc-testdev", .bus = BUS_ISA, .category = "Misc devices", .size = sizeof(PCTestDev), .saved = testdev_saved,
    .realize = testdev_realize,
};
device_type(testdev_type)
