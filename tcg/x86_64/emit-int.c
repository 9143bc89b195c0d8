/* SPDX-License-Identifier: MIT */
/*
 * Integer operations of the x86-64 back end: two-operand instructions work in place where the first
 * input dies, on pinned registers directly, and on memory operands that are read once.
 */
#include "tcg/x86_64/jit.h"

static bool is_wide(const Jit *j) { return j->op->type == IR_I64; }
static uint32_t reg_bit(Operand rm) { return rm.reg >= 0 ? 1u << rm.reg : 0; }

static int out_pin(const Jit *j)
{
    IRVal v = j->op->out[0];
    return v < j->f->nglobals ? host.pin[v] : NOREG;
}

/* Keeps v's register, if it has one, until the operation ends. */
static void hold(Jit *j, IRVal v)
{
    if (j->loc[v].reg != NOREG) {
        j->locked |= 1u << j->loc[v].reg;
    }
}

/* The output register, holding a copy of a already, and none of `avoid`. */
static int def_copy(Jit *j, IRVal a, uint32_t avoid)
{
    bool dies = false;
    int r = j->loc[a].reg, d;

    for (unsigned n = 0; n < ir_op_info[j->op->opc].ins; n++) {
        dies |= j->op->in[n] == a && regs_dies(j, n);
    }
    if (r == NOREG && (dies || j->f->vals[a].kind == IRK_CONST)) {
        d = regs_def(j, 0, NOREG, avoid);
        regs_load(j, d, a);
        return d;
    }
    r = regs_use(j, a, ALL_GP);
    d = regs_def(j, 0, r, avoid);
    asm_mov(&j->a, true, d, r);
    return d;
}

/* narrow: only the low half of the input counts, whatever the type of the result */
void x64_mov(Jit *j, unsigned narrow)
{
    regs_mov(j, narrow || j->op->type == IR_I32);
}

/* ---- Two-operand arithmetic ---- */

static void alu_with_imm(Jit *j, unsigned alu, IRVal a, int32_t imm)
{
    bool w = is_wide(j), sum = (alu == ALU_ADD || alu == ALU_SUB) && imm != INT32_MIN;
    int r, d;

    if (!sum || j->loc[a].reg == NOREG) {
        d = def_copy(j, a, 0);
        asm_alu_imm(&j->a, alu, w, reg_operand(d), imm);
        return;
    }
    r = regs_use(j, a, ALL_GP);
    d = regs_def(j, 0, r, 0);
    if (d == r) {
        asm_alu_imm(&j->a, alu, w, reg_operand(d), imm);
    } else {
        asm_rm(&j->a, LEA | X_SIZE(w), d, mem_operand(r, alu == ALU_ADD ? imm : -imm));
    }
}

/* True when the result had better replace b than a. */
static bool prefer_second(Jit *j, IRVal a, Operand b)
{
    if (b.reg < 0 || j->loc[a].reg == b.reg) {
        return false;
    }
    if (out_pin(j) != NOREG) {
        return out_pin(j) == b.reg;
    }
    return regs_dies(j, 1) && !regs_dies(j, 0) && j->op->in[0] == a && (host.free_gp >> b.reg & 1);
}

/* out = a op b, where b may be in memory. */
static void two_operands(Jit *j, unsigned opcode, IRVal a, IRVal b, bool commutes)
{
    unsigned size = X_SIZE(is_wide(j));
    Operand rm;
    int d, r;

    hold(j, a);
    rm = regs_use_rm(j, b);
    if (commutes && prefer_second(j, a, rm)) {
        Operand other = regs_use_rm(j, a);
        d = regs_def(j, 0, rm.reg, reg_bit(other));
        asm_mov(&j->a, true, d, rm.reg);
        asm_rm(&j->a, opcode | size, d, other);
        return;
    }
    r = j->loc[a].reg;
    if (opcode == ALU_LD(ALU_ADD) && rm.reg >= 0 && r != NOREG) {
        d = regs_def(j, 0, r, 0);
        if (d != r && d != rm.reg) {
            asm_rm(&j->a, LEA | size, d, indexed_operand(r, rm.reg, 0, 0));
        } else {
            asm_rr(&j->a, opcode | size, d, d == r ? rm.reg : r);
        }
        return;
    }
    d = def_copy(j, a, j->op->in[0] == j->op->in[1] ? 0 : reg_bit(rm));
    asm_rm(&j->a, opcode | size, d, rm);
}

