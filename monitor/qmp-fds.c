/* SPDX-License-Identifier: MIT */
/* Descriptors that a client passes over its Unix socket: named by getfd, given to a device by add_client. */
#include "chardev.h"
#include "qmp.h"
#include "util/error.h"

#include <glib.h>
#include <unistd.h>

static GHashTable *fds; /* name -> descriptor + 1 */

/* The descriptor of a name, which is forgotten; -1 when there is none. */
static int take(const char *name)
{
    int fd = fds ? GPOINTER_TO_INT(g_hash_table_lookup(fds, name)) - 1 : -1;
    if (fds)
        g_hash_table_remove(fds, name);
    return fd;
}

static json_t *qmp_getfd(json_t *args, Error **errp)
{
    const char *name = qmp_str(args, "fdname");
    Chardev *chr = qmp_current_chardev();
    int fd = chr ? chardev_take_fd(chr) : -1;
    if (fd < 0) {
        error_setg(errp, "No file descriptor supplied via SCM_RIGHTS");
        return NULL;
    }
    if (g_ascii_isdigit(name[0])) {
        close(fd);
        error_setg(errp, "Parameter 'fdname' expects a name not starting with a digit");
        return NULL;
    }
    int old = take(name);
    if (old >= 0)
        close(old);
    if (!fds)
        fds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_insert(fds, g_strdup(name), GINT_TO_POINTER(fd + 1));
    return NULL;
}

static json_t *qmp_closefd(json_t *args, Error **errp)
{
    int fd = take(qmp_str(args, "fdname"));
    if (fd < 0)
        error_setg(errp, "File descriptor named '%s' not found", qmp_str(args, "fdname"));
    else
        close(fd);
    return NULL;
}

static json_t *qmp_add_client(json_t *args, Error **errp)
{
    const char *protocol = qmp_str(args, "protocol");
    Chardev *chr = chardev_find(protocol);
    int fd = take(qmp_str(args, "fdname"));
    if (fd < 0) {
        error_setg(errp, "File descriptor named '%s' has not been found", qmp_str(args, "fdname"));
        return NULL;
    }
    if (chr && chardev_add_client(chr, fd))
        return NULL;
    close(fd);
    error_setg(errp, chr ? "failed to add client to '%s'" : "protocol '%s' is invalid", protocol);
    return NULL;
}

__attribute__((destructor)) static void forget(void)
{
    if (fds)
        g_hash_table_destroy(fds);
}

static const QMPCommand commands[] = {
    { "getfd", "fdname:str", "", qmp_getfd, 0 },
    { "closefd", "fdname:str", "", qmp_closefd, 0 },
    { "add_client", "protocol:str, fdname:str, skipauth:bool?, tls:bool?", "", qmp_add_client, 0 },
};
qmp_commands(commands)
