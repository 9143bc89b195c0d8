/* SPDX-License-Identifier: MIT */
/* The commands of rhea-io. */
#include "rhea-io.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATTERN_DEFAULT 0xcd /* of writes */
#define PATTERN_READ 0xab    /* what is in the buffer before a read */
#define LENGTH_MAX 2147483136u

static bool writes_through; /* each write is flushed */
static unsigned under_way;  /* aio commands. Main loop */

/* ---- Numbers ---- */

static bool parse_number(const char *text, uint64_t *out)
{
    bool ok = text[0] != '-' && parse_size("number", text, 1, out, NULL) && *out <= INT64_MAX;
    if (!ok)
        printf("Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- %s\n", text);
    return ok;
}

static bool parse_length(const char *text, uint64_t *out)
{
    if (!parse_number(text, out))
        return false;
    if (*out > LENGTH_MAX)
        printf("length cannot exceed %u, given %s\n", LENGTH_MAX, text);
    return *out <= LENGTH_MAX;
}

static bool parse_pattern(const char *text, int *out)
{
    char *end;
    unsigned long v = strtoul(text, &end, 0);
    bool ok = *text && !*end && v <= 255;
    if (ok)
        *out = (int)v;
    else
        printf("%s is not a valid pattern byte\n", text);
    return ok;
}

/* "1.500 KiB" */
static const char *human(double v, char out[32])
{
    static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    unsigned u = 0;
    while (v >= 1024 && u < 6) {
        v /= 1024;
        u++;
    }
    snprintf(out, 24, u ? "%.3f" : "%f", v);
    char *dot = strchr(out, '.');
    if (dot && strspn(dot + 1, "0") == strlen(dot + 1))
        *dot = 0;
    strcat(out, " ");
    strcat(out, units[u]);
    return out;
}

/* ---- Reports ---- */

typedef struct Report {
    bool quiet, machine; /* -q, -C */
    int64_t start;       /* us */
} Report;

static void report(const Report *r, const char *what, uint64_t done, uint64_t wanted, uint64_t offset, unsigned ops)
{
    double secs = (double)MAX(g_get_monotonic_time() - r->start, 1) / 1e6;
    unsigned s = (unsigned)secs, hundredths = (unsigned)((secs - s) * 100);
    char time[40], size[32], rate[32];
    if (r->quiet)
        return;
    if (s >= 60 || r->machine)
        snprintf(time, sizeof(time), "%u:%02u:%02u.%02u", s / 3600, s / 60 % 60, s % 60, hundredths);
    else
        snprintf(time, sizeof(time), "%02u.%02u sec", s, hundredths);
    if (r->machine) {
        printf("%" PRIu64 ",%u,%s,%.3f,%.3f\n", done, ops, time, (double)done / secs, ops / secs);
        return;
    }
    printf("%s %" PRIu64 "/%" PRIu64 " bytes at offset %" PRIu64 "\n%s, %u ops; %s (%s/sec and %.4f ops/sec)\n", what, done, wanted, offset,
           human((double)done, size), ops, time, human((double)done / secs, rate), ops / secs);
}

static void dump(const uint8_t *buf, uint64_t offset, uint64_t n)
{
    for (uint64_t i = 0; i < n; i += 16) {
        printf("%08" PRIx64 ":  ", offset + i);
        for (uint64_t k = i; k < i + 16 && k < n; k++)
            printf("%02x ", buf[k]);
        printf(" ");
        for (uint64_t k = i; k < i + 16 && k < n; k++)
            putchar(g_ascii_isalnum(buf[k]) ? buf[k] : '.');
        printf("\n");
    }
}

/* ---- One transfer, of any command ---- */

typedef struct Transfer {
    Report report;
    const char *name;     /* of the command: "read", "aio_write" … */
    bool write, zeroes, unmap, compressed, flush, verbose, verify;
    int pattern;
    uint64_t verify_from, verify_len; /* -s, -l */
    uint64_t offset, size;
    uint8_t *buf;         /* from aligned memory, as O_DIRECT has it */
    BlockVec vec;
    int ret;
} Transfer;

