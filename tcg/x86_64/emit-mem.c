/* SPDX-License-Identifier: MIT */
/*
 * Memory operations: CPUState fields, guest loads and stores through the software TLB, and guest atomics.
 *
 * The inline path of a guest access at A compares the page of its last byte with the tag of A's TLB
 * entry, so accesses that cross a page fail the comparison too; where alignment is required the low bits of A
 * take part instead. The rest is out of line: a shared stub (prologue.c) saves every register around
 * the C function, so a slow path only stores dirty globals, passes arguments in the frame, and
 * moves the result. Its return address is what finds the guest instruction when the access faults.
 */
#include "exec/tlb.h"
#include "tcg/x86_64/jit.h"

/* ---- CPUState fields that are no globals ---- */

static void env_ld(Jit *j, unsigned opcode, Operand mem)
{
    bool w = j->op->type == IR_I64;
    int d = regs_def(j, 0, NOREG, 0);

    if (opcode) {
        bool sign = opcode == MOVSX8 || opcode == MOVSX16;
        asm_rm(&j->a, opcode | X_SIZE(sign && w), d, mem);
    } else if (j->op->type >= IR_V128) {
        vec_ld(&j->a, j->op->type, d, mem);
    } else {
        asm_rm(&j->a, MOV_LD | X_SIZE(w), d, mem);
    }
}

/* A 32-bit field that is only compared with a constant, to branch, is compared where it is. */
static bool joined_with_branch(Jit *j, unsigned opcode)
{
    const IROp *br = j->next;

    return opcode == MOV_LD && br < j->f->ops + j->f->nops && br->opc == IR_BRCOND && br->type == IR_I32 &&
           br->in[0] == j->op->out[0] && br->life & IR_DIES(0) && ir_is_const(j->f, br->in[1]) && (br->aux & 0xff) < IR_TSTEQ;
}

/* opcode 0: whole value */
void x64_env_ld(Jit *j, unsigned opcode)
{
    Operand mem = env_operand((uint32_t)j->op->imm);

    if (joined_with_branch(j, opcode)) {
        regs_begin_op(j, j->next);
        x64_branch_on_field(j, mem);
        return;
    }
    env_ld(j, opcode, mem);
}

void mem_store_int(Asm *a, unsigned bytes, int r, Operand mem)
{
    static const uint32_t opcode[9] = { [1] = MOV_ST8, [2] = MOV_ST16, [4] = MOV_ST, [8] = MOV_ST | X_W };
    asm_rm(a, opcode[bytes], r, mem);
}

/* bytes 0: whole value */
void x64_env_st(Jit *j, unsigned bytes)
{
    Operand mem = env_operand((uint32_t)j->op->imm);
    IRVal v = j->op->in[0];
    int32_t imm;

    if (j->op->type >= IR_V128) {
        vec_st(&j->a, j->op->type, regs_use(j, v, ALL_XMM), mem);
        return;
    }
    bytes = bytes ? bytes : j->op->type == IR_I64 ? 8 : 4;
    if (regs_imm32(j, v, bytes == 8, &imm)) {
        asm_store_imm(&j->a, bytes, mem, imm);
    } else {
        mem_store_int(&j->a, bytes, regs_use(j, v, ALL_GP), mem);
    }
}

void x64_env_addr(Jit *j, unsigned arg)
{
    int d = regs_def(j, 0, NOREG, 0);

    (void)arg;
    asm_rm(&j->a, LEA | X_W, d, env_operand((uint32_t)j->op->imm));
}

/* ---- The inline TLB check ---- */

SlowPath *mem_slow_new(Jit *j, SlowKind kind, int addr)
{
    SlowPath *s = &j->slow[j->nslow];

    if (j->nslow == SLOW_MAX - 1) {
        j->f->overflow = true;
    } else {
        j->nslow++;
    }
    *s = (SlowPath){ .kind = (uint8_t)kind, .opc = j->op->opc, .insn = (uint16_t)j->insn, .addr = (int8_t)addr,
                     .value = NOREG, .expected = NOREG, .dst = NOREG, .check = NOREG, .oi = check_oi(j->op->imm),
                     .wide = j->op->type == IR_I64 };
    return s;
}

void mem_slow_snapshot(Jit *j, SlowPath *s)
{
    s->rax_live = j->reg[RAX].n != 0;
    for (int r = XMM0; r <= XMM15; r++) {
        s->vec_live |= j->reg[r].n != 0;
    }
    regs_collect_dirty(j, s);
    checks_collect(j, s);
    s->guarded = guards_live(j);
}

