/* SPDX-License-Identifier: MIT */
/*
 * Model-specific registers as one table: range, the CPU feature it comes with, writable bits, where it is
 * kept. Intel SDM vol. 4, AMD APM vol. 2 appendix A. A register that is not here, or a write of a bit that is
 * not writable, raises #GP. Performance counters and branch records do not count: they read as zero.
 */
#include "helper.h"
#include "sys.h"
#include "util/log.h"

typedef enum MSRKind {
    MSR_STORED,    /* writes outside the mask raise #GP */
    MSR_LOOSE,     /* writes outside the mask are dropped */
    MSR_READONLY,  /* writes raise #GP */
    MSR_CANONICAL, /* a linear address: #GP when not canonical */
} MSRKind;

typedef struct MSRRow {
    uint32_t first, last;
    uint8_t need;        /* NEED_*: feature or vendor */
    uint8_t kind;
    uint32_t offset;     /* of a uint64_t (array) in X86CPU; 0 = reads as value */
    uint64_t mask;       /* writable bits */
    uint64_t value;      /* when not stored */
    bool (*read)(X86CPU *env, uint32_t msr, uint64_t *value);
    bool (*write)(X86CPU *env, uint32_t msr, uint64_t value); /* false: #GP */
} MSRRow;

enum {
    NEED_NONE, NEED_INTEL, NEED_AMD, NEED_TSC, NEED_MSR_APIC, NEED_X2APIC, NEED_MTRR, NEED_PAT, NEED_SEP, NEED_MCA,
    NEED_SYSCALL, NEED_LM, NEED_TSC_AUX, NEED_TSC_ADJUST, NEED_DEADLINE, NEED_SPEC_CTRL, NEED_ARCH_CAPS, NEED_XSS,
    NEED_EFER, NEED_P6,
};

static unsigned family(const X86CPU *env) { return (env->cpuid_version >> 8 & 15) + (env->cpuid_version >> 20 & 255); }

static bool available(const X86CPU *env, unsigned need)
{
    static const struct { uint8_t word, bit; } features[] = {
        [NEED_TSC] = { FW_1_EDX, 4 }, [NEED_MSR_APIC] = { FW_1_EDX, 9 }, [NEED_X2APIC] = { FW_1_ECX, 21 },
        [NEED_MTRR] = { FW_1_EDX, 12 }, [NEED_PAT] = { FW_1_EDX, 16 }, [NEED_SEP] = { FW_1_EDX, 11 },
        [NEED_MCA] = { FW_1_EDX, 14 }, [NEED_SYSCALL] = { FW_8000_0001_EDX, 11 }, [NEED_LM] = { FW_8000_0001_EDX, 29 },
        [NEED_TSC_ADJUST] = { FW_7_0_EBX, 1 }, [NEED_DEADLINE] = { FW_1_ECX, 24 },
        [NEED_SPEC_CTRL] = { FW_7_0_EDX, 26 }, [NEED_ARCH_CAPS] = { FW_7_0_EDX, 29 }, [NEED_XSS] = { FW_D_1_EAX, 3 },
    };
    switch (need) {
    case NEED_NONE:
        return true;
    case NEED_INTEL:
        return !x86_is_amd(env) && family(env) >= 6;
    case NEED_AMD:
        return x86_is_amd(env);
    case NEED_P6:
        return family(env) >= 6;
    case NEED_TSC_AUX:
        return x86_feature(env, FW_8000_0001_EDX, 27) || x86_feature(env, FW_7_0_ECX, 22);
    case NEED_EFER:
        return x86_feature(env, FW_8000_0001_EDX, 11) || x86_feature(env, FW_8000_0001_EDX, 20) ||
               x86_feature(env, FW_8000_0001_EDX, 29);
    default:
        return x86_feature(env, features[need].word, features[need].bit);
    }
}

/* ---- Time ---- */

static bool read_tsc(X86CPU *env, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = x86_read_tsc(env);
    return true;
}

/* Writing the TSC moves TSC_ADJUST by as much, and the other way round. */
static bool write_tsc(X86CPU *env, uint32_t msr, uint64_t value)
{
    uint64_t delta = value - x86_read_tsc(env);
    (void)msr;
    env->tsc_offset += delta;
    env->tsc_adjust += delta;
    return true;
}

