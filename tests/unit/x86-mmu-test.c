/* SPDX-License-Identifier: MIT */
/*
 * Proves x86 page walks: translation, rights, error codes, accessed and dirty bits in 32-bit, PAE, 4- and
 * 5-level paging. Expected values are worked out from Intel SDM vol. 3 chapter 4.
 */
#include "x86-machine.h"

static X86CPU *env;

/* An access; returns 0 or the page-fault error code | 0x100, or 0x200 | vector for another exception. */
static unsigned try_access(uint64_t va, AccessType type, unsigned mode)
{
    int v = X86_CATCH(env, tlb_probe(&env->parent, va, 1, type, mode, false, NULL, 0));
    if (v < 0)
        return 0;
    if (v != EXCP0E_PAGE)
        return 0x200 | (unsigned)v;
    g_assert_cmphex(env->cr[2], ==, va);
    return 0x100 | env->error_code;
}
#define PF(code) (0x100 | (code))

static uint64_t pa_of(uint64_t va)
{
    hwaddr pa = ~0ull;
    return x86_debug_translate(&env->parent, va, &pa) ? pa : ~0ull;
}

static uint64_t *entry64(hwaddr table, unsigned n) { return (uint64_t *)(x86_ram + table) + n; }
static uint32_t *entry32(hwaddr table, unsigned n) { return (uint32_t *)(x86_ram + table) + n; }

static void paging(uint64_t cr3, uint64_t cr4, uint64_t efer)
{
    cpu_x86_update_cr0(env, CR0_PE | CR0_ET);
    env->efer = efer & ~(uint64_t)EFER_LMA;
    cpu_x86_update_cr4(env, cr4);
    env->cr[3] = cr3;
    if (cr4 & CR4_PAE && !(efer & EFER_LME))
        g_assert_true(x86_load_pdptes(env, cr3));
    cpu_x86_update_cr0(env, CR0_PE | CR0_PG | CR0_WP | CR0_ET);
    tlb_flush_all(&env->parent);
}

enum { P = 1, RW = 2, US = 4, A = 0x20, D = 0x40, PS = 0x80 };

static void test_32bit(void)
{
    memset(x86_ram + 0x10000, 0, 0x4000);
    *entry32(0x10000, 0) = 0x11000 | P | RW | US;
    *entry32(0x11000, 5) = 0x200000 | P | RW | US;
    *entry32(0x11000, 6) = 0x201000 | P | US;
    *entry32(0x11000, 7) = 0x202000 | P | RW;
    *entry32(0x10000, 1) = 0x00400000 | P | RW | PS;
    *entry32(0x10000, 2) = 0x00002000 | P | RW | PS;       /* PSE-36: 4 GiB + 0 */
    *entry32(0x10000, 3) = 0x00400000 | 1 << 21 | P | PS;  /* reserved bit */
    paging(0x10000, CR4_PSE, 0);
    g_assert_cmphex(pa_of(0x5123), ==, 0x200123);
    g_assert_cmphex(pa_of(0x712345), ==, 0x712345);
    g_assert_cmphex(pa_of(0x800010), ==, 0x100000010);
    g_assert_cmphex(try_access(0x5000, ACCESS_READ, MMU_USER), ==, 0);
    g_assert_cmphex(*entry32(0x10000, 0) & (A | D), ==, A);
    g_assert_cmphex(*entry32(0x11000, 5) & (A | D), ==, A);
    g_assert_cmphex(try_access(0x5000, ACCESS_WRITE, MMU_USER), ==, 0);
    g_assert_cmphex(*entry32(0x11000, 5) & (A | D), ==, A | D);
    g_assert_cmphex(try_access(0x6000, ACCESS_WRITE, MMU_USER), ==, PF(7));
    g_assert_cmphex(try_access(0x6000, ACCESS_WRITE, MMU_KERNEL_AC), ==, PF(3));
    g_assert_cmphex(try_access(0x7000, ACCESS_READ, MMU_USER), ==, PF(5));
    g_assert_cmphex(try_access(0x7000, ACCESS_READ, MMU_KERNEL_AC), ==, 0);
    g_assert_cmphex(try_access(0x9000, ACCESS_READ, MMU_KERNEL_AC), ==, PF(0));
    g_assert_cmphex(try_access(0x9000, ACCESS_FETCH, MMU_USER), ==, PF(4));
    g_assert_cmphex(try_access(0xc00000, ACCESS_READ, MMU_KERNEL_AC), ==, PF(9));
    cpu_x86_update_cr0(env, env->cr[0] & ~(uint64_t)CR0_WP);
    g_assert_cmphex(try_access(0x6000, ACCESS_WRITE, MMU_KERNEL_AC), ==, 0);
    g_assert_cmphex(try_access(0x6000, ACCESS_WRITE, MMU_USER), ==, PF(7));
}

