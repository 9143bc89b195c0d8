/* SPDX-License-Identifier: MIT */
/*
 * Proves that the ELF parser takes well-formed images (layouts from the System V ABI) and refuses every header
 * field that points outside the file; then that no single flipped byte or truncation crashes a loader.
 */
#include "hw/loader.h"
#include "hw/x86-boot.h"
#include "util/error.h"
#include <glib.h>
#include <string.h>

#define FILE_SIZE 1024

/* 64-bit: a PT_LOAD of 256 bytes at file offset 512, and a note with owner "Xen" and type 18. */
static void make_elf64(uint8_t *f)
{
    memset(f, 0, FILE_SIZE);
    memcpy(f, "\x7f" "ELF\2\1\1", 7);
    put_le16(f + 16, 2);
    put_le16(f + 18, ELF_MACHINE_X86_64);
    put_le64(f + 24, 0x1000100);
    put_le64(f + 32, 64);
    put_le16(f + 54, 56);
    put_le16(f + 56, 2);
    uint8_t *load = f + 64, *note = f + 120;
    put_le32(load, 1);
    put_le64(load + 8, 512);
    put_le64(load + 16, 0xffffffff81000000);
    put_le64(load + 24, 0x1000000);
    put_le64(load + 32, 256);
    put_le64(load + 40, 8192);
    put_le32(note, 4);
    put_le64(note + 8, 256);
    put_le64(note + 32, 20);
    put_le32(f + 256, 4);
    put_le32(f + 260, 4);
    put_le32(f + 264, 18);
    memcpy(f + 268, "Xen", 4);
    put_le32(f + 272, 0x1000000);
}

static void test_good(void)
{
    uint8_t f[FILE_SIZE];
    ELFImage elf;
    Blob desc;
    make_elf64(f);
    g_assert_true(elf_parse((Blob){ f, sizeof(f) }, &elf, NULL));
    g_assert_true(elf.is64);
    g_assert_cmphex(elf.entry, ==, 0x1000100);
    g_assert_cmpuint(elf.segments, ==, 1);
    g_assert_cmphex(elf.segment[0].paddr, ==, 0x1000000);
    g_assert_cmphex(elf.segment[0].vaddr, ==, 0xffffffff81000000);
    g_assert_true(elf.segment[0].data.data == f + 512);
    g_assert_cmpuint(elf.segment[0].memsize, ==, 8192);
    g_assert_true(elf_find_note(&elf, "Xen", 18, &desc));
    g_assert_cmphex(get_le32(desc.data), ==, 0x1000000);
    g_assert_false(elf_find_note(&elf, "Xen", 17, &desc));
    g_assert_false(elf_find_note(&elf, "Xe", 18, &desc));
    uint64_t start, end;
    elf_extent(&elf, &start, &end);
    g_assert_cmphex(end, ==, 0x1002000);
}

static void test_refusals(void)
{
    static const struct { unsigned at, bytes; uint64_t value; const char *words; } cases[] = {
        { 4, 1, 3, "little-endian" },  { 5, 1, 2, "little-endian" },   { 16, 2, 1, "not an executable" },
        { 32, 8, 2000, "outside" },    { 32, 8, ~0ull, "outside" },    { 54, 2, 10, "outside" },
        { 56, 2, 0xffff, "outside" },  { 56, 2, 0, "nothing to load" }, { 72, 8, 1020, "outside the file" },
        { 72, 8, ~0ull, "outside the file" }, { 96, 8, ~0ull, "outside the file" }, { 104, 8, 100, "impossible size" },
        { 88, 8, ~0ull, "impossible size" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t f[FILE_SIZE];
        ELFImage elf;
        Error *err = NULL;
        make_elf64(f);
        memcpy(f + cases[i].at, &cases[i].value, cases[i].bytes);
        g_assert_false(elf_parse((Blob){ f, sizeof(f) }, &elf, &err));
        if (!strstr(error_get_pretty(err), cases[i].words))
            g_error("case %u: \"%s\" lacks \"%s\"", i, error_get_pretty(err), cases[i].words);
        error_free(err);
    }
}

static void try_all(const uint8_t *data, size_t len)
{
    static E820Table e820 = { .count = 1, .rows = { { 0, 64 * MiB, E820_RAM } } };
    uint8_t *copy = g_memdup2(data, len); /* exact size: sanitizers see reads past the end */
    X86BootInfo info = { .kernel = { copy, len }, .kernel_name = "k", .e820 = &e820, .ram_end = 64 * MiB };
    X86BootStart start;
    pvh_boot(&info, &start, NULL);
    multiboot_boot(&info, &start, NULL);
    linux_boot(&info, &start, NULL);
    blob_identify(info.kernel);
    roms_clear();
    g_free(copy);
}

static void test_damage(void)
{
    uint8_t f[FILE_SIZE];
    make_elf64(f);
    for (size_t len = 0; len < FILE_SIZE; len += len < 320 ? 1 : 61)
        try_all(f, len);
    for (unsigned at = 0; at < 288; at++)
        for (unsigned bit = 0; bit < 8; bit++) {
            f[at] ^= 1u << bit;
            try_all(f, sizeof(f));
            f[at] ^= 1u << bit;
        }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/elf/good", test_good);
    g_test_add_func("/elf/refusals", test_refusals);
    g_test_add_func("/elf/damage", test_damage);
    return g_test_run();
}
