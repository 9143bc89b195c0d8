/* SPDX-License-Identifier: MIT */
/*
 * Debug registers and single step in 32-bit protected mode: code, write and read/write breakpoints, lengths, I/O, DR6,
 * GD, RF, TF with interrupts, strings, POP SS and branches, BTF. SDM vol. 3 chapter 17.
 */
#include "lib.h"

static u32 data[8] __attribute__((aligned(16)));
enum { DR6_0 = 0xffff0ff0u, BS = 0x4000, BD = 0x2000 };
enum { EXEC = 0, WRITE = 1, IO = 2, ACCESS = 3 };
static ul control(unsigned n, unsigned kind, unsigned length_bits) { return 0x400 | 2u << n * 2 | (kind | length_bits << 2) << (16 + 4 * n); }

/* ---- Breakpoints ---- */

CODE(code_break, "nop; code_break_at: mov $1, %edx; code_break_next: nop");
CODE(store4, "store4_at: mov %ecx, (%eax); store4_next: nop");
CODE(store1, "store1_at: movb %cl, (%eax); store1_next: nop");
CODE(load4, "load4_at: mov (%eax), %ecx; load4_next: nop");
CODE(add4, "add4_at: addl $1, (%eax); add4_next: nop");
CODE(rep_store, "mov %eax, %edi; mov $4, %ecx; mov $7, %eax; rep_store_at: rep stosl; rep_store_next: nop");
CODE(out_port, "mov $0x80, %edx; out_port_at: out %al, %dx; out_port_next: nop");
CODE(write_dr, "write_dr_at: mov %eax, %dr0");
CODE(read_dr4, "read_dr4_at: mov %dr4, %eax");
CODE(push4, "push_at: push $5; push_next: pop %ecx");
LABEL(code_break_at); LABEL(store4_next); LABEL(store1_next); LABEL(load4_next); LABEL(add4_next); LABEL(rep_store_at); LABEL(rep_store_next);
LABEL(out_port_next); LABEL(write_dr_at); LABEL(read_dr4_at); LABEL(code_break_next);

static void arm(unsigned n, const volatile void *at, unsigned kind, unsigned length_bits)
{
    if (n == 0) write_dr0(VAL(at));
    if (n == 1) write_dr1(VAL(at));
    if (n == 2) write_dr2(VAL(at));
    if (n == 3) write_dr3(VAL(at));
    write_dr6(DR6_0);
    write_dr7(control(n, kind, length_bits));
}

static void hit(const char *name, const void *code, const volatile void *at, const void *ip, ul dr6)
{
    ex.vector = NONE;
    try0(code, VAL(at), 0x12);
    if (!ip) {
        check(name, ex.vector, NONE);
        return;
    }
    check_fault(name, DB, 0, ip);
    check(name, ex.dr6, dr6);
}

static void breakpoints(void)
{
    check("DR6 at reset", read_dr6(), DR6_0);
    check("DR7 at reset", read_dr7(), 0x400);
    for (unsigned n = 0; n < 4; n++) {
        arm(n, code_break_at, EXEC, 0);
        hit("code", code_break, 0, code_break_at, DR6_0 | 1u << n);
        check("code: no RF in the image", ex.flags & FL_RF, 0); /* 17.3.1.1 */
        check("code: before the instruction", ex.dx == 1, 0);
        arm(n, data, WRITE, 3);
        hit("write", store4, data, store4_next, DR6_0 | 1u << n);
        check("write: done", data[0], 0x12);
        check("write: no RF", ex.flags & FL_RF, 0);
        hit("write, read", load4, data, 0, 0);
        hit("write, last byte", store1, (u8 *)data + 3, store1_next, DR6_0 | 1u << n);
        hit("write, next byte", store1, (u8 *)data + 4, 0, 0);
        hit("write, over the edge", store4, (u8 *)data + 2, store4_next, DR6_0 | 1u << n);
        hit("read-modify-write", add4, data, add4_next, DR6_0 | 1u << n);
        arm(n, data + 1, ACCESS, 3);
        hit("access, read", load4, data + 1, load4_next, DR6_0 | 1u << n);
        hit("access, write", store4, data + 1, store4_next, DR6_0 | 1u << n);
        hit("access, elsewhere", load4, data + 2, 0, 0);
        arm(n, (u8 *)data + 6, WRITE, 1);
        hit("2 bytes, first", store1, (u8 *)data + 6, store1_next, DR6_0 | 1u << n);
        hit("2 bytes, before", store1, (u8 *)data + 5, 0, 0);
        hit("2 bytes, behind", store1, (u8 *)data + 8, 0, 0);
        arm(n, (u8 *)data + 9, WRITE, 0);
        hit("1 byte", store4, data + 2, store4_next, DR6_0 | 1u << n);
        hit("1 byte, beside", store1, (u8 *)data + 8, 0, 0);
        arm(n, (void *)0x80, IO, 0);
        write_cr4(read_cr4() | 8);
        hit("I/O", out_port, 0, out_port_next, DR6_0 | 1u << n);
        write_cr4(read_cr4() & ~8);
    }
    arm(0, data, WRITE, 3);
    write_dr7(0x400);
    hit("disabled", store4, data, 0, 0);
    write_dr7((control(0, WRITE, 3) & ~2u) | 1);
    hit("local", store4, data, store4_next, DR6_0 | 1);
    write_dr6(DR6_0);
    write_dr7(control(0, WRITE, 3));
    write_dr1(VAL(data));
    write_dr7(control(0, WRITE, 3) | control(1, WRITE, 3));
    hit("two at once", store4, data, store4_next, DR6_0 | 3);
    write_dr7(control(0, WRITE, 3));
    write_dr6(DR6_0 | BS);
    hit("BS stays until software clears it", store1, data, store1_next, DR6_0 | BS | 1);
}

