/* SPDX-License-Identifier: MIT */
/* The list of character devices, -chardev and the old short forms of -serial and -monitor. */
#include "internal.h"
#include "exec/replay.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static const ChardevKind *const kinds[] = {
    &chardev_kind_null, &chardev_kind_stdio, &chardev_kind_file, &chardev_kind_pipe, &chardev_kind_pty,
    &chardev_kind_socket, &chardev_kind_mux, &chardev_kind_ringbuf, &chardev_kind_vc, &chardev_kind_testdev,
};
static GPtrArray *all; /* creation order */

static const ChardevKind *find_kind(const char *name)
{
    if (!strcmp(name, "memory"))
        name = "ringbuf";
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        if (!strcmp(kinds[i]->name, name))
            return kinds[i];
    return NULL;
}

void chardev_help(FILE *out)
{
    fprintf(out, "Available chardev backend types:\n");
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        fprintf(out, "  %s\n", kinds[i]->name);
}

Chardev *chardev_find(const char *id)
{
    for (unsigned i = 0; all && i < all->len; i++) {
        Chardev *c = g_ptr_array_index(all, i);
        if (!strcmp(c->id, id))
            return c;
    }
    return NULL;
}

const char *chardev_id(const Chardev *chr)
{
    return chr->id;
}

static bool open_logfile(Chardev *c, OptGroup *opts, Error **errp)
{
    const char *path = opts_get(opts, "logfile");
    bool append = false;
    if (!opts_get_bool(opts, "logappend", &append, errp))
        return false;
    if (!path)
        return true;
    c->logfile = fopen(path, append ? "a" : "w");
    if (!c->logfile)
        error_setg_errno(errp, errno, "chardev '%s': cannot open logfile '%s'", c->id, path);
    return c->logfile != NULL;
}

static void chardev_free(Chardev *c)
{
    if (c->kind->close)
        c->kind->close(c);
    if (c->logfile)
        fclose(c->logfile);
    if (c->pending)
        g_byte_array_free(c->pending, TRUE);
    g_mutex_clear(&c->out_lock);
    g_free(c->id);
    g_free(c);
}

Chardev *chardev_create(const ChardevKind *kind, const char *id, OptGroup *opts, Error **errp)
{
    if (chardev_find(id)) {
        error_setg(errp, "Duplicate ID '%s' for chardev", id);
        return NULL;
    }
    Chardev *c = g_new0(Chardev, 1);
    c->kind = kind;
    c->id = g_strdup(id);
    c->fd_in = c->fd_out = -1;
    g_mutex_init(&c->out_lock);
    bool ok = open_logfile(c, opts, errp) && (!kind->open || kind->open(c, opts, errp)) &&
              opts_check_unused(opts, kind->keys, errp);
    if (!ok) {
        chardev_free(c);
        return NULL;
    }
    if (!all)
        all = g_ptr_array_new();
    g_ptr_array_add(all, c);
    return c;
}