static bool write_tsc_adjust(X86CPU *env, uint32_t msr, uint64_t value)
{
    (void)msr;
    env->tsc_offset += value - env->tsc_adjust;
    env->tsc_adjust = value;
    return true;
}

/* Reads as zero once the timer has fired. */
static bool read_deadline(X86CPU *env, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = env->tsc_deadline > x86_read_tsc(env) ? env->tsc_deadline : 0;
    return true;
}

static bool write_deadline(X86CPU *env, uint32_t msr, uint64_t value)
{
    (void)msr;
    env->tsc_deadline = value;
    x86_apic_set_tsc_deadline(env, value);
    return true;
}

/* ---- APIC ---- */

static bool read_apic_base(X86CPU *env, uint32_t msr, uint64_t *value)
{
    (void)msr;
    *value = x86_apic_get_base(env);
    return true;
}

static bool write_apic_base(X86CPU *env, uint32_t msr, uint64_t value)
{
    (void)msr;
    if (value & (~((1ull << env->phys_bits) - 1) | 0x2ff) || (value & 0x400 && !x86_feature(env, FW_1_ECX, 21)))
        return false;
    return x86_apic_set_base(env, value);
}

/* ---- Memory types ---- */

static bool valid_memory_type(uint8_t t, bool pat)
{
    return t == 0 || t == 1 || (t >= 4 && t <= 6) || (pat && t == 7);
}

static bool valid_memory_types(uint64_t value, bool pat)
{
    for (unsigned i = 0; i < 8; i++)
        if (!valid_memory_type((uint8_t)(value >> (i * 8)), pat))
            return false;
    return true;
}

static bool write_pat(X86CPU *env, uint32_t msr, uint64_t value)
{
    (void)msr;
    if (!valid_memory_types(value, true))
        return false;
    env->pat = value;
    return true;
}

static bool write_mtrr_def(X86CPU *env, uint32_t msr, uint64_t value)
{
    (void)msr;
    if (value & ~0xcffull || !valid_memory_type((uint8_t)value, false))
        return false;
    env->mtrr_def = value;
    return true;
}

/* 0x250, 0x258, 0x259, 0x268-0x26f -> 0-10 */
static unsigned fixed_index(uint32_t msr)
{
    return msr == 0x250 ? 0 : msr <= 0x259 ? msr - 0x257 : msr - 0x265;
}

static bool read_mtrr_fixed(X86CPU *env, uint32_t msr, uint64_t *value)
{
    *value = env->mtrr_fixed[fixed_index(msr)];
    return true;
}

static bool write_mtrr_fixed(X86CPU *env, uint32_t msr, uint64_t value)
{
    if (!valid_memory_types(value, false))
        return false;
    env->mtrr_fixed[fixed_index(msr)] = value;
    return true;
}

static uint64_t *mtrr_var(X86CPU *env, uint32_t msr)
{
    MTRRVar *v = &env->mtrr_var[(msr - 0x200) / 2];
    return msr & 1 ? &v->mask : &v->base;
}

static bool read_mtrr_var(X86CPU *env, uint32_t msr, uint64_t *value)
{
    *value = *mtrr_var(env, msr);
    return true;
}

static bool write_mtrr_var(X86CPU *env, uint32_t msr, uint64_t value)
{
    uint64_t reserved = ~((1ull << env->phys_bits) - 1) | (msr & 1 ? 0x7ff : 0xf00);
    if (value & reserved || (!(msr & 1) && !valid_memory_type((uint8_t)value, false)))
        return false;
    *mtrr_var(env, msr) = value;
    return true;
}

/* ---- Machine check banks: CTL and STATUS take all ones or zero only ---- */

static bool write_mcg_ctl(X86CPU *env, uint32_t msr, uint64_t value)
{
    (void)msr;
    if (value && ~value)
        return false;
    env->mcg_ctl = value;
    return true;
}

/* Kernels leave bit 10 of bank 4 off for a mistake of the AMD K8, and bit 0 of bank 0 for one of early Intel processors. */
static bool write_mc_bank(X86CPU *env, uint32_t msr, uint64_t value)
{
    unsigned n = msr - 0x400;
    if ((n & 3) == 0 && value && ~(value | 1ull << 10 | 1))
        return false;
    if ((n & 3) == 1 && value)
        return false;
    env->mce_banks[n] = value;
    return true;
}

