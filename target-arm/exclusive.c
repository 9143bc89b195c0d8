/* SPDX-License-Identifier: MIT */
/*
 * The global exclusive monitor (Arm ARM B2.9) of machines with several vCPUs. Load-exclusive notes what it saw: address, value, and the
 * count of its granule; store-exclusive succeeds when all three are unchanged. Granules are 16 bytes and share counts by their
 * place in a page, which a page's virtual and physical addresses have in common: unrelated locks may meet there, and a
 * store-exclusive then fails for no reason of its own, as the architecture permits.
 *
 * An odd count is a store-exclusive under way. It claims the count, compares and stores, and gives the count back, so that
 * no other store-exclusive comes between: a value that was changed and changed back by store-exclusives has another count.
 * LSE atomics and SWP count after their access. What goes unnoticed: plain stores of another vCPU that change a value and
 * change it back between the two, and two LSE atomics that do so while both are between access and count. All
 * other stores change the value, which the comparison sees.
 *
 * A store-exclusive that faults leaves its claim behind: the vCPU gives it back when the next exception or exclusive comes.
 */
#include "cpu.h"
#include "exec/tlb.h"
#include "helper.h"
#include "target.h"

enum { GRANULE_BITS = 4, COUNTS = 1 << (PAGE_BITS - GRANULE_BITS) };

atomic_bool arm_exclusive_counting;

static struct { _Alignas(64) _Atomic uint32_t n; } counts[COUNTS];

static _Atomic uint32_t *count_of(uint64_t addr) { return &counts[addr >> GRANULE_BITS & (COUNTS - 1)].n; }

void arm_exclusive_abandon(ARMCPU *env)
{
    if (env->exclusive_claim)
        atomic_fetch_add(env->exclusive_claim, 1);
    env->exclusive_claim = NULL;
}

bool arm_exclusive_claim(ARMCPU *env, uint64_t addr)
{
    uint32_t seen = env->exclusive_count;

    if (!arm_exclusive_counting)
        return true;
    arm_exclusive_abandon(env);
    if (seen & 1 || !atomic_compare_exchange_strong(count_of(addr), &seen, seen + 1))
        return false;
    env->exclusive_claim = count_of(addr);
    return true;
}

void helper_exclusive_load(CPUState *cpu, uint64_t addr)
{
    ARMCPU *env = arm_cpu(cpu);

    arm_exclusive_abandon(env);
    env->exclusive_count = atomic_load(count_of(addr));
}

uint32_t helper_exclusive_store(CPUState *cpu, uint64_t addr, uint64_t expected, uint64_t value, uint32_t oi)
{
    ARMCPU *env = arm_cpu(cpu);
    uint64_t mask = ~0ull >> (64 - 8 * memop_bytes(memopidx_op(oi)));
    bool stored = false;

    if (env->exclusive_addr == addr && arm_exclusive_claim(env, addr)) {
        uint64_t old = cpu_atomic(cpu, IR_ATOMIC_CMPXCHG, addr, value & mask, expected & mask, oi, HELPER_RETADDR());
        stored = (old & mask) == (expected & mask);
        arm_exclusive_abandon(env);
    }
    env->exclusive_addr = ~0ull;
    return !stored;
}

void helper_exclusive_count(CPUState *cpu, uint64_t addr)
{
    atomic_fetch_add(count_of(addr), 2);
}
