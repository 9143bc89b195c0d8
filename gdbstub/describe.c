/* SPDX-License-Identifier: MIT */
/*
 * Target descriptions (appendix G of the gdb manual) from the target's register tables, and registers by the
 * numbers that follow from them.
 */
#include "internal.h"

#include <string.h>

static const GDBFeature *const *features_of(CPUState *cpu)
{
    return cpu->target->gdb->features(cpu);
}

/* ---- XML ---- */

static void describe_fields(GString *s, const GDBType *t)
{
    for (const GDBField *f = t->fields; f->name; f++) {
        if (t->kind == GDB_UNION)
            g_string_append_printf(s, "    <field name=\"%s\" type=\"%s\"/>\n", f->name, f->type);
        else
            g_string_append_printf(s, "    <field name=\"%s\" start=\"%u\" end=\"%u\"/>\n", f->name, f->start, f->end);
    }
}

static void describe_type(GString *s, const GDBType *t)
{
    switch (t->kind) {
    case GDB_VECTOR:
        g_string_append_printf(s, "  <vector id=\"%s\" type=\"%s\" count=\"%u\"/>\n", t->id, t->element, t->size);
        break;
    case GDB_FLAGS:
        g_string_append_printf(s, "  <flags id=\"%s\" size=\"%u\">\n", t->id, t->size);
        describe_fields(s, t);
        g_string_append(s, "  </flags>\n");
        break;
    case GDB_UNION:
        g_string_append_printf(s, "  <union id=\"%s\">\n", t->id);
        describe_fields(s, t);
        g_string_append(s, "  </union>\n");
        break;
    }
}

static void describe_register(GString *s, const GDBReg *r, uint64_t number)
{
    g_string_append_printf(s, "  <reg name=\"%s\" bitsize=\"%u\" regnum=\"%u\"", r->name, r->bits, (unsigned)number);
    if (r->type)
        g_string_append_printf(s, " type=\"%s\"", r->type);
    if (r->group)
        g_string_append_printf(s, " group=\"%s\"", r->group);
    g_string_append(s, "/>\n");
}

static GString *describe_target(CPUState *cpu)
{
    GString *s = g_string_new("<?xml version=\"1.0\"?>\n<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n<target>\n");
    g_string_append_printf(s, "  <architecture>%s</architecture>\n", cpu->target->gdb->architecture(cpu));
    for (const GDBFeature *const *f = features_of(cpu); *f; f++)
        g_string_append_printf(s, "  <xi:include href=\"%s\"/>\n", (*f)->file);
    return g_string_append(s, "</target>\n");
}

/* first: the number of the feature's first register. */
static GString *describe_feature(const GDBFeature *f, uint64_t first)
{
    GString *s = g_string_new("<?xml version=\"1.0\"?>\n<!DOCTYPE feature SYSTEM \"gdb-target.dtd\">\n");
    g_string_append_printf(s, "<feature name=\"%s\">\n", f->name);
    for (const GDBType *t = f->types; t && t->id; t++)
        describe_type(s, t);
    for (const GDBReg *r = f->regs; r->name; r++, first++) {
        first = r->regnum ? r->regnum : first;
        describe_register(s, r, first);
    }
    return g_string_append(s, "</feature>\n");
}

/* ---- Numbers ---- */

/* The number behind the last register of f, whose first is number. */
static uint64_t next_number(const GDBFeature *f, uint64_t number)
{
    for (const GDBReg *r = f->regs; r->name; r++)
        number = (r->regnum ? r->regnum : number) + 1;
    return number;
}

static const GDBReg *find_register(CPUState *cpu, uint64_t number, const GDBFeature **feature)
{
    uint64_t n = 0;
    for (const GDBFeature *const *f = features_of(cpu); *f; f++) {
        for (const GDBReg *r = (*f)->regs; r->name; r++, n++) {
            n = r->regnum ? r->regnum : n;
            if (n == number) {
                *feature = *f;
                return r;
            }
        }
    }
    return NULL;
}

GString *gdb_describe(CPUState *cpu, const char *annex)
{
    uint64_t first = 0;
    if (!strcmp(annex, "target.xml"))
        return describe_target(cpu);
    for (const GDBFeature *const *f = features_of(cpu); *f; f++) {
        if (!strcmp(annex, (*f)->file))
            return describe_feature(*f, first);
        first = next_number(*f, first);
    }
    return NULL;
}

/* ---- Values ---- */

size_t gdb_read_register(CPUState *cpu, uint64_t number, uint8_t *out)
{
    const GDBFeature *f;
    const GDBReg *r = find_register(cpu, number, &f);
    if (!r)
        return 0;
    memset(out, 0, r->bits / 8);
    f->read(cpu, r, out);
    return r->bits / 8;
}

size_t gdb_write_register(CPUState *cpu, uint64_t number, const uint8_t *in, size_t room)
{
    const GDBFeature *f;
    const GDBReg *r = find_register(cpu, number, &f);
    if (!r || room < r->bits / 8u || !f->write || !f->write(cpu, r, in))
        return 0;
    return r->bits / 8;
}

void gdb_read_all(CPUState *cpu, GByteArray *out)
{
    const GDBFeature *f = features_of(cpu)[0];
    for (const GDBReg *r = f->regs; r->name; r++) {
        uint8_t buf[GDB_REG_MAX_BYTES] = { 0 };
        f->read(cpu, r, buf);
        g_byte_array_append(out, buf, r->bits / 8);
    }
}

/* A register that refuses its value (a control register, say) does not keep the others from theirs. */
bool gdb_write_all(CPUState *cpu, const uint8_t *in, size_t len)
{
    const GDBFeature *f = features_of(cpu)[0];
    size_t at = 0;
    for (const GDBReg *r = f->regs; r->name && at + r->bits / 8 <= len; at += r->bits / 8, r++) {
        uint8_t now[GDB_REG_MAX_BYTES] = { 0 };
        f->read(cpu, r, now);
        if (f->write && memcmp(now, in + at, r->bits / 8))
            f->write(cpu, r, in + at);
    }
    return at == len;
}
