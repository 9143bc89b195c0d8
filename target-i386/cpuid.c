/* SPDX-License-Identifier: MIT */
/*
 * The CPUID instruction: identification, features, caches, topology, XSAVE areas, clock frequencies. Intel SDM
 * vol. 2 CPUID; AMD APM vol. 3 appendix E. The caches described are invented: 32 KiB + 32 KiB L1,
 * 1 MiB L2 per core, 16 MiB L3 per die.
 */
#include "models.h"
#include "sys.h"

#include <string.h>

typedef struct Cache {
    uint8_t level, type; /* 1 data, 2 instructions, 3 unified */
    uint16_t ways;
    uint32_t sets;
} Cache;
static const Cache caches[] = { { 1, 1, 8, 64 }, { 1, 2, 8, 64 }, { 2, 3, 16, 1024 }, { 3, 3, 16, 16384 } };
enum { LINE = 64 };

static unsigned bits_for(unsigned n) { return n > 1 ? 32u - (unsigned)__builtin_clz(n - 1) : 0; }
static unsigned threads_per_core(const X86CPU *env) { return env->nr_threads ? env->nr_threads : 1; }
static unsigned cores_per_die(const X86CPU *env) { return env->nr_cores ? env->nr_cores : 1; }
static unsigned dies(const X86CPU *env) { return env->nr_dies ? env->nr_dies : 1; }
static unsigned threads_per_die(const X86CPU *env) { return threads_per_core(env) * cores_per_die(env); }
static unsigned threads_per_package(const X86CPU *env) { return threads_per_die(env) * dies(env); }

/* APIC id bits below the core, die and package fields. */
static unsigned core_shift(const X86CPU *env) { return bits_for(threads_per_core(env)); }
static unsigned die_shift(const X86CPU *env) { return core_shift(env) + bits_for(cores_per_die(env)); }
static unsigned package_shift(const X86CPU *env) { return die_shift(env) + bits_for(dies(env)); }

static void put_text(uint32_t *r, const char *s) { memcpy(r, s, 4); }

static void leaf_vendor(const X86CPU *env, uint32_t max, uint32_t r[4])
{
    r[0] = max;
    put_text(&r[1], env->cpuid_vendor);
    put_text(&r[3], env->cpuid_vendor + 4);
    put_text(&r[2], env->cpuid_vendor + 8);
}

static void leaf_1(const X86CPU *env, uint32_t r[4])
{
    unsigned threads = threads_per_package(env);
    r[0] = env->cpuid_version;
    r[1] = env->apic_id << 24 | (x86_feature(env, FW_1_EDX, 19) ? LINE / 8 << 8 : 0);
    r[2] = env->features[FW_1_ECX] | (env->cr[4] & CR4_OSXSAVE ? 1u << 27 : 0);
    r[3] = env->features[FW_1_EDX];
    if (!(x86_apic_get_base((X86CPU *)env) & 0x800))
        r[3] &= ~(1u << 9);
    if (threads > 1) {
        r[1] |= threads << 16;
        r[3] |= 1 << 28;
    }
}

/* Leaf 4 and AMD's 8000_001D have the same layout. */
static void leaf_cache(const X86CPU *env, uint32_t index, bool amd, uint32_t r[4])
{
    if (index >= ARRAY_SIZE(caches))
        return;
    const Cache *c = &caches[index];
    unsigned sharing = c->level == 3 ? threads_per_die(env) : threads_per_core(env);
    unsigned cores = (1u << (package_shift(env) - core_shift(env))) - 1;
    r[0] = c->type | c->level << 5 | 1 << 8 | ((1u << bits_for(sharing)) - 1) << 14 | (amd ? 0 : cores << 26);
    r[1] = (LINE - 1) | (uint32_t)(c->ways - 1) << 22;
    r[2] = c->sets - 1;
    r[3] = c->level == 3 ? 2 : 0; /* inclusive */
}

