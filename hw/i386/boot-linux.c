/* SPDX-License-Identifier: MIT */
/*
 * The Linux/x86 boot protocol (Documentation/arch/x86/boot.rst, protocols 2.00 to 2.15): bzImage and
 * zImage, entered at the 64-bit or 32-bit entry point without running the real-mode setup code, whose
 * findings (memory map, screen) the loader puts into boot_params itself.
 * Left out: the 16-bit entry (it needs a BIOS), vga= video modes, EFI handover.
 */
#include "hw/x86-boot.h"
#include "exec/memory.h"
#include "util/error.h"
#include "util/guest-random.h"
#include <glib.h>
#include <string.h>

enum { /* setup header, offsets in the file and in boot_params */
    H_SETUP_SECTS = 0x1f1, H_BOOT_FLAG = 0x1fe, H_JUMP = 0x200, H_MAGIC = 0x202, H_VERSION = 0x206,
    H_LOADER = 0x210, H_LOADFLAGS = 0x211, H_CODE32 = 0x214, H_RAMDISK = 0x218, H_RAMDISK_SIZE = 0x21c,
    H_HEAP_END = 0x224, H_CMDLINE = 0x228, H_INITRD_MAX = 0x22c, H_ALIGNMENT = 0x230, H_RELOCATABLE = 0x234,
    H_XLOADFLAGS = 0x236, H_CMDLINE_SIZE = 0x238, H_SETUP_DATA = 0x250, H_PREF_ADDRESS = 0x258,
    H_INIT_SIZE = 0x260, H_END = 0x290,
};
enum { /* boot_params beside the header */
    P_EXT_MEM_K = 0x002, P_OLD_CMDLINE_MAGIC = 0x020, P_OLD_CMDLINE_OFFSET = 0x022, P_RSDP = 0x070,
    P_EXT_RAMDISK = 0x0c0, P_ALT_MEM_K = 0x1e0, P_E820_COUNT = 0x1e8, P_E820 = 0x2d0, PARAMS_SIZE = 4096,
};
enum { LOADED_HIGH = 1, CAN_USE_HEAP = 0x80, XLF_KERNEL_64 = 1, SETUP_RNG_SEED = 9, LOADER_OTHER = 0xff };

typedef struct LinuxImage {
    uint16_t version;
    bool high, relocatable, entry64;
    size_t setup_len;        /* boot sector and setup code */
    Blob code;               /* protected-mode part */
    uint32_t alignment, cmdline_max, initrd_max;
    uint64_t pref_address, init_size;
} LinuxImage;

bool linux_is(Blob kernel)
{
    return kernel.len > H_END && get_le16(kernel.data + H_BOOT_FLAG) == 0xaa55 &&
           !memcmp(kernel.data + H_MAGIC, "HdrS", 4);
}

size_t linux_setup_size(Blob kernel)
{
    if (!linux_is(kernel))
        return 0;
    unsigned sectors = kernel.data[H_SETUP_SECTS] ? kernel.data[H_SETUP_SECTS] : 4;
    return MIN((sectors + 1) * 512u, kernel.len);
}

/* Reads the header; fields that the kernel's protocol version lacks get the meaning of their absence. */
static bool parse_image(Blob k, LinuxImage *l, Error **errp)
{
    const uint8_t *h = k.data;
    *l = (LinuxImage){ .version = get_le16(h + H_VERSION) };
    if (l->version < 0x200) {
        error_setg(errp, "boot protocol %d.%02d is too old", l->version >> 8, l->version & 0xff);
        return false;
    }
    l->setup_len = linux_setup_size(k);
    if (l->setup_len >= k.len) {
        error_setg(errp, "the file is truncated: it ends within its setup code");
        return false;
    }
    l->code = (Blob){ k.data + l->setup_len, k.len - l->setup_len };
    l->high = h[H_LOADFLAGS] & LOADED_HIGH;
    l->initrd_max = l->version >= 0x203 ? get_le32(h + H_INITRD_MAX) : 0x37ffffff;
    l->alignment = l->version >= 0x205 ? get_le32(h + H_ALIGNMENT) : 0;
    l->relocatable = l->version >= 0x205 && h[H_RELOCATABLE];
    l->cmdline_max = l->version >= 0x206 ? get_le32(h + H_CMDLINE_SIZE) : 255;
    l->entry64 = l->version >= 0x20c && (get_le16(h + H_XLOADFLAGS) & XLF_KERNEL_64);
    l->pref_address = l->version >= 0x20a ? get_le64(h + H_PREF_ADDRESS) : 0;
    l->init_size = l->version >= 0x20a ? get_le32(h + H_INIT_SIZE) : 0;
    if (l->alignment & (l->alignment - 1) || (l->relocatable && l->alignment > GiB)) {
        error_setg(errp, "the kernel asks for an alignment of 0x%x", l->alignment);
        return false;
    }
    return true;
}

