/* SPDX-License-Identifier: MIT */
/* rhea-img: contents of images: convert, compare, dd. */
#include "rhea-img.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- convert, compare ---- */

static bool is_zero(const uint8_t *p, size_t n)
{
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

#define PARALLEL_DEFAULT 8u
#define STRICT_STATUS (BLOCK_DATA | BLOCK_ZERO | BLOCK_ALLOCATED)

/* What is looked at for zeroes, and, compressed, written at a time. */
static uint64_t copy_unit(const Args *a, const BlockNode *to)
{
    uint64_t least = a->compress ? 65536 : a->sparse ? a->sparse : 65536, unit = to->cluster_size ? to->cluster_size : BLOCK_SECTOR;
    return a->compress && to->cluster_size ? unit : (least + unit - 1) / unit * unit;
}

static int put(const Args *a, BlockNode *to, uint64_t at, uint8_t *buf, uint64_t n, bool zero)
{
    struct iovec part = { buf, n };
    BlockVec v = { &part, 1, n };
    int ret = 0;
    if (zero) /* an image that was there may hold something else */
        ret = a->no_create ? block_write_zeroes(to, at, n, true) : 0;
    else
        ret = a->compress ? block_write_compressed(to, at, &v) : block_writev(to, at, &v);
    return ret ? ret : after_write(a, to, n);
}

/* Writes what is not zero, in runs; compressed: one unit at a time. */
static int copy_range(const Args *a, BlockNode *to, uint64_t at, uint8_t *buf, uint64_t n)
{
    uint64_t unit = copy_unit(a, to);
    int ret = 0;
    for (uint64_t o = 0, end; ret == 0 && o < n; o = end) {
        end = MIN(o + unit, n);
        bool zero = a->sparse && is_zero(buf + o, end - o);
        for (uint64_t next; !a->compress && end < n; end = next) {
            next = MIN(end + unit, n);
            if ((a->sparse && is_zero(buf + end, next - end)) != zero)
                break;
        }
        ret = put(a, to, at + o, buf + o, end - o, zero);
    }
    return ret;
}

/* One image that is copied by several pool threads; each takes the next piece and, but with -W, writes it when those before it are written. */
typedef struct Copy {
    const Args *a;
    BlockNode *from, *to;
    uint64_t base, total, size;
    unsigned running;           /* main thread */
    pthread_mutex_t lock;
    pthread_cond_t moved;       /* written or ret changed */
    uint64_t next, written;     /* where the next piece starts; all before this is written. lock */
    uint64_t done;              /* bytes. lock */
    int ret;                    /* lock */
} Copy;

typedef struct Piece {
    uint64_t at, size;
    bool zero;
} Piece;

/* lock held. */
static bool take_piece(Copy *c, Piece *p)
{
    if (c->ret < 0 || c->next >= c->size)
        return false;
    uint64_t at = c->next, n = MIN(CHUNK - at % CHUNK, c->size - at);
    bool zero = block_reads_as_zero(c->from, at, &n) > 0;
    if (c->a->compress && at + n < c->size) /* whole clusters only */
        n -= n % copy_unit(c->a, c->to);
    zero = zero && n;
    if (!zero)
        n = MIN(CHUNK - at % CHUNK, c->size - at);
    *p = (Piece){ at, n, zero };
    c->next += n;
    return true;
}

static int write_piece(const Copy *c, const Piece *p, uint8_t *buf)
{
    int ret = 0;
    if (!p->zero)
        ret = copy_range(c->a, c->to, c->base + p->at, buf, p->size);
    else if (!c->a->sparse || c->a->no_create)
        ret = block_write_zeroes(c->to, c->base + p->at, p->size, false);
    if (ret == 0 && p->zero && (!c->a->sparse || c->a->no_create))
        ret = after_write(c->a, c->to, p->size);
    return ret;
}

/* Waits for the piece's turn; false: another one failed. */
static bool wait_for_turn(Copy *c, const Piece *p)
{
    pthread_mutex_lock(&c->lock);
    while (c->ret == 0 && !c->a->out_of_order && c->written != p->at)
        pthread_cond_wait(&c->moved, &c->lock);
    bool go = c->ret == 0;
    pthread_mutex_unlock(&c->lock);
    return go;
}

/* lock held. */
static void piece_done(Copy *c, const Piece *p, int ret, bool writing)
{
    if (ret < 0 && c->ret == 0)
        error_report("error while %s at byte %" PRIu64 ": %s", writing ? "writing" : "reading", (writing ? c->base : 0) + p->at, strerror(-ret));
    c->ret = c->ret ? c->ret : ret;
    c->written += p->size;
    c->done += p->size;
    pthread_cond_broadcast(&c->moved);
    show_progress(c->a, c->total ? (double)(c->base + c->done) / (double)c->total : 1);
}

static void copy_pieces(void *opaque) /* pool thread */
{
    Copy *c = opaque;
    Piece p;
    uint8_t *buf = g_malloc(CHUNK);
    pthread_mutex_lock(&c->lock);
    while (take_piece(c, &p)) {
        pthread_mutex_unlock(&c->lock);
        int ret = p.zero ? 0 : block_read(c->from, p.at, buf, p.size);
        bool writing = ret == 0;
        if (writing && wait_for_turn(c, &p))
            ret = write_piece(c, &p, buf);
        pthread_mutex_lock(&c->lock);
        piece_done(c, &p, ret, writing);
    }
    pthread_mutex_unlock(&c->lock);
    g_free(buf);
}

static void copy_ended(void *opaque)
{
    ((Copy *)opaque)->running--;
}

static int copy_image(const Args *a, BlockNode *from, BlockNode *to, uint64_t base, uint64_t total)
{
    Copy c = { .a = a, .from = from, .to = to, .base = base, .total = total, .size = block_size(from), .lock = PTHREAD_MUTEX_INITIALIZER,
               .moved = PTHREAD_COND_INITIALIZER };
    uint64_t pieces = (c.size + CHUNK - 1) / CHUNK;
    for (uint64_t i = MIN(a->parallel ? a->parallel : PARALLEL_DEFAULT, pieces); i; i--) {
        c.running++;
        block_pool_submit(copy_pieces, copy_ended, &c);
    }
    while (c.running)
        block_pool_wait();
    return c.ret;
}

BlockNode *make_target(Args *a, const char *name, uint64_t size)
{
    Error *err = NULL;
    const char *format = a->out_format ? a->out_format : "raw";
    if (a->no_create)
        return open_image(a, name, format, BLOCK_RDWR | (a->cache_given ? 0 : BLOCK_NO_FLUSH));
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
    return open_image(a, name, format, BLOCK_RDWR | BLOCK_NO_BACKING | (a->cache_given ? 0 : BLOCK_NO_FLUSH));
}

int cmd_convert(Args *a)
{
    if (a->count < 2 || (a->skip_broken_bitmaps && !a->bitmaps)) {
        error_report(a->count < 2 ? "Must specify image file name" : "Use of --skip-broken-bitmaps requires --bitmaps");
        return 1;
    }
    if (a->offload && (a->compress || a->sparse_given)) {
        error_report("Cannot enable copy offloading when -%c is used", a->compress ? 'c' : 'S');
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
    a->out_of_order &= !a->compress; /* what is compressed lies in the file as it comes */
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

/* Strict: what one image holds, the other must not leave to its backing file or to nobody, and the other way round. */
static bool same_allocation(BlockNode *x, BlockNode *y, uint64_t at, uint64_t n, bool quiet)
{
    for (uint64_t end = at + n, run; at < end; at += run) {
        run = end - at;
        int s = block_status(x, at, &run, NULL), t = s < 0 ? s : block_status(y, at, &run, NULL);
        if (s >= 0 && t >= 0 && (s & STRICT_STATUS) == (t & STRICT_STATUS))
            continue;
        if (s >= 0 && t >= 0 && !quiet)
            printf("Strict mode: Offset %" PRIu64 " block status mismatch!\n", at);
        return s < 0 || t < 0; /* reading says what is wrong */
    }
    return true;
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
        if (a->strict && !same_allocation(x, y, at, MIN(CHUNK, end - at), a->quiet)) {
            status = 1;
            break;
        }
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
