/* SPDX-License-Identifier: MIT */
/* rhea-img: contents of images: convert, compare, dd. */
#include "rhea-img.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- convert, compare ---- */

static bool is_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

static uint64_t copy_unit(const Args *a, const BlockNode *to)
{
    return a->compress && to->cluster_size ? to->cluster_size : 65536;
}

static int copy_range(const Args *a, BlockNode *to, uint64_t at, uint8_t *buf, uint64_t n)
{
    uint64_t unit = copy_unit(a, to);
    for (uint64_t o = 0; o < n; o += unit) {
        uint64_t len = MIN(unit, n - o);
        struct iovec part = { buf + o, len };
        BlockVec v = { &part, 1, len };
        int ret = 0;
        if (a->sparse && is_zero(buf + o, len)) /* an image that was there may hold something else */
            ret = a->no_create ? block_write_zeroes(to, at + o, len, true) : 0;
        else
            ret = a->compress ? block_write_compressed(to, at + o, &v) : block_writev(to, at + o, &v);
        if (ret < 0)
            return ret;
    }
    return 0;
}

static int copy_image(const Args *a, BlockNode *from, BlockNode *to, uint64_t base, uint64_t total)
{
    uint64_t size = block_size(from);
    uint8_t *buf = g_malloc(CHUNK);
    int ret = 0;
    for (uint64_t at = 0; ret == 0 && at < size;) {
        uint64_t n = MIN(CHUNK - at % CHUNK, size - at);
        bool zero = block_reads_as_zero(from, at, &n) > 0;
        if (a->compress && at + n < size) /* whole clusters only */
            n -= n % copy_unit(a, to);
        if (!zero || !n) {
            n = MIN(CHUNK - at % CHUNK, size - at);
            ret = block_read(from, at, buf, n);
            if (ret < 0)
                error_report("error while reading at byte %" PRIu64 ": %s", at, strerror(-ret));
            ret = ret ? ret : copy_range(a, to, base + at, buf, n);
            if (ret < 0)
                error_report("error while writing at byte %" PRIu64 ": %s", base + at, strerror(-ret));
        } else if (!a->sparse || a->no_create) {
            ret = block_write_zeroes(to, base + at, n, false);
        }
        at += n;
        show_progress(a, total ? (double)(base + at) / (double)total : 1);
    }
    g_free(buf);
    return ret;
}

BlockNode *make_target(Args *a, const char *name, uint64_t size)
{
    Error *err = NULL;
    const char *format = a->out_format ? a->out_format : "raw";
    if (a->no_create)
        return open_image(a, name, format, BLOCK_RDWR);
    OptGroup *o = opts_parse("-o", a->options ? a->options : "", NULL, &err);
    char text[32];
    snprintf(text, sizeof(text), "%" PRIu64, size);
    if (o)
        opts_set(o, "size", text);
    if (o && a->backing)
        opts_set(o, "backing_file", a->backing);
    if (o && a->backing_format)
        opts_set(o, "backing_fmt", a->backing_format);
    bool ok = o && block_create(format, name, o, &err) && opts_check_unused(o, NULL, &err);
    opts_free(o);
    if (!ok) {
        error_prepend(&err, "%s: error while converting %s: ", name, format);
        error_report_err(err);
        return NULL;
    }
    /* As the peer does by default (-t unsafe): a target that was cut off is made again. */
    return open_image(a, name, format, BLOCK_RDWR | BLOCK_NO_BACKING | BLOCK_NO_FLUSH);
}

int cmd_convert(Args *a)
{
    if (a->count < 2 || (a->skip_broken_bitmaps && !a->bitmaps)) {
        error_report(a->count < 2 ? "Must specify image file name" : "Use of --skip-broken-bitmaps requires --bitmaps");
        return 1;
    }
    int sources = a->count - 1, status = 1;
    BlockNode **from = g_new0(BlockNode *, (size_t)sources), *to = NULL;
    uint64_t total = 0, base = 0;
    for (int i = 0; i < sources; i++) {
        from[i] = open_image(a, a->names[i], a->format, 0);
        if (!from[i])
            goto out;
        total += block_size(from[i]);
    }
    if (a->bitmaps && (sources > 1 || !from[0]->drv->bitmaps_possible || !from[0]->drv->bitmaps_possible(from[0]))) {
        error_report(sources > 1 ? "Copying bitmaps only possible with single source" : "Source lacks bitmap support");
        goto out;
    }
    if (a->bitmaps && !bitmaps_can_copy(from[0], a->skip_broken_bitmaps))
        goto out;
    if (a->snapshot && sources > 1) {
        error_report("No support for concatenating multiple snapshot");
        goto out;
    }
    if (a->snapshot && !show_snapshot(from[0], a->snapshot))
        goto out;
    to = make_target(a, a->names[sources], total);
    if (!to)
        goto out;
    a->compress |= to->compressed_only;
    if (a->compress && !to->drv->write_compressed) {
        error_report("Compression not supported for this file format");
        goto out;
    }
    if (block_size(to) < total) {
        error_report("The target is smaller than the source");
        goto out;
    }
    if (a->bitmaps && (!to->drv->bitmaps_possible || !to->drv->bitmaps_possible(to))) {
        error_report("Format driver '%s' does not support bitmaps", to->drv->name);
        goto out;
    }
    status = 0;
    show_progress(a, 0);
    for (int i = 0; i < sources && !status; i++) {
        status = copy_image(a, from[i], to, base, total) < 0;
        base += block_size(from[i]);
    }
    if (!status && a->bitmaps)
        status = !bitmaps_copy(from[0], to);
    if (!status && block_flush(to) < 0)
        status = 1;
    end_progress(a, !status);
out:
    for (int i = 0; i < sources; i++)
        block_unref(from[i]);
    block_unref(to);
    g_free(from);
    return status;
}

