/* SPDX-License-Identifier: MIT */
/* Monitor commands i and o: port reads and writes, /b /h /w for one, two and four bytes. */
#include "exec/memory.h"
#include "monitor/internal.h"

#include <string.h>

typedef struct PortAccess {
    unsigned size;
    uint64_t port, value;
} PortAccess;

static char size_letter(unsigned size)
{
    return size == 1 ? 'b' : size == 2 ? 'w' : 'l';
}

/* "/FMT" if given, then `want` expressions: the port, and the value. */
static bool parse_access(Monitor *mon, int argc, char **argv, int want, PortAccess *a)
{
    a->size = 1;
    if (argc && argv[0][0] == '/') {
        for (const char *s = argv[0] + 1; *s; s++) {
            if (!strchr("bhwx", *s)) {
                monitor_printf(mon, "invalid char in format: '%c'\n", *s);
                monitor_usage_error(mon);
                return false;
            }
            a->size = *s == 'b' ? 1 : *s == 'h' ? 2 : *s == 'w' ? 4 : a->size;
        }
        argv++;
    }
    if (!monitor_eval(mon, argv[0], &a->port) || (want > 1 && !monitor_eval(mon, argv[1], &a->value)))
        return false;
    a->port &= 0xffff;
    return true;
}

static void cmd_in(Monitor *mon, int argc, char **argv)
{
    PortAccess a;
    MemTxResult result;
    if (!parse_access(mon, argc, argv, 1, &a))
        return;
    uint64_t v = address_space_ld(address_space_io, a.port, a.size, &result);
    monitor_printf(mon, "port%c[0x%04x] = 0x%0*llx\n", size_letter(a.size), (unsigned)a.port, (int)a.size * 2,
                   (unsigned long long)v);
}

static void cmd_out(Monitor *mon, int argc, char **argv)
{
    PortAccess a;
    if (parse_access(mon, argc, argv, 2, &a))
        address_space_st(address_space_io, a.port, a.value, a.size);
}

static const MonitorCommand commands[] = {
    { "i", "/fmt addr", "I/O port read", cmd_in },
    { "o", "/fmt addr value", "I/O port write", cmd_out },
};
monitor_commands(commands)
