/* SPDX-License-Identifier: MIT */
/*
 * Control registers with their reserved bits and mode transitions, what they mean for the TLB (PCID,
 * INVPCID), XCR0, PKRU, the TSC, and the debug registers. Intel SDM vol. 3 chapters 2, 4.10 and 17.
 */
#include "helper.h"
#include "sys.h"
#include "util/timer.h"

/* ---- CR0 ---- */

enum { CR0_DEFINED = 0x3f | CR0_WP | CR0_AM };
#define CR0_WRITABLE ((uint64_t)CR0_DEFINED | CR0_NW | CR0_CD | CR0_PG)

/* Outside long mode the upper halves of the general registers are not there. */
static void leave_long_mode(X86CPU *env)
{
    if (env->efer & EFER_LMA) {
        for (unsigned i = 0; i < 8; i++)
            env->regs[i] = (uint32_t)env->regs[i];
    }
    env->efer &= ~(uint64_t)EFER_LMA;
}

/* Applies CR0 without checks: long mode goes on or off with paging when EFER.LME asks for it. */
void cpu_x86_update_cr0(X86CPU *env, uint64_t value)
{
    uint64_t changed;
    value = (value & CR0_WRITABLE) | CR0_ET;
    changed = env->cr[0] ^ value;
    env->cr[0] = value;
    if (changed & CR0_PG) {
        if (value & CR0_PG && env->efer & EFER_LME)
            env->efer |= EFER_LMA;
        else
            leave_long_mode(env);
    }
    if (changed & (CR0_PG | CR0_WP | CR0_PE))
        tlb_flush_all(&env->parent);
    cpu_x86_update_hflags(env);
}

/* PAE paging outside long mode keeps the four page-directory pointers in registers. */
static bool uses_pdptes(uint64_t cr0, uint64_t cr4, uint64_t efer)
{
    return cr0 & CR0_PG && cr4 & CR4_PAE && !(efer & EFER_LME);
}

static bool write_cr0(X86CPU *env, uint64_t value)
{
    bool pg = value & CR0_PG, was_pg = env->cr[0] & CR0_PG;
    uint64_t paging_bits = CR0_PG | CR0_CD | CR0_NW;
    if (value >> 32 || (pg && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD)))
        return false;
    if (pg && !was_pg && env->efer & EFER_LME && (!(env->cr[4] & CR4_PAE) || env->segs[R_CS].flags & DESC_L))
        return false;
    if (!pg && was_pg && (env->hflags & HF_CS64 || env->cr[4] & CR4_PCIDE))
        return false;
    if ((value ^ env->cr[0]) & paging_bits && uses_pdptes(value, env->cr[4], env->efer) &&
        !x86_load_pdptes(env, env->cr[3]))
        return false;
    cpu_x86_update_cr0(env, value);
    return true;
}

/* ---- CR3 ---- */

/* Without PCIDs, or with bit 63 clear, the non-global translations of the context are stale. */
void cpu_x86_update_cr3(X86CPU *env, uint64_t value)
{
    bool pcid = env->cr[4] & CR4_PCIDE, keep = pcid && value >> CR3_NOFLUSH_BIT;
    env->cr[3] = pcid ? value & ~(1ull << CR3_NOFLUSH_BIT) : value;
    if (!(env->cr[0] & CR0_PG))
        return;
    if (uses_pdptes(env->cr[0], env->cr[4], env->efer))
        x86_load_pdptes(env, env->cr[3]);
    TLBKey key = x86_tlb_key(env);
    if (pcid)
        tlb_switch(&env->parent, key);
    if (!keep)
        tlb_flush_context(&env->parent, key);
}

static bool write_cr3(X86CPU *env, uint64_t value)
{
    uint64_t reserved = ~((1ull << env->phys_bits) - 1);
    if (env->cr[4] & CR4_PCIDE)
        reserved &= ~(1ull << CR3_NOFLUSH_BIT);
    if (x86_long_mode(env) && value & reserved)
        return false;
    if (uses_pdptes(env->cr[0], env->cr[4], env->efer) && !x86_load_pdptes(env, value))
        return false;
    cpu_x86_update_cr3(env, value);
    return true;
}

