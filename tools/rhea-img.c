/* SPDX-License-Identifier: MIT */
/*
 * rhea-img: makes, examines, converts and repairs disk images. Sub-commands, options, output and exit statuses are those of the tool that scripts
 * already call for this.
 */
#include "block/block.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/options.h"

#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct Args { /* options the sub-commands share */
    const char *format, *out_format, *backing, *backing_format, *snapshot;
    char *options;  /* -o, joined */
    bool json, compress, progress, quiet, unsafe_rebase, unsafe_create, force_share, shrink, strict, no_create, backing_chain;
    const char *repair, *prealloc, *size;
    char snapshot_op;
    int sparse;
    char **names;
    int count;
} Args;

static int die(Error *err)
{
    error_report_err(err);
    return 1;
}

static BlockNode *open_image(const Args *a, const char *name, const char *format, int flags)
{
    Error *err = NULL;
    BlockNode *n = block_open_file(name, format, flags | (a->force_share ? BLOCK_NO_LOCK : 0), &err);
    if (!n) {
        error_prepend(&err, "Could not open '%s': ", name);
        error_report_err(err);
    }
    return n;
}

static void show_progress(const Args *a, double part)
{
    if (a->progress) {
        printf("    (%.2f/100%%)\r", part * 100);
        fflush(stdout);
    }
}

/* ---- create ---- */

static bool parse_length(const char *text, uint64_t *out, Error **errp)
{
    return parse_size("Image size", text, 1, out, errp);
}

static int cmd_create(Args *a)
{
    Error *err = NULL;
    if (a->count < 1 || a->count > 2) {
        error_report("Expecting image file name%s", a->count ? " and size" : "");
        return 1;
    }
    const char *format = a->format ? a->format : "raw";
    OptGroup *o = opts_parse("-o", a->options ? a->options : "", NULL, &err);
    if (!o)
        return die(err);
    uint64_t size = 0;
    if (a->count == 2 && !parse_length(a->names[1], &size, &err))
        return die(err);
    if (a->count == 2) {
        char text[32];
        snprintf(text, sizeof(text), "%" PRIu64, size);
        opts_set(o, "size", text);
    }
    if (a->backing)
        opts_set(o, "backing_file", a->backing);
    if (a->backing_format)
        opts_set(o, "backing_fmt", a->backing_format);
    if (!opts_get(o, "size") && !opts_get(o, "backing_file")) {
        error_report("Image creation needs a size parameter");
        return 1;
    }
    if (opts_get(o, "backing_file") && !opts_get(o, "backing_fmt")) {
        error_report("Backing file specified without backing format");
        return 1;
    }
    if (!a->quiet) {
        printf("Formatting '%s', fmt=%s", a->names[0], format);
        for (unsigned i = 0; i < o->count; i++)
            printf(" %s=%s", o->opts[i].key, o->opts[i].value);
        printf("\n");
    }
    bool ok = block_create(format, a->names[0], o, &err) && opts_check_unused(o, NULL, &err);
    opts_free(o);
    if (ok)
        return 0;
    error_prepend(&err, "%s: ", a->names[0]);
    return die(err);
}

/* ---- info ---- */

static int cmd_info(Args *a)
{
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    json_t *list = json_array();
    char *name = g_strdup(a->names[0]), *format = g_strdup(a->format);
    int status = 0;
    for (int depth = 0; name && depth < 64; depth++) {
        BlockNode *n = open_image(a, name, format, BLOCK_NO_BACKING);
        g_free(name);
        g_free(format);
        name = format = NULL;
        if (!n) {
            status = 1;
            break;
        }
        json_t *j = block_image_info(n, false);
        if (!a->json) {
            if (depth)
                printf("\n");
            block_print_image_info(stdout, n);
        }
        json_array_append_new(list, j);
        if (a->backing_chain && n->backing_file) {
            name = block_relative_name(n->filename, n->backing_file);
            format = g_strdup(n->backing_format);
        }
        block_unref(n);
    }
    if (a->json && !status) {
        char *text = json_dumps(a->backing_chain ? list : json_array_get(list, 0), JSON_INDENT(4));
        puts(text);
        free(text);
    }
    json_decref(list);
    return status;
}

