/* SPDX-License-Identifier: MIT */
/*
 * The device-test protocol, as QEMU's device tests speak it: commands and answers are lines of text. Ports and memory
 * of every width, blocks in hex and base64, the virtual clock, interrupt lines watched and driven. A command that
 * makes no sense gets FAIL. Devices are named by id or type, or by a path whose last part is one of these. Left out:
 * rtas and module_load.
 */
#include "qtest.h"
#include "chardev.h"
#include "exec/memory.h"
#include "hw/device.h"
#include "target.h"
#include "util/error.h"
#include "util/options.h"
#include "util/timer.h"

#include <errno.h>
#include <glib.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_ (64u << 20)
#define BLOCK_MAX (16u << 20)
#define WORDS_MAX 8

static bool accel;
static Chardev *chr;
static FILE *log_file;
static int64_t opened_at; /* host time */
static GByteArray *line;

bool qtest_accel(void)
{
    return accel;
}

void qtest_accel_init(void)
{
    accel = true;
    clock_virtual_set(0);
}

/* ---- Answers ---- */

static void log_line(char direction, const char *text)
{
    if (!log_file)
        return;
    double t = (double)(clock_ns(CLOCK_REALTIME_HOST) - opened_at) / NS_PER_SEC;
    fprintf(log_file, "[%c +%f] %s\n", direction, t, text);
    fflush(log_file);
}

static void send_line(char *text)
{
    log_line('S', text);
    size_t len = strlen(text);
    text[len] = '\n'; /* in place of its end */
    const uint8_t *p = (const uint8_t *)text;
    len++;
    for (unsigned tries = 0; chr && len && tries < 10000; tries++) {
        size_t n = chardev_write(chr, p, len);
        p += n;
        len -= n;
        if (len)
            g_usleep(n ? 0 : 1000);
    }
    g_free(text);
}

static void answer(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void answer(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    send_line(g_strdup_vprintf(fmt, ap));
    va_end(ap);
}

/* ---- Arguments ---- */

typedef struct Command {
    unsigned n; /* words */
    char *word[WORDS_MAX];
} Command;

static bool number(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 0);
    return end != text && !*end && !errno;
}

/* Word i as a number; answers FAIL otherwise. */
static bool argument(const Command *c, unsigned i, uint64_t *out)
{
    if (i < c->n && number(c->word[i], out))
        return true;
    answer("FAIL %s: argument %u is not a number", c->word[0], i);
    return false;
}

static bool block(const Command *c, uint64_t *addr, uint64_t *len)
{
    if (!argument(c, 1, addr) || !argument(c, 2, len))
        return false;
    if (*len && *len <= BLOCK_MAX)
        return true;
    answer("FAIL %s: size must be 1 to %u", c->word[0], BLOCK_MAX);
    return false;
}

/* b w l q at the command's end. */
static unsigned width(const Command *c)
{
    char last = c->word[0][strlen(c->word[0]) - 1];
    return last == 'b' ? 1 : last == 'w' ? 2 : last == 'l' ? 4 : 8;
}

/* ---- Ports and memory ---- */

static void cmd_in(const Command *c)
{
    uint64_t port;
    if (argument(c, 1, &port))
        answer("OK 0x%04" PRIx64, address_space_ld(address_space_io, port & 0xffff, width(c), NULL));
}

static void cmd_out(const Command *c)
{
    uint64_t port, value;
    if (!argument(c, 1, &port) || !argument(c, 2, &value))
        return;
    address_space_st(address_space_io, port & 0xffff, value, width(c));
    answer("OK");
}

/* Memory is in the target's byte order; the address space's values are little-endian. */
static uint64_t target_order(uint64_t v, unsigned size)
{
    return current_target->big_endian ? __builtin_bswap64(v) >> (64 - 8 * size) : v;
}

