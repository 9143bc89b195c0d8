/* SPDX-License-Identifier: MIT */
/*
 * Loads and stores of vector registers: what AdvSIMD, Neon and VFP share, then AArch64's (Arm ARM C4.1.66): single registers,
 * pairs, structures. Registers are written, and the base with them, when all loads have been made.
 */
#include "translate-simd.h"
#include "obj/target-arm/a64-simd.decode.inc"

void simd_ld(DisasContext *s, unsigned esz, IRVal dst, IRVal addr)
{
    IRFunc *f = s->ir;
    IRVal t;

    if (esz >= E32 && !s->be_data) {
        arm_ld(s, IR_V128, dst, addr, (MemOp)esz);
        return;
    }
    t = arm_tmp(s);
    if (esz < 4) {
        arm_ld(s, IR_I64, t, addr, (MemOp)esz);
        ir_v_from_int(f, dst, t);
        return;
    }
    IRVal next = arm_tmp(s), low = arm_tmp(s), v = arm_tmpv(s); /* big-endian: the upper half comes first */
    ir_op2i(f, IR_ADD, IR_I64, next, addr, 8);
    arm_ld(s, IR_I64, t, addr, MO_64);
    arm_ld(s, IR_I64, low, next, MO_64);
    ir_v_from_int(f, v, low);
    simd_insert(s, E64, dst, v, t, 1);
}

void simd_st(DisasContext *s, unsigned esz, IRVal v, IRVal addr)
{
    IRFunc *f = s->ir;
    IRVal t, next;

    if (esz >= E32 && !s->be_data) {
        arm_st(s, IR_V128, v, addr, (MemOp)esz);
        return;
    }
    t = arm_tmp(s);
    if (esz < 4) {
        simd_extract(s, esz, false, t, v, 0);
        arm_st(s, IR_I64, t, addr, (MemOp)esz);
        return;
    }
    next = arm_tmp(s);
    simd_extract(s, E64, false, t, v, 1);
    arm_st(s, IR_I64, t, addr, MO_64);
    ir_op2i(f, IR_ADD, IR_I64, next, addr, 8);
    simd_extract(s, E64, false, t, v, 0);
    arm_st(s, IR_I64, t, next, MO_64);
}

static IRVal pick(DisasContext *s, const SimdOp *op, unsigned esz, unsigned bytes, IRVal a, IRVal b)
{
    IRVal t = arm_tmpv(s);
    simd_op(s, op, esz, bytes, t, a, b, IR_NONE);
    return t;
}

/* One D register of one element: nothing is interleaved. */
static bool single_elements(unsigned esz, unsigned bytes) { return bytes == 1u << esz; }

void simd_unzip(DisasContext *s, unsigned esz, unsigned bytes, unsigned selem, IRVal *regs, const IRVal *m)
{
    if (selem == 1 || single_elements(esz, bytes)) {
        for (unsigned i = 0; i < selem; i++)
            regs[i] = m[i];
    } else if (selem == 2) {
        regs[0] = pick(s, &simd_uzp1, esz, bytes, m[0], m[1]);
        regs[1] = pick(s, &simd_uzp2, esz, bytes, m[0], m[1]);
    } else if (selem == 3) {
        for (unsigned i = 0; i < 3; i++)
            simd_call(s, &vc_unzip3, VI(bytes, esz, 0, i), regs[i] = arm_tmpv(s), m[0], m[1], m[2]);
    } else {
        for (unsigned odd = 0; odd < 2; odd++) {
            const SimdOp *op = odd ? &simd_uzp2 : &simd_uzp1;
            IRVal lo = pick(s, op, esz, bytes, m[0], m[1]), hi = pick(s, op, esz, bytes, m[2], m[3]);
            regs[odd] = pick(s, &simd_uzp1, esz, bytes, lo, hi);
            regs[odd + 2] = pick(s, &simd_uzp2, esz, bytes, lo, hi);
        }
    }
}

