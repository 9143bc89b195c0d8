/* SPDX-License-Identifier: MIT */
/*
 * Long mode: gates with IST, frames, faults in 64-bit and compatibility mode, SYSCALL, SYSRET, SYSENTER, FS and GS bases,
 * SWAPGS, FSGSBASE, MSRs and CR8 refused where they must be. Where AMD and Intel differ the CPUID vendor decides.
 * SDM vol. 3 chapters 5 and 6, vol. 2; AMD manual vol. 2 chapter 6.
 */
#include "lib.h"

static int amd;
static u8 ist_stack[4096] __attribute__((aligned(16)));
static u8 window[64] __attribute__((aligned(64)));

/* ---- Interrupts ---- */

CODE(undefined, "undefined_at: ud2");
CODE(int40, "int40_at: int $0x40; int40_next: nop");
CODE(divide, "xor %edx, %edx; xor %ecx, %ecx; divide_at: div %ecx");
CODE(unaligned_stack, "sub $3, %rsp; unaligned_at: ud2");
CODE(into, ".byte 0xce"); CODE(bound, ".byte 0x62, 0x00"); CODE(push_cs, ".byte 0x0e"); CODE(pusha_, ".byte 0x60"); CODE(daa, ".byte 0x27");
CODE(far_jmp_direct, ".byte 0xea, 0, 0, 0, 0, 8, 0"); CODE(les, ".byte 0xc4, 0x00, 0"); CODE(salc, ".byte 0xd6"); CODE(lahf, "lahf");
LABEL(undefined_at); LABEL(int40_at); LABEL(int40_next); LABEL(divide_at); LABEL(unaligned_at);

static void interrupts(void)
{
    try0(undefined, 0, 0);
    check_fault("#UD", UD, 0, undefined_at);
    check("SS in the frame at CPL 0", ex.ss, KDS);
    check("RF in the image", ex.flags & FL_RF, FL_RF);
    try0(unaligned_stack, 0, 0);
    check_fault("#UD on an odd stack", UD, 0, unaligned_at);
    check("frame is aligned", ex.frame & 15, 8); /* error slot below a frame of 40 bytes */
    try0(divide, 0, 0);
    check_fault("#DE", DE, 0, divide_at);
    try3(int40, 0, 0);
    check_fault("INT with gate DPL 0", GP, 0x40 * 8 + 2, int40_at);
    check("frame on RSP0", ex.frame, VAL(trap_stack_top) - 40);
    check("CS", ex.cs, UCS);
    check("SS", ex.ss, UDS);
    set_gate(0x40, KCS, vector_entries + 16 * 0x40, 0xee, 1);
    tss.ist[0] = VAL(ist_stack + 4096);
    try3(int40, 0, 0);
    check_fault("INT through IST", 0x40, 0, int40_next);
    check("frame on IST1", ex.frame, VAL(ist_stack + 4096) - 40);
    try0(int40, 0, 0);
    check("IST at CPL 0", ex.frame, VAL(ist_stack + 4096) - 40);
    tss.ist[0] = VAL(ist_stack + 4095);
    try0(int40, 0, 0);
    check("IST is aligned", ex.frame, VAL(ist_stack + 4080) - 40);
    tss.ist[0] = 1ul << 47;
    try0(int40, 0, 0);
    check_fault("IST not canonical", SS, 0, int40_at);
    set_gate(0x40, KCS, vector_entries + 16 * 0x40, 0x8e, 0);
    try0(int40, 0, 0);
    check_fault("INT", 0x40, 0, int40_next);
    set_gate(0x40, KCS, vector_entries + 16 * 0x40, 0x86, 0);
    try0(int40, 0, 0);
    check_fault("16-bit gate", GP, 0x40 * 8 + 2, int40_at);
    set_gate(0x40, KCS, vector_entries + 16 * 0x40, 0x85, 0);
    try0(int40, 0, 0);
    check_fault("task gate", GP, 0x40 * 8 + 2, int40_at);
    set_gate(0x40, KCS, vector_entries + 16 * 0x40, 0x0e, 0);
    try0(int40, 0, 0);
    check_fault("gate not present", NP, 0x40 * 8 + 2, int40_at);
    set_gate(0x40, KCS32, vector_entries + 16 * 0x40, 0x8e, 0);
    try0(int40, 0, 0);
    check_fault("gate to 32-bit code", GP, KCS32, int40_at);
    set_gate(0x40, KDS, vector_entries + 16 * 0x40, 0x8e, 0);
    try0(int40, 0, 0);
    check_fault("gate to data", GP, KDS, int40_at);
    set_gate(0x40, KCS, (void *)(1ul << 47), 0x8e, 0);
    try0(int40, 0, 0);
    check_fault("handler not canonical", GP, 0, int40_at);
    set_gate(0x40, KCS, vector_entries + 16 * 0x40, 0x8e, 0);
    static const struct { const char *name; const void *code; } invalid[] = {
        { "INTO", into }, { "BOUND", bound }, { "PUSH CS", push_cs }, { "PUSHA", pusha_ }, { "DAA", daa }, { "JMP far direct", far_jmp_direct },
        { "SALC", salc },
    };
    for (unsigned i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        try0(invalid[i].code, VAL(window), 0);
        check_fault(invalid[i].name, UD, 0, invalid[i].code);
    }
    check("LAHF", try0(lahf, 0, 0), NONE);
}

