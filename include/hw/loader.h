/* SPDX-License-Identifier: MIT */
/* Files that become guest memory: reading, recognising, ELF, and what is copied in at each reset. */
#ifndef RHEA_HW_LOADER_H
#define RHEA_HW_LOADER_H

#include "typedefs.h"
#include <stdio.h>

typedef struct Blob {
    const uint8_t *data;
    size_t len;
} Blob;

/* Contents of a file, mapped when it is a regular one; lives until the process ends. */
bool blob_read(const char *path, size_t max, Blob *out, Error **errp);
/* What kind of file starts like this ("a gzip file", "an Arm64 Linux Image"), or NULL. */
const char *blob_identify(Blob b);

/* ---- ROMs: pieces written to guest memory, also into ROM regions, by each reset ---- */
/* memsize beyond data.len is zeroed. data must live as long as the machine. */
void rom_add(const char *name, hwaddr addr, Blob data, uint64_t memsize);
void rom_add_copy(const char *name, hwaddr addr, const void *data, size_t len);
void roms_write(void);
/* A buffer from g_malloc that pieces refer to: freed with them. */
void roms_own(void *buf);
void roms_clear(void);
/* Highest end address of the pieces that overlap [start, end), or 0. */
hwaddr roms_end_between(hwaddr start, hwaddr end);

/* ---- ELF (System V ABI; every field is checked against the file) ---- */
#define ELF_SEGMENTS_MAX 64
typedef struct ELFSegment {
    uint64_t paddr, vaddr, memsize;
    Blob data;
} ELFSegment;
typedef struct ELFImage {
    bool is64;
    uint16_t machine;
    uint64_t entry;
    unsigned segments;
    ELFSegment segment[ELF_SEGMENTS_MAX]; /* PT_LOAD */
    unsigned notes;
    Blob note[8];                         /* PT_NOTE */
} ELFImage;
enum { ELF_MACHINE_386 = 3, ELF_MACHINE_ARM = 40, ELF_MACHINE_X86_64 = 62, ELF_MACHINE_AARCH64 = 183 };

bool elf_is(Blob file);
bool elf_parse(Blob file, ELFImage *out, Error **errp);
/* Descriptor of the note with this owner and type; false when there is none. */
bool elf_find_note(const ELFImage *elf, const char *owner, uint32_t type, Blob *desc);
/* Lowest physical start and highest end of the segments. */
void elf_extent(const ELFImage *elf, uint64_t *start, uint64_t *end);
/* rom_add for each segment; fails when one lies outside [low, high). */
bool elf_add_roms(const ELFImage *elf, const char *name, uint64_t low, uint64_t high, Error **errp);

/* ---- Other containers ---- */
/* Unpacks a gzip file into at most max bytes that live as long as the ROMs. */
bool blob_gunzip(Blob in, size_t max, Blob *out, Error **errp);

/* U-Boot legacy images; numbers are those of the format. */
enum { UIMAGE_OS_LINUX = 5, UIMAGE_ARCH_ARM = 2, UIMAGE_ARCH_ARM64 = 22, UIMAGE_TYPE_STANDALONE = 1, UIMAGE_TYPE_KERNEL = 2,
       UIMAGE_TYPE_FIRMWARE = 5, UIMAGE_TYPE_KERNEL_NOLOAD = 14 };
typedef struct UImage {
    uint32_t load, entry;
    uint8_t os, arch, type;
    Blob payload; /* unpacked */
} UImage;
bool uimage_is(Blob file);
bool uimage_parse(Blob file, UImage *out, Error **errp); /* of what uimage_is() said yes to */

/* Intel HEX: starts with a sound record. */
bool ihex_is(Blob file);
/* rom_add for what it holds, up to max bytes; *entry changes when the file says one. */
bool ihex_add_roms(Blob file, const char *name, uint64_t max, uint64_t *entry, Error **errp);

/* Little-endian fields at an offset the caller has checked. */
static inline uint16_t get_le16(const uint8_t *p) { return p[0] | p[1] << 8; }
static inline uint32_t get_le32(const uint8_t *p) { return get_le16(p) | (uint32_t)get_le16(p + 2) << 16; }
static inline uint64_t get_le64(const uint8_t *p) { return get_le32(p) | (uint64_t)get_le32(p + 4) << 32; }
static inline void put_le16(uint8_t *p, uint16_t v) { p[0] = v; p[1] = v >> 8; }
static inline void put_le32(uint8_t *p, uint32_t v) { put_le16(p, v); put_le16(p + 2, v >> 16); }
static inline void put_le64(uint8_t *p, uint64_t v) { put_le32(p, v); put_le32(p + 4, v >> 32); }

#endif
