/* SPDX-License-Identifier: MIT */
/*
 * QMP sessions (QEMU's docs/interop/qmp-spec.txt): greeting, capabilities, commands in order, out-of-band ones
 * ahead of them, events with their rate limits. Everything runs in the main loop under the machine lock, so
 * "oob" means: overtakes what is queued.
 */
#include "qmp.h"
#include "chardev.h"
#include "monitor.h"
#include "qmp-json.h"
#include "schema.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/timer.h"

#include <stdarg.h>
#include <string.h>

#define UNSENT_MAX (1u << 20) /* answers the client has not read: no more commands until it does */
#define QUEUE_MAX 8 /* in-band commands waiting; then the client waits too */

struct QMPSession {
    Chardev *chr;       /* NULL: output is collected in out */
    GString *out;
    bool pretty, negotiated, oob;
    JSONFramer framer;
    GQueue queue;       /* Request * */
};

typedef struct Request {
    json_t *value;      /* NULL: a mistake */
    char *error;
} Request;

static GPtrArray *commands;  /* const QMPCommand *, sorted by name once asked for */
static GPtrArray *sessions;
static bool commands_sorted;
static QMPSession *running;  /* whose request is being carried out */

void qmp_register(const QMPCommand *rows, unsigned n)
{
    if (!commands)
        commands = g_ptr_array_new();
    for (unsigned i = 0; i < n; i++)
        g_ptr_array_add(commands, (void *)&rows[i]);
}

static gint by_name(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const QMPCommand *const *)a)->name, (*(const QMPCommand *const *)b)->name);
}

static const GPtrArray *all_commands(void)
{
    if (!commands_sorted)
        g_ptr_array_sort(commands, by_name);
    commands_sorted = true;
    return commands;
}

static const QMPCommand *find_command(const char *name)
{
    for (guint i = 0; i < commands->len; i++) {
        const QMPCommand *c = g_ptr_array_index(commands, i);
        if (!strcmp(c->name, name))
            return c;
    }
    return NULL;
}

/* ---- Output ---- */

static void send_value(QMPSession *s, json_t *value)
{
    char *text = json_dumps(value, JSON_ENSURE_ASCII | JSON_ENCODE_ANY | (s->pretty ? JSON_INDENT(4) : 0));
    if (!text)
        return;
    if (s->chr) {
        chardev_write_all(s->chr, (const uint8_t *)text, strlen(text));
        chardev_write_all(s->chr, (const uint8_t *)"\r\n", 2);
    } else {
        g_string_append_printf(s->out, "%s\r\n", text);
    }
    free(text);
}

static json_t *error_value(Error *err)
{
    json_t *e = json_pack("{s:{s:s,s:s}}", "error", "class", error_get_class(err), "desc", error_get_pretty(err));
    if (!e) /* text that is not UTF-8: a file name of the user's */
        e = json_pack("{s:{s:s,s:s}}", "error", "class", error_get_class(err), "desc", "error with undisplayable text");
    error_free(err);
    return e;
}

static void reply(QMPSession *s, json_t *result, Error *err, json_t *id)
{
    json_t *r = err ? error_value(err) : json_pack("{s:o}", "return", result ? result : json_object());
    if (r && id)
        json_object_set(r, "id", id);
    if (r)
        send_value(s, r);
    json_decref(r);
}

static void greet(QMPSession *s)
{
    json_t *hello = json_object(), *qmp = json_object(), *version = qmp_call("query-version", NULL, "");
    json_object_set_new(qmp, "version", version);
    json_object_set_new(qmp, "capabilities", json_pack("[s]", "oob"));
    json_object_set_new(hello, "QMP", qmp);
    send_value(s, hello);
    json_decref(hello);
}

/* ---- Commands ---- */

