/* SPDX-License-Identifier: MIT */
/*
 * Files for guest memory. A regular file is mapped, so that a boot touches only what it copies; pieces
 * are written by each reset, because the guest may have overwritten them.
 */
#include "hw/loader.h"
#include "exec/memory.h"
#include "monitor.h"
#include "util/error.h"
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Files ---- */

/* Reads a pipe or device until its end. */
static bool read_stream(int fd, size_t max, Blob *out, Error **errp)
{
    size_t room = 64 * KiB, len = 0;
    uint8_t *buf = g_malloc(room);
    for (;;) {
        ssize_t n = read(fd, buf + len, room - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_setg_errno(errp, errno, "reading failed");
            break;
        }
        len += n;
        if (n == 0) {
            *out = (Blob){ buf, len };
            return true;
        }
        if (len > max) {
            error_setg(errp, "larger than %zu bytes", max);
            break;
        }
        if (len == room)
            buf = g_realloc(buf, room *= 2);
    }
    g_free(buf);
    return false;
}

static bool read_fd(int fd, size_t max, Blob *out, Error **errp)
{
    struct stat st;
    if (fstat(fd, &st) < 0) {
        error_setg_errno(errp, errno, "stat failed");
        return false;
    }
    if (S_ISDIR(st.st_mode)) {
        error_setg(errp, "is a directory");
        return false;
    }
    if (!S_ISREG(st.st_mode))
        return read_stream(fd, max, out, errp);
    if ((uint64_t)st.st_size > max) {
        error_setg(errp, "%llu bytes, larger than %zu", (unsigned long long)st.st_size, max);
        return false;
    }
    *out = (Blob){ (const uint8_t *)"", 0 };
    if (!st.st_size)
        return true;
    void *p = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (p == MAP_FAILED) {
        error_setg_errno(errp, errno, "mmap failed");
        return false;
    }
    *out = (Blob){ p, st.st_size };
    return true;
}

bool blob_read(const char *path, size_t max, Blob *out, Error **errp)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        error_setg(errp, "%s", strerror(errno));
        return false;
    }
    bool ok = read_fd(fd, max, out, errp);
    close(fd);
    return ok;
}

const char *blob_identify(Blob b)
{
    static const struct { uint32_t offset; const char *magic; uint8_t len; const char *what; } kinds[] = {
        { 0x202, "HdrS", 4, "an x86 Linux kernel" },
        { 0x38, "ARM\x64", 4, "an Arm64 Linux Image" },
        { 0x24, "\x18\x28\x6f\x01", 4, "an Arm Linux zImage" },
        { 0x30, "RISCV", 5, "a RISC-V Linux Image" },
        { 0, "\x7f" "ELF", 4, "an ELF file" },
        { 0, "\x1f\x8b", 2, "a gzip file" },
        { 0, "\xfd" "7zXZ", 5, "an xz file" },
        { 0, "BZh", 3, "a bzip2 file" },
        { 0, "\x28\xb5\x2f\xfd", 4, "a zstd file" },
        { 0, "\x27\x05\x19\x56", 4, "a U-Boot image" },
        { 0, "\xd0\x0d\xfe\xed", 4, "a device tree or FIT image" },
        { 0, "QFI\xfb", 4, "a qcow2 disk image" },
        { 0, "070701", 6, "a cpio archive" },
        { 0, "!<arch>\n", 8, "an ar archive or Debian package" },
        { 0x8001, "CD001", 5, "an ISO 9660 image" },
        { 0, "PK\x03\x04", 4, "a zip file" },
        { 0, "#!", 2, "a script" },
        { 0, "MZ", 2, "a DOS or PE program" },
        { 0x1fe, "\x55\xaa", 2, "a boot sector or disk image" },
    };
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        if (b.len >= kinds[i].offset + kinds[i].len &&
            !memcmp(b.data + kinds[i].offset, kinds[i].magic, kinds[i].len))
            return kinds[i].what;
    return NULL;
}

/* ---- ROMs ---- */

typedef struct ROMPiece {
    char *name;
    hwaddr addr;
    Blob data;
    uint64_t memsize;
    void *owned;
} ROMPiece;
static GArray *pieces; /* machine lock */

static void add_piece(const ROMPiece *p)
{
    if (!pieces)
        pieces = g_array_new(FALSE, FALSE, sizeof(ROMPiece));
    g_array_append_val(pieces, *p);
}

void rom_add(const char *name, hwaddr addr, Blob data, uint64_t memsize)
{
    ROMPiece p = { g_strdup(name), addr, data, MAX(memsize, data.len), NULL };
    add_piece(&p);
}

void rom_add_copy(const char *name, hwaddr addr, const void *data, size_t len)
{
    void *copy = g_memdup2(data, len);
    ROMPiece p = { g_strdup(name), addr, { copy, len }, len, copy };
    add_piece(&p);
}

static GPtrArray *owned_buffers;

void roms_own(void *buf)
{
    if (!owned_buffers)
        owned_buffers = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(owned_buffers, buf);
}

static void write_zeros(hwaddr addr, uint64_t len)
{
    static const uint8_t zeros[64 * KiB];
    while (len) {
        uint64_t n = MIN(len, sizeof(zeros));
        address_space_write_rom(address_space_memory, addr, zeros, n);
        addr += n;
        len -= n;
    }
}

void roms_write(void)
{
    for (guint i = 0; pieces && i < pieces->len; i++) {
        const ROMPiece *p = &g_array_index(pieces, ROMPiece, i);
        address_space_write_rom(address_space_memory, p->addr, p->data.data, p->data.len);
        write_zeros(p->addr + p->data.len, p->memsize - p->data.len);
    }
}

void roms_clear(void)
{
    for (guint i = 0; pieces && i < pieces->len; i++) {
        g_free(g_array_index(pieces, ROMPiece, i).name);
        g_free(g_array_index(pieces, ROMPiece, i).owned);
    }
    if (pieces)
        g_array_set_size(pieces, 0);
    if (owned_buffers)
        g_ptr_array_set_size(owned_buffers, 0);
}

hwaddr roms_end_between(hwaddr start, hwaddr end)
{
    hwaddr highest = 0;
    for (guint i = 0; pieces && i < pieces->len; i++) {
        const ROMPiece *p = &g_array_index(pieces, ROMPiece, i);
        if (p->addr < end && p->addr + p->memsize > start)
            highest = MAX(highest, p->addr + p->memsize);
    }
    return highest;
}

static void info_roms(Monitor *mon, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    for (guint i = 0; pieces && i < pieces->len; i++) {
        const ROMPiece *p = &g_array_index(pieces, ROMPiece, i);
        FlatRange r;
        bool rom = address_space_find(address_space_memory, p->addr, &r) && r.mr->kind == REGION_ROM;
        monitor_printf(mon, "addr=%016llx size=0x%06llx mem=%s name=\"%s\"\n", (unsigned long long)p->addr,
                       (unsigned long long)p->memsize, rom ? "rom" : "ram", p->name);
    }
}

static const MonitorCommand loader_commands[] = {
    { "info roms", "", "show roms", info_roms },
};
monitor_commands(loader_commands);
