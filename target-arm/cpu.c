/* SPDX-License-Identifier: MIT */
/* Creating, configuring and resetting Arm vCPUs from the tables in models.c. */
#include "cpu.h"

#include "models.h"
#include "mmu.h"
#include "sysreg.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>

#define DEFAULT_CNTFRQ 62500000

/* ---- Features ---- */

static void imply(ARMCPU *env, ARMFeature have, ARMFeature more)
{
    if (arm_feature(env, have))
        arm_set_feature(env, more);
}

static void derive_features(ARMCPU *env)
{
    static const ARMFeature implied[][2] = {
        { ARM_FEATURE_V8, ARM_FEATURE_V7VE }, { ARM_FEATURE_V8, ARM_FEATURE_GENERIC_TIMER }, { ARM_FEATURE_V8, ARM_FEATURE_LPAE },
        { ARM_FEATURE_V8, ARM_FEATURE_MULTICORE }, { ARM_FEATURE_V8, ARM_FEATURE_NEON }, { ARM_FEATURE_V8, ARM_FEATURE_VFP4 },
        { ARM_FEATURE_V8, ARM_FEATURE_VFP_HALF }, { ARM_FEATURE_V8, ARM_FEATURE_FPARMV8 },
        { ARM_FEATURE_VFP4, ARM_FEATURE_VFP3 }, { ARM_FEATURE_VFP3, ARM_FEATURE_VFP2 }, { ARM_FEATURE_NEON, ARM_FEATURE_VFP_D32 },
        { ARM_FEATURE_NEON, ARM_FEATURE_VFP_DP },
        { ARM_FEATURE_V7VE, ARM_FEATURE_V7 }, { ARM_FEATURE_V7VE, ARM_FEATURE_ARM_DIV }, { ARM_FEATURE_V7VE, ARM_FEATURE_THUMB_DIV },
        { ARM_FEATURE_V7, ARM_FEATURE_V6T2 }, { ARM_FEATURE_V7, ARM_FEATURE_V6K }, { ARM_FEATURE_V6T2, ARM_FEATURE_V6 },
        { ARM_FEATURE_V6K, ARM_FEATURE_V6 }, { ARM_FEATURE_V6, ARM_FEATURE_V5TE }, { ARM_FEATURE_V5TE, ARM_FEATURE_V5 },
        { ARM_FEATURE_V5, ARM_FEATURE_V4T },
    };

    for (const ARMFeatureField *f = arm_feature_fields; f->min && arm_feature(env, ARM_FEATURE_AARCH64); f++) {
        unsigned v = *(uint64_t *)((char *)env + f->offset) >> f->shift & 15;
        if (f->is_signed ? (v != 15 && (f->min == 0x10 || v >= f->min)) : v >= f->min)
            arm_set_feature(env, (ARMFeature)f->feature);
    }
    for (size_t i = 0; i < ARRAY_SIZE(implied); i++)
        imply(env, implied[i][0], implied[i][1]);
}

static void use_model(ARMCPU *env, const ARMModel *m)
{
    static const uint8_t pa_bits[8] = { 32, 36, 40, 42, 44, 48, 48, 48 };

    env->model = m;
    env->midr = m->midr;
    env->fpsid = m->fpsid;
    env->reset_sctlr = m->reset_sctlr;
    env->ctr = m->ctr;
    env->clidr = m->clidr;
    for (unsigned i = 0; i < 3; i++)
        env->ccsidr[i] = m->ccsidr[i];
    memcpy(env->mvfr, m->mvfr, sizeof m->mvfr);
    memcpy(env->id_pfr, m->id_pfr, sizeof m->id_pfr);
    env->id_dfr[0] = m->id_dfr0;
    env->id_afr0 = m->id_afr0;
    memcpy(env->id_mmfr, m->id_mmfr, sizeof m->id_mmfr);
    memcpy(env->id_isar, m->id_isar, sizeof m->id_isar);
    memcpy(env->id_aa64pfr, m->aa64pfr, sizeof m->aa64pfr);
    env->id_aa64dfr[0] = m->aa64dfr0;
    memcpy(env->id_aa64isar, m->aa64isar, sizeof m->aa64isar);
    memcpy(env->id_aa64mmfr, m->aa64mmfr, sizeof m->aa64mmfr);
    env->dczid_bs = 4;
    env->cntfrq_hz = m->cntfrq ? m->cntfrq : DEFAULT_CNTFRQ;
    arm_set_feature(env, ARM_FEATURE_V4T);
    for (const uint8_t *f = m->features; *f; f++)
        arm_set_feature(env, (ARMFeature)*f);
    derive_features(env);
    env->pa_bits = arm_feature(env, ARM_FEATURE_AARCH64) ? pa_bits[m->aa64mmfr[0] & 7] : arm_feature(env, ARM_FEATURE_LPAE) ? 40 : 32;
}