/* Where host.bank_seg finds the entry of addr: index * entry size, that is bits of the page number scaled (tlb_index). Plus the
 * bank's address where no segment register holds it. */
void tlb_entry_offset(Asm *a, int dst, int addr)
{
    const unsigned scale = PAGE_BITS - TLB_ENTRY_BITS;

    if (host.bmi2) {
        asm_vex(a, RORX, dst, 0, reg_operand(addr));
        asm_byte(a, scale);
    } else {
        asm_mov(a, false, dst, addr);
        asm_shift_imm(a, SHIFT_SHR, false, dst, scale);
    }
    asm_alu_imm(a, ALU_AND, false, reg_operand(dst), (TLB_SIZE - 1) << TLB_ENTRY_BITS);
    if (!host.bank_seg) {
        asm_rm(a, ALU_LD(ALU_ADD) | X_W, dst, ENV_FIELD(bank));
    }
}
_Static_assert(PAGE_BITS + TLB_BITS <= 32, "tlb_entry_offset works in 32 bits");

/* A field of the entry for a constant address; bank holds the bank's address where no segment register does. */
static Operand constant_entry(int bank, unsigned mode, uint64_t addr, size_t field)
{
    return mem_operand(host.bank_seg ? NOREG : bank,
                       tlb_table(mode) + (int32_t)(tlb_index(addr) << TLB_ENTRY_BITS) + (int32_t)field);
}

uint8_t *mem_check_constant(Asm *a, unsigned mode, AccessType access, uint64_t addr, int t1, int t2)
{
    uint64_t page = addr & PAGE_MASK;
    Operand tag = constant_entry(t1, mode, addr, 8 * (size_t)access);
    uint8_t *jump;

    if (!host.bank_seg) {
        asm_rm(a, MOV_LD | X_W, t1, ENV_FIELD(bank));
    }
    if (page == (uint64_t)(int32_t)page) {
        asm_rm(a, 0x81 | X_W | host.bank_seg, ALU_CMP, tag);
        asm_u32(a, (uint32_t)page);
    } else {
        asm_mov_imm(a, t2, page);
        asm_rm(a, ALU_LD(ALU_CMP) | X_W | host.bank_seg, t2, tag);
    }
    jump = asm_jcc_forward(a, CC_NE);
    asm_rm(a, MOV_LD | X_W | host.bank_seg, t1, constant_entry(t1, mode, addr, offsetof(TLBEntry, addend)));
    return jump;
}

/* As mem_tlb_check for an address that is known now; false when it takes the usual way. */
static bool constant_check(Jit *j, SlowPath *s, AccessType access, unsigned bytes, bool aligned, int t1, int t2)
{
    unsigned n = ir_op_info[j->op->opc].ins - 1, mode = memopidx_mode(s->oi);
    uint64_t addr;

    if ((j->op->opc != IR_GUEST_LD && j->op->opc != IR_GUEST_ST) || !ir_is_const(j->f, j->op->in[n])) {
        return false;
    }
    regs_constant(j, j->op->in[n], &addr);
    if ((addr ^ (addr + bytes - 1)) & PAGE_MASK || (aligned && addr & (bytes - 1))) {
        return false;
    }
    s->jump = mem_check_constant(&j->a, mode, access, addr, t1, t2);
    return true;
}

void mem_tlb_check(Jit *j, SlowPath *s, AccessType access, unsigned bytes, bool aligned, int t1, int t2)
{
    Asm *a = &j->a;
    int32_t table = tlb_table(memopidx_mode(s->oi));

    mem_slow_snapshot(j, s);
    if (constant_check(j, s, access, bytes, aligned, t1, t2)) {
        return;
    }
    tlb_entry_offset(a, t1, s->addr);
    if (aligned || bytes == 1) {
        asm_mov(a, true, t2, s->addr);
        asm_alu_imm(a, ALU_AND, true, reg_operand(t2), -(1 << PAGE_BITS) | (int32_t)(bytes - 1));
    } else {
        asm_rm(a, LEA | X_W, t2, mem_operand(s->addr, (int32_t)bytes - 1));
        asm_alu_imm(a, ALU_AND, true, reg_operand(t2), -(1 << PAGE_BITS));
    }
    asm_rm(a, ALU_LD(ALU_CMP) | X_W | host.bank_seg, t2, mem_operand(t1, table + 8 * (int32_t)access));
    s->jump = asm_jcc_forward(a, CC_NE);
    asm_rm(a, MOV_LD | X_W | host.bank_seg, t1, mem_operand(t1, table + (int32_t)offsetof(TLBEntry, addend)));
}

