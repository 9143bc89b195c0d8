/* SPDX-License-Identifier: MIT */
/*
 * v8086 mode (SDM vol. 3 chapter 20): entry by IRET, privileged instructions with IOPL below 3 and 3, INT through
 * ring 0, VME with redirection bitmap and VIF, and a round trip to real mode with unreal segments.
 */
#include "lib.h"

#define LOW 0x8000 /* code of the 8086 task is copied here: segment 0x800 */
#define LOW_SEG 0x800
#define STACK_SEG 0x900
/* 16-bit snippets, 64 bytes each at LOW. */
#define CODE16(name, text) extern const char name[], name##_end[]; asm(".text\n.code16\n" #name ":\n" text "\n" #name "_end:\n.code32\n")
CODE16(v_hlt, "hlt");
CODE16(v_cli, "cli; hlt");
CODE16(v_sti, "sti; nop; hlt");
CODE16(v_pushf, "pushf; pop %ax; hlt");
CODE16(v_pushfl, "pushfl; pop %eax; hlt");
CODE16(v_popf, "push %ax; popf; hlt");
CODE16(v_iret, "push %ax; push %cs; push $9; iret; nop; nop; nop; hlt");
CODE16(v_int21, "int $0x21; hlt");
CODE16(v_int3, "int3; hlt");
CODE16(v_in, "in $0x71, %al; hlt");
CODE16(v_segments, "mov $0x1234, %ax; mov %ax, %ds; mov %ax, %fs; mov %ds:0x10, %ax; hlt");
CODE16(v_far, "lcall $0x800, $0x20; hlt; .org v_far + 0x20; mov %sp, %bx; lret");
CODE16(v_limit, "mov $0xffff, %bx; mov (%bx), %ax; hlt");
CODE16(v_ud, "lldt %ax");
CODE16(v_cr, "mov %cr0, %eax");
CODE16(v_lar, "lar %ax, %bx");

static ul run_flags = 2;
static void put(const void *code, u32 bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        ((volatile u8 *)LOW)[i] = ((const u8 *)code)[i];
}
#define RUN(code) run(code, code##_end)

/* Runs the code in v8086 mode until an event. */
static void run(const char *code, const char *end)
{
    static u32 frame[9];
    put(code, end - code);
    frame[0] = 0, frame[1] = LOW_SEG, frame[2] = run_flags | FL_VM;
    frame[3] = 0x1000, frame[4] = STACK_SEG, frame[5] = 0x11, frame[6] = LOW_SEG, frame[7] = 0x33, frame[8] = 0x44;
    ex.vector = NONE;
    enter_frame(frame);
}

/* Ended by a #GP at the offset? */
static void gp_at(const char *name, u32 ip)
{
    check(name, ex.vector, GP);
    check(name, ex.error, 0);
    check(name, ex.ip, ip);
}

static void entry(void)
{
    run_flags = 2;
    RUN(v_hlt);
    gp_at("HLT", 0);
    check("CS", ex.cs, LOW_SEG);
    check("EFLAGS", ex.flags & ~FL_RF, 2 | FL_VM);
    check("SS", ex.ss & 0xffff, STACK_SEG);
    check("SP", ex.sp, 0x1000);
    const u32 *f = (const u32 *)ex.frame;
    check("pushed ES", f[5] & 0xffff, 0x11);
    check("pushed DS", f[6] & 0xffff, LOW_SEG);
    check("pushed FS", f[7] & 0xffff, 0x33);
    check("pushed GS", f[8] & 0xffff, 0x44);
    check("frame on ESP0", VAL(f + 9), VAL(trap_stack_top));
    const u32 *saved = f - 8 - 2 - 4; /* GS, FS, ES, DS as the handler found them */
    check("data segments of the handler are null", saved[0] | saved[1] | saved[2] | saved[3], 0);
    check("VM clear in the handler", ex.handler_flags & FL_VM, 0);

    *(u32 *)0x12350 = 0xcafe;
    RUN(v_segments);
    gp_at("segments", v_segments_end - v_segments - 1);
    check("load through DS", ex.ax & 0xffff, 0xcafe);
    check("DS in the frame", ((u32 *)ex.frame)[6] & 0xffff, 0x1234);
    RUN(v_far);
    gp_at("far CALL and RET", 5);
    check("SP in the callee", ex.bx & 0xffff, 0xffc);
    check("SP after RET", ex.sp & 0xffff, 0x1000);
    RUN(v_limit);
    gp_at("word at 0xffff", 3);
    RUN(v_ud);
    check("LLDT", ex.vector, UD);
    RUN(v_lar);
    check("LAR", ex.vector, UD);
    RUN(v_cr);
    gp_at("MOV CR0", 0);
}