/* ---- Creating ---- */

static const ARMModel *find_model(const char *name, const TargetOps *ops)
{
    for (const ARMModel *m = arm_models; m->name; m++) {
        bool a64 = false;
        for (const uint8_t *f = m->features; *f; f++)
            a64 |= *f == ARM_FEATURE_AARCH64;
        if (!strcmp(m->name, name) && (!a64 || ops == &aarch64_target_ops))
            return m;
    }
    return NULL;
}

/* FEATURE=on|off after the model's name. */
static bool set_option(ARMCPU *env, const char *option, Error **errp)
{
    const char *value = strchr(option, '=');
    g_autofree char *key = value ? g_strndup(option, (gsize)(value - option)) : g_strdup(option);
    bool on = !value || !strcmp(value + 1, "on") || !strcmp(value + 1, "true") || !strcmp(value + 1, "yes");
    bool off = value && (!strcmp(value + 1, "off") || !strcmp(value + 1, "false") || !strcmp(value + 1, "no"));

    if (!on && !off) {
        error_setg(errp, "Invalid parameter type for '%s', expected: boolean", key);
        return false;
    }
    if (!strcmp(key, "pauth") && arm_feature(env, ARM_FEATURE_PAUTH)) {
        if (off) {
            env->id_aa64isar[1] &= ~0xff000ff0ull;
            arm_clear_feature(env, ARM_FEATURE_PAUTH);
            arm_clear_feature(env, ARM_FEATURE_PAUTH_GENERIC);
        }
    } else if (!strcmp(key, "pauth-impdef") && arm_feature(env, ARM_FEATURE_PAUTH)) {
        if (on) {
            env->id_aa64isar[1] = (env->id_aa64isar[1] & ~0xff000ff0ull) | 1ull << 8 | 1ull << 28;
            arm_clear_feature(env, ARM_FEATURE_PAUTH_QARMA5);
        }
    } else if (!strcmp(key, "pmu") && arm_feature(env, ARM_FEATURE_PMU)) {
        if (off) {
            arm_clear_feature(env, ARM_FEATURE_PMU);
            env->id_aa64dfr[0] &= ~0xf00ull;
            env->id_dfr[0] &= ~0xf000000u;
        }
    } else if (!strcmp(key, "aarch64") && arm_feature(env, ARM_FEATURE_AARCH64)) {
        if (off) {
            error_setg(errp, "'aarch64' feature cannot be disabled unless KVM is enabled and 32-bit EL1 is supported");
            return false;
        }
    } else {
        error_setg(errp, "Property '%s-arm-cpu.%s' not found", env->model->name, key);
        return false;
    }
    return true;
}

