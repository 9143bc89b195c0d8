/* SPDX-License-Identifier: MIT */
/* x86 vCPU state, shared by decoder, emitters, helpers, MMU and exceptions. Intel SDM volumes 1 and 3. */
#ifndef TARGET_I386_CPU_H
#define TARGET_I386_CPU_H

#include "cpu.h"
#include "exec/tlb.h"
#include "hw/device.h"
#include "target.h"

enum { R_EAX, R_ECX, R_EDX, R_EBX, R_ESP, R_EBP, R_ESI, R_EDI };
enum { R_ES, R_CS, R_SS, R_DS, R_FS, R_GS, R_LDTR, R_TR };

/* EFLAGS */
enum {
    CC_C = 0x1, CC_P = 0x4, CC_A = 0x10, CC_Z = 0x40, CC_S = 0x80, CC_O = 0x800,
    CC_ALL = CC_C | CC_P | CC_A | CC_Z | CC_S | CC_O,
    TF_MASK = 0x100, IF_MASK = 0x200, DF_MASK = 0x400, IOPL_MASK = 0x3000, IOPL_SHIFT = 12,
    NT_MASK = 0x4000, RF_MASK = 0x10000, VM_MASK = 0x20000, AC_MASK = 0x40000,
    VIF_MASK = 0x80000, VIP_MASK = 0x100000, ID_MASK = 0x200000,
};
enum {
    CR0_PE = 1u << 0, CR0_MP = 1u << 1, CR0_EM = 1u << 2, CR0_TS = 1u << 3, CR0_ET = 1u << 4,
    CR0_NE = 1u << 5, CR0_WP = 1u << 16, CR0_AM = 1u << 18, CR0_NW = 1u << 29, CR0_CD = 1u << 30,
    CR0_PG = 1u << 31,
    CR4_VME = 1 << 0, CR4_PVI = 1 << 1, CR4_TSD = 1 << 2, CR4_DE = 1 << 3, CR4_PSE = 1 << 4,
    CR4_PAE = 1 << 5, CR4_MCE = 1 << 6, CR4_PGE = 1 << 7, CR4_PCE = 1 << 8, CR4_OSFXSR = 1 << 9,
    CR4_OSXMMEXCPT = 1 << 10, CR4_UMIP = 1 << 11, CR4_LA57 = 1 << 12, CR4_VMXE = 1 << 13,
    CR4_FSGSBASE = 1 << 16, CR4_PCIDE = 1 << 17, CR4_OSXSAVE = 1 << 18, CR4_SMEP = 1 << 20,
    CR4_SMAP = 1 << 21, CR4_PKE = 1 << 22,
    CR3_NOFLUSH_BIT = 63,
    EFER_SCE = 1 << 0, EFER_LME = 1 << 8, EFER_LMA = 1 << 10, EFER_NXE = 1 << 11, EFER_FFXSR = 1 << 14,
};
enum {
    EXCP00_DIVZ, EXCP01_DB, EXCP02_NMI, EXCP03_INT3, EXCP04_INTO, EXCP05_BOUND, EXCP06_ILLOP,
    EXCP07_PREX, EXCP08_DBLE, EXCP09_XERR, EXCP0A_TSS, EXCP0B_NOSEG, EXCP0C_STACK, EXCP0D_GPF,
    EXCP0E_PAGE, EXCP10_COPR = 16, EXCP11_ALGN, EXCP12_MCHK, EXCP13_SIMD,
};
/* Page-fault error code */
enum { PG_ERROR_P = 1, PG_ERROR_W = 2, PG_ERROR_U = 4, PG_ERROR_RSVD = 8, PG_ERROR_I = 16, PG_ERROR_PK = 32 };

/* Interrupt bits beyond the common ones */
#define CPU_INTERRUPT_POLL CPU_INTERRUPT_TGT0 /* the APIC's state changed: ask it again */
#define CPU_INTERRUPT_MCE CPU_INTERRUPT_TGT1

/*
 * MMU modes (TLB tables). Implicit supervisor accesses (descriptor tables, TSS) use MMU_KERNEL_NOSMAP
 * rules only where the manual says so.
 */
