/* SPDX-License-Identifier: MIT */
/* QMP's snapshot-save, -load, -delete: what savevm and its like do, as jobs. All of the work is done at once, in the main loop. */
#include "block/job.h"
#include "qmp.h"
#include "savevm-file.h"
#include "util/error.h"

#include <errno.h>

typedef struct SnapshotJob {
    Job j;
    char *tag, *vmstate;
    char **devices;
} SnapshotJob;

/* Nothing for a pool thread. */
static int no_step(Job *j)
{
    return JOB_IDLE;
}

static bool check_devices(const SnapshotJob *s, Error **errp)
{
    if (!s->devices[0]) {
        error_setg(errp, "At least one device is required for snapshot");
        return false;
    }
    for (char **d = s->devices; *d; d++) {
        if (block_find_node(*d) || blk_find(*d))
            continue;
        error_setg(errp, "No block device node '%s'", *d);
        return false;
    }
    return true;
}

static bool end(Job *j, bool ok, Error *err)
{
    j->offset = j->len;
    if (!ok)
        j->error = g_strdup(err ? error_get_pretty(err) : "failed");
    error_free(err);
    job_finish(j, ok ? 0 : -EINVAL);
    return false;
}

static bool save(Job *j)
{
    SnapshotJob *s = (SnapshotJob *)j;
    Error *err = NULL;
    bool ok = check_devices(s, &err) && vm_savevm(s->tag, false, s->vmstate, (const char *const *)s->devices, &err);
    return end(j, ok, err);
}

static bool load(Job *j)
{
    SnapshotJob *s = (SnapshotJob *)j;
    Error *err = NULL;
    bool ok = check_devices(s, &err) && vm_loadvm(s->tag, s->vmstate, (const char *const *)s->devices, &err);
    return end(j, ok, err);
}

static bool delete(Job *j)
{
    SnapshotJob *s = (SnapshotJob *)j;
    Error *err = NULL;
    bool ok = check_devices(s, &err) && vm_delvm(s->tag, (const char *const *)s->devices, &err);
    return end(j, ok, err);
}

static void clean(Job *j)
{
    SnapshotJob *s = (SnapshotJob *)j;
    g_free(s->tag);
    g_free(s->vmstate);
    g_strfreev(s->devices);
}

static const JobType types[] = {
    { .name = "snapshot-save", .size = sizeof(SnapshotJob), .step = no_step, .idle = save, .clean = clean },
    { .name = "snapshot-load", .size = sizeof(SnapshotJob), .step = no_step, .idle = load, .clean = clean },
    { .name = "snapshot-delete", .size = sizeof(SnapshotJob), .step = no_step, .idle = delete, .clean = clean },
};

static json_t *start(const JobType *type, json_t *args, Error **errp)
{
    JobOptions o = { .id = qmp_str(args, "job-id"), .auto_finalize = true };
    SnapshotJob *s = (SnapshotJob *)job_new(type, NULL, &o, NULL, 0, errp);
    if (!s)
        return NULL;
    json_t *list = json_object_get(args, "devices");
    s->tag = g_strdup(qmp_str(args, "tag"));
    s->vmstate = g_strdup(qmp_str(args, "vmstate"));
    s->devices = g_new0(char *, json_array_size(list) + 1);
    for (size_t i = 0; i < json_array_size(list); i++)
        s->devices[i] = g_strdup(json_string_value(json_array_get(list, i)));
    s->j.len = 1;
    job_start(&s->j);
    return NULL;
}

static json_t *snapshot_save(json_t *args, Error **errp)
{
    return start(&types[0], args, errp);
}

static json_t *snapshot_load(json_t *args, Error **errp)
{
    return start(&types[1], args, errp);
}

static json_t *snapshot_delete(json_t *args, Error **errp)
{
    return start(&types[2], args, errp);
}

static const QMPCommand commands[] = {
    { "snapshot-save", "job-id:str, tag:str, vmstate:str, devices:[str]", "", snapshot_save, 0 },
    { "snapshot-load", "job-id:str, tag:str, vmstate:str, devices:[str]", "", snapshot_load, 0 },
    { "snapshot-delete", "job-id:str, tag:str, devices:[str]", "", snapshot_delete, 0 },
};
qmp_commands(commands)
