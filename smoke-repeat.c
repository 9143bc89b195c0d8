/* SPDX-License-Identifier: MIT */
/*
 * -smoke-repeat N[,jobs=J][,seed=S][,until-failure=on]: the same smoke test as N processes, each with a seed of its own,
 * so that a test that fails now and then is caught and can be repeated with -smoke-seed. One report for all.
 */
#include "smoke.h"
#include "smoke-internal.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUNS_MAX 100000
#define JOBS_MAX 256

typedef struct Series {
    uint64_t count, jobs, seed;
    bool until_failure;
    char *folder;          /* for the reports of the runs */
    char **argv;           /* without the options that belong to the series */
    pid_t *pids;           /* per run, 0 = not running */
    json_t **results;
} Series;

static bool parse(Series *s, const char *text, Error **errp)
{
    static const char *const keys[] = { "count", "jobs", "seed", "until-failure", NULL };
    OptGroup *o = opts_parse("-smoke-repeat", text, "count", errp);
    *s = (Series){ .count = 0, .jobs = 1, .seed = 1 };
    bool ok = o && opts_get_u64(o, "count", &s->count, errp) && opts_get_u64(o, "jobs", &s->jobs, errp) &&
              opts_get_u64(o, "seed", &s->seed, errp) && opts_get_bool(o, "until-failure", &s->until_failure, errp) &&
              opts_check_unused(o, keys, errp);
    opts_free(o);
    if (ok && (!s->count || s->count > RUNS_MAX || !s->jobs || s->jobs > JOBS_MAX)) {
        error_setg(errp, "-smoke-repeat %s: 1 to %d runs, 1 to %d jobs", text, RUNS_MAX, JOBS_MAX);
        return false;
    }
    return ok;
}

static bool is_option(const char *word, const char *name)
{
    return !strcmp(word + strspn(word, "-"), name) && word[0] == '-';
}

/* The command of one run, up to the two options that differ. */
static char **run_command(int argc, char **argv)
{
    GPtrArray *words = g_ptr_array_new();
    for (int i = 0; i < argc; i++) {
        if (i && i + 1 < argc && (is_option(argv[i], "smoke-repeat") || is_option(argv[i], "smoke-report") ||
                                  is_option(argv[i], "smoke-seed")))
            i++;
        else
            g_ptr_array_add(words, g_strdup(argv[i]));
    }
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static char *result_path(const Series *s, uint64_t run)
{
    return g_strdup_printf("%s/%llu.json", s->folder, (unsigned long long)run);
}

/* Guests write to nowhere: their consoles are in the reports. */
static void start(Series *s, uint64_t run)
{
    char *path = result_path(s, run), *report = g_strdup_printf("json=%s", path);
    char *seed = g_strdup_printf("%llu", (unsigned long long)(s->seed + run));
    pid_t pid = fork();
    if (pid == 0) {
        GPtrArray *words = g_ptr_array_new();
        for (char **w = s->argv; *w; w++)
            g_ptr_array_add(words, *w);
        const char *more[] = { "-smoke-report", report, "-smoke-seed", seed, "-smoke", "quiet=on", NULL };
        for (unsigned i = 0; i < ARRAY_SIZE(more); i++)
            g_ptr_array_add(words, (char *)more[i]);
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        execv("/proc/self/exe", (char **)words->pdata);
        _exit(127);
    }
    s->pids[run] = pid > 0 ? pid : 0;
    g_free(seed);
    g_free(report);
    g_free(path);
}

static void take_result(Series *s, uint64_t run, int status)
{
    char *path = result_path(s, run);
    json_t *r = json_load_file(path, 0, NULL);
    unlink(path);
    g_free(path);
    if (!r) { /* it did not even start, or was killed */
        char *why = g_strdup_printf("the run ended with status 0x%x and no report", status);
        r = json_pack("{s:s,s:s,s:s,s:i,s:[],s:s}", "test", "smoke", "result", "interrupted", "reason", why, "exit-status",
                      (int)SMOKE_INTERRUPTED, "steps", "console", "");
        g_free(why);
    }
    s->results[run] = r;
    fprintf(stderr, "smoke: run %llu of %llu, seed %llu: %s (%.2f s)%s%s\n", (unsigned long long)run + 1,
            (unsigned long long)s->count, (unsigned long long)(s->seed + run), json_string_value(json_object_get(r, "result")),
            json_number_value(json_object_get(r, "wall-seconds")),
            json_integer_value(json_object_get(r, "exit-status")) ? ": " : "",
            json_integer_value(json_object_get(r, "exit-status")) ? json_string_value(json_object_get(r, "reason")) : "");
}

static bool passed(const json_t *r)
{
    return json_integer_value(json_object_get(r, "exit-status")) == SMOKE_PASSED;
}

/* Waits for one run to end. False when none is running. */
static bool reap(Series *s, bool *failed)
{
    int status;
    pid_t pid = wait(&status);
    if (pid < 0)
        return errno == EINTR;
    for (uint64_t i = 0; i < s->count; i++)
        if (s->pids[i] == pid) {
            s->pids[i] = 0;
            take_result(s, i, status);
            *failed |= !passed(s->results[i]);
        }
    return true;
}

static void run_all(Series *s)
{
    uint64_t next = 0, running = 0;
    bool failed = false;
    while (next < s->count || running) {
        bool more = next < s->count && !(failed && s->until_failure);
        if (more && running < s->jobs) {
            start(s, next++);
            running++;
        } else if (running && reap(s, &failed)) {
            running--;
        } else {
            return;
        }
    }
}

/* {"runs": …} and the worst status. */
static json_t *collect(const Series *s, int *code)
{
    json_t *runs = json_array();
    unsigned good = 0, bad = 0;
    *code = 0;
    for (uint64_t i = 0; i < s->count; i++) {
        if (!s->results[i])
            continue;
        int status = (int)json_integer_value(json_object_get(s->results[i], "exit-status"));
        *code = MAX(*code, status);
        good += !status;
        bad += status != 0;
        json_array_append_new(runs, s->results[i]);
    }
    fprintf(stderr, "smoke: %u of %u runs passed\n", good, good + bad);
    return json_pack("{s:i,s:i,s:s,s:o}", "passed", good, "failed", bad, "result", *code ? "failed" : "passed", "runs", runs);
}

int smoke_repeat(const char *text, OptGroup *report, int argc, char **argv, Error **errp)
{
    Series s;
    int code = SMOKE_USAGE;
    char template[] = "/tmp/rhea-smoke-XXXXXX";
    if (!parse(&s, text, errp))
        return SMOKE_USAGE;
    s.folder = mkdtemp(template);
    if (!s.folder) {
        error_setg_errno(errp, errno, "-smoke-repeat: cannot make a folder in /tmp");
        return SMOKE_USAGE;
    }
    s.argv = run_command(argc, argv);
    s.pids = g_new0(pid_t, s.count);
    s.results = g_new0(json_t *, s.count);
    run_all(&s);
    json_t *all = collect(&s, &code);
    if (report && !smoke_report_write(report, all, errp))
        code = SMOKE_USAGE;
    rmdir(s.folder);
    json_decref(all);
    g_strfreev(s.argv);
    g_free(s.pids);
    g_free(s.results);
    return code;
}
