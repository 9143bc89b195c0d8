/* SPDX-License-Identifier: MIT */
/* PCI: configuration space, BAR sizing and mapping, shared interrupt lines, addresses, bus mastering, MSI and MSI-X,
 * reset, saved state. Expected values are from the PCI Local Bus Specification 3.0. */
#include "dev-test.h"
#include "hw/pci.h"

typedef struct Card {
    PCIDevice pci;
    MemoryRegion bar0, bar1, bar2;
    uint32_t reg;
    unsigned writes;
} Card;

static uint64_t card_read(void *opaque, hwaddr offset, unsigned size)
{
    return ((Card *)opaque)->reg + offset;
}

static void card_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    ((Card *)opaque)->reg = (uint32_t)value;
}

static const MemoryRegionOps card_ops = { .read = card_read, .write = card_write };

static void card_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    ((Card *)pci)->writes++;
}

static bool card_realize(Device *dev, Error **errp)
{
    Card *c = (Card *)dev;
    memory_region_init_io(&c->bar0, dev, &card_ops, c, "card-mem", 8 * KiB);
    memory_region_init_io(&c->bar1, dev, &card_ops, c, "card-io", 32);
    memory_region_init_io(&c->bar2, dev, &card_ops, c, "card-mem64", 1 * MiB);
    pci_register_bar(&c->pci, 0, PCI_BAR_MEM, &c->bar0);
    pci_register_bar(&c->pci, 1, PCI_BAR_IO, &c->bar1);
    pci_register_bar(&c->pci, 2, PCI_BAR_MEM | PCI_BAR_64 | PCI_BAR_PREFETCH, &c->bar2);
    c->pci.config_write = card_config_write;
    return pci_msi_init(&c->pci, 4) && pci_msix_init(&c->pci, 70, 4);
}

static const PCIClass card_class = {
    .vendor = 0x1234, .device = 0x5678, .revision = 3, .class_code = 0x020000, .interrupt_pin = 1,
};
static const DeviceType card_type = {
    .name = "test-card", .bus = BUS_PCI, .category = "Misc devices", .size = sizeof(Card), .realize = card_realize,
    .class_data = &card_class,
};
device_type(card_type)

static PCIBus *bus;
static Card *card;

static uint32_t rd(unsigned reg, unsigned size)
{
    return pci_config_read(bus, (uint32_t)card->pci.addr << 8 | reg, size);
}

static void wr(unsigned reg, uint32_t v, unsigned size)
{
    pci_config_write(bus, (uint32_t)card->pci.addr << 8 | reg, v, size);
}

static void setup(void)
{
    card = (Card *)create("test-card");
    for (int n = 0; n < 4; n++)
        bus->lines[n] = line(20 + n);
}

static void teardown(void)
{
    device_unrealize(&card->pci.dev);
}

static void test_header(void)
{
    setup();
    g_assert_cmphex(rd(0, 4), ==, 0x56781234);
    g_assert_cmphex(rd(8, 4), ==, 0x02000003);
    g_assert_cmphex(rd(0x3d, 1), ==, 1);
    wr(0, 0, 4), wr(8, 0xffffffff, 4);
    g_assert_cmphex(rd(0, 4), ==, 0x56781234);
    g_assert_cmphex(rd(8, 4), ==, 0x02000003);
    wr(4, 0xffff, 2);
    g_assert_cmphex(rd(4, 2), ==, 0x0547);
    wr(0x3c, 0x0b, 1);
    g_assert_cmphex(rd(0x3c, 2), ==, 0x010b);
    g_assert_cmpint(card->writes, >, 0);
    g_assert_cmphex(pci_config_read(bus, 31 << 11, 4), ==, 0xffffffff);
    g_assert_cmphex(pci_config_read(bus, 31 << 11, 1), ==, 0xff);
    g_assert_cmphex(pci_config_read(bus, 5 << 16, 2), ==, 0xffff); /* another bus */
    pci_config_write(bus, 31 << 11, 0, 4);
    g_assert_cmphex(rd(0xfe, 4), ==, 0xffffffff); /* across the end */
    teardown();
}

