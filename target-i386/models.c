/* SPDX-License-Identifier: MIT */
/*
 * CPU models and CPUID feature names as tables. Names and bits: Intel SDM vol. 2 CPUID, AMD APM vol. 3
 * appendix E; a model lists what the real processor reports, and the emulator's own list decides what of
 * it a guest sees. 64-bit models also offer PCID and INVPCID, because address-space switches then flush
 * nothing, the TSC-deadline timer and the invariant TSC, because time keeping is then cheap, and say that they
 * need no countermeasures against speculation, because an emulator does not speculate.
 */
#include "models.h"

#include <string.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

const FeatureWordInfo x86_feature_words[FEATURE_WORDS] = {
    [FW_1_EDX] = { 1, -1, "EDX",
        "fpu vme de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush acpi mmx fxsr sse sse2 ss ht",
        { "fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce", "cx8", "apic", NULL, "sep", "mtrr", "pge", "mca",
          "cmov", "pat", "pse36", "pn", "clflush|clfsh", NULL, "ds|dts", "acpi", "mmx", "fxsr", "sse", "sse2", "ss",
          "ht|htt", "tm", "ia64", "pbe" } },
    [FW_1_ECX] = { 1, -1, "ECX",
        "pni pclmulqdq monitor ssse3 fma cx16 pcid sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave avx f16c rdrand "
        "hypervisor",
        { "pni|sse3", "pclmulqdq|pclmuldq", "dtes64", "monitor", "ds-cpl", "vmx", "smx", "est", "tm2", "ssse3", "cid",
          NULL, "fma", "cx16", "xtpr", "pdcm", NULL, "pcid", "dca", "sse4.1|sse4-1", "sse4.2|sse4-2", "x2apic", "movbe",
          "popcnt", "tsc-deadline|tsc-deadline-timer", "aes", "xsave", NULL, "avx", "f16c", "rdrand", "hypervisor" } },
    [FW_7_0_EBX] = { 7, 0, "EBX",
        "fsgsbase tsc-adjust bmi1 avx2 smep bmi2 erms invpcid rdseed adx smap clflushopt clwb sha-ni",
        { "fsgsbase", "tsc-adjust", "sgx", "bmi1", "hle", "avx2", NULL, "smep", "bmi2", "erms", "invpcid", "rtm",
          NULL, NULL, "mpx", NULL, "avx512f", "avx512dq", "rdseed", "adx", "smap", "avx512ifma", "pcommit",
          "clflushopt", "clwb", "intel-pt", "avx512pf", "avx512er", "avx512cd", "sha-ni|sha", "avx512bw",
          "avx512vl" } },
    [FW_7_0_ECX] = { 7, 0, "ECX",
        "umip pku vaes vpclmulqdq la57 rdpid",
        { NULL, "avx512vbmi|avx512-vbmi", "umip", "pku", NULL, "waitpkg", "avx512vbmi2|avx512-vbmi2", NULL, "gfni",
          "vaes", "vpclmulqdq", "avx512vnni|avx512-vnni", "avx512bitalg|avx512-bitalg", NULL, "avx512-vpopcntdq",
          NULL, "la57", NULL, NULL, NULL, NULL, NULL, "rdpid", NULL, "bus-lock-detect", "cldemote", NULL, "movdiri",
          "movdir64b", NULL, "sgxlc", "pks" } },
    [FW_7_0_EDX] = { 7, 0, "EDX",
        "fsrm spec-ctrl stibp arch-capabilities ssbd",
        { NULL, NULL, "avx512-4vnniw", "avx512-4fmaps", "fsrm", NULL, NULL, NULL, "avx512-vp2intersect", NULL,
          "md-clear", NULL, NULL, NULL, "serialize", NULL, "tsx-ldtrk", NULL, NULL, "arch-lbr", NULL, NULL,
          "amx-bf16", "avx512-fp16", "amx-tile", "amx-int8", "spec-ctrl", "stibp", "flush-l1d", "arch-capabilities",
          "core-capability", "ssbd" } },
    [FW_7_1_EAX] = { 7, 1, "EAX",
        "",
        { NULL, NULL, NULL, NULL, "avx-vnni", "avx512-bf16", NULL, "cmpccxadd", NULL, NULL, "fzrm", "fsrs", "fsrc" } },
    [FW_7_2_EDX] = { 7, 2, "EDX", "bhi-ctrl", { [4] = "bhi-ctrl" } },
    [FW_8000_0001_EDX] = { 0x80000001, -1, "EDX",
        "syscall nx mmxext fxsr-opt pdpe1gb rdtscp lm",
        { [11] = "syscall", [19] = "mp", [20] = "nx|xd", [22] = "mmxext", [25] = "fxsr-opt|ffxsr", [26] = "pdpe1gb",
          [27] = "rdtscp", [29] = "lm|i64", [30] = "3dnowext", [31] = "3dnow" } },
    [FW_8000_0001_ECX] = { 0x80000001, -1, "ECX",
        "lahf-lm cmp-legacy abm sse4a 3dnowprefetch topoext",
        { "lahf-lm", "cmp-legacy", "svm", "extapic", "cr8legacy", "abm|lzcnt", "sse4a", "misalignsse",
          "3dnowprefetch", "osvw", "ibs", "xop", "skinit", "wdt", NULL, "lwp", "fma4", "tce", NULL, "nodeid-msr",
          NULL, "tbm", "topoext", "perfctr-core", "perfctr-nb" } },
    [FW_8000_0007_EDX] = { 0x80000007, -1, "EDX", "invtsc", { [8] = "invtsc" } },
    [FW_8000_0008_EBX] = { 0x80000008, -1, "EBX",
        "wbnoinvd amd-no-ssb",
        { "clzero", NULL, "xsaveerptr", [9] = "wbnoinvd", [12] = "ibpb", [14] = "ibrs", [15] = "amd-stibp",
          [24] = "amd-ssbd", [25] = "virt-ssbd", [26] = "amd-no-ssb" } },
    [FW_D_1_EAX] = { 0xd, 1, "EAX", "xsaveopt xsavec xgetbv1 xsaves",
                     { "xsaveopt", "xsavec", "xgetbv1", "xsaves", "xfd" } },
    [FW_6_EAX] = { 6, -1, "EAX", "arat", { [2] = "arat" } },
    [FW_KVM] = { 0x40000001, -1, "EAX",
        "",
        { "kvmclock", "kvm-nopiodelay", "kvm-mmu", NULL, "kvm-asyncpf", "kvm-steal-time", "kvm-pv-eoi",
          "kvm-pv-unhalt", NULL, "kvm-pv-tlb-flush", NULL, "kvm-pv-ipi", "kvm-poll-control", "kvm-pv-sched-yield",
          "kvm-asyncpf-int", "kvm-msi-ext-dest-id", [24] = "kvmclock-stable-bit" } },
};