/* ---- IRET and far returns ---- */

CODE(iret_image, "push %rcx; push $user_stack_top - 8; push $2; push %rax; push $user_exit; iret_image_at: iretq");
CODE(iret_null_ss, "mov %rsp, %rdx; push $0; push %rdx; push $2; push $8; push $1f; iretq; 1: mov %ss, %ebx; mov $0x10, %ecx; mov %cx, %ss; int $0x80");
CODE(iret_bad_ip, "push $0x10; push %rsp; push $2; push $8; push %rax; iret_bad_ip_at: iretq");
CODE(iret_nt, "pushf; orl $0x4000, (%rsp); popf; push $0x10; push %rsp; push $2; push $8; push $1f; iret_nt_at: iretq; 1: nop");
CODE(lret_image, "push %rcx; push $user_stack_top - 8; push %rax; push $user_exit; lret_image_at: lretq");
LABEL(iret_image_at); LABEL(iret_bad_ip_at); LABEL(iret_nt_at); LABEL(lret_image_at);

static void returns(void)
{
    try0(iret_image, UCS, UDS);
    check_fault("IRET to CPL 3", EXIT, 0, user_exit + 2);
    try0(iret_image, UCS32, UDS);
    check_fault("IRET to compatibility mode", EXIT, 0, 0);
    check("CS of compatibility mode", ex.cs, UCS32);
    try0(iret_image, UCS, 3);
    check_fault("IRET to CPL 3 with null SS", GP, 0, iret_image_at);
    try0(iret_image, UCS32, 3);
    check_fault("IRET to compatibility mode with null SS", GP, 0, iret_image_at);
    try0(iret_image, UCS, KDS);
    check_fault("IRET with SS of ring 0", GP, KDS, iret_image_at);
    try0(iret_image, 0, UDS);
    check_fault("IRET to null", GP, 0, iret_image_at);
    gdt[FREE_SLOT] = descriptor(0, 0xfffff, 0xfb, 0xe); /* L and D */
    try0(iret_image, FREE_SLOT * 8 + 3, UDS);
    check_fault("IRET to L and D", GP, FREE_SLOT * 8, iret_image_at);
    try0(iret_null_ss, 0, 0);
    check_fault("IRET to CPL 0 with null SS", EXIT, 0, 0);
    check("null SS", ex.bx & 0xffff, 0);
    try0(iret_bad_ip, 1ul << 47, 0);
    check("IRET to what is not canonical", ex.vector, GP);
    try0(iret_nt, 0, 0);
    check_fault("IRET with NT", GP, 0, iret_nt_at);
    try0(lret_image, UCS, UDS);
    check_fault("RET to CPL 3", EXIT, 0, user_exit + 2);
    try0(lret_image, UCS32, UDS);
    check("RET to compatibility mode", ex.cs, UCS32);
    try0(lret_image, UCS, KDS);
    check_fault("RET with SS of ring 0", GP, KDS, lret_image_at);
}

