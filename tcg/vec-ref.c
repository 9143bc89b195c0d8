/* SPDX-License-Identifier: MIT */
/*
 * Reference functions of the integer rows of vec.def, in plain C: what the interpreter runs, what hosts
 * without the instruction fall back to, and the oracle of tests. Semantics from the Intel SDM, volume 2.
 * Floating point is in vec-ref-fp.c, cryptography in vec-ref-crypto.c.
 */
#include "vec-ref.h"

static inline int clamp(int v, int lo, int hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}
static inline int sat_s8(int v) { return clamp(v, INT8_MIN, INT8_MAX); }
static inline int sat_u8(int v) { return clamp(v, 0, UINT8_MAX); }
static inline int sat_s16(int v) { return clamp(v, INT16_MIN, INT16_MAX); }
static inline int sat_u16(int v) { return clamp(v, 0, UINT16_MAX); }

/* Arithmetic, lane by lane */
REF_EACH(ADD8, u8, 16, x + y)
REF_EACH(ADD16, u16, 8, x + y)
REF_EACH(ADD32, u32, 4, x + y)
REF_EACH(ADD64, u64, 2, x + y)
REF_EACH(SUB8, u8, 16, x - y)
REF_EACH(SUB16, u16, 8, x - y)
REF_EACH(SUB32, u32, 4, x - y)
REF_EACH(SUB64, u64, 2, x - y)
REF_EACH(ADDSAT8S, s8, 16, sat_s8(x + y))
REF_EACH(ADDSAT16S, s16, 8, sat_s16(x + y))
REF_EACH(ADDSAT8U, u8, 16, sat_u8(x + y))
REF_EACH(ADDSAT16U, u16, 8, sat_u16(x + y))
REF_EACH(SUBSAT8S, s8, 16, sat_s8(x - y))
REF_EACH(SUBSAT16S, s16, 8, sat_s16(x - y))
REF_EACH(SUBSAT8U, u8, 16, sat_u8(x - y))
REF_EACH(SUBSAT16U, u16, 8, sat_u16(x - y))
REF_EACH(AND, u64, 2, x & y)
REF_EACH(OR, u64, 2, x | y)
REF_EACH(XOR, u64, 2, x ^ y)
REF_EACH(ANDN, u64, 2, ~x & y)
REF_EACH(CMPEQ8, u8, 16, x == y ? -1 : 0)
REF_EACH(CMPEQ16, u16, 8, x == y ? -1 : 0)
REF_EACH(CMPEQ32, u32, 4, x == y ? -1 : 0)
REF_EACH(CMPEQ64, u64, 2, x == y ? -1ll : 0)
REF_EACH(CMPGT8S, s8, 16, x > y ? -1 : 0)
REF_EACH(CMPGT16S, s16, 8, x > y ? -1 : 0)
REF_EACH(CMPGT32S, s32, 4, x > y ? -1 : 0)
REF_EACH(CMPGT64S, s64, 2, x > y ? -1ll : 0)
REF_EACH(MIN8S, s8, 16, x < y ? x : y)
REF_EACH(MIN8U, u8, 16, x < y ? x : y)
REF_EACH(MIN16S, s16, 8, x < y ? x : y)
REF_EACH(MIN16U, u16, 8, x < y ? x : y)
REF_EACH(MIN32S, s32, 4, x < y ? x : y)
REF_EACH(MIN32U, u32, 4, x < y ? x : y)
REF_EACH(MAX8S, s8, 16, x > y ? x : y)
REF_EACH(MAX8U, u8, 16, x > y ? x : y)
REF_EACH(MAX16S, s16, 8, x > y ? x : y)
REF_EACH(MAX16U, u16, 8, x > y ? x : y)
REF_EACH(MAX32S, s32, 4, x > y ? x : y)
REF_EACH(MAX32U, u32, 4, x > y ? x : y)
REF_EACH(AVG8U, u8, 16, (x + y + 1) >> 1)
REF_EACH(AVG16U, u16, 8, (x + y + 1) >> 1)
REF_EACH(ABS8, s8, 16, x < 0 ? -x : x)
REF_EACH(ABS16, s16, 8, x < 0 ? -x : x)
REF_EACH(ABS32, s32, 4, x < 0 ? 0u - (uint32_t)x : (uint32_t)x)
REF_EACH(SIGN8, s8, 16, y < 0 ? -x : y ? x : 0)
REF_EACH(SIGN16, s16, 8, y < 0 ? -x : y ? x : 0)
REF_EACH(SIGN32, s32, 4, y < 0 ? 0u - (uint32_t)x : y ? (uint32_t)x : 0)
REF_EACH(MULLO16, u16, 8, (uint32_t)x * y)
REF_EACH(MULLO32, u32, 4, x * y)
REF_EACH(MULHI16S, s16, 8, x * y >> 16)
REF_EACH(MULHI16U, u16, 8, (uint32_t)x * y >> 16)
REF_EACH(MULHRS16, s16, 8, ((x * y >> 14) + 1) >> 1)
REF(MULEVEN32U, for (int i = 0; i < 2; i++) r.u64[i] = (uint64_t)a.u32[2 * i] * b.u32[2 * i];)
REF(MULEVEN32S, for (int i = 0; i < 2; i++) r.s64[i] = (int64_t)a.s32[2 * i] * b.s32[2 * i];)

