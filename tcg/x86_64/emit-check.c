/* SPDX-License-Identifier: MIT */
/*
 * Merged TLB checks (ir.h, "Merged checks"). GUEST_CHECK is the usual inline check of a range's first and last
 * byte; its result, a host address or 0, stays in a register or spill slot. An access tests it and goes
 * straight to memory. Out of line an access makes the check of its own inline code, and only when that fails calls C,
 * after which every live result is zeroed: C code may have changed what a mapping allows.
 */
#include "tcg/x86_64/jit.h"

/* ---- Results that are live ---- */

static bool is_live(const Jit *j, IRVal v)
{
    return j->loc[v].reg != NOREG || j->loc[v].slot;
}

/* False when there are too many. */
static bool checks_add(Jit *j, IRVal v)
{
    unsigned n = 0;

    for (unsigned i = 0; i < j->nchecks; i++) {
        if (is_live(j, j->checks[i]) && j->checks[i] != v) {
            j->checks[n++] = j->checks[i];
        }
    }
    j->nchecks = n;
    if (n == CHECKS_LIVE) {
        return false;
    }
    j->checks[j->nchecks++] = v;
    return true;
}

void checks_collect(Jit *j, SlowPath *s)
{
    s->nzero = 0;
    for (unsigned i = 0; i < j->nchecks; i++) {
        const ValLoc *l = &j->loc[j->checks[i]];
        if (is_live(j, j->checks[i])) {
            s->zero[s->nzero].reg = l->reg != s->check ? l->reg : NOREG;
            s->zero[s->nzero++].slot = l->slot;
        }
    }
}

static void zero(Asm *a, int r) { asm_rr(a, ALU_LD(ALU_XOR), r, r); }

void checks_zero(Jit *j, const SlowPath *s)
{
    for (unsigned i = 0; i < s->nzero; i++) {
        if (s->zero[i].reg != NOREG && s->zero[i].reg != s->dst) {
            zero(&j->a, s->zero[i].reg);
        }
        if (s->zero[i].slot) {
            asm_store_imm(&j->a, 8, mem_operand(RSP, FRAME_SPILL + (s->zero[i].slot - 1) * 8), 0);
        }
    }
    if (s->check != NOREG && s->check != s->dst) {
        zero(&j->a, s->check);
    }
}

/* ---- Guards ---- */

/* The branch behind the check makes a guard of it: both are emitted as one. */
static bool is_guard(const Jit *j)
{
    const IROp *br = j->next;

    return br < j->f->ops + j->f->nops && br->opc == IR_BRCOND && br->type == IR_I64 && (br->aux & 0xff) == IR_EQ &&
           br->in[0] == j->op->out[0] && ir_is_const(j->f, br->in[1]) && j->f->vals[br->in[1]].value == 0 &&
           labels_plain(j, (unsigned)br->imm);
}

static void guards_add(Jit *j, IRVal v)
{
    unsigned n = 0;

    for (unsigned i = 0; i < j->nguards; i++) {
        if (is_live(j, j->guards[i])) {
            j->guards[n++] = j->guards[i];
        }
    }
    j->many_guards |= n == CHECKS_LIVE;
    if (n < CHECKS_LIVE) {
        j->guards[n++] = v;
    }
    j->nguards = n;
}

bool guards_live(Jit *j)
{
    bool any = j->many_guards;

    for (unsigned i = 0; i < j->nguards; i++) {
        any |= is_live(j, j->guards[i]);
    }
    return any;
}

/* To be called when the check has been emitted: on to the branch, which is in it. */
static void finish_guard(Jit *j, SlowPath *s)
{
    const IROp *br = j->next;

    s->label = (uint16_t)br->imm;
    for (int r = XMM0; r <= XMM15; r++) {
        s->vec_live |= j->reg[r].n != 0;
    }
    guards_add(j, j->op->out[0]);
    regs_end_op(j);
    j->op = br;
    j->next = br + 1;
    regs_begin_op(j, br);
    labels_branch(j, s->label);
}

/* ---- GUEST_CHECK ---- */

