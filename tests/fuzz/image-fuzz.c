/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a damaged image (qcow2, vdi, vpc, vmdk, vhdx), opened for writing. The first byte chooses what is done to it. Whatever the image holds:
 * no crash, no endless loop. Where check finds nothing wrong, a write that succeeded reads back, and so do zeroes.
 *
 * VHDX images have megabytes between their parts: there the input is a list of changes to a good image (see patch_vhdx).
 */
#include "block/bitmap.h"
#include "block/vhdx.h"
#include "fuzz.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/options.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE 3000u

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "wrong: %s\n", what);
        abort();
    }
}

static bool consistent(BlockNode *n)
{
    BlockCheck r = { 0 };
    return n->drv->check && n->drv->check(n, 0, &r, NULL) && !r.corruptions && !r.errors;
}

static void write_and_read_back(BlockNode *n, uint64_t at)
{
    bool strict = consistent(n);
    uint8_t in[PIECE], out[PIECE];
    uint64_t size = MIN(PIECE, block_size(n) - at);
    memset(out, 0xa5 ^ (int)at, sizeof(out));
    if (block_write(n, at, out, size) == 0 && block_read(n, at, in, size) == 0)
        must(!strict || !memcmp(in, out, size), "what was written reads back");
    if (block_write_zeroes(n, at, size, true) == 0 && block_read(n, at, in, size) == 0)
        must(!strict || (in[0] == 0 && !memcmp(in, in + 1, size - 1)), "zeroes read back");
}

/* Bitmaps hear of writes; they come and go with the image. */
static void exercise_bitmaps(BlockNode *n, uint8_t what)
{
    uint64_t size = block_size(n);
    BlockBitmap *b = n->bitmaps;
    if (b && block_bitmap_usable(b, true, NULL) && size && what & 1) {
        block_bitmap_clear(b, NULL);
        uint64_t at = 0, run = size;
        bool written = block_write(n, size / 2, "x", 1) == 0;
        must(!written || !b->enabled || (block_bitmap_is_marked(b, size / 2) && block_bitmap_next(b, &at, &run)), "a bitmap hears of a write");
    }
    if (what & 4 && n->drv->bitmap_add)
        block_bitmap_new_persistent(n, "fuzz", what & 2 ? 512 : 0, NULL);
    if (what & 8 && b && b != n->bitmaps)
        block_bitmap_merge(n->bitmaps, b, NULL);
    if (what & 16 && b)
        block_bitmap_remove(b, NULL);
}

static void no_progress(void *opaque, double part)
{
}

static void amend(BlockNode *n, const char *options)
{
    OptGroup *o = opts_parse("amend", options, NULL, NULL);
    n->drv->amend(n, o, no_progress, NULL, NULL);
    opts_free(o);
}

static void exercise(BlockNode *n, uint8_t what)
{
    exercise_bitmaps(n, what);
    uint64_t size = block_size(n), places[] = { 0, size / 2, size > PIECE ? size - PIECE : 0, MIN(size, 4096) };
    uint8_t buf[PIECE];
    for (unsigned i = 0; i < ARRAY_SIZE(places) && size; i++) {
        uint64_t at = MIN(places[i], size - 1), len = MIN(PIECE, size - at), run = len;
        block_read(n, at, buf, len);
        block_status(n, at, &run, NULL);
        if (what & 1)
            write_and_read_back(n, at);
        if (what & 2)
            block_discard(n, at, len);
    }
    BlockSnapshot *s = NULL;
    int count = n->drv->snapshot_list ? n->drv->snapshot_list(n, &s) : 0;
    if (what & 4 && n->drv->snapshot_create)
        n->drv->snapshot_create(n, &(BlockSnapshot){ .name = (char *)"fuzz" }, NULL);
    if (what & 8 && count > 0)
        n->drv->snapshot_apply(n, s[0].id, NULL);
    if (what & 16 && count > 0)
        n->drv->snapshot_delete(n, s[0].id, NULL);
    block_snapshots_free(s, count);
    if (what & 32)
        block_truncate(n, size + 5000, NULL, NULL);
    if (what & 32 && n->drv->amend)
        amend(n, what & 1 ? "refcount_bits=64" : what & 2 ? "compat=0.10,refcount_bits=16" : "compat=1.1,refcount_bits=8");
    block_flush(n);
}

/* By what the first bytes say; what they don't tell may be a fixed VHD. */
static const char *format_of(const uint8_t *data, size_t size)
{
    static const char *const formats[] = { "qcow2", "vdi", "vmdk", "vhdx" };
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
        if (block_driver_find(formats[i])->probe(data, size, ""))
            return formats[i];
    return "vpc";
}

/* ---- VHDX ---- */

#define VHDX_TEST_SIZE (7u << 20)
enum { HEADER_1 = 64 << 10, HEADER_2 = 128 << 10, REGIONS_1 = 192 << 10, REGIONS_2 = 256 << 10, LOG = 1 << 20, METADATA = 2 << 20, ITEMS = METADATA + (64 << 10),
       TABLE = 3 << 20 };

