/* SPDX-License-Identifier: MIT */
/*
 * The vCPU's state as a whole: reset and INIT (Intel SDM vol. 3 table 9-1), the saved fields, "info
 * registers" and the registers that monitor and debuggers know by name.
 */
#include "models.h"
#include "sys.h"
#include "util/timer.h"

#include <inttypes.h>
#include <string.h>

/* ---- Reset ---- */

enum { REAL_DATA = DESC_P | DESC_S | DESC_W | DESC_A };

static void reset_segments(X86CPU *env)
{
    for (unsigned i = 0; i < 6; i++)
        seg_set(&env->segs[i], 0, 0, 0xffff, REAL_DATA);
    seg_set(&env->segs[R_CS], 0xf000, 0xffff0000, 0xffff, REAL_DATA);
    seg_set(&env->ldt, 0, 0, 0xffff, DESC_P | SYS_LDT << DESC_TYPE_SHIFT);
    seg_set(&env->tr, 0, 0, 0xffff, DESC_P | SYS_TSS_BUSY << DESC_TYPE_SHIFT);
    seg_set(&env->gdt, 0, 0, 0xffff, 0);
    seg_set(&env->idt, 0, 0, 0xffff, 0);
}

static void reset_integer_state(X86CPU *env)
{
    memset(env->regs, 0, sizeof env->regs);
    env->regs[R_EDX] = env->cpuid_version;
    env->eip = 0xfff0;
    env->eflags = 2;
    env->df = 1;
    env->cc_op = CC_OP_EFLAGS;
    env->cc_src = 0;
    env->hflags &= HF_FPEXACT;
    reset_segments(env);
}

static void reset_control_registers(X86CPU *env, uint64_t cr0_keep)
{
    memset(env->cr, 0, sizeof env->cr);
    env->cr[0] = CR0_ET | cr0_keep;
    env->cr8 = 0;
    env->efer = 0;
    env->pkru = 0;
    memset(env->dr, 0, sizeof env->dr);
    env->dr[6] = 0xffff0ff0;
    cpu_x86_update_dr7(env, 0);
    env->old_exception = -1;
    env->nmi_masked = env->smm = env->monitor_armed = false;
}

/* What a processor says of itself: nothing leaks, so that kernels need no countermeasures. RDCL_NO IBRS_ALL
 * SKIP_L1DFL SSB_NO MDS_NO PSCHANGE_NO TAA_NO SBDR_SSDP_NO FBSDP_NO PSDP_NO BHI_NO PBRSB_NO GDS_NO RFDS_NO
 * ITS_NO */
#define ARCH_CAPABILITIES                                                                                        \
    (1ull << 0 | 1 << 1 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6 | 1 << 8 | 1 << 13 | 1 << 14 | 1 << 15 | 1 << 20 |   \
     1 << 24 | 1 << 26 | 1 << 27 | 1ull << 62)

static void reset_msrs(X86CPU *env)
{
    bool amd = x86_is_amd(env);
    env->pat = 0x0007040600070406ull;
    env->xcr0 = 1;
    env->misc_enable = 1;
    env->feature_control = 1; /* locked, nothing on */
    env->smbase = 0x30000;
    env->amd_hwcr = 1 << 24; /* the TSC runs at P0's frequency */
    env->microcode = amd ? 0x01000065 : 1ull << 32;
    env->platform_info = X86_TSC_HZ / 100000000 << 8;
    env->arch_caps = ARCH_CAPABILITIES;
    env->apic_base = 0xfee00000 | 0x800 | (env->apic_id == 0 ? 0x100 : 0);
    env->mcg_cap = 0x100 | 10; /* MCG_CTL, ten banks */
    env->mcg_ctl = ~0ull;
    for (unsigned i = 0; i < 10; i++)
        env->mce_banks[4 * i] = ~0ull;
    env->tsc_offset = -(uint64_t)clock_ns(CLOCK_VIRTUAL) * (X86_TSC_HZ / NS_PER_SEC);
}

/* The first processor starts at the reset vector, the others wait for INIT and SIPI. */
static void set_waiting(X86CPU *env)
{
    env->sipi_waiting = env->apic_id != 0;
    atomic_store(&env->parent.halted, env->sipi_waiting);
}

static void state_changed(X86CPU *env)
{
    CPUState *cpu = &env->parent;
    cpu_x86_update_hflags(env);
    if (cpu->tlb)
        tlb_switch(cpu, x86_tlb_key(env));
    x86_smm_update_view(env); /* flushes all */
}

