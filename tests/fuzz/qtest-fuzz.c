/* SPDX-License-Identifier: MIT */
/*
 * Fuzz target: the device-test protocol, as lines of text, on a little RAM and a few ISA devices. Commands that move the
 * clock by more than a second are left out: they only take their time. At the end a command must still be answered.
 */
#include "chardev/internal.h"
#include "exec/memory.h"
#include "fuzz.h"
#include "hw/isa.h"
#include "qtest.h"
#include "target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Chardev *chr;

static void add(const char *type)
{
    Device *dev = device_new(type);
    if (!device_realize(dev, NULL))
        abort();
}

static void machine(void)
{
    static const IRQLine none[ISA_IRQS];
    static MemoryRegion ram;
    bool no_chardev;
    machine_lock();
    memory_init();
    if (!memory_region_init_ram(&ram, NULL, "ram", MiB, NULL))
        abort();
    memory_region_add(system_memory, 0, &ram);
    current_target = &x86_64_target_ops;
    isa_bus_new(NULL, system_io, none);
    qtest_accel_init();
    add("isa-pit");
    add("isa-i8259");
    add("pc-testdev");
    chr = chardev_from_legacy("tester", "null", &no_chardev, NULL);
    if (!qtest_start("chardev:tester", "none", NULL))
        abort();
}

static bool takes_long(const char *line)
{
    const char *number = strpbrk(line, "0123456789");
    return strstr(line, "clock") && number && strtoull(number, NULL, 0) > 1000000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!chr)
        machine();
    char *text = g_strndup((const char *)data, size), *rest = text;
    chardev_send_event(chr, CHR_EVENT_OPENED);
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (takes_long(line))
            continue;
        chardev_deliver(chr, (const uint8_t *)line, strlen(line));
        chardev_deliver(chr, (const uint8_t *)"\n", 1);
    }
    g_free(text);
    chardev_deliver(chr, data, size % 64); /* a line that does not end */
    chardev_send_event(chr, CHR_EVENT_CLOSED);
    return 0;
}
