/* SPDX-License-Identifier: MIT */
/*
 * -perfmap: /tmp/perf-PID.map, from which Linux perf names samples in generated code. One line per TB: host address, size,
 * "guest-" and the guest pc ("careful-" before it: of a TB without guards). Format: tools/perf/Documentation/jit-interface.txt of Linux. Lines of TBs that
 * were evicted stay; perf takes the last one for an address.
 */
#include "exec/tb-internal.h"
#include "util/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

static FILE *map; /* TB lock */

bool perfmap_open(Error **errp)
{
    char path[64];

    snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
    map = fopen(path, "we");
    if (!map) {
        error_setg_errno(errp, errno, "Could not open %s", path);
        return false;
    }
    return true;
}

void perfmap_shared(const uint8_t *code, size_t size)
{
    if (map)
        fprintf(map, "%" PRIxPTR " %zx shared-code\n", (uintptr_t)code, size);
}

void perfmap_add(const TranslationBlock *tb)
{
    if (map)
        fprintf(map, "%" PRIxPTR " %x %sguest-%" PRIx64 "\n", (uintptr_t)tb->code, tb->code_size, tb->state.careful ? "careful-" : "",
                tb->state.pc);
}

void perfmap_close(void)
{
    if (map)
        fclose(map);
    map = NULL;
}
