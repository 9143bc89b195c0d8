/* SPDX-License-Identifier: MIT */
/*
 * Proves the kernel loaders: images made here from the field offsets of the Linux/x86 boot protocol, the PVH
 * start info and the Multiboot 1 specification land where those documents say, and broken ones are refused.
 */
#include "exec/memory.h"
#include "hw/x86-boot.h"
#include "util/error.h"
#include "util/main-loop.h"
#include <glib.h>
#include <string.h>

#define RAM_SIZE (64 * MiB)
static MemoryRegion ram;
static E820Table e820;

static uint8_t *guest(uint64_t at)
{
    return memory_region_ram_ptr(&ram) + at;
}

/* A bzImage of 5 setup sectors (the boot sector and four more) and 64 KiB of code. */
static uint8_t *make_kernel(uint16_t version, size_t *len)
{
    *len = 5 * 512 + 64 * KiB;
    uint8_t *k = g_malloc0(*len);
    k[0x1f1] = 4;
    put_le16(k + 0x1fe, 0xaa55);
    k[0x200] = 0xeb;
    k[0x201] = 0x66;
    memcpy(k + 0x202, "HdrS", 4);
    put_le16(k + 0x206, version);
    k[0x211] = 1;
    put_le32(k + 0x214, 0x100000);
    put_le32(k + 0x22c, 0x37ffffff);
    put_le32(k + 0x230, 0x200000);
    k[0x234] = 1;
    put_le16(k + 0x236, 1);
    put_le32(k + 0x238, 2047);
    put_le64(k + 0x258, 0x1000000);
    put_le32(k + 0x260, 0x400000);
    memset(k + 5 * 512, 0xc5, 64 * KiB);
    return k;
}

static X86BootInfo make_info(const uint8_t *k, size_t len)
{
    return (X86BootInfo){
        .kernel = { k, len }, .kernel_name = "kernel", .cmdline = "console=ttyS0", .e820 = &e820, .ram_end = RAM_SIZE,
        .rsdp = 0xf0100, .long_mode = true,
    };
}

static void test_bzimage_64(void)
{
    size_t len;
    uint8_t *k = make_kernel(0x20f, &len);
    static const uint8_t initrd[5000] = { [0] = 0x11, [4999] = 0x99 };
    X86BootInfo info = make_info(k, len);
    X86BootStart start;
    info.initrd = (Blob){ initrd, sizeof(initrd) };
    info.initrd_name = "initrd";
    Error *err = NULL;
    g_assert_true(linux_boot(&info, &start, &err));
    x86_boot_tables(&start);
    roms_write();
    g_assert_cmpint(start.mode, ==, X86_START_LONG64);
    g_assert_cmphex(start.entry, ==, 0x1000200);
    g_assert_cmphex(start.rsi, ==, BOOT_PARAMS);
    g_assert_cmphex(guest(0x1000000)[0], ==, 0xc5);
    g_assert_cmphex(guest(0x1000000)[64 * KiB - 1], ==, 0xc5);
    const uint8_t *p = guest(BOOT_PARAMS);
    g_assert_cmpmem(p + 0x202, 4, "HdrS", 4);
    g_assert_cmphex(p[0x210], ==, 0xff);
    g_assert_cmpstr((const char *)guest(get_le32(p + 0x228)), ==, "console=ttyS0");
    uint32_t at = get_le32(p + 0x218);
    g_assert_cmphex(at, ==, (RAM_SIZE - sizeof(initrd)) & ~0xfffu);
    g_assert_cmpuint(get_le32(p + 0x21c), ==, sizeof(initrd));
    g_assert_cmphex(guest(at)[4999], ==, 0x99);
    g_assert_cmpuint(p[0x1e8], ==, e820.count);
    g_assert_cmphex(get_le64(p + 0x2d0 + 20), ==, e820.rows[1].start);
    g_assert_cmphex(get_le64(p + 0x70), ==, 0xf0100);
    /* page tables: 1 GiB + 2 MiB maps to itself */
    uint64_t pdpt = get_le64(guest(BOOT_PAGE_TABLES)) & ~0xfffull;
    uint64_t pd = get_le64(guest(pdpt + 8)) & ~0xfffull;
    g_assert_cmphex(get_le64(guest(pd + 8)), ==, 0x40200083);
    /* GDT: 64-bit code at 0x10 */
    g_assert_cmphex(get_le64(guest(BOOT_GDT + 0x10)), ==, 0x00af9b000000ffff);
    roms_clear();
    g_free(k);
}