/* ---- Models. Each generation adds to the one before. ---- */

#define INTEL "GenuineIntel"
#define AMD "AuthenticAMD"
#define OUR_ID "Rhea Virtual CPU version 1.0"

#define F_486 "fpu vme pse"
#define F_PENTIUM F_486 " de tsc msr mce cx8 mmx"
#define F_PENTIUM2 F_PENTIUM " apic sep pge cmov pat fxsr pae mtrr mca pse36"
#define F_PENTIUM3 F_PENTIUM2 " sse"
/* What every x86-64 processor has, and the paging and timer features this emulator is fast with. */
#define F_P6 "fpu de pse tsc msr mce cx8 pge cmov pat fxsr mmx sse sse2 pae sep apic"
#define F_FAST X86_FAST_FEATURES
#define F_SAFE X86_SAFE_FEATURES
#define F_X86_64 F_P6 " mtrr clflush mca pse36 pni cx16 lm syscall nx"
#define F_CORE2 F_X86_64 " vme ssse3 lahf-lm"
#define F_PENRYN F_CORE2 " sse4.1"
#define F_NEHALEM F_PENRYN " sse4.2 popcnt"
#define F_WESTMERE F_NEHALEM " pclmulqdq aes arat"
#define F_SANDY F_WESTMERE " avx xsave tsc-deadline x2apic rdtscp xsaveopt"
#define F_IVY F_SANDY " f16c rdrand fsgsbase smep erms"
#define F_HASWELL F_IVY " fma movbe pcid abm bmi1 avx2 bmi2 invpcid hle rtm"
#define F_BROADWELL F_HASWELL " rdseed adx smap 3dnowprefetch"
#define F_SKYLAKE F_BROADWELL " xsavec xgetbv1"
#define F_SKYLAKE_SP F_SKYLAKE " pdpe1gb pku clwb clflushopt avx512f avx512dq avx512bw avx512cd avx512vl"
#define F_CASCADE F_SKYLAKE_SP " avx512vnni spec-ctrl ssbd arch-capabilities"
#define F_ICELAKE F_CASCADE                                                                                            \
    " umip wbnoinvd avx512vbmi avx512vbmi2 gfni vaes vpclmulqdq avx512bitalg avx512-vpopcntdq la57 rdpid fsrm sha-ni"
