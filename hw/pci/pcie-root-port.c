/* SPDX-License-Identifier: MIT */
/*
 * PCI Express root port "pcie-root-port" (PCI Express Base 4.0, 7.5): a bridge whose secondary bus is the link to one device,
 * with a hot-plug slot. BAR 0: MSI-X of one vector, for slot events. Properties: chassis and slot (a pair is used once), port,
 * hotplug; bus-reserve and the like are read by firmware of other machines and kept only. A device that comes or goes while the guest
 * runs changes presence and link state: removal is a surprise to the guest, which its drivers know how to take.
 * Not modelled: error reporting, access control services, the indicators' light, power that the guest takes from a slot.
 */
#include "hw/pci.h"
#include "util/error.h"

#include <glib.h>

enum { ROOT_CONTROL = 0x1c, SLOT_CAP = 0x14, SLOT_CONTROL = 0x18, SLOT_STATUS = 0x1a, LINK_STATUS = 0x12, FLAGS = 0x02, ROOT_STATUS = 0x20 };
enum { /* slot capabilities */
    CAP_BUTTON = 1 << 0, CAP_POWER = 1 << 1, CAP_ATTENTION_LED = 1 << 3, CAP_POWER_LED = 1 << 4, CAP_SURPRISE = 1 << 5, CAP_HOTPLUG = 1 << 6,
};
enum { EVENT_PRESENCE = 1 << 3, EVENT_COMMAND = 1 << 4, EVENT_LINK = 1 << 8, ENABLE_HOTPLUG = 1 << 5, ENABLE_LINK = 1 << 12 };
enum { LINK_ACTIVE = 1 << 13, STATUS_PRESENT = 1 << 6, STATUS_EVENTS = 0x11f, SLOT_LEDS_OFF = 0x3c0 };

typedef struct RootPort {
    PCIBridge bridge;
    uint8_t port, chassis;
    uint16_t slot, aer_log_max;
    bool hotplug, native_hotplug, power_controller, disable_acs, migrate_msix;
    uint32_t bus_reserve;
    uint64_t io_reserve, mem_reserve, pref32_reserve, pref64_reserve;
    int speed, width;
    bool asking; /* an enabled event stands */
} RootPort;

static GPtrArray *ports; /* RootPort *: who has which chassis and slot */

