/* SPDX-License-Identifier: MIT */
/* Sources of random numbers for devices: -object rng-builtin, rng-random. Machine lock. */
#ifndef RHEA_HW_RNG_H
#define RHEA_HW_RNG_H

#include "hw/device.h"

/* Whether the object is such a source. */
bool rng_is_backend(const Device *obj);
/* Up to len bytes at once; 0 when there are none now: called back when there are, once. */
size_t rng_read(Device *obj, void *buf, size_t len, void (*ready)(void *opaque), void *opaque);
/* opaque is going away. */
void rng_forget(Device *obj, void *opaque);
/* A source without an object: what a device gets that names none. */
Device *rng_default(void);

#endif
