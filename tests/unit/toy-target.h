/* SPDX-License-Identifier: MIT */
/*
 * A toy machine for tests of the run-time core: four registers, a one-level page table, two MMU modes.
 * Instructions are an opcode byte, a register byte where named, and little-endian immediates:
 *   00 HLT            01 r imm64 MOVI   02 r s ADD         03 r a LD (64 bits at [a])
 *   04 r a ST         05 rel32 JMP      06 r rel32 DJNZ    07 r a STB
 *   08 r JR (goto_ptr) 09 r SWITCH (translation context = r, goto_lookup)
 *   0a r a XADD (64-bit atomic)  0b NOP  0c IRET (pc = epc, interrupts on)
 * A faulting access raises vector 1 (fault address in fault_va), interrupts vector 2: epc = pc, interrupts
 * off, pc = vector_base.
 */
#ifndef TOY_TARGET_H
#define TOY_TARGET_H

#include "cpu.h"
#include "exec/memory.h"
#include "exec/tb.h"
#include "exec/tlb.h"
#include "target.h"
#include "tcg/backend.h"
#include "util/error.h"
#include "util/main-loop.h"

#include <glib.h>
#include <string.h>

enum { TOY_FAULT = 1, TOY_IRQ = 2 };
enum { PTE_P = 1, PTE_W = 2, PTE_X = 4, PTE_G = 8, PTE_LARGE = 16 /* 2 MiB; pa bits 21 up */ };

typedef struct ToyCPU {
    CPUState parent;
    uint64_t r[4], pc;
    uint64_t context;       /* number of the address space; its table is at toy_tables[context] */
    uint64_t epc, fault_va, vector_base;
    int last_vector;
    unsigned faults, irqs, walks;
    bool irq_enabled;
} ToyCPU;

static hwaddr toy_tables[16]; /* physical; 0 = identity mapping, everything allowed */
static IRVal toy_r[4];

static inline ToyCPU *toy(CPUState *c)
{
    return (ToyCPU *)c;
}

/* ---- Building guest code and page tables ---- */

static MemoryRegion toy_ram_region;
static uint8_t *toy_ram; /* host view of physical 0 */

typedef struct ToyCode {
    uint64_t at;
} ToyCode;

static inline void toy_bytes(ToyCode *c, const void *p, size_t n)
{
    memcpy(toy_ram + c->at, p, n);
    ram_written(toy_ram_region.ram, c->at, n);
    c->at += n;
}
static inline void toy_op(ToyCode *c, uint8_t op)
{
    toy_bytes(c, &op, 1);
}
static inline void toy_rr(ToyCode *c, uint8_t op, uint8_t r, uint8_t s)
{
    toy_bytes(c, (uint8_t[]){ op, r, s }, 3);
}
static inline void toy_r1(ToyCode *c, uint8_t op, uint8_t r)
{
    toy_bytes(c, (uint8_t[]){ op, r }, 2);
}
static inline void toy_movi(ToyCode *c, uint8_t r, uint64_t v)
{
    toy_r1(c, 1, r);
    toy_bytes(c, &v, 8);
}
static inline void toy_jmp(ToyCode *c, uint64_t to)
{
    uint32_t rel = (uint32_t)(to - (c->at + 5));
    toy_op(c, 5);
    toy_bytes(c, &rel, 4);
}
static inline void toy_djnz(ToyCode *c, uint8_t r, uint64_t to)
{
    uint32_t rel = (uint32_t)(to - (c->at + 6));
    toy_r1(c, 6, r);
    toy_bytes(c, &rel, 4);
}
static inline void toy_pte(unsigned context, uint64_t va, uint64_t pte)
{
    memcpy(toy_ram + toy_tables[context] + (va >> PAGE_BITS) * 8, &pte, 8);
}

/* ---- Memory management ---- */

static inline TLBKey toy_key(uint64_t context)
{
    return (TLBKey){ .space = context + 1 };
}

static bool toy_tlb_fill(CPUState *cpu, uint64_t va, unsigned size, AccessType access, unsigned mode, bool probe,
                         uintptr_t retaddr)
{
    ToyCPU *t = toy(cpu);
    hwaddr table = toy_tables[t->context & 15];
    uint64_t pte = (va & PAGE_MASK) | PTE_P | PTE_W | PTE_X;
    t->walks++;
    if (table)
        pte = va >> PAGE_BITS < 4096 ? phys_ldq(cpu, table + (va >> PAGE_BITS) * 8) : 0;
    bool ok = pte & PTE_P && !(access == ACCESS_WRITE && !(pte & PTE_W)) && !(access == ACCESS_FETCH && !(pte & PTE_X));
    if (!ok) {
        if (probe)
            return false;
        t->fault_va = va;
        cpu->exception_index = TOY_FAULT;
        cpu_loop_exit_restore(cpu, retaddr);
    }
    uint64_t page_size = pte & PTE_LARGE ? 2 * MiB : PAGE_SIZE_;
    Translation tr = {
        .pa = (pte & ~0xfffull & ~(page_size - 1)) | (va & (page_size - 1)),
        .page_size = page_size, .read = true, .write = pte & PTE_W, .exec = pte & PTE_X, .global = pte & PTE_G,
    };
    tlb_set(cpu, va, mode, &tr);
    return true;
}

