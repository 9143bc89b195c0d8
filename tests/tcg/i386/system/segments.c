/* SPDX-License-Identifier: MIT */
/*
 * Segmentation in 32-bit protected mode: limits, expand-down, faults of segment loads with error codes,
 * conforming code, far transfers, call gates with stack switch and parameters, 16-bit segments, LAR, LSL,
 * VERR, VERW. SDM vol. 3 chapters 3 and 5, vol. 2 for the instructions.
 */
#include "lib.h"

enum { A = FREE_SLOT, B, C, E };  /* descriptors the tests fill */
#define SEL(slot) ((slot) * 8)
static void set(unsigned slot, u32 base, u32 limit, unsigned access, unsigned flags) { gdt[slot] = descriptor(base, limit, access, flags); }
static void gate(unsigned slot, unsigned selector, const void *at, unsigned access, unsigned params)
{
    gdt[slot] = (VAL(at) & 0xffff) | (u64)selector << 16 | (u64)params << 32 | (u64)access << 40 | (u64)(VAL(at) >> 16) << 48;
}

/* ---- Limits ---- */

/* FS = selector in EAX, offset in ECX. */
CODE(fs_read1, "mov %ax, %fs; fs_read1_at: movb %fs:(%ecx), %al");
CODE(fs_read2, "mov %ax, %fs; fs_read2_at: movw %fs:(%ecx), %ax");
CODE(fs_read4, "mov %ax, %fs; fs_read4_at: mov %fs:(%ecx), %eax");
CODE(fs_write1, "mov %ax, %fs; fs_write1_at: movb $7, %fs:(%ecx)");
/* At CPL 3: the event is taken on the stack of ring 0. */
CODE(ss_read, "mov %ax, %ss; ss_read_at: movl %ss:(%ecx), %eax; int $0x80");
CODE(bp_read, "mov %ax, %ss; mov %ecx, %ebp; bp_read_at: movl (%ebp), %eax; int $0x80");
CODE(ss_push, "mov %ax, %ss; mov %ecx, %esp; ss_push_at: push %eax; int $0x80");
CODE(ss_pop, "mov %ax, %ss; mov %ecx, %esp; ss_pop_at: pop %eax; int $0x80");
CODE(ss_call, "mov %ax, %ss; mov %ecx, %esp; ss_call_at: call 1f; 1: int $0x80");
LABEL(fs_read1_at); LABEL(fs_read2_at); LABEL(fs_read4_at); LABEL(fs_write1_at); LABEL(ss_read_at); LABEL(bp_read_at);
LABEL(ss_push_at); LABEL(ss_pop_at); LABEL(ss_call_at);
static u8 window[0x2000] __attribute__((aligned(4096)));

static void limit(const char *name, const void *code, const void *at, u32 offset, int vector)
{
    ex.vector = NONE;
    try0(code, SEL(A), offset);
    check_fault(name, vector, 0, vector == NONE ? 0 : at);
}

static void stack_limit(const char *name, const void *code, const void *at, u32 offset, int vector)
{
    try3(code, SEL(A) + 3, offset);
    check_fault(name, vector, 0, vector == EXIT ? 0 : at);
}