/* ---- CR4 ---- */

/* Which CPU feature makes a CR4 bit available. */
static const struct { uint32_t bits; uint8_t word, feature; } cr4_features[] = {
    { CR4_VME | CR4_PVI, FW_1_EDX, 1 }, { CR4_TSD, FW_1_EDX, 4 }, { CR4_DE, FW_1_EDX, 2 }, { CR4_PSE, FW_1_EDX, 3 },
    { CR4_PAE, FW_1_EDX, 6 }, { CR4_MCE, FW_1_EDX, 7 }, { CR4_PGE, FW_1_EDX, 13 }, { CR4_PCE, FW_1_EDX, 15 },
    { CR4_OSFXSR, FW_1_EDX, 24 }, { CR4_OSXMMEXCPT, FW_1_EDX, 25 }, { CR4_UMIP, FW_7_0_ECX, 2 },
    { CR4_LA57, FW_7_0_ECX, 16 }, { CR4_FSGSBASE, FW_7_0_EBX, 0 }, { CR4_PCIDE, FW_1_ECX, 17 },
    { CR4_OSXSAVE, FW_1_ECX, 26 }, { CR4_SMEP, FW_7_0_EBX, 7 }, { CR4_SMAP, FW_7_0_EBX, 20 },
    { CR4_PKE, FW_7_0_ECX, 3 },
};

uint32_t x86_cr4_mask(const X86CPU *env)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(cr4_features); i++)
        if (x86_feature(env, cr4_features[i].word, cr4_features[i].feature))
            mask |= cr4_features[i].bits;
    return mask;
}

void cpu_x86_update_cr4(X86CPU *env, uint64_t value)
{
    uint64_t changed = env->cr[4] ^ value;
    env->cr[4] = value;
    if (changed & (CR4_PSE | CR4_PAE | CR4_PGE | CR4_PCIDE | CR4_LA57 | CR4_SMEP | CR4_SMAP | CR4_PKE)) {
        tlb_switch(&env->parent, x86_tlb_key(env));
        tlb_flush_all(&env->parent);
    }
    cpu_x86_update_hflags(env);
}

static bool write_cr4(X86CPU *env, uint64_t value)
{
    uint64_t changed = value ^ env->cr[4];
    bool lma = x86_long_mode(env);
    if (value & ~(uint64_t)x86_cr4_mask(env))
        return false;
    if (lma && (!(value & CR4_PAE) || changed & CR4_LA57))
        return false;
    if (changed & value & CR4_PCIDE && (!lma || env->cr[3] & 0xfff))
        return false;
    if (changed & (CR4_PAE | CR4_PSE | CR4_PGE | CR4_SMEP) && uses_pdptes(env->cr[0], value, env->efer) &&
        !x86_load_pdptes(env, env->cr[3]))
        return false;
    cpu_x86_update_cr4(env, value);
    return true;
}

bool x86_write_cr(X86CPU *env, unsigned n, uint64_t value)
{
    switch (n) {
    case 0:
        return write_cr0(env, value);
    case 2:
        env->cr[2] = value;
        return true;
    case 3:
        return write_cr3(env, value);
    case 4:
        return write_cr4(env, value);
    default: /* CR8 */
        if (value >> 4)
            return false;
        x86_apic_set_tpr(env, (uint8_t)value);
        return true;
    }
}

uint64_t x86_read_cr(X86CPU *env, unsigned n)
{
    return n == 8 ? x86_apic_get_tpr(env) : env->cr[n];
}

uint64_t helper_read_cr(CPUState *cpu, uint32_t n)
{
    return x86_read_cr(x86_cpu(cpu), n);
}

