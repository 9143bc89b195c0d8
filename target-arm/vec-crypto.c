/* SPDX-License-Identifier: MIT */
/*
 * SHA-1, SHA-2, SM3 and SM4 steps as C functions (simd.h): Arm ARM chapter C7; FIPS 180-4, GB/T 32905 and 32907.
 * AES, PMULL and SHA-3 are host instructions, see translate-a64-simd.c.
 */
#include "simd.h"
#include <string.h>

#define CRYPTO(id)                                                                      \
    static VecCallFunc v_##id;                                                          \
    const VecCall vc_##id = { .name = #id, .func = v_##id, .pure = true };          \
    static void v_##id(CPUState *cpu, void *out, const void *pn, const void *pm, const void *pd, uint32_t imm)
#define OPERANDS                                                                          \
    ARMVReg n, m, d;                                                                      \
    (void)cpu, (void)imm;                                                                 \
    memcpy(&n, pn, 16);                                                                   \
    memcpy(&m, pm, 16);                                                                   \
    memcpy(&d, pd, 16)

static inline uint32_t rol(uint32_t x, unsigned n) { return x << n | x >> (32 - n); }
static inline uint32_t ror(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }
static inline uint64_t ror64(uint64_t x, unsigned n) { return x >> n | x << (64 - n); }
static uint32_t choose(uint32_t x, uint32_t y, uint32_t z) { return ((y ^ z) & x) ^ z; }
static uint32_t parity(uint32_t x, uint32_t y, uint32_t z) { return x ^ y ^ z; }
static uint32_t majority(uint32_t x, uint32_t y, uint32_t z) { return (x & y) | ((x | y) & z); }

/* ---- SHA-1 ---- */

static void sha1_rounds(ARMVReg *x, uint32_t y, const ARMVReg *w, uint32_t (*f)(uint32_t, uint32_t, uint32_t))
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t next = x->s[3];
        y += rol(x->s[0], 5) + f(x->s[1], x->s[2], x->s[3]) + w->s[i];
        *x = (ARMVReg){ .s = { y, x->s[0], rol(x->s[1], 30), x->s[2] } };
        y = next;
    }
}
CRYPTO(sha1c) { OPERANDS; sha1_rounds(&d, n.s[0], &m, choose); memcpy(out, &d, 16); }
CRYPTO(sha1p) { OPERANDS; sha1_rounds(&d, n.s[0], &m, parity); memcpy(out, &d, 16); }
CRYPTO(sha1m) { OPERANDS; sha1_rounds(&d, n.s[0], &m, majority); memcpy(out, &d, 16); }
CRYPTO(sha1h)
{
    OPERANDS;
    d = (ARMVReg){ .s = { rol(n.s[0], 30) } };
    memcpy(out, &d, 16);
}
CRYPTO(sha1su0)
{
    OPERANDS;
    ARMVReg r = { .d = { d.d[1] ^ d.d[0] ^ m.d[0], n.d[0] ^ d.d[1] ^ m.d[1] } };
    memcpy(out, &r, 16);
}
CRYPTO(sha1su1)
{
    OPERANDS;
    uint32_t t[4] = { d.s[0] ^ n.s[1], d.s[1] ^ n.s[2], d.s[2] ^ n.s[3], d.s[3] };
    ARMVReg r = { .s = { rol(t[0], 1), rol(t[1], 1), rol(t[2], 1), rol(t[3], 1) ^ rol(t[0], 2) } };
    memcpy(out, &r, 16);
}

/* ---- SHA-256 ---- */