/* ---- check: 0 good, 1 could not check, 2 corrupt, 3 leaks, 63 not supported ---- */

static int cmd_check(Args *a)
{
    Error *err = NULL;
    int fix = 0;
    BlockCheck r = { .report = !a->quiet };
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    if (a->repair && strcmp(a->repair, "leaks") && strcmp(a->repair, "all")) {
        error_report("-r expects 'leaks' or 'all' (not '%s')", a->repair);
        return 1;
    }
    if (a->repair)
        fix = BLOCK_FIX_LEAKS | (strcmp(a->repair, "all") ? 0 : BLOCK_FIX_ERRORS);
    BlockNode *n = open_image(a, a->names[0], a->format, BLOCK_CHECK | BLOCK_NO_BACKING | (fix ? BLOCK_RDWR : 0));
    if (!n)
        return 1;
    if (!n->drv->check) {
        error_report("This image format does not support checks");
        block_unref(n);
        return 63;
    }
    bool ok = n->drv->check(n, fix, &r, &err);
    if (ok && fix && block_flush(n) < 0)
        ok = false;
    block_unref(n);
    if (!ok)
        return err ? die(err) : 1;
    if ((r.fixed_leaks || r.fixed_corruptions) && !a->quiet)
        printf("The following inconsistencies were found and repaired:\n\n    %" PRIu64 " leaked clusters\n    %" PRIu64 " corruptions\n\n"
               "Double checking the fixed image now...\n", r.fixed_leaks, r.fixed_corruptions);
    if (!r.corruptions && !r.leaks && !r.errors && !a->quiet)
        printf("No errors were found on the image.\n");
    if (r.corruptions)
        printf("\n%" PRIu64 " errors were found on the image.\nData may be corrupted, or further writes to the image may corrupt it.\n", r.corruptions);
    if (r.leaks)
        printf("\n%" PRIu64 " leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n", r.leaks);
    if (r.errors)
        printf("\n%" PRIu64 " internal errors have occurred during the check.\n", r.errors);
    if (r.clusters)
        printf("%" PRIu64 "/%" PRIu64 " = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% compressed clusters\n", r.allocated, r.clusters,
               100.0 * (double)r.allocated / (double)r.clusters, r.allocated ? 100.0 * (double)r.fragmented / (double)r.allocated : 0,
               r.allocated ? 100.0 * (double)r.compressed / (double)r.allocated : 0);
    if (r.end_offset)
        printf("Image end offset: %" PRIu64 "\n", r.end_offset);
    return r.corruptions ? 2 : r.errors ? 1 : r.leaks ? 3 : 0;
}

/* ---- convert, compare ---- */

#define CHUNK (2u << 20)

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

static BlockNode *make_target(Args *a, const char *name, uint64_t size)
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

static int cmd_convert(Args *a)
{
    if (a->count < 2) {
        error_report("Must specify image file name");
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
    if (a->snapshot) {
        error_report("-l is not supported by convert yet: apply the snapshot to a copy instead");
        goto out;
    }
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
    status = 0;
    for (int i = 0; i < sources && !status; i++) {
        status = copy_image(a, from[i], to, base, total) < 0;
        base += block_size(from[i]);
    }
    if (!status && block_flush(to) < 0)
        status = 1;
    if (a->progress && !status)
        printf("    (100.00/100%%)\n");
out:
    for (int i = 0; i < sources; i++)
        block_unref(from[i]);
    block_unref(to);
    g_free(from);
    return status;
}

static int cmd_compare(Args *a)
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
        if (a->strict) {
            printf("Strict mode: Image size mismatch!\n");
            status = 1;
        } else {
            printf("Warning: Image size mismatch!\n");
        }
    }
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
                printf("Content mismatch at offset %" PRIu64 "!\n", at + o);
                status = 1;
            }
        }
    }
    if (!status && !a->quiet)
        printf("Images are identical.\n");
    g_free(p);
    g_free(q);
    block_unref(x);
    block_unref(y);
    return status;
}

