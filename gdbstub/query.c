/* SPDX-License-Identifier: MIT */
/*
 * The q and Q packets of gdb's remote protocol: features, threads, transfers of target descriptions, monitor
 * commands, searches, and QEMU's own (stepping modes, physical memory).
 */
#include "internal.h"
#include "exec/replay.h"
#include "util/error.h"

#include <inttypes.h>
#include <string.h>

/* ---- Session ---- */

static void q_supported(Packet p)
{
    for (; p.p < p.end; p.p++) {
        if (packet_text(&p, "multiprocess+"))
            gdb.multiprocess = true;
        else if (packet_text(&p, "swbreak+"))
            gdb.swbreak = true;
        if (p.p == p.end)
            break;
    }
    char *text = g_strdup_printf("PacketSize=%x;qXfer:features:read+;qXfer:threads:read+;vContSupported+;multiprocess+;"
                                 "swbreak+;hwbreak+;QStartNoAckMode+;binary-upload+%s", GDB_PACKET_MAX,
                                 replay_mode == REPLAY_PLAY ? ";ReverseStep+;ReverseContinue+" : "");
    gdb_send_text(text);
    g_free(text);
}

static void q_no_ack(Packet p)
{
    gdb_send_text("OK");
    gdb.no_ack = true;
}

static void q_attached(Packet p)
{
    gdb_send_text("1");
}

static void q_offsets(Packet p)
{
    gdb_send_text("Text=0;Data=0;Bss=0");
}

static void q_symbol(Packet p)
{
    gdb_send_text("OK"); /* no symbol is asked for */
}

/* ---- Threads ---- */

static void q_current(Packet p)
{
    char *id = gdb_thread_id(gdb.g_cpu), *text = g_strconcat("QC", id, NULL);
    gdb_send_text(text);
    g_free(text);
    g_free(id);
}

/* As many threads as a packet holds; the next qsThreadInfo goes on. */
static void send_threads(void)
{
    GString *text = g_string_new(gdb.threads->len ? "m" : "l");
    while (gdb.threads->len && text->len < GDB_PACKET_MAX - 32) {
        char *id = gdb_thread_id(g_ptr_array_remove_index(gdb.threads, 0));
        g_string_append_printf(text, "%s%s", text->len > 1 ? "," : "", id);
        g_free(id);
    }
    gdb_send_text(text->str);
    g_string_free(text, TRUE);
}

static void q_first_threads(Packet p)
{
    g_ptr_array_set_size(gdb.threads, 0);
    CPU_FOREACH(cpu)
        g_ptr_array_add(gdb.threads, cpu);
    send_threads();
}

static void q_more_threads(Packet p)
{
    send_threads();
}

static char *thread_text(const CPUState *cpu)
{
    return g_strdup_printf("CPU#%d [%s]", cpu->index, cpu->halted ? "halted " : "running");
}

static void send_as_hex(const char *prefix, const char *text, size_t len)
{
    GByteArray *out = g_byte_array_new();
    g_byte_array_append(out, (const uint8_t *)prefix, (guint)strlen(prefix));
    append_hex(out, (const uint8_t *)text, len);
    gdb_send_bytes(out);
}

static void q_thread_text(Packet p)
{
    int64_t tid;
    CPUState *cpu = packet_thread(&p, &tid) ? gdb_cpu_of(tid) : NULL;
    if (!cpu) {
        gdb_error(0x22);
        return;
    }
    char *text = thread_text(cpu);
    send_as_hex("", text, strlen(text));
    g_free(text);
}

/* ---- Transfers: "OFFSET,LENGTH" pieces of a document ---- */

static void send_piece(Packet p, GString *document)
{
    uint64_t offset, len;
    if (!document || !packet_hex(&p, &offset) || !packet_char(&p, ',') || !packet_hex(&p, &len) || !packet_done(&p)) {
        gdb_error(0);
    } else {
        uint64_t left = offset < document->len ? document->len - offset : 0;
        uint64_t n = MIN(MIN(left, len), GDB_PACKET_MAX / 2); /* half: every byte may need an escape */
        GByteArray *out = g_byte_array_new();
        g_byte_array_append(out, (const uint8_t *)(n < left ? "m" : "l"), 1);
        g_byte_array_append(out, (const uint8_t *)document->str + (n ? offset : 0), (guint)n);
        gdb_send_bytes(out);
    }
    if (document)
        g_string_free(document, TRUE);
}

static void q_features(Packet p)
{
    const uint8_t *colon = memchr(p.p, ':', (size_t)(p.end - p.p));
    if (!colon) {
        gdb_error(0);
        return;
    }
    char *annex = g_strndup((const char *)p.p, (gsize)(colon - p.p));
    p.p = colon + 1;
    send_piece(p, gdb_describe(gdb.g_cpu, annex));
    g_free(annex);
}

static void q_threads_document(Packet p)
{
    GString *s = g_string_new("<?xml version=\"1.0\"?>\n<threads>\n");
    CPU_FOREACH(cpu)
    {
        char *id = gdb_thread_id(cpu), *text = thread_text(cpu);
        g_string_append_printf(s, "<thread id=\"%s\" core=\"%d\" name=\"CPU#%d\">%s</thread>\n", id, cpu->index, cpu->index,
                               text);
        g_free(text);
        g_free(id);
    }
    g_string_append(s, "</threads>\n");
    send_piece(p, s);
}

/* ---- Monitor ---- */