/* ---- Compatibility mode ---- */

/* 32-bit code entered by a far call from CPL 0 and left by a far return. */
asm(".text\n.code32\n.globl compat\ncompat: mov $0xffffffff, %eax; inc %eax; dec %ecx; push $0x12345678; pop %edx; push %cs; pop %ebx; int $0x80\n"
    ".globl compat_limit\ncompat_limit: mov $0x40, %eax; .byte 0x48; mov %eax, %edx; int $0x80\n"
    ".globl compat_syscall\ncompat_syscall: syscall\n.globl compat_sysenter\ncompat_sysenter: sysenter\n.globl compat_into\ncompat_into: mov $0x7fffffff, %eax; inc %eax; into\n.code64\n");
extern const char compat[], compat_limit[], compat_syscall[], compat_sysenter[], compat_into[];
CODE(far_call_m, "lcall *(%rax)"); /* selector and 32-bit offset */
CODE(go_user32, "push $0x23; push $user_stack_top - 64; push $2; push $0x1b; push %rax; iretq");

static void compatibility(void)
{
    static struct __attribute__((packed)) { u32 offset; u16 selector; } target;
    target.offset = VAL(compat), target.selector = KCS32;
    try0(far_call_m, VAL(&target), -1ul);
    check_fault("far CALL to 32-bit code", EXIT, 0, 0);
    check("registers have 32 bits", ex.ax, 0);
    check("PUSH has 32 bits", ex.dx, 0x12345678);
    check("CS", ex.bx & 0xffff, KCS32);
    check("CS in the frame", ex.cs, KCS32);
    try0(go_user32, VAL(compat), 0);
    check_fault("CPL 3, 32 bits", EXIT, 0, 0);
    check("DEC ECX keeps 32 bits", ex.cx, 0xffffffff);
    check("RSP in the frame", ex.sp, VAL(user_stack_top) - 64);
    check("frame on RSP0", ex.frame, VAL(trap_stack_top) - 40);
    try0(go_user32, VAL(compat_limit), 0);
    check("48h is DEC EAX there", ex.dx, 0x3f);
    try0(go_user32, VAL(compat_into), 0);
    check("INTO there, DPL 0", ex.vector, GP);
    check("INTO there, error code", ex.error, 4 * 8 + 2);
    target.selector = UCS32;
    try0(far_call_m, VAL(&target), 0);
    check_fault("far CALL outward", GP, UCS32 & ~3, far_call_m);
}

/* ---- SYSCALL, SYSENTER ---- */

CODE(syscall_entry, "mov %cs, %ebx; mov %ss, %edx; pushf; pop %rsi; int $0x80");
CODE(user_syscall, "user_syscall_at: syscall; user_syscall_next: nop");
CODE(user_sysenter, "user_sysenter_at: sysenter");
CODE(sysret_q, "sysretq");
CODE(sysret_l, "sysretl");
CODE(sysexit_q, "mov $user_stack_top - 8, %ecx; mov %rax, %rdx; sysexit_q_at: sysexitq");
CODE(sysexit_l, "mov $user_stack_top - 8, %ecx; mov %rax, %rdx; sysexitl");
CODE(sysret_user, "mov $user_stack_top - 8, %esp; mov %rax, %rcx; mov $0x3246ff, %r11d; sysretq");
CODE(sysret_user32, "mov $user_stack_top - 8, %esp; mov %rax, %rcx; mov $0x202, %r11d; sysretl");
/* alternate_body runs at CPL 3, reached by SYSRET and IRET in turn, and at CPL 0; it sums the CPLs in ESI. */
CODE(alternate, "mov $1000, %edi; xor %esi, %esi; mov $user_stack_top - 8, %esp; jmp 1f;"
     "alternate_body: mov %cs, %eax; and $3, %eax; add %eax, %esi; test %eax, %eax; jz 4f; syscall;"
     ".globl alternate_entry; alternate_entry: dec %edi; jz 2f; call alternate_body;"
     "1: mov $alternate_body, %ecx; mov $0x202, %r11d; test $1, %edi; jz 3f; sysretq;"
     "3: mov %rsp, %rdx; push $0x23; push %rdx; push $0x202; push $0x2b; push %rcx; iretq;"
     "2: int $0x80; 4:");