static void tlb_check(Jit *j, SlowPath *s, AccessType access, bool aligned, int t1, int t2)
{
    mem_tlb_check(j, s, access, memop_bytes(memopidx_op(s->oi)), aligned, t1, t2);
}

/* ---- Loads ---- */

/* Extension of a value of the size of op to the width of the result. */
unsigned mem_load_opcode(MemOp op, bool w)
{
    bool sign = op & MO_SIGN;

    switch (op & MO_SIZE) {
    case MO_8: return sign ? MOVSX8 | X_SIZE(w) : MOVZX8;
    case MO_16: return sign ? MOVSX16 | X_SIZE(w) : MOVZX16;
    case MO_32: return sign && w ? MOVSXD : MOV_LD;
    default: return MOV_LD | X_W;
    }
}

void mem_load_big_endian(Jit *j, MemOp op, bool wide, int d, Operand mem)
{
    bool w = (op & MO_SIZE) == MO_64;

    if ((op & MO_SIZE) == MO_16) {
        asm_rm(&j->a, MOVZX16, d, mem);
        asm_rr(&j->a, SHIFT_IMM | X_66, SHIFT_ROL, d);
        asm_byte(&j->a, 8);
    } else if (host.movbe) {
        asm_rm(&j->a, MOVBE_LD | X_SIZE(w), d, mem);
    } else {
        asm_rm(&j->a, MOV_LD | X_SIZE(w), d, mem);
        asm_bswap(&j->a, w, d);
    }
    if (op & MO_SIGN) {
        asm_rr(&j->a, mem_load_opcode(op, wide), d, d);
    }
}

static void guest_ld_vec(Jit *j)
{
    int addr = regs_use(j, j->op->in[0], ALL_GP);
    int t1 = regs_alloc(j, ALL_GP), t2 = regs_alloc(j, ALL_GP);
    int d = regs_def(j, 0, NOREG, 0);
    SlowPath *s = mem_slow_new(j, SLOW_LDV, addr);
    MemOp op = memopidx_op(s->oi);
    Operand mem = indexed_operand(addr, t1, 0, 0);

    s->dst = (int8_t)d;
    tlb_check(j, s, ACCESS_READ, op & MO_ALIGN, t1, t2);
    vec_ld_sized(&j->a, op, d, mem);
    s->back = j->a.p;
}

void x64_guest_ld(Jit *j, unsigned arg)
{
    IRVal out = j->op->out[0];
    int addr, t1, t2, d;
    SlowPath *s;
    MemOp op;

    (void)arg;
    if (j->op->type >= IR_V128) {
        guest_ld_vec(j);
        return;
    }
    addr = regs_use(j, j->op->in[0], ALL_GP);
    t1 = regs_alloc(j, ALL_GP);
    t2 = regs_alloc(j, ALL_GP);
    if (out < j->f->nglobals && host.pin[out] != NOREG) {
        d = regs_def(j, 0, NOREG, 0);
    } else {
        d = t2;
        regs_result(j, 0, d);
    }
    s = mem_slow_new(j, SLOW_LD, addr);
    s->dst = (int8_t)d;
    op = memopidx_op(s->oi);
    tlb_check(j, s, ACCESS_READ, op & MO_ALIGN, t1, t2);
    if (op & MO_BE && op & MO_SIZE) {
        mem_load_big_endian(j, op, s->wide, d, indexed_operand(addr, t1, 0, 0));
    } else {
        asm_rm(&j->a, mem_load_opcode(op, s->wide), d, indexed_operand(addr, t1, 0, 0));
    }
    s->back = j->a.p;
}

/* ---- Stores ---- */

void mem_store_big_endian(Jit *j, MemOp op, int value, int scratch, Operand mem)
{
    unsigned bytes = memop_bytes(op);
    bool w = bytes == 8;

    if (host.movbe) {
        asm_rm(&j->a, (bytes == 2 ? MOVBE_ST16 : MOVBE_ST) | X_SIZE(w), value, mem);
        return;
    }
    asm_mov(&j->a, true, scratch, value);
    if (bytes == 2) {
        asm_rr(&j->a, SHIFT_IMM | X_66, SHIFT_ROL, scratch);
        asm_byte(&j->a, 8);
    } else {
        asm_bswap(&j->a, w, scratch);
    }
    mem_store_int(&j->a, bytes, scratch, mem);
}

