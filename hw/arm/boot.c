/* SPDX-License-Identifier: MIT */
/*
 * Arm kernels: arm64 Image (Linux Documentation/arm64/booting.rst), zImage (Documentation/arm/booting.rst), ELF, U-Boot
 * legacy images, and plain binaries; the first two also inside gzip. What a kernel is given: a device tree, or
 * the tagged list of older ones. Images are foreign data: every field is checked against the file and RAM.
 */
#include "hw/arm/boot.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>

#define FILE_MAX (4 * GiB)
#define TREE_MAX (2 * MiB)
#define PAGE 4096ull
#define BLOCK (2 * MiB)
#define LOW_INITRD (128 * MiB)  /* initrd: half of RAM, at most this far up */
#define ZIMAGE_AT (32 * MiB)    /* above where it unpacks itself to */
#define ZIMAGE_AT_LOW 0x10000ull
#define BINARY_AT_64 0x80000ull
#define TAGS_AT 0x100ull
enum { ID_NONE = 0xffffffff };

static uint64_t align_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

/* Room for an image of this size at this address. */
static bool check_fit(const ARMBootInfo *info, uint64_t addr, uint64_t size, Error **errp)
{
    uint64_t end = info->ram_start + info->ram_size;
    if (addr >= info->ram_start && addr <= end && size <= end - addr)
        return true;
    error_setg(errp, "the image wants memory 0x%llx-0x%llx, RAM is 0x%llx-0x%llx", (unsigned long long)addr,
               (unsigned long long)(addr + size - 1), (unsigned long long)info->ram_start, (unsigned long long)end - 1);
    return false;
}

/* ---- Formats: is it this, and where does it go ---- */

static bool place(const ARMBootInfo *info, Blob image, uint64_t addr, uint64_t memsize, ARMBoot *out, Error **errp)
{
    memsize = MAX(memsize, image.len);
    if (!check_fit(info, addr, memsize, errp))
        return false;
    rom_add(info->kernel_name, addr, image, 0);
    out->entry = addr;
    out->end = addr + memsize;
    out->is_linux = true;
    return true;
}

static bool is_image64(Blob k)
{
    return k.len >= 64 && !memcmp(k.data + 0x38, "ARM\x64", 4);
}

static bool load_image64(const ARMBootInfo *info, Blob k, ARMBoot *out, Error **errp)
{
    uint64_t offset = get_le64(k.data + 8), size = get_le64(k.data + 16);
    if (!info->aarch64) {
        error_setg(errp, "this is a 64-bit kernel and the CPU has no AArch64");
        return false;
    }
    if (get_le64(k.data + 24) & 1) {
        error_setg(errp, "this is a big-endian kernel");
        return false;
    }
    if (!size) { /* kernels before 3.17: the offset's byte order is not certain either */
        offset = BINARY_AT_64;
        size = k.len;
    }
    if (offset >= BLOCK) {
        error_setg(errp, "the image has an impossible text offset, 0x%llx", (unsigned long long)offset);
        return false;
    }
    if (offset < info->low_reserved)
        offset += BLOCK; /* any 2 MiB block does */
    out->aarch64 = true;
    return place(info, k, align_up(info->ram_start, BLOCK) + offset, size, out, errp);
}

static bool is_zimage(Blob k)
{
    return k.len >= 0x34 && get_le32(k.data + 0x24) == 0x016f2818;
}

static bool load_zimage(const ARMBootInfo *info, Blob k, ARMBoot *out, Error **errp)
{
    uint32_t start = get_le32(k.data + 0x28), end = get_le32(k.data + 0x2c);
    if (end - start > k.len && end > start) {
        error_setg(errp, "the zImage is truncated: %zu of %u bytes", k.len, end - start);
        return false;
    }
    uint64_t at = info->ram_size >= 4 * ZIMAGE_AT ? ZIMAGE_AT : ZIMAGE_AT_LOW;
    if (!place(info, k, info->ram_start + at, k.len, out, errp))
        return false;
    out->end += 8 * MIN(k.len, 16 * MiB); /* what it unpacks to may reach beyond it */
    return true;
}