enum { MMU_KERNEL /* CPL < 3, SMAP enforced if CR4.SMAP */, MMU_USER, MMU_KERNEL_AC /* SMAP off or AC=1 */, X86_MMU_MODES };

/*
 * TB state flags (TBState.flags): everything translation depends on. Kept up to date in env->hflags by
 * cpu_x86_update_hflags() after any change to CR0, CR4, EFER, CS, SS, segment bases or limits, EFLAGS.VM/TF/AC/IOPL.
 */
enum {
    HF_CPL = 3,                /* bits 0-1 */
    HF_PE = 1 << 2,
    HF_LMA = 1 << 3,           /* EFER.LMA */
    HF_CS32 = 1 << 4,          /* CS.D */
    HF_CS64 = 1 << 5,          /* 64-bit mode: LMA && CS.L */
    HF_SS32 = 1 << 6,          /* SS.B (ignored in 64-bit mode) */
    HF_VM = 1 << 7,
    HF_IOPL = 3 << 8,          /* bits 8-9 */
    HF_TF = 1 << 10,
    HF_ADDSEG = 1 << 11,       /* some of DS, ES, SS has a nonzero base (32/16-bit modes) */
    HF_SEGCHECK = 1 << 12,     /* some of CS, DS, ES, SS is not a flat 4 GiB writable/readable segment: check
                                  limits and types on accesses. Always clear in 64-bit mode. FS and GS are
                                  always checked outside 64-bit mode unless flat and HF_FSGSFLAT. */
    HF_FSGSFLAT = 1 << 13,     /* FS and GS have full limit and are usable (any base) */
    HF_TS = 1 << 14, HF_EM = 1 << 15, HF_MP = 1 << 16,
    HF_OSFXSR = 1 << 17, HF_OSXSAVE = 1 << 18,
    HF_AC = 1 << 19,           /* kernel accesses use MMU_KERNEL_AC (SMAP off or AC set) */
    HF_ALIGN = 1 << 20,        /* alignment checks: CR0.AM && EFLAGS.AC && CPL 3 */
    HF_FPEXACT = 1 << 21,      /* x86_fp_exact(): some SSE or x87 exception is unmasked or pending */
    HF_INHIBIT_IRQ = 1 << 22,  /* after STI / MOV SS */
    HF_UMIP = 1 << 23, HF_FSGSBASE = 1 << 24, HF_TSD = 1 << 25,
    HF_AVX = 1 << 26,          /* XCR0 has SSE and AVX state and OSXSAVE */
    HF_BPIO = 1 << 27,         /* an I/O breakpoint is armed in DR7 */
    HF_RF = 1 << 28,
    HF_CSBASE = 1 << 29,       /* CS.base != 0 */
    HF_WP = 1 << 30,
    HF_LA57 = (int)(1u << 31), /* long mode with 57-bit linear addresses */
};

/*
 * Lazy arithmetic flags. The low byte of cc_op tells how CF PF AF ZF SF OF come from cc_dst (result), cc_src
 * and cc_src2: the B/W/L/Q variants follow one another in that order, so op & 3 is the operand size. Bits above the
 * operand size in cc_dst and cc_src mean nothing. The flags whose CC_OVR bits are set in cc_op come from
 * cc_ovr instead (EFLAGS layout): instructions that change only some flags set those there.
 */