LABEL(alternate_entry);
LABEL(user_syscall_at); LABEL(user_syscall_next); LABEL(user_sysenter_at); LABEL(sysexit_q_at);
enum { EFER = 0xc0000080u, STAR, LSTAR, CSTAR, FMASK, FS_BASE = 0xc0000100u, GS_BASE, KERNEL_GS_BASE, SYSENTER_CS = 0x174, SYSENTER_ESP, SYSENTER_EIP };

static void syscalls(void)
{
    wrmsr(STAR, (u64)(UCS32) << 48 | (u64)KCS << 32);
    wrmsr(LSTAR, VAL(syscall_entry));
    wrmsr(CSTAR, VAL(syscall_entry));
    wrmsr(FMASK, 0x47700);
    user_flags = 0x40cd7 | FL_ID;
    /* SYSCALL leaves RSP alone: the entry's pushes go to the user stack. */
    try3(user_syscall, 0, 0);
    check_fault("SYSCALL", EXIT, 0, 0);
    check("CS after SYSCALL", ex.bx & 0xffff, KCS);
    check("SS after SYSCALL", ex.dx & 0xffff, KDS);
    check("RCX after SYSCALL", ex.cx, VAL(user_syscall_next));
    check("flags masked", ex.si, (0x40cd7 | FL_ID) & ~0x47700ul);
    user_flags = 2;
    wrmsr(LSTAR, VAL(alternate_entry));
    try0(alternate, 0, 0);
    check_fault("the same code at CPL 0 and 3 in turn", EXIT, 0, 0);
    check("sum of the CPLs", ex.si, 3000);
    wrmsr(LSTAR, VAL(syscall_entry));
    try0(sysret_user, VAL(user_exit), 0);
    check_fault("SYSRET", EXIT, 0, user_exit + 2);
    check("CS after SYSRET", ex.cs, UCS);
    check("SS after SYSRET", ex.ss, UDS);
    check("flags after SYSRET", ex.flags, 0x3046d7);
    try0(sysret_user32, VAL(user_exit), 0);
    check_fault("32-bit SYSRET", EXIT, 0, user_exit + 2);
    check("CS after 32-bit SYSRET", ex.cs, UCS32);
    check("SS after 32-bit SYSRET", ex.ss, UDS);
    if (!amd) {
        try0(sysret_user, 1ul << 47, 0);
        check_fault("SYSRET to what is not canonical", GP, 0, 0);
    }
    try3(sysret_q, 0, 0);
    check_fault("SYSRET at CPL 3", GP, 0, sysret_q);
    try0(go_user32, VAL(compat_syscall), 0);
    check("SYSCALL in compatibility mode", ex.vector, amd ? EXIT : UD);
    wrmsr(EFER, rdmsr(EFER) & ~1ull);
    try3(user_syscall, 0, 0);
    check_fault("SYSCALL without SCE", UD, 0, user_syscall_at);
    try0(sysret_q, 0, 0);
    check_fault("SYSRET without SCE", UD, 0, sysret_q);
    wrmsr(EFER, rdmsr(EFER) | 1);

    wrmsr(SYSENTER_CS, KCS);
    wrmsr(SYSENTER_ESP, VAL(trap_stack_top) - 256);
    wrmsr(SYSENTER_EIP, VAL(syscall_entry));
    try3(user_sysenter, 0, 0);
    if (amd) {
        check_fault("SYSENTER in long mode", UD, 0, user_sysenter_at);
        try0(sysexit_q, 0, 0);
        check_fault("SYSEXIT in long mode", UD, 0, sysexit_q_at);
    } else {
        check_fault("SYSENTER", EXIT, 0, 0);
        check("CS after SYSENTER", ex.bx & 0xffff, KCS);
        check("SS after SYSENTER", ex.dx & 0xffff, KDS);
        check("RSP after SYSENTER", ex.sp, VAL(trap_stack_top) - 256);
        wrmsr(SYSENTER_CS, 0);
        try3(user_sysenter, 0, 0);
        check_fault("SYSENTER with null CS", GP, 0, user_sysenter_at);
        wrmsr(SYSENTER_CS, 8);
        try3(sysexit_q, 0, 0);
        check_fault("SYSEXIT at CPL 3", GP, 0, sysexit_q_at);
        try0(sysexit_q, 1ul << 47, 0);
        check_fault("SYSEXIT to what is not canonical", GP, 0, sysexit_q_at);
    }
}

