/* SPDX-License-Identifier: MIT */
/*
 * The program that the debugger tests debug on Arm's virt machine, AArch64 or AArch32: no operating system, no output;
 * it says by PSCI SYSTEM_OFF that it came to its end.
 */
typedef unsigned int u32;
volatile u32 counter, limit = 1000, spin;
volatile unsigned char bytes[256];

__attribute__((noinline)) u32 add(u32 a, u32 b)
{
    u32 sum = a + b;
    counter = counter + 1;
    return sum;
}

__attribute__((noinline)) u32 factorial(u32 n)
{
    asm volatile("" ::: "memory");
    if (n < 2)
        return 1;
    return n * factorial(n - 1);
}

__attribute__((noinline)) void wait_here(void)
{
    while (spin)
        asm volatile("nop");
}

__attribute__((noinline)) void power_off(void)
{
#ifdef __aarch64__
    register unsigned long x0 asm("x0") = 0x84000008;
    asm volatile("hvc #0" : "+r"(x0));
#else
    register unsigned long r0 asm("r0") = 0x84000008;
    asm volatile(".arch_extension virt\n hvc #0" : "+r"(r0));
#endif
    for (;;)
        continue;
}

int main(void)
{
    u32 sum = 0;
    for (u32 i = 0; i < limit; i++)
        sum = add(sum, i);
    if (sum == 499500 && factorial(6) == 720)
        bytes[17] = 0x5a;
    wait_here();
    if (bytes[17] == 0x5a && counter == 1000)
        power_off();
    for (;;)
        continue;
}

unsigned char stack[4096] __attribute__((aligned(16)));

asm(".pushsection .text.start, \"ax\"\n.globl _start\n.type _start, %function\n"
#ifdef __aarch64__
    "_start: ldr x0, =stack + 4096\n mov sp, x0\n bl main\n .ltorg\n"
#else
    ".arm\n_start: ldr sp, =stack + 4096\n bl main\n .ltorg\n"
#ifdef __thumb__
    ".thumb\n"
#endif
#endif
    ".popsection\n");
