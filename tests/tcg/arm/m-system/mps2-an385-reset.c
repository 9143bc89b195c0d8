/* SPDX-License-Identifier: MIT */
/* SYSRESETREQ starts the program again: registers are as after power-on, memory that was not loaded stays. */
#include "m.h"

#define COUNT REG(0x21000000)

int main(void)
{
    if (COUNT > 2)
        COUNT = 0;
    check(1, SCS(VTOR), (uint32_t)table);
    check(2, ISER, 0);
    check(3, read_special("primask"), 0);
    check(4, SCS(0x14), 0);
    if (COUNT == 2)
        return 0;
    COUNT = COUNT + 1;
    ISER = 0xff;
    SCS(0x14) = 100;
    ASM("cpsid i");
    SCS(AIRCR) = 0x05fa0004;
    for (;;)
        ;
}
