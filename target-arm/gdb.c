/* SPDX-License-Identifier: MIT */
/*
 * Registers as gdb sees them, in the order and under the features that QEMU gives them: core registers of both execution
 * states and of M profile, VFP and Neon, and the system registers of the model (read only), whose values come from the
 * tables of sysreg.h.
 */
#include "gdbstub.h"
#include "m-profile.h"
#include "sysreg.h"

#include <glib.h>
#include <string.h>

enum { K_X, K_PC64, K_PSTATE, K_R, K_PC32, K_CPSR, K_XPSR, K_V, K_FPSR, K_FPCR, K_D, K_Q, K_FPSCR, K_FPSID, K_FPEXC, K_SYSREG,
       K_SP_M, K_SPECIAL_M };

/* ---- Types ---- */

#define FIELD(n, t) { n, t, 0, 0 }
#define END_FIELDS { NULL, NULL, 0, 0 }
#define END_TYPES { GDB_FLAGS, NULL, 0, NULL, NULL }
static const GDBField vnd_fields[] = { FIELD("f", "v2d"), FIELD("u", "v2u"), FIELD("s", "v2i"), END_FIELDS };
static const GDBField vns_fields[] = { FIELD("f", "v4f"), FIELD("u", "v4u"), FIELD("s", "v4i"), END_FIELDS };
static const GDBField vnh_fields[] = { FIELD("u", "v8u"), FIELD("s", "v8i"), END_FIELDS };
static const GDBField vnb_fields[] = { FIELD("u", "v16u"), FIELD("s", "v16i"), END_FIELDS };
static const GDBField vnq_fields[] = { FIELD("u", "v1u"), FIELD("s", "v1i"), END_FIELDS };
static const GDBField v_fields[] = {
    FIELD("d", "vnd"), FIELD("s", "vns"), FIELD("h", "vnh"), FIELD("b", "vnb"), FIELD("q", "vnq"), END_FIELDS,
};
static const GDBType v_types[] = {
    { GDB_VECTOR, "v2d", 2, "ieee_double", NULL }, { GDB_VECTOR, "v2u", 2, "uint64", NULL },
    { GDB_VECTOR, "v2i", 2, "int64", NULL }, { GDB_VECTOR, "v4f", 4, "ieee_single", NULL },
    { GDB_VECTOR, "v4u", 4, "uint32", NULL }, { GDB_VECTOR, "v4i", 4, "int32", NULL },
    { GDB_VECTOR, "v8u", 8, "uint16", NULL }, { GDB_VECTOR, "v8i", 8, "int16", NULL },
    { GDB_VECTOR, "v16u", 16, "uint8", NULL }, { GDB_VECTOR, "v16i", 16, "int8", NULL },
    { GDB_VECTOR, "v1u", 1, "uint128", NULL }, { GDB_VECTOR, "v1i", 1, "int128", NULL },
    { GDB_UNION, "vnd", 0, NULL, vnd_fields }, { GDB_UNION, "vns", 0, NULL, vns_fields },
    { GDB_UNION, "vnh", 0, NULL, vnh_fields }, { GDB_UNION, "vnb", 0, NULL, vnb_fields },
    { GDB_UNION, "vnq", 0, NULL, vnq_fields }, { GDB_UNION, "aarch64v", 0, NULL, v_fields }, END_TYPES,
};
static const GDBField d_fields[] = {
    FIELD("u8", "neon_uint8x8"), FIELD("u16", "neon_uint16x4"), FIELD("u32", "neon_uint32x2"), FIELD("u64", "uint64"),
    FIELD("f32", "neon_float32x2"), FIELD("f64", "ieee_double"), END_FIELDS,
};
static const GDBField q_fields[] = {
    FIELD("u8", "neon_uint8x16"), FIELD("u16", "neon_uint16x8"), FIELD("u32", "neon_uint32x4"),
    FIELD("u64", "neon_uint64x2"), FIELD("f32", "neon_float32x4"), FIELD("f64", "neon_float64x2"), END_FIELDS,
};
static const GDBType neon_types[] = {
    { GDB_VECTOR, "neon_uint8x8", 8, "uint8", NULL }, { GDB_VECTOR, "neon_uint16x4", 4, "uint16", NULL },
    { GDB_VECTOR, "neon_uint32x2", 2, "uint32", NULL }, { GDB_VECTOR, "neon_float32x2", 2, "ieee_single", NULL },
    { GDB_UNION, "neon_d", 0, NULL, d_fields }, { GDB_VECTOR, "neon_uint8x16", 16, "uint8", NULL },
    { GDB_VECTOR, "neon_uint16x8", 8, "uint16", NULL }, { GDB_VECTOR, "neon_uint32x4", 4, "uint32", NULL },
    { GDB_VECTOR, "neon_uint64x2", 2, "uint64", NULL }, { GDB_VECTOR, "neon_float32x4", 4, "ieee_single", NULL },
    { GDB_VECTOR, "neon_float64x2", 2, "ieee_double", NULL }, { GDB_UNION, "neon_q", 0, NULL, q_fields }, END_TYPES,
};

