/* SPDX-License-Identifier: MIT */
/* What the monitor and -d cpu show, disassembly, registers by name, saved fields. */
#include "m-profile.h"
#include "hw/device.h"

#include <inttypes.h>
#include <string.h>
#ifdef CONFIG_CAPSTONE
#include <capstone/capstone.h>
#endif

static const char *const mode_names[16] = { "usr", "fiq", "irq", "svc", "???", "???", "mon", "abt",
                                            "???", "???", "hyp", "und", "???", "???", "???", "sys" };

static void dump_a64(const ARMCPU *env, FILE *out)
{
    uint32_t psr = arm_get_pstate(env);
    unsigned el = psr >> 2 & 3;
    const char *ns = arm_feature(env, ARM_FEATURE_EL3) && el != 3 ? env->scr_el3 & SCR_NS ? "NS " : "S " : "";

    fprintf(out, " PC=%016" PRIx64 " ", env->pc);
    for (unsigned i = 0; i < 32; i++) {
        if (i == 31)
            fprintf(out, " SP=%016" PRIx64 "\n", env->x[i]);
        else
            fprintf(out, "X%02u=%016" PRIx64 "%s", i, env->x[i], (i + 2) % 3 ? " " : "\n");
    }
    fprintf(out, "PSTATE=%08x %c%c%c%c %sEL%u%c", psr, psr & PSTATE_N ? 'N' : '-', psr & PSTATE_Z ? 'Z' : '-',
            psr & PSTATE_C ? 'C' : '-', psr & PSTATE_V ? 'V' : '-', ns, el, psr & PSTATE_SP ? 'h' : 't');
    if (arm_feature(env, ARM_FEATURE_BTI))
        fprintf(out, "  BTYPE=%u", env->btype);
    fputc('\n', out);
}

static void dump_a32(const ARMCPU *env, FILE *out)
{
    uint32_t psr = arm_get_cpsr(env);
    const char *ns = arm_feature(env, ARM_FEATURE_EL3) && (psr & CPSR_M) != MODE_MON ? env->scr_el3 & SCR_NS ? "NS " : "S " : "";

    for (unsigned i = 0; i < 16; i++)
        fprintf(out, "R%02u=%08x%c", i, (uint32_t)(i == 15 ? env->pc : env->x[i]), i % 4 == 3 ? '\n' : ' ');
    fprintf(out, "PSR=%08x %c%c%c%c %c %s%s32\n", psr, psr & PSTATE_N ? 'N' : '-', psr & PSTATE_Z ? 'Z' : '-',
            psr & PSTATE_C ? 'C' : '-', psr & PSTATE_V ? 'V' : '-', env->thumb ? 'T' : 'A', ns, mode_names[psr & 15]);
}

static void dump_m(const ARMCPU *env, FILE *out)
{
    uint32_t psr = arm_m_xpsr(env);
    const char *state = !m_security(env) ? "" : env->v7m.secure ? "S " : "NS ";

    for (unsigned i = 0; i < 16; i++)
        fprintf(out, "R%02u=%08x%c", i, (uint32_t)(i == 15 ? env->pc : env->x[i]), i % 4 == 3 ? '\n' : ' ');
    fprintf(out, "XPSR=%08x %c%c%c%c %c %s%s\n", psr, psr & PSTATE_N ? 'N' : '-', psr & PSTATE_Z ? 'Z' : '-',
            psr & PSTATE_C ? 'C' : '-', psr & PSTATE_V ? 'V' : '-', env->thumb ? 'T' : 'A', state,
            m_handler(env) ? "handler" : arm_current_el(env) ? "priv-thread" : "unpriv-thread");
}

void arm_dump_state(CPUState *cpu, FILE *out, bool fpu)
{
    ARMCPU *env = arm_cpu(cpu);
    bool aa64 = arm_is_aa64(env);

    (arm_feature(env, ARM_FEATURE_M) ? dump_m : aa64 ? dump_a64 : dump_a32)(env, out);
    if (!fpu)
        return;
    if (aa64)
        fprintf(out, "     FPCR=%08x FPSR=%08x\n", arm_get_fpcr(env), arm_get_fpsr(env));
    for (unsigned i = 0; i < (aa64 ? 32u : 16u); i++)
        fprintf(out, "Q%02u=%016" PRIx64 ":%016" PRIx64 "%c", i, env->v[i].d[1], env->v[i].d[0], i % 2 ? '\n' : ' ');
    if (!aa64)
        fprintf(out, "FPSCR: %08x\n", arm_get_fpscr(env));
}

