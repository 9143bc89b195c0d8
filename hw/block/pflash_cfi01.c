/* SPDX-License-Identifier: MIT */
/*
 * Parallel NOR flash with the Intel command set (JEDEC JESD68.01 CFI, Intel StrataFlash J3 data sheet, primary
 * command set 1). Region 0; a bank of chips side by side: properties width (bytes of the bank), device-width (bytes of
 * a chip, 0 = width), num-blocks, sector-length (of the bank), id0-id3, name. In read-array mode guests read and
 * execute the contents directly; any command opens the register view until the guest returns to it. Programming
 * clears bits, erasing sets them, both at once. Contents live in memory, filled by the board (pflash_data) or from the
 * property drive, to which changes are written. Property secure: only vCPUs in system management mode reach the commands; others
 * read contents, and their stores are ignored.
 * Not modelled: suspend, protection registers, permanent locks, burst modes.
 */
#include "hw/pflash.h"
#include "block/block.h"
#include "cpu.h"
#include "util/error.h"
#include "util/log.h"

#include <glib.h>
#include <string.h>

enum { CMD_READ_ARRAY = 0xff, CMD_READ_ARRAY_AMD = 0xf0, CMD_PROGRAM = 0x40, CMD_PROGRAM_ALT = 0x10, CMD_ERASE = 0x20,
       CMD_ERASE_ALT = 0x28, CMD_CLEAR_STATUS = 0x50, CMD_LOCK = 0x60, CMD_READ_STATUS = 0x70, CMD_READ_ID = 0x90,
       CMD_QUERY = 0x98, CMD_BUFFER = 0xe8, CMD_CONFIRM = 0xd0 };
enum { STATUS_READY = 0x80, STATUS_SEQUENCE = 0x30, STATUS_PROTECT = 0x02 };
enum { MODE_ARRAY, MODE_STATUS, MODE_ID, MODE_QUERY };
#define QUERY_SIZE 0x40
#define BUFFER_MAX 2048

typedef struct PFlash {
    Device dev;
    char *name;
    BlockBackend *blk;
    bool secure;
    uint32_t blocks, width, device_width;
    uint64_t sector;
    uint16_t id[4];
    uint8_t query[QUERY_SIZE];
    MemoryRegion bank, array, view;
    uint32_t buffer_size;          /* bytes of the bank's write buffer */
    /* state */
    uint8_t mode, command, cycle;  /* command whose cycle is awaited, 0 = none */
    uint8_t status;
    uint32_t buffer_left;          /* words of a buffered write to come */
    uint64_t buffer_base;
    uint8_t buffer[BUFFER_MAX];
} PFlash;

static uint8_t *contents(PFlash *s)
{
    return memory_region_ram_ptr(&s->array);
}

uint8_t *pflash_data(Device *dev, uint64_t *size)
{
    PFlash *s = (PFlash *)dev;
    *size = s->array.size;
    return contents(s);
}

static void set_mode(PFlash *s, uint8_t mode)
{
    s->mode = mode;
    if (s->view.enabled != (mode != MODE_ARRAY))
        memory_region_set_enabled(&s->view, mode != MODE_ARRAY);
}

/* The same on the lanes of each chip of the bank. */
static uint64_t on_all_chips(const PFlash *s, uint32_t value, unsigned size)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < size; i += s->device_width)
        v |= (uint64_t)value << (8 * i);
    return v;
}

/* ---- Reading ---- */

static uint32_t read_id(const PFlash *s, uint64_t word)
{
    uint64_t in_block = word % (s->sector / s->width);
    return in_block < 2 ? s->id[in_block] : 0; /* [2]: no block is locked */
}

static bool may_command(const PFlash *s)
{
    return !s->secure || (current_cpu && current_cpu->secure);
}

static uint64_t view_read(void *opaque, hwaddr offset, unsigned size)
{
    PFlash *s = opaque;
    uint64_t word = offset / s->width, v = 0;
    switch (may_command(s) ? s->mode : MODE_ARRAY) {
    case MODE_STATUS: return on_all_chips(s, s->status, size);
    case MODE_ID: return on_all_chips(s, read_id(s, word), size);
    case MODE_QUERY: return word < QUERY_SIZE ? on_all_chips(s, s->query[word], size) : 0;
    default:
        memcpy(&v, contents(s) + offset, size);
        return v;
    }
}

/* ---- Changing contents ---- */

/* To RAM's bookkeeping and to the drive. What the drive refuses is lost at the end, as with a worn chip. */
static void contents_changed(PFlash *s, uint64_t offset, uint64_t len)
{
    ram_written(s->array.ram, offset, len);
    if (s->blk && !blk_read_only(s->blk) && blk_pwrite(s->blk, offset, contents(s) + offset, len) < 0)
        guest_error("%s: writing the drive failed\n", s->name);
}

static void program(PFlash *s, uint64_t offset, const uint8_t *data, unsigned len)
{
    uint8_t *p = contents(s) + offset;
    for (unsigned i = 0; i < len; i++)
        p[i] &= data[i];
    contents_changed(s, offset, len);
}

