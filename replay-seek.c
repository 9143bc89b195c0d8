/* SPDX-License-Identifier: MIT */
/*
 * Going to a position of a recording that is replayed: snapshots are kept at the marks that replay passes; going back loads the
 * nearest one before and runs forward to the position, without heeding the debugger's points. To go back to a point that was hit,
 * the stretch behind each snapshot, the last one first, is run until one has hits: the last hit is the place.
 */
#include "block/block.h"
#include "exec/icount.h"
#include "exec/replay-internal.h"
#include "hw/boards.h"
#include "ram-snapshot.h"
#include "savevm.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "vl.h"

#include <glib.h>
#include <inttypes.h>

#define SNAPSHOTS_MAX_BYTES (768 * MiB)
#define SNAPSHOTS_MAX 1000

typedef struct Place {
    uint64_t position;
    VMSnapshot *vm;
    ReplayCursor at;
} Place;

static GArray *places; /* ascending */
static bool keep;
static uint64_t break_at = UINT64_MAX;

static struct {
    bool active;
    void (*done)(void *opaque);
    void *opaque;
} seek;

static struct {
    bool active;
    uint64_t end;            /* of the stretch */
    uint64_t start;
    uint64_t hit;            /* UINT64_MAX: none yet */
    void (*done)(bool hit);
} search;

/* ---- Snapshots ---- */

static Place *place(guint i)
{
    return &g_array_index(places, Place, i);
}

/* The last place at or before a position, -1: none. */
static int place_before(uint64_t position)
{
    int found = -1;
    for (guint i = 0; places && i < places->len && place(i)->position <= position; i++)
        found = (int)i;
    return found;
}

uint64_t replay_first_position(void)
{
    return places && places->len ? place(0)->position : icount_position();
}

/* Those that lie closest together lose one. */
static void thin_out(void)
{
    while (places->len > 2 && (places->len > SNAPSHOTS_MAX || ram_snapshot_bytes() > SNAPSHOTS_MAX_BYTES)) {
        guint best = 1;
        uint64_t smallest = UINT64_MAX;
        for (guint i = 1; i + 1 < places->len; i++) {
            uint64_t gap = place(i + 1)->position - place(i - 1)->position;
            if (gap < smallest) {
                smallest = gap;
                best = i;
            }
        }
        vm_snapshot_free(place(best)->vm);
        g_array_remove_index(places, best);
    }
}

void replay_reached_mark(void)
{
    uint64_t now = icount_position();
    int before = place_before(now);
    if (!keep || (before >= 0 && place((guint)before)->position == now) || block_busy())
        return;
    Place p = { now, vm_snapshot_take(), replay.at };
    g_array_insert_val(places, (guint)(before + 1), p);
    thin_out();
}

void replay_keep_snapshots(void)
{
    if (!places)
        places = g_array_new(FALSE, FALSE, sizeof(Place));
    keep = replay_mode == REPLAY_PLAY;
}

bool replay_keeps_snapshots(void)
{
    return keep;
}

static bool load_place(const Place *p, Error **errp)
{
    uint64_t now = icount_position();
    if (!vm_snapshot_load(p->vm, errp))
        return false;
    replay.seen = MAX(replay.seen, now);
    replay.at = p->at;
    replay.over = replay.may_interrupt = false;
    return true;
}

/* ---- Stopping somewhere ---- */

static void update_stop(uint64_t target)
{
    replay.stop_at = MIN(target, break_at > icount_position() ? break_at : UINT64_MAX);
}

static void stop_reached(void *opaque)
{
    if (icount_position() != replay.stop_at)
        return; /* someone thought better of it */
    bool was_seek = seek.active;
    seek.active = false;
    vm_stop_as(was_seek ? RUN_STATE_DEBUG : RUN_STATE_PAUSED);
    replay.stop_at = UINT64_MAX;
    if (was_seek)
        seek.done(seek.opaque);
    else
        break_at = UINT64_MAX;
}

