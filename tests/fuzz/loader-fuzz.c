/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: every kernel loader on the same bytes. A crash, a hang or a sanitizer report is the only
 * failure. Memory sizes vary with the first byte, so that the "does not fit" paths run too.
 */
#include "fuzz.h"
#include "hw/arm/boot.h"
#include "hw/x86-boot.h"
#include "util/error.h"

/* The Arm loader: the bytes as kernel and as device tree. */
static void arm_loaders(Blob input)
{
    static MemoryRegion ram;
    if (!ram.ram) {
        memory_init();
        if (!memory_region_init_ram(&ram, NULL, "ram", 64 * MiB, NULL))
            return;
        memory_region_add(system_memory, 1 * GiB, &ram);
    }
    for (unsigned wide = 0; wide < 2; wide++) {
        ARMBootInfo info = {
            .kernel = input, .initrd = input, .kernel_name = "kernel", .initrd_name = "initrd", .cmdline = "console=ttyAMA0",
            .ram_start = 1 * GiB, .ram_size = ram.size, .aarch64 = wide, .tree = dt_parse(input, NULL),
        };
        ARMBoot boot;
        arm_boot_load(&info, &boot, NULL);
        dt_free(info.tree);
        roms_clear();
    }
    static const char plain[64] = "a binary";
    ARMBootInfo info = { .kernel = { (const uint8_t *)plain, sizeof(plain) }, .kernel_name = "kernel", .cmdline = "x",
                         .ram_start = 1 * GiB, .ram_size = ram.size, .tree = dt_parse(input, NULL) };
    ARMBoot boot;
    if (info.tree)
        arm_boot_load(&info, &boot, NULL);
    dt_free(info.tree);
    roms_clear();
}

typedef bool Loader(const X86BootInfo *info, X86BootStart *start, Error **errp);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Loader *const loaders[] = { linux_boot, pvh_boot, multiboot_boot };
    static E820Table e820 = { .count = 1, .rows = { { 0, 64 * MiB, E820_RAM } } };
    static const X86BootModule modules[] = { { { (const uint8_t *)"x", 1 }, "module argument" } };
    X86BootInfo info = {
        .kernel = { data, size }, .initrd = { data, size }, .kernel_name = "kernel", .initrd_name = "initrd",
        .cmdline = "console=ttyS0", .e820 = &e820, .ram_end = (size ? data[0] + 2ull : 2) * MiB,
        .long_mode = size & 1, .modules = modules, .nmodules = 1,
    };
    for (unsigned i = 0; i < ARRAY_SIZE(loaders); i++) {
        X86BootStart start;
        Error *err = NULL;
        if (loaders[i](&info, &start, &err))
            x86_boot_tables(&start);
        else
            error_free(err);
        roms_clear();
    }
    arm_loaders(info.kernel);
    UImage u;
    uint64_t entry;
    if (uimage_is(info.kernel))
        uimage_parse(info.kernel, &u, NULL);
    if (ihex_is(info.kernel))
        ihex_add_roms(info.kernel, "hex", 16 * MiB, &entry, NULL);
    roms_clear();
    blob_identify(info.kernel);
    return 0;
}
