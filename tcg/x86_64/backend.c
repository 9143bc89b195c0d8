/* SPDX-License-Identifier: MIT */
/*
 * The x86-64 back end: which emitter makes which operation, the loop over a TB, and the TCGBackend. Start
 * reading at jit.h (where values live), then regs.c.
 */
#include "exec/tb.h"
#include "exec/tlb.h"
#include "tcg/vec.h"
#include "tcg/x86_64/jit.h"
#include "util/error.h"
#include <cpuid.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

HostInfo host;

static const struct {
    Emitter *emit;
    unsigned arg;
} emitters[IR_OPCODES] = {
    [IR_INSN_START] = { x64_insn_start, 0 },
    [IR_LABEL] = { x64_label, 0 },
    [IR_BR] = { x64_br, 0 },
    [IR_BRCOND] = { x64_brcond, 0 },
    [IR_CALL] = { x64_call, 0 },
    [IR_DISCARD] = { x64_discard, 0 },
    [IR_FENCE] = { x64_fence, 0 },
    [IR_PAUSE] = { x64_pause, 0 },

    [IR_GOTO_TB] = { x64_goto_tb, 0 },
    [IR_GOTO_PTR] = { x64_goto_ptr, false },
    [IR_GOTO_PC] = { x64_goto_ptr, true },
    [IR_GOTO_CAREFUL] = { x64_goto_careful, 0 },
    [IR_GOTO_LOOKUP] = { x64_goto_lookup, 0 },
    [IR_EXIT_TB] = { x64_exit_tb, 0 },

    [IR_MOV] = { x64_mov, false },
    [IR_EXT8S] = { x64_unary, MOVSX8 },
    [IR_EXT8U] = { x64_unary, MOVZX8 },
    [IR_EXT16S] = { x64_unary, MOVSX16 },
    [IR_EXT16U] = { x64_unary, MOVZX16 },
    [IR_EXT_I32_I64S] = { x64_unary, MOVSXD },
    [IR_EXT_I32_I64U] = { x64_mov, true },
    [IR_TRUNC] = { x64_mov, true },
    [IR_TRUNC_HI] = { x64_trunc_hi, 0 },

    [IR_ADD] = { x64_alu, ALU_ADD },
    [IR_SUB] = { x64_alu, ALU_SUB },
    [IR_AND] = { x64_alu, ALU_AND },
    [IR_OR] = { x64_alu, ALU_OR },
    [IR_XOR] = { x64_alu, ALU_XOR },
    [IR_ANDC] = { x64_andc, 0 },
    [IR_NEG] = { x64_group3, G3_NEG },
    [IR_NOT] = { x64_group3, G3_NOT },
    [IR_MUL] = { x64_mul, 0 },
    [IR_MULU2] = { x64_mul2, G3_MUL },
    [IR_MULS2] = { x64_mul2, G3_IMUL },
    [IR_ADD2] = { x64_add2, false },
    [IR_SUB2] = { x64_add2, true },
    [IR_DIVU] = { x64_div, IR_DIVU },
    [IR_DIVS] = { x64_div, IR_DIVS },
    [IR_REMU] = { x64_div, IR_REMU },
    [IR_REMS] = { x64_div, IR_REMS },
    [IR_SHL] = { x64_shift, SHIFT_SHL },
    [IR_SHR] = { x64_shift, SHIFT_SHR },
    [IR_SAR] = { x64_shift, SHIFT_SAR },
    [IR_ROTL] = { x64_shift, SHIFT_ROL },
    [IR_ROTR] = { x64_shift, SHIFT_ROR },
    [IR_DEPOSIT] = { x64_deposit, 0 },
    [IR_EXTRACT] = { x64_extract, 0 },
    [IR_SEXTRACT] = { x64_sextract, 0 },
    [IR_EXTRACT2] = { x64_extract2, 0 },
    [IR_BSWAP16] = { x64_bswap16, 0 },
    [IR_BSWAP32] = { x64_bswap, false },
    [IR_BSWAP64] = { x64_bswap, true },
    [IR_CLZ] = { x64_bit_scan, LZCNT },
    [IR_CTZ] = { x64_bit_scan, TZCNT },
    [IR_POPCNT] = { x64_popcnt, 0 },
    [IR_SETCOND] = { x64_setcond, false },
    [IR_NEGSETCOND] = { x64_setcond, true },
    [IR_MOVCOND] = { x64_movcond, 0 },

    [IR_LD8U] = { x64_env_ld, MOVZX8 },
    [IR_LD8S] = { x64_env_ld, MOVSX8 },
    [IR_LD16U] = { x64_env_ld, MOVZX16 },
    [IR_LD16S] = { x64_env_ld, MOVSX16 },
    [IR_LD32U] = { x64_env_ld, MOV_LD },
    [IR_LD32S] = { x64_env_ld, MOVSXD },
    [IR_LD] = { x64_env_ld, 0 },
    [IR_ST8] = { x64_env_st, 1 },
    [IR_ST16] = { x64_env_st, 2 },
    [IR_ST32] = { x64_env_st, 4 },
    [IR_ST] = { x64_env_st, 0 },
    [IR_ENV_ADDR] = { x64_env_addr, 0 },

    [IR_GUEST_LD] = { x64_guest_ld, 0 },
    [IR_GUEST_ST] = { x64_guest_st, 0 },
    [IR_GUEST_CHECK] = { x64_guest_check, 0 },
    [IR_GUEST_LDC] = { x64_guest_ldc, 0 },
    [IR_GUEST_STC] = { x64_guest_stc, 0 },
    [IR_HOST_LD] = { x64_host_ld, 0 },
    [IR_HOST_ST] = { x64_host_st, 0 },
    [IR_ATOMIC_XCHG] = { x64_atomic, XCHG },
    [IR_ATOMIC_ADD] = { x64_atomic, XADD },
    [IR_ATOMIC_AND] = { x64_atomic, ALU_AND },
    [IR_ATOMIC_OR] = { x64_atomic, ALU_OR },
    [IR_ATOMIC_XOR] = { x64_atomic, ALU_XOR },
    [IR_ATOMIC_CMPXCHG] = { x64_cmpxchg, 0 },

    [IR_X87_GUARD] = { x64_x87_guard, 0 },
    [IR_X87] = { x64_x87, 0 },
    [IR_X87_OUT] = { x64_x87_out, 0 },
    [IR_X87_IN] = { x64_x87_in, 0 },
    [IR_X87_LD] = { x64_x87_ld, 0 },
    [IR_X87_ST] = { x64_x87_st, 0 },

    [IR_VMOV] = { x64_mov, false },
    [IR_V_FROM_INT] = { x64_v_from_int, 0 },
    [IR_V_TO_INT] = { x64_v_to_int, 0 },
    [IR_VZERO] = { x64_vzero, 0 },
    [IR_V_JOIN] = { x64_v_join, 0 },
    [IR_V_HALF] = { x64_v_half, 0 },
    [IR_VOP] = { x64_vop, 0 },
    [IR_VCALL] = { x64_vcall, 0 },
};

