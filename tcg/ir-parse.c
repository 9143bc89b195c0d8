/* SPDX-License-Identifier: MIT */
/*
 * Reads IR back from the text that ir_print writes (ir-text.h), for tests of passes. Two directives
 * make a text stand alone; both come before the first operation:
 *
 *     globals NAME:TYPE[:PRIORITY] …      replaces the process-wide table of globals
 *     helper NAME FLAG[|FLAG…] RET ARG…   declares a helper; "-" for no flags, types as in helper.def
 *
 * Everything from ';' or '#' on is comment, life information included.
 */
#include "ir-text.h"
#include "tcg/vec.h"
#include "util/error.h"
#include <ctype.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>

typedef struct Parser {
    IRFunc *f;
    const char *p;      /* in the present line, which ends at a newline, NUL, or comment */
    unsigned line;
    unsigned max_temp;  /* temps tN have N below this */
    bool failed;        /* *errp has been set */
    Error **errp;
} Parser;

static HelperInfo helpers[64];
static unsigned nhelpers;

static bool fail(Parser *ps, const char *what)
{
    char near[24];

    if (ps->failed) {
        return false; /* the first reason is the best */
    }
    ps->failed = true;
    g_strlcpy(near, ps->p, sizeof(near));
    near[strcspn(near, "\n")] = '\0';
    error_setg(ps->errp, "line %u: %s at '%s'", ps->line, what, near);
    return false;
}

/* ---- Tokens ---- */

static void skip_blanks(Parser *ps)
{
    while (*ps->p == ' ' || *ps->p == '\t' || *ps->p == ',') {
        ps->p++;
    }
}

static bool at_end(Parser *ps)
{
    skip_blanks(ps);
    return *ps->p == '\0' || *ps->p == '\n' || *ps->p == ';' || *ps->p == '#';
}

/* Reads letters, digits and '_' into word; false when there is none. */
static bool get_word(Parser *ps, char *word, size_t size)
{
    size_t n = 0;

    skip_blanks(ps);
    while ((isalnum((unsigned char)*ps->p) || *ps->p == '_') && n + 1 < size) {
        word[n++] = *ps->p++;
    }
    word[n] = '\0';
    return n > 0;
}

static bool get_number(Parser *ps, uint64_t *value)
{
    char *end;

    skip_blanks(ps);
    *value = *ps->p == '-' ? (uint64_t)strtoll(ps->p, &end, 0) : strtoull(ps->p, &end, 0);
    if (end == ps->p) {
        return fail(ps, "number expected");
    }
    ps->p = end;
    return true;
}

static bool get_char(Parser *ps, char c)
{
    if (*ps->p != c) {
        return false;
    }
    ps->p++;
    return true;
}

static int find_name(const char *const *names, unsigned n, const char *word)
{
    for (unsigned i = 0; i < n; i++) {
        if (strcmp(names[i], word) == 0) {
            return i;
        }
    }
    return -1;
}

static bool get_type(Parser *ps, IRType *type)
{
    char word[8];
    int t;

    if (!get_word(ps, word, sizeof(word)) || (t = find_name(ir_type_name, IR_VOID, word)) < 0) {
        return fail(ps, "type expected");
    }
    *type = t;
    return true;
}

static bool get_cond(Parser *ps, IROp *op)
{
    char word[16];
    int c;

    if (!get_word(ps, word, sizeof(word)) || (c = find_name(ir_cond_name, IR_CONDS, word)) < 0) {
        return fail(ps, "condition expected");
    }
    op->aux = c;
    return true;
}

static bool get_label(Parser *ps, uint64_t *label)
{
    skip_blanks(ps);
    if (!get_char(ps, 'L') || !get_number(ps, label)) {
        return fail(ps, "label expected");
    }
    if (*label >= IR_MAX_LABELS) {
        return fail(ps, "label too large");
    }
    if (*label >= ps->f->nlabels) {
        ps->f->nlabels = *label + 1;
    }
    return true;
}

/* ---- Directives ---- */

static bool parse_globals(Parser *ps)
{
    unsigned offset = 0;

    ir_globals_reset();
    while (!at_end(ps)) {
        char name[32];
        IRType type;
        uint64_t priority = 1;
        if (!get_word(ps, name, sizeof(name)) || !get_char(ps, ':') || !get_type(ps, &type)) {
            return fail(ps, "NAME:TYPE expected");
        }
        if (get_char(ps, ':') && !get_number(ps, &priority)) {
            return false;
        }
        ir_global(type, offset, g_intern_string(name), priority);
        offset += 32;
    }
    return true;
}