static void test_bzimage_32(void)
{
    size_t len;
    uint8_t *k = make_kernel(0x20f, &len);
    X86BootInfo info = make_info(k, len);
    X86BootStart start;
    info.long_mode = false;
    g_assert_true(linux_boot(&info, &start, NULL));
    g_assert_cmpint(start.mode, ==, X86_START_FLAT32);
    g_assert_cmphex(start.entry, ==, 0x1000000);
    roms_clear();
    /* Not relocatable: at 1 MiB whatever it prefers. */
    k[0x234] = 0;
    g_assert_true(linux_boot(&info, &start, NULL));
    g_assert_cmphex(start.entry, ==, 0x100000);
    roms_clear();
    /* Relocatable, without a preference: lowest aligned address. */
    k[0x234] = 1;
    put_le64(k + 0x258, 0);
    g_assert_true(linux_boot(&info, &start, NULL));
    g_assert_cmphex(start.entry, ==, 0x200000);
    roms_clear();
    g_free(k);
}

/* Protocol 2.00 and 2.01 pass the command line relative to the setup segment. */
static void test_old_protocol(void)
{
    size_t len;
    uint8_t *k = make_kernel(0x201, &len);
    X86BootInfo info = make_info(k, len);
    X86BootStart start;
    g_assert_true(linux_boot(&info, &start, NULL));
    roms_write();
    g_assert_cmphex(start.entry, ==, 0x100000);
    g_assert_cmphex(get_le16(guest(BOOT_PARAMS + 0x20)), ==, 0xa33f);
    g_assert_cmpstr((const char *)guest(0x90000 + get_le16(guest(BOOT_PARAMS + 0x22))), ==, "console=ttyS0");
    roms_clear();
    k[0x211] = 0; /* zImage */
    g_assert_true(linux_boot(&info, &start, NULL));
    g_assert_cmphex(start.entry, ==, 0x1000);
    roms_clear();
    g_free(k);
}

static void expect_refusal(const X86BootInfo *info, const char *words)
{
    Error *err = NULL;
    X86BootStart start;
    g_assert_false(linux_boot(info, &start, &err));
    g_assert_nonnull(strstr(error_get_pretty(err), words));
    error_free(err);
    roms_clear();
}

static void test_refusals(void)
{
    size_t len;
    uint8_t *k = make_kernel(0x20f, &len);
    X86BootInfo info = make_info(k, len);
    g_autofree char *long_line = g_strnfill(3000, 'x');
    info.cmdline = long_line;
    expect_refusal(&info, "at most 2047");
    info = make_info(k, len);
    info.initrd = (Blob){ k, RAM_SIZE };
    info.initrd_name = "huge";
    expect_refusal(&info, "does not fit");
    info = make_info(k, 1024);
    expect_refusal(&info, "truncated");
    info = make_info(k, len);
    put_le64(k + 0x258, 62 * MiB); /* it would move itself there */
    expect_refusal(&info, "needs 66 MiB");
    put_le64(k + 0x258, ~0xfffull);
    expect_refusal(&info, "needs");
    put_le64(k + 0x258, 0);
    put_le32(k + 0x260, 0x7fffffff);
    expect_refusal(&info, "needs");
    put_le32(k + 0x230, 3);
    expect_refusal(&info, "alignment");
    put_le16(k + 0x206, 0x1ff);
    expect_refusal(&info, "too old");
    info.kernel.len = 100;
    expect_refusal(&info, "not an x86 Linux kernel");
    g_free(k);
}

/* ---- Multiboot and PVH ---- */