/* out = a - out, without a third register. */
static void subtract_in_place(Jit *j, Operand a)
{
    int d = regs_def(j, 0, NOREG, 0);

    asm_rr(&j->a, GROUP3 | X_SIZE(is_wide(j)), G3_NEG, d);
    asm_rm(&j->a, ALU_LD(ALU_ADD) | X_SIZE(is_wide(j)), d, a);
}

/* ---- Addresses: chains of additions become one LEA ---- */

typedef struct Sum {
    IRVal base, index; /* or IR_NONE */
    unsigned scale;
    int32_t disp;
    bool base_dies, index_dies;
} Sum;

static bool sum_add_constant(Sum *s, int32_t value)
{
    int32_t disp;

    if (__builtin_add_overflow(s->disp, value, &disp)) {
        return false;
    }
    s->disp = disp;
    return true;
}

static bool sum_add_value(Sum *s, IRVal v, bool dies)
{
    if (s->base == IR_NONE) {
        s->base = v;
        s->base_dies = dies;
    } else if (s->index == IR_NONE) {
        s->index = v;
        s->index_dies = dies;
    } else {
        return false;
    }
    return true;
}

/* op as the start of a sum: a + b, or a shifted by the scale of an index. */
static bool sum_begin(Jit *j, Sum *s, const IROp *op)
{
    int32_t imm;
    bool constant = regs_imm32(j, op->in[1], is_wide(j), &imm);

    *s = (Sum){ .base = IR_NONE, .index = IR_NONE };
    if (op->opc == IR_SHL) {
        s->scale = constant && imm >= 1 && imm <= 3 ? (unsigned)imm : 0;
        s->index = op->in[0];
        s->index_dies = op->life & IR_DIES(0);
        return s->scale != 0;
    }
    sum_add_value(s, op->in[0], op->life & IR_DIES(0));
    return constant ? sum_add_constant(s, imm) : sum_add_value(s, op->in[1], op->life & IR_DIES(1));
}

/* Joins the next operation when it adds something to the sum and nobody else reads the sum. */
static bool sum_extend(Jit *j, Sum *s, const IROp *op, const IROp *next)
{
    IRVal t = op->out[0];
    unsigned n = next->in[0] == t ? 0 : 1;
    int32_t imm;

    if (next->opc != IR_ADD || next->type != op->type || next->in[n] != t || next->in[!n] == t ||
        !(next->life & IR_DIES(n)) || t < j->f->nglobals) {
        return false;
    }
    if (regs_imm32(j, next->in[!n], is_wide(j), &imm)) {
        return sum_add_constant(s, imm);
    }
    return sum_add_value(s, next->in[!n], next->life & IR_DIES(!n));
}

/* The whole chain that starts at j->op in one instruction; false when it is alone. */
static bool emit_sum(Jit *j)
{
    const IROp *op = j->op, *end = j->f->ops + j->f->nops, *last = op;
    int base = NOREG, index = NOREG, d;
    Sum s;

    if (!sum_begin(j, &s, op)) {
        return false;
    }
    while (last + 1 < end && sum_extend(j, &s, last, last + 1)) {
        if (last->out[0] != s.base && last->out[0] != s.index) { /* else it dies as an input */
            regs_discard(j, last->out[0]);
        }
        last++;
    }
    if (last == op) {
        return false;
    }
    j->joined = (IROp){
        .opc = IR_ADD, .type = op->type, .out = { last->out[0], IR_NONE }, .in = { s.base, s.index },
        .life = (last->life & IR_UNREAD(0)) | (s.base_dies ? IR_DIES(0) : 0) | (s.index_dies ? IR_DIES(1) : 0),
    };
    j->op = &j->joined;
    j->next = last + 1;
    if (s.base != IR_NONE) {
        base = regs_use(j, s.base, ALL_GP);
    }
    if (s.index != IR_NONE) {
        index = regs_use(j, s.index, ALL_GP);
    }
    d = regs_def(j, 0, base != NOREG ? base : index, 0);
    asm_rm(&j->a, LEA | X_SIZE(is_wide(j)), d, indexed_operand(base, index, s.scale, s.disp));
    return true;
}

