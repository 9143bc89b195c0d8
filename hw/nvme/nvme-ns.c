/* SPDX-License-Identifier: MIT */
/*
 * Namespaces of NVMe controllers (NVM Express Base 1.4, 6.1, 5.15.2): the one that a controller's own drive makes, and nvme-ns devices.
 * Not modelled: metadata, protection information, zones, sharing between controllers.
 */
#include "hw/loader.h"
#include "nvme.h"
#include "util/error.h"
#include "util/guest-random.h"

#include <glib.h>
#include <string.h>

static bool parse_uuid(const char *text, uint8_t *uuid, Error **errp)
{
    unsigned n = 0;
    bool ok = strlen(text) == 36;
    for (const char *p = text; ok && *p && n < 32; p++) {
        int v = g_ascii_xdigit_value(*p);
        if (*p == '-')
            continue;
        ok = v >= 0;
        uuid[n / 2] = (uint8_t)(n % 2 ? uuid[n / 2] | v : v << 4);
        n++;
    }
    if (!ok || n != 32)
        error_setg(errp, "Property 'nvme-ns.uuid' doesn't take value '%s'", text);
    return ok && n == 32;
}

static bool choose_uuid(NVMeNamespace *ns, Error **errp)
{
    if (ns->uuid_text && strcmp(ns->uuid_text, "auto"))
        return parse_uuid(ns->uuid_text, ns->uuid, errp);
    guest_random(ns->uuid, sizeof(ns->uuid));
    ns->uuid[6] = (uint8_t)((ns->uuid[6] & 0x0f) | 0x40); /* random */
    ns->uuid[8] = (uint8_t)((ns->uuid[8] & 0x3f) | 0x80);
    return true;
}

static bool choose_nsid(NVMe *n, NVMeNamespace *ns, Error **errp)
{
    if (!ns->nsid) {
        for (ns->nsid = 1; ns->nsid <= NVME_NAMESPACES_MAX && n->ns[ns->nsid];)
            ns->nsid++;
    }
    if (ns->nsid > NVME_NAMESPACES_MAX) {
        error_setg(errp, "invalid namespace id (must be between 0 and %d)", NVME_NAMESPACES_MAX);
        return false;
    }
    if (n->ns[ns->nsid]) {
        error_setg(errp, "namespace id '%u' already allocated", ns->nsid);
        return false;
    }
    return true;
}

static const BlockDevOps ns_block_ops, nvme_block_ops;

bool nvme_namespace_attach(NVMe *n, NVMeNamespace *ns, Device *dev, Error **errp)
{
    if (!choose_nsid(n, ns, errp) || !choose_uuid(ns, errp))
        return false;
    g_autofree char *leaf = g_strdup_printf("namespace@%x,%llx", ns->nsid, (unsigned long long)ns->eui64);
    if (!block_conf_init(&ns->conf, dev, BLOCK_CONF_READ_ONLY, 512, leaf, dev == &ns->dev ? &ns_block_ops : &nvme_block_ops, errp))
        return false;
    ns->n = n;
    ns->block_shift = (unsigned)__builtin_ctzll(ns->conf.logical_size);
    ns->blocks = blk_size(ns->conf.blk) >> ns->block_shift;
    if (!ns->detached)
        n->ns[ns->nsid] = ns;
    return true;
}

void nvme_namespace_detach(NVMeNamespace *ns, Device *dev)
{
    if (ns->n && ns->n->ns[ns->nsid] == ns)
        ns->n->ns[ns->nsid] = NULL;
    if (ns->n)
        block_conf_cleanup(&ns->conf, dev);
    ns->n = NULL;
}

