/* SPDX-License-Identifier: MIT */
/*
 * Proves segment loads, far transfers, gates, task switches, exception delivery, v8086 mode and debug
 * exceptions, with their error codes. Expected values follow from Intel SDM vol. 2 (operation of each
 * instruction) and vol. 3 chapters 5, 6, 7, 17 and 20.
 */
#include "target-i386/helper.h"
#include "x86-machine.h"

static X86CPU *env;

enum {
    CODE0 = 0x08, DATA0 = 0x10, CODE3 = 0x1b, DATA3 = 0x23, CONFORMING = 0x28, TSS_A = 0x30, GATE = 0x38,
    READONLY = 0x40, ABSENT = 0x48, TSS_B = 0x50, TASK_GATE = 0x58, EXEC_ONLY = 0x60, GATE16 = 0x68,
    GATE_ABSENT = 0x70, ABSENT_STACK = 0x78,
};
enum { GDT = 0x4000, IDT = 0x5000, TSS_A_AT = 0x6000, TSS_B_AT = 0x6100, STACK0 = 0x9000, STACK3 = 0x8000,
       ENTRY = 0x3000 };

static void put32(hwaddr at, uint32_t v) { memcpy(x86_ram + at, &v, 4); }
static uint32_t get32(hwaddr at) { uint32_t v; memcpy(&v, x86_ram + at, 4); return v; }
static uint64_t get64(hwaddr at) { uint64_t v; memcpy(&v, x86_ram + at, 8); return v; }
static void put16(hwaddr at, uint16_t v) { memcpy(x86_ram + at, &v, 2); }
static uint16_t get16(hwaddr at) { uint16_t v; memcpy(&v, x86_ram + at, 2); return v; }

/* access = byte 5; a flat 4 GiB 32-bit segment unless small (limit in bytes) */
static void segment(uint32_t selector, uint8_t access, uint32_t base, uint32_t limit)
{
    bool flat = limit == 0xffffffff;
    hwaddr at = GDT + (selector & 0xfff8);
    put32(at, base << 16 | (limit & 0xffff));
    put32(at + 4, (base & 0xff000000) | (flat ? 0xcf0000 :
                                         limit & 0xf0000) | (uint32_t)access << 8 | (base >> 16 & 0xff));
}

static void gate(hwaddr at, uint8_t access, uint32_t selector, uint32_t offset, unsigned params)
{
    put32(at, selector << 16 | (offset & 0xffff));
    put32(at + 4, (offset & 0xffff0000) | (uint32_t)access << 8 | params);
}

static void set_cpl(unsigned cpl)
{
    uint32_t dpl = cpl << DESC_DPL_SHIFT, flat = DESC_G | DESC_B | DESC_P | DESC_S | DESC_A;
    env->eflags = 2;
    cpu_x86_load_seg_cache(env, R_CS, cpl ? CODE3 : CODE0, 0, 0xffffffff, flat | DESC_CS | DESC_R | dpl);
    for (unsigned i = 0; i < 6; i++)
        if (i != R_CS)
            cpu_x86_load_seg_cache(env, (int)i, cpl ? DATA3 : DATA0, 0, 0xffffffff, flat | DESC_W | dpl);
    env->regs[R_ESP] = cpl ? STACK3 : STACK0;
    env->eip = 0x1000;
}