/* ---- Registers ---- */

#define REG(n, b, t, k, i) { n, b, t, NULL, k, i, 0 }
#define END_REGS { NULL, 0, NULL, NULL, 0, 0, 0 }
#define FLOAT_REG(n, k) { n, 32, "int", "float", k, 0, 0 }
#define FOUR(M, a, b, c, d) M(a), M(b), M(c), M(d)
#define SIXTEEN_FROM_0(M) FOUR(M, 0, 1, 2, 3), FOUR(M, 4, 5, 6, 7), FOUR(M, 8, 9, 10, 11), FOUR(M, 12, 13, 14, 15)
#define SIXTEEN_FROM_16(M) FOUR(M, 16, 17, 18, 19), FOUR(M, 20, 21, 22, 23), FOUR(M, 24, 25, 26, 27), FOUR(M, 28, 29, 30, 31)
#define X(n) REG("x" #n, 64, NULL, K_X, n)
#define R(n) REG("r" #n, 32, NULL, K_R, n)
#define V(n) REG("v" #n, 128, "aarch64v", K_V, n)
#define D(n) REG("d" #n, 64, "neon_d", K_D, n)
#define PLAIN_D(n) REG("d" #n, 64, "ieee_double", K_D, n)
#define Q(n) REG("q" #n, 128, "neon_q", K_Q, n)

static const GDBReg core64[] = {
    SIXTEEN_FROM_0(X), FOUR(X, 16, 17, 18, 19), FOUR(X, 20, 21, 22, 23), FOUR(X, 24, 25, 26, 27), X(28), X(29), X(30),
    REG("sp", 64, "data_ptr", K_X, 31), REG("pc", 64, "code_ptr", K_PC64, 0), REG("cpsr", 32, NULL, K_PSTATE, 0), END_REGS,
};
static const GDBReg fpu64[] = {
    SIXTEEN_FROM_0(V), SIXTEEN_FROM_16(V), REG("fpsr", 32, NULL, K_FPSR, 0), REG("fpcr", 32, NULL, K_FPCR, 0), END_REGS,
};
#define CORE32                                                                                                   \
    FOUR(R, 0, 1, 2, 3), FOUR(R, 4, 5, 6, 7), FOUR(R, 8, 9, 10, 11), R(12), REG("sp", 32, "data_ptr", K_R, 13),    \
    REG("lr", 32, NULL, K_R, 14), REG("pc", 32, "code_ptr", K_PC32, 0)