/* Sums of neighbours */
REF(PMADDWD, for (int i = 0; i < 4; i++) {
    uint32_t lo = (uint32_t)(a.s16[2 * i] * b.s16[2 * i]);
    r.u32[i] = lo + (uint32_t)(a.s16[2 * i + 1] * b.s16[2 * i + 1]);
})
REF(PMADDUBSW, for (int i = 0; i < 8; i++)
    r.s16[i] = (int16_t)sat_s16(a.u8[2 * i] * b.s8[2 * i] + a.u8[2 * i + 1] * b.s8[2 * i + 1]);)
REF(PSADBW, for (int i = 0; i < 2; i++) {
    unsigned sum = 0;
    for (int j = 8 * i; j < 8 * i + 8; j++)
        sum += (unsigned)(a.u8[j] > b.u8[j] ? a.u8[j] - b.u8[j] : b.u8[j] - a.u8[j]);
    r.u64[i] = sum;
})

/* The second 128-bit lane of the 256-bit form takes its block numbers from imm bits 3-5. */
REF_PROTO(MPSADBW)
{
    (void)pc;
    for (unsigned off = 0; off < bytes; off += 16, imm >>= 3) {
        Lane128 a = lane_load(pa, off), b = lane_load(pb, off), r;
        const uint8_t *x = a.u8 + (imm >> 2 & 1) * 4, *y = b.u8 + (imm & 3) * 4;
        for (int i = 0; i < 8; i++) {
            unsigned sum = 0;
            for (int j = 0; j < 4; j++)
                sum += (unsigned)(x[i + j] > y[j] ? x[i + j] - y[j] : y[j] - x[i + j]);
            r.u16[i] = (uint16_t)sum;
        }
        memcpy((char *)out + off, &r, 16);
    }
}

REF(PHMINPOSUW, {
    int best = 0;
    for (int i = 1; i < 8; i++)
        if (a.u16[i] < a.u16[best])
            best = i;
    r = (Lane128){ .u16 = { a.u16[best], (uint16_t)best } };
})

#define REF_PAIRS(name, field, n, expr)                                   \
    REF(name, for (int i = 0; i < (n); i++) {                             \
        const Lane128 *s = i < (n) / 2 ? &a : &b;                         \
        int j = 2 * i % (n);                                              \
        __typeof__(r.field[0]) x = s->field[j], y = s->field[j + 1];      \
        r.field[i] = (__typeof__(r.field[0]))(expr);                      \
    })
REF_PAIRS(PHADDW, u16, 8, x + y)
REF_PAIRS(PHADDD, u32, 4, x + y)
REF_PAIRS(PHADDSW, s16, 8, sat_s16(x + y))
REF_PAIRS(PHSUBW, u16, 8, x - y)
REF_PAIRS(PHSUBD, u32, 4, x - y)
REF_PAIRS(PHSUBSW, s16, 8, sat_s16(x - y))