/* 32-bit protected mode without paging, at the given CPL. */
static void protected_mode(unsigned cpl)
{
    x86_cpu_reset(&env->parent);
    env->parent.halted = false;
    memset(x86_ram + GDT, 0, 0x2400);
    segment(CODE0, 0x9b, 0, 0xffffffff);
    segment(DATA0, 0x93, 0, 0xffffffff);
    segment(CODE3, 0xfb, 0, 0xffffffff);
    segment(DATA3, 0xf3, 0, 0xffffffff);
    segment(CONFORMING, 0x9f, 0, 0xffffffff);
    segment(READONLY, 0xf1, 0, 0xffffffff);
    segment(ABSENT, 0x73, 0, 0xffffffff);
    segment(ABSENT_STACK, 0x13, 0, 0xffffffff);
    segment(EXEC_ONLY, 0xf9, 0, 0xffffffff);
    segment(TSS_A, 0x8b, TSS_A_AT, 0x67);
    segment(TSS_B, 0xe9, TSS_B_AT, 0x67);
    gate(GDT + GATE, 0xec, CODE0, ENTRY, 2);
    gate(GDT + GATE16, 0xe4, CODE0, 0x13000, 1);
    gate(GDT + GATE_ABSENT, 0x6c, CODE0, ENTRY, 0);
    gate(GDT + TASK_GATE, 0xe5, TSS_B, 0, 0);
    put32(TSS_A_AT + 4, STACK0);
    put32(TSS_A_AT + 8, DATA0);
    env->gdt.base = GDT;
    env->gdt.limit = 0x7f;
    env->idt.base = IDT;
    env->idt.limit = 0x7ff;
    seg_set(&env->tr, TSS_A, TSS_A_AT, 0x67, DESC_P | SYS_TSS_BUSY << DESC_TYPE_SHIFT);
    cpu_x86_update_cr0(env, CR0_PE | CR0_ET);
    set_cpl(cpl);
}

#define EXPECT(statement, vector, error)                    \
    do {                                                    \
        g_assert_cmpint(X86_CATCH(env, statement), ==, vector); \
        g_assert_cmphex(env->error_code, ==, error);        \
    } while (0)
#define FINE(statement) g_assert_cmpint(X86_CATCH(env, statement), ==, -1)

static void test_segment_loads(void)
{
    protected_mode(3);
    FINE(x86_load_segment(env, R_DS, DATA3, 0));
    FINE(x86_load_segment(env, R_ES, 0, 0));
    g_assert_cmphex(env->segs[R_ES].flags, ==, 0);
    FINE(x86_load_segment(env, R_ES, CONFORMING, 0));
    EXPECT(x86_load_segment(env, R_DS, DATA0, 0), EXCP0D_GPF, DATA0);
    EXPECT(x86_load_segment(env, R_DS, ABSENT | 3, 0), EXCP0B_NOSEG, ABSENT);
    EXPECT(x86_load_segment(env, R_DS, EXEC_ONLY | 3, 0), EXCP0D_GPF, EXEC_ONLY);
    EXPECT(x86_load_segment(env, R_DS, 0x80, 0), EXCP0D_GPF, 0x80);
    EXPECT(x86_load_segment(env, R_DS, 0x0c, 0), EXCP0D_GPF, 0x0c); /* LDT without table */
    EXPECT(x86_load_segment(env, R_DS, TSS_A, 0), EXCP0D_GPF, TSS_A);
    EXPECT(x86_load_segment(env, R_SS, 0, 0), EXCP0D_GPF, 0);
    EXPECT(x86_load_segment(env, R_SS, DATA3 & ~3, 0), EXCP0D_GPF, DATA3 & ~3);
    EXPECT(x86_load_segment(env, R_SS, READONLY | 3, 0), EXCP0D_GPF, READONLY);
    set_cpl(0);
    EXPECT(x86_load_segment(env, R_SS, ABSENT_STACK, 0), EXCP0C_STACK, ABSENT_STACK);
    segment(DATA0, 0x92, 0, 0xffffffff);
    FINE(x86_load_segment(env, R_DS, DATA0, 0));
    g_assert_cmphex(x86_ram[GDT + DATA0 + 5], ==, 0x93); /* accessed */
}

