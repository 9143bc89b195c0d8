/* SPDX-License-Identifier: MIT */
/*
 * Hardware task switches: JMP, CALL, IRET, task gates in GDT and IDT, double fault in a task of its own, contents of
 * the TSSs, busy bits, NT and link, CR0.TS, the T bit, 16-bit TSS, faults of the switch. SDM vol. 3 chapter 7.
 */
#include "lib.h"

enum { T1 = FREE_SLOT, T2, GATE, SPARE };
#define SEL(slot) ((slot) * 8)
static Tss t1, t2;
static u32 t1_stack[512], t2_stack[512];
volatile u32 seen_esp, seen_flags, seen_tr, seen_cr0, seen_eax;

static unsigned access_of(unsigned slot) { return gdt[slot] >> 40 & 0xff; }
static void task_gate(u64 *entry, unsigned selector, unsigned access) { *entry = (u64)selector << 16 | (u64)access << 40; }

static void prepare(Tss *t, const void *eip, void *stack_end)
{
    *t = (Tss){ .eip = VAL(eip), .eflags = 2, .esp = VAL(stack_end), .es = KDS, .cs = KCS, .ss = KDS, .ds = KDS, .fs = KDS, .gs = KDS,
                .eax = 0xa0a0a0a0, .ecx = 0xc0c0c0c0, .edx = 0xd0d0d0d0, .ebx = 0xb0b0b0b0, .ebp = 0xb9b9b9b9, .esi = 0x51515151,
                .edi = 0xd1d1d1d1, .esp0 = VAL(trap_stack_top), .ss0 = KDS, .iomap = sizeof(Tss) };
}

static void reset_tasks(const void *entry)
{
    prepare(&t1, entry, t1_stack + 512);
    gdt[T1] = descriptor(VAL(&t1), sizeof t1 - 1, 0x89, 0);
    gdt[T2] = descriptor(VAL(&t2), sizeof t2 - 1, 0x89, 0);
    gdt[TSS_SEL / 8] = descriptor(VAL(&tss), sizeof tss - 1, 0x89, 0);
    asm volatile("clts; ltr %w0" : : "r"(TSS_SEL));
}

/* What the new task sees; then it goes back by JMP to the first TSS, or by IRET. */
#define RECORD "mov %eax, seen_eax; mov %esp, seen_esp; pushf; popl seen_flags; mov %cr0, %eax; mov %eax, seen_cr0; str %eax; mov %eax, seen_tr;"
CODE(back_by_jmp, RECORD "ljmp $0x28, $0");
CODE(back_by_iret, RECORD "iret; mov $0x77777777, %eax; jmp back_by_iret");
CODE(go_jmp, "mov $0x12345678, %ebx; mov $0x9abcdef0, %edi; mov %esp, %ebp; push %ebp; stc; ljmp $0x30, $0; go_jmp_next: pop %ebp");
CODE(go_call, "mov $0x12345678, %ebx; lcall $0x30, $0; go_call_next: nop");
CODE(go_gate, "lcall $0x40, $0; go_gate_next: nop");
CODE(go_jmp_at_user, "ljmp $0x33, $0");
CODE(go_gate_user, "lcall $0x43, $0");
CODE(go_int, "int $0x50; go_int_next: nop");
CODE(iret_busy, "pushl $0x4002; popf; iret_busy_at: iret");
LABEL(go_jmp_next); LABEL(go_call_next); LABEL(go_gate_next); LABEL(go_int_next); LABEL(iret_busy_at);

_Static_assert(TSS_SEL == 0x28 && T1 * 8 == 0x30 && GATE * 8 == 0x40, "selectors in the assembly");