void x64_alu(Jit *j, unsigned alu)
{
    IRVal a = j->op->in[0], b = j->op->in[1];
    uint64_t value;
    int32_t imm;

    if (alu == ALU_ADD && emit_sum(j)) {
        return;
    }
    if (alu != ALU_SUB && regs_constant(j, a, &value)) {
        a = j->op->in[1];
        b = j->op->in[0];
    }
    if (regs_imm32(j, b, is_wide(j), &imm)) {
        alu_with_imm(j, alu, a, imm);
    } else if (alu == ALU_SUB && out_pin(j) != NOREG && j->loc[b].reg == out_pin(j) &&
               j->loc[a].reg != out_pin(j)) {
        subtract_in_place(j, regs_use_rm(j, a));
    } else {
        two_operands(j, ALU_LD(alu), a, b, alu != ALU_SUB);
    }
}

void x64_mul(Jit *j, unsigned arg)
{
    IRVal a = j->op->in[0], b = j->op->in[1];
    int32_t imm;
    Operand rm;
    int d;

    (void)arg;
    if (!regs_imm32(j, b, is_wide(j), &imm)) {
        two_operands(j, IMUL, a, b, true);
        return;
    }
    rm = regs_use_rm(j, a);
    d = regs_def(j, 0, rm.reg, 0);
    asm_rm(&j->a, (imm == (int8_t)imm ? IMUL_IMM8 : IMUL_IMM32) | X_SIZE(is_wide(j)), d, rm);
    if (imm == (int8_t)imm) {
        asm_byte(&j->a, (uint8_t)imm);
    } else {
        asm_u32(&j->a, (uint32_t)imm);
    }
}

/* NEG, NOT */
void x64_group3(Jit *j, unsigned digit)
{
    int d = def_copy(j, j->op->in[0], 0);
    asm_rr(&j->a, GROUP3 | X_SIZE(is_wide(j)), (int)digit, d);
}

/* One instruction: register <- register or memory. */
void x64_unary(Jit *j, unsigned opcode)
{
    Operand rm = regs_use_rm(j, j->op->in[0]);
    int d = regs_def(j, 0, rm.reg, 0);
    asm_rm(&j->a, opcode | X_SIZE(is_wide(j)), d, rm);
}

void x64_andc(Jit *j, unsigned arg)
{
    bool w = is_wide(j);
    uint64_t value;
    Operand rm;
    int b, d;

    (void)arg;
    if (regs_constant(j, j->op->in[1], &value) && (!w || (int64_t)~value == (int32_t)~value)) {
        alu_with_imm(j, ALU_AND, j->op->in[0], (int32_t)~value);
        return;
    }
    hold(j, j->op->in[0]);
    b = regs_use(j, j->op->in[1], ALL_GP);
    rm = regs_use_rm(j, j->op->in[0]);
    if (host.bmi1) {
        d = regs_def(j, 0, rm.reg, 0);
        asm_vex(&j->a, ANDN | X_SIZE(w), d, b, rm);
        return;
    }
    d = regs_def(j, 0, NOREG, reg_bit(rm));
    asm_mov(&j->a, true, d, b);
    asm_rr(&j->a, GROUP3 | X_SIZE(w), G3_NOT, d);
    asm_rm(&j->a, ALU_LD(ALU_AND) | X_SIZE(w), d, rm);
}

/* ---- Shifts and rotates ---- */

static void shift_by_constant(Jit *j, unsigned digit, unsigned count)
{
    bool w = is_wide(j);
    unsigned width = w ? 64 : 32;
    int d;

    count &= width - 1;
    if (digit <= SHIFT_ROR && host.bmi2 && count) {
        Operand rm = regs_use_rm(j, j->op->in[0]);
        d = regs_def(j, 0, rm.reg, 0);
        if (d != rm.reg) {
            asm_vex(&j->a, RORX | X_SIZE(w), d, 0, rm);
            asm_byte(&j->a, digit == SHIFT_ROL ? width - count : count);
            return;
        }
    } else {
        d = def_copy(j, j->op->in[0], 0);
    }
    if (count == 0) {
        asm_mov(&j->a, w, d, d);
    }
    asm_shift_imm(&j->a, digit, w, d, count);
}

