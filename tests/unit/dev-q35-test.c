/* SPDX-License-Identifier: MIT */
/*
 * Chips of the Q35 board: the flat configuration window, PAM, SMRAM and TSEG as SMM and others see them, SMI registers and locks, interrupt routing of the ICH9, its power management block and chipset registers, SMBus,
 * root ports with windows, bus numbers, interrupts and slot events, AHCI's saved state; reset, save and load, nonsense. Expected values: Intel
 * 3 Series Express (order 316966) and ICH9 (316972) datasheets, PCI-to-PCI Bridge 1.2, PCI Express Base 4.0.
 */
#include "dev-test.h"
#include "hw/fw_cfg.h"
#include "hw/pc.h"
#include "hw/pci.h"
#include "util/timer.h"

#define LPC (0x1fu << 11)

static MemoryRegion ram;
static Device *mch, *lpc, *ahci, *smb, *port;

static uint32_t cfg(uint32_t bdf_reg, unsigned size)
{
    return pci_config_read(pci_root_bus, bdf_reg, size);
}

static void set(uint32_t bdf_reg, uint32_t v, unsigned size)
{
    pci_config_write(pci_root_bus, bdf_reg, v, size);
}

static uint32_t mem(uint64_t at, unsigned size)
{
    return (uint32_t)address_space_ld(address_space_memory, at, size, NULL);
}

static void test_ecam(void)
{
    set(0x60, 0xb0000001, 4);
    g_assert_cmphex(mem(0xb0000000, 4), ==, 0x29c08086);
    g_assert_cmphex(mem(0xb0000000 + (LPC << 4), 4), ==, 0x29188086);
    g_assert_cmphex(mem(0xb0000000 + (5 << 15), 4), ==, 0xffffffff);
    g_assert_cmphex(mem(0xb0000000 + 0x100, 4), ==, 0xffffffff); /* a function of PCI has no extended space */
    address_space_st(address_space_memory, 0xb0000000 + 0x90, 0x30, 1);
    g_assert_cmphex(cfg(0x90, 1), ==, 0x30);
    uint64_t size;
    g_assert_cmphex(q35_ecam(&size), ==, 0xb0000000);
    g_assert_cmphex(size, ==, 256 * MiB);
    set(0x60, 0xe4000005, 4); /* 64 MiB */
    g_assert_cmphex(q35_ecam(&size), ==, 0xe4000000);
    g_assert_cmphex(mem(0xe4000000, 4), ==, 0x29c08086);
    g_assert_cmphex(mem(0xb0000000, 4), ==, 0xffffffff);
    set(0x60, 0xe4000004, 4);
    g_assert_cmphex(mem(0xe4000000, 4), ==, 0xffffffff);
    set(0x90, 0, 1);
}

static void test_routing(void)
{
    device_reset(lpc);
    PCIDevice *sata = (PCIDevice *)ahci;
    pci_set_irq(sata, 1); /* slot 31, pin A: PIRQA */
    g_assert_cmpint(line_level[16], ==, 1);
    g_assert_cmpint(line_level[10], ==, 0);
    set(LPC | 0x60, 10, 1);
    g_assert_cmpint(line_level[10], ==, 1);
    set(LPC | 0x60, 0x80, 1);
    g_assert_cmpint(line_level[10], ==, 0);
    pci_set_irq(sata, 0);
    g_assert_cmpint(line_level[16], ==, 0);
    set(LPC | 0xf0, 0xfed1c001, 4);
    g_assert_cmphex(mem(0xfed1c000 + 0x3140, 2), ==, 0x3210);
    address_space_st(address_space_memory, 0xfed1c000 + 0x3140, 0x3215, 2); /* pin A to PIRQF */
    pci_set_irq(sata, 1);
    g_assert_cmpint(line_level[21], ==, 1);
    pci_set_irq(sata, 0);
    PCIDevice *root = (PCIDevice *)port; /* slot 3, pin A: PIRQH */
    pci_pin_changed(root, 0, 1);
    g_assert_cmpint(line_level[23], ==, 1);
    pci_pin_changed(root, 0, -1);
    g_assert_cmpint(line_level[23], ==, 0);
    device_reset(lpc);
    g_assert_cmphex(mem(0xfed1c000 + 0x3140, 2), ==, 0xffff);
}

