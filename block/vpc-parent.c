/* SPDX-License-Identifier: MIT */
/*
 * The name of a differencing VHD's parent: in the header, and as texts that locators point to. Read: a relative name (W2ru), an absolute one (W2ku), a
 * file URL (MacX), then the header's. Written: the relative or the absolute name, and the header's. Windows' separators become ours and back.
 */
#include "util/error.h"
#include "vpc.h"

#include <string.h>
#include <sys/stat.h>

#define NAME_BYTES 4096u
#define EPOCH_2000 946684800

/* UTF-16 of a foreign file. NULL: not a name. Caller frees. */
static char *from_utf16(const uint8_t *text, size_t bytes, bool big_endian)
{
    gunichar2 *units = g_new0(gunichar2, bytes / 2 + 1);
    glong n = 0;
    for (; n < (glong)(bytes / 2); n++) {
        units[n] = (gunichar2)(big_endian ? text[2 * n] << 8 | text[2 * n + 1] : text[2 * n + 1] << 8 | text[2 * n]);
        if (!units[n])
            break;
    }
    char *name = g_utf16_to_utf8(units, n, NULL, NULL, NULL);
    g_free(units);
    return name;
}

/* A name fit to be opened; frees and replaces text. */
static char *clean(char *text)
{
    char *name = text;
    for (const char *p = text; p && *p; p++)
        if ((unsigned char)*p < ' ')
            name = NULL;
    if (name && !strchr(name, '/'))
        g_strdelimit(name, "\\", '/');
    if (name && g_str_has_prefix(name, "./"))
        name += 2;
    name = name && *name ? g_strdup(name) : NULL;
    g_free(text);
    return name;
}

static char *read_text(BlockNode *n, const VPCLocator *l)
{
    uint32_t length = GUINT32_FROM_BE(l->length);
    uint8_t *text = g_malloc0(length + 1);
    char *name = NULL;
    if (block_read(n->file, GUINT64_FROM_BE(l->offset), text, length) == 0)
        name = !memcmp(l->platform, "MacX", 4) ? g_filename_from_uri((char *)text, NULL, NULL) : from_utf16(text, length, false);
    g_free(text);
    return clean(name);
}

bool vpc_read_parent(BlockNode *n, const VPCHeader *h, uint64_t *end, Error **errp)
{
    static const char platforms[][5] = { "W2ru", "W2ku", "MacX" };
    uint64_t file = block_size(n->file);
    char *name = NULL;
    *end = 0;
    for (unsigned i = 0; i < VPC_LOCATORS; i++) {
        const VPCLocator *l = &h->locator[i];
        uint64_t offset = GUINT64_FROM_BE(l->offset), length = GUINT32_FROM_BE(l->length);
        if (!memcmp(l->platform, "\0\0\0", 4) || !length)
            continue;
        if (length > NAME_BYTES || offset > file || length > file - offset) {
            error_setg(errp, "invalid VPC image: the name of the parent lies outside the file");
            return false;
        }
        *end = MAX(*end, offset + length);
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(platforms); k++)
        for (unsigned i = 0; i < VPC_LOCATORS && !name; i++)
            if (!memcmp(h->locator[i].platform, platforms[k], 4) && h->locator[i].length)
                name = read_text(n, &h->locator[i]);
    if (!name)
        name = clean(from_utf16((const uint8_t *)h + offsetof(VPCHeader, parent_name), sizeof(h->parent_name), true));
    if (!name) {
        error_setg(errp, "invalid VPC image: a differencing disk without the name of its parent");
        return false;
    }
    n->backing_file = name;
    n->backing_format = g_strdup("vpc");
    return true;
}

static void put_locator(VPCLocator *l, const char *platform, GByteArray *texts, uint64_t at, const gunichar2 *text, glong units)
{
    uint32_t length = (uint32_t)(2 * units), space = (length + BLOCK_SECTOR - 1) / BLOCK_SECTOR * BLOCK_SECTOR;
    guint start = texts->len;
    memcpy(l->platform, platform, 4);
    l->space = GUINT32_TO_BE(space);
    l->length = GUINT32_TO_BE(length);
    l->offset = GUINT64_TO_BE(at + start);
    g_byte_array_set_size(texts, start + space);
    memset(texts->data + start, 0, space);
    for (glong i = 0; i < units; i++) {
        texts->data[start + 2 * i] = (uint8_t)text[i];
        texts->data[start + 2 * i + 1] = (uint8_t)(text[i] >> 8);
    }
}

bool vpc_name_parent(VPCHeader *h, GByteArray *texts, uint64_t at, const char *filename, const char *parent, Error **errp)
{
    bool absolute = parent[0] == '/';
    g_autofree char *base = g_path_get_basename(parent), *full = block_relative_name(filename, parent);
    g_autofree char *spelled = absolute ? g_strdup(parent) : g_strconcat(".\\", parent, NULL);
    glong units = 0, base_units = 0;
    if (!absolute)
        g_strdelimit(spelled, "/", '\\');
    g_autofree gunichar2 *text = g_utf8_to_utf16(spelled, -1, NULL, &units, NULL);
    g_autofree gunichar2 *name = g_utf8_to_utf16(base, -1, NULL, &base_units, NULL);
    struct stat st;
    if (!text || !name || 2 * (uint64_t)units > NAME_BYTES || (!absolute && strchr(parent, '\\'))) {
        error_setg(errp, "a VPC image cannot name '%s' as its parent", parent);
        return false;
    }
    for (glong i = 0; i < MIN(base_units, (glong)G_N_ELEMENTS(h->parent_name) - 1); i++)
        h->parent_name[i] = GUINT16_TO_BE(name[i]);
    if (stat(full, &st) == 0 && st.st_mtime > EPOCH_2000)
        h->parent_time = GUINT32_TO_BE((uint32_t)(st.st_mtime - EPOCH_2000));
    put_locator(&h->locator[0], absolute ? "W2ku" : "W2ru", texts, at, text, units);
    return true;
}