static void erase(PFlash *s, uint64_t offset)
{
    uint64_t start = offset - offset % s->sector;
    memset(contents(s) + start, 0xff, s->sector);
    contents_changed(s, start, s->sector);
}

/* ---- Commands ---- */

static void end_command(PFlash *s, uint8_t errors)
{
    s->command = s->cycle = 0;
    s->status |= STATUS_READY | errors;
    set_mode(s, MODE_STATUS);
}

static void first_cycle(PFlash *s, uint8_t command)
{
    switch (command) {
    case CMD_READ_ARRAY: case CMD_READ_ARRAY_AMD: case 0: set_mode(s, MODE_ARRAY); break;
    case CMD_CLEAR_STATUS: s->status = 0; set_mode(s, MODE_ARRAY); break; /* the bit of readiness, too: OVMF knows flash by that */
    case CMD_READ_STATUS: set_mode(s, MODE_STATUS); break;
    case CMD_READ_ID: set_mode(s, MODE_ID); break;
    case CMD_QUERY: set_mode(s, MODE_QUERY); break;
    case CMD_PROGRAM: case CMD_PROGRAM_ALT: case CMD_ERASE: case CMD_ERASE_ALT: case CMD_LOCK: case CMD_BUFFER:
        s->command = command;
        s->cycle = 1;
        s->status |= STATUS_READY;
        set_mode(s, MODE_STATUS);
        break;
    default:
        guest_error("%s: unknown flash command 0x%02x\n", s->name, command);
        set_mode(s, MODE_ARRAY);
    }
}

/* A buffered write: word count - 1, the words, confirmation. They stay within one aligned buffer. */
static void buffer_cycle(PFlash *s, uint64_t offset, uint64_t value, unsigned size)
{
    if (s->cycle == 1) {
        s->buffer_left = (value & 0xffff) + 1;
        s->buffer_base = offset - offset % s->buffer_size;
        memset(s->buffer, 0xff, sizeof(s->buffer));
        s->cycle = 2;
    } else if (s->buffer_left) {
        uint64_t at = offset - s->buffer_base;
        if (at >= s->buffer_size || size > s->buffer_size - at) {
            end_command(s, STATUS_SEQUENCE);
            return;
        }
        memcpy(s->buffer + at, &value, size);
        s->buffer_left--;
    } else if ((value & 0xff) == CMD_CONFIRM) {
        program(s, s->buffer_base, s->buffer, s->buffer_size);
        end_command(s, 0);
    } else {
        end_command(s, STATUS_SEQUENCE);
    }
}

static void flash_write(void *opaque, hwaddr offset, uint64_t value, unsigned size)
{
    PFlash *s = opaque;
    uint8_t low = (uint8_t)value;
    if (!may_command(s)) {
        guest_error("%s: store from outside SMM\n", s->name);
        return;
    }
    switch (s->command) {
    case 0: first_cycle(s, low); break;
    case CMD_PROGRAM: case CMD_PROGRAM_ALT:
        program(s, offset, (const uint8_t *)&value, size);
        end_command(s, 0);
        break;
    case CMD_ERASE: case CMD_ERASE_ALT:
        if (low == CMD_CONFIRM)
            erase(s, offset);
        end_command(s, low == CMD_CONFIRM ? 0 : STATUS_SEQUENCE);
        break;
    case CMD_LOCK: end_command(s, 0); break; /* locks are accepted and not kept */
    case CMD_BUFFER: buffer_cycle(s, offset, value, size); break;
    }
}

static const MemoryRegionOps view_ops = { .read = view_read, .write = flash_write, .valid_min = 1, .valid_max = 8,
                                          .impl_min = 1, .impl_max = 4 };

/* ---- Device ---- */

static unsigned log2_of(uint64_t v)
{
    return 63 - (unsigned)__builtin_clzll(v);
}

/* CFI query: identification, voltages and times, geometry of one region of equal blocks, Intel's extension at 0x31. */
static void fill_query(PFlash *s)
{
    unsigned chips = s->width / s->device_width;
    uint64_t sector = s->sector / chips, size = sector * s->blocks;
    static const uint8_t head[] = { 'Q', 'R', 'Y', 1, 0, 0x31, 0, 0, 0, 0, 0, 0x45, 0x55, 0, 0, 7, 7, 10, 0, 4, 4, 4, 0 };
    memcpy(s->query + 0x10, head, sizeof(head));
    s->query[0x27] = (uint8_t)log2_of(size);
    s->query[0x28] = s->device_width > 1 ? 2 : 0; /* x8/x16 */
    s->query[0x2a] = (uint8_t)log2_of(s->buffer_size / chips);
    s->query[0x2c] = 1;
    s->query[0x2d] = (uint8_t)(s->blocks - 1);
    s->query[0x2e] = (uint8_t)((s->blocks - 1) >> 8);
    s->query[0x2f] = (uint8_t)(sector >> 8);
    s->query[0x30] = (uint8_t)(sector >> 16);
    memcpy(s->query + 0x31, "PRI10", 5);
}