/* ---- Disassembly ---- */

#ifdef CONFIG_CAPSTONE
static size_t disas_one(FILE *out, csh handle, uint64_t pc, const uint8_t *bytes, size_t len, unsigned unit)
{
    cs_insn *insn;
    size_t n = cs_disasm(handle, bytes, len, pc, 1, &insn) ? insn->size : 0, size = n ? n : len < unit ? len : unit;
    uint32_t word = 0;

    memcpy(&word, bytes, size);
    if (size == 4 && unit == 2)
        word = word << 16 | word >> 16;
    fprintf(out, "0x%08" PRIx64 ":  %0*x %*s %s %s\n", pc, (int)size * 2, word, 8 - (int)size * 2, "", n ? insn->mnemonic : ".byte",
            n ? insn->op_str : "?");
    if (n)
        cs_free(insn, 1);
    return size;
}
#endif

void arm_disas(FILE *out, const CPUState *cpu, uint32_t flags, uint64_t pc, const uint8_t *bytes, size_t len)
{
    (void)cpu;
#ifdef CONFIG_CAPSTONE
    bool aa64 = flags & TBF_AARCH64, thumb = !aa64 && flags & TBF_THUMB;
    cs_mode mode = aa64 ? CS_MODE_LITTLE_ENDIAN : thumb ? CS_MODE_THUMB : CS_MODE_ARM;
    csh handle;

    if (!aa64 && flags & TBF_M)
        mode |= CS_MODE_MCLASS;
    else if (!aa64)
        mode |= CS_MODE_V8;
    if (cs_open(aa64 ? CS_ARCH_ARM64 : CS_ARCH_ARM, mode, &handle) != CS_ERR_OK)
        return;
    for (size_t i = 0; i < len;)
        i += disas_one(out, handle, pc + i, bytes + i, len - i, thumb ? 2 : 4);
    cs_close(&handle);
#else
    (void)flags;
    for (size_t i = 0; i + 4 <= len; i += 4) {
        uint32_t word;
        memcpy(&word, bytes + i, 4);
        fprintf(out, "0x%08" PRIx64 ":  %08x\n", pc + i, word);
    }
#endif
}

/* ---- Names for the monitor ---- */

#define X(n) { "x" #n, ARM_OFFSET(x[n]), 64 }
const RegisterDesc aarch64_registers[] = {
    X(0), X(1), X(2), X(3), X(4), X(5), X(6), X(7), X(8), X(9), X(10), X(11), X(12), X(13), X(14), X(15), X(16), X(17), X(18), X(19), X(20),
    X(21), X(22), X(23), X(24), X(25), X(26), X(27), X(28), X(29), X(30), { "sp", ARM_OFFSET(x[31]), 64 }, { "pc", ARM_OFFSET(pc), 64 },
    { NULL, 0, 0 },
};
#undef X
#define R(n) { "r" #n, ARM_OFFSET(x[n]), 32 }
const RegisterDesc arm_registers[] = {
    R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7), R(8), R(9), R(10), R(11), R(12), { "sp", ARM_OFFSET(x[13]), 32 },
    { "lr", ARM_OFFSET(x[14]), 32 }, { "pc", ARM_OFFSET(pc), 32 }, { NULL, 0, 0 },
};

/* ---- Saved state: everything from pc to the input lines is plain ---- */

static const SavedField timer_saved[] = { SAVED_INT(ARMTimerState, cval), SAVED_INT(ARMTimerState, ctl), SAVED_END() };

const SavedField arm_saved[] = {
    { "registers", SK_BYTES, offsetof(ARMCPU, pc), offsetof(ARMCPU, line_level) - offsetof(ARMCPU, pc), 1, NULL },
    { "v7m", SK_BYTES, offsetof(ARMCPU, v7m), sizeof(((ARMCPU *)0)->v7m), 1, NULL },
    SAVED_INT(ARMCPU, line_level),
    SAVED_STRUCTS(ARMCPU, gt, timer_saved),
    { "psci_powered_off", SK_BOOL, offsetof(ARMCPU, psci_powered_off), 1, 1, NULL },
    { "event_register", SK_BOOL, offsetof(ARMCPU, event_register), 1, 1, NULL },
    SAVED_END(),
};
