/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: a damaged image (qcow2, vdi, vpc), opened for writing. The first byte chooses what is done to it. Whatever the image holds: no crash, no
 * endless loop. Where check finds nothing wrong, a write that succeeded reads back, and so do zeroes.
 */
#include "block/block.h"
#include "fuzz.h"
#include "util/error.h"
#include "util/main-loop.h"

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

static void exercise(BlockNode *n, uint8_t what)
{
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
    block_flush(n);
}

/* By what the first bytes say; what they don't tell may be a fixed VHD. */
static const char *format_of(const uint8_t *data, size_t size)
{
    static const char *const formats[] = { "qcow2", "vdi" };
    for (unsigned i = 0; i < ARRAY_SIZE(formats); i++)
        if (block_driver_find(formats[i])->probe(data, size, ""))
            return formats[i];
    return "vpc";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
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
    BlockNode *n = block_open_file(name, format, flags, NULL);
    if (n) {
        exercise(n, data[0]);
        block_unref(n);
    }
    n = data[0] & 64 ? block_open_file(name, format, flags | BLOCK_CHECK, NULL) : NULL;
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
