/* SPDX-License-Identifier: MIT */
/*
 * Disk requests under each aio=: many random ones in flight against a copy of the disk in memory, through the main loop and by draining;
 * order of submission and completion; flush; files that are shorter than they were, descriptors that cannot be written, a size limit of the
 * host; two disks at once. Expected contents: the copy, and the file read by other means.
 */
#include "block/block.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/options.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum { SLOT = 16384, SLOTS = 256, SIZE = SLOT * SLOTS, IN_FLIGHT = 48, OPS = 3000 };

typedef struct Mode {
    const char *aio;
    bool direct;
} Mode;

typedef struct Disk {
    char *path;
    BlockBackend *b;
    uint8_t *copy;          /* what the disk must hold */
    bool busy[SLOTS];
    unsigned in_flight, left, done;
    bool loop;              /* the main loop ends when all are done */
    GRand *rand;
} Disk;

typedef struct Op {
    BlockRequest r;
    Disk *d;
    unsigned slot;
    struct iovec part[4];
    uint8_t *buf;
} Op;

/* ---- A disk ---- */

static BlockNode *open_node(const char *path, const Mode *m)
{
    Error *err = NULL;
    OptGroup *o = opts_parse("test", "driver=raw,file.driver=file,discard=unmap", NULL, NULL);
    opts_set(o, "file.filename", path);
    opts_set(o, "file.aio", m->aio);
    opts_set(o, "file.cache.direct", m->direct ? "on" : "off");
    opts_set(o, "file.discard", "unmap");
    BlockNode *n = block_open(o, "", NULL, BLOCK_RDWR, &err);
    if (!n)
        g_test_message("%s", error_get_pretty(err));
    error_free(err);
    opts_free(o);
    return n;
}

/* False where the host has no such thing: the test is skipped. */
static bool disk_open(Disk *d, const Mode *m, const char *name)
{
    *d = (Disk){ .path = g_strdup_printf("%s-%d", name, (int)getpid()), .rand = g_rand_new_with_seed(7) };
    d->copy = g_malloc(SIZE);
    for (unsigned i = 0; i < SIZE; i++)
        d->copy[i] = (uint8_t)(i / 512 + i * 7);
    g_assert_true(g_file_set_contents(d->path, (char *)d->copy, SIZE, NULL));
    machine_lock();
    BlockNode *n = open_node(d->path, m);
    if (n) {
        d->b = blk_new(NULL, NULL);
        blk_insert(d->b, n);
    }
    machine_unlock();
    if (!n)
        g_test_skip("not on this host, or not for this file system");
    return n != NULL;
}

static void disk_close(Disk *d)
{
    if (d->b) {
        machine_lock();
        blk_free(d->b);
        machine_unlock();
    }
    unlink(d->path);
    g_free(d->path);
    g_free(d->copy);
    g_rand_free(d->rand);
}

static void check_file(const Disk *d)
{
    g_autofree char *data = NULL;
    size_t len;
    g_assert_true(g_file_get_contents(d->path, &data, &len, NULL));
    g_assert_cmpuint(len, ==, SIZE);
    for (unsigned i = 0; i < SIZE; i++)
        if ((uint8_t)data[i] != d->copy[i])
            g_error("%s: byte %u is %02x, wanted %02x", d->path, i, (uint8_t)data[i], d->copy[i]);
}

/* ---- Random requests, one at a time in each slot ---- */

static void start_some(Disk *d);

static void op_done(BlockRequest *r, int ret)
{
    Op *op = r->opaque;
    Disk *d = op->d;
    g_assert_true(machine_lock_held());
    g_assert_cmpint(ret, ==, 0);
    if (r->op == BLOCK_READ && memcmp(op->buf, d->copy + r->offset, r->vec.size))
        g_error("read of %" G_GUINT64_FORMAT " bytes at %" G_GUINT64_FORMAT " differs", r->vec.size, r->offset);
    d->busy[op->slot] = false;
    d->in_flight--;
    d->done++;
    free(op->buf);
    g_free(op);
    start_some(d);
    if (!d->in_flight && d->loop)
        main_loop_quit(0);
}

/* [offset, offset + size) of buf in up to four parts of whole sectors. */
static void split(Op *op, uint64_t size, GRand *rand)
{
    BlockVec *v = &op->r.vec;
    *v = (BlockVec){ op->part, 0, size };
    for (uint64_t at = 0, n; at < size; at += n) {
        n = v->n == 3 ? size - at : 512 * (uint64_t)g_rand_int_range(rand, 1, (int)((size - at) / 512) + 1);
        op->part[v->n++] = (struct iovec){ op->buf + at, n };
    }
}