static void test_call_gate(void)
{
    protected_mode(3);
    put32(STACK3, 0x11111111);
    put32(STACK3 + 4, 0x22222222);
    FINE(x86_far_call(env, GATE | 3, 0, 4, 0x1234, 0));
    g_assert_cmphex(env->segs[R_CS].selector, ==, CODE0);
    g_assert_cmphex(env->segs[R_SS].selector, ==, DATA0);
    g_assert_cmphex(env->eip, ==, ENTRY);
    g_assert_cmpuint(x86_cpl(env), ==, 0);
    g_assert_cmphex(env->regs[R_ESP], ==, STACK0 - 24);
    static const uint32_t frame[] = { 0x1234, CODE3, 0x11111111, 0x22222222, STACK3, DATA3 };
    g_assert_cmpmem(x86_ram + STACK0 - 24, 24, frame, 24);
    FINE(x86_far_ret(env, 4, 8, 0));
    g_assert_cmphex(env->segs[R_CS].selector, ==, CODE3);
    g_assert_cmphex(env->eip, ==, 0x1234);
    g_assert_cmphex(env->regs[R_ESP], ==, STACK3 + 8);
    g_assert_cmpuint(x86_cpl(env), ==, 3);
    EXPECT(x86_far_call(env, GATE_ABSENT | 3, 0, 4, 0, 0), EXCP0B_NOSEG, GATE_ABSENT);
    EXPECT(x86_far_jump(env, GATE | 3, 0, 4, 0, 0), EXCP0D_GPF, CODE0);
    EXPECT(x86_far_call(env, CODE0, 0, 4, 0, 0), EXCP0D_GPF, CODE0);
    EXPECT(x86_far_call(env, DATA3, 0, 4, 0, 0), EXCP0D_GPF, DATA3 & ~3);
    EXPECT(x86_far_call(env, 0, 0, 4, 0, 0), EXCP0D_GPF, 0);
    FINE(x86_far_jump(env, CONFORMING, 0x77, 4, 0, 0));
    g_assert_cmphex(env->segs[R_CS].selector, ==, CONFORMING | 3);
    put32(TSS_A_AT + 8, READONLY);
    EXPECT(x86_far_call(env, GATE | 3, 0, 4, 0, 0), EXCP0A_TSS, READONLY);
}

static void test_call_gate16(void)
{
    protected_mode(3);
    put16(STACK3, 0xabcd);
    FINE(x86_far_call(env, GATE16 | 3, 0, 4, 0x1234, 0));
    g_assert_cmphex(env->eip, ==, 0x3000); /* offset cut to 16 bits */
    static const uint16_t frame[] = { 0x1234, CODE3, 0xabcd, STACK3, DATA3 };
    g_assert_cmpmem(x86_ram + STACK0 - 10, 10, frame, 10);
}

/* ---- Interrupts in 32-bit protected mode ---- */

static void deliver(int vector, uint32_t error)
{
    env->parent.exception_index = vector;
    env->error_code = error;
    env->exception_is_int = false;
    x86_do_exception(&env->parent);
}

static void software_interrupt(int vector, uint64_t next_eip)
{
    env->parent.exception_index = vector;
    env->exception_is_int = true;
    env->exception_next_eip = next_eip;
    x86_do_exception(&env->parent);
}

static void test_interrupt32(void)
{
    protected_mode(3);
    gate(IDT + 8 * 14, 0x8e, CODE0, ENTRY, 0);
    gate(IDT + 8 * 0x80, 0xef, CODE0, ENTRY + 8, 0);
    gate(IDT + 8 * 0x81, 0x8e, CODE0, ENTRY, 0);
    gate(IDT + 8 * 0x82, 0x6e, CODE0, ENTRY, 0);
    env->eflags |= IF_MASK | NT_MASK;
    FINE(deliver(14, 7));
    static const uint32_t frame[] = { 7, 0x1000, CODE3, 2 | IF_MASK | NT_MASK | RF_MASK, STACK3, DATA3 };
    g_assert_cmpmem(x86_ram + STACK0 - 24, 24, frame, 24);
    g_assert_cmphex(env->eip, ==, ENTRY);
    g_assert_cmphex(env->eflags & (IF_MASK | NT_MASK | RF_MASK | TF_MASK), ==, 0);
    env->regs[R_ESP] += 4;
    FINE(x86_iret(env, 4, 0, 0));
    g_assert_cmphex(env->eip, ==, 0x1000);
    g_assert_cmpuint(x86_cpl(env), ==, 3);
    g_assert_cmphex(env->regs[R_ESP], ==, STACK3);
    env->eflags &= ~(uint32_t)RF_MASK;
    FINE(software_interrupt(0x80, 0x1002));
    g_assert_cmphex(get32(STACK0 - 20), ==, 0x1002);
    g_assert_true(env->eflags & IF_MASK); /* trap gate */
    set_cpl(3);
    EXPECT(software_interrupt(0x81, 0), EXCP0D_GPF, 0x81 * 8 + 2);
    EXPECT(software_interrupt(0x82, 0), EXCP0B_NOSEG, 0x82 * 8 + 2);
}

