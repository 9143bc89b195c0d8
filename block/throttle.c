/* SPDX-License-Identifier: MIT */
/* I/O limits of drives (throttling.*), groups (-object throttle-group) and the "throttle" node: see throttle.h. */
#include "throttle.h"
#include "backend.h"
#include "hw/object.h"
#include "util/error.h"
#include "util/timer.h"

#include <glib.h>
#include <jansson.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#define RATE_MAX 1000000000000000ull

typedef struct Bucket {
    double level, burst_level;
} Bucket;

struct ThrottleGroup {
    char *name;
    unsigned refs;         /* machine lock */
    struct ThrottleGroup *next;
    pthread_mutex_t lock;
    ThrottleConfig config; /* lock */
    Bucket bucket[LIMITS];
    int64_t leaked_at;
};

static ThrottleGroup *groups; /* machine lock */

static const struct {
    const char *name, *short_name, *json;
} limits[LIMITS] = {
    [LIMIT_BPS] = { "bps-total", "bps", "bps" },           [LIMIT_BPS_READ] = { "bps-read", "bps_rd", "bps_rd" },
    [LIMIT_BPS_WRITE] = { "bps-write", "bps_wr", "bps_wr" }, [LIMIT_IOPS] = { "iops-total", "iops", "iops" },
    [LIMIT_IOPS_READ] = { "iops-read", "iops_rd", "iops_rd" }, [LIMIT_IOPS_WRITE] = { "iops-write", "iops_wr", "iops_wr" },
};

const char *throttle_limit_name(ThrottleLimit l)
{
    return limits[l].name;
}

/* ---- Options ---- */

#define KEYS_OF(name) "throttling." name, "throttling." name "-max", "throttling." name "-max-length"
const char *const throttle_keys[] = {
    KEYS_OF("bps-total"), KEYS_OF("bps-read"), KEYS_OF("bps-write"), KEYS_OF("iops-total"), KEYS_OF("iops-read"), KEYS_OF("iops-write"),
    "throttling.iops-size", "throttling.group", NULL,
};

static bool get_limit(OptGroup *o, const char *a, const char *b, const char *suffix_a, const char *suffix_b, uint64_t *out, bool *given, Error **errp)
{
    char *keys[2] = { g_strdup_printf("throttling.%s%s", a, suffix_a), g_strdup_printf("%s%s", b, suffix_b) };
    bool ok = true;
    for (unsigned i = 0; i < 2; i++) {
        *given |= opts_get(o, keys[i]) != NULL;
        ok = ok && opts_get_u64(o, keys[i], out, errp);
        g_free(keys[i]);
    }
    return ok;
}

bool throttle_check(const ThrottleConfig *c, Error **errp)
{
    const char *wrong = NULL;
    for (unsigned k = 0; k < LIMITS && !wrong; k += 3) {
        const uint64_t *r = c->rate + k, *m = c->max + k;
        if ((r[0] && (r[1] || r[2])) || (m[0] && (m[1] || m[2])))
            wrong = "bps/iops/max total values and read/write values cannot be used at the same time";
    }
    if (c->op_size && !c->rate[LIMIT_IOPS] && !c->rate[LIMIT_IOPS_READ] && !c->rate[LIMIT_IOPS_WRITE])
        wrong = "iops size requires an iops value to be set";
    for (unsigned i = 0; i < LIMITS && !wrong; i++) {
        if (c->rate[i] > RATE_MAX || c->max[i] > RATE_MAX)
            wrong = "bps/iops/max values must be within [0, 1000000000000000]";
        else if (!c->max_length[i])
            wrong = "the burst length cannot be 0";
        else if (c->max_length[i] > 1 && !c->max[i])
            wrong = "burst length set without burst rate";
        else if (c->max[i] && c->max_length[i] > RATE_MAX / c->max[i])
            wrong = "burst length too high for this burst rate";
        else if (c->max[i] && !c->rate[i])
            wrong = "bps_max/iops_max require corresponding bps/iops values";
        else if (c->max[i] && c->max[i] < c->rate[i])
            wrong = "bps_max/iops_max cannot be lower than bps/iops";
    }
    if (wrong)
        error_setg(errp, "%s", wrong);
    return !wrong;
}

