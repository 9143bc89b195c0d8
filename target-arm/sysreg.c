/* SPDX-License-Identifier: MIT */
/* Finding, checking and accessing system registers; the tables are in sysreg-*.c, timer.c, tlbi.c, debug.c and pmu.c. */
#include "sysreg.h"
#include "helper.h"

#include <glib.h>
#include <pthread.h>

static const ARMSysReg *const tables[] = {
    arm_sysregs_a64, arm_sysregs_id, arm_sysregs_cache, arm_sysregs_tlb, arm_sysregs_timer, arm_sysregs_debug, arm_sysregs_pmu,
    arm_sysregs_cp15, arm_sysregs_cp14, arm_sysregs_gic,
};

/* Rows by key; a key may have several, for different features. */
static struct Bucket { const ARMSysReg *row; struct Bucket *next; } *buckets[4096], *nodes;
static pthread_once_t built = PTHREAD_ONCE_INIT;

static unsigned hash(uint32_t key)
{
    return (key * 0x9e3779b1u) >> 20;
}

static void build(void)
{
    size_t n = 0;

    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        for (const ARMSysReg *r = tables[t]; r->name; r++)
            n++;
    }
    nodes = g_new0(struct Bucket, n);
    n = 0;
    for (size_t t = 0; t < ARRAY_SIZE(tables); t++) {
        for (const ARMSysReg *r = tables[t]; r->name; r++) {
            struct Bucket **b = &buckets[hash(r->key)];
            while (*b)
                b = &(*b)->next;
            nodes[n].row = r;
            *b = &nodes[n++];
        }
    }
}

const ARMSysReg *arm_sysreg_find(const ARMCPU *env, uint32_t key)
{
    pthread_once(&built, build);
    for (const struct Bucket *b = buckets[hash(key)]; b; b = b->next) {
        if (b->row->key == key && (!b->row->feature || arm_feature(env, (ARMFeature)(b->row->feature - 1))))
            return b->row;
    }
    return NULL;
}

ARMAccess arm_sysreg_check(ARMCPU *env, const ARMSysReg *r, bool write)
{
    uint64_t trap = write ? r->trap_w : r->trap_r;

    if (trap && arm_current_el(env) <= 1 && arm_hcr(env) & trap)
        return ACCESS_TRAP_EL2;
    return r->access ? r->access(env, r, write) : ACCESS_OK;
}

/* ---- Values ---- */

static void *field(ARMCPU *env, const ARMSysReg *r)
{
    uint32_t offset = r->offset;

    if (r->flags & SR_BANKED)
        offset += arm_s_index(env) * sizeof(uint64_t);
    if (r->flags & SR_HIGH)
        offset += 4;
    return (char *)env + offset;
}

static bool is_half(const ARMSysReg *r)
{
    return r->flags & (SR_32 | SR_HIGH);
}

uint64_t arm_sysreg_read(ARMCPU *env, const ARMSysReg *r)
{
    if (r->read)
        return r->read(env, r);
    if (r->flags & SR_CONST)
        return r->value;
    if (!r->offset)
        return 0;
    return is_half(r) ? *(uint32_t *)field(env, r) : *(uint64_t *)field(env, r);
}

void arm_sysreg_set_field(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    if (is_half(r))
        *(uint32_t *)field(env, r) = (uint32_t)value;
    else
        *(uint64_t *)field(env, r) = value;
}

void arm_sysreg_write(ARMCPU *env, const ARMSysReg *r, uint64_t value)
{
    if (r->write)
        r->write(env, r, value);
    else if (r->offset && !(r->flags & SR_CONST))
        arm_sysreg_set_field(env, r, value);
}

/* ---- Helpers ---- */

static void deny(ARMCPU *env, ARMAccess why, uint32_t syndrome, uintptr_t ra)
{
    switch (why) {
    case ACCESS_OK:
        return;
    case ACCESS_TRAP_EL1:
        arm_raise(env, EXCP_UDEF, syndrome, 0, ra);
    case ACCESS_TRAP_EL2:
        arm_raise(env, EXCP_HYP_TRAP, syndrome, 2, ra);
    case ACCESS_TRAP_EL3:
        arm_raise(env, EXCP_MON_TRAP, syndrome, 3, ra);
    default:
        arm_raise_undef(env, ra);
    }
}

void helper_sys_check(CPUState *cpu, void *row, uint32_t syndrome)
{
    deny(arm_cpu(cpu), arm_sysreg_check(arm_cpu(cpu), row, !(syndrome & 1)), syndrome, HELPER_RETADDR());
}

uint64_t helper_sys_read(CPUState *cpu, void *row, uint32_t syndrome)
{
    ARMCPU *env = arm_cpu(cpu);
    const ARMSysReg *r = row;
    uint64_t value;

    deny(env, arm_sysreg_check(env, r, false), syndrome, HELPER_RETADDR());
    if (!(r->flags & SR_GIC))
        return arm_sysreg_read(env, r);
    deny(env, env->gic->read(env->gic_opaque, env, (uint32_t)r->value, &value), syndrome, HELPER_RETADDR());
    return value;
}

void helper_sys_write(CPUState *cpu, void *row, uint32_t syndrome, uint64_t value)
{
    ARMCPU *env = arm_cpu(cpu);
    const ARMSysReg *r = row;

    deny(env, arm_sysreg_check(env, r, true), syndrome, HELPER_RETADDR());
    if (r->flags & SR_GIC)
        deny(env, env->gic->write(env->gic_opaque, env, (uint32_t)r->value, value), syndrome, HELPER_RETADDR());
    else if (r->flags & SR_CURRENT)
        arm_sysreg_write_at(env, r, value, HELPER_RETADDR());
    else
        arm_sysreg_write(env, r, value);
}