Chardev *chardev_new(OptGroup *opts, Error **errp)
{
    const char *name = opts_get(opts, "backend");
    const char *id = opts_get(opts, "id");
    if (!name) {
        error_setg(errp, "%s: chardev: \"backend\" missing", opts->source);
        return NULL;
    }
    const ChardevKind *kind = find_kind(name);
    if (!kind) {
        const char *names[ARRAY_SIZE(kinds) + 1] = { NULL };
        for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
            names[i] = kinds[i]->name;
        const char *near = nearest_word(name, names);
        error_setg(errp, "%s: '%s' is not a valid char driver name%s%s%s", opts->source, name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        return NULL;
    }
    if (!id) {
        error_setg(errp, "%s: chardev: no id specified", opts->source);
        return NULL;
    }
    bool mux = false;
    if (!opts_get_bool(opts, "mux", &mux, errp))
        return NULL;
    if (!mux || kind == &chardev_kind_mux)
        return chardev_create(kind, id, opts, errp);
    char *base_id = g_strdup_printf("%s-base", id);
    Chardev *base = chardev_create(kind, base_id, opts, errp);
    Chardev *c = NULL;
    if (base) {
        OptGroup *o = opts_parse("-chardev", "", NULL, NULL);
        opts_set(o, "chardev", base_id);
        c = chardev_create(&chardev_kind_mux, id, o, errp);
        opts_free(o);
    }
    g_free(base_id);
    return c;
}

/* Rewrites "tcp:HOST:PORT[,server][,nowait]" and friends into socket options. */
static OptGroup *legacy_socket(const char *text, bool telnet, Error **errp)
{
    OptGroup *o = opts_parse("-serial", text, "address", errp);
    if (!o)
        return NULL;
    char *address = g_strdup(opts_get(o, "address") ? opts_get(o, "address") : "");
    char *colon = strrchr(address, ':');
    if (!colon || !colon[1]) {
        error_setg(errp, "-serial %s: expected HOST:PORT", text);
        g_free(address);
        opts_free(o);
        return NULL;
    }
    *colon = 0;
    opts_set(o, "host", address); /* empty: every interface for a server, this host for a client */
    opts_set(o, "port", colon + 1);
    if (telnet)
        opts_set(o, "telnet", "on");
    g_free(address);
    return o;
}

typedef struct LegacyForm {
    const char *prefix;
    const ChardevKind *kind;
    const char *key;  /* the rest of the text is this option's value; NULL: none */
} LegacyForm;

static const LegacyForm legacy_forms[] = {
    { "stdio", &chardev_kind_stdio, NULL }, { "null", &chardev_kind_null, NULL },
    { "pty", &chardev_kind_pty, NULL },     { "vc", &chardev_kind_vc, NULL },
    { "file:", &chardev_kind_file, "path" }, { "pipe:", &chardev_kind_pipe, "path" },
    { "unix:", &chardev_kind_socket, "path" }, { "tcp:", &chardev_kind_socket, "" },
    { "telnet:", &chardev_kind_socket, "" },
};

static Chardev *open_legacy(const char *label, const char *text, bool mux, Error **errp)
{
    for (unsigned i = 0; i < ARRAY_SIZE(legacy_forms); i++) {
        const LegacyForm *f = &legacy_forms[i];
        size_t n = strlen(f->prefix);
        if (strncmp(text, f->prefix, n) || (!f->key && text[n] != 0 && text[n] != ':'))
            continue;
        OptGroup *o;
        if (f->key && !*f->key)
            o = legacy_socket(text + n, !strcmp(f->prefix, "telnet:"), errp);
        else
            o = opts_parse("-serial", f->key ? text + n : "", f->key, errp);
        if (!o)
            return NULL;
        if (mux && f->kind == &chardev_kind_stdio)
            opts_set(o, "signal", "off");
        Chardev *c = chardev_create(f->kind, label, o, errp);
        opts_free(o);
        return c;
    }
    error_setg(errp, "'%s' is not a character device (stdio, mon:stdio, null, none, pty, vc, file:PATH, pipe:PATH, "
                     "tcp:HOST:PORT, unix:PATH, telnet:HOST:PORT or chardev:ID)", text);
    return NULL;
}

Chardev *chardev_from_legacy(const char *label, const char *text, bool *none, Error **errp)
{
    *none = !strcmp(text, "none");
    if (*none)
        return NULL;
    if (g_str_has_prefix(text, "chardev:")) {
        Chardev *c = chardev_find(text + 8);
        if (!c)
            error_setg(errp, "chardev '%s' not found", text + 8);
        return c;
    }
    if (!g_str_has_prefix(text, "mon:"))
        return open_legacy(label, text, false, errp);
    char *base_id = g_strdup_printf("%s-base", label);
    Chardev *base = open_legacy(base_id, text + 4, true, errp);
    Chardev *c = NULL;
    if (base) {
        OptGroup *o = opts_parse("-serial", "", NULL, NULL);
        opts_set(o, "chardev", base_id);
        c = chardev_create(&chardev_kind_mux, label, o, errp);
        opts_free(o);
    }
    g_free(base_id);
    return c;
}

void chardev_info(FILE *out)
{
    for (unsigned i = 0; all && i < all->len; i++) {
        Chardev *c = g_ptr_array_index(all, i);
        char *text = chardev_filename(c);
        fprintf(out, "%s: filename=%s\n", c->id, text);
        g_free(text);
    }
}

void chardev_foreach(void (*fn)(Chardev *chr, void *opaque), void *opaque)
{
    for (unsigned i = 0; all && i < all->len; i++)
        fn(g_ptr_array_index(all, i), opaque);
}

char *chardev_filename(Chardev *chr)
{
    return chr->kind->describe ? chr->kind->describe(chr) : g_strdup(chr->kind->name);
}

const char *const *chardev_kind_names(void)
{
    static const char *names[ARRAY_SIZE(kinds) + 1];
    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        names[i] = kinds[i]->name;
    return names;
}

bool chardev_is_ringbuf(const Chardev *chr)
{
    return chr->kind == &chardev_kind_ringbuf;
}

bool chardev_is_open(const Chardev *chr)
{
    if (chr->kind == &chardev_kind_mux)
        return chardev_is_open(chardev_mux_base(chr));
    return chr->kind != &chardev_kind_socket || chr->fd_in >= 0;
}

bool chardev_frontend_open(const Chardev *chr)
{
    return chr->fe || chr->kind == &chardev_kind_mux;
}

bool chardev_is_socket(const Chardev *chr)
{
    return chr->kind == &chardev_kind_socket;
}

int chardev_take_fd(Chardev *chr)
{
    if (chr->kind == &chardev_kind_mux)
        return chardev_take_fd(chardev_mux_base(chr));
    return chardev_is_socket(chr) ? chardev_socket_take_fd(chr) : -1;
}

bool chardev_add_client(Chardev *chr, int fd)
{
    return chardev_is_socket(chr) && chardev_socket_add_client(chr, fd);
}

void chardev_disconnect(Chardev *chr)
{
    if (chardev_is_socket(chr) && chr->fd_in >= 0)
        shutdown(chr->fd_in, SHUT_RDWR);
}

static Chardev *find_or_fail(const char *id, Error **errp)
{
    Chardev *c = chardev_find(id);
    if (!c)
        error_setg(errp, "Chardev '%s' not found", id);
    return c;
}

bool chardev_remove(const char *id, Error **errp)
{
    Chardev *c = find_or_fail(id, errp);
    if (!c)
        return false;
    if (chardev_frontend_open(c)) {
        error_setg(errp, "Chardev '%s' is busy", id);
        return false;
    }
    g_ptr_array_remove(all, c);
    chardev_free(c);
    return true;
}

bool chardev_send_break(const char *id, Error **errp)
{
    Chardev *c = find_or_fail(id, errp);
    if (c)
        chardev_send_event(c, CHR_EVENT_BREAK);
    return c;
}

bool chardev_change(const char *id, OptGroup *opts, Error **errp)
{
    Chardev *c = find_or_fail(id, errp);
    if (!c)
        return false;
    const char *name = opts_get(opts, "backend");
    const ChardevKind *kind = name ? find_kind(name) : NULL;
    bool mux = false;
    opts_get(opts, "id");
    if (!opts_get_bool(opts, "mux", &mux, errp))
        return false;
    if (!kind) {
        error_setg(errp, "'%s' is not a valid char driver name", name ? name : "");
        return false;
    }
    if (c->kind == &chardev_kind_mux || mux || kind == &chardev_kind_mux) {
        error_setg(errp, "Mux device hotswap not supported yet");
        return false;
    }
    if (c->kind->close)
        c->kind->close(c);
    c->kind = kind;
    c->fd_in = c->fd_out = -1;
    c->is_stdio = false;
    c->filter = NULL;
    c->state = NULL;
    if ((kind->open && !kind->open(c, opts, errp)) || !opts_check_unused(opts, kind->keys, errp)) {
        if (kind->close)
            kind->close(c);
        c->kind = &chardev_kind_null;
        c->fd_in = c->fd_out = -1;
        c->state = NULL;
        return false;
    }
    chardev_accept_input(c);
    return true;
}

void chardevs_exit(void)
{
    for (unsigned i = all ? all->len : 0; i-- > 0;)
        chardev_free(g_ptr_array_index(all, i));
    if (all)
        g_ptr_array_free(all, TRUE);
    chardev_replay_exit();
    all = NULL;
    chardev_terminal_restore();
}


bool chardev_attach(Chardev *chr, const ChardevFrontend *fe, void *opaque, Error **errp)
{
    if (replay_mode != REPLAY_NONE && !fe->host)
        chardev_replay_attach(chr, &fe, &opaque);
    if (chr->kind == &chardev_kind_mux)
        return chardev_mux_attach(chr, fe, opaque, errp);
    if (chr->fe) {
        error_setg(errp, "Device '%s' is in use", chr->id);
        return false;
    }
    chr->fe = fe;
    chr->opaque = opaque;
    chardev_accept_input(chr);
    return true;
}

void chardev_detach(Chardev *chr, void *opaque)
{
    if (replay_mode != REPLAY_NONE)
        opaque = chardev_replay_detach(chr, opaque);
    if (chr->kind == &chardev_kind_mux) {
        chardev_mux_detach(chr, opaque);
    } else if (chr->opaque == opaque) {
        chr->fe = NULL;
        chr->opaque = NULL;
    }
}

size_t chardev_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    if (replay_mode != REPLAY_NONE && current_cpu && replay_repeats())
        return len; /* the host has seen it */
    if (replay_mode != REPLAY_NONE && chr->kind->write_all && !chardev_is_mux(chr)) {
        chardev_write_all(chr, buf, len); /* a guest may not notice how fast the host reads */
        return len;
    }
    size_t n = chr->kind->write ? chr->kind->write(chr, buf, len) : len;
    if (chr->logfile && n) {
        fwrite(buf, 1, n, chr->logfile);
        fflush(chr->logfile);
    }
    return n;
}