static void test_multiboot_addresses(void)
{
    uint8_t k[4096] = { 0 };
    put_le32(k + 64, 0x1badb002);
    put_le32(k + 68, 0x10003);
    put_le32(k + 72, -(0x1badb002u + 0x10003u));
    put_le32(k + 76, 0x200040);  /* header */
    put_le32(k + 80, 0x200000);  /* load */
    put_le32(k + 84, 0x200000 + 2048);
    put_le32(k + 88, 0x200000 + 8192);
    put_le32(k + 92, 0x200100);
    k[100] = 0x77;
    static const uint8_t data[3] = "ab";
    const X86BootModule module = { { data, 3 }, "mod arg" };
    X86BootInfo info = make_info(k, sizeof(k));
    X86BootStart start;
    info.modules = &module;
    info.nmodules = 1;
    memset(guest(0x200000), 0xee, 16384);
    g_assert_true(multiboot_is(info.kernel));
    g_assert_true(multiboot_boot(&info, &start, NULL));
    roms_write();
    g_assert_cmphex(start.entry, ==, 0x200100);
    g_assert_cmphex(start.rax, ==, 0x2badb002);
    g_assert_cmphex(guest(0x200000)[100], ==, 0x77);
    g_assert_cmphex(guest(0x200000)[2048], ==, 0);
    g_assert_cmphex(guest(0x200000)[8191], ==, 0);
    const uint8_t *mb = guest(start.rbx);
    g_assert_cmpstr((const char *)guest(get_le32(mb + 16)), ==, "kernel console=ttyS0");
    g_assert_cmpuint(get_le32(mb + 20), ==, 1);
    const uint8_t *m = guest(get_le32(mb + 24));
    g_assert_cmphex(get_le32(m), ==, 0x202000);
    g_assert_cmphex(get_le32(m + 4), ==, 0x202003);
    g_assert_cmpstr((const char *)guest(get_le32(m + 8)), ==, "mod arg");
    g_assert_cmpuint(get_le32(mb + 44), ==, 24 * e820.count);
    roms_clear();
    put_le32(k + 80, 0x300000); /* loads above its own header */
    g_assert_false(multiboot_boot(&info, &start, NULL));
    roms_clear();
}

static void test_pvh(void)
{
    uint8_t k[512] = "\x7f" "ELF\1\1\1";
    put_le16(k + 16, 2);
    put_le16(k + 18, ELF_MACHINE_386);
    put_le32(k + 28, 52);
    put_le16(k + 42, 32);
    put_le16(k + 44, 2);
    uint8_t *load = k + 52, *note = k + 84;
    put_le32(load, 1);
    put_le32(load + 4, 256);
    put_le32(load + 12, 0x400000);
    put_le32(load + 16, 256);
    put_le32(load + 20, 4096);
    put_le32(note, 4);
    put_le32(note + 4, 128);
    put_le32(note + 16, 20);
    put_le32(k + 128, 4);
    put_le32(k + 132, 4);
    put_le32(k + 136, 18);
    memcpy(k + 140, "Xen", 4);
    put_le32(k + 144, 0x400010);
    X86BootInfo info = make_info(k, sizeof(k));
    X86BootStart start;
    g_assert_true(pvh_is(info.kernel));
    g_assert_true(pvh_boot(&info, &start, NULL));
    roms_write();
    g_assert_cmphex(start.entry, ==, 0x400010);
    const uint8_t *s = guest(start.rbx);
    g_assert_cmphex(get_le32(s), ==, 0x336ec578);
    g_assert_cmpstr((const char *)guest(get_le64(s + 24)), ==, "console=ttyS0");
    g_assert_cmphex(get_le64(s + 32), ==, 0xf0100);
    g_assert_cmpuint(get_le32(s + 48), ==, e820.count);
    g_assert_cmphex(get_le64(guest(get_le64(s + 40)) + 24), ==, e820.rows[1].start);
    roms_clear();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    machine_lock();
    memory_init();
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", RAM_SIZE, NULL));
    memory_region_add(system_memory, 0, &ram);
    e820_add(&e820, MiB, RAM_SIZE - MiB, E820_RAM);
    e820_add(&e820, 0, BOOT_EBDA, E820_RAM);
    g_test_add_func("/boot/bzimage-64", test_bzimage_64);
    g_test_add_func("/boot/bzimage-32", test_bzimage_32);
    g_test_add_func("/boot/old-protocol", test_old_protocol);
    g_test_add_func("/boot/refusals", test_refusals);
    g_test_add_func("/boot/multiboot-addresses", test_multiboot_addresses);
    g_test_add_func("/boot/pvh", test_pvh);
    return g_test_run();
}
