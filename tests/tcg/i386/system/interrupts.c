/* SPDX-License-Identifier: MIT */
/*
 * Interrupts and exceptions in 32-bit protected mode: gate types and DPL, error codes with the IDT and EXT
 * bits, stack switch, IRET to the outer ring, NT, INTO, BOUND, #DE, #UD, #BP, double faults.
 */
#include "lib.h"

CODE(divide, "xor %edx, %edx; xor %ecx, %ecx; divide_at: div %ecx");
CODE(divide_overflow, "mov $0x80000000, %eax; cdq; mov $-1, %ecx; divide_overflow_at: idiv %ecx");
CODE(undefined, "undefined_at: ud2");
CODE(breakpoint, "int3; breakpoint_next: nop");
CODE(breakpoint2, ".byte 0xcd, 3; breakpoint2_next: nop");
CODE(overflow, "mov $0x7fffffff, %eax; inc %eax; into; overflow_next: nop");
CODE(no_overflow, "xor %eax, %eax; into");
CODE(bound, "bound_at: bound %eax, bounds");
CODE(int40, "int40_at: int $0x40; int40_next: nop");
CODE(int41, "int41_at: int $0x41; int41_next: nop");
CODE(int3_user, "int3_user_at: int3; int3_user_next: nop");
CODE(halt, "halt_at: hlt");
CODE(cli_user, "cli_at: cli");
CODE(in_user, "in_at: in $0x71, %al");
CODE(mov_cr, "mov_cr_at: mov %cr0, %eax");
CODE(lock_bad, "lock_at: .byte 0xf0, 0x90");
LABEL(divide_at); LABEL(divide_overflow_at); LABEL(undefined_at); LABEL(breakpoint_next); LABEL(breakpoint2_next); LABEL(overflow_next);
LABEL(bound_at); LABEL(int40_at); LABEL(int40_next); LABEL(int41_at); LABEL(int41_next); LABEL(int3_user_at); LABEL(int3_user_next);
LABEL(halt_at); LABEL(cli_at); LABEL(in_at); LABEL(mov_cr_at); LABEL(lock_at);
const int bounds[2] = { -5, 10 };

static void simple_exceptions(void)
{
    try0(divide, 5, 0);
    check_fault("#DE", DE, 0, divide_at);
    check("#DE pushes RF", ex.flags & FL_RF, FL_RF);
    try0(divide_overflow, 0, 0);
    check_fault("#DE overflow", DE, 0, divide_overflow_at);
    try0(undefined, 0, 0);
    check_fault("#UD", UD, 0, undefined_at);
    try0(lock_bad, 0, 0);
    check_fault("LOCK NOP", UD, 0, lock_at);
    try0(breakpoint, 0, 0);
    check_fault("INT3", BP, 0, breakpoint_next);
    check("INT3 pushes no RF", ex.flags & FL_RF, 0);
    try0(breakpoint2, 0, 0);
    check_fault("INT 3", BP, 0, breakpoint2_next);
    try0(overflow, 0, 0);
    check_fault("INTO", OF, 0, overflow_next);
    check("INTO without OF", try0(no_overflow, 0, 0), NONE);
    try0(bound, 11, 0);
    check_fault("BOUND above", BR, 0, bound_at);
    try0(bound, -6, 0);
    check_fault("BOUND below", BR, 0, bound_at);
    check("BOUND upper", try0(bound, 10, 0), NONE);
    check("BOUND lower", try0(bound, -5, 0), NONE);
}

static void privilege(void)
{
    try3(halt, 0, 0);
    check_fault("HLT at CPL 3", GP, 0, halt_at);
    check("CS of CPL 3", ex.cs, UCS);
    check("SS of CPL 3", ex.ss, UDS);
    check("ESP of CPL 3", ex.sp, VAL(user_stack_top) - 4);
    check("frame on ESP0", ex.frame, VAL(trap_stack_top) - 20);
    try3(cli_user, 0, 0);
    check_fault("CLI at CPL 3", GP, 0, cli_at);
    try3(in_user, 0, 0);
    check_fault("IN at CPL 3", GP, 0, in_at);
    try3(mov_cr, 0, 0);
    check_fault("MOV CR at CPL 3", GP, 0, mov_cr_at);
    user_flags = 0x3002;
    try3(cli_user, 0, 0);
    check_fault("CLI at IOPL 3", EXIT, 0, 0);
    try3(in_user, 0, 0);
    check_fault("IN at IOPL 3", EXIT, 0, 0);
    user_flags = 2;
}