static void test_power_management(void)
{
    device_reset(lpc);
    g_assert_cmphex(inb(0x604), ==, 0xff);
    set(LPC | 0x40, 0x601, 4);
    set(LPC | 0x44, 0x80, 1);
    g_assert_cmphex(inb(0x604) & 1, ==, 0);
    outb(0xb2, 2);
    g_assert_cmphex(inb(0x604) & 1, ==, 1);
    outb(0x603, 1);                        /* power button enabled */
    ich9_power_button(lpc);
    g_assert_cmphex(inb(0x601), ==, 1);
    g_assert_cmpint(line_level[9], ==, 1);
    set(LPC | 0x44, 0x84, 1); /* SCI to pin 20 */
    g_assert_cmpint(line_level[9], ==, 0);
    g_assert_cmpint(line_level[20], ==, 1);
    outb(0x601, 1);
    g_assert_cmpint(line_level[20], ==, 0);
    outb(0x628, 0x55), outb(0x62f, 0xaa); /* GPE0 enable */
    g_assert_cmphex(inb(0x628) | inb(0x62f) << 8, ==, 0xaa55);
    outb(0x672, 9);
    g_assert_cmphex(inb(0x672), ==, 9);
    outb(0xb2, 3);
    g_assert_cmphex(inb(0x604) & 1, ==, 0);
    outb(0xcf9, 2);
    g_assert_cmphex(inb(0xcf9), ==, 2);
}

static void test_smbus(void)
{
    const uint32_t bdf = LPC | 3 << 8;
    device_reset(smb);
    set(bdf | 0x20, 0x7001, 4);
    set(bdf | 4, 1, 2);
    g_assert_cmphex(inb(0x7000), ==, 0xff); /* the host is off */
    set(bdf | 0x40, 1, 1);
    outb(0x7004, 0xa6), outb(0x7003, 8), outb(0x7005, 0x77);
    outb(0x7002, 0x49); /* byte write, with interrupt */
    g_assert_cmphex(inb(0x7000), ==, 2);
    g_assert_cmphex(cfg(bdf | 6, 2) & 8, ==, 8);
    outb(0x7000, 2);
    g_assert_cmphex(cfg(bdf | 6, 2) & 8, ==, 0);
    outb(0x7004, 0xa7), outb(0x700d, 2);
    outb(0x7006, 7), outb(0x7002, 0x58); /* I2C block read into the buffer */
    g_assert_cmphex(inb(0x7000), ==, 2);
    inb(0x7002);
    inb(0x7007);
    g_assert_cmphex(inb(0x7007), ==, 0x77);
    outb(0x7004, 0x31), outb(0x7000, 0xff), outb(0x7002, 0x48);
    g_assert_cmphex(inb(0x7000), ==, 4);
    for (unsigned i = 0; i < 5000; i++)
        outb(0x7000 + g_random_int_range(0, 16), (uint8_t)g_random_int());
    device_reset(smb);
}

