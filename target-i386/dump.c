/* SPDX-License-Identifier: MIT */
/*
 * What memory dumps say of x86 vCPUs: the CORE note with registers that debuggers know (struct elf_prstatus of the
 * i386 and x86-64 kernels), and the QEMU note with segments and control registers, from which crash finds page tables
 * and a relocated kernel.
 */
#include "dump.h"
#include "sys.h"

#include <string.h>

enum { NT_PRSTATUS_ = 1, EM_386_ = 3, EM_X86_64_ = 62 };
enum { STATUS64_SIZE = 336, PID64 = 32, REGS64 = 112, STATUS32_SIZE = 144, PID32 = 24, REGS32 = 72 };

static uint16_t x86_dump_machine(CPUState *cpu, bool *is64)
{
    *is64 = x86_cpu(cpu)->efer & EFER_LMA;
    return *is64 ? EM_X86_64_ : EM_386_;
}

static void add_status64(const X86CPU *env, DumpNotes *out)
{
    uint8_t s[STATUS64_SIZE] = { 0 };
    const uint64_t *r = env->regs;
    const uint64_t regs[27] = { /* struct user_regs_struct */
        r[15], r[14], r[13], r[12], r[R_EBP], r[R_EBX], r[11], r[10], r[9], r[8], r[R_EAX], r[R_ECX], r[R_EDX], r[R_ESI],
        r[R_EDI], 0, env->eip, env->segs[R_CS].selector, cpu_compute_eflags(env), r[R_ESP], env->segs[R_SS].selector,
        env->segs[R_FS].base, env->segs[R_GS].base, env->segs[R_DS].selector, env->segs[R_ES].selector,
        env->segs[R_FS].selector, env->segs[R_GS].selector,
    };
    uint32_t pid = (uint32_t)env->parent.index + 1;
    memcpy(s + PID64, &pid, sizeof(pid));
    memcpy(s + REGS64, regs, sizeof(regs));
    dump_note(out, "CORE", NT_PRSTATUS_, s, sizeof(s));
}

static void add_status32(const X86CPU *env, DumpNotes *out)
{
    uint8_t s[STATUS32_SIZE] = { 0 };
    const uint64_t *r = env->regs;
    const uint32_t regs[17] = {
        (uint32_t)r[R_EBX], (uint32_t)r[R_ECX], (uint32_t)r[R_EDX], (uint32_t)r[R_ESI], (uint32_t)r[R_EDI],
        (uint32_t)r[R_EBP], (uint32_t)r[R_EAX], env->segs[R_DS].selector, env->segs[R_ES].selector,
        env->segs[R_FS].selector, env->segs[R_GS].selector, 0, (uint32_t)env->eip, env->segs[R_CS].selector,
        cpu_compute_eflags(env), (uint32_t)r[R_ESP], env->segs[R_SS].selector,
    };
    uint32_t pid = (uint32_t)env->parent.index + 1;
    memcpy(s + PID32, &pid, sizeof(pid));
    memcpy(s + REGS32, regs, sizeof(regs));
    dump_note(out, "CORE", NT_PRSTATUS_, s, sizeof(s));
}

typedef struct SegmentNote {
    uint32_t selector, limit, flags, pad;
    uint64_t base;
} SegmentNote;

typedef struct StateNote { /* version 1 */
    uint32_t version, size;
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rsp, rbp, r8[8], rip, rflags;
    SegmentNote cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt;
    uint64_t cr[5], kernel_gs_base;
} StateNote;

static SegmentNote segment_note(const SegmentCache *s)
{
    return (SegmentNote){ s->selector, s->limit, s->flags, 0, s->base };
}

static void add_state(const X86CPU *env, DumpNotes *out)
{
    const uint64_t *r = env->regs;
    StateNote n = {
        .version = 1, .size = sizeof(n), .rax = r[R_EAX], .rbx = r[R_EBX], .rcx = r[R_ECX], .rdx = r[R_EDX], .rsi = r[R_ESI],
        .rdi = r[R_EDI], .rsp = r[R_ESP], .rbp = r[R_EBP], .rip = env->eip, .rflags = cpu_compute_eflags(env),
        .cs = segment_note(&env->segs[R_CS]), .ds = segment_note(&env->segs[R_DS]), .es = segment_note(&env->segs[R_ES]),
        .fs = segment_note(&env->segs[R_FS]), .gs = segment_note(&env->segs[R_GS]), .ss = segment_note(&env->segs[R_SS]),
        .ldt = segment_note(&env->ldt), .tr = segment_note(&env->tr), .gdt = segment_note(&env->gdt),
        .idt = segment_note(&env->idt), .kernel_gs_base = env->kernel_gs_base,
    };
    memcpy(n.r8, r + 8, sizeof(n.r8));
    memcpy(n.cr, env->cr, sizeof(n.cr));
    dump_note(out, "QEMU", 0, &n, sizeof(n));
}

static void x86_dump_notes(CPUState *cpu, bool is64, DumpNotes *out)
{
    if (is64)
        add_status64(x86_cpu(cpu), out);
    else
        add_status32(x86_cpu(cpu), out);
    add_state(x86_cpu(cpu), out);
}

const DumpTarget x86_dump_target = { x86_dump_machine, x86_dump_notes, x86_foreach_mapping };