static void jump(void)
{
    reset_tasks(back_by_jmp);
    t1.eax = 0x11223344;
    check("JMP to a task and back", try0(go_jmp, 0xeeeeeeee, 0xcccccccc), NONE);
    check("EAX of the task", seen_eax, 0x11223344);
    check("ESP of the task", seen_esp, VAL(t1_stack + 512));
    check("EFLAGS of the task", seen_flags, 2);
    check("TR", seen_tr, SEL(T1));
    check("CR0.TS", seen_cr0 & 8, 8);
    check("old EIP", t1.link, 0);
    check("saved EIP", tss.eip, VAL(go_jmp_next));
    check("saved EFLAGS", tss.eflags & FL_CF, FL_CF);
    check("saved EAX", tss.eax, 0xeeeeeeee);
    check("saved ECX", tss.ecx, 0xcccccccc);
    check("saved EBX", tss.ebx, 0x12345678);
    check("saved EDI", tss.edi, 0x9abcdef0);
    check("saved ESP", tss.esp, tss.ebp - 4);
    check("saved segments", (tss.es & 0xffff) + (tss.cs & 0xffff) + (tss.ss & 0xffff) + (tss.ds & 0xffff) + (tss.fs & 0xffff) + (tss.gs & 0xffff), KCS + 5 * KDS);
    check("T1 available again", access_of(T1), 0x89);
    check("first TSS busy", access_of(TSS_SEL / 8), 0x8b);
    check("state of T1 saved, ESP", t1.esp, VAL(t1_stack + 512));
    check("state of T1 saved, EBX", t1.ebx, 0xb0b0b0b0);
    check("static fields are not written", t1.esp0 + t1.ss0, VAL(trap_stack_top) + KDS);
}

static void nested(void)
{
    reset_tasks(back_by_iret);
    check("CALL a task and IRET", try0(go_call, 0, 0), NONE);
    check("NT in the task", seen_flags, 2 | FL_NT);
    check("link", t1.link & 0xffff, TSS_SEL);
    check("caller stays busy", access_of(TSS_SEL / 8), 0x8b);
    check("callee available after IRET", access_of(T1), 0x89);
    check("NT gone after IRET", read_flags() & FL_NT, 0);
    check("NT cleared in the image IRET saves", t1.eflags & FL_NT, 0);
    check("EIP behind IRET saved", t1.eip > VAL(back_by_iret) && t1.eip < VAL(back_by_iret) + 64, 1);
    check("CALL again continues behind IRET", try0(go_call, 0, 0), NONE);
    check("EAX there", seen_eax, 0x77777777);

    reset_tasks(back_by_iret);
    task_gate(&gdt[GATE], SEL(T1), 0x85);
    check("task gate", try0(go_gate, 0, 0), NONE);
    check("link through a gate", t1.link & 0xffff, TSS_SEL);
    reset_tasks(back_by_iret);
    task_gate(&idt[0x50], SEL(T1), 0x85);
    check("task gate in the IDT", try0(go_int, 0, 0), NONE);
    check("INT saves the next EIP", tss.eip, VAL(go_int_next));
    check("INT to a task sets NT", seen_flags & FL_NT, FL_NT);
}

CODE(error_task, "mov %esp, seen_esp; popl seen_eax; str %eax; mov %eax, seen_tr; mov $-1, %eax; ljmp $0x28, $0");
CODE(push_on_bad_stack, "mov %esp, %ebx; mov $0x48, %eax; mov %ax, %ss; push_on_bad_stack_at: push %eax; push_on_bad_stack_next: mov %ebx, %esp");
volatile u32 df_count;

/* Corrects EIP and stack of the interrupted task before it goes on. */
CODE(df_task, "mov %esp, seen_esp; popl seen_eax; incl df_count; movl $push_on_bad_stack_next, tss+0x20; movl $0x10, tss+0x50; iret");

CODE(bad_load, "mov %esp, %ebx; mov $0x200, %eax; mov %eax, %fs");