CPUState *arm_cpu_create(const char *model, const TargetOps *ops, Error **errp)
{
    g_auto(GStrv) words = g_strsplit(model, ",", -1);
    const ARMModel *m = words[0] ? find_model(words[0], ops) : NULL;
    void *mem = NULL;

    if (!m) {
        error_setg(errp, "unable to find CPU model '%s'", words[0] ? words[0] : "");
        return NULL;
    }
    if (posix_memalign(&mem, 64, (sizeof(ARMCPU) + 63) & ~63ull)) {
        error_setg(errp, "not enough memory for a vCPU");
        return NULL;
    }
    memset(mem, 0, sizeof(ARMCPU));
    ARMCPU *env = mem;
    env->parent.target = ops;
    env->parent.exception_index = EXCP_NONE;
    env->ops = ops;
    use_model(env, m);
    for (unsigned i = 1; words[i]; i++) {
        if (!set_option(env, words[i], errp)) {
            free(mem);
            return NULL;
        }
    }
    env->mpidr = 1u << 31;
    arm_cpu_reset(&env->parent);
    return &env->parent;
}

void arm_cpu_configure(ARMCPU *env, const ARMBoardConfig *cfg)
{
    if (!cfg->el3) {
        arm_clear_feature(env, ARM_FEATURE_EL3);
        env->id_aa64pfr[0] &= ~0xf000ull;
        env->id_pfr[1] &= ~0xf0u;
    }
    if (!cfg->el2) {
        arm_clear_feature(env, ARM_FEATURE_EL2);
        env->id_aa64pfr[0] &= ~0xf00ull;
        env->id_pfr[1] &= ~0xf000u;
    }
    env->affinity = cfg->affinity;
    bool mp = arm_feature(env, ARM_FEATURE_MULTICORE) || arm_feature(env, ARM_FEATURE_V8);
    env->mpidr = cfg->affinity | (mp ? 1u << 31 : 0);
    env->start_powered_off = cfg->start_powered_off;
    env->psci_conduit = cfg->psci_conduit;
    env->rvbar = cfg->rvbar;
    env->cbar = cfg->cbar;
    if (cfg->cntfrq)
        env->cntfrq_hz = cfg->cntfrq;
    if (!env->gt[0].timer)
        arm_timers_init(env);
    if (!env->pmu_timer)
        arm_pmu_init(env);
    arm_cpu_reset(&env->parent);
}

void arm_cpu_list(FILE *out, const TargetOps *ops)
{
    fprintf(out, "Available CPUs:\n");
    for (const ARMModel *m = arm_models; m->name; m++) {
        if (find_model(m->name, ops))
            fprintf(out, "  %s\n", m->name);
    }
}

void arm_cpu_models(void (*fn)(void *opaque, const char *name, const char *unavailable), void *opaque, const TargetOps *ops)
{
    for (const ARMModel *m = arm_models; m->name; m++) {
        if (find_model(m->name, ops))
            fn(opaque, m->name, "");
    }
}

/* Options of set_option, as management tools ask for them. */
static bool check_expansion(char **words, const TargetOps *ops, Error **errp)
{
    if (!strcmp(words[0], "host")) {
        error_setg(errp, "The CPU type 'host' requires KVM");
        return false;
    }
    if (!find_model(words[0], ops)) {
        error_setg(errp, "The CPU type '%s' is not a recognized ARM CPU type", words[0]);
        return false;
    }
    static const char *const known[] = { "aarch64", "pauth", "pauth-impdef", "pmu", NULL };
    for (unsigned i = 1; words[i]; i++) {
        g_autofree char *key = g_strndup(words[i], strcspn(words[i], "="));
        if (!g_strv_contains(known, key)) {
            error_setg(errp, "Parameter '%s' is unexpected", key);
            return false;
        }
    }
    return true;
}

bool arm_cpu_expand(const char *model, void (*fn)(void *opaque, const char *name, const char *value), void *opaque, Error **errp)
{
    g_auto(GStrv) words = g_strsplit(model, ",", -1);
    CPUState *cpu = words[0] && check_expansion(words, current_target, errp) ? current_target->cpu_create(model, errp) : NULL;
    if (!cpu)
        return false;
    const ARMCPU *env = arm_cpu(cpu);
    ARMCPU *plain = arm_cpu(current_target->cpu_create(words[0], NULL)); /* what can be switched off */
    if (arm_feature(env, ARM_FEATURE_AARCH64))
        fn(opaque, "aarch64", "on");
    if (arm_feature(plain, ARM_FEATURE_PAUTH)) {
        bool on = arm_feature(env, ARM_FEATURE_PAUTH);
        fn(opaque, "pauth", on ? "on" : "off");
        fn(opaque, "pauth-impdef", on && env->id_aa64isar[1] >> 8 & 15 ? "on" : "off");
    }
    if (arm_feature(plain, ARM_FEATURE_PMU))
        fn(opaque, "pmu", arm_feature(env, ARM_FEATURE_PMU) ? "on" : "off");
    free(plain);
    free(cpu);
    return true;
}