void x86_cpu_reset(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    size_t from = offsetof(X86CPU, star), to = offsetof(X86CPU, error_code);
    memset((char *)env + from, 0, to - from);
    cpu->exception_index = EXCP_NONE;
    atomic_store(&cpu->interrupt_request, 0);
    reset_integer_state(env);
    reset_control_registers(env, CR0_CD | CR0_NW);
    reset_msrs(env);
    memset(env->xmm, 0, sizeof env->xmm);
    memset(env->fpregs, 0, sizeof env->fpregs);
    cpu_x86_fpu_reset(env);
    set_waiting(env);
    state_changed(env);
}

void x86_cpu_init_signal(X86CPU *env)
{
    reset_integer_state(env);
    reset_control_registers(env, env->cr[0] & (CR0_CD | CR0_NW));
    set_waiting(env);
    state_changed(env);
}

/* ---- Saved fields ---- */

static const SavedField segment_fields[] = {
    SAVED_INT(SegmentCache, selector), SAVED_INT(SegmentCache, flags), SAVED_INT(SegmentCache, base),
    SAVED_INT(SegmentCache, limit), SAVED_END(),
};
static const SavedField fp_register_fields[] = { SAVED_INT(FPReg, mant), SAVED_INT(FPReg, exp), SAVED_END() };
static const SavedField xmm_fields[] = { SAVED_ARRAY(XMMReg, q), SAVED_END() };
static const SavedField mtrr_fields[] = { SAVED_INT(MTRRVar, base), SAVED_INT(MTRRVar, mask), SAVED_END() };
#define SAVED_SEGMENT(field) { #field, SK_STRUCT, X86_OFFSET(field), sizeof(SegmentCache), 1, segment_fields }
#define INT(field) SAVED_INT(X86CPU, field)
#define ARRAY(field) SAVED_ARRAY(X86CPU, field)

const SavedField x86_saved[] = {
    ARRAY(regs), INT(cc_dst), INT(cc_src), INT(cc_src2), INT(cc_ovr), INT(cc_op), INT(hflags), INT(eip), INT(eflags),
    INT(df), SAVED_STRUCTS(X86CPU, segs, segment_fields), SAVED_SEGMENT(ldt), SAVED_SEGMENT(tr), SAVED_SEGMENT(gdt),
    SAVED_SEGMENT(idt), ARRAY(cr), INT(cr8), INT(efer), INT(xcr0), INT(xss), ARRAY(dr),
    SAVED_STRUCTS(X86CPU, fpregs, fp_register_fields), INT(fpstt), INT(fpus), INT(fpuc), ARRAY(fptags), INT(fpip),
    INT(fpdp), INT(fpcs), INT(fpds), INT(fpop), INT(mxcsr), SAVED_STRUCTS(X86CPU, xmm, xmm_fields),
    INT(star), INT(lstar), INT(cstar), INT(fmask), INT(kernel_gs_base), INT(sysenter_cs), INT(sysenter_esp),
    INT(sysenter_eip), INT(tsc_offset), INT(tsc_aux), INT(tsc_adjust), INT(tsc_deadline), INT(pat), INT(mtrr_def),
    ARRAY(mtrr_fixed), SAVED_STRUCTS(X86CPU, mtrr_var, mtrr_fields), INT(misc_enable), INT(mcg_status), INT(mcg_ctl),
    ARRAY(mce_banks), INT(spec_ctrl), INT(feature_control), INT(smbase), INT(debugctl), INT(amd_hwcr), INT(pkru),
    INT(apic_base), INT(error_code), INT(exception_is_int), INT(exception_next_eip), INT(old_exception),
    INT(nmi_masked), INT(nmi_masked_before_smm), INT(smm), INT(smi_count), INT(in_hlt), INT(sipi_waiting), INT(sipi_vector), ARRAY(pdpte), INT(a20_mask), INT(parent.exception_index),
    INT(parent.interrupt_request), INT(parent.halted), SAVED_END(),
};

/* What no processor can hold: the state is foreign data. */
static void repair(X86CPU *env)
{
    unsigned op = env->cc_op & 0xff;
    if (op >= CC_OPS || (op < CC_OP_ADDB && op != CC_OP_EFLAGS))
        env->cc_op = CC_OP_EFLAGS;
    env->cc_op &= 0xff | CC_OVR_ALL;
    env->df = env->df < 0 ? -1 : 1;
    env->fpstt &= 7;
    env->a20_mask |= ~(1ull << 20);
    if (env->old_exception < -1 || env->old_exception > 31)
        env->old_exception = -1;
}

void x86_cpu_post_load(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    repair(env);
    uint32_t kept = env->hflags & HF_INHIBIT_IRQ;
    cpu_x86_set_mxcsr(env, env->mxcsr);
    cpu_x86_update_dr7(env, (uint32_t)env->dr[7]);
    env->hflags |= kept;
    state_changed(env);
}

/* ---- info registers ---- */

