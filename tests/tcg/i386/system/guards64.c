/* SPDX-License-Identifier: MIT */
/*
 * Accesses close together, which the translator checks once: over the edge of a page, with the second page absent or read-only, behind
 * each other and around accesses to devices, to pages that hold code and to absent ones. Each fault shows its instruction, the
 * registers and flags there, and what was stored before it, no more. SDM vol. 3, 4.7, 4.8 and 6.5 (faults are restartable).
 */
#include "access.h"

extern u64 boot_pml4[512];
#define WINDOW 0x10000000000ul /* entry 2 of the PML4 */
#define EDGE (WINDOW + 0x1000)
static u64 pdpt[512] __attribute__((aligned(4096))), pd[512] __attribute__((aligned(4096))), pt[512] __attribute__((aligned(4096)));
static u64 page_a[512] __attribute__((aligned(4096))), gap[512] __attribute__((aligned(4096))), page_b[512] __attribute__((aligned(4096)));

static u8 fault_stack[4096] __attribute__((aligned(16)));

static void map(unsigned n, u64 entry)
{
    pt[n] = entry;
    invlpg((void *)(WINDOW + n * 4096));
}

static void map_both(u64 second)
{
    map(0, VAL(page_b) | P | RW); /* not in the order of the addresses */
    map(1, second);
}

static void clear(void)
{
    for (unsigned i = 0; i < 512; i++)
        page_a[i] = gap[i] = page_b[i] = 0;
}

/* Flags are those of 0 - 1, DX counts the stores made. */
LABEL(stores_third);
CODE(stores, "xor %edx, %edx; mov $0x1111, %ecx; sub $1, %rdx; lea 1(%rdx), %rdx; mov %rcx, (%rax); lea 1(%rdx), %rdx; mov %rcx, 8(%rax);"
             "lea 1(%rdx), %rdx; stores_third: mov %rcx, 16(%rax); lea 1(%rdx), %rdx; mov %rcx, 24(%rax); lea 1(%rdx), %rdx");
LABEL(loads_third);
CODE(loads, "mov %rcx, %rbx; mov (%rax), %rcx; add 8(%rax), %rcx; loads_third: add 16(%rax), %rcx; add 24(%rax), %rcx; mov %rcx, 0x800(%rbx)");
LABEL(pushes_third);
CODE(pushes, "mov %rsp, %rbp; mov %rax, %rsp; mov $5, %ecx; push %rcx; push %rcx; pushes_third: push %rcx; push %rcx; mov %rbp, %rsp");
CODE(later, "mov (%rax), %ecx; test %ecx, %ecx; jnz 1f; movl $7, 8(%rax); 1: nop");
/* Around a register of the local APIC (its task priority), at BX. */
CODE(around_device, "mov %rcx, %rbx; xor %ecx, %ecx; push %rcx; push %rcx; movl $0x30, 0x80(%rbx); mov 0x80(%rbx), %edx; push %rdx; push %rdx; movl $0, 0x80(%rbx);"
                    "mov 0x80(%rbx), %ecx; pop %rdx; pop %rsi; add %rsi, %rdx; pop %rsi; pop %rdi; add %rsi, %rdi; mov %rdx, (%rax);"
                    "mov %rdi, 8(%rax); mov %rcx, 16(%rax)");
/* Around a store into a function that is called then. */
LABEL(patched);
CODE(around_code, "mov %rcx, %rbx; push %rax; push %rbx; incb patched_at - 1; push %rcx; call patched; pop %rcx; pop %rbx; pop %rdi; mov %rdx, (%rdi); jmp 1f;"
                  "patched: mov $0, %edx; movb $0x10, %dl; patched_at: ret; 1: nop");
/* Data and a stack in the page of this code. */
CODE(beside_code, "mov %rcx, %rbx; mov %rsp, %rbp; lea beside_end(%rip), %rsp; push %rax; push %rbx; push %rax; mov 8(%rsp), %rdx; add (%rsp), %rdx; mov %rbp, %rsp;"
                  "mov %rdx, (%rbx); jmp 1f; .balign 64; .skip 192; beside_end: 1: nop");
