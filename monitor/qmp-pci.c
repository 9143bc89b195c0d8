/* SPDX-License-Identifier: MIT */
/* query-pci: the functions on the machine's PCI bus as their configuration space shows them. */
#include "hw/pci.h"
#include "hw/loader.h"
#include "qmp.h"

#include <glib.h>

/* PCI Local Bus Specification 3.0, 6.1 */
enum { REG_CLASS = 0x0a, REG_SUBSYSTEM_VENDOR = 0x2c, REG_SUBSYSTEM = 0x2e, REG_LINE = 0x3c, REG_PIN = 0x3d };

static json_t *region_json(const PCIBar *bar, unsigned n)
{
    bool io = bar->type & PCI_BAR_IO;
    json_t *o = json_pack("{s:i,s:s,s:I,s:I}", "bar", n, "type", io ? "io" : "memory", "address",
                          (json_int_t)(bar->mapped == ~0ull ? -1 : (int64_t)bar->mapped), "size", (json_int_t)bar->region->size);
    if (!io) {
        json_object_set_new(o, "prefetch", json_boolean(bar->type & PCI_BAR_PREFETCH));
        json_object_set_new(o, "mem_type_64", json_boolean(bar->type & PCI_BAR_64));
    }
    return o;
}

static json_t *function_json(const PCIDevice *pci)
{
    json_t *regions = json_array(), *id, *o;
    char *desc = pci_class_text(pci);
    const uint8_t *c = pci->config;
    for (unsigned n = 0; n < PCI_BARS; n++)
        if (pci->bars[n].region)
            json_array_append_new(regions, region_json(&pci->bars[n], n));
    id = json_pack("{s:i,s:i,s:i,s:i}", "device", get_le16(c + 2), "vendor", get_le16(c), "subsystem",
                   get_le16(c + REG_SUBSYSTEM), "subsystem-vendor", get_le16(c + REG_SUBSYSTEM_VENDOR));
    o = json_pack("{s:i,s:i,s:i,s:i,s:s,s:{s:i,s:s},s:o,s:o}", "bus", 0, "slot", pci->addr >> 3, "function", pci->addr & 7,
                  "irq_pin", c[REG_PIN], "qdev_id", pci->dev.id ? pci->dev.id : "", "class_info", "class",
                  get_le16(c + REG_CLASS), "desc", desc, "id", id, "regions", regions);
    if (c[REG_PIN])
        json_object_set_new(o, "irq", json_integer(c[REG_LINE]));
    g_free(desc);
    return o;
}

static json_t *query_pci(json_t *args, Error **errp)
{
    json_t *devices = json_array();
    if (!pci_root_bus) {
        json_decref(devices);
        return json_array();
    }
    for (unsigned i = 0; i < ARRAY_SIZE(pci_root_bus->functions); i++)
        if (pci_root_bus->functions[i])
            json_array_append_new(devices, function_json(pci_root_bus->functions[i]));
    return json_pack("[{s:i,s:o}]", "bus", 0, "devices", devices);
}

static const QMPCommand commands[] = {
    { "query-pci", "", "[PciInfo]", query_pci, 0 },
};
qmp_commands(commands)