static void test_pae(void)
{
    memset(x86_ram + 0x10000, 0, 0x4000);
    *entry64(0x10000, 0) = 0x11000 | P;
    *entry64(0x10000, 3) = 0x11000 | P;
    *entry64(0x11000, 1) = 0x12000 | P | RW | US;
    *entry64(0x11000, 2) = 0x600000 | P | RW | US | PS;
    *entry64(0x12000, 0) = 0x300000 | P | RW | US | 1ull << 63;
    *entry64(0x12000, 1) = 0x301000 | P | 1ull << 52;
    paging(0x10000, CR4_PAE, EFER_NXE);
    g_assert_cmphex(pa_of(0x200010), ==, 0x300010);
    g_assert_cmphex(pa_of(0xc0200010), ==, 0x300010);
    g_assert_cmphex(pa_of(0x400010), ==, 0x600010);
    g_assert_cmphex(try_access(0x200000, ACCESS_FETCH, MMU_USER), ==, PF(0x15));
    g_assert_cmphex(try_access(0x201000, ACCESS_READ, MMU_KERNEL_AC), ==, PF(9));
    g_assert_cmphex(try_access(0x40000000, ACCESS_READ, MMU_KERNEL_AC), ==, PF(0));
    paging(0x10000, CR4_PAE, 0); /* without NXE bit 63 is reserved */
    g_assert_cmphex(try_access(0x200000, ACCESS_READ, MMU_USER), ==, PF(0xd));
    *entry64(0x10000, 1) = 0x11000 | P | RW; /* reserved in a PDPTE */
    g_assert_false(x86_load_pdptes(env, 0x10000));
}

static void test_long(void)
{
    uint64_t va = 0xffff800040201000;
    memset(x86_ram + 0x10000, 0, 0x6000);
    *entry64(0x10000, 256) = 0x11000 | P | RW | US;
    *entry64(0x11000, 1) = 0x12000 | P | RW | US;
    *entry64(0x12000, 1) = 0x13000 | P | RW | US;
    *entry64(0x13000, 1) = 0x700000 | P | RW | US | 0x100;
    *entry64(0x13000, 2) = 0x701000 | P | RW | US | 1ull << 59; /* key 1 */
    *entry64(0x13000, 3) = 0x702000 | P | RW | US | 1ull << 45; /* beyond 40 bits */
    *entry64(0x11000, 2) = P | RW | PS;                          /* 1 GiB page */
    *entry64(0x11000, 3) = 0x2000 | P | RW | PS;                 /* with a reserved bit */
    paging(0x10000, CR4_PAE, EFER_LME | EFER_NXE);
    g_assert_true(env->efer & EFER_LMA);
    g_assert_cmphex(pa_of(va + 0x123), ==, 0x700123);
    g_assert_cmphex(pa_of(0xffff800080123456), ==, 0x123456);
    g_assert_cmphex(pa_of(0x0000800040201000), ==, ~0ull);
    g_assert_cmphex(try_access(va, ACCESS_READ, MMU_USER), ==, 0);
    g_assert_cmphex(try_access(va + 0x2000, ACCESS_READ, MMU_USER), ==, PF(0xd));
    g_assert_cmphex(try_access(0xffff8000c0000000, ACCESS_READ, MMU_KERNEL_AC), ==, PF(9));
    g_assert_cmphex(try_access(0x0000800040201000, ACCESS_READ, MMU_KERNEL_AC), ==, 0x200 | EXCP0D_GPF);
    cpu_x86_update_cr4(env, env->cr[4] | CR4_SMAP | CR4_SMEP);
    g_assert_cmphex(try_access(va, ACCESS_READ, MMU_KERNEL), ==, PF(1));
    g_assert_cmphex(try_access(va, ACCESS_READ, MMU_KERNEL_AC), ==, 0);
    g_assert_cmphex(try_access(va, ACCESS_FETCH, MMU_KERNEL_AC), ==, PF(0x11));
    g_assert_cmphex(try_access(va, ACCESS_FETCH, MMU_USER), ==, 0);
    cpu_x86_update_cr4(env, CR4_PAE | CR4_PKE);
    cpu_x86_set_pkru(env, 2 << 2);
    g_assert_cmphex(try_access(va + 0x1000, ACCESS_READ, MMU_USER), ==, 0);
    g_assert_cmphex(try_access(va + 0x1000, ACCESS_WRITE, MMU_USER), ==, PF(0x27));
    cpu_x86_set_pkru(env, 1 << 2);
    g_assert_cmphex(try_access(va + 0x1000, ACCESS_READ, MMU_USER), ==, PF(0x25));
    g_assert_cmphex(try_access(va + 0x1000, ACCESS_FETCH, MMU_USER), ==, 0);
    g_assert_cmphex(try_access(va, ACCESS_READ, MMU_USER), ==, 0);
}

