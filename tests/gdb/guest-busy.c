/* SPDX-License-Identifier: MIT */
/* The program that shows what breakpoints cost: many calls on a page that also holds code that never runs. */
#include "lib.h"

volatile u32 rounds = 300000, never;

__attribute__((noinline)) u32 even(u32 a)
{
    asm volatile("" ::: "memory");
    return a / 2;
}

__attribute__((noinline)) u32 odd(u32 a)
{
    asm volatile("" ::: "memory");
    return 3 * a + 1;
}

/* For breakpoints */
__attribute__((noinline)) void cold(void)
{
    asm volatile(".rept 200\n\tnop\n\t.endr");
}

__attribute__((noinline)) void done(void)
{
    asm volatile("" ::: "memory");
}

void main(void)
{
    u32 a = 27, ones = 0;
    for (u32 i = 0; i < rounds; i++) {
        a = a & 1 ? odd(a) : even(a);
        if (a == 1) {
            a = 27;
            ones++;
        }
        if (never)
            cold();
    }
    done();
    check("ones", ones, rounds / 111); /* 27 takes 111 steps */
}
