/* SPDX-License-Identifier: MIT */
/* Jobs: see job.h. */
#include "job.h"
#include "backend.h"
#include "qmp.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/timer.h"

#include <errno.h>
#include <string.h>

#define IDLE_NS 20000000ll /* between two looks of a job that has nothing to do */

static Job *jobs; /* newest first */

static const char *const status_names[] = { "created", "running", "paused", "ready", "standby", "waiting", "pending", "aborting", "concluded", "null" };
static const char *const verb_names[] = { "cancel", "pause", "resume", "set-speed", "complete", "finalize", "dismiss" };
/* By verb: the states that take it. */
#define IN(s) (1u << JOB_##s)
static const unsigned verb_states[] = {
    [JOB_VERB_CANCEL] = IN(CREATED) | IN(RUNNING) | IN(PAUSED) | IN(READY) | IN(STANDBY) | IN(WAITING) | IN(PENDING),
    [JOB_VERB_PAUSE] = IN(CREATED) | IN(RUNNING) | IN(PAUSED) | IN(READY) | IN(STANDBY),
    [JOB_VERB_RESUME] = IN(CREATED) | IN(RUNNING) | IN(PAUSED) | IN(READY) | IN(STANDBY),
    [JOB_VERB_SET_SPEED] = IN(CREATED) | IN(RUNNING) | IN(PAUSED) | IN(READY) | IN(STANDBY),
    [JOB_VERB_COMPLETE] = IN(READY),
    [JOB_VERB_FINALIZE] = IN(PENDING),
    [JOB_VERB_DISMISS] = IN(CONCLUDED),
};

static void advance(Job *j);

/* ---- Looking ---- */

Job *job_find(const char *id)
{
    for (Job *j = jobs; j; j = j->next)
        if (!strcmp(j->id, id))
            return j;
    return NULL;
}

Job *job_next(Job *j)
{
    return j ? j->next : jobs;
}

const char *job_status_name(const Job *j)
{
    return status_names[j->status];
}

bool job_is_ready(const Job *j)
{
    return j->status == JOB_READY || j->status == JOB_STANDBY;
}

bool job_paused(const Job *j)
{
    return j->status == JOB_PAUSED || j->status == JOB_STANDBY;
}

const char *block_device_name(const BlockNode *n)
{
    for (BlockBackend *b = blk_next(NULL); b; b = blk_next(b))
        if (blk_root(b) == n && *blk_name(b))
            return blk_name(b);
    return n->node_name;
}

bool job_check_idle(const BlockNode *n, Error **errp)
{
    for (const Job *j = jobs; j; j = j->next) {
        for (unsigned i = 0; i < j->nnodes; i++) {
            if (j->node[i] != n)
                continue;
            error_setg(errp, "Node '%s' is busy: block device is in use by block job: %s", block_device_name(n), j->type->name);
            return false;
        }
    }
    return true;
}

/* ---- Telling ---- */

static void set_status(Job *j, JobStatus s)
{
    if (j->status == s && j->started)
        return;
    j->status = s;
    qmp_event("JOB_STATUS_CHANGE", "{s:s,s:s}", "id", j->id, "status", status_names[s]);
}

static json_t *event_data(const Job *j)
{
    return json_pack("{s:s,s:s,s:I,s:I,s:I}", "type", j->type->name, "device", j->id, "len", (json_int_t)j->len, "offset", (json_int_t)j->offset,
                     "speed", (json_int_t)j->speed);
}

static void tell_end(const Job *j)
{
    if (!j->type->on_disk)
        return;
    json_t *data = event_data(j);
    if (j->ret < 0 && !j->cancelled)
        json_object_set_new(data, "error", json_string(j->error ? j->error : g_strerror(-j->ret)));
    qmp_event(j->ret < 0 && j->cancelled ? "BLOCK_JOB_CANCELLED" : "BLOCK_JOB_COMPLETED", "o", data);
}

/* ---- Life ---- */

static bool good_id(const char *id)
{
    if (!g_ascii_isalpha(id[0]))
        return false;
    for (const char *p = id; *p; p++)
        if (!g_ascii_isalnum(*p) && !strchr("-._", *p))
            return false;
    return true;
}

static void timer_due(void *opaque)
{
    advance(opaque);
}