void helper_write_cr(CPUState *cpu, uint32_t n, uint64_t value)
{
    X86CPU *env = x86_cpu(cpu);
    if (!x86_write_cr(env, n, value))
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
}

/* LMSW: the low four bits of CR0; PE can be set but not cleared. */
void helper_lmsw(CPUState *cpu, uint32_t value)
{
    X86CPU *env = x86_cpu(cpu);
    cpu_x86_update_cr0(env, (env->cr[0] & ~0xeull) | (value & 0xf));
}

void helper_clts(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    env->cr[0] &= ~(uint64_t)CR0_TS;
    env->hflags &= ~(uint32_t)HF_TS;
}

/* ---- TLB instructions ---- */

void helper_invlpg(CPUState *cpu, uint64_t va)
{
    X86CPU *env = x86_cpu(cpu);
    if (x86_canonical(env, va))
        tlb_flush_page(cpu, x86_tlb_key(env), va, true);
}

enum { INVPCID_ADDRESS, INVPCID_CONTEXT, INVPCID_ALL, INVPCID_ALL_NONGLOBAL };

void helper_invpcid(CPUState *cpu, uint64_t type, uint64_t descriptor)
{
    X86CPU *env = x86_cpu(cpu);
    uintptr_t ra = HELPER_RETADDR();
    uint64_t d[2];
    if (type > INVPCID_ALL_NONGLOBAL)
        raise_exception_err(env, EXCP0D_GPF, 0, ra);
    cpu_ld_bytes(cpu, descriptor, d, sizeof d, x86_mmu_mode(env), ra);
    bool named = type == INVPCID_ADDRESS || type == INVPCID_CONTEXT;
    if (d[0] >> 12 || (named && d[0] && !(env->cr[4] & CR4_PCIDE)) ||
        (type == INVPCID_ADDRESS && !x86_canonical(env, d[1])))
        raise_exception_err(env, EXCP0D_GPF, 0, ra);
    TLBKey key = { .context = (uint32_t)d[0] };
    switch (type) {
    case INVPCID_ADDRESS:
        tlb_flush_page(cpu, key, d[1], false);
        break;
    case INVPCID_CONTEXT:
        tlb_flush_context(cpu, key);
        break;
    case INVPCID_ALL:
        tlb_flush_all(cpu);
        break;
    case INVPCID_ALL_NONGLOBAL:
        tlb_flush_nonglobal(cpu);
        break;
    }
}

/* ---- XCR0, PKRU, TSC ---- */

uint64_t x86_xcr0_mask(const X86CPU *env)
{
    uint64_t mask = 3;
    if (x86_feature(env, FW_1_ECX, 28))
        mask |= 4;
    if (x86_feature(env, FW_7_0_ECX, 3))
        mask |= 1 << 9;
    return x86_feature(env, FW_1_ECX, 26) ? mask : 0;
}

/* In EDX:EAX; the other halves are cleared as every 32-bit write does. */
static void set_edx_eax(X86CPU *env, uint64_t value)
{
    env->regs[R_EAX] = (uint32_t)value;
    env->regs[R_EDX] = value >> 32;
}

static uint64_t get_edx_eax(const X86CPU *env)
{
    return (uint32_t)env->regs[R_EAX] | env->regs[R_EDX] << 32;
}

void helper_xgetbv(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    uint32_t index = (uint32_t)env->regs[R_ECX];
    if (index > 1 || (index == 1 && !x86_feature(env, FW_D_1_EAX, 2)))
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    set_edx_eax(env, env->xcr0); /* XINUSE: everything may be in use */
}

void helper_xsetbv(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    uint64_t value = get_edx_eax(env);
    if ((uint32_t)env->regs[R_ECX] || !(value & 1) || value & ~x86_xcr0_mask(env) || (value & 6) == 4)
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    env->xcr0 = value;
    cpu_x86_update_hflags(env);
}

