/* SPDX-License-Identifier: MIT */
/*
 * Packets of gdb's remote protocol by their first letters: memory, registers, threads, and the way to the other
 * files. All vCPUs are stopped here. A packet that is not known gets the empty answer.
 */
#include "internal.h"
#include "exec/memory.h"
#include "hw/boards.h"
#include "util/error.h"

#include <string.h>

/* ---- Reading a packet ---- */

bool packet_char(Packet *p, char c)
{
    if (p->p == p->end || *p->p != (uint8_t)c)
        return false;
    p->p++;
    return true;
}

bool packet_text(Packet *p, const char *s)
{
    size_t n = strlen(s);
    if ((size_t)(p->end - p->p) < n || memcmp(p->p, s, n))
        return false;
    p->p += n;
    return true;
}

bool packet_hex(Packet *p, uint64_t *out)
{
    const uint8_t *start = p->p;
    uint64_t v = 0;
    for (int d; p->p < p->end && (d = g_ascii_xdigit_value((char)*p->p)) >= 0; p->p++) {
        if (v >> 60)
            return false;
        v = v << 4 | (uint64_t)d;
    }
    *out = v;
    return p->p > start;
}

bool packet_done(const Packet *p)
{
    return p->p == p->end;
}

bool parse_hex_bytes(Packet *p, uint8_t *out, size_t len)
{
    if ((size_t)(p->end - p->p) < 2 * len)
        return false;
    for (size_t i = 0; i < len; i++, p->p += 2) {
        int hi = g_ascii_xdigit_value((char)p->p[0]), lo = g_ascii_xdigit_value((char)p->p[1]);
        if (hi < 0 || lo < 0)
            return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

void append_hex(GByteArray *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        const uint8_t pair[2] = { (uint8_t)digits[data[i] >> 4], (uint8_t)digits[data[i] & 15] };
        g_byte_array_append(out, pair, 2);
    }
}

/* ---- Threads: one process, a thread per vCPU ---- */

bool packet_thread(Packet *p, int64_t *tid)
{
    uint64_t v;
    if (packet_char(p, 'p')) {
        if (packet_text(p, "-1")) {
            *tid = -1;
            return true;
        }
        if (!packet_hex(p, &v) || v > 1)
            return false;
        if (!packet_char(p, '.')) {
            *tid = -1; /* the process with all its threads */
            return true;
        }
    }
    if (packet_text(p, "-1")) {
        *tid = -1;
        return true;
    }
    if (!packet_hex(p, &v) || v > INT32_MAX)
        return false;
    *tid = (int64_t)v;
    return true;
}

CPUState *gdb_cpu_of(int64_t tid)
{
    if (tid <= 0)
        return first_cpu;
    CPU_FOREACH(cpu)
    {
        if (cpu->index + 1 == tid)
            return cpu;
    }
    return NULL;
}

char *gdb_thread_id(const CPUState *cpu)
{
    return g_strdup_printf(gdb.multiprocess ? "p01.%02x" : "%02x", cpu->index + 1);
}

static void cmd_thread_alive(Packet p)
{
    int64_t tid;
    if (packet_thread(&p, &tid) && gdb_cpu_of(tid))
        gdb_send_text("OK");
    else
        gdb_error(0x22);
}

static void cmd_set_thread(Packet p)
{
    bool general = packet_char(&p, 'g'), control = !general && packet_char(&p, 'c');
    int64_t tid;
    CPUState *cpu = (general || control) && packet_thread(&p, &tid) ? gdb_cpu_of(tid) : NULL;
    if (!cpu) {
        gdb_error(0x22);
        return;
    }
    if (general)
        gdb.g_cpu = tid > 0 ? cpu : gdb.g_cpu;
    else
        gdb.c_cpu = cpu;
    gdb_send_text("OK");
}

/* ---- Memory ---- */

bool gdb_memory(uint64_t addr, void *buf, uint64_t len, bool write)
{
    if (!gdb.physical)
        return cpu_memory_rw_debug(gdb.g_cpu, addr, buf, len, write);
    return (write ? address_space_write_rom(address_space_memory, addr, buf, len)
                  : address_space_read(address_space_memory, addr, buf, len)) == MEMTX_OK;
}

/* "ADDR,LENGTH"; the length is at most max. */
static bool packet_range(Packet *p, uint64_t max, uint64_t *addr, uint64_t *len)
{
    return packet_hex(p, addr) && packet_char(p, ',') && packet_hex(p, len) && *len <= max;
}

static void read_memory(Packet p, bool binary)
{
    uint64_t addr, len;
    uint8_t buf[GDB_PACKET_MAX];
    if (!packet_range(&p, sizeof(buf) / 2, &addr, &len) || !packet_done(&p)) {
        gdb_error(0x22);
        return;
    }
    if (!gdb_memory(addr, buf, len, false)) {
        gdb_error(0x14);
        return;
    }
    GByteArray *out = g_byte_array_new();
    if (binary) {
        g_byte_array_append(out, (const uint8_t *)"b", 1);
        g_byte_array_append(out, buf, (guint)len);
    } else {
        append_hex(out, buf, len);
    }
    gdb_send_bytes(out);
}

static void cmd_read_memory(Packet p)
{
    read_memory(p, false);
}

static void cmd_read_binary(Packet p)
{
    read_memory(p, true);
}

static void write_memory(uint64_t addr, void *buf, uint64_t len)
{
    if (gdb_memory(addr, buf, len, true))
        gdb_send_text("OK");
    else
        gdb_error(0x14);
}

static void cmd_write_memory(Packet p)
{
    uint64_t addr, len;
    uint8_t buf[GDB_PACKET_MAX];
    if (packet_range(&p, sizeof(buf), &addr, &len) && packet_char(&p, ':') && parse_hex_bytes(&p, buf, len) &&
        packet_done(&p))
        write_memory(addr, buf, len);
    else
        gdb_error(0x22);
}

static void cmd_write_binary(Packet p)
{
    uint64_t addr, len;
    if (packet_range(&p, GDB_PACKET_MAX, &addr, &len) && packet_char(&p, ':') && (uint64_t)(p.end - p.p) == len)
        write_memory(addr, (void *)p.p, len);
    else
        gdb_error(0x22);
}

/* ---- Registers ---- */

typedef struct RegisterWrite {
    uint64_t number;
    const uint8_t *in;
    size_t len;
    bool all, done;
} RegisterWrite;

/* On the vCPU's thread: a control register may touch its TLB. */
static void write_on_cpu(CPUState *cpu, void *opaque)
{
    RegisterWrite *w = opaque;
    w->done = w->all ? gdb_write_all(cpu, w->in, w->len) : gdb_write_register(cpu, w->number, w->in, w->len) > 0;
}

static void write_registers(RegisterWrite w)
{
    cpu_run_on(gdb.g_cpu, write_on_cpu, &w);
    if (w.done)
        gdb_send_text("OK");
    else
        gdb_error(0x22);
}

static void cmd_read_registers(Packet p)
{
    GByteArray *raw = g_byte_array_new(), *out = g_byte_array_new();
    gdb_read_all(gdb.g_cpu, raw);
    append_hex(out, raw->data, raw->len);
    g_byte_array_free(raw, TRUE);
    gdb_send_bytes(out);
}

static void cmd_write_registers(Packet p)
{
    uint8_t buf[GDB_PACKET_MAX];
    size_t len = (size_t)(p.end - p.p) / 2;
    if (parse_hex_bytes(&p, buf, len) && packet_done(&p))
        write_registers((RegisterWrite){ .all = true, .in = buf, .len = len });
    else
        gdb_error(0x22);
}

static void cmd_read_register(Packet p)
{
    uint64_t number;
    uint8_t buf[GDB_REG_MAX_BYTES];
    size_t n = packet_hex(&p, &number) && packet_done(&p) ? gdb_read_register(gdb.g_cpu, number, buf) : 0;
    if (!n) {
        gdb_error(0x14);
        return;
    }
    GByteArray *out = g_byte_array_new();
    append_hex(out, buf, n);
    gdb_send_bytes(out);
}

static void cmd_write_register(Packet p)
{
    uint64_t number;
    uint8_t buf[GDB_REG_MAX_BYTES];
    if (!packet_hex(&p, &number) || !packet_char(&p, '=')) {
        gdb_error(0x22);
        return;
    }
    size_t len = (size_t)(p.end - p.p) / 2;
    if (len <= sizeof(buf) && parse_hex_bytes(&p, buf, len) && packet_done(&p))
        write_registers((RegisterWrite){ .number = number, .in = buf, .len = len });
    else
        gdb_error(0x22);
}

/* ---- Running ---- */

static void cmd_continue(Packet p)
{
    gdb_step_or_continue(p, ACTION_CONTINUE, false);
}

static void cmd_continue_signal(Packet p)
{
    gdb_step_or_continue(p, ACTION_CONTINUE, true);
}

static void cmd_step(Packet p)
{
    gdb_step_or_continue(p, ACTION_STEP, false);
}

static void cmd_step_signal(Packet p)
{
    gdb_step_or_continue(p, ACTION_STEP, true);
}

static void cmd_insert_point(Packet p)
{
    gdb_point_packet(p, true);
}

static void cmd_remove_point(Packet p)
{
    gdb_point_packet(p, false);
}

/* gdb connects: nothing of an earlier session is left. */
static void cmd_why(Packet p)
{
    gdb_points_clear();
    gdb_stop_reply();
}

static void cmd_kill(Packet p)
{
    gdb_kill();
}

static void cmd_vkill(Packet p)
{
    gdb_send_text("OK");
    gdb_kill();
}

static void cmd_vattach(Packet p)
{
    uint64_t pid;
    if (!packet_hex(&p, &pid) || pid != 1) {
        gdb_error(0x22);
        return;
    }
    gdb.g_cpu = gdb.c_cpu = first_cpu;
    gdb_stop_reply();
}

static void cmd_extended(Packet p)
{
    gdb_send_text("OK");
}

/* "R": restart the program; there is no answer. */
static void cmd_restart(Packet p)
{
    system_reset_request(SHUTDOWN_MONITOR);
}

static void cmd_vcont_what(Packet p)
{
    gdb_send_text("vCont;c;C;s;S;r");
}

static void cmd_query(Packet p)
{
    gdb_query(p, false);
}

static void cmd_set(Packet p)
{
    gdb_query(p, true);
}

/* ---- Dispatch ---- */

static const struct {
    const char *prefix;
    void (*run)(Packet p);
} handlers[] = {
    { "?", cmd_why },
    { "!", cmd_extended },
    { "c", cmd_continue },
    { "C", cmd_continue_signal },
    { "s", cmd_step },
    { "S", cmd_step_signal },
    { "vCont?", cmd_vcont_what },
    { "vCont", gdb_vcont },
    { "vKill;", cmd_vkill },
    { "vAttach;", cmd_vattach },
    { "bs", gdb_reverse_step },
    { "bc", gdb_reverse_continue },
    { "D", gdb_detach },
    { "k", cmd_kill },
    { "R", cmd_restart },
    { "F", gdb_syscall_reply },
    { "H", cmd_set_thread },
    { "T", cmd_thread_alive },
    { "g", cmd_read_registers },
    { "G", cmd_write_registers },
    { "p", cmd_read_register },
    { "P", cmd_write_register },
    { "m", cmd_read_memory },
    { "M", cmd_write_memory },
    { "x", cmd_read_binary },
    { "X", cmd_write_binary },
    { "Z", cmd_insert_point },
    { "z", cmd_remove_point },
    { "q", cmd_query },
    { "Q", cmd_set },
};

void gdb_handle_packet(Packet p)
{
    for (unsigned i = 0; i < ARRAY_SIZE(handlers); i++) {
        if (packet_text(&p, handlers[i].prefix)) {
            handlers[i].run(p);
            return;
        }
    }
    gdb_send_text("");
}
