/* SPDX-License-Identifier: MIT */
/*
 * Proves that every row of tcg/vec.def says the right x86 encoding and that its reference function
 * computes what the host CPU does, MXCSR flags included. Expected values come from executing the encoded
 * instruction on the host with random operands (special floating-point values among them) under all
 * rounding and flush modes. Rows whose feature the host lacks are skipped; other hosts have nothing to compare.
 */
#include "tcg/vec.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__x86_64__)

typedef void RowFunc(const void *a, const void *b, const void *c, void *out);
typedef struct Code { uint8_t *p; } Code;

static uint64_t rng_state = 0x243f6a8885a308d3ull;
static uint64_t rng(void)
{
    rng_state ^= rng_state << 13, rng_state ^= rng_state >> 7, rng_state ^= rng_state << 17;
    return rng_state * 0x2545f4914f6cdd1dull;
}

static const uint64_t special64[] = {
    0, 1ull << 63, 0x3ff0000000000000, 0xbff8000000000000, 0x7ff0000000000000, 0xfff0000000000000,
    0x7ff8000000000123, 0xfff8000000000456, 0x7ff0000000000789, 0xfff4000000000abc, 1, 0x000fffffffffffff,
    0x8000000000000777, 0x0010000000000000, 0x7fefffffffffffff, 0x41dfffffffc00000, 0x41e0000000000000,
    0xc1e0000000000000, 0x43e0000000000000, 0x3fe0000000000000, 0x4004000000000000, 0x36a0000000000000,
    0x3810000000000001, 0x47efffffffffffff,
};
static const uint32_t special32[] = {
    0, 0x80000000, 0x3f800000, 0xbfc00000, 0x7f800000, 0xff800000, 0x7fc00123, 0xffc00456, 0x7f800789,
    0xffa00abc, 1, 0x007fffff, 0x80000777, 0x00800000, 0x7f7fffff, 0x4f000000, 0xcf000000, 0x5f000000,
    0x3f000000, 0x40200000, 0xffffffff, 0x7fffffff,
};

static void fill(uint64_t v[2], unsigned kind)
{
    for (int i = 0; i < 2; i++) {
        uint64_t r = rng();
        if (kind == 0)
            v[i] = r;
        else if (kind == 1)
            v[i] = special64[r % ARRAY_SIZE(special64)] ^ (r >> 60 == 0);
        else if (kind == 2)
            v[i] = special32[r % ARRAY_SIZE(special32)] | (uint64_t)special32[(r >> 32) % ARRAY_SIZE(special32)] << 32;
        else if (kind == 3) /* normal numbers of like size */
            v[i] = (r & 0x800fffffffffffffull) | (0x3f0 + (r >> 52) % 32) << 52;
        else
            v[i] = r & 0x3f; /* shift counts and small integers */
    }
}

static void put(Code *c, unsigned n, ...)
{
    __builtin_va_list ap;
    __builtin_va_start(ap, n);
    while (n--)
        *c->p++ = (uint8_t)__builtin_va_arg(ap, int);
    __builtin_va_end(ap);
}

static void put_insn(Code *c, const VecInfo *v, unsigned reg, unsigned rm)
{
    if (v->feature == VF_AVX || v->feature == VF_AVX2 || v->feature == VF_F16C) { /* with xmm1 as first operand of two */
        bool two = v->shape == VS_VV;
        unsigned first = v->flags & VFL_STORE ? rm : reg, second = v->flags & VFL_STORE ? reg : rm;
        put(c, 5, 0xc4, 0xe0 | v->map, (v->flags & VFL_G64 ? 0x80 : 0) | (two ? 0x70 : 0x78) | 1, v->op,
            0xc0 | first << 3 | second);
        return;
    }
    if (v->pp)
        put(c, 1, v->pp);
    if (v->flags & VFL_G64)
        put(c, 1, 0x48);
    put(c, 1, 0x0f);
    if (v->map > 1)
        put(c, 1, v->map == 2 ? 0x38 : 0x3a);
    put(c, 2, v->op, 0xc0 | reg << 3 | rm);
}

/* xmm1 = a, xmm2 = b, xmm0 = c, rax = first word of b; result in xmm1, xmm3 or rax. */
static RowFunc *assemble(uint8_t *buf, const VecInfo *v, uint8_t imm)
{
    Code c = { buf };
    unsigned result = 1; /* 0 = rax */
    put(&c, 4, 0xf3, 0x0f, 0x6f, 0x0f);
    put(&c, 4, 0xf3, 0x0f, 0x6f, 0x16);
    put(&c, 4, 0xf3, 0x0f, 0x6f, 0x02);
    put(&c, 3, 0x48, 0x8b, 0x06);
    switch (v->shape) {
    case VS_V: case VS_VI: put_insn(&c, v, 3, 1); result = 3; break;
    case VS_VV: case VS_VVV: case VS_VVI: put_insn(&c, v, 1, 2); break;
    case VS_FMA: put(&c, 5, 0xc4, 0xe2, (v->flags & VFL_G64 ? 0x80 : 0) | 0x69, v->op, 0xc8); break;
    case VS_SHIFTI: put_insn(&c, v, v->ext, 1); break;
    case VS_VG: case VS_VGI: put_insn(&c, v, 1, 0); break;
    case VS_GV: put_insn(&c, v, 0, 1); result = 0; break;
    case VS_GVI: put_insn(&c, v, v->map == 3, v->map != 3); result = 0; break;
    case VS_FLAGS: put_insn(&c, v, 1, 2); put(&c, 5, 0x9c, 0x58, 0x83, 0xe0, 0x45); result = 0; break;
    }
    if (v->shape == VS_VI || v->shape == VS_VVI || v->shape == VS_SHIFTI || v->shape == VS_VGI || v->shape == VS_GVI)
        put(&c, 1, imm);
    if (result)
        put(&c, 5, 0xf3, 0x0f, 0x7f, 0x01 | result << 3, 0xc3);
    else
        put(&c, 4, 0x48, 0x89, 0x01, 0xc3);
    return (RowFunc *)(uintptr_t)buf;
}

