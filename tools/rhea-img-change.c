/* SPDX-License-Identifier: MIT */
/* rhea-img: making and changing images: create, resize, rebase, commit, snapshot, amend. */
#include "rhea-img.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- create ---- */

/* -u: the backing file is only named in the image; it need not exist. */
static bool create_unsafe(const char *format, const char *name, OptGroup *o, Error **errp)
{
    const char *file = opts_get(o, "backing_file"), *backing_format = opts_get(o, "backing_fmt");
    OptGroup *others = opts_parse("-o", "", NULL, errp);
    for (unsigned i = 0; i < o->count; i++)
        if (strcmp(o->opts[i].key, "backing_file") && strcmp(o->opts[i].key, "backing_fmt")) {
            opts_set(others, o->opts[i].key, o->opts[i].value);
            opts_get(o, o->opts[i].key);
        }
    bool ok = block_create(format, name, others, errp) && opts_check_unused(others, NULL, errp);
    opts_free(others);
    BlockNode *n = ok ? block_open_file(name, format, BLOCK_RDWR | BLOCK_NO_BACKING, errp) : NULL;
    ok = n && n->drv->set_backing;
    if (n && !ok)
        error_setg(errp, "an image of format '%s' cannot name a backing file that nobody looks at", format);
    ok = ok && n->drv->set_backing(n, file, backing_format, errp);
    block_unref(n);
    return ok;
}

int cmd_create(Args *a)
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
    if (!opts_get(o, "size") && (a->unsafe_create || !opts_get(o, "backing_file"))) {
        error_report("%s%sImage creation needs a size parameter", a->unsafe_create ? a->names[0] : "", a->unsafe_create ? ": " : "");
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
    bool ok = (a->unsafe_create && opts_get(o, "backing_file") ? create_unsafe(format, a->names[0], o, &err) : block_create(format, a->names[0], o, &err)) &&
              opts_check_unused(o, NULL, &err);
    opts_free(o);
    if (ok)
        return 0;
    error_prepend(&err, "%s: ", a->names[0]);
    return die(err);
}

/* ---- resize, rebase, commit, snapshot ---- */

int cmd_resize(Args *a)
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

int cmd_rebase(Args *a)
{
    Error *err = NULL;
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    if (!a->backing && !a->unsafe_rebase) {
        error_report("Must specify backing file (-b) or use unsafe mode (-u)");
        return 1;
    }
    const char *backing = a->backing ? a->backing : "";
    BlockNode *n = open_image(a, a->names[0], a->format, BLOCK_RDWR | (a->unsafe_rebase ? BLOCK_NO_BACKING : 0));
    if (!n)
        return 1;
    BlockNode *base = NULL;
    bool ok = n->drv->set_backing != NULL;
    show_progress(a, 0);
    if (!ok)
        error_setg(&err, "The format of '%s' has no backing files", a->names[0]);
    if (ok && !a->unsafe_rebase) { /* what would read differently is written into the image */
        if (backing[0]) {
            char *name = block_relative_name(n->filename, backing);
            base = block_open_file(name, a->backing_format, a->source_cache, &err);
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
                ok = block_write(n, at, p, len) == 0 && after_write(a, n, len) == 0;
            if (!ok)
                error_setg(&err, "I/O error while rebasing");
            show_progress(a, (double)(at + len) / (double)size);
        }
        g_free(p);
        g_free(q);
    }
    ok = ok && n->drv->set_backing(n, backing, a->backing_format, &err) && block_flush(n) == 0;
    end_progress(a, ok);
    block_unref(base);
    block_unref(n);
    return ok ? 0 : die(err);
}

/* The image below n that -b names, as it was given or as it is found. */
static BlockNode *find_base(BlockNode *n, const char *name)
{
    char *full = block_relative_name(n->filename, name);
    BlockNode *b = n->backing;
    while (b && strcmp(b->filename, name) && strcmp(b->filename, full))
        b = b->backing;
    g_free(full);
    return b;
}

