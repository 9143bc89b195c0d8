/* SPDX-License-Identifier: MIT */
/* fw_cfg: selector and data ports, directory, numbers, DMA with every bound, callbacks, the memory-mapped form. The
 * interface is QEMU's docs/specs/fw_cfg.rst. */
#include "dev-test.h"
#include "hw/fw_cfg.h"

static Device *fw;
static MemoryRegion ram;

static void setup(void)
{
    fw = create("fw_cfg_io");
}

static void teardown(void)
{
    device_unrealize(fw);
    g_assert_null(fw_cfg_find());
}

static void select_key(uint16_t key)
{
    address_space_st(address_space_io, 0x510, key, 2);
}

static uint64_t be(unsigned bytes)
{
    uint64_t v = 0;
    while (bytes--)
        v = v << 8 | inb(0x511);
    return v;
}

static uint64_t le(unsigned bytes)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)inb(0x511) << (8 * i);
    return v;
}

static void test_items(void)
{
    setup();
    g_assert_true(fw_cfg_find() == fw);
    g_assert_cmphex(be(4), ==, 0x51454d55); /* selected at reset */
    select_key(FW_CFG_ID);
    g_assert_cmpint(le(4), ==, 3);
    g_assert_cmpint(le(4), ==, 0); /* past the end */
    fw_cfg_add_i16(fw, FW_CFG_NB_CPUS, 0x1234);
    fw_cfg_add_i64(fw, FW_CFG_RAM_SIZE, 0x123456789abcdef0);
    select_key(FW_CFG_NB_CPUS);
    g_assert_cmphex(le(2), ==, 0x1234);
    select_key(FW_CFG_RAM_SIZE);
    g_assert_cmphex(le(8), ==, 0x123456789abcdef0);
    fw_cfg_add_i16(fw, FW_CFG_NB_CPUS, 7);
    select_key(FW_CFG_NB_CPUS);
    g_assert_cmphex(le(2), ==, 7);
    select_key(0x7777);
    g_assert_cmphex(le(8), ==, 0);
    outb(0x511, 1); /* data is not writable by port */
    teardown();
}

static void test_files(void)
{
    setup();
    char longest[100];
    memset(longest, 'x', sizeof(longest));
    longest[99] = 0;
    fw_cfg_add_file(fw, "opt/b", "second", 6);
    fw_cfg_add_file(fw, "etc/a", "first", 5);
    fw_cfg_add_file(fw, longest, "", 0);
    select_key(FW_CFG_FILE_DIR);
    g_assert_cmpint(be(4), ==, 3);
    char entry[3][56];
    uint64_t size[3], key[3];
    for (int i = 0; i < 3; i++) {
        size[i] = be(4), key[i] = be(2), be(2);
        for (int j = 0; j < 56; j++)
            entry[i][j] = (char)inb(0x511);
        g_assert_nonnull(memchr(entry[i], 0, 56));
    }
    g_assert_cmpstr(entry[0], ==, "etc/a");
    g_assert_cmpstr(entry[1], ==, "opt/b");
    g_assert_cmpint(strlen(entry[2]), ==, FW_CFG_NAME_MAX);
    g_assert_cmpint(size[0], ==, 5);
    select_key((uint16_t)key[1]);
    g_assert_cmphex(be(6), ==, 0x7365636f6e64);
    g_assert_true(fw_cfg_modify_file(fw, "etc/a", "other!", 6));
    g_assert_false(fw_cfg_modify_file(fw, "etc/none", "x", 1));
    select_key(FW_CFG_FILE_DIR);
    be(4);
    g_assert_cmpint(be(4), ==, 6);
    size_t len;
    g_assert_nonnull(fw_cfg_file_data(fw, "opt/b", &len));
    g_assert_cmpint(len, ==, 6);
    g_assert_null(fw_cfg_file_data(fw, "opt/c", &len));
    teardown();
}

/* Runs one request; returns the control word after it. */
static uint32_t dma(uint32_t control, uint32_t len, uint64_t address)
{
    uint8_t req[16], *base = memory_region_ram_ptr(&ram);
    for (int i = 0; i < 4; i++)
        req[i] = (uint8_t)(control >> (24 - 8 * i)), req[4 + i] = (uint8_t)(len >> (24 - 8 * i));
    for (int i = 0; i < 8; i++)
        req[8 + i] = (uint8_t)(address >> (56 - 8 * i));
    memcpy(base + 0x100, req, 16);
    address_space_st(address_space_io, 0x514, 0, 4);
    address_space_st(address_space_io, 0x518, GUINT32_SWAP_LE_BE(0x100), 4);
    return (uint32_t)base[0x100] << 24 | base[0x101] << 16 | base[0x102] << 8 | base[0x103];
}

static unsigned selected, written;