static void transfer_free(Transfer *t)
{
    free(t->buf);
    g_free(t->vec.v);
    g_free(t);
}

/* Any thread. */
static void transfer_run(void *opaque)
{
    Transfer *t = opaque;
    t->ret = t->zeroes ? block_write_zeroes(io_node, t->offset, t->size, t->unmap)
             : t->compressed ? block_write_compressed(io_node, t->offset, &t->vec)
             : t->write ? block_writev(io_node, t->offset, &t->vec) : block_readv(io_node, t->offset, &t->vec);
    if (t->ret == 0 && t->write && (t->flush || writes_through))
        t->ret = block_flush(io_node);
}

static int verify(const Transfer *t)
{
    const uint8_t *p = t->buf + t->verify_from;
    for (uint64_t i = 0; t->verify && i < t->verify_len; i++) {
        if (p[i] == (uint8_t)t->pattern)
            continue;
        printf("Pattern verification failed at offset %" PRIu64 ", %" PRIu64 " bytes\n", t->offset + t->verify_from, t->verify_len);
        return -EINVAL;
    }
    return 0;
}

static int transfer_finish(Transfer *t)
{
    if (t->ret < 0) {
        printf("%s failed: %s\n", t->name, strerror(-t->ret));
        return t->ret;
    }
    int ret = t->write ? 0 : verify(t);
    if (!t->report.quiet && t->verbose)
        dump(t->buf, t->offset, t->size);
    report(&t->report, t->write ? "wrote" : "read", t->size, t->size, t->offset, 1);
    return ret;
}

static void transfer_done(void *opaque)
{
    Transfer *t = opaque;
    under_way--;
    transfer_finish(t);
    transfer_free(t);
}

/* The buffer of all lengths, in as many parts. */
static bool take_lengths(Transfer *t, char **lengths, int n)
{
    t->vec.v = g_new0(struct iovec, (size_t)n);
    t->vec.n = (unsigned)n;
    for (int i = 0; i < n; i++) {
        uint64_t len;
        if (!parse_length(lengths[i], &len))
            return false;
        t->vec.v[i].iov_len = len;
        t->size += len;
    }
    if (t->size > LENGTH_MAX) {
        printf("Argument list exceeds maximum size %u\n", LENGTH_MAX);
        return false;
    }
    t->vec.size = t->size;
    if (t->zeroes)
        return true;
    if (posix_memalign((void **)&t->buf, 4096, MAX(t->size, 1))) {
        printf("not enough memory\n");
        return false;
    }
    memset(t->buf, t->write ? t->pattern : PATTERN_READ, t->size);
    uint8_t *p = t->buf;
    for (unsigned i = 0; i < t->vec.n; p += t->vec.v[i++].iov_len)
        t->vec.v[i].iov_base = p;
    return true;
}

/* -s of writes: the file's bytes, over and over. */
static bool fill_from_file(Transfer *t, const char *name)
{
    gchar *text;
    gsize n;
    GError *err = NULL;
    if (!g_file_get_contents(name, &text, &n, &err) || !n) {
        if (err && err->domain == G_FILE_ERROR && err->code == G_FILE_ERROR_NOENT)
            fprintf(stderr, "%s: No such file or directory\n", name);
        else
            fprintf(stderr, "%s: %s\n", name, err ? err->message : "file is empty");
        g_clear_error(&err);
        return false;
    }
    for (uint64_t i = 0; i < t->size; i++)
        t->buf[i] = (uint8_t)text[i % n];
    g_free(text);
    return true;
}

typedef struct Flags {
    const char *letters, *pattern, *file, *from, *len;
    bool invalid;
} Flags;