ARMCPU *arm_cpu_by_affinity(uint64_t affinity)
{
    CPU_FOREACH(cpu)
    {
        if (arm_cpu(cpu)->affinity == affinity)
            return arm_cpu(cpu);
    }
    return NULL;
}

/* ---- Reset ---- */

static unsigned highest_el(const ARMCPU *env)
{
    return arm_feature(env, ARM_FEATURE_EL3) ? 3 : arm_feature(env, ARM_FEATURE_EL2) ? 2 : 1;
}

static void reset_sysregs(ARMCPU *env)
{
    for (unsigned el = 1; el <= 3; el++)
        env->sctlr_el[el] = env->reset_sctlr;
    if (!arm_feature(env, ARM_FEATURE_AARCH64) && arm_feature(env, ARM_FEATURE_EL2))
        env->sctlr_el[2] = 0x30c50830;
    env->actlr_el[1] = env->actlr_el[3] = 0;
    env->scr_el3 = arm_feature(env, ARM_FEATURE_AARCH64) ? 0x30 : 0;
    env->hcr_el2 = arm_feature(env, ARM_FEATURE_AARCH64) && !arm_feature(env, ARM_FEATURE_AA32_EL1) ? HCR_RW : 0;
    env->cpacr = 0;
    env->cptr_el[2] = arm_feature(env, ARM_FEATURE_AARCH64) ? 0x33ff : 0;
    env->cptr_el[2] &= ~(1ull << 10);
    env->vpidr_el2 = env->midr;
    env->vmpidr_el2 = env->mpidr;
    env->cnthctl = 3;
    env->cntfrq = env->cntfrq_hz;
    env->pmcr = (uint64_t)(env->midr >> 24) << 24 | (env->midr >> 4 & 0xff) << 16;
    env->oslsr = 0xa;
    env->dacr[1] = env->dacr[3] = 0;
    if (env->gic) {
        env->id_aa64pfr[0] |= 1ull << 24;
        env->id_pfr[1] |= 1u << 28;
    }
}

void arm_cpu_reset(CPUState *cpu)
{
    ARMCPU *env = arm_cpu(cpu);
    size_t first = offsetof(ARMCPU, pc), last = offsetof(ARMCPU, line_level);

    uint32_t fpsid = env->fpsid, mvfr[3];

    arm_exclusive_abandon(env);
    if (cpu->index > 0)
        arm_exclusive_counting = true;
    memcpy(mvfr, env->mvfr, sizeof(mvfr));
    memset((char *)env + first, 0, last - first);
    env->fpsid = fpsid; /* of the model, among the state */
    memcpy(env->mvfr, mvfr, sizeof(mvfr));
    env->exclusive_addr = ~0ull;
    env->cc_op = CC_NZCV;
    reset_sysregs(env);
    if (arm_feature(env, ARM_FEATURE_AARCH64)) {
        env->pstate = highest_el(env) << PSTATE_EL_SHIFT | PSTATE_SP | PSTATE_DAIF;
        env->pc = env->rvbar;
    } else {
        bool hyp = highest_el(env) == 2;
        env->pstate = (hyp ? MODE_HYP : MODE_SVC) | CPSR_I | CPSR_F | (arm_feature(env, ARM_FEATURE_V6) ? CPSR_A : 0);
        env->pc = env->rvbar;
    }
    if (arm_feature(env, ARM_FEATURE_M))
        arm_m_reset(env);
    env->parent.exception_index = EXCP_NONE;
    env->psci_powered_off = env->start_powered_off;
    atomic_store(&cpu->halted, env->start_powered_off);
    env->event_register = false;
    arm_fp_reset(env);
    if (env->gt[0].timer)
        arm_timers_reset(env);
    arm_pmu_reset(env);
    if (env->gic && env->gic->reset)
        env->gic->reset(env->gic_opaque, env);
    tlb_init(cpu);
    tlb_flush_all_async(cpu);
    arm_debug_update(env);
    arm_rebuild_hflags(env);
    arm_update_tlb_key(env);
}