static void start_one(Disk *d)
{
    Op *op = g_new0(Op, 1);
    BlockRequest *r = &op->r;
    do
        op->slot = (unsigned)g_rand_int_range(d->rand, 0, SLOTS);
    while (d->busy[op->slot]);
    unsigned kind = (unsigned)g_rand_int_range(d->rand, 0, 20);
    uint64_t from = (uint64_t)g_rand_int_range(d->rand, 0, SLOT / 512), size = 512 * (uint64_t)g_rand_int_range(d->rand, 1, SLOT / 512 - (int)from + 1);
    r->op = kind < 9 ? BLOCK_READ : kind < 17 ? BLOCK_WRITE : kind == 17 ? BLOCK_FLUSH : kind == 18 ? BLOCK_WRITE_ZEROES : BLOCK_DISCARD;
    r->offset = (uint64_t)op->slot * SLOT + from * 512;
    r->size = size;
    r->done = op_done;
    r->opaque = op;
    op->d = d;
    op->buf = aligned_alloc(4096, SLOT);
    d->busy[op->slot] = true;
    d->in_flight++;
    d->left--;
    uint8_t *copy = d->copy + r->offset;
    if (r->op == BLOCK_WRITE) {
        memset(op->buf, g_rand_int_range(d->rand, 1, 256), size);
        memcpy(copy, op->buf, size);
    } else if (r->op == BLOCK_WRITE_ZEROES || r->op == BLOCK_DISCARD) {
        memset(copy, 0, size); /* the file system takes whole blocks and zeroes the rest */
    }
    if (r->op == BLOCK_READ || r->op == BLOCK_WRITE)
        split(op, size, d->rand);
    blk_submit(d->b, r);
}

static void start_some(Disk *d)
{
    while (d->left && d->in_flight < IN_FLIGHT)
        start_one(d);
}

static void test_random(const void *opaque)
{
    Disk d;
    if (disk_open(&d, opaque, "aio-random")) {
        machine_lock();
        d.left = OPS;
        d.loop = true;
        start_some(&d);
        g_assert_cmpint(main_loop_run(), ==, 0);
        d.loop = false;
        g_assert_cmpuint(d.done, ==, OPS);
        d.left = OPS; /* the same by draining */
        start_some(&d);
        blk_drain(d.b);
        g_assert_cmpuint(d.done, ==, 2 * OPS);
        blk_set_write_cache(d.b, false);
        d.left = 100;
        start_some(&d);
        blk_cancel(d.b);
        g_assert_cmpuint(d.done, ==, 2 * OPS + 100);
        const BlockStats *s = blk_stats(d.b);
        g_assert_cmpuint(s->operations[BLOCK_ACCOUNT_READ] + s->operations[BLOCK_ACCOUNT_WRITE] + s->operations[BLOCK_ACCOUNT_FLUSH] +
                         s->operations[BLOCK_ACCOUNT_UNMAP], ==, d.done);
        machine_unlock();
        check_file(&d);
    }
    disk_close(&d);
}

/* Draining one disk completes its own requests, and leaves the other's to themselves. */
static void test_two(const void *opaque)
{
    Disk a, b;
    bool ok = disk_open(&a, opaque, "aio-a"), both = disk_open(&b, opaque, "aio-b");
    if (ok && both) {
        machine_lock();
        a.left = b.left = 500;
        start_some(&a);
        start_some(&b);
        blk_drain(a.b);
        g_assert_cmpuint(a.done, ==, 500);
        blk_eject(b.b); /* waits for it */
        g_assert_cmpuint(b.done, ==, 500);
        machine_unlock();
        check_file(&a);
        check_file(&b);
    }
    disk_close(&a);
    disk_close(&b);
}

/* ---- One request ---- */

static int last_ret;

static void one_done(BlockRequest *r, int ret)
{
    last_ret = ret;
}

static BlockRequest *one(Disk *d, BlockOp op, uint64_t offset, struct iovec *part)
{
    static BlockRequest r;
    r = (BlockRequest){ .op = op, .offset = offset, .size = part->iov_len, .vec = { part, 1, part->iov_len }, .done = one_done };
    last_ret = 1;
    blk_submit(d->b, &r);
    g_assert_cmpint(last_ret, ==, 1); /* not before the caller has returned */
    return &r;
}

static int wait_for(Disk *d, BlockOp op, uint64_t offset, struct iovec *part)
{
    one(d, op, offset, part);
    blk_drain(d->b);
    return last_ret;
}

