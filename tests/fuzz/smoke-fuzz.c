/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: what a smoke test reads: its options, a guest's console, a symbol file. The first byte says which. The
 * text of a console must be free of control characters and its reports must be what they claim.
 */
#include "fuzz.h"
#include "smoke-internal.h"
#include "symbols.h"
#include "util/error.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void fuzz_options(const char *text)
{
    Error *err = NULL;
    SmokePlan *p = smoke_plan_new();
    if (text[0] != '@' && !smoke_parse(p, text, &err) && !err)
        abort();
    for (guint i = 0; i < p->steps->len; i++)
        g_free(smoke_step_title(g_ptr_array_index(p->steps, i)));
    error_free(err);
    smoke_plan_free(p);
}

static void fuzz_console(const uint8_t *data, size_t size)
{
    SmokeText t;
    smoke_text_init(&t);
    while (size) {
        bool line;
        const char *what;
        size_t n = smoke_text_append(&t, data, size, &line);
        data += n;
        size -= n;
        smoke_watch_line(t.text->str + t.line_start, &what);
        smoke_watch_last_line(t.text->str + t.line_start);
        if (line)
            smoke_text_next_line(&t);
    }
    for (size_t i = 0; i < t.text->len; i++)
        if ((uint8_t)t.text->str[i] < 0x20 && t.text->str[i] != '\n' && t.text->str[i] != '\t')
            abort();
    json_t *run = json_pack("{s:s,s:s,s:s,s:[{s:s,s:s}]}", "test", "t", "result", "failed", "reason", "r", "steps", "name", "n",
                            "state", "failed");
    char *valid = g_utf8_make_valid(t.text->str, (gssize)t.text->len);
    json_object_set_new(run, "console", json_string(valid));
    g_free(smoke_report_junit(run));
    g_free(smoke_report_tap(run));
    g_free(valid);
    json_decref(run);
    smoke_text_free(&t);
}

static void fuzz_symbols(const uint8_t *data, size_t size)
{
    char path[64];
    uint64_t distance, addr;
    int fd = memfd_create("symbols", MFD_CLOEXEC);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    symbols_load(path, NULL);
    for (unsigned i = 0; i < 64; i++)
        symbols_find(0x81000000ull << (i & 31), i & 1, &distance);
    symbols_address("start", &addr);
    symbols_exit();
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > 65536)
        return 0;
    char *text = g_strndup((const char *)data + 1, size - 1);
    switch (data[0] % 3) {
    case 0: fuzz_options(text); break;
    case 1: fuzz_console(data + 1, size - 1); break;
    default: fuzz_symbols(data + 1, size - 1); break;
    }
    g_free(text);
    return 0;
}
