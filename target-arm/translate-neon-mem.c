/* SPDX-License-Identifier: MIT */
/* AArch32 Advanced SIMD element and structure loads and stores, VLD1-4 and VST1-4 (Arm ARM F4.1.24, DDI 0406 A7.7). */
#include "translate-vfp.h"
#include "obj/target-arm/neon.decode.inc"

static IRVal plus(DisasContext *s, IRVal base, unsigned offset)
{
    IRVal t;

    if (!offset)
        return base;
    t = arm_tmp(s);
    ir_op2i(s->ir, IR_ADD, IR_I32, t, base, offset);
    return t;
}

/* rm: 15 none, 13 by the bytes transferred, else that register */
static void write_back(DisasContext *s, unsigned rn, unsigned rm, unsigned bytes)
{
    if (rm == 13)
        ir_op2i(s->ir, IR_ADD, IR_I32, cpu_x[rn], cpu_x[rn], bytes);
    else if (rm != 15)
        ir_op2(s->ir, IR_ADD, IR_I32, cpu_x[rn], cpu_x[rn], cpu_x[rm]);
}

/* @align of the instruction: a multiple of 1 << log2 bytes or an alignment fault. */
static void check_alignment(DisasContext *s, IRVal addr, unsigned log2)
{
    if (log2)
        ARM_CALL(s, neon_align, IR_NONE, addr, ir_i32(s->ir, log2));
}

/* Structures by type: how many elements a structure has, how many of them are repeated, and the distance of their registers. */
typedef struct Shape { uint8_t selem, repeat, spacing; } Shape;
static const Shape shapes[16] = {
    [0] = { 4, 1, 1 }, [1] = { 4, 1, 2 }, [2] = { 1, 4, 1 }, [3] = { 2, 2, 2 }, [4] = { 3, 1, 1 }, [5] = { 3, 1, 2 },
    [6] = { 1, 3, 1 }, [7] = { 1, 1, 1 }, [8] = { 2, 1, 1 }, [9] = { 2, 1, 2 }, [10] = { 1, 2, 1 },
};

static bool alignment_ok(const Shape *sh, int type, int align)
{
    if (type == 6 || type == 7 || type == 4 || type == 5)
        return !(align & 2);
    if (type == 8 || type == 9 || type == 10)
        return align != 3;
    return sh->selem != 0;
}

/* Big-endian data: memory has the elements' bytes in the other order. */
static IRVal swap_elements(DisasContext *s, unsigned esz, IRVal v)
{
    IRVal t;

    if (!s->be_data || esz == E64)
        return v;
    /* The doubleword came with its bytes reversed: that reversed the elements too. */
    t = arm_tmpv(s);
    simd_call(s, &vc_rev, VI(8, esz, 0, E64), t, v, IR_NONE, IR_NONE);
    return t;
}

/* VLD1 and VST1 of one to four registers: plain bytes. */
static void whole_registers(DisasContext *s, bool load, unsigned d, unsigned n, IRVal base)
{
    IRVal t[4];

    for (unsigned i = 0; i < n; i += vfp_pair(s, E64, d + i, n - i) ? 2 : 1) {
        bool pair = vfp_pair(s, E64, d + i, n - i);
        IRVal addr = plus(s, base, 8 * i);
        if (load)
            simd_ld(s, E64 + pair, t[i] = arm_tmpv(s), addr);
        else
            simd_st(s, E64 + pair, neon_get(s, pair, d + i), addr);
    }
    for (unsigned i = 0; load && i < n; i += vfp_pair(s, E64, d + i, n - i) ? 2 : 1)
        neon_set(s, vfp_pair(s, E64, d + i, n - i), d + i, t[i]);
}

bool trans_NLDM(DisasContext *s, arg_NLDM *a)
{
    const Shape *sh = &shapes[a->type];
    unsigned d = vfp_reg(3, (unsigned)a->vd, (unsigned)a->d), esz = (unsigned)a->size, n = sh->selem * sh->repeat;
    unsigned last = d + (sh->selem - 1u) * sh->spacing + (sh->selem == 1 ? sh->repeat - 1u : sh->repeat - 1u);
    IRVal base = cpu_x[a->rn], m[4], v[4], t[4];

    if (!sh->selem || (esz == E64 && sh->selem > 1) || !alignment_ok(sh, a->type, a->align) || last > 31 || !vfp_dreg_ok(s, last) ||
        a->rn == 15)
        return false;
    if (!vfp_check(s))
        return true;
    check_alignment(s, base, a->align ? (unsigned)a->align + 2 : 0);
    if (sh->selem == 1 && !s->be_data) {
        whole_registers(s, a->l, d, n, base);
        write_back(s, (unsigned)a->rn, (unsigned)a->rm, 8 * n);
        return true;
    }
#define REG(r, i) (d + (r) + (i) * sh->spacing)
    if (a->l)
        for (unsigned i = 0; i < n; i++) {
            simd_ld(s, E64, t[i] = arm_tmpv(s), plus(s, base, 8 * i));
            m[i] = swap_elements(s, esz, t[i]);
        }
    for (unsigned r = 0; r < sh->repeat; r++) {
        unsigned first = r * sh->selem;
        if (a->l) {
            simd_unzip(s, esz, 8, sh->selem, v, m + first);
            for (unsigned i = 0; i < sh->selem; i++)
                vfp_set(s, E64, REG(r, i), v[i]);
            continue;
        }
        for (unsigned i = 0; i < sh->selem; i++)
            v[i] = vfp_get(s, E64, REG(r, i));
        simd_zip(s, esz, 8, sh->selem, m + first, v);
        for (unsigned i = 0; i < sh->selem; i++)
            simd_st(s, E64, swap_elements(s, esz, m[first + i]), plus(s, base, 8 * (first + i)));
    }
    write_back(s, (unsigned)a->rn, (unsigned)a->rm, 8 * n);
    return true;
}

