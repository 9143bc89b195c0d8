/* SPDX-License-Identifier: MIT */
/* Random number generator of the BCM2835 (registers as Linux drivers/char/hw_random/bcm2835-rng.c names them), fed by the host's.
 * Region 0 (16 bytes). There is always a word to read while it is enabled. */
#include "hw/device.h"

#include "util/guest-random.h"

enum { R_CTRL, R_STATUS, R_DATA };
enum { CTRL_ENABLE = 1 };

static uint32_t read_status(void *opaque, unsigned index, uint32_t value)
{
    const Device *dev = opaque;
    (void)index;
    return (value & 0xfffff) | (dev->regs[R_CTRL] & CTRL_ENABLE ? 1u << 24 : 0);
}

static uint32_t read_data(void *opaque, unsigned index, uint32_t value)
{
    uint32_t v;
    (void)opaque;
    (void)index;
    guest_random(&v, sizeof(v));
    return v;
}

static const RegisterRow rng_regs[] = {
    { "RNG_CTRL", 0x0, 4, .write = ~0u },
    { "RNG_STATUS", 0x4, 4, .write = 0xfffff, .on_read = read_status },
    { "RNG_DATA", 0x8, 4, .on_read = read_data },
    { "RNG_INT_MASK", 0xc, 4, .write = ~0u },
    {},
};
static const DeviceType rng_type = {
    .name = "bcm2835-rng", .desc = "BCM2835 random number generator", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(Device), .regs = rng_regs, .regs_size = 0x10,
};
device_type(rng_type)
