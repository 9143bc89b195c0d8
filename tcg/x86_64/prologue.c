/* SPDX-License-Identifier: MIT */
/*
 * Code shared by all TBs, at the start of the code cache: entry and exit between C and generated code,
 * moving pinned globals, looking up the next TB, and the slow paths of memory accesses, which
 * preserve all registers (rax carries the result of loads and atomics).
 */
#include "exec/tb.h"
#include "exec/tlb.h"
#include "tcg/x86_64/jit.h"

EngineCalls engine_calls = {
    .lookup = tb_lookup_code,
    .slow = { [SLOW_LD] = tlb_slow_ld, tlb_slow_st, tlb_slow_ldv, tlb_slow_stv, tlb_slow_atomic, [SLOW_GUARD] = tlb_prepare },
    .lookup_careful = tb_lookup_careful,
};

static const int8_t callee_saved[] = { RBX, RBP, R12, R13, R14, R15 };
#define PUSHED ((int32_t)ARRAY_SIZE(callee_saved) * 8 + 8)
/* Aligns the stack in TBs: 16 bytes after the frame, the pushes and the return address. */
#define FRAME_ALIGNED (FRAME_SIZE + (PUSHED + FRAME_SIZE) % 16)

static const uint8_t *here(const Asm *a) { return a->p + a->exec; }

static const uint8_t *start(Asm *a)
{
    asm_nops(a, (unsigned)(-(uintptr_t)here(a) & 15));
    return here(a);
}

void pins_move(Asm *a, unsigned opcode, uint32_t mask)
{
    for (uint32_t m = host.pinned_mask & mask; m; m &= m - 1) {
        int r = __builtin_ctz(m);
        const IRValInfo *g = ir_global_info(host.pinned_val[r]);
        asm_rm(a, opcode | X_SIZE(g->type == IR_I64), r, env_operand(g->offset));
    }
}

/* What rax holds for host.exit_at: rcx = TB | reason, rax = how far pc is from the TB's start. Uses rdx. */
static void split_exit(Asm *a)
{
    asm_mov(a, false, RCX, RAX);
    asm_shift_imm(a, SHIFT_SAR, true, RAX, 32);
    asm_mov_imm(a, RDX, host.base);
    asm_rr(a, ALU_LD(ALU_ADD) | X_W, RCX, RDX);
}

/* Stores pinned globals, and pc by what rax holds (host.exit_at); rcx = TB | reason. */
static void store_all_at(Asm *a)
{
    pins_move(a, MOV_ST, ALL_GP);
    split_exit(a);
    asm_mov(a, true, RDX, RCX);
    asm_alu_imm(a, ALU_AND, true, reg_operand(RDX), ~TB_EXIT_MASK);
    asm_rm(a, ALU_LD(ALU_ADD) | X_W, RAX, mem_operand(RDX, offsetof(TranslationBlock, state.pc)));
    asm_rm(a, ALU_LD(ALU_SUB) | X_W, RAX, mem_operand(RDX, offsetof(TranslationBlock, state.cs_base)));
    asm_rm(a, MOV_ST | X_W, RAX, env_operand(host.pc_offset));
}

static void enter_and_leave(Asm *a)
{
    const uint8_t *leave;

    host.enter = (uintptr_t (*)(void *, const void *))(uintptr_t)start(a);
    for (unsigned i = 0; i < ARRAY_SIZE(callee_saved); i++) {
        asm_push(a, callee_saved[i]);
    }
    asm_alu_imm(a, ALU_SUB, true, reg_operand(RSP), FRAME_ALIGNED);
    asm_mov(a, true, RBP, RDI);
    vcall_constants(a);
    asm_mov(a, true, RAX, RSI);
    pins_move(a, MOV_LD, ALL_GP);
    asm_rr(a, GROUP5, 4, RAX);

    host.exit_lookup = start(a);
    asm_mov_imm(a, RAX, TB_EXIT_LOOKUP);
    host.epilogue = here(a);
    pins_move(a, MOV_ST, ALL_GP);
    leave = here(a);
    asm_alu_imm(a, ALU_ADD, true, reg_operand(RSP), FRAME_ALIGNED);
    for (unsigned i = ARRAY_SIZE(callee_saved); i-- > 0;) {
        asm_pop(a, callee_saved[i]);
    }
    asm_ret(a);

    host.exit_poll = start(a);
    asm_mov_imm(a, RAX, TB_EXIT_POLL);
    asm_jmp(a, host.epilogue);

    host.exit_at = start(a);
    store_all_at(a);
    asm_mov(a, true, RAX, RCX);
    asm_jmp(a, leave);
}

static void pin_movers(Asm *a)
{
    host.store_pinned = start(a);
    pins_move(a, MOV_ST, ALL_GP);
    asm_ret(a);
    host.load_pinned = start(a);
    pins_move(a, MOV_LD, ALL_GP);
    asm_ret(a);
}