static void test_bars(void)
{
    setup();
    wr(0x10, 0xffffffff, 4), wr(0x14, 0xffffffff, 4), wr(0x18, 0xffffffff, 4), wr(0x1c, 0xffffffff, 4);
    g_assert_cmphex(rd(0x10, 4), ==, 0xffffe000);
    g_assert_cmphex(rd(0x14, 4), ==, 0xffffffe1);
    g_assert_cmphex(rd(0x18, 4), ==, 0xfff0000c);
    g_assert_cmphex(rd(0x1c, 4), ==, 0xffffffff);
    g_assert_cmphex(rd(0x24, 4), ==, 0);
    wr(4, 3, 2); /* decoding a size probe maps nothing */
    g_assert_cmphex(card->pci.bars[0].mapped, ==, ~0ull);
    wr(0x10, 0xe0001000, 4);
    g_assert_cmphex(rd(0x10, 4), ==, 0xe0000000);
    wr(0x14, 0xc000, 4), wr(0x18, 0, 4), wr(0x1c, 1, 4);
    address_space_st(address_space_memory, 0xe0000000, 0x77, 4);
    g_assert_cmphex(address_space_ld(address_space_memory, 0xe0000010, 4, NULL), ==, 0x87);
    g_assert_cmphex(address_space_ld(address_space_io, 0xc004, 4, NULL), ==, 0x7b);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x100000008, 4, NULL), ==, 0x7f);
    wr(0x10, 0xe0100000, 4);
    g_assert_cmphex(address_space_ld(address_space_memory, 0xe0100010, 4, NULL), ==, 0x87);
    g_assert_cmphex(address_space_ld(address_space_memory, 0xe0000010, 4, NULL), ==, 0xffffffff);
    wr(4, 1, 2);
    g_assert_cmphex(address_space_ld(address_space_memory, 0xe0100010, 4, NULL), ==, 0xffffffff);
    g_assert_cmphex(address_space_ld(address_space_io, 0xc004, 4, NULL), ==, 0x7b);
    pci_device_reset_common(&card->pci);
    g_assert_cmphex(rd(0x14, 4), ==, 1);
    g_assert_cmphex(address_space_ld(address_space_io, 0xc004, 4, NULL), ==, 0xffffffff);
    teardown();
}

static void test_interrupts(void)
{
    setup();
    Card *other = (Card *)device_new("test-card");
    device_set_u32(&other->pci.dev, "addr", (uint32_t)(card->pci.addr + (4 << 3)));
    realize(&other->pci.dev);
    int n = 20 + (card->pci.addr >> 3) % 4;
    pci_set_irq(&card->pci, 1);
    pci_set_irq(&other->pci, 1);
    g_assert_cmpint(line_level[n], ==, 1);
    g_assert_cmphex(rd(6, 2) & 8, ==, 8);
    pci_set_irq(&card->pci, 1);
    pci_set_irq(&card->pci, 0);
    g_assert_cmpint(line_level[n], ==, 1);
    pci_config_write(bus, (uint32_t)other->pci.addr << 8 | 4, 0x400, 2); /* INTx disable */
    g_assert_cmpint(line_level[n], ==, 0);
    pci_config_write(bus, (uint32_t)other->pci.addr << 8 | 4, 0, 2);
    g_assert_cmpint(line_level[n], ==, 1);
    device_unrealize(&other->pci.dev); /* takes its request along */
    g_assert_cmpint(line_level[n], ==, 0);
    teardown();
}

static void test_addresses(void)
{
    Error *err = NULL;
    setup();
    Device *dev = device_new("test-card");
    device_set_u32(dev, "addr", (uint32_t)card->pci.addr);
    g_assert_false(device_realize(dev, &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "PCI: slot 0 function 0 not available for test-card, in use by test-card,id=(null)");
    error_free(err);
    err = NULL;
    dev = device_new("test-card");
    g_assert_true(device_set(dev, "addr", "0.1", NULL)); /* function 0 does not say it has several */
    g_assert_false(device_realize(dev, &err));
    error_free(err);
    Device *all[32];
    for (int i = 1; i < 32; i++)
        all[i] = create("test-card");
    err = NULL;
    g_assert_false(device_realize(device_new("test-card"), &err));
    g_assert_cmpstr(error_get_pretty(err), ==,
                    "PCI: no slot/function available for test-card, all in use or reserved");
    error_free(err);
    for (int i = 1; i < 32; i++)
        device_unrealize(all[i]);
    teardown();
}

static void test_dma(void)
{
    setup();
    uint32_t v = 0x12345678;
    g_assert_cmpint(pci_dma_rw(&card->pci, 0x1000, &v, 4, true), ==, MEMTX_ERROR);
    g_assert_cmpint(pci_dma_rw(&card->pci, 0x1000, &v, 4, false), ==, MEMTX_ERROR);
    g_assert_cmphex(v, ==, 0xffffffff);
    wr(4, 4, 2);
    v = 0x12345678;
    g_assert_cmpint(pci_dma_rw(&card->pci, 0x1000, &v, 4, true), ==, MEMTX_OK);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x1000, 4, NULL), ==, 0x12345678);
    teardown();
}

static unsigned find_capability(uint8_t id)
{
    g_assert_cmphex(rd(6, 2) & 0x10, ==, 0x10);
    unsigned at = rd(0x34, 1);
    while (at && rd(at, 1) != id)
        at = rd(at + 1, 1);
    g_assert_cmpuint(at, !=, 0);
    return at;
}

