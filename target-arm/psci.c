/* SPDX-License-Identifier: MIT */
/*
 * Power State Coordination Interface 1.1 (Arm DEN 0022) and the version call of the SMC calling convention, for boards without firmware
 * of their own: HVC or SMC from a kernel comes here instead of to an exception level. Suspend is WFI.
 */
#include "cpu.h"
#include "exec/icount.h"

#include "hw/boards.h"

enum {
    PSCI_SUCCESS = 0, PSCI_NOT_SUPPORTED = -1, PSCI_INVALID = -2, PSCI_ALREADY_ON = -4,
    PSCI_0_1 = 0x95c1ba5e, /* base of the numbers that QEMU's device trees gave version 0.1 */
};

static _Noreturn void halt(ARMCPU *env)
{
    atomic_store(&env->parent.halted, true);
    env->parent.exception_index = EXCP_HLT;
    env->parent.icount_left += icount_enabled(); /* it counts as the exception */
    cpu_loop_exit(&env->parent);
}

static int64_t cpu_on(ARMCPU *env)
{
    ARMCPU *target = arm_cpu_by_affinity(env->x[1] & 0xff00ffffffull);
    unsigned el = arm_current_el(env);

    if (!target)
        return PSCI_INVALID;
    /* The caller's EL, as far as firmware would hand it on: EL2 when there is one. */
    bool aa64 = arm_is_aa64(env);
    return arm_cpu_power_on(target, env->x[2], env->x[3], el < 1 ? 1 : el, aa64) ? PSCI_SUCCESS : PSCI_ALREADY_ON;
}

static int64_t affinity_info(ARMCPU *env)
{
    ARMCPU *target = arm_cpu_by_affinity(env->x[1] & 0xff00ffffffull);

    if (env->x[2] > 3)
        return PSCI_INVALID;
    if (env->x[2] > 0)
        return 0; /* clusters are on */
    return target ? target->psci_powered_off : PSCI_INVALID;
}

static int64_t features(uint32_t function)
{
    switch (function) {
    case 0x84000000: case 0x84000001: case 0xc4000001: case 0x84000002: case 0x84000003: case 0xc4000003: case 0x84000004:
    case 0xc4000004: case 0x84000006: case 0x84000008: case 0x84000009: case 0x8400000a: case 0x80000000:
        return 0;
    default:
        return PSCI_NOT_SUPPORTED;
    }
}

static void suspend(ARMCPU *env)
{
    env->x[0] = PSCI_SUCCESS;
    if (!arm_has_work(&env->parent))
        halt(env);
}

static void off(ARMCPU *env)
{
    env->psci_powered_off = true;
    halt(env);
}

bool arm_psci_call(ARMCPU *env, ARMConduit conduit)
{
    uint32_t function = (uint32_t)env->x[0];
    int64_t result = PSCI_NOT_SUPPORTED;

    if (env->psci_conduit != conduit)
        return false;
    if (!arm_is_aa64(env)) {
        for (unsigned i = 0; i < 4; i++)
            env->x[i] = (uint32_t)env->x[i];
    }
    switch (function) {
    case 0x80000000: /* SMCCC_VERSION */
    case 0x84000000:
        result = 0x10001;
        break;
    case 0x84000001: case 0xc4000001: case PSCI_0_1:
        suspend(env);
        return true;
    case 0x84000002: case PSCI_0_1 + 1:
        off(env);
        return true;
    case 0x84000003: case 0xc4000003: case PSCI_0_1 + 2:
        result = cpu_on(env);
        break;
    case 0x84000004: case 0xc4000004:
        result = affinity_info(env);
        break;
    case 0x84000006: /* MIGRATE_INFO_TYPE: no trusted OS that would need it */
        result = 2;
        break;
    case 0x84000008:
        system_shutdown_request(SHUTDOWN_GUEST);
        halt(env);
    case 0x84000009: case 0x84000012: case 0xc4000012:
        system_reset_request(SHUTDOWN_GUEST);
        halt(env);
    case 0x8400000a:
        result = features((uint32_t)env->x[1]);
        break;
    }
    env->x[0] = arm_is_aa64(env) ? (uint64_t)result : (uint32_t)result;
    return true;
}
