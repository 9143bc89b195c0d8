/* SPDX-License-Identifier: MIT */
/* QMP commands that write guest memory to files. */
#include "exec/memory.h"
#include "qmp.h"
#include "target.h"
#include "util/error.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>

#define CHUNK 4096

static CPUState *cpu_by_index(int64_t index, Error **errp)
{
    CPU_FOREACH(cpu)
        if (cpu->index == index)
            return cpu;
    error_setg(errp, "Parameter 'cpu-index' expects a CPU number");
    return NULL;
}

/* Virtual when cpu is given. Unmapped physical addresses read as their bus does. */
static bool save_range(FILE *f, CPUState *cpu, uint64_t addr, uint64_t size, Error **errp)
{
    uint8_t buf[CHUNK];
    uint64_t start = addr;
    for (uint64_t n, left = size; left; left -= n, addr += n) {
        hwaddr pa = addr;
        n = MIN(left, CHUNK - addr % CHUNK);
        if (cpu && !cpu->target->debug_translate(cpu, addr, &pa)) {
            error_setg(errp, "Invalid addr 0x%016llx/size %llu specified", (unsigned long long)start,
                       (unsigned long long)size);
            return false;
        }
        memset(buf, 0, n);
        address_space_read(address_space_memory, pa, buf, n);
        if (fwrite(buf, 1, n, f) != n) {
            error_setg_errno(errp, errno, "writing memory to file failed");
            return false;
        }
    }
    return true;
}

static json_t *save(json_t *args, CPUState *cpu, Error **errp)
{
    const char *name = qmp_str(args, "filename");
    FILE *f = fopen(name, "wbe");
    if (!f) {
        error_setg_errno(errp, errno, "Could not open '%s'", name);
        return NULL;
    }
    bool ok = save_range(f, cpu, (uint64_t)qmp_int(args, "val", 0), (uint64_t)qmp_int(args, "size", 0), errp);
    if (fclose(f) && ok)
        error_setg_errno(errp, errno, "writing memory to file failed");
    return NULL;
}

static json_t *qmp_memsave(json_t *args, Error **errp)
{
    CPUState *cpu = cpu_by_index(qmp_int(args, "cpu-index", 0), errp);
    return cpu ? save(args, cpu, errp) : NULL;
}

static json_t *qmp_pmemsave(json_t *args, Error **errp)
{
    return save(args, NULL, errp);
}

static const QMPCommand commands[] = {
    { "memsave", "val:int, size:int, filename:str, cpu-index:int?", "", qmp_memsave, 0 },
    { "pmemsave", "val:int, size:int, filename:str", "", qmp_pmemsave, 0 },
};
qmp_commands(commands)
