/* SPDX-License-Identifier: MIT */
/* Exception entry and return, priorities, masks, escalation, MPU, sleep on a Cortex-M4. Values: Armv7-M ARM (DDI 0403). */
#include "m.h"

static volatile uint32_t seen_lr, seen_sp, seen_ipsr, seen_control, order, nesting, cfsr, hfsr;
static volatile uint32_t *frame;

/* Handlers get the stack frame (r0) and EXC_RETURN (r1). */
#define HANDLER(name, body) \
    static __attribute__((used)) void name##_c(volatile uint32_t *f, uint32_t lr) { frame = f; seen_lr = lr; seen_ipsr = read_special("ipsr"); body } \
    NAKED static void name(void) { ASM("tst lr, #4\n ite eq\n mrseq r0, msp\n mrsne r0, psp\n mov r1, lr\n push {r1, r2}\n bl " #name "_c\n pop {r1, r2}\n bx r1"); }

HANDLER(on_svc, seen_control = read_special("control");)
HANDLER(skip2, cfsr = SCS(CFSR); hfsr = SCS(HFSR); SCS(CFSR) = cfsr; SCS(HFSR) = hfsr; f[6] += 2;)
HANDLER(skip4, cfsr = SCS(CFSR); hfsr = SCS(HFSR); SCS(CFSR) = cfsr; SCS(HFSR) = hfsr; f[6] += 4;)
/* A fetch went wrong: back to where the call came from. */
HANDLER(to_caller, cfsr = SCS(CFSR); hfsr = SCS(HFSR); SCS(CFSR) = cfsr; SCS(HFSR) = hfsr; f[6] = f[5] & ~1u; f[7] |= 1 << 24;)

static uint32_t process_stack[64] __attribute__((aligned(8)));

static void test_svc(void)
{
    register uint32_t r0 __asm__("r0") = 0x11, r1 __asm__("r1") = 0x22, r2 __asm__("r2") = 0x33, r3 __asm__("r3") = 0x44;
    handle(SVCALL, on_svc);
    ASM("msr apsr_nzcvq, %4\n svc 5\n 1:" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3) : "r"(0x60000000) : "r12", "memory", "cc");
    check(1, seen_lr, 0xfffffff9);
    check(2, frame[0], 0x11);
    check(3, frame[3], 0x44);
    check(4, ((uint16_t *)frame[6])[-1], 0xdf05);
    check(5, frame[7] & 0xff00f9ff, 0x61000000);
    check(6, seen_ipsr, SVCALL);
    check(7, r3, 0x44);
    /* Thread mode on the process stack, unprivileged */
    write_special("psp", &process_stack[64]);
    write_special("control", 3);
    ASM("isb\n svc 0" ::: "memory", "r12");
    check(8, read_special("control"), 3);
    write_special("control", 0); /* ignored */
    check(9, read_special("control"), 3);
    check(10, read_special("msp"), 0);
}

/* Privileged again by way of a handler. */
static void grant_c(void)
{
    write_special("control", read_special("control") & ~1u);
}

static void test_process_stack(void)
{
    check(11, seen_lr, 0xfffffffd);
    check(12, (uint32_t)frame >= (uint32_t)process_stack && (uint32_t)frame < (uint32_t)&process_stack[64], 1);
    handle(SVCALL, grant_c);
    ASM("svc 0" ::: "r0", "r1", "r2", "r3", "r12", "memory");
    check(13, read_special("control"), 2);
    ASM("mrs r0, msp\n movs r1, #0\n msr control, r1\n isb" ::: "r0", "r1", "memory");
    check(14, read_special("control"), 0);
}

static void test_faults(void)
{
    handle(HARD, skip2);
    ASM("udf 1");
    check(20, cfsr, 1 << 16);
    check(21, hfsr, 1 << 30);
    check(22, seen_ipsr, HARD);
    SCS(SHCSR) = 7 << 16;
    handle(USAGE, skip2);
    handle(BUS, skip2);
    handle(MEM, skip2);
    ASM("udf 1");
    check(23, cfsr, 1 << 16);
    check(24, hfsr, 0);
    check(25, seen_ipsr, USAGE);
    ASM("ldr r0, [%0]\n nop" :: "l"(0x60000000) : "r0");
    check(26, seen_ipsr, BUS);
    check(27, cfsr, 0x8200);
    check(28, SCS(BFAR), 0x60000000);
    /* Division by zero, unaligned accesses: by choice, and always for LDRD */
    uint32_t q = 1;
    handle(USAGE, skip4);
    ASM("udiv %0, %1, %2" : "=r"(q) : "r"(5), "r"(0));
    check(29, q, 0);
    SCS(CCR) |= 0x10;
    barrier();
    ASM("udiv %0, %1, %2" : "=r"(q) : "r"(5), "r"(0));
    check(30, cfsr, 1 << 25);
    SCS(CCR) &= ~0x10u;
    ASM("ldrd r0, r1, [%0]" :: "r"((uint32_t)process_stack + 2) : "r0", "r1");
    check(31, cfsr, 1 << 24);
    cfsr = 0;
    ASM("ldr.w r0, [%0]" :: "r"((uint32_t)process_stack + 2) : "r0");
    check(32, cfsr, 0);
    SCS(CCR) |= 8;
    barrier();
    ASM("ldr.w r0, [%0]" :: "r"((uint32_t)process_stack + 2) : "r0");
    check(33, cfsr, 1 << 24);
    SCS(CCR) &= ~8u;
    barrier();
    /* A coprocessor that is not there; a branch out of Thumb state; code that may not be executed */
    ASM("mrc p3, 0, r0, c0, c0, 0" ::: "r0");
    check(34, cfsr, 1 << 19);
    handle(USAGE, to_caller);
    ASM("blx %0" :: "r"((uint32_t)process_stack & ~1u) : "lr", "r0", "r1", "r2", "r3", "r12", "memory");
    check(35, cfsr, 1 << 17);
    ASM("nop"); 
    handle(MEM, to_caller);
    ASM("blx %0" :: "r"(0x40000001) : "lr", "r0", "r1", "r2", "r3", "r12", "memory");
    check(36, cfsr, 1);
    check(37, seen_ipsr, MEM);
}

/* ---- Interrupts: what they append to `order` ---- */
static void note(uint32_t digit) { order = order * 16 + digit; }
static void irq1(void) { note(1); }
static void irq2(void) { note(2); ISPR = 1 << 3; barrier(); note(4); }
static void irq3(void) { note(3); check(54, SCS(ICSR) & 0x1ff, IRQ0 + 3); check(55, SCS(ICSR) >> 11 & 1, 0); check(56, IABR & 0xf, 0xc); }
NAKED static void first_chained(void) { ASM("ldr r0, =0x1234567\n mov r1, sp\n bx lr\n .ltorg"); }
static volatile uint32_t chained_r0;
NAKED static void second_chained(void) { ASM("ldr r1, =chained_r0\n str r0, [r1]\n bx lr\n .ltorg"); }

static void test_priorities(void)
{
    handle(IRQ0 + 1, irq1);
    handle(IRQ0 + 2, irq2);
    handle(IRQ0 + 3, irq3);
    ISER = 0xe;
    IRQ_PRIORITY(1) = 0x60;
    IRQ_PRIORITY(2) = 0x40;
    IRQ_PRIORITY(3) = 0x20;
    /* Together: by priority; irq3 preempts irq2 */
    order = 0;
    ASM("cpsid i");
    ISPR = 6;
    check(50, SCS(ICSR) >> 12 & 0x1ff, IRQ0 + 2);
    check(51, SCS(ICSR) >> 22 & 1, 1);
    ASM("cpsie i\n isb");
    check(52, order, 0x2341);
    /* Same group: no preemption, the subpriority decides who is next */
    SCS(AIRCR) = 0x05fa0000 | 7 << 8;
    order = 0;
    ASM("cpsid i");
    ISPR = 6;
    handle(IRQ0 + 3, irq1);
    ASM("cpsie i\n isb");
    check(53, order, 0x2411);
    SCS(AIRCR) = 0x05fa0000;
    check(57, SCS(AIRCR), 0xfa050000);
    /* BASEPRI lets only what is above it */
    handle(IRQ0 + 3, irq3);
    order = 0;
    write_special("basepri", 0x40);
    write_special("basepri_max", 0x80);
    check(58, read_special("basepri"), 0x40);
    handle(IRQ0 + 3, irq1);
    ISPR = 0xc;
    barrier();
    check(59, order, 1);
    write_special("basepri", 0);
    ASM("isb");
    check(60, order, 0x1214);
    /* Tail-chaining: the second handler finds the first one's registers */
    handle(IRQ0 + 1, second_chained);
    handle(IRQ0 + 2, first_chained);
    ASM("cpsid i");
    ISPR = 6;
    ASM("cpsie i\n isb" ::: "memory");
    check(61, chained_r0, 0x1234567);
    /* STIR, clearing, FAULTMASK, NMI through it */
    handle(IRQ0 + 1, irq1);
    order = 0;
    SCS(STIR) = 1;
    barrier();
    check(62, order, 1);
    ASM("cpsid f");
    ISPR = 2;
    barrier();
    check(63, order, 1);
    check(64, ISPR & 2, 2);
    ICPR = 2;
    handle(NMI, irq1);
    SCS(ICSR) = PEND_NMI;
    barrier();
    check(65, order, 0x11);
    check(66, read_special("faultmask"), 1);
    ASM("cpsie f\n isb");
    check(67, order, 0x11);
    handle(PENDSV, irq1);
    SCS(ICSR) = PEND_SV;
    barrier();
    check(68, order, 0x111);
}

/* ---- Stack alignment, IT, invalid returns ---- */
static void test_frames(void)
{
    uint32_t before, after;
    handle(SVCALL, on_svc);
    ASM("mov %0, sp\n sub sp, #4\n svc 0\n add sp, #4\n mov %1, sp" : "=&r"(before), "=r"(after) :: "memory", "r0", "r1", "r2", "r3", "r12");
    check(70, after, before);
    check(71, frame[7] >> 9 & 1, 1);
    check(72, (uint32_t)frame & 7, 0);
    uint32_t a = 0, b = 0;
    ASM("cmp r0, r0\n ittee eq\n svceq 3\n moveq %0, #1\n movne %1, #1\n addne %1, %1, #4" : "+r"(a), "+r"(b) :: "cc", "r0", "r1", "r2", "r3", "r12");
    check(73, a, 1);
    check(74, b, 0);
}

NAKED static void wrong_return(void) { ASM("ldr r0, =0xfffffff5\n bx r0\n .ltorg"); }
static __attribute__((used)) void after_bad(void)
{
    cfsr = SCS(CFSR);
    SCS(CFSR) = cfsr;
}
NAKED static void on_invpc(void) { ASM("push {r4, lr}\n bl after_bad\n pop {r4, lr}\n mvn lr, #6\n bx lr"); }

static void test_returns(void)
{
    handle(PENDSV, wrong_return);
    handle(USAGE, on_invpc);
    SCS(ICSR) = PEND_SV;
    barrier();
    check(80, cfsr, 1 << 18);
}

/* ---- MPU ---- */
static __attribute__((aligned(256))) uint32_t guarded[64];

static void region(unsigned n, uint32_t base, uint32_t rasr)
{
    SCS(MPU_RBAR) = base | 0x10 | n;
    SCS(MPU_RASR) = rasr;
}

static void test_mpu(void)
{
    uint32_t v = 7;
    check(90, SCS(0xd90), 0x800);
    handle(MEM, skip4);
    region(0, (uint32_t)guarded + 32, 0 << 24 | 4 << 1 | 1);  /* 32 bytes without access */
    region(1, (uint32_t)guarded + 128, 5 << 24 | 6 << 1 | 1); /* 128 bytes, read-only */
    SCS(MPU_CTRL) = 5;
    barrier();
    cfsr = 0;
    ASM("ldr.w %0, [%1]" : "+r"(v) : "r"(&guarded[7]) : "memory");
    check(91, v, 0);
    check(92, cfsr, 0);
    ASM("ldr.w %0, [%1]" : "+r"(v) : "r"(&guarded[8]) : "memory");
    check(93, cfsr, 0x82);
    check(94, SCS(MMFAR), (uint32_t)&guarded[8]);
    cfsr = 0;
    ASM("str.w %0, [%1]" :: "r"(v), "r"(&guarded[15]) : "memory");
    check(95, cfsr, 0x82);
    cfsr = 0;
    ASM("str.w %0, [%1]" :: "r"(9), "r"(&guarded[16]) : "memory");
    check(96, cfsr, 0);
    check(97, guarded[16], 9);
    ASM("ldr.w %0, [%1]" : "+r"(v) : "r"(&guarded[40]) : "memory");
    check(98, cfsr, 0);
    ASM("str.w %0, [%1]" :: "r"(9), "r"(&guarded[40]) : "memory");
    check(99, cfsr, 0x82);
    /* In HardFault, the MPU is off */
    handle(HARD, skip4);
    cfsr = 0;
    ASM("cpsid f\n isb\n str.w %0, [%1]\n cpsie f\n isb" :: "r"(5), "r"(&guarded[9]) : "memory");
    check(100, cfsr, 0);
    /* Subregions: of 256 bytes in eighths, the first one is not there */
    region(0, (uint32_t)guarded, 0 << 24 | 1 << 8 | 7 << 1 | 1);
    region(1, 0, 0);
    barrier();
    ASM("ldr.w %0, [%1]" : "+r"(v) : "r"(&guarded[3]) : "memory");
    check(101, cfsr, 0);
    ASM("ldr.w %0, [%1]" : "+r"(v) : "r"(&guarded[9]) : "memory");
    check(102, cfsr, 0x82);
    SCS(MPU_CTRL) = 0;
    barrier();
}

/* ---- Sleep, SysTick ---- */
static void on_tick(void) { order++; }

static void test_sleep(void)
{
    handle(SYSTICK, on_tick);
    order = 0;
    SCS(0x14) = 99999;
    SCS(0x18) = 0;
    SCS(0x10) = 7;
    while (!order) /* it ticks on: one may come between this and the next */
        ASM("wfi");
    SCS(0x10) = 0;
    SCS(ICSR) = 1 << 25;
    barrier();
    order = 1;
    /* A masked interrupt ends WFI */
    ASM("cpsid i");
    ISPR = 2;
    ASM("wfi");
    check(111, order, 1);
    ICPR = 2;
    ASM("cpsie i");
    ASM("sev\n wfe");
    SCS(0x10) = 5;
    while (!(SCS(0x10) & 1 << 16))
        ;
    check(112, SCS(0x10) >> 16 & 1, 0);
    check(113, SCS(0x18) <= 99999, 1);
    SCS(0x10) = 0;
}

static void test_bitband(void)
{
    static volatile uint32_t word;
    uint32_t at = (uint32_t)&word;
    REG(0x22000000 + (at - 0x20000000) * 32 + 5 * 4) = 1;
    check(120, word, 0x20);
    check(121, REG(0x22000000 + (at - 0x20000000) * 32 + 5 * 4), 1);
    REG(0x22000000 + (at - 0x20000000) * 32 + 5 * 4) = 0xfe;
    check(122, word, 0);
}

int main(void)
{
    test_svc();
    test_process_stack();
    test_faults();
    test_priorities();
    test_frames();
    test_returns();
    test_mpu();
    test_sleep();
    test_bitband();
    return 0;
}
