/* SPDX-License-Identifier: MIT */
/* dump-guest-memory: what a crashed or running guest has in memory, for gdb and crash. Machine lock. */
#ifndef RHEA_DUMP_H
#define RHEA_DUMP_H

#include "typedefs.h"

typedef enum DumpFormat { DUMP_ELF, DUMP_KDUMP_ZLIB, DUMP_KDUMP_ZSTD, DUMP_KDUMP_LZO, DUMP_KDUMP_SNAPPY } DumpFormat;

typedef struct DumpOptions {
    const char *protocol;   /* "file:PATH"; "fd:NUMBER" */
    DumpFormat format;
    bool paging;            /* ELF: segments at the guest's virtual addresses, too */
    bool has_range;
    uint64_t begin, length; /* physical */
} DumpOptions;

/* Stops the machine meanwhile. An incomplete file is removed. *bytes receives how much memory it was; may be NULL. */
bool dump_guest_memory(const DumpOptions *o, uint64_t *bytes, Error **errp);
/* What this build can write: names as QMP has them ("elf", "kdump-zlib" …); NULL when it cannot. */
const char *dump_format_name(DumpFormat format);

/* ---- For targets: TargetOps.dump ---- */
typedef struct DumpNotes DumpNotes;
/* Appends one note. */
void dump_note(DumpNotes *n, const char *owner, uint32_t type, const void *desc, size_t len);

struct DumpTarget {
    /* e_machine; is64: the class, true when RAM does not fit into 32 bits whatever the CPU does. */
    uint16_t (*machine)(CPUState *cpu, bool *is64);
    void (*notes)(CPUState *cpu, bool is64, DumpNotes *out);
    /* Calls fn for each mapping of the vCPU's page tables until it returns false. */
    void (*mappings)(CPUState *cpu, bool (*fn)(void *opaque, uint64_t va, hwaddr pa, uint64_t size), void *opaque);
};

#endif
