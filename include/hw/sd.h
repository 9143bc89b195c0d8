/* SPDX-License-Identifier: MIT */
/*
 * SD memory cards and the bus that a host controller has for one (SD Physical Layer Simplified Specification 2.00). The host
 * sends commands, which are answered at once, and then moves data byte by byte. Machine lock.
 */
#ifndef RHEA_HW_SD_H
#define RHEA_HW_SD_H

#include "block/block.h"
#include "hw/device.h"

typedef struct SDCard SDCard;
typedef struct SDBus {
    Bus bus;
    SDCard *card;                    /* NULL: the slot is empty */
    /* The card came, went or changed its write protection. */
    void (*card_changed)(Device *host);
    Device *host;
} SDBus;

void sd_bus_init(SDBus *bus, const char *name, Device *host, void (*card_changed)(Device *host));
/* A card in the bus's slot with the drive's medium. */
bool sd_bus_add_card(SDBus *bus, Drive *drive, Error **errp);
/* The same for a PL181 (hw/sd/pl181.c). */
bool pl181_add_card(Device *dev, Drive *drive, Error **errp);
bool sd_present(const SDBus *bus);
bool sd_write_protected(const SDBus *bus);

/* Lengths of responses in bytes. */
enum { SD_NO_RESPONSE = 0, SD_SHORT = 4, SD_LONG = 16 };
/* Response, most significant byte first, without start, index and CRC; R2 has its CRC field. */
unsigned sd_command(SDBus *bus, uint8_t cmd, uint32_t arg, uint8_t response[16]);
/* The card has bytes for the host; it takes bytes from the host. */
bool sd_can_read(const SDBus *bus);
bool sd_can_write(const SDBus *bus);
uint8_t sd_read(SDBus *bus);
void sd_write(SDBus *bus, uint8_t byte);

#endif