static void string_breakpoints(void)
{
    arm(0, data + 1, WRITE, 3);
    hit("REP STOS", rep_store, data, rep_store_at, DR6_0 | 1);
    check("REP STOS stops behind the element", ex.di, VAL(data + 2));
    check("REP STOS count", ex.cx, 2);
    check("REP STOS next element not written", data[2] == 7, 0);
    check("RF between iterations", ex.flags & FL_RF, FL_RF);
    arm(0, data + 3, WRITE, 3);
    hit("REP STOS, last element", rep_store, data, rep_store_next, DR6_0 | 1);
    check("no RF after the last iteration", ex.flags & FL_RF, 0);
}

/* Continues behind a code breakpoint with RF: one hit per execution of the instruction. */
static unsigned hits;
static int count_hits(Frame *f)
{
    if (f->vector != DB)
        return 0;
    hits++;
    write_dr6(DR6_0);
    f->flags |= FL_RF;
    return 1;
}

CODE(loop_break, "mov $10, %ecx; 1: loop_break_at: dec %ecx; jnz 1b");
CODE(two_breaks, "two_a: nop; two_b: nop; two_c: nop");
CODE(fault_break, "fault_break_at: mov 0xfffffff0, %al");
LABEL(loop_break_at); LABEL(two_a); LABEL(two_b); LABEL(two_c);

static void resume_flag(void)
{
    event_hook = count_hits;
    hits = 0;
    arm(0, loop_break_at, EXEC, 0);
    try0(loop_break, 0, 0);
    check("code breakpoint in a loop", hits, 10);
    hits = 0;
    arm(0, two_a, EXEC, 0);
    write_dr1(VAL(two_b));
    write_dr2(VAL(two_c));
    write_dr7(control(0, EXEC, 0) | control(1, EXEC, 0) | control(2, EXEC, 0));
    try0(two_breaks, 0, 0);
    check("RF lasts for one instruction", hits, 3);
    event_hook = 0;
    write_dr7(0x400);
}

static void general_detect(void)
{
    write_dr6(DR6_0);
    write_dr7(0x2400);
    try0(write_dr, 0, 0);
    check_fault("GD", DB, 0, write_dr_at);
    check("BD", ex.dr6, DR6_0 | BD);
    write_dr6(DR6_0);
    check("GD is cleared", read_dr7(), 0x400);
    check("DR4 without DE", try0(read_dr4, 0, 0), NONE);
    write_cr4(read_cr4() | 8);
    try0(read_dr4, 0, 0);
    check_fault("DR4 with DE", UD, 0, read_dr4_at);
    write_cr4(read_cr4() & ~8);
    try3(write_dr, 0, 0);
    check_fault("DR0 at CPL 3", GP, 0, write_dr_at);
    write_dr6(0);
    check("fixed bits of DR6", read_dr6() & 0xfffe0ff0, 0xfffe0ff0);
    write_dr7(0);
    check("fixed bits of DR7", read_dr7(), 0x400);
    write_dr6(DR6_0);
}

/* ---- Single step ---- */

static ul trace[64];
static unsigned steps;
static int step(Frame *f)
{
    if (f->vector != DB)
        return 0;
    if (steps < 64)
        trace[steps] = f->ip;
    steps++;
    write_dr6(DR6_0);
    return 1;
}

