/* SPDX-License-Identifier: MIT */
/* For loops that look for something another thread will do very soon. */
#ifndef RHEA_UTIL_RELAX_H
#define RHEA_UTIL_RELAX_H

#include <sched.h>
#include <stdatomic.h>

static inline void cpu_relax(void)
{
#ifdef __x86_64__
    __builtin_ia32_pause();
#else
    atomic_signal_fence(memory_order_seq_cst);
#endif
}

/* A microsecond or so, after others that wait for this host CPU: the one we look for may be among them. */
static inline void relax_politely(void)
{
    for (int i = 0; i < 20; i++)
        cpu_relax();
    sched_yield();
}

#endif
