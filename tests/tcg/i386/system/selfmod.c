/* SPDX-License-Identifier: MIT */
/*
 * Code that changes code: the same block, the next instruction, behind a loop, in another page, over a page edge, by REP
 * MOVS and REP STOS, through another virtual address, and a loop that patches its own immediate. x86 shows a store to
 * the following instructions at once (SDM vol. 3, 11.6: same linear address; another one after a serialising instruction
 * or, here, a jump and CPUID).
 */
#include "lib.h"

static u8 area[4 * 4096] __attribute__((aligned(4096)));

static void copy(void *to, const void *from, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ((volatile u8 *)to)[i] = ((const u8 *)from)[i];
}

/* The kernel is one writable and executable flat segment, so the snippets change themselves where they lie. */
CODE(next_insn, "movb $0x22, next_imm; .byte 0xb8; next_imm: .long 0x11");              /* MOV EAX, imm */
CODE(same_block, "mov $0, %eax; add $1, %eax; movb $5, block_imm; add $1, %eax; add $1, %eax; .byte 0x83, 0xc0; block_imm: .byte 1; movb $1, block_imm");
CODE(behind, "xor %eax, %eax; mov $3, %ecx; 1: .byte 0x05; behind_imm: .long 1; addl $10, behind_imm; loop 1b; movl $1, behind_imm");
CODE(patch_loop, "mov $1000, %ecx; xor %edx, %edx; 1: incl loop_imm; .byte 0xb8; loop_imm: .long 0; add %eax, %edx; dec %ecx; jnz 1b; mov %edx, %eax; movl $0, loop_imm");
/* Hot by the time it changes itself: a region that holds the whole loop. */
CODE(late_patch, "mov $20000, %ecx; xor %eax, %eax; 1: cmp $5000, %ecx; jne 2f; movb $2, late_imm; 2: .byte 0x83, 0xc0; late_imm: .byte 1; dec %ecx; jnz 1b; movb $1, late_imm");
CODE(late_alias, "mov $20000, %ecx; xor %eax, %eax; 1: add $1, %eax; cmp $7000, %ecx; jne 2f; incb late_there - 1; 2: .byte 0x83, 0xc0, 1; late_there: dec %ecx; jnz 1b; movb $1, late_there - 1");
/* Entered in the middle, so that the region begins behind the code that is changed. */
CODE(mid_patch, "mov $20000, %ecx; xor %eax, %eax; jmp 2f; 1: .byte 0x83, 0xc0; mid_imm: .byte 1; cmp $5000, %ecx; jne 2f; movb $2, mid_imm; 2: dec %ecx; jnz 1b; movb $1, mid_imm");
CODE(opcode, "mov $7, %eax; movb $0x48, opcode_at; opcode_at: inc %eax; movb $0x40, opcode_at"); /* INC to DEC */
CODE(by_rep, "mov $rep_new, %esi; mov $rep_at, %edi; mov $6, %ecx; mov $1, %eax; rep movsb; rep_at: add $2, %eax; nop; nop; nop; jmp rep_end; rep_new: add $40, %eax; nop; nop; nop; rep_end: nop");
CODE(by_rep_stos, "mov $stos_at, %edi; mov $8, %ecx; mov $0x90, %eax; mov $5, %edx; rep stosb; stos_at: inc %edx; inc %edx; inc %edx; inc %edx; inc %edx; inc %edx; inc %edx; inc %edx; mov %edx, %eax");
CODE(push_code, "mov %esp, %edx; mov $push_end, %esp; push $0x90909090; inc %eax; inc %eax; inc %eax; inc %eax; push_end: mov %edx, %esp");
CODE(call_code, "xor %eax, %eax; movb $0x40, called; call called; movb $0x90, called; call called; movb $0x40, called; call called; jmp 1f; called: nop; ret; 1: nop");
CODE(xchg_code, "mov $1, %eax; mov $0x48, %cl; lock xchg %cl, xchg_at; xchg_at: inc %eax; movb $0x40, xchg_at");

static u32 result(const void *code, u32 a)
{
    u32 eax;
    asm volatile("push %%ebx; push %%esi; push %%edi; call *%%ecx; pop %%edi; pop %%esi; pop %%ebx"
                 : "=a"(eax), "+c"(code) : "0"(a) : "edx", "cc", "memory");
    return eax;
}

static void in_place(void)
{
    for (unsigned i = 0; i < 3; i++) {
        extern u8 next_imm[];
        *(volatile u8 *)next_imm = 0x11;
        check("next instruction", result(next_insn, 0), 0x22);
        check("same block", result(same_block, 0), 8);
        check("behind, in a loop", result(behind, 0), 1 + 11 + 21);
        check("loop that patches its immediate", result(patch_loop, 0), 500500);
        check("hot loop patched late", result(late_patch, 0), 15000 + 2 * 5000);
        check("hot loop patched ahead of itself", result(late_alias, 0), 20000 + 13000 + 2 * 7000);
        check("hot loop patched in front of where it was entered", result(mid_patch, 0), 15000 + 2 * 4999);
        check("opcode of the next instruction", result(opcode, 0), 6);
        check("locked store", result(xchg_code, 0), 0);
        check("callee patched", result(call_code, 0), 2);
    }
    check("REP MOVS over the next instructions", result(by_rep, 0), 41);
    check("REP STOS over the next instructions", result(by_rep_stos, 0), 5);
    check("PUSH over the next instructions", result(push_code, 3), 3);
}

