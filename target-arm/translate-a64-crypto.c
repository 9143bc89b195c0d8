/* SPDX-License-Identifier: MIT */
/*
 * AArch64 cryptography: Arm ARM C4.1.68, "Cryptographic AES" to "Cryptographic four-register". AES is the host's
 * instructions: theirs end with the round key where Arm's begin with it.
 */
#include "translate-simd.h"
#include "obj/target-arm/a64-simd.decode.inc"

static bool has(DisasContext *s, ARMFeature f) { return arm_feature(s->env, f); }

static bool call3(DisasContext *s, const VecCall *call, unsigned param, int rd, int rn, int rm, int rc)
{
    if (arm_fp_check(s))
        simd_call(s, call, VI(16, E32, 0, param), cpu_v[rd], cpu_v[rn], cpu_v[rm], cpu_v[rc]);
    return true;
}

/* AESE 4, AESD 5, AESMC 6, AESIMC 7; a is the state. */
void simd_aes(DisasContext *s, unsigned opcode, IRVal d, IRVal n)
{
    IRVal t = arm_tmpv(s), zero = simd_zero(s);

    switch (opcode) {
    case 4: case 5:
        simd_row(s, VEC_XOR, t, d, n);
        simd_row(s, opcode == 4 ? VEC_AESENCLAST : VEC_AESDECLAST, d, t, zero);
        break;
    case 6: /* the inverse of everything but MixColumns, then a whole round */
        simd_row(s, VEC_AESDECLAST, t, n, zero);
        simd_row(s, VEC_AESENC, d, t, zero);
        break;
    default:
        ir_vop(s->ir, VEC_AESIMC, d, n, IR_NONE, IR_NONE, 0);
        break;
    }
}

bool trans_AES(DisasContext *s, arg_AES *a)
{
    if (!has(s, ARM_FEATURE_AES) || a->opcode < 4 || a->opcode > 7)
        return false;
    if (arm_fp_check(s))
        simd_aes(s, (unsigned)a->opcode, cpu_v[a->rd], cpu_v[a->rn]);
    return true;
}

bool trans_SHA3REG(DisasContext *s, arg_SHA3REG *a)
{
    static const VecCall *const calls[7] = { &vc_sha1c, &vc_sha1p, &vc_sha1m, &vc_sha1su0, &vc_sha256h, &vc_sha256h2, &vc_sha256su1 };

    if (a->opcode > 6 || !has(s, a->opcode < 4 ? ARM_FEATURE_SHA1 : ARM_FEATURE_SHA256))
        return false;
    return call3(s, calls[a->opcode], 0, a->rd, a->rn, a->rm, a->rd);
}

bool trans_SHA2REG(DisasContext *s, arg_SHA2REG *a)
{
    static const VecCall *const calls[3] = { &vc_sha1h, &vc_sha1su1, &vc_sha256su0 };

    if (a->opcode > 2 || !has(s, a->opcode < 2 ? ARM_FEATURE_SHA1 : ARM_FEATURE_SHA256))
        return false;
    return call3(s, calls[a->opcode], 0, a->rd, a->rn, a->rn, a->rd);
}

bool trans_SHA512_3REG(DisasContext *s, arg_SHA512_3REG *a)
{
    static const VecCall *const calls[2][4] = { { &vc_sha512h, &vc_sha512h2, &vc_sha512su1, &vc_rax1 },
                                                { &vc_sm3partw1, &vc_sm3partw2, &vc_sm4ekey, NULL } };
    static const uint8_t features[2][4] = { { ARM_FEATURE_SHA512, ARM_FEATURE_SHA512, ARM_FEATURE_SHA512, ARM_FEATURE_SHA3 },
                                            { ARM_FEATURE_SM3, ARM_FEATURE_SM3, ARM_FEATURE_SM4, 0 } };
    const VecCall *call = calls[a->o][a->opcode];

    return call && has(s, (ARMFeature)features[a->o][a->opcode]) && call3(s, call, 0, a->rd, a->rn, a->rm, a->rd);
}

bool trans_SHA512_2REG(DisasContext *s, arg_SHA512_2REG *a)
{
    if (a->opcode == 0)
        return has(s, ARM_FEATURE_SHA512) && call3(s, &vc_sha512su0, 0, a->rd, a->rn, a->rn, a->rd);
    return a->opcode == 1 && has(s, ARM_FEATURE_SM4) && call3(s, &vc_sm4e, 0, a->rd, a->rd, a->rn, a->rd);
}

/* EOR3, BCAX, SM3SS1 */
bool trans_CRYPTO4(DisasContext *s, arg_CRYPTO4 *a)
{
    IRVal t;

    if (a->op0 == 2)
        return has(s, ARM_FEATURE_SM3) && call3(s, &vc_sm3ss1, 0, a->rd, a->rn, a->rm, a->ra);
    if (a->op0 == 3 || !has(s, ARM_FEATURE_SHA3))
        return false;
    if (!arm_fp_check(s))
        return true;
    t = arm_tmpv(s);
    if (a->op0)
        simd_row(s, VEC_ANDN, t, cpu_v[a->ra], cpu_v[a->rm]);
    else
        simd_row(s, VEC_XOR, t, cpu_v[a->ra], cpu_v[a->rm]);
    simd_row(s, VEC_XOR, cpu_v[a->rd], cpu_v[a->rn], t);
    return true;
}

bool trans_XAR(DisasContext *s, arg_XAR *a)
{
    return has(s, ARM_FEATURE_SHA3) && call3(s, &vc_xar, (unsigned)a->imm6, a->rd, a->rn, a->rm, a->rd);
}

/* SM3TT1A SM3TT1B SM3TT2A SM3TT2B */
bool trans_SM3TT(DisasContext *s, arg_SM3TT *a)
{
    return has(s, ARM_FEATURE_SM3) &&
           call3(s, &vc_sm3tt, (unsigned)(a->imm2 | (a->opcode & 1) << 2 | (a->opcode & 2) << 2), a->rd, a->rn, a->rm, a->rd);
}