typedef enum CCOp {
    CC_OP_DYNAMIC,  /* translator only: cc_op global holds it */
    CC_OP_EFLAGS,   /* cc_src holds the six flags in EFLAGS layout */
    CC_OP_ADDB = 4, CC_OP_ADDW, CC_OP_ADDL, CC_OP_ADDQ, /* dst = result, src = second operand */
    CC_OP_ADCB, CC_OP_ADCW, CC_OP_ADCL, CC_OP_ADCQ, /* src2 = carry in (0/1) */
    CC_OP_SUBB, CC_OP_SUBW, CC_OP_SUBL, CC_OP_SUBQ, /* dst = result, src = subtrahend */
    CC_OP_SBBB, CC_OP_SBBW, CC_OP_SBBL, CC_OP_SBBQ, /* src2 = borrow in */
    CC_OP_LOGICB, CC_OP_LOGICW, CC_OP_LOGICL, CC_OP_LOGICQ, /* CF=OF=AF=0 */
    CC_OP_INCB, CC_OP_INCW, CC_OP_INCL, CC_OP_INCQ, /* src = CF (0/1) kept */
    CC_OP_DECB, CC_OP_DECW, CC_OP_DECL, CC_OP_DECQ,
    CC_OP_SHLB, CC_OP_SHLW, CC_OP_SHLL, CC_OP_SHLQ, /* src = value shifted by count - 1; AF = 1 */
    CC_OP_SARB, CC_OP_SARW, CC_OP_SARL, CC_OP_SARQ, /* src = value shifted right by count - 1 (SHR too) */
    CC_OP_CMPB, CC_OP_CMPW, CC_OP_CMPL, CC_OP_CMPQ, /* dst = minuend, src = subtrahend: nobody wants the difference */
    CC_OPS,
    CC_OVR_C = 1 << 8, CC_OVR_P = 1 << 9, CC_OVR_A = 1 << 10, CC_OVR_Z = 1 << 11, CC_OVR_S = 1 << 12,
    CC_OVR_O = 1 << 13, CC_OVR_ALL = 63 << 8,
} CCOp;

typedef struct SegmentCache {
    uint32_t selector;
    uint32_t flags;   /* second descriptor dword: DESC_* */
    uint64_t base;
    uint32_t limit;   /* bytes, granularity applied */
    uint32_t pad;
} SegmentCache;
enum {
    DESC_G = 1 << 23, DESC_B = 1 << 22, DESC_L = 1 << 21, DESC_AVL = 1 << 20, DESC_P = 1 << 15,
    DESC_DPL_SHIFT = 13, DESC_S = 1 << 12, DESC_TYPE_SHIFT = 8, DESC_A = 1 << 8,
    DESC_CS = 1 << 11 /* code */, DESC_C = 1 << 10 /* conforming */, DESC_R = 1 << 9 /* readable */,
    DESC_E = 1 << 10 /* expand down */, DESC_W = 1 << 9 /* writable */, DESC_TSS_BUSY = 1 << 9,
};

typedef union XMMReg { /* YMM; the low half is XMM */
    uint8_t b[32];
    uint16_t w[16];
    uint32_t l[8];
    uint64_t q[4];
    float s[8];
    double d[4];
} __attribute__((aligned(32))) XMMReg;

typedef struct FPReg { /* 80-bit register; MMX uses .mant */
    uint64_t mant;
    uint16_t exp;     /* sign and exponent */
    uint16_t pad[3];
} __attribute__((aligned(16))) FPReg;

typedef struct MTRRVar { uint64_t base, mask; } MTRRVar;

/* CPUID feature words, in the order of the feature table in models.c. */
typedef enum FeatureWord {
    FW_1_EDX, FW_1_ECX, FW_7_0_EBX, FW_7_0_ECX, FW_7_0_EDX, FW_7_1_EAX, FW_7_2_EDX, FW_8000_0001_EDX, FW_8000_0001_ECX,
    FW_8000_0007_EDX, FW_8000_0008_EBX, FW_D_1_EAX, FW_6_EAX, FW_KVM, FEATURE_WORDS,
} FeatureWord;

