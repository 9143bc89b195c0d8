/* SPDX-License-Identifier: MIT */
/*
 * 32-bit and PAE paging: rights, error codes, accessed and dirty bits, big pages, reserved bits, NX, WP, SMEP,
 * SMAP, global pages and what must be seen after each kind of flush. SDM vol. 3 chapter 4. Only what the manual
 * promises is expected: a stale translation may always be gone.
 */
#include "access.h"

enum { WINDOW = 0x40000000, ALIAS = 0x80000000u, BIG_A = 0x1000000, BIG_B = 0x1400000 };
static u32 pd[1024] __attribute__((aligned(4096))), pt[1024] __attribute__((aligned(4096))), low[1024] __attribute__((aligned(4096)));
static u64 pdpt[4] __attribute__((aligned(4096))), pae_pd[4][512] __attribute__((aligned(4096))), pae_pt[512] __attribute__((aligned(4096)));
static u32 page_a[1024] __attribute__((aligned(4096))), page_b[1024] __attribute__((aligned(4096)));
static u64 ldt[2];

static void map(unsigned n, ul entry)
{
    pt[n] = entry;
    invlpg((void *)(WINDOW + n * 4096));
}

static void map_big(ul entry)
{
    pd[WINDOW >> 22] = entry;
    write_cr3(read_cr3());
}

static void fill(void)
{
    for (unsigned i = 0; i < 1024; i++)
        page_a[i] = 0xc3c3c30a, page_b[i] = 0xc3c3c30b;
    *(u32 *)BIG_A = *(u32 *)(BIG_A + 0x3ff000) = 0xc3c3c30a;
    *(u32 *)BIG_B = *(u32 *)(BIG_B + 0x3ff000) = 0xc3c3c30b;
    *(u8 *)page_a = *(u8 *)page_b = 0xc3;
}

/* ---- 32-bit paging ---- */

static void rights(void)
{
    map(0, 0);
    at0("absent, read", do_read, WINDOW, 0);
    at0("absent, write", do_write, WINDOW, E_W);
    at0("absent, fetch", do_fetch, WINDOW, 0);
    at3("absent, user read", do_read, WINDOW, E_U);
    at3("absent, user write", do_write, WINDOW, E_U | E_W);
    at3("absent, user fetch", do_fetch, WINDOW, E_U);
    pt[0] = VAL(page_a) | P | RW | US; /* nothing to flush: absent is not cached */
    at3("present, user write", do_write, WINDOW, OK);
    at3("present, user read", do_read, WINDOW, OK);
    at3("present, user fetch", do_fetch, WINDOW, OK);
    at0("present, write", do_write, WINDOW, OK);
    map(0, VAL(page_a) | P | RW);
    at3("supervisor, user read", do_read, WINDOW, E_P | E_U);
    at3("supervisor, user write", do_write, WINDOW, E_P | E_U | E_W);
    at3("supervisor, user fetch", do_fetch, WINDOW, E_P | E_U);
    at0("supervisor, write", do_write, WINDOW, OK);
    map(0, VAL(page_a) | P | US);
    at3("read-only, user read", do_read, WINDOW, OK);
    at3("read-only, user write", do_write, WINDOW, E_P | E_U | E_W);
    at0("read-only, WP = 0", do_write, WINDOW, OK);
    set_wp(1);
    at0("read-only, WP = 1", do_write, WINDOW, E_P | E_W);
    at0("read-only, read", do_read, WINDOW, OK);
    set_wp(0);
    at0("read-only, WP = 0 again", do_write, WINDOW, OK);
    at3("read-only, user write after WP", do_write, WINDOW, E_P | E_U | E_W);
    map(0, VAL(page_a) | P | RW | US);
    map_big(VAL(pt) | P | US);
    at3("read-only directory", do_write, WINDOW, E_P | E_U | E_W);
    map_big(VAL(pt) | P | RW);
    at3("supervisor directory", do_read, WINDOW, E_P | E_U);
    map_big(0);
    at3("absent directory", do_read, WINDOW + 0xabc, E_U);
    map_big(VAL(pt) | P | RW | US);
}

