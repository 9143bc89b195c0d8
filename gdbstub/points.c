/* SPDX-License-Identifier: MIT */
/*
 * Breakpoints and watchpoints of gdb. gdb takes all of them out at each stop and puts them back before it goes on;
 * here that only changes a list, and the vCPUs learn of the difference when code is about to run.
 */
#include "internal.h"

#include <stdlib.h>
#include <string.h>

#define POINTS_MAX 4096

static GDBPoint *point_at(GArray *list, guint i)
{
    return &g_array_index(list, GDBPoint, i);
}

static bool same_point(const GDBPoint *a, const GDBPoint *b)
{
    return a->type == b->type && a->addr == b->addr && a->len == b->len;
}

static int find_point(GArray *list, const GDBPoint *point)
{
    for (guint i = 0; i < list->len; i++)
        if (same_point(point_at(list, i), point))
            return (int)i;
    return -1;
}

static bool is_breakpoint(const GDBPoint *p)
{
    return p->type <= '1';
}

bool gdb_wants_breakpoint(uint64_t pc)
{
    for (guint i = 0; i < gdb.points->len; i++)
        if (is_breakpoint(point_at(gdb.points, i)) && point_at(gdb.points, i)->addr == pc)
            return true;
    return false;
}

/* "TYPE,ADDR,KIND"; what may follow (conditions, commands) was not offered in qSupported. */
void gdb_point_packet(Packet p, bool insert)
{
    GDBPoint point = { .type = p.p < p.end ? (char)*p.p++ : 0 };
    if (point.type < '0' || point.type > '4') {
        gdb_send_text(""); /* no such type: gdb does without */
        return;
    }
    if (!packet_char(&p, ',') || !packet_hex(&p, &point.addr) || !packet_char(&p, ',') || !packet_hex(&p, &point.len) ||
        (!is_breakpoint(&point) && (!point.len || point.addr + point.len - 1 < point.addr))) {
        gdb_error(0x22);
        return;
    }
    int at = find_point(gdb.points, &point);
    if (insert && at < 0 && gdb.points->len == POINTS_MAX) {
        gdb_error(0x0c);
        return;
    }
    if (insert && at < 0)
        g_array_append_val(gdb.points, point);
    else if (!insert && at >= 0)
        g_array_remove_index_fast(gdb.points, (guint)at);
    gdb_send_text("OK"); /* both are idempotent */
}

/* ---- To the vCPUs ---- */

static int compare_pc(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void sync_breakpoints(void)
{
    uint64_t *pcs = g_new(uint64_t, gdb.points->len + 1);
    unsigned n = 0, unique = 0;
    for (guint i = 0; i < gdb.points->len; i++)
        if (is_breakpoint(point_at(gdb.points, i)))
            pcs[n++] = point_at(gdb.points, i)->addr;
    qsort(pcs, n, sizeof(*pcs), compare_pc);
    for (unsigned i = 0; i < n; i++)
        if (!i || pcs[i] != pcs[i - 1])
            pcs[unique++] = pcs[i];
    debugger_set_breakpoints(pcs, unique);
    g_free(pcs);
}

static int watch_flags(const GDBPoint *p)
{
    return BP_GDB | (p->type == '2' ? BP_MEM_WRITE : p->type == '3' ? BP_MEM_READ : BP_MEM_ACCESS);
}

static void sync_watchpoints(void)
{
    for (guint i = gdb.installed->len; i-- > 0;) {
        GDBPoint *p = point_at(gdb.installed, i);
        if (find_point(gdb.points, p) >= 0)
            continue;
        CPU_FOREACH(cpu)
            cpu_watchpoint_remove(cpu, p->addr, p->len, watch_flags(p));
        g_array_remove_index_fast(gdb.installed, i);
    }
    for (guint i = 0; i < gdb.points->len; i++) {
        GDBPoint p = *point_at(gdb.points, i);
        if (is_breakpoint(&p) || find_point(gdb.installed, &p) >= 0)
            continue;
        CPU_FOREACH(cpu)
            cpu_watchpoint_insert(cpu, p.addr, p.len, watch_flags(&p));
        g_array_append_val(gdb.installed, p);
    }
}

void gdb_points_sync(bool breakpoints)
{
    sync_watchpoints();
    if (breakpoints)
        sync_breakpoints();
}

void gdb_points_clear(void)
{
    g_array_set_size(gdb.points, 0);
    gdb_points_sync(true);
}