static void test_gate_errors(void)
{
    protected_mode(0);
    gate(IDT + 8 * 3, 0x0e, CODE0, ENTRY, 0);
    gate(IDT + 8 * 4, 0x8c, CODE0, ENTRY, 0);
    gate(IDT + 8 * 5, 0x8e, DATA0, ENTRY, 0);
    gate(IDT + 8 * 6, 0x8e, 0, ENTRY, 0);
    EXPECT(software_interrupt(3, 0), EXCP0B_NOSEG, 3 * 8 + 2);
    EXPECT(software_interrupt(4, 0), EXCP0D_GPF, 4 * 8 + 2);
    EXPECT(software_interrupt(5, 0), EXCP0D_GPF, DATA0);
    EXPECT(deliver(5, 0), EXCP0D_GPF, DATA0 + 1); /* EXT */
    EXPECT(deliver(6, 0), EXCP0D_GPF, 1);
}

static void test_double_fault(void)
{
    protected_mode(0); /* no gates at all */
    EXPECT(deliver(EXCP06_ILLOP, 0), EXCP0D_GPF, 6 * 8 + 3);
    env->idt.limit = 0;
    g_assert_cmpint(X86_CATCH(env, deliver(EXCP0D_GPF, 0)), ==, EXCP08_DBLE);
    g_assert_cmpint(X86_CATCH(env, deliver(EXCP0E_PAGE, 0)), ==, EXCP08_DBLE);
    g_assert_cmpint(X86_CATCH(env, deliver(EXCP08_DBLE, 0)), ==, EXCP_HLT); /* triple fault */
    env->parent.halted = false;
}

/* ---- Tasks ---- */

static void new_task(hwaddr at)
{
    memset(x86_ram + at, 0, 0x68);
    put32(at + 0x20, 0x2222);
    put32(at + 0x24, 2);
    put32(at + 0x28, 0xeeeeeeee);
    put32(at + 0x38, 0xa000);
    put32(at + 0x48, DATA0);
    put32(at + 0x4c, CODE0);
    put32(at + 0x50, DATA0);
    put32(at + 0x54, DATA0);
}

static void test_task_switch(void)
{
    protected_mode(0);
    new_task(TSS_B_AT);
    env->regs[R_EAX] = 0x12345678;
    FINE(x86_far_call(env, TSS_B, 0, 4, 0x1007, 0));
    g_assert_cmphex(env->eip, ==, 0x2222);
    g_assert_cmphex(env->regs[R_EAX], ==, 0xeeeeeeee);
    g_assert_cmphex(env->regs[R_ESP], ==, 0xa000);
    g_assert_cmphex(env->tr.selector, ==, TSS_B);
    g_assert_true(env->eflags & NT_MASK);
    g_assert_true(env->cr[0] & CR0_TS);
    g_assert_cmphex(get16(TSS_B_AT), ==, TSS_A);
    g_assert_cmphex(get32(TSS_A_AT + 0x20), ==, 0x1007);
    g_assert_cmphex(get32(TSS_A_AT + 0x28), ==, 0x12345678);
    g_assert_cmphex(x86_ram[GDT + TSS_B + 5], ==, 0xeb);
    g_assert_cmphex(x86_ram[GDT + TSS_A + 5], ==, 0x8b);
    EXPECT(x86_far_call(env, TSS_B, 0, 4, 0, 0), EXCP0D_GPF, TSS_B); /* busy */
    FINE(x86_iret(env, 4, 0x2223, 0));
    g_assert_cmphex(env->eip, ==, 0x1007);
    g_assert_cmphex(env->regs[R_EAX], ==, 0x12345678);
    g_assert_cmphex(env->tr.selector, ==, TSS_A);
    g_assert_cmphex(x86_ram[GDT + TSS_B + 5], ==, 0xe9);
    g_assert_false(get32(TSS_B_AT + 0x24) & NT_MASK);
}

