/* SPDX-License-Identifier: MIT */
/* New VMDK images: their extents and descriptor. See vmdk.h. */
#include "vmdk.h"
#include "util/error.h"
#include "util/guest-random.h"
#include "util/options.h"

#include <glib.h>
#include <inttypes.h>
#include <string.h>

#define GRAIN 128u   /* sectors */
#define GTES 512u
#define DESCRIPTOR_AT 1u
#define DESCRIPTOR_SECTORS 20u

const char *const vmdk_create_keys[] = {
    "adapter_type=Virtual adapter type, can be one of ide (default), lsilogic, buslogic or legacyESX", "backing_file=File name of a base image",
    "backing_fmt=Must be 'vmdk' if present", "compat6=VMDK version 6 image", "hwversion=VMDK hardware version", "size=Virtual disk size",
    "subformat=VMDK flat extent format, can be one of {monolithicSparse (default) | monolithicFlat | twoGbMaxExtentSparse | twoGbMaxExtentFlat | "
    "streamOptimized} ",
    "toolsversion=VMware guest tools version", "zeroed_grain=Enable efficient zero writes using the zeroed-grain GTE feature", NULL,
};

typedef struct CreateOptions {
    uint64_t size;
    const char *adapter, *backing, *backing_format, *hwversion, *toolsversion, *subformat;
    bool zeroed_grain, flat, split, compress;
    uint32_t parent_cid;
} CreateOptions;

static bool one_of(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(word, *list))
            return true;
    return false;
}

/* Size and ID of the parent. */
static bool look_at_backing(const char *filename, CreateOptions *c, bool want_size, Error **errp)
{
    BlockNode *b = block_open_backing(filename, c->backing, c->backing_format, errp);
    if (!b)
        return false;
    bool ok = !strcmp(b->drv->name, "vmdk");
    if (ok)
        c->parent_cid = ((const Vmdk *)b->state)->cid;
    else
        error_setg(errp, "backing_file must be a vmdk image");
    if (want_size)
        c->size = block_size(b);
    block_unref(b);
    return ok;
}

static bool parse_create(const char *filename, CreateOptions *c, OptGroup *o, Error **errp)
{
    static const char *const adapters[] = { "ide", "buslogic", "lsilogic", "legacyESX", NULL };
    static const char *const subformats[] = { "monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat", "streamOptimized", NULL };
    bool compat6 = false;
    const char *hw = opts_get(o, "hwversion"), *tools = opts_get(o, "toolsversion"), *adapter = opts_get(o, "adapter_type"),
               *sub = opts_get(o, "subformat"), *wrong = NULL;
    *c = (CreateOptions){ .parent_cid = VMDK_NO_PARENT, .backing = opts_get(o, "backing_file"), .backing_format = opts_get(o, "backing_fmt") };
    if (!opts_get_size(o, "size", &c->size, errp) || !opts_get_bool(o, "compat6", &compat6, errp) ||
        !opts_get_bool(o, "zeroed_grain", &c->zeroed_grain, errp))
        return false;
    if (hw && !strcmp(hw, "undefined"))
        hw = NULL;
    c->adapter = adapter ? adapter : "ide";
    c->subformat = sub ? sub : "monolithicSparse";
    c->hwversion = hw ? hw : compat6 ? "6" : "4";
    c->toolsversion = tools ? tools : "2147483647";
    c->flat = g_str_has_suffix(c->subformat, "Flat");
    c->split = g_str_has_prefix(c->subformat, "twoGb");
    c->compress = !strcmp(c->subformat, "streamOptimized");
    if (!one_of(c->adapter, adapters) || !one_of(c->subformat, subformats)) {
        error_setg(errp, "invalid parameter value: %s", one_of(c->adapter, adapters) ? c->subformat : c->adapter);
        return false;
    }
    if (compat6 && hw)
        wrong = "compat6 cannot be enabled with hwversion set";
    else if (c->flat && c->backing)
        wrong = "Flat image can't have backing file";
    else if (c->flat && c->zeroed_grain)
        wrong = "Flat image can't enable zeroed grain";
    else if (strpbrk(c->hwversion, "\"\n") || strpbrk(c->toolsversion, "\"\n") || (c->backing && strpbrk(c->backing, "\"\n")) || strpbrk(filename, "\"\n"))
        wrong = "quotes and line ends have no place in a descriptor";
    if (wrong)
        error_setg(errp, "%s", wrong);
    if (wrong || (c->backing && !look_at_backing(filename, c, !opts_get(o, "size"), errp)))
        return false;
    c->size = (c->size + BLOCK_SECTOR - 1) & ~(uint64_t)(BLOCK_SECTOR - 1);
    return true;
}