typedef struct X86CPU {
    CPUState parent;

    /* IR globals (names as in the manual, lower case): I64 rax…r15, cc_dst, cc_src, cc_src2, cc_ovr; I32 cc_op. */
    uint64_t regs[16];
    uint64_t cc_dst, cc_src, cc_src2, cc_ovr;
    uint32_t cc_op;
    uint32_t hflags;
    uint64_t eip;      /* TargetOps.pc_offset; offset in CS */
    uint32_t eflags;   /* without the six arithmetic flags and DF when in lazy form; see cpu_compute_eflags() */
    int32_t df;        /* 1 or -1: direction as an increment */
    uint64_t seg_base_fs_gs_shadow[2];

    SegmentCache segs[6];
    SegmentCache ldt, tr, gdt, idt; /* gdt and idt: base and limit only */
    uint64_t cr[5], cr8;            /* cr[8] lives in the APIC when there is one */
    uint64_t efer;
    uint64_t xcr0, xss;
    uint64_t dr[8];

    /* x87 and SSE */
    FPReg fpregs[8];                /* physical */
    uint32_t fpstt;                 /* top of stack */
    uint16_t fpus;                  /* status word without TOP */
    uint16_t fpuc;                  /* control word */
    uint8_t fptags[8];              /* 1 = empty, physical */
    uint64_t fpip, fpdp;
    uint16_t fpcs, fpds;
    uint32_t fpop;
    bool x87_live;                  /* the host's x87 holds fpregs, fpstt, fpus, fpuc and fptags: cpu_x86_sync_x87() */
    uint32_t mxcsr;                 /* control bits as the guest wrote them; sticky flags: cpu_fp_get() */
    XMMReg xmm[16];              
    XMMReg scratch[4];              /* helper arguments */
    XMMReg mmx_scratch;

    /* MSRs */
    uint64_t star, lstar, cstar, fmask, kernel_gs_base;
    uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t tsc_offset, tsc_aux, tsc_adjust, tsc_deadline;
    uint64_t pat, mtrr_def, mtrr_fixed[11];
    MTRRVar mtrr_var[8];
    uint64_t misc_enable, mcg_status, mcg_ctl, mcg_cap, mce_banks[4 * 10];
    uint64_t spec_ctrl, feature_control, smbase, smi_count, debugctl, microcode, amd_hwcr, arch_caps, platform_info;
    uint64_t pkru;
    uint64_t apic_base;

    /* Exceptions */
    uint32_t error_code;
    bool exception_is_int;          /* raised by INT n */
    uint64_t exception_next_eip;    /* after the INT instruction */
    int old_exception;              /* for double faults; -1 none */
    bool nmi_masked, smm;
    bool nmi_masked_before_smm;     /* in SMM: what RSM restores */
    bool in_hlt;                    /* the last wait was HLT, not MWAIT */
    bool sipi_waiting;              /* AP: waits for SIPI after INIT */
    uint8_t sipi_vector;
    uint64_t pdpte[4];              /* PAE: loaded with CR3 */
    uint64_t a20_mask;              /* ANDed to every physical address: all ones, or bit 20 clear */
    uint64_t monitor_addr;
    bool monitor_armed;

    /* Model */
    uint32_t features[FEATURE_WORDS];
    uint32_t cpuid_level, cpuid_xlevel, cpuid_version;
    char cpuid_vendor[13], cpuid_model_name[49];
    uint8_t phys_bits, linear_bits;
    uint32_t apic_id, nr_cores, nr_threads, nr_dies;
    const struct X86Model *model;
    const struct TargetOps *ops;
} X86CPU;

static inline X86CPU *x86_cpu(CPUState *c) { return (X86CPU *)c; }
#define X86_OFFSET(field) ((uint32_t)offsetof(X86CPU, field))

static inline bool x86_feature(const X86CPU *env, FeatureWord w, unsigned bit)
{
    return env->features[w] >> bit & 1;
}

/* ---- helper-cc.c ---- */
uint32_t cpu_cc_compute_all(const X86CPU *env);         /* the six arithmetic flags */
uint32_t cpu_compute_eflags(const X86CPU *env);         /* architectural EFLAGS */
/* Loads the bits of mask from value; updates hflags. */
void cpu_load_eflags(X86CPU *env, uint32_t value, uint32_t mask);
/* Loads all of EFLAGS; hflags is the caller's affair. */
void cpu_set_eflags(X86CPU *env, uint32_t flags);

/* ---- excp.c: delivering and raising ---- */
/* As a triple fault: the machine is reset. */
_Noreturn void x86_shutdown(X86CPU *env, uintptr_t retaddr);
_Noreturn void raise_exception(X86CPU *env, int vector, uintptr_t retaddr);
_Noreturn void raise_exception_err(X86CPU *env, int vector, uint32_t error_code, uintptr_t retaddr);
/* INT n and friends: next_eip is the address after the instruction. */
_Noreturn void raise_interrupt(X86CPU *env, int vector, bool is_int, uint64_t next_eip, uintptr_t retaddr);
void x86_do_exception(CPUState *cpu);
bool x86_exec_interrupt(CPUState *cpu, uint32_t request);
/* Whether a SIPI now would start this processor, or one that waits for its INIT. Any thread. */
bool x86_takes_sipi(X86CPU *env);
bool x86_has_work(const CPUState *cpu);

