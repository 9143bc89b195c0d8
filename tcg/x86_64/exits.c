/* SPDX-License-Identifier: MIT */
/*
 * Ways into and out of a TB. At every one of them pinned globals are in their registers and everything
 * else is in CPUState. Direct jumps inside a guest page are patched into TB chains; other pages, instructions that may
 * continue on the next page, and computed targets go through the jump cache, whose key holds the mapping's epoch and the TB state.
 */
#include "exec/tb.h"
#include "exec/tlb.h"
#include "tcg/x86_64/jit.h"
#include "util/log.h"
#include <string.h>

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

/* A TB and a reason, as an offset in the code cache, and in the upper half how far pc is from the TB's start: for host.exit_at and lookup_at. */
static bool compact_exit(const Jit *j, uint64_t pc, unsigned reason, uint64_t *value)
{
    uint64_t offset = (uintptr_t)j->tb - host.base, distance = pc - (j->tb->state.pc - j->tb->state.cs_base);

    *value = distance << 32 | offset | reason;
    return offset <= UINT32_MAX && fits32(distance);
}

/* Leaves with this value of the pc field. */
static void leave_at(Jit *j, uint64_t pc, unsigned reason)
{
    uint64_t value;

    if (compact_exit(j, pc, reason, &value)) {
        asm_mov_imm(&j->a, RAX, value);
        asm_jmp(&j->a, host.exit_at);
        return;
    }
    store_pc(j, pc);
    leave(j, reason);
}

