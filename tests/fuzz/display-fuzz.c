/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: VGA card, floppy controller and DMA controllers, driven by random accesses to their ports and memory. An
 * input is a list of 4-byte operations: kind, where, value. Between them the screen is drawn and read as text.
 */
#include "block/block.h"
#include "exec/memory.h"
#include "fuzz.h"
#include "hw/isa.h"
#include "target.h"
#include "ui/console.h"
#include "util/main-loop.h"
#include "util/options.h"

#include <glib.h>
#include <stdlib.h>
#include <unistd.h>

#define FRAME_BUFFER 0xe0000000u
#define PIXELS_MAX (2048u * 2048) /* larger modes only take their time */

static Device *devices[3];

static Device *make(Device *dev)
{
    if (!device_realize(dev, NULL))
        abort();
    return dev;
}

static BlockBackend *floppy(void)
{
    g_autofree char *path = NULL, *text = NULL;
    int fd = g_file_open_tmp("display-fuzz-XXXXXX", &path, NULL);
    if (fd < 0 || ftruncate(fd, 1440 * 1024))
        abort();
    close(fd);
    text = g_strdup_printf("if=floppy,index=0,format=raw,file=%s", path);
    OptGroup *o = opts_parse("-drive", text, NULL, NULL);
    Drive *d = drive_add(o, DRIVE_FLOPPY, 2, NULL);
    opts_free(o);
    unlink(path);
    return d ? d->blk : NULL;
}

static void machine(void)
{
    static const IRQLine none[ISA_IRQS];
    static MemoryRegion ram;
    machine_lock();
    memory_init();
    if (!memory_region_init_ram(&ram, NULL, "ram", MiB, NULL))
        abort();
    memory_region_add(system_memory, 0, &ram);
    current_target = &x86_64_target_ops;
    isa_bus_new(NULL, system_io, none);
    isa_bus->memory = system_memory;
    devices[0] = make(device_new("isa-vga"));
    devices[1] = make(device_new("i8257"));
    devices[2] = device_new("isa-fdc");
    device_set_drive(devices[2], "driveA", floppy());
    make(devices[2]);
}

static void out(uint16_t port, uint32_t value, unsigned size)
{
    address_space_st(address_space_io, port, value, size);
}

static void look(void)
{
    uint16_t size[3];
    for (unsigned i = 0; i < 3; i++) { /* width, height, enable */
        out(0x1ce, i == 2 ? 4 : i + 1, 2);
        size[i] = (uint16_t)address_space_ld(address_space_io, 0x1d0, 2, NULL);
    }
    g_free(console_text_utf8(console_first()));
    if (!(size[2] & 1) || (uint32_t)size[0] * size[1] <= PIXELS_MAX)
        console_update(console_first());
}

static void operation(const uint8_t *op)
{
    uint16_t value = (uint16_t)(op[2] | op[3] << 8);
    switch (op[0] & 15) {
    case 0: out(0x3c4, op[1] | op[2] << 8, 2); break;
    case 1: out(0x3d4, op[1] | op[2] << 8, 2); break;
    case 2: out(0x3ce, op[1] | op[2] << 8, 2); break;
    case 3:
        address_space_ld(address_space_io, 0x3da, 1, NULL);
        out(0x3c0, op[1], 1);
        out(0x3c0, op[2], 1);
        out(0x3c0, 0x20, 1);
        break;
    case 4: out(0x3b0 + (op[1] & 63), op[2], 1); break;
    case 5: address_space_ld(address_space_io, 0x3b0 + (op[1] & 63), 1 << (op[2] & 1), NULL); break;
    case 6:
        out(0x1ce, op[1] & 15, 2);
        out(0x1d0, value, 2);
        break;
    case 7: address_space_st(address_space_memory, 0xa0000 + (value << 1), op[1], 1 << (op[0] >> 6)); break;
    case 8: address_space_ld(address_space_memory, 0xa0000 + (value << 1), 1 << (op[0] >> 6), NULL); break;
    case 9: address_space_st(address_space_memory, FRAME_BUFFER + (value << 7), op[1] * 0x01010101u, 4); break;
    case 10:
    case 11: out(0x3f5, op[1], 1); break;
    case 12: out(0x3f0 + (op[1] & 7), op[2], 1); break;
    case 13: address_space_ld(address_space_io, 0x3f0 + (op[1] & 7), 1, NULL); break;
    case 14: out(op[1] & 0x1f ? op[1] & 0x8f : 0xc0 + (op[2] & 31), op[3], 1); break;
    default: look(); break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!devices[0])
        machine();
    for (unsigned i = 0; i < 3; i++)
        device_reset(devices[i]);
    out(0x3c2, 0x67, 1);
    for (size_t at = 0; at + 4 <= size && at < 4096; at += 4)
        operation(data + at);
    look();
    return 0;
}
