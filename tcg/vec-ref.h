/* SPDX-License-Identifier: MIT */
/* How the reference functions of vector rows are written: one macro per kind of operands. Private to tcg/vec-ref*.c. */
#ifndef RHEA_TCG_VEC_REF_H
#define RHEA_TCG_VEC_REF_H

#include "tcg/vec.h"
#include <string.h>

typedef union Lane128 {
    uint8_t u8[16];
    int8_t s8[16];
    uint16_t u16[8];
    int16_t s16[8];
    uint32_t u32[4];
    int32_t s32[4];
    uint64_t u64[2];
    int64_t s64[2];
    float f32[4];
    double f64[2];
    float v __attribute__((vector_size(16)));
} Lane128;

static inline Lane128 lane_load(const void *p, unsigned offset)
{
    Lane128 l = { .u64 = { 0, 0 } };
    if (p)
        memcpy(&l, (const char *)p + offset, 16);
    return l;
}

#define REF_PROTO(name)                                                                   \
    VecRefFunc vec_ref_##name;                                                            \
    void vec_ref_##name(void *out, const void *pa, const void *pb, const void *pc, uint8_t imm, unsigned bytes)

/* Each 128-bit lane alone: the statements compute r (which starts as a) from a, b, c and imm. */
#define REF(name, ...)                                                                    \
    REF_PROTO(name)                                                                       \
    {                                                                                     \
        for (unsigned off = 0; off < bytes; off += 16) {                                  \
            Lane128 a = lane_load(pa, off), b = lane_load(pb, off), c = lane_load(pc, off); \
            Lane128 r = a;                                                                \
            (void)a, (void)b, (void)c, (void)imm;                                         \
            __VA_ARGS__                                                                   \
            memcpy((char *)out + off, &r, 16);                                            \
        }                                                                                 \
    }

/* Integer operand g: r from a, g, imm. */
#define REF_VG(name, ...)                                                                 \
    REF_PROTO(name)                                                                       \
    {                                                                                     \
        Lane128 r = lane_load(pa, 0);                                                     \
        uint64_t g;                                                                       \
        memcpy(&g, pb, 8);                                                                \
        (void)pc, (void)imm, (void)bytes;                                                 \
        __VA_ARGS__                                                                       \
        memcpy(out, &r, 16);                                                              \
    }

/* Integer result g from a, b and imm. */
#define REF_GV(name, ...)                                                                 \
    REF_PROTO(name)                                                                       \
    {                                                                                     \
        Lane128 a = lane_load(pa, 0), b = lane_load(pb, 0);                               \
        uint64_t g = 0;                                                                   \
        (void)a, (void)b, (void)pc, (void)imm, (void)bytes;                               \
        __VA_ARGS__                                                                       \
        memcpy(out, &g, 8);                                                               \
    }

/* r.field[i] = expr for each lane, x and y being the lanes of a and b. */
#define REF_EACH(name, field, n, expr)                                                    \
    REF(name, for (int i = 0; i < (n); i++) {                                             \
        __typeof__(r.field[0]) x = a.field[i], y = b.field[i];                            \
        (void)x, (void)y;                                                                 \
        r.field[i] = (__typeof__(r.field[0]))(expr);                                      \
    })

#endif