#define F_OPTERON F_X86_64 " lahf-lm"
#define F_PHENOM F_OPTERON " vme mmxext fxsr-opt pdpe1gb rdtscp 3dnow 3dnowext abm sse4a svm popcnt monitor"
#define F_EPYC F_WESTMERE                                                                                              \
    " avx f16c fma xsave rdrand movbe mmxext fxsr-opt pdpe1gb rdtscp abm sse4a misalignsse 3dnowprefetch osvw"          \
    " topoext fsgsbase bmi1 avx2 smep bmi2 rdseed adx smap clflushopt sha-ni xsaveopt xsavec xgetbv1 svm"
#define F_ROME F_EPYC " clwb umip rdpid clzero xsaveerptr wbnoinvd ibpb amd-stibp perfctr-core xsaves"
#define F_MILAN F_ROME " erms fsrm invpcid pcid pku ibrs amd-ssbd vaes vpclmulqdq"

const X86Model x86_models[] = {
    { "486", "", INTEL, 4, 8, 0, 1, 0, F_486, NULL },
    { "pentium", "", INTEL, 5, 4, 3, 1, 0, F_PENTIUM, NULL },
    { "pentium2", "", INTEL, 6, 5, 2, 2, 0, F_PENTIUM2, NULL },
    { "pentium3", "", INTEL, 6, 7, 3, 3, 0, F_PENTIUM3, NULL },
    { "athlon", OUR_ID, AMD, 6, 2, 3, 2, 0x80000008, F_P6 " vme mtrr mca pse36 mmxext 3dnow 3dnowext", NULL },
    { "qemu32", OUR_ID, INTEL, 6, 6, 3, 4, 0x80000004, F_P6 " pni" F_SAFE, NULL },
    { "kvm32", "Common 32-bit KVM processor", INTEL, 15, 6, 1, 5, 0x80000008,
      F_P6 " vme mtrr clflush mca pse36 pni" F_SAFE, NULL },
    { "n270", "Intel(R) Atom(TM) CPU N270   @ 1.60GHz", INTEL, 6, 28, 2, 10, 0x80000008,
      F_P6 " vme mtrr clflush mca acpi ss pni ssse3 movbe nx", NULL },
    { "coreduo", "Genuine Intel(R) CPU           T2600  @ 2.16GHz", INTEL, 6, 14, 8, 10, 0x80000008,
      F_P6 " vme mtrr clflush mca acpi ss pni nx", NULL },
    { "qemu64", OUR_ID, AMD, 15, 107, 1, 0xd, 0x8000000a, F_X86_64 " lahf-lm" F_FAST, NULL },
    { "kvm64", "Common KVM processor", INTEL, 15, 6, 1, 0xd, 0x80000008, F_X86_64 " vme" F_FAST, NULL },
    { "core2duo", "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz", INTEL, 6, 15, 11, 10, 0x80000008,
      F_CORE2 " acpi ss" F_FAST, NULL },
    { "Conroe", "Intel Celeron_4x0 (Conroe/Merom Class Core 2)", INTEL, 6, 15, 3, 10, 0x80000008, F_CORE2 F_FAST,
      NULL },
    { "Penryn", "Intel Core 2 Duo P9xxx (Penryn Class Core 2)", INTEL, 6, 23, 3, 10, 0x80000008, F_PENRYN F_FAST,
      NULL },
    { "Nehalem", "Intel Core i7 9xx (Nehalem Class Core i7)", INTEL, 6, 26, 3, 11, 0x80000008, F_NEHALEM F_FAST, NULL },
    { "Westmere", "Westmere E56xx/L56xx/X56xx (Nehalem-C)", INTEL, 6, 44, 1, 11, 0x80000008, F_WESTMERE F_FAST, NULL },
    { "SandyBridge", "Intel Xeon E312xx (Sandy Bridge)", INTEL, 6, 42, 1, 0xd, 0x80000008, F_SANDY F_FAST, NULL },
    { "IvyBridge", "Intel Xeon E3-12xx v2 (Ivy Bridge)", INTEL, 6, 58, 9, 0xd, 0x80000008, F_IVY F_FAST, NULL },
    { "Haswell", "Intel Core Processor (Haswell)", INTEL, 6, 60, 4, 0xd, 0x80000008, F_HASWELL F_FAST, NULL },
    { "Broadwell", "Intel Core Processor (Broadwell)", INTEL, 6, 61, 2, 0xd, 0x80000008, F_BROADWELL F_FAST, NULL },
    { "Skylake-Client", "Intel Core Processor (Skylake)", INTEL, 6, 94, 3, 0x16, 0x80000008, F_SKYLAKE F_FAST, NULL },
    { "Skylake-Server", "Intel Xeon Processor (Skylake)", INTEL, 6, 85, 4, 0x16, 0x80000008, F_SKYLAKE_SP F_FAST,
      NULL },
    { "Cascadelake-Server", "Intel Xeon Processor (Cascadelake)", INTEL, 6, 85, 6, 0x16, 0x80000008, F_CASCADE F_FAST,
      NULL },
    { "Icelake-Server", "Intel Xeon Processor (Icelake)", INTEL, 6, 134, 0, 0x16, 0x80000008, F_ICELAKE F_FAST, NULL },
    { "phenom", "AMD Phenom(tm) 9550 Quad-Core Processor", AMD, 16, 2, 3, 5, 0x8000001a, F_PHENOM F_FAST, NULL },
    { "Opteron_G1", "AMD Opteron 240 (Gen 1 Class Opteron)", AMD, 15, 6, 1, 5, 0x80000008, F_X86_64 F_FAST, NULL },
    { "Opteron_G2", "AMD Opteron 22xx (Gen 2 Class Opteron)", AMD, 15, 6, 1, 5, 0x80000008, F_OPTERON " svm" F_FAST,
      NULL },
    { "Opteron_G3", "AMD Opteron 23xx (Gen 3 Class Opteron)", AMD, 16, 2, 3, 5, 0x80000008,
      F_OPTERON " svm rdtscp abm sse4a misalignsse popcnt monitor" F_FAST, NULL },
    { "EPYC", "AMD EPYC Processor", AMD, 23, 1, 2, 0xd, 0x8000001e, F_EPYC F_FAST, NULL },
    { "EPYC-Rome", "AMD EPYC-Rome Processor", AMD, 23, 49, 0, 0xd, 0x8000001e, F_ROME F_FAST, NULL },
    { "EPYC-Milan", "AMD EPYC-Milan Processor", AMD, 25, 1, 1, 0xd, 0x8000001e, F_MILAN F_FAST, NULL },
    { "base", OUR_ID, AMD, 6, 6, 3, 0, 0, "", "no features at all, to add to" },
    { "max", OUR_ID, AMD, 6, 6, 3, 0x1f, 0x8000001e, NULL, "everything this emulator implements" },
    { NULL, NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL },
};

