/* SPDX-License-Identifier: MIT */
/*
 * 4-level paging: rights and NX at every level, 2 MiB and 1 GiB pages, reserved and ignored bits, canonical
 * addresses, SMEP, SMAP, PCID, INVPCID, protection keys, refused control register values. SDM vol. 3 chapter 4.
 */
#include "access.h"

extern u64 boot_pml4[512], boot_pdpt[512], boot_pd[512];
#define WINDOW 0x10000000000ul /* entry 2 of the PML4 */
#define ALIAS 0x8000000000ul  /* entry 1 of the PML4 */
#define NX (1ul << 63)
enum { BIG_A = 0x1000000, BIG_B = 0x1200000 };
static u64 pdpt[512] __attribute__((aligned(4096))), pd[512] __attribute__((aligned(4096))), pt[512] __attribute__((aligned(4096)));
static u64 other_pml4[512] __attribute__((aligned(4096)));
static u32 page_a[1024] __attribute__((aligned(4096))), page_b[1024] __attribute__((aligned(4096)));
static u32 features[4];

static void map(unsigned n, u64 entry)
{
    pt[n] = entry;
    invlpg((void *)(WINDOW + n * 4096));
}

static void set_entry(u64 *e, u64 value)
{
    *e = value;
    write_cr3(read_cr3());
}

static void rights(void)
{
    map(0, 0);
    at0("absent, read", do_read, WINDOW, 0);
    at0("absent, fetch", do_fetch, WINDOW, E_I);
    at3("absent, user write", do_write, WINDOW, E_U | E_W);
    map(0, VAL(page_a) | P | RW | US);
    at3("user write", do_write, WINDOW, OK);
    check("A and D", pt[0] & 0xfff, P | RW | US | A | D);
    check("A of the PD entry", pd[0] & 0xfff, P | RW | US | A);
    at3("user fetch", do_fetch, WINDOW, OK);
    map(0, VAL(page_a) | P | RW | US | NX);
    at0("NX, fetch", do_fetch, WINDOW, E_P | E_I);
    at3("NX, user fetch", do_fetch, WINDOW, E_P | E_U | E_I);
    at3("NX, user read", do_read, WINDOW, OK);
    map(0, VAL(page_a) | P | RW | US);
    u64 *levels[] = { pd, pdpt, &boot_pml4[2] };
    for (unsigned i = 0; i < 3; i++) {
        u64 kept = *levels[i];
        set_entry(levels[i], kept | NX);
        at3("NX above", do_fetch, WINDOW, E_P | E_U | E_I);
        set_entry(levels[i], kept & ~2ul);
        at3("read-only above", do_write, WINDOW, E_P | E_U | E_W);
        at0("read-only above, WP = 0", do_write, WINDOW, OK);
        set_wp(1);
        at0("read-only above, WP = 1", do_write, WINDOW, E_P | E_W);
        set_wp(0);
        set_entry(levels[i], kept & ~4ul);
        at3("supervisor above", do_read, WINDOW, E_P | E_U);
        set_entry(levels[i], kept & ~1ul);
        at3("absent above", do_fetch, WINDOW, E_U | E_I);
        set_entry(levels[i], kept | 1ul << 51);
        at0("reserved bit above", do_read, WINDOW, E_P | E_RSVD);
        set_entry(levels[i], kept | 0x7ffull << 52);
        at0("ignored bits above", do_read, WINDOW, OK);
        set_entry(levels[i], kept);
    }
    map(0, VAL(page_a) | P | RW | US | 0x7fful << 52 | 0xe00);
    at0("ignored bits", do_read, WINDOW, OK);
    map(0, VAL(page_a) | P | RW | US);
    wrmsr(0xc0000080, rdmsr(0xc0000080) & ~0x800ull);
    map(0, VAL(page_a) | P | RW | US | NX);
    at0("bit 63 without NXE", do_read, WINDOW, E_P | E_RSVD);
    map(0, 0);
    at0("absent, fetch without NXE", do_fetch, WINDOW, 0);
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 0x800);
}

