/* SPDX-License-Identifier: MIT */
/*
 * Ways into and out of a TB. At every one of them pinned globals are in their registers and everything
 * else is in CPUState. Direct jumps inside a guest page are patched into TB chains; other pages
 * and computed targets go through the jump cache, whose key holds the mapping's epoch and the TB state.
 */
#include "exec/tb.h"
#include "exec/tlb.h"
#include "tcg/x86_64/jit.h"
#include "util/log.h"

static bool no_chaining(const Jit *j)
{
    return j->tb->flags & TB_NOCHAIN || log_enabled(LOG_NOCHAIN);
}

static bool fits32(uint64_t v) { return (int64_t)v == (int32_t)v; }

/* rax is free at the end of a TB. */
static void store_pc(Jit *j, uint64_t value)
{
    Operand pc = env_operand(host.pc_offset);

    if (fits32(value)) {
        asm_store_imm(&j->a, 8, pc, (int32_t)value);
    } else {
        asm_mov_imm(&j->a, RAX, value);
        asm_rm(&j->a, MOV_ST | X_W, RAX, pc);
    }
}

static void leave(Jit *j, unsigned reason)
{
    asm_mov_imm(&j->a, RAX, (uintptr_t)j->tb | reason);
    asm_jmp(&j->a, host.epilogue);
}

/* Globals to their places, and everything else is over. */
static void finish_block(Jit *j)
{
    regs_sync_globals(j);
    if (j->uses_ymm) {
        asm_vzeroupper(&j->a);
    }
    j->unreachable = true;
}

/* ---- Entry ---- */

/* Counts instructions down; when the budget ends inside this TB, leaves before it. */
void x64_entry(Jit *j)
{
    if (j->tb->flags & TB_ICOUNT) {
        asm_alu_imm(&j->a, ALU_SUB, false, ENV_FIELD(icount_left), j->tb->insns);
        j->icount_fixup = asm_jcc_forward(&j->a, CC_SF);
    }
}

static void icount_stub(Jit *j)
{
    asm_patch32(j->icount_fixup, j->a.p);
    asm_alu_imm(&j->a, ALU_ADD, false, ENV_FIELD(icount_left), j->tb->insns);
    store_pc(j, j->tb->state.pc - j->tb->state.cs_base);
    leave(j, TB_EXIT_POLL);
}

/* ---- Jumps to known addresses ---- */

static ExitStub *stub_new(Jit *j, ExitKind kind, uint64_t pc)
{
    ExitStub *s = &j->stub[j->nstubs];

    if (j->nstubs < ARRAY_SIZE(j->stub) - 1) {
        j->nstubs++;
    } else {
        j->f->overflow = true;
    }
    *s = (ExitStub){ .kind = kind, .pc = pc };
    return s;
}

static void compare_exit_request(Jit *j)
{
    asm_alu_imm(&j->a, ALU_CMP, false, ENV_FIELD(exit_request), 0);
}

/* One jump whose displacement is aligned, so that running code may be patched. */
static void patchable_jump(Jit *j, unsigned slot, uint64_t pc)
{
    ExitStub *s = stub_new(j, EXIT_CHAIN, pc);

    asm_nops(&j->a, (unsigned)(-((uintptr_t)(j->a.p + j->a.exec) + 1) & 3));
    s->slot = (uint8_t)slot;
    s->jump[s->njumps++] = asm_jmp_forward(&j->a);
    j->tb->jump_patch[slot] = (uint32_t)(s->jump[0] - j->rw);
}

static void jump_through_cache(Jit *j, uint64_t dest, uint64_t pc)
{
    ExitStub *s = stub_new(j, EXIT_LOOKUP, pc);
    uint32_t entry = (uint32_t)(offsetof(CPUState, jump_cache) + jump_cache_slot(dest) * sizeof(JumpCacheEntry));
    Operand entry_pc = env_operand(entry + offsetof(JumpCacheEntry, pc));

    if (fits32(dest)) {
        asm_alu_imm(&j->a, ALU_CMP, true, entry_pc, (int32_t)dest);
    } else {
        asm_mov_imm(&j->a, RAX, dest);
        asm_rm(&j->a, ALU_LD(ALU_CMP) | X_W, RAX, entry_pc);
    }
    s->jump[s->njumps++] = asm_jcc_forward(&j->a, CC_NE);
    asm_rm(&j->a, MOV_LD | X_W, RAX, ENV_FIELD(jc_key));
    asm_rm(&j->a, ALU_LD(ALU_CMP) | X_W, RAX, env_operand(entry + offsetof(JumpCacheEntry, key)));
    s->jump[s->njumps++] = asm_jcc_forward(&j->a, CC_NE);
    asm_rm(&j->a, GROUP5, 4, env_operand(entry + offsetof(JumpCacheEntry, code)));
}

