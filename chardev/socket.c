/* SPDX-License-Identifier: MIT */
/* Character device on a TCP or Unix stream socket, as server or client, one peer at a time. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

typedef struct Socket {
    int listen_fd;
    guint listen_watch, reconnect_timer;
    bool telnet, nodelay;
    unsigned telnet_state;    /* 0 data, 1 after IAC, 2 option byte follows, 3 in a subnegotiation, 4 IAC there */
    unsigned reconnect;       /* seconds; client side */
    struct sockaddr_storage address;
    socklen_t address_len;
    char *unlink_path, *text;
    int passed_fd;            /* came with input over a Unix socket, not taken yet; -1: none */
} Socket;

static gboolean socket_incoming(gint fd, GIOCondition cond, gpointer opaque);

enum { IAC = 255, IAC_SB = 250, IAC_SE = 240, IAC_WILL = 251, IAC_BREAK = 243 };

/* Takes telnet commands (RFC 854) out of the input. */
static size_t telnet_filter(Chardev *chr, uint8_t *buf, size_t len)
{
    Socket *s = chr->state;
    size_t kept = 0;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = buf[i];
        switch (s->telnet_state) {
        case 0:
            if (c == IAC)
                s->telnet_state = 1;
            else
                buf[kept++] = c;
            break;
        case 1:
            s->telnet_state = c == IAC_SB ? 3 : c >= IAC_WILL && c != IAC ? 2 : 0;
            if (c == IAC)
                buf[kept++] = c;
            else if (c == IAC_BREAK)
                chardev_send_event(chr, CHR_EVENT_BREAK);
            break;
        case 2: s->telnet_state = 0; break;
        case 3: s->telnet_state = c == IAC ? 4 : 3; break;
        default: s->telnet_state = c == IAC_SE ? 0 : 3; break;
        }
    }
    return kept;
}

/* Input that may bring a descriptor (unix(7), SCM_RIGHTS). Only the latest is kept. */
static ssize_t socket_receive(Chardev *chr, void *buf, size_t len)
{
    Socket *s = chr->state;
    struct iovec iov = { buf, len };
    union {
        char bytes[CMSG_SPACE(sizeof(int) * 16)];
        struct cmsghdr align;
    } control;
    struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
    ssize_t n = recvmsg(chr->fd_in, &m, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return n;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); i++) {
            if (s->passed_fd >= 0)
                close(s->passed_fd);
            memcpy(&s->passed_fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
        }
    }
    return n;
}

int chardev_socket_take_fd(Chardev *chr)
{
    Socket *s = chr->state;
    int fd = s->passed_fd;
    s->passed_fd = -1;
    return fd;
}

static void socket_connected(Chardev *chr, int fd)
{
    Socket *s = chr->state;
    int one = 1;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    if (s->nodelay)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    g_mutex_lock(&chr->out_lock);
    chr->fd_in = chr->fd_out = fd;
    g_mutex_unlock(&chr->out_lock);
    s->telnet_state = 0;
    chr->receive = s->address.ss_family == AF_UNIX ? socket_receive : NULL;
    if (s->telnet) {
        chr->filter = telnet_filter;
        /* IAC WILL ECHO, WILL SUPPRESS-GO-AHEAD, WILL BINARY, DO BINARY (RFC 854, 856-858) */
        static const uint8_t hello[] = { 255, 251, 1, 255, 251, 3, 255, 251, 0, 255, 253, 0 };
        chardev_fd_write(chr, hello, sizeof(hello));
    }
    chardev_send_event(chr, CHR_EVENT_OPENED);
    chardev_fd_start(chr);
}

static gboolean socket_reconnect(gpointer opaque)
{
    Chardev *chr = opaque;
    Socket *s = chr->state;
    int fd = socket(s->address.ss_family, SOCK_STREAM, 0);
    if (fd >= 0 && !connect(fd, (struct sockaddr *)&s->address, s->address_len)) {
        s->reconnect_timer = 0;
        socket_connected(chr, fd);
        return G_SOURCE_REMOVE;
    }
    if (fd >= 0)
        close(fd);
    return G_SOURCE_CONTINUE;
}

