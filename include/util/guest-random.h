/* SPDX-License-Identifier: MIT */
/* Random numbers that the guest gets to see: the host's, or, once seeded, the same sequence in every run. Any thread. */
#ifndef RHEA_UTIL_GUEST_RANDOM_H
#define RHEA_UTIL_GUEST_RANDOM_H

#include "typedefs.h"

void guest_random(void *buf, size_t len);
void guest_random_seed(uint64_t seed); /* -seed; -icount without it: 0 */
bool guest_random_seeded(void);
/* The state of a seeded sequence, for snapshots. */
uint64_t guest_random_state(void);
void guest_random_set_state(uint64_t state);

#endif
