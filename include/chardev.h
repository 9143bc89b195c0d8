/* SPDX-License-Identifier: MIT */
/* Character devices: byte streams between a guest port or monitor and the host. Machine lock. */
#ifndef RHEA_CHARDEV_H
#define RHEA_CHARDEV_H

#include "typedefs.h"
#include <stdio.h>

typedef enum ChardevEvent { CHR_EVENT_OPENED, CHR_EVENT_CLOSED, CHR_EVENT_BREAK } ChardevEvent;
typedef struct ChardevFrontend {
    size_t (*can_read)(void *opaque);                 /* bytes it can take now */
    void (*read)(void *opaque, const uint8_t *buf, size_t len);
    void (*event)(void *opaque, ChardevEvent e);      /* may be NULL */
    bool host;                                        /* not the guest's: a monitor, a debugger, a device between */
} ChardevFrontend;

/* "-chardev KIND,id=ID,…": kinds stdio file pipe pty socket null mux ringbuf vc. */
Chardev *chardev_new(OptGroup *opts, Error **errp);
/* Old short forms of -serial/-monitor: stdio, mon:stdio, null, none, pty, file:F, pipe:F,
 * tcp:host:port[,server…], unix:path, telnet:…, chardev:ID, vc. *none is set for "none". */
Chardev *chardev_from_legacy(const char *label, const char *text, bool *none, Error **errp);
Chardev *chardev_find(const char *id);
const char *chardev_id(const Chardev *chr);
void chardev_help(FILE *out);
void chardev_info(FILE *out); /* info chardev */
void chardevs_exit(void);     /* closes all, restores the terminal */
/* Key that starts a mux command, Ctrl-A by default (-echr). */
extern int chardev_escape_char;

/* Each front end attaches to one Chardev (several on a mux). False when it is taken. */
bool chardev_attach(Chardev *chr, const ChardevFrontend *fe, void *opaque, Error **errp);
void chardev_detach(Chardev *chr, void *opaque);
/* Queues bytes for the host; never blocks the vCPU for long: returns what was taken. Any thread. */
size_t chardev_write(Chardev *chr, const uint8_t *buf, size_t len);
/* The same for monitors: takes everything, however long the host does not read. Main loop. */
void chardev_write_all(Chardev *chr, const uint8_t *buf, size_t len);
size_t chardev_unsent(const Chardev *chr);       /* bytes the host has not read yet */
bool chardev_is_mux(const Chardev *chr);
bool chardev_is_ringbuf(const Chardev *chr);
bool chardev_is_socket(const Chardev *chr);
bool chardev_is_open(const Chardev *chr);        /* a socket has its peer; others always */
bool chardev_frontend_open(const Chardev *chr);  /* somebody is attached */
void chardev_foreach(void (*fn)(Chardev *chr, void *opaque), void *opaque); /* creation order */
char *chardev_filename(Chardev *chr);            /* as in info chardev; caller frees */
const char *const *chardev_kind_names(void);     /* NULL-terminated */
bool chardev_remove(const char *id, Error **errp);
/* Another back end for the same front end; options as for chardev_new. On failure it ends up as null. */
bool chardev_change(const char *id, OptGroup *opts, Error **errp);
bool chardev_send_break(const char *id, Error **errp);
/* A descriptor that came over the Unix socket with the last input, now the caller's; -1 when there is none. */
int chardev_take_fd(Chardev *chr);
/* A connected socket becomes the peer of a socket device that has none; the descriptor is taken over on success. */
bool chardev_add_client(Chardev *chr, int fd);
/* Ends a socket's connection at once, whatever waits on it. */
void chardev_disconnect(Chardev *chr);
/* A device in front of base (NULL: of nothing) that shows an observer what the guest writes, and types for it. */
typedef void ChardevTapOutput(void *opaque, const uint8_t *buf, size_t len);
Chardev *chardev_tap_new(const char *id, Chardev *base, ChardevTapOutput *output, void *opaque, Error **errp);
/* Input for the guest, as fast as it takes it. Machine lock. */
void chardev_tap_type(Chardev *chr, const uint8_t *buf, size_t len);
/* The front end can take more bytes now. */
void chardev_accept_input(Chardev *chr);
/* stdio with signals off: Ctrl-C goes to the guest. */
void chardev_set_echo(Chardev *chr, bool echo);
/* Contents of a ringbuf, oldest first; returns bytes copied. */
size_t chardev_ringbuf_read(Chardev *chr, uint8_t *buf, size_t len);

#endif
