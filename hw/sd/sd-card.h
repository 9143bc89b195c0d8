/* SPDX-License-Identifier: MIT */
/* The card as its bus sees it; see include/hw/sd.h. */
#ifndef RHEA_HW_SD_CARD_H
#define RHEA_HW_SD_CARD_H

#include "hw/sd.h"

bool sd_card_present(const SDCard *c);
bool sd_card_write_protected(const SDCard *c);
unsigned sd_card_command(SDCard *c, uint8_t cmd, uint32_t arg, uint8_t response[16]);
bool sd_card_can_read(const SDCard *c);
bool sd_card_can_write(const SDCard *c);
uint8_t sd_card_read(SDCard *c);
void sd_card_write(SDCard *c, uint8_t byte);

#endif