/* Shifts: n is the count, the same for all lanes */
#define REF_SHIFT(name, field, lanes, count, expr)                                \
    REF(name, {                                                                   \
        uint64_t n = (count);                                                     \
        for (int i = 0; i < (lanes); i++) {                                       \
            __typeof__(r.field[0]) x = a.field[i];                                \
            r.field[i] = (__typeof__(r.field[0]))(expr);                          \
        }                                                                         \
    })
#define REF_SHIFTS(name, field, lanes, expr)                                      \
    REF_SHIFT(name, field, lanes, lane_load(pb, 0).u64[0], expr)
REF_SHIFTS(SLL16, u16, 8, n > 15 ? 0 : x << n)
REF_SHIFTS(SLL32, u32, 4, n > 31 ? 0 : x << n)
REF_SHIFTS(SLL64, u64, 2, n > 63 ? 0 : x << n)
REF_SHIFTS(SRL16, u16, 8, n > 15 ? 0 : x >> n)
REF_SHIFTS(SRL32, u32, 4, n > 31 ? 0 : x >> n)
REF_SHIFTS(SRL64, u64, 2, n > 63 ? 0 : x >> n)
REF_SHIFTS(SRA16, s16, 8, x >> (n > 15 ? 15 : n))
REF_SHIFTS(SRA32, s32, 4, x >> (n > 31 ? 31 : n))
REF_SHIFT(SLLI16, u16, 8, imm, n > 15 ? 0 : x << n)
REF_SHIFT(SLLI32, u32, 4, imm, n > 31 ? 0 : x << n)
REF_SHIFT(SLLI64, u64, 2, imm, n > 63 ? 0 : x << n)
REF_SHIFT(SRLI16, u16, 8, imm, n > 15 ? 0 : x >> n)
REF_SHIFT(SRLI32, u32, 4, imm, n > 31 ? 0 : x >> n)
REF_SHIFT(SRLI64, u64, 2, imm, n > 63 ? 0 : x >> n)
REF_SHIFT(SRAI16, s16, 8, imm, x >> (n > 15 ? 15 : n))
REF_SHIFT(SRAI32, s32, 4, imm, x >> (n > 31 ? 31 : n))
REF(SLLBYTES, for (int i = 0; i < 16; i++) r.u8[i] = i >= imm ? a.u8[i - imm] : 0;)
REF(SRLBYTES, for (int i = 0; i < 16; i++) r.u8[i] = i + imm < 16 ? a.u8[i + imm] : 0;)

/* Moving lanes */
#define REF_PACK(name, from, to, n, sat)                              \
    REF(name, for (int i = 0; i < (n); i++) {                         \
        r.to[i] = (__typeof__(r.to[0]))sat(a.from[i]);                \
        r.to[i + (n)] = (__typeof__(r.to[0]))sat(b.from[i]);          \
    })
REF_PACK(PACKSS16, s16, s8, 8, sat_s8)
REF_PACK(PACKSS32, s32, s16, 4, sat_s16)
REF_PACK(PACKUS16, s16, u8, 8, sat_u8)
REF_PACK(PACKUS32, s32, u16, 4, sat_u16)

#define REF_UNPACK(name, field, n, first)                             \
    REF(name, for (int i = 0; i < (n); i++) {                         \
        r.field[2 * i] = a.field[(first) + i];                        \
        r.field[2 * i + 1] = b.field[(first) + i];                    \
    })
REF_UNPACK(UNPCKL8, u8, 8, 0)
REF_UNPACK(UNPCKL16, u16, 4, 0)
REF_UNPACK(UNPCKL32, u32, 2, 0)
REF_UNPACK(UNPCKL64, u64, 1, 0)
REF_UNPACK(UNPCKH8, u8, 8, 8)
REF_UNPACK(UNPCKH16, u16, 4, 4)
REF_UNPACK(UNPCKH32, u32, 2, 2)
REF_UNPACK(UNPCKH64, u64, 1, 1)
REF_UNPACK(UNPCKLPS, u32, 2, 0)
REF_UNPACK(UNPCKHPS, u32, 2, 2)
REF_UNPACK(UNPCKLPD, u64, 1, 0)
REF_UNPACK(UNPCKHPD, u64, 1, 1)