static __attribute__((noreturn)) void toy_unaligned(CPUState *cpu, uint64_t va, AccessType access, unsigned mode, uintptr_t retaddr)
{
    toy(cpu)->fault_va = va;
    cpu->exception_index = TOY_FAULT;
    cpu_loop_exit_restore(cpu, retaddr);
}

static unsigned toy_mmu_mode(const CPUState *cpu, bool fetch)
{
    return 0;
}

/* ---- Translation ---- */

static void toy_helper_hlt(CPUState *cpu)
{
    cpu->halted = true;
    cpu->exception_index = EXCP_HLT;
    cpu_loop_exit(cpu);
}

static void toy_helper_switch(CPUState *cpu, uint64_t context)
{
    toy(cpu)->context = context;
    tlb_switch(cpu, toy_key(context));
}

static void toy_helper_iret(CPUState *cpu)
{
    toy(cpu)->pc = toy(cpu)->epc;
    toy(cpu)->irq_enabled = true;
}

static const HelperInfo toy_hlt = { "hlt", (void *)toy_helper_hlt, HF_NO_RETURN, HARG_NONE, { HARG_ENV } };
static const HelperInfo toy_switch = { "switch", (void *)toy_helper_switch, HF_NO_WRITE, HARG_NONE, { HARG_ENV, HARG_I64 } };
static const HelperInfo toy_iret = { "iret", (void *)toy_helper_iret, HF_NO_WRITE, HARG_NONE, { HARG_ENV } };

static void toy_set_pc(TranslatorContext *ctx, uint64_t pc)
{
    ir_st(ctx->ir, IR_ST, IR_I64, ir_i64(ctx->ir, pc), offsetof(ToyCPU, pc));
}

static void toy_insn(TranslatorContext *ctx)
{
    IRFunc *f = ctx->ir;
    ir_insn_start(f, ctx->pc, 0);
    uint8_t op = translator_fetch8(ctx);
    unsigned r = 0, s = 0, label;
    uint64_t imm = 0;
    IRVal t;
    if (op != 0 && op != 5 && op < 0xb)
        r = translator_fetch8(ctx) & 3;
    if (op == 2 || op == 3 || op == 4 || op == 7 || op == 0xa)
        s = translator_fetch8(ctx) & 3;
    if (op == 1)
        imm = translator_fetch64(ctx);
    if (op == 5 || op == 6)
        imm = (uint64_t)(int32_t)translator_fetch32(ctx);
    switch (op) {
    case 1: ir_movi(f, toy_r[r], imm); break;
    case 2: ir_op2(f, IR_ADD, IR_I64, toy_r[r], toy_r[r], toy_r[s]); break;
    case 3: ir_guest_ld(f, IR_I64, toy_r[r], toy_r[s], MO_64, 0); break;
    case 4: ir_guest_st(f, IR_I64, toy_r[r], toy_r[s], MO_64, 0); break;
    case 5:
        ir_goto_tb(f, 0, ctx->pc + imm, ctx->pc + imm);
        ctx->stop = true;
        break;
    case 6:
        label = ir_new_label(f);
        ir_op2i(f, IR_SUB, IR_I64, toy_r[r], toy_r[r], 1);
        ir_brcond(f, IR_EQ, IR_I64, toy_r[r], ir_i64(f, 0), label);
        ir_goto_tb(f, 0, ctx->pc + imm, ctx->pc + imm);
        ir_label(f, label);
        ir_goto_tb(f, 1, ctx->pc, ctx->pc);
        ctx->stop = true;
        break;
    case 7: ir_guest_st(f, IR_I64, toy_r[r], toy_r[s], MO_8, 0); break;
    case 8:
        ir_st(f, IR_ST, IR_I64, toy_r[r], offsetof(ToyCPU, pc));
        ir_goto_ptr(f, toy_r[r]);
        ctx->stop = true;
        break;
    case 9:
        toy_set_pc(ctx, ctx->pc);
        ir_call(f, &toy_switch, IR_NONE, &toy_r[r], 1);
        ir_goto_lookup(f);
        ctx->stop = true;
        break;
    case 0xa:
        t = ir_temp(f, IR_I64);
        ir_atomic(f, IR_ATOMIC_ADD, IR_I64, t, toy_r[s], toy_r[r], MO_64, 0);
        ir_mov(f, toy_r[r], t);
        break;
    case 0xb: break;
    case 0xc:
        ir_call(f, &toy_iret, IR_NONE, NULL, 0);
        ir_exit_tb(f, IR_EXIT_NORMAL);
        ctx->stop = true;
        break;
    default:
        toy_set_pc(ctx, ctx->pc);
        ir_call(f, &toy_hlt, IR_NONE, NULL, 0);
        ir_exit_tb(f, IR_EXIT_NORMAL);
        ctx->stop = true;
    }
}