/* ---- map ---- */

static int cmd_map(Args *a)
{
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    BlockNode *n = open_image(a, a->names[0], a->format, 0);
    if (!n)
        return 1;
    if (!a->json)
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    bool first = true;
    for (uint64_t at = 0, size = block_size(n), len; at < size; at += len) {
        BlockNode *where = n;
        uint64_t map = 0;
        int depth = 0, s = 0;
        len = size - at;
        for (; where; where = where->backing, depth++) {
            s = block_status(where, at, &len, &map);
            if (s < 0 || s & (BLOCK_DATA | BLOCK_ZERO) || !where->backing)
                break;
        }
        if (s < 0) {
            error_report("Failed to read image metadata: %s", strerror(-s));
            block_unref(n);
            return 1;
        }
        if (!len)
            break;
        if (a->json) {
            printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64 ", \"depth\": %d, \"present\": %s, \"zero\": %s, \"data\": %s", first ? "[" : ",\n",
                   at, len, depth, s & (BLOCK_DATA | BLOCK_ALLOCATED) ? "true" : "false", s & BLOCK_ZERO ? "true" : "false",
                   s & BLOCK_DATA ? "true" : "false");
            if (s & BLOCK_OFFSET)
                printf(", \"offset\": %" PRIu64, map);
            printf("}");
            first = false;
        } else if (s & BLOCK_DATA && !(s & BLOCK_OFFSET)) {
            error_report("File contains external, encrypted or compressed clusters.");
            block_unref(n);
            return 1;
        } else if (s & BLOCK_DATA && !(s & BLOCK_ZERO)) {
            printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", at, len, map,
                   where->drv->map_file ? where->drv->map_file(where, at) : where->filename);
        }
    }
    if (a->json)
        printf("%s]\n", first ? "[" : "");
    block_unref(n);
    return 0;
}

/* ---- resize, rebase, commit, snapshot ---- */

static int cmd_resize(Args *a)
{
    Error *err = NULL;
    if (a->count != 2) {
        error_report("Expecting image file name and size");
        return 1;
    }
    const char *text = a->names[1];
    int sign = text[0] == '+' ? 1 : text[0] == '-' ? -1 : 0;
    uint64_t size;
    if (!parse_length(text + (sign ? 1 : 0), &size, &err))
        return die(err);
    BlockNode *n = open_image(a, a->names[0], a->format, BLOCK_RDWR | BLOCK_UNMAP);
    if (!n)
        return 1;
    uint64_t now = block_size(n);
    if (sign < 0 && size > now) {
        error_report("New image size must be positive");
        block_unref(n);
        return 1;
    }
    size = sign > 0 ? now + size : sign < 0 ? now - size : size;
    size = (size + 511) & ~511ull;
    if (size < now && !a->shrink) {
        error_report("Use the --shrink option to perform a shrink operation.");
        warn_report("Shrinking an image will delete all data beyond the shrunken image's end. Before performing such an operation, make sure "
                    "there is no important data there.");
        block_unref(n);
        return 1;
    }
    bool ok = block_truncate(n, size, a->prealloc, &err) == 0 && block_flush(n) == 0;
    block_unref(n);
    if (!ok)
        return die(err);
    if (!a->quiet)
        printf("Image resized.\n");
    return 0;
}