/* Finding the next TB may raise a guest fault, so all of the state is in CPUState meanwhile. */
static void lookup_tail(Asm *a, const void *function)
{
    asm_rm(a, LEA | X_W, RDI, mem_operand(RBP, -CPU_ENV_BIAS));
    asm_call(a, function);
    pins_move(a, MOV_LD, CALLER_SAVED_GP);
    asm_rr(a, GROUP5, 4, RAX);
}

static const uint8_t *lookup(Asm *a, const void *function, bool at)
{
    const uint8_t *code = start(a);

    if (at) {
        store_all_at(a);
    } else {
        pins_move(a, MOV_ST, ALL_GP);
    }
    lookup_tail(a, function);
    return code;
}

static void borrow(Asm *a, unsigned opcode)
{
    asm_rm(a, opcode | X_W, RCX, mem_operand(RSP, FRAME_GPR));
    asm_rm(a, opcode | X_W, RDX, mem_operand(RSP, FRAME_GPR + 8));
}

/* rax as for host.exit_at, without a reason. The probe of x64_goto_ptr() with two registers borrowed, for all the places that seldom need it. */
static void careful_at(Asm *a)
{
    uint8_t *miss[2];

    host.careful_at = start(a);
    asm_rm(a, MOV_ST | X_W, RAX, mem_operand(RSP, FRAME_ADDR));
    borrow(a, MOV_ST);
    split_exit(a);
    asm_rm(a, ALU_LD(ALU_ADD) | X_W, RAX, mem_operand(RCX, offsetof(TranslationBlock, state.pc)));
    asm_mov_imm(a, RCX, careful_pc(0));
    asm_rr(a, ALU_LD(ALU_XOR) | X_W, RAX, RCX);
    exits_cache_entry(a, RCX, RAX);
    asm_rm(a, ALU_LD(ALU_CMP) | X_W, RAX, exits_cache_field(RCX, offsetof(JumpCacheEntry, pc)));
    miss[0] = asm_jcc_forward(a, CC_NE);
    asm_rm(a, MOV_LD | X_W, RDX, ENV_FIELD(jc_key));
    asm_rm(a, ALU_LD(ALU_CMP) | X_W, RDX, exits_cache_field(RCX, offsetof(JumpCacheEntry, key)));
    miss[1] = asm_jcc_forward(a, CC_NE);
    asm_rm(a, MOV_LD | X_W, RAX, exits_cache_field(RCX, offsetof(JumpCacheEntry, code)));
    borrow(a, MOV_LD);
    asm_rr(a, GROUP5, 4, RAX);
    asm_patch32(miss[0], a->p);
    asm_patch32(miss[1], a->p);
    borrow(a, MOV_LD);
    asm_rm(a, MOV_LD | X_W, RAX, mem_operand(RSP, FRAME_ADDR));
    store_all_at(a);
    lookup_tail(a, engine_calls.lookup_careful);
}

/* ---- Slow paths ---- */

/* In a stub, above its return address. */
static Operand frame(int32_t offset) { return mem_operand(RSP, 8 + offset); }

static void move_free_registers(Asm *a, unsigned opcode, uint32_t mask)
{
    for (uint32_t m = CALLER_SAVED_GP & host.free_gp & mask; m; m &= m - 1) {
        int r = __builtin_ctz(m);
        asm_rm(a, opcode | X_W, r, frame(FRAME_GPR + 8 * r));
    }
}

static void move_vectors(Asm *a, bool store, IRType t)
{
    for (int r = XMM0; r <= XMM15; r++) {
        Operand mem = frame(FRAME_XMM + 32 * (r - XMM0));
        if (store) {
            vec_st(a, t, r, mem);
        } else {
            vec_ld(a, t, r, mem);
        }
    }
}

/* Where the argument of a C slow path comes from. */
typedef enum ArgSource { ARG_NONE, ARG_ADDR, ARG_VALUE, ARG_EXPECTED, ARG_OI, ARG_OPC, ARG_VEC, ARG_RETADDR } ArgSource;

static const struct {
    uint8_t args[6]; /* after CPUState *: rsi rdx rcx r8 r9, stack */
    bool result;
} slow_functions[] = {
    [SLOW_LD] = { { ARG_ADDR, ARG_OI, ARG_RETADDR }, true },
    [SLOW_ST] = { { ARG_ADDR, ARG_VALUE, ARG_OI, ARG_RETADDR }, false },
    [SLOW_LDV] = { { ARG_ADDR, ARG_OI, ARG_RETADDR, ARG_VEC }, false },
    [SLOW_STV] = { { ARG_ADDR, ARG_VEC, ARG_OI, ARG_RETADDR }, false },
    [SLOW_ATOMIC] = { { ARG_OPC, ARG_ADDR, ARG_VALUE, ARG_EXPECTED, ARG_OI, ARG_RETADDR }, true },
    [SLOW_X87] = { { ARG_ADDR, ARG_VALUE, ARG_RETADDR }, false },
    [SLOW_X87_LIVE] = { { ARG_VALUE }, false },
    [SLOW_GUARD] = { { ARG_ADDR, ARG_OI }, false },
};