Job *job_new(const JobType *type, const char *device, const JobOptions *o, BlockNode *const *nodes, unsigned nnodes, Error **errp)
{
    bool named = device && blk_find(device);
    const char *id = o->id ? o->id : device;
    for (unsigned i = 0; i < nnodes; i++)
        if (!job_check_idle(nodes[i], errp))
            return NULL;
    if (!o->id && !named)
        error_setg(errp, "An explicit job ID is required for this node");
    else if (o->id && !good_id(o->id))
        error_setg(errp, "Invalid job ID '%s'", o->id);
    else if (job_find(id))
        error_setg(errp, "Job ID '%s' already in use", id);
    else if (o->speed < 0)
        error_setg(errp, "Parameter 'speed' expects a non-negative value");
    else {
        Job *j = g_malloc0(type->size);
        j->type = type;
        j->id = g_strdup(id);
        j->speed = o->speed;
        j->on_source_error = o->on_source_error;
        j->on_target_error = o->on_target_error;
        j->auto_finalize = o->auto_finalize;
        j->auto_dismiss = o->auto_dismiss;
        for (unsigned i = 0; i < nnodes; i++)
            j->node[j->nnodes++] = block_ref(nodes[i]);
        j->timer = timer_new(CLOCK_REALTIME_HOST, timer_due, j);
        if (o->group) {
            g_ptr_array_add(o->group, j);
            j->group = g_ptr_array_ref(o->group);
        }
        j->next = jobs;
        jobs = j;
        set_status(j, JOB_CREATED);
        return j;
    }
    return NULL;
}

static void drop_nodes(Job *j)
{
    for (unsigned i = 0; i < j->nnodes; i++)
        block_unref(j->node[i]);
    j->nnodes = 0;
}

static void job_free(Job *j)
{
    j->started = true;
    set_status(j, JOB_NULL);
    for (Job **p = &jobs; *p; p = &(*p)->next) {
        if (*p == j) {
            *p = j->next;
            break;
        }
    }
    if (j->group) {
        g_ptr_array_remove(j->group, j);
        g_ptr_array_unref(j->group);
    }
    drop_nodes(j);
    timer_free(j->timer);
    g_free(j->id);
    g_free(j->error);
    g_free(j);
}

void job_discard(Job *j)
{
    if (j->type->abort)
        j->type->abort(j);
    if (j->type->clean)
        j->type->clean(j);
    job_free(j);
}

/* ---- The end ---- */

static void conclude(Job *j)
{
    if (j->ret < 0) {
        set_status(j, JOB_ABORTING);
        if (j->type->abort)
            j->type->abort(j);
    }
    if (j->type->clean)
        j->type->clean(j);
    drop_nodes(j);
    tell_end(j);
    set_status(j, JOB_CONCLUDED);
    if (j->auto_dismiss && !j->soon)
        job_free(j);
}

static void prepare(Job *j)
{
    Error *err = NULL;
    int ret = j->type->prepare ? j->type->prepare(j, &err) : 0;
    if (ret < 0) {
        j->ret = ret;
        j->error = g_strdup(err ? error_get_pretty(err) : g_strerror(-ret));
    }
    error_free(err);
}

/* Jobs of one group end together: all well, or none. */
static void finalize(Job *j)
{
    if (!j->group) {
        prepare(j);
        conclude(j);
        return;
    }
    GPtrArray *all = g_ptr_array_ref(j->group);
    int ret = 0;
    for (guint i = 0; i < all->len && ret == 0; i++) {
        Job *each = g_ptr_array_index(all, i);
        prepare(each);
        ret = each->ret;
    }
    for (guint i = all->len; i-- > 0;) {
        Job *each = g_ptr_array_index(all, i);
        if (ret < 0 && each->ret == 0) {
            each->ret = -ECANCELED;
            each->cancelled = true;
        }
        conclude(each);
    }
    g_ptr_array_unref(all);
}

static bool all_in(const Job *j, JobStatus s)
{
    for (guint i = 0; j->group && i < j->group->len; i++)
        if (((Job *)g_ptr_array_index(j->group, i))->status != s)
            return false;
    return true;
}

static bool all_auto(const Job *j)
{
    bool all = j->auto_finalize;
    for (guint i = 0; j->group && i < j->group->len; i++)
        all &= ((Job *)g_ptr_array_index(j->group, i))->auto_finalize;
    return all;
}

static void to_pending(Job *j)
{
    set_status(j, JOB_PENDING);
    if (!j->auto_finalize && j->type->on_disk)
        qmp_event("BLOCK_JOB_PENDING", "{s:s,s:s}", "type", j->type->name, "id", j->id);
}

