/* SPDX-License-Identifier: MIT */
/* The descriptor of a VMDK image: lines of key=value, and a line for each extent. Everything in it is foreign. See vmdk.h. */
#include "vmdk.h"
#include "util/error.h"
#include "util/guest-random.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

char *vmdk_read_descriptor(BlockNode *n, Error **errp)
{
    const Vmdk *s = n->state;
    uint64_t file = block_size(n->file), size = s->descriptor_room ? s->descriptor_room : file;
    if (size > VMDK_DESCRIPTOR_MAX || s->descriptor_offset > file) {
        error_setg(errp, "Invalid VMDK image descriptor: larger than %u bytes", VMDK_DESCRIPTOR_MAX);
        return NULL;
    }
    size = MIN(size, file - s->descriptor_offset);
    char *text = g_malloc0(size + 1);
    int ret = size ? block_read(n->file, s->descriptor_offset, text, size) : 0;
    if (ret == 0)
        return text;
    error_setg_errno(errp, -ret, "Could not read the descriptor of '%s'", n->filename);
    g_free(text);
    return NULL;
}

/* Value of key=value or key = "value" in a line; NULL: another key. Caller frees. */
static char *value_of(const char *line, const char *key)
{
    size_t n = strlen(key);
    if (g_ascii_strncasecmp(line, key, n))
        return NULL;
    line += n + strspn(line + n, " \t");
    if (*line++ != '=')
        return NULL;
    line += strspn(line, " \t");
    bool quoted = *line == '"';
    line += quoted;
    char *out = g_strndup(line, strcspn(line, quoted ? "\"" : " \t\r"));
    return out;
}

/* ---- Extents ---- */

typedef struct ExtentLine {
    char access[16], type[16], name[1024];
    unsigned long long sectors, offset;
    int fields;
} ExtentLine;

static BlockNode *open_extent_file(BlockNode *n, const char *name, Error **errp)
{
    char *full = block_relative_name(n->filename, name);
    BlockNode *file = block_open_file(full, "file", n->flags & ~BLOCK_CHECK, errp);
    g_free(full);
    return file;
}

/* The extent of a line gets its place behind those before it. */
static bool open_extent(BlockNode *n, VmdkExtent *e, const ExtentLine *l, Error **errp)
{
    bool flat = !strcmp(l->type, "FLAT") || !strcmp(l->type, "VMFS"), zero = !strcmp(l->type, "ZERO");
    e->type = g_strdup(l->type);
    e->start = n->size;
    if (l->sectors > (BLOCK_MAX_LENGTH - e->start) / BLOCK_SECTOR || l->offset > BLOCK_MAX_LENGTH / BLOCK_SECTOR) {
        error_setg(errp, "Invalid extent line: the disk is too large");
        return false;
    }
    if (!flat && !zero && strcmp(l->type, "SPARSE")) {
        error_setg(errp, "Unsupported extent type '%s'", l->type);
        return false;
    }
    if (!zero && !(e->file = open_extent_file(n, l->name, errp)))
        return false;
    e->kind = flat ? VMDK_FLAT : zero ? VMDK_ZERO : VMDK_SPARSE;
    e->offset = l->offset * BLOCK_SECTOR;
    if (e->kind == VMDK_SPARSE && !vmdk_open_sparse(n, e, NULL, NULL, errp))
        return false;
    if (e->kind == VMDK_SPARSE && e->size < l->sectors * BLOCK_SECTOR) {
        error_setg(errp, "Invalid extent line: '%s' is smaller", l->name);
        return false;
    }
    e->size = l->sectors * BLOCK_SECTOR;
    if (e->kind == VMDK_SPARSE)
        n->cluster_size = n->cluster_size ? MIN(n->cluster_size, (uint32_t)e->grain) : (uint32_t)e->grain;
    n->size += e->size;
    return true;
}

