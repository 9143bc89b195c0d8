/* SPDX-License-Identifier: MIT */
/*
 * The PCI function for tests of I/O speed (QEMU's docs/specs/pci-testdev.txt): type "pci-testdev", BAR 0 = 4 KiB of
 * memory, BAR 1 = 256 ports, and with the property membar a 64-bit BAR 2 without anything behind it. Writing a number
 * to byte 0 of a BAR chooses a test; the header then says where and what to write, and counts the writes. Between
 * tests that a hypervisor would tell apart (eventfd or not) there is no difference here.
 */
#include "hw/pci.h"
#include "util/error.h"

#include <string.h>

enum { MEM_SIZE = 2048, IO_SIZE = 128, TESTS = 3, TEST_WIDTH = 1, MATCH = 0xfa, NO_MATCH = 0xce };
enum { H_TEST = 0, H_WIDTH = 1, H_OFFSET = 4, H_DATA = 8, H_COUNT = 12, H_NAME = 16, HEADER_MAX = 64 };

typedef struct TestBar {
    MemoryRegion mr;
    uint8_t current; /* test, TESTS when none has been chosen */
    uint32_t count;
} TestBar;

typedef struct PCITestDev {
    PCIDevice pci;
    TestBar bar[2];
    MemoryRegion membar_region;
    uint64_t membar;
} PCITestDev;

static bool is_io(const TestBar *b)
{
    return b->mr.size == 2 * IO_SIZE;
}

/* Only the last test looks at the data. */
static uint8_t test_data(unsigned test)
{
    return test == TESTS - 1 ? MATCH : NO_MATCH;
}

static uint32_t test_offset(const TestBar *b)
{
    return (is_io(b) ? IO_SIZE : MEM_SIZE) + b->current * TEST_WIDTH;
}

static void make_header(const TestBar *b, uint8_t out[HEADER_MAX])
{
    static const char *const names[TESTS] = { "no-eventfd", "wildcard-eventfd", "datamatch-eventfd" };
    uint32_t offset = test_offset(b), data = test_data(b->current);
    memset(out, 0, HEADER_MAX);
    if (b->current >= TESTS)
        return;
    out[H_TEST] = b->current;
    out[H_WIDTH] = TEST_WIDTH;
    memcpy(out + H_OFFSET, &offset, 4);
    memcpy(out + H_DATA, &data, 4);
    memcpy(out + H_COUNT, &b->count, 4);
    strcpy((char *)out + H_NAME, is_io(b) ? "portio-" : "mmio-");
    strcat((char *)out + H_NAME, names[b->current]);
}

static uint64_t testdev_read(void *opaque, hwaddr addr, unsigned size)
{
    uint8_t header[HEADER_MAX];
    uint64_t v = 0;
    make_header(opaque, header);
    if (addr < HEADER_MAX)
        memcpy(&v, header + addr, size);
    return v;
}

static void testdev_write(void *opaque, hwaddr addr, uint64_t value, unsigned size)
{
    TestBar *b = opaque;
    if (addr == H_TEST) {
        b->current = value < TESTS ? (uint8_t)value : TESTS;
        b->count = 0;
    } else if (b->current < TESTS && addr == test_offset(b) && size == TEST_WIDTH &&
               (b->current < TESTS - 1 || (uint8_t)value == MATCH)) {
        b->count++;
    }
}

static const MemoryRegionOps testdev_ops = { .read = testdev_read, .write = testdev_write, .valid_max = 4, .impl_max = 4 };

static bool testdev_realize(Device *dev, Error **errp)
{
    PCITestDev *s = container_of(dev, PCITestDev, pci.dev);
    if (s->membar && (s->membar & (s->membar - 1) || s->membar < 16)) {
        error_setg(errp, "pci-testdev: membar must be a power of two of at least 16 bytes");
        return false;
    }
    memory_region_init_io(&s->bar[0].mr, dev, &testdev_ops, &s->bar[0], "pci-testdev-mmio", 2 * MEM_SIZE);
    memory_region_init_io(&s->bar[1].mr, dev, &testdev_ops, &s->bar[1], "pci-testdev-portio", 2 * IO_SIZE);
    pci_register_bar(&s->pci, 0, PCI_BAR_MEM, &s->bar[0].mr);
    pci_register_bar(&s->pci, 1, PCI_BAR_IO, &s->bar[1].mr);
    if (s->membar) {
        memory_region_init(&s->membar_region, dev, "pci-testdev-membar", s->membar);
        pci_register_bar(&s->pci, 2, PCI_BAR_MEM | PCI_BAR_64 | PCI_BAR_PREFETCH, &s->membar_region);
    }
    return true;
}

static void testdev_reset(Device *dev)
{
    PCITestDev *s = container_of(dev, PCITestDev, pci.dev);
    for (unsigned i = 0; i < 2; i++) {
        s->bar[i].current = TESTS;
        s->bar[i].count = 0;
    }
}

static const PCIClass testdev_class = { .vendor = 0x1b36, .device = 0x0005, .class_code = 0x00ff00 };
static const SavedField bar_saved[] = { SAVED_INT(TestBar, current), SAVED_INT(TestBar, count), SAVED_END() };
static const SavedField testdev_saved[] = { SAVED_STRUCTS(PCITestDev, bar, bar_saved), SAVED_END() };
static const Property testdev_props[] = { PROP_SIZE("membar", PCITestDev, membar, 0), {} };
static const DeviceType testdev_type = {
    .name = "pci-testdev", .desc = "PCI Test Device", .bus = BUS_PCI, .category = "Misc devices", .size = sizeof(PCITestDev),
    .props = testdev_props, .saved = testdev_saved, .realize = testdev_realize, .reset = testdev_reset,
    .class_data = &testdev_class,
};
device_type(testdev_type)