int cmd_compare(Args *a)
{
    if (a->count != 2) {
        error_report("Expecting two image file names");
        return 2;
    }
    BlockNode *x = open_image(a, a->names[0], a->format, 0), *y = x ? open_image(a, a->names[1], a->out_format, 0) : NULL;
    uint8_t *p = g_malloc(CHUNK), *q = g_malloc(CHUNK);
    int status = y ? 0 : 2;
    uint64_t sx = x ? block_size(x) : 0, sy = y ? block_size(y) : 0, end = MAX(sx, sy);
    if (!status && sx != sy) {
        if (!a->quiet)
            printf(a->strict ? "Strict mode: Image size mismatch!\n" : "Warning: Image size mismatch!\n");
        status = a->strict;
    }
    if (!status)
        show_progress(a, 0);
    for (uint64_t at = 0; !status && at < end; at += CHUNK) {
        uint64_t n = MIN(CHUNK, end - at), nx = at < sx ? MIN(n, sx - at) : 0, ny = at < sy ? MIN(n, sy - at) : 0;
        memset(p, 0, n);
        memset(q, 0, n);
        if ((nx && block_read(x, at, p, nx) < 0) || (ny && block_read(y, at, q, ny) < 0)) {
            error_report("Error while reading offset %" PRIu64, at);
            status = 4;
            break;
        }
        for (uint64_t o = 0; o < n && !status; o += 512) {
            if (memcmp(p + o, q + o, MIN(512, n - o))) {
                if (!a->quiet)
                    printf("Content mismatch at offset %" PRIu64 "!\n", at + o);
                status = 1;
            }
        }
        if (!status)
            show_progress(a, (double)(at + n) / (double)end);
    }
    if (!status && !a->quiet)
        printf("Images are identical.\n");
    if (status < 2)
        end_progress(a, false);
    g_free(p);
    g_free(q);
    block_unref(x);
    block_unref(y);
    return status;
}

/* ---- dd ---- */

typedef struct DdArgs {
    const char *in, *out;
    uint64_t bs, count, skip;
    bool has_count;
} DdArgs;

/* if=, of=, bs=, count=, skip= */
static bool parse_operand(DdArgs *d, const char *arg)
{
    char *name = g_strndup(arg, strcspn(arg, "="));
    const char *value = strchr(arg, '=');
    uint64_t n = 0;
    bool size = !strcmp(name, "bs") || !strcmp(name, "count") || !strcmp(name, "skip"), ok = value && (size || !strcmp(name, "if") || !strcmp(name, "of"));
    if (!ok)
        error_report("unrecognized operand %s", name);
    value = ok ? value + 1 : "";
    if (ok && size && (value[0] == '-' || !parse_size(name, value, 1, &n, NULL) || n > INT64_MAX)) {
        error_report("Invalid %s specified. You may use k, M, G, T, P or E suffixes for", name);
        error_report("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
        ok = false;
    }
    if (ok && name[0] == 'b' && (n < 1 || n > INT32_MAX)) {
        error_report("Invalid bs specified. Must be between 1 and 2147483647.");
        ok = false;
    }
    switch (ok ? name[0] : 0) {
    case 'i': d->in = value; break;
    case 'o': d->out = value; break;
    case 'b': d->bs = n; break;
    case 'c': d->count = n; d->has_count = true; break;
    case 's': d->skip = n; break;
    }
    g_free(name);
    return ok;
}

static int copy_blocks(BlockNode *from, BlockNode *to, uint64_t start, uint64_t end, uint64_t bs)
{
    uint8_t *buf = g_malloc(bs);
    int ret = 0;
    for (uint64_t at = start, n; ret == 0 && at < end; at += n) {
        n = MIN(bs, end - at);
        ret = block_read(from, at, buf, n);
        if (ret < 0)
            error_report("error while reading from input image file: %s", strerror(-ret));
        else if ((ret = block_write(to, at - start, buf, n)) < 0)
            error_report("error while writing to output image file: %s", strerror(-ret));
    }
    g_free(buf);
    return ret;
}

int cmd_dd(Args *a)
{
    DdArgs d = { .bs = 512 };
    for (int i = 0; i < a->count; i++)
        if (!parse_operand(&d, a->names[i]))
            return 1;
    if (!d.in || !d.out) {
        error_report("Must specify both input and output files");
        return 1;
    }
    BlockNode *from = open_image(a, d.in, a->format, 0);
    if (!from)
        return 1;
    uint64_t size = block_size(from), skip = d.skip > UINT64_MAX / d.bs ? UINT64_MAX : d.skip * d.bs;
    if (d.has_count && d.count <= INT64_MAX / d.bs && d.count * d.bs < size)
        size = d.count * d.bs;
    if (skip > size)
        error_report("%s: cannot skip to specified offset", d.in);
    uint64_t length = skip > size ? 0 : size - skip;
    BlockNode *to = make_target(a, d.out, (length + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1));
    int ret = to ? copy_blocks(from, to, skip, skip + length, d.bs) : -EIO;
    if (to && ret == 0 && (ret = block_flush(to)) < 0)
        error_report("error while writing to output image file: %s", strerror(-ret));
    block_unref(to);
    block_unref(from);
    return ret < 0;
}