void simd_zip(DisasContext *s, unsigned esz, unsigned bytes, unsigned selem, IRVal *m, const IRVal *regs)
{
    if (selem == 1 || single_elements(esz, bytes)) {
        for (unsigned i = 0; i < selem; i++)
            m[i] = regs[i];
    } else if (selem == 2) {
        m[0] = pick(s, &simd_zip1, esz, bytes, regs[0], regs[1]);
        m[1] = pick(s, &simd_zip2, esz, bytes, regs[0], regs[1]);
    } else if (selem == 3) {
        for (unsigned i = 0; i < 3; i++)
            simd_call(s, &vc_zip3, VI(bytes, esz, 0, i), m[i] = arm_tmpv(s), regs[0], regs[1], regs[2]);
    } else {
        for (unsigned high = 0; high < 2; high++) {
            const SimdOp *op = high ? &simd_zip2 : &simd_zip1;
            IRVal even = pick(s, op, esz, bytes, regs[0], regs[2]), odd = pick(s, op, esz, bytes, regs[1], regs[3]);
            m[2 * high] = pick(s, &simd_zip1, esz, bytes, even, odd);
            m[2 * high + 1] = pick(s, &simd_zip2, esz, bytes, even, odd);
        }
    }
}

/* ---- AArch64: one register ---- */

static IRVal plus(DisasContext *s, IRVal base, int64_t offset)
{
    IRVal t;

    if (!offset)
        return base;
    t = arm_tmp(s);
    ir_op2i(s->ir, IR_ADD, IR_I64, t, base, (uint64_t)offset);
    return t;
}

static void load_or_store(DisasContext *s, bool load, unsigned esz, unsigned rt, IRVal addr)
{
    if (load)
        simd_ld(s, esz, cpu_v[rt], addr);
    else
        simd_st(s, esz, cpu_v[rt], addr);
}

/* esz of a register load; -1 when there is no such. */
static int register_esz(int size, int opc) { return !(opc & 2) ? size : size ? -1 : 4; }

bool trans_LDR_LIT_V(DisasContext *s, arg_LDR_LIT_V *a)
{
    if (a->opc == 3)
        return false;
    if (arm_fp_check(s))
        simd_ld(s, E32 + (unsigned)a->opc, cpu_v[a->rt], ir_i64(s->ir, arm_pc(s) + (uint64_t)((int64_t)a->imm19 * 4)));
    return true;
}

bool trans_LDR_V_UIMM(DisasContext *s, arg_LDR_V_UIMM *a)
{
    int esz = register_esz(a->size, a->opc);

    if (esz < 0)
        return false;
    if (arm_fp_check(s))
        load_or_store(s, a->opc & 1, (unsigned)esz, (unsigned)a->rt,
                      plus(s, a64_reg_sp(s, (unsigned)a->rn), (int64_t)a->imm12 << esz));
    return true;
}

bool trans_LDR_V_IMM9(DisasContext *s, arg_LDR_V_IMM9 *a)
{
    int esz = register_esz(a->size, a->opc);
    IRVal base = a64_reg_sp(s, (unsigned)a->rn);

    if (esz < 0)
        return false;
    if (!arm_fp_check(s))
        return true;
    load_or_store(s, a->opc & 1, (unsigned)esz, (unsigned)a->rt, a->mode == 1 ? base : plus(s, base, a->imm9));
    if (a->mode)
        ir_op2i(s->ir, IR_ADD, IR_I64, base, base, (uint64_t)(int64_t)a->imm9);
    return true;
}

