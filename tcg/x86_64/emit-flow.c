/* SPDX-License-Identifier: MIT */
/* Labels, branches and calls of C functions inside a TB (System V ABI, x86-64 supplement). */
#include "tcg/x86_64/jit.h"

void x64_insn_start(Jit *j, unsigned arg)
{
    (void)arg;
    j->insn = j->op->aux;
}

void x64_unwind(Jit *j, unsigned insn)
{
    if (j->f->ninsns) {
        unwind_add(&j->unwind, (uint32_t)(j->a.p - j->rw), &j->f->insns[insn]);
    }
}

/* ---- Labels ---- */

void x64_label(Jit *j, unsigned arg)
{
    unsigned label = (unsigned)j->op->imm;
    uint32_t at = j->label_fixup[label];

    (void)arg;
    labels_here(j, label);
    j->unreachable = false;
    j->label[label] = j->a.p;
    while (at) { /* each displacement holds the place of the next one */
        uint32_t next;
        __builtin_memcpy(&next, j->rw + at, 4);
        asm_patch32(j->rw + at, j->a.p);
        at = next;
    }
    j->label_fixup[label] = 0;
}

/* The label is further on: its displacement joins the chain. */
static void chain_fixup(Jit *j, unsigned label, uint8_t *at)
{
    __builtin_memcpy(at, &j->label_fixup[label], 4);
    j->label_fixup[label] = (uint32_t)(at - j->rw);
}

void x64_br(Jit *j, unsigned arg)
{
    unsigned label = (unsigned)j->op->imm;

    (void)arg;
    labels_branch(j, label);
    if (j->next < j->f->ops + j->f->nops && j->next->opc == IR_LABEL && j->next->imm == label) {
        j->unreachable = j->label_state[label].kind == LABEL_ONE;
        return;
    }
    if (j->label[label]) {
        asm_jmp(&j->a, j->label[label] + j->a.exec);
    } else {
        chain_fixup(j, label, asm_jmp_forward(&j->a));
    }
    j->unreachable = true;
}

/* "Out of the loop unless …; back to its head": the branch itself goes to the head. */
static bool back_to_head(Jit *j, const Compare *c)
{
    const IROp *br = j->next;

    if (br >= j->f->ops + j->f->nops || br->opc != IR_BR || !labels_head_ready(j, (unsigned)br->imm)) {
        return false;
    }
    asm_jcc(&j->a, c->cc ^ 1, j->label[br->imm] + j->a.exec);
    chain_fixup(j, (unsigned)j->op->imm, asm_jmp_forward(&j->a));
    j->next++;
    j->unreachable = true;
    return true;
}

static void branch(Jit *j, Compare *c)
{
    unsigned label = (unsigned)j->op->imm;

    if (x64_branch_out(j, label, c)) {
        return;
    }
    labels_branch(j, label);
    compare_emit(j, c);
    if (back_to_head(j, c)) {
        return;
    }
    if (j->label[label]) {
        asm_jcc(&j->a, c->cc, j->label[label] + j->a.exec);
    } else {
        chain_fixup(j, label, asm_jcc_forward(&j->a, c->cc));
    }
}

void x64_brcond(Jit *j, unsigned arg)
{
    const IROp *op = j->op;
    Compare c;

    (void)arg;
    compare_prepare(j, &c, op->aux & 0xff, op->type == IR_I64, op->in[0], op->in[1]);
    branch(j, &c);
}

void x64_branch_on_field(Jit *j, Operand field)
{
    Compare c = { .cc = (uint8_t)compare_cc(j->op->aux & 0xff), .immediate = true, .a = field };

    c.imm = (int32_t)j->f->vals[j->op->in[1]].value;
    branch(j, &c);
}

/* ---- Calls ---- */

typedef struct ArgMove {
    int8_t dst, src; /* NOREG: a constant or in memory */
    IRVal val;
} ArgMove;