void x64_guest_st(Jit *j, unsigned arg)
{
    MemOp op = memopidx_op((MemOpIdx)j->op->imm);
    unsigned bytes = memop_bytes(op);
    bool vec = j->op->type >= IR_V128, swap = op & MO_BE && bytes > 1, immediate;
    int32_t imm = 0;
    int value = NOREG, addr, t1, t2;
    Operand mem;
    SlowPath *s;

    (void)arg;
    immediate = !vec && !swap && regs_imm32(j, j->op->in[0], bytes == 8, &imm);
    if (!immediate) {
        value = regs_use(j, j->op->in[0], vec ? ALL_XMM : ALL_GP);
    }
    addr = regs_use(j, j->op->in[1], ALL_GP);
    t1 = regs_alloc(j, ALL_GP);
    t2 = regs_alloc(j, ALL_GP);
    s = mem_slow_new(j, vec ? SLOW_STV : SLOW_ST, addr);
    s->value = (int8_t)value;
    s->constant = imm;
    tlb_check(j, s, ACCESS_WRITE, op & MO_ALIGN, t1, t2);
    mem = indexed_operand(addr, t1, 0, 0);
    if (vec) {
        vec_st_sized(&j->a, op, value, mem);
    } else if (immediate) {
        asm_store_imm(&j->a, bytes, mem, imm);
    } else if (swap) {
        mem_store_big_endian(j, op, value, t2, mem);
    } else {
        mem_store_int(&j->a, bytes, value, mem);
    }
    s->back = j->a.p;
}

/* ---- Atomics: little-endian only ---- */

/* Opcode of the size of op: the byte form is one less than the others. */
static unsigned sized(unsigned opcode, unsigned bytes)
{
    switch (bytes) {
    case 1: return (opcode - 1) | X_REG8;
    case 2: return opcode | X_66;
    case 4: return opcode;
    default: return opcode | X_W;
    }
}

static void extend_result(Jit *j, MemOp op, int d)
{
    if ((op & MO_SIZE) < MO_32 || op & MO_SIGN) {
        asm_rr(&j->a, mem_load_opcode(op, j->op->type == IR_I64), d, d);
    }
}

/* rax = old value, by compare and exchange until nobody came between. */
static void fetch_and_alu(Jit *j, unsigned alu, unsigned bytes, int value, int scratch, Operand mem)
{
    const uint8_t *again;

    asm_rm(&j->a, bytes == 1 ? MOVZX8 : bytes == 2 ? MOVZX16 : MOV_LD | X_SIZE(bytes == 8), RAX, mem);
    again = j->a.p + j->a.exec;
    asm_mov(&j->a, true, scratch, RAX);
    asm_rr(&j->a, ALU_LD(alu) | X_W, scratch, value);
    asm_rm(&j->a, sized(CMPXCHG, bytes) | X_LOCK, scratch, mem);
    asm_jcc(&j->a, CC_NE, again);
}

/* arg: XCHG, XADD, or the ALU operation. */
void x64_atomic(Jit *j, unsigned arg)
{
    MemOp op = memopidx_op((MemOpIdx)j->op->imm);
    unsigned bytes = memop_bytes(op);
    bool alu = arg < 8, unused = j->op->out[0] == IR_NONE || j->op->life & IR_UNREAD(0);
    bool loop = alu && !unused;
    uint32_t mask = loop ? ALL_GP & ~(1u << RAX) : ALL_GP;
    int addr = regs_use(j, j->op->in[0], mask), value = regs_use(j, j->op->in[1], mask), t1, t2, d;
    Operand mem;
    SlowPath *s;

    if (loop) {
        regs_take(j, RAX);
    }
    t1 = regs_alloc(j, ALL_GP);
    t2 = regs_alloc(j, ALL_GP);
    d = loop ? RAX : t2;
    s = mem_slow_new(j, SLOW_ATOMIC, addr);
    s->value = (int8_t)value;
    s->dst = (int8_t)d;
    tlb_check(j, s, ACCESS_WRITE, true, t1, t2);
    mem = indexed_operand(addr, t1, 0, 0);
    if (loop) {
        fetch_and_alu(j, arg, bytes, value, t2, mem);
    } else if (alu) {
        asm_rm(&j->a, sized(ALU_ST(arg), bytes) | X_LOCK, value, mem);
    } else {
        asm_mov(&j->a, true, t2, value);
        asm_rm(&j->a, sized(arg, bytes) | (arg == XADD ? X_LOCK : 0), t2, mem);
    }
    if (!unused) {
        extend_result(j, op, d);
    }
    s->back = j->a.p;
    regs_result(j, 0, d);
}

