/* SPDX-License-Identifier: MIT */
/*
 * Reference functions of the cryptographic rows of vec.def: AES rounds (FIPS 197), carry-less multiply and
 * SHA steps (FIPS 180-4), in the operand layouts of the Intel SDM, volume 2. Written from the definitions;
 * not constant-time.
 */
#include "vec-ref.h"

/* ---- AES: bytes of the state in column order, as in memory ---- */

static uint8_t gf_mul(uint8_t x, uint8_t y)
{
    uint8_t r = 0;
    for (; y; y >>= 1, x = (uint8_t)(x << 1 ^ (x >> 7) * 0x1b))
        if (y & 1)
            r ^= x;
    return r;
}

static uint8_t gf_inverse(uint8_t x) /* x^254; 0 stays 0 */
{
    uint8_t r = 1, power = x;
    for (int bit = 1; bit < 8; bit++) {
        power = gf_mul(power, power);
        r = gf_mul(r, power);
    }
    return r;
}

static uint8_t rotl8(uint8_t x, int n)
{
    return (uint8_t)(x << n | x >> (8 - n));
}

static uint8_t sub_byte(uint8_t x)
{
    uint8_t i = gf_inverse(x);
    return i ^ rotl8(i, 1) ^ rotl8(i, 2) ^ rotl8(i, 3) ^ rotl8(i, 4) ^ 0x63;
}

static uint8_t inv_sub_byte(uint8_t x)
{
    return gf_inverse(rotl8(x, 1) ^ rotl8(x, 3) ^ rotl8(x, 6) ^ 0x05);
}

/* SubBytes and ShiftRows; dir 1 encrypts, -1 decrypts. */
static Lane128 shift_sub(Lane128 a, int dir)
{
    Lane128 r;
    for (int i = 0; i < 16; i++) {
        int row = i & 3, from = (i + dir * 4 * row) & 15;
        r.u8[i] = dir > 0 ? sub_byte(a.u8[from]) : inv_sub_byte(a.u8[from]);
    }
    return r;
}

/* Each column times the circulant matrix of coefficients k. */
static Lane128 mix_columns(Lane128 a, const uint8_t k[4])
{
    Lane128 r;
    for (int i = 0; i < 16; i++) {
        uint8_t sum = 0;
        for (int j = 0; j < 4; j++)
            sum ^= gf_mul(a.u8[(i & 12) + ((i + j) & 3)], k[j]);
        r.u8[i] = sum;
    }
    return r;
}
static const uint8_t mix_forward[4] = { 2, 3, 1, 1 }, mix_inverse[4] = { 14, 11, 13, 9 };

static Lane128 lane_xor(Lane128 a, Lane128 b)
{
    return (Lane128){ .u64 = { a.u64[0] ^ b.u64[0], a.u64[1] ^ b.u64[1] } };
}

REF(AESENC, r = lane_xor(mix_columns(shift_sub(a, 1), mix_forward), b);)
REF(AESENCLAST, r = lane_xor(shift_sub(a, 1), b);)
REF(AESDEC, r = lane_xor(mix_columns(shift_sub(a, -1), mix_inverse), b);)
REF(AESDECLAST, r = lane_xor(shift_sub(a, -1), b);)
REF(AESIMC, r = mix_columns(a, mix_inverse);)

