/* SPDX-License-Identifier: MIT */
/* The PC's memory map as BIOS call 0xe820 gives it (ACPI 6.4, 15.1). */
#ifndef RHEA_HW_E820_H
#define RHEA_HW_E820_H

#include "typedefs.h"

typedef enum E820Type { E820_RAM = 1, E820_RESERVED, E820_ACPI, E820_NVS } E820Type;
typedef struct __attribute__((packed)) E820Entry {
    uint64_t start, size;
    uint32_t type;
} E820Entry;
#define E820_MAX 16
typedef struct E820Table {
    E820Entry rows[E820_MAX];
    unsigned count;
} E820Table;

void e820_add(E820Table *t, uint64_t start, uint64_t size, E820Type type);
/* Bytes of RAM at or above start and below end. */
uint64_t e820_ram_between(const E820Table *t, uint64_t start, uint64_t end);

#endif