static void double_fault(void)
{
    reset_tasks(df_task);
    task_gate(&idt[DF], SEL(T1), 0x85);
    gdt[SPARE] = descriptor(0, 3, 0x93, 4);
    check("double fault task", try0(push_on_bad_stack, 0, 0), NONE);
    check("double fault once", df_count, 1);
    check("error code of #DF", seen_eax, 0);
    check("ESP with the error code", seen_esp, VAL(t1_stack + 512) - 4);
    set_gate(DF, KCS, vector_entries + 16 * DF, 0x8e, 0);
    /* #GP by a task gate: error code pushed on the task's stack. */
    reset_tasks(df_task);
    task_gate(&idt[GP], SEL(T1), 0x85);
    check("#GP task", try0(bad_load, 0, 0), NONE);
    check("error code in a task", seen_eax, 0x200);
    set_gate(GP, KCS, vector_entries + 16 * GP, 0x8e, 0);
}

static void faults(void)
{
    reset_tasks(back_by_jmp);
    gdt[T1] = descriptor(VAL(&t1), sizeof t1 - 1, 0x8b, 0);
    try0(go_jmp, 0, 0);
    check_fault("JMP to a busy task", GP, SEL(T1), 0);
    gdt[T1] = descriptor(VAL(&t1), sizeof t1 - 1, 0x09, 0);
    try0(go_jmp, 0, 0);
    check_fault("task not present", NP, SEL(T1), 0);
    gdt[T1] = descriptor(VAL(&t1), 0x66, 0x89, 0);
    try0(go_jmp, 0, 0);
    check_fault("TSS too small", TS, SEL(T1), 0);
    gdt[T1] = descriptor(VAL(&t1), 0x67, 0x89, 0);
    try3(go_jmp_at_user, 0, 0);
    check_fault("TSS of DPL 0 at CPL 3", GP, SEL(T1), go_jmp_at_user);
    task_gate(&gdt[GATE], SEL(T1), 0x85);
    try3(go_gate_user, 0, 0);
    check_fault("task gate of DPL 0 at CPL 3", GP, SEL(GATE), go_gate_user);
    task_gate(&gdt[GATE], SEL(T1), 0x05);
    try0(go_gate, 0, 0);
    check_fault("task gate not present", NP, SEL(GATE), 0);
    task_gate(&gdt[GATE], KDS, 0x85);
    try0(go_gate, 0, 0);
    check_fault("task gate to data", GP, KDS, 0);
    task_gate(&gdt[GATE], 4, 0x85);
    try0(go_gate, 0, 0);
    check_fault("task gate to the LDT", GP, 4, 0);
    task_gate(&gdt[GATE], TSS_SEL, 0x85);
    try0(go_gate, 0, 0);
    check_fault("task gate to a busy task", GP, TSS_SEL, 0);
    tss.link = SEL(T1);
    try0(iret_busy, 0, 0);
    check_fault("IRET to a task that is not busy", TS, SEL(T1), iret_busy_at);
    write_flags(2);

    /* Bad segments of the new task: the fault is in its context, at its first instruction. */
    static const struct { const char *name; u32 cs, ss, ds, ldt; int vector; u32 error; } bad[] = {
        { "task, CS null", 0, KDS, KDS, 0, TS, 0 },
        { "task, CS data", KDS, KDS, KDS, 0, TS, KDS },
        { "task, SS null", KCS, 0, KDS, 0, TS, 0 },
        { "task, SS of another DPL", KCS, UDS, KDS, 0, TS, UDS & ~3 },
        { "task, DS system", KCS, KDS, TSS_SEL, 0, TS, TSS_SEL },
        { "task, DS past the GDT", KCS, KDS, GDT_ENTRIES * 8, 0, TS, GDT_ENTRIES * 8 },
        { "task, DS not present", KCS, KDS, SEL(SPARE), 0, NP, SEL(SPARE) },
        { "task, LDT is data", KCS, KDS, KDS, KDS, TS, KDS },
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        reset_tasks(back_by_jmp);
        gdt[SPARE] = descriptor(0, 0xfffff, 0x13, 0xc);
        t1.cs = bad[i].cs, t1.ss = bad[i].ss, t1.ds = bad[i].ds, t1.ldt = bad[i].ldt;
        /* The handler is a task too: the new one may have no stack. */
        prepare(&t2, error_task, t2_stack + 512);
        task_gate(&idt[bad[i].vector], SEL(T2), 0x85);
        check(bad[i].name, try0(go_jmp, 0, 0), NONE);
        check(bad[i].name, seen_eax, bad[i].error);
        check(bad[i].name, seen_tr, SEL(T2));
        check("EIP of the new task", t1.eip, VAL(back_by_jmp));
        check("link names the new task", t2.link & 0xffff, SEL(T1));
        set_gate(bad[i].vector, KCS, vector_entries + 16 * bad[i].vector, 0x8e, 0);
    }
}

