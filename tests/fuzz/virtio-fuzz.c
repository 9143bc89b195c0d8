/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: what queues hold. The first byte picks a device (virtio-blk, -scsi with a disk and a CD-ROM, -serial, -balloon, -rng by
 * virtio-mmio; NVMe), the second a ring format, features and a queue. The rest is the ring's descriptors (or NVMe commands) and what they
 * point to; addresses are bent to lie in a little RAM unless their top byte is 0xff. Half of the inputs then change features and set the queue
 * up anew. Disk I/O is awaited, then the device is reset and must still answer.
 */
#include "chardev.h"
#include "device-machine.h"
#include "fuzz.h"
#include "hw/virtio.h"

#include <string.h>

enum { RAM_SIZE = 1 << 20, DESC = 0x10000, DRIVER = 0x11000, DEVICE = 0x12000, DATA = 0x20000, ENTRIES = 16, MMIO = 0x10000000, NVME = 0x20000000 };
enum { DEVICES = 5, NVME_CHOICE = DEVICES };

static uint8_t *ram;
static PCIDevice *nvme;
static const char *const types[DEVICES] = { "virtio-blk-device", "virtio-scsi-device", "virtio-serial-device", "virtio-balloon-device",
                                            "virtio-rng-device" };

static Device *create(const char *type, Bus *bus)
{
    Device *dev = device_new(type);
    if (bus)
        dev->parent = bus;
    return dev;
}

static void add_virtio(unsigned i)
{
    Device *transport = create("virtio-mmio", NULL);
    g_autofree char *bus = g_strdup_printf("virtio-mmio-bus.%u", i);
    device_set_u64(transport, "force-legacy", false);
    device_set_u64(transport, "index", i);
    start(transport);
    map_region(system_memory, MMIO + 0x1000 * i, transport, 0);
    Device *dev = create(types[i], bus_find(bus));
    device_set_u64(dev, "packed", true);
    if (i == 0)
        give_drive(dev, "d0");
    start(dev);
    if (i == 1) {
        Device *hd = create("scsi-hd", bus_find("scsi.0")), *cd = create("scsi-cd", bus_find("scsi.0"));
        give_drive(hd, "d1");
        start(hd);
        give_drive(cd, "d2");
        start(cd);
    }
    bool none;
    if (i == 2) {
        Device *console = create("virtconsole", bus_find("virtio-serial-bus.0"));
        device_set_chardev(console, "chardev", chardev_from_legacy("fuzz", "null", &none, NULL));
        start(console);
        start(create("virtserialport", bus_find("virtio-serial-bus.0")));
    }
}

static void machine(void)
{
    PCIBus *bus = device_machine(RAM_SIZE, &ram);
    for (unsigned i = 0; i < DEVICES; i++)
        add_virtio(i);
    Device *dev = create("nvme", &bus->bus);
    device_set_str(dev, "serial", "x");
    give_drive(dev, "d3");
    start(dev);
    nvme = (PCIDevice *)dev;
    pci_config_write(bus, (uint32_t)nvme->addr << 8 | 0x10, NVME, 4);
    pci_config_write(bus, (uint32_t)nvme->addr << 8 | 4, 6, 2);
}

static void wr(uint64_t addr, uint64_t v, unsigned size)
{
    address_space_st(address_space_memory, addr, v, size);
}

static uint64_t rd(uint64_t addr)
{
    return address_space_ld(address_space_memory, addr, 4, NULL);
}

/* Brings an address of the input into RAM, at its place in the data. */
static void bend(uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    if (v >> 56 != 0xff) {
        v = DATA + (v & 0xffff);
        memcpy(p, &v, 8);
    }
}

static void load(uint64_t at, const uint8_t **data, size_t *size, size_t max)
{
    size_t n = MIN(*size, max);
    memset(ram + at, 0, max);
    memcpy(ram + at, *data, n);
    *data += n;
    *size -= n;
}

static void accept_features(uint64_t base, uint64_t features)
{
    for (unsigned half = 0; half < 2; half++) {
        wr(base + 0x24, half, 4);
        wr(base + 0x20, (uint32_t)(features >> 32 * half), 4);
    }
}

/* A driver that changes its mind: other features under a queue, then a short ring at the end of RAM while buffers of the long one are out. */
static void change_mind(uint64_t base, unsigned queue, uint64_t features)
{
    wr(base + 0x70, 3, 4);
    accept_features(base, features ^ (1ull << 34 | 1ull << 29));
    wr(base + 0x50, queue, 4);
    wr(base + 0x44, 0, 4);
    wr(base + 0x38, 2, 4);
    wr(base + 0x80, RAM_SIZE - 32, 4), wr(base + 0x90, DRIVER, 4), wr(base + 0xa0, RAM_SIZE - 32 - 24, 4);
    wr(base + 0x44, 1, 4);
    wr(base + 0x70, 15, 4);
    wr(base + 0x50, queue, 4);
}

