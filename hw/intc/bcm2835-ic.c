/* SPDX-License-Identifier: MIT */
/*
 * Interrupt controller of the BCM2835 ("ARM interrupt controller", BCM2835 ARM Peripherals, ch. 7). Region 0 (512 bytes, registers
 * from 0x00); inputs 0-63 = GPU interrupts, 64-71 = ARM interrupts (64 timer, 65 mailbox, …); outputs 0 = IRQ, 1 = FIQ.
 */
#include "hw/device.h"

#define ARM_FIRST 64
enum { R_BASIC, R_PENDING1, R_PENDING2, R_FIQ, R_ENABLE1, R_ENABLE2, R_ENABLE_BASIC, R_DISABLE1, R_DISABLE2, R_DISABLE_BASIC };
enum { FIQ_ENABLE = 0x80, BASIC_SOME1 = 1 << 8, BASIC_SOME2 = 1 << 9, BASIC_SHORTCUT = 10 };

typedef struct BCMIC {
    Device dev;
    uint64_t gpu_level, gpu_enabled;
    uint8_t arm_level, arm_enabled;
} BCMIC;

/* GPU interrupts that the basic register shows directly, from bit 10 up. */
static const uint8_t shortcuts[] = { 7, 9, 10, 18, 19, 53, 54, 55, 56, 57, 62 };

static uint32_t basic_pending(const BCMIC *s)
{
    uint64_t gpu = s->gpu_level & s->gpu_enabled;
    uint32_t v = s->arm_level & s->arm_enabled;
    for (unsigned i = 0; i < ARRAY_SIZE(shortcuts); i++)
        if (gpu >> shortcuts[i] & 1) {
            v |= 1u << (BASIC_SHORTCUT + i);
            gpu &= ~(1ull << shortcuts[i]);
        }
    return v | ((uint32_t)gpu ? BASIC_SOME1 : 0) | (gpu >> 32 ? BASIC_SOME2 : 0);
}

static bool input_level(const BCMIC *s, unsigned n)
{
    if (n >= ARM_FIRST + 8)
        return false;
    return n < ARM_FIRST ? s->gpu_level >> n & 1 : s->arm_level >> (n - ARM_FIRST) & 1;
}

static void update(BCMIC *s)
{
    uint32_t fiq = s->dev.regs[R_FIQ];
    irq_set(&s->dev.out[0], (s->gpu_level & s->gpu_enabled) || (s->arm_level & s->arm_enabled));
    irq_set(&s->dev.out[1], (fiq & FIQ_ENABLE) && input_level(s, fiq & 0x7f));
}

static void input(void *dev, int n, int level)
{
    BCMIC *s = dev;
    if (n < ARM_FIRST)
        s->gpu_level = (s->gpu_level & ~(1ull << n)) | (uint64_t)(level != 0) << n;
    else
        s->arm_level = (uint8_t)((s->arm_level & ~(1u << (n - ARM_FIRST))) | (unsigned)(level != 0) << (n - ARM_FIRST));
    update(s);
}

static uint32_t read_reg(void *dev, unsigned index, uint32_t value)
{
    const BCMIC *s = dev;
    switch (index) {
    case R_BASIC: return basic_pending(s);
    case R_PENDING1: return (uint32_t)(s->gpu_level & s->gpu_enabled);
    case R_PENDING2: return (uint32_t)((s->gpu_level & s->gpu_enabled) >> 32);
    case R_ENABLE1: case R_DISABLE1: return (uint32_t)s->gpu_enabled;
    case R_ENABLE2: case R_DISABLE2: return (uint32_t)(s->gpu_enabled >> 32);
    case R_ENABLE_BASIC: case R_DISABLE_BASIC: return s->arm_enabled;
    default: return value;
    }
}

static void write_reg(void *dev, unsigned index, uint32_t value)
{
    BCMIC *s = dev;
    switch (index) {
    case R_ENABLE1: s->gpu_enabled |= value; break;
    case R_ENABLE2: s->gpu_enabled |= (uint64_t)value << 32; break;
    case R_ENABLE_BASIC: s->arm_enabled |= (uint8_t)value; break;
    case R_DISABLE1: s->gpu_enabled &= ~(uint64_t)value; break;
    case R_DISABLE2: s->gpu_enabled &= ~((uint64_t)value << 32); break;
    case R_DISABLE_BASIC: s->arm_enabled &= (uint8_t)~value; break;
    default: break;
    }
    update(s);
}

#define ROW(n, at) { .name = n, .offset = at, .width = 4, .on_read = read_reg }
#define ROW_RW(n, at, mask) { .name = n, .offset = at, .width = 4, .write = mask, .on_read = read_reg, .on_write = write_reg }
static const RegisterRow ic_regs[] = {
    ROW("basic_pending", 0x00), ROW("pending1", 0x04), ROW("pending2", 0x08), ROW_RW("fiq_control", 0x0c, 0xff),
    ROW_RW("enable1", 0x10, 0), ROW_RW("enable2", 0x14, 0), ROW_RW("enable_basic", 0x18, 0), ROW_RW("disable1", 0x1c, 0),
    ROW_RW("disable2", 0x20, 0), ROW_RW("disable_basic", 0x24, 0), {},
};

static void ic_reset(Device *dev)
{
    BCMIC *s = (BCMIC *)dev;
    s->gpu_enabled = s->arm_enabled = 0;
    update(s);
}

static bool ic_realize(Device *dev, Error **errp)
{
    (void)errp;
    device_init_in(dev, input, ARM_FIRST + 8);
    device_init_out(dev, 2);
    return true;
}

static void ic_post_load(Device *dev)
{
    update((BCMIC *)dev);
}

static void ic_info(Device *dev, FILE *out)
{
    const BCMIC *s = (BCMIC *)dev;
    fprintf(out, "bcm2835-ic: gpu level=%016llx enabled=%016llx arm level=%02x enabled=%02x fiq=%x\n",
            (unsigned long long)s->gpu_level, (unsigned long long)s->gpu_enabled, s->arm_level, s->arm_enabled,
            dev->regs[R_FIQ]);
}

static const SavedField ic_saved[] = {
    SAVED_INT(BCMIC, gpu_level), SAVED_INT(BCMIC, gpu_enabled), SAVED_INT(BCMIC, arm_level),
    SAVED_INT(BCMIC, arm_enabled), SAVED_END(),
};
static const DeviceType ic_type = {
    .name = "bcm2835-ic", .desc = "BCM2835 interrupt controller", .bus = BUS_SYSTEM, .category = "Misc devices",
    .internal = true, .size = sizeof(BCMIC), .saved = ic_saved, .regs = ic_regs, .regs_size = 0x200,
    .realize = ic_realize, .reset = ic_reset, .post_load = ic_post_load, .pic_info = ic_info,
};
device_type(ic_type)