/* ---- Look-up ---- */

/* True when name is one of the spellings in "a|b|c". */
static bool spelled(const char *spellings, const char *name, size_t len)
{
    while (spellings) {
        const char *end = strchr(spellings, '|');
        size_t n = end ? (size_t)(end - spellings) : strlen(spellings), i = 0;
        while (n == len && i < n && (name[i] == '_' ? '-' : name[i]) == spellings[i])
            i++;
        if (n == len && i == n)
            return true;
        spellings = end ? end + 1 : NULL;
    }
    return false;
}

static bool find_feature(const char *name, size_t len, FeatureWord *word, unsigned *bit)
{
    for (unsigned w = 0; w < FEATURE_WORDS; w++)
        for (unsigned b = 0; b < 32; b++)
            if (x86_feature_words[w].names[b] && spelled(x86_feature_words[w].names[b], name, len)) {
                *word = w;
                *bit = b;
                return true;
            }
    return false;
}

bool x86_feature_find(const char *name, FeatureWord *word, unsigned *bit)
{
    return find_feature(name, strlen(name), word, bit);
}

void x86_features_set(uint32_t f[FEATURE_WORDS], const char *names, bool on)
{
    FeatureWord w;
    unsigned b;
    for (const char *p = names; *p;) {
        size_t len = strcspn(p, " ");
        if (len && find_feature(p, len, &w, &b))
            f[w] = on ? f[w] | 1u << b : f[w] & ~(1u << b);
        p += len + (p[len] == ' ');
    }
}

/* The vector functions of AVX, FMA and F16C are the host's instructions where the host is of the kind. */
static bool host_has_avx2(void)
{
#ifdef __x86_64__
    uint32_t a, b, c = 0, d;
    bool f16c = __get_cpuid(1, &a, &b, &c, &d) && c >> 29 & 1;
    return f16c && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return true;
#endif
}

void x86_features_implemented(uint32_t f[FEATURE_WORDS], bool lm)
{
    memset(f, 0, FEATURE_WORDS * sizeof f[0]);
    for (unsigned w = 0; w < FEATURE_WORDS; w++)
        x86_features_set(f, x86_feature_words[w].implemented, true);
    if (!host_has_avx2())
        x86_features_set(f, "avx avx2 fma f16c vaes vpclmulqdq", false);
    if (!lm)
        x86_features_set(f, "lm syscall lahf-lm cx16 pcid invpcid fsgsbase la57 pku pdpe1gb", false);
}

const X86Model *x86_model_find(const char *name)
{
    for (const X86Model *m = x86_models; m->name; m++)
        if (!strcmp(m->name, name))
            return m;
    return NULL;
}
