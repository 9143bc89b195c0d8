/* SPDX-License-Identifier: MIT */
/*
 * Proves -cpu parsing, the feature tables and CPUID. Expected values: bit positions of Intel SDM vol. 2 CPUID and
 * AMD APM vol. 3 appendix E; property behaviour as QEMU's -cpu option documents it.
 */
#include "target-i386/models.h"
#include "x86-machine.h"

static X86CPU *create(const char *text)
{
    Error *err = NULL;
    CPUState *cpu = x86_cpu_create(text, &x86_64_target_ops, &err);
    if (!cpu)
        g_error("%s: %s", text, error_get_pretty(err));
    return x86_cpu(cpu);
}

static void expect_error(const char *text, const char *part)
{
    Error *err = NULL;
    g_assert_null(x86_cpu_create(text, &x86_64_target_ops, &err));
    if (!strstr(error_get_pretty(err), part))
        g_error("%s: '%s' lacks '%s'", text, error_get_pretty(err), part);
    error_free(err);
}

static bool has(const char *text, const char *feature)
{
    FeatureWord w;
    unsigned b;
    X86CPU *env = create(text);
    g_assert_true(x86_feature_find(feature, &w, &b));
    bool r = x86_feature(env, w, b);
    free(env);
    return r;
}

/* Every name in a model or a list of what is implemented must exist. */
static void check_names(const char *list)
{
    char **names = g_strsplit(list, " ", -1);
    FeatureWord w;
    unsigned b;
    for (unsigned i = 0; names[i]; i++)
        if (*names[i] && !x86_feature_find(names[i], &w, &b))
            g_error("no such feature: %s", names[i]);
    g_strfreev(names);
}

static void test_tables(void)
{
    for (const X86Model *m = x86_models; m->name; m++) {
        if (m->features)
            check_names(m->features);
        g_assert_cmpuint(strlen(m->vendor), ==, 12);
        g_assert_cmpuint(strlen(m->model_id), <=, 48);
    }
    for (unsigned w = 0; w < FEATURE_WORDS; w++)
        check_names(x86_feature_words[w].implemented);
}

static void test_spellings(void)
{
    static const struct { const char *name; FeatureWord word; unsigned bit; } t[] = {
        { "sse4.1", FW_1_ECX, 19 }, { "sse4_1", FW_1_ECX, 19 }, { "sse4-2", FW_1_ECX, 20 }, { "sse3", FW_1_ECX, 0 },
        { "pni", FW_1_ECX, 0 }, { "lahf_lm", FW_8000_0001_ECX, 0 }, { "tsc-deadline", FW_1_ECX, 24 },
        { "x2apic", FW_1_ECX, 21 }, { "xd", FW_8000_0001_EDX, 20 }, { "nx", FW_8000_0001_EDX, 20 },
        { "i64", FW_8000_0001_EDX, 29 }, { "avx2", FW_7_0_EBX, 5 }, { "smap", FW_7_0_EBX, 20 },
        { "pku", FW_7_0_ECX, 3 }, { "la57", FW_7_0_ECX, 16 }, { "rdpid", FW_7_0_ECX, 22 }, { "fsrm", FW_7_0_EDX, 4 },
        { "spec-ctrl", FW_7_0_EDX, 26 }, { "invtsc", FW_8000_0007_EDX, 8 }, { "arat", FW_6_EAX, 2 },
        { "xsaves", FW_D_1_EAX, 3 }, { "pcid", FW_1_ECX, 17 }, { "invpcid", FW_7_0_EBX, 10 },
        { "hypervisor", FW_1_ECX, 31 },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(t); i++) {
        FeatureWord w;
        unsigned b;
        g_assert_true(x86_feature_find(t[i].name, &w, &b));
        g_assert_cmpuint(w, ==, t[i].word);
        g_assert_cmpuint(b, ==, t[i].bit);
    }
}

static void test_options(void)
{
    g_assert_true(has("qemu64", "pcid"));
    g_assert_true(has("qemu64,+x2apic", "x2apic"));
    g_assert_false(has("qemu64,+x2apic,-x2apic", "x2apic"));
    g_assert_false(has("qemu64,pcid=off", "pcid"));
    g_assert_false(has("qemu64,-pcid,pcid=on", "pcid")); /* - wins */
    g_assert_true(has("qemu64,sse4_1", "sse4.1"));
    g_assert_true(has("qemu64,hv-time,kvm=off,migratable=no,+hv_relaxed", "sse2"));
    g_assert_false(has("486", "tsc"));
    g_assert_true(has("max", "la57"));
    g_assert_false(has("max", "avx512f"));
#ifdef __x86_64__ /* as far as the host has it */
    g_assert_true(has("max", "avx2") == !!__builtin_cpu_supports("avx2"));
#endif
    g_assert_true(has("Haswell-noTSX,check=off", "bmi2"));
    g_assert_true(has("Skylake-Server-v3,check=off", "clwb"));
    X86CPU *env = create("qemu64,family=6,model=58,stepping=9,vendor=GenuineIntel,phys-bits=46,level=5,"
                         "model-id=Some CPU");
    g_assert_cmphex(env->cpuid_version, ==, 0x306a9);
    g_assert_cmpstr(env->cpuid_vendor, ==, "GenuineIntel");
    g_assert_cmpstr(env->cpuid_model_name, ==, "Some CPU");
    g_assert_cmpuint(env->phys_bits, ==, 46);
    g_assert_cmpuint(env->cpuid_level, ==, 5);
    free(env);
}

