/* SPDX-License-Identifier: MIT */
/* What Arm boards do alike while they create their parts. Errors go to the board's init, which fails. Machine lock. */
#ifndef RHEA_HW_ARM_BOARD_H
#define RHEA_HW_ARM_BOARD_H

#include "hw/boards.h"
#include "target-arm/cpu.h"

/* A place whose chips are not modelled: reads as zero, under everything else. */
typedef struct BoardGap {
    const char *name;
    hwaddr at;
    uint64_t size;
} BoardGap;

/* An A- or R-profile vCPU of the model the user wants, else of `model`, registered with the machine. */
bool board_create_cpu(MachineState *m, const char *model, const ARMBoardConfig *config, Error **errp);
/* Realizes the device and maps its first region into system memory; NULL: it failed and has been freed. */
Device *board_realize_at(Device *dev, hwaddr at, Error **errp);
/* A gap that is not mapped yet: its region 0. */
Device *board_create_gap(const char *name, uint64_t size, Error **errp);
bool board_create_gaps(const BoardGap *gaps, unsigned n, Error **errp);
/* A gate that drives `to` while any of its inputs is high. */
Device *board_create_or(unsigned inputs, IRQLine to, Error **errp);
/* NOR flash of 64 MiB: two chips of 16 bits side by side, sectors of 256 KiB. */
#define BOARD_FLASH_SIZE (64 * MiB)
Device *board_create_flash(const char *name, hwaddr at, Error **errp);

#endif