/* ---- Starting ---- */

/* Puts the vCPU in an EL and execution state as software above it would have, MMU off. */
static void enter_el(ARMCPU *env, unsigned el, bool aarch64)
{
    uint64_t sctlr = env->reset_sctlr & ~(SCTLR_M | SCTLR_C | SCTLR_I);

    if (arm_feature(env, ARM_FEATURE_AARCH64)) {
        if (el < 3 && arm_feature(env, ARM_FEATURE_EL3)) {
            env->scr_el3 |= SCR_NS | SCR_HCE | SCR_API | SCR_APK | (aarch64 || el == 2 ? SCR_RW : 0);
            env->cptr_el[3] = 0;
        }
        if (el < 2 && arm_feature(env, ARM_FEATURE_EL2))
            env->hcr_el2 |= aarch64 ? HCR_RW : 0;
    } else if (el == 2 || (el == 1 && arm_feature(env, ARM_FEATURE_EL3))) {
        if (arm_feature(env, ARM_FEATURE_EL3)) {
            env->scr_el3 |= SCR_NS | SCR_HCE;
            env->nsacr |= 3u << 10;
        }
    }
    env->sctlr_el[el] = sctlr;
    if (aarch64)
        env->pstate = el << PSTATE_EL_SHIFT | PSTATE_SP | PSTATE_DAIF;
    else
        env->pstate = (el == 2 ? MODE_HYP : MODE_SVC) | CPSR_I | CPSR_F | (arm_feature(env, ARM_FEATURE_V6) ? CPSR_A : 0);
    arm_rebuild_hflags(env);
    arm_update_tlb_key(env);
}

void arm_cpu_set_boot(ARMCPU *env, const ARMBootState *boot)
{
    unsigned el = boot->secure && arm_feature(env, ARM_FEATURE_EL3) ? 3 : arm_feature(env, ARM_FEATURE_EL2) ? 2 : 1;

    if (el == 3 && !arm_feature(env, ARM_FEATURE_AARCH64)) {
        /* Secure SVC: as after reset */
    } else {
        enter_el(env, el, boot->aarch64);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(boot->r); i++)
        env->x[i] = boot->r[i];
    env->pc = boot->aarch64 ? boot->pc : boot->pc & ~1ull;
    env->thumb = !boot->aarch64 && boot->pc & 1;
}

typedef struct PowerOn {
    uint64_t entry, context;
    unsigned el;
    bool aarch64;
} PowerOn;

static void power_on(CPUState *cpu, void *opaque)
{
    ARMCPU *env = arm_cpu(cpu);
    PowerOn *p = opaque;

    arm_cpu_reset(cpu);
    enter_el(env, p->el, p->aarch64);
    env->pc = p->aarch64 ? p->entry : p->entry & ~1ull;
    env->thumb = !p->aarch64 && p->entry & 1;
    env->x[0] = p->context;
    env->psci_powered_off = false;
    atomic_store(&cpu->halted, false);
    g_free(p);
}

bool arm_cpu_power_on(ARMCPU *cpu, uint64_t entry, uint64_t context, unsigned el, bool aarch64)
{
    PowerOn *p;

    if (!cpu->psci_powered_off)
        return false;
    cpu->psci_powered_off = false; /* a second call finds it on */
    p = g_new(PowerOn, 1);
    *p = (PowerOn){ entry, context, el, aarch64 };
    cpu_run_on_async(&cpu->parent, power_on, p);
    return true;
}
