/* SPDX-License-Identifier: MIT */
/* The -d log. One stream (or, with "tid", one per thread), line records kept whole by a lock. */
#include "util/log.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

uint32_t log_mask;

typedef struct LogItem {
    uint32_t mask;
    const char *name, *help;
} LogItem;

static const LogItem log_items[] = {
    { LOG_OUT_ASM, "out_asm", "show generated host assembly code for each compiled TB" },
    { LOG_IN_ASM, "in_asm", "show target assembly code for each compiled TB" },
    { LOG_OP, "op", "show micro ops for each compiled TB" },
    { LOG_OP_OPT, "op_opt", "show micro ops after optimization" },
    { LOG_INT, "int", "show interrupts/exceptions in short format" },
    { LOG_EXEC, "exec", "show trace before each executed TB (lots of logs)" },
    { LOG_CPU, "cpu", "show CPU registers before entering a TB (lots of logs)" },
    { LOG_FPU, "fpu", "include FPU registers in the 'cpu' logging" },
    { LOG_MMU, "mmu", "log MMU-related activities" },
    { LOG_PCALL, "pcall", "x86 only: show protected mode far calls/returns/exceptions" },
    { LOG_CPU_RESET, "cpu_reset", "show CPU state before CPU resets" },
    { LOG_UNIMP, "unimp", "log unimplemented functionality" },
    { LOG_GUEST_ERROR, "guest_errors", "log when the guest OS does something invalid" },
    { LOG_NOCHAIN, "nochain", "do not chain compiled TBs so that \"exec\" and \"cpu\" show complete traces" },
    { LOG_INVALID_MEM, "invalid_mem", "log invalid memory accesses" },
    { LOG_TID, "tid", "open a separate log file per thread; filename must contain '%d'" },
    { LOG_TRACE, "trace", "log device register accesses" },
};

typedef struct Range { uint64_t first, last; } Range;

static GRecMutex log_mutex;
static FILE *log_file;          /* NULL: stderr */
static char *log_path;
static GArray *log_ranges;
static __thread FILE *thread_file;

void log_help(FILE *out)
{
    fprintf(out, "Log items (comma separated):\n");
    for (unsigned i = 0; i < ARRAY_SIZE(log_items); i++)
        fprintf(out, "%-15s %s\n", log_items[i].name, log_items[i].help);
}

static const LogItem *find_item(const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(log_items); i++)
        if (!strcmp(log_items[i].name, name))
            return &log_items[i];
    return NULL;
}

bool log_set_mask_from_string(const char *text, Error **errp)
{
    uint32_t mask = 0;
    if (is_help_option(text)) {
        log_help(stdout);
        return false;
    }
    char **words = g_strsplit(text, ",", -1);
    bool ok = true;
    for (char **w = words; ok && *w; w++) {
        const LogItem *item = find_item(*w);
        if (item) {
            mask |= item->mask;
        } else if (!strcmp(*w, "all")) {
            mask |= ~(uint32_t)(LOG_NOCHAIN | LOG_TID);
        } else if (strcmp(*w, "none")) {
            const char *names[ARRAY_SIZE(log_items) + 1] = { NULL };
            for (unsigned i = 0; i < ARRAY_SIZE(log_items); i++)
                names[i] = log_items[i].name;
            const char *near = nearest_word(*w, names);
            error_setg(errp, "-d %s: unknown log item '%s'%s%s%s", text, *w,
                       near ? "; did you mean '" : " (-d help lists them)", near ? near : "",
                       near ? "'?" : "");
            ok = false;
        }
    }
    g_strfreev(words);
    if (ok)
        log_mask = mask;
    return ok;
}

bool log_set_file(const char *path, Error **errp)
{
    if (strchr(path, '%')) {
        const char *first = strstr(path, "%d");
        if (!first || strchr(path, '%') != first || strchr(first + 1, '%')) {
            error_setg(errp, "-D %s: the only '%%' allowed is one '%%d' (the process or thread number)", path);
            return false;
        }
    }
    g_free(log_path);
    log_path = g_strdup(path);
    if (log_mask & LOG_TID)
        return true;
    char **parts = g_strsplit(path, "%d", 2);
    char *name = parts[1] ? g_strdup_printf("%s%d%s", parts[0], (int)getpid(), parts[1]) : g_strdup(path);
    FILE *f = fopen(name, "w");
    if (!f)
        error_setg_errno(errp, errno, "-D %s: cannot open log file", name);
    else
        setvbuf(f, NULL, _IOFBF, 1 << 16);
    g_free(name);
    g_strfreev(parts);
    if (f) {
        if (log_file)
            fclose(log_file);
        log_file = f;
    }
    return f != NULL;
}

