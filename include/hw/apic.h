/* SPDX-License-Identifier: MIT */
/* The interrupt message bus of a PC: local APICs, IOAPIC and MSI (Intel SDM vol. 3 ch. 11). Any thread. */
#ifndef RHEA_HW_APIC_H
#define RHEA_HW_APIC_H

#include "hw/device.h"

#define APIC_DEFAULT_BASE 0xfee00000u

/* Delivery modes as in ICR, LVT, redirection entries and MSI data. */
typedef enum APICMode {
    APIC_FIXED, APIC_LOWEST, APIC_SMI, APIC_RESERVED, APIC_NMI, APIC_INIT, APIC_STARTUP, APIC_EXTINT
} APICMode;

/* A message from a device: dest is 8 bits (0xff physical = all). */
typedef struct APICMessage {
    uint32_t dest;
    bool logical;
    APICMode mode;
    uint8_t vector;
    bool level;  /* level-triggered: its EOI is broadcast */
} APICMessage;
void apic_bus_send(const APICMessage *msg);
/* A write of data to the MSI window (address 0xfeexxxxx). */
void apic_msi(uint32_t address, uint32_t data);

/* Creates and realizes the local APIC of a vCPU, whose apic_id is set. Machine lock. */
bool apic_new(CPUState *cpu, Error **errp);
/* The register page, one for all vCPUs: each sees its own APIC. The board maps it once at
 * APIC_DEFAULT_BASE; a guest that moves its APIC base moves this region. */
MemoryRegion *apic_region(void);
/* INTR of the 8259 pair goes to every LINT0; acknowledge returns its vector (machine lock). */
void apic_set_extint(int level);
void apic_connect_pic(int (*acknowledge)(void *opaque), void *opaque);
/* NMI to LINT1 of every APIC. */
void apic_nmi(void);
/* Called with no APIC lock held after EOI of a level-triggered vector. False: there are as many listeners as I/O APICs can be. */
bool apic_connect_eoi(void (*eoi)(void *opaque, uint8_t vector), void *opaque);
void apic_disconnect_eoi(void *opaque);

#endif
