/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: what AHCI's command lists hold. Byte 0 picks the port (a disk, a CD-ROM), byte 1 the registers written besides and whether disk I/O
 * is awaited, byte 2 the slots in PxCI, byte 3 those in PxSACT; then up to four slots: the header's first word, the FIS, the packet, four PRDs.
 * Addresses are bent to lie in a little RAM unless their top byte is 0xff. Afterwards the controller is reset and must still answer.
 */
#include "device-machine.h"
#include "fuzz.h"

#include <string.h>

enum { RAM_SIZE = 1 << 20, LIST = 0x10000, FIS = 0x11000, TABLES = 0x12000, DATA = 0x20000, SLOTS = 4, PRDS = 4 };
enum { SLOT_BYTES = 4 + 20 + 16 + 16 * PRDS };
#define ABAR 0xe0000000u

static uint8_t *ram;

static void add_drive(const char *type, const char *bus, const char *id)
{
    Device *dev = device_new(type);
    give_drive(dev, id);
    dev->parent = bus_find(bus);
    start(dev);
}

static void machine(void)
{
    PCIBus *bus = device_machine(RAM_SIZE, &ram);
    Device *dev = device_new("ich9-ahci");
    dev->parent = &bus->bus;
    start(dev);
    add_drive("ide-hd", "ide.0", "d0");
    add_drive("ide-cd", "ide.1", "d1");
    device_reset_all();
    uint32_t bdf = (uint32_t)((PCIDevice *)dev)->addr << 8;
    pci_config_write(bus, bdf | 0x24, ABAR, 4);
    pci_config_write(bus, bdf | 4, 6, 2);
}

static void wr(uint64_t addr, uint32_t v)
{
    address_space_st(address_space_memory, addr, v, 4);
}

static uint32_t rd(uint64_t addr)
{
    return (uint32_t)address_space_ld(address_space_memory, addr, 4, NULL);
}

/* Brings an address of the input into RAM. */
static uint64_t bend(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v >> 56 == 0xff ? v & ~0ull >> 8 : DATA + (v & 0x3ffff);
}

static void load_slot(unsigned n, const uint8_t *p)
{
    uint8_t *header = ram + LIST + 32 * n, *table = ram + TABLES + 0x400 * n;
    uint32_t at = TABLES + 0x400 * n;
    memset(header, 0, 32);
    memcpy(header, p, 4);
    memcpy(header + 8, &at, 4);
    memset(table, 0, 0x400);
    memcpy(table, p + 4, 20);
    memcpy(table + 0x40, p + 24, 16);
    for (unsigned i = 0; i < PRDS; i++) {
        uint8_t *prd = table + 0x80 + 16 * i;
        uint64_t to = bend(p + 40 + 16 * i);
        memcpy(prd, p + 40 + 16 * i, 16);
        memcpy(prd, &to, 8);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!ram)
        machine();
    if (size < 4)
        return 0;
    uint64_t port = ABAR + 0x100 + 0x80 * (data[0] & 1);
    memset(ram + LIST, 0, 0x400);
    for (unsigned n = 0; n < SLOTS && size >= 4 + (n + 1) * (size_t)SLOT_BYTES; n++)
        load_slot(n, data + 4 + n * (size_t)SLOT_BYTES);
    wr(port, LIST);
    wr(port + 8, data[1] & 1 ? ABAR + 0x100 : FIS);
    wr(port + 0x14, ~0u);
    wr(ABAR + 4, 2);
    wr(port + 0x18, 0x10);
    wr(port + 0x18, 0x11);
    wr(port + 0x34, data[3]);
    wr(port + 0x38, data[2]);
    if (data[1] & 0x80)
        blk_drain(NULL);
    if (data[1] & 2)
        wr(port + 0x2c, 1), wr(port + 0x2c, 0);
    if (data[1] & 4)
        wr(port + 0x18, 0x10), wr(port + 0x18, 0x11);
    if (data[1] & 8)
        wr(port + 0x38, data[3]);
    for (unsigned reg = 0; reg < 0x40; reg += 4)
        rd(port + reg);
    wr(port + (data[1] & 0x78), data[3] * 0x1010101u);
    wr(port + 0x18, 0);
    wr(ABAR + 4, 1);
    must(rd(ABAR + 4) == 0x80000000 && rd(ABAR + 0x100 + 0x28) == 0x113 && rd(port + 0x38) == 0, "the controller answers after its reset");
    return 0;
}