bool trans_LDR_V_REG(DisasContext *s, arg_LDR_V_REG *a)
{
    int esz = register_esz(a->size, a->opc);
    IRFunc *f = s->ir;
    IRVal t, index = a64_reg(s, (unsigned)a->rm);

    if (esz < 0 || !(a->option & 2))
        return false;
    if (!arm_fp_check(s))
        return true;
    t = arm_tmp(s);
    if (a->option & 1)
        ir_mov(f, t, index);
    else
        ir_extract(f, a->option & 4 ? IR_SEXTRACT : IR_EXTRACT, IR_I64, t, index, 0, 32);
    if (a->sh && esz)
        ir_op2i(f, IR_SHL, IR_I64, t, t, (uint64_t)esz);
    ir_op2(f, IR_ADD, IR_I64, t, a64_reg_sp(s, (unsigned)a->rn), t);
    load_or_store(s, a->opc & 1, (unsigned)esz, (unsigned)a->rt, t);
    return true;
}

/* mode: 0 no-allocate, 1 post-index, 2 offset, 3 pre-index */
bool trans_LDP_V(DisasContext *s, arg_LDP_V *a)
{
    unsigned esz = E32 + (unsigned)a->opc;
    int64_t offset = (int64_t)a->imm7 * (1 << esz);
    IRVal base = a64_reg_sp(s, (unsigned)a->rn), addr, v[2];

    if (a->opc == 3)
        return false;
    if (!arm_fp_check(s))
        return true;
    int64_t first = a->mode == 1 ? 0 : offset;
    addr = plus(s, base, first);
    if (a->load) {
        for (unsigned i = 0; i < 2; i++)
            simd_ld(s, esz, v[i] = arm_tmpv(s), i ? plus(s, base, first + (1 << esz)) : addr);
        ir_mov(s->ir, cpu_v[a->rt], v[0]);
        ir_mov(s->ir, cpu_v[a->rt2], v[1]);
    } else {
        simd_st(s, esz, cpu_v[a->rt], addr);
        simd_st(s, esz, cpu_v[a->rt2], plus(s, base, first + (1 << esz)));
    }
    if (a->mode & 1)
        ir_op2i(s->ir, IR_ADD, IR_I64, base, base, (uint64_t)offset);
    return true;
}

/* ---- Structures ---- */

static void post_index(DisasContext *s, unsigned rn, unsigned rm, unsigned bytes)
{
    IRVal base = a64_reg_sp(s, rn);

    if (rm == 31)
        ir_op2i(s->ir, IR_ADD, IR_I64, base, base, bytes);
    else
        ir_op2(s->ir, IR_ADD, IR_I64, base, base, a64_reg(s, rm));
}

/* Registers by opcode, and how many of them are interleaved. */
static bool multiple_shape(unsigned opcode, unsigned *nregs, unsigned *selem)
{
    static const uint8_t shape[16] = { [0] = 0x44, [2] = 0x41, [4] = 0x33, [6] = 0x31, [7] = 0x11, [8] = 0x22, [10] = 0x21 };

    *nregs = shape[opcode] >> 4;
    *selem = shape[opcode] & 15;
    return *nregs;
}

/* Big-endian data: element by element. */
static void multiple_big_endian(DisasContext *s, const arg_ldm *a, unsigned nregs, unsigned selem)
{
    unsigned esz = (unsigned)a->size, bytes = a->q ? 16 : 8, n = bytes >> esz;
    IRVal base = a64_reg_sp(s, (unsigned)a->rn), v[4], t = arm_tmp(s);

    for (unsigned i = 0; i < nregs; i++) {
        v[i] = arm_tmpv(s);
        if (a->load)
            ir_mov(s->ir, v[i], simd_zero(s));
    }
    for (unsigned i = 0; i < n * nregs; i++) {
        unsigned r = selem == 1 ? i / n : i % selem, e = selem == 1 ? i % n : i / selem;
        IRVal addr = plus(s, base, (int64_t)i << esz);
        if (a->load) {
            arm_ld(s, IR_I64, t, addr, (MemOp)esz);
            simd_insert(s, esz, v[r], v[r], t, e);
        } else {
            simd_extract(s, esz, false, t, cpu_v[(a->rt + (int)r) & 31], e);
            arm_st(s, IR_I64, t, addr, (MemOp)esz);
        }
    }
    for (unsigned i = 0; a->load && i < nregs; i++)
        ir_mov(s->ir, cpu_v[(a->rt + (int)i) & 31], v[i]);
}

