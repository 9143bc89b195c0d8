/* SPDX-License-Identifier: MIT */
/* What a recording says of its machine: what must be the same when it is replayed. Contents count, names of files do not. */
#include "block/block.h"
#include "exec/icount.h"
#include "exec/replay-internal.h"
#include "hw/boards.h"
#include "target.h"
#include "util/guest-random.h"

#include <glib.h>
#include <inttypes.h>
#include <zlib.h>

#define DISK_SAMPLES 256

static void describe_file(GString *s, const char *what, const char *path)
{
    char *data;
    gsize len;
    if (!path || !g_file_get_contents(path, &data, &len, NULL))
        return;
    g_string_append_printf(s, "%s %zu bytes, CRC %08lx\n", what, len, crc32(crc32(0, NULL, 0), (const Bytef *)data, (uInt)len));
    g_free(data);
}

/* Not all of a disk is read: pieces all over it. */
static void describe_drive(GString *s, BlockBackend *blk)
{
    uint64_t size = blk_size(blk), step = size / DISK_SAMPLES & ~(uint64_t)511;
    uint8_t buf[4096];
    uLong crc = crc32(0, NULL, 0);
    for (uint64_t at = 0; blk_root(blk) && at + sizeof(buf) <= size; at += step ? step : sizeof(buf)) {
        if (blk_pread(blk, at, buf, sizeof(buf)) >= 0)
            crc = crc32(crc, buf, sizeof(buf));
    }
    g_string_append_printf(s, "drive %s %" PRIu64 " bytes, CRC %08lx\n", blk_name(blk), size, crc);
}

static void describe_device(Device *dev, void *opaque)
{
    g_string_append_printf(opaque, "device %s\n", dev->type->name);
}

char *replay_describe_machine(void)
{
    const MachineState *m = current_machine;
    GString *s = g_string_new(NULL);
    g_string_append_printf(s, "target %s\nmachine %s\ncpu %s\nvcpus %u\nmemory %" PRIu64 "\nshift %u\n", current_target->name,
                           m->type->name, m->cpu_model ? m->cpu_model : "default", m->cpus, m->ram_size, icount_shift());
    g_string_append_printf(s, "seed %" PRIi64 "\nrtc %" PRIi64 "\n", (int64_t)replay_seed(), m->rtc_start);
    describe_file(s, "kernel", m->kernel);
    describe_file(s, "initrd", m->initrd);
    describe_file(s, "dtb", m->dtb);
    describe_file(s, "bios", m->bios);
    if (m->append) {
        char *line = g_strescape(m->append, NULL);
        g_string_append_printf(s, "append %s\n", line);
        g_free(line);
    }
    device_foreach(describe_device, s);
    for (BlockBackend *blk = blk_next(NULL); blk; blk = blk_next(blk))
        describe_drive(s, blk);
    return g_string_free(s, FALSE);
}