static void test_task_gate(void)
{
    protected_mode(0);
    new_task(TSS_B_AT);
    gate(IDT + 8 * 8, 0x85, TSS_B, 0, 0);
    FINE(deliver(EXCP08_DBLE, 0));
    g_assert_cmphex(env->eip, ==, 0x2222);
    g_assert_cmphex(env->regs[R_ESP], ==, 0xa000 - 4); /* the error code */
    protected_mode(0);
    new_task(TSS_B_AT);
    put32(TSS_B_AT + 0x54, EXEC_ONLY);
    EXPECT(x86_far_jump(env, TASK_GATE, 0, 4, 0, 0), EXCP0A_TSS, EXEC_ONLY);
    g_assert_cmphex(env->tr.selector, ==, TSS_B); /* already the new task */
    protected_mode(0);
    segment(TSS_B, 0xe9, TSS_B_AT, 0x66);
    EXPECT(x86_far_jump(env, TSS_B, 0, 4, 0, 0), EXCP0A_TSS, TSS_B);
}

static void test_io_bitmap(void)
{
    protected_mode(3);
    env->tr.limit = 0x8b;
    put16(TSS_A_AT + 0x66, 0x68);
    x86_ram[TSS_A_AT + 0x68 + 0x60 / 8] = 0x02; /* port 0x61 */
    FINE(helper_check_io(&env->parent, 0x60, 1));
    EXPECT(helper_check_io(&env->parent, 0x60, 2), EXCP0D_GPF, 0);
    EXPECT(helper_check_io(&env->parent, 0x400, 1), EXCP0D_GPF, 0);
    env->eflags |= IOPL_MASK;
    FINE(helper_check_io(&env->parent, 0x400, 1));
}

/* ---- v8086 mode ---- */

static void enter_v86(uint32_t extra_flags)
{
    protected_mode(0);
    env->regs[R_ESP] = STACK0 - 36;
    static const uint32_t frame[] = { 0x100, 0x200, 0, 0x0ffe, 0x700, 0x300, 0x400, 0x500, 0x600 };
    memcpy(x86_ram + STACK0 - 36, frame, 36);
    put32(STACK0 - 28, VM_MASK | 2 | extra_flags);
    FINE(x86_iret(env, 4, 0, 0));
}

static void test_v86(void)
{
    enter_v86(IF_MASK);
    g_assert_cmpuint(x86_cpl(env), ==, 3);
    g_assert_cmphex(env->segs[R_CS].base, ==, 0x2000);
    g_assert_cmphex(env->segs[R_SS].base, ==, 0x7000);
    g_assert_cmphex(env->segs[R_GS].selector, ==, 0x600);
    g_assert_cmphex(env->segs[R_ES].limit, ==, 0xffff);
    g_assert_true(env->hflags & HF_VM);
    gate(IDT + 8 * 13, 0x8e, CODE0, ENTRY, 0);
    FINE(deliver(EXCP0D_GPF, 0));
    static const uint32_t frame[] = { 0, 0x100, 0x200, VM_MASK | IF_MASK | RF_MASK | 2, 0x0ffe, 0x700, 0x300, 0x400,
                                      0x500, 0x600 };
    g_assert_cmpmem(x86_ram + STACK0 - 40, 40, frame, 40);
    g_assert_false(env->eflags & VM_MASK);
    g_assert_cmphex(env->segs[R_DS].selector, ==, 0);
    g_assert_cmphex(env->segs[R_CS].selector, ==, CODE0);
}

