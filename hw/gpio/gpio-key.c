/* SPDX-License-Identifier: MIT */
/*
 * A push button: output 0 goes high for 100 ms of virtual time when the user presses it (gpio_key_press). A board
 * wires it to a GPIO pin and describes it as a "gpio-keys" key.
 */
#include "hw/arm/gpio-key.h"
#include "util/timer.h"

#define HOLD_NS (NS_PER_SEC / 10)

typedef struct GPIOKey {
    Device dev;
    Timer *release;
} GPIOKey;

static void release(void *opaque)
{
    irq_set(&((GPIOKey *)opaque)->dev.out[0], 0);
}

void gpio_key_press(Device *dev)
{
    GPIOKey *s = (GPIOKey *)dev;
    irq_set(&dev->out[0], 1);
    timer_mod(s->release, clock_ns(CLOCK_VIRTUAL) + HOLD_NS);
}

static void key_reset(Device *dev)
{
    timer_del(((GPIOKey *)dev)->release);
    release(dev);
}

static bool key_realize(Device *dev, Error **errp)
{
    (void)errp;
    device_init_out(dev, 1);
    ((GPIOKey *)dev)->release = timer_new(CLOCK_VIRTUAL, release, dev);
    return true;
}

static void key_unrealize(Device *dev)
{
    timer_free(((GPIOKey *)dev)->release);
}

static const SavedField key_saved[] = { SAVED_TIMER(GPIOKey, release), SAVED_END() };
static const DeviceType gpio_key_type = {
    .name = "gpio-key", .desc = "Push button on a GPIO pin", .bus = BUS_SYSTEM, .category = "Input devices",
    .internal = true, .size = sizeof(GPIOKey), .saved = key_saved, .realize = key_realize, .unrealize = key_unrealize,
    .reset = key_reset,
};
device_type(gpio_key_type)