/* ---- FS, GS ---- */

CODE(load_fs_null, "xor %eax, %eax; mov %ax, %fs");
CODE(load_gs_data, "mov $0x23, %eax; mov %ax, %gs");
CODE(read_fs, "mov %fs:(%rcx), %eax; int $0x80");
CODE(read_gs, "mov %gs:(%rcx), %eax; int $0x80");
CODE(read_ds, "mov $0, %edx; mov %dx, %ds; mov %ds:(%rcx), %eax; int $0x80"); /* null DS is as good as any */
CODE(fs_32, "addr32 mov %fs:-4(%ecx), %eax; int $0x80");
CODE(do_swapgs, "swapgs");
CODE(do_wrfsbase, "wrfsbase %rax");
CODE(do_rdgsbase, "rdgsbase %rax; int $0x80");

static void bases(void)
{
    *(u32 *)window = 0xf5f5f5f5;
    wrmsr(FS_BASE, VAL(window) - 0x1000);
    try0(read_fs, 0, 0x1000);
    check("FS base", ex.ax, 0xf5f5f5f5);
    try3(read_fs, 0, 0x1000);
    check("FS base at CPL 3", ex.ax, 0xf5f5f5f5);
    wrmsr(FS_BASE, VAL(window) - 0xfffffffcul);
    try0(fs_32, 0, 0);
    check("32-bit offsets wrap before the base is added", ex.ax, 0xf5f5f5f5);
    wrmsr(FS_BASE, -0x1000ul);
    try0(read_fs, 0, VAL(window) + 0x1000);
    check("negative base", ex.ax, 0xf5f5f5f5);
    try0(read_ds, 0, VAL(window));
    check("null DS", ex.ax, 0xf5f5f5f5);
    wrmsr(GS_BASE, 0x1111);
    wrmsr(KERNEL_GS_BASE, VAL(window));
    check("SWAPGS", try0(do_swapgs, 0, 0), NONE);
    check("GS base after SWAPGS", rdmsr(GS_BASE), VAL(window));
    check("kernel GS base after SWAPGS", rdmsr(KERNEL_GS_BASE), 0x1111);
    try0(read_gs, 0, 0);
    check("read through GS", ex.ax, 0xf5f5f5f5);
    try3(do_swapgs, 0, 0);
    check_fault("SWAPGS at CPL 3", GP, 0, do_swapgs);
    try0(load_gs_data, 0, 0);
    check("loading GS takes the descriptor's base", rdmsr(GS_BASE), 0);
    wrmsr(FS_BASE, 0x123456789000);
    try0(load_fs_null, 0, 0);
    check("null FS: base", rdmsr(FS_BASE), 0);
    u32 r[4];
    cpuid(7, 0, r);
    if (r[1] & 1) {
        try0(do_wrfsbase, 5, 0);
        check_fault("WRFSBASE without CR4.FSGSBASE", UD, 0, do_wrfsbase);
        write_cr4(read_cr4() | 1 << 16);
        try0(do_wrfsbase, 0x7fffffff1234, 0);
        check("WRFSBASE", rdmsr(FS_BASE), 0x7fffffff1234);
        try0(do_wrfsbase, 1ul << 47, 0);
        check_fault("WRFSBASE of what is not canonical", GP, 0, do_wrfsbase);
        wrmsr(GS_BASE, 0x4444);
        try3(do_rdgsbase, 0, 0);
        check("RDGSBASE at CPL 3", ex.ax, 0x4444);
        write_cr4(read_cr4() & ~(1ul << 16));
    }
    wrmsr(FS_BASE, 0);
    wrmsr(GS_BASE, 0);
}

/* ---- MSRs and others that fault ---- */

