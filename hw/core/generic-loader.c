/* SPDX-License-Identifier: MIT */
/*
 * -device loader: puts a file or a value into memory at each reset of the machine, and chooses where a vCPU starts. Works
 * on every machine. Files are ELF, U-Boot legacy images, Intel HEX or, with force-raw or when they are none of these,
 * plain bytes for addr.
 */
#include "cpu.h"
#include "hw/boards.h"
#include "hw/loader.h"
#include "target.h"
#include "util/error.h"

#include <glib.h>

#define NO_CPU UINT32_MAX
#define FILE_MAX (4 * GiB)

typedef struct GenericLoader {
    Device dev;
    uint64_t addr, data;
    uint8_t data_len;
    bool data_be, force_raw;
    uint32_t cpu_num;
    char *file;
    CPUState *cpu;   /* starts at addr; NULL: none */
} GenericLoader;

/* ---- What the user asked for ---- */

static bool check_options(const GenericLoader *s, Error **errp)
{
    bool value = s->data_len || s->data_be || s->data;
    const char *wrong = NULL;
    if (value && s->file)
        wrong = "Specifying a file is not supported when loading memory values";
    else if (value && s->force_raw)
        wrong = "Specifying force-raw is not supported when loading memory values";
    else if (value && !s->data_len)
        wrong = "Both data and data-len must be specified";
    else if (value && s->data_len > 8)
        wrong = "data-len cannot be greater than 8 bytes";
    else if (value && s->data_len < 8 && s->data >> (8 * s->data_len))
        wrong = "data does not fit into data-len bytes";
    else if (s->force_raw && !s->file)
        wrong = "force-raw needs a file";
    else if (!value && !s->file && s->cpu_num == NO_CPU)
        wrong = s->addr ? "cpu-num must be specified when setting a program counter" : "please include valid arguments";
    if (wrong)
        error_setg(errp, "%s", wrong);
    return !wrong;
}

static CPUState *find_cpu(uint32_t n)
{
    CPU_FOREACH(cpu)
        if ((uint32_t)cpu->index == n)
            return cpu;
    return NULL;
}

/* ---- Files ---- */

static bool load_raw(GenericLoader *s, Blob file, Error **errp)
{
    if (s->addr + file.len < s->addr) {
        error_setg(errp, "it does not fit below the end of the address space");
        return false;
    }
    rom_add(s->file, s->addr, file, 0);
    return true;
}

static bool load_elf(GenericLoader *s, Blob file, Error **errp)
{
    ELFImage elf;
    if (!elf_parse(file, &elf, errp) || !elf_add_roms(&elf, s->file, 0, UINT64_MAX, errp))
        return false;
    s->addr = elf.entry;
    return true;
}

static bool load_uimage(GenericLoader *s, Blob file, Error **errp)
{
    UImage u;
    if (!uimage_parse(file, &u, errp))
        return false;
    if (u.type != UIMAGE_TYPE_KERNEL && u.type != UIMAGE_TYPE_STANDALONE && u.type != UIMAGE_TYPE_FIRMWARE) {
        error_setg(errp, "U-Boot images of type %u have no place of their own", u.type);
        return false;
    }
    rom_add(s->file, u.load, u.payload, 0);
    s->addr = u.entry;
    return true;
}

static bool load_ihex(GenericLoader *s, Blob file, Error **errp)
{
    return ihex_add_roms(file, s->file, current_machine->ram_size, &s->addr, errp);
}

static bool any(Blob file)
{
    return true;
}

static const struct {
    bool (*is)(Blob file);
    bool (*load)(GenericLoader *s, Blob file, Error **errp);
} formats[] = { { elf_is, load_elf }, { uimage_is, load_uimage }, { ihex_is, load_ihex }, { any, load_raw } };

static bool load_file(GenericLoader *s, Error **errp)
{
    Blob file;
    bool ok = blob_read(s->file, FILE_MAX, &file, errp);
    if (ok && file.len > current_machine->ram_size && (s->force_raw || !elf_is(file))) {
        error_setg(errp, "it is larger than the machine's RAM");
        ok = false;
    }
    unsigned n = s->force_raw ? ARRAY_SIZE(formats) - 1 : 0;
    while (ok && !formats[n].is(file))
        n++;
    if (ok && formats[n].load(s, file, errp))
        return true;
    error_prepend(errp, "Cannot load specified image %s: ", s->file);
    return false;
}

/* ---- The device ---- */

static void start(void *opaque)
{
    GenericLoader *s = opaque;
    if (s->data_len) {
        uint8_t bytes[8];
        put_le64(bytes, s->data_be ? __builtin_bswap64(s->data) >> (64 - 8 * s->data_len) : s->data);
        for (unsigned i = 0; i < s->data_len;) {
            unsigned n = 8; /* the largest aligned piece that is left */
            while (n > s->data_len - i || (s->addr + i) % n)
                n /= 2;
            uint64_t v = get_le64(bytes) >> (8 * i);
            address_space_st(address_space_memory, s->addr + i, v, n);
            i += n;
        }
    }
    if (s->cpu) {
        s->cpu->target->reset(s->cpu);
        s->cpu->target->set_pc(s->cpu, s->addr);
    }
}

static bool loader_realize(Device *dev, Error **errp)
{
    GenericLoader *s = (GenericLoader *)dev;
    if (!check_options(s, errp))
        return false;
    if (s->cpu_num != NO_CPU && !find_cpu(s->cpu_num)) {
        error_setg(errp, "Specified boot CPU#%u is nonexistent", s->cpu_num);
        return false;
    }
    if (s->file && !load_file(s, errp))
        return false;
    if (!s->data_len && s->cpu_num != NO_CPU)
        s->cpu = find_cpu(s->cpu_num);
    reset_register(start, s);
    return true;
}

static void loader_unrealize(Device *dev)
{
    reset_unregister(start, dev);
}

static const Property loader_props[] = {
    PROP_U64("addr", GenericLoader, addr, 0),
    PROP_U64("data", GenericLoader, data, 0),
    PROP_U8("data-len", GenericLoader, data_len, 0),
    PROP_BOOL("data-be", GenericLoader, data_be, false),
    PROP_U32("cpu-num", GenericLoader, cpu_num, NO_CPU),
    PROP_BOOL("force-raw", GenericLoader, force_raw, false),
    PROP_STRING("file", GenericLoader, file),
    {},
};
static const DeviceType loader_type = {
    .name = "loader", .desc = "Generic Loader", .bus = BUS_NONE, .category = "Misc devices", .size = sizeof(GenericLoader),
    .props = loader_props, .realize = loader_realize, .unrealize = loader_unrealize,
};
device_type(loader_type)
