/* SPDX-License-Identifier: MIT */
/* Between dump.c, which gathers, and the writers of each format. */
#ifndef RHEA_DUMP_INTERNAL_H
#define RHEA_DUMP_INTERNAL_H

#include "dump.h"
#include <glib.h>

/* A piece of guest RAM in the dump. */
typedef struct DumpRange {
    hwaddr start;
    uint64_t size;
    const uint8_t *host;
    uint64_t offset;  /* of its bytes among all that are dumped */
} DumpRange;

typedef struct DumpMapping {
    uint64_t va, size;
    hwaddr pa;
} DumpMapping;

struct DumpNotes {
    GByteArray *bytes;
    /* The text of the guest's vmcoreinfo among them; size 0: there is none. */
    uint32_t vmcoreinfo_at, vmcoreinfo_size;
};

typedef struct Dump {
    const DumpOptions *options;
    bool is64;
    uint16_t machine;
    unsigned cpus;
    GArray *ranges;   /* DumpRange, ascending */
    GArray *mappings; /* DumpMapping: segments of the ELF file */
    DumpNotes notes;
    /* The file */
    int fd;
    bool seekable;
    uint64_t position;
    int error;        /* errno of the first failure */
} Dump;

/* Zeros become holes where the file can have them. False after a failure, and from then on. */
bool dump_write(Dump *d, const void *data, size_t len);
bool dump_pad(Dump *d, uint64_t position); /* zeros up to there */

bool dump_elf(Dump *d);
bool dump_kdump(Dump *d);

#endif