/* ---- seg.c ---- */
void cpu_x86_update_hflags(X86CPU *env);
/* The same where 64-bit code goes on in 64-bit code, and only EFLAGS and the CPL have changed since hflags was right. */
void cpu_x86_update_hflags64(X86CPU *env, unsigned cpl);
void cpu_x86_load_seg_cache(X86CPU *env, int seg, uint32_t selector, uint64_t base, uint32_t limit, uint32_t flags);
/* Fills a cache as real mode does: base = selector << 4. */
void cpu_x86_load_seg_real(X86CPU *env, int seg, uint32_t selector);

/* ---- mmu.c ---- */
/* The A20 gate; any thread, takes effect before the vCPU's next TB. */
void x86_cpu_set_a20(X86CPU *env, bool enabled);
bool x86_tlb_fill(CPUState *cpu, uint64_t va, unsigned size, AccessType access, unsigned mode, bool probe, uintptr_t retaddr);
bool x86_debug_translate(CPUState *cpu, uint64_t va, hwaddr *pa);
unsigned x86_current_mmu_mode(const CPUState *cpu, bool fetch);
TLBKey x86_tlb_key(const X86CPU *env);
void x86_dump_tlb(CPUState *cpu, FILE *out);
void x86_dump_mem(CPUState *cpu, FILE *out);
/* In SMM the A20 gate has no say. */
static inline uint64_t x86_a20_mask(const X86CPU *env)
{
    return UNLIKELY(env->smm) ? ~0ull : env->a20_mask;
}
static inline unsigned x86_mmu_mode(const X86CPU *env)
{
    return (env->hflags & HF_CPL) == 3 ? MMU_USER : env->hflags & HF_AC ? MMU_KERNEL_AC : MMU_KERNEL;
}

/* ---- smm.c ---- */
/* Takes an SMI: on the vCPU's thread between TBs, outside SMM. */
void x86_smm_enter(X86CPU *env);
/* After a change of env->smm: which physical memory the vCPU sees. */
void x86_smm_update_view(X86CPU *env);

/* ---- sysreg.c: control, debug registers and MSRs ---- */
void cpu_x86_update_cr0(X86CPU *env, uint64_t value);
void cpu_x86_update_cr3(X86CPU *env, uint64_t value);
void cpu_x86_update_cr4(X86CPU *env, uint64_t value);
/* After writing dr[7]: recomputes breakpoints and HF_BPIO. */
void cpu_x86_update_dr7(X86CPU *env, uint32_t value);
void x86_debug_excp(CPUState *cpu);
/* Sets PKRU (WRPKRU, XRSTOR): the TLB forgets what the old value allowed. */
void cpu_x86_set_pkru(X86CPU *env, uint32_t value);

/* ---- models.c ---- */
CPUState *x86_cpu_create(const char *model, const TargetOps *ops, Error **errp);
void x86_cpu_list(FILE *out);
void x86_cpu_reset(CPUState *cpu);
void x86_cpu_post_load(CPUState *cpu); /* after x86_saved was loaded */
void cpu_x86_cpuid(X86CPU *env, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);
/* CPUs of the machine for topology leaves; called by the board after creation. */
void x86_cpu_set_topology(X86CPU *env, uint32_t apic_id, unsigned dies, unsigned cores, unsigned threads);
extern const SavedField x86_saved[];
extern const RegisterDesc x86_registers[], i386_registers[];
extern const GDBTarget x86_gdb_target; /* gdb.c */
extern const DumpTarget x86_dump_target; /* dump.c */
/* DumpTarget.mappings (mmu-dump.c) */
void x86_foreach_mapping(CPUState *cpu, bool (*fn)(void *opaque, uint64_t va, hwaddr pa, uint64_t size), void *opaque);
void x86_dump_state(CPUState *cpu, FILE *out, bool fpu);