REF(SHUF32, for (int i = 0; i < 4; i++) r.u32[i] = a.u32[imm >> 2 * i & 3];)
REF(SHUFHI16, for (int i = 0; i < 4; i++) r.u16[4 + i] = a.u16[4 + (imm >> 2 * i & 3)];)
REF(SHUFLO16, for (int i = 0; i < 4; i++) r.u16[i] = a.u16[imm >> 2 * i & 3];)
REF(SHUFPS, for (int i = 0; i < 4; i++) r.u32[i] = (i < 2 ? a : b).u32[imm >> 2 * i & 3];)
REF(PSHUFB, for (int i = 0; i < 16; i++) r.u8[i] = b.u8[i] & 0x80 ? 0 : a.u8[b.u8[i] & 15];)
REF(PALIGNR, for (int i = 0; i < 16; i++) {
    int from = i + imm;
    r.u8[i] = from < 16 ? b.u8[from] : from < 32 ? a.u8[from - 16] : 0;
})

/* The 256-bit form of SHUFPD uses imm bits 2 and 3 for its second lane. */
REF_PROTO(SHUFPD)
{
    (void)pc;
    for (unsigned off = 0; off < bytes; off += 16, imm >>= 2) {
        Lane128 a = lane_load(pa, off), b = lane_load(pb, off);
        Lane128 r = { .u64 = { a.u64[imm & 1], b.u64[imm >> 1 & 1] } };
        memcpy((char *)out + off, &r, 16);
    }
}

/* Blends of 32 and 64-bit lanes continue through the immediate; of 16-bit lanes repeat it. */
REF(BLENDI16, for (int i = 0; i < 8; i++) if (imm >> i & 1) r.u16[i] = b.u16[i];)
REF(BLENDI32, for (int i = 0; i < 4; i++) if (imm >> (off / 4 + i) & 1) r.u32[i] = b.u32[i];)
REF(BLENDI64, for (int i = 0; i < 2; i++) if (imm >> (off / 8 + i) & 1) r.u64[i] = b.u64[i];)
REF(BLENDV8, for (int i = 0; i < 16; i++) if (c.s8[i] < 0) r.u8[i] = b.u8[i];)
REF(BLENDV32, for (int i = 0; i < 4; i++) if (c.s32[i] < 0) r.u32[i] = b.u32[i];)
REF(BLENDV64, for (int i = 0; i < 2; i++) if (c.s64[i] < 0) r.u64[i] = b.u64[i];)

/* The source is the low part of a, whatever the width of the result. */
#define REF_EXTEND(name, from, to, n)                                             \
    REF_PROTO(name)                                                               \
    {                                                                             \
        Lane128 a = lane_load(pa, 0), r[2];                                       \
        (void)pb, (void)pc, (void)imm;                                            \
        for (unsigned i = 0; i < bytes / sizeof(r[0].to[0]); i++)                 \
            r[i / (n)].to[i % (n)] = a.from[i];                                   \
        memcpy(out, r, bytes);                                                    \
    }
REF_EXTEND(SEXT8TO16, s8, s16, 8)
REF_EXTEND(SEXT8TO32, s8, s32, 4)
REF_EXTEND(SEXT8TO64, s8, s64, 2)
REF_EXTEND(SEXT16TO32, s16, s32, 4)
REF_EXTEND(SEXT16TO64, s16, s64, 2)
REF_EXTEND(SEXT32TO64, s32, s64, 2)
REF_EXTEND(ZEXT8TO16, u8, u16, 8)
REF_EXTEND(ZEXT8TO32, u8, u32, 4)
REF_EXTEND(ZEXT8TO64, u8, u64, 2)
REF_EXTEND(ZEXT16TO32, u16, u32, 4)
REF_EXTEND(ZEXT16TO64, u16, u64, 2)
REF_EXTEND(ZEXT32TO64, u32, u64, 2)