static Transfer *parse_flags(const IoCommand *c, int argc, char **argv, const char *letters, bool write, Flags *f)
{
    Transfer *t = g_new0(Transfer, 1);
    *t = (Transfer){ .name = argv[0], .write = write, .pattern = PATTERN_DEFAULT };
    t->name = c->name;
    for (int o; (o = getopt(argc, argv, letters)) != -1;) {
        switch (o) {
        case 'a': case 'p': case 'i': break; /* nothing to choose here */
        case 'c': t->compressed = true; break;
        case 'C': t->report.machine = true; break;
        case 'f': t->flush = true; break;
        case 'q': t->report.quiet = true; break;
        case 'u': t->unmap = true; break;
        case 'v': t->verbose = true; break;
        case 'z': t->zeroes = true; break;
        case 'l': f->len = optarg; break;
        case 's': *(write ? &f->file : &f->from) = optarg; break;
        case 'P': f->pattern = optarg; break;
        default: io_usage(c); f->invalid = true; break;
        }
    }
    const char *wrong = NULL;
    if (t->unmap && !t->zeroes)
        wrong = "-u requires -z to be specified";
    else if ((t->zeroes && (f->pattern || f->file)) || (f->pattern && f->file))
        wrong = "Only one of -z, -P, and -s can be specified at the same time";
    else if (t->compressed && t->zeroes)
        wrong = "-c and -z cannot be specified at the same time";
    else if ((f->from || f->len) && !f->pattern)
        wrong = "-s and -l need -P";
    if (wrong && !f->invalid)
        printf("%s\n", wrong);
    f->invalid |= wrong != NULL;
    if (!f->invalid && f->pattern)
        f->invalid = !parse_pattern(f->pattern, &t->pattern);
    t->verify = f->pattern && !write;
    return t;
}

/* -s and -l of reads. */
static bool take_part(Transfer *t, const Flags *f)
{
    if ((f->from && !parse_number(f->from, &t->verify_from)) || (f->len && !parse_number(f->len, &t->verify_len)))
        return false;
    if (t->verify_from > t->size || (f->len && t->verify_len > t->size - t->verify_from)) {
        printf("pattern verification range exceeds end of read data\n");
        return false;
    }
    if (!f->len)
        t->verify_len = t->size - t->verify_from;
    return true;
}

/* What all reading and writing commands are. many: they take several lengths; later: they don't wait. */
static int transfer(const char *name, int argc, char **argv, const char *letters, bool write, bool many, bool later)
{
    const IoCommand *c = io_find(name);
    Flags f = { 0 };
    Transfer *t = parse_flags(c, argc, argv, letters, write, &f);
    int lengths = argc - optind - 1, ret = -EINVAL;
    if (f.invalid)
        goto out;
    if (lengths < 1 || (!many && lengths > 1)) {
        io_usage(c);
        goto out;
    }
    if (t->zeroes && lengths > 1) {
        printf("%s supports only a single length parameter if -z is used\n", name);
        goto out;
    }
    if (!parse_number(argv[optind], &t->offset) || !take_lengths(t, argv + optind + 1, lengths) || !take_part(t, &f) ||
        (f.file && !fill_from_file(t, f.file)))
        goto out;
    t->report.start = g_get_monotonic_time();
    if (later) {
        under_way++;
        block_pool_submit(transfer_run, transfer_done, t);
        return 0;
    }
    transfer_run(t);
    ret = transfer_finish(t);
out:
    transfer_free(t);
    return ret;
}

static int cmd_read(int argc, char **argv)
{
    return transfer("read", argc, argv, "aCl:pP:qs:v", false, false, false);
}

static int cmd_write(int argc, char **argv)
{
    return transfer("write", argc, argv, "cCfpP:qs:uz", true, false, false);
}

static int cmd_readv(int argc, char **argv)
{
    return transfer("readv", argc, argv, "CP:qv", false, true, false);
}

static int cmd_writev(int argc, char **argv)
{
    return transfer("writev", argc, argv, "CfqP:", true, true, false);
}