static int cmd_rebase(Args *a)
{
    Error *err = NULL;
    if (a->count != 1 || !a->backing) {
        error_report("Expecting one image file name and -b");
        return 1;
    }
    BlockNode *n = open_image(a, a->names[0], a->format, BLOCK_RDWR | (a->unsafe_rebase ? BLOCK_NO_BACKING : 0));
    if (!n)
        return 1;
    BlockNode *base = NULL;
    bool ok = n->drv->set_backing != NULL;
    if (!ok)
        error_setg(&err, "The format of '%s' has no backing files", a->names[0]);
    if (ok && !a->unsafe_rebase) { /* what would read differently is written into the image */
        if (a->backing[0]) {
            char *name = block_relative_name(n->filename, a->backing);
            base = block_open_file(name, a->backing_format, 0, &err);
            g_free(name);
            ok = base != NULL;
        }
        uint64_t unit = n->cluster_size ? n->cluster_size : 65536;
        uint8_t *p = g_malloc(unit), *q = g_malloc(unit);
        for (uint64_t at = 0, size = block_size(n); ok && at < size; at += unit) {
            uint64_t len = MIN(unit, size - at), run = len;
            int s = block_status(n, at, &run, NULL);
            if (s & BLOCK_ALLOCATED && run >= len)
                continue;
            memset(q, 0, len);
            uint64_t have = base && at < block_size(base) ? MIN(len, block_size(base) - at) : 0;
            ok = block_read(n, at, p, len) == 0 && (!have || block_read(base, at, q, have) == 0);
            if (ok && memcmp(p, q, len))
                ok = block_write(n, at, p, len) == 0;
            if (!ok)
                error_setg(&err, "I/O error while rebasing");
            show_progress(a, (double)(at + len) / (double)size);
        }
        g_free(p);
        g_free(q);
    }
    ok = ok && n->drv->set_backing(n, a->backing, a->backing_format, &err) && block_flush(n) == 0;
    block_unref(base);
    block_unref(n);
    return ok ? 0 : die(err);
}

static int cmd_commit(Args *a)
{
    Error *err = NULL;
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    BlockNode *n = open_image(a, a->names[0], a->format, BLOCK_NO_BACKING);
    if (!n)
        return 1;
    if (!n->backing_file) {
        error_report("Image does not have a backing file");
        block_unref(n);
        return 1;
    }
    char *name = block_relative_name(n->filename, n->backing_file);
    BlockNode *base = block_open_file(name, n->backing_format, BLOCK_RDWR, &err);
    g_free(name);
    uint8_t *buf = g_malloc(CHUNK);
    bool ok = base != NULL && (block_size(base) >= block_size(n) || block_truncate(base, block_size(n), NULL, &err) == 0);
    for (uint64_t at = 0, size = block_size(n), len; ok && at < size; at += len) {
        len = MIN(CHUNK, size - at);
        int s = block_status(n, at, &len, NULL);
        if (!(s & BLOCK_ALLOCATED))
            continue;
        ok = s & BLOCK_ZERO ? block_write_zeroes(base, at, len, false) == 0 : block_read(n, at, buf, len) == 0 && block_write(base, at, buf, len) == 0;
        if (!ok)
            error_setg(&err, "I/O error while committing at byte %" PRIu64, at);
        show_progress(a, (double)(at + len) / (double)size);
    }
    ok = ok && block_flush(base) == 0;
    g_free(buf);
    block_unref(base);
    block_unref(n);
    if (!ok)
        return die(err);
    if (!a->quiet)
        printf("Image committed.\n");
    return 0;
}

static int cmd_snapshot(Args *a)
{
    Error *err = NULL;
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    bool list = !a->snapshot_op || a->snapshot_op == 'l', ok = true;
    BlockNode *n = open_image(a, a->names[0], a->format, BLOCK_NO_BACKING | (list ? 0 : BLOCK_RDWR));
    if (!n)
        return 1;
    if (!n->drv->snapshot_list) {
        error_report("The format of '%s' has no snapshots", a->names[0]);
        block_unref(n);
        return 1;
    }
    if (list) {
        BlockSnapshot *s;
        int count = n->drv->snapshot_list(n, &s);
        if (count) {
            printf("Snapshot list:\n");
            block_print_snapshots(stdout, s, count);
        }
        block_snapshots_free(s, count);
    } else if (a->snapshot_op == 'c')
        ok = n->drv->snapshot_create(n, &(BlockSnapshot){ .name = (char *)a->snapshot }, &err);
    else if (a->snapshot_op == 'a')
        ok = n->drv->snapshot_apply(n, a->snapshot, &err);
    else
        ok = n->drv->snapshot_delete(n, a->snapshot, &err);
    block_unref(n);
    return ok ? 0 : die(err);
}

