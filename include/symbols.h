/* SPDX-License-Identifier: MIT */
/* Names of guest addresses, from an ELF file's symbol table or a Linux System.map. Any thread. */
#ifndef RHEA_SYMBOLS_H
#define RHEA_SYMBOLS_H

#include "typedefs.h"

/* Adds a file's function and data symbols; the files are what the guest runs. */
bool symbols_load(const char *path, Error **errp);
/* Symbols of -kernel (NULL: none) are read when first asked for, if it is an ELF file that has some. */
void symbols_use_kernel(const char *path);
/* The kernel runs this far from where it was linked (KASLR). */
void symbols_set_offset(uint64_t offset);
bool symbols_known(void);
/* Name of the symbol that holds addr and the distance from its start; NULL: none. text_only: functions. */
const char *symbols_find(uint64_t addr, bool text_only, uint64_t *distance);
/* Address of a name; false when there is none. */
bool symbols_address(const char *name, uint64_t *addr);
void symbols_exit(void);

#endif