CODE(do_rdmsr, "rdmsr");
CODE(do_wrmsr, "mov %rax, %rdx; shr $32, %rdx; wrmsr_at: wrmsr");
CODE(mov_cr8, "mov %rax, %cr8");
CODE(mov_cr1, ".byte 0x0f, 0x20, 0xc8"); CODE(mov_cr5, ".byte 0x0f, 0x20, 0xe8");
CODE(do_cpuid, "cpuid"); CODE(do_wbinvd, "wbinvd"); CODE(do_invlpg, "invlpg (%rax)"); CODE(do_lgdt, "lgdt (%rax)"); CODE(do_clts, "clts");
CODE(do_xsetbv, "mov %rax, %rdx; shr $32, %rdx; xsetbv_at: xsetbv"); CODE(do_rdtsc, "rdtsc"); CODE(do_sgdt, "sgdt (%rcx)"); CODE(do_smsw, "smsw %eax"); CODE(do_str, "str %eax");
CODE(do_rdpmc, "rdpmc"); CODE(do_monitor, "monitor"); CODE(lock_mov, ".byte 0xf0, 0x89, 0x01"); CODE(lock_reg, ".byte 0xf0, 0x01, 0xc8"); CODE(lock_cmp, ".byte 0xf0, 0x39, 0x01");
CODE(too_long, ".rept 15; .byte 0x66; .endr; nop");
CODE(wr_dr7_high, "mov %rax, %dr7");
LABEL(wrmsr_at); LABEL(xsetbv_at);

