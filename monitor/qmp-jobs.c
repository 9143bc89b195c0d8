/* SPDX-License-Identifier: MIT */
/* QMP commands for jobs that run: query, pause, resume, speed, cancel, complete, finalize, dismiss; by both families of names. */
#include "block/job.h"
#include "qmp.h"
#include "util/error.h"

#include <errno.h>

static json_t *query_jobs(json_t *args, Error **errp)
{
    json_t *list = json_array();
    for (Job *j = job_next(NULL); j; j = job_next(j)) {
        json_t *o = json_pack("{s:s,s:s,s:s,s:I,s:I}", "id", j->id, "type", j->type->name, "status", job_status_name(j), "current-progress",
                              (json_int_t)j->offset, "total-progress", (json_int_t)j->len);
        if (j->error)
            json_object_set_new(o, "error", json_string(j->error));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *query_block_jobs(json_t *args, Error **errp)
{
    json_t *list = json_array();
    for (Job *j = job_next(NULL); j; j = job_next(j)) {
        if (!j->type->on_disk)
            continue;
        json_t *o = json_pack("{s:s,s:s,s:I,s:I,s:b,s:b,s:I,s:s,s:b,s:s,s:b,s:b}", "type", j->type->name, "device", j->id, "len",
                              (json_int_t)j->len, "offset", (json_int_t)j->offset, "busy", j->in_step || j->soon, "paused",
                              job_paused(j) || j->user_paused, "speed", (json_int_t)j->speed, "io-status",
                              !j->io_error ? "ok" : j->io_error == ENOSPC ? "nospace" : "failed", "ready", job_is_ready(j), "status",
                              job_status_name(j), "auto-finalize", j->auto_finalize, "auto-dismiss", j->auto_dismiss);
        if (j->error)
            json_object_set_new(o, "error", json_string(j->error));
        json_array_append_new(list, o);
    }
    return list;
}

static Job *find(json_t *args, const char *key, Error **errp)
{
    Job *j = job_find(qmp_str(args, key));
    if (!j)
        error_setg(errp, "Job not found");
    return j;
}

static Job *find_block(json_t *args, const char *key, Error **errp)
{
    Job *j = job_find(qmp_str(args, key));
    if (j && j->type->on_disk)
        return j;
    error_setg_class(errp, "DeviceNotActive", "Block job '%s' not found", qmp_str(args, key));
    return NULL;
}

static void cancel_block(Job *j, bool force, Error **errp)
{
    if (job_paused(j) && !force)
        error_setg(errp, "The block job for device '%s' is currently paused", j->id);
    else
        job_cancel(j, force, errp);
}

#define VERB(name, finder, key, call) \
    static json_t *name(json_t *args, Error **errp) \
    { \
        Job *j = finder(args, key, errp); \
        if (j) \
            call; \
        return NULL; \
    }
VERB(pause_job, find, "id", job_pause(j, errp))
VERB(resume_job, find, "id", job_resume(j, errp))
VERB(cancel_job, find, "id", job_cancel(j, true, errp))
VERB(complete_job, find, "id", job_complete(j, errp))
VERB(finalize_job, find, "id", job_finalize(j, errp))
VERB(dismiss_job, find, "id", job_dismiss(j, errp))
VERB(block_pause, find_block, "device", job_pause(j, errp))
VERB(block_resume, find_block, "device", job_resume(j, errp))
VERB(block_cancel, find_block, "device", cancel_block(j, qmp_bool(args, "force", false), errp))
VERB(block_complete, find_block, "device", job_complete(j, errp))
VERB(block_finalize, find_block, "id", job_finalize(j, errp))
VERB(block_dismiss, find_block, "id", job_dismiss(j, errp))
VERB(block_speed, find_block, "device", job_set_speed(j, qmp_int(args, "speed", 0), errp))

static const QMPCommand commands[] = {
    { "query-jobs", "", "[JobInfo]", query_jobs, 0 },
    { "query-block-jobs", "", "[BlockJobInfo]", query_block_jobs, 0 },
    { "job-pause", "id:str", "", pause_job, 0 },
    { "job-resume", "id:str", "", resume_job, 0 },
    { "job-cancel", "id:str", "", cancel_job, 0 },
    { "job-complete", "id:str", "", complete_job, 0 },
    { "job-finalize", "id:str", "", finalize_job, 0 },
    { "job-dismiss", "id:str", "", dismiss_job, 0 },
    { "block-job-pause", "device:str", "", block_pause, 0 },
    { "block-job-resume", "device:str", "", block_resume, 0 },
    { "block-job-cancel", "device:str, force:bool?", "", block_cancel, 0 },
    { "block-job-complete", "device:str", "", block_complete, 0 },
    { "block-job-finalize", "id:str", "", block_finalize, 0 },
    { "block-job-dismiss", "id:str", "", block_dismiss, 0 },
    { "block-job-set-speed", "device:str, speed:int", "", block_speed, 0 },
};
qmp_commands(commands)