/* ---- Long mode ---- */

uint64_t x86_efer_mask(const X86CPU *env)
{
    uint64_t mask = 0;
    mask |= x86_feature(env, FW_8000_0001_EDX, 11) ? EFER_SCE : 0;
    mask |= x86_feature(env, FW_8000_0001_EDX, 20) ? EFER_NXE : 0;
    mask |= x86_feature(env, FW_8000_0001_EDX, 25) ? EFER_FFXSR : 0;
    mask |= x86_feature(env, FW_8000_0001_EDX, 29) ? EFER_LME : 0;
    return mask;
}

static bool write_efer(X86CPU *env, uint32_t msr, uint64_t value)
{
    uint64_t mask = x86_efer_mask(env), changed = (value ^ env->efer) & ~(uint64_t)EFER_LMA;
    (void)msr;
    if (value & ~(mask | EFER_LMA) || (changed & EFER_LME && env->cr[0] & CR0_PG))
        return false;
    env->efer = (env->efer & EFER_LMA) | (value & mask);
    if (changed & EFER_NXE)
        tlb_flush_all(&env->parent);
    return true;
}

static bool write_xss(X86CPU *env, uint32_t msr, uint64_t value)
{
    (void)msr;
    env->xss = 0;
    return value == 0; /* no supervisor state component exists */
}

/* ---- Table ---- */

