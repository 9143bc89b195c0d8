/* SPDX-License-Identifier: MIT */
/*
 * Page walks: no paging, 32-bit with PSE and PSE-36, PAE, and 4- and 5-level paging, with NX, WP, SMEP,
 * SMAP and protection keys. Intel SDM vol. 3 chapter 4. A walk sets accessed and dirty bits; the TLB
 * then holds what one MMU mode may do, so that a first store to a clean page walks again.
 */
#include "helper.h"
#include "sys.h"
#include "util/log.h"

#include <inttypes.h>
#include <string.h>

enum {
    PTE_P = 1 << 0, PTE_RW = 1 << 1, PTE_US = 1 << 2, PTE_A = 1 << 5, PTE_D = 1 << 6, PTE_PS = 1 << 7, PTE_G = 1 << 8,
};
#define PTE_NX (1ull << 63)
#define PTE_ADDRESS 0xffffffffff000ull /* bits 12-51 */

/* One paging mode: levels from the root down to the 4 KiB page. */
typedef struct PagingMode {
    uint8_t levels, index_bits, entry_bytes;
} PagingMode;
static const PagingMode paging_32 = { 2, 10, 4 }, paging_pae = { 2, 9, 8 }, paging_4 = { 4, 9, 8 },
                        paging_5 = { 5, 9, 8 };

static const PagingMode *paging_mode(const X86CPU *env)
{
    if (env->efer & EFER_LMA)
        return env->cr[4] & CR4_LA57 ? &paging_5 : &paging_4;
    return env->cr[4] & CR4_PAE ? &paging_pae : &paging_32;
}

/* What a walk gathers on its way down. */
typedef struct Walk {
    uint64_t pa;          /* of the byte */
    uint64_t page_size;
    uint64_t leaf;        /* the last entry */
    hwaddr leaf_pa;       /* where it lies */
    uint64_t rw_us;       /* AND of RW and US */
    bool nx;              /* OR of NX */
    uint32_t fault;       /* 0, or PG_ERROR_P/RSVD of a failed walk + FAULT_FLAG */
} Walk;
enum { WALK_FAULT = 1u << 31 };

static uint64_t read_entry(X86CPU *env, hwaddr pa, unsigned bytes)
{
    pa &= x86_a20_mask(env);
    return bytes == 8 ? phys_ldq(&env->parent, pa) : phys_ldl(&env->parent, pa);
}

/* Sets bits in an entry unless another agent changed it meanwhile. */
static bool set_entry_bits(X86CPU *env, hwaddr pa, unsigned bytes, uint64_t old, uint64_t bits)
{
    pa &= x86_a20_mask(env);
    if ((old & bits) == bits)
        return true;
    return bytes == 8 ? phys_cmpxchg64(&env->parent, pa, old, old | bits)
                      : phys_cmpxchg32(&env->parent, pa, (uint32_t)old, (uint32_t)(old | bits));
}

/* Bits that must be zero in an 8-byte entry; shift is log2 of what it maps, when it is a page. */
static uint64_t reserved_bits64(const X86CPU *env, bool page, unsigned shift, bool long_mode)
{
    uint64_t r = x86_phys_reserved(env);
    if (!(env->efer & EFER_NXE))
        r |= PTE_NX;
    if (!long_mode)
        r |= 0x7ff0000000000000ull; /* bits 52-62 are ignored in IA-32e paging only */
    if (page && shift > 12)
        r |= ((1ull << shift) - 1) & ~0x1fffull;
    return r;
}

/* True when the entry of this level maps a page. Sets *bad for PS where no page can be. */
static bool entry_is_page(const X86CPU *env, const PagingMode *m, uint64_t e, unsigned level, bool *bad)
{
    *bad = false;
    if (level == 0)
        return true;
    if (!(e & PTE_PS))
        return false;
    if (m == &paging_32)
        return env->cr[4] & CR4_PSE;
    if (level == 1)
        return true;
    *bad = level > 2 || !x86_feature(env, FW_8000_0001_EDX, 26);
    return !*bad;
}

