/* SPDX-License-Identifier: MIT */
/*
 * The File-I/O extension of gdb's remote protocol: semihosting calls that gdb carries out on its host. One at a
 * time; the machine stands while gdb works.
 */
#include "internal.h"
#include "hw/boards.h"

#include <stdarg.h>

bool gdb_syscall(CPUState *cpu, void (*done)(CPUState *cpu, uint64_t result, int err), const char *fmt, ...)
{
    if (!gdb.attached || gdb.syscall_cpu)
        return false;
    va_list ap;
    va_start(ap, fmt);
    char *call = g_strdup_vprintf(fmt, ap), *text = g_strconcat("F", call, NULL);
    va_end(ap);
    gdb.syscall_cpu = cpu;
    gdb.syscall_done = done;
    gdb.syscall_break = false;
    gdb.awaiting_stop = false;
    vm_stop_as(RUN_STATE_DEBUG);
    gdb.g_cpu = gdb.c_cpu = cpu;
    gdb_send_text(text);
    g_free(text);
    g_free(call);
    return true;
}

/* "FRESULT[,ERRNO[,C]]": C says that the user pressed Ctrl-C. */
void gdb_syscall_reply(Packet p)
{
    CPUState *cpu = gdb.syscall_cpu;
    uint64_t result, err = 0;
    bool negative = packet_char(&p, '-');
    if (!cpu || !packet_hex(&p, &result) || (packet_char(&p, ',') && !packet_hex(&p, &err))) {
        gdb_error(0x22);
        return;
    }
    bool interrupted = packet_text(&p, ",C") || gdb.syscall_break;
    gdb.syscall_cpu = NULL;
    gdb.syscall_done(cpu, negative ? -result : result, (int)err);
    if (interrupted) {
        gdb_stop_reply();
        return;
    }
    gdb.awaiting_stop = true;
    vm_start();
}