/* What "enable" of qmp_capabilities asks for; it belongs to the session, so no table row can do it. */
static bool negotiate(QMPSession *s, json_t *args, Error **errp)
{
    json_t *list = json_object_get(args, "enable");
    if (s->negotiated) {
        error_setg_class(errp, "CommandNotFound", "Capabilities negotiation is already complete, command ignored");
        return false;
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        s->oob |= !strcmp(json_string_value(json_array_get(list, i)), "oob");
    s->negotiated = true;
    return true;
}

static json_t *run_capabilities(json_t *args, Error **errp)
{
    return NULL; /* see negotiate */
}

static json_t *query_schema(json_t *args, Error **errp)
{
    return schema_introspect(all_commands());
}

static json_t *query_commands(json_t *args, Error **errp)
{
    json_t *list = json_array();
    const GPtrArray *all = all_commands();
    for (guint i = 0; i < all->len; i++)
        json_array_append_new(list, json_pack("{s:s}", "name", ((const QMPCommand *)g_ptr_array_index(all, i))->name));
    return list;
}

static json_t *query_events(json_t *args, Error **errp)
{
    json_t *schema = schema_introspect(all_commands()), *list = json_array(), *o;
    size_t i;
    json_array_foreach(schema, i, o)
        if (!strcmp(qmp_str(o, "meta-type"), "event"))
            json_array_append_new(list, json_pack("{s:O}", "name", json_object_get(o, "name")));
    json_decref(schema);
    return list;
}

static const QMPCommand own_commands[] = {
    { "query-events", "", "[EventInfo]", query_events, 0 },
    { "qmp_capabilities", "enable:[QMPCapability]?", "", run_capabilities, 0 },
    { "query-qmp-schema", "", "[any]", query_schema, 0 },
    { "query-commands", "", "[CommandInfo]", query_commands, 0 },
};
qmp_commands(own_commands)

/* Finds and checks; *args becomes a new reference to the arguments. */
static const QMPCommand *prepare(const char *name, json_t *given, json_t **args, Error **errp)
{
    const QMPCommand *c = find_command(name);
    if (!c) {
        error_setg_class(errp, "CommandNotFound", "The command %s has not been found", name);
        return NULL;
    }
    *args = given ? json_incref(given) : json_object();
    return schema_check(c->args, *args, c->flags & QMP_EXTRA, errp) ? c : NULL;
}

json_t *qmp_call(const char *name, Error **errp, const char *format, ...)
{
    json_t *given = NULL, *args = NULL, *result = NULL;
    Error *err = NULL;
    va_list ap;
    va_start(ap, format);
    if (*format)
        given = json_vpack_ex(NULL, 0, format, ap);
    va_end(ap);
    if (*format && !given) {
        error_setg(errp, "Invalid text in the arguments of %s", name);
        return NULL;
    }
    const QMPCommand *c = prepare(name, given, &args, &err);
    if (c)
        result = c->run(args, &err);
    if (!err && !result)
        result = json_object();
    error_propagate(errp, err);
    json_decref(args);
    json_decref(given);
    return result;
}

static bool check_request(json_t *request, Error **errp)
{
    const char *key;
    json_t *value;
    json_object_foreach(request, key, value) {
        bool run = !strcmp(key, "execute") || !strcmp(key, "exec-oob");
        if (run && !json_is_string(value))
            error_setg(errp, "QMP input member '%s' must be a string", key);
        else if (!strcmp(key, "arguments") && !json_is_object(value))
            error_setg(errp, "QMP input member 'arguments' must be an object");
        else if (!run && strcmp(key, "arguments") && strcmp(key, "id"))
            error_setg(errp, "QMP input member '%s' is unexpected", key);
        else
            continue;
        return false;
    }
    bool in_band = json_object_get(request, "execute"), oob = json_object_get(request, "exec-oob");
    if (in_band && oob)
        error_setg(errp, "QMP input member 'exec-oob' clashes with 'execute'");
    else if (!in_band && !oob)
        error_setg(errp, "QMP input lacks member 'execute'");
    return in_band != oob;
}

static json_t *execute(QMPSession *s, json_t *request, Error **errp)
{
    json_t *args = NULL, *result = NULL;
    Error *err = NULL;
    if (!check_request(request, errp))
        return NULL;
    const char *oob = json_string_value(json_object_get(request, "exec-oob"));
    const char *name = oob ? oob : json_string_value(json_object_get(request, "execute"));
    bool negotiation = !strcmp(name, "qmp_capabilities");
    if (!s->negotiated && !negotiation) {
        error_setg_class(errp, "CommandNotFound", "Expecting capabilities negotiation with 'qmp_capabilities'");
        return NULL;
    }
    const QMPCommand *c = find_command(name);
    if (oob && !s->oob)
        error_setg(&err, "QMP input member 'exec-oob' is unexpected");
    else if (oob && c && !(c->flags & QMP_OOB))
        error_setg(&err, "The command %s does not support OOB", name);
    else
        c = prepare(name, json_object_get(request, "arguments"), &args, &err);
    if (!err && (!negotiation || negotiate(s, args, &err)))
        result = c->run(args, &err);
    json_decref(args);
    error_propagate(errp, err);
    return result;
}

static void run_request(QMPSession *s, Request *r)
{
    Error *err = NULL;
    json_t *result = NULL;
    if (!r->value)
        error_setg(&err, "%s", r->error);
    else if (!json_is_object(r->value))
        error_setg(&err, "QMP input must be a JSON object");
    else {
        QMPSession *outer = running;
        running = s;
        result = execute(s, r->value, &err);
        running = outer;
    }
    reply(s, result, err, json_is_object(r->value) ? json_object_get(r->value, "id") : NULL);
    json_decref(r->value);
    g_free(r->error);
    g_free(r);
}

static bool session_alive(const QMPSession *s)
{
    for (guint i = 0; sessions && i < sessions->len; i++)
        if (g_ptr_array_index(sessions, i) == s)
            return true;
    return false;
}

static bool run_queued; /* a call of run_queues is on its way */

static void run_queues(void *opaque)
{
    run_queued = false;
    for (guint i = 0; sessions && i < sessions->len; i++) {
        QMPSession *s = g_ptr_array_index(sessions, i);
        while (session_alive(s) && !g_queue_is_empty(&s->queue))
            run_request(s, g_queue_pop_head(&s->queue));
        if (session_alive(s) && s->chr)
            chardev_accept_input(s->chr);
    }
}

static void got_value(void *opaque, json_t *value, const char *error)
{
    QMPSession *s = opaque;
    Request *r = g_new(Request, 1);
    *r = (Request){ value, g_strdup(error) };
    if (s->oob && json_is_object(value) && json_object_get(value, "exec-oob")) {
        run_request(s, r);
        return;
    }
    g_queue_push_tail(&s->queue, r);
    if (s->chr && !run_queued) {
        run_queued = true;
        main_loop_run_soon(run_queues, NULL);
    }
}

/* ---- Events ---- */

/* One that may not come too often; held is the latest that waits. */
typedef struct Limited {
    char *key;
    Timer *timer;
    json_t *held;
} Limited;
static GHashTable *limited;

static void broadcast(json_t *event)
{
    for (guint i = 0; sessions && i < sessions->len; i++) {
        QMPSession *s = g_ptr_array_index(sessions, i);
        if (s->negotiated)
            send_value(s, event);
    }
}

static void free_limited(gpointer opaque)
{
    Limited *l = opaque;
    timer_free(l->timer);
    json_decref(l->held);
    g_free(l->key);
    g_free(l);
}

static void limit_over(void *opaque)
{
    Limited *l = opaque;
    if (!l->held) {
        g_hash_table_remove(limited, l->key);
        return;
    }
    json_t *event = l->held;
    l->held = NULL;
    int interval = schema_event_interval(json_string_value(json_object_get(event, "event")));
    timer_mod(l->timer, clock_ns(CLOCK_REALTIME_HOST) + interval * 1000000ll);
    broadcast(event);
    json_decref(event);
}

/* Events about different things have limits of their own. */
static char *limit_key(const char *name, json_t *data)
{
    const char *id = qmp_str(data, "id"), *path = qmp_str(data, "qom-path");
    return g_strconcat(name, " ", id ? id : path ? path : "", NULL);
}

static void send_limited(const char *name, json_t *event, json_t *data, int interval)
{
    char *key = limit_key(name, data);
    if (!limited)
        limited = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, free_limited);
    Limited *l = g_hash_table_lookup(limited, key);
    if (l) {
        json_decref(l->held);
        l->held = json_incref(event);
        g_free(key);
        return;
    }
    l = g_new0(Limited, 1);
    l->key = key;
    l->timer = timer_new(CLOCK_REALTIME_HOST, limit_over, l);
    g_hash_table_insert(limited, l->key, l);
    timer_mod(l->timer, clock_ns(CLOCK_REALTIME_HOST) + interval * 1000000ll);
    broadcast(event);
}