static void load_argument(Asm *a, int r, ArgSource source)
{
    static const int16_t offset[] = { [ARG_ADDR] = FRAME_ADDR, [ARG_VALUE] = FRAME_VALUE, [ARG_EXPECTED] = FRAME_EXPECTED,
                                      [ARG_OI] = FRAME_OI, [ARG_OPC] = FRAME_OPC, [ARG_VEC] = FRAME_VEC,
                                      [ARG_RETADDR] = -8 };
    unsigned op = source == ARG_VEC ? LEA | X_W : MOV_LD | X_SIZE(source != ARG_OI && source != ARG_OPC);

    asm_rm(a, op, r, frame(offset[source]));
}

static void slow_stub(Asm *a, SlowKind kind, unsigned vectors)
{
    static const int8_t arg_reg[] = { RSI, RDX, RCX, R8, R9, RAX };
    IRType t = vectors == 2 ? IR_V256 : IR_V128;

    host.slow[kind][vectors] = start(a);
    move_free_registers(a, MOV_ST, ALL_GP);
    pins_move(a, MOV_ST, ALL_GP);
    if (vectors) {
        move_vectors(a, true, t);
    }
    if (vectors == 2) {
        asm_vzeroupper(a);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(arg_reg) && slow_functions[kind].args[i]; i++) {
        load_argument(a, arg_reg[i], slow_functions[kind].args[i]);
    }
    asm_rm(a, LEA | X_W, RDI, mem_operand(RBP, -CPU_ENV_BIAS));
    asm_push(a, RAX); /* aligns; the seventh argument of cpu_atomic */
    asm_call(a, engine_calls.slow[kind]);
    asm_alu_imm(a, ALU_ADD, true, reg_operand(RSP), 8);
    if (vectors) {
        move_vectors(a, false, t);
    }
    if (kind == SLOW_GUARD) { /* its result does not take a register from the TB */
        asm_rm(a, MOV_ST | X_W, RAX, frame(FRAME_ADDR));
    }
    pins_move(a, MOV_LD, CALLER_SAVED_GP);
    move_free_registers(a, MOV_LD, slow_functions[kind].result ? ~(1u << RAX) : ~0u);
    asm_ret(a);
}

/* As a slow path, with one argument more: see HostInfo.redo. */
static void redo_stub(Asm *a, bool ymm)
{
    IRType t = ymm ? IR_V256 : IR_V128;

    host.redo[ymm] = start(a);
    move_free_registers(a, MOV_ST, ALL_GP);
    pins_move(a, MOV_ST, CALLER_SAVED_GP);
    move_vectors(a, true, t);
    if (ymm) {
        asm_vzeroupper(a);
    }
    asm_rm(a, LEA | X_W, RSI, frame(FRAME_VEC));
    asm_rm(a, LEA | X_W, RDX, frame(FRAME_VEC));
    asm_rm(a, LEA | X_W, RCX, frame(FRAME_VEC + 32));
    asm_rm(a, LEA | X_W, R8, frame(FRAME_VEC + 64));
    asm_rm(a, MOV_LD, R9, frame(FRAME_VALUE));
    asm_rm(a, MOV_LD | X_W, RAX, frame(FRAME_ADDR));
    asm_rm(a, LEA | X_W, RDI, mem_operand(RBP, -CPU_ENV_BIAS));
    asm_push(a, RAX); /* aligns */
    asm_rr(a, GROUP5, 2, RAX);
    asm_alu_imm(a, ALU_ADD, true, reg_operand(RSP), 8);
    move_vectors(a, false, t);
    pins_move(a, MOV_LD, CALLER_SAVED_GP);
    move_free_registers(a, MOV_LD, ALL_GP);
    asm_ret(a);
}

void prologue_emit(Asm *a)
{
    enter_and_leave(a);
    pin_movers(a);
    host.lookup = lookup(a, engine_calls.lookup, false);
    host.lookup_at = lookup(a, engine_calls.lookup, true);
    host.lookup_careful = lookup(a, engine_calls.lookup_careful, false);
    careful_at(a);
    if (current_target->x87) {
        engine_calls.slow[SLOW_X87] = current_target->x87->slow;
        engine_calls.slow[SLOW_X87_LIVE] = current_target->x87->set_live;
    }
    for (unsigned kind = SLOW_LD; kind < SLOW_KINDS; kind++) {
        for (unsigned vectors = 0; engine_calls.slow[kind] && vectors < (host.avx ? 3 : 2); vectors++) {
            slow_stub(a, (SlowKind)kind, vectors);
        }
    }
    redo_stub(a, false);
    if (host.avx) {
        redo_stub(a, true);
    }
}