void nvme_identify_namespace(const NVMeNamespace *ns, uint8_t *b)
{
    uint64_t blocks = ns->blocks;
    for (unsigned i = 0; i < 3; i++) { /* size, capacity, use */
        put_le32(b + 8 * i, (uint32_t)blocks);
        put_le32(b + 8 * i + 4, (uint32_t)(blocks >> 32));
    }
    uint32_t unit = (uint32_t)(ns->conf.discard_granularity >> ns->block_shift);
    b[24] = 1 | 4 | 0x10; /* deallocation, its errors, preferred granularities */
    b[30] = ns->shared ? 1 : 0;
    b[33] = 1 | 8; /* deallocated blocks read as zeroes; write zeroes may deallocate */
    put_le16(b + 64, (uint16_t)(ns->conf.min_io ? (ns->conf.min_io >> ns->block_shift) - 1 : 0));
    put_le16(b + 68, (uint16_t)(unit ? unit - 1 : 0));
    put_le16(b + 70, (uint16_t)(unit ? unit - 1 : 0));
    put_le16(b + 72, (uint16_t)(ns->conf.opt_io ? (ns->conf.opt_io >> ns->block_shift) - 1 : 0));
    for (unsigned i = 0; i < 8; i++)
        b[120 + i] = (uint8_t)(ns->eui64 >> (56 - 8 * i));
    b[128 + 2] = (uint8_t)ns->block_shift;
}

size_t nvme_namespace_descriptors(const NVMeNamespace *ns, uint8_t *b)
{
    enum { NIDT_EUI64 = 1, NIDT_UUID = 3, NIDT_CSI = 4 };
    size_t n = 0;
    b[n] = NIDT_UUID;
    b[n + 1] = 16;
    memcpy(b + n + 4, ns->uuid, 16);
    n += 20;
    if (ns->eui64) {
        b[n] = NIDT_EUI64;
        b[n + 1] = 8;
        for (unsigned i = 0; i < 8; i++)
            b[n + 4 + i] = (uint8_t)(ns->eui64 >> (56 - 8 * i));
        n += 12;
    }
    b[n] = NIDT_CSI;
    b[n + 1] = 1;
    return n + 5;
}

/* ---- nvme-ns ---- */

static void tell_changed(NVMeNamespace *ns)
{
    NVMe *n = ns->n;
    n->changed_ns[(ns->nsid - 1) / 32] |= 1u << ((ns->nsid - 1) % 32);
    nvme_raise_event(n, NVME_EVENT_NAMESPACE, 0);
}

static void resized(void *dev)
{
    NVMeNamespace *ns = dev;
    ns->blocks = blk_size(ns->conf.blk) >> ns->block_shift;
    tell_changed(ns);
}

static const BlockDevOps ns_block_ops = { .io_status = true, .resized = resized }, nvme_block_ops = { .io_status = true };

static bool ns_realize(Device *dev, Error **errp)
{
    NVMeNamespace *ns = (NVMeNamespace *)dev;
    NVMe *n = container_of(dev->parent, NVMe, bus);
    if (ns->eui64_default && !ns->eui64)
        ns->eui64 = 0x5254000000000000ull + n->pci.addr * 256ull + ns->nsid;
    if (!nvme_namespace_attach(n, ns, dev, errp))
        return false;
    tell_changed(ns);
    return true;
}

static void ns_unrealize(Device *dev)
{
    NVMeNamespace *ns = (NVMeNamespace *)dev;
    blk_cancel(ns->conf.blk);
    tell_changed(ns);
    nvme_namespace_detach(ns, dev);
}

static const Property ns_props[] = {
    BLOCK_CONF_PROPS(NVMeNamespace, conf),
    PROP_U32("nsid", NVMeNamespace, nsid, 0),
    PROP_STRING("uuid", NVMeNamespace, uuid_text),
    PROP_U64("eui64", NVMeNamespace, eui64, 0),
    PROP_BOOL("eui64-default", NVMeNamespace, eui64_default, false),
    PROP_BOOL("detached", NVMeNamespace, detached, false),
    PROP_BOOL("shared", NVMeNamespace, shared, true),
    {},
};
static const SavedField ns_saved[] = {
    SAVED_INT(NVMeNamespace, units_read), SAVED_INT(NVMeNamespace, units_written), SAVED_INT(NVMeNamespace, reads),
    SAVED_INT(NVMeNamespace, writes), SAVED_END(),
};
static const DeviceType ns_type = {
    .name = "nvme-ns", .desc = "Virtual NVMe namespace", .bus = BUS_NVME, .category = "Storage devices", .size = sizeof(NVMeNamespace),
    .props = ns_props, .saved = ns_saved, .realize = ns_realize, .unrealize = ns_unrealize,
};
device_type(ns_type)