static void socket_hangup(Chardev *chr)
{
    Socket *s = chr->state;
    int fd = chr->fd_in;
    chardev_fd_stop(chr);
    g_mutex_lock(&chr->out_lock);
    chr->fd_in = chr->fd_out = -1;
    g_mutex_unlock(&chr->out_lock);
    if (fd >= 0)
        close(fd);
    chardev_send_event(chr, CHR_EVENT_CLOSED);
    if (s->listen_fd >= 0 && !s->listen_watch)
        s->listen_watch = g_unix_fd_add(s->listen_fd, G_IO_IN, socket_incoming, chr);
    else if (s->listen_fd < 0 && s->reconnect && !s->reconnect_timer)
        s->reconnect_timer = g_timeout_add_seconds(s->reconnect, socket_reconnect, chr);
}

static gboolean socket_incoming(gint fd, GIOCondition cond, gpointer opaque)
{
    Chardev *chr = opaque;
    Socket *s = chr->state;
    int peer = accept(s->listen_fd, NULL, NULL);
    if (peer < 0)
        return G_SOURCE_CONTINUE;
    s->listen_watch = 0; /* one peer at a time: others wait in the backlog */
    socket_connected(chr, peer);
    return G_SOURCE_REMOVE;
}

static bool resolve(Socket *s, const char *path, const char *host, const char *port, bool server, Error **errp)
{
    if (path) {
        struct sockaddr_un *un = (struct sockaddr_un *)&s->address;
        if (strlen(path) >= sizeof(un->sun_path)) {
            error_setg(errp, "UNIX socket path '%s' is too long (at most %zu bytes)", path, sizeof(un->sun_path) - 1);
            return false;
        }
        un->sun_family = AF_UNIX;
        strcpy(un->sun_path, path);
        s->address_len = sizeof(*un);
        return true;
    }
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = server ? AI_PASSIVE : 0 }, *found;
    int rc = getaddrinfo(host && *host ? host : NULL, port, &hints, &found);
    if (rc) {
        error_setg(errp, "address resolution failed for %s:%s: %s", host ? host : "", port, gai_strerror(rc));
        return false;
    }
    memcpy(&s->address, found->ai_addr, found->ai_addrlen);
    s->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool start_server(Chardev *chr, bool wait, Error **errp)
{
    Socket *s = chr->state;
    int one = 1;
    s->listen_fd = socket(s->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->address.ss_family == AF_UNIX) {
        const char *path = ((struct sockaddr_un *)&s->address)->sun_path;
        unlink(path);
        s->unlink_path = g_strdup(path);
    } else {
        setsockopt(s->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    }
    if (s->listen_fd < 0 || bind(s->listen_fd, (struct sockaddr *)&s->address, s->address_len) ||
        listen(s->listen_fd, 4)) {
        error_setg_errno(errp, errno, "Failed to listen on %s", s->text);
        return false;
    }
    if (wait) {
        fprintf(stderr, "%s: info: waiting for connection on: disconnected:%s,server=on\n",
                error_get_progname(), s->text);
        int peer;
        do
            peer = accept(s->listen_fd, NULL, NULL);
        while (peer < 0 && errno == EINTR);
        if (peer < 0) {
            error_setg_errno(errp, errno, "Failed to accept on %s", s->text);
            return false;
        }
        socket_connected(chr, peer);
    } else {
        s->listen_watch = g_unix_fd_add(s->listen_fd, G_IO_IN, socket_incoming, chr);
    }
    return true;
}

static bool start_client(Chardev *chr, Error **errp)
{
    Socket *s = chr->state;
    int fd = socket(s->address.ss_family, SOCK_STREAM, 0);
    if (fd >= 0 && !connect(fd, (struct sockaddr *)&s->address, s->address_len)) {
        socket_connected(chr, fd);
        return true;
    }
    int err = errno;
    if (fd >= 0)
        close(fd);
    if (s->reconnect) {
        s->reconnect_timer = g_timeout_add_seconds(s->reconnect, socket_reconnect, chr);
        return true;
    }
    error_setg_errno(errp, err, "Failed to connect to '%s'", s->text);
    return false;
}

bool chardev_socket_add_client(Chardev *chr, int fd)
{
    Socket *s = chr->state;
    if (chr->fd_in >= 0)
        return false;
    if (s->listen_watch)
        g_source_remove(s->listen_watch);
    if (s->reconnect_timer)
        g_source_remove(s->reconnect_timer);
    s->listen_watch = s->reconnect_timer = 0;
    socket_connected(chr, fd);
    return true;
}

static bool socket_open(Chardev *chr, OptGroup *opts, Error **errp)
{
    bool server = false, wait = true;
    uint64_t reconnect = 0;
    Socket *s = g_new0(Socket, 1);
    s->listen_fd = s->passed_fd = -1;
    s->nodelay = true;
    chr->state = s;
    chardev_fd_set_hangup(chr, socket_hangup);
    const char *path = opts_get(opts, "path"), *host = opts_get(opts, "host"), *port = opts_get(opts, "port");
    opts_get(opts, "address"); /* left by the tcp: short form */
    opts_get(opts, "ipv4");
    opts_get(opts, "ipv6");
    if (!opts_get_bool(opts, "server", &server, errp) || !opts_get_bool(opts, "wait", &wait, errp) ||
        !opts_get_bool(opts, "telnet", &s->telnet, errp) || !opts_get_bool(opts, "nodelay", &s->nodelay, errp) ||
        !opts_get_bool(opts, "delay", &s->nodelay, errp) || !opts_get_u64(opts, "reconnect", &reconnect, errp))
        return false;
    if (!path && !port) {
        error_setg(errp, "chardev: socket: no %s given", host ? "port" : "path or host and port");
        return false;
    }
    s->reconnect = (unsigned)MIN(reconnect, 86400);
    s->text = path ? g_strdup_printf("unix:%s", path)
                   : g_strdup_printf("%s:%s:%s", s->telnet ? "telnet" : "tcp", host ? host : "", port);
    s->nodelay = s->nodelay && !path;
    if (!resolve(s, path, host, port, server, errp))
        return false;
    return server ? start_server(chr, wait, errp) : start_client(chr, errp);
}

static void socket_close(Chardev *chr)
{
    Socket *s = chr->state;
    chardev_fd_close(chr);
    if (!s)
        return;
    if (s->listen_watch)
        g_source_remove(s->listen_watch);
    if (s->reconnect_timer)
        g_source_remove(s->reconnect_timer);
    if (s->listen_fd >= 0)
        close(s->listen_fd);
    if (s->unlink_path)
        unlink(s->unlink_path);
    if (s->passed_fd >= 0)
        close(s->passed_fd);
    chr->receive = NULL;
    g_free(s->unlink_path);
    g_free(s->text);
    g_free(s);
}

static char *socket_describe(Chardev *chr)
{
    Socket *s = chr->state;
    return g_strdup_printf("%s%s%s", chr->fd_in < 0 ? "disconnected:" : "", s->text,
                           s->listen_fd >= 0 ? ",server=on" : "");
}

const ChardevKind chardev_kind_socket = {
    .name = "socket", .open = socket_open, .close = socket_close, .describe = socket_describe,
    .write = chardev_fd_write, .write_all = chardev_fd_write_all, .accept_input = chardev_fd_accept_input,
    .keys = (const char *const[]){ "id", "path", "host", "port", "server", "wait", "telnet", "nodelay", "reconnect",
                                   "mux", "logfile", "logappend", NULL },
};