/* A disk of 4 MiB in blocks of 1 MiB, two of which are there: as vhdx_create and two writes leave it. */
static uint8_t *good_vhdx(void)
{
    static uint8_t *image;
    if (image)
        return image;
    int fd = memfd_create("vhdx", MFD_CLOEXEC);
    char *name = g_strdup_printf("/proc/self/fd/%d", fd);
    OptGroup *o = opts_parse("create", "size=4M,block_size=1M", NULL, NULL);
    must(block_create("vhdx", name, o, NULL), "a VHDX image is made");
    opts_free(o);
    BlockNode *n = block_open_file(name, "vhdx", BLOCK_RDWR | BLOCK_NO_LOCK | BLOCK_NO_FLUSH, NULL);
    must(n && block_write(n, 1 << 20, "x", 1) == 0 && block_write(n, 3 << 20, "x", 1) == 0, "it is written to");
    block_unref(n);
    image = g_malloc0(VHDX_TEST_SIZE);
    must(pread(fd, image, VHDX_TEST_SIZE, 0) > 0, "it is read");
    close(fd);
    g_free(name);
    return image;
}

static void put_checksum(uint8_t *p, size_t len)
{
    uint32_t sum = GUINT32_TO_LE(vhdx_checksum(p, len, 4));
    memcpy(p + 4, &sum, 4);
}

/* Changes of {place, offset (2 bytes), length, bytes}; where the first bit of the input's third byte is not set, sums are made right afterwards. */
static void patch_vhdx(int fd, const uint8_t *data, size_t size)
{
    static const uint32_t places[] = { 0, HEADER_1, HEADER_2, REGIONS_1, REGIONS_2, LOG, METADATA, ITEMS, TABLE };
    uint8_t *image = g_memdup2(good_vhdx(), VHDX_TEST_SIZE);
    bool sums = size < 9 || !(data[8] & 1);
    for (size_t at = 9; at + 4 <= size;) {
        uint32_t to = places[data[at] % ARRAY_SIZE(places)] + data[at + 1] + 256u * data[at + 2], len = data[at + 3];
        at += 4;
        memcpy(image + to, data + at, MIN(len, size - at));
        at += MIN(len, size - at);
    }
    for (unsigned s = 0; sums && s < 256; s++) { /* entries of the log */
        uint8_t *e = image + LOG + 4096 * s;
        uint32_t len;
        memcpy(&len, e + 8, 4);
        len = GUINT32_FROM_LE(len);
        if (!memcmp(e, "loge", 4) && len >= 4096 && len <= (256 - s) * 4096)
            put_checksum(e, len);
    }
    if (sums) {
        put_checksum(image + HEADER_1, 4096);
        put_checksum(image + HEADER_2, 4096);
        put_checksum(image + REGIONS_1, 65536);
        put_checksum(image + REGIONS_2, 65536);
    }
    must(ftruncate(fd, 0) == 0 && pwrite(fd, image, VHDX_TEST_SIZE, 0) == VHDX_TEST_SIZE, "test set-up");
    g_free(image);
}

/* Guest data in a file of its own: one of ours, whatever the header says. */
static BlockNode *open_input(const char *name, const char *format, bool data_file, int flags)
{
    OptGroup *o = opts_parse("image", "", NULL, NULL);
    opts_set(o, "driver", format);
    int fd = -1;
    if (data_file) {
        fd = memfd_create("data", MFD_CLOEXEC);
        char *data = g_strdup_printf("/proc/self/fd/%d", fd);
        opts_set(o, "data-file.driver", "file");
        opts_set(o, "data-file.filename", data);
        g_free(data);
    }
    BlockNode *n = block_open(o, "", name, flags, NULL);
    opts_free(o);
    if (fd >= 0)
        close(fd); /* the node has it open */
    return n;
}

/* A descriptor names other files: none but those beside the image, and nothing is beside it. */
static bool names_host_files(const uint8_t *data, size_t size)
{
    return memmem(data, size, "\"/", 2) || memmem(data, size, "..", 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || names_host_files(data, size))
        return 0;
    static bool quiet;
    if (!quiet) { /* reports of corruption and of each leaked cluster */
        quiet = true;
        if (!freopen("/dev/null", "w", stdout))
            abort();
    }
    int fd = memfd_create("image", MFD_CLOEXEC);
    must(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)(size - 1), "test set-up");
    char *name = g_strdup_printf("/proc/self/fd/%d", fd);
    machine_lock();
    int flags = BLOCK_RDWR | BLOCK_NO_LOCK | BLOCK_NO_BACKING | BLOCK_NO_FLUSH | BLOCK_UNMAP;
    const char *format = format_of(data + 1, size - 1);
    if (!strcmp(format, "vhdx"))
        patch_vhdx(fd, data + 1, size - 1);
    bool data_file = !strcmp(format, "qcow2") && size > 80 && data[8] >= 3 && data[80] & 4; /* of the header's incompatible features */
    BlockNode *n = open_input(name, format, data_file, flags);
    if (n) {
        exercise(n, data[0]);
        block_unref(n);
    }
    n = data[0] & 64 ? open_input(name, format, data_file, flags | BLOCK_CHECK) : NULL;
    if (n) {
        BlockCheck r = { 0 };
        if (n->drv->check)
            n->drv->check(n, data[0] & 128 ? BLOCK_FIX_LEAKS | BLOCK_FIX_ERRORS : 0, &r, NULL);
        block_unref(n);
    }
    machine_unlock();
    g_free(name);
    close(fd);
    return 0;
}