void chardev_write_all(Chardev *chr, const uint8_t *buf, size_t len)
{
    if (!chr->kind->write_all) {
        chardev_write(chr, buf, len);
        return;
    }
    chr->kind->write_all(chr, buf, len);
    if (chr->logfile) {
        fwrite(buf, 1, len, chr->logfile);
        fflush(chr->logfile);
    }
}

size_t chardev_unsent(const Chardev *chr)
{
    if (chr->kind == &chardev_kind_mux)
        return chardev_unsent(chardev_mux_base(chr));
    return chr->pending ? chr->pending->len : 0;
}

void chardev_accept_input(Chardev *chr)
{
    if (chr->kind->accept_input)
        chr->kind->accept_input(chr);
}

size_t chardev_can_read(Chardev *chr)
{
    return chr->fe ? chr->fe->can_read(chr->opaque) : 0;
}

void chardev_deliver(Chardev *chr, const uint8_t *buf, size_t len)
{
    if (chr->fe && len)
        chr->fe->read(chr->opaque, buf, len);
}

void chardev_send_event(Chardev *chr, ChardevEvent e)
{
    if (chr->fe && chr->fe->event)
        chr->fe->event(chr->opaque, e);
}

/* A device that swallows output and never has input. */
const ChardevKind chardev_kind_null = { .name = "null", .keys = (const char *const[]){ "id", "mux", "logfile", NULL } };
/* Virtual console: no display yet, so it behaves as null (QEMU does the same under -display none). */
static bool vc_open(Chardev *chr, OptGroup *opts, Error **errp)
{
    static const char *const ignored[] = { "width", "height", "cols", "rows" };
    for (unsigned i = 0; i < ARRAY_SIZE(ignored); i++)
        opts_get(opts, ignored[i]);
    return true;
}
const ChardevKind chardev_kind_vc = {
    .name = "vc", .open = vc_open,
    .keys = (const char *const[]){ "id", "width", "height", "cols", "rows", NULL },
};