static void test_msi(void)
{
    setup();
    unsigned cap = find_capability(5);
    g_assert_cmphex(rd(cap + 2, 2), ==, 0x0184); /* four vectors, 64 bits, masks */
    g_assert_false(pci_msi_enabled(&card->pci));
    pci_msi_send(&card->pci, 0); /* off: nothing */
    wr(cap + 4, 0x2003, 4), wr(cap + 12, 0x4040, 2), wr(cap + 2, 0x21, 2);
    g_assert_cmphex(rd(cap + 4, 4), ==, 0x2000);
    g_assert_true(pci_msi_enabled(&card->pci));
    pci_msi_send(&card->pci, 3);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x2000, 4, NULL), ==, 0x4043);
    wr(cap + 16, 0xffffffff, 4);
    g_assert_cmphex(rd(cap + 16, 4), ==, 0xf);
    pci_msi_send(&card->pci, 2);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x2000, 4, NULL), ==, 0x4043);
    g_assert_cmphex(rd(cap + 20, 4), ==, 4);
    wr(cap + 16, 0, 4);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x2000, 4, NULL), ==, 0x4042);
    g_assert_cmphex(rd(cap + 20, 4), ==, 0);
    wr(cap + 2, 0x71, 2); /* more than there are */
    pci_msi_send(&card->pci, 100);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x2000, 4, NULL), ==, 0x4040);
    pci_device_reset_common(&card->pci);
    g_assert_cmphex(rd(cap + 2, 2), ==, 0x0184);
    teardown();
}

static uint32_t table(unsigned offset)
{
    return (uint32_t)address_space_ld(address_space_memory, 0xe0200000 + offset, 4, NULL);
}

static void set_table(unsigned offset, uint32_t v)
{
    address_space_st(address_space_memory, 0xe0200000 + offset, v, 4);
}

static void test_msix(void)
{
    setup();
    unsigned cap = find_capability(0x11), pba = rd(cap + 8, 4) & ~7u;
    g_assert_cmphex(rd(cap + 2, 2), ==, 69);
    g_assert_cmphex(rd(cap + 4, 4), ==, 4);
    pci_device_reset_common(&card->pci);
    wr(0x20, 0xe0200000, 4), wr(4, 6, 2);
    g_assert_cmphex(table(12), ==, 1); /* masked */
    set_table(16 * 69, 0x3000), set_table(16 * 69 + 4, 0), set_table(16 * 69 + 8, 0xcafe);
    wr(cap + 2, 0x8000, 2);
    pci_msi_send(&card->pci, 69);
    g_assert_cmphex(table(pba + 8), ==, 0x20);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x3000, 4, NULL), ==, 0);
    wr(cap + 2, 0xc000, 2);
    set_table(16 * 69 + 12, 0); /* unmasked, but all are masked */
    g_assert_cmphex(address_space_ld(address_space_memory, 0x3000, 4, NULL), ==, 0);
    wr(cap + 2, 0x8000, 2);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x3000, 4, NULL), ==, 0xcafe);
    g_assert_cmphex(table(pba + 8), ==, 0);
    pci_msi_send(&card->pci, 70); /* no such vector */
    set_table(pba, 0xffffffff);   /* read-only */
    g_assert_cmphex(table(pba), ==, 0);
    g_assert_cmphex(table(0xffc), ==, 0);
    teardown();
}

static void test_saved(void)
{
    setup();
    wr(0x10, 0xe0000000, 4), wr(4, 6, 2);
    pci_set_irq(&card->pci, 1);
    card = (Card *)save_and_reload(&card->pci.dev);
    g_assert_cmphex(card->pci.bars[0].mapped, ==, 0xe0000000);
    g_assert_cmpint(line_level[20], ==, 1);
    pci_set_irq(&card->pci, 0);
    g_assert_cmpint(line_level[20], ==, 0);
    load_garbage(&card->pci.dev, 300);
    pci_device_reset_common(&card->pci);
    g_assert_cmpint(bus->line_count[0], ==, 0);
    teardown();
}

static void test_rom(void)
{
    Error *err = NULL;
    Device *dev = device_new("test-card");
    device_set_str(dev, "romfile", "/nonexistent/rom");
    g_assert_false(device_realize(dev, &err));
    g_assert_cmpstr(error_get_pretty(err), ==, "failed to find romfile \"/nonexistent/rom\"");
    error_free(err);
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp(NULL, &path, NULL);
    close(fd);
    g_assert_true(g_file_set_contents(path, "\x55\xaaROM", 5, NULL));
    dev = device_new("test-card");
    device_set_str(dev, "romfile", path);
    card = (Card *)realize(dev);
    wr(0x30, 0xffffffff, 4);
    g_assert_cmphex(rd(0x30, 4), ==, 0xfffff801);
    wr(0x30, 0xe0300001, 4), wr(4, 2, 2);
    g_assert_cmphex(address_space_ld(address_space_memory, 0xe0300000, 4, NULL), ==, 0x4f52aa55);
    teardown();
    unlink(path);
}

int main(int argc, char **argv)
{
    static MemoryRegion ram;
    dev_test_init(&argc, &argv);
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", 64 * KiB, NULL));
    memory_region_add(system_memory, 0, &ram);
    bus = pci_bus_new(NULL, "pci.0", system_memory, system_io);
    g_test_add_func("/pci/header", test_header);
    g_test_add_func("/pci/bars", test_bars);
    g_test_add_func("/pci/interrupts", test_interrupts);
    g_test_add_func("/pci/addresses", test_addresses);
    g_test_add_func("/pci/dma", test_dma);
    g_test_add_func("/pci/msi", test_msi);
    g_test_add_func("/pci/msix", test_msix);
    g_test_add_func("/pci/saved", test_saved);
    g_test_add_func("/pci/rom", test_rom);
    return g_test_run();
}
