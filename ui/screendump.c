/* SPDX-License-Identifier: MIT */
/* screendump of both monitors: a console's pixels as a PPM or PNG file. */
#include "hw/device.h"
#include "monitor.h"
#include "monitor/internal.h"
#include "qmp.h"
#include "ui/console.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>

bool console_screendump(Console *con, const char *path, bool png, Error **errp)
{
    con = con ? con : console_first();
    if (!con) {
        error_setg(errp, "There is no console to take a screendump from");
        return false;
    }
    console_update(con);
    return png ? surface_write_png(console_surface(con), path, errp) : surface_write_ppm(console_surface(con), path, errp);
}

static Console *named_console(const char *id, unsigned head, Error **errp)
{
    Device *dev = device_find(id);
    Console *con = dev ? console_find(dev, head) : NULL;
    if (!dev)
        error_setg_class(errp, "DeviceNotFound", "Device '%s' not found", id);
    else if (!con)
        error_setg(errp, "Device %s (head %u) is not bound to a QemuConsole", id, head);
    return con;
}

static json_t *screendump(json_t *args, Error **errp)
{
    const char *format = qmp_str(args, "format"), *id = qmp_str(args, "device");
    int64_t head = qmp_int(args, "head", 0);
    Console *con = NULL;
    if (!id && json_object_get(args, "head")) {
        error_setg(errp, "'head' must be specified together with 'device'");
        return NULL;
    }
    if (id && !(con = named_console(id, head >= 0 && head <= UINT32_MAX ? (unsigned)head : UINT32_MAX, errp)))
        return NULL;
    console_screendump(con, qmp_str(args, "filename"), format && !strcmp(format, "png"), errp);
    return NULL;
}

/* Flags may stand anywhere: filename [-f format] [device [head]]. */
static void cmd_screendump(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    const char *words[3] = { NULL }, *format = "ppm";
    unsigned n = 0;
    uint64_t head = 0;
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "-f") && i + 1 < argc)
            format = argv[++i];
        else if (n < ARRAY_SIZE(words))
            words[n++] = argv[i];
    }
    if (!words[0] || (words[2] && !monitor_eval(mon, words[2], &head)))
        return;
    json_t *args = json_pack("{s:s,s:s}", "filename", words[0], "format", format);
    if (words[1])
        json_object_set_new(args, "device", json_string(words[1]));
    if (words[2])
        json_object_set_new(args, "head", json_integer((json_int_t)head));
    json_decref(qmp_call("screendump", &err, "o", args));
    monitor_report(mon, err);
}

static const MonitorCommand monitor_table[] = {
    { "screendump", "filename [-f format] [device [head]]", "save the screen as image 'filename' (format ppm or png)",
      cmd_screendump },
};
monitor_commands(monitor_table)

static const QMPCommand commands[] = {
    { "screendump", "filename:str, device:str?, head:int?, format:ImageFormat?", "", screendump, 0 },
};
qmp_commands(commands)