#define STATUS_REGNUM 25 /* the numbers between belonged to the FPA */
static const GDBReg core32[] = { CORE32, { "cpsr", 32, NULL, NULL, K_CPSR, 0, STATUS_REGNUM }, END_REGS };
static const GDBReg core_m[] = { CORE32, { "xpsr", 32, NULL, NULL, K_XPSR, 0, STATUS_REGNUM }, END_REGS };
/* Index: Secure state << 1 | process stack; of the others the number MRS takes. */
#define SP_M(n, i) REG(n, 32, "data_ptr", K_SP_M, i)
#define SPECIAL_M(n, i) REG(n, 32, NULL, K_SPECIAL_M, i)
static const GDBReg system_m[] = {
    SP_M("msp", 0), SP_M("psp", 1), SPECIAL_M("primask", 16), SPECIAL_M("basepri", 17), SPECIAL_M("faultmask", 19),
    SPECIAL_M("control", 20), END_REGS,
};
static const GDBReg security_m[] = { SP_M("msp_ns", 0), SP_M("psp_ns", 1), SP_M("msp_s", 2), SP_M("psp_s", 3), END_REGS };
static const GDBReg neon[] = { SIXTEEN_FROM_0(D), SIXTEEN_FROM_16(D), SIXTEEN_FROM_0(Q), FLOAT_REG("fpscr", K_FPSCR), END_REGS };
static const GDBReg vfp32[] = { SIXTEEN_FROM_0(PLAIN_D), SIXTEEN_FROM_16(PLAIN_D), FLOAT_REG("fpscr", K_FPSCR), END_REGS };
static const GDBReg vfp16[] = { SIXTEEN_FROM_0(PLAIN_D), FLOAT_REG("fpscr", K_FPSCR), END_REGS };
static const GDBReg vfp_system[] = { FLOAT_REG("fpsid", K_FPSID), FLOAT_REG("fpexc", K_FPEXC), END_REGS };

/* ---- Values ---- */

static const ARMSysReg **sysreg_rows; /* by GDBReg.index */

static uint32_t special_m(const ARMCPU *env, unsigned index)
{
    const struct ARMv7M *m = &env->v7m;
    switch (index) {
    case 16: return m->primask[m->secure];
    case 17: return m->basepri[m->secure];
    case 19: return m->faultmask[m->secure];
    default: return m->control[m->secure] | (m->control[m_top(env)] & (CONTROL_FPCA | (m->secure ? CONTROL_SFPA : 0)));
    }
}

static uint64_t read_integer(ARMCPU *env, const GDBReg *r)
{
    switch (r->kind) {
    case K_X:
    case K_R: return env->x[r->index];
    case K_PC64:
    case K_PC32: return env->pc;
    case K_PSTATE: return arm_get_pstate(env);
    case K_CPSR: return arm_get_cpsr(env);
    case K_XPSR: return arm_m_xpsr(env);
    case K_SP_M: return m_sp(env, r->index >> 1 || (!strchr(r->name, '_') && env->v7m.secure), r->index & 1);
    case K_SPECIAL_M: return special_m(env, r->index);
    case K_FPSR: return arm_get_fpsr(env);
    case K_FPCR: return arm_get_fpcr(env);
    case K_FPSCR: return arm_get_fpscr(env);
    case K_FPSID: return env->fpsid;
    case K_FPEXC: return env->fpexc;
    default: return arm_sysreg_read(env, sysreg_rows[r->index]);
    }
}

static uint8_t *vector(ARMCPU *env, const GDBReg *r)
{
    switch (r->kind) {
    case K_V:
    case K_Q: return env->v[r->index].b;
    case K_D: return (uint8_t *)&env->v[r->index / 2].d[r->index % 2];
    default: return NULL;
    }
}

static void arm_gdb_read(CPUState *cpu, const GDBReg *r, uint8_t *out)
{
    const uint8_t *v = vector(arm_cpu(cpu), r);
    uint64_t value = v ? 0 : read_integer(arm_cpu(cpu), r);
    memcpy(out, v ? v : (const uint8_t *)&value, r->bits / 8);
}

static bool valid_mode(const ARMCPU *env, unsigned mode)
{
    switch (mode) {
    case MODE_USR: case MODE_FIQ: case MODE_IRQ: case MODE_SVC: case MODE_ABT: case MODE_UND: case MODE_SYS: return true;
    case MODE_HYP: return arm_feature(env, ARM_FEATURE_EL2);
    case MODE_MON: return arm_feature(env, ARM_FEATURE_EL3);
    default: return false;
    }
}

static void write_cpsr(ARMCPU *env, uint32_t v)
{
    uint32_t mask = ~(uint32_t)CPSR_J;
    if (!valid_mode(env, v & CPSR_M))
        mask &= ~(uint32_t)CPSR_M;
    arm_set_cpsr(env, v, mask);
    arm_rebuild_hflags(env);
}