static void lookup_at(Jit *j, uint64_t pc)
{
    uint64_t value;

    if (compact_exit(j, pc, 0, &value)) {
        asm_mov_imm(&j->a, RAX, value);
        asm_jmp(&j->a, host.lookup_at);
        return;
    }
    store_pc(j, pc);
    asm_jmp(&j->a, host.lookup);
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

/* Counts instructions down; when the budget ends inside this TB, leaves before it. So does a TB that has become hot. */
void x64_entry(Jit *j)
{
    if (j->tb->flags & TB_ICOUNT) {
        asm_alu_imm(&j->a, ALU_SUB, false, ENV_FIELD(icount_left), j->tb->insns);
        j->icount_fixup = asm_jcc_forward(&j->a, CC_SF);
    }
    if (j->tb->flags & TB_COUNTED) {
        uint32_t count = (uint32_t)offsetof(CPUState, heat) + 4 * heat_slot(j->tb->code);
        asm_alu_imm(&j->a, ALU_SUB, false, env_operand(count), 1);
        j->heat_fixup = asm_jcc_forward(&j->a, CC_SF);
    }
}

static void heat_stub(Jit *j)
{
    asm_patch32(j->heat_fixup, j->a.p);
    leave_at(j, j->tb->state.pc - j->tb->state.cs_base, TB_EXIT_HOT);
}

static void icount_stub(Jit *j)
{
    asm_patch32(j->icount_fixup, j->a.p);
    asm_alu_imm(&j->a, ALU_ADD, false, ENV_FIELD(icount_left), j->tb->insns);
    leave_at(j, j->tb->state.pc - j->tb->state.cs_base, TB_EXIT_POLL);
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

/* The chain stub of a slot, reached through the jump with this displacement until another TB is chained. */
static void chain_stub(Jit *j, unsigned slot, uint64_t pc, uint8_t *jump)
{
    ExitStub *s = stub_new(j, EXIT_CHAIN, pc);

    s->slot = (uint8_t)slot;
    s->jump[s->njumps++] = jump;
    j->tb->jump[slot].patch = (uint32_t)(jump - j->rw);
}

/* Displacements are aligned, so that running code may be patched: no-ops to put before an opcode of so many bytes. */
static unsigned misalignment(const Jit *j, unsigned opcode)
{
    return (unsigned)(-((uintptr_t)(j->a.p + j->a.exec) + opcode) & 3);
}

static void patchable_jump(Jit *j, unsigned slot, uint64_t pc)
{
    asm_nops(&j->a, misalignment(j, 1));
    chain_stub(j, slot, pc, asm_jmp_forward(&j->a));
}

/* The no-ops go before the comparison, which hosts join with the branch behind it. */
static void patchable_jcc(Jit *j, uint8_t *comparison, unsigned cc, unsigned slot, uint64_t pc)
{
    unsigned pad = misalignment(j, 2);
    Asm before = { .p = comparison, .exec = j->a.exec };

    memmove(comparison + pad, comparison, (size_t)(j->a.p - comparison));
    asm_nops(&before, pad);
    j->a.p += pad;
    chain_stub(j, slot, pc, asm_jcc_forward(&j->a, cc));
}

static void jump_through_cache(Jit *j, ExitKind kind, uint64_t dest, uint64_t pc)
{
    ExitStub *s = stub_new(j, kind, pc);
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

/* The code at dest is on this page as a whole. A TB that continues on the next one is never chained (tb_add_jump). */
static bool may_chain(const Jit *j, uint64_t dest)
{
    return ((dest ^ j->tb->state.pc) & PAGE_MASK) == 0 && (dest & ~PAGE_MASK) + host.longest_insn <= PAGE_SIZE_;
}

static bool must_poll(const Jit *j, uint64_t dest)
{
    return dest <= j->tb->state.pc;
}

static uint64_t pc_value(const Jit *j, const IROp *op)
{
    uint64_t pc = 0;

    regs_constant(j, op->in[0], &pc);
    return pc;
}

static void emit_goto(Jit *j, const IROp *op)
{
    uint64_t pc = pc_value(j, op);

    if (no_chaining(j)) {
        leave_at(j, pc, TB_EXIT_LOOKUP);
        return;
    }
    if (must_poll(j, op->imm)) {
        uint8_t *comparison = j->a.p;
        compare_exit_request(j);
        if (may_chain(j, op->imm)) { /* on with a branch; not taken, it falls into the stub */
            patchable_jcc(j, comparison, CC_E, op->aux, pc);
            leave_at(j, pc, TB_EXIT_POLL);
            return;
        }
        ExitStub *s = stub_new(j, EXIT_POLL, pc);
        s->jump[s->njumps++] = asm_jcc_forward(&j->a, CC_NE);
    }
    if (may_chain(j, op->imm)) {
        patchable_jump(j, op->aux, pc);
    } else {
        jump_through_cache(j, EXIT_LOOKUP, op->imm, pc);
    }
}

void x64_goto_tb(Jit *j, unsigned arg)
{
    (void)arg;
    finish_block(j);
    emit_goto(j, j->op);
}

void x64_goto_careful(Jit *j, unsigned arg)
{
    uint64_t value, pc = pc_value(j, j->op);

    (void)arg;
    finish_block(j);
    if (compact_exit(j, pc, 0, &value) && pc + j->tb->state.cs_base == j->op->imm) {
        asm_mov_imm(&j->a, RAX, value);
        asm_jmp(&j->a, host.careful_at);
        return;
    }
    jump_through_cache(j, EXIT_CAREFUL, careful_pc(j->op->imm), pc);
}

/* A branch to this destination may itself be the jump that is patched. */
static bool is_plain(const Jit *j, const IROp *op)
{
    return may_chain(j, op->imm) && !must_poll(j, op->imm);
}

bool x64_branch_out(Jit *j, unsigned label, Compare *c)
{
    const IROp *not_taken = j->next, *taken = not_taken + 2;
    uint8_t *comparison;

    if (taken >= j->f->ops + j->f->nops || not_taken->opc != IR_GOTO_TB || taken[-1].opc != IR_LABEL ||
        taken[-1].imm != label || taken->opc != IR_GOTO_TB || j->label_uses[label] != 1 || no_chaining(j)) {
        return false;
    }
    if (!is_plain(j, taken) && !is_plain(j, not_taken)) {
        return false;
    }
    if (!is_plain(j, taken)) {
        const IROp *other = taken;
        taken = not_taken;
        not_taken = other;
        c->cc ^= 1;
    }
    finish_block(j);
    comparison = j->a.p;
    compare_emit(j, c);
    patchable_jcc(j, comparison, c->cc, taken->aux, pc_value(j, taken));
    emit_goto(j, not_taken);
    j->next += 3;
    return true;
}

static void x64_stub(Jit *j, const ExitStub *s)
{
    for (unsigned i = 0; i < s->njumps; i++) {
        asm_patch32(s->jump[i], j->a.p);
    }
    if (s->kind == EXIT_CHAIN) {
        j->tb->jump[s->slot].stub = (uint32_t)(j->a.p - j->rw);
    }
    switch (s->kind) {
    case EXIT_CHAIN: leave_at(j, s->pc, s->slot); break;
    case EXIT_POLL: leave_at(j, s->pc, TB_EXIT_POLL); break;
    case EXIT_LOOKUP: lookup_at(j, s->pc); break;
    case EXIT_CAREFUL:
        store_pc(j, s->pc);
        asm_jmp(&j->a, host.lookup_careful);
        break;
    case EXIT_POINTER:
        asm_rm(&j->a, MOV_ST | X_W, s->reg, env_operand(host.pc_offset));
        asm_jmp(&j->a, host.lookup);
        break;
    }
}

void x64_exit_stubs(Jit *j)
{
    if (j->icount_fixup) {
        icount_stub(j);
    }
    if (j->heat_fixup) {
        heat_stub(j);
    }
    for (unsigned i = 0; i < j->nstubs; i++) {
        x64_stub(j, &j->stub[i]);
    }
}

void exits_patch(TranslationBlock *tb, unsigned slot, const TranslationBlock *dest)
{
    const uint8_t *at, *target;

    if (tb->jump[slot].patch == ~0u) {
        return;
    }
    at = tb->code + tb->jump[slot].patch;
    target = dest ? dest->code : tb->code + tb->jump[slot].stub;
    __atomic_store_n((int32_t *)(uintptr_t)(at + host.rw_delta), (int32_t)(target - (at + 4)), __ATOMIC_RELEASE);
}

/* ---- Computed jumps ---- */

/* Where a probe that fails goes: the pc field is written there, if it was not before. */
static void miss(Jit *j, ExitStub *s, unsigned cc)
{
    if (s) {
        s->jump[s->njumps++] = asm_jcc_forward(&j->a, cc);
    } else {
        asm_jcc(&j->a, cc, host.lookup);
    }
}

/* jump_cache_slot() in code. */
void exits_cache_entry(Asm *a, int entry, int pc)
{
    asm_mov(a, true, entry, pc);
    asm_shift_imm(a, SHIFT_SHR, true, entry, JUMP_CACHE_BITS);
    asm_rr(a, ALU_LD(ALU_XOR), entry, pc);
    asm_alu_imm(a, ALU_AND, false, reg_operand(entry), JUMP_CACHE_SIZE - 1);
    asm_shift_imm(a, SHIFT_SHL, false, entry, 5);
}
_Static_assert(sizeof(JumpCacheEntry) == 32, "entries are found by shifting");

Operand exits_cache_field(int entry, size_t field)
{
    return indexed_operand(RBP, entry, 0, (int32_t)(offsetof(CPUState, jump_cache) + field) - CPU_ENV_BIAS);
}

/* The probe of the jump cache. */
void x64_goto_ptr(Jit *j, unsigned write_pc)
{
    int pc = regs_use(j, j->op->in[0], ALL_GP), t1, t2;
    ExitStub *s = NULL;
    Asm *a = &j->a;

    regs_sync_globals(j);
    t1 = regs_alloc(j, ALL_GP);
    t2 = regs_alloc(j, ALL_GP);
    finish_block(j);
    if (no_chaining(j)) {
        if (write_pc) {
            asm_rm(a, MOV_ST | X_W, pc, env_operand(host.pc_offset));
        }
        asm_jmp(a, host.exit_lookup);
        return;
    }
    if (write_pc) {
        s = stub_new(j, EXIT_POINTER, 0);
        s->reg = (int8_t)pc;
    }
    compare_exit_request(j);
    if (s) {
        miss(j, s, CC_NE); /* the lookup looks at exit_request, too */
    } else {
        asm_jcc(a, CC_NE, host.exit_poll);
    }
    exits_cache_entry(a, t1, pc);
    asm_rm(a, ALU_LD(ALU_CMP) | X_W, pc, exits_cache_field(t1, offsetof(JumpCacheEntry, pc)));
    miss(j, s, CC_NE);
    asm_rm(a, MOV_LD | X_W, t2, ENV_FIELD(jc_key));
    asm_rm(a, ALU_LD(ALU_CMP) | X_W, t2, exits_cache_field(t1, offsetof(JumpCacheEntry, key)));
    miss(j, s, CC_NE);
    asm_rm(a, GROUP5, 4, exits_cache_field(t1, offsetof(JumpCacheEntry, code)));
}

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