void cpu_x86_set_pkru(X86CPU *env, uint32_t value)
{
    if (env->pkru != value && env->cr[4] & CR4_PKE)
        tlb_flush_all(&env->parent);
    env->pkru = value;
}

void helper_rdpkru(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    if ((uint32_t)env->regs[R_ECX])
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    set_edx_eax(env, (uint32_t)env->pkru);
}

void helper_wrpkru(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    if ((uint32_t)env->regs[R_ECX] || (uint32_t)env->regs[R_EDX])
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    cpu_x86_set_pkru(env, (uint32_t)env->regs[R_EAX]);
}

static uint64_t tsc_at(const X86CPU *env, int64_t ns)
{
    return (uint64_t)ns * (X86_TSC_HZ / NS_PER_SEC) + env->tsc_offset;
}

uint64_t x86_read_tsc(X86CPU *env)
{
    return tsc_at(env, clock_ns(CLOCK_VIRTUAL));
}

uint64_t helper_rdtsc(CPUState *cpu)
{
    return tsc_at(x86_cpu(cpu), cpu_clock_ns(cpu));
}

/* No event is counted, but time is: the counter RDPMC 0 names reads as the TSC does. */
void helper_rdpmc(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    bool allowed = env->cr[4] & CR4_PCE || x86_cpl(env) == 0 || !(env->cr[0] & CR0_PE);
    if (!allowed || (uint32_t)env->regs[R_ECX] > 3)
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    set_edx_eax(env, x86_read_tsc(env));
}

/* ---- Debug registers ---- */

enum { DR6_BD = 1 << 13, DR6_BS = 1 << 14, DR7_ONES = 0x400, DR7_GD = 1 << 13 };
#define DR6_ONES 0xffff0ff0u
enum { DR_EXEC, DR_WRITE, DR_IO, DR_RW };

static bool bp_enabled(const X86CPU *env, unsigned n) { return env->dr[7] >> (n * 2) & 3; }
static unsigned bp_type(const X86CPU *env, unsigned n) { return env->dr[7] >> (16 + n * 4) & 3; }
static unsigned bp_bytes(const X86CPU *env, unsigned n)
{
    static const uint8_t bytes[4] = { 1, 2, 8, 4 };
    return bytes[env->dr[7] >> (18 + n * 4) & 3];
}

static void arm_breakpoint(X86CPU *env, unsigned n)
{
    unsigned bytes = bp_bytes(env, n);
    uint64_t va = env->dr[n] & ~(uint64_t)(bytes - 1);
    switch (bp_type(env, n)) {
    case DR_EXEC:
        cpu_breakpoint_insert(&env->parent, env->dr[n], BP_CPU);
        break;
    case DR_WRITE:
        cpu_watchpoint_insert(&env->parent, va, bytes, BP_CPU | BP_MEM_WRITE);
        break;
    case DR_RW:
        cpu_watchpoint_insert(&env->parent, va, bytes, BP_CPU | BP_MEM_ACCESS);
        break;
    default:
        env->hflags |= HF_BPIO;
        break;
    }
}

static void rearm_breakpoints(X86CPU *env)
{
    cpu_breakpoint_remove_all(&env->parent, BP_CPU);
    cpu_watchpoint_remove_all(&env->parent, BP_CPU);
    env->hflags &= ~(uint32_t)HF_BPIO;
    for (unsigned n = 0; n < 4; n++)
        if (bp_enabled(env, n))
            arm_breakpoint(env, n);
}

void cpu_x86_update_dr7(X86CPU *env, uint32_t value)
{
    env->dr[7] = (value & 0xffff2bffu) | DR7_ONES;
    rearm_breakpoints(env);
}

/* Address of DR n after the DR4/DR5 aliases; #UD for them under CR4.DE. */
static unsigned debug_register(X86CPU *env, uint32_t n, uintptr_t ra)
{
    if (n == 4 || n == 5) {
        if (env->cr[4] & CR4_DE)
            raise_exception(env, EXCP06_ILLOP, ra);
        n += 2;
    }
    if (env->dr[7] & DR7_GD) {
        env->dr[6] |= DR6_BD;
        raise_exception(env, EXCP01_DB, ra);
    }
    return n;
}