static void accessed_dirty(void)
{
    map(1, VAL(page_a) | P | RW | US);
    map_big(VAL(pt) | P | RW | US);
    at0("A, read", do_read, WINDOW + 4096, OK);
    check("read sets A", pt[1] & 0xfff, P | RW | US | A);
    check("A of the directory, no D", pd[WINDOW >> 22] & 0xfff, P | RW | US | A);
    at0("D, write", do_write, WINDOW + 4096, OK);
    check("write sets D", pt[1] & 0xfff, P | RW | US | A | D);
    map(1, VAL(page_a) | P | RW | US);
    at3("D, user write", do_write, WINDOW + 4096, OK);
    check("user write sets A and D", pt[1] & 0xfff, P | RW | US | A | D);
    map(1, VAL(page_a) | P | RW | US);
    at3("A, user fetch", do_fetch, WINDOW + 4096, OK);
    check("fetch sets A", pt[1] & 0xfff, P | RW | US | A);
    map(1, VAL(page_a) | P | US);
    at3("refused write", do_write, WINDOW + 4096, E_P | E_U | E_W);
    check("refused write sets no D", pt[1] & D, 0);
    pt[1] = VAL(page_a) | P | RW | US;
    invlpg((void *)(WINDOW + 4096));
    asm volatile("lock cmpxchgl %1, (%2)" : : "a"(0x12345678), "r"(0), "r"(WINDOW + 4096) : "memory", "cc");
    check("failed CMPXCHG is a write", pt[1] & D, D);
}

static void two_pages(void)
{
    map(2, VAL(page_a) | P | RW | US);
    map(3, 0);
    ul edge = WINDOW + 3 * 4096;
    u32 before = page_a[1023];
    ex.vector = NONE;
    try0(do_write4, edge - 2, 0);
    check("write over the edge", outcome("CR2 over the edge", edge), E_W);
    check("nothing written before the fault", page_a[1023], before);
    ex.vector = NONE;
    try3(do_read, edge - 1, 0);
    check("read over the edge", outcome("CR2 over the edge, read", edge), E_U);
    map(3, VAL(page_b) | P | US);
    ex.vector = NONE;
    try3(do_write4, edge - 3, 0);
    check("write to read-only second page", outcome("CR2, second page read-only", edge), E_P | E_U | E_W);
    map(3, VAL(page_b) | P | RW | US);
    page_b[0] = 0xc3c3c3c3;
    try0(do_write4, edge - 3, 0);
    check("write over two pages, low", page_a[1023], (before & 0xff) | 0x02030400);
    check("write over two pages, high", page_b[0], 0xc3c3c301);
    /* An instruction over the edge: MOV EAX, imm32 with its last bytes in an absent page. */
    u8 *code = (u8 *)page_a + 4094;
    code[0] = 0xb8, code[1] = 0x11;
    map(3, 0);
    ex.vector = NONE;
    try3((void *)(edge - 2 - user_alias), 0, 0);
    check("fetch over the edge", outcome("CR2, fetch over the edge", edge), E_U);
    check("IP, fetch over the edge", ex.ip, edge - 2);
    page_b[0] = 0x80cd0022, page_b[1] = 0;
    page_b[0] = 0xcd004433, page_b[1] = 0x80;
    map(3, VAL(page_b) | P | RW | US);
    try3((void *)(edge - 2 - user_alias), 0, 0);
    check("instruction over two pages", ex.ax, 0x443311 | 0x00000000);
    fill();
}