static bool is_elf(Blob k)
{
    return elf_is(k);
}

static bool load_elf(const ARMBootInfo *info, Blob k, ARMBoot *out, Error **errp)
{
    ELFImage elf;
    uint64_t start;
    if (!elf_parse(k, &elf, errp))
        return false;
    if (elf.machine != ELF_MACHINE_ARM && elf.machine != ELF_MACHINE_AARCH64) {
        error_setg(errp, "the ELF file is for another machine (number %u)", elf.machine);
        return false;
    }
    if (elf.machine == ELF_MACHINE_AARCH64 && !info->aarch64) {
        error_setg(errp, "this is a 64-bit program and the CPU has no AArch64");
        return false;
    }
    for (unsigned i = 0; i < elf.segments; i++) {
        const ELFSegment *seg = &elf.segment[i];
        if (!address_space_map_ram(address_space_memory, seg->paddr, seg->memsize, false)) {
            error_setg(errp, "the ELF file wants memory 0x%llx-0x%llx, which this machine has not",
                       (unsigned long long)seg->paddr, (unsigned long long)(seg->paddr + seg->memsize - 1));
            return false;
        }
    }
    elf_extent(&elf, &start, &out->end);
    if (!elf_add_roms(&elf, info->kernel_name, 0, UINT64_MAX, errp))
        return false;
    out->aarch64 = elf.machine == ELF_MACHINE_AARCH64;
    out->entry = elf.entry;
    return true;
}

static bool load_uimage(const ARMBootInfo *info, Blob k, ARMBoot *out, Error **errp)
{
    UImage u;
    if (!uimage_parse(k, &u, errp))
        return false;
    if (u.arch != UIMAGE_ARCH_ARM && u.arch != UIMAGE_ARCH_ARM64) {
        error_setg(errp, "the U-Boot image is for another architecture (number %u)", u.arch);
        return false;
    }
    if (u.type != UIMAGE_TYPE_KERNEL && u.type != UIMAGE_TYPE_KERNEL_NOLOAD) {
        error_setg(errp, "the U-Boot image is not a kernel (type %u)", u.type);
        return false;
    }
    if (u.type == UIMAGE_TYPE_KERNEL_NOLOAD) {
        u.entry = (uint32_t)(u.entry + info->ram_start + ZIMAGE_AT_LOW - u.load);
        u.load = (uint32_t)(info->ram_start + ZIMAGE_AT_LOW);
    }
    out->aarch64 = u.arch == UIMAGE_ARCH_ARM64;
    if (!place(info, u.payload, u.load, 0, out, errp))
        return false;
    out->entry = u.entry;
    out->is_linux = u.os == UIMAGE_OS_LINUX;
    return true;
}

static bool is_binary(Blob k)
{
    return k.len && !blob_identify(k);
}

static bool load_binary(const ARMBootInfo *info, Blob k, ARMBoot *out, Error **errp)
{
    out->aarch64 = info->aarch64;
    return place(info, k, info->ram_start + (info->aarch64 ? BINARY_AT_64 : ZIMAGE_AT_LOW), 0, out, errp);
}

static const struct {
    bool (*is)(Blob kernel);
    bool (*load)(const ARMBootInfo *info, Blob kernel, ARMBoot *out, Error **errp);
} formats[] = {
    { is_image64, load_image64 }, { is_zimage, load_zimage }, { is_elf, load_elf }, { uimage_is, load_uimage },
    { is_binary, load_binary },
};

/* ---- Initrd, device tree, tags ---- */