static void limits(void)
{
    set(A, VAL(window), 0xfff, 0x93, 4);
    limit("last byte", fs_read1, fs_read1_at, 0xfff, NONE);
    limit("byte past the limit", fs_read1, fs_read1_at, 0x1000, GP);
    limit("last word", fs_read2, fs_read2_at, 0xffe, NONE);
    limit("word past the limit", fs_read2, fs_read2_at, 0xfff, GP);
    limit("last dword", fs_read4, fs_read4_at, 0xffc, NONE);
    limit("dword past the limit", fs_read4, fs_read4_at, 0xffd, GP);
    limit("dword around zero", fs_read4, fs_read4_at, 0xfffffffe, GP);
    set(A, VAL(window), 0xfff, 0xf3, 4);
    stack_limit("SS past the limit", ss_read, ss_read_at, 0xffd, SS);
    stack_limit("SS inside", ss_read, ss_read_at, 0xffc, EXIT);
    stack_limit("EBP past the limit", bp_read, bp_read_at, 0xffd, SS);
    stack_limit("PUSH past the limit", ss_push, ss_push_at, 0x1001, SS);
    check("ESP of a refused PUSH", ex.sp, 0x1001);
    stack_limit("PUSH below zero", ss_push, ss_push_at, 0x2, SS);
    stack_limit("PUSH at the limit", ss_push, ss_push_at, 0x1000, EXIT);
    check("ESP after PUSH", ex.sp, 0xffc);
    stack_limit("POP past the limit", ss_pop, ss_pop_at, 0xffd, SS);
    check("ESP of a refused POP", ex.sp, 0xffd);
    stack_limit("CALL past the limit", ss_call, ss_call_at, 0x1004, SS);
    set(A, VAL(window), 0, 0x93, 0xc);
    limit("granularity: limit 0 is 4 KiB", fs_read1, fs_read1_at, 0xfff, NONE);
    limit("granularity: past it", fs_read1, fs_read1_at, 0x1000, GP);
    set(A, VAL(window), 0xfff, 0x91, 4);
    limit("read-only, write", fs_write1, fs_write1_at, 4, GP);
    limit("read-only, read", fs_read1, fs_read1_at, 4, NONE);
    set(A, VAL(window), 0xfff, 0x9b, 4);
    limit("code, read", fs_read1, fs_read1_at, 4, NONE);
    limit("code, write", fs_write1, fs_write1_at, 4, GP);
    set(A, VAL(window), 0xfff, 0x97, 4);
    limit("expand-down, limit", fs_read1, fs_read1_at, 0xfff, GP);
    limit("expand-down, past limit", fs_read1, fs_read1_at, 0x1000, NONE);
    limit("expand-down, crossing", fs_read2, fs_read2_at, 0xfff, GP);
    set(A, VAL(window) - 0xf000, 0xefff, 0x97, 0);
    limit("16-bit expand-down, last", fs_read1, fs_read1_at, 0xffff, NONE);
    limit("16-bit expand-down, past 64K", fs_read1, fs_read1_at, 0x10000, GP);
    limit("16-bit expand-down, crossing 64K", fs_read2, fs_read2_at, 0xffff, GP);
    set(A, VAL(window) - 0xf000, 0xefff, 0x97, 4);
    limit("32-bit expand-down, past 64K", fs_read1, fs_read1_at, 0x10000, NONE);
    /* A base that wraps around 4 GiB. */
    set(A, 0xfffff000, 0xfffff, 0x93, 0xc);
    window[0] = 0x5a;
    try0(fs_read1, SEL(A), VAL(window) + 0x1000);
    u32 value;
    asm volatile("mov %1, %%fs; movzbl %%fs:(%2), %0" : "=r"(value) : "r"(SEL(A)), "r"(VAL(window) + 0x1000));
    check("base wraps", value, 0x5a);
}

/* ---- Loads ---- */

CODE(load_fs, "load_fs_at: mov %ax, %fs");
CODE(load_ss, "load_ss_at: mov %ax, %ss");
CODE(load_cs, "load_cs_at: .byte 0x8e, 0xc8");
CODE(null_use, "xor %eax, %eax; mov %ax, %fs; null_use_at: mov %fs:0, %eax");
CODE(do_lldt, "do_lldt_at: lldt %ax");
CODE(do_ltr, "do_ltr_at: ltr %ax");
LABEL(load_fs_at); LABEL(load_ss_at); LABEL(load_cs_at); LABEL(null_use_at); LABEL(do_lldt_at); LABEL(do_ltr_at);

static void load(const char *name, int ring, const void *code, u32 selector, int vector, u32 error)
{
    ex.vector = NONE;
    if (ring)
        try3(code, selector, 0);
    else
        try0(code, selector, 0);
    check_fault(name, vector, error, vector == NONE || vector == EXIT ? 0 : code);
}