static uint8_t *express(RootPort *s, unsigned reg)
{
    return s->bridge.pci.config + s->bridge.pci.express_cap + reg;
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

/* What the slot and the link show of the device that is there. */
static void update_presence(RootPort *s)
{
    bool present = s->bridge.bus.functions[0] != NULL;
    uint8_t *status = express(s, SLOT_STATUS), *link = express(s, LINK_STATUS);
    *status = (uint8_t)((*status & ~STATUS_PRESENT) | (present ? STATUS_PRESENT : 0));
    link[1] = (uint8_t)((link[1] & ~(LINK_ACTIVE >> 8)) | (present ? LINK_ACTIVE >> 8 : 0));
}

/* One vector for all that the slot tells (6.7.3.4). */
static void update_interrupt(RootPort *s)
{
    PCIDevice *pci = &s->bridge.pci;
    unsigned control = express(s, SLOT_CONTROL)[0] | express(s, SLOT_CONTROL)[1] << 8;
    unsigned status = express(s, SLOT_STATUS)[0] | express(s, SLOT_STATUS)[1] << 8;
    unsigned enabled = (control & 0x1f) | (control & ENABLE_LINK ? EVENT_LINK : 0);
    bool level = (control & ENABLE_HOTPLUG) && (status & enabled);
    bool news = level && !s->asking;
    s->asking = level;
    if (!pci_msi_enabled(pci))
        pci_set_irq(pci, level);
    else if (news)
        pci_msi_send(pci, 0);
}

static void slot_event(RootPort *s, unsigned events)
{
    uint8_t *status = express(s, SLOT_STATUS);
    status[0] |= (uint8_t)events;
    status[1] |= (uint8_t)(events >> 8);
    update_interrupt(s);
}

/* A device came or went. */
static void link_changed(PCIBus *bus)
{
    RootPort *s = (RootPort *)bus->bridge;
    update_presence(s);
    if (s->hotplug)
        slot_event(s, EVENT_PRESENCE | EVENT_LINK);
}

static void port_config_read(PCIDevice *pci, uint32_t addr, unsigned size)
{
    update_presence((RootPort *)pci);
}

static void port_config_write(PCIDevice *pci, uint32_t addr, uint32_t value, unsigned size)
{
    RootPort *s = (RootPort *)pci;
    unsigned control = pci->express_cap + SLOT_CONTROL, status = pci->express_cap + SLOT_STATUS;
    pci_bridge_config_written(&s->bridge, addr, size);
    if (addr < control + 2 && addr + size > control)
        slot_event(s, EVENT_COMMAND); /* commands take no time */
    else if (addr < status + 2 && addr + size > status)
        update_interrupt(s);
}

static void port_reset(Device *dev)
{
    RootPort *s = (RootPort *)dev;
    pci_bridge_reset(&s->bridge);
    put16(express(s, SLOT_CONTROL), SLOT_LEDS_OFF);
    put16(express(s, SLOT_STATUS), 0);
    update_presence(s);
    s->asking = false;
    update_interrupt(s);
}

static bool claim_slot(RootPort *s, Error **errp)
{
    if (!ports)
        ports = g_ptr_array_new();
    for (unsigned i = 0; i < ports->len; i++) {
        const RootPort *other = g_ptr_array_index(ports, i);
        if (other->chassis == s->chassis && other->slot == s->slot) {
            error_setg(errp, "Can't add chassis slot, error -16");
            return false;
        }
    }
    g_ptr_array_add(ports, s);
    return true;
}

static void add_slot(RootPort *s)
{
    PCIDevice *pci = &s->bridge.pci;
    uint8_t at = pci->express_cap;
    uint32_t cap = (uint32_t)(s->slot & 0x1fff) << 19;
    if (s->hotplug)
        cap |= CAP_HOTPLUG | CAP_SURPRISE | CAP_BUTTON | CAP_ATTENTION_LED | CAP_POWER_LED | (s->power_controller ? CAP_POWER : 0);
    put16(pci->config + at + SLOT_CAP, cap & 0xffff);
    put16(pci->config + at + SLOT_CAP + 2, cap >> 16);
    put16(pci->writable + at + SLOT_CONTROL, 0x1fff & ~0x800);
    put16(pci->w1c + at + SLOT_STATUS, STATUS_EVENTS);
    put16(pci->writable + at + ROOT_CONTROL, 0x1f);
    pci->w1c[at + ROOT_STATUS + 2] = 1;
}

static bool port_realize(Device *dev, Error **errp)
{
    RootPort *s = (RootPort *)dev;
    PCIDevice *pci = &s->bridge.pci;
    static unsigned count;
    if (!pci->bus->express || pci->bus->bridge) {
        error_setg(errp, "pcie-root-port can only be plugged into a root bus of PCI Express");
        return false;
    }
    if (!claim_slot(s, errp))
        return false;
    if (!pci_msix_init(pci, 1, 0) || !pci_express_init(pci, PCI_EXPRESS_ROOT_PORT)) {
        g_ptr_array_remove(ports, s);
        error_setg(errp, "pcie-root-port: no room for capabilities");
        return false;
    }
    g_autofree char *name = dev->id ? g_strdup(dev->id) : g_strdup_printf("pcie.%u", ++count);
    pci_bridge_init(&s->bridge, name, true);
    s->bridge.bus.changed = link_changed;
    add_slot(s);
    pci->config_write = port_config_write;
    pci->config_read = port_config_read;
    return true;
}

static void port_unrealize(Device *dev)
{
    RootPort *s = (RootPort *)dev;
    g_ptr_array_remove(ports, s);
    pci_bridge_exit(&s->bridge);
}

static void port_loaded(Device *dev)
{
    pci_bridge_loaded((PCIBridge *)dev);
    update_presence((RootPort *)dev);
}

static const char *const speeds[] = { "2_5", "5", "8", "16", NULL };
static const char *const widths[] = { "1", "2", "4", "8", "12", "16", "32", NULL };
static const Property port_props[] = {
    PROP_BOOL("x-migrate-msix", RootPort, migrate_msix, true), PROP_U32("bus-reserve", RootPort, bus_reserve, UINT32_MAX),
    PROP_SIZE("io-reserve", RootPort, io_reserve, UINT64_MAX), PROP_SIZE("mem-reserve", RootPort, mem_reserve, UINT64_MAX),
    PROP_SIZE("pref32-reserve", RootPort, pref32_reserve, UINT64_MAX), PROP_SIZE("pref64-reserve", RootPort, pref64_reserve, UINT64_MAX),
    PROP_ENUM("x-speed", RootPort, speed, 3, speeds), PROP_ENUM("x-width", RootPort, width, 6, widths),
    PROP_BOOL("power_controller_present", RootPort, power_controller, true), PROP_BOOL("disable-acs", RootPort, disable_acs, false),
    PROP_U8("chassis", RootPort, chassis, 0), PROP_U16("slot", RootPort, slot, 0), PROP_BOOL("hotplug", RootPort, hotplug, true),
    PROP_BOOL("x-native-hotplug", RootPort, native_hotplug, true), PROP_U8("port", RootPort, port, 0),
    PROP_U16("aer_log_max", RootPort, aer_log_max, 8), {},
};
static const SavedField port_saved[] = { SAVED_INT(RootPort, bridge.pins), SAVED_INT(RootPort, asking), SAVED_END() };
static const PCIClass port_class = {
    .vendor = 0x1b36, .device = 0x000c, .class_code = 0x060400, .interrupt_pin = 1, .header_type = 1,
};
static const DeviceType port_type = {
    .name = "pcie-root-port", .desc = "PCI Express Root Port", .bus = BUS_PCI, .category = "Controller/Bridge/Hub devices",
    .size = sizeof(RootPort), .props = port_props, .saved = port_saved, .class_data = &port_class, .realize = port_realize,
    .unrealize = port_unrealize, .reset = port_reset, .post_load = port_loaded,
};
device_type(port_type)