/* BMI2: three operands, any registers. */
static void shift_by_register(Jit *j, unsigned opcode)
{
    int b = regs_use(j, j->op->in[1], ALL_GP);
    Operand rm = regs_use_rm(j, j->op->in[0]);
    int d = regs_def(j, 0, rm.reg, 0);

    asm_vex(&j->a, opcode | X_SIZE(is_wide(j)), d, b, rm);
}

static void shift_by_cl(Jit *j, unsigned digit)
{
    IRVal a = j->op->in[0], b = j->op->in[1];
    bool in_rcx = j->loc[b].reg == RCX;
    int d;

    if (j->loc[a].reg != NOREG) {
        regs_use(j, a, ALL_GP & ~(1u << RCX));
    }
    regs_take(j, RCX);
    if (!in_rcx) {
        regs_load(j, RCX, b);
    }
    d = def_copy(j, a, 1u << RCX);
    asm_rr(&j->a, SHIFT_CL | X_SIZE(is_wide(j)), (int)digit, d);
}

void x64_shift(Jit *j, unsigned digit)
{
    static const uint32_t three_operands[8] = { [SHIFT_SHL] = SHLX, [SHIFT_SHR] = SHRX, [SHIFT_SAR] = SARX };
    uint64_t count;

    if (digit == SHIFT_SHL && emit_sum(j)) {
        return;
    }
    if (regs_constant(j, j->op->in[1], &count)) {
        shift_by_constant(j, digit, (unsigned)count);
    } else if (host.bmi2 && three_operands[digit]) {
        shift_by_register(j, three_operands[digit]);
    } else {
        shift_by_cl(j, digit);
    }
}

/* ---- Multiplication and division through rdx:rax ---- */

#define RAX_RDX (1u << RAX | 1u << RDX)

/* Frees rax and rdx and puts a into rax. */
static void take_rax_rdx(Jit *j, IRVal a)
{
    int r = j->loc[a].reg;

    hold(j, a);
    j->locked |= RAX_RDX;
    regs_take(j, RAX);
    regs_take(j, RDX);
    if (r == NOREG) {
        regs_load(j, RAX, a);
    } else {
        asm_mov(&j->a, true, RAX, r);
    }
}

/* arg: IR_DIVU … IR_REMS */
void x64_div(Jit *j, unsigned arg)
{
    bool is_signed = arg == IR_DIVS || arg == IR_REMS;
    unsigned size = X_SIZE(is_wide(j));
    int b = regs_use(j, j->op->in[1], ALL_GP & ~RAX_RDX);

    take_rax_rdx(j, j->op->in[0]);
    if (is_signed) {
        if (size) {
            asm_byte(&j->a, 0x48);
        }
        asm_byte(&j->a, 0x99); /* CDQ, CQO */
    } else {
        asm_rr(&j->a, ALU_LD(ALU_XOR), RDX, RDX);
    }
    asm_rr(&j->a, GROUP3 | size, is_signed ? G3_IDIV : G3_DIV, b);
    regs_result(j, 0, arg == IR_DIVU || arg == IR_DIVS ? RAX : RDX);
}

void x64_mul2(Jit *j, unsigned digit)
{
    int b = regs_use(j, j->op->in[1], ALL_GP & ~RAX_RDX);

    take_rax_rdx(j, j->op->in[0]);
    asm_rr(&j->a, GROUP3 | X_SIZE(is_wide(j)), (int)digit, b);
    regs_result(j, 0, RAX);
    regs_result(j, 1, RDX);
}

/* ---- Double-width addition ---- */

static Operand imm_or_rm(Jit *j, IRVal v, int32_t *imm, bool *immediate)
{
    *immediate = regs_imm32(j, v, is_wide(j), imm);
    return *immediate ? reg_operand(NOREG) : regs_use_rm(j, v);
}

static void alu_operand(Jit *j, unsigned alu, int d, Operand rm, int32_t imm, bool immediate)
{
    if (immediate) {
        asm_alu_imm(&j->a, alu, is_wide(j), reg_operand(d), imm);
    } else {
        asm_rm(&j->a, ALU_LD(alu) | X_SIZE(is_wide(j)), d, rm);
    }
}

