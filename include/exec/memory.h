/* SPDX-License-Identifier: MIT */
/*
 * Guest physical memory: a tree of regions that flattens into an ordered view. Topology changes under
 * the machine lock; readers take the view without locks. RAM is one mapping per block.
 */
#ifndef RHEA_EXEC_MEMORY_H
#define RHEA_EXEC_MEMORY_H

#include "typedefs.h"
#include <stdio.h>

typedef enum MemTxResult { MEMTX_OK, MEMTX_ERROR, MEMTX_DECODE_ERROR } MemTxResult;
typedef enum Endian { ENDIAN_LITTLE, ENDIAN_BIG } Endian;

/* Callbacks get offsets in the region, run under the machine lock, and see only sizes in
 * [impl_min, impl_max]; the core splits and widens. Accesses outside [valid_min, valid_max] or
 * misaligned without .unaligned are refused (reads all ones, guest-error log). 0 = 1 and 4. */
typedef struct MemoryRegionOps {
    uint64_t (*read)(void *opaque, hwaddr offset, unsigned size);
    void (*write)(void *opaque, hwaddr offset, uint64_t value, unsigned size);
    Endian endian;
    uint8_t valid_min, valid_max, impl_min, impl_max;
    bool unaligned;
    bool lockless; /* callbacks do their own locking: called without the machine lock */
} MemoryRegionOps;

typedef enum RegionKind { REGION_CONTAINER, REGION_RAM, REGION_ROM, REGION_IO, REGION_ALIAS } RegionKind;

struct RAMBlock {
    char *name;
    uint8_t *host;
    uint64_t size;
    hwaddr base;             /* in ram-address space: unique over all blocks, page aligned */
    int fd;
    _Atomic uint8_t *dirty;  /* one byte per page: DIRTY_* set = dirty */
    /* Owned by translate-all.c: one word per page with a bit per 64 bytes that hold translated code, and
     * the list of TBs on each page. */
    _Atomic uint64_t *code_map;
    uintptr_t *code_tbs;
    RAMBlock *next;
};
enum { DIRTY_VGA = 1, DIRTY_MIGRATION = 2, DIRTY_CODE = 4 /* set = page holds no code */, DIRTY_SNAPSHOT = 8 };

struct MemoryRegion {
    RegionKind kind;
    const char *name;
    uint64_t size;           /* bytes; UINT64_MAX allowed for containers */
    hwaddr addr;             /* in the container */
    int priority;
    bool enabled, terminates;
    Device *owner;
    const MemoryRegionOps *ops;
    void *opaque;
    RAMBlock *ram;
    bool rom_writable;       /* REGION_ROM: stores from the loader only */
    MemoryRegion *alias;
    hwaddr alias_offset;
    MemoryRegion *container, *children, *sibling;
    const void *busy;        /* thread now in a callback: re-entry from the device's own DMA is refused */
};

void memory_region_init(MemoryRegion *mr, Device *owner, const char *name, uint64_t size);
void memory_region_init_io(MemoryRegion *mr, Device *owner, const MemoryRegionOps *ops, void *opaque,
                           const char *name, uint64_t size);
bool memory_region_init_ram(MemoryRegion *mr, Device *owner, const char *name, uint64_t size, Error **errp);
/* Stores to a ROM are ignored, unless the owner sets .ops (and .opaque): then they go to ops->write. */
bool memory_region_init_rom(MemoryRegion *mr, Device *owner, const char *name, uint64_t size, Error **errp);
void memory_region_init_alias(MemoryRegion *mr, Device *owner, const char *name, MemoryRegion *target,
                              hwaddr offset, uint64_t size);
void memory_region_destroy(MemoryRegion *mr);
void memory_region_add(MemoryRegion *container, hwaddr addr, MemoryRegion *mr); /* priority 0 */
void memory_region_add_overlap(MemoryRegion *container, hwaddr addr, MemoryRegion *mr, int priority);
void memory_region_del(MemoryRegion *container, MemoryRegion *mr);
void memory_region_set_enabled(MemoryRegion *mr, bool enabled);
void memory_region_set_address(MemoryRegion *mr, hwaddr addr);
void memory_region_set_alias_offset(MemoryRegion *mr, hwaddr offset);
/* Defers flattening until the outermost commit. */
void memory_transaction_begin(void);
void memory_transaction_commit(void);
uint8_t *memory_region_ram_ptr(MemoryRegion *mr); /* host pointer of RAM and ROM regions */

/* One row of a flattened view. */
typedef struct FlatRange {
    hwaddr start, size;
    MemoryRegion *mr;
    hwaddr offset;   /* in mr */
} FlatRange;