static bool place_initrd(const ARMBootInfo *info, ARMBoot *out, Error **errp)
{
    uint64_t end = info->ram_start + info->ram_size;
    uint64_t at = align_up(MAX(info->ram_start + MIN(info->ram_size / 2, LOW_INITRD), out->end), PAGE);
    out->initrd_start = out->initrd_end = at;
    if (!info->initrd_name)
        return true;
    if (at > end || info->initrd.len > end - at) {
        error_setg(errp, "could not load initrd '%s': %zu bytes do not fit into memory beside the kernel",
                   info->initrd_name, info->initrd.len);
        return false;
    }
    rom_add("initrd", at, info->initrd, 0);
    out->initrd_end = at + info->initrd.len;
    return true;
}

void arm_boot_place_tree(DeviceTree *t, uint64_t addr)
{
    /* U-Boot starts kernels with the tree it got, and adds to it where it lies. */
    Blob b = dt_blob_with_room(t, 64 * KiB);
    rom_add_copy("dtb", addr, b.data, b.len);
}

/* reg of a memory node in the root's cells. */
static void set_memory(DeviceTree *t, uint64_t start, uint64_t size)
{
    unsigned address_cells = (unsigned)dt_get_number(t, "", "#address-cells", 2);
    unsigned size_cells = (unsigned)dt_get_number(t, "", "#size-cells", 1);
    g_autofree char *path = g_strdup_printf("/memory@%llx", (unsigned long long)start);
    uint32_t reg[4];
    unsigned n = 0;
    dt_delete_type(t, "memory");
    if (address_cells > 1)
        reg[n++] = (uint32_t)(start >> 32);
    reg[n++] = (uint32_t)start;
    if (size_cells > 1)
        reg[n++] = (uint32_t)(size >> 32);
    reg[n++] = size_cells > 1 ? (uint32_t)size : (uint32_t)MIN(size, UINT32_MAX & ~(PAGE - 1));
    dt_array(t, path, "reg", reg, n);
    dt_string(t, path, "device_type", "memory");
}

void arm_boot_fill_tree(const ARMBootInfo *info, const ARMBoot *boot)
{
    DeviceTree *t = info->tree;
    if (!info->keep_memory_node)
        set_memory(t, info->ram_start, info->ram_size);
    if (info->cmdline)
        dt_string(t, "/chosen", "bootargs", info->cmdline);
    if (boot->initrd_end > boot->initrd_start) {
        dt_u64(t, "/chosen", "linux,initrd-start", boot->initrd_start);
        dt_u64(t, "/chosen", "linux,initrd-end", boot->initrd_end);
    }
}

static bool place_tree(const ARMBootInfo *info, ARMBoot *out, Error **errp)
{
    arm_boot_fill_tree(info, out);
    Blob b = dt_blob(info->tree);
    /* In one block of 2 MiB: kernels map the tree by it before they know RAM. */
    uint64_t at = align_up(out->initrd_end, out->aarch64 ? BLOCK : PAGE), end = info->ram_start + info->ram_size;
    if (!out->is_linux) /* programs find it at the start of RAM, unless they are there themselves */
        at = info->ram_start;
    bool room = at < end && b.len <= end - at && b.len <= TREE_MAX;
    if (!out->is_linux && (!room || roms_end_between(at, at + b.len)))
        return true;
    if (!room) {
        error_setg(errp, "the device tree (%zu bytes) does not fit into memory beside kernel and initrd", b.len);
        return false;
    }
    out->dtb = at;
    arm_boot_place_tree(info->tree, at);
    return true;
}

static void put_tag(GByteArray *a, uint32_t tag, const void *data, unsigned len)
{
    uint8_t head[8];
    static const uint8_t zeros[4];
    put_le32(head, 2 + (len + 3) / 4);
    put_le32(head + 4, tag);
    g_byte_array_append(a, head, 8);
    g_byte_array_append(a, data, len);
    g_byte_array_append(a, zeros, -len & 3);
}