static void loads(void)
{
    load("FS null", 0, load_fs, 3, NONE, 0);
    try0(null_use, 0, 0);
    check_fault("use of null FS", GP, 0, null_use_at);
    load("SS null", 0, load_ss, 0, GP, 0);
    load("MOV CS", 0, load_cs, KCS, UD, 0);
    load("past the GDT", 0, load_fs, GDT_ENTRIES * 8, GP, GDT_ENTRIES * 8);
    load("past the GDT, RPL cut", 0, load_fs, GDT_ENTRIES * 8 + 3, GP, GDT_ENTRIES * 8);
    load("LDT selector without LDT", 0, load_fs, 12, GP, 12);
    set(A, 0, 0xfffff, 0x13, 0xc);
    load("FS not present", 0, load_fs, SEL(A), NP, SEL(A));
    load("SS not present", 0, load_ss, SEL(A), SS, SEL(A));
    set(A, 0, 0xfffff, 0x91, 0xc);
    load("SS read-only", 0, load_ss, SEL(A), GP, SEL(A));
    load("FS read-only", 0, load_fs, SEL(A), NONE, 0);
    set(A, 0, 0xfffff, 0x99, 0xc);
    load("FS execute-only", 0, load_fs, SEL(A), GP, SEL(A));
    set(A, 0, 0xfffff, 0x9b, 0xc);
    load("SS code", 0, load_ss, SEL(A), GP, SEL(A));
    load("FS TSS", 0, load_fs, TSS_SEL, GP, TSS_SEL);
    load("SS RPL", 0, load_ss, KDS + 1, GP, KDS);
    load("SS DPL 3", 0, load_ss, UDS, GP, UDS & ~3);
    load("FS RPL 3 of DPL 0", 0, load_fs, KDS + 3, GP, KDS);
    load("FS DPL 3 at CPL 0", 0, load_fs, UDS, NONE, 0);
    load("FS DPL 0 at CPL 3", 3, load_fs, KDS, GP, KDS);
    load("FS RPL 0 of DPL 3 at CPL 3", 3, load_fs, UDS & ~3, EXIT, 0);
    load("SS at CPL 3", 3, load_ss, UDS, EXIT, 0);
    load("SS RPL at CPL 3", 3, load_ss, UDS & ~3, GP, UDS & ~3);
    set(A, 0, 0xfffff, 0x9e, 0xc);
    load("conforming readable DPL 0 at CPL 3", 3, load_fs, SEL(A) + 3, EXIT, 0);
    check("load sets the accessed bit", gdt[A] >> 40 & 1, 1);
    set(A, 0, 0xfffff, 0x92, 0xc);
    load("accessed", 0, load_fs, SEL(A), NONE, 0);
    check("accessed bit", gdt[A] >> 40 & 0xff, 0x93);

    load("LLDT at CPL 3", 3, do_lldt, 0, GP, 0);
    load("LLDT of a data segment", 0, do_lldt, KDS, GP, KDS);
    load("LLDT with TI", 0, do_lldt, 4, GP, 4);
    set(A, VAL(window), 15, 0x02, 0);
    load("LLDT not present", 0, do_lldt, SEL(A), NP, SEL(A));
    set(A, VAL(window), 15, 0x82, 0);
    *(u64 *)(window + 8) = descriptor(VAL(window), 0xfff, 0x93, 4);
    load("LLDT", 0, do_lldt, SEL(A), NONE, 0);
    load("FS from the LDT", 0, load_fs, 12, NONE, 0);
    load("past the LDT", 0, load_fs, 20, GP, 20);
    load("null index in the LDT is not null", 0, load_fs, 4, GP, 4);
    load("LLDT null", 0, do_lldt, 0, NONE, 0);
    load("FS from no LDT", 0, load_fs, 12, GP, 12);
    load("LTR null", 0, do_ltr, 0, GP, 0);
    load("LTR busy", 0, do_ltr, TSS_SEL, GP, TSS_SEL);
    set(A, VAL(&tss), 0x67, 0x09, 0);
    load("LTR not present", 0, do_ltr, SEL(A), NP, SEL(A));
    load("LTR data", 0, do_ltr, KDS, GP, KDS);
    check("LTR set busy", gdt[TSS_SEL / 8] >> 40 & 0xff, 0x8b);
}

/* ---- LAR, LSL, VERR, VERW ---- */

/* EDX = access rights of EAX's selector, ECX = limit, EBX = ZF of LAR, LSL, VERR, VERW in bits 0-3. */
CODE(inspect, "mov %eax, %esi; xor %ebx, %ebx; mov $0xbad, %edx; mov $0xbad, %ecx; lar %esi, %edx; jnz 1f; or $1, %ebx; 1: lsl %esi, %ecx; jnz 1f; or $2, %ebx;"
     "1: verr %si; jnz 1f; or $4, %ebx; 1: verw %si; jnz 1f; or $8, %ebx; 1: int $0x80");