/* ---- fpu-helper.c ---- */
void cpu_x86_fpu_reset(X86CPU *env);
/* Brings the x87 state to env if the host's x87 has it; on the vCPU's thread. */
void cpu_x86_sync_x87(X86CPU *env);
extern const struct X87Hooks x86_x87_hooks;
/* TargetOps.exec_exit: the same, and the host's x87 forgets the flags that the guest's status word has. */
void x86_exec_exit(CPUState *cpu);
/* Puts MXCSR's control bits where the engine loads them; call after writing mxcsr. */
void cpu_x86_set_mxcsr(X86CPU *env, uint32_t mxcsr); /* also recomputes HF_FPEXACT */
uint32_t cpu_x86_get_mxcsr(const X86CPU *env);
/* Loads FSW, as FLDENV and FXRSTOR do: TOP, flags, and ES as the masks in fpuc say. */
void cpu_x86_set_fpus(X86CPU *env, uint16_t fsw);
void cpu_x86_set_fpuc(X86CPU *env, uint16_t fcw);
static inline uint16_t cpu_x86_get_fpus(const X86CPU *env)
{
    return (uint16_t)((env->fpus & ~0x3800) | (env->fpstt & 7) << 11);
}
/* What HF_FPEXACT says: code that may raise #XM or #MF is translated with the checks. */
static inline bool x86_fp_exact(const X86CPU *env)
{
    return (~env->mxcsr & 0x1f80) || (~env->fpuc & 0x3f) || (env->fpus & 0x80);
}

/* ---- helper-sse.c ---- */
/* Raises what a write of these few bytes would raise. */
void x86_probe_write(X86CPU *env, uint64_t va, uint32_t bytes, uintptr_t retaddr);

/* ---- xsave.c ---- */
/* Where component n of the XSAVE area is in the standard format, for CPUID leaf 0DH; false when there is none. */
bool x86_xsave_component(unsigned n, uint32_t *size, uint32_t *offset);

/* ---- to the interrupt controller (hw/intc/apic.c); weak defaults in excp.c for machines without ---- */
int x86_pic_acknowledge(X86CPU *env);        /* vector to take now, or -1 */
uint64_t x86_apic_get_base(X86CPU *env);
bool x86_apic_set_base(X86CPU *env, uint64_t value); /* false: #GP */
uint8_t x86_apic_get_tpr(X86CPU *env);       /* CR8: 0-15 */
void x86_apic_set_tpr(X86CPU *env, uint8_t value);
/* x2APIC MSRs 0x800-0x8ff; false: #GP */
bool x86_apic_read_msr(X86CPU *env, uint32_t msr, uint64_t *value);
bool x86_apic_write_msr(X86CPU *env, uint32_t msr, uint64_t value);
void x86_apic_set_tsc_deadline(X86CPU *env, uint64_t value);
uint64_t x86_read_tsc(X86CPU *env);          /* sysreg.c: with offset */
#define X86_TSC_HZ 1000000000ull             /* the TSC counts CLOCK_VIRTUAL nanoseconds */
/* IN/OUT; port accesses that helpers make. */
uint32_t x86_io_read(uint16_t port, unsigned size);
void x86_io_write(uint16_t port, uint32_t value, unsigned size);
void x86_set_ferr(X86CPU *env, int level);   /* FERR# -> IRQ13, board connects through x86_ferr_line */
extern IRQLine x86_ferr_line;

/* ---- translate.c ---- */
void x86_translate_init(void);
void x86_tb_start(TranslatorContext *ctx);
void x86_translate_insn(TranslatorContext *ctx);
void x86_tb_stop(TranslatorContext *ctx);
void x86_tb_side_exit(TranslatorContext *ctx, const SideExit *exit);
bool x86_tb_follow(TranslatorContext *ctx, uint64_t pc);
bool x86_guard_possible(const TranslationBlock *tb, const InsnData *data);
uint64_t x86_guard_exit(IRFunc *ir, const InsnData *data);
void x86_restore_state(CPUState *cpu, const TranslationBlock *tb, const InsnData *data);
extern const size_t x86_context_size;
TBState x86_tb_state(const CPUState *cpu);
void x86_disas(FILE *out, const CPUState *cpu, uint32_t flags, uint64_t pc, const uint8_t *bytes, size_t len);

#endif
