/* SPDX-License-Identifier: MIT */
/* System Management BIOS tables (DMTF DSP0134, 3.0). */
#ifndef RHEA_HW_SMBIOS_H
#define RHEA_HW_SMBIOS_H

#include "hw/e820.h"
#include <glib.h>

typedef struct SMBIOSConfig {
    const char *product, *version; /* "Standard PC (i440FX + PIIX, 1996)", "pc-i440fx-7.2" */
    const char *cpu_name;
    uint8_t uuid[16];              /* as in text form */
    unsigned sockets, cores, threads; /* per socket, per core */
    uint32_t cpu_signature, cpu_features; /* CPUID 1 EAX, EDX */
    uint64_t ram_size;
    const E820Table *ram;          /* RAM rows: the mapped addresses */
} SMBIOSConfig;

typedef struct SMBIOSTables {
    GByteArray *tables;
    uint8_t entry21[31], entry30[24]; /* the two entry points */
} SMBIOSTables;

/* address: of the tables; 0 when firmware will place them and complete the entry point. */
SMBIOSTables *smbios_build(const SMBIOSConfig *c, uint32_t address);
void smbios_free(SMBIOSTables *t);

#endif