static void iopl(void)
{
    run_flags = 2;
    RUN(v_cli);
    gp_at("CLI, IOPL 0", 0);
    RUN(v_sti);
    gp_at("STI, IOPL 0", 0);
    RUN(v_pushf);
    gp_at("PUSHF, IOPL 0", 0);
    RUN(v_popf);
    gp_at("POPF, IOPL 0", 1);
    RUN(v_iret);
    gp_at("IRET, IOPL 0", v_iret_end - v_iret - 5);
    RUN(v_int21);
    gp_at("INT 21h, IOPL 0", 0);
    RUN(v_int3);
    check("INT3 with a gate of DPL 0", ex.vector, GP);
    check("INT3's error code", ex.error, 3 * 8 + 2);
    set_gate(3, KCS, vector_entries + 16 * 3, 0xee, 0);
    RUN(v_int3);
    check("INT3 is not sensitive to IOPL", ex.vector, BP);
    check("IP behind INT3", ex.ip, 1);
    RUN(v_in);
    gp_at("IN without bitmap", 0);

    run_flags = 0x3002;
    RUN(v_cli);
    gp_at("CLI, IOPL 3", 1);
    check("IF after CLI", ex.flags & FL_IF, 0);
    RUN(v_sti);
    gp_at("STI, IOPL 3", 2);
    check("IF after STI", ex.flags & FL_IF, FL_IF);
    RUN(v_pushf);
    gp_at("PUSHF, IOPL 3", 2);
    check("FLAGS", ex.ax & 0xffff, 0x3002);
    RUN(v_pushfl);
    gp_at("PUSHFL, IOPL 3", v_pushfl_end - v_pushfl - 1);
    check("PUSHFL shows neither VM nor RF", ex.ax, 0x3002);
    RUN(v_int21);
    check("INT 21h with a gate of DPL 0", ex.vector, GP);
    check("its error code", ex.error, 0x21 * 8 + 2);
    set_gate(0x21, KCS, vector_entries + 16 * 0x21, 0xee, 0);
    RUN(v_int21);
    check("INT 21h", ex.vector, 0x21);
    check("IP behind INT", ex.ip, 2);
    check("VM in the image", ex.flags & FL_VM, FL_VM);
    gdt[FREE_SLOT] = descriptor(0, 0xfffff, 0xbb, 0xc);
    set_gate(0x21, FREE_SLOT * 8, vector_entries + 16 * 0x21, 0xee, 0);
    RUN(v_int21);
    check("handler in ring 1", ex.vector, GP);
    check("handler in ring 1, error code", ex.error, FREE_SLOT * 8);
    gdt[FREE_SLOT] = descriptor(0, 0xfffff, 0x9f, 0xc);
    set_gate(0x21, FREE_SLOT * 8, vector_entries + 16 * 0x21, 0xee, 0);
    RUN(v_int21);
    check("conforming handler", ex.vector, GP);
    check("conforming handler, error code", ex.error, FREE_SLOT * 8);
    set_gate(0x21, KCS, vector_entries + 16 * 0x21, 0xee, 0);
    RUN(v_in);
    gp_at("IN ignores IOPL", 0);
    /* With a permission bitmap. */
    static struct { Tss t; u8 bits[0x80 + 1]; } big;
    for (unsigned i = 0; i < sizeof big.bits; i++)
        big.bits[i] = 0xff;
    big.t = tss;
    big.t.iomap = sizeof(Tss);
    big.bits[0x71 / 8] &= (u8)~(1 << (0x71 & 7));
    gdt[TSS_SEL / 8] = descriptor(VAL(&big), sizeof big - 1, 0x89, 0);
    asm volatile("ltr %w0" : : "r"(TSS_SEL));
    RUN(v_in);
    gp_at("IN allowed by the bitmap", 2);
    run_flags = 2;
    RUN(v_in);
    gp_at("IN allowed by the bitmap, IOPL 0", 2);
    big.bits[0x71 / 8] = 0xff;
    RUN(v_in);
    gp_at("IN forbidden by the bitmap", 0);
    gdt[TSS_SEL / 8] = descriptor(VAL(&tss), sizeof tss - 1, 0x89, 0);
    asm volatile("ltr %w0" : : "r"(TSS_SEL));
}

/* POPF and IRET of IOPL 3: IF changes, IOPL does not. */
CODE16(v_popf_value, "mov $0x4ed7, %ax; push %ax; popf; hlt");
CODE16(v_iret_value, "push $0x0ed7; push %cs; push $0x10; iret; .org v_iret_value + 0x10; hlt");
CODE16(v_iretl, "pushl $0x40ed7; pushl $0x800; pushl $0x20; iretl; .org v_iretl + 0x20; hlt");

