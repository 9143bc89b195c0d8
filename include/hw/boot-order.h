/* SPDX-License-Identifier: MIT */
/*
 * The order in which firmware tries devices: property "bootindex" of the devices one can start from. Firmware reads the
 * list as paths in Open Firmware's notation. Machine lock.
 */
#ifndef RHEA_HW_BOOT_ORDER_H
#define RHEA_HW_BOOT_ORDER_H

#include "typedefs.h"

/* In realize: dev boots at index (negative: not listed). leaf is what follows the path of the PCI function or ISA device
 * that dev is or hangs on: "drive@0/disk@1", or NULL. False when another device has the index. */
bool boot_order_add(const Device *dev, int32_t index, const char *leaf, Error **errp);
void boot_order_remove(const Device *dev);
/* A path that is no device: option ROMs of boards. */
void boot_order_add_path(const char *path, int32_t index);
/* The list: a path a line, with its final zero; NULL when it is empty. Caller frees. */
char *boot_order_list(bool strict, size_t *len);
void boot_order_exit(void);

#endif
