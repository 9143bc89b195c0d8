/* SPDX-License-Identifier: MIT */
/* State and addresses of the "microvm" board, shared by its files. Machine lock. */
#ifndef RHEA_HW_I386_MICROVM_H
#define RHEA_HW_I386_MICROVM_H

#include "hw/pc-board.h"

enum { MICROVM_TRANSPORTS = 24, MICROVM_FEW_TRANSPORTS = 8 }; /* with a second I/O APIC, and without */
enum { MICROVM_TRANSPORT_SIZE = 0x200, MICROVM_IOAPIC_PINS = 24, MICROVM_GED_IRQ = 9 };
#define MICROVM_GED 0xfea00000u
#define MICROVM_GED_CONTROL 0xfea00200u
#define MICROVM_VIRTIO 0xfeb00000u
#define MICROVM_IOAPIC2 0xfec10000u

typedef struct MicrovmBoard {
    PCBoard pc;
    bool pic, isa_serial, auto_cmdline;
    bool second_ioapic;
    Device *ioapic2, *ged;
    unsigned transports, first_irq;          /* of the first transport */
    Device *transport[MICROVM_TRANSPORTS];
} MicrovmBoard;

/* The transport has a device. */
static inline bool microvm_used(const MicrovmBoard *b, unsigned n)
{
    return b->transport[n] && b->transport[n]->child_bus->first;
}

/* hw/i386/microvm-acpi.c */
ACPITables *microvm_build_acpi(const MachineState *m);

#endif
