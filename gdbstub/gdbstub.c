/* SPDX-License-Identifier: MIT */
/*
 * gdb's remote serial protocol (appendix E of the gdb manual): the connection. Packets come in by a character
 * device, are checked and acknowledged here, and go to commands.c. Whatever arrives while the machine runs stops
 * it first, so commands always see stopped vCPUs. Left out: non-stop mode, run-length encoding of what is sent.
 */
#include "internal.h"
#include "exec/replay.h"
#include "hw/boards.h"
#include "util/error.h"
#include "vl.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>

enum { RX_IDLE, RX_DATA, RX_ESCAPE, RX_REPEAT, RX_SUM1, RX_SUM2 };
enum { ESCAPE = '}', REPEAT = '*', REPEAT_BIAS = 29 };

GDBState gdb;

bool gdb_attached(void)
{
    return gdb.attached;
}

/* ---- Sending ---- */

/* The host's buffer may be full for a moment; a peer that reads nothing for seconds loses the connection's sense. */
static void write_all(const uint8_t *data, size_t len)
{
    for (unsigned tries = 0; len && tries < 5000;) {
        size_t n = chardev_write(gdb.chr, data, len);
        data += n;
        len -= n;
        if (!n) {
            g_usleep(1000);
            tries++;
        }
    }
}

void gdb_send(const uint8_t *data, size_t len)
{
    uint8_t sum = 0;
    char tail[4];
    if (!gdb.chr)
        return;
    g_byte_array_set_size(gdb.last, 0);
    g_byte_array_append(gdb.last, (const uint8_t *)"$", 1);
    for (size_t i = 0; i < len; i++) {
        bool special = strchr("$#}*", data[i]) && data[i];
        uint8_t out[2] = { ESCAPE, data[i] ^ 0x20 };
        g_byte_array_append(gdb.last, special ? out : &data[i], special ? 2 : 1);
    }
    for (guint i = 1; i < gdb.last->len; i++)
        sum += gdb.last->data[i];
    snprintf(tail, sizeof(tail), "#%02x", sum);
    g_byte_array_append(gdb.last, (const uint8_t *)tail, 3);
    write_all(gdb.last->data, gdb.last->len);
}

void gdb_send_text(const char *text)
{
    gdb_send((const uint8_t *)text, strlen(text));
}

void gdb_send_bytes(GByteArray *bytes)
{
    gdb_send(bytes->data, bytes->len);
    g_byte_array_free(bytes, TRUE);
}

void gdb_error(unsigned code)
{
    char text[8];
    snprintf(text, sizeof(text), "E%02x", code & 0xff);
    gdb_send_text(text);
}

/* ---- Receiving ---- */

static void stop_if_running(void)
{
    gdb.awaiting_stop = false; /* what comes is an answer already */
    replay_cancel();
    if (vm_running())
        vm_stop();
}

static void packet_complete(uint8_t digit)
{
    gdb.sum_hex[1] = digit;
    int hi = g_ascii_xdigit_value(gdb.sum_hex[0]), lo = g_ascii_xdigit_value(gdb.sum_hex[1]);
    gdb.rx = RX_IDLE;
    bool good = gdb.no_ack || (hi >= 0 && lo >= 0 && (hi << 4 | lo) == gdb.sum);
    if (gdb.in_too_long || !good) {
        write_all((const uint8_t *)"-", gdb.no_ack ? 0 : 1);
        return;
    }
    write_all((const uint8_t *)"+", gdb.no_ack ? 0 : 1);
    stop_if_running();
    gdb_handle_packet((Packet){ gdb.in->data, gdb.in->data + gdb.in->len });
}

static void packet_byte(uint8_t c)
{
    if (gdb.in->len < GDB_PACKET_MAX)
        g_byte_array_append(gdb.in, &c, 1);
    else
        gdb.in_too_long = true;
}

static void idle_byte(uint8_t c)
{
    switch (c) {
    case '$':
        gdb.rx = RX_DATA;
        gdb.sum = 0;
        gdb.in_too_long = false;
        g_byte_array_set_size(gdb.in, 0);
        break;
    case '-':
        if (!gdb.no_ack)
            write_all(gdb.last->data, gdb.last->len);
        break;
    case 3: gdb_interrupt(); break;
    default: break; /* '+', or noise between packets */
    }
}

static void receive(uint8_t c)
{
    switch (gdb.rx) {
    case RX_IDLE: idle_byte(c); return;
    case RX_SUM1:
        gdb.sum_hex[0] = c;
        gdb.rx = RX_SUM2;
        return;
    case RX_SUM2: packet_complete(c); return;
    default: break;
    }
    if (c == '#' && gdb.rx == RX_DATA) {
        gdb.rx = RX_SUM1;
        return;
    }
    gdb.sum += c;
    if (gdb.rx == RX_ESCAPE) {
        packet_byte(c ^ 0x20);
    } else if (gdb.rx == RX_REPEAT) {
        uint8_t again = gdb.in->len ? gdb.in->data[gdb.in->len - 1] : 0;
        for (int n = gdb.in->len ? c - REPEAT_BIAS : 0; n > 0; n--)
            packet_byte(again);
    } else if (c == ESCAPE || c == REPEAT) {
        gdb.rx = c == ESCAPE ? RX_ESCAPE : RX_REPEAT;
        return;
    } else {
        packet_byte(c);
    }
    gdb.rx = RX_DATA;
}