static void inspected(const char *name, int ring, u32 selector, u32 zf, u32 rights, u32 lim)
{
    if (ring)
        try3(inspect, selector, 0);
    else
        try0(inspect, selector, 0);
    check(name, ex.bx, zf);
    check(name, ex.dx, rights);
    check(name, ex.cx, lim);
}

static void inspections(void)
{
    set(A, 0x12345678, 0xabcde, 0x93, 0xd);
    inspected("data", 0, SEL(A), 15, 0xd09300, 0xabcdefff);
    inspected("data, limited bytes", 0, KDS, 15, 0xc09300, 0xffffffff);
    inspected("null", 0, 3, 0, 0xbad, 0xbad);
    inspected("past the GDT", 0, GDT_ENTRIES * 8, 0, 0xbad, 0xbad);
    inspected("DPL 0 at CPL 3", 3, SEL(A), 0, 0xbad, 0xbad);
    inspected("RPL 3 of DPL 0", 0, SEL(A) + 3, 0, 0xbad, 0xbad);
    inspected("user data", 3, UDS, 15, 0xc0f300, 0xffffffff);
    set(A, 0, 0xfff, 0x11, 4);
    inspected("not present, read-only", 0, SEL(A), 7, 0x401100, 0xfff);
    set(A, 0, 0xfff, 0x98, 4);
    inspected("execute-only", 0, SEL(A), 3, 0x409800, 0xfff);
    set(A, 0, 0xfff, 0x9e, 4);
    inspected("conforming at CPL 3", 3, SEL(A) + 3, 7, 0x409e00, 0xfff);
    inspected("TSS", 0, TSS_SEL, 3, 0x8b00, 0x67);
    gate(A, KCS, 0, 0x8c, 3);
    inspected("call gate", 0, SEL(A), 1, (u32)(gdt[A] >> 32) & 0xf0ff00, 0xbad);
    gate(A, KCS, 0, 0x85, 0);
    inspected("task gate", 0, SEL(A), 1, (u32)(gdt[A] >> 32) & 0xf0ff00, 0xbad);
    gate(A, KCS, 0, 0x8e, 0);
    inspected("interrupt gate", 0, SEL(A), 0, 0xbad, 0xbad);
    gate(A, KCS, 0, 0x80, 0);
    inspected("reserved type", 0, SEL(A), 0, 0xbad, 0xbad);
    set(A, 0, 0xfff, 0x82, 0);
    inspected("LDT", 0, SEL(A), 3, 0x8200, 0xfff);
}

/* ---- Far transfers ---- */

static struct __attribute__((packed)) { u32 offset; u16 selector; } far_target;
CODE(far_jmp, "far_jmp_at: ljmp *far_target0");
CODE(far_call, "far_call_at: lcall *far_target0");
asm(".bss; far_target0: .skip 8; .text");
extern char far_target0[];
CODE(landing, "mov %cs, %ebx; mov %ss, %edx; int $0x80");
CODE(landing_ret, "lret");

static void aim(u32 selector, const void *offset)
{
    far_target.offset = VAL(offset);
    far_target.selector = selector;
    for (unsigned i = 0; i < 6; i++)
        far_target0[i] = ((char *)&far_target)[i];
}

static void transfer(const char *name, int ring, const void *code, u32 selector, int vector, u32 error)
{
    aim(selector, landing);
    if (ring)
        try3(code, 0, 0);
    else
        try0(code, 0, 0);
    check_fault(name, vector, error, vector == EXIT ? 0 : code);
}