/* ---- measure, dd ---- */

static int cmd_measure(Args *a)
{
    Error *err = NULL;
    BlockMeasure m = { 0 };
    uint64_t size = 0;
    const char *wrong = NULL, *format = a->out_format ? a->out_format : "raw";
    if (a->count > 1)
        wrong = "At most one filename argument is allowed.";
    else if (!a->count && !a->size)
        wrong = "Either --size N or one filename must be specified.";
    else if (a->count && a->size)
        wrong = "--size N cannot be used together with a filename.";
    if (wrong) {
        error_report("%s", wrong);
        return 1;
    }
    const BlockDriver *d = block_driver_find(format);
    if (!d || !d->measure) {
        error_report(d ? "Block driver '%s' does not support size measurement" : "Unknown file format '%s'", format);
        return 1;
    }
    if (a->size && !parse_length(a->size, &size, &err))
        return die(err);
    BlockNode *in = a->count ? open_image(a, a->names[0], a->format, 0) : NULL;
    if (a->count && !in)
        return 1;
    OptGroup *o = opts_parse("-o", a->options ? a->options : "", NULL, &err);
    bool ok = o && d->measure(o, in, in ? block_size(in) : size, &m, &err) && opts_check_unused(o, NULL, &err);
    opts_free(o);
    block_unref(in);
    if (!ok)
        return die(err);
    if (a->json)
        printf("{\n    \"required\": %" PRIu64 ",\n    \"fully-allocated\": %" PRIu64 "\n}\n", m.required, m.fully_allocated);
    else
        printf("required size: %" PRIu64 "\nfully allocated size: %" PRIu64 "\n", m.required, m.fully_allocated);
    return 0;
}

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

static int cmd_dd(Args *a)
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

/* ---- Dispatch ---- */

static const struct Command {
    const char *name, *usage;
    int (*run)(Args *a);
} commands[] = {
    { "check", "[-q] [-f fmt] [--output=ofmt] [-r [leaks | all]] [-U] filename", cmd_check },
    { "commit", "[-q] [-f fmt] [-p] filename", cmd_commit },
    { "compare", "[-f fmt] [-F fmt] [-p] [-q] [-s] [-U] filename1 filename2", cmd_compare },
    { "convert", "[-U] [-c] [-p] [-q] [-n] [-f fmt] [-O output_fmt] [-B backing_file [-F backing_fmt]] [-o options] [-S sparse_size] filename [...] "
                 "output_filename", cmd_convert },
    { "create", "[-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] [-o options] filename [size]", cmd_create },
    { "dd", "[-f fmt] [-O output_fmt] [-U] [bs=block_size] [count=blocks] [skip=blocks] if=input of=output", cmd_dd },
    { "info", "[-f fmt] [--output=ofmt] [--backing-chain] [-U] filename", cmd_info },
    { "map", "[-f fmt] [--output=ofmt] [-U] filename", cmd_map },
    { "measure", "[--output=ofmt] [-O output_fmt] [-o options] [--size N | [-f fmt] [-U] filename]", cmd_measure },
    { "rebase", "[-q] [-f fmt] [-p] [-u] -b backing_file [-F backing_fmt] filename", cmd_rebase },
    { "resize", "[--shrink] [-f fmt] [--preallocation=prealloc] [-q] filename [+ | -]size", cmd_resize },
    { "snapshot", "[-q] [-U] [-l | -a snapshot | -c snapshot | -d snapshot] filename", cmd_snapshot },
};

static void print_name(const BlockDriver *d, void *unused)
{
    (void)unused;
    printf(" %s", d->name);
}

static int help(void)
{
    printf("rhea-img version %s\nusage: rhea-img [standard options] command [command options]\nDisk image utility\n\nCommand syntax:\n", CONFIG_VERSION);
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++)
        printf("  %s %s\n", commands[i].name, commands[i].usage);
    printf("\nSupported formats:");
    block_driver_foreach(print_name, NULL);
    printf("\n");
    return 0;
}