/* The high half may use the register of the low input once that has been read; moves keep the carry. */
void x64_add2(Jit *j, unsigned subtract)
{
    const IROp *op = j->op;
    int32_t imm[2];
    bool immediate[2];
    Operand bl = imm_or_rm(j, op->in[2], &imm[0], &immediate[0]);
    Operand bh = imm_or_rm(j, op->in[3], &imm[1], &immediate[1]);
    uint32_t keep = reg_bit(bl) | reg_bit(bh);
    int al, ah, dl, dh;

    hold(j, op->in[0]);
    hold(j, op->in[1]);
    al = j->loc[op->in[0]].reg;
    ah = j->loc[op->in[1]].reg;
    dl = regs_def(j, 0, ah == al ? NOREG : al, keep | (ah == NOREG ? 0 : 1u << ah));
    if (al == NOREG) {
        regs_load(j, dl, op->in[0]);
    } else {
        asm_mov(&j->a, true, dl, al);
    }
    alu_operand(j, subtract ? ALU_SUB : ALU_ADD, dl, bl, imm[0], immediate[0]);
    if (al != NOREG && al != dl && al != ah && !(keep >> al & 1)) {
        j->locked &= ~(1u << al);
    }
    dh = regs_def(j, 1, ah, reg_bit(bh) | 1u << dl);
    if (ah == NOREG) {
        regs_load(j, dh, op->in[1]);
    } else {
        asm_mov(&j->a, true, dh, ah);
    }
    alu_operand(j, subtract ? ALU_SBB : ALU_ADC, dh, bh, imm[1], immediate[1]);
}

/* ---- Bit fields ---- */

static bool fits32(uint64_t v) { return (int64_t)v == (int32_t)v; }

/* A constant field: clear, then set its bits. False when the masks are no immediates. */
static bool deposit_constant(Jit *j, unsigned pos, unsigned len)
{
    bool w = is_wide(j);
    uint64_t value, mask = (len == 64 ? ~0ull : (1ull << len) - 1) << pos, keep = ~mask;
    int d;

    if (!regs_constant(j, j->op->in[1], &value)) {
        return false;
    }
    value = value << pos & mask;
    if (w && (!fits32(keep) || !fits32(value))) {
        return false;
    }
    d = def_copy(j, j->op->in[0], 0);
    if (value != (w ? mask : (uint32_t)mask)) {
        asm_alu_imm(&j->a, ALU_AND, w, reg_operand(d), (int32_t)keep);
    }
    if (value) {
        asm_alu_imm(&j->a, ALU_OR, w, reg_operand(d), (int32_t)value);
    }
    return true;
}

/* Bytes and words are written as such after rotating them to the bottom; other fields are shifted in
 * from the top by SHRD and rotated into place. */
void x64_deposit(Jit *j, unsigned arg)
{
    bool w = is_wide(j);
    unsigned pos = (unsigned)j->op->imm, len = j->op->aux, width = w ? 64 : 32;
    int b, d;

    (void)arg;
    if (len == width) { /* nothing of the base stays */
        d = def_copy(j, j->op->in[1], 0);
        asm_mov(&j->a, w, d, d);
        return;
    }
    if (deposit_constant(j, pos, len)) {
        return;
    }
    hold(j, j->op->in[0]);
    b = regs_use(j, j->op->in[1], ALL_GP);
    d = def_copy(j, j->op->in[0], 1u << b);
    if (!w && (len == 8 || len == 16) && pos == 0) {
        asm_mov(&j->a, false, d, d); /* a partial write keeps the upper half */
    }
    if (pos == 8 && len == 8 && w && d < RSP && b < RSP) {
        asm_rr(&j->a, 0x88, b, d + 4); /* AH, CH, DH, BH */
    } else if (len == 8 || len == 16) {
        asm_shift_imm(&j->a, SHIFT_ROR, w, d, pos);
        asm_rr(&j->a, len == 8 ? MOV_ST8 | X_RM8 : MOV_ST16, b, d);
        asm_shift_imm(&j->a, SHIFT_ROL, w, d, pos);
    } else {
        asm_shift_imm(&j->a, SHIFT_ROR, w, d, pos);
        asm_rr(&j->a, SHRD_IMM | X_SIZE(w), b, d);
        asm_byte(&j->a, len);
        asm_shift_imm(&j->a, SHIFT_ROL, w, d, (pos + len) % width);
    }
}

