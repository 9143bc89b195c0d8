/* SPDX-License-Identifier: MIT */
/*
 * Register allocation of the x86-64 back end: one pass forward, together with emission. See jit.h for
 * where values may live. An emitter first gets its inputs (regs_use), then its output registers
 * (regs_def), then emits; regs_end_op() does the rest. Registers once handed out stay readable until the
 * emitter itself overwrites them, also when their value has been moved elsewhere.
 */
#include "tcg/x86_64/jit.h"
#include <assert.h>
#include <string.h>

#define NEXT_USE_WINDOW 24 /* operations looked ahead when something must be evicted */

#ifdef CONFIG_DEBUG_TCG
bool tcg_x86_64_random_alloc = true;
#else
bool tcg_x86_64_random_alloc;
#endif
uint32_t tcg_x86_64_random_seed = 1;

/* ---- Values and registers ---- */

static uint32_t bit(int r) { return 1u << r; }
static bool is_global(const Jit *j, IRVal v) { return v < j->f->nglobals; }
int regs_pin_of(const Jit *j, IRVal v) { return is_global(j, v) ? host.pin[v] : NOREG; }
static bool is_vec(IRType t) { return t >= IR_V128; }

void regs_set_dirty(Jit *j, IRVal v, bool dirty)
{
    j->loc[v].dirty = dirty;
    if (is_global(j, v)) {
        uint64_t m = 1ull << v % 64;
        j->dirty_globals[v / 64] = dirty ? j->dirty_globals[v / 64] | m : j->dirty_globals[v / 64] & ~m;
    }
}

void regs_set_constant(Jit *j, IRVal v, IRVal c)
{
    j->loc[v].constant = c;
    if (is_global(j, v)) {
        uint64_t m = 1ull << v % 64;
        j->known_globals[v / 64] = c != IR_NONE ? j->known_globals[v / 64] | m : j->known_globals[v / 64] & ~m;
    }
}

void regs_bind(Jit *j, int r, IRVal v)
{
    HostReg *h = &j->reg[r];

    assert(h->n < SHARE_MAX);
    h->vals[h->n++] = v;
    j->loc[v].reg = (int8_t)r;
}

void regs_unbind(Jit *j, IRVal v)
{
    HostReg *h;
    unsigned i = 0;

    if (j->loc[v].reg == NOREG) {
        return;
    }
    h = &j->reg[j->loc[v].reg];
    while (h->vals[i] != v) {
        i++;
    }
    h->vals[i] = h->vals[--h->n];
    j->loc[v].reg = NOREG;
}

static bool dies_here(const Jit *j, IRVal v)
{
    for (unsigned n = 0; n < ir_op_info[j->op->opc].ins && n < HELPER_MAX_ARGS; n++) {
        if (j->op->in[n] == v && regs_dies(j, n)) {
            return true;
        }
    }
    return false;
}

/* ---- Homes ---- */

static unsigned slot_units(IRType t) { return t == IR_V256 ? 4 : t == IR_V128 ? 2 : 1; }

static uint16_t slot_alloc(Jit *j, unsigned units)
{
    uint64_t run = (1ull << units) - 1;

    for (unsigned w = 0; w < ARRAY_SIZE(j->slots_used); w++) {
        for (unsigned i = 0; ~j->slots_used[w] && i < 64; i += units) {
            if (!(j->slots_used[w] & run << i)) {
                j->slots_used[w] |= run << i;
                return (uint16_t)(w * 64 + i + 1);
            }
        }
    }
    j->f->overflow = true;
    return 1;
}

static void slot_free(Jit *j, IRVal v)
{
    unsigned slot = j->loc[v].slot;

    if (slot && !j->f->vals[v].crosses_bb) {
        uint64_t run = (1ull << slot_units(j->f->vals[v].type)) - 1;
        j->slots_used[(slot - 1) / 64] &= ~(run << (slot - 1) % 64);
        j->loc[v].slot = 0;
    }
}

Operand regs_home(Jit *j, IRVal v)
{
    ValLoc *l = &j->loc[v];

    if (is_global(j, v)) {
        return env_operand(j->f->vals[v].offset);
    }
    if (!l->slot) {
        l->slot = slot_alloc(j, slot_units(j->f->vals[v].type));
    }
    return mem_operand(RSP, FRAME_SPILL + (l->slot - 1) * 8);
}