#define AT(field) .offset = X86_OFFSET(field)
static const MSRRow msr_table[] = {
    { 0x000, 0x001, NEED_MCA, MSR_LOOSE, .value = 0 },                  /* P5_MC_ADDR, P5_MC_TYPE */
    { 0x010, 0x010, NEED_TSC, .read = read_tsc, .write = write_tsc },
    { 0x017, 0x017, NEED_INTEL, MSR_READONLY, .value = 0 },             /* PLATFORM_ID */
    { 0x01b, 0x01b, NEED_MSR_APIC, .read = read_apic_base, .write = write_apic_base },
    { 0x02a, 0x02a, NEED_INTEL, MSR_LOOSE, .value = 0 },                /* EBL_CR_POWERON */
    { 0x034, 0x034, NEED_INTEL, MSR_READONLY, AT(smi_count) },          /* SMI_COUNT */
    { 0x03a, 0x03a, NEED_INTEL, MSR_STORED, AT(feature_control), .mask = 0 },
    { 0x03b, 0x03b, NEED_TSC_ADJUST, AT(tsc_adjust), .write = write_tsc_adjust },
    { 0x048, 0x048, NEED_SPEC_CTRL, MSR_STORED, AT(spec_ctrl), .mask = 0x407 },
    { 0x049, 0x049, NEED_SPEC_CTRL, MSR_STORED, .mask = 1 },            /* PRED_CMD: nothing to barrier */
    { 0x079, 0x079, NEED_INTEL, MSR_LOOSE, .value = 0 },                /* BIOS_UPDT_TRIG */
    { 0x08b, 0x08b, NEED_NONE, MSR_LOOSE, AT(microcode), .mask = 0 },
    { 0x0c1, 0x0c8, NEED_INTEL, MSR_LOOSE, .value = 0 },                /* PMC0-7 */
    { 0x0ce, 0x0ce, NEED_INTEL, MSR_READONLY, AT(platform_info) },
    { 0x0e2, 0x0e2, NEED_INTEL, MSR_LOOSE, .value = 0 },                /* PKG_CST_CONFIG_CONTROL */
    { 0x0fe, 0x0fe, NEED_MTRR, MSR_READONLY, .value = 0x508 },          /* MTRRCAP: 8 variable, fixed, WC */
    { 0x10a, 0x10a, NEED_ARCH_CAPS, MSR_READONLY, AT(arch_caps) },
    { 0x119, 0x119, NEED_INTEL, MSR_LOOSE, .value = 0 },                /* BBL_CR_CTL */
    { 0x11e, 0x11e, NEED_INTEL, MSR_LOOSE, .value = 0xbe702111 },       /* BBL_CR_CTL3: L2 present and enabled */
    { 0x140, 0x140, NEED_INTEL, MSR_STORED, .mask = 0 },                /* MISC_FEATURES_ENABLES */
    { 0x174, 0x174, NEED_SEP, MSR_LOOSE, AT(sysenter_cs), .mask = 0xffffffff },
    { 0x175, 0x175, NEED_SEP, MSR_CANONICAL, AT(sysenter_esp) },
    { 0x176, 0x176, NEED_SEP, MSR_CANONICAL, AT(sysenter_eip) },
    { 0x179, 0x179, NEED_MCA, MSR_READONLY, AT(mcg_cap) },
    { 0x17a, 0x17a, NEED_MCA, MSR_STORED, AT(mcg_status), .mask = 7 },
    { 0x17b, 0x17b, NEED_MCA, AT(mcg_ctl), .write = write_mcg_ctl },
    { 0x186, 0x18d, NEED_INTEL, MSR_LOOSE, .value = 0 },                /* PERFEVTSEL0-7 */
    { 0x198, 0x199, NEED_INTEL, MSR_LOOSE, .value = 0 },                /* PERF_STATUS, PERF_CTL */
    { 0x19a, 0x19d, NEED_INTEL, MSR_LOOSE, .value = 0 },                /* CLOCK_MODULATION, THERM_* */
    { 0x1a0, 0x1a0, NEED_INTEL, MSR_LOOSE, AT(misc_enable), .mask = 0x4000c8 | 1 | 1ull << 18 | 1ull << 34 },
    { 0x1a2, 0x1a2, NEED_INTEL, MSR_LOOSE, .value = 100 << 16 },        /* TEMPERATURE_TARGET */
    { 0x1c9, 0x1c9, NEED_INTEL, MSR_LOOSE, .value = 0 },                /* LASTBRANCH_TOS */
    { 0x1d9, 0x1d9, NEED_P6, MSR_LOOSE, AT(debugctl), .mask = 3 },
    { 0x1db, 0x1de, NEED_P6, MSR_LOOSE, .value = 0 },                   /* last branch and interrupt records */
    { 0x200, 0x20f, NEED_MTRR, .read = read_mtrr_var, .write = write_mtrr_var },
    { 0x250, 0x250, NEED_MTRR, .read = read_mtrr_fixed, .write = write_mtrr_fixed },
    { 0x258, 0x259, NEED_MTRR, .read = read_mtrr_fixed, .write = write_mtrr_fixed },
    { 0x268, 0x26f, NEED_MTRR, .read = read_mtrr_fixed, .write = write_mtrr_fixed },
    { 0x277, 0x277, NEED_PAT, AT(pat), .write = write_pat },
    { 0x2ff, 0x2ff, NEED_MTRR, AT(mtrr_def), .write = write_mtrr_def },
    { 0x400, 0x427, NEED_MCA, AT(mce_banks), .write = write_mc_bank },
    { 0x6e0, 0x6e0, NEED_DEADLINE, .read = read_deadline, .write = write_deadline },
    { 0x800, 0x8ff, NEED_X2APIC, .read = x86_apic_read_msr, .write = x86_apic_write_msr },
    { 0xda0, 0xda0, NEED_XSS, AT(xss), .write = write_xss },
    { 0xc0000080, 0xc0000080, NEED_EFER, AT(efer), .write = write_efer },
    { 0xc0000081, 0xc0000081, NEED_SYSCALL, MSR_STORED, AT(star), .mask = ~0ull },
    { 0xc0000082, 0xc0000082, NEED_LM, MSR_CANONICAL, AT(lstar) },
    { 0xc0000083, 0xc0000083, NEED_LM, MSR_CANONICAL, AT(cstar) },
    { 0xc0000084, 0xc0000084, NEED_LM, MSR_LOOSE, AT(fmask), .mask = 0xffffffff },
    { 0xc0000100, 0xc0000100, NEED_LM, MSR_CANONICAL, AT(segs[R_FS].base) },
    { 0xc0000101, 0xc0000101, NEED_LM, MSR_CANONICAL, AT(segs[R_GS].base) },
    { 0xc0000102, 0xc0000102, NEED_LM, MSR_CANONICAL, AT(kernel_gs_base) },
    { 0xc0000103, 0xc0000103, NEED_TSC_AUX, MSR_STORED, AT(tsc_aux), .mask = 0xffffffff },
    { 0xc0010000, 0xc0010007, NEED_AMD, MSR_LOOSE, .value = 0 },        /* PerfEvtSel0-3, PerfCtr0-3 */
    { 0xc0010010, 0xc0010010, NEED_AMD, MSR_LOOSE, .value = 0 },        /* SYSCFG: no TOM2, no extra MTRR bits */
    { 0xc0010015, 0xc0010015, NEED_AMD, MSR_LOOSE, AT(amd_hwcr), .mask = 0x1e7ff5f },
    { 0xc0010016, 0xc001001f, NEED_AMD, MSR_LOOSE, .value = 0 },        /* IORRs, TOP_MEM, TOP_MEM2, NB_CFG */
    { 0xc0010020, 0xc0010020, NEED_AMD, MSR_LOOSE, .value = 0 },        /* PATCH_LOADER */
    { 0xc0010055, 0xc0010055, NEED_AMD, MSR_LOOSE, .value = 0 },        /* INT_PENDING_MSG */
    { 0xc0010058, 0xc0010058, NEED_AMD, MSR_LOOSE, .value = 0 },        /* MMIO_CONF_BASE: off */
    { 0xc0010111, 0xc0010111, NEED_AMD, MSR_LOOSE, AT(smbase), .mask = 0 }, /* SMM_BASE: moved by the save area only */
    { 0xc0010112, 0xc0010113, NEED_AMD, MSR_LOOSE, .value = 0 },        /* SMM masks */
    { 0xc0010114, 0xc0010114, NEED_AMD, MSR_LOOSE, .value = 0x10 },     /* VM_CR: SVM disabled */
    { 0xc0010140, 0xc0010141, NEED_AMD, MSR_LOOSE, .value = 0 },        /* OSVW */
    { 0xc0011020, 0xc001102f, NEED_AMD, MSR_LOOSE, .value = 0 },        /* unit configuration: LS, IC, DC, DE, BU … */
};

