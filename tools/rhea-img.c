/* SPDX-License-Identifier: MIT */
/*
 * rhea-img: makes, examines, converts and repairs disk images. Sub-commands, options, output and exit statuses are those of the tool that scripts
 * already call for this.
 */
#include "rhea-img.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/options.h"

#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPARSE_DEFAULT 4096u
#define SPARSE_MAX (16u << 20)
#define PARALLEL_MAX 16u

int die(Error *err)
{
    error_report_err(err);
    return 1;
}

/* --image-opts: "driver=qcow2,file.filename=x" instead of a name. */
static BlockNode *open_options(const char *text, int flags, Error **errp)
{
    OptGroup *o = opts_parse("--image-opts", text, NULL, errp);
    BlockNode *n = o ? block_open(o, "", NULL, flags, errp) : NULL;
    if (n && !opts_check_unused(o, NULL, errp)) {
        block_unref(n);
        n = NULL;
    }
    opts_free(o);
    return n;
}

BlockNode *open_image(const Args *a, const char *name, const char *format, int flags)
{
    Error *err = NULL;
    flags |= (a->force_share ? BLOCK_NO_LOCK : 0) | (flags & BLOCK_RDWR ? a->cache : a->source_cache);
    if (a->force_share && flags & BLOCK_RDWR) {
        error_report("Could not open '%s': force-share=on can only be used with read-only images", name);
        return NULL;
    }
    BlockNode *n = a->image_opts ? open_options(name, flags, &err) : block_open_file(name, format, flags, &err);
    if (!n) {
        error_prepend(&err, "Could not open '%s': ", name);
        error_report_err(err);
    }
    return n;
}

bool show_snapshot(BlockNode *n, const char *param)
{
    Error *err = NULL;
    bool ok = true;
    if (!n->drv->snapshot_show) {
        error_setg(&err, "Block format '%s' used by device '' does not support temporarily loading internal snapshots", n->drv->name);
        ok = false;
    } else if (g_str_has_prefix(param, "snapshot.")) {
        OptGroup *o = opts_parse("-l", param, NULL, &err);
        const char *id = o ? opts_get(o, "snapshot.id") : NULL, *name = o ? opts_get(o, "snapshot.name") : NULL;
        if (o && !opts_check_unused(o, NULL, NULL)) {
            error_report("Failed in parsing snapshot param '%s'", param);
            opts_free(o);
            return false;
        }
        ok = o && n->drv->snapshot_show(n, id, name, &err);
        opts_free(o);
    } else if (!n->drv->snapshot_show(n, param, NULL, NULL)) {
        ok = n->drv->snapshot_show(n, NULL, param, &err);
    }
    if (!ok) {
        error_prepend(&err, "Failed to load snapshot: ");
        error_report_err(err);
    }
    return ok;
}

void show_progress(const Args *a, double part)
{
    static double shown = -1;
    if (a->progress && (part - shown >= 0.01 || part >= 1)) {
        shown = part;
        printf("    (%.2f/100%%)\r", part * 100);
        fflush(stdout);
    }
}

void end_progress(const Args *a, bool ok)
{
    if (ok)
        show_progress(a, 1);
    if (a->progress)
        printf("\n");
}

bool parse_length(const char *text, uint64_t *out, Error **errp)
{
    return parse_size("Image size", text, 1, out, errp);
}

/* ---- Dispatch ---- */

