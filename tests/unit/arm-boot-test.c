/* SPDX-License-Identifier: MIT */
/* The Arm kernel loader: each format with sound and damaged headers, compressed forms, where kernel, initrd and tree go, the tree's
 * contents, tags. Expected values are from Linux's Documentation/arm64/booting.rst and arm/booting.rst and U-Boot's image.h. */
#include "dev-test.h"
#include "hw/arm/boot.h"

#include <zlib.h>

#define RAM 0x40000000ull

static MemoryRegion ram;
static uint8_t image[4096];

static ARMBootInfo make_info(const void *kernel, size_t len)
{
    ARMBootInfo i = { .kernel_name = "kernel", .kernel = { kernel, len }, .ram_start = RAM, .ram_size = 256 * MiB,
                      .aarch64 = true, .board_id = 7 };
    return i;
}

static ARMBoot load(const ARMBootInfo *info)
{
    ARMBoot b;
    Error *err = NULL;
    if (!arm_boot_load(info, &b, &err))
        g_error("%s", error_get_pretty(err));
    roms_write();
    return b;
}

static void refuse(const ARMBootInfo *info, const char *why)
{
    ARMBoot b;
    Error *err = NULL;
    g_assert_false(arm_boot_load(info, &b, &err));
    if (!strstr(error_get_pretty(err), why))
        g_error("'%s' lacks '%s'", error_get_pretty(err), why);
    g_assert_null(strchr(error_get_pretty(err), '\n'));
    error_free(err);
    roms_clear();
}

static uint32_t memory(uint64_t addr)
{
    return (uint32_t)address_space_ld(address_space_memory, addr, 4, NULL);
}

static void make_image64(void)
{
    memset(image, 0, sizeof(image));
    put_le32(image, 0x14000000);
    put_le64(image + 16, 0x100000);
    memcpy(image + 0x38, "ARM\x64", 4);
}

static void test_image64(void)
{
    make_image64();
    ARMBootInfo info = make_info(image, sizeof(image));
    info.initrd_name = "initrd";
    info.initrd = (Blob){ (const uint8_t *)"an initrd", 9 };
    info.tree = dt_new();
    info.cmdline = "console=ttyAMA0";
    ARMBoot b = load(&info);
    g_assert_true(b.aarch64 && b.is_linux);
    g_assert_cmphex(b.entry, ==, RAM);
    g_assert_cmphex(memory(RAM), ==, 0x14000000);
    g_assert_cmphex(b.initrd_start, ==, RAM + 128 * MiB);
    g_assert_cmphex(b.initrd_end, ==, RAM + 128 * MiB + 9);
    g_assert_cmphex(b.dtb, ==, RAM + 130 * MiB);
    g_assert_cmphex(memory(b.dtb), ==, 0xedfe0dd0);
    g_assert_cmphex(dt_get_number(info.tree, "/chosen", "linux,initrd-end", 0), ==, b.initrd_end);
    Blob value;
    g_assert_true(dt_get(info.tree, "/chosen", "bootargs", &value));
    g_assert_cmpstr((const char *)value.data, ==, "console=ttyAMA0");
    g_assert_true(dt_get(info.tree, "/memory@40000000", "reg", &value));
    roms_clear();
    put_le64(image + 8, 0x80000); /* text offset */
    b = load(&info);
    g_assert_cmphex(b.entry, ==, RAM + 0x80000);
    put_le64(image + 8, 0x8000000);
    refuse(&info, "text offset");
    put_le64(image + 8, 0);
    put_le64(image + 16, 1ull << 40);
    refuse(&info, "wants memory");
    put_le64(image + 16, 0x100000);
    image[24] = 1;
    refuse(&info, "big-endian");
    image[24] = 0;
    info.initrd.len = 200 * MiB;
    refuse(&info, "initrd");
    info.aarch64 = false;
    refuse(&info, "64-bit kernel");
    dt_free(info.tree);
}