/* One of a group failed: the others are not wanted any more. */
static void cancel_group(Job *failed)
{
    GPtrArray *all = failed->group;
    for (guint i = all->len; i-- > 0;) {
        Job *each = g_ptr_array_index(all, i);
        if (each == failed || each->status >= JOB_ABORTING)
            continue;
        each->cancelled = each->force = true;
        if (each->status == JOB_WAITING || each->status == JOB_PENDING) {
            each->ret = -ECANCELED;
            conclude(each);
        } else {
            each->due = 0;
            timer_mod(each->timer, clock_ns(CLOCK_REALTIME_HOST));
        }
    }
}

void job_finish(Job *j, int ret)
{
    timer_del(j->timer);
    j->ret = ret;
    if (ret < 0) {
        if (!j->error && !j->cancelled)
            j->error = g_strdup(g_strerror(-ret));
        if (j->group)
            cancel_group(j);
        conclude(j);
        return;
    }
    set_status(j, JOB_WAITING);
    if (!all_in(j, JOB_WAITING))
        return;
    bool now = all_auto(j);
    if (!j->group)
        to_pending(j);
    for (guint i = 0; j->group && i < j->group->len; i++)
        to_pending(g_ptr_array_index(j->group, i));
    if (now)
        finalize(j);
}

void job_ready(Job *j)
{
    if (job_is_ready(j))
        return;
    set_status(j, JOB_READY);
    if (j->type->on_disk)
        qmp_event("BLOCK_JOB_READY", "o", event_data(j));
}

/* ---- Steps ---- */

static void run_step(void *opaque) /* pool thread */
{
    Job *j = opaque;
    j->bytes = 0;
    j->step_ret = j->type->step(j);
}

static void after_step(void *opaque);

/* May run anywhere that waits for requests: what follows is left to the main loop. */
static void step_done(void *opaque)
{
    Job *j = opaque;
    j->in_step = false;
    j->soon = true;
    main_loop_run_soon(after_step, j);
}

static JobOnError policy(const Job *j, int error)
{
    JobOnError on = j->is_read ? j->on_source_error : j->on_target_error;
    if (on == JOB_ON_ENOSPC)
        on = error == ENOSPC ? JOB_ON_STOP : JOB_ON_REPORT;
    return on == JOB_ON_AUTO ? JOB_ON_REPORT : on;
}

static void step_failed(Job *j)
{
    static const char *const actions[] = { "report", "ignore", NULL, "stop" };
    int error = -j->step_ret;
    JobOnError on = policy(j, error);
    if (j->type->on_disk)
        qmp_event("BLOCK_JOB_ERROR", "{s:s,s:s,s:s}", "device", j->id, "operation", j->is_read ? "read" : "write", "action", actions[on]);
    if (on == JOB_ON_REPORT) {
        job_finish(j, -error);
    } else {
        if (on == JOB_ON_STOP) {
            j->user_paused = true;
            j->io_error = error;
        }
        j->due = clock_ns(CLOCK_REALTIME_HOST) + IDLE_NS;
        advance(j);
    }
}

static void after_step(void *opaque)
{
    Job *j = opaque;
    j->soon = false;
    if (j->status >= JOB_WAITING) {
        if (j->status == JOB_CONCLUDED && j->auto_dismiss)
            job_free(j);
        return;
    }
    int64_t now = clock_ns(CLOCK_REALTIME_HOST);
    int64_t pause = j->speed ? (int64_t)((double)j->bytes * 1e9 / (double)j->speed) : 0;
    j->due = MAX(j->due, now) + pause;
    if (j->cancelled && (j->force || !job_is_ready(j)))
        job_finish(j, -ECANCELED);
    else if (j->step_ret < 0)
        step_failed(j);
    else if (j->step_ret == JOB_FINISHED)
        job_finish(j, 0);
    else if (j->step_ret == JOB_MORE)
        advance(j);
    else {
        j->due = now + IDLE_NS;
        if (!j->type->idle || j->type->idle(j))
            advance(j);
    }
}

/* Starts the next step, or sees to it that it is started. */
static void advance(Job *j)
{
    if (j->in_step || j->soon || j->status >= JOB_WAITING)
        return;
    if (j->cancelled && (j->force || !job_is_ready(j))) {
        job_finish(j, -ECANCELED);
        return;
    }
    if (j->user_paused && !j->cancelled) {
        set_status(j, job_is_ready(j) ? JOB_STANDBY : JOB_PAUSED);
        return;
    }
    if (job_paused(j))
        set_status(j, j->status == JOB_STANDBY ? JOB_READY : JOB_RUNNING);
    if (j->due > clock_ns(CLOCK_REALTIME_HOST)) {
        timer_mod(j->timer, j->due);
        return;
    }
    j->in_step = true;
    block_pool_submit(run_step, step_done, j);
}