static void cmd_read_value(const Command *c)
{
    uint64_t addr;
    unsigned size = width(c);
    if (argument(c, 1, &addr))
        answer("OK 0x%016" PRIx64, target_order(address_space_ld(address_space_memory, addr, size, NULL), size));
}

static void cmd_write_value(const Command *c)
{
    uint64_t addr, value;
    unsigned size = width(c);
    if (!argument(c, 1, &addr) || !argument(c, 2, &value))
        return;
    address_space_st(address_space_memory, addr, target_order(value, size), size);
    answer("OK");
}

static void cmd_read(const Command *c)
{
    uint64_t addr, len;
    if (!block(c, &addr, &len))
        return;
    uint8_t *data = g_malloc(len);
    address_space_read(address_space_memory, addr, data, len);
    static const char digits[] = "0123456789abcdef", head[] = "OK 0x";
    char *text = g_malloc(sizeof(head) + 2 * len), *p = stpcpy(text, head);
    for (uint64_t i = 0; i < len; i++) {
        *p++ = digits[data[i] >> 4];
        *p++ = digits[data[i] & 15];
    }
    *p = 0;
    g_free(data);
    send_line(text);
}

/* "0x" and pairs of digits; what is missing at the end counts as zero. */
static void cmd_write(const Command *c)
{
    uint64_t addr, len;
    if (!block(c, &addr, &len))
        return;
    const char *hex = c->n > 3 ? c->word[3] : "";
    if (hex[0] != '0' || (hex[1] | 0x20) != 'x') {
        answer("FAIL write: data must be 0x and hexadecimal digits");
        return;
    }
    uint8_t *data = g_malloc0(len);
    hex += 2;
    for (uint64_t i = 0; i < len && g_ascii_isxdigit(hex[0]) && g_ascii_isxdigit(hex[1]); i++, hex += 2)
        data[i] = (uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));
    address_space_write(address_space_memory, addr, data, len);
    g_free(data);
    answer("OK");
}

static void cmd_b64read(const Command *c)
{
    uint64_t addr, len;
    if (!block(c, &addr, &len))
        return;
    uint8_t *data = g_malloc(len);
    address_space_read(address_space_memory, addr, data, len);
    char *text = g_base64_encode(data, len);
    answer("OK %s", text);
    g_free(text);
    g_free(data);
}

static void cmd_b64write(const Command *c)
{
    uint64_t addr, len;
    gsize got = 0;
    if (!block(c, &addr, &len))
        return;
    guchar *data = c->n > 3 ? g_base64_decode(c->word[3], &got) : NULL;
    if (got) {
        address_space_write(address_space_memory, addr, data, MIN(got, len));
        answer("OK");
    } else {
        answer("FAIL b64write: no data");
    }
    g_free(data);
}

static void cmd_memset(const Command *c)
{
    uint64_t addr, len, value;
    if (!block(c, &addr, &len) || !argument(c, 3, &value))
        return;
    uint8_t *data = g_malloc(len);
    memset(data, (int)value, len);
    address_space_write(address_space_memory, addr, data, len);
    g_free(data);
    answer("OK");
}

static void cmd_endianness(const Command *c)
{
    answer("OK %s", current_target->big_endian ? "big" : "little");
}

/* ---- The clock ---- */

static void move_clock(int64_t ns)
{
    if (ns > clock_ns(CLOCK_VIRTUAL))
        clock_virtual_set(ns);
    answer("OK %" PRIi64, clock_ns(CLOCK_VIRTUAL));
}

/* Without a number: to the next timer. Back it does not go. */
static void cmd_clock_step(const Command *c)
{
    int64_t now = clock_ns(CLOCK_VIRTUAL), next = timers_next_deadline(CLOCK_VIRTUAL);
    uint64_t ns = next > now ? (uint64_t)(next - now) : 0;
    if (c->n > 1 && !argument(c, 1, &ns))
        return;
    if (!accel)
        answer("FAIL clock_step: only with -accel qtest");
    else
        move_clock((int64_t)ns < 0 ? now : ns < (uint64_t)(INT64_MAX - now) ? now + (int64_t)ns : INT64_MAX);
}