static bool fits32(uint64_t v) { return (int64_t)v == (int32_t)v; }

/* Constants go to memory without a register: as one store, or as two halves. */
static void store_constant(Asm *a, IRType t, Operand mem, uint64_t value)
{
    if (t == IR_I32 || fits32(value)) {
        asm_store_imm(a, t == IR_I32 ? 4 : 8, mem, (int32_t)value);
        return;
    }
    asm_store_imm(a, 4, mem, (int32_t)value);
    mem.disp += 4;
    asm_store_imm(a, 4, mem, (int32_t)(value >> 32));
}

void regs_store(Jit *j, IRVal v, Operand mem, int r)
{
    IRType t = j->f->vals[v].type;

    if (is_vec(t)) {
        vec_st(&j->a, t, r, mem);
    } else {
        asm_rm(&j->a, MOV_ST | X_SIZE(t == IR_I64), r, mem);
    }
}

/* Brings v's home up to date; v stays where it is. */
void regs_write_home(Jit *j, IRVal v)
{
    ValLoc *l = &j->loc[v];

    if (!l->dirty || (l->constant != IR_NONE && !is_global(j, v))) {
        return; /* known constants are made again where they are used */
    }
    if (l->reg != NOREG) {
        regs_store(j, v, regs_home(j, v), l->reg);
    } else {
        assert(l->constant != IR_NONE);
        store_constant(&j->a, j->f->vals[v].type, regs_home(j, v), j->f->vals[l->constant].value);
    }
    regs_set_dirty(j, v, false);
}

/* By way of an integer register if one is free: hosts read slowly what was just written to memory in halves. */
static void load_vec_constant(Jit *j, int r, uint64_t value)
{
    Operand scratch = mem_operand(RSP, FRAME_VALUE);
    uint32_t free = regs_empty(j, host.free_gp & ~j->locked);

    if (value == 0) {
        vec_zero(&j->a, r);
    } else if (free) {
        asm_mov_imm(&j->a, __builtin_ctz(free), value);
        vec_op(&j->a, MOVD_LD | X_W, r, 0, reg_operand(__builtin_ctz(free)));
    } else {
        store_constant(&j->a, IR_I64, scratch, value);
        vec_op(&j->a, MOVQ_LD, r, 0, scratch);
    }
}

void regs_load(Jit *j, int r, IRVal v)
{
    IRType t = j->f->vals[v].type;
    uint64_t value;

    if (j->loc[v].reg != NOREG) {
        if (is_vec(t)) {
            vec_mov(&j->a, t, r, j->loc[v].reg);
        } else {
            asm_mov(&j->a, true, r, j->loc[v].reg);
        }
    } else if (regs_constant(j, v, &value)) {
        if (is_vec(t)) {
            load_vec_constant(j, r, value);
        } else {
            asm_mov_imm(&j->a, r, value);
        }
    } else if (is_vec(t)) {
        vec_ld(&j->a, t, r, regs_home(j, v));
    } else {
        asm_rm(&j->a, MOV_LD | X_SIZE(t == IR_I64), r, regs_home(j, v));
    }
}

bool regs_constant(const Jit *j, IRVal v, uint64_t *value)
{
    if (j->f->vals[v].kind == IRK_CONST) {
        *value = j->f->vals[v].value;
    } else if (j->loc[v].constant != IR_NONE) {
        *value = j->f->vals[j->loc[v].constant].value;
    } else {
        return false;
    }
    return true;
}

ValPlace regs_place(Jit *j, IRVal v)
{
    ValPlace p = { .reg = j->loc[v].reg, .wide = j->f->vals[v].type == IR_I64 };

    if (p.reg == NOREG && !(p.constant = regs_constant(j, v, &p.value))) {
        p.mem = regs_home(j, v);
    }
    return p;
}

bool regs_imm32(const Jit *j, IRVal v, bool w, int32_t *imm)
{
    uint64_t value;

    if (!regs_constant(j, v, &value) || (w && !fits32(value))) {
        return false;
    }
    *imm = (int32_t)value;
    return true;
}

/* ---- Choosing registers ---- */