/* One filter range: START-END, START+LENGTH, START..END (END inclusive). */
static bool parse_range(const char *text, Range *out)
{
    char *end;
    errno = 0;
    out->first = g_ascii_strtoull(text, &end, 0);
    if (end == text || errno)
        return false;
    char kind = *end;
    if (kind == '.' && end[1] == '.')
        end++;
    else if (kind != '-' && kind != '+')
        return false;
    const char *second = end + 1;
    uint64_t v = g_ascii_strtoull(second, &end, 0);
    if (end == second || *end || errno)
        return false;
    if (kind == '+' && v == 0)
        return false;
    out->last = kind == '+' ? out->first + v - 1 : v;
    return out->last >= out->first;
}

bool log_set_filter(const char *ranges, Error **errp)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(Range));
    char **words = g_strsplit(ranges, ",", -1);
    for (char **w = words; *w; w++) {
        Range r;
        if (!parse_range(*w, &r)) {
            error_setg(errp, "-dfilter %s: bad range '%s' (START-END, START+LENGTH or START..END)", ranges, *w);
            g_strfreev(words);
            g_array_free(list, TRUE);
            return false;
        }
        g_array_append_val(list, r);
    }
    g_strfreev(words);
    if (log_ranges)
        g_array_free(log_ranges, TRUE);
    log_ranges = list;
    return true;
}

bool log_in_filter(uint64_t addr)
{
    if (!log_ranges)
        return true;
    for (unsigned i = 0; i < log_ranges->len; i++) {
        Range *r = &g_array_index(log_ranges, Range, i);
        if (addr >= r->first && addr <= r->last)
            return true;
    }
    return false;
}

/* The stream of this thread: its own file under "tid", otherwise the common one. */
static FILE *log_stream(void)
{
    if (!(log_mask & LOG_TID) || !log_path)
        return log_file ? log_file : stderr;
    if (!thread_file) {
        char **parts = g_strsplit(log_path, "%d", 2);
        char *name = g_strdup_printf("%s%d%s", parts[0], (int)gettid(), parts[1] ? parts[1] : "");
        thread_file = fopen(name, "w");
        g_free(name);
        g_strfreev(parts);
    }
    return thread_file ? thread_file : stderr;
}

FILE *log_lock(void)
{
    if (!log_mask)
        return NULL;
    g_rec_mutex_lock(&log_mutex);
    return log_stream();
}

void log_unlock(FILE *f)
{
    if (!f)
        return;
    fflush(f);
    g_rec_mutex_unlock(&log_mutex);
}

void log_write(const char *fmt, ...)
{
    FILE *f = log_lock();
    if (!f)
        return;
    va_list ap;
    va_start(ap, fmt);
    vfprintf(f, fmt, ap);
    va_end(ap);
    log_unlock(f);
}

/* Per call site: up to 10 lines a second, then one line that says how many were left out. */
typedef struct Site { time_t second; unsigned lines; } Site;

void log_guest_error(const char *file, int line, const char *fmt, ...)
{
    if (!log_enabled(LOG_GUEST_ERROR))
        return;
    static GHashTable *sites;
    char *key = g_strdup_printf("%s:%d", file, line);
    FILE *f = log_lock();
    if (!f) {
        g_free(key);
        return;
    }
    if (!sites)
        sites = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Site *s = g_hash_table_lookup(sites, key);
    if (!s) {
        s = g_new0(Site, 1);
        g_hash_table_insert(sites, g_strdup(key), s);
    }
    time_t now = time(NULL);
    if (s->second != now) {
        if (s->lines > 10)
            fprintf(f, "(%u more guest errors like the last from %s)\n", s->lines - 10, key);
        s->second = now;
        s->lines = 0;
    }
    if (s->lines++ < 10) {
        va_list ap;
        va_start(ap, fmt);
        vfprintf(f, fmt, ap);
        va_end(ap);
        size_t len = strlen(fmt);
        if (!len || fmt[len - 1] != '\n')
            fputc('\n', f);
    }
    log_unlock(f);
    g_free(key);
}
