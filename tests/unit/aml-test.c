/* SPDX-License-Identifier: MIT */
/*
 * Proves the AML encoder against byte sequences worked out by hand from ACPI 6.4: names (20.2.2), package
 * lengths (20.2.4), constants (20.2.3) and resource descriptors (6.4).
 */
#include "hw/aml.h"
#include <string.h>

#define EXPECT(a, ...)                                                        \
    do {                                                                      \
        const uint8_t want[] = { __VA_ARGS__ };                               \
        g_assert_cmpmem((a)->data, (a)->len, want, sizeof(want));             \
        g_byte_array_free(a, TRUE);                                           \
    } while (0)

static void test_names(void)
{
    Aml *a = g_byte_array_new();
    aml_name_string(a, "\\_SB.PCI0");
    EXPECT(a, '\\', 0x2e, '_', 'S', 'B', '_', 'P', 'C', 'I', '0');
    a = g_byte_array_new();
    aml_name_string(a, "^^A.BC.DEF");
    EXPECT(a, '^', '^', 0x2f, 3, 'A', '_', '_', '_', 'B', 'C', '_', '_', 'D', 'E', 'F', '_');
    a = g_byte_array_new();
    aml_name_string(a, "\\");
    EXPECT(a, '\\', 0);
}

static void test_constants(void)
{
    Aml *a = g_byte_array_new();
    aml_int(a, 0);
    aml_int(a, 1);
    aml_int(a, 2);
    aml_int(a, 0x1234);
    aml_int(a, 0x12345678);
    aml_int(a, 0x123456789a);
    EXPECT(a, 0, 1, 0x0a, 2, 0x0b, 0x34, 0x12, 0x0c, 0x78, 0x56, 0x34, 0x12, 0x0e, 0x9a, 0x78, 0x56, 0x34, 0x12, 0, 0, 0);
    a = g_byte_array_new();
    aml_eisa_id(a, "PNP0A03");
    EXPECT(a, 0x0c, 0x41, 0xd0, 0x0a, 0x03);
    a = g_byte_array_new();
    aml_string(a, "Hi");
    EXPECT(a, 0x0d, 'H', 'i', 0);
}

static void test_method(void)
{
    Aml *a = g_byte_array_new();
    AmlMark m = aml_method(a, "_STA", 1, true);
    aml_byte(a, AML_RETURN);
    aml_int(a, 0x0f);
    aml_end(a, m);
    EXPECT(a, 0x14, 9, '_', 'S', 'T', 'A', 0x09, 0xa4, 0x0a, 0x0f);
}

/* The length field grows at 63 and 4095 bytes of object, length included. */
static void test_package_lengths(void)
{
    static const struct { unsigned content, bytes; uint8_t first, second, third; } cases[] = {
        { 62, 1, 0x3f, 0, 0 }, { 63, 2, 0x41, 0x04, 0 }, { 4093, 2, 0x4f, 0xff, 0 }, { 4094, 3, 0x81, 0x00, 0x01 },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        Aml *a = g_byte_array_new();
        AmlMark m = aml_else(a);
        for (unsigned n = 0; n < cases[i].content; n++)
            aml_byte(a, 0xa3);
        aml_end(a, m);
        g_assert_cmpuint(a->len, ==, 1 + cases[i].bytes + cases[i].content);
        g_assert_cmpuint(a->data[1], ==, cases[i].first);
        if (cases[i].bytes > 1)
            g_assert_cmpuint(a->data[2], ==, cases[i].second);
        if (cases[i].bytes > 2)
            g_assert_cmpuint(a->data[3], ==, cases[i].third);
        g_byte_array_free(a, TRUE);
    }
}

static void test_resources(void)
{
    Aml *a = g_byte_array_new();
    static const uint32_t irqs[] = { 10 };
    AmlTemplate t = aml_resources(a);
    aml_io(a, 0x70, 1, 8);
    aml_irq(a, 8);
    aml_interrupts(a, irqs, 1);
    aml_resources_end(a, t);
    EXPECT(a, 0x11, 0x1a, 0x0b, 0x16, 0x00, 0x47, 1, 0x70, 0, 0x70, 0, 1, 8, 0x22, 0x00, 0x01,
           0x89, 6, 0, 9, 1, 10, 0, 0, 0, 0x79, 0);
}

static void test_window(void)
{
    Aml *a = g_byte_array_new();
    aml_window(a, AML_RANGE_IO, 2, 0xd00, 0xffff);
    EXPECT(a, 0x88, 13, 0, 1, 0x0c, 3, 0, 0, 0x00, 0x0d, 0xff, 0xff, 0, 0, 0x00, 0xf3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/aml/names", test_names);
    g_test_add_func("/aml/constants", test_constants);
    g_test_add_func("/aml/method", test_method);
    g_test_add_func("/aml/package-lengths", test_package_lengths);
    g_test_add_func("/aml/resources", test_resources);
    g_test_add_func("/aml/window", test_window);
    return g_test_run();
}
