/* SPDX-License-Identifier: MIT */
/* -kernel without firmware: recognises the image, hands it to its loader, lists the machine's memory. */
#include "hw/pc-board.h"
#include "target-i386/cpu.h"
#include "util/error.h"
#include <glib.h>
#include <string.h>

#define FILE_MAX (4 * GiB)

bool pc_read_blob(const char *what, const char *path, Blob *out, Error **errp)
{
    if (blob_read(path, FILE_MAX, out, errp))
        return true;
    error_prepend(errp, "could not load %s '%s': ", what, path);
    return false;
}

/* What a kernel is told: low RAM, BIOS area, RAM up to the tables, firmware flash. */
static void fill_e820(PCBoard *b, uint64_t low_end)
{
    E820Table *t = &b->e820;
    e820_add(t, 0, BOOT_EBDA, E820_RAM);
    e820_add(t, BOOT_EBDA, BOOT_LOW_END - BOOT_EBDA, E820_RESERVED);
    e820_add(t, 0xf0000, 0x10000, E820_RESERVED);
    e820_add(t, MiB, low_end - MiB, E820_RAM);
    e820_add(t, low_end, b->ram_below - low_end, E820_ACPI);
    if (b->chipset && b->chipset->acpi.q35)
        e820_add(t, Q35_ECAM_BASE, Q35_ECAM_SIZE, E820_RESERVED);
    e820_add(t, 0xfffc0000, 0x40000, E820_RESERVED);
    e820_add(t, PC_ABOVE_4G, b->ram_above, E820_RAM);
}

/* ---- Multiboot modules: "file arg,file arg"; ",," is a comma ---- */

/* Cuts the next module's text off *list. */
static char *next_module(const char **list)
{
    GString *s = g_string_new(NULL);
    const char *p = *list;
    for (; *p && (*p != ',' || p[1] == ','); p++) {
        g_string_append_c(s, *p);
        p += *p == ',';
    }
    *list = *p ? p + 1 : p;
    return g_string_free(s, FALSE);
}

static bool read_modules(const char *list, X86BootModule *modules, unsigned *n, Error **errp)
{
    while (list && *list) {
        if (*n == BOOT_MODULES_MAX) {
            error_setg(errp, "-initrd lists more than %d modules", BOOT_MODULES_MAX);
            return false;
        }
        X86BootModule *m = &modules[*n];
        m->cmdline = next_module(&list); /* lives as long as the machine */
        g_autofree char *file = g_strndup(m->cmdline, strcspn(m->cmdline, " "));
        if (!pc_read_blob("module", file, &m->data, errp))
            return false;
        ++*n;
    }
    return true;
}

/* ---- Choosing the loader ---- */

typedef bool Loader(const X86BootInfo *info, X86BootStart *start, Error **errp);
static const struct {
    bool (*is)(Blob kernel);
    Loader *load;
    bool modules; /* -initrd is a list */
} formats[] = {
    { linux_is, linux_boot, false },
    { multiboot_is, multiboot_boot, true },
    { pvh_is, pvh_boot, false },
};

static bool run_loader(MachineState *m, X86BootInfo *info, Error **errp)
{
    static X86BootModule modules[BOOT_MODULES_MAX];
    PCBoard *b = m->board;
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++) {
        if (!formats[i].is(info->kernel))
            continue;
        bool ok;
        if (formats[i].modules) {
            ok = read_modules(m->initrd, modules, &info->nmodules, errp);
            info->modules = modules;
        } else {
            ok = !m->initrd || pc_read_blob("initrd", m->initrd, &info->initrd, errp);
        }
        if (!ok)
            return false;
        if (formats[i].load(info, &b->start, errp))
            return true;
        error_prepend(errp, "could not load kernel '%s': ", m->kernel);
        return false;
    }
    const char *what = blob_identify(info->kernel);
    error_setg(errp, "could not load kernel '%s': %s%s (it takes a bzImage, an ELF file with a PVH note, or multiboot)",
               m->kernel, what ? "it is " : "not a kernel for this machine", what ? what : "");
    return false;
}

bool pc_load_kernel(MachineState *m, Error **errp)
{
    PCBoard *b = m->board;
    X86BootInfo info = {
        .kernel_name = m->kernel, .initrd_name = m->initrd, .cmdline = m->append, .e820 = &b->e820,
        .long_mode = x86_feature(x86_cpu(first_cpu), FW_8000_0001_EDX, 29),
    };
    if (!pc_read_blob("kernel", m->kernel, &info.kernel, errp))
        return false;
    b->direct_boot = true;
    info.ram_end = pc_place_tables(m, &info.rsdp);
    fill_e820(b, info.ram_end);
    if (!run_loader(m, &info, errp))
        return false;
    x86_boot_tables(&b->start);
    return true;
}