static const struct Command {
    const char *name, *usage;
    int (*run)(Args *a);
    const char *letters; /* its options of one letter, as for getopt */
} commands[] = {
    { "amend", "[--image-opts] [-p] [-q] [-f fmt] [--force] -o options filename", cmd_amend, "f:o:pqt:" },
    { "bench", "[-c count] [-d depth] [-f fmt] [--flush-interval=flush_interval] [-i aio] [-n] [--no-drain] [-o offset] [--pattern=pattern] [-q] "
               "[-s buffer_size] [-S step_size] [-t cache] [-w] [-U] filename", cmd_bench, "c:d:f:ni:o:qs:S:t:wU" },
    { "bitmap", "(--merge SOURCE | --add | --remove | --clear | --enable | --disable)... [-b source_file [-F source_fmt]] [-g granularity] "
                "[--image-opts | -f fmt] filename bitmap", cmd_bitmap, "b:f:F:g:" },
    { "check", "[-q] [-f fmt] [--output=ofmt] [-r [leaks | all]] [-U] filename", cmd_check, "f:qr:T:U" },
    { "commit", "[--image-opts] [-q] [-f fmt] [-t cache] [-b base] [-r rate_limit] [-d] [-p] filename", cmd_commit, "f:t:b:r:dpq" },
    { "compare", "[-f fmt] [-F fmt] [-p] [-q] [-s] [-U] filename1 filename2", cmd_compare, "f:F:T:pqsU" },
    { "convert", "[--image-opts] [--target-image-opts] [--bitmaps [--skip-broken-bitmaps]] [-U] [-c] [-p] [-q] [-n] [-f fmt] [-t cache] [-T src_cache] "
                 "[-O output_fmt] [-B backing_file [-F backing_fmt]] [-o options] [-l snapshot_param] [-S sparse_size] [-m num_coroutines] [-W] filename [filename2 [...]] "
                 "output_filename", cmd_convert, "f:O:B:F:b:o:l:S:pt:T:qnm:WUr:cC" },
    { "create", "[-q] [-f fmt] [-b backing_file [-F backing_fmt]] [-u] [-o options] filename [size]", cmd_create, "F:b:f:qo:u" },
    { "dd", "[-f fmt] [-O output_fmt] [-U] [bs=block_size] [count=blocks] [skip=blocks] if=input of=output", cmd_dd, "f:O:U" },
    { "info", "[-f fmt] [--output=ofmt] [--backing-chain] [-U] filename", cmd_info, "f:U" },
    { "map", "[--image-opts] [-f fmt] [--start-offset=offset] [--max-length=len] [--output=ofmt] [-U] filename", cmd_map, "f:s:l:U" },
    { "measure", "[--output=ofmt] [-O output_fmt] [-o options] [--size N | [--image-opts] [-f fmt] [-l snapshot_param] [-U] filename]", cmd_measure, "f:l:o:O:U" },
    { "rebase", "[-q] [-f fmt] [-p] [-u] -b backing_file [-F backing_fmt] filename", cmd_rebase, "f:F:b:upt:T:qU" },
    { "resize", "[--shrink] [-f fmt] [--preallocation=prealloc] [-q] filename [+ | -]size", cmd_resize, "f:q" },
    { "snapshot", "[-q] [-U] [-l | -a snapshot | -c snapshot | -d snapshot] filename", cmd_snapshot, "la:c:d:qUf:" },
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

enum { LONG_OUTPUT = 256, LONG_CHAIN, LONG_SHRINK, LONG_PREALLOC, LONG_SIZE, LONG_IMAGE_OPTS, LONG_TARGET_OPTS, LONG_OBJECT, LONG_BITMAPS, LONG_SKIP_BROKEN,
       LONG_FORCE, LONG_FLUSH_INTERVAL, LONG_NO_DRAIN, LONG_PATTERN, LONG_ACTION /* and the kinds of BitmapAction */ };

static const struct CacheMode {
    const char *name;
    int flags;
    bool writethrough;
} cache_modes[] = { { "none", BLOCK_NOCACHE, false }, { "off", BLOCK_NOCACHE, false }, { "writeback", 0, false }, { "unsafe", BLOCK_NO_FLUSH, false },
                    { "writethrough", 0, true }, { "directsync", BLOCK_NOCACHE, true } };

/* -t: of the image that is written; -T: of those that are read. bench and check have one image and one of the letters. */
static bool set_cache(Args *a, const char *cmd, int c, const char *value)
{
    bool bench = !strcmp(cmd, "bench"), only = bench || !strcmp(cmd, "check");
    for (unsigned i = 0; i < ARRAY_SIZE(cache_modes); i++) {
        const struct CacheMode *m = &cache_modes[i];
        if (strcmp(value, m->name))
            continue;
        if (c == 't' || only)
            a->cache = m->flags, a->writethrough = m->writethrough, a->cache_given = true;
        if (c == 'T' || only)
            a->source_cache = m->flags;
        return true;
    }
    if (bench)
        error_report("Invalid cache mode");
    else
        error_report("Invalid %scache option: %s", c == 'T' ? "source " : "", value);
    return false;
}

int after_write(const Args *a, BlockNode *n, uint64_t bytes)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static uint64_t written; /* since start */
    static gint64 start;
    gint64 wait = 0;
    if (a->rate) {
        pthread_mutex_lock(&lock);
        start = start ? start : g_get_monotonic_time();
        written += bytes;
        wait = start + (gint64)((double)written * 1e6 / (double)a->rate) - g_get_monotonic_time();
        pthread_mutex_unlock(&lock);
    }
    if (wait > 0)
        g_usleep((gulong)wait);
    return a->writethrough ? block_flush(n) : 0;
}