static void gates(void)
{
    try0(int40, 0, 0);
    check_fault("INT at CPL 0", 0x40, 0, int40_next);
    try3(int40, 0, 0);
    check_fault("INT with gate DPL 0", GP, 0x40 * 8 + 2, int40_at);
    try3(int3_user, 0, 0);
    check_fault("INT3 with gate DPL 0", GP, 3 * 8 + 2, int3_user_at);
    try3(divide, 1, 0);
    check_fault("#DE ignores the gate's DPL", DE, 0, divide_at);
    set_gate(0x40, KCS, vector_entries + 16 * 0x40, 0xee, 0);
    try3(int40, 0, 0);
    check_fault("INT with gate DPL 3", 0x40, 0, int40_next);

    user_flags = 0x202;
    try3(int40, 0, 0);
    check("interrupt gate clears IF", ex.handler_flags & FL_IF, 0);
    check("image keeps IF", ex.flags & FL_IF, FL_IF);
    set_gate(0x40, KCS, vector_entries + 16 * 0x40, 0xef, 0);
    try3(int40, 0, 0);
    check("trap gate keeps IF", ex.handler_flags & FL_IF, FL_IF);
    asm volatile("cli");
    user_flags = 2;

    set_gate(0x41, KCS, vector_entries + 16 * 0x41, 0x0e, 0);
    try0(int41, 0, 0);
    check_fault("gate not present", NP, 0x41 * 8 + 2, int41_at);
    try3(int41, 0, 0);
    check_fault("DPL before presence", GP, 0x41 * 8 + 2, int41_at);
    set_gate(0x41, KCS, vector_entries + 16 * 0x41, 0x8c, 0);
    try0(int41, 0, 0);
    check_fault("call gate in the IDT", GP, 0x41 * 8 + 2, int41_at);
    set_gate(0x41, 0, vector_entries + 16 * 0x41, 0x8e, 0);
    try0(int41, 0, 0);
    check_fault("null selector in the gate", GP, 0, int41_at);
    set_gate(0x41, KDS, vector_entries + 16 * 0x41, 0x8e, 0);
    try0(int41, 0, 0);
    check_fault("data segment in the gate", GP, KDS, int41_at);
    set_gate(0x41, UCS, vector_entries + 16 * 0x41, 0x8e, 0);
    try0(int41, 0, 0);
    check_fault("outer code in the gate", GP, UCS & ~3, int41_at);
    set_gate(0x41, GDT_ENTRIES * 8, vector_entries, 0x8e, 0);
    try0(int41, 0, 0);
    check_fault("selector past the GDT", GP, GDT_ENTRIES * 8, int41_at);
    gdt[FREE_SLOT] = descriptor(0, 0xfffff, 0x1b, 0xc);
    set_gate(0x41, FREE_SLOT * 8, vector_entries, 0x8e, 0);
    try0(int41, 0, 0);
    check_fault("code of the gate not present", NP, FREE_SLOT * 8, int41_at);
    gdt[FREE_SLOT] = descriptor(0, 0xff, 0x9b, 0x4);
    try0(int41, 0, 0);
    check_fault("handler past the limit", GP, 0, int41_at);
    /* The same on the way to #DE: an external event, EXT = 1. */
    set_gate(0, FREE_SLOT * 8, vector_entries, 0x8e, 0);
    gdt[FREE_SLOT] = descriptor(0, 0xfffff, 0x1b, 0xc);
    try0(divide, 0, 0);
    check_fault("#DE then #NP is a double fault", DF, 0, divide_at);
    set_gate(0, KCS, vector_entries, 0x8e, 0);
    set_gate(UD, FREE_SLOT * 8, vector_entries, 0x8e, 0);
    try0(undefined, 0, 0);
    check_fault("#UD then #NP with EXT", NP, FREE_SLOT * 8 + 1, undefined_at);
    set_gate(UD, KCS, vector_entries + 16 * UD, 0x0e, 0);
    try0(undefined, 0, 0);
    check_fault("#UD gate not present", NP, UD * 8 + 3, undefined_at);
    set_gate(UD, KCS, vector_entries + 16 * UD, 0x8e, 0);
    idt_pointer.limit = 0x40 * 8 - 1;
    asm volatile("lidt idt_pointer");
    try0(int40, 0, 0);
    check_fault("vector past the IDT", GP, 0x40 * 8 + 2, int40_at);
    idt_pointer.limit = 256 * 8 - 1;
    asm volatile("lidt idt_pointer");
}

/* Stack of the inner ring. */
CODE(int42, "int42_at: int $0x42; int42_next: nop");
LABEL(int42_at); LABEL(int42_next);

static void inner_stack(void)
{
    set_gate(0x42, KCS, vector_entries + 16 * 0x42, 0xee, 0);
    Tss kept = tss;
    /* The faults below are delivered on the stack of ring 0 too: a task gate takes them. See tasks.c. Here only faults
     * that ring 1 handlers raise: code at DPL 1 uses SS1. */
    gdt[FREE_SLOT] = descriptor(0, 0xfffff, 0xbb, 0xc);
    set_gate(0x42, FREE_SLOT * 8, vector_entries, 0xee, 0);
    tss.ss1 = 0, tss.esp1 = 0x5000;
    try3(int42, 0, 0);
    check_fault("inner SS null", TS, 0, int42_at);
    tss.ss1 = GDT_ENTRIES * 8 + 1;
    try3(int42, 0, 0);
    check_fault("inner SS past the GDT", TS, GDT_ENTRIES * 8, int42_at);
    tss.ss1 = KDS + 1;
    try3(int42, 0, 0);
    check_fault("inner SS with wrong DPL", TS, KDS, int42_at);
    gdt[FREE_SLOT + 1] = descriptor(0, 0xfffff, 0xb3, 0xc);
    tss.ss1 = (FREE_SLOT + 1) * 8;
    try3(int42, 0, 0);
    check_fault("inner SS with wrong RPL", TS, (FREE_SLOT + 1) * 8, int42_at);
    tss.ss1 = (FREE_SLOT + 1) * 8 + 1;
    gdt[FREE_SLOT + 1] = descriptor(0, 0xfffff, 0xb1, 0xc);
    try3(int42, 0, 0);
    check_fault("inner SS read-only", TS, (FREE_SLOT + 1) * 8, int42_at);
    gdt[FREE_SLOT + 1] = descriptor(0, 0xfffff, 0x33, 0xc);
    try3(int42, 0, 0);
    check_fault("inner SS not present", SS, (FREE_SLOT + 1) * 8, int42_at);
    gdt[FREE_SLOT + 1] = descriptor(0, 0xfff, 0xb3, 0x4);
    tss.esp1 = 0x1013;
    try3(int42, 0, 0);
    check_fault("inner stack past its limit", SS, (FREE_SLOT + 1) * 8, int42_at);
    tss = kept;
}

