/* SPDX-License-Identifier: MIT */
/* What devices there are: the tree of buses and devices (info qtree), the list of types by category
 * (-device help), and what the interrupt controllers say (info pic, info irq). */
#include "hw/device.h"
#include "hw/pci.h"
#include "monitor.h"

#include <glib.h>
#include <string.h>

const char *bus_kind_name(BusKind kind)
{
    static const char *const names[] = {
        [BUS_NONE] = "", [BUS_SYSTEM] = "System", [BUS_ISA] = "ISA", [BUS_PCI] = "PCI", [BUS_IDE] = "IDE", [BUS_SD] = "sd-bus",
        [BUS_VIRTIO] = "virtio-bus", [BUS_VIRTIO_SERIAL] = "virtio-serial-bus", [BUS_SCSI] = "SCSI", [BUS_NVME] = "nvme-bus", [BUS_I2C] = "i2c-bus",
        [BUS_SERIAL_KINDS] = "",
    };
    return (unsigned)kind < ARRAY_SIZE(names) && names[kind] ? names[kind] : "";
}

/* ---- info qtree ---- */

static void print_bus(Bus *bus, FILE *out, int indent);

/* Address of a region in the outermost container it is mapped in. */
static hwaddr region_base(const MemoryRegion *mr)
{
    hwaddr addr = 0;
    for (; mr->container; mr = mr->container)
        addr += mr->addr;
    return addr;
}

static void print_device(Device *dev, FILE *out, int indent)
{
    fprintf(out, "%*sdev: %s, id \"%s\"\n", indent, "", dev->type->name, dev->id ? dev->id : "");
    indent += 2;
    if (dev->nin)
        fprintf(out, "%*sgpio-in \"\" %u\n", indent, "", dev->nin);
    if (dev->nout)
        fprintf(out, "%*sgpio-out \"\" %u\n", indent, "", dev->nout);
    device_print_props(dev, out, indent);
    if (dev->type->bus == BUS_PCI)
        pci_print_device((PCIDevice *)dev, out, indent);
    for (unsigned i = 0; i < dev->nregions && dev->type->bus == BUS_SYSTEM; i++)
        fprintf(out, "%*smmio %016" G_GINT64_MODIFIER "x/%016" G_GINT64_MODIFIER "x\n", indent, "",
                region_base(dev->regions[i]), dev->regions[i]->size);
    if (dev->type->info)
        dev->type->info(dev, out);
    for (Bus *bus = dev->child_bus; bus; bus = bus->next_bus)
        print_bus(bus, out, indent);
}

static void print_bus(Bus *bus, FILE *out, int indent)
{
    fprintf(out, "%*sbus: %s\n", indent, "", bus->name);
    indent += 2;
    fprintf(out, "%*stype %s\n", indent, "", bus_kind_name(bus->kind));
    for (Device *dev = bus->first; dev; dev = dev->next)
        print_device(dev, out, indent);
}

static void print_root_bus(Bus *bus, void *out)
{
    print_bus(bus, out, 0);
}

void qtree_dump(FILE *out)
{
    bus_foreach(print_root_bus, out);
}

/* ---- -device help ---- */

static const char *const categories[] = {
    "Controller/Bridge/Hub devices", "USB devices", "Storage devices", "Network devices", "Input devices",
    "Display devices", "Sound devices", "Misc devices", "CPU devices", "Watchdog devices",
    "Uncategorized devices",
};

static unsigned category_of(const DeviceType *t)
{
    unsigned last = ARRAY_SIZE(categories) - 1;
    for (unsigned i = 0; i < last && t->category; i++)
        if (!strcmp(t->category, categories[i]))
            return i;
    return last;
}

static void print_type(const DeviceType *t, FILE *out)
{
    const char *bus = bus_kind_name(t->bus);
    fprintf(out, "name \"%s\"", t->name);
    if (*bus)
        fprintf(out, ", bus %s", bus);
    if (t->alias)
        fprintf(out, ", alias \"%s\"", t->alias);
    if (t->desc)
        fprintf(out, ", desc \"%s\"", t->desc);
    fputc('\n', out);
}

void device_help_types(FILE *out)
{
    const char *const *names = device_type_names(true);
    bool first = true;
    for (unsigned c = 0; c < ARRAY_SIZE(categories); c++) {
        bool heading = false;
        for (unsigned i = 0; names[i]; i++) {
            const DeviceType *t = device_type_find(names[i]);
            if (category_of(t) != c)
                continue;
            if (!heading)
                fprintf(out, "%s%s:\n", first ? "" : "\n", categories[c]);
            heading = true;
            first = false;
            print_type(t, out);
        }
    }
}

/* ---- Monitor ---- */

static void print_pic(Device *dev, void *out)
{
    if (dev->type->pic_info)
        dev->type->pic_info(dev, out);
}

static void print_irqs(Device *dev, void *out)
{
    if (!dev->type->irq_stats)
        return;
    fprintf(out, "IRQ statistics for %s:\n", dev->type->name);
    dev->type->irq_stats(dev, out);
}

static void run_on_stream(Monitor *mon, void (*fn)(FILE *out))
{
    FILE *out = monitor_stream(mon);
    fn(out);
    fclose(out);
}

static void all_pics(FILE *out)
{
    device_foreach(print_pic, out);
}

static void all_irqs(FILE *out)
{
    device_foreach(print_irqs, out);
}

static void info_qtree(Monitor *mon, int argc, char **argv)
{
    run_on_stream(mon, qtree_dump);
}

static void info_qdm(Monitor *mon, int argc, char **argv)
{
    run_on_stream(mon, device_help_types);
}

static void info_pic(Monitor *mon, int argc, char **argv)
{
    run_on_stream(mon, all_pics);
}

static void info_irq(Monitor *mon, int argc, char **argv)
{
    run_on_stream(mon, all_irqs);
}

static const MonitorCommand commands[] = {
    { "info qtree", "", "show the device tree", info_qtree },
    { "info qdm", "", "show the device types", info_qdm },
    { "info pic", "", "show the state of the interrupt controllers", info_pic },
    { "info irq", "", "show how often each interrupt was raised", info_irq },
};
monitor_commands(commands)