/* Copies what lies above base. */
static bool commit_to(const Args *a, BlockNode *n, BlockNode *base, Error **errp)
{
    uint8_t *buf = g_malloc(CHUNK);
    uint64_t size = block_size(n);
    bool ok = block_size(base) >= size || block_truncate(base, size, NULL, errp) == 0;
    show_progress(a, 0);
    for (uint64_t at = 0, len; ok && at < size; at += len) {
        int s = 0;
        len = MIN(CHUNK, size - at);
        for (BlockNode *above = n; above != base && s >= 0 && !(s & BLOCK_ALLOCATED); above = above->backing) {
            if (at >= block_size(above)) {
                s = BLOCK_ALLOCATED | BLOCK_ZERO;
                break;
            }
            s = block_status(above, at, &len, NULL);
        }
        int ret = s < 0 ? s : 0;
        if (ret == 0 && s & BLOCK_ALLOCATED)
            ret = s & BLOCK_ZERO ? block_write_zeroes(base, at, len, false) : block_read(n, at, buf, len);
        if (ret == 0 && s & BLOCK_ALLOCATED && !(s & BLOCK_ZERO))
            ret = block_write(base, at, buf, len);
        if (ret == 0 && s & BLOCK_ALLOCATED)
            ret = after_write(a, base, len);
        ok = ret == 0;
        if (!ok)
            error_setg_errno(errp, -ret, "I/O error while committing at byte %" PRIu64, at);
        show_progress(a, (double)(at + len) / (double)size);
    }
    g_free(buf);
    if (ok && block_flush(base) < 0) {
        error_setg(errp, "Could not flush '%s'", base->filename);
        ok = false;
    }
    return ok;
}

int cmd_commit(Args *a)
{
    Error *err = NULL;
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    BlockNode *n = open_image(a, a->names[0], a->format, BLOCK_RDWR);
    if (!n)
        return 1;
    BlockNode *base = a->backing ? find_base(n, a->backing) : n->backing;
    if (!base && a->backing)
        error_setg(&err, "Did not find '%s' in the backing chain of '%s'", a->backing, a->names[0]);
    else if (!base)
        error_setg(&err, "Image does not have a backing file");
    bool ok = base && block_set_writable(base, true, &err) && commit_to(a, n, base, &err);
    /* Committed further down, or with -d: the overlay stays as it is. */
    if (ok && !a->keep_overlay && !a->backing && n->drv->make_empty && n->drv->make_empty(n) < 0) {
        error_setg(&err, "Could not empty %s", a->names[0]);
        ok = false;
    }
    end_progress(a, ok);
    block_unref(n);
    if (!ok)
        return die(err);
    if (!a->quiet)
        printf("Image committed.\n");
    return 0;
}

int cmd_snapshot(Args *a)
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

/* ---- amend ---- */

static void report_amend(void *opaque, double part)
{
    show_progress(opaque, part);
}

static int amend_help(const BlockDriver *d)
{
    if (!d || !d->amend) {
        error_report(d ? "Format driver '%s' does not support option amendment" : "Unknown file format '%s'", d ? d->name : "");
        return 1;
    }
    printf("Amend options for '%s':\n", d->name);
    for (unsigned i = 0; d->amend_keys[i]; i++)
        printf("  %s\n", d->amend_keys[i]);
    return 0;
}

int cmd_amend(Args *a)
{
    Error *err = NULL;
    if (!a->options) {
        error_report("Must specify options (-o)");
        return 1;
    }
    if (is_help_option(a->options) && a->format)
        return amend_help(block_driver_find(a->format));
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    OptGroup *o = opts_parse("-o", is_help_option(a->options) ? "" : a->options, NULL, &err);
    BlockNode *n = o ? open_image(a, a->names[0], a->format, BLOCK_RDWR) : NULL;
    int status = 1;
    if (n && is_help_option(a->options)) {
        status = amend_help(n->drv);
    } else if (n && !n->drv->amend) {
        error_report("Format driver '%s' does not support option amendment", n->drv->name);
    } else if (n) {
        show_progress(a, 0);
        bool ok = n->drv->amend(n, o, report_amend, a, &err);
        end_progress(a, ok);
        status = !ok;
    }
    block_unref(n);
    opts_free(o);
    if (err)
        error_report_err(err);
    return status;
}