/* The exception level and its stack pointer stay. */
static void write_pstate(ARMCPU *env, uint32_t v)
{
    uint32_t mask = PSTATE_DAIF | PSTATE_SSBS | PSTATE_IL | PSTATE_SS | PSTATE_PAN | PSTATE_UAO | PSTATE_DIT | PSTATE_TCO;
    if (!arm_is_aa64(env)) {
        write_cpsr(env, v);
        return;
    }
    arm_set_nzcv(env, v);
    env->btype = (v & PSTATE_BTYPE) >> PSTATE_BTYPE_SHIFT;
    env->pstate = (env->pstate & ~mask) | (v & mask);
    arm_rebuild_hflags(env);
}

/* The exception number, and with it the mode, stays. */
static void write_xpsr(ARMCPU *env, uint32_t v)
{
    arm_m_set_xpsr(env, v, ~XPSR_EXCP);
}

static void write_special_m(ARMCPU *env, unsigned index, uint32_t v)
{
    struct ARMv7M *m = &env->v7m;
    switch (index) {
    case 16: m->primask[m->secure] = v & 1; break;
    case 17: m->basepri[m->secure] = v & 0xff; break;
    case 19: m->faultmask[m->secure] = v & 1; break;
    default:
        m_leave_sp(env);
        m->control[m->secure] = (m->control[m->secure] & ~3u) | (v & 3);
        m_enter_sp(env);
    }
    arm_m_state_changed(env);
}

static bool write_integer(ARMCPU *env, const GDBReg *r, uint64_t v)
{
    switch (r->kind) {
    case K_X:
    case K_R: env->x[r->index] = v; return true;
    case K_PC64: env->pc = v; return true;
    case K_PC32: env->pc = v & ~1ull; return true;
    case K_PSTATE: write_pstate(env, (uint32_t)v); return true;
    case K_CPSR: write_cpsr(env, (uint32_t)v); return true;
    case K_XPSR: write_xpsr(env, (uint32_t)v); return true;
    case K_SP_M:
        m_set_sp(env, r->index >> 1 || (!strchr(r->name, '_') && env->v7m.secure), r->index & 1, (uint32_t)v);
        return true;
    case K_SPECIAL_M: write_special_m(env, r->index, (uint32_t)v); return true;
    case K_FPSR: arm_set_fpsr(env, (uint32_t)v); return true;
    case K_FPCR: arm_set_fpcr(env, (uint32_t)v); return true;
    case K_FPSCR: arm_set_fpscr(env, (uint32_t)v); return true;
    case K_FPEXC:
        env->fpexc = (uint32_t)v & 1u << 30;
        arm_rebuild_hflags(env);
        return true;
    default: return false;
    }
}

static bool arm_gdb_write(CPUState *cpu, const GDBReg *r, const uint8_t *in)
{
    uint8_t *v = vector(arm_cpu(cpu), r);
    uint64_t value = 0;
    if (v) {
        memcpy(v, in, r->bits / 8);
        return true;
    }
    memcpy(&value, in, r->bits / 8);
    return write_integer(arm_cpu(cpu), r, value);
}

/* ---- System registers: what the model has and the tables can read without a side effect ---- */

static bool shown(const ARMCPU *env, const ARMSysReg *r)
{
    bool readable = r->perm & 0x55 && (r->offset || r->read || r->flags & SR_CONST);
    bool ours = (r->key >> 30 == 0) == arm_feature(env, ARM_FEATURE_AARCH64);
    return ours && readable && !(r->flags & (SR_NOP | SR_GIC | SR_HIGH)) && arm_sysreg_find(env, r->key) == r;
}