bool trans_LDM_V(DisasContext *s, arg_ldm *a)
{
    unsigned esz = (unsigned)a->size, bytes = a->q ? 16 : 8, nregs, selem;
    IRVal base = a64_reg_sp(s, (unsigned)a->rn), m[4], v[4];

    if (!multiple_shape((unsigned)a->opcode, &nregs, &selem) || (esz == E64 && !a->q && selem > 1))
        return false;
    if (!arm_fp_check(s))
        return true;
    if (s->be_data) {
        multiple_big_endian(s, a, nregs, selem);
    } else if (a->load) {
        for (unsigned i = 0; i < nregs; i++)
            simd_ld(s, a->q ? 4 : E64, m[i] = arm_tmpv(s), plus(s, base, i * bytes));
        if (selem > 1)
            simd_unzip(s, esz, bytes, selem, v, m);
        for (unsigned i = 0; i < nregs; i++)
            ir_mov(s->ir, cpu_v[(a->rt + (int)i) & 31], selem > 1 ? v[i] : m[i]);
    } else {
        for (unsigned i = 0; i < nregs; i++)
            m[i] = v[i] = cpu_v[(a->rt + (int)i) & 31];
        if (selem > 1)
            simd_zip(s, esz, bytes, selem, m, v);
        for (unsigned i = 0; i < nregs; i++)
            simd_st(s, a->q ? 4 : E64, m[i], plus(s, base, i * bytes));
    }
    if (a->post)
        post_index(s, (unsigned)a->rn, (unsigned)a->rm, nregs * bytes);
    return true;
}

/* Element size and index of a single-structure access; false when unallocated. */
static bool single_shape(const arg_lds *a, unsigned *esz, unsigned *index, bool *replicate)
{
    unsigned all = (unsigned)(a->q << 3 | a->sbit << 2 | a->size);

    *replicate = false;
    switch (a->opcode >> 1) {
    case 0:
        *esz = E8;
        *index = all;
        return true;
    case 1:
        *esz = E16;
        *index = all >> 1;
        return !(a->size & 1);
    case 2:
        *esz = a->size & 1 ? E64 : E32;
        *index = a->size & 1 ? all >> 3 : all >> 2;
        return !(a->size & 2) && !(a->size & 1 && a->sbit);
    default:
        *esz = (unsigned)a->size;
        *index = 0;
        *replicate = true;
        return a->load && !a->sbit;
    }
}

bool trans_LDS_V(DisasContext *s, arg_lds *a)
{
    unsigned selem = ((unsigned)a->opcode & 1) * 2 + (unsigned)a->r + 1, esz, index;
    IRVal base = a64_reg_sp(s, (unsigned)a->rn), t[4];
    bool replicate;

    if (!single_shape(a, &esz, &index, &replicate))
        return false;
    if (!arm_fp_check(s))
        return true;
    for (unsigned i = 0; i < selem; i++) {
        IRVal v = cpu_v[(a->rt + (int)i) & 31], addr = plus(s, base, (int64_t)i << esz);
        t[i] = arm_tmp(s);
        if (a->load) {
            arm_ld(s, IR_I64, t[i], addr, (MemOp)esz);
        } else {
            simd_extract(s, esz, false, t[i], v, index);
            arm_st(s, IR_I64, t[i], addr, (MemOp)esz);
        }
    }
    for (unsigned i = 0; a->load && i < selem; i++) {
        IRVal v = cpu_v[(a->rt + (int)i) & 31];
        if (replicate)
            simd_dup_int(s, esz, a->q ? 16 : 8, v, t[i]);
        else
            simd_insert(s, esz, v, v, t[i], index);
    }
    if (a->post)
        post_index(s, (unsigned)a->rn, (unsigned)a->rm, selem << esz);
    return true;
}