void qmp_event(const char *name, const char *format, ...)
{
    json_t *data = NULL;
    va_list ap;
    va_start(ap, format);
    if (*format)
        data = json_vpack_ex(NULL, 0, format, ap);
    va_end(ap);
    int interval = schema_event_interval(name);
    g_assert(interval >= 0 && (!*format || data));
    int64_t us = clock_ns(CLOCK_HOST) / 1000;
    json_t *event = json_pack("{s:{s:I,s:I},s:s}", "timestamp", "seconds", (json_int_t)(us / 1000000), "microseconds",
                              (json_int_t)(us % 1000000), "event", name);
    if (data)
        json_object_set(event, "data", data);
    if (interval)
        send_limited(name, event, data, interval);
    else
        broadcast(event);
    json_decref(event);
    json_decref(data);
}

/* ---- Sessions ---- */

static void drop_requests(QMPSession *s)
{
    Request *r;
    while ((r = g_queue_pop_head(&s->queue))) {
        json_decref(r->value);
        g_free(r->error);
        g_free(r);
    }
}

static void session_restart(QMPSession *s)
{
    drop_requests(s);
    json_framer_reset(&s->framer);
    s->negotiated = s->oob = false;
}

static size_t session_can_read(void *opaque)
{
    QMPSession *s = opaque;
    return g_queue_get_length(&s->queue) < QUEUE_MAX && chardev_unsent(s->chr) < UNSENT_MAX ? 512 : 0;
}