static bool get_helper_flags(Parser *ps, HelperInfo *h)
{
    static const char *const names[] = { "no_globals", "no_write", "no_fault", "pure", "no_return" };

    skip_blanks(ps);
    if (get_char(ps, '-')) {
        return true;
    }
    do {
        char word[16];
        int bit;
        if (!get_word(ps, word, sizeof(word)) || (bit = find_name(names, ARRAY_SIZE(names), word)) < 0) {
            return fail(ps, "helper flag expected");
        }
        h->flags |= 1u << bit;
    } while (get_char(ps, '|'));
    return true;
}

static bool get_helper_type(Parser *ps, uint8_t *type)
{
    static const char *const names[] = { "void", "env", "i32", "i64", "ptr" }; /* as enum HelperArg */
    char word[8];
    int t;

    if (!get_word(ps, word, sizeof(word)) || (t = find_name(names, ARRAY_SIZE(names), word)) < 0) {
        return fail(ps, "helper type expected");
    }
    *type = t;
    return true;
}

static const HelperInfo *find_helper(const char *name)
{
    for (unsigned i = nhelpers; i-- > 0;) {
        if (strcmp(helpers[i].name, name) == 0) {
            return &helpers[i];
        }
    }
    return NULL;
}

static bool parse_helper(Parser *ps)
{
    char name[32];
    HelperInfo h = { 0 };
    const HelperInfo *known;

    if (!get_word(ps, name, sizeof(name)) || !get_helper_flags(ps, &h) || !get_helper_type(ps, &h.ret)) {
        return fail(ps, "helper NAME FLAGS RET ARG… expected");
    }
    for (unsigned n = 0; !at_end(ps) && n < HELPER_MAX_ARGS; n++) {
        if (!get_helper_type(ps, &h.args[n])) {
            return false;
        }
    }
    h.name = g_intern_string(name);
    known = find_helper(name);
    if (known) {
        helpers[known - helpers] = h;
    } else if (nhelpers < ARRAY_SIZE(helpers)) {
        helpers[nhelpers++] = h;
    } else {
        return fail(ps, "too many helpers");
    }
    return true;
}

/* ---- Operands ---- */

static IRVal find_global(const IRFunc *f, const char *name)
{
    for (IRVal g = 0; g < f->nglobals; g++) {
        if (strcmp(f->vals[g].name, name) == 0) {
            return g;
        }
    }
    return IR_NONE;
}

/* If word is tN, its number in *n. */
static bool temp_number(const char *word, unsigned *n)
{
    char *end;

    if (word[0] != 't' || !isdigit((unsigned char)word[1])) {
        return false;
    }
    *n = strtoul(word + 1, &end, 10);
    return *end == '\0';
}

static bool get_const(Parser *ps, IRType type, IRVal *out)
{
    uint64_t value;

    if (!get_number(ps, &value)) {
        return false;
    }
    if (type == IR_VOID) {
        type = IR_I64;
    }
    if (get_char(ps, ':') && !get_type(ps, &type)) {
        return false;
    }
    *out = ir_const(ps->f, type, value);
    return true;
}

static bool get_val(Parser *ps, IRType type, IRVal *out)
{
    char word[32];
    unsigned n;

    skip_blanks(ps);
    if (get_char(ps, '$')) {
        return get_const(ps, type, out);
    }
    if (get_char(ps, '-')) {
        *out = IR_NONE;
        return true;
    }
    if (!get_word(ps, word, sizeof(word))) {
        return fail(ps, "operand expected");
    }
    *out = find_global(ps->f, word);
    if (*out == IR_NONE && temp_number(word, &n)) {
        *out = ps->f->nglobals + n;
        if (get_char(ps, ':')) {
            IRType t;
            if (!get_type(ps, &t)) {
                return false;
            }
            ps->f->vals[*out].type = t;
        }
    }
    return *out != IR_NONE || fail(ps, "no such value");
}

