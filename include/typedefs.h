/* SPDX-License-Identifier: MIT */
/* Opaque types shared across subsystems, so that headers need not include one another. */
#ifndef RHEA_TYPEDEFS_H
#define RHEA_TYPEDEFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t hwaddr; /* guest physical address, or offset in a memory region */

typedef struct AddressSpace AddressSpace;
typedef struct BlockBackend BlockBackend;
typedef struct Bus Bus;
typedef struct Console Console;
typedef struct ConsoleListener ConsoleListener;
typedef struct CPUState CPUState;
typedef struct Chardev Chardev;
typedef struct Device Device;
typedef struct DeviceType DeviceType;
typedef struct DisplaySurface DisplaySurface;
typedef struct DumpTarget DumpTarget;
typedef struct Error Error;
typedef struct GDBTarget GDBTarget;
typedef struct IRFunc IRFunc;
typedef struct IRQLine IRQLine;
typedef struct MachineState MachineState;
typedef struct MachineType MachineType;
typedef struct MemoryRegion MemoryRegion;
typedef struct Monitor Monitor;
typedef struct OptGroup OptGroup;
typedef struct PCIDevice PCIDevice;
typedef struct RAMBlock RAMBlock;
typedef struct TargetOps TargetOps;
typedef struct TCGBackend TCGBackend;
typedef struct Timer Timer;
typedef struct TranslationBlock TranslationBlock;
typedef struct TLBBank TLBBank;

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#define KiB (1ull << 10)
#define MiB (1ull << 20)
#define GiB (1ull << 30)
#define TiB (1ull << 40)

/* Bits [start, start+len) of a value; set them; a single bit; sign-extend from len bits. */
static inline uint64_t extract64(uint64_t v, int start, int len)
{
    return (v >> start) & (~0ull >> (64 - len));
}
static inline uint64_t deposit64(uint64_t v, int start, int len, uint64_t field)
{
    uint64_t mask = (~0ull >> (64 - len)) << start;
    return (v & ~mask) | ((field << start) & mask);
}
static inline int64_t sextract64(uint64_t v, int start, int len)
{
    return (int64_t)(v << (64 - len - start)) >> (64 - len);
}

#endif