static int cmd_aio_read(int argc, char **argv)
{
    return transfer("aio_read", argc, argv, "CP:iqv", false, true, true);
}

static int cmd_aio_write(int argc, char **argv)
{
    return transfer("aio_write", argc, argv, "CfiP:quz", true, true, true);
}

static int cmd_aio_flush(int argc, char **argv)
{
    while (under_way)
        block_pool_wait();
    return 0;
}

/* ---- Others ---- */

static int cmd_flush(int argc, char **argv)
{
    int ret = block_flush(io_node);
    if (ret < 0)
        printf("flush failed: %s\n", strerror(-ret));
    return ret;
}

static int cmd_discard(int argc, char **argv)
{
    const IoCommand *c = io_find("discard");
    Report r = { 0 };
    uint64_t offset, size;
    for (int o; (o = getopt(argc, argv, "Cq")) != -1;) {
        if (o != 'C' && o != 'q') {
            io_usage(c);
            return -EINVAL;
        }
        *(o == 'C' ? &r.machine : &r.quiet) = true;
    }
    if (argc - optind != 2) {
        io_usage(c);
        return -EINVAL;
    }
    if (!parse_number(argv[optind], &offset) || !parse_length(argv[optind + 1], &size))
        return -EINVAL;
    r.start = g_get_monotonic_time();
    int ret = block_discard(io_node, offset, size);
    if (ret < 0)
        printf("discard failed: %s\n", strerror(-ret));
    else
        report(&r, "discard", size, size, offset, 1);
    return ret;
}

/* Whether this node holds [offset, offset + *size); shortens *size to the run, however many pieces it has. */
static int allocated_run(uint64_t offset, uint64_t *size)
{
    uint64_t done = 0, wanted = *size;
    int first = 0;
    while (done < wanted) {
        uint64_t n = wanted - done;
        int s = block_status(io_node, offset + done, &n, NULL);
        if (s < 0)
            return s;
        if (done && !(s & BLOCK_ALLOCATED) != !first)
            break;
        first = !!(s & BLOCK_ALLOCATED);
        if (!n)
            break;
        done += n;
    }
    *size = done;
    return first;
}

static int cmd_alloc(int argc, char **argv)
{
    uint64_t offset, count = BLOCK_SECTOR, sum = 0;
    char text[32];
    if (!parse_number(argv[1], &offset) || (argc > 2 && !parse_number(argv[2], &count)))
        return -EINVAL;
    for (uint64_t at = offset, left = count, n; left; at += n, left -= n) {
        n = left;
        int ret = allocated_run(at, &n);
        if (ret < 0) {
            printf("is_allocated failed: %s\n", strerror(-ret));
            return ret;
        }
        if (!n)
            break;
        sum += ret ? n : 0;
    }
    printf("%" PRIu64 "/%" PRIu64 " bytes allocated at offset %s\n", sum, count, human((double)offset, text));
    return 0;
}

static int cmd_map(int argc, char **argv)
{
    for (uint64_t at = 0, end = block_size(io_node), n; at < end; at += n) {
        char size[32], offset[32];
        n = end - at;
        int ret = allocated_run(at, &n);
        if (ret < 0) {
            printf("Failed to get allocation status: %s\n", strerror(-ret));
            return ret;
        }
        printf("%s (0x%" PRIx64 ") bytes %s allocated at offset %s (0x%" PRIx64 ")\n", human((double)n, size), n, ret ? "   " : "not",
               human((double)at, offset), at);
    }
    return 0;
}

static int cmd_length(int argc, char **argv)
{
    char text[32];
    printf("%s\n", human((double)block_size(io_node), text));
    return 0;
}