static void test_la57(void)
{
    memset(x86_ram + 0x10000, 0, 0x6000);
    *entry64(0x15000, 0x1ff) = 0x10000 | P | RW;
    *entry64(0x10000, 0) = 0x11000 | P | RW;
    *entry64(0x11000, 0) = 0x12000 | P | RW;
    *entry64(0x12000, 0) = 0x13000 | P | RW;
    *entry64(0x13000, 1) = 0x700000 | P | RW;
    paging(0x15000, CR4_PAE | CR4_LA57, EFER_LME);
    g_assert_cmphex(pa_of(0xffff000000001008), ==, 0x700008);
    g_assert_cmphex(try_access(0xffff000000001000, ACCESS_WRITE, MMU_KERNEL_AC), ==, 0);
    g_assert_cmphex(try_access(0x0100000000000000, ACCESS_READ, MMU_KERNEL_AC), ==, 0x200 | EXCP0D_GPF);
}

/* PCIDs: a switch with bit 63 keeps translations, one without drops the context's. */
static void test_pcid(void)
{
    memset(x86_ram + 0x10000, 0, 0x8000);
    *entry64(0x10000, 0) = *entry64(0x14000, 0) = 0x11000 | P | RW;
    *entry64(0x11000, 0) = 0x12000 | P | RW;
    *entry64(0x12000, 0) = 0x13000 | P | RW;
    *entry64(0x13000, 1) = 0x700000 | P | RW;
    x86_ram[0x700000] = 1;
    x86_ram[0x701000] = 2;
    paging(0x10000, CR4_PAE, EFER_LME);
    g_assert_true(x86_write_cr(env, 4, CR4_PAE | CR4_PCIDE));
    g_assert_cmpuint(cpu_ldub(&env->parent, 0x1000, MMU_KERNEL_AC, 0), ==, 1);
    g_assert_true(x86_write_cr(env, 3, 0x14005));
    g_assert_cmphex(env->cr[3], ==, 0x14005);
    g_assert_cmpuint(cpu_ldub(&env->parent, 0x1000, MMU_KERNEL_AC, 0), ==, 1);
    *entry64(0x13000, 1) = 0x701000 | P | RW;
    g_assert_true(x86_write_cr(env, 3, 0x10000 | 1ull << 63));
    g_assert_cmpuint(cpu_ldub(&env->parent, 0x1000, MMU_KERNEL_AC, 0), ==, 1);
    g_assert_true(x86_write_cr(env, 3, 0x14005));
    g_assert_cmpuint(cpu_ldub(&env->parent, 0x1000, MMU_KERNEL_AC, 0), ==, 2);
    g_assert_true(x86_write_cr(env, 3, 0x10000));
    g_assert_cmpuint(cpu_ldub(&env->parent, 0x1000, MMU_KERNEL_AC, 0), ==, 2);
    g_assert_true(x86_write_cr(env, 3, 0x10007));
    g_assert_true(x86_write_cr(env, 3, 0x10000 | 1ull << 63));
    g_assert_false(x86_write_cr(env, 3, 1ull << 41));
    g_assert_true(x86_write_cr(env, 4, CR4_PAE));
    g_assert_true(x86_write_cr(env, 3, 0x10001));
    g_assert_false(x86_write_cr(env, 4, CR4_PAE | CR4_PCIDE)); /* CR3[11:0] != 0 */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    x86_machine(16 * MiB);
    env = x86_new_cpu("max");
    g_test_add_func("/x86/mmu/32bit", test_32bit);
    g_test_add_func("/x86/mmu/pae", test_pae);
    g_test_add_func("/x86/mmu/long", test_long);
    g_test_add_func("/x86/mmu/la57", test_la57);
    g_test_add_func("/x86/mmu/pcid", test_pcid);
    return g_test_run();
}