static void compare_tag(Asm *a, unsigned mode, bool write, int t1, int t2)
{
    asm_rm(a, ALU_LD(ALU_CMP) | X_W | host.bank_seg, t2, mem_operand(t1, tlb_table(mode) + (write ? 8 * ACCESS_WRITE : 8 * ACCESS_READ)));
}

/* Flags tell whether the byte at addr + last is on the page of the entry at offset t1. */
static void compare_page(Asm *a, unsigned mode, bool write, int addr, int32_t last, int t1, int t2)
{
    asm_rm(a, LEA | X_W, t2, mem_operand(addr, last));
    asm_alu_imm(a, ALU_AND, true, reg_operand(t2), -(1 << PAGE_BITS));
    compare_tag(a, mode, write, t1, t2);
}

static void add_constant(Asm *a, int t1, int t2, uint64_t value)
{
    if (value == (uint64_t)(int32_t)value) {
        asm_alu_imm(a, ALU_ADD, true, reg_operand(t1), (int32_t)value);
    } else {
        asm_mov_imm(a, t2, value);
        asm_rr(a, ALU_LD(ALU_ADD) | X_W, t1, t2);
    }
}

/* The range of a constant address lies on one page, so that its entry is known now. */
static void check_constant(Jit *j, uint64_t base)
{
    const IROp *op = j->op;
    MemOpIdx oi = check_oi(op->imm);
    uint64_t first = base + (uint64_t)(int64_t)check_disp(op->imm);
    int t1 = regs_alloc(j, ALL_GP), t2 = regs_alloc(j, ALL_GP);
    bool aligned = !(oi & MO_ALIGN && first & (memop_bytes(oi) - 1)), guard = aligned && is_guard(j);
    Asm *a = &j->a;
    SlowPath *s;

    regs_result(j, 0, t1);
    if (!aligned || (!guard && !checks_add(j, op->out[0]))) {
        zero(a, t1);
        return;
    }
    s = mem_slow_new(j, guard ? SLOW_GUARD : SLOW_CHECK, NOREG);
    s->dst = (int8_t)t1;
    s->value = (int8_t)t2;
    s->write = op->imm & CHK_WRITE;
    s->store_first = op->imm & CHK_STORE_FIRST;
    s->disp = check_disp(op->imm);
    s->base.constant = true;
    s->base.value = base;
    s->jump = mem_check_constant(a, memopidx_mode(oi), op->imm & CHK_WRITE ? ACCESS_WRITE : ACCESS_READ, first, t1, t2);
    add_constant(a, t1, t2, base);
    s->back = a->p;
    if (guard) {
        finish_guard(j, s);
    }
}

void x64_guest_check(Jit *j, unsigned arg)
{
    uint64_t constant;
    const IROp *op = j->op;
    bool narrow = op->imm & CHK_NARROW && j->f->vals[op->in[0]].type == IR_I64 && !j->f->narrow_globals, guard = is_guard(j);
    int32_t low = check_disp(op->imm), last = low + op->aux - 1;
    unsigned mode = memopidx_mode(check_oi(op->imm));
    int base, t1, t2, first;
    Asm *a = &j->a;
    SlowPath *s;

    (void)arg;
    if (ir_is_const(j->f, op->in[0])) {
        regs_constant(j, op->in[0], &constant);
        check_constant(j, constant);
        return;
    }
    first = base = regs_use(j, op->in[0], ALL_GP);
    t1 = regs_alloc(j, ALL_GP);
    t2 = regs_alloc(j, ALL_GP);
    regs_result(j, 0, t1);
    if (!guard && !checks_add(j, op->out[0])) {
        zero(a, t1);
        return;
    }
    if (narrow) {
        int t3 = regs_alloc(j, ALL_GP);
        asm_mov(a, false, t3, base);
        base = first = t3;
    }
    if (low) {
        asm_rm(a, LEA | X_W, t2, mem_operand(base, low));
        first = t2;
    }
    s = mem_slow_new(j, guard ? SLOW_GUARD : SLOW_CHECK, base);
    s->dst = (int8_t)t1;
    s->value = (int8_t)t2;
    s->write = op->imm & CHK_WRITE;
    s->store_first = op->imm & CHK_STORE_FIRST;
    s->disp = low;
    s->constant = last;
    if (s->oi & MO_ALIGN) {
        asm_test_imm(a, false, reg_operand(first), (1 << (s->oi & MO_SIZE)) - 1);
        s->jump2 = asm_jcc_forward(a, CC_NE);
    }
    tlb_entry_offset(a, t1, first);
    compare_page(a, mode, op->imm & CHK_WRITE, base, last, t1, t2);
    s->jump = asm_jcc_forward(a, CC_NE);
    asm_rm(a, MOV_LD | X_W | host.bank_seg, t1, mem_operand(t1, tlb_table(mode) + (int32_t)offsetof(TLBEntry, addend)));
    asm_rr(a, ALU_LD(ALU_ADD) | X_W, t1, base);
    s->back = a->p;
    if (guard) {
        finish_guard(j, s);
    }
}

