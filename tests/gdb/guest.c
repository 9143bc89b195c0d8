/* SPDX-License-Identifier: MIT */
/*
 * The program that the debugger tests debug, with and without long mode: calls with arguments, a recursion, stores
 * to watch at known places, a string instruction over a watched byte, code that changes. Linked with the runtime of
 * tests/tcg/i386/system; prints "passed" when every value is what an undisturbed run makes.
 */
#include "lib.h"

volatile u32 counter, limit = 1000, spin;
volatile u8 bytes[4096];
volatile struct { u16 pad; u32 misaligned; } __attribute__((packed)) odd;

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

__attribute__((noinline)) void fill(u8 value, u32 n)
{
    volatile u8 *to = bytes;
    asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(value) : "memory");
}

__attribute__((noinline)) u32 read_byte(u32 at)
{
    return bytes[at];
}

/* For Ctrl-C: goes on until the debugger clears spin. */
__attribute__((noinline)) void wait_here(void)
{
    while (spin)
        asm volatile("pause");
}

void main(void)
{
    u32 sum = 0;
    for (u32 i = 0; i < limit; i++)
        sum = add(sum, i);
    check("sum", sum, 499500);
    check("factorial", factorial(6), 720);
    odd.misaligned = 0x12345678;
    fill(0x5a, 4096);
    check("byte", read_byte(4095), 0x5a);
    wait_here();
    check("counter", counter, 1000);
}