static size_t gdb_can_read(void *opaque)
{
    return 4096;
}

static void gdb_read(void *opaque, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        receive(buf[i]);
}

/* ---- Connection ---- */

void gdb_end_session(void)
{
    bool running = vm_running();
    if (running)
        cpus_pause();
    gdb_forget_vcpus();
    gdb_points_clear();
    if (running)
        cpus_resume();
    gdb.attached = gdb.awaiting_stop = false;
    gdb.pending_watch = NULL;
}

static void begin_session(void)
{
    gdb_end_session();
    gdb.rx = RX_IDLE;
    gdb.no_ack = gdb.multiprocess = gdb.swbreak = gdb.physical = false;
    gdb.sstep = SSTEP_ENABLE | (replay_mode == REPLAY_NONE ? SSTEP_NOIRQ | SSTEP_NOTIMER : 0);
    gdb.g_cpu = gdb.c_cpu = first_cpu;
    g_byte_array_set_size(gdb.last, 0);
    g_ptr_array_set_size(gdb.threads, 0);
    gdb.attached = true;
    vm_stop();
}

static void gdb_event(void *opaque, ChardevEvent e)
{
    if (e == CHR_EVENT_OPENED)
        begin_session();
    else if (e == CHR_EVENT_CLOSED)
        gdb_end_session(); /* the machine stays as it is */
}

static const ChardevFrontend gdb_frontend = { gdb_can_read, gdb_read, gdb_event, true };

static void init_once(void)
{
    if (gdb.in)
        return;
    gdb.in = g_byte_array_new();
    gdb.last = g_byte_array_new();
    gdb.threads = g_ptr_array_new();
    gdb.points = g_array_new(FALSE, FALSE, sizeof(GDBPoint));
    gdb.installed = g_array_new(FALSE, FALSE, sizeof(GDBPoint));
    gdb.mon = monitor_new(NULL, NULL);
    gdb_run_init();
}

static void disconnect(void)
{
    if (gdb.attached)
        gdb_end_session();
    if (gdb.chr)
        chardev_detach(gdb.chr, &gdb);
    gdb.chr = NULL;
}

/* With "target remote | rhea -gdb stdio", Ctrl-C on gdb's terminal reaches this process, too. */
static gboolean sigint(gpointer opaque)
{
    gdb_interrupt();
    return G_SOURCE_CONTINUE;
}

/* As the user of gdb expects: sockets listen and do not wait, unless the text says otherwise. */
static Chardev *open_device(const char *device, bool *none, Error **errp)
{
    static unsigned count;
    bool socket = g_str_has_prefix(device, "tcp:") || g_str_has_prefix(device, "unix:");
    char *text = socket ? g_strconcat(device, strstr(device, ",server") ? "" : ",server=on",
                                      strstr(device, "wait") ? "" : ",wait=off", NULL)
                        : g_strdup(device);
    char *label = count ? g_strdup_printf("gdb%u", count) : g_strdup("gdb");
    Chardev *chr = chardev_from_legacy(label, text, none, errp);
    count += chr != NULL;
    g_free(label);
    g_free(text);
    return chr;
}

bool gdbserver_start(const char *device, Error **errp)
{
    bool none = false;
    if (!first_cpu) {
        error_setg(errp, "gdbstub: meaningless to attach gdb to a machine without any CPU.");
        return false;
    }
    if (!first_cpu->target->gdb) {
        error_setg(errp, "gdbstub: current architecture doesn't have a description for gdb");
        return false;
    }
    init_once();
    disconnect();
    Chardev *chr = open_device(device, &none, errp);
    if (none)
        return true;
    if (!chr || !chardev_attach(chr, &gdb_frontend, &gdb, errp))
        return false;
    gdb.chr = chr;
    if (!strcmp(device, "stdio"))
        g_unix_signal_add(SIGINT, sigint, NULL);
    if (!g_str_has_prefix(device, "tcp:") && !g_str_has_prefix(device, "unix:"))
        begin_session(); /* there is no event of a peer arriving */
    return true;
}

void gdbserver_exit(int status)
{
    char text[8];
    if (gdb.attached) {
        snprintf(text, sizeof(text), "W%02x", status & 0xff);
        gdb_send_text(text);
    }
    disconnect();
}

static void cmd_gdbserver(Monitor *mon, int argc, char **argv)
{
    Error *err = NULL;
    const char *device = argc ? argv[0] : "tcp::1234";
    if (!gdbserver_start(device, &err)) {
        monitor_printf(mon, "Could not open gdbserver on device '%s'%s%s\n", device, err ? ": " : "",
                       err ? error_get_pretty(err) : "");
        error_free(err);
    } else if (!strcmp(device, "none")) {
        monitor_printf(mon, "Disabled gdbserver\n");
    } else {
        monitor_printf(mon, "Waiting for gdb connection on device '%s'\n", device);
    }
}

static const MonitorCommand commands[] = {
    { "gdbserver", "[device]", "start gdbserver on given device (default 'tcp::1234'), stop with 'none'", cmd_gdbserver },
};
monitor_commands(commands);