static void jumps(void)
{
    transfer("JMP", 0, far_jmp, KCS, EXIT, 0);
    transfer("JMP null", 0, far_jmp, 0, GP, 0);
    transfer("JMP data", 0, far_jmp, KDS, GP, KDS);
    transfer("JMP outward", 0, far_jmp, UCS, GP, UCS & ~3);
    transfer("JMP inward", 3, far_jmp, KCS, GP, KCS);
    transfer("JMP with RPL over CPL", 0, far_jmp, KCS + 1, GP, KCS);
    transfer("JMP with RPL under CPL", 3, far_jmp, UCS & ~3, EXIT, 0);
    check("CS keeps the CPL", ex.bx, UCS);
    transfer("JMP past the GDT", 0, far_jmp, GDT_ENTRIES * 8, GP, GDT_ENTRIES * 8);
    set(A, 0, 0xfffff, 0x1b, 0xc);
    transfer("JMP not present", 0, far_jmp, SEL(A), NP, SEL(A));
    set(A, 0, 0xff, 0x9b, 4);
    transfer("JMP past the limit", 0, far_jmp, SEL(A), GP, 0);
    set(A, 0, 0xfffff, 0x9e, 0xc);
    transfer("conforming from CPL 3", 3, far_jmp, SEL(A), EXIT, 0);
    check("conforming keeps CPL 3", ex.bx, SEL(A) + 3);
    check("conforming keeps the stack", ex.dx, UDS);
    set(A, 0, 0xfffff, 0xfe, 0xc);
    transfer("conforming of DPL 3 at CPL 0", 0, far_jmp, SEL(A), GP, SEL(A));
    transfer("CALL", 0, far_call, KCS, EXIT, 0);
    transfer("CALL inward", 3, far_call, KCS, GP, KCS);
    transfer("CALL not code", 3, far_call, UDS, GP, UDS & ~3);
    aim(KCS, landing_ret);
    check("CALL and RET", try0(far_call, 0, 0), NONE);
}

/* RET to ring 3: EAX = CS, ECX = SS. */
CODE(ret_outer, "push %ecx; push $user_stack_top - 64; push %eax; push $landing; ret_outer_at: lret");
CODE(ret_outer_n, "push %ecx; push $user_stack_top - 64; push $1; push $2; push %eax; push $landing; lret $8");
LABEL(ret_outer_at);

static void outer(const char *name, u32 cs, u32 ss, int vector, u32 error)
{
    try0(ret_outer, cs, ss);
    check_fault(name, vector, error, vector == EXIT ? 0 : ret_outer_at);
}

static void outer_returns(void)
{
    outer("RET outward", UCS, UDS, EXIT, 0);
    check("ESP after RET", ex.sp, VAL(user_stack_top) - 64);
    try0(ret_outer_n, UCS, UDS);
    check_fault("RET n outward", EXIT, 0, 0);
    check("ESP after RET n", ex.sp, VAL(user_stack_top) - 56);
    outer("RET to null", 0, UDS, GP, 0);
    outer("RET to data", UDS, UDS, GP, UDS & ~3);
    outer("RET outward, SS null", UCS, 0, GP, 0);
    outer("RET outward, SS of ring 0", UCS, KDS, GP, KDS);
    outer("RET outward, RPL of SS", UCS, UDS & ~3, GP, UDS & ~3);
    set(A, 0, 0xfffff, 0x73, 0xc);
    outer("RET outward, SS not present", UCS, SEL(A) + 3, SS, SEL(A));
    set(A, 0, 0xfffff, 0x7b, 0xc);
    outer("RET outward, CS not present", SEL(A) + 3, UDS, NP, SEL(A));
    outer("RET with RPL over DPL", KCS + 3, UDS, GP, KCS);
}

/* ---- Call gates ---- */

/* The gate's handler: EBX = CS, EDX = SS, ESI = ESP, then back with its parameters dropped. */
CODE(gate_handler, "mov %cs, %ebx; mov %ss, %edx; mov %esp, %esi; mov (%esp), %eax; mov 4(%esp), %ecx; mov 8(%esp), %edi; mov 12(%esp), %ebp; int $0x80");
CODE(gate_return, "lret $8");
CODE(call_with_params, "push $0x11111111; push $0x22222222; mov %esp, %ebp; call_with_params_at: lcall *far_target0; call_with_params_next: mov %esp, %eax; sub %ebp, %eax; add $-8, %eax; lea (%ebp), %esp; add $8, %esp;"
     "mov %cs, %ebx; int $0x80");