static void leaf_7(const X86CPU *env, uint32_t sub, uint32_t r[4])
{
    if (sub == 0) {
        r[0] = env->features[FW_7_2_EDX] ? 2 : env->features[FW_7_1_EAX] ? 1 : 0;
        r[1] = env->features[FW_7_0_EBX];
        r[2] = env->features[FW_7_0_ECX] | (env->cr[4] & CR4_PKE ? 1 << 4 : 0);
        r[3] = env->features[FW_7_0_EDX];
    } else if (sub == 1) {
        r[0] = env->features[FW_7_1_EAX];
    } else if (sub == 2) {
        r[3] = env->features[FW_7_2_EDX];
    }
}

/* 0BH and 1FH: one subleaf per level, smallest first; 1FH knows dies. */
static void leaf_topology(const X86CPU *env, uint32_t sub, bool with_dies, uint32_t r[4])
{
    enum { LEVEL_SMT = 1, LEVEL_CORE = 2, LEVEL_DIE = 5 };
    r[2] = sub & 0xff;
    r[3] = env->apic_id;
    if (sub == 0) {
        r[0] = core_shift(env);
        r[1] = threads_per_core(env);
        r[2] |= LEVEL_SMT << 8;
    } else if (sub == 1) {
        r[0] = with_dies ? die_shift(env) : package_shift(env);
        r[1] = with_dies ? threads_per_die(env) : threads_per_package(env);
        r[2] |= LEVEL_CORE << 8;
    } else if (sub == 2 && with_dies) {
        r[0] = package_shift(env);
        r[1] = threads_per_package(env);
        r[2] |= LEVEL_DIE << 8;
    }
}

/* Size of an XSAVE area for the components; compacted areas have no holes. */
static uint32_t xsave_size(uint64_t components, bool compacted)
{
    uint32_t end = 576, size, offset;
    for (unsigned i = 2; i < 63; i++) {
        if (!(components >> i & 1) || !x86_xsave_component(i, &size, &offset))
            continue;
        if (compacted)
            end += size;
        else if (offset + size > end)
            end = offset + size;
    }
    return end;
}

static void leaf_xsave(const X86CPU *env, uint32_t sub, uint32_t r[4])
{
    uint64_t mask = x86_xcr0_mask(env);
    uint32_t size, offset;
    if (!mask)
        return;
    if (sub == 0) {
        r[0] = (uint32_t)mask;
        r[1] = xsave_size(env->xcr0, false);
        r[2] = xsave_size(mask, false);
        r[3] = mask >> 32;
    } else if (sub == 1) {
        r[0] = env->features[FW_D_1_EAX];
        r[1] = r[0] & 0xa ? xsave_size(env->xcr0 | env->xss, true) : 0;
    } else if (sub < 63 && mask >> sub & 1 && x86_xsave_component(sub, &size, &offset)) {
        r[0] = size;
        r[1] = offset;
    }
}

static void basic_leaf(X86CPU *env, uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    switch (leaf) {
    case 0:
        leaf_vendor(env, env->cpuid_level, r);
        break;
    case 1:
        leaf_1(env, r);
        break;
    case 2: /* "see leaf 4", or a Pentium II's caches before there was one */
        r[0] = env->cpuid_level >= 4 ? 0xff01 : 0x03020101;
        r[3] = env->cpuid_level >= 4 ? 0 : 0x0c040843;
        break;
    case 4:
        if (!x86_is_amd(env))
            leaf_cache(env, sub, false, r);
        break;
    case 5:
        if (x86_feature(env, FW_1_ECX, 3)) {
            r[0] = r[1] = LINE;
            r[2] = 3;
        }
        break;
    case 6:
        r[0] = env->features[FW_6_EAX];
        break;
    case 7:
        leaf_7(env, sub, r);
        break;
    case 0xb:
        leaf_topology(env, sub, false, r);
        break;
    case 0xd:
        leaf_xsave(env, sub, r);
        break;
    case 0x15: /* the crystal, which also drives the APIC timer, runs at the TSC's frequency */
        r[0] = r[1] = 1;
        r[2] = (uint32_t)X86_TSC_HZ;
        break;
    case 0x16:
        r[0] = r[1] = (uint32_t)(X86_TSC_HZ / 1000000);
        r[2] = 100;
        break;
    case 0x1f:
        if (dies(env) > 1)
            leaf_topology(env, sub, true, r);
        break;
    }
}