void check_failed(Jit *j, const SlowPath *s)
{
    if (s->jump2) {
        asm_patch32(s->jump2, j->a.p);
    }
    zero(&j->a, s->dst);
    asm_jmp(&j->a, s->back + j->a.exec);
}

/* The page may only be missing in the first level: tlb_prepare() enters it, and makes the check. */
void guard_failed(Jit *j, const SlowPath *s)
{
    Asm *a = &j->a;
    unsigned save = !s->vec_live ? 0 : j->uses_ymm ? 2 : 1;
    unsigned bytes = s->base.constant ? 1 : (unsigned)(s->constant - s->disp + 1);
    int first = s->addr;

    if (s->jump2) {
        asm_patch32(s->jump2, j->label[s->label]);
    }
    if (s->base.constant) {
        first = s->value;
        asm_mov_imm(a, first, s->base.value + (uint64_t)(int64_t)s->disp);
    } else if (s->disp) {
        first = s->value;
        asm_rm(a, LEA | X_W, first, mem_operand(s->addr, s->disp));
    }
    asm_rm(a, MOV_ST | X_W, first, mem_operand(RSP, FRAME_ADDR));
    asm_store_imm(a, 4, mem_operand(RSP, FRAME_OI), (int32_t)guard_range(memopidx_mode(s->oi), s->store_first, s->write, bytes));
    asm_call(a, host.slow[SLOW_GUARD][save]);
    asm_rm(a, MOV_LD | X_W, s->dst, mem_operand(RSP, FRAME_ADDR));
    asm_rr(a, TEST | X_W, s->dst, s->dst);
    asm_jcc(a, CC_E, j->label[s->label] + a->exec);
    if (s->disp) {
        asm_rm(a, LEA | X_W, s->dst, mem_operand(s->dst, -s->disp));
    }
    asm_jmp(a, s->back + a->exec);
}

/* ---- Accesses ---- */

static SlowPath *checked_new(Jit *j, SlowKind kind, IRVal base, int check)
{
    SlowPath *s = mem_slow_new(j, kind, NOREG);

    s->check = (int8_t)check;
    s->base = regs_place(j, base);
    s->narrow = j->op->imm & CHK_NARROW;
    s->disp = check_disp(j->op->imm);
    return s;
}

/*
 * Right behind its check an access needs no test: the check fails to the access's slow path. Not when code
 * came between, which that way would miss.
 */
static bool take_over(Jit *j, SlowPath *s)
{
    SlowPath *check = s - 1;

    if (j->nslow < 2 || check->kind != SLOW_CHECK || check->back != j->a.p || check->dst != s->check) {
        return false;
    }
    s->jump = check->jump;
    s->jump2 = check->jump2;
    check->kind = SLOW_NONE;
    return true;
}

static void test_check(Jit *j, SlowPath *s)
{
    mem_slow_snapshot(j, s);
    if (take_over(j, s)) {
        return;
    }
    asm_rr(&j->a, TEST | X_W, s->check, s->check);
    s->jump = asm_jcc_forward(&j->a, CC_E);
}

