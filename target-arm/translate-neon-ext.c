/* SPDX-License-Identifier: MIT */
/*
 * AArch32 SIMD extensions of v8.2 to v8.6 in the unconditional coprocessor space: complex numbers, dot products, half to
 * single products, matrices, bfloat16 (Arm ARM F3.1.10, F6.1).
 */
#include "translate-vfp.h"
#include "obj/target-arm/vfp-uncond.decode.inc"

/* d = call(n, m, d): n and m are read as q says. */
static bool call3(DisasContext *s, ARMFeature feature, const VecCall *call, uint16_t imm, bool q, unsigned d, unsigned n, unsigned m)
{
    unsigned last = q;
    IRVal t;

    if (!vfp_has(s, feature) || (q && (d | n | m) & 1) || !vfp_dreg_ok(s, d + last) || !vfp_dreg_ok(s, n + last) ||
        !vfp_dreg_ok(s, m + last))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    simd_call(s, call, imm, t, neon_get(s, q, n), neon_get(s, q, m), neon_get(s, q, d));
    neon_set(s, q, d, t);
    return true;
}

/* The same with a vector for m. */
static bool call_scalar(DisasContext *s, ARMFeature feature, const VecCall *call, uint16_t imm, bool q, unsigned d, unsigned n,
                        unsigned m, unsigned esz, unsigned index)
{
    IRVal t, v;

    if (!vfp_has(s, feature) || (q && (d | n) & 1) || !vfp_dreg_ok(s, d + q) || !vfp_dreg_ok(s, n + q) || !vfp_dreg_ok(s, m))
        return false;
    if (!vfp_check(s))
        return true;
    t = arm_tmpv(s);
    v = arm_tmpv(s);
    simd_dup_element(s, esz, 16, v, cpu_v[m >> 1], index + ((m & 1) << (3 - esz)));
    simd_call(s, call, imm, t, neon_get(s, q, n), v, neon_get(s, q, d));
    neon_set(s, q, d, t);
    return true;
}

#define D(a) vfp_reg(3, (unsigned)(a)->vd, (unsigned)(a)->d)
#define N(a) vfp_reg(3, (unsigned)(a)->vn, (unsigned)(a)->n)
#define M(a) vfp_reg(3, (unsigned)(a)->vm, (unsigned)(a)->m)
static unsigned bytes_of(int q) { return q ? 16 : 8; }
static bool half_ok(DisasContext *s, int single) { return single || vfp_has(s, ARM_FEATURE_FP16); }

bool trans_VCMLA(DisasContext *s, arg_VCMLA *a)
{
    return half_ok(s, a->s) && call3(s, ARM_FEATURE_FCMA, &vc_fcmla, VI(bytes_of(a->q), a->s ? E32 : E16, 1, a->rot), a->q, D(a), N(a), M(a));
}

bool trans_VCADD(DisasContext *s, arg_VCADD *a)
{
    return half_ok(s, a->s) && call3(s, ARM_FEATURE_FCMA, &vc_fcadd, VI(bytes_of(a->q), a->s ? E32 : E16, 1, a->rot), a->q, D(a), N(a), M(a));
}

/* The pair of Vm at an index goes to all pairs. */
bool trans_VCMLA_S(DisasContext *s, arg_VCMLA_S *a)
{
    unsigned m = a->s ? M(a) : (unsigned)a->vm;

    return half_ok(s, a->s) && call_scalar(s, ARM_FEATURE_FCMA, &vc_fcmla, VI(bytes_of(a->q), a->s ? E32 : E16, 1, a->rot), a->q, D(a),
                                           N(a), m, a->s ? E64 : E32, a->s ? 0 : (unsigned)a->m);
}

bool trans_VDOT(DisasContext *s, arg_VDOT *a)
{
    return call3(s, ARM_FEATURE_DOTPROD, a->u ? &vc_udot : &vc_sdot, VI(bytes_of(a->q), E32, 0, 0), a->q, D(a), N(a), M(a));
}

bool trans_VUSDOT(DisasContext *s, arg_VUSDOT *a)
{
    return call3(s, ARM_FEATURE_I8MM, &vc_usdot, VI(bytes_of(a->q), E32, 0, 0), a->q, D(a), N(a), M(a));
}

