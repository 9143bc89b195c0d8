/* SPDX-License-Identifier: MIT */
/*
 * The guest's x87 state on the host's x87: moving it there and back (FRSTOR and FNSAVE, SDM vol. 1, 8.1.10), and
 * memory instructions whose operand generated code cannot reach. See X87Hooks in target.h and emit-x87.c.
 */
#include "fpu.h"
#include "x87-live.h"
#include <string.h>

typedef struct __attribute__((packed)) X87State {
    uint16_t cw, pad0, sw, pad1, tags, pad2;
    uint32_t pointers[4];
    uint8_t st[8][10];
} X87State;
_Static_assert(sizeof(X87State) == 108, "FRSTOR's image in 32-bit protected mode");

/* Tags are two bits; FRSTOR looks at the values of registers that are not empty itself. */
static void to_host(X86CPU *env)
{
    X87State image = { .cw = env->fpuc, .sw = cpu_x86_get_fpus(env) };

    for (unsigned i = 0; i < 8; i++) {
        image.tags |= (uint16_t)((env->fptags[i] ? 3 : 0) << 2 * i);
        memcpy(image.st[i], x87_st(env, i), 10);
    }
    __asm__ volatile("frstor %0" : : "m"(image));
    env->x87_live = true;
}

static void from_host(X86CPU *env)
{
    X87State image;

    __asm__ volatile("fnsave %0" : "=m"(image));
    env->fpuc = image.cw;
    env->fpus = image.sw & ~0x3800;
    env->fpstt = image.sw >> 11 & 7;
    for (unsigned i = 0; i < 8; i++) {
        env->fptags[i] = (image.tags >> 2 * i & 3) == 3;
        memcpy(x87_st(env, i), image.st[i], 10);
    }
    env->x87_live = false;
}

static void set_live(CPUState *cpu, uint64_t live)
{
    if (live)
        to_host(x86_cpu(cpu));
    else
        from_host(x86_cpu(cpu));
}

void x87_leave_host(X86CPU *env)
{
    from_host(env);
}

static void store(X86CPU *env, uint64_t va, MemOp op, bool pop, uint64_t value, uintptr_t ra)
{
    cpu_st(&env->parent, va, value, MEMOPIDX(op, x86_mmu_mode(env)), ra);
    if (pop)
        x87_pop(env);
    env->fpus = env->scratch[0].w[2]; /* as the helpers left it */
}

/* Nothing that faults has changed the state; what changed is in env, so that it may fault at any point. */
static void slow(CPUState *cpu, uint64_t va, uint64_t insn, uintptr_t ra)
{
    static const uint8_t int_size[8] = { [3] = MO_32, [5] = MO_64, [7] = MO_16 };
    X86CPU *env = x86_cpu(cpu);
    unsigned op = insn & 7, digit = insn >> 8 & 7;

    from_host(env);
    if (op == 3 && digit == 5) {
        x87_load_f80(env, va, ra);
    } else if (op == 3 && digit == 7) {
        x87_store_f80(env, va, ra);
    } else if (digit == 1 || (op & 2)) { /* integers: FISTTP, FIST, FISTP */
        MemOp size = op == 7 && digit == 7 ? MO_64 : int_size[op];
        uint64_t value = helper_fist(cpu, size | (digit == 1 ? 0x100u : 0));
        store(env, va, size, digit != 2, value, ra);
    } else if (op == 1) {
        store(env, va, MO_32, digit == 3, helper_fst_f32(cpu), ra);
    } else {
        store(env, va, MO_64, digit == 3, helper_fst_f64(cpu), ra);
    }
    to_host(env);
}

const X87Hooks x86_x87_hooks = { .live_offset = X86_OFFSET(x87_live), .set_live = set_live, .slow = slow };
