/* SPDX-License-Identifier: MIT */
/* A machine without devices for fuzz targets of the monitors, and what they must not be led to do. */
#ifndef RHEA_TESTS_FUZZ_MONITOR_MACHINE_H
#define RHEA_TESTS_FUZZ_MONITOR_MACHINE_H

#include "chardev.h"
#include "exec/memory.h"
#include "hw/boards.h"
#include "hw/object.h"
#include "target.h"
#include "util/main-loop.h"
#include "util/options.h"

#include <ctype.h>
#include <string.h>
#include <unistd.h>

/* Commands on files, sockets and terminals of the host are left out: inputs that name one are not run. */
static inline bool touches_host(const char *text, size_t len)
{
    static const char *const words[] = { "save", "log", "dump", "socket", "pty", "pipe", "file", "stdio", "tcp", "udp", "unix",
                                         "telnet", "gdbserver", "mon:", "smoke" };
    for (unsigned i = 0; i < ARRAY_SIZE(words); i++)
        if (memmem(text, len, words[i], strlen(words[i])))
            return true;
    return memmem(text, len, "\\u", 2) != NULL;
}

static inline void fuzz_machine(void)
{
    static MachineState machine;
    if (current_machine)
        return;
    machine_lock();
    current_target = &x86_64_target_ops;
    machine = (MachineState){ .type = machine_type_find("none", "x86_64"), .cpus = 1, .max_cpus = 1, .sockets = 1, .dies = 1,
                              .cores = 1, .threads = 1, .options = opts_parse("-machine", "none", "type", NULL) };
    current_machine = &machine;
    memory_init();
}

/* What commands made, and what they left to the main loop. */
static inline void fuzz_machine_clean(void)
{
    main_loop_quit(0);
    main_loop_run();
    objects_exit();
    devices_exit();
    chardevs_exit();
}

#endif
