/* SPDX-License-Identifier: MIT */
/*
 * The pipeline of one TB after the front end: passes, then the back end. With the op, op_opt and
 * out_asm logs each stage shows itself; builds with CONFIG_DEBUG_TCG check the IR between passes.
 */
#include "exec/tb.h"
#include "tcg/backend.h"
#include "util/error.h"
#include "util/log.h"
#include <stdlib.h>

static void log_ir(const IRFunc *f, const char *title)
{
    FILE *out = log_lock();

    if (out) {
        fprintf(out, "%s:\n", title);
        ir_print(f, out);
        fputc('\n', out);
        log_unlock(out);
    }
}

static void log_host_code(const TCGBackend *backend, const TranslationBlock *tb)
{
    FILE *out = log_lock();

    if (out) {
        fprintf(out, "OUT: [size=%u]\n", tb->code_size);
        backend->disas(out, tb);
        fputc('\n', out);
        log_unlock(out);
    }
}

/* Stops at IR that breaks a rule: `after` is the stage that made it. */
static void check(const IRFunc *f, const char *after)
{
#ifdef CONFIG_DEBUG_TCG
    Error *err = NULL;

    if (!ir_verify(f, &err)) {
        ir_print(f, stderr);
        error_prepend(&err, "wrong IR after %s: ", after);
        error_report_err(err);
        abort();
    }
#else
    (void)f;
    (void)after;
#endif
}

size_t tcg_compile(IRFunc *ir, TranslationBlock *tb, uint8_t *buf, size_t room)
{
    const TCGBackend *backend = tcg_backend();
    bool log = log_enabled(LOG_OP | LOG_OP_OPT | LOG_OUT_ASM) && log_in_filter(tb->state.pc);
    size_t size;

    if (log && log_enabled(LOG_OP)) {
        log_ir(ir, "OP");
    }
    check(ir, "translation");
    tcg_outline(ir);
    check(ir, "outline");
    tcg_fold(ir);
    check(ir, "fold");
    tcg_merge_checks(ir);
    check(ir, "merge-checks");
    tcg_spin_wait(ir);
    check(ir, "spin-wait");
    tcg_liveness(ir);
    check(ir, "liveness");
    if (tb->flags & TB_REGION && tcg_sink(ir)) { /* worth it where the path is hot */
        check(ir, "sink");
        tcg_liveness(ir);
        check(ir, "liveness after sink");
    }
    if (log && log_enabled(LOG_OP_OPT)) {
        log_ir(ir, "OP after optimization");
    }
    if (ir->overflow) {
        return 0; /* the passes ran out of constants */
    }
    size = backend->emit(ir, tb, buf, tb->code, room);
    if (log && size && backend->disas && log_enabled(LOG_OUT_ASM)) {
        log_host_code(backend, tb);
    }
    return size;
}
