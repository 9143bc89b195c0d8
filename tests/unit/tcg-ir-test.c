/* SPDX-License-Identifier: MIT */
/*
 * Proves what each IR pass does to small pieces of IR, and that the parser reads what the printer writes.
 * The cases are the files tests/tcg-ir/NAME.ir, expected output written by hand from opc.def:
 *
 *     globals and helper directives for all cases of the file
 *     == what is proved: PASS [PASS…]
 *     input
 *     =>
 *     output, compared line by line ('#' comments and blank lines do not count)
 */
#include "exec/tb.h"
#include "tcg/ir.h"
#include "util/error.h"
#include <glib.h>
#include <string.h>

static IRFunc *func;

/* ---- A target whose instructions can be begun again where their data says so ---- */

static bool guard_possible(const TranslationBlock *tb, const InsnData *data)
{
    return tb->state.flags == 0 && data->extra != 99;
}

static uint64_t guard_exit(IRFunc *ir, const InsnData *data)
{
    ir_movi(ir, 0, data->extra);
    return data->pc;
}

static const TargetOps target = { .guard_possible = guard_possible, .guard_exit = guard_exit };
static TranslationBlock tb;

static char *print(const IRFunc *f)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    ir_print(f, out);
    fclose(out);
    return text;
}

/* Without '#' comments, indentation and blank lines. */
static char *normalise(const char *text)
{
    char **lines = g_strsplit(text, "\n", -1);
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; lines[i]; i++) {
        lines[i][strcspn(lines[i], "#")] = '\0';
        g_strstrip(lines[i]);
        if (lines[i][0]) {
            g_string_append_printf(out, "%s\n", lines[i]);
        }
    }
    g_strfreev(lines);
    return g_string_free(out, FALSE);
}

static void parse_and_verify(const char *text)
{
    Error *err = NULL;

    if (!ir_parse(func, text, &err) || !ir_verify(func, &err)) {
        g_error("%s\n%s", error_get_pretty(err), text);
    }
}

static void check_round_trip(const char *prelude)
{
    char *once = print(func), *twice;
    char *text = g_strconcat(prelude, "\n", once, NULL);

    parse_and_verify(text);
    twice = print(func);
    g_assert_cmpstr(once, ==, twice);
    g_free(text);
    free(once);
    free(twice);
}

static void run_pass(const char *name)
{
    Error *err = NULL;

    if (strcmp(name, "outline") == 0) {
        tcg_outline(func);
    } else if (strcmp(name, "fold") == 0) {
        tcg_fold(func);
    } else if (strcmp(name, "merge") == 0) {
        tcg_merge_checks(func);
    } else if (strcmp(name, "guards") == 0 || strcmp(name, "guards-early") == 0) {
        current_target = &target;
        func->early_paths = strcmp(name, "guards") != 0;
        func->guards = true;
        func->tb = &tb;
        tcg_merge_checks(func);
        func->tb = NULL;
        func->guards = false;
    } else if (strcmp(name, "spin-wait") == 0) {
        tcg_spin_wait(func);
    } else if (strcmp(name, "liveness") == 0) {
        tcg_liveness(func);
    } else if (strcmp(name, "sink") == 0) {
        tcg_liveness(func);
        if (tcg_sink(func)) {
            tcg_liveness(func);
        }
    } else {
        g_error("no pass '%s'", name);
    }
    if (!ir_verify(func, &err)) {
        ir_print(func, stderr);
        g_error("after %s: %s", name, error_get_pretty(err));
    }
}

static void run_case(const char *file, const char *prelude, char *text)
{
    char *title = text, *body = strchr(text, '\n'), *arrow, *passes, *input, *want, *printed, *got;
    char **names;

    g_assert_nonnull(body);
    *body++ = '\0';
    passes = strrchr(title, ':');
    arrow = strstr(body, "=>\n");
    if (!passes || !arrow) {
        g_error("%s: '%s': no pass or no '=>'", file, title);
    }
    *passes++ = '\0';
    *arrow = '\0';
    input = g_strconcat(prelude, "\n", body, NULL);
    parse_and_verify(input);
    check_round_trip(prelude);
    parse_and_verify(input);
    names = g_strsplit(g_strstrip(passes), " ", -1);
    for (unsigned i = 0; names[i]; i++) {
        run_pass(names[i]);
    }
    want = normalise(arrow + 3);
    printed = print(func);
    got = normalise(printed);
    if (strcmp(want, got) != 0) {
        g_printerr("%s: '%s'\nexpected\n%sgot\n%s", file, title, want, got);
        g_test_fail();
    }
    free(printed);
    g_free(got);
    g_free(want);
    g_free(input);
    g_strfreev(names);
}

static void test_file(const void *path)
{
    char *text, **cases;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    cases = g_strsplit(text, "\n== ", -1);
    g_assert_nonnull(cases[0]);
    g_assert_nonnull(cases[1]);
    for (unsigned i = 1; cases[i]; i++) {
        run_case(path, cases[0], cases[i]);
    }
    g_strfreev(cases);
    g_free(text);
}

int main(int argc, char **argv)
{
    const char *src = g_getenv("SRC"), *name;
    char *dir = g_build_filename(src ? src : ".", "tests/tcg-ir", NULL);
    GDir *files = g_dir_open(dir, 0, NULL);
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    int status;

    g_test_init(&argc, &argv, NULL);
    if (!files) {
        g_error("no directory '%s': set SRC to the source tree", dir);
    }
    func = ir_func_new();
    while ((name = g_dir_read_name(files))) {
        if (g_str_has_suffix(name, ".ir")) {
            char *path = g_build_filename(dir, name, NULL), *test = g_strdup_printf("/tcg-ir/%s", name);
            g_ptr_array_add(paths, path);
            g_test_add_data_func(test, path, test_file);
            g_free(test);
        }
    }
    status = g_test_run();
    g_dir_close(files);
    g_ptr_array_unref(paths);
    g_free(dir);
    ir_func_free(func);
    return status;
}