static void run_virtio(unsigned i, uint8_t how, const uint8_t *data, size_t size)
{
    uint64_t base = MMIO + 0x1000 * i;
    bool packed = how & 1;
    uint64_t features = 1ull << 32 | (packed ? 1ull << 34 : 0) | (how & 2 ? 1ull << 28 : 0) | (how & 4 ? 1ull << 29 : 0) | 0x7fff;
    unsigned queue = how >> 3 & 7;
    wr(base + 0x70, 0, 4);
    wr(base + 0x70, 3, 4);
    accept_features(base, features);
    wr(base + 0x70, 11, 4);
    load(DESC, &data, &size, 16 * ENTRIES);
    load(DRIVER, &data, &size, 6 + 2 * ENTRIES);
    memset(ram + DEVICE, 0, 0x1000);
    load(DATA, &data, &size, 0x10000);
    for (unsigned k = 0; k < ENTRIES; k++) {
        bend(ram + DESC + 16 * k);
        if (packed && k < 4)
            ram[DESC + 16 * k + 14] |= 0x80, ram[DESC + 16 * k + 15] &= 0x7f; /* available */
    }
    wr(base + 0x30, queue, 4);
    wr(base + 0x38, ENTRIES, 4);
    wr(base + 0x80, DESC, 4), wr(base + 0x90, DRIVER, 4), wr(base + 0xa0, DEVICE, 4);
    wr(base + 0x44, 1, 4);
    wr(base + 0x70, 15, 4);
    wr(base + 0x50, queue, 4);
    wr(base + 0x50, queue, 4);
    if (how & 0x40)
        change_mind(base, queue, features);
    if (how & 0x80)
        blk_drain(NULL);
    for (unsigned at = 0; at < 64; at += 4)
        rd(base + 0x100 + at);
    wr(base + 0x100 + (how & 0x3c), how * 0x1010101u, 4);
    wr(base + 0x70, 0, 4);
    must(rd(base + 0x70) == 0 && rd(base) == 0x74726976, "the device answers after its reset");
}

static void run_nvme(uint8_t how, const uint8_t *data, size_t size)
{
    wr(NVME + 0x14, 0, 4);
    wr(NVME + 0x24, 15 << 16 | 15, 4);
    wr(NVME + 0x28, DESC, 4);
    wr(NVME + 0x30, DEVICE, 4);
    wr(NVME + 0x14, 6 << 16 | 4 << 20 | 1, 4);
    static const uint8_t create_cq[64] = { 5, [24] = 0x00, [25] = 0x30, [26] = 0x01, [40] = 1, [42] = 15, [44] = 1 };
    static const uint8_t create_sq[64] = { 1, [24] = 0x00, [25] = 0x40, [26] = 0x01, [40] = 1, [42] = 15, [44] = 1, [46] = 1 };
    memcpy(ram + DESC, create_cq, 64);
    memcpy(ram + DESC + 64, create_sq, 64);
    bool admin = how & 1;
    uint64_t at = admin ? DESC + 128 : 0x14000;
    load(at, &data, &size, 64 * 8);
    load(DATA, &data, &size, 0x10000);
    for (unsigned k = 0; k < 8; k++) {
        bend(ram + at + 64 * k + 24);
        bend(ram + at + 64 * k + 32);
    }
    for (unsigned k = 0; k < 0x1000; k += 8) /* lists and segments */
        bend(ram + DATA + k);
    wr(NVME + 0x1000, 2, 4);
    wr(NVME + 0x1000 + (admin ? 0 : 8), admin ? 10 : 8, 4);
    wr(NVME + 0x1004, how >> 1, 4);
    if (how & 0x80)
        blk_drain(NULL);
    wr(NVME + 0x14, 0, 4);
    must(rd(NVME + 0x1c) == 0 && rd(NVME + 8) == 0x10400, "the controller answers after its reset");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!ram)
        machine();
    if (size < 2)
        return 0;
    unsigned choice = data[0] % (DEVICES + 1);
    if (choice == NVME_CHOICE)
        run_nvme(data[1], data + 2, size - 2);
    else
        run_virtio(choice, data[1], data + 2, size - 2);
    return 0;
}
