/* SPDX-License-Identifier: MIT */
/*
 * Character devices on file descriptors: stdio, file, pipe, pty. Reading is paced by the front end;
 * writing queues what the host does not take at once. The terminal is put in raw mode while stdio is
 * open and restored on every way out of the process.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define PENDING_MAX (64 * 1024)
#define WRITE_CHUNK 512 /* a poll()ed pipe or terminal takes this much without blocking */

static GHashTable *hangups;

void chardev_fd_set_hangup(Chardev *chr, ChardevHangup *fn)
{
    if (!hangups)
        hangups = g_hash_table_new(NULL, NULL);
    g_hash_table_insert(hangups, chr, (void *)fn);
}

static void hangup(Chardev *chr)
{
    ChardevHangup *fn = hangups ? (ChardevHangup *)g_hash_table_lookup(hangups, chr) : NULL;
    if (fn)
        fn(chr);
}

/* ---- Reading ---- */

static gboolean fd_readable(gint fd, GIOCondition cond, gpointer opaque)
{
    Chardev *chr = opaque;
    size_t room = chardev_can_read(chr);
    if (!room) {
        chr->in_watch = 0; /* chardev_accept_input watches again */
        return G_SOURCE_REMOVE;
    }
    uint8_t buf[4096];
    size_t want = MIN(room, sizeof(buf));
    ssize_t n = chr->receive ? chr->receive(chr, buf, want) : read(fd, buf, want);
    if (n > 0) {
        chardev_deliver(chr, buf, chr->filter ? chr->filter(chr, buf, (size_t)n) : (size_t)n);
        return G_SOURCE_CONTINUE;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return G_SOURCE_CONTINUE;
    chr->in_watch = 0;
    hangup(chr);
    return G_SOURCE_REMOVE;
}

void chardev_fd_accept_input(Chardev *chr)
{
    if (chr->fd_in < 0 || chr->in_watch || !chardev_can_read(chr))
        return;
    chr->in_watch = g_unix_fd_add(chr->fd_in, G_IO_IN | G_IO_HUP | G_IO_ERR, fd_readable, chr);
    main_loop_notify();
}

/* ---- Writing ---- */

/* Writes what the host takes now; returns bytes. Called with out_lock held. */
static size_t write_now(Chardev *chr, const uint8_t *buf, size_t len)
{
    size_t done = 0;
    while (done < len) {
        struct pollfd p = { .fd = chr->fd_out, .events = POLLOUT };
        if (poll(&p, 1, 0) <= 0)
            break;
        ssize_t n = write(chr->fd_out, buf + done, MIN(len - done, WRITE_CHUNK));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0)
            return len; /* the reader is gone: output is dropped */
        done += (size_t)n;
    }
    return done;
}