static uint32_t next_random(Jit *j)
{
    j->random ^= j->random << 13;
    j->random ^= j->random >> 17;
    j->random ^= j->random << 5;
    return j->random;
}

/* One of the set: the first, or any in builds that try them all. */
static int pick(Jit *j, uint32_t set)
{
    if (tcg_x86_64_random_alloc) {
        for (unsigned skip = next_random(j) % (unsigned)__builtin_popcount(set); skip; skip--) {
            set &= set - 1;
        }
    }
    return __builtin_ctz(set);
}

uint32_t regs_empty(const Jit *j, uint32_t mask)
{
    uint32_t set = 0;

    for (uint32_t m = mask; m; m &= m - 1) {
        set |= j->reg[__builtin_ctz(m)].n == 0 ? m & -m : 0;
    }
    return set;
}

static uint32_t clean_registers(const Jit *j, uint32_t mask)
{
    uint32_t set = 0;

    for (uint32_t m = mask; m; m &= m - 1) {
        const HostReg *h = &j->reg[__builtin_ctz(m)];
        bool dirty = false;
        for (unsigned i = 0; i < h->n; i++) {
            dirty |= j->loc[h->vals[i]].dirty;
        }
        set |= dirty ? 0 : m & -m;
    }
    return set;
}

/* Of mask, the registers whose values are used last from here on. */
static uint32_t used_last(const Jit *j, uint32_t mask)
{
    const IROp *end = j->f->ops + j->f->nops;

    for (const IROp *op = j->next; op < end && op < j->next + NEXT_USE_WINDOW; op++) {
        const IROpInfo *info = &ir_op_info[op->opc];
        for (unsigned n = 0; n < info->ins && n < HELPER_MAX_ARGS; n++) {
            int r = op->in[n] == IR_NONE ? NOREG : j->loc[op->in[n]].reg;
            uint32_t rest = r == NOREG ? mask : mask & ~bit(r);
            if (rest == 0) {
                return mask;
            }
            mask = rest;
        }
        if (info->flags & IRF_BB_END || op->opc == IR_CALL) {
            break;
        }
    }
    return mask;
}

static void evict(Jit *j, int r)
{
    HostReg *h = &j->reg[r];

    while (h->n) {
        IRVal v = h->vals[0];
        regs_write_home(j, v);
        regs_unbind(j, v);
    }
}

/* A free register, of `wish` if possible. */
static int alloc_near(Jit *j, uint32_t mask, uint32_t wish)
{
    uint32_t set, clean;
    int r;

    mask &= (host.free_gp | ALL_XMM) & ~j->locked;
    assert(mask);
    set = regs_empty(j, mask);
    if (set & wish) {
        set &= wish;
    } else if (set & ~j->head_registers) {
        set &= ~j->head_registers;
    }
    if (!set) {
        set = used_last(j, mask);
        clean = clean_registers(j, set);
        set = clean ? clean : set;
    }
    r = pick(j, set);
    evict(j, r);
    j->locked |= bit(r);
    return r;
}

int regs_alloc(Jit *j, uint32_t mask)
{
    return alloc_near(j, mask, 0);
}

/* Where v is at the head of the loop. */
static uint32_t wish_of(const Jit *j, IRVal v)
{
    return j->head_registers && j->hint[v] ? bit(j->hint[v] - 1) : 0;
}

/* Register r is about to be overwritten: values that are needed later go elsewhere. */
static void evacuate(Jit *j, int r)
{
    HostReg held = j->reg[r];

    for (unsigned i = 0; i < held.n; i++) {
        IRVal v = held.vals[i];
        uint32_t set;
        if (regs_pin_of(j, v) == r || dies_here(j, v)) {
            continue;
        }
        set = regs_empty(j, (r >= XMM0 ? ALL_XMM : host.free_gp) & ~j->locked & ~bit(r));
        if (!j->loc[v].dirty || is_global(j, v) || !set) {
            regs_write_home(j, v);
            regs_unbind(j, v);
        } else {
            int to = pick(j, set);
            regs_load(j, to, v);
            regs_unbind(j, v);
            regs_bind(j, to, v);
        }
    }
}

void regs_take(Jit *j, int r)
{
    j->locked |= bit(r);
    evacuate(j, r);
}

