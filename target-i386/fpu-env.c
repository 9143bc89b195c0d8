/* SPDX-License-Identifier: MIT */
/*
 * FNSTENV, FLDENV, FNSAVE, FRSTOR: the x87 environment in its four formats (16 and 32-bit, protected and
 * real-address/virtual-8086). Intel SDM vol. 1, 8.1.10.
 */
#include "fpu.h"
#include <string.h>

typedef struct Environment {
    uint16_t cw, sw, tags;
    uint32_t ip, dp;
    uint16_t cs, ds, op;
} Environment;

static bool real_format(const X86CPU *env)
{
    return !(env->hflags & HF_PE) || env->hflags & HF_VM;
}

uint16_t x87_full_tags(const X86CPU *env)
{
    unsigned tags = 0;

    for (unsigned i = 0; i < 8; i++) {
        const FPReg *r = &env->fpregs[i];
        unsigned exp = r->exp & 0x7fff, tag;
        if (env->fptags[i])
            tag = 3;
        else if (!exp && !r->mant)
            tag = 1;
        else
            tag = !exp || exp == 0x7fff || !(r->mant >> 63) ? 2 : 0;
        tags |= tag << 2 * i;
    }
    return (uint16_t)tags;
}

static void put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)v, p[1] = (uint8_t)(v >> 8); }
static void put32(uint8_t *p, uint32_t v) { put16(p, v), put16(p + 2, v >> 16); }
static uint32_t get16(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }
static uint32_t get32(const uint8_t *p) { return get16(p) | get16(p + 2) << 16; }

static unsigned environment_size(uint32_t word)
{
    return word ? 14 : 28;
}

static void store_environment(const X86CPU *env, uint8_t *p, bool word)
{
    uint32_t ip = (uint32_t)env->fpip, dp = (uint32_t)env->fpdp;
    uint32_t head[3] = { env->fpuc, cpu_x86_get_fpus(env), x87_full_tags(env) };

    for (unsigned i = 0; i < 3; i++) {
        if (word)
            put16(p + 2 * i, head[i]);
        else
            put32(p + 4 * i, head[i] | 0xffff0000);
    }
    if (real_format(env)) { /* linear addresses */
        ip += (uint32_t)env->fpcs << 4;
        dp += (uint32_t)env->fpds << 4;
        if (word) {
            put16(p + 6, ip);
            put16(p + 8, (ip >> 4 & 0xf000) | env->fpop);
            put16(p + 10, dp);
            put16(p + 12, dp >> 4 & 0xf000);
        } else {
            put32(p + 12, ip | 0xffff0000);
            put32(p + 16, (ip >> 4 & 0xffff000) | env->fpop);
            put32(p + 20, dp | 0xffff0000);
            put32(p + 24, dp >> 4 & 0xffff000);
        }
    } else if (word) {
        put16(p + 6, ip);
        put16(p + 8, env->fpcs);
        put16(p + 10, dp);
        put16(p + 12, env->fpds);
    } else {
        put32(p + 12, ip);
        put32(p + 16, env->fpcs | (uint32_t)env->fpop << 16);
        put32(p + 20, dp);
        put32(p + 24, env->fpds | 0xffff0000);
    }
}

static Environment parse_environment(const X86CPU *env, const uint8_t *p, bool word)
{
    Environment e = { .cw = (uint16_t)get16(p) };

    e.sw = (uint16_t)get16(p + (word ? 2 : 4));
    e.tags = (uint16_t)get16(p + (word ? 4 : 8));
    if (real_format(env)) {
        if (word) {
            e.ip = get16(p + 6) | (get16(p + 8) & 0xf000) << 4;
            e.op = get16(p + 8) & 0x7ff;
            e.dp = get16(p + 10) | (get16(p + 12) & 0xf000) << 4;
        } else {
            e.ip = get16(p + 12) | (get32(p + 16) & 0xffff000) << 4;
            e.op = get16(p + 16) & 0x7ff;
            e.dp = get16(p + 20) | (get32(p + 24) & 0xffff000) << 4;
        }
    } else if (word) {
        e.ip = get16(p + 6);
        e.cs = (uint16_t)get16(p + 8);
        e.dp = get16(p + 10);
        e.ds = (uint16_t)get16(p + 12);
    } else {
        e.ip = get32(p + 12);
        e.cs = (uint16_t)get16(p + 16);
        e.op = get16(p + 18) & 0x7ff;
        e.dp = get32(p + 20);
        e.ds = (uint16_t)get16(p + 24);
    }
    return e;
}

static void load_environment(X86CPU *env, const uint8_t *p, bool word)
{
    Environment e = parse_environment(env, p, word);

    env->fpip = e.ip;
    env->fpdp = e.dp;
    env->fpcs = e.cs;
    env->fpds = e.ds;
    env->fpop = e.op;
    for (unsigned i = 0; i < 8; i++)
        env->fptags[i] = (e.tags >> 2 * i & 3) == 3;
    cpu_x86_set_fpuc(env, e.cw);
    cpu_x86_set_fpus(env, e.sw);
}

void helper_fnstenv(CPUState *cpu, uint64_t va, uint32_t word)
{
    X86CPU *env = x86_cpu(cpu);
    uint8_t image[28];

    store_environment(env, image, word);
    cpu_st_bytes(cpu, va, image, environment_size(word), x86_mmu_mode(env), HELPER_RETADDR());
    cpu_x86_set_fpuc(env, env->fpuc | FPUS_FLAGS);
}

void helper_fldenv(CPUState *cpu, uint64_t va, uint32_t word)
{
    X86CPU *env = x86_cpu(cpu);
    uint8_t image[28];

    cpu_ld_bytes(cpu, va, image, environment_size(word), x86_mmu_mode(env), HELPER_RETADDR());
    load_environment(env, image, word);
}

void helper_fnsave(CPUState *cpu, uint64_t va, uint32_t word)
{
    X86CPU *env = x86_cpu(cpu);
    unsigned size = environment_size(word);
    uint8_t image[108];

    store_environment(env, image, word);
    for (unsigned i = 0; i < 8; i++)
        memcpy(image + size + 10 * i, x87_st(env, i), 10);
    cpu_st_bytes(cpu, va, image, size + 80, x86_mmu_mode(env), HELPER_RETADDR());
    helper_fninit(cpu);
}

void helper_frstor(CPUState *cpu, uint64_t va, uint32_t word)
{
    X86CPU *env = x86_cpu(cpu);
    unsigned size = environment_size(word);
    uint8_t image[108];

    cpu_ld_bytes(cpu, va, image, size + 80, x86_mmu_mode(env), HELPER_RETADDR());
    load_environment(env, image, word);
    for (unsigned i = 0; i < 8; i++)
        memcpy(x87_st(env, i), image + size + 10 * i, 10);
}
