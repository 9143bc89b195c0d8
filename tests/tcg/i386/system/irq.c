/* SPDX-License-Identifier: MIT */
/*
 * Hardware interrupts as the CPU sees them, from the PIT through the 8259A: IF, the shadow of STI and MOV SS, HLT, REP
 * strings that are interrupted, and 32-bit SYSENTER, SYSEXIT and SYSCALL. SDM vol. 3 chapter 6, vol. 2.
 */
#include "lib.h"

enum { IRQ0 = 0x20 };

/* The PIT's counter 0 in mode 0 raises IRQ 0 once, after n of its ticks. */
static void one_shot(u16 n)
{
    outb(0x43, 0x30);
    outb(0x40, n & 0xff);
    outb(0x40, n >> 8);
}

/* IRQ 0 is pending at the 8259A when this returns. */
static void make_pending(void)
{
    one_shot(2);
    do
        outb(0x20, 0x0a); /* read IRR */
    while (!(inb(0x20) & 1));
}

static void acknowledge(void) { outb(0x20, 0x20); }

static void init_pic(void)
{
    static const u8 words[][2] = { { 0x20, 0x11 }, { 0x21, IRQ0 }, { 0x21, 4 }, { 0x21, 1 }, { 0x21, 0xfe },
                                   { 0xa0, 0x11 }, { 0xa1, IRQ0 + 8 }, { 0xa1, 2 }, { 0xa1, 1 }, { 0xa1, 0xff } };
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        outb(words[i][0], words[i][1]);
}

CODE(sti_shadow, "sti; sti_shadow_1: nop; sti_shadow_2: nop; cli");
CODE(sti_cli, "sti; cli; nop; nop");
CODE(sti_mov_ss, "mov %ss, %edx; sti; mov %dx, %ss; sti_ss_1: nop; sti_ss_2: nop; cli");
CODE(sti_hlt, "sti; hlt; sti_hlt_next: nop; cli");
CODE(popf_if, "pushl $0x202; popf; popf_next: nop; cli");
CODE(iret_if, "pushl $0x202; push $8; push $iret_if_next; iret; iret_if_next: nop; cli");
CODE(sti_fault, "sti; sti_fault_at: ud2");
CODE(spin, "sti; 1: inc %eax; jmp 1b");
LABEL(sti_shadow_1); LABEL(sti_shadow_2); LABEL(sti_ss_1); LABEL(sti_hlt_next); LABEL(popf_next); LABEL(iret_if_next); LABEL(sti_fault_at); LABEL(sti_ss_2);

static void pending(const char *name, const void *code, const void *ip)
{
    make_pending();
    ex.vector = NONE;
    try0(code, 0, 0);
    check_fault(name, IRQ0, 0, ip);
    acknowledge();
}

static void delivery(void)
{
    pending("STI: after the next instruction", sti_shadow, sti_shadow_2);
    check("IF in the image", ex.flags & FL_IF, FL_IF);
    check("no RF in the image", ex.flags & FL_RF, 0);
    check("IF clear in the handler", ex.handler_flags & FL_IF, 0);
    pending("STI; HLT", sti_hlt, sti_hlt_next);
    pending("POPF", popf_if, popf_next);
    pending("IRET", iret_if, iret_if_next);
    make_pending();
    check("STI; CLI lets none in", try0(sti_cli, 0, 0), NONE);
    ex.vector = NONE;
    try0(sti_fault, 0, 0);
    check_fault("a fault in the shadow", UD, 0, sti_fault_at);
    try0(sti_shadow, 0, 0);
    check_fault("still pending", IRQ0, 0, 0);
    acknowledge();
    make_pending();
    try0(sti_mov_ss, 0, 0);
    check("STI; MOV SS", ex.vector, IRQ0);
    check("STI; MOV SS: after one of the next instructions", ex.ip == VAL(sti_ss_1) || ex.ip == VAL(sti_ss_2), 1);
    acknowledge();
    one_shot(1000);
    try0(sti_hlt, 0, 0);
    check_fault("HLT wakes", IRQ0, 0, sti_hlt_next);
    acknowledge();
    one_shot(1000);
    try0(spin, 0, 0);
    check("a loop without anything is interrupted", ex.vector, IRQ0);
    acknowledge();
    user_flags = 0x202;
    make_pending();
    try3(spin, 0, 0);
    check_fault("IRET to CPL 3", IRQ0, 0, spin);
    check("CS", ex.cs, UCS);
    acknowledge();
    user_flags = 2;
}

