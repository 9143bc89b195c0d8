/* SPDX-License-Identifier: MIT */
/*
 * Firmware configuration device (QEMU's docs/specs/fw_cfg.rst is the interface document).
 * "fw_cfg_io": region 0 = 12 ports, to be mapped at 0x510: selector (16 bits), data (byte at offset 1), DMA
 * address (big-endian, offset 4). "fw_cfg_mem" (Arm): region 0 = data (8 bytes), selector (big-endian, offset 8), DMA
 * address (offset 16). Property dma_enabled. The device maps fw_cfg_io into the ISA bus's ports by itself.
 * Reading past an item gives zeros; the guest may store only into items added as writable, by DMA.
 * Not saved: contents of items (the machine builds them again).
 */
#include "hw/fw_cfg.h"
#include "hw/isa.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

typedef struct Item {
    uint16_t key;
    char *name;            /* of a file, or NULL */
    uint8_t *data;
    size_t len;
    bool writable;
    FWCfgCallbacks cb;
} Item;

typedef struct FWCfg {
    Device dev;
    MemoryRegion io;
    GPtrArray *items;      /* Item *, no order */
    GHashTable *by_key;
    Item *selected;        /* NULL: no such item, reads as zeros */
    uint16_t key, next_file;
    uint64_t offset;
    uint64_t dma_address;  /* collected from two halves */
    bool dma_enabled;
} FWCfg;

enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };
enum { ID_TRADITIONAL = 1, ID_DMA = 2 };
enum { DIR_ENTRY = 64, CHUNK = 4096 };
#define DMA_SIGNATURE 0x51454d5520434647ull /* "QEMU CFG" */

static Device *the_fw_cfg;

static FWCfg *fw_cfg_of(Device *dev)
{
    return container_of(dev, FWCfg, dev);
}

Device *fw_cfg_find(void)
{
    return the_fw_cfg;
}

/* ---- Items ---- */

static Item *find_key(FWCfg *s, uint16_t key)
{
    return g_hash_table_lookup(s->by_key, GUINT_TO_POINTER((unsigned)key));
}

static Item *find_name(FWCfg *s, const char *name)
{
    for (unsigned i = 0; i < s->items->len; i++) {
        Item *item = s->items->pdata[i];
        if (item->name && !strncmp(item->name, name, FW_CFG_NAME_MAX))
            return item;
    }
    return NULL;
}

static void set_data(Item *item, const void *data, size_t len)
{
    uint8_t *copy = g_malloc(len + 1);
    if (len)
        memcpy(copy, data, len);
    g_free(item->data);
    item->data = copy;
    item->len = len;
}

static Item *get_item(FWCfg *s, uint16_t key)
{
    Item *item = find_key(s, key);
    if (item)
        return item;
    item = g_new0(Item, 1);
    item->key = key;
    g_ptr_array_add(s->items, item);
    g_hash_table_insert(s->by_key, GUINT_TO_POINTER((unsigned)key), item);
    return item;
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(Item *const *)a)->name, (*(Item *const *)b)->name);
}

static void put_be(uint8_t *p, uint64_t v, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        p[i] = (uint8_t)(v >> (8 * (size - 1 - i)));
}

static uint64_t get_be(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v = v << 8 | p[i];
    return v;
}

/* The directory is an item like others: count, then entries of size, key and name, by name. */
static void rebuild_directory(FWCfg *s)
{
    GPtrArray *files = g_ptr_array_new();
    for (unsigned i = 0; i < s->items->len; i++)
        if (((Item *)s->items->pdata[i])->name)
            g_ptr_array_add(files, s->items->pdata[i]);
    if (files->len)
        qsort(files->pdata, files->len, sizeof(void *), by_name);
    size_t len = 4 + (size_t)files->len * DIR_ENTRY;
    uint8_t *dir = g_malloc0(len);
    put_be(dir, files->len, 4);
    for (unsigned i = 0; i < files->len; i++) {
        const Item *item = files->pdata[i];
        uint8_t *e = dir + 4 + (size_t)i * DIR_ENTRY;
        put_be(e, item->len, 4);
        put_be(e + 4, item->key, 2);
        g_strlcpy((char *)e + 8, item->name, FW_CFG_NAME_MAX + 1);
    }
    set_data(get_item(s, FW_CFG_FILE_DIR), dir, len);
    g_free(dir);
    g_ptr_array_free(files, TRUE);
}