static void toy_tb_start(TranslatorContext *ctx)
{
}
static void toy_tb_stop(TranslatorContext *ctx)
{
    ir_goto_tb(ctx->ir, 0, ctx->pc, ctx->pc);
}
static TBState toy_tb_state(const CPUState *cpu)
{
    return (TBState){ .pc = ((const ToyCPU *)cpu)->pc, .flags = 1 };
}
static void toy_restore(CPUState *cpu, const TranslationBlock *tb, const InsnData *d)
{
    toy(cpu)->pc = d->pc;
}

/* ---- Exceptions ---- */

static void toy_do_exception(CPUState *cpu)
{
    ToyCPU *t = toy(cpu);
    t->last_vector = cpu->exception_index;
    t->faults++;
    t->epc = t->pc;
    t->irq_enabled = false;
    t->pc = t->vector_base;
}
static bool toy_exec_interrupt(CPUState *cpu, uint32_t request)
{
    ToyCPU *t = toy(cpu);
    if (!(request & CPU_INTERRUPT_HARD) || !t->irq_enabled)
        return false;
    cpu_reset_interrupt(cpu, CPU_INTERRUPT_HARD);
    t->last_vector = TOY_IRQ;
    t->irqs++;
    t->epc = t->pc;
    t->irq_enabled = false;
    t->pc = t->vector_base;
    return true;
}
static bool toy_has_work(const CPUState *cpu)
{
    return cpu->interrupt_request & CPU_INTERRUPT_HARD && ((const ToyCPU *)cpu)->irq_enabled;
}
static void toy_dump(CPUState *cpu, FILE *out, bool fpu)
{
    fprintf(out, "pc=%llx\n", (unsigned long long)toy(cpu)->pc);
}

static const TargetOps toy_ops = {
    .name = "toy", .state_size = sizeof(ToyCPU), .pc_offset = offsetof(ToyCPU, pc), .mmu_modes = 2,
    .user_flags = 2, .address_bits = 32, .tb_state = toy_tb_state, .context_size = sizeof(TranslatorContext),
    .tb_start = toy_tb_start, .translate_insn = toy_insn, .tb_stop = toy_tb_stop, .restore_state = toy_restore,
    .tlb_fill = toy_tlb_fill, .unaligned_access = toy_unaligned, .current_mmu_mode = toy_mmu_mode,
    .exec_interrupt = toy_exec_interrupt, .has_work = toy_has_work, .do_exception = toy_do_exception,
    .dump_state = toy_dump,
};

/* ---- The machine: RAM at 0, engine, vCPUs ---- */

static inline void toy_machine(const TCGBackend *engine, uint64_t ram, uint64_t tb_size)
{
    Error *err = NULL;
    memory_init();
    g_assert_true(memory_region_init_ram(&toy_ram_region, NULL, "ram", ram, &err));
    memory_region_add(system_memory, 0, &toy_ram_region);
    toy_ram = memory_region_ram_ptr(&toy_ram_region);
    memset(toy_tables, 0, sizeof(toy_tables));
    ir_globals_reset();
    for (unsigned i = 0; i < 4; i++)
        toy_r[i] = ir_global(IR_I64, (uint32_t)offsetof(ToyCPU, r) + 8 * i, "r", i ? 10 : 0);
    current_target = &toy_ops;
    TCGOptions o = { .engine = engine, .tb_size = tb_size, .multi_thread = true };
    g_assert_true(tcg_init(&o, &err));
}

static inline CPUState *toy_cpu_new(void)
{
    ToyCPU *t = aligned_alloc(64, (sizeof(ToyCPU) + 63) & ~63ul);
    memset(t, 0, sizeof(*t));
    t->parent.target = &toy_ops;
    t->parent.exception_index = EXCP_NONE;
    t->parent.host_fpcsr = 0x1f80;
    cpu_register(&t->parent);
    tlb_switch(&t->parent, toy_key(0));
    return &t->parent;
}

/* Runs from pc on the calling thread until HLT. */
static inline void toy_run(CPUState *cpu, uint64_t pc)
{
    toy(cpu)->pc = pc;
    cpu->halted = false;
    current_cpu = cpu;
    g_assert_cmpint(cpu_exec(cpu), ==, EXCP_HLT);
    current_cpu = NULL;
}

#endif