/* Address and reserved bits of a 4 MiB page of 32-bit paging (PSE-36: bits 13-20 are address bits 32-39). */
static uint64_t pse_page(const X86CPU *env, uint32_t e, bool *bad)
{
    unsigned high_bits = !x86_feature(env, FW_1_EDX, 17) ? 0
                         : env->phys_bits > 40           ? 8
                         : env->phys_bits > 32           ? env->phys_bits - 32u
                                                         : 0;
    uint32_t high = e >> 13 & 0x1ff;
    *bad = high >> high_bits;
    return (e & 0xffc00000u) | (uint64_t)high << 32;
}

/* Follows the tables for va. Sets accessed bits on the way down (not of the leaf) unless debug.
 * False when an entry changed under our hands: start again. */
static bool walk_tables(X86CPU *env, uint64_t va, bool debug, Walk *w)
{
    const PagingMode *m = paging_mode(env);
    bool long_mode = m->levels > 2;
    uint64_t table;
    *w = (Walk){ .rw_us = PTE_RW | PTE_US };
    if (m == &paging_pae) {
        uint64_t pdpte = env->pdpte[va >> 30 & 3];
        if (!(pdpte & PTE_P)) {
            w->fault = WALK_FAULT;
            return true;
        }
        table = pdpte & PTE_ADDRESS;
    } else {
        table = env->cr[3] & (long_mode ? PTE_ADDRESS : 0xfffff000ull);
    }
    for (unsigned level = m->levels; level-- > 0;) {
        unsigned shift = 12 + level * m->index_bits;
        uint64_t index = va >> shift & ((1u << m->index_bits) - 1);
        w->leaf_pa = table + index * m->entry_bytes;
        uint64_t e = w->leaf = read_entry(env, w->leaf_pa, m->entry_bytes);
        if (!(e & PTE_P)) {
            w->fault = WALK_FAULT;
            return true;
        }
        bool bad, page = entry_is_page(env, m, e, level, &bad);
        uint64_t address = e & PTE_ADDRESS;
        if (m->entry_bytes == 8)
            bad = bad || e & reserved_bits64(env, page, shift, long_mode);
        else if (page && level)
            address = pse_page(env, (uint32_t)e, &bad);
        else
            address = e & 0xfffff000u;
        if (bad) {
            w->fault = WALK_FAULT | PG_ERROR_P | PG_ERROR_RSVD;
            return true;
        }
        w->rw_us &= e;
        w->nx |= e >> 63;
        if (page) {
            uint64_t offset = (1ull << shift) - 1;
            w->page_size = offset + 1;
            w->pa = (address & ~offset) | (va & offset);
            return true;
        }
        if (!debug && !set_entry_bits(env, w->leaf_pa, m->entry_bytes, e, PTE_A))
            return false;
        table = address;
    }
    return true;
}

/* What the mode may do with the page. */
static void page_rights(const X86CPU *env, const Walk *w, unsigned mode, Translation *t)
{
    bool user = mode == MMU_USER, user_page = w->rw_us & PTE_US;
    t->read = user ? user_page : !(user_page && mode == MMU_KERNEL && env->cr[4] & CR4_SMAP);
    t->write = t->read && (w->rw_us & PTE_RW || (!user && !(env->cr[0] & CR0_WP)));
    t->exec = (user ? user_page : !(user_page && env->cr[4] & CR4_SMEP)) && !(w->nx && env->efer & EFER_NXE);
}

/* Protection key of the page takes read or write away (user pages only). */
static bool pkey_denies(const X86CPU *env, const Walk *w, unsigned mode, Translation *t)
{
    if (!(env->cr[4] & CR4_PKE) || !(env->efer & EFER_LMA) || !(w->rw_us & PTE_US))
        return false;
    uint32_t rights = (uint32_t)(env->pkru >> (w->leaf >> 59 & 15) * 2) & 3;
    if (rights & 1)
        t->read = t->write = false;
    else if (rights & 2 && (mode == MMU_USER || env->cr[0] & CR0_WP))
        t->write = false;
    return rights;
}

static bool allowed(const Translation *t, AccessType access)
{
    return access == ACCESS_FETCH ? t->exec : access == ACCESS_WRITE ? t->write : t->read;
}

