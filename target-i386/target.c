/* SPDX-License-Identifier: MIT */
/*
 * The x86 front end as the engine sees it. The i386 and x86_64 targets share everything but the default CPU
 * model, the registers shown to debuggers and which registers are pinned.
 */
#include "cpu.h"
#include "models.h"
#include "sys.h"
#include "translate.h"

static CPUState *create_i386(const char *model, Error **errp)
{
    return x86_cpu_create(model, &i386_target_ops, errp);
}

static CPUState *create_x86_64(const char *model, Error **errp)
{
    return x86_cpu_create(model, &x86_64_target_ops, errp);
}

static const char *default_i386(void)
{
    return "qemu32";
}

static const char *default_x86_64(void)
{
    return "qemu64";
}

/* Alignment checks (CR0.AM, EFLAGS.AC, CPL 3) and instructions that demand alignment. */
static void __attribute__((noreturn))
unaligned_access(CPUState *cpu, uint64_t va, AccessType access, unsigned mode, uintptr_t retaddr)
{
    X86CPU *env = x86_cpu(cpu);

    (void)mode;
    /* #AC comes after the canonical check, the #GP of instructions that demand alignment before it. */
    bool checked = env->hflags & HF_ALIGN;
    if (checked && x86_long_mode(env) && !x86_canonical(env, va))
        x86_raise_non_canonical(env, access, retaddr);
    if (checked)
        raise_exception_err(env, EXCP11_ALGN, 0, retaddr);
    raise_exception_err(env, EXCP0D_GPF, 0, retaddr);
}

static bool interrupts_off(const CPUState *cpu)
{
    return !(((const X86CPU *)cpu)->eflags & IF_MASK);
}

static void set_pc(CPUState *cpu, uint64_t pc)
{
    ((X86CPU *)cpu)->eip = pc;
}

static const char *const i386_aliases[] = { "x86", NULL };
static const char *const x86_64_aliases[] = { "amd64", NULL };

#define X86_OPS                                                                                                \
    .state_size = sizeof(X86CPU), .pc_offset = X86_OFFSET(eip), .longest_insn = 15, .mmu_modes = X86_MMU_MODES,\
    .user_flags = HF_CPL,                   \
    .strong_order = true, .init = x86_translate_init, .cpu_list = x86_cpu_list, .reset = x86_cpu_reset, .set_pc = set_pc, \
    .cpu_models = x86_cpu_models, .cpu_expand = x86_cpu_expand, .interrupts_off = interrupts_off,              \
    .tb_state = x86_tb_state, .context_size = sizeof(DisasContext), .tb_start = x86_tb_start,              \
    .translate_insn = x86_translate_insn, .tb_stop = x86_tb_stop, .tb_side_exit = x86_tb_side_exit, .tb_follow = x86_tb_follow, .restore_state = x86_restore_state, .guard_possible = x86_guard_possible, .guard_exit = x86_guard_exit,          \
    .disas = x86_disas, .tlb_fill = x86_tlb_fill, .unaligned_access = unaligned_access,                        \
    .debug_translate = x86_debug_translate, .current_mmu_mode = x86_current_mmu_mode,                          \
    .exec_interrupt = x86_exec_interrupt, .has_work = x86_has_work, .do_exception = x86_do_exception,          \
    .debug_excp = x86_debug_excp, .dump_state = x86_dump_state, .dump_tlb = x86_dump_tlb,                      \
    .dump_mem = x86_dump_mem, .exec_exit = x86_exec_exit, .x87 = &x86_x87_hooks, .gdb = &x86_gdb_target, .dump = &x86_dump_target,           \
    .saved = x86_saved, .post_load = x86_cpu_post_load

const TargetOps i386_target_ops = {
    .name = "i386", .aliases = i386_aliases, .address_bits = 32, .cpu_create = create_i386,
    .default_model = default_i386, .registers = i386_registers, X86_OPS,
};

const TargetOps x86_64_target_ops = {
    .name = "x86_64", .aliases = x86_64_aliases, .address_bits = 64, .cpu_create = create_x86_64,
    .default_model = default_x86_64, .registers = x86_registers, X86_OPS,
};