/* ---- One TB ---- */

static void jit_begin(Jit *j, IRFunc *f, TranslationBlock *tb, uint8_t *rw, const uint8_t *rx, size_t room)
{
    j->f = f;
    j->tb = tb;
    j->rw = rw;
    j->end = rw + room;
    j->a = (Asm){ .p = rw, .exec = rx - rw };
    j->insn = 0;
    j->unreachable = j->uses_ymm = false;
    j->nslow = j->nsync = j->nstubs = j->nredo = j->nchecks = j->nguards = 0;
    j->many_guards = false;
    j->icount_fixup = j->heat_fixup = NULL;
    memset(j->label, 0, f->nlabels * sizeof(j->label[0]));
    memset(j->label_fixup, 0, f->nlabels * sizeof(j->label_fixup[0]));
    labels_begin(j);
    unwind_begin(&j->unwind, j->unwind_buf, sizeof(j->unwind_buf), tb);
    regs_begin(j);
    for (unsigned slot = 0; slot < tb_slots(tb); slot++) {
        tb->jump[slot].patch = tb->jump[slot].stub = ~0u;
    }
}

static bool has_room(const Jit *j)
{
    return j->a.p + OP_ROOM <= j->end;
}

static bool emit_ops(Jit *j)
{
    const IROp *end = j->f->ops + j->f->nops;

    for (const IROp *op = j->f->ops; op < end; op = j->next) {
        j->next = op + 1;
        if (!has_room(j)) {
            return false;
        }
        if ((j->unreachable && op->opc != IR_LABEL && op->opc != IR_INSN_START) || op->opc == IR_NOP) {
            continue;
        }
        j->uses_ymm |= op->type == IR_V256;
        regs_begin_op(j, op);
        emitters[op->opc].emit(j, emitters[op->opc].arg);
        regs_end_op(j);
    }
    return has_room(j);
}

/* The unwind table goes behind the code. */
static size_t jit_finish(Jit *j)
{
    TranslationBlock *tb = j->tb;
    size_t unwind = (size_t)(j->unwind.p - j->unwind_buf);

    if (j->unwind.full) {
        j->f->overflow = true;
    }
    if (j->f->overflow || j->a.p + unwind > j->end) {
        return 0;
    }
    tb->code_size = (uint32_t)(j->a.p - j->rw);
    tb->unwind = j->a.p + j->a.exec;
    tb->unwind_size = (uint32_t)unwind;
    memcpy(j->a.p, j->unwind_buf, unwind);
    return tb->code_size + unwind;
}

static size_t x86_64_emit(IRFunc *f, TranslationBlock *tb, uint8_t *rw, const uint8_t *rx, size_t room)
{
    static Jit jit; /* half a MiB; TB lock */
    Jit *j = &jit;

    if (room < OP_ROOM) {
        return 0;
    }
    jit_begin(j, f, tb, rw, rx, room);
    x64_entry(j);
    if (!emit_ops(j)) {
        return 0;
    }
    x64_exit_stubs(j);
    x64_slow_paths(j);
    x64_redo_paths(j);
    return has_room(j) ? jit_finish(j) : 0;
}