/* Where the protected-mode code goes: at its preferred address when it is relocatable. A kernel loaded below
 * that address moves itself there, so there must be room in any case; *end is behind that. */
static bool place_kernel(const X86BootInfo *info, const LinuxImage *l, uint64_t *at, uint64_t *end, Error **errp)
{
    uint64_t size = MAX(l->init_size, l->code.len);
    uint64_t limit = l->high ? info->ram_end : BOOT_PARAMS;
    uint64_t lowest = l->high ? MiB : 0x1000, align = MAX(l->alignment, 4096u);
    *at = lowest;
    if (l->high && l->relocatable)
        *at = l->pref_address >= lowest ? l->pref_address : (lowest + align - 1) & ~(align - 1);
    uint64_t runs_at = MAX(*at, l->pref_address);
    if (runs_at >= limit || size > limit - runs_at) {
        error_setg(errp, "the kernel needs %llu MiB of memory, there are %llu MiB",
                   (unsigned long long)((runs_at + size + MiB - 1) / MiB), (unsigned long long)(info->ram_end / MiB));
        return false;
    }
    *end = runs_at + size;
    return true;
}

uint64_t x86_boot_place_high(const X86BootInfo *info, size_t len, uint64_t floor, uint64_t limit)
{
    uint64_t top = MIN(info->ram_end, limit);
    if (len > top)
        return 0;
    uint64_t at = (top - len) & ~0xfffull;
    return at >= floor ? at : 0;
}

static bool place_initrd(const X86BootInfo *info, const LinuxImage *l, uint64_t kernel_end, uint8_t *params,
                         Error **errp)
{
    if (!info->initrd_name)
        return true;
    uint64_t at = x86_boot_place_high(info, info->initrd.len, kernel_end, (uint64_t)l->initrd_max + 1);
    if (!at) {
        error_setg(errp, "initrd '%s' (%llu MiB) does not fit into %llu MiB of memory beside the kernel",
                   info->initrd_name, (unsigned long long)((info->initrd.len + MiB - 1) / MiB),
                   (unsigned long long)((info->ram_end + MiB - 1) / MiB));
        return false;
    }
    rom_add("initrd", at, info->initrd, 0);
    put_le32(params + H_RAMDISK, at);
    put_le32(params + H_RAMDISK_SIZE, info->initrd.len);
    return true;
}

static bool place_cmdline(const X86BootInfo *info, const LinuxImage *l, uint8_t *params, Error **errp)
{
    const char *cmdline = info->cmdline ? info->cmdline : "";
    size_t len = strlen(cmdline), max = MIN(l->cmdline_max, BOOT_CMDLINE_MAX - 1u);
    if (len > max) {
        error_setg(errp, "-append has %zu characters, this kernel takes at most %zu", len, max);
        return false;
    }
    rom_add_copy("cmdline", BOOT_CMDLINE, cmdline, len + 1);
    if (l->version >= 0x202) {
        put_le32(params + H_CMDLINE, BOOT_CMDLINE);
    } else {
        put_le16(params + P_OLD_CMDLINE_MAGIC, 0xa33f);
        put_le16(params + P_OLD_CMDLINE_OFFSET, BOOT_CMDLINE - BOOT_PARAMS);
    }
    return true;
}

static void put_memory_map(const X86BootInfo *info, uint8_t *params)
{
    const E820Table *t = info->e820;
    uint64_t above_1m = e820_ram_between(t, MiB, 4 * GiB) / KiB;
    put_le16(params + P_EXT_MEM_K, MIN(above_1m, 0xfc00u));
    put_le32(params + P_ALT_MEM_K, above_1m);
    params[P_E820_COUNT] = t->count;
    memcpy(params + P_E820, t->rows, t->count * sizeof(E820Entry));
}