/* INT n with IOPL < 3: #GP without VME, redirected to the real-mode vector with it. */
static void test_vme(void)
{
    enter_v86(IF_MASK);
    x86_ram[0x2100] = 0xcd;
    x86_ram[0x2101] = 0x21;
    EXPECT(software_interrupt(0x21, 0x102), EXCP0D_GPF, 0);
    env->cr[4] |= CR4_VME;
    env->tr.limit = 0xff;
    put16(TSS_A_AT + 0x66, 0x88);
    env->eflags |= VIF_MASK;
    put16(0x21 * 4, 0x1111);
    put16(0x21 * 4 + 2, 0x0222);
    FINE(software_interrupt(0x21, 0x102));
    g_assert_cmphex(env->eip, ==, 0x1111);
    g_assert_cmphex(env->segs[R_CS].selector, ==, 0x222);
    g_assert_cmphex(get16(0x7000 + 0x0ff8), ==, 0x102);
    g_assert_cmphex(get16(0x7000 + 0x0ffa), ==, 0x200);
    g_assert_cmphex(get16(0x7000 + 0x0ffc), ==, 2 | IF_MASK | IOPL_MASK);
    g_assert_false(env->eflags & VIF_MASK);
    FINE(x86_iret(env, 2, 0, 0));
    g_assert_cmphex(env->eip, ==, 0x102);
    g_assert_true(env->eflags & VIF_MASK);
}

/* ---- Real mode ---- */

static void test_real(void)
{
    x86_cpu_reset(&env->parent);
    g_assert_cmphex(env->segs[R_CS].base, ==, 0xffff0000);
    FINE(x86_far_jump(env, 0x1000, 0x20, 2, 0, 0));
    g_assert_cmphex(env->segs[R_CS].base, ==, 0x10000);
    env->regs[R_ESP] = 0x7000;
    put32(0x10 * 4, 0x0f000123);
    env->eflags |= IF_MASK;
    FINE(software_interrupt(0x10, 0x22));
    g_assert_cmphex(env->segs[R_CS].selector, ==, 0xf00);
    g_assert_cmphex(env->eip, ==, 0x123);
    g_assert_cmphex(get16(0x6ffa), ==, 0x22);
    g_assert_false(env->eflags & IF_MASK);
    FINE(x86_iret(env, 2, 0, 0));
    g_assert_cmphex(env->eip, ==, 0x22);
    g_assert_true(env->eflags & IF_MASK);
    env->idt.limit = 0x20;
    EXPECT(software_interrupt(0x10, 0x22), EXCP0D_GPF, 0x10 * 8 + 2);
}

/* ---- Long mode ---- */

static void gate64(unsigned vector, uint8_t access, unsigned ist, uint64_t offset)
{
    hwaddr at = 0x5000 + 16 * vector;
    gate(at, access, 8, (uint32_t)offset, ist);
    put32(at + 8, offset >> 32);
    put32(at + 12, 0);
}

static void long_mode(void)
{
    x86_cpu_reset(&env->parent);
    env->parent.halted = false;
    memset(x86_ram + 0x1000, 0, 0x8000);
    x86_enter_long_mode(env);
    put32(0x6000 + 4, 0x9000);           /* RSP0 */
    put32(0x6000 + 0x24 + 8, 0xb000);    /* IST2 */
    seg_set(&env->tr, 0x38, 0x6000, 0x67, DESC_P | SYS_TSS_BUSY << DESC_TYPE_SHIFT);
    env->regs[R_ESP] = 0xa008;
    env->eip = 0x200000;
}

