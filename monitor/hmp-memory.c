/* SPDX-License-Identifier: MIT */
/* Monitor commands that look at memory: dumps, expressions, address translation, sums, files. */
#include "exec/memory.h"
#include "internal.h"
#include "qmp.h"
#include "target.h"
#include "util/error.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void cmd_x(Monitor *mon, int argc, char **argv)
{
    monitor_dump_memory(mon, argc, argv, false);
}

static void cmd_xp(Monitor *mon, int argc, char **argv)
{
    monitor_dump_memory(mon, argc, argv, true);
}

static void cmd_print(Monitor *mon, int argc, char **argv)
{
    char kind = 'x';
    uint64_t v;
    if (argv[0][0] == '/') {
        kind = argv[0][1];
        argv++;
    }
    if (!argv[0] || !monitor_eval(mon, argv[0], &v))
        return;
    switch (kind) {
    case 'd': monitor_printf(mon, "%lld\n", (long long)v); break;
    case 'u': monitor_printf(mon, "%llu\n", (unsigned long long)v); break;
    case 'o': monitor_printf(mon, "%#llo\n", (unsigned long long)v); break;
    case 'c': monitor_printf(mon, "'%c'\n", (int)(v & 0x7f)); break;
    default: monitor_printf(mon, "%#llx\n", (unsigned long long)v); break;
    }
}

static void cmd_gva2gpa(Monitor *mon, int argc, char **argv)
{
    uint64_t va;
    hwaddr pa;
    CPUState *cpu = monitor_cpu();
    if (!monitor_eval(mon, argv[0], &va))
        return;
    if (!cpu)
        monitor_printf(mon, "No CPU available\n");
    else if (cpu->target->debug_translate(cpu, va, &pa))
        monitor_printf(mon, "gpa: %#llx\n", (unsigned long long)pa);
    else
        monitor_printf(mon, "Unmapped\n");
}

/* Host address of RAM at a physical address; says what is wrong otherwise. */
static uint8_t *host_address(Monitor *mon, const char *text, uint64_t *pa, const char **name)
{
    FlatRange r;
    if (!monitor_eval(mon, text, pa))
        return NULL;
    if (!address_space_find(address_space_memory, *pa, &r)) {
        monitor_printf(mon, "No memory is mapped at address 0x%llx\n", (unsigned long long)*pa);
        return NULL;
    }
    if (r.mr->kind != REGION_RAM && r.mr->kind != REGION_ROM) {
        monitor_printf(mon, "Memory at address 0x%llx is not RAM\n", (unsigned long long)*pa);
        return NULL;
    }
    *name = r.mr->ram->name;
    return memory_region_ram_ptr(r.mr) + r.offset + (*pa - r.start);
}

static void cmd_gpa2hva(Monitor *mon, int argc, char **argv)
{
    uint64_t pa;
    const char *name;
    void *host = host_address(mon, argv[0], &pa, &name);
    if (host)
        monitor_printf(mon, "Host virtual address for 0x%llx (%s) is %p\n", (unsigned long long)pa, name, host);
}

/* Linux, Documentation/admin-guide/mm/pagemap.rst: 64 bits per page, bit 63 present, bits 0-54 the frame. */
static void cmd_gpa2hpa(Monitor *mon, int argc, char **argv)
{
    uint64_t pa, entry = 0, page = (uint64_t)sysconf(_SC_PAGESIZE);
    const char *name;
    uint8_t *host = host_address(mon, argv[0], &pa, &name);
    if (!host)
        return;
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && pread(fd, &entry, 8, (off_t)((uintptr_t)host / page * 8)) == 8;
    uint64_t frame = entry & ((1ull << 55) - 1);
    if (fd >= 0)
        close(fd);
    if (!ok)
        monitor_printf(mon, "Error: Cannot read /proc/self/pagemap\n");
    else if (!(entry >> 63) || !frame)
        monitor_printf(mon, "Error: Page not present\n");
    else
        monitor_printf(mon, "Host physical address for 0x%llx (%s) is 0x%llx\n", (unsigned long long)pa, name,
                       (unsigned long long)(frame * page + (uintptr_t)host % page));
}

