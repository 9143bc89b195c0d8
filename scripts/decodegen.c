/* SPDX-License-Identifier: MIT */
/*
 * Turns instruction patterns into a C decoder. `decodegen FILE.decode` writes C to standard output; the file
 * is included by the front end, which defines what the patterns name. `decodegen --coverage FILE` prints
 * how many encodings some row matches.
 *
 * One row per instruction (a line that ends in a backslash goes on on the next; # starts a comment):
 *
 *   ADD_imm   sf:1 00 100010 sh:1 imm12:12 rn:5 rd:5   &ri  imm=imm12  rd!=31
 *
 *   0 1 -         fixed bits and bits that do not matter, most significant first, any number in a word
 *   name:5        a field of 5 bits; name:s5 is sign-extended. A name that comes again in the row is one field:
 *                 the pieces are joined, the first is the most significant (and decides the sign)
 *   name!=5       the row matches only when the field (its joined bits, not sign-extended) is not 5
 *   name=EXPR     an argument made from fields: TERM or FUNC(TERM), then any of <<N *N +N -N ^N, left to right.
 *                 TERM is a number, or fields and 0bBITS joined by dots (immhi.immlo.0b00), zero-extended. FUNC is
 *                 sext (sign-extends the joined bits) or a C function: static int FUNC(DisasContext *s, int x)
 *   &set          the arguments are those of the set; every member must be given
 *   @macro        the words of the macro stand here
 *
 * The arguments of a row without &set are its fields in order, without those used by an expression for
 * another name, then the expressions. Arguments are ints.
 *
 * Other lines:
 *   width 16          of the instructions in this file (default 32)
 *   extern [prefix]   trans functions are not static and named prefix_trans_NAME, and the decoder itself is written
 *                     only where DECODE_BODY_<stem> is defined (otherwise one gets types and prototypes)
 *   &set a b c        an argument set: struct arg_set { int a, b, c; }
 *   @macro words      words for use in rows; may use earlier macros
 *   { and }           rows between them may overlap; they are tried in order, so the most specific first
 *   [ and ]           inside { }: rows that may not overlap with each other
 *
 * A row that can match the same instruction as another row outside a common { } is an error. Two rows are
 * also told apart by != when the other row fixes the field's bits to that value.
 *
 * The output has, for x.decode: `typedef struct … arg_NAME` per row name, prototypes `static bool
 * trans_NAME(DisasContext *s, arg_NAME *a)`, and `static bool decode_x(DisasContext *s, uint32_t insn)`. A
 * trans function that returns false passes: the next matching row is tried, and in the end decode_x returns
 * false. Rows may share a name when they have the same arguments; files may share sets and names.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 4096
#define MAX_WORDS 96
#define MAX_FIELDS 24
#define MAX_SEGMENTS 8
#define MAX_SETS 256
#define MAX_MACROS 256
#define MAX_GROUPS 512
#define LINE_SIZE 2048

typedef struct Segment {
    uint8_t pos, len;
} Segment;

typedef struct Field {
    const char *name;
    Segment seg[MAX_SEGMENTS]; /* most significant first */
    unsigned nseg, len;
    bool is_signed, used; /* used: by an expression for another name */
} Field;

typedef struct Derived {
    const char *name, *expr; /* expr: C text */
} Derived;

typedef struct Constraint {
    unsigned field;
    uint32_t value;
} Constraint;

typedef struct ArgSet {
    const char *name;
    const char *member[MAX_FIELDS];
    unsigned n;
} ArgSet;

typedef struct Row {
    const char *name;
    unsigned line, group, order;
    uint32_t mask, bits;
    Field field[MAX_FIELDS];
    unsigned nfields;
    Derived derived[MAX_FIELDS];
    unsigned nderived;
    Constraint constraint[MAX_FIELDS];
    unsigned nconstraints;
    const ArgSet *set; /* declared, or made for this row */
    bool own_set;
} Row;

/* Brackets form a tree; group 0 is the file. */
typedef struct Group {
    unsigned parent, depth, line;
    bool ordered;
} Group;

typedef struct Macro {
    const char *name;
    const char *word[MAX_WORDS];
    unsigned n;
} Macro;