static void test_root_port(void)
{
    const uint32_t bdf = 3u << 11;
    uint8_t cap = 0x34;
    device_reset(port);
    g_assert_cmphex(cfg(bdf | 0x0e, 1), ==, 1);
    while (cfg(bdf | cap, 1) != 0x10)
        cap = (uint8_t)cfg(bdf | (cap == 0x34 ? 0x34u : cap + 1u), 1);
    g_assert_cmphex(cfg(bdf | (cap + 2u), 2), ==, 0x142); /* a root port with a slot */
    g_assert_cmphex(cfg(bdf | (cap + 0x1au), 2) & 0x40, ==, 0);
    set(bdf | 4, 7, 2);
    set(bdf | 0x18, 0x00070700, 4);
    set(bdf | 0x20, 0xc010c000, 4); /* 0xc0000000 to 0xc01fffff */
    set(bdf | 0x1c, 0x2010, 2);
    g_assert_cmphex(cfg(7u << 16, 4), ==, 0xffffffff);
    set(bdf | (cap + 0x18u), 0x1028, 2); /* presence and link events */
    set(bdf | (cap + 0x1au), 0x11f, 2);
    clear_lines();
    Device *card = device_new("pci-testdev");
    card->parent = bus_find("rp");
    g_assert_nonnull(card->parent);
    realize(card);
    g_assert_cmphex(cfg(7u << 16, 4), ==, 0x00051b36);
    g_assert_cmphex(pci_requester_id((PCIDevice *)card), ==, 0x700);
    g_assert_cmphex(cfg(bdf | (cap + 0x1au), 2) & 0x148, ==, 0x148);
    g_assert_cmpint(line_level[23], ==, 1);
    set(bdf | (cap + 0x1au), 0x11f, 2);
    g_assert_cmpint(line_level[23], ==, 0);
    set(7u << 16 | 0x10, 0xc0100000, 4);
    set(7u << 16 | 4, 6, 2);
    g_assert_cmphex(mem(0xc0100000, 4), !=, 0xffffffff);
    set(bdf | 4, 5, 2);
    g_assert_cmphex(mem(0xc0100000, 4), ==, 0xffffffff);
    set(bdf | 4, 7, 2);
    set(bdf | 0x3e, 0x40, 2); /* reset of the bus */
    g_assert_cmphex(cfg(7u << 16 | 4, 2), ==, 0);
    Device *second = device_new("pci-testdev");
    second->parent = bus_find("rp");
    Error *err = NULL;
    g_assert_false(device_realize(second, &err));
    error_free(err);
    device_unrealize(card);
    g_assert_cmphex(cfg(bdf | (cap + 0x1au), 2) & 0x148, ==, 0x108);
    g_assert_cmphex(cfg(7u << 16, 4), ==, 0xffffffff);
    /* Bus numbers that lead nowhere, or back. */
    for (unsigned i = 0; i < 5000; i++) {
        set(bdf | 0x18, g_random_int(), 4);
        set(bdf | 0x1c, g_random_int(), 2);
        set(bdf | (0x20u + (i & 3) * 4), g_random_int(), 4);
        cfg(g_random_int() & 0xffffff, 1);
    }
    device_reset(port);
}

/* ---- SMRAM: order 316966, 5.1.19 and 5.1.20; the size register at 0x50 is QEMU's ---- */

static uint32_t smm(uint64_t at)
{
    return (uint32_t)address_space_ld(address_space_smm, at, 4, NULL);
}