/* Page-fault error code of a refused access; 0 = the access is fine and *t is filled. */
static uint32_t translate(X86CPU *env, uint64_t va, AccessType access, unsigned mode, Translation *t)
{
    Walk w;
    const PagingMode *m = paging_mode(env);
    uint32_t error = (access == ACCESS_WRITE ? PG_ERROR_W : 0) | (mode == MMU_USER ? PG_ERROR_U : 0);
    if (access == ACCESS_FETCH && ((env->efer & EFER_NXE && env->cr[4] & CR4_PAE) || env->cr[4] & CR4_SMEP))
        error |= PG_ERROR_I;
    for (;;) {
        if (!walk_tables(env, va, false, &w))
            continue;
        if (w.fault)
            return WALK_FAULT | error | (w.fault & (PG_ERROR_P | PG_ERROR_RSVD));
        page_rights(env, &w, mode, t);
        if (!allowed(t, access))
            return WALK_FAULT | error | PG_ERROR_P;
        if (pkey_denies(env, &w, mode, t) && !allowed(t, access))
            return WALK_FAULT | error | PG_ERROR_P | PG_ERROR_PK;
        uint64_t bits = PTE_A | (access == ACCESS_WRITE ? PTE_D : 0);
        if (set_entry_bits(env, w.leaf_pa, m->entry_bytes, w.leaf, bits))
            break;
    }
    t->write = t->write && (access == ACCESS_WRITE || w.leaf & PTE_D);
    t->global = env->cr[4] & CR4_PGE && w.leaf & PTE_G;
    t->page_size = w.page_size;
    t->pa = w.pa & x86_a20_mask(env);
    return 0;
}

/* ---- Non-canonical addresses ---- */

/* Does the instruction at the current eip reach memory through SS? Then the fault is #SS. A look at the
 * bytes is enough: stack instructions, and ModRM operands based on RSP or RBP. */
static bool access_is_stack(X86CPU *env, AccessType access)
{
    uint8_t b[15];
    unsigned n = 0, i = 0, rex = 0, map = 0;
    bool fs_gs = false, fault;
    for (; n < sizeof b; n++) {
        void *p =
            tlb_probe(&env->parent, env->eip + n, 1, ACCESS_READ, x86_mode_at_cpl(env, x86_cpl(env)), true, &fault, 0);
        if (!p)
            break;
        b[n] = *(uint8_t *)p;
    }
    memset(b + n, 0, sizeof b - n);
    for (;; i++) {
        if (i >= 14)
            return false;
        if (b[i] == 0x64 || b[i] == 0x65)
            fs_gs = true;
        else if ((b[i] & 0xf0) == 0x40)
            rex = b[i];
        else if (!strchr("\x26\x2e\x36\x3e\x66\x67\xf0\xf2\xf3", b[i]) || !b[i])
            break;
    }
    if (fs_gs)
        return false;
    if (b[i] == 0xc4 || b[i] == 0xc5) { /* VEX: always ModRM; the B bit is inverted */
        if (b[i] == 0xc4)
            rex = b[i + 1] & 0x20 ? 0 : 1;
        map = 2;
        i += b[i] == 0xc4 ? 3 : 2;
    } else if (b[i] == 0x0f) {
        map = 1;
        i++;
        if (b[i] == 0x38 || b[i] == 0x3a) {
            map = 2;
            i++;
        }
    }
    uint8_t op = b[i], modrm = b[i + 1];
    if (map == 0 && ((op & 0xf0) == 0x50 || op == 0x68 || op == 0x6a || op == 0xc2 || op == 0xc3 || op == 0xc8 ||
                     op == 0xc9 || op == 0xe8 || op == 0x9c || op == 0x9d))
        return true;
    if (map == 1 && (op & 0xf6) == 0xa0)
        return true;
    if (map == 0 && (op == 0xd7 || (op >= 0xa0 && op <= 0xaf))) /* XLAT, MOV moffs, strings */
        return false;
    unsigned mod = modrm >> 6, base = modrm & 7;
    if (mod == 3)
        return map == 0 && (op == 0x8f || (op == 0xff && ((modrm >> 3 & 7) == 2 || (modrm >> 3 & 7) == 6))); /* POP, CALL, PUSH register */
    if (base == 4)
        base = b[i + 2] & 7;
    /* PUSH and POP with a memory operand: the push writes, the pop reads through SS. */
    if (map == 0 && ((op == 0xff && (modrm >> 3 & 7) == 6 && access == ACCESS_WRITE) ||
                     (op == 0x8f && (modrm >> 3 & 7) == 0 && access == ACCESS_READ)))
        return true;
    bool uses_bp = base == 5 && mod != 0, uses_sp = (modrm & 7) == 4 && base == 4;
    return !(rex & 1) && (uses_bp || uses_sp);
}

