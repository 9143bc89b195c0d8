/* SPDX-License-Identifier: MIT */
/*
 * The machine types that -M names: registration, look-up by name or alias, help. A type belongs to one
 * target family ("x86", "arm") or to all (NULL).
 */
#include "hw/boards.h"
#include "util/options.h"
#include <glib.h>
#include <string.h>

MachineState *current_machine;
static GPtrArray *types; /* of const MachineType *, sorted by name */

static gint compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const MachineType *const *)a)->name, (*(const MachineType *const *)b)->name);
}

void machine_type_register(const MachineType *t)
{
    if (!types)
        types = g_ptr_array_new();
    g_ptr_array_add(types, (gpointer)t);
    g_ptr_array_sort(types, compare_names);
}

/* Families by target name: every PC runs i386 and x86_64, every Arm board arm and aarch64. */
static bool type_fits(const MachineType *t, const char *target)
{
    if (!t->target || !target || !strcmp(t->target, target))
        return true;
    bool x86 = !strcmp(target, "i386") || !strcmp(target, "x86_64");
    bool arm = !strcmp(target, "aarch64");
    return (x86 && !strcmp(t->target, "x86")) || (arm && !strcmp(t->target, "arm"));
}

static const MachineType *find_if(bool (*wanted)(const MachineType *t, const char *name), const char *name,
                                  const char *target)
{
    for (guint i = 0; types && i < types->len; i++) {
        const MachineType *t = types->pdata[i];
        if (type_fits(t, target) && wanted(t, name))
            return t;
    }
    return NULL;
}

static bool is_named(const MachineType *t, const char *name)
{
    return !strcmp(t->name, name) || (t->alias && !strcmp(t->alias, name));
}

static bool is_default(const MachineType *t, const char *name)
{
    (void)name;
    return t->is_default;
}

const MachineType *machine_type_find(const char *name, const char *target)
{
    return find_if(is_named, name, target);
}

const MachineType *machine_type_default(const char *target)
{
    return find_if(is_default, NULL, target);
}

void machine_type_foreach(const char *target, void (*fn)(const MachineType *t, void *opaque), void *opaque)
{
    for (guint i = 0; types && i < types->len; i++)
        if (type_fits(types->pdata[i], target))
            fn(types->pdata[i], opaque);
}

void machine_type_list(FILE *out, const char *target)
{
    fprintf(out, "Supported machines are:\n");
    for (guint i = 0; types && i < types->len; i++) {
        const MachineType *t = types->pdata[i];
        if (!type_fits(t, target))
            continue;
        if (t->alias)
            fprintf(out, "%-20s %s (alias of %s)\n", t->alias, t->desc, t->name);
        fprintf(out, "%-20s %s%s\n", t->name, t->desc, t->is_default ? " (default)" : "");
    }
}

void machine_type_help(const MachineType *t, FILE *out)
{
    static const char *const kinds[] = {
        [PK_BOOL] = "bool", [PK_U8] = "uint8", [PK_U16] = "uint16", [PK_U32] = "uint32", [PK_U64] = "uint64",
        [PK_I32] = "int32", [PK_SIZE] = "size", [PK_STRING] = "string", [PK_ENUM] = "string",
    };
    fprintf(out, "%s-machine options:\n", t->name);
    for (const Property *p = t->props; p && p->name; p++) {
        const char *kind = p->kind < ARRAY_SIZE(kinds) && kinds[p->kind] ? kinds[p->kind] : "string";
        if (p->names == on_off_auto)
            kind = "OnOffAuto";
        g_autofree char *head = g_strdup_printf("%s=<%s>", p->name, kind);
        if (p->desc)
            fprintf(out, "  %-22s - %s\n", head, p->desc);
        else
            fprintf(out, "  %s\n", head);
    }
}