bool throttle_parse(OptGroup *o, ThrottleConfig *c, bool *given, Error **errp)
{
    *c = (ThrottleConfig){ 0 };
    *given = opts_get(o, "throttling.group") != NULL;
    for (unsigned i = 0; i < LIMITS; i++) {
        const char *name = limits[i].name, *s = limits[i].short_name;
        c->max_length[i] = 1;
        if (!get_limit(o, name, s, "", "", &c->rate[i], given, errp) || !get_limit(o, name, s, "-max", "_max", &c->max[i], given, errp) ||
            !get_limit(o, name, s, "-max-length", "_max_length", &c->max_length[i], given, errp))
            return false;
    }
    return get_limit(o, "iops-size", "iops_size", "", "", &c->op_size, given, errp) && throttle_check(c, errp);
}

/* ---- Groups ---- */

ThrottleGroup *throttle_group_find(const char *name)
{
    for (ThrottleGroup *g = groups; g; g = g->next)
        if (!strcmp(g->name, name))
            return g;
    return NULL;
}

ThrottleGroup *throttle_group_get(const char *name)
{
    ThrottleGroup *g = throttle_group_find(name);
    if (!g) {
        g = g_new0(ThrottleGroup, 1);
        g->name = g_strdup(name);
        pthread_mutex_init(&g->lock, NULL);
        g->next = groups;
        groups = g;
    }
    g->refs++;
    return g;
}

void throttle_group_put(ThrottleGroup *g)
{
    if (!g || --g->refs)
        return;
    for (ThrottleGroup **p = &groups; *p; p = &(*p)->next) {
        if (*p == g) {
            *p = g->next;
            break;
        }
    }
    pthread_mutex_destroy(&g->lock);
    g_free(g->name);
    g_free(g);
}

void throttle_group_set(ThrottleGroup *g, const ThrottleConfig *c)
{
    pthread_mutex_lock(&g->lock);
    g->config = *c;
    memset(g->bucket, 0, sizeof(g->bucket));
    pthread_mutex_unlock(&g->lock);
}

static void leak(ThrottleGroup *g, int64_t now)
{
    double seconds = g->leaked_at && now > g->leaked_at ? (double)(now - g->leaked_at) / NS_PER_SEC : 0;
    g->leaked_at = now;
    for (unsigned i = 0; i < LIMITS; i++) {
        Bucket *b = &g->bucket[i];
        b->level = MAX(b->level - (double)g->config.rate[i] * seconds, 0);
        b->burst_level = MAX(b->burst_level - (double)g->config.max[i] * seconds, 0);
    }
}

static double seconds_until_room(const ThrottleConfig *c, const Bucket *b, unsigned i)
{
    double rate = (double)c->rate[i], max = (double)c->max[i], room = max ? max * (double)c->max_length[i] : rate / 10;
    if (!c->rate[i])
        return 0;
    if (b->level > room)
        return (b->level - room) / rate;
    return c->max_length[i] > 1 && b->burst_level > max / 10 ? (b->burst_level - max / 10) / max : 0;
}

int64_t throttle_group_wait(ThrottleGroup *g, bool is_write, uint64_t bytes)
{
    const unsigned used[] = { LIMIT_BPS, LIMIT_IOPS, is_write ? LIMIT_BPS_WRITE : LIMIT_BPS_READ, is_write ? LIMIT_IOPS_WRITE : LIMIT_IOPS_READ };
    double wait = 0;
    pthread_mutex_lock(&g->lock);
    const ThrottleConfig *c = &g->config;
    leak(g, clock_ns(CLOCK_REALTIME_HOST));
    for (unsigned i = 0; i < ARRAY_SIZE(used); i++)
        wait = MAX(wait, seconds_until_room(c, &g->bucket[used[i]], used[i]));
    for (unsigned i = 0; wait == 0 && i < ARRAY_SIZE(used); i++) {
        double operations = c->op_size && bytes > c->op_size ? (double)bytes / (double)c->op_size : 1;
        double done = used[i] < LIMIT_IOPS ? (double)bytes : operations;
        g->bucket[used[i]].level += done;
        g->bucket[used[i]].burst_level += done;
    }
    pthread_mutex_unlock(&g->lock);
    return wait > 0 ? (int64_t)(wait * NS_PER_SEC) + 1 : 0;
}