static const char *file_name;
static char stem[64];
static unsigned line_number, width = 32;
static bool external;
static const char *prefix = ""; /* of trans functions */
static Row *rows[MAX_ROWS];
static unsigned nrows;
static ArgSet *sets[MAX_SETS];
static unsigned nsets;
static Macro *macros[MAX_MACROS];
static unsigned nmacros;
static Group groups[MAX_GROUPS];
static unsigned ngroups = 1, current_group;

/* ---- Errors and memory (everything lives until the program ends) ---- */

static _Noreturn __attribute__((format(printf, 2, 3))) void fail_at(unsigned line, const char *fmt, ...)
{
    va_list ap;
    fprintf(stderr, "%s:%u: ", file_name, line);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}
#define fail(...) fail_at(line_number, __VA_ARGS__)

static struct Block {
    struct Block *next;
} *blocks; /* keeps what was allocated reachable */

static void *allocate(size_t size)
{
    struct Block *b = calloc(1, sizeof(*b) + size);
    if (!b)
        fail("out of memory");
    b->next = blocks;
    blocks = b;
    return b + 1;
}

static const char *copy_text(const char *s, size_t n)
{
    char *p = allocate(n + 1);
    memcpy(p, s, n);
    return p;
}

static __attribute__((format(printf, 1, 2))) const char *format_text(const char *fmt, ...)
{
    char buf[LINE_SIZE];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(buf))
        fail("expression too long");
    return copy_text(buf, (size_t)n);
}

/* ---- Words ---- */

static size_t name_length(const char *s)
{
    size_t n = 0;
    if (isalpha((unsigned char)*s) || *s == '_')
        while (isalnum((unsigned char)s[n]) || s[n] == '_')
            n++;
    return n;
}

static bool is_name(const char *s)
{
    return *s && name_length(s) == strlen(s);
}

static uint32_t parse_number(const char **s)
{
    char *end;
    unsigned long v;
    if (!isdigit((unsigned char)**s))
        fail("number expected at '%s'", *s);
    if ((*s)[0] == '0' && (*s)[1] == 'b')
        v = strtoul(*s + 2, &end, 2);
    else
        v = strtoul(*s, &end, 0);
    if (v > UINT32_MAX)
        fail("number too large: '%s'", *s);
    *s = end;
    return (uint32_t)v;
}

static ArgSet *find_set(const char *name)
{
    for (unsigned i = 0; i < nsets; i++)
        if (strcmp(sets[i]->name, name) == 0)
            return sets[i];
    return NULL;
}

static Macro *find_macro(const char *name)
{
    for (unsigned i = 0; i < nmacros; i++)
        if (strcmp(macros[i]->name, name) == 0)
            return macros[i];
    return NULL;
}

static int find_field(const Row *r, const char *name, size_t len)
{
    for (unsigned i = 0; i < r->nfields; i++)
        if (strlen(r->field[i].name) == len && memcmp(r->field[i].name, name, len) == 0)
            return (int)i;
    return -1;
}

static int find_member(const ArgSet *set, const char *name)
{
    for (unsigned i = 0; i < set->n; i++)
        if (strcmp(set->member[i], name) == 0)
            return (int)i;
    return -1;
}

/* ---- Rows ---- */

/* Takes len bits of the row, from the top down. */
static unsigned take_bits(unsigned *left, unsigned len, const char *word)
{
    if (len == 0 || len > *left)
        fail("'%s' does not fit: %u bits left of %u", word, *left, width);
    return *left -= len;
}

static void parse_bits(Row *r, const char *word, unsigned *left)
{
    for (const char *p = word; *p; p++) {
        unsigned pos = take_bits(left, 1, word);
        if (*p == '-')
            continue;
        r->mask |= 1u << pos;
        r->bits |= (uint32_t)(*p - '0') << pos;
    }
}