static void cmd_clock_set(const Command *c)
{
    uint64_t ns;
    if (!argument(c, 1, &ns))
        return;
    if (!accel)
        answer("FAIL clock_set: only with -accel qtest");
    else
        move_clock((int64_t)MIN(ns, (uint64_t)INT64_MAX));
}

/* ---- Interrupt lines ---- */

/* A device whose lines are watched; the lines go on to where they went before. */
typedef struct Intercept {
    Device *dev;
    bool outputs;
    void (*in)(void *opaque, int n, int level);
    IRQLine *out;
    unsigned n;
    uint8_t *level;
} Intercept;
static Intercept intercept;

static void line_changed(int n, int level)
{
    if (n < 0 || (unsigned)n >= intercept.n || intercept.level[n] == !!level)
        return;
    intercept.level[n] = !!level;
    answer("IRQ %s %d", level ? "raise" : "lower", n);
}

static void watched_input(void *opaque, int n, int level)
{
    intercept.in(opaque, n, level);
    line_changed(n, level);
}

static void watched_output(void *opaque, int n, int level)
{
    irq_set(&intercept.out[n], level);
    line_changed(n, level);
}

typedef struct Search {
    const char *name;
    Device *found;
} Search;

static void match_device(Device *dev, void *opaque)
{
    Search *s = opaque;
    const char *alias = dev->type->alias;
    if (!s->found && (!strcmp(dev->type->name, s->name) || (alias && !strcmp(alias, s->name))))
        s->found = dev;
}

/* NULL after answering FAIL. */
static Device *named_device(const Command *c)
{
    const char *path = c->n > 1 ? c->word[1] : "", *slash = strrchr(path, '/');
    Search s = { slash ? slash + 1 : path, NULL };
    s.found = device_find(s.name);
    if (!s.found)
        device_foreach(match_device, &s);
    if (!s.found)
        answer("FAIL Unknown device");
    return s.found;
}

static void cmd_intercept(const Command *c)
{
    bool outputs = g_str_has_suffix(c->word[0], "out");
    Device *dev = named_device(c);
    if (!dev)
        return;
    if (intercept.dev) {
        if (intercept.dev == dev && intercept.outputs == outputs)
            answer("OK");
        else
            answer("FAIL IRQ intercept already enabled");
        return;
    }
    intercept = (Intercept){ .dev = dev, .outputs = outputs, .in = dev->in, .n = outputs ? dev->nout : dev->nin };
    intercept.level = g_new0(uint8_t, intercept.n + 1);
    if (outputs) {
        intercept.out = g_memdup2(dev->out, intercept.n * sizeof(IRQLine));
        for (unsigned n = 0; n < intercept.n; n++)
            dev->out[n] = (IRQLine){ watched_output, dev, (int)n };
    } else if (intercept.n) {
        dev->in = watched_input;
    }
    answer("OK");
}

static void intercept_end(void)
{
    if (intercept.dev && intercept.outputs)
        memcpy(intercept.dev->out, intercept.out, intercept.n * sizeof(IRQLine));
    else if (intercept.dev)
        intercept.dev->in = intercept.in;
    g_free(intercept.out);
    g_free(intercept.level);
    intercept = (Intercept){ 0 };
}

/* set_irq_in DEVICE NAME NUMBER LEVEL; lines have no names here. */
static void cmd_set_irq_in(const Command *c)
{
    uint64_t n, level;
    Device *dev = named_device(c);
    if (!dev || !argument(c, 3, &n) || !argument(c, 4, &level))
        return;
    if (n >= dev->nin) {
        answer("FAIL set_irq_in: '%s' has %u inputs", dev->type->name, dev->nin);
        return;
    }
    IRQLine l = device_input(dev, (unsigned)n);
    irq_set(&l, (int)level);
    answer("OK");
}

