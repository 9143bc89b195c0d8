/* SPDX-License-Identifier: MIT */
/* Snapshots of the whole machine in memory: see savevm.h. */
#include "savevm.h"
#include "block/block.h"
#include "cpu.h"
#include "exec/icount.h"
#include "exec/memory.h"
#include "exec/tlb.h"
#include "hw/device.h"
#include "ram-snapshot.h"
#include "savevm-internal.h"
#include "target.h"
#include "util/error.h"
#include "util/guest-random.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

typedef struct SavedDevice {
    Device *dev;
    uint8_t *data;
    size_t len;
} SavedDevice;

struct VMSnapshot {
    GArray *devices; /* SavedDevice, creation order */
    GArray *cpus;    /* SavedCPU, by index */
    TimerList *timers;
    ICountState icount;
    uint64_t random;
    RAMSnapshot *ram;
    BlockOverlays *disks;
};

/* ---- Taking ---- */

static void save_device(Device *dev, void *opaque)
{
    SavedDevice d = { .dev = dev };
    device_save(dev, &d.data, &d.len);
    g_array_append_val((GArray *)opaque, d);
}

SavedCPU vm_cpu_save(CPUState *cpu)
{
    SavedCPU c = {
        .exception_index = cpu->exception_index, .interrupt_request = atomic_load(&cpu->interrupt_request),
        .host_fpcsr = cpu->host_fpcsr, .halted = cpu->halted,
    };
    saved_fields_save(cpu->target->saved, cpu, &c.data, &c.len);
    return c;
}

VMSnapshot *vm_snapshot_take(void)
{
    VMSnapshot *s = g_new0(VMSnapshot, 1);
    s->devices = g_array_new(FALSE, FALSE, sizeof(SavedDevice));
    s->cpus = g_array_new(FALSE, FALSE, sizeof(SavedCPU));
    device_foreach(save_device, s->devices);
    CPU_FOREACH(cpu)
    {
        SavedCPU c = vm_cpu_save(cpu);
        g_array_append_val(s->cpus, c);
    }
    s->timers = timers_save(CLOCK_VIRTUAL);
    s->icount = icount_save();
    s->random = guest_random_state();
    s->ram = ram_snapshot_take();
    s->disks = block_overlays_save();
    return s;
}

void vm_snapshot_free(VMSnapshot *s)
{
    if (!s)
        return;
    for (guint i = 0; i < s->devices->len; i++)
        g_free(g_array_index(s->devices, SavedDevice, i).data);
    for (guint i = 0; i < s->cpus->len; i++)
        g_free(g_array_index(s->cpus, SavedCPU, i).data);
    g_array_free(s->devices, TRUE);
    g_array_free(s->cpus, TRUE);
    timers_list_free(s->timers);
    ram_snapshot_free(s->ram);
    block_overlays_free(s->disks);
    g_free(s);
}

/* ---- Loading ---- */

typedef struct DeviceWalk {
    const GArray *devices;
    guint n;
    bool same;
} DeviceWalk;

static void compare_device(Device *dev, void *opaque)
{
    DeviceWalk *w = opaque;
    w->same &= w->n < w->devices->len && g_array_index(w->devices, SavedDevice, w->n).dev == dev;
    w->n++;
}

static bool fits(const VMSnapshot *s, Error **errp)
{
    DeviceWalk w = { s->devices, 0, true };
    guint cpus = 0;
    device_foreach(compare_device, &w);
    CPU_FOREACH(cpu)
        cpus++;
    if (!w.same || w.n != s->devices->len || cpus != s->cpus->len) {
        error_setg(errp, "the machine has other devices than when the snapshot was taken");
        return false;
    }
    return true;
}

/* On the vCPU's thread: its TLB is emptied. */
static void load_cpu(CPUState *cpu, void *opaque)
{
    const SavedCPU *c = opaque;
    if (!saved_fields_load(cpu->target->saved, cpu, c->data, c->len, NULL))
        return; /* vm_cpu_load has said so */
    if (cpu->target->post_load)
        cpu->target->post_load(cpu);
    cpu->exception_index = c->exception_index;
    atomic_store(&cpu->interrupt_request, c->interrupt_request);
    cpu->host_fpcsr = c->host_fpcsr;
    cpu->halted = c->halted;
    cpu->one_insn = cpu->skip_breakpoint = cpu->breakpoint_hit = false;
    cpu->watchpoint_hit = NULL;
    tlb_flush_all(cpu);
}

bool vm_cpu_load(CPUState *cpu, const SavedCPU *c, Error **errp)
{
    uint8_t *now = NULL;
    size_t len = 0;
    saved_fields_save(cpu->target->saved, cpu, &now, &len);
    g_free(now);
    if (len != c->len) {
        error_setg(errp, "saved state of a vCPU has %zu bytes, expected %zu", c->len, len);
        return false;
    }
    SavedCPU mine = *c;
#ifdef __x86_64__
    mine.host_fpcsr = (mine.host_fpcsr & 0xe07f) | 0x1f80; /* MXCSR: no exception may reach the host */
#endif
    cpu_run_on(cpu, load_cpu, &mine);
    return true;
}

bool vm_snapshot_load(const VMSnapshot *s, Error **errp)
{
    if (!fits(s, errp) || !ram_snapshot_load(s->ram, errp))
        return false;
    icount_load(&s->icount);
    memory_transaction_begin();
    for (guint i = 0; i < s->devices->len; i++) {
        const SavedDevice *d = &g_array_index(s->devices, SavedDevice, i);
        if (!device_load(d->dev, d->data, d->len, errp)) {
            memory_transaction_commit();
            return false;
        }
    }
    memory_transaction_commit();
    CPU_FOREACH(cpu)
        cpu_run_on(cpu, load_cpu, &g_array_index(s->cpus, SavedCPU, (guint)cpu->index));
    timers_load(CLOCK_VIRTUAL, s->timers);
    guest_random_set_state(s->random);
    block_overlays_load(s->disks);
    return true;
}

/* ---- Comparing ---- */

char *vm_snapshot_difference(const VMSnapshot *a, const VMSnapshot *b)
{
    for (guint i = 0; i < a->devices->len && i < b->devices->len; i++) {
        const SavedDevice *x = &g_array_index(a->devices, SavedDevice, i), *y = &g_array_index(b->devices, SavedDevice, i);
        for (size_t k = 0; k < x->len && k < y->len; k++)
            if (x->data[k] != y->data[k])
                return g_strdup_printf("device %s, byte %zu of its state", x->dev->type->name, k);
    }
    for (guint i = 0; i < a->cpus->len && i < b->cpus->len; i++) {
        const SavedCPU *x = &g_array_index(a->cpus, SavedCPU, i), *y = &g_array_index(b->cpus, SavedCPU, i);
        for (size_t k = 0; k < x->len && k < y->len; k++)
            if (x->data[k] != y->data[k])
                return g_strdup_printf("vCPU %u, byte %zu of its state", i, k);
    }
    return ram_snapshot_difference(a->ram, b->ram);
}