static bool parse_number(const char *text, const char *what, uint64_t *out)
{
    if (text[0] != '-' && parse_size(what, text, 1, out, NULL) && *out <= INT64_MAX)
        return true;
    error_report("Invalid %s specified. You may use k, M, G, T, P or E suffixes for", what);
    error_report("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
    return false;
}

static bool set_sparse(Args *a, const char *value)
{
    a->sparse_given = true;
    if (!parse_number(value, "buffer size for sparse output", &a->sparse))
        return false;
    if (a->sparse % BLOCK_SECTOR == 0 && a->sparse <= SPARSE_MAX)
        return true;
    error_report("Invalid buffer size for sparse output specified. Valid sizes are multiples of %u up to %u. Select 0 to disable sparse detection "
                 "(fully allocates output).", BLOCK_SECTOR, SPARSE_MAX);
    return false;
}

static bool set_parallel(Args *a, const char *value)
{
    char *end;
    a->parallel = strtoull(value, &end, 10);
    if (g_ascii_isdigit(value[0]) && !*end && a->parallel >= 1 && a->parallel <= PARALLEL_MAX)
        return true;
    error_report("Invalid number of coroutines. Allowed number of coroutines is between 1 and %u", PARALLEL_MAX);
    return false;
}

/* bench has letters of its own. */
static bool set_bench_option(Args *a, int c, const char *value)
{
    switch (c) {
    case 'c': a->bench.count = value; break;
    case 'd': a->bench.depth = value; break;
    case 'o': a->bench.offset = value; break;
    case 's': a->bench.buffer = value; break;
    case 'S': a->bench.step = value; break;
    case 'i': a->bench.aio = value; break;
    case 'n': a->bench.aio = "native"; break;
    case 'w': a->bench.write = true; break;
    default: return false;
    }
    return true;
}

static bool set_snapshot_option(Args *a, int c, const char *value)
{
    if (!strchr("lacd", c))
        return false;
    a->snapshot_op = (char)c;
    a->snapshot = c == 'l' ? NULL : value;
    return true;
}

static bool add_action(Args *a, int kind, const char *source)
{
    if (a->naction == ACTIONS_MAX) {
        error_report("Too many actions");
        return false;
    }
    a->action[a->naction++] = (BitmapAction){ kind, source };
    return true;
}

static bool set_long_option(Args *a, int c, const char *value)
{
    if (c >= LONG_ACTION)
        return add_action(a, c - LONG_ACTION, value);
    switch (c) {
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
    case LONG_IMAGE_OPTS: a->image_opts = true; break;
    case LONG_TARGET_OPTS: a->target_image_opts = true; break;
    case LONG_BITMAPS: a->bitmaps = true; break;
    case LONG_SKIP_BROKEN: a->skip_broken_bitmaps = true; break;
    case LONG_FORCE: a->force = true; break;
    case LONG_FLUSH_INTERVAL: a->bench.flush_interval = value; break;
    case LONG_NO_DRAIN: a->bench.no_drain = true; break;
    case LONG_PATTERN: a->bench.pattern = value; break;
    case LONG_OBJECT: break; /* no object of the user's matters to an image yet */
    default: return false;
    }
    return true;
}

/* One letter may mean different things to different commands. */
static bool set_option(Args *a, const char *cmd, int c, char *value)
{
    if (c >= LONG_OUTPUT)
        return set_long_option(a, c, value);
    if (!strcmp(cmd, "bench") && set_bench_option(a, c, value))
        return true;
    if (!strcmp(cmd, "snapshot") && set_snapshot_option(a, c, value))
        return true;
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
    case 's':
        if (!strcmp(cmd, "map"))
            a->map_start = value;
        else
            a->strict = true;
        break;
    case 'S': return set_sparse(a, value);
    case 'r':
        if (strcmp(cmd, "check"))
            return parse_number(value, "rate limit", &a->rate);
        a->repair = value;
        break;
    case 'u': a->unsafe_rebase = a->unsafe_create = true; break;
    case 'l':
        if (!strcmp(cmd, "map"))
            a->map_length = value;
        else
            a->snapshot = value;
        break;
    case 'c': a->compress = true; break;
    case 'd': a->keep_overlay = true; break;
    case 'g': a->granularity = value; break;
    case 't': case 'T': return set_cache(a, cmd, c, value);
    case 'm': return set_parallel(a, value);
    case 'W': a->out_of_order = true; break;
    case 'C': a->offload = true; break;
    default: return false;
    }
    if (a->quiet)
        a->progress = false;
    return true;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "output", required_argument, NULL, LONG_OUTPUT }, { "backing-chain", no_argument, NULL, LONG_CHAIN },
        { "shrink", no_argument, NULL, LONG_SHRINK }, { "size", required_argument, NULL, LONG_SIZE }, { "preallocation", required_argument, NULL, LONG_PREALLOC },
        { "force-share", no_argument, NULL, 'U' }, { "start-offset", required_argument, NULL, 's' }, { "max-length", required_argument, NULL, 'l' },
        { "image-opts", no_argument, NULL, LONG_IMAGE_OPTS },
        { "target-image-opts", no_argument, NULL, LONG_TARGET_OPTS }, { "object", required_argument, NULL, LONG_OBJECT },
        { "bitmaps", no_argument, NULL, LONG_BITMAPS }, { "skip-broken-bitmaps", no_argument, NULL, LONG_SKIP_BROKEN },
        { "force", no_argument, NULL, LONG_FORCE }, { "flush-interval", required_argument, NULL, LONG_FLUSH_INTERVAL },
        { "no-drain", no_argument, NULL, LONG_NO_DRAIN }, { "pattern", required_argument, NULL, LONG_PATTERN },
        { "add", no_argument, NULL, LONG_ACTION + BITMAP_ADD }, { "remove", no_argument, NULL, LONG_ACTION + BITMAP_REMOVE },
        { "clear", no_argument, NULL, LONG_ACTION + BITMAP_CLEAR }, { "enable", no_argument, NULL, LONG_ACTION + BITMAP_ENABLE },
        { "disable", no_argument, NULL, LONG_ACTION + BITMAP_DISABLE }, { "merge", required_argument, NULL, LONG_ACTION + BITMAP_MERGE },
        { NULL, 0, NULL, 0 },
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
    Args a = { .sparse = SPARSE_DEFAULT };
    optind = 2;
    for (int c; (c = getopt_long(argc, argv, cmd->letters, longs, NULL)) != -1;) {
        if (!set_option(&a, cmd->name, c, optarg))
            return strcmp(cmd->name, "compare") ? 1 : 2;
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