/* ---- Drives: requests wait in a queue for the timer ---- */

static void start_waiting(void *opaque)
{
    BlockBackend *b = opaque;
    while (b->throttled) {
        BlockRequest *r = b->throttled;
        int64_t wait = b->group ? throttle_group_wait(b->group, r->op != BLOCK_READ, block_request_bytes(r)) : 0;
        if (wait) {
            timer_mod(b->throttle_timer, clock_ns(CLOCK_REALTIME_HOST) + wait);
            return;
        }
        b->throttled = r->next;
        if (!b->throttled)
            b->throttled_tail = &b->throttled;
        blk_start(b, r);
    }
}

void throttle_submit(BlockBackend *b, BlockRequest *r)
{
    r->next = NULL;
    *b->throttled_tail = r;
    b->throttled_tail = &r->next;
    if (b->throttled == r)
        start_waiting(b);
}

void throttle_release(BlockBackend *b)
{
    while (b->throttled) {
        BlockRequest *r = b->throttled;
        b->throttled = r->next;
        if (!b->throttled)
            b->throttled_tail = &b->throttled;
        blk_start(b, r);
    }
}

void blk_set_throttle(BlockBackend *b, const char *group, const ThrottleConfig *c)
{
    bool any = false;
    for (unsigned i = 0; c && i < LIMITS; i++)
        any |= c->rate[i] != 0;
    ThrottleGroup *g = any || group ? throttle_group_get(group ? group : b->id) : NULL;
    throttle_group_put(b->group);
    b->group = g;
    if (any)
        throttle_group_set(g, c);
    if (!b->throttle_timer)
        b->throttle_timer = timer_new(CLOCK_REALTIME_HOST, start_waiting, b);
    start_waiting(b);
}

void throttle_describe(const BlockBackend *b, void *json)
{
    ThrottleConfig c = { 0 };
    if (b && b->group) {
        pthread_mutex_lock(&b->group->lock);
        c = b->group->config;
        pthread_mutex_unlock(&b->group->lock);
        json_object_set_new(json, "group", json_string(b->group->name));
    }
    for (unsigned i = 0; i < LIMITS; i++) {
        char key[32];
        json_object_set_new(json, limits[i].json, json_integer((json_int_t)c.rate[i]));
        snprintf(key, sizeof(key), "%s_max", limits[i].json);
        if (c.max[i])
            json_object_set_new(json, key, json_integer((json_int_t)c.max[i]));
        snprintf(key, sizeof(key), "%s_max_length", limits[i].json);
        if (c.max[i])
            json_object_set_new(json, key, json_integer((json_int_t)c.max_length[i]));
    }
    if (c.op_size)
        json_object_set_new(json, "iops_size", json_integer((json_int_t)c.op_size));
}

/* ---- -object throttle-group ---- */

typedef struct ThrottleObject {
    Device dev;
    ThrottleConfig config;
    ThrottleGroup *group;
} ThrottleObject;

static bool object_realize(Device *dev, Error **errp)
{
    ThrottleObject *o = (ThrottleObject *)dev;
    if (throttle_group_find(dev->id)) {
        error_setg(errp, "A group with this name already exists");
        return false;
    }
    if (!throttle_check(&o->config, errp))
        return false;
    o->group = throttle_group_get(dev->id);
    throttle_group_set(o->group, &o->config);
    return true;
}

static void object_unrealize(Device *dev)
{
    throttle_group_put(((ThrottleObject *)dev)->group);
}