static void big_pages(void)
{
    *(u32 *)BIG_A = 0xc3c3c3c3, *(u32 *)BIG_B = 0xbbbbbbbb;
    set_entry(&pd[1], BIG_A | P | RW | US | PS);
    ul va = WINDOW + 0x200000;
    check("2 MiB page", peek(va), 0xc3c3c3c3);
    check("2 MiB page, A", pd[1] & 0xff, P | RW | US | PS | A);
    at3("2 MiB page, write", do_write, va + 0x1ff000, OK);
    check("2 MiB page, D", pd[1] & 0xff, P | RW | US | PS | A | D);
    pd[1] = BIG_B | P | RW | US | PS;
    invlpg((void *)(va + 0x12345));
    check("2 MiB page, INVLPG", peek(va), 0xbbbbbbbb);
    set_entry(&pd[1], BIG_A | P | RW | US | PS | 1 << 13);
    at0("2 MiB page, reserved bit", do_read, va, E_P | E_RSVD);
    u32 r[4];
    cpuid(0x80000001, 0, r);
    set_entry(&pdpt[1], P | RW | US | PS);
    va = WINDOW + (1ul << 30);
    if (r[3] & 1 << 26) {
        check("1 GiB page", peek(va + BIG_A), 0xc3c3c3c3);
        at3("1 GiB page, user fetch", do_fetch, va + BIG_A, OK);
        check("1 GiB page, A", pdpt[1] & 0xff, P | RW | US | PS | A);
        at3("1 GiB page, user write", do_write, va + BIG_A, OK);
        check("1 GiB page, D", pdpt[1] & 0xff, P | RW | US | PS | A | D);
        set_entry(&pdpt[1], P | RW | US | PS | 1 << 29);
        at0("1 GiB page, reserved bit", do_read, va, E_P | E_RSVD);
        set_entry(&pdpt[1], P | RW | US | PS | NX);
        at3("1 GiB page, NX", do_fetch, va + BIG_A, E_P | E_U | E_I);
    } else {
        at0("PS without 1 GiB pages", do_read, va, E_P | E_RSVD);
    }
    set_entry(&boot_pml4[3], VAL(pdpt) | P | RW | US | PS);
    at0("PS in the PML4", do_read, 3ul << 39, E_P | E_RSVD);
    set_entry(&boot_pml4[3], 0);
}

CODE(push_high, "mov %rsp, %rdx; mov %rax, %rsp; push_high_at: push %rcx");
CODE(read_bp, "push %rbp; mov %rax, %rbp; read_bp_at: mov (%rbp), %ecx; pop %rbp");
CODE(jump_far_away, "jump_far_away_at: jmp *%rax");
LABEL(push_high_at); LABEL(read_bp_at); LABEL(jump_far_away_at);

static void canonical(void)
{
    at0("first address that is not canonical", do_read, 1ul << 47, 0x1000 + GP);
    at0("last address that is not canonical", do_read, ~0x7ffffffffffful - 9, 0x1000 + GP);
    at0("highest canonical half", do_read, ~0x7ffffffffffful, 0);
    try0(read_bp, 1ul << 48, 0);
    check_fault("RBP not canonical", SS, 0, read_bp_at);
    try0(jump_far_away, 1ul << 47, 0);
    check_fault("JMP to what is not canonical", GP, 0, 0);
    boot_pml4[255] = VAL(pdpt) | P | RW | US;
    pdpt[511] = VAL(pd) | P | RW | US;
    pd[511] = VAL(pt) | P | RW | US;
    pt[511] = VAL(page_a) | P | RW | US;
    page_a[1023] = 0x12345678;
    at0("last canonical bytes", do_read, (1ul << 47) - 4, OK);
    at0("address over the edge", do_read, (1ul << 47) - 2, 0x1000 + GP);
    at0("address over the edge, write", do_write4, (1ul << 47) - 3, 0x1000 + GP);
    check("nothing written before the edge", page_a[1023], 0x12345678);
}