static void parse_field(Row *r, const char *word, size_t name_len, unsigned *left)
{
    const char *p = word + name_len + 1;
    bool is_signed = *p == 's';
    p += is_signed;
    unsigned len = parse_number(&p);
    if (*p)
        fail("bad field '%s'", word);
    int i = find_field(r, word, name_len);
    if (i < 0) {
        if (r->nfields == MAX_FIELDS)
            fail("too many fields");
        i = (int)r->nfields++;
        r->field[i].name = copy_text(word, name_len);
        r->field[i].is_signed = is_signed;
    } else if (is_signed) {
        fail("'%s': only the first piece of a field decides its sign", word);
    }
    Field *f = &r->field[i];
    if (f->nseg == MAX_SEGMENTS)
        fail("too many pieces of '%s'", f->name);
    f->seg[f->nseg++] = (Segment){ .pos = (uint8_t)take_bits(left, len, word), .len = (uint8_t)len };
    f->len += len;
}

/* C text for n bits at pos of insn. */
static const char *bits_text(Segment s)
{
    if (s.len == 32)
        return "insn";
    return s.pos ? format_text("(insn >> %u & 0x%xu)", s.pos, (1u << s.len) - 1)
                 : format_text("(insn & 0x%xu)", (1u << s.len) - 1);
}

static const char *field_text(const Field *f)
{
    const char *t = bits_text(f->seg[0]);
    for (unsigned i = 1; i < f->nseg; i++)
        t = format_text("(%s << %u | %s)", t, f->seg[i].len, bits_text(f->seg[i]));
    return t;
}

static const char *sext_text(const char *t, unsigned len)
{
    return len < 32 ? format_text("((int32_t)(%s << %u) >> %u)", t, 32 - len, 32 - len) : t;
}

/* A number, or fields and binary constants joined by dots. *len: its bits, 0 for a number. */
static const char *parse_term(Row *r, const char *target, const char **p, unsigned *len)
{
    const char *text = NULL;
    *len = 0;
    if (isdigit((unsigned char)**p) && !((*p)[0] == '0' && (*p)[1] == 'b'))
        return format_text("%uu", parse_number(p));
    for (;; (*p)++) {
        const char *piece;
        unsigned n;
        if (**p == '0') {
            const char *start = *p + 2;
            uint32_t v = parse_number(p);
            n = (unsigned)(*p - start);
            piece = format_text("%uu", v);
        } else {
            size_t name = name_length(*p);
            int i = name ? find_field(r, *p, name) : -1;
            if (i < 0)
                fail("no field named '%.*s' in this row", (int)strcspn(*p, ".)<+-*^"), *p);
            *p += name;
            n = r->field[i].len;
            piece = field_text(&r->field[i]);
            r->field[i].used |= strcmp(r->field[i].name, target) != 0;
        }
        text = text ? format_text("(%s << %u | %s)", text, n, piece) : piece;
        *len += n;
        if (*len > 32)
            fail("more than 32 bits in an expression for '%s'", target);
        if (**p != '.')
            return text;
    }
}

static const char *parse_operators(const char *text, const char **p)
{
    while (**p && **p != ')') {
        const char *op;
        if ((*p)[0] == '<' && (*p)[1] == '<') {
            *p += 2;
            text = format_text("(uint32_t)%s", text);
            op = "<<";
        } else if (strchr("+-*^", **p)) {
            op = **p == '+' ? "+" : **p == '-' ? "-" : **p == '*' ? "*" : "^";
            (*p)++;
        } else {
            fail("operator expected at '%s'", *p);
        }
        text = format_text("(%s %s %u)", text, op, parse_number(p));
    }
    return text;
}

static void parse_derived(Row *r, const char *word, size_t name_len)
{
    const char *name = copy_text(word, name_len), *p = word + name_len + 1, *text;
    size_t func = name_length(p);
    unsigned len;

    if (func && p[func] == '(') {
        const char *f = copy_text(p, func);
        p += func + 1;
        text = parse_term(r, name, &p, &len);
        if (strcmp(f, "sext") == 0) {
            if (!len)
                fail("sext of a number in '%s'", word);
            text = sext_text(text, len);
        } else {
            text = format_text("%s(s, (int)%s)", f, parse_operators(text, &p));
        }
        if (*p++ != ')')
            fail("')' expected in '%s'", word);
    } else {
        text = parse_term(r, name, &p, &len);
    }
    text = parse_operators(text, &p);
    if (*p)
        fail("cannot understand the end of '%s'", word);
    if (r->nderived == MAX_FIELDS)
        fail("too many expressions");
    for (unsigned i = 0; i < r->nderived; i++)
        if (strcmp(r->derived[i].name, name) == 0)
            fail("'%s' is given twice", name);
    r->derived[r->nderived++] = (Derived){ name, text };
}