static const GDBFeature *system_feature(const ARMCPU *env)
{
    /* Those of caches, TLBs and the GIC's CPU interface do something when they are read, or cannot be. */
    const ARMSysReg *const tables[] = { arm_sysregs_a64, arm_sysregs_cp15, arm_sysregs_cp14, arm_sysregs_id, arm_sysregs_timer,
                                        arm_sysregs_debug, arm_sysregs_pmu };
    bool wide = arm_feature(env, ARM_FEATURE_AARCH64);
    GArray *regs = g_array_new(TRUE, TRUE, sizeof(GDBReg));
    GPtrArray *rows = g_ptr_array_new();
    GHashTable *names = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned t = 0; t < ARRAY_SIZE(tables); t++) {
        for (const ARMSysReg *r = tables[t]; r->name; r++) {
            GDBReg reg = { r->name, wide ? 64 : r->key >> 30 == 2 ? 64 : 32, NULL, "cp_regs", K_SYSREG, (uint16_t)rows->len, 0 };
            if (!shown(env, r) || !g_hash_table_add(names, (void *)r->name))
                continue;
            g_array_append_val(regs, reg);
            g_ptr_array_add(rows, (void *)r);
        }
    }
    g_hash_table_destroy(names);
    sysreg_rows = (const ARMSysReg **)g_ptr_array_free(rows, FALSE);
    GDBFeature *f = g_new(GDBFeature, 1);
    *f = (GDBFeature){ "org.qemu.gdb.arm.sys.regs", "system-registers.xml", NULL, (const GDBReg *)(void *)g_array_free(regs, FALSE),
                       arm_gdb_read, arm_gdb_write };
    return f;
}

/* ---- Features ---- */

#define FEATURE_(v, n, f, t, r) static const GDBFeature v = { n, f, t, r, arm_gdb_read, arm_gdb_write }
FEATURE_(f_core64, "org.gnu.gdb.aarch64.core", "aarch64-core.xml", NULL, core64);
FEATURE_(f_fpu64, "org.gnu.gdb.aarch64.fpu", "aarch64-fpu.xml", v_types, fpu64);
FEATURE_(f_core32, "org.gnu.gdb.arm.core", "arm-core.xml", NULL, core32);
FEATURE_(f_core_m, "org.gnu.gdb.arm.m-profile", "arm-m-profile.xml", NULL, core_m);
FEATURE_(f_system_m, "org.gnu.gdb.arm.m-system", "arm-m-system.xml", NULL, system_m);
FEATURE_(f_security_m, "org.gnu.gdb.arm.secext", "arm-m-secext.xml", NULL, security_m);
FEATURE_(f_neon, "org.gnu.gdb.arm.vfp", "arm-neon.xml", neon_types, neon);
FEATURE_(f_vfp32, "org.gnu.gdb.arm.vfp", "arm-vfp3.xml", NULL, vfp32);
FEATURE_(f_vfp16, "org.gnu.gdb.arm.vfp", "arm-vfp.xml", NULL, vfp16);
FEATURE_(f_vfp_system, "org.qemu.gdb.arm.vfp-sysregs", "arm-vfp-sysregs.xml", NULL, vfp_system);

static const char *arm_gdb_architecture(CPUState *cpu)
{
    const ARMCPU *env = arm_cpu(cpu);
    if (arm_feature(env, ARM_FEATURE_AARCH64))
        return "aarch64";
    return arm_feature(env, ARM_FEATURE_XSCALE) ? "xscale" : "arm";
}

/* The vCPUs of a machine are of one model, or alike enough. */
static const GDBFeature *const *arm_gdb_features(CPUState *cpu)
{
    static const GDBFeature *list[6];
    const ARMCPU *env = arm_cpu(cpu);
    unsigned n = 0;
    if (list[0])
        return list;
    if (arm_feature(env, ARM_FEATURE_AARCH64)) {
        list[n++] = &f_core64;
        list[n++] = &f_fpu64;
    } else {
        bool m = arm_feature(env, ARM_FEATURE_M);
        list[n++] = m ? &f_core_m : &f_core32;
        if (arm_feature(env, ARM_FEATURE_NEON))
            list[n++] = &f_neon;
        else if (arm_feature(env, ARM_FEATURE_VFP_D32))
            list[n++] = &f_vfp32;
        else if (arm_feature(env, ARM_FEATURE_VFP2) || arm_feature(env, ARM_FEATURE_VFP3))
            list[n++] = &f_vfp16;
        if (n > 1 && !m)
            list[n++] = &f_vfp_system;
    }
    if (arm_feature(env, ARM_FEATURE_M)) {
        list[n++] = &f_system_m;
        list[n] = m_security(env) ? &f_security_m : NULL;
    } else {
        list[n] = system_feature(env);
    }
    return list;
}

const GDBTarget arm_gdb_target = { arm_gdb_architecture, arm_gdb_features };