/* ---- Inputs ---- */

int regs_use(Jit *j, IRVal v, uint32_t mask)
{
    ValLoc *l = &j->loc[v];
    int r;

    if (l->reg != NOREG && mask & bit(l->reg)) {
        j->locked |= bit(l->reg);
        return l->reg;
    }
    r = alloc_near(j, mask, wish_of(j, v));
    regs_load(j, r, v);
    if (regs_pin_of(j, v) == NOREG) {
        regs_unbind(j, v);
        regs_bind(j, r, v);
    }
    return r;
}

Operand regs_use_rm(Jit *j, IRVal v)
{
    uint32_t all = is_vec(j->f->vals[v].type) ? ALL_XMM : ALL_GP;
    uint64_t value;

    if (j->loc[v].reg == NOREG && !regs_constant(j, v, &value)) {
        uint32_t free = all & (host.free_gp | ALL_XMM) & ~j->locked;
        if (dies_here(j, v) || !regs_empty(j, free)) {
            return regs_home(j, v);
        }
    }
    return reg_operand(regs_use(j, v, all));
}

/* ---- Outputs ---- */

static bool may_reuse(const Jit *j, int r, IRVal out)
{
    const HostReg *h = &j->reg[r];

    if (!((host.free_gp | ALL_XMM) & bit(r))) {
        return false;
    }
    for (unsigned i = 0; i < h->n; i++) {
        IRVal v = h->vals[i];
        if (v != out && j->f->vals[v].kind != IRK_CONST && !dies_here(j, v)) {
            return false;
        }
    }
    return true;
}

int regs_def(Jit *j, unsigned n, int reuse, uint32_t avoid)
{
    IRVal v = j->op->out[n];
    bool vec = is_vec(ir_out_type(j->f, j->op, n));
    int r = regs_pin_of(j, v);

    if (r != NOREG && !(avoid & bit(r))) {
        regs_take(j, r);
    } else if (reuse != NOREG && !(avoid & bit(reuse)) && may_reuse(j, reuse, v)) {
        r = reuse;
        while (j->reg[r].n) {
            regs_unbind(j, j->reg[r].vals[0]);
        }
    } else {
        r = alloc_near(j, (vec ? ALL_XMM : ALL_GP) & ~avoid, wish_of(j, v));
    }
    j->outreg[n] = (int8_t)r;
    return r;
}

/* v has no value any more. */
void regs_bury(Jit *j, IRVal v)
{
    if (regs_pin_of(j, v) != NOREG) {
        return;
    }
    regs_unbind(j, v);
    regs_set_dirty(j, v, false);
    regs_set_constant(j, v, IR_NONE);
    if (!is_global(j, v)) {
        slot_free(j, v);
    }
}

/* v's new value is in r, which holds nothing else that matters. */
static void assign(Jit *j, IRVal v, int r)
{
    int pin = regs_pin_of(j, v);

    if (pin != NOREG) {
        if (pin != r) {
            evacuate(j, pin);
            asm_mov(&j->a, true, pin, r);
        }
        return;
    }
    regs_unbind(j, v);
    assert(j->reg[r].n == 0);
    regs_bind(j, r, v);
    regs_set_constant(j, v, IR_NONE);
    regs_set_dirty(j, v, true);
}

void regs_begin_op(Jit *j, const IROp *op)
{
    j->op = op;
    j->next = op + 1;
    j->locked = 0;
    j->outreg[0] = j->outreg[1] = NOREG;
}

void regs_end_op(Jit *j)
{
    const IROp *op = j->op;
    const IROpInfo *info = &ir_op_info[op->opc];

    for (unsigned n = 0; n < info->ins && n < HELPER_MAX_ARGS; n++) {
        bool moved_to_itself = op->in[n] == op->out[0] && j->outreg[0] == NOREG;
        if (op->in[n] != IR_NONE && regs_dies(j, n) && !moved_to_itself) {
            regs_bury(j, op->in[n]);
        }
    }
    for (unsigned n = 0; n < info->outs; n++) {
        if (op->out[n] == IR_NONE || j->outreg[n] == NOREG) {
            continue;
        }
        if (op->life & IR_UNREAD(n)) {
            regs_bury(j, op->out[n]);
        } else {
            assign(j, op->out[n], j->outreg[n]);
        }
    }
}

