/* SPDX-License-Identifier: MIT */
/*
 * "vmcoreinfo" (QEMU's docs/specs/vmcoreinfo.rst): a writable fw_cfg file in which the guest's kernel says where its vmcoreinfo
 * note lies, so that memory dumps can have it. The file: formats that the host reads and the guest wrote (16 bits each), size (32)
 * and physical address (64) of the note, little-endian.
 */
#include "hw/vmcoreinfo.h"
#include "hw/fw_cfg.h"
#include "util/error.h"

#include <glib.h>
#include <string.h>

#define FILE_NAME "etc/vmcoreinfo"
enum { FILE_SIZE = 16 };

typedef struct VMCoreInfoDevice {
    Device dev;
    uint8_t file[FILE_SIZE]; /* as the guest wrote it last */
    uint8_t told;
} VMCoreInfoDevice;

static VMCoreInfoDevice *the_device;

static uint64_t get_le(const uint8_t *p, unsigned bytes)
{
    uint64_t v = 0;
    while (bytes--)
        v = v << 8 | p[bytes];
    return v;
}

/* Only a write of the whole file counts. */
static void guest_wrote(void *opaque, uint64_t offset, uint64_t len)
{
    VMCoreInfoDevice *s = opaque;
    size_t size;
    const uint8_t *file = fw_cfg_file_data(fw_cfg_find(), FILE_NAME, &size);
    if (file && size == FILE_SIZE)
        memcpy(s->file, file, FILE_SIZE);
    s->told = offset == 0 && len == FILE_SIZE && get_le(s->file + 2, 2) != VMCOREINFO_FORMAT_NONE;
}

static void vmcoreinfo_reset(Device *dev)
{
    VMCoreInfoDevice *s = (VMCoreInfoDevice *)dev;
    memset(s->file, 0, FILE_SIZE);
    s->file[0] = VMCOREINFO_FORMAT_ELF;
    s->told = false;
    fw_cfg_modify_file(fw_cfg_find(), FILE_NAME, s->file, FILE_SIZE);
}

static void vmcoreinfo_post_load(Device *dev)
{
    VMCoreInfoDevice *s = (VMCoreInfoDevice *)dev;
    fw_cfg_modify_file(fw_cfg_find(), FILE_NAME, s->file, FILE_SIZE);
}

static bool vmcoreinfo_realize(Device *dev, Error **errp)
{
    VMCoreInfoDevice *s = (VMCoreInfoDevice *)dev;
    Device *fw_cfg = fw_cfg_find();
    char *dma = fw_cfg ? device_get(fw_cfg, "dma_enabled") : NULL;
    bool ok = false;
    if (the_device)
        error_setg(errp, "at most one vmcoreinfo device is permitted");
    else if (!dma || (strcmp(dma, "on") && strcmp(dma, "true")))
        error_setg(errp, "vmcoreinfo device requires fw_cfg with DMA");
    else
        ok = true;
    g_free(dma);
    if (!ok)
        return false;
    FWCfgCallbacks cb = { .write = guest_wrote, .opaque = s };
    fw_cfg_add_file_callback(fw_cfg, FILE_NAME, s->file, FILE_SIZE, true, &cb);
    the_device = s;
    vmcoreinfo_reset(dev);
    return true;
}

/* Files cannot be taken away again: this one becomes read-only. */
static void vmcoreinfo_unrealize(Device *dev)
{
    if (the_device != (VMCoreInfoDevice *)dev)
        return;
    if (fw_cfg_find())
        fw_cfg_add_file(fw_cfg_find(), FILE_NAME, the_device->file, FILE_SIZE);
    the_device = NULL;
}

bool vmcoreinfo_get(VMCoreInfo *out)
{
    if (!the_device || !the_device->told)
        return false;
    const uint8_t *f = the_device->file;
    *out = (VMCoreInfo){ (uint16_t)get_le(f + 2, 2), (uint32_t)get_le(f + 4, 4), get_le(f + 8, 8) };
    return true;
}

static const SavedField vmcoreinfo_saved[] = {
    SAVED_BYTES(VMCoreInfoDevice, file), SAVED_INT(VMCoreInfoDevice, told), SAVED_END(),
};
static const DeviceType vmcoreinfo_type = {
    .name = "vmcoreinfo", .bus = BUS_NONE, .category = "Misc devices", .size = sizeof(VMCoreInfoDevice), .saved = vmcoreinfo_saved,
    .realize = vmcoreinfo_realize, .unrealize = vmcoreinfo_unrealize, .reset = vmcoreinfo_reset, .post_load = vmcoreinfo_post_load,
};
device_type(vmcoreinfo_type)