/* MOV EAX, imm32; RET somewhere in the area. */
static void plant(u8 *at, u32 value)
{
    at[0] = 0xb8;
    copy(at + 1, &value, 4);
    at[5] = 0xc3;
}

static void other_page(void)
{
    u8 *at = area + 100;
    for (u32 i = 0; i < 50; i++) {
        plant(at, i * 3);
        check("other page", result(at, 0), i * 3);
        *(volatile u8 *)(at + 2) = 0x77;
        check("one byte", result(at, 0), ((i * 3) & 0xff) | 0x7700);
    }
    /* Data beside code in its page: the code stays right, the data too. */
    plant(at, 5);
    for (u32 i = 0; i < 1000; i++) {
        *(volatile u32 *)(area + 2000) = i;
        if (result(at, 0) != 5 || *(volatile u32 *)(area + 2000) != i)
            check("data beside code", i, ~0ul);
    }
}

static void page_edge(void)
{
    for (unsigned back = 1; back < 6; back++) {
        u8 *at = area + 2 * 4096 - back;
        plant(at, 0x01020304);
        check("over the edge", result(at, 0), 0x01020304);
        *(volatile u8 *)(area + 2 * 4096) = back == 5 ? 0xc3 : 0x55; /* the first byte of the second page */
        u32 want = 0x01020304;
        if (back < 5)
            ((u8 *)&want)[back - 1] = 0x55;
        check("second page changed", result(at, 0), want);
        *(volatile u8 *)(area + 2 * 4096 - 1) = back == 1 ? 0xb9 : 0x66; /* the last of the first page; MOV ECX */
        if (back > 1)
            ((u8 *)&want)[back - 2] = 0x66;
        check("first page changed", result(at, back == 1 ? 0x99 : 0), back == 1 ? 0x99 : want);
        /* A store over the edge that changes both. */
        plant(at, 0x01020304);
        *(volatile u16 *)(area + 2 * 4096 - 1) = back == 1 ? 0x11b8 : 0x2211;
        u32 both = 0x01020304;
        if (back == 1)
            both = 0x01020311;
        else {
            ((u8 *)&both)[back - 2] = 0x11;
            if (back < 5)
                ((u8 *)&both)[back - 1] = 0x22;
        }
        if (back < 5)
            check("store over the edge", result(at, 0), both);
    }
}

/* A long straight block whose end is changed by its start. */
static void long_block(void)
{
    u8 *p = area;
    static const u8 start[] = { 0xc7, 0x05 }; /* MOV dword [abs], imm */
    u8 *target = area + 10 + 300;
    copy(p, start, 2);
    copy(p + 2, &target, 4);
    for (unsigned i = 0; i < 4; i++)
        p[6 + i] = 0x90;
    for (unsigned i = 10; i < 1000; i++)
        p[i] = 0x40; /* INC EAX */
    p[1000] = 0xc3;
    check("long block", result(area, 0), 990 - 4);
    check("long block again", result(area, 0), 990 - 4);
    /* The change lies in the next page. */
    p = area + 4096 - 200;
    target = area + 4096 + 100;
    copy(p, start, 2);
    copy(p + 2, &target, 4);
    for (unsigned i = 0; i < 4; i++)
        p[6 + i] = 0x48; /* DEC EAX */
    for (unsigned i = 10; i < 500; i++)
        p[i] = 0x40;
    p[500] = 0xc3;
    check("block of two pages", result(area + 4096 - 200, 0), 490 - 8);
}

/* Through another linear address: page tables map the area twice. */
static u32 directory[1024] __attribute__((aligned(4096))), table[1024] __attribute__((aligned(4096)));

static void alias(void)
{
    for (unsigned i = 0; i < 16; i++)
        directory[i] = i << 22 | 0x83;
    for (unsigned i = 0; i < 4; i++)
        table[i] = (VAL(area) + i * 4096) | 3;
    directory[0x100] = VAL(table) | 3;
    write_cr4(read_cr4() | 0x10);
    write_cr3(VAL(directory));
    write_cr0(read_cr0() | 0x80000000u);
    u8 *there = (u8 *)0x40000000;
    u32 r[4];
    for (u32 i = 0; i < 10; i++) {
        plant(there + 64, i);
        cpuid(0, 0, r);
        check("written through an alias", result(area + 64, 0), i);
        plant(area + 64, i + 100);
        cpuid(0, 0, r);
        check("run through an alias", result(there + 64, 0), i + 100);
    }
    /* Other code at the same linear address. */
    plant(area + 64, 1);
    plant(area + 4096 + 64, 2);
    for (unsigned i = 0; i < 6; i++) {
        table[0] = (VAL(area) + (i & 1) * 4096) | 3;
        if (i < 3)
            invlpg(there);
        else
            write_cr3(read_cr3());
        check("remapped", result(there + 64, 0), 1 + (i & 1));
    }
    write_cr0(read_cr0() & 0x7fffffff);
}

/* A fault in the instruction after a store to code: the store has happened, IP is exact. */
CODE(store_fault, "movb $0x90, store_fault_next; store_fault_next: nop; store_fault_at: ud2");
LABEL(store_fault_at);

void main(void)
{
    in_place();
    other_page();
    page_edge();
    long_block();
    alias();
    try0(store_fault, 0, 0);
    check_fault("fault behind a store to code", UD, 0, store_fault_at);
}