static uint64_t sectors(uint64_t bytes)
{
    return (bytes + BLOCK_SECTOR - 1) / BLOCK_SECTOR;
}

/* Header, both directories and all tables; the disk's first grain follows them. */
static int write_sparse(BlockNode *f, const CreateOptions *c, uint64_t size, bool descriptor)
{
    uint64_t capacity = sectors(size), tables = (capacity + (uint64_t)GRAIN * GTES - 1) / ((uint64_t)GRAIN * GTES), each = sectors(4ull * GTES);
    uint64_t directory = sectors(4 * tables), half = directory + tables * each;
    uint64_t rgd = DESCRIPTOR_AT + DESCRIPTOR_SECTORS, gd = rgd + half, overhead = (gd + half + GRAIN - 1) / GRAIN * GRAIN;
    VmdkHeader h = {
        .magic = GUINT32_TO_LE(VMDK_MAGIC), .version = GUINT32_TO_LE(c->compress ? 3 : c->zeroed_grain ? 2 : 1),
        .flags = GUINT32_TO_LE(VMDK_NEWLINE_TEST | VMDK_REDUNDANT | (c->compress ? VMDK_COMPRESSED | VMDK_MARKERS : 0) |
                               (c->zeroed_grain ? VMDK_ZEROED_GRAIN : 0)),
        .capacity = GUINT64_TO_LE(capacity), .grain = GUINT64_TO_LE((uint64_t)GRAIN), .gtes = GUINT32_TO_LE(GTES),
        .descriptor_offset = GUINT64_TO_LE((uint64_t)(descriptor ? DESCRIPTOR_AT : 0)),
        .descriptor_size = GUINT64_TO_LE((uint64_t)(descriptor ? DESCRIPTOR_SECTORS : 0)),
        .rgd_offset = GUINT64_TO_LE(rgd), .gd_offset = GUINT64_TO_LE(gd), .overhead = GUINT64_TO_LE(overhead),
        .newline = { '\n', ' ', '\r', '\n' }, .compression = GUINT16_TO_LE(c->compress ? 1 : 0),
    };
    int ret = block_write_zeroes(f, 0, overhead * BLOCK_SECTOR, false);
    ret = ret ? ret : block_write(f, 0, &h, sizeof(h));
    uint32_t *entries = g_malloc0(directory * BLOCK_SECTOR + 1);
    for (unsigned copy = 0; ret == 0 && copy < 2; copy++) {
        uint64_t at = copy ? gd : rgd;
        for (uint64_t i = 0; i < tables; i++)
            entries[i] = GUINT32_TO_LE((uint32_t)(at + directory + i * each));
        ret = block_write(f, at * BLOCK_SECTOR, entries, directory * BLOCK_SECTOR);
    }
    g_free(entries);
    return ret;
}

static bool make_extent(const char *name, const CreateOptions *c, uint64_t size, bool descriptor, Error **errp)
{
    BlockNode *f = block_create_file(name, errp);
    if (!f)
        return false;
    bool ok = !c->flat || block_truncate(f, size, NULL, errp) == 0;
    int ret = ok && !c->flat ? write_sparse(f, c, size, descriptor) : 0;
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not write '%s'", name);
    block_unref(f);
    return ok && ret == 0;
}