/* The tagged list of kernels without device trees. */
static bool place_tags(const ARMBootInfo *info, ARMBoot *out, Error **errp)
{
    enum { TAG_CORE = 0x54410001, TAG_MEM, TAG_INITRD2 = 0x54420005, TAG_CMDLINE = 0x54410009, TAGS_MAX = 0x3f00 };
    g_autoptr(GByteArray) a = g_byte_array_new();
    uint8_t core[12] = { 1, 0, 0, 0, 0, 0x10 }, mem[8], initrd[8];
    put_le32(mem, (uint32_t)MIN(info->ram_size, 0xf0000000u));
    put_le32(mem + 4, (uint32_t)info->ram_start);
    put_le32(initrd, (uint32_t)out->initrd_start);
    put_le32(initrd + 4, (uint32_t)(out->initrd_end - out->initrd_start));
    put_tag(a, TAG_CORE, core, sizeof(core));
    put_tag(a, TAG_MEM, mem, sizeof(mem));
    if (info->initrd.len)
        put_tag(a, TAG_INITRD2, initrd, sizeof(initrd));
    if (info->cmdline)
        put_tag(a, TAG_CMDLINE, info->cmdline, (unsigned)MIN(strlen(info->cmdline) + 1, TAGS_MAX));
    static const uint8_t none[8];
    g_byte_array_append(a, none, sizeof(none));
    if (a->len > TAGS_MAX || info->ram_size < TAGS_AT + a->len) {
        error_setg(errp, "the command line is too long for this kernel's boot tags");
        return false;
    }
    out->tags = info->ram_start + TAGS_AT;
    rom_add_copy("tags", out->tags, a->data, a->len);
    return true;
}

/* ---- The whole ---- */

static bool load_kernel(const ARMBootInfo *info, ARMBoot *out, Error **errp)
{
    Blob k = info->kernel;
    if (!arm_boot_unpack(&k, errp))
        return false;
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
        if (formats[i].is(k))
            return formats[i].load(info, k, out, errp);
    const char *what = blob_identify(k);
    error_setg(errp, "%s%s (it takes an arm64 Image, a zImage, an ELF file, a uImage, or a plain binary)",
               what ? "it is " : "the file is empty", what ? what : "");
    return false;
}

bool arm_boot_load(const ARMBootInfo *info, ARMBoot *out, Error **errp)
{
    *out = (ARMBoot){ 0 };
    if (!load_kernel(info, out, errp)) {
        error_prepend(errp, "could not load kernel '%s': ", info->kernel_name);
        return false;
    }
    if (!place_initrd(info, out, errp))
        return false;
    if (info->tree)
        return place_tree(info, out, errp);
    return !out->is_linux || place_tags(info, out, errp);
}

static bool read_file(const char *what, const char *path, Blob *out, Error **errp)
{
    if (blob_read(path, FILE_MAX, out, errp))
        return true;
    error_prepend(errp, "could not load %s '%s': ", what, path);
    return false;
}

bool arm_boot_read_files(MachineState *m, ARMBootInfo *info, Error **errp)
{
    info->kernel_name = m->kernel;
    info->initrd_name = m->initrd;
    info->cmdline = m->append;
    if ((m->kernel && !read_file("kernel", m->kernel, &info->kernel, errp)) ||
        (m->initrd && !read_file("initrd", m->initrd, &info->initrd, errp)))
        return false;
    if (m->dtb) {
        Blob file;
        if (!read_file("dtb", m->dtb, &file, errp))
            return false;
        DeviceTree *t = dt_parse(file, errp);
        if (!t) {
            error_prepend(errp, "could not load dtb '%s': ", m->dtb);
            return false;
        }
        dt_free(info->tree);
        info->tree = t;
        info->keep_memory_node = false;
    }
    return true;
}

bool arm_boot_kernel(MachineState *m, ARMBootInfo *info, ARMBoot *out, Error **errp)
{
    if (m->bios) {
        error_setg(errp, "-bios: this board's firmware is not supported; give a kernel with -kernel");
        return false;
    }
    return arm_boot_read_files(m, info, errp) && (!m->kernel || arm_boot_load(info, out, errp));
}