static void dump_general(const X86CPU *env, FILE *out, bool wide)
{
    static const char *const names[16] = { "AX", "CX", "DX", "BX", "SP", "BP", "SI", "DI",
                                           "8 ", "9 ", "10", "11", "12", "13", "14", "15" };
    static const uint8_t order[8] = { R_EAX, R_EBX, R_ECX, R_EDX, R_ESI, R_EDI, R_EBP, R_ESP };
    for (unsigned i = 0; i < (wide ? 16u : 8u); i++) {
        unsigned r = i < 8 ? order[i] : i;
        char end = i % 4 == 3 ? '\n' : ' ';
        if (wide)
            fprintf(out, "R%s=%016" PRIx64 "%c", names[r], env->regs[r], end);
        else
            fprintf(out, "E%s=%08x%c", names[r], (uint32_t)env->regs[r], end);
    }
}

static void dump_flags(const X86CPU *env, FILE *out, bool wide)
{
    uint32_t f = cpu_compute_eflags(env);
    if (wide)
        fprintf(out, "RIP=%016" PRIx64 " RFL=%08x", env->eip, f);
    else
        fprintf(out, "EIP=%08x EFL=%08x", (uint32_t)env->eip, f);
    fprintf(out, " [%c%c%c%c%c%c%c] CPL=%u II=%d A20=%d SMM=%d HLT=%d\n", f & DF_MASK ? 'D' : '-', f & CC_O ? 'O' : '-',
            f & CC_S ? 'S' : '-', f & CC_Z ? 'Z' : '-', f & CC_A ? 'A' : '-', f & CC_P ? 'P' : '-', f & CC_C ? 'C' : '-',
            x86_cpl(env),
            !!(env->hflags & HF_INHIBIT_IRQ), (int)(env->a20_mask >> 20 & 1), env->smm, env->parent.halted);
}

/* "DPL=0 CS64 [-RA]" for the kinds of descriptor; in real and v8086 mode there is nothing to say. */
static void dump_segment_kind(const X86CPU *env, const SegmentCache *s, FILE *out)
{
    static const char *const system_kinds[2][16] = {
        { "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16", "TrapGate16",
          "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved", "IntGate32", "TrapGate32" },
        { "<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved",
          "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64", "Reserved", "IntGate64", "TrapGate64" },
    };
    uint32_t f = s->flags;
    if (!(env->hflags & HF_PE) || !(f & DESC_P) || env->hflags & HF_VM)
        return;
    fprintf(out, " DPL=%u ", f >> DESC_DPL_SHIFT & 3);
    if (!(f & DESC_S)) {
        fputs(system_kinds[x86_long_mode(env)][f >> DESC_TYPE_SHIFT & 15], out);
        return;
    }
    if (f & DESC_CS)
        fprintf(out, "%s [%c%c", f & DESC_L ? "CS64" : f & DESC_B ? "CS32" : "CS16", f & DESC_C ? 'C' : '-',
                f & DESC_R ? 'R' : '-');
    else
        fprintf(out, "%s [%c%c", f & DESC_B || x86_long_mode(env) ? "DS  " : "DS16", f & DESC_E ? 'E' : '-',
                f & DESC_W ? 'W' : '-');
    fprintf(out, "%c]", f & DESC_A ? 'A' : '-');
}

static void dump_segment(const X86CPU *env, const char *name, const SegmentCache *s, FILE *out, bool wide)
{
    fprintf(out, wide ? "%-3s=%04x %016" PRIx64 " %08x %08x" : "%-3s=%04x %08" PRIx64 " %08x %08x", name, s->selector,
            s->base, s->limit,
            s->flags & 0xf0ff00);
    dump_segment_kind(env, s, out);
    fputc('\n', out);
}

static void dump_system(const X86CPU *env, FILE *out, bool wide)
{
    static const char *const names[6] = { "ES", "CS", "SS", "DS", "FS", "GS" };
    for (unsigned i = 0; i < 6; i++)
        dump_segment(env, names[i], &env->segs[i], out, wide);
    dump_segment(env, "LDT", &env->ldt, out, wide);
    dump_segment(env, "TR", &env->tr, out, wide);
    int digits = wide ? 16 : 8;
    fprintf(out, "GDT=     %0*" PRIx64 " %08x\n", digits, env->gdt.base, env->gdt.limit);
    fprintf(out, "IDT=     %0*" PRIx64 " %08x\n", digits, env->idt.base, env->idt.limit);
    fprintf(out, "CR0=%08x CR2=%0*" PRIx64 " CR3=%0*" PRIx64 " CR4=%08x\n", (uint32_t)env->cr[0], digits, env->cr[2],
            digits, env->cr[3],
            (uint32_t)env->cr[4]);
    for (unsigned i = 0; i < 4; i++)
        fprintf(out, "DR%u=%0*" PRIx64 " ", i, digits, env->dr[i]);
    fprintf(out, "\nDR6=%0*" PRIx64 " DR7=%0*" PRIx64 "\n", digits, env->dr[6], digits, env->dr[7]);
    fprintf(out, "EFER=%016" PRIx64 "\n", env->efer);
}