/* "dir/disk.vmdk" to "dir/disk-s001.vmdk", "dir/disk-flat.vmdk" … */
static char *extent_name(const char *filename, const CreateOptions *c, unsigned i)
{
    const char *slash = strrchr(filename, '/'), *base = slash ? slash + 1 : filename, *dot = strrchr(base, '.');
    int stem = (int)((dot ? dot : filename + strlen(filename)) - filename);
    if (c->split)
        return g_strdup_printf("%.*s-%c%03u%s", stem, filename, c->flat ? 'f' : 's', i, dot ? dot : "");
    return g_strdup_printf("%.*s-flat%s", stem, filename, dot ? dot : "");
}

static bool make_extents(const char *filename, const CreateOptions *c, GString *lines, Error **errp)
{
    uint64_t left = c->size;
    bool ok = true;
    if (!c->split && !c->flat) {
        g_string_append_printf(lines, "RW %" PRIu64 " SPARSE \"%s\"\n", sectors(c->size), strrchr(filename, '/') ? strrchr(filename, '/') + 1 : filename);
        return make_extent(filename, c, c->size, true, errp);
    }
    for (unsigned i = 1; ok && (left || i == 1); i++) {
        uint64_t size = c->split ? MIN(left, VMDK_EXTENT_SIZE) : left;
        char *name = extent_name(filename, c, i), *base = g_path_get_basename(name);
        ok = make_extent(name, c, size, false, errp);
        g_string_append_printf(lines, "RW %" PRIu64 " %s \"%s\"%s\n", sectors(size), c->flat ? "FLAT" : "SPARSE", base, c->flat ? " 0" : "");
        g_free(name);
        g_free(base);
        left -= size;
    }
    return ok;
}

static char *descriptor(const CreateOptions *c, const char *extents)
{
    uint32_t cid;
    unsigned heads = strcmp(c->adapter, "ide") ? 255 : 16;
    do
        guest_random(&cid, sizeof(cid));
    while (cid == VMDK_NO_PARENT);
    char *parent = c->backing ? g_strdup_printf("parentFileNameHint=\"%s\"", c->backing) : g_strdup("");
    char *text = g_strdup_printf("# Disk DescriptorFile\nversion=1\nCID=%08x\nparentCID=%08x\ncreateType=\"%s\"\n%s\n# Extent description\n%s\n"
                                 "# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"%s\"\nddb.geometry.cylinders = \"%" PRIu64 "\"\n"
                                 "ddb.geometry.heads = \"%u\"\nddb.geometry.sectors = \"63\"\nddb.adapterType = \"%s\"\nddb.toolsVersion = \"%s\"\n",
                                 cid, c->parent_cid, c->subformat, parent, extents, c->hwversion, sectors(c->size) / (63 * heads), heads, c->adapter,
                                 c->toolsversion);
    g_free(parent);
    return text;
}

bool vmdk_create(const char *filename, OptGroup *o, Error **errp)
{
    CreateOptions c;
    if (!parse_create(filename, &c, o, errp))
        return false;
    if (c.size > (c.split ? VMDK_EXTENTS_MAX : c.flat ? BLOCK_MAX_LENGTH / VMDK_EXTENT_SIZE : 4096 * 8) * VMDK_EXTENT_SIZE) {
        error_setg(errp, "Disk size is too large");
        return false;
    }
    bool in_file = !c.split && !c.flat;
    GString *lines = g_string_new(NULL);
    bool ok = make_extents(filename, &c, lines, errp);
    char *text = descriptor(&c, lines->str);
    uint64_t len = strlen(text);
    if (ok && in_file && len > DESCRIPTOR_SECTORS * BLOCK_SECTOR) {
        error_setg(errp, "the descriptor is too long");
        ok = false;
    }
    BlockNode *f = !ok ? NULL : in_file ? block_open_file(filename, "file", BLOCK_RDWR, errp) : block_create_file(filename, errp);
    int ret = ok && f ? block_write(f, in_file ? DESCRIPTOR_AT * BLOCK_SECTOR : 0, text, len) : 0;
    if (ret < 0)
        error_setg_errno(errp, -ret, "Could not write description");
    block_unref(f);
    g_free(text);
    g_string_free(lines, TRUE);
    return ok && f && ret == 0;
}