static void trap_bit(void)
{
    reset_tasks(back_by_jmp);
    t1.trap = 1;
    write_dr6(0xffff0ff0);
    try0(go_jmp, 0, 0);
    check_fault("T bit", DB, 0, back_by_jmp);
    check("BT", ex.dr6 & 0x8000, 0x8000);
    ul tr;
    asm volatile("str %0" : "=r"(tr));
    check("TR after T", tr & 0xffff, SEL(T1));
    write_dr6(0xffff0ff0);
    write_dr7(0x455);
    reset_tasks(back_by_jmp);
    try0(go_jmp, 0, 0);
    check("a switch clears the local breakpoints", read_dr7() & 0xff, 0);
    write_dr7(0x400);
}

/* A new task with another CR3 and rings: goes to CPL 3 directly. */
CODE(user_task, "mov %cs, %eax; int $0x80");

static void user(void)
{
    reset_tasks(user_task);
    t1.cs = UCS, t1.ss = t1.ds = t1.es = UDS, t1.fs = t1.gs = 0, t1.esp = VAL(user_stack_top);
    try0(go_jmp, 0, 0);
    check_fault("task at CPL 3", EXIT, 0, user_task + 4);
    check("CS of the task", ex.ax & 0xffff, UCS);
    check("frame on ESP0 of its TSS", ex.frame, VAL(trap_stack_top) - 20);
    reset_tasks(back_by_jmp);
}

/* ---- 16-bit TSS ---- */

static struct { u16 link, sp0, ss0, sp1, ss1, sp2, ss2, ip, flags, ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt; } small;
CODE(small_task, ".byte 0xeb, 0; mov %eax, seen_eax; mov %fs, %eax; mov %eax, seen_flags; str %eax; mov %eax, seen_tr; ljmp $0x28, $0");

static void task16(void)
{
    reset_tasks(back_by_jmp);
    gdt[SPARE] = descriptor(VAL(small_task), 0xffff, 0x9b, 4);
    gdt[T1] = descriptor(VAL(&small), sizeof small - 1, 0x81, 0);
    small = (typeof(small)){ .ip = 0, .flags = 2, .ax = 0x1234, .sp = 0x8000, .es = KDS, .cs = SEL(SPARE), .ss = KDS, .ds = KDS };
    check("16-bit task", try0(go_jmp, 0, 0), NONE);
    check("AX", seen_eax & 0xffff, 0x1234);
    check("FS is null", seen_flags & 0xffff, 0);
    check("TR", seen_tr & 0xffff, SEL(T1));
    check("CS saved", small.cs, SEL(SPARE));
    check("SP saved", small.sp, 0x8000);
    check("16-bit TSS available again", access_of(T1), 0x81);
    gdt[T1] = descriptor(VAL(&small), 0x2a, 0x81, 0);
    try0(go_jmp, 0, 0);
    check_fault("16-bit TSS too small", TS, SEL(T1), 0);
}

void main(void)
{
    jump();
    nested();
    double_fault();
    faults();
    trap_bit();
    user();
    task16();
}
