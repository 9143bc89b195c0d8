/* SPDX-License-Identifier: MIT */
/* rhea-img: how large and how fast: measure, bench. */
#include "rhea-img.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- measure ---- */

int cmd_measure(Args *a)
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
    if (in && a->snapshot && !show_snapshot(in, a->snapshot)) {
        block_unref(in);
        return 1;
    }
    OptGroup *o = opts_parse("-o", a->options ? a->options : "", NULL, &err);
    bool ok = o && d->measure(o, in, in ? block_size(in) : size, &m, &err) && opts_check_unused(o, NULL, &err);
    opts_free(o);
    block_unref(in);
    if (!ok)
        return die(err);
    char bitmaps[48] = "";
    if (m.has_bitmaps)
        snprintf(bitmaps, sizeof(bitmaps), a->json ? "    \"bitmaps\": %" PRIu64 ",\n" : "bitmaps size: %" PRIu64 "\n", m.bitmaps);
    if (a->json)
        printf("{\n%s    \"required\": %" PRIu64 ",\n    \"fully-allocated\": %" PRIu64 "\n}\n", bitmaps, m.required, m.fully_allocated);
    else
        printf("required size: %" PRIu64 "\nfully allocated size: %" PRIu64 "\n%s", m.required, m.fully_allocated, bitmaps);
    return 0;
}

/* ---- bench ---- */

typedef struct Bench {
    BlockNode *n;
    const Args *a;
    uint64_t count, depth, offset, size, step, flush_interval, image;
    bool write, no_drain;
    uint8_t *buf;            /* of one request each: depth of them */
    uint64_t started, running, done, next; /* main thread */
    int ret;
} Bench;

typedef struct BenchRequest {
    Bench *b;
    uint64_t at;
    bool flush;
    unsigned slot;
    int ret;
} BenchRequest;

static void bench_work(void *opaque) /* pool thread */
{
    BenchRequest *r = opaque;
    Bench *b = r->b;
    uint8_t *buf = b->buf + r->slot * b->size;
    if (r->flush)
        r->ret = block_flush(b->n);
    else
        r->ret = b->write ? block_write(b->n, r->at, buf, b->size) : block_read(b->n, r->at, buf, b->size);
    if (r->ret == 0 && b->write && !r->flush)
        r->ret = after_write(b->a, b->n, b->size);
}

static void bench_done(void *opaque)
{
    BenchRequest *r = opaque;
    r->b->running--;
    r->b->done += !r->flush;
    if (r->ret < 0 && r->b->ret == 0)
        r->b->ret = r->ret;
    r->slot = UINT32_MAX;
}

static void bench_start(BenchRequest *r, bool flush)
{
    Bench *b = r->b;
    r->flush = flush;
    r->at = b->next;
    b->running++;
    if (!flush) {
        b->started++;
        b->next += b->step;
        if (b->image > b->size && b->next > b->image - b->size) /* round and round */
            b->next %= b->image - b->size + 1;
    }
    block_pool_submit(bench_work, bench_done, r);
}

/* Keeps depth requests under way; flushes between them as asked. */
static void bench_run(Bench *b)
{
    BenchRequest *r = g_new0(BenchRequest, b->depth);
    uint64_t flushed = 0;
    for (uint64_t i = 0; i < b->depth; i++)
        r[i] = (BenchRequest){ .b = b, .slot = UINT32_MAX };
    while (b->ret == 0 && b->done < b->count) {
        for (unsigned i = 0; i < b->depth && b->ret == 0; i++) {
            if (r[i].slot != UINT32_MAX)
                continue;
            bool due = b->flush_interval && b->started / b->flush_interval > flushed;
            if (due && !b->no_drain && b->running)
                break; /* what was written before is waited for */
            if (!due && b->started == b->count)
                break;
            r[i].slot = i;
            flushed += due;
            bench_start(&r[i], due);
            if (due && !b->no_drain)
                break;
        }
        block_pool_wait();
    }
    while (b->running)
        block_pool_wait();
    g_free(r);
}

/* A number of [1, max] where it was said. */
static bool bench_number(const char *text, const char *what, uint64_t max, uint64_t *out)
{
    if (!text || (parse_size(what, text, 1, out, NULL) && *out <= max))
        return true;
    error_report("Invalid %s specified", what);
    return false;
}

static bool bench_options(const Args *a, Bench *b, uint64_t *pattern)
{
    const char *aio = a->bench.aio;
    if (!bench_number(a->bench.count, "request count", INT32_MAX, &b->count) || !bench_number(a->bench.depth, "queue depth", INT32_MAX, &b->depth) ||
        !bench_number(a->bench.offset, "offset", INT64_MAX, &b->offset) || !bench_number(a->bench.buffer, "buffer size", INT32_MAX, &b->size) ||
        !bench_number(a->bench.step, "step size", INT32_MAX, &b->step) ||
        !bench_number(a->bench.flush_interval, "flush interval", INT32_MAX, &b->flush_interval) ||
        !bench_number(a->bench.pattern, "pattern byte", 0xff, pattern))
        return false;
    const char *wrong = aio && strcmp(aio, "native") && strcmp(aio, "threads") && strcmp(aio, "io_uring") ? "Invalid aio option: %s"
                        : !b->depth || b->depth > 65536 ? "Invalid queue depth specified"
                        : !b->write && b->flush_interval ? "--flush-interval is only available in write tests"
                        : b->flush_interval && b->flush_interval < b->depth ? "Flush interval can't be smaller than depth"
                        : b->depth * b->size > 1ull << 32 ? "The buffers of all requests are too large" : NULL;
    if (wrong)
        error_report(wrong, aio);
    return !wrong;
}

int cmd_bench(Args *a)
{
    Bench b = { .a = a, .count = 75000, .depth = 64, .size = 4096, .write = a->bench.write, .no_drain = a->bench.no_drain };
    uint64_t pattern = 0;
    if (!bench_options(a, &b, &pattern))
        return 1;
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    b.n = open_image(a, a->names[0], a->format, b.write ? BLOCK_RDWR : 0);
    if (!b.n)
        return 1;
    b.step = b.step ? b.step : b.size;
    b.next = b.offset;
    b.image = block_size(b.n);
    printf("Sending %" PRIu64 " %s requests, %" PRIu64 " bytes each, %" PRIu64 " in parallel (starting at offset %" PRIu64 ", step size %" PRIu64 ")\n",
           b.count, b.write ? "write" : "read", b.size, b.depth, b.offset, b.step);
    if (b.flush_interval)
        printf("Sending flush every %" PRIu64 " requests\n", b.flush_interval);
    b.buf = g_try_malloc(b.depth * b.size + 1);
    b.ret = b.buf ? 0 : -ENOMEM;
    if (b.buf)
        memset(b.buf, b.write ? (int)pattern : 0, b.depth * b.size);
    int64_t start = g_get_monotonic_time();
    if (b.ret == 0)
        bench_run(&b);
    if (b.ret < 0)
        error_report("Failed request: %s", strerror(-b.ret));
    else
        printf("Run completed in %3.3f seconds.\n", (double)(g_get_monotonic_time() - start) / 1e6);
    g_free(b.buf);
    block_unref(b.n);
    return b.ret < 0;
}