static const MSRRow *find_row(const X86CPU *env, uint32_t msr)
{
    unsigned lo = 0, hi = ARRAY_SIZE(msr_table);
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        const MSRRow *r = &msr_table[mid];
        if (msr < r->first)
            hi = mid;
        else if (msr > r->last)
            lo = mid + 1;
        else
            return available(env, r->need) ? r : NULL;
    }
    return NULL;
}

static uint64_t *stored_at(X86CPU *env, const MSRRow *r, uint32_t msr)
{
    return (uint64_t *)((char *)env + r->offset) + (msr - r->first);
}

bool x86_read_msr(X86CPU *env, uint32_t msr, uint64_t *value)
{
    const MSRRow *r = find_row(env, msr);
    if (!r)
        return false;
    if (r->read)
        return r->read(env, msr, value);
    *value = r->offset ? *stored_at(env, r, msr) : r->value;
    return true;
}

bool x86_write_msr(X86CPU *env, uint32_t msr, uint64_t value)
{
    const MSRRow *r = find_row(env, msr);
    if (!r)
        return false;
    if (r->write)
        return r->write(env, msr, value);
    uint64_t mask = r->mask;
    switch ((MSRKind)r->kind) {
    case MSR_READONLY:
        return false;
    case MSR_CANONICAL:
        if (!x86_canonical(env, value))
            return false;
        mask = ~0ull;
        break;
    case MSR_STORED:
        if (value & ~mask)
            return false;
        break;
    case MSR_LOOSE:
        break;
    }
    if (r->offset) {
        uint64_t *p = stored_at(env, r, msr);
        *p = (*p & ~mask) | (value & mask);
    }
    return true;
}

void helper_rdmsr(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    uint64_t value;
    if (!x86_read_msr(env, (uint32_t)env->regs[R_ECX], &value)) {
        guest_error("rdmsr 0x%x: no such register", (uint32_t)env->regs[R_ECX]);
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    }
    env->regs[R_EAX] = (uint32_t)value;
    env->regs[R_EDX] = value >> 32;
}

void helper_wrmsr(CPUState *cpu)
{
    X86CPU *env = x86_cpu(cpu);
    uint32_t msr = (uint32_t)env->regs[R_ECX];
    uint64_t value = (uint32_t)env->regs[R_EAX] | env->regs[R_EDX] << 32;
    if (!x86_write_msr(env, msr, value)) {
        guest_error("wrmsr 0x%x: 0x%llx refused", msr, (unsigned long long)value);
        raise_exception_err(env, EXCP0D_GPF, 0, HELPER_RETADDR());
    }
}
