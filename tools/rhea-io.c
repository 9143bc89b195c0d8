/* SPDX-License-Identifier: MIT */
/*
 * rhea-io: reads, writes and looks at disk images by commands, for tests. Options, commands and output are those of the tool that test scripts already
 * call for this.
 */
#include "rhea-io.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/options.h"

#include <errno.h>
#include <getopt.h>
#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 128

BlockNode *io_node;
bool io_quit;

/* ---- Commands ---- */

const IoCommand *io_find(const char *name)
{
    for (const IoCommand *c = io_commands; c->name; c++)
        if (!strcmp(c->name, name) || (c->alias && !strcmp(c->alias, name)))
            return c;
    return NULL;
}

void io_usage(const IoCommand *c)
{
    printf("%s%s%s -- %s\n", c->name, c->args ? " " : "", c->args ? c->args : "", c->oneline);
}

static int count_error(const IoCommand *c, int count)
{
    if (c->max_args < 0)
        fprintf(stderr, "bad argument count %d to %s, expected at least %d arguments\n", count, c->name, c->min_args);
    else if (c->min_args == c->max_args)
        fprintf(stderr, "bad argument count %d to %s, expected %d arguments\n", count, c->name, c->min_args);
    else
        fprintf(stderr, "bad argument count %d to %s, expected between %d and %d arguments\n", count, c->name, c->min_args, c->max_args);
    return -EINVAL;
}

static int run_command(char *line)
{
    char *argv[ARGS_MAX + 1], *save = NULL;
    int argc = 0;
    for (char *p = strtok_r(line, " \t\n", &save); p && argc < ARGS_MAX; p = strtok_r(NULL, " \t\n", &save))
        argv[argc++] = p;
    argv[argc] = NULL;
    if (!argc)
        return 0;
    const IoCommand *c = io_find(argv[0]);
    if (!c) {
        fprintf(stderr, "command \"%s\" not found\n", argv[0]);
        return -EINVAL;
    }
    if (!io_node && !c->without_file) {
        fprintf(stderr, "no file open, try 'help open'\n");
        return -EINVAL;
    }
    if (argc - 1 < c->min_args || (c->max_args >= 0 && argc - 1 > c->max_args))
        return count_error(c, argc - 1);
    optind = 0; /* the C library starts anew */
    fflush(stdout);
    int ret = c->run(argc, argv);
    fflush(stdout);
    return ret;
}

static void read_commands(void)
{
    char *line = NULL;
    size_t room = 0;
    while (!io_quit) {
        printf("rhea-io> ");
        fflush(stdout);
        if (getline(&line, &room, stdin) < 0)
            break;
        run_command(line);
    }
    free(line);
}

/* ---- Images ---- */

bool io_cache_mode(const char *mode, int *flags, bool *writethrough)
{
    static const struct {
        const char *name;
        int flags;
        bool writethrough;
    } modes[] = { { "none", BLOCK_NOCACHE, false }, { "off", BLOCK_NOCACHE, false }, { "writeback", 0, false }, { "unsafe", BLOCK_NO_FLUSH, false },
                  { "writethrough", 0, true }, { "directsync", BLOCK_NOCACHE, true } };
    for (unsigned i = 0; i < ARRAY_SIZE(modes); i++) {
        if (strcmp(mode, modes[i].name))
            continue;
        *flags = (*flags & ~(BLOCK_NOCACHE | BLOCK_NO_FLUSH)) | modes[i].flags;
        *writethrough = modes[i].writethrough;
        return true;
    }
    return false;
}

bool io_discard_mode(const char *mode, int *flags)
{
    bool on = !strcmp(mode, "unmap") || !strcmp(mode, "on");
    if (!on && strcmp(mode, "ignore") && strcmp(mode, "off"))
        return false;
    *flags = on ? *flags | BLOCK_UNMAP : *flags & ~BLOCK_UNMAP;
    return true;
}

/* ---- Start ---- */

