/* SPDX-License-Identifier: MIT */
/*
 * Saved state: walks a table of fields and writes or reads a flat little-endian image. Numbers keep
 * their width, timers become their expiry time (-1 when inactive), structures nest. An image holds no
 * names: the table is the format, and its total length is checked before anything is touched.
 */
#include "hw/device.h"
#include "hw/pci.h"
#include "util/error.h"
#include "util/timer.h"

#include <glib.h>
#include <string.h>

/* Bytes in the image of one element. */
static size_t element_size(const SavedField *f);

static size_t table_size(const SavedField *t)
{
    size_t n = 0;
    for (; t && t->kind != SK_END; t++)
        n += element_size(t) * t->count;
    return n;
}

static size_t element_size(const SavedField *f)
{
    switch (f->kind) {
    case SK_TIMER: return 8;
    case SK_STRUCT: return table_size(f->sub);
    default: return f->size;
    }
}

static void put_int(uint8_t *out, const void *p, unsigned size)
{
    uint64_t v = 0;
    memcpy(&v, p, size);
    for (unsigned i = 0; i < size; i++)
        out[i] = (uint8_t)(v >> (8 * i));
}

static void get_int(void *p, const uint8_t *in, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t)in[i] << (8 * i);
    memcpy(p, &v, size);
}

static uint8_t *save_table(const SavedField *t, const void *state, uint8_t *out);

static void save_element(const SavedField *f, const void *p, uint8_t *out)
{
    int64_t expire;
    switch (f->kind) {
    case SK_INT: case SK_BOOL:
        put_int(out, p, f->size);
        break;
    case SK_BYTES:
        memcpy(out, p, f->size);
        break;
    case SK_TIMER:
        expire = *(Timer *const *)p ? timer_expire_ns(*(Timer *const *)p) : -1;
        put_int(out, &expire, 8);
        break;
    case SK_STRUCT:
        save_table(f->sub, p, out);
        break;
    }
}

static uint8_t *save_table(const SavedField *t, const void *state, uint8_t *out)
{
    for (; t && t->kind != SK_END; t++) {
        size_t size = element_size(t);
        for (uint32_t i = 0; i < t->count; i++, out += size)
            save_element(t, (const char *)state + t->offset + (size_t)i * t->size, out);
    }
    return out;
}

void saved_fields_save(const SavedField *t, const void *state, uint8_t **buf, size_t *len)
{
    size_t n = table_size(t);
    *buf = g_realloc(*buf, *len + n);
    save_table(t, state, *buf + *len);
    *len += n;
}

static const uint8_t *load_table(const SavedField *t, void *state, const uint8_t *in);

static void load_element(const SavedField *f, void *p, const uint8_t *in)
{
    int64_t expire;
    Timer *timer;
    switch (f->kind) {
    case SK_INT:
        get_int(p, in, f->size);
        break;
    case SK_BOOL: /* whatever another program wrote */
        *(bool *)p = *in != 0;
        break;
    case SK_BYTES:
        memcpy(p, in, f->size);
        break;
    case SK_TIMER:
        timer = *(Timer **)p;
        get_int(&expire, in, 8);
        if (timer && expire >= 0)
            timer_mod(timer, expire);
        else if (timer)
            timer_del(timer);
        break;
    case SK_STRUCT:
        load_table(f->sub, p, in);
        break;
    }
}

static const uint8_t *load_table(const SavedField *t, void *state, const uint8_t *in)
{
    for (; t && t->kind != SK_END; t++) {
        size_t size = element_size(t);
        for (uint32_t i = 0; i < t->count; i++, in += size)
            load_element(t, (char *)state + t->offset + (size_t)i * t->size, in);
    }
    return in;
}

bool saved_fields_load(const SavedField *t, void *state, const uint8_t *buf, size_t len, Error **errp)
{
    size_t want = table_size(t);
    if (len != want) {
        error_setg(errp, "saved state has %zu bytes, expected %zu", len, want);
        return false;
    }
    load_table(t, state, buf);
    return true;
}

/* ---- Whole devices: engine registers, PCI configuration, MSI-X table, then the type's table ---- */

static const SavedField pci_saved[] = {
    SAVED_BYTES(PCIDevice, config),
    SAVED_INT(PCIDevice, irq_level),
    SAVED_END(),
};

void device_save(const Device *dev, uint8_t **buf, size_t *len)
{
    size_t nregs = registers_count(dev->type);
    *buf = g_realloc(*buf, *len + 4 * nregs);
    for (size_t i = 0; i < nregs; i++, *len += 4)
        put_int(*buf + *len, &dev->regs[i], 4);
    if (dev->type->bus == BUS_PCI) {
        size_t msix_len;
        const uint8_t *msix = pci_msix_state((PCIDevice *)dev, &msix_len);
        saved_fields_save(pci_saved, dev, buf, len);
        *buf = g_realloc(*buf, *len + msix_len);
        if (msix_len)
            memcpy(*buf + *len, msix, msix_len);
        *len += msix_len;
    }
    if (dev->type->saved)
        saved_fields_save(dev->type->saved, dev, buf, len);
}

static void load_pci(PCIDevice *pci, const uint8_t *in)
{
    size_t msix_len;
    uint8_t *msix = pci_msix_state(pci, &msix_len);
    in = load_table(pci_saved, pci, in);
    if (msix_len)
        memcpy(msix, in, msix_len);
    pci_device_loaded(pci);
}

bool device_load(Device *dev, const uint8_t *buf, size_t len, Error **errp)
{
    size_t regs = 4 * registers_count(dev->type), pci = 0;
    if (dev->type->bus == BUS_PCI) {
        pci_msix_state((PCIDevice *)dev, &pci);
        pci += table_size(pci_saved);
    }
    size_t want = regs + pci + table_size(dev->type->saved);
    if (len != want) {
        error_setg(errp, "%s: saved state has %zu bytes, expected %zu", dev->type->name, len, want);
        return false;
    }
    for (size_t i = 0; i < regs; i += 4)
        get_int(&dev->regs[i / 4], buf + i, 4);
    if (pci)
        load_pci((PCIDevice *)dev, buf + regs);
    load_table(dev->type->saved, dev, buf + regs + pci);
    if (dev->type->post_load)
        dev->type->post_load(dev);
    return true;
}