static void dump_fpu(const X86CPU *env, FILE *out)
{
    unsigned tags = 0, xmms = env->hflags & HF_CS64 ? 16 : 8;
    for (unsigned i = 0; i < 8; i++)
        tags |= !env->fptags[i] << i;
    fprintf(out, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n", env->fpuc,
            (env->fpus & ~0x3800u) | (env->fpstt & 7) << 11, env->fpstt,
            tags, cpu_x86_get_mxcsr(env));
    for (unsigned i = 0; i < 8; i++)
        fprintf(out, "FPR%u=%016" PRIx64 " %04x%c", i, env->fpregs[i].mant, env->fpregs[i].exp, i & 1 ? '\n' : ' ');
    for (unsigned i = 0; i < xmms; i++)
        fprintf(out, "XMM%02u=%016" PRIx64 " %016" PRIx64 "%c", i, env->xmm[i].q[1], env->xmm[i].q[0],
                i & 1 ? '\n' : ' ');
}

void x86_dump_state(CPUState *cpu, FILE *out, bool fpu)
{
    X86CPU *env = x86_cpu(cpu);
    bool wide = env->hflags & HF_CS64;
    cpu_x86_sync_x87(env);
    dump_general(env, out, wide);
    dump_flags(env, out, wide);
    dump_system(env, out, wide);
    if (fpu)
        dump_fpu(env, out);
}

/* ---- Registers by name ---- */

#define GENERAL(n, i, bits) { n, X86_OFFSET(regs) + 8 * (i), bits }
#define SELECTOR(n, i) { n, X86_OFFSET(segs) + (i) * sizeof(SegmentCache) + offsetof(SegmentCache, selector), 16 }
#define SYSTEM                                                                                                   \
    SELECTOR("es", R_ES), SELECTOR("cs", R_CS), SELECTOR("ss", R_SS), SELECTOR("ds", R_DS), SELECTOR("fs", R_FS), \
    SELECTOR("gs", R_GS), { "cr0", X86_OFFSET(cr), 64 }, { "cr2", X86_OFFSET(cr) + 16, 64 },                      \
    { "cr3", X86_OFFSET(cr) + 24, 64 }, { "cr4", X86_OFFSET(cr) + 32, 64 }, { "efer", X86_OFFSET(efer), 64 }
#define LEGACY                                                                                                   \
    GENERAL("eax", R_EAX, 32), GENERAL("ecx", R_ECX, 32), GENERAL("edx", R_EDX, 32), GENERAL("ebx", R_EBX, 32),  \
    GENERAL("esp", R_ESP, 32), GENERAL("ebp", R_EBP, 32), GENERAL("esi", R_ESI, 32), GENERAL("edi", R_EDI, 32)

const RegisterDesc i386_registers[] = {
    LEGACY, { "eip", X86_OFFSET(eip), 32 }, { "pc", X86_OFFSET(eip), 32 }, { "eflags", X86_OFFSET(eflags), 32 },
    SYSTEM, { NULL, 0, 0 },
};

const RegisterDesc x86_registers[] = {
    GENERAL("rax", R_EAX, 64), GENERAL("rcx", R_ECX, 64), GENERAL("rdx", R_EDX, 64), GENERAL("rbx", R_EBX, 64),
    GENERAL("rsp", R_ESP, 64), GENERAL("rbp", R_EBP, 64), GENERAL("rsi", R_ESI, 64), GENERAL("rdi", R_EDI, 64),
    GENERAL("r8", 8, 64), GENERAL("r9", 9, 64), GENERAL("r10", 10, 64), GENERAL("r11", 11, 64), GENERAL("r12", 12, 64),
    GENERAL("r13", 13, 64), GENERAL("r14", 14, 64), GENERAL("r15", 15, 64), LEGACY,
    { "rip", X86_OFFSET(eip), 64 }, { "eip", X86_OFFSET(eip), 64 }, { "pc", X86_OFFSET(eip), 64 },
    { "eflags", X86_OFFSET(eflags), 32 }, { "fs_base", X86_OFFSET(segs[R_FS].base), 64 },
    { "gs_base", X86_OFFSET(segs[R_GS].base), 64 }, { "k_gs_base", X86_OFFSET(kernel_gs_base), 64 },
    { "cr8", X86_OFFSET(cr8), 64 }, SYSTEM, { NULL, 0, 0 },
};