static void test_errors(const void *opaque)
{
    Disk d;
    struct iovec part = { aligned_alloc(4096, 8192), 8192 };
    memset(part.iov_base, 0x5a, 8192);
    if (disk_open(&d, opaque, "aio-errors")) {
        machine_lock();
        g_assert_cmpint(wait_for(&d, BLOCK_READ, SIZE - 4096, &part), ==, -EIO);
        g_assert_cmpint(wait_for(&d, BLOCK_WRITE, SIZE, &part), ==, -EIO);
        /* Somebody cuts the file: reads behind its end give zeroes, in part and in whole; a write brings it back. */
        g_assert_cmpint(truncate(d.path, SIZE - 4096), ==, 0);
        g_assert_cmpint(wait_for(&d, BLOCK_READ, SIZE - 8192, &part), ==, 0);
        g_assert_cmpmem(part.iov_base, 4096, d.copy + SIZE - 8192, 4096);
        g_assert_cmpuint(((uint8_t *)part.iov_base)[4096] | ((uint8_t *)part.iov_base)[8191], ==, 0);
        g_assert_cmpint(truncate(d.path, SIZE / 2), ==, 0);
        g_assert_cmpint(wait_for(&d, BLOCK_READ, SIZE - 8192, &part), ==, 0);
        g_assert_cmpuint(((uint8_t *)part.iov_base)[0] | ((uint8_t *)part.iov_base)[8191], ==, 0);
        memset(part.iov_base, 0x5a, 8192);
        g_assert_cmpint(wait_for(&d, BLOCK_WRITE, SIZE - 8192, &part), ==, 0);
        memset(part.iov_base, 0, 8192);
        g_assert_cmpint(wait_for(&d, BLOCK_READ, SIZE - 8192, &part), ==, 0);
        g_assert_cmpuint(((uint8_t *)part.iov_base)[0], ==, 0x5a);
        /* The host's limit of a file's size. */
        struct rlimit was, limit = { SIZE / 2, RLIM_INFINITY };
        getrlimit(RLIMIT_FSIZE, &was);
        limit.rlim_max = was.rlim_max;
        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        int ret = wait_for(&d, BLOCK_WRITE, SIZE / 2 + 4096, &part);
        setrlimit(RLIMIT_FSIZE, &was);
        g_assert_cmpint(ret, ==, -EFBIG);
        g_assert_cmpint(wait_for(&d, BLOCK_WRITE, SIZE / 2 + 4096, &part), ==, 0);
        /* A descriptor that cannot be written. */
        BlockDirect at = { .fd = -1 };
        BlockVec v = { &part, 1, part.iov_len };
        if (block_direct(blk_root(d.b), false, 0, &v, &at) && at.fd >= 0) {
            int fd = open(d.path, O_RDONLY | O_CLOEXEC);
            g_assert_cmpint(dup3(fd, at.fd, O_CLOEXEC), ==, at.fd);
            close(fd);
            g_assert_cmpint(wait_for(&d, BLOCK_WRITE, 0, &part), ==, -EBADF);
            g_assert_cmpint(wait_for(&d, BLOCK_READ, 0, &part), ==, 0);
        }
        machine_unlock();
    }
    disk_close(&d);
    free(part.iov_base);
}

/* What the host has in memory is there when the lock has been let go; nothing comes before. */
static void test_release(void)
{
    static const Mode threads = { "threads", false };
    Disk d;
    struct iovec part = { aligned_alloc(4096, 8192), 8192 };
    g_assert_true(disk_open(&d, &threads, "aio-release"));
    machine_lock();
    one(&d, BLOCK_READ, 4096, &part);
    machine_unlock();
    machine_lock();
    blk_drain(d.b); /* where the host has forgotten it already, a thread reads it */
    g_assert_cmpint(last_ret, ==, 0);
    g_assert_cmpmem(part.iov_base, 8192, d.copy + 4096, 8192);
    machine_unlock();
    disk_close(&d);
    free(part.iov_base);
}

static void test_options(void)
{
    static const struct {
        const char *options, *message;
    } rows[] = {
        { "driver=file,filename=x,aio=fast", "Parameter 'aio' does not accept value 'fast'" },
#ifdef CONFIG_LINUX_AIO
        { "driver=file,filename=/dev/null,aio=native", "aio=native was specified, but it requires cache.direct=on, which was not specified." },
#else
        { "driver=file,filename=/dev/null,aio=native,cache.direct=on", "aio=native was specified, but is not supported in this build." },
#endif
#ifndef CONFIG_LIBURING
        { "driver=file,filename=/dev/null,aio=io_uring", "aio=io_uring was specified, but is not supported in this build." },
#endif
    };
    machine_lock();
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Error *err = NULL;
        OptGroup *o = opts_parse("test", rows[i].options, NULL, NULL);
        g_assert_null(block_open(o, "", NULL, 0, &err));
        g_assert_cmpstr(error_get_pretty(err), ==, rows[i].message);
        error_free(err);
        opts_free(o);
    }
    machine_unlock();
}

int main(int argc, char **argv)
{
    static const Mode modes[] = {
        { "threads", false }, { "threads", true },
#ifdef CONFIG_LINUX_AIO
        { "native", true },
#endif
#ifdef CONFIG_LIBURING
        { "io_uring", false }, { "io_uring", true },
#endif
    };
    static const struct {
        const char *name;
        GTestDataFunc fn;
    } tests[] = { { "random", test_random }, { "two", test_two }, { "errors", test_errors } };
    g_test_init(&argc, &argv, NULL);
    for (unsigned m = 0; m < G_N_ELEMENTS(modes); m++) {
        for (unsigned t = 0; t < G_N_ELEMENTS(tests); t++) {
            g_autofree char *name = g_strdup_printf("/aio/%s%s/%s", modes[m].aio, modes[m].direct ? "-direct" : "", tests[t].name);
            g_test_add_data_func(name, &modes[m], tests[t].fn);
        }
    }
    g_test_add_func("/aio/release", test_release);
    g_test_add_func("/aio/options", test_options);
    int status = g_test_run();
    machine_lock();
    block_exit();
    machine_unlock();
    return status;
}