/* System V's sum: 16 bits, rotated right before each byte is added. */
static void cmd_sum(Monitor *mon, int argc, char **argv)
{
    uint64_t addr, size;
    uint16_t sum = 0;
    if (!monitor_eval(mon, argv[0], &addr) || !monitor_eval(mon, argv[1], &size))
        return;
    if (size > 1 * GiB) {
        monitor_printf(mon, "Error: at most 1 GiB can be summed\n");
        return;
    }
    for (uint8_t buf[4096]; size; ) {
        uint64_t n = MIN(size, sizeof(buf));
        memset(buf, 0, sizeof(buf));
        address_space_read(address_space_memory, addr, buf, n);
        for (uint64_t i = 0; i < n; i++)
            sum = (uint16_t)((sum >> 1 | sum << 15) + buf[i]);
        addr += n;
        size -= n;
    }
    monitor_printf(mon, "%05d\n", sum);
}

static void save(Monitor *mon, char **argv, const char *command)
{
    uint64_t addr, size;
    Error *err = NULL;
    if (!monitor_eval(mon, argv[0], &addr) || !monitor_eval(mon, argv[1], &size))
        return;
    json_t *args = json_pack("{s:I,s:I,s:s}", "val", (json_int_t)addr, "size", (json_int_t)size, "filename", argv[2]);
    if (args && !strcmp(command, "memsave"))
        json_object_set_new(args, "cpu-index", json_integer(monitor_cpu() ? monitor_cpu()->index : 0));
    if (args)
        json_decref(qmp_call(command, &err, "o", args));
    else
        error_setg(&err, "The file name is not UTF-8");
    monitor_report(mon, err);
}

static void cmd_memsave(Monitor *mon, int argc, char **argv)
{
    save(mon, argv, "memsave");
}

static void cmd_pmemsave(Monitor *mon, int argc, char **argv)
{
    save(mon, argv, "pmemsave");
}

static void info_mtree(Monitor *mon, int argc, char **argv)
{
    bool flat = false;
    for (int i = 0; i < argc; i++)
        flat |= strchr(argv[i], 'f') != NULL;
    FILE *f = monitor_stream(mon);
    memory_dump_tree(f, flat);
    fclose(f);
}

static void info_ramblock(Monitor *mon, int argc, char **argv)
{
    monitor_printf(mon, "%24s %8s  %18s %18s %18s\n", "Block Name", "PSize", "Offset", "Used", "Total");
    for (const RAMBlock *b = ram_blocks; b; b = b->next)
        monitor_printf(mon, "%24s %8s  0x%016llx 0x%016llx 0x%016llx\n", b->name, "4 KiB", (unsigned long long)b->base,
                       (unsigned long long)b->size, (unsigned long long)b->size);
}

static const MonitorCommand commands[] = {
    { "x", "/fmt addr", "virtual memory dump starting at 'addr'", cmd_x },
    { "xp", "/fmt addr", "physical memory dump starting at 'addr'", cmd_xp },
    { "print|p", "/fmt expr", "print expression value (use $reg for CPU register access)", cmd_print },
    { "gva2gpa", "addr", "print the guest physical address corresponding to a guest virtual address", cmd_gva2gpa },
    { "gpa2hva", "addr", "print the host virtual address corresponding to a guest physical address", cmd_gpa2hva },
    { "gpa2hpa", "addr", "print the host physical address corresponding to a guest physical address", cmd_gpa2hpa },
    { "sum", "addr size", "compute the checksum of a memory region", cmd_sum },
    { "memsave", "addr size file", "save to disk virtual memory dump starting at 'addr' of size 'size'", cmd_memsave },
    { "pmemsave", "addr size file", "save to disk physical memory dump starting at 'addr' of size 'size'", cmd_pmemsave },
    { "info mtree", "[-f][-d][-o][-D]", "show memory tree (-f: the flattened view; others are accepted)", info_mtree },
    { "info ramblock", "", "display system ramblock information", info_ramblock },
};
monitor_commands(commands)