static void flushes(void)
{
    map(4, VAL(page_a) | P | RW | G);
    ul va = WINDOW + 4 * 4096;
    page_a[0] = 0xa, page_b[0] = 0xb;
    check("before", peek(va), 0xa);
    pt[4] = VAL(page_b) | P | RW | G;
    invlpg((void *)(va + 0x123));
    check("INVLPG", peek(va), 0xb);
    pt[4] = VAL(page_a) | P | RW | G;
    write_cr3(read_cr3());
    check("CR3 reload without PGE", peek(va), 0xa);
    set_cr4(0x80, 1);
    check("PGE on", peek(va), 0xa);
    pt[4] = VAL(page_b) | P | RW | G;
    invlpg((void *)va);
    check("INVLPG of a global page", peek(va), 0xb);
    pt[4] = VAL(page_a) | P | RW | G;
    set_cr4(0x80, 0);
    check("PGE off", peek(va), 0xa);
    set_cr4(0x80, 1);
    check("again", peek(va), 0xa);
    pt[4] = VAL(page_b) | P | RW;
    set_cr4(0x80, 0);
    set_cr4(0x80, 1);
    check("PGE off and on", peek(va), 0xb);
    pt[4] = VAL(page_a) | P | RW;
    write_cr3(read_cr3());
    check("CR3 reload of a page that is not global", peek(va), 0xa);
    pt[4] = VAL(page_b) | P | RW | G;
    write_cr0(read_cr0() & 0x7fffffff);
    write_cr0(read_cr0() | 0x80000000u);
    check("PG off and on", peek(va), 0xb);
    set_cr4(0x80, 0);
    map(4, 0);
    at0("unmapped", do_read, va, 0);
    fill();
}

static void big_pages(void)
{
    map_big(BIG_A | P | RW | US | PS);
    /* Without CR4.PSE the entry points to a table: physical BIG_A, whose first entry is not present. */
    *(u32 *)BIG_A = 0;
    at0("PS without PSE", do_read, WINDOW, 0);
    *(u32 *)BIG_A = 0xc3c3c30a;
    set_cr4(0x10, 1);
    map_big(BIG_A | P | RW | US | PS);
    check("4 MiB page", peek(WINDOW), 0xc3c3c30a);
    check("4 MiB page, A", pd[WINDOW >> 22] & 0xff, P | RW | US | PS | A);
    at3("4 MiB page, user write", do_write, WINDOW + 0x3ff004, OK);
    check("4 MiB page, D", pd[WINDOW >> 22] & 0xff, P | RW | US | PS | A | D);
    check("4 MiB page, offset", *(u8 *)(BIG_A + 0x3ff004), 0xc3);
    peek(WINDOW + 0x3ff000);
    pd[WINDOW >> 22] = BIG_B | P | RW | US | PS;
    invlpg((void *)(WINDOW + 0x1000));
    check("INVLPG anywhere in a big page, start", peek(WINDOW), 0xc3c3c30b);
    check("INVLPG anywhere in a big page, end", peek(WINDOW + 0x3ff000), 0xc3c3c30b);
    map_big(BIG_A | P | US | PS);
    at3("4 MiB page, read-only", do_write, WINDOW + 0x5000, E_P | E_U | E_W);
    map_big(BIG_A | P | RW | US | PS | 1 << 21);
    at3("4 MiB page, reserved bit, write", do_write, WINDOW + 0x5000, E_P | E_U | E_W | E_RSVD);
    at0("4 MiB page, reserved bit, read", do_read, WINDOW + 0x5000, E_P | E_RSVD);
    map_big(BIG_A | P | RW | PS | 1 << 21);
    at3("reserved bit before rights", do_read, WINDOW + 0x5000, E_P | E_U | E_RSVD);
    map_big(BIG_A | RW | PS | 1 << 21);
    at3("reserved bit of an absent entry", do_read, WINDOW + 0x5000, E_U);
    map_big(BIG_A | P | RW | US | PS | 1 << 12);
    at3("4 MiB page, PAT bit", do_read, WINDOW + 0x5000, OK);
    map_big(VAL(pt) | P | RW | US);
}

CODE(load_ldt_selector, "mov %ax, %fs");

