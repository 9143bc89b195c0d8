/* SPDX-License-Identifier: MIT */
/* Random numbers for the guest: getrandom(2), or SplitMix64 (Steele, Lea, Flood 2014) from a seed. */
#include "util/guest-random.h"

#include <stdatomic.h>
#include <string.h>
#include <sys/random.h>

static atomic_bool seeded;
static _Atomic uint64_t state;

void guest_random_seed(uint64_t seed)
{
    atomic_store(&state, seed);
    atomic_store(&seeded, true);
}

bool guest_random_seeded(void)
{
    return atomic_load(&seeded);
}

uint64_t guest_random_state(void)
{
    return atomic_load(&state);
}

void guest_random_set_state(uint64_t s)
{
    atomic_store(&state, s);
}

static uint64_t next(void)
{
    uint64_t z = atomic_fetch_add(&state, 0x9e3779b97f4a7c15ull) + 0x9e3779b97f4a7c15ull;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

void guest_random(void *buf, size_t len)
{
    uint8_t *p = buf;
    while (len && !guest_random_seeded()) {
        ssize_t n = getrandom(p, len, 0);
        p += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    while (len) {
        uint64_t v = next();
        size_t n = len < sizeof(v) ? len : sizeof(v);
        memcpy(p, &v, n);
        p += n;
        len -= n;
    }
}
