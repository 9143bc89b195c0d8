/* SPDX-License-Identifier: MIT */
/* Expressions of the monitor: C numbers and operators, and $names of guest registers. */
#include "internal.h"
#include "target.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

typedef struct Expr {
    Monitor *mon;
    const char *p;
    bool bad;
    unsigned depth;
} Expr;

static uint64_t parse_sum(Expr *e);

static void fail(Expr *e, const char *message)
{
    if (!e->bad)
        monitor_printf(e->mon, "%s\n", message);
    e->bad = true;
}

static void fail_at(Expr *e)
{
    char text[40];
    g_snprintf(text, sizeof(text), "invalid char '%c' in expression", *e->p);
    fail(e, *e->p ? text : "unexpected end of expression");
}

static void skip_blank(Expr *e)
{
    while (isspace((unsigned char)*e->p))
        e->p++;
}

static uint64_t parse_register(Expr *e)
{
    char name[32];
    unsigned n = 0;
    while ((isalnum((unsigned char)*e->p) || *e->p == '_') && n < sizeof(name) - 1)
        name[n++] = *e->p++;
    name[n] = 0;
    CPUState *cpu = monitor_cpu();
    if (!cpu) {
        fail(e, "no CPU defined");
        return 0;
    }
    if (!strcmp(name, "pc"))
        return cpu->target->tb_state(cpu).pc;
    for (const RegisterDesc *r = cpu->target->registers; r && r->name; r++) {
        if (strcmp(r->name, name))
            continue;
        uint64_t v = 0;
        memcpy(&v, (const char *)cpu + r->offset, r->bits / 8u);
        return v;
    }
    fail(e, "unknown register");
    return 0;
}

static uint64_t parse_primary(Expr *e)
{
    skip_blank(e);
    if (e->bad || ++e->depth > 200) {
        fail(e, "expression too deep");
        return 0;
    }
    uint64_t v = 0;
    char c = *e->p;
    if (c == '+' || c == '-' || c == '~') {
        e->p++;
        v = parse_primary(e);
        v = c == '-' ? -v : c == '~' ? ~v : v;
    } else if (c == '(') {
        e->p++;
        v = parse_sum(e);
        skip_blank(e);
        if (*e->p != ')')
            fail(e, "')' expected");
        else
            e->p++;
    } else if (c == '\'') {
        v = (uint8_t)e->p[1];
        if (!e->p[1] || e->p[2] != '\'')
            fail(e, "missing terminating \' character");
        else
            e->p += 3;
    } else if (c == '$') {
        e->p++;
        v = parse_register(e);
    } else {
        char *end;
        errno = 0;
        v = g_ascii_strtoull(e->p, &end, 0);
        if (errno == ERANGE)
            fail(e, "number too large");
        else if (end == e->p)
            fail_at(e);
        e->p = end;
    }
    e->depth--;
    return v;
}

static uint64_t parse_product(Expr *e)
{
    uint64_t v = parse_primary(e);
    for (;;) {
        skip_blank(e);
        char op = *e->p;
        if (e->bad || !op || !strchr("*/%", op))
            return v;
        e->p++;
        uint64_t b = parse_primary(e);
        if (op == '*')
            v *= b;
        else if (!b)
            fail(e, "division by zero");
        else
            v = op == '/' ? v / b : v % b;
    }
}

static uint64_t parse_logic(Expr *e)
{
    uint64_t v = parse_product(e);
    for (;;) {
        skip_blank(e);
        char op = *e->p;
        if (e->bad || !op || !strchr("&|^", op))
            return v;
        e->p++;
        uint64_t b = parse_product(e);
        v = op == '&' ? v & b : op == '|' ? v | b : v ^ b;
    }
}

static uint64_t parse_sum(Expr *e)
{
    uint64_t v = parse_logic(e);
    for (;;) {
        skip_blank(e);
        char op = *e->p;
        if (e->bad || (op != '+' && op != '-'))
            return v;
        e->p++;
        uint64_t b = parse_logic(e);
        v = op == '+' ? v + b : v - b;
    }
}

bool monitor_eval(Monitor *mon, const char *text, uint64_t *out)
{
    Expr e = { .mon = mon, .p = text };
    *out = parse_sum(&e);
    skip_blank(&e);
    if (!e.bad && *e.p)
        fail_at(&e);
    if (e.bad)
        monitor_usage_error(mon);
    return !e.bad;
}