static void test_errors(void)
{
    expect_error("Nehelem", "did you mean 'Nehalem'");
    expect_error("host", "requires KVM");
    expect_error("qemu64,+x2apicc", "did you mean 'x2apic'");
    expect_error("qemu64,foobarbaz=on", "Property 'foobarbaz' not found");
    expect_error("qemu64,phys-bits=60", "between 32 and 52");
    expect_error("qemu64,vendor=Intel", "12 characters");
    expect_error("qemu64,pcid=maybe", "pcid");
    expect_error("EPYC,enforce", "doesn't support requested features");
}

/* Text of the vendor leaf or a brand leaf. */
static void regs_text(const uint32_t r[4], char out[17])
{
    memcpy(out, r, 16);
    out[16] = 0;
}

static void test_cpuid(void)
{
    uint32_t r[4];
    char text[17];
    X86CPU *env = create("qemu64");
    x86_cpu_set_topology(env, 5, 1, 3, 2); /* three cores of two threads */
    cpu_x86_cpuid(env, 0, 0, r);
    uint32_t vendor[4] = { r[1], r[3], r[2], 0 };
    regs_text(vendor, text);
    g_assert_cmpstr(text, ==, "AuthenticAMD");
    cpu_x86_cpuid(env, 1, 0, r);
    g_assert_cmphex(r[0], ==, 0x60fb1); /* family 15, model 107, stepping 1 */
    g_assert_cmphex(r[1], ==, 5 << 24 | 6 << 16 | 8 << 8);
    g_assert_true(r[3] & 1 << 28);
    cpu_x86_cpuid(env, 0x40000000, 0, r);
    g_assert_cmpmem(&r[1], 12, "TCGTCGTCGTCG", 12);
    cpu_x86_cpuid(env, 0x80000002, 0, r);
    regs_text(r, text);
    g_assert_cmpstr(text, ==, "Rhea Virtual CPU");
    cpu_x86_cpuid(env, 0x80000008, 0, r);
    g_assert_cmphex(r[0], ==, 0x3028);
    cpu_x86_cpuid(env, 0x1234, 0, r);
    g_assert_cmphex(r[0] | r[1] | r[2] | r[3], ==, 0);
    free(env);
}

static void test_topology(void)
{
    uint32_t r[4];
    X86CPU *env = create("max");
    x86_cpu_set_topology(env, 13, 2, 3, 2);
    cpu_x86_cpuid(env, 0xb, 0, r);
    g_assert_cmphex(r[0], ==, 1);
    g_assert_cmphex(r[1], ==, 2);
    g_assert_cmphex(r[2], ==, 0x100);
    g_assert_cmphex(r[3], ==, 13);
    cpu_x86_cpuid(env, 0xb, 1, r);
    g_assert_cmphex(r[0], ==, 4); /* 1 + 2 + 1 bits */
    g_assert_cmphex(r[1], ==, 12);
    g_assert_cmphex(r[2], ==, 0x201);
    cpu_x86_cpuid(env, 0x1f, 1, r);
    g_assert_cmphex(r[0], ==, 3);
    g_assert_cmphex(r[1], ==, 6);
    cpu_x86_cpuid(env, 0x1f, 2, r);
    g_assert_cmphex(r[0], ==, 4);
    g_assert_cmphex(r[2], ==, 0x502);
    cpu_x86_cpuid(env, 0x15, 0, r);
    g_assert_cmpuint((uint64_t)r[2] * r[1] / r[0], ==, X86_TSC_HZ);
    free(env);
}

static void test_xsave(void)
{
    uint32_t r[4];
    X86CPU *env = create("max,-avx");
    env->xcr0 = 1;
    cpu_x86_cpuid(env, 0xd, 0, r);
    g_assert_cmphex(r[0], ==, 0x203); /* x87, SSE, PKRU */
    g_assert_cmpuint(r[1], ==, 576);
    g_assert_cmpuint(r[2], ==, 2688 + 8);
    cpu_x86_cpuid(env, 0xd, 9, r);
    g_assert_cmpuint(r[0], ==, 8);
    g_assert_cmpuint(r[1], ==, 2688);
    cpu_x86_cpuid(env, 0xd, 2, r);
    g_assert_cmpuint(r[0], ==, 0);
    free(env);
    if (!has("max", "avx")) /* the host's */
        return;
    env = create("max");
    env->xcr0 = 7;
    cpu_x86_cpuid(env, 0xd, 0, r);
    g_assert_cmphex(r[0], ==, 0x207);
    g_assert_cmpuint(r[1], ==, 576 + 256);
    cpu_x86_cpuid(env, 0xd, 2, r);
    g_assert_cmpuint(r[0], ==, 256);
    g_assert_cmpuint(r[1], ==, 576);
    free(env);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/models/tables", test_tables);
    g_test_add_func("/x86/models/spellings", test_spellings);
    g_test_add_func("/x86/models/options", test_options);
    g_test_add_func("/x86/models/errors", test_errors);
    g_test_add_func("/x86/models/cpuid", test_cpuid);
    g_test_add_func("/x86/models/topology", test_topology);
    g_test_add_func("/x86/models/xsave", test_xsave);
    return g_test_run();
}