/* ---- Dispatch ---- */

static const struct {
    const char *name;
    void (*run)(const Command *c);
} commands[] = {
    { "inb", cmd_in }, { "inw", cmd_in }, { "inl", cmd_in },
    { "outb", cmd_out }, { "outw", cmd_out }, { "outl", cmd_out },
    { "readb", cmd_read_value }, { "readw", cmd_read_value }, { "readl", cmd_read_value }, { "readq", cmd_read_value },
    { "writeb", cmd_write_value }, { "writew", cmd_write_value }, { "writel", cmd_write_value },
    { "writeq", cmd_write_value },
    { "read", cmd_read }, { "write", cmd_write }, { "b64read", cmd_b64read }, { "b64write", cmd_b64write },
    { "memset", cmd_memset }, { "endianness", cmd_endianness },
    { "clock_step", cmd_clock_step }, { "clock_set", cmd_clock_set },
    { "irq_intercept_in", cmd_intercept }, { "irq_intercept_out", cmd_intercept }, { "set_irq_in", cmd_set_irq_in },
};

static void run_line(char *text)
{
    Command c = { 0 };
    char *save;
    log_line('R', text);
    for (char *w = strtok_r(text, " \t\r", &save); w && c.n < WORDS_MAX; w = strtok_r(NULL, " \t\r", &save))
        c.word[c.n++] = w;
    if (!c.n)
        return;
    for (unsigned i = 0; i < ARRAY_SIZE(commands); i++) {
        if (!strcmp(commands[i].name, c.word[0])) {
            commands[i].run(&c);
            return;
        }
    }
    answer("FAIL Unknown command '%.64s'", c.word[0]);
}

/* ---- Connection ---- */

static size_t qtest_can_read(void *opaque)
{
    return 65536;
}

static void qtest_read(void *opaque, const uint8_t *buf, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = buf[i] == '\n' ? 0 : buf[i];
        if (line->len < LINE_MAX_)
            g_byte_array_append(line, &c, 1);
        if (buf[i] != '\n')
            continue;
        line->data[line->len - 1] = 0;
        run_line((char *)line->data);
        g_byte_array_set_size(line, 0);
    }
}

static void qtest_event(void *opaque, ChardevEvent e)
{
    if (e == CHR_EVENT_OPENED) {
        opened_at = clock_ns(CLOCK_REALTIME_HOST);
        g_byte_array_set_size(line, 0);
        for (unsigned n = 0; n < intercept.n; n++)
            intercept.level[n] = 0;
        log_line('I', "OPENED");
    } else if (e == CHR_EVENT_CLOSED) {
        log_line('I', "CLOSED");
    }
}

static const ChardevFrontend qtest_frontend = { qtest_can_read, qtest_read, qtest_event, true };

bool qtest_start(const char *device, const char *log, Error **errp)
{
    bool none = false;
    line = g_byte_array_new();
    opened_at = clock_ns(CLOCK_REALTIME_HOST);
    log_file = !log ? stderr : !strcmp(log, "none") ? NULL : fopen(log, "w");
    if (log && strcmp(log, "none") && !log_file) {
        error_setg_errno(errp, errno, "-qtest-log %s: cannot open the file", log);
        return false;
    }
    chr = chardev_from_legacy("qtest", device, &none, errp);
    if (none)
        return true;
    if (!chr) {
        error_prepend(errp, "Failed to initialize device for qtest: \"%s\": ", device);
        return false;
    }
    return chardev_attach(chr, &qtest_frontend, NULL, errp);
}

void qtest_exit(void)
{
    if (!line)
        return;
    intercept_end();
    if (chr)
        chardev_detach(chr, NULL);
    chr = NULL;
    if (log_file && log_file != stderr)
        fclose(log_file);
    log_file = NULL;
    g_byte_array_free(line, TRUE);
    line = NULL;
}