void fw_cfg_add_bytes(Device *dev, uint16_t key, const void *data, size_t len)
{
    set_data(get_item(fw_cfg_of(dev), key), data, len);
}

void fw_cfg_add_string(Device *dev, uint16_t key, const char *text)
{
    fw_cfg_add_bytes(dev, key, text, strlen(text) + 1);
}

static void add_number(Device *dev, uint16_t key, uint64_t value, unsigned size)
{
    uint8_t le[8];
    for (unsigned i = 0; i < size; i++)
        le[i] = (uint8_t)(value >> (8 * i));
    fw_cfg_add_bytes(dev, key, le, size);
}

void fw_cfg_add_i16(Device *dev, uint16_t key, uint16_t value)
{
    add_number(dev, key, value, 2);
}

void fw_cfg_add_i32(Device *dev, uint16_t key, uint32_t value)
{
    add_number(dev, key, value, 4);
}

void fw_cfg_add_i64(Device *dev, uint16_t key, uint64_t value)
{
    add_number(dev, key, value, 8);
}

void fw_cfg_add_file_callback(Device *dev, const char *name, const void *data, size_t len, bool writable,
                              const FWCfgCallbacks *cb)
{
    FWCfg *s = fw_cfg_of(dev);
    Item *item = find_name(s, name);
    if (!item) {
        item = get_item(s, s->next_file++);
        item->name = g_strndup(name, FW_CFG_NAME_MAX);
    }
    set_data(item, data, len);
    item->writable = writable;
    item->cb = cb ? *cb : (FWCfgCallbacks){ 0 };
    rebuild_directory(s);
}

void fw_cfg_add_file(Device *dev, const char *name, const void *data, size_t len)
{
    fw_cfg_add_file_callback(dev, name, data, len, false, NULL);
}

bool fw_cfg_modify_bytes(Device *dev, uint16_t key, const void *data, size_t len)
{
    FWCfg *s = fw_cfg_of(dev);
    Item *item = find_key(s, key);
    if (!item)
        return false;
    bool resized = item->len != len;
    set_data(item, data, len);
    if (item->name && resized)
        rebuild_directory(s);
    return true;
}

bool fw_cfg_modify_file(Device *dev, const char *name, const void *data, size_t len)
{
    Item *item = find_name(fw_cfg_of(dev), name);
    return item && fw_cfg_modify_bytes(dev, item->key, data, len);
}

const uint8_t *fw_cfg_file_data(Device *dev, const char *name, size_t *len)
{
    Item *item = find_name(fw_cfg_of(dev), name);
    *len = item ? item->len : 0;
    return item ? item->data : NULL;
}

/* ---- Reading ---- */

static void select_item(FWCfg *s, uint16_t key)
{
    s->key = key;
    s->offset = 0;
    s->selected = find_key(s, key);
    if (!s->selected)
        log_printf(LOG_TRACE, "fw_cfg: no item 0x%04x\n", key);
    else if (s->selected->cb.select)
        s->selected->cb.select(s->selected->cb.opaque);
}

/* Bytes of the item left at the present offset. */
static uint64_t remaining(const FWCfg *s)
{
    return s->selected && s->offset < s->selected->len ? s->selected->len - s->offset : 0;
}

static uint8_t next_byte(FWCfg *s)
{
    return remaining(s) ? s->selected->data[s->offset++] : 0;
}

/* ---- DMA ---- */

static bool dma_read(FWCfg *s, uint64_t address, uint32_t len)
{
    static const uint8_t zeros[CHUNK];
    uint64_t n = MIN(remaining(s), len);
    if (n && address_space_write(address_space_memory, address, s->selected->data + s->offset, n) != MEMTX_OK)
        return false;
    s->offset += n;
    for (uint64_t done = n; done < len; done += n) {
        n = MIN(len - done, CHUNK);
        if (address_space_write(address_space_memory, address + done, zeros, n) != MEMTX_OK)
            return false;
    }
    return true;
}