static void smep_smap(void)
{
    u32 r[4];
    cpuid(7, 0, r);
    map(0, VAL(page_a) | P | RW | US);
    *(u8 *)page_a = 0xc3;
    if (r[1] & 1 << 7) {
        at0("fetch of a user page", do_fetch, WINDOW, OK);
        set_cr4(1 << 20, 1);
        at0("SMEP", do_fetch, WINDOW, E_P | E_I);
        at3("SMEP at CPL 3", do_fetch, WINDOW, OK);
        at0("SMEP, read", do_read, WINDOW, OK);
        map(1, 0);
        at0("SMEP, absent fetch", do_fetch, WINDOW + 4096, E_I);
        map_big(VAL(pt) | P | RW);
        at0("SMEP, supervisor directory", do_fetch, WINDOW, OK);
        map_big(VAL(pt) | P | RW | US);
        set_cr4(1 << 20, 0);
        at0("SMEP off", do_fetch, WINDOW, OK);
    }
    if (r[1] & 1 << 20) {
        set_cr4(1 << 21, 1);
        at0("SMAP, read", do_read, WINDOW, E_P);
        at0("SMAP, write", do_write, WINDOW, E_P | E_W);
        at0("SMAP, fetch", do_fetch, WINDOW, OK);
        at0("SMAP, AC", do_read_ac, WINDOW, OK);
        at3("SMAP at CPL 3", do_read, WINDOW, OK);
        asm volatile("stac");
        check("STAC", peek(WINDOW) & 0xff, 0xc3);
        check("STAC sets AC", read_flags() & FL_AC, FL_AC);
        asm volatile("clac");
        check("CLAC clears AC", read_flags() & FL_AC, 0);
        at0("SMAP after CLAC", do_read, WINDOW, E_P);
        /* Implicit supervisor accesses: AC does not count, and CPL 3 makes no user access of them. */
        ldt[1] = descriptor(0, 0xfffff, 0xf3, 0xc);
        gdt[FREE_SLOT] = descriptor(VAL(ldt) + ALIAS, 15, 0x82, 0);
        lgdt_again();
        asm volatile("lldt %w0" : : "r"(FREE_SLOT * 8));
        write_flags(2 | FL_AC);
        ex.vector = NONE;
        try0(load_ldt_selector, 8 | 4, 0);
        check("SMAP, implicit access", outcome("CR2, implicit access", VAL(&ldt[1]) + ALIAS), E_P);
        write_flags(2);
        ex.vector = NONE;
        try3(load_ldt_selector, 8 | 4 | 3, 0);
        check("SMAP, implicit access at CPL 3", outcome("CR2, implicit access at CPL 3", VAL(&ldt[1]) + ALIAS), E_P);
        set_cr4(1 << 21, 0);
        ex.vector = NONE;
        try3(load_ldt_selector, 8 | 4 | 3, 0);
        check("without SMAP", outcome("", 0), OK);
        asm volatile("lldt %w0" : : "r"(0));
        at0("SMAP off", do_read, WINDOW, OK);
    }
}

/* ---- PAE ---- */

static void pae_map(unsigned n, u64 entry)
{
    pae_pt[n] = entry;
    invlpg((void *)(WINDOW + n * 4096));
}

static void enter_pae(void)
{
    write_cr0(read_cr0() & 0x7fffffff);
    for (unsigned i = 0; i < 4; i++)
        pdpt[i] = VAL(pae_pd[i]) | P;
    for (unsigned i = 0; i < 16; i++) {
        pae_pd[0][i] = i * 0x200000 | P | RW | PS;
        pae_pd[2][i] = i * 0x200000 | P | RW | US | PS;
    }
    pae_pd[1][0] = VAL(pae_pt) | P | RW | US;
    write_cr3(VAL(pdpt));
    set_cr4(0x20, 1);
    write_cr0(read_cr0() | 0x80000000u);
}