_Noreturn void x86_raise_non_canonical(X86CPU *env, AccessType access, uintptr_t ra)
{
    cpu_restore_state(&env->parent, ra);
    bool stack = access != ACCESS_FETCH && x86_canonical(env, env->eip) && access_is_stack(env, access);
    raise_exception_err(env, stack ? EXCP0C_STACK : EXCP0D_GPF, 0, 0);
}

/* ---- Entry points ---- */

bool x86_tlb_fill(CPUState *cpu, uint64_t va, unsigned size, AccessType access, unsigned mode, bool probe,
                  uintptr_t retaddr)
{
    X86CPU *env = x86_cpu(cpu);
    Translation t = { .page_size = PAGE_SIZE_, .read = true, .write = true, .exec = true };
    (void)size;
    if (!(env->cr[0] & CR0_PG)) {
        t.pa = (uint32_t)va & x86_a20_mask(env);
        tlb_set(cpu, va, mode, &t);
        return true;
    }
    if (env->efer & EFER_LMA ? !x86_canonical(env, va) : va >> 32) {
        if (!probe)
            x86_raise_non_canonical(env, access, retaddr);
        return false;
    }
    uint32_t error = translate(env, va, access, mode, &t);
    if (!error) {
        tlb_set(cpu, va, mode, &t);
        return true;
    }
    if (probe)
        return false;
    error &= ~WALK_FAULT;
    log_printf(LOG_MMU, "page fault: va=%016" PRIx64 " error=%02x\n", va, error);
    env->cr[2] = va;
    raise_exception_err(env, EXCP0E_PAGE, error, retaddr);
}

bool x86_debug_translate(CPUState *cpu, uint64_t va, hwaddr *pa)
{
    X86CPU *env = x86_cpu(cpu);
    Walk w;
    if (!(env->cr[0] & CR0_PG)) {
        *pa = (uint32_t)va & x86_a20_mask(env);
        return true;
    }
    if (env->efer & EFER_LMA ? !x86_canonical(env, va) : va >> 32)
        return false;
    walk_tables(env, va, true, &w);
    *pa = w.pa & x86_a20_mask(env);
    return !w.fault;
}

unsigned x86_current_mmu_mode(const CPUState *cpu, bool fetch)
{
    (void)fetch;
    return x86_mmu_mode((const X86CPU *)cpu);
}

/* With PCIDs a context is one PCID. Without, MOV CR3 makes all non-global translations stale, so that one
 * context is all there can be. */
TLBKey x86_tlb_key(const X86CPU *env)
{
    return (TLBKey){ .context = env->cr[4] & CR4_PCIDE ? env->cr[3] & 0xfff : 0 };
}

bool x86_load_pdptes(X86CPU *env, uint64_t cr3)
{
    uint64_t entry[4], reserved = x86_phys_reserved(env) | 0xfff00000000001e6ull;
    for (unsigned i = 0; i < 4; i++) {
        entry[i] = read_entry(env, (cr3 & 0xffffffe0) + 8 * i, 8);
        if (entry[i] & PTE_P && entry[i] & reserved)
            return false;
    }
    memcpy(env->pdpte, entry, sizeof entry);
    return true;
}

void x86_cpu_set_a20(X86CPU *env, bool enabled)
{
    uint64_t mask = enabled ? ~0ull : ~(1ull << 20);
    if (env->a20_mask != mask) {
        env->a20_mask = mask;
        tlb_flush_all_async(&env->parent);
    }
}