static bool parse_extent(BlockNode *n, const char *line, Error **errp)
{
    Vmdk *s = n->state;
    ExtentLine l = { .offset = 0 };
    l.fields = sscanf(line, "%15s %llu %15s \"%1023[^\"\n\r]\" %llu", l.access, &l.sectors, l.type, l.name, &l.offset);
    bool zero = !strcmp(l.type, "ZERO"), flat = !strcmp(l.type, "FLAT");
    if (l.fields < (zero ? 3 : flat ? 5 : 4)) {
        error_setg(errp, "Invalid extent line: %.60s", line);
        return false;
    }
    if (strcmp(l.access, "RW")) {
        error_setg(errp, "Unsupported extent access '%s'", l.access);
        return false;
    }
    if (s->nextents >= VMDK_EXTENTS_MAX) {
        error_setg(errp, "more than %u extents", VMDK_EXTENTS_MAX);
        return false;
    }
    s->extents = g_renew(VmdkExtent, s->extents, s->nextents + 1);
    VmdkExtent *e = &s->extents[s->nextents++];
    memset(e, 0, sizeof(*e));
    return open_extent(n, e, &l, errp);
}

/* ---- The text ---- */

static bool is_extent(const char *line)
{
    return g_str_has_prefix(line, "RW ") || g_str_has_prefix(line, "RDONLY ") || g_str_has_prefix(line, "NOACCESS ");
}

static void parse_key(BlockNode *n, const char *line)
{
    Vmdk *s = n->state;
    char *v;
    if ((v = value_of(line, "CID")))
        s->cid = (uint32_t)g_ascii_strtoull(v, NULL, 16);
    else if ((v = value_of(line, "parentCID")))
        s->parent_cid = (uint32_t)g_ascii_strtoull(v, NULL, 16);
    else if ((v = value_of(line, "createType"))) {
        g_free(s->create_type);
        s->create_type = g_strdup(v);
    } else if ((v = value_of(line, "parentFileNameHint")) && v[0]) {
        g_free(n->backing_file);
        g_free(n->backing_format);
        n->backing_file = g_strdup(v);
        n->backing_format = g_strdup("vmdk");
    }
    g_free(v);
}

static bool known_type(const char *type)
{
    static const char *const types[] = { "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "vmfs", "custom" };
    for (unsigned i = 0; i < ARRAY_SIZE(types); i++)
        if (!strcmp(type, types[i]))
            return true;
    return false;
}

bool vmdk_parse_descriptor(BlockNode *n, const char *text, bool extents, Error **errp)
{
    Vmdk *s = n->state;
    bool ok = true;
    s->parent_cid = VMDK_NO_PARENT;
    char **lines = g_strsplit(text, "\n", 0);
    for (char **l = lines; *l; l++) {
        g_strchomp(*l);
        if (**l != '#' && !is_extent(*l))
            parse_key(n, *l);
    }
    if (!s->create_type) {
        error_setg(errp, "invalid VMDK image descriptor");
        ok = false;
    } else if (extents && !known_type(s->create_type)) {
        error_setg(errp, "Unsupported image type '%s'", s->create_type);
        ok = false;
    }
    for (char **l = lines; ok && extents && *l; l++)
        ok = !is_extent(*l) || parse_extent(n, *l, errp);
    g_strfreev(lines);
    n->compressed_only = s->nextents > 0;
    for (unsigned i = 0; i < s->nextents; i++)
        n->compressed_only &= s->extents[i].kind == VMDK_SPARSE && s->extents[i].compressed;
    if (s->parent_cid == VMDK_NO_PARENT) { /* the hint alone makes no parent */
        g_free(n->backing_file);
        g_free(n->backing_format);
        n->backing_file = n->backing_format = NULL;
    }
    return ok;
}

int vmdk_new_cid(BlockNode *n)
{
    Vmdk *s = n->state;
    if (s->cid_new || !s->create_type)
        return 0;
    char *text = vmdk_read_descriptor(n, NULL), *at = text, *after;
    while (at && g_ascii_strncasecmp(at, "CID=", 4)) {
        at = strchr(at, '\n');
        at = at ? at + 1 : NULL;
    }
    s->cid_new = true;
    if (!at) { /* has none to change */
        g_free(text);
        return 0;
    }
    uint32_t cid;
    do
        guest_random(&cid, sizeof(cid));
    while (cid == VMDK_NO_PARENT || cid == s->cid);
    after = at + 4 + strspn(at + 4, "0123456789abcdefABCDEF");
    *at = 0;
    char *changed = g_strdup_printf("%sCID=%08x%s", text, cid, after);
    uint64_t size = strlen(changed);
    int ret = s->descriptor_room && size > s->descriptor_room ? 0 : block_write(n->file, s->descriptor_offset, changed, size);
    if (ret == 0)
        s->cid = cid;
    else
        s->cid_new = false;
    g_free(changed);
    g_free(text);
    return ret;
}