LABEL(absent_at);
CODE(absent_between, "mov %rcx, %rbx; push %rax; push %rax; cmp $1, %ecx; absent_at: mov (%rbx), %edx; push %rdx; pop %rdx; pop %rax; pop %rax");

static void edges(void)
{
    for (unsigned i = 0; i < 40; i++) {
        clear();
        map_both(VAL(page_a) | P | RW);
        try0(stores, EDGE - 16, 0);
        check("stores over the edge", page_b[510] == 0x1111 && page_b[511] == 0x1111 && page_a[0] == 0x1111 && page_a[1] == 0x1111 && !gap[0], 1);
        try0(stores, EDGE - 20, 0);
        check("a store over the edge", (u32)(page_b[511] >> 32) == 0x1111 && page_a[0] == 0x111100000000ull, 1);
        page_b[510] = 1, page_b[511] = 2, page_a[0] = 3, page_a[1] = 4;
        try0(loads, EDGE - 16, WINDOW);
        check("loads over the edge", page_b[256], 10);
        try0(pushes, EDGE + 16, 0);
        check("pushes over the edge", page_a[1] == 5 && page_a[0] == 5 && page_b[511] == 5 && page_b[510] == 5, 1);
        clear();
        map_both(0);
        try0(stores, EDGE - 16, 0);
        check_fault("second page absent, stores", PF, E_W, stores_third);
        check("its address", ex.cr2, EDGE);
        check("stores made", ex.dx, 2);
        check("flags", ex.flags & 0x8d5, 0x95);
        check("what was stored", page_b[510] == 0x1111 && page_b[511] == 0x1111 && !page_a[0] && !page_a[1], 1);
        try0(loads, EDGE - 16, WINDOW);
        check_fault("second page absent, loads", PF, 0, loads_third);
        check("sum so far", ex.cx, 0x2222);
        map(0, 0);
        map(1, VAL(page_a) | P | RW);
        try0(pushes, EDGE + 16, 0);
        check_fault("second page absent, pushes", PF, E_W, pushes_third);
        check("stack pointer", ex.sp, EDGE);
        map_both(VAL(page_a) | P);
        set_wp(1);
        clear();
        try0(stores, EDGE - 16, 0);
        check_fault("second page read-only", PF, E_P | E_W, stores_third);
        check("nothing stored there", page_a[0], 0);
        set_wp(0);
    }
}

static void bits(void)
{
    for (unsigned i = 0; i < 40; i++) {
        clear();
        page_b[0] = 1;
        map(0, VAL(page_b) | P | RW);
        try0(later, WINDOW, 0);
        check("load alone: A, not D", pt[0] & 0xfff, P | RW | A);
        page_b[0] = 0;
        try0(later, WINDOW, 0);
        check("load and store", pt[0] & 0xfff, P | RW | A | D);
        check("stored", page_b[1], 7);
    }
}

static void between(void)
{
    map(2, 0xfee00000ul | P | RW | 0x18);
    map(3, 0);
    map(0, VAL(page_b) | P | RW);
    for (unsigned i = 0; i < 40; i++) {
        clear();
        try0(around_device, WINDOW, WINDOW + 0x2000);
        check("device between pushes", page_b[0] == 0x60 && page_b[1] == 0 && page_b[2] == 0, 1);
        extern u8 patched_at[];
        *(volatile u8 *)(patched_at - 1) = (u8)i;
        try0(around_code, WINDOW, 0);
        check("code changed between pushes", page_b[0], i + 1);
        page_b[1] = 0;
        try0(beside_code, 20, WINDOW + 8);
        check("stack beside code", page_b[1], WINDOW + 8 + 20);
        try0(absent_between, 1, WINDOW + 0x3000);
        check_fault("absent page between pushes", PF, 0, absent_at);
    }
}

void main(void)
{
    boot_pml4[2] = VAL(pdpt) | P | RW;
    pdpt[0] = VAL(pd) | P | RW;
    pd[0] = VAL(pt) | P | RW;
    tss.ist[0] = VAL(fault_stack + 4096);
    set_gate(PF, KCS, vector_entries + 16 * PF, 0x8e, 1);
    edges();
    bits();
    between();
}