static bool is_source(const ArgMove *m, unsigned n, uint32_t pending, unsigned except)
{
    for (unsigned i = 0; i < n; i++) {
        if (i != except && pending >> i & 1 && m[i].src == m[except].dst) {
            return true;
        }
    }
    return false;
}

static void swap_sources(ArgMove *m, unsigned n, int a, int b)
{
    for (unsigned i = 0; i < n; i++) {
        m[i].src = m[i].src == a ? (int8_t)b : m[i].src == b ? (int8_t)a : m[i].src;
    }
}

/* All at once: moves whose destination nobody reads first; cycles by exchange. */
static void move_registers(Asm *a, ArgMove *m, unsigned n)
{
    uint32_t pending = 0;

    for (unsigned i = 0; i < n; i++) {
        pending |= m[i].src != NOREG ? 1u << i : 0;
    }
    while (pending) {
        uint32_t before = pending;
        for (unsigned i = 0; i < n; i++) {
            if (pending >> i & 1 && (m[i].src == m[i].dst || !is_source(m, n, pending, i))) {
                asm_mov(a, true, m[i].dst, m[i].src);
                pending &= ~(1u << i);
            }
        }
        if (pending == before) {
            unsigned i = (unsigned)__builtin_ctz(pending);
            asm_rr(a, XCHG | X_W, m[i].dst, m[i].src);
            swap_sources(m, n, m[i].dst, m[i].src);
        }
    }
}

static void set_arguments(Jit *j, const HelperInfo *h)
{
    static const int8_t arg_reg[HELPER_MAX_ARGS] = { RDI, RSI, RDX, RCX, R8, R9 };
    ArgMove moves[HELPER_MAX_ARGS];
    unsigned first = h->args[0] == HARG_ENV, n = 0;

    for (unsigned i = first; i < HELPER_MAX_ARGS && h->args[i] != HARG_NONE; i++, n++) {
        IRVal v = j->op->in[n];
        moves[n] = (ArgMove){ .dst = arg_reg[i], .src = j->loc[v].reg, .val = v };
    }
    move_registers(&j->a, moves, n);
    for (unsigned i = 0; i < n; i++) {
        if (j->loc[moves[i].val].reg == NOREG) {
            regs_load(j, moves[i].dst, moves[i].val);
        }
    }
    if (first) {
        asm_rm(&j->a, LEA | X_W, RDI, mem_operand(RBP, -CPU_ENV_BIAS));
    }
}

void x64_call_to(Jit *j, const HelperInfo *h)
{
    unsigned flags = h->flags | (h->flags & HF_PURE ? HF_NO_GLOBALS | HF_NO_WRITE | HF_NO_FAULT : 0);
    bool sees = !(flags & HF_NO_GLOBALS) || !(flags & HF_NO_FAULT);
    bool writes = !(flags & (HF_NO_GLOBALS | HF_NO_WRITE));

    if (writes) {
        regs_leave_pinned(j);
    }
    regs_save_across_call(j);
    if (sees) {
        regs_sync_globals(j);
        asm_call(&j->a, host.store_pinned);
    } else {
        pins_move(&j->a, MOV_ST, host.call_clobbers);
    }
    set_arguments(j, h);
    if (j->uses_ymm) {
        asm_vzeroupper(&j->a);
    }
    asm_call(&j->a, h->func);
    x64_unwind(j, j->insn);
    regs_drop_clobbered(j);
    if (flags & HF_NO_RETURN) {
        j->unreachable = true;
        return;
    }
    if (writes) {
        regs_forget_globals(j);
        asm_call(&j->a, host.load_pinned);
    } else {
        pins_move(&j->a, MOV_LD, host.call_clobbers);
    }
    if (h->ret == HARG_I32) {
        asm_mov(&j->a, false, RAX, RAX);
    }
    regs_result(j, 0, RAX);
}

void x64_call(Jit *j, unsigned arg)
{
    (void)arg;
    x64_call_to(j, j->f->calls[j->op->imm]);
}
