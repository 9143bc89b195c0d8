/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: what a debugger sends. Each line of the input is the inside of a packet, which gets its frame and
 * checksum here; a line that starts with "!" goes out as it is. The machine is one stopped x86-64 vCPU with a little
 * RAM in long mode. Monitor commands (qRcmd) are left out: they may write files. At the end the server must still
 * answer, and no point or step may be left on the vCPU.
 */
#include "chardev/internal.h"
#include "fuzz.h"
#include "gdbstub/internal.h"
#include "tests/unit/x86-machine.h"

#include <stdio.h>
#include <stdlib.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "wrong: %s\n", what);
        abort();
    }
}

static void feed(const uint8_t *data, size_t len)
{
    chardev_deliver(gdb.chr, data, len);
}

static void feed_packet(const uint8_t *data, size_t len)
{
    uint8_t sum = 0;
    char tail[4];
    for (size_t i = 0; i < len; i++)
        sum += data[i];
    snprintf(tail, sizeof(tail), "#%02x", sum);
    feed((const uint8_t *)"$", 1);
    feed(data, len);
    feed((const uint8_t *)tail, 3);
}

static X86CPU *machine(void)
{
    static X86CPU *env;
    if (!env) {
        Error *err = NULL;
        machine_lock();
        x86_machine(4 * MiB);
        env = x86_new_cpu("max");
        must(gdbserver_start("null", &err), "the server starts");
    }
    return env;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    X86CPU *env = machine();
    x86_cpu_reset(&env->parent);
    x86_enter_long_mode(env);
    chardev_send_event(gdb.chr, CHR_EVENT_OPENED);
    for (const uint8_t *end = data + size, *nl; data < end; data = nl + 1) {
        nl = memchr(data, '\n', (size_t)(end - data));
        nl = nl ? nl : end;
        if (memmem(data, (size_t)(nl - data), "Rcmd", 4))
            continue;
        if (data < nl && *data == '!')
            feed(data + 1, (size_t)(nl - data - 1));
        else
            feed_packet(data, (size_t)(nl - data));
    }
    feed((const uint8_t *)"#00#00", 6); /* whatever was open is closed */
    feed_packet((const uint8_t *)"?", 1);
    must(gdb.last->len > 5 && !memcmp(gdb.last->data, "$T05", 4), "the server answers");
    chardev_send_event(gdb.chr, CHR_EVENT_CLOSED);
    must(!env->parent.watchpoints && !env->parent.singlestep && breakpoint_next(0) == UINT64_MAX, "nothing is left behind");
    return 0;
}