static void smep_smap(void)
{
    /* The program itself lies in user pages: it moves to supervisor pages, the alias stays for CPL 3. */
    static u64 low[512] __attribute__((aligned(4096)));
    for (unsigned i = 0; i < 512; i++)
        low[i] = i * 0x200000ul | P | RW | PS;
    u64 kept = boot_pdpt[0];
    set_entry(&boot_pdpt[0], VAL(low) | P | RW | US);
    map(0, VAL(page_a) | P | RW | US);
    *(u8 *)page_a = 0xc3;
    if (features[1] & 1 << 7) {
        set_cr4(1 << 20, 1);
        at0("SMEP", do_fetch, WINDOW, E_P | E_I);
        at3("SMEP at CPL 3", do_fetch, WINDOW, OK);
        at0("SMEP, read", do_read, WINDOW, OK);
        set_cr4(1 << 20, 0);
        at0("SMEP off", do_fetch, WINDOW, OK);
    }
    if (features[1] & 1 << 20) {
        set_cr4(1 << 21, 1);
        at0("SMAP, read", do_read, WINDOW, E_P);
        at0("SMAP, write", do_write, WINDOW, E_P | E_W);
        at0("SMAP, AC", do_read_ac, WINDOW, OK);
        at0("SMAP again", do_read, WINDOW, E_P);
        at3("SMAP at CPL 3", do_read, WINDOW, OK);
        set_cr4(1 << 21, 0);
        at0("SMAP off", do_read, WINDOW, OK);
    }
    set_entry(&boot_pdpt[0], kept);
}

/* ---- PCID ---- */

CODE(do_invpcid, "invpcid (%rcx), %rax");
static u64 invpcid_operand[2];

static int invpcid(ul type, u64 pcid, u64 va)
{
    invpcid_operand[0] = pcid;
    invpcid_operand[1] = va;
    return try0(do_invpcid, type, VAL(invpcid_operand));
}

static void pcid(void)
{
    ul va = WINDOW + 5 * 4096, home = VAL(boot_pml4), away = VAL(other_pml4), keep = 1ul << 63;
    page_a[0] = 0xa, page_b[0] = 0xb;
    if (features[1] & 1 << 10) {
        check("INVPCID without PCIDE, PCID 0", invpcid(0, 0, va), NONE);
        check("INVPCID without PCIDE, PCID 1", invpcid(0, 1, va), GP);
    }
    u32 r[4];
    cpuid(1, 0, r);
    if (!(r[2] & 1 << 17)) {
        refused("PCIDE on a CPU without", to_cr4, read_cr4() | 0x20000);
        return;
    }
    write_cr3(home | 0x18);
    refused("PCIDE with bits in CR3", to_cr4, read_cr4() | 0x20000);
    write_cr3(home);
    refused("CR3 bit 63 without PCIDE", to_cr3, home | keep);
    for (unsigned i = 0; i < 512; i++)
        other_pml4[i] = boot_pml4[i];
    set_cr4(0x20000, 1);
    refused("PG off with PCIDE", to_cr0, 0x11);
    map(5, VAL(page_a) | P | RW | US);
    write_cr3(home | 1);
    check("CR3 reads back", read_cr3(), home | 1);
    check("PCID 1", peek(va), 0xa);
    write_cr3(away | 2 | keep);
    check("CR3 reads back without bit 63", read_cr3(), away | 2);
    check("PCID 2", peek(va), 0xa);
    pt[5] = VAL(page_b) | P | RW | US;
    write_cr3(home | 1);
    check("CR3 flushes its PCID", peek(va), 0xb);
    write_cr3(away | 2);
    check("and the other when it comes back", peek(va), 0xb);
    if (features[1] & 1 << 10) {
        write_cr3(home | 1 | keep);
        peek(va);
        write_cr3(away | 2 | keep);
        peek(va);
        pt[5] = VAL(page_a) | P | RW | US;
        invpcid(0, 1, va);
        write_cr3(home | 1 | keep);
        check("INVPCID address", peek(va), 0xa);
        pt[5] = VAL(page_b) | P | RW | US;
        invpcid(1, 1, 0);
        check("INVPCID context, current", peek(va), 0xb);
        write_cr3(away | 2 | keep);
        peek(va);
        write_cr3(home | 1 | keep);
        pt[5] = VAL(page_a) | P | RW | US;
        invpcid(1, 2, 0);
        write_cr3(away | 2 | keep);
        check("INVPCID context, other", peek(va), 0xa);
        set_cr4(0x80, 1);
        pt[5] = VAL(page_b) | P | RW | US | G;
        invlpg((void *)va);
        check("INVLPG with PCIDs", peek(va), 0xb);
        pt[5] = VAL(page_a) | P | RW | US | G;
        invpcid(2, 0, 0);
        check("INVPCID all with globals", peek(va), 0xa);
        write_cr3(home | 1 | keep);
        check("in the other PCID too", peek(va), 0xa);
        pt[5] = VAL(page_b) | P | RW | US;
        invpcid(2, 0, 0);
        peek(va);
        pt[5] = VAL(page_a) | P | RW | US;
        invpcid(3, 0, 0);
        check("INVPCID all but globals", peek(va), 0xa);
        set_cr4(0x80, 0);
        check("INVPCID type 4", invpcid(4, 0, 0), GP);
        check("INVPCID reserved bit", invpcid(1, 1 << 12, 0), GP);
        check("INVPCID address not canonical", invpcid(0, 1, 1ul << 47), GP);
        try3(do_invpcid, 2, VAL(invpcid_operand));
        check_fault("INVPCID at CPL 3", GP, 0, 0);
    }
    write_cr3(home);
    set_cr4(0x20000, 0);
}