static void on_select(void *opaque)
{
    selected++;
    fw_cfg_modify_file(fw, "etc/dynamic", "fresh", 5);
}

static void on_write(void *opaque, uint64_t offset, uint64_t len)
{
    written += (unsigned)(offset * 100 + len);
}

static void test_dma(void)
{
    enum { ERROR = 1, READ = 2, SKIP = 4, SELECT = 8, WRITE = 16 };
    setup();
    uint8_t *base = memory_region_ram_ptr(&ram);
    g_assert_cmphex(address_space_ld(address_space_io, 0x514, 4, NULL), ==, GUINT32_SWAP_LE_BE(0x51454d55));
    g_assert_cmphex(address_space_ld(address_space_io, 0x518, 4, NULL), ==, GUINT32_SWAP_LE_BE(0x20434647));
    fw_cfg_add_bytes(fw, 0x100, "abcdef", 6);
    memset(base + 0x200, 0x55, 16);
    g_assert_cmphex(dma(0x100 << 16 | SELECT | READ, 4, 0x200), ==, 0);
    g_assert_cmpmem(base + 0x200, 5, "abcd\x55", 5);
    g_assert_cmphex(dma(SKIP, 1, 0), ==, 0);
    g_assert_cmphex(dma(READ, 4, 0x200), ==, 0); /* past the end: zeros */
    g_assert_cmpmem(base + 0x200, 5, "f\0\0\0\x55", 5);
    g_assert_cmphex(dma(SKIP, 0xffffffff, 0), ==, 0);
    g_assert_cmphex(dma(READ, 4, 0x200), ==, 0);
    g_assert_cmphex(dma(0x4444 << 16 | SELECT | READ, 8, 0x200), ==, 0); /* no such item */
    g_assert_cmphex(dma(0x100 << 16 | SELECT | READ, 6, 0xf0000000), ==, ERROR);
    g_assert_cmphex(dma(0x100 << 16 | SELECT | READ, 0xffffffff, 0x200), ==, ERROR);
    g_assert_cmphex(dma(0x100 << 16 | SELECT | WRITE, 1, 0x200), ==, ERROR); /* read-only */
    FWCfgCallbacks cb = { .select = on_select, .write = on_write };
    fw_cfg_add_file_callback(fw, "etc/dynamic", "stale data", 10, true, &cb);
    g_assert_cmphex(dma(0x20 << 16 | SELECT | READ, 6, 0x200), ==, 0);
    g_assert_cmpint(selected, ==, 1);
    g_assert_cmpmem(base + 0x200, 6, "fresh\0", 6);
    memcpy(base + 0x200, "XY", 2);
    dma(0x20 << 16 | SELECT, 0, 0);
    g_assert_cmphex(dma(SKIP, 3, 0), ==, 0);
    g_assert_cmphex(dma(WRITE, 3, 0x200), ==, ERROR);
    g_assert_cmphex(dma(WRITE, 2, 0x200), ==, 0);
    g_assert_cmpint(written, ==, 302);
    size_t len;
    g_assert_cmpmem(fw_cfg_file_data(fw, "etc/dynamic", &len), 5, "freXY", 5);
    /* A request nowhere in memory */
    address_space_st(address_space_io, 0x514, GUINT32_SWAP_LE_BE(0xf), 4);
    address_space_st(address_space_io, 0x518, GUINT32_SWAP_LE_BE(0xfffffff8), 4);
    teardown();
}

static void test_memory_mapped(void)
{
    fw = create("fw_cfg_mem");
    map_region(system_memory, 0x9020000, fw, 0);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x9020000, 4, NULL), ==, GUINT32_SWAP_LE_BE(0x51454d55));
    address_space_st(address_space_memory, 0x9020008, GUINT16_SWAP_LE_BE(FW_CFG_ID), 2);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x9020000, 1, NULL), ==, 3);
    g_assert_cmphex(address_space_ld(address_space_memory, 0x9020010, 8, NULL), ==,
                    GUINT64_SWAP_LE_BE(0x51454d5520434647ull));
    teardown();
}

static void test_saved(void)
{
    setup();
    select_key(FW_CFG_ID);
    inb(0x511);
    fw = save_and_reload(fw);
    g_assert_cmphex(le(4), ==, 0);
    load_garbage(fw, 300);
    teardown();
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", 64 * KiB, NULL));
    memory_region_add(system_memory, 0, &ram);
    g_test_add_func("/fw_cfg/items", test_items);
    g_test_add_func("/fw_cfg/files", test_files);
    g_test_add_func("/fw_cfg/dma", test_dma);
    g_test_add_func("/fw_cfg/memory-mapped", test_memory_mapped);
    g_test_add_func("/fw_cfg/saved", test_saved);
    return g_test_run();
}
