/* SPDX-License-Identifier: MIT */
/* For fuzz targets of devices: a machine without a vCPU, with a little RAM at 0 and an empty PCI bus. */
#ifndef TESTS_FUZZ_DEVICE_MACHINE_H
#define TESTS_FUZZ_DEVICE_MACHINE_H

#include "block/block.h"
#include "exec/memory.h"
#include "hw/boards.h"
#include "hw/pci.h"
#include "target.h"
#include "util/error.h"
#include "util/main-loop.h"
#include "util/options.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>

static inline void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "wrong: %s\n", what);
        abort();
    }
}

static inline void start(Device *dev)
{
    Error *err = NULL;
    if (!device_realize(dev, &err)) {
        fprintf(stderr, "set-up: %s\n", error_get_pretty(err));
        abort();
    }
}

/* A disk of 1 MiB of zeroes for the device. */
static inline void give_drive(Device *dev, const char *id)
{
    static GPtrArray *kept; /* the drives keep using their options */
    g_autofree char *text = g_strdup_printf("if=none,id=%s,driver=null-co,size=1M,read-zeroes=on", id);
    OptGroup *options = opts_parse("-drive", text, NULL, NULL);
    Drive *d = drive_add(options, DRIVE_NONE, 2, NULL);
    must(d != NULL, "drive");
    if (!kept)
        kept = g_ptr_array_new();
    g_ptr_array_add(kept, options);
    device_set_drive(dev, "drive", d->blk);
}

/* Takes the machine lock for good; *ram is where the guest's RAM is. */
static inline PCIBus *device_machine(uint64_t ram_size, uint8_t **ram)
{
    static MachineState state;
    static MemoryRegion region, io;
    machine_lock();
    current_target = &x86_64_target_ops;
    state = (MachineState){ .type = machine_type_find("none", "x86_64"), .cpus = 1, .ram_size = ram_size };
    current_machine = &state;
    memory_init();
    must(memory_region_init_ram(&region, NULL, "ram", ram_size, NULL), "ram");
    memory_region_add(system_memory, 0, &region);
    *ram = memory_region_ram_ptr(&region);
    memory_region_init(&io, NULL, "io", 65536);
    return pci_bus_new(NULL, "pci.0", system_memory, &io);
}

#endif
