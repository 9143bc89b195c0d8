/* SPDX-License-Identifier: MIT */
/* Console, checks, tables and event recording of the system test programs; see lib.h. */
#include "lib.h"

volatile Record ex;
int (*event_hook)(Frame *f);
ul user_flags = 2, user_alias;
u64 idt[512];
struct TablePointer idt_pointer;
Tss tss;
static unsigned checks;
unsigned failures;

void print(const char *s)
{
    while (*s)
        outb(0x3f8, *s++);
}

void print_hex(u64 v)
{
    char text[20], *p = text + 19;
    *p = 0;
    do
        *--p = "0123456789abcdef"[v & 15];
    while (v >>= 4);
    print("0x");
    print(p);
}

void check(const char *name, ul got, ul want)
{
    checks++;
    if (got == want)
        return;
    failures++;
    print("FAIL ");
    print(name);
    print(" got ");
    print_hex(got);
    print(" want ");
    print_hex(want);
    print("\n");
}

void check_fault(const char *name, int vector, ul error, const void *ip)
{
    unsigned before = failures;
    check(name, ex.vector, vector);
    if (vector != NONE && failures == before) {
        check(name, ex.error, error);
        if (ip)
            check(name, ex.ip, VAL(ip));
    }
    if (failures != before) {
        print("  (vector, error, ip, cs, flags, cr2, dr6:");
        ul v[] = { ex.vector, ex.error, ex.ip, ex.cs, ex.flags, ex.cr2, ex.dr6 };
        for (unsigned i = 0; i < sizeof v / sizeof *v; i++) {
            print(" ");
            print_hex(v[i]);
        }
        print(")\n");
    }
}

/* Entered from start.S with the frame; 0 leaves the guarded call. */
int on_event(Frame *f)
{
    ul cs;
    asm volatile("mov %%cs, %0" : "=r"(cs));
    ul handler_flags = read_flags();
    ex.vector = f->vector;
    ex.count++;
    ex.error = f->error;
    ex.ip = f->ip;
    ex.cs = f->cs;
    ex.flags = f->flags;
    ex.frame = VAL(&f->ip);
    ex.handler_cs = cs;
    ex.handler_flags = handler_flags;
    ex.ax = f->ax, ex.bx = f->bx, ex.cx = f->cx, ex.dx = f->dx, ex.si = f->si, ex.di = f->di, ex.bp = f->bp;
    ex.cr2 = read_cr2();
    ex.dr6 = read_dr6();
#ifndef __x86_64__
    if (!(f->flags & FL_VM) && (f->cs & 3) == (cs & 3)) {
        ul ss;
        asm volatile("mov %%ss, %0" : "=r"(ss));
        ex.sp = VAL(&f->sp), ex.ss = ss;
    } else
#endif
        ex.sp = f->sp, ex.ss = f->ss;
    return event_hook && event_hook(f);
}

u64 descriptor(u32 base, u32 limit, unsigned access, unsigned flags)
{
    return (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)access << 40 | (u64)(limit >> 16 & 15) << 48 |
           (u64)flags << 52 | (u64)(base >> 24) << 56;
}

void set_gate(unsigned vector, unsigned selector, const void *handler, unsigned access, unsigned ist)
{
    u64 at = VAL(handler);
    u64 low = (at & 0xffff) | (u64)selector << 16 | (u64)ist << 32 | (u64)access << 40 | (at >> 16 & 0xffff) << 48;
#ifdef __x86_64__
    idt[vector * 2] = low;
    idt[vector * 2 + 1] = at >> 32;
#else
    idt[vector] = low;
#endif
}

/* Programs may be asked for at the end of main instead of returning. */
static void finish(void)
{
    print(failures ? "failed\n" : "passed\n");
    outb(0x501, failures != 0);
    for (;;)
        asm volatile("cli; hlt");
}

void lib_main(void)
{
    for (unsigned v = 0; v < 256; v++)
        set_gate(v, KCS, vector_entries + 16 * v, v == EXIT ? 0xee : 0x8e, 0);
    idt_pointer.limit = 256 * sizeof(ul) * 2 - 1;
    idt_pointer.base = VAL(idt);
    asm volatile("lidt idt_pointer");
#ifdef __x86_64__
    tss.rsp[0] = VAL(trap_stack_top);
#else
    tss.esp0 = VAL(trap_stack_top);
    tss.ss0 = KDS;
#endif
    tss.iomap = sizeof tss;
    gdt[TSS_SEL / 8] = descriptor(VAL(&tss), sizeof tss - 1, 0x89, 0);
    asm volatile("ltr %w0" : : "r"(TSS_SEL));
    outb(0x21, 0xff); /* no interrupts from devices */
    outb(0xa1, 0xff);
    main();
    print_hex(checks);
    print(" checks ");
    finish();
}