static void flags(void)
{
    run_flags = 0x3002;
    RUN(v_popf_value);
    gp_at("POPF", v_popf_value_end - v_popf_value - 1);
    check("POPF keeps IOPL", ex.flags & ~FL_RF, 0x7ed7 | FL_VM);
    RUN(v_iret_value);
    gp_at("IRET", 0x10);
    check("IRET keeps IOPL", ex.flags & ~FL_RF, 0x3ed7 | FL_VM);
    RUN(v_iretl);
    gp_at("IRETL", 0x20);
    check("IRETL keeps IOPL and VM", ex.flags & ~FL_RF, 0x43ed7 | FL_VM);
}

/* ---- VME ---- */

CODE16(v_vector, "int $0x60; nop; hlt; .org v_vector + 0x20; pushf; pop %ax; mov %sp, %bp; mov 4(%bp), %bx; iret");
CODE16(v_vector_stop, "int $0x60; nop; hlt; .org v_vector_stop + 0x20; pushf; pop %ax; mov %sp, %bp; mov 4(%bp), %bx; hlt");
CODE16(v_popf_if, "push $0x202; popf; hlt");
CODE16(v_popf_tf, "push $0x102; popf; hlt");
CODE16(v_iret_if, "push $0x202; push %cs; push $0x10; iret; .org v_iret_if + 0x10; hlt");

static void vme(void)
{
    u32 r[4];
    cpuid(1, 0, r);
    if (!(r[3] & 2))
        return;
    static struct { Tss t; u8 redirect[32], bits[8]; } big;
    big.t = tss;
    big.t.iomap = sizeof(Tss) + 32;
    for (unsigned i = 0; i < sizeof big.bits; i++)
        big.bits[i] = 0xff;
    gdt[TSS_SEL / 8] = descriptor(VAL(&big), sizeof big - 1, 0x89, 0);
    asm volatile("ltr %w0" : : "r"(TSS_SEL));
    write_cr4(read_cr4() | 1);
    ((volatile u16 *)(0x60 * 4))[0] = 0x20;
    ((volatile u16 *)(0x60 * 4))[1] = LOW_SEG;

    run_flags = 0x3002;
    RUN(v_vector);
    gp_at("redirected INT, IOPL 3", 3);
    check("image, IOPL 3", ex.bx & 0xffff, 0x3002);
    run_flags = 2 | FL_VIF;
    RUN(v_vector_stop);
    gp_at("redirected INT, IOPL 0", v_vector_stop_end - v_vector_stop - 1);
    check("image has IF = VIF and IOPL 3", ex.bx & 0xffff, 0x3202);
    check("VIF clear in the handler", ex.flags & FL_VIF, 0);
    RUN(v_vector);
    gp_at("redirected INT and IRET, IOPL 0", 3);
    check("IRET restores VIF", ex.flags & (FL_VIF | FL_IF | 0x3000), FL_VIF);
    big.redirect[0x60 / 8] = 1;
    RUN(v_vector);
    gp_at("INT not redirected, IOPL 0", 0);
    run_flags = 0x3002;
    set_gate(0x60, KCS, vector_entries + 16 * 0x60, 0xee, 0);
    RUN(v_vector);
    check("INT not redirected, IOPL 3", ex.vector, 0x60);
    big.redirect[0x60 / 8] = 0;

    run_flags = 2 | FL_VIF;
    RUN(v_cli);
    gp_at("CLI with VME", 1);
    check("CLI clears VIF", ex.flags & (FL_VIF | FL_IF), 0);
    run_flags = 2;
    RUN(v_sti);
    gp_at("STI with VME", 2);
    check("STI sets VIF", ex.flags & (FL_VIF | FL_IF), FL_VIF);
    run_flags = 2 | FL_VIP;
    RUN(v_sti);
    gp_at("STI with VIP", 0);
    run_flags = 2 | FL_VIF;
    RUN(v_pushf);
    gp_at("PUSHF with VME", 2);
    check("PUSHF shows IF = VIF and IOPL 3", ex.ax & 0xffff, 0x3202);
    RUN(v_pushfl);
    gp_at("PUSHFL with VME", 0);
    run_flags = 2;
    RUN(v_popf_if);
    gp_at("POPF with VME", v_popf_if_end - v_popf_if - 1);
    check("POPF sets VIF", ex.flags & (FL_VIF | FL_IF | 0x3000), FL_VIF);
    RUN(v_popf_tf);
    gp_at("POPF of TF with VME", v_popf_tf_end - v_popf_tf - 2);
    run_flags = 2 | FL_VIP;
    RUN(v_popf_if);
    gp_at("POPF of IF with VIP", v_popf_if_end - v_popf_if - 2);
    RUN(v_iret_if);
    gp_at("IRET of IF with VIP", 6);
    RUN(v_popf);
    gp_at("POPF of another value with VIP", 2);
    run_flags = 2;
    RUN(v_iret_if);
    gp_at("IRET with VME", 0x10);
    check("IRET sets VIF", ex.flags & (FL_VIF | FL_IF), FL_VIF);
    write_cr4(read_cr4() & ~1);
    gdt[TSS_SEL / 8] = descriptor(VAL(&tss), sizeof tss - 1, 0x89, 0);
    asm volatile("ltr %w0" : : "r"(TSS_SEL));
}