static void hypervisor_leaf(uint32_t leaf, uint32_t r[4])
{
    if (leaf == 0x40000000) { /* the signature guests know software emulation by */
        r[0] = 0x40000001;
        put_text(&r[1], "TCGT");
        put_text(&r[2], "CGTC");
        put_text(&r[3], "GTCG");
    }
}

/* 8000_0005 and 8000_0006 in AMD's encoding. */
static void leaf_amd_cache(const X86CPU *env, uint32_t leaf, uint32_t r[4])
{
    if (leaf == 0x80000005) {
        if (!x86_is_amd(env))
            return;
        r[0] = r[1] = 0x01ff01ff; /* TLBs: 255 entries, fully associative */
        r[2] = r[3] = 32u << 24 | 8 << 16 | 1 << 8 | LINE;
        return;
    }
    r[2] = 1024u << 16 | 8 << 12 | 1 << 8 | LINE;
    if (x86_is_amd(env)) {
        r[1] = 0x42004200;
        r[3] = 32u << 18 | 8 << 12 | 1 << 8 | LINE;
    }
}

static void leaf_8000_0001(const X86CPU *env, uint32_t r[4])
{
    r[2] = env->features[FW_8000_0001_ECX];
    r[3] = env->features[FW_8000_0001_EDX];
    if (x86_is_amd(env)) { /* EDX repeats these bits of leaf 1 */
        r[0] = env->cpuid_version;
        r[3] |= env->features[FW_1_EDX] & 0x0183f3ff;
        if (threads_per_package(env) > 1)
            r[2] |= 1 << 1; /* CmpLegacy */
    } else if (!(env->hflags & HF_CS64)) {
        r[3] &= ~(1u << 11); /* SYSCALL is for 64-bit mode only */
    }
}

static void leaf_amd_topology(const X86CPU *env, uint32_t r[4])
{
    r[0] = env->apic_id;
    r[1] = (env->apic_id >> core_shift(env)) | (threads_per_core(env) - 1) << 8;
    r[2] = (env->apic_id >> package_shift(env)) | (dies(env) - 1) << 8;
}

static void extended_leaf(X86CPU *env, uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    bool lm = x86_feature(env, FW_8000_0001_EDX, 29), topoext = x86_feature(env, FW_8000_0001_ECX, 22);
    switch (leaf) {
    case 0x80000000:
        leaf_vendor(env, env->cpuid_xlevel, r);
        break;
    case 0x80000001:
        leaf_8000_0001(env, r);
        break;
    case 0x80000002 ... 0x80000004:
        memcpy(r, env->cpuid_model_name + (leaf - 0x80000002) * 16, 16);
        break;
    case 0x80000005: case 0x80000006:
        leaf_amd_cache(env, leaf, r);
        break;
    case 0x80000007:
        r[3] = env->features[FW_8000_0007_EDX];
        break;
    case 0x80000008:
        r[0] = env->phys_bits | (lm ? env->linear_bits << 8 : 32 << 8);
        r[1] = env->features[FW_8000_0008_EBX];
        if (x86_is_amd(env) && threads_per_package(env) > 1)
            r[2] = package_shift(env) << 12 | (threads_per_package(env) - 1);
        break;
    case 0x8000001d:
        if (topoext)
            leaf_cache(env, sub, true, r);
        break;
    case 0x8000001e:
        if (topoext)
            leaf_amd_topology(env, r);
        break;
    }
}

/* A leaf beyond the last one reads as the last basic leaf (Intel) or zero (AMD). */
static bool leaf_exists(const X86CPU *env, uint32_t *leaf)
{
    uint32_t max = *leaf >= 0x80000000 ? env->cpuid_xlevel : env->cpuid_level;
    if (*leaf <= max)
        return true;
    *leaf = env->cpuid_level;
    return !x86_is_amd(env);
}

void cpu_x86_cpuid(X86CPU *env, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    memset(out, 0, 16);
    if (leaf >> 8 == 0x400000 && x86_feature(env, FW_1_ECX, 31)) {
        hypervisor_leaf(leaf, out);
        return;
    }
    if (!leaf_exists(env, &leaf))
        return;
    if (leaf >= 0x80000000)
        extended_leaf(env, leaf, subleaf, out);
    else
        basic_leaf(env, leaf, subleaf, out);
}
