/* SPDX-License-Identifier: MIT */
/* The button of hw/gpio/gpio-key.c. Machine lock. */
#ifndef RHEA_HW_ARM_GPIO_KEY_H
#define RHEA_HW_ARM_GPIO_KEY_H

#include "hw/device.h"

void gpio_key_press(Device *dev);

#endif