static void q_monitor(Packet p)
{
    size_t len = (size_t)(p.end - p.p) / 2;
    char *line = g_malloc(len + 1);
    if (!parse_hex_bytes(&p, (uint8_t *)line, len) || !packet_done(&p)) {
        g_free(line);
        gdb_error(0x22);
        return;
    }
    line[len] = 0;
    monitor_run_line(gdb.mon, line);
    g_free(line);
    char *text = monitor_take_output(gdb.mon);
    size_t left = strlen(text);
    for (const char *t = text; left && gdb.chr; ) {
        size_t n = MIN(left, GDB_PACKET_MAX / 2 - 8);
        send_as_hex("O", t, n);
        t += n;
        left -= n;
    }
    g_free(text);
    gdb_send_text("OK");
}

/* ---- Searches ---- */

#define SEARCH_BLOCK 4096
#define SEARCH_MAX (256 * MiB)
#define CRC_MAX (64 * MiB)

/* Where the pattern begins in [addr, addr + len); block by block, each with what a match may need of the next. */
static int search(uint64_t addr, uint64_t len, const uint8_t *pattern, size_t n, uint64_t *found)
{
    uint8_t buf[SEARCH_BLOCK + GDB_PACKET_MAX];
    for (uint64_t done = 0; done < len && len - done >= n; done += SEARCH_BLOCK) {
        uint64_t size = MIN(len - done, SEARCH_BLOCK + n - 1);
        if (!gdb_memory(addr + done, buf, size, false))
            return -1;
        const uint8_t *at = memmem(buf, size, pattern, n);
        if (at) {
            *found = addr + done + (uint64_t)(at - buf);
            return 1;
        }
    }
    return 0;
}

static void q_search(Packet p)
{
    uint64_t addr, len, found = 0;
    if (!packet_hex(&p, &addr) || !packet_char(&p, ';') || !packet_hex(&p, &len) || !packet_char(&p, ';') ||
        packet_done(&p) || len > SEARCH_MAX) {
        gdb_error(0x22);
        return;
    }
    int result = search(addr, len, p.p, (size_t)(p.end - p.p), &found);
    char text[24];
    if (result < 0) {
        gdb_error(0x14);
    } else {
        snprintf(text, sizeof(text), result ? "1,%" PRIx64 : "0", found);
        gdb_send_text(text);
    }
}

/* CRC-32 as gdb computes it for compare-sections: polynomial 0x04c11db7, most significant bit first. */
static void q_crc(Packet p)
{
    uint64_t addr, len;
    uint32_t crc = 0xffffffff;
    uint8_t buf[SEARCH_BLOCK];
    if (!packet_hex(&p, &addr) || !packet_char(&p, ',') || !packet_hex(&p, &len) || len > CRC_MAX) {
        gdb_error(0x22);
        return;
    }
    for (uint64_t n; len; len -= n, addr += n) {
        n = MIN(len, sizeof(buf));
        if (!gdb_memory(addr, buf, n, false)) {
            gdb_error(0x14);
            return;
        }
        for (uint64_t i = 0; i < n; i++) {
            crc ^= (uint32_t)buf[i] << 24;
            for (int bit = 0; bit < 8; bit++)
                crc = crc << 1 ^ (crc >> 31 ? 0x04c11db7 : 0);
        }
    }
    char text[12];
    snprintf(text, sizeof(text), "C%x", crc);
    gdb_send_text(text);
}

/* ---- QEMU's ---- */

static void q_sstep_bits(Packet p)
{
    gdb_send_text(replay_mode == REPLAY_NONE ? "ENABLE=1,NOIRQ=2,NOTIMER=4" : "ENABLE=1");
}

static void q_sstep(Packet p)
{
    char text[8];
    uint64_t v;
    if (packet_done(&p)) {
        snprintf(text, sizeof(text), "0x%x", gdb.sstep);
        gdb_send_text(text);
    } else if (packet_char(&p, '=') && packet_hex(&p, &v) && !(v & ~(replay_mode == REPLAY_NONE ? 7ull : 1))) {
        gdb.sstep = (unsigned)v | SSTEP_ENABLE;
        gdb_send_text("OK");
    } else {
        gdb_error(0x22);
    }
}

static void q_physical(Packet p)
{
    gdb_send_text(gdb.physical ? "1" : "0");
}

static void q_set_physical(Packet p)
{
    uint64_t v;
    if (!packet_hex(&p, &v) || !packet_done(&p)) {
        gdb_error(0x22);
        return;
    }
    gdb.physical = v != 0;
    gdb_send_text("OK");
}

/* ---- Dispatch ---- */

static const struct {
    const char *name;
    void (*run)(Packet p);
    bool set; /* Q packet */
} queries[] = {
    { "Supported", q_supported, false },
    { "StartNoAckMode", q_no_ack, true },
    { "Attached", q_attached, false },
    { "Offsets", q_offsets, false },
    { "Symbol:", q_symbol, false },
    { "fThreadInfo", q_first_threads, false },
    { "sThreadInfo", q_more_threads, false },
    { "ThreadExtraInfo,", q_thread_text, false },
    { "Xfer:features:read:", q_features, false },
    { "Xfer:threads:read::", q_threads_document, false },
    { "Rcmd,", q_monitor, false },
    { "Search:memory:", q_search, false },
    { "CRC:", q_crc, false },
    { "qemu.sstepbits", q_sstep_bits, false },
    { "qemu.sstep", q_sstep, false },
    { "qemu.sstep", q_sstep, true },
    { "qemu.PhyMemMode", q_physical, false },
    { "qemu.PhyMemMode:", q_set_physical, true },
    { "C", q_current, false },
};

void gdb_query(Packet p, bool set)
{
    for (unsigned i = 0; i < ARRAY_SIZE(queries); i++) {
        if (queries[i].set == set && packet_text(&p, queries[i].name)) {
            queries[i].run(p);
            return;
        }
    }
    gdb_send_text("");
}