/* REP STOS of many bytes is interrupted and goes on; what it leaves is exact. */
static u8 buffer[1 << 20];
static volatile unsigned interrupts, inside;
CODE(rep_many, "push %edi; mov $buffer, %edi; mov $0x100000, %ecx; mov $0x5a, %al; rep_many_at: rep stosb; pop %edi");
LABEL(rep_many_at);
static int on_tick(Frame *f)
{
    if (f->vector != IRQ0)
        return 0;
    interrupts++;
    if (f->ip == VAL(rep_many_at)) {
        inside++;
        if (f->cx && f->cx < 0x100000 && !(f->flags & FL_RF))
            check("RF when a string is interrupted", f->flags, FL_RF);
        if (f->di != VAL(buffer) + 0x100000 - f->cx)
            check("EDI when a string is interrupted", f->di, VAL(buffer) + 0x100000 - f->cx);
    }
    acknowledge();
    one_shot(20);
    return 1;
}

static void strings(void)
{
    event_hook = on_tick;
    asm volatile("sti");
    one_shot(20);
    for (unsigned i = 0; i < 50 || (interrupts < 20 && i < 5000); i++)
        asm volatile("call rep_many" : : : "eax", "ecx", "memory");
    asm volatile("cli");
    outb(0x21, 0xff);
    event_hook = 0;
    check("interrupted", interrupts > 0, 1);
    for (unsigned i = 0; i < sizeof buffer; i++)
        if (buffer[i] != 0x5a) {
            check("filled", i, ~0ul);
            break;
        }
}

/* ---- SYSENTER and SYSCALL in 32-bit mode ---- */

CODE(entry, "mov %cs, %ebx; mov %ss, %edx; pushf; pop %esi; int $0x80");
CODE(user_sysenter, "user_sysenter_at: sysenter");
CODE(user_sysexit, "user_sysexit_at: sysexit");
CODE(kernel_sysexit, "mov $user_stack_top - 64, %ecx; mov %eax, %edx; sysexit");
CODE(user_syscall, "user_syscall_at: syscall; user_syscall_next: nop");
CODE(kernel_sysret, "mov %eax, %ecx; sysret");
LABEL(user_sysenter_at); LABEL(user_sysexit_at); LABEL(user_syscall_at); LABEL(user_syscall_next);

static void system_calls(void)
{
    wrmsr(0x174, 0);
    try3(user_sysenter, 0, 0);
    check_fault("SYSENTER with null CS", GP, 0, user_sysenter_at);
    wrmsr(0x174, KCS);
    wrmsr(0x175, VAL(trap_stack_top) - 512);
    wrmsr(0x176, VAL(entry));
    user_flags = 0x202 | 1;
    try3(user_sysenter, 0, 0);
    check_fault("SYSENTER", EXIT, 0, 0);
    check("CS after SYSENTER", ex.bx & 0xffff, KCS);
    check("SS after SYSENTER", ex.dx & 0xffff, KDS);
    check("flags after SYSENTER", ex.si, 3);
    check("ESP after SYSENTER", ex.sp, VAL(trap_stack_top) - 512);
    user_flags = 2;
    try0(kernel_sysexit, VAL(user_exit), 0);
    check_fault("SYSEXIT", EXIT, 0, user_exit + 2);
    check("CS after SYSEXIT", ex.cs, KCS + 16 + 3);
    check("SS after SYSEXIT", ex.ss, KCS + 24 + 3);
    check("ESP after SYSEXIT", ex.sp, VAL(user_stack_top) - 64);
    try3(user_sysexit, 0, 0);
    check_fault("SYSEXIT at CPL 3", GP, 0, user_sysexit_at);
    u32 r[4];
    cpuid(0, 0, r);
    int amd = r[1] == 0x68747541;
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 1);
    wrmsr(0xc0000081, (u64)(UCS & ~3) << 48 | (u64)KCS << 32 | VAL(entry));
    user_flags = 0x202 | 1;
    try3(user_syscall, 0, 0);
    user_flags = 2;
    if (!amd) {
        check_fault("SYSCALL outside long mode", UD, 0, user_syscall_at);
        return;
    }
    check_fault("SYSCALL", EXIT, 0, 0);
    check("CS after SYSCALL", ex.bx & 0xffff, KCS);
    check("SS after SYSCALL", ex.dx & 0xffff, KDS);
    check("ECX after SYSCALL", ex.cx, VAL(user_syscall_next));
    check("flags after SYSCALL", ex.si, 3);
    try0(kernel_sysret, VAL(user_exit), 0);
    check_fault("SYSRET", EXIT, 0, user_exit + 2);
    check("CS after SYSRET", ex.cs, UCS);
    check("SS after SYSRET", ex.ss, UDS);
    check("IF after SYSRET", ex.flags & FL_IF, FL_IF);
}

void main(void)
{
    init_pic();
    delivery();
    strings();
    system_calls();
}