static bool get_modifier(Parser *ps, IROp *op)
{
    char word[48];
    IRType type;

    switch (ir_text_shape[op->opc].modifier) {
    case MOD_COND:
        return get_cond(ps, op);
    case MOD_COND_TYPE:
        if (!get_cond(ps, op) || !get_char(ps, '.') || !get_type(ps, &type)) {
            return fail(ps, "CONDITION.TYPE expected");
        }
        op->aux |= type == IR_I64 ? 0x100 : 0;
        return true;
    case MOD_INT_TYPE:
        if (!get_type(ps, &type)) {
            return false;
        }
        op->aux = type;
        return true;
    case MOD_VEC_ROW:
        get_word(ps, word, sizeof(word));
        for (unsigned row = 0; row < VEC_ROWS; row++) {
            if (strcmp(vec_info[row].name, word) == 0) {
                op->imm = row;
                return true;
            }
        }
        return fail(ps, "row of vec.def expected");
    case MOD_VEC_CALL:
        return fail(ps, "vcall names a function of a front end: it has no text form");
    case MOD_HELPER:
        get_word(ps, word, sizeof(word));
        if (!find_helper(word) || ps->f->ncalls == ARRAY_SIZE(ps->f->calls)) {
            return fail(ps, "no such helper");
        }
        op->imm = ps->f->ncalls;
        ps->f->calls[ps->f->ncalls++] = find_helper(word);
        return true;
    default:
        return true;
    }
}

static bool get_memop(Parser *ps, uint64_t *imm)
{
    static const char *const sizes[] = { "8", "16", "32", "64", "128", "256" };
    unsigned op = 0;
    char word[16], *size = word + 3;
    uint64_t mode;
    int bits;

    if (!get_word(ps, word, sizeof(word)) || strlen(word) < 4) {
        return fail(ps, "memory operation expected");
    }
    op |= word[0] == 's' ? MO_SIGN : 0;
    op |= word[1] == 'b' ? MO_BE : 0;
    if (size[strlen(size) - 1] == 'a') {
        op |= MO_ALIGN;
        size[strlen(size) - 1] = '\0';
    }
    if (size[strlen(size) - 1] == 'w') {
        op |= MO_RMW;
        size[strlen(size) - 1] = '\0';
    }
    bits = find_name(sizes, ARRAY_SIZE(sizes), size);
    if (bits < 0 || !get_char(ps, '.') || !get_char(ps, 'm') || !get_number(ps, &mode)) {
        return fail(ps, "memory operation expected");
    }
    *imm = MEMOPIDX(op | bits, mode);
    return true;
}

/* MEMOP, r|w 32|64, displacement, length or host displacement. */
static bool get_check(Parser *ps, IROp *op)
{
    char word[8];
    uint64_t disp, n;

    if (!get_memop(ps, &op->imm) || !get_word(ps, word, sizeof(word)) || !strchr("rw", word[0]) ||
        !get_number(ps, &disp) || !get_number(ps, &n)) {
        return fail(ps, "check expected");
    }
    op->imm = check_imm(op->imm, (word[0] == 'w' ? CHK_WRITE : 0) | (strcmp(word + 1, "32") == 0 ? CHK_NARROW : 0), disp);
    op->aux = n;
    return true;
}

static bool get_imm(Parser *ps, IROp *op)
{
    uint64_t n;

    switch (ir_text_shape[op->opc].imm) {
    case IMM_NONE:
        return true;
    case IMM_NUMBER: case IMM_POS: case IMM_HEX:
        return get_number(ps, &op->imm);
    case IMM_LABEL:
        return get_label(ps, &op->imm);
    case IMM_POS_LEN:
        if (!get_number(ps, &op->imm) || !get_number(ps, &n)) {
            return false;
        }
        op->aux = n;
        return true;
    case IMM_ENV:
        skip_blanks(ps);
        if (strncmp(ps->p, "env+", 4) != 0) {
            return fail(ps, "env+OFFSET expected");
        }
        ps->p += 4;
        return get_number(ps, &op->imm);
    case IMM_MEMOP:
        return get_memop(ps, &op->imm);
    case IMM_CHECK:
        return get_check(ps, op);
    case IMM_BYTE:
        if (!at_end(ps)) {
            if (!get_number(ps, &n)) {
                return false;
            }
            op->imm |= n << 16;
        }
        return true;
    case IMM_GOTO:
        if (!get_number(ps, &n) || !get_number(ps, &op->imm)) {
            return false;
        }
        op->aux = n;
        return true;
    }
    return true;
}