/* ---- Moves ---- */

static void mov_to_pinned(Jit *j, int pin, IRVal in, bool narrow)
{
    uint64_t value;
    int r = j->loc[in].reg;

    if (r == pin && !narrow) {
        return;
    }
    j->locked |= bit(pin);
    evacuate(j, pin);
    if (r != NOREG) {
        asm_mov(&j->a, !narrow && j->f->vals[in].type == IR_I64, pin, r);
    } else if (regs_constant(j, in, &value)) {
        value = narrow ? (uint32_t)value : value;
        if (value == 0) {
            asm_rr(&j->a, ALU_LD(ALU_XOR), pin, pin);
        } else {
            asm_mov_imm(&j->a, pin, value);
        }
    } else {
        asm_rm(&j->a, MOV_LD | X_SIZE(!narrow && j->f->vals[in].type == IR_I64), pin, regs_home(j, in));
        if (!narrow && !dies_here(j, in)) {
            regs_bind(j, pin, in);
        }
    }
}

/* An unpinned value becomes a known constant; temps that cross labels need a place. */
static void mov_constant(Jit *j, IRVal out, IRVal constant)
{
    regs_unbind(j, out);
    if (j->f->vals[out].crosses_bb || is_vec(j->f->vals[out].type)) {
        int r = regs_alloc(j, is_vec(j->f->vals[out].type) ? ALL_XMM : ALL_GP);
        regs_load(j, r, constant);
        regs_result(j, 0, r);
        return;
    }
    regs_set_constant(j, out, constant);
    regs_set_dirty(j, out, true);
}

void regs_mov(Jit *j, bool truncate)
{
    IRVal out = j->op->out[0], in = j->op->in[0];
    bool narrow = truncate && j->f->vals[in].type == IR_I64;
    bool vec = is_vec(j->f->vals[in].type);
    int r;

    if (out == in && !narrow) {
        return;
    }
    if (regs_pin_of(j, out) != NOREG) {
        mov_to_pinned(j, regs_pin_of(j, out), in, narrow);
        return;
    }
    if (j->f->vals[in].kind == IRK_CONST && !narrow) {
        mov_constant(j, out, in);
        return;
    }
    r = regs_use(j, in, vec ? ALL_XMM : ALL_GP);
    if (narrow || j->reg[r].n == SHARE_MAX) {
        int d = regs_def(j, 0, r, 0);
        if (vec) {
            vec_mov(&j->a, j->f->vals[in].type, d, r);
        } else {
            asm_mov(&j->a, !narrow, d, r);
        }
        return;
    }
    regs_unbind(j, out);
    regs_bind(j, r, out);
    regs_set_constant(j, out, IR_NONE);
    regs_set_dirty(j, out, true);
}

void regs_discard(Jit *j, IRVal global)
{
    regs_bury(j, global);
}

/* ---- Ends of blocks, calls ---- */

void regs_sync_globals(Jit *j)
{
    for (unsigned w = 0; w < ARRAY_SIZE(j->dirty_globals); w++) {
        while (j->dirty_globals[w]) {
            regs_write_home(j, (IRVal)(w * 64 + (unsigned)__builtin_ctzll(j->dirty_globals[w])));
        }
    }
}

void regs_sync_block(Jit *j)
{
    regs_sync_globals(j);
    for (int r = 0; r < HOST_REGS; r++) {
        for (unsigned i = 0; i < j->reg[r].n; i++) {
            IRVal v = j->reg[r].vals[i];
            if (j->f->vals[v].crosses_bb) {
                regs_write_home(j, v);
            }
        }
    }
}

static void forget_known_globals(Jit *j)
{
    for (unsigned w = 0; w < ARRAY_SIZE(j->known_globals); w++) {
        while (j->known_globals[w]) {
            regs_set_constant(j, (IRVal)(w * 64 + (unsigned)__builtin_ctzll(j->known_globals[w])), IR_NONE);
        }
    }
}

