/* SPDX-License-Identifier: MIT */
/* State of the NVIC, shared by its files: armv7m-nvic.c (exceptions), armv7m-scs.c (registers). Machine lock. */
#ifndef RHEA_HW_INTC_ARMV7M_NVIC_H
#define RHEA_HW_INTC_ARMV7M_NVIC_H

#include "hw/arm/armv7m-nvic.h"
#include "hw/countdown.h"
#include "target-arm/m-profile.h"

/* Exceptions are known by id: the number, 512 more for the Secure instance of a banked one. */
enum { NVIC_SECURE_IDS = 512, NVIC_IDS = 528, NVIC_WORDS = 17, NVIC_IRQS_MAX = 480 };

typedef struct NVIC NVIC;
/* SysTick (B3.3), one per Security state. */
typedef struct SysTick {
    NVIC *nvic;
    uint32_t csr, rvr;
    Countdown count;
} SysTick;

struct NVIC {
    Device dev;
    ARMCPU *cpu;
    uint32_t num_irq, prio_bits;
    uint64_t sysclk_hz, refclk_hz;
    MemoryRegion scs, scs_ns, ppb;
    uint32_t pending[NVIC_WORDS], enabled[NVIC_WORDS], active[NVIC_WORDS], level[NVIC_WORDS], ns_target[NVIC_WORDS];
    uint8_t prio[NVIC_IDS];
    SysTick systick[2];       /* [1]: Secure */
    /* computed by nvic_update() */
    int next;                 /* id of the highest-priority pending and enabled exception, -1: none */
    int active_prio;
};

static inline bool nvic_bit(const uint32_t *set, unsigned id) { return set[id / 32] >> (id % 32) & 1; }
static inline void nvic_put(uint32_t *set, unsigned id, bool on)
{
    set[id / 32] = on ? set[id / 32] | 1u << (id % 32) : set[id / 32] & ~(1u << (id % 32));
}
bool nvic_banked(unsigned exc);
unsigned nvic_id(const NVIC *s, unsigned exc, bool secure);
/* The exception goes to Secure state. */
bool nvic_id_secure(const NVIC *s, unsigned id);
int nvic_id_priority(const NVIC *s, unsigned id);      /* all bits */
int nvic_group_priority(const NVIC *s, unsigned id);
/* Sets or clears pending by number, as ICSR does, and what follows. */
void nvic_set_pending(NVIC *s, unsigned id, bool on);
uint8_t nvic_priority_mask(const NVIC *s);

/* armv7m-scs.c */
bool nvic_scs_realize(NVIC *s);

/* hw/timer/armv7m-systick.c */
void systick_init(SysTick *t, NVIC *s);
void systick_exit(SysTick *t);
void systick_reset(SysTick *t);
void systick_clock_changed(SysTick *t);
uint32_t systick_read(SysTick *t, unsigned reg);
void systick_write(SysTick *t, unsigned reg, uint32_t value);
void systick_post_load(SysTick *t);
extern const SavedField systick_saved[];
enum { SYST_CSR, SYST_RVR, SYST_CVR, SYST_CALIB };

#endif