REF(MOVQ, r.u64[1] = 0;)
REF(MOVSS, r.u32[0] = b.u32[0];)
REF(MOVSD, r.u64[0] = b.u64[0];)
REF(MOVHLPS, r.u64[0] = b.u64[1];)
REF(MOVLHPS, r.u64[1] = b.u64[0];)
REF(MOVSLDUP, r.u32[1] = a.u32[0]; r.u32[3] = a.u32[2];)
REF(MOVSHDUP, r.u32[0] = a.u32[1]; r.u32[2] = a.u32[3];)
REF(MOVDDUP, r.u64[1] = a.u64[0];)
REF(INSERTPS, r.u32[imm >> 4 & 3] = b.u32[imm >> 6];
    for (int i = 0; i < 4; i++) if (imm >> i & 1) r.u32[i] = 0;)

/* To and from integers */
REF_VG(INSERT8, r.u8[imm & 15] = (uint8_t)g;)
REF_VG(INSERT16, r.u16[imm & 7] = (uint16_t)g;)
REF_VG(INSERT32, r.u32[imm & 3] = (uint32_t)g;)
REF_VG(INSERT64, r.u64[imm & 1] = g;)
REF_GV(EXTRACT8, g = a.u8[imm & 15];)
REF_GV(EXTRACT16, g = a.u16[imm & 7];)
REF_GV(EXTRACT32, g = a.u32[imm & 3];)
REF_GV(EXTRACT64, g = a.u64[imm & 1];)
REF_GV(MOVMSK32, for (int i = 0; i < 4; i++) g |= (uint64_t)(a.u32[i] >> 31) << i;)
REF_GV(MOVMSK64, for (int i = 0; i < 2; i++) g |= (a.u64[i] >> 63) << i;)

REF_PROTO(MOVMSK8)
{
    uint64_t g = 0;
    (void)pb, (void)pc, (void)imm;
    for (unsigned i = 0; i < bytes; i++)
        g |= (uint64_t)(((const uint8_t *)pa)[i] >> 7) << i;
    memcpy(out, &g, 8);
}

REF_PROTO(PTEST)
{
    uint64_t both = 0, only_b = 0;
    (void)pc, (void)imm;
    for (unsigned off = 0; off < bytes; off += 16) {
        Lane128 a = lane_load(pa, off), b = lane_load(pb, off);
        both |= (a.u64[0] & b.u64[0]) | (a.u64[1] & b.u64[1]);
        only_b |= (~a.u64[0] & b.u64[0]) | (~a.u64[1] & b.u64[1]);
    }
    uint64_t g = (both ? 0 : 1 << 6) | (only_b ? 0 : 1);
    memcpy(out, &g, 8);
}

/* Bitwise operations of the floating-point domain */
REF_EACH(ANDPS, u64, 2, x & y)
REF_EACH(ORPS, u64, 2, x | y)
REF_EACH(XORPS, u64, 2, x ^ y)
REF_EACH(ANDNPS, u64, 2, ~x & y)

/* AVX */
REF(PERMILPS, for (int i = 0; i < 4; i++) r.u32[i] = a.u32[b.u32[i] & 3];)
REF(PERMILPD, for (int i = 0; i < 2; i++) r.u64[i] = a.u64[b.u64[i] >> 1 & 1];)
REF_EACH(SLLV32, u32, 4, y < 32 ? x << y : 0)
REF_EACH(SLLV64, u64, 2, y < 64 ? x << y : 0)
REF_EACH(SRLV32, u32, 4, y < 32 ? x >> y : 0)
REF_EACH(SRLV64, u64, 2, y < 64 ? x >> y : 0)
REF(SRAV32, for (int i = 0; i < 4; i++) r.s32[i] = a.s32[i] >> (b.u32[i] < 32 ? b.u32[i] : 31);)
REF_GV(TESTPS, uint32_t both = 0; uint32_t only_b = 0;
       for (int i = 0; i < 4; i++) { both |= a.u32[i] & b.u32[i]; only_b |= ~a.u32[i] & b.u32[i]; }
       g = (both >> 31 ? 0 : 1 << 6) | (only_b >> 31 ? 0 : 1);)
REF_GV(TESTPD, uint64_t both = 0; uint64_t only_b = 0;
       for (int i = 0; i < 2; i++) { both |= a.u64[i] & b.u64[i]; only_b |= ~a.u64[i] & b.u64[i]; }
       g = (both >> 63 ? 0 : 1 << 6) | (only_b >> 63 ? 0 : 1);)
