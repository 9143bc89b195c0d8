/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: everything that reads text of the command line without touching the host: the option grammar and
 * its typed getters, values, log items and filters, CPU models, and argv itself (one word per line). What parses
 * must also keep its promises: a filter range holds its ends, a number printed back reads as itself.
 */
#include "fuzz.h"
#include "target-i386/cpu.h"
#include "util/error.h"
#include "util/log.h"
#include "util/options.h"
#include "vl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "wrong: %s\n", what);
        abort();
    }
}

/* A parser that fails says why, and says nothing when it succeeds. */
static bool judged(bool ok, Error **err)
{
    must(ok == !*err, "error and result disagree");
    error_free(*err);
    *err = NULL;
    return ok;
}

static void fuzz_values(const char *text)
{
    Error *err = NULL;
    uint64_t v, again;
    bool b;
    char printed[32];
    judged(parse_bool("p", text, &b, &err), &err);
    if (judged(parse_u64("p", text, &v, &err), &err)) {
        snprintf(printed, sizeof(printed), "%" PRIu64, v);
        must(parse_u64("p", printed, &again, NULL) && again == v, "parse_u64 of what it returned");
    }
    for (uint64_t unit = 1; unit <= MiB; unit *= KiB) {
        if (judged(parse_size("p", text, unit, &v, &err), &err)) {
            snprintf(printed, sizeof(printed), "%" PRIu64 "b", v);
            must(parse_size("p", printed, unit, &again, NULL) && again == v, "parse_size of what it returned");
        }
    }
}

static void fuzz_group(const char *text)
{
    static const char *const valid[] = { "size", "on", "driver", NULL };
    Error *err = NULL;
    OptGroup *o = opts_parse("-option", text, "driver", &err);
    if (!judged(o != NULL, &err))
        return;
    for (unsigned i = 0; i < o->count; i++) {
        uint64_t v;
        bool b;
        const char *key = o->opts[i].key;
        must(opts_get(o, key) != NULL, "a parsed key has a value");
        opts_get_bool(o, key, &b, NULL);
        opts_get_u64(o, key, &v, NULL);
        opts_get_size(o, key, &v, NULL);
    }
    must(opts_check_unused(o, valid, NULL), "every option was read");
    opts_free(o);
    o = opts_parse("-option", text, NULL, NULL);
    judged(opts_check_unused(o, valid, &err), &err);
    opts_free(o);
}

static void fuzz_log(const char *text)
{
    Error *err = NULL;
    if (!is_help_option(text))
        judged(log_set_mask_from_string(text, &err), &err);
    log_mask = 0;
    if (judged(log_set_filter(text, &err), &err) && *text) {
        must(log_in_filter(strtoull(text, NULL, 0)), "a range holds its start");
        log_set_filter("0-0", NULL);
    }
}

static void fuzz_cpu(const char *text)
{
    Error *err = NULL;
    CPUState *cpu = x86_cpu_create(text, strlen(text) & 1 ? &x86_64_target_ops : &i386_target_ops, &err);
    judged(cpu != NULL, &err);
    free(cpu);
}

static void fuzz_argv(char *text)
{
    char *argv[64] = { "rhea" };
    int argc = 1;
    for (char *p = text; p && argc < 63; argc++)
        argv[argc] = strsep(&p, "\n");
    Config cfg;
    bool done;
    Error *err = NULL;
    judged(cmdline_parse(argc, argv, &cfg, &done, &err), &err);
    config_free(&cfg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool quiet;
    if (!quiet) { /* -help answers on stdout */
        quiet = freopen("/dev/null", "w", stdout) != NULL;
        error_set_progname("rhea-system-x86_64");
    }
    char *text = g_strndup((const char *)data, size);
    fuzz_values(text);
    fuzz_group(text);
    fuzz_log(text);
    fuzz_cpu(text);
    fuzz_argv(text);
    g_free(text);
    return 0;
}