void x64_goto_tb(Jit *j, unsigned arg)
{
    uint64_t dest = j->op->imm, pc = 0;
    unsigned slot = j->op->aux;

    (void)arg;
    regs_constant(j, j->op->in[0], &pc);
    finish_block(j);
    if (no_chaining(j)) {
        store_pc(j, pc);
        leave(j, TB_EXIT_LOOKUP);
        return;
    }
    if (dest <= j->tb->state.pc) {
        ExitStub *s = stub_new(j, EXIT_POLL, pc);
        compare_exit_request(j);
        s->jump[s->njumps++] = asm_jcc_forward(&j->a, CC_NE);
    }
    if (((dest ^ j->tb->state.pc) & PAGE_MASK) == 0) {
        patchable_jump(j, slot, pc);
    } else {
        jump_through_cache(j, dest, pc);
    }
}

static void x64_stub(Jit *j, const ExitStub *s)
{
    for (unsigned i = 0; i < s->njumps; i++) {
        asm_patch32(s->jump[i], j->a.p);
    }
    if (s->kind == EXIT_CHAIN) {
        j->tb->jump_stub[s->slot] = (uint32_t)(j->a.p - j->rw);
    }
    store_pc(j, s->pc);
    switch (s->kind) {
    case EXIT_CHAIN: leave(j, s->slot); break;
    case EXIT_POLL: leave(j, TB_EXIT_POLL); break;
    case EXIT_LOOKUP: asm_jmp(&j->a, host.lookup); break;
    }
}

void x64_exit_stubs(Jit *j)
{
    if (j->icount_fixup) {
        icount_stub(j);
    }
    for (unsigned i = 0; i < j->nstubs; i++) {
        x64_stub(j, &j->stub[i]);
    }
}

void exits_patch(TranslationBlock *tb, unsigned slot, const TranslationBlock *dest)
{
    const uint8_t *at, *target;

    if (tb->jump_patch[slot] == ~0u) {
        return;
    }
    at = tb->code + tb->jump_patch[slot];
    target = dest ? dest->code : tb->code + tb->jump_stub[slot];
    __atomic_store_n((int32_t *)(uintptr_t)(at + host.rw_delta), (int32_t)(target - (at + 4)), __ATOMIC_RELEASE);
}

/* ---- Computed jumps ---- */

/* The probe of the jump cache: jump_cache_slot() in code. */
void x64_goto_ptr(Jit *j, unsigned arg)
{
    const int32_t cache = (int32_t)offsetof(CPUState, jump_cache) - CPU_ENV_BIAS;
    int pc = regs_use(j, j->op->in[0], ALL_GP), t1, t2;
    Asm *a = &j->a;

    (void)arg;
    regs_sync_globals(j);
    t1 = regs_alloc(j, ALL_GP);
    t2 = regs_alloc(j, ALL_GP);
    finish_block(j);
    if (no_chaining(j)) {
        asm_jmp(a, host.exit_lookup);
        return;
    }
    compare_exit_request(j);
    asm_jcc(a, CC_NE, host.exit_poll);
    asm_mov(a, true, t1, pc);
    asm_shift_imm(a, SHIFT_SHR, true, t1, JUMP_CACHE_BITS);
    asm_rr(a, ALU_LD(ALU_XOR), t1, pc);
    asm_alu_imm(a, ALU_AND, false, reg_operand(t1), JUMP_CACHE_SIZE - 1);
    asm_shift_imm(a, SHIFT_SHL, false, t1, 5);
    asm_rm(a, ALU_LD(ALU_CMP) | X_W, pc, indexed_operand(RBP, t1, 0, cache + (int32_t)offsetof(JumpCacheEntry, pc)));
    asm_jcc(a, CC_NE, host.lookup);
    asm_rm(a, MOV_LD | X_W, t2, ENV_FIELD(jc_key));
    asm_rm(a, ALU_LD(ALU_CMP) | X_W, t2, indexed_operand(RBP, t1, 0, cache + (int32_t)offsetof(JumpCacheEntry, key)));
    asm_jcc(a, CC_NE, host.lookup);
    asm_rm(a, GROUP5, 4, indexed_operand(RBP, t1, 0, cache + (int32_t)offsetof(JumpCacheEntry, code)));
}
_Static_assert(sizeof(JumpCacheEntry) == 32, "x64_goto_ptr scales by shifting");

void x64_goto_lookup(Jit *j, unsigned arg)
{
    (void)arg;
    finish_block(j);
    if (no_chaining(j)) {
        asm_jmp(&j->a, host.exit_lookup);
        return;
    }
    compare_exit_request(j);
    asm_jcc(&j->a, CC_NE, host.exit_poll);
    asm_jmp(&j->a, host.lookup);
}

void x64_exit_tb(Jit *j, unsigned arg)
{
    (void)arg;
    finish_block(j);
    leave(j, TB_EXIT_LOOKUP);
}