bool replay_reached_stop(void)
{
    static uint64_t told = UINT64_MAX;
    if (icount_position() < replay.stop_at) {
        told = UINT64_MAX;
        return false;
    }
    if (told != replay.stop_at) {
        told = replay.stop_at;
        main_loop_run_soon(stop_reached, NULL);
    }
    return true;
}

static void end_reached(void *opaque)
{
    if (!replay.over)
        return;
    if (keep || runstate_no_shutdown)
        vm_stop_as(RUN_STATE_PAUSED);
    else
        system_quit_request();
}

void replay_reached_end(void)
{
    if (replay.over)
        return;
    replay.over = true;
    main_loop_run_soon(end_reached, NULL);
}

bool replay_seek(uint64_t position, void (*done)(void *opaque), void *opaque, Error **errp)
{
    uint64_t now = icount_position();
    int from = place_before(position);
    if (replay_mode != REPLAY_PLAY || position > replay.file.length) {
        error_setg(errp, replay_mode != REPLAY_PLAY ? "no recording is being replayed" : "the recording ends before this instruction");
        return false;
    }
    bool forward = now <= position && !replay.over;
    if (!forward && from < 0) {
        error_setg(errp, "there is no snapshot before this instruction (snapshots are kept when gdb may attach)");
        return false;
    }
    bool shorter = from >= 0 && place((guint)from)->position > now && !search.active; /* a search has to see all of it */
    if ((!forward || shorter) && !load_place(place((guint)from), errp))
        return false;
    seek.active = true;
    seek.done = done;
    seek.opaque = opaque;
    replay.stop_at = position;
    vm_start();
    return true;
}

void replay_cancel(void)
{
    seek.active = search.active = false;
    update_stop(UINT64_MAX);
}

bool replay_seeking(void)
{
    return seek.active;
}

void replay_set_break(uint64_t position)
{
    break_at = position;
    update_stop(UINT64_MAX);
}

uint64_t replay_break(void)
{
    return break_at;
}

/* ---- Backwards to a hit ---- */

bool replay_note_hit(const CPUState *cpu, bool watchpoint)
{
    if (!seek.active)
        return false;
    uint64_t at = icount_position() - (watchpoint ? 1 : 0);
    if (search.active && at < search.end)
        search.hit = at;
    return true;
}

static void search_stretch(void);

static void found(void *opaque)
{
    search.done(true);
}

static void at_beginning(void *opaque)
{
    search.done(false);
}

static void go(uint64_t position, void (*done)(void *opaque))
{
    Error *err = NULL;
    if (!replay_seek(position, done, NULL, &err)) {
        error_report_err(err);
        search.active = false;
        search.done(false);
    }
}

static void stretch_done(void *opaque)
{
    if (search.hit != UINT64_MAX) {
        search.active = false;
        go(search.hit, found);
    } else {
        search.end = search.start;
        search_stretch();
    }
}

static void search_stretch(void)
{
    Error *err = NULL;
    int from = search.end ? place_before(search.end - 1) : -1;
    if (from < 0) {
        search.active = false;
        go(places && places->len ? place(0)->position : icount_position(), at_beginning);
        return;
    }
    search.start = place((guint)from)->position;
    search.hit = UINT64_MAX;
    if (!load_place(place((guint)from), &err)) {
        error_report_err(err);
        search.active = false;
        search.done(false);
        return;
    }
    go(search.end, stretch_done);
}

void replay_reverse_continue(void (*done)(bool hit))
{
    search.active = true;
    search.done = done;
    search.end = icount_position();
    search_stretch();
}

void replay_seek_exit(void)
{
    for (guint i = 0; places && i < places->len; i++)
        vm_snapshot_free(place(i)->vm);
    if (places)
        g_array_free(places, TRUE);
    places = NULL;
    keep = false;
    ram_snapshots_forget();
}