void job_start(Job *j)
{
    j->started = true;
    set_status(j, JOB_RUNNING);
    timer_mod(j->timer, clock_ns(CLOCK_REALTIME_HOST));
}

static void kick(Job *j)
{
    j->due = 0;
    timer_mod(j->timer, clock_ns(CLOCK_REALTIME_HOST));
}

bool jobs_drain(void)
{
    bool any = false;
    for (bool again = true; again;) {
        again = false;
        for (const Job *j = jobs; j; j = j->next)
            again |= j->in_step;
        any |= again;
        if (again)
            block_pool_wait();
    }
    return any;
}

void jobs_exit(void)
{
    while (jobs) {
        Job *j = jobs;
        jobs_drain();
        j->auto_dismiss = false;
        j->soon = false;
        if (j->status < JOB_ABORTING) {
            j->cancelled = j->force = true;
            j->ret = -ECANCELED;
            conclude(j);
        }
        job_free(j);
    }
}

/* ---- What users do ---- */

static bool may(const Job *j, JobVerb v, Error **errp)
{
    if (verb_states[v] >> j->status & 1)
        return true;
    error_setg(errp, "Job '%s' in state '%s' cannot accept command verb '%s'", j->id, job_status_name(j), verb_names[v]);
    return false;
}

bool job_cancel(Job *j, bool force, Error **errp)
{
    if (!may(j, JOB_VERB_CANCEL, errp))
        return false;
    if (!force && j->user_paused && job_paused(j) && job_is_ready(j)) {
        error_setg(errp, "Job '%s' is paused and can not be cancelled without force", j->id);
        return false;
    }
    if (j->status == JOB_WAITING || j->status == JOB_PENDING) {
        j->cancelled = j->force = true;
        job_finish(j, -ECANCELED);
        return true;
    }
    if (!force && job_is_ready(j) && j->type->cancel && j->type->cancel(j)) {
        kick(j); /* ends well, where it is */
        return true;
    }
    j->cancelled = true;
    j->force |= force || !job_is_ready(j) || !j->type->cancel;
    kick(j);
    return true;
}

bool job_pause(Job *j, Error **errp)
{
    if (!may(j, JOB_VERB_PAUSE, errp))
        return false;
    if (j->user_paused) {
        error_setg(errp, "Job is already paused");
        return false;
    }
    j->user_paused = true;
    if (!j->in_step && !j->soon)
        advance(j);
    return true;
}

bool job_resume(Job *j, Error **errp)
{
    if (!j->user_paused) {
        error_setg(errp, "Can't resume a job that was not paused");
        return false;
    }
    if (!may(j, JOB_VERB_RESUME, errp))
        return false;
    j->user_paused = false;
    j->io_error = 0;
    if (job_paused(j))
        set_status(j, j->status == JOB_STANDBY ? JOB_READY : JOB_RUNNING);
    kick(j);
    return true;
}

bool job_complete(Job *j, Error **errp)
{
    if (!may(j, JOB_VERB_COMPLETE, errp))
        return false;
    if (!j->type->complete || j->cancelled) {
        error_setg(errp, "The active block job '%s' cannot be completed", j->id);
        return false;
    }
    if (!j->type->complete(j, errp))
        return false;
    kick(j);
    return true;
}

bool job_finalize(Job *j, Error **errp)
{
    if (!may(j, JOB_VERB_FINALIZE, errp))
        return false;
    finalize(j);
    return true;
}

bool job_dismiss(Job *j, Error **errp)
{
    if (!may(j, JOB_VERB_DISMISS, errp))
        return false;
    if (j->soon) /* on its way out */
        j->auto_dismiss = true;
    else
        job_free(j);
    return true;
}

bool job_set_speed(Job *j, int64_t speed, Error **errp)
{
    if (!may(j, JOB_VERB_SET_SPEED, errp))
        return false;
    if (speed < 0) {
        error_setg(errp, "Parameter 'speed' expects a non-negative value");
        return false;
    }
    bool wake = speed > j->speed || !speed;
    j->speed = speed;
    if (wake && !job_paused(j))
        kick(j);
    return true;
}
