/* SPDX-License-Identifier: MIT */
/*
 * -device loader: values and files of each format are in memory after the start and again after a reset. Expected contents follow
 * from the formats' specifications (System V ABI, U-Boot's image.h, Intel's Hexadecimal Object File Format) and from
 * QEMU's documentation of the device.
 */
#include "libqtest.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static char *folder;

static char *file(const char *name, const void *data, size_t len)
{
    char *path = g_build_filename(folder, name, NULL);
    if (!g_file_set_contents(path, data, (gssize)len, NULL))
        g_error("cannot write %s", path);
    return path;
}

static void put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8); }
static void put32(uint8_t *p, uint32_t v) { put16(p, v), put16(p + 2, v >> 16); }
static void put_be(uint8_t *p, uint32_t v) { put32(p, __builtin_bswap32(v)); }

static void test_values(void)
{
    QTest *q = qtest_start("-M none -m 16 -device loader,addr=0x1000,data=0x1122334455667788,data-len=8 "
                           "-device loader,addr=0x2000,data=0xa1b2c3d4,data-len=4 "
                           "-device loader,addr=0x3000,data=0xa1b2c3d4,data-len=4,data-be=on "
                           "-device loader,addr=0x4001,data=0xc0ffee,data-len=3,data-be=true");
    g_assert_cmphex(qtest_readq(q, 0x1000), ==, 0x1122334455667788);
    g_assert_cmphex(qtest_readq(q, 0x2000), ==, 0xa1b2c3d4);
    g_assert_cmphex(qtest_readq(q, 0x3000), ==, 0xd4c3b2a1);
    g_assert_cmphex(qtest_readq(q, 0x4000), ==, 0xeeffc000);
    qtest_end(q);
}

/* A value may be meant for a device's register. */
static void test_register(void)
{
    QTest *q = qtest_start("--target arm -M vexpress-a9 -device loader,addr=0x10011000,data=0x1234,data-len=4");
    g_assert_cmphex(qtest_readl(q, 0x10011000), ==, 0x1234); /* the timer's load register */
    qtest_end(q);
}

static void check_raw(const char *machine, uint64_t addr)
{
    static const uint8_t bytes[] = "raw bytes of a file";
    uint8_t got[sizeof(bytes)];
    g_autofree char *path = file("raw.bin", bytes, sizeof(bytes));
    QTest *q = qtest_start("%s -device loader,file=%s,addr=0x%llx", machine, path, (unsigned long long)addr);
    qtest_memread(q, addr, got, sizeof(got));
    g_assert_cmpmem(got, sizeof(got), bytes, sizeof(bytes));
    qtest_end(q);
}

static void test_raw(void)
{
    check_raw("-M pc", 0x200003);
    check_raw("--target i386 -M pc -m 64", 0x3ff0000);
    check_raw("-M none -m 4", 0);
    check_raw("--target arm -M virt", 0x40000000);
    check_raw("--target arm -M virt", 4);                 /* the flash */
    check_raw("--target aarch64 -M virt -m 4G", 0x100000000);
    check_raw("--target arm -M vexpress-a15", 0x80001000);
    check_raw("--target arm -M raspi2b", 0x8000);
    check_raw("--target aarch64 -M raspi3b", 0x80000);
}

static void test_elf(void)
{
    uint8_t f[192] = "\x7f" "ELF\1\1\1";
    put16(f + 16, 2), put16(f + 18, 40), put32(f + 24, 0x8000), put32(f + 28, 52);
    put16(f + 42, 32), put16(f + 44, 1);
    put32(f + 52, 1), put32(f + 56, 128), put32(f + 60, 0xc0008000), put32(f + 64, 0x8000), put32(f + 68, 8), put32(f + 72, 16);
    memcpy(f + 128, "segment.", 8);
    g_autofree char *path = file("x.elf", f, sizeof(f));
    QTest *q = qtest_start("-M pc -device loader,file=%s,addr=0x999", path); /* its own address counts */
    char got[16];
    qtest_memread(q, 0x8000, got, sizeof(got));
    g_assert_cmpmem(got, sizeof(got), "segment.\0\0\0\0\0\0\0", 16);
    qtest_end(q);
    q = qtest_start("-M none -m 1 -device loader,file=%s,addr=0x1000,force-raw=on", path);
    g_assert_cmphex(qtest_readl(q, 0x1000), ==, 0x464c457f);
    g_assert_cmphex(qtest_readl(q, 0x8000), ==, 0);
    qtest_end(q);
}