/* ---- Lines ---- */

/* True when another input follows: the number of inputs of CALL and VOP is not fixed. */
static bool more_inputs(Parser *ps, const IROp *op)
{
    if (op->opc != IR_CALL && op->opc != IR_VOP) {
        return true;
    }
    return !at_end(ps) && !isdigit((unsigned char)*ps->p);
}

static bool parse_operands(Parser *ps, IROp *op)
{
    const IROpInfo *info = &ir_op_info[op->opc];

    if (!get_modifier(ps, op)) {
        return false;
    }
    for (unsigned n = 0; n < info->outs; n++) {
        if (!get_val(ps, IR_VOID, &op->out[n])) {
            return false;
        }
    }
    for (unsigned n = 0; n < info->ins && more_inputs(ps, op); n++) {
        if (!get_val(ps, ir_in_type(ps->f, op, n), &op->in[n])) {
            return false;
        }
    }
    if ((op->opc == IR_SETCOND || op->opc == IR_NEGSETCOND) && ir_type(ps->f, op->out[0]) == IR_I64) {
        op->aux |= 0x100;
    }
    return get_imm(ps, op);
}

static bool parse_insn(Parser *ps)
{
    uint64_t pc, extra;

    if (!get_number(ps, &pc) || !get_number(ps, &extra)) {
        return false;
    }
    ir_insn_start(ps->f, pc, extra);
    return true;
}

static bool find_opcode(const char *name, IROpcode *opc)
{
    for (unsigned i = 0; i < IR_OPCODES; i++) {
        if (strcmp(ir_op_info[i].name, name) == 0) {
            *opc = i;
            return true;
        }
    }
    return false;
}

static bool parse_line(Parser *ps)
{
    char word[32];
    IRType type = IR_VOID;
    IROpcode opc;
    uint64_t label;

    if (*ps->p == 'L') {
        if (!get_label(ps, &label) || !get_char(ps, ':')) {
            return fail(ps, "label expected");
        }
        ir_label(ps->f, label);
        return true;
    }
    get_word(ps, word, sizeof(word));
    if (strcmp(word, "globals") == 0 || strcmp(word, "helper") == 0) {
        return true; /* done in the first pass */
    }
    if (!find_opcode(word, &opc)) {
        return fail(ps, "no such operation");
    }
    if (opc == IR_INSN_START) {
        return parse_insn(ps);
    }
    if (get_char(ps, '.') && !get_type(ps, &type)) {
        return false;
    }
    if (!parse_operands(ps, ir_emit(ps->f, opc, type))) {
        return false;
    }
    return at_end(ps) || fail(ps, "end of line expected");
}

/* First pass over a line: directives, and the highest temp. */
static bool scan_line(Parser *ps)
{
    const char *start = ps->p;
    char word[32];
    unsigned n;

    if (get_word(ps, word, sizeof(word))) {
        if (strcmp(word, "globals") == 0) {
            return parse_globals(ps);
        }
        if (strcmp(word, "helper") == 0) {
            return parse_helper(ps);
        }
    }
    ps->p = start;
    while (!at_end(ps)) {
        if (!get_word(ps, word, sizeof(word))) {
            ps->p++;
        } else if (temp_number(word, &n) && n >= ps->max_temp) {
            ps->max_temp = n + 1;
        }
    }
    return true;
}

static bool each_line(Parser *ps, const char *text, bool (*line)(Parser *ps))
{
    ps->line = 0;
    while (*text) {
        ps->p = text;
        ps->line++;
        if (!at_end(ps) && !line(ps)) {
            return false;
        }
        text += strcspn(text, "\n");
        text += *text == '\n';
    }
    return true;
}

bool ir_parse(IRFunc *f, const char *text, Error **errp)
{
    Parser ps = { .f = f, .errp = errp, .p = text };

    if (!each_line(&ps, text, scan_line)) {
        return false;
    }
    ir_func_begin(f, NULL);
    if (ps.max_temp > IR_MAX_VALS / 2) {
        return fail(&ps, "temp number too large");
    }
    for (unsigned n = 0; n < ps.max_temp; n++) {
        ir_temp(f, IR_VOID);
    }
    return each_line(&ps, text, parse_line);
}
