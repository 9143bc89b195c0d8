/* SPDX-License-Identifier: MIT */
/*
 * Proves which MSRs exist, their reset values, and which values they refuse. Expected values: Intel SDM vol. 4 and
 * AMD APM vol. 2 appendix A; reset values from SDM vol. 3 table 9-1.
 */
#include "x86-machine.h"

static X86CPU *env;

static uint64_t read_msr(uint32_t msr)
{
    uint64_t v;
    if (!x86_read_msr(env, msr, &v))
        g_error("rdmsr %x raised #GP", msr);
    return v;
}

static bool exists(uint32_t msr)
{
    uint64_t v;
    return x86_read_msr(env, msr, &v);
}

/* The write is taken and reads back as `back`. */
static void writes(uint32_t msr, uint64_t value, uint64_t back)
{
    if (!x86_write_msr(env, msr, value))
        g_error("wrmsr %x <- %llx raised #GP", msr, (unsigned long long)value);
    g_assert_cmphex(read_msr(msr), ==, back);
}

static void refuses(uint32_t msr, uint64_t value)
{
    if (x86_write_msr(env, msr, value))
        g_error("wrmsr %x <- %llx was taken", msr, (unsigned long long)value);
}

static void test_reset_values(void)
{
    g_assert_cmphex(read_msr(0x277), ==, 0x0007040600070406);
    g_assert_cmphex(read_msr(0x2ff), ==, 0);
    g_assert_cmphex(read_msr(0xfe), ==, 0x508);
    g_assert_cmphex(read_msr(0xc0000080), ==, 0);
    g_assert_cmphex(read_msr(0x1b) & ~0x100ull, ==, 0xfee00800);
    g_assert_cmphex(read_msr(0x179) & 0xff, ==, 10);
    g_assert_cmphex(read_msr(0xc0010114), ==, 0x10);
}

static void test_unknown(void)
{
    static const uint32_t none[] = { 0x2, 0x16, 0x1000, 0x4b564d00, 0x40000000, 0xc0000085, 0xc0000105, 0xffffffff };
    for (unsigned i = 0; i < ARRAY_SIZE(none); i++) {
        g_assert_false(exists(none[i]));
        refuses(none[i], 0);
    }
}

static void test_system_call(void)
{
    writes(0x174, 0x10, 0x10);
    writes(0x175, 0xffff800000001000, 0xffff800000001000);
    refuses(0x176, 0x0000800000000000);
    writes(0xc0000081, ~0ull, ~0ull);
    writes(0xc0000082, 0xffffffff81000000, 0xffffffff81000000);
    refuses(0xc0000082, 0x8000000000000000);
    writes(0xc0000084, 0x123456789, 0x23456789);
    writes(0xc0000100, 0x7fff12345678, 0x7fff12345678);
    g_assert_cmphex(env->segs[R_FS].base, ==, 0x7fff12345678);
    refuses(0xc0000101, 0x1234567812345678);
    writes(0xc0000102, 0, 0);
    writes(0xc0000103, 7, 7);
    refuses(0xc0000103, 1ull << 32);
}

static void test_efer(void)
{
    writes(0xc0000080, EFER_SCE | EFER_NXE | EFER_LME, EFER_SCE | EFER_NXE | EFER_LME);
    refuses(0xc0000080, 1 << 12); /* SVME: no SVM */
    refuses(0xc0000080, 2);
    writes(0xc0000080, EFER_LMA, 0); /* LMA is not writable */
}

static void test_memory_types(void)
{
    writes(0x277, 0x0606060606060606, 0x0606060606060606);
    refuses(0x277, 2);
    writes(0x2ff, 0xc06, 0xc06);
    refuses(0x2ff, 0x1c06);
    refuses(0x2ff, 2);
    writes(0x200, 0x80000006, 0x80000006);
    refuses(0x200, 0x80000106);
    writes(0x201, 0xff80000800, 0xff80000800);
    refuses(0x201, 1ull << 40);
    writes(0x26f, 0x0505050505050505, 0x0505050505050505);
    g_assert_cmphex(env->mtrr_fixed[10], ==, 0x0505050505050505);
    writes(0x250, 0, 0);
    refuses(0x259, 7);
    g_assert_false(exists(0x251));
}

static void test_machine_check(void)
{
    writes(0x400, ~0ull, ~0ull);
    writes(0x404, 0, 0);
    refuses(0x404, 5);
    writes(0x410, ~(1ull << 10), ~(1ull << 10)); /* Debian's amd64 kernel on the default CPU */
    writes(0x400, ~1ull, ~1ull);
    refuses(0x410, ~(1ull << 11));
    writes(0x401, 0, 0);
    refuses(0x401, 1);
    g_assert_false(exists(0x428));
}

static void test_tsc(void)
{
    uint64_t before = read_msr(0x3b);
    g_assert_true(x86_write_msr(env, 0x10, 1ull << 40));
    g_assert_cmphex(read_msr(0x10), >=, 1ull << 40);
    g_assert_cmphex(read_msr(0x3b), !=, before);
    g_assert_true(x86_write_msr(env, 0x3b, 0));
    g_assert_cmphex(read_msr(0x10), <, 1ull << 40);
}

static void test_vendors(void)
{
    X86CPU *amd = env;
    g_assert_true(exists(0xc0010015));
    g_assert_false(exists(0x1a0));
    env = x86_new_cpu("Nehalem");
    g_assert_false(exists(0xc0010015));
    g_assert_cmphex(read_msr(0x1a0), ==, 1);
    g_assert_cmphex(read_msr(0x3a), ==, 1);
    refuses(0x3a, 5); /* locked */
    refuses(0x48, 1 << 3);
    refuses(0xce, 0);
    env = x86_new_cpu("486");
    g_assert_false(exists(0x277));
    g_assert_false(exists(0xc0000080));
    g_assert_false(exists(0x10));
    env = amd;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    x86_machine(1 * MiB);
    env = x86_new_cpu("max");
    g_test_add_func("/x86/msr/reset", test_reset_values);
    g_test_add_func("/x86/msr/unknown", test_unknown);
    g_test_add_func("/x86/msr/system-call", test_system_call);
    g_test_add_func("/x86/msr/efer", test_efer);
    g_test_add_func("/x86/msr/memory-types", test_memory_types);
    g_test_add_func("/x86/msr/machine-check", test_machine_check);
    g_test_add_func("/x86/msr/tsc", test_tsc);
    g_test_add_func("/x86/msr/vendors", test_vendors);
    return g_test_run();
}