static uint32_t ror32(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static uint32_t sub_word(uint32_t w)
{
    uint32_t r = 0;
    for (int i = 0; i < 32; i += 8)
        r |= (uint32_t)sub_byte((uint8_t)(w >> i)) << i;
    return r;
}

REF(AESKEYGENASSIST, for (int i = 0; i < 2; i++) {
    uint32_t w = sub_word(a.u32[2 * i + 1]);
    r.u32[2 * i] = w;
    r.u32[2 * i + 1] = ror32(w, 8) ^ imm;
})

REF(PCLMULQDQ, {
    uint64_t x = a.u64[imm & 1], y = b.u64[imm >> 4 & 1], lo = 0, hi = 0;
    for (int i = 0; i < 64; i++)
        if (y >> i & 1) {
            lo ^= x << i;
            hi ^= i ? x >> (64 - i) : 0;
        }
    r = (Lane128){ .u64 = { lo, hi } };
})

/* ---- SHA: element 3 of a lane is the first word ---- */

static uint32_t rol32(uint32_t x, int n)
{
    return x << n | x >> (32 - n);
}

static uint32_t choose(uint32_t x, uint32_t y, uint32_t z) { return (x & y) ^ (~x & z); }
static uint32_t majority(uint32_t x, uint32_t y, uint32_t z) { return (x & y) ^ (x & z) ^ (y & z); }
static uint32_t parity(uint32_t x, uint32_t y, uint32_t z) { return x ^ y ^ z; }

REF(SHA1RNDS4, {
    static uint32_t (*const func[4])(uint32_t, uint32_t, uint32_t) = { choose, parity, majority, parity };
    static const uint32_t key[4] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
    uint32_t s[4] = { a.u32[3], a.u32[2], a.u32[1], a.u32[0] };
    uint32_t e = 0; /* E is already part of the first message word */
    for (int i = 0; i < 4; i++) {
        uint32_t t = func[imm & 3](s[1], s[2], s[3]) + rol32(s[0], 5) + b.u32[3 - i] + e + key[imm & 3];
        e = s[3], s[3] = s[2], s[2] = rol32(s[1], 30), s[1] = s[0], s[0] = t;
    }
    r = (Lane128){ .u32 = { s[3], s[2], s[1], s[0] } };
})
REF(SHA1NEXTE, r = b; r.u32[3] += rol32(a.u32[3], 30);)
REF(SHA1MSG1, r.u32[3] ^= a.u32[1]; r.u32[2] ^= a.u32[0]; r.u32[1] ^= b.u32[3]; r.u32[0] ^= b.u32[2];)
REF(SHA1MSG2, {
    r.u32[3] = rol32(a.u32[3] ^ b.u32[2], 1);
    r.u32[2] = rol32(a.u32[2] ^ b.u32[1], 1);
    r.u32[1] = rol32(a.u32[1] ^ b.u32[0], 1);
    r.u32[0] = rol32(a.u32[0] ^ r.u32[3], 1);
})

static uint32_t small_sigma0(uint32_t x) { return ror32(x, 7) ^ ror32(x, 18) ^ x >> 3; }
static uint32_t small_sigma1(uint32_t x) { return ror32(x, 17) ^ ror32(x, 19) ^ x >> 10; }
static uint32_t big_sigma0(uint32_t x) { return ror32(x, 2) ^ ror32(x, 13) ^ ror32(x, 22); }
static uint32_t big_sigma1(uint32_t x) { return ror32(x, 6) ^ ror32(x, 11) ^ ror32(x, 25); }

REF(SHA256RNDS2, {
    /* s: A B C D E F G H; a holds C D G H, b holds A B E F, c the sums of message and constant */
    uint32_t s[8] = { b.u32[3], b.u32[2], a.u32[3], a.u32[2], b.u32[1], b.u32[0], a.u32[1], a.u32[0] };
    for (int i = 0; i < 2; i++) {
        uint32_t t = choose(s[4], s[5], s[6]) + big_sigma1(s[4]) + c.u32[i] + s[7];
        uint32_t u = t + majority(s[0], s[1], s[2]) + big_sigma0(s[0]), e = s[3] + t;
        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[0] = u, s[4] = e;
    }
    r = (Lane128){ .u32 = { s[5], s[4], s[1], s[0] } };
})
REF(SHA256MSG1, for (int i = 0; i < 4; i++) r.u32[i] += small_sigma0(i < 3 ? a.u32[i + 1] : b.u32[0]);)
REF(SHA256MSG2, {
    r.u32[0] += small_sigma1(b.u32[2]);
    r.u32[1] += small_sigma1(b.u32[3]);
    r.u32[2] += small_sigma1(r.u32[0]);
    r.u32[3] += small_sigma1(r.u32[1]);
})