enum { LONG_OUTPUT = 256, LONG_CHAIN, LONG_SHRINK, LONG_PREALLOC, LONG_SIZE };

/* One letter may mean different things to different commands: -c, -r, -u, -l, -s. */
static bool set_option(Args *a, const char *cmd, int c, char *value)
{
    bool snapshot = !strcmp(cmd, "snapshot");
    switch (c) {
    case 'f': a->format = value; break;
    case 'O': a->out_format = value; break;
    case 'F':
        if (!strcmp(cmd, "compare"))
            a->out_format = value;
        a->backing_format = value;
        break;
    case 'b': case 'B': a->backing = value; break;
    case 'o': {
        char *joined = a->options ? g_strconcat(a->options, ",", value, NULL) : g_strdup(value);
        g_free(a->options);
        a->options = joined;
        break;
    }
    case 'U': a->force_share = true; break;
    case 'p': a->progress = true; break;
    case 'q': a->quiet = true; break;
    case 'n': a->no_create = true; break;
    case 's': a->strict = true; break;
    case 'S': a->sparse = strcmp(value, "0") != 0; break;
    case 'r': a->repair = value; break;
    case 'u': a->unsafe_rebase = true; break;
    case 'l': a->snapshot_op = 'l'; break;
    case 'a': case 'd':
        a->snapshot_op = (char)c;
        a->snapshot = value;
        break;
    case 'c':
        if (snapshot) {
            a->snapshot_op = 'c';
            a->snapshot = value;
        } else {
            a->compress = true;
        }
        break;
    case 't': case 'T': case 'm': case 'W': break; /* cache modes and parallel requests: nothing to choose here */
    case LONG_OUTPUT:
        a->json = !strcmp(value, "json");
        if (!a->json && strcmp(value, "human")) {
            error_report("--output must be used with human or json as argument.");
            return false;
        }
        break;
    case LONG_CHAIN: a->backing_chain = true; break;
    case LONG_SHRINK: a->shrink = true; break;
    case LONG_SIZE: a->size = value; break;
    case LONG_PREALLOC: a->prealloc = value; break;
    default: return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "output", required_argument, NULL, LONG_OUTPUT }, { "backing-chain", no_argument, NULL, LONG_CHAIN },
        { "shrink", no_argument, NULL, LONG_SHRINK }, { "size", required_argument, NULL, LONG_SIZE }, { "preallocation", required_argument, NULL, LONG_PREALLOC },
        { "force-share", no_argument, NULL, 'U' }, { NULL, 0, NULL, 0 },
    };
    error_set_progname("rhea-img");
    if (argc < 2) {
        error_report("Not enough arguments (rhea-img --help lists them)");
        return 1;
    }
    if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
        return help();
    if (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V")) {
        printf("rhea-img version %s\n", CONFIG_VERSION);
        return 0;
    }
    const struct Command *cmd = NULL;
    const char *names[ARRAY_SIZE(commands) + 1] = { NULL };
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        names[i] = commands[i].name;
        if (!strcmp(argv[1], commands[i].name))
            cmd = &commands[i];
    }
    if (!cmd) {
        const char *near = nearest_word(argv[1], names);
        error_report("Command not found: %s%s%s%s", argv[1], near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return 1;
    }
    Args a = { .sparse = 1 };
    const char *shorts = !strcmp(cmd->name, "snapshot") ? "f:Uqla:c:d:" : "f:O:F:b:B:o:UpqnsS:r:ucl:t:T:m:W";
    optind = 2;
    for (int c; (c = getopt_long(argc, argv, shorts, longs, NULL)) != -1;) {
        if (!set_option(&a, cmd->name, c, optarg))
            return 1;
    }
    a.names = argv + optind;
    a.count = argc - optind;
    machine_lock();
    int status = cmd->run(&a);
    block_exit();
    machine_unlock();
    g_free(a.options);
    return status;
}