uint64_t helper_read_dr(CPUState *cpu, uint32_t n)
{
    X86CPU *env = x86_cpu(cpu);
    return env->dr[debug_register(env, n, HELPER_RETADDR())];
}

void helper_write_dr(CPUState *cpu, uint32_t n, uint64_t value)
{
    X86CPU *env = x86_cpu(cpu);
    n = debug_register(env, n, HELPER_RETADDR());
    if (n >= 6 && value >> 32)
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    if (n == 6) {
        env->dr[6] = (value & 0xe00f) | DR6_ONES;
    } else if (n == 7) {
        cpu_x86_update_dr7(env, (uint32_t)value);
    } else {
        env->dr[n] = value;
        if (bp_enabled(env, n))
            rearm_breakpoints(env);
    }
}

/* Bits of DR6 for the data breakpoints that an access hit. */
static unsigned data_hits(const X86CPU *env, const struct Watchpoint *w)
{
    unsigned hit = 0;
    for (unsigned n = 0; n < 4; n++) {
        unsigned bytes = bp_bytes(env, n), type = bp_type(env, n);
        if (bp_enabled(env, n) && (type == DR_WRITE || type == DR_RW) &&
            (env->dr[n] & ~(uint64_t)(bytes - 1)) == w->vaddr &&
            bytes == w->len)
            hit |= 1u << n;
    }
    return hit;
}

/* The trap of TF; data breakpoints that the instruction hit come with it. */
void helper_single_step(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    const struct Watchpoint *w = cpu->watchpoint_hit;
    if (w && w->flags & BP_CPU)
        env->dr[6] = (env->dr[6] & ~0xfull) | data_hits(env, w);
    env->dr[6] |= DR6_BS;
    raise_exception(env, EXCP01_DB, 0);
}

void helper_io_trap(CPUState *cpu, uint32_t port, uint32_t bytes)
{
    X86CPU *env = x86_cpu(cpu);
    unsigned hit = 0;
    for (unsigned n = 0; n < 4; n++) {
        uint64_t start = env->dr[n] & ~(uint64_t)(bp_bytes(env, n) - 1);
        if (bp_enabled(env, n) && bp_type(env, n) == DR_IO && (port & 0xffff) < start + bp_bytes(env, n) &&
            (port & 0xffff) + bytes > start)
            hit |= 1u << n;
    }
    if (hit) {
        env->dr[6] = (env->dr[6] & ~0xfull) | hit | (env->eflags & TF_MASK ? DR6_BS : 0);
        raise_exception(env, EXCP01_DB, 0);
    }
}

static unsigned code_hits(const X86CPU *env, uint64_t pc)
{
    unsigned hit = 0;
    for (unsigned n = 0; n < 4; n++)
        if (bp_enabled(env, n) && bp_type(env, n) == DR_EXEC && env->dr[n] == pc)
            hit |= 1u << n;
    return hit;
}

/* The engine stopped at a breakpoint or watchpoint: one that the guest set becomes #DB. */
void x86_debug_excp(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    struct Watchpoint *w = cpu->watchpoint_hit;
    unsigned hit;
    if (w) {
        if (!(w->flags & BP_CPU))
            return;
        cpu->watchpoint_hit = NULL;
        hit = data_hits(env, w);
    } else {
        TBState state = x86_tb_state(cpu);
        if (env->eflags & RF_MASK)
            return;
        hit = cpu_breakpoint_at(cpu, state.pc, BP_CPU) ? code_hits(env, state.pc) : 0;
    }
    if (hit) {
        env->dr[6] = (env->dr[6] & ~0xfull) | hit;
        raise_exception(env, EXCP01_DB, 0);
    }
}
