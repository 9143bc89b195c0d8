/* SPDX-License-Identifier: MIT */
/*
 * x87 instructions of the guest, run as they are: the host's x87 holds the guest's registers, status and control
 * word (X87Hooks in target.h). With memory operands the inline TLB check comes first, so that an instruction
 * has no effect when it faults; a slow load takes its value from the frame, every other slow access is an
 * instruction in C.
 */
#include "target.h"
#include "tcg/x86_64/jit.h"

enum { ESC_LDCW = 0xd9, DIGIT_FLDCW = 5, DIGIT_FNSTCW = 7, OP_LAHF = 0x9f };

static unsigned insn_of(const IROp *op) { return (unsigned)op->imm & 0xffff; }
static unsigned what_of(const IROp *op) { return (unsigned)(op->imm >> 16) & 0xffff; }

static void put_insn(Asm *a, unsigned insn)
{
    asm_byte(a, insn & 0xff);
    asm_byte(a, insn >> 8);
}

static void put_with_memory(Asm *a, unsigned insn, Operand mem)
{
    asm_rm(a, insn & 0xff, (int)(insn >> 8), mem);
}

/* Moves the state to where it is wanted, out of line. */
void x64_x87_guard(Jit *j, unsigned arg)
{
    bool live = j->op->imm;
    SlowPath *s = mem_slow_new(j, SLOW_X87_LIVE, NOREG);

    (void)arg;
    s->constant = live;
    mem_slow_snapshot(j, s);
    asm_rm(&j->a, 0x80, ALU_CMP, env_operand(current_target->x87->live_offset));
    asm_byte(&j->a, live);
    s->jump = asm_jcc_forward(&j->a, CC_NE);
    s->back = j->a.p;
}

void x64_x87(Jit *j, unsigned arg)
{
    (void)arg;
    put_insn(&j->a, insn_of(j->op));
}

void x64_x87_out(Jit *j, unsigned arg)
{
    Asm *a = &j->a;

    (void)arg;
    regs_take(j, RAX);
    switch (what_of(j->op)) {
    case X87_FSW:
        put_insn(a, insn_of(j->op));
        asm_rr(a, MOVZX16, RAX, RAX);
        break;
    case X87_FCW:
        put_with_memory(a, ESC_LDCW | DIGIT_FNSTCW << 8, mem_operand(RSP, FRAME_VALUE));
        asm_rm(a, MOVZX16, RAX, mem_operand(RSP, FRAME_VALUE));
        break;
    default:
        put_insn(a, insn_of(j->op));
        asm_byte(a, OP_LAHF);
        asm_rr(a, 0xb6 | X_0F, RAX, 4 /* AH */);
        asm_alu_imm(a, ALU_AND, false, reg_operand(RAX), 0x45);
        break;
    }
    regs_result(j, 0, RAX);
}

void x64_x87_in(Jit *j, unsigned arg)
{
    Asm *a = &j->a;
    int r = regs_use(j, j->op->in[0], ALL_GP);

    (void)arg;
    if (what_of(j->op) == X87_CMOV) {
        asm_rr(a, 0xba | X_0F, 4 /* BT */, r);
        asm_byte(a, 0);
        put_insn(a, insn_of(j->op));
    } else {
        asm_rm(a, MOV_ST, r, mem_operand(RSP, FRAME_VALUE));
        put_with_memory(a, ESC_LDCW | DIGIT_FLDCW << 8, mem_operand(RSP, FRAME_VALUE));
    }
}

/* ---- Memory operands ---- */

static void x87_memory(Jit *j, SlowKind slow, AccessType access)
{
    unsigned insn = (unsigned)(j->op->imm >> 32) & 0xffff, bytes = (unsigned)(j->op->imm >> 48);
    int addr = regs_use(j, j->op->in[0], ALL_GP);
    int t1 = regs_alloc(j, ALL_GP), t2 = regs_alloc(j, ALL_GP);
    SlowPath *s = mem_slow_new(j, slow, addr);

    if (slow == SLOW_LD) {
        s->x87 = (uint16_t)insn;
    } else {
        s->constant = (int32_t)insn;
    }
    mem_tlb_check(j, s, access, bytes, false, t1, t2);
    put_with_memory(&j->a, insn, indexed_operand(addr, t1, 0, 0));
    s->back = j->a.p;
}

void x64_x87_ld(Jit *j, unsigned arg)
{
    (void)arg;
    x87_memory(j, j->op->imm >> 48 <= 8 ? SLOW_LD : SLOW_X87, ACCESS_READ);
}

void x64_x87_st(Jit *j, unsigned arg)
{
    (void)arg;
    x87_memory(j, SLOW_X87, ACCESS_WRITE);
}

void x64_x87_take(Jit *j, const SlowPath *s)
{
    Operand value = mem_operand(RSP, FRAME_VALUE);

    asm_rm(&j->a, MOV_ST | X_W, RAX, value);
    put_with_memory(&j->a, s->x87, value);
    if (s->rax_live) {
        asm_rm(&j->a, MOV_LD | X_W, RAX, mem_operand(RSP, FRAME_GPR + 8 * RAX));
    }
}