static int cmd_truncate(int argc, char **argv)
{
    const char *prealloc = NULL;
    uint64_t size;
    Error *err = NULL;
    for (int o; (o = getopt(argc, argv, "m:")) != -1;) {
        if (o != 'm') {
            io_usage(io_find("truncate"));
            return -EINVAL;
        }
        prealloc = optarg;
    }
    if (argc - optind != 1) {
        io_usage(io_find("truncate"));
        return -EINVAL;
    }
    if (!parse_number(argv[optind], &size))
        return -EINVAL;
    if (io_node->read_only) {
        error_report("Block node is read-only");
        return -EACCES;
    }
    int ret = block_truncate(io_node, size, prealloc, &err);
    if (ret < 0)
        error_report_err(err);
    return ret;
}

static int cmd_info(int argc, char **argv)
{
    char text[32];
    printf("format name: %s\n", io_node->drv->name);
    if (io_node->cluster_size)
        printf("cluster size: %s\n", human(io_node->cluster_size, text));
    block_print_specific_info(stdout, io_node);
    return 0;
}

bool io_open(const char *name, OptGroup *o, int flags, bool writethrough)
{
    Error *err = NULL;
    if (io_node) {
        error_report("file open already, try 'help close'");
        return false;
    }
    BlockNode *n = block_open(o, "", name, flags, &err);
    if (n && opts_check_unused(o, NULL, &err)) {
        io_node = n;
        writes_through = writethrough;
        return true;
    }
    block_unref(n);
    error_prepend(&err, "can't open%s%s: ", name ? " device " : "", name ? name : "");
    error_report_err(err);
    return false;
}

void io_close(void)
{
    cmd_aio_flush(0, NULL);
    if (!io_node)
        return;
    int ret = block_flush(io_node);
    if (ret < 0)
        error_report("flush failed: %s", strerror(-ret));
    block_unref(io_node);
    io_node = NULL;
}

static int cmd_open(int argc, char **argv)
{
    int flags = BLOCK_RDWR | BLOCK_UNMAP;
    bool through = false, bad = false;
    Error *err = NULL;
    OptGroup *o = opts_parse("-o", "", NULL, &err);
    for (int c; o && !bad && (c = getopt(argc, argv, "CknrUo:t:d:")) != -1;) {
        switch (c) {
        case 'C': case 'k': break;
        case 'n': flags |= BLOCK_NOCACHE; break;
        case 'r': flags &= ~BLOCK_RDWR; break;
        case 'U': flags |= BLOCK_NO_LOCK; break;
        case 't': bad = !io_cache_mode(optarg, &flags, &through); break;
        case 'd': bad = !io_discard_mode(optarg, &flags); break;
        case 'o':
            opts_free(o);
            o = opts_parse("-o", optarg, NULL, &err);
            break;
        default: bad = true; break;
        }
    }
    if (o && (bad || argc - optind > 1 || (argc == optind && !o->count))) {
        io_usage(io_find("open"));
        opts_free(o);
        return -EINVAL;
    }
    if (!o) {
        error_report_err(err);
        return -EINVAL;
    }
    bool ok = io_open(argc > optind ? argv[optind] : NULL, o, flags, through);
    opts_free(o);
    return ok ? 0 : -EINVAL;
}

static int cmd_close(int argc, char **argv)
{
    io_close();
    return 0;
}

static int cmd_reopen(int argc, char **argv)
{
    Error *err = NULL;
    int on = -1;
    for (int c; (c = getopt(argc, argv, "rwc:")) != -1;) {
        int flags = 0;
        if (c == '?' || (c == 'c' && !io_cache_mode(optarg, &flags, &writes_through))) {
            io_usage(io_find("reopen"));
            return -EINVAL;
        }
        if (c != 'c')
            on = c == 'w';
    }
    cmd_aio_flush(0, NULL);
    if (on < 0 || block_set_writable(io_node, on, &err))
        return 0;
    error_report_err(err);
    return -EINVAL;
}

