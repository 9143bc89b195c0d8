/* SPDX-License-Identifier: MIT */
/* The processor's I/O ports and its FERR# output. */
#include "cpu.h"
#include "exec/memory.h"
#include "util/main-loop.h"

IRQLine x86_ferr_line;

uint32_t x86_io_read(uint16_t port, unsigned size)
{
    return (uint32_t)address_space_ld(address_space_io, port, size, NULL);
}

void x86_io_write(uint16_t port, uint32_t value, unsigned size)
{
    address_space_st(address_space_io, port, value, size);
}

/* Called with or without the machine lock. */
void x86_set_ferr(X86CPU *env, int level)
{
    bool locked = machine_lock_held();
    (void)env;
    if (!locked)
        machine_lock();
    irq_set(&x86_ferr_line, level);
    if (!locked)
        machine_unlock();
}
