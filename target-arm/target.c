/* SPDX-License-Identifier: MIT */
/*
 * The Arm front end as the engine sees it. The arm and aarch64 targets share everything but which models they offer, the registers shown to
 * debuggers and which registers are pinned.
 */
#include "cpu.h"
#include "models.h"
#include "sysreg.h"
#include "translate.h"

static CPUState *create_arm(const char *model, Error **errp)
{
    return arm_cpu_create(model, &arm_target_ops, errp);
}

static CPUState *create_aarch64(const char *model, Error **errp)
{
    return arm_cpu_create(model, &aarch64_target_ops, errp);
}

static void list_arm(FILE *out)
{
    arm_cpu_list(out, &arm_target_ops);
}

static void list_aarch64(FILE *out)
{
    arm_cpu_list(out, &aarch64_target_ops);
}

static void arm_models_of_target(void (*fn)(void *opaque, const char *name, const char *unavailable), void *opaque)
{
    arm_cpu_models(fn, opaque, &arm_target_ops);
}

static void aarch64_models_of_target(void (*fn)(void *opaque, const char *name, const char *unavailable), void *opaque)
{
    arm_cpu_models(fn, opaque, &aarch64_target_ops);
}

static const char *default_model(void)
{
    return "cortex-a15";
}

/* A loaded image may hold anything: what the rest relies on is made to hold. */
static void post_load(CPUState *cpu)
{
    ARMCPU *env = arm_cpu(cpu);

    if (env->cc_op == CC_DYNAMIC || env->cc_op >= CC_OPS)
        env->cc_op = CC_NZCV;
    env->btype &= 3;
    env->thumb &= 1;
    env->condexec &= 0xff;
    env->qf &= 1;
    env->ge &= 15;
    if (!arm_feature(env, ARM_FEATURE_AARCH64))
        env->pstate |= PSTATE_NRW;
    if (arm_feature(env, ARM_FEATURE_M))
        arm_m_post_load(env);
    tlb_flush_all_async(cpu);
    arm_debug_update(env);
    arm_rebuild_hflags(env);
    arm_update_tlb_key(env);
    arm_lines_update(env);
    arm_timers_loaded(env);
}

static void set_pc(CPUState *cpu, uint64_t pc)
{
    ARMCPU *env = arm_cpu(cpu);
    bool aarch64 = !(env->pstate & PSTATE_NRW);

    env->pc = aarch64 ? pc : (uint32_t)pc & ~1u;
    env->thumb = !aarch64 && pc & 1;
}

static const char *const arm_aliases[] = { "aarch32", NULL };
static const char *const aarch64_aliases[] = { "arm64", NULL };

#define ARM_OPS                                                                                                                \
    .state_size = sizeof(ARMCPU), .pc_offset = ARM_OFFSET(pc), .longest_insn = 4, .mmu_modes = ARM_MMU_MODES, .user_flags = TBF_USER, \
    .init = arm_translate_init, .default_model = default_model, .reset = arm_cpu_reset, .set_pc = set_pc, .tb_state = arm_tb_state,                     \
    .context_size = sizeof(DisasContext), .tb_start = arm_tb_start, .translate_insn = arm_translate_insn,                      \
    .tb_stop = arm_tb_stop, .tb_side_exit = arm_tb_side_exit, .tb_resume = arm_tb_resume, .tb_follow = arm_tb_follow, .restore_state = arm_restore_state, .guard_possible = arm_guard_possible, .guard_exit = arm_guard_exit, .disas = arm_disas, .tlb_fill = arm_tlb_fill, .walk_code = arm_walk_code,                  \
    .unaligned_access = arm_unaligned_access, .debug_translate = arm_debug_translate,                \
    .current_mmu_mode = arm_current_mmu_mode, .exec_interrupt = arm_exec_interrupt, .has_work = arm_has_work, .interrupts_off = arm_interrupts_off, \
    .do_exception = arm_do_exception, .debug_excp = arm_debug_excp, .dump_state = arm_dump_state, .saved = arm_saved,           \
    .post_load = post_load, .bus_error = arm_bus_error, .gdb = &arm_gdb_target, .dump = &arm_dump_target

const TargetOps arm_target_ops = {
    .name = "arm", .aliases = arm_aliases, .address_bits = 32, .cpu_create = create_arm, .cpu_list = list_arm, .cpu_models = arm_models_of_target, .cpu_expand = arm_cpu_expand, .registers = arm_registers, ARM_OPS,
};

const TargetOps aarch64_target_ops = {
    .name = "aarch64", .aliases = aarch64_aliases, .address_bits = 64, .cpu_create = create_aarch64, .cpu_list = list_aarch64, .cpu_models = aarch64_models_of_target, .cpu_expand = arm_cpu_expand, .registers = aarch64_registers, ARM_OPS,
};
