/* SPDX-License-Identifier: MIT */
/*
 * Loops that run often enough to be kept in one translation: a fault in them finds the registers and flags of its own
 * round, an interrupt gets in though nothing in them looks for one, inner loops and several ways out end
 * where they should. Expected values by arithmetic on the loop's counter.
 */
#include "lib.h"

CODE(divides, "mov $30000, %ecx; xor %esi, %esi; 1: mov $90, %eax; xor %edx, %edx; inc %esi; stc; divides_at: div %ecx; dec %ecx; jmp 1b");
LABEL(divides_at);
CODE(flags, "mov $30000, %ecx; mov $5, %edx; 1: cmp %edx, %ecx; je 2f; dec %ecx; jmp 1b; 2: ud2");
CODE(bounds, "mov $30000, %ecx; 1: sub $1, %ecx; js bounds_at; lea (%ecx,%ecx), %eax; test $1, %al; jz 1b; hlt; bounds_at: ud2");
LABEL(bounds_at);

static void faults(void)
{
    for (unsigned i = 0; i < 3; i++) {
        try0(divides, 0, 0);
        check_fault("division in a hot loop", DE, 0, divides_at);
        check("counter", ex.cx, 0);
        check("rounds", ex.si, 30001);
        check("carry of this round", ex.flags & FL_CF, FL_CF);
        try0(flags, 0, 0);
        check("way out by equality", ex.cx, 5);
        check("zero flag", ex.flags & 0x40, 0x40);
        try0(bounds, 0, 0);
        check_fault("way out by sign", UD, 0, bounds_at);
        check("counter below zero", ex.cx, ~0ul);
    }
}

static unsigned nested(unsigned n)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k < i; k++) {
            if ((k ^ i) & 4)
                continue;
            sum += k;
            if (k == 90)
                break;
        }
    }
    return sum;
}

/* The same without loops in one place: one round a call, through a pointer. */
static unsigned (*volatile inner)(unsigned i);
static unsigned one_row(unsigned i)
{
    unsigned sum = 0;
    for (volatile unsigned k = 0; k < i; k++) {
        if (!((k ^ i) & 4)) {
            sum += k;
            if (k == 90)
                return sum;
        }
    }
    return sum;
}

void main(void)
{
    unsigned sum = 0;

    faults();
    inner = one_row;
    for (unsigned i = 0; i < 400; i++)
        sum += inner(i);
    for (unsigned i = 0; i < 3; i++)
        check("nested loops", nested(400), sum);
}