static void pae(void)
{
    const u64 nx = 1ull << 63;
    enter_pae();
    fill();
    pae_map(0, VAL(page_a) | P | RW | US);
    at3("PAE", do_write, WINDOW, OK);
    check("PAE A and D", pae_pt[0] & 0xfff, P | RW | US | A | D);
    pae_map(0, VAL(page_a) | P | RW | US | nx);
    at0("bit 63 without NXE", do_read, WINDOW, E_P | E_RSVD);
    at3("bit 63 without NXE, user fetch", do_fetch, WINDOW, E_P | E_U | E_RSVD);
    wrmsr(0xc0000080, rdmsr(0xc0000080) | 0x800);
    at0("NX, read", do_read, WINDOW, OK);
    at0("NX, fetch", do_fetch, WINDOW, E_P | E_I);
    at3("NX, user fetch", do_fetch, WINDOW, E_P | E_U | E_I);
    at3("NX, user write", do_write, WINDOW, OK);
    pae_map(0, 0);
    at0("NXE, absent fetch", do_fetch, WINDOW, E_I);
    pae_map(0, VAL(page_a) | P | RW);
    at3("NXE, supervisor fetch at CPL 3", do_fetch, WINDOW, E_P | E_U | E_I);
    pae_map(0, VAL(page_a) | P | RW | US);
    pae_pd[1][0] |= nx;
    write_cr3(read_cr3());
    at3("NX in the directory", do_fetch, WINDOW, E_P | E_U | E_I);
    pae_pd[1][0] &= ~nx;
    for (unsigned bit = 52; bit < 63; bit++) {
        pae_map(0, VAL(page_a) | P | RW | US | 1ull << bit);
        at0("PAE reserved bit", do_read, WINDOW, E_P | E_RSVD);
    }
    pae_map(0, VAL(page_a) | P | RW | US);
    pae_pd[1][1] = BIG_A | P | RW | US | PS;
    check("2 MiB page", peek(WINDOW + 0x200000), 0xc3c3c30a);
    for (unsigned bit = 13; bit < 21; bit++) {
        pae_pd[1][1] = BIG_A | P | RW | US | PS | 1 << bit;
        invlpg((void *)(WINDOW + 0x200000));
        at0("2 MiB page, reserved bit", do_read, WINDOW + 0x200000, E_P | E_RSVD);
    }
    /* The four pointers are registers: loaded by MOV to CR3. */
    pdpt[1] = 0;
    invlpg((void *)WINDOW);
    at0("pointer changed in memory only", do_read, WINDOW, OK);
    write_cr3(read_cr3());
    at0("absent pointer", do_read, WINDOW, 0);
    static const u64 bad[] = { 2, 4, 0x20, 0x40, 0x80, 0x100, 1ull << 62, 1ull << 63 };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        pdpt[1] = VAL(pae_pd[1]) | P | bad[i];
        refused("reserved bit of a pointer", to_cr3, read_cr3());
    }
    at0("refused CR3 changes nothing", do_read, WINDOW, 0);
    pdpt[1] = 2;
    write_cr3(read_cr3());
    pdpt[1] = VAL(pae_pd[1]) | P;
    write_cr3(read_cr3());
    at0("pointer back", do_read, WINDOW, OK);
    write_cr0(read_cr0() & 0x7fffffff);
    set_cr4(0x20, 0);
}

static void control_registers(void)
{
    refused("PG without PE", to_cr0, 0x80000010u);
    refused("NW without CD", to_cr0, 0x20000011u);
    refused("CR4 reserved bit", to_cr4, 1u << 31);
    u32 r[4];
    cpuid(1, 0, r);
    if (r[2] & 1 << 17)
        refused("PCIDE outside long mode", to_cr4, 0x20000);
}

void main(void)
{
    fill();
    for (unsigned i = 0; i < 1024; i++)
        low[i] = i * 4096 | P | RW;
    pd[0] = VAL(low) | P | RW;
    static u32 alias[1024] __attribute__((aligned(4096)));
    for (unsigned i = 0; i < 1024; i++)
        alias[i] = i * 4096 | P | RW | US;
    pd[ALIAS >> 22] = VAL(alias) | P | RW | US;
    pd[WINDOW >> 22] = VAL(pt) | P | RW | US;
    for (u32 a = BIG_A; a < BIG_B + 0x400000; a += 0x400000) {
        static u32 more[2][1024] __attribute__((aligned(4096)));
        u32 *table = more[a == BIG_B];
        for (unsigned i = 0; i < 1024; i++)
            table[i] = (a + i * 4096) | P | RW;
        pd[a >> 22] = VAL(table) | P | RW;
    }
    user_alias = ALIAS;
    write_cr3(VAL(pd));
    write_cr0(read_cr0() | 0x80000000u);
    rights();
    accessed_dirty();
    two_pages();
    flushes();
    big_pages();
    smep_smap();
    pae();
    control_registers();
}