static int cmd_sleep(int argc, char **argv)
{
    char *end;
    errno = 0;
    long ms = strtol(argv[1], &end, 0);
    if (*end || errno || ms < 0) {
        printf("%s is not a valid number\n", argv[1]);
        return -EINVAL;
    }
    g_usleep((gulong)ms * 1000);
    return 0;
}

static int cmd_abort(int argc, char **argv)
{
    abort();
}

static int cmd_quit(int argc, char **argv)
{
    io_quit = true;
    return 0;
}

static int cmd_help(int argc, char **argv)
{
    if (argc > 1) {
        const IoCommand *c = io_find(argv[1]);
        if (c)
            io_usage(c);
        else
            printf("command %s not found\n", argv[1]);
        return c ? 0 : -EINVAL;
    }
    for (const IoCommand *c = io_commands; c->name; c++)
        io_usage(c);
    printf("\nUse 'help commandname' for extended help.\n");
    return 0;
}

const IoCommand io_commands[] = {
    { "abort", NULL, cmd_abort, 0, 0, .without_file = true, .oneline = "simulate a program crash using abort(3)" },
    { "aio_flush", NULL, cmd_aio_flush, 0, 0, .oneline = "completes all outstanding aio requests" },
    { "aio_read", NULL, cmd_aio_read, 2, -1, .args = "[-Ciqv] [-P pattern] off len [len..]", .oneline = "asynchronously reads a number of bytes" },
    { "aio_write", NULL, cmd_aio_write, 2, -1, .args = "[-Cfiquz] [-P pattern] off len [len..]", .oneline = "asynchronously writes a number of bytes" },
    { "alloc", NULL, cmd_alloc, 1, 2, .args = "offset [count]", .oneline = "checks if offset is allocated in the file" },
    { "close", "c", cmd_close, 0, 0, .oneline = "close the current open file" },
    { "discard", "d", cmd_discard, 2, -1, .args = "[-Cq] off len", .oneline = "discards a number of bytes at a specified offset" },
    { "flush", "f", cmd_flush, 0, 0, .oneline = "flush all in-core file state to disk" },
    { "help", "?", cmd_help, 0, 1, .without_file = true, .args = "[command]", .oneline = "help for one or all commands" },
    { "info", "i", cmd_info, 0, 0, .oneline = "prints information about the current file" },
    { "length", "l", cmd_length, 0, 0, .oneline = "gets the length of the current file" },
    { "map", NULL, cmd_map, 0, 0, .oneline = "prints the allocated areas of a file" },
    { "open", "o", cmd_open, 1, -1, .without_file = true, .args = "[-rCnkU] [-t cache] [-d discard] [-o options] [path]", .oneline = "open the file specified by path" },
    { "quit", "q", cmd_quit, 0, 0, .without_file = true, .oneline = "exit the program" },
    { "read", "r", cmd_read, 2, -1, .args = "[-aCqv] [-P pattern [-s off] [-l len]] off len", .oneline = "reads a number of bytes at a specified offset" },
    { "readv", NULL, cmd_readv, 2, -1, .args = "[-Cqv] [-P pattern] off len [len..]", .oneline = "reads a number of bytes at a specified offset" },
    { "reopen", NULL, cmd_reopen, 0, -1, .args = "[(-r|-w)] [-c cache]", .oneline = "reopens an image with new options" },
    { "sleep", NULL, cmd_sleep, 1, 1, .without_file = true, .oneline = "waits for the given value in milliseconds" },
    { "truncate", "t", cmd_truncate, 1, 3, .args = "[-m prealloc_mode] off", .oneline = "truncates the current file at the given offset" },
    { "write", "w", cmd_write, 2, -1, .args = "[-cCfquz] [-P pattern | -s source_file] off len", .oneline = "writes a number of bytes at a specified offset" },
    { "writev", NULL, cmd_writev, 2, -1, .args = "[-Cfq] [-P pattern] off len [len..]", .oneline = "writes a number of bytes at a specified offset" },
    { NULL, .oneline = NULL },
};