/* Index, register distance and alignment of a single structure; false when unallocated. */
static bool single_shape(const arg_NLD_ONE *a, unsigned *index, unsigned *inc, unsigned *log2)
{
    unsigned size = (unsigned)a->size, ia = (unsigned)a->ia, n = (unsigned)a->nelem + 1, low = ia & ((2u << size) - 1);

    *index = ia >> (size + 1);
    *inc = n > 1 && size && ia >> size & 1 ? 2 : 1;
    *log2 = 0;
    switch (n) {
    case 1:
        *log2 = size == 0 ? 0 : size == 1 ? low & 1 : low == 3 ? 2 : 0;
        return size == 0 ? !(low & 1) : size == 1 ? !(low & 2) : low == 0 || low == 3;
    case 2:
        *log2 = low & 1 ? size + 1 : 0;
        return size < 2 || !(low & 2);
    case 3:
        return size == 0 ? !(low & 1) : size == 1 ? !(low & 1) : !(low & 3);
    default:
        *log2 = size == 2 ? (low & 3 ? (low & 3) + 2 : 0) : low & 1 ? size + 2 : 0;
        return size < 2 || (low & 3) != 3;
    }
}

bool trans_NLD_ONE(DisasContext *s, arg_NLD_ONE *a)
{
    unsigned d = vfp_reg(3, (unsigned)a->vd, (unsigned)a->d), esz = (unsigned)a->size, n = (unsigned)a->nelem + 1, index, inc, log2;
    IRVal base = cpu_x[a->rn], t[4];

    if (esz == 3 || !single_shape(a, &index, &inc, &log2) || a->rn == 15 || d + (n - 1) * inc > 31 ||
        !vfp_dreg_ok(s, d + (n - 1) * inc))
        return false;
    if (!vfp_check(s))
        return true;
    check_alignment(s, base, log2);
    for (unsigned i = 0; i < n; i++) {
        unsigned reg = d + i * inc, lane = index + ((reg & 1) << (3 - esz));
        IRVal addr = plus(s, base, i << esz);
        t[i] = arm_tmp(s);
        if (a->l) {
            arm_ld(s, IR_I64, t[i], addr, (MemOp)esz);
        } else {
            simd_extract(s, esz, false, t[i], cpu_v[reg >> 1], lane);
            arm_st(s, IR_I64, t[i], addr, (MemOp)esz);
        }
    }
    for (unsigned i = 0; a->l && i < n; i++) {
        unsigned reg = d + i * inc;
        simd_insert(s, esz, cpu_v[reg >> 1], cpu_v[reg >> 1], t[i], index + ((reg & 1) << (3 - esz)));
    }
    write_back(s, (unsigned)a->rn, (unsigned)a->rm, n << esz);
    return true;
}

/* To all lanes. t: VLD1 to two registers, others with distance 2 */
bool trans_NLD_ALL(DisasContext *s, arg_NLD_ALL *a)
{
    unsigned d = vfp_reg(3, (unsigned)a->vd, (unsigned)a->d), n = (unsigned)a->nelem + 1, esz = (unsigned)a->size;
    unsigned inc = n > 1 && a->t ? 2 : 1, regs = n == 1 && a->t ? 2 : 1, log2 = 0, last;
    IRVal base = cpu_x[a->rn], t[4], v;

    if (esz == 3 && (n != 4 || !a->a))
        return false;
    if (a->a && ((n == 1 && esz == 0) || n == 3))
        return false;
    if (a->a)
        log2 = n == 1 ? esz : n == 2 ? esz + 1 : esz == 3 ? 4 : esz == 2 ? 3 : esz + 2;
    if (esz == 3)
        esz = E32;
    last = d + (n - 1) * inc + regs - 1;
    if (last > 31 || !vfp_dreg_ok(s, last) || a->rn == 15)
        return false;
    if (!vfp_check(s))
        return true;
    check_alignment(s, base, log2);
    for (unsigned i = 0; i < n; i++)
        arm_ld(s, IR_I64, t[i] = arm_tmp(s), plus(s, base, i << esz), (MemOp)esz);
    for (unsigned i = 0; i < n; i++) {
        v = arm_tmpv(s);
        simd_dup_int(s, esz, 16, v, t[i]);
        for (unsigned r = 0; r < regs; r++)
            vfp_set(s, E64, d + i * inc + r, v);
    }
    write_back(s, (unsigned)a->rn, (unsigned)a->rm, n << esz);
    return true;
}