static gboolean fd_writable(gint fd, GIOCondition cond, gpointer opaque)
{
    Chardev *chr = opaque;
    g_mutex_lock(&chr->out_lock);
    size_t n = write_now(chr, chr->pending->data, chr->pending->len);
    g_byte_array_remove_range(chr->pending, 0, (guint)n);
    bool more = chr->pending->len > 0;
    if (!more)
        chr->out_watch = 0;
    g_mutex_unlock(&chr->out_lock);
    if (!more)
        chardev_fd_accept_input(chr); /* a monitor takes no more commands while its answers wait */
    return more ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static size_t fd_write(Chardev *chr, const uint8_t *buf, size_t len, size_t limit)
{
    g_mutex_lock(&chr->out_lock);
    size_t done = len;
    if (chr->fd_out >= 0) {
        if (!chr->pending)
            chr->pending = g_byte_array_new();
        if (chr->pending->len) /* in order; a writer that cannot wait for the main loop gets on this way, too */
            g_byte_array_remove_range(chr->pending, 0, (guint)write_now(chr, chr->pending->data, chr->pending->len));
        done = chr->pending->len ? 0 : write_now(chr, buf, len);
        size_t queue = MIN(len - done, limit - MIN(chr->pending->len, limit));
        g_byte_array_append(chr->pending, buf + done, (guint)queue);
        done += queue;
        if (chr->pending->len && !chr->out_watch) {
            chr->out_watch = g_unix_fd_add(chr->fd_out, G_IO_OUT | G_IO_HUP | G_IO_ERR, fd_writable, chr);
            main_loop_notify();
        }
    }
    g_mutex_unlock(&chr->out_lock);
    return done;
}

size_t chardev_fd_write(Chardev *chr, const uint8_t *buf, size_t len)
{
    return fd_write(chr, buf, len, PENDING_MAX);
}

void chardev_fd_write_all(Chardev *chr, const uint8_t *buf, size_t len)
{
    fd_write(chr, buf, len, G_MAXINT32);
}

void chardev_fd_start(Chardev *chr)
{
    chardev_fd_accept_input(chr);
}

void chardev_fd_stop(Chardev *chr)
{
    if (chr->in_watch)
        g_source_remove(chr->in_watch);
    chr->in_watch = 0;
    g_mutex_lock(&chr->out_lock);
    if (chr->pending && chr->pending->len && chr->fd_out >= 0)
        write_now(chr, chr->pending->data, chr->pending->len);
    if (chr->pending)
        g_byte_array_set_size(chr->pending, 0);
    if (chr->out_watch)
        g_source_remove(chr->out_watch);
    chr->out_watch = 0;
    g_mutex_unlock(&chr->out_lock);
}

void chardev_fd_close(Chardev *chr)
{
    chardev_fd_stop(chr);
    if (hangups)
        g_hash_table_remove(hangups, chr);
    if (chr->is_stdio)
        return;
    if (chr->fd_in >= 0)
        close(chr->fd_in);
    if (chr->fd_out >= 0 && chr->fd_out != chr->fd_in)
        close(chr->fd_out);
    chr->fd_in = chr->fd_out = -1;
}

/* ---- stdio ---- */

static struct termios terminal_saved;
static volatile sig_atomic_t terminal_changed;
static bool stdio_taken;

void chardev_terminal_restore(void)
{
    if (terminal_changed) {
        terminal_changed = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal_saved);
    }
}

/* A crash still gives the terminal back before the default action. */
static void restore_and_die(int sig)
{
    chardev_terminal_restore();
    signal(sig, SIG_DFL);
    raise(sig);
}

static void terminal_raw(bool signals)
{
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &terminal_saved))
        return;
    struct termios t = terminal_saved;
    t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    t.c_oflag |= OPOST;
    t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals)
        t.c_lflag &= ~(tcflag_t)ISIG;
    t.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    t.c_cflag |= CS8;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
    for (unsigned i = 0; i < ARRAY_SIZE(fatal); i++) {
        struct sigaction old;
        if (!sigaction(fatal[i], NULL, &old) && old.sa_handler == SIG_DFL)
            signal(fatal[i], restore_and_die);
    }
    atexit(chardev_terminal_restore);
    terminal_changed = 1;
    tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

