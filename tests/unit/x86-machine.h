/* SPDX-License-Identifier: MIT */
/* A vCPU of the x86-64 target with RAM at 0 and no devices, on the calling thread, for unit tests. */
#ifndef X86_MACHINE_H
#define X86_MACHINE_H

#include "exec/memory.h"
#include "exec/tb.h"
#include "target-i386/sys.h"
#include "tcg/backend.h"
#include "util/error.h"
#include "util/main-loop.h"

#include <glib.h>
#include <setjmp.h>
#include <string.h>

static MemoryRegion x86_ram_region;
static uint8_t *x86_ram; /* host view of physical 0 */

static inline void x86_machine(uint64_t ram)
{
    Error *err = NULL;
    memory_init();
    g_assert_true(memory_region_init_ram(&x86_ram_region, NULL, "ram", ram, &err));
    memory_region_add(system_memory, 0, &x86_ram_region);
    x86_ram = memory_region_ram_ptr(&x86_ram_region);
    current_target = &x86_64_target_ops;
    current_target->init();
    TCGOptions o = { .engine = &tcg_backend_x86_64, .multi_thread = true };
    g_assert_true(tcg_init(&o, &err));
}

static inline X86CPU *x86_new_cpu(const char *model)
{
    Error *err = NULL;
    CPUState *cpu = x86_cpu_create(model, &x86_64_target_ops, &err);
    if (!cpu)
        g_error("%s", error_get_pretty(err));
    cpu_register(cpu);
    x86_cpu_reset(cpu);
    cpu->halted = false;
    x86_cpu(cpu)->sipi_waiting = false;
    current_cpu = cpu;
    return x86_cpu(cpu);
}

/* Runs a statement that may raise a guest exception: its vector, or -1. */
#define X86_CATCH(env, statement)                                        \
    ({                                                                   \
        CPUState *cpu_ = &(env)->parent;                                 \
        cpu_->in_exec = true;                                            \
        cpu_->exception_index = EXCP_NONE;                               \
        (env)->old_exception = -1;                                       \
        if (!setjmp(cpu_->jmp_env)) {                                    \
            statement;                                                   \
        }                                                                \
        cpu_->in_exec = false;                                           \
        int vector_ = cpu_->exception_index;                             \
        cpu_->exception_index = EXCP_NONE;                               \
        vector_;                                                         \
    })

/* Runs guest code from CS:eip until HLT (or for at most the given number of exits). */
static inline void x86_run(X86CPU *env)
{
    CPUState *cpu = &env->parent;
    cpu->halted = false;
    cpu->stopped = false;
    for (unsigned i = 0; i < 100 && !cpu->halted; i++)
        cpu_exec(cpu);
    g_assert_true(cpu->halted);
}

/* Puts the CPU into flat 64-bit mode at CPL 0 with page tables that map the first GiB to itself by 2 MiB
 * pages: tables at 0x1000-0x3fff, a GDT at 0x4000 (08 code64, 10 data, 18 code32, 20 user code32, 28 user data,
 * 30 user code64, 38 TSS), an empty IDT at 0x5000. */
static inline void x86_enter_long_mode(X86CPU *env)
{
    static const uint64_t gdt[] = {
        0,
        0x00af9b000000ffff,
        0x00cf93000000ffff,
        0x00cf9b000000ffff,
        0x00cffb000000ffff,
        0x00cff3000000ffff,
        0x00affb000000ffff,
    };
    uint64_t *pml4 = (uint64_t *)(x86_ram + 0x1000), *pdpt = pml4 + 512, *pd = pml4 + 1024;
    memset(pml4, 0, 0x3000);
    pml4[0] = 0x2007;
    pdpt[0] = 0x3007;
    for (unsigned i = 0; i < 512; i++)
        pd[i] = (uint64_t)i << 21 | 0x87;
    memcpy(x86_ram + 0x4000, gdt, sizeof gdt);
    env->gdt.base = 0x4000;
    env->gdt.limit = 0xff;
    env->idt.base = 0x5000;
    env->idt.limit = 0xfff;
    cpu_x86_update_cr4(env, CR4_PAE | CR4_PGE | CR4_PSE);
    cpu_x86_update_cr3(env, 0x1000);
    env->efer = EFER_LME | EFER_SCE | EFER_NXE;
    cpu_x86_update_cr0(env, CR0_PE | CR0_PG | CR0_WP | CR0_ET);
    cpu_x86_load_seg_cache(env, R_CS, 8, 0, 0xffffffff, DESC_G | DESC_P | DESC_S | DESC_CS | DESC_R | DESC_A | DESC_L);
    for (unsigned i = 0; i < 6; i++)
        if (i != R_CS)
            cpu_x86_load_seg_cache(env, (int)i, 0x10, 0, 0xffffffff,
                                   DESC_G | DESC_B | DESC_P | DESC_S | DESC_W | DESC_A);
}

#endif