CODE(call_16, "pushw $0x1111; pushw $0x2222; lcall *far_target0; call_16_next: nop");
CODE(gate_handler16, "mov %esp, %esi; mov (%esp), %eax; mov 4(%esp), %ecx; mov 8(%esp), %edi; int $0x80");
LABEL(call_with_params_next); LABEL(call_with_params_at); LABEL(call_16_next);

static void call_gates(void)
{
    gate(A, KCS, gate_handler, 0xec, 2);
    aim(SEL(A), 0);
    try0(call_with_params, 0, 0);
    check_fault("gate at the same level", EXIT, 0, 0);
    check("same level, return IP", ex.ax, VAL(call_with_params_next));
    check("same level, return CS", ex.cx & 0xffff, KCS);
    check("same level, parameters stay", ex.di, 0x22222222);
    try3(call_with_params, 0, 0);
    check_fault("gate to ring 0", EXIT, 0, 0);
    check("gate, CS", ex.bx, KCS);
    check("gate, SS", ex.dx, KDS);
    check("gate, ESP", ex.si, VAL(trap_stack_top) - 24);
    check("gate, return IP", ex.ax, VAL(call_with_params_next));
    check("gate, return CS", ex.cx & 0xffff, UCS);
    check("gate, last parameter", ex.di, 0x22222222);
    check("gate, first parameter", ex.bp, 0x11111111);
    check("gate, saved ESP", *(u32 *)(trap_stack_top - 8), VAL(user_stack_top) - 4 - 8);
    check("gate, saved SS", *(u16 *)(trap_stack_top - 4), UDS);
    gate(A, KCS, gate_return, 0xec, 2);
    try3(call_with_params, 0, 0);
    check_fault("gate and RET n", EXIT, 0, 0);
    check("RET n drops the parameters of both stacks", ex.ax, 0);
    check("back in ring 3", ex.bx, UCS);
    /* Offsets of 16-bit gates have 16 bits (the rest is ignored): a segment starts at the handler. */
    set(C, VAL(gate_handler16), 0xffff, 0x9b, 4);
    gdt[A] = (u64)SEL(C) << 16 | 2ull << 32 | 0xe4ull << 40 | 0xffffull << 48;
    try3(call_16, 0, 0);
    check_fault("16-bit gate", EXIT, 0, 0);
    check("16-bit gate, ESP", ex.si, VAL(trap_stack_top) - 12);
    check("16-bit gate, IP and CS", ex.ax, (VAL(call_16_next) & 0xffff) | UCS << 16);
    check("16-bit gate, parameters", ex.cx, 0x11112222);
    check("16-bit gate, SP and SS", ex.di, ((VAL(user_stack_top) - 8) & 0xffff) | UDS << 16);

    gate(A, KCS, gate_handler, 0x8c, 2);
    transfer("gate of DPL 0 from CPL 3", 3, far_call, SEL(A), GP, SEL(A));
    gate(A, KCS, gate_handler, 0xec, 0);
    transfer("gate with RPL", 0, far_call, SEL(A) + 3, EXIT, 0);
    gate(A, KCS, gate_handler, 0xac, 0);
    transfer("RPL over the gate's DPL", 0, far_call, SEL(A) + 3, GP, SEL(A));
    gate(A, KCS, gate_handler, 0x6c, 0);
    transfer("gate not present", 3, far_call, SEL(A) + 3, NP, SEL(A));
    gate(A, 0, gate_handler, 0xec, 0);
    transfer("gate to null", 3, far_call, SEL(A), GP, 0);
    gate(A, KDS, gate_handler, 0xec, 0);
    transfer("gate to data", 3, far_call, SEL(A), GP, KDS);
    gate(A, UCS, gate_handler, 0xec, 0);
    transfer("gate outward", 0, far_call, SEL(A), GP, UCS & ~3);
    gate(A, KCS, gate_handler, 0xec, 0);
    transfer("JMP through a gate inward", 3, far_jmp, SEL(A), GP, KCS);
    transfer("JMP through a gate", 0, far_jmp, SEL(A), EXIT, 0);
    set(B, 0, 0xfffff, 0x1b, 0xc);
    gate(A, SEL(B), gate_handler, 0xec, 0);
    transfer("code of the gate not present", 3, far_call, SEL(A), NP, SEL(B));
    set(B, 0, 0xfffff, 0x9f, 0xc);
    gate(A, SEL(B), landing, 0xec, 0);
    transfer("gate to conforming code", 3, far_call, SEL(A), EXIT, 0);
    check("conforming through a gate keeps CPL", ex.bx, SEL(B) + 3);
    set(B, 0, 0xff, 0x9b, 4);
    gate(A, SEL(B), landing, 0xec, 0);
    transfer("gate past the limit", 3, far_call, SEL(A), GP, 0);
    /* Ring 1 with a stack that faults: the error code names SS1. */
    set(B, 0, 0xfffff, 0xbb, 0xc);
    gate(A, SEL(B), landing, 0xec, 0);
    tss.ss1 = SEL(C) + 1, tss.esp1 = VAL(trap_stack_top) - 0x800;
    set(C, 0, 0xfffff, 0x33, 0xc);
    transfer("gate, inner SS not present", 3, far_call, SEL(A), SS, SEL(C));
    set(C, 0, 0xfffff, 0xb1, 0xc);
    transfer("gate, inner SS read-only", 3, far_call, SEL(A), TS, SEL(C));
    tss.ss1 = 0;
    transfer("gate, inner SS null", 3, far_call, SEL(A), TS, 0);
    tss.ss1 = SEL(C) + 1;
    set(C, 0, 0xfffff, 0xb3, 0xc);
    transfer("gate to ring 1", 3, far_call, SEL(A), EXIT, 0);
    check("ring 1, CS", ex.bx, SEL(B) + 1);
    check("ring 1, SS", ex.dx, SEL(C) + 1);
    check("event from ring 1 switches to ring 0", ex.cs, SEL(B) + 1);
    tss.esp1 = 8;
    set(C, VAL(window), 0xfff, 0xb3, 0x4);
    transfer("gate, inner stack too small", 3, far_call, SEL(A), SS, SEL(C));
}

