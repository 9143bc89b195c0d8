/* SPDX-License-Identifier: MIT */
/* Shared by the chardev kinds: the common struct, and fd-backed reading and writing. */
#ifndef RHEA_CHARDEV_INTERNAL_H
#define RHEA_CHARDEV_INTERNAL_H

#include "chardev.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/options.h"

#include <glib.h>

typedef struct ChardevKind {
    const char *name, *help;
    const char *const *keys; /* valid options, NULL-terminated, for "did you mean" */
    bool (*open)(Chardev *chr, OptGroup *opts, Error **errp);
    size_t (*write)(Chardev *chr, const uint8_t *buf, size_t len);
    void (*write_all)(Chardev *chr, const uint8_t *buf, size_t len); /* queues without a limit; NULL: as write */
    void (*accept_input)(Chardev *chr);
    void (*close)(Chardev *chr);
    char *(*describe)(Chardev *chr); /* for info chardev; caller frees; NULL: the kind's name */
} ChardevKind;

struct Chardev {
    const ChardevKind *kind;
    char *id;
    const ChardevFrontend *fe;
    void *opaque;
    bool mux_taken;   /* front end is a mux */
    FILE *logfile;
    /* fd kinds */
    int fd_in, fd_out;
    guint in_watch, out_watch;
    GMutex out_lock;      /* guards pending and out_watch: writers may be vCPU threads */
    GByteArray *pending;
    bool is_stdio, signals;
    /* Edits input in place before the front end sees it; returns the new length. NULL: none */
    size_t (*filter)(Chardev *chr, uint8_t *buf, size_t len);
    /* Reads as read() does, in its place; NULL: read() */
    ssize_t (*receive)(Chardev *chr, void *buf, size_t len);
    void *state;      /* kind's own */
};

extern const ChardevKind chardev_kind_null, chardev_kind_stdio, chardev_kind_file, chardev_kind_pipe,
    chardev_kind_pty, chardev_kind_socket, chardev_kind_mux, chardev_kind_ringbuf, chardev_kind_vc,
    chardev_kind_testdev;

/* Bytes from the host to the front end; the caller asked chardev_can_read first. Machine lock. */
void chardev_deliver(Chardev *chr, const uint8_t *buf, size_t len);
size_t chardev_can_read(Chardev *chr);
void chardev_send_event(Chardev *chr, ChardevEvent e);

/* fd-backed kinds: set fd_in / fd_out (-1 = none), then fd_start. */
void chardev_fd_start(Chardev *chr);
void chardev_fd_stop(Chardev *chr);
/* socket.c: see chardev.h */
int chardev_socket_take_fd(Chardev *chr);
bool chardev_socket_add_client(Chardev *chr, int fd);
void chardev_fd_write_all(Chardev *chr, const uint8_t *buf, size_t len);
size_t chardev_fd_write(Chardev *chr, const uint8_t *buf, size_t len);
void chardev_fd_accept_input(Chardev *chr);
void chardev_fd_close(Chardev *chr);
/* Called by the fd reader at end of file or on an error: kinds that reconnect set it. */
typedef void ChardevHangup(Chardev *chr);
void chardev_fd_set_hangup(Chardev *chr, ChardevHangup *fn);
/* Registers a Chardev made by other means (legacy forms, mux around another). */
Chardev *chardev_create(const ChardevKind *kind, const char *id, OptGroup *opts, Error **errp);
void chardev_terminal_restore(void);
/* replay.c: puts itself between chr and a guest's front end, or finds what it put there. */
void chardev_replay_attach(Chardev *chr, const ChardevFrontend **fe, void **opaque);
void *chardev_replay_detach(Chardev *chr, void *opaque);
void chardev_replay_exit(void);
/* The mux kind takes several front ends. */
Chardev *chardev_mux_base(const Chardev *chr);
bool chardev_mux_attach(Chardev *chr, const ChardevFrontend *fe, void *opaque, Error **errp);
void chardev_mux_detach(Chardev *chr, void *opaque);

#endif