static void test_smram(void)
{
    device_reset_all();
    uint8_t *host = memory_region_ram_ptr(&ram);
    memcpy(host + 0xa0000, "smm!", 4), memcpy(host + 0x2ffffc, "low!", 4), memcpy(host + 0x300000, "seg!", 4);
    const uint32_t smram = 0x216d6d73, low = 0x21776f6c, seg = 0x21676573, none = 0xffffffff;
    g_assert_cmphex(cfg(0x9d, 1), ==, 0x02);
    g_assert_cmphex(cfg(0x9e, 1), ==, 0x38);
    g_assert_cmphex(mem(0xa0000, 4), ==, none);
    g_assert_cmphex(smm(0xa0000), ==, none);
    set(0x9d, 0x0a, 1); /* enabled, closed */
    g_assert_cmphex(mem(0xa0000, 4), ==, none);
    g_assert_cmphex(smm(0xa0000), ==, smram);
    address_space_st(address_space_memory, 0xa0000, 0, 4);
    g_assert_cmphex(smm(0xa0000), ==, smram);
    set(0x9d, 0x4a, 1); /* open */
    g_assert_cmphex(mem(0xa0000, 4), ==, smram);
    set(0x9d, 0x40, 1); /* open, not enabled */
    g_assert_cmphex(mem(0xa0000, 4), ==, none);
    g_assert_cmphex(smm(0xa0000), ==, none);
    set(0x9d, 0x0a, 1);
    set(0x9e, 0xb8, 1); /* the high range */
    g_assert_cmphex(smm(0xa0000), ==, none);
    g_assert_cmphex(smm(0xfeda0000), ==, smram);
    g_assert_cmphex(mem(0xfeda0000, 4), ==, none);
    set(0x9e, 0xff, 1);
    g_assert_cmphex(cfg(0x9e, 1), ==, 0xbf);
    /* TSEG of 1 MiB at the end of 4 MiB of RAM. */
    set(0x9e, 0x01, 1);
    g_assert_cmphex(mem(0x300000, 4), ==, none);
    g_assert_cmphex(mem(0x2ffffc, 4), ==, low);
    g_assert_cmphex(smm(0x300000), ==, seg);
    address_space_st(address_space_memory, 0x300000, 0, 4);
    g_assert_cmphex(smm(0x300000), ==, seg);
    AddressSpace *master = pci_root_bus->dma;
    g_assert_cmphex((uint32_t)address_space_ld(master, 0x300000, 4, NULL), ==, none);
    set(0x9e, 0x03, 1); /* 2 MiB */
    g_assert_cmphex(mem(0x2ffffc, 4), ==, none);
    g_assert_cmphex(smm(0x2ffffc), ==, low);
    set(0x9e, 0x05, 1); /* 8 MiB do not fit */
    g_assert_cmphex(mem(0x300000, 4), ==, seg);
    set(0x9e, 0x03, 1);
    set(0x9d, 0x02, 1); /* G_SMRAME counts for TSEG, too */
    g_assert_cmphex(mem(0x300000, 4), ==, seg);
    g_assert_cmphex(cfg(0x50, 2), ==, 16);
    set(0x50, 5, 2);
    g_assert_cmphex(cfg(0x50, 2), ==, 5);
    set(0x50, 0xffff, 2);
    g_assert_cmphex(cfg(0x50, 2), ==, 16);
    /* The lock. */
    set(0x9e, 0x01, 1);
    set(0x9d, 0xff, 1);
    g_assert_cmphex(cfg(0x9d, 1), ==, 0x3a);
    set(0x9d, 0x4a, 1);
    g_assert_cmphex(cfg(0x9d, 1), ==, 0x1a);
    set(0x9e, 0x00, 1);
    set(0x9c, 0x00004000, 4);
    g_assert_cmphex(cfg(0x9e, 1) & 0x87, ==, 0x01);
    g_assert_cmphex(mem(0x300000, 4), ==, none);
    g_assert_cmphex(mem(0xa0000, 4), ==, none);
    g_assert_cmphex(smm(0x300000), ==, seg);
    uint8_t *saved = NULL;
    size_t len = 0;
    device_save(mch, &saved, &len);
    device_reset_all();
    g_assert_cmphex(cfg(0x9d, 1), ==, 0x02);
    g_assert_cmphex(mem(0x300000, 4), ==, seg);
    g_assert_true(device_load(mch, saved, len, NULL));
    g_assert_cmphex(mem(0x300000, 4), ==, none);
    set(0x9d, 0x4a, 1);
    set(0x9e, 0x00, 1);
    g_assert_cmphex(cfg(0x9d, 1), ==, 0x1a);
    g_assert_cmphex(mem(0x300000, 4), ==, none);
    g_free(saved);
    for (unsigned i = 0; i < 5000; i++) {
        set((i & 1 ? 0x9c : 0x50) + (i >> 1 & 3), g_random_int(), 1u << (i >> 3 & 1));
        if (i % 50 == 0)
            device_reset(mch);
        smm(g_random_int() & 0x3ffffc);
    }
    device_reset_all();
}