static void protection_keys(void)
{
    if (!(features[2] & 1 << 3))
        return;
    set_cr4(1 << 22, 1);
    map(0, VAL(page_a) | P | RW | US | 3ul << 59);
    *(u8 *)page_a = 0xc3;
    asm volatile("wrpkru" : : "a"(1 << 6), "c"(0), "d"(0));
    at3("key forbids access", do_read, WINDOW, E_P | E_U | 0x20);
    at0("key forbids access, CPL 0", do_read, WINDOW, E_P | 0x20);
    at3("keys leave fetches alone", do_fetch, WINDOW, OK);
    asm volatile("wrpkru" : : "a"(2 << 6), "c"(0), "d"(0));
    at3("key forbids writes, read", do_read, WINDOW, OK);
    at3("key forbids writes", do_write, WINDOW, E_P | E_U | E_W | 0x20);
    at0("key forbids writes, WP = 0", do_write, WINDOW, OK);
    set_wp(1);
    at0("key forbids writes, WP = 1", do_write, WINDOW, E_P | E_W | 0x20);
    set_wp(0);
    asm volatile("wrpkru" : : "a"(0), "c"(0), "d"(0));
    at3("key allows", do_write, WINDOW, OK);
    set_cr4(1 << 22, 0);
}

static void control_registers(void)
{
    refused("PG off in 64-bit mode", to_cr0, 0x11);
    refused("PAE off in long mode", to_cr4, read_cr4() & ~0x20ul);
    refused("CR0 high half", to_cr0, read_cr0() | 1ul << 32);
    refused("CR3 reserved bits", to_cr3, read_cr3() | 1ul << 60);
    refused("CR4 reserved bit", to_cr4, read_cr4() | 1ul << 40);
    refused("NW without CD", to_cr0, read_cr0() | 0x20000000);
}

void main(void)
{
    cpuid(7, 0, features);
    static u64 alias_pdpt[512] __attribute__((aligned(4096)));
    alias_pdpt[0] = VAL(boot_pd) | P | RW | US;
    boot_pml4[1] = VAL(alias_pdpt) | P | RW | US;
    boot_pml4[2] = VAL(pdpt) | P | RW | US;
    pdpt[0] = VAL(pd) | P | RW | US;
    pd[0] = VAL(pt) | P | RW | US;
    for (unsigned i = 0; i < 1024; i++)
        page_a[i] = 0xc3c3c3c3, page_b[i] = 0xc3c3c3c3;
    user_alias = ALIAS;
    rights();
    big_pages();
    canonical();
    smep_smap();
    pcid();
    protection_keys();
    control_registers();
}
