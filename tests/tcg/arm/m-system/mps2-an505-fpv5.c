/* SPDX-License-Identifier: MIT */
/* FPv5 on a Cortex-M33: the first FP instruction of a context is an arithmetic one, instructions of v8 are there, Secure contexts. */
#include "m.h"

static volatile uint32_t lr, result;

NAKED static void in_handler(void)
{
    ASM("vmov.f32 s0, #2.0\n vadd.f32 s1, s0, s0\n vmov r0, s1\n ldr r1, =result\n str r0, [r1]\n ldr r1, =lr\n str lr, [r1]\n bx lr\n .ltorg");
}

int main(void)
{
    uint32_t r;
    SCS(CPACR) = 0xf << 20;
    barrier();
    ASM("vmov.f32 s0, #2.5\n vrinta.f32 s1, s0\n vmov %0, s1" : "=r"(r) :: "s0", "s1");
    check(1, r, 0x40400000);
    check(2, read_special("control"), 0xc); /* FPCA, SFPA */
    ASM("vmov.f32 s0, #2.5\n vcvta.s32.f32 s1, s0\n vmov %0, s1" : "=r"(r) :: "s0", "s1");
    check(3, r, 3);
    ASM("vmov.f32 s0, #2.0\n vmov.f32 s1, #3.0\n vmaxnm.f32 s2, s0, s1\n vmov %0, s2" : "=r"(r) :: "s0", "s1", "s2");
    check(4, r, 0x40400000);
    ASM("vmov.f32 s0, #2.0\n vmov.f32 s1, #3.0\n cmp r0, r0\n vseleq.f32 s2, s0, s1\n vmov %0, s2" : "=r"(r) :: "s0", "s1", "s2", "cc");
    check(5, r, 0x40000000);
    ASM("vmov.f32 s0, #2.0\n vcvtb.f16.f32 s1, s0\n vmov %0, s1" : "=r"(r) :: "s0", "s1");
    check(6, r & 0xffff, 0x4000);
    handle(SVCALL, in_handler);
    ASM("vmov.f32 s0, #1.0\n svc 0\n vmov %0, s0" : "=r"(r) :: "s0", "s1", "r1", "r2", "r3", "r12", "memory");
    check(7, r, 0x3f800000);
    check(8, result, 0x40800000);
    check(9, lr, 0xffffffe9);
    return 0;
}