static void load(Jit *j, const SlowPath *s, Operand mem)
{
    MemOp op = memopidx_op(s->oi);

    if (s->kind == SLOW_LDV) {
        vec_ld_sized(&j->a, op, s->dst, mem);
    } else if (op & MO_BE && op & MO_SIZE) {
        mem_load_big_endian(j, op, s->wide, s->dst, mem);
    } else {
        asm_rm(&j->a, mem_load_opcode(op, s->wide), s->dst, mem);
    }
}

/* A store that swaps bytes may change the scratch register. */
static void store(Jit *j, const SlowPath *s, int scratch, Operand mem)
{
    MemOp op = memopidx_op(s->oi);
    unsigned bytes = memop_bytes(op);

    if (s->kind == SLOW_STV) {
        vec_st_sized(&j->a, op, s->value, mem);
    } else if (s->value == NOREG) {
        asm_store_imm(&j->a, bytes, mem, s->constant);
    } else if (op & MO_BE && bytes > 1) {
        mem_store_big_endian(j, op, s->value, scratch, mem);
    } else {
        mem_store_int(&j->a, bytes, s->value, mem);
    }
}

void x64_guest_ldc(Jit *j, unsigned arg)
{
    int check = regs_use(j, j->op->in[1], ALL_GP), d;
    bool vec = j->op->type >= IR_V128;
    SlowPath *s = checked_new(j, vec ? SLOW_LDV : SLOW_LD, j->op->in[0], check);

    (void)arg;
    if (s->base.reg != NOREG) {
        j->locked |= 1u << s->base.reg; /* the slow path reads it */
    }
    d = regs_def(j, 0, vec ? NOREG : check, 0);
    s->dst = (int8_t)d;
    test_check(j, s);
    load(j, s, mem_operand(check, (int16_t)j->op->aux));
    s->back = j->a.p;
}

void x64_guest_stc(Jit *j, unsigned arg)
{
    MemOp op = memopidx_op(check_oi(j->op->imm));
    unsigned bytes = memop_bytes(op);
    bool vec = j->op->type >= IR_V128, swap = op & MO_BE && bytes > 1;
    int check, value = NOREG, scratch = NOREG;
    int32_t imm = 0;
    SlowPath *s;

    (void)arg;
    if (vec || swap || !regs_imm32(j, j->op->in[0], bytes == 8, &imm)) {
        value = regs_use(j, j->op->in[0], vec ? ALL_XMM : ALL_GP);
    }
    check = regs_use(j, j->op->in[2], ALL_GP);
    if (swap && !host.movbe) {
        scratch = regs_alloc(j, ALL_GP);
    }
    s = checked_new(j, vec ? SLOW_STV : SLOW_ST, j->op->in[1], check);
    s->value = (int8_t)value;
    s->constant = imm;
    test_check(j, s);
    store(j, s, scratch, mem_operand(check, (int16_t)j->op->aux));
    s->back = j->a.p;
}

/* ---- Accesses behind a guard ---- */

void x64_host_ld(Jit *j, unsigned arg)
{
    bool vec = j->op->type >= IR_V128;
    int check = regs_use(j, j->op->in[0], ALL_GP);
    int d = regs_def(j, 0, vec ? NOREG : check, 0);
    SlowPath s = { .kind = vec ? SLOW_LDV : SLOW_LD, .oi = check_oi(j->op->imm), .wide = j->op->type == IR_I64, .dst = (int8_t)d };

    (void)arg;
    load(j, &s, mem_operand(check, (int16_t)j->op->aux));
}