static bool dma_write(FWCfg *s, uint64_t address, uint32_t len)
{
    Item *item = s->selected;
    if (!item || !item->writable || len > remaining(s))
        return false;
    if (address_space_read(address_space_memory, address, item->data + s->offset, len) != MEMTX_OK)
        return false;
    uint64_t at = s->offset;
    s->offset += len;
    if (item->cb.write)
        item->cb.write(item->cb.opaque, at, len);
    return true;
}

/* A request in guest memory: control (key in the upper half), length, address; all big-endian. */
static void run_dma(FWCfg *s, uint64_t request)
{
    uint8_t buf[16];
    bool ok = address_space_read(address_space_memory, request, buf, sizeof(buf)) == MEMTX_OK;
    if (!ok) {
        guest_error("fw_cfg: DMA request at unmapped address\n");
        put_be(buf, DMA_ERROR, 4);
        address_space_write(address_space_memory, request, buf, 4);
        return;
    }
    uint32_t control = (uint32_t)get_be(buf, 4), len = (uint32_t)get_be(buf + 4, 4);
    uint64_t address = get_be(buf + 8, 8);
    if (control & DMA_SELECT)
        select_item(s, (uint16_t)(control >> 16));
    if (control & DMA_READ)
        ok = dma_read(s, address, len);
    else if (control & DMA_WRITE)
        ok = dma_write(s, address, len);
    else if (control & DMA_SKIP)
        s->offset += len;
    put_be(buf, ok ? 0 : DMA_ERROR, 4);
    address_space_write(address_space_memory, request, buf, 4);
}

/* offset: 0-7 in the big-endian 64-bit address register; storing its last byte starts the request. */
static void dma_store(FWCfg *s, hwaddr offset, uint64_t value, unsigned size)
{
    int shift = (int)(8 - offset - size) * 8;
    if (!s->dma_enabled || shift < 0)
        return;
    uint64_t mask = size == 8 ? ~0ull : (1ull << (8 * size)) - 1;
    s->dma_address = (s->dma_address & ~(mask << shift)) | (value & mask) << shift;
    if (shift)
        return;
    uint64_t request = s->dma_address;
    s->dma_address = 0;
    run_dma(s, request);
}

static uint64_t dma_load(const FWCfg *s, hwaddr offset, unsigned size)
{
    int shift = (int)(8 - offset - size) * 8;
    if (!s->dma_enabled || shift < 0)
        return 0;
    return DMA_SIGNATURE >> shift & (size == 8 ? ~0ull : (1ull << (8 * size)) - 1);
}

static uint64_t swap_bytes(uint64_t v, unsigned size)
{
    uint8_t b[8];
    put_be(b, v, size);
    uint64_t r = 0;
    for (unsigned i = 0; i < size; i++)
        r |= (uint64_t)b[i] << (8 * i);
    return r;
}

/* ---- Ports ---- */

enum { IO_SELECTOR = 0, IO_DATA = 1, IO_DMA = 4, IO_SIZE = 12 };

static uint64_t io_read(void *opaque, hwaddr offset, unsigned size)
{
    FWCfg *s = opaque;
    if (offset >= IO_DMA)
        return swap_bytes(dma_load(s, offset - IO_DMA, size), size);
    return offset <= IO_DATA && size == 1 ? next_byte(s) : 0;
}

static void io_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    FWCfg *s = opaque;
    if (offset == IO_SELECTOR && size == 2)
        select_item(s, (uint16_t)value);
    else if (offset >= IO_DMA)
        dma_store(s, offset - IO_DMA, swap_bytes(value, size), size);
}

static const MemoryRegionOps io_ops = {
    .read = io_read, .write = io_write, .valid_min = 1, .valid_max = 8, .impl_min = 1, .impl_max = 8,
};

/* ---- Memory-mapped registers (big-endian) ---- */

enum { MEM_DATA = 0, MEM_SELECTOR = 8, MEM_DMA = 16, MEM_SIZE = 24 };

