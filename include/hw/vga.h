/* SPDX-License-Identifier: MIT */
/* VGA cards as boards see them. Machine lock. */
#ifndef RHEA_HW_VGA_H
#define RHEA_HW_VGA_H

#include "typedefs.h"

/* A card answers at the PC's legacy addresses. */
bool vga_present(void);
/* Puts that card into 80x25 text mode, as its BIOS does, for a start without firmware. */
void vga_start_text(void);
/* hw/display/vga-isa.c: the core of the ISA card, or NULL. */
struct VGAState *vga_isa_state(void);

#endif
