/* SPDX-License-Identifier: MIT */
/*
 * Group 15 (0F AE): FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, XSAVE and XRSTOR, fences, cache lines; and XSAVEC,
 * XSAVES, XRSTORS of group 9 (0F C7). RDFSBASE and its kin (F3, register form) are system instructions.
 */
#include "emit-sse.h"
#include "emit-x87.h"
#include "helper.h"

/* FXSAVE and FXRSTOR: #NM for EM as well as TS, no #UD. */
static void emit_fxsave(DisasContext *s, const HelperInfo *h, bool restore)
{
    if (!sse_check_feature(s, FEAT_FXSR))
        return;
    if (s->flags & (HF_EM | HF_TS)) {
        x86_gen_exception(s, EXCP07_PREX);
        return;
    }
    IRVal args[] = { x86_ea_linear(s, 512, !restore), ir_i32(s->ir, s->rex_w != 0) };
    ir_call(s->ir, h, IR_NONE, args, 2);
    x86_x87_forget(s);
    if (restore)
        x86_recheck_fp_exact(s);
}

static void emit_ldmxcsr(DisasContext *s)
{
    IRVal t = ir_temp(s->ir, IR_I32);

    if (!sse_check_feature(s, FEAT_SSE) || !sse_check_class(s, SSE_CLASS_XMM))
        return;
    x86_ld(s, IR_I32, t, x86_ea_linear(s, 4, false), MO_32);
    ir_call(s->ir, &helper_info_ldmxcsr, IR_NONE, &t, 1);
    x86_recheck_fp_exact(s);
}

static void emit_stmxcsr(DisasContext *s)
{
    IRVal t = ir_temp(s->ir, IR_I32);

    if (!sse_check_feature(s, FEAT_SSE) || !sse_check_class(s, SSE_CLASS_XMM))
        return;
    ir_call(s->ir, &helper_info_stmxcsr, t, NULL, 0);
    x86_st(s, IR_I32, t, x86_ea_linear(s, 4, true), MO_32);
}

/* how: XSAVE_* of the helper. */
static void emit_xsave(DisasContext *s, SSEFeature feature, const HelperInfo *h, uint32_t how, bool restore)
{
    IRVal mask = ir_temp(s->ir, IR_I64);

    if (!sse_check_feature(s, feature))
        return;
    if (!(s->flags & HF_OSXSAVE)) {
        x86_gen_illegal(s);
        return;
    }
    if (s->flags & HF_TS) {
        x86_gen_exception(s, EXCP07_PREX);
        return;
    }
    ir_deposit(s->ir, IR_I64, mask, cpu_regs[R_EAX], cpu_regs[R_EDX], 32, 32);
    IRVal args[] = { x86_ea_linear(s, 576, !restore), mask, ir_i32(s->ir, how | (uint32_t)(s->rex_w != 0) << 8) };
    ir_call(s->ir, h, IR_NONE, args, 3);
    x86_x87_forget(s);
    if (restore)
        x86_recheck_fp_exact(s);
}

/* CLFLUSH and CLWB check the address as a one-byte load; caches are always coherent here. */
static void emit_cache_line(DisasContext *s, SSEFeature feature)
{
    if (sse_check_feature(s, feature))
        x86_ld(s, IR_I32, ir_temp(s->ir, IR_I32), x86_ea_linear(s, 1, false), MO_8);
}

static bool emit_fence(DisasContext *s, unsigned n)
{
    static const uint8_t kinds[8] = { [5] = IR_FENCE_LD_LD | IR_FENCE_LD_ST, [6] = IR_FENCE_ALL, [7] = IR_FENCE_ST_ST };

    if (n < 5)
        return false;
    if (sse_check_feature(s, n == 7 ? FEAT_SSE : FEAT_SSE2))
        ir_fence(s->ir, kinds[n]);
    return true;
}

static bool emit_group15_66(DisasContext *s, unsigned n)
{
    if (n < 6)
        return false;
    emit_cache_line(s, n == 6 ? FEAT_CLWB : FEAT_CLFLUSHOPT);
    return true;
}

static void emit_group15(DisasContext *s, unsigned n)
{
    switch (n) {
    case 0: emit_fxsave(s, &helper_info_fxsave, false); break;
    case 1: emit_fxsave(s, &helper_info_fxrstor, true); break;
    case 2: emit_ldmxcsr(s); break;
    case 3: emit_stmxcsr(s); break;
    case 4: emit_xsave(s, FEAT_XSAVE, &helper_info_xsave, 0, false); break;
    case 5: emit_xsave(s, FEAT_XSAVE, &helper_info_xrstor, 0, true); break;
    case 6: emit_xsave(s, FEAT_XSAVEOPT, &helper_info_xsave, 1, false); break;
    case 7: emit_cache_line(s, FEAT_CLFLUSH); break;
    }
}

static bool emit_group9(DisasContext *s, unsigned n)
{
    if (s->mod == 3 || n < 3 || n > 5)
        return false;
    if (n != 4 && s->cpl) {
        x86_gen_exception_err(s, EXCP0D_GPF, 0);
        return true;
    }
    if (n == 3)
        emit_xsave(s, FEAT_XSAVES, &helper_info_xrstor, 3, true);
    else
        emit_xsave(s, n == 4 ? FEAT_XSAVEC : FEAT_XSAVES, &helper_info_xsave, n == 4 ? 2 : 3, false);
    return true;
}

bool x86_emit_fp_state(DisasContext *s)
{
    unsigned n = s->modrm >> 3 & 7;

    if (s->prefix & (PREFIX_REPZ | PREFIX_REPNZ | PREFIX_LOCK))
        return false;
    if (s->opcode == 0x1c7)
        return !(s->prefix & PREFIX_DATA) && emit_group9(s, n);
    if (s->mod == 3)
        return !(s->prefix & PREFIX_DATA) && emit_fence(s, n);
    if (s->prefix & PREFIX_DATA)
        return emit_group15_66(s, n);
    emit_group15(s, n);
    return true;
}