static void test_zimage(void)
{
    memset(image, 0, sizeof(image));
    put_le32(image + 0x24, 0x016f2818);
    put_le32(image + 0x2c, sizeof(image));
    ARMBootInfo info = make_info(image, sizeof(image));
    info.cmdline = "quiet";
    ARMBoot b = load(&info);
    g_assert_true(!b.aarch64 && b.is_linux && !b.dtb);
    g_assert_cmphex(b.entry, ==, RAM + 32 * MiB);
    g_assert_cmphex(memory(b.tags), ==, 5);           /* words of the first tag */
    g_assert_cmphex(memory(b.tags + 4), ==, 0x54410001);
    g_assert_cmphex(memory(b.tags + 24), ==, 0x54410002);
    g_assert_cmphex(memory(b.tags + 28), ==, 256 * MiB);
    g_assert_cmphex(memory(b.tags + 32), ==, RAM);
    g_assert_cmphex(memory(b.tags + 40), ==, 0x54410009);
    roms_clear();
    info.ram_size = 64 * MiB;
    b = load(&info);
    g_assert_cmphex(b.entry, ==, RAM + 0x10000);
    roms_clear();
    put_le32(image + 0x2c, 1 << 20);
    refuse(&info, "truncated");
}

static void put_be32(uint8_t *p, uint32_t v)
{
    put_le32(p, __builtin_bswap32(v));
}

static void test_uimage(void)
{
    memset(image, 0, sizeof(image));
    put_be32(image, 0x27051956);
    put_be32(image + 12, 1000);
    put_be32(image + 16, RAM + 0x8000);
    put_be32(image + 20, RAM + 0x8040);
    image[28] = 5, image[29] = 2, image[30] = 2;
    put_le32(image + 64, 0x12345678);
    ARMBootInfo info = make_info(image, sizeof(image));
    ARMBoot b = load(&info);
    g_assert_cmphex(b.entry, ==, RAM + 0x8040);
    g_assert_cmphex(memory(RAM + 0x8000), ==, 0x12345678);
    roms_clear();
    image[29] = 3;
    refuse(&info, "another architecture");
    image[29] = 2, image[30] = 5;
    refuse(&info, "not a kernel");
    image[30] = 2, image[31] = 4;
    refuse(&info, "compressed");
    image[31] = 1;
    info.kernel.len = 64 + 1000;
    put_le32(image + 64, 0x8b1f);
    refuse(&info, "gzip");
    image[31] = 0;
    put_be32(image + 12, 5000);
    refuse(&info, "truncated");
    put_be32(image + 12, 1000);
    put_be32(image + 16, 0x1000);
    refuse(&info, "wants memory");
}

static void test_elf(void)
{
    memset(image, 0, sizeof(image));
    memcpy(image, "\x7f" "ELF\1\1\1", 7);
    put_le16(image + 16, 2), put_le16(image + 18, 40);
    put_le32(image + 24, RAM + 0x100000), put_le32(image + 28, 52);
    put_le16(image + 42, 32), put_le16(image + 44, 1);
    put_le32(image + 52, 1), put_le32(image + 56, 128), put_le32(image + 60, RAM + 0x100000);
    put_le32(image + 64, RAM + 0x100000), put_le32(image + 68, 16), put_le32(image + 72, 32);
    put_le32(image + 128, 0xe59f0000);
    ARMBootInfo info = make_info(image, sizeof(image));
    info.tree = dt_new();
    ARMBoot b = load(&info);
    g_assert_true(!b.is_linux && !b.aarch64);
    g_assert_cmphex(b.entry, ==, RAM + 0x100000);
    g_assert_cmphex(memory(b.entry), ==, 0xe59f0000);
    g_assert_cmphex(b.dtb, ==, RAM); /* out of the program's way */
    roms_clear();
    put_le16(image + 18, 62);
    refuse(&info, "another machine");
    put_le16(image + 18, 183);
    info.aarch64 = false;
    refuse(&info, "AArch64");
    dt_free(info.tree);
}

static void test_binary(void)
{
    memset(image, 0x5a, sizeof(image));
    ARMBootInfo info = make_info(image, sizeof(image));
    g_assert_cmphex(load(&info).entry, ==, RAM + 0x80000);
    roms_clear();
    info.aarch64 = false;
    g_assert_cmphex(load(&info).entry, ==, RAM + 0x10000);
    roms_clear();
    info.kernel.len = 0;
    refuse(&info, "empty");
    memcpy(image + 0x202, "HdrS", 4);
    info.kernel.len = sizeof(image);
    refuse(&info, "an x86 Linux kernel");
}