/* ---- SMI_EN, SMI_STS and their locks: order 316972, 13.8.3.8-9, 13.8.1.3, 13.9 ---- */

static void test_smi(void)
{
    device_reset_all();
    set(LPC | 0x40, 0x601, 4);
    set(LPC | 0x44, 0x80, 1);
    g_assert_cmphex(inb(0x630), ==, 0);
    outb(0xb2, 0x55);
    g_assert_cmphex(inb(0x634), ==, 0);
    outb(0x630, 0x21);
    outb(0xb2, 2), outb(0xb2, 3); /* ACPI on and off */
    g_assert_cmphex(inb(0x634), ==, 0);
    outb(0xb3, 0x66), outb(0xb2, 0x55);
    g_assert_cmphex(inb(0xb2), ==, 0x55);
    g_assert_cmphex(inb(0xb3), ==, 0x66);
    g_assert_cmphex(inb(0x634), ==, 0x20);
    outb(0x634, 0x01);
    g_assert_cmphex(inb(0x634), ==, 0x20);
    outb(0x634, 0x20);
    g_assert_cmphex(inb(0x634), ==, 0);
    outb(0x630, 0);
    g_assert_cmphex(inb(0x630), ==, 0);
    outb(0x630, 0x21), outb(0x631, 0x20);
    set(LPC | 0xa0, 0x10, 2); /* SMI_LOCK */
    outb(0x669, 0x18);        /* TCO_LOCK, the timer halted */
    outb(0x630, 0), outb(0x631, 0);
    g_assert_cmphex(inb(0x630), ==, 0x01);
    g_assert_cmphex(inb(0x631), ==, 0x20);
    set(LPC | 0xa0, 0, 2);
    outb(0x669, 0x08);
    g_assert_cmphex(cfg(LPC | 0xa0, 1) & 0x10, ==, 0x10);
    g_assert_cmphex(inb(0x669), ==, 0x18);
    uint8_t *saved = NULL;
    size_t len = 0;
    device_save(lpc, &saved, &len);
    device_reset(lpc);
    g_assert_cmphex(cfg(LPC | 0xa0, 1), ==, 0);
    g_assert_true(device_load(lpc, saved, len, NULL));
    set(LPC | 0xa0, 0, 2);
    outb(0x630, 0);
    g_assert_cmphex(inb(0x630), ==, 0x01);
    g_free(saved);
    device_reset(lpc);
    set(LPC | 0xa0, 0x10, 2);
    set(LPC | 0x40, 0x601, 4);
    set(LPC | 0x44, 0x80, 1);
    outb(0x630, 1);
    g_assert_cmphex(inb(0x630), ==, 0); /* locked while clear */
    device_reset(lpc);
}

/* ---- etc/smi/ ---- */

static Device *fw_cfg;

static uint64_t file(const char *name)
{
    size_t len = 0;
    const uint8_t *data = fw_cfg_file_data(fw_cfg, name, &len);
    uint64_t v = 0;
    g_assert_nonnull(data);
    memcpy(&v, data, len);
    return v;
}

/* As firmware does it: the files by name, a store by DMA, then reading features-ok selects it. */
static unsigned key_of(const char *name)
{
    uint8_t e[64], count[4];
    outb(0x510, 0);
    address_space_st(address_space_io, 0x510, FW_CFG_FILE_DIR, 2);
    for (unsigned i = 0; i < 4; i++)
        count[i] = inb(0x511);
    for (unsigned n = count[2] << 8 | count[3]; n; n--) {
        for (unsigned i = 0; i < sizeof(e); i++)
            e[i] = inb(0x511);
        if (!strcmp((char *)e + 8, name))
            return e[4] << 8 | e[5];
    }
    g_assert_not_reached();
}