static ARMVReg sha256_rounds(ARMVReg x, ARMVReg y, const ARMVReg *w, bool first)
{
    for (unsigned i = 0; i < 4; i++) {
        uint32_t e = y.s[0], a = x.s[0];
        uint32_t t = y.s[3] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + choose(e, y.s[1], y.s[2]) + w->s[i];
        uint32_t x3 = x.s[3] + t;
        uint32_t y3 = t + (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + majority(a, x.s[1], x.s[2]);
        x = (ARMVReg){ .s = { y3, x.s[0], x.s[1], x.s[2] } };
        y = (ARMVReg){ .s = { x3, y.s[0], y.s[1], y.s[2] } };
    }
    return first ? x : y;
}
CRYPTO(sha256h) { OPERANDS; d = sha256_rounds(d, n, &m, true); memcpy(out, &d, 16); }
CRYPTO(sha256h2) { OPERANDS; d = sha256_rounds(n, d, &m, false); memcpy(out, &d, 16); }
CRYPTO(sha256su0)
{
    OPERANDS;
    uint32_t t[4] = { d.s[1], d.s[2], d.s[3], n.s[0] };
    for (unsigned i = 0; i < 4; i++)
        d.s[i] += ror(t[i], 7) ^ ror(t[i], 18) ^ t[i] >> 3;
    memcpy(out, &d, 16);
}
CRYPTO(sha256su1)
{
    OPERANDS;
    uint32_t t[4] = { n.s[1], n.s[2], n.s[3], m.s[0] };
    for (unsigned i = 0; i < 4; i++) {
        uint32_t x = i < 2 ? m.s[2 + i] : d.s[i - 2];
        d.s[i] += (ror(x, 17) ^ ror(x, 19) ^ x >> 10) + t[i];
    }
    memcpy(out, &d, 16);
}

/* ---- SHA-512 ---- */

static uint64_t big_sigma1(uint64_t x) { return ror64(x, 14) ^ ror64(x, 18) ^ ror64(x, 41); }
static uint64_t big_sigma0(uint64_t x) { return ror64(x, 28) ^ ror64(x, 34) ^ ror64(x, 39); }
static uint64_t choose64(uint64_t x, uint64_t y, uint64_t z) { return (x & y) ^ (~x & z); }
static uint64_t majority64(uint64_t x, uint64_t y, uint64_t z) { return (x & y) ^ (x & z) ^ (y & z); }
CRYPTO(sha512h)
{
    OPERANDS;
    uint64_t hi = d.d[1] + big_sigma1(m.d[1]) + choose64(m.d[1], n.d[0], n.d[1]), t = hi + m.d[0];
    ARMVReg r = { .d = { d.d[0] + big_sigma1(t) + choose64(t, m.d[1], n.d[0]), hi } };
    memcpy(out, &r, 16);
}
CRYPTO(sha512h2)
{
    OPERANDS;
    uint64_t hi = d.d[1] + big_sigma0(m.d[0]) + majority64(n.d[0], m.d[1], m.d[0]);
    ARMVReg r = { .d = { d.d[0] + big_sigma0(hi) + majority64(hi, m.d[0], m.d[1]), hi } };
    memcpy(out, &r, 16);
}
static uint64_t small_sigma0(uint64_t x) { return ror64(x, 1) ^ ror64(x, 8) ^ x >> 7; }
static uint64_t small_sigma1(uint64_t x) { return ror64(x, 19) ^ ror64(x, 61) ^ x >> 6; }
CRYPTO(sha512su0)
{
    OPERANDS;
    ARMVReg r = { .d = { d.d[0] + small_sigma0(d.d[1]), d.d[1] + small_sigma0(n.d[0]) } };
    memcpy(out, &r, 16);
}
CRYPTO(sha512su1)
{
    OPERANDS;
    ARMVReg r = { .d = { d.d[0] + small_sigma1(n.d[0]) + m.d[0], d.d[1] + small_sigma1(n.d[1]) + m.d[1] } };
    memcpy(out, &r, 16);
}
/* param: right rotation of n ^ m */
CRYPTO(xar)
{
    OPERANDS;
    unsigned k = vi_param(imm) & 63;
    for (unsigned i = 0; i < 2; i++)
        d.d[i] = k ? ror64(n.d[i] ^ m.d[i], k) : n.d[i] ^ m.d[i];
    memcpy(out, &d, 16);
}
CRYPTO(rax1)
{
    OPERANDS;
    for (unsigned i = 0; i < 2; i++)
        d.d[i] = n.d[i] ^ ror64(m.d[i], 63);
    memcpy(out, &d, 16);
}

/* ---- SM3 ---- */

/* d is Va */
CRYPTO(sm3ss1)
{
    OPERANDS;
    ARMVReg r = { .s = { 0, 0, 0, rol(rol(n.s[3], 12) + m.s[3] + d.s[3], 7) } };
    memcpy(out, &r, 16);
}
/* param: element of m, 4 second half of the steps (B), 8 TT2 */
CRYPTO(sm3tt)
{
    OPERANDS;
    unsigned p = vi_param(imm);
    uint32_t w = m.s[p & 3], t;

    if (!(p & 4))
        t = parity(d.s[3], d.s[2], d.s[1]);
    else
        t = p & 8 ? choose(d.s[3], d.s[2], d.s[1]) : majority(d.s[3], d.s[2], d.s[1]);
    t += d.s[0] + w + (p & 8 ? n.s[3] : n.s[3] ^ rol(d.s[3], 12));
    d = (ARMVReg){ .s = { d.s[1], rol(d.s[2], p & 8 ? 19 : 9), d.s[3], p & 8 ? t ^ rol(t, 9) ^ rol(t, 17) : t } };
    memcpy(out, &d, 16);
}
CRYPTO(sm3partw1)
{
    OPERANDS;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = d.s[i] ^ n.s[i] ^ rol(i < 3 ? m.s[i + 1] : d.s[0], 15);
        d.s[i] = t ^ rol(t, 15) ^ rol(t, 23);
    }
    memcpy(out, &d, 16);
}
CRYPTO(sm3partw2)
{
    OPERANDS;
    uint32_t t0 = n.s[0] ^ rol(m.s[0], 7), t = rol(t0, 15);
    for (unsigned i = 0; i < 4; i++)
        d.s[i] ^= n.s[i] ^ rol(m.s[i], 7);
    d.s[3] ^= t ^ rol(t, 15) ^ rol(t, 23);
    memcpy(out, &d, 16);
}

