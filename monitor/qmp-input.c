/* SPDX-License-Identifier: MIT */
/* Keys, pointer and screen shots by QMP and the human monitor, for whatever keyboard, mouse and display there are. */
#include "hw/device.h"
#include "hw/ps2.h"
#include "monitor.h"
#include "monitor/internal.h"
#include "qmp.h"
#include "util/error.h"

#include <string.h>

#define KEYS_MAX 16

/* The key of a KeyValue, or -1 with errp set. */
static int key_of(json_t *value, Error **errp)
{
    json_t *data = json_object_get(value, "data");
    int key;
    if (json_is_integer(data)) {
        json_int_t n = json_integer_value(data);
        key = n >= 0 && n <= 0xff ? ps2_key_of_number((unsigned)n) : -1;
        if (key < 0)
            error_setg(errp, "Invalid key number %lld", (long long)n);
        return key;
    }
    key = ps2_key_find(json_string_value(data));
    if (key < 0)
        error_setg(errp, "Parameter 'data' does not accept value '%s'", json_string_value(data));
    return key;
}

static json_t *send_key(json_t *args, Error **errp)
{
    json_t *keys = json_object_get(args, "keys"), *k;
    int64_t hold = qmp_int(args, "hold-time", 100);
    GString *combo = g_string_new(NULL);
    bool ok = true;
    size_t i;
    if (json_array_size(keys) > KEYS_MAX) {
        error_setg(errp, "too many keys");
        ok = false;
    }
    json_array_foreach(keys, i, k) {
        int key = ok ? key_of(k, errp) : -1;
        if (!(ok = key >= 0))
            break;
        g_string_append_printf(combo, "%s%s", combo->len ? "-" : "", ps2_key_name(key));
    }
    if (ok && combo->len)
        ps2_send_keys(combo->str, (unsigned)CLAMP(hold, 0, 60000), errp);
    g_string_free(combo, TRUE);
    return NULL;
}

/* ---- Pointer ---- */

static unsigned buttons_down;

static void find_mouse(Device *dev, void *found)
{
    if (!strcmp(dev->type->name, "i8042"))
        *(bool *)found = true;
}

static bool have_mouse(void)
{
    bool found = false;
    device_foreach(find_mouse, &found);
    return found;
}

static void press_button(const char *name, bool down)
{
    static const struct {
        const char *name;
        unsigned bit;
        int wheel;
    } buttons[] = { { "left", PS2_LEFT, 0 }, { "middle", PS2_MIDDLE, 0 }, { "right", PS2_RIGHT, 0 }, { "side", PS2_SIDE, 0 },
                    { "extra", PS2_EXTRA, 0 }, { "wheel-up", 0, -1 }, { "wheel-down", 0, 1 } };
    for (unsigned i = 0; i < ARRAY_SIZE(buttons); i++) {
        if (strcmp(buttons[i].name, name))
            continue;
        buttons_down = down ? buttons_down | buttons[i].bit : buttons_down & ~buttons[i].bit;
        if (buttons[i].bit || down)
            ps2_mouse_event(0, 0, buttons[i].wheel, buttons_down);
    }
}

static int clamp_motion(int64_t v)
{
    return (int)CLAMP(v, -32768, 32767);
}

/* Absolute positions have no device that takes them here; they are dropped, as by a machine without a tablet. */
static json_t *input_send_event(json_t *args, Error **errp)
{
    json_t *events = json_object_get(args, "events"), *e;
    size_t i;
    json_array_foreach(events, i, e)
        if (!strcmp(qmp_str(e, "type"), "key") && key_of(json_object_get(json_object_get(e, "data"), "key"), errp) < 0)
            return NULL;
    json_array_foreach(events, i, e) {
        const char *type = qmp_str(e, "type");
        json_t *data = json_object_get(e, "data");
        int value = clamp_motion(qmp_int(data, "value", 0));
        if (!strcmp(type, "key"))
            ps2_keyboard_event(key_of(json_object_get(data, "key"), NULL), qmp_bool(data, "down", false));
        else if (!strcmp(type, "btn"))
            press_button(qmp_str(data, "button"), qmp_bool(data, "down", false));
        else if (!strcmp(type, "rel") && !strcmp(qmp_str(data, "axis"), "x"))
            ps2_mouse_event(value, 0, 0, buttons_down);
        else if (!strcmp(type, "rel"))
            ps2_mouse_event(0, value, 0, buttons_down);
    }
    return NULL;
}

static json_t *query_mice(json_t *args, Error **errp)
{
    json_t *list = json_array();
    if (have_mouse())
        json_array_append_new(list, json_pack("{s:s,s:i,s:b,s:b}", "name", "QEMU PS/2 Mouse", "index", 2, "current", 1,
                                              "absolute", 0));
    return list;
}

static bool eval_motion(Monitor *mon, const char *text, int *out)
{
    uint64_t v;
    if (!monitor_eval(mon, text, &v))
        return false;
    *out = clamp_motion((int64_t)v);
    return true;
}

static void cmd_mouse_move(Monitor *mon, int argc, char **argv)
{
    int dx, dy, dz = 0;
    if (eval_motion(mon, argv[0], &dx) && eval_motion(mon, argv[1], &dy) && (argc < 3 || eval_motion(mon, argv[2], &dz)))
        ps2_mouse_event(dx, dy, dz, buttons_down);
}

static void cmd_mouse_button(Monitor *mon, int argc, char **argv)
{
    uint64_t state;
    if (!monitor_eval(mon, argv[0], &state))
        return;
    buttons_down = (state & 1 ? PS2_LEFT : 0) | (state & 2 ? PS2_MIDDLE : 0) | (state & 4 ? PS2_RIGHT : 0);
    ps2_mouse_event(0, 0, 0, buttons_down);
}

static void cmd_mouse_set(Monitor *mon, int argc, char **argv)
{
    uint64_t index;
    if (monitor_eval(mon, argv[0], &index) && (index != 2 || !have_mouse()))
        monitor_printf(mon, "Mouse at index '%lld' not found\n", (long long)index);
}

static void info_mice(Monitor *mon, int argc, char **argv)
{
    if (have_mouse())
        monitor_printf(mon, "* Mouse #2: QEMU PS/2 Mouse\n");
    else
        monitor_printf(mon, "No mouse devices connected\n");
}

static const MonitorCommand monitor_table[] = {
    { "mouse_move", "dx dy [dz]", "send mouse move events", cmd_mouse_move },
    { "mouse_button", "state", "change mouse button state (1=L, 2=M, 4=R)", cmd_mouse_button },
    { "mouse_set", "index", "set which mouse device receives events", cmd_mouse_set },
    { "info mice", "", "show which guest mouse is receiving events", info_mice },
};
monitor_commands(monitor_table)

static const QMPCommand commands[] = {
    { "send-key", "keys:[KeyValue], hold-time:int?", "", send_key, 0 },
    { "input-send-event", "device:str?, head:int?, events:[InputEvent]", "", input_send_event, 0 },
    { "query-mice", "", "[MouseInfo]", query_mice, 0 },
};
qmp_commands(commands)