void x64_cmpxchg(Jit *j, unsigned arg)
{
    MemOp op = memopidx_op((MemOpIdx)j->op->imm);
    uint32_t mask = ALL_GP & ~(1u << RAX);
    int addr = regs_use(j, j->op->in[0], mask), value = regs_use(j, j->op->in[2], mask), t1, t2;
    int expected = j->loc[j->op->in[1]].reg;
    SlowPath *s;

    (void)arg;
    regs_take(j, RAX);
    if (expected == NOREG) {
        regs_load(j, RAX, j->op->in[1]);
    } else {
        asm_mov(&j->a, true, RAX, expected);
    }
    t1 = regs_alloc(j, ALL_GP);
    t2 = regs_alloc(j, ALL_GP);
    s = mem_slow_new(j, SLOW_ATOMIC, addr);
    s->value = (int8_t)value;
    s->expected = RAX;
    s->dst = RAX;
    tlb_check(j, s, ACCESS_WRITE, true, t1, t2);
    asm_rm(&j->a, sized(CMPXCHG, memop_bytes(op)) | X_LOCK, value, indexed_operand(addr, t1, 0, 0));
    if ((op & MO_SIZE) == MO_32) {
        asm_mov(&j->a, false, RAX, RAX);
    }
    extend_result(j, op, RAX);
    s->back = j->a.p;
    regs_result(j, 0, RAX);
}

/* ---- Out of line ---- */

static void slow_arguments(Jit *j, const SlowPath *s)
{
    Asm *a = &j->a;

    for (unsigned i = 0; i < s->nsync; i++) {
        regs_write_sync_item(j, &j->sync[s->sync + i]);
    }
    if (s->addr != NOREG) {
        asm_rm(a, MOV_ST | X_W, s->addr, mem_operand(RSP, FRAME_ADDR));
    }
    asm_store_imm(a, 4, mem_operand(RSP, FRAME_OI), (int32_t)(s->oi | (s->guarded ? OI_GUARDED : 0)));
    if (s->kind == SLOW_STV) {
        vec_st(a, (memopidx_op(s->oi) & MO_SIZE) == MO_256 ? IR_V256 : IR_V128, s->value, mem_operand(RSP, FRAME_VEC));
    } else if (s->value != NOREG) {
        asm_rm(a, MOV_ST | X_W, s->value, mem_operand(RSP, FRAME_VALUE));
    } else if (s->kind == SLOW_ST || s->kind >= SLOW_X87) {
        asm_store_imm(a, 8, mem_operand(RSP, FRAME_VALUE), s->constant);
    }
    if (s->expected != NOREG) {
        asm_rm(a, MOV_ST | X_W, s->expected, mem_operand(RSP, FRAME_EXPECTED));
    }
    if (s->kind == SLOW_ATOMIC) {
        asm_store_imm(a, 4, mem_operand(RSP, FRAME_OPC), s->opc);
    }
}

static void slow_result(Jit *j, const SlowPath *s)
{
    if (s->x87) {
        x64_x87_take(j, s);
    } else if (s->kind == SLOW_LDV) {
        vec_ld_sized(&j->a, memopidx_op(s->oi), s->dst, mem_operand(RSP, FRAME_VEC));
    } else if (s->kind == SLOW_LD || s->kind == SLOW_ATOMIC) {
        asm_rr(&j->a, mem_load_opcode(memopidx_op(s->oi), s->wide), s->dst, RAX);
        if (s->rax_live && s->dst != RAX) {
            asm_rm(&j->a, MOV_LD | X_W, RAX, mem_operand(RSP, FRAME_GPR + 8 * RAX));
        }
    }
}

void x64_slow_paths(Jit *j)
{
    for (unsigned i = 0; i < j->nslow; i++) {
        const SlowPath *s = &j->slow[i];
        unsigned save = !s->vec_live ? 0 : j->uses_ymm ? 2 : 1;

        if (j->a.p + OP_ROOM > j->end) {
            return; /* the caller sees that room ran out */
        }
        if (s->kind == SLOW_NONE) {
            continue;
        }
        asm_patch32(s->jump, j->a.p);
        if (s->kind == SLOW_CHECK) {
            check_failed(j, s);
            continue;
        }
        if (s->kind == SLOW_GUARD) {
            guard_failed(j, s);
            continue;
        }
        if (s->check != NOREG) {
            check_alone(j, s);
        }
        slow_arguments(j, s);
        asm_call(&j->a, host.slow[s->kind][save]);
        x64_unwind(j, s->insn);
        slow_result(j, s);
        checks_zero(j, s);
        asm_jmp(&j->a, s->back + j->a.exec);
    }
}
