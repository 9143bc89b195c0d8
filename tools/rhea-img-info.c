/* SPDX-License-Identifier: MIT */
/* rhea-img: looking at images: info, check, map. */
#include "rhea-img.h"
#include "util/error.h"
#include "util/options.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- info ---- */

int cmd_info(Args *a)
{
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    json_t *list = json_array();
    char *name = g_strdup(a->names[0]), *format = g_strdup(a->format);
    int status = 0;
    for (int depth = 0; name && depth < 64; depth++) {
        BlockNode *n = open_image(a, name, format, BLOCK_NO_BACKING);
        g_free(name);
        g_free(format);
        name = format = NULL;
        if (!n) {
            status = 1;
            break;
        }
        json_t *j = block_image_info(n, false);
        if (!a->json) {
            if (depth)
                printf("\n");
            block_print_image_info(stdout, n);
        }
        json_array_append_new(list, j);
        if (a->backing_chain && n->backing_file) {
            name = block_relative_name(n->filename, n->backing_file);
            format = g_strdup(n->backing_format);
        }
        block_unref(n);
    }
    if (a->json && !status) {
        char *text = json_dumps(a->backing_chain ? list : json_array_get(list, 0), JSON_INDENT(4));
        puts(text);
        free(text);
    }
    json_decref(list);
    return status;
}

/* ---- check: 0 good, 1 could not check, 2 corrupt, 3 leaks, 63 not supported ---- */

int cmd_check(Args *a)
{
    Error *err = NULL;
    int fix = 0;
    BlockCheck r = { .report = !a->quiet };
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    if (a->repair && strcmp(a->repair, "leaks") && strcmp(a->repair, "all")) {
        error_report("Unknown option value for -r (expecting 'leaks' or 'all'): %s", a->repair);
        return 1;
    }
    if (a->repair)
        fix = BLOCK_FIX_LEAKS | (strcmp(a->repair, "all") ? 0 : BLOCK_FIX_ERRORS);
    BlockNode *n = open_image(a, a->names[0], a->format, BLOCK_CHECK | BLOCK_NO_BACKING | (fix ? BLOCK_RDWR : 0));
    if (!n)
        return 1;
    if (!n->drv->check) {
        error_report("This image format does not support checks");
        block_unref(n);
        return 63;
    }
    bool ok = n->drv->check(n, fix, &r, &err);
    if (ok && fix && block_flush(n) < 0)
        ok = false;
    block_unref(n);
    if (!ok)
        return err ? die(err) : 1;
    if ((r.fixed_leaks || r.fixed_corruptions) && !a->quiet)
        printf("The following inconsistencies were found and repaired:\n\n    %" PRIu64 " leaked clusters\n    %" PRIu64 " corruptions\n\n"
               "Double checking the fixed image now...\n", r.fixed_leaks, r.fixed_corruptions);
    if (!r.corruptions && !r.leaks && !r.errors && !a->quiet)
        printf("No errors were found on the image.\n");
    if (r.corruptions)
        printf("\n%" PRIu64 " errors were found on the image.\nData may be corrupted, or further writes to the image may corrupt it.\n", r.corruptions);
    if (r.leaks)
        printf("\n%" PRIu64 " leaked clusters were found on the image.\nThis means waste of disk space, but no harm to data.\n", r.leaks);
    if (r.errors)
        printf("\n%" PRIu64 " internal errors have occurred during the check.\n", r.errors);
    if (r.clusters)
        printf("%" PRIu64 "/%" PRIu64 " = %0.2f%% allocated, %0.2f%% fragmented, %0.2f%% compressed clusters\n", r.allocated, r.clusters,
               100.0 * (double)r.allocated / (double)r.clusters, r.allocated ? 100.0 * (double)r.fragmented / (double)r.allocated : 0,
               r.allocated ? 100.0 * (double)r.compressed / (double)r.allocated : 0);
    if (r.end_offset)
        printf("Image end offset: %" PRIu64 "\n", r.end_offset);
    return r.corruptions ? 2 : r.errors ? 1 : r.leaks ? 3 : 0;
}

/* ---- map ---- */

static bool map_limit(const char *text, const char *what, uint64_t *out)
{
    if (!text || (parse_size(what, text, 1, out, NULL) && *out <= INT64_MAX))
        return true;
    error_report("Invalid %s specified. You may use k, M, G, T, P or E suffixes for", what);
    error_report("kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
    return false;
}

int cmd_map(Args *a)
{
    if (a->count != 1) {
        error_report("Expecting one image file name");
        return 1;
    }
    uint64_t start = 0, max = UINT64_MAX;
    if (!map_limit(a->map_start, "start offset", &start) || !map_limit(a->map_length, "max length", &max))
        return 1;
    BlockNode *n = open_image(a, a->names[0], a->format, 0);
    if (!n)
        return 1;
    if (!a->json)
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    bool first = true;
    uint64_t end = start < block_size(n) ? start + MIN(max, block_size(n) - start) : start;
    if (a->json && end == start) {
        printf("[{ \"start\": %" PRIu64 ", \"length\": 0, \"depth\": 0, \"present\": false, \"zero\": false, \"data\": false}", start);
        first = false;
    }
    for (uint64_t at = start, len; at < end; at += len) {
        BlockNode *where = n;
        uint64_t map = 0;
        int depth = 0, s = 0;
        len = end - at;
        for (; where; where = where->backing, depth++) {
            s = block_status(where, at, &len, &map);
            if (s < 0 || s & (BLOCK_DATA | BLOCK_ZERO) || !where->backing)
                break;
        }
        if (s < 0) {
            error_report("Failed to read image metadata: %s", strerror(-s));
            block_unref(n);
            return 1;
        }
        if (!len)
            break;
        if (a->json) {
            printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64 ", \"depth\": %d, \"present\": %s, \"zero\": %s, \"data\": %s", first ? "[" : ",\n",
                   at, len, depth, s & (BLOCK_DATA | BLOCK_ALLOCATED) ? "true" : "false", s & BLOCK_ZERO ? "true" : "false",
                   s & BLOCK_DATA ? "true" : "false");
            if (s & BLOCK_OFFSET)
                printf(", \"offset\": %" PRIu64, map);
            printf("}");
            first = false;
        } else if (s & BLOCK_DATA && !(s & BLOCK_OFFSET)) {
            error_report("File contains external, encrypted or compressed clusters.");
            block_unref(n);
            return 1;
        } else if (s & BLOCK_DATA && !(s & BLOCK_ZERO)) {
            printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", at, len, map,
                   where->drv->map_file ? where->drv->map_file(where, at) : where->filename);
        }
    }
    if (a->json)
        printf("%s]\n", first ? "[" : "");
    block_unref(n);
    return 0;
}