/* ---- Start-up ---- */

static uint32_t vector_features(bool avx, uint32_t ecx1, uint32_t ebx7)
{
    uint32_t f = 1u << VF_SSE2;

    f |= (ecx1 & 1) << VF_SSE3 | (ecx1 >> 1 & 1) << VF_PCLMUL | (ecx1 >> 9 & 1) << VF_SSSE3;
    f |= (ecx1 >> 19 & 1) << VF_SSE41 | (ecx1 >> 20 & 1) << VF_SSE42 | (ecx1 >> 25 & 1) << VF_AES;
    f |= (ebx7 >> 29 & 1) << VF_SHA;
    if (avx) {
        f |= 1u << VF_AVX | (ebx7 >> 5 & 1) << VF_AVX2 | (ecx1 >> 12 & 1) << VF_FMA | (ecx1 >> 29 & 1) << VF_F16C;
    }
    return f;
}

/* CPUID: Intel SDM volume 2, table 3-8. */
static void detect_host(void)
{
    uint32_t eax, ebx = 0, ecx = 0, edx, ecx1 = 0, ecx_ext = 0, xcr0 = 0;

    __get_cpuid(1, &eax, &ebx, &ecx1, &edx);
    if (ecx1 >> 27 & 1) { /* OSXSAVE */
        __asm__("xgetbv" : "=a"(xcr0), "=d"(edx) : "c"(0));
    }
    ebx = 0;
    __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
    __get_cpuid(0x80000001, &eax, &ecx, &ecx_ext, &edx);
    host.avx = (ecx1 >> 28 & 1) && (xcr0 & 6) == 6;
    host.movbe = ecx1 >> 22 & 1;
    host.popcnt = ecx1 >> 23 & 1;
    host.bmi1 = host.avx && (ebx >> 3 & 1);
    host.bmi2 = host.avx && (ebx >> 8 & 1);
    host.lzcnt = ecx_ext >> 5 & 1;
    host.bank_seg = getauxval(AT_HWCAP2) >> 1 & 1 ? X_GS : 0;
    host.vec_features = vector_features(host.avx, ecx1, ebx);
}

/* The best unpinned integer global, or IR_NONE. */
static IRVal next_to_pin(void)
{
    IRVal best = IR_NONE;

    for (IRVal g = 0; g < ir_global_count(); g++) {
        const IRValInfo *info = ir_global_info(g);
        if (info->type <= IR_I64 && info->priority && host.pin[g] == NOREG &&
            (best == IR_NONE || info->priority > ir_global_info(best)->priority)) {
            best = g;
        }
    }
    return best;
}

/* Registers that C functions keep go to the globals of the highest priority. */
static void choose_pins(void)
{
    static const int8_t order[] = { RBX, R12, R13, R14, R15, R8, R9, R10, R11 };
    const uint32_t fixed = 1u << RSP | 1u << RBP;

    memset(host.pin, NOREG, sizeof(host.pin));
    host.pinned_mask = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(order); i++) {
        IRVal g = next_to_pin();
        if (g == IR_NONE) {
            break;
        }
        host.pin[g] = order[i];
        host.pinned_val[order[i]] = g;
        host.pinned_mask |= 1u << order[i];
    }
    host.free_gp = ALL_GP & ~fixed & ~host.pinned_mask;
    host.call_clobbers = CALLER_SAVED_GP | ALL_XMM;
}

static size_t x86_64_init(uint8_t *rw, const uint8_t *rx, size_t room, Error **errp)
{
    Asm a = { .p = rw, .exec = rx - rw };

    if (room < 64 * KiB) {
        error_setg(errp, "the code cache is too small");
        return 0;
    }
    detect_host();
    choose_pins();
    host.pc_offset = current_target->pc_offset;
    host.longest_insn = current_target->longest_insn;
    host.rw_delta = rw - rx;
    host.base = (uintptr_t)rw;
    prologue_emit(&a);
    return (size_t)(a.p - rw);
}

/* ---- Running ---- */

static void x86_64_set_bank(CPUState *cpu, TLBBank *bank)
{
    (void)cpu;
    if (host.bank_seg) {
        __asm__ volatile("wrgsbase %0" ::"r"(bank));
    }
}

static uintptr_t x86_64_exec(CPUState *cpu, TranslationBlock *tb)
{
    x86_64_set_bank(cpu, cpu->bank);
    return host.enter((char *)cpu + CPU_ENV_BIAS, tb->code);
}

static const void *x86_64_exit_address(void)
{
    return host.exit_lookup;
}

const TCGBackend tcg_backend_x86_64 = {
    .name = "x86_64",
    .host_code = true,
    .x87 = true,
    .init = x86_64_init,
    .emit = x86_64_emit,
    .exec = x86_64_exec,
    .patch = exits_patch,
    .set_bank = x86_64_set_bank,
    .disas = x86_64_disas,
    .exit_address = x86_64_exit_address,
};