static int help(void)
{
    printf("Usage: rhea-io [OPTIONS]... [-c STRING]... [file]\nDisk image exerciser\n\n"
           "      --image-opts     the file is given as options\n"
           "  -c, --cmd STRING     run this command; may be repeated\n"
           "  -f, --format FMT     format of the image\n"
           "  -r, --read-only      open it for reading only\n"
           "  -n, --nocache        without the host's cache: -t none\n"
           "  -C, --copy-on-read   accepted\n"
           "  -m, --misalign       accepted\n"
           "  -k, --native-aio     -i native\n"
           "  -i, --aio=MODE       threads, native or io_uring\n"
           "  -t, --cache=MODE     cache mode of the image\n"
           "  -d, --discard=MODE   whether discards reach the image\n"
           "  -U, --force-share    do not lock the image\n"
           "  -h, --help           this text\n"
           "  -V, --version        the version\n\n"
           "See 'rhea-io -c help' for the commands.\n");
    return 0;
}

typedef struct Start {
    const char *format, *aio;
    bool image_opts, writethrough;
    int flags;
} Start;

static bool open_named(const Start *s, const char *name)
{
    Error *err = NULL;
    OptGroup *o = opts_parse("--image-opts", s->image_opts ? name : "", s->image_opts ? "file" : NULL, &err);
    if (!o) {
        error_report_err(err);
        return false;
    }
    if (s->format)
        opts_set(o, "driver", s->format);
    if (s->aio && !s->image_opts) {
        opts_set(o, "file.driver", "file");
        opts_set(o, "file.filename", name);
    }
    if (s->aio)
        opts_set(o, "file.aio", s->aio);
    bool ok = io_open(s->image_opts || s->aio ? NULL : name, o, s->flags, s->writethrough);
    opts_free(o);
    return ok;
}

static bool set_option(Start *s, int c, char *value)
{
    switch (c) {
    case 'f': s->format = value; break;
    case 'r': s->flags &= ~BLOCK_RDWR; break;
    case 'n': s->flags |= BLOCK_NOCACHE; break;
    case 'C': case 'm': break; /* reads go through the same buffers in either case */
    case 'k': s->aio = "native"; break;
    case 'i': s->aio = value; break;
    case 'U': s->flags |= BLOCK_NO_LOCK; break;
    case 't':
        if (!io_cache_mode(value, &s->flags, &s->writethrough)) {
            error_report("Invalid cache option: %s", value);
            return false;
        }
        break;
    case 'd':
        if (!io_discard_mode(value, &s->flags)) {
            error_report("Invalid discard option: %s", value);
            return false;
        }
        break;
    default: error_report("Try 'rhea-io --help' for more information."); return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {
        { "help", no_argument, NULL, 'h' }, { "version", no_argument, NULL, 'V' }, { "cmd", required_argument, NULL, 'c' },
        { "format", required_argument, NULL, 'f' }, { "read-only", no_argument, NULL, 'r' }, { "nocache", no_argument, NULL, 'n' },
        { "copy-on-read", no_argument, NULL, 'C' }, { "misalign", no_argument, NULL, 'm' }, { "native-aio", no_argument, NULL, 'k' },
        { "aio", required_argument, NULL, 'i' }, { "cache", required_argument, NULL, 't' }, { "discard", required_argument, NULL, 'd' },
        { "force-share", no_argument, NULL, 'U' }, { "image-opts", no_argument, NULL, 'O' }, { NULL, 0, NULL, 0 },
    };
    Start s = { .flags = BLOCK_RDWR | BLOCK_UNMAP };
    GPtrArray *commands = g_ptr_array_new();
    error_set_progname("rhea-io");
    for (int c; (c = getopt_long(argc, argv, "hVc:f:rnCmki:t:d:U", longs, NULL)) != -1;) {
        if (c == 'h')
            return help();
        if (c == 'V') {
            printf("rhea-io version %s\n", CONFIG_VERSION);
            return 0;
        }
        if (c == 'c')
            g_ptr_array_add(commands, optarg);
        else if (c == 'O')
            s.image_opts = true;
        else if (!set_option(&s, c, optarg))
            return 1;
    }
    if (argc - optind > 1) {
        help();
        return 1;
    }
    machine_lock();
    bool opened = argc == optind || open_named(&s, argv[optind]);
    int status = !opened;
    for (guint i = 0; opened && !io_quit && i < commands->len; i++) { /* one that fails does not keep the others from running */
        char *line = g_strdup(g_ptr_array_index(commands, i));
        status |= run_command(line) < 0;
        g_free(line);
    }
    if (opened && !commands->len)
        read_commands();
    io_close();
    block_exit();
    machine_unlock();
    g_ptr_array_free(commands, TRUE);
    return status;
}