extern AddressSpace *address_space_memory, *address_space_io;
/* What vCPUs in system management mode see (x86); NULL: the same as others. The chipset makes it. */
extern AddressSpace *address_space_smm;
extern MemoryRegion *system_memory, *system_io; /* their roots; I/O is 64 KiB */
void memory_init(void);  /* creates both spaces */
void memory_exit(void);
AddressSpace *address_space_new(MemoryRegion *root, const char *name);
void address_space_free(AddressSpace *as);
/* Called after each change of address_space_memory or address_space_smm with the machine lock held (cputlb registers one). */
void memory_add_listener(void (*fn)(void *opaque), void *opaque);

/* Changes whenever the view of address_space_memory or address_space_smm does; for caches of address_space_find. Any thread. */
unsigned memory_generation(void);
/* Finds the range at addr; false when nothing is mapped. Lock-free; the copy stays valid for use under
 * the machine lock, or for RAM until the block is freed. */
bool address_space_find(AddressSpace *as, hwaddr addr, FlatRange *out);
/* Start of the first range above addr, 0 when there is none. */
hwaddr address_space_next(AddressSpace *as, hwaddr addr);
void address_space_foreach(AddressSpace *as, void (*fn)(void *opaque, const FlatRange *r), void *opaque);
AddressSpace *address_space_first(void); /* all spaces, newest first; machine lock */
AddressSpace *address_space_after(const AddressSpace *as);
const char *address_space_name(const AddressSpace *as);
MemoryRegion *address_space_root(const AddressSpace *as);
MemTxResult address_space_rw(AddressSpace *as, hwaddr addr, void *buf, uint64_t len, bool write);
static inline MemTxResult address_space_read(AddressSpace *as, hwaddr a, void *buf, uint64_t len)
{
    return address_space_rw(as, a, buf, len, false);
}
static inline MemTxResult address_space_write(AddressSpace *as, hwaddr a, const void *buf, uint64_t len)
{
    return address_space_rw(as, a, (void *)buf, len, true);
}
/* As address_space_write, but also into ROM. For loaders and reset. */
MemTxResult address_space_write_rom(AddressSpace *as, hwaddr addr, const void *buf, uint64_t len);
/* Little-endian single accesses of 1, 2, 4, 8 bytes; unmapped reads give all ones. Takes the machine
 * lock when it meets MMIO and the caller has not. */
uint64_t address_space_ld(AddressSpace *as, hwaddr addr, unsigned size, MemTxResult *result);
MemTxResult address_space_st(AddressSpace *as, hwaddr addr, uint64_t value, unsigned size);
/* Direct pointer to len bytes of RAM at addr, or NULL when they are not one RAM range. */
void *address_space_map_ram(AddressSpace *as, hwaddr addr, uint64_t len, bool write);
/* One access to an I/O region (splitting, endianness, validity done here). */
MemTxResult memory_region_read(MemoryRegion *mr, hwaddr offset, uint64_t *value, unsigned size);
MemTxResult memory_region_write(MemoryRegion *mr, hwaddr offset, uint64_t value, unsigned size);

/* RAM */
RAMBlock *ram_block_new(const char *name, uint64_t size, Error **errp);
void ram_block_free(RAMBlock *b);
RAMBlock *ram_block_from_host(const void *host, hwaddr *offset); /* NULL when not guest RAM */
extern RAMBlock *ram_blocks;
/* Clears the DIRTY_VGA, DIRTY_MIGRATION or DIRTY_SNAPSHOT bit of the pages of [offset, offset+len) and makes stores by
 * vCPUs set it again. Returns whether any was set; page_set(opaque, offset of the page) is called for
 * each that was (may be NULL). Clear first, then read the page. Any thread. */
bool ram_test_and_clear_dirty(RAMBlock *b, hwaddr offset, uint64_t len, uint8_t client,
                              void (*page_set)(void *opaque, hwaddr offset), void *opaque);
RAMBlock *ram_block_at(hwaddr ram_addr); /* block that holds this address of ram-address space, or NULL */
/* Bits all set: stores to the page need no bookkeeping. */
#define DIRTY_ALL 0xff
static inline _Atomic uint8_t *ram_dirty_byte(RAMBlock *b, const uint8_t *host)
{
    return &b->dirty[(uint64_t)(host - b->host) >> 12];
}
/* After any store to RAM not made by generated code: marks dirty and drops translated code. */
void ram_written(RAMBlock *b, hwaddr offset, uint64_t len);

/* The same for a host pointer into RAM; others are ignored. */
static inline void ram_host_written(const void *host, uint64_t len)
{
    hwaddr offset;
    RAMBlock *b = ram_block_from_host(host, &offset);
    if (b)
        ram_written(b, offset, len);
}

void memory_dump_tree(FILE *out, bool flat); /* info mtree [-f] */

#endif