static bool check_geometry(PFlash *s, Error **errp)
{
    if (!s->device_width)
        s->device_width = s->width;
    bool widths = (s->width == 1 || s->width == 2 || s->width == 4) &&
                  (s->device_width == 1 || s->device_width == 2 || s->device_width == 4) && s->device_width <= s->width;
    bool sector = s->sector >= 4096 && s->sector <= 16 * MiB && !(s->sector & (s->sector - 1));
    if (widths && sector && s->blocks >= 1 && s->blocks <= 65536 && s->sector * s->blocks <= GiB)
        return true;
    error_setg(errp, "cfi.pflash01: impossible geometry: width %u, device-width %u, %u blocks of %llu bytes", s->width,
               s->device_width, s->blocks, (unsigned long long)s->sector);
    return false;
}

static bool load_drive(PFlash *s, Error **errp)
{
    uint64_t size = s->array.size;
    if (!s->blk)
        return true;
    if (blk_size(s->blk) != size) {
        error_setg(errp, "device requires %llu bytes, block backend provides %llu bytes", (unsigned long long)size,
                   (unsigned long long)blk_size(s->blk));
        return false;
    }
    int err = blk_attach(s->blk, &s->dev, NULL, errp) ? 0 : -1;
    if (!err && (err = blk_pread(s->blk, 0, contents(s), size)) < 0) {
        error_setg_errno(errp, -err, "can't read block backend '%s'", blk_name(s->blk));
        blk_detach(s->blk, &s->dev);
    }
    return err >= 0;
}

static bool pflash_realize(Device *dev, Error **errp)
{
    PFlash *s = (PFlash *)dev;
    if (!s->name)
        s->name = g_strdup("pflash");
    if (!check_geometry(s, errp))
        return false;
    uint64_t size = s->sector * s->blocks;
    s->buffer_size = 32 * s->width;
    s->status = STATUS_READY;
    fill_query(s);
    if (!memory_region_init_rom(&s->array, dev, s->name, size, errp))
        return false;
    s->array.ops = &view_ops; /* stores to the array are commands */
    s->array.opaque = s;
    memory_region_init(&s->bank, dev, s->name, size);
    memory_region_init_io(&s->view, dev, &view_ops, s, s->name, size);
    memory_region_add(&s->bank, 0, &s->array);
    memory_region_add_overlap(&s->bank, 0, &s->view, 1);
    memory_region_set_enabled(&s->view, false);
    device_add_region(dev, &s->bank);
    device_add_region(dev, &s->array);
    device_add_region(dev, &s->view);
    return load_drive(s, errp);
}

static void pflash_unrealize(Device *dev)
{
    PFlash *s = (PFlash *)dev;
    if (s->blk)
        blk_detach(s->blk, dev);
}

static void pflash_reset(Device *dev)
{
    PFlash *s = (PFlash *)dev;
    s->command = s->cycle = 0;
    s->status = STATUS_READY;
    set_mode(s, MODE_ARRAY);
}

static void pflash_post_load(Device *dev)
{
    PFlash *s = (PFlash *)dev;
    uint64_t size = s->array.size;
    s->cycle &= 3;
    s->buffer_base = s->buffer_base % size / s->buffer_size * s->buffer_size;
    set_mode(s, s->mode & 3);
}

static const Property pflash_props[] = {
    PROP_DRIVE("drive", PFlash, blk), PROP_STRING("name", PFlash, name), PROP_U32("num-blocks", PFlash, blocks, 0), PROP_U32("width", PFlash, width, 4),
    PROP_U32("device-width", PFlash, device_width, 0), PROP_U64("sector-length", PFlash, sector, 0),
    PROP_U16("id0", PFlash, id[0], 0x89), PROP_U16("id1", PFlash, id[1], 0x18), PROP_U16("id2", PFlash, id[2], 0),
    PROP_U16("id3", PFlash, id[3], 0), PROP_BOOL("secure", PFlash, secure, false), {},
};
static const SavedField pflash_saved[] = {
    SAVED_INT(PFlash, mode), SAVED_INT(PFlash, command), SAVED_INT(PFlash, cycle), SAVED_INT(PFlash, status),
    SAVED_INT(PFlash, buffer_left), SAVED_INT(PFlash, buffer_base), SAVED_BYTES(PFlash, buffer), SAVED_END(),
};
static const DeviceType pflash_type = {
    .name = "cfi.pflash01", .desc = "Parallel NOR flash, Intel command set", .bus = BUS_SYSTEM,
    .category = "Storage devices", .internal = true, .size = sizeof(PFlash), .props = pflash_props,
    .saved = pflash_saved, .realize = pflash_realize, .unrealize = pflash_unrealize, .reset = pflash_reset, .post_load = pflash_post_load,
};
device_type(pflash_type)
