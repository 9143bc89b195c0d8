/* SPDX-License-Identifier: MIT */
/* A fault in HardFault stops the core, and only NMI goes on: the watchdog's, which ends the program. */
#include "m.h"

static void on_hard(void) { ASM("udf 2"); }
static void on_nmi(void) { leave(read_special("ipsr") == NMI ? 0 : 2); }

int main(void)
{
    handle(HARD, on_hard);
    handle(NMI, on_nmi);
    REG(0x40008000) = 2500000; /* a tenth of a second */
    REG(0x40008008) = 1;
    ASM("udf 1");
    return 1;
}