static void test_long_interrupt(void)
{
    long_mode();
    gate64(14, 0x8e, 0, 0x210000);
    gate64(2, 0x8e, 2, 0x220000);
    FINE(deliver(14, 2));
    g_assert_cmphex(env->regs[R_ESP], ==, 0xa000 - 48); /* aligned first */
    g_assert_cmphex(get64(0xa000 - 48), ==, 2);
    g_assert_cmphex(get64(0xa000 - 40), ==, 0x200000);
    g_assert_cmphex(get64(0xa000 - 16), ==, 0xa008);
    g_assert_cmphex(env->eip, ==, 0x210000);
    env->regs[R_ESP] += 8;
    FINE(x86_iret(env, 8, 0, 0));
    g_assert_cmphex(env->regs[R_ESP], ==, 0xa008);
    g_assert_cmphex(env->eip, ==, 0x200000);
    cpu_interrupt(&env->parent, CPU_INTERRUPT_NMI);
    FINE(x86_exec_interrupt(&env->parent, CPU_INTERRUPT_NMI));
    g_assert_cmphex(env->regs[R_ESP], ==, 0xb000 - 40);
    g_assert_true(env->nmi_masked);
    FINE(x86_iret(env, 8, 0, 0));
    g_assert_false(env->nmi_masked);
    EXPECT(deliver(6, 0), EXCP0D_GPF, 6 * 8 + 3);
    env->eip = 0x200000;
    env->regs[R_ESP] = 0x0000800000000010; /* not canonical */
    EXPECT(deliver(14, 0), EXCP08_DBLE, 0); /* #SS while delivering #PF */
}

static void test_syscall(void)
{
    long_mode();
    env->star = (uint64_t)0x1b << 48 | (uint64_t)0x08 << 32;
    env->lstar = 0x230000;
    env->fmask = IF_MASK | TF_MASK;
    env->eflags |= IF_MASK;
    helper_syscall(&env->parent, 0x200002);
    g_assert_cmphex(env->regs[R_ECX], ==, 0x200002);
    g_assert_cmphex(env->regs[11], ==, IF_MASK | 2);
    g_assert_cmphex(env->eip, ==, 0x230000);
    g_assert_cmphex(env->segs[R_SS].selector, ==, 0x10);
    g_assert_false(env->eflags & IF_MASK);
    FINE(helper_sysret(&env->parent, 8));
    g_assert_cmphex(env->eip, ==, 0x200002);
    g_assert_cmphex(env->segs[R_CS].selector, ==, 0x2b);
    g_assert_cmphex(env->segs[R_SS].selector, ==, 0x23);
    g_assert_cmpuint(x86_cpl(env), ==, 3);
    g_assert_true(env->eflags & IF_MASK);
    EXPECT(helper_sysret(&env->parent, 8), EXCP0D_GPF, 0); /* CPL 3 */
}

/* ---- Running code: single step, breakpoints ---- */

static void code(hwaddr at, const void *bytes, size_t n)
{
    memcpy(x86_ram + at, bytes, n);
    ram_written(x86_ram_region.ram, at, n);
}
#define CODE(at, ...) code(at, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

/* #DB handler: counts at 0x7000, sets RF, returns. */
static void debug_handler(void)
{
    gate64(1, 0x8e, 0, 0x210000);
    CODE(0x210000, 0x48, 0xff, 0x04, 0x25, 0x00, 0x70, 0x00, 0x00,  /* inc qword [0x7000] */
         0x81, 0x4c, 0x24, 0x10, 0x00, 0x00, 0x01, 0x00,            /* or dword [rsp+16], 0x10000 */
         0x48, 0xcf);                                               /* iretq */
    memset(x86_ram + 0x7000, 0, 8);
}

static void test_single_step(void)
{
    long_mode();
    debug_handler();
    CODE(0x200000, 0x9c, 0x81, 0x0c, 0x24, 0x00, 0x01, 0x00, 0x00, 0x9d, /* pushfq; or dword [rsp], TF; popfq */
         0x90, 0x90, 0x0f, 0xa2,                                         /* nop; nop; cpuid */
         0x9c, 0x81, 0x24, 0x24, 0xff, 0xfe, 0xff, 0xff, 0x9d,           /* pushfq; and dword [rsp], ~TF; popfq */
         0xf4);
    x86_run(env);
    g_assert_cmpuint(get64(0x7000), ==, 6);
    g_assert_true(env->dr[6] & 1 << 14);
}