/* Zero- or sign-extending instruction for the low len bits of a register, or 0. */
static unsigned extension(unsigned len, bool is_signed, bool w)
{
    switch (len) {
    case 8: return is_signed ? MOVSX8 | X_SIZE(w) : MOVZX8;
    case 16: return is_signed ? MOVSX16 | X_SIZE(w) : MOVZX16;
    case 32: return is_signed && w ? MOVSXD : MOV_LD;
    default: return 0;
    }
}

void x64_extract(Jit *j, unsigned arg)
{
    unsigned pos = (unsigned)j->op->imm, len = j->op->aux, width = is_wide(j) ? 64 : 32;
    bool w = pos + len > 32;
    unsigned ext = extension(len, false, w);
    int r = j->loc[j->op->in[0]].reg, d;

    (void)arg;
    if (pos == 0 && ext) {
        Operand rm = regs_use_rm(j, j->op->in[0]);
        d = regs_def(j, 0, rm.reg, 0);
        asm_rm(&j->a, ext, d, rm);
        return;
    }
    if (pos == 8 && len == 8 && r != NOREG && r < RSP) {
        r = regs_use(j, j->op->in[0], ALL_GP);
        d = regs_def(j, 0, r, 0);
        if (d < R8) {
            asm_rr(&j->a, 0xb6 | X_0F, d, r + 4); /* AH, CH, DH, BH */
            return;
        }
        asm_mov(&j->a, true, d, r);
    } else {
        d = def_copy(j, j->op->in[0], 0);
    }
    if (pos + len == width || pos + len == 32) {
        asm_shift_imm(&j->a, SHIFT_SHR, w, d, pos);
        return;
    }
    if (len > 31 && !ext) {
        asm_shift_imm(&j->a, SHIFT_SHL, true, d, 64 - pos - len);
        asm_shift_imm(&j->a, SHIFT_SHR, true, d, 64 - len);
        return;
    }
    asm_shift_imm(&j->a, SHIFT_SHR, w, d, pos);
    if (ext) {
        asm_rr(&j->a, ext, d, d);
    } else {
        asm_alu_imm(&j->a, ALU_AND, false, reg_operand(d), (int32_t)((1u << len) - 1));
    }
}

void x64_sextract(Jit *j, unsigned arg)
{
    bool w = is_wide(j);
    unsigned pos = (unsigned)j->op->imm, len = j->op->aux, width = w ? 64 : 32;
    unsigned ext = extension(len, true, w);
    int d;

    (void)arg;
    if (ext && pos + len < width) {
        if (pos == 0) {
            Operand rm = regs_use_rm(j, j->op->in[0]);
            d = regs_def(j, 0, rm.reg, 0);
            asm_rm(&j->a, ext, d, rm);
            return;
        }
        d = def_copy(j, j->op->in[0], 0);
        asm_shift_imm(&j->a, SHIFT_SHR, w, d, pos);
        asm_rr(&j->a, ext, d, d);
        return;
    }
    d = def_copy(j, j->op->in[0], 0);
    if (len == width) {
        asm_mov(&j->a, w, d, d);
    }
    asm_shift_imm(&j->a, SHIFT_SHL, w, d, width - pos - len);
    asm_shift_imm(&j->a, SHIFT_SAR, w, d, width - len);
}

void x64_extract2(Jit *j, unsigned arg)
{
    bool w = is_wide(j);
    int b, d;

    (void)arg;
    hold(j, j->op->in[0]);
    b = regs_use(j, j->op->in[1], ALL_GP);
    d = def_copy(j, j->op->in[0], j->op->in[0] == j->op->in[1] ? 0 : 1u << b);
    if (j->op->imm == 0) {
        asm_mov(&j->a, w, d, d);
        return;
    }
    asm_rr(&j->a, SHRD_IMM | X_SIZE(w), b, d);
    asm_byte(&j->a, (unsigned)j->op->imm);
}

void x64_trunc_hi(Jit *j, unsigned arg)
{
    int d = def_copy(j, j->op->in[0], 0);

    (void)arg;
    asm_shift_imm(&j->a, SHIFT_SHR, true, d, 32);
}

/* ---- Bytes and bits ---- */