#define LIMIT_PROPS(name, i)                                                                                                        \
    PROP_U64("limits." name, ThrottleObject, config.rate[i], 0), PROP_U64("limits." name "-max", ThrottleObject, config.max[i], 0), \
        PROP_U64("limits." name "-max-length", ThrottleObject, config.max_length[i], 1),                                            \
        PROP_U64("x-" name, ThrottleObject, config.rate[i], 0), PROP_U64("x-" name "-max", ThrottleObject, config.max[i], 0),       \
        PROP_U64("x-" name "-max-length", ThrottleObject, config.max_length[i], 1)
static const Property object_props[] = {
    LIMIT_PROPS("bps-total", LIMIT_BPS), LIMIT_PROPS("bps-read", LIMIT_BPS_READ), LIMIT_PROPS("bps-write", LIMIT_BPS_WRITE),
    LIMIT_PROPS("iops-total", LIMIT_IOPS), LIMIT_PROPS("iops-read", LIMIT_IOPS_READ), LIMIT_PROPS("iops-write", LIMIT_IOPS_WRITE),
    PROP_U64("limits.iops-size", ThrottleObject, config.op_size, 0), PROP_U64("x-iops-size", ThrottleObject, config.op_size, 0), {},
};
static const DeviceType throttle_object_type = {
    .name = "throttle-group", .desc = "I/O limits that drives and throttle nodes share", .size = sizeof(ThrottleObject), .props = object_props,
    .realize = object_realize, .unrealize = object_unrealize,
};
object_type(throttle_object_type)

/* ---- The "throttle" node ---- */

typedef struct ThrottleState {
    ThrottleGroup *group;
} ThrottleState;

static const char *const node_keys[] = { "throttle-group", NULL };

static bool node_open(BlockNode *n, OptGroup *o, const char *prefix, Error **errp)
{
    ThrottleState *s = n->state;
    char *key = g_strconcat(prefix, "throttle-group", NULL);
    const char *name = o ? opts_get(o, key) : NULL;
    g_free(key);
    if (!name || !throttle_group_find(name)) {
        error_setg(errp, name ? "Throttle group '%s' does not exist" : "Please specify a throttle group", name);
        return false;
    }
    s->group = throttle_group_get(name);
    n->size = block_size(n->file);
    return true;
}

static void node_close(BlockNode *n)
{
    throttle_group_put(((ThrottleState *)n->state)->group);
}

/* Pool thread: others do the I/O of other nodes meanwhile. */
static void node_wait(BlockNode *n, bool is_write, uint64_t bytes)
{
    for (int64_t wait; (wait = throttle_group_wait(((ThrottleState *)n->state)->group, is_write, bytes)) > 0;) {
        struct timespec t = { wait / NS_PER_SEC, wait % NS_PER_SEC };
        nanosleep(&t, NULL);
    }
}

static int node_read(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    node_wait(n, false, v->size);
    return block_readv(n->file, offset, v);
}

static int node_write(BlockNode *n, uint64_t offset, const BlockVec *v)
{
    node_wait(n, true, v->size);
    return block_writev(n->file, offset, v);
}

static int node_write_zeroes(BlockNode *n, uint64_t offset, uint64_t size, bool unmap)
{
    node_wait(n, true, size);
    return block_write_zeroes(n->file, offset, size, unmap);
}

static int node_discard(BlockNode *n, uint64_t offset, uint64_t size)
{
    node_wait(n, true, size);
    return block_discard(n->file, offset, size);
}

static int node_status(BlockNode *n, uint64_t offset, uint64_t *size, uint64_t *map)
{
    return block_status(n->file, offset, size, map);
}

static int node_truncate(BlockNode *n, uint64_t size, const char *prealloc, Error **errp)
{
    int ret = block_truncate(n->file, size, prealloc, errp);
    if (ret == 0)
        __atomic_store_n(&n->size, size, __ATOMIC_RELAXED);
    return ret;
}

static const BlockDriver throttle_driver = {
    .name = "throttle", .desc = "I/O limits in front of another node", .filter = true, .state_size = sizeof(ThrottleState), .keys = node_keys,
    .open = node_open, .close = node_close, .read = node_read, .write = node_write, .write_zeroes = node_write_zeroes,
    .discard = node_discard, .status = node_status, .truncate = node_truncate,
};
block_driver(throttle_driver)