static void parse_constraint(Row *r, const char *word, size_t name_len)
{
    const char *p = word + name_len + 2;
    int i = find_field(r, word, name_len);
    if (i < 0)
        fail("no field named '%.*s' in this row", (int)name_len, word);
    uint32_t v = parse_number(&p);
    if (*p)
        fail("bad constraint '%s'", word);
    if (r->field[i].len < 32 && v >> r->field[i].len)
        fail("'%s' always holds: the field has %u bits", word, r->field[i].len);
    if (r->nconstraints == MAX_FIELDS)
        fail("too many constraints");
    r->constraint[r->nconstraints++] = (Constraint){ (unsigned)i, v };
}

static int derived_index(const Row *r, const char *name)
{
    for (unsigned i = 0; i < r->nderived; i++)
        if (strcmp(r->derived[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* The members a row without &set has. */
static void make_own_set(Row *r)
{
    ArgSet *set = allocate(sizeof(*set));
    set->name = r->name;
    for (unsigned i = 0; i < r->nfields; i++)
        if (!r->field[i].used || derived_index(r, r->field[i].name) >= 0)
            set->member[set->n++] = r->field[i].name;
    for (unsigned i = 0; i < r->nderived; i++)
        if (find_member(set, r->derived[i].name) < 0) {
            if (set->n == MAX_FIELDS)
                fail("too many arguments");
            set->member[set->n++] = r->derived[i].name;
        }
    r->set = set;
    r->own_set = true;
}

static bool is_constrained(const Row *r, unsigned field)
{
    for (unsigned i = 0; i < r->nconstraints; i++)
        if (r->constraint[i].field == field)
            return true;
    return false;
}

static void check_set(const Row *r)
{
    for (unsigned i = 0; i < r->set->n; i++)
        if (derived_index(r, r->set->member[i]) < 0 &&
            find_field(r, r->set->member[i], strlen(r->set->member[i])) < 0)
            fail("row %s does not give '%s' of &%s", r->name, r->set->member[i], r->set->name);
    for (unsigned i = 0; i < r->nderived; i++)
        if (find_member(r->set, r->derived[i].name) < 0)
            fail("&%s has no member '%s'", r->set->name, r->derived[i].name);
    for (unsigned i = 0; i < r->nfields; i++)
        if (!r->field[i].used && !is_constrained(r, i) && find_member(r->set, r->field[i].name) < 0)
            fail("&%s has no member '%s'", r->set->name, r->field[i].name);
}

static bool same_members(const ArgSet *a, const ArgSet *b)
{
    if (a->n != b->n)
        return false;
    for (unsigned i = 0; i < a->n; i++)
        if (find_member(b, a->member[i]) < 0)
            return false;
    return true;
}

/* Rows of one name have one argument type: that of the first. */
static void check_same_name(Row *r)
{
    for (unsigned i = 0; i < nrows; i++) {
        const Row *o = rows[i];
        if (strcmp(o->name, r->name) != 0)
            continue;
        if (o->own_set != r->own_set || (!r->own_set && o->set != r->set) || !same_members(o->set, r->set))
            fail("arguments of %s differ from those in line %u", r->name, o->line);
        r->set = o->set;
        return;
    }
}

static void parse_row(const char **word, unsigned n)
{
    Row *r = allocate(sizeof(*r));
    unsigned left = width;

    if (!is_name(word[0]))
        fail("'%s' cannot be a row's name", word[0]);
    *r = (Row){ .name = word[0], .line = line_number, .group = current_group, .order = nrows };
    for (unsigned i = 1; i < n; i++) { /* bits and fields first: expressions may name any of them */
        size_t len = name_length(word[i]);
        if (strspn(word[i], "01-") == strlen(word[i]))
            parse_bits(r, word[i], &left);
        else if (len && word[i][len] == ':')
            parse_field(r, word[i], len, &left);
    }
    if (left)
        fail("%u bits are missing of %u", left, width);
    for (unsigned i = 1; i < n; i++) {
        size_t len = name_length(word[i]);
        if (strspn(word[i], "01-") == strlen(word[i]) || (len && word[i][len] == ':'))
            continue;
        if (word[i][0] == '&') {
            if (r->set)
                fail("two argument sets");
            r->set = find_set(word[i] + 1);
            if (!r->set)
                fail("no argument set '%s'", word[i]);
        } else if (len && word[i][len] == '!' && word[i][len + 1] == '=') {
            parse_constraint(r, word[i], len);
        } else if (len && word[i][len] == '=') {
            parse_derived(r, word[i], len);
        } else {
            fail("cannot understand '%s'", word[i]);
        }
    }
    if (r->set)
        check_set(r);
    else
        make_own_set(r);
    check_same_name(r);
    if (nrows == MAX_ROWS)
        fail("too many rows");
    rows[nrows++] = r;
}

/* ---- Lines ---- */

static void parse_set(const char **word, unsigned n)
{
    ArgSet *set = allocate(sizeof(*set));
    set->name = word[0] + 1;
    if (!is_name(set->name))
        fail("'%s' cannot be a set's name", word[0]);
    if (find_set(set->name))
        fail("set '%s' is there already", word[0]);
    if (n - 1 > MAX_FIELDS || nsets == MAX_SETS)
        fail("too many members or sets");
    for (unsigned i = 1; i < n; i++) {
        if (!is_name(word[i]) || find_member(set, word[i]) >= 0)
            fail("bad member '%s'", word[i]);
        set->member[set->n++] = word[i];
    }
    sets[nsets++] = set;
}

static void parse_macro(const char **word, unsigned n)
{
    Macro *m = allocate(sizeof(*m));
    m->name = word[0] + 1;
    if (!is_name(m->name))
        fail("'%s' cannot be a macro's name", word[0]);
    if (find_macro(m->name))
        fail("macro '%s' is there already", word[0]);
    if (nmacros == MAX_MACROS)
        fail("too many macros");
    for (unsigned i = 1; i < n; i++)
        m->word[m->n++] = word[i];
    macros[nmacros++] = m;
}

static void open_group(bool ordered)
{
    if (ngroups == MAX_GROUPS)
        fail("too many groups");
    groups[ngroups] = (Group){ current_group, groups[current_group].depth + 1, line_number, ordered };
    current_group = ngroups++;
}

static void close_group(bool ordered)
{
    if (current_group == 0 || groups[current_group].ordered != ordered)
        fail("'%c' closes nothing", ordered ? '}' : ']');
    current_group = groups[current_group].parent;
}

static void parse_width(const char **word, unsigned n)
{
    if (n != 2 || nrows)
        fail("width N comes once, before the first row");
    width = parse_number(&word[1]);
    if (*word[1] || (width != 16 && width != 32))
        fail("the width is 16 or 32");
}

static void parse_extern(const char **word, unsigned n)
{
    if (n > 2 || nrows || (n == 2 && !is_name(word[1])))
        fail("extern [prefix] comes once, before the first row");
    external = true;
    if (n == 2)
        prefix = format_text("%s_", word[1]);
}

/* Splits at blanks and puts the words of macros in place. */
static unsigned split_line(char *line, const char **word)
{
    unsigned n = 0;
    bool first = true;
    for (char *save, *w = strtok_r(line, " \t\r\n", &save); w; w = strtok_r(NULL, " \t\r\n", &save)) {
        const Macro *m = NULL;
        if (w[0] == '@' && !first) {
            m = find_macro(w + 1);
            if (!m)
                fail("no macro '%s'", w);
        }
        first = false;
        if (n + (m ? m->n : 1) > MAX_WORDS)
            fail("line too long");
        for (unsigned i = 0; m && i < m->n; i++)
            word[n++] = m->word[i];
        if (!m)
            word[n++] = copy_text(w, strlen(w));
    }
    return n;
}

static void parse_line(char *line)
{
    const char *word[MAX_WORDS];
    unsigned n = split_line(line, word);

    if (n == 0)
        return;
    if (n == 1 && strchr("{}[]", word[0][0]) && !word[0][1])
        (word[0][0] == '{' || word[0][0] == '[' ? open_group : close_group)(strchr("{}", word[0][0]) != NULL);
    else if (word[0][0] == '&')
        parse_set(word, n);
    else if (word[0][0] == '@')
        parse_macro(word, n);
    else if (strcmp(word[0], "width") == 0)
        parse_width(word, n);
    else if (strcmp(word[0], "extern") == 0)
        parse_extern(word, n);
    else
        parse_row(word, n);
}

static void parse_file(FILE *in)
{
    char line[LINE_SIZE], part[LINE_SIZE];
    unsigned next = 1;

    line[0] = 0;
    line_number = 1;
    while (fgets(part, sizeof(part), in)) {
        size_t len = strcspn(part, "#\r\n");
        bool more;
        if (!strchr(part, '\n') && !feof(in))
            fail("line too long");
        if (!line[0])
            line_number = next;
        next++;
        part[len] = 0;
        while (len && isspace((unsigned char)part[len - 1]))
            part[--len] = 0;
        more = len && part[len - 1] == '\\';
        if (more)
            part[len - 1] = ' ';
        if (strlen(line) + len >= sizeof(line))
            fail("line too long");
        strcat(line, part);
        if (more)
            continue;
        parse_line(line);
        line[0] = 0;
    }
    if (line[0])
        fail("the file ends in a continued line");
    if (current_group)
        fail_at(groups[current_group].line, "this group is never closed");
}

/* ---- Overlap ---- */

/* True when the row's != excludes every instruction with these fixed bits. */
static bool excluded(const Row *r, uint32_t mask, uint32_t bits)
{
    for (unsigned i = 0; i < r->nconstraints; i++) {
        const Field *f = &r->field[r->constraint[i].field];
        uint32_t value = 0;
        bool known = true;
        for (unsigned j = 0; j < f->nseg; j++) {
            uint32_t m = f->seg[j].len == 32 ? ~0u : (1u << f->seg[j].len) - 1;
            known &= (mask >> f->seg[j].pos & m) == m;
            value = (f->seg[j].len == 32 ? 0 : value << f->seg[j].len) | (bits >> f->seg[j].pos & m);
        }
        if (known && value == r->constraint[i].value)
            return true;
    }
    return false;
}

static bool overlap(const Row *a, const Row *b)
{
    uint32_t mask = a->mask | b->mask, bits = a->bits | b->bits;
    if (a->mask & b->mask & (a->bits ^ b->bits))
        return false;
    return !excluded(a, mask, bits) && !excluded(b, mask, bits);
}

static bool may_overlap(const Row *a, const Row *b)
{
    unsigned x = a->group, y = b->group;
    while (x != y) {
        if (groups[x].depth >= groups[y].depth)
            x = groups[x].parent;
        else
            y = groups[y].parent;
    }
    return groups[x].ordered;
}

static void check_overlaps(void)
{
    unsigned found = 0;
    for (unsigned i = 0; i < nrows; i++)
        for (unsigned j = i + 1; j < nrows; j++)
            if (overlap(rows[i], rows[j]) && !may_overlap(rows[i], rows[j])) {
                fprintf(stderr, "%s:%u: %s overlaps %s in line %u, e.g. 0x%08x\n", file_name, rows[j]->line,
                        rows[j]->name, rows[i]->name, rows[i]->line, rows[i]->bits | rows[j]->bits);
                found++;
            }
    if (found)
        exit(1);
}

/* ---- Output: types and prototypes ---- */

static void write_set(const char *guard, const ArgSet *set)
{
    printf("#ifndef DECODE_%s_%s\n#define DECODE_%s_%s\ntypedef struct arg_%s {\n", guard, set->name, guard,
           set->name, set->name);
    for (unsigned i = 0; i < set->n; i++)
        printf("    int %s;\n", set->member[i]);
    printf("} arg_%s;\n#endif\n", set->name);
}

static bool first_of_name(const Row *r)
{
    for (unsigned i = 0; i < r->order; i++)
        if (strcmp(rows[i]->name, r->name) == 0)
            return false;
    return true;
}

static void write_declarations(void)
{
    for (unsigned i = 0; i < nsets; i++)
        write_set("SET", sets[i]);
    for (unsigned i = 0; i < nrows; i++) {
        const Row *r = rows[i];
        if (!first_of_name(r))
            continue;
        if (r->own_set)
            write_set("ARGS", r->set);
        else if (strcmp(r->set->name, r->name) != 0)
            printf("typedef arg_%s arg_%s;\n", r->set->name, r->name);
        printf("%sbool %strans_%s(DisasContext *s, arg_%s *a);\n", external ? "" : "static ", prefix, r->name, r->name);
    }
}

/* ---- Output: a function per row, then the tree ---- */

static const char *member_text(const Row *r, const char *name)
{
    int i = derived_index(r, name);
    if (i >= 0)
        return r->derived[i].expr;
    const Field *f = &r->field[find_field(r, name, strlen(name))];
    return f->is_signed ? sext_text(field_text(f), f->len) : field_text(f);
}

static void write_row(const Row *r)
{
    printf("\n/* line %u */\nstatic bool %s_row%u(DisasContext *s, uint32_t insn)\n{\n", r->line, stem, r->order);
    for (unsigned i = 0; i < r->nconstraints; i++)
        printf("    if (%s == 0x%xu)\n        return false;\n", field_text(&r->field[r->constraint[i].field]),
               r->constraint[i].value);
    printf("    arg_%s a = {\n", r->name);
    for (unsigned i = 0; i < r->set->n; i++)
        printf("        .%s = (int)%s,\n", r->set->member[i], member_text(r, r->set->member[i]));
    printf("    };\n    return %strans_%s(s, &a);\n}\n", prefix, r->name);
}

static uint32_t common_mask(Row *const *list, unsigned n, uint32_t tested)
{
    uint32_t mask = ~tested;
    for (unsigned i = 0; i < n; i++)
        mask &= list[i]->mask;
    return mask;
}

/* The bit that most rows fix, and that divides those best. */
static uint32_t best_bit(Row *const *list, unsigned n, uint32_t tested)
{
    unsigned best = 0, best_score = 0;
    for (unsigned b = 0; b < width; b++) {
        unsigned count[2] = { 0, 0 };
        if (tested >> b & 1)
            continue;
        for (unsigned i = 0; i < n; i++)
            if (list[i]->mask >> b & 1)
                count[list[i]->bits >> b & 1]++;
        unsigned score = 2 * (count[0] + count[1]) + (count[0] < count[1] ? count[0] : count[1]);
        if (score > best_score) {
            best_score = score;
            best = b;
        }
    }
    return 1u << best;
}

/* Rows that match where the bits of mask are value; order kept. */
static unsigned select_rows(Row *const *list, unsigned n, uint32_t mask, uint32_t value, Row **out)
{
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++)
        if ((list[i]->bits & mask) == (value & list[i]->mask))
            out[count++] = list[i];
    return count;
}

static void write_tree(Row *const *list, unsigned n, uint32_t tested, int indent);

static void write_switch(Row *const *list, unsigned n, uint32_t mask, uint32_t tested, int indent)
{
    Row **sub = calloc(n, sizeof(*sub));
    printf("%*sswitch (insn & 0x%08xu) {\n", indent, "", mask);
    for (unsigned i = 0; i < n; i++) {
        uint32_t value = list[i]->bits & mask;
        bool seen = false;
        for (unsigned j = 0; j < i && !seen; j++)
            seen = (list[j]->bits & mask) == value;
        if (seen)
            continue;
        printf("%*scase 0x%08xu:\n", indent, "", value);
        write_tree(sub, select_rows(list, n, mask, value, sub), tested | mask, indent + 4);
        printf("%*sbreak;\n", indent + 4, "");
    }
    printf("%*s}\n", indent, "");
    free(sub);
}

static void write_split(Row *const *list, unsigned n, uint32_t tested, int indent)
{
    Row **sub = calloc(n, sizeof(*sub));
    uint32_t bit = best_bit(list, n, tested);
    printf("%*sif (insn & 0x%08xu) {\n", indent, "", bit);
    write_tree(sub, select_rows(list, n, bit, bit, sub), tested | bit, indent + 4);
    printf("%*s} else {\n", indent, "");
    write_tree(sub, select_rows(list, n, bit, 0, sub), tested | bit, indent + 4);
    printf("%*s}\n", indent, "");
    free(sub);
}

static void write_tree(Row *const *list, unsigned n, uint32_t tested, int indent)
{
    for (; n && !(list[0]->mask & ~tested); list++, n--)
        printf("%*sif (%s_row%u(s, insn)) /* %s */\n%*sreturn true;\n", indent, "", stem, list[0]->order,
               list[0]->name, indent + 4, "");
    if (n == 0)
        return;
    uint32_t mask = common_mask(list, n, tested);
    if (n <= 3) {
        for (unsigned i = 0; i < n; i++)
            printf("%*sif ((insn & 0x%08xu) == 0x%08xu && %s_row%u(s, insn)) /* %s */\n%*sreturn true;\n", indent,
                   "", list[i]->mask & ~tested, list[i]->bits & ~tested, stem, list[i]->order, list[i]->name,
                   indent + 4, "");
    } else if (mask) {
        write_switch(list, n, mask, tested, indent);
    } else {
        write_split(list, n, tested, indent);
    }
}

static void write_decoder(void)
{
    if (external)
        printf("\n#ifdef DECODE_BODY_%s\n", stem);
    for (unsigned i = 0; i < nrows; i++)
        write_row(rows[i]);
    printf("\nstatic bool decode_%s(DisasContext *s, uint32_t insn)\n{\n", stem);
    write_tree(rows, nrows, width == 32 ? 0 : 0xffff0000u, 4);
    printf("    return false;\n}\n");
    if (external)
        printf("#endif\n");
}

/* ---- Coverage ---- */

/* Encodings below the tested bits that some row of the list matches, != aside. */
static uint64_t count_matches(Row *const *list, unsigned n, uint32_t tested)
{
    if (n == 0)
        return 0;
    for (unsigned i = 0; i < n; i++)
        if (!(list[i]->mask & ~tested))
            return 1ull << __builtin_popcount(~tested);
    Row **sub = calloc(n, sizeof(*sub));
    uint32_t bit = best_bit(list, n, tested);
    uint64_t count = count_matches(sub, select_rows(list, n, bit, bit, sub), tested | bit);
    count += count_matches(sub, select_rows(list, n, bit, 0, sub), tested | bit);
    free(sub);
    return count;
}

/* ---- */

static void set_stem(const char *path)
{
    const char *base = strrchr(path, '/');
    base = base ? base + 1 : path;
    snprintf(stem, sizeof(stem), "%.*s", (int)strcspn(base, "."), base);
    for (char *p = stem; *p; p++)
        if (!isalnum((unsigned char)*p))
            *p = '_';
}

int main(int argc, char **argv)
{
    bool coverage = argc == 3 && strcmp(argv[1], "--coverage") == 0;
    if (argc != 2 + coverage) {
        fprintf(stderr, "usage: decodegen [--coverage] FILE.decode\n");
        return 2;
    }
    file_name = argv[argc - 1];
    FILE *in = fopen(file_name, "r");
    if (!in) {
        perror(file_name);
        return 1;
    }
    set_stem(file_name);
    parse_file(in);
    fclose(in);
    check_overlaps();
    if (coverage) {
        uint32_t outside = width == 32 ? 0 : 0xffff0000u;
        printf("%u rows match %llu of %llu encodings\n", nrows,
               (unsigned long long)count_matches(rows, nrows, outside), 1ull << width);
        return 0;
    }
    printf("/* Made by decodegen from %s.decode. */\n", stem);
    write_declarations();
    write_decoder();
    return fflush(stdout) || ferror(stdout);
}