bool trans_VDOT_BF(DisasContext *s, arg_VDOT_BF *a)
{
    return call3(s, ARM_FEATURE_BF16, &vc_bfdot, VI(bytes_of(a->q), E32, 0, 0), a->q, D(a), N(a), M(a));
}

bool trans_VDOT_S(DisasContext *s, arg_VDOT_S *a)
{
    return call_scalar(s, ARM_FEATURE_DOTPROD, a->u ? &vc_udot : &vc_sdot, VI(bytes_of(a->q), E32, 0, 0), a->q, D(a), N(a),
                       (unsigned)a->vm, E32, (unsigned)a->m);
}

bool trans_VUSDOT_S(DisasContext *s, arg_VUSDOT_S *a)
{
    return call_scalar(s, ARM_FEATURE_I8MM, a->u ? &vc_sudot : &vc_usdot, VI(bytes_of(a->q), E32, 0, 0), a->q, D(a), N(a),
                       (unsigned)a->vm, E32, (unsigned)a->m);
}

bool trans_VDOT_BF_S(DisasContext *s, arg_VDOT_BF_S *a)
{
    return call_scalar(s, ARM_FEATURE_BF16, &vc_bfdot, VI(bytes_of(a->q), E32, 0, 0), a->q, D(a), N(a), (unsigned)a->vm, E32,
                       (unsigned)a->m);
}

bool trans_VMMLA(DisasContext *s, arg_VMMLA *a)
{
    if (a->opc && a->u)
        return false;
    return call3(s, ARM_FEATURE_I8MM, a->opc ? &vc_usmmla : a->u ? &vc_ummla : &vc_smmla, VI(16, E32, 0, 0), true, D(a), N(a), M(a));
}

bool trans_VMMLA_BF(DisasContext *s, arg_VMMLA_BF *a)
{
    return call3(s, ARM_FEATURE_BF16, &vc_bfmmla, VI(16, E32, 0, 0), true, D(a), N(a), M(a));
}

bool trans_VFMA_BF(DisasContext *s, arg_VFMA_BF *a)
{
    return call3(s, ARM_FEATURE_BF16, &vc_bfmlal, VI(16, E16, a->t, 0), true, D(a), N(a), M(a));
}

bool trans_VFMA_BF_S(DisasContext *s, arg_VFMA_BF_S *a)
{
    unsigned index = (unsigned)(a->m << 1 | a->vm >> 3), m = (unsigned)a->vm & 7;
    return call_scalar(s, ARM_FEATURE_BF16, &vc_bfmlal, VI(16, E16, a->t, 0), true, D(a), N(a), m, E16, index);
}

/* VFMAL, VFMSL: the sources of a D result are S registers, those of a Q result D registers. */
static bool vfml(DisasContext *s, int q, int sub, unsigned d, unsigned n, IRVal m, unsigned param)
{
    IRVal t = arm_tmpv(s);
    simd_call(s, &vc_fmlal, VI(bytes_of(q), E16, 0, (unsigned)sub | 4 | param), t, vfp_get(s, q ? E64 : E32, n), m, neon_get(s, q, d));
    neon_set(s, q, d, t);
    return true;
}

bool trans_VFML(DisasContext *s, arg_VFML *a)
{
    unsigned n = vfp_reg(a->q ? 3 : 2, (unsigned)a->vn, (unsigned)a->n), m = vfp_reg(a->q ? 3 : 2, (unsigned)a->vm, (unsigned)a->m);

    if (!vfp_has(s, ARM_FEATURE_FHM) || (a->q && D(a) & 1))
        return false;
    return !vfp_check(s) || vfml(s, a->q, a->s, D(a), n, vfp_get(s, a->q ? E64 : E32, m), 0);
}

bool trans_VFML_S(DisasContext *s, arg_VFML_S *a)
{
    unsigned n = vfp_reg(a->q ? 3 : 2, (unsigned)a->vn, (unsigned)a->n);
    unsigned m = a->q ? (unsigned)a->vm & 7 : (unsigned)(a->vm & 7) << 1 | (unsigned)a->m;
    unsigned index = a->q ? (unsigned)(a->m << 1 | a->vm >> 3) : (unsigned)a->vm >> 3;

    if (!vfp_has(s, ARM_FEATURE_FHM) || (a->q && D(a) & 1))
        return false;
    return !vfp_check(s) || vfml(s, a->q, a->s, D(a), n, vfp_get(s, a->q ? E64 : E32, m), 2 | index << 3);
}