static void refused(void)
{
    try0(do_rdmsr, 0, 0x12345678);
    check_fault("RDMSR of an unknown MSR", GP, 0, do_rdmsr);
    try0(do_wrmsr, 1ul << 47, LSTAR);
    check_fault("LSTAR not canonical", GP, 0, wrmsr_at);
    try0(do_wrmsr, 1ul << 47, GS_BASE);
    check_fault("GS base not canonical", GP, 0, wrmsr_at);
    try0(do_wrmsr, 1ul << 47, KERNEL_GS_BASE);
    check_fault("kernel GS base not canonical", GP, 0, wrmsr_at);
    try0(do_wrmsr, rdmsr(EFER) ^ 0x100, EFER);
    check_fault("LME off with paging on", GP, 0, wrmsr_at);
    try0(do_wrmsr, rdmsr(EFER) | 1u << 20, EFER);
    check_fault("EFER reserved bit", GP, 0, wrmsr_at);
    try3(do_rdmsr, 0, EFER);
    check_fault("RDMSR at CPL 3", GP, 0, do_rdmsr);
    try3(do_wrmsr, 0, FS_BASE);
    check_fault("WRMSR at CPL 3", GP, 0, wrmsr_at);
    try0(do_wrmsr, 0xfee00900 | 1ul << 60, 0x1b);
    check_fault("APIC base out of range", GP, 0, wrmsr_at);
    try0(do_wrmsr, 2, 0x277);
    check_fault("PAT type 2", GP, 0, wrmsr_at);
    try0(mov_cr8, 16, 0);
    check_fault("CR8 above 15", GP, 0, mov_cr8);
    check("CR8", try0(mov_cr8, 15, 0), NONE);
    try0(mov_cr8, 0, 0);
    try3(mov_cr8, 0, 0);
    check_fault("CR8 at CPL 3", GP, 0, mov_cr8);
    try0(mov_cr1, 0, 0);
    check_fault("CR1", UD, 0, mov_cr1);
    try0(mov_cr5, 0, 0);
    check_fault("CR5", UD, 0, mov_cr5);
    try0(wr_dr7_high, 1ul << 32, 0);
    check_fault("DR7 high half", GP, 0, wr_dr7_high);
    check("WBINVD", try0(do_wbinvd, 0, 0), NONE);
    static const struct { const char *name; const void *code; } privileged[] = {
        { "WBINVD at CPL 3", do_wbinvd }, { "INVLPG at CPL 3", do_invlpg }, { "LGDT at CPL 3", do_lgdt }, { "CLTS at CPL 3", do_clts },
    };
    for (unsigned i = 0; i < sizeof privileged / sizeof *privileged; i++) {
        try3(privileged[i].code, VAL(window), 0);
        check_fault(privileged[i].name, GP, 0, privileged[i].code);
    }
    try3(do_cpuid, 0, 0);
    check_fault("CPUID at CPL 3", EXIT, 0, 0);
    try3(do_rdtsc, 0, 0);
    check_fault("RDTSC at CPL 3", EXIT, 0, 0);
    write_cr4(read_cr4() | 4);
    try3(do_rdtsc, 0, 0);
    check_fault("RDTSC with TSD", GP, 0, do_rdtsc);
    write_cr4(read_cr4() & ~4ul);
    u32 r[4];
    cpuid(7, 0, r);
    if (r[2] & 4) {
        try3(do_str, 0, 0);
        check_fault("STR at CPL 3", EXIT, 0, 0);
        write_cr4(read_cr4() | 1 << 11);
        try3(do_str, 0, 0);
        check_fault("STR with UMIP", GP, 0, do_str);
        try3(do_smsw, 0, 0);
        check_fault("SMSW with UMIP", GP, 0, do_smsw);
        try3(do_sgdt, 0, VAL(window));
        check_fault("SGDT with UMIP", GP, 0, do_sgdt);
        check("STR with UMIP at CPL 0", try0(do_str, 0, 0), NONE);
        write_cr4(read_cr4() & ~(1ul << 11));
    }
    try0(do_xsetbv, 1, 0);
    check_fault("XSETBV without OSXSAVE", UD, 0, xsetbv_at);
    cpuid(1, 0, r);
    if (r[2] & 1 << 26) {
        write_cr4(read_cr4() | 1 << 18);
        check("XSETBV", try0(do_xsetbv, 3, 0), NONE);
        cpuid(1, 0, r);
        check("OSXSAVE in CPUID", r[2] >> 27 & 1, 1);
        try0(do_xsetbv, 2, 0);
        check_fault("XCR0 without x87", GP, 0, xsetbv_at);
        try0(do_xsetbv, 5, 0);
        check_fault("XCR0 with AVX but not SSE", GP, 0, xsetbv_at);
        try0(do_xsetbv, 1, 1);
        check_fault("XCR1", GP, 0, xsetbv_at);
        try3(do_xsetbv, 3, 0);
        check_fault("XSETBV at CPL 3", GP, 0, xsetbv_at);
        write_cr4(read_cr4() & ~(1ul << 18));
    }
    try0(lock_mov, 0, VAL(window));
    check_fault("LOCK MOV", UD, 0, lock_mov);
    try0(lock_reg, 0, VAL(window));
    check_fault("LOCK ADD register", UD, 0, lock_reg);
    try0(lock_cmp, 0, VAL(window));
    check_fault("LOCK CMP", UD, 0, lock_cmp);
    try0(too_long, 0, 0);
    check_fault("16 bytes", GP, 0, too_long);
}

/* ---- Alignment checks ---- */

CODE(load4, "mov (%rax), %ecx");
CODE(push_odd, "sub $3, %rsp; push_odd_at: push %rax");
LABEL(push_odd_at);

static void alignment(void)
{
    user_flags = 2 | FL_AC;
    try3(load4, VAL(window) + 1, 0);
    check_fault("AC without AM", EXIT, 0, 0);
    write_cr0(read_cr0() | 1 << 18);
    try3(load4, VAL(window) + 1, 0);
    check_fault("#AC", AC, 0, load4);
    try3(load4, VAL(window) + 4, 0);
    check_fault("aligned", EXIT, 0, 0);
    try3(push_odd, 0, 0);
    check_fault("#AC of PUSH", AC, 0, push_odd_at);
    user_flags = 2;
    try3(load4, VAL(window) + 1, 0);
    check_fault("AM without AC", EXIT, 0, 0);
    write_flags(2 | FL_AC);
    check("no #AC at CPL 0", try0(load4, VAL(window) + 1, 0), NONE);
    write_flags(2);
    write_cr0(read_cr0() & ~(1ul << 18));
}

void main(void)
{
    u32 r[4];
    cpuid(0, 0, r);
    amd = r[1] == 0x68747541;
    interrupts();
    returns();
    compatibility();
    syscalls();
    bases();
    refused();
    alignment();
}
