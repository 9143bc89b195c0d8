/* SPDX-License-Identifier: MIT */
/*
 * Proves that the placed ACPI tables hang together: pointers from the RSDP lead to every table, checksums are
 * zero, lengths and revisions are those of ACPI 6.4 ch. 5.2, and the firmware script gives the same bytes.
 * With -d FILE it writes the DSDT for a disassembler.
 */
#include "hw/acpi.h"
#include <glib.h>
#include <stdio.h>
#include <string.h>

#define BASE 0x1ff00000u

static ACPITables *build(unsigned cpus)
{
    static uint32_t ids[300];
    for (unsigned i = 0; i < cpus; i++)
        ids[i] = i;
    const ACPIConfig c = {
        .apic_ids = ids, .cpus = cpus, .hpet = true, .i8042 = true, .serial_ports = 3, .hole = { { 0xc0000000, 0xfec00000 } },
        .chipset = { .gpe0 = 0xafe0, .gpe0_len = 4, .acpi_enable = 0xf1, .acpi_disable = 0xf0 }, .high_start = 16 * GiB, .high_end = 256 * GiB,
    };
    return acpi_build(&c);
}

static uint32_t get32(const uint8_t *p)
{
    return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint8_t sum(const uint8_t *p, uint32_t len)
{
    uint8_t s = 0;
    while (len--)
        s += *p++;
    return s;
}

static const uint8_t *table_at(const ACPITables *t, uint32_t address)
{
    g_assert_cmpuint(address, >=, BASE);
    g_assert_cmpuint(address, <, BASE + t->blob->len);
    const uint8_t *p = t->blob->data + (address - BASE);
    if (memcmp(p, "FACS", 4))
        g_assert_cmpuint(sum(p, get32(p + 4)), ==, 0);
    return p;
}

static const uint8_t *find(const ACPITables *t, const char *signature)
{
    const uint8_t *rsdt = table_at(t, get32(t->rsdp->data + 16));
    for (uint32_t at = 36; at < get32(rsdt + 4); at += 4) {
        const uint8_t *p = table_at(t, get32(rsdt + at));
        if (!memcmp(p, signature, 4))
            return p;
    }
    return NULL;
}

static void test_roots(void)
{
    ACPITables *t = build(2);
    acpi_place(t, BASE);
    const uint8_t *r = t->rsdp->data;
    g_assert_cmpmem(r, 8, "RSD PTR ", 8);
    g_assert_cmpuint(sum(r, 20), ==, 0);
    g_assert_cmpuint(sum(r, 36), ==, 0);
    const uint8_t *rsdt = table_at(t, get32(r + 16)), *xsdt = table_at(t, get32(r + 24));
    unsigned n = (get32(rsdt + 4) - 36) / 4;
    g_assert_cmpuint(n, ==, (get32(xsdt + 4) - 36) / 8);
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmpuint(get32(rsdt + 36 + 4 * i), ==, get32(xsdt + 36 + 8 * i));
        g_assert_cmpuint(get32(xsdt + 40 + 8 * i), ==, 0);
    }
    acpi_free(t);
}

static void test_fadt(void)
{
    ACPITables *t = build(1);
    acpi_place(t, BASE);
    const uint8_t *f = find(t, "FACP");
    g_assert_nonnull(f);
    g_assert_cmpuint(get32(f + 4), ==, 244);
    g_assert_cmpuint(f[8], ==, 3);
    const uint8_t *facs = table_at(t, get32(f + 36)), *dsdt = table_at(t, get32(f + 40));
    g_assert_cmpmem(facs, 4, "FACS", 4);
    g_assert_cmpuint((facs - t->blob->data) % 64, ==, 0);
    g_assert_cmpmem(dsdt, 4, "DSDT", 4);
    g_assert_cmpuint(get32(f + 140), ==, get32(f + 40));
    g_assert_cmpuint(f[46], ==, 9);                    /* SCI */
    g_assert_cmpuint(get32(f + 56), ==, 0x600);        /* PM1a events */
    g_assert_cmpuint(get32(f + 64), ==, 0x604);        /* PM1a control */
    g_assert_cmpuint(get32(f + 76), ==, 0x608);        /* PM timer */
    g_assert_cmpuint(f[88], ==, 4);
    g_assert_cmpuint(f[89], ==, 2);
    g_assert_cmpuint(f[108], ==, 0x32);                /* century */
    g_assert_cmpuint(get32(f + 120), ==, 0xcf9);       /* reset register */
    g_assert_cmpuint(f[128], ==, 0x0f);
    g_assert_cmpuint(f[148], ==, 1);                   /* X_PM1a_EVT: I/O */
    g_assert_cmpuint(get32(f + 152), ==, 0x600);
    acpi_free(t);
}

static void test_madt(void)
{
    ACPITables *t = build(260);
    acpi_place(t, BASE);
    const uint8_t *m = find(t, "APIC");
    unsigned count[16] = { 0 };
    for (uint32_t at = 44; at < get32(m + 4); at += m[at + 1]) {
        g_assert_cmpuint(m[at + 1], >, 1);
        g_assert_cmpuint(m[at], <, 16);
        count[m[at]]++;
    }
    g_assert_cmpuint(count[0], ==, 255);
    g_assert_cmpuint(count[9], ==, 5);
    g_assert_cmpuint(count[1], ==, 1);
    g_assert_cmpuint(count[2], ==, 5);
    g_assert_cmpuint(count[4], ==, 1);
    acpi_free(t);
}

/* Interprets the script as firmware does and compares with acpi_place. */
static void test_script(void)
{
    ACPITables *placed = build(2), *t = build(2);
    acpi_place(placed, BASE);
    GByteArray *s = acpi_loader_script(t);
    g_assert_cmpuint(s->len % 128, ==, 0);
    for (uint32_t at = 0; at < s->len; at += 128) {
        const uint8_t *c = s->data + at;
        GByteArray *file = !strcmp((const char *)c + 4, "etc/acpi/rsdp") ? t->rsdp : t->blob;
        if (get32(c) == 2) {
            uint64_t v = 0;
            uint32_t offset = get32(c + 116);
            memcpy(&v, file->data + offset, c[120]);
            v += BASE;
            memcpy(file->data + offset, &v, c[120]);
        } else if (get32(c) == 3) {
            file->data[get32(c + 60)] -= sum(file->data + get32(c + 64), get32(c + 68));
        }
    }
    g_assert_cmpmem(t->blob->data, t->blob->len, placed->blob->data, placed->blob->len);
    g_assert_cmpmem(t->rsdp->data, t->rsdp->len, placed->rsdp->data, placed->rsdp->len);
    g_byte_array_free(s, TRUE);
    acpi_free(t);
    acpi_free(placed);
}

static int dump_dsdt(const char *path)
{
    ACPITables *t = build(2);
    acpi_place(t, BASE);
    const uint8_t *dsdt = table_at(t, get32(find(t, "FACP") + 40));
    bool ok = g_file_set_contents(path, (const char *)dsdt, get32(dsdt + 4), NULL);
    acpi_free(t);
    return ok ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "-d"))
        return dump_dsdt(argv[2]);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/acpi/roots", test_roots);
    g_test_add_func("/acpi/fadt", test_fadt);
    g_test_add_func("/acpi/madt", test_madt);
    g_test_add_func("/acpi/script", test_script);
    return g_test_run();
}