/* ---- 16-bit segments ---- */

/* In 16-bit code: push and pop sizes, wrap of SP in a 16-bit stack. */
CODE(code16, ".code16; mov %sp, %si; push %ax; mov %sp, %di; pushl %eax; mov %sp, %dx; mov $0x12345678, %ebx; mov $0x9abc, %bx; int $0x80; .code32");
/* At CPL 3 on a 16-bit stack: ESP = ECX, a dword and a word are pushed and popped in other sizes. */
CODE(stack16, "mov %ax, %ss; mov %ecx, %esp; stack16_at: push %ecx; mov %esp, %ebx; pushw %cx; mov %esp, %esi; pop %dx; pop %edx; mov %esp, %edi; int $0x80");
LABEL(stack16_at);

static void segments16(void)
{
    set(B, VAL(code16), 0xffff, 0x9b, 0);
    aim(SEL(B), 0);
    try0(far_jmp, 0, 0);
    check_fault("16-bit code", EXIT, 0, 0);
    check("PUSH AX in 16-bit code", (ex.si - ex.di) & 0xffff, 2);
    check("PUSHL in 16-bit code", (ex.di - ex.dx) & 0xffff, 4);
    check("MOV BX keeps the upper half", ex.bx, 0x12349abc);
    check("CS of 16-bit code", ex.cs, SEL(B));
    static u8 stack[0x10000] __attribute__((aligned(4096)));
    set(C, VAL(stack), 0xffff, 0xf3, 0);
    try3(stack16, SEL(C) + 3, 0xabcd0000);
    check_fault("16-bit stack", EXIT, 0, 0);
    check("SP wraps, the upper half stays", ex.bx, 0xabcdfffc);
    check("PUSHW", ex.si, 0xabcdfffa);
    check("POP", ex.di, 0xabcd0000);
    check("what was pushed", *(u32 *)(stack + 0xfffc), 0xabcd0000);
    check("what was popped", ex.dx, 0xabcd0000);
    /* The dword would lie at 0xfffe-0x10001, past the limit. */
    try3(stack16, SEL(C) + 3, 0xabcd0002);
    check_fault("PUSH over the top of a 16-bit stack", SS, 0, stack16_at);
    check("ESP of a refused 16-bit PUSH", ex.sp, 0xabcd0002);
}

void main(void)
{
    limits();
    loads();
    inspections();
    jumps();
    outer_returns();
    call_gates();
    segments16();
}