void x64_bswap16(Jit *j, unsigned arg)
{
    Operand rm = regs_use_rm(j, j->op->in[0]);
    int d = regs_def(j, 0, rm.reg, 0);

    (void)arg;
    asm_rm(&j->a, MOVZX16, d, rm);
    asm_rr(&j->a, SHIFT_IMM | X_66, SHIFT_ROL, d);
    asm_byte(&j->a, 8);
}

void x64_bswap(Jit *j, unsigned wide)
{
    int d = def_copy(j, j->op->in[0], 0);
    asm_bswap(&j->a, wide, d);
}

/* CLZ, CTZ on hosts before LZCNT and TZCNT. */
static void old_bit_scan(Jit *j, bool leading)
{
    bool w = is_wide(j);
    int a = regs_use(j, j->op->in[0], ALL_GP), b = regs_use(j, j->op->in[1], ALL_GP);
    int d = regs_def(j, 0, NOREG, 1u << a | 1u << b);

    asm_rr(&j->a, (leading ? BSR : BSF) | X_SIZE(w), d, a);
    if (leading) {
        asm_alu_imm(&j->a, ALU_XOR, w, reg_operand(d), w ? 63 : 31);
    }
    asm_rr(&j->a, TEST | X_SIZE(w), a, a);
    asm_rr(&j->a, (CMOVCC + CC_E) | X_SIZE(w), d, b);
}

void x64_bit_scan(Jit *j, unsigned opcode)
{
    bool w = is_wide(j);
    uint64_t value;
    Operand rm;
    int b, d;

    if (opcode == LZCNT ? !host.lzcnt : !host.bmi1) {
        old_bit_scan(j, opcode == LZCNT);
        return;
    }
    if (regs_constant(j, j->op->in[1], &value) && value == (w ? 64 : 32)) {
        x64_unary(j, opcode);
        return;
    }
    hold(j, j->op->in[0]);
    b = regs_use(j, j->op->in[1], ALL_GP);
    rm = regs_use_rm(j, j->op->in[0]);
    d = regs_def(j, 0, NOREG, 1u << b);
    asm_rm(&j->a, opcode | X_SIZE(w), d, rm);
    asm_rr(&j->a, (CMOVCC + CC_B) | X_SIZE(w), d, b);
}

static uint32_t count_bits32(uint32_t v)
{
    v -= v >> 1 & 0x55555555;
    v = (v & 0x33333333) + (v >> 2 & 0x33333333);
    return ((v + (v >> 4)) & 0x0f0f0f0f) * 0x01010101 >> 24;
}

static uint64_t count_bits64(uint64_t v)
{
    return count_bits32((uint32_t)v) + count_bits32((uint32_t)(v >> 32));
}

void x64_popcnt(Jit *j, unsigned arg)
{
    enum { FLAGS = HF_PURE | HF_NO_GLOBALS | HF_NO_WRITE | HF_NO_FAULT };
    static const HelperInfo bits32 = { "popcnt32", (void *)count_bits32, FLAGS, HARG_I32, { HARG_I32 } };
    static const HelperInfo bits64 = { "popcnt64", (void *)count_bits64, FLAGS, HARG_I64, { HARG_I64 } };

    (void)arg;
    if (host.popcnt) {
        x64_unary(j, POPCNT);
    } else {
        x64_call_to(j, is_wide(j) ? &bits64 : &bits32);
    }
}

/* ---- Conditions ---- */

static const uint8_t condition_code[IR_CONDS] = {
    [IR_NEVER] = CC_NE, [IR_ALWAYS] = CC_E, [IR_EQ] = CC_E, [IR_NE] = CC_NE, [IR_LT] = CC_LESS, [IR_GE] = CC_GE,
    [IR_LE] = CC_LE, [IR_GT] = CC_G, [IR_LTU] = CC_B, [IR_GEU] = CC_AE, [IR_LEU] = CC_BE, [IR_GTU] = CC_A,
    [IR_TSTEQ] = CC_E, [IR_TSTNE] = CC_NE,
};

unsigned compare_cc(unsigned cond)
{
    return condition_code[cond];
}