/* IRET to ring 0 and ring 3 with bad images: eax = CS, ecx = SS of the frame. */
CODE(iret_image, "push %ecx; push $0x5000; push $2; push %eax; push $user_exit; iret_image_at: iret");
CODE(iret_same, "push $0x40ed7; push $8; push $iret_same_next; iret; iret_same_next: pushf; pop %eax; push $2; popf; mov %eax, iret_flags");
CODE(iret_nt, "push $2; push $8; push $1f; push $0x4002; popf; iret_nt_at: iret; 1: nop");
LABEL(iret_image_at); LABEL(iret_nt_at);
volatile u32 iret_flags;

static void returns(void)
{
    try0(iret_image, UCS, UDS);
    check_fault("IRET to ring 3", EXIT, 0, user_exit + 2);
    check("ESP after IRET", ex.sp, 0x5000);
    try0(iret_image, 0, UDS);
    check_fault("IRET to null CS", GP, 0, iret_image_at);
    try0(iret_image, UDS, UDS);
    check_fault("IRET to data", GP, UDS & ~3, iret_image_at);
    try0(iret_image, KCS + 3, UDS);
    check_fault("IRET with RPL over DPL", GP, KCS, iret_image_at);
    try0(iret_image, UCS, 0);
    check_fault("IRET with null SS", GP, 0, iret_image_at);
    try0(iret_image, UCS, KDS);
    check_fault("IRET with SS of ring 0", GP, KDS, iret_image_at);
    try0(iret_image, UCS, UDS - 3);
    check_fault("IRET with RPL of SS", GP, UDS & ~3, iret_image_at);
    gdt[FREE_SLOT] = descriptor(0, 0xfffff, 0x73, 0xc);
    try0(iret_image, UCS, FREE_SLOT * 8 + 3);
    check_fault("IRET with SS not present", SS, FREE_SLOT * 8, iret_image_at);
    gdt[FREE_SLOT] = descriptor(0, 0xfffff, 0x7b, 0xc);
    try0(iret_image, FREE_SLOT * 8 + 3, UDS);
    check_fault("IRET with CS not present", NP, FREE_SLOT * 8, iret_image_at);
    gdt[FREE_SLOT] = descriptor(0, 0x10, 0xfb, 0x4);
    try0(iret_image, FREE_SLOT * 8 + 3, UDS);
    check_fault("IRET past the limit of CS", GP, 0, iret_image_at);
    check("IRET same ring", try0(iret_same, 0, 0), NONE);
    check("IRET same ring, flags", iret_flags, 0x40ed7);
    try0(iret_nt, 0, 0);
    check_fault("IRET with NT and no linked task", TS, 0, iret_nt_at);
}

/* IRET to ring 3 must not change IF and IOPL from ring 3, and data segments of ring 0 become null. */
CODE(iret_user, "push $0x23; push $0x5000; push $0x3202; push $0x1b; push $1f; iret; 1: pushf; pop %eax; int $0x80");
CODE(segments_dropped, "mov $0x10, %eax; mov %eax, %ds; mov %eax, %fs; mov $0x23, %eax; mov %eax, %es;"
     "push $0x23; push $user_stack_top; push $2; push $0x1b; push $1f; iret; 1: mov %ds, %eax; mov %es, %ecx; mov %fs, %edx; int $0x80");

static void iret_privilege(void)
{
    try3(iret_user, 0, 0);
    check_fault("IRET at CPL 3", EXIT, 0, 0);
    check("IRET at CPL 3 keeps IF and IOPL", ex.ax, 2);
    try0(segments_dropped, 0, 0);
    check_fault("IRET outward", EXIT, 0, 0);
    check("DS of ring 0 dropped", ex.ax & 0xffff, 0);
    check("ES of ring 3 kept", ex.cx & 0xffff, UDS);
    check("FS of ring 0 dropped", ex.dx & 0xffff, 0);
}

void main(void)
{
    simple_exceptions();
    privilege();
    gates();
    inner_stack();
    returns();
    iret_privilege();
}