static void test_uimage(void)
{
    uint8_t f[64 + 256] = { 0 };
    put_be(f, 0x27051956), put_be(f + 12, 12), put_be(f + 16, 0x9000), put_be(f + 20, 0x9004);
    f[28] = 5, f[29] = 2, f[30] = 2;
    memcpy(f + 64, "u-boot image", 12);
    g_autofree char *plain = file("plain.uimg", f, 64 + 12);
    QTest *q = qtest_start("-M none -m 1 -device loader,file=%s", plain);
    char got[12];
    qtest_memread(q, 0x9000, got, sizeof(got));
    g_assert_cmpmem(got, sizeof(got), "u-boot image", 12);
    qtest_end(q);
    z_stream z = { .next_in = (Bytef *)"packed bytes", .avail_in = 12, .next_out = f + 64, .avail_out = 256 };
    g_assert_cmpint(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), ==, Z_OK);
    g_assert_cmpint(deflate(&z, Z_FINISH), ==, Z_STREAM_END);
    deflateEnd(&z);
    put_be(f + 12, (uint32_t)z.total_out);
    f[31] = 1;
    g_autofree char *packed = file("packed.uimg", f, 64 + z.total_out);
    q = qtest_start("-M none -m 1 -device loader,file=%s", packed);
    qtest_memread(q, 0x9000, got, sizeof(got));
    g_assert_cmpmem(got, sizeof(got), "packed bytes", 12);
    qtest_end(q);
}

static void test_ihex(void)
{
    /* Lines of the specification's kinds: linear and segment bases, a gap, the entry, the end. */
    static const char text[] = ":020000040001F9\r\n:0401000041424344F1\r\n:0401040045464748DD\r\n:020200009988DB\n"
                               ":020000022000DC\n:010010005A95\n:0400000500010100F5\n:00000001FF\nafter the end\n";
    g_autofree char *path = file("x.hex", text, sizeof(text) - 1);
    QTest *q = qtest_start("-M none -m 1 -device loader,file=%s", path);
    g_assert_cmphex(qtest_readq(q, 0x10100), ==, 0x4847464544434241);
    g_assert_cmphex(qtest_readl(q, 0x10200), ==, 0x8899);
    g_assert_cmphex(qtest_readl(q, 0x20010), ==, 0x5a);
    qtest_end(q);
}

static void test_reset(void)
{
    g_autofree char *path = file("again.bin", "original", 8);
    QTest *q = qtest_start("-M pc -device loader,file=%s,addr=0x200000 -device loader,addr=0x200100,data=7,data-len=1", path);
    qtest_writeq(q, 0x200000, 0);
    qtest_writeb(q, 0x200100, 0);
    qtest_outb(q, 0x64, 0xfe); /* the keyboard controller's reset line */
    char got[8] = "";
    for (int i = 0; i < 1000 && memcmp(got, "original", 8); i++, g_usleep(1000))
        qtest_memread(q, 0x200000, got, sizeof(got));
    g_assert_cmpmem(got, 8, "original", 8);
    g_assert_cmphex(qtest_readb(q, 0x200100), ==, 7);
    qtest_end(q);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    folder = g_dir_make_tmp("rhea-loader-XXXXXX", NULL);
    g_test_add_func("/loader/values", test_values);
    g_test_add_func("/loader/register", test_register);
    g_test_add_func("/loader/raw", test_raw);
    g_test_add_func("/loader/elf", test_elf);
    g_test_add_func("/loader/uimage", test_uimage);
    g_test_add_func("/loader/ihex", test_ihex);
    g_test_add_func("/loader/reset", test_reset);
    int status = g_test_run();
    for (const char *const *f = (const char *const[]){ "raw.bin", "x.elf", "plain.uimg", "packed.uimg", "x.hex", "again.bin", NULL }; *f; f++) {
        g_autofree char *path = g_build_filename(folder, *f, NULL);
        unlink(path);
    }
    rmdir(folder);
    g_free(folder);
    return status;
}