void compare_prepare(Jit *j, Compare *c, unsigned cond, bool w, IRVal a, IRVal b)
{
    uint64_t value;

    *c = (Compare){ .w = w, .a = reg_operand(RSP), .b = RSP, .test = cond >= IR_TSTEQ };
    if (cond <= IR_ALWAYS) { /* compares the stack pointer with itself: equal */
        c->cc = condition_code[cond];
        return;
    }
    if (regs_constant(j, a, &value)) {
        IRVal t = a;
        a = b;
        b = t;
        cond = ir_cond_swap((IRCond)cond);
    }
    c->cc = condition_code[cond];
    c->immediate = regs_imm32(j, b, w, &c->imm);
    if (c->immediate) {
        c->a = regs_use_rm(j, a);
    } else {
        hold(j, a);
        c->b = (int8_t)regs_use(j, b, ALL_GP);
        c->a = regs_use_rm(j, a);
    }
}

void compare_emit(Jit *j, const Compare *c)
{
    unsigned size = X_SIZE(c->w);

    if (c->immediate && c->test) {
        asm_test_imm(&j->a, c->w, c->a, c->imm);
    } else if (c->immediate && c->imm == 0 && c->a.reg >= 0) {
        asm_rr(&j->a, TEST | size, c->a.reg, c->a.reg);
    } else if (c->immediate) {
        asm_alu_imm(&j->a, ALU_CMP, c->w, c->a, c->imm);
    } else {
        asm_rm(&j->a, (c->test ? TEST : ALU_ST(ALU_CMP)) | size, c->b, c->a);
    }
}

static uint32_t compare_registers(const Compare *c)
{
    return reg_bit(c->a) | (c->immediate ? 0 : 1u << c->b);
}

/* negate: NEGSETCOND */
void x64_setcond(Jit *j, unsigned negate)
{
    const IROp *op = j->op;
    Compare c;
    bool clear_first;
    int d;

    compare_prepare(j, &c, op->aux & 0xff, is_wide(j), op->in[0], op->in[1]);
    d = regs_def(j, 0, c.a.reg == RSP ? NOREG : c.a.reg, 0);
    clear_first = !(compare_registers(&c) >> d & 1);
    if (clear_first) {
        asm_rr(&j->a, ALU_LD(ALU_XOR), d, d);
    }
    compare_emit(j, &c);
    asm_rr(&j->a, SETCC + c.cc, 0, d);
    if (!clear_first) {
        asm_rr(&j->a, MOVZX8, d, d);
    }
    if (negate) {
        asm_rr(&j->a, GROUP3 | X_SIZE(op->aux & 0x100), G3_NEG, d);
    }
}

void x64_movcond(Jit *j, unsigned arg)
{
    const IROp *op = j->op;
    bool w = is_wide(j);
    IRVal yes = op->in[2], no = op->in[3];
    Operand rm;
    Compare c;
    int r, d;

    (void)arg;
    compare_prepare(j, &c, op->aux & 0xff, op->aux & 0x100, op->in[0], op->in[1]);
    if (out_pin(j) != NOREG && j->loc[yes].reg == out_pin(j)) {
        yes = op->in[3];
        no = op->in[2];
        c.cc ^= 1;
    }
    hold(j, no);
    rm = regs_use_rm(j, yes);
    r = j->loc[no].reg;
    d = regs_def(j, 0, r, yes == no ? 0 : reg_bit(rm));
    compare_emit(j, &c);
    if (r == NOREG) {
        regs_load(j, d, no);
    } else {
        asm_mov(&j->a, true, d, r);
    }
    asm_rm(&j->a, (CMOVCC + c.cc) | X_SIZE(w), d, rm);
}

void x64_fence(Jit *j, unsigned arg)
{
    (void)arg;
    if (j->op->imm & IR_FENCE_ST_LD) { /* the only reordering x86 makes; any locked instruction prevents it, this faster than MFENCE */
        asm_rm(&j->a, ALU_IMM8 | X_LOCK, ALU_OR, mem_operand(RSP, FRAME_ADDR));
        asm_byte(&j->a, 0);
    } else if (j->op->imm & IR_FENCE_SPECULATION) { /* LFENCE */
        asm_byte(&j->a, 0x0f);
        asm_byte(&j->a, 0xae);
        asm_byte(&j->a, 0xe8);
    }
}

void x64_pause(Jit *j, unsigned arg)
{
    (void)arg;
    asm_byte(&j->a, 0xf3);
    asm_byte(&j->a, 0x90);
}

void x64_discard(Jit *j, unsigned arg)
{
    (void)arg;
    regs_discard(j, j->op->out[0]);
}