static void request(uint64_t features)
{
    uint8_t *host = memory_region_ram_ptr(&ram);
    const uint8_t dma[16] = { 0, 0, 0, 0x18, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0x20, 0 }; /* select, write 8 bytes from 0x2000 */
    unsigned key = key_of("etc/smi/requested-features");
    memcpy(host + 0x1000, dma, sizeof(dma));
    host[0x1000] = (uint8_t)(key >> 8), host[0x1001] = (uint8_t)key;
    memcpy(host + 0x2000, &features, 8);
    address_space_st(address_space_io, 0x518, 0x00100000, 4); /* big-endian 0x1000 */
    g_assert_cmphex(host[0x1000] | host[0x1001] | host[0x1002] | host[0x1003], ==, 0);
}

static unsigned features_ok(void)
{
    address_space_st(address_space_io, 0x510, key_of("etc/smi/features-ok"), 2);
    return inb(0x511);
}

static void test_smi_features(void)
{
    fw_cfg = device_new("fw_cfg_io");
    realize(fw_cfg);
    ich9_add_smi_files(lpc, fw_cfg);
    device_reset_all();
    g_assert_cmphex(file("etc/smi/supported-features"), ==, 1);
    request(0x8000000000000001); /* more than there is */
    g_assert_cmpint(features_ok(), ==, 0);
    request(1);
    g_assert_cmpint(features_ok(), ==, 1);
    request(2); /* too late */
    g_assert_cmpint(features_ok(), ==, 1);
    uint8_t *saved = NULL;
    size_t len = 0;
    device_save(lpc, &saved, &len);
    device_reset_all();
    g_assert_cmphex(file("etc/smi/requested-features"), ==, 0);
    g_assert_cmphex(file("etc/smi/features-ok"), ==, 0);
    g_assert_true(device_load(lpc, saved, len, NULL));
    g_assert_cmphex(file("etc/smi/features-ok"), ==, 1);
    g_free(saved);
    device_reset_all();
    g_assert_cmpint(features_ok(), ==, 1); /* nothing asked for: granted */
    device_reset_all();
}

static void test_saved(void)
{
    set(LPC | 0x60, 11, 1);
    lpc = save_and_reload(lpc);
    for (unsigned n = 0; n < lpc->nout; n++)
        connect_line(lpc, n, line((int)n));
    for (unsigned n = 0; n < 8; n++)
        pci_root_bus->lines[n] = device_input(lpc, n); /* as ich9_lpc_new() has it */
    device_reset(lpc);
    ahci = save_and_reload(ahci);
    smb = save_and_reload(smb);
    load_garbage(ahci, 50);
    load_garbage(smb, 50);
    load_garbage(port, 50);
    load_garbage(lpc, 50);
    device_reset_all();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", 4 * MiB, NULL));
    g_assert_true(q35_new(&ram, 4 * MiB, true, NULL));
    mch = &pci_root_bus->functions[0]->dev;
    lpc = ich9_lpc_new(true, NULL);
    g_assert_nonnull(lpc);
    for (unsigned n = 0; n < lpc->nout; n++)
        connect_line(lpc, n, line((int)n));
    ahci = device_new("ich9-ahci");
    device_set_str(ahci, "addr", "1f.2");
    realize(ahci);
    smb = device_new("ICH9-SMB");
    device_set_str(smb, "addr", "1f.3");
    realize(smb);
    port = device_new("pcie-root-port");
    port->id = g_strdup("rp");
    device_set_str(port, "addr", "3");
    realize(port);
    device_reset_all();
    g_test_add_func("/q35/ecam", test_ecam);
    g_test_add_func("/q35/routing", test_routing);
    g_test_add_func("/q35/power-management", test_power_management);
    g_test_add_func("/q35/smbus", test_smbus);
    g_test_add_func("/q35/root-port", test_root_port);
    g_test_add_func("/q35/smram", test_smram);
    g_test_add_func("/q35/smi", test_smi);
    g_test_add_func("/q35/smi-features", test_smi_features);
    g_test_add_func("/q35/saved", test_saved);
    return g_test_run();
}
