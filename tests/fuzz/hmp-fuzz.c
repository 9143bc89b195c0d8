/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the human monitor. Each line of the input is run as a command; all of it also goes through the line
 * editor as keys, with completion.
 */
#include "fuzz.h"
#include "monitor-machine.h"
#include "monitor/internal.h"
#include "monitor/readline.h"

#include <stdlib.h>

static void on_print(void *opaque, const char *text, size_t len)
{
}

static void on_enter(void *opaque, const char *line)
{
}

static void edit(const uint8_t *data, size_t size)
{
    static const ReadLineOps ops = { on_print, on_enter, monitor_complete };
    ReadLine *rl = readline_new(&ops, NULL, "> ");
    for (size_t i = 0; i < size; i++)
        readline_key(rl, data[i]);
    readline_free(rl);
}

static void run(const char *text, size_t size)
{
    char *all = g_strndup(text, size), **lines = g_strsplit(all, "\n", 64);
    Monitor *mon = monitor_new(NULL, NULL);
    for (char **l = lines; *l; l++)
        if (!g_str_has_prefix(*l, "sum")) /* up to a GiB: slow, not wrong */
            monitor_run_line(mon, *l);
    g_free(monitor_take_output(mon));
    monitor_free(mon);
    g_strfreev(lines);
    g_free(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096 || touches_host((const char *)data, size))
        return 0;
    fuzz_machine();
    edit(data, size);
    run((const char *)data, size);
    monitor_set_cpu(NULL);
    fuzz_machine_clean();
    return 0;
}