static bool host_has(unsigned feature)
{
    switch (feature) {
    case VF_SSE2: return true;
    case VF_SSE3: return __builtin_cpu_supports("sse3");
    case VF_SSSE3: return __builtin_cpu_supports("ssse3");
    case VF_SSE41: return __builtin_cpu_supports("sse4.1");
    case VF_SSE42: return __builtin_cpu_supports("sse4.2");
    case VF_AES: return __builtin_cpu_supports("aes");
    case VF_PCLMUL: return __builtin_cpu_supports("pclmul");
    case VF_FMA: return __builtin_cpu_supports("fma");
    case VF_AVX: return __builtin_cpu_supports("avx");
    case VF_AVX2: return __builtin_cpu_supports("avx2");
    case VF_F16C: {
        uint32_t a = 1, b, c = 0, d;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        return c >> 29 & 1 && __builtin_cpu_supports("avx");
    }
    case VF_SHA: {
        uint32_t a = 7, b, c = 0, d;
        __asm__("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
        return b >> 29 & 1;
    }
    default: return false;
    }
}

static uint32_t under_mxcsr(uint32_t mode, void (*fn)(void *), void *arg)
{
    uint32_t saved, after;
    __asm__ volatile("stmxcsr %0; ldmxcsr %1" : "=m"(saved) : "m"(mode) : "memory");
    fn(arg);
    __asm__ volatile("stmxcsr %0; ldmxcsr %1" : "=m"(after) : "m"(saved) : "memory");
    return after;
}

typedef struct Case {
    const VecInfo *v;
    RowFunc *host;
    uint64_t a[2], b[2], c[2], out[2];
    uint8_t imm;
} Case;
static void run_host(void *p) { Case *t = p; t->host(t->a, t->b, t->c, t->out); }
static void run_ref(void *p) { Case *t = p; t->v->ref(t->out, t->a, t->b, t->c, t->imm, 16); }

static bool fails(Case *t, uint32_t mode)
{
    t->out[0] = t->out[1] = 0;
    uint32_t want_csr = under_mxcsr(mode, run_host, t);
    uint64_t want[2] = { t->out[0], t->out[1] };
    t->out[0] = t->out[1] = 0;
    uint32_t got_csr = under_mxcsr(mode, run_ref, t);
    if (!(t->v->flags & VFL_FP) && (want_csr != mode))
        printf("%s: touches MXCSR but the row has no VFL_FP\n", t->v->name);
    else if (!memcmp(want, t->out, 16) && want_csr == got_csr)
        return false;
    printf("%s imm %#x mxcsr %#x\n a    %016lx %016lx\n b    %016lx %016lx\n c    %016lx %016lx\n"
           " host %016lx %016lx mxcsr %#x\n ref  %016lx %016lx mxcsr %#x\n",
           t->v->name, t->imm, mode, t->a[1], t->a[0], t->b[1], t->b[0], t->c[1], t->c[0], want[1], want[0],
           want_csr, t->out[1], t->out[0], got_csr);
    return true;
}

int main(void)
{
    uint8_t *buf = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned failures = 0, skipped = 0;
    if (buf == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    for (unsigned row = 0; row < VEC_ROWS; row++) {
        const VecInfo *v = &vec_info[row];
        if (!host_has(v->feature)) {
            skipped++;
            continue;
        }
        for (unsigned n = 0; n < 4000; n++) {
            uint8_t imm = (uint8_t)(v->shape == VS_SHIFTI ? rng() % 80 : rng());
            if (strncmp(v->name, "cmp", 3) == 0)
                imm &= 7;
            if (strncmp(v->name, "round", 5) == 0)
                imm &= 15;
            Case t = { .v = v, .host = assemble(buf, v, imm), .imm = imm };
            fill(t.a, n % 4), fill(t.b, rng() % 5), fill(t.c, 0);
            uint32_t mode = 0x1f80 | (v->flags & VFL_FP ? (rng() & 3) << 13 | (rng() & 1) << 15 | (rng() & 1) << 6 : 0);
            if (fails(&t, mode)) {
                failures++;
                break;
            }
        }
    }
    printf("%u rows, %u skipped, %u failed\n", VEC_ROWS, skipped, failures);
    return failures != 0;
}

#else
int main(void) { return 0; }
#endif