static void session_read(void *opaque, const uint8_t *buf, size_t len)
{
    json_framer_feed(&((QMPSession *)opaque)->framer, (const char *)buf, len);
}

static void session_event(void *opaque, ChardevEvent e)
{
    QMPSession *s = opaque;
    if (e == CHR_EVENT_BREAK)
        return;
    session_restart(s);
    if (e == CHR_EVENT_OPENED)
        greet(s);
}

static const ChardevFrontend session_frontend = { session_can_read, session_read, session_event, true };

QMPSession *qmp_session_new(Chardev *chr, bool pretty, Error **errp)
{
    QMPSession *s = g_new0(QMPSession, 1);
    s->chr = chr;
    s->pretty = pretty;
    s->out = g_string_new(NULL);
    json_framer_init(&s->framer, got_value, s);
    if (chr && !chardev_attach(chr, &session_frontend, s, errp)) {
        json_framer_free(&s->framer);
        g_string_free(s->out, TRUE);
        g_free(s);
        return NULL;
    }
    if (!sessions)
        sessions = g_ptr_array_new();
    g_ptr_array_add(sessions, s);
    if (!chr || chardev_is_open(chr))
        greet(s);
    return s;
}

void qmp_session_feed(QMPSession *s, const void *buf, size_t len)
{
    json_framer_feed(&s->framer, buf, len);
    while (!g_queue_is_empty(&s->queue))
        run_request(s, g_queue_pop_head(&s->queue));
}

char *qmp_session_take_output(QMPSession *s)
{
    char *text = g_string_free(s->out, FALSE);
    s->out = g_string_new(NULL);
    return text;
}

void qmp_session_free(QMPSession *s)
{
    g_ptr_array_remove(sessions, s);
    if (s->chr)
        chardev_detach(s->chr, s);
    drop_requests(s);
    json_framer_free(&s->framer);
    g_string_free(s->out, TRUE);
    g_free(s);
}

void qmp_exit(void)
{
    while (sessions && sessions->len)
        qmp_session_free(g_ptr_array_index(sessions, 0));
    if (sessions)
        g_ptr_array_free(sessions, TRUE);
    sessions = NULL;
    if (limited)
        g_hash_table_destroy(limited);
    limited = NULL;
}

Chardev *qmp_current_chardev(void)
{
    return running ? running->chr : NULL;
}