static uint64_t mem_read(void *opaque, hwaddr offset, unsigned size)
{
    FWCfg *s = opaque;
    uint64_t v = 0;
    if (offset >= MEM_DMA)
        return dma_load(s, offset - MEM_DMA, size);
    for (unsigned i = 0; offset < MEM_SELECTOR && i < size; i++)
        v = v << 8 | next_byte(s);
    return v;
}

static void mem_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    FWCfg *s = opaque;
    if (offset == MEM_SELECTOR && size == 2)
        select_item(s, (uint16_t)value);
    else if (offset >= MEM_DMA)
        dma_store(s, offset - MEM_DMA, value, size);
}

static const MemoryRegionOps mem_ops = {
    .read = mem_read, .write = mem_write, .endian = ENDIAN_BIG,
    .valid_min = 1, .valid_max = 8, .impl_min = 1, .impl_max = 8,
};

/* ---- Device ---- */

static void fw_cfg_reset(Device *dev)
{
    FWCfg *s = fw_cfg_of(dev);
    select_item(s, FW_CFG_SIGNATURE);
    s->dma_address = 0;
}

static void fw_cfg_init(FWCfg *s)
{
    s->items = g_ptr_array_new();
    s->by_key = g_hash_table_new(NULL, NULL);
    s->next_file = FW_CFG_FILE_FIRST;
    fw_cfg_add_bytes(&s->dev, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_i32(&s->dev, FW_CFG_ID, ID_TRADITIONAL | (s->dma_enabled ? ID_DMA : 0));
    rebuild_directory(s);
    fw_cfg_reset(&s->dev);
    the_fw_cfg = &s->dev;
}

static bool fw_cfg_io_realize(Device *dev, Error **errp)
{
    FWCfg *s = fw_cfg_of(dev);
    memory_region_init_io(&s->io, dev, &io_ops, s, "fwcfg", IO_SIZE);
    isa_register_ioport(dev, &s->io, 0x510);
    fw_cfg_init(s);
    return true;
}

static bool fw_cfg_mem_realize(Device *dev, Error **errp)
{
    FWCfg *s = fw_cfg_of(dev);
    memory_region_init_io(&s->io, dev, &mem_ops, s, "fwcfg", MEM_SIZE);
    device_add_region(dev, &s->io);
    fw_cfg_init(s);
    return true;
}

static void fw_cfg_unrealize(Device *dev)
{
    FWCfg *s = fw_cfg_of(dev);
    for (unsigned i = 0; i < s->items->len; i++) {
        Item *item = s->items->pdata[i];
        g_free(item->name);
        g_free(item->data);
        g_free(item);
    }
    g_ptr_array_free(s->items, TRUE);
    g_hash_table_destroy(s->by_key);
    if (the_fw_cfg == dev)
        the_fw_cfg = NULL;
}

/* The selection is saved by number; its callback has run before the state was saved. */
static void fw_cfg_post_load(Device *dev)
{
    FWCfg *s = fw_cfg_of(dev);
    s->selected = find_key(s, s->key);
}

static const SavedField fw_cfg_saved[] = {
    SAVED_INT(FWCfg, key), SAVED_INT(FWCfg, offset), SAVED_INT(FWCfg, dma_address), SAVED_END(),
};
static const Property fw_cfg_props[] = { PROP_BOOL("dma_enabled", FWCfg, dma_enabled, true), {} };

static const DeviceType fw_cfg_io_type = {
    .name = "fw_cfg_io", .bus = BUS_SYSTEM, .internal = true, .category = "Misc devices", .size = sizeof(FWCfg),
    .props = fw_cfg_props, .saved = fw_cfg_saved, .realize = fw_cfg_io_realize, .unrealize = fw_cfg_unrealize,
    .reset = fw_cfg_reset, .post_load = fw_cfg_post_load,
};
device_type(fw_cfg_io_type)

static const DeviceType fw_cfg_mem_type = {
    .name = "fw_cfg_mem", .bus = BUS_SYSTEM, .internal = true, .category = "Misc devices", .size = sizeof(FWCfg),
    .props = fw_cfg_props, .saved = fw_cfg_saved, .realize = fw_cfg_mem_realize, .unrealize = fw_cfg_unrealize,
    .reset = fw_cfg_reset, .post_load = fw_cfg_post_load,
};
device_type(fw_cfg_mem_type)
