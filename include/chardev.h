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
bool chardev_is_mux(const Chardev *chr);
/* The front end can take more bytes now. */
void chardev_accept_input(Chardev *chr);
/* stdio with signals off: Ctrl-C goes to the guest. */
void chardev_set_echo(Chardev *chr, bool echo);
/* Contents of a ringbuf, oldest first; returns bytes copied. */
size_t chardev_ringbuf_read(Chardev *chr, uint8_t *buf, size_t len);

#endif
