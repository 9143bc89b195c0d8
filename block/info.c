/* SPDX-License-Identifier: MIT */
/* What there is to say of an image, as QMP's ImageInfo and as text for people. */
#include "snapshot.h"

#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

char *block_human_size(uint64_t v)
{
    static const char units[] = " KMGTPE";
    double d = (double)v;
    unsigned u = 0;
    while (d >= 1000 && u < 6) {
        d /= 1024;
        u++;
    }
    return u ? g_strdup_printf("%.3g %ciB", d, units[u]) : g_strdup_printf("%" PRIu64 " B", v);
}


static json_t *snapshots_json(BlockNode *n)
{
    BlockSnapshot *s = NULL;
    json_t *list = json_array();
    int count = n->drv->snapshot_list ? n->drv->snapshot_list(n, &s) : 0;
    for (int i = 0; i < count; i++)
        json_array_append_new(list, block_snapshot_json(&s[i]));
    block_snapshots_free(s, count);
    if (json_array_size(list))
        return list;
    json_decref(list);
    return NULL;
}

static int64_t allocated(const BlockNode *n)
{
    if (n->drv->allocated)
        return n->drv->allocated((BlockNode *)n);
    return n->file ? allocated(n->file) : -1;
}

void *block_image_info(BlockNode *n, bool chain)
{
    json_t *j = json_object();
    json_object_set_new(j, "virtual-size", json_integer((json_int_t)block_size(n)));
    json_object_set_new(j, "filename", json_string(n->filename));
    if (n->cluster_size)
        json_object_set_new(j, "cluster-size", json_integer(n->cluster_size));
    json_object_set_new(j, "format", json_string(n->drv->name));
    if (allocated(n) >= 0)
        json_object_set_new(j, "actual-size", json_integer(allocated(n)));
    if (n->backing_file) {
        char *full = block_relative_name(n->filename, n->backing_file);
        json_object_set_new(j, "full-backing-filename", json_string(full));
        json_object_set_new(j, "backing-filename", json_string(n->backing_file));
        if (n->backing_format)
            json_object_set_new(j, "backing-filename-format", json_string(n->backing_format));
        g_free(full);
    }
    json_t *snapshots = snapshots_json(n);
    if (snapshots)
        json_object_set_new(j, "snapshots", snapshots);
    if (n->drv->info) {
        json_t *data = json_object(), *specific = json_object();
        n->drv->info(n, data);
        json_object_set_new(specific, "type", json_string(n->drv->name));
        json_object_set_new(specific, "data", data);
        json_object_set_new(j, "format-specific", specific);
    }
    json_object_set_new(j, "dirty-flag", json_false());
    if (chain && n->backing)
        json_object_set_new(j, "backing-image", block_image_info(n->backing, true));
    return j;
}

void block_print_snapshots(FILE *out, const BlockSnapshot *s, int n)
{
    fprintf(out, "%-10s%-17s%8s%20s%13s%11s\n", "ID", "TAG", "VM SIZE", "DATE", "VM CLOCK", "ICOUNT");
    for (int i = 0; i < n; i++) {
        time_t t = (time_t)s[i].date_sec;
        char date[32], icount[24] = "", *size = block_human_size(s[i].vm_state_size);
        char clock[64];
        uint64_t secs = s[i].vm_clock_ns / 1000000000;
        snprintf(clock, sizeof(clock), "%02" PRIu64 ":%02" PRIu64 ":%02" PRIu64 ".%03" PRIu64, secs / 3600, secs / 60 % 60, secs % 60,
                 s[i].vm_clock_ns / 1000000 % 1000);
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", localtime(&t));
        if (s[i].icount && s[i].icount != UINT64_MAX)
            snprintf(icount, sizeof(icount), "%" PRIu64, s[i].icount);
        fprintf(out, "%-9s %-16s %8s%20s%13s%11s\n", s[i].id, s[i].name, size, date, clock, icount);
        g_free(size);
    }
}

static void print_value(FILE *out, const char *key, const json_t *v, int indent)
{
    char *name = g_strdelimit(g_strdup(key), "-", ' ');
    const char *sub;
    json_t *member;
    size_t i;
    fprintf(out, "%*s%s:", indent, "", name);
    g_free(name);
    switch (json_typeof(v)) {
    case JSON_STRING: fprintf(out, " %s\n", json_string_value(v)); break;
    case JSON_INTEGER: fprintf(out, " %" JSON_INTEGER_FORMAT "\n", json_integer_value(v)); break;
    case JSON_OBJECT:
        fprintf(out, "\n");
        json_object_foreach((json_t *)v, sub, member)
            print_value(out, sub, member, indent + 4);
        break;
    case JSON_ARRAY:
        fprintf(out, "\n");
        json_array_foreach((json_t *)v, i, member) {
            char label[32];
            snprintf(label, sizeof(label), "[%zu]", i);
            print_value(out, label, member, indent + 4);
        }
        break;
    default: fprintf(out, " %s\n", json_is_true(v) ? "true" : "false"); break;
    }
}

/* "Format specific information" and its members, or nothing. */
static void print_specific(FILE *out, const json_t *image_info)
{
    json_t *data = json_object_get(json_object_get(image_info, "format-specific"), "data"), *v;
    const char *key;
    if (data)
        fprintf(out, "Format specific information:\n");
    json_object_foreach(data, key, v)
        print_value(out, key, v, 4);
}

void block_print_specific_info(FILE *out, BlockNode *n)
{
    json_t *j = block_image_info(n, false);
    print_specific(out, j);
    json_decref(j);
}

void block_print_image_info(FILE *out, BlockNode *n)
{
    json_t *j = block_image_info(n, false);
    json_t *used = json_object_get(j, "actual-size");
    char *virt = block_human_size(block_size(n)), *disk = used ? block_human_size((uint64_t)json_integer_value(used)) : g_strdup("unavailable");
    BlockSnapshot *s = NULL;
    int count = n->drv->snapshot_list ? n->drv->snapshot_list(n, &s) : 0;
    fprintf(out, "image: %s\nfile format: %s\nvirtual size: %s (%" PRIu64 " bytes)\ndisk size: %s\n", n->filename, n->drv->name, virt,
            block_size(n), disk);
    if (n->cluster_size)
        fprintf(out, "cluster_size: %u\n", n->cluster_size);
    if (n->backing_file) {
        const char *full = json_string_value(json_object_get(j, "full-backing-filename"));
        bool same = !strcmp(full, n->backing_file);
        fprintf(out, "backing file: %s%s%s%s\n", n->backing_file, same ? "" : " (actual path: ", same ? "" : full, same ? "" : ")");
        if (n->backing_format)
            fprintf(out, "backing file format: %s\n", n->backing_format);
    }
    if (count) {
        fprintf(out, "Snapshot list:\n");
        block_print_snapshots(out, s, count);
    }
    block_snapshots_free(s, count);
    print_specific(out, j);
    json_decref(j);
    g_free(virt);
    g_free(disk);
}