#define STEP_ON "pushf; orl $0x100, (%esp); popf;"
#define STEP_OFF "pushf; andl $~0x100, (%esp); popf;"
CODE(step_plain, STEP_ON "nop; s1: nop; s2: mov $3, %ecx; s3: loop s3; s4:" STEP_OFF "nop");
CODE(step_jump, STEP_ON "jmp j1; ud2; j1: call j2; j3: jmp j4; j2: ret; j4:" STEP_OFF "nop");
CODE(step_ss, "mov %ss, %ecx;" STEP_ON "nop; ss1: mov %cx, %ss; ss2: nop; ss3:" STEP_OFF "nop");
CODE(step_int, STEP_ON "nop; i1: int $0x60; i2: nop; i3:" STEP_OFF "nop");
CODE(step_rep, "mov %eax, %edi; mov $3, %ecx;" STEP_ON "r1: rep stosb; r2:" STEP_OFF "nop");
CODE(step_fault, STEP_ON "f1: ud2; f2:" STEP_OFF "nop");
CODE(step_iret, "pushl $0x102; push $8; push $t1_; iret; t1_: nop; t2_: nop; t3_:" STEP_OFF "nop");
CODE(step_repe, "mov $5, %ecx; mov %eax, %edi; mov $0x12, %al; movb $0x12, (%edi); movb $0x13, 1(%edi);" STEP_ON "q1: repe scasb; q2:" STEP_OFF "nop");
CODE(step_sti, STEP_ON "sti; st1: nop; st2: cli; st3:" STEP_OFF "nop");
CODE(step_rdtsc, STEP_ON "cpuid; c1: rdtsc; c2: mov %cr0, %eax; c3: mov %eax, %cr0; c4: in $0x61, %al; c5: pushf; c6: popf; c7:" STEP_OFF "nop");
#define L(name) extern const char name[]
L(s1); L(s2); L(s3); L(s4); L(j1); L(j2); L(j3); L(j4); L(ss1); L(ss2); L(ss3); L(i1); L(i2); L(i3); L(r1); L(r2); L(t1_); L(t2_); L(t3_); L(f1);
L(q1); L(q2); L(st1); L(st2); L(st3); L(c1); L(c2); L(c3); L(c4); L(c5); L(c6); L(c7);

static void stepped(const char *name, const void *code, const char *const want[])
{
    steps = 0;
    for (unsigned i = 0; i < 64; i++)
        trace[i] = 0;
    event_hook = step;
    try0(code, VAL(data), 0);
    event_hook = 0;
    for (unsigned i = 0; want[i]; i++)
        check(name, trace[i], VAL(want[i]));
}
#define STEPPED(name, code, ...) stepped(name, code, (const char *const[]){ __VA_ARGS__, 0 })

CODE(step_store, STEP_ON "movb $1, (%eax); both:" STEP_OFF "nop");
L(both);

/* The handler of INT 60h notes whether TF is off in it. */
volatile u32 int60_flags;
CODE(int60, "pushf; popl int60_flags; iret");

static void single_step(void)
{
    STEPPED("step", step_plain, s1, s2, s3, s3, s3, s4);
    STEPPED("step through branches", step_jump, j1, j2, j3, j4);
    STEPPED("MOV SS delays the trap", step_ss, ss1, ss3);
    set_gate(0x60, KCS, int60, 0x8e, 0);
    STEPPED("INT n is stepped over", step_int, i1, i3); /* IRET sets TF: the trap comes one later */
    check("TF off in the handler", int60_flags & FL_TF, 0);
    STEPPED("REP steps per element", step_rep, r1, r1, r2);
    STEPPED("REPE SCAS", step_repe, q1, q2);
    STEPPED("IRET with TF", step_iret, t2_, t3_);
    STEPPED("STI", step_sti, st1, st2, st3);
    STEPPED("system instructions", step_rdtsc, c1, c2, c3, c4, c5, c6, c7);
    steps = 0;
    event_hook = step;
    try0(step_fault, 0, 0);
    event_hook = 0;
    check_fault("fault before the trap", UD, 0, f1);
    check("no trap before the fault", steps, 0);
    check("TF in the image", ex.flags & FL_TF, FL_TF);
    check("TF off in a fault's handler", ex.handler_flags & FL_TF, 0);

    write_dr6(DR6_0);
    try0(step_plain, 0, 0);
    check_fault("BS", DB, 0, s1);
    check("BS in DR6", ex.dr6, DR6_0 | BS);
    /* Step and data breakpoint of one instruction: one #DB with both. */
    arm(0, data, WRITE, 3);
    try0(step_store, VAL(data), 0);
    check_fault("step and breakpoint", DB, 0, both);
    check("step and breakpoint, DR6", ex.dr6, DR6_0 | BS | 1);
    /* From CPL 3. */
    write_dr7(0x400);
    write_dr6(DR6_0);
    user_flags = 2 | FL_TF;
    try3(code_break, 0, 0);
    check_fault("step at CPL 3", DB, 0, code_break_at - 0);
    user_flags = 2;
    write_dr6(DR6_0);
}

/* ---- ICEBP ---- */

CODE(icebp, ".byte 0xf1; icebp_next: nop");
LABEL(icebp_next);

void main(void)
{
    breakpoints();
    string_breakpoints();
    resume_flag();
    general_detect();
    single_step();
    write_dr6(DR6_0);
    try0(icebp, 0, 0);
    check_fault("INT1", DB, 0, icebp_next);
    check("INT1 leaves DR6 alone", ex.dr6, DR6_0);
}