/* A seed from the host lets the guest's random numbers start at once. */
static void put_rng_seed(uint8_t *params)
{
    struct __attribute__((packed)) {
        uint64_t next;
        uint32_t type, len;
        uint8_t seed[32];
    } data = { .type = SETUP_RNG_SEED, .len = sizeof(data.seed) };
    guest_random(data.seed, sizeof(data.seed));
    rom_add_copy("setup_data", BOOT_RNG_SEED, &data, sizeof(data));
    put_le64(params + H_SETUP_DATA, BOOT_RNG_SEED);
}

static void fill_header(const X86BootInfo *info, const LinuxImage *l, uint64_t at, uint8_t *params)
{
    const uint8_t *h = info->kernel.data;
    size_t end = MIN((size_t)H_END, (size_t)H_MAGIC + h[H_JUMP + 1]);
    memcpy(params + H_SETUP_SECTS, h + H_SETUP_SECTS, MAX(end, (size_t)H_HEAP_END) - H_SETUP_SECTS);
    params[H_LOADER] = LOADER_OTHER;
    put_le32(params + H_CODE32, at);
    if (l->version >= 0x201)
        params[H_LOADFLAGS] &= ~CAN_USE_HEAP;
    if (l->version >= 0x209)
        put_rng_seed(params);
    put_le64(params + P_RSDP, info->rsdp);
}

void linux_prepare_setup(uint8_t *setup, size_t len, uint32_t setup_addr, uint32_t cmdline_addr, uint32_t initrd_addr,
                         uint32_t initrd_len)
{
    if (!linux_is((Blob){ setup, len }))
        return;
    setup[H_LOADER] = LOADER_OTHER;
    put_le16(setup + H_HEAP_END, cmdline_addr - setup_addr - 0x200);
    setup[H_LOADFLAGS] |= CAN_USE_HEAP;
    put_le32(setup + H_CMDLINE, cmdline_addr);
    put_le32(setup + H_RAMDISK, initrd_addr);
    put_le32(setup + H_RAMDISK_SIZE, initrd_len);
}

bool linux_boot(const X86BootInfo *info, X86BootStart *start, Error **errp)
{
    LinuxImage l;
    uint64_t at, end;
    uint8_t params[PARAMS_SIZE] = { 0 };
    if (!linux_is(info->kernel)) {
        error_setg(errp, "not an x86 Linux kernel");
        return false;
    }
    if (!parse_image(info->kernel, &l, errp) || !place_kernel(info, &l, &at, &end, errp))
        return false;
    fill_header(info, &l, at, params);
    put_memory_map(info, params);
    if (!place_initrd(info, &l, end, params, errp) || !place_cmdline(info, &l, params, errp))
        return false;
    rom_add("kernel", at, l.code, 0);
    rom_add_copy("boot_params", BOOT_PARAMS, params, sizeof(params));
    bool entry64 = l.entry64 && info->long_mode;
    *start = (X86BootStart){
        .mode = entry64 ? X86_START_LONG64 : X86_START_FLAT32,
        .entry = entry64 ? at + 0x200 : at,
        .rsi = BOOT_PARAMS,
        .boot_segments = true,
        .zero_page = BOOT_PARAMS,
        .cmdline = BOOT_CMDLINE,
        .cmdline_room = MIN(l.cmdline_max + 1ull, BOOT_CMDLINE_MAX),
    };
    return true;
}

void linux_set_vga_text(uint64_t zero_page)
{
    /* orig_x … orig_video_points of screen_info: mode 3, 80x25, 8x16 font, VGA */
    const uint8_t screen[18] = {
        [0x00] = 0, [0x01] = 0, [0x06] = 3, [0x07] = 80, [0x0e] = 25, [0x0f] = 1, [0x10] = 16,
    };
    uint8_t ext_mem[2];
    address_space_read(address_space_memory, zero_page + P_EXT_MEM_K, ext_mem, sizeof(ext_mem));
    address_space_write(address_space_memory, zero_page, screen, sizeof(screen));
    address_space_write(address_space_memory, zero_page + P_EXT_MEM_K, ext_mem, sizeof(ext_mem));
}