void x64_host_st(Jit *j, unsigned arg)
{
    MemOp op = memopidx_op(check_oi(j->op->imm));
    unsigned bytes = memop_bytes(op);
    bool vec = j->op->type >= IR_V128, swap = op & MO_BE && bytes > 1;
    SlowPath s = { .kind = vec ? SLOW_STV : SLOW_ST, .oi = check_oi(j->op->imm), .value = NOREG };
    int check, scratch = NOREG;

    (void)arg;
    if (vec || swap || !regs_imm32(j, j->op->in[0], bytes == 8, &s.constant)) {
        s.value = (int8_t)regs_use(j, j->op->in[0], vec ? ALL_XMM : ALL_GP);
    }
    check = regs_use(j, j->op->in[1], ALL_GP);
    if (swap && !host.movbe) {
        scratch = regs_alloc(j, ALL_GP);
    }
    store(j, &s, scratch, mem_operand(check, (int16_t)j->op->aux));
}

/* ---- Out of line ---- */

static void load_address(Asm *a, const SlowPath *s, int r)
{
    bool w = !s->narrow;

    if (s->base.reg != NOREG) {
        asm_rm(a, LEA | X_SIZE(w), r, mem_operand(s->base.reg, s->disp));
    } else if (s->base.constant) {
        uint64_t value = s->base.value + (uint64_t)(int64_t)s->disp;
        asm_mov_imm(a, r, w ? value : (uint32_t)value);
    } else {
        asm_rm(a, MOV_LD | X_SIZE(w && s->base.wide), r, s->base.mem);
        asm_rm(a, LEA | X_SIZE(w), r, mem_operand(r, s->disp));
    }
}

static Operand saved(int r) { return mem_operand(RSP, FRAME_GPR + 8 * r); }

/* The register of the check's result, 0 so far, serves as scratch; so do two saved ones. */
void check_alone(Jit *j, const SlowPath *s)
{
    uint32_t busy = 1u << s->check, free;
    bool store_op = s->kind == SLOW_ST || s->kind == SLOW_STV;
    Asm *a = &j->a;
    uint8_t *miss;
    int addr, t2;

    if (s->jump2) {
        asm_patch32(s->jump2, a->p);
    }
    busy |= s->base.reg != NOREG ? 1u << s->base.reg : 0;
    busy |= s->value != NOREG ? 1u << s->value : 0;
    free = CALLER_SAVED_GP & host.free_gp & ~busy;
    addr = __builtin_ctz(free);
    t2 = __builtin_ctz(free & (free - 1));
    asm_rm(a, MOV_ST | X_W, addr, saved(addr));
    asm_rm(a, MOV_ST | X_W, t2, saved(t2));
    load_address(a, s, addr);
    tlb_entry_offset(a, s->check, addr);
    if (s->oi & MO_ALIGN) {
        asm_mov(a, true, t2, addr);
        asm_alu_imm(a, ALU_AND, true, reg_operand(t2), -(1 << PAGE_BITS) | (int32_t)(memop_bytes(memopidx_op(s->oi)) - 1));
        compare_tag(a, memopidx_mode(s->oi), store_op, s->check, t2);
    } else {
        compare_page(a, memopidx_mode(s->oi), store_op, addr, (int32_t)memop_bytes(memopidx_op(s->oi)) - 1, s->check, t2);
    }
    miss = asm_jcc_forward(a, CC_NE);
    asm_rm(a, MOV_LD | X_W | host.bank_seg, s->check,
           mem_operand(s->check, tlb_table(memopidx_mode(s->oi)) + (int32_t)offsetof(TLBEntry, addend)));
    if (store_op) {
        store(j, s, t2, indexed_operand(addr, s->check, 0, 0));
    } else {
        load(j, s, indexed_operand(addr, s->check, 0, 0));
    }
    if (addr != s->dst) {
        asm_rm(a, MOV_LD | X_W, addr, saved(addr));
    }
    if (t2 != s->dst) {
        asm_rm(a, MOV_LD | X_W, t2, saved(t2));
    }
    if (s->check != s->dst) {
        zero(a, s->check);
    }
    asm_jmp(a, s->back + a->exec);
    asm_patch32(miss, a->p);
    asm_rm(a, MOV_ST | X_W, addr, mem_operand(RSP, FRAME_ADDR));
    asm_rm(a, MOV_LD | X_W, addr, saved(addr));
    asm_rm(a, MOV_LD | X_W, t2, saved(t2));
}