void regs_forget(Jit *j)
{
    for (int r = 0; r < HOST_REGS; r++) {
        for (unsigned i = j->reg[r].n; i-- > 0;) {
            IRVal v = j->reg[r].vals[i];
            if (regs_pin_of(j, v) != r) {
                regs_unbind(j, v);
                j->loc[v].dirty = false;
            }
        }
    }
    for (unsigned w = 0; w < ARRAY_SIZE(j->dirty_globals); w++) {
        for (; j->dirty_globals[w]; j->dirty_globals[w] &= j->dirty_globals[w] - 1) {
            j->loc[w * 64 + (unsigned)__builtin_ctzll(j->dirty_globals[w])].dirty = false;
        }
    }
    forget_known_globals(j);
}

void regs_forget_globals(Jit *j)
{
    for (int r = 0; r < HOST_REGS; r++) {
        for (unsigned i = j->reg[r].n; i-- > 0;) {
            IRVal v = j->reg[r].vals[i];
            if (is_global(j, v) && regs_pin_of(j, v) == NOREG) {
                regs_unbind(j, v);
            }
        }
    }
    forget_known_globals(j);
}

void regs_leave_pinned(Jit *j)
{
    for (uint32_t m = host.pinned_mask; m; m &= m - 1) {
        evacuate(j, __builtin_ctz(m));
    }
}

void regs_save_across_call(Jit *j)
{
    for (uint32_t m = host.call_clobbers & ~host.pinned_mask; m; m &= m - 1) {
        const HostReg *h = &j->reg[__builtin_ctz(m)];
        for (unsigned i = 0; i < h->n; i++) {
            if (!dies_here(j, h->vals[i])) {
                regs_write_home(j, h->vals[i]);
            }
        }
    }
}

void regs_drop_clobbered(Jit *j)
{
    for (uint32_t m = host.call_clobbers & ~host.pinned_mask; m; m &= m - 1) {
        HostReg *h = &j->reg[__builtin_ctz(m)];
        while (h->n) {
            regs_unbind(j, h->vals[0]);
        }
    }
}

void regs_collect_dirty(Jit *j, SlowPath *s)
{
    s->sync = j->nsync;
    s->nsync = 0;
    for (unsigned w = 0; w < ARRAY_SIZE(j->dirty_globals); w++) {
        for (uint64_t m = j->dirty_globals[w]; m; m &= m - 1) {
            IRVal v = (IRVal)(w * 64 + (unsigned)__builtin_ctzll(m));
            if (j->nsync == SYNC_MAX) {
                j->f->overflow = true;
                return;
            }
            j->sync[j->nsync++] = (SyncItem){ v, j->loc[v].reg == NOREG ? j->loc[v].constant : IR_NONE,
                                              j->loc[v].reg };
            s->nsync++;
        }
    }
}

void regs_write_sync_item(Jit *j, const SyncItem *item)
{
    Operand home = env_operand(j->f->vals[item->global].offset);

    if (item->constant != IR_NONE) {
        store_constant(&j->a, j->f->vals[item->global].type, home, j->f->vals[item->constant].value);
    } else {
        regs_store(j, item->global, home, item->reg);
    }
}

void regs_begin(Jit *j)
{
    memset(j->reg, 0, sizeof(j->reg));
    memset(j->slots_used, 0, sizeof(j->slots_used));
    memset(j->dirty_globals, 0, sizeof(j->dirty_globals));
    memset(j->known_globals, 0, sizeof(j->known_globals));
    for (unsigned v = 0; v < j->f->nglobals; v++) {
        j->loc[v] = (ValLoc){ .reg = NOREG, .constant = IR_NONE };
    }
    for (unsigned v = j->f->nglobals; v < j->f->nvals; v++) {
        const IRValInfo *info = &j->f->vals[v];
        j->loc[v] = (ValLoc){ .reg = NOREG, .constant = IR_NONE };
        if (info->kind == IRK_TEMP && info->crosses_bb) {
            /* Theirs alone: in a loop it may be live in code before its first appearance. */
            j->loc[v].slot = slot_alloc(j, slot_units(info->type));
        }
    }
    for (uint32_t m = host.pinned_mask; m; m &= m - 1) {
        int r = __builtin_ctz(m);
        regs_bind(j, r, host.pinned_val[r]);
    }
    j->random = tcg_x86_64_random_seed++ | 1;
}