static size_t pack(uint8_t *out, size_t room)
{
    z_stream z = { .next_in = image, .avail_in = sizeof(image), .next_out = out, .avail_out = (uInt)room };
    deflateInit2(&z, 9, Z_DEFLATED, 31, 9, Z_DEFAULT_STRATEGY);
    g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

static void test_compressed(void)
{
    static uint8_t packed[8192];
    make_image64();
    image[100] = 0x77;
    size_t len = pack(packed + 64, 4096);
    ARMBootInfo info = make_info(packed + 64, len);
    ARMBoot b = load(&info);
    g_assert_cmphex(b.entry, ==, RAM);
    g_assert_cmphex(memory(RAM + 100), ==, 0x77);
    roms_clear();
    for (size_t cut = 0; cut < len; cut++) {
        Error *err = NULL;
        info.kernel.len = cut;
        if (arm_boot_load(&info, &b, &err))
            g_assert_cmpuint(cut, <, 18); /* too short for gzip: a plain binary */
        error_free(err);
        roms_clear();
    }
    memcpy(packed, "MZ\0\0zimg", 8); /* EFI zboot */
    put_le32(packed + 8, 64), put_le32(packed + 12, (uint32_t)len);
    strcpy((char *)packed + 24, "gzip");
    info = make_info(packed, 64 + len);
    b = load(&info);
    g_assert_cmphex(memory(RAM + 100), ==, 0x77);
    roms_clear();
    put_le32(packed + 12, 1 << 20);
    refuse(&info, "zboot image is truncated");
    put_le32(packed + 12, (uint32_t)len);
    packed[64] = 0;
    refuse(&info, "compressed with 'gzip'");
}

/* Damaged trees are refused or used; nothing else. */
static void test_trees(void)
{
    DeviceTree *t = dt_new();
    dt_string(t, "/cpus/cpu@0", "device_type", "cpu");
    dt_u64(t, "/memory@0", "reg", 5);
    dt_string(t, "/memory@0", "device_type", "memory");
    for (unsigned i = 0; i < 3000; i++) { /* grows */
        g_autofree char *path = g_strdup_printf("/soc/device@%x", i);
        dt_cells(t, path, "reg", i, 2, 3, 4);
    }
    Blob b = dt_blob_with_room(t, 64 * KiB);
    g_assert_cmpuint(b.len, >, 64 * KiB);
    b = dt_blob(t);
    g_autofree uint8_t *copy = g_memdup2(b.data, b.len);
    make_image64();
    for (unsigned i = 0; i < 300; i++) {
        uint32_t at = (uint32_t)g_test_rand_int_range(0, i & 1 ? (int)b.len : 64);
        uint8_t old = copy[at];
        copy[at] = (uint8_t)g_test_rand_int();
        DeviceTree *bad = dt_parse((Blob){ copy, i & 2 ? b.len : (size_t)g_test_rand_int_range(0, (int)b.len) }, NULL);
        copy[at] = old;
        if (!bad)
            continue;
        ARMBootInfo info = make_info(image, sizeof(image));
        ARMBoot boot;
        info.tree = bad;
        info.cmdline = "x";
        arm_boot_load(&info, &boot, NULL);
        roms_clear();
        dt_free(bad);
    }
    DeviceTree *same = dt_parse((Blob){ copy, b.len }, NULL);
    g_assert_nonnull(same);
    g_assert_cmphex(dt_get_number(same, "/memory@0", "reg", 0), ==, 5);
    g_autofree char *path = dt_find_type(same, "memory", 0);
    g_assert_cmpstr(path, ==, "/memory@0");
    dt_free(same);
    dt_free(t);
}

/* A tree whose root says that it is memory: what cannot be deleted stays, and the kernel is loaded. */
static void test_root_is_memory(void)
{
    DeviceTree *t = dt_new();
    dt_string(t, "/", "device_type", "memory");
    dt_string(t, "/memory@7", "device_type", "memory");
    make_image64();
    ARMBootInfo info = make_info(image, sizeof(image));
    ARMBoot boot;
    info.tree = t;
    g_assert_true(arm_boot_load(&info, &boot, NULL));
    g_assert_false(dt_has_node(t, "/memory@7"));
    roms_clear();
    dt_free(t);
}

int main(int argc, char **argv)
{
    dev_test_init(&argc, &argv);
    g_assert_true(memory_region_init_ram(&ram, NULL, "ram", 256 * MiB, NULL));
    memory_region_add(system_memory, RAM, &ram);
    g_test_add_func("/arm-boot/root-is-memory", test_root_is_memory);
    g_test_add_func("/arm-boot/image64", test_image64);
    g_test_add_func("/arm-boot/zimage", test_zimage);
    g_test_add_func("/arm-boot/uimage", test_uimage);
    g_test_add_func("/arm-boot/elf", test_elf);
    g_test_add_func("/arm-boot/binary", test_binary);
    g_test_add_func("/arm-boot/compressed", test_compressed);
    g_test_add_func("/arm-boot/trees", test_trees);
    return g_test_run();
}