void chardev_set_echo(Chardev *chr, bool echo)
{
    struct termios t;
    if (!chr->is_stdio || !terminal_changed || tcgetattr(STDIN_FILENO, &t))
        return;
    t.c_lflag = echo ? t.c_lflag | ECHO : t.c_lflag & ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

static bool stdio_open(Chardev *chr, OptGroup *opts, Error **errp)
{
    chr->signals = true;
    if (!opts_get_bool(opts, "signal", &chr->signals, errp))
        return false;
    if (stdio_taken) {
        error_setg(errp, "cannot use stdio by multiple character devices");
        return false;
    }
    stdio_taken = chr->is_stdio = true;
    chr->fd_in = STDIN_FILENO;
    chr->fd_out = STDOUT_FILENO;
    terminal_raw(chr->signals);
    return true;
}

static void stdio_close(Chardev *chr)
{
    chardev_fd_close(chr);
    if (chr->is_stdio) {
        stdio_taken = false;
        chardev_terminal_restore();
    }
}

#define FD_OPS .write = chardev_fd_write, .write_all = chardev_fd_write_all, .accept_input = chardev_fd_accept_input
const ChardevKind chardev_kind_stdio = {
    .name = "stdio", .open = stdio_open, .close = stdio_close, FD_OPS,
    .keys = (const char *const[]){ "id", "mux", "signal", "logfile", "logappend", NULL },
};

/* ---- file, pipe ---- */

static const char *need_path(Chardev *chr, OptGroup *opts, Error **errp)
{
    const char *path = opts_get(opts, "path");
    if (!path || !*path)
        error_setg(errp, "chardev: %s: no filename given", chr->kind->name);
    return path && *path ? path : NULL;
}

static bool file_open(Chardev *chr, OptGroup *opts, Error **errp)
{
    const char *path = need_path(chr, opts, errp);
    const char *input = opts_get(opts, "input-path");
    bool append = false;
    if (!path || !opts_get_bool(opts, "append", &append, errp))
        return false;
    chr->fd_out = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
    if (chr->fd_out < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", path);
        return false;
    }
    if (input && (chr->fd_in = open(input, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) < 0) {
        error_setg_errno(errp, errno, "Could not open '%s'", input);
        return false;
    }
    return true;
}

/* PATH.in and PATH.out when both exist, otherwise PATH itself, opened both ways. */
static bool pipe_open(Chardev *chr, OptGroup *opts, Error **errp)
{
    const char *path = need_path(chr, opts, errp);
    if (!path)
        return false;
    char *in = g_strconcat(path, ".in", NULL), *out = g_strconcat(path, ".out", NULL);
    chr->fd_in = open(in, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    chr->fd_out = open(out, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    g_free(in);
    g_free(out);
    if (chr->fd_in >= 0 && chr->fd_out >= 0)
        return true;
    if (chr->fd_in >= 0)
        close(chr->fd_in);
    if (chr->fd_out >= 0)
        close(chr->fd_out);
    chr->fd_in = chr->fd_out = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    if (chr->fd_in < 0)
        error_setg_errno(errp, errno, "Could not open '%s'", path);
    return chr->fd_in >= 0;
}

const ChardevKind chardev_kind_file = {
    .name = "file", .open = file_open, .close = chardev_fd_close, FD_OPS,
    .keys = (const char *const[]){ "id", "path", "input-path", "append", "mux", "logfile", "logappend", NULL },
};
const ChardevKind chardev_kind_pipe = {
    .name = "pipe", .open = pipe_open, .close = chardev_fd_close, FD_OPS,
    .keys = (const char *const[]){ "id", "path", "mux", "logfile", "logappend", NULL },
};

/* ---- pty ---- */

/* Nobody has the other side open: look again later. */
static gboolean pty_retry(gpointer opaque)
{
    Chardev *chr = opaque;
    chr->state = NULL;
    chardev_fd_accept_input(chr);
    return G_SOURCE_REMOVE;
}

static void pty_hangup(Chardev *chr)
{
    if (!chr->state)
        chr->state = GUINT_TO_POINTER(g_timeout_add(500, pty_retry, chr));
}

static bool pty_open(Chardev *chr, OptGroup *opts, Error **errp)
{
    int master, slave;
    char name[256];
    struct termios t;
    if (openpty(&master, &slave, name, NULL, NULL)) {
        error_setg_errno(errp, errno, "Failed to create a pty");
        return false;
    }
    tcgetattr(slave, &t);
    cfmakeraw(&t);
    tcsetattr(slave, TCSAFLUSH, &t);
    close(slave);
    fcntl(master, F_SETFD, FD_CLOEXEC);
    fcntl(master, F_SETFL, O_NONBLOCK);
    chr->fd_in = chr->fd_out = master;
    chardev_fd_set_hangup(chr, pty_hangup);
    fprintf(stderr, "char device redirected to %s (label %s)\n", name, chr->id);
    return true;
}

static void pty_close(Chardev *chr)
{
    if (chr->state)
        g_source_remove(GPOINTER_TO_UINT(chr->state));
    chardev_fd_close(chr);
}

static char *pty_describe(Chardev *chr)
{
    char name[256];
    return ptsname_r(chr->fd_in, name, sizeof(name)) ? g_strdup("pty") : g_strdup_printf("pty:%s", name);
}

const ChardevKind chardev_kind_pty = {
    .name = "pty", .open = pty_open, .close = pty_close, .describe = pty_describe, FD_OPS,
    .keys = (const char *const[]){ "id", "mux", "logfile", "logappend", NULL },
};