/* ---- SM4 ---- */

static const uint8_t sm4_sbox[256] = {
    0xd6, 0x90, 0xe9, 0xfe, 0xcc, 0xe1, 0x3d, 0xb7, 0x16, 0xb6, 0x14, 0xc2, 0x28, 0xfb, 0x2c, 0x05,
    0x2b, 0x67, 0x9a, 0x76, 0x2a, 0xbe, 0x04, 0xc3, 0xaa, 0x44, 0x13, 0x26, 0x49, 0x86, 0x06, 0x99,
    0x9c, 0x42, 0x50, 0xf4, 0x91, 0xef, 0x98, 0x7a, 0x33, 0x54, 0x0b, 0x43, 0xed, 0xcf, 0xac, 0x62,
    0xe4, 0xb3, 0x1c, 0xa9, 0xc9, 0x08, 0xe8, 0x95, 0x80, 0xdf, 0x94, 0xfa, 0x75, 0x8f, 0x3f, 0xa6,
    0x47, 0x07, 0xa7, 0xfc, 0xf3, 0x73, 0x17, 0xba, 0x83, 0x59, 0x3c, 0x19, 0xe6, 0x85, 0x4f, 0xa8,
    0x68, 0x6b, 0x81, 0xb2, 0x71, 0x64, 0xda, 0x8b, 0xf8, 0xeb, 0x0f, 0x4b, 0x70, 0x56, 0x9d, 0x35,
    0x1e, 0x24, 0x0e, 0x5e, 0x63, 0x58, 0xd1, 0xa2, 0x25, 0x22, 0x7c, 0x3b, 0x01, 0x21, 0x78, 0x87,
    0xd4, 0x00, 0x46, 0x57, 0x9f, 0xd3, 0x27, 0x52, 0x4c, 0x36, 0x02, 0xe7, 0xa0, 0xc4, 0xc8, 0x9e,
    0xea, 0xbf, 0x8a, 0xd2, 0x40, 0xc7, 0x38, 0xb5, 0xa3, 0xf7, 0xf2, 0xce, 0xf9, 0x61, 0x15, 0xa1,
    0xe0, 0xae, 0x5d, 0xa4, 0x9b, 0x34, 0x1a, 0x55, 0xad, 0x93, 0x32, 0x30, 0xf5, 0x8c, 0xb1, 0xe3,
    0x1d, 0xf6, 0xe2, 0x2e, 0x82, 0x66, 0xca, 0x60, 0xc0, 0x29, 0x23, 0xab, 0x0d, 0x53, 0x4e, 0x6f,
    0xd5, 0xdb, 0x37, 0x45, 0xde, 0xfd, 0x8e, 0x2f, 0x03, 0xff, 0x6a, 0x72, 0x6d, 0x6c, 0x5b, 0x51,
    0x8d, 0x1b, 0xaf, 0x92, 0xbb, 0xdd, 0xbc, 0x7f, 0x11, 0xd9, 0x5c, 0x41, 0x1f, 0x10, 0x5a, 0xd8,
    0x0a, 0xc1, 0x31, 0x88, 0xa5, 0xcd, 0x7b, 0xbd, 0x2d, 0x74, 0xd0, 0x12, 0xb8, 0xe5, 0xb4, 0xb0,
    0x89, 0x69, 0x97, 0x4a, 0x0c, 0x96, 0x77, 0x7e, 0x65, 0xb9, 0xf1, 0x09, 0xc5, 0x6e, 0xc6, 0x84,
    0x18, 0xf0, 0x7d, 0xec, 0x3a, 0xdc, 0x4d, 0x20, 0x79, 0xee, 0x5f, 0x3e, 0xd7, 0xcb, 0x39, 0x48,
};

static uint32_t sm4_substitute(uint32_t x)
{
    return sm4_sbox[x & 255] | (uint32_t)sm4_sbox[x >> 8 & 255] << 8 | (uint32_t)sm4_sbox[x >> 16 & 255] << 16 |
           (uint32_t)sm4_sbox[x >> 24] << 24;
}
/* n is the state or key, m the round keys or constants */
CRYPTO(sm4e)
{
    OPERANDS;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = sm4_substitute(n.s[3] ^ n.s[2] ^ n.s[1] ^ m.s[i]);
        t ^= rol(t, 2) ^ rol(t, 10) ^ rol(t, 18) ^ rol(t, 24) ^ n.s[0];
        n = (ARMVReg){ .s = { n.s[1], n.s[2], n.s[3], t } };
    }
    memcpy(out, &n, 16);
}
CRYPTO(sm4ekey)
{
    OPERANDS;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t t = sm4_substitute(n.s[3] ^ n.s[2] ^ n.s[1] ^ m.s[i]);
        t ^= rol(t, 13) ^ rol(t, 23) ^ n.s[0];
        n = (ARMVReg){ .s = { n.s[1], n.s[2], n.s[3], t } };
    }
    memcpy(out, &n, 16);
}
