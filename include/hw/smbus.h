/* SPDX-License-Identifier: MIT */
/* SMBus (System Management Bus Specification 2.0) as PCs have it: a host of Intel's south bridges, and what answers on the bus. Machine lock. */
#ifndef RHEA_HW_SMBUS_H
#define RHEA_HW_SMBUS_H

#include "hw/device.h"

#define SMBUS_BLOCK_MAX 32

typedef struct SMBusSlave { /* first member of what is on the bus */
    Device dev;
    uint8_t address;
} SMBusSlave;
typedef struct SMBusSlaveOps { /* DeviceType.class_data */
    void (*write)(SMBusSlave *s, const uint8_t *data, unsigned len); /* the command code first; len 0: quick command */
    uint8_t (*read)(SMBusSlave *s);                                  /* next byte */
} SMBusSlaveOps;

typedef struct SMBusHost {
    Bus bus;
    MemoryRegion region;       /* 64 ports */
    const IRQLine *irq;        /* or NULL */
    uint8_t status, control, command, address, data0, data1, aux_control;
    uint8_t block[SMBUS_BLOCK_MAX];
    uint8_t index, length;     /* in block: next byte through the window, bytes of a transfer byte by byte */
    bool by_bytes, writing;    /* such a transfer is under way */
} SMBusHost;
/* With its bus "i2c" of eight memory modules' EEPROMs at 0x50 to 0x57. */
bool smbus_host_init(SMBusHost *s, Device *owner, const IRQLine *irq, Error **errp);
void smbus_host_reset(SMBusHost *s);
void smbus_host_loaded(SMBusHost *s);
extern const SavedField smbus_host_saved[];

#endif