static void test_data_breakpoint(void)
{
    long_mode();
    debug_handler();
    env->dr[0] = 0x7100;
    cpu_x86_update_dr7(env, 1 | 1 << 16 | 3 << 18); /* L0, write, 4 bytes */
    CODE(0x200000, 0x8b, 0x04, 0x25, 0x00, 0x71, 0x00, 0x00,  /* mov eax, [0x7100] */
         0x89, 0x04, 0x25, 0x02, 0x71, 0x00, 0x00,            /* mov [0x7102], eax */
         0x89, 0x04, 0x25, 0x04, 0x71, 0x00, 0x00,            /* mov [0x7104], eax */
         0xf4);
    x86_run(env);
    g_assert_cmpuint(get64(0x7000), ==, 1);
    g_assert_cmphex(env->dr[6] & 15, ==, 1);
    cpu_x86_update_dr7(env, 0);
}

static void test_code_breakpoint(void)
{
    long_mode();
    debug_handler();
    CODE(0x200000, 0x90, 0x90, 0x90, 0xf4);
    env->dr[1] = 0x200001;
    cpu_x86_update_dr7(env, 1 << 2);
    x86_run(env);
    g_assert_cmpuint(get64(0x7000), ==, 1);
    g_assert_cmphex(env->dr[6] & 15, ==, 2);
    cpu_x86_update_dr7(env, 0);
}

static void test_io_breakpoint(void)
{
    long_mode();
    debug_handler();
    env->cr[4] |= CR4_DE;
    CODE(0x200000, 0xe4, 0x80, 0xe7, 0x81, 0xe6, 0x84, 0xf4); /* in al, 0x80; out 0x81, eax; out 0x84, al */
    env->dr[3] = 0x82;
    cpu_x86_update_dr7(env, 2 << 6 | 2 << 28 | 1u << 30); /* G3, I/O, 2 bytes */
    x86_run(env);
    g_assert_cmpuint(get64(0x7000), ==, 1);
    g_assert_cmphex(env->dr[6] & 15, ==, 8);
    cpu_x86_update_dr7(env, 0);
}

/* MOV DR with DR7.GD raises #DB before it. */
static void test_general_detect(void)
{
    long_mode();
    debug_handler();
    CODE(0x200000, 0x0f, 0x21, 0xf0, 0xf4); /* mov rax, dr6; hlt */
    cpu_x86_update_dr7(env, 1 << 13);
    x86_run(env);
    g_assert_cmpuint(get64(0x7000), ==, 1);
    g_assert_true(env->dr[6] & 1 << 13);
    g_assert_false(env->dr[7] & 1 << 13);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    x86_machine(16 * MiB);
    env = x86_new_cpu("max,+monitor");
    g_test_add_func("/x86/transfer/segment-loads", test_segment_loads);
    g_test_add_func("/x86/transfer/call-gate", test_call_gate);
    g_test_add_func("/x86/transfer/call-gate16", test_call_gate16);
    g_test_add_func("/x86/transfer/interrupt32", test_interrupt32);
    g_test_add_func("/x86/transfer/gate-errors", test_gate_errors);
    g_test_add_func("/x86/transfer/double-fault", test_double_fault);
    g_test_add_func("/x86/transfer/task-switch", test_task_switch);
    g_test_add_func("/x86/transfer/task-gate", test_task_gate);
    g_test_add_func("/x86/transfer/io-bitmap", test_io_bitmap);
    g_test_add_func("/x86/transfer/v86", test_v86);
    g_test_add_func("/x86/transfer/vme", test_vme);
    g_test_add_func("/x86/transfer/real", test_real);
    g_test_add_func("/x86/transfer/long-interrupt", test_long_interrupt);
    g_test_add_func("/x86/transfer/syscall", test_syscall);
    g_test_add_func("/x86/transfer/single-step", test_single_step);
    g_test_add_func("/x86/transfer/data-breakpoint", test_data_breakpoint);
    g_test_add_func("/x86/transfer/code-breakpoint", test_code_breakpoint);
    g_test_add_func("/x86/transfer/io-breakpoint", test_io_breakpoint);
    g_test_add_func("/x86/transfer/general-detect", test_general_detect);
    return g_test_run();
}
