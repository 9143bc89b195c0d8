/* SPDX-License-Identifier: MIT */
/*
 * An Armv6-M, v7-M or v8-M core with its private peripheral bus: vCPU, NVIC, system control space, SysTick. A board makes one,
 * maps its own memory and chips into system_memory, connects interrupts by number, loads its program and starts it in its
 * reset hook:
 *
 *     const ARMv7MConfig config = { .cpu = m->cpu_model, .num_irq = 64, .prio_bits = 3, .sysclk_hz = 12500000, .bitband = true };
 *     b->core = armv7m_create(&config, errp);              init, first: it registers the vCPU
 *     connect_irq(uart, 0, b->core, 5);                    or armv7m_irq(b->core, 5)
 *     armv7m_load(m, 0, FLASH_SIZE, errp);                 init, last: -kernel
 *     armv7m_start(b->core);                               MachineType.reset
 *
 * Machine lock.
 */
#ifndef RHEA_HW_ARM_ARMV7M_H
#define RHEA_HW_ARM_ARMV7M_H

#include "hw/device.h"

typedef struct ARMv7MConfig {
    const char *cpu;        /* model, with options as -cpu takes them; must be of M profile */
    const char *only_cpu;   /* the one model this board exists with, or NULL */
    unsigned num_irq;       /* external interrupts, 1 to 480 */
    unsigned prio_bits;     /* 0: what the architecture version usually has (v6-M 2, else 8) */
    uint64_t sysclk_hz;     /* processor clock: SysTick with CLKSOURCE 1 */
    uint64_t refclk_hz;     /* SysTick with CLKSOURCE 0; 0: there is none */
    bool bitband;           /* aliases at 0x22000000 and 0x42000000 of the first MiB of SRAM and peripherals */
    uint32_t vtor, vtor_ns; /* vector table at reset (with the Security Extension: Secure, Non-secure) */
    bool start_powered_off;
    /* v8-M: security of an address that the system decides (IDAU): see ARMIDAU in target-arm/cpu.h. NULL: none. */
    void (*idau)(void *opaque, uint32_t address, bool *exempt, bool *non_secure, bool *callable, uint8_t *region);
    void *idau_opaque;
} ARMv7MConfig;

/* The core as a device: input n is external interrupt n, input num_irq NMI; output 0 is SYSRESETREQ, connected to a system reset. */
Device *armv7m_create(const ARMv7MConfig *config, Error **errp);
/* External interrupt n as a line. */
IRQLine armv7m_irq(Device *core, unsigned n);
IRQLine armv7m_nmi(Device *core);
/* The chip's clock tree has changed. */
void armv7m_set_clocks(Device *core, uint64_t sysclk_hz, uint64_t refclk_hz);
/* Loads what -kernel names, when there is one: ELF by its physical addresses, anything else to `base`, at most `size` bytes. */
bool armv7m_load(MachineState *m, hwaddr base, uint64_t size, Error **errp);
/* After a reset: writes what was loaded to memory, takes SP and PC from the vector table. */
void armv7m_start(Device *core);

#endif