/* ---- Real mode and back ---- */

/* At LOW: called from 32-bit code; leaves through 16-bit protected mode, uses INT 61h, a far call, a segment with a
 * 4 GiB limit, and comes back. Results go to 0x7000. */
asm(".text\nround_trip:\n"
    "pusha; mov %esp, 0x7100; sidt 0x7110; lidt real_idt - round_trip + 0x8000; ljmp $0x38, $(1f - round_trip)\n"
    ".code16\n1: mov $0x40, %ax; mov %ax, %ss; mov %ax, %es; mov $0x10, %ax; mov %ax, %fs\n"
    "mov %cr0, %eax; and $0xfe, %al; mov %eax, %cr0; ljmp $0x800, $(2f - round_trip)\n"
    "2: xor %ax, %ax; mov %ax, %ds; mov %ax, %es; mov %ax, %ss; mov $0x7000, %sp; mov %ax, %fs\n"
    "int $0x61; mov %bx, 0x7004; mov %sp, 0x7008\n"
    "lcall $0x800, $(real_far - round_trip); mov %cx, 0x700c\n"
    "mov $0x100000, %ebx; mov %fs:(%ebx), %eax; mov %eax, 0x7010\n"
    "mov %cs, 0x7014; smsw %ax; mov %ax, 0x7018\n"
    "mov $0xffff, %ax; mov %ax, %ds; movb $0x5a, 0xfff0; xor %ax, %ax; mov %ax, %ds\n"
    "pushf; pop %ax; or $0x7000, %ax; push %ax; popf; pushf; pop %ax; mov %ax, 0x701c; pushw $2; popf\n"
    "mov %cr0, %eax; or $1, %al; mov %eax, %cr0; ljmpl $0x8, $3f\n"
    ".code32\n3: mov $0x10, %eax; mov %ax, %ds; mov %ax, %es; mov %ax, %ss; mov %ax, %fs; mov 0x7100, %esp; lidt 0x7110; popa; ret\n"
    ".code16\nreal_far: mov %sp, %cx; lret\n"
    "real_int: mov %sp, %bp; mov %ss:4(%bp), %bx; iret\n.code32\n"
    "real_idt: .word 0x3ff; .long 0\n"
    "round_trip_end:\n");
extern const char round_trip[], round_trip_end[], real_int[];

static void real_mode(void)
{
    put(round_trip, round_trip_end - round_trip);
    gdt[7] = descriptor(LOW, 0xffff, 0x9b, 0);
    gdt[8] = descriptor(0, 0xffff, 0x93, 0);
    ((volatile u16 *)(0x61 * 4))[0] = real_int - round_trip;
    ((volatile u16 *)(0x61 * 4))[1] = LOW_SEG;
    u8 kept = *(volatile u8 *)0x10ffe0; /* the program's own, perhaps */
    check("round trip", try0((void *)LOW, 0, 0), NONE);
    volatile u32 *result = (u32 *)0x7000;
    check("FLAGS pushed by INT", result[1] & 0xf200, 0);
    check("SP after INT", result[2] & 0xffff, 0x7000);
    check("SP in the far callee", result[3] & 0xffff, 0x6ffc);
    check("unreal FS reads beyond 64K", result[4], 0x1badb002);
    check("CS", result[5] & 0xffff, LOW_SEG);
    check("SMSW", result[6] & 0xffff, 0x10);
    check("POPF in real mode: NT and IOPL change", result[7] & 0x7000, 0x7000);
    check("FFFF:FFF0 is above 1 MiB", *(volatile u8 *)0x10ffe0, 0x5a);
    *(volatile u8 *)0x10ffe0 = kept;
}

void main(void)
{
    entry();
    iopl();
    flags();
    vme();
    real_mode();
}
